package api

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/segments"
)

// buyers are people with one order each of 1,000 yen, 2,000 yen ...
func buyers(from, to int) []enishi.Event {
	var out []enishi.Event
	at := time.Now().UTC().Add(-24 * time.Hour).Truncate(time.Millisecond)
	for i := from; i <= to; i++ {
		name := string(rune('a' + i))
		total := enishi.Amount(i) * 1000 * enishi.Unit
		out = append(out, enishi.Event{Type: "order.placed", At: at.Add(time.Duration(i) * time.Minute), Channel: "web", Person: &enishi.Person{CustomerID: "R" + name},
			Order: &enishi.Order{OrderID: "R-" + name, Currency: "JPY", Total: total, Lines: []enishi.Line{{ProductID: "P", Name: "P", Quantity: 1, Price: total}}}})
	}
	return out
}

func (w *world) ranking(name string, fits func(r rankingRow) bool) rankingRow {
	w.t.Helper()
	var r rankingRow
	eventually(w.t, func() bool { r = into[rankingRow](w.call("GET", "/rankings/"+name, nil)); return fits(r) })
	return r
}

// From definition to members: computed when made and when asked, published when the points are others, and then everybody is
// evaluated anew.
func TestRankings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.api.KeepRankings(ctx) }()
	defer func() { stop(); <-ended }()
	eventually(t, func() bool { return w.call("GET", "/rankings/rfm-monetary", nil).status == 200 })
	w.ranking("rfm-monetary", func(r rankingRow) bool { return r.Computed == nil && r.Every == "24h" && r.Ranks != nil }) // nobody is there yet
	if p := into[previewPage](w.call("POST", "/segments/preview", map[string]any{"expression": "rfm_m >= 4"})); !p.Valid || p.Count != 0 || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0].EN, "rfm_m is not computed yet") {
		t.Errorf("preview %+v", p)
	}
	best := w.write("PUT", "/segments/best", segmentBody("rfm_m >= 5", 0))
	if len(best.Warnings) != 1 {
		t.Errorf("saved with warnings %v", best.Warnings)
	}
	w.play(buyers(1, 10))
	compute := func(name string) computePage {
		t.Helper()
		return into[computePage](w.call("POST", "/rankings/"+name+"/compute", map[string]any{"reason": "test"}))
	}
	compute("rfm-monetary") // or its schedule was first
	r := w.ranking("rfm-monetary", func(r rankingRow) bool { return r.Computed != nil && r.Computed.People == 10 })
	if !slices.Equal(r.Computed.Points, []string{"3000", "5000", "7000", "9000"}) || r.Due.Before(time.Now()) || r.Computed.Outdated || !slices.Equal(r.UsedIn, []string{"best"}) || len(r.Ranks) != 5 || r.Ranks[4] != (rankRow{5, "9000", 2}) || r.Computed.Through.IsZero() {
		t.Errorf("computed %+v of %+v", r.Computed, r)
	}
	members := func(name string, want int64) {
		t.Helper()
		eventually(t, func() bool {
			s := into[segmentRow](w.call("GET", "/segments/"+name, nil))
			return s.Progress == nil && s.Members == want
		})
	}
	members("best", 2)
	if c := into[countPage](w.call("POST", "/segments/count", map[string]any{"expression": "rfm_m >= 4"})); c.Count != 4 || len(c.Warnings) != 0 {
		t.Errorf("counted %+v", c)
	}
	if c := compute("rfm-monetary"); c.Changed || len(w.cfg.Definitions.History(segments.KindCuts, "rfm-monetary")) > 2 {
		t.Errorf("published without a change: %+v", c)
	}

	body := map[string]any{"title": map[string]string{"ja": "上位"}, "measure": "ltv", "by": map[string]any{"top": 3}, "every": "manual", "expect": 0}
	w.write("PUT", "/rankings/top3", body)
	w.ranking("top3", func(r rankingRow) bool {
		return r.Computed != nil && slices.Equal(r.Computed.Points, []string{"8000"}) && r.Due.IsZero()
	})
	w.write("PUT", "/segments/three", segmentBody(`top("top3")`, 0))
	members("three", 3)
	for _, e := range []string{`rank("tpo") > 1`, `any(orders, .items > rfm_m)`} {
		w.call("PUT", "/segments/bad", segmentBody(e, 0)).want(422)
	}
	if a := w.call("DELETE", "/rankings/top3", nil).want(409); !strings.Contains(a.text, "three") {
		t.Errorf("deleted while it is named: %s", a.text)
	}
	body["by"], body["expect"] = map[string]any{"quantiles": 4}, -1
	if a := w.call("PUT", "/rankings/top3", body).want(422); !strings.Contains(a.text, "three") {
		t.Errorf("changed what a segment needs: %s", a.text)
	}
	body["by"] = map[string]any{"top": 1}
	w.write("PUT", "/rankings/top3", body)
	members("three", 1)
	for path, bad := range map[string]map[string]any{"x": {"measure": "lvt"}, "y": {"by": map[string]any{}}, "new": {}} {
		b := map[string]any{"title": body["title"], "measure": "ltv", "by": body["by"], "expect": 0}
		for k, v := range bad {
			b[k] = v
		}
		w.call("PUT", "/rankings/"+path, b).want(422)
	}
	w.call("GET", "/rankings/none", nil).want(404)
	w.call("POST", "/rankings/none/compute", nil).want(404)
	w.write("DELETE", "/segments/three", nil)
	w.write("DELETE", "/rankings/top3", nil)
	w.call("GET", "/rankings/top3", nil).want(404)
}

// Where days begin is a setting: with another zone everybody is evaluated anew.
func TestZoneOfSegments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	day := time.Date(2026, 3, 1, 18, 0, 0, 0, time.UTC) // 2 March in Japan, 1 March in New York
	w.play([]enishi.Event{{Type: "order.placed", At: day, Channel: "web", Person: &enishi.Person{CustomerID: "Z1"},
		Order: &enishi.Order{OrderID: "Z-1", Currency: "JPY", Total: 1000 * enishi.Unit, Lines: []enishi.Line{{ProductID: "P", Name: "P", Quantity: 1, Price: 1000 * enishi.Unit}}}}})
	w.write("PUT", "/segments/march2", segmentBody(`last_order_at >= date("2026-03-02")`, 0))
	members := func(want int64) {
		t.Helper()
		eventually(t, func() bool {
			s := into[segmentRow](w.call("GET", "/segments/march2", nil))
			return s.Progress == nil && s.Members == want
		})
		if c := into[countPage](w.call("POST", "/segments/count", map[string]any{"name": "march2"})); c.Count != want {
			t.Errorf("counted %d, want %d", c.Count, want)
		}
	}
	members(1)
	w.write("PUT", "/settings/journeys", map[string]any{"body": map[string]any{"timezone": "America/New_York"}, "expect": 0})
	members(0)
}
