package social

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"enishi"
)

// messaging is one event of a conversation; what is not read here is left alone.
type messaging struct {
	Sender    party     `json:"sender"`
	Recipient party     `json:"recipient"`
	Timestamp int64     `json:"timestamp"` // ms
	Message   *received `json:"message"`
	Postback  *struct {
		MID      string    `json:"mid"`
		Payload  string    `json:"payload"`
		Title    string    `json:"title"`
		Referral *referral `json:"referral"`
	} `json:"postback"`
	Reaction *struct {
		MID    string `json:"mid"`
		Action string `json:"action"` // react, unreact
		Name   string `json:"reaction"`
		Emoji  string `json:"emoji"`
	} `json:"reaction"`
	Read *struct {
		MID       string `json:"mid"`
		Watermark int64  `json:"watermark"` // ms
	} `json:"read"`
	Delivery *struct {
		MIDs []string `json:"mids"`
	} `json:"delivery"`
	Optin *struct {
		Type    string          `json:"type"`
		Payload string          `json:"payload"`
		Title   string          `json:"title"`
		Token   string          `json:"notification_messages_token"`
		Status  string          `json:"notification_messages_status"` // STOP NOTIFICATIONS, RESUME NOTIFICATIONS
		Expires json.RawMessage `json:"token_expiry_timestamp"`
		Ref     string          `json:"ref"`
	} `json:"optin"`
	Referral *referral `json:"referral"`
}

type party struct {
	ID string `json:"id"`
}

type received struct {
	MID         string `json:"mid"`
	Echo        bool   `json:"is_echo"`
	Deleted     bool   `json:"is_deleted"`
	Unsupported bool   `json:"is_unsupported"`
	Text        string `json:"text"`
	QuickReply  *struct {
		Payload string `json:"payload"`
	} `json:"quick_reply"`
	ReplyTo *struct {
		MID   string `json:"mid"`
		Story *struct {
			ID  string `json:"id"`
			URL string `json:"url"`
		} `json:"story"`
	} `json:"reply_to"`
	Attachments []struct {
		Type    string `json:"type"`
		Payload struct {
			URL string `json:"url"`
		} `json:"payload"`
	} `json:"attachments"`
	Referral *referral `json:"referral"`
}

type referral struct {
	Ref    string `json:"ref"`
	Source string `json:"source"` // SHORTLINK, ADS, ...
	Type   string `json:"type"`
	Ad     string `json:"ad_id"`
}

// intake makes events of what one entry tells.
type intake struct {
	h       *Webhook
	account *Account
	events  []enishi.Event
}

// add begins an event; key is what makes it one with its redelivery.
func (in *intake) add(typ, user string, at time.Time, key ...string) *enishi.Event {
	id := "social:" + in.account.Page() + ":" + typ + ":" + strings.Join(key, ":")
	in.events = append(in.events, enishi.Event{Version: enishi.EventVersion, ID: enishi.EventID(id), Message: enishi.EventID(id).UUID(), Type: typ, Source: "social:" + in.account.Name, Channel: "social", At: at,
		Person:     &enishi.Person{SocialID: user, SocialPage: in.account.Page()},
		Properties: map[string]enishi.Value{"account": enishi.TextValue(in.account.Name), "platform": enishi.TextValue(in.account.Platform())}})
	return &in.events[len(in.events)-1]
}

func set(e *enishi.Event, key, value string) {
	if value != "" {
		e.Properties[key] = enishi.TextValue(value)
	}
}

// messaging reads one event of a conversation.
func (in *intake) messaging(ctx context.Context, m *messaging) error {
	at, user := in.h.at(m.Timestamp), m.Sender.ID
	if m.Delivery != nil {
		if in.h.cfg.Delivered == nil || len(m.Delivery.MIDs) == 0 {
			return nil
		}
		return in.h.cfg.Delivered(ctx, in.account.Name, m.Delivery.MIDs)
	}
	if m.Message != nil && m.Message.Echo || user == "" || user == in.account.Page() {
		return nil // what we or a member of the staff wrote
	}
	stamp := strconv.FormatInt(m.Timestamp, 10)
	switch {
	case m.Message != nil:
		return in.message(ctx, m.Message, user, at)
	case m.Postback != nil:
		p := m.Postback
		key := p.MID
		if key == "" {
			key = user + ":" + stamp + ":" + p.Payload
		}
		e := in.add("social.postback", user, at, key)
		set(e, "payload", p.Payload)
		set(e, "title", p.Title)
		return in.refer(ctx, e, p.Referral)
	case m.Reaction != nil:
		e := in.add("social.reacted", user, at, user, stamp, m.Reaction.MID, m.Reaction.Action)
		set(e, "action", m.Reaction.Action)
		set(e, "reaction", m.Reaction.Name)
		set(e, "emoji", m.Reaction.Emoji)
		set(e, "message_id", m.Reaction.MID)
	case m.Read != nil:
		return in.read(ctx, m, user, at)
	case m.Optin != nil && m.Optin.Type == "notification_messages":
		in.optIn(m, user, at)
	case m.Referral != nil:
		e := in.add("social.referred", user, at, user, stamp, m.Referral.Ref)
		return in.refer(ctx, e, m.Referral)
	default:
		e := in.add("social.event_received", user, at, user, stamp)
		set(e, "type", kindOf(m))
	}
	return nil
}

func kindOf(m *messaging) string {
	if m.Optin != nil {
		return "optin"
	}
	return "other"
}

// message reads what the person wrote.
func (in *intake) message(ctx context.Context, m *received, user string, at time.Time) error {
	typ, kind := "social.message_received", "text"
	attached := ""
	if len(m.Attachments) > 0 {
		kind, attached = m.Attachments[0].Type, m.Attachments[0].Payload.URL
	}
	switch {
	case m.Deleted:
		e := in.add("social.event_received", user, at, m.MID, "deleted")
		set(e, "type", "message_deleted")
		set(e, "message_id", m.MID)
		return nil
	case kind == "story_mention":
		typ = "social.story_mentioned"
	case m.ReplyTo != nil && m.ReplyTo.Story != nil:
		typ = "social.story_replied"
	case m.Unsupported:
		kind = "unsupported"
	}
	e := in.add(typ, user, at, m.MID)
	set(e, "message_id", m.MID)
	set(e, "message_type", kind)
	set(e, "text", m.Text)
	set(e, "url", attached)
	if m.QuickReply != nil {
		set(e, "payload", m.QuickReply.Payload)
	}
	if m.ReplyTo != nil {
		set(e, "reply_to", m.ReplyTo.MID)
		if m.ReplyTo.Story != nil {
			set(e, "story", m.ReplyTo.Story.ID)
		}
	}
	if err := in.refer(ctx, e, m.Referral); err != nil {
		return err
	}
	if state := wish(in.h.cfg.Fold(m.Text)); state != "" && m.Text != "" {
		in.wish(state, "word", user, at, m.MID)
	}
	return nil
}

// wish notes that the person gives or takes back the permission for advertising.
func (in *intake) wish(state, how, user string, at time.Time, key string) *enishi.Event {
	typ := map[string]string{"in": "social.opted_in", "out": "social.opted_out"}[state]
	e := in.add(typ, user, at, key, how)
	set(e, "method", how)
	e.Consent = []enishi.ConsentChange{{Channel: "social", Purpose: "marketing", State: state, Method: "social_" + how}}
	return e
}

// optIn reads a permission for marketing messages of one topic, its stop and its return.
func (in *intake) optIn(m *messaging, user string, at time.Time) {
	o := m.Optin
	typ := "social.opted_in"
	if strings.HasPrefix(o.Status, "STOP") {
		typ = "social.opted_out"
	}
	e := in.add(typ, user, at, user, strconv.FormatInt(m.Timestamp, 10), o.Token, o.Status)
	set(e, "method", "marketing_message")
	set(e, "topic", o.Title)
	set(e, "payload", o.Payload)
	set(e, "token", o.Token)
	if until := expiry(o.Expires); !until.IsZero() {
		e.Properties["expires_at"] = enishi.InstantValue(until)
	}
	// A topic that is stopped is no refusal of everything; one that is taken is a permission.
	if typ == "social.opted_in" {
		e.Consent = []enishi.ConsentChange{{Channel: "social", Purpose: "marketing", State: "in", Method: "social_marketing_message"}}
	}
}

// expiry reads a Unix time, in seconds or in milliseconds, a number or a text: Meta's pages show both.
func expiry(raw json.RawMessage) time.Time {
	n, err := strconv.ParseInt(strings.Trim(string(raw), `"`), 10, 64)
	switch {
	case err != nil || n <= 0:
		return time.Time{}
	case n < 1e11:
		return time.Unix(n, 0).UTC()
	}
	return time.UnixMilli(n).UTC()
}

// read tells what the person has seen; the event is for journeys, the report for the messages.
func (in *intake) read(ctx context.Context, m *messaging, user string, at time.Time) error {
	mark := m.Read.MID
	if mark == "" {
		mark = strconv.FormatInt(m.Read.Watermark, 10)
	}
	e := in.add("social.read", user, at, user, mark)
	set(e, "message_id", m.Read.MID)
	if in.h.cfg.Read == nil {
		return nil
	}
	return in.h.cfg.Read(ctx, in.account.Name, user, m.Read.MID, in.h.at(m.Read.Watermark))
}

// refer notes by which link or ad the person came; a ref of ours says who it is.
func (in *intake) refer(ctx context.Context, e *enishi.Event, r *referral) error {
	if r == nil {
		return nil
	}
	set(e, "ref_source", r.Source)
	set(e, "ad", r.Ad)
	if r.Source == "ADS" && r.Ad == "" {
		set(e, "ad", "-")
	}
	if r.Ref == "" {
		return nil
	}
	if in.h.cfg.Known != nil {
		known, ok, err := in.h.cfg.Known(ctx, r.Ref)
		if err != nil {
			return err
		}
		if ok { // the token is no fact worth keeping: it names somebody
			known.SocialID, known.SocialPage = e.Person.SocialID, e.Person.SocialPage
			e.Person = &known
			e.Properties["linked"] = enishi.BoolValue(true)
			return nil
		}
	}
	set(e, "ref", r.Ref)
	return nil
}

// change reads a change of the page or the account: comments.
func (in *intake) change(field string, raw json.RawMessage) {
	var v struct {
		Item    string `json:"item"`
		Verb    string `json:"verb"`
		Comment string `json:"comment_id"`
		Post    string `json:"post_id"`
		Message string `json:"message"`
		Created int64  `json:"created_time"` // s
		ID      string `json:"id"`
		Text    string `json:"text"`
		Media   struct {
			ID string `json:"id"`
		} `json:"media"`
		From party `json:"from"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		in.h.log.Warn("webhook change is not understood", "account", in.account.Name, "field", field, "err", err)
		return
	}
	if v.From.ID == "" || v.From.ID == in.account.Page() {
		return
	}
	id, post, text := v.Comment, v.Post, v.Message
	switch {
	case field == "feed" && v.Item == "comment" && v.Verb == "add":
	case field == "comments" || field == "live_comments":
		id, post, text = v.ID, v.Media.ID, v.Text
	default:
		return
	}
	e := in.add("social.commented", v.From.ID, in.h.at(v.Created*1000), id)
	set(e, "comment_id", id)
	set(e, "post", post)
	set(e, "text", text)
}

func (h *Webhook) at(millis int64) time.Time {
	if millis <= 0 {
		return h.cfg.Now().UTC().Truncate(time.Millisecond)
	}
	return time.UnixMilli(millis).UTC()
}

// words that stop advertising, and those that take it up again, as profiles.Fold writes them (katakana, small letters, no
// spaces). A text is one of them as a whole: who writes about stopping something else has not asked for this.
var (
	stopWords  = []string{"配信停止", "停止", "配信解除", "解除", "受信拒否", "ストップ", "stop", "unsubscribe", "optout", "opt-out"}
	startWords = []string{"配信再開", "再開", "配信希望", "start", "unstop", "subscribe", "optin", "opt-in"}
)

// wish is what a folded text says about advertising: in, out or nothing.
func wish(folded string) string {
	folded = strings.Trim(folded, "。、.!！「」\"'")
	folded = strings.TrimSuffix(folded, "シテクダサイ")
	folded = strings.TrimSuffix(folded, "オ願イシマス")
	folded = strings.TrimSuffix(folded, "please")
	switch {
	case slices.Contains(stopWords, folded):
		return "out"
	case slices.Contains(startWords, folded):
		return "in"
	}
	return ""
}
