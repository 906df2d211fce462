package channels

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"enishi"
)

// SocialChannel is the channel of direct messages by Messenger and Instagram.
const SocialChannel = "social"

// Bounds of a social message (Meta: Send API). A text longer than one message leaves as several.
const (
	SocialMessages     = 10   // of one content
	SocialText         = 2000 // characters of a text on Messenger
	SocialTextBytes    = 1000 // bytes of a text on Instagram
	maxSocialText      = 8000 // characters of one text of a content, before it is parted
	socialReplies      = 13
	socialReplyTitle   = 20 // characters
	socialReplyPayload = 1000
)

// SocialContent is the content of a template of the channel social: messages that leave one after the other, and what leaves in their
// place when the window is closed.
type SocialContent struct {
	Messages []SocialMessage `json:"messages,omitempty"`
	// Type is messaging_type inside the window: UPDATE, or RESPONSE for what answers the person. Empty: UPDATE.
	Type string `json:"messaging_type,omitempty"`
	// Tag lets the messages leave outside the window too, as Meta permits it: POST_PURCHASE_UPDATE and others, never for
	// advertising. Which tags there are is data: see docs/social.md.
	Tag string `json:"tag,omitempty"`
	// Utility is an approved template of Messenger that leaves in place of the messages outside the window.
	Utility *SocialUtility `json:"utility,omitempty"`
	Typing  bool           `json:"typing,omitempty"` // show that somebody is typing before the first message
}

// SocialMessage is one message: a text or an attachment.
type SocialMessage struct {
	Text       string          `json:"text,omitempty"`
	Attachment json.RawMessage `json:"attachment,omitempty"` // as the Send API has it: type and payload
	Replies    []SocialReply   `json:"quick_replies,omitempty"`
}

// SocialReply is a button under the last message that writes its title for the person.
type SocialReply struct {
	Title   string `json:"title"`
	Payload string `json:"payload,omitempty"` // empty: the title
}

// SocialUtility names an approved template and fills it.
type SocialUtility struct {
	Name       string          `json:"name"`
	Language   string          `json:"language"`
	Components json.RawMessage `json:"components,omitempty"`
}

// ParseSocial reads and checks the content of a message that is to leave. Its errors are [enishi.Error] that name the place.
func ParseSocial(raw []byte) (*SocialContent, error) { return parseSocial(raw, true) }

func checkSocial(content []byte, filled bool) error {
	_, err := parseSocial(content, filled)
	return err
}

func parseSocial(raw []byte, filled bool) (*SocialContent, error) {
	var s SocialContent
	if err := readContent(raw, &s); err != nil {
		return nil, err
	}
	if err := s.check(filled); err != nil {
		return nil, err
	}
	return &s, nil
}

// written tells whether a text stands as it will be sent: how long Liquid gets is seen when it is filled in.
func written(text string, filled bool) bool {
	return filled || !strings.Contains(text, "{{") && !strings.Contains(text, "{%")
}

func (s *SocialContent) check(filled bool) error {
	if len(s.Messages) == 0 && s.Utility == nil || len(s.Messages) > SocialMessages {
		return enishi.FieldError("messages", fmt.Sprintf("has 1 to %d messages", SocialMessages), fmt.Sprintf("メッセージは 1〜%d 通で書いてください。", SocialMessages))
	}
	if s.Type != "" && s.Type != "UPDATE" && s.Type != "RESPONSE" {
		return enishi.FieldError("messaging_type", "is UPDATE or RESPONSE; a tag has a field of its own", "UPDATE か RESPONSE にしてください（タグは tag に書きます）。")
	}
	if s.Tag == "HUMAN_AGENT" {
		return enishi.FieldError("tag", "HUMAN_AGENT is for what people write themselves, not for what is sent automatically: take it out", "HUMAN_AGENT は人が手で返信するときだけ使えます。自動の配信では使えないので、消してください。")
	}
	if s.Utility != nil && (s.Utility.Name == "" || s.Utility.Language == "") {
		return enishi.FieldError("utility", "needs the name and the language of an approved template", "承認済みテンプレートの名前（name）と言語（language）を書いてください。")
	}
	for i := range s.Messages {
		if err := s.Messages[i].check(fmt.Sprintf("messages[%d]", i), filled); err != nil {
			return err
		}
	}
	return nil
}

func (m *SocialMessage) check(place string, filled bool) error {
	hasAttachment := len(m.Attachment) > 0 && string(m.Attachment) != "null"
	switch {
	case (strings.TrimSpace(m.Text) == "") != hasAttachment:
		return enishi.FieldError(place, "has either a text or an attachment", "テキストか添付のどちらか一方を書いてください。")
	case written(m.Text, filled) && utf8.RuneCountInString(m.Text) > maxSocialText:
		return enishi.FieldError(place+".text", fmt.Sprintf("is longer than %d characters", maxSocialText), fmt.Sprintf("%d 文字以内で書いてください。", maxSocialText))
	case len(m.Replies) > socialReplies:
		return enishi.FieldError(place+".quick_replies", fmt.Sprintf("has more than %d", socialReplies), fmt.Sprintf("クイック返信は %d 個までです。", socialReplies))
	}
	for i, r := range m.Replies {
		at := fmt.Sprintf("%s.quick_replies[%d]", place, i)
		if n := utf8.RuneCountInString(r.Title); n == 0 || n > socialReplyTitle && written(r.Title, filled) {
			return enishi.FieldError(at+".title", fmt.Sprintf("has 1 to %d characters", socialReplyTitle), fmt.Sprintf("1〜%d 文字で書いてください。", socialReplyTitle))
		}
		if written(r.Payload, filled) && utf8.RuneCountInString(r.Payload) > socialReplyPayload {
			return enishi.FieldError(at+".payload", fmt.Sprintf("is longer than %d characters", socialReplyPayload), fmt.Sprintf("%d 文字以内で書いてください。", socialReplyPayload))
		}
	}
	if !hasAttachment {
		return nil
	}
	return checkSocialAttachment(place+".attachment", m.Attachment, filled)
}

// checkSocialAttachment: of a file its address, of a template that it is one that the Send API knows; Meta checks the rest.
func checkSocialAttachment(place string, raw json.RawMessage, filled bool) error {
	var a struct {
		Type    string `json:"type"`
		Payload struct {
			URL      string `json:"url"`
			Template string `json:"template_type"`
		} `json:"payload"`
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return enishi.FieldError(place, "is an object with type and payload", "type と payload を持つオブジェクトにしてください。")
	}
	switch {
	case slices.Contains([]string{"image", "video", "audio", "file"}, a.Type):
		if u, err := url.Parse(a.Payload.URL); written(a.Payload.URL, filled) && (err != nil || u.Scheme != "https" || u.Host == "") {
			return enishi.FieldError(place+".payload.url", "is an address that begins with https://", "https:// で始まる URL を書いてください。")
		}
	case a.Type != "template":
		return enishi.FieldError(place+".type", "is image, video, audio, file or template", "image、video、audio、file、template のどれかにしてください。")
	case !slices.Contains([]string{"button", "generic", "notification_messages", "media", "product"}, a.Payload.Template):
		return enishi.FieldError(place+".payload.template_type", "is button, generic, media, product or notification_messages", "button、generic、media、product、notification_messages のどれかにしてください。")
	}
	return nil
}
