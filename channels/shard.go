package channels

import (
	"context"
	"fmt"
	"sync"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// shard is one owned partition of the topic messages: its queues and what is under way. It ends with the ownership.
type shard struct {
	s     *Sender
	n     int
	valid func() bool // nobody else can own the partition now

	ctx      context.Context // ends with the ownership: nothing new is begun
	cancel   context.CancelFunc
	calls    context.Context // of provider calls: ends Config.Drain later
	cutCalls context.CancelFunc
	wg       sync.WaitGroup // dispatchers and workers

	mu      sync.Mutex
	queues  map[string]*queue
	entries map[enishi.ID]*entry // in memory and not ended, by send id
	known   *known
	owed    int           // ends that are not reported yet
	paid    chan struct{} // closed when owed comes to 0 while the shard ends; nil before
}

// entry is a message in memory.
type entry struct {
	m         *enishi.Message
	raw       string
	lane      *lane
	arrived   time.Time // when its waiting began
	next      time.Time // not tried before
	until     time.Time // in doubt: not tried after
	attempt   int
	doubt     bool      // a try may have succeeded
	cancelled string    // reason of a cancel that came while it was at the provider
	group     *group    // with whom it leaves; nil: alone
	single    bool      // leaves alone: a group with it was refused
	variant   string    // of the last rendering
	rendered  *Rendered // for the try that is about to be made; nil: not yet
}

func (e *entry) row(partition int, state string, now time.Time) Row {
	r := rowOf(partition, e.m, e.raw, now)
	r.State, r.Attempt, r.Variant = state, e.attempt, e.variant
	if e.group != nil {
		r.Group = e.group.id
	}
	return r
}

// gain takes partitions over: what the ledger has open becomes queues, what is not reported is reported.
func (s *Sender) gain(ctx context.Context, parts []int, valid func() bool) error {
	for _, n := range parts {
		if err := s.gainOne(ctx, n, valid); err != nil {
			return fmt.Errorf("take over partition %d: %w", n, err)
		}
	}
	return nil
}

func (s *Sender) gainOne(ctx context.Context, n int, valid func() bool) error {
	rounds, since, err := s.cfg.Ledger.Recent(ctx, n)
	if err != nil {
		return err
	}
	rows, err := s.cfg.Ledger.Unfinished(ctx, n, s.cfg.MaxQueue)
	if err != nil {
		return err
	}
	parked, err := s.cfg.Ledger.Parked(ctx, n, "", time.Time{}, 0)
	if err != nil {
		return err
	}
	sh := &shard{s: s, n: n, valid: valid, queues: map[string]*queue{}, entries: map[enishi.ID]*entry{}, known: newKnown(rounds, since)}
	sh.ctx, sh.cancel = context.WithCancel(context.Background())
	sh.calls, sh.cutCalls = context.WithCancel(context.Background())
	s.mu.Lock()
	s.shards[n] = sh
	s.mu.Unlock()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for i := range rows {
		sh.restore(&rows[i])
	}
	sh.parked(parked)
	for destination, q := range sh.queues {
		q.spilled = q.size >= s.cfg.MaxQueue // then there may be more
		s.log.Info("queue restored", "partition", n, "destination", destination, "messages", q.size, "more", q.spilled)
	}
	return nil
}

// restore brings one unfinished row back to life. mu is held.
func (sh *shard) restore(r *Row) {
	m := new(enishi.Message)
	if err := enishi.DecodeMessage(m, []byte(r.Message)); err != nil {
		sh.s.log.Error("unreadable message in the ledger is left alone", "send_id", r.SendID, "round", r.Round, "err", err)
		return
	}
	if r.final() {
		if r.State == stateSent || r.State == stateUnknown {
			sh.queue(m).spend(1) // ended before, and not in what the ledger is asked for once it is reported
		}
		sh.owed++
		sh.s.flow.stored(sh, []Row{*r})
		return
	}
	q := sh.queue(m)
	e := &entry{m: m, raw: r.Message, arrived: r.UpdatedAt, attempt: r.Attempt}
	if r.State == stateIntent {
		// The process ended between the intent and its outcome.
		m, begun, known := sh.s.cfg.InHand.found(r.Owner, r.handKey(), r.Attempt)
		switch {
		case known && (!begun || m.outcome == '-'):
			q.add(e)
			q.untried(e)
			return
		case known && m.outcome == '=':
			sh.end(e, stateSent, outcome{code: m.code, provider: m.provider})
			return
		}
		if e.doubt, e.until = true, r.NextTryAt; !e.until.After(sh.s.cfg.Now()) {
			sh.end(e, stateUnknown, outcome{reason: "interrupted"})
			return
		}
		if !r.Group.IsZero() {
			q.rejoin(e, r.Group)
			return
		}
	}
	q.add(e)
}

// lose ends the ownership of partitions: no new calls; calls under way may end, and what they gave is stored and reported,
// within Config.Drain. What was about to be sent goes back to the ledger as decided.
func (s *Sender) lose(parts []int) {
	var wg sync.WaitGroup
	for _, n := range parts {
		s.mu.Lock()
		sh := s.shards[n]
		s.mu.Unlock()
		if sh != nil {
			wg.Go(sh.close)
		}
	}
	wg.Wait()
	s.mu.Lock()
	for _, n := range parts {
		delete(s.shards, n)
	}
	s.mu.Unlock()
}

func (sh *shard) close() {
	deadline := time.NewTimer(sh.s.cfg.Drain)
	defer deadline.Stop()
	sh.cancel()
	ended := make(chan struct{})
	go func() { sh.wg.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-deadline.C:
		sh.cutCalls() // their outcome is unknown; the intent stands in the ledger
		sh.s.log.Warn("calls were cut off", "partition", sh.n)
		<-ended
		return
	}
	defer sh.cutCalls()
	sh.mu.Lock()
	sh.paid = make(chan struct{})
	if sh.owed == 0 {
		close(sh.paid)
	}
	paid := sh.paid
	sh.mu.Unlock()
	select {
	case <-paid:
	case <-deadline.C: // reported at the next take-over
	}
}

// settle counts n ends as reported, or as left to the next owner. mu is not held.
func (sh *shard) settle(n int) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.owed -= n; sh.owed == 0 && sh.paid != nil {
		close(sh.paid)
	}
}

// queue finds or makes the queue of a message's destination. mu is held.
func (sh *shard) queue(m *enishi.Message) *queue {
	q := sh.queues[m.Destination]
	if q == nil {
		q = newQueue(sh, m)
		sh.queues[m.Destination] = q
		q.start()
	}
	return q
}

// outcome is the rest of what an end tells.
type outcome struct {
	code, reason, provider string
	until                  time.Time // of deferred, by the shop's clock
}

// end finishes an entry: it leaves memory, and its end goes to the ledger and then to the topic events. mu is held; the
// caller takes it out of its lane.
func (sh *shard) end(e *entry, state string, o outcome) { sh.endAll([]*entry{e}, state, o) }

// endAll finishes entries of one destination by one insert.
func (sh *shard) endAll(es []*entry, state string, o outcome) {
	q := sh.queues[es[0].m.Destination]
	ends, rows := make([]Row, len(es)), make([]Row, len(es))
	keys := make([]handKey, len(es))
	for i, e := range es {
		r := e.row(sh.n, state, sh.s.cfg.Now())
		r.Code, r.Reason, r.ProviderID, r.NextTryAt = o.code, clip(o.reason, 500), o.provider, o.until
		if sh.entries[e.m.SendID] == e {
			delete(sh.entries, e.m.SendID)
		}
		ends[i], rows[i] = r, r
		rows[i].Message, keys[i] = slim(e.m), r.handKey()
	}
	if state == stateSent || state == stateUnknown {
		q.spend(len(es))
	}
	sh.owed += len(es)
	q.storing += len(es)
	sh.s.flow.store(false, rows, func() {
		sh.s.cfg.InHand.forget(keys...)
		for range rows {
			q.wrote()
		}
		sh.s.flow.stored(sh, ends)
	})
}

// slim is what a result needs of a message. The row that holds it is replaced within a moment by one that has all of it.
func slim(m *enishi.Message) string {
	s := *m
	s.To, s.Variables = "", ""
	return string(enishi.EncodeMessage(nil, &s))
}

// clip bounds a text that came from outside, at a character's border.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && s[most]&0xC0 == 0x80 {
		most--
	}
	return s[:most]
}

// incoming is one record of a batch.
type incoming struct {
	m     *enishi.Message
	raw   string
	spill bool   // stays in the ledger
	drop  string // cancelled within the batch: why
	entry *entry // goes at once: its row is an intent
}

// take writes a batch to the ledger and lines it up. After nil the offsets may be committed.
func (s *Sender) take(ctx context.Context, recs []stream.Record) error {
	byPartition := map[int][]*enishi.Message{}
	raws := map[*enishi.Message]string{}
	for i := range recs {
		m, raw := new(enishi.Message), string(recs[i].Value)
		if err := enishi.DecodeMessage(m, recs[i].Value); err != nil {
			s.log.Error("unreadable message is skipped", "partition", recs[i].Partition, "offset", recs[i].Offset, "err", err)
			continue
		}
		raws[m] = raw
		byPartition[recs[i].Partition] = append(byPartition[recs[i].Partition], m)
	}
	for n, ms := range byPartition {
		s.mu.Lock()
		sh := s.shards[n]
		s.mu.Unlock()
		if sh == nil {
			return fmt.Errorf("messages of partition %d: %w", n, stream.ErrNotOwner)
		}
		if err := sh.take(ctx, ms, raws); err != nil {
			return fmt.Errorf("messages of partition %d: %w", n, err)
		}
	}
	return nil
}

func (sh *shard) take(ctx context.Context, ms []*enishi.Message, raws map[*enishi.Message]string) error {
	fresh, cancels, err := sh.sort(ctx, ms, raws)
	if err != nil {
		return err
	}
	now := sh.s.cfg.Now()
	rows := make([]Row, 0, len(fresh))
	var ends []Row
	for _, in := range fresh {
		r := rowOf(sh.n, in.m, in.raw, now)
		switch {
		case in.drop != "":
			r.State, r.Reason = stateDropped, in.drop
			ends = append(ends, r)
		case in.entry != nil:
			r.State, r.Attempt, r.NextTryAt, r.Owner = stateIntent, in.entry.attempt, in.entry.until, sh.ownerOf(in.entry)
		}
		rows = append(rows, r)
	}
	if len(rows) > 0 {
		if err := sh.s.cfg.Ledger.Insert(ctx, rows); err != nil {
			// The partition is given up. The rows may be stored all the same: what was chosen has not been tried.
			sh.mu.Lock()
			defer sh.mu.Unlock()
			for _, in := range fresh {
				if in.entry != nil {
					in.entry.lane.queue.again(in.entry, now)
				}
			}
			return fmt.Errorf("write to the ledger: %w", err)
		}
	}
	sh.mu.Lock()
	for _, in := range fresh {
		sh.known.add(in.m)
		q := sh.queue(in.m)
		switch {
		case in.drop != "":
		case in.entry != nil:
			q.hand(in.entry)
		case in.spill:
			q.spilling--
			q.spills++
			q.spilled = q.spilled || !sh.s.parks(in.m) // it was let go meanwhile
		default:
			q.reserved--
			q.add(&entry{m: in.m, raw: in.raw, arrived: now})
		}
	}
	sh.owed += len(ends)
	sh.mu.Unlock()
	sh.s.flow.stored(sh, ends)
	for _, m := range cancels {
		if err := sh.drop(ctx, m); err != nil {
			return err
		}
	}
	if len(cancels) > 0 { // a cancel must not be forgotten once its offset is committed
		return sh.s.flow.flush(ctx)
	}
	return nil
}

// sort tells new messages from repeats and cancels, and reserves places for the new ones.
func (sh *shard) sort(ctx context.Context, ms []*enishi.Message, raws map[*enishi.Message]string) (fresh []*incoming, cancels []*enishi.Message, err error) {
	old, err := sh.repeats(ctx, ms)
	if err != nil {
		return nil, nil, err
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	now := sh.s.cfg.Now()
	here := map[roundKey]*incoming{}
	bySend := map[enishi.ID]*incoming{}
	for _, m := range ms {
		if m.Cancel {
			if in := bySend[m.SendID]; in != nil && in.entry == nil && in.drop == "" {
				in.drop = reasonOfCancel(m)
				sh.release(in)
			} else if in == nil || in.entry != nil {
				cancels = append(cancels, m)
			}
			continue
		}
		key := roundKey{m.SendID, int32(m.Round)}
		if taken, _ := sh.known.has(m); taken || old[key] || here[key] != nil {
			continue
		}
		in := &incoming{m: m, raw: raws[m]}
		q := sh.queue(m)
		switch {
		case sh.s.parks(m):
			in.spill = true
			q.spilling++
		case q.spilled || q.size+q.reserved >= sh.s.cfg.MaxQueue:
			in.spill, q.spilled = true, true
			q.spilling++
		default:
			if in.entry = q.now(m, in.raw, now); in.entry == nil {
				q.reserved++
			}
		}
		here[key], bySend[m.SendID] = in, in
		fresh = append(fresh, in)
	}
	return fresh, cancels, nil
}

// release gives back the place of a message that is not lined up. mu is held.
func (sh *shard) release(in *incoming) {
	if q := sh.queue(in.m); in.spill {
		q.spilling--
	} else {
		q.reserved--
	}
}

// repeats asks the ledger about messages that are older than what is remembered.
func (sh *shard) repeats(ctx context.Context, ms []*enishi.Message) (map[roundKey]bool, error) {
	var ask []enishi.ID
	sh.mu.Lock()
	for _, m := range ms {
		if !m.Cancel {
			if _, unsure := sh.known.has(m); unsure {
				ask = append(ask, m.SendID)
			}
		}
	}
	sh.mu.Unlock()
	rows, err := sh.s.cfg.Ledger.Find(ctx, sh.n, ask)
	if err != nil {
		return nil, fmt.Errorf("ask the ledger for repeats: %w", err)
	}
	old := map[roundKey]bool{}
	for i := range rows {
		old[roundKey{rows[i].SendID, int32(rows[i].Round)}] = true
	}
	return old, nil
}
