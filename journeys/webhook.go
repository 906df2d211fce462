package journeys

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/types"

	"enishi"
)

// webhookChannel is the channel of calls; their destination is webhook:HOST.
const webhookChannel = "webhook"

// Bounds of webhooks.
const (
	maxHookBody = 16 << 10
	maxAnswers  = 32 << 10 // bytes of answers that a run keeps: the oldest leave first
)

// called is a webhook's newest call in a run.
type called struct {
	Node   string    `wire:"1"`
	Send   enishi.ID `wire:"2"`
	Round  int       `wire:"3"`
	State  string    `wire:"4"` // answered, failed; empty: it is under way
	Status int       `wire:"5"` // of HTTP; 0: there was no answer
	Body   string    `wire:"6"` // JSON that it answered
}

// What became of a call.
const (
	callAnswered = "answered"
	callFailed   = "failed"
)

// call finds a node's newest call; nil: there was none.
func (k *kept) call(node string) *called {
	for i := range k.Calls {
		if k.Calls[i].Node == node {
			return &k.Calls[i]
		}
	}
	return nil
}

// webhookNode checks a call of another system. What its address, headers and body have to be is checked by the channel
// ([Check]).
func (c *compiler) webhookNode(n *node) {
	h := n.Webhook
	if h == nil || h.URL == "" {
		c.nodeProblem(n.id, "webhook", "the address is missing: {\"url\": \"https://crm.shop.example/hooks\"}", "呼び出すアドレスを {\"url\": \"https://crm.shop.example/hooks\"} の形で書いてください")
		return
	}
	u, err := url.Parse(h.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || strings.Contains(u.Hostname(), ":") {
		c.nodeProblem(n.id, "webhook.url", "write an address such as https://crm.shop.example/hooks", "https://crm.shop.example/hooks のように書いてください")
		return
	}
	if len(h.Body) > maxHookBody {
		c.nodeProblem(n.id, "webhook.body", "the body is larger than 16 KB: make it shorter", "本文は 16 KB までにしてください")
	}
	n.host = strings.ToLower(u.Hostname())
	if n.sendBy = defaultSendBy; n.Timeout != "" {
		n.wait = c.duration("nodes."+n.id+".timeout", n.Timeout)
		n.sendBy = n.wait
	}
	if n.SendBy != "" {
		n.sendBy = c.duration("nodes."+n.id+".send_by", n.SendBy)
	}
	switch {
	case n.Timeout == "" && n.OnFailure != "":
		c.nodeProblem(n.id, "on_failure", "on_failure needs timeout, which is how long the answer is waited for: add it", "on_failure には timeout（応答を待つ時間）が必要です。timeout を加えてください")
	case n.Timeout != "" && n.sendBy > n.wait:
		c.nodeProblem(n.id, "send_by", "send_by is longer than timeout, so a call would be made that nobody waits for: make it shorter", "send_by は timeout より短くしてください（待たれていない呼び出しになります）")
	}
	for name := range newFields() {
		if strings.HasPrefix(name, "run."+n.id+".") {
			c.nodeProblem(n.id, "", "run."+n.id+" has another meaning in conditions: choose another id", "条件式の run."+n.id+" と区別できません。別の ID にしてください")
			return
		}
	}
}

// calls lets the channel say what is wrong with addresses, headers and bodies.
func (c *compiler) calls(check func(*Webhook) error) {
	if check == nil {
		return
	}
	for _, id := range c.nodeIDs() {
		n := c.j.nodes[id]
		if n.Type != nodeWebhook {
			continue
		}
		var e *enishi.Error
		switch err := check(n.Webhook); {
		case err == nil:
		case errors.As(err, &e):
			c.nodeProblem(id, "webhook."+e.Field, strings.TrimSpace(e.Field+" "+e.Msg), e.MsgJA)
		default:
			c.nodeProblem(id, "webhook", err.Error(), err.Error())
		}
	}
}

// webhooks adds what conditions may ask of a definition's webhooks: run.NODE.status, run.NODE.answered, and
// run.NODE.body with what the answer has.
func (fs fields) webhooks(def *Definition) {
	for id, n := range def.Nodes {
		if n == nil || n.Type != nodeWebhook || !idPattern.MatchString(id) || slices.Contains([]string{"order", "shipment", "cart"}, id) {
			continue
		}
		fs.number("run."+id+".status", func(s *scope) float64 {
			if c := s.k.call(id); c != nil {
				return float64(c.Status)
			}
			return 0
		})
		fs.truth("run."+id+".answered", func(s *scope) bool {
			c := s.k.call(id)
			return c != nil && c.State == callAnswered
		})
		fs["run."+id+".body.*"] = field{"run." + id + ".body.*", types.Any, nil}
	}
}

// answerField is a value within the answer of a webhook; its type is known when it comes.
func answerField(path string) field {
	parts := strings.Split(path, ".")
	return field{path, types.Any, func(s *scope) any {
		c := s.k.call(parts[1])
		if c == nil || c.Body == "" {
			return nil
		}
		var v any
		if json.Unmarshal([]byte(c.Body), &v) != nil {
			return nil
		}
		for _, name := range parts[3:] {
			m, _ := v.(map[string]any)
			v = m[name]
		}
		return v
	}}
}

// webhook makes the node's call. With a timeout the run rests until the answer comes.
func (w *walk) webhook(n *node, due time.Time) (next string, rests bool) {
	w.k.setDue(n.id, due)
	w.dirty = true
	send := enishi.NewID("send", w.r.ID.String(), n.id, itoa(w.visit(n)), webhookChannel)
	w.k.Calls = slices.DeleteFunc(w.k.Calls, func(c called) bool { return c.Node == n.id })
	w.k.Calls = append(w.k.Calls, called{Node: n.id, Send: send})
	failed := w.callOut(n, due, 1)
	switch {
	case failed == "holdout": // the same way as who is called for
		return n.Next, false
	case failed != "":
		w.k.call(n.id).State = callFailed
		return n.failure(), false
	case n.Timeout == "":
		return n.Next, false
	}
	w.r.Wait = newWait(w.now.Add(w.set.scaled(n.wait)), w.now)
	return "", true
}

// failure is the way of who got no answer.
func (n *node) failure() string {
	if n.OnFailure != "" {
		return n.OnFailure
	}
	return n.Next
}

// callOut decides a round of a call, and hands it over when nothing stands against it: that is no message, so it needs no
// permission and counts for no cap. It returns the check that failed.
func (w *walk) callOut(n *node, due time.Time, round int) string {
	c := w.k.call(n.id)
	c.Round = round
	a := &attempt{walk: w, n: n, channel: webhookChannel, account: n.host, due: due, round: round, resent: round > 1, send: c.Send, subject: w.r.Subject}
	for _, r := range rules {
		if !slices.Contains([]string{"holdout", "run", "freshness"}, r.name) {
			continue
		}
		ok, detail := r.test(a)
		a.checks = append(a.checks, enishi.Check{Name: r.name, OK: ok, Detail: detail})
		if !ok {
			a.decision(false, r.name)
			return r.name
		}
	}
	content, err := json.Marshal(n.Webhook)
	if err != nil {
		return "content" // a struct of texts always marshals
	}
	a.decision(true, "sent")
	purpose, priority, language := w.j.Definition.Purpose, 0, a.language()
	if purpose == transactional {
		priority = 10
	}
	a.out.Messages = append(a.out.Messages, enishi.Message{SendID: a.send, Round: round, Profile: a.p.ID, Subject: w.r.Subject,
		Destination: webhookChannel + ":" + n.host, Channel: webhookChannel, Account: n.host, Purpose: purpose, Journey: a.j.Name, Version: int(a.j.Version),
		Node: n.id, RunID: a.r.ID, To: n.Webhook.URL, Language: language, Variables: a.variables(language), DecidedAt: a.now, NotAfter: due.Add(n.sendBy),
		Priority: priority, Prefecture: a.p.View().Traits["prefecture"].String(), Content: string(content)})
	return ""
}

// answer acts on what the sender tells of a call.
func (s *stepper) answer(e *enishi.Event) {
	w, n, c := s.callOf(e.Result.RunID, e.Result.Node, e.Result.SendID, e.Result.Round)
	if c == nil {
		return
	}
	switch e.Type {
	case "webhook.deferred":
		if until := e.Result.Until.UTC().Truncate(time.Millisecond); until.After(s.now) {
			w.aside(n.id, &resend{SendID: c.Send, RunID: w.r.ID, Round: c.Round}, until, "")
			return
		}
		w.callAgain(n, c)
	case "webhook.answered":
		c.State = callAnswered
		if c.Status, _ = strconv.Atoi(e.Result.Code); json.Valid([]byte(e.Result.ProviderID)) {
			c.Body = strings.Clone(e.Result.ProviderID)
		}
	default:
		c.State = callFailed
		c.Status, _ = strconv.Atoi(e.Result.Code)
	}
	w.k.boundAnswers()
	w.k.write(w.r)
	s.changed = true
}

// boundAnswers drops the oldest answers beyond the bound; their status stays.
func (k *kept) boundAnswers() {
	n := 0
	for i := len(k.Calls) - 1; i >= 0; i-- {
		if n += len(k.Calls[i].Body); n > maxAnswers {
			k.Calls[i].Body = ""
		}
	}
}

// callOf finds a call that is under way by its round; c is nil when it is not.
func (s *stepper) callOf(run enishi.ID, node string, send enishi.ID, round int) (*walk, *node, *called) {
	r := findRun(s.p, run)
	if r == nil {
		return nil, nil, nil
	}
	j := s.env.Journeys.find(r.Journey, r.Version)
	if j == nil || j.nodes[node] == nil || j.nodes[node].Type != nodeWebhook {
		return nil, nil, nil
	}
	w := s.walk(r, j)
	c := w.k.call(node)
	if c == nil || c.Send != send || c.Round != round || c.State != "" {
		return nil, nil, nil
	}
	return w, j.nodes[node], c
}

// callAgain decides the next round of a call, under its own send id.
func (w *walk) callAgain(n *node, c *called) {
	if w.callOut(n, w.k.due(n.id), c.Round+1) != "" {
		c.State = callFailed
	}
}

// callDue is the timer of a deferred call; over: its journey does not want it any more.
func (s *stepper) callDue(x *resend, node string, over bool) {
	w, n, c := s.callOf(x.RunID, node, x.SendID, x.Round)
	if c == nil {
		return
	}
	if over {
		c.State = callFailed
	} else {
		w.callAgain(n, c)
	}
	w.k.write(w.r)
	s.changed = true
}

// cameBack reports whether the run rests at a webhook whose call has ended, and where it goes on.
func (w *walk) cameBack(n *node) (next string, did bool) {
	if n == nil || n.Type != nodeWebhook || isResend(w.r) {
		return "", false
	}
	switch c := w.k.call(n.id); {
	case c == nil || c.State == "":
		return "", false
	case c.State == callAnswered:
		return n.Next, true
	}
	return n.failure(), true
}

// callEnded: the run rests at a webhook whose call has ended.
func (w *walk) callEnded(n *node) bool {
	_, did := w.cameBack(n)
	return did
}

// returned lets the run go on from a webhook whose call has ended, or whose time is over.
func (w *walk) returned(n *node) bool {
	next, did := w.cameBack(n)
	at := w.now
	if !did && n != nil && n.Type == nodeWebhook && !isResend(w.r) && !w.now.Before(w.r.Wait.Until) {
		next, did, at = n.failure(), true, w.r.Wait.Until
	}
	if did {
		w.leave(n)
		w.goTo(next, at)
	}
	return did
}

// personVars is who a webhook is about, for other systems.
type personVars struct {
	Profile    string            `json:"profile"`
	CustomerID string            `json:"customer_id,omitempty"`
	Email      string            `json:"email,omitempty"`
	Phone      string            `json:"phone,omitempty"`
	LineUserID string            `json:"line_user_id,omitempty"`
	Traits     map[string]string `json:"traits,omitempty"`
}

// answerVars is what a webhook answered, for templates.
type answerVars struct {
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body,omitempty"`
}

// person is nil but for webhooks: messages do not carry more of a person than they show.
func (a *attempt) person() *personVars {
	if a.channel != webhookChannel {
		return nil
	}
	v := &personVars{Profile: a.p.ID.String(), Traits: map[string]string{}}
	for i := range a.p.Subjects {
		switch s := &a.p.Subjects[i]; s.Kind {
		case enishi.Customer:
			v.CustomerID = s.Value
		case enishi.Phone:
			v.Phone = s.Value
		}
	}
	v.Email = a.address("email")
	v.LineUserID = a.address("line")
	for name, value := range a.p.View().Traits {
		if text := value.String(); text != "" && len(v.Traits) < maxTraits*5 {
			v.Traits[name] = text
		}
	}
	return v
}

func (a *attempt) address(channel string) string {
	x, _ := a.p.View().AddressOf(channel, a.walk.account(a.n, channel))
	return x.Value
}

// answers are those of the run's webhooks so far, by node.
func (w *walk) answers() map[string]answerVars {
	if len(w.k.Calls) == 0 {
		return nil
	}
	out := map[string]answerVars{}
	for i := range w.k.Calls {
		if c := &w.k.Calls[i]; c.State != "" {
			out[c.Node] = answerVars{Status: c.Status, Body: json.RawMessage(c.Body)}
		}
	}
	return out
}
