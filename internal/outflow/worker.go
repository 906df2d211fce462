package outflow

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"enishi"
	"enishi/ingest"
)

// How a worker goes.
const (
	poll       = 250 * time.Millisecond // between looks where nothing waits
	saveEvery  = time.Second
	firstSpan  = 4096 // offsets of a partition that are read at once, at first
	leastSpan  = 256
	mostSpan   = 1 << 20
	fewRows    = 500 // fewer: more offsets the next time
	manyRows   = 5000
	chunk      = 400 // changes between two looks at what is owned
	firstPause = 100 * time.Millisecond
	mostPause  = 5 * time.Minute
	alertAfter = 10 * time.Minute
	alertSoon  = 10 * time.Second // where waiting does not help: somebody has to act
)

// worker sends the changes of a stream, of the partitions that this replica folds.
type worker struct {
	o       *Outflow
	name    string
	s       *Stream
	born    int64
	begin   time.Time
	when    *vm.Program
	to      destination
	log     *slog.Logger
	parts   map[int]*part
	size    uint64 // offsets that are read at once
	saved   time.Time
	trouble *trouble
	since   time.Time
	tries   int
	next    time.Time
	alerted bool
	changed bool // of the trouble, since it was saved
}

// part is a partition that this replica has.
type part struct {
	position
	to    uint64 // what was read ends here
	items []*item
	dirty bool
}

// item is a row on its way.
type item struct {
	row
	out  outgoing
	done outcome
}

type outcome uint8

const (
	waits outcome = iota
	sent
	leftOut
	dead
)

// worker makes the worker of a stream.
func (o *Outflow) worker(d enishi.Definition, s *Stream) (*worker, error) {
	w := &worker{o: o, name: d.Name, s: s, parts: map[int]*part{}, size: firstSpan, log: o.cfg.Log.With("stream", d.Name)}
	born, made := o.born(d.Name)
	w.born, w.begin = born, beginOf(s.Since, made)
	var err error
	if w.when, err = compile(s.When); err != nil {
		return nil, err
	}
	w.to, err = o.destination(d.Name, s)
	return w, err
}

// run works until ctx ends.
func (w *worker) run(ctx context.Context) {
	defer w.leave(ctx)
	pause := poll
	for {
		busy, err := w.turn(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			w.log.Warn("a stream is held up", "err", err)
			pause = min(2*pause, 10*time.Second)
		default:
			pause = poll
		}
		if busy && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// leave saves what is not saved yet.
func (w *worker) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := w.save(ctx, true); err != nil {
		w.log.Warn("the position of a stream is not saved: some changes will come again", "err", err)
	}
}

// turn sends a part of what waits; busy: there may be more.
func (w *worker) turn(ctx context.Context) (busy bool, err error) {
	if err := w.own(ctx); err != nil {
		return false, err
	}
	if w.trouble != nil && w.o.cfg.Now().Before(w.next) {
		return false, w.save(ctx, false)
	}
	waiting := false
	for _, p := range w.parts {
		waiting = waiting || len(p.items) > 0
	}
	if !waiting {
		if waiting, err = w.read(ctx); err != nil {
			return false, err
		}
	}
	if waiting {
		err = w.deliver(ctx)
	}
	for _, p := range w.parts {
		w.advance(p)
	}
	if serr := w.save(ctx, false); err == nil {
		err = serr
	}
	return waiting && w.trouble == nil, err
}

// own takes the partitions that this replica has gained, from where their owner before left them, and lets lost ones go.
func (w *worker) own(ctx context.Context) error {
	owned, gained := map[int]bool{}, false
	for _, n := range w.o.cfg.Owned() {
		owned[n] = true
		gained = gained || w.parts[n] == nil
	}
	for n := range w.parts {
		if !owned[n] {
			delete(w.parts, n)
		}
	}
	if !gained {
		return nil
	}
	markers, err := w.o.markers(ctx)
	if err != nil {
		return err
	}
	list, err := w.o.positions(ctx, w.name)
	if err != nil {
		return err
	}
	stored := map[int]position{}
	for _, p := range list {
		stored[p.partition] = p
	}
	var start map[int]uint64
	for n := range owned {
		if w.parts[n] != nil {
			continue
		}
		p := &part{position: stored[n]}
		if p.partition = n; p.born != w.born {
			p.position = position{partition: n, written: p.written, born: w.born}
		} else if p.replay == w.s.Replay {
			w.restore(&p.position)
			p.to = p.at
			w.parts[n] = p
			continue
		}
		if start == nil {
			if start, err = w.o.before(ctx, w.begin, markers); err != nil {
				return err
			}
		}
		p.at, p.replay, p.dirty = start[n], w.s.Replay, true
		p.to = p.at
		w.parts[n] = p
	}
	return nil
}

// restore takes the trouble over that a stored position tells of, so that a restart does not begin its pauses anew.
func (w *worker) restore(p *position) {
	if p.problem != "" && w.trouble == nil && p.since.After(w.since) {
		w.trouble, w.since, w.tries = &trouble{code: p.code, en: p.problem, ja: p.japanese}, p.since, 1
		w.alerted = w.o.cfg.Now().Sub(p.since) > alertAfter
	}
}

// read reads what follows in the log; found: there is something to send.
func (w *worker) read(ctx context.Context) (found bool, err error) {
	markers, err := w.o.markers(ctx)
	if err != nil {
		return false, err
	}
	var spans []span
	for n, p := range w.parts {
		to := min(markers[n], p.at+w.size)
		if epoch := p.at >> 48; markers[n]>>48 > epoch { // of a log that was replaced all that is left
			to = (epoch+1)<<48 - 1
			if p.at == to {
				to = min(markers[n], (epoch+1)<<48+w.size)
			}
		}
		if to > p.at {
			spans = append(spans, span{n, p.at, to})
		}
	}
	if len(spans) == 0 {
		return false, nil
	}
	rows, err := w.o.read(ctx, w.s, spans)
	if err != nil {
		return false, err
	}
	switch {
	case len(rows) < fewRows:
		w.size = min(2*w.size, mostSpan)
	case len(rows) > manyRows:
		w.size = max(w.size/2, leastSpan)
	}
	for _, x := range spans {
		w.parts[x.partition].to = x.to
	}
	if err := w.fill(ctx, rows); err != nil {
		for _, x := range spans {
			w.parts[x.partition].items = nil
		}
		return false, err
	}
	return true, nil
}

// fill makes what leaves of rows.
func (w *worker) fill(ctx context.Context, rows []row) error {
	var ids []enishi.ID
	seen := map[enishi.ID]bool{}
	for i := range rows {
		r := &rows[i]
		switch r.typ {
		case enishi.TypeErased, enishi.TypePersonMerged, enishi.TypePersonUnmerged: // about the id that was
			who, other, _ := strings.Cut(r.reason, " ")
			r.profile, _ = enishi.ParseID(who)
			r.reason = other
		default:
			r.profile = w.o.cfg.Resolve(r.subject)
		}
		if !seen[r.profile] {
			seen[r.profile] = true
			ids = append(ids, r.profile)
		}
	}
	people, err := w.o.people(ctx, w.s, ids)
	if err != nil {
		return err
	}
	source := w.o.source(w.name)
	for i := range rows {
		x := &item{row: rows[i]}
		p := w.parts[x.partition]
		p.items = append(p.items, x)
		if ok, err := w.passes(&x.row); err != nil || !ok {
			if err != nil { // the expression is typed, so this is rare: a division by zero
				w.log.Debug("a condition gave no answer", "event_id", x.id, "err", err)
			}
			x.done = leftOut
			continue
		}
		c, err := x.change(w.s, source, people[x.profile])
		if err != nil {
			return err
		}
		body, err := json.Marshal(c)
		if err != nil {
			return fmt.Errorf("encode the change %s: %w", x.id, err)
		}
		x.out = outgoing{id: x.id, key: x.profile, typ: x.typ, body: body}
		x.record = ""
	}
	return nil
}

// passes asks the condition. Erasures pass always.
func (w *worker) passes(r *row) (bool, error) {
	if w.when == nil || r.typ == enishi.TypeErased {
		return true, nil
	}
	out, err := expr.Run(w.when, r.facts())
	ok, _ := out.(bool)
	return ok, err
}

// deliver sends some of what waits: a person's changes one after the other, those of different people side by side. After a trouble it
// is tried with a single one.
func (w *worker) deliver(ctx context.Context) error {
	lanes, most := w.to.lanes(), chunk
	if w.trouble != nil {
		lanes, most = 1, 1
	}
	byLane := make([][]*item, lanes)
	n, share := 0, max(most/max(len(w.parts), 1), 1)
	for _, p := range w.parts {
		taken := 0
		for _, x := range p.items {
			if n >= most || taken >= share {
				break
			}
			if x.done == waits {
				lane := int(w.o.cfg.Resolve(x.profile).Hash64() % uint64(lanes))
				byLane[lane] = append(byLane[lane], x)
				n, taken = n+1, taken+1
			}
		}
	}
	if n == 0 {
		return nil
	}
	round := &round{}
	var group sync.WaitGroup
	for _, list := range byLane {
		group.Go(func() { w.lane(ctx, list, round) })
	}
	group.Wait()
	switch {
	case ctx.Err() != nil:
		return nil // what a call that was cut off says is no trouble of the receiver
	case round.err != nil:
		return fmt.Errorf("keep a dead letter: %w", round.err)
	}
	w.judge(round.trouble)
	return nil
}

// round is one go of the lanes: the first that fails ends it.
type round struct {
	over    atomic.Bool
	mu      sync.Mutex
	trouble *trouble
	err     error
}

func (r *round) end(t *trouble, err error) {
	r.over.Store(true)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.trouble == nil && r.err == nil {
		r.trouble, r.err = t, err
	}
}

// lane sends items in their order.
func (w *worker) lane(ctx context.Context, list []*item, r *round) {
	for size := w.to.most(); len(list) > 0 && !r.over.Load() && ctx.Err() == nil; {
		batch := list[:min(len(list), size)]
		out := make([]outgoing, len(batch))
		for i, x := range batch {
			out[i] = x.out
		}
		_, t := w.to.send(ctx, out)
		how := sent
		switch {
		case t == nil:
		case t.refused && len(batch) > 1:
			size = 1 // to find which
			continue
		case t.refused:
			if err := w.o.cfg.SaveDead(ctx, []ingest.DeadLetter{w.letter(batch[0], t)}); err != nil {
				r.end(nil, err)
				return
			}
			how = dead
		default:
			r.end(t, nil)
			return
		}
		for _, x := range batch {
			x.done = how
		}
		list = list[len(batch):]
	}
}

// judge notes whether the destination has trouble.
func (w *worker) judge(t *trouble) {
	now := w.o.cfg.Now().UTC()
	if t == nil {
		if w.trouble != nil {
			w.trouble, w.tries, w.changed = nil, 0, true
			if w.alerted {
				a := w.alertOf(&trouble{})
				a.ClosedAt = now
				w.o.cfg.Alert(a)
			}
			w.since, w.alerted = time.Time{}, false
		}
		return
	}
	if w.trouble == nil {
		w.since = now
	}
	w.trouble, w.changed = t, true
	w.tries++
	pause := min(firstPause<<min(w.tries-1, 12), mostPause)
	w.next = now.Add(max(pause, min(t.after, time.Hour)))
	late := alertAfter
	if t.lasting {
		late = alertSoon
	}
	if !w.alerted && now.Sub(w.since) > late {
		w.alerted = true
		w.o.cfg.Alert(w.alertOf(t))
	}
}

func (w *worker) alertOf(t *trouble) enishi.Alert {
	title := w.s.Title
	if title.JA == "" {
		title.JA = title.EN
	}
	if title.EN == "" {
		title.EN = title.JA
	}
	return enishi.Alert{ID: enishi.NewID("alert", "stream", w.name, w.since.Format(time.RFC3339)), Kind: "stream", Severity: "error", At: w.since,
		Text: "Data out: nothing leaves to " + title.EN + ". " + t.en, TextJA: "データの送り出し「" + title.JA + "」が止まっています。" + t.ja}
}

// letter is the dead letter of a change that the receiver refused.
func (w *worker) letter(x *item, t *trouble) ingest.DeadLetter {
	return ingest.DeadLetter{ID: enishi.NewID("dead", deadTopic(w.name), x.id.String()), At: w.o.cfg.Now().UTC(), Version: 1, State: ingest.DeadWaiting, Topic: deadTopic(w.name),
		Partition: x.partition, Offset: offsetOf(x.version), Stage: StageStream, Code: t.code, Reason: t.en, ReasonJA: t.ja, Type: x.typ, Raw: x.out.body}
}

// advance moves the position over what is done.
func (w *worker) advance(p *part) {
	n := 0
	for n < len(p.items) && p.items[n].done != waits {
		switch p.items[n].done {
		case sent:
			p.sent++
			p.sentAt = w.o.cfg.Now().UTC()
		case leftOut:
			p.leftOut++
		case dead:
			p.dead++
		}
		n++
	}
	p.items = p.items[n:]
	at := p.to
	if len(p.items) > 0 {
		at = max(p.at, p.items[0].version-1)
	}
	if at != p.at || n > 0 {
		p.at, p.dirty = at, true
	}
}

// save writes positions that moved: not each time, what a crash repeats has the same ids.
func (w *worker) save(ctx context.Context, now bool) error {
	at := w.o.cfg.Now().UTC()
	if !now && !w.changed && at.Sub(w.saved) < saveEvery {
		return nil
	}
	var list []*position
	for _, p := range w.parts {
		if !p.dirty && !w.changed {
			continue
		}
		p.updatedAt, p.code, p.problem, p.japanese, p.since, p.next = at, "", "", "", time.Time{}, time.Time{}
		if t := w.trouble; t != nil {
			p.code, p.problem, p.japanese, p.since, p.next = t.code, t.en, t.ja, w.since, w.next
		}
		list = append(list, &p.position)
	}
	if len(list) == 0 {
		return nil
	}
	if err := w.o.save(ctx, w.name, list); err != nil {
		return err
	}
	for _, p := range w.parts {
		p.dirty = false
	}
	w.changed, w.saved = false, at
	return nil
}
