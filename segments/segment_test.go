package segments

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi"
	"enishi/profiles"
)

func TestParseBodySuccess(t *testing.T) {
	t.Parallel()
	b, err := ParseBody([]byte(`{"title": {"ja": "題", "en": "Title"}, "description": {"ja": "説明"}, "expression": "ltv > 1", "owner": "mika", "folder": "crm"}`))
	want := Body{Title: Label{JA: "題", EN: "Title"}, Description: Label{JA: "説明"}, Expression: "ltv > 1", Owner: "mika", Folder: "crm"}
	if d := cmp.Diff(want, b); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestCompileFailure(t *testing.T) {
	t.Parallel()
	f := func(body, field, place, english string) {
		t.Helper()
		_, err := Compile("s", 1, []byte(body))
		var e *enishi.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", body, err)
			return
		}
		if got := fmt.Sprintf("%d:%d", e.Line, e.Col); got != place || e.Field != field || !strings.Contains(e.Msg, english) || e.MsgJA == "" || e.Code != enishi.Invalid {
			t.Errorf("%s\n  %s at %q %s: %s / %s", body, e.Code, e.Field, got, e.Msg, e.MsgJA)
		}
	}
	f(``, "", "1:1", "ends too early")
	f(`{"expression": "ltv > 1"`, "", "1:25", "ends too early")
	f("{\"expression\":\n \"ltv > 1\",}", "", "2:12", "no valid JSON")
	f("{\"題\": 1,\n \"expresion\": \"x\"}", "", "1:2", "no key \"題\"")
	f("{\"title\": {\"ja\": \"x\"},\n \"expresion\": \"x\"}", "", "2:2", "did you mean expression?")
	f(`{"title": "x", "expression": "ltv > 1"}`, "title", "1:13", "an object such as")
	f(`{"title": {"ja": 5}, "expression": "ltv > 1"}`, "title.ja", "1:18", "a text is expected here, not number")
	f(`{"expression": "ltv > 1"} {}`, "", "1:27", "something follows")
	f(`{"expression": "ltv >\n lvt"}`, "expression", "2:2", "did you mean ltv?")
	f(`{}`, "expression", "1:1", "empty")
}

func TestGallery(t *testing.T) {
	t.Parallel()
	all, err := Gallery()
	if err != nil || len(all) < 12 {
		t.Fatal(len(all), err)
	}
	for _, g := range all {
		if _, err := Compile(g.Name, 1, g.JSON); err != nil {
			t.Errorf("%s: %v", g.Name, err)
		}
		for _, text := range []string{g.Body.Title.JA, g.Body.Title.EN, g.Body.Description.JA, g.Body.Description.EN} {
			if text == "" {
				t.Errorf("%s: a text is missing", g.Name)
			}
		}
	}
}

// Each segment of the gallery takes in whom it is for and leaves out the nearest other.
func TestGalleryMembers(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	ago := func(d time.Duration) time.Time { return made.Add(-d) }
	person := func(orders ...profiles.OrderView) *profiles.View {
		v := &profiles.View{Profile: &profiles.Profile{}, Orders: orders, OrdersCount: int64(len(orders)), ManualOrdersCount: int64(len(orders))}
		if n := len(orders); n > 0 {
			v.FirstOrderAt, v.LastOrderAt, v.LastManualOrderAt = orders[0].PlacedAt, orders[n-1].PlacedAt, orders[n-1].PlacedAt
		}
		return v
	}
	order := func(d time.Duration, yen int, channel string, gift bool) profiles.OrderView {
		o := profiles.OrderView{Order: &enishi.Order{}, PlacedAt: ago(d), Revenue: enishi.Amount(yen) * enishi.Unit, Channel: channel, Valid: true}
		if gift {
			o.ShipTo = &enishi.Address{IsGift: true}
		}
		return o
	}
	with := func(v *profiles.View, visits ...profiles.Visit) *profiles.View { v.Visits = visits; return v }
	visit := func(typ string, d time.Duration) profiles.Visit { return profiles.Visit{Type: typ, At: ago(d)} }
	mail := func(in bool) *profiles.View {
		v := person()
		v.Profile.Subjects = []profiles.Subject{{ID: enishi.NewID("m"), Kind: enishi.Email, Value: "a@x.example", Consents: []profiles.Consent{{Channel: "email", Purpose: "marketing", Out: !in, At: made}}},
			{ID: enishi.NewID("l"), Kind: enishi.LINEUser, Value: "U1", Lifetime: profiles.Lifetime{LineFollowed: ago(day)}, Consents: []profiles.Consent{{Channel: "line", Purpose: "marketing", At: made}}}}
		return v
	}
	held := mail(true)
	held.HoldUntil = made.Add(day)
	ten := []profiles.Visit{}
	for range 10 {
		ten = append(ten, visit("product.viewed", day))
	}
	f := func(name string, in, out *profiles.View) {
		t.Helper()
		text, err := galleryFiles.ReadFile("gallery/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		s, err := Compile(name, 1, text)
		if err != nil {
			t.Fatal(err)
		}
		if !s.Match(in, made) || s.Match(out, made) {
			t.Errorf("%s: %v, %v", name, s.Explain(in, made), s.Explain(out, made))
		}
	}
	f("new-customer", person(order(5*day, 1, "web", false)), person(order(31*day, 1, "web", false)))
	f("first-time-buyer", person(order(31*day, 1, "web", false)), person(order(31*day, 1, "web", false), order(day, 1, "web", false)))
	f("repeat-customer", person(order(9*day, 1, "web", false), order(day, 1, "web", false)), person(order(day, 1, "web", false)))
	f("vip", person(order(9*day, 50_000, "web", false), order(8*day, 30_000, "web", false), order(day, 20_000, "web", false)),
		person(order(400*day, 50_000, "web", false), order(8*day, 30_000, "web", false), order(day, 20_000, "web", false)))
	f("lapsed-90-days", person(order(91*day, 1, "web", false)), person())
	f("viewed-not-bought", with(person(), visit("product.viewed", 2*day), visit("product.viewed", day)), with(person(order(day, 1, "web", false)), visit("product.viewed", 2*day), visit("product.viewed", day)))
	f("cart-left", with(person(order(9*day, 1, "web", false)), visit("cart.item_added", 2*day)), with(person(order(day, 1, "web", false)), visit("cart.item_added", 2*day)))
	f("frequent-visitor", with(person(), ten...), with(person(), ten[:9]...))
	f("line-friend-without-mail", mail(false), mail(true))
	f("mail-reachable", mail(true), held)
	f("store-only", person(order(9*day, 1, "store", false)), person(order(9*day, 1, "store", false), order(day, 1, "web", false)))
	today := person()
	today.Traits = map[string]enishi.Value{"birthday": enishi.TextValue("--11-20")}
	yesterday := person()
	yesterday.Traits = map[string]enishi.Value{"birthday": enishi.TextValue("--11-19")}
	f("birthday", today, yesterday)
	f("gift-giver", person(order(9*day, 1, "web", true)), person(order(400*day, 1, "web", true)))
}

func TestExplain(t *testing.T) {
	t.Parallel()
	v := &profiles.View{Profile: &profiles.Profile{}, LTV: 12_345 * enishi.Unit, OrdersCount: 3, LastOrderAt: made.Add(-80 * 24 * time.Hour), Traits: map[string]enishi.Value{"size": enishi.TextValue("M")},
		Orders: []profiles.OrderView{{Order: &enishi.Order{Total: 5000 * enishi.Unit}, PlacedAt: made.Add(-80 * 24 * time.Hour)}}}
	s := segment(t, "s", 1, `ltv >= 10000 && last_order_at < ago("90d") and count(orders) == 1 && max(orders, .total) > (ltv / 5) && traits.size in ["S"] && (has_email || aov > 4000)`)
	want := []Reason{
		{Expression: `ltv >= 10000`, Match: true, Found: "12345"},
		{Expression: `last_order_at < ago("90d")`, Decides: true, Found: v.LastOrderAt.Format(time.RFC3339Nano), Until: v.LastOrderAt.Add(90*24*time.Hour + time.Millisecond).Format(time.RFC3339Nano)},
		{Expression: `count(orders) == 1`, Match: true, Found: "1"},
		{Expression: `max(orders, .total) > ltv / 5`, Match: true, Found: "5000"},
		{Expression: `traits.size in ["S"]`, Decides: true, Found: "M"},
		{Expression: `has_email || aov > 4000`, Match: true},
	}
	if d := cmp.Diff(want, s.Explain(v, made)); d != "" {
		t.Error(d)
	}
	v.LastOrderAt, v.Traits["size"] = made.Add(-100*24*time.Hour), enishi.TextValue("S")
	for _, r := range s.Explain(v, made) {
		if !r.Match || !r.Decides {
			t.Errorf("%+v", r)
		}
	}
}

// The examples of the page for users pass; what there is to name is in the reference.
func TestDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "docs", "segments.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```\n")
	examples, _, _ := strings.Cut(rest, "```")
	n := 0
	for e := range strings.SplitSeq(strings.TrimSpace(examples), "\n\n") {
		if n++; Check(e) != nil {
			t.Errorf("%s: %v", e, Check(e))
		}
	}
	if n < 4 {
		t.Errorf("%d examples", n)
	}
}
