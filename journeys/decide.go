package journeys

import (
	"strings"
	"time"

	"enishi"
	"enishi/profiles"
)

// attempt is one channel tried for one message of a run.
type attempt struct {
	*walk
	n        *node
	channel  string
	template string
	version  int64     // of the template
	known    bool      // the template is there
	subject  enishi.ID // of the address
	to       string    // the address, "" when there is none
	due      time.Time
	round    int
	resent   bool   // not the first decision of this message: the run may have ended since
	account  string // by which it leaves
	send     enishi.ID
	until    time.Time // of social: when what lets the message leave ends; zero: nothing of the kind
	checks   []enishi.Check
	opens    time.Time // when the message may leave, if that is all that is against it
}

// rule is one check of a decision. The rules are made in order, up to the first that fails. What a message that waits for its
// hours counts against (the caps) comes after them, so that it is counted when it leaves.
type rule struct {
	name string
	// person: the rule is about the person or the time, so another channel would not help.
	person bool
	test   func(*attempt) (ok bool, detail string)
}

var rules = []rule{
	{"template", false, (*attempt).checkTemplate},
	{"address", false, (*attempt).checkAddress},
	{"suppression", false, (*attempt).checkSuppression},
	{"consent", false, (*attempt).checkConsent},
	{"hold", true, (*attempt).checkHold},
	{"holdout", true, (*attempt).checkHoldout},
	{"run", true, (*attempt).checkRun},
	{"freshness", true, (*attempt).checkFreshness},
	{"quiet_hours", false, (*attempt).checkQuiet},
	{"cap", false, (*attempt).checkCap},
	{"window", false, (*attempt).checkWindow},
}

// send decides a message node: the first channel that passes all rules takes the message. Each channel that was tried
// leaves a decision. opens is not zero when one would take it later: then it is to be decided again from there on.
func (w *walk) send(n *node, due time.Time) (opens time.Time) {
	w.k.setDue(n.id, due)
	w.dirty = true
	if a := w.try(n, n.channels, due, false); a != nil {
		return a.opens
	}
	return time.Time{}
}

// try goes through channels, up to the first that takes the message. It returns the attempt at one that would take it later,
// else nil.
func (w *walk) try(n *node, channels []string, due time.Time, resent bool) *attempt {
	for _, ch := range channels {
		a := w.attempt(n, ch, due, 1)
		a.resent = resent
		if m := findMessage(w.p, a.send); m != nil {
			continue // decided once already: only its sender's report may start a new round
		}
		failed := a.decide()
		switch {
		case failed == nil:
			return nil
		case !a.opens.IsZero():
			return a
		case failed.person:
			return nil
		}
	}
	return nil
}

// attempt prepares one channel. An empty channel is that of the node's only template.
func (w *walk) attempt(n *node, channel string, due time.Time, round int) *attempt {
	a := &attempt{walk: w, n: n, channel: channel, template: n.Template, due: due, round: round}
	if n.Template == "" {
		a.template = n.Templates[channel]
	}
	if w.env.Templates != nil {
		version, ch, ok := w.env.Templates(a.template)
		a.known = ok && (channel == "" || enishi.ParentChannel(channel) == ch)
		a.version = version
		if ok && channel == "" {
			a.channel = ch
		}
	}
	a.send = enishi.NewID("send", w.r.ID.String(), n.id, itoa(w.visit(n)), a.channel)
	a.account = w.account(n, a.channel)
	if x, ok := w.p.View().AddressOf(a.channel, a.account); ok {
		a.subject, a.to = x.ID, x.Value
		if a.subject.IsZero() { // post: an address is no identifier
			a.subject = w.r.Subject
		}
	}
	return a
}

// account is the one by which a node's messages on a channel leave: its own, the journey's, else as the settings have it.
func (w *walk) account(n *node, channel string) string {
	channel = enishi.ParentChannel(channel)
	if own := n.Accounts[channel]; own != "" {
		return own
	}
	if own := w.j.Definition.Accounts[channel]; own != "" {
		return own
	}
	return w.set.account(channel, w.j.Definition.Purpose)
}

// visit is how often the run came to a node by now.
func (w *walk) visit(n *node) int {
	if p := w.k.loop(n.id); p != nil {
		return p.Visits
	}
	return 1
}

// decide makes the checks, and the message when all hold. It returns the rule that failed.
func (a *attempt) decide() *rule {
	a.checks = make([]enishi.Check, 0, len(rules))
	if a.unseen != nil {
		a.checks = append(a.checks, *a.unseen)
	}
	for i := range rules {
		ok, detail := rules[i].test(a)
		a.checks = append(a.checks, enishi.Check{Name: rules[i].name, OK: ok, Detail: detail})
		if !ok {
			a.decision(false, rules[i].name)
			return &rules[i]
		}
	}
	a.decision(true, "sent")
	a.message()
	return nil
}

func (a *attempt) decision(sent bool, reason string) {
	subject := a.r.Subject
	if a.to != "" {
		subject = a.subject
	}
	a.out.Decisions = append(a.out.Decisions, enishi.Decision{SendID: a.send, Round: a.round, Profile: a.p.ID, Subject: subject, At: a.now,
		Journey: a.j.Name, Version: int(a.j.Version), Node: a.n.id, RunID: a.r.ID, Channel: a.channel, Purpose: a.j.Definition.Purpose,
		Template: a.template, Sent: sent, Reason: reason, Checks: a.checks})
}

// message hands the decided message over and notes it in the profile.
func (a *attempt) message() {
	purpose := a.j.Definition.Purpose
	priority := 0
	if purpose == transactional {
		priority = 10
	}
	dest := destination(a.channel, a.account, a.to)
	language := a.language()
	a.out.Messages = append(a.out.Messages, enishi.Message{SendID: a.send, Round: a.round, Profile: a.p.ID, Subject: a.subject,
		Destination: dest, Channel: a.channel, Account: a.account, Purpose: purpose, Journey: a.j.Name, Version: int(a.j.Version), Node: a.n.id,
		RunID: a.r.ID, Template: a.template, TemplateVersion: a.version, To: a.to, Language: language,
		Variables: a.variables(language), DecidedAt: a.now, NotAfter: a.notAfter(), Priority: priority,
		Prefecture: a.p.View().Traits["prefecture"].String(), Headline: a.n.Subject,
		Tags: a.set.LinkTags(a.j.Definition.UTM, a.channel, a.account, a.j.Name, a.n.id, a.template, a.now)})
	a.p.AddMessage(profiles.Message{SendID: a.send, Round: a.round, Channel: a.channel, Purpose: purpose, Journey: a.j.Name, Node: a.n.id,
		Template: a.template, RunID: a.r.ID, DecidedAt: a.now, To: a.subject, Destination: dest})
}

func instantText(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (a *attempt) checkTemplate() (bool, string) {
	if !a.known {
		return false, "no template " + a.template + " for " + a.channel
	}
	return true, a.template
}

func (a *attempt) checkAddress() (bool, string) {
	if a.to == "" {
		return false, "no " + a.channel + " address"
	}
	return true, "known"
}

// checkSuppression: bounces and complaints; on LINE also who is no friend, or blocked the account.
func (a *attempt) checkSuppression() (bool, string) {
	if reason, suppressed := a.p.View().SuppressedOf(a.channel, a.account); suppressed {
		return false, reason
	}
	return true, ""
}

func (a *attempt) checkConsent() (bool, string) {
	purpose := a.j.Definition.Purpose
	if a.j.Definition.Topic != "" {
		purpose += ":" + a.j.Definition.Topic
	}
	state, since := a.p.View().Consent(a.channel, purpose)
	detail := state
	if !since.IsZero() {
		detail += " since " + instantText(since)
	}
	if a.channel == "social" && state == profiles.Unknown {
		if w, _ := a.p.View().Window(a.channel, a.account, a.now); !w.ActedAt.IsZero() {
			return true, "conversation since " + instantText(w.ActedAt) // the person began it: the window says how long that holds
		}
	}
	if a.channel == enishi.PostalChannel && a.j.Definition.Purpose == marketing {
		return state != "out", detail // advertising by post needs no permission in Japan, and ends when the person refuses it
	}
	if a.j.Definition.Purpose == marketing || a.j.Definition.Consent == consentOptIn {
		return state == "in", detail
	}
	return state != "out", detail
}

func (a *attempt) checkHold() (bool, string) {
	reason, until, held := a.p.View().Held(a.now)
	switch {
	case !held:
		return true, ""
	case a.j.Definition.Purpose == transactional:
		return true, reason + ": does not stop transactional messages"
	case until.IsZero() || until.Year() >= 9999:
		return false, reason + " until released"
	}
	return false, reason + " until " + instantText(until)
}

// checkRun: what ended because of an exit or the goal is not sent in a later round.
func (a *attempt) checkRun() (bool, string) {
	if a.resent && !a.r.EndedAt.IsZero() && a.r.End != endCompleted {
		return false, a.r.End + " at " + instantText(a.r.EndedAt)
	}
	return true, ""
}

func (a *attempt) checkFreshness() (bool, string) {
	limit := a.due.Add(a.n.sendBy)
	return a.now.Before(limit), "due " + instantText(a.due) + ", send by " + instantText(limit)
}

// checkWindow: a direct message may leave within a time after the person wrote. Outside of it advertising needs an opt-in to
// marketing messages, and what is no advertisement a template that may leave then. How it goes stands in the address.
func (a *attempt) checkWindow() (bool, string) {
	w, known := a.p.View().Window(a.channel, a.account, a.now)
	marketed := a.j.Definition.Purpose == marketing
	switch {
	case !known:
		return true, "none for " + a.channel
	case w.Open(a.now):
		a.until = w.Until
		return true, "open until " + instantText(w.Until)
	case marketed && w.Permit != nil:
		a.to, a.until = enishi.SocialByToken+w.Permit.Token, w.Permit.Ends()
		return true, "opt-in " + w.Permit.Topic + " since " + instantText(w.Permit.At)
	case !marketed && a.env.Outside != nil && a.env.Outside(a.template):
		a.to = enishi.SocialOutside + a.to
		return true, "closed, by tag or utility template"
	case w.Until.IsZero():
		return false, "never opened"
	}
	return false, "closed since " + instantText(w.Until)
}

// language is the person's, by its primary subtag; the sender falls back to the template's own when it has no such variant.
func (a *attempt) language() string {
	if v, ok := a.p.View().Traits["language"]; ok && v.Kind == enishi.Text {
		lang, _, _ := strings.Cut(strings.ToLower(v.Text), "-")
		if len(lang) == 2 || len(lang) == 3 {
			return lang
		}
	}
	return a.set.DefaultLanguage
}

// style is the language that names, dates and prices are written in: the message's if it is ja or en, else the shop's.
func (a *attempt) style(language string) string {
	if language == "ja" || language == "en" {
		return language
	}
	return a.set.DefaultLanguage
}
