package segments

import (
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
)

// typing turns expr's tree into the typed tree, or says what is wrong and where.
type typing struct {
	src   string
	runes []rune
	in    *Collection // the list whose condition is being read; nil outside
	depth int

	including *inclusion
}

// check reads an expression and types it.
func check(src string) (*node, ast.Node, error) { return checkWith(src, Library{}.inclusion("")) }

func checkWith(src string, including *inclusion) (*node, ast.Node, error) {
	config := grammar()
	tree, _, err := parse(src, config)
	if err != nil {
		return nil, nil, err
	}
	c := &typing{src: src, runes: []rune(src), including: including}
	n, err := c.condition(tree)
	if err != nil {
		return nil, nil, err
	}
	if err := exprCheck(src, tree, config); err != nil {
		return nil, nil, err
	}
	return n, tree, nil
}

func (c *typing) fail(at file.Location, en, ja string, args ...any) error {
	return failf(c.src, at, en, ja, args...)
}

// condition reads something that is true or false.
func (c *typing) condition(tree ast.Node) (*node, error) {
	n, err := c.value(tree)
	if err != nil {
		return nil, err
	}
	switch {
	case n.kind == Bool:
		return n, nil
	case n.kind == Untyped:
		return traitIs(n, true), nil
	case n.number():
		return nil, c.fail(n.at, "a condition is expected here and this is %[1]s: compare it, for example with >= 2", "ここには条件が必要ですが、これは%[2]sです。「>= 2」のように比較してください", n.kind.String(), n.kind.JA())
	}
	return nil, c.fail(n.at, "a condition is expected here and this is %[1]s: compare it", "ここには条件が必要ですが、これは%[2]sです。比較してください", n.kind.String(), n.kind.JA())
}

// value reads a part of any kind.
func (c *typing) value(tree ast.Node) (*node, error) {
	if c.depth++; c.depth > maxDepth {
		return nil, c.fail(tree.Location(), "the expression is nested deeper than %d levels: split it into several segments", "式の入れ子が深すぎます（上限 %d 段）。セグメントを分けてください", maxDepth)
	}
	defer func() { c.depth-- }()
	at := tree.Location()
	switch t := tree.(type) {
	case *ast.BoolNode:
		return constBool(t.Value, at), nil
	case *ast.IntegerNode:
		return c.literal(new(big.Rat).SetInt64(int64(t.Value)), at)
	case *ast.FloatNode:
		text := strings.ReplaceAll(string(c.runes[at.From:min(at.To, len(c.runes))]), "_", "")
		r, ok := new(big.Rat).SetString(text)
		if !ok {
			return nil, c.fail(at, "%q is no number", "「%s」は数値ではありません", text)
		}
		return c.literal(r, at)
	case *ast.StringNode:
		if !utf8.ValidString(t.Value) {
			return nil, c.fail(at, "the text is not valid UTF-8", "文字列が UTF-8 ではありません")
		}
		return &node{op: opConst, kind: Text, s: t.Value, at: at}, nil
	case *ast.NilNode:
		return nil, c.fail(at, "nil is not used: write missing(...) or present(...)", "nil は使えません。missing(...) または present(...) と書いてください")
	case *ast.UnaryNode:
		return c.unary(t)
	case *ast.BinaryNode:
		return c.binary(t)
	case *ast.IdentifierNode:
		return c.identifier(t)
	case *ast.MemberNode:
		return c.member(t)
	case *ast.CallNode:
		return c.call(t)
	case *ast.BuiltinNode:
		return c.builtin(t)
	case *ast.ConditionalNode:
		return nil, c.fail(at, "? : and if are not used: combine conditions with && and ||", "「? :」や if は使えません。&& と || で条件を組み合わせてください")
	case *ast.ArrayNode:
		return nil, c.fail(at, "a list in [ ] is only used after in, as in prefecture in [\"東京都\", \"大阪府\"]", "[ ] のリストは in の後にだけ書けます。例: prefecture in [\"東京都\", \"大阪府\"]")
	case *ast.PointerNode:
		return nil, c.fail(at, "# alone is not used: write a field of the element, as .total", "「#」だけでは使えません。「.total」のように項目を書いてください")
	case *ast.VariableDeclaratorNode, *ast.SequenceNode:
		return nil, c.fail(at, "let and ; are not used: write the condition out", "let と「;」は使えません。条件をそのまま書いてください")
	}
	return nil, c.fail(at, "this is not part of the language of segments", "この書き方はセグメントでは使えません")
}

// literal bounds a number, so that every evaluator holds it exactly.
func (c *typing) literal(r *big.Rat, at file.Location) (*node, error) {
	nano := new(big.Rat).Mul(r, big.NewRat(1_000_000_000, 1))
	if !nano.IsInt() || new(big.Rat).Abs(r).Cmp(big.NewRat(1_000_000_000_000_000, 1)) >= 0 {
		return nil, c.fail(at, "a number has at most 15 digits before the point and 9 after it", "数値は整数部 15 桁、小数部 9 桁までです")
	}
	kind := Decimal
	if r.IsInt() {
		kind = Whole
	}
	return &node{op: opConst, kind: kind, exact: r, at: at}, nil
}

func (c *typing) unary(t *ast.UnaryNode) (*node, error) {
	if t.Operator == "!" || t.Operator == "not" {
		x, err := c.condition(t.Node)
		if err != nil {
			return nil, err
		}
		return not(x), nil
	}
	x, err := c.numeric(t.Node)
	if err != nil || t.Operator == "+" {
		return x, err
	}
	if x.literal() {
		return c.literal(new(big.Rat).Neg(x.exact), t.Location())
	}
	return (&node{op: opNeg, kind: x.kind, args: []*node{x}, maybe: true, at: t.Location()}).derive(), nil
}

func (c *typing) binary(t *ast.BinaryNode) (*node, error) {
	switch t.Operator {
	case "&&", "and", "||", "or":
		return c.logic(t)
	case "==", "!=", "<", "<=", ">", ">=":
		return c.compare(t)
	case "in":
		return c.in_(t)
	case "contains", "startsWith", "endsWith":
		return c.textTest(t)
	case "+", "-", "*", "/":
		return c.arithmetic(t)
	case "matches":
		return nil, c.fail(t.Location(), "regular expressions are not used: write contains, startsWith or endsWith", "正規表現は使えません。contains、startsWith、endsWith を使ってください")
	}
	return nil, c.fail(t.Location(), "the operator %s is not used in segments", "演算子「%s」はセグメントでは使えません", t.Operator)
}

// logic reads a chain of one operator flat: a hundred conditions in a row are not nested.
func (c *typing) logic(t *ast.BinaryNode) (*node, error) {
	and := func(name string) bool { return name == "&&" || name == "and" }
	o := opOr
	if and(t.Operator) {
		o = opAnd
	}
	var chain []ast.Node
	var left ast.Node = t
	for {
		b, ok := left.(*ast.BinaryNode)
		if !ok || (b.Operator != t.Operator && !(logical(b.Operator) && and(b.Operator) == and(t.Operator))) {
			break
		}
		chain, left = append(chain, b.Right), b.Left
	}
	parts := make([]*node, 0, len(chain)+1)
	first, err := c.condition(left)
	if err != nil {
		return nil, err
	}
	parts = append(parts, first)
	for i := len(chain) - 1; i >= 0; i-- {
		p, err := c.condition(chain[i])
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return join(o, t.Location(), parts...), nil
}

func logical(name string) bool { return name == "&&" || name == "and" || name == "||" || name == "or" }

func (c *typing) in_(t *ast.BinaryNode) (*node, error) {
	array, ok := t.Right.(*ast.ArrayNode)
	if !ok {
		return c.has(t)
	}
	x, err := c.value(t.Left)
	if err != nil {
		return nil, err
	}
	if len(array.Nodes) == 0 {
		return nil, c.fail(array.Location(), "the list is empty: nothing is in it", "リストが空です")
	}
	n := &node{op: opIn, kind: Bool, at: t.Location()}
	var parts []*node
	for _, e := range array.Nodes {
		y, err := c.value(e)
		if err != nil {
			return nil, err
		}
		if y.op != opConst || y.kind == Bool {
			return nil, c.fail(y.at, "the list after in holds texts or numbers as they are", "in の後のリストには文字列か数値だけを書けます")
		}
		if y.kind == Text {
			n.texts = append(n.texts, alikeFolded(x, y.s))
		}
		p, err := c.comparison(eq, x, y, t.Location())
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	if len(n.texts) < len(parts) {
		return join(opOr, t.Location(), parts...), nil // numbers: one comparison each
	}
	n.args = parts[0].args[:1]
	return n.derive(), nil
}

// has reads `"reseller" in risks`.
func (c *typing) has(t *ast.BinaryNode) (*node, error) {
	id, ok := t.Right.(*ast.IdentifierNode)
	f := (*Field)(nil)
	if ok {
		f = language().scalar[id.Value]
	}
	if f == nil || f.Kind != Texts {
		return nil, c.fail(t.Right.Location(), "after in comes a list, as in prefecture in [\"東京都\", \"大阪府\"]", "in の後にはリストを書きます。例: prefecture in [\"東京都\", \"大阪府\"]")
	}
	x, err := c.value(t.Left)
	if err != nil {
		return nil, err
	}
	if x.op != opConst || x.kind != Text {
		return nil, c.fail(x.at, "a text is expected before in %s", "in %s の前には文字列を書きます", f.Name)
	}
	return &node{op: opHas, kind: Bool, field: f, s: x.s, inputs: f.Inputs, at: t.Location()}, nil
}

func (c *typing) textTest(t *ast.BinaryNode) (*node, error) {
	x, err := c.value(t.Left)
	if err != nil {
		return nil, err
	}
	if x.kind == Untyped {
		x = traitAs(x, Text)
	}
	y, err := c.value(t.Right)
	if err != nil {
		return nil, err
	}
	if x.kind != Text {
		return nil, c.fail(t.Location(), "%[1]s needs text on its left, and this is %[2]s", "%[1]s の左には文字列が必要ですが、これは%[3]sです", t.Operator, x.kind.String(), x.kind.JA())
	}
	if y.op != opConst || y.kind != Text || y.s == "" {
		return nil, c.fail(y.at, "%s needs a text of at least one letter on its right", "%s の右には 1 文字以上の文字列が必要です", t.Operator)
	}
	o := map[string]op{"contains": opContains, "startsWith": opStarts, "endsWith": opEnds}[t.Operator]
	return (&node{op: o, kind: Bool, s: alikeFolded(x, y.s), args: []*node{x}, at: t.Location()}).derive(), nil
}

func (c *typing) identifier(t *ast.IdentifierNode) (*node, error) {
	f := language().scalar[t.Value]
	if f == nil {
		return nil, c.unknown(t)
	}
	return c.scalar(f, t.Location())
}

// scalar is a single value of a person.
func (c *typing) scalar(f *Field, at file.Location) (*node, error) {
	if f.Kind == Texts {
		return nil, c.fail(at, "%[1]s is a list of texts: write \"...\" in %[1]s", "%[1]s は文字列のリストです。「\"...\" in %[1]s」と書いてください", f.Name)
	}
	if f.derived != "" {
		n, _, err := c.check1(f.derived)
		if err != nil {
			return nil, err
		}
		n.at = at
		return n, nil
	}
	if f.op == opRank {
		n, _, err := c.ranked(f.ranking, at, at)
		return n, err
	}
	if f.op != opConst {
		return &node{op: f.op, kind: f.Kind, inputs: f.Inputs, maybe: true, timed: f.op == opAge, zone: c.ageZone(f), at: at}, nil
	}
	return &node{op: opField, kind: f.Kind, field: f, inputs: f.Inputs, at: at}, nil
}

// check1 types an expression of the tables, of any kind.
func (c *typing) check1(src string) (*node, ast.Node, error) {
	tree, _, err := parse(src, grammar())
	if err != nil {
		return nil, nil, err
	}
	n, err := (&typing{src: src, runes: []rune(src), including: c.including}).value(tree)
	return n, tree, err
}

func (c *typing) unknown(t *ast.IdentifierNode) error {
	if l := language().list[t.Value]; l != nil {
		return c.fail(t.Location(), "%[1]s is a list: write count(%[1]s), any(%[1]s, ...) or the like", "%[1]s はリストです。count(%[1]s) や any(%[1]s, ...) のように書いてください", t.Value)
	}
	if members := language().members[t.Value]; members != nil {
		return c.fail(t.Location(), "%[1]s needs a name after it: %[2]s", "%[1]s の後に名前が必要です: %[2]s", t.Value, strings.Join(members, ", "))
	}
	if t.Value == "consent" || t.Value == "traits" {
		return c.fail(t.Location(), "%s needs a name after it, as in consent.email or traits.size", "%s の後に名前が必要です。例: consent.email、traits.size", t.Value)
	}
	if c.in != nil && c.in.field(t.Value) != nil {
		return c.fail(t.Location(), "%[1]s is a field of %[2]s: write .%[1]s", "%[1]s は %[2]s の項目です。「.%[1]s」と書いてください", t.Value, c.in.Name)
	}
	first, _ := utf8.DecodeRuneInString(t.Value)
	if err := wideError(c.src, t.Location(), first); err != nil {
		return err
	}
	known := language().names()
	for name := range signatures {
		known = append(known, name)
	}
	en, ja := suggest(t.Value, known)
	return c.fail(t.Location(), "%[1]s is not known%[2]s", "「%[1]s」という項目はありません%[3]s", t.Value, en, ja)
}

func (c *typing) member(t *ast.MemberNode) (*node, error) {
	name, ok := t.Property.(*ast.StringNode)
	if !ok || t.Optional {
		return nil, c.fail(t.Location(), "single elements of a list are not used: write any(...), max(...) or count(...)", "リストの要素を直接は参照できません。any(...)、max(...)、count(...) を使ってください")
	}
	switch base := t.Node.(type) {
	case *ast.PointerNode:
		if base.Name != "" || c.in == nil {
			return nil, c.fail(base.Location(), "#%s is not used: write a field of the element, as .total", "「#%s」は使えません。「.total」のように項目を書いてください", base.Name)
		}
		f := c.in.field(name.Value)
		if f == nil {
			en, ja := suggest(name.Value, c.in.names())
			return nil, c.fail(name.Location(), "%[1]s have no field %[2]s%[3]s", "%[1]s に「%[2]s」という項目はありません%[4]s", c.in.Name, name.Value, en, ja)
		}
		return &node{op: opField, kind: f.Kind, field: f, list: c.in, element: true, inputs: c.in.Inputs, at: t.Location()}, nil
	case *ast.IdentifierNode:
		switch base.Value {
		case "consent":
			for _, ch := range Channels() {
				if ch == name.Value {
					return &node{op: opConsent, kind: Bool, name: ch, inputs: consentInputs, at: t.Location()}, nil
				}
			}
			en, ja := suggest(name.Value, Channels())
			return nil, c.fail(name.Location(), "there is no channel %[1]s%[2]s (known: %[4]s)", "「%[1]s」というチャネルはありません%[3]s（使えるもの: %[4]s）", name.Value, en, ja, strings.Join(Channels(), ", "))
		case "traits":
			if name.Value == "" || len(name.Value) > 200 || !utf8.ValidString(name.Value) {
				return nil, c.fail(name.Location(), "the name of a trait has 1 to 200 bytes", "属性名は 1～200 バイトです")
			}
			return &node{op: opTrait, kind: Untyped, name: name.Value, inputs: traitInputs, at: t.Location()}, nil
		}
		if members := language().members[base.Value]; members != nil {
			if f := language().scalar[base.Value+"."+name.Value]; f != nil {
				return c.scalar(f, t.Location())
			}
			en, ja := suggest(name.Value, members)
			return nil, c.fail(name.Location(), "%[5]s has no %[1]s%[2]s (known: %[4]s)", "%[5]s に「%[1]s」はありません%[3]s（使えるもの: %[4]s）", name.Value, en, ja, strings.Join(members, ", "), base.Value)
		}
		if l := language().list[base.Value]; l != nil {
			return nil, c.fail(t.Location(), "%[1]s is a list, it has no single %[2]s: write any(%[1]s, .%[2]s ...)", "%[1]s はリストです。any(%[1]s, .%[2]s ...) のように書いてください", base.Value, name.Value)
		}
	}
	return nil, c.fail(t.Location(), "only consent.NAME, traits.NAME and, inside a list's condition, .NAME have a point", "「.」は consent.名前、traits.名前、リストの条件内の .名前 でだけ使えます")
}
