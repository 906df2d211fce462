package ingest

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"enishi"
)

// examples are the JSON blocks of docs/events.md that are events.
func examples(t *testing.T) []string {
	t.Helper()
	out := examplesOrNone()
	if len(out) == 0 {
		t.Fatal("docs/events.md has no examples")
	}
	return out
}

func examplesOrNone() []string {
	b, err := os.ReadFile(filepath.Join(docsDir, "events.md"))
	if err != nil {
		return nil
	}
	var out []string
	for _, block := range strings.Split(string(b), "```json\n")[1:] {
		text, _, _ := strings.Cut(block, "```")
		if strings.HasPrefix(text, `{"type"`) || strings.HasPrefix(text, "{\n  \"type\"") {
			out = append(out, text)
		}
	}
	return out
}

// Every example in the docs has the form that its schema says and is taken by Parse, and there is one for each payload.
func TestDocsExamples(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	p := NewParser(ParserConfig{})
	seen := map[string]bool{}
	for _, text := range examples(t) {
		got, refusal := p.Parse(record(text), noon)
		if refusal != nil {
			t.Errorf("refused: %v\n%s", refusal, text)
			continue
		}
		if got.Event.At.Equal(noon) {
			t.Errorf("occurred_at is absent or in the future of the tests:\n%s", text)
		}
		if err := validate(schema(got.Event.Type), text); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
		info, _ := enishi.LookupType(got.Event.Type)
		seen[info.Payload] = true
	}
	for name := range payloads() {
		if name != "message" && !seen[name] {
			t.Errorf("docs/events.md has no example with the payload %s", name)
		}
	}
}

// The tables in docs/events.md are those of the code.
func TestDocsTables(t *testing.T) {
	t.Parallel()
	path := filepath.Join(docsDir, "events.md")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	have := string(b)
	want := have
	about := comments(t)
	sections := map[string]string{"types": typeTable()}
	sections["fields Event"] = fieldTable(reflect.TypeFor[enishi.Event](), about)
	sections["fields Person"] = fieldTable(reflect.TypeFor[enishi.Person](), about)
	sections["fields Context"] = fieldTable(reflect.TypeFor[enishi.Context](), about)
	for _, st := range append(slices.Collect(func(yield func(reflect.Type) bool) {
		for _, p := range payloads() {
			if !yield(p) {
				return
			}
		}
	}), reflect.TypeFor[enishi.Line](), reflect.TypeFor[enishi.Product](), reflect.TypeFor[enishi.Address](), reflect.TypeFor[enishi.Tax](), reflect.TypeFor[enishi.ShipmentLine](), reflect.TypeFor[enishi.Answer]()) {
		if st != reflect.TypeFor[enishi.MessageResult]() {
			sections["fields "+st.Name()] = fieldTable(st, about)
		}
	}
	for name, table := range sections {
		begin := "<!-- generated: " + name + " -->\n"
		head, rest, ok := strings.Cut(want, begin)
		_, tail, ok2 := strings.Cut(rest, "<!-- end -->")
		if !ok || !ok2 {
			t.Errorf("docs/events.md has no part %q", name)
			continue
		}
		want = head + begin + table + "<!-- end -->" + tail
	}
	if have == want {
		return
	}
	if !*update {
		t.Fatal("docs/events.md is not what the Go types say: run go test ./ingest -run Docs -update")
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func typeTable() string {
	var b strings.Builder
	for _, topic := range append(enishi.SourceTopics(), enishi.TopicEvents) {
		switch topic {
		case enishi.TopicEvents:
			b.WriteString("\n### Written by Enishi itself\n\n")
		default:
			fmt.Fprintf(&b, "\n### Topic `%s`\n\n", topic)
		}
		b.WriteString("| type | payload | also known as | meaning | 日本語 |\n|---|---|---|---|---|\n")
		for _, info := range enishi.Types() {
			if info.Topic != topic {
				continue
			}
			payload := info.Payload
			if payload != "" {
				payload = "`" + payload + "`"
			}
			fmt.Fprintf(&b, "| [`%s`](schemas/%s.v1.json) | %s | %s | %s | %s |\n", info.Name, info.Name, payload, strings.Join(otherNames(info), ", "), info.About, info.JA)
		}
	}
	return b.String() + "\n"
}

// otherNames are Segment's names and those of moreAliases.
func otherNames(info enishi.TypeInfo) []string {
	names := slices.Clone(info.Aliases)
	for alias, name := range moreAliases {
		if name == info.Name {
			names = append(names, alias)
		}
	}
	slices.Sort(names)
	return names
}

func fieldTable(t reflect.Type, about map[string]string) string {
	var b strings.Builder
	b.WriteString("| field | type | |\n|---|---|---|\n")
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" || t.Name() == "Event" && (name == "control" || name == "message" || name == "profile") {
			continue
		}
		text := about[t.Name()+"."+name]
		if list := enums[t.Name()+"."+name]; list != nil && !strings.Contains(text, list[0]) {
			text = strings.TrimSpace(text + " One of " + strings.Join(list, ", ") + ".")
		}
		if !strings.Contains(options, "omit") {
			name = "**" + name + "**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, wordFor(f.Type), strings.ReplaceAll(text, "|", "\\|"))
	}
	return b.String()
}

func wordFor(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Time]():
		return "time"
	case reflect.TypeFor[enishi.Amount]():
		return "amount"
	case reflect.TypeFor[enishi.Value]():
		return "value"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return wordFor(t.Elem())
	case reflect.Slice:
		return "list of " + wordFor(t.Elem())
	case reflect.Map:
		return "map of text to " + wordFor(t.Elem())
	case reflect.Bool:
		return "true/false"
	case reflect.Int, reflect.Int64:
		return "whole number"
	case reflect.String:
		return "text"
	}
	return t.Name()
}
