package simulation

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/internal/pipeline"
)

// Names of numbers, which open the people behind them. Some go on with a colon and of what.
const (
	ofEntered    = "entered"
	ofNotEntered = "not_entered" // :REASON
	ofNode       = "node"        // :ID, runs that came to it
	ofWaiting    = "waiting"     // :ID, runs that stand at it; alone: all that have not ended
	ofSentAt     = "sent_at"     // :ID
	ofNotSentAt  = "not_sent_at" // :ID
	ofEnd        = "end"         // :HOW, and :HOW:WHY
	ofSent       = "sent"        // also :CHANNEL and :CHANNEL:DAY
	ofNotSent    = "not_sent"    // :REASON
	ofShifted    = "shifted"
	ofOrdered    = "ordered"
)

// mark is what one person adds to a number.
type mark struct {
	of string
	n  int64
}

// outcome is what was found of one person.
type outcome struct {
	marks   []mark
	events  int
	revenue map[string]enishi.Amount // of observed orders, by currency
}

// tally adds outcomes up.
type tally struct {
	counts  map[string]int64
	people  map[string]int64
	lists   map[string][]uint32 // places in the run's list of people, rising
	listed  int
	cut     bool
	events  int64
	revenue map[string]enishi.Amount
}

// maxListed bounds the entries of all lists of people of one side of a simulation, 4 bytes each.
const maxListed = 4 << 20

func newTally() *tally {
	return &tally{counts: map[string]int64{}, people: map[string]int64{}, lists: map[string][]uint32{}, revenue: map[string]enishi.Amount{}}
}

// add takes one person's outcome. People come in the order of their ids.
func (t *tally) add(place uint32, o *outcome) {
	t.events += int64(o.events)
	for currency, amount := range o.revenue {
		t.revenue[currency] += amount
	}
	for _, m := range o.marks {
		t.counts[m.of] += m.n
		t.people[m.of]++
		if t.listed >= maxListed {
			t.cut = true
			continue
		}
		t.listed++
		t.lists[m.of] = append(t.lists[m.of], place)
	}
}

// marks gathers marks of one person.
type marks map[string]int64

func (m marks) add(parts ...string) { m[strings.Join(parts, ":")]++ }

func (m marks) list() []mark {
	out := make([]mark, 0, len(m))
	for of, n := range m {
		out = append(out, mark{of, n})
	}
	slices.SortFunc(out, func(a, b mark) int { return cmp.Compare(a.of, b.of) })
	return out
}

// look is one message that a run came to: the decisions about it, up to the one that ended the question.
type look struct {
	node    string
	sent    bool
	shifted bool
	last    *enishi.Decision // the one that came furthest
}

// outcomeOf counts one person's play.
func outcomeOf(play *pipeline.Play, zone *time.Location, within time.Duration) *outcome {
	m := marks{}
	looks := map[enishi.ID]*look{} // by run: the message that it came to last
	done := func(run enishi.ID, waiting bool) {
		if l := looks[run]; l != nil {
			l.count(m, waiting)
			delete(looks, run)
		}
	}
	refused, entered := "", false
	var firstSent []time.Time
	for i := range play.Steps {
		s := &play.Steps[i]
		switch s.Kind {
		case pipeline.PlayEntered:
			m.add(ofEntered)
			entered = true
		case pipeline.PlayRefused:
			if refused == "" {
				refused = s.Reason
			}
		case pipeline.PlayCame:
			done(s.Run, false)
			m.add(ofNode, s.Node)
		case pipeline.PlayDecision:
			d := s.Decision
			l := looks[s.Run]
			if l == nil || l.node != s.Node {
				done(s.Run, false)
				l = &look{node: s.Node}
				looks[s.Run] = l
			}
			l.decided(d)
			if d.Sent {
				firstSent = append(firstSent, d.At)
				m.add(ofSent)
				m.add(ofSent, d.Channel)
				m.add(ofSent, d.Channel, d.At.In(zone).Format(time.DateOnly))
			}
		case pipeline.PlayEnded:
			done(s.Run, false)
			how, why, _ := strings.Cut(s.Reason, ":")
			m.add(ofEnd, how)
			if why != "" {
				m.add(ofEnd, how, why)
			}
		}
	}
	standing := map[enishi.ID]string{}
	for i := range play.Running {
		r := &play.Running[i]
		standing[r.ID] = r.Node
		m.add(ofWaiting)
		m.add(ofWaiting, r.Node)
	}
	for run, l := range looks {
		l.count(m, standing[run] == l.node)
	}
	if !entered && refused != "" {
		m.add(ofNotEntered, refused)
	}
	o := &outcome{events: play.Events}
	o.observe(play, m, firstSent, within)
	o.marks = m.list()
	return o
}

// decided takes a decision of the message in.
func (l *look) decided(d *enishi.Decision) {
	if d.Sent {
		l.sent = true
		return
	}
	if n := len(d.Checks); n > 0 && d.Reason == "quiet_hours" && strings.HasPrefix(d.Checks[n-1].Detail, "until ") {
		l.shifted = true
	}
	if l.last == nil || len(d.Checks) >= len(l.last.Checks) {
		l.last = d
	}
}

// count counts the message when nothing more is decided about it. One that waits for its hours is neither sent nor not.
func (l *look) count(m marks, waiting bool) {
	if l.shifted {
		m.add(ofShifted)
	}
	switch {
	case l.sent:
		m.add(ofSentAt, l.node)
	case !waiting && l.last != nil:
		m.add(ofNotSent, l.last.Reason)
		m.add(ofNotSentAt, l.node)
	}
}

// observe counts the valid orders that no subscription placed, within a time after a message.
func (o *outcome) observe(play *pipeline.Play, m marks, sent []time.Time, within time.Duration) {
	if play.View == nil || len(sent) == 0 {
		return
	}
	for i := range play.View.Orders {
		x := &play.View.Orders[i]
		after := func(at time.Time) bool { return !x.PlacedAt.Before(at) && x.PlacedAt.Before(at.Add(within)) }
		if !x.Valid || x.Automatic || !slices.ContainsFunc(sent, after) {
			continue
		}
		m.add(ofOrdered)
		if o.revenue == nil {
			o.revenue = map[string]enishi.Amount{}
		}
		currency := x.Currency
		if currency == "" {
			currency = "JPY"
		}
		o.revenue[currency] += x.Revenue
	}
}
