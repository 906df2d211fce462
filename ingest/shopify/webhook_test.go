package shopify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/ingest"
	"enishi/ingest/hooks"
)

var noon = time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)

// world is a shop whose surroundings are in memory.
type world struct {
	*Shop
	erased []enishi.Person
	alerts []enishi.Alert
}

func newWorld(t testing.TB) *world {
	w := &world{}
	var err error
	w.Shop, err = New(Config{Name: "shop", Alert: func(a enishi.Alert) { w.alerts = append(w.alerts, a) },
		Owner: func(_ context.Context, kind, id string) (enishi.Person, bool, error) {
			return enishi.Person{CustomerID: "77"}, id != "404", nil
		},
		Erase: func(_ context.Context, p enishi.Person, _ enishi.ID, _ string) error {
			w.erased = append(w.erased, p)
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) take(topic, body string) (hooks.Taken, error) {
	return w.Translate(context.Background(), &hooks.Delivery{Source: "shop", ID: enishi.NewID("source", topic, body), Topic: topic, Body: []byte(body), At: noon})
}

// orderJSON has the fields that matter of the payload at https://shopify.dev/docs/api/webhooks (orders/create), for a shop in Japan.
const orderJSON = `{"id":820982911946154508,"admin_graphql_api_id":"gid://shopify/Order/820982911946154508","name":"#1001","email":"Hanako@Example.jp","phone":null,
"created_at":"2026-11-20T11:00:00+09:00","updated_at":"2026-11-20T11:00:05+09:00","processed_at":"2026-11-20T11:00:00+09:00","cancelled_at":null,"currency":"JPY","taxes_included":true,
"total_price":"9900","current_total_price":"9900","subtotal_price":"9300","total_discounts":"700","total_tax":"809","financial_status":"paid","fulfillment_status":null,"payment_gateway_names":["shopify_payments"],
"source_name":"web","cart_token":"c1","landing_site":"/products/rose?utm_source=line&utm_medium=social&utm_campaign=aki","referring_site":"https://line.me/","tags":"VIP","test":false,"buyer_accepts_marketing":true,"customer_locale":"ja-JP",
"some_new_field":"kept","note_attributes":[{"name":"enishi_anonymous_id","value":"anon-1"},{"name":"ギフト","value":"はい"},{"name":"包装","value":"赤"}],
"discount_codes":[{"code":"AKI700","amount":"700","type":"fixed_amount"}],"shipping_lines":[{"title":"宅配便","price":"600","code":"std"}],
"tax_lines":[{"rate":0.1,"price":"500","title":"CT"},{"rate":0.08,"price":"300","title":"CT"},{"rate":0.1,"price":"9","title":"CT"}],
"line_items":[{"id":1,"product_id":632910392,"variant_id":808950810,"sku":"ROSE-30","title":"ローズクリーム","variant_title":"30g","vendor":"縁コスメ","quantity":2,"current_quantity":2,"price":"4500","total_discount":"0","requires_shipping":true,"tax_lines":[{"rate":0.1,"price":"818"}]},
{"id":2,"product_id":632910393,"variant_id":808950811,"sku":"TEA","title":"お茶","vendor":"縁","quantity":1,"current_quantity":1,"price":"1000","total_discount":"0","tax_lines":[{"rate":0.08,"price":"74"}]}],
"customer":{"id":115310627314723954,"email":"hanako@example.jp","first_name":"花子","last_name":"山田","phone":"+819012345678","state":"enabled","created_at":"2025-01-01T00:00:00+09:00","updated_at":"2026-11-20T11:00:00+09:00",
"default_address":{"first_name":"花子","last_name":"山田","address1":"丸の内1-1","city":"千代田区","province":"Tōkyō","province_code":"JP-13","zip":"100-0005","country_code":"JP"},
"email_marketing_consent":{"state":"subscribed","opt_in_level":"confirmed_opt_in","consent_updated_at":"2026-10-01T09:00:00+09:00"},"sms_marketing_consent":{"state":"not_subscribed","opt_in_level":"single_opt_in","consent_updated_at":null}},
"shipping_address":{"first_name":"太郎","last_name":"鈴木","phone":"+818011112222","address1":"本町2-2","city":"大阪市","province":"Ōsaka","province_code":"JP-27","zip":"541-0053","country_code":"JP"},"fulfillments":[],"refunds":[]}`

// TestOrder: an order comes as we write it, to the yen, under whom it is of.
func TestOrder(t *testing.T) {
	got, err := newWorld(t).take("orders/create", orderJSON)
	if err != nil {
		t.Fatal(err)
	}
	parser := ingest.NewParser(ingest.ParserConfig{})
	var types []string
	for i := range got.Events {
		value, err := json.Marshal(&got.Events[i])
		if err != nil {
			t.Fatal(err)
		}
		r, refusal := parser.Record(value, noon)
		if refusal != nil {
			t.Fatalf("%s: %v", got.Events[i].Type, refusal)
		}
		types = append(types, r.Topic+" "+got.Events[i].Type)
	}
	if want := "[orders order.placed orders order.paid web consent.changed]"; fmt.Sprint(types) != want {
		t.Fatalf("%v, want %s", types, want)
	}
	e := got.Events[0]
	yen := func(n int64) enishi.Amount { return enishi.Amount(n) * enishi.Unit }
	o := e.Order
	if o.OrderID != "820982911946154508" || o.Version != time.Date(2026, 11, 20, 2, 0, 5, 0, time.UTC).UnixMilli() || o.Total != yen(9900) || o.Subtotal != yen(10000) || o.Coupon != "AKI700" || o.CouponAmount != yen(700) || o.Discount != 0 ||
		o.ShippingFee != yen(600) || o.PaymentMethod != "card" || o.Fulfilment != "ship" || o.CartID != "c1" {
		t.Errorf("%+v", o)
	}
	if got := o.Subtotal - o.Discount - o.CouponAmount + o.ShippingFee; got != o.Total {
		t.Errorf("the parts make %s, the whole is %s", got, o.Total)
	}
	if len(o.Taxes) != 2 || o.Taxes[0] != (enishi.Tax{Rate: 10, Amount: yen(509)}) || o.Taxes[1] != (enishi.Tax{Rate: 8, Amount: yen(300)}) {
		t.Errorf("taxes %+v", o.Taxes)
	}
	if l := o.Lines[0]; l.ProductID != "632910392" || l.Quantity != 2 || l.Price != yen(4500) || l.TaxRate != 10 || l.Brand != "縁コスメ" {
		t.Errorf("line %+v", l)
	}
	if a := o.ShipTo; a == nil || a.Prefecture != "大阪府" || !a.IsGift || a.Name != "鈴木 太郎" {
		t.Errorf("ship to %+v", a)
	}
	p := e.Person
	if p.CustomerID != "115310627314723954" || p.Email != "Hanako@Example.jp" || p.Phone != "+819012345678" || p.AnonymousID != "anon-1" || p.Traits["prefecture"].Text != "東京都" || p.Traits["family_name"].Text != "山田" {
		t.Errorf("person %+v", p)
	}
	if e.Properties["some_new_field"].Text != "kept" || e.Properties["note.包装"].Text != "赤" || e.Order.Number != "#1001" || e.Context.UTMSource != "line" {
		t.Errorf("properties %v, context %+v", e.Properties, e.Context)
	}
	if c := got.Events[2].Consent[0]; c.Channel != "email" || c.State != "in" || !strings.Contains(c.Text, "confirmed_opt_in") || !got.Events[2].At.Equal(time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("consent %+v at %s", c, got.Events[2].At)
	}
}

// patch puts values into a JSON object.
func patch(t testing.TB, raw string, values map[string]any) string {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(raw), &all); err != nil {
		t.Fatal(err)
	}
	for name, v := range values {
		all[name] = v
	}
	out, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestTopics: what each topic becomes. The number of an id in JSON survives only where nothing decodes it to a float: patch does,
// so the orders here have short ones.
func TestTopics(t *testing.T) {
	order := patch(t, orderJSON, map[string]any{"id": 1001, "customer": map[string]any{"id": 77}})
	refund := []any{map[string]any{"created_at": "2026-11-20T11:30:00+09:00", "transactions": []any{map[string]any{"kind": "refund", "status": "success", "amount": "1000"}, map[string]any{"kind": "refund", "status": "failure", "amount": "5"}}}}
	parcel := `{"id":9,"order_id":1001,"status":"success","created_at":"2026-11-20T11:10:00+09:00","updated_at":"2026-11-20T11:20:00+09:00","tracking_company":"ヤマト運輸","tracking_number":"444413758703","line_items":[{"product_id":1,"quantity":2}]`
	cases := []struct{ topic, body, want string }{
		{"orders/updated", order, "order.updated order.paid"},
		{"orders/cancelled", patch(t, order, map[string]any{"cancelled_at": "2026-11-20T11:30:00+09:00", "cancel_reason": "customer"}), "order.updated order.paid order.cancelled"},
		{"orders/updated", patch(t, order, map[string]any{"refunds": refund, "financial_status": "partially_refunded"}), "order.updated order.paid order.refunded"},
		{"orders/create", patch(t, order, map[string]any{"financial_status": "pending"}), "order.placed order.payment_pending"},
		{"orders/fulfilled", patch(t, order, map[string]any{"fulfillments": []any{json.RawMessage(parcel + "}")}}), "order.updated order.paid shipment.shipped shipment.updated"},
		{"orders/create", patch(t, order, map[string]any{"test": true}), "-"},
		{"orders/create", patch(t, order, map[string]any{"source_name": "pos", "email": "", "customer": nil, "cart_token": nil, "note_attributes": nil}), "-"},
		{"orders/edited", `{"order_edit":{"order_id":1}}`, "-"},
		{"refunds/create", `{"id":1,"order_id":1}`, "-"},
		{"fulfillments/create", parcel + `,"email":"a@example.jp"}`, "shipment.shipped shipment.updated"},
		{"fulfillments/update", parcel + `,"shipment_status":"delivered"}`, "shipment.shipped shipment.delivered"},
		{"fulfillments/update", strings.Replace(parcel, "success", "cancelled", 1) + "}", "shipment.updated"},
		{"fulfillments/create", strings.Replace(parcel, "success", "pending", 1) + "}", "-"},
		{"fulfillment_events/create", `{"id":5,"fulfillment_id":9,"order_id":1001,"status":"attempted_delivery","happened_at":"2026-11-20T11:40:00+09:00"}`, "shipment.attempted"},
		{"fulfillment_events/create", `{"id":5,"fulfillment_id":9,"order_id":1001,"status":"out_for_delivery","happened_at":"2026-11-20T11:40:00+09:00"}`, "shipment.out_for_delivery"},
		{"returns/request", `{"id":3,"order":{"id":1001},"return_line_items":[{"quantity":1,"return_reason":"SIZE_TOO_SMALL","fulfillment_line_item":{"line_item":{"product_id":1,"title":"x"}}}]}`, "return.requested"},
		{"returns/approve", `{"id":3,"order":{"id":1001}}`, "return.approved"},
		{"returns/decline", `{"id":3,"order":{"id":1001}}`, "-"},
		{"carts/update", `{"id":"c1","token":"c1","updated_at":"2026-11-20T02:00:00Z","line_items":[{"product_id":1,"quantity":3,"price":"100"}]}`, "cart.updated"},
		{"checkouts/create", `{"id":2,"token":"k1","cart_token":"c1","email":"a@example.jp","created_at":"2026-11-20T02:00:00Z","updated_at":"2026-11-20T02:00:00Z","total_price":"300","currency":"JPY","abandoned_checkout_url":"https://shop.example/c"}`, "checkout.started"},
		{"checkouts/update", `{"id":2,"token":"k1","cart_token":"c1","email":"a@example.jp","created_at":"2026-11-20T02:00:00Z","updated_at":"2026-11-20T02:10:00Z"}`, "checkout.completed_step"},
		{"checkouts/update", `{"id":2,"token":"k1","completed_at":"2026-11-20T02:00:00Z"}`, "-"},
		{"checkouts/delete", `{"id":2}`, "-"},
		{"customers/create", `{"id":77,"email":"a@example.jp","created_at":"2026-11-20T02:00:00Z","updated_at":"2026-11-20T02:00:00Z","email_marketing_consent":{"state":"pending","opt_in_level":"confirmed_opt_in","consent_updated_at":"2026-11-20T02:00:00Z"}}`, "person.identified consent.requested"},
		{"customers/delete", `{"id":77}`, "-"},
		{"customers_email_marketing_consent/update", `{"customer_id":77,"email_address":"a@example.jp","email_marketing_consent":{"state":"unsubscribed","opt_in_level":"single_opt_in","consent_updated_at":"2026-11-20T02:00:00Z"}}`, "consent.changed"},
		{"customers_marketing_consent/update", `{"id":77,"phone":"+819012345678","sms_marketing_consent":{"state":"subscribed","opt_in_level":"single_opt_in","consent_updated_at":"2026-11-20T02:00:00Z","consent_collected_from":"SHOPIFY"}}`, "consent.changed"},
		{"customers_marketing_consent/update", `{"id":77,"phone":"+819012345678","sms_marketing_consent":{"state":"not_subscribed"}}`, "-"},
		{"subscription_contracts/create", `{"id":8,"customer_id":77,"revision_id":1,"currency_code":"JPY","status":"ACTIVE","billing_policy":{"interval":"MONTH","interval_count":2}}`, "subscription.started"},
		{"subscription_contracts/cancel", `{"id":8,"customer_id":77,"revision_id":2}`, "subscription.cancelled"},
		{"subscription_billing_attempts/failure", `{"id":4,"subscription_contract_id":8,"error_code":"payment_method_declined"}`, "subscription.payment_failed"},
		{"subscription_billing_attempts/challenged", `{"id":4,"subscription_contract_id":8}`, "-"},
		{"inventory_levels/update", `{"inventory_item_id":1,"location_id":2,"available":3}`, "-"},
		{"app/uninstalled", `{}`, "-"},
		{"shop/redact", `{"shop_id":1}`, "-"},
		{"themes/publish", `{}`, "-"},
	}
	parser := ingest.NewParser(ingest.ParserConfig{})
	for _, c := range cases {
		got, err := newWorld(t).take(c.topic, c.body)
		if err != nil {
			t.Errorf("%s: %v", c.topic, err)
			continue
		}
		var types []string
		for i := range got.Events {
			types = append(types, got.Events[i].Type)
			value, _ := json.Marshal(&got.Events[i])
			if _, refusal := parser.Record(value, noon); refusal != nil {
				t.Errorf("%s: %s: %v", c.topic, got.Events[i].Type, refusal)
			}
		}
		text := strings.Join(types, " ")
		if text == "" && got.Left != "" && got.LeftJA != "" {
			text = "-"
		}
		if text != c.want {
			t.Errorf("%s: %q, want %q", c.topic, text, c.want)
		}
	}
}

// TestRefunds: only what went back counts, and an order that was given back keeps what it was.
func TestRefunds(t *testing.T) {
	body := patch(t, orderJSON, map[string]any{"id": 1, "current_total_price": "5400", "financial_status": "partially_refunded", "customer": map[string]any{"id": 7},
		"refunds": []any{map[string]any{"transactions": []any{map[string]any{"kind": "refund", "status": "success", "amount": "4500"}}}}})
	got, err := newWorld(t).take("orders/updated", body)
	if err != nil {
		t.Fatal(err)
	}
	if o := got.Events[0].Order; o.Total != 9900*enishi.Unit || len(o.Lines) != 2 {
		t.Errorf("total %s", o.Total)
	}
	if o := got.Events[2].Order; o.Refunded != 4500*enishi.Unit || len(o.Lines) != 0 {
		t.Errorf("refunded %+v", o)
	}
}

// TestSameByAnyTopic: what several topics tell of one fact is one event.
func TestSameByAnyTopic(t *testing.T) {
	ids := func(topic, body string) map[string]bool {
		got, err := newWorld(t).take(topic, body)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]bool{}
		for _, e := range got.Events {
			out[e.Message] = true
		}
		return out
	}
	for id := range ids("orders/paid", orderJSON) {
		if !ids("orders/updated", orderJSON)[id] {
			t.Errorf("%s comes by orders/paid only", id)
		}
	}
	parcel := `{"id":9,"order_id":1,"status":"success","shipment_status":"delivered","created_at":"2026-11-20T11:10:00+09:00","updated_at":"2026-11-20T11:20:00+09:00"}`
	event := `{"id":5,"fulfillment_id":9,"order_id":1,"status":"delivered","happened_at":"2026-11-20T11:19:00+09:00"}`
	for id := range ids("fulfillment_events/create", event) {
		if !ids("fulfillments/update", parcel)[id] {
			t.Errorf("%s: delivered twice", id)
		}
	}
}

// TestPrivacy: the law's requests reach who carries them out.
func TestPrivacy(t *testing.T) {
	w := newWorld(t)
	got, err := w.take("customers/redact", `{"shop_id":1,"customer":{"id":77,"email":"a@example.jp","phone":null},"orders_to_redact":[1]}`)
	if err != nil || got.After == nil {
		t.Fatal(err)
	}
	if len(w.erased) != 0 {
		t.Fatal("erased before the call was taken")
	}
	if err := got.After(context.Background()); err != nil || len(w.erased) != 1 || w.erased[0].CustomerID != "77" {
		t.Fatalf("%v %+v", err, w.erased)
	}
	if _, err := w.take("customers/data_request", `{"customer":{"id":77},"data_request":{"id":9999}}`); err != nil || len(w.alerts) != 1 {
		t.Fatalf("%v %+v", err, w.alerts)
	}
	if a := w.alerts[0]; !strings.Contains(a.Text, "2026-12-20") || !strings.Contains(a.TextJA, "2026-12-20") || strings.Contains(a.Text, "@") {
		t.Errorf("%s %s", a.Text, a.TextJA)
	}
	if _, err := w.take("customers/redact", `{"customer":{}}`); err == nil {
		t.Error("an erasure of nobody is taken")
	}
}

// TestUnknownOwner: of an order that nobody knows the webhook waits among the dead letters, and says what to do.
func TestUnknownOwner(t *testing.T) {
	_, err := newWorld(t).take("fulfillment_events/create", `{"id":5,"fulfillment_id":9,"order_id":404,"status":"delivered"}`)
	var why *ingest.Refusal
	if !errors.As(err, &why) || why.Field != "order_id" || why.ReasonJA == "" {
		t.Fatalf("%v", err)
	}
}

// TestProduct: a product has the lowest price of its variants and the stock of all; what lasts is not counted.
func TestProduct(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`{"id":1,"title":"クリーム","vendor":"縁","product_type":"スキンケア","status":"active","image":{"src":"https://cdn.example/1.jpg"},"variants":[{"id":2,"sku":"B","price":"4500","inventory_quantity":3,"inventory_management":"shopify"},{"id":3,"sku":"A","price":"3000","inventory_quantity":-1,"inventory_management":"shopify"}]}`,
			`{"product_id":"1","sku":"A","name":"クリーム","brand":"縁","category":"スキンケア","price":"3000","stock":3,"image_url":"https://cdn.example/1.jpg"}`},
		{`{"id":1,"title":"x","status":"draft","variants":[{"id":2,"price":"1","inventory_quantity":0,"inventory_management":null}]}`, `{"product_id":"1","name":"x","price":"1","available":false}`},
		{`{"id":1,"title":"x","variants":[{"id":2,"price":"1","inventory_quantity":0,"inventory_management":"shopify","inventory_policy":"continue"}]}`, `{"product_id":"1","name":"x","price":"1"}`},
	} {
		got, err := newWorld(t).take("products/update", c.body)
		if err != nil || len(got.Catalogue) != 1 || string(got.Catalogue[0].Value) != c.want {
			t.Errorf("%v\n%s\n%s", err, got.Catalogue[0].Value, c.want)
		}
	}
	if got, err := newWorld(t).take("products/delete", `{"id":1}`); err != nil || len(got.Catalogue) != 1 || len(got.Catalogue[0].Value) != 0 || string(got.Catalogue[0].Key) != "1" {
		t.Errorf("%v %+v", err, got)
	}
}

// FuzzTranslate: no body of any topic does harm; what is refused says why in both languages, and what is taken can be encoded.
func FuzzTranslate(f *testing.F) {
	for _, topic := range Topics() {
		f.Add(topic, orderJSON)
		f.Add(topic, `{"id":1,"token":"t","order_id":2,"customer_id":3,"fulfillment_id":4,"status":"success","order":{"id":5},"customer":{"id":6},"subscription_contract_id":7}`)
	}
	f.Add("orders/create", `{"id":"gid://shopify/Order/1?x=1","total_price":"1e400"}`)
	f.Add("orders/create", `{"id":{}}`)
	f.Add("orders/create", `[]`)
	f.Fuzz(func(t *testing.T, topic, body string) {
		got, err := newWorld(t).take(topic, body)
		var why *ingest.Refusal
		if err != nil && (!errors.As(err, &why) || why.Reason == "" || why.ReasonJA == "") {
			t.Fatalf("%s: %v", topic, err)
		}
		for i := range got.Events {
			if _, err := json.Marshal(&got.Events[i]); err != nil {
				t.Fatalf("%s: %v", topic, err)
			}
		}
	})
}
