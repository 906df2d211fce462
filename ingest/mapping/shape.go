package mapping

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"enishi"
)

// shaped puts a value into the shape of its field as JSON. none is true for what is empty: the field is left out.
func (s shaper) shaped(dst []byte, x any, want shape) (out []byte, none bool, err error) {
	if text, ok := x.(string); ok {
		text = strings.TrimSpace(text)
		if text == "" {
			return dst, true, nil
		}
		x = text
	}
	if x == nil {
		return dst, true, nil
	}
	switch want {
	case shapeTexts:
		return s.texts(dst, x)
	case shapeNames:
		return s.byName(dst, x, shapeText)
	case shapeCounts:
		return s.byName(dst, x, shapeWhole)
	}
	if want != shapeValue {
		switch x.(type) {
		case string, int, int64, float64, bool, enishi.Amount, time.Time:
		default:
			return dst, false, &wrong{"the expression gives a list or an object, not one value", "式の結果が 1 つの値ではなく、リストかオブジェクトになっています"}
		}
	}
	switch want {
	case shapeTime:
		t, err := s.date(x)
		if err != nil {
			return dst, false, err
		}
		return instant(dst, t), false, nil
	case shapeDay:
		t, err := s.date(x)
		if err != nil {
			return dst, false, err
		}
		return appendText(dst, t.In(s.zone).Format(time.DateOnly)), false, nil
	case shapeAmount:
		a, err := s.amount(x)
		if err != nil {
			return dst, false, err
		}
		return appendText(dst, a.String()), false, nil
	case shapeWhole:
		n, err := whole(x)
		if err != nil {
			return dst, false, err
		}
		return strconv.AppendInt(dst, n, 10), false, nil
	case shapeBool:
		b, err := boolean(x)
		if err != nil {
			return dst, false, err
		}
		return strconv.AppendBool(dst, b), false, nil
	case shapeValue:
		return s.value(dst, x)
	}
	if t, ok := x.(time.Time); ok {
		return instant(dst, t), false, nil
	}
	return appendText(dst, textOf(x)), false, nil
}

// texts writes a list of texts, without the empty ones.
func (s shaper) texts(dst []byte, x any) ([]byte, bool, error) {
	list, ok := elements(x)
	if !ok {
		list = []any{x}
	}
	start := len(dst)
	for _, v := range list {
		if text := strings.TrimSpace(textOf(v)); text != "" {
			dst = appendText(append(dst, ','), text)
		}
	}
	if len(dst) == start {
		return dst, true, nil
	}
	dst[start] = '['
	return append(dst, ']'), false, nil
}

// byName writes an object of values of one shape, without the empty ones.
func (s shaper) byName(dst []byte, x any, want shape) ([]byte, bool, error) {
	all, ok := x.(map[string]any)
	if !ok {
		return dst, false, &wrong{`the expression gives no values by name, such as {"ginza": 3}`, `式の結果が {"ginza": 3} のような名前ごとの値ではありません`}
	}
	start := len(dst)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		before := len(dst)
		dst = append(appendText(append(dst, ','), name), ':')
		out, none, err := s.shaped(dst, all[name], want)
		if err != nil {
			return dst, false, err
		}
		if dst = out; none || name == "" {
			dst = dst[:before]
		}
	}
	if len(dst) == start {
		return dst, true, nil
	}
	dst[start] = '{'
	return append(dst, '}'), false, nil
}

func instant(dst []byte, t time.Time) []byte {
	dst = append(dst, '"')
	return append(t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.999Z07:00"), '"')
}

func (s shaper) value(dst []byte, x any) ([]byte, bool, error) {
	switch v := x.(type) {
	case string:
		return appendText(dst, v), false, nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), false, nil
	case int64:
		return strconv.AppendInt(dst, v, 10), false, nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return dst, true, nil
		}
		return strconv.AppendFloat(dst, v, 'f', -1, 64), false, nil
	case bool:
		return strconv.AppendBool(dst, v), false, nil
	case enishi.Amount:
		return append(dst, v.String()...), false, nil
	case time.Time:
		return instant(dst, v), false, nil
	}
	list, ok := elements(x)
	if !ok {
		return dst, false, &wrong{"the expression gives an object, not one value", "式の結果が 1 つの値ではなく、オブジェクトになっています"}
	}
	text, _ := join(list, ", ")
	if text == "" {
		return dst, true, nil
	}
	return appendText(dst, text.(string)), false, nil
}

// plain takes what people write round a number off it: separators, signs and names of the currency, units.
func plain(s string) string {
	s = strings.TrimSpace(norm.NFKC.String(s))
	negative := false
	if inner, ok := strings.CutPrefix(s, "("); ok && strings.HasSuffix(inner, ")") {
		s, negative = strings.TrimSuffix(inner, ")"), true
	}
	for _, sign := range [...]string{"△", "▲", "−", "-"} {
		if rest, ok := strings.CutPrefix(s, sign); ok {
			s, negative = strings.TrimSpace(rest), true
			break
		}
	}
	for _, unit := range [...]string{"JPY", "¥", "\\", "$", "€", "£", "+"} {
		s = strings.TrimSpace(strings.TrimPrefix(s, unit))
	}
	for _, sign := range [...]string{"−", "-"} { // ¥-1,234
		if rest, ok := strings.CutPrefix(s, sign); ok && !negative {
			s, negative = strings.TrimSpace(rest), true
		}
	}
	for _, unit := range [...]string{"JPY", "円", "pt", "PT", "ポイント", "個", "点", "-"} {
		s = strings.TrimSpace(strings.TrimSuffix(s, unit))
	}
	if grouped(s) {
		s = strings.ReplaceAll(s, ",", "")
	}
	if negative {
		s = "-" + s
	}
	return s
}

// grouped tells whether the commas of a number separate groups of three digits: 1,234.5 but not 1,5.
func grouped(s string) bool {
	whole, _, _ := strings.Cut(s, ".")
	parts := strings.Split(whole, ",")
	for i, part := range parts {
		if i > 0 && len(part) != 3 || i == 0 && (part == "" || len(part) > 3) {
			return false
		}
	}
	return len(parts) > 1
}

func (s shaper) amount(x any) (enishi.Amount, error) {
	switch v := x.(type) {
	case enishi.Amount:
		return v, nil
	case nil:
		return 0, nil
	}
	text := textOf(x)
	if strings.TrimSpace(text) == "" {
		return 0, nil
	}
	a, err := enishi.ParseAmount(plain(text))
	if err != nil {
		return 0, &wrong{strconv.Quote(clip(text)) + " is no amount: write a number such as 1234, 1,234 or 12.50", "「" + clip(text) + "」は金額として読めません。1234、1,234、¥1,234 のように書いてください"}
	}
	return a, nil
}

// total adds up a list of amounts.
func (s shaper) total(x any) (any, error) {
	list, ok := elements(x)
	if !ok {
		return nil, &wrong{"total wants a list", "total にはリストが必要です"}
	}
	var sum enishi.Amount
	for _, v := range list {
		a, err := s.amount(v)
		if err != nil {
			return nil, err
		}
		sum += a
	}
	return sum, nil
}

func whole(x any) (int64, error) {
	switch v := x.(type) {
	case int:
		return int64(v), nil
	case bool:
		return 0, &wrong{"is true or false, not a whole number", "整数ではなく true / false になっています"}
	}
	text := textOf(x)
	s := plain(text)
	if cut, ok := strings.CutSuffix(strings.TrimRight(s, "0"), "."); ok && strings.Contains(s, ".") {
		s = cut // 3.00
	}
	s = strings.TrimSuffix(s, "%")
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, &wrong{strconv.Quote(clip(text)) + " is no whole number", "「" + clip(text) + "」は整数として読めません"}
	}
	return n, nil
}

// truths are the words of exports for yes and no, in half width and lower case.
var truths = map[string]bool{"true": true, "1": true, "yes": true, "y": true, "on": true, "はい": true, "有": true, "有り": true, "あり": true, "○": true, "◯": true, "する": true, "許可": true, "希望する": true, "済": true,
	"false": false, "0": false, "no": false, "n": false, "off": false, "いいえ": false, "無": false, "無し": false, "なし": false, "×": false, "✕": false, "しない": false, "拒否": false, "希望しない": false, "未": false, "-": false}

func boolean(x any) (bool, error) {
	if b, ok := x.(bool); ok {
		return b, nil
	}
	text := textOf(x)
	b, ok := truths[strings.ToLower(strings.TrimSpace(norm.NFKC.String(text)))]
	if !ok {
		return false, &wrong{strconv.Quote(clip(text)) + ` is neither yes nor no: compare it, as row["X"] == "購読"`, "「" + clip(text) + `」ははい・いいえのどちらか分かりません。row["列名"] == "購読" のように比べてください`}
	}
	return b, nil
}
