package segments

import (
	"math"
	"math/big"
	"strings"
	"time"

	"enishi"
)

// num is a number: w(hole), m(oney), d(ouble), l(iteral) or 0 = missing.
type num struct {
	kind byte
	i    int64
	f    float64
	r    *big.Rat
}

func wholeNum(i int64) num { return num{kind: 'w', i: i} }

func (n num) double() float64 {
	switch n.kind {
	case 'w':
		return float64(n.i)
	case 'm':
		return float64(n.i) / 10000
	case 'l':
		f, _ := n.r.Float64()
		return f
	}
	return n.f
}

func doubleNum(f float64) num {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return num{}
	}
	return num{kind: 'd', f: f}
}

// exact is the value in whole units.
func (n num) exact() *big.Rat {
	switch n.kind {
	case 'w':
		return new(big.Rat).SetInt64(n.i)
	case 'm':
		return big.NewRat(n.i, 10000)
	}
	return n.r
}

func exactNum(kind byte, r *big.Rat) num {
	if kind == 'l' {
		return num{kind: 'l', r: r}
	}
	if kind == 'm' {
		r = new(big.Rat).Mul(r, big.NewRat(10000, 1))
	}
	if !r.IsInt() || !r.Num().IsInt64() {
		return num{}
	}
	return num{kind: kind, i: r.Num().Int64()}
}

func asNum(x any) num {
	switch x := x.(type) {
	case num:
		return x
	case enishi.Value:
		if x.Kind == enishi.Number {
			return doubleNum(x.Number)
		}
	}
	return num{}
}

// common is the kind two numbers are added or compared in.
func common(a, b num) byte {
	fraction := func(n num) bool { return n.kind == 'l' && !n.r.IsInt() }
	switch {
	case a.kind == 'l' && b.kind == 'l':
		return 'l'
	case a.kind == 'd' || b.kind == 'd':
		return 'd'
	case a.kind == 'm' || b.kind == 'm':
		return 'm'
	case fraction(a) || fraction(b):
		return 'd'
	}
	return 'w'
}

func arith(op string, x, y any) num {
	a, b := asNum(x), asNum(y)
	if op == "neg" {
		a, b, op = num{kind: 'l', r: new(big.Rat)}, a, "-"
		if b.kind == 'd' {
			return doubleNum(-b.f)
		}
	}
	if a.kind == 0 || b.kind == 0 {
		return num{}
	}
	k := common(a, b)
	if op == "*" && k == 'm' && (a.kind == 'l' && !a.r.IsInt() || b.kind == 'l' && !b.r.IsInt()) {
		k = 'd'
	}
	if op == "/" {
		if b.double() == 0 {
			return num{}
		}
		return doubleNum(a.double() / b.double())
	}
	if k == 'd' {
		switch op {
		case "+":
			return doubleNum(a.double() + b.double())
		case "-":
			return doubleNum(a.double() - b.double())
		}
		return doubleNum(a.double() * b.double())
	}
	if k == 'm' && op != "*" {
		for _, n := range []num{a, b} {
			if n.kind == 'w' && exactNum('m', n.exact()).kind == 0 {
				return num{}
			}
		}
	}
	r := new(big.Rat)
	switch op {
	case "+":
		r.Add(a.exact(), b.exact())
	case "-":
		r.Sub(a.exact(), b.exact())
	case "*":
		r.Mul(a.exact(), b.exact())
	}
	return exactNum(k, r)
}

func form(x enishi.Value) string {
	if x.Kind == enishi.Null {
		return ""
	}
	return x.String()
}

func relate(op string, c int) bool {
	return map[string]bool{"==": c == 0, "!=": c != 0, "<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}[op]
}

// judge is every operator with two sides that gives a boolean.
func judge(op string, x, y any) bool {
	if _, ok := y.(enishi.Value); ok {
		if _, ok := x.(enishi.Value); !ok {
			x, y = y, x
			op = map[string]string{"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}[op]
		}
	}
	if v, ok := x.(enishi.Value); ok && op != "in" {
		switch y := y.(type) {
		case string:
			x = form(v)
		case bool:
			if f := form(v); f != "true" && f != "false" {
				return false
			}
			return ((form(v) == "true") == y) == (op == "==")
		}
	}
	switch op {
	case "in":
		for _, e := range y.([]any) {
			if judge("==", x, e) {
				return true
			}
		}
		return false
	case "contains":
		return strings.Contains(x.(string), y.(string))
	case "startsWith":
		return strings.HasPrefix(x.(string), y.(string))
	case "endsWith":
		return strings.HasSuffix(x.(string), y.(string))
	}
	switch a := x.(type) {
	case string:
		return relate(op, strings.Compare(a, y.(string)))
	case bool:
		return (a == y.(bool)) == (op == "==")
	case time.Time:
		b := y.(time.Time)
		return !a.IsZero() && !b.IsZero() && relate(op, a.Compare(b))
	}
	a, b := asNum(x), asNum(y)
	if a.kind == 0 || b.kind == 0 {
		return false
	}
	switch k := common(a, b); k {
	case 'd':
		return map[string]bool{"==": a.double() == b.double(), "!=": a.double() != b.double(), "<": a.double() < b.double(), "<=": a.double() <= b.double(),
			">": a.double() > b.double(), ">=": a.double() >= b.double()}[op]
	case 'm':
		if a.kind == 'w' && exactNum('m', a.exact()).kind == 0 || b.kind == 'w' && exactNum('m', b.exact()).kind == 0 {
			return false
		}
	}
	return relate(op, a.exact().Cmp(b.exact()))
}

func present(x any) bool {
	switch x := x.(type) {
	case string:
		return x != ""
	case time.Time:
		return !x.IsZero()
	case enishi.Value:
		return form(x) != ""
	}
	return asNum(x).kind != 0
}

// aggregate computes sum, avg, min and max over what is not missing.
func aggregate(name string, xs []any) any {
	var all []any
	for _, x := range xs {
		if present(x) {
			all = append(all, x)
		}
	}
	if name == "min" || name == "max" {
		if len(all) == 0 {
			return num{}
		}
		best := all[0]
		for _, x := range all[1:] {
			if judge(map[string]string{"min": "<", "max": ">"}[name], x, best) {
				best = x
			}
		}
		return best
	}
	total, kind := new(big.Rat), byte('w')
	for _, x := range all {
		total.Add(total, asNum(x).exact())
		kind = asNum(x).kind
	}
	sum := exactNum(kind, total)
	if name == "sum" {
		return sum
	}
	if len(all) == 0 || sum.kind == 0 {
		return num{}
	}
	return doubleNum(sum.double() / float64(len(all)))
}
