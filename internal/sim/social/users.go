package social

import (
	"encoding/json"
	"fmt"
	"time"
)

// user is a person as one account knows them.
type user struct {
	id      string
	account *Account
	acted   time.Time // newest action that opens the window
	until   time.Time // end of the window
	blocked bool
	n       int // of what they wrote, for ids
}

func (u *user) open(now time.Time) bool { return now.Before(u.until) }

// optIn is a permission for marketing messages of one topic.
type optIn struct {
	user                   *user
	topic                  string
	expires, stopped, used time.Time
}

type comment struct {
	user     *user
	at       time.Time
	answered bool
}

// Act is something that a person does. Exactly one of its parts is set.
type Act struct {
	Text        string // writes
	Quick       string // with Text: the payload of the quick reply that was tapped
	Image       string // sends a picture
	Mention     string // mentions the shop in a story, whose picture is there
	Story       string // with Text: answers the shop's story of this id
	Reply       string // with Text: answers this message
	Postback    string // taps a button with this payload
	Title       string // of that button
	React       string // reacts to the message with this id
	Emoji       string
	Unreact     bool
	Ref         string // opens m.me or ig.me with this ref; or comes by an ad
	Ad          string // id of the ad that was clicked
	Started     bool   // with Ref: the conversation begins by it (Get started)
	Seen        string // has read up to here: the id of the newest message
	Comment     string // comments on a post
	Post        string
	OptIn       string        // opts in to marketing messages of this topic
	Expires     time.Duration // of that permission; 0: it does not end
	StopOf      string        // stops marketing messages of this topic, or resumes them with Resume
	Resume      bool
	Unsupported bool // something that the API does not show
}

// Do lets a person act towards an account at the clock's now: the window follows, and a webhook is on its way. It returns the
// id of what was written, if it has one, or the token of an opt-in.
func (s *Server) Do(account, id string, a Act) (string, error) {
	now := s.cfg.Now().UTC()
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.meet(account, id)
	if err != nil {
		return "", err
	}
	e := map[string]any{"sender": map[string]string{"id": u.id}, "recipient": map[string]string{"id": u.account.entry()}, "timestamp": now.UnixMilli()}
	u.n++
	mid := fmt.Sprintf("m_%s_%s_%d", u.account.ID, u.id, u.n)
	until := now.Add(s.limits.Window)
	out, opens := mid, true
	switch {
	case a.Comment != "":
		s.comment[mid] = &comment{user: u, at: now}
		s.tellComment(u, mid, a, now)
		return mid, nil
	case a.Mention != "":
		e["message"] = map[string]any{"mid": mid, "attachments": []any{attached("story_mention", a.Mention)}}
	case a.Image != "":
		e["message"] = map[string]any{"mid": mid, "attachments": []any{attached("image", a.Image)}}
	case a.Unsupported:
		e["message"] = map[string]any{"mid": mid, "is_unsupported": true}
	case a.Text != "":
		m := map[string]any{"mid": mid, "text": a.Text}
		if a.Quick != "" {
			m["quick_reply"] = map[string]string{"payload": a.Quick}
		}
		if a.Story != "" {
			m["reply_to"] = map[string]any{"story": map[string]string{"id": a.Story, "url": "https://lookaside.example/" + a.Story}}
		} else if a.Reply != "" {
			m["reply_to"] = map[string]string{"mid": a.Reply}
		}
		if a.Ref != "" {
			m["referral"] = referral(a)
		}
		e["message"] = m
	case a.Postback != "":
		p := map[string]any{"mid": mid, "payload": a.Postback, "title": a.Title}
		if a.Ref != "" {
			p["referral"] = referral(a)
		}
		e["postback"] = p
	case a.React != "":
		action := "react"
		if a.Unreact {
			action, opens = "unreact", false
		}
		e["reaction"], out = map[string]string{"mid": a.React, "action": action, "reaction": "love", "emoji": a.Emoji}, ""
	case a.Seen != "":
		read := map[string]any{"watermark": now.UnixMilli()}
		if u.account.Platform == Instagram {
			read = map[string]any{"mid": a.Seen}
		}
		e["read"], out, opens = read, "", false
	case a.OptIn != "":
		// "A user's action of opting in to Marketing Messages does not open the standard messaging window."
		token := fmt.Sprintf("NT_%s_%s_%d", u.account.ID, u.id, u.n)
		t := &optIn{user: u, topic: a.OptIn}
		x := map[string]any{"type": "notification_messages", "notification_messages_token": token, "title": a.OptIn, "payload": a.OptIn, "user_token_status": "NOT_REFRESHED", "notification_messages_timezone": "Asia/Tokyo"}
		if a.Expires > 0 {
			t.expires = now.Add(a.Expires)
			x["token_expiry_timestamp"] = t.expires.UnixMilli()
		}
		s.tokens[token] = t
		e["optin"], out, opens = x, token, false
	case a.StopOf != "":
		e["optin"], out, opens = s.stop(u, a, now), "", false
	case a.Ref != "" || a.Ad != "":
		e["referral"], out = referral(a), ""
	default:
		return "", fmt.Errorf("social simulator: the person does nothing")
	}
	if a.Ad != "" {
		until = now.Add(s.limits.AdWindow)
	}
	if opens {
		u.act(now, until)
	}
	s.emit(u.account, e, now)
	return out, nil
}

// Meet makes the person known and opens the window from at on, without a webhook: what happened before the test.
func (s *Server) Meet(account, id string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.meet(account, id)
	if err != nil {
		return err
	}
	u.act(at, at.Add(s.limits.Window))
	return nil
}

func (u *user) act(at, until time.Time) {
	if at.After(u.acted) {
		u.acted = at
	}
	if until.After(u.until) {
		u.until = until
	}
}

// meet finds a person, or makes one. The caller holds mu.
func (s *Server) meet(account, id string) (*user, error) {
	for i := range s.cfg.Accounts {
		if a := &s.cfg.Accounts[i]; a.ID == account || a.entry() == account {
			key := a.ID + " " + id
			if s.users[key] == nil {
				s.users[key] = &user{id: id, account: a}
			}
			return s.users[key], nil
		}
	}
	return nil, fmt.Errorf("social simulator: there is no account %s", account)
}

// Block makes the person unreachable (551), or reachable again. Meta sends no webhook for it.
func (s *Server) Block(account, id string, blocked bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.meet(account, id)
	if err == nil {
		u.blocked = blocked
	}
	return err
}

// WindowUntil is when the person's window closes; zero when it never was open.
func (s *Server) WindowUntil(account, id string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.meet(account, id)
	if err != nil {
		return time.Time{}
	}
	return u.until
}

// stop ends, or resumes, what was opted in to under a topic.
func (s *Server) stop(u *user, a Act, now time.Time) map[string]any {
	x := map[string]any{"type": "notification_messages", "title": a.StopOf, "payload": a.StopOf, "notification_messages_status": "STOP NOTIFICATIONS"}
	if a.Resume {
		x["notification_messages_status"] = "RESUME NOTIFICATIONS"
	}
	for token, t := range s.tokens {
		if t.user != u || t.topic != a.StopOf {
			continue
		}
		x["notification_messages_token"] = token
		if t.stopped = now; a.Resume {
			t.stopped = time.Time{}
		}
		if !t.expires.IsZero() {
			x["token_expiry_timestamp"] = t.expires.UnixMilli()
		}
	}
	return x
}

func referral(a Act) map[string]string {
	if a.Ad != "" {
		return map[string]string{"ref": a.Ref, "ad_id": a.Ad, "source": "ADS", "type": "OPEN_THREAD"}
	}
	return map[string]string{"ref": a.Ref, "source": "SHORTLINK", "type": "OPEN_THREAD"}
}

func attached(kind, url string) map[string]any {
	return map[string]any{"type": kind, "payload": map[string]string{"url": url}}
}

// tellComment: comments come as changes of the page or the account. The caller holds mu.
func (s *Server) tellComment(u *user, id string, a Act, now time.Time) {
	value := map[string]any{"item": "comment", "verb": "add", "comment_id": id, "post_id": a.Post, "message": a.Comment, "created_time": now.Unix(), "from": map[string]string{"id": u.id, "name": "-"}}
	field := "feed"
	if u.account.Platform == Instagram {
		field = "comments"
		value = map[string]any{"id": id, "text": a.Comment, "media": map[string]string{"id": a.Post}, "from": map[string]string{"id": u.id, "username": "-"}}
	}
	s.post(u.account, map[string]any{"id": u.account.entry(), "time": now.UnixMilli(), "changes": []any{map[string]any{"field": field, "value": value}}}, now)
}

// echo tells that the account sent something, and that it was delivered. The caller holds mu.
func (s *Server) echo(account *Account, u *user, sent *Sent, m *message, now time.Time) {
	text := map[string]any{"mid": sent.MessageID, "is_echo": true, "app_id": 1}
	if m.Text != "" {
		text["text"] = m.Text
	}
	if m.Metadata != "" {
		text["metadata"] = m.Metadata
	}
	s.emit(account, map[string]any{"sender": map[string]string{"id": account.entry()}, "recipient": map[string]string{"id": u.id}, "timestamp": now.UnixMilli(), "message": text}, now)
	if account.Platform == Messenger { // Instagram has no word of delivery
		s.emit(account, map[string]any{"sender": map[string]string{"id": u.id}, "recipient": map[string]string{"id": account.entry()}, "timestamp": now.UnixMilli(),
			"delivery": map[string]any{"mids": []string{sent.MessageID}, "watermark": now.UnixMilli()}}, now)
	}
}

// emit puts one messaging event on its way. The caller holds mu.
func (s *Server) emit(account *Account, e map[string]any, now time.Time) {
	s.post(account, map[string]any{"id": account.entry(), "time": now.UnixMilli(), "messaging": []any{e}}, now)
}

// post puts an entry on its way. The caller holds mu.
func (s *Server) post(account *Account, entry map[string]any, now time.Time) {
	if s.webhook == "" && s.cfg.Webhook == nil {
		return
	}
	object := "page"
	if account.Platform == Instagram {
		object = "instagram"
	}
	body, err := json.Marshal(map[string]any{"object": object, "entry": []any{entry}})
	if err != nil {
		s.cfg.Log.Error("write webhook", "err", err)
		return
	}
	s.queue = append(s.queue, &delivery{body: body, due: time.Now()})
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
