package journeys

import (
	"time"

	"enishi"
	"enishi/profiles"
)

// kept is what a run keeps of its entry, encoded in [profiles.Run.Variables]: what keys, branches and templates need that
// the profile does not tell. Its lists are short: the first of a name counts.
type kept struct {
	Key        string                  // of the run; it stands there
	Event      keptEvent               `wire:"1"`
	Keys       []keyed                 `wire:"2"` // of the entry event, besides the run's own
	Fields     []keptField             `wire:"3"` // event fields that branches of the version use
	Product    *enishi.Product         `wire:"4"`
	Properties map[string]enishi.Value `wire:"5"`
	Loops      []passed                `wire:"6"` // of nodes that a run can come to again
	Due        []dueAt                 `wire:"7"` // per message node: when its newest message was due
	Resend     *resend                 `wire:"8"` // this run is a deferred message that waits for its next round
	Coupon     *enishi.Coupon          `wire:"9"`
	Calls      []called                `wire:"11"` // per webhook node: its newest call and what it answered
	Held       bool                    `wire:"10"` // in the journey's own holdout: nothing is sent
}

// keptEvent is the entry event; a segment's entry has its type and instant.
type keptEvent struct {
	ID   enishi.ID `wire:"1"`
	Type string    `wire:"2"`
	At   time.Time `wire:"3"` // when it occurred: events before are not the run's
}

// keyed is a name with its text.
type keyed struct {
	Name string `wire:"1"`
	Text string `wire:"2"`
}

// keptField is an event field with its value.
type keptField struct {
	Name  string       `wire:"1"`
	Value enishi.Value `wire:"2"`
}

// passed counts how often a run came to a node, and when it last left it.
type passed struct {
	Node   string    `wire:"1"`
	Visits int       `wire:"2"`
	Left   time.Time `wire:"3"`
}

type dueAt struct {
	Node string    `wire:"1"`
	At   time.Time `wire:"2"`
}

// resend names the message of a deferred run, and the run that decided it first.
type resend struct {
	SendID  enishi.ID `wire:"1"`
	RunID   enishi.ID `wire:"2"`
	Round   int       `wire:"3"` // the one that was deferred; when the message has got further, by another copy of this run, nothing is left to do
	Channel string    `wire:"4"` // round 0: nothing was decided yet; the channel, as the node names it, that would take the message now
}

// read takes what a run keeps. What cannot be read is empty: the run goes on without keys.
func (k *kept) read(r *profiles.Run) {
	if k.ParseWire(r.Variables) != nil {
		*k = kept{}
	}
	k.Key = r.Key
}

// write stores what is kept in the run, and no memory of the event.
func (k *kept) write(r *profiles.Run) {
	var buf [1024]byte
	r.Variables = string(k.AppendWire(buf[:0]))
}

// keyValue is what the entry event had under a key.
func (k *kept) keyValue(name, entryKey string) string {
	if name == entryKey {
		return k.Key
	}
	for i := range k.Keys {
		if k.Keys[i].Name == name {
			return k.Keys[i].Text
		}
	}
	return ""
}

// field is an event field of the entry, nil when the run began without it.
func (k *kept) field(name string) any {
	for i := range k.Fields {
		if k.Fields[i].Name == name {
			return k.Fields[i].Value.Any()
		}
	}
	return nil
}

// valueOf is what a [field] gave.
func valueOf(x any) enishi.Value {
	switch x := x.(type) {
	case string:
		return enishi.TextValue(x)
	case float64:
		return enishi.NumberValue(x)
	case bool:
		return enishi.BoolValue(x)
	}
	return enishi.Value{}
}

// loop is how a run passed a node, nil when it never came to it or cannot come again.
func (k *kept) loop(node string) *passed {
	for i := range k.Loops {
		if k.Loops[i].Node == node {
			return &k.Loops[i]
		}
	}
	return nil
}

// due is when the newest message of a node was due.
func (k *kept) due(node string) time.Time {
	for i := range k.Due {
		if k.Due[i].Node == node {
			return k.Due[i].At
		}
	}
	return time.Time{}
}

func (k *kept) setDue(node string, at time.Time) {
	for i := range k.Due {
		if k.Due[i].Node == node {
			k.Due[i].At = at
			return
		}
	}
	k.Due = append(k.Due, dueAt{node, at})
}
