package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// tally is what the members of a group saw, together.
type tally struct {
	mu     sync.Mutex
	seen   map[string]int // topic/partition/offset: how often
	order  []string       // faults
	last   map[string]int64
	owners map[string][]Partition // by member, since the last Gained
	moves  int                    // partitions that changed hands
	lastBy map[Partition]string
}

func newTally() *tally {
	return &tally{seen: map[string]int{}, last: map[string]int64{}, owners: map[string][]Partition{}, lastBy: map[Partition]string{}}
}

func (y *tally) records() int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return len(y.seen)
}

// shares is how many partitions each member owns, sorted.
func (y *tally) shares() (n []int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, parts := range y.owners {
		n = append(n, len(parts))
	}
	slices.Sort(n)
	return n
}

// member is a Consumer that counts, commits each batch, and checks the order of calls and records.
func (y *tally) member(name, group string, topics ...string) Consumer {
	own := false
	return Consumer{
		Group: group, Topics: topics,
		Gained: func(_ context.Context, g *Generation, parts []Partition) (map[Partition]int64, error) {
			y.mu.Lock()
			defer y.mu.Unlock()
			if own {
				y.order = append(y.order, name+": Gained twice")
			}
			own = true
			y.owners[name] = parts
			for _, p := range parts {
				if by := y.lastBy[p]; by != "" && by != name {
					y.moves++
				}
				y.lastBy[p] = name
				delete(y.last, name+p.String())
			}
			return nil, nil
		},
		Batch: func(ctx context.Context, g *Generation, recs []Record) error {
			next := map[Partition]int64{}
			y.mu.Lock()
			for _, r := range recs {
				p := Partition{r.Topic, r.Partition}
				if last, ok := y.last[name+p.String()]; !own || ok && r.Offset != last+1 {
					y.order = append(y.order, fmt.Sprintf("%s: %s %d after %d, owner %v", name, p, r.Offset, last, own))
				}
				y.last[name+p.String()] = r.Offset
				y.seen[fmt.Sprintf("%s %d=%s", p, r.Offset, r.Value)]++
				next[p] = r.Offset + 1
			}
			y.mu.Unlock()
			for p, offset := range next {
				if at, ok := g.Position(p); !ok || at != offset {
					y.order = append(y.order, fmt.Sprintf("position of %s is %d, not %d", p, at, offset))
				}
			}
			if err := g.Commit(ctx, next); err != nil && !errors.Is(err, ErrNotOwner) && ctx.Err() == nil {
				return err
			}
			return nil
		},
		Lost: func(parts []Partition) {
			y.mu.Lock()
			defer y.mu.Unlock()
			own = false
			delete(y.owners, name)
		},
	}
}

// run consumes in the background; the func it returns stops it.
func run(t testing.TB, c *Client, k Consumer) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Consume(ctx, k) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("consume: %v", err)
		}
	})
}

func TestConsumeRebalance(t *testing.T) {
	t.Parallel()
	c := testClient(t, TopicSpec{Name: "t", Partitions: 6}, TopicSpec{Name: "u", Partitions: 6})
	y := newTally()
	produced := make(chan int)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { // a stream that goes on through all of it
		n := 0
		for ; ctx.Err() == nil; n += 40 {
			recs := records("t", n, 40)
			for i := range recs[:20] {
				recs[i].Topic = "u"
			}
			if c.Append(t.Context(), recs) != nil {
				break
			}
		}
		produced <- n
	}()
	one := run(t, c, y.member("one", "g", "t", "u"))
	until(t, "one member owns all", func() bool { return slices.Equal(y.shares(), []int{12}) })
	two := run(t, c, y.member("two", "g", "t", "u"))
	until(t, "two members", func() bool { return slices.Equal(y.shares(), []int{6, 6}) })
	if y.moves != 6 {
		t.Errorf("%d partitions moved to the second member, 6 are enough", y.moves)
	}
	three := run(t, c, y.member("three", "g", "t", "u"))
	until(t, "three members", func() bool { return slices.Equal(y.shares(), []int{4, 4, 4}) })
	if y.moves != 10 {
		t.Errorf("%d partitions moved to the third member, 4 are enough", y.moves-6)
	}
	one()
	until(t, "two members are left", func() bool { return slices.Equal(y.shares(), []int{6, 6}) })
	seen := y.records()
	until(t, "they go on", func() bool { return y.records() > seen+500 })
	cancel()
	n := <-produced
	until(t, fmt.Sprintf("all of %d records seen, have %d", n, y.records()), func() bool { return y.records() == n })
	two()
	three()
	again := 0
	for _, times := range y.seen {
		again += times - 1
	}
	t.Logf("%d records, %d of them again", n, again)
	if len(y.order) > 0 {
		t.Errorf("out of order: %s", strings.Join(y.order[:min(5, len(y.order))], "; "))
	}
}

// A member that was stopped beyond its session has lost its partition, whatever it believes.
func TestConsumeZombie(t *testing.T) {
	t.Parallel()
	c := testClient(t, TopicSpec{Name: "t", Partitions: 1})
	mustAppend(t, c, records("t", 0, 10))
	zombie := start(t, "consumer", "BROKER="+brokerAddr, "PREFIX="+c.cfg.Prefix)
	if got := zombie.line(t); got != "took 0 true" {
		t.Fatalf("the child says %q", got)
	}
	zombie.Process.Signal(syscall.SIGSTOP)
	y := newTally()
	stop := run(t, c, y.member("live", "g", "t"))
	until(t, "the partition changes hands", func() bool { return y.records() == 10 })
	zombie.Process.Signal(syscall.SIGCONT)
	fmt.Fprintln(zombie.in)
	got := zombie.line(t)
	if !strings.HasPrefix(got, "valid false commit") || strings.HasSuffix(got, "<nil>") {
		t.Errorf("the zombie says %q", got)
	}
	t.Log(got)
	stop()
	res, err := c.kafka.OffsetFetch(t.Context(), &kafka.OffsetFetchRequest{GroupID: c.cfg.Prefix + "g", Topics: map[string][]int{c.cfg.Prefix + "t": {0}}})
	if err != nil || res.Topics[c.cfg.Prefix+"t"][0].CommittedOffset != 10 {
		t.Errorf("the commit of the live member: %+v %v", res, err)
	}
}

func TestCommitRefused(t *testing.T) {
	t.Parallel()
	c := testClient(t, TopicSpec{Name: "t", Partitions: 2})
	gens := make(chan *Generation, 10)
	member := func() Consumer {
		return Consumer{Group: "g", Topics: []string{"t"}, Batch: func(context.Context, *Generation, []Record) error { return nil },
			Gained: func(_ context.Context, g *Generation, parts []Partition) (map[Partition]int64, error) {
				gens <- g
				return nil, nil
			}}
	}
	stop := run(t, c, member())
	old := <-gens
	if !old.Valid() || len(old.Owned()) != 2 {
		t.Errorf("a new generation: valid %v, owns %v", old.Valid(), old.Owned())
	}
	if err := old.Commit(t.Context(), map[Partition]int64{{"t", 0}: 0}); err != nil {
		t.Errorf("commit of the owner: %v", err)
	}
	if err := old.Commit(t.Context(), map[Partition]int64{{"t", 7}: 1}); !errors.Is(err, ErrNotOwner) {
		t.Errorf("commit of a partition that is not owned: %v", err)
	}
	defer run(t, c, member())()
	<-gens
	<-gens
	if old.Valid() {
		t.Error("the old generation is still valid")
	}
	if err := old.Commit(t.Context(), map[Partition]int64{{"t", 0}: 1}); !errors.Is(err, ErrNotOwner) {
		t.Errorf("commit of an old generation: %v", err)
	}
	res, err := c.kafka.OffsetCommit(t.Context(), &kafka.OffsetCommitRequest{GroupID: old.gen.GroupID, GenerationID: int(old.gen.ID), MemberID: old.gen.MemberID,
		Topics: map[string][]kafka.OffsetCommit{c.cfg.Prefix + "t": {{Partition: 0, Offset: 1}}}})
	if err != nil || !isStranger(res.Topics[c.cfg.Prefix+"t"][0].Error) {
		t.Errorf("the broker took the commit of an old generation: %+v %v", res, err)
	}
	stop()
}

// The life of ownership, and where reading starts.
func TestConsumeErrorsAndStart(t *testing.T) {
	t.Parallel()
	c := testClient(t, TopicSpec{Name: "t", Partitions: 1})
	mustAppend(t, c, records("t", 0, 10))
	p := Partition{"t", 0}
	var log []string
	gained, batches := 0, 0
	err := c.Consume(t.Context(), Consumer{
		Group: "g", Topics: []string{"t"},
		Gained: func(_ context.Context, g *Generation, parts []Partition) (map[Partition]int64, error) {
			log = append(log, fmt.Sprint("gained ", parts))
			switch gained++; gained {
			case 1:
				return nil, io.ErrUnexpectedEOF
			case 2:
				return map[Partition]int64{p: 4}, nil
			}
			return nil, nil // the commit
		},
		Batch: func(ctx context.Context, g *Generation, recs []Record) error {
			log = append(log, fmt.Sprintf("batch %d-%d", recs[0].Offset, recs[len(recs)-1].Offset))
			switch batches++; batches {
			case 1:
				if err := g.Commit(ctx, map[Partition]int64{p: 7}); err != nil {
					t.Error(err)
				}
				return errors.New("failed after its commit")
			case 2:
				return errors.New("failed again")
			}
			return Fatal(io.ErrNoProgress)
		},
		Lost: func(parts []Partition) { log = append(log, fmt.Sprint("lost ", parts)) },
	})
	if !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a fatal error: %v", err)
	}
	want := "gained [t/0], lost [t/0], gained [t/0], batch 4-9, lost [t/0], gained [t/0], batch 7-9, lost [t/0], gained [t/0], batch 7-9, lost [t/0]"
	if got := strings.Join(log, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	err = c.Consume(t.Context(), Consumer{Group: "g", Topics: []string{"t"}, Batch: func(context.Context, *Generation, []Record) error { return nil },
		Gained: func(context.Context, *Generation, []Partition) (map[Partition]int64, error) {
			return map[Partition]int64{p: 1000}, nil
		}})
	if !errors.Is(err, ErrReplaced) {
		t.Errorf("a start beyond the end: %v", err)
	}
	for _, k := range []Consumer{{}, {Group: "g", Topics: []string{"none"}, Batch: func(context.Context, *Generation, []Record) error { return nil }}} {
		if err := c.Consume(t.Context(), k); err == nil {
			t.Errorf("%+v was taken", k)
		}
	}
}

// The next batch is fetched while one is handled, and not handed over before.
func TestConsumePrefetches(t *testing.T) {
	t.Parallel()
	c := testClient(t, TopicSpec{Name: "t", Partitions: 2})
	mustAppend(t, c, records("t", 0, 100))
	hold, entered := make(chan struct{}), make(chan int, 10)
	stop := run(t, c, Consumer{Group: "g", Topics: []string{"t"}, MaxRecords: 60, Batch: func(ctx context.Context, g *Generation, recs []Record) error {
		entered <- len(recs)
		select {
		case <-hold:
		case <-ctx.Done():
		}
		return nil
	}})
	defer stop()
	if n := <-entered; n > 60 {
		t.Errorf("a batch of %d", n)
	}
	mustAppend(t, c, records("t", 100, 200))
	select {
	case <-entered:
		t.Error("a second batch was handed over")
	case <-time.After(50 * time.Millisecond):
	}
	total := 60
	for total < 300 {
		hold <- struct{}{}
		n := <-entered
		if total += n; n > 60 {
			t.Errorf("a batch of %d", n)
		}
	}
	if total != 300 {
		t.Errorf("%d records", total)
	}
}

// What the embedded broker had to make up is not seen, and does not hold anything up.
func TestConsumePassesOverFillers(t *testing.T) {
	t.Parallel()
	c := testClient(t, TopicSpec{Name: "t", Partitions: 1})
	fill := func(n int) {
		t.Helper()
		for range n {
			res, err := c.kafka.Produce(t.Context(), &kafka.ProduceRequest{Topic: c.cfg.Prefix + "t", RequiredAcks: kafka.RequireAll,
				Records: kafka.NewRecordReader(kafka.Record{Value: kafka.NewBytes([]byte{}), Headers: []kafka.Header{{Key: fillerHeader}}})})
			if err != nil || res.Error != nil {
				t.Fatal(err, res)
			}
		}
	}
	fill(3)
	mustAppend(t, c, records("t", 0, 2))
	fill(4)
	type step struct{ n, position int64 }
	steps := make(chan step, 100)
	stop := run(t, c, Consumer{Group: "g", Topics: []string{"t"}, Batch: func(ctx context.Context, g *Generation, recs []Record) error {
		at, _ := g.Position(Partition{"t", 0})
		steps <- step{int64(len(recs)), at}
		return nil
	}})
	defer stop()
	await := func(n, position int64) {
		t.Helper()
		var sum int64
		for s := range steps {
			if sum += s.n; s.position == position {
				break
			}
		}
		if sum != n {
			t.Errorf("%d records up to %d, want %d", sum, position, n)
		}
	}
	await(2, 9)
	fill(1)
	await(0, 10)
	got := collect(t, c, "t", 0, 0, 2)
	if got[0].Offset != 3 || got[1].Offset != 4 {
		t.Errorf("followed: %+v", got)
	}
}
