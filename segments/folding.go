package segments

import (
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
)

// The folding of texts by fold(x): what a person would call the same word becomes the same text. Each character is folded by
// itself (foldRune), then a kana and a voicing mark after it become one (voiced). SQL is made from the same two functions.

// halfForms is what the half-width forms ｡ (U+FF61) to ﾟ (U+FF9F) become; three bytes each.
const halfForms = "。「」、・をぁぃぅぇぉゃゅょっーあいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわん゛゜"

// foldRune: full and half width are one, katakana is hiragana, ASCII letters are small, all dashes and all spaces are one.
// Small kana, the long vowel mark and kanji stay.
func foldRune(r rune) rune {
	switch {
	case r >= 'A' && r <= 'Z':
		return r + 'a' - 'A'
	case r < 0x80:
		return r
	case r >= '！' && r <= '～': // full-width ASCII
		return foldRune(r - '！' + '!')
	case r >= 'ァ' && r <= 'ヶ', r == 'ヽ', r == 'ヾ':
		return r - 'ァ' + 'ぁ'
	case r >= '｡' && r <= 'ﾟ':
		r, _ = utf8.DecodeRuneInString(halfForms[3*(r-'｡'):])
		return r
	}
	switch r {
	case '\u3000', '\u00a0', '\u2002', '\u2003', '\u2009', '\u202f':
		return ' '
	case '‐', '‑', '‒', '–', '—', '―', '−':
		return '-'
	case '〜':
		return '~'
	case '\u3099':
		return '゛'
	case '\u309a':
		return '゜'
	}
	return r
}

// voiced is a kana with the mark ゛ or ゜; false when it has no such form.
func voiced(r, mark rune) (rune, bool) {
	switch {
	case mark == '゛' && r == 'う':
		return 'ゔ', true
	case mark == '゛' && (strings.ContainsRune("かきくけこさしすせそたちつてとはひふへほゝ", r)):
		return r + 1, true
	case mark == '゜' && strings.ContainsRune("はひふへほ", r):
		return r + 2, true
	}
	return 0, false
}

// foldText is fold(s). It allocates only when something changes.
func foldText(s string) string {
	same := true
	for _, r := range s {
		if r == '゛' || r == '゜' || foldRune(r) != r {
			same = false
			break
		}
	}
	if same {
		return s
	}
	out := make([]rune, 0, len(s))
	for _, r := range s {
		if r = foldRune(r); len(out) > 0 {
			if v, ok := voiced(out[len(out)-1], r); ok {
				out[len(out)-1] = v
				continue
			}
		}
		out = append(out, r)
	}
	return string(out)
}

// foldTable is foldRune as two texts of the same number of characters, and voiced as pairs of texts.
type foldTable struct {
	from, to string
	pairs    [][2]string
}

var foldTables = sync.OnceValue(func() (t foldTable) {
	var from, to strings.Builder
	for r := rune(0x20); r <= 0xffff; r++ {
		if x := foldRune(r); x != r {
			from.WriteRune(r)
			to.WriteRune(x)
		}
	}
	t.from, t.to = from.String(), to.String()
	for _, mark := range "゛゜" {
		for r := 'ぁ'; r <= 'ゞ'; r++ {
			if v, ok := voiced(r, mark); ok {
				t.pairs = append(t.pairs, [2]string{string(r) + string(mark), string(v)})
			}
		}
	}
	return t
})

// fold writes fold(x). Few texts have a voicing mark of its own, and only those are looked through for its pairs.
func (q *statement) fold(x string) string {
	t := foldTables()
	x = "translateUTF8(" + x + ", " + q.text(t.from) + ", " + q.text(t.to) + ")"
	joined := x
	for _, p := range t.pairs {
		joined = "replaceAll(" + joined + ", '" + p[0] + "', '" + p[1] + "')"
	}
	return "if(position(" + x + ", '゛') = 0 AND position(" + x + ", '゜') = 0, " + x + ", " + joined + ")"
}

// folding reads fold(...).
func (c *typing) folding(t *ast.CallNode) (*node, error) {
	if len(t.Arguments) != 1 {
		return nil, c.fail(t.Location(), "fold takes one text, as in fold(family_name_kana)", "fold には文字列を 1 つ渡します。例: fold(family_name_kana)")
	}
	x, err := c.value(t.Arguments[0])
	if err != nil {
		return nil, err
	}
	if x.kind == Untyped {
		x = traitAs(x, Text)
	}
	switch {
	case x.kind != Text:
		return nil, c.fail(x.at, "fold takes text, and this is %[1]s", "fold に渡せるのは文字列ですが、これは%[2]sです", x.kind.String(), x.kind.JA())
	case x.op == opConst:
		return &node{op: opConst, kind: Text, s: foldText(x.s), at: t.Location()}, nil
	case x.op == opFold:
		return x, nil
	}
	return (&node{op: opFold, kind: Text, args: []*node{x}, at: t.Location()}).derive(), nil
}

// alikeFolded folds a fixed text that is compared with a folded one.
func alikeFolded(x *node, text string) string {
	if x.op == opFold {
		return foldText(text)
	}
	return text
}
