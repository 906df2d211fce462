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
