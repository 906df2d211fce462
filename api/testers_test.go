package api

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/channels"
)

// caught is a channel that keeps what it is given.
type caught struct {
	mu   sync.Mutex
	sent []channels.Rendered
}

func (c *caught) Send(_ context.Context, m *channels.Rendered) (channels.Receipt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, *m)
	return channels.Receipt{Code: "250"}, nil
}

// send runs a real sender of the workspace whose accounts are one channel.
func (w *world) send(c channels.Channel) {
	w.t.Helper()
	s, err := channels.New(channels.Config{Partitions: testPartitions, Consume: channels.Consume(w.cfg.Stream), Append: w.cfg.Stream.Append, Ledger: channels.NewLedger(w.cfg.DB),
		Render: w.cfg.Renderer.Render, Route: func(string, string) (channels.Route, bool) { return channels.Route{Channel: c}, true }})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	})
}

// ends are those of the topic events.
func (w *world) ends() []int64 {
	w.t.Helper()
	ends, err := w.cfg.Stream.Ends(context.Background(), enishi.TopicEvents)
	if err != nil {
		w.t.Fatal(err)
	}
	return ends
}

// TestTestSend: testers get what a person would get, marked; who cannot is named; nothing of it becomes a fact.
func TestTestSend(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	c := &caught{}
	w.send(c)
	w.play(scenario(time.Now().UTC()))
	definition := map[string]any{"channel": "email", "purpose": "marketing", "variants": map[string]any{"ja": map[string]any{
		"subject": []string{"A {{ customer.full_name }}", "B {{ customer.full_name }}"}, "html": `<p>{{ customer.nickname }}<a href="https://shop.example/x">x</a></p>`}}}
	ask := map[string]any{"definition": definition, "profile": w.id(enishi.Customer, "C10001"), "choice": 1}
	w.call(post, "/templates/draft/test", ask).want(404) // no list yet
	setting := func(who ...string) map[string]any {
		return map[string]any{"expect": -1, "body": map[string]any{"lists": map[string]any{"default": who}}}
	}
	w.call(put, "/settings/testers", setting("staff@shop.example")).want(422)
	set := w.write(put, "/settings/testers", setting("C10002", "C404", w.id(enishi.Anonymous, "b-stranger")))
	w.call(get, "/settings/testers?after="+set.Position, nil).want(200)

	lists := into[list[testerList]](w.call(get, "/testers", nil)).Items
	if len(lists) != 1 || len(lists[0].Testers) != 3 || lists[0].Testers[0].Name != "鈴木 一郎" || lists[0].Testers[1].Profile != "" || len(lists[0].Testers[1].Channels) != 0 {
		t.Fatalf("testers %+v", lists)
	}
	for _, r := range lists[0].Testers[0].Channels {
		if r.OK != (r.Channel == "email") || r.OK != (r.Reason.JA == "") && r.Channel != "push" && r.Channel != "social" {
			t.Errorf("a test by %s reaches Suzuki: %v %+v", r.Channel, r.OK, r.Reason)
		}
	}

	before := w.ends()
	p := into[testPage](w.call(post, "/templates/draft/test", ask, "Idempotency-Key", "once"))
	if again := into[testPage](w.call(post, "/templates/draft/test", ask, "Idempotency-Key", "once")); len(again.Sends) != 1 || again.Sends[0].SendID != p.Sends[0].SendID {
		t.Errorf("a repeat is another test: %+v", again)
	}
	if len(p.Sends) != 1 || p.Sends[0].Tester != "C10002" || p.Sends[0].Name != "鈴木 一郎" || p.Variant != "b" || len(p.Missing) != 1 {
		t.Fatalf("%+v", p)
	}
	if len(p.LeftOut) != 2 || p.LeftOut[0].Tester != "C404" || p.LeftOut[1].Reason.JA != "メールアドレスなし" {
		t.Errorf("left out %+v", p.LeftOut)
	}
	eventually(t, func() bool {
		rows := into[list[deliveryListRow]](w.call(get, "/deliveries?send="+p.Sends[0].SendID.String(), nil)).Items
		return len(rows) == 1 && rows[0].State == "sent" && rows[0].Purpose == "test"
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sent) != 1 {
		t.Fatalf("%d messages", len(c.sent))
	}
	m := c.sent[0]
	if m.Subject != "[TEST] B 佐藤 花子" || m.To != "suzuki@mail.example" || m.Purpose != "marketing" || m.Unsubscribe == "" || !strings.Contains(m.HTML, "http://cdp.example/c/") {
		t.Errorf("%+v", m)
	}
	eventually(t, func() bool { // the end is told to nobody, and nobody is waited for
		n := 0
		err := w.api.each(t.Context(), "SELECT reported FROM deliveries FINAL WHERE reported = 1", nil, func(driver.Rows) error { n++; return nil })
		return err == nil && n == 1
	})
	if ends := w.ends(); !slices.Equal(ends, before) {
		t.Errorf("the topic events went from %v to %v: the test became a fact", before, ends)
	}
}
