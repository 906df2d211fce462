package channels

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"enishi"
	"enishi/channels/lint"
)

// Finding is something that the check before sending found, and who took the responsibility for it.
type Finding struct {
	lint.Finding
	Override *Override `json:"override,omitempty"`
}

// Open are the errors that nobody took the responsibility for: they stop the message.
func Open(findings []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool { return f.Severity != lint.Error || f.Override != nil })
}

// Lint checks the body of a template before it is sent: every language, and every text that is compared. variables gives
// those of a made-up person who has all of them. Its error says that the template cannot be filled in at all.
func (r *Renderer) Lint(name string, body []byte, variables func(language string) (string, error)) ([]Finding, error) {
	var b templateBody
	if err := decodeBody(body, &b); err != nil {
		return nil, err
	}
	t, err := compileTemplate(r.engine, r.block, name, body)
	if err != nil {
		return nil, err
	}
	rules := &lint.Rules{Lists: r.WordLists(), Charset: r.settings().Charset}
	var out []Finding
	for _, lang := range t.languages {
		vars, err := variables(lang)
		if err != nil {
			return nil, err
		}
		for choice := range t.variants[lang].alternatives {
			m := &enishi.Message{Template: name, Channel: b.Channel, Purpose: b.Purpose, Language: lang, Variables: vars}
			got, err := r.fill(t, m, how{choice: choice, blanks: true})
			if err != nil {
				return nil, err
			}
			for _, f := range lint.Check(r.lintMessage(&b, got, choice), rules) {
				if !slices.ContainsFunc(out, func(x Finding) bool { return x.Code == f.Code && x.Part == f.Part && x.Excerpt == f.Excerpt }) {
					out = append(out, Finding{Finding: f, Override: b.override(&f)})
				}
			}
		}
	}
	return out, nil
}

func (r *Renderer) lintMessage(b *templateBody, got *Rendered, choice int) *lint.Message {
	v, k := b.Variants[got.Language], r.brandVars(got.Language)
	m := &lint.Message{Channel: b.Channel, Purpose: b.Purpose, Language: got.Language, Subjects: v.Subject, Unsubscribe: got.Refuse,
		Rendered: lint.Content{Subject: got.Subject, Preheader: got.Preheader, HTML: got.HTML, Text: got.Text, Messages: got.Messages, Content: got.Content},
		Source:   lint.Content{Subject: pick(v.Subject, choice), Preheader: pick(v.Preheader, choice), HTML: v.HTML, Text: v.Text, Messages: v.Messages, Content: v.Content},
		Sender:   lint.Sender{Name: k.text("name"), Address: k.text("address"), Contact: k.text("contact")}}
	if v.Source != nil {
		m.Blocks = v.Source.Blocks
	}
	if avoid, ok := k["avoid"].([]any); ok {
		for _, x := range avoid {
			if s, ok := x.(string); ok {
				m.Avoid = append(m.Avoid, s)
			}
		}
	}
	return m
}

func pick(list texts, choice int) string {
	if len(list) == 0 {
		return ""
	}
	return list[min(choice, len(list)-1)]
}

// override is what was decided about a finding; nil: nothing. What was decided about all messages holds for each of them.
func (b *templateBody) override(f *lint.Finding) *Override {
	for i := range b.Overrides {
		if o := &b.Overrides[i]; o.Code == f.Code && (o.Part == "" || o.Part == f.Part || strings.HasPrefix(f.Part, o.Part+"[")) && (o.Excerpt == "" || o.Excerpt == f.Excerpt) {
			return o
		}
	}
	return nil
}

// WordLists are the lists in force, by name: the shop's own, and those that come with the product and are not replaced. The
// slice is not to be changed.
func (r *Renderer) WordLists() []lint.List {
	own := r.cfg.Definitions.List("words")
	version := int64(len(own)) // a deletion changes it, too
	for i := range own {
		version = max(version, own[i].Version<<8|int64(len(own)))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.words != nil && r.wordsAt == version {
		return r.words
	}
	all, err := lint.Lists()
	if err != nil { // they are compiled in, and tested
		all = nil
	}
	for i := range own {
		l, err := lint.ParseList(own[i].Name, own[i].Body)
		if err != nil {
			continue // from a foreign writer
		}
		all = slices.DeleteFunc(all, func(x lint.List) bool { return x.Name == l.Name })
		all = append(all, *l)
	}
	slices.SortFunc(all, func(a, b lint.List) int { return cmp.Compare(a.Name, b.Name) })
	r.words, r.wordsAt = all, version
	return all
}

// WordsIn are the names of the lists of words that a template's texts have a word of, by name.
func (r *Renderer) WordsIn(body []byte) ([]string, error) {
	var b templateBody
	if err := decodeBody(body, &b); err != nil {
		return nil, err
	}
	lists, names := r.WordLists(), map[string]bool{}
	for lang, v := range b.Variants {
		source := lint.Content{Subject: strings.Join(v.Subject, "\n"), Preheader: strings.Join(v.Preheader, "\n"), HTML: v.HTML, Text: v.Text, Messages: v.Messages, Content: v.Content}
		for _, name := range lint.In(&lint.Message{Channel: b.Channel, Language: lang, Source: source}, lists) {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// CheckWords tells what is wrong with the body of a list of words.
func CheckWords(name string, body []byte) error {
	if !json.Valid(body) {
		return enishi.FieldError("", "is no JSON", "JSON にしてください")
	}
	if _, err := lint.ParseList(name, body); err != nil {
		return enishi.FieldError("", err.Error(), "言葉の一覧が正しくありません: "+err.Error())
	}
	return nil
}
