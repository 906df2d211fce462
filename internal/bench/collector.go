package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/goccy/go-json"
	"golang.org/x/sync/errgroup"

	"enishi"
	"enishi/ingest"
	"enishi/internal/stream"
)

// runCollector posts product views to the collector and to its twin: single ones over 256 connections, then batches of 100
// over 16. Clients, server and broker share the process.
func runCollector(ctx context.Context, b *bench) (err error) {
	w, err := openWorld(ctx, b.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	client, db, err := w.open(ctx, "collector")
	if err != nil {
		return err
	}
	defer func() {
		client.Close()
		err = errors.Join(err, db.Close())
	}()
	c, err := ingest.NewCollector(ingest.CollectorConfig{Append: client.Append, Parser: ingest.NewParser(ingest.ParserConfig{}), Keys: func(string) (string, bool) { return "shop", true }, Log: w.log})
	if err != nil {
		return err
	}
	bare := &bareCollector{append: client.Append, jobs: make(chan bareJob, 4096)}
	both := func(ctx context.Context) error {
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error { return c.Run(ctx) })
		g.Go(func() error { return bare.run(ctx) })
		return g.Wait()
	}
	return while(ctx, both, func() error {
		for _, load := range [...]struct {
			name         string
			size, conns  int
			posts, least int
		}{{"single events", 1, 256, 20_000, 25_000}, {"batches of 100", 100, 16, 1_500, 140_000}} {
			bodies := views(load.size)
			one := func(handler http.Handler) (slice, error) {
				return w.countedLog("collector", func() (slice, error) {
					s := slice{ops: load.posts * load.size}
					return s, postAll(ctx, handler, bodies, load.posts, load.conns)
				})
			}
			as, bs, err := b.alternate(nil, func(int) (slice, error) { return one(bare) }, func(int) (slice, error) { return one(c) })
			if err != nil {
				return err
			}
			b.compare(load.name, "event", as, bs, 1.5)
			b.least(load.name+", rate", median(each(bs, (*slice).rate)), "events/s", float64(load.least))
		}
		return nil
	})
}

// views are bodies of product views: calls of Segment's, or batches of them.
func views(size int) [][]byte {
	bodies := make([][]byte, 64)
	now := time.Now().UTC().Format(time.RFC3339)
	view := func(i int) []byte {
		return fmt.Appendf(nil, `{"type":"track","event":"Product Viewed","messageId":"0f8fad5b-d9cb-469f-a165-%012d","timestamp":"%s","anonymousId":"7d4f1c02-0000-4000-8000-%012d",`+
			`"context":{"page":{"url":"https://shop.example/p/10","path":"/p/10","title":"化粧水"},"userAgent":"Mozilla/5.0","locale":"ja-JP"},`+
			`"properties":{"product_id":"P-10","name":"化粧水 50ml","category":"skincare","price":1980,"currency":"JPY"}}`, i, now, i%50_000)
	}
	for i := range bodies {
		if size == 1 {
			bodies[i] = view(i)
			continue
		}
		calls := make([][]byte, size)
		for k := range calls {
			calls[k] = view(i*size + k)
		}
		bodies[i] = append(append([]byte(`{"batch":[`), bytes.Join(calls, []byte(","))...), ']', '}')
	}
	return bodies
}

// postAll posts to a handler over loopback and wants a 202 each time.
func postAll(ctx context.Context, handler http.Handler, bodies [][]byte, posts, conns int) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(l) // it ends with Close
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: conns, MaxConnsPerHost: conns}}
	defer client.CloseIdleConnections()
	url := "http://" + l.Addr().String() + "/v1/track"
	if bytes.HasPrefix(bodies[0], []byte(`{"batch"`)) {
		url = "http://" + l.Addr().String() + "/v1/batch"
	}
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range conns {
		g.Go(func() error {
			for i := int(next.Add(1)) - 1; i < posts; i = int(next.Add(1)) - 1 {
				if err := postOne(ctx, client, url, bodies[i%len(bodies)]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// bareCollector is net/http, fast JSON and the same writer: the records of many requests go out in one append.
type bareCollector struct {
	append func(context.Context, []stream.Record) error
	jobs   chan bareJob
}

type bareJob struct {
	recs []stream.Record
	done chan error
}

// bareCall is what fast JSON makes of a product view.
type bareCall struct {
	Type, Event, MessageID, UserID, AnonymousID string
	Timestamp                                   time.Time
	Context                                     struct {
		UserAgent, Locale string
		Page              struct{ URL, Path, Title string }
	}
	Properties struct {
		ProductID, Name, Category, Currency string
		Price                               float64
	}
}

// ServeHTTP answers when the log has the events.
func (c *bareCollector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	raws := []json.RawMessage{body}
	if strings.HasSuffix(r.URL.Path, "batch") {
		var many struct{ Batch []json.RawMessage }
		if err := json.Unmarshal(body, &many); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		raws = many.Batch
	}
	recs := make([]stream.Record, len(raws))
	for i, raw := range raws {
		var call bareCall
		if err := json.Unmarshal(raw, &call); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		recs[i] = stream.Record{Topic: enishi.TopicWeb, Partition: -1, Key: []byte(call.AnonymousID), Value: raw}
	}
	j := bareJob{recs, make(chan error, 1)}
	c.jobs <- j
	if err := <-j.done; err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, `{"accepted":1}`)
}

// run appends what came within 2 ms, or 1,000 records.
func (c *bareCollector) run(ctx context.Context) error {
	for {
		var jobs []bareJob
		var recs []stream.Record
		var over <-chan time.Time
		for waiting := true; waiting && len(recs) < 1000; {
			select {
			case j := <-c.jobs:
				jobs, recs = append(jobs, j), append(recs, j.recs...)
				if over == nil {
					over = time.After(2 * time.Millisecond)
				}
			case <-over:
				waiting = false
			case <-ctx.Done():
				return nil
			}
		}
		err := c.append(ctx, recs)
		for _, j := range jobs {
			j.done <- err
		}
	}
}
