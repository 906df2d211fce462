package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"enishi"
	"enishi/internal/embedded"
	"enishi/internal/stream"
)

// brokerAddr is the broker that the tests share; each has a topic prefix of its own.
var brokerAddr string

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "enishi-ingest")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	broker, err := embedded.OpenBroker(embedded.BrokerConfig{Dir: dir})
	if err != nil {
		panic(err)
	}
	defer broker.Close()
	brokerAddr = broker.Addr()
	return m.Run()
}

var prefixes atomic.Int32

func openTestStream(t testing.TB, prefix string) *stream.Client {
	t.Helper()
	topics := []stream.TopicSpec{{Name: enishi.TopicCatalogue, Partitions: 1}, {Name: enishi.TopicIdentities, Partitions: 1}, {Name: enishi.TopicDead, Partitions: 1}, {Name: enishi.TopicEvents}}
	for _, name := range enishi.SourceTopics() {
		topics = append(topics, stream.TopicSpec{Name: name})
	}
	c, err := stream.Open(t.Context(), stream.Config{Brokers: []string{brokerAddr}, Prefix: prefix, Topics: topics, Partitions: testPartitions, SessionTimeout: 1500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// start runs an ingester until the returned func is called.
func start(t testing.TB, c *stream.Client) (*Ingester, func()) {
	t.Helper()
	in, err := New(Config{Stream: c, Hasher: enishi.NewHasher([]byte("0123456789abcdef0123456789abcdef"))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return in, stop
}

// eventually polls until it holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute) // a moment on a machine at rest
	for tick := time.NewTicker(5 * time.Millisecond); time.Now().Before(deadline); <-tick.C {
		if holds() {
			tick.Stop()
			return
		}
	}
	t.Fatalf("waited in vain until %s", what)
}

// readAll reads a topic from its start to its present ends.
func readAll(t testing.TB, c *stream.Client, topic string) []stream.Record {
	t.Helper()
	ends, err := c.Ends(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	var out []stream.Record
	for p, end := range ends {
		ctx, cancel := context.WithCancel(t.Context())
		if err := c.Follow(ctx, topic, p, 0, func(_ context.Context, recs []stream.Record, _ int64) error {
			out = append(out, recs...)
			if end == 0 || len(recs) > 0 && recs[len(recs)-1].Offset >= end-1 {
				cancel()
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		cancel()
	}
	return out
}

// From HTTP to the topic events on a real broker, with two replicas and a restart.
func TestRun(t *testing.T) {
	t.Parallel()
	prefix := fmt.Sprintf("run%d-", prefixes.Add(1))
	c := openTestStream(t, prefix)
	one, stopOne := start(t, c)
	collector, err := NewCollector(CollectorConfig{Append: c.Append, Parser: one.Parser(), Keys: func(k string) (string, bool) { return "shop", k == testKey }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go collector.Run(ctx)
	server := httptest.NewServer(collector)
	defer server.Close()

	const people, each = 50, 4
	send := func(round int) Position {
		t.Helper()
		all := Position{}
		for i := range people {
			body := fmt.Sprintf(`{"batch":[{"type":"page","anonymousId":"a%d","messageId":"%d-%d-1"},{"type":"identify","userId":"c%d","anonymousId":"a%d","messageId":"%d-%d-2"},
				{"type":"track","event":"Order Completed","userId":"c%d","messageId":"%d-%d-3","properties":{"order_id":"O-%d-%d","total":100}},{"type":"page","anonymousId":"a%d","messageId":"%d-%d-4"}]}`,
				i, round, i, i, i, round, i, i, round, i, round, i, i, round, i)
			r, err := http.NewRequest(http.MethodPost, server.URL+"/v1/batch", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.SetBasicAuth(testKey, "")
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(res.Body)
			res.Body.Close()
			var a Answer
			if res.StatusCode != 202 || json.Unmarshal(b, &a) != nil || a.Accepted != each {
				t.Fatalf("%d %s", res.StatusCode, b)
			}
			p, err := ParsePosition(a.Position)
			if err != nil {
				t.Fatal(err)
			}
			for at, next := range p {
				all[at] = max(all[at], next)
			}
		}
		return all
	}
	passed := func(p Position, ins ...*Ingester) func() bool {
		return func() bool {
			for at, next := range p {
				ok := false
				for _, in := range ins {
					ok = ok || in.Passed()[at] >= next
				}
				if !ok {
					return false
				}
			}
			return true
		}
	}
	eventually(t, "the first round is ingested", passed(send(1), one))
	two, stopTwo := start(t, openTestStream(t, prefix))
	eventually(t, "both replicas ingest", func() bool {
		eventually(t, "a round is ingested", passed(send(2), one, two))
		return two.Stats().Records > 0
	})
	stopOne()
	eventually(t, "the other takes over", passed(send(3), two))
	if one.Graph().Next() > two.Graph().Next() {
		t.Errorf("the replicas folded %d and %d links", one.Graph().Next(), two.Graph().Next())
	}
	stopTwo()
	three, stopThree := start(t, c) // reads the links from the topic's start
	eventually(t, "a third starts", passed(send(4), three))
	stopThree()

	profiles, ids := map[enishi.ID]bool{}, map[enishi.ID]bool{}
	for _, r := range readAll(t, c, enishi.TopicEvents) {
		var e enishi.Event
		if err := enishi.DecodeEvent(&e, r.Value); err != nil {
			t.Fatal(err)
		}
		copy(e.Profile[:], r.Key)
		if e.Profile.Partition(testPartitions) != r.Partition {
			t.Fatalf("profile %s stands in partition %d", e.Profile, r.Partition)
		}
		ids[e.ID] = true
		for e.Profile != three.Graph().Resolve(e.Profile) { // events before the link stand under the browser's id
			e.Profile = three.Graph().Resolve(e.Profile)
		}
		profiles[e.Profile] = true
	}
	for round := 1; round <= 4; round++ {
		for i := range people {
			for n := 1; n <= each; n++ {
				if id := enishi.EventID(fmt.Sprintf("%d-%d-%d", round, i, n)); !ids[id] {
					t.Fatalf("event %d of person %d in round %d is not on events", n, i, round)
				}
			}
		}
	}
	if len(profiles) != people {
		t.Errorf("%d profiles for %d people", len(profiles), people)
	}
	if n := len(readAll(t, c, enishi.TopicDead)); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}
