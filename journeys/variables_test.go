package journeys

import (
	"encoding/json"
	"strings"
	"testing"

	"enishi"
	"enishi/segments"
)

func TestSalutation(t *testing.T) {
	f := func(name, lang, want string) {
		t.Helper()
		if got := salutation(name, lang); got != want {
			t.Errorf("%s %s: %s", name, lang, got)
		}
	}
	f("佐藤 花子", "ja", "佐藤 花子 様")
	f("", "ja", "お客様")
	f("Hanako Sato", "en", "Hanako Sato")
	f("", "en", "Customer")
}

// TestVariablesText: the text is what encoding/json writes.
func TestVariablesText(t *testing.T) {
	odd := "a\"\\/<b>&\u2028\x00\x1f\x7f\n\xff 髙橋 👨‍👩‍👧 ﾊﾝｶｸ"
	v := &variables{Language: odd, Customer: customerVars{FamilyName: odd, Points: -3}, Keys: map[string]string{"z": "1", "a": odd, "m": ""},
		Links: map[string]string{"shop": "https://a.test/?x=1&y=" + odd}, Store: &storeVars{odd}, Product: &lineVars{Name: odd},
		Properties: map[string]enishi.Value{odd: enishi.TextValue(odd), "n": enishi.NumberValue(1e21), "b": enishi.BoolValue(true), "t": enishi.InstantValue(start), "": {}},
		Order:      &orderVars{OrderID: "o", Lines: []lineVars{{Name: "x", Quantity: 2}, {Name: odd}}, MoreLines: 4}, Shipment: &shipmentVars{Partial: true}, Cart: &cartVars{}}
	for _, v := range []*variables{v, {}, {Keys: map[string]string{}}} {
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.encode(); got != string(want) {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

// TestNoEmojiVariable: members of the segments of the setting are marked, the others not.
func TestNoEmojiVariable(t *testing.T) {
	w := newWorld(t)
	set, err := ParseSettings([]byte(`{"no_emoji":["older","quiet"]}`))
	if err != nil {
		t.Fatal(err)
	}
	w.settings = set
	w.now = start
	w.journeys = NewSet([]*Journey{simple(t, "j", 1, `{"event":"order.placed","key":"order_id","reentry":"never"}`, "x_mail", "live")})
	w.segment("older", "traits.member_rank == \"quiet\"")
	for name, rank := range map[string]string{"in": "quiet", "out": "gold"} {
		w.person(name, &enishi.Person{CustomerID: name, Email: name + "@a.test"})
		w.event(name, &enishi.Event{Type: "identify", Person: &enishi.Person{CustomerID: name, Traits: map[string]enishi.Value{"member_rank": enishi.TextValue(rank)}}})
		w.event(name, &enishi.Event{Type: "order.placed", Order: &enishi.Order{OrderID: "o"}})
	}
	w.pass(w.now.Add(2 * 3600e9))
	for name, want := range map[string]bool{"in": true, "out": false} {
		ms := w.sent(name, "x_mail")
		if len(ms) != 1 || strings.Contains(ms[0].Variables, `"no_emoji":true`) != want {
			t.Errorf("%s: %d messages, want marked %v", name, len(ms), want)
		}
	}
	if _, err := ParseSettings([]byte(`{"no_emoji":["Not a name"]}`)); err == nil {
		t.Error("a name that none can have is taken")
	}
}

// TestFillLink: keys in links, escaped; what is no key stays.
func TestFillLink(t *testing.T) {
	v := &variables{Keys: map[string]string{"order_id": "a b/1", "empty": ""}, Order: &orderVars{Lines: []lineVars{{ProductID: "p1"}}}}
	f := func(link, want string) {
		t.Helper()
		if got := fillLink(link, v); got != want {
			t.Errorf("%s: %s, want %s", link, got, want)
		}
	}
	f("", "")
	f("https://a.test/", "https://a.test/")
	f("https://a.test/{order_id}", "https://a.test/a+b%2F1")
	f("{order_id}{empty}{order_id}!", "a+b%2F1a+b%2F1!")
	f("/{unknown}/{product_id}", "/{unknown}/p1")
	f("{{order_id}} } {order_id", "{a+b%2F1} } {order_id")
	f("{empty}", "")
	v.Keys["product_id"], v.Order = "k", nil
	f("{product_id}", "k")
	delete(v.Keys, "product_id")
	f("{product_id}", "{product_id}")
}

// TestVariablesBound: an order of a thousand lines with long names still fits, and says how many lines are not shown.
func TestVariablesBound(t *testing.T) {
	w := newWorld(t)
	w.now = start
	w.journeys = NewSet([]*Journey{simple(t, "j", 1, `{"event":"order.placed","key":"order_id","reentry":"never"}`, "x_mail", "live")})
	w.person("p", &enishi.Person{CustomerID: "c", Email: "p@a.test"})
	lines := make([]enishi.Line, 1000)
	for i := range lines {
		lines[i] = enishi.Line{ProductID: "p" + itoa(i), Name: strings.Repeat("化粧水", 200), Price: 100 * enishi.Unit}
	}
	w.event("p", &enishi.Event{Type: "order.placed", Order: &enishi.Order{OrderID: "o", Lines: lines}})
	w.pass(w.now.Add(2 * 3600e9))
	ms := w.sent("p", "x_mail")
	if len(ms) != 1 || len(ms[0].Variables) > maxVariables || !strings.Contains(ms[0].Variables, `"more_lines":995`) {
		t.Fatalf("variables: %.200s", ms[0].Variables)
	}
}

func TestDestination(t *testing.T) {
	f := func(channel, address, want string) {
		t.Helper()
		if got := destination(channel, "shop", address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	f("email", "a@gmail.com", "email:shop:gmail")
	f("email", "a..b@DOCOMO.ne.jp", "email:shop:docomo")
	f("email", "a@example.com", "email:shop:other")
	f("line", "U1", "line:shop")
}

// TestExpressions: the journey's own names and a person's in one condition, at runtime.
func TestExpressions(t *testing.T) {
	w := newWorld(t)
	w.now = start
	w.person("p", &enishi.Person{CustomerID: "c"})
	w.event("p", &enishi.Event{Type: "order.placed", Order: &enishi.Order{OrderID: "o1", Total: 5000 * enishi.Unit, Automatic: true}})
	e := &enishi.Event{Type: "order.placed", Channel: "store", At: start, Order: &enishi.Order{OrderID: "o1", Total: 5000 * enishi.Unit, Coupon: "HARU"},
		Properties: map[string]enishi.Value{"size": enishi.TextValue("M")}}
	j := mustCompile(t, "j", 1, []byte(minimal))
	f := func(text string, want bool) {
		t.Helper()
		x, problem := compileExpression(text, newFields(), segments.Library{})
		if problem != nil {
			t.Fatalf("%s: %s", text, problem.en)
		}
		s := &scope{p: w.people[w.names["p"]], j: j, e: e, k: &kept{Key: "o1"}, now: w.now, own: &evaluator{}}
		if got := x.eval(s); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	f("event.order.total >= 5000", true)
	f("event.order.total > 5000", false)
	f("event.order.automatic", false)
	f("run.order.automatic", true)
	f("event.channel in ['web', 'store']", true)
	f("event.order.coupon startsWith 'HA' && orders_count == 1", true)
	f("event.order.total > 9000 || orders_count == 1", true)
	f("!(event.order.total > 9000 || orders_count == 1)", false)
	f("not (event.order.automatic) and orders_count >= 2", false)
	f("(orders_count == 1 && event.order.total > 1) || (orders_count == 2 && event.order.automatic)", true)
	f("any(orders, .total >= 5000 && .automatic) && event.order.coupon == 'HARU'", true)
	f("event.properties.size == 'M'", true)
	f("event.properties.size > 3", false) // another type: cannot be evaluated
	f("event.properties.colour == 'red'", false)
	f("lower(event.order.coupon) == 'haru'", true)
	f("run.key == 'o1' && run.order.known && run.order.sequence == 1 && run.order.manual_sequence == 0", true)
	f("event.shipment.carrier == '' && event.shipment.number == 0 && !event.shipment.untracked", true) // no shipment in the event
	f("true", true)
}
