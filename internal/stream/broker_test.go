package stream

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"enishi/internal/embedded"
)

// A living client sees its broker killed again and again: what was acknowledged is there, and work goes on.
func TestBrokerKilledUnderClients(t *testing.T) {
	t.Parallel()
	const kills, writers, parts = 3, 4, 4
	dir := t.TempDir()
	broker := startBroker(t, dir, "127.0.0.1:0")
	c := openClient(t, Config{Brokers: []string{broker.addr}, Topics: []TopicSpec{{Name: "t", Partitions: parts}}})
	y := newTally()
	stop := run(t, c, y.member("one", "g", "t"))

	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var mu sync.Mutex
	acked := map[string]bool{} // topic/partition offset=value, as in the tally
	wrote := 0
	for w := range writers {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n += 20 {
				recs := records("t", w*1_000_000+n, 20)
				if err := c.Append(t.Context(), recs); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, r := range recs {
					acked[fmt.Sprintf("%s %d=%s", Partition{"t", r.Partition}, r.Offset, r.Value)] = true
				}
				wrote++
				mu.Unlock()
			}
		})
	}
	appends := func() int { mu.Lock(); defer mu.Unlock(); return wrote }
	var slowest time.Duration
	for range kills {
		was := appends()
		until(t, "appends go through", func() bool { return appends() > was+100 })
		broker.kill()
		again := startBroker(t, dir, broker.addr)
		up := time.Now()
		was = appends()
		until(t, "appends go through after a kill", func() bool { return appends() > was+writers })
		slowest = max(slowest, time.Since(up))
		broker = again
	}
	cancel()
	wg.Wait()
	missing := func() (n int) {
		y.mu.Lock()
		defer y.mu.Unlock()
		for r := range acked {
			if y.seen[r] == 0 {
				n++
			}
		}
		return n
	}
	until(t, "the group has seen everything that was acknowledged", func() bool { return missing() == 0 })
	stop()
	ends, err := c.Ends(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	inLog := 0
	for p, end := range ends {
		for i, r := range collect(t, c, "t", p, 0, int(end)) {
			if r.Offset != int64(i) {
				t.Fatalf("t/%d: offset %d stands at %d", p, r.Offset, i)
			}
			delete(acked, fmt.Sprintf("%s %d=%s", Partition{"t", p}, r.Offset, r.Value))
			inLog++
		}
	}
	if len(acked) > 0 {
		t.Errorf("%d acknowledged records are not in the log", len(acked))
	}
	if len(y.order) > 0 {
		t.Errorf("out of order: %v", y.order[:min(5, len(y.order))])
	}
	t.Logf("%d appends of 20, %d records in the log, resumed at the latest %v after the broker was back", wrote, inLog, slowest)
}

// The end of a log is lost. Offsets go on after it, and so does the group that had committed there.
func TestConsumeAfterLoss(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var alerts []string
	open := func(listen string) *embedded.Broker {
		b, err := embedded.OpenBroker(embedded.BrokerConfig{Dir: dir, Listen: listen, Alert: func(kind, _ string) { alerts = append(alerts, kind) }})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	broker := open("127.0.0.1:0")
	addr := broker.Addr()
	c := openClient(t, Config{Brokers: []string{addr}, Topics: []TopicSpec{{Name: "t", Partitions: 1}}})
	for i := range 10 {
		mustAppend(t, c, records("t", i, 1)) // a batch each
	}
	y := newTally()
	stop := run(t, c, y.member("one", "g", "t"))
	until(t, "ten records", func() bool { return y.records() == 10 })
	stop()
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	segment := filepath.Join(dir, "partitions", "t-0", "0.dat")
	info, err := os.Stat(segment)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(segment, info.Size()/2); err != nil {
		t.Fatal(err)
	}
	broker = open(addr)
	defer func() { broker.Close() }()
	if fmt.Sprint(alerts) != "[log_padded]" {
		t.Errorf("alerts: %v", alerts)
	}
	more := records("t", 10, 5)
	mustAppend(t, c, more)
	if more[0].Offset != 10 {
		t.Errorf("offsets went back: %d", more[0].Offset)
	}
	defer run(t, c, y.member("one", "g", "t"))()
	until(t, "the group goes on", func() bool { return y.records() == 15 })
	left := collect(t, c, "t", 0, 0, 10)
	if left[4].Offset != 4 || left[5].Offset != 10 {
		t.Errorf("the log after the loss: %v, %v", left[4].Offset, left[5].Offset)
	}
}
