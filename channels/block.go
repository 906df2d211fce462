package channels

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/osteele/liquid/parser"
	"github.com/osteele/liquid/render"

	"enishi"
)

// A shared block is a definition of kind block: a piece of HTML, of text or both in each language, which templates take in
// by {% block "footer" %}. Whoever changes it changes every message that leaves from then on: the address and the contact
// that a law asks for must not depend on when a template was last saved. Each version of a block is kept, and a new one is
// refused when a template could not be read with it.
type blockBody struct {
	Name     string                   `json:"name"`
	Title    json.RawMessage          `json:"title,omitempty"`
	About    json.RawMessage          `json:"about,omitempty"`
	Variants map[string]*blockVariant `json:"variants"`
}

type blockVariant struct {
	HTML   string  `json:"html,omitempty"`
	Text   string  `json:"text,omitempty"` // made from html when it is absent
	Source *source `json:"source,omitempty"`
}

// Blocks finds the current version of a shared block by its name.
type Blocks func(name string) (body []byte, version int64, ok bool)

// library is what templates are compiled with, and what they took in of it.
type library struct {
	engine *render.Config
	blocks Blocks
	took   map[string]int64 // blocks by version
	lang   string           // of the variant that is being compiled
	asked  *asked           // what expressions ask for; nil: that is not collected
}

// CheckBlock tells what is wrong with the body of a shared block.
func CheckBlock(name string, body []byte) error {
	b, err := parseBlock(name, body)
	if err != nil {
		return err
	}
	lib := &library{engine: newEngine()}
	for _, lang := range slices.Sorted(maps.Keys(b.Variants)) {
		v, at := b.Variants[lang], "variants."+lang
		if _, err := lib.compilePart(at+".html", v.HTML, &htmlPlace{}); err != nil {
			return err
		}
		if end := (&htmlPlace{}); !end.closes(v.HTML) {
			return enishi.FieldError(at+".html", "close the tags, attributes and comments that you open", "開いたタグ、属性、コメントを閉じてください")
		}
		if _, err := lib.compilePart(at+".text", v.Text, &textPlace{escText}); err != nil {
			return err
		}
	}
	return nil
}

func parseBlock(name string, body []byte) (*blockBody, error) {
	var b blockBody
	if err := decodeBody(body, &b); err != nil {
		return nil, err
	}
	if b.Name != "" && b.Name != name {
		return nil, enishi.FieldError("name", "the block is named "+strconv.Quote(b.Name)+" inside and "+strconv.Quote(name)+" outside", "name が共通パーツの名前と違います")
	}
	if len(b.Variants) == 0 {
		return nil, enishi.FieldError("variants", "a block needs at least one language", "少なくとも 1 つの言語が必要です")
	}
	for lang, v := range b.Variants {
		at := "variants." + lang
		if v == nil || strings.TrimSpace(v.HTML+v.Text) == "" {
			return nil, enishi.FieldError(at, "a block needs html, text or both", "内容がありません")
		}
		if err := v.Source.check(at+".source", v.HTML); err != nil {
			return nil, err
		}
		for part, s := range map[string]string{"html": v.HTML, "text": v.Text} {
			if blockTag(s) {
				return nil, enishi.FieldError(at+"."+part, "a block cannot take in another block", "共通パーツの中に別の共通パーツは入れられません")
			}
		}
	}
	return &b, nil
}

// blockTag reports whether a source takes in a block.
func blockTag(source string) bool {
	for _, tok := range scan(source) {
		if tok.Name == "block" && tok.Source != "" && strings.HasPrefix(tok.Source, "{%") {
			return true
		}
	}
	return false
}

// BlocksOf are the names of the blocks that a template's body takes in, sorted.
func BlocksOf(body []byte) []string {
	var b struct {
		Variants map[string]map[string]json.RawMessage `json:"variants"`
	}
	if json.Unmarshal(body, &b) != nil {
		return nil
	}
	found := map[string]bool{}
	for _, parts := range b.Variants {
		for _, part := range [...]string{"html", "text", "messages"} {
			var v any
			if json.Unmarshal(parts[part], &v) == nil {
				eachText(v, func(s string) {
					for _, tok := range scan(s) {
						if name, ok := blockName(tok.Args); tok.Name == "block" && ok {
							found[name] = true
						}
					}
				})
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func eachText(v any, do func(string)) {
	switch v := v.(type) {
	case string:
		do(v)
	case []any:
		for _, x := range v {
			eachText(x, do)
		}
	case map[string]any:
		for _, x := range v {
			eachText(x, do)
		}
	}
}

// blockName reads the argument of the tag block.
func blockName(args string) (string, bool) {
	args = strings.TrimSpace(args)
	if len(args) < 3 || args[0] != '"' && args[0] != '\'' || args[len(args)-1] != args[0] {
		return "", false
	}
	return args[1 : len(args)-1], true
}

// block is the source that stands for a block in HTML or in text.
func (l *library) block(name string, markup bool) (string, *enishi.Error) {
	var body []byte
	var version int64
	ok := false
	if l.blocks != nil {
		body, version, ok = l.blocks(name)
	}
	if !ok {
		return "", &enishi.Error{Code: enishi.Invalid, Msg: "there is no block " + strconv.Quote(name), MsgJA: "「" + name + "」という共通パーツはありません"}
	}
	b, err := parseBlock(name, body)
	if err != nil {
		return "", &enishi.Error{Code: enishi.Invalid, Msg: "the block " + strconv.Quote(name) + " cannot be read: " + err.Error(), MsgJA: "共通パーツ「" + name + "」を読めません"}
	}
	if l.took == nil {
		l.took = map[string]int64{}
	}
	l.took[name] = version
	v := b.Variants[l.lang]
	for _, lang := range append([]string{"ja", "en"}, slices.Sorted(maps.Keys(b.Variants))...) {
		if v == nil {
			v = b.Variants[lang]
		}
	}
	switch {
	case markup && v.HTML != "":
		return v.HTML, nil
	case markup:
		return "<p>" + strings.ReplaceAll(v.Text, "\n", "<br>") + "</p>", nil
	case v.Text != "":
		return v.Text, nil
	}
	return strings.TrimSuffix(textOf(v.HTML), "\n"), nil
}

// closes reports whether a piece of HTML ends where it began: in text. Tags of Liquid count as nothing.
func (p *htmlPlace) closes(piece string) bool {
	for _, tok := range scan(piece) {
		if tok.Type == parser.TextTokenType {
			p.text(tok.Source)
		}
	}
	return p.state == htmlText
}

// take writes a block's tokens in the place of its tag: what stands in it is escaped as if it were written here.
func (w *rewriter) take(args string, line int) error {
	name, ok := blockName(args)
	if !ok {
		return problem(w.name, line, `name the block in quotes: {% block "footer" %}`, `共通パーツの名前を引用符で囲んでください: {% block "footer" %}`)
	}
	if w.block != "" {
		return problem(w.name, line, "a block cannot take in another block", "共通パーツの中に別の共通パーツは入れられません")
	}
	_, markup := w.at.(*htmlPlace)
	source, e := w.lib.block(name, markup)
	if e != nil {
		return problem(w.name, line, e.Msg, e.MsgJA)
	}
	w.block, w.taken = name, line
	depth := len(w.blocks)
	for _, tok := range scan(source) {
		if err := w.token(tok); err != nil {
			return problem(w.name, line, "block "+strconv.Quote(name)+": "+err.Error(), "共通パーツ「"+name+"」: "+err.Error())
		}
	}
	w.block = ""
	if len(w.blocks) != depth || w.raw != "" {
		return problem(w.name, line, "the block "+strconv.Quote(name)+" does not close what it opens", "共通パーツ「"+name+"」の中で開いたタグが閉じられていません")
	}
	return nil
}
