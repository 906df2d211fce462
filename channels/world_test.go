package channels_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/internal/stream"
)

// world is everything around a Sender that survives it: the topic messages, the ledger, the topic events. Any of its
// I/O can be made the last act of a process.
type world struct {
	t  *testing.T
	mu sync.Mutex

	log       []stream.Record // one partition of the topic messages
	committed int
	changed   chan struct{}
	rows      map[string]channels.Row // newest by key
	states    map[string][]string     // as they were stored, by key
	events    []enishi.Event          // the topic events, repeats included
	ends      map[string][]enishi.Event
	seen      map[enishi.ID]bool
	inserts   int

	calls   int // I/O so far, over all processes
	crashAt int // this one is the last of its process; 0: none
	after   bool
	crash   chan struct{} // closed by the crash

	insertErr error // what every insert answers, while it is set
	render    func(m *enishi.Message) (*channels.Rendered, error)
	sending   channels.Sending // of a process that starts
	notes     string           // the folder of its note; empty: it keeps none
}

var errCrashed = errors.New("the process is dead")

func newWorld(t *testing.T) *world {
	return &world{t: t, rows: map[string]channels.Row{}, states: map[string][]string{}, changed: make(chan struct{}), crash: make(chan struct{}),
		ends: map[string][]enishi.Event{}, seen: map[enishi.ID]bool{}}
}

// io is around each act of a process on the world. It tells whether the act happens, and whether its doer learns of it.
func (w *world) io(process <-chan struct{}, act func()) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-process:
		return errCrashed
	default:
	}
	w.calls++
	last := w.calls == w.crashAt
	if !last || w.after {
		act()
	}
	if last {
		close(w.crash)
		return errCrashed
	}
	return nil
}

// process is the life of the process that runs now.
func (w *world) process() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.crash
}

// crashAfter plans the next crash n acts from now, or none.
func (w *world) crashAfter(n int, again bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.crashAt = 0; again {
		w.crashAt = w.calls + n
	}
}

// die ends the process that runs now: none of its acts happens any more.
func (w *world) die() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.crash)
}

func (w *world) acts() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls
}

func rowKey(send enishi.ID, round int) string { return fmt.Sprintf("%s/%d", send, round) }

func (w *world) ledger(process <-chan struct{}) channels.Ledger {
	match := func(keep func(channels.Row) bool) (out []channels.Row, err error) {
		err = w.io(process, func() {
			for _, r := range w.rows {
				if keep(r) {
					out = append(out, r)
				}
			}
		})
		sort.Slice(out, func(i, j int) bool {
			if !out[i].DecidedAt.Equal(out[j].DecidedAt) {
				return out[i].DecidedAt.Before(out[j].DecidedAt)
			}
			return out[i].SendID.Compare(out[j].SendID) < 0
		})
		return out, err
	}
	return channels.Ledger{
		Insert: func(_ context.Context, rows []channels.Row) error {
			w.mu.Lock()
			err := w.insertErr
			w.mu.Unlock()
			if err != nil {
				return err
			}
			return w.io(process, func() {
				w.inserts++
				for _, r := range rows {
					k := rowKey(r.SendID, r.Round)
					if old, ok := w.rows[k]; !ok || channels.Version(&r) >= channels.Version(&old) {
						w.rows[k] = r
					}
					w.states[k] = append(w.states[k], fmt.Sprintf("%s/%d/%t", r.State, r.Attempt, r.Reported))
				}
			})
		},
		Unfinished: func(_ context.Context, _, most int) ([]channels.Row, error) {
			decided := map[string]int{}
			rows, err := match(func(r channels.Row) bool {
				return r.State == "decided" || r.State == "intent" || !r.Reported && r.State != "parked"
			})
			var out []channels.Row
			for _, r := range rows {
				if r.State == "decided" {
					if decided[r.Destination]++; decided[r.Destination] > most {
						continue
					}
				}
				out = append(out, r)
			}
			return out, err
		},
		Waiting: func(_ context.Context, _ int, destination string, held []channels.Stop, limit int) ([]channels.Row, error) {
			rows, err := match(func(r channels.Row) bool {
				return r.State == "decided" && r.Destination == destination &&
					!slices.ContainsFunc(held, func(x channels.Stop) bool { return x.Covers(r.Destination, r.Journey, r.Prefecture) })
			})
			return rows[:min(limit, len(rows))], err
		},
		Find: func(_ context.Context, _ int, sends []enishi.ID) ([]channels.Row, error) {
			want := map[enishi.ID]bool{}
			for _, id := range sends {
				want[id] = true
			}
			if len(want) == 0 {
				return nil, nil
			}
			return match(func(r channels.Row) bool { return want[r.SendID] })
		},
		Parked: func(_ context.Context, _ int, destination string, until time.Time, limit int) ([]channels.Row, error) {
			one := map[string]bool{}
			rows, err := match(func(r channels.Row) bool {
				return r.State == "parked" && (destination == "" || r.Destination == destination) && (until.IsZero() || !r.UpdatedAt.After(until))
			})
			if destination == "" {
				return slices.DeleteFunc(rows, func(r channels.Row) bool { had := one[r.Destination]; one[r.Destination] = true; return had }), err
			}
			return rows[:min(limit, len(rows))], err
		},
		Used: func(_ context.Context, _ int, destination string, day, month, until time.Time) (today, thisMonth int, err error) {
			rows, err := match(func(r channels.Row) bool {
				return (r.State == "sent" || r.State == "unknown") && r.Destination == destination && !r.UpdatedAt.Before(month) && r.UpdatedAt.Before(until)
			})
			for _, r := range rows {
				if thisMonth++; !r.UpdatedAt.Before(day) {
					today++
				}
			}
			return today, thisMonth, err
		},
		Recent: func(context.Context, int) (rounds []channels.Round, since time.Time, err error) {
			rows, err := match(func(channels.Row) bool { return true })
			for _, r := range rows {
				if since.Before(r.DecidedAt.Add(-time.Hour)) {
					since = r.DecidedAt.Add(-time.Hour)
				}
			}
			for _, r := range rows {
				if r.DecidedAt.After(since) {
					rounds = append(rounds, channels.Round{SendID: r.SendID, Round: r.Round, DecidedAt: r.DecidedAt})
				}
			}
			return rounds, since, err
		},
	}
}

// consume hands the log over as a group member would, in batches of what is there.
func (w *world) consume(process <-chan struct{}, valid func() bool) func(context.Context, channels.Feed) error {
	return func(ctx context.Context, f channels.Feed) error {
		defer f.Lost([]int{0})
		if err := f.Gained(ctx, []int{0}, valid); err != nil {
			return err
		}
		w.mu.Lock()
		at := w.committed
		w.mu.Unlock()
		for {
			w.mu.Lock()
			recs, changed := w.log[at:len(w.log):len(w.log)], w.changed
			w.mu.Unlock()
			if len(recs) == 0 {
				select {
				case <-ctx.Done():
					return nil
				case <-process:
					return errCrashed
				case <-changed:
				}
				continue
			}
			if err := f.Batch(ctx, recs); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
			at += len(recs)
			if err := w.io(process, func() { w.committed = at }); err != nil {
				return err
			}
		}
	}
}

func (w *world) append(process <-chan struct{}) func(context.Context, []stream.Record) error {
	return func(_ context.Context, recs []stream.Record) error {
		if len(recs) == 0 {
			return nil
		}
		return w.io(process, func() {
			for _, r := range recs {
				var e enishi.Event
				if err := enishi.DecodeEvent(&e, r.Value); err != nil {
					w.t.Errorf("event does not decode: %v", err)
				}
				e.Profile, e.Time = enishi.ID(r.Key), r.Time
				if r.Partition != e.Profile.Partition(partitions) {
					w.t.Errorf("event of %s in partition %d", e.Profile, r.Partition)
				}
				w.events = append(w.events, e)
				if k := rowKey(e.Result.SendID, e.Result.Round); !w.seen[e.ID] {
					w.seen[e.ID] = true
					w.ends[k] = append(w.ends[k], e)
				}
			}
		})
	}
}

const partitions = 8

// put appends messages to the topic.
func (w *world) put(ms ...*enishi.Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range ms {
		w.log = append(w.log, stream.Record{Topic: enishi.TopicMessages, Partition: 0, Offset: int64(len(w.log)), Key: []byte(m.Destination), Value: enishi.EncodeMessage(nil, m)})
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

// process is one run of a Sender.
type process struct {
	*channels.Sender
	w      *world
	cancel context.CancelFunc
	dead   chan struct{}
	done   chan error
	note   *channels.InHand
}

// start runs a Sender on the world. change may be nil.
func (w *world) start(route func(channel, account string) (channels.Route, bool), change func(*channels.Config)) *process {
	w.t.Helper()
	w.mu.Lock()
	w.crash = make(chan struct{})
	dead := w.crash
	w.mu.Unlock()
	cfg := channels.Config{
		Partitions: partitions, Consume: w.consume(dead, func() bool { return true }), Append: w.append(dead), Ledger: w.ledger(dead),
		Route: route, Sending: w.sending, Drain: 2 * time.Second, BreakerOpen: 50 * time.Millisecond,
		Render: func(_ context.Context, m *enishi.Message) (*channels.Rendered, error) {
			if w.render != nil {
				return w.render(m)
			}
			return rendered(m), nil
		},
		Log: slog.New(slog.NewTextHandler(testLog{w.t}, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	if w.notes != "" {
		var err error
		if cfg.InHand, err = channels.OpenInHand(w.notes, nil); err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() { cfg.InHand.Close() }) // when a test gave up
		cfg.InHand.Around(func(act func()) error { return w.io(dead, act) })
	}
	if change != nil {
		change(&cfg)
	}
	s, err := channels.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.t.Cleanup(cancel) // when a test gave up
	p := &process{Sender: s, w: w, cancel: cancel, dead: dead, done: make(chan error, 1), note: cfg.InHand}
	go func() { p.done <- s.Run(ctx) }()
	return p
}

// stop ends the process in good order.
func (p *process) stop() {
	p.w.t.Helper()
	p.cancel()
	if err := <-p.done; err != nil {
		p.w.t.Errorf("Run: %v", err)
	}
	p.release()
}

// gone waits for the end of a process that crashed.
func (p *process) gone() {
	p.cancel()
	<-p.done
	p.release()
}

// release lets go of what the system takes from a process that has ended.
func (p *process) release() {
	if p.note == nil {
		return
	}
	if err := p.note.Close(); err != nil {
		p.w.t.Error(err)
	}
}

type testLog struct{ t *testing.T }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Log(strings.TrimRight(string(b), "\n"))
	return len(b), nil
}

// eventually polls until ok, at most for a while; in a synctest bubble the time is not real.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	w.within(time.Minute, what, ok)
}

func (w *world) within(d time.Duration, what string, ok func() bool) {
	w.t.Helper()
	end := time.Now().Add(d)
	tick := time.NewTimer(0)
	defer tick.Stop()
	pause := time.Millisecond
	for !ok() {
		if time.Now().After(end) {
			w.mu.Lock()
			defer w.mu.Unlock()
			for k, s := range w.states {
				w.t.Logf("%s: %s", k[24:], strings.Join(s, " "))
			}
			w.t.Fatalf("not in %v: %s", d, what)
		}
		pause = min(pause*5/4+1, max(d/2000, 20*time.Millisecond))
		tick.Reset(pause)
		<-tick.C
	}
}

// results are the reported ends of a round; a repeat must be the same event. mu is held.
func (w *world) results(m *enishi.Message) []enishi.Event { return w.ends[rowKey(m.SendID, m.Round)] }

// ended tells whether each message has exactly one result that is marked as reported; more than one is a failure.
func (w *world) ended(ms ...*enishi.Message) bool {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range ms {
		es := w.results(m)
		if len(es) > 1 {
			w.t.Fatalf("%d results of one round: %v %v", len(es), es[0].Type, es[1].Type)
		}
		if len(es) == 0 || !w.rows[rowKey(m.SendID, m.Round)].Reported {
			return false
		}
		if e := es[0]; e.Profile != m.Profile || e.Subject != m.Subject {
			w.t.Fatalf("result of %s is addressed to %s", m.Profile, e.Profile)
		}
	}
	return true
}

// result is the end of a message.
func (w *world) result(m *enishi.Message) enishi.Event {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	es := w.results(m)
	if len(es) != 1 {
		w.t.Fatalf("%d results, want 1", len(es))
	}
	return es[0]
}

func (w *world) row(m *enishi.Message) channels.Row {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rows[rowKey(m.SendID, m.Round)]
}

var msgCount atomic.Int64

// message makes a message to a person of a destination.
func message(destination, purpose, person string) *enishi.Message {
	n := msgCount.Add(1)
	parts := strings.Split(destination, ":")
	return &enishi.Message{
		SendID: enishi.NewID("send", fmt.Sprint(n)), Round: 1, Profile: enishi.NewID("profile", person), Subject: enishi.NewID("subject", person),
		Destination: destination, Channel: parts[0], Account: parts[1], Purpose: purpose, Journey: "welcome", Node: "mail", RunID: enishi.NewID("run", person),
		Template: "hello", To: person, Language: "ja", Variables: `{"customer":{"salutation":"佐藤 花子 様"}}`,
		DecidedAt: time.Now().UTC().Truncate(time.Millisecond),
	}
}

func rendered(m *enishi.Message) *channels.Rendered {
	return &channels.Rendered{SendID: m.SendID, Round: m.Round, Profile: m.Profile, Account: m.Account, Purpose: m.Purpose, Language: m.Language,
		Journey: m.Journey, Template: m.Template, To: m.To, FromName: "花の店", Subject: "こんにちは", Text: "本文です。\n", HTML: "<p>本文です。</p>",
		Messages: []byte(`[{"type":"text","text":"こんにちは"}]`)}
}
