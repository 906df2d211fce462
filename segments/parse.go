package segments

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/parser/lexer"
	"github.com/expr-lang/expr/types"

	"reflect"
	"time"
)

// Bounds of one expression: what a person writes stays far below, and what exceeds them costs nobody anything.
const (
	MaxLength = 20_000 // bytes
	maxNodes  = 3_000
	maxDepth  = 50
)

// parse reads an expression. expr's parser takes a predicate (`.total`) only in the calls it knows, and max, min and avg
// are not among them; in its own words max(orders, .total) is max(map(orders, .total)). So the name is read as one that it
// knows and that has as many letters, which leaves every position as it is, and is made the call of a map afterwards.
func parse(src string, config *conf.Config) (ast.Node, []lexer.Token, error) {
	switch {
	case len(src) > MaxLength:
		return nil, nil, failf(src, file.Location{}, "the expression is longer than %d bytes: split it into several segments", "式が長すぎます（上限 %d バイト）。セグメントを分けてください", MaxLength)
	case !utf8.ValidString(src):
		return nil, nil, failf(src, file.Location{}, "the expression is not valid UTF-8", "式が UTF-8 ではありません")
	case strings.TrimSpace(src) == "":
		return nil, nil, failf(src, file.Location{}, "the expression is empty: write a condition such as orders_count >= 2", "式が空です。例: orders_count >= 2")
	}
	tokens, err := lexer.Lex(file.NewSource(src))
	if err != nil {
		return nil, nil, syntaxError(src, nil, err)
	}
	text := []rune(src)
	renamed := map[int]string{}
	for i, t := range tokens[:max(len(tokens)-2, 0)] {
		if t.Kind == lexer.Identifier && aggregates[t.Value] != "" && tokens[i+1].Is(lexer.Bracket, "(") && !tokens[i+2].Is(lexer.Identifier, "map") {
			copy(text[t.From:t.To], []rune(aggregates[t.Value]))
			renamed[t.From] = t.Value
		}
	}
	tree, err := parser.ParseWithConfig(string(text), config)
	if err != nil {
		return nil, nil, syntaxError(src, tokens, err)
	}
	ast.Walk(&tree.Node, wrapper(renamed))
	return tree.Node, tokens, nil
}

// aggregates are the calls that parse reads as one that expr's parser knows.
var aggregates = map[string]string{"min": "map", "max": "map", "avg": "map", "first": "count", "last": "find", "distinct": "findLast"}

// wrapper puts the call of an aggregate around the map that it stands for; it maps positions to names.
type wrapper map[int]string

func (w wrapper) Visit(node *ast.Node) {
	b, ok := (*node).(*ast.BuiltinNode)
	if !ok {
		return
	}
	if name, ok := w[b.Location().From]; ok && aggregates[name] == b.Name {
		b.Name = "map"
		delete(w, b.Location().From) // the walk visits what a patch puts in
		callee := &ast.IdentifierNode{Value: name}
		callee.SetLocation(b.Location())
		ast.Patch(node, &ast.CallNode{Callee: callee, Arguments: []ast.Node{b}})
	}
}

// grammar is expr's configuration: the typed environment, the functions, and none of the functions of expr's own that SQL
// has no twin for. It is made anew for each expression, because expr writes its caches into it.
func grammar() *conf.Config {
	c := conf.CreateNew()
	c.MaxNodes = maxNodes
	c.Optimize = false
	for _, f := range builtin.Builtins {
		c.Disabled[f.Name] = true
		delete(c.Builtins, f.Name)
	}
	env := types.Map{"consent": types.Map{}, "traits": types.Map{types.Extra: types.Any}}
	for _, name := range Channels() {
		env["consent"].(types.Map)[name] = types.Bool
	}
	for _, f := range language().scalars {
		base, member, ok := strings.Cut(f.Name, ".")
		if !ok {
			env[f.Name] = exprType(f.Kind)
			continue
		}
		if env[base] == nil {
			env[base] = types.Map{}
		}
		env[base].(types.Map)[member] = exprType(f.Kind)
	}
	for _, l := range language().lists {
		of := types.Map{}
		for _, f := range l.Fields {
			of[f.Name] = exprType(f.Kind)
		}
		if _, both := env[l.Name]; both { // store_visits is a number and a list
			env[l.Name] = types.Any
			continue
		}
		env[l.Name] = types.Array(of)
	}
	c.WithEnv(env)
	for name, signature := range signatures {
		c.Functions[name] = &builtin.Function{Name: name, Types: []reflect.Type{reflect.TypeOf(signature)}, Func: func(...any) (any, error) { return nil, errors.ErrUnsupported }}
	}
	return c
}

// signatures are the functions that are no calls of expr's own, for its checker.
var signatures = map[string]any{
	"now": func() time.Time { return time.Time{} }, "ago": func(string) time.Time { return time.Time{} }, "date": func(string) time.Time { return time.Time{} },
	"today": instantFunction, "this_week": instantFunction, "this_month": instantFunction, "last_month": instantFunction, "this_year": instantFunction, "fiscal_year": instantFunction,
	"fold": func(any) string { return "" },
	"rank": func(string) int64 { return 0 }, "top": func(string) bool { return false },
	"distance":        func(string) float64 { return 0 },
	"in_list":         func(string) bool { return false },
	"in_segment":      func(string) bool { return false },
	"birthday_within": func(string) bool { return false },
	"present":         func(any) bool { return false }, "missing": func(any) bool { return false },
	"min": func(any) any { return nil }, "max": func(any) any { return nil }, "avg": func(any) any { return nil },
	"first": func(any) any { return nil }, "last": func(any) any { return nil }, "distinct": func(any) int { return 0 },
}

func instantFunction() time.Time { return time.Time{} }

func exprType(k Kind) types.Type {
	switch k {
	case Bool:
		return types.Bool
	case Whole:
		return types.Int64
	case Money, Decimal:
		return types.Float64
	case Text:
		return types.String
	case Instant:
		return types.TypeOf(time.Time{})
	case Texts:
		return types.Array(types.String)
	}
	return types.Any
}

// exprCheck runs expr's own checker over the tree. The checks of this package are narrower; this one holds the language to
// be a part of expr's.
func exprCheck(src string, node ast.Node, config *conf.Config) error {
	config.Expect, config.ExpectAny = reflect.Bool, true
	_, err := checker.Check(&parser.Tree{Node: node, Source: file.NewSource(src)}, config)
	if err == nil {
		return nil
	}
	var e *file.Error
	if errors.As(err, &e) {
		return failf(src, e.Location, "%s", "式の型が合いません: %s", e.Message)
	}
	return failf(src, file.Location{}, "%s", "式の型が合いません: %s", err.Error())
}
