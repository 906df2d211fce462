package simulation

import (
	"testing"
	"time"

	"enishi"
	"enishi/internal/pipeline"
	"enishi/profiles"
)

// TestOutcome: how the steps of one person are counted.
func TestOutcome(t *testing.T) {
	at := time.Date(2026, 3, 1, 14, 30, 0, 0, time.UTC) // half past eleven at night in Tokyo
	zone := time.FixedZone("JST", 9*3600)
	run, other := enishi.NewID("run", "1"), enishi.NewID("run", "2")
	came := func(run enishi.ID, node string) pipeline.PlayStep {
		return pipeline.PlayStep{At: at, Kind: pipeline.PlayCame, Run: run, Node: node}
	}
	decided := func(run enishi.ID, node, channel, reason string, after time.Duration, checks ...enishi.Check) pipeline.PlayStep {
		return pipeline.PlayStep{At: at.Add(after), Kind: pipeline.PlayDecision, Run: run, Node: node,
			Decision: &enishi.Decision{RunID: run, Node: node, Channel: channel, Sent: reason == "sent", Reason: reason, At: at.Add(after), Checks: checks}}
	}
	night := enishi.Check{Name: "quiet_hours", Detail: "until 2026-03-02T00:00:00Z"}
	ok := enishi.Check{Name: "address", OK: true}
	play := &pipeline.Play{Events: 3, Steps: []pipeline.PlayStep{
		{At: at, Kind: pipeline.PlayRefused, Reason: "where"}, // and entered later: it is no refusal
		{At: at, Kind: pipeline.PlayEntered, Run: run, Reason: "order.placed"},
		came(run, "m"), decided(run, "m", "line", "quiet_hours", 0, ok, night), decided(run, "m", "line", "sent", 10*time.Hour, ok, ok),
		came(run, "n"), decided(run, "n", "email", "cap", 11*time.Hour, ok, ok, ok), decided(run, "n", "line", "address", 11*time.Hour, enishi.Check{Name: "address"}),
		{At: at, Kind: pipeline.PlayEnded, Run: run, Reason: "exited:order.cancelled"},
		{At: at, Kind: pipeline.PlayEntered, Run: other, Reason: "order.placed"},
		came(other, "m"), decided(other, "m", "line", "quiet_hours", 0, ok, night),
	}, Running: []profiles.Run{{ID: other, Node: "m"}}}
	valid := func(days int, automatic bool) profiles.OrderView {
		return profiles.OrderView{Order: &enishi.Order{Currency: "JPY", Automatic: automatic}, Valid: true, Revenue: 100 * enishi.Unit, PlacedAt: at.Add(10*time.Hour).AddDate(0, 0, days)}
	}
	play.View = &profiles.View{Orders: []profiles.OrderView{valid(-1, false), valid(2, false), valid(3, true), valid(9, false)}}
	o := outcomeOf(play, zone, 7*24*time.Hour)
	have := map[string]int64{}
	for _, m := range o.marks {
		have[m.of] = m.n
	}
	want := map[string]int64{"entered": 2, "node:m": 2, "node:n": 1, "sent": 1, "sent:line": 1, "sent:line:2026-03-02": 1, "sent_at:m": 1, "shifted": 2,
		"not_sent:cap": 1, "not_sent_at:n": 1, "end:exited": 1, "end:exited:order.cancelled": 1, "waiting": 1, "waiting:m": 1, "ordered": 1}
	for of, n := range want {
		if have[of] != n {
			t.Errorf("%s is %d, want %d", of, have[of], n)
		}
		delete(have, of)
	}
	if len(have) > 0 || o.revenue["JPY"] != 100*enishi.Unit || o.events != 3 {
		t.Errorf("too much: %v, %v, %d events", have, o.revenue, o.events)
	}
}

// TestCompare: who makes the difference of two sides.
func TestCompare(t *testing.T) {
	here, live := newTally(), newTally()
	for place, sides := range []string{"h", "hl", "l", "hl", "h"} {
		for _, s := range sides {
			t := map[rune]*tally{'h': here, 'l': live}[s]
			t.add(uint32(place), &outcome{marks: []mark{{ofSent, 2}, {"sent:email", 2}}})
		}
	}
	for _, d := range compare(here, live) {
		if d.Of != ofSent && d.Of != "sent:email" {
			continue
		}
		if d.Here != 4 || d.Live != 3 || d.OnlyHere.People != 2 || d.OnlyLive.People != 1 || len(here.lists["only_here:"+d.Of]) != 2 || here.lists["only_live:sent"][0] != 2 {
			t.Errorf("got %+v, %v", d, here.lists)
		}
	}
}
