package channels

import (
	"testing"
	"time"

	"enishi"
)

// TestUsed: the ledger counts what was sent, or may have been, once, to one destination, from the day and the month on.
func TestUsed(t *testing.T) {
	t.Parallel()
	l := NewLedger(openDB(t, "used"))
	now := time.Date(2026, 4, 15, 12, 0, 0, 0, time.UTC)
	n := 0
	row := func(state, destination string, at time.Time) Row {
		n++
		return Row{Partition: 3, SendID: enishi.NewID("used", destination, at.String(), state), Round: 1, State: state, Attempt: 1, Destination: destination, Channel: "email", UpdatedAt: at, DecidedAt: at}
	}
	const d = "email:main:au"
	sent := row(stateSent, d, now)
	told := sent
	told.Reported = true
	rows := []Row{sent, told, row(stateUnknown, d, now), row(stateFailed, d, now), row(stateIntent, d, now), row(stateSent, d, now.AddDate(0, 0, -2)),
		row(stateSent, d, now.AddDate(0, -1, 0)), row(stateSent, "email:main:gmail", now), row(stateSent, d, now.Add(2*time.Hour))}
	if err := l.Insert(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	day, month := now.Truncate(24*time.Hour), time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	today, thisMonth, err := l.Used(t.Context(), 3, d, day, month, now.Add(time.Hour))
	if err != nil || today != 2 || thisMonth != 3 {
		t.Errorf("%d today, %d this month, %v; want 2 and 3", today, thisMonth, err)
	}
}

// TestParkedOnEngine: parked rows are found by destination and instant, one of each destination at a take-over; they are not
// among what is unfinished, and what ended is not parked any more.
func TestParkedOnEngine(t *testing.T) {
	t.Parallel()
	l := NewLedger(openDB(t, "parked"))
	now := time.Date(2026, 4, 15, 12, 0, 0, 0, time.UTC)
	var rows []Row
	for i, d := range [...]string{"line:a", "line:a", "line:a", "line:b"} {
		r := Row{Partition: 2, SendID: enishi.NewID("parked", d, string(rune('a'+i))), Round: 1, State: stateIntent, Attempt: 1, Destination: d, Channel: "line", UpdatedAt: now, DecidedAt: now, Message: "m"}
		rows = append(rows, r)
		r.State, r.UpdatedAt = stateParked, now.Add(time.Duration(i)*time.Minute)
		rows = append(rows, r)
	}
	ended := rows[1]
	ended.State = stateDeferred
	if err := l.Insert(t.Context(), append(rows, ended)); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		destination string
		until       time.Time
		want        int
	}{{"line:a", time.Time{}, 2}, {"line:a", now.Add(time.Minute), 1}, {"line:b", time.Time{}, 1}, {"", time.Time{}, 2}, {"line:c", time.Time{}, 0}} {
		got, err := l.Parked(t.Context(), 2, x.destination, x.until, 100)
		if err != nil || len(got) != x.want {
			t.Errorf("%q until %v: %d rows, %v; want %d", x.destination, x.until, len(got), err, x.want)
		}
	}
	open, err := l.Unfinished(t.Context(), 2, 100)
	if err != nil || len(open) != 1 || open[0].State != stateDeferred {
		t.Errorf("unfinished: %+v %v", open, err)
	}
}
