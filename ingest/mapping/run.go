package mapping

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// Event is public JSON that a rule made.
type Event struct {
	Rule  int
	Type  string
	Lines []int // of the file that it came from, in order; nil for a document
	JSON  []byte
}

// run is one use of a program by one goroutine.
type run struct {
	p       *Program
	machine vm.VM
	env     map[string]any
	steps   *int
	column  func(name string) string // of the row at hand
	has     func(name string) bool   // whether the file has a column; nil: a document
	line    int                      // its number
}

func (p *Program) run() *run {
	steps := new(int)
	return &run{p: p, steps: steps, env: map[string]any{stepsName: steps, "row": map[string]string(nil), "rows": []map[string]string(nil),
		"body": nil, "item": nil, "line": nil, "headers": map[string]string(nil)}}
}

func (r *run) eval(x *code) (out any, err error) {
	if x.plain {
		return r.column(x.columns[0]), nil
	}
	out, err = r.machine.Run(x.program, r.env)
	if err == nil {
		return out, nil
	}
	var known *wrong
	if errors.As(err, &known) {
		return nil, known
	}
	message := err.Error()
	var at *file.Error
	if errors.As(err, &at) {
		message = at.Message
	}
	return nil, &wrong{"the expression does not work for this value: " + clip(message), "この値では式を計算できません（" + clip(message) + "）"}
}

// truth evaluates a condition.
func (r *run) truth(x *code) (bool, error) {
	v, err := r.eval(x)
	if err != nil || v == nil {
		return false, err
	}
	return boolean(v)
}

// made collects what becomes of one record.
type made struct {
	run      *run
	rule     *rule
	rows     int // of a group
	problems []*Problem
	seek     func(i int) // makes row i of the group the one at hand
}

func (m *made) wrong(field string, x *code, value any, err error) {
	p := &Problem{Line: m.run.line, Rule: m.rule.index, Field: field, Reason: err.Error(), ReasonJA: err.Error()}
	var known *wrong
	if errors.As(err, &known) {
		p.Reason, p.ReasonJA = known.en, known.ja
	}
	if x != nil {
		p.Expression, p.Columns = x.text, x.columns
	}
	if value != nil {
		p.Value = clip(textOf(value))
	}
	if p.Value == "" && x != nil && len(x.columns) == 1 && m.run.column != nil {
		p.Value = clip(m.run.column(x.columns[0]))
	}
	m.problems = append(m.problems, p)
}

// items are what each gives.
func (m *made) items() ([]any, error) {
	v, err := m.run.eval(m.rule.each)
	if err != nil {
		return nil, err
	}
	list, ok := elements(v)
	if !ok {
		return nil, &wrong{"each gives no list", "each の結果がリストではありません"}
	}
	if len(list) > maxElements {
		return nil, &wrong{"the list has more than " + strconv.Itoa(maxElements) + " elements", "リストが長すぎます（" + strconv.Itoa(maxElements) + " 件まで）"}
	}
	return list, nil
}

// event makes the JSON of one event, or nothing when the rule leaves the record out.
func (m *made) event() (typ string, out []byte) {
	typ = m.rule.event
	if m.rule.typ != nil {
		v, err := m.run.eval(m.rule.typ)
		if err != nil {
			m.wrong("type", m.rule.typ, nil, err)
			return "", nil
		}
		name := textOf(v)
		if name == "" {
			return "", nil
		}
		if typ, err = typeNamed(name, "type"); err != nil {
			m.wrong("type", m.rule.typ, name, &wrong{strconv.Quote(clip(name)) + " is no type of event: see docs/events.md",
				"「" + clip(name) + "」という種類のイベントはありません。docs/events.md の一覧を確認してください"})
			return "", nil
		}
	}
	out = append(out, `{"type":`...)
	out = appendText(out, strings.TrimPrefix(typ, "catalogue."))
	for _, kid := range m.rule.root.kids {
		before := len(out)
		out = append(out, ',')
		out = append(out, kid.key...)
		var wrote bool
		if out, wrote = m.node(out, kid); !wrote {
			out = out[:before]
		}
	}
	if len(m.problems) > 0 {
		return typ, nil
	}
	return typ, append(out, '}')
}

// node writes a value; wrote is false when there is none.
func (m *made) node(dst []byte, n *node) (out []byte, wrote bool) {
	if n.list {
		return m.list(dst, n)
	}
	if n.kids == nil {
		v, err := m.run.eval(n.value)
		if err != nil {
			m.wrong(n.path, n.value, nil, err)
			return dst, false
		}
		out, none, err := m.run.p.shape.shaped(dst, v, n.shape)
		if err != nil {
			m.wrong(n.path, n.value, v, err)
			return dst, false
		}
		named := n.shape == shapeNames || n.shape == shapeCounts // a store that is not told says nothing of the others
		if none && v != nil && !named && m.rule.event == Update && m.run.has != nil && slices.ContainsFunc(n.value.columns, m.run.has) {
			return append(dst, "null"...), true // the cell was emptied
		}
		return out, !none
	}
	return m.object(dst, n)
}

func (m *made) object(dst []byte, n *node) (out []byte, wrote bool) {
	start := len(dst)
	dst = append(dst, '{')
	for _, kid := range n.kids {
		before := len(dst)
		if before > start+1 {
			dst = append(dst, ',')
		}
		dst = append(dst, kid.key...)
		var ok bool
		if dst, ok = m.node(dst, kid); !ok {
			dst = dst[:before]
		}
	}
	if len(dst) == start+1 {
		return dst[:start], false
	}
	return append(dst, '}'), true
}

// list writes the elements that the expression of the list gives; without one they are the rows of the group, or the one
// record at hand.
func (m *made) list(dst []byte, n *node) (out []byte, wrote bool) {
	start := len(dst)
	dst = append(dst, '[')
	add := func() {
		before := len(dst)
		if before > start+1 {
			dst = append(dst, ',')
		}
		var ok bool
		if dst, ok = m.object(dst, n); !ok {
			dst = dst[:before]
		}
	}
	switch {
	case n.value != nil:
		v, err := m.run.eval(n.value)
		list, isList := elements(v)
		if err == nil && !isList {
			err = &wrong{"the expression gives no list", "式の結果がリストではありません"}
		}
		if err == nil && len(list) > maxElements {
			err = &wrong{"the list has more than " + strconv.Itoa(maxElements) + " elements", "リストが長すぎます（" + strconv.Itoa(maxElements) + " 件まで）"}
		}
		if err != nil {
			m.wrong(n.path, n.value, nil, err)
			return dst[:start], false
		}
		for _, x := range list {
			m.run.env["line"] = x
			add()
		}
		m.run.env["line"] = nil
	case m.seek != nil && m.rows > 1:
		for i := range m.rows {
			m.seek(i)
			add()
		}
		m.seek(0)
	default:
		add()
	}
	if len(dst) == start+1 {
		return dst[:start], false
	}
	return append(dst, ']'), true
}

// Decode reads a document for Events: whole numbers stay whole.
func Decode(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("more than one document")
	}
	return numbers(out), nil
}

// numbers makes int or float64 of json.Number, as expressions know them; an integer beyond 64 bits stays a text.
func numbers(x any) any {
	switch v := x.(type) {
	case json.Number:
		if n, err := strconv.Atoi(v.String()); err == nil {
			return n
		}
		f, err := v.Float64()
		if err != nil || allDigits(v.String()) {
			return v.String()
		}
		return f
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	}
	return x
}

// Events makes events of a document (Decode), with the headers of the request that brought it (names as http.Header
// writes them) or nil. Events with problems are left out; the others come.
func (p *Program) Events(body any, headers map[string]string) ([]Event, []*Problem) {
	r := p.run()
	r.env["body"], r.env["headers"] = body, headers
	r.column = func(string) string { return "" }
	var events []Event
	var problems []*Problem
	for _, rule := range p.rules {
		items := []any{body}
		if rule.each != nil {
			m := &made{run: r, rule: rule}
			list, err := m.items()
			if err != nil {
				m.wrong("", rule.each, nil, err)
				problems = append(problems, m.problems...)
				continue
			}
			items = list
		}
		for _, item := range items {
			r.env["item"] = item
			m := &made{run: r, rule: rule}
			if rule.when != nil {
				ok, err := r.truth(rule.when)
				if err != nil {
					m.wrong("", rule.when, nil, err)
					problems = append(problems, m.problems...)
				}
				if !ok {
					continue
				}
			}
			typ, out := m.event()
			problems = append(problems, m.problems...)
			if out != nil {
				events = append(events, Event{Rule: rule.index, Type: typ, JSON: out})
			}
		}
	}
	return events, problems
}

const hex = "0123456789abcdef"

// appendText writes a JSON string; what is no UTF-8 becomes U+FFFD.
func appendText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			switch {
			case c == '"' || c == '\\':
				dst = append(dst, '\\', c)
			case c == '\n':
				dst = append(dst, '\\', 'n')
			case c == '\r':
				dst = append(dst, '\\', 'r')
			case c == '\t':
				dst = append(dst, '\\', 't')
			case c < 0x20:
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			default:
				dst = append(dst, c)
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		dst = utf8.AppendRune(dst, r)
		i += n
	}
	return append(dst, '"')
}
