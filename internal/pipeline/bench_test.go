//go:build unix

package pipeline

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"enishi"
	"enishi/internal/definitions"
	"enishi/internal/mix"
	"enishi/internal/stream"
)

// The standard mix: five events per profile, each profile's in order, the profiles in no order; 20 segments; the gallery's six
// journeys; two messages and about two timers per profile.
const (
	mixProfiles   = 200_000
	mixPartitions = 8
	mixBatch      = 18_000 // what comes in 200 ms at 90,000 events per second
)

// newMix makes the definitions of the standard mix.
func newMix(tb testing.TB) *definitions.Log {
	tb.Helper()
	log := definitions.NewLog()
	defs, err := mix.Definitions()
	if err != nil {
		tb.Fatal(err)
	}
	for i := range defs {
		value, err := json.Marshal(&defs[i])
		if err != nil {
			tb.Fatal(err)
		}
		log.Fold(int64(i), value)
	}
	return log
}

// mixer makes the records of the standard mix, batch by batch.
type mixer struct {
	rnd     *rand.Rand
	hasher  *enishi.Hasher
	done    []uint8 // events made, by profile
	left    int
	offsets [mixPartitions]int64
	now     time.Time
}

func newMixer(profiles int) *mixer {
	return &mixer{rnd: rand.New(rand.NewPCG(1, 2)), hasher: enishi.NewHasher([]byte("0123456789abcdef0123456789abcdef")), done: make([]uint8, profiles),
		left: profiles * mix.Events, now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
}

// batch makes up to n records; none when all are made.
func (m *mixer) batch(n int) []stream.Record {
	recs := make([]stream.Record, 0, min(n, m.left))
	for len(recs) < n && m.left > 0 {
		i := m.rnd.IntN(len(m.done))
		for m.done[i] == mix.Events {
			i = (i + 1) % len(m.done)
		}
		recs = append(recs, m.event(i, int(m.done[i])))
		m.done[i]++
		m.left--
	}
	m.now = m.now.Add(time.Second)
	return recs
}

func (m *mixer) event(i, n int) stream.Record {
	e := mix.Event(i, n, m.now)
	e.ID = enishi.NewID("mix", e.Message)
	e.Links = []enishi.ID{m.hasher.Hash(enishi.Identifier{Kind: enishi.Customer, Value: e.Person.CustomerID}), m.hasher.Hash(enishi.Identifier{Kind: enishi.Email, Value: e.Person.Email})}
	e.Subject, e.Profile = e.Links[0], e.Links[0]
	r := EventRecord(&e, mixPartitions, m.now)
	r.Offset = m.offsets[r.Partition]
	m.offsets[r.Partition]++
	return r
}

// mixStore keeps the states of the standard mix.
type mixStore struct {
	states   map[enishi.ID]State
	messages int
	appended []stream.Record // to the topic events, to be read back
	rows     map[string]int
	bytes    int
}

func (s *mixStore) append(_ context.Context, recs []stream.Record) error {
	for i := range recs {
		if recs[i].Topic == enishi.TopicMessages {
			s.messages++
			continue
		}
		s.appended = append(s.appended, recs[i])
	}
	return nil
}

func (s *mixStore) load(_ context.Context, want Want) (Have, error) {
	var have Have
	for n, ids := range want.States {
		for _, id := range ids {
			if x, ok := s.states[id]; ok {
				x.Partition = n
				have.States = append(have.States, x)
			}
		}
	}
	return have, nil
}

func (s *mixStore) save(_ context.Context, rows *Rows) error {
	for _, x := range rows.States {
		s.bytes += len(x.Bytes)
		s.states[x.ID] = x
	}
	s.rows["profiles"] += len(rows.States)
	for _, t := range rows.Tables {
		s.rows[t.Name] += t.Rows
	}
	return nil
}

// readBack makes records of what the folder appended.
func (s *mixStore) readBack(m *mixer) []stream.Record {
	recs := s.appended
	s.appended = nil
	for i := range recs {
		recs[i].Offset, recs[i].Time = m.offsets[recs[i].Partition], m.now
		m.offsets[recs[i].Partition]++
	}
	return recs
}

func cpuTime(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFold folds the standard mix with a store in memory that does nothing; an operation is an event.
func BenchmarkFold(b *testing.B) {
	store := &mixStore{states: map[enishi.ID]State{}, rows: map[string]int{}}
	m := newMixer(min(mixProfiles, max(b.N/mix.Events, 1000)))
	f, err := New(Config{Partitions: mixPartitions, Definitions: newMix(b), Merges: func(int64) ([]Move, int64) { return nil, 0 },
		Append: store.append, Load: store.load, Save: store.save, Now: func() time.Time { return m.now }, CacheBytes: 4 << 30})
	if err != nil {
		b.Fatal(err)
	}
	ctx := b.Context()
	var all []int
	for n := range mixPartitions {
		all = append(all, n)
	}
	if _, err := f.Gain(ctx, all); err != nil {
		b.Fatal(err)
	}
	events, records := 0, 0
	var checkpoints, folding time.Duration
	fold := func(recs []stream.Record) {
		from := cpuTime(b)
		if err := f.Fold(ctx, recs); err != nil {
			b.Fatal(err)
		}
		records += len(recs)
		folding += cpuTime(b) - from
	}
	// The definitions come in before the clock runs.
	tick(b, f, store, m, fold)
	b.ReportAllocs()
	b.ResetTimer()
	folding = 0
	records = 0
	for events < b.N && m.left > 0 {
		b.StopTimer()
		recs := m.batch(min(mixBatch, b.N-events))
		b.StartTimer()
		fold(recs)
		events += len(recs)
		from := cpuTime(b)
		tick(b, f, store, m, fold)
		if m.now.Second()%5 == 0 || m.left == 0 {
			if err := f.Flush(ctx); err != nil {
				b.Fatal(err)
			}
		}
		checkpoints += cpuTime(b) - from
	}
	n := float64(events)
	b.ReportMetric(float64(folding)/n, "fold-cpu-ns/event")
	b.ReportMetric(float64(checkpoints)/n, "checkpoint+timers-cpu-ns/event")
	b.ReportMetric(float64(store.messages)/n, "messages/event")
	b.ReportMetric(float64(records-events)/n, "timers/event")
	b.ReportMetric(float64(store.rows["events"])/n, "event-rows/event")
	b.ReportMetric(float64(store.rows["profiles"])/n, "states/event")
	b.ReportMetric(float64(store.bytes)/float64(max(1, store.rows["profiles"])), "bytes/state")
}

func tick(tb testing.TB, f *Folder, s *mixStore, m *mixer, fold func([]stream.Record)) {
	if err := f.Tick(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	if recs := s.readBack(m); len(recs) > 0 {
		fold(recs)
	}
}
