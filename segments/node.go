package segments

import (
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/expr-lang/expr/file"

	"enishi/profiles"
)

// op says what a node of the typed tree is.
type op uint8

const (
	opConst      op = iota // b, i, f or s by kind; exact: a number literal that has no kind yet
	opField                // field, of the person or (list != nil) of the element
	opTrait                // name, read as kind Text or Decimal
	opTraitIs              // the trait's text form is s: true or false
	opConsent              // name: marketing on this channel is permitted
	opHas                  // field of kind Texts has s
	opAgo                  // now less i milliseconds
	opCalendar             // the instant of the calendar that name says
	opAge                  // whole years since the birthday
	opBirthMonth           // its month
	opDistance             // kilometres to place
	opBirthday             // it is today or in the next i days

	opAnd // args
	opOr  // args
	opNot // args[0]

	opCompare // args[0] rel args[1], both of one kind
	opIn      // args[0] (text) is one of texts
	opContains
	opStarts
	opEnds    // args[0] (text) with s
	opPresent // args[0] is not missing

	opAtLeast // at least i elements of list fulfil where
	opCount   // elements of list that fulfil where
	opSum     // of args[0] over them; opAvg, opMin and opMax likewise
	opAvg
	opFirst // field of the earliest of them; opLast of the latest
	opLast
	opDistinct // different values of args[0]
	opMin
	opMax

	opAdd
	opSub
	opMul
	opDiv
	opNeg
	opFold  // args[0] (text) without differences of width, case and kana
	opRank  // of args[0] among who fulfils where, by the points that follow it; b: it was computed
	opYen   // a whole number as an amount
	opFloat // a whole number or an amount as a double, amounts in whole units
)

type relation uint8

const (
	eq relation = iota
	ne
	lt
	le
	gt
	ge
)

var relations = map[string]relation{"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
var relationSQL = [...]string{eq: "=", ne: "!=", lt: "<", le: "<=", gt: ">", ge: ">="}

// mirrored is the relation with its sides exchanged.
func (r relation) mirrored() relation {
	return [...]relation{eq: eq, ne: ne, lt: gt, le: ge, gt: lt, ge: le}[r]
}

// node is a part of a checked expression.
type node struct {
	op    op
	kind  Kind
	rel   relation
	field *Field
	list  *Collection
	name  string
	where *node
	args  []*node
	b     bool
	i     int64
	f     float64
	s     string
	texts []string
	exact *big.Rat
	place profiles.Place // of a store
	zone  *time.Location // of the calendar's instants, of ages and birthdays

	timed   bool // the clock alone can change it
	maybe   bool // a number that can be missing
	element bool // depends on the element of the list that is looked at
	inputs  profiles.Change
	at      file.Location
}

// clock reports whether the node is an instant that the clock alone decides.
func (n *node) clock() bool { return n.op == opAgo || n.op == opCalendar }

// instantAt is the instant of such a node.
func (n *node) instantAt(now int64) int64 {
	if n.op == opAgo {
		return before(now, n.i)
	}
	return n.calendar().at(now)
}

func (n *node) calendar() calendar {
	c, _ := calendarOf(n.name)
	c.zone = n.zone
	return c
}

func (n *node) literal() bool { return n.op == opConst && n.exact != nil }

// number reports whether the node is a number of any kind.
func (n *node) number() bool { return n.kind == Whole || n.kind == Money || n.kind == Decimal }

// make fills in what follows from the parts.
func (n *node) derive() *node {
	for _, a := range n.args {
		n.timed = n.timed || a.timed
		n.inputs |= a.inputs
		if n.op < opAtLeast || n.op > opMax {
			n.element = n.element || a.element
		}
	}
	if n.where != nil {
		n.timed = n.timed || n.where.timed
		n.inputs |= n.where.inputs
	}
	if n.list != nil {
		n.inputs |= n.list.Inputs
	}
	return n
}

func constBool(b bool, at file.Location) *node { return &node{op: opConst, kind: Bool, b: b, at: at} }

func not(x *node) *node {
	switch x.op {
	case opNot:
		return x.args[0]
	case opConst:
		return constBool(!x.b, x.at)
	}
	return (&node{op: opNot, kind: Bool, args: []*node{x}, at: x.at}).derive()
}

// join makes an and or an or, flat.
func join(o op, at file.Location, parts ...*node) *node {
	n := &node{op: o, kind: Bool, at: at}
	for _, p := range parts {
		if p.op == o {
			n.args = append(n.args, p.args...)
			continue
		}
		n.args = append(n.args, p)
	}
	if len(n.args) == 1 {
		return n.args[0]
	}
	return n.derive()
}

// vocabulary is the tables of fields by name.
type vocabulary struct {
	scalars []*Field
	lists   []*Collection
	scalar  map[string]*Field
	list    map[string]*Collection
	members map[string][]string // of scalars whose names have a point: what comes behind it, by what comes before
}

var language = sync.OnceValue(func() *vocabulary {
	v := &vocabulary{scalars: scalars(), lists: collections(), scalar: map[string]*Field{}, list: map[string]*Collection{}, members: map[string][]string{}}
	for _, f := range v.scalars {
		v.scalar[f.Name] = f
		if base, member, ok := strings.Cut(f.Name, "."); ok {
			v.members[base] = append(v.members[base], member)
		}
	}
	for _, l := range v.lists {
		v.list[l.Name] = l
	}
	return v
})

func (v *vocabulary) names() []string {
	names := []string{"consent", "traits"}
	for _, f := range v.scalars {
		names = append(names, f.Name)
	}
	for _, l := range v.lists {
		names = append(names, l.Name)
	}
	return names
}

func (c *Collection) names() []string {
	var names []string
	for _, f := range c.Fields {
		names = append(names, f.Name)
	}
	return names
}
