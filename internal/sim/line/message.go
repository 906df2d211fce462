package line

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

const messageTypes = "text, textV2, sticker, image, video, audio, location, imagemap, template, flex, coupon"

var (
	digits       = regexp.MustCompile(`^[0-9]+$`)
	wordName     = regexp.MustCompile(`^[a-zA-Z0-9_]+$`)
	trackingName = regexp.MustCompile(`^[a-zA-Z0-9\-.=,+*()%$&;:@{}!?<>\[\]]+$`)
)

// checkMessages returns the answer to an array of message objects that LINE
// would refuse, or nil. LINE looks at all plain fields first and names them
// all, then at the inside of each message and names those of the first bad one.
func (s *Server) checkMessages(messages []json.RawMessage, mentions bool) *answer {
	plain := check{limits: &s.limits}
	for i, raw := range messages {
		w := where{path: fmt.Sprintf("messages[%d]", i)}
		if o, ok := plain.object(raw, w); ok {
			plain.message(o, w)
		}
	}
	if len(plain.errs) > 0 {
		return bodyErrors(plain.errs)
	}
	for i, raw := range messages {
		inner := check{limits: &s.limits, mentions: mentions}
		if o, ok := inner.object(raw, where{}); ok {
			inner.inside(o, raw)
		}
		if len(inner.errs) > 0 {
			// The no-break space before "in" is LINE's own.
			return refuse(400, fmt.Sprintf("A message (messages[%d])\u00a0in the request body is invalid", i), inner.errs...)
		}
	}
	return nil
}

// message checks the plain fields of a message.
func (c *check) message(o object, w where) {
	l := c.limits
	switch kind(o) {
	case "text":
		if text, ok := c.text(o, w, "text", l.Text, true); ok {
			c.emojis(o, w, text)
		}
	case "textV2":
		c.text(o, w, "text", l.Text, true)
	case "sticker":
		for _, k := range []string{"packageId", "stickerId"} {
			if _, ok := c.text(o, w, k, 20, true); ok {
				c.pattern(o, w, k, digits)
			}
		}
	case "image":
		c.media(o, w, "originalContentUrl", true)
		c.media(o, w, "previewImageUrl", true)
	case "video":
		c.media(o, w, "originalContentUrl", true)
		c.media(o, w, "previewImageUrl", true)
		if _, ok := c.text(o, w, "trackingId", l.TrackingID, false); ok {
			c.pattern(o, w, "trackingId", trackingName)
		}
	case "audio":
		c.media(o, w, "originalContentUrl", true)
		c.number(o, w, "duration", 1, 1<<53)
	case "location":
		c.text(o, w, "title", l.LocationText, true)
		c.text(o, w, "address", l.LocationText, true)
		c.number(o, w, "latitude", -90, 90)
		c.number(o, w, "longitude", -180, 180)
	case "coupon":
		c.text(o, w, "couponId", 100, true)
		if _, ok := c.text(o, w, "deliveryTag", l.DeliveryTag, false); ok {
			c.pattern(o, w, "deliveryTag", wordName)
		}
	case "imagemap":
		c.media(o, w, "baseUrl", true)
		c.text(o, w, "altText", l.AltText, true)
		c.required(o, w, "baseSize")
		c.list(o, w, "actions", 1, l.ImagemapActions)
	case "template":
		c.text(o, w, "altText", l.AltText, true)
		c.required(o, w, "template")
	case "flex":
		c.text(o, w, "altText", l.AltText, true)
		c.required(o, w, "contents")
	default:
		c.add(w.key("type"), "Must be one of the following values: [%s]", messageTypes)
	}
}

// inside checks what a message contains.
func (c *check) inside(o object, raw json.RawMessage) {
	switch kind(o) {
	case "textV2":
		c.substitution(o)
	case "imagemap":
		c.imagemap(o)
	case "template":
		if t, ok := c.object(o["template"], where{"template", true}); ok {
			c.template(t, where{"template", true})
		}
	case "flex":
		c.flex(o["contents"])
	}
	if !absent(o["quickReply"]) {
		c.quickReply(o["quickReply"], where{"quickReply", true})
	}
	if !absent(o["sender"]) {
		w := where{"sender", true}
		if sender, ok := c.object(o["sender"], w); ok {
			c.text(sender, w, "name", c.limits.SenderName, false)
			c.media(sender, w, "iconUrl", false)
		}
	}
}

// emojis checks that each LINE emoji stands where the text has its "$".
func (c *check) emojis(o object, w where, text string) {
	if absent(o["emojis"]) {
		return
	}
	for i, raw := range c.list(o, w, "emojis", 1, c.limits.TextEmojis) {
		at := w.key("emojis").at(i)
		e, ok := c.object(raw, at)
		if !ok {
			continue
		}
		c.text(e, at, "productId", 100, true)
		c.text(e, at, "emojiId", 100, true)
		if n, ok := c.number(e, at, "index", 0, float64(c.limits.Text)); ok && utf16At(text, int(n)) != '$' {
			c.add(at.key("index"), invalidProperty)
		}
	}
}

// substitution checks the {keys} of a textV2 message.
func (c *check) substitution(o object) {
	var text string
	_ = json.Unmarshal(o["text"], &text) // a string: the plain check has seen it
	subs := object{}
	w := where{path: "substitution"}
	if !absent(o["substitution"]) {
		var ok bool
		if subs, ok = c.object(o["substitution"], w); !ok {
			return
		}
	}
	if len(subs) > c.limits.Substitutions {
		c.size(w, "Size", 0, c.limits.Substitutions)
	}
	c.placeholders(text, subs)
	emojis, mentions := 0, 0
	for k, raw := range subs {
		at := w.key(k)
		if len(k) > c.limits.SubstitutionKey || !wordName.MatchString(k) {
			c.add(at, invalidProperty)
		}
		s, ok := c.object(raw, at)
		if !ok {
			continue
		}
		switch kind(s) {
		case "emoji":
			emojis++
			c.text(s, at, "productId", 100, true)
			c.text(s, at, "emojiId", 100, true)
		case "mention":
			mentions++
			if !c.mentions {
				c.add(at, "mention is available only in group chats and multi-person chats")
			}
			if m, ok := c.child(s, at, "mentionee"); ok {
				c.mentionee(m, at.key("mentionee"))
			}
		default:
			c.add(at.key("type"), "Must be one of the following values: [mention, emoji]")
		}
	}
	if emojis > c.limits.SubstitutedEmojis {
		c.add(w, "emoji objects must be %d or fewer", c.limits.SubstitutedEmojis)
	}
	if mentions > c.limits.Mentions {
		c.add(w, "mention objects must be %d or fewer", c.limits.Mentions)
	}
}

func (c *check) mentionee(m object, w where) {
	switch kind(m) {
	case "all":
	case "user":
		c.text(m, w, "userId", 33, true)
	default:
		c.add(w.key("type"), "Must be one of the following values: [user, all]")
	}
}

// placeholders checks that braces come in pairs, doubled ones aside, and that
// every key has its substitution.
func (c *check) placeholders(text string, subs object) {
	at := where{path: "text"}
	for i := 0; i < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], "{{") || strings.HasPrefix(text[i:], "}}"):
			i++
		case text[i] == '}':
			c.add(at, "'}' has no matching '{'")
			return
		case text[i] == '{':
			end := strings.IndexByte(text[i:], '}')
			if end < 0 {
				c.add(at, "'{' has no matching '}'")
				return
			}
			key := text[i+1 : i+end]
			if len(key) > c.limits.SubstitutionKey || !wordName.MatchString(key) {
				c.add(at, "The key '%s' enclosed in '{}' does not match the pattern '^[a-zA-Z0-9_]{1,%d}$'.", key, c.limits.SubstitutionKey)
				return
			}
			if _, ok := subs[key]; !ok {
				c.add(at, "The key '%s' enclosed in '{}' is not in substitution.", key)
				return
			}
			i += end
		}
	}
}

func (c *check) quickReply(raw json.RawMessage, w where) {
	q, ok := c.object(raw, w)
	if !ok {
		return
	}
	for i, raw := range c.list(q, w, "items", 1, c.limits.QuickReplies) {
		at := w.key("items").at(i)
		item, ok := c.object(raw, at)
		if !ok {
			continue
		}
		c.oneOf(item, at, "type", "action")
		c.media(item, at, "imageUrl", false)
		if c.required(item, at, "action") {
			c.action(item["action"], at.key("action"), labelRule{c.limits.ActionLabel, true}, true)
		}
	}
}

func (c *check) imagemap(o object) {
	root := where{slash: true}
	if size, ok := c.child(o, root, "baseSize"); ok {
		w := root.key("baseSize")
		if n, ok := c.number(size, w, "width", 1, 1<<20); ok && int(n) != c.limits.ImagemapWidth {
			c.add(w.key("width"), "must be %d", c.limits.ImagemapWidth)
		}
		c.number(size, w, "height", 1, 1<<20)
	}
	for i, raw := range c.list(o, root, "actions", 1, c.limits.ImagemapActions) {
		w := root.key("actions").at(i)
		a, ok := c.object(raw, w)
		if !ok {
			continue
		}
		c.text(a, w, "label", c.limits.ImagemapLabel, false)
		c.area(a, w)
		switch kind(a) {
		case "uri":
			c.link(a, w, "linkUri", c.limits.ActionURI, true, "http", "https", "line", "tel")
		case "message":
			c.text(a, w, "text", c.limits.ImagemapText, true)
		case "clipboard":
			c.text(a, w, "clipboardText", c.limits.ClipboardText, true)
		default:
			c.add(w.key("type"), invalidProperty)
		}
	}
	if absent(o["video"]) {
		return
	}
	w := root.key("video")
	video, ok := c.object(o["video"], w)
	if !ok {
		return
	}
	c.media(video, w, "originalContentUrl", true)
	c.media(video, w, "previewImageUrl", true)
	c.area(video, w)
	if !absent(video["externalLink"]) {
		if link, ok := c.object(video["externalLink"], w.key("externalLink")); ok {
			c.link(link, w.key("externalLink"), "linkUri", c.limits.ActionURI, true, "http", "https", "line", "tel")
			c.text(link, w.key("externalLink"), "label", c.limits.ImagemapLinkLabel, true)
		}
	}
}

func (c *check) area(o object, w where) {
	if a, ok := c.child(o, w, "area"); ok {
		for _, k := range []string{"x", "y"} {
			c.number(a, w.key("area"), k, 0, 1<<20)
		}
		for _, k := range []string{"width", "height"} {
			c.number(a, w.key("area"), k, 1, 1<<20)
		}
	}
}

// jsonSize is the size of a value as it was sent, without the white space
// around it.
func jsonSize(raw json.RawMessage) int { return len(bytes.TrimSpace(raw)) }
