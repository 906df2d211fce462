package segments

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"

	"enishi"
	"enishi/internal/clickhouse"
	"enishi/profiles"
)

// goldenCase is an expression, somebody as profiles shows them, and what the answer is: a line of testdata/cases.jsonl. A
// differential test that fails prints the line of its counterexample, made as small as it can.
type goldenCase struct {
	Why        string          `json:"why"`
	Expression string          `json:"expression"`
	At         time.Time       `json:"at"`
	Person     json.RawMessage `json:"person"`
	In         bool            `json:"in"`
}

func readCases(t *testing.T) []goldenCase {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "cases.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var all []goldenCase
	for line := range bytes.Lines(text) {
		var c goldenCase
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&c); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if c.Why == "" || c.At.IsZero() {
			t.Fatalf("%s: say why, and when", line)
		}
		all = append(all, c)
	}
	return all
}

// readPerson reads somebody from a case.
func readPerson(text []byte) (*profiles.View, error) {
	v := &profiles.View{Profile: &profiles.Profile{}}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return nil, fmt.Errorf("read a person: %w", err)
	}
	v.Profile.ID = v.ID
	for i := range v.Orders {
		v.Orders[i].Order = cmp.Or(v.Orders[i].Order, &enishi.Order{})
	}
	for i := range v.Shipments {
		v.Shipments[i].Shipment = cmp.Or(v.Shipments[i].Shipment, &enishi.Shipment{})
	}
	for i := range v.Returns {
		v.Returns[i].Return = cmp.Or(v.Returns[i].Return, &enishi.Return{})
	}
	for i := range v.Contracts {
		v.Contracts[i].Subscription = cmp.Or(v.Contracts[i].Subscription, &enishi.Subscription{})
	}
	return v, nil
}

// compareCases asks Match, the oracle and SQL about each golden case.
func compareCases(t *testing.T) covered {
	t.Helper()
	db := openDB(t, "cases")
	seen := make(covered, len(subjects()))
	for k, c := range readCases(t) {
		v, err := readPerson(c.Person)
		if err != nil {
			t.Fatalf("%s: %v", c.Why, err)
		}
		v.ID = id("case", k)
		s := compiled(t, c.Expression)
		if got := s.Match(v, c.At); got != c.In {
			t.Errorf("%s: Match gives %v", c.Why, got)
		}
		env := environment(v, c.At)
		if got, err := vm.Run(must(oracle(c.Expression))(t), env); err != nil || got != c.In {
			t.Errorf("%s: the oracle gives %v, %v", c.Why, got, err)
		}
		seen.add(env["watch"].(*watch).seen)
		insertPeople(t, db, []*profiles.View{v})
		query, args := matrix([]*Segment{s}, c.At)
		if got := readMatrix(t, db, query, args)[text16(v.ID)]; len(got) != 1 || got[0] != uint8Of(c.In) {
			t.Errorf("%s: SQL gives %v", c.Why, got)
		}
	}
	return seen
}

// shrinkSQL makes a counterexample of Match and SQL small.
func shrinkSQL(t *testing.T, db *clickhouse.DB, s *Segment, v *profiles.View, at time.Time) string {
	t.Helper()
	n := 0
	return shrink(t, s.Body.Expression, v, at, func(s *Segment, v *profiles.View) bool {
		n++
		v.ID = id("shrunk", n)
		insertPeople(t, db, []*profiles.View{v})
		query, args := matrix([]*Segment{s}, at)
		got := readMatrix(t, db, query, args)[text16(v.ID)]
		return len(got) == 1 && (got[0] == 1) != s.Match(v, at)
	})
}

// shrinkVM makes a counterexample of Match and the oracle small.
func shrinkVM(t *testing.T, s *Segment, v *profiles.View, at time.Time) string {
	t.Helper()
	return shrink(t, s.Body.Expression, v, at, func(s *Segment, v *profiles.View) bool {
		program, err := oracle(s.Body.Expression)
		if err != nil {
			return false
		}
		got, err := vm.Run(program, environment(v, at))
		return err != nil || got != s.Match(v, at)
	})
}

// shrink takes away what the evaluators disagree without, and writes the case with what the oracle says.
func shrink(t *testing.T, expression string, v *profiles.View, at time.Time, disagree func(*Segment, *profiles.View) bool) string {
	t.Helper()
	person, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(person, &tree); err != nil {
		t.Fatal(err)
	}
	tries := 400
	fails := func(expression string, tree any) bool {
		text, err := json.Marshal(tree)
		if err != nil || tries == 0 || library.Check(expression) != nil {
			return false
		}
		v, err := readPerson(text)
		if err != nil {
			return false
		}
		tries--
		return disagree(compiled(t, expression), v)
	}
	tree = bounded(withoutZeros(tree, ""))
	if !fails(expression, tree) {
		return "it cannot be written as a case: an amount in it is beyond what an event can say"
	}
	for _, part := range parts(expression) {
		if len(part) < len(expression) && fails(part, tree) {
			expression = part
			break
		}
	}
	for smaller := true; smaller; {
		smaller = false
		for _, path := range paths(tree) {
			if less := without(tree, path); fails(expression, less) {
				tree, smaller = less, true
				break
			}
		}
	}
	c := goldenCase{Why: "say what it shows", Expression: expression, At: at}
	if c.Person, err = json.Marshal(tree); err != nil {
		t.Fatal(err)
	}
	if small, err := readPerson(c.Person); err == nil {
		program := must(oracle(expression))(t)
		if in, err := vm.Run(program, environment(small, at)); err == nil {
			c.In = in == true
		}
	}
	line, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

// parts are the conditions that an expression has, the shortest first.
func parts(expression string) []string {
	root, _, err := parse(expression, grammar())
	if err != nil {
		return nil
	}
	var all nodeTexts
	ast.Walk(&root, &all)
	slices.SortFunc(all, func(a, b string) int { return len(a) - len(b) })
	return all
}

type nodeTexts []string

// Visit implements [ast.Visitor].
func (p *nodeTexts) Visit(n *ast.Node) { *p = append(*p, (*n).String()) }

var tooMuch = regexp.MustCompile(`^-?\d{15}(\.\d{1,4})?$`)

// bounded makes amounts as large as an event can have them.
func bounded(x any) any {
	switch x := x.(type) {
	case map[string]any:
		for k, e := range x {
			x[k] = bounded(e)
		}
	case []any:
		for i, e := range x {
			x[i] = bounded(e)
		}
	case string:
		if tooMuch.MatchString(x) {
			return "99999999999999"
		}
	}
	return x
}

// withoutZeros leaves out what decoding leaves zero; in a map of traits a zero is a value.
func withoutZeros(x any, key string) any {
	switch x := x.(type) {
	case map[string]any:
		for k, e := range x {
			e = withoutZeros(e, k)
			x[k] = e
			switch zero := reflect.ValueOf(e); {
			case key == "Traits" || key == "Profile":
			case e == nil, e == "0001-01-01T00:00:00Z", e == "", e == "0", e == 0.0, e == false, zero.Kind() != reflect.String && zero.Kind() != reflect.Float64 && zero.Kind() != reflect.Bool && zero.Len() == 0:
				delete(x, k)
			}
		}
	case []any:
		for i, e := range x {
			x[i] = withoutZeros(e, "")
		}
	}
	return x
}

// paths lead to everything that could be taken away, large things first.
func paths(x any) [][]any {
	var out [][]any
	for wave := [][]any{nil}; len(wave) > 0; {
		var next [][]any
		for _, path := range wave {
			switch y := at(x, path).(type) {
			case map[string]any:
				for k := range y {
					if k != "ID" && k != "At" {
						next = append(next, append(slices.Clip(path), k))
					}
				}
			case []any:
				for i := range y {
					next = append(next, append(slices.Clip(path), i))
				}
			}
		}
		slices.SortFunc(next, func(a, b []any) int { return strings.Compare(fmt.Sprint(a...), fmt.Sprint(b...)) })
		out, wave = append(out, next...), next
	}
	return out
}

func at(x any, path []any) any {
	for _, step := range path {
		switch k := step.(type) {
		case string:
			x = x.(map[string]any)[k]
		case int:
			x = x.([]any)[k]
		}
	}
	return x
}

// without is a copy of a tree that lacks what is at a path.
func without(x any, path []any) any {
	switch y := x.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range y {
			if k != path[0] {
				out[k] = e
			} else if len(path) > 1 {
				out[k] = without(e, path[1:])
			}
		}
		return out
	case []any:
		out := []any{}
		for i, e := range y {
			if i != path[0] {
				out = append(out, e)
			} else if len(path) > 1 {
				out = append(out, without(e, path[1:]))
			}
		}
		return out
	}
	return x
}

// TestShrink: of a large counterexample what matters is left, as a line that is read again.
func TestShrink(t *testing.T) {
	t.Parallel()
	v := hanako()
	expression := `(ltv > 1 && points >= 500) || any(orders, .total >= 9999 && .channel == "store")`
	line := shrink(t, expression, v, hanakoAt, func(s *Segment, v *profiles.View) bool {
		return s.Match(v, hanakoAt) && slices.ContainsFunc(v.Orders, func(o profiles.OrderView) bool { return o.Channel == "store" })
	})
	var c goldenCase
	if err := json.Unmarshal([]byte(line), &c); err != nil {
		t.Fatal(err)
	}
	small, err := readPerson(c.Person)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Expression) >= len(expression) || len(small.Orders) != 1 || len(small.Visits) != 0 || small.LTV != 0 && small.Points != 0 || !c.In {
		t.Errorf("what is left is %s", line)
	}
}

// TestPersonIsRead: a person that is written as a case and read again has the same values.
func TestPersonIsRead(t *testing.T) {
	t.Parallel()
	all, _ := drawPopulation(60)
	same := 0
	for _, v := range append(all, hanako()) {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var tree any
		if err := json.Unmarshal(text, &tree); err != nil {
			t.Fatal(err)
		}
		if text, err = json.Marshal(withoutZeros(tree, "")); err != nil {
			t.Fatal(err)
		}
		again, err := readPerson(text)
		if err != nil && strings.Contains(err.Error(), "more than 14 digits") {
			continue
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if a, b := values(v), values(again); !reflect.DeepEqual(a, b) {
			t.Fatalf("%v\nbecame\n%v", a, b)
		}
		if a, b := listValues(v), listValues(again); !reflect.DeepEqual(a, b) {
			t.Fatalf("%v\nbecame\n%v", a, b)
		}
		same++
	}
	if same < 20 {
		t.Errorf("only %d people were compared", same)
	}
}
