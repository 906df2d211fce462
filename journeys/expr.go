package journeys

import (
	"encoding/json"
	"errors"
	"slices"
	"sort"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/parser/lexer"
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
	return s.own.run(x, s)
}

// evaluator runs the journeys' own programs; it keeps memory from one to the next.
type evaluator struct {
	vm  vm.VM
	env map[string]any
}

func (v *evaluator) run(x *expression, s *scope) bool {
	if v.env == nil {
		v.env = map[string]any{}
	}
	clear(v.env)
	for i := range x.uses {
		f := &x.uses[i]
		if s.e == nil && strings.HasPrefix(f.name, "event.") {
			v.env[f.name] = zeroOr(s.k.field(f.name), f)
			continue
		}
		v.env[f.name] = f.get(s)
	}
	out, err := v.vm.Run(x.own, v.env)
	truth, _ := out.(bool)
	return err == nil && truth
}

// zeroOr is a kept value, or the zero value of the field's type when the run began without it.
func zeroOr(v any, f *field) any {
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

// people adds the parts about the person.
func (x *expression) people(to []*segments.Segment) []*segments.Segment {
	if x == nil {
		return to
	}
	if x.person != nil {
		to = append(to, x.person)
	}
	return x.b.people(x.a.people(to))
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

// compileExpression checks and compiles. fs are the journey's own names, l has what the parts about the person may name.
func compileExpression(text string, fs fields, l segments.Library) (*expression, *expressionError) {
	if len(text) > maxExpression {
		return nil, &expressionError{0, "the expression is longer than 4,000 bytes: split it", "条件式が 4,000 バイトを超えています。分けてください"}
	}
	p := &splitter{text: []rune(text), fs: fs, library: l}
	tokens, err := lexer.Lex(file.NewSource(text))
	if err != nil || len(tokens) < 2 {
		return p.person(0, len(p.text)) // segments say in words what cannot be read
	}
	return p.build(tokens[:len(tokens)-1])
}

// splitter takes an expression apart along its logical operators, as far as both kinds of names make it necessary. It works
// on tokens, so each part keeps its place in the text.
type splitter struct {
	text    []rune
	fs      fields
	library segments.Library
}

func (p *splitter) build(ts []lexer.Token) (*expression, *expressionError) {
	from, to := ts[0].From, ts[len(ts)-1].To
	own, person := sides(ts)
	switch {
	case own && person:
		return p.split(ts)
	case person:
		return p.person(from, to)
	}
	return p.own(from, to)
}

// split compiles the sides of the loosest logical operator by themselves.
func (p *splitter) split(ts []lexer.Token) (*expression, *expressionError) {
	if closing(ts) == len(ts)-1 {
		return p.build(ts[1 : len(ts)-1])
	}
	for _, op := range [2][2]string{{"||", "or"}, {"&&", "and"}} {
		at := lastOutside(ts, op[0], op[1])
		if at <= 0 || at == len(ts)-1 {
			continue
		}
		a, err := p.build(ts[:at])
		if err != nil {
			return nil, err
		}
		b, err := p.build(ts[at+1:])
		return &expression{op: op[0], a: a, b: b}, err
	}
	if ts[0].Is(lexer.Operator, "!", "not") && closing(ts[1:]) == len(ts)-2 {
		a, err := p.build(ts[1:])
		return &expression{op: "!", a: a}, err
	}
	return nil, &expressionError{ts[0].From,
		"event. and run. cannot be compared with what is known of the person: join whole conditions by &&, || or !( )",
		"event. や run. の値と顧客の項目を直接比べることはできません。条件どうしを &&、||、!( ) でつないでください"}
}

// closing is the index of the bracket that closes the one ts begins with, -1 when it begins with none.
func closing(ts []lexer.Token) int {
	depth := 0
	for i := range ts {
		switch {
		case ts[i].Is(lexer.Bracket, "(", "[", "{"):
			depth++
		case ts[i].Kind == lexer.Bracket:
			depth--
		}
		if depth == 0 {
			if i == 0 || !ts[0].Is(lexer.Bracket, "(") {
				return -1
			}
			return i
		}
	}
	return -1
}

// lastOutside finds the last operator of a name that stands in no bracket, unless a looser one stands there too.
func lastOutside(ts []lexer.Token, names ...string) int {
	depth, at := 0, -1
	for i := range ts {
		switch {
		case ts[i].Is(lexer.Bracket, "(", "[", "{"):
			depth++
		case ts[i].Kind == lexer.Bracket:
			depth--
		case depth > 0 || ts[i].Kind != lexer.Operator:
		case ts[i].Is(lexer.Operator, "?", ":", "??", "|", ";"):
			return -1
		case ts[i].Is(lexer.Operator, names...):
			at = i
		}
	}
	return at
}

// sides reports what tokens speak of: the event and the run, the person, or both. Constants alone are the former.
func sides(ts []lexer.Token) (own, person bool) {
	for i := range ts {
		if ts[i].Kind != lexer.Identifier || (i > 0 && ts[i-1].Is(lexer.Operator, ".", "?.")) {
			continue
		}
		switch ts[i].Value {
		case "event", "run":
			own = true
		case "true", "false", "nil", "len", "lower", "upper":
		default:
			person = true
		}
	}
	return own || !person, person
}

// person compiles a part about the person.
func (p *splitter) person(from, to int) (*expression, *expressionError) {
	var seg *segments.Segment // without a definition of its own
	body, err := json.Marshal(segments.Body{Expression: string(p.text[from:to])})
	if err == nil {
		seg, err = p.library.Compile("", 0, body)
	}
	if err == nil {
		return &expression{person: seg}, nil
	}
	out := &expressionError{at: from, en: err.Error(), ja: err.Error()}
	var e *enishi.Error
	if errors.As(err, &e) {
		out.en, out.ja = e.Msg, e.MsgJA
		if out.ja == "" {
			out.ja = e.Msg
		}
		line := 1
		for at := from; at < to && e.Line > 0; at++ {
			if line == e.Line {
				out.at = min(at+max(e.Col-1, 0), to)
				break
			}
			if p.text[at] == '\n' {
				line++
			}
		}
	}
	return nil, out
}

// dotted is the name that a chain of members spells, e.g. event.order.total; "" for anything else.
func dotted(node ast.Node) string {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return n.Value
	case *ast.MemberNode:
		name, ok := n.Property.(*ast.StringNode)
		if base := dotted(n.Node); ok && base != "" && !n.Optional {
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

// unknownName finds the first name of the journey's own that does not exist.
func unknownName(node ast.Node, fs fields) *expressionError {
	inner := map[ast.Node]bool{} // parts of a longer chain
	var chains []ast.Node
	ast.Walk(&node, visitor(func(n *ast.Node) {
		if m, ok := (*n).(*ast.MemberNode); ok {
			inner[m.Node] = true
		}
		if isOwn(dotted(*n)) {
			chains = append(chains, *n)
		}
	}))
	for _, n := range chains {
		name := dotted(n)
		if inner[n] && (!isField(name, fs) || isAnswer(name, fs)) {
			continue
		}
		if inner[n] || !isField(name, fs) {
			known := strings.Join(similar(name, fs), ", ")
			return &expressionError{chainStart(n), "there is no " + name + ": use one of " + known, name + " という項目はありません。次のどれかにしてください: " + known}
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
	return ok || (strings.HasPrefix(name, "event.properties.") && strings.Count(name, ".") == 2) || isAnswer(name, fs)
}

// isAnswer: the name is of a value within a webhook's answer: run.NODE.body.NAME, as deep as the answer is.
func isAnswer(name string, fs fields) bool {
	parts := strings.SplitN(name, ".", 4)
	if len(parts) < 4 || parts[0] != "run" || parts[2] != "body" {
		return false
	}
	_, ok := fs["run."+parts[1]+".body.*"]
	return ok
}

// common is how many bytes two names begin with alike.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// similar lists the known names under the longest known part of a name, the most alike first.
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
			sort.Slice(found, func(i, k int) bool {
				a, b := common(found[i], name), common(found[k], name)
				return a > b || a == b && found[i] < found[k]
			})
			return found[:min(len(found), 12)]
		}
	}
	return []string{"event.*", "run.*"}
}

// own compiles a part about the event and the run: each dotted name becomes one variable of expr's environment. Builtins
// that read a clock or a zone are not there.
func (p *splitter) own(from, to int) (*expression, *expressionError) {
	text := string(p.text[from:to])
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, ownError(err, from)
	}
	if unknown := unknownName(tree.Node, p.fs); unknown != nil {
		unknown.at += from
		return nil, unknown
	}
	used := map[string]field{}
	ast.Walk(&tree.Node, visitor(func(n *ast.Node) {
		if name := dotted(*n); isOwn(name) && isField(name, p.fs) {
			f, ok := p.fs[name]
			if !ok && isAnswer(name, p.fs) {
				f, ok = answerField(name), true
			}
			if !ok {
				f = property(name)
			}
			used[name] = f
		}
	}))
	env := types.Map{}
	x := &expression{}
	for _, name := range sortedKeys(used) {
		env[name] = used[name].typ
		x.uses = append(x.uses, used[name])
	}
	flatten := visitor(func(n *ast.Node) {
		if name := dotted(*n); used[name].name != "" {
			ast.Patch(n, &ast.IdentifierNode{Value: name})
		}
	})
	x.own, err = expr.Compile(text, expr.Env(env), expr.AsBool(), expr.MaxNodes(200), expr.Patch(flatten),
		expr.DisableAllBuiltins(), expr.EnableBuiltin("len"), expr.EnableBuiltin("lower"), expr.EnableBuiltin("upper"))
	if err != nil {
		return nil, ownError(err, from)
	}
	return x, nil
}

// ownFixes say what to do about an error of expr, by words of it; the last are for any other.
var ownFixes = [...]struct{ has, en, ja string }{
	{"mismatched types", "compare a text with a text in quotes, a number with a number", "文字は引用符で囲んだ文字と、数は数と比べてください"},
	{"expected bool", "make it a question, such as event.order.total > 5000", "event.order.total > 5000 のように、真か偽になる条件にしてください"},
	{"maximum allowed nodes", "split it, or ask for less", "条件が大きすぎます。分けるか、短くしてください"},
	{"unknown name", "use event., run., what is known of the person, len, lower or upper", "event.、run.、顧客の項目、len、lower、upper を使ってください"},
	{"", "look at operators, brackets and quotes here", "この位置の演算子、かっこ、引用符を確認してください"},
}

// ownError places an error of expr and says what to do about it.
func ownError(err error, from int) *expressionError {
	message := err.Error()
	var at *file.Error
	if errors.As(err, &at) {
		from, message = from+at.From, at.Message
	}
	i := slices.IndexFunc(ownFixes[:], func(f struct{ has, en, ja string }) bool { return strings.Contains(message, f.has) })
	return &expressionError{from, "the condition does not work, " + ownFixes[i].en + ": " + message, "条件式が正しくありません。" + ownFixes[i].ja + "（" + message + "）"}
}
