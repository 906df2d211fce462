package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi"
	"enishi/internal/stream"
)

// memory is a log in memory that gives what is appended to identities to its follower.
type memory struct {
	mu     sync.Mutex
	topics map[string][]stream.Record // all partitions of a topic, in order of append
	ends   map[stream.Partition]int64
	follow func(recs []stream.Record)
	fail   error // of the next append
}

func newMemory() *memory {
	return &memory{topics: map[string][]stream.Record{}, ends: map[stream.Partition]int64{}}
}

func (m *memory) append(_ context.Context, recs []stream.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fail; err != nil {
		m.fail = nil
		return err
	}
	var links []stream.Record
	for i := range recs {
		r := &recs[i]
		if r.Partition < 0 {
			r.Partition = stream.PartitionFor(r.Key, 4)
		}
		p := stream.Partition{Topic: r.Topic, Partition: r.Partition}
		r.Offset = m.ends[p]
		m.ends[p]++
		kept := *r
		kept.Key, kept.Value = slices.Clone(r.Key), slices.Clone(r.Value)
		m.topics[r.Topic] = append(m.topics[r.Topic], kept)
		if r.Topic == enishi.TopicIdentities {
			links = append(links, kept)
		}
	}
	if len(links) > 0 && m.follow != nil {
		m.follow(links)
	}
	return nil
}

// events decodes what stands on the topic events.
func (m *memory) events(t *testing.T) []enishi.Event {
	t.Helper()
	var out []enishi.Event
	for _, r := range m.topics[enishi.TopicEvents] {
		var e enishi.Event
		if err := enishi.DecodeEvent(&e, r.Value); err != nil {
			t.Fatal(err)
		}
		copy(e.Profile[:], r.Key)
		e.Partition, e.Offset, e.Time = r.Partition, r.Offset, r.Time
		out = append(out, e)
	}
	return out
}

const testPartitions = 4

func newTestIngester(t testing.TB, m *memory, change func(*Config)) *Ingester {
	t.Helper()
	cfg := Config{Hasher: enishi.NewHasher([]byte("0123456789abcdef0123456789abcdef")), Now: func() time.Time { return noon.Add(time.Minute) },
		append: m.append, partitions: testPartitions}
	if change != nil {
		change(&cfg)
	}
	in, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	m.follow = func(recs []stream.Record) {
		if err := in.foldLinks(context.Background(), recs, 0); err != nil {
			t.Error(err)
		}
	}
	return in
}

func sources(values ...string) []stream.Record {
	var out []stream.Record
	for i, v := range values {
		out = append(out, stream.Record{Topic: enishi.TopicWeb, Partition: i % 2, Offset: int64(i / 2), Time: noon, Value: []byte(v)})
	}
	return out
}

func visit(person string) string {
	return `{"type":"page.viewed","person":{` + person + `}}`
}

func TestBatch(t *testing.T) {
	t.Parallel()
	m := newMemory()
	var saved []DeadLetter
	in := newTestIngester(t, m, func(c *Config) {
		c.SaveDead = func(_ context.Context, l []DeadLetter) error { saved = append(saved, l...); return nil }
	})
	hash := func(k enishi.Kind, v string) enishi.ID {
		return in.cfg.Hasher.Hash(enishi.Identifier{Kind: k, Value: v})
	}
	err := in.Batch(t.Context(), sources(
		visit(`"anonymous_id":"a1"`),
		visit(`"customer_id":"c1","anonymous_id":"a1"`),
		`{"type":"order.placed","order":{},"person":{"customer_id":"c1"}}`,
		visit(`"anonymous_id":"a1"`),
		visit(`"customer_id":"c2","anonymous_id":"a1"`),
		visit(`"email":"e@x.jp"`),
		visit(`"customer_id":"c1","anonymous_id":"a1"`),
	))
	if err != nil {
		t.Fatal(err)
	}
	c1, c2, e1 := hash(enishi.Customer, "c1"), hash(enishi.Customer, "c2"), hash(enishi.Email, "e@x.jp")
	var got []string
	name := map[enishi.ID]string{c1: "c1", c2: "c2", e1: "e1", hash(enishi.Anonymous, "a1"): "a1"}
	for _, e := range m.events(t) {
		got = append(got, fmt.Sprintf("%s of %s", name[e.Subject], name[e.Profile]))
		if e.Partition != e.Profile.Partition(testPartitions) || !e.Time.Equal(noon.Add(time.Minute)) || !e.At.Equal(noon) || len(e.Links) == 0 || e.Links[0] != e.Subject {
			t.Errorf("event %+v", e)
		}
	}
	want := []string{"a1 of c1", "c1 of c1", "a1 of c1", "c2 of c2", "e1 of e1", "c1 of c1"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
	for _, e := range m.events(t) {
		if ids := profileIdentifiers(e.Person); ids != len(e.Links) {
			t.Errorf("Person names %d identifiers, Links %d", ids, len(e.Links))
		}
		if e.Subject == c2 && (len(e.Links) != 1 || e.Person.AnonymousID != "") {
			t.Errorf("the browser of c1 stays with an event of c2: %+v", e.Person)
		}
	}
	if n := len(m.topics[enishi.TopicIdentities]); n != 2 {
		t.Errorf("%d links, want 2: one that joins, one that is refused", n)
	}
	if len(saved) != 1 || saved[0].Field != "order.order_id" || saved[0].Code != CodeMissing || saved[0].Partition != 0 || saved[0].Offset != 1 || saved[0].State != DeadWaiting {
		t.Errorf("dead letters %+v", saved)
	}
	var onTopic DeadLetter
	if dead := m.topics[enishi.TopicDead]; len(dead) != 1 || json.Unmarshal(dead[0].Value, &onTopic) != nil || !cmp.Equal(onTopic, saved[0]) {
		t.Errorf("topic dead: %+v", dead)
	}

	// Again: no new link, the same ids.
	before := m.events(t)
	if err := in.Batch(t.Context(), sources(visit(`"anonymous_id":"a1"`), visit(`"customer_id":"c1","anonymous_id":"a1"`))); err != nil {
		t.Fatal(err)
	}
	after := m.events(t)[len(before):]
	if len(after) != 2 || after[0].ID != before[0].ID || after[1].ID != before[1].ID || len(m.topics[enishi.TopicIdentities]) != 2 {
		t.Errorf("a repeat gives %+v and %d links", after, len(m.topics[enishi.TopicIdentities]))
	}
	if s := in.Stats(); s.Events != 8 || s.Dead != 1 || s.Links != 2 || s.Records != 9 || s.Identifiers != 3 {
		t.Errorf("stats %+v", s)
	}
}

func profileIdentifiers(p *enishi.Person) (n int) {
	for _, s := range []string{p.CustomerID, p.POSCard, p.LineUserID, p.Email, p.Phone, p.SocialID, p.PushToken, p.AnonymousID} {
		if s != "" {
			n++
		}
	}
	return n
}

// The order of one person's events is that of the source partition.
func TestBatchOrder(t *testing.T) {
	t.Parallel()
	m := newMemory()
	in := newTestIngester(t, m, nil)
	var recs []stream.Record
	for i := range 200 {
		recs = append(recs, stream.Record{Topic: enishi.TopicWeb, Offset: int64(i), Time: noon, Value: fmt.Appendf(nil, `{"type":"page.viewed","id":"e%03d","person":{"customer_id":"c%d"}}`, i, i%7)})
	}
	if err := in.Batch(t.Context(), recs); err != nil {
		t.Fatal(err)
	}
	next := map[enishi.ID]int{}
	byID := map[enishi.ID]int{}
	for i := range 200 {
		byID[enishi.EventID(fmt.Sprintf("e%03d", i))] = i
	}
	last := map[enishi.ID]int{}
	for _, e := range m.events(t) {
		i, ok := byID[e.ID]
		if n, seen := last[e.Profile]; !ok || seen && i <= n {
			t.Fatalf("event %d after %d", i, n)
		}
		last[e.Profile] = i
		next[e.Profile]++
	}
	if len(next) != 7 {
		t.Errorf("%d profiles", len(next))
	}
}

func TestBatchFailures(t *testing.T) {
	t.Parallel()
	m := newMemory()
	away := errors.New("away")
	var failSave error
	in := newTestIngester(t, m, func(c *Config) {
		c.SaveDead = func(context.Context, []DeadLetter) error { return failSave }
	})
	batch := sources(visit(`"customer_id":"c1","anonymous_id":"a1"`), `{}`)
	failSave = away
	if err := in.Batch(t.Context(), batch); !errors.Is(err, away) || len(m.topics) != 0 {
		t.Errorf("table away: %v, topics %v", err, len(m.topics))
	}
	failSave = nil
	m.fail = away
	if err := in.Batch(t.Context(), batch); !errors.Is(err, away) || len(m.topics[enishi.TopicEvents]) != 0 {
		t.Errorf("log away: %v", err)
	}
	if err := in.Batch(t.Context(), batch); err != nil || len(m.topics[enishi.TopicEvents]) != 1 || len(m.topics[enishi.TopicDead]) != 1 {
		t.Errorf("after it: %v", err)
	}
	// A link that is not read back in time fails the batch.
	m.follow = nil
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := in.Batch(ctx, sources(visit(`"customer_id":"c9","anonymous_id":"a9"`))); !errors.Is(err, context.Canceled) {
		t.Errorf("own link not read: %v", err)
	}
}

func TestBatchVirtualClock(t *testing.T) {
	t.Parallel()
	m := newMemory()
	clock := time.Date(2017, 1, 2, 3, 0, 0, 0, time.UTC)
	in := newTestIngester(t, m, func(c *Config) { c.Clock = func() (time.Time, bool) { return clock, true } })
	recs := sources(`{"type":"order.placed","occurred_at":"2017-01-02T03:04:05Z","order":{"order_id":"O1"},"person":{"customer_id":"c1"}}`, visit(`"customer_id":"c1"`))
	recs[0].Time = time.Date(2017, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := in.Batch(t.Context(), recs); err != nil {
		t.Fatal(err)
	}
	events := m.events(t)
	if e := events[0]; !e.Time.Equal(recs[0].Time) || e.Historical {
		t.Errorf("appended at %v, historical %v", e.Time, e.Historical)
	}
	if e := events[1]; !e.Time.Equal(clock) || !e.At.Equal(clock) || e.Historical {
		t.Errorf("a live visit was appended at %v", e.Time)
	}
}

// A producer whose clock is ahead does not write into the future.
func TestBatchProducerAhead(t *testing.T) {
	t.Parallel()
	m := newMemory()
	in := newTestIngester(t, m, nil)
	recs := sources(visit(`"customer_id":"c1"`), `{"type":"page.viewed","occurred_at":"2031-01-01T00:00:00Z","person":{"customer_id":"c1"}}`)
	recs[0].Time, recs[1].Time = noon.Add(time.Hour), noon.AddDate(1, 0, 0)
	if err := in.Batch(t.Context(), recs); err != nil {
		t.Fatal(err)
	}
	for _, e := range m.events(t) {
		if !e.At.Equal(noon.Add(time.Minute)) {
			t.Errorf("occurred at %v", e.At)
		}
	}
}

func TestBatchBlockedIdentifier(t *testing.T) {
	t.Parallel()
	m := newMemory()
	in := newTestIngester(t, m, nil)
	tablet := in.cfg.Hasher.Hash(enishi.Identifier{Kind: enishi.Anonymous, Value: "tablet"})
	settings, _ := json.Marshal(Guards{Blocked: []Blocked{{ID: tablet}}})
	guard := stream.Record{Topic: enishi.TopicIdentities, Partition: 0, Value: enishi.EncodeLink(nil, &enishi.Link{Op: opGuard, Guard: string(settings), Actor: "owner"})}
	if err := m.append(t.Context(), []stream.Record{guard}); err != nil {
		t.Fatal(err)
	}
	if err := in.Batch(t.Context(), sources(visit(`"customer_id":"c1","anonymous_id":"tablet"`), visit(`"anonymous_id":"tablet"`))); err != nil {
		t.Fatal(err)
	}
	if events := m.events(t); len(events) != 1 || len(events[0].Links) != 1 || events[0].Person.AnonymousID != "" {
		t.Errorf("events %+v", events)
	}
	if n := len(m.topics[enishi.TopicIdentities]); n != 1 {
		t.Errorf("%d records on identities, want the guard alone", n)
	}
	if s := in.Stats(); s.Dead != 1 || s.Ignored != 2 {
		t.Errorf("stats %+v", s)
	}
}

func TestCatalogueFills(t *testing.T) {
	t.Parallel()
	m := newMemory()
	in := newTestIngester(t, m, nil)
	products := []stream.Record{
		{Key: []byte("P1"), Value: []byte(`{"product_id":"P1","name":"化粧水","brand":"E","category":"skincare","price":"1980","currency":"JPY","sku":"P1-S"}`)},
		{Key: []byte("P2"), Value: []byte(`{"product_id":"P2","name":"gone"}`)},
		{Key: []byte("P2")},
		{Key: []byte("S1"), Value: []byte(`{"type":"store","store_id":"S1"}`)},
		{Key: []byte("x"), Value: []byte(`not json`)},
	}
	if err := in.foldCatalogue(t.Context(), products, 5); err != nil {
		t.Fatal(err)
	}
	const who = `"person":{"customer_id":"c1"}`
	if err := in.Batch(t.Context(), sources(
		`{"type":"product.viewed","web":{"product":{"product_id":"P1","name":"own"}},`+who+`}`,
		`{"type":"order.placed","order":{"order_id":"1","lines":[{"product_id":"P1"},{"product_id":"P2"}]},`+who+`}`,
		`{"type":"order.placed","order":{"order_id":"2","lines":[{"product_id":"P1"},{"product_id":"P3","price":"10"}]},`+who+`}`,
		`{"type":"cart.updated","web":{"currency":"USD","lines":[{"product_id":"P1"}]},`+who+`}`,
	)); err != nil {
		t.Fatal(err)
	}
	events := m.events(t)
	if q := events[0].Web.Product; q.Name != "own" || q.Category != "skincare" || q.Price != 1980*enishi.Unit || q.Currency != "JPY" {
		t.Errorf("product %+v", q)
	}
	if l := events[1].Order.Lines; l[0].Price != 1980*enishi.Unit || l[0].SKU != "P1-S" || l[1].Name != "" {
		t.Errorf("lines without prices %+v", l)
	}
	if l := events[2].Order.Lines; l[0].Price != 0 || l[0].Brand != "E" {
		t.Errorf("a gift among priced lines %+v", l)
	}
	if l := events[3].Web.Lines; l[0].Price != 0 || l[0].Category != "skincare" {
		t.Errorf("another currency %+v", l)
	}
}

func TestDeadLetterReplay(t *testing.T) {
	t.Parallel()
	m := newMemory()
	rows := map[enishi.ID]DeadLetter{}
	save := func(_ context.Context, l []DeadLetter) error {
		for _, x := range l {
			if x.Version > rows[x.ID].Version {
				rows[x.ID] = x
			}
		}
		return nil
	}
	in := newTestIngester(t, m, func(c *Config) { c.SaveDead = save })
	bad := sources(`{"type":"order.placed","order":{"order_id":"O1","total":"1,980"},"person":{"customer_id":"c1"}}`)
	if err := in.Batch(t.Context(), bad); err != nil {
		t.Fatal(err)
	}
	var letter DeadLetter
	for _, letter = range rows {
	}
	d, err := NewDeadLetters(DeadConfig{Append: m.append, Save: save, Parser: in.Parser(), Now: func() time.Time { return noon.Add(48 * time.Hour) },
		Load: func(_ context.Context, id enishi.ID) (DeadLetter, error) {
			if l, ok := rows[id]; ok {
				return l, nil
			}
			return DeadLetter{}, enishi.Errorf(enishi.NotFound, "no such dead letter")
		}})
	if err != nil {
		t.Fatal(err)
	}
	var refusal *Refusal
	if err := d.Replay(t.Context(), letter.ID, []byte(`{"type":"order.placed","order":{"order_id":"O1","total":"-1"},"person":{"customer_id":"c1"}}`), "anna"); !errors.As(err, &refusal) || refusal.Field != "order.total" {
		t.Errorf("still wrong: %v", err)
	}
	if err := d.Replay(t.Context(), letter.ID, []byte(`[]`), "anna"); !errors.As(err, &refusal) {
		t.Errorf("a list: %v", err)
	}
	if err := d.Replay(t.Context(), enishi.ID{1}, nil, "anna"); enishi.ErrorCode(err) != enishi.NotFound {
		t.Errorf("unknown letter: %v", err)
	}
	if len(m.topics[enishi.TopicWeb]) != 0 {
		t.Fatal("a refused text was appended")
	}
	fixed := []byte(`{"type":"order.placed","order":{"order_id":"O1","total":"1980"},"person":{"customer_id":"c1"}}`)
	for range 2 {
		if err := d.Replay(t.Context(), letter.ID, fixed, "anna"); err != nil {
			t.Fatal(err)
		}
	}
	again := m.topics[enishi.TopicWeb]
	if len(again) != 2 || string(again[0].Key) != "customer:c1" {
		t.Fatalf("on the source topic: %+v", again)
	}
	if err := in.Batch(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	for _, e := range m.events(t) {
		if e.ID != enishi.NewID("record", bad[0].Topic, "0", "0") || !e.At.Equal(noon) || e.Order.Total != 1980*enishi.Unit {
			t.Errorf("replayed as %+v", e)
		}
	}
	if l := rows[letter.ID]; l.State != DeadReplayed || l.Actor != "anna" || l.Version < 2 {
		t.Errorf("row %+v", l)
	}
	// The source record comes again after a crash: the letter stays replayed.
	if err := in.Batch(t.Context(), bad); err != nil || rows[letter.ID].State != DeadReplayed {
		t.Errorf("after a repeat: %v %+v", err, rows[letter.ID])
	}
	if err := d.Discard(t.Context(), letter.ID, "anna"); err != nil || rows[letter.ID].State != DeadDiscarded {
		t.Errorf("discard: %v", err)
	}
	if err := d.Replay(t.Context(), letter.ID, fixed, "anna"); enishi.ErrorCode(err) != enishi.Conflict {
		t.Errorf("replay of a discarded letter: %v", err)
	}
}
