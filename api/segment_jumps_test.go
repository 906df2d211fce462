package api

import (
	"crypto/sha256"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"enishi"
)

func TestJumped(t *testing.T) {
	t.Parallel()
	s, err := parseJumpSetting([]byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	changed := time.Now()
	f := func(then, now int64, published time.Time, want bool) {
		t.Helper()
		if got := s.jumped(resized{then, now, published}, 1); got != want {
			t.Errorf("from %d to %d: %v", then, now, got)
		}
	}
	f(1000, 1300, time.Time{}, false) // 30 % and not more
	f(1000, 1301, time.Time{}, true)
	f(1000, 699, time.Time{}, true)
	f(1000, 1000, time.Time{}, false)
	f(100, 149, time.Time{}, false) // too few people
	f(100, 150, time.Time{}, true)
	f(0, 50, time.Time{}, true)
	f(50, 0, time.Time{}, true)
	f(1000, 5000, changed, false) // a new version is meant to change the size
	f(1000, 5001, changed, true)
	f(1000, 200, changed, false)
	f(1000, 199, changed, true)
	f(0, 60, changed, true)
	if !s.jumped(resized{then: 1000, now: 1250}, 2.0/3) || s.jumped(resized{then: 1000, now: 1199}, 2.0/3) {
		t.Error("what was told stays told until a third of it is undone")
	}
	for _, bad := range []string{`{"jump_share": 0}`, `{"jump_people": 0}`, `{"share": 1}`, `[]`, `{"jump_share": "x"}`} {
		if _, err := parseJumpSetting([]byte(bad)); enishi.ErrorCode(err) != enishi.Invalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// fill puts people into a segment, or takes them out, as the fold would have written it.
func (w *world) fill(segment string, n int, at time.Time, in bool) {
	w.t.Helper()
	typ, gone := "segment.entered", uint8(0)
	if !in {
		typ, gone = "segment.left", 1
	}
	ids, events := make([]enishi.ID, n), make([]enishi.ID, n)
	for i := range n {
		hash := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		ids[i] = enishi.ID(hash[:16])
		events[i] = enishi.NewID(typ, segment, ids[i].String(), at.String())
	}
	insert(w, "memberships", []string{"profile_id", "segment", "version", "is_deleted", "definition", "since", "initial"}, n, ids, repeat(n, segment), repeat(n, uint64(at.UnixMilli())),
		repeat(n, gone), repeat(n, int64(1)), repeat(n, at), repeat(n, uint8(0)))
	insert(w, "events", []string{"subject", "at", "event_id", "type", "appended_at", "version", "segment"}, n, ids, repeat(n, at), events, repeat(n, typ), repeat(n, at), repeat(n, uint64(1)), repeat(n, segment))
}

func repeat[T any](n int, v T) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = v
	}
	return out
}

func insert(w *world, table string, columns []string, n int, values ...any) {
	w.t.Helper()
	if err := w.cfg.DB.Insert(w.t.Context(), table, columns, n, values...); err != nil {
		w.t.Fatal(err)
	}
}

// TestJumpAlert: a segment that grew within a day is told once, with its page, and the alert ends when the size is back.
func TestJumpAlert(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64 // of the wall clock
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	w := newWorld(t, func(cfg *Config) { cfg.Now = now })
	ahead.Store(int64(-48 * time.Hour))
	for _, name := range []string{"buyers", "steady"} {
		w.write("PUT", "/segments/"+name, segmentBody(`prefecture == "火星"`, 0))
	}
	ahead.Store(0)
	w.write("PUT", "/segments/young", segmentBody(`prefecture == "火星"`, 0))
	eventually(t, func() bool { return into[segmentRow](w.call("GET", "/segments/young", nil)).Progress == nil })
	early := time.Now().UTC().Add(-30 * time.Hour).Truncate(time.Millisecond)
	w.fill("buyers", 100, early, true)
	w.fill("steady", 1000, early, true)
	check := func() []alertRow {
		t.Helper()
		if err := w.api.checkJumps(t.Context()); err != nil {
			t.Fatal(err)
		}
		return into[list[alertRow]](w.call("GET", "/alerts", nil)).Items
	}
	if l := check(); len(l) != 0 {
		t.Fatalf("nothing changed: %+v", l)
	}
	at := time.Now().UTC().Add(-time.Hour).Truncate(time.Millisecond)
	w.fill("young", 500, at, true)
	w.fill("buyers", 60, at, false)
	w.fill("steady", 200, at, false)
	check()
	l := check()
	if len(l) != 1 || l[0].Kind != jumpKind || l[0].Href != "/segments/buyers" || !strings.Contains(l[0].TextJA, "「購入者」の人数が 24 時間で 100 人から 40 人に減りました") || !strings.Contains(l[0].Text, "shrank from 100 to 40 people") {
		t.Fatalf("got %+v", l)
	}
	if h := into[homePage](w.call("GET", "/home", nil)); len(h.Alerts) != 1 {
		t.Errorf("home has %+v", h.Alerts)
	}
	w.call("POST", "/alerts/"+l[0].ID.String()+"/close", map[string]any{}).want(200)
	if l := check(); len(l) != 0 {
		t.Errorf("it was closed and is told again: %+v", l)
	}
	// The next day others jump; the size comes back and the alert goes.
	w.write("PUT", "/settings/segments", map[string]any{"body": map[string]any{"jump_share": 0.1, "jump_people": 100}, "expect": 0})
	w.call("PUT", "/settings/segments", map[string]any{"body": map[string]any{"jump_share": -1}, "expect": 1}).want(422)
	eventually(t, func() bool { return len(check()) == 1 })
	w.fill("steady", 200, time.Now().UTC().Truncate(time.Millisecond).Add(-time.Second), true)
	if l := check(); len(l) != 0 {
		t.Errorf("the size is back: %+v", l)
	}
}
