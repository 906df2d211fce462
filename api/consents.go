package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/profiles"
)

// permissionItem is one word about a permission, with its evidence.
type permissionItem struct {
	At      time.Time `json:"at"`
	Event   enishi.ID `json:"event_id"`
	Channel string    `json:"channel"`
	Purpose string    `json:"purpose"`
	State   string    `json:"state" enum:"in,out,asked" doc:"asked: somebody asked for it at an address that is to confirm it; nothing is given."`
	Account string    `json:"account,omitempty" doc:"Of LINE, when it is about one account alone."`
	Method  string    `json:"method" doc:"How: form:NAME, double_opt_in, line_follow, unsubscribe_link, complaint, staff, import ..."`
	Text    string    `json:"text,omitempty" doc:"The words that were shown, with their version; of the staff, the note."`
	IP      string    `json:"ip,omitempty"`
	Source  string    `json:"source"`
	Actor   string    `json:"actor,omitempty" doc:"The member of the staff who recorded it."`
	Erased  time.Time `json:"erased_at,omitzero" doc:"When the person was erased: only the evidence is kept, without the IP address, for 37 months."`
}

func (a *API) listConsents(ctx context.Context, in *PersonPath) (*listOutput[permissionItem], error) {
	p, _, err := a.load(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return a.consentsOf(ctx, subjects(p))
}

type findConsentsInput struct {
	Q string `query:"q" minLength:"1" maxLength:"320" required:"true" doc:"A profile id, or an identifier: a mail address, phone number, customer id, LINE user id."`
}

// findConsents answers who complains, also when nothing but the evidence is left of them.
func (a *API) findConsents(ctx context.Context, in *findConsentsInput) (*listOutput[permissionItem], error) {
	text := strings.TrimSpace(in.Q)
	ids := a.subjectsNamed(text)
	if id, err := enishi.ParseID(text); err == nil {
		ids = append(ids, id)
	}
	return a.consentsOf(ctx, ids)
}

// consentsOf lists what is known under ids and what is linked with them, the newest first.
func (a *API) consentsOf(ctx context.Context, ids []enishi.ID) (*listOutput[permissionItem], error) {
	graph := a.cfg.Ingester.Graph()
	for _, id := range slices.Clone(ids) { // an erased person has no identifiers; the links of their hashes stay
		component := graph.Component(id)
		ids = append(ids, component.Profile)
		for _, m := range component.Members {
			ids = append(ids, m.ID)
		}
	}
	slices.SortFunc(ids, enishi.ID.Compare)
	in := idList(slices.Compact(ids))
	out := listOf([]permissionItem{})
	err := a.each(ctx, "SELECT "+eventColumns+" FROM events FINAL WHERE subject IN "+in+" AND record != ''", nil, func(rows driver.Rows) error {
		row, err := scanEvent(rows)
		if err != nil {
			return err
		}
		var e enishi.Event
		if enishi.DecodeEvent(&e, []byte(row.record)) != nil {
			return nil // written by a later version
		}
		e.Source = row.source
		for _, p := range profiles.Permissions(&e) {
			out.Body.Items = append(out.Body.Items, permissionItem{At: row.at, Event: row.id, Channel: p.Channel, Purpose: p.Purpose, State: p.State,
				Account: p.Account, Method: p.Method, Text: p.Text, IP: p.IP, Source: p.Source, Actor: p.Actor})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read permissions: %w", err)
	}
	err = a.each(ctx, "SELECT at, event_id, channel, purpose, state, account, method, text, source, actor, erased_at FROM consent_evidence FINAL WHERE subject IN "+in, nil, func(rows driver.Rows) error {
		var x permissionItem
		var id string
		err := rows.Scan(&x.At, &id, &x.Channel, &x.Purpose, &x.State, &x.Account, &x.Method, &x.Text, &x.Source, &x.Actor, &x.Erased)
		x.Event, x.At, x.Erased = idOf(id), x.At.UTC(), x.Erased.UTC()
		out.Body.Items = append(out.Body.Items, x)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	slices.SortFunc(out.Body.Items, func(x, y permissionItem) int {
		return cmp.Or(y.At.Compare(x.At), x.Event.Compare(y.Event), strings.Compare(x.Channel, y.Channel), strings.Compare(x.Purpose, y.Purpose))
	})
	out.Body.CompleteThrough, err = a.through(ctx)
	return out, err
}
