package profiles

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"enishi"
)

// Purposes of messages and permissions.
const (
	Marketing     = "marketing"
	Transactional = "transactional"
)

const bounced = "bounced"

func compareMessage(a, b *Message) int { return a.SendID.Compare(b.SendID) }

// AddMessage notes a send that was decided, with its Round, DecidedAt and To, or what was decided about it later: an End
// for a new Round, or a Reason. It goes to the subject of the address and is joined with what is known of it; a result
// that came before it is kept.
func (p *Profile) AddMessage(m Message) {
	if m.To.IsZero() {
		m.To = p.ID
	}
	m.DecidedAt = m.DecidedAt.UTC().Truncate(time.Millisecond)
	before := len(p.Subjects)
	s := &p.Subjects[p.ensure(m.To)]
	if len(p.Subjects) != before {
		p.mark(ChangedIdentifiers)
	}
	p.addMessage(s, &m)
	p.mark(ChangedMessages)
}

func (p *Profile) addMessage(s *Subject, m *Message) {
	p.touchMessage(m)
	if i, ok := search(s.Messages, m, compareMessage); ok {
		s.Messages[i].join(m)
		return
	} else {
		s.Messages = slices.Insert(s.Messages, i, *m)
	}
	s.Messages = keepNewest(s.Messages, MaxCollection, rankMessage, p.touchMessage)
}

// Pending are the messages that were decided and of which nothing has been heard yet, as what their cancellation needs:
// SendID, Round, Destination, and what names them.
func (p *Profile) Pending() []enishi.Message {
	var out []enishi.Message
	v := p.View()
	for i := range v.Messages {
		m := &v.Messages[i]
		if m.DecidedAt.IsZero() || !m.SentAt.IsZero() || !m.DeliveredAt.IsZero() || m.End != "" {
			continue
		}
		_, account, _ := strings.Cut(m.Destination, ":")
		account, _, _ = strings.Cut(account, ":")
		out = append(out, enishi.Message{SendID: m.SendID, Round: m.Round, Profile: p.ID, Subject: m.To, Destination: m.Destination, Channel: m.Channel, Account: account,
			Purpose: m.Purpose, Journey: m.Journey, Node: m.Node, RunID: m.RunID, Template: m.Template, DecidedAt: m.DecidedAt})
	}
	return out
}

// result folds what a sender or provider tells of a message.
func (f *folding) result(name string) {
	r := f.e.Result
	if r == nil {
		return
	}
	address := f.addressOf(r.Channel)
	switch {
	case name == "complained":
		address.Lifetime.Bounced = latest(address.Lifetime.Bounced, f.at)
		f.consent(address, Consent{Channel: r.Channel, Out: true, Method: methodComplaint, Source: f.e.Source})
	case name == bounced && r.Reason == "hard":
		address.Lifetime.Bounced = latest(address.Lifetime.Bounced, f.at)
	case name == "refused" && r.Channel == "social" && r.Reason == "unreachable":
		f.unreachable(address, r.Destination)
	case name == "unsubscribed":
		f.consent(address, Consent{Channel: r.Channel, Out: true, Method: methodUnsubscribe, Source: f.e.Source})
	}
	if r.SendID.IsZero() {
		return
	}
	m := Message{SendID: r.SendID, Round: r.Round, Channel: r.Channel, Purpose: r.Purpose, Journey: r.Journey, Node: r.Node, Template: r.Template,
		RunID: r.RunID, To: f.subjectID(), Destination: r.Destination}
	switch name {
	case "sent":
		m.SentAt = f.at
	case "delivered":
		m.DeliveredAt = f.at
	case "opened":
		if !r.Machine {
			m.OpenedAt = f.at
		}
	case "clicked":
		if !r.Machine {
			m.ClickedAt = f.at
		}
	case "failed", "refused", bounced, "dropped", "unknown", "deferred":
		m.EndedAt, m.End, m.Reason = f.at, strings.TrimPrefix(f.typeName(), "message."), cmp.Or(r.Reason, r.Code)
		m.Round = max(m.Round, 1)
	}
	pack(&m.Channel, &m.Purpose, &m.Journey, &m.Node, &m.Template, &m.Destination, &m.Reason)
	f.changed |= ChangedMessages
	f.p.addMessage(f.subject(), &m)
}

// join takes what x knows of the same message. What was decided last names it (of two reports the larger text); of what
// happened the first stands; how it ended is of the newest round, but a bounce stays whatever is decided after it.
func (m *Message) join(x *Message) {
	a, b := *m, *x
	c := a.DecidedAt.Compare(b.DecidedAt)
	if c < 0 {
		a, b = b, a
	}
	for _, f := range [...][2]*string{{&a.Channel, &b.Channel}, {&a.Purpose, &b.Purpose}, {&a.Journey, &b.Journey}, {&a.Node, &b.Node},
		{&a.Template, &b.Template}, {&a.Destination, &b.Destination}} {
		if *f[0] == "" || c == 0 && *f[1] > *f[0] {
			*f[0] = *f[1]
		}
	}
	for _, f := range [...][2]*enishi.ID{{&a.RunID, &b.RunID}, {&a.To, &b.To}} {
		if f[0].IsZero() || c == 0 && f[1].Compare(*f[0]) > 0 {
			*f[0] = *f[1]
		}
	}
	if endWins(&b, &a) {
		a.EndedAt, a.End, a.Reason = b.EndedAt, b.End, b.Reason
	}
	a.Round = max(a.Round, b.Round)
	a.SentAt, a.DeliveredAt = earliest(a.SentAt, b.SentAt), earliest(a.DeliveredAt, b.DeliveredAt)
	a.OpenedAt, a.ClickedAt = earliest(a.OpenedAt, b.OpenedAt), earliest(a.ClickedAt, b.ClickedAt)
	*m = a
}

// maxSoft is how many messages in a row may come back with a passing reason before the address counts as dead.
const maxSoft = 3

// softBounced reports whether the last messages to this address came back, each with a passing reason. A message that was
// sent before the newest of them and did not come back breaks the row, and so does a person who opened one since; what was
// sent after it may still come back.
func (s *Subject) softBounced() bool {
	soft := func(m *Message) bool { return m.End == bounced && m.Reason == "soft" }
	n := 0
	var newest, ended time.Time
	for i := range s.Messages {
		if m := &s.Messages[i]; soft(m) {
			n++
			newest, ended = latest(newest, latest(m.DecidedAt, m.SentAt)), latest(ended, m.EndedAt)
		}
	}
	if n < maxSoft {
		return false
	}
	var good time.Time
	for i := range s.Messages {
		switch m := &s.Messages[i]; {
		case m.OpenedAt.After(ended), m.ClickedAt.After(ended):
			return false
		case !soft(m) && m.Channel == "email" && !m.SentAt.IsZero() && m.SentAt.Before(newest):
			good = latest(good, m.SentAt)
		}
	}
	n = 0
	for i := range s.Messages {
		if m := &s.Messages[i]; soft(m) && latest(m.DecidedAt, m.SentAt).After(good) {
			n++
		}
	}
	return n >= maxSoft
}

// endWins reports whether the end of a is that of the message.
func endWins(a, b *Message) bool {
	if (a.End == bounced) != (b.End == bounced) {
		return a.End == bounced
	}
	if a.End != bounced && a.Round != b.Round {
		return a.Round > b.Round
	}
	if c := a.EndedAt.Compare(b.EndedAt); c != 0 {
		return c > 0
	}
	return cmp.Or(strings.Compare(a.End, b.End), strings.Compare(a.Reason, b.Reason)) > 0
}
