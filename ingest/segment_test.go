package ingest

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi"
)

// collect translates one call as the collector does and gives the JSON that goes to the topic.
func collect(p *Parser, kind, body string) (topic string, e enishi.Event, refusal *Refusal) {
	b := batch{now: noon, agent: "Browser/1", source: "shop", parser: p, newID: func() string { return "made-up" }}
	if refusal := b.single([]byte(body), kind); refusal != nil {
		return "", e, refusal
	}
	rec, refusal := b.record(&b.calls[0])
	if refusal != nil {
		return "", e, refusal
	}
	parsed, refusal := p.Parse(&rec, noon)
	return rec.Topic, parsed.Event, refusal
}

func TestSegmentSuccess(t *testing.T) {
	t.Parallel()
	p := NewParser(ParserConfig{})
	// want is the JSON of the event without id, occurred_at (when it is the time of receipt) and source.
	f := func(kind, body, topic, want string) {
		t.Helper()
		gotTopic, e, refusal := collect(p, kind, body)
		if refusal != nil {
			t.Errorf("%s: refused: %v", body, refusal)
			return
		}
		if e.Source != "shop" || e.Message == "" {
			t.Errorf("%s: source %q, id %q", body, e.Source, e.Message)
		}
		e.Source = ""
		if e.Message == "made-up" {
			e.Message = ""
		}
		if e.At.Equal(noon) {
			e.At = time.Time{}
		}
		b, err := (&sourceEvent{Event: e}).encode()
		if err != nil {
			t.Fatal(err)
		}
		var have, need any
		if err := json.Unmarshal([]byte(want), &need); err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		if err := json.Unmarshal(b, &have); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(need, have); d != "" || topic != gotTopic {
			t.Errorf("%s %s to %s (-want +got):\n%s", kind, body, gotTopic, d)
		}
	}
	f("track", `{"event":"Order Completed","userId":"c1","anonymousId":"a1","messageId":"m1","timestamp":"2026-11-20T11:30:00.000Z","properties":{
		"order_id":"O1","affiliation":"shop","total":4986,"subtotal":5040,"revenue":4436,"shipping":550,"tax":440,"discount":50.5,"coupon":"W10","currency":"JPY","payment_method":"konbini",
		"products":[{"product_id":"P1","sku":"S1","name":"化粧水","brand":"E","category":"skincare","variant":"50ml","price":1980,"quantity":2,"position":1,"image_url":"https://x"},{"sku":"S2","price":"1080.00"}]}}`,
		"orders", `{"type":"order.placed","id":"m1","occurred_at":"2026-11-20T11:30:00Z","person":{"customer_id":"c1","anonymous_id":"a1"},"properties":{"affiliation":"shop"},
		"order":{"order_id":"O1","currency":"JPY","total":"4986","subtotal":"5040","shipping_fee":"550","discount":"50.5","coupon":"W10","payment_method":"konbini","taxes":[{"rate":0,"amount":"440"}],
		"lines":[{"product_id":"P1","sku":"S1","name":"化粧水","brand":"E","category":"skincare","variant":"50ml","price":"1980","quantity":2},{"product_id":"S2","sku":"S2","price":"1080","quantity":1}]}}`)
	f("track", `{"event":"Order Completed","userId":7,"properties":{"order_id":1001,"revenue":100.1,"shipping":0.2,"tax":0.30000000000000004}}`,
		"orders", `{"type":"order.placed","person":{"customer_id":"7"},"order":{"order_id":"1001","currency":"JPY","total":"100.6","shipping_fee":"0.2","taxes":[{"rate":0,"amount":"0.3"}]}}`)
	f("track", `{"event":"order cancelled","userId":"c1","properties":{"order_id":"O1","reason":"late","value":10}}`,
		"orders", `{"type":"order.cancelled","person":{"customer_id":"c1"},"order":{"order_id":"O1","currency":"JPY","total":"10","reason":"late"}}`)
	f("track", `{"event":"Product Viewed","anonymousId":"a1","context":{"page":{"url":"https://s/p/1?x=1","path":"/p/1","title":"T","referrer":"https://g/"},"campaign":{"source":"line","medium":"m","name":"n","term":"t","content":"c"},"locale":"ja-JP","userAgent":"UA","library":{"name":"js"},"ip":"1.2.3.4"},
		"properties":{"product_id":"P1","category":"skincare","price":19.99,"currency":"usd","url":"https://s/p/1","position":3}}`,
		"web", `{"type":"product.viewed","channel":"web","person":{"anonymous_id":"a1"},"properties":{"position":3},
		"context":{"utm_source":"line","utm_medium":"m","utm_campaign":"n","utm_term":"t","utm_content":"c","referrer":"https://g/","url":"https://s/p/1?x=1","path":"/p/1","title":"T","user_agent":"UA","locale":"ja-JP"},
		"web":{"currency":"USD","product":{"product_id":"P1","category":"skincare","price":"19.99","currency":"USD","url":"https://s/p/1"}}}`)
	f("page", `{"anonymousId":"a1","context":{"userAgent":"Googlebot","bot":true,"clickIds":{"yclid":"y 1","gclid":"g&1"}}}`,
		"web", `{"type":"page.viewed","channel":"web","person":{"anonymous_id":"a1"},"context":{"user_agent":"Googlebot","click_ids":"gclid=g%261&yclid=y+1","bot":true}}`)
	f("track", `{"event":"Products Searched","anonymousId":"a1","properties":{"query":"化粧水","results":12}}`,
		"web", `{"type":"search.performed","person":{"anonymous_id":"a1"},"web":{"query":"化粧水","results":12}}`)
	f("track", `{"event":"Product List Viewed","anonymousId":"a1","properties":{"list_id":"L","category":"skincare","products":[{"product_id":"1"},{"product_id":"2"}]}}`,
		"web", `{"type":"list.viewed","person":{"anonymous_id":"a1"},"web":{"list_id":"L","category":"skincare","results":2}}`)
	f("track", `{"event":"Product Added","anonymousId":"a1","properties":{"cart_id":"K","sku":"S1","quantity":"2"}}`,
		"web", `{"type":"cart.item_added","person":{"anonymous_id":"a1"},"web":{"cart_id":"K","product":{"product_id":"S1","sku":"S1","quantity":2}}}`)
	f("track", `{"event":"Checkout Started","anonymousId":"a1","properties":{"order_id":"O1","value":20,"revenue":25,"currency":"JPY","step":1,"products":[{"product_id":"P1","quantity":1}]}}`,
		"web", `{"type":"checkout.started","person":{"anonymous_id":"a1"},"web":{"checkout_id":"O1","value":"20","currency":"JPY","step":1,"lines":[{"product_id":"P1","quantity":1}]}}`)
	f("track", `{"event":"Product Reviewed","userId":"c1","properties":{"product_id":"P1","review_id":"R1","review_body":"良い","rating":5}}`,
		"web", `{"type":"review.written","person":{"customer_id":"c1"},"review":{"review_id":"R1","product_id":"P1","rating":5,"text":"良い"}}`)
	f("track", `{"event":"Coupon Applied","userId":"c1","properties":{"order_id":"O1","coupon_id":"W10","coupon_name":"Welcome","discount":"5.5"}}`,
		"web", `{"type":"coupon.applied","person":{"customer_id":"c1"},"coupon":{"code":"W10","amount":"5.5","order_id":"O1"},"properties":{"coupon_name":"Welcome"}}`)
	f("track", `{"event":"Cart Shared","userId":"c1","properties":{"share_via":"line"}}`,
		"web", `{"type":"referral.shared","person":{"customer_id":"c1"},"referral":{"code":"share"},"properties":{"share_via":"line"}}`)
	f("track", `{"event":"Order Shipped","userId":"c1","properties":{"order_id":"O1","shipment_id":"S1","carrier":"yamato","number":1,"of":2,"estimated_delivery_at":"2026-11-22T00:00:00Z"}}`,
		"shipments", `{"type":"shipment.shipped","person":{"customer_id":"c1"},"shipment":{"order_id":"O1","shipment_id":"S1","carrier":"yamato","number":1,"of":2,"estimated_delivery_at":"2026-11-22T00:00:00Z"}}`)
	f("track", `{"event":"Points Earned","userId":"c1","properties":{"points":12}}`,
		"orders", `{"type":"points.earned","person":{"customer_id":"c1"},"points":{"amount":12}}`)
	f("track", `{"event":"return.requested","userId":"c1","properties":{"return_id":"R","order_id":"O","products":[{"product_id":"P"}]}}`,
		"orders", `{"type":"return.requested","person":{"customer_id":"c1"},"return":{"return_id":"R","order_id":"O","lines":[{"product_id":"P","quantity":1}]}}`)
	f("track", `{"event":"Store Purchase","userId":"c1","properties":{"store_id":"S","receipt":"9","order":{"order_id":"S:9","total":"100"}}}`,
		"store", `{"type":"store.purchased","person":{"customer_id":"c1"},"store":{"store_id":"S","receipt":"9"},"order":{"order_id":"S:9","currency":"JPY","total":"100"}}`)
	f("track", `{"event":"Consent Changed","userId":"c1","properties":{"channel":"email","state":"out"}}`,
		"web", `{"type":"consent.changed","person":{"customer_id":"c1"},"consent":[{"channel":"email","purpose":"marketing","state":"out"}]}`)
	f("track", `{"event":"Signed Up","userId":"c1","context":{"traits":{"email":"a@x.jp"}},"properties":{"plan":"gold"}}`,
		"web", `{"type":"user.signed_up","person":{"customer_id":"c1","email":"a@x.jp"},"properties":{"plan":"gold"}}`)
	f("track", `{"event":"Video Played (HD)","anonymousId":"a1","properties":{"seconds":3.5,"tags":["a","b"],"nothing":null}}`,
		"web", `{"type":"custom.video_played_hd","person":{"anonymous_id":"a1"},"properties":{"seconds":3.5,"tags":"[\"a\",\"b\"]"}}`)
	f("track", `{"event":"動画 再生","anonymousId":"a1"}`, "web", `{"type":"custom.動画_再生","person":{"anonymous_id":"a1"}}`)
	f("track", `{"event":"custom.video_played","anonymousId":"a1"}`, "web", `{"type":"custom.video_played","person":{"anonymous_id":"a1"}}`)

	f("identify", `{"userId":"c1","anonymousId":"a1","traits":{"email":"A@x.jp","phone":"090-1234-5678","firstName":"花子","lastName":"山田","createdAt":"2026-01-01T00:00:00Z","address":{"city":"渋谷区","state":"東京都","postalCode":"150-0001","street":"神宮前1"},
		"age":30,"vip":true,"line_user_id":"U0123456789abcdef0123456789abcdef","consent":{"email":true,"LINE":"out","sms":{"state":"in","method":"form:top","text":"SMS","purpose":"transactional"},"push":null}}}`,
		"web", `{"type":"person.identified","person":{"customer_id":"c1","anonymous_id":"a1","email":"A@x.jp","phone":"090-1234-5678","line_user_id":"U0123456789abcdef0123456789abcdef",
		"traits":{"given_name":"花子","family_name":"山田","signed_up_at":"2026-01-01T00:00:00Z","city":"渋谷区","prefecture":"東京都","postal_code":"150-0001","address1":"神宮前1","age":30,"vip":true}},
		"consent":[{"channel":"email","purpose":"marketing","state":"in","method":"identify"},{"channel":"line","purpose":"marketing","state":"out","method":"identify"},{"channel":"sms","purpose":"transactional","state":"in","method":"form:top","text":"SMS"}]}`)
	f("identify", `{"userId":"c1","traits":{"consent":[{"channel":"email","state":"in"}],"address":"somewhere"}}`,
		"web", `{"type":"person.identified","person":{"customer_id":"c1","traits":{"address1":"somewhere"}},"consent":[{"channel":"email","purpose":"marketing","state":"in","method":"identify"}]}`)
	f("page", `{"anonymousId":"a1","name":"Home","category":"top","properties":{"url":"https://s/","path":"/","title":"T","referrer":"r","search":"?a=1","theme":"dark"}}`,
		"web", `{"type":"page.viewed","person":{"anonymous_id":"a1"},"context":{"url":"https://s/","path":"/","title":"T","referrer":"r"},"properties":{"theme":"dark","category":"top","name":"Home"}}`)
	f("page", `{"anonymousId":"a1","context":{"page":{"path":"/x"}}}`,
		"web", `{"type":"page.viewed","channel":"web","person":{"anonymous_id":"a1"},"context":{"path":"/x","user_agent":"Browser/1"}}`)
	f("screen", `{"anonymousId":"a1","name":"Cart","context":{"device":{"type":"ios"}}}`,
		"web", `{"type":"screen.viewed","channel":"app","person":{"anonymous_id":"a1"},"context":{"title":"Cart"}}`)
	f("group", `{"userId":"c1","groupId":"g1","traits":{"name":"ACME","size":5}}`,
		"web", `{"type":"person.identified","person":{"customer_id":"c1","traits":{"group_id":"g1","group_name":"ACME","group_size":5}}}`)
	f("alias", `{"userId":"c1","previousId":"a9"}`, "web", `{"type":"person.identified","person":{"customer_id":"c1","anonymous_id":"a9"}}`)
	f("", `{"type":"alias","userId":"c1","previousId":"a9"}`, "web", `{"type":"person.identified","person":{"customer_id":"c1","anonymous_id":"a9"}}`)
	f("", `{"type":"order.paid","order":{"order_id":"O1"},"person":{"customer_id":"c1"},"properties":{"x":1}}`,
		"orders", `{"type":"order.paid","person":{"customer_id":"c1"},"order":{"order_id":"O1"},"properties":{"x":1}}`)

	// A sender's clock that is an hour behind, and one that is nearly right.
	f("page", `{"anonymousId":"a1","messageId":"m","timestamp":"2026-11-20T10:50:00Z","sentAt":"2026-11-20T11:00:00Z"}`,
		"web", `{"type":"page.viewed","id":"m","occurred_at":"2026-11-20T11:50:00Z","person":{"anonymous_id":"a1"},"context":{}}`)
	f("page", `{"anonymousId":"a1","messageId":"m","timestamp":"2026-11-20T11:50:00Z","sentAt":"2026-11-20T11:59:30Z"}`,
		"web", `{"type":"page.viewed","id":"m","occurred_at":"2026-11-20T11:50:00Z","person":{"anonymous_id":"a1"},"context":{}}`)
}

func TestSegmentFailure(t *testing.T) {
	t.Parallel()
	p := NewParser(ParserConfig{})
	f := func(kind, body, code, field string) {
		t.Helper()
		_, _, r := collect(p, kind, body)
		if r == nil {
			t.Errorf("%s was taken", body)
			return
		}
		if r.Code != code || r.Field != field || r.Reason == "" || r.ReasonJA == "" || strings.Contains(r.Reason+r.ReasonJA, "%!") {
			t.Errorf("%s: %+v, want code %s, field %q", body, *r, code, field)
		}
	}
	f("track", `{`, CodeJSON, "")
	f("track", `[]`, CodeType, "")
	f("track", `null`, CodeJSON, "")
	f("track", `{"event":"x","userId":"c1"}}`, CodeJSON, "")
	f("track", `{"event":"x","userId":"c1","properties":{"a":1,}}`, CodeJSON, "")
	f("track", `{"event":"x","userId":"c1","properties":[1]}`, CodeType, "properties")
	f("track", `{"event":"x","userId":"c1","properties":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`}`, CodeJSON, "")
	f("track", `{"event":"x","userId":{"id":"c1"}}`, CodeType, "userId")
	f("track", `{"userId":"c1"}`, CodeMissing, "event")
	f("track", `{"event":"!!!","userId":"c1"}`, CodeUnknown, "event")
	f("track", `{"event":"x"}`, CodeMissing, "userId")
	f("track", `{"event":"x","userId":"null"}`, CodeReserved, "userId")
	f("track", `{"event":"x","userId":"c1","timestamp":"yesterday"}`, CodeType, "timestamp")
	f("track", `{"event":"x","userId":"c1","timestamp":"2026-11-20T00:00:00Z","sentAt":"now"}`, CodeType, "sentAt")
	f("track", `{"event":"x","userId":"c1","timestamp":"1999-11-20T00:00:00Z"}`, CodeAncient, "timestamp")
	f("track", `{"event":"x","userId":"c1","timestamp":"2026-11-01T00:00:00Z"}`, CodeLate, "timestamp")
	f("track", `{"event":"x","userId":"c1","messageId":"`+strings.Repeat("m", 201)+`"}`, CodeValue, "messageId")
	f("track", `{"event":"Email Opened","userId":"c1"}`, CodeUnknown, "event")
	f("track", `{"event":"Order Completed","userId":"c1"}`, CodeMissing, "properties.order_id")
	f("track", `{"event":"Order Completed","userId":"c1","properties":{"order_id":"null"}}`, CodeReserved, "properties.order_id")
	f("track", `{"event":"Order Completed","userId":"c1","properties":{"order_id":"O1","total":"much"}}`, CodeValue, "properties.total")
	f("track", `{"event":"Order Completed","userId":"c1","properties":{"order_id":"O1","total":-5}}`, CodeValue, "properties.total")
	f("track", `{"event":"Order Completed","userId":"c1","properties":{"order_id":"O1","products":[{"product_id":"P","quantity":"two"}]}}`, CodeType, "properties.products[0].quantity")
	f("track", `{"event":"Order Completed","userId":"c1","properties":{"order_id":"O1","products":[{"name":"P"}]}}`, CodeMissing, "properties.products[0].product_id")
	f("track", `{"event":"Order Completed","userId":"c1","properties":{"order_id":"O1","products":{"0":{}}}}`, CodeType, "properties.products")
	f("track", `{"event":"Product Viewed","userId":"c1","properties":{"name":"x"}}`, CodeMissing, "properties.product_id")
	f("track", `{"event":"Order Shipped","userId":"c1","properties":{"order_id":"O1","shipment_id":"S","number":"one"}}`, CodeType, "properties.number")
	f("track", `{"event":"Product Reviewed","userId":"c1","properties":{"review_id":"R","rating":9}}`, CodeValue, "properties.rating")
	f("identify", `{"traits":{"email":"no"}}`, CodeValue, "traits.email")
	f("identify", `{"userId":"c1","traits":"x"}`, CodeType, "traits")
	f("identify", `{"userId":"c1","traits":{"consent":{"fax":true}}}`, CodeValue, "traits.consent[0].channel")
	f("identify", `{"userId":"c1","traits":{"consent":{"email":5}}}`, CodeType, "traits.consent.email")
	f("identify", `{"userId":"c1","traits":{"consent":"yes"}}`, CodeType, "traits.consent")
	f("group", `{"userId":"c1"}`, CodeMissing, "groupId")
	f("alias", `{"userId":"c1"}`, CodeMissing, "previousId")
	f("alias", `{"previousId":"a1"}`, CodeMissing, "userId")
	f("", `{"userId":"c1"}`, CodeMissing, "type")
	f("", `{"type":"nonsense","person":{"customer_id":"c1"}}`, CodeUnknown, "type")
	f("", `{"type":"order.paid","order":{"order_id":5},"person":{"customer_id":"c1"}}`, CodeType, "order.order_id")
}

// The reader takes what encoding/json takes, and reads the same.
func FuzzReader(f *testing.F) {
	for _, s := range []string{`{}`, `[1,2.5e-3,"a\u00e9\ud83d\ude00\n",true,null,{"a":{"b":[]}}]`, `"\ud800x"`, `-0`, `01`, `1.`, `{"a":1,}`, `[,]`, `"` + "\x01" + `"`, ` "x" `, `nul`, `{"a" 1}`, `"\u12"`, `[[[[`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if checkRaw(b) != nil {
			return
		}
		x := &reader{s: b}
		raw := x.raw()
		x.end()
		var want any
		err := json.Unmarshal(b, &want)
		if x.err != nil && strings.Contains(x.err.Reason, "deeply") {
			return
		}
		if _, isNumber := err.(*json.UnmarshalTypeError); isNumber {
			return // out of float64's range: the text is fine
		}
		if (err == nil) != (x.err == nil) {
			t.Fatalf("reader: %v, encoding/json: %v", x.err, err)
		}
		if err != nil {
			return
		}
		if got := again(t, raw); !reflect.DeepEqual(got, want) {
			t.Fatalf("read %v, want %v", got, want)
		}
	})
}

// again builds the value through the reader's own methods.
func again(t *testing.T, raw []byte) any {
	x := &reader{s: raw}
	defer func() {
		if x.err != nil {
			t.Fatalf("%s: %v", raw, x.err)
		}
	}()
	first := true
	switch x.peek() {
	case '{':
		out := map[string]any{}
		for x.object(""); ; {
			k, ok := x.key(&first)
			if !ok {
				return out
			}
			out[k] = again(t, x.raw())
		}
	case '[':
		out := []any{}
		for x.array(""); x.more(']', &first); {
			out = append(out, again(t, x.raw()))
		}
		return out
	case '"':
		return x.text("")
	case 't', 'f':
		return x.truth("")
	case 'n':
		x.raw()
		return nil
	}
	return x.value().Any()
}
