package channels

import (
	"fmt"
	"html"
	"strings"
)

// finish gives the href of each link to track, which answers with what is to stand there instead, and puts top behind the
// opening body tag and end before the closing one, or at the beginning and the end where there is none. Any address of a
// scheme that runs something is an error, wherever it came from.
func finish(doc, top, end string, track func(url string) string) (string, error) {
	x := splice{doc: doc, add: [2]addition{{0, top}, {len(doc), end}}}
	if i := indexFold(doc, "<body"); top != "" && i >= 0 {
		if j := strings.IndexByte(doc[i:], '>'); j >= 0 {
			x.add[0].at = i + j + 1
		}
	}
	if i := lastFold(doc, "</body"); end != "" && i >= 0 {
		x.add[1].at = i
	}
	if x.add[0].at > x.add[1].at { // a document that closes its body before it opens it
		x.add[0], x.add[1] = x.add[1], x.add[0]
	}
	x.out.Grow(len(doc) + len(doc)/4 + len(top) + len(end))
	for i := 0; i < len(doc); {
		next := strings.IndexByte(doc[i:], '<')
		if next < 0 || i+next+1 >= len(doc) {
			break
		}
		i += next
		switch {
		case strings.HasPrefix(doc[i:], "<!--"):
			close := strings.Index(doc[i:], "-->")
			if close < 0 {
				close = len(doc) - i
			}
			i += close
		case lower(doc[i+1]) < 'a' || lower(doc[i+1]) > 'z':
			i++
		default:
			var err error
			if i, err = x.tag(i, track); err != nil {
				return "", err
			}
		}
	}
	x.to(len(doc))
	for ; x.added < len(x.add); x.added++ {
		x.out.WriteString(x.add[x.added].text)
	}
	return x.out.String(), nil
}

// splice is a document that is written with changes.
type splice struct {
	doc   string
	done  int // bytes of doc that are written
	add   [2]addition
	added int
	out   strings.Builder
}

// addition is a text before the byte at.
type addition struct {
	at   int
	text string
}

// to writes the document up to a byte, with what is added before it.
func (x *splice) to(at int) {
	for ; x.added < len(x.add) && x.add[x.added].at < at; x.added++ {
		a := x.add[x.added]
		x.out.WriteString(x.doc[x.done:max(a.at, x.done)])
		x.out.WriteString(a.text)
		x.done = max(a.at, x.done)
	}
	x.out.WriteString(x.doc[x.done:at])
	x.done = at
}

// tag looks at the start tag at i and gives its end.
func (x *splice) tag(i int, track func(string) string) (int, error) {
	s := x.doc
	at := i + 1
	for i++; i < len(s) && !isSpace(s[i]) && s[i] != '>' && s[i] != '/'; i++ {
	}
	name := strings.ToLower(s[at:i])
	for i < len(s) && s[i] != '>' {
		if isSpace(s[i]) || s[i] == '/' {
			i++
			continue
		}
		at := i
		for i < len(s) && !isSpace(s[i]) && s[i] != '=' && s[i] != '>' && s[i] != '/' || i == at {
			i++
		}
		attr := strings.ToLower(s[at:min(i, len(s))])
		for i < len(s) && isSpace(s[i]) {
			i++
		}
		if i >= len(s) || s[i] != '=' {
			continue
		}
		i++
		for i < len(s) && isSpace(s[i]) {
			i++
		}
		start, end, next := value(s, i)
		i = next
		if !urlAttrs[attr] {
			continue
		}
		url := strings.TrimSpace(html.UnescapeString(s[start:end]))
		if !safeURL(url) && !(attr == "src" && strings.HasPrefix(strings.ToLower(url), "data:image/")) {
			return 0, fmt.Errorf("the address %q may not stand in a message", clip(url, 60))
		}
		if attr == "href" && (name == "a" || name == "area") && webURL(url) {
			x.to(start)
			x.out.WriteString(html.EscapeString(track(url)))
			x.done = end
		}
	}
	if i < len(s) {
		i++
	}
	return i, nil
}

// value finds an attribute's value that begins at i, quoted or not.
func value(s string, i int) (start, end, next int) {
	if i < len(s) && (s[i] == '"' || s[i] == '\'') {
		close := strings.IndexByte(s[i+1:], s[i])
		if close < 0 {
			return i + 1, len(s), len(s)
		}
		return i + 1, i + 1 + close, i + close + 2
	}
	start = i
	for i < len(s) && !isSpace(s[i]) && s[i] != '>' {
		i++
	}
	return start, i, i
}

func webURL(url string) bool {
	l := strings.ToLower(clip(url, 8))
	return strings.HasPrefix(l, "https://") || strings.HasPrefix(l, "http://")
}

func indexFold(s, sub string) int {
	for i := 0; i+len(sub) <= len(s); i++ {
		if s[i] == sub[0] && strings.EqualFold(s[i:i+len(sub)], sub) {
			return i
		}
	}
	return -1
}

func lastFold(s, sub string) int {
	for i := len(s) - len(sub); i >= 0; i-- {
		if s[i] == sub[0] && strings.EqualFold(s[i:i+len(sub)], sub) {
			return i
		}
	}
	return -1
}

// textOf is the readable text of HTML, with the addresses of links behind their words.
func textOf(doc string) string {
	var b strings.Builder
	rest, href := doc, ""
	for rest != "" {
		i := strings.IndexByte(rest, '<')
		if i < 0 {
			i = len(rest)
		}
		words(&b, html.UnescapeString(rest[:i]))
		if rest = rest[i:]; rest == "" {
			break
		}
		if len(rest) == 1 || rest[1] != '/' && rest[1] != '!' && (lower(rest[1]) < 'a' || lower(rest[1]) > 'z') {
			b.WriteByte('<')
			rest = rest[1:]
			continue
		}
		end := strings.IndexByte(rest, '>')
		if strings.HasPrefix(rest, "<!--") {
			if c := strings.Index(rest, "-->"); c >= 0 {
				end = c + 2
			}
		}
		if end < 0 {
			break
		}
		tag := rest[1:end]
		rest = rest[end+1:]
		name := ""
		if fields := strings.Fields(tag); len(fields) > 0 {
			name = strings.ToLower(strings.TrimRight(fields[0], "/"))
		}
		switch name {
		case "style", "script", "title", "head":
			if name == "head" {
				continue
			}
			if i := indexFold(rest, "</"+name); i >= 0 {
				rest = rest[i:]
			}
		case "br", "p", "/p", "div", "/div", "tr", "/tr", "li", "h1", "/h1", "h2", "/h2", "h3", "/h3", "table", "/table", "hr":
			newline(&b)
		case "td", "th":
			words(&b, " ")
		case "a":
			href = attribute(tag, "href")
		case "/a":
			if webURL(href) {
				b.WriteString(" " + href)
			}
			href = ""
		}
	}
	return strings.TrimSpace(b.String()) + "\n"
}

func isSpaceRune(r rune) bool { return r < 0x80 && isSpace(byte(r)) }

// words adds text with its white space folded.
func words(b *strings.Builder, s string) {
	for _, r := range s {
		if isSpaceRune(r) {
			if t := b.String(); t == "" || isSpace(t[len(t)-1]) {
				continue
			}
			r = ' '
		}
		b.WriteRune(r)
	}
}

// newline ends a line, with at most one empty line between two.
func newline(b *strings.Builder) {
	if t := b.String(); t != "" && !strings.HasSuffix(t, "\n\n") {
		b.WriteByte('\n')
	}
}

func attribute(tag, name string) string {
	i := indexFold(tag, name+"=")
	if i < 0 {
		return ""
	}
	start, end, _ := value(tag, i+len(name)+1)
	return html.UnescapeString(tag[start:end])
}
