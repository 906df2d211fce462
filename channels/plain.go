package channels

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"

	"golang.org/x/net/html"

	"enishi/channels/lint"
)

// noEmoji is the variable of a message that is true for members of a segment that gets no emoji (no_emoji of the setting
// journeys): what the template gives then leaves without them.
const noEmoji = "no_emoji"

// between is what stands between two tags; a tag, a comment and what is not shown is the other.
var between = regexp.MustCompile(`(?s)<!--.*?-->|<(style|script)\b.*?</(style|script)\s*>|<[^>]*>`)

// reference is a character written as a number.
var reference = regexp.MustCompile(`&#(?:[xX][0-9a-fA-F]{2,6}|[0-9]{3,7});?`)

// withoutEmojiHTML takes the emoji out of what a reader of HTML sees. Addresses in tags stay as they are.
func withoutEmojiHTML(doc string) string {
	var b strings.Builder
	text := func(s string) {
		s = reference.ReplaceAllStringFunc(s, func(x string) string {
			if shown := html.UnescapeString(x); shown > "\u00ff" { // never a < or an &
				return shown
			}
			return x
		})
		b.WriteString(lint.WithoutEmoji(s))
	}
	at := 0
	for _, tag := range between.FindAllStringIndex(doc, -1) {
		text(doc[at:tag[0]])
		b.WriteString(doc[tag[0]:tag[1]])
		at = tag[1]
	}
	text(doc[at:])
	return b.String()
}

// withoutEmojiLINE takes the emoji out of what LINE shows of a message, LINE's own among them. What a person says by pressing a
// button stays: a reply may wait for it. A text that is nothing but emoji stays as well: LINE takes none that is empty.
func withoutEmojiLINE(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = withoutEmojiLINE(v[i])
		}
	case map[string]any:
		ownEmoji(v)
		for key, x := range v {
			s, isText := x.(string)
			switch {
			case !isText:
				v[key] = withoutEmojiLINE(x)
			case key == "altText", key == "title", key == "label", key == "text" && !says(v):
				if bare := lint.WithoutEmoji(s); strings.TrimSpace(bare) != "" {
					v[key] = bare
				}
			}
		}
	}
	return v
}

// says: the object is an action that puts its text into the chat.
func says(v map[string]any) bool { return v["type"] == "message" || v["type"] == "postback" }

// ownEmoji takes LINE's own emoji out of a text message: each has a "$" at its place, in UTF-16 units, or a name in braces.
func ownEmoji(v map[string]any) {
	s, ok := v["text"].(string)
	if !ok {
		return
	}
	if list, ok := v["emojis"].([]any); ok {
		units := utf16.Encode([]rune(s))
		var places []int
		for _, x := range list {
			if at, ok := indexOf(x); ok && at < len(units) && units[at] == '$' {
				places = append(places, at)
			}
		}
		slices.Sort(places)
		for _, at := range slices.Backward(slices.Compact(places)) {
			units = slices.Delete(units, at, at+1)
		}
		if bare := string(utf16.Decode(units)); strings.TrimSpace(bare) != "" {
			v["text"] = bare
			delete(v, "emojis")
		}
	}
	marks, _ := v["substitution"].(map[string]any)
	for name, x := range marks {
		if mark, ok := x.(map[string]any); ok && mark["type"] == "emoji" {
			if bare := strings.ReplaceAll(s, "{"+name+"}", ""); strings.TrimSpace(bare) != "" {
				s, v["text"] = bare, bare
				delete(marks, name)
			}
		}
	}
}

// indexOf is where one of LINE's own emoji stands.
func indexOf(v any) (int, bool) {
	m, _ := v.(map[string]any)
	switch n := m["index"].(type) {
	case json.Number:
		at, err := n.Int64()
		return int(at), err == nil && at >= 0
	case float64:
		return int(n), n >= 0
	}
	return 0, false
}
