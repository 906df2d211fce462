package ingest

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
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"enishi"
)

// update rewrites docs/schemas and the generated parts of docs/events.md.
var update = flag.Bool("update", false, "rewrite generated files")

const (
	docsDir   = "../docs"
	schemaDir = "../docs/schemas"
	draft     = "https://json-schema.org/draft/2020-12/schema"
)

type object = map[string]any

// payloads are the fields of an event that hold one.
func payloads() map[string]reflect.Type {
	out := map[string]reflect.Type{}
	t := reflect.TypeFor[enishi.Event]()
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "person", name == "context", name == "control", name == "-":
		case f.Type.Kind() == reflect.Pointer:
			out[name] = f.Type.Elem()
		case name == "consent":
			out[name] = f.Type.Elem()
		}
	}
	return out
}

// comments reads what the root package says of its fields: "Order.total" -> text.
func comments(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, file := range []string{"../event.go", "../value.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range g.Specs {
				spec, ok := s.(*ast.TypeSpec)
				if !ok {
					continue
				}
				out[spec.Name.Name] = strings.TrimSpace(strings.ReplaceAll(g.Doc.Text(), "\n", " "))
				st, ok := spec.Type.(*ast.StructType)
				if !ok {
					continue
				}
				for _, field := range st.Fields.List {
					if field.Tag == nil {
						continue
					}
					name, _, _ := strings.Cut(reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("json"), ",")
					text := field.Comment.Text() + field.Doc.Text()
					out[spec.Name.Name+"."+name] = strings.TrimSpace(strings.ReplaceAll(text, "\n", " "))
				}
			}
		}
	}
	for field, text := range map[string]string{
		"Event.v": "version of the format: 1, also when absent", "Event.type": "one of the types below, or custom.NAME",
		"Event.occurred_at": "when it happened; absent or in the future: the record's Kafka time", "Event.channel": "the touchpoint",
		"Event.source": "name of the sending system; over HTTP that of the write key", "Event.properties": "what no typed field takes",
		"Event.historical": "true: changes facts and segments, starts and sends nothing", "Event.person": "who: at least one identifier",
		"Event.consent": "permissions given or withdrawn", "Event.context": "where a visit came from",
		"Person.customer_id": "the shop's customer id", "Person.pos_card": "member card read at the till", "Person.line_user_id": "U and 32 hexadecimal digits",
		"Person.line_provider": "LINE's provider, whose user ids are its own; the workspace's when absent", "Person.social_id": "page-scoped id of a social network",
		"Person.social_page": "the page of social_id", "Person.anonymous_id": "browser or app install", "Person.traits": "attributes; the newest value of each counts",
	} {
		out[field] = text
	}
	return out
}

// enums are the closed lists that Parse checks.
var enums = map[string][]string{
	"Event.channel":         enishi.Channels(),
	"Order.fulfilment_type": {"ship", "bopis", "curbside", "locker", "konbini_pickup", "store", "digital"},
	"ConsentChange.channel": {"email", "line", "sms", "push", "postal", "social", "ads"},
	"ConsentChange.purpose": {"marketing", "transactional"},
	"ConsentChange.state":   {"in", "out"},
	"Survey.kind":           {"nps", "csat", "quiz", "other"},
}

// ranges are the bounds of whole numbers that Parse checks; the others are only whole.
var ranges = map[string][2]int{
	"Event.v": {0, enishi.EventVersion}, "Review.rating": {0, 5}, "Line.quantity": {0, 1 << 31}, "Product.quantity": {0, 1 << 31}, "ShipmentLine.quantity": {0, 1 << 31},
	"Line.tax_rate": {0, 100}, "Tax.rate": {0, 100}, "Shipment.number": {0, 1 << 31}, "Shipment.of": {0, 1 << 31}, "Web.results": {0, 1 << 31}, "Web.step": {0, 1 << 31},
	"Survey.score": {-1000, 1000}, "Subscription.quantity": {0, 1 << 31}, "Subscription.deliveries": {0, 1 << 31}, "Subscription.cycle_days": {0, 3660},
}

// schemaOf is the schema of a Go type as Parse reads it.
func schemaOf(t reflect.Type, path string) object {
	switch t {
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case reflect.TypeFor[enishi.Amount]():
		return object{"$ref": "common.v1.json#/$defs/Amount"}
	case reflect.TypeFor[enishi.ID]():
		return object{"type": "string", "pattern": "^[0-9a-f]{32}$"}
	case reflect.TypeFor[enishi.Value]():
		return object{"$ref": "common.v1.json#/$defs/Value"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem(), path)
	case reflect.Struct:
		return object{"$ref": "common.v1.json#/$defs/" + t.Name()}
	case reflect.Slice:
		return object{"type": "array", "items": schemaOf(t.Elem(), path)}
	case reflect.Map:
		return object{"type": "object", "maxProperties": maxProperties, "propertyNames": object{"minLength": 1, "maxLength": maxNameBytes}, "additionalProperties": schemaOf(t.Elem(), path)}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		s := object{"type": "integer"}
		if r, ok := ranges[path]; ok {
			s["minimum"], s["maximum"] = r[0], r[1]
		}
		return s
	}
	s := object{"type": "string"}
	if list := enums[path]; list != nil {
		s["enum"] = list
	} else if name := path[strings.LastIndexByte(path, '.')+1:]; name == "id" || strings.HasSuffix(name, "_id") {
		s["maxLength"] = MaxIDBytes
	}
	return s
}

func structSchema(t reflect.Type, about map[string]string) object {
	props := object{}
	var required []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		path := t.Name() + "." + name
		s := schemaOf(f.Type, path)
		if text := about[path]; text != "" {
			s["description"] = text
		}
		if !strings.Contains(options, "omit") {
			required = append(required, name)
			if f.Type.Kind() == reflect.String && s["enum"] == nil {
				s["minLength"] = 1
			}
		}
		props[name] = s
	}
	out := object{"type": "object", "description": about[t.Name()], "properties": props}
	if required != nil {
		out["required"] = required
	}
	return out
}

// schemas makes all files: name -> content.
func schemas(t *testing.T) map[string][]byte {
	about := comments(t)
	defs := object{
		"Amount": object{"description": "A decimal without a sign (of points and adjustments: whole numbers of their own), at most 14 digits before and 4 after the point.", "anyOf": []any{
			object{"type": "string", "pattern": `^[0-9]{1,14}(\.[0-9]{1,4})?$`}, object{"type": "number", "minimum": 0}}},
		"Value": object{"description": "Text, number, true or false; text that is an RFC 3339 instant is read as one; objects and lists are kept as their text."},
	}
	var walk func(reflect.Type)
	walk = func(st reflect.Type) {
		for st.Kind() == reflect.Pointer || st.Kind() == reflect.Slice || st.Kind() == reflect.Map {
			st = st.Elem()
		}
		if st.Kind() != reflect.Struct || st == reflect.TypeFor[time.Time]() || defs[st.Name()] != nil {
			return
		}
		defs[st.Name()] = structSchema(st, about)
		for i := range st.NumField() {
			walk(st.Field(i).Type)
		}
	}
	walk(reflect.TypeFor[enishi.Person]())
	walk(reflect.TypeFor[enishi.Context]())
	for _, p := range payloads() {
		walk(p)
	}
	person := defs["Person"].(object)
	var anyOf []any
	for _, id := range []string{"customer_id", "pos_card", "line_user_id", "email", "phone", "social_id", "push_token", "anonymous_id"} {
		anyOf = append(anyOf, object{"required": []string{id}})
		person["properties"].(object)[id].(object)["minLength"] = 1
		person["properties"].(object)[id].(object)["maxLength"] = MaxIDBytes
	}
	person["anyOf"] = anyOf
	files := map[string][]byte{"common.v1.json": pretty(object{"$schema": draft, "$id": "common.v1.json", "title": "Types that the events share", "$defs": defs})}
	infos := append(enishi.Types(), enishi.TypeInfo{Name: "custom.NAME", About: "An event of the shop's own: any name of letters, digits, _ - and . after the point.", JA: "独自イベント"})
	for _, info := range infos {
		files[info.Name+".v1.json"] = pretty(eventSchema(info, about))
	}
	return files
}

func eventSchema(info enishi.TypeInfo, about map[string]string) object {
	props := object{}
	all := structSchema(reflect.TypeFor[enishi.Event](), about)["properties"].(object)
	for name, s := range all {
		if _, isPayload := payloads()[name]; name == "control" || name == "profile" || isPayload && name != "consent" && name != info.Payload {
			continue
		}
		props[name] = s
	}
	if strings.HasPrefix(info.Name, "store.") {
		props["order"] = all["order"]
	}
	typ := object{"const": info.Name}
	if len(info.Aliases) > 0 {
		typ = object{"enum": append([]string{info.Name}, info.Aliases...)}
	}
	if info.Name == "custom.NAME" {
		typ = object{"type": "string", "pattern": `^custom\.[\p{L}\p{N}\p{M}_.-]+$`, "maxLength": maxNameBytes}
	}
	typ["description"] = "The type of the event."
	props["type"] = typ
	required := []string{"type"}
	if info.Topic != enishi.TopicEvents {
		required = append(required, "person")
	}
	if info.Payload != "" && info.Payload != "control" {
		required = append(required, info.Payload)
	}
	if info.Payload == "consent" {
		props["consent"].(object)["minItems"] = 1
	}
	if needsProduct(info.Name) {
		props["web"] = object{"allOf": []any{props["web"], object{"required": []string{"product"}}}}
	}
	about1 := info.About
	if info.Topic == enishi.TopicEvents {
		about1 += " Written by Enishi itself; it cannot be sent."
	}
	return object{"$schema": draft, "$id": info.Name + ".v1.json", "title": info.JA, "description": about1, "type": "object", "properties": props, "required": required}
}

func pretty(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestSchemasAreCurrent(t *testing.T) {
	t.Parallel()
	want := schemas(t)
	if *update {
		if err := os.MkdirAll(schemaDir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range want {
		path := filepath.Join(schemaDir, name)
		if *update {
			if err := os.WriteFile(path, content, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		have, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(have, content) {
			t.Errorf("%s is not what the Go types say (%v): run go test ./ingest -run Schemas -update", path, err)
		}
	}
	files, err := os.ReadDir(schemaDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if want[f.Name()] == nil {
			t.Errorf("%s belongs to no type", f.Name())
		}
	}
}

// compiled loads the schemas as they stand in the repository.
func compiled(t *testing.T) func(typ string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	const base = "https://schemas.test/"
	files, err := os.ReadDir(schemaDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(schemaDir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		doc.(map[string]any)["$id"] = base + f.Name()
		if err := c.AddResource(base+f.Name(), doc); err != nil {
			t.Fatal(err)
		}
	}
	return func(typ string) *jsonschema.Schema {
		t.Helper()
		if strings.HasPrefix(typ, "custom.") {
			typ = "custom.NAME"
		}
		s, err := c.Compile(base + typ + ".v1.json")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func validate(s *jsonschema.Schema, text string) error {
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// For every type, an event made from the example of its payload is taken, and without any required field both the schema
// and Parse refuse it.
func TestSchemasAgreeWithParse(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	p := NewParser(ParserConfig{})
	byPayload := map[string]string{}
	for _, text := range examples(t) {
		got, _ := p.Parse(record(text), noon)
		info, _ := enishi.LookupType(got.Event.Type)
		byPayload[info.Payload] = text
	}
	for _, info := range enishi.Types() {
		if info.Topic == enishi.TopicEvents {
			continue
		}
		s := schema(info.Name)
		var event object
		if err := json.Unmarshal([]byte(byPayload[info.Payload]), &event); err != nil {
			t.Fatalf("%s: %v", info.Name, err)
		}
		event["type"] = info.Name
		check := func(what string, want bool) {
			t.Helper()
			b, _ := json.Marshal(event)
			_, refusal := p.Parse(record(string(b)), noon)
			if err := validate(s, string(b)); (err == nil) != want || (refusal == nil) != want {
				t.Errorf("%s %s: schema says %v, Parse says %v", info.Name, what, err, refusal)
			}
		}
		check("complete", true)
		without(event, requiredOf(info), check)
	}
}

func requiredOf(info enishi.TypeInfo) []string {
	out := []string{"type", "person"}
	if info.Payload == "" {
		return out
	}
	out = append(out, info.Payload)
	t := payloads()[info.Payload]
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if !strings.Contains(options, "omit") && t.Field(i).Type.Kind() == reflect.String {
			out = append(out, info.Payload+"."+name)
		}
	}
	if needsProduct(info.Name) {
		out = append(out, "web.product", "web.product.product_id")
	}
	return out
}

// without takes each field away, tells check, and puts it back.
func without(event object, paths []string, check func(what string, want bool)) {
	for _, path := range paths {
		at := event
		parts := strings.Split(path, ".")
		for _, part := range parts[:len(parts)-1] {
			if list, ok := at[part].([]any); ok {
				at = list[0].(object)
			} else {
				at = at[part].(object)
			}
		}
		last := parts[len(parts)-1]
		kept := at[last]
		delete(at, last)
		check("without "+path, false)
		at[last] = kept
	}
}
