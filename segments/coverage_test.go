package segments

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/expr-lang/expr/ast"

	"enishi"
	"enishi/profiles"
)

// What the differential tests have compared is counted for every function, operator, list and scalar: how often one was
// evaluated while something it reads was missing, for somebody with a refunded order, for somebody who was merged, and at a
// boundary. The oracle counts, since it evaluates as the expression is written.

// The cases that are counted.
const (
	whenMissing  = iota // no value, an empty list, nothing counted; of an operator: one of its sides
	whenRefunded        // beside something that orders make
	whenMerged
	atBoundary // two sides that are equal, instants within a millisecond; of arithmetic: no result of two numbers
)

// covered counts the cases of each of subjects.
type covered [][4]int

// subject is what a line of the table is about.
type subject struct {
	name  string
	field *Field      // of a scalar of the table
	list  *Collection // of a list
}

// subjects are the lines of the table. A list's name ends with [], for a scalar may be called the same.
var subjects = sync.OnceValue(func() []subject {
	var all []subject
	for _, f := range slices.Concat(Functions(), Symbols()) {
		all = append(all, subject{name: f.Name})
	}
	for _, l := range Collections() {
		all = append(all, subject{name: l.Name + "[]", list: l})
	}
	for _, f := range Fields() {
		all = append(all, subject{name: f.Name, field: f})
	}
	all = append(all, subject{name: "traits", field: &Field{Inputs: profiles.ChangedTraits}})
	for _, ch := range Channels() {
		all = append(all, subject{name: "consent." + ch, field: &Field{Kind: Bool, Inputs: profiles.ChangedConsents}})
	}
	return all
})

var subjectNumbers = sync.OnceValue(func() map[string]int {
	numbers := map[string]int{}
	for i, s := range subjects() {
		numbers[s.name] = i
	}
	return numbers
})

// excepted says why a cell of the table stays empty; "" when it must not.
func (s *subject) excepted(what int) string {
	orders := orderInputs | profiles.ChangedReturns
	switch {
	case what == atBoundary && s.field != nil && s.field.Kind == Bool && s.name != "held":
		return "a flag has no boundary"
	case what == atBoundary && s.name == "in_list":
		return "somebody is on a list or not"
	case what == whenRefunded && s.field != nil && s.field.Inputs&orders == 0:
		return "no order changes it"
	case what == whenRefunded && s.list != nil && s.list.Inputs&orders == 0:
		return "no order changes it"
	}
	return ""
}

// add counts what another has.
func (c covered) add(of covered) {
	for i := range of {
		for what, n := range of[i] {
			c[i][what] += n
		}
	}
}

// table prints the counts, and names the holes.
func (c covered) table() (text string, holes []string) {
	var b strings.Builder
	names := [4]string{"missing", "refunded", "merged", "boundary"}
	fmt.Fprintf(&b, "%-22s %10s %10s %10s %10s\n", "", names[0], names[1], names[2], names[3])
	for i, s := range subjects() {
		fmt.Fprintf(&b, "%-22s", s.name)
		for what, n := range c[i] {
			why := s.excepted(what)
			switch {
			case why != "":
				fmt.Fprintf(&b, " %10s", "-")
				continue
			case n == 0:
				holes = append(holes, s.name+" "+names[what])
			}
			fmt.Fprintf(&b, " %10d", n)
		}
		b.WriteString("\n")
	}
	return b.String(), holes
}

// site is a place in an expression: which subjects are in it or around it.
type site struct {
	names  []int
	empty  [][2]int // functions and the lists that they go through
	fixed  [2]bool  // sides that are written out
	orders bool     // something that orders make is among them
}

// siteOf describes the place of a node.
func siteOf(above []int, of ast.Node, sides []ast.Node) *site {
	s := &site{names: slices.Clone(above)}
	var in finder
	ast.Walk(&of, &in)
	s.names, s.empty = append(s.names, in.names...), in.empty
	slices.Sort(s.names)
	s.names = slices.Compact(s.names)
	for k, side := range sides {
		switch side.(type) {
		case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.ArrayNode:
			s.fixed[k] = true
		}
	}
	for _, n := range s.names {
		x := subjects()[n]
		s.orders = s.orders || x.field != nil && x.excepted(whenRefunded) == "" || x.list != nil && x.excepted(whenRefunded) == ""
	}
	return s
}

// finder collects the subjects of a tree.
type finder struct {
	names []int
	empty [][2]int
}

// Visit implements [ast.Visitor].
func (f *finder) Visit(n *ast.Node) {
	own := subjectsOf(*n)
	f.names = append(f.names, own...)
	source := *n
	if c, ok := source.(*ast.CallNode); ok && len(c.Arguments) > 0 {
		source = c.Arguments[0]
	}
	if list, ok := baseOf(source); ok {
		for _, name := range own {
			if name != list {
				f.empty = append(f.empty, [2]int{name, list})
			}
		}
	}
}

// baseOf is the list that a builtin goes through.
func baseOf(n ast.Node) (number int, ok bool) {
	b, isBuiltin := n.(*ast.BuiltinNode)
	for isBuiltin {
		n = b.Arguments[0]
		b, isBuiltin = n.(*ast.BuiltinNode)
		ok = true
	}
	if id, is := n.(*ast.IdentifierNode); ok && is {
		number, ok = subjectNumbers()[id.Value+"[]"]
		return number, ok
	}
	return 0, false
}

// subjectsOf are the subjects that a node itself is.
func subjectsOf(n ast.Node) []int {
	var names []string
	switch t := n.(type) {
	case *ast.BinaryNode:
		names = []string{operatorName(t.Operator)}
	case *ast.UnaryNode:
		names = []string{operatorName(t.Operator)}
	case *ast.CallNode:
		names = []string{t.Callee.(*ast.IdentifierNode).Value}
	case *ast.MemberNode:
		if id, ok := t.Node.(*ast.IdentifierNode); ok && (id.Value == "consent" || language().members[id.Value] != nil) {
			names = []string{id.Value + "." + t.Property.(*ast.StringNode).Value}
		}
	case *ast.IdentifierNode:
		names = []string{t.Value}
	case *ast.BuiltinNode:
		names = []string{t.Name}
	}
	var own []int
	for _, name := range names {
		if i, ok := subjectNumbers()[name]; ok {
			own = append(own, i)
		}
	}
	if list, ok := baseOf(n); ok {
		own = append(own, list)
	}
	return own
}

func operatorName(op string) string {
	if name, ok := map[string]string{"and": "&&", "or": "||", "not": "!"}[op]; ok {
		return name
	}
	return op
}

// watch counts what is evaluated for one person at one instant.
type watch struct {
	seen             covered
	empty            []bool // by subject: scalars and lists that have no value
	refunded, merged bool
	edge             bool // a hold ends now
	paused           bool
	around           []int // of conditions that another names
}

func newWatch(env map[string]any, v *profiles.View, now time.Time) *watch {
	w := &watch{seen: make(covered, len(subjects())), empty: make([]bool, len(subjects()))}
	for i := range v.Orders {
		o := &v.Orders[i]
		w.refunded = w.refunded || o.Refunded > 0 || !o.RefundedAt.IsZero()
	}
	customers := 0
	for i := range v.Profile.Subjects {
		if v.Profile.Subjects[i].Kind == enishi.Customer {
			customers++
		}
	}
	w.merged = customers > 1
	w.edge = !v.HoldUntil.IsZero() && v.HoldUntil.Sub(now).Abs() <= time.Millisecond
	return w
}

// learn notes which scalars and lists of an environment have no value.
func (w *watch) learn(env map[string]any) {
	for i, s := range subjects() {
		switch {
		case s.list != nil:
			w.empty[i] = len(env["list_"+s.list.Name].([]any)) == 0
		case s.name == "traits":
			w.empty[i] = len(env["traits"].(map[string]enishi.Value)) == 0
		case strings.HasPrefix(s.name, "consent."):
			w.empty[i] = !env["consent"].(map[string]bool)[s.name[len("consent."):]]
		case s.field != nil:
			w.empty[i] = nothing(env[s.name])
		}
	}
}

// nothing reports whether a value is missing or what nobody told of leaves: 0, false, no elements.
func nothing(x any) bool {
	switch x := x.(type) {
	case bool:
		return !x
	case []any:
		return len(x) == 0
	case num:
		return x.kind == 0 || x.double() == 0
	}
	return !present(x)
}

func (w *watch) pause() (resume func()) {
	was := w.paused
	w.paused = true
	return func() { w.paused = was }
}

// enter is called before a condition that a function names.
func (w *watch) enter(name string) (leave func()) {
	was := w.around
	w.around = append(slices.Clip(was), subjectNumbers()[name])
	return func() { w.around = was }
}

func (w *watch) mark(s *site, what int) {
	for _, n := range w.around {
		w.seen[n][what]++
	}
	for _, n := range s.names {
		w.seen[n][what]++
	}
}

// truth is told of each condition that is evaluated.
func (w *watch) truth(s *site) {
	if w.paused {
		return
	}
	if w.refunded && s.orders {
		w.mark(s, whenRefunded)
	}
	if w.merged {
		w.mark(s, whenMerged)
	}
	for _, n := range s.names {
		if w.empty[n] {
			w.seen[n][whenMissing]++
		}
		if w.edge && subjects()[n].name == "held" {
			w.seen[n][atBoundary]++
		}
	}
	for _, pair := range s.empty {
		if w.empty[pair[1]] {
			w.seen[pair[0]][whenMissing]++
		}
	}
}

// miss counts for the functions and operators: scalars and lists are told by truth.
func (w *watch) miss(s *site) {
	for _, n := range slices.Concat(w.around, s.names) {
		if x := subjects()[n]; x.field == nil && x.list == nil {
			w.seen[n][whenMissing]++
		}
	}
}

func isGone(x any) bool {
	switch x := x.(type) {
	case bool:
		return false
	case []any:
		return len(x) == 0
	}
	return !present(x)
}

// compare is told of two sides.
func (w *watch) compare(s *site, x, y any) {
	if w.paused {
		return
	}
	if !s.fixed[0] && isGone(x) || !s.fixed[1] && isGone(y) {
		w.miss(s)
	}
	if meets(x, y) {
		w.mark(s, atBoundary)
	}
}

// meets reports whether two sides are equal or next to each other.
func meets(x, y any) bool {
	if list, ok := y.([]any); ok {
		return slices.ContainsFunc(list, func(e any) bool { return meets(x, e) })
	}
	if isGone(x) || isGone(y) {
		return false
	}
	switch a := x.(type) {
	case bool:
		return false
	case time.Time:
		b, ok := y.(time.Time)
		return ok && a.Sub(b).Abs() <= time.Millisecond
	}
	if _, ok := y.(bool); ok {
		return false
	}
	return judge("==", x, y)
}

// compute is told of arithmetic.
func (w *watch) compute(op string, x, y any, z num) {
	if op == "neg" {
		op = "-"
		y = x
	}
	n, ok := subjectNumbers()[op]
	switch gone := isGone(x) || isGone(y); {
	case !ok || w.paused:
	case gone:
		w.seen[n][whenMissing]++
	case z.kind == 0:
		w.seen[n][atBoundary]++
	}
}

func (w *watch) present(s *site, x any) bool {
	there := present(x)
	if !there && !w.paused {
		w.miss(s)
	}
	return there
}

// named watches a function that asks for one of a person's names: there may be none at all.
func (w *watch) named(env map[string]any, function string, names int) {
	ask, n := env[function].(func(string) bool), subjectNumbers()[function]
	env[function] = func(name string) bool {
		if names == 0 && !w.paused {
			w.seen[n][whenMissing]++
		}
		return ask(name)
	}
}

// birthdays watches the first and the last day that birthday_within takes, and birthdays that nobody told.
func (w *watch) birthdays(env map[string]any) {
	within, n := env["birthday_within"].(func(string) bool), subjectNumbers()["birthday_within"]
	env["birthday_within"] = func(span string) bool {
		in := within(span)
		days, _ := strconv.Atoi(strings.TrimSuffix(span, "d"))
		switch {
		case w.paused:
		case env["birthday_month"].(num).kind == 0:
			w.seen[n][whenMissing]++
		case in && (within("0d") || !within(fmt.Sprint(days-1, "d"))):
			w.seen[n][atBoundary]++
		}
		return in
	}
}
