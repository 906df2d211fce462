package lint

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

type checker struct {
	m    *Message
	r    *Rules
	out  []Finding
	seen map[string]bool
}

// part is the name of a part of the variant that is checked.
func (c *checker) part(name string) string { return "variants." + c.m.Language + "." + name }

// add notes a finding once.
func (c *checker) add(f Finding) {
	key := f.Code + "\x00" + f.Part + "\x00" + f.Excerpt
	if c.seen[key] {
		return
	}
	c.seen[key] = true
	if f.Block == "" && f.Excerpt != "" {
		f.Block = blockWith(c.m.Blocks, f.Excerpt)
	}
	c.out = append(c.out, f)
}

func (c *checker) sorted() []Finding {
	slices.SortStableFunc(c.out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Part, b.Part), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Code, b.Code))
	})
	return c.out
}

// lineOf is the line of a source where a text stands first; 0 when it does not.
func lineOf(source, text string) int {
	i := strings.Index(source, text)
	if i < 0 || text == "" {
		return 0
	}
	return 1 + strings.Count(source[:i], "\n")
}

// blockWith is the id of the editor's block that has a text.
func blockWith(blocks []byte, text string) string {
	var list []json.RawMessage
	if json.Unmarshal(blocks, &list) != nil {
		return ""
	}
	for _, raw := range list {
		var v any
		var head struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(raw, &v) == nil && json.Unmarshal(raw, &head) == nil && holds(v, text) {
			return head.ID
		}
	}
	return ""
}

func holds(v any, text string) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, text)
	case []any:
		return slices.ContainsFunc(v, func(x any) bool { return holds(x, text) })
	case map[string]any:
		for _, x := range v {
			if holds(x, text) {
				return true
			}
		}
	}
	return false
}

var (
	liquid = regexp.MustCompile(`(?s)\{\{.*?\}\}|\{%.*?%\}`)
	tags   = regexp.MustCompile(`(?s)<!--.*?-->|<(style|script|title)\b.*?</(style|script|title)\s*>|<[^>]*>`)
	spaces = regexp.MustCompile(`[\s　]+`)
)

// plain is what a source says, without Liquid and tags.
func plain(source string) string {
	return tags.ReplaceAllString(liquid.ReplaceAllString(source, ""), "")
}

// folded is a text as words are looked for: widths, letters and spaces do not matter.
func folded(s string) string {
	return strings.ToLower(spaces.ReplaceAllString(norm.NFKC.String(s), ""))
}

// said is everything that a reader sees, and everything that a branch may show to another one.
func (c *checker) said() []said {
	m := c.m
	if m.Channel == "line" {
		out := []said{}
		for _, messages := range [...][]byte{m.Source.Messages, m.Rendered.Messages} {
			for _, b := range c.bubbles(messages) {
				out = append(out, said{c.part(b.part), texts(b.json), string(m.Source.Messages)})
			}
		}
		return out
	}
	if len(m.Source.Content)+len(m.Rendered.Content) > 0 {
		source := string(m.Source.Content)
		return []said{{c.part("content"), texts(m.Source.Content), source}, {c.part("content"), texts(m.Rendered.Content), source}}
	}
	out := []said{}
	for _, s := range m.Subjects {
		out = append(out, said{c.part("subject"), plain(s), s})
	}
	return append(out,
		said{c.part("subject"), m.Rendered.Subject, m.Source.Subject},
		said{c.part("preheader"), plain(m.Source.Preheader), m.Source.Preheader},
		said{c.part("preheader"), m.Rendered.Preheader, m.Source.Preheader},
		said{c.part("html"), plain(m.Source.HTML), m.Source.HTML},
		said{c.part("html"), plain(m.Rendered.HTML), m.Source.HTML},
		said{c.part("text"), plain(m.Source.Text), m.Source.Text},
		said{c.part("text"), c.ownText(), m.Source.Text},
	)
}

// ownText is the text part; "" when it is only made from the HTML and says nothing of its own.
func (c *checker) ownText() string {
	if c.m.Source.Text == "" && c.m.Source.HTML != "" {
		return ""
	}
	return c.m.Rendered.Text
}

// said is one text, the part that it belongs to, and the part's source.
type said struct{ part, text, source string }

// bubble is one LINE message and its part: messages[0].
type bubble struct {
	part string
	json []byte
}

// bubbles are LINE messages one by one, so that a finding names the one that it is about. Where one Liquid text makes them
// all, what it makes has no place of its own in it: then all of them are the part messages.
func (c *checker) bubbles(messages []byte) []bubble {
	var written, list []json.RawMessage
	if json.Unmarshal(c.m.Source.Messages, &written) != nil || json.Unmarshal(messages, &list) != nil {
		return []bubble{{"messages", messages}}
	}
	out := make([]bubble, len(list))
	for i, m := range list {
		out[i] = bubble{fmt.Sprintf("messages[%d]", i), m}
	}
	return out
}

// texts are the texts of LINE message objects or of the content of other channels, a line each: what a reader sees of them.
func texts(messages []byte) string {
	var v any
	if json.Unmarshal(messages, &v) != nil {
		return ""
	}
	if s, ok := v.(string); ok { // one Liquid text that makes the array
		return liquid.ReplaceAllString(s, "")
	}
	var b strings.Builder
	var walk func(key string, v any)
	walk = func(key string, v any) {
		switch v := v.(type) {
		case string:
			switch key {
			case "text", "altText", "label", "title", "displayText", "contents", "body", "subtitle":
				b.WriteString(liquid.ReplaceAllString(v, "") + "\n")
			}
		case []any:
			for _, x := range v {
				walk(key, x)
			}
		case map[string]any:
			for _, k := range sortedKeys(v) {
				walk(k, v[k])
			}
		}
	}
	walk("", v)
	return b.String()
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
