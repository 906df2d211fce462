package api

import "enishi"

// broadcastPeople is the condition for the people behind a number of a broadcast: whom it reaches by a channel, or who is left out for
// a reason. As long as it is a draft they are those of its sheet, afterwards those of the decisions.
func (a *API) broadcastPeople(in *peopleInput) (cond string, args []any, err error) {
	_, b, err := a.broadcast(in.Broadcast)
	if err != nil {
		return "", nil, err
	}
	if (in.LeftOut == "") == (in.By == "") {
		return "", nil, enishi.FieldError("query.left_out", "say left_out or by: who is left out for which reason, or who is reached by which channel", "left_out（送らない理由）か by（届けるチャネル）のどちらかを指定してください。")
	}
	if a.wentLive(in.Broadcast) == 0 {
		way := in.LeftOut
		if in.By != "" {
			way = "+" + in.By
		}
		target, args := b.target()
		return target + " AND " + a.sheetWay(&b) + " = {way:String}", append(args, named("way", way), millis("now", a.now())), nil
	}
	args = []any{named("broadcast", in.Broadcast), named("way", in.LeftOut+in.By)}
	if in.By != "" {
		return "profile_id IN (SELECT profile_id FROM decisions FINAL WHERE journey = {broadcast:String} AND sent = 1 AND channel = {way:String})", args, nil
	}
	return `profile_id IN (SELECT profile_id FROM decisions FINAL WHERE journey = {broadcast:String} GROUP BY profile_id HAVING max(sent) = 0 AND ` + reasons() + ` = {way:String}
UNION DISTINCT SELECT subject FROM events FINAL WHERE type = 'journey.refused' AND journey = {broadcast:String} AND splitByChar(':', reason)[1] = {way:String})`, args, nil
}
