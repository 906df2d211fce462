package profiles

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"enishi"
)

// chatEvents are what a person did, by hours from a begin.
func chatEvents(begin time.Time) (out []*enishi.Event) {
	id := enishi.NewID("psid")
	add := func(hours int, typ string, properties map[string]string) {
		e := &enishi.Event{ID: enishi.NewID("e", fmt.Sprint(len(out))), Type: "social." + typ, At: begin.Add(time.Duration(hours) * time.Hour), Subject: id, Links: []enishi.ID{id},
			Person: &enishi.Person{SocialID: "7", SocialPage: "p"}, Properties: map[string]enishi.Value{"account": enishi.TextValue("default"), "platform": enishi.TextValue("instagram")}}
		for k, v := range properties {
			e.Properties[k] = enishi.TextValue(v)
		}
		out = append(out, e)
	}
	add(0, "story_mentioned", nil)
	add(10, "read", nil)
	add(20, "reacted", map[string]string{"action": "react"})
	add(30, "reacted", map[string]string{"action": "unreact"})
	add(40, "opted_in", map[string]string{"token": "T", "topic": "sale", "expires_at": begin.Add(100 * time.Hour).Format(time.RFC3339)})
	add(60, "opted_out", map[string]string{"token": "T", "topic": "sale"})
	add(70, "opted_in", map[string]string{"token": "T", "topic": "sale", "expires_at": begin.Add(90 * time.Hour).Format(time.RFC3339)})
	add(200, "referred", map[string]string{"ad": "1"})
	return out
}

// TestWindow: the window and the opt-in at each moment, whatever the order in which the events come.
func TestWindow(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	fold := func(events []*enishi.Event, until time.Duration) *Profile {
		p := New(enishi.NewID("psid"))
		for _, e := range events {
			if e.At.Before(begin.Add(until)) {
				p.Apply(e, begin.Add(1000*time.Hour))
			}
		}
		return p
	}
	events := chatEvents(begin)
	backwards := slices.Clone(events)
	slices.Reverse(backwards)
	for _, c := range []struct {
		at           int // hours
		open, permit bool
	}{{1, true, false}, {23, true, false}, {43, true, true}, {44, false, true}, {59, false, true}, {61, false, false}, {71, false, true}, {90, false, false}, {201, true, false}, {367, true, false}, {368, false, false}} {
		now := begin.Add(time.Duration(c.at) * time.Hour)
		one, other := fold(events, time.Duration(c.at)*time.Hour), fold(backwards, time.Duration(c.at)*time.Hour)
		for _, p := range []*Profile{one, other} {
			w, known := p.View().Window("social", "default", now)
			if !known || w.Open(now) != c.open || (w.Permit != nil) != c.permit {
				t.Errorf("after %d h: %+v, want open %t, permit %t", c.at, w, c.open, c.permit)
			}
			if reach := p.View().SocialReach(); now.Before(reach) != (c.open || c.permit) {
				t.Errorf("after %d h: reach until %s", c.at, reach)
			}
		}
		a, b := one.Subjects[0].Chats[0], other.Subjects[0].Chats[0]
		if !bytes.Equal(a.AppendWire(nil), b.AppendWire(nil)) {
			t.Errorf("after %d h: %+v backwards %+v", c.at, a, b)
		}
	}
	if _, known := New(enishi.NewID("x")).View().Window("email", "", begin); known {
		t.Error("mail has a window")
	}
}
