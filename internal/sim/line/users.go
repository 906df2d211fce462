package line

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// user is a person as this channel sees him.
type user struct {
	id       string
	name     string
	friend   bool // has followed, and not blocked since
	blocked  bool
	foreign  bool   // belongs to another provider
	followed uint64 // place in Server.order, from 1; 0 has never followed
	said     time.Time
	received int
}

type linkToken struct {
	user string
	at   time.Time
}

// User is the state of a person for display.
type User struct {
	ID, Name        string
	Friend, Blocked bool
	Received        int
}

// Users returns everyone the channel has met, in order of first following;
// those who never did come last.
func (s *Server) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*user, 0, len(s.users))
	for _, u := range s.users {
		if !u.foreign {
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b *user) int {
		return cmp.Or(cmp.Compare(a.followed-1, b.followed-1), cmp.Compare(a.id, b.id)) // 0 wraps to the end
	})
	out := make([]User, len(all))
	for i, u := range all {
		out[i] = User{u.id, u.name, u.friend, u.blocked, u.received}
	}
	return out
}

// meet finds or makes a user. The caller holds mu.
func (s *Server) meet(id string) (*user, error) {
	if !userIDs.MatchString(id) {
		return nil, fmt.Errorf("user id %q is not of the form U and 32 hex digits", id)
	}
	u := s.users[id]
	if u == nil {
		u = &user{id: id, name: "LINE " + id[1:5]}
		s.users[id] = u
	}
	return u, nil
}

// Follow makes a user a friend, or unblocks, and gives him a display name. It
// returns the id of the follow event, empty when he was a friend already.
func (s *Server) Follow(userID, displayName string) (eventID string, err error) {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.meet(userID)
	if err != nil {
		return "", err
	}
	if displayName != "" {
		u.name = displayName
	}
	if u.friend {
		return "", nil
	}
	unblocked := u.blocked
	if u.friend, u.blocked = true, false; u.followed == 0 {
		s.order = append(s.order, u)
		u.followed = uint64(len(s.order))
	}
	return s.emit(event{Type: "follow", Follow: &followed{unblocked}}, u.id, true, now), nil
}

// Befriend makes a user a friend without telling anybody: a friendship that was
// there before the server started.
func (s *Server) Befriend(userID, displayName string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.meet(userID)
	if err != nil {
		return err
	}
	if displayName != "" {
		u.name = displayName
	}
	if u.friend, u.blocked = true, false; u.followed == 0 {
		s.order = append(s.order, u)
		u.followed = uint64(len(s.order))
	}
	return nil
}

// Block makes a friend block the account. It returns the id of the unfollow
// event, empty when he was no friend.
func (s *Server) Block(userID string) (eventID string, err error) {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.meet(userID)
	if err != nil || !u.friend {
		return "", err
	}
	u.friend, u.blocked = false, true
	return s.emit(event{Type: "unfollow"}, u.id, false, now), nil
}

// Unblock makes a user who blocked a friend again; LINE tells it by a follow
// event with isUnblocked.
func (s *Server) Unblock(userID string) (eventID string, err error) {
	s.mu.Lock()
	u := s.users[userID]
	blocked := u != nil && u.blocked
	s.mu.Unlock()
	if !blocked {
		return "", nil
	}
	return s.Follow(userID, "")
}

// Say makes a user write a text. He need not be a friend; one who has blocked
// the account cannot.
func (s *Server) Say(userID, text string) (eventID string, err error) {
	return s.speak(userID, func(now time.Time) event {
		return event{Type: "message", Message: &said{Type: "text", ID: s.messageID(now), Text: text,
			QuoteToken: s.token(48), MarkAsReadToken: s.token(24)}}
	})
}

// Tap makes a user tap a postback action with this data.
func (s *Server) Tap(userID, data string) (eventID string, err error) {
	return s.speak(userID, func(time.Time) event {
		return event{Type: "postback", Postback: &postback{Data: data}}
	})
}

func (s *Server) speak(userID string, make func(now time.Time) event) (eventID string, err error) {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.meet(userID)
	if err != nil {
		return "", err
	}
	if u.blocked {
		return "", fmt.Errorf("user %s has blocked the account", userID)
	}
	u.said = now
	return s.emit(make(now), u.id, true, now), nil
}

// LinkAccount makes the person who was given a link token come back from the
// shop's login with a nonce. The accountLink event tells the result; a token
// that is unknown, used or too old, or a nonce of the wrong length, fails.
func (s *Server) LinkAccount(token, nonce string) (eventID string, linked bool) {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	t, known := s.links[token]
	delete(s.links, token)
	linked = known && now.Sub(t.at) <= s.limits.LinkTokenFor &&
		len(nonce) >= s.limits.LinkNonceMin && len(nonce) <= s.limits.LinkNonceMax
	if !linked { // a failed link has neither source nor reply token
		return s.emit(event{Type: "accountLink", Link: &linkResult{"failed", nonce}}, "", false, now), false
	}
	return s.emit(event{Type: "accountLink", Link: &linkResult{"ok", nonce}}, t.user, true, now), true
}

// Foreign marks a user id as one of another provider: a send to it is refused
// with 400 "Failed to send messages", where an id never seen is answered 200.
// (Of multicast the reference says both 200 and 400; 400 is what shows.)
func (s *Server) Foreign(userID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.meet(userID)
	if err == nil {
		u.foreign = true
	}
	return err
}

// unreachable says why a message to a user is dropped silently, "" if it is
// not. Someone who is no friend can be sent to for some days after he wrote,
// by push and reply only. The caller holds mu.
func (s *Server) unreachable(id string, now time.Time, friendsOnly bool) string {
	u := s.users[id]
	switch {
	case u != nil && u.blocked:
		return "blocked"
	case u != nil && u.friend:
		return ""
	case u != nil && !friendsOnly && !u.said.IsZero() && now.Sub(u.said) <= s.limits.NonFriendFor:
		return ""
	}
	return "not a friend"
}

// profile answers for friends and for those who wrote without being one.
func (s *Server) profile(c *call) *answer {
	if !userIDs.MatchString(c.userID) {
		return badParameter("userId")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[c.userID]
	if u == nil || u.foreign || !u.friend && (u.blocked || u.said.IsZero()) {
		return refuse(http.StatusNotFound, "Not found")
	}
	return ok(map[string]string{"userId": u.id, "displayName": u.name, "language": "ja"})
}

func (s *Server) followers(c *call) *answer {
	most := s.limits.FollowersPage
	from, limit, a := page(c, min(300, most), most)
	if a != nil {
		return a
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]string, 0, limit)
	answer := map[string]any{}
	for _, u := range s.order[min(from, uint64(len(s.order))):] {
		if !u.friend {
			continue
		}
		if len(ids) == limit {
			answer["next"] = cursor(from)
			break
		}
		ids, from = append(ids, u.id), u.followed
	}
	answer["userIds"] = ids
	return ok(answer)
}

// issueLinkToken gives a token for account linking. The reference names no
// error for strangers; they are answered as profile does.
func (s *Server) issueLinkToken(c *call) *answer {
	if !userIDs.MatchString(c.userID) {
		return badParameter("userId")
	}
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[c.userID]
	if u == nil || u.foreign {
		return refuse(http.StatusNotFound, "Not found")
	}
	for t, l := range s.links {
		if now.Sub(l.at) > s.limits.LinkTokenFor {
			delete(s.links, t)
		}
	}
	token := s.token(24)
	s.links[token] = linkToken{u.id, now}
	return ok(map[string]string{"linkToken": token})
}
