package mapping

import (
	"errors"
	"fmt"
	"net/textproto"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"enishi"
)

// scope is what an expression may read.
type scope uint8

const (
	scopeRow      scope = iota // csv: row; json: like scopeDocument
	scopeDocument              // body, headers
	scopeRecord                // csv: row, rows, item; json: body, headers, item
	scopeElement               // also line
)

// code is a compiled expression.
type code struct {
	text    string
	columns []string // names of the columns that it reads
	plain   bool     // it is row["X"] alone: columns[0] is read without the machine
	program *vm.Program
}

type compiler struct{ program *Program }

// stepsName holds the counter of steps in the environment; no column or field can be called so.
const stepsName = "steps__"

// builtins are the functions of expr that a mapping may use: each ends after a time that its input bounds.
var builtins = []string{"all", "none", "any", "one", "filter", "map", "find", "findIndex", "findLast", "count", "sum", "len", "abs", "ceil",
	"floor", "round", "int", "float", "string", "trim", "trimPrefix", "trimSuffix", "upper", "lower", "split", "replace", "indexOf", "lastIndexOf",
	"hasPrefix", "hasSuffix", "max", "min", "first", "last", "take", "keys", "values", "reverse", "uniq", "concat", "flatten", "fromJSON"}

func (c *compiler) environment(in scope) types.Map {
	env := types.Map{stepsName: types.TypeOf(new(int))}
	if c.program.format == CSV {
		env["row"] = types.TypeOf(map[string]string{})
		if in != scopeRow {
			env["rows"], env["item"] = types.TypeOf([]map[string]string{}), types.Any
		}
	} else {
		env["body"], env["headers"] = types.Any, types.TypeOf(map[string]string{})
		if in == scopeRecord || in == scopeElement {
			env["item"] = types.Any
		}
	}
	if in == scopeElement {
		env["line"] = types.Any
	}
	return env
}

func (c *compiler) compile(text, place string, in scope) (*code, error) {
	if strings.TrimSpace(text) == "" {
		return nil, enishi.FieldError(place, "has no expression: leave the field out", "式がありません。使わない項目は消してください")
	}
	if len(text) > maxExpression {
		return nil, enishi.FieldError(place, "is longer than "+strconv.Itoa(maxExpression)+" bytes", "式が長すぎます（"+strconv.Itoa(maxExpression)+" バイトまで）")
	}
	env := c.environment(in)
	options := []expr.Option{expr.Env(env), expr.MaxNodes(maxNodes), expr.DisableAllBuiltins(), expr.Patch(&patcher{}), expr.AsAny()}
	for _, name := range builtins {
		options = append(options, expr.EnableBuiltin(name))
	}
	options = append(options, c.program.shape.functions()...)
	program, err := expr.Compile(text, options...)
	if err == nil {
		err = knownNames(program.Node(), env)
	}
	if err != nil {
		return nil, c.mistake(err, place, text)
	}
	x := &code{text: text, program: program}
	c.read(x)
	return x, nil
}

// knownNames refuses names that are none of the environment: the checker of expr lets them pass as arguments of functions.
func knownNames(root ast.Node, env types.Map) error {
	known := map[string]bool{}
	ast.Walk(&root, visit(func(n *ast.Node) {
		switch x := (*n).(type) {
		case *ast.VariableDeclaratorNode:
			known[x.Name] = true
		case *ast.CallNode:
			if id, ok := x.Callee.(*ast.IdentifierNode); ok {
				known[id.Value] = true // a function, which the checker knows
			}
		}
	}))
	var err error
	ast.Walk(&root, visit(func(n *ast.Node) {
		if id, ok := (*n).(*ast.IdentifierNode); ok && err == nil && env[id.Value] == nil && !known[id.Value] {
			err = errors.New("unknown name " + id.Value)
		}
	}))
	return err
}

// read finds the columns of an expression.
func (c *compiler) read(x *code) {
	if c.program.format != CSV {
		return
	}
	look := &columnReader{seen: map[string]bool{}, optional: map[ast.Node]bool{}}
	root := x.program.Node()
	markOptional(root, look.optional)
	ast.Walk(&root, look)
	for name, required := range look.seen {
		x.columns = append(x.columns, name)
		c.program.columns[name] = c.program.columns[name] || required
	}
	slices.Sort(x.columns)
	c.program.readsRows = c.program.readsRows || look.rows
	c.program.dynamic = c.program.dynamic || look.uses > look.named
	if _, x.plain = columnOf(root); !x.plain {
		for _, name := range x.columns {
			c.program.inRow[name] = true
		}
	}
}

// columnOf is the name in row["name"] and row.name.
func columnOf(n ast.Node) (string, bool) {
	m, ok := n.(*ast.MemberNode)
	if !ok {
		return "", false
	}
	id, ok := m.Node.(*ast.IdentifierNode)
	if !ok || id.Value != "row" {
		return "", false
	}
	name, ok := m.Property.(*ast.StringNode)
	if !ok {
		return "", false
	}
	return name.Value, true
}

// markOptional finds the columns on the left of ??.
func markOptional(root ast.Node, into map[ast.Node]bool) {
	ast.Walk(&root, visit(func(n *ast.Node) {
		if b, ok := (*n).(*ast.BinaryNode); ok && b.Operator == "??" {
			if _, ok := columnOf(b.Left); ok {
				into[b.Left] = true
			}
		}
	}))
}

type visit func(n *ast.Node)

func (v visit) Visit(n *ast.Node) { v(n) }

// columnReader collects the columns that an expression names: row["X"], and #["X"] in a loop over rows.
type columnReader struct {
	seen        map[string]bool // true: must be there
	optional    map[ast.Node]bool
	uses, named int // of row, with any name and with a constant one
	rows        bool
}

func (c *columnReader) Visit(n *ast.Node) {
	switch x := (*n).(type) {
	case *ast.IdentifierNode:
		if x.Value == "row" {
			c.uses++
		}
		c.rows = c.rows || x.Value == "rows"
	case *ast.CallNode: // line["X"] and item["X"], after the patcher: they may be rows, as of filter(rows, ...)
		if callee, ok := x.Callee.(*ast.IdentifierNode); ok && callee.Value == "member__" && len(x.Arguments) == 2 {
			from, _ := x.Arguments[0].(*ast.IdentifierNode)
			name, _ := x.Arguments[1].(*ast.StringNode)
			if from != nil && (from.Value == "line" || from.Value == "item") && name != nil {
				c.seen[name.Value] = c.seen[name.Value] || false
			}
		}
	case *ast.MemberNode:
		name, ok := columnOf(x)
		if ok {
			c.named++
		} else if p, pointer := x.Node.(*ast.PointerNode); pointer && p.Type() == reflect.TypeFor[map[string]string]() {
			if s, constant := x.Property.(*ast.StringNode); constant {
				name, ok = s.Value, true
			}
		}
		if ok {
			c.seen[name] = c.seen[name] || !c.optional[x]
		}
	}
}

// patcher makes expressions safe: what is absent in a document is nil at any depth, and each round of a loop is a step.
type patcher struct{}

func (*patcher) Visit(n *ast.Node) {
	switch x := (*n).(type) {
	case *ast.PredicateNode:
		if call, ok := x.Node.(*ast.CallNode); ok {
			if id, ok := call.Callee.(*ast.IdentifierNode); ok && id.Value == "step__" {
				return
			}
		}
		x.Node = &ast.CallNode{Callee: &ast.IdentifierNode{Value: "step__"}, Arguments: []ast.Node{&ast.IdentifierNode{Value: stepsName}, x.Node}}
	case *ast.MemberNode:
		if id, ok := x.Node.(*ast.IdentifierNode); ok && id.Value == "headers" {
			if name, ok := x.Property.(*ast.StringNode); ok {
				name.Value = textproto.CanonicalMIMEHeaderKey(name.Value)
			}
			return
		}
		if t := x.Node.Type(); t == nil || t.Kind() == reflect.Interface {
			ast.Patch(n, &ast.CallNode{Callee: &ast.IdentifierNode{Value: "member__"}, Arguments: []ast.Node{x.Node, x.Property}})
		}
	}
}

// fixes say what to do about an error of expr, by words of it; the last is for any other.
var fixes = [...]struct{ has, en, ja string }{
	{"unknown name line", "line stands only in a path with [], such as order.lines[].price", "line は order.lines[].price のような [] の付いた項目でだけ使えます"},
	{"unknown name row", "rows are of csv: a document is body", "row は CSV 用です。JSON では body を使ってください"},
	{"unknown name body", `documents are of json: a column is row["NAME"]`, `body は JSON 用です。CSV の列は row["列名"] と書いてください`},
	{"unknown name", `use row["NAME"] (csv), body, item, headers (json), line and the functions of docs/mapping.md; texts stand in quotes`, `row["列名"]（CSV）、body・item・headers（JSON）、line と docs/mapping.md の関数が使えます。文字は引用符で囲んでください`},
	{"mismatched types", "compare a text with a text in quotes; make a number of a text with number(...), an amount with amount(...)", "文字は引用符で囲んだ文字と比べてください。数にするには number(…)、金額にするには amount(…) を使います"},
	{"exceeds maximum allowed nodes", "split it, or do less", "式が大きすぎます。分けるか、短くしてください"},
	{"not enough arguments", "look at the function in docs/mapping.md", "関数の引数が足りません。docs/mapping.md を確認してください"},
	{"too many arguments", "look at the function in docs/mapping.md", "関数の引数が多すぎます。docs/mapping.md を確認してください"},
	{"", "look at operators, brackets and quotes", "演算子、かっこ、引用符を確認してください"},
}

func (c *compiler) mistake(err error, place, text string) error {
	message, col := err.Error(), 0
	var at *file.Error
	if errors.As(err, &at) {
		message, col = at.Message, at.Column+1
	}
	i := slices.IndexFunc(fixes[:], func(f struct{ has, en, ja string }) bool { return strings.Contains(message, f.has) })
	out := enishi.FieldError(place, fmt.Sprintf("the expression %s does not work: %s (%s)", clip(text), fixes[i].en, message),
		"式「"+clip(text)+"」が正しくありません。"+fixes[i].ja+"（"+message+"）")
	if col > 0 {
		out.Line, out.Col = 1, col
	}
	return out
}
