package line

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"
)

var hashes = regexp.MustCompile(`^[0-9a-f]{64}$`)

// phone is a number as LINE knows it.
type phone struct {
	user     string
	verified bool     // its owner has agreed to notices and confirmed the number lately
	held     []notice // those that wait for that
}

// notice is one that LINE took and has not delivered.
type notice struct {
	sent   Sent
	tagged bool
}

// Register makes a user reachable by notification messages: hash is the
// lower-case SHA-256 of the phone number that he has registered at LINE.
func (s *Server) Register(userID, hash string) { s.register(userID, hash, true) }

// RegisterUnverified is the same for a user who has yet to agree to notices or
// to confirm his number: LINE takes notices and holds them.
func (s *Server) RegisterUnverified(userID, hash string) { s.register(userID, hash, false) }

func (s *Server) register(userID, hash string, verified bool) {
	s.mu.Lock()
	s.phones[hash] = &phone{user: userID, verified: verified}
	s.mu.Unlock()
}

// Unregister makes a number unknown to LINE, or its owner unwilling to get
// notices: both are answered 422.
func (s *Server) Unregister(hash string) {
	s.mu.Lock()
	delete(s.phones, hash)
	s.mu.Unlock()
}

// Verify is a user who agrees to notices and confirms his number: what is held
// for him is delivered, unless it was held for too long.
func (s *Server) Verify(hash string) {
	now := s.cfg.Now()
	s.onSent.Lock()
	defer s.onSent.Unlock()
	s.mu.Lock()
	p := s.phones[hash]
	if p == nil {
		s.mu.Unlock()
		return
	}
	held := p.held
	p.verified, p.held = true, nil
	var out []Sent
	for _, n := range held {
		if now.Sub(n.sent.At) > s.limits.NoticeHeld || s.users[p.user] != nil && s.users[p.user].blocked {
			continue
		}
		out = append(out, s.notified(n, now))
	}
	s.mu.Unlock()
	s.tell(out)
}

// notified hands a notice over, and tells its delivery by a webhook that names
// its tag and nobody. The caller holds mu.
func (s *Server) notified(n notice, now time.Time) Sent {
	m := n.sent
	s.sentSeq++
	m.Seq, m.At, m.Delivered, m.Reason = s.sentSeq, now, true, ""
	s.keep(m)
	s.counts.Delivered++
	if n.tagged {
		s.emit(event{Type: "delivery", Delivery: &deliveredTag{m.Tag}}, "", false, now)
	}
	return m
}

func (s *Server) tell(all []Sent) {
	if s.cfg.OnSent == nil {
		return
	}
	for _, m := range all {
		s.cfg.OnSent(m)
	}
}

// notify sends a notification message by the hash of a phone number. Whoever
// has it, friend or not, gets it, and a webhook tells the delivery. A number
// that nobody has is answered 422; one whose owner blocked the account, or has
// not confirmed it, is answered 200 like any other. Pictures and films are
// refused: a notice may have none.
func (s *Server) notify(c *call) *answer {
	var o object
	if err := json.Unmarshal(c.body, &o); err != nil {
		return unparsable(c.body, err)
	}
	tag, tags := "", c.r.Header["X-Line-Delivery-Tag"]
	if len(tags) > 0 {
		tag = tags[0]
		if n := utf8.RuneCountInString(tag); n < s.limits.DeliveryTagMin || n > s.limits.DeliveryTagMax {
			return refuse(http.StatusBadRequest, "The value for the 'X-Line-Delivery-Tag' header is invalid")
		}
	}
	check, root := check{limits: &s.limits}, where{}
	to, _ := check.text(o, root, "to", 64, true)
	messages := check.list(o, root, "messages", 1, s.limits.Messages)
	if len(check.errs) > 0 {
		return bodyErrors(check.errs)
	}
	if !hashes.MatchString(to) {
		return badField("'to'")
	}
	for _, raw := range messages {
		var m object
		if json.Unmarshal(raw, &m) == nil && slices.Contains([]string{"image", "video", "imagemap", "audio", "coupon"}, kind(m)) {
			return refuse(http.StatusBadRequest, "This type of message is not available for LINE notification messages")
		}
	}
	if a := s.checkMessages(messages, false); a != nil {
		return a
	}
	now := s.cfg.Now()
	s.onSent.Lock()
	defer s.onSent.Unlock()
	s.mu.Lock()
	p := s.phones[to]
	if p == nil {
		s.mu.Unlock()
		return refuse(http.StatusUnprocessableEntity, "Failed to send messages")
	}
	ids, _ := s.messageIDs(messages, now)
	n := notice{Sent{At: now, RequestID: c.id, Endpoint: "pnp", To: p.user, Messages: o["messages"], IDs: ids, Tag: tag}, len(tags) > 0}
	var m Sent
	if blocked := s.users[p.user] != nil && s.users[p.user].blocked; blocked || !p.verified {
		if n.sent.Reason = "blocked"; !blocked {
			n.sent.Reason = "not verified"
			p.held = append(p.held, n)
		}
		s.sentSeq++
		m = n.sent
		m.Seq = s.sentSeq
		s.keep(m)
		s.counts.Silent++
	} else {
		m = s.notified(n, now)
	}
	s.mu.Unlock()
	s.tell([]Sent{m})
	return ok(struct{}{})
}
