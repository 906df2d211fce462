package segments

import (
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
)

func (c *typing) compare(t *ast.BinaryNode) (*node, error) {
	x, err := c.value(t.Left)
	if err != nil {
		return nil, err
	}
	y, err := c.value(t.Right)
	if err != nil {
		return nil, err
	}
	return c.comparison(relations[t.Operator], x, y, t.Location())
}

// comparison types x rel y. The constant side, if there is one, ends up on the right.
func (c *typing) comparison(rel relation, x, y *node, at file.Location) (*node, error) {
	if x.op == opConst && y.op != opConst {
		x, y, rel = y, x, rel.mirrored()
	}
	x, y, err := c.traits(x, y, at)
	if err != nil {
		return nil, err
	}
	switch {
	case x.kind == Bool && y.kind == Bool:
		return c.boolean(rel, x, y, at)
	case x.number() && y.number():
		return c.numbers(rel, x, y, at)
	case x.kind != y.kind:
		return nil, c.mismatch(x, y, at)
	case x.kind == Text && x.op == opConst, x.kind == Instant && x.op == opConst:
		return nil, c.fail(at, "two fixed values are compared: the answer never changes", "固定の値どうしを比較しています")
	case x.op == opFold && y.op == opConst:
		y = &node{op: opConst, kind: Text, s: foldText(y.s), at: y.at}
	case x.kind == Instant:
		return c.instants(rel, x, y, at)
	}
	return (&node{op: opCompare, kind: Bool, rel: rel, args: []*node{x, y}, at: at}).derive(), nil
}

// traits gives a trait the kind of what it is compared with.
func (c *typing) traits(x, y *node, at file.Location) (_, _ *node, err error) {
	as := func(trait, other *node) (*node, error) {
		switch {
		case other.kind == Untyped:
			return nil, c.fail(at, "two traits are compared and it is not known as what: compare each with a value", "属性どうしは比較できません。それぞれを値と比較してください")
		case other.kind == Text:
			return traitAs(trait, Text), nil
		case other.number():
			return traitAs(trait, Decimal), nil
		case other.kind == Bool && other.op == opConst:
			return trait, nil
		}
		return nil, c.fail(at, "a trait is compared with text, a number, true or false, not with %[1]s", "属性は文字列、数値、true、false と比較できます（%[2]sとは比較できません）", other.kind.String(), other.kind.JA())
	}
	if x.kind == Untyped {
		if x, err = as(x, y); err != nil {
			return nil, nil, err
		}
		if x.kind == Untyped {
			x = traitIs(x, y.b)
			y = constBool(true, y.at)
		}
	}
	if y.kind == Untyped {
		if y, err = as(y, x); err != nil {
			return nil, nil, err
		}
	}
	return x, y, nil
}

func (c *typing) boolean(rel relation, x, y *node, at file.Location) (*node, error) {
	if rel != eq && rel != ne || y.op != opConst || x.op == opConst {
		return nil, c.fail(at, "a condition is compared with true or false only, by == or !=: combine conditions with && and ||", "条件は == または != で true、false とだけ比較できます。条件の組み合わせには && と || を使ってください")
	}
	if x.op == opTraitIs && rel == ne { // missing stays false
		m := *x
		m.s = map[string]string{"true": "false", "false": "true"}[x.s]
		return &m, nil
	}
	if (rel == eq) == y.b {
		return x, nil
	}
	return not(x), nil
}

func (c *typing) mismatch(x, y *node, at file.Location) error {
	if x.kind == Text && y.kind == Instant {
		x, y = y, x
	}
	switch {
	case x.kind == Instant && y.kind == Text:
		return c.fail(y.at, "a time is compared with a time: write date(\"2026-11-01\") or ago(\"90d\")", "日時は日時と比較します。date(\"2026-11-01\") や ago(\"90d\") を使ってください")
	case x.number() && y.kind == Text, x.kind == Text && y.number():
		return c.fail(at, "%[1]s is compared with %[2]s: write numbers without quotation marks and texts with them", "%[3]sと%[4]sを比較しています。数値は引用符なし、文字列は引用符付きで書いてください", x.kind.String(), y.kind.String(), x.kind.JA(), y.kind.JA())
	}
	return c.fail(at, "%[1]s cannot be compared with %[2]s", "%[3]sと%[4]sは比較できません", x.kind.String(), y.kind.String(), x.kind.JA(), y.kind.JA())
}

func (c *typing) numbers(rel relation, x, y *node, at file.Location) (*node, error) {
	if x.op == opConst && y.op == opConst {
		return nil, c.fail(at, "two fixed values are compared: the answer never changes", "固定の値どうしを比較しています")
	}
	x, y, err := c.alike(x, y)
	if err != nil {
		return nil, err
	}
	if x.op == opCount && y.op == opConst && y.kind == Whole {
		return c.counted(rel, x, y.i, at)
	}
	return (&node{op: opCompare, kind: Bool, rel: rel, args: []*node{x, y}, at: at}).derive(), nil
}

// counting marks the parts that a comparison of a count was taken apart into.
const counting = "count"

// counted turns a comparison of a count with a number into "at least": it stops counting early and knows its next change.
func (c *typing) counted(rel relation, x *node, k int64, at file.Location) (*node, error) {
	atLeast := func(k int64) *node {
		if k <= 0 {
			return constBool(true, at)
		}
		n := *x
		n.op, n.kind, n.i, n.at = opAtLeast, Bool, k, at
		return &n
	}
	if k > int64(x.list.Max) {
		return nil, c.fail(at, "at most %[2]d %[1]s are kept: the count never exceeds that", "%[1]s は最大 %[2]d 件まで保持されるため、それを超える件数は数えられません", x.list.Name, x.list.Max)
	}
	var n *node
	switch rel {
	case ge:
		n = atLeast(k)
	case gt:
		n = atLeast(k + 1)
	case lt:
		n = not(atLeast(k))
	case le:
		n = not(atLeast(k + 1))
	case eq:
		if n = not(atLeast(k + 1)); k > 0 {
			n = join(opAnd, at, atLeast(k), n)
		}
		n.name = counting
	case ne:
		if n = atLeast(k + 1); k > 0 {
			n = join(opOr, at, not(atLeast(k)), n)
		}
		n.name = counting
	}
	return n, nil
}

func (c *typing) instants(rel relation, x, y *node, at file.Location) (*node, error) {
	if x.clock() {
		x, y, rel = y, x, rel.mirrored()
	}
	if x.clock() || x.op == opConst && y.op == opConst {
		return nil, c.fail(at, "two fixed times are compared: the answer never changes", "固定の日時どうしを比較しています")
	}
	if y.clock() {
		of := x
		if (x.op == opMin || x.op == opMax) && x.args[0].op == opField {
			of = x.args[0]
		}
		back := y.i
		if y.op == opCalendar {
			back = int64(y.calendar().back()) * dayMS
		}
		if l := of.list; l != nil && l.Window > 0 && of.field != nil && of.field.Name == l.sorted && back > l.Window.Milliseconds() {
			return nil, c.fail(y.at, "%[1]s are kept for %[2]d days: write ago(\"%[2]dd\") at most, or use a lifetime value such as last_visit_at or product_views", "%[1]s は %[2]d 日分だけ保持されます。ago(\"%[2]dd\") 以内にするか、last_visit_at や product_views などの累計項目を使ってください", l.Name, int(l.Window.Hours()/24))
		}
	}
	return (&node{op: opCompare, kind: Bool, rel: rel, args: []*node{x, y}, at: at}).derive(), nil
}
