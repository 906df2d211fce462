package api

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"enishi"
)

// TestPersonKnown: what a person's page and a shop's server learn beyond the raw facts.
func TestPersonKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	boss, _ := w.key("admin", "admin")
	w = w.as(boss)
	now := time.Now().UTC().Truncate(time.Millisecond)
	text := enishi.TextValue
	mio := func() *enishi.Person { return &enishi.Person{CustomerID: "M1"} }
	events := []enishi.Event{{Type: "user.signed_up", At: now.AddDate(0, 0, -200), Person: &enishi.Person{CustomerID: "M1", Email: "mio@mail.example", AnonymousID: "br-1",
		Traits: map[string]enishi.Value{"family_name": text("森"), "given_name": text("美緒"), "shoe_size": text("24"), "allergy": text("そば"), "vip": enishi.BoolValue(true), "score": enishi.NumberValue(7)}}},
		{Type: "person.identified", At: now.AddDate(0, 0, -100), Source: "survey", Person: &enishi.Person{Email: "mio@mail.example", Traits: map[string]enishi.Value{"shoe_size": text("24.5")}}}}
	for i, days := range []int{90, 60, 31} {
		at := now.AddDate(0, 0, -days)
		order := fmt.Sprint("O", i)
		events = append(events,
			enishi.Event{Type: "order.placed", At: at, Channel: "web", Historical: true, Person: mio(), Order: &enishi.Order{OrderID: order, Currency: "JPY", Total: 3000 * enishi.Unit, Subtotal: 3000 * enishi.Unit,
				Lines: []enishi.Line{{ProductID: "S1", Name: "限定スニーカー", Category: "靴", Brand: "縁", Variant: "黒 / 24.5cm", Quantity: 1, Price: 3000 * enishi.Unit}}}},
			enishi.Event{Type: "shipment.delivered", At: at.AddDate(0, 0, 2), Historical: true, Person: mio(), Shipment: &enishi.Shipment{ShipmentID: "s", OrderID: order, Of: 1, EstimatedAt: at.AddDate(0, 0, i)}})
	}
	for i := range 12 { // others, so that a common value is common
		events = append(events, enishi.Event{Type: "person.identified", At: now, Person: &enishi.Person{CustomerID: fmt.Sprint("X", i), Traits: map[string]enishi.Value{"shoe_size": text("23"), "nickname": text(fmt.Sprintf("ニック%d", i)), "score": text("high")}}})
	}
	w.play(events)
	id := w.id(enishi.Customer, "M1")
	path := "/people/" + id

	p := into[personPage](w.call("GET", path, nil))
	if p.Stage == nil || p.Stage.Name != "repeat" {
		t.Fatalf("stage %+v", p.Stage)
	}
	found := map[string]featureRow{}
	for _, f := range p.Features {
		found[f.Name] = f
		if f.About.JA == "" {
			t.Errorf("%s does not say what it counts", f.Name)
		}
		if f.Where == "" {
			continue
		}
		people := into[list[personRow]](w.call("GET", "/people?where="+url.QueryEscape(f.Where), nil))
		has := false
		for _, x := range people.Items {
			has = has || x.ID.String() == id
		}
		if !has && f.Name != "return_rate" && f.Name != "next_order" {
			t.Errorf("%s: %s does not find the person", f.Name, f.Where)
		}
	}
	for name, want := range map[string]string{"aov": "¥3,000", "favourite_category": "靴", "favourite_brand": "縁", "favourite_size": "24.5CM", "favourite_channel": "通販サイト", "order_rhythm": "30 日ごと", "return_rate": "0%（0 件 / 3 件）", "delivery_days": "2.0 日"} {
		if got := found[name].Value.JA; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := found["late_rate"].Value.JA; !strings.HasPrefix(got, "33%（1 個 / 3 個）・最後は ") {
		t.Errorf("late: %q", got)
	}
	for name, want := range map[string]bool{"repeat": true, "loyal": false} {
		i := 0
		for i = range defaultStages {
			if defaultStages[i].Name == name {
				break
			}
		}
		rows, _, err := w.api.stagesOf(nil)
		if err != nil {
			t.Fatal(err)
		}
		n := *into[list[personRow]](w.call("GET", "/people?q=M1&where="+url.QueryEscape(rows[i].Where), nil)).Total
		if (n == 1) != want {
			t.Errorf("the people of stage %s: %d", name, n)
		}
	}

	// A lifecycle of the shop's own.
	w.call("PUT", "/settings/lifecycle", map[string]any{"expect": 0, "body": map[string]any{"stages": []any{map[string]any{"name": "x", "title": map[string]any{"ja": "段階"}, "when": "orders_count >="}}}}).want(422)
	w.write("PUT", "/settings/lifecycle", map[string]any{"expect": 0, "body": map[string]any{"stages": []any{map[string]any{"name": "friend", "title": map[string]any{"ja": "なじみ"}, "when": "orders_count >= 3"}}}})
	eventually(t, func() bool {
		s := into[personPage](w.call("GET", path, nil)).Stage
		return s != nil && s.Name == "friend" && s.Title.EN == "なじみ"
	})

	t.Run("traits", func(t *testing.T) {
		w := *w
		w.t = t
		traits := func(v *world) map[string]traitSource {
			out := map[string]traitSource{}
			for _, x := range into[list[traitSource]](v.call("GET", path+"/traits", nil)).Items {
				out[x.Name] = x
			}
			return out
		}
		got := traits(&w)
		if x := got["shoe_size"]; x.Newest.Value != "24.5" || x.Newest.Source != "survey" || x.Newest.Identifier != "email" || len(x.Others) != 1 || x.Others[0].Value != "24" || x.Others[0].Identifier != "customer" || x.Others[0].Type != "user.signed_up" {
			t.Errorf("shoe size %+v", x)
		}
		if got["vip"].Type != "boolean" || got["score"].Type != "number" {
			t.Errorf("types %+v %+v", got["vip"], got["score"])
		}
		w.write("POST", path+"/traits", map[string]any{"name": "shoe_size", "value": "25", "reason": "店頭で試着"})
		w.write("POST", path+"/traits", map[string]any{"name": "vip", "value": nil, "reason": "ご本人の希望"})
		w.call("POST", path+"/traits", map[string]any{"name": "vip", "value": []int{1}, "reason": "x"}).want(422)
		eventually(t, func() bool { return traits(&w)["shoe_size"].Newest.Value == "25" })
		if x := traits(&w)["shoe_size"].Newest; x.Reason != "店頭で試着" || x.Actor == "" || x.Source != "console" {
			t.Errorf("by hand %+v", x)
		}
		if _, there := traits(&w)["vip"]; there {
			t.Error("a trait that was taken away is still there")
		}
		all := map[string]traitSummary{}
		eventually(t, func() bool {
			clear(all)
			for _, x := range into[list[traitSummary]](w.call("GET", "/traits", nil)).Items {
				all[x.Name] = x
			}
			return all["shoe_size"].People == 13
		})
		if x := all["shoe_size"]; len(x.Types) != 1 || x.Types[0].Type != "text" || x.Examples[0] != (traitExample{"23", false}) || x.Examples[1].Value != "2＊" || !x.Examples[1].Masked {
			t.Errorf("shoe size over all: %+v", x)
		}
		if x := all["score"]; len(x.Types) != 2 || x.Types[0] != (traitType{"text", 12}) || x.Types[1] != (traitType{"number", 1}) {
			t.Errorf("a trait told as two types: %+v", x)
		}
		w.write("PUT", "/settings/traits", map[string]any{"expect": 0, "body": map[string]any{"allergy": map[string]any{"sensitive": true, "label": map[string]any{"ja": "アレルギー"}}}})
		token, _ := w.key("admin", "viewer")
		low := w.as(token)
		eventually(t, func() bool { return traits(low)["allergy"].Hidden })
		for _, at := range []string{path, path + "/traits", path + "/timeline", "/traits", "/people/lookup?kind=customer&value=M1"} {
			if text := low.call("GET", at, nil).text; strings.Contains(text, "そば") {
				t.Errorf("%s shows a sensitive trait to a viewer", at)
			}
			if at != "/traits" && !strings.Contains(w.call("GET", at, nil).text, "そば") {
				t.Errorf("%s hides it from everybody", at)
			}
		}
	})

	t.Run("notes", func(t *testing.T) {
		w := *w
		w.t = t
		read := func() []noteRow { return into[list[noteRow]](w.call("GET", path+"/notes", nil)).Items }
		seen := into[personPage](w.call("GET", path, nil)).Identifiers
		w.write("POST", path+"/notes", map[string]any{"text": "お電話は夕方に"})
		eventually(t, func() bool { return len(read()) == 1 })
		first := read()[0]
		w.write("POST", path+"/notes", map[string]any{"text": "お電話は 18 時以降に", "replaces": first.ID})
		eventually(t, func() bool {
			n := read()
			return len(n) == 1 && n[0].Text == "お電話は 18 時以降に" && !n[0].EditedAt.IsZero() && n[0].At.Equal(first.At)
		})
		for i, x := range into[personPage](w.call("GET", path, nil)).Identifiers {
			if !x.LastSeenAt.Equal(seen[i].LastSeenAt) {
				t.Errorf("a note moved the last time of %s", x.Kind)
			}
		}
		w.call("POST", path+"/notes", map[string]any{"text": "x", "replaces": "nobody"}).want(404)
		w.call("DELETE", path+"/notes/"+first.ID, nil).want(422)
		w.write("DELETE", path+"/notes/"+first.ID+"?reason="+url.QueryEscape("古い"), nil)
		eventually(t, func() bool { return len(read()) == 0 })
		w.call("DELETE", path+"/notes/"+first.ID+"?reason=x", nil).want(404)
	})

	t.Run("timeline", func(t *testing.T) {
		w := *w
		w.t = t
		items := func(q string) []timelineItem {
			return into[list[timelineItem]](w.call("GET", path+"/timeline?"+q, nil)).Items
		}
		if got := items("q=" + url.QueryEscape("限定スニーカー")); len(got) != 3 {
			t.Errorf("%d events name the product", len(got))
		}
		if got := items("q=o1&kinds=order"); len(got) != 1 || got[0].Type != "order.placed" {
			t.Errorf("by order number: %+v", got)
		}
		if got := items("channel=web"); len(got) != 3 {
			t.Errorf("%d events by the web", len(got))
		}
		if got := items("until=" + url.QueryEscape(now.AddDate(0, 0, -95).Format(time.RFC3339))); len(got) != 2 {
			t.Errorf("%d events until then", len(got))
		}
		months := into[list[activityMonth]](w.call("GET", path+"/activity?kinds=order", nil)).Items
		n := int64(0)
		for i, m := range months {
			n += m.Events
			if m.Kinds["order"] != m.Events || i > 0 && m.Month <= months[i-1].Month {
				t.Errorf("month %+v", m)
			}
		}
		if n != 3 {
			t.Errorf("%d orders by month", n)
		}
	})

	t.Run("lookup", func(t *testing.T) {
		w := *w
		w.t = t
		for _, q := range []string{"kind=customer&value=M1", "kind=email&value=MIO@mail.example", "kind=anonymous&value=br-1"} {
			x := into[lookupPage](w.call("GET", "/people/lookup?"+q, nil))
			if x.ID.String() != id || x.OrdersCount != 3 || x.Stage != "friend" || x.Traits["score"] != 7.0 || x.LTV.String() != "9000" || x.NextOrderAt.IsZero() {
				t.Errorf("%s: %+v", q, x)
			}
		}
		w.call("GET", "/people/lookup?kind=email&value=nobody@mail.example", nil).want(404)
		w.call("GET", "/people/lookup?kind=email&value=nothing", nil).want(422)
		w.call("GET", "/people/lookup?kind=shoe&value=1", nil).want(422)
	})
}
