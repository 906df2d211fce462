package channels

import (
	"fmt"
	"html"
	"strings"
)

// rewriteLinks gives the href of each link to track, which answers with what is to stand there instead. Any address of a
// scheme that runs something is an error, wherever it came from.
func rewriteLinks(doc string, track func(url string) string) (string, error) {
	var b strings.Builder
	b.Grow(len(doc) + len(doc)/4)
	rest := doc
	for {
		i := strings.IndexByte(rest, '<')
		if i < 0 || i+1 >= len(rest) {
			b.WriteString(rest)
			return b.String(), nil
		}
		b.WriteString(rest[:i])
		rest = rest[i:]
		switch {
		case strings.HasPrefix(rest, "<!--"):
			end := strings.Index(rest, "-->")
			if end < 0 {
				b.WriteString(rest)
				return b.String(), nil
			}
			b.WriteString(rest[:end+3])
			rest = rest[end+3:]
			continue
		case lower(rest[1]) < 'a' || lower(rest[1]) > 'z':
			b.WriteByte('<')
			rest = rest[1:]
			continue
		}
		used, err := rewriteTag(&b, rest, track)
		if err != nil {
			return "", err
		}
		rest = rest[used:]
	}
}

// rewriteTag writes one start tag and says how long it was.
func rewriteTag(b *strings.Builder, s string, track func(string) string) (used int, err error) {
	i := 1
	for i < len(s) && !isSpace(s[i]) && s[i] != '>' && s[i] != '/' {
		i++
	}
	name := strings.ToLower(s[1:i])
	from := 0 // of what is not written yet
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
			b.WriteString(s[from:start])
			b.WriteString(html.EscapeString(track(url)))
			from = end
		}
	}
	if i < len(s) {
		i++
	}
	b.WriteString(s[from:i])
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

// insertBefore puts text before the last occurrence of a closing tag, or at the end.
func insertBefore(doc, tag, text string) string {
	if i := lastFold(doc, tag); i >= 0 {
		return doc[:i] + text + doc[i:]
	}
	return doc + text
}

// insertAfterBody puts text after the opening body tag, or at the beginning.
func insertAfterBody(doc, text string) string {
	if i := indexFold(doc, "<body"); i >= 0 {
		if j := strings.IndexByte(doc[i:], '>'); j >= 0 {
			return doc[:i+j+1] + text + doc[i+j+1:]
		}
	}
	return text + doc
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
