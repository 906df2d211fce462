package audiences

import (
	"context"
	"fmt"
	"time"

	"enishi/segments/audiences/match"
)

// World is the shop of the tests, for those that know platforms, which this package must not.
type World struct{ w *world }

// NewWorld is a shop without people.
func NewWorld() World { return World{newWorld()} }

// Set says how somebody is: whether in the segment, and who they are; nil is erased.
func (x World) Set(n int, in bool, consent string, p *match.Person) {
	id := person(n)
	delete(x.w.people, id)
	delete(x.w.members, id)
	if p != nil {
		x.w.people[id] = &candidate{Profile: id, Found: true, Consent: consent, Person: *p}
		if in {
			x.w.members[id] = true
		}
	}
}

// Wanted are the identifiers of everybody who belongs into the list.
func (x World) Wanted(platform string) (out []match.Key) {
	rules, _ := match.For(platform)
	for id := range x.w.members {
		if c := x.w.people[id]; c.Consent == "in" {
			out = append(out, rules.Keys(&c.Person, []match.Kind{match.Email, match.Phone, match.LINE})...)
		}
	}
	return out
}

// Told are the identifiers that have a disclosure.
func (x World) Told() map[match.Key]bool {
	out := map[match.Key]bool{}
	for _, d := range x.w.disclosures {
		for _, k := range d.Keys {
			out[k] = true
		}
	}
	return out
}

// small lets a platform be called with few people at a time, without its pace, for few people.
type small struct{ Platform }

func (p small) Facts() Facts {
	f := p.Platform.Facts()
	f.Batch, f.Calls, f.Minimum = 3, 0, 0
	return f
}

// Sync is one run against a platform by a process that was just started; fault is where it dies.
func (x World) Sync(ctx context.Context, p Platform, now func() time.Time, fault func(point string) error) (*Standing, error) {
	def, err := Parse([]byte(`{"title": "優良顧客", "segment": "vip", "destination": "ads"}`))
	if err != nil {
		return nil, err
	}
	s := newSyncer(Config{Destinations: map[string]*Destination{"ads": {Name: "ads", Recipient: "Ads Inc.", Country: "US", Basis: ByConsent, Consent: "ads.marketing", Platform: small{p}}},
		Segment: func(context.Context, string) (Segment, error) {
			return Segment{Size: len(x.w.members), Found: true}, nil
		}, Now: now}, x.w)
	s.Fault = fault
	st, err := s.Sync(ctx, "vip", def)
	if err != nil {
		return nil, fmt.Errorf("sync: %w", err)
	}
	return st, nil
}
