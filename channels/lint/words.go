package lint

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// List is a list of words: the body of a definition of kind words. A definition of the name of a list that comes with the
// product replaces it.
type List struct {
	Name     string `json:"name"`
	Title    Text   `json:"title"`
	Use      string `json:"use"`                // claim, offer, subject, paid, unwritten
	Severity string `json:"severity,omitempty"` // of claim and subject: error, warning; default error
	Words    []Word `json:"words"`
}

// Uses of lists.
const (
	useClaim   = "claim"   // may not be said, or not without proof
	useOffer   = "offer"   // makes a message an advertisement
	useSubject = "subject" // looks like spam in a subject
	usePaid    = "paid"    // somebody was paid or given something for saying it: the label 「PR」 is owed
	// useUnwritten: stands where somebody has still to write, as what the console's editors put into a new block.
	useUnwritten = "unwritten"
)

// Word is one entry.
type Word struct {
	Word    string `json:"word,omitempty"`    // widths, letters and spaces do not matter
	Pattern string `json:"pattern,omitempty"` // instead: a regular expression (RE2) on the text as it is
	Unless  string `json:"unless,omitempty"`  // pattern that, anywhere in the message, makes it right (a source, a label)
	Why     *Text  `json:"why,omitempty"`
	Instead *Text  `json:"instead,omitempty"` // what to say in its place

	pattern, unless *regexp.Regexp
}

// maxWords bounds a list.
const maxWords = 2000

// ParseList reads and checks the body of a list.
func ParseList(name string, body []byte) (*List, error) {
	var l List
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return nil, err
	}
	switch {
	case l.Name != "" && l.Name != name:
		return nil, fmt.Errorf("the list is named %q inside and %q outside", l.Name, name)
	case !slices.Contains([]string{useClaim, useOffer, useSubject, usePaid, useUnwritten}, l.Use):
		return nil, errors.New("use is claim, offer, subject, paid or unwritten")
	case l.Severity != "" && l.Severity != Error && l.Severity != Warning:
		return nil, errors.New("severity is error or warning")
	case len(l.Words) == 0 || len(l.Words) > maxWords:
		return nil, errors.New("a list has 1 to 2000 words")
	}
	if l.Name = name; l.Severity == "" {
		l.Severity = Error
	}
	for i := range l.Words {
		if err := l.Words[i].compile(); err != nil {
			return nil, fmt.Errorf("words[%d]: %w", i, err)
		}
	}
	return &l, nil
}

func (w *Word) compile() (err error) {
	if (w.Word == "") == (w.Pattern == "") {
		return errors.New("write a word or a pattern")
	}
	if w.Pattern != "" {
		if w.pattern, err = regexp.Compile(w.Pattern); err != nil {
			return err
		}
	}
	if w.Unless != "" {
		w.unless, err = regexp.Compile(w.Unless)
	}
	return err
}

// looked is a text as words are looked for in it.
type looked struct{ text, even, fold string }

func look(s string) looked {
	s = addressPath.ReplaceAllString(s, "$1") // whatever a link's token spells, nobody says it
	return looked{s, norm.NFKC.String(s), folded(s)}
}

// addressPath is what an address has after its host.
var addressPath = regexp.MustCompile(`(https?://[^/?#\s"'<>]+)[/?#][!#-&(-;=?-~]*`)

// find is the word as it is written in a text; "" when it is not.
func (w *Word) find(in looked) string {
	if w.pattern != nil {
		if found := strings.TrimSpace(w.pattern.FindString(in.text)); found != "" {
			return found
		}
		return strings.TrimSpace(w.pattern.FindString(in.even)) // full-width letters and digits
	}
	if strings.Contains(in.fold, folded(w.Word)) {
		return w.Word
	}
	return ""
}

// wrong is the word as it is written in a text; "" when it is not, or something in the whole message makes it right.
func (w *Word) wrong(in looked, whole string) string {
	found := w.find(in)
	if found == "" || w.unless != nil && w.unless.MatchString(whole) {
		return ""
	}
	return found
}

// looksAt tells whether a list is held against a part of a message.
func (l *List) looksAt(part string) bool {
	return l.Use != useSubject || strings.HasSuffix(part, ".subject")
}

//go:embed words/*.json
var lists embed.FS

// Lists are those that come with the product, by name.
func Lists() ([]List, error) {
	entries, err := lists.ReadDir("words")
	if err != nil {
		return nil, err
	}
	var out []List
	for _, e := range entries {
		body, err := lists.ReadFile(path.Join("words", e.Name()))
		if err != nil {
			return nil, err
		}
		l, err := ParseList(strings.TrimSuffix(e.Name(), ".json"), body)
		if err != nil {
			return nil, fmt.Errorf("words %s: %w", e.Name(), err)
		}
		out = append(out, *l)
	}
	return out, nil
}

// words looks for the words of all lists.
func (c *checker) words() {
	all := c.said()
	var whole strings.Builder
	for _, s := range all {
		whole.WriteString(s.text + "\n")
	}
	for _, s := range all {
		in := look(s.text)
		for i := range c.r.Lists {
			l := &c.r.Lists[i]
			if l.Use == useOffer || !l.looksAt(s.part) {
				continue
			}
			for k := range l.Words {
				w := &l.Words[k]
				if found := w.wrong(in, whole.String()); found != "" {
					c.add(l.finding(w, found, s))
				}
			}
		}
		for _, word := range c.m.Avoid {
			if word != "" && strings.Contains(in.fold, folded(word)) {
				c.add(Finding{Code: "brand.avoid", Severity: Warning, Part: s.part, Line: lineOf(s.source, word), Excerpt: word,
					Text: Text{"「" + word + "」は、ブランド設定で「使わない言葉」に入っています。", "“" + word + "” is among the words that the brand does not use."},
					Fix:  Text{"別の言葉に替えてください。", "Use another word."}})
			}
		}
	}
}

// In are the names of the lists that have a word in a source: what a change of them may concern.
func In(m *Message, lists []List) (names []string) {
	all := (&checker{m: m}).said()
	var whole strings.Builder
	for _, s := range all {
		whole.WriteString(s.text + "\n")
	}
	texts := make([]looked, len(all))
	for i, s := range all {
		texts[i] = look(s.text)
	}
	for i := range lists {
		l := &lists[i]
		if slices.ContainsFunc(l.Words, func(w Word) bool {
			for k, s := range all {
				if l.looksAt(s.part) && w.wrong(texts[k], whole.String()) != "" {
					return true
				}
			}
			return false
		}) {
			names = append(names, l.Name)
		}
	}
	return names
}

func (l *List) finding(w *Word, found string, s said) Finding {
	f := Finding{Code: "words." + l.Name, Severity: l.Severity, Part: s.part, Line: lineOf(s.source, found), Excerpt: found}
	f.Text = Text{"「" + found + "」は使えません（" + l.Title.JA + "）。", "“" + found + "” may not be said (" + l.Title.EN + ")."}
	f.Fix = Text{"表現を変えるか、削除してください。", "Say it another way, or leave it out."}
	switch l.Use {
	case useSubject:
		f.Text = Text{"件名の「" + found + "」は迷惑メールと判定されやすい表現です。", "“" + found + "” in a subject often counts as spam."}
	case useUnwritten:
		f.Text = Text{"「" + found + "」が残っています。まだ書かれていません。", "“" + found + "” still stands there: nobody has written this yet."}
		f.Fix = Text{"送る内容に書き換えるか、削除してください。", "Write what you want to say, or take it out."}
	case usePaid:
		f.Code = "pr.label"
		f.Text = Text{"「" + found + "」は、提供や報酬を受けた方の声と読めますが、「PR」の表示がありません（ステマ規制・景品表示法）。",
			"“" + found + "” reads as the voice of somebody who was paid or given something, and the label “PR” is missing."}
		f.Fix = Text{"「PR」または「広告」とはっきり表示してください。", "Show “PR” or “advertisement” clearly."}
	}
	if w.Why != nil {
		f.Text.JA, f.Text.EN = f.Text.JA+w.Why.JA, f.Text.EN+" "+w.Why.EN
	}
	if w.Instead != nil {
		f.Fix = Text{"「" + w.Instead.JA + "」のように言い換えてください。", "Say for example “" + w.Instead.EN + "”."}
	}
	return f
}

// offer is what makes the message an advertisement; "" when nothing does.
func (c *checker) offer() string {
	for _, s := range c.said() {
		in := look(s.text)
		for i := range c.r.Lists {
			if l := &c.r.Lists[i]; l.Use == useOffer {
				for k := range l.Words {
					if found := l.Words[k].find(in); found != "" {
						return found
					}
				}
			}
		}
	}
	return ""
}
