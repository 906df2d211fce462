package segments

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"enishi"
)

// Whatever is written is either refused with a place and words in both languages, or every evaluator takes it and they agree.
func FuzzCheck(f *testing.F) {
	golden, err := os.ReadFile(filepath.Join("testdata", "golden.expressions"))
	if err != nil {
		f.Fatal(err)
	}
	for e := range strings.SplitSeq(string(golden), "\n") {
		f.Add(e)
	}
	for _, r := range rules {
		f.Add(r.expression)
	}
	for _, e := range []string{"ltv > ", "any(orders, .x)", `max(map(orders, .total)) > avg(orders, #.total)`, "orders | filter(.valid) | sum(.total) > 5", "let x = 1; x > ltv", "ltv?.x", "１", "map(orders, .total) == 5",
		`min(max(orders, .total))`, "max", "avg(", "count(orders, {.valid})", "-(-(5)) > ltv", "0x10 > ltv", "1e3 < ltv", "traits[\"\\u0000\"] == 'x'", "$env", "orders[1:2]", "b'x' == 1", "::ltv"} {
		f.Add(e)
	}
	v := ruled()
	f.Fuzz(func(t *testing.T, expression string) {
		root, tree, err := check(expression)
		if err != nil {
			var e *enishi.Error
			if !errors.As(err, &e) || e.Line < 1 || e.Col < 1 || e.Line > strings.Count(expression, "\n")+1 || e.Col > utf8.RuneCountInString(expression)+1 || e.Msg == "" || e.MsgJA == "" {
				t.Fatalf("%q: %#v", expression, err)
			}
			return
		}
		s := &Segment{Body: Body{Expression: expression}, root: root, tree: tree, match: testOf(root)}
		in, until := verdictOf(root)(v, made.UnixMilli(), 0)
		if in != s.Match(v, made) || until <= made.UnixMilli() {
			t.Fatalf("%q: Match %v, verdict %v until %d", expression, !in, in, until)
		}
		query, args := s.SQL(made)
		if strings.Count(query, "{") < len(args) || strings.Count(query, "(") != strings.Count(query, ")") {
			t.Fatalf("%q: %s with %d arguments", expression, query, len(args))
		}
		s.Explain(v, made)
	})
}
