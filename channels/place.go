package channels

import (
	"fmt"
	"net/url"
	"strings"
)

// The tags that stand for the objects of a template, by the place where each stands. No template can name them.
const (
	escText  = "__text"
	escLine  = "__line"
	escHTML  = "__html"
	escAttr  = "__attr"
	escURL   = "__url"   // begins an address
	escPath  = "__path"  // goes on with one before its query
	escQuery = "__query" // stands in its query
	escCSS   = "__css"
	escJSON  = "__json"  // within a JSON string
	escValue = "__value" // is a JSON value
)

// place is where in a document the next object of a template would stand.
type place interface {
	// text moves the place over static text.
	text(s string)
	// object names the tag for an object here, and moves the place over it.
	object() (string, error)
	// merge joins the end of another branch into this one: afterwards what holds for both is known. False: they end at
	// places that cannot be one.
	merge(other place) bool
	clone() place
}

// textPlace is plain text: any place is like any other.
type textPlace struct{ tag string }

func (p *textPlace) text(string)             {}
func (p *textPlace) object() (string, error) { return p.tag, nil }
func (p *textPlace) merge(place) bool        { return true }
func (p *textPlace) clone() place            { return p }

// jsonPlace knows whether it is within a string.
type jsonPlace struct{ inString, escaped bool }

func (p *jsonPlace) text(s string) {
	for i := range len(s) {
		switch {
		case p.escaped:
			p.escaped = false
		case p.inString && s[i] == '\\':
			p.escaped = true
		case s[i] == '"':
			p.inString = !p.inString
		}
	}
}

func (p *jsonPlace) object() (string, error) {
	switch {
	case p.escaped:
		return "", fmt.Errorf("a variable may not follow a backslash")
	case p.inString:
		return escJSON, nil
	}
	return escValue, nil
}

func (p *jsonPlace) merge(other place) bool { return *p == *other.(*jsonPlace) }
func (p *jsonPlace) clone() place           { c := *p; return &c }

// htmlState is a state of the part of the HTML tokenizer that matters here.
type htmlState uint8

const (
	htmlText     htmlState = iota
	htmlTagOpen            // after <
	htmlTagName            // in a name
	htmlTag                // between attributes
	htmlAttr               // in the name of an attribute
	htmlAfter              // after it, before =
	htmlValue              // after =
	htmlQuoted             // in a quoted value
	htmlUnquoted           // in another one
	htmlDecl               // after <!
	htmlComment            // in <!-- -->
	htmlRaw                // in script, style, title, textarea
)

// htmlPlace follows HTML from the start of a document.
type htmlPlace struct {
	state htmlState
	quote byte   // of htmlQuoted
	tag   string // of tags and htmlRaw, lower case, with / when it closes
	attr  string // lower case
	begun bool   // the value has a beginning
	query bool   // the value has a ?
	tail  string // last bytes of a comment or raw text
}

func (p *htmlPlace) merge(other place) bool {
	b := other.(*htmlPlace)
	if p.state != b.state {
		return false
	}
	switch p.state {
	case htmlText: // what came before does not matter
		return true
	case htmlRaw:
		return p.tag == b.tag
	}
	p.begun, p.query = p.begun && b.begun, p.query || b.query
	return p.quote == b.quote && p.tag == b.tag && p.attr == b.attr
}

func (p *htmlPlace) clone() place { c := *p; return &c }

func (p *htmlPlace) text(s string) {
	for i := range len(s) {
		p.step(s[i])
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func (p *htmlPlace) step(c byte) {
	switch p.state {
	case htmlText:
		if c == '<' {
			p.state, p.tag = htmlTagOpen, ""
		}
	case htmlTagOpen:
		switch {
		case c == '/' && p.tag == "":
			p.tag = "/"
		case lower(c) >= 'a' && lower(c) <= 'z':
			p.state = htmlTagName
			p.tag += string(lower(c))
		case c == '!' && p.tag == "":
			p.state, p.tail = htmlDecl, "!"
		case c == '<':
			p.tag = ""
		default:
			p.state = htmlText
		}
	case htmlTagName:
		switch {
		case isSpace(c) || c == '/':
			p.state = htmlTag
		case c == '>':
			p.endTag()
		default:
			p.tag += string(lower(c))
		}
	case htmlTag, htmlAfter:
		p.between(c)
	case htmlAttr:
		switch {
		case isSpace(c):
			p.state = htmlAfter
		case c == '=':
			p.startValue()
		case c == '>':
			p.endTag()
		case c == '/':
			p.state = htmlTag
		default:
			p.attr += string(lower(c))
		}
	case htmlValue:
		switch {
		case isSpace(c):
		case c == '"' || c == '\'':
			p.state, p.quote = htmlQuoted, c
		case c == '>':
			p.endTag()
		default:
			p.state, p.begun = htmlUnquoted, true
		}
	case htmlQuoted:
		if c == p.quote {
			p.state = htmlTag
			return
		}
		p.begun = p.begun || !isSpace(c)
		p.query = p.query || c == '?' || c == '#'
	case htmlUnquoted:
		if isSpace(c) {
			p.state = htmlTag
		} else if c == '>' {
			p.endTag()
		}
	case htmlDecl:
		if len(p.tail) < 3 {
			p.tail += string(c)
		}
		switch {
		case p.tail == "!--":
			p.state, p.tail = htmlComment, ""
		case c == '>':
			p.state = htmlText
		}
	case htmlComment, htmlRaw:
		p.inside(c)
	}
}

func (p *htmlPlace) startValue() { p.state, p.begun, p.query = htmlValue, false, false }

func (p *htmlPlace) between(c byte) {
	switch {
	case isSpace(c) || c == '/':
	case c == '>':
		p.endTag()
	case c == '=' && p.state == htmlAfter:
		p.startValue()
	default:
		p.state, p.attr = htmlAttr, string(lower(c))
	}
}

// inside looks for the end of a comment or of raw text.
func (p *htmlPlace) inside(c byte) {
	if p.tail += string(lower(c)); len(p.tail) > 12 {
		p.tail = p.tail[len(p.tail)-12:]
	}
	if p.state == htmlComment {
		if strings.HasSuffix(p.tail, "-->") {
			p.state = htmlText
		}
		return
	}
	if end := "</" + p.tag; strings.HasSuffix(p.tail, end+">") || strings.HasSuffix(p.tail, end+" ") {
		p.state = htmlText
	}
}

func (p *htmlPlace) endTag() {
	p.state = htmlText
	switch p.tag {
	case "script", "style", "title", "textarea":
		p.state, p.tail = htmlRaw, ""
	}
}

// urlAttrs are the attributes whose value is an address.
var urlAttrs = map[string]bool{"href": true, "src": true, "action": true, "formaction": true, "background": true, "poster": true,
	"cite": true, "data": true, "longdesc": true, "usemap": true, "manifest": true, "ping": true, "xlink:href": true}

func (p *htmlPlace) object() (string, error) {
	switch p.state {
	case htmlText, htmlComment:
		return escHTML, nil
	case htmlRaw:
		switch p.tag {
		case "script":
			return "", fmt.Errorf("a variable may not stand in a script")
		case "style":
			return escCSS, nil
		}
		return escAttr, nil
	case htmlQuoted:
		return p.value()
	case htmlValue, htmlUnquoted:
		return "", fmt.Errorf("put quotes around the value of %s", p.attr)
	}
	return "", fmt.Errorf("a variable may not name a tag or an attribute")
}

func (p *htmlPlace) value() (string, error) {
	begun := p.begun
	p.begun = true
	switch {
	case strings.HasPrefix(p.attr, "on") || p.attr == "srcdoc":
		return "", fmt.Errorf("a variable may not stand in %s", p.attr)
	case p.attr == "style":
		return escCSS, nil
	case !urlAttrs[p.attr] && p.attr != "srcset":
		return escAttr, nil
	case !begun:
		return escURL, nil
	case p.query:
		return escQuery, nil
	}
	return escPath, nil
}

// safeURL tells whether an address may stand in a link: relative, or of a scheme that runs nothing.
func safeURL(s string) bool {
	if strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7F }) >= 0 {
		return false
	}
	scheme, _, ok := strings.Cut(s, ":")
	if !ok || strings.ContainsAny(scheme, "/?#") {
		return true
	}
	switch strings.ToLower(scheme) {
	case "http", "https", "mailto", "tel", "sms", "line":
		return true
	}
	return false
}

// normaliseURL percent-encodes what may not stand in an address and leaves what is encoded.
func normaliseURL(s string) string {
	const keep = "-_.~!#$&'()*+,/:;=?@[]%"
	return percent(s, keep)
}

// queryEscape encodes a value of a query; a space becomes %20, which every reader takes.
func queryEscape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func percent(s, keep string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(keep, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}
