package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Segments of several files may name each other; what none of them has is refused.
func TestDefinitionsNameEachOther(t *testing.T) {
	t.Parallel()
	segment := func(name, expression string) definitionFile {
		return definitionFile{Kind: "segment", Name: name, Body: map[string]any{"title": map[string]any{"en": name}, "expression": expression}}
	}
	all := []definitionFile{segment("b", `in_segment("a") && ltv > 1`), segment("a", "orders_count > 2"), segment("lost", `in_segment("none")`)}
	for i := range 2 {
		if err := all[i].check(all, nil); err != nil {
			t.Error(err)
		}
	}
	if err := all[2].check(all, nil); err == nil || !strings.Contains(err.Error(), `there is no segment "none"`) {
		t.Errorf("got %v", err)
	}
	if s, err := all[0].segment(all); err != nil || len(s.Took("segment")) != 1 {
		t.Errorf("%v, %v", s, err)
	}
}

// A journey's call of another system is refused by the check as by the API, with its file and line; what the configuration lets
// in is not.
func TestCheckOfCalls(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "crm.yaml")
	const journey = `# comes first
kind: setting
name: other
body: {}
---
kind: journey
name: crm
body:
  title: {ja: 知らせる, en: Tell}
  purpose: transactional
  consent: not_refused
  entry: {event: order.placed, reentry: always}
  start: tell
  nodes:
    tell:
      type: webhook
      webhook:
        method: POST
        url: ADDRESS
      next: end
    end: {type: exit}
`
	check := func(address, config string, environ ...string) (string, error) {
		if err := os.WriteFile(file, []byte(strings.Replace(journey, "ADDRESS", address, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		var errs strings.Builder
		err := (&checkCommand{Config: config, Paths: []string{dir}}).Run(t.Context(), streams{out: io.Discard, err: &errs, environ: func() []string { return environ }})
		return errs.String(), err
	}
	for _, address := range []string{"http://169.254.169.254/latest", "https://crm.internal:8443/hooks", "http://localhost/x"} {
		said, err := check(address, "", "LANG=en_US.UTF-8")
		if err == nil || !strings.HasPrefix(said, file+`:19: journey crm: node "tell": url `) || !strings.Contains(said, "webhook.inside") {
			t.Errorf("%s: %v, %q", address, err, said)
		}
	}
	if said, err := check("http://localhost/x", "", "LANG=ja_JP.UTF-8"); err == nil || !strings.Contains(said, "webhook.inside に登録が必要です") {
		t.Errorf("%v, %q", err, said)
	}
	if said, err := check("https://crm.shop.example/hooks", ""); err != nil {
		t.Errorf("%v, %q", err, said)
	}
	config := filepath.Join(t.TempDir(), "enishi.yaml")
	if err := os.WriteFile(config, []byte("webhook:\n  inside: [\"crm.internal:8443\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := check("https://crm.internal:8443/hooks", config); err != nil {
		t.Errorf("%v, %q", err, said)
	}
}

// What a server refuses of a file is named with its line there.
func TestRefusedLine(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		io.WriteString(w, `{"detail": "no", "errors": [{"location": "nodes.tell.webhook.url", "message": "not there"}]}`)
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "crm.yaml")
	if err := os.WriteFile(file, []byte("kind: journey\nname: crm\nbody:\n  nodes:\n    tell:\n      webhook: {url: x}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &applyCommand{Paths: []string{file}}
	c.Addr = server.URL
	err := c.Run(t.Context(), streams{out: io.Discard, err: io.Discard, environ: func() []string { return nil }})
	if err == nil || !strings.HasPrefix(err.Error(), file+":6: journey crm: no\n") {
		t.Errorf("got %v", err)
	}
}
