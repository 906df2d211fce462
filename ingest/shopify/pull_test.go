package shopify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"enishi"
	"enishi/ingest"
	"enishi/internal/stream"
)

// history is a Puller whose log and progress are in memory.
type history struct {
	Puller
	mu    sync.Mutex
	log   []stream.Record
	saved Pull
	clock time.Time
}

func newHistory(t testing.TB, api http.Handler, c ClientConfig) *history {
	t.Helper()
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	h := &history{clock: noon}
	c.Shop, c.Endpoint, c.HTTP = "enmusubi.myshopify.com", server.URL, server.Client()
	client, err := NewClient(c)
	if err != nil {
		t.Fatal(err)
	}
	h.Puller = Puller{Shop: newWorld(t).Shop, Client: client, HTTP: server.Client(), Parser: ingest.NewParser(ingest.ParserConfig{}), Poll: time.Millisecond,
		Now: func() time.Time { h.mu.Lock(); defer h.mu.Unlock(); h.clock = h.clock.Add(time.Second); return h.clock },
		Append: func(_ context.Context, recs []stream.Record) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.log = append(h.log, recs...)
			return nil
		},
		Save: func(_ context.Context, p Pull) error { h.saved = p; return nil },
		Dead: func(_ context.Context, _, _ string, _ []byte, why *ingest.Refusal) error { return why }}
	return h
}

// placed counts the orders of the log by id.
func (h *history) placed(t *testing.T) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, r := range h.log {
		var e enishi.Event
		if r.Topic != enishi.TopicOrders {
			continue
		}
		if err := json.Unmarshal(r.Value, &e); err != nil {
			t.Fatal(err)
		}
		if e.Type == "order.placed" {
			out[e.Order.OrderID]++
		}
	}
	return out
}

// TestObjects: things come with their parts, and from any line on what was not taken yet.
func TestObjects(t *testing.T) {
	text := `{"id":"a"}
{"id":"1","__parentId":"a"}
{"id":"2","__parentId":"a"}
{"id":"b"}
{"id":"c"}
{"id":"3","__parentId":"c"}
`
	for skip, want := range []string{"a2@3 b0@4 c1@6", "a2@3 b0@4 c1@6", "a2@3 b0@4 c1@6", "b0@4 c1@6", "c1@6", "c1@6", ""} {
		var got []string
		err := objects(strings.NewReader(text), int64(skip), func(o *object) error {
			var x struct{ ID string }
			_ = json.Unmarshal(o.root, &x)
			got = append(got, fmt.Sprintf("%s%d@%d", x.ID, len(o.parts), o.next))
			return nil
		})
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("from %d: %v %v, want %s", skip, got, err, want)
		}
	}
	if err := objects(strings.NewReader(`{"id":"1","__parentId":"a"}`), 0, func(*object) error { return nil }); !errors.Is(err, errUngrouped) {
		t.Errorf("a part without its whole: %v", err)
	}
}

// FuzzObjects: no result does harm.
func FuzzObjects(f *testing.F) {
	f.Add(`{"id":"gid://shopify/Order/1","totalPriceSet":{"shopMoney":{"amount":"1.0"}}}`+"\n"+`{"id":"x","__parentId":"gid://shopify/Order/1"}`, "orders")
	f.Add("{}\n\n[]", "products")
	f.Add(`{"id":1}`, "customers")
	f.Fuzz(func(t *testing.T, text, resource string) {
		s := newWorld(t).Shop
		_ = objects(strings.NewReader(text), 0, func(o *object) error {
			events, _, err := s.found(resource, o, past, noon)
			if err == nil {
				for i := range events {
					if _, err := json.Marshal(&events[i]); err != nil {
						t.Fatal(err)
					}
				}
			}
			return nil
		})
	})
}
