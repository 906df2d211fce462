package simulation

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/internal/pipeline"
)

// Number counts something, and opens the people behind it.
type Number struct {
	Of     string `json:"of" doc:"What to ask people for, by the parameter of."`
	Count  int64  `json:"count" doc:"Runs, messages or orders."`
	People int64  `json:"people" doc:"How many people they belong to."`
}

// Reason is a number with why.
type Reason struct {
	Number
	Reason string `json:"reason"`
}

// Node is what happened at a step of the journey.
type Node struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Came    Number `json:"came" doc:"Runs that came to it."`
	Waiting Number `json:"waiting" doc:"Runs that stand at it when the time is over."`
	Sent    Number `json:"sent"`
	NotSent Number `json:"not_sent"`
}

// End is how runs ended.
type End struct {
	Number
	End string `json:"end" enum:"completed,goal,exited,merged,cancelled,error"`
	Why string `json:"why,omitempty" doc:"The event or segment; of those by end alone: all."`
}

// Channel is what one channel would have sent.
type Channel struct {
	Number
	Channel string         `json:"channel"`
	Cost    *enishi.Amount `json:"cost,omitempty" doc:"By the setting costs; absent: it names no price for the channel."`
}

// Day is what one channel would have sent on a day of the shop's zone.
type Day struct {
	Number
	Day     string `json:"day"`
	Channel string `json:"channel"`
}

// Observed is what people did in fact within some days after a message would have left: observed, not caused.
type Observed struct {
	Days     int            `json:"days"`
	Orders   Number         `json:"orders" doc:"Valid orders that no subscription placed."`
	Revenue  []enishi.Money `json:"revenue"`
	Complete bool           `json:"complete" doc:"false: for the last messages the days are not over yet."`
}

// Month is what 30 days would bring at the same pace, of everybody when it was tried on a sample.
type Month struct {
	Entered int64          `json:"entered"`
	Sent    int64          `json:"sent"`
	Cost    *enishi.Amount `json:"cost,omitempty"`
}

// Result is what one version of the journey would have done.
type Result struct {
	People     int64          `json:"people" doc:"Whose past was looked at."`
	Events     int64          `json:"events" doc:"Of theirs that were folded."`
	Entered    Number         `json:"entered" doc:"Runs that began."`
	NotEntered []Reason       `json:"not_entered" doc:"People who came to the entry and never entered, by the first rule against it."`
	Running    Number         `json:"running" doc:"Runs that have not ended when the time is over."`
	Nodes      []Node         `json:"nodes"`
	Ends       []End          `json:"ends"`
	Sent       Number         `json:"sent"`
	Channels   []Channel      `json:"channels"`
	Days       []Day          `json:"days"`
	NotSent    []Reason       `json:"not_sent" doc:"Messages that were not sent, by the check that came furthest."`
	Shifted    Number         `json:"shifted" doc:"Messages that waited for the end of quiet hours or for a day on which messages leave."`
	Cost       *enishi.Amount `json:"cost,omitempty" doc:"Of the channels that have a price."`
	Currency   string         `json:"currency" doc:"Of the costs."`
	Unpriced   []string       `json:"unpriced" doc:"Channels without a price in the setting costs."`
	Observed   Observed       `json:"observed"`
	Month      Month          `json:"month"`
	ListsCut   bool           `json:"lists_cut,omitempty" doc:"There are too many people to list all behind the numbers; the numbers are whole."`
}

// Difference is a number beside that of the live version, and who makes it.
type Difference struct {
	Of       string `json:"of" doc:"The number that is compared."`
	Here     int64  `json:"here" doc:"People."`
	Live     int64  `json:"live"`
	OnlyHere Number `json:"only_here" doc:"People of this one alone."`
	OnlyLive Number `json:"only_live" doc:"People of the live version alone."`
}

func (t *tally) number(parts ...string) Number {
	of := strings.Join(parts, ":")
	return Number{Of: of, Count: t.counts[of], People: t.people[of]}
}

// rest lists what follows a prefix in the names of numbers, in order.
func (t *tally) rest(prefix string, colons int) []string {
	var out []string
	for of := range t.counts {
		if rest, ok := strings.CutPrefix(of, prefix+":"); ok && strings.Count(rest, ":") == colons {
			out = append(out, rest)
		}
	}
	slices.Sort(out)
	return out
}

// result makes what is told of a tally.
func (t *tally) result(people int64, trial *pipeline.Trial, q *Request, now time.Time) *Result {
	r := &Result{People: people, Events: t.events, Entered: t.number(ofEntered), Running: t.number(ofWaiting), Sent: t.number(ofSent),
		Shifted: t.number(ofShifted), Currency: q.Currency, NotEntered: []Reason{}, Nodes: []Node{}, Ends: []End{}, Channels: []Channel{},
		Days: []Day{}, NotSent: []Reason{}, Unpriced: []string{}, ListsCut: t.cut}
	for _, colons := range [...]int{0, 1} {
		for _, why := range t.rest(ofNotEntered, colons) {
			r.NotEntered = append(r.NotEntered, Reason{t.number(ofNotEntered, why), why})
		}
		for _, how := range t.rest(ofEnd, colons) {
			end, why, _ := strings.Cut(how, ":")
			r.Ends = append(r.Ends, End{t.number(ofEnd, how), end, why})
		}
	}
	def := trial.Journey().Definition
	for _, id := range order(def.Start, slices.Sorted(maps.Keys(def.Nodes)), trial) {
		r.Nodes = append(r.Nodes, Node{id, def.Nodes[id].Type, t.number(ofNode, id), t.number(ofWaiting, id), t.number(ofSentAt, id), t.number(ofNotSentAt, id)})
	}
	for _, why := range t.rest(ofNotSent, 0) {
		r.NotSent = append(r.NotSent, Reason{t.number(ofNotSent, why), why})
	}
	for _, channel := range t.rest(ofSent, 0) {
		c := Channel{Number: t.number(ofSent, channel), Channel: channel}
		if price, ok := q.Prices[channel]; ok {
			cost := price * enishi.Amount(c.Count)
			c.Cost = &cost
			if r.Cost == nil {
				r.Cost = new(enishi.Amount)
			}
			*r.Cost += cost
		} else {
			r.Unpriced = append(r.Unpriced, channel)
		}
		r.Channels = append(r.Channels, c)
	}
	for _, rest := range t.rest(ofSent, 1) {
		channel, day, _ := strings.Cut(rest, ":")
		r.Days = append(r.Days, Day{t.number(ofSent, rest), day, channel})
	}
	slices.SortStableFunc(r.Days, func(a, b Day) int { return strings.Compare(a.Day, b.Day) })
	r.Observed = Observed{Days: q.Days, Orders: t.number(ofOrdered), Revenue: []enishi.Money{}, Complete: !now.Before(q.To.Add(q.within()))}
	for _, currency := range slices.Sorted(maps.Keys(t.revenue)) {
		r.Observed.Revenue = append(r.Observed.Revenue, enishi.Money{Amount: t.revenue[currency], Currency: currency})
	}
	r.Month = q.month(r)
	return r
}

// month stretches a result to 30 days and everybody.
func (q *Request) month(r *Result) Month {
	factor := float64(30*24*time.Hour) / float64(q.To.Sub(q.From)) * 100 / q.Sample
	of := func(n int64) int64 { return int64(math.Round(float64(n) * factor)) }
	m := Month{Entered: of(r.Entered.Count), Sent: of(r.Sent.Count)}
	if r.Cost != nil {
		cost := enishi.Amount(of(int64(*r.Cost)))
		m.Cost = &cost
	}
	return m
}

// order lists nodes as people come to them: from the start on, and then what is left by name.
func order(start string, names []string, trial *pipeline.Trial) []string {
	def := trial.Journey().Definition
	var out []string
	seen := map[string]bool{}
	queue := []string{start}
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		n := def.Nodes[id]
		if n == nil || seen[id] {
			continue
		}
		seen[id] = true
		out = append(out, id)
		for i := range n.Branches {
			queue = append(queue, n.Branches[i].Next)
		}
		for i := range n.Ways {
			queue = append(queue, n.Ways[i].Next)
		}
		queue = append(queue, n.Next, n.Else, n.OnTimeout)
	}
	for _, id := range names {
		if !seen[id] {
			out = append(out, id)
		}
	}
	return out
}

// Sides of a comparison, of which each number has people.
const (
	onlyHere = "only_here"
	onlyLive = "only_live"
)

// compare tells both sides apart, and notes who makes the differences in here's lists.
func compare(here, live *tally) []Difference {
	of := []string{ofEntered, ofSent}
	for _, channel := range slices.Compact(slices.Sorted(slices.Values(append(here.rest(ofSent, 0), live.rest(ofSent, 0)...)))) {
		of = append(of, ofSent+":"+channel)
	}
	of = append(of, ofEnd+":goal", ofOrdered)
	out := make([]Difference, 0, len(of))
	for _, name := range of {
		d := Difference{Of: name, Here: here.people[name], Live: live.people[name], OnlyHere: Number{Of: onlyHere + ":" + name}, OnlyLive: Number{Of: onlyLive + ":" + name}}
		for _, x := range [...]struct {
			n    *Number
			a, b []uint32
		}{{&d.OnlyHere, here.lists[name], live.lists[name]}, {&d.OnlyLive, live.lists[name], here.lists[name]}} {
			alone := without(x.a, x.b)
			x.n.Count, x.n.People = int64(len(alone)), int64(len(alone))
			here.lists[x.n.Of], here.people[x.n.Of], here.counts[x.n.Of] = alone, int64(len(alone)), int64(len(alone))
		}
		out = append(out, d)
	}
	return out
}

// without is a without b; both rise.
func without(a, b []uint32) []uint32 {
	var out []uint32
	at := 0
	for _, x := range a {
		for at < len(b) && b[at] < x {
			at++
		}
		if at == len(b) || b[at] != x {
			out = append(out, x)
		}
	}
	return out
}
