package line

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"unicode/utf8"
)

var hashes = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Register makes a user reachable by notification messages: hash is the
// lower-case SHA-256 of the phone number that he has registered at LINE.
func (s *Server) Register(userID, hash string) {
	s.mu.Lock()
	s.phones[hash] = userID
	s.mu.Unlock()
}

// notify sends a notification message by the hash of a phone number. Whoever
// has it, friend or not, gets it; one that nobody has is answered 422. The
// delivery is told by a webhook. Pictures and films are refused: a notice may
// have none.
func (s *Server) notify(c *call) *answer {
	var o object
	if err := json.Unmarshal(c.body, &o); err != nil {
		return unparsable(c.body, err)
	}
	tags, tagged := c.r.Header["X-Line-Delivery-Tag"]
	if tagged {
		if n := utf8.RuneCountInString(tags[0]); n < s.limits.DeliveryTagMin || n > s.limits.DeliveryTagMax {
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
	user := s.phones[to]
	if user == "" || s.users[user] != nil && s.users[user].blocked {
		s.mu.Unlock()
		return refuse(http.StatusUnprocessableEntity, "Failed to send messages")
	}
	ids, _ := s.messageIDs(messages, now)
	s.sentSeq++
	m := Sent{Seq: s.sentSeq, At: now, RequestID: c.id, Endpoint: "pnp", To: user, Delivered: true, Messages: o["messages"], IDs: ids}
	s.keep(m)
	s.counts.Delivered++
	if tagged {
		s.emit(event{Type: "delivery", Delivery: &deliveredTag{tags[0]}}, "", false, now)
	}
	s.mu.Unlock()
	if s.cfg.OnSent != nil {
		s.cfg.OnSent(m)
	}
	return ok(struct{}{})
}
