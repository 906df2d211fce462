package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMJMLOfFiles: a file with MJML gets its HTML where Node and a compiler are at hand; without them the check says what to do.
func TestMJMLOfFiles(t *testing.T) {
	file := func() *definitionFile {
		return &definitionFile{Kind: "template", Name: "t", Body: map[string]any{"channel": "email", "purpose": "marketing", "variants": map[string]any{
			"ja": map[string]any{"subject": "s", "source": map[string]any{"kind": "mjml",
				"mjml": "<mjml><mj-body><mj-section><mj-column><mj-text>{{ customer.salutation }}</mj-text></mj-column></mj-section></mj-body></mjml>"}}}}}
	}
	t.Chdir(t.TempDir()) // no packages here
	d := file()
	if err := d.withHTML(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.check(nil, nil); err == nil || !strings.Contains(err.Error(), "save it there") {
		t.Errorf("without a compiler: %v", err)
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("no Node")
	}
	// A compiler that says what it was given stands for the real one, which the product does not carry.
	dir := filepath.Join("node_modules", "mjml-browser")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	const fake = `module.exports = s => { if (!s.startsWith("<mjml>")) throw new Error("no mjml"); return { html: "<body>" + s.match(/<mj-text>(.*)<.mj-text>/)[1] + "</body>" } }`
	if err := os.WriteFile(filepath.Join(dir, "index.js"), []byte(fake), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.withHTML(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.check(nil, nil); err != nil {
		t.Error(err)
	}
	got := d.Body.(map[string]any)["variants"].(map[string]any)["ja"].(map[string]any)["html"]
	if got != "<body>{{ customer.salutation }}</body>" {
		t.Errorf("html %q", got)
	}
	d = file()
	d.Body.(map[string]any)["variants"].(map[string]any)["ja"].(map[string]any)["source"].(map[string]any)["mjml"] = "<p>"
	if err := d.withHTML(t.Context()); err == nil || !strings.Contains(err.Error(), "no mjml") {
		t.Errorf("wrong MJML: %v", err)
	}
}
