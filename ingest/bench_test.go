package ingest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-json"

	"enishi"
	"enishi/internal/stream"
)

// benchOrder is an order of 3 lines, 640 bytes.
func benchOrder(i int) []byte {
	return fmt.Appendf(nil, `{"type":"order.placed","id":"0f8fad5b-d9cb-469f-a165-%012d","occurred_at":"2026-11-20T11:00:00+09:00","channel":"web","person":{"customer_id":"C-%06d","email":"c%06d@example.jp"},`+
		`"order":{"order_id":"A-%d","currency":"JPY","lines":[{"product_id":"P-10","name":"化粧水 50ml","category":"skincare","quantity":2,"price":"1980"},{"product_id":"P-31","name":"ハーブティー","category":"food","quantity":1,"price":"1080"},`+
		`{"product_id":"P-40","name":"石けん","category":"body","quantity":3,"price":"480"}],"subtotal":"6480","shipping_fee":"550","total":"7030","payment_method":"card"}}`, i, i%50_000, i%50_000, i)
}

// benchTrack is the same as a call of Segment's, benchView a product view.
func benchTrack(i int) []byte {
	return fmt.Appendf(nil, `{"type":"track","event":"Order Completed","messageId":"0f8fad5b-d9cb-469f-a165-%012d","timestamp":"2026-11-20T11:00:00Z","userId":"C-%06d","context":{"page":{"url":"https://shop.example/thanks","path":"/thanks"},"userAgent":"Mozilla/5.0"},`+
		`"properties":{"order_id":"A-%d","currency":"JPY","products":[{"product_id":"P-10","name":"化粧水 50ml","category":"skincare","quantity":2,"price":1980},{"product_id":"P-31","name":"ハーブティー","category":"food","quantity":1,"price":1080}],"shipping":550,"total":5590}}`, i, i%50_000, i)
}

func benchView(i int) []byte {
	return fmt.Appendf(nil, `{"type":"track","event":"Product Viewed","messageId":"0f8fad5b-d9cb-469f-a165-%012d","timestamp":"2026-11-20T11:00:00Z","anonymousId":"7d4f1c02-0000-4000-8000-%012d","context":{"page":{"url":"https://shop.example/p/10","path":"/p/10","title":"化粧水"},"userAgent":"Mozilla/5.0","locale":"ja-JP"},`+
		`"properties":{"product_id":"P-10","name":"化粧水 50ml","category":"skincare","price":1980,"currency":"JPY"}}`, i, i%50_000)
}

// cpu is what this process used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure reports events a second and CPU per event of the whole process: clients and broker included.
func measure(b *testing.B, events int, f func()) {
	b.ReportAllocs()
	b.ResetTimer()
	wall, used := time.Now(), cpu(b)
	f()
	used = cpu(b) - used
	b.ReportMetric(float64(events)/time.Since(wall).Seconds(), "events/s")
	b.ReportMetric(float64(used.Nanoseconds())/1e3/float64(events), "cpu-us/event")
}

func BenchmarkParse(b *testing.B) {
	p := NewParser(ParserConfig{})
	for name, make := range map[string]func(int) []byte{"order": benchOrder, "segment order": benchTrack, "segment view": benchView} {
		b.Run(name, func(b *testing.B) {
			r := record(string(make(1)))
			b.SetBytes(int64(len(r.Value)))
			measure(b, b.N, func() {
				for range b.N {
					if _, refusal := p.Parse(r, noon); refusal != nil {
						b.Fatal(refusal)
					}
				}
			})
		})
	}
	b.Run("bare goccy", func(b *testing.B) {
		r := record(string(benchOrder(1)))
		b.SetBytes(int64(len(r.Value)))
		measure(b, b.N, func() {
			for range b.N {
				var e enishi.Event
				if err := json.Unmarshal(r.Value, &e); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

// BenchmarkCollect is the collector's work on a call, without HTTP and log.
func BenchmarkCollect(b *testing.B) {
	p := NewParser(ParserConfig{})
	for name, make := range map[string]func(int) []byte{"order": benchTrack, "view": benchView} {
		b.Run(name, func(b *testing.B) {
			x := batch{now: noon, parser: p, newID: randomID}
			body := make(1)
			measure(b, b.N, func() {
				for range b.N {
					if refusal := x.single(body, ""); refusal != nil {
						b.Fatal(refusal)
					}
					if _, refusal := x.record(&x.calls[0]); refusal != nil {
						b.Fatal(refusal)
					}
				}
			})
		})
	}
}

// BenchmarkBatch is everything between two logs in memory: parse, hash, link, resolve, encode; 5 events per person.
func BenchmarkBatch(b *testing.B) {
	in := newTestIngester(b, newMemory(), func(c *Config) {
		c.append = func(context.Context, []stream.Record) error { return nil }
	})
	const size = 5000
	var batches [][]stream.Record
	for n := range 10 {
		recs := make([]stream.Record, size)
		for i := range recs {
			recs[i] = stream.Record{Topic: enishi.TopicOrders, Offset: int64(n*size + i), Time: noon, Value: benchOrder(n*size/5 + i/5)}
		}
		batches = append(batches, recs)
	}
	in.cfg.append = func(_ context.Context, recs []stream.Record) error {
		if recs[0].Topic == enishi.TopicIdentities {
			for i := range recs {
				recs[i].Offset = in.graph.Next() + int64(i)
			}
			return in.foldLinks(b.Context(), recs, 0)
		}
		return nil
	}
	measure(b, b.N*size, func() {
		for i := range b.N {
			if err := in.Batch(b.Context(), batches[i%len(batches)]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// bareCollector is the twin of the collector without our logic: net/http, fast JSON, the same appender.
func bareCollector(a *appender) http.Handler {
	var turn atomic.Uint64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(400)
			return
		}
		var recs []stream.Record
		var many struct {
			Batch []json.RawMessage `json:"batch"`
		}
		if strings.HasSuffix(r.URL.Path, "batch") {
			if json.Unmarshal(body, &many) != nil {
				w.WriteHeader(400)
				return
			}
		} else {
			many.Batch = []json.RawMessage{body}
		}
		for _, raw := range many.Batch {
			var call struct {
				Type, Event, MessageID, UserID, AnonymousID string
				Timestamp                                   time.Time
				Context                                     struct {
					UserAgent string
					Page      struct{ URL, Path, Title string }
				}
				Properties struct {
					ProductID, Name, Category, Currency string
					Price                               float64
				}
			}
			if json.Unmarshal(raw, &call) != nil {
				w.WriteHeader(400)
				return
			}
			recs = append(recs, stream.Record{Topic: enishi.TopicWeb, Partition: int(turn.Add(1) % 4), Key: []byte(call.AnonymousID), Value: raw})
		}
		if a.append(r.Context(), recs) != nil {
			w.WriteHeader(503)
			return
		}
		w.WriteHeader(202)
		io.WriteString(w, `{"accepted":1}`)
	})
}

// BenchmarkCollector posts product views over loopback to the collector on an embedded broker with fsync; clients, server
// and broker share the process. "bare" is bareCollector.
func BenchmarkCollector(b *testing.B) {
	for _, size := range []int{1, 100} {
		for _, bare := range []bool{true, false} {
			name := fmt.Sprintf("of %d", size)
			if bare {
				name += " bare"
			}
			b.Run(name, func(b *testing.B) { benchCollector(b, size, bare) })
		}
	}
}

func benchCollector(b *testing.B, size int, bare bool) {
	c := openTestStream(b, fmt.Sprintf("bench%d-", prefixes.Add(1)))
	collector, err := NewCollector(CollectorConfig{Append: c.Append, Parser: NewParser(ParserConfig{}), Keys: func(string) (string, bool) { return "shop", true }})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go collector.Run(ctx)
	handler := http.Handler(collector)
	if bare {
		handler = bareCollector(collector.appends)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go server.Serve(l)
	defer server.Close()
	const conns = 256
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: conns, MaxConnsPerHost: conns}}
	path, bodies := "/v1/track", make([][]byte, 64)
	for i := range bodies {
		if size == 1 {
			bodies[i] = benchViewAt(i)
			continue
		}
		path = "/v1/batch"
		var calls [][]byte
		for k := range size {
			calls = append(calls, benchViewAt(i*size+k))
		}
		bodies[i] = append(append([]byte(`{"batch":[`), bytes.Join(calls, []byte(","))...), ']', '}')
	}
	workers := conns
	if size > 1 {
		workers = 16
	}
	var next atomic.Int64
	measure(b, b.N*size, func() {
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
					r, _ := http.NewRequest(http.MethodPost, "http://"+l.Addr().String()+path, bytes.NewReader(bodies[i%64]))
					r.Header.Set("Content-Type", "application/json")
					r.SetBasicAuth("k", "")
					res, err := client.Do(r)
					if err != nil {
						b.Error(err)
						return
					}
					io.Copy(io.Discard, res.Body)
					res.Body.Close()
					if res.StatusCode != 202 {
						b.Errorf("status %d", res.StatusCode)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

// benchViewAt is benchView with the present time: the collector refuses old views.
func benchViewAt(i int) []byte {
	return bytes.Replace(benchView(i), []byte("2026-11-20T11:00:00Z"), time.Now().UTC().AppendFormat(nil, time.RFC3339), 1)
}

// BenchmarkRun ingests orders from an embedded broker with fsync back into it, 5 events per person.
func BenchmarkRun(b *testing.B) {
	c := openTestStream(b, fmt.Sprintf("bench%d-", prefixes.Add(1)))
	var recs []stream.Record
	for i := range b.N {
		recs = append(recs, stream.Record{Topic: enishi.TopicOrders, Partition: -1, Key: fmt.Append(nil, i/5), Value: benchOrder(i / 5)})
	}
	if err := c.Append(b.Context(), recs); err != nil {
		b.Fatal(err)
	}
	measure(b, b.N, func() {
		in, stop := start(b, c)
		eventually(b, "all is ingested", func() bool { return in.Stats().Events >= int64(b.N) })
		stop()
	})
}
