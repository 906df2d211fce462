package channels

import (
	"strings"
	"time"

	"golang.org/x/time/rate"

	"enishi"
)

// Why a message is put off although its destination works; both stand in the ledger.
const (
	reasonWarmUp = "warm_up" // the sender domain is being warmed up: the day's share is used up
	reasonBudget = "budget"  // the account's budget of the day or the month is used up
)

// spending is what a destination has sent in the day and the month that are running, by the workspace's calendar. Its one
// owner counts; what was sent before the partition came here is read from the ledger, once and only when a budget stands.
type spending struct {
	born       time.Time // of the queue: the ledger is asked for what ended before
	asked      bool      // the ledger has been
	day, month int
	dayStart   time.Time
	monthStart time.Time
}

// roll begins a new day or month.
func (x *spending) roll(now time.Time) {
	day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, now.Location())
	if !day.Equal(x.dayStart) {
		x.dayStart, x.day = day, 0
	}
	if !month.Equal(x.monthStart) {
		x.monthStart, x.month = month, 0
	}
}

// local is the sender's clock in the workspace's zone.
func (c *Config) local(t time.Time) time.Time { return t.In(c.Zone()) }

// spend counts messages that were taken, or may have been. mu is held.
func (q *queue) spend(n int) {
	q.spent.roll(q.shard.s.cfg.local(q.shard.s.cfg.Now()))
	q.spent.day += n
	q.spent.month += n
}

// allowance is what may still go today and this month. mu is held.
type allowance struct {
	limited           bool
	perDay, perMonth  int // 0: no budget
	warmDay, warmMost int // warmDay 0: no ramp
}

func (q *queue) allowance(now time.Time) allowance {
	s := q.shard.s
	if s.cfg.Virtual() { // nothing really leaves, and the days are not those of the receivers
		return allowance{}
	}
	a := allowance{perDay: q.limit.PerDay, perMonth: q.limit.PerMonth}
	a.warmDay, a.warmMost = s.delivery.Load().warmUp(q.destination, s.cfg.local(now))
	a.limited = a.perDay > 0 || a.perMonth > 0 || a.warmDay > 0
	return a
}

// beyond tells whether a message may not go any more today or this month, why, and when it may. What is about one person's
// own order is not held back by a warm-up. mu is held.
func (q *queue) beyond(e *entry, now time.Time) (reason string, until time.Time, yes bool) {
	a := q.allowance(now)
	if !a.limited || e.doubt {
		return "", until, false
	}
	now = q.shard.s.cfg.local(now)
	q.spent.roll(now)
	tomorrow := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, now.Location())
	switch {
	case a.perMonth > 0 && q.spent.month+q.busy >= a.perMonth:
		return reasonBudget, time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, now.Location()), true
	case a.perDay > 0 && q.spent.day+q.busy >= a.perDay:
		return reasonBudget, tomorrow, true
	case a.warmDay > 0 && e.m.Purpose == marketing && q.spent.day+q.busy >= a.warmMost:
		return reasonWarmUp, tomorrow, true
	}
	return "", until, false
}

// stands ends a message that a budget stands against: deferred to when there is a new one, or refused for quota when that is
// too late for it, so that the fold can take another channel. The caller takes it out of its lane. mu is held.
func (q *queue) stands(e *entry, now time.Time) bool {
	reason, until, beyond := q.beyond(e, now)
	if !beyond || !q.shard.valid() {
		return false
	}
	cfg := &q.shard.s.cfg
	if !e.m.NotAfter.IsZero() && cfg.clock(e.m).Add(until.Sub(cfg.Now())).After(e.m.NotAfter) {
		q.shard.end(e, stateRefused, outcome{reason: "quota"})
	} else {
		q.putOff(e, until, false, reason)
	}
	return true
}

// uncounted tells whether the ledger must be asked before anything may go. mu is held.
func (q *queue) uncounted(now time.Time) bool { return !q.spent.asked && q.allowance(now).limited }

// count asks the ledger what was sent before this queue began. No mutex is held.
func (q *queue) count() {
	sh := q.shard
	now := sh.s.cfg.local(sh.s.cfg.Now())
	sh.mu.Lock()
	q.spent.roll(now)
	day, month, born := q.spent.dayStart, q.spent.monthStart, q.spent.born
	sh.mu.Unlock()
	today, thisMonth, err := sh.s.cfg.Ledger.Used(sh.ctx, sh.n, q.destination, day, month, born)
	if err != nil {
		if sh.ctx.Err() == nil {
			sh.s.log.Warn("what was sent today is counted later; nothing leaves before", "destination", q.destination, "err", err)
		}
		return
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	q.spent.asked = true
	if q.spent.roll(sh.s.cfg.local(sh.s.cfg.Now())); q.spent.dayStart.Equal(day) {
		q.spent.day += today
	}
	if q.spent.monthStart.Equal(month) {
		q.spent.month += thisMonth
	}
	q.poke()
}

// SetDelivery changes how fast and how much is sent. Fewer connections act with the next messages.
func (s *Sender) SetDelivery(d Delivery) {
	s.delivery.Store(&d)
	for _, sh := range s.owned() {
		sh.mu.Lock()
		for _, q := range sh.queues {
			q.bound()
			q.poke()
		}
		sh.mu.Unlock()
	}
}

// bound takes the limits over that stand for the destination now. mu is held.
func (q *queue) bound() {
	was := q.limit
	q.limit = q.shard.s.delivery.Load().of(q.destination, q.route.preset(q.destination))
	if q.limit.PerSecond != was.PerSecond || q.limit.Burst != was.Burst {
		q.limiter = limiterOf(q.limit)
	}
	q.hire()
}

// preset is the limit of a destination where the setting says nothing.
func (r *Route) preset(destination string) Limit {
	l := r.Limit
	if l.Workers <= 0 {
		l.Workers = 4
	}
	parts := strings.Split(destination, ":")
	if len(parts) < 3 {
		return l
	}
	group, known := r.Groups[parts[2]]
	if !known {
		return l
	}
	if group.Workers == 0 || group.Workers > l.Workers {
		group.Workers = l.Workers
	}
	return group
}

// Limits are the limit of a destination where the setting says nothing, and the one that stands; false: there is no such
// account here.
func (s *Sender) Limits(destination string) (preset, now Limit, ok bool) {
	parts := strings.SplitN(destination, ":", 3)
	if len(parts) < 2 {
		return preset, now, false
	}
	route, ok := s.cfg.Route(parts[0], parts[1])
	if !ok {
		return preset, now, false
	}
	preset = route.preset(destination)
	return preset, s.delivery.Load().of(destination, preset), true
}

// hire brings the number of workers to the limit: those that are missing start, and who is too many leaves after its next
// message. mu is held.
func (q *queue) hire() {
	for ; q.started && !q.closed && q.shard.ctx.Err() == nil && q.workers < q.limit.Workers; q.workers++ {
		q.shard.wg.Go(q.work)
	}
	q.depth = min(max(q.depth, 4*q.limit.Workers), maxAhead)
}

// mayStay tells a worker whether it is still wanted; one that is not is counted out.
func (q *queue) mayStay() bool {
	q.shard.mu.Lock()
	defer q.shard.mu.Unlock()
	if q.workers <= q.limit.Workers {
		return true
	}
	q.workers--
	return false
}

// tokens is how many messages the rate allows now, and the pause until one is allowed; -1: any number. mu is held.
func (q *queue) tokens(now time.Time) (n int, pause time.Duration) {
	if q.limiter == nil || q.shard.s.cfg.Virtual() {
		return -1, 0
	}
	have := q.limiter.TokensAt(now)
	if have >= 1 {
		return int(have), 0
	}
	return 0, tokenPause(q.limiter, have)
}

// tokenPause is how long until a limiter has a whole token.
func tokenPause(l *rate.Limiter, have float64) time.Duration {
	return time.Duration((1-have)/float64(l.Limit())*float64(time.Second)) + 1
}

// used tells what stands against a destination's budget, for people.
func (q *queue) used(st *QueueStatus) {
	now := q.shard.s.cfg.Now()
	a := q.allowance(now)
	if !a.limited {
		return
	}
	q.spent.roll(q.shard.s.cfg.local(now))
	st.Today, st.PerDay, st.PerMonth, st.WarmUpDay = q.spent.day, a.perDay, a.perMonth, a.warmDay
	if a.warmDay > 0 && (st.PerDay == 0 || a.warmMost < st.PerDay) {
		st.PerDay = a.warmMost
	}
	if st.State == "running" {
		if _, _, beyond := q.beyond(&entry{m: &enishi.Message{Purpose: marketing}}, now); beyond {
			st.State = "budget"
		}
	}
}
