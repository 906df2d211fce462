package channels

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"enishi"
	"enishi/channels/dm/postal/layout"
	"enishi/channels/lint"
)

// contentKinds are the channels whose templates have content, and what checks it. The check gets the JSON as it is written, whose
// texts are Liquid (filled is false), and what a message makes of it (filled is true). Its error is an [enishi.Error] that names the
// field within the content.
var contentKinds = map[string]func(content []byte, filled bool) error{
	"sms":                checkSMS,
	"push":               checkPush,
	"social":             checkSocial,
	enishi.PostalChannel: layout.CheckJSON,
}

func hasContent(channel string) bool { return contentKinds[channel] != nil }

func contentChannels() []string { return slices.Sorted(maps.Keys(contentKinds)) }

// SMSContent is the content of a template for sms.
type SMSContent struct {
	Text string `json:"text"`
}

func checkSMS(content []byte, filled bool) error {
	var c SMSContent
	if err := readContent(content, &c); err != nil {
		return err
	}
	if strings.TrimSpace(c.Text) == "" {
		return enishi.FieldError("text", "an SMS needs a text", "本文がありません")
	}
	if _, parts, _ := lint.SMSSize(c.Text); filled && parts > 10 {
		return enishi.FieldError("text", "has more than ten parts, which is what phones join: make it shorter", "SMS 10 通分を超えています。短くしてください")
	}
	return nil
}

// PushContent is the content of a template for push: what RFC 8030 subscriptions and FCM show.
type PushContent struct {
	Title   string            `json:"title"`
	Body    string            `json:"body"`
	URL     string            `json:"url,omitempty"` // what a tap opens
	Image   string            `json:"image,omitempty"`
	Icon    string            `json:"icon,omitempty"`
	Badge   string            `json:"badge,omitempty"`
	Tag     string            `json:"tag,omitempty"`         // a newer one takes the place of an older one with the same tag
	Data    map[string]string `json:"data,omitempty"`        // for the app
	TTL     *int              `json:"ttl_seconds,omitempty"` // how long it waits for a device that is off; 0: for now or never; none: a day
	Urgency string            `json:"urgency,omitempty"`     // very-low, low, normal, high (RFC 8030 §5.3)
}

func checkPush(content []byte, filled bool) error {
	var c PushContent
	if err := readContent(content, &c); err != nil {
		return err
	}
	switch {
	case strings.TrimSpace(c.Title) == "":
		return enishi.FieldError("title", "a notification needs a title", "タイトルがありません")
	case c.Urgency != "" && !slices.Contains([]string{"very-low", "low", "normal", "high"}, c.Urgency):
		return enishi.FieldError("urgency", "use very-low, low, normal or high", "very-low、low、normal、high のどれかにしてください")
	case filled && c.URL != "" && !webURL(c.URL):
		return enishi.FieldError("url", "is an address of the web", "URL は https:// から書いてください")
	case c.TTL != nil && (*c.TTL < 0 || *c.TTL > 28*24*60*60):
		return enishi.FieldError("ttl_seconds", "is 0 to 2419200 (four weeks)", "0〜2419200 秒（4 週間）にしてください")
	}
	return nil
}

// readContent decodes strictly.
func readContent(content []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		return nil
	}
	var kind *json.UnmarshalTypeError
	field := ""
	if errors.As(err, &kind) {
		field = kind.Field
	}
	text := strings.TrimPrefix(err.Error(), "json: ")
	return enishi.FieldError(field, text, "内容の形が正しくありません: "+text)
}

// compileContent compiles the texts of a content.
func (c *compiled) compileContent(lib *library, channel, at string, raw json.RawMessage) error {
	var source string
	if json.Unmarshal(raw, &source) == nil && source != "" {
		p, err := lib.compilePart(at, source, &jsonPlace{})
		c.messages = p
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var object map[string]any
	if err := dec.Decode(&object); err != nil || len(object) == 0 {
		return enishi.FieldError(at, "content is an object of what "+channel+" sends", "content には "+channel+" で送る内容を書きます")
	}
	if err := contentKinds[channel](raw, false); err != nil {
		return within(at, err)
	}
	tree, err := compileTree(lib, at, object)
	c.tree = tree
	return err
}

// within names the place of an error within what it is a part of.
func within(at string, err error) error {
	var e *enishi.Error
	if !errors.As(err, &e) {
		return err
	}
	placed := *e
	placed.Field = strings.TrimSuffix(at+"."+e.Field, ".")
	return &placed
}

// fillContent makes the object.
func (f *filling) fillContent() (map[string]any, error) {
	if f.c.messages == nil {
		filled, err := fillTree(f.c.tree, f.vars, f.cfg.Now)
		if err != nil {
			return nil, err
		}
		return filled.(map[string]any), nil
	}
	text, err := f.c.messages.render(f.vars, f.cfg.Now)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var object map[string]any
	if err := dec.Decode(&object); err != nil {
		return nil, fmt.Errorf("%s: the result is no JSON object: %w", f.c.messages.name, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: something stands after the JSON object", f.c.messages.name)
	}
	return object, nil
}

// content makes what the channels without parts of their own send.
func (f *filling) content(channel string, out *Rendered) error {
	if channel != enishi.PostalChannel { // paper has no links: what it prints is as it is written
		f.shortLinks()
	}
	object, err := f.fillContent()
	if err != nil {
		return err
	}
	if f.vars[noEmoji] == true {
		withoutEmojiIn(object)
	}
	if f.m.Purpose == TestPurpose {
		markContent(object)
	}
	switch channel {
	case "sms":
		out.Bounce = f.signer.bounce(f.m.SendID, f.m.Profile) // comes back with the provider's receipts
	case "push":
		if to, ok := object["url"].(string); ok && webURL(to) {
			object["url"] = f.clickURL(to)
		}
		if f.track {
			out.Report = f.url("n", f.token(tokenNotice))
		}
	}
	if out.Content, err = json.Marshal(object); err != nil {
		return fmt.Errorf("write the content: %w", err)
	}
	out.Content = []byte(f.missing.once(string(out.Content)))
	if len(out.Content) > maxRenderOutput {
		return errTooLong
	}
	return contentKinds[channel](out.Content, true)
}

// shown are the members of a content that a reader sees as text.
var shown = []string{"text", "title", "body", "subtitle", "label"}

func withoutEmojiIn(v any) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			withoutEmojiIn(x)
		}
	case map[string]any:
		for k, x := range v {
			s, isText := x.(string)
			if !isText {
				withoutEmojiIn(x)
			} else if slices.Contains(shown, k) {
				if bare := lint.WithoutEmoji(s); strings.TrimSpace(bare) != "" {
					v[k] = bare
				}
			}
		}
	}
}

// markContent marks a test in the first text that is shown; it tells whether there was one.
func markContent(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, markContent)
	case map[string]any:
		for _, k := range shown {
			if s, ok := v[k].(string); ok && strings.TrimSpace(s) != "" {
				v[k] = testMark + " " + s
				return true
			}
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if markContent(v[k]) {
				return true
			}
		}
	}
	return false
}
