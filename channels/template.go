package channels

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/osteele/liquid/render"

	"enishi"
)

// maxLineMessages is how many message objects LINE takes at once.
const maxLineMessages = 5

// template is a compiled definition. It is immutable.
type template struct {
	channel, purpose string
	missing          string
	defaults         map[string]map[string]string
	variants         map[string]*compiled
	languages        []string         // sorted
	blocks           map[string]int64 // shared blocks that it took in, by version
}

// compiled is a variant ready to be filled in; what its channel does not have is nil.
type compiled struct {
	subject, preheader, fromName []*part // one for each alternative, or one for all, or none
	html, text                   *part
	alternatives                 int // at least 1

	tree     any   // messages or content: parsed JSON whose strings are *part
	messages *part // or the text that makes them
}

// CheckTemplate tells what is wrong with the body of a template, as an [enishi.Error] that names the part and the line.
// blocks finds the shared blocks; nil: there are none.
func CheckTemplate(name string, body []byte, blocks Blocks) error {
	_, err := compileTemplate(newEngine(), blocks, name, body)
	return err
}

func compileTemplate(engine *render.Config, blocks Blocks, name string, body []byte) (*template, error) {
	return compileWith(&library{engine: engine, blocks: blocks}, name, body)
}

func compileWith(lib *library, name string, body []byte) (*template, error) {
	var b templateBody
	if err := decodeBody(body, &b); err != nil {
		return nil, err
	}
	if err := b.check(name); err != nil {
		return nil, err
	}
	t := &template{channel: b.Channel, purpose: b.Purpose, missing: b.Missing, defaults: b.Defaults, variants: map[string]*compiled{},
		languages: slices.Sorted(maps.Keys(b.Variants))}
	for _, lang := range t.languages {
		at := "variants." + lang
		v := b.Variants[lang]
		if v == nil {
			return nil, enishi.FieldError(at, "the variant is empty", "内容がありません")
		}
		if err := v.check(b.Channel, at); err != nil {
			return nil, err
		}
		lib.lang = lang
		c, err := lib.compile(b.Channel, at, v)
		if err != nil {
			return nil, err
		}
		t.variants[lang] = c
	}
	t.blocks = lib.took
	return t, nil
}

func (l *library) compile(channel, at string, v *variant) (*compiled, error) {
	c := &compiled{alternatives: max(1, len(v.Subject), len(v.Preheader), len(v.FromName))}
	if channel == "line" {
		return c, c.compileLine(l, at+".messages", v.Messages)
	}
	if hasContent(channel) {
		return c, c.compileContent(l, channel, at+".content", v.Content)
	}
	for _, x := range [...]struct {
		name string
		list texts
		to   *[]*part
	}{{"subject", v.Subject, &c.subject}, {"preheader", v.Preheader, &c.preheader}, {"from_name", v.FromName, &c.fromName}} {
		for i, s := range x.list {
			name := at + "." + x.name
			if len(x.list) > 1 {
				name += "[" + strconv.Itoa(i) + "]"
			}
			p, err := l.compilePart(name, s, &textPlace{escLine})
			if err != nil {
				return nil, err
			}
			*x.to = append(*x.to, p)
		}
	}
	var err error
	if v.HTML != "" {
		if c.html, err = l.compilePart(at+".html", v.HTML, &htmlPlace{}); err != nil {
			return nil, err
		}
	}
	if v.Text != "" {
		c.text, err = l.compilePart(at+".text", v.Text, &textPlace{escText})
	}
	return c, err
}

// alternative is the part that belongs to a choice; nil when there is none.
func alternative(list []*part, choice int) *part {
	switch {
	case len(list) == 0:
		return nil
	case len(list) == 1:
		return list[0]
	}
	return list[choice]
}

// choice is which alternative a person gets: always the same of one template, and of different templates independently.
func (c *compiled) choice(template string, person enishi.ID) int {
	if c.alternatives == 1 {
		return 0
	}
	id := enishi.NewID("alternative", template, person.String())
	return int(binary.BigEndian.Uint64(id[:8]) % uint64(c.alternatives))
}

func (c *compiled) compileLine(lib *library, at string, raw json.RawMessage) error {
	var source string
	if json.Unmarshal(raw, &source) == nil && source != "" {
		p, err := lib.compilePart(at, source, &jsonPlace{})
		c.messages = p
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var list []any
	if err := dec.Decode(&list); err != nil || len(list) == 0 || len(list) > maxLineMessages {
		return enishi.FieldError(at, "messages is an array of 1 to 5 LINE message objects", "messages には LINE のメッセージを 1〜5 個書きます")
	}
	tree, err := compileTree(lib, at, list)
	c.tree = tree
	return err
}

// compileTree compiles every text of a JSON value.
func compileTree(lib *library, at string, v any) (any, error) {
	switch v := v.(type) {
	case string:
		return lib.compilePart(at, v, &textPlace{escText})
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			y, err := compileTree(lib, at+"["+strconv.Itoa(i)+"]", x)
			if err != nil {
				return nil, err
			}
			out[i] = y
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			y, err := compileTree(lib, at+"."+k, x)
			if err != nil {
				return nil, err
			}
			out[k] = y
		}
		return out, nil
	}
	return v, nil
}

// fillTree is the JSON value with its texts filled in.
func fillTree(v any, vars map[string]any, now func() time.Time) (any, error) {
	switch v := v.(type) {
	case *part:
		return v.render(vars, now)
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			y, err := fillTree(x, vars, now)
			if err != nil {
				return nil, err
			}
			out[i] = y
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			y, err := fillTree(x, vars, now)
			if err != nil {
				return nil, err
			}
			out[k] = y
		}
		return out, nil
	}
	return v, nil
}

// variant is the language's own text, or the next best: without its region, the chain's languages in order, English, the
// first.
func (t *template) variant(language string, chain []string) (*compiled, string) {
	base, _, _ := strings.Cut(language, "-")
	for _, lang := range append(append([]string{language, base}, chain...), "en", t.languages[0]) {
		if c := t.variants[lang]; c != nil {
			return c, lang
		}
	}
	return nil, "" // not reached: languages has at least one
}

// fillLine makes the array of LINE messages.
func (c *compiled) fillLine(vars map[string]any, now func() time.Time) ([]any, error) {
	if c.messages == nil {
		filled, err := fillTree(c.tree, vars, now)
		if err != nil {
			return nil, err
		}
		return filled.([]any), nil
	}
	text, err := c.messages.render(vars, now)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var list []any
	if err := dec.Decode(&list); err != nil {
		return nil, fmt.Errorf("%s: the result is no JSON array: %w", c.messages.name, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: something stands after the JSON array", c.messages.name)
	}
	if len(list) == 0 || len(list) > maxLineMessages {
		return nil, fmt.Errorf("%s: %d messages; LINE takes 1 to 5", c.messages.name, len(list))
	}
	return list, nil
}
