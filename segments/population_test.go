package segments

import (
	"fmt"
	"strconv"
	"time"

	"pgregory.net/rapid"

	"enishi"
	"enishi/profiles"
)

// drawPopulation makes people: two of three by hand, the others from what they did.
func drawPopulation(n int) (all []*profiles.View, byKey map[string]*profiles.View) {
	byKey = map[string]*profiles.View{}
	for seed := range n {
		v := rapid.Custom(drawView).Example(seed)
		if seed%3 == 2 {
			v = rapid.Custom(func(t *rapid.T) *profiles.View { return drawLife(t, seed) }).Example(seed)
		}
		if byKey[text16(v.ID)] == nil {
			byKey[text16(v.ID)] = v
			all = append(all, v)
		}
	}
	return all, byKey
}

// drawLife is somebody as events make one: late, repeated and updated out of order, refunded and returned; every second one
// is merged from two, some of them un-merged again and merged anew.
func drawLife(t *rapid.T, n int) *profiles.View {
	fold := func(who string) *profiles.Profile {
		p := profiles.New(enishi.NewID("life", who))
		at := made.Add(-time.Duration(rapid.IntRange(60, 300*24*60).Draw(t, "known for")) * time.Minute)
		for k := 0; k < 40 && at.Before(made.Add(-time.Second)); k++ {
			e := drawEvent(t, k, who, at)
			if e.Type == "message.bounced" {
				e.Result.Reason = "hard"
			}
			if e.Hold != nil && e.Hold.Until.IsZero() {
				e.Hold.Until = e.At.Add(30 * 24 * time.Hour)
			}
			delete(e.Person.Traits, "name") // the columns of names are those of the traits here
			p.Apply(e, at)
			if rapid.IntRange(0, 9).Draw(t, "twice") == 0 {
				p.Apply(e, at)
			}
			at = at.Add(time.Duration(rapid.Int64Range(1, int64(15*24*time.Hour/time.Millisecond)).Draw(t, "ms")) * time.Millisecond)
		}
		return p
	}
	p := fold(fmt.Sprint("l", n))
	if rapid.Bool().Draw(t, "merged") {
		other := fold(fmt.Sprint("m", n))
		var theirs []enishi.ID
		for i := range other.Subjects {
			theirs = append(theirs, other.Subjects[i].ID)
		}
		p.Absorb(other, made)
		if rapid.IntRange(0, 2).Draw(t, "apart") == 0 {
			moved := p.Extract(theirs)
			if rapid.Bool().Draw(t, "again") {
				p.Absorb(moved, made)
			}
		}
	}
	return p.View()
}

// aboutEach are an expression or two about each scalar and list, at the value that somebody has.
func aboutEach(people []*profiles.View, at time.Time) []string {
	all := []string{`in_list("fair") && ltv >= 0`, `in_list("staff") || any(orders, .total > 0)`}
	environments := make([]map[string]any, len(people))
	for k, v := range people {
		environments[k] = environment(v, at)
	}
	for k, f := range Fields() {
		if f.Kind == Bool {
			all = append(all, f.Name)
			continue
		}
		for n, found := 0, 0; n < len(people) && found < 2; n++ {
			x := environments[(n+k*7)%len(people)][f.Name]
			if nothing(x) {
				continue
			}
			found++
			sign := []string{" >= ", " == "}[found-1]
			switch x := x.(type) {
			case string:
				all = append(all, f.Name+sign+quote(x))
			case time.Time:
				all = append(all, f.Name+sign+"date("+quote(x.Format(time.RFC3339Nano))+")")
			case num:
				all = append(all, f.Name+sign+strconv.FormatFloat(x.double(), 'f', -1, 64))
			case []any:
				all = append(all, quote(x[0].(string))+" in "+f.Name)
			}
		}
	}
	for _, l := range Collections() {
		all = append(all, "count("+l.Name+") >= 1", "count("+l.Name+") == 2")
	}
	return all
}
