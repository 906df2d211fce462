package api

import (
	"slices"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/profiles"
	"enishi/segments"
)

func TestPreview(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	f := func(expression string, want int64) previewPage {
		t.Helper()
		p := into[previewPage](w.call("POST", "/segments/preview", map[string]any{"expression": expression}))
		if !p.Valid || p.Count != want || len(p.Errors) != 0 || len(p.Sample) != int(want) || p.CompleteThrough.IsZero() {
			t.Errorf("%s: %+v, want %d", expression, p, want)
		}
		return p
	}
	p := f("orders_count >= 1", 1)
	if p.Reach != (previewReach{Email: 1}) || p.Sample[0].Name != "佐藤 花子" || p.Share < 0.33 || p.Share > 0.34 {
		t.Errorf("got %+v", p)
	}
	if p := f(`prefecture == "大阪府"`, 1); p.Reach.None != 1 {
		t.Errorf("got %+v", p.Reach)
	}
	f("orders_count >= 0", 3)
	f("orders_count > 99", 0)
	f(`prefecture == "x\" OR 1=1 --"`, 0)

	bad := func(expression string, line, col int, ja string) {
		t.Helper()
		p := into[previewPage](w.call("POST", "/segments/preview", map[string]any{"expression": expression}))
		if p.Valid || len(p.Errors) != 1 || p.Errors[0].Line != line || p.Errors[0].Col != col || !strings.Contains(p.Errors[0].MessageJA, ja) || p.Count != 0 || p.Sample == nil {
			t.Errorf("%s: %+v", expression, p)
		}
	}
	bad("orders_cont >= 1", 1, 1, "orders_count")
	bad("ltv > 1\n  && nothing", 2, 6, "nothing")
	bad("ltv >", 1, 6, "")
}

// TestPreviewUnits: two people of one household are one, and only LINE friends are LINE friends.
func TestPreviewUnits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	now := time.Now().UTC()
	text := enishi.TextValue
	home := func(customer, given, city, street string) enishi.Event {
		return enishi.Event{Type: "user.signed_up", At: now, Person: &enishi.Person{CustomerID: customer, Traits: map[string]enishi.Value{"family_name": text("縁野"), "given_name": text(given),
			"postal_code": text("150-0001"), "prefecture": text("東京都"), "city": text(city), "address1": text(street)}}}
	}
	w.play([]enishi.Event{home("C1", "花", "渋谷区", "神宮前1-2-3"), home("C2", "太郎", "渋谷区", "神宮前1-2-3"), home("C3", "次郎", "", "")})
	f := func(unit string, count, postal, none int64, share float64) {
		t.Helper()
		p := into[previewPage](w.call("POST", "/segments/preview", map[string]any{"expression": `prefecture == "東京都"`, "unit": unit}))
		if p.Count != count || p.Reach.Postal != postal || p.Reach.None != none || p.Share != share || len(p.Sample) != 3 {
			t.Errorf("%s: %+v", unit, p)
		}
	}
	f("", 3, 2, 1, 1)
	f("person", 3, 2, 1, 1)
	f("household", 2, 1, 1, 1)
	f("line_friend", 0, 0, 0, 0)
	w.call("POST", "/segments/preview", map[string]any{"expression": "ltv > 1", "unit": "cat"}).want(422)
}

func TestSegments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	w.play(scenario(time.Now().UTC()))
	const path = "/segments/buyers"
	w.call("GET", path, nil).want(404)
	w.call("PUT", path, map[string]any{"title": map[string]string{}, "expression": "ltv > 1", "expect": 0}).want(422)
	if a := w.call("PUT", path, segmentBody("ltv > \n yes", 0)).want(422); !strings.Contains(a.text, `"line":2`) || !strings.Contains(a.text, `"location":"expression"`) {
		t.Errorf("got %s", a.text)
	}
	first := w.write("PUT", path, segmentBody("orders_count >= 1", 0))
	w.call("PUT", path, segmentBody("orders_count >= 2", 0)).want(409)
	var s segmentRow
	eventually(t, func() bool {
		s = into[segmentRow](w.call("GET", path+"?after="+first.Position, nil))
		return s.Progress == nil
	})
	if s.Members != 1 || s.Title.EN != "購入者" || s.Version != first.Version || s.Owner != "local" || s.CompleteThrough.IsZero() {
		t.Errorf("got %+v", s)
	}
	members := into[list[personRow]](w.call("GET", path+"/members", nil))
	if len(members.Items) != 1 || members.Items[0].Name != "佐藤 花子" {
		t.Errorf("members %+v", members.Items)
	}
	if people := into[list[personRow]](w.call("GET", "/people?segment=buyers&q=鈴木", nil)); len(people.Items) != 0 {
		t.Errorf("a search within finds %+v", people.Items)
	}
	a := w.call("GET", "/people/"+w.id(enishi.Customer, "C10001"), nil)
	if p := into[personPage](a); len(p.Segments) != 1 || p.Segments[0].Title.JA != "購入者" || len(p.Segments[0].Reasons) != 1 || p.Segments[0].Reasons[0].JA != "注文回数 2" {
		t.Errorf("segments %+v", p.Segments)
	}
	checkTexts(t, "person", a.text)
	second := w.write("PUT", path, segmentBody("orders_count >= 99", first.Version))
	eventually(t, func() bool {
		s := into[segmentRow](w.call("GET", path+"?after="+second.Position, nil))
		return s.Progress == nil && s.Members == 0
	})
	if l := into[list[segmentRow]](w.call("GET", "/segments", nil)); len(l.Items) != 1 || l.Items[0].UsedIn == nil {
		t.Errorf("got %+v", l)
	}
	w.call("DELETE", path+"?expect=1", nil).want(409)
	w.call("DELETE", path, nil).want(200)
	w.call("GET", path, nil).want(404)
	w.call("GET", path+"/members", nil).want(404)
	if h := into[list[VersionRow]](w.call("GET", "/definitions?kind=segment&name=buyers", nil)); len(h.Items) != 3 || !h.Items[0].Deleted {
		t.Errorf("history %+v", h.Items)
	}
}

func TestSegmentGalleryAndLanguage(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	a := w.call("GET", "/segments/gallery", nil)
	checkTexts(t, "gallery", a.text)
	for _, g := range into[list[segmentExample]](a).Items {
		if err := segments.Check(g.Expression); err != nil || checkName(g.Name) != nil {
			t.Errorf("%s: %v", g.Name, err)
		}
	}
	l := into[languagePage](w.call("GET", "/segments/language", nil))
	names := map[string]bool{}
	for _, x := range l.Fields {
		if names[x.Name+" "+x.Type] || x.Label.JA == "" || x.Label.EN == "" {
			t.Errorf("field %+v", x)
		}
		names[x.Name], names[x.Name+" "+x.Type] = true, true
	}
	for _, want := range []string{"ltv", "orders", "orders.total", "consent.email", "traits.gender"} {
		if !names[want] {
			t.Errorf("no field %s", want)
		}
	}
	for _, x := range l.Functions {
		vip := segments.Library{Segment: func(name string) (string, bool) { return "ltv > 1", name == "vip" }}
		vip.Ranking = func(name string) (*segments.Cuts, bool) {
			return &segments.Cuts{Order: segments.Order{Measure: "ltv", By: segments.By{Top: 1000}}}, name == "best"
		}
		vip.Store = func(id string) (profiles.Place, bool) { return profiles.Place{}, id == "ginza" }
		if err := vip.Check(x.Example); err != nil || !strings.Contains(x.Example, x.Name) {
			t.Errorf("%s: %v", x.Example, err)
		}
	}
}

// Segments that name others: checked with them, changed with them, and kept while they are named.
func TestInSegment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	w.play(scenario(time.Now().UTC()))
	w.write("PUT", "/segments/vip", segmentBody("orders_count >= 99", 0))
	w.call("PUT", "/segments/other", segmentBody(`in_segment("vpi")`, 0)).want(422)
	last := w.write("PUT", "/segments/other", segmentBody(`!in_segment("vip") && orders_count >= 1`, 0))
	members := func(want int64) {
		t.Helper()
		eventually(t, func() bool {
			s := into[segmentRow](w.call("GET", "/segments/other?after="+last.Position, nil))
			return s.Progress == nil && s.Members == want
		})
	}
	members(1)
	vip := into[segmentRow](w.call("GET", "/segments/vip", nil))
	if p := into[previewPage](w.call("POST", "/segments/preview", map[string]any{"expression": `in_segment("other")`})); !p.Valid || p.Count != 1 {
		t.Errorf("preview %+v", p)
	}
	if a := w.call("PUT", "/segments/vip", segmentBody(`in_segment("other")`, vip.Version)).want(422); !strings.Contains(a.text, "vip → other → vip") {
		t.Errorf("got %s", a.text)
	}
	if a := w.call("DELETE", "/segments/vip", nil).want(409); !strings.Contains(a.text, "other") {
		t.Errorf("got %s", a.text)
	}
	last = w.write("PUT", "/segments/vip", segmentBody("orders_count >= 1", vip.Version))
	members(0) // nothing happened to the person, and its own definition is the same
	w.call("DELETE", "/segments/other", nil).want(200)
	w.call("DELETE", "/segments/vip", nil).want(200)
}

// TestSegmentBlocks: an expression becomes blocks and comes back; what is wrong has a place.
func TestSegmentBlocks(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	const expression = "count(orders, .total >= 5000) >= 2\n  && consent.line"
	p := into[blocksPage](w.call("POST", "/segments/blocks", map[string]any{"expression": expression}))
	if p.Blocks == nil || len(p.Blocks.Blocks) != 2 || p.Blocks.Blocks[0].List != "orders" || len(p.Problems) != 0 {
		t.Fatalf("got %+v", p)
	}
	if again := into[blocksPage](w.call("POST", "/segments/blocks", map[string]any{"blocks": p.Blocks})); again.Expression != expression || len(again.Problems) != 0 {
		t.Errorf("got %+v", again)
	}
	p.Blocks.Blocks[0].Value = ""
	if p := into[blocksPage](w.call("POST", "/segments/blocks", map[string]any{"blocks": p.Blocks})); p.Expression != "consent.line" || len(p.Problems) != 1 || p.Problems[0].Location != "blocks.0" || p.Problems[0].MessageJA != "件数を入力してください" {
		t.Errorf("got %+v", p)
	}
	if p := into[blocksPage](w.call("POST", "/segments/blocks", map[string]any{"expression": "ltv >"})); p.Blocks != nil || len(p.Problems) != 1 || p.Problems[0].Line != 1 || p.Problems[0].Col != 6 {
		t.Errorf("got %+v", p)
	}
	w.call("POST", "/segments/blocks", map[string]any{}).want(422)
	w.call("POST", "/segments/blocks", map[string]any{"blocks": map[string]any{"kind": "nothing"}}).want(422)
}

// TestSegmentValues: what a field has had, in words where there are some.
func TestSegmentValues(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	f := func(query string, want ...string) {
		t.Helper()
		var got []string
		for _, v := range into[list[seenValue]](w.call("GET", "/segments/values?"+query, nil)).Items {
			got = append(got, v.Value+" "+v.Label.JA)
		}
		for _, x := range want {
			if !slices.Contains(got, x) {
				t.Errorf("%s: no %q in %q", query, x, got)
			}
		}
		if len(want) == 0 && len(got) > 0 {
			t.Errorf("%s: %q", query, got)
		}
	}
	f("field=prefecture", "大阪府 大阪府")
	f("field=prefecture&q=鳥取")
	f("field=traits.gender", "female 女性", "male 男性")
	f("field=orders.status&q=配達", "delivered 配達完了")
	f("field=orders.status&q=zzz")
	f("field=traits&q=郵便", "postal_code 郵便番号")
	f("field=visits.type", "product.viewed 商品閲覧")
	f("field=traits.x%27%20OR%201")
	w.call("GET", "/segments/values?field=ltv", nil).want(422)
	w.call("GET", "/segments/values?field=orders.nothing", nil).want(422)
}

// TestReasons: what a condition found is told in words of the language of the fields.
func TestReasons(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	f := func(expression, found, ja string) {
		t.Helper()
		got := w.api.reason(segments.Reason{Expression: expression, Match: true, Found: found}, time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC))
		if got.JA != ja {
			t.Errorf("%s: %q, want %q", expression, got.JA, ja)
		}
		checkJA(t, expression, got.JA)
	}
	f(`last_order_at < ago("90d")`, "2026-08-20T03:00:00Z", "最終注文日時 8/20")
	f(`ltv >= 10000`, "11550", "累計購入額（LTV） ¥11,550")
	f(`count(orders, .total >= 5000) >= 2`, "3", "注文 3 件")
	f(`none(shipments, .status == "delayed")`, "0", "出荷なし")
	f(`sum(orders, .total) > 1`, "84200", "注文 ¥84,200")
	f(`consent.line`, "true", "配信許可（LINE）")
	f(`traits.gender == "female"`, "女性", "性別 女性")
	f(`missing(last_order_at)`, "", "最終注文日時なし")
	f(`line_friend`, "true", "LINE 友だち")
	f(`!line_friend`, "false", "LINE 友だちではない")
	f(`!suppressed_email`, "false", "メール不達・迷惑メール報告なし")
	f(`1 == 1`, "1", "")
}
