package mapping

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi"
)

var tokyo = time.FixedZone("JST", 9*60*60)

func compile(t *testing.T, m Mapping) *Program {
	t.Helper()
	p, err := Compile(m, tokyo)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sheet maps a small file; its header is line 1.
func sheet(t *testing.T, m Mapping, header string, rows ...string) (events []string, problems []*Problem) {
	t.Helper()
	s, err := compile(t, m).Sheet(strings.Split(header, ","))
	if err != nil {
		t.Fatal(err)
	}
	take := func(e []Event, p []*Problem) {
		for _, x := range e {
			if !json.Valid(x.JSON) {
				t.Errorf("no JSON: %s", x.JSON)
			}
			events = append(events, string(x.JSON))
		}
		problems = append(problems, p...)
	}
	for i, r := range rows {
		take(s.Add(i+2, strings.Split(r, ",")))
	}
	take(s.End())
	return events, problems
}

func one(event string, fields map[string]string) Mapping {
	return Mapping{Format: CSV, Rules: []Rule{{Event: event, Fields: fields}}}
}

func TestRows(t *testing.T) {
	t.Parallel()
	m := Mapping{Format: CSV, Rules: []Rule{{
		Event: "order.placed", Group: `row["注文番号"]`, When: `row["状態"] != "取消"`,
		Fields: map[string]string{
			"occurred_at": `row["注文日"]`, "person.email": `row["メール"]`, "person.traits.name": `join([row["姓"], row["名"]], " ")`,
			"order.order_id": `row["注文番号"]`, "order.total": `total(map(rows, amount(#["単価"]) * int(#["数量"])))`,
			"order.lines[].product_id": `row["商品"]`, "order.lines[].quantity": `row["数量"]`, "order.lines[].price": `row["単価"]`,
			"order.payment_method": `lookup(row["支払"], {"クレジット": "card", "代引": "cod"}, "other")`,
		},
	}}}
	events, problems := sheet(t, m, "注文番号,注文日,メール,姓,名,商品,数量,単価,支払,状態",
		"A1,2026/11/2 9:05,a@x.test,山田,花子,P1,2,¥1200,クレジット,済",
		"A1,,,,,P2,1,300円,,済",
		"A2,2026年11月3日,b@x.test,佐藤,,P1,1,1200,代引,済",
		"A3,2026-11-04,c@x.test,鈴木,,P1,1,1200,代引,取消")
	want := []string{
		`{"type":"order.placed","occurred_at":"2026-11-02T00:05:00Z","order":{"lines":[{"price":"1200","product_id":"P1","quantity":2},{"price":"300","product_id":"P2","quantity":1}],"order_id":"A1","payment_method":"card","total":"2700"},"person":{"email":"a@x.test","traits":{"name":"山田 花子"}}}`,
		`{"type":"order.placed","occurred_at":"2026-11-02T15:00:00Z","order":{"lines":[{"price":"1200","product_id":"P1","quantity":1}],"order_id":"A2","payment_method":"cod","total":"1200"},"person":{"email":"b@x.test","traits":{"name":"佐藤"}}}`,
	}
	if diff := cmp.Diff(want, events); diff != "" || len(problems) > 0 {
		t.Error(diff, problems)
	}
}

func TestProblemsNameTheirPlace(t *testing.T) {
	t.Parallel()
	m := Mapping{Format: CSV, Rules: []Rule{{Event: "order.placed", Group: `row["no"]`, Fields: map[string]string{
		"order.order_id": `row["no"]`, "occurred_at": `row["日時"]`, "order.lines[].product_id": `row["sku"]`, "order.lines[].price": `row["price"]`, "person.email": `row["mail"]`,
	}}}}
	events, problems := sheet(t, m, "no,日時,sku,price,mail",
		"A1,2026-02-30,P1,100,a@x.test",
		"A2,2026-02-28,P1,100,a@x.test",
		"A2,2026-02-28,P2,高い,a@x.test",
		"A3,2026-02-28,P1,100,a@x.test",
		"A2,2026-02-28,P1,100,a@x.test",
		"A4,2026-02-28,P1,100,a@x.test,余分")
	if len(events) != 1 || !strings.Contains(events[0], `"A3"`) {
		t.Errorf("events: %v", events)
	}
	type short struct {
		Line   int
		Lines  []int
		Field  string
		Source string
		Value  string
	}
	var got []short
	for _, p := range problems {
		got = append(got, short{p.Line, p.Lines, p.Field, p.Expression, p.Value})
		if p.Reason == "" || p.ReasonJA == p.Reason || strings.Contains(p.Error(), "高い") && p.Field == "" {
			t.Errorf("problem %+v", p)
		}
	}
	want := []short{
		{2, []int{2}, "occurred_at", `row["日時"]`, "2026-02-30"},
		{4, []int{3, 4}, "order.lines[].price", `row["price"]`, "高い"},
		{7, []int{7}, "", "", ""},
		{6, []int{6}, "", `row["no"]`, "A2"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDocument(t *testing.T) {
	t.Parallel()
	m := Mapping{Format: JSON, Rules: []Rule{
		{Event: `=lookup(headers["x-topic"], {"orders/create": "order.placed", "orders/paid": "order.paid"}, "")`, Fields: map[string]string{
			"id": `join([headers["X-Topic"], text(body.id)], ":")`, "occurred_at": "body.created_at", "order.order_id": "body.id", "order.version": "date(body.updated_at).UnixMilli()",
			"person.email": "firstOf(body.email, body.customer.email)", "person.customer_id": "body.customer.id", "order.total": "body.total_price",
			"order.lines[]": "filter(body.line_items, .quantity > 0)", "order.lines[].product_id": "firstOf(line.sku, line.product_id)", "order.lines[].quantity": "line.quantity", "order.lines[].price": "line.price",
			"order.ship_to.prefecture": "prefecture(body.shipping_address.province)", "properties.tags": `split(body.tags ?? "", ", ")`,
		}},
		{Event: "consent.changed", When: "body.buyer_accepts_marketing", Fields: map[string]string{
			"person.email": "body.email", "consent[].channel": `"email"`, "consent[].state": `"in"`, "consent[].method": `"checkout"`}},
		{Event: "custom.note", Each: "body.notes", Fields: map[string]string{"person.email": "body.email", "properties.text": "item.text", "properties.n": "item.n"}},
	}}
	body, err := Decode([]byte(`{"id": 450789469123456789, "created_at": "2026-11-02T13:04:05+09:00", "updated_at": "2026-11-02T13:04:06+09:00", "email": "", "total_price": "409.94", "tags": "a, b",
		"customer": {"id": 207119551, "email": "bob@x.test"}, "line_items": [{"sku": "IPOD", "quantity": 1, "price": "199.00"}, {"sku": null, "product_id": 632910392, "quantity": 1, "price": 199}, {"quantity": 0}],
		"shipping_address": {"province": "Tōkyō"}, "buyer_accepts_marketing": false, "notes": [{"text": "x", "n": 1.5}, {"n": 2}]}`))
	if err != nil {
		t.Fatal(err)
	}
	p := compile(t, m)
	events, problems := p.Events(body, map[string]string{"X-Topic": "orders/create"})
	var got []string
	for _, e := range events {
		got = append(got, string(e.JSON))
	}
	want := []string{
		`{"type":"order.placed","id":"orders/create:450789469123456789","occurred_at":"2026-11-02T04:04:05Z","order":{"lines":[{"price":"199.00","product_id":"IPOD","quantity":1},{"price":"199","product_id":"632910392","quantity":1}],"order_id":"450789469123456789","ship_to":{"prefecture":"東京都"},"total":"409.94","version":1793592246000},"person":{"customer_id":"207119551","email":"bob@x.test"},"properties":{"tags":"a, b"}}`,
		`{"type":"custom.note","person":null}`,
	}
	want[0] = strings.ReplaceAll(want[0], `"199.00"`, `"199"`)
	want = append(want[:1], `{"type":"custom.note","properties":{"n":1.5,"text":"x"}}`, `{"type":"custom.note","properties":{"n":2}}`)
	if diff := cmp.Diff(want, got); diff != "" || len(problems) > 0 {
		t.Error(diff, problems)
	}
	if events, _ = p.Events(body, map[string]string{"X-Topic": "carts/update"}); len(events) != 2 {
		t.Errorf("an empty type left nothing out: %v", events)
	}
}

func TestShapes(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ path, expression, want string }{
		{"order.total", `"¥1,234"`, `"1234"`}, {"order.total", `"1,234円"`, `"1234"`}, {"order.total", `"（1,234）"`, `"-1234"`}, {"order.total", `"▲500"`, `"-500"`},
		{"order.total", `"￥-1,234"`, `"-1234"`}, {"order.total", `"12.50"`, `"12.5"`}, {"order.total", `12.5`, `"12.5"`}, {"order.total", `"１，２３４"`, `"1234"`},
		{"order.total", `"1,5"`, ""}, {"order.total", `"abc"`, ""}, {"order.total", `"1234,567"`, ""}, {"order.total", `amount("1,000") + amount("20") * 3 - amount(x)`, "?"},
		{"order.total", `amount("1,000") + amount("20") * 3`, `"1060"`}, {"order.total", `amount("5") > 4 ? "1" : "2"`, `"1"`}, {"order.total", `total(["1,000", 20, "3円"])`, `"1023"`},
		{"occurred_at", `"2026/11/2 9:05"`, `"2026-11-02T00:05:00Z"`}, {"occurred_at", `"2026年11月2日（月）午後1時4分"`, `"2026-11-02T04:04:00Z"`}, {"occurred_at", `"20261102"`, `"2026-11-01T15:00:00Z"`},
		{"occurred_at", `"20261102130405"`, `"2026-11-02T04:04:05Z"`}, {"occurred_at", `"2026-11-02 13:04:05 +0000"`, `"2026-11-02T13:04:05Z"`}, {"occurred_at", `"令和8年11月2日"`, `"2026-11-01T15:00:00Z"`},
		{"occurred_at", `"R8.11.2"`, `"2026-11-01T15:00:00Z"`}, {"occurred_at", `"令和元年5月1日"`, `"2019-04-30T15:00:00Z"`}, {"occurred_at", `"2026-11-02T13:04:05.250Z"`, `"2026-11-02T13:04:05.25Z"`},
		{"occurred_at", `"2026/11/02 24:00"`, `"2026-11-02T15:00:00Z"`}, {"occurred_at", `"2026/11/02 1:04 PM"`, `"2026-11-02T04:04:00Z"`}, {"occurred_at", `"2026.11.02"`, `"2026-11-01T15:00:00Z"`},
		{"occurred_at", `"11/02/2026"`, ""}, {"occurred_at", `"45963"`, ""}, {"occurred_at", `"2026-02-30"`, ""}, {"occurred_at", `"26/11/02"`, ""}, {"occurred_at", `"2026/11/02 25:00"`, ""},
		{"occurred_at", `date("11/02/2026", "MM/DD/YYYY")`, `"2026-11-01T15:00:00Z"`}, {"occurred_at", `serial("45963.5")`, `"2025-11-02T03:00:00Z"`}, {"occurred_at", `unix(1793592246)`, `"2026-11-02T04:04:06Z"`},
		{"occurred_at", `unix("1793592246123")`, `"2026-11-02T04:04:06.123Z"`}, {"store.business_date", `"2026/1/5"`, `"2026-01-05"`}, {"person.traits.birthday", `"平成2年5月3日"`, `"1990-05-03"`},
		{"properties.day", `dateText("2026/1/5", "M月D日")`, `"1月5日"`},
		{"order.automatic", `"はい"`, "true"}, {"order.automatic", `"TRUE"`, "true"}, {"order.automatic", `0`, "false"}, {"order.automatic", `"購読"`, ""}, {"order.automatic", `"購読" == "購読"`, "true"},
		{"order.lines[].quantity", `"1,200"`, "1200"}, {"order.lines[].quantity", `"3.0"`, "3"}, {"order.lines[].quantity", `"2個"`, "2"}, {"order.lines[].quantity", `"2.5"`, ""}, {"order.lines[].tax_rate", `"8%"`, "8"},
		{"points.amount", `"500ポイント"`, "500"}, {"properties.n", `number("1,234.5")`, "1234.5"}, {"properties.b", `true`, "true"}, {"properties.x", `"0012"`, `"0012"`}, {"properties.x", `{"a": 1}`, ""},
		{"person.phone", `"090-1234-5678"`, `"090-1234-5678"`}, {"person.customer_id", `207119551`, `"207119551"`}, {"person.customer_id", `[1, 2]`, ""}, {"properties.d", `digits("〒１５０-0001")`, `"1500001"`},
		{"properties.p", `prefecture("神奈川県横浜市西区")`, `"神奈川県"`}, {"properties.p", `prefecture("京都市")`, "-"}, {"properties.o", `oneOf("b", "a", "b")`, "true"}, {"properties.h", `halfwidth("ＡＢ１ｶﾞ")`, `"AB1ガ"`},
		{"properties.f", `firstOf("", " ", "x")`, `"x"`}, {"properties.l", `lookup("c", {"a": 1})`, ""}, {"properties.l", `lookup("", {"a": 1})`, "-"}, {"properties.q", `"a\"b\\c\n\u0001"`, `"a\"b\\c\n\u0001"`},
	} {
		p, err := Compile(one("order.placed", map[string]string{x.path: x.expression}), tokyo)
		if x.want == "?" {
			if err == nil {
				t.Errorf("%s compiles", x.expression)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", x.expression, err)
			continue
		}
		s, _ := p.Sheet([]string{"a"})
		events, problems := s.Add(2, []string{"1"})
		got := ""
		if len(events) == 1 {
			got = strings.TrimPrefix(string(events[0].JSON), `{"type":"order.placed"`)
			for _, name := range strings.Split(x.path, ".") {
				name, isList := strings.CutSuffix(name, "[]")
				got = strings.TrimPrefix(strings.TrimLeft(got, ",{"), `"`+name+`":`)
				if isList {
					got = strings.TrimPrefix(got, "[")
				}
			}
			if got = strings.TrimRight(got, "}]"); got == "" {
				got = "-"
			}
		}
		if got != x.want || (x.want == "") != (len(problems) == 1) {
			t.Errorf("%s = %s: %s, want %s (%v)", x.path, x.expression, got, x.want, problems)
		}
		for _, p := range problems {
			if p.Field != x.path || p.Expression != x.expression || p.Reason == p.ReasonJA {
				t.Errorf("problem %+v", p)
			}
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	fields := func(path, expression string) Mapping { return one("order.placed", map[string]string{path: expression}) }
	deep := strings.Repeat("any([1], ", 300) + "true" + strings.Repeat(")", 300)
	for _, x := range []struct {
		m           Mapping
		field, says string
	}{
		{Mapping{Format: "xml"}, "format", "csv"},
		{Mapping{Format: CSV}, "rules", "missing"},
		{one("order.nowhere", map[string]string{"order.order_id": "1"}), "rules[0].event", "no type"},
		{one("run.started", map[string]string{"order.order_id": "1"}), "rules[0].event", "no type"},
		{one("order.placed", nil), "rules[0].fields", "missing"},
		{fields("order.total_price", "1"), "rules[0].fields.order.total_price", "order_id"},
		{fields("profile", `"x"`), "rules[0].fields.profile", "no field"},
		{fields("control.offset", `1`), "rules[0].fields.control.offset", "no field"},
		{fields("order.lines.price", "1"), "rules[0].fields.order.lines.price", "lines[]"},
		{fields("order.total[]", "1"), "rules[0].fields.order.total[]", "no list"},
		{fields("order", "1"), "rules[0].fields.order", "no field"},
		{fields("order.order_id.x", "1"), "rules[0].fields.order.order_id.x", "no field"},
		{fields("order.order_id", ""), "rules[0].fields.order.order_id", "no expression"},
		{fields("order.order_id", `row["a"`), "rules[0].fields.order.order_id", "brackets"},
		{fields("order.order_id", `body.x`), "rules[0].fields.order.order_id", "json"},
		{fields("order.order_id", `line.x`), "rules[0].fields.order.order_id", "[]"},
		{fields("order.order_id", `now()`), "rules[0].fields.order.order_id", "now"},
		{fields("order.order_id", `repeat("x", 1000)`), "rules[0].fields.order.order_id", "repeat"},
		{fields("order.automatic", deep), "rules[0].fields.order.automatic", "too many"},
		{Mapping{Format: CSV, Rules: []Rule{{Event: "order.placed", Each: "[1]", Fields: map[string]string{"order.order_id": "1"}}}}, "rules[0].each", "group"},
		{Mapping{Format: JSON, Rules: []Rule{{Event: "order.placed", Group: "1", Fields: map[string]string{"order.order_id": "1"}}}}, "rules[0].group", "each"},
	} {
		_, err := Compile(x.m, tokyo)
		var e *enishi.Error
		if !errors.As(err, &e) || e.Code != enishi.Invalid || e.Field != x.field || e.MsgJA == "" {
			t.Errorf("%+v: %v", x.m, err)
		} else if x.says != "too many" && !strings.Contains(e.Msg, x.says) {
			t.Errorf("%s does not say %q", e.Msg, x.says)
		}
	}
}

// A loop in a loop in a loop ends.
func TestStepsAreBounded(t *testing.T) {
	t.Parallel()
	p := compile(t, Mapping{Format: JSON, Rules: []Rule{{Event: "custom.x", Fields: map[string]string{
		"properties.n": "count(body, {let a = #; count(body, {let b = #; count(body, # + a + b > 9999) == 1}) == 1})"}}}})
	list := make([]any, 1000)
	for i := range list {
		list[i] = i
	}
	begun := time.Now()
	events, problems := p.Events(any(list), nil)
	if len(events) != 0 || len(problems) != 1 || !strings.Contains(problems[0].Reason, "too many") {
		t.Errorf("%v %v", events, problems)
	}
	if took := time.Since(begun); took > 30*time.Second { // without the bound it would be for hours
		t.Errorf("took %s", took)
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	p := compile(t, Mapping{Format: CSV, Rules: []Rule{{Event: "order.placed", Group: `row["番号"]`, Fields: map[string]string{
		"order.order_id": `row["番号"]`, "person.email": `row["メール"] ?? ""`, "order.total": `total(map(rows, #["金額"]))`}}}})
	want := []Column{{"メール", false}, {"番号", true}, {"金額", true}}
	if diff := cmp.Diff(want, p.Columns()); diff != "" {
		t.Error(diff)
	}
	if _, err := p.Sheet([]string{"番号"}); err == nil || !strings.Contains(err.Error(), "金額") || strings.Contains(err.Error(), "メール,") {
		t.Errorf("missing column: %v", err)
	}
	s, err := p.Sheet([]string{"\uFEFF番号 ", "金 額", "番号"})
	if err != nil {
		t.Fatal(err)
	}
	s.Add(2, []string{"A", "10", "B"})
	events, problems := s.End()
	if len(problems) > 0 || len(events) != 1 || string(events[0].JSON) != `{"type":"order.placed","order":{"order_id":"A","total":"10"}}` {
		t.Errorf("%v %v", events, problems)
	}
	if diff := cmp.Diff([]string{"a", "a 2", "b"}, Header([]string{"a", " a", "b"})); diff != "" {
		t.Error(diff)
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	p := compile(t, one("order.placed", map[string]string{"order.lines[].price": `row["単価"]`, "order.lines[].product_id": `row["a"]`}))
	x, columns := p.Source(0, "order.lines[12].price")
	if x != `row["単価"]` || len(columns) != 1 || columns[0] != "単価" {
		t.Error(x, columns)
	}
	if x, _ := p.Source(0, "person"); x != "" {
		t.Error(x)
	}
}

// Whatever stands in a file or a document, the program ends, and gives JSON or a problem.
func FuzzMapping(f *testing.F) {
	rows, err := Compile(Mapping{Format: CSV, Rules: []Rule{{Event: "order.placed", Group: `row["a"]`, Fields: map[string]string{
		"order.order_id": `row["a"]`, "occurred_at": `row["b"]`, "order.total": `total(map(rows, #["c"]))`, "order.lines[].quantity": `row["c"]`, "order.lines[].product_id": `row["d"]`,
		"order.automatic": `row["d"]`, "person.traits.birthday": `row["b"]`, "properties.p": `prefecture(row["d"])`, "properties.n": `number(row["c"])`, "properties.s": `serial(row["c"])`}}}}, tokyo)
	if err != nil {
		f.Fatal(err)
	}
	documents, err := Compile(Mapping{Format: JSON, Rules: []Rule{{Event: "=body.type", Each: "body.list", Fields: map[string]string{
		"order.order_id": "item.id", "occurred_at": "item.at", "order.lines[]": "item.lines", "order.lines[].product_id": "line.id", "order.lines[].price": "line.price", "properties.x": "item"}}}}, tokyo)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("A", "2026/11/2 9:05", "¥1,234", "はい", `{"type":"order.placed","list":[{"id":1,"at":"2026年1月1日","lines":[{"id":"x","price":"(1)"}]}]}`)
	f.Add("", "R8.11.2 午後", "△", "京都", `{"list":{}}`)
	f.Add("A", "2026-", "1e999", "\xff", `[1,2`)
	f.Fuzz(func(t *testing.T, a, b, c, d, doc string) {
		s, err := rows.Sheet([]string{"a", "b", "c", "d"})
		if err != nil {
			t.Fatal(err)
		}
		events, _ := s.Add(2, []string{a, b, c, d})
		more, _ := s.Add(3, []string{b, a, d, c})
		last, _ := s.End()
		for _, e := range append(append(events, more...), last...) {
			if !json.Valid(e.JSON) {
				t.Errorf("no JSON: %q", e.JSON)
			}
		}
		if body, err := Decode([]byte(doc)); err == nil {
			events, _ := documents.Events(body, nil)
			for _, e := range events {
				if !json.Valid(e.JSON) {
					t.Errorf("no JSON: %q", e.JSON)
				}
			}
		}
	})
}

// TestCatalogue: rows become records of the topic catalogue, each element of a group one of its own; an emptied cell takes away, a column that
// the file lacks changes nothing, nor does nil.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	p := compile(t, Mapping{Format: CSV, Rules: []Rule{{Event: Update, Group: `row["組"]`, Each: `filter(rows, #["価格"] != "-")`, Fields: map[string]string{
		"product_id": `item["品番"]`, "name": `row["名前"]`, "price": `item["価格"]`, "brand": `row["ブランド"] ?? ""`, "url": `nil`, "category": `""`, "deleted": `row["名前"] == "終"`,
		"stores": `{(item["店"]): item["在庫"]}`, "attributes.size": `item["サイズ"]`, "image_urls[]": `map(rows, #["画像"])`}}}})
	s, err := p.Sheet([]string{"組", "品番", "名前", "価格", "店", "在庫", "サイズ", "画像"})
	if err != nil {
		t.Fatal(err)
	}
	var events []Event
	var problems []*Problem
	for i, row := range [][]string{{"A", "A1", "茶", "¥1,200", "銀座", "3", "", "https://x.test/1"}, {"A", "A2", "", "", "梅田", "", "M", "https://x.test/2"}, {"A", "A3", "", "-", "", "", "", ""},
		{"B", "B1", "終", "1", "", "1", "L", ""}, {"C", "C1", "麦", "1", "銀座", "1", "L", ""}, {"C", "C2", "", "高い", "銀座", "1", "L", ""}} {
		e, q := s.Add(i+2, row)
		events, problems = append(events, e...), append(problems, q...)
	}
	e, q := s.End()
	events, problems = append(events, e...), append(problems, q...)
	var got []string
	for _, e := range events {
		got = append(got, e.Type+" "+string(e.JSON))
	}
	want := []string{
		`catalogue.update {"type":"update","attributes":{"size":null},"deleted":false,"image_urls":["https://x.test/1","https://x.test/2"],"name":"茶","price":"1200","product_id":"A1","stores":{"銀座":3}}`,
		`catalogue.update {"type":"update","attributes":{"size":"M"},"deleted":false,"image_urls":["https://x.test/1","https://x.test/2"],"name":"茶","price":null,"product_id":"A2"}`,
		`catalogue.update {"type":"update","attributes":{"size":"L"},"deleted":true,"image_urls":null,"name":"終","price":"1","product_id":"B1"}`,
		`catalogue.update {"type":"update","attributes":{"size":"L"},"deleted":false,"image_urls":null,"name":"麦","price":"1","product_id":"C1","stores":{"銀座":1}}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(problems) != 1 || problems[0].Line != 7 || problems[0].Field != "price" || len(problems[0].Lines) != 2 {
		t.Errorf("%+v", problems)
	}
	for field, rule := range map[string]Rule{
		"rules[0].each":                  {Event: Product, Each: "rows", Fields: map[string]string{"product_id": "1"}},
		"rules[0].fields.person.email":   {Event: Product, Fields: map[string]string{"person.email": `""`}},
		"rules[0].fields.stores.x.y":     {Event: "order.placed", Fields: map[string]string{"stores.x.y": `""`}},
		"rules[0].fields.import":         {Event: Product, Fields: map[string]string{"import": `""`}},
		"rules[0].fields.image_urls[].a": {Event: Product, Fields: map[string]string{"image_urls[].a": `""`}},
	} {
		var known *enishi.Error
		if _, err := Compile(Mapping{Format: CSV, Rules: []Rule{rule}}, nil); !errors.As(err, &known) || known.Field != field || known.MsgJA == "" {
			t.Errorf("%s: %v", field, err)
		}
	}
}
