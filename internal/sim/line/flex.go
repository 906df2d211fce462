package line

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

var (
	colour   = regexp.MustCompile(`^#([0-9a-fA-F]{6}|[0-9a-fA-F]{8})$`)
	pixels   = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(px|%)$`)
	keywords = regexp.MustCompile(`^(none|xxs|xs|sm|md|lg|xl|xxl|3xl|4xl|5xl|full)$`)
)

// flex checks a Flex container. Paths in its errors start at the container.
func (c *check) flex(raw json.RawMessage) {
	root := where{slash: true}
	o, ok := c.object(raw, root)
	if !ok {
		return
	}
	l := c.limits
	switch kind(o) {
	case "bubble":
		c.bubble(o, raw, root)
	case "carousel":
		c.fields(o, root, "type contents")
		if jsonSize(raw) > l.CarouselBytes {
			c.add(root, "size must be between 0 and %d", l.CarouselBytes)
		}
		width := ""
		for i, raw := range c.list(o, root, "contents", 1, l.Bubbles) {
			w := root.key("contents").at(i)
			b, ok := c.object(raw, w)
			if !ok {
				continue
			}
			c.bubble(b, raw, w)
			size := "mega"
			if !absent(b["size"]) {
				_ = json.Unmarshal(b["size"], &size) // a wrong type is reported by bubble
			}
			if width == "" {
				width = size
			} else if size != width {
				c.add(w.key("size"), "all bubbles of a carousel must have the same size")
			}
		}
	default:
		c.add(root.key("type"), invalidProperty)
	}
	if c.animated > l.AnimatedImages {
		c.add(root, "animated images must be %d or fewer", l.AnimatedImages)
	}
}

func (c *check) bubble(o object, raw json.RawMessage, w where) {
	if kind(o) != "bubble" {
		c.add(w.key("type"), invalidProperty)
		return
	}
	c.fields(o, w, "type size direction header hero body footer styles action")
	if jsonSize(raw) > c.limits.BubbleBytes {
		c.add(w, "size must be between 0 and %d", c.limits.BubbleBytes)
	}
	c.oneOf(o, w, "size", "nano", "micro", "deca", "hecto", "kilo", "mega", "giga")
	c.oneOf(o, w, "direction", "ltr", "rtl")
	for _, block := range []string{"header", "body", "footer"} {
		if !absent(o[block]) {
			c.component(o[block], w.key(block), "box")
		}
	}
	if !absent(o["hero"]) {
		c.component(o["hero"], w.key("hero"), "box image video")
	}
	c.optionalAction(o, w)
	if !absent(o["styles"]) {
		c.styles(o["styles"], w.key("styles"))
	}
}

func (c *check) styles(raw json.RawMessage, w where) {
	styles, ok := c.object(raw, w)
	if !ok {
		return
	}
	c.fields(styles, w, "header hero body footer")
	for block, raw := range styles {
		if s, ok := c.object(raw, w.key(block)); ok {
			c.fields(s, w.key(block), "backgroundColor separator separatorColor")
			c.pattern(s, w.key(block), "backgroundColor", colour)
			c.pattern(s, w.key(block), "separatorColor", colour)
		}
	}
}

func (c *check) optionalAction(o object, w where) {
	if !absent(o["action"]) {
		c.action(o["action"], w.key("action"), labelRule{c.limits.FlexLabel, false}, false)
	}
}

const offsets = " margin position offsetTop offsetBottom offsetStart offsetEnd"

// flexFields names the fields of each component in the reference.
func flexFields(component string) string {
	switch component {
	case "box":
		return "type layout contents backgroundColor borderColor borderWidth cornerRadius width maxWidth height maxHeight" +
			" spacing paddingAll paddingTop paddingBottom paddingStart paddingEnd action justifyContent alignItems background flex" + offsets
	case "button":
		return "type action height style color gravity adjustMode scaling flex" + offsets
	case "image":
		return "type url align gravity size aspectRatio aspectMode backgroundColor action animated flex" + offsets
	case "video":
		return "type url previewUrl altContent aspectRatio action"
	case "icon":
		return "type url size scaling aspectRatio" + offsets
	case "text":
		return "type text contents adjustMode size scaling align gravity wrap lineSpacing maxLines weight color action style decoration flex" + offsets
	case "span":
		return "type text color size weight style decoration"
	case "separator":
		return "type margin color"
	case "filler":
		return "type flex"
	}
	return ""
}

// component checks one component of the kinds its place allows.
func (c *check) component(raw json.RawMessage, w where, allowed string) {
	o, ok := c.object(raw, w)
	if !ok {
		return
	}
	k := kind(o)
	if k == "" || !strings.Contains(" "+allowed+" ", " "+k+" ") {
		c.add(w.key("type"), invalidProperty)
		return
	}
	c.fields(o, w, flexFields(k))
	for _, f := range []string{"color", "backgroundColor", "borderColor"} {
		c.pattern(o, w, f, colour)
	}
	c.oneOf(o, w, "position", "relative", "absolute")
	switch k {
	case "box":
		c.box(o, w)
	case "button":
		if c.required(o, w, "action") {
			c.action(o["action"], w.key("action"), labelRule{c.limits.FlexLabel, true}, false)
		}
		c.oneOf(o, w, "style", "primary", "secondary", "link")
		c.oneOf(o, w, "height", "sm", "md")
	case "image":
		c.media(o, w, "url", true)
		c.ratio(o, w)
		c.measure(o, w, "size")
		c.oneOf(o, w, "aspectMode", "cover", "fit")
		c.optionalAction(o, w)
		var animated bool
		if json.Unmarshal(o["animated"], &animated) == nil && animated {
			c.animated++
		}
	case "video":
		c.media(o, w, "url", true)
		c.media(o, w, "previewUrl", true)
		if c.required(o, w, "altContent") {
			c.component(o["altContent"], w.key("altContent"), "box image")
		}
		c.ratio(o, w)
		c.optionalAction(o, w)
	case "icon":
		c.media(o, w, "url", true)
		c.ratio(o, w)
		c.measure(o, w, "size")
	case "text":
		c.flexText(o, w)
	case "span":
		c.text(o, w, "text", c.limits.BubbleBytes, false)
		c.typeface(o, w)
	}
}

func (c *check) box(o object, w where) {
	inner := "box button image text separator filler"
	if c.required(o, w, "layout") {
		c.oneOf(o, w, "layout", "horizontal", "vertical", "baseline")
		var layout string
		if json.Unmarshal(o["layout"], &layout) == nil && layout == "baseline" {
			inner = "icon text filler"
		}
	}
	for i, raw := range c.list(o, w, "contents", 0, c.limits.BubbleBytes) {
		c.component(raw, w.key("contents").at(i), inner)
	}
	c.optionalAction(o, w)
}

func (c *check) flexText(o object, w where) {
	if absent(o["contents"]) {
		c.text(o, w, "text", c.limits.BubbleBytes, true)
	} else {
		for i, raw := range c.list(o, w, "contents", 1, c.limits.BubbleBytes) {
			c.component(raw, w.key("contents").at(i), "span")
		}
	}
	c.typeface(o, w)
	c.oneOf(o, w, "align", "start", "end", "center")
	c.oneOf(o, w, "gravity", "top", "bottom", "center")
	c.optionalAction(o, w)
}

func (c *check) typeface(o object, w where) {
	c.measure(o, w, "size")
	c.oneOf(o, w, "weight", "regular", "bold")
	c.oneOf(o, w, "style", "normal", "italic")
	c.oneOf(o, w, "decoration", "none", "underline", "line-through")
}

// measure checks a size that is a keyword, pixels or a percentage.
func (c *check) measure(o object, w where, key string) {
	if absent(o[key]) {
		return
	}
	var s string
	if json.Unmarshal(o[key], &s) != nil || !keywords.MatchString(s) && !pixels.MatchString(s) {
		c.add(w.key(key), invalidProperty)
	}
}

// ratio checks "width:height": 1 to 100000 each, height at most three times
// the width.
func (c *check) ratio(o object, w where) {
	if absent(o["aspectRatio"]) {
		return
	}
	var s string
	_ = json.Unmarshal(o["aspectRatio"], &s) // another type leaves s empty and fails below
	width, height, _ := strings.Cut(s, ":")
	x, errX := strconv.ParseFloat(width, 64)
	y, errY := strconv.ParseFloat(height, 64)
	if errX != nil || errY != nil || !(x >= 1 && x <= 100000 && y >= 1 && y <= 100000) || y > 3*x {
		c.add(w.key("aspectRatio"), invalidProperty)
	}
}
