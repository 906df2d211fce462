package api

import (
	"fmt"
	"strings"
	"testing"
)

// From pasted ids to members: upload, events, fold, a segment that names the list, and the same by SQL.
func TestLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	w.play(buyers(1, 10))
	w.call("PUT", "/segments/guests", segmentBody(`in_list("fair")`, 0)).want(422)
	w.write("PUT", "/lists/fair", map[string]any{"title": map[string]string{"ja": "展示会"}, "expect": 0})
	w.write("PUT", "/segments/guests", segmentBody(`in_list("fair")`, 0))
	fill := func(body map[string]any, changed, already int) fillPage {
		t.Helper()
		body["reason"] = "test"
		p := into[fillPage](w.call("POST", "/lists/fair/fill", body))
		if p.Changed != changed || p.Already != already {
			t.Errorf("%v: %+v", body, p)
		}
		if p.Position != "" {
			w.call("GET", "/lists/fair?after="+p.Position, nil).want(200)
		}
		return p
	}
	members := func(want int64) {
		t.Helper()
		eventually(t, func() bool {
			s, l := into[segmentRow](w.call("GET", "/segments/guests", nil)), into[staticRow](w.call("GET", "/lists/fair", nil))
			return s.Progress == nil && s.Members == want && l.Members == want
		})
		for _, e := range []string{`in_list("fair")`, `"fair" in lists && orders_count == 1`} {
			if c := into[countPage](w.call("POST", "/segments/count", map[string]any{"expression": e})); c.Count != want {
				t.Errorf("%s counts %d, want %d", e, c.Count, want)
			}
		}
	}
	id := func(i int) string { return "R" + string(rune('a'+i)) }
	p := fill(map[string]any{"action": "add", "ids": "name,customer_id\nx," + id(1) + "\ny," + id(2) + "\nz,nobody\n\nw," + id(2) + "\n", "upload": "u1"}, 2, 0)
	if len(p.NotFound) != 1 || p.NotFound[0] != (fillRow{4, "nobody", "unknown"}) {
		t.Errorf("not found %+v", p.NotFound)
	}
	members(2)
	fill(map[string]any{"action": "add", "ids": id(2) + "\n" + id(3), "upload": "u1"}, 1, 1)
	members(3)
	fill(map[string]any{"action": "remove", "ids": id(1)}, 1, 0)
	members(2)
	fill(map[string]any{"action": "add", "expression": "ltv >= 9000"}, 2, 0)
	members(4)
	fill(map[string]any{"action": "add", "measure": "ltv", "n": 3}, 1, 2) // 8,000 joins
	members(5)
	fill(map[string]any{"action": "remove", "segment": "guests"}, 5, 0)
	members(0)
	random := map[string]any{"action": "add", "expression": "orders_count >= 1", "n": 4, "seed": "spring"}
	fill(random, 4, 0)
	members(4)
	fill(random, 0, 4) // the same people
	for _, bad := range []map[string]any{{"action": "add"}, {"action": "add", "ids": "a", "expression": "ltv > 1"}, {"action": "add", "measure": "ltv"}, {"action": "swap", "ids": "a"},
		{"action": "add", "expression": "lvt > 1"}, {"action": "add", "segment": "none"}, {"action": "add", "ids": strings.Repeat("a\n", maxFill+1)}} {
		bad["reason"] = "test"
		if a := w.call("POST", "/lists/fair/fill", bad); a.status != 422 && a.status != 404 && a.status != 400 {
			t.Errorf("%d: %s", a.status, a.text)
		}
	}
	w.call("POST", "/lists/none/fill", map[string]any{"action": "add", "ids": "a", "reason": "x"}).want(404)
	fillings := into[list[fillingRow]](w.call("GET", "/lists/fair/fillings", nil)).Items
	if len(fillings) != 8 || fillings[0].Source != "random" || fillings[7].Changed != 2 || fillings[7].NotFound != 1 || fillings[7].Reason != "test" || fillings[7].Role == "" {
		t.Errorf("recorded %+v", fillings)
	}
	if a := w.call("DELETE", "/lists/fair", nil).want(409); !strings.Contains(a.text, "guests") {
		t.Error(a.text)
	}
	w.write("DELETE", "/segments/guests", nil)
	if a := w.call("DELETE", "/lists/fair", nil).want(409); !strings.Contains(a.text, fmt.Sprint(4)) {
		t.Error(a.text)
	}
	last := fill(map[string]any{"action": "remove", "expression": `in_list("fair")`}, 4, 0)
	w.call("DELETE", "/lists/fair?after="+last.Position, nil)
	eventually(t, func() bool {
		return w.call("GET", "/lists/fair", nil).status == 404 || w.call("DELETE", "/lists/fair", nil).status == 200
	})
}
