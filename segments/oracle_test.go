package segments

import (
	"fmt"
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
	bought := &v.Features
	env["favourite_category"], env["favourite_brand"], env["favourite_size"], env["favourite_channel"] = bought.Category, bought.Brand, bought.Size, bought.Channel
	env["order_rhythm"], env["next_order_at"], env["last_late_at"] = wholeNum(bought.Rhythm), bought.NextOrderAt, bought.LastLateAt
	env["returned_orders"], env["delivered_parcels"], env["late_parcels"] = wholeNum(bought.Returned), wholeNum(bought.Delivered), wholeNum(bought.Late)
	env["return_rate"], env["late_rate"] = arith("/", wholeNum(bought.Returned), wholeNum(v.OrdersCount)), arith("/", wholeNum(bought.Late), wholeNum(bought.Delivered))
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
	social := env["social.reach_until"].(time.Time).After(now)
	env["reachable"].(map[string]any)["social"], env["reachable.social"] = social, social
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
