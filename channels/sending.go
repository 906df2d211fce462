package channels

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"enishi"
)

// SendingName is the setting that says what may leave. Every replica follows it, so that what is stopped stays so after a
// restart.
const SendingName = "sending"

// Sending is what may leave. The zero value lets everything go.
type Sending struct {
	Off   bool             `json:"off,omitempty"`   // nothing leaves
	Stops []Stop           `json:"stops,omitempty"` // what each holds does not leave
	Again map[string]int64 `json:"again,omitempty"` // by destination: a higher number lets one that is down try again
	// Discard drops what was parked for a destination until then.
	Discard map[string]time.Time `json:"discard,omitempty"`
}

// Scopes of a stop.
const (
	ScopeAll         = "all"
	ScopeChannel     = "channel"     // email, line
	ScopeDestination = "destination" // channel:account[:group], or its beginning up to a colon
	ScopeJourney     = "journey"
	ScopePrefecture  = "prefecture" // of the person: 東京都
)

// Stop holds messages back until it is lifted.
type Stop struct {
	ID     string    `json:"id"`
	Scope  string    `json:"scope"`
	Value  string    `json:"value,omitempty"` // none of ScopeAll
	Since  time.Time `json:"since"`
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
	// Drop ends as dropped what the stop holds and what still comes, instead of letting it wait.
	Drop bool `json:"drop,omitempty"`
}

// MaxStops is how many stops there may be at a time.
const MaxStops = 100

// ParseSending reads the setting. Its errors name the field.
func ParseSending(body []byte) (Sending, error) {
	var s Sending
	if err := json.Unmarshal(body, &s); err != nil {
		return s, enishi.FieldError("body.body", `what may leave is written as {"off": false, "stops": [{"id": ID, "scope": "all", "value": "", "by": NAME, "reason": TEXT}]}`,
			`配信の制御は {"off": false, "stops": [{"id": ID, "scope": "all", "value": "", "by": 名前, "reason": 理由}]} の形で書いてください。`)
	}
	if len(s.Stops) > MaxStops {
		return s, enishi.FieldError("body.stops", fmt.Sprintf("has more than %d stops: lift some, or stop everything", MaxStops), fmt.Sprintf("停止は %d 件までです。不要な停止を解除するか、すべてを停止してください。", MaxStops))
	}
	seen := map[string]bool{}
	for i := range s.Stops {
		x := &s.Stops[i]
		if err := x.check(); err != nil {
			return s, err
		}
		if x.ID == "" || seen[x.ID] {
			return s, enishi.FieldError("body.stops", "each stop needs an id of its own", "停止には、それぞれ別の id が必要です。")
		}
		seen[x.ID] = true
	}
	return s, nil
}

// check says what is wrong with a stop's scope.
func (x *Stop) check() error {
	switch x.Scope {
	case ScopeAll:
		if x.Value != "" {
			return enishi.FieldError("body.value", "a stop of everything names nothing", "「すべて」を停止するときは、対象を指定しません。")
		}
		return nil
	case ScopeChannel, ScopeDestination, ScopeJourney, ScopePrefecture:
		if x.Value == "" || len(x.Value) > 200 {
			return enishi.FieldError("body.value", "say which "+x.Scope+" is meant, in at most 200 bytes", "停止する対象を指定してください（200 バイトまで）。")
		}
		return nil
	}
	return enishi.FieldError("body.scope", "is all, channel, destination, journey or prefecture", "範囲は all、channel、destination、journey、prefecture のどれかです。")
}

// NewStop makes a stop; its id follows from the request, so that a repeat is the same stop.
func NewStop(request enishi.ID, scope, value, by, reason string, at time.Time) (Stop, error) {
	x := Stop{ID: request.String()[:12], Scope: scope, Value: value, Since: at.UTC(), By: by, Reason: reason}
	return x, x.check()
}

// Covers tells whether the stop is meant for a message of these.
func (x *Stop) Covers(destination, journey, prefecture string) bool {
	switch x.Scope {
	case ScopeAll:
		return true
	case ScopeChannel, ScopeDestination:
		// A notice leaves by the LINE account: who stops LINE, or an account of it, means its notices too.
		return matches(x.Value, destination) || matches(x.Value, parent(destination))
	case ScopeJourney:
		return x.Value == journey
	case ScopePrefecture:
		return x.Value == prefecture || shortPrefecture(x.Value) == shortPrefecture(prefecture)
	}
	return false
}

// parent is a destination as its parent channel names it: line:default for line_notice:default.
func parent(destination string) string {
	channel, rest, _ := strings.Cut(destination, ":")
	return enishi.ParentChannel(channel) + ":" + rest
}

// shortPrefecture is a prefecture as many shops write it: 東京 for 東京都.
func shortPrefecture(name string) string {
	if name == "東京都" {
		return "東京"
	}
	return strings.TrimSuffix(strings.TrimSuffix(name, "県"), "府")
}

// wide tells whether the stop is about whole destinations: they stand still. Others hold some messages of many.
func (x *Stop) wide() bool { return x.Scope != ScopeJourney && x.Scope != ScopePrefecture }

// droppedBy begins the reason of what a stop dropped; the stop's id follows.
const droppedBy = "stopped:"

// stopOf finds a stop that covers a message; one that drops goes before one that holds.
func (s *Sending) stopOf(m *enishi.Message) *Stop {
	var found *Stop
	for i := range s.Stops {
		if x := &s.Stops[i]; x.Covers(m.Destination, m.Journey, m.Prefecture) && (found == nil || x.Drop) {
			if found = x; x.Drop {
				break
			}
		}
	}
	return found
}

// holding are the stops whose messages wait in the ledger alone.
func (s *Sending) holding() []Stop {
	var out []Stop
	for _, x := range s.Stops {
		if !x.wide() && !x.Drop {
			out = append(out, x)
		}
	}
	return out
}

// Set changes what may leave: at once, but for calls under way. What is let go waits no longer; what has waited longer
// than Config.MaxWait by then goes back to the fold.
func (s *Sender) Set(x Sending) {
	x.Stops, x.Again, x.Discard = slices.Clone(x.Stops), maps.Clone(x.Again), maps.Clone(x.Discard)
	was := s.sending.Swap(&x)
	for _, sh := range s.owned() {
		sh.mu.Lock()
		for _, q := range sh.queues {
			_, before := was.standing(q.destination)
			if _, now := x.standing(q.destination); before && !now || x.again(q.destination) > was.again(q.destination) {
				q.forgive()
			}
			if at := x.discarded(q.destination); at.After(was.discarded(q.destination)) {
				q.shelf.discard = at
			}
			q.spilled, q.spills, q.swept = true, q.spills+1, time.Time{} // what waits in the ledger alone may go now
			q.poke()
		}
		sh.mu.Unlock()
	}
}

// Sending is what may leave now.
func (s *Sender) Sending() Sending { return *s.sending.Load() }

// Standing says how a destination stands by the setting alone: off, stopped, or "" when it may go.
func (s *Sending) Standing(destination string) string {
	why, _ := s.standing(destination)
	return why
}

// Whole tells how something stands that goes to many people of a destination by one call, of whom nobody can be left out: off,
// stopped, or "" when it may go. A stop of a prefecture holds it too, as its people may be among them; stop is the one that
// holds it, and says whether it is dropped.
func (s *Sending) Whole(destination string) (why string, stop *Stop) {
	if s.Off {
		return "off", nil
	}
	for i := range s.Stops {
		if x := &s.Stops[i]; (x.Scope == ScopePrefecture || x.Covers(destination, "", "")) && (stop == nil || x.Drop) {
			why, stop = "stopped", x
		}
	}
	return why, stop
}

// standing tells whether nothing may go to a destination.
func (s *Sending) standing(destination string) (why string, stands bool) {
	if s.Off {
		return "off", true
	}
	for i := range s.Stops {
		if x := &s.Stops[i]; x.wide() && x.Covers(destination, "", "") {
			return "stopped", true
		}
	}
	return "", false
}

// drops tells whether what waits for a destination that stands still is dropped.
func (s *Sending) drops(destination string) bool {
	return slices.ContainsFunc(s.Stops, func(x Stop) bool { return x.Drop && x.wide() && x.Covers(destination, "", "") })
}

// again counts how often a destination was told to try again.
func (s *Sending) again(destination string) (n int64) {
	for match, k := range s.Again {
		if matches(match, destination) {
			n += k
		}
	}
	return n
}

// held tells whether a message may not leave while others of its destination may.
func (s *Sender) held(m *enishi.Message) bool { return s.sending.Load().stopOf(m) != nil }

// parks tells whether a message that is held waits in the ledger alone, so that it takes nobody's place in memory.
func (s *Sender) parks(m *enishi.Message) bool {
	x := s.sending.Load().stopOf(m)
	return x != nil && !x.wide() && !x.Drop
}

// dropped ends a message that a stop drops. The caller takes it out of its lane.
func (q *queue) dropped(e *entry) bool {
	x := q.shard.s.sending.Load().stopOf(e.m)
	if x == nil || !x.Drop || !e.doubt && !q.shard.valid() {
		return false
	}
	state := stateDropped
	if e.doubt {
		state = stateUnknown
	}
	q.shard.end(e, state, outcome{reason: droppedBy + x.ID})
	return true
}

// park lets a message that is held leave memory; its row in the ledger says that it waits.
func (q *queue) park(e *entry) {
	if q.shard.entries[e.m.SendID] == e {
		delete(q.shard.entries, e.m.SendID)
	}
}

// matches tells whether a destination is meant: by its name, or by its beginning up to a colon; "" is all.
func matches(match, destination string) bool {
	rest, ok := strings.CutPrefix(destination, match)
	return ok && (match == "" || rest == "" || rest[0] == ':')
}
