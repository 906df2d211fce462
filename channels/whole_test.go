package channels_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/channels/email"
	"enishi/channels/line"
	"enishi/internal/clickhouse"
	"enishi/internal/definitions"
	"enishi/internal/embedded"
	linesim "enishi/internal/sim/line"
	mailsim "enishi/internal/sim/mail"
	"enishi/internal/stream"
)

// plant is the real thing: broker, engine, a relay and LINE, each simulated by what ships with the product.
type plant struct {
	db     *clickhouse.DB
	client *stream.Client
	line   *linesim.Server
	mail   *mailsim.Server
	route  func(channel, account string) (channels.Route, bool)
	render *channels.Renderer
	mu     sync.Mutex
	ends   map[string]map[enishi.ID]enishi.Event

	inserts, inserted atomic.Int64 // and rows, of the ledger
}

func newPlant(t testing.TB, name string, keep int) *plant {
	t.Helper()
	p := &plant{db: channels.OpenDB(t, name), ends: map[string]map[enishi.ID]enishi.Event{}}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	t.Cleanup(func() { cancel(); wg.Wait() })
	broker, err := embedded.OpenBroker(embedded.BrokerConfig{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { broker.Close() })
	wg.Go(func() { _ = broker.Run(ctx) })
	p.client = p.connect(t, broker.Addr())
	t.Cleanup(func() { p.client.Close() })

	p.line = linesim.New(linesim.Config{Keep: keep})
	api := httptest.NewServer(p.line)
	t.Cleanup(api.Close)
	p.mail = mailsim.New(mailsim.Config{Keep: keep})
	wg.Go(func() { _ = p.mail.Run(ctx) })
	<-p.mail.Ready()
	push, err := line.New(line.Config{Token: "token", BaseURL: api.URL})
	if err != nil {
		t.Fatal(err)
	}
	smtp, err := email.New(email.Config{Addr: p.mail.Addr(), TLS: "none", From: "shop@hana.example", Bounce: "bounce.hana.example"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(smtp.Close)
	p.route = func(channel, _ string) (channels.Route, bool) {
		if channel == "line" {
			return channels.Route{Channel: push, Repeat: line.Repeat, Limit: channels.Limit{Workers: 8}}, true
		}
		return channels.Route{Channel: smtp, RepeatTransactional: 24 * time.Hour, Limit: channels.Limit{Workers: 8}}, true
	}
	p.render = renderer(t)
	wg.Go(func() { p.follow(ctx) })
	return p
}

func (p *plant) connect(t testing.TB, addr string) *stream.Client {
	t.Helper()
	c, err := stream.Open(t.Context(), stream.Config{Brokers: []string{addr}, Partitions: 4, SessionTimeout: 1500 * time.Millisecond,
		Topics: []stream.TopicSpec{{Name: enishi.TopicMessages}, {Name: enishi.TopicEvents, Partitions: partitions}}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// follow reads what is reported.
func (p *plant) follow(ctx context.Context) {
	var wg sync.WaitGroup
	for n := range partitions {
		wg.Go(func() {
			_ = p.client.Follow(ctx, enishi.TopicEvents, n, 0, func(_ context.Context, recs []stream.Record, _ int64) error {
				p.mu.Lock()
				defer p.mu.Unlock()
				for _, r := range recs {
					var e enishi.Event
					if err := enishi.DecodeEvent(&e, r.Value); err != nil {
						return err
					}
					k := rowKey(e.Result.SendID, e.Result.Round)
					if p.ends[k] == nil {
						p.ends[k] = map[enishi.ID]enishi.Event{}
					}
					p.ends[k][e.ID] = e
				}
				return nil
			})
		})
	}
	wg.Wait()
}

func (p *plant) ended() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.ends)
}

// run starts a Sender; stop ends it in good order.
func (p *plant) run(t testing.TB, client *stream.Client) (stop func()) {
	t.Helper()
	l := channels.NewLedger(p.db)
	insert := l.Insert
	l.Insert = func(ctx context.Context, rows []channels.Row) error {
		p.inserts.Add(1)
		p.inserted.Add(int64(len(rows)))
		return insert(ctx, rows)
	}
	s, err := channels.New(channels.Config{Partitions: partitions, Consume: channels.Consume(client), Append: client.Append, Ledger: l,
		Render: p.render.Render, Route: p.route, Drain: 5 * time.Second, BreakerOpen: 50 * time.Millisecond, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func (p *plant) put(t testing.TB, ms ...*enishi.Message) {
	t.Helper()
	recs := make([]stream.Record, len(ms))
	for i, m := range ms {
		recs[i] = stream.Record{Topic: enishi.TopicMessages, Partition: -1, Key: []byte(m.Destination), Value: enishi.EncodeMessage(nil, m)}
	}
	if err := p.client.Append(t.Context(), recs); err != nil {
		t.Fatal(err)
	}
}

func renderer(t testing.TB) *channels.Renderer {
	t.Helper()
	log := definitions.NewLog()
	for i, d := range []enishi.Definition{
		{Kind: "setting", Name: "brand", Body: json.RawMessage(`{"name":"花の店","address":"東京都港区 1-2-3","contact":"help@hana.example"}`)},
		{Kind: "template", Name: "hello", Body: json.RawMessage(`{"name":"hello","channel":"email","purpose":"marketing","variants":{"ja":{"subject":["{{ customer.salutation }}","B: {{ customer.salutation }}"],"html":"<html><body><p>{{ customer.salutation }}</p><a href=\"https://shop.example/\">x</a></body></html>","text":"{{ customer.salutation }}"}}}`)},
		{Kind: "template", Name: "hello_line", Body: json.RawMessage(`{"name":"hello_line","channel":"line","purpose":"marketing","variants":{"ja":{"messages":[{"type":"text","text":"{{ customer.salutation }}"}]}}}`)},
		{Kind: "template", Name: "mail11k", Body: json.RawMessage(bigTemplate())},
	} {
		d.Expect, d.RequestID = -1, enishi.NewID("request", fmt.Sprint(i))
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		log.Fold(int64(i), b)
	}
	r, err := channels.NewRenderer(channels.RendererConfig{Definitions: log, BaseURL: "https://cdp.hana.example", Key: []byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestWhole sends a mix over the real parts while Senders come and go: two at a time, stopped in good order, with faults of
// the providers. Every message ends in one result, nothing arrives twice, and ledger and providers agree.
func TestWhole(t *testing.T) {
	t.Parallel()
	p := newPlant(t, "whole", 10_000)
	for range 8 {
		p.line.Inject(linesim.Fault{Endpoint: "push", Status: 500, After: true})
		p.line.Inject(linesim.Fault{Endpoint: "push", Status: 500})
		p.mail.Inject(mailsim.Fault{Stage: mailsim.AtRcpt, Code: 421})
	}
	var all []*enishi.Message
	for i := range 600 {
		var m *enishi.Message
		switch i % 3 {
		case 0:
			id := p.line.UserID(fmt.Sprint(i))
			if _, err := p.line.Follow(id, ""); err != nil {
				t.Fatal(err)
			}
			m = message("line:main", "marketing", id)
			m.Template = "hello_line"
		case 1:
			m = message("email:main:gmail", "marketing", fmt.Sprintf("p%d@gmail.com", i))
		case 2:
			m = message("email:main:other", "transactional", fmt.Sprintf("p%d@example.jp", i))
		}
		all = append(all, m)
	}
	first := p.run(t, p.client)
	p.put(t, all[:300]...)
	await(t, "the first ones end", func() bool { return p.ended() >= 100 })
	second := p.run(t, p.client)
	p.put(t, all[300:]...)
	p.put(t, all[:50]...) // the fold was replayed
	await(t, "more end", func() bool { return p.ended() >= 300 })
	first()
	await(t, "all end", func() bool { return p.ended() >= 600 })
	second()

	p.mu.Lock()
	defer p.mu.Unlock()
	sent := 0
	variants := map[string]int{} // as the fold is told
	for _, m := range all {
		es := p.ends[rowKey(m.SendID, 1)]
		if len(es) != 1 {
			t.Fatalf("%d results", len(es))
		}
		for _, e := range es {
			if e.Type != "message.sent" {
				t.Fatalf("ended as %s %s", e.Type, e.Result.Reason)
			}
			sent++
			variants[e.Result.Variant]++
		}
		if m.Channel == "line" && p.line.ReceivedCount(m.To) != 1 {
			t.Errorf("%d LINE messages to one person", p.line.ReceivedCount(m.To))
		}
	}
	byTo := map[string]int{}
	for _, x := range p.mail.Mails() {
		byTo[x.To[0]]++
	}
	if len(byTo) != 400 || p.mail.Count() != 400 {
		t.Errorf("%d mails to %d people, want 400 to 400", p.mail.Count(), len(byTo))
	}
	if variants[""] != 200 || variants["a"] < 100 || variants["b"] < 100 {
		t.Errorf("texts that were compared: %v", variants)
	}
	kept, err := channels.NewDeliveries(p.db).List(t.Context(), channels.Filter{Channel: "email", Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range kept {
		variants[r.Variant]--
	}
	if variants["a"] != 0 || variants["b"] != 0 {
		t.Errorf("the ledger has other texts than the fold was told: %v", variants)
	}
	counts, err := channels.NewDeliveries(p.db).Counts(t.Context(), channels.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for _, c := range counts {
		if c.State != "sent" {
			t.Errorf("%+v", c)
		}
		total += c.Deliveries
	}
	if total != 600 {
		t.Errorf("%d rows in the ledger, want 600", total)
	}
}

func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(60 * time.Second); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal("not in a minute: " + what)
		}
	}
}

// bigTemplate makes a personalised mail of about 11.5 KB.
func bigTemplate() string {
	var b strings.Builder
	b.WriteString(`<!doctype html><html lang="ja"><body style="margin:0"><table width="100%"><tr><td><h1>{{ customer.salutation }}</h1>`)
	for i := range 20 {
		fmt.Fprintf(&b, `<p style="margin:0 0 16px;color:#3d3532">いつも {{ brand.name }} をご利用いただき、ありがとうございます。{{ customer.family_name }} 様の %d 番目のおすすめです。</p>`, i)
	}
	b.WriteString(`{% for line in order.lines %}<tr><td>{{ line.name | escape }}</td><td>{{ line.price }} × {{ line.quantity }}</td></tr>{% endfor %}`)
	for i := range 6 {
		fmt.Fprintf(&b, `<a href="https://shop.example/products/%d?ref={{ customer.member_rank }}">商品を見る</a>`, i)
	}
	b.WriteString(`<p>{{ brand.address }}<br>{{ brand.contact }}<br><a href="{{ links.unsubscribe }}">配信を停止する</a></p></td></tr></table></body></html>`)
	body, _ := json.Marshal(map[string]any{"name": "mail11k", "channel": "email", "purpose": "marketing", "variants": map[string]any{"ja": map[string]any{
		"subject": "{{ customer.salutation }}、秋の新作のご案内", "html": b.String(), "text": "{{ customer.salutation }}\n\n秋の新作のご案内です。\n{{ links.unsubscribe }}\n{{ brand.address }}\n"}}})
	return string(body)
}
