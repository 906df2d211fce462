package mapping

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"golang.org/x/text/unicode/norm"

	"enishi"
	"enishi/ingest/codes"
	"enishi/internal/address"
)

// shaper puts values into the shapes of fields.
type shaper struct{ zone *time.Location }

// functions are those of docs/mapping.md.
func (s shaper) functions() []expr.Option {
	amount := func(f func(a, b enishi.Amount) any) func(x ...any) (any, error) {
		return func(x ...any) (any, error) {
			a, err := s.amount(x[0])
			if err != nil {
				return nil, err
			}
			b, err := s.amount(x[1])
			if err != nil {
				return nil, err
			}
			return f(a, b), nil
		}
	}
	out := []expr.Option{
		expr.Function("step__", func(x ...any) (any, error) {
			if n, ok := x[0].(*int); ok {
				if *n++; *n > maxSteps {
					return nil, &wrong{"goes through too many elements", "繰り返しが多すぎます"}
				}
			}
			return x[1], nil
		}, new(func(*int, any) any)),
		expr.Function("member__", func(x ...any) (any, error) { return member(x[0], x[1]), nil }, new(func(any, any) any)),

		expr.Function("date", func(x ...any) (any, error) { return s.date(x[0], texts(x[1:])...) }, new(func(any, ...string) time.Time)),
		expr.Function("unix", func(x ...any) (any, error) { return s.unix(x[0]) }, new(func(any) time.Time)),
		expr.Function("serial", func(x ...any) (any, error) { return s.serial(x[0]) }, new(func(any) time.Time)),
		expr.Function("dateText", func(x ...any) (any, error) { return s.dateText(x[0], textOf(x[1])) }, new(func(any, string) string)),
		expr.Function("amount", func(x ...any) (any, error) { return s.amount(x[0]) }, new(func(any) enishi.Amount)),
		expr.Function("total", func(x ...any) (any, error) { return s.total(x[0]) }, new(func(any) enishi.Amount)),
		expr.Function("number", func(x ...any) (any, error) { return number(x[0]) }, new(func(any) float64)),
		expr.Function("text", func(x ...any) (any, error) { return textOf(x[0]), nil }, new(func(any) string)),
		expr.Function("digits", func(x ...any) (any, error) { return digits(textOf(x[0])), nil }, new(func(any) string)),
		expr.Function("halfwidth", func(x ...any) (any, error) { return norm.NFKC.String(textOf(x[0])), nil }, new(func(any) string)),
		expr.Function("prefecture", func(x ...any) (any, error) { return address.Prefecture(textOf(x[0])), nil }, new(func(any) string)),
		expr.Function("slip", func(x ...any) (any, error) { return slip(textOf(x[0])) }, new(func(any) string)),
		expr.Function("parcel", func(x ...any) (any, error) { return codes.Parcel(textOf(x[0])), nil }, new(func(any) string)),
		expr.Function("carrier", func(x ...any) (any, error) { return codes.Carrier(textOf(x[0])), nil }, new(func(any) string)),
		expr.Function("jan", func(x ...any) (any, error) { return codes.JAN(textOf(x[0])), nil }, new(func(any) string)),
		expr.Function("payment", func(x ...any) (any, error) { return codes.Payment(textOf(x[0])), nil }, new(func(any) string)),
		expr.Function("marketplace", func(x ...any) (any, error) { return codes.Marketplace(textOf(x[0])), nil }, new(func(any) string)),
		expr.Function("withTax", s.withTax, new(func(any, any) enishi.Amount)),
		expr.Function("oneOf", oneOf, new(func(any, ...any) bool)),
		expr.Function("lookup", lookup, new(func(any, any) any), new(func(any, any, any) any)),
		expr.Function("join", join, new(func(any, string) string)),
		expr.Function("firstOf", firstOf, new(func(...any) any)),

		expr.Function("plus__", amount(func(a, b enishi.Amount) any { return a + b }), new(func(enishi.Amount, enishi.Amount) enishi.Amount)),
		expr.Function("minus__", amount(func(a, b enishi.Amount) any { return a - b }), new(func(enishi.Amount, enishi.Amount) enishi.Amount)),
		expr.Function("times__", func(x ...any) (any, error) { return times(x[0], x[1]) },
			new(func(enishi.Amount, int) enishi.Amount), new(func(int, enishi.Amount) enishi.Amount)),
		expr.Operator("+", "plus__"), expr.Operator("-", "minus__"), expr.Operator("*", "times__"),
	}
	for _, c := range []struct {
		operator, name string
		f              func(a, b enishi.Amount) any
	}{
		{">", "more__", func(a, b enishi.Amount) any { return a > b }}, {">=", "least__", func(a, b enishi.Amount) any { return a >= b }},
		{"<", "less__", func(a, b enishi.Amount) any { return a < b }}, {"<=", "most__", func(a, b enishi.Amount) any { return a <= b }},
		{"==", "same__", func(a, b enishi.Amount) any { return a == b }}, {"!=", "other__", func(a, b enishi.Amount) any { return a != b }},
	} {
		out = append(out, expr.Function(c.name, amount(c.f), new(func(enishi.Amount, enishi.Amount) bool), new(func(enishi.Amount, int) bool)),
			expr.Operator(c.operator, c.name))
	}
	return out
}

// member reads a part of a document; what is not there is nil.
func member(from, name any) any {
	switch x := from.(type) {
	case map[string]any:
		if key, ok := name.(string); ok {
			return x[key]
		}
	case map[string]string:
		if key, ok := name.(string); ok {
			return x[key]
		}
	case []any:
		i, ok := name.(int)
		if ok && i < 0 {
			i += len(x)
		}
		if ok && i >= 0 && i < len(x) {
			return x[i]
		}
	case nil:
	default:
		if v := reflect.ValueOf(from); v.Kind() == reflect.Slice { // what map, filter and split give
			if i, ok := name.(int); ok && i >= 0 && i < v.Len() {
				return v.Index(i).Interface()
			}
		}
	}
	return nil
}

func texts(x []any) []string {
	out := make([]string, len(x))
	for i := range x {
		out[i] = textOf(x[i])
	}
	return out
}

// textOf is a value as a person would write it: whole numbers without a point or an exponent.
func textOf(x any) string {
	switch v := x.(type) {
	case nil:
		return ""
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case enishi.Amount:
		return v.String()
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	return fmt.Sprint(x)
}

// elements are those of any list.
func elements(x any) ([]any, bool) {
	switch v := x.(type) {
	case nil:
		return nil, true
	case []any:
		return v, true
	}
	v := reflect.ValueOf(x)
	if v.Kind() != reflect.Slice {
		return nil, false
	}
	out := make([]any, v.Len())
	for i := range out {
		out[i] = v.Index(i).Interface()
	}
	return out, true
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, norm.NFKC.String(s))
}

func number(x any) (any, error) {
	switch v := x.(type) {
	case int:
		return float64(v), nil
	case float64:
		return v, nil
	}
	s := plain(textOf(x))
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || strings.ContainsAny(s, "xXpP_nN") {
		return nil, &wrong{strconv.Quote(clip(textOf(x))) + " is no number", "「" + clip(textOf(x)) + "」は数ではありません"}
	}
	return f, nil
}

// oneOf tells whether the first value is one of the others, as texts.
func oneOf(x ...any) (any, error) {
	value := strings.TrimSpace(textOf(x[0]))
	for _, other := range x[1:] {
		if list, ok := elements(other); ok && other != nil {
			for _, y := range list {
				if value == textOf(y) {
					return true, nil
				}
			}
		} else if value == textOf(other) {
			return true, nil
		}
	}
	return false, nil
}

// lookup(value, {"from": "to"}, otherwise) translates; without otherwise an unknown value is a problem.
func lookup(x ...any) (any, error) {
	value := strings.TrimSpace(textOf(x[0]))
	table := reflect.ValueOf(x[1])
	if table.Kind() != reflect.Map {
		return nil, &wrong{`lookup wants a table: lookup(value, {"from": "to"})`, `lookup には対応表が必要です: lookup(値, {"元": "先"})`}
	}
	if v := table.MapIndex(reflect.ValueOf(value)); v.IsValid() {
		return v.Interface(), nil
	}
	if len(x) == 3 {
		return x[2], nil
	}
	if value == "" {
		return nil, nil
	}
	return nil, &wrong{strconv.Quote(clip(value)) + " is not in the table of lookup: add it, or give a third value for all others",
		"「" + clip(value) + "」は対応表にありません。対応表に加えるか、3 つ目にその他の値を書いてください"}
}

// join puts a list together; empty elements are left out.
func join(x ...any) (any, error) {
	list, ok := elements(x[0])
	if !ok {
		return nil, &wrong{"join wants a list: join([a, b], \" \")", "join にはリストが必要です: join([a, b], \" \")"}
	}
	var out []string
	for _, v := range list {
		if s := strings.TrimSpace(textOf(v)); s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, textOf(x[1])), nil
}

// firstOf is the first value that is not empty.
func firstOf(x ...any) (any, error) {
	for _, v := range x {
		if v != nil && strings.TrimSpace(textOf(v)) != "" {
			return v, nil
		}
	}
	return nil, nil
}

func times(a, b any) (any, error) {
	money, ok := a.(enishi.Amount)
	n, _ := b.(int)
	if !ok {
		money, _ = b.(enishi.Amount)
		n, _ = a.(int)
	}
	out := money * enishi.Amount(n)
	if n != 0 && out/enishi.Amount(n) != money {
		return nil, &wrong{"the amount is too large", "金額が大きすぎます"}
	}
	return out, nil
}

func slip(text string) (any, error) {
	number, err := codes.Slip(text)
	var known *enishi.Error
	if errors.As(err, &known) {
		return nil, &wrong{known.Msg, known.MsgJA}
	}
	return number, err
}

// withTax adds a tax of so many per cent to an amount without it, rounded to whole units (half up), as the systems do that
// write prices without tax.
func (s shaper) withTax(x ...any) (any, error) {
	a, err := s.amount(x[0])
	if err != nil {
		return nil, err
	}
	rate, err := whole(x[1])
	if strings.TrimSpace(textOf(x[1])) == "" {
		rate, err = 0, nil
	}
	if err != nil {
		return nil, err
	}
	if rate < 0 || rate > 100 {
		return nil, &wrong{"a tax rate is 0 to 100 per cent", "税率は 0〜100（%）です"}
	}
	const unit = 10_000 // of an Amount
	taxed := a * enishi.Amount(100+rate)
	if taxed/enishi.Amount(100+rate) != a {
		return nil, &wrong{"the amount is too large", "金額が大きすぎます"}
	}
	half := enishi.Amount(50 * unit)
	if taxed < 0 {
		half = -half
	}
	return (taxed + half) / (100 * unit) * unit, nil
}
