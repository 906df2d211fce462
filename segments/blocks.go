package segments

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser/lexer"

	"enishi"
	"enishi/profiles"
)

// Kinds of [Block].
const (
	BlockAll   = "all"   // every one of Blocks holds
	BlockAny   = "any"   // at least one of Blocks holds
	BlockNone  = "none"  // none of Blocks holds
	BlockValue = "value" // a condition on one field
	BlockList  = "list"  // a condition on a list: how many of its elements fulfil Blocks, or a measure of those that do
	BlockText  = "text"  // whatever has no other form, as it was written
)

// Block is a part of an expression in the form in which a builder shows it. [Blocks] makes it of an expression, [Print] the
// expression of it. It never holds less than the expression: what has no block form is kept as text.
type Block struct {
	Kind     string   `json:"kind" enum:"all,any,none,value,list,text"`
	Blocks   []Block  `json:"blocks,omitempty" doc:"Of a group its members, of a list the conditions on its elements, all of which hold."`
	List     string   `json:"list,omitempty" doc:"Name of the list."`
	Quantity string   `json:"quantity,omitempty" enum:"at_least,at_most,exactly,none,all,sum,avg,min,max" doc:"Of a list: how many elements, or which measure of field."`
	Field    string   `json:"field,omitempty" doc:"Name of a field, consent.CHANNEL, traits.NAME, rank.RANKING, distance.STORE, or of a question such as in_segment, which value is asked with; among a list's conditions a field of its elements."`
	Operator string   `json:"operator,omitempty" doc:"As in the expression; also true, false, present, missing, between, has, not has."`
	Fold     bool     `json:"fold,omitempty" doc:"Of a text: compared without differences of width, case and kana."`
	As       string   `json:"as,omitempty" enum:"number,text,ago,date,now,calendar" doc:"What value and values are."`
	Value    string   `json:"value,omitempty" doc:"A number, a text, a span such as 90d, a date, the name of an instant of the calendar such as this_month; of a quantity the number of elements."`
	To       string   `json:"to,omitempty" doc:"Of between: the last day."`
	Values   []string `json:"values,omitempty" doc:"Of in and not in."`
	Text     string   `json:"text,omitempty"`
}

// How values are meant.
const (
	asNumber = "number"
	asText   = "text"
	asAgo    = "ago"
	asDate   = "date"
	asNow    = "now"
	asPeriod = "calendar"
)

// questionOf is how the value of a question about the person is meant: a call that is true or false, whose block has the
// function's name as its field.
func questionOf(function string) (as string, ok bool) {
	switch function {
	case "in_segment", "in_list", "top":
		return asText, true
	case "birthday_within":
		return asAgo, true
	}
	return "", false
}

// askedOf are the functions of a name that give a number of the person. A block has rank.NAME or distance.STORE as its field.
func askedOf() []string { return []string{"rank", "distance"} }

var (
	plainNumber = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
	plainDay    = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	plainName   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// Operators are those that a condition on a field of a kind may have, in the order in which a person would choose.
func Operators(k Kind) []string {
	switch k {
	case Bool:
		return []string{"true", "false"}
	case Whole, Money:
		return []string{">=", "<=", "==", "!=", ">", "<"}
	case Decimal:
		return []string{">=", "<=", "==", "!=", ">", "<", "present", "missing"}
	case Text:
		return []string{"in", "not in", "==", "!=", "contains", "not contains", "startsWith", "not startsWith", "endsWith", "not endsWith", "present", "missing", "<", "<=", ">", ">="}
	case Instant:
		return []string{">", "<", ">=", "<=", "between", "present", "missing", "==", "!="}
	case Texts:
		return []string{"has", "not has"}
	case Untyped:
		return []string{"in", "not in", "==", "!=", ">=", "<=", ">", "<", "contains", "not contains", "startsWith", "not startsWith", "endsWith", "not endsWith", "present", "missing", "true", "false"}
	}
	return nil
}

// Blocks turns an expression into blocks. Groups of one member are that member. The blocks mean what the expression means:
// what cannot be said with them is kept as text, in the worst case the whole.
func Blocks(expression string) (Block, error) {
	root, _, err := checkNames(expression)
	if err != nil {
		return Block{}, err
	}
	b, ok := readBlocks(expression)
	if ok {
		text, err := Print(b)
		if err == nil {
			if again, _, err := checkNames(text); err == nil && equivalent(root, again) {
				return b, nil
			}
		}
	}
	return Block{Kind: BlockText, Text: strings.TrimSpace(expression)}, nil
}

// readBlocks is Blocks without the proof. It refuses comments: they would get lost.
func readBlocks(expression string) (Block, bool) {
	r, ok := newBlockReader(expression)
	if !ok || r.comments() {
		return Block{}, false
	}
	return r.group(0, len(r.tokens)), true
}

// equivalent reports whether two conditions are the same question: the query that a condition is compiled to has everything
// of it but its spelling.
func equivalent(a, b *node) bool {
	at := time.UnixMilli(0)
	x, xs := (&Segment{root: a}).SQL(at)
	y, ys := (&Segment{root: b}).SQL(at)
	return x == y && slices.Equal(xs, ys)
}

// blockReader reads blocks from the tokens of an expression that was checked before.
type blockReader struct {
	src    []rune
	tokens []lexer.Token
	match  []int       // of a bracket the index of its partner
	in     *Collection // the list whose condition is being read
}

func newBlockReader(src string) (*blockReader, bool) {
	tokens, err := lex(src)
	if err != nil {
		return nil, false
	}
	r := &blockReader{src: []rune(src), tokens: tokens, match: make([]int, len(tokens))}
	var open []int
	for i, t := range tokens {
		switch {
		case t.Is(lexer.Bracket, "(", "[", "{"):
			open = append(open, i)
		case t.Kind == lexer.Bracket:
			if len(open) == 0 {
				return nil, false
			}
			j := open[len(open)-1]
			open = open[:len(open)-1]
			r.match[i], r.match[j] = j, i
		}
	}
	return r, len(open) == 0
}

// comments reports whether something other than space stands between the tokens.
func (r *blockReader) comments() bool {
	end := 0
	for _, t := range r.tokens {
		if strings.TrimSpace(string(r.src[end:t.From])) != "" {
			return true
		}
		end = t.To
	}
	return strings.TrimSpace(string(r.src[end:])) != ""
}

// span is the source of the tokens from..to-1.
func (r *blockReader) span(from, to int) string {
	if from >= to {
		return ""
	}
	return string(r.src[r.tokens[from].From:r.tokens[to-1].To])
}

func (r *blockReader) text(from, to int) Block {
	return Block{Kind: BlockText, Text: r.span(from, to)}
}

func (r *blockReader) is(i, to int, values ...string) bool {
	return i < to && (r.tokens[i].Kind == lexer.Operator || r.tokens[i].Kind == lexer.Bracket) && slices.Contains(values, r.tokens[i].Value)
}

// split finds an operator outside of brackets: the parts between.
func (r *blockReader) split(from, to int, operators ...string) [][2]int {
	var parts [][2]int
	begin := from
	for i := from; i < to; i++ {
		switch {
		case r.is(i, to, "(", "[", "{"):
			i = r.match[i]
		case r.is(i, to, operators...):
			parts = append(parts, [2]int{begin, i})
			begin = i + 1
		}
	}
	return append(parts, [2]int{begin, to})
}

// group reads a condition of any kind.
func (r *blockReader) group(from, to int) Block {
	bracketed := false
	for r.is(from, to, "(") && r.match[from] == to-1 {
		from, to, bracketed = from+1, to-1, true
	}
	if len(r.split(from, to, "|", "?", ":", ";", "??", "let", "if", "else")) > 1 {
		return r.text(from, to)
	}
	for _, g := range []struct {
		kind      string
		operators []string
	}{{BlockAny, []string{"||", "or"}}, {BlockAll, []string{"&&", "and"}}} {
		parts := r.split(from, to, g.operators...)
		if len(parts) == 1 {
			continue
		}
		b := Block{Kind: g.kind}
		for _, p := range parts {
			b.Blocks = append(b.Blocks, r.group(p[0], p[1]))
		}
		if between, ok := asBetween(b); bracketed && ok {
			return between
		}
		return b
	}
	if r.is(from, to, "!", "not") {
		return r.negated(from, to)
	}
	return r.leaf(from, to)
}

// negated reads what follows a not: a group in brackets, a single field, or a call.
func (r *blockReader) negated(from, to int) Block {
	if field, kind, next, ok := r.path(from+1, to); ok && next == to {
		if kind == Bool {
			return Block{Kind: BlockValue, Field: field, Operator: "false"}
		}
		return Block{Kind: BlockNone, Blocks: []Block{r.leaf(from+1, to)}}
	}
	switch {
	case r.is(from+1, to, "(") && r.match[from+1] == to-1:
		inner := Block{Kind: BlockNone}
		for _, p := range r.split(from+2, to-1, "||", "or") {
			inner.Blocks = append(inner.Blocks, r.group(p[0], p[1]))
		}
		return inner
	case from+2 < to && r.tokens[from+1].Kind == lexer.Identifier && r.is(from+2, to, "(") && r.match[from+2] == to-1:
		if b, ok := r.question(from+1, to); ok {
			b.Operator = "false"
			return b
		}
		return Block{Kind: BlockNone, Blocks: []Block{r.leaf(from+1, to)}}
	}
	return r.text(from, to)
}

// asBetween is the pair of comparisons that between stands for.
func asBetween(b Block) (Block, bool) {
	if b.Kind != BlockAll || len(b.Blocks) != 2 {
		return b, false
	}
	x, y := b.Blocks[0], b.Blocks[1]
	if x.Kind != BlockValue || y.Kind != BlockValue || x.Field != y.Field || x.Operator != ">=" || y.Operator != "<" || x.As != asDate || y.As != asDate ||
		!plainDay.MatchString(x.Value) || !plainDay.MatchString(y.Value) {
		return b, false
	}
	last, ok := shiftDay(y.Value, -1)
	return Block{Kind: BlockValue, Field: x.Field, Operator: "between", As: asDate, Value: x.Value, To: last}, ok
}

func shiftDay(day string, days int) (string, bool) {
	at, err := time.Parse(time.DateOnly, day)
	return at.AddDate(0, 0, days).Format(time.DateOnly), err == nil
}

// checkNames is check where in_segment, rank and distance may name anything: what is different for each name stands for it.
func checkNames(src string) (*node, ast.Node, error) {
	find := func(name string) (string, bool) { return "traits[" + strconv.Quote("segment "+name) + "]", true }
	ranking := func(name string) (*Cuts, bool) {
		order := Order{Measure: "traits[" + strconv.Quote("ranking "+name) + "]", By: By{Top: 1}}
		return &Cuts{Order: order, Points: []string{"1"}, ComputedAt: time.UnixMilli(1)}, true
	}
	store := func(id string) (profiles.Place, bool) {
		h := enishi.NewID("store", id).Hash64()
		return profiles.Place{X: int64(h), Y: 1}, true
	}
	return checkWith(src, Library{Segment: find, Ranking: ranking, Store: store}.inclusion(""))
}
