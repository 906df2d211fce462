package line

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// narrowcast is a send to audiences, which goes on after its call was answered.
type narrowcast struct {
	at, done     time.Time
	asked        int // how often its progress was asked for
	target, sent int
	code         int // why it failed; 0: it did not
	why          string
}

// Why a narrowcast fails, as its progress says.
const (
	tooFewRecipients = 2
	audienceTooSmall = 4
	partialCancelled = 5
)

type recipient struct {
	Type    string      `json:"type"`
	ID      int64       `json:"audienceGroupId"`
	Request string      `json:"requestId"`
	And     []recipient `json:"and"`
	Or      []recipient `json:"or"`
	Not     *recipient  `json:"not"`
}

// objects counts audiences and redeliveries.
func (r *recipient) objects() int {
	if r == nil {
		return 0
	}
	n := r.Not.objects()
	for i := range r.And {
		n += r.And[i].objects()
	}
	for i := range r.Or {
		n += r.Or[i].objects()
	}
	if r.Type != "operator" {
		n++
	}
	return n
}

// has tells whether a user is among the recipients. The caller holds mu.
func (s *Server) has(r *recipient, user string) bool {
	switch {
	case r == nil:
		return true // everybody
	case r.Type == "audience":
		g := s.audiences[r.ID]
		return g != nil && g.users[user]
	case r.Not != nil:
		return !s.has(r.Not, user)
	case len(r.And) > 0:
		return !slices.ContainsFunc(r.And, func(x recipient) bool { return !s.has(&x, user) })
	}
	return slices.ContainsFunc(r.Or, func(x recipient) bool { return s.has(&x, user) })
}

func (s *Server) narrowcast(c *call) *answer {
	var req struct {
		Messages  []json.RawMessage `json:"messages"`
		Recipient *recipient        `json:"recipient"`
		Limit     struct {
			Max           *int `json:"max"`
			UpToRemaining bool `json:"upToRemainingQuota"`
			ForbidPartial bool `json:"forbidPartialDelivery"`
		} `json:"limit"`
	}
	if err := json.Unmarshal(c.body, &req); err != nil {
		return unparsable(c.body, err)
	}
	switch {
	case len(req.Messages) == 0 || len(req.Messages) > s.limits.Messages:
		return badField("'messages'")
	case req.Recipient.objects() > s.limits.NarrowcastAudiences:
		return badField("'recipient'")
	case req.Limit.Max != nil && *req.Limit.Max < 1, req.Limit.ForbidPartial && !req.Limit.UpToRemaining:
		return badField("'limit'")
	}
	if a := s.checkMessages(req.Messages, false); a != nil {
		return a
	}
	now := s.cfg.Now()
	s.onSent.Lock()
	defer s.onSent.Unlock()
	s.mu.Lock()
	if c.key != "" {
		if k := s.keyFor(c.key, now); k.accepted != "" {
			s.mu.Unlock()
			return s.conflict(k)
		} else {
			k.accepted = c.id
		}
	}
	n := &narrowcast{at: now, done: now}
	s.narrowcasts[c.id] = n
	sent := s.carryOut(c, n, req.Recipient, req.Messages, req.Limit.Max, req.Limit.UpToRemaining, req.Limit.ForbidPartial, now)
	s.mu.Unlock()
	if s.cfg.OnSent != nil {
		for _, m := range sent {
			s.cfg.OnSent(m)
		}
	}
	return &answer{status: http.StatusAccepted, body: struct{}{}}
}

// carryOut sends at once what LINE sends after a while. The caller holds mu.
func (s *Server) carryOut(c *call, n *narrowcast, to *recipient, messages []json.RawMessage, most *int, upTo, whole bool, now time.Time) (sent []Sent) {
	fail := func(code int, why string) []Sent {
		n.code, n.why = code, why
		return nil
	}
	if to != nil && to.Type == "audience" {
		if g := s.audiences[to.ID]; g == nil || len(g.users) < s.limits.NarrowcastLeast {
			return fail(audienceTooSmall, "the audience has too few people")
		}
	}
	var users []*user
	for _, u := range s.order {
		if u.friend && s.has(to, u.id) {
			users = append(users, u)
		}
	}
	if len(users) < s.limits.NarrowcastLeast {
		return fail(tooFewRecipients, "there are not enough recipients")
	}
	if most != nil && *most < len(users) {
		users = users[:*most]
	}
	n.target = len(users)
	s.roll(now)
	if s.cfg.MonthlyQuota > 0 && s.usage+len(users) > s.cfg.MonthlyQuota {
		if !upTo || whole {
			return fail(partialCancelled, "the remaining messages are too few")
		}
		users = users[:max(s.cfg.MonthlyQuota-s.usage, 0)]
	}
	s.usage += len(users)
	raw, _ := json.Marshal(messages)
	ids, _ := s.messageIDs(messages, now)
	for _, u := range users {
		s.sentSeq++
		m := Sent{Seq: s.sentSeq, At: now, RequestID: c.id, RetryKey: c.key, Endpoint: "narrowcast", To: u.id, Delivered: true, Messages: raw, IDs: ids}
		s.keep(m)
		s.noteUnit(&m)
		sent = append(sent, m)
	}
	n.sent = len(sent)
	s.counts.Delivered += len(sent)
	return sent
}

// narrowcastProgress answers waiting, then sending, then how it ended.
func (s *Server) narrowcastProgress(c *call) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.narrowcasts[c.r.URL.Query().Get("requestId")]
	if n == nil || s.cfg.Now().Sub(n.at) > s.limits.NarrowcastKept {
		return refuse(http.StatusNotFound, "Not found")
	}
	out := map[string]any{"phase": "waiting", "acceptedTime": n.at.UTC().Format("2006-01-02T15:04:05.000Z")}
	switch n.asked++; {
	case n.asked == 1:
	case n.asked == 2:
		out["phase"], out["targetCount"] = "sending", n.target
	case n.code > 0:
		out["phase"], out["errorCode"], out["failedDescription"] = "failed", n.code, n.why+" ("+strconv.Itoa(n.code)+")"
	default:
		out["phase"], out["targetCount"], out["successCount"], out["failureCount"] = "succeeded", n.target, n.sent, n.target-n.sent
	}
	if n.asked > 2 {
		out["completedTime"] = n.done.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return ok(out)
}
