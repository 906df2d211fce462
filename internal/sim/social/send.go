package social

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"
)

// Sent is one message that was taken.
type Sent struct {
	Seq       uint64
	At        time.Time
	Account   string // id of the page or Instagram account
	Platform  string
	To        string // the person's id
	MessageID string
	Type      string // messaging_type
	Tag       string
	Token     string          // marketing message token it went by; empty: none
	Message   json.RawMessage // as it was sent
}

// request is the body of POST /messages.
type request struct {
	Recipient struct {
		ID      string `json:"id"`
		Token   string `json:"notification_messages_token"`
		Comment string `json:"comment_id"`
	} `json:"recipient"`
	Type    string          `json:"messaging_type"`
	Tag     string          `json:"tag"`
	Action  string          `json:"sender_action"`
	Message json.RawMessage `json:"message"`
}

type message struct {
	Text       string      `json:"text"`
	Attachment *attachment `json:"attachment"`
	Replies    []struct {
		Type    string `json:"content_type"`
		Title   string `json:"title"`
		Payload string `json:"payload"`
	} `json:"quick_replies"`
	Metadata string `json:"metadata"`
	Template *struct {
		Name     string `json:"name"`
		Language struct {
			Code string `json:"code"`
		} `json:"language"`
	} `json:"template"`
}

type attachment struct {
	Type    string `json:"type"`
	Payload struct {
		URL      string    `json:"url"`
		Template string    `json:"template_type"`
		Text     string    `json:"text"`
		Title    string    `json:"title"`
		Topic    string    `json:"notification_messages_topic"`
		Buttons  []button  `json:"buttons"`
		Elements []element `json:"elements"`
	} `json:"payload"`
}

type button struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	URL     string `json:"url"`
	Payload string `json:"payload"`
}

type element struct {
	Title    string   `json:"title"`
	Subtitle string   `json:"subtitle"`
	Image    string   `json:"image_url"`
	Buttons  []button `json:"buttons"`
}

// send takes one message, or a typing indicator.
func (s *Server) send(account *Account, body []byte) *answer {
	var r request
	if err := json.Unmarshal(body, &r); err != nil {
		return invalid("Invalid JSON: %v", err)
	}
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Action != "" {
		if !slices.Contains([]string{"typing_on", "typing_off", "mark_seen", "react", "unreact"}, r.Action) {
			return invalid("Param sender_action must be one of typing_on, typing_off, mark_seen")
		}
		if u := s.users[account.ID+" "+r.Recipient.ID]; u == nil {
			return refuse(http.StatusBadRequest, 100, 2018001, "No matching user found")
		}
		return &answer{status: http.StatusOK, body: map[string]string{"recipient_id": r.Recipient.ID}}
	}
	var m message
	if err := json.Unmarshal(r.Message, &m); err != nil || len(r.Message) == 0 {
		return invalid("Param message must be an object")
	}
	if a := s.admit(account, &m, now); a != nil {
		return a
	}
	if a := s.check(account, &r, &m, now); a != nil {
		return a
	}
	u, a := s.recipient(account, &r, &m, now)
	if a != nil {
		return a
	}
	s.seq++
	prefix := "m_"
	if account.Platform == Instagram {
		prefix = "aWdf"
	}
	out := Sent{Seq: s.seq, At: now, Account: account.ID, Platform: account.Platform, To: u.id, MessageID: fmt.Sprintf("%s%s%08d", prefix, account.ID, s.seq), Type: r.Type, Tag: r.Tag,
		Token: r.Recipient.Token, Message: slices.Clone(r.Message)}
	s.sent = append(s.sent, out)
	if len(s.sent) > s.cfg.Keep {
		s.sent = slices.Clone(s.sent[len(s.sent)-s.cfg.Keep:])
	}
	s.echo(account, u, &out, &m, now)
	if s.cfg.OnSent != nil {
		s.cfg.OnSent(out)
	}
	return &answer{status: http.StatusOK, body: map[string]string{"recipient_id": u.id, "message_id": out.MessageID}}
}

// admit counts the call against the account's rate. Refused calls do not count.
func (s *Server) admit(account *Account, m *message, now time.Time) *answer {
	kind, most := "text", s.limits.TextPerSecond
	if m.Attachment != nil && (m.Attachment.Type == "audio" || m.Attachment.Type == "video") {
		kind, most = "media", s.limits.MediaPerSecond
	}
	key := account.ID + " " + kind
	if s.rates[key] == nil {
		s.rates[key] = &rate{}
	}
	if !s.rates[key].admit(now, most) {
		return refuse(http.StatusBadRequest, 613, 0, "Calls to this api have exceeded the rate limit.")
	}
	return nil
}

// check looks at the content.
func (s *Server) check(account *Account, r *request, m *message, now time.Time) *answer {
	switch {
	case m.Template != nil:
		return s.checkUtility(account, r, m)
	case m.Text == "" && m.Attachment == nil:
		return invalid("Message must have text or attachment")
	case m.Text != "" && m.Attachment != nil:
		return invalid("Message cannot have both text and attachment")
	case account.Platform == Instagram && len(m.Text) > s.limits.InstagramText:
		return invalid("Length of param message[text] must be less than or equal to %d bytes", s.limits.InstagramText)
	case utf8.RuneCountInString(m.Text) > s.limits.Text:
		return invalid("Length of param message[text] must be less than or equal to %d", s.limits.Text)
	case utf8.RuneCountInString(m.Metadata) > s.limits.Metadata:
		return invalid("Length of param message[metadata] must be less than or equal to %d", s.limits.Metadata)
	case len(m.Replies) > s.limits.QuickReplies:
		return invalid("The number of quick_replies must be at most %d", s.limits.QuickReplies)
	}
	for i, q := range m.Replies {
		switch {
		case q.Type != "text" && q.Type != "user_phone_number" && q.Type != "user_email":
			return invalid("message[quick_replies][%d][content_type] is invalid", i)
		case q.Type == "text" && (q.Title == "" || utf8.RuneCountInString(q.Title) > s.limits.QuickTitle):
			return invalid("message[quick_replies][%d][title] must have 1 to %d characters", i, s.limits.QuickTitle)
		case q.Type == "text" && (q.Payload == "" || utf8.RuneCountInString(q.Payload) > s.limits.QuickPayload):
			return invalid("message[quick_replies][%d][payload] must have 1 to %d characters", i, s.limits.QuickPayload)
		}
	}
	if a := s.checkAttachment(m.Attachment); a != nil {
		return a
	}
	return s.checkType(account, r, now)
}

// checkType: message tags are for their platform, and while Meta takes them.
func (s *Server) checkType(account *Account, r *request, now time.Time) *answer {
	switch r.Type {
	case "RESPONSE", "UPDATE", "":
		if r.Tag != "" {
			return invalid("Param tag needs messaging_type MESSAGE_TAG")
		}
		return nil
	case "MESSAGE_TAG":
		at := slices.IndexFunc(s.cfg.Tags, func(t Tag) bool { return t.Name == r.Tag })
		if at < 0 || !s.cfg.Tags[at].holds(account.Platform, now) {
			return refuse(http.StatusBadRequest, 100, 2018199, "Invalid tag: %s", r.Tag)
		}
		return nil
	}
	return invalid("Param messaging_type must be one of RESPONSE, UPDATE, MESSAGE_TAG, UTILITY")
}

func (s *Server) checkUtility(account *Account, r *request, m *message) *answer {
	switch {
	case account.Platform != Messenger:
		return invalid("Utility messages are for Messenger")
	case r.Type != "UTILITY":
		return invalid("Param messaging_type must be UTILITY")
	case m.Template.Language.Code == "":
		return invalid("message[template][language][code] is required")
	case !slices.Contains(s.cfg.Utility, m.Template.Name):
		return invalid("Template %s is not approved", m.Template.Name)
	}
	return nil
}

func (s *Server) checkAttachment(x *attachment) *answer {
	if x == nil {
		return nil
	}
	p := &x.Payload
	switch x.Type {
	case "image", "video", "audio", "file":
		if u, err := url.Parse(p.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return refuse(http.StatusBadRequest, 100, 2018047, "Upload attachment failure: the URL cannot be fetched")
		}
		return nil
	case "template":
	default:
		return invalid("message[attachment][type] must be one of image, audio, video, file, template")
	}
	switch p.Template {
	case "button":
		if p.Text == "" || utf8.RuneCountInString(p.Text) > s.limits.TemplateText {
			return invalid("message[attachment][payload][text] must have 1 to %d characters", s.limits.TemplateText)
		}
		return s.checkButtons(p.Buttons, 1)
	case "generic":
		if len(p.Elements) == 0 || len(p.Elements) > s.limits.Elements {
			return invalid("message[attachment][payload][elements] must have 1 to %d elements", s.limits.Elements)
		}
		for i, e := range p.Elements {
			if e.Title == "" || utf8.RuneCountInString(e.Title) > s.limits.ElementTitle || utf8.RuneCountInString(e.Subtitle) > s.limits.ElementTitle {
				return invalid("message[attachment][payload][elements][%d] needs a title, and at most %d characters of title and subtitle", i, s.limits.ElementTitle)
			}
			if a := s.checkButtons(e.Buttons, 0); a != nil {
				return a
			}
		}
		return nil
	case "notification_messages":
		if p.Topic == "" && p.Title == "" {
			return invalid("message[attachment][payload][title] is required")
		}
		return nil
	}
	return invalid("message[attachment][payload][template_type] is not known")
}

func (s *Server) checkButtons(list []button, least int) *answer {
	if len(list) < least || len(list) > s.limits.Buttons {
		return invalid("buttons must be %d to %d", least, s.limits.Buttons)
	}
	for i, b := range list {
		switch {
		case b.Title == "" || utf8.RuneCountInString(b.Title) > s.limits.ButtonTitle:
			return invalid("buttons[%d][title] must have 1 to %d characters", i, s.limits.ButtonTitle)
		case b.Type == "web_url" && b.URL == "", b.Type == "postback" && b.Payload == "", b.Type != "web_url" && b.Type != "postback":
			return invalid("buttons[%d] needs type web_url with url, or postback with payload", i)
		}
	}
	return nil
}

// recipient finds who the message is for, and whether it may go there now. The caller holds mu.
func (s *Server) recipient(account *Account, r *request, m *message, now time.Time) (*user, *answer) {
	outside := refuse(http.StatusBadRequest, 10, 2018278, "This message is sent outside of allowed window. Learn more about the new policy here: https://developers.facebook.com/docs/messenger-platform/policy-overview")
	if account.Platform == Instagram {
		outside = refuse(http.StatusBadRequest, 10, 2534022, "This message is sent outside of allowed window.")
	}
	switch {
	case r.Recipient.Token != "":
		t := s.tokens[r.Recipient.Token]
		switch {
		case t == nil || t.user.account != account:
			return nil, refuse(http.StatusBadRequest, 100, 2018001, "No matching user found")
		case !t.stopped.IsZero():
			return nil, refuse(http.StatusBadRequest, 10, 2018320, "The user has stopped notification messages of this topic")
		case !t.expires.IsZero() && !now.Before(t.expires):
			return nil, refuse(http.StatusBadRequest, 10, 2018321, "The notification messages token has expired")
		case !t.used.IsZero() && now.Sub(t.used) < s.limits.MarketingEvery:
			return nil, refuse(http.StatusBadRequest, 613, 2018322, "Too many notification messages of this topic")
		case t.user.blocked:
			return nil, unavailable()
		}
		t.used = now
		return t.user, nil
	case r.Recipient.Comment != "":
		c := s.comment[r.Recipient.Comment]
		switch {
		case c == nil || c.user.account != account:
			return nil, refuse(http.StatusBadRequest, 100, 2018001, "No matching user found")
		case c.answered || now.Sub(c.at) >= s.limits.CommentFor:
			return nil, refuse(http.StatusBadRequest, 10900, 0, "Activity already replied to, or too old")
		}
		c.answered = true
		return c.user, nil
	}
	u := s.users[account.ID+" "+r.Recipient.ID]
	switch {
	case u == nil:
		return nil, refuse(http.StatusBadRequest, 100, 2018001, "No matching user found")
	case u.blocked:
		return nil, unavailable()
	case m.Template != nil:
		return u, nil
	case u.open(now):
		return u, nil
	case r.Tag == "HUMAN_AGENT":
		if u.acted.IsZero() || now.Sub(u.acted) >= s.limits.HumanAgent {
			return nil, outside
		}
		return u, nil
	case r.Type == "MESSAGE_TAG" && !u.acted.IsZero():
		return u, nil
	}
	return nil, outside
}

func unavailable() *answer {
	return refuse(http.StatusBadRequest, 551, 1545041, "This person isn't available right now.")
}

// Sent lists what was taken, oldest first.
func (s *Server) Sent() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

// Received is what one person got.
func (s *Server) Received(user string) []Sent {
	return slices.DeleteFunc(s.Sent(), func(x Sent) bool { return x.To != user })
}
