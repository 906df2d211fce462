package line

import (
	"fmt"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
	linesim "enishi/internal/sim/line"
)

// TestStatistics: fewer than 20 people are not told; the account's month of names is.
func TestStatistics(t *testing.T) {
	t.Parallel()
	f := newStrict(t, linesim.Config{})
	now := time.Now()
	unit := channels.UnitName("spring", "news", "", now)
	for i := range 21 {
		m := f.message(i, "x")
		m.To, m.Unit = f.sim.UserID(fmt.Sprint("u", i)), unit
		if err := f.sim.Befriend(m.To, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		f.sim.Look(m.To, i < 19)
	}
	s, err := f.Statistics(t.Context(), unit, now, now)
	if err != nil || s.Seen == nil || *s.Seen != 21 || s.Clicked != nil || s.Played != nil {
		t.Errorf("%+v %v", s, err)
	}
	if s, err := f.Statistics(t.Context(), unit, now.AddDate(0, 0, -8), now.AddDate(0, 0, -1)); err != nil || s.Seen != nil {
		t.Errorf("before it was sent: %+v %v", s, err)
	}
	if n, err := f.Units(t.Context()); err != nil || n != 1 {
		t.Errorf("%d units: %v", n, err)
	}
}

// TestUnitOnlyWhereApproved: LINE refuses units of accounts that it has not approved for them.
func TestUnitOnlyWhereApproved(t *testing.T) {
	t.Parallel()
	x := newAccount(t, linesim.Config{}, time.Now, "")
	send := func(n int) string {
		t.Helper()
		m := x.f.message(n, "x")
		m.Unit = "spring"
		var err error
		if n%2 == 0 {
			_, err = x.Send(t.Context(), m)
		} else {
			_, err = x.SendGroup(t.Context(), m, []channels.Recipient{{To: x.f.to, SendID: enishi.NewID("a")}})
		}
		if err != nil || m.Unit != "spring" {
			t.Fatal(m.Unit, err)
		}
		got := x.f.sim.Sent()
		return got[len(got)-1].Unit
	}
	if send(0) != "" || send(1) != "" {
		t.Error("a unit although nobody said that LINE has approved the account")
	}
	x.set(`"statistics": true`)
	if send(2) != "spring" || send(3) != "spring" {
		t.Error("no unit")
	}
}
