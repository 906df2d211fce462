package mapping

import (
	"fmt"
	"hash/maphash"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"enishi"
)

// Sheet maps the rows of one file, in order. It is for one goroutine.
type Sheet struct {
	p      *Program
	run    *run
	header []string
	index  map[string]int // of the columns that the mapping reads
	wanted []string       // that go into the map row
	groups []group        // by rule
	row    []string       // at hand
}

// group is rows of one rule that become one event.
type group struct {
	open  bool
	key   string
	rows  []line
	whole bool                // false: it is too long, or came before
	seen  map[uint64]struct{} // keys of groups that are done
}

type line struct {
	number int
	fields []string
}

// maxKeys bounds the remembered keys of groups: 8 bytes each. Beyond it rows that are not together are not noticed.
const maxKeys = 4_000_000

var seed = maphash.MakeSeed()

// Sheet begins a file with its header. It says which columns are not there. Of columns with the same name the second is
// called "NAME 2".
func (p *Program) Sheet(header []string) (*Sheet, error) {
	if p.format != CSV {
		return nil, enishi.FieldError("format", "is json: this mapping is for documents, not for rows", "この対応づけは JSON 用で、CSV には使えません")
	}
	s := &Sheet{p: p, run: p.run(), header: Header(header), index: map[string]int{}, groups: make([]group, len(p.rules))}
	folded := map[string]int{}
	for i := len(s.header) - 1; i >= 0; i-- {
		folded[fold(s.header[i])] = i
	}
	var missing []string
	for name, required := range p.columns {
		i := slices.Index(s.header, name)
		if i < 0 {
			var ok bool
			if i, ok = folded[fold(name)]; !ok {
				if required {
					missing = append(missing, name)
				}
				continue
			}
		}
		s.index[name] = i
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		have := clip(strings.Join(s.header, "、"))
		return nil, enishi.FieldError("header", fmt.Sprintf("has no column %s: change the mapping, or the file (it has %s)", strings.Join(missing, ", "), have),
			fmt.Sprintf("列「%s」がありません。対応づけかファイルを直してください（ファイルの列: %s）", strings.Join(missing, "」「"), have))
	}
	for name := range s.index {
		if p.inRow[name] {
			s.wanted = append(s.wanted, name)
		}
	}
	for i := range s.groups {
		s.groups[i].seen = map[uint64]struct{}{}
	}
	s.run.has = func(name string) bool { _, ok := s.index[name]; return ok }
	s.run.column = func(name string) string {
		if i, ok := s.index[name]; ok && i < len(s.row) {
			return s.row[i]
		}
		return ""
	}
	return s, nil
}

// Header gives the names of columns as a mapping says them: trimmed, without a byte order mark, each once.
func Header(cells []string) []string {
	out := make([]string, len(cells))
	seen := map[string]int{}
	for i, c := range cells {
		c = strings.TrimSpace(strings.TrimPrefix(c, "\uFEFF"))
		if seen[c]++; seen[c] > 1 {
			c += " " + strconv.Itoa(seen[c])
		}
		out[i] = c
	}
	return out
}

// fold makes names equal that differ in width, case and spaces only.
func fold(name string) string {
	return strings.ToLower(strings.ReplaceAll(norm.NFKC.String(name), " ", ""))
}

// Add takes the next row; number is its line in the file. What it gives may come from earlier rows, whose group is now
// complete. fields is not kept.
func (s *Sheet) Add(number int, fields []string) ([]Event, []*Problem) {
	var events []Event
	var problems []*Problem
	if n := len(s.header); len(fields) > n && strings.TrimSpace(strings.Join(fields[n:], "")) != "" {
		return nil, []*Problem{{Line: number, Lines: []int{number}, Rule: -1,
			Reason:   fmt.Sprintf("the row has %d cells, the header has %d: look for a comma or a quote that is not closed", len(fields), n),
			ReasonJA: fmt.Sprintf("セルが %d 個ありますが、見出しは %d 個です。余分なカンマや閉じていない引用符がないか確認してください", len(fields), n)}}
	}
	at := line{number: number, fields: fields}
	copied := false
	*s.run.steps, s.run.line = 0, 0
	for _, r := range s.p.rules {
		s.point(at)
		if r.when != nil {
			ok, err := s.run.truth(r.when)
			if err != nil {
				m := &made{run: s.run, rule: r}
				m.wrong("", r.when, nil, err)
				problems = append(problems, placed(m.problems, []line{at})...)
			}
			if !ok {
				continue
			}
		}
		if r.group == nil {
			e, p := s.emit(r, []line{at})
			events, problems = append(events, e...), append(problems, p...)
			continue
		}
		v, err := s.run.eval(r.group)
		key := strings.TrimSpace(textOf(v))
		if err == nil && key == "" {
			err = &wrong{"is empty: rows are put together by it", "空です。この値で行をまとめます"}
		}
		if err != nil {
			m := &made{run: s.run, rule: r}
			m.wrong("", r.group, nil, err)
			problems = append(problems, placed(m.problems, []line{at})...)
			continue
		}
		g := &s.groups[r.index]
		if !g.open || g.key != key {
			e, p := s.flush(r)
			events, problems = append(events, e...), append(problems, p...)
			g.open, g.key, g.rows, g.whole = true, key, g.rows[:0], true
		}
		if !copied {
			at.fields, copied = slices.Clone(fields), true
		}
		if g.rows = append(g.rows, at); len(g.rows) > maxGroup {
			e, p := s.flush(r)
			events, problems = append(events, e...), append(problems, p...)
		}
	}
	return events, problems
}

// End gives what the last rows become.
func (s *Sheet) End() ([]Event, []*Problem) {
	var events []Event
	var problems []*Problem
	for _, r := range s.p.rules {
		e, p := s.flush(r)
		events, problems = append(events, e...), append(problems, p...)
	}
	return events, problems
}

// flush makes the event of a rule's open group.
func (s *Sheet) flush(r *rule) ([]Event, []*Problem) {
	g := &s.groups[r.index]
	if !g.open {
		return nil, nil
	}
	g.open = false
	why := (*wrong)(nil)
	hash := maphash.String(seed, g.key)
	if _, again := g.seen[hash]; again {
		why = &wrong{"the rows of " + strconv.Quote(clip(g.key)) + " do not stand together: sort the file by this column",
			"「" + clip(g.key) + "」の行が離れています。この列で並べ替えてから取り込んでください"}
	} else if len(g.seen) < maxKeys {
		g.seen[hash] = struct{}{}
	}
	if len(g.rows) > maxGroup {
		why = &wrong{fmt.Sprintf("more than %d rows have the value %q: is it the right column?", maxGroup, clip(g.key)),
			fmt.Sprintf("「%s」の行が %d 行を超えています。まとめる列が正しいか確認してください", clip(g.key), maxGroup)}
	}
	if why != nil {
		m := &made{run: s.run, rule: r}
		s.point(g.rows[0])
		m.wrong("", r.group, g.key, why)
		return nil, placed(m.problems, g.rows)
	}
	return s.emit(r, g.rows)
}

func (s *Sheet) emit(r *rule, rows []line) ([]Event, []*Problem) {
	*s.run.steps = 0
	var all []map[string]string
	if s.p.readsRows {
		all = make([]map[string]string, len(rows))
		for i := range rows {
			all[i] = s.named(rows[i].fields)
		}
		s.run.env["rows"] = all
	}
	s.point(rows[0])
	if r.each != nil {
		return s.emitEach(r, rows, all)
	}
	m := &made{run: s.run, rule: r, rows: len(rows), seek: func(i int) { s.point(rows[i]) }}
	typ, out := m.event()
	if len(m.problems) > 0 {
		return nil, placed(m.problems, rows)
	}
	if out == nil {
		return nil, nil
	}
	return []Event{{Rule: r.index, Type: typ, JSON: out, Lines: numbersOf(rows)}}, nil
}

// emitEach makes an event of each element that a rule takes of a group. Its fields see the group's first row as row, the element as item.
func (s *Sheet) emitEach(r *rule, rows []line, all []map[string]string) (events []Event, problems []*Problem) {
	first := &made{run: s.run, rule: r}
	items, err := first.items()
	if err != nil {
		first.wrong("", r.each, nil, err)
		return nil, placed(first.problems, rows)
	}
	defer func() { s.run.env["item"] = nil }()
	for _, item := range items {
		s.run.env["item"] = item
		m := &made{run: s.run, rule: r, rows: len(rows), seek: func(i int) { s.point(rows[i]) }}
		typ, out := m.event()
		if row, ok := item.(map[string]string); ok { // the row that a person has to look at
			at := slices.IndexFunc(all, func(x map[string]string) bool { return reflect.ValueOf(x).Pointer() == reflect.ValueOf(row).Pointer() })
			for _, p := range m.problems {
				p.Line = rows[max(at, 0)].number
			}
		}
		problems = append(problems, m.problems...)
		if out != nil {
			events = append(events, Event{Rule: r.index, Type: typ, JSON: out, Lines: numbersOf(rows)})
		}
	}
	return events, placed(problems, rows)
}

// point makes a row the one at hand.
func (s *Sheet) point(x line) {
	if s.run.line == x.number {
		return
	}
	s.row, s.run.line = x.fields, x.number
	if len(s.wanted) > 0 || s.p.dynamic {
		s.run.env["row"] = s.named(x.fields)
	}
}

// named is a row as expressions see it: the columns that they name.
func (s *Sheet) named(fields []string) map[string]string {
	if s.p.dynamic {
		out := make(map[string]string, len(s.header))
		for i, name := range s.header {
			if i < len(fields) {
				out[name] = fields[i]
			}
		}
		for name, i := range s.index {
			if i < len(fields) {
				out[name] = fields[i]
			}
		}
		return out
	}
	out := make(map[string]string, len(s.wanted))
	for _, name := range s.wanted {
		if i := s.index[name]; i < len(fields) {
			out[name] = fields[i]
		}
	}
	return out
}

func numbersOf(rows []line) []int {
	out := make([]int, len(rows))
	for i := range rows {
		out[i] = rows[i].number
	}
	return out
}

// placed gives problems the lines that they keep from becoming an event.
func placed(problems []*Problem, rows []line) []*Problem {
	for _, p := range problems {
		p.Lines = numbersOf(rows)
		if p.Line == 0 {
			p.Line = p.Lines[0]
		}
	}
	return problems
}
