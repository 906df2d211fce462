package ingest

import (
	"strings"
	"testing"

	"enishi/internal/stream"
)

// TestCatalogueProduct: a product can be bought as long as its stock lasts, or until the catalogue says that it cannot; an update changes
// what it names, and what is older than what is known changes nothing.
func TestCatalogueProduct(t *testing.T) {
	t.Parallel()
	in := &Ingester{}
	f := func(record string, known, buyable bool, stock int64, price string) {
		t.Helper()
		in.catalogue.fold(&stream.Record{Key: []byte("P1"), Value: []byte(record)})
		p, ok := in.Product("P1")
		if ok != known {
			t.Fatalf("%s: known %v", record, ok)
		}
		if !ok {
			return
		}
		if p.Buyable() != buyable || (p.Stock == nil) != (stock < 0) || p.Stock != nil && *p.Stock != stock || p.Price.String() != price {
			t.Errorf("%s gives %+v", record, p)
		}
	}
	f(`{"product_id":"P1","price":"2970","currency":"JPY"}`, true, true, -1, "2970")
	f(`{"product_id":"P1","price":"2970","stock":3}`, true, true, 3, "2970")
	f(`{"product_id":"P1","price":"2970","stock":0}`, true, false, 0, "2970")
	f(`{"product_id":"P1","stock":3,"price":"1","available":false}`, true, false, 3, "1")
	f(`{"product_id":"P1","price":"2970","stock":3,"version":5,"url":"no address"}`, true, false, 3, "1") // bad: as it was
	f(`{"product_id":"P1","price":"2970","stock":3,"version":5}`, true, true, 3, "2970")
	f(`{"product_id":"P1","price":"1","version":4}`, true, true, 3, "2970")
	f(`{"type":"update","product_id":"P1","stores":{"ginza":2,"umeda":1}}`, true, true, 3, "2970")
	f(`{"type":"update","product_id":"P1","stores":{"umeda":5}}`, true, true, 7, "2970")
	f(`{"type":"update","product_id":"P1","stores":null,"stock":0}`, true, false, 0, "2970")
	f(`{"type":"update","product_id":"P1","stock":9,"version":4}`, true, false, 0, "2970")
	f(`{"type":"store","product_id":"P1"}`, true, false, 0, "2970")
	f(`{"product_id":"P1","price":"2970","version":6,"deleted":true}`, true, false, -1, "2970")
	in.catalogue.fold(&stream.Record{Key: []byte("P1")})
	if _, ok := in.Product("P1"); ok {
		t.Error("a product that was taken away is still there")
	}
}

func TestProductRefused(t *testing.T) {
	t.Parallel()
	for record, place := range map[string]string{
		`{"name":"化粧水"}`:                                          "product_id: is required",
		`{"product_id":"P1","price":-1}`:                          "price: is below 0",
		`{"product_id":"P1","price":"much"}`:                      "price: ",
		`{"product_id":"P1","currency":"yen!"}`:                   "currency: is no currency",
		`{"product_id":"P1","url":"/p/1"}`:                        "url: write a whole address",
		`{"product_id":"P1","image_urls":["https://x.test","x"]}`: "image_urls[1]: write a whole address",
		`{"product_id":"P1","stores":{"ginza":"many"}}`:           "stores",
		`{"product_id":`:                                          "no valid JSON",
	} {
		_, _, refusal := ParseProduct([]byte(record), nil)
		if refusal == nil || !strings.Contains(refusal.Error(), place) || refusal.ReasonJA == "" {
			t.Errorf("%s: %v", record, refusal)
		}
	}
}

// FuzzParseProduct: whatever comes, a product that is taken is one that is taken again as it was kept.
func FuzzParseProduct(f *testing.F) {
	for _, seed := range []string{`{"product_id":"P1","price":"10"}`, `{"type":"update","product_id":"P1","stores":{"a":1},"name":null}`, `{"type":"update","product_id":"P1","stores":3}`, `[]`, `null`, ``, `{"product_id":"\u0000"}`} {
		f.Add([]byte(seed), []byte(`{"product_id":"P1","stores":{"b":2},"x":[1]}`))
	}
	f.Fuzz(func(t *testing.T, raw, body []byte) {
		p, kept, refusal := ParseProduct(raw, body)
		if refusal != nil || p == nil {
			return
		}
		again, _, refusal := ParseProduct(kept, nil)
		if refusal != nil || again == nil || again.ProductID != p.ProductID || again.Price != p.Price || again.Buyable() != p.Buyable() {
			t.Errorf("%q kept as %q: %v %+v", raw, kept, refusal, again)
		}
	})
}

// A part of a product that takes away a name which is not there leaves no empty one.
func TestUpdateOfNothing(t *testing.T) {
	t.Parallel()
	p, body, refusal := ParseProduct([]byte(`{"type":"update","product_id":"P","stores":{"ginza":null,"umeda":2},"attributes":{"size":null}}`), nil)
	if refusal != nil || len(p.Stores) != 1 || *p.Stock != 2 || len(p.Attributes) != 0 || strings.Contains(string(body), "null") {
		t.Errorf("%+v %s %v", p, body, refusal)
	}
}
