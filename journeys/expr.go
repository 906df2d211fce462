package journeys

import (
	"errors"
	"sort"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"enishi"
	"enishi/segments"
)

// maxExpression bounds an expression's text in bytes.
const maxExpression = 4000

// expression is a compiled condition. It is one language: names that begin with "event." or "run." are the journey's own
// and run in expr's VM; everything else is a segment expression about the person. The two meet by &&, || and ! only.
type expression struct {
	op   string // "&&", "||", "!", or "" for a leaf
	a, b *expression

	person *segments.Segment // leaf about the person
	own    *vm.Program       // leaf about the event and the run
	uses   []field           // of own
}

// eval evaluates; what cannot be evaluated (a property of another type than compared with) is false.
func (x *expression) eval(s *scope) bool {
	switch x.op {
	case "&&":
		return x.a.eval(s) && x.b.eval(s)
	case "||":
		return x.a.eval(s) || x.b.eval(s)
	case "!":
		return !x.a.eval(s)
	}
	if x.person != nil {
		return x.person.Match(s.p.View(), s.now)
	}
	env := make(map[string]any, len(x.uses))
	for _, f := range x.uses {
		if s.e == nil && strings.HasPrefix(f.name, "event.") {
			env[f.name] = zeroOr(s.k.Fields[f.name], f)
			continue
		}
		env[f.name] = f.get(s)
	}
	out, err := vm.Run(x.own, env)
	truth, _ := out.(bool)
	return err == nil && truth
}

// zeroOr is a kept value, or the zero value of the field's type when the run began without it.
func zeroOr(v any, f field) any {
	if v != nil {
		return v
	}
	switch f.typ {
	case types.String:
		return ""
	case types.Float64:
		return float64(0)
	case types.Bool:
		return false
	}
	return nil
}

// eventFields adds the event. fields that the expression uses.
func (x *expression) eventFields(to map[string]field) {
	if x == nil {
		return
	}
	x.a.eventFields(to)
	x.b.eventFields(to)
	for _, f := range x.uses {
		if strings.HasPrefix(f.name, "event.") {
			to[f.name] = f
		}
	}
}

// expressionError is what is wrong with an expression, at a character of its text.
type expressionError struct {
	at     int // character, from 0
	en, ja string
}

// compileExpression checks and compiles. fs are the names that may be used beside those of segments.
func compileExpression(text string, fs fields) (*expression, *expressionError) {
	if len(text) > maxExpression {
		return nil, &expressionError{0, "the expression is longer than 4,000 bytes: split it", "条件式が 4,000 バイトを超えています。分けてください"}
	}
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, parseError(err)
	}
	return build(tree.Node, text, text, fs)
}

func parseError(err error) *expressionError {
	var at *file.Error
	if errors.As(err, &at) {
		return &expressionError{at.From, "the expression cannot be read: " + at.Message, "条件式を読み取れません: " + at.Message}
	}
	return &expressionError{0, "the expression cannot be read: " + err.Error(), "条件式を読み取れません: " + err.Error()}
}

// build compiles a subtree. text is its source when it is known as written, so that errors have a place; whole is the
// expression's text.
func build(node ast.Node, text, whole string, fs fields) (*expression, *expressionError) {
	own, person := sides(node)
	if own && person {
		return split(node, whole, fs)
	}
	if text == "" {
		text = node.String()
	}
	if person {
		seg, err := segments.CompileExpr(text)
		if err != nil {
			return nil, segmentError(err, text == whole, node)
		}
		return &expression{person: seg}, nil
	}
	if unknown := unknownName(node, fs); unknown != nil {
		return nil, unknown
	}
	return compileOwn(node, text, fs)
}

// split compiles both sides of a logical operator by themselves.
func split(node ast.Node, whole string, fs fields) (*expression, *expressionError) {
	switch n := node.(type) {
	case *ast.UnaryNode:
		if n.Operator == "!" || n.Operator == "not" {
			a, err := build(n.Node, "", whole, fs)
			return &expression{op: "!", a: a}, err
		}
	case *ast.BinaryNode:
		op := map[string]string{"&&": "&&", "and": "&&", "||": "||", "or": "||"}[n.Operator]
		if op == "" {
			break
		}
		a, err := build(n.Left, "", whole, fs)
		if err != nil {
			return nil, err
		}
		b, err := build(n.Right, "", whole, fs)
		return &expression{op: op, a: a, b: b}, err
	}
	return nil, &expressionError{node.Location().From,
		"event. and run. cannot be compared with what is known of the person: join whole conditions by &&, || or !",
		"event. や run. の値と顧客の項目を直接比べることはできません。条件どうしを &&、||、! でつないでください"}
}

// segmentError takes over the place of a segment expression's error when the text is the whole expression.
func segmentError(err error, placed bool, node ast.Node) *expressionError {
	out := &expressionError{at: node.Location().From, en: err.Error(), ja: err.Error()}
	var e *enishi.Error
	if errors.As(err, &e) {
		out.en, out.ja = e.Msg, e.MsgJA
		if out.ja == "" {
			out.ja = e.Msg
		}
		if placed && e.Line == 1 && e.Col > 0 {
			out.at = e.Col - 1
		}
	}
	return out
}

// path is the dotted name that a chain of members spells, e.g. event.order.total; "" for anything else.
func path(node ast.Node) string {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return n.Value
	case *ast.MemberNode:
		name, ok := n.Property.(*ast.StringNode)
		if base := path(n.Node); ok && base != "" && !n.Optional {
			return base + "." + name.Value
		}
	}
	return ""
}

func isOwn(name string) bool {
	root, _, _ := strings.Cut(name, ".")
	return root == "event" || root == "run"
}

// visitor calls a func on each node.
type visitor func(node *ast.Node)

func (v visitor) Visit(node *ast.Node) { v(node) }

// sides reports what a subtree speaks of: the event and the run, the person, or both. Constants alone are the former.
func sides(node ast.Node) (own, person bool) {
	ast.Walk(&node, visitor(func(n *ast.Node) {
		switch x := (*n).(type) {
		case *ast.IdentifierNode:
			if isOwn(x.Value) {
				own = true
			} else {
				person = true
			}
		case *ast.PointerNode, *ast.PredicateNode:
			person = true
		}
	}))
	return own || !person, person
}

// unknownName finds the first name of the journey's own that does not exist.
func unknownName(node ast.Node, fs fields) *expressionError {
	inner := map[ast.Node]bool{} // parts of a longer chain
	var chains []ast.Node
	ast.Walk(&node, visitor(func(n *ast.Node) {
		if m, ok := (*n).(*ast.MemberNode); ok {
			inner[m.Node] = true
		}
		if isOwn(path(*n)) {
			chains = append(chains, *n)
		}
	}))
	for _, n := range chains {
		name := path(n)
		if inner[n] && !isField(name, fs) {
			continue
		}
		if inner[n] || !isField(name, fs) {
			known := strings.Join(similar(name, fs), ", ")
			return &expressionError{chainStart(n), "there is no " + name + "; known: " + known, name + " という項目はありません。使えるのは: " + known}
		}
	}
	return nil
}

// chainStart is where the chain's first name stands.
func chainStart(n ast.Node) int {
	for {
		m, ok := n.(*ast.MemberNode)
		if !ok {
			return n.Location().From
		}
		n = m.Node
	}
}

func isField(name string, fs fields) bool {
	_, ok := fs[name]
	return ok || (strings.HasPrefix(name, "event.properties.") && strings.Count(name, ".") == 2)
}

// similar lists the known names under the longest known part of a name.
func similar(name string, fs fields) []string {
	for prefix := name; prefix != ""; {
		cut := strings.LastIndex(prefix, ".")
		if cut < 0 {
			break
		}
		prefix = prefix[:cut]
		var found []string
		for f := range fs {
			if strings.HasPrefix(f, prefix+".") {
				found = append(found, f)
			}
		}
		if len(found) > 0 {
			sort.Strings(found)
			return found[:min(len(found), 12)]
		}
	}
	return []string{"event.*", "run.*"}
}

// compileOwn compiles a leaf about the event and the run: each dotted name becomes one variable of expr's environment.
// Builtins that read a clock or a zone are not there.
func compileOwn(node ast.Node, text string, fs fields) (*expression, *expressionError) {
	used := map[string]field{}
	ast.Walk(&node, visitor(func(n *ast.Node) {
		if name := path(*n); isOwn(name) && isField(name, fs) {
			f, ok := fs[name]
			if !ok {
				f = property(name)
			}
			used[name] = f
		}
	}))
	env := types.Map{}
	x := &expression{}
	for name, f := range used {
		env[name] = f.typ
		x.uses = append(x.uses, f)
	}
	sort.Slice(x.uses, func(i, j int) bool { return x.uses[i].name < x.uses[j].name })
	flatten := visitor(func(n *ast.Node) {
		if name := path(*n); used[name].name != "" {
			ast.Patch(n, &ast.IdentifierNode{Value: name})
		}
	})
	program, err := expr.Compile(text, expr.Env(env), expr.AsBool(), expr.MaxNodes(200), expr.Patch(flatten),
		expr.DisableAllBuiltins(), expr.EnableBuiltin("len"), expr.EnableBuiltin("lower"), expr.EnableBuiltin("upper"))
	if err != nil {
		var at *file.Error
		if errors.As(err, &at) {
			return nil, &expressionError{at.From, "the expression does not work: " + at.Message, "条件式が正しくありません: " + at.Message}
		}
		return nil, &expressionError{0, "the expression does not work: " + err.Error(), "条件式が正しくありません: " + err.Error()}
	}
	x.own = program
	return x, nil
}
