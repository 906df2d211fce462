package line

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// where names a place in a request body. LINE has two spellings: fields of the
// request and of plain messages are "messages[0].text", what lies inside a
// template or a Flex container is "template/actions/0/uri" and "/hero/url".
type where struct {
	path  string
	slash bool
}

func (w where) key(k string) where {
	switch {
	case w.slash:
		return where{w.path + "/" + k, true}
	case w.path == "":
		return where{k, false}
	}
	return where{w.path + "." + k, false}
}

func (w where) at(i int) where {
	if w.slash {
		return where{fmt.Sprintf("%s/%d", w.path, i), true}
	}
	return where{fmt.Sprintf("%s[%d]", w.path, i), false}
}

// detail is one entry of an error answer's details.
type detail struct {
	Message  string `json:"message,omitempty"`
	Property string `json:"property,omitempty"`
}

type object = map[string]json.RawMessage

// check collects the faults of one request or message.
type check struct {
	limits *Limits
	errs   []detail
	// mentions says whether textV2 may mention people: only the validation
	// endpoints of reply and push allow it, because groups are not simulated.
	mentions bool
	animated int
}

func (c *check) add(w where, format string, args ...any) {
	c.errs = append(c.errs, detail{fmt.Sprintf(format, args...), w.path})
}

// Texts the API is known to answer.
const (
	mayNotBeEmpty   = "May not be empty"
	invalidProperty = "invalid property"
	unknownField    = "unknown field"
	invalidURI      = "invalid uri"
	invalidScheme   = "invalid uri scheme"
)

func absent(raw json.RawMessage) bool {
	return len(raw) == 0 || bytes.Equal(bytes.TrimSpace(raw), []byte("null"))
}

// size writes the bound as the API does in each of its two spellings.
func (c *check) size(w where, noun string, lo, hi int) {
	if w.slash {
		noun = "size"
	}
	c.add(w, "%s must be between %d and %d", noun, lo, hi)
}

// required reports an absent field and says whether it is there.
func (c *check) required(o object, w where, key string) bool {
	if !absent(o[key]) {
		return true
	}
	if w.slash {
		c.add(w.key(key), "must be specified")
	} else {
		c.add(w.key(key), mayNotBeEmpty)
	}
	return false
}

// object reads a JSON object.
func (c *check) object(raw json.RawMessage, w where) (object, bool) {
	var o object
	if err := json.Unmarshal(raw, &o); err != nil || o == nil {
		c.add(w, invalidProperty)
		return nil, false
	}
	return o, true
}

// child reads a required object field.
func (c *check) child(o object, w where, key string) (object, bool) {
	if !c.required(o, w, key) {
		return nil, false
	}
	return c.object(o[key], w.key(key))
}

// list reads a required array of lo to hi elements.
func (c *check) list(o object, w where, key string, lo, hi int) []json.RawMessage {
	if !c.required(o, w, key) {
		return nil
	}
	var l []json.RawMessage
	if err := json.Unmarshal(o[key], &l); err != nil {
		c.add(w.key(key), invalidProperty)
		return nil
	}
	if len(l) < lo || len(l) > hi {
		c.size(w.key(key), "Size", lo, hi)
		return nil
	}
	return l
}

// text reads a string of at most hi UTF-16 units; need asks for at least one.
func (c *check) text(o object, w where, key string, hi int, need bool) (string, bool) {
	if absent(o[key]) {
		if need {
			c.required(o, w, key)
		}
		return "", false
	}
	var s string
	if err := json.Unmarshal(o[key], &s); err != nil {
		c.add(w.key(key), invalidProperty)
		return "", false
	}
	if need && s == "" {
		if w.slash {
			c.add(w.key(key), "must be non-empty text")
		} else {
			c.add(w.key(key), mayNotBeEmpty)
		}
		return "", false
	}
	if utf16Len(s) > hi {
		c.size(w.key(key), "Length", 0, hi)
		return "", false
	}
	return s, true
}

func (c *check) number(o object, w where, key string, lo, hi float64) (float64, bool) {
	if !c.required(o, w, key) {
		return 0, false
	}
	var n float64
	if err := json.Unmarshal(o[key], &n); err != nil {
		c.add(w.key(key), invalidProperty)
		return 0, false
	}
	if n < lo || n > hi {
		c.add(w.key(key), "must be between %v and %v", lo, hi)
		return 0, false
	}
	return n, true
}

// oneOf checks an optional field with a closed set of values.
func (c *check) oneOf(o object, w where, key string, values ...string) {
	if absent(o[key]) {
		return
	}
	var s string
	if err := json.Unmarshal(o[key], &s); err == nil {
		for _, v := range values {
			if s == v {
				return
			}
		}
	}
	c.add(w.key(key), "Must be one of the following values: [%s]", strings.Join(values, ", "))
}

func (c *check) pattern(o object, w where, key string, re *regexp.Regexp) {
	if absent(o[key]) {
		return
	}
	var s string
	if err := json.Unmarshal(o[key], &s); err != nil || !re.MatchString(s) {
		c.add(w.key(key), invalidProperty)
	}
}

// link checks a URI and its scheme. LINE wants URIs percent-encoded, so a
// space or a kanji in one is an invalid URI.
func (c *check) link(o object, w where, key string, hi int, need bool, schemes ...string) {
	s, ok := c.text(o, w, key, hi, need)
	if !ok || s == "" && !need {
		return
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f {
			c.add(w.key(key), invalidURI)
			return
		}
	}
	u, err := url.Parse(s)
	if err != nil {
		c.add(w.key(key), invalidURI)
		return
	}
	for _, scheme := range schemes {
		if strings.EqualFold(u.Scheme, scheme) {
			if strings.HasPrefix(scheme, "http") && u.Host == "" {
				c.add(w.key(key), invalidURI)
			}
			return
		}
	}
	c.add(w.key(key), invalidScheme)
}

// media checks the URL of an image, video or sound.
func (c *check) media(o object, w where, key string, need bool) {
	c.link(o, w, key, c.limits.MediaURL, need, "https")
}

// fields refuses what the reference does not name, which LINE does inside Flex.
func (c *check) fields(o object, w where, known string) {
	for k := range o {
		if !strings.Contains(" "+known+" ", " "+k+" ") {
			c.add(w.key(k), unknownField)
		}
	}
}

func kind(o object) string {
	var s string
	if json.Unmarshal(o["type"], &s) != nil {
		return ""
	}
	return s
}

// utf16Len is LINE's count of characters.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

// utf16At returns the rune that starts at UTF-16 position i.
func utf16At(s string, i int) rune {
	n := 0
	for _, r := range s {
		if n == i {
			return r
		}
		n++
		if r > 0xffff {
			n++
		}
	}
	return utf8.RuneError
}
