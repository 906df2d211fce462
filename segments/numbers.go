package segments

import (
	"math/big"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"

	"enishi"
)

// numeric reads a number.
func (c *typing) numeric(tree ast.Node) (*node, error) {
	n, err := c.value(tree)
	if err != nil {
		return nil, err
	}
	if n.kind == Untyped {
		return traitAs(n, Decimal), nil
	}
	if !n.number() {
		return nil, c.fail(n.at, "a number is expected here and this is %[1]s", "ここには数値が必要ですが、これは%[2]sです", n.kind.String(), n.kind.JA())
	}
	return n, nil
}

// traitAs reads a trait as a kind.
func traitAs(n *node, k Kind) *node {
	m := *n
	m.kind, m.maybe = k, k == Decimal
	return &m
}

func traitIs(n *node, b bool) *node {
	m := *n
	m.op, m.kind, m.s = opTraitIs, Bool, "false"
	if b {
		m.s = "true"
	}
	return &m
}

func (c *typing) arithmetic(t *ast.BinaryNode) (*node, error) {
	x, err := c.numeric(t.Left)
	if err != nil {
		if l, _ := c.value(t.Left); l != nil && l.kind == Instant {
			return nil, c.fail(t.Location(), "times are not added or subtracted: compare with ago(\"90d\") or date(\"2026-11-01\")", "日時の足し算・引き算はできません。ago(\"90d\") や date(\"2026-11-01\") と比較してください")
		}
		return nil, err
	}
	y, err := c.numeric(t.Right)
	if err != nil {
		return nil, err
	}
	at := t.Location()
	if x.literal() && y.literal() {
		return c.fold(t.Operator, x.exact, y.exact, at)
	}
	n := &node{maybe: true, at: at, op: map[string]op{"+": opAdd, "-": opSub, "*": opMul, "/": opDiv}[t.Operator]}
	switch n.op {
	case opAdd, opSub:
		if x, y, err = c.alike(x, y); err != nil {
			return nil, err
		}
		n.kind = x.kind
	case opMul:
		switch {
		case x.kind == Money && y.kind == Money && !x.literal() && !y.literal():
			return nil, c.fail(at, "an amount cannot be multiplied by an amount", "金額どうしの掛け算はできません")
		case x.kind == Decimal || y.kind == Decimal:
			n.kind, x, y = Decimal, decimal(x), decimal(y)
		default: // an amount times a whole number, or whole numbers
			n.kind, x, y = max(x.kind, y.kind), whole(x), whole(y)
		}
	case opDiv:
		n.kind, x, y = Decimal, decimal(x), decimal(y)
		if y.op == opConst && y.f == 0 {
			return nil, c.fail(at, "this divides by zero", "0 で割っています")
		}
	}
	n.args = []*node{x, y}
	return n.derive(), nil
}

// fold computes with literals.
func (c *typing) fold(operator string, x, y *big.Rat, at file.Location) (*node, error) {
	r := new(big.Rat)
	switch operator {
	case "+":
		r.Add(x, y)
	case "-":
		r.Sub(x, y)
	case "*":
		r.Mul(x, y)
	case "/":
		if y.Sign() == 0 {
			return nil, c.fail(at, "this divides by zero", "0 で割っています")
		}
		a, _ := x.Float64()
		b, _ := y.Float64()
		return &node{op: opConst, kind: Decimal, f: a / b, at: at}, nil
	}
	return c.literal(r, at)
}

// whole gives a literal its value as a whole number; other nodes stay.
func whole(n *node) *node {
	if !n.literal() {
		return n
	}
	return &node{op: opConst, kind: Whole, i: n.exact.Num().Int64(), at: n.at}
}

// decimal turns any number into a double.
func decimal(n *node) *node {
	switch {
	case n.literal():
		f, _ := n.exact.Float64()
		return &node{op: opConst, kind: Decimal, f: f, at: n.at}
	case n.kind == Decimal:
		return n
	}
	return (&node{op: opFloat, kind: Decimal, args: []*node{n}, maybe: n.maybe, at: n.at}).derive()
}

// amount turns a literal or a whole number into an amount.
func (c *typing) amount(n *node) (*node, error) {
	switch {
	case n.literal():
		r := new(big.Rat).Mul(n.exact, big.NewRat(int64(enishi.Unit), 1))
		if !r.IsInt() {
			return nil, c.fail(n.at, "an amount has at most 4 decimals", "金額の小数は 4 桁までです")
		}
		if !r.Num().IsInt64() {
			return nil, c.fail(n.at, "an amount has at most 14 digits before the point", "金額の整数部は 14 桁までです")
		}
		return &node{op: opConst, kind: Money, i: r.Num().Int64(), at: n.at}, nil
	case n.kind == Money:
		return n, nil
	}
	return (&node{op: opYen, kind: Money, args: []*node{n}, maybe: true, at: n.at}).derive(), nil
}

// alike brings two numbers, of which at most one is a literal, to one kind: doubles if one is a double, amounts if one is an
// amount, else whole numbers; a whole number next to a literal with decimals counts as a double.
func (c *typing) alike(x, y *node) (_, _ *node, err error) {
	double := func(n *node) bool { return n.kind == Decimal && !n.literal() }
	switch {
	case double(x) || double(y):
		return decimal(x), decimal(y), nil
	case x.kind == Money || y.kind == Money:
		if x, err = c.amount(x); err == nil {
			y, err = c.amount(y)
		}
		return x, y, err
	case x.kind == Decimal || y.kind == Decimal:
		return decimal(x), decimal(y), nil
	}
	return whole(x), whole(y), nil
}
