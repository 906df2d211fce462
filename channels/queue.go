package channels

import (
	"container/heap"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"

	"enishi"
)

// queue is one destination within a shard. The shard's mutex guards it, but for loading.
//
// Messages of one person and purpose form a lane and leave one after the other; lanes overtake each other.
type queue struct {
	shard       *shard
	destination string
	channel     string
	account     string
	route       Route
	breaker     *gobreaker.TwoStepCircuitBreaker[struct{}]
	limit       Limit         // as the settings have it
	limiter     *rate.Limiter // of limit; nil: none
	spent       spending
	shelf       shelf
	most        int      // people in one call; 1: there are no groups
	perCall     int      // people in a call as lately seen
	doubtful    []*group // that may have been taken, between two tries

	lanes    map[laneKey]*lane
	ready    [2]fifo // transactional and urgent first
	delayed  laneHeap
	size     int // messages in memory
	busy     int // of these at the provider or about to be
	storing  int // rows of its messages on their way to the ledger, intents aside
	reserved int // places for messages that are being written to the ledger
	spilled  bool
	spilling int // messages that are being written to the ledger to stay there
	spills   int // that have been
	loading  sync.Mutex

	window     int       // how many may be busy: grows with success
	depth      int       // the same while all goes well
	mayGrow    bool      // depth has not grown since the last pick
	grown      time.Time // when depth changed
	sentSince  time.Time // of sentCount
	sentCount  int
	perSecond  float64 // as lately measured
	down       string  // why nothing is tried; "" when it is
	quotaUntil time.Time
	holdUntil  time.Time // the provider asked for a pause
	swept      time.Time
	loadedAt   time.Time // when the ledger was last asked for more
	poked      chan struct{}
	jobs       chan *entry
	workers    int  // that run
	started    bool // they may
	closed     bool // jobs is
}

const (
	maxAhead   = 500 // most messages about to be handed over: so many are in doubt after a crash
	sweepEvery = time.Second
)

func newQueue(sh *shard, m *enishi.Message) *queue {
	q := &queue{
		shard: sh, destination: m.Destination, channel: m.Channel, account: m.Account,
		lanes: map[laneKey]*lane{}, window: 1, poked: make(chan struct{}, 1), jobs: make(chan *entry, maxAhead),
	}
	q.spent.born = sh.s.cfg.Now()
	q.find()
	q.breaker = q.newBreaker()
	return q
}

func (q *queue) newBreaker() *gobreaker.TwoStepCircuitBreaker[struct{}] {
	cfg := &q.shard.s.cfg
	return gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: q.destination, MaxRequests: 1, Timeout: cfg.BreakerOpen,
		ReadyToTrip: func(c gobreaker.Counts) bool { return int(c.ConsecutiveFailures) >= cfg.BreakerFailures },
	})
}

// add lines a message up.
func (q *queue) add(e *entry) {
	key := laneKey{e.m.Profile, e.m.Purpose}
	l := q.lanes[key]
	if l == nil {
		l = &lane{queue: q, key: key, urgent: isUrgent(e.m)}
		q.lanes[key] = l
	}
	e.lane = l
	l.entries = append(l.entries, e)
	q.shard.entries[e.m.SendID] = e
	q.size++
	if len(l.entries) == 1 {
		q.makeReady(l)
	}
	q.poke()
}

// now chooses a message that has just come in, when nothing stands before it: its first row is its intent, which spares a
// row and a wait. nil: it lines up. The caller writes the row, then hands it over.
func (q *queue) now(m *enishi.Message, raw string, at time.Time) *entry {
	key := laneKey{m.Profile, m.Purpose}
	if q.mayGroup(m) || q.lanes[key] != nil || q.reserved > 0 || q.anyReady() || q.shard.s.cfg.expired(m) || q.shard.s.held(m) {
		return nil
	}
	if n, _ := q.room(at); n < 1 {
		return nil
	}
	e := &entry{m: m, raw: raw, arrived: at, attempt: 1}
	if _, _, beyond := q.beyond(e, at); beyond {
		return nil
	}
	if q.limiter != nil {
		q.limiter.AllowN(at, 1)
	}
	if d := q.repeat(m.Purpose); d > 0 {
		e.until = at.Add(d)
	}
	l := &lane{queue: q, key: key, urgent: isUrgent(m), state: laneBusy, entries: []*entry{e}}
	e.lane, q.lanes[key] = l, l
	q.shard.entries[m.SendID] = e
	q.size++
	q.busy++
	return e
}

// hand gives a chosen message to the workers.
func (q *queue) hand(e *entry) {
	switch {
	case q.closed && e.group != nil:
		q.regroup(e.group, time.Time{})
		return
	case q.closed:
		q.again(e, time.Time{})
		return
	}
	q.jobs <- e // has room for all that can be busy
}

func isUrgent(m *enishi.Message) bool { return m.Purpose != marketing || m.Priority > 0 }

// release ends the busy time of a lane. done: its head has ended and leaves.
func (q *queue) release(e *entry, done bool) {
	l := e.lane
	q.busy--
	q.starved(q.shard.s.cfg.Now())
	if done {
		l.state = laneReady
		q.remove(e)
	}
	if l.state != laneGone {
		q.makeReady(l)
	}
	if q.busy*2 <= q.ahead() {
		q.poke()
	}
}

// poke makes the dispatcher look again.
func (q *queue) poke() {
	select {
	case q.poked <- struct{}{}:
	default:
	}
}

// forgive lets a destination be tried again whatever was known against it; the account may be another one by now.
func (q *queue) forgive() {
	q.quotaUntil, q.holdUntil, q.down = time.Time{}, time.Time{}, ""
	q.window, q.breaker = 1, q.newBreaker()
	q.shelf.retry = q.shelf.some
	q.find()
}

// find takes over how the account sends now.
func (q *queue) find() {
	route, ok := q.shard.s.cfg.Route(q.channel, q.account)
	if !ok {
		q.down = "no such account"
	}
	q.route, q.most, q.perCall = route, route.people(), maxAhead
	q.bound()
}

// room is how many more messages may be chosen now, and when to look again if none may.
func (q *queue) room(now time.Time) (n int, again time.Duration) {
	again = sweepEvery
	if q.down != "" || now.Before(q.quotaUntil) || q.uncounted(now) {
		return 0, again
	}
	if d := q.holdUntil.Sub(now); d > 0 {
		return 0, min(d, again)
	}
	if _, stands := q.shard.s.sending.Load().standing(q.destination); stands {
		return 0, again
	}
	switch q.breaker.State() {
	case gobreaker.StateOpen:
		return 0, min(again, max(q.shard.s.cfg.BreakerOpen/4, time.Millisecond))
	case gobreaker.StateHalfOpen:
		n = 1 - q.busy
	default:
		// Half of it at a time: an intent costs an insert, and the workers have enough meanwhile.
		if n = q.ahead() - q.busy; q.busy*2 > q.ahead() {
			n = 0
		}
	}
	if n > 0 {
		if tokens, pause := q.tokens(now); tokens == 0 {
			return 0, min(pause, again)
		} else if tokens > 0 {
			n = min(n, tokens)
		}
	}
	return max(n, 0), again
}

// ahead is how many may be busy: as many as have proved to work, and while all goes well as many as keep the workers busy
// while the ledger takes the next intents.
func (q *queue) ahead() int {
	if workers := q.limit.Workers; q.window < workers {
		return q.window
	}
	return q.depth
}

// starved looks whether workers wait for intents although messages are there: then more are written ahead.
func (q *queue) starved(now time.Time) {
	least := 4 * q.limit.Workers
	switch {
	case q.window < q.limit.Workers || q.depth < least:
		q.depth = min(least, maxAhead)
	case len(q.jobs) == 0 && q.size > q.busy && q.limiter == nil:
		if q.mayGrow {
			q.depth, q.mayGrow, q.grown = min(2*q.depth, maxAhead), false, now
		}
	case now.Sub(q.grown) > 5*time.Second:
		q.depth, q.grown = max(q.depth*3/4, least), now
	}
}

// succeeded widens the window and measures the rate.
func (q *queue) succeeded(now time.Time) {
	q.window = min(2*q.window, q.limit.Workers)
	q.sentCount++
	if d := now.Sub(q.sentSince); d >= time.Second {
		if d < 5*time.Second {
			q.perSecond = float64(q.sentCount) / d.Seconds()
		} else {
			q.perSecond = 0
		}
		q.sentSince, q.sentCount = now, 0
	}
}

// pick chooses up to n messages that may go now. Those whose time is over end instead.
func (q *queue) pick(n int, now time.Time) (picked []*entry) {
	for len(q.delayed) > 0 && (q.delayed[0].state != laneDelayed || !q.delayed[0].at.After(now)) {
		if l := heap.Pop(&q.delayed).(*lane); l.state == laneDelayed {
			q.makeReady(l)
		}
	}
	for len(picked) < n {
		l := q.popReady()
		if l == nil {
			break
		}
		e := l.head()
		switch {
		case q.over(e, now):
			q.remove(e)
			if l.state != laneGone {
				q.makeReady(l)
			}
		case q.shard.s.held(e.m) && e.doubt:
			e.next = now.Add(sweepEvery)
			q.makeReady(l)
		case q.shard.s.parks(e.m):
			q.park(e)
			q.remove(e)
			if l.state != laneGone {
				q.makeReady(l)
			}
		case !e.doubt && now.Sub(e.arrived) >= q.shard.s.cfg.MaxWait && q.shard.valid():
			// It waited while nothing could leave. What stands behind it goes along: the order is kept.
			for _, x := range l.entries {
				q.putOff(x, time.Time{}, false, q.why())
			}
			q.size -= len(l.entries)
			q.renew(l, nil)
		case q.stands(e, now):
			q.remove(e)
			if l.state != laneGone {
				q.makeReady(l)
			}
		default:
			l.state = laneBusy
			q.busy++
			picked = append(picked, e)
		}
	}
	q.mayGrow = q.mayGrow || len(picked) > 0
	return picked
}

// over ends a message whose time is over: not_after has passed, it may not be repeated any more, or a stop drops it. The
// caller takes it out of its lane.
func (q *queue) over(e *entry, now time.Time) bool {
	expired := q.shard.s.cfg.expired(e.m)
	switch {
	case q.dropped(e):
	case e.doubt && expired:
		q.shard.end(e, stateUnknown, outcome{reason: "expired"})
	case e.doubt && !e.until.After(now):
		q.shard.end(e, stateUnknown, outcome{reason: "not answered"})
	case expired && q.shard.valid():
		q.shard.end(e, stateRefused, outcome{reason: "expired"})
	default:
		return false
	}
	return true
}

// sweep ends what cannot wait any longer: expired, out of quota, or longer here than Config.MaxWait.
func (q *queue) sweep(now time.Time) {
	if now.Sub(q.swept) < sweepEvery {
		return
	}
	q.swept = now
	if !q.shard.valid() {
		return
	}
	_, stopped := q.shard.s.sending.Load().standing(q.destination)
	for _, l := range q.lanes {
		keep := l.entries[:0:0]
		deferring := false
		for i, e := range l.entries {
			busy := i == 0 && l.state == laneBusy
			if busy || !q.over(e, now) {
				held := q.shard.s.held(e.m)
				waited := now.Sub(e.arrived) >= q.shard.s.cfg.MaxWait && !stopped && !held
				switch {
				case busy || e.doubt:
					keep = append(keep, e)
				case held && q.shard.s.parks(e.m):
					q.park(e)
				case now.Before(q.quotaUntil):
					q.shard.end(e, stateRefused, outcome{reason: "quota"})
				case q.down != "" && (waited || deferring):
					deferring = true
					q.shelve(e, "account: "+q.down)
				case waited || deferring: // what stands behind it goes along: the order is kept
					deferring = true
					q.putOff(e, time.Time{}, false, q.why())
				default:
					keep = append(keep, e)
				}
			}
		}
		q.size -= len(l.entries) - len(keep)
		if len(keep) == 0 || keep[0] != l.entries[0] {
			q.renew(l, keep)
		} else {
			l.entries = keep
		}
	}
}

// why says what a message waited for.
func (q *queue) why() string {
	switch {
	case q.breaker.State() != gobreaker.StateClosed:
		return "no answer"
	}
	return "waited"
}

// putOff ends a round as deferred: the fold decides again, not before at (the sender's clock; zero: as the schedule says).
// refused says that the provider put this very message off; after very many such rounds it fails.
func (q *queue) putOff(e *entry, at time.Time, refused bool, reason string) {
	if refused && e.m.Round >= maxRounds {
		q.shard.end(e, stateFailed, outcome{reason: "gave up: " + reason})
		return
	}
	pause := roundPause(e.m.Round, refused)
	if q.perSecond > 0 && q.why() == "waited" { // those before it need their time
		pause = max(pause, min(time.Duration(float64(q.size)/q.perSecond*float64(time.Second)), time.Hour))
	}
	if !at.IsZero() {
		pause = max(pause, at.Sub(q.shard.s.cfg.Now()))
	}
	q.shard.end(e, stateDeferred, outcome{reason: reason, until: q.shard.s.cfg.clock(e.m).Add(pause)})
}

// nextDue is how long until the first delayed lane may go.
func (q *queue) nextDue(now time.Time) time.Duration {
	for len(q.delayed) > 0 {
		if l := q.delayed[0]; l.state == laneDelayed {
			return max(l.at.Sub(now), 0)
		}
		heap.Pop(&q.delayed)
	}
	return time.Hour
}

// wrote counts a row as stored. The shard's mutex is not held.
func (q *queue) wrote() {
	q.shard.mu.Lock()
	defer q.shard.mu.Unlock()
	if q.storing--; q.storing == 0 && q.spilled {
		q.poke()
	}
}

func (q *queue) hasSpilled() bool {
	q.shard.mu.Lock()
	defer q.shard.mu.Unlock()
	return q.spilled || q.shelf.some
}

func (q *queue) status() QueueStatus {
	st := QueueStatus{Partition: q.shard.n, Destination: q.destination, State: "running", Waiting: q.size - q.busy, InHand: q.busy, Spilled: q.spilled,
		PerSecond: q.perSecond, Limit: q.limit.PerSecond, Connections: q.limit.Workers}
	q.used(&st)
	for _, l := range q.lanes {
		if e := l.head(); st.Oldest.IsZero() || e.m.DecidedAt.Before(st.Oldest) {
			st.Oldest = e.m.DecidedAt
		}
	}
	if q.breaker.State() != gobreaker.StateClosed {
		st.State = "open"
	}
	if q.shard.s.cfg.Now().Before(q.quotaUntil) {
		st.State = "quota"
	}
	if q.down != "" {
		st.State, st.Reason = "down", q.down
	}
	if why, stands := q.shard.s.sending.Load().standing(q.destination); stands {
		st.State = why
	}
	return st
}
