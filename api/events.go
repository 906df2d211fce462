package api

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
)

// liveEvent is an event as the live page shows it.
type liveEvent struct {
	ID         enishi.ID `json:"id"`
	At         time.Time `json:"at"`
	AppendedAt time.Time `json:"appended_at"`
	Type       string    `json:"type"`
	Label      Text      `json:"label"`
	Profile    enishi.ID `json:"profile"`
	Name       string    `json:"name"`
	Summary    Text      `json:"summary"`
	Source     string    `json:"source"`
	OrderID    string    `json:"order_id,omitempty"`
	Amount     string    `json:"amount,omitempty"`
	Currency   string    `json:"currency,omitempty"`
}

type eventsInput struct {
	Limit   int      `query:"limit" minimum:"1" maximum:"500" default:"50"`
	Before  string   `query:"before" maxLength:"64"`
	Type    []string `query:"type,explode" maxItems:"100" doc:"Any of these; may be given several times."`
	Profile string   `query:"profile" maxLength:"36"`
	Source  string   `query:"source" maxLength:"200" doc:"As GET /sources names it."`
}

func (a *API) listEvents(ctx context.Context, in *eventsInput) (*listOutput[liveEvent], error) {
	cond, err := before(in.Before, "appended_at", "event_id")
	if err != nil {
		return nil, err
	}
	var args []any
	if in.Profile != "" {
		p, _, err := a.load(ctx, in.Profile)
		if err != nil {
			return nil, err
		}
		cond += " AND subject IN " + idList(subjects(p))
	}
	if in.Source != "" {
		of, arg := bySource(in.Source)
		cond, args = cond+" AND "+of, append(args, arg)
	}
	wanted := ""
	for i, t := range in.Type {
		if t == "" {
			continue
		}
		name := fmt.Sprintf("t%d", i)
		if wanted != "" {
			wanted += ", "
		}
		wanted, args = wanted+"{"+name+":String}", append(args, named(name, t))
	}
	if wanted != "" {
		cond += " AND type IN (" + wanted + ")"
	} else {
		cond += " AND type NOT IN " + derivedTypes
	}
	out := listOf([]liveEvent{})
	t := a.teller()
	var ids []enishi.ID
	graph := a.cfg.Ingester.Graph()
	// Without FINAL, which would merge the whole table: what was written twice is left out here.
	err = a.each(ctx, fmt.Sprintf("SELECT %s FROM events WHERE %s ORDER BY appended_at DESC, event_id DESC LIMIT 1 BY subject, event_id LIMIT %d", eventColumns, cond, in.Limit+1), args, func(rows driver.Rows) error {
		e, err := scanEvent(rows)
		if err != nil {
			return err
		}
		if len(out.Body.Items) == in.Limit {
			last := out.Body.Items[in.Limit-1]
			out.Body.Next = cursorOf(last.AppendedAt, last.ID)
			return nil
		}
		x := t.item(&e)
		profile := graph.Resolve(e.subject)
		ids = append(ids, profile)
		out.Body.Items = append(out.Body.Items, liveEvent{ID: e.id, At: e.at, AppendedAt: e.appended, Type: e.typ, Label: x.Label, Profile: profile, Summary: x.Summary,
			Source: e.source, OrderID: e.order, Amount: x.Amount, Currency: x.Currency})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	names, err := a.names(ctx, ids)
	if err != nil {
		return nil, err
	}
	for i := range out.Body.Items {
		out.Body.Items[i].Name = names[ids[i]]
	}
	out.Body.CompleteThrough, err = a.through(ctx)
	return out, err
}

// liveOf is a record of the log as the live page shows it, without the name; false for what only the fold reads.
func (t *teller) liveOf(e *enishi.Event) (liveEvent, bool) {
	if e.Type == "" || e.Type[0] == '~' {
		return liveEvent{}, false
	}
	x := liveEvent{ID: e.ID, At: e.At, AppendedAt: e.Time, Type: e.Type, Label: typeLabel(e.Type), Profile: e.Profile, Summary: t.summary(e), Source: e.Source}
	amount, currency := enishi.Amount(0), ""
	switch {
	case e.Order != nil:
		x.OrderID, amount, currency = e.Order.OrderID, e.Order.Total, e.Order.Currency
	case e.Shipment != nil:
		x.OrderID = e.Shipment.OrderID
	case e.Return != nil:
		x.OrderID, amount = e.Return.OrderID, e.Return.Amount
	case e.Web != nil:
		amount, currency = e.Web.Value, e.Web.Currency
	}
	if amount != 0 {
		x.Amount, x.Currency = amount.String(), currency
	}
	return x, true
}
