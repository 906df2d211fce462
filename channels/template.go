package channels

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/osteele/liquid/render"

	"enishi"
)

// templateBody is the body of a definition of kind template.
type templateBody struct {
	Name     string              `json:"name"`
	Channel  string              `json:"channel"` // email, line
	Purpose  string              `json:"purpose"` // marketing, transactional
	Title    json.RawMessage     `json:"title,omitempty"`
	About    json.RawMessage     `json:"about,omitempty"`
	Variants map[string]*variant `json:"variants"` // by language: ja, en, ...
}

// variant is a template in one language. Mail uses subject, preheader, html, text (made from html when it is absent) and
// from_name; LINE uses messages: an array of message objects whose texts are Liquid each, or one Liquid text that makes
// the array, where loops may make objects.
type variant struct {
	Subject   string          `json:"subject,omitempty"`
	Preheader string          `json:"preheader,omitempty"`
	HTML      string          `json:"html,omitempty"`
	Text      string          `json:"text,omitempty"`
	FromName  string          `json:"from_name,omitempty"`
	Messages  json.RawMessage `json:"messages,omitempty"`
}

// maxLineMessages is how many message objects LINE takes at once.
const maxLineMessages = 5

// template is a compiled definition. It is immutable.
type template struct {
	channel, purpose string
	variants         map[string]*compiled
	languages        []string // sorted
}

// compiled is a variant ready to be filled in; what its channel does not have is nil.
type compiled struct {
	subject, preheader, html, text, fromName *part

	tree     any   // messages: parsed JSON whose strings are *part
	messages *part // or the text that makes them
}

// CheckTemplate tells what is wrong with the body of a template, as an [enishi.Error] that names the part and the line.
func CheckTemplate(name string, body []byte) error {
	_, err := compileTemplate(newEngine(), name, body)
	return err
}

func compileTemplate(engine *render.Config, name string, body []byte) (*template, error) {
	var b templateBody
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b); err != nil {
		return nil, jsonProblem(body, dec, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, enishi.FieldError("", "something stands after the template's JSON", "テンプレートの JSON の後に余分な文字があります")
	}
	switch {
	case b.Name != "" && b.Name != name:
		return nil, enishi.FieldError("name", "the template is named "+strconv.Quote(b.Name)+" inside and "+strconv.Quote(name)+" outside", "name がテンプレートの名前と違います")
	case b.Channel != "email" && b.Channel != "line":
		return nil, enishi.FieldError("channel", "use email or line", "email か line にしてください")
	case b.Purpose != marketing && b.Purpose != transactional:
		return nil, enishi.FieldError("purpose", "use marketing or transactional", "marketing（販促）か transactional（お知らせ）にしてください")
	case len(b.Variants) == 0:
		return nil, enishi.FieldError("variants", "a template needs at least one language", "少なくとも 1 つの言語が必要です")
	}
	t := &template{channel: b.Channel, purpose: b.Purpose, variants: map[string]*compiled{}}
	for lang := range b.Variants {
		t.languages = append(t.languages, lang)
	}
	sort.Strings(t.languages)
	for _, lang := range t.languages {
		at := "variants." + lang
		v := b.Variants[lang]
		if v == nil {
			return nil, enishi.FieldError(at, "the variant is empty", "内容がありません")
		}
		c, err := t.compile(engine, at, v)
		if err != nil {
			return nil, err
		}
		t.variants[lang] = c
	}
	return t, nil
}

// jsonProblem names the line and column of a JSON error.
func jsonProblem(body []byte, dec *json.Decoder, err error) error {
	offset := dec.InputOffset()
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
	}
	before := body[:min(max(int(offset), 0), len(body))]
	line := 1 + bytes.Count(before, []byte("\n"))
	col := max(1, len([]rune(string(before[bytes.LastIndexByte(before, '\n')+1:]))))
	text := strings.TrimPrefix(err.Error(), "json: ")
	return &enishi.Error{Code: enishi.Invalid, Line: line, Col: col, Msg: text, MsgJA: "JSON が正しくありません: " + text}
}

func (t *template) compile(engine *render.Config, at string, v *variant) (*compiled, error) {
	c := &compiled{}
	if t.channel == "line" {
		if v.Subject+v.Preheader+v.HTML+v.Text+v.FromName != "" {
			return nil, enishi.FieldError(at, "a LINE template has messages only", "LINE のテンプレートには messages だけを書きます")
		}
		return c, c.compileLine(engine, at+".messages", v.Messages)
	}
	switch {
	case len(v.Messages) > 0:
		return nil, enishi.FieldError(at+".messages", "a mail template has subject, html and text", "メールのテンプレートには subject、html、text を書きます")
	case strings.TrimSpace(v.Subject) == "":
		return nil, enishi.FieldError(at+".subject", "a mail needs a subject", "件名がありません")
	case strings.TrimSpace(v.HTML+v.Text) == "":
		return nil, enishi.FieldError(at+".html", "a mail needs html, text or both", "本文がありません")
	}
	var err error
	for _, x := range [...]struct {
		name, source string
		at           place
		to           **part
	}{
		{"subject", v.Subject, &textPlace{escLine}, &c.subject}, {"preheader", v.Preheader, &textPlace{escLine}, &c.preheader},
		{"html", v.HTML, &htmlPlace{}, &c.html}, {"text", v.Text, &textPlace{escText}, &c.text},
		{"from_name", v.FromName, &textPlace{escLine}, &c.fromName},
	} {
		if x.source == "" {
			continue
		}
		if *x.to, err = compilePart(engine, at+"."+x.name, x.source, x.at); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *compiled) compileLine(engine *render.Config, at string, raw json.RawMessage) error {
	var source string
	if json.Unmarshal(raw, &source) == nil && source != "" {
		p, err := compilePart(engine, at, source, &jsonPlace{})
		c.messages = p
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var list []any
	if err := dec.Decode(&list); err != nil || len(list) == 0 || len(list) > maxLineMessages {
		return enishi.FieldError(at, "messages is an array of 1 to 5 LINE message objects", "messages には LINE のメッセージを 1〜5 個書きます")
	}
	tree, err := compileTree(engine, at, list)
	c.tree = tree
	return err
}

// compileTree compiles every text of a JSON value.
func compileTree(engine *render.Config, at string, v any) (any, error) {
	switch v := v.(type) {
	case string:
		return compilePart(engine, at, v, &textPlace{escText})
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			y, err := compileTree(engine, at+"["+strconv.Itoa(i)+"]", x)
			if err != nil {
				return nil, err
			}
			out[i] = y
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			y, err := compileTree(engine, at+"."+k, x)
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

// variant is the language's own text, or the next best: without its region, the fallback language, English, the first.
func (t *template) variant(language, fallback string) (*compiled, string) {
	base, _, _ := strings.Cut(language, "-")
	for _, lang := range [...]string{language, base, fallback, "en", t.languages[0]} {
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
