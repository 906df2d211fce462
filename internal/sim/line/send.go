package line

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Sent is one accepted message group for one recipient. A multicast gives one
// for each of its recipients.
type Sent struct {
	Seq       uint64 // counts from 1, without gaps
	At        time.Time
	RequestID string
	RetryKey  string // as the caller wrote it, in lower case
	Endpoint  string // "push", "multicast", "reply", "narrowcast", "pnp"
	To        string
	// Delivered is false where LINE answers 200 and hands nothing over:
	// Reason is then "blocked" or "not a friend", of a notification message
	// "blocked" or "not verified".
	Delivered bool
	Reason    string
	// Messages is the JSON array as it was sent.
	Messages json.RawMessage
	IDs      []string // one for each message
	Unit     string   // aggregation unit, when one was assigned
	Silent   bool     // notificationDisabled
	Tag      string   // X-Line-Delivery-Tag of a notification message
}

// sendRequest is the content of push, multicast and reply.
type sendRequest struct {
	to         []string
	replyToken string
	raw        json.RawMessage
	messages   []json.RawMessage
	unit       string
	silent     bool
}

// retryKey is the memory of one X-Line-Retry-Key.
type retryKey struct {
	key      string
	first    time.Time
	accepted string // request id; empty until accepted
	sent     []sentMessage
}

// checkKey refuses ill-formed keys and keys on endpoints that do not take any.
// An empty header counts as ill-formed; LINE's answer to it is not documented.
func (s *Server) checkKey(c *call) *answer {
	if _, given := c.r.Header["X-Line-Retry-Key"]; !given {
		return nil
	}
	if c.endpoint != "push" && c.endpoint != "multicast" && c.endpoint != "narrowcast" || !uuids.MatchString(c.key) {
		return refuse(http.StatusBadRequest, "The value for the 'X-Line-Retry-Key' header is invalid")
	}
	return nil
}

// noteKey starts a key's time of validity, as its first use does.
func (s *Server) noteKey(key string) {
	if uuids.MatchString(key) {
		s.mu.Lock()
		s.keyFor(key, s.cfg.Now())
		s.mu.Unlock()
	}
}

// keyFor finds or makes the memory of a key and forgets the expired ones. The
// caller holds mu.
func (s *Server) keyFor(key string, now time.Time) *retryKey {
	for len(s.keyLine) > 0 && now.Sub(s.keyLine[0].first) > s.limits.RetryKeyFor {
		delete(s.keys, s.keyLine[0].key)
		s.keyLine = s.keyLine[1:]
	}
	k := s.keys[key]
	if k == nil {
		k = &retryKey{key: key, first: now}
		s.keys[key] = k
		s.keyLine = append(s.keyLine, k)
	}
	return k
}

// send checks and carries out push, multicast and reply.
func (s *Server) send(c *call) *answer {
	req, a := s.readSend(c)
	if a != nil {
		return a
	}
	if a := s.checkMessages(req.messages, false); a != nil {
		return a
	}
	now := s.cfg.Now()
	s.onSent.Lock()
	defer s.onSent.Unlock()
	s.mu.Lock()
	a, sent := s.accept(c, req, now)
	s.mu.Unlock()
	if s.cfg.OnSent != nil {
		for _, m := range sent {
			s.cfg.OnSent(m)
		}
	}
	return a
}

// accept does what happens at one instant: key, quota, delivery. The caller
// holds mu.
func (s *Server) accept(c *call, req sendRequest, now time.Time) (*answer, []Sent) {
	var key *retryKey
	if c.key != "" {
		if key = s.keyFor(c.key, now); key.accepted != "" {
			return s.conflict(key), nil
		}
	}
	if c.endpoint == "reply" {
		to, valid := s.useReplyToken(req.replyToken, now)
		if !valid {
			return refuse(http.StatusBadRequest, "Invalid reply token"), nil
		}
		req.to = []string{to}
	}
	for _, to := range req.to {
		if u := s.users[to]; u != nil && u.foreign {
			return refuse(http.StatusBadRequest, "Failed to send messages"), nil
		}
	}
	sent := make([]Sent, len(req.to))
	reached := 0
	for i, to := range req.to {
		reason := s.unreachable(to, now, c.endpoint == "multicast")
		if sent[i] = (Sent{To: to, Reason: reason, Delivered: reason == ""}); reason == "" {
			reached++
		}
	}
	if c.endpoint != "reply" {
		if !s.reserve(now, reached) {
			return refuse(http.StatusTooManyRequests, "You have reached your monthly limit."), nil
		}
		req.unit = s.assign(req.unit)
	}
	ids, answered := s.messageIDs(req.messages, now)
	for i := range sent {
		s.sentSeq++
		m := &sent[i]
		m.Seq, m.At, m.RequestID, m.RetryKey, m.Endpoint = s.sentSeq, now, c.id, c.key, c.endpoint
		m.Messages, m.IDs, m.Unit, m.Silent = req.raw, ids, req.unit, req.silent
		s.keep(*m)
		s.noteUnit(m)
	}
	s.counts.Delivered += reached
	s.counts.Silent += len(sent) - reached
	if key != nil {
		key.accepted = c.id
		if c.endpoint == "push" {
			key.sent = answered
		}
	}
	if c.endpoint == "multicast" {
		return ok(struct{}{}), sent
	}
	return ok(map[string][]sentMessage{"sentMessages": answered}), sent
}

// conflict is the answer to a key that has been accepted. LINE asks callers to
// keep the request the same under one key; another body is not looked at here.
func (s *Server) conflict(k *retryKey) *answer {
	return &answer{
		status: http.StatusConflict,
		header: map[string]string{"X-Line-Accepted-Request-Id": k.accepted},
		body:   problem{Message: "The retry key is already accepted", Sent: k.sent},
	}
}

func (s *Server) messageIDs(messages []json.RawMessage, now time.Time) ([]string, []sentMessage) {
	ids := make([]string, len(messages))
	answered := make([]sentMessage, len(messages))
	for i, raw := range messages {
		var m struct{ Type string }
		_ = json.Unmarshal(raw, &m) // checked before
		ids[i] = s.messageID(now)
		answered[i].ID = ids[i]
		switch m.Type {
		case "text", "textV2", "sticker", "image", "video", "template", "flex":
			answered[i].QuoteToken = s.token(48)
		}
	}
	return ids, answered
}

// keep remembers the last Config.Keep messages. The caller holds mu.
func (s *Server) keep(m Sent) {
	if len(s.sent) >= 2*s.cfg.Keep { // drop the older half in one move
		s.sent = append(s.sent[:0], s.sent[len(s.sent)-s.cfg.Keep+1:]...)
	}
	s.sent = append(s.sent, m)
	u := s.users[m.To]
	if m.Delivered && u != nil {
		u.received++
	}
}

// Sent returns the last Config.Keep accepted messages, oldest first.
func (s *Server) Sent() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Sent(nil), s.sent[max(0, len(s.sent)-s.cfg.Keep):]...)
}

// Received returns what a user got, in order, out of the messages remembered.
func (s *Server) Received(userID string) []Sent {
	var got []Sent
	for _, m := range s.Sent() {
		if m.To == userID && m.Delivered {
			got = append(got, m)
		}
	}
	return got
}

// ReceivedCount is the number of message groups a user has got in all.
func (s *Server) ReceivedCount(userID string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.users[userID]; u != nil {
		return u.received
	}
	return 0
}

// readSend parses and checks all but the inside of the messages.
func (s *Server) readSend(c *call) (req sendRequest, a *answer) {
	var o object
	if err := json.Unmarshal(c.body, &o); err != nil {
		return req, unparsable(c.body, err)
	}
	check := check{limits: &s.limits}
	root := where{}
	switch c.endpoint {
	case "reply":
		req.replyToken, _ = check.text(o, root, "replyToken", 1<<10, true)
	case "push":
		if check.required(o, root, "to") {
			var to string
			if err := json.Unmarshal(o["to"], &to); err != nil {
				return req, badField("'to'")
			}
			if to == "" {
				check.add(root.key("to"), mayNotBeEmpty)
				break
			}
			if groupIDs.MatchString(to) { // the account is in no group
				return req, refuse(http.StatusBadRequest, "Failed to send messages")
			}
			if !userIDs.MatchString(to) {
				return req, badField("'to'")
			}
			req.to = []string{to}
		}
	case "multicast":
		for i, raw := range check.list(o, root, "to", 1, s.limits.Recipients) {
			var to string
			if json.Unmarshal(raw, &to) != nil || !userIDs.MatchString(to) {
				return req, badField(fmt.Sprintf("to[%d]", i))
			}
			req.to = append(req.to, to)
		}
	}
	req.raw = o["messages"]
	req.messages = check.list(o, root, "messages", 1, s.limits.Messages)
	if !absent(o["notificationDisabled"]) && json.Unmarshal(o["notificationDisabled"], &req.silent) != nil {
		return req, badField("'notificationDisabled'")
	}
	if c.endpoint != "reply" {
		req.unit = check.unit(o)
	}
	if len(check.errs) > 0 {
		return req, bodyErrors(check.errs)
	}
	return req, nil
}

// unit reads customAggregationUnits. The SDK writes null for none.
func (c *check) unit(o object) string {
	const key = "customAggregationUnits"
	root := where{}
	if absent(o[key]) {
		return ""
	}
	for i, raw := range c.list(o, root, key, 0, c.limits.AggregationUnits) {
		at := root.key(key).at(i)
		var name string
		if json.Unmarshal(raw, &name) != nil || !wordName.MatchString(name) {
			c.add(at, "must match \"^[a-zA-Z0-9_]{1,%d}$\"", c.limits.UnitName)
		} else if len(name) > c.limits.UnitName {
			c.size(at, "Length", 1, c.limits.UnitName)
		} else {
			return name
		}
	}
	return ""
}

var jst = time.FixedZone("JST", 9*60*60)

// roll starts a new quota month. The caller holds mu.
func (s *Server) roll(now time.Time) {
	if month := now.In(jst).Format("2006-01"); month != s.month {
		s.month, s.usage, s.units, s.unitSeq = month, 0, map[string]bool{}, nil
	}
}

// reserve counts n recipients against the month's quota, all or none. A send
// that reaches nobody is free, but is refused too once the quota is used up.
// The caller holds mu.
func (s *Server) reserve(now time.Time, n int) bool {
	s.roll(now)
	if quota := s.cfg.MonthlyQuota; quota > 0 && (s.usage+n > quota || s.usage >= quota) {
		return false
	}
	s.usage += n
	return true
}

// assign registers an aggregation unit; names beyond the month's number are
// dropped and the message goes out without. The caller holds mu.
func (s *Server) assign(unit string) string {
	if unit == "" || s.units[unit] {
		return unit
	}
	if len(s.units) >= s.limits.UnitsPerMonth {
		return ""
	}
	s.units[unit] = true
	s.unitSeq = append(s.unitSeq, unit)
	return unit
}

// SetQuota changes the monthly quota; 0 is no limit.
func (s *Server) SetQuota(messages int) {
	s.mu.Lock()
	s.cfg.MonthlyQuota = messages
	s.mu.Unlock()
}

func (s *Server) quota() *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.MonthlyQuota == 0 {
		return ok(map[string]string{"type": "none"})
	}
	return ok(map[string]any{"type": "limited", "value": s.cfg.MonthlyQuota})
}

func (s *Server) consumption() *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roll(s.cfg.Now())
	return ok(map[string]int{"totalUsage": s.usage})
}

// aggregation answers the number and the names of the month's units.
func (s *Server) aggregation(c *call) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roll(s.cfg.Now())
	if c.endpoint == "aggregation/info" {
		return ok(map[string]int{"numOfCustomAggregationUnits": len(s.unitSeq)})
	}
	from, limit, a := page(c, 100, 100)
	if a != nil {
		return a
	}
	rest := s.unitSeq[min(int(from), len(s.unitSeq)):]
	answer := map[string]any{"customAggregationUnits": append([]string{}, rest[:min(limit, len(rest))]...)}
	if len(rest) > limit {
		answer["next"] = cursor(from + uint64(limit))
	}
	return ok(answer)
}

// page reads the limit and start parameters of a list.
func page(c *call, normal, most int) (from uint64, limit int, a *answer) {
	limit = normal
	q := c.r.URL.Query()
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > most {
			return 0, 0, badParameter("limit")
		}
		limit = n
	}
	if text := q.Get("start"); text != "" {
		b, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			return 0, 0, badParameter("start")
		}
		if from, err = strconv.ParseUint(string(b), 10, 32); err != nil {
			return 0, 0, badParameter("start")
		}
	}
	return from, limit, nil
}

func cursor(n uint64) string {
	return base64.RawURLEncoding.EncodeToString(strconv.AppendUint(nil, n, 10))
}
