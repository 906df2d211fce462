package api

import (
	"context"
	"strconv"
	"strings"
	"time"

	"enishi"
	"enishi/channels"
)

func (a *API) deliveries() *channels.Deliveries { return channels.NewDeliveries(a.cfg.DB) }

// deliveryListRow is a line of the sender's ledger.
type deliveryListRow struct {
	SendID       enishi.ID `json:"send_id"`
	Round        int       `json:"round"`
	At           time.Time `json:"at"`
	DecidedAt    time.Time `json:"decided_at"`
	Channel      string    `json:"channel"`
	Purpose      string    `json:"purpose"`
	Journey      string    `json:"journey"`
	JourneyTitle Text      `json:"journey_title"`
	Template     string    `json:"template"`
	Destination  string    `json:"destination"`
	Profile      enishi.ID `json:"profile"`
	Name         string    `json:"name"`
	State        string    `json:"state"`
	StateLabel   Text      `json:"state_label"`
	Attempt      int       `json:"attempt"`
	Code         string    `json:"code"`
	Reason       string    `json:"reason"`
	ReasonLabel  Text      `json:"reason_label"`
}

type deliveriesInput struct {
	State   string `query:"state" enum:",decided,intent,parked,sent,failed,unknown,refused,deferred,dropped"`
	Channel string `query:"channel" enum:",email,line,sms,push,social,postal,line_notice"`
	Journey string `query:"journey" maxLength:"64"`
	Send    string `query:"send" maxLength:"36" doc:"One send, by its id."`
	Before  string `query:"before" maxLength:"80"`
	Limit   int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

func (a *API) listDeliveries(ctx context.Context, in *deliveriesInput) (*listOutput[deliveryListRow], error) {
	f := channels.Filter{State: in.State, Channel: in.Channel, Journey: in.Journey, Limit: in.Limit + 1}
	if in.Send != "" {
		id, err := enishi.ParseID(in.Send)
		if err != nil {
			return nil, enishi.FieldError("query.send", "is no id", "ID の形で指定してください。")
		}
		f.SendID = id
	}
	if in.Before != "" {
		parts := strings.Split(in.Before, ".")
		if len(parts) != 3 {
			return nil, enishi.FieldError("query.before", "is not one that a page answered", "前のページの next を指定してください。")
		}
		ms, err := strconv.ParseInt(parts[0], 10, 64)
		id, err2 := enishi.ParseID(parts[1])
		round, err3 := strconv.Atoi(parts[2])
		if err != nil || err2 != nil || err3 != nil {
			return nil, enishi.FieldError("query.before", "is not one that a page answered", "前のページの next を指定してください。")
		}
		f.Before = channels.Cursor{UpdatedAt: time.UnixMilli(ms).UTC(), SendID: id, Round: round}
	}
	rows, err := a.deliveries().List(ctx, f)
	if err != nil {
		return nil, err
	}
	out := listOf([]deliveryListRow{})
	if len(rows) > in.Limit {
		rows = rows[:in.Limit]
		c := rows[in.Limit-1].Cursor()
		out.Body.Next = strconv.FormatInt(c.UpdatedAt.UnixMilli(), 10) + "." + c.SendID.String() + "." + strconv.Itoa(c.Round)
	}
	ids := make([]enishi.ID, len(rows))
	for i := range rows {
		ids[i] = a.cfg.Ingester.Graph().Resolve(rows[i].Profile)
	}
	names, err := a.names(ctx, ids)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		r := &rows[i]
		x := deliveryListRow{SendID: r.SendID, Round: r.Round, At: r.UpdatedAt, DecidedAt: r.DecidedAt, Channel: r.Channel, Purpose: r.Purpose, Journey: r.Journey,
			JourneyTitle: a.titles.journey(r.Journey), Template: r.Template, Destination: r.Destination, Profile: ids[i], Name: names[ids[i]], State: r.State,
			StateLabel: word("delivery", r.State), Attempt: r.Attempt, Code: r.Code, Reason: r.Reason}
		if r.Reason != "" {
			x.ReasonLabel = reasonText(r.Reason)
		}
		out.Body.Items = append(out.Body.Items, x)
	}
	return out, nil
}

// deliveryCount is how many rounds of a channel stand, or ended, in one way.
type deliveryCount struct {
	Channel     string `json:"channel"`
	Purpose     string `json:"purpose"`
	State       string `json:"state"`
	StateLabel  Text   `json:"state_label"`
	Reason      string `json:"reason"`
	ReasonLabel Text   `json:"reason_label"`
	Count       int64  `json:"count"`
}

type sinceInput struct {
	Since time.Time `query:"since" doc:"Only what changed since then."`
}

func (a *API) summariseDeliveries(ctx context.Context, in *sinceInput) (*listOutput[deliveryCount], error) {
	counts, err := a.deliveries().Counts(ctx, channels.Filter{Since: in.Since})
	if err != nil {
		return nil, err
	}
	out := listOf([]deliveryCount{})
	for _, c := range counts {
		x := deliveryCount{Channel: c.Channel, Purpose: c.Purpose, State: c.State, StateLabel: word("delivery", c.State), Reason: c.Reason, Count: c.Deliveries}
		if c.Reason != "" {
			x.ReasonLabel = reasonText(c.Reason)
		}
		out.Body.Items = append(out.Body.Items, x)
	}
	return out, nil
}
