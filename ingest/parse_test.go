package ingest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi"
	"enishi/internal/stream"
)

// noon is the time of the tests' source records.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func record(value string) *stream.Record {
	return &stream.Record{Topic: enishi.TopicOrders, Partition: 3, Offset: 17, Time: noon, Value: []byte(value)}
}

func TestParseSuccess(t *testing.T) {
	t.Parallel()
	p := NewParser(ParserConfig{LineProvider: "shop", HistoricalTypes: map[string]time.Duration{"store.purchased": 72 * time.Hour}})
	f := func(name, in string, check func(e *enishi.Event, ids []enishi.Identifier) bool) {
		t.Helper()
		got, refusal := p.Parse(record(in), noon)
		if refusal != nil {
			t.Errorf("%s: refused: %v", name, refusal)
			return
		}
		if !check(&got.Event, got.Identifiers) {
			b, _ := json.Marshal(&got.Event)
			t.Errorf("%s: got %s %+v", name, b, got.Identifiers)
		}
	}
	const who = `"person":{"customer_id":"C1"}`
	f("the least", `{"type":"person.identified",`+who+`}`, func(e *enishi.Event, ids []enishi.Identifier) bool {
		return e.Type == "person.identified" && e.At.Equal(noon) && !e.Historical && len(ids) == 1 && ids[0].Value == "C1" &&
			e.ID == enishi.NewID("record", "orders", "3", "17")
	})
	f("an id of the producer", `{"type":"page.viewed","id":"abc",`+who+`}`, func(e *enishi.Event, _ []enishi.Identifier) bool {
		return e.ID == enishi.EventID("abc")
	})
	f("a UUID", `{"type":"page.viewed","id":"01890a5d-ac96-774b-bcce-b302099a8057",`+who+`}`, func(e *enishi.Event, _ []enishi.Identifier) bool {
		return e.ID.UUID() == "01890a5d-ac96-774b-bcce-b302099a8057"
	})
	f("a time", `{"type":"page.viewed","occurred_at":"2026-11-20T20:00:00.1234+09:00",`+who+`}`, func(e *enishi.Event, _ []enishi.Identifier) bool {
		return e.At.Equal(time.Date(2026, 11, 20, 11, 0, 0, 123e6, time.UTC)) && e.At.Location() == time.UTC
	})
	f("the future is now", `{"type":"page.viewed","occurred_at":"2026-11-20T12:00:01Z",`+who+`}`, func(e *enishi.Event, _ []enishi.Identifier) bool {
		return e.At.Equal(noon)
	})
	f("old is historical", `{"type":"page.viewed","occurred_at":"2026-11-19T11:59:59Z",`+who+`}`, func(e *enishi.Event, _ []enishi.Identifier) bool {
		return e.Historical
	})
	f("a day old is not", `{"type":"page.viewed","occurred_at":"2026-11-19T12:00:00Z",`+who+`}`, func(e *enishi.Event, _ []enishi.Identifier) bool {
		return !e.Historical
	})
	f("by type", `{"type":"store.purchased","occurred_at":"2026-11-18T12:00:00Z","store":{"store_id":"S1"},`+who+`}`, func(e *enishi.Event, _ []enishi.Identifier) bool {
		return !e.Historical
	})
	f("an old order is taken", `{"type":"order.placed","occurred_at":"2019-01-01T00:00:00Z","order":{"order_id":"O1","total":1000},`+who+`}`, func(e *enishi.Event, _ []enishi.Identifier) bool {
		return e.Historical && e.Order.Currency == "JPY"
	})
	f("a payment leaves the currency", `{"type":"order.paid","order":{"order_id":"O1"},`+who+`}`, func(e *enishi.Event, _ []enishi.Identifier) bool {
		return e.Order.Currency == ""
	})
	f("an old visit of an import", `{"type":"page.viewed","occurred_at":"2019-01-01T00:00:00Z","import":{"file":"00000000000000ff","row":7},`+who+`}`, func(e *enishi.Event, _ []enishi.Identifier) bool {
		return e.Historical && *e.Import == enishi.Import{File: 255, Row: 7}
	})
	f("a name of Segment's", `{"type":"Order Completed","order":{"order_id":"O1","total":"1234.5","currency":"usd"},`+who+`}`, func(e *enishi.Event, _ []enishi.Identifier) bool {
		return e.Type == "order.placed" && e.Order.Total == 12_345_000 && e.Order.Currency == "USD"
	})
	f("a name of the shop's own", `{"type":"custom.video_played","properties":{"seconds":12,"done":true,"at":"2026-11-20T12:00:00Z","what":{"a":1}},`+who+`}`, func(e *enishi.Event, _ []enishi.Identifier) bool {
		return cmp.Equal(e.Properties, map[string]enishi.Value{"seconds": enishi.NumberValue(12), "done": enishi.BoolValue(true), "at": enishi.InstantValue(noon), "what": enishi.TextValue(`{"a":1}`)})
	})
	f("lines count as one", `{"type":"order.placed","order":{"order_id":"O1","lines":[{"product_id":"P1","price":1000},{"product_id":"P2","quantity":3}]},`+who+`}`, func(e *enishi.Event, _ []enishi.Identifier) bool {
		return e.Order.Lines[0].Quantity == 1 && e.Order.Lines[1].Quantity == 3 && e.Order.Lines[0].Price == 1000*enishi.Unit
	})
	f("consent is for marketing", `{"type":"consent.changed","consent":[{"channel":"email","state":"in"}],`+who+`}`, func(e *enishi.Event, _ []enishi.Identifier) bool {
		return e.Consent[0].Purpose == "marketing"
	})
	f("identifiers by strength", `{"type":"page.viewed","person":{"anonymous_id":"a","phone":"090-1234-5678","email":"A@x.jp ","line_user_id":"U0123456789abcdef0123456789abcdef","customer_id":"C1"}}`,
		func(e *enishi.Event, ids []enishi.Identifier) bool {
			want := []enishi.Identifier{{Kind: enishi.Customer, Value: "C1", Raw: "C1"}, {Kind: enishi.LINEUser, Scope: "shop", Value: "U0123456789abcdef0123456789abcdef", Raw: "U0123456789abcdef0123456789abcdef"},
				{Kind: enishi.Email, Value: "a@x.jp", Raw: "A@x.jp"}, {Kind: enishi.Phone, Value: "+819012345678", Raw: "090-1234-5678"}, {Kind: enishi.Anonymous, Value: "a", Raw: "a"}}
			return cmp.Equal(ids, want) && e.Person.Email == "A@x.jp" && e.Person.LineProvider == "shop"
		})
	f("a broken identifier beside a good one", `{"type":"order.placed","order":{"order_id":"O1"},"person":{"customer_id":"null","phone":"unknown","email":"a@x.jp"}}`, func(e *enishi.Event, ids []enishi.Identifier) bool {
		return len(ids) == 1 && ids[0].Kind == enishi.Email && e.Person.CustomerID == "" && e.Person.Phone == ""
	})
	f("a gift's recipient is nobody", `{"type":"order.placed","order":{"order_id":"O1","ship_to":{"phone":"09011112222","is_gift":true}},`+who+`}`, func(_ *enishi.Event, ids []enishi.Identifier) bool {
		return len(ids) == 1
	})
	f("where it goes is not the sender's to say", `{"type":"page.viewed","profile":"00112233445566778899aabbccddeeff",`+who+`}`, func(e *enishi.Event, _ []enishi.Identifier) bool {
		return e.Profile.IsZero()
	})
	f("Segment's calls on a topic", `{"type":"track","event":"Order Completed","userId":"C1","messageId":"m1","timestamp":"2026-11-20T11:00:00Z","context":{"referrer":{"id":"x"}},"properties":{"order_id":"O1","total":1980}}`,
		func(e *enishi.Event, ids []enishi.Identifier) bool {
			return e.Type == "order.placed" && e.Order.Total == 1980*enishi.Unit && e.ID == enishi.EventID("m1") && ids[0].Value == "C1" && e.At.Equal(noon.Add(-time.Hour))
		})
	f("null is absent", `{"type":"page.viewed","id":null,"occurred_at":null,"context":null,"properties":null,"order":null,`+who+`}`, func(e *enishi.Event, _ []enishi.Identifier) bool {
		return e.Order == nil && e.At.Equal(noon)
	})
	f("long URLs are cut", `{"type":"page.viewed","context":{"url":"https://x.jp/`+strings.Repeat("あ", 1000)+`"},`+who+`}`, func(e *enishi.Event, _ []enishi.Identifier) bool {
		return len(e.Context.URL) <= 2000 && len(e.Context.URL) > 1990 && strings.HasSuffix(e.Context.URL, "あ")
	})
}

func TestParseFailure(t *testing.T) {
	t.Parallel()
	blocked := func(x enishi.Identifier) bool { return x.Kind == enishi.Anonymous && x.Value == "tablet-1" }
	p := NewParser(ParserConfig{Blocked: blocked})
	f := func(name, in, code, field string) {
		t.Helper()
		_, r := p.Parse(record(in), noon)
		if r == nil {
			t.Errorf("%s: was taken", name)
			return
		}
		if r.Code != code || r.Field != field || r.Reason == "" || r.ReasonJA == "" || r.Reason == r.ReasonJA || strings.Contains(r.Reason+r.ReasonJA, "%!") {
			t.Errorf("%s: %+v, want code %s, field %q", name, *r, code, field)
		}
	}
	const who = `"person":{"customer_id":"C1"}`
	f("nothing", ``, CodeJSON, "")
	f("no JSON", `hello`, CodeJSON, "")
	f("half of it", `{"type":"page.viewed",`, CodeJSON, "")
	f("a comma too many", `{"type":"page.viewed",`+who+`,}`, CodeJSON, "")
	f("two", `{"type":"page.viewed",`+who+`} {}`, CodeJSON, "")
	f("a list", `[{"type":"page.viewed"}]`, CodeType, "")
	f("a text", `"page.viewed"`, CodeType, "")
	f("null", `null`, CodeMissing, "type")
	f("invalid UTF-8", "{\"type\":\"page.viewed\",\"person\":{\"customer_id\":\"\xff\xfe\"}}", CodeUTF8, "")
	f("too large", `{"type":"page.viewed","properties":{"x":"`+strings.Repeat("x", MaxEventBytes)+`"},`+who+`}`, CodeSize, "")

	f("no type", `{`+who+`}`, CodeMissing, "type")
	f("an unknown type", `{"type":"order.frobnicated",`+who+`}`, CodeUnknown, "type")
	f("a control record", `{"type":"~merge",`+who+`}`, CodeUnknown, "type")
	f("a derived one", `{"type":"segment.entered",`+who+`}`, CodeUnknown, "type")
	f("one of Enishi's own", `{"type":"message.opened",`+who+`}`, CodeUnknown, "type")
	f("erasure", `{"type":"person.erased",`+who+`}`, CodeUnknown, "type")
	f("a payload of Enishi's own", `{"type":"page.viewed","control":{"offset":3},`+who+`}`, CodeReserved, "control")
	f("a message", `{"type":"page.viewed","message":{"send_id":"00112233445566778899aabbccddeeff"},`+who+`}`, CodeReserved, "message")
	f("a custom name with a space", `{"type":"custom.a b",`+who+`}`, CodeUnknown, "type")
	f("a newer version", `{"v":2,"type":"page.viewed",`+who+`}`, CodeValue, "v")

	f("type: number for text", `{"type":7,`+who+`}`, CodeType, "type")
	f("text for number", `{"type":"order.placed","order":{"order_id":"O1","lines":[{"product_id":"P1"},{"product_id":"P2","quantity":"two"}]},`+who+`}`, CodeType, "order.lines[1].quantity")
	f("half a piece", `{"type":"order.placed","order":{"order_id":"O1","lines":[{"product_id":"P1","quantity":1.5}]},`+who+`}`, CodeType, "order.lines[0].quantity")
	f("object for text", `{"type":"page.viewed","person":{"email":{"value":"a@x.jp"}}}`, CodeType, "person.email")
	f("text for object", `{"type":"order.placed","order":"O1",`+who+`}`, CodeType, "order")
	f("object for list", `{"type":"order.placed","order":{"order_id":"O1","lines":{"product_id":"P1"}},`+who+`}`, CodeType, "order.lines")
	f("text for truth", `{"type":"page.viewed","historical":"yes",`+who+`}`, CodeType, "historical")
	f("no time", `{"type":"page.viewed","occurred_at":"yesterday",`+who+`}`, CodeType, "occurred_at")
	f("time without zone", `{"type":"page.viewed","occurred_at":"2026-11-20 12:00:00",`+who+`}`, CodeType, "occurred_at")
	f("no amount", `{"type":"order.placed","order":{"order_id":"O1","total":"1,980"},`+who+`}`, CodeType, "order.total")
	f("exponent", `{"type":"order.placed","order":{"order_id":"O1","total":1e3},`+who+`}`, CodeType, "order.total")
	f("five decimals", `{"type":"order.placed","order":{"order_id":"O1","total":"0.00001"},`+who+`}`, CodeType, "order.total")
	f("NaN", `{"type":"order.placed","order":{"order_id":"O1","total":NaN},`+who+`}`, CodeJSON, "")
	f("a huge number", `{"type":"order.placed","order":{"order_id":"O1","version":99999999999999999999},`+who+`}`, CodeType, "order.version")

	f("no person", `{"type":"page.viewed"}`, CodeMissing, "person")
	f("an empty person", `{"type":"page.viewed","person":{}}`, CodeMissing, "person")
	f("traits alone", `{"type":"page.viewed","person":{"traits":{"name":"x"}}}`, CodeMissing, "person")
	f("nobody", `{"type":"page.viewed","person":{"customer_id":"0"}}`, CodeReserved, "person.customer_id")
	f("a blocked tablet", `{"type":"page.viewed","person":{"anonymous_id":"tablet-1"}}`, CodeReserved, "person.anonymous_id")
	f("no email", `{"type":"page.viewed","person":{"email":"hanako"}}`, CodeValue, "person.email")
	f("a long id", `{"type":"page.viewed","person":{"customer_id":"`+strings.Repeat("x", 201)+`"}}`, CodeValue, "person.customer_id")
	f("a long message id", `{"type":"page.viewed","id":"`+strings.Repeat("x", 201)+`",`+who+`}`, CodeValue, "id")
	f("NUL in an id", `{"type":"page.viewed","id":"a\u0000b",`+who+`}`, CodeValue, "id")
	f("a channel", `{"type":"page.viewed","channel":"fax",`+who+`}`, CodeValue, "channel")
	f("an import without row", `{"type":"page.viewed","import":{"file":"ff"},`+who+`}`, CodeValue, "import")

	f("ancient", `{"type":"order.placed","occurred_at":"1999-12-31T23:59:59Z","order":{"order_id":"O1"},`+who+`}`, CodeAncient, "occurred_at")
	f("the zero of another system", `{"type":"order.placed","occurred_at":"1970-01-01T00:00:00Z","order":{"order_id":"O1"},`+who+`}`, CodeAncient, "occurred_at")
	f("late", `{"type":"page.viewed","occurred_at":"2026-11-13T11:59:59Z",`+who+`}`, CodeLate, "occurred_at")
	f("late and said to be historical", `{"type":"cart.updated","historical":true,"occurred_at":"2026-11-01T00:00:00Z","web":{},`+who+`}`, CodeLate, "occurred_at")
	f("late, of the shop's own", `{"type":"custom.x","occurred_at":"2026-11-01T00:00:00Z",`+who+`}`, CodeLate, "occurred_at")

	f("an order without", `{"type":"order.placed",`+who+`}`, CodeMissing, "order")
	f("an order without id", `{"type":"order.placed","order":{},`+who+`}`, CodeMissing, "order.order_id")
	f("an order of nobody", `{"type":"order.placed","order":{"order_id":"undefined"},`+who+`}`, CodeReserved, "order.order_id")
	f("a blank id", `{"type":"order.placed","order":{"order_id":"  "},`+who+`}`, CodeReserved, "order.order_id")
	f("a negative total", `{"type":"order.placed","order":{"order_id":"O1","total":-1},`+who+`}`, CodeValue, "order.total")
	f("a negative price", `{"type":"order.placed","order":{"order_id":"O1","lines":[{"product_id":"P1","price":-1}]},`+who+`}`, CodeValue, "order.lines[0].price")
	f("a negative quantity", `{"type":"order.placed","order":{"order_id":"O1","lines":[{"product_id":"P1","quantity":-1}]},`+who+`}`, CodeValue, "order.lines[0].quantity")
	f("a line without product", `{"type":"order.placed","order":{"order_id":"O1","lines":[{"name":"x"}]},`+who+`}`, CodeMissing, "order.lines[0].product_id")
	f("too many lines", `{"type":"order.placed","order":{"order_id":"O1","lines":[`+strings.Repeat(`{"product_id":"P"},`, 1000)+`{"product_id":"P"}]},`+who+`}`, CodeValue, "order.lines")
	f("a currency", `{"type":"order.placed","order":{"order_id":"O1","currency":"円"},`+who+`}`, CodeValue, "order.currency")
	f("a tax", `{"type":"order.placed","order":{"order_id":"O1","taxes":[{"rate":10,"amount":-5}]},`+who+`}`, CodeValue, "order.taxes[0]")
	f("fulfilment", `{"type":"order.placed","order":{"order_id":"O1","fulfilment_type":"drone"},`+who+`}`, CodeValue, "order.fulfilment_type")
	f("due date", `{"type":"order.placed","order":{"order_id":"O1","payment_due_at":"9999-01-01T00:00:00Z"},`+who+`}`, CodeValue, "order.payment_due_at")
	f("a parcel without order", `{"type":"shipment.shipped","shipment":{"shipment_id":"S1"},`+who+`}`, CodeMissing, "shipment.order_id")
	f("parcel 3 of 2", `{"type":"shipment.shipped","shipment":{"shipment_id":"S1","order_id":"O1","number":3,"of":2},`+who+`}`, CodeValue, "shipment.number")
	f("a return without id", `{"type":"return.requested","return":{"order_id":"O1"},`+who+`}`, CodeMissing, "return.return_id")
	f("a view of nothing", `{"type":"product.viewed","web":{},`+who+`}`, CodeMissing, "web.product")
	f("a product without id", `{"type":"product.viewed","web":{"product":{"name":"x"}},`+who+`}`, CodeMissing, "web.product.product_id")
	f("a store without id", `{"type":"store.visited","store":{},`+who+`}`, CodeMissing, "store.store_id")
	f("a business date", `{"type":"store.purchased","store":{"store_id":"S1","business_date":"20.11.2026"},`+who+`}`, CodeValue, "store.business_date")
	f("no consent", `{"type":"consent.changed","consent":[],`+who+`}`, CodeMissing, "consent")
	f("consent by fax", `{"type":"consent.changed","consent":[{"channel":"email","state":"in"},{"channel":"fax","state":"in"}],`+who+`}`, CodeValue, "consent[1].channel")
	f("consent maybe", `{"type":"consent.changed","consent":[{"channel":"email","state":"maybe"}],`+who+`}`, CodeValue, "consent[0].state")
	f("six stars", `{"type":"review.written","review":{"review_id":"R1","rating":6},`+who+`}`, CodeValue, "review.rating")
	f("points backwards", `{"type":"points.earned","points":{"amount":-5},`+who+`}`, CodeValue, "points.amount")
	f("a hold without reason", `{"type":"hold.placed","hold":{},`+who+`}`, CodeMissing, "hold.reason")
	f("a survey", `{"type":"survey.answered","survey":{"survey_id":"S1","kind":"poll"},`+who+`}`, CodeValue, "survey.kind")
	f("a name too long", `{"type":"custom.x","properties":{"`+strings.Repeat("x", 101)+`":1},`+who+`}`, CodeValue, "properties")
}

// What goes to a source topic reads back as the same event, by both encoders.
func TestEncodeSource(t *testing.T) {
	t.Parallel()
	p := NewParser(ParserConfig{})
	for _, in := range examples(t) {
		got, refusal := p.Parse(record(in), noon)
		if refusal != nil {
			t.Fatalf("%s: %v", in, refusal)
		}
		fast, err := (&sourceEvent{Event: got.Event}).encode()
		if err != nil {
			t.Fatal(err)
		}
		slow, err := json.Marshal(&sourceEvent{Event: got.Event})
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		if json.Unmarshal(fast, &a) != nil || json.Unmarshal(slow, &b) != nil || !cmp.Equal(a, b) {
			t.Errorf("encoders differ:\n%s\n%s", fast, slow)
		}
		again, refusal := p.Parse(record(string(fast)), noon)
		if refusal != nil {
			t.Fatalf("%s: %v", fast, refusal)
		}
		if d := cmp.Diff(got.Event, again.Event); d != "" {
			t.Errorf("read back (-want +got):\n%s", d)
		}
	}
}

// Every field that encoding/json writes of an event, encode writes too.
func TestEncodeSourceEveryField(t *testing.T) {
	t.Parallel()
	var src sourceEvent
	fill(reflect.ValueOf(&src.Event).Elem(), 1)
	src.Import = &importMark{File: "ff", Row: 3}
	fast, err := src.encode()
	if err != nil {
		t.Fatal(err)
	}
	slow, err := json.Marshal(&src)
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if err := json.Unmarshal(fast, &a); err != nil {
		t.Fatalf("%v\n%s", err, fast)
	}
	if err := json.Unmarshal(slow, &b); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(b, a); d != "" {
		t.Errorf("(-encoding/json +encode):\n%s", d)
	}
	for _, s := range []string{"", "plain", `"\` + "\n\t\x00\x1f\u2028<>&日本"} {
		w := &writer{}
		w.quote(s)
		var back string
		if err := json.Unmarshal(w.b, &back); err != nil || back != s {
			t.Errorf("%q is written as %s", s, w.b)
		}
	}
}

// fill gives every exported field a value of its own.
func fill(v reflect.Value, n int) int {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(int64(1_700_000_000+n), 0).UTC()))
		return n + 1
	case enishi.Value:
		v.Set(reflect.ValueOf(enishi.NumberValue(float64(n))))
		return n + 1
	case enishi.ID:
		v.Set(reflect.ValueOf(enishi.ID{byte(n)}))
		return n + 1
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			n = fill(v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			n = fill(v.Index(i), n)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 20 {
			e := reflect.New(v.Type().Elem()).Elem()
			n = fill(e, n)
			v.SetMapIndex(reflect.ValueOf(fmt.Sprint("k", n)), e)
		}
	case reflect.String:
		v.SetString(fmt.Sprint("s", n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(n))
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(uint64(n % 256))
	}
	return n + 1
}
