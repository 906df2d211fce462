package journeys

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"enishi"
	"enishi/segments"
)

// update rewrites the schema.
var update = flag.Bool("update", false, "rewrite generated files")

const schemaFile = "../docs/journey.schema.json"

type object = map[string]any

// schemaMaker makes JSON Schema of the types of a definition.
type schemaMaker struct {
	about map[string]string // comments: "Entry.where", "node wait"
	defs  object
}

// schemaText is a text; some have a form or are of a closed list that Compile checks.
func schemaText(path string) object {
	enum := func(values ...string) object { return object{"type": "string", "enum": values} }
	form := func(pattern string) object { return object{"type": "string", "pattern": pattern} }
	switch path {
	case "Definition.state":
		return enum("draft", "review", "approved", "live", "paused", "archived")
	case "Definition.purpose":
		return enum(marketing, transactional)
	case "Definition.consent":
		return enum(consentOptIn, consentNotRefused)
	case "InFlight.then":
		return enum(inFlightFinish, inFlightMove, inFlightExit)
	case "Test.by":
		return enum(byClick, byOrder)
	case "Again.not":
		return enum(notClicked, notOpened)
	case "Schedule.every":
		return enum(everyDay, everyWeek, everyMonth)
	case "Schedule.holidays":
		return enum(holidaysKeep, holidaysSkip, holidaysBefore, holidaysAfter)
	case "Until.day":
		return enum("business", "open", "payday")
	case "Webhook.method":
		return enum("POST", "PUT")
	case "SendDays.weekdays", "Until.weekdays", "Schedule.weekdays":
		return enum(weekdays()...)
	case "Node.channels":
		return enum(channelNames()...)
	case "Entry.reentry":
		return form("^(never|after_exit|always|after:[0-9]+[smhdw])$")
	case "Cap.default":
		return form(capPattern.String())
	case "Entry.time", "Until.time", "Schedule.time", "QuietHours.from", "QuietHours.to":
		return form(clockPattern.String())
	case "Entry.offset", "Until.offset":
		return form("^-?[0-9]+[smhdw]$")
	case "Entry.within", "Node.for", "Node.timeout", "Node.send_by", "Points.expires", "Test.after":
		return form("^[0-9]+[smhdw]$")
	case "Text.ja", "Text.en", "Definition.start", "Branch.if", "Branch.next", "Way.next", "Webhook.url", "Points.reason", "Test.split", "Again.of":
		return object{"type": "string", "minLength": 1}
	}
	return object{"type": "string"}
}

// schemaRange is the bounds of a number that Compile checks.
func schemaRange(path string) (low, high float64, ok bool) {
	r, ok := map[string][2]float64{"Definition.priority": {0, 9}, "Way.weight": {1, 1000}, "Node.percent": {0, 50}, "Points.amount": {1, maxPoints},
		"Test.share": {1, 90}, "Schedule.day": {-1, 31}, "Schedule.nth": {-1, 4}, "Schedule.business_day": {-1, 15}}[path]
	return r[0], r[1], ok
}

func (m *schemaMaker) of(t reflect.Type, path string) object {
	if t == reflect.TypeFor[enishi.Value]() {
		return object{} // text, a number, true or false; an object or a list is kept as its text
	}
	switch t.Kind() {
	case reflect.Pointer:
		return m.of(t.Elem(), path)
	case reflect.Struct:
		m.define(t)
		return object{"$ref": "#/$defs/" + t.Name()}
	case reflect.Slice:
		return object{"type": "array", "items": m.of(t.Elem(), path)}
	case reflect.Map:
		s := object{"type": "object", "additionalProperties": m.of(t.Elem(), path)}
		if path == "Definition.nodes" {
			s["propertyNames"], s["minProperties"], s["maxProperties"] = object{"pattern": idPattern.String()}, 1, maxNodes
		}
		return s
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Float64:
		s := object{"type": "integer"}
		if t.Kind() == reflect.Float64 {
			s["type"] = "number"
		}
		if low, high, ok := schemaRange(path); ok {
			s["minimum"], s["maximum"] = low, high
		}
		return s
	}
	return schemaText(path)
}

// define adds the schema of a struct; that of a node is one of its types'.
func (m *schemaMaker) define(t reflect.Type) {
	if m.defs[t.Name()] != nil {
		return
	}
	m.defs[t.Name()] = object{} // it may hold itself
	props, required := object{}, []string{}
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		s := m.of(t.Field(i).Type, t.Name()+"."+name)
		if text := m.about[t.Name()+"."+name]; text != "" {
			s["description"] = text
		}
		if !strings.Contains(options, "omit") {
			required = append(required, name)
		}
		props[name] = s
	}
	all := object{"type": "object", "description": m.about[t.Name()], "properties": props, "required": required, "additionalProperties": false}
	if t != reflect.TypeFor[Node]() {
		m.defs[t.Name()] = all
		return
	}
	var kinds []any
	for _, typ := range NodeTypes() {
		own := object{"type": object{"const": typ}, "title": props["title"]}
		for _, field := range nodeFields(typ) {
			own[field] = props[field]
		}
		about := m.about["node "+typ]
		need := []string{"type"}
		for _, field := range []string{"next", "branches", "else", "ways", "percent", "points", "journey", "webhook"} {
			if own[field] != nil {
				need = append(need, field)
			}
		}
		m.defs["node_"+typ] = object{"type": "object", "title": typ, "description": about, "properties": own, "required": need, "additionalProperties": false}
		kinds = append(kinds, object{"$ref": "#/$defs/node_" + typ})
	}
	m.defs["Node"] = object{"type": "object", "description": "One step.", "required": []string{"type"}, "properties": object{"type": object{"enum": NodeTypes()}}, "oneOf": kinds}
}

// journeySchema is the schema of a journey's body and of a file of enishi apply with one.
func journeySchema(t *testing.T) []byte {
	m := &schemaMaker{about: schemaComments(t), defs: object{}}
	m.define(reflect.TypeFor[Definition]())
	m.defs["File"] = object{"type": "object", "description": "A file of enishi apply. Bodies of other kinds than journey are not checked here.",
		"properties": object{"kind": object{"type": "string", "description": "journey"}, "name": object{"type": "string", "pattern": journeyPattern.String(), "description": "the internal name"},
			"reason": object{"type": "string", "description": "why; kept with the version"}, "body": object{}},
		"required": []string{"kind", "name", "body"},
		"if":       object{"properties": object{"kind": object{"const": "journey"}}}, "then": object{"properties": object{"body": object{"$ref": "#/$defs/Definition"}}}}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(object{"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "journey.schema.json", "title": "A journey of Enishi",
		"description": "The body of a journey, or a file of enishi apply that has it. What refers to something (nodes, templates, segments, conditions) is checked by enishi check and when it is saved.",
		"type":        "object", "if": object{"required": []string{"body"}}, "then": object{"$ref": "#/$defs/File"}, "else": object{"$ref": "#/$defs/Definition"}, "$defs": m.defs})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// schemaComments reads what the code says of the types, their fields and the types of nodes. Names of Go become those of the JSON.
func schemaComments(t *testing.T) map[string]string {
	t.Helper()
	out, names := map[string]string{}, map[string]string{}
	for _, name := range []string{"definition.go", "campaign.go", "schedule.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range g.Specs {
				switch x := s.(type) {
				case *ast.ValueSpec:
					if text := x.Comment.Text(); strings.HasPrefix(x.Names[0].Name, "node") {
						out["node "+strings.ToLower(strings.TrimPrefix(x.Names[0].Name, "node"))] = text
					}
				case *ast.TypeSpec:
					out[x.Name.Name] = g.Doc.Text()
					st, ok := x.Type.(*ast.StructType)
					if !ok {
						continue
					}
					for _, field := range st.Fields.List {
						if field.Tag == nil {
							continue
						}
						json, _, _ := strings.Cut(reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("json"), ",")
						names[field.Names[0].Name] = json
						out[x.Name.Name+"."+json] = field.Doc.Text() + field.Comment.Text()
					}
				}
			}
		}
	}
	for key, text := range out {
		out[key] = schemaWords(key, strings.Join(strings.Fields(text), " "), names)
	}
	return out
}

// schemaWords puts the JSON's names in place of Go's: capitals within a sentence are such, at its beginning only the name of what the
// comment is about, one before a comma, and those of a type of node.
func schemaWords(key, text string, names map[string]string) string {
	var b strings.Builder
	last := 0
	for _, at := range regexp.MustCompile(`\b[A-Z][A-Za-z]+\b`).FindAllStringIndex(text, -1) {
		name := names[text[at[0]:at[1]]]
		begins := at[0] == 0 || strings.HasSuffix(text[:at[0]], ". ")
		own := strings.HasSuffix(key, "."+name) || strings.HasPrefix(key, "node ") || strings.HasPrefix(text[at[1]:], ",")
		if name == "" || begins && !own {
			continue
		}
		b.WriteString(text[last:at[0]] + "`" + name + "`")
		last = at[1]
	}
	return b.String() + text[last:]
}

// TestSchemaIsCurrent holds docs/journey.schema.json together with the types.
func TestSchemaIsCurrent(t *testing.T) {
	t.Parallel()
	want := journeySchema(t)
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(schemaFile); err != nil || !bytes.Equal(have, want) {
		t.Errorf("docs/journey.schema.json is not what the Go types say (%v): run go test ./journeys -run Schema -update", err)
	}
	for _, typ := range NodeTypes() {
		for _, field := range nodeFields(typ) {
			if _, ok := fieldType(reflect.TypeFor[Node](), field); !ok {
				t.Errorf("a node has no field %s", field)
			}
		}
	}
}

// TestSchemaTakesJourneys: every ready-made journey and every one of the tests fits the schema, also as a file of apply.
func TestSchemaTakesJourneys(t *testing.T) {
	t.Parallel()
	s := compiledSchema(t)
	bodies := map[string][]byte{}
	for _, item := range Gallery() {
		if item.Kind == "journey" {
			bodies[item.Name] = item.Body
		}
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if bodies[file], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	if len(bodies) < 50 {
		t.Errorf("only %d journeys", len(bodies))
	}
	seen := map[string]bool{}
	for name, body := range bodies {
		if err := s.Validate(schemaValue(t, body)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.Validate(schemaValue(t, []byte(`{"kind": "journey", "name": "x", "body": `+string(body)+`}`))); err != nil {
			t.Errorf("%s as a file: %v", name, err)
		}
		var d Definition
		if err := json.Unmarshal(body, &d); err != nil {
			t.Fatal(err)
		}
		for _, n := range d.Nodes {
			seen[n.Type] = true
		}
	}
	for _, typ := range NodeTypes() {
		if !seen[typ] {
			t.Errorf("no journey has a node of type %s", typ)
		}
	}
}

// TestSchemaRefuses: what Compile refuses by its form alone does not fit the schema either.
func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	s := compiledSchema(t)
	body, err := os.ReadFile("testdata/plain.json")
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		`"marketing"`: `"promo"`, `"1/3d"`: `"often"`, `"reentry": "always"`: `"reentry": "sometimes"`, `"1h"`: `"one hour"`,
		`"type": "wait"`: `"type": "sleep"`, `"template": "plain_mail"`: `"for": "1h"`, `"type": "exit"`: `"type": "exit", "next": "w"`,
		`"start": "w",`: ``, `"en": "Plain"`: `"fr": "Plain"`, `"for"`: `"fro"`, `"nodes": {"w"`: `"nodes": {"W"`, `, "next": "x"`: ``,
		`"type": "message", "template": "plain_mail"`: `"type": "points"`, `"type": "wait", "for": "1h"`: `"type": "start"`,
	} {
		wrong := strings.Replace(string(body), from, to, 1)
		if wrong == string(body) {
			t.Fatalf("%s is not there", from)
		}
		if _, err := Compile("plain", 1, []byte(wrong), segments.Library{}); err == nil {
			t.Errorf("Compile takes %s", to)
		}
		for _, text := range []string{wrong, `{"kind": "journey", "name": "x", "body": ` + wrong + `}`} {
			if err := s.Validate(schemaValue(t, []byte(text))); err == nil {
				t.Errorf("the schema takes %s", to)
			}
		}
	}
	if err := s.Validate(schemaValue(t, []byte(`{"kind": "template", "name": "x", "body": {"channel": "email"}}`))); err != nil {
		t.Errorf("a file of another kind: %v", err)
	}
}

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	if err := c.AddResource("https://schemas.test/journey.schema.json", schemaValue(t, journeySchema(t))); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("https://schemas.test/journey.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func schemaValue(t *testing.T, text []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}
