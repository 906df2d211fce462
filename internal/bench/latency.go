package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"enishi"
	"enishi/channels"
	"enishi/channels/email"
	"enishi/ingest"
	"enishi/internal/mix"
	"enishi/internal/sim/mail"
)

// shop is the product with its collector before it and the sender of messages behind it.
type shop struct {
	*product
	collector *ingest.Collector
	server    *http.Server
	listener  net.Listener
	relay     net.Listener
	sender    *channels.Sender
	mail      *email.Channel
	inbox     *mail.Server
	handed    func(m *channels.Rendered) // told of each message when the channel is called
}

// Send hands a message over to the mail relay.
func (s *shop) Send(ctx context.Context, m *channels.Rendered) (channels.Receipt, error) {
	s.handed(m)
	return s.mail.Send(ctx, m)
}

func openShop(ctx context.Context, w *world, name string, defs []enishi.Definition, cacheBytes int64, handed func(*channels.Rendered)) (*shop, error) {
	s := &shop{handed: handed}
	var err error
	if s.product, err = openProduct(ctx, w, name, defs, cacheBytes); err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.product.Close())
	}
	return s, nil
}

func (s *shop) open() error {
	var err error
	s.collector, err = ingest.NewCollector(ingest.CollectorConfig{Append: s.stream.Append, Parser: s.ingester.Parser(), Keys: func(string) (string, bool) { return "shop", true }, Log: s.w.log})
	if err != nil {
		return err
	}
	renderer, err := channels.NewRenderer(channels.RendererConfig{Definitions: s.defs, BaseURL: "http://127.0.0.1", Key: []byte("0123456789abcdef0123456789abcdef"), Language: "ja", Now: time.Now,
		Brand: map[string]any{"name": "Enishi", "address": "", "contact": "", "colour": "#9c3d44"}})
	if err != nil {
		return err
	}
	s.inbox = mail.New(mail.Config{KeepBytes: 1 << 20})
	if s.relay, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	if s.mail, err = email.New(email.Config{Addr: s.relay.Addr().String(), TLS: "none", From: "shop@shop.example", Log: s.w.log}); err != nil {
		return err
	}
	partitions := s.stream.Partitions(enishi.TopicEvents)
	s.sender, err = channels.New(channels.Config{Partitions: partitions, Consume: channels.Consume(s.stream), Append: s.stream.Append, Ledger: channels.NewLedger(s.db),
		Render: renderer.Render, Route: func(string, string) (channels.Route, bool) {
			return channels.Route{Channel: s, RepeatTransactional: 72 * time.Hour, Limit: channels.Limit{Workers: 16}}, true
		}, Log: s.w.log})
	if err != nil {
		return err
	}
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	s.server = &http.Server{Handler: s.collector, ReadHeaderTimeout: 10 * time.Second}
	return nil
}

// run works until ctx ends.
func (s *shop) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.product.run(ctx) })
	g.Go(func() error { return s.collector.Run(ctx) })
	g.Go(func() error { return s.inbox.Serve(ctx, s.relay) })
	g.Go(func() error {
		defer s.mail.Close()
		return s.sender.Run(ctx)
	})
	g.Go(func() error {
		if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		return s.server.Close()
	})
	return g.Wait()
}

// latencies are the times of one stretch from when an event was to be posted.
type latencies struct {
	mu     sync.Mutex
	posted map[string]time.Time // by event, when it was to be posted
	acks   []time.Duration
	hands  []time.Duration
	strays int
}

// runLatency posts single events at a steady rate to the whole product and times how long messages take to be handed over.
func runLatency(ctx context.Context, b *bench) (err error) {
	w, err := openWorld(ctx, b.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	l := &latencies{posted: map[string]time.Time{}}
	defs, err := mix.Definitions()
	if err != nil {
		return err
	}
	s, err := openShop(ctx, w, "shop", defs, int64(b.cacheMB)<<20, l.handed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.warm(ctx); err != nil {
		return err
	}
	const warm = 3 // seconds that do not count
	n := b.rate * (b.seconds + warm)
	m := newMixer(5 * b.rate)
	m.apart = b.rate / 5
	recs, err := m.records(n)
	if err != nil {
		return err
	}
	want := m.made["shipment.shipped"] + m.made["shipment.delivered"]
	s.events = int64(n + want) // what became of a message comes back as an event
	from := used()
	statements, inserts, merges, err := w.engineWork(ctx)
	if err != nil {
		return err
	}
	var begun time.Time
	err = while(ctx, s.run, func() error {
		if err := eventually(ctx, "the fold owns its partitions", time.Minute, func() (bool, error) { return s.runner.Ready(), nil }); err != nil {
			return err
		}
		begun = time.Now()
		from = used()
		bodies := make([][]byte, n)
		keys := make([]string, n)
		for i := range recs {
			bodies[i] = slices.Concat([]byte(`{"batch":[`), recs[i].Value, []byte(`]}`))
			keys[i] = eventKey(recs[i].Value)
		}
		stop, err := b.profile(0)
		if err != nil {
			return err
		}
		defer stop()
		if err := l.post(ctx, "http://"+s.listener.Addr().String()+"/v1/batch", bodies, keys, b.rate, warm*time.Second); err != nil {
			return err
		}
		return eventually(ctx, fmt.Sprintf("all of %d events is folded", s.events), time.Minute, func() (bool, error) { return s.folder.Stats().Events >= s.events, nil })
	})
	if err != nil {
		return err
	}
	to := used()
	if got := int(s.inbox.Count()); got != want || l.strays != 0 {
		return fmt.Errorf("%d messages at the relay, want %d; %d that no event asked for", got, want, l.strays)
	}
	if err := s.check(ctx); err != nil {
		return err
	}
	b.printf("  %d events at %d/s in %s, %d messages, %.0f CPU us/event with client and relay\n", n, b.rate, to.wall.Sub(begun).Round(time.Millisecond), want, float64((to.cpu-from.cpu).Microseconds())/float64(n))
	statements2, inserts2, merges2, err := w.engineWork(ctx)
	if err != nil {
		return err
	}
	perSecond := func(k int64) float64 { return float64(k) / to.wall.Sub(begun).Seconds() }
	b.printf("  a second has %.0f statements for the engine, %.0f of them inserts, and %.0f merges\n", perSecond(statements2-statements), perSecond(inserts2-inserts), perSecond(merges2-merges))
	slices.Sort(l.acks)
	slices.Sort(l.hands)
	b.printf("  post -> 202:              p50 %s, p99 %s, of %d\n", round(quantile(l.acks, 0.5)), round(quantile(l.acks, 0.99)), len(l.acks))
	b.printf("  post -> handed over:      p50 %s, p99 %s, max %s, of %d\n", round(quantile(l.hands, 0.5)), round(quantile(l.hands, 0.99)), round(quantile(l.hands, 1)), len(l.hands))
	b.goal("post -> handed over, p99", quantile(l.hands, 0.99).Seconds(), "s", 1)
	return nil
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

// eventKey names an event by its parcel and type, as a message about it does by address and template.
func eventKey(value []byte) string {
	customer, _, _ := bytes.Cut(after(value, `"customer_id":"`), []byte(`"`))
	typ, _, _ := bytes.Cut(after(value, `"type":"`), []byte(`"`))
	return string(customer) + " " + string(typ)
}

func after(b []byte, mark string) []byte {
	_, rest, _ := bytes.Cut(b, []byte(mark))
	return rest
}

// handed notes that a channel was called with a message.
func (l *latencies) handed(m *channels.Rendered) {
	now := time.Now()
	typ := "shipment.shipped"
	if strings.Contains(m.Template, "arrived") {
		typ = "shipment.delivered"
	}
	customer, _, _ := strings.Cut(m.To, "@")
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.posted[customer+" "+typ]
	switch {
	case !ok:
		l.strays++
	case !at.IsZero():
		l.hands = append(l.hands, now.Sub(at))
	}
}

// post sends bodies at a rate; an event is late from when it was to be posted, not from when a connection was free.
func (l *latencies) post(ctx context.Context, url string, bodies [][]byte, keys []string, rate int, warm time.Duration) error {
	const conns = 64
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: conns, MaxConnsPerHost: conns}}
	defer client.CloseIdleConnections()
	start := time.Now()
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range conns {
		g.Go(func() error {
			for i := next.Add(1) - 1; int(i) < len(bodies); i = next.Add(1) - 1 {
				at := start.Add(time.Duration(i) * time.Second / time.Duration(rate))
				time.Sleep(time.Until(at))
				counts := at.Sub(start) >= warm
				l.mu.Lock()
				l.posted[keys[i]] = time.Time{}
				if counts {
					l.posted[keys[i]] = at
				}
				l.mu.Unlock()
				if err := postOne(ctx, client, url, bodies[i]); err != nil {
					return err
				}
				if counts {
					l.mu.Lock()
					l.acks = append(l.acks, time.Since(at))
					l.mu.Unlock()
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// postOne posts and wants a 202.
func postOne(ctx context.Context, client *http.Client, url string, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth("key", "")
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusAccepted || bytes.Contains(answer, []byte(`"rejected"`)) {
		return fmt.Errorf("%s: %.200s", res.Status, answer)
	}
	return nil
}
