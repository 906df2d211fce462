package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/segmentio/kafka-go"
	"pgregory.net/rapid"
)

func chunkOf(part int, from, n int64) chunk {
	ch := chunk{part: Partition{"t", part}, next: from + n}
	for i := range n {
		ch.recs = append(ch.recs, Record{Partition: part, Offset: from + i})
	}
	return ch
}

// A batch closes when nothing came for a while, when its first record has waited, or when it is full.
func TestGatherCloses(t *testing.T) {
	f := func(name string, wantAfter time.Duration, wantN int, feed func(ctx context.Context, g *gather)) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			g := newGather(&Consumer{Linger: 5 * time.Millisecond, MaxWait: 200 * time.Millisecond, MaxRecords: 100})
			begin := time.Now()
			fed := make(chan struct{})
			go func() { defer close(fed); feed(ctx, g) }()
			recs, _, err := g.take(ctx)
			if after := time.Since(begin); err != nil || after != wantAfter || len(recs) != wantN {
				t.Errorf("%s: %d records after %v, %v; want %d after %v", name, len(recs), after, err, wantN, wantAfter)
			}
			cancel()
			<-fed
		})
	}
	f("one record", 5*time.Millisecond, 1, func(ctx context.Context, g *gather) { g.put(ctx, chunkOf(0, 0, 1)) })
	f("three in a row", 13*time.Millisecond, 3, func(ctx context.Context, g *gather) {
		for i := range 3 {
			g.put(ctx, chunkOf(0, int64(i), 1))
			<-time.After(4 * time.Millisecond)
		}
	})
	f("without a pause", 200*time.Millisecond, 67, func(ctx context.Context, g *gather) {
		for i := int64(0); ctx.Err() == nil; i++ {
			g.put(ctx, chunkOf(0, i, 1))
			<-time.After(3 * time.Millisecond)
		}
	})
	f("full", 4*time.Millisecond, 100, func(ctx context.Context, g *gather) {
		g.put(ctx, chunkOf(0, 0, 70))
		<-time.After(4 * time.Millisecond)
		g.put(ctx, chunkOf(1, 0, 70))
		g.put(ctx, chunkOf(1, 70, 70)) // waits
	})
	f("offsets only", 5*time.Millisecond, 0, func(ctx context.Context, g *gather) { g.put(ctx, chunk{part: Partition{"t", 0}, next: 7}) })
}

// However chunks fall on batches: every record once, in order, none above the limit, and the offset after each batch is
// right.
func TestGatherBorders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 50).Draw(t, "limit")
		g := newGather(&Consumer{Linger: time.Nanosecond, MaxWait: time.Nanosecond, MaxRecords: limit})
		var fed, got [3]int64
		total := int64(0)
		take := func() {
			recs, next, err := g.take(context.Background())
			if err != nil || len(recs) > limit {
				t.Fatalf("%d records, limit %d: %v", len(recs), limit, err)
			}
			for _, r := range recs {
				if r.Offset != got[r.Partition] {
					t.Fatalf("partition %d: %d after %d", r.Partition, r.Offset, got[r.Partition]-1)
				}
				got[r.Partition]++
			}
			for p, n := range next {
				if got[p.Partition] != n {
					t.Fatalf("partition %d stands at %d, the batch says %d", p.Partition, got[p.Partition], n)
				}
			}
		}
		for range rapid.IntRange(1, 30).Draw(t, "chunks") {
			for g.full() || len(g.chunks) > 0 && rapid.Bool().Draw(t, "take") {
				take()
			}
			p, n := rapid.IntRange(0, 2).Draw(t, "part"), rapid.Int64Range(0, 80).Draw(t, "n")
			if err := g.put(context.Background(), chunkOf(p, fed[p], n)); err != nil {
				t.Fatal(err)
			}
			fed[p] += n
			total += n
		}
		for len(g.chunks) > 0 {
			take()
		}
		if got != fed || g.records != 0 || g.bytes != 0 {
			t.Fatalf("fed %v, got %v, left %d", fed, got, g.records)
		}
	})
}

func TestGatherEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ErrNotOwner)
	g := newGather(&Consumer{Linger: time.Hour, MaxWait: time.Hour, MaxRecords: 1})
	if _, _, err := g.take(ctx); !errors.Is(err, ErrNotOwner) {
		t.Errorf("take: %v", err)
	}
	g.put(ctx, chunkOf(0, 0, 1))
	if err := g.put(ctx, chunkOf(0, 1, 1)); !errors.Is(err, ErrNotOwner) {
		t.Errorf("put into a full one: %v", err)
	}
}

// Shares differ by at most one per topic, everything has one owner, and no partition moves that need not.
func TestStickyBalance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		topics := map[string]int{"a": rapid.IntRange(1, 12).Draw(t, "a"), "b": rapid.IntRange(1, 12).Draw(t, "b")}
		var parts []kafka.Partition
		for _, name := range []string{"a", "b"} {
			for p := range topics[name] {
				parts = append(parts, kafka.Partition{Topic: name, ID: p})
			}
		}
		live := map[string]*stickyBalancer{}
		owner := map[string]string{} // topic/partition: member
		next := 0
		for range rapid.IntRange(1, 8).Draw(t, "rounds") {
			before := len(live)
			gone, come := rapid.IntRange(0, len(live)).Draw(t, "gone"), rapid.IntRange(0, 3).Draw(t, "come")
			for id := range live {
				if gone > 0 {
					delete(live, id)
					gone--
				}
			}
			stayed := len(live)
			for range max(come, 1-len(live)) {
				next++
				live[fmt.Sprint("m", next)] = &stickyBalancer{}
			}
			var members []kafka.GroupMember
			for id, b := range live {
				data, err := b.UserData()
				if err != nil {
					t.Fatal(err)
				}
				members = append(members, kafka.GroupMember{ID: id, Topics: []string{"a", "b"}, UserData: data})
			}
			out := (&stickyBalancer{}).AssignGroups(members, parts)
			now := map[string]string{}
			moved := map[string]int{}
			for id, b := range live {
				var mine []Partition
				for name, ps := range out[id] {
					for _, p := range ps {
						key := fmt.Sprint(name, p)
						if now[key] != "" {
							t.Fatalf("%s has two owners", key)
						}
						if now[key] = id; live[owner[key]] != nil && owner[key] != id {
							moved[name]++
						}
						mine = append(mine, Partition{name, p})
					}
				}
				b.own(mine)
			}
			for name, n := range topics {
				var shares []int
				for id := range live {
					shares = append(shares, len(out[id][name]))
				}
				if slices.Max(shares)-slices.Min(shares) > 1 {
					t.Fatalf("shares of %s: %v", name, shares)
				}
				if before == stayed && stayed == len(live) && moved[name] > 0 {
					t.Fatalf("%d partitions of %s moved although nobody came or went", moved[name], name)
				}
				if most := n - n/len(live)*stayed; moved[name] > most {
					t.Fatalf("%d partitions of %s moved, %d members of which %d stayed", moved[name], name, len(live), stayed)
				}
			}
			if len(now) != len(parts) {
				t.Fatalf("%d of %d partitions have an owner", len(now), len(parts))
			}
			owner = now
		}
	})
}
