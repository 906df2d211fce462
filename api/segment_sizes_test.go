package api

import (
	"slices"
	"testing"
	"time"

	"enishi"
)

func TestBackward(t *testing.T) {
	t.Parallel()
	// Three days: 5 came, 2 came and 4 left, nobody; since then 1 came. Now there are 13.
	got := backward(13, []moves{{5, 0, 5}, {2, 4, 0}, {}}, moves{entered: 1})
	if !slices.Equal(got, []int64{14, 12, 12}) {
		t.Errorf("got %v", got)
	}
}

func TestStretches(t *testing.T) {
	t.Parallel()
	tokyo := time.FixedZone("Asia/Tokyo", 9*60*60)
	from := time.Date(2026, 11, 20, 16, 30, 0, 0, time.UTC) // 21 November 01:30 in Japan
	days := stretches(from, from.Add(48*time.Hour), "day", tokyo)
	if len(days) != 3 || !days[0].from.Equal(time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)) || !days[2].to.Equal(from.Add(48*time.Hour)) {
		t.Errorf("days %v", days)
	}
	hours := stretches(from, from.Add(90*time.Minute), "hour", tokyo)
	if len(hours) != 2 || hours[0].from.Minute() != 0 || !hours[1].to.Equal(from.Add(90*time.Minute)) {
		t.Errorf("hours %v", hours)
	}
	for i := 1; i < len(days); i++ {
		if !days[i].from.Equal(days[i-1].to) {
			t.Errorf("a gap before %v", days[i])
		}
	}
}

// TestSegmentSizes: people come in by a sweep and by an order, time takes them out, and the history says so day by day.
func TestSegmentSizes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	begin := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) // 09:00 in Japan
	clock := func(at time.Time) {
		t.Helper()
		moved := w.write("POST", "/clock", map[string]any{"at": at})
		if err := w.api.wait(t.Context(), moved.Position); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool { return !into[clockPage](w.call("GET", "/clock", nil)).Busy })
	}
	order := func(customer, number string, at time.Time) enishi.Event {
		yen := enishi.Amount(5000) * enishi.Unit
		return enishi.Event{Type: "order.placed", At: at, Person: &enishi.Person{CustomerID: customer}, Order: &enishi.Order{OrderID: number, Currency: "JPY",
			Lines: []enishi.Line{{ProductID: "P", Name: "N", Quantity: 1, Price: yen}}, Subtotal: yen, Total: yen}}
	}
	clock(begin)
	w.play([]enishi.Event{order("C1", "O1", begin)})
	w.call("GET", "/segments/recent/sizes", nil).want(404)
	saved := w.write("PUT", "/segments/recent", map[string]any{"title": map[string]string{"ja": "最近", "en": "Recent"}, "expression": `last_order_at > ago("3d")`, "expect": 0, "folder": " 掘り起こし ", "owner": "美香"})
	eventually(t, func() bool {
		r := into[segmentRow](w.call("GET", "/segments/recent?after="+saved.Position, nil))
		return r.Progress == nil && r.Members == 1 && r.Folder == "掘り起こし" && r.Owner == "美香"
	})
	clock(begin.Add(24 * time.Hour))
	w.play([]enishi.Event{order("C2", "O2", begin.Add(24*time.Hour))})
	clock(begin.Add(73 * time.Hour)) // the first is out, the second in
	clock(begin.Add(80 * time.Hour))

	s := into[sizesPage](w.call("GET", "/segments/recent/sizes?from=2026-03-01T15:00:00Z", nil))
	day := func(d int, size, entered, left, initial int64) sizePoint {
		return sizePoint{time.Date(2026, 3, d-1, 15, 0, 0, 0, time.UTC), size, entered, left, initial}
	}
	if want := []sizePoint{day(2, 1, 1, 0, 1), day(3, 2, 1, 0, 0), day(4, 2, 0, 0, 0), day(5, 1, 0, 1, 0)}; !slices.Equal(s.Series, want) || s.Members != 1 || len(s.Versions) != 0 {
		t.Errorf("got %+v, want %+v", s, want)
	}
	hours := into[sizesPage](w.call("GET", "/segments/recent/sizes?step=hour&from=2026-03-05T00:00:00Z", nil))
	if n := len(hours.Series); n != 9 || hours.Series[0] != (sizePoint{begin.Add(72 * time.Hour), 1, 0, 1, 0}) {
		t.Errorf("hours %+v", hours.Series)
	}
	wall := time.Now().UTC() // definitions are published at the wall clock
	if v := into[sizesPage](w.call("GET", "/segments/recent/sizes?from="+wall.Add(-time.Hour).Format(time.RFC3339)+"&to="+wall.Add(time.Hour).Format(time.RFC3339), nil)).Versions; len(v) != 1 || v[0].Version != saved.Version || v[0].Actor != "local" {
		t.Errorf("versions %+v", v)
	}
	w.call("GET", "/segments/recent/sizes?step=hour&from=2020-01-01T00:00:00Z", nil).want(422)

	l := into[list[segmentChange]](w.call("GET", "/segments/recent/changes?limit=2", nil))
	if len(l.Items) != 2 || l.Items[0].Entered || l.Items[0].Person.ID.String() != w.id(enishi.Customer, "C1") || !l.Items[1].Entered || l.Items[1].Initial || l.Next == "" {
		t.Fatalf("changes %+v", l)
	}
	l = into[list[segmentChange]](w.call("GET", "/segments/recent/changes?before="+l.Next, nil))
	if len(l.Items) != 1 || !l.Items[0].Initial || !l.Items[0].Entered || l.Next != "" {
		t.Errorf("the rest %+v", l)
	}
	rows := into[list[segmentRow]](w.call("GET", "/segments?after="+saved.Position, nil)).Items
	if len(rows) != 1 || len(rows[0].Sizes) != sizeDays || !slices.Equal(rows[0].Sizes[sizeDays-5:], []int64{0, 1, 2, 2, 1}) {
		t.Errorf("the list %+v", rows)
	}
	// What is not said stays.
	w.write("PUT", "/segments/recent", map[string]any{"title": map[string]string{"ja": "最近", "en": "Recent"}, "expression": `last_order_at > ago("4d")`, "expect": saved.Version})
	if r := into[segmentRow](w.call("GET", "/segments/recent", nil)); r.Folder != "掘り起こし" || r.Owner != "美香" {
		t.Errorf("got %+v", r)
	}
}
