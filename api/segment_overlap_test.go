package api

import (
	"net/url"
	"slices"
	"testing"
	"time"
)

// TestOverlap: each combination says how many people it has, and its expression finds just them.
func TestOverlap(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	w.play(scenario(time.Now().UTC()))
	saved := w.write("PUT", "/segments/buyers", segmentBody("orders_count >= 1", 0))
	if err := w.api.wait(t.Context(), saved.Position); err != nil {
		t.Fatal(err)
	}
	ask := func(sets ...map[string]string) reply {
		t.Helper()
		return w.call("POST", "/segments/overlap", map[string]any{"sets": sets})
	}
	buyers, named, none := map[string]string{"name": "buyers"}, map[string]string{"expression": `present(prefecture)`}, map[string]string{"expression": `prefecture == "北海道" || ltv > 99999999`}
	a := ask(buyers, named, none).want(200)
	checkTexts(t, "overlap", a.text)
	p := into[overlapPage](a)
	if p.Base != 3 || p.None != 1 || p.CompleteThrough.IsZero() || p.Sets[0].Count != 1 || p.Sets[0].Title.JA != "購入者" || p.Sets[1].Count != 2 || p.Sets[2].Count != 0 || len(p.Combinations) != 2 {
		t.Fatalf("got %+v", p)
	}
	if !slices.Equal(p.Combinations[0].In, []int{0, 1}) || !slices.Equal(p.Combinations[1].In, []int{1}) {
		t.Errorf("got %+v", p.Combinations)
	}
	for i, name := range []string{"佐藤 花子", "鈴木 一郎"} {
		c := p.Combinations[i]
		l := into[list[personRow]](w.call("GET", "/people?where="+url.QueryEscape(c.Expression), nil))
		if c.Count != 1 || len(l.Items) != 1 || l.Items[0].Name != name {
			t.Errorf("%s finds %+v", c.Expression, l.Items)
		}
	}
	w.call("GET", "/people?where=ltv+%3E", nil).want(422)
	ask(buyers).want(422)
	ask(buyers, buyers).want(422)
	ask(buyers, map[string]string{"name": "nobody"}).want(404)
	ask(buyers, map[string]string{"expression": "lvt > 1"}).want(422)
	ask(buyers, map[string]string{}).want(422)
}
