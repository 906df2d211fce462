package profiles

import (
	"strconv"
	"testing"
	"time"

	"enishi"
)

var send = enishi.NewID("send", "1")

func result(round int, change func(*enishi.MessageResult)) func(*enishi.Event) {
	return func(e *enishi.Event) {
		e.Result = &enishi.MessageResult{SendID: send, Round: round, Channel: "email", Journey: "welcome"}
		if change != nil {
			change(e.Result)
		}
	}
}

func TestMessageAndItsResults(t *testing.T) {
	x := newPerson(t)
	mail := someone{email: alice.email}
	x.event("page.viewed", 0, nil)
	x.p.AddMessage(Message{SendID: send, Round: 1, Channel: "email", Purpose: Marketing, Journey: "welcome", Destination: "email:main:docomo.ne.jp", DecidedAt: at(time.Hour), To: subject(enishi.Email, alice.email)})
	equal(t, "pending", 1, len(x.p.Pending()))
	equal(t, "account", "main", x.p.Pending()[0].Account)
	equal(t, "destination", "email:main:docomo.ne.jp", x.p.Pending()[0].Destination)
	v := x.eventOf(mail, "message.deferred", 2, result(1, nil))
	equal(t, "deferred", "deferred", v.Messages[0].End)
	x.p.AddMessage(Message{SendID: send, Round: 2, Channel: "email", Purpose: Marketing, Journey: "welcome", DecidedAt: at(3 * time.Hour), To: subject(enishi.Email, alice.email)})
	v = x.p.View()
	equal(t, "decided anew", "", v.Messages[0].End)
	instantIs(t, "decided", 3, v.Messages[0].DecidedAt)
	v = x.eventOf(mail, "message.dropped", 3, result(1, nil))
	equal(t, "an old round's end", "", v.Messages[0].End)
	x.eventOf(mail, "message.sent", 4, result(2, nil))
	equal(t, "pending", 0, len(x.p.Pending()))
	seen := x.p.View().LastSeenAt
	x.eventOf(mail, "message.delivered", 5, result(2, nil))
	v = x.eventOf(mail, "message.opened", 6, result(0, func(r *enishi.MessageResult) { r.Machine = true }))
	equal(t, "a scanner opened it", true, v.Messages[0].OpenedAt.IsZero())
	equal(t, "reports are no sight of the person", seen, v.LastSeenAt)
	v = x.eventOf(mail, "message.clicked", 8, result(0, nil))
	instantIs(t, "a click is", 8, v.LastSeenAt)
	v = x.eventOf(mail, "message.clicked", 7, result(0, nil))
	instantIs(t, "the first click", 7, v.Messages[0].ClickedAt)
	equal(t, "one message", 1, len(v.Messages))
	equal(t, "kept at its address", 1, len(x.p.Subjects[x.index(enishi.Email)].Messages))
	v = x.eventOf(mail, "message.unsubscribed", 9, result(0, nil))
	consentIs(t, v, "email", Out)
	v = x.eventOf(mail, "message.bounced", 9, result(0, func(r *enishi.MessageResult) { r.Reason = "hard" }))
	equal(t, "bounced", "bounced", v.Messages[0].End)
	x.p.AddMessage(Message{SendID: send, Round: 3, DecidedAt: at(10 * time.Hour), To: subject(enishi.Email, alice.email)})
	equal(t, "a bounce stays", "bounced", x.p.View().Messages[0].End)
}

func TestResultOfAMessageThatIsNotKnown(t *testing.T) {
	x := newPerson(t)
	v := x.eventOf(someone{email: alice.email}, "message.sent", 1, result(1, nil))
	equal(t, "journey", "welcome", v.Messages[0].Journey)
	instantIs(t, "sent", 1, v.Messages[0].SentAt)
	x.p.AddMessage(Message{SendID: send, Round: 1, Journey: "welcome", Purpose: Marketing, DecidedAt: at(0), To: subject(enishi.Email, alice.email)})
	v = x.p.View()
	equal(t, "one message", 1, len(v.Messages))
	instantIs(t, "decided", 0, v.Messages[0].DecidedAt)
	instantIs(t, "still sent", 1, v.Messages[0].SentAt)
	equal(t, "purpose", Marketing, v.Messages[0].Purpose)
}

// TestSoftBouncesInARow: three messages in a row that came back suppress the address; one that did not, or a person who
// opened one since, breaks the row.
func TestSoftBouncesInARow(t *testing.T) {
	mail := someone{email: alice.email}
	setup := func() (*person, func(n, hour int, end string) *View) {
		x := newPerson(t)
		x.eventOf(mail, "page.viewed", 0, nil)
		return x, func(n, hour int, end string) *View {
			id := enishi.NewID("send", strconv.Itoa(n))
			x.p.AddMessage(Message{SendID: id, Round: 1, Channel: "email", DecidedAt: at(time.Duration(10*hour) * time.Hour), To: subject(enishi.Email, alice.email)})
			told := func(r *enishi.MessageResult) { r.SendID, r.Reason = id, "soft" }
			v := x.eventOf(mail, "message.sent", 10*hour+1, result(1, told))
			if end != "" {
				v = x.eventOf(mail, end, 10*hour+5, result(1, told))
			}
			return v
		}
	}
	suppressed := func(v *View) bool { _, yes := v.Suppressed("email"); return yes }

	x, send := setup()
	send(1, 1, "message.bounced")
	equal(t, "two", false, suppressed(send(2, 2, "message.bounced")))
	equal(t, "three", true, suppressed(send(3, 3, "message.bounced")))
	equal(t, "one on its way", true, suppressed(send(4, 4, "")))
	equal(t, "opened since", false, suppressed(x.eventOf(mail, "message.opened", 50, result(0, func(r *enishi.MessageResult) { r.SendID = enishi.NewID("send", "1") }))))

	_, send = setup()
	send(1, 1, "message.bounced")
	send(2, 2, "message.bounced")
	send(3, 3, "")
	send(4, 4, "message.bounced")
	equal(t, "not in a row", false, suppressed(send(5, 5, "message.bounced")))
	equal(t, "three after one that arrived", true, suppressed(send(6, 6, "message.bounced")))
}

// TestComplaintIsAnOptOut: who reports a mail as spam gets none, and has said so.
func TestComplaintIsAnOptOut(t *testing.T) {
	x := newPerson(t)
	mail := someone{email: alice.email}
	x.eventOf(mail, "consent.changed", 1, permission("email", "in"))
	v := x.eventOf(mail, "message.complained", 2, result(1, nil))
	consentIs(t, v, "email", Out)
	_, suppressed := v.Suppressed("email")
	equal(t, "suppressed", true, suppressed)
}
