package segments

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser/lexer"

	"enishi"
)

// failf is an error at a place of the source, in both languages from the same arguments.
func failf(src string, at file.Location, en, ja string, args ...any) *enishi.Error {
	e := &enishi.Error{Code: enishi.Invalid, Msg: fmt.Sprintf(en, args...), MsgJA: fmt.Sprintf(ja, args...)}
	e.Line, e.Col = position(src, at.From)
	return e
}

// position turns an offset in runes into line and column, both from 1.
func position(src string, offset int) (line, col int) {
	line, col = 1, 1
	for _, r := range src {
		if offset == 0 {
			break
		}
		offset--
		if r == '\n' {
			line, col = line+1, 1
		} else {
			col++
		}
	}
	return line, col
}

// fullWidth maps what a Japanese keyboard types by mistake to what is meant.
const fullWidth = "（(）)［[］]｛{｝}＝=＞>＜<！!＆&｜|＋+－-＊*／/．.，,、,。.”\"“\"＂\"’'‘'：:；;％%＃#　 "

func halfWidth(r rune) (string, bool) {
	rest := fullWidth
	for rest != "" {
		wide, n := utf8.DecodeRuneInString(rest)
		narrow, m := utf8.DecodeRuneInString(rest[n:])
		if wide == r {
			return string(narrow), true
		}
		rest = rest[n+m:]
	}
	if r >= '０' && r <= '９' {
		return string('0' + (r - '０')), true
	}
	return "", false
}

// syntaxError says in words what expr's lexer or parser did not understand. tokens is nil when the lexer gave up.
func syntaxError(src string, tokens []lexer.Token, err error) error {
	var e *file.Error
	if !errors.As(err, &e) {
		return failf(src, file.Location{}, "the expression cannot be read: %s", "式を読めません: %s", err.Error())
	}
	at := e.Location
	if tokens == nil {
		return lexError(src, at, e.Message)
	}
	if strings.Contains(e.Message, "exceeds maximum allowed nodes") {
		return failf(src, file.Location{}, "the expression has more than %d parts: split it into several segments", "式の要素が多すぎます（上限 %d）。セグメントを分けてください", maxNodes)
	}
	i := 0
	for i < len(tokens)-1 && tokens[i].From < at.From {
		i++
	}
	t := tokens[i]
	switch {
	case strings.HasSuffix(e.Message, "token EOF"):
		if open := unclosed(tokens); open != nil {
			return failf(src, open.Location, "%q is never closed", "「%s」が閉じられていません", open.Value)
		}
		return failf(src, file.Location{From: utf8.RuneCountInString(src)}, "the expression ends too early: a value or a condition is missing", "式が途中で終わっています。値または条件が必要です")
	case t.Is(lexer.Operator, "="):
		return failf(src, at, "a single = does not compare: write ==", "「=」では比較できません。「==」と書いてください")
	case t.Is(lexer.Operator, ">") && i > 0 && tokens[i-1].Is(lexer.Operator, "<"):
		return failf(src, tokens[i-1].Location, "<> is not known: write !=", "「<>」は使えません。「!=」と書いてください")
	case t.Is(lexer.Operator, "&", "|"):
		return failf(src, at, "a single %s does not combine conditions: write %s", "「%s」では条件を組み合わせられません。「%s」と書いてください", t.Value, t.Value+t.Value)
	case t.Kind == lexer.Identifier && strings.EqualFold(t.Value, "and"):
		return failf(src, at, "%s is not known: write &&", "「%s」は使えません。「&&」と書いてください", t.Value)
	case t.Kind == lexer.Identifier && strings.EqualFold(t.Value, "or"):
		return failf(src, at, "%s is not known: write ||", "「%s」は使えません。「||」と書いてください", t.Value)
	case t.Is(lexer.Operator, "."):
		return failf(src, at, "a field (%s) is only known inside a list's condition, as in any(orders, .total >= 5000)",
			"項目（%s）はリストの条件の中でだけ使えます。例: any(orders, .total >= 5000)", "."+next(tokens, i))
	case strings.HasPrefix(e.Message, "expected at least"):
		return failf(src, at, "a condition or a field is missing, as in any(orders, .total >= 5000)", "条件または項目が必要です。例: any(orders, .total >= 5000)")
	}
	return failf(src, at, "%q is not expected here", "ここに「%s」は書けません", t.Value)
}

func lexError(src string, at file.Location, message string) error {
	text := []rune(src)
	if strings.HasPrefix(message, "unrecognized character") && at.From < len(text) {
		for _, i := range []int{at.From, at.To - 1} {
			if i >= 0 && i < len(text) {
				if err := wideError(src, file.Location{From: i}, text[i]); err != nil {
					return err
				}
			}
		}
	}
	if strings.Contains(message, "literal not terminated") {
		return failf(src, at, "the text is never closed: a quotation mark is missing", "文字列が閉じられていません。引用符が足りません")
	}
	return failf(src, at, "%s", "読めない文字があります（%s）", message)
}

// wideError is the error of a full-width character; nil for any other.
func wideError(src string, at file.Location, r rune) error {
	if narrow, ok := halfWidth(r); ok {
		return failf(src, at, "%q is a full-width character: type %q", "「%s」は全角です。半角の「%s」を入力してください", string(r), narrow)
	}
	return nil
}

// unclosed finds the innermost bracket that stays open.
func unclosed(tokens []lexer.Token) *lexer.Token {
	var open []*lexer.Token
	for i := range tokens {
		switch t := &tokens[i]; {
		case t.Is(lexer.Bracket, "(", "[", "{"):
			open = append(open, t)
		case t.Kind == lexer.Bracket && len(open) > 0:
			open = open[:len(open)-1]
		}
	}
	if len(open) == 0 {
		return nil
	}
	return open[len(open)-1]
}

func next(tokens []lexer.Token, i int) string {
	if i+1 < len(tokens) {
		return tokens[i+1].Value
	}
	return ""
}

// suggest is the known name that is most like the one given, in both languages; empty when none is.
func suggest(name string, known []string) (en, ja string) {
	if alias, ok := aliases[strings.ToLower(name)]; ok {
		for _, k := range known {
			if k == alias {
				return ": did you mean " + alias + "?", "。「" + alias + "」のことですか"
			}
		}
	}
	best, least := "", max(2, len(name)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(name), k); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return "", ""
	}
	return ": did you mean " + best + "?", "。「" + best + "」のことですか"
}

// aliases are names that other systems use.
var aliases = map[string]string{
	"clv": "ltv", "cltv": "ltv", "lifetime_value": "ltv", "total_spent": "ltv", "revenue": "ltv", "order_count": "orders_count", "purchases": "orders",
	"order": "orders", "parcels": "shipments", "deliveries": "shipments", "sends": "messages", "emails": "messages", "page_view": "page_views", "events": "visits",
	"amount": "total", "price": "total", "created_at": "placed_at", "ordered_at": "placed_at", "date": "placed_at", "time": "at", "occurred_at": "at", "visited_at": "at",
	"rank": "member_rank", "tier": "member_rank", "pref": "prefecture", "state": "status", "sex": "gender", "utm_medium": "utm_source", "url": "path", "stars": "rating",
	"gift": "is_gift", "subscription": "automatic", "mail": "email", "registered_at": "signed_up_at", "cancelled": "cancelled_at", "delivered": "delivered_at",
}

// distance is the number of letters to insert, delete or change (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
