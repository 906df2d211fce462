package segments

import (
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"enishi"
	"enishi/profiles"
)

// Reason is one of the conditions that a segment joins by && at its top, and what it found for a person.
type Reason struct {
	Expression string `json:"expression"` // the condition as text
	Match      bool   `json:"match"`
	Decides    bool   `json:"decides"`        // the answer follows from it: all of them for who is in, the failed ones for who is not
	Found      string `json:"found"`          // what was compared: an amount, a number, a count, an instant (RFC 3339) or a text; empty: missing, or nothing to show
	Until      string `json:"until,omitzero"` // instant at which the clock may change this condition
}

// Explain says why a person is in the segment at now, or is not.
func (s *Segment) Explain(v *profiles.View, now time.Time) []Reason {
	in := s.Match(v, now)
	var reasons []Reason
	for _, tree := range conjuncts(s.tree) {
		c := typing{src: s.Body.Expression, runes: []rune(s.Body.Expression), including: s.library().inclusion(s.Name)}
		part, err := c.condition(tree)
		if err != nil { // it was checked as a part of the whole
			continue
		}
		match, until := verdictOf(part)(v, now.UnixMilli(), 0)
		r := Reason{Expression: readable(tree.String()), Match: match, Decides: match == in, Found: found(part, v, now.UnixMilli())}
		if t := instant(until); !t.IsZero() {
			r.Until = t.Format(time.RFC3339Nano)
		}
		reasons = append(reasons, r)
	}
	return reasons
}

// conjuncts are the parts of a chain of && in their order.
func conjuncts(t ast.Node) []ast.Node {
	if b, ok := t.(*ast.BinaryNode); ok && (b.Operator == "&&" || b.Operator == "and") {
		return append(conjuncts(b.Left), conjuncts(b.Right)...)
	}
	return []ast.Node{t}
}

// readable writes the aggregates as they were read: expr's tree has max(map(orders, .total)).
func readable(text string) string {
	for name := range aggregates {
		for {
			head, rest, ok := strings.Cut(text, name+"(map(")
			if !ok {
				break
			}
			text = head + name + "(" + removeClosing(rest)
		}
	}
	return text
}

// removeClosing takes away the bracket that closes an opened one at the start of s.
func removeClosing(s string) string {
	depth, quoted := 1, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return s[:i] + s[i+1:]
			}
		}
	}
	return s
}

// found is the value that a condition looked at.
func found(n *node, v *view, now int64) string {
	switch n.op {
	case opNot:
		return found(n.args[0], v, now)
	case opAnd, opOr:
		if n.name == counting {
			return found(n.args[0], v, now)
		}
	case opAtLeast:
		all := *n
		all.op, all.kind = opCount, Whole
		return show(&all, v, now)
	case opCompare, opIn, opContains, opStarts, opEnds, opPresent:
		return show(n.args[0], v, now)
	case opTraitIs:
		return traitText(v.Traits[n.name])
	case opField, opConsent:
		return strconv.FormatBool(testOf(n)(v, now, 0))
	case opHas:
		return strings.Join(n.field.texts(v), ", ")
	}
	return ""
}

func show(n *node, v *view, now int64) string {
	switch n.kind {
	case Text:
		return wordsOf(n)(v, now, 0)
	case Instant:
		if t := valueOf(n)(v, now, 0); t != 0 {
			return time.UnixMilli(t).UTC().Format(time.RFC3339Nano)
		}
	case Decimal:
		if f, ok := floatOf(n)(v, now, 0); ok {
			return strconv.FormatFloat(f, 'f', -1, 64)
		}
	case Money:
		if x, ok := maybeOf(n)(v, now, 0); ok {
			return enishi.Amount(x).String()
		}
	case Whole:
		if x, ok := maybeOf(n)(v, now, 0); ok {
			return strconv.FormatInt(x, 10)
		}
	}
	return ""
}
