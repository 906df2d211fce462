package api

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/channels"
	"enishi/profiles"
)

// decisionRow is why a message was sent or was not.
type decisionRow struct {
	SendID       enishi.ID    `json:"send_id"`
	Round        int          `json:"round"`
	At           time.Time    `json:"at"`
	Journey      string       `json:"journey"`
	JourneyTitle Text         `json:"journey_title"`
	Node         string       `json:"node"`
	RunID        enishi.ID    `json:"run_id"`
	Channel      string       `json:"channel"`
	Purpose      string       `json:"purpose"`
	Template     string       `json:"template"`
	Sent         bool         `json:"sent"`
	Reason       string       `json:"reason"`
	Sentence     Text         `json:"sentence" doc:"What a service agent can read out."`
	Checks       []checkRow   `json:"checks" doc:"In the order in which they were made."`
	Delivery     *deliveryRow `json:"delivery,omitempty"`
}

type checkRow struct {
	Name   string `json:"name"`
	Label  Text   `json:"label"`
	OK     bool   `json:"ok"`
	Detail Text   `json:"detail"`
}

type deliveryRow struct {
	State  string    `json:"state"`
	At     time.Time `json:"at"`
	Code   string    `json:"code"`
	Reason string    `json:"reason" doc:"In the language of the request."`
}

type decisionsInput struct {
	PersonPath
	Limit int `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

func (a *API) listDecisions(ctx context.Context, in *decisionsInput) (*listOutput[decisionRow], error) {
	p, _, err := a.load(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := listOf([]decisionRow{})
	if out.Body.Items, err = a.decisions(ctx, p, "", in.Limit); err != nil {
		return nil, err
	}
	out.Body.CompleteThrough, err = a.through(ctx)
	return out, err
}

// decisions are a person's, newest first; of one journey unless it is empty.
func (a *API) decisions(ctx context.Context, p *profiles.Profile, journey string, limit int) ([]decisionRow, error) {
	out := []decisionRow{}
	t := a.teller()
	err := a.each(ctx, fmt.Sprintf("SELECT send_id, round, at, journey, node, run_id, channel, purpose, template, sent, reason, checks FROM decisions FINAL WHERE subject IN %s AND ({journey:String} = '' OR journey = {journey:String}) ORDER BY at DESC, send_id DESC, round DESC LIMIT %d",
		idList(subjects(p)), limit), []any{named("journey", journey)}, func(rows driver.Rows) error {
		var d decisionRow
		var id, run, checks string
		var round uint32
		var sent uint8
		if err := rows.Scan(&id, &round, &d.At, &d.Journey, &d.Node, &run, &d.Channel, &d.Purpose, &d.Template, &sent, &d.Reason, &checks); err != nil {
			return err
		}
		d.SendID, d.RunID, d.Round, d.At, d.Sent = idOf(id), idOf(run), int(round), d.At.UTC(), sent == 1
		var list []enishi.Check
		if err := json.Unmarshal([]byte(checks), &list); err != nil {
			return fmt.Errorf("checks of %s: %w", d.SendID, err)
		}
		t.decision(&d, list)
		out = append(out, d)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read decisions: %w", err)
	}
	return out, a.addDeliveries(ctx, out)
}

// addDeliveries tells what became of the decided messages.
func (a *API) addDeliveries(ctx context.Context, items []decisionRow) error {
	type key struct {
		send  enishi.ID
		round int
	}
	at := map[key]int{}
	var sends []enishi.ID
	for i := range items {
		at[key{items[i].SendID, items[i].Round}] = i
		sends = append(sends, items[i].SendID)
	}
	if len(sends) == 0 {
		return nil
	}
	err := a.each(ctx, "SELECT send_id, round, state, updated_at, code, reason FROM deliveries FINAL WHERE send_id IN "+idList(sends), nil, func(rows driver.Rows) error {
		var id string
		var round uint32
		var d deliveryRow
		if err := rows.Scan(&id, &round, &d.State, &d.At, &d.Code, &d.Reason); err != nil {
			return err
		}
		d.At = d.At.UTC()
		if d.Reason != "" {
			d.Reason = reasonText(d.Reason).in(language(ctx))
		}
		if i, ok := at[key{idOf(id), int(round)}]; ok {
			items[i].Delivery = &d
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read deliveries: %w", err)
	}
	return nil
}

// decision puts a decision into words.
func (t *teller) decision(d *decisionRow, checks []enishi.Check) {
	d.JourneyTitle = t.titles.journey(d.Journey)
	d.Checks = []checkRow{}
	var failed *enishi.Check
	for i := range checks {
		c := &checks[i]
		d.Checks = append(d.Checks, checkRow{c.Name, word("check", c.Name), c.OK, t.checkDetail(d.Channel, c)})
		if !c.OK && failed == nil {
			failed = c
		}
	}
	at, ch := timeText(d.At, t.now, t.zone), word("channel", d.Channel)
	head := Text{at.JA + " " + ch.JA + ": ", at.EN + " " + ch.EN + ": "}
	if d.Channel == channels.WebhookChannel {
		d.Sentence = t.callDecision(d, head, failed)
		return
	}
	switch {
	case d.Sent:
		d.Sentence = Text{head.JA + "「" + d.JourneyTitle.JA + "」を送りました", head.EN + "sent “" + d.JourneyTitle.EN + "”"}
	case failed == nil:
		why := reasonText(d.Reason)
		d.Sentence = Text{head.JA + tame(why.JA) + "送りませんでした", head.EN + "not sent: " + why.EN}
	case failed.Name == "quiet_hours" && !t.instantIn(failed.Detail).isZero():
		opens := t.instantIn(failed.Detail)
		d.Sentence = Text{head.JA + "送らない時間帯のため、" + opens.JA + " に判断し直します", head.EN + "quiet hours: decided again " + opens.EN}
	default:
		why := t.because(d.Channel, failed)
		d.Sentence = Text{head.JA + why.JA + "送りませんでした", head.EN + "not sent because " + why.EN}
	}
}

// callDecision is the decision of a call of another system, which is no message.
func (t *teller) callDecision(d *decisionRow, head Text, failed *enishi.Check) Text {
	if d.Sent {
		return Text{head.JA + "「" + d.JourneyTitle.JA + "」が外部システムを呼び出しました", head.EN + "“" + d.JourneyTitle.EN + "” called another system"}
	}
	why := reasonText(d.Reason)
	if failed == nil {
		return Text{head.JA + tame(why.JA) + "呼び出しませんでした", head.EN + "not called: " + why.EN}
	}
	why = t.because(d.Channel, failed)
	return Text{head.JA + why.JA + "呼び出しませんでした", head.EN + "not called because " + why.EN}
}

// capDetail is a cap as a detail tells it: "2/7d", with or without how many there were.
var (
	capDetail = regexp.MustCompile(`(\d+)/(\d+)([hdw])`)
	instants  = regexp.MustCompile(`\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z`)
)

// because is the first failed check as the reason in a sentence: 今週の上限（2 通）に達していたため.
func (t *teller) because(channel string, c *enishi.Check) Text {
	ch := word("channel", channel)
	ch.JA = spaced(ch.JA)
	at := t.instantIn(c.Detail)
	switch c.Name {
	case "template":
		return Text{"使うテンプレートが見つからなかったため", "its template was not there"}
	case "address":
		if channel == enishi.NoticeChannel {
			return Text{"電話番号が登録されていないため", "no phone number is known"}
		}
		return Text{ch.JA + "の宛先が登録されていないため", "no " + ch.EN + " address is known"}
	case "suppression":
		r := t.suppressedBy(channel, c.Detail)
		return Text{tame(r.JA), r.EN}
	case "consent":
		if strings.HasPrefix(c.Detail, "out") {
			if at.isZero() {
				return Text{ch.JA + "の配信を停止しているため", "the permission for " + ch.EN + " was withdrawn"}
			}
			return Text{at.JA + " に" + ch.JA + "の配信を停止しているため", "the permission for " + ch.EN + " was withdrawn on " + at.EN}
		}
		return Text{ch.JA + "の配信許可がないため", "there is no permission for " + ch.EN}
	case "hold":
		if at.isZero() {
			return Text{"配信を保留しているため", "marketing is on hold"}
		}
		return Text{at.JA + " まで配信を保留しているため", "marketing is on hold until " + at.EN}
	case "run":
		return Text{"ジャーニーがすでに終わっていたため", "the journey had ended for this person"}
	case "freshness":
		if at.isZero() {
			return Text{"送信期限を過ぎていたため", "it was too late to send"}
		}
		return Text{"送信期限（" + at.JA + "）を過ぎていたため", "it was too late: send by " + at.EN}
	case "window":
		if at.isZero() {
			return Text{"お客様からの会話がなく、" + ch.JA + "を送れないため", "this person has not begun a conversation by " + ch.EN}
		}
		return Text{ch.JA + "を送れる期間（お客様の行動から 24 時間）が " + at.JA + " に終わっていたため", "the messaging window of " + ch.EN + " (24 hours from what the person does) closed on " + at.EN}
	case "cap":
		return capText(c.Detail)
	case "quiet_hours":
		return Text{"送らない時間帯が終わるころには送信期限を過ぎるため", "it would be too late when the quiet hours end"}
	case "holdout":
		if c.Detail == "journey" {
			return Text{"このジャーニーの効果を比べるために送らない人に選ばれているため", "this person is in the holdout of this journey"}
		}
		return Text{"効果を比べるために送らない人に選ばれているため", "this person is in the holdout"}
	case "sender":
		r := t.suppressedBy(channel, c.Detail)
		if strings.Contains(r.EN, " is ") { // a clause of its own
			return Text{tame(r.JA), r.EN}
		}
		return Text{tame(r.JA), "of " + r.EN}
	}
	return Text{"配信の条件に合わなかったため", "a rule did not allow it"}
}

// spaced puts a space behind a word of another script: LINE の.
func spaced(ja string) string {
	if n := len(ja); n > 0 && ja[n-1] < 0x80 {
		return ja + " "
	}
	return ja
}

// tame makes a reason the beginning of a sentence: …のため, or …ため after a verb.
func tame(ja string) string {
	if strings.HasSuffix(ja, "ない") || strings.HasSuffix(ja, "た") {
		return ja + "ため"
	}
	return ja + "のため"
}

// capText says a cap such as 2/7d.
func capText(detail string) Text {
	m := capDetail.FindStringSubmatch(detail)
	if m == nil {
		return Text{"配信回数の上限に達していたため", "the frequency cap was reached"}
	}
	if strings.Contains(detail, " chosen") {
		if m[2]+m[3] == "30d" {
			return Text{"ご本人が選んだ回数（月に 1 通まで）に達していたため", "this person chose at most one mail a month"}
		}
		return Text{"ご本人が選んだ回数（週に 1 通まで）に達していたため", "this person chose at most one mail a week"}
	}
	per := Text{m[2] + " " + word("unit", m[3]).JA, m[2] + " " + word("unit", m[3]).EN}
	switch m[2] + m[3] {
	case "7d", "1w":
		per = Text{"今週", "week"}
	case "1d", "24h":
		per = Text{"今日", "day"}
	case "30d":
		per = Text{"今月", "month"}
	}
	if strings.Contains(detail, " journey") {
		return Text{"このジャーニーの" + per.JA + "の上限（" + m[1] + " 通）に達していたため", "this journey's cap of " + m[1] + " per " + per.EN + " was reached"}
	}
	return Text{per.JA + "の上限（" + m[1] + " 通）に達していたため", "the cap of " + m[1] + " per " + per.EN + " was reached"}
}

// instantIn is the last instant that a detail names, as people write it.
func (t *teller) instantIn(detail string) Text {
	all := instants.FindAllString(detail, -1)
	if len(all) == 0 {
		return Text{}
	}
	at, err := time.Parse(time.RFC3339Nano, all[len(all)-1])
	if err != nil {
		return Text{}
	}
	return timeText(at, t.now, t.zone)
}

// checkDetail is what a check looked at, in words.
func (t *teller) checkDetail(channel string, c *enishi.Check) Text {
	at := t.instantIn(c.Detail)
	switch c.Name {
	case "template":
		if c.OK {
			return t.titles.template(c.Detail)
		}
		return Text{"見つかりません", "not there"}
	case "address":
		if c.OK {
			return Text{"登録あり", "known"}
		}
		return word("reach", "no_address."+channel)
	case "suppression", "sender":
		if c.Detail == "" {
			return Text{"対象外", "not on it"}
		}
		return t.suppressedBy(channel, c.Detail)
	case "consent":
		state, _, _ := strings.Cut(c.Detail, " ")
		s := word("consent", state)
		if at.isZero() {
			return s
		}
		return Text{s.JA + "（" + at.JA + " から）", s.EN + " since " + at.EN}
	case "notice":
		return Text{at.JA + " から 24 時間、完了の通知なし", "not told within 24 hours from " + at.EN}
	case "hold":
		return t.holdDetail(c, at)
	case "run":
		if c.OK {
			return Text{"進行中", "going on"}
		}
		end, _, _ := strings.Cut(strings.ReplaceAll(c.Detail, " at ", ":"), ":")
		return word("run_end", end)
	case "freshness":
		if at.isZero() {
			return Text{}
		}
		return Text{at.JA + " まで", "send by " + at.EN}
	case "window":
		return windowDetail(c, at)
	case "cap":
		if c.OK {
			return Text{"上限内", "not reached"}
		}
		if m := capDetail.FindStringSubmatch(c.Detail); m != nil {
			u := word("unit", m[3])
			return Text{m[2] + " " + u.JA + "に " + m[1] + " 通まで", m[1] + " in " + m[2] + " " + u.EN}
		}
	case "quiet_hours":
		switch {
		case c.OK:
			return Text{"送れる時間", "open"}
		case at.isZero():
			return Text{"送信期限までに送れる時間がありません", "no time is left before its send-by"}
		}
		return Text{at.JA + " まで", "until " + at.EN}
	case "holdout":
		if c.OK {
			return Text{"対象外", "not in it"}
		}
	}
	return Text{}
}

// suppressedBy is why an address is left out.
func (t *teller) suppressedBy(channel, reason string) Text {
	if channel == channels.SocialChannel && reason == "unreachable" {
		return Text{"DM を受け取れない状態（ブロックなど）", "this person is not reachable by direct message (blocked, or gone)"}
	}
	return reasonText(reason)
}

// windowDetail is how a direct message could go.
func windowDetail(c *enishi.Check, at Text) Text {
	switch {
	case strings.HasPrefix(c.Detail, "open until"):
		return Text{at.JA + " まで", "open until " + at.EN}
	case strings.HasPrefix(c.Detail, "opt-in"):
		return Text{at.JA + " からの配信許可による", "by the opt-in of " + at.EN}
	case strings.HasPrefix(c.Detail, "closed since"):
		return Text{at.JA + " に終了", "closed on " + at.EN}
	case strings.HasPrefix(c.Detail, "closed"):
		return Text{"期間外（タグまたはユーティリティーテンプレートで送信）", "closed: by a tag or a utility template"}
	case c.Detail == "never opened":
		return Text{"お客様からの会話なし", "the person has not begun a conversation"}
	}
	return Text{"制限なし", "no limit"}
}

func (t *teller) holdDetail(c *enishi.Check, at Text) Text {
	switch {
	case c.Detail == "":
		return Text{"保留なし", "none"}
	case c.OK:
		return Text{"お知らせ（取引）は止めません", "does not stop transactional messages"}
	case at.isZero():
		return Text{"解除するまで", "until released"}
	}
	return Text{at.JA + " まで", "until " + at.EN}
}
