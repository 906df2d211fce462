package segments

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	noInstant = "toDateTime64(0, 3, 'UTC')"
	notFinite = "1.7976931348623157e308" // stands for what is not finite; it is itself taken as missing
)

// condition writes a condition that is never null.
func (q *statement) condition(n *node) string {
	switch n.op {
	case opConst:
		return strconv.FormatBool(n.b)
	case opField:
		return "(" + q.column(n.field, n.element) + " = 1)"
	case opConsent:
		q.needs("consents")
		return "(p.consents[" + q.text(n.name+".marketing") + "] = 'in')"
	case opTraitIs:
		q.needs("traits")
		return "(p.traits[" + q.text(n.name) + "] = " + q.text(n.s) + ")"
	case opHas:
		return "has(" + q.column(n.field, false) + ", " + q.text(n.s) + ")"
	case opBirthday:
		return q.within(int(n.i), n.zone)
	case opNot:
		return "(NOT " + q.condition(n.args[0]) + ")"
	case opAnd, opOr:
		word := map[op]string{opAnd: " AND ", opOr: " OR "}[n.op]
		parts := make([]string, len(n.args))
		for i, a := range n.args {
			parts[i] = q.condition(a)
		}
		return "(" + strings.Join(parts, word) + ")"
	case opCompare:
		return q.comparison(n)
	case opIn:
		x := q.words(n.args[0])
		texts := make([]string, len(n.texts))
		for i, t := range n.texts {
			texts[i] = q.text(t)
		}
		return "(" + x + " IN (" + strings.Join(texts, ", ") + "))"
	case opContains:
		return "(position(" + q.words(n.args[0]) + ", " + q.text(n.s) + ") > 0)"
	case opStarts:
		return "startsWith(" + q.words(n.args[0]) + ", " + q.text(n.s) + ")"
	case opEnds:
		return "endsWith(" + q.words(n.args[0]) + ", " + q.text(n.s) + ")"
	case opFirst, opLast:
		return "(" + q.chosen(n) + " = 1)"
	case opPresent:
		return q.present(n.args[0])
	case opAtLeast:
		return "(" + q.measure(n, "count", "", "") + " >= " + q.whole(n.i) + ")"
	}
	panic("no condition: " + strconv.Itoa(int(n.op)))
}

func (q *statement) comparison(n *node) string {
	x, y := n.args[0], n.args[1]
	switch x.kind {
	case Text:
		return "(" + q.words(x) + " " + relationSQL[n.rel] + " " + q.words(y) + ")"
	case Instant:
		return q.instants(n.rel, x, y)
	}
	text := "(" + q.number(x) + " " + relationSQL[n.rel] + " " + q.number(y) + ")"
	if x.maybe || y.maybe {
		return "ifNull" + text[:len(text)-1] + ", false)"
	}
	return text
}

// instants compares instants; what is missing is the epoch in a column and null in an aggregate.
func (q *statement) instants(rel relation, x, y *node) string {
	a, b := q.instant(x), q.instant(y)
	text := a + " " + relationSQL[rel] + " " + b
	if x.list != nil && !x.element || y.list != nil && !y.element {
		text = "ifNull(" + text + ", false)"
	}
	parts := []string{text}
	if x.op == opField && !(y.op != opField && y.list == nil && q.after(y) && (rel == eq || rel == gt || rel == ge)) {
		parts = append(parts, a+" != "+noInstant)
	}
	if y.op == opField {
		parts = append(parts, b+" != "+noInstant)
	}
	return "(" + strings.Join(parts, " AND ") + ")"
}

// after reports whether a fixed instant is after the epoch, so that what is not before it is present.
func (q *statement) after(n *node) bool {
	if n.clock() {
		return n.instantAt(q.now) > 0
	}
	return n.i > 0
}

func (q *statement) instant(n *node) string {
	switch n.op {
	case opField:
		return q.column(n.field, n.element)
	case opAgo, opCalendar:
		return "fromUnixTimestamp64Milli(" + q.whole(n.instantAt(q.now)) + ", 'UTC')"
	case opFirst, opLast:
		return "nullIf(" + q.chosen(n) + ", " + noInstant + ")"
	case opMin, opMax:
		of := q.inside(n, q.instant)
		return q.measure(n, extreme(n.op), of, "("+of+" != "+noInstant+")")
	}
	return "fromUnixTimestamp64Milli(" + q.whole(n.i) + ", 'UTC')"
}

func extreme(o op) string {
	if o == opMin {
		return "minOrNull"
	}
	return "maxOrNull"
}

func (q *statement) present(x *node) string {
	switch {
	case x.kind == Text:
		return "(" + q.words(x) + " != '')"
	case x.kind == Instant && x.op == opField:
		return "(" + q.instant(x) + " != " + noInstant + ")"
	case x.kind == Instant:
		return "(" + q.instant(x) + " IS NOT NULL)"
	}
	return "(" + q.number(x) + " IS NOT NULL)"
}

func (q *statement) words(n *node) string {
	switch n.op {
	case opField:
		return q.column(n.field, n.element)
	case opFirst, opLast:
		return q.chosen(n)
	case opFold:
		return q.fold(q.words(n.args[0]))
	case opTrait:
		q.needs("traits")
		return "p.traits[" + q.text(n.name) + "]"
	}
	return q.text(n.s)
}

// number writes a number: Int64 for whole numbers and amounts, Float64 for decimals; nullable if it can be missing.
func (q *statement) number(n *node) string {
	switch n.op {
	case opConst:
		if n.kind == Decimal {
			return q.double(n.f)
		}
		return q.whole(n.i)
	case opField:
		return q.column(n.field, n.element)
	case opTrait:
		q.needs("traits")
		q.needs("traits_number") // has booleans and instants as well, but their text forms tell them apart
		name := q.text(n.name)
		return fmt.Sprintf("if(mapContains(p.traits_number, %[1]s) AND p.traits[%[1]s] NOT IN ('true', 'false') AND position(p.traits[%[1]s], 'T') = 0, p.traits_number[%[1]s], NULL)", name)
	case opDistance:
		return q.distance(n.place)
	case opAge:
		return q.age(n.zone)
	case opRank:
		return q.rank(n)
	case opBirthMonth:
		return q.birthMonth()
	case opCount:
		return q.measure(n, "count", "", "")
	case opFirst, opLast:
		return q.chosen(n)
	case opDistinct:
		return q.distinct(n)
	case opSum:
		return "accurateCastOrNull(" + q.sum(n) + ", 'Int64')"
	case opAvg:
		present := ""
		if n.args[0].maybe {
			present = "(" + q.inside(n, q.number) + " IS NOT NULL)"
		}
		return fmt.Sprintf("(%s / nullIf(toFloat64(%s), 0))", scaled("accurateCastOrNull("+q.sum(n)+", 'Int64')", n.args[0]), q.measure(n, "count", "", present))
	case opMin, opMax:
		return q.measure(n, extreme(n.op), q.inside(n, q.number), "")
	case opYen:
		return "accurateCastOrNull(toInt128(" + q.number(n.args[0]) + ") * 10000, 'Int64')"
	case opFloat:
		return scaled(q.number(n.args[0]), n.args[0])
	case opNeg:
		if n.kind == Decimal {
			return "(-" + q.number(n.args[0]) + ")"
		}
		return "accurateCastOrNull(-toInt128(" + q.number(n.args[0]) + "), 'Int64')"
	}
	x, y := q.number(n.args[0]), q.number(n.args[1])
	sign := map[op]string{opAdd: "+", opSub: "-", opMul: "*", opDiv: "/"}[n.op]
	if n.kind != Decimal {
		return "accurateCastOrNull(toInt128(" + x + ") " + sign + " toInt128(" + y + "), 'Int64')"
	}
	if n.op == opDiv {
		y = "nullIf(" + y + ", 0)"
	}
	return "nullIf(ifNotFinite(" + x + " " + sign + " " + y + ", " + notFinite + "), " + notFinite + ")"
}

func (q *statement) sum(n *node) string {
	return q.measure(n, "sum", "toInt128("+q.inside(n, q.number)+")", "")
}

// scaled is an exact value as a double, amounts in whole units.
func scaled(text string, n *node) string {
	if n.kind == Money {
		return "(toFloat64(" + text + ") / 10000)"
	}
	return "toFloat64(" + text + ")"
}
