package mapping

import (
	"bytes"
	"encoding/json"
	"sort"
	"strconv"
	"strings"
	"time"

	"enishi"
)

// Kind is the kind of the definitions that hold a [Mapping].
const Kind = "mapping"

// Formats of the input.
const (
	CSV  = "csv"  // rows with named columns
	JSON = "json" // one document at a time
)

// What a rule makes beside events: records of the topic catalogue (docs/catalogue.md).
const (
	Product = "catalogue.product" // the whole product: what the rule does not give is not there
	Update  = "catalogue.update"  // what the rule gives changes. Of rows: an empty cell takes away, a column that the file lacks changes nothing
)

// OfCatalogue reports whether a type of a rule is a record of the topic catalogue.
func OfCatalogue(typ string) bool { return typ == Product || typ == Update }

// Bounds of a mapping.
const (
	maxRules      = 50
	maxFields     = 300
	maxExpression = 4000 // bytes
	maxNodes      = 400
	maxSteps      = 1_000_000 // rounds of the loops of one row, group or document
	maxElements   = 10_000    // elements of a list that a rule goes through
	maxGroup      = 5_000     // rows that become one event
)

// Title is a name in both languages.
type Title struct {
	EN string `json:"en" yaml:"en"`
	JA string `json:"ja" yaml:"ja"`
}

// Mapping says how foreign rows or documents become events.
type Mapping struct {
	Title  Title  `json:"title" yaml:"title"`
	Format string `json:"format" yaml:"format"` // csv or json
	Rules  []Rule `json:"rules" yaml:"rules"`
}

// Rule makes one type of event. Every rule looks at every row or document.
type Rule struct {
	Event string `json:"event" yaml:"event"`                     // a type, Product, Update, or "=" and an expression that gives a type; "" leaves the record out
	When  string `json:"when,omitempty" yaml:"when,omitempty"`   // the rule is for records of which this is true; empty: for all
	Each  string `json:"each,omitempty" yaml:"each,omitempty"`   // gives a list, each element of which (item) becomes an event; csv: of the rows of a group
	Group string `json:"group,omitempty" yaml:"group,omitempty"` // csv: rows one after the other with the same value become one event

	// Fields has an expression for each path of the public JSON: person.email, order.total, properties.x. A list is written
	// with []: order.lines[].product_id. Its elements are the rows of the group (csv), or those of the list that the path
	// "order.lines[]" itself gives, each of which is line.
	Fields map[string]string `json:"fields" yaml:"fields"`
}

// Parse reads the body of a definition. Members that it does not know are refused.
func Parse(body []byte) (Mapping, error) {
	var m Mapping
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, enishi.FieldError("body", "is no mapping: "+err.Error(), "対応づけの定義として読めません: "+err.Error())
	}
	return m, nil
}

// Program is a compiled mapping.
type Program struct {
	format  string
	rules   []*rule
	columns map[string]bool // that the mapping reads; false: may be absent
	inRow   map[string]bool // columns that expressions read by the map row, not alone

	dynamic   bool // reads columns whose names are known only when it runs
	readsRows bool
	shape     shaper
}

type rule struct {
	index  int
	event  string // fixed type; or
	typ    *code  // expression
	when   *code
	each   *code
	group  *code
	root   *node
	fields map[string]*code
}

// Compile checks a mapping. Times without a zone are the shop's. Its errors are enishi.Invalid and name the rule, the field
// and what to do.
func Compile(m Mapping, zone *time.Location) (*Program, error) {
	if zone == nil {
		zone = time.UTC
	}
	p := &Program{format: m.Format, columns: map[string]bool{}, inRow: map[string]bool{}, shape: shaper{zone: zone}}
	switch {
	case m.Format != CSV && m.Format != JSON:
		return nil, enishi.FieldError("format", "is csv (rows) or json (documents)", "csv（行）か json（文書）のどちらかです")
	case len(m.Rules) == 0:
		return nil, enishi.FieldError("rules", "are missing: a mapping needs at least one", "ルールがありません。1 つ以上書いてください")
	case len(m.Rules) > maxRules:
		return nil, enishi.FieldError("rules", "are more than "+strconv.Itoa(maxRules), "ルールは "+strconv.Itoa(maxRules)+" 個までです")
	}
	c := &compiler{program: p}
	for i, r := range m.Rules {
		place := "rules[" + strconv.Itoa(i) + "]"
		compiled, err := c.rule(r, place)
		if err != nil {
			return nil, err
		}
		compiled.index = i
		p.rules = append(p.rules, compiled)
	}
	return p, nil
}

func (c *compiler) rule(r Rule, place string) (*rule, error) {
	out := &rule{fields: map[string]*code{}, root: &node{}}
	var err error
	text, computed := strings.CutPrefix(r.Event, "=")
	switch {
	case computed:
		if out.typ, err = c.compile(text, place+".event", scopeRecord); err != nil {
			return nil, err
		}
	case OfCatalogue(r.Event):
		out.event = r.Event
	case r.Event == "":
		return nil, enishi.FieldError(place+".event", "is missing: name a type of event, as order.placed", "イベントの種類がありません。order.placed のように書いてください")
	default:
		if out.event, err = typeNamed(r.Event, place+".event"); err != nil {
			return nil, err
		}
	}
	if c.program.format == CSV && r.Each != "" && r.Group == "" {
		return nil, enishi.FieldError(place+".each", "goes through the rows of a group: say by what they are put together (group)", "each はまとめた行から 1 件ずつ取り出します。何でまとめるかを group に書いてください")
	}
	if c.program.format == JSON && r.Group != "" {
		return nil, enishi.FieldError(place+".group", "is for rows: a list in a document is gone through by each", "group は行（CSV）用です。文書の中のリストには each を使ってください")
	}
	for _, x := range []struct {
		text, name string
		into       **code
		scope      scope
	}{{r.When, "when", &out.when, scopeRecord}, {r.Each, "each", &out.each, scopeDocument}, {r.Group, "group", &out.group, scopeRow}} {
		if x.text == "" {
			continue
		}
		if c.program.format == CSV {
			switch x.name {
			case "when":
				x.scope = scopeRow
			case "each":
				x.scope = scopeRecord
			}
		}
		if *x.into, err = c.compile(x.text, place+"."+x.name, x.scope); err != nil {
			return nil, err
		}
	}
	if len(r.Fields) == 0 {
		return nil, enishi.FieldError(place+".fields", "are missing", "項目の対応がありません")
	}
	if len(r.Fields) > maxFields {
		return nil, enishi.FieldError(place+".fields", "are more than "+strconv.Itoa(maxFields), "項目は "+strconv.Itoa(maxFields)+" 個までです")
	}
	for _, path := range sortedPaths(r.Fields) {
		at := place + ".fields." + path
		target, err := find(path, at, out.event)
		if err != nil {
			return nil, err
		}
		in := scopeRecord
		if target.inList && !target.list {
			in = scopeElement
		}
		x, err := c.compile(r.Fields[path], at, in)
		if err != nil {
			return nil, err
		}
		out.fields[path] = x
		out.root.add(target, x)
	}
	return out, nil
}

func typeNamed(name, place string) (string, error) {
	info, ok := enishi.LookupType(name)
	if !ok {
		info, ok = enishi.TypeForAlias(name)
	}
	if !ok || info.Topic == enishi.TopicEvents {
		return "", enishi.FieldError(place, strconv.Quote(name)+" is no type of event that can be sent: see docs/events.md, or use custom.NAME",
			"「"+name+"」という種類のイベントはありません。docs/events.md の一覧から選ぶか、custom.名前 を使ってください")
	}
	return info.Name, nil
}

func sortedPaths(fields map[string]string) []string {
	out := make([]string, 0, len(fields))
	for path := range fields {
		out = append(out, path)
	}
	sort.Strings(out)
	return out
}

// Columns are the names that the mapping reads, by name; required is false for those read as row["X"] ?? "".
func (p *Program) Columns() []Column {
	out := make([]Column, 0, len(p.columns))
	for name, required := range p.columns {
		out = append(out, Column{name, required})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// Column is a column that a mapping reads.
type Column struct {
	Name     string
	Required bool
}

// Source tells where the value of a field of an event comes from: the expression and the columns that it reads. field is a
// path as the problems of ingest write it (order.lines[2].price); of a field that no expression gives, both are empty.
func (p *Program) Source(rule int, field string) (expression string, columns []string) {
	if rule < 0 || rule >= len(p.rules) {
		return "", nil
	}
	for path := unindexed(field); path != ""; {
		if x := p.rules[rule].fields[path]; x != nil {
			return x.text, x.columns
		}
		at := strings.LastIndexByte(path, '.')
		if at < 0 {
			break
		}
		path = path[:at]
	}
	return "", nil
}

// unindexed writes order.lines[2].price as order.lines[].price.
func unindexed(path string) string {
	for from := 0; ; {
		open := strings.IndexByte(path[from:], '[')
		if open < 0 {
			return path
		}
		open += from
		shut := strings.IndexByte(path[open:], ']')
		if shut < 0 {
			return path
		}
		path = path[:open+1] + path[open+shut:]
		from = open + 2
	}
}
