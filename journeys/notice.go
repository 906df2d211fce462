package journeys

import (
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/profiles"
)

// NoticeWait is how long after LINE took a notification message its delivery may still be told. A notice of which nothing was
// told by then was not delivered (LINE's reference, "Webhook delivery completion event"). It is LINE's own time:
// Settings.Accelerate does not shorten it.
const NoticeWait = 24 * time.Hour

// noticeSendBy is the default send_by of a step whose notice has channels after it: they come a day later.
const noticeSendBy = 2 * NoticeWait

// noticeFamilies are the families of events that a notice may be about: LINE allows it for what a customer ordered, and for
// nothing that advertises.
func noticeFamilies() []string { return []string{"order", "shipment", "return"} }

// noticeNode checks a message that may go as a notice.
func (c *compiler) noticeNode(n *node) {
	at := slices.Index(n.Channels, enishi.NoticeChannel)
	if at < 0 {
		return
	}
	field := "channels[" + itoa(at) + "]"
	if c.def.Purpose != transactional {
		c.nodeProblem(n.id, field, "a LINE notification message is for order and shipping notices only: the purpose of the journey must be transactional",
			"LINE 通知メッセージで送れるのは、注文や配送のお知らせだけです。ジャーニーの目的を transactional（お知らせ）にしてください")
	}
	types := c.def.Entry.Events
	if c.def.Entry.Event != "" {
		types = []string{c.def.Entry.Event}
	}
	fits := func(typ string) bool {
		family, _, _ := strings.Cut(typ, ".")
		return slices.Contains(noticeFamilies(), family)
	}
	if len(types) == 0 || slices.ContainsFunc(types, func(typ string) bool { return !fits(typ) }) {
		c.nodeProblem(n.id, field, "a LINE notification message is for order and shipping notices only: the journey must begin by an event of "+strings.Join(noticeFamilies(), ", "),
			"LINE 通知メッセージで送れるのは、注文や配送のお知らせだけです。"+strings.Join(noticeFamilies(), "、")+" のイベントで始まるジャーニーで使ってください")
	}
	switch {
	case at == len(n.Channels)-1:
	case n.SendBy == "":
		n.sendBy = noticeSendBy
	case n.sendBy > 0 && n.sendBy <= NoticeWait:
		c.nodeProblem(n.id, "send_by", "the channel after a LINE notification message is taken 24 hours later, when no delivery was told: send_by must be longer, such as 48h, or the notice must stand last",
			"LINE 通知メッセージの次の手段は、24 時間以内に配信完了の通知がなかったときに使われます。send_by を 48h のように 24 時間より長くするか、LINE 通知メッセージを最後にしてください")
	}
}

// left reports whether a notice was handed over: LINE took it, or nobody knows whether it did (it has no retry key here).
func left(m *profiles.Message) bool {
	return m.Channel == enishi.NoticeChannel && (!m.SentAt.IsZero() || m.End == "unknown")
}

// seen reports whether something was told of a message that only happens to one that was delivered.
func seen(m *profiles.Message) bool {
	return !m.DeliveredAt.IsZero() || !m.OpenedAt.IsZero() || !m.ClickedAt.IsZero()
}

// notice acts on what is told of a notice. Handed over, it waits for [NoticeWait], as a run of its own; delivered, it waits
// no longer. What is told later changes nothing any more: the next channel was taken.
func (s *stepper) notice(e *enishi.Event) {
	m := findMessage(s.p, e.Result.SendID)
	if m == nil || m.Channel != enishi.NoticeChannel {
		return
	}
	msg := *m
	if seen(&msg) {
		if id := waitOf(msg.SendID, msg.Round, ""); findRun(s.p, id) != nil {
			s.dropped = append(s.dropped, id)
		}
		return
	}
	if !left(&msg) || m.Round != e.Result.Round || e.Type != "message.sent" && e.Type != "message.unknown" {
		return
	}
	w, n := s.walkOf(&msg)
	if w == nil || len(after(n, &msg)) == 0 {
		return
	}
	since := msg.SentAt
	if since.IsZero() {
		since = msg.EndedAt
	}
	w.later(&msg, since.Add(NoticeWait), "")
}

// waitOf is the run by which a message waits; why makes the waits of one round different.
func waitOf(send enishi.ID, round int, why string) enishi.ID {
	return enishi.NewID("resend", send.String(), itoa(round)+why)
}

// after are the channels of a node that come after a message's.
func after(n *node, m *profiles.Message) []string {
	if at := slices.Index(n.channels, m.Channel); at >= 0 {
		return n.channels[at+1:]
	}
	return nil
}

// unseenNotice is the timer of a notice: the next channels are tried, unless it was delivered meanwhile.
func (w *walk) unseenNotice(m profiles.Message) {
	if seen(&m) {
		return
	}
	first, n := w.walkOf(&m)
	if first == nil {
		return
	}
	first.unseen = undelivered(&m)
	first.rest(n, after(n, &m), first.dueOf(&m))
}

// unneeded is a notice whose delivery nobody waits for any more, by an exit or the goal of its journey: the next channel is
// not taken, and its decision says why.
func (w *walk) unneeded(m profiles.Message) {
	if seen(&m) {
		return
	}
	first, n := w.walkOf(&m)
	if first == nil {
		return
	}
	for _, ch := range after(n, &m) {
		a := first.attempt(n, ch, first.dueOf(&m), 1)
		if findMessage(w.p, a.send) != nil {
			continue
		}
		a.checks = []enishi.Check{*undelivered(&m), {Name: "run", Detail: w.r.End + ":" + w.why}}
		a.decision(false, "run")
		return
	}
}

// undelivered says in a decision why the channel after a notice is looked at.
func undelivered(m *profiles.Message) *enishi.Check {
	since := m.SentAt
	if since.IsZero() {
		since = m.EndedAt
	}
	return &enishi.Check{Name: "notice", OK: true, Detail: "no delivery told since " + instantText(since)}
}
