package segments

import (
	"strings"
	"testing"
	"unicode"

	"github.com/expr-lang/expr/ast"
	"golang.org/x/text/unicode/norm"

	"enishi"
)

// naiveFold is fold by the tables of Unicode, for texts without compatibility characters other than those of width.
func naiveFold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Katakana) && r <= 'ヶ' {
			return r - 'ア' + 'あ'
		}
		return unicode.ToLower(r)
	}, norm.NFKC.String(s))
}

func isFold(n ast.Node) bool {
	c, ok := n.(*ast.CallNode)
	return ok && c.Callee.(*ast.IdentifierNode).Value == "fold"
}

// foldFixed folds the texts that stand in the expression.
func foldFixed(n ast.Node) ast.Node {
	switch t := n.(type) {
	case *ast.StringNode:
		return &ast.StringNode{Value: naiveFold(t.Value)}
	case *ast.ArrayNode:
		out := &ast.ArrayNode{}
		for _, x := range t.Nodes {
			out.Nodes = append(out.Nodes, foldFixed(x))
		}
		return out
	}
	return n
}

func TestFold(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := foldText(in); got != want {
			t.Errorf("fold(%q) = %q, want %q", in, got, want)
		}
		if again := foldText(want); again != want {
			t.Errorf("fold(%q) = %q: folded twice is something else", want, again)
		}
	}
	f("", "")
	f("abc", "abc")
	f("ＡＢＣ　１２３！", "abc 123!")
	f("サトウ", "さとう")
	f("ｻﾄｳ", "さとう")
	f("ｶﾞｷﾞｸﾞ ﾊﾟﾋﾟ ｳﾞｧ", "がぎぐ ぱぴ ゔぁ")
	f("カ\u3099", "が") // as a Mac writes file names
	f("は゛゜ん゛", "ば゜ん゛")
	f("ﾞ", "゛")
	f("T–シャツ〜", "t-しゃつ~")
	f("キャノン", "きゃのん")
	f("ーｰ", "ーー")
	f("高橋 ヷ", "高橋 ヷ")
	if n := testing.AllocsPerRun(100, func() { foldText("abc さとう 高橋") }); n != 0 {
		t.Errorf("%v allocations for a text that is folded already", n)
	}
}

// Each character alone, and each with a voicing mark after it, is folded as Unicode says.
func TestFoldEveryKana(t *testing.T) {
	t.Parallel()
	// Hiragana has no ヷ and the like: those marks stay by themselves.
	apart := strings.NewReplacer("\u3099", "゛", "\u309a", "゜", "ヷ", "わ゛", "ヸ", "ゐ゛", "ヹ", "ゑ゛", "ヺ", "を゛")
	for r := rune(0x21); r < 0xffff; r++ {
		ascii, kana, half := r < 0x7f || r >= '！' && r <= '～', r >= 'ぁ' && r <= 'ゖ' || r >= 'ァ' && r <= 'ヶ', r >= '｡' && r <= 'ﾝ'
		if !ascii && !kana && !half {
			continue
		}
		for _, mark := range []string{"", "ﾞ", "ﾟ", "\u3099"} {
			s := string(r) + mark
			want := naiveFold(s)
			want = apart.Replace(want)
			if got := foldText(s); got != want {
				t.Errorf("fold(%q) = %q, Unicode says %q", s, got, want)
			}
		}
	}
}

// The engine folds as Go does: every character up to U+FFFF, alone and before each mark.
func TestFoldSQL(t *testing.T) {
	t.Parallel()
	db := openDB(t, "folding")
	var all strings.Builder
	for r := rune(0x20); r < 0xfffe; r++ {
		if r >= 0xd800 && r < 0xe000 {
			continue
		}
		all.WriteString(string(r) + "|")
		if r >= 0x3000 && r < 0x3100 || r >= 0xff00 {
			all.WriteString(string(r) + "゛|" + string(r) + "ﾞ|" + string(r) + "ﾟ|" + string(r) + "\u309a゛|")
		}
	}
	for _, text := range []string{all.String(), "", "ﾊﾞﾊﾟﾊ", "plain"} {
		q := newQuery(made)
		query := "SELECT " + q.fold("materialize("+q.text(text)+")")
		var got string
		if err := db.QueryRow(t.Context(), query, q.args...).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if want := foldText(text); got != want {
			for i, x := range strings.Split(want, "|") {
				if y := strings.Split(got, "|"); i >= len(y) || y[i] != x {
					t.Fatalf("fold: Go %q, SQL %q at %d", x, y[min(i, len(y)-1)], i)
				}
			}
		}
	}
}

func TestFoldMatch(t *testing.T) {
	t.Parallel()
	v := typical()
	v.Traits["nick"] = enishi.TextValue("ﾔﾏﾀﾞ")
	for src, want := range map[string]bool{
		`fold(traits.nick) == "ヤマダ"`:                            true,
		`"やまだ" == fold(traits.nick)`:                            true,
		`traits.nick == "ヤマダ"`:                                  false,
		`fold(traits.nick) in ["佐藤", "ヤマダ"]`:                    true,
		`fold(traits.nick) contains "マダ"`:                       true,
		`fold(traits.nick) startsWith fold("ＹＡ")`:               false,
		`fold(fold(traits.nick)) endsWith "ダ"`:                  true,
		`fold(traits.nick) == traits.nick`:                      false,
		`any(orders, fold(.channel) == "ＷＥＢ")`:                  true,
		`fold(last(orders, .channel)) == "Web"`:                 true,
		`missing(fold(traits.none)) && fold(traits.none) == ""`: true,
	} {
		if got := compiled(t, src).Match(v, made); got != want {
			t.Errorf("%s: %v", src, got)
		}
	}
}
