package profiles

import (
	"testing"
	"time"
)

// TestExpiringPoints: the lot that runs out next, less what was spent from it.
func TestExpiringPoints(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }
	f := func(want int64, at time.Time, moves ...PointMove) {
		t.Helper()
		v := View{Moves: moves}
		for _, m := range moves {
			v.Points += m.Amount
		}
		if got, ends := v.ExpiringPoints(day(10)); got != want || !ends.Equal(at) {
			t.Errorf("%d at %v, want %d at %v", got, ends, want, at)
		}
	}
	f(0, time.Time{})
	f(0, time.Time{}, PointMove{Amount: 100})
	f(100, day(20), PointMove{Amount: 50}, PointMove{Amount: 70, ExpiresAt: day(30)}, PointMove{Amount: 100, ExpiresAt: day(20)})
	f(150, day(20), PointMove{Amount: 50, ExpiresAt: day(20)}, PointMove{Amount: 100, ExpiresAt: day(20)})
	f(40, day(20), PointMove{Amount: 70}, PointMove{Amount: 100, ExpiresAt: day(20)}, PointMove{Amount: -60})
	f(65, day(30), PointMove{Amount: 70, ExpiresAt: day(30)}, PointMove{Amount: 100, ExpiresAt: day(20)}, PointMove{Amount: -105})
	f(70, day(30), PointMove{Amount: 100, ExpiresAt: day(5)}, PointMove{Amount: -100}, PointMove{Amount: 70, ExpiresAt: day(30)}) // what ran out is taken from what ran out
}
