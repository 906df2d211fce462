package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/ingest"
	"enishi/internal/stream"
	"enishi/profiles"
)

// mergeRow is a link between two identifiers of a person, or one that a guard refused, and what is known of it.
type mergeRow struct {
	LinkOffset int64       `json:"link_offset"`
	State      string      `json:"state" enum:"merged,already,blocked,two_customers,household,limit,too_large,unlinked"`
	Why        Text        `json:"why" doc:"The state in words."`
	A          linkEnd     `json:"a"`
	B          linkEnd     `json:"b"`
	At         time.Time   `json:"at,omitzero"`
	By         string      `json:"by,omitempty" doc:"The operator who linked them; empty: they came with one event."`
	Reason     string      `json:"reason,omitempty" doc:"The operator's."`
	Event      *mergeEvent `json:"event,omitempty" doc:"That the two came with."`
	CanUndo    bool        `json:"can_undo"`
}

// linkEnd is an identifier at one end of a link.
type linkEnd struct {
	Subject enishi.ID `json:"subject"`
	Kind    string    `json:"kind"`
	Value   string    `json:"value" doc:"Empty: known by its hash alone. Viewers see a part of addresses and numbers."`
	Person  enishi.ID `json:"person" doc:"Whose it is now."`
	Name    string    `json:"name" doc:"Of that person."`
}

type mergeEvent struct {
	ID     enishi.ID `json:"id"`
	Type   string    `json:"type"`
	Label  Text      `json:"label"`
	At     time.Time `json:"at"`
	Source string    `json:"source"`
}

// mergesShown bounds a page; a hub has many refused links.
const mergesShown = 50

// listMerges explains how somebody became one person, the newest link first, refused links among them.
func (a *API) listMerges(ctx context.Context, in *PersonPath) (*listOutput[mergeRow], error) {
	id, err := enishi.ParseID(in.ID)
	if err != nil {
		return nil, notFound("person", "顧客")
	}
	links := a.cfg.Ingester.Graph().Component(id).Links
	slices.Reverse(links)
	total := int64(len(links))
	rows, err := a.mergeRows(ctx, links[:min(len(links), mergesShown)])
	if err != nil {
		return nil, err
	}
	out := listOf(rows)
	out.Body.Total = &total
	return out, nil
}

func (a *API) mergeRows(ctx context.Context, links []ingest.LinkState) ([]mergeRow, error) {
	graph := a.cfg.Ingester.Graph()
	var offsets []int64
	var ends []ingest.Member
	for i := range links {
		l := &links[i]
		offsets = append(offsets, l.Offset)
		ends = append(ends, ingest.Member{ID: l.A, Kind: l.AKind}, ingest.Member{ID: l.B, Kind: l.BKind})
	}
	records, err := a.readLinks(ctx, offsets)
	if err != nil {
		return nil, err
	}
	shown, err := a.linkEnds(ctx, ends)
	if err != nil {
		return nil, err
	}
	events, err := a.linkEvents(ctx, records)
	if err != nil {
		return nil, err
	}
	rows := make([]mergeRow, len(links))
	for i := range links {
		l := &links[i]
		row := mergeRow{LinkOffset: l.Offset, State: l.State, Why: word("link", l.State), A: shown[l.A], B: shown[l.B], CanUndo: (l.State == "merged" || l.State == "already") && graph.Resolve(l.A) == graph.Resolve(l.B)}
		if r, ok := records[l.Offset]; ok {
			row.At, row.By, row.Reason = r.At, r.Actor, r.Reason
			if e, ok := events[r.Event]; ok && r.Actor == "" {
				row.Event = &e
			} else if r.Actor == "" {
				row.Event = &mergeEvent{ID: r.Event, Label: word("type", ""), At: r.At, Source: r.Source}
			}
		}
		rows[i] = row
	}
	return rows, nil
}

// linkEnds shows identifiers: their values stand with the people whose they are.
func (a *API) linkEnds(ctx context.Context, members []ingest.Member) (map[enishi.ID]linkEnd, error) {
	graph := a.cfg.Ingester.Graph()
	out := map[enishi.ID]linkEnd{}
	var ids, people []enishi.ID
	for _, m := range members {
		if _, known := out[m.ID]; !known {
			person := graph.Resolve(m.ID)
			out[m.ID] = linkEnd{Subject: m.ID, Kind: m.Kind.String(), Person: person}
			ids, people = append(ids, m.ID), append(people, person)
		}
	}
	if len(ids) == 0 {
		return out, nil
	}
	names, err := a.names(ctx, people)
	if err != nil {
		return nil, err
	}
	whole := callOf(ctx).caller.role.includes(editor)
	err = a.each(ctx, "SELECT subject, value FROM identifiers FINAL WHERE subject IN "+idList(ids), nil, func(rows driver.Rows) error {
		var subject, value string
		if err := rows.Scan(&subject, &value); err != nil {
			return err
		}
		if x := out[idOf(subject)]; value != "" {
			if x.Value = value; !whole {
				x.Value = masked(x.Kind, value)
			}
			out[x.Subject] = x
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read identifiers: %w", err)
	}
	for id, x := range out {
		x.Name = names[x.Person]
		out[id] = x
	}
	return out, nil
}

// masked leaves of an identifier what is enough to tell it from another of the same person.
func masked(kind, value string) string {
	rs := []rune(value)
	switch at := strings.LastIndexByte(value, '@'); {
	case kind == "email" && at > 0:
		return string(rs[:1]) + "•••" + value[at:]
	case kind == "customer" || kind == "anonymous":
		return value // the shop's own numbers
	case len(rs) > 4:
		return "•••" + string(rs[len(rs)-4:])
	}
	return "•••"
}

// linkEvents finds the events that gave links: an event stands under the stronger of the two identifiers.
func (a *API) linkEvents(ctx context.Context, links map[int64]enishi.Link) (map[enishi.ID]mergeEvent, error) {
	out := map[enishi.ID]mergeEvent{}
	var subjects, ids []enishi.ID
	for _, l := range links {
		if l.Actor == "" && !l.Event.IsZero() {
			subjects, ids = append(subjects, l.A), append(ids, l.Event)
		}
	}
	if len(ids) == 0 {
		return out, nil
	}
	err := a.each(ctx, "SELECT event_id, at, type, source FROM events FINAL WHERE subject IN "+idList(subjects)+" AND event_id IN "+idList(ids), nil, func(rows driver.Rows) error {
		var id string
		var e mergeEvent
		if err := rows.Scan(&id, &e.At, &e.Type, &e.Source); err != nil {
			return err
		}
		e.ID, e.At, e.Label = idOf(id), e.At.UTC(), typeLabel(e.Type)
		out[e.ID] = e
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read events of links: %w", err)
	}
	return out, nil
}

type partingInput struct {
	LinkOffset int64 `path:"link" minimum:"0" doc:"As a person's merges name it."`
}

type partingOutput struct{ Body partingPage }

// partingPage is who would be there after a link is taken back.
type partingPage struct {
	LinkOffset int64       `json:"link_offset"`
	Stays      partingSide `json:"stays" doc:"Keeps the id."`
	Leaves     partingSide `json:"leaves"`
	Also       []mergeRow  `json:"also" doc:"Other links between the two: they are taken back with it."`
}

// partingSide is one of the two people.
type partingSide struct {
	ID          enishi.ID      `json:"id"`
	Name        string         `json:"name"`
	Identifiers []linkEnd      `json:"identifiers"`
	OrdersCount int64          `json:"orders_count"`
	LTV         enishi.Amount  `json:"ltv"`
	Currency    string         `json:"currency"`
	Events      int64          `json:"events"`
	Consents    []consentRow   `json:"consents"`
	Runs        []runRow       `json:"runs" doc:"That are going on."`
	Reach       []channelReach `json:"reach"`
}

// getParting says what an un-merge does before anybody clicks: the state is parted as the fold would.
func (a *API) getParting(ctx context.Context, in *partingInput) (*partingOutput, error) {
	parting, ok := a.cfg.Ingester.Graph().Parting(in.LinkOffset)
	if !ok {
		return nil, notFound("merge", "名寄せの記録")
	}
	p, _, err := a.load(ctx, parting.Stays.String())
	if err != nil {
		return nil, err
	}
	ends, err := a.linkEnds(ctx, slices.Concat(parting.Stay, parting.Leave))
	if err != nil {
		return nil, err
	}
	also, err := a.mergeRows(ctx, parting.Also)
	if err != nil {
		return nil, err
	}
	var leave []enishi.ID
	for _, m := range parting.Leave {
		leave = append(leave, m.ID)
	}
	moved := p.Extract(leave)
	moved.ID = parting.Leaves
	return &partingOutput{partingPage{LinkOffset: in.LinkOffset, Stays: a.partingSide(p, parting.Stay, ends), Leaves: a.partingSide(moved, parting.Leave, ends), Also: also}}, nil
}

func (a *API) partingSide(p *profiles.Profile, members []ingest.Member, ends map[enishi.ID]linkEnd) partingSide {
	v := p.View()
	s := partingSide{ID: p.ID, Name: nameOf(v).Display, Identifiers: []linkEnd{}, OrdersCount: v.OrdersCount, LTV: v.LTV, Currency: v.Currency, Consents: consentRows(v), Runs: []runRow{}, Reach: reachOf(v, a.now())}
	for _, m := range members {
		s.Identifiers = append(s.Identifiers, ends[m.ID])
	}
	for i := range p.Subjects {
		s.Events += p.Subjects[i].Lifetime.Events
	}
	runs, _ := a.runs(p)
	for _, r := range runs {
		if r.EndedAt.IsZero() {
			s.Runs = append(s.Runs, r)
		}
	}
	return s
}

type unmergeInput struct {
	Body struct {
		LinkOffset int64  `json:"link_offset" minimum:"0" doc:"As a person's merges name it."`
		Reason     string `json:"reason" minLength:"1" maxLength:"500"`
	}
}

// unmergePeople takes a link back, and the others that hold the same two sides together.
func (a *API) unmergePeople(ctx context.Context, in *unmergeInput) (*writtenOutput, error) {
	graph := a.cfg.Ingester.Graph()
	parting, ok := graph.Parting(in.Body.LinkOffset)
	if !ok {
		if graph.Known(in.Body.LinkOffset) {
			return nil, refusal(enishi.Conflict, "the link is not in force: it was taken back already, or never joined anybody", "この名寄せはすでに取り消されています。")
		}
		return nil, notFound("merge", "名寄せの記録")
	}
	var links []enishi.Link
	for _, l := range append([]ingest.LinkState{{Offset: parting.Offset}}, parting.Also...) {
		links = append(links, enishi.Link{Op: "unlink", Link: l.Offset, Reason: in.Body.Reason})
	}
	w, err := a.appendLinks(ctx, links...)
	return &writtenOutput{w}, err
}

type pairInput struct {
	Body struct {
		A      string `json:"a" maxLength:"36" doc:"A person's id."`
		B      string `json:"b" maxLength:"36"`
		Reason string `json:"reason" minLength:"1" maxLength:"500"`
	}
}

// joinPeople takes an operator's word that two are one person.
func (a *API) joinPeople(ctx context.Context, in *pairInput) (*writtenOutput, error) {
	x, y, err := a.pairOf(ctx, in)
	if err != nil {
		return nil, err
	}
	if why := a.cfg.Ingester.Graph().Refusal(x.ID, x.Kind, y.ID, y.Kind); why != "" {
		t := word("link", why)
		return nil, refusal(enishi.Conflict, "they cannot be joined: "+t.EN, "名寄せできません。"+t.JA+"。")
	}
	w, err := a.appendLinks(ctx, enishi.Link{Op: "link", A: x.ID, AKind: x.Kind, B: y.ID, BKind: y.Kind, Reason: in.Body.Reason})
	return &writtenOutput{w}, err
}

// partPeople takes an operator's word that two are not the same: nothing joins them by itself, and nobody is asked again.
func (a *API) partPeople(ctx context.Context, in *pairInput) (*writtenOutput, error) {
	x, y, err := a.pairOf(ctx, in)
	if err != nil {
		return nil, err
	}
	w, err := a.appendLinks(ctx, enishi.Link{Op: "apart", A: x.ID, AKind: x.Kind, B: y.ID, BKind: y.Kind, Reason: in.Body.Reason})
	return &writtenOutput{w}, err
}

// pairOf is the strongest identifier of each of two people, the stronger first.
func (a *API) pairOf(ctx context.Context, in *pairInput) (x, y ingest.Member, err error) {
	p, _, err := a.load(ctx, in.Body.A)
	if err != nil {
		return x, y, err
	}
	q, _, err := a.load(ctx, in.Body.B)
	if err != nil {
		return x, y, err
	}
	if p.ID == q.ID {
		return x, y, refusal(enishi.Conflict, "they are one person already", "すでに同じ顧客です。")
	}
	if x, y = a.strongest(p), a.strongest(q); y.Kind < x.Kind {
		x, y = y, x
	}
	return x, y, nil
}

func (a *API) strongest(p *profiles.Profile) ingest.Member {
	graph := a.cfg.Ingester.Graph()
	best := ingest.Member{ID: p.ID, Kind: enishi.Anonymous}
	for i := range p.Subjects {
		if s := &p.Subjects[i]; s.Kind != 0 && graph.Resolve(s.ID) == p.ID && (s.Kind < best.Kind || s.ID == p.ID && s.Kind == best.Kind) {
			best = ingest.Member{ID: s.ID, Kind: s.Kind}
		}
	}
	return best
}

// appendLinks puts records of the caller on the topic identities, and waits until this replica has folded them.
func (a *API) appendLinks(ctx context.Context, links ...enishi.Link) (Written, error) {
	c := callOf(ctx)
	recs := make([]stream.Record, len(links))
	for i := range links {
		l := &links[i]
		l.Event, l.Source, l.At, l.Actor = c.request, "console", a.cfg.Now().UTC().Truncate(time.Millisecond), c.caller.name
		recs[i] = stream.Record{Topic: enishi.TopicIdentities, Partition: 0, Time: l.At, Value: enishi.EncodeLink(nil, l)}
	}
	if err := a.cfg.Stream.Append(ctx, recs); err != nil {
		return Written{}, fmt.Errorf("append %s: %w", links[0].Op, err)
	}
	limit, cancel := context.WithTimeout(ctx, a.waitLimit)
	defer cancel()
	_ = a.cfg.Ingester.Graph().Wait(limit, recs[len(recs)-1].Offset+1) // it is on the log: a later read shows it
	return Written{Position: positionOf(recs).String(), RequestID: c.request}, nil
}
