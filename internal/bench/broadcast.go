package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"enishi"
	"enishi/internal/clickhouse"
	"enishi/internal/mix"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
	"enishi/profiles"
)

// runBroadcast stores people who are friends of the shop's LINE account and writes the same to all of them, once a round: B
// decides for each, which ends with stored states and rows; A reads the stored states, appends the messages of a broadcast
// that was recorded and inserts its rows, without any logic. Then the sender hands the messages to LINE's simulator.
func runBroadcast(ctx context.Context, b *bench) (err error) {
	begun := time.Now()
	defs, err := broadcastDefinitions()
	if err != nil {
		return err
	}
	if err := fillWith(ctx, b.dir, b.people, defs, friendState); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	b.printf("  %d stored friends made in %s\n", b.people, time.Since(begun).Round(time.Second))
	w, err := openWorld(ctx, b.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	p, err := openProduct(ctx, w, "shop", nil, int64(b.cacheMB)<<20)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	s, err := openLINE(ctx, w, "shop", p.defs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for i := range b.people {
		if err := s.sim.Befriend(lineUser(i), ""); err != nil {
			return err
		}
	}
	if b.people > recordable {
		return b.broadcastOnce(ctx, p)
	}
	t, err := openReplay(ctx, w, p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()

	p.taken.Store(t.rec)
	if _, err := p.broadcast(ctx, "first", b.people); err != nil {
		return fmt.Errorf("the broadcast that is recorded: %w", err)
	}
	p.taken.Store(nil)
	var sent []slice
	var rows []float64
	send := func(round int) error { // what was decided before the round; what became of it is folded before the next
		s.rows.Store(0)
		before := p.folder.Stats().Events
		one, err := measured(func() (slice, error) { return s.send(ctx, b.people) })
		if sent, rows = append(sent, one), append(rows, float64(s.rows.Load())/one.wall.Seconds()); err != nil {
			return err
		}
		return while(ctx, p.run, func() error {
			return eventually(ctx, "the results are folded", 5*time.Minute, func() (bool, error) {
				return p.folder.Stats().Events >= before+int64(b.people) && !p.folder.Busy(), nil
			})
		})
	}
	as, bs, err := b.alternate(send, func(round int) (slice, error) { return t.slice(ctx, byte(round+1), b.people) },
		func(round int) (slice, error) { return p.broadcast(ctx, "round-"+strconv.Itoa(round), b.people) })
	if err == nil {
		err = send(b.rounds)
	}
	if err != nil {
		return err
	}
	b.compare("broadcast, decided", "person", as, bs, 2.2) // that of the pipeline and its bare hop: none is given for this stage
	b.printf("  %-28s %.0f people/s, %.1f CPU us/person, %.0f rows of the ledger/s, this machine, now\n", "handed to LINE", median(each(sent, (*slice).rate)), median(each(sent, (*slice).perOp)), median(rows))
	b.printf("  %-28s %d MiB at most, of the whole process with what was recorded\n", "resident memory", procNumber("/proc/self/status", "VmHWM:")>>10)
	return nil
}

// recordable is of how many people a broadcast is recorded for the twin: what it writes is kept in memory, 60 KB a person.
const recordable = 100_000

// broadcastOnce measures the deciding of a broadcast that is too large to be recorded: one round, without the twin. It is not handed
// over here: what waits longer than a decision holds goes back to be decided anew, and no fold runs beside this stage's sender.
func (b *bench) broadcastOnce(ctx context.Context, p *product) error {
	s, err := measured(func() (slice, error) { return p.broadcast(ctx, "once", b.people) })
	if err != nil {
		return err
	}
	b.printf("  %-28s %.0f people/s, %.1f CPU us/person, %s, this machine, now, without a twin\n", "decided", s.rate(), s.perOp(), s.wall.Round(time.Second))
	b.printf("  %-28s %d MiB at most\n", "resident memory", procNumber("/proc/self/status", "VmHWM:")>>10)
	return nil
}

// broadcastDefinitions are the segments of the standard mix, the templates, no caps and no quiet hours: it is measured at night too.
func broadcastDefinitions() ([]enishi.Definition, error) {
	all, err := mix.Definitions()
	if err != nil {
		return nil, err
	}
	defs := slices.DeleteFunc(all, func(d enishi.Definition) bool { return d.Kind != "segment" })
	templates, err := lineTemplates()
	if err != nil {
		return nil, err
	}
	for _, d := range [][3]string{{"setting", "journeys", `{"caps":{"marketing":{"default":"none"}},"quiet_hours":{"off":true}}`}, {"segment", "friends", `{"title":{"ja":"友だち","en":"friends"},"expression":"has_line && line_friend"}`}} {
		defs = append(defs, enishi.Definition{Kind: d[0], Name: d[1], Expect: -1, Body: []byte(d[2]), RequestID: enishi.NewID("request", d[0], d[1]), At: time.Now().UTC()})
	}
	return append(defs, templates...), nil
}

// friendState is the state of the i-th person: of the standard mix, and a friend at LINE.
func friendState(i int, id enishi.ID) string {
	p := profiles.New(id)
	apply := func(n int, e enishi.Event) {
		e.ID, e.Subject, e.Links = enishi.NewID("friend", strconv.Itoa(i), strconv.Itoa(n)), id, []enishi.ID{id}
		p.Apply(&e, e.At)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	for n := range mix.Events {
		apply(n, mix.Event(i, n, now))
	}
	apply(mix.Events, enishi.Event{Type: "line.followed", At: now, Source: "line", Person: &enishi.Person{LineUserID: lineUser(i)}})
	return string(p.Encode(nil))
}

// broadcast publishes a broadcast and waits until it has come to all and is stored.
func (p *product) broadcast(ctx context.Context, name string, people int) (slice, error) {
	return p.w.counted(ctx, p.name, func() (slice, error) {
		body := `{"title":{"ja":"a","en":"a"},"state":"live","purpose":"marketing","consent":"opt_in","entry":{"sweep":true,"segment":"friends","reentry":"never"},"start":"m",
			"nodes":{"m":{"type":"message","template":"marketing","next":"x"},"x":{"type":"exit"}}}`
		if _, err := p.defs.Save(ctx, p.stream, enishi.Definition{Kind: "journey", Name: name, Expect: -1, Body: []byte(body), RequestID: enishi.NewID("broadcast", name), At: time.Now().UTC()}); err != nil {
			return slice{}, err
		}
		want := p.decided.Load() + int64(people)
		s := slice{ops: people}
		p.stored.Store(0)
		err := while(ctx, p.run, func() error {
			return eventually(ctx, "everybody is decided", 20*time.Minute, func() (bool, error) { return p.decided.Load() >= want && !p.folder.Busy(), nil })
		})
		if got := p.decided.Load(); err == nil && got != want {
			err = fmt.Errorf("%d messages too many", got-want)
		}
		s.stored = p.stored.Load()
		return s, err
	})
}

// replay is the bare twin of a broadcast's decisions.
type replay struct {
	of     *product // whose stored states it reads
	rec    *recording
	stream *stream.Client
	db     *clickhouse.DB
	store  *pipeline.Store
}

func openReplay(ctx context.Context, w *world, p *product) (*replay, error) {
	t := &replay{of: p, rec: &recording{rows: map[string]int{}}}
	var err error
	if t.stream, t.db, err = w.open(ctx, "twin"); err != nil {
		return nil, err
	}
	t.store = &pipeline.Store{DB: t.db, Now: time.Now}
	return t, nil
}

// Close ends the clients.
func (t *replay) Close() error {
	t.stream.Close()
	return t.db.Close()
}

func (t *replay) slice(ctx context.Context, salt byte, people int) (slice, error) {
	const batch = 1000
	return t.of.w.counted(ctx, "twin", func() (slice, error) {
		s := slice{ops: people}
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error {
			for i := range t.rec.ranges {
				if _, err := t.of.store.Load(ctx, pipeline.Want{Range: &t.rec.ranges[i]}); err != nil {
					return err
				}
			}
			return nil
		})
		g.Go(func() error {
			for _, list := range [2][]stream.Record{t.rec.messages, t.rec.control} {
				for recs := range slices.Chunk(list, batch) {
					if err := t.stream.Append(ctx, recs); err != nil {
						return err
					}
				}
			}
			return nil
		})
		g.Go(func() error {
			for i := range t.rec.saves {
				rows := cloneRows(&t.rec.saves[i].rows, salt)
				for j := range rows.States {
					s.stored += int64(len(rows.States[j].Bytes))
				}
				if err := t.store.Save(ctx, rows); err != nil {
					return err
				}
			}
			return nil
		})
		err := g.Wait()
		return s, err
	})
}
