package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

func TestAppendReadBack(t *testing.T) {
	t.Parallel()
	c := testClient(t, TopicSpec{Name: "a", Partitions: 4}, TopicSpec{Name: "b", Partitions: 1})
	at := time.Date(2026, 3, 1, 9, 30, 0, 123_456_789, time.FixedZone("JST", 9*3600))
	var recs []Record
	for i := range 3000 {
		r := Record{Topic: "a", Partition: -1, Key: fmt.Appendf(nil, "key %d", i%100), Value: fmt.Appendf(nil, "value %d", i), Time: at.Add(time.Duration(i%7-3) * time.Second)}
		if i%3 == 0 {
			r.Topic = "b"
		}
		recs = append(recs, r)
	}
	recs = append(recs,
		Record{Topic: "a", Partition: 3, Key: nil, Value: []byte{}, Time: at},
		Record{Topic: "a", Partition: 3, Key: []byte{}, Value: nil, Time: time.UnixMilli(0)})
	mustAppend(t, c, recs[:1000])
	mustAppend(t, c, recs[1000:])

	byPart := map[Partition][]Record{}
	for _, r := range recs {
		p := Partition{r.Topic, r.Partition}
		if r.Key != nil && len(r.Key) > 0 && r.Partition != PartitionFor(r.Key, c.Partitions(r.Topic)) {
			t.Fatalf("key %s went to partition %d", r.Key, r.Partition)
		}
		if r.Offset != int64(len(byPart[p])) {
			t.Fatalf("%s: offset %d after %d records", p, r.Offset, len(byPart[p]))
		}
		byPart[p] = append(byPart[p], r)
	}
	for p, want := range byPart {
		from := int64(min(5, len(want)-1))
		got := collect(t, c, p.Topic, p.Partition, from, len(want)-int(from))
		for i, w := range want[from:] {
			g := got[i]
			if g.Topic != w.Topic || g.Partition != w.Partition || g.Offset != w.Offset || !g.Time.Equal(w.Time) ||
				!bytes.Equal(g.Key, w.Key) || !bytes.Equal(g.Value, w.Value) || (g.Key == nil) != (w.Key == nil) || (g.Value == nil) != (w.Value == nil) {
				t.Fatalf("%s: got %+v, want %+v", p, g, w)
			}
		}
	}
	last := byPart[Partition{"a", 0}][0].Time
	if last.Location() != time.UTC || last.Nanosecond()%1e6 != 0 {
		t.Errorf("time was not cut to UTC milliseconds: %v", last)
	}
	ends, err := c.Ends(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	for p, end := range ends {
		if end != int64(len(byPart[Partition{"a", p}])) {
			t.Errorf("end of a/%d is %d", p, end)
		}
	}
	firsts, err := c.Firsts(t.Context(), "b")
	if err != nil || len(firsts) != 1 || firsts[0] != 0 {
		t.Errorf("firsts of b: %v %v", firsts, err)
	}
}

func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	c := testClient(t, TopicSpec{Name: "t", Partitions: 2})
	f := func(name, says string, recs ...Record) error {
		t.Helper()
		err := c.Append(t.Context(), recs)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
		return err
	}
	ok := Record{Topic: "t", Partition: 0, Value: []byte("v")}
	f("topic", `topic "x" is not among`, ok, Record{Topic: "x"})
	f("partition", "no partition 2", ok, Record{Topic: "t", Partition: 2})
	err := f("size", "record 1 is too large", ok, Record{Topic: "t", Value: make([]byte, maxBatchBytes)})
	var large *TooLargeError
	if !errors.As(err, &large) || large.Index != 1 {
		t.Errorf("%#v", err)
	}
	if ends, err := c.Ends(t.Context(), "t"); err != nil || ends[0]+ends[1] != 0 {
		t.Errorf("something was written: %v %v", ends, err)
	}
	// The largest that fits, and many batches of one call in order.
	big := make([]Record, 5)
	for i := range big {
		big[i] = Record{Topic: "t", Partition: 1, Value: bytes.Repeat([]byte{byte('a' + i)}, maxBatchBytes-batchHeader-recordOverhead)}
	}
	mustAppend(t, c, big)
	for i, r := range collect(t, c, "t", 1, 0, 5) {
		if r.Value[0] != byte('a'+i) || big[i].Offset != int64(i) {
			t.Errorf("record %d: %c at %d", i, r.Value[0], big[i].Offset)
		}
	}
}

// A broker with a smaller limit of its own gets smaller batches, and a record that it will never take is returned.
func TestAppendSplitsForTheBroker(t *testing.T) {
	t.Parallel()
	c := testClient(t, TopicSpec{Name: "t", Partitions: 1})
	res, err := c.kafka.IncrementalAlterConfigs(t.Context(), &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: c.cfg.Prefix + "t",
		Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: "max.message.bytes", Value: "2000"}},
	}}})
	if err != nil || res.Resources[0].Error != nil {
		t.Fatal(err, res)
	}
	recs := make([]Record, 20)
	for i := range recs {
		recs[i] = Record{Topic: "t", Value: bytes.Repeat([]byte{byte('a' + i)}, 300)}
	}
	mustAppend(t, c, recs)
	for i, r := range collect(t, c, "t", 0, 0, 20) {
		if r.Value[0] != byte('a'+i) || recs[i].Offset != int64(i) {
			t.Errorf("record %d: %c at %d", i, r.Value[0], recs[i].Offset)
		}
	}
	var large *TooLargeError
	if err := c.Append(t.Context(), []Record{{Topic: "t", Value: []byte("fits")}, {Topic: "t", Value: make([]byte, 3000)}}); !errors.As(err, &large) || large.Index != 1 {
		t.Errorf("a record over the broker's limit: %v", err)
	}
}

func TestAppendEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broker := startBroker(t, dir, "127.0.0.1:0")
	c := openClient(t, Config{Brokers: []string{broker.addr}, Topics: []TopicSpec{{Name: "t", Partitions: 1}}})
	broker.kill()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	recs := records("t", 0, 3)
	err := c.Append(ctx, recs)
	if !errors.Is(err, context.DeadlineExceeded) || recs[0].Offset != -1 || !strings.Contains(err.Error(), "3 of 3 records not acknowledged") {
		t.Errorf("append without a broker: %v, offset %d", err, recs[0].Offset)
	}
	closed := make(chan error)
	go func() { closed <- c.Append(context.Background(), recs) }()
	c.Close()
	if err := <-closed; !errors.Is(err, ErrClosed) {
		t.Errorf("append on a closed client: %v", err)
	}
}

func TestOpenRefusesAnotherPartitionCount(t *testing.T) {
	t.Parallel()
	c := testClient(t, TopicSpec{Name: "t", Partitions: 4})
	_, err := Open(t.Context(), Config{Brokers: []string{brokerAddr}, Prefix: c.cfg.Prefix, Partitions: 8, Topics: []TopicSpec{{Name: "t"}}})
	var count *PartitionCountError
	if !errors.As(err, &count) || count.Have != 4 || count.Want != 8 || count.Topic != c.cfg.Prefix+"t" {
		t.Errorf("got %v", err)
	}
	again := openClient(t, Config{Brokers: []string{brokerAddr}, Prefix: c.cfg.Prefix, Partitions: 4, Topics: []TopicSpec{{Name: "t"}, {Name: "new", Retention: time.Hour}}})
	if again.Partitions("t") != 4 || again.Partitions("new") != 4 || again.Partitions("none") != 0 {
		t.Error("partition counts")
	}
}

func TestOpenWaitsForTheBroker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broker := startBroker(t, dir, "127.0.0.1:0")
	broker.kill()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	cfg := Config{Brokers: []string{broker.addr}, Topics: []TopicSpec{{Name: "t"}}}
	if _, err := Open(ctx, cfg); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("open without a broker: %v", err)
	}
	opened := make(chan error)
	go func() {
		c, err := Open(t.Context(), cfg)
		if err == nil {
			defer c.Close()
			err = c.Append(t.Context(), records("t", 0, 10))
		}
		opened <- err
	}()
	startBroker(t, dir, broker.addr)
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broker := startBroker(t, dir, "127.0.0.1:0")
	c := openClient(t, Config{Brokers: []string{broker.addr}, Topics: []TopicSpec{{Name: "t", Partitions: 1}}})
	mustAppend(t, c, records("t", 0, 100))
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan string, 1000)
	done := make(chan error, 1)
	go func() {
		done <- c.Follow(ctx, "t", 0, 90, func(_ context.Context, recs []Record, end int64) error {
			if len(recs) == 0 {
				got <- fmt.Sprint("caught up at ", end)
			}
			for _, r := range recs {
				got <- fmt.Sprintf("%d=%s", r.Offset, r.Value)
			}
			return nil
		})
	}()
	expect := func(what string) {
		t.Helper()
		select {
		case g := <-got:
			if g != what {
				t.Fatalf("got %s, want %s", g, what)
			}
		case <-time.After(time.Minute):
			t.Fatalf("nothing came, want %s", what)
		}
	}
	for i := 90; i < 100; i++ {
		expect(fmt.Sprintf("%d=%d", i, i))
	}
	expect("caught up at 100")
	mustAppend(t, c, records("t", 100, 1))
	expect("100=100")
	broker.kill()
	startBroker(t, dir, broker.addr)
	mustAppend(t, c, records("t", 101, 1))
	expect("101=101")
	cancel()
	if err := <-done; err != nil {
		t.Errorf("follow after its context: %v", err)
	}
	if err := c.Follow(t.Context(), "t", 0, 0, func(context.Context, []Record, int64) error { return io.EOF }); !errors.Is(err, io.EOF) {
		t.Errorf("an error of fn: %v", err)
	}
	if err := c.Follow(t.Context(), "t", 0, 500, func(context.Context, []Record, int64) error { return nil }); !errors.Is(err, ErrReplaced) {
		t.Errorf("from beyond the end: %v", err)
	}
	if err := c.Follow(t.Context(), "t", 1, 0, func(context.Context, []Record, int64) error { return nil }); err == nil {
		t.Error("a partition that is not there was followed")
	}
}

// Who comes late begins with what is still there.
func TestReadTrimmed(t *testing.T) {
	t.Parallel()
	if broker == nil {
		t.Skip("kafka-go cannot delete records on a broker that is not ours")
	}
	c := testClient(t, TopicSpec{Name: "t", Partitions: 1})
	for i := range 10 {
		mustAppend(t, c, records("t", i, 1))
	}
	if err := broker.Trim(t.Context(), c.cfg.Prefix+"t", 0, 6); err != nil {
		t.Fatal(err)
	}
	for _, from := range []int64{-1, 0, 3, 6, 8} {
		if got := collect(t, c, "t", 0, from, 1); got[0].Offset != max(from, 6) {
			t.Errorf("follow from %d begins with %d", from, got[0].Offset)
		}
	}
	y := newTally()
	stop := run(t, c, y.member("one", "g", "t"))
	until(t, "the group reads what is left", func() bool { return y.records() == 4 })
	stop()
	if firsts, err := c.Firsts(t.Context(), "t"); err != nil || firsts[0] != 6 {
		t.Errorf("firsts: %v %v", firsts, err)
	}
}

func TestPartitionForIsJavas(t *testing.T) {
	// From Kafka's UtilsTest.testMurmur2.
	for key, hash := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107,
	} {
		if got := int32(murmur2([]byte(key))); got != hash {
			t.Errorf("%s: %d, want %d", key, got, hash)
		}
	}
	java := kafka.Murmur2Balancer{Consistent: true}
	for i := range 1000 {
		key := bytes.Repeat([]byte{byte(i), byte(i >> 4)}, i%9)[:i%9]
		if got, want := PartitionFor(key, 6), java.Balance(kafka.Message{Key: key}, 0, 1, 2, 3, 4, 5); got != want {
			t.Fatalf("key %x: %d, want %d", key, got, want)
		}
	}
}
