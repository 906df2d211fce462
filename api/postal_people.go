package api

import (
	"context"
	"fmt"
	"time"

	"enishi"
	"enishi/channels/dm/postal"
	"enishi/internal/pipeline"
	"enishi/profiles"
)

// PostalPeople reads how people stand, for batches of post: the states of the fold, and nothing else decides.
type PostalPeople struct {
	Store      *pipeline.Store
	Partitions int                          // of the topic events
	Resolve    func(id enishi.ID) enishi.ID // whom an identifier belongs to now
	Now        func() time.Time             // the shop's clock
}

// Load is postal.Config.People.
func (x PostalPeople) Load(ctx context.Context, ids []enishi.ID) (map[enishi.ID]*postal.Person, error) {
	out := make(map[enishi.ID]*postal.Person, len(ids))
	asked := map[enishi.ID][]enishi.ID{} // by the id that is looked for now
	for _, id := range ids {
		asked[id] = []enishi.ID{id}
	}
	for range maxRedirects {
		if len(asked) == 0 {
			return out, nil
		}
		want := map[int][]enishi.ID{}
		for id := range asked {
			want[id.Partition(x.Partitions)] = append(want[id.Partition(x.Partitions)], id)
		}
		have, err := x.Store.Load(ctx, pipeline.Want{States: want})
		if err != nil {
			return nil, fmt.Errorf("read people: %w", err)
		}
		next := map[enishi.ID][]enishi.ID{}
		for i := range have.States {
			s := &have.States[i]
			who := asked[s.ID]
			delete(asked, s.ID)
			if !s.Redirect.IsZero() {
				next[s.Redirect] = append(next[s.Redirect], who...)
				continue
			}
			p, err := profiles.Decode(s.ID, s.Bytes)
			if err != nil {
				return nil, fmt.Errorf("read profile %s: %w", s.ID, err)
			}
			person := postalPerson(p, x.Now())
			for _, id := range who {
				out[id] = person
			}
		}
		for id, who := range asked { // an identifier that is part of somebody has no state of its own
			if winner := x.Resolve(id); winner != id {
				next[winner] = append(next[winner], who...)
			}
		}
		asked = next
	}
	return out, nil
}

// postalPerson is what matters of somebody to post.
func postalPerson(p *profiles.Profile, now time.Time) *postal.Person {
	v := p.View()
	x := &postal.Person{ID: p.ID, Erased: p.Erased && len(p.Subjects) == 0, LTV: v.LTV, LastOrder: v.LastManualOrderAt, Goals: map[enishi.ID]bool{}, Pieces: map[enishi.ID]postal.Mailed{}}
	x.Family, _, _, _ = v.Name()
	x.Name = nameOf(v).Display
	if a, ok := v.PostalAddress(); ok {
		x.Address = &a
	} else if reason, suppressed := v.SuppressedOf(enishi.PostalChannel, ""); suppressed {
		x.Returned = reason
	}
	state, _ := v.Consent(enishi.PostalChannel, profiles.Marketing)
	x.OptedOut = state == profiles.Out
	if reason, _, held := v.Held(now); held {
		x.Held = reason
	}
	x.Deceased, x.Mourning = truthy(v.Traits["deceased"]), truthy(v.Traits["mourning"])
	for i := range v.Orders {
		if o := &v.Orders[i]; o.Valid && !o.Automatic {
			x.Orders = append(x.Orders, o.PlacedAt)
		}
	}
	for i := range p.Runs {
		if p.Runs[i].End == "goal" {
			x.Goals[p.Runs[i].ID] = true
		}
	}
	for i := range v.Messages {
		if m := &v.Messages[i]; m.Channel == enishi.PostalChannel && !m.SentAt.IsZero() {
			x.Pieces[m.SendID] = postal.Mailed{At: m.SentAt}
		}
	}
	return x
}

// truthy tells whether a trait says yes.
func truthy(v enishi.Value) bool {
	switch v.String() {
	case "", "0", "false", "no", "null", "いいえ", "なし":
		return false
	}
	return v.Kind != enishi.Null
}
