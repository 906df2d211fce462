package api

import (
	"context"
	"fmt"
	"slices"
	"time"

	"enishi"
	"enishi/ingest"
)

type lookupInput struct {
	Kind  string `query:"kind" required:"true" enum:"customer,pos_card,line,email,phone,social,push_token,anonymous" doc:"Of the identifier."`
	Value string `query:"value" required:"true" minLength:"1" maxLength:"1000" doc:"As the shop has it: it is normalised as an event's is."`
	Scope string `query:"scope" maxLength:"200" doc:"Of LINE the provider, of a social id the page; LINE without one is the workspace's own provider."`
}

type lookupOutput struct{ Body lookupPage }

// lookupPage is what a shop's server asks for in the middle of a request: no lists, no texts for people.
type lookupPage struct {
	ID          enishi.ID         `json:"id"`
	Name        personName        `json:"name"`
	Identifiers []identifierRow   `json:"identifiers"`
	Traits      map[string]any    `json:"traits" doc:"As they were told; sensitive ones for approvers only."`
	Consents    map[string]string `json:"consents" doc:"As \"email.marketing\": \"in\" or \"out\"; who was never asked is absent."`
	Reach       map[string]bool   `json:"reach" doc:"By channel: whether advertising may go out now."`
	Segments    []string          `json:"segments" doc:"By name."`
	Stage       string            `json:"stage" doc:"Of the lifecycle; empty: none."`
	OrdersCount int64             `json:"orders_count"`
	LTV         enishi.Amount     `json:"ltv"`
	Currency    string            `json:"currency"`
	LastOrderAt time.Time         `json:"last_order_at,omitzero"`
	NextOrderAt time.Time         `json:"next_order_at,omitzero" doc:"The latest order and the person's rhythm; no prediction."`
	Points      int64             `json:"points"`
	Risks       []string          `json:"risks"`
}

// findPerson reads one row: the state as it was checkpointed last, at most some seconds old.
func (a *API) findPerson(ctx context.Context, in *lookupInput) (*lookupOutput, error) {
	kind, ok := enishi.ParseKind(in.Kind)
	if !ok {
		return nil, enishi.FieldError("query.kind", "is no kind of identifier", "識別子の種類ではありません。")
	}
	value, err := ingest.Normalise(kind, in.Value)
	if err != nil || value == "" {
		return nil, enishi.FieldError("query.value", "is no "+in.Kind, fmt.Sprintf("%sとして読めません。", word("identifier", in.Kind).JA))
	}
	x := enishi.Identifier{Kind: kind, Scope: in.Scope, Value: value, Raw: in.Value}
	if kind == enishi.LINEUser && x.Scope == "" {
		x.Scope = a.cfg.LINEProvider
	}
	p, _, err := a.load(ctx, a.cfg.Ingester.Graph().Resolve(a.cfg.Hasher.Hash(x)).String())
	if err != nil {
		return nil, err
	}
	v, now := p.View(), a.now()
	b := lookupPage{ID: p.ID, Name: nameOf(v), Identifiers: identifierRows(p), Traits: map[string]any{}, Consents: map[string]string{}, Reach: map[string]bool{}, Segments: []string{},
		OrdersCount: v.OrdersCount, LTV: v.LTV, Currency: v.Currency, LastOrderAt: v.LastOrderAt, NextOrderAt: v.Features.NextOrderAt, Points: v.Points, Risks: append([]string{}, v.Risks...)}
	marks, who := a.traitsSetting(), callOf(ctx).caller.role
	for name, value := range v.Traits {
		if !marks.hides(name, who) {
			b.Traits[name] = value.Any()
		}
	}
	for _, c := range consentRows(v) {
		b.Consents[c.Channel+"."+c.Purpose] = c.State
	}
	for _, r := range reachOf(v, now) {
		b.Reach[r.Channel] = r.OK
	}
	for i := range p.Memberships {
		b.Segments = append(b.Segments, p.Memberships[i].Segment)
	}
	slices.Sort(b.Segments)
	if s := a.stage(v, now); s != nil {
		b.Stage = s.Name
	}
	return &lookupOutput{b}, nil
}
