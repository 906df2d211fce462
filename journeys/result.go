package journeys

import (
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/profiles"
)

// keptPending is how long a message that nobody reported on is taken to be on its way.
const keptPending = 7 * 24 * time.Hour

// soldOut is why the sender does not let a message go of whose offer nothing can be bought any more.
const soldOut = "sold_out"

// result acts on what the sender tells of a message: deferred is decided again, refused tries the channels after it, a
// notice of LINE that was taken waits for its delivery. Reports of an older round, or of a message that left, change nothing.
func (s *stepper) result(e *enishi.Event) {
	if strings.HasPrefix(e.Type, "webhook.") {
		s.answer(e)
		return
	}
	if e.Result.Channel == enishi.NoticeChannel {
		s.notice(e)
	}
	deferred := e.Type == "message.deferred"
	if !deferred && e.Type != "message.refused" {
		return
	}
	m := findMessage(s.p, e.Result.SendID)
	if m == nil || m.Round != e.Result.Round || !m.SentAt.IsZero() {
		return
	}
	msg := *m // deciding adds messages, which may move this one
	w, n := s.walkOf(&msg)
	if w == nil {
		return
	}
	due := w.dueOf(&msg)
	if deferred {
		if until := e.Result.Until.UTC().Truncate(time.Millisecond); until.After(s.now) {
			w.later(&msg, until, "")
			return
		}
		w.again(n, &msg, due)
		return
	}
	if e.Result.Reason == "expired" && s.now.Before(due.Add(n.sendBy)) && w.limitedByHours(&msg, due.Add(n.sendBy)) {
		w.again(n, &msg, due)
		return
	}
	if e.Result.Reason == soldOut { // so it is on every channel
		w.refused(n, &msg, due, soldOut, soldOut)
		return
	}
	if at := slices.Index(n.channels, msg.Channel); at >= 0 && at+1 < len(n.channels) {
		w.rest(n, n.channels[at+1:], due)
		return
	}
	w.refused(n, &msg, due, "refused", e.Result.Reason)
}

// refused is the decision that a message which the sender did not let go is not sent in another way.
func (w *walk) refused(n *node, m *profiles.Message, due time.Time, reason, detail string) {
	a := w.attempt(n, channelOf(n, m.Channel), due, m.Round+1)
	a.send = m.SendID
	a.checks = []enishi.Check{{Name: "sender", Detail: detail}}
	a.decision(false, reason)
}

// channelOf is the channel as the node names it.
func channelOf(n *node, channel string) string {
	if n.Template != "" {
		return ""
	}
	return channel
}

// walkOf finds the run and the node that decided a message; nil when they are forgotten.
func (s *stepper) walkOf(m *profiles.Message) (*walk, *node) {
	r := findRun(s.p, m.RunID)
	if r == nil {
		return nil, nil
	}
	j := s.env.Journeys.find(r.Journey, r.Version)
	if j == nil || j.nodes[m.Node] == nil || j.nodes[m.Node].Type != nodeMessage {
		return nil, nil
	}
	return s.walk(r, j), j.nodes[m.Node]
}

// dueOf is when a message was due at first; send_by counts from there in every round.
func (w *walk) dueOf(m *profiles.Message) time.Time {
	if due := w.k.due(m.Node); !due.IsZero() {
		return due
	}
	return m.DecidedAt
}

// again decides a message a second time, under its own send id and the next round.
func (w *walk) again(n *node, m *profiles.Message, due time.Time) {
	a := w.attempt(n, channelOf(n, m.Channel), due, m.Round+1)
	a.send, a.resent = m.SendID, true
	switch failed := a.decide(); {
	case failed == nil:
	case !a.opens.IsZero():
		w.later(m, a.opens, instantText(a.opens))
	default:
		w.drop(m, failed.name)
		if at := slices.Index(n.channels, m.Channel); failed.name == "window" && at >= 0 && at+1 < len(n.channels) {
			w.rest(n, n.channels[at+1:], due) // it closed while the message waited
		}
	}
}

// limitedByHours: a message could leave until its hours ended, before its send-by.
func (w *walk) limitedByHours(m *profiles.Message, sendBy time.Time) bool {
	hours := w.window(m.Channel)
	closes := hours.closes(m.DecidedAt)
	return !closes.IsZero() && closes.Before(sendBy)
}

// rest tries the channels that come after one that was refused. What has to wait for its hours does so as a run of its own.
func (w *walk) rest(n *node, channels []string, due time.Time) {
	if a := w.try(n, channels, due, true); a != nil {
		w.aside(n.id, &resend{SendID: a.send, RunID: w.r.ID, Channel: channelOf(n, a.channel)}, a.opens, instantText(a.opens))
	}
}

// drop notes in the profile that a message will not be sent any more.
func (w *walk) drop(m *profiles.Message, why string) {
	ended := *m
	ended.Round, ended.EndedAt, ended.End, ended.Reason = m.Round+1, w.now, "dropped", why
	w.p.AddMessage(ended)
}

// later lets a deferred message wait for its instant; why makes the waits of one round different.
func (w *walk) later(m *profiles.Message, until time.Time, why string) {
	w.aside(m.Node, &resend{SendID: m.SendID, RunID: m.RunID, Round: m.Round}, until, why)
}

// aside lets a message wait as a run of its own: the run that decided it has gone on.
func (w *walk) aside(node string, x *resend, until time.Time, why string) {
	r := profiles.Run{ID: waitOf(x.SendID, x.Round, why), Journey: w.r.Journey, Version: w.r.Version, Key: w.r.Key,
		Subject: w.r.Subject, EnteredAt: w.now, Node: node, Since: w.now,
		Wait: &profiles.Wait{Until: until, Events: []string{waitResend}, Armed: w.now}}
	if findRun(w.p, r.ID) != nil {
		return
	}
	k := w.k
	k.Resend = x
	k.write(&r)
	w.started = append(w.started, r)
}

// isResend: the run is a deferred message.
func isResend(r *profiles.Run) bool {
	return r.Wait != nil && len(r.Wait.Events) == 1 && r.Wait.Events[0] == waitResend
}

// resend is the timer of a deferred run.
func (w *walk) resend() {
	w.dropped = append(w.dropped, w.r.ID)
	x := w.k.Resend
	if n := w.j.nodes[w.r.Node]; n != nil && n.Type == nodeWebhook {
		w.stepper.callDue(x, n.id, false)
		return
	}
	m := findMessage(w.p, x.SendID)
	if m == nil && x.Round == 0 { // it was the hours that were against it
		if first, n := w.walkOf(&profiles.Message{RunID: x.RunID, Node: w.r.Node}); first != nil {
			first.rest(n, n.channels[max(slices.Index(n.channels, x.Channel), 0):], first.k.due(n.id))
		}
		return
	}
	if m != nil && left(m) {
		w.unseenNotice(*m)
		return
	}
	if m == nil || !m.SentAt.IsZero() || m.Round > x.Round {
		return
	}
	msg := *m
	if first, n := w.walkOf(&msg); first != nil {
		first.again(n, &msg, first.dueOf(&msg))
	}
}

// giveUp ends a deferred run by an exit or the goal of its journey: the message is not decided again.
func (w *walk) giveUp() {
	w.dropped = append(w.dropped, w.r.ID)
	x := w.k.Resend
	if n := w.j.nodes[w.r.Node]; n != nil && n.Type == nodeWebhook {
		w.stepper.callDue(x, n.id, true)
		return
	}
	msg := profiles.Message{SendID: x.SendID, RunID: x.RunID, Node: w.r.Node, Channel: x.Channel}
	m := findMessage(w.p, x.SendID)
	switch {
	case m != nil && left(m):
		w.unneeded(*m)
		return
	case m != nil && (!m.SentAt.IsZero() || m.Round > x.Round):
		return
	case m != nil:
		msg = *m
	case x.Round > 0:
		return
	}
	first, n := w.walkOf(&msg)
	if first == nil {
		return
	}
	a := first.attempt(n, channelOf(n, msg.Channel), first.dueOf(&msg), msg.Round+1)
	a.send = msg.SendID
	a.checks = []enishi.Check{{Name: "run", Detail: w.r.End + ":" + w.why}}
	a.decision(false, "run")
	if m != nil {
		first.drop(&msg, "run")
	}
}

// mayCancel are the changes that can forbid a message that was decided and has not left.
const mayCancel = profiles.ChangedConsents | profiles.ChangedHolds | profiles.ChangedLifetime | profiles.ChangedIdentifiers

// cancelPending orders messages back that have not left and that the person's state forbids by now.
func (s *stepper) cancelPending(changed profiles.Change) {
	if changed&mayCancel == 0 || !anyMessage(s.p, s.pending) {
		return
	}
	for _, m := range slices.Clone(s.p.View().Messages) {
		if s.pending(&m) {
			if why := s.forbidden(&m); why != "" {
				s.cancel(&m, why)
			}
		}
	}
}

// pending: decided, and nothing was heard of it nor was it ordered back.
func (s *stepper) pending(m *profiles.Message) bool {
	return m.SentAt.IsZero() && m.DeliveredAt.IsZero() && m.End == "" && m.Reason == "" && !m.DecidedAt.IsZero() && s.now.Sub(m.DecidedAt) <= keptPending
}

// forbidden is why a message may not leave, "" when it may.
func (s *stepper) forbidden(m *profiles.Message) string {
	v := s.p.View()
	if reason, suppressed := v.SuppressedOf(m.Channel, accountOf(m.Destination)); suppressed {
		return "suppression:" + reason
	}
	state, _ := v.Consent(m.Channel, m.Purpose)
	// By post no permission is asked for, and of a direct message the conversation is one: only a refusal takes them back.
	asks := m.Channel != enishi.PostalChannel && m.Channel != "social"
	if state == "out" || m.Purpose == marketing && asks && state != "in" {
		return "consent:" + state
	}
	if reason, _, held := v.Held(s.now); held && m.Purpose == marketing {
		return "hold:" + reason
	}
	return ""
}

// accountOf is the account of a destination.
func accountOf(destination string) string {
	_, account, _ := strings.Cut(destination, ":")
	account, _, _ = strings.Cut(account, ":")
	return account
}

// cancel sends the order after the message, under the same key, once.
func (s *stepper) cancel(m *profiles.Message, why string) {
	c := enishi.Message{SendID: m.SendID, Round: m.Round, Profile: s.p.ID, Subject: m.To, Destination: m.Destination, Channel: m.Channel, Account: accountOf(m.Destination),
		Purpose: m.Purpose, Journey: m.Journey, Node: m.Node, RunID: m.RunID, Template: m.Template, DecidedAt: s.now, Cancel: true, Reason: why}
	if r := findRun(s.p, m.RunID); r != nil {
		c.Version = int(r.Version)
	}
	s.out.Messages = append(s.out.Messages, c)
	asked := *m
	asked.Reason = "cancel:" + why
	s.p.AddMessage(asked)
}
