package segments

import (
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
)

func (c *typing) call(t *ast.CallNode) (*node, error) {
	callee, ok := t.Callee.(*ast.IdentifierNode)
	if !ok {
		return nil, c.fail(t.Location(), "values have no methods", "値にメソッドはありません")
	}
	at := t.Location()
	switch callee.Value {
	case "now":
		if len(t.Arguments) != 0 {
			return nil, c.fail(at, "now() takes nothing", "now() に引数はありません")
		}
		return &node{op: opAgo, kind: Instant, timed: true, at: at}, nil
	case "ago":
		return c.ago(t)
	case "date":
		return c.date(t)
	case "birthday_within":
		return c.birthdayWithin(t)
	case "present", "missing":
		return c.presence(callee.Value, t)
	case "min", "max", "avg", "first", "last", "distinct":
		if len(t.Arguments) == 1 {
			if m, ok := t.Arguments[0].(*ast.BuiltinNode); ok && m.Name == "map" && len(m.Arguments) == 2 {
				return c.aggregate(callee.Value, m.Arguments, t)
			}
		}
		return nil, c.fail(at, "%[1]s takes a list and a field, as in %[1]s(orders, .total)", "%[1]s にはリストと項目を渡します。例: %[1]s(orders, .total)", callee.Value)
	case "distance":
		return c.distance(t)
	case "fold":
		return c.folding(t)
	case "in_segment":
		return c.inSegment(t)
	case "in_list":
		return c.inList(t)
	case "rank", "top":
		return c.rank(t, callee.Value)
	case "len":
		return nil, c.fail(at, "len is not known: write count(...)", "len は使えません。count(...) と書いてください")
	}
	if _, ok := calendarOf(callee.Value); ok {
		if len(t.Arguments) != 0 {
			return nil, c.fail(at, "%s() takes nothing", "%s() に引数はありません", callee.Value)
		}
		return &node{op: opCalendar, kind: Instant, name: callee.Value, zone: c.zone(), timed: true, at: at}, nil
	}
	known := []string{"count", "any", "all", "none", "sum", "filter"}
	for name := range signatures {
		known = append(known, name)
	}
	en, ja := suggest(callee.Value, known)
	return nil, c.fail(at, "there is no function %[1]s%[2]s", "「%[1]s」という関数はありません%[3]s", callee.Value, en, ja)
}

// text1 is the single text that a function takes as it is.
func (c *typing) text1(t *ast.CallNode, example string) (string, error) {
	if len(t.Arguments) == 1 {
		if s, ok := t.Arguments[0].(*ast.StringNode); ok {
			return s.Value, nil
		}
	}
	return "", c.fail(t.Location(), "a text is expected, as in %s", "文字列を渡してください。例: %s", example)
}

// maxAgo bounds ago: a hundred years.
const maxAgo = 36_500 * 24 * time.Hour

func (c *typing) ago(t *ast.CallNode) (*node, error) {
	text, err := c.text1(t, `ago("90d")`)
	if err != nil {
		return nil, err
	}
	at := t.Arguments[0].Location()
	units := map[byte]time.Duration{'d': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute}
	if text != "" {
		unit, known := units[text[len(text)-1]]
		n, err := strconv.ParseUint(text[:len(text)-1], 10, 32)
		if known && err == nil && n > 0 {
			if n > uint64(maxAgo/unit) {
				return nil, c.fail(at, "%q is more than a hundred years ago", "「%s」は 100 年以上前です", text)
			}
			return &node{op: opAgo, kind: Instant, i: int64(n) * unit.Milliseconds(), timed: true, at: t.Location()}, nil
		}
	}
	return nil, c.fail(at, "%q is no span of time: write days, hours or minutes as \"90d\", \"12h\" or \"30m\"", "「%s」は期間ではありません。\"90d\"（日）、\"12h\"（時間）、\"30m\"（分）のように書いてください", text)
}

func (c *typing) birthdayWithin(t *ast.CallNode) (*node, error) {
	text, err := c.text1(t, `birthday_within("7d")`)
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(text, "d"), 10, 16)
	if err != nil || n > maxWithin || !strings.HasSuffix(text, "d") {
		return nil, c.fail(t.Arguments[0].Location(), "%q is not a number of days up to %[2]d: write \"7d\" for the week before, \"0d\" for the day itself",
			"「%s」は %[2]d 日以内の日数ではありません。1 週間前からなら \"7d\"、当日だけなら \"0d\" と書いてください", text, maxWithin)
	}
	return &node{op: opBirthday, kind: Bool, i: int64(n), inputs: traitInputs, zone: c.zone(), timed: true, at: t.Location()}, nil
}

func (c *typing) date(t *ast.CallNode) (*node, error) {
	text, err := c.text1(t, `date("2026-11-01")`)
	if err != nil {
		return nil, err
	}
	at, err := time.Parse(time.RFC3339, text)
	if day, noDay := time.Parse(time.DateOnly, text); noDay == nil {
		at, err = time.UnixMilli(midnight(day.Year(), day.Month(), day.Day(), c.zone())).UTC(), nil
	}
	if err != nil {
		return nil, c.fail(t.Arguments[0].Location(), "%q is no date: write \"2026-11-01\", or with a time \"2026-11-01T09:00:00+09:00\"", "「%s」は日付ではありません。\"2026-11-01\"、時刻も書くときは \"2026-11-01T09:00:00+09:00\" としてください", text)
	}
	if at.Year() < 1971 || at.Year() > 2199 {
		return nil, c.fail(t.Arguments[0].Location(), "the year of %q is not between 1971 and 2199", "「%s」の年は 1971～2199 の範囲にしてください", text)
	}
	return &node{op: opConst, kind: Instant, i: at.UnixMilli(), at: t.Location()}, nil
}

func (c *typing) presence(name string, t *ast.CallNode) (*node, error) {
	if len(t.Arguments) != 1 {
		return nil, c.fail(t.Location(), "%[1]s takes one value, as in %[1]s(last_order_at)", "%[1]s には値を 1 つ渡します。例: %[1]s(last_order_at)", name)
	}
	x, err := c.value(t.Arguments[0])
	if err != nil {
		return nil, err
	}
	if x.kind == Untyped {
		x = traitAs(x, Text)
	}
	if x.op == opConst || x.clock() || x.kind == Bool || (x.number() && !x.maybe) {
		return nil, c.fail(t.Arguments[0].Location(), "this is never missing", "この値が欠けていることはありません")
	}
	n := (&node{op: opPresent, kind: Bool, args: []*node{x}, at: t.Location()}).derive()
	if name == "missing" {
		return not(n), nil
	}
	return n, nil
}

func (c *typing) builtin(t *ast.BuiltinNode) (*node, error) {
	switch t.Name {
	case "count", "any", "all", "none", "sum":
		return c.aggregate(t.Name, t.Arguments, t)
	case "filter":
		return nil, c.fail(t.Location(), "filter gives a list: count it, as in count(filter(orders, .valid))", "filter の結果はリストです。count(filter(orders, .valid)) のように書いてください")
	}
	return nil, c.fail(t.Location(), "%s is not used in segments: write count, any, all, none, sum, avg, min or max", "%s はセグメントでは使えません。count、any、all、none、sum、avg、min、max を使ってください", t.Name)
}

// source reads a list, perhaps filtered.
func (c *typing) source(t ast.Node) (*Collection, *node, error) {
	switch t := t.(type) {
	case *ast.IdentifierNode:
		l := language().list[t.Value]
		if l == nil {
			if f := language().scalar[t.Value]; f != nil {
				return nil, nil, c.fail(t.Location(), "%s is a single value, not a list", "%s は単一の値で、リストではありません", t.Value)
			}
			var lists []string
			for _, l := range language().lists {
				lists = append(lists, l.Name)
			}
			en, ja := suggest(t.Value, lists)
			return nil, nil, c.fail(t.Location(), "there is no list %[1]s%[2]s (known: %[4]s)", "「%[1]s」というリストはありません%[3]s（使えるもの: %[4]s）", t.Value, en, ja, strings.Join(lists, ", "))
		}
		where, err := c.kept(l, t)
		return l, where, err
	case *ast.BuiltinNode:
		if t.Name == "filter" && len(t.Arguments) == 2 {
			l, where, err := c.source(t.Arguments[0])
			if err != nil {
				return nil, nil, err
			}
			p, err := c.within(l).predicate(t.Arguments[1])
			if err != nil {
				return nil, nil, err
			}
			return l, both(where, p), nil
		}
	}
	return nil, nil, c.fail(t.Location(), "a list is expected here, such as orders or filter(orders, .valid)", "ここにはリストが必要です。例: orders、filter(orders, .valid)")
}

// kept is what all elements of a list fulfil: its own condition and its window; nil when nothing.
func (c *typing) kept(l *Collection, t ast.Node) (*node, error) {
	var where *node
	if l.only != "" {
		tree, _, err := parse("count("+l.Name+", "+l.only+")", grammar())
		if err != nil {
			return nil, err
		}
		inner := &typing{src: l.only, runes: []rune(l.only), in: l, including: c.including}
		if where, err = inner.predicate(tree.(*ast.BuiltinNode).Arguments[1]); err != nil {
			return nil, err
		}
	}
	if l.Window > 0 {
		at := &node{op: opField, kind: Instant, field: l.field(l.sorted), list: l, element: true, inputs: l.Inputs}
		since := &node{op: opAgo, kind: Instant, i: l.Window.Milliseconds(), timed: true}
		where = both((&node{op: opCompare, kind: Bool, rel: gt, args: []*node{at, since}, at: t.Location()}).derive(), where)
	}
	return where, nil
}

func both(a, b *node) *node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return join(opAnd, b.at, a, b)
}

// within reads the condition of a list.
func (c *typing) within(l *Collection) *typing {
	inner := *c
	inner.in = l
	return &inner
}

func (c *typing) predicate(t ast.Node) (*node, error) {
	if p, ok := t.(*ast.PredicateNode); ok {
		t = p.Node
	}
	return c.condition(t)
}

// aggregate reads a call over a list.
func (c *typing) aggregate(name string, args []ast.Node, t ast.Node) (*node, error) {
	if c.in != nil {
		return nil, c.fail(t.Location(), "%s cannot stand inside the condition of another list", "%s は別のリストの条件の中には書けません", name)
	}
	l, where, err := c.source(args[0])
	if err != nil {
		return nil, err
	}
	at := t.Location()
	switch name {
	case "count", "any", "all", "none":
		p := constBool(true, at)
		if len(args) > 1 {
			if p, err = c.within(l).predicate(args[1]); err != nil {
				return nil, err
			}
		}
		if name == "all" {
			p = not(p)
		}
		if p.op != opConst || !p.b {
			where = both(where, p)
		}
		if name == "count" {
			return (&node{op: opCount, kind: Whole, list: l, where: where, at: at}).derive(), nil
		}
		n := (&node{op: opAtLeast, kind: Bool, list: l, where: where, i: 1, at: at}).derive()
		if name != "any" {
			return not(n), nil
		}
		return n, nil
	}
	if len(args) < 2 {
		return nil, c.fail(at, "%[1]s takes a list and a field, as in %[1]s(orders, .total)", "%[1]s にはリストと項目を渡します。例: %[1]s(orders, .total)", name)
	}
	if name == "first" || name == "last" || name == "distinct" {
		return c.chosen(name, l, where, args[1], t)
	}
	return c.measure(name, l, where, args[1], t)
}

// chosen reads first, last and distinct.
func (c *typing) chosen(name string, l *Collection, where *node, arg, t ast.Node) (*node, error) {
	if p, ok := arg.(*ast.PredicateNode); ok {
		arg = p.Node
	}
	x, err := c.within(l).value(arg)
	if err != nil {
		return nil, err
	}
	at := t.Location()
	switch {
	case x.op != opField || !x.element:
		return nil, c.fail(x.at, "%[1]s needs a field of %[2]s as it is: %[1]s(%[2]s, .%[3]s), or %[1]s(filter(%[2]s, condition), .%[3]s)", "%[1]s には %[2]s の項目をそのまま渡します。例: %[1]s(%[2]s, .%[3]s)、%[1]s(filter(%[2]s, 条件), .%[3]s)", name, l.Name, l.Fields[0].Name)
	case name != "distinct" && l.sorted == "":
		var sorted []string
		for _, l := range language().lists {
			if l.sorted != "" {
				sorted = append(sorted, l.Name)
			}
		}
		return nil, c.fail(at, "%[1]s have no order in time, so none is %[2]s (those that have: %[3]s)", "%[1]s は時間順のリストではないため、%[2]s は使えません（使えるもの: %[3]s）", l.Name, name, strings.Join(sorted, ", "))
	case name == "distinct" && x.kind == Bool:
		return nil, c.fail(x.at, "distinct counts values, and this is true or false: write any(%[1]s, .%[2]s)", "distinct は値の種類を数えます。真偽値には any(%[1]s, .%[2]s) を使ってください", l.Name, x.field.Name)
	}
	n := &node{op: map[string]op{"first": opFirst, "last": opLast, "distinct": opDistinct}[name], kind: x.kind, list: l, where: where, args: []*node{x}, at: at}
	if name == "distinct" {
		n.kind = Whole
	}
	n.maybe = n.op != opDistinct && n.number()
	return n.derive(), nil
}

// measure reads sum, avg, min and max.
func (c *typing) measure(name string, l *Collection, where *node, arg, t ast.Node) (*node, error) {
	if p, ok := arg.(*ast.PredicateNode); ok {
		arg = p.Node
	}
	x, err := c.within(l).value(arg)
	if err != nil {
		return nil, err
	}
	at := t.Location()
	switch {
	case x.kind == Bool:
		return nil, c.fail(x.at, "%[1]s needs a field to measure, not a condition: write %[1]s(filter(%[2]s, condition), .field)", "%[1]s には条件ではなく項目が必要です。%[1]s(filter(%[2]s, 条件), .項目) と書いてください", name, l.Name)
	case !x.element || x.timed:
		return nil, c.fail(x.at, "%[1]s needs a field of %[2]s, as %[1]s(%[2]s, .%[3]s)", "%[1]s には %[2]s の項目が必要です。例: %[1]s(%[2]s, .%[3]s)", name, l.Name, l.Fields[0].Name)
	case (name == "sum" || name == "avg") && x.kind == Decimal:
		return nil, c.fail(x.at, "%s takes whole numbers and amounts only, because its result would depend on the order: take the division out of it", "%s に渡せるのは整数と金額だけです。割り算は外側で行ってください", name)
	case !x.number() && (x.kind != Instant || name == "sum" || name == "avg"):
		return nil, c.fail(x.at, "%[1]s cannot take %[2]s", "%[1]s に%[3]sは渡せません", name, x.kind.String(), x.kind.JA())
	}
	n := &node{op: map[string]op{"sum": opSum, "avg": opAvg, "min": opMin, "max": opMax}[name], kind: x.kind, list: l, where: where, args: []*node{x}, maybe: true, at: at}
	if name == "avg" {
		n.kind = Decimal
	}
	return n.derive(), nil
}
