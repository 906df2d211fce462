package api

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
)

// debugCall is a call of a browser that somebody watches, and what became of it.
type debugCall struct {
	Number   int            `json:"number"`
	At       time.Time      `json:"at"`
	Kind     string         `json:"kind" doc:"track, identify, page ..."`
	Type     string         `json:"type,omitempty" doc:"The type that it means."`
	Label    Text           `json:"label"`
	Source   string         `json:"source,omitempty"`
	Raw      string         `json:"raw" doc:"As it came, cut at 16 KB."`
	Accepted bool           `json:"accepted"`
	Code     string         `json:"code,omitempty"`
	Field    string         `json:"field,omitempty"`
	Reason   Text           `json:"reason"`
	Profile  *enishi.ID     `json:"profile" doc:"Whom it belongs to now."`
	Name     string         `json:"name,omitempty"`
	Folded   bool           `json:"folded" doc:"The person has it: what follows from it at once is known."`
	Summary  Text           `json:"summary"`
	Followed []debugEffects `json:"followed" doc:"Segments and journeys that it moved her in, in the same step."`

	event enishi.ID
	who   enishi.ID
}

type debugEffects struct {
	Type    string `json:"type"`
	Label   Text   `json:"label"`
	Summary Text   `json:"summary"`
	Segment string `json:"segment,omitempty"`
	Journey string `json:"journey,omitempty"`
}

type watchInput struct {
	Code  string `path:"code" pattern:"^[A-Za-z0-9]{8,64}$"`
	Above int    `query:"above" minimum:"0" doc:"Calls with a number above this; 0: all that are kept, at most 100."`
}

// watchBrowser gives the calls of a browser; asking keeps them for an hour more.
func (a *API) watchBrowser(ctx context.Context, in *watchInput) (*listOutput[debugCall], error) {
	if a.cfg.Debug == nil {
		return nil, refusal(enishi.Unavailable, "no collector runs in this process", "このサーバーではイベントを受け付けていません。")
	}
	out := listOf([]debugCall{})
	var people []enishi.ID
	first := time.Time{}
	for _, c := range a.cfg.Debug.Watch(in.Code, in.Above) {
		x := debugCall{Number: c.Number, At: c.At, Kind: c.Kind, Type: c.Type, Label: typeLabel(c.Type), Source: c.Source, Raw: c.Raw, Accepted: c.Refused == nil, Followed: []debugEffects{}, event: c.Event}
		if r := c.Refused; r != nil {
			x.Code, x.Field, x.Reason, x.Type = r.Code, r.Field, Text{r.ReasonJA, r.Reason}, ""
			x.Label = Text{c.Kind, c.Kind}
		} else if c.Who.Value != "" {
			x.who = a.cfg.Hasher.Hash(c.Who)
			profile := a.cfg.Ingester.Graph().Resolve(x.who)
			x.Profile = &profile
			people = append(people, profile, x.who)
		}
		if first.IsZero() {
			first = c.At
		}
		out.Body.Items = append(out.Body.Items, x)
	}
	if len(people) == 0 {
		return out, nil
	}
	names, err := a.names(ctx, people)
	if err != nil {
		return nil, err
	}
	if err := a.followed(ctx, out.Body.Items, people, first); err != nil {
		return nil, err
	}
	for i := range out.Body.Items {
		if x := &out.Body.Items[i]; x.Profile != nil {
			x.Name = names[*x.Profile]
		}
	}
	return out, nil
}

// followed finds the folded events of calls, and what was found in the step of each: it stands at the same place of the log.
func (a *API) followed(ctx context.Context, calls []debugCall, people []enishi.ID, since time.Time) error {
	type place struct {
		partition uint16
		offset    int64
	}
	at := map[place]int{}
	byEvent := map[enishi.ID]int{}
	for i := range calls {
		if calls[i].Accepted {
			byEvent[calls[i].event] = i
		}
	}
	effects := map[place][]debugEffects{}
	t := a.teller()
	err := a.each(ctx, fmt.Sprintf("SELECT %s FROM events WHERE subject IN %s AND appended_at >= fromUnixTimestamp64Milli({since:Int64}) ORDER BY appended_at, offset LIMIT 1 BY subject, event_id LIMIT 2000", eventColumns, idList(people)),
		[]any{millis("since", since.Add(-time.Minute))}, func(rows driver.Rows) error {
			e, err := scanEvent(rows)
			if err != nil {
				return err
			}
			here := place{uint16(e.partition), e.offset}
			if e.record != "" {
				if i, mine := byEvent[e.id]; mine {
					at[here] = i
					calls[i].Folded, calls[i].Summary = true, t.item(&e).Summary
				}
				return nil
			}
			x := t.item(&e)
			effects[here] = append(effects[here], debugEffects{Type: e.typ, Label: x.Label, Summary: x.Summary, Segment: e.segment, Journey: e.journey})
			return nil
		})
	if err != nil {
		return fmt.Errorf("read what became of calls: %w", err)
	}
	for here, i := range at {
		calls[i].Followed = append(calls[i].Followed, effects[here]...)
	}
	return nil
}
