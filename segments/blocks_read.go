package segments

import (
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser/lexer"
)

// lex is the lexer of expr without its last token, the end.
func lex(src string) ([]lexer.Token, error) {
	tokens, err := lexer.Lex(file.NewSource(src))
	if err != nil {
		return nil, err
	}
	if n := len(tokens); n > 0 && tokens[n-1].Kind == lexer.EOF {
		tokens = tokens[:n-1]
	}
	return tokens, nil
}

// leaf reads a condition that is no group.
func (r *blockReader) leaf(from, to int) Block {
	for _, read := range []func(from, to int) (Block, bool){r.condition, r.mirrored, r.has, r.presence, r.question, r.about} {
		if b, ok := read(from, to); ok {
			return b
		}
	}
	return r.text(from, to)
}

// path reads the name of a field; next is the token after it.
func (r *blockReader) path(from, to int) (field string, kind Kind, next int, ok bool) {
	if from >= to {
		return "", 0, 0, false
	}
	if r.in != nil {
		if r.is(from, to, ".") && from+1 < to && r.tokens[from+1].Kind == lexer.Identifier {
			if f := r.in.field(r.tokens[from+1].Value); f != nil {
				return f.Name, f.Kind, from + 2, true
			}
		}
		return "", 0, 0, false
	}
	if r.tokens[from].Kind != lexer.Identifier {
		return "", 0, 0, false
	}
	name := r.tokens[from].Value
	if name == "consent" || name == "traits" {
		member, next, ok := r.memberName(from+1, to)
		kind := Bool
		if name == "traits" {
			kind = Untyped
		}
		return name + "." + member, kind, next, ok
	}
	if slices.Contains(askedOf(), name) && r.is(from+1, to, "(") && r.match[from+1] == from+3 && r.tokens[from+2].Kind == lexer.String {
		return name + "." + r.tokens[from+2].Value, Decimal, from + 4, true
	}
	if language().members[name] != nil {
		member, next, ok := r.memberName(from+1, to)
		if f := language().scalar[name+"."+member]; ok && f != nil {
			return f.Name, f.Kind, next, true
		}
		return "", 0, 0, false
	}
	if f := language().scalar[name]; f != nil {
		return name, f.Kind, from + 1, true
	}
	return "", 0, 0, false
}

// memberName reads .name or ["name"].
func (r *blockReader) memberName(from, to int) (string, int, bool) {
	switch {
	case r.is(from, to, ".") && from+1 < to && r.tokens[from+1].Kind == lexer.Identifier:
		return r.tokens[from+1].Value, from + 2, true
	case r.is(from, to, "[") && r.match[from] == from+2 && r.tokens[from+1].Kind == lexer.String:
		return r.tokens[from+1].Value, from + 3, true
	}
	return "", 0, false
}

// constant reads a literal or a fixed time, up to the token next.
func (r *blockReader) constant(from, to int) (as, value string, next int, ok bool) {
	if from >= to {
		return "", "", 0, false
	}
	t := r.tokens[from]
	switch {
	case r.is(from, to, "-") && from+1 < to && r.tokens[from+1].Kind == lexer.Number:
		value = "-" + strings.ReplaceAll(r.tokens[from+1].Value, "_", "")
		return asNumber, value, from + 2, plainNumber.MatchString(value)
	case t.Kind == lexer.Number:
		value = strings.ReplaceAll(t.Value, "_", "")
		return asNumber, value, from + 1, plainNumber.MatchString(value)
	case t.Kind == lexer.String:
		return asText, t.Value, from + 1, true
	case t.Is(lexer.Identifier, "true", "false"):
		return t.Value, "", from + 1, true
	case t.Is(lexer.Identifier, "now") && r.is(from+1, to, "(") && r.match[from+1] == from+2:
		return asNow, "", from + 3, true
	case t.Is(lexer.Identifier, "ago", "date") && r.is(from+1, to, "(") && r.match[from+1] == from+3 && r.tokens[from+2].Kind == lexer.String:
		return t.Value, r.tokens[from+2].Value, from + 4, true
	}
	if _, known := calendarOf(t.Value); known && t.Is(lexer.Identifier) && r.is(from+1, to, "(") && r.match[from+1] == from+2 {
		return asPeriod, t.Value, from + 3, true
	}
	return "", "", 0, false
}

// question reads a call that is a condition by itself.
func (r *blockReader) question(from, to int) (Block, bool) {
	if r.in != nil || from+4 != to || !r.tokens[from].Is(lexer.Identifier) || !r.is(from+1, to, "(") || r.tokens[from+2].Kind != lexer.String || !r.is(from+3, to, ")") {
		return Block{}, false
	}
	as, ok := questionOf(r.tokens[from].Value)
	return Block{Kind: BlockValue, Field: r.tokens[from].Value, Operator: "true", As: as, Value: r.tokens[from+2].Value}, ok
}

// fits reports whether a field of a kind is compared with such a constant.
func fits(kind Kind, as string) bool {
	switch kind {
	case Whole, Money, Decimal:
		return as == asNumber
	case Text:
		return as == asText
	case Instant:
		return as == asAgo || as == asDate || as == asNow || as == asPeriod
	case Untyped:
		return as == asNumber || as == asText
	}
	return false
}

// compared is field sign constant as a block.
func compared(b Block, kind Kind, sign, as, value string) (Block, bool) {
	if _, ok := relations[sign]; !ok {
		return b, false
	}
	if (kind == Bool || kind == Untyped) && (as == "true" || as == "false") {
		switch {
		case sign == "==":
			b.Operator = as
		case sign == "!=":
			b.Operator = map[string]string{"true": "false", "false": "true"}[as]
		default:
			return b, false
		}
		return b, true
	}
	b.Operator, b.As, b.Value = sign, as, value
	return b, fits(kind, as)
}

// condition reads a field and what is said of it.
func (r *blockReader) condition(from, to int) (Block, bool) {
	field, kind, i, ok := r.path(from, to)
	folded := false
	if !ok && from+2 < to && r.tokens[from].Is(lexer.Identifier, "fold") && r.is(from+1, to, "(") {
		end := r.match[from+1]
		field, kind, i, ok = r.path(from+2, end)
		ok = ok && i == end && end+1 < to && foldable(kind)
		folded, i, kind = true, end+1, Text
	}
	if !ok {
		return Block{}, false
	}
	b := Block{Kind: BlockValue, Field: field, Fold: folded}
	if i == to {
		b.Operator = "true"
		return b, kind == Bool || kind == Untyped
	}
	prefix := ""
	if r.is(i, to, "not") {
		prefix, i = "not ", i+1
	}
	if i >= to || r.tokens[i].Kind != lexer.Operator {
		return b, false
	}
	sign := r.tokens[i].Value
	switch sign {
	case "in":
		b.Operator = prefix + sign
		return r.oneOf(b, kind, i+1, to)
	case "contains", "startsWith", "endsWith":
		as, value, next, ok := r.constant(i+1, to)
		b.Operator, b.As, b.Value = prefix+sign, as, value
		return b, ok && next == to && as == asText && (kind == Text || kind == Untyped)
	}
	as, value, next, ok := r.constant(i+1, to)
	if !ok || next != to || prefix != "" {
		return b, false
	}
	return compared(b, kind, sign, as, value)
}

// foldable reports whether fields of a kind are compared folded.
func foldable(k Kind) bool { return k == Text || k == Untyped }

// oneOf reads the list after in.
func (r *blockReader) oneOf(b Block, kind Kind, from, to int) (Block, bool) {
	if !r.is(from, to, "[") || r.match[from] != to-1 {
		return b, false
	}
	for _, p := range r.split(from+1, to-1, ",") {
		as, value, next, ok := r.constant(p[0], p[1])
		if !ok || next != p[1] || !fits(kind, as) || b.As != "" && b.As != as || kind == Instant {
			return b, false
		}
		b.As, b.Values = as, append(b.Values, value)
	}
	return b, true
}

// mirrored reads a comparison whose constant stands first.
func (r *blockReader) mirrored(from, to int) (Block, bool) {
	as, value, i, ok := r.constant(from, to)
	if !ok || i >= to || r.tokens[i].Kind != lexer.Operator {
		return Block{}, false
	}
	rel, ok := relations[r.tokens[i].Value]
	if !ok {
		return Block{}, false
	}
	field, kind, next, ok := r.path(i+1, to)
	if !ok || next != to {
		return Block{}, false
	}
	return compared(Block{Kind: BlockValue, Field: field}, kind, signOf(rel.mirrored()), as, value)
}

func signOf(rel relation) string {
	if rel == eq {
		return "=="
	}
	return relationSQL[rel]
}

// has reads "text" in field.
func (r *blockReader) has(from, to int) (Block, bool) {
	if from+3 > to || r.tokens[from].Kind != lexer.String {
		return Block{}, false
	}
	b, i := Block{Kind: BlockValue, Operator: "has", As: asText, Value: r.tokens[from].Value}, from+1
	if r.is(i, to, "not") {
		b.Operator, i = "not has", i+1
	}
	if !r.is(i, to, "in") {
		return b, false
	}
	field, kind, next, ok := r.path(i+1, to)
	b.Field = field
	return b, ok && next == to && kind == Texts
}

// presence reads present(...) and missing(...) of a field or a measure.
func (r *blockReader) presence(from, to int) (Block, bool) {
	if !r.calls(from, to, "present", "missing") {
		return Block{}, false
	}
	b := Block{Kind: BlockValue, Operator: r.tokens[from].Value}
	if field, kind, next, ok := r.path(from+2, to-1); ok && next == to-1 && slices.Contains(Operators(kind), b.Operator) {
		b.Field = field
		return b, true
	}
	if m, kind, next, ok := r.measure(from+2, to-1); ok && next == to-1 && kind != Bool {
		m.Operator = b.Operator
		return m, true
	}
	return b, false
}

// calls reports whether the tokens are one call of such a function.
func (r *blockReader) calls(from, to int, names ...string) bool {
	return from+2 < to && r.tokens[from].Is(lexer.Identifier) && slices.Contains(names, r.tokens[from].Value) && r.is(from+1, to, "(") && r.match[from+1] == to-1
}

// about reads a condition on a list.
func (r *blockReader) about(from, to int) (Block, bool) {
	if r.in != nil {
		return Block{}, false
	}
	if r.calls(from, to, "any", "all", "none") {
		b, ok := r.counted(from, to)
		switch b.Quantity = r.tokens[from].Value; b.Quantity {
		case "any":
			b.Quantity, b.Value = "at_least", "1"
		case "all": // of a filtered list it is another question than of the list
			ok = ok && r.tokens[from+2].Is(lexer.Identifier) && !r.is(from+3, to, "(")
		}
		return b, ok
	}
	if b, i, ok := r.countOf(from, to); ok && i < to {
		as, value, next, ok := r.constant(i+1, to)
		return quantity(b, r.tokens[i].Value, as, value, ok && next == to)
	}
	if as, value, i, ok := r.constant(from, to); ok && i < to {
		if rel, known := relations[r.tokens[i].Value]; known {
			if b, next, ok := r.countOf(i+1, to); ok {
				return quantity(b, signOf(rel.mirrored()), as, value, next == to)
			}
		}
	}
	if b, kind, i, ok := r.measure(from, to); ok && i < to && r.tokens[i].Kind == lexer.Operator {
		as, value, next, ok := r.constant(i+1, to)
		if !ok || next != to {
			return b, false
		}
		return compared(b, kind, r.tokens[i].Value, as, value)
	}
	return Block{}, false
}

// countOf reads count(...); next is the token after it.
func (r *blockReader) countOf(from, to int) (Block, int, bool) {
	if from+2 >= to || !r.tokens[from].Is(lexer.Identifier, "count") || !r.is(from+1, to, "(") {
		return Block{}, 0, false
	}
	end := r.match[from+1] + 1
	b, ok := r.counted(from, end)
	return b, end, ok
}

// counted reads the list and the conditions of count, any, all and none.
func (r *blockReader) counted(from, to int) (Block, bool) {
	args := r.split(from+2, to-1, ",")
	if len(args) > 2 {
		return Block{}, false
	}
	b, l, ok := r.source(args[0][0], args[0][1])
	if ok && len(args) == 2 {
		b.Blocks = append(b.Blocks, r.conditions(l, args[1])...)
	}
	return b, ok
}

// source reads a list, perhaps filtered.
func (r *blockReader) source(from, to int) (Block, *Collection, bool) {
	if to-from == 1 {
		l := language().list[r.tokens[from].Value]
		return Block{Kind: BlockList, List: r.tokens[from].Value}, l, l != nil
	}
	if r.calls(from, to, "filter") {
		if args := r.split(from+2, to-1, ","); len(args) == 2 {
			b, l, ok := r.source(args[0][0], args[0][1])
			if ok {
				b.Blocks = append(b.Blocks, r.conditions(l, args[1])...)
			}
			return b, l, ok
		}
	}
	return Block{}, nil, false
}

// conditions reads what elements of a list have to fulfil: the members of an all one by one.
func (r *blockReader) conditions(l *Collection, arg [2]int) []Block {
	inner := *r
	inner.in = l
	b := inner.group(arg[0], arg[1])
	if b.Kind == BlockAll {
		return b.Blocks
	}
	return []Block{b}
}

// quantity is a comparison of a count in words.
func quantity(b Block, sign, as, value string, ok bool) (Block, bool) {
	n, err := strconv.Atoi(value)
	if !ok || as != asNumber || err != nil || n < 0 {
		return b, false
	}
	most := language().list[b.List].Max
	switch sign {
	case ">=":
		b.Quantity = "at_least"
	case ">":
		b.Quantity, n = "at_least", n+1
	case "<=":
		b.Quantity = "at_most"
	case "<":
		b.Quantity, n = "at_most", n-1
	case "==":
		if b.Quantity = "exactly"; n == 0 && len(b.Blocks) == 0 {
			b.Quantity = "none"
			return b, true
		}
	default:
		return b, false
	}
	b.Value = strconv.Itoa(n)
	return b, n >= 0 && n <= most
}

// measure reads sum, avg, min and max with the kind of what they give.
func (r *blockReader) measure(from, to int) (b Block, kind Kind, next int, ok bool) {
	if r.in != nil || from+2 >= to || !r.tokens[from].Is(lexer.Identifier, "sum", "avg", "min", "max") || !r.is(from+1, to, "(") {
		return b, 0, 0, false
	}
	end := r.match[from+1] + 1
	args := r.split(from+2, end-1, ",")
	if len(args) != 2 {
		return b, 0, 0, false
	}
	b, l, ok := r.source(args[0][0], args[0][1])
	if !ok {
		return b, 0, 0, false
	}
	inner := *r
	inner.in = l
	field, kind, i, ok := inner.path(args[1][0], args[1][1])
	b.Quantity, b.Field = r.tokens[from].Value, field
	if b.Quantity == "avg" {
		kind = Decimal
	}
	return b, kind, end, ok && i == args[1][1]
}
