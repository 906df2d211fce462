package pipeline

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"enishi"
	"enishi/segments"
)

// split asks after a day what the definitions say by then.
const split = `{"title":{"ja":"分ける","en":"Split"},"purpose":"transactional","consent":"not_refused","entry":{"event":"order.placed","reentry":"never"},
"start":"wait","nodes":{"wait":{"type":"wait","for":"1d","next":"ask"},
"ask":{"type":"branch","branches":[{"if":"in_segment(\"third\")","next":"third"},{"if":"rank(\"spend\") == 2 || distance(\"S1\") < 1","next":"spender"}],"else":"other"},
"third":{"type":"wait","for":"30d","next":"end"},"spender":{"type":"wait","for":"30d","next":"end"},"other":{"type":"wait","for":"30d","next":"end"},"end":{"type":"exit"}}}`

// TestBranchesByNames: a run asks for the segment and the ranking that its journey names as they are when it comes to the
// branch, also when it stands in a version that another has replaced; who asks for what was deleted goes the other way. A crash
// changes nothing of it. The worlds have one compiler: what it kept of one is not taken for the other's.
func TestBranchesByNames(t *testing.T) {
	t.Parallel()
	body := func(x any) []byte {
		b, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	c := newCompiler()
	order := segments.Order{Measure: "ltv", By: segments.By{Percentiles: []float64{50}}}
	run := func(change func(w *world)) map[string]int {
		w := shopWorld(t, c)
		w.defineSegment("third", `orders_count == 3`)
		w.define(segments.KindRanking, "spend", body(segments.Ranking{Title: segments.Label{EN: "Spend"}, Order: order}))
		w.define(segments.KindStore, "S1", []byte(`{"title":{"en":"S1"},"lat":35,"lon":135}`))
		w.define("journey", "split", []byte(split))
		w.rest()
		for i, p := range w.people { // two, four or three orders in all
			w.order(p, 8)
			if i%3 == 1 {
				w.order(p, 9)
				w.order(p, 10)
			}
		}
		w.rest()
		change(w)
		w.define("journey", "split", []byte(`{"title":{"ja":"分けない","en":"No split"},"purpose":"transactional","consent":"not_refused","entry":{"event":"order.placed","reentry":"never"},"start":"end","nodes":{"end":{"type":"exit"}}}`))
		w.rest()
		for _, n := range w.alive() {
			w.kill(n)
		}
		w.rebalance()
		w.rest()
		w.now = w.now.Add(25 * time.Hour)
		w.rest()
		at := map[string]int{}
		for i, p := range w.people {
			for _, r := range w.decode(w.store.states[w.graph.Resolve(identifierID(enishi.Customer, p.person.CustomerID))]).Runs {
				at[fmt.Sprintf("%d %s", i%3, r.Node)]++
			}
		}
		return at
	}
	f := func(want map[string]int, change func(w *world)) {
		t.Helper()
		if have := run(change); fmt.Sprint(have) != fmt.Sprint(want) {
			t.Errorf("runs stand at %v, want %v", have, want)
		}
	}
	f(map[string]int{"0 other": 134, "1 other": 133, "2 third": 133}, func(*world) {})
	f(map[string]int{"0 third": 134, "1 spender": 133, "2 other": 133}, func(w *world) {
		w.defineSegment("third", `orders_count == 2`)
		w.define(segments.KindCuts, "spend", body(segments.Cuts{Order: order, Points: []string{"25000"}, ComputedAt: w.now, People: 400}))
	})
	f(map[string]int{"0 other": 134, "1 other": 133, "2 other": 133}, func(w *world) {
		for _, x := range [][2]string{{"segment", "third"}, {segments.KindRanking, "spend"}, {segments.KindStore, "S1"}} {
			w.undefine(x[0], x[1])
		}
	})
}

// TestCompilerKeeps: what is as it was is not compiled anew, and what has changed is.
func TestCompilerKeeps(t *testing.T) {
	t.Parallel()
	c := newCompiler()
	names := map[string]string{"third": `orders_count == 3`}
	x := &enishi.Definition{Kind: "journey", Name: "split", Version: 4, Body: []byte(split)}
	compile := func() []string {
		current := func(kind, name string) (enishi.Definition, bool) {
			text, ok := names[name]
			return enishi.Definition{Body: fmt.Appendf(nil, `{"expression":%q}`, text)}, ok && kind == segments.KindSegment
		}
		if _, err := c.journey(x, lasting(Library(current))); err != nil {
			t.Fatal(err)
		}
		j := c.journeys[sourceOf(x)]
		return []string{fmt.Sprintf("%p", j), fmt.Sprint(j.Took(segments.KindSegment), j.Took(segments.KindRanking), j.Took(segments.KindStore))}
	}
	first := compile()
	if first[1] != "[third] [spend] [S1]" || !slices.Equal(compile(), first) {
		t.Errorf("compiled %v, then %v", first, compile())
	}
	names["other"] = `ltv > 1`
	if have := compile(); !slices.Equal(have, first) {
		t.Error("compiled anew for what it does not name")
	}
	names["third"] = `orders_count == 2`
	if have := compile(); have[0] == first[0] {
		t.Error("a changed segment is not taken in")
	}
}
