package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"enishi"
	"enishi/ingest"
	"enishi/profiles"
	"enishi/segments"
)

// maxRedirects bounds how many merges a page follows.
const maxRedirects = 16

// load reads a person's state, following merges. redirected is the id that was asked for when it is not the person's own.
func (a *API) load(ctx context.Context, text string) (p *profiles.Profile, redirected enishi.ID, err error) {
	asked, err := enishi.ParseID(text)
	if err != nil {
		return nil, redirected, notFound("person", "顧客")
	}
	id := asked
	for range maxRedirects {
		var state, redirect string
		var deleted uint8
		// The newest row and not FINAL, which would unpack what stands beside it in every part: so the state of one row alone is read.
		err := a.one(ctx, fmt.Sprintf("SELECT redirect, state, is_deleted FROM profiles WHERE partition = %d AND profile_id = %s ORDER BY version DESC LIMIT 1 SETTINGS max_threads = 1",
			id.Partition(a.cfg.Stream.Partitions(enishi.TopicEvents)), idLiteral(id)), nil, &redirect, &state, &deleted)
		if errors.Is(err, errNoRow) || err == nil && deleted == 1 {
			// An identifier that is part of somebody has no state of its own.
			if winner := a.cfg.Ingester.Graph().Resolve(id); winner != id {
				id = winner
				continue
			}
			return nil, redirected, notFound("person", "顧客")
		}
		if err != nil {
			return nil, redirected, fmt.Errorf("read profile: %w", err)
		}
		if to := idOf(redirect); !to.IsZero() {
			id = to
			continue
		}
		if p, err = profiles.Decode(id, state); err != nil {
			return nil, redirected, fmt.Errorf("read profile %s: %w", id, err)
		}
		if id != asked {
			redirected = asked
		}
		return p, redirected, nil
	}
	return nil, redirected, fmt.Errorf("profile %s: more than %d redirects", asked, maxRedirects)
}

// subjects are all ids under which rows of a person may stand: its identifiers and its own id.
func subjects(p *profiles.Profile) []enishi.ID {
	out := []enishi.ID{p.ID}
	for i := range p.Subjects {
		if p.Subjects[i].ID != p.ID {
			out = append(out, p.Subjects[i].ID)
		}
	}
	return out
}

type personOutput struct{ Body personPage }

// personPage is everything about one person.
type personPage struct {
	ID              enishi.ID       `json:"id"`
	RedirectedFrom  string          `json:"redirected_from,omitempty"`
	Name            personName      `json:"name"`
	Header          personHeader    `json:"header"`
	Reach           []channelReach  `json:"reach"`
	Stage           *stageRow       `json:"stage,omitempty" doc:"Of the lifecycle."`
	Features        []featureRow    `json:"features"`
	Identifiers     []identifierRow `json:"identifiers"`
	Traits          []traitRow      `json:"traits"`
	Consents        []consentRow    `json:"consents"`
	Hold            *holdRow        `json:"hold,omitempty"`
	Risks           []string        `json:"risks"`
	Segments        []membershipRow `json:"segments"`
	Runs            []runRow        `json:"runs"`
	Next            []nextRow       `json:"next"`
	Orders          []orderRow      `json:"orders"`
	CompleteThrough time.Time       `json:"complete_through"`
}

type personName struct {
	Family     string `json:"family"`
	Given      string `json:"given"`
	FamilyKana string `json:"family_kana"`
	GivenKana  string `json:"given_kana"`
	Display    string `json:"display"`
}

type personHeader struct {
	OrdersCount        int64         `json:"orders_count"`
	LTV                enishi.Amount `json:"ltv"`
	Currency           string        `json:"currency"`
	LastOrderAt        time.Time     `json:"last_order_at,omitzero"`
	LastStore          string        `json:"last_store,omitempty"`
	SubscriptionOrders int64         `json:"subscription_orders"`
}

type identifierRow struct {
	Kind        string    `json:"kind"`
	Scope       string    `json:"scope"`
	Value       string    `json:"value"`
	Meant       string    `json:"meant,omitempty" doc:"Of a mail address that looks mistyped: the one that was probably meant. Nothing is changed by it."`
	FirstSeenAt time.Time `json:"first_seen_at"`
	LastSeenAt  time.Time `json:"last_seen_at"`
	Subject     enishi.ID `json:"subject"`
}

type traitRow struct {
	Name   string    `json:"name"`
	Label  Text      `json:"label"`
	Value  string    `json:"value" doc:"In the language of the request."`
	At     time.Time `json:"at"`
	Hidden bool      `json:"hidden,omitempty" doc:"The trait is marked as sensitive (要配慮), and the caller's role is below approver: no value is answered."`
}

type consentRow struct {
	Channel string    `json:"channel"`
	Purpose string    `json:"purpose"`
	State   string    `json:"state" enum:"in,out"`
	At      time.Time `json:"at"`
	Method  string    `json:"method"`
}

type holdRow struct {
	Reason string    `json:"reason"`
	Until  time.Time `json:"until" doc:"The year 9999 is without end."`
}

func (a *API) getPerson(ctx context.Context, in *PersonPath) (*personOutput, error) {
	var p *profiles.Profile
	var redirected enishi.ID
	var through time.Time
	g, both := errgroup.WithContext(ctx)
	g.Go(func() (err error) { p, redirected, err = a.load(both, in.ID); return err })
	g.Go(func() (err error) { through, err = a.through(ctx); return err }) // others wait for this answer too: it goes on when nobody is found
	if err := g.Wait(); err != nil {
		return nil, err
	}
	v, now := p.View(), a.now()
	out := &personOutput{personPage{ID: p.ID, Reach: reachOf(v, now), Risks: append([]string{}, v.Risks...)}}
	b := &out.Body
	if !redirected.IsZero() {
		b.RedirectedFrom = redirected.String()
	}
	b.Name = nameOf(v)
	b.Header = a.header(v)
	b.Identifiers, b.Consents = identifierRows(p), consentRows(v)
	b.Traits = a.traitRows(p, callOf(ctx).caller.role, language(ctx))
	b.Stage, b.Features = a.stage(v, now), a.features(v, now)
	if reason, until, held := v.Held(now); held {
		b.Hold = &holdRow{reason, until}
	}
	b.Segments = a.memberships(p, now)
	b.Runs, b.Next = a.runs(p)
	b.Next = append(b.Next, a.planned(p, now)...)
	sort.SliceStable(b.Next, func(i, j int) bool { return b.Next[i].At.Before(b.Next[j].At) })
	b.Next = b.Next[:min(len(b.Next), maxNext)]
	b.Orders, b.CompleteThrough = a.orderRows(v, maxShownOrders), through
	return out, nil
}

func nameOf(v *profiles.View) personName {
	n := personName{}
	n.Family, n.Given, n.FamilyKana, n.GivenKana = v.Name()
	n.Display = fullName(n.Family, n.Given)
	return n
}

func (a *API) header(v *profiles.View) personHeader {
	h := personHeader{OrdersCount: v.OrdersCount, LTV: v.LTV, Currency: v.Currency, LastOrderAt: v.LastOrderAt}
	for i := range v.Orders {
		o := &v.Orders[i]
		if o.Valid && o.Automatic {
			h.SubscriptionOrders++
		}
		if o.Valid && o.PlacedAt.Equal(v.LastOrderAt) {
			h.LastStore = a.storeName(o.StoreID)
		}
	}
	return h
}

func identifierRows(p *profiles.Profile) []identifierRow {
	out := []identifierRow{}
	for i := range p.Subjects {
		s := &p.Subjects[i]
		if s.Kind == 0 || s.Value == "" {
			continue // known by its hash alone
		}
		row := identifierRow{Kind: s.Kind.String(), Scope: s.Scope, Value: s.Value, FirstSeenAt: s.FirstSeen, LastSeenAt: s.LastSeen, Subject: s.ID}
		if s.Kind == enishi.Email {
			row.Meant, _ = ingest.EmailHint(s.Value)
		}
		out = append(out, row)
	}
	strength := func(kind string) enishi.Kind { k, _ := enishi.ParseKind(kind); return k }
	sort.SliceStable(out, func(i, j int) bool { return strength(out[i].Kind) < strength(out[j].Kind) })
	return out
}

// traitRows are the newest values, those of the reserved list first and in its order.
func (a *API) traitRows(p *profiles.Profile, who role, lang string) []traitRow {
	set := a.traitsSetting()
	newest := map[string]*profiles.Trait{}
	for i := range p.Subjects {
		for t := range p.Subjects[i].Traits {
			x := &p.Subjects[i].Traits[t]
			if old := newest[x.Name]; x.Value.Kind != enishi.Null && (old == nil || x.At.After(old.At)) {
				newest[x.Name] = x
			}
		}
	}
	order := func(name string) int {
		if i := slices.Index(enishi.TraitNames[:], name); i >= 0 {
			return i
		}
		return len(enishi.TraitNames)
	}
	names := sortedKeys(newest)
	sort.SliceStable(names, func(i, j int) bool { return order(names[i]) < order(names[j]) })
	out := []traitRow{}
	for _, name := range names {
		x := newest[name]
		row := traitRow{Name: name, Label: set.label(name), At: x.At}
		if row.Hidden = set.hides(name, who); !row.Hidden {
			row.Value = a.traitValue(name, x.Value).in(lang)
		}
		out = append(out, row)
	}
	return out
}

// traitValue is a value in words where its trait is one with known values.
func (a *API) traitValue(name string, v enishi.Value) Text {
	text := v.String()
	switch {
	case name == "main_store_id":
		return plain(a.storeName(text))
	case v.Kind == enishi.Bool:
		return word("bool", text)
	case v.Kind == enishi.Instant:
		return timeText(time.UnixMilli(int64(v.Number)), a.now(), a.zone())
	}
	for _, code := range [...]string{text, ""} {
		if t, ok := words["value."+name+"."+code]; ok {
			return t
		}
	}
	return plain(text)
}

// consentRows are the permissions as they count now: the strictest of all addresses, with its evidence.
func consentRows(v *profiles.View) []consentRow {
	type pair struct{ channel, purpose string }
	method := map[pair]profiles.Consent{}
	for i := range v.Profile.Subjects {
		for k := range v.Profile.Subjects[i].Consents {
			c := &v.Profile.Subjects[i].Consents[k]
			key := pair{c.Channel, c.Purpose}
			if old, ok := method[key]; !ok || c.At.After(old.At) {
				method[key] = *c
			}
		}
	}
	out := []consentRow{}
	for key, c := range method {
		if state, since := v.Consent(key.channel, key.purpose); state != profiles.Unknown {
			out = append(out, consentRow{key.channel, key.purpose, state, since, c.Method})
		}
	}
	sort.Slice(out, func(i, j int) bool {
		return out[i].Channel+out[i].Purpose < out[j].Channel+out[j].Purpose
	})
	return out
}

// orderRow is an order on a person's page.
type orderRow struct {
	OrderID     string        `json:"order_id"`
	Status      string        `json:"status"`
	StatusLabel Text          `json:"status_label"`
	PlacedAt    time.Time     `json:"placed_at"`
	Total       enishi.Amount `json:"total"`
	Currency    string        `json:"currency"`
	Items       int64         `json:"items"`
	Channel     string        `json:"channel"`
	StoreID     string        `json:"store_id"`
	StoreName   string        `json:"store_name"`
	Shipments   []shipmentRow `json:"shipments"`
	Lines       []lineRow     `json:"lines"`
}

type shipmentRow struct {
	ShipmentID  string    `json:"shipment_id"`
	Status      string    `json:"status"`
	StatusLabel Text      `json:"status_label"`
	Carrier     string    `json:"carrier"`
	Tracking    string    `json:"tracking"`
	DeliveredAt time.Time `json:"delivered_at,omitzero"`
	EstimatedAt time.Time `json:"estimated_at,omitzero"`
}

type lineRow struct {
	ProductID string        `json:"product_id"`
	Name      string        `json:"name"`
	Quantity  int           `json:"quantity"`
	Price     enishi.Amount `json:"price"`
}

// maxShownOrders bounds a page: a person has up to a thousand.
const maxShownOrders = 200

// orderRows are the newest orders first, with their parcels.
func (a *API) orderRows(v *profiles.View, most int) []orderRow {
	out := []orderRow{}
	for i := len(v.Orders) - 1; i >= 0 && len(out) < most; i-- {
		o := &v.Orders[i]
		currency := o.Currency
		if currency == "" {
			currency = "JPY"
		}
		row := orderRow{OrderID: o.OrderID, Status: o.Status, StatusLabel: word("order_status", o.Status), PlacedAt: o.PlacedAt, Total: o.Total, Currency: currency,
			Items: o.Items, Channel: o.Channel, StoreID: o.StoreID, StoreName: a.storeName(o.StoreID), Shipments: []shipmentRow{}, Lines: []lineRow{}}
		for k := range o.Lines {
			l := &o.Lines[k]
			row.Lines = append(row.Lines, lineRow{l.ProductID, l.Name, max(l.Quantity, 1), l.Price})
		}
		for k := range v.Shipments {
			s := &v.Shipments[k]
			if s.OrderID != o.OrderID {
				continue
			}
			row.Shipments = append(row.Shipments, shipmentRow{s.ShipmentID, s.Status, word("shipment_status", s.Status), s.Carrier, s.Tracking, s.DeliveredAt, s.EstimatedAt})
		}
		out = append(out, row)
	}
	return out
}

// storeName is a store as people call it: by its definition, or by the setting stores ({"ginza": "銀座本店"}).
func (a *API) storeName(id string) string {
	if id == "" {
		return ""
	}
	if d, ok := a.cfg.Definitions.Current(segments.KindStore, id); ok {
		if title := definitionTitle(&d); title.JA != "" {
			return title.JA
		}
	}
	var names map[string]string
	if a.setting("stores", &names) && strings.TrimSpace(names[id]) != "" {
		return names[id]
	}
	return id
}
