package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"enishi/journeys"
)

// shopJourney is a journey of the tests in a state.
func shopJourney(state string) string {
	return `kind: journey
name: ` + state + `_one
body:
  title: {ja: お声がけ, en: A word}
  purpose: transactional
  consent: not_refused
  state: ` + state + `
  entry: {date: birthday, time: 10:00, reentry: never}
  start: rest
  nodes:
    rest: {type: wait, for: 1d, next: end}
    end: {type: exit}
`
}

// TestApplyDiffExport: what is exported is what was applied, of journeys of the gallery (of all in make test-full) and in every state; a change is all that
// diff shows; a second apply changes nothing; what somebody else saved since, and what is wrong, is refused with its line.
func TestApplyDiffExport(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "--data", t.TempDir())
	do := func(locale string, want int, args ...string) string {
		t.Helper()
		code, out, errs := runIn(locale, append(args, "--addr", s.base)...)
		if code != want {
			t.Fatalf("%v: exit %d, want %d\n%s%s", args, code, want, out, errs)
		}
		return out + errs
	}
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "shop")
	bodies, all := map[string]any{}, 0
	for _, item := range journeys.Gallery() {
		if item.Kind != "journey" {
			continue
		}
		var body map[string]any
		if err := json.Unmarshal(item.Body, &body); err != nil {
			t.Fatal(err)
		}
		if all++; all%4 != 1 && os.Getenv("ENISHI_FULL") == "" {
			continue // TestGalleryInYAML has all of them
		}
		body["state"] = "draft"
		bodies[item.Name] = body
		text, err := json.Marshal(map[string]any{"kind": "journey", "name": item.Name, "body": body})
		if err != nil {
			t.Fatal(err)
		}
		writeText(t, filepath.Join(from, item.Name+".json"), string(text))
	}
	for _, state := range []string{"live", "paused", "archived", "review", "approved"} {
		writeText(t, filepath.Join(from, state+".yaml"), shopJourney(state))
	}
	n := len(bodies) + 5
	if out := do("C", 0, "apply", from, "--reason", "from files"); strings.Count(out, "saved journey ") != n || n < 12 {
		t.Fatalf("%d journeys: %s", n, out)
	}
	if out := do("C", 0, "apply", from); strings.Count(out, "unchanged journey ") != n || strings.Contains(out, "saved") {
		t.Errorf("a second time: %s", out)
	}
	do("C", 0, "export", "--dir", to)
	for name, body := range bodies {
		if have := readBody(t, filepath.Join(to, "journey."+name+".yaml")); !reflect.DeepEqual(have, body) {
			t.Errorf("%s is exported as %v", name, have)
		}
	}
	if out := do("C", 0, "diff", to); out != "" {
		t.Errorf("nothing is changed: %s", out)
	}
	if out := do("C", 0, "apply", to); strings.Contains(out, "saved") {
		t.Errorf("what was exported is not what there is: %s", out)
	}
	for _, state := range []string{"live", "paused", "archived"} {
		if out := do("C", 0, "export", "journey", state+"_one"); !strings.Contains(out, "  state: "+state+"\n") || !strings.Contains(out, "time: 10:00\n") {
			t.Errorf("got %s", out)
		}
	}
	s.checkChanges(t, to, do)
}

// checkChanges changes a file of those that were exported.
func (s *server) checkChanges(t *testing.T, dir string, do func(locale string, code int, args ...string) string) {
	t.Helper()
	file := filepath.Join(dir, "journey.live_one.yaml")
	text := readText(t, file)
	version := strings.TrimPrefix(strings.Split(text, "\n")[2], "version: ")
	writeText(t, file, strings.Replace(text, "for: 1d", "for: 2d", 1))
	if out, want := do("C", 1, "diff", dir), "journey live_one (version "+version+")\n  ~ nodes.rest.for: \"1d\" -> \"2d\"\nenishi: 1 definition differs\n"; out != want {
		t.Errorf("got %q, want %q", out, want)
	}
	if out := do("ja_JP.UTF-8", 1, "diff", file); !strings.HasPrefix(out, "journey live_one (版 "+version+")\n") || !strings.HasSuffix(out, "1 件に違いがあります\n") {
		t.Errorf("got %q", out)
	}
	// Somebody else was faster.
	answer, err := http.Post(s.base+"/api/v1/journeys/live_one/status", "application/json", strings.NewReader(`{"status": "paused"}`))
	if err != nil || answer.StatusCode != 200 {
		t.Fatal(answer, err)
	}
	answer.Body.Close()
	if out := do("C", 1, "apply", file); !strings.HasPrefix(out, "enishi: "+file+":3: journey live_one: somebody else saved version ") || !strings.Contains(out, "enishi diff") {
		t.Errorf("got %s", out)
	}
	if out := do("ja_JP.UTF-8", 1, "apply", file); !strings.Contains(out, "別の人が新しい版") {
		t.Errorf("got %s", out)
	}
	if out := do("C", 1, "diff", file); !strings.Contains(out, `~ nodes.rest.for: "1d" -> "2d"`) || !strings.Contains(out, `~ state: "paused" -> "live"`) {
		t.Errorf("got %s", out)
	}
	writeText(t, file, strings.Replace(readText(t, file), "version: "+version+"\n", "", 1))
	if out := do("C", 0, "apply", file); out != "saved journey live_one\n" {
		t.Errorf("got %s", out)
	}
	do("C", 0, "diff", file)
	// What is wrong is named with its line, and nothing is saved.
	for bad, want := range map[string]string{
		strings.Replace(shopJourney("live"), "next: end", "next: nowhere", 1):             `:11: journey live_one: `,
		strings.Replace(shopJourney("live"), "  start: rest\n", "  start: rest\n x\n", 1): `:11: `,
		strings.Replace(shopJourney("live"), "name: live_one\n", "nmae: live_one\n", 1):   `:1: a definition has kind, name and body`,
		strings.Replace(shopJourney("live"), "body:\n", "stat: live\nbody:\n", 1):         `:3: "stat" does not belong here`,
	} {
		writeText(t, file, bad)
		if out := do("C", 1, "apply", file); !strings.HasPrefix(out, "enishi: "+file+want) {
			t.Errorf("want %s, got %s", want, out)
		}
	}
	if out := do("C", 0, "export", "journey", "live_one"); !strings.Contains(out, "for: 2d") {
		t.Errorf("got %s", out)
	}
	if out := do("C", 1, "export", "journeys"); !strings.Contains(out, "is no kind of definition") {
		t.Errorf("got %s", out)
	}
	writeText(t, file, strings.ReplaceAll(shopJourney("live"), "live_one", "new_one"))
	if out := do("C", 1, "diff", file); out != "journey new_one (new)\nenishi: 1 definition differs\n" {
		t.Errorf("got %s", out)
	}
}

// TestCompare: each kind of difference is one line, by path.
func TestCompare(t *testing.T) {
	t.Parallel()
	f := func(have, want string, lines ...string) {
		t.Helper()
		var a, b any
		if json.Unmarshal([]byte(have), &a) != nil || json.Unmarshal([]byte(want), &b) != nil {
			t.Fatal(have, want)
		}
		var got []string
		compare("", a, b, func(line string) { got = append(got, line) })
		if fmt.Sprint(got) != fmt.Sprint(lines) {
			t.Errorf("%s, %s: %v, want %v", have, want, got, lines)
		}
	}
	f(`{"a": 1, "b": {"c": [1, 2]}}`, `{"b": {"c": [1, 2]}, "a": 1.0}`)
	f(`{"a": 1, "b": {"c": [1, 2]}}`, `{"b": {"c": [1, 3, "x"]}, "d": null}`, "- a: 1", "~ b.c[1]: 2 -> 3", `+ b.c[2]: "x"`, "+ d: null")
	f(`{"a": [1, 2]}`, `{"a": [1]}`, "- a[1]: 2")
	f(`{"a": {}}`, `{"a": []}`, "~ a: {} -> []")
	f(`{"a": ""}`, `{"a": "`+strings.Repeat("あ", 300)+`"}`, `~ a: "" -> "`+strings.Repeat("あ", 199)+"… (302)")
}

// TestYAML: what JSON says comes back from the file as it was, also what YAML would take for something else.
func TestYAML(t *testing.T) {
	t.Parallel()
	const text = `{"z": "2026-12-01", "at": "2026-12-01T01:00:00Z", "a": ["10:00", "true", "null", "~", "1e3", "0x1f", "", " ", "a: b", "# c", "- d", "あ\n い\n", "\ud83d\ude00", "on"],
	"n": [0, -1, 1.5, 1e3, 123456789012], "e": {}, "l": [], "b": [true, false, null], "1": {"{{ x }}": "{{ y }}", "'": "\"\\"}}`
	node, err := yamlOf(json.RawMessage(text))
	if err != nil {
		t.Fatal(err)
	}
	out, err := yaml.Marshal(map[string]any{"kind": "setting", "name": "x", "body": node})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "x.yaml")
	writeText(t, file, string(out))
	var want any
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	if have := readBody(t, file); !reflect.DeepEqual(have, want) {
		t.Errorf("got %v\n%s", have, out)
	}
	// A day without quotes is the text that it is.
	writeText(t, file, "kind: setting\nname: x\nbody: {from: 2026-12-01, at: 2026-12-01T01:00:00Z}\n")
	if have := readBody(t, file); !reflect.DeepEqual(have, map[string]any{"from": "2026-12-01", "at": "2026-12-01T01:00:00Z"}) {
		t.Errorf("got %v", have)
	}
}

// TestGalleryInYAML: every ready-made journey and template is in a file of apply what it is.
func TestGalleryInYAML(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "x.yaml")
	for _, item := range journeys.Gallery() {
		node, err := yamlOf(item.Body)
		if err != nil {
			t.Fatal(err)
		}
		text, err := yaml.Marshal(map[string]any{"kind": item.Kind, "name": item.Name, "body": node})
		if err != nil {
			t.Fatal(err)
		}
		writeText(t, file, string(text))
		var want any
		if err := json.Unmarshal(item.Body, &want); err != nil {
			t.Fatal(err)
		}
		if have := readBody(t, file); !reflect.DeepEqual(have, want) {
			t.Errorf("%s %s: %v\nwant %v", item.Kind, item.Name, have, want)
		}
	}
}

// TestStartedFirst: of journeys that start each other the one that is started is saved first.
func TestStartedFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	starts := func(name, other string) {
		writeText(t, filepath.Join(dir, name+".yaml"), "kind: journey\nname: "+name+"\nbody: {nodes: {a: {type: start, journey: "+other+"}}}\n")
	}
	starts("a", "b")
	starts("b", "c")
	starts("c", "none")
	starts("x", "y")
	starts("y", "x")
	all, err := readInOrder([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	order := ""
	for _, d := range all {
		order += d.Name
	}
	if strings.Index(order, "c") > strings.Index(order, "b") || strings.Index(order, "b") > strings.Index(order, "a") || len(order) != 5 {
		t.Errorf("order %s", order)
	}
}

// readBody is the body of a file's definition, as it would be sent.
func readBody(t *testing.T, file string) any {
	t.Helper()
	all, err := readDefinitions(file)
	if err != nil || len(all) != 1 {
		t.Fatalf("%s: %d, %v", file, len(all), err)
	}
	_, body, err := sides(nil, all[0].Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeText(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
