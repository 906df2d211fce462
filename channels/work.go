package channels

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sony/gobreaker/v2"

	"enishi"
)

// Purposes of messages.
const (
	marketing     = "marketing"
	transactional = "transactional"
)

// TestPurpose is the purpose of messages to a shop's own testers. They leave as any other and are in the ledger, but nothing
// of them comes back to the fold: no result, click or unsubscribe becomes an event. A template is never of this purpose.
const TestPurpose = "test"

// loadPause is the least time between two looks into the ledger for messages that did not fit into memory.
const loadPause = 20 * time.Millisecond

// start begins the work of a queue; it ends with the shard.
func (q *queue) start() {
	q.shard.wg.Go(q.dispatch)
	q.started = true
	q.hire()
}

// dispatch chooses messages, writes their intents and hands them to the workers, until the shard ends.
func (q *queue) dispatch() {
	sh := q.shard
	defer func() {
		sh.mu.Lock()
		defer sh.mu.Unlock()
		q.closed = true
		close(q.jobs)
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-sh.ctx.Done():
			return
		case <-q.poked:
		case <-timer.C:
		}
		if sh.ctx.Err() != nil {
			return
		}
		now := sh.s.cfg.Now()
		sh.mu.Lock()
		q.sweep(now)
		n, again := q.room(now)
		jobs := q.due(n, now)
		picked := q.pick(q.people(n-len(jobs)), now)
		load, count := q.wantsMore(now), q.uncounted(now)
		parked, empty := q.emptying()
		switch again = min(again, q.nextDue(now), q.nextGroup(now)); {
		case q.size == 0 && q.spilled:
			again = min(again, loadPause)
		case empty:
			again = min(again, sweepEvery)
		case q.size == 0:
			again = time.Minute // whoever adds a message pokes
		}
		sh.mu.Unlock()
		if load {
			q.load()
		}
		if count {
			q.count()
		}
		if empty {
			q.empty(parked)
		}
		timer.Reset(again)
		jobs = append(jobs, q.bundle(picked, n-len(jobs))...)
		if len(jobs) == 0 {
			continue
		}
		sh.mu.Lock()
		if q.limiter != nil {
			q.limiter.AllowN(now, len(jobs))
		}
		intents := q.intents(membersOf(jobs), now)
		sh.mu.Unlock()
		stored := make(chan struct{})
		sh.s.flow.store(true, intents, func() { close(stored) })
		select {
		case <-stored:
		case <-sh.ctx.Done():
			// The rows may be written or not; close gives the messages back as it does those of the workers.
		}
		sh.mu.Lock()
		for _, e := range jobs {
			q.hand(e)
		}
		sh.mu.Unlock()
		q.poke()
	}
}

// intents gives the rows that say that messages are about to be handed over. mu is held.
func (q *queue) intents(picked []*entry, now time.Time) []Row {
	rows := make([]Row, len(picked))
	for i, e := range picked {
		e.attempt++
		if e.until.IsZero() { // the provider counts from the first try
			if d := q.repeat(e.m.Purpose); d > 0 {
				e.until = now.Add(d)
			}
		}
		rows[i] = e.row(q.shard.n, stateIntent, now)
		rows[i].NextTryAt, rows[i].Owner = e.until, q.shard.ownerOf(e)
	}
	return rows
}

// repeat is how long a message whose outcome is not known may be tried again.
func (q *queue) repeat(purpose string) time.Duration {
	if purpose == transactional && q.route.RepeatTransactional > 0 {
		return q.route.RepeatTransactional
	}
	return q.route.Repeat
}

// wantsMore tells whether the ledger is to be asked for messages that did not fit into memory: when all that did have
// ended, so that none can come twice. mu is held.
func (q *queue) wantsMore(now time.Time) bool {
	if !q.spilled || q.size+q.reserved+q.spilling+q.storing > 0 || now.Sub(q.loadedAt) < loadPause {
		return false
	}
	sending := q.shard.s.sending.Load()
	_, stands := sending.standing(q.destination)
	return !stands || sending.drops(q.destination)
}

// load takes the oldest waiting messages out of the ledger into memory.
func (q *queue) load() {
	sh := q.shard
	q.loading.Lock()
	defer q.loading.Unlock()
	sh.mu.Lock()
	spills, limit := q.spills, sh.s.cfg.MaxQueue
	q.loadedAt = sh.s.cfg.Now()
	sh.mu.Unlock()
	rows, err := sh.s.cfg.Ledger.Waiting(sh.ctx, sh.n, q.destination, sh.s.sending.Load().holding(), limit)
	if err != nil {
		if sh.ctx.Err() == nil {
			sh.s.log.Warn("waiting messages are loaded later", "destination", q.destination, "err", err)
		}
		return
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for i := range rows {
		sh.restore(&rows[i])
	}
	if len(rows) < limit && q.spilling == 0 && q.spills == spills {
		q.spilled = false
	}
}

// work sends what it is given until the dispatcher ends.
func (q *queue) work() {
	for e := range q.jobs {
		if e.group != nil {
			q.together(e.group)
		} else {
			q.one(e)
		}
		if !q.mayStay() {
			return
		}
	}
}

// one tries to send a message whose intent is written, and settles what follows.
func (q *queue) one(e *entry) {
	sh := q.shard
	channel, breaker, ok := q.mayGo(e)
	if !ok {
		q.giveBack(e, sh.s.cfg.Now().Add(time.Second))
		return
	}
	ctx, cancel := context.WithTimeout(sh.calls, sh.s.cfg.Timeout)
	defer cancel()
	rendered := e.rendered
	if e.rendered = nil; rendered == nil {
		var err error
		if rendered, err = sh.s.cfg.Render(ctx, e.m); err != nil {
			q.settle(e, Receipt{}, renderError(err))
			return
		}
	}
	e.variant = rendered.Variant
	rendered.Key = enishi.NewID("retry", e.m.SendID.String(), fmt.Sprint(e.m.Round))
	k := handKey{e.m.SendID, e.m.Round}
	sh.noted(rendered, k, e.attempt)
	done, err := breaker.Allow()
	if err != nil {
		q.giveBack(e, sh.s.cfg.Now().Add(sh.s.cfg.BreakerOpen/4))
		return
	}
	if _, stands := sh.s.sending.Load().standing(q.destination); stands || sh.s.held(e.m) || !sh.valid() { // the last thing before the call
		done(nil)
		q.giveBack(e, sh.s.cfg.Now().Add(time.Second))
		return
	}
	receipt, err := channel.Send(ctx, rendered)
	sendErr := sh.called(k, e.attempt, receipt, err)
	if sendErr != nil && (sendErr.verdict == verdictBusy || sendErr.verdict == verdictUnknown) {
		done(sendErr)
	} else {
		done(nil)
	}
	q.settle(e, receipt, sendErr)
}

// renderError is what an error of rendering means: by itself the message can never be sent.
func renderError(err error) *SendError {
	var e *SendError
	if errors.As(err, &e) {
		return e
	}
	return Permanent(err).With("", "render")
}

// mayGo asks once more, right before the call, whether the message may leave, and by what.
func (q *queue) mayGo(e *entry) (Channel, *gobreaker.TwoStepCircuitBreaker[struct{}], bool) {
	sh := q.shard
	if sh.ctx.Err() != nil || !sh.valid() {
		return nil, nil, false
	}
	if _, stands := sh.s.sending.Load().standing(q.destination); stands || sh.s.held(e.m) {
		return nil, nil, false
	}
	now := sh.s.cfg.Now()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	ok := q.down == "" && !now.Before(q.quotaUntil) && !now.Before(q.holdUntil) && e.cancelled == "" &&
		!sh.s.cfg.expired(e.m)
	return q.route.Channel, q.breaker, ok
}

// giveBack lines a message up again that was chosen and not tried.
func (q *queue) giveBack(e *entry, next time.Time) {
	sh := q.shard
	sh.mu.Lock()
	defer sh.mu.Unlock()
	q.again(e, next)
}

// again lines a message up for another try, not before next. mu is held.
func (q *queue) again(e *entry, next time.Time) {
	sh := q.shard
	if e.cancelled != "" {
		state := stateDropped
		if e.doubt {
			state = stateUnknown
		}
		sh.end(e, state, outcome{reason: e.cancelled})
		q.release(e, true)
		return
	}
	e.next = next
	if !e.doubt {
		q.untried(e)
	}
	q.release(e, false)
}

// untried tells the ledger that a message was for certain not taken, where it stands as about to be. mu is held.
func (q *queue) untried(e *entry) {
	sh := q.shard
	q.storing++
	sh.owed++
	sh.s.flow.store(false, []Row{e.row(sh.n, stateDecided, sh.s.cfg.Now())}, func() {
		sh.s.cfg.InHand.forget(handKey{e.m.SendID, e.m.Round})
		q.wrote()
		sh.settle(1)
	})
}

// settle acts on the outcome of a try.
func (q *queue) settle(e *entry, receipt Receipt, err *SendError) {
	sh := q.shard
	now := sh.s.cfg.Now()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if err == nil {
		q.succeeded(now)
		sh.end(e, stateSent, outcome{code: receipt.Code, provider: receipt.ProviderID, reason: receipt.Note})
		q.release(e, true)
		return
	}
	o := outcome{code: err.Code, reason: reasonOf(err)}
	switch err.verdict {
	case verdictPermanent:
		sh.end(e, stateFailed, o)
		q.release(e, true)
	case verdictRefused:
		if err.Reason == "quota" && err.After == 0 { // else it is our own budget, which tells purposes apart
			q.outOfQuota(now, err)
		}
		sh.end(e, refusedOr(e), o)
		q.release(e, true)
	case verdictUnknown:
		q.shrink()
		if e.until.IsZero() {
			sh.end(e, stateUnknown, o)
			q.release(e, true)
			return
		}
		e.doubt = true
		q.again(e, now.Add(max(err.After, tryPause(e.attempt))))
	case verdictParked:
		q.shelve(e, o.reason)
		q.release(e, true)
	case verdictDown:
		q.goDown(now, err)
		q.again(e, now.Add(time.Second))
	case verdictBusy:
		q.shrink()
		if err.After > 0 {
			q.holdUntil = now.Add(err.After)
		}
		q.later(e, err, max(err.After, tryPause(e.attempt)))
	default:
		q.later(e, err, max(err.After, tryPause(e.attempt)))
	}
}

// refusedOr is how a refused message ends: what may have been taken at an earlier try was not refused for certain.
func refusedOr(e *entry) string {
	if e.doubt {
		return stateUnknown
	}
	return stateRefused
}

// reasonOf is the reason as it stands in the ledger: ours, then the provider's words.
func reasonOf(err *SendError) string {
	text := err.Error()
	switch {
	case err.Reason == "" && err.verdict == verdictBusy:
		return "busy: " + text
	case err.Reason == "" || err.Reason == text:
		return text
	case err.verdict == verdictRefused: // a closed set that the fold reads
		return err.Reason
	}
	return err.Reason + ": " + text
}

// later tries a message again within the round, or ends the round as deferred when it would wait too long here. mu is held.
func (q *queue) later(e *entry, err *SendError, pause time.Duration) {
	now := q.shard.s.cfg.Now()
	next := now.Add(pause)
	if e.doubt || e.cancelled != "" || next.Sub(e.arrived) < q.shard.s.cfg.MaxWait {
		q.again(e, next)
		return
	}
	q.putOff(e, next, err.verdict == verdictRetry, reasonOf(err))
	l := e.lane
	behind := append([]*entry(nil), l.entries[1:]...)
	q.release(e, true)
	for _, b := range behind { // keeps the order
		q.remove(b)
		q.putOff(b, next, false, "waits for an earlier one")
	}
}

// shrink starts over with one message at a time. mu is held.
func (q *queue) shrink() { q.window = 1 }

// goDown stops a destination until somebody acts. mu is held.
func (q *queue) goDown(now time.Time, err *SendError) {
	q.shrink()
	if q.down != "" {
		return
	}
	q.down = clip(err.Error(), 300)
	q.shard.s.log.Error("account is down: nothing more is sent by it", "destination", q.destination, "code", err.Code, "err", err)
	q.shard.s.cfg.Alert(enishi.Alert{
		ID: enishi.NewID("alert", "channel_down", q.destination, now.Format("2006-01-02T15")), Kind: "channel_down", Severity: "error", At: now,
		Text:   "Sending by " + q.destination + " has stopped: the provider does not accept the account (" + clip(err.Error(), 200) + "). Check its token or password, then resume.",
		TextJA: q.destination + " の配信を停止しました。アカウントの認証が拒否されています（" + clip(err.Error(), 200) + "）。トークンまたはパスワードを確認し、再開してください。"})
}

// outOfQuota refuses what waits for a destination until it is asked again. mu is held.
func (q *queue) outOfQuota(now time.Time, err *SendError) {
	first := q.quotaUntil.IsZero()
	q.quotaUntil = now.Add(quotaPause)
	q.swept = time.Time{}
	if !first {
		return
	}
	q.shard.s.log.Warn("quota is used up", "destination", q.destination, "err", err)
	q.shard.s.cfg.Alert(enishi.Alert{
		ID: enishi.NewID("alert", "quota", q.destination, now.Format("2006-01-02")), Kind: "quota", Severity: "warning", At: now,
		Text:   "The quota of " + q.destination + " is used up: its messages are refused until there is more.",
		TextJA: q.destination + " の送信可能数を使い切りました。補充されるまで配信を見送ります。"})
}
