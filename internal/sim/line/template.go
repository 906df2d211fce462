package line

import "encoding/json"

// labelRule is what the label of an action has to be in its place.
type labelRule struct {
	max  int
	need bool
}

func (c *check) template(t object, w where) {
	l := c.limits
	switch kind(t) {
	case "buttons":
		c.look(t, w)
		c.oneOf(t, w, "imageAspectRatio", "rectangle", "square")
		c.oneOf(t, w, "imageSize", "cover", "contain")
		c.text(t, w, "text", pick(pictured(t), l.ButtonsTextShort, l.ButtonsText), true)
		c.actions(t, w, 1, l.ButtonsActions)
	case "confirm":
		c.text(t, w, "text", l.ConfirmText, true)
		c.actions(t, w, l.ConfirmActions, l.ConfirmActions)
	case "carousel":
		c.oneOf(t, w, "imageAspectRatio", "rectangle", "square")
		c.oneOf(t, w, "imageSize", "cover", "contain")
		c.carousel(t, w)
	case "image_carousel":
		for i, raw := range c.list(t, w, "columns", 1, l.Columns) {
			at := w.key("columns").at(i)
			col, ok := c.object(raw, at)
			if !ok {
				continue
			}
			c.media(col, at, "imageUrl", true)
			if c.required(col, at, "action") {
				c.action(col["action"], at.key("action"), labelRule{l.ImageCarouselLabel, false}, false)
			}
		}
	default:
		c.add(w.key("type"), "Must be one of the following values: [buttons, confirm, carousel, image_carousel]")
	}
}

// carousel also holds the rule that all columns look alike: the same number of
// actions, and an image or a title in all or in none.
func (c *check) carousel(t object, w where) {
	l := c.limits
	var first object
	actions := -1
	for i, raw := range c.list(t, w, "columns", 1, l.Columns) {
		at := w.key("columns").at(i)
		col, ok := c.object(raw, at)
		if !ok {
			continue
		}
		c.look(col, at)
		c.text(col, at, "text", pick(pictured(col), l.ColumnTextShort, l.ColumnText), true)
		n := c.actions(col, at, 1, l.ColumnActions)
		if first == nil {
			first, actions = col, n
			continue
		}
		if n != actions && n > 0 && actions > 0 {
			c.add(at.key("actions"), "the number of actions must be the same in all columns")
		}
		for _, k := range []string{"thumbnailImageUrl", "title"} {
			if absent(col[k]) != absent(first[k]) {
				c.add(at.key(k), "must be set in all columns or in none")
			}
		}
	}
}

// look checks the picture, title and default action of buttons and columns.
func (c *check) look(o object, w where) {
	c.media(o, w, "thumbnailImageUrl", false)
	c.pattern(o, w, "imageBackgroundColor", colour)
	c.text(o, w, "title", c.limits.Title, false)
	if !absent(o["defaultAction"]) {
		c.action(o["defaultAction"], w.key("defaultAction"), labelRule{c.limits.ActionLabel, false}, false)
	}
}

func (c *check) actions(o object, w where, lo, hi int) int {
	list := c.list(o, w, "actions", lo, hi)
	for i, raw := range list {
		c.action(raw, w.key("actions").at(i), labelRule{c.limits.ActionLabel, true}, false)
	}
	return len(list)
}

func pictured(o object) bool { return !absent(o["thumbnailImageUrl"]) || !absent(o["title"]) }

func pick(cond bool, yes, no int) int {
	if cond {
		return yes
	}
	return no
}

// action checks an action object; quick says that it belongs to a quick reply,
// the one place for camera, camera roll and location.
func (c *check) action(raw json.RawMessage, w where, label labelRule, quick bool) {
	a, ok := c.object(raw, w)
	if !ok {
		return
	}
	l := c.limits
	c.text(a, w, "label", label.max, label.need)
	switch k := kind(a); k {
	case "postback":
		c.text(a, w, "data", l.PostbackData, true)
		c.text(a, w, "displayText", l.ActionText, false)
		c.text(a, w, "text", l.ActionText, false)
		if !absent(a["displayText"]) && !absent(a["text"]) {
			c.add(w.key("text"), "displayText and text can't be used together")
		}
		c.oneOf(a, w, "inputOption", "closeRichMenu", "openRichMenu", "openKeyboard", "openVoice")
		c.text(a, w, "fillInText", l.ActionText, false)
	case "message":
		c.text(a, w, "text", l.ActionText, true)
	case "uri":
		c.link(a, w, "uri", l.ActionURI, true, "http", "https", "line", "tel")
		if !absent(a["altUri"]) {
			if alt, ok := c.object(a["altUri"], w.key("altUri")); ok {
				c.link(alt, w.key("altUri"), "desktop", l.ActionURI, false, "http", "https", "line", "tel")
			}
		}
	case "datetimepicker":
		c.text(a, w, "data", l.PostbackData, true)
		if c.required(a, w, "mode") {
			c.oneOf(a, w, "mode", "date", "time", "datetime")
		}
	case "clipboard":
		c.text(a, w, "clipboardText", l.ClipboardText, true)
	case "camera", "cameraRoll", "location":
		if !quick {
			c.add(w.key("type"), "%s can be used only in quick replies", k)
		}
	default: // richmenuswitch included: it belongs to rich menus only
		c.add(w.key("type"), invalidProperty)
	}
}
