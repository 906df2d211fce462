package channels

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"enishi"
)

// TestForget: rounds that ended and are told go with all their states when their time is over; what is open, parked, not told
// or young stays as it was.
func TestForget(t *testing.T) {
	t.Parallel()
	db := openDB(t, "forget")
	l, d := NewLedger(db), NewDeliveries(db)
	now := time.Now().UTC().Truncate(time.Millisecond)
	const days = 24 * time.Hour
	var rows []Row
	add := func(name string, age time.Duration, states ...string) {
		for i, state := range states {
			r := Row{Partition: 1, SendID: enishi.NewID("forget", name), Round: 1, State: state, Attempt: 1, Destination: "line:main", Channel: "line", Template: name,
				DecidedAt: now.Add(-500 * days), UpdatedAt: now.Add(-age), Message: "m", Reported: state == "told"}
			if state == stateDecided {
				r.Attempt = 0
			}
			if r.Reported {
				r.State = states[i-1]
			}
			rows = append(rows, r)
		}
	}
	add("old sent", 400*days, stateDecided, stateIntent, stateSent, "told")
	add("old failed", 400*days, stateIntent, stateFailed, "told")
	add("old deferred", 397*days, stateDecided, stateDeferred, "told")
	add("young sent", 395*days, stateIntent, stateSent, "told")
	add("old, not told", 400*days, stateIntent, stateSent)
	add("old, waits", 400*days, stateDecided)
	add("old, in doubt", 400*days, stateDecided, stateIntent)
	add("old, parked", 400*days, stateDecided, stateIntent, stateParked)
	if err := l.Insert(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	n, err := d.Forget(t.Context(), now.Add(-(&Delivery{}).Keep()))
	if err != nil || n != 3 {
		t.Errorf("%d rounds are deleted, %v; want 3", n, err)
	}
	left, err := d.List(t.Context(), Filter{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range left {
		got = append(got, fmt.Sprint(left[i].Template, ": ", left[i].State))
	}
	slices.Sort(got)
	want := []string{"old, in doubt: intent", "old, not told: sent", "old, parked: parked", "old, waits: decided", "young sent: sent"}
	if !slices.Equal(got, want) {
		t.Errorf("left are %q", got)
	}
	if n, err := d.Forget(t.Context(), now.Add(-(&Delivery{}).Keep())); n != 0 || err != nil {
		t.Errorf("the second time: %d, %v", n, err)
	}
}
