package ingest

import (
	"testing"

	"enishi/internal/stream"
)

// TestCatalogueProduct: a product can be bought as long as its stock lasts, or until the catalogue says that it cannot.
func TestCatalogueProduct(t *testing.T) {
	t.Parallel()
	in := &Ingester{}
	f := func(record string, known, available bool, stock int64) {
		t.Helper()
		in.catalogue.fold(&stream.Record{Key: []byte("P1"), Value: []byte(record)})
		p, ok := in.Product("P1")
		if ok != known || p.Available != available || (p.Stock == nil) != (stock < 0) || p.Stock != nil && *p.Stock != stock {
			t.Errorf("%s gives %+v, %v", record, p, ok)
		}
	}
	f(`{"product_id":"P1","price":"2970","currency":"JPY"}`, true, true, -1)
	f(`{"product_id":"P1","price":"2970","stock":3}`, true, true, 3)
	f(`{"product_id":"P1","price":"2970","stock":0}`, true, false, 0)
	f(`{"product_id":"P1","stock":3,"available":false}`, true, false, 3)
	in.catalogue.fold(&stream.Record{Key: []byte("P1")})
	if _, ok := in.Product("P1"); ok {
		t.Error("a product that was taken away is still there")
	}
}
