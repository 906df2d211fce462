package segments

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"enishi"
	"enishi/profiles"
)

// The oracle is expr's own VM over a map: it walks the lists, joins the conditions and calls the functions. What the rules
// of this package say otherwise than expr (missing values, exact amounts) are functions over dynamic values, written without
// the typed tree.

// oracle compiles an expression for the VM.
func oracle(src string) (*vm.Program, error) {
	node, _, err := parse(src, grammar())
	if err != nil {
		return nil, err
	}
	o := &rewriter{runes: []rune(src)}
	tree := &parser.Tree{Node: o.truth(node), Source: file.NewSource(src)}
	config := conf.CreateNew()
	config.Optimize = false
	for _, b := range []string{"now", "date", "min", "max", "first", "last"} {
		delete(config.Builtins, b)
	}
	if _, err := checker.Check(tree, config); err != nil {
		return nil, err
	}
	return compiler.Compile(tree, config)
}

// rewriter makes the oracle's tree; above are the subjects of coverage that what it rewrites stands in.
type rewriter struct {
	runes []rune
	above []int
}

// at is a call that is told where in the expression it stands.
func (o *rewriter) at(name string, of ast.Node, sides []ast.Node, args ...ast.Node) ast.Node {
	return callNode(name, append([]ast.Node{&ast.ConstantNode{Value: siteOf(o.above, of, sides)}}, args...)...)
}

func callNode(name string, args ...ast.Node) ast.Node {
	return &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: args}
}

// truth rewrites a condition: a bare trait becomes a boolean.
func (o *rewriter) truth(n ast.Node) ast.Node { return o.at("truth", n, nil, o.rewrite(n)) }

func (o *rewriter) rewrite(n ast.Node) ast.Node {
	outside := o.above
	defer func() { o.above = outside }()
	o.above = append(slices.Clip(outside), subjectsOf(n)...)
	switch t := n.(type) {
	case *ast.IntegerNode:
		return &ast.ConstantNode{Value: num{kind: 'l', r: new(big.Rat).SetInt64(int64(t.Value))}}
	case *ast.FloatNode:
		r, _ := new(big.Rat).SetString(strings.ReplaceAll(string(o.runes[t.Location().From:t.Location().To]), "_", ""))
		return &ast.ConstantNode{Value: num{kind: 'l', r: r}}
	case *ast.UnaryNode:
		switch t.Operator {
		case "-":
			return callNode("arith", &ast.StringNode{Value: "neg"}, o.rewrite(t.Node), &ast.NilNode{})
		case "+":
			return o.rewrite(t.Node)
		}
		return &ast.UnaryNode{Operator: "!", Node: &ast.BinaryNode{Operator: "==", Left: o.truth(t.Node), Right: &ast.BoolNode{Value: true}}}
	case *ast.BinaryNode:
		op := &ast.StringNode{Value: t.Operator}
		switch t.Operator {
		case "&&", "and", "||", "or":
			return &ast.BinaryNode{Operator: t.Operator, Left: o.truth(t.Left), Right: o.truth(t.Right)}
		case "+", "-", "*", "/":
			return callNode("arith", op, o.rewrite(t.Left), o.rewrite(t.Right))
		}
		left, right := o.rewrite(t.Left), o.rewrite(t.Right)
		if isFold(t.Left) {
			right = foldFixed(right)
		}
		if isFold(t.Right) {
			left = foldFixed(left)
		}
		return o.at("cmp", n, []ast.Node{t.Left, t.Right}, op, left, right)
	case *ast.ArrayNode:
		out := &ast.ArrayNode{}
		for _, x := range t.Nodes {
			out.Nodes = append(out.Nodes, o.rewrite(x))
		}
		return out
	case *ast.CallNode:
		name := t.Callee.(*ast.IdentifierNode).Value
		out := &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}}
		for _, x := range t.Arguments {
			out.Arguments = append(out.Arguments, o.rewrite(x))
		}
		if name == "present" || name == "missing" {
			return o.at(name, n, nil, out.Arguments...)
		}
		if name == "first" || name == "last" {
			return o.chosen(out, t.Arguments[0].(*ast.BuiltinNode))
		}
		return out
	case *ast.BuiltinNode:
		out := &ast.BuiltinNode{Name: t.Name, Arguments: []ast.Node{o.list(t.Arguments[0])}}
		if len(t.Arguments) > 1 {
			body := t.Arguments[1].(*ast.PredicateNode).Node
			if t.Name == "map" || t.Name == "sum" {
				out.Name = "map"
				out.Arguments = append(out.Arguments, &ast.PredicateNode{Node: o.rewrite(body)})
			} else {
				out.Arguments = append(out.Arguments, &ast.PredicateNode{Node: o.truth(body)})
			}
		}
		switch t.Name {
		case "count":
			if len(out.Arguments) == 1 {
				out.Arguments = append(out.Arguments, &ast.PredicateNode{Node: &ast.BoolNode{Value: true}})
			}
			return callNode("whole", out)
		case "sum":
			return callNode("sum_", out)
		}
		return out
	}
	return n
}

// chosen leaves out the elements without an instant and adds what stands for no element.
func (o *rewriter) chosen(call *ast.CallNode, of *ast.BuiltinNode) ast.Node {
	source := of.Arguments[0]
	for {
		b, ok := source.(*ast.BuiltinNode)
		if !ok {
			break
		}
		source = b.Arguments[0]
	}
	l := language().list[source.(*ast.IdentifierNode).Value]
	field := l.field(of.Arguments[1].(*ast.PredicateNode).Node.(*ast.MemberNode).Property.(*ast.StringNode).Value)
	none := map[Kind]any{Text: "", Instant: time.Time{}, Bool: false, Whole: num{}, Money: num{}}[field.Kind]
	list := call.Arguments[0].(*ast.BuiltinNode)
	at := &ast.MemberNode{Node: &ast.PointerNode{}, Property: &ast.StringNode{Value: l.sorted}}
	list.Arguments[0] = &ast.BuiltinNode{Name: "filter", Arguments: []ast.Node{list.Arguments[0], &ast.PredicateNode{Node: callNode("present_", at)}}}
	call.Arguments = append(call.Arguments, &ast.ConstantNode{Value: none})
	return call
}

// list renames the lists: store_visits is a number, too.
func (o *rewriter) list(n ast.Node) ast.Node {
	if id, ok := n.(*ast.IdentifierNode); ok {
		return &ast.IdentifierNode{Value: "list_" + id.Value}
	}
	return o.rewrite(n)
}

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

// rankIn asks the conditions that a rank stands for, one for each point.
func rankIn(env map[string]any, name string) num {
	c := rankings[name]
	holds := func(condition string) bool { return holdsIn(env, condition) }
	measure := c.Measure
	if measure == "traits.score" {
		measure = "(traits.score + 0)" // as a number
	}
	if c.ComputedAt.IsZero() || c.Among != "" && !holds(c.Among) || !holds("present("+measure+")") {
		return num{}
	}
	rank := int64(1)
	for _, p := range c.Points {
		if strings.Contains(p, "T") {
			p = "date(" + strconv.Quote(p) + ")"
		}
		if holds(measure + " >= " + p) {
			rank++
		}
	}
	return wholeNum(rank)
}

// holdsIn asks a condition that another names.
func holdsIn(env map[string]any, condition string) bool {
	program, ok := namedPrograms.Load(condition)
	if !ok {
		p, err := oracle(condition)
		if err != nil {
			panic(err)
		}
		program, _ = namedPrograms.LoadOrStore(condition, p)
	}
	in, err := vm.Run(program.(*vm.Program), env)
	if err != nil {
		panic(err)
	}
	return in.(bool)
}

var namedPrograms sync.Map // by condition

// environment shows a person to the VM.
func environment(v *profiles.View, now time.Time) map[string]any { return environmentIn(v, now, tokyo) }

func environmentIn(v *profiles.View, now time.Time, zone *time.Location) map[string]any {
	at := func(t time.Time) time.Time { return t }
	money := func(a enishi.Amount) num { return num{kind: 'm', i: int64(a)} }
	env := map[string]any{"ltv": money(v.LTV), "currency": v.Currency, "orders_count": wholeNum(v.OrdersCount), "manual_orders_count": wholeNum(v.ManualOrdersCount),
		"first_order_at": at(v.FirstOrderAt), "last_order_at": at(v.LastOrderAt), "last_manual_order_at": at(v.LastManualOrderAt), "first_seen_at": at(v.FirstSeenAt),
		"last_seen_at": at(v.LastSeenAt), "last_visit_at": at(v.LastVisitAt), "signed_up_at": at(v.SignedUpAt), "page_views": wholeNum(v.PageViews),
		"product_views": wholeNum(v.ProductViews), "store_visits": wholeNum(v.StoreVisits), "points": wholeNum(v.Points), "hold_until": at(v.HoldUntil),
		"held": !v.HoldUntil.IsZero() && v.HoldUntil.After(now), "aov": arith("/", money(v.LTV), wholeNum(v.OrdersCount)), "traits": v.Traits}
	env["region"] = regionsByPrefecture()[form(v.Traits["prefecture"])]
	calendarEnvironment(env, form(v.Traits["birthday"]), now.In(zone))
	for _, name := range []string{"prefecture", "gender", "language", "member_rank"} {
		env[name] = form(v.Traits[name])
	}
	env["main_store"] = v.MainStore
	for _, name := range nameTraits {
		env[name] = strings.TrimSpace(form(v.Traits[name]))
	}
	var risks []any
	for _, r := range v.Risks {
		risks = append(risks, r)
	}
	env["risks"] = risks
	var on []any
	for _, name := range v.Lists {
		on = append(on, name)
	}
	env["lists"] = on
	env["in_list"] = func(name string) bool { return slices.Contains(v.Lists, name) }
	person(env, v)
	lists(env, v, now)
	env["fold"] = func(x any) string {
		if v, ok := x.(enishi.Value); ok {
			x = form(v)
		}
		return naiveFold(x.(string))
	}
	env["distance"] = func(id string) num {
		at, _ := storeAt(id)
		if km, ok := kilometres(v.Place(), at); ok { // a test of its own holds it to the haversine formula
			return doubleNum(km)
		}
		return num{}
	}
	w := newWatch(env, v, now)
	env["watch"] = w
	env["truth"] = func(s *site, x any) bool {
		w.truth(s)
		if v, ok := x.(enishi.Value); ok {
			return form(v) == "true"
		}
		return x.(bool)
	}
	env["cmp"] = func(s *site, op string, x, y any) bool {
		w.compare(s, x, y)
		return judge(op, x, y)
	}
	env["arith"] = func(op string, x, y any) num {
		z := arith(op, x, y)
		w.compute(op, x, y, z)
		return z
	}
	env["present_"] = present
	env["present"] = func(s *site, x any) bool { return w.present(s, x) }
	env["missing"] = func(s *site, x any) bool { return !w.present(s, x) }
	env["whole"] = func(n int) num { return wholeNum(int64(n)) }
	env["sum_"] = func(xs []any) any { return aggregate("sum", xs) }
	env["first"] = func(xs []any, none any) any {
		if len(xs) == 0 {
			return none
		}
		return xs[0]
	}
	env["last"] = func(xs []any, none any) any {
		if len(xs) == 0 {
			return none
		}
		return xs[len(xs)-1]
	}
	env["distinct"] = func(xs []any) num {
		different := map[string]bool{}
		for _, x := range xs {
			if present(x) {
				different[fmt.Sprint(x)] = true
			}
		}
		return wholeNum(int64(len(different)))
	}
	for _, name := range []string{"min", "max", "avg"} {
		env[name] = func(xs []any) any { return aggregate(name, xs) }
	}
	env["in_segment"] = func(name string) bool {
		text, _ := library.Segment(name)
		defer w.enter("in_segment")()
		return holdsIn(env, text)
	}
	env["rank"] = func(name string) num {
		defer w.pause()()
		return rankIn(env, name)
	}
	env["top"] = func(name string) bool {
		defer w.enter("top")()
		r := rankIn(env, name)
		return r.kind != 0 && r.i == 2
	}
	w.birthdays(env)
	w.named(env, "in_list", len(v.Lists))
	env["now"] = func() time.Time { return now }
	env["ago"] = func(s string) time.Time { return now.Add(-span(s)) }
	env["date"] = func(s string) time.Time {
		t, err := time.ParseInLocation(time.DateOnly, s, zone)
		if err != nil {
			t, err = time.Parse(time.RFC3339, s)
		}
		if err != nil {
			panic(fmt.Sprint(s, err))
		}
		return t
	}
	for name, ranking := range map[string]string{"rfm_r": rfmRecency, "rfm_f": rfmFrequency, "rfm_m": rfmMonetary} {
		resume := w.pause()
		env[name] = rankIn(env, ranking)
		resume()
	}
	w.learn(env)
	return env
}
