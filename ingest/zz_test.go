package ingest
import "testing"
func examples(t *testing.T) []string { return []string{`{"type":"order.placed","person":{"customer_id":"x"},"order":{"order_id":"a","lines":[{"product_id":"p","price":"12.5"}],"placed_at":"2026-01-01T00:00:00Z"}}`} }
