package channels

import (
	"bytes"
	"context"
	"crypto/sha256"
	"strconv"
	"time"

	"github.com/sony/gobreaker/v2"

	"enishi"
)

// A group is people who get the same in one call (LINE's multicast). It is put together and written to the ledger before
// its first try, in one insert, and never changes after: every further try has the same people under the same key, so that
// the provider takes it once. While it is known that nothing was taken it may fall apart; its people are then lined up anew.

// Grouper is a [Channel] that can hand the same content to many people in one call. Route.Group says how many.
type Grouper interface {
	// SendGroup sends m, whose To does not count, to everybody in to, once under m.Key. All get it or nobody.
	// m.Begin is called as by Send.
	SendGroup(ctx context.Context, m *Rendered, to []Recipient) (Receipt, error)
}

// Recipient is one of a group.
type Recipient struct {
	To     string // address
	SendID enishi.ID
}

// group guards nothing of its own: the shard's mutex does.
type group struct {
	id      enishi.ID // of its members' rounds and tries
	members []*entry  // heads of their lanes, which are busy as long as the group lives
	next    time.Time // in doubt: not tried before
}

func (g *group) doubt() bool      { return g.members[0].doubt }
func (g *group) until() time.Time { return g.members[0].until }

// mayGroup tells whether a message may leave together with others. What is about one person's own order never is the same.
func (q *queue) mayGroup(m *enishi.Message) bool {
	return q.most > 1 && m.Purpose == marketing
}

// people is how many messages to choose for a number of calls: as many as are likely to stand in them. mu is held.
func (q *queue) people(calls int) int {
	if q.most == 1 || calls < 1 {
		return calls
	}
	return max(min(2*calls*q.perCall, maxAhead-q.busy), 0)
}

// people is how many a call may be for.
func (r *Route) people() int {
	if _, ok := r.Channel.(Grouper); !ok {
		return 1
	}
	return min(max(r.Group, 1), maxAhead)
}

// bundle puts those of picked together that say the same. It returns what is to be called for, at most calls of it: a group
// stands there as its first member. What is left goes back to its place. No mutex is held.
func (q *queue) bundle(picked []*entry, calls int) (jobs []*entry) {
	if q.most == 1 {
		return picked
	}
	sh := q.shard
	type content [sha256.Size]byte
	var order []content
	same := map[content][]*entry{}
	var alone []*entry
	for _, e := range picked {
		if e.single || e.doubt || !q.mayGroup(e.m) {
			alone = append(alone, e)
			continue
		}
		if e.rendered == nil {
			ctx, cancel := context.WithTimeout(sh.calls, sh.s.cfg.Timeout)
			rendered, err := sh.s.cfg.Render(ctx, e.m)
			cancel()
			if err != nil { // the worker comes to the same error, and says so
				alone = append(alone, e)
				continue
			}
			e.rendered = rendered
		}
		c := sha256.Sum256(bytes.Join([][]byte{e.rendered.Messages, []byte(e.rendered.Unit)}, []byte{0}))
		if same[c] == nil {
			order = append(order, c)
		}
		same[c] = append(same[c], e)
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	var groups []*group
	for _, c := range order {
		for _, members := range q.split(same[c]) {
			if len(members) == 1 {
				alone = append(alone, members...)
				continue
			}
			groups = append(groups, &group{members: members})
		}
	}
	if n := len(groups) + len(alone); n > 0 {
		q.perCall = max(len(picked)/n, 1)
	}
	for _, g := range groups {
		if len(jobs) == calls {
			q.unpick(g.members)
			continue
		}
		parts := make([]string, 0, 3*len(g.members))
		for _, e := range g.members {
			e.group, e.rendered = g, nil // it is rendered once for all
			parts = append(parts, e.m.SendID.String(), strconv.Itoa(e.m.Round), strconv.Itoa(e.attempt))
		}
		g.id = enishi.NewID("group", parts...)
		jobs = append(jobs, g.members[0])
	}
	n := min(len(alone), calls-len(jobs))
	q.unpick(alone[n:])
	return append(jobs, alone[:n]...)
}

// split cuts people of one content into groups of at most the route's size; an address stands once in a group.
func (q *queue) split(es []*entry) (out [][]*entry) {
	var seen []map[string]bool
next:
	for _, e := range es {
		for i := range out {
			if len(out[i]) < q.most && !seen[i][e.m.To] {
				out[i], seen[i][e.m.To] = append(out[i], e), true
				continue next
			}
		}
		out, seen = append(out, []*entry{e}), append(seen, map[string]bool{e.m.To: true})
	}
	return out
}

// unpick puts chosen messages back, for which no intent was written. mu is held.
func (q *queue) unpick(es []*entry) {
	for _, e := range es {
		q.release(e, false)
	}
}

// due takes the groups in doubt whose time has come, at most n of them. mu is held.
func (q *queue) due(n int, now time.Time) (out []*entry) {
	keep := q.doubtful[:0:0]
	for _, g := range q.doubtful {
		switch late := g.late(q, now); {
		case late != "":
			q.busy += len(g.members)
			q.endGroup(g, stateUnknown, outcome{reason: late})
		case len(out) < n && !g.next.After(now):
			q.busy += len(g.members)
			out = append(out, g.members[0])
		default:
			keep = append(keep, g)
		}
	}
	q.doubtful = keep
	return out
}

// late says why a group in doubt is not tried any more: its key is about to be forgotten, or it would come too late for one
// of its people. Empty: it is not.
func (g *group) late(q *queue, now time.Time) string {
	if !g.until().After(now) {
		return "not answered"
	}
	for _, e := range g.members {
		if q.shard.s.cfg.expired(e.m) {
			return "expired"
		}
	}
	return ""
}

// nextGroup is how long until the first group in doubt is tried again. mu is held.
func (q *queue) nextGroup(now time.Time) time.Duration {
	again := time.Hour
	for _, g := range q.doubtful {
		again = min(again, max(g.next.Sub(now), time.Millisecond))
	}
	return again
}

// membersOf are all messages of the jobs. mu is held.
func membersOf(jobs []*entry) (out []*entry) {
	for _, e := range jobs {
		if e.group == nil {
			out = append(out, e)
		} else {
			out = append(out, e.group.members...)
		}
	}
	return out
}

// rejoin brings back a member of a group that was at the provider when the process ended. mu is held.
func (q *queue) rejoin(e *entry, id enishi.ID) {
	var g *group
	for _, x := range q.doubtful {
		if x.id == id {
			g = x
		}
	}
	if g == nil {
		g = &group{id: id}
		q.doubtful = append(q.doubtful, g)
	}
	e.group, g.members = g, append(g.members, e)
	key := laneKey{e.m.Profile, e.m.Purpose}
	l := q.lanes[key]
	if l == nil {
		l = &lane{queue: q, key: key, urgent: isUrgent(e.m)}
		q.lanes[key] = l
	}
	e.lane, l.state = l, laneBusy
	l.entries = append([]*entry{e}, l.entries...)
	q.shard.entries[e.m.SendID] = e
	q.size++
	q.poke()
}

// together sends a group whose intents are written, and settles what follows.
func (q *queue) together(g *group) {
	sh := q.shard
	ctx, cancel := context.WithTimeout(sh.calls, sh.s.cfg.Timeout)
	defer cancel()
	rendered, err := sh.s.cfg.Render(ctx, g.members[0].m)
	if err != nil {
		q.settleGroup(g, Receipt{}, renderError(err))
		return
	}
	rendered.Key = enishi.NewID("retry", g.id.String())
	k, attempt := handKey{id: g.id}, g.members[0].attempt
	sh.noted(rendered, k, attempt)
	to := make([]Recipient, len(g.members))
	for i, e := range g.members {
		to[i] = Recipient{e.m.To, e.m.SendID}
	}
	channel, breaker, ok := q.groupMayGo(g)
	if !ok {
		q.backGroup(g, sh.s.cfg.Now().Add(time.Second))
		return
	}
	done, err := breaker.Allow()
	if err != nil {
		q.backGroup(g, sh.s.cfg.Now().Add(sh.s.cfg.BreakerOpen/4))
		return
	}
	if !sh.valid() { // the last thing before the call
		done(nil)
		q.backGroup(g, sh.s.cfg.Now().Add(time.Second))
		return
	}
	receipt, err := channel.SendGroup(ctx, rendered, to)
	sendErr := sh.called(k, attempt, receipt, err)
	if sendErr != nil && (sendErr.verdict == verdictBusy || sendErr.verdict == verdictUnknown) {
		done(sendErr)
	} else {
		done(nil)
	}
	q.settleGroup(g, receipt, sendErr)
}

// groupMayGo asks once more, right before the call, whether a group may leave. Before its first try nobody may be in it
// who must not get it any more; after that it is as it is.
func (q *queue) groupMayGo(g *group) (Grouper, *gobreaker.TwoStepCircuitBreaker[struct{}], bool) {
	sh := q.shard
	if sh.ctx.Err() != nil || !sh.valid() {
		return nil, nil, false
	}
	if _, stands := sh.s.sending.Load().standing(q.destination); stands {
		return nil, nil, false
	}
	for _, e := range g.members {
		if sh.s.held(e.m) {
			return nil, nil, false
		}
	}
	now := sh.s.cfg.Now()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	channel, ok := q.route.Channel.(Grouper)
	if !ok || q.down != "" || now.Before(q.quotaUntil) || now.Before(q.holdUntil) {
		return nil, nil, false
	}
	for _, e := range g.members {
		if !g.doubt() && (e.cancelled != "" || sh.s.cfg.expired(e.m)) {
			return nil, nil, false
		}
	}
	return channel, q.breaker, true
}

// backGroup lines a group up again that was chosen and not tried.
func (q *queue) backGroup(g *group, next time.Time) {
	q.shard.mu.Lock()
	defer q.shard.mu.Unlock()
	q.regroup(g, next)
}

// regroup keeps a group in doubt as it is until next, and lets another fall apart. mu is held.
func (q *queue) regroup(g *group, next time.Time) {
	if g.doubt() {
		g.next = next
		q.busy -= len(g.members)
		q.doubtful = append(q.doubtful, g)
		q.poke()
		return
	}
	q.fallApart(g, next)
}

// fallApart lines the people of a group up again, of which it is certain that nobody got it. mu is held.
func (q *queue) fallApart(g *group, next time.Time) {
	for _, e := range g.members {
		e.group = nil
		q.again(e, next)
	}
	q.shard.told(handKey{id: g.id})
}

// endGroup ends all of a group by one insert. mu is held.
func (q *queue) endGroup(g *group, state string, o outcome) {
	q.shard.endAll(g.members, state, o)
	for _, e := range g.members {
		q.release(e, true)
	}
}

// settleGroup acts on the outcome of a group's try.
func (q *queue) settleGroup(g *group, receipt Receipt, err *SendError) {
	sh := q.shard
	now := sh.s.cfg.Now()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if err == nil {
		q.succeeded(now)
		q.endGroup(g, stateSent, outcome{code: receipt.Code, provider: receipt.ProviderID})
		return
	}
	o := outcome{code: err.Code, reason: reasonOf(err)}
	pause := max(err.After, tryPause(g.members[0].attempt))
	switch err.verdict {
	case verdictPermanent:
		if g.doubt() { // an earlier try may have been taken all the same
			q.endGroup(g, stateUnknown, o)
			return
		}
		for _, e := range g.members { // it may be one of them only: each for itself
			e.single = true
		}
		q.fallApart(g, now)
	case verdictRefused:
		if err.Reason == "quota" && err.After == 0 {
			q.outOfQuota(now, err)
		}
		if len(g.members) > 1 && !g.doubt() && err.After > 0 { // the rest of the budget may do for some of them
			for _, e := range g.members {
				e.single, e.group = true, nil
				q.again(e, now)
			}
			return
		}
		q.endGroup(g, refusedOr(g.members[0]), o)
	case verdictUnknown:
		q.shrink()
		if g.until().IsZero() {
			q.endGroup(g, stateUnknown, o)
			return
		}
		for _, e := range g.members {
			e.doubt = true
		}
		q.regroup(g, now.Add(pause))
	case verdictDown:
		q.goDown(now, err)
		q.regroup(g, now.Add(time.Second))
	default:
		if err.verdict == verdictBusy {
			q.shrink()
			if err.After > 0 {
				q.holdUntil = now.Add(err.After)
			}
		}
		if g.doubt() {
			q.regroup(g, now.Add(pause))
			return
		}
		for _, e := range g.members {
			e.group = nil
			q.later(e, err, pause)
		}
		sh.told(handKey{id: g.id})
	}
}
