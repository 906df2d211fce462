package presets

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDocs: docs/presets.md names every preset, what it needs and where its format is described.
func TestDocs(t *testing.T) {
	t.Parallel()
	const path = "../../docs/presets.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- presets -->\n", "<!-- end of presets -->\n"
	head, rest, ok := strings.Cut(string(text), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatal("the marks of the table are missing")
	}
	var b strings.Builder
	b.WriteString("| preset | system | file | columns that must be there | written from |\n|---|---|---|---|---|\n")
	for _, p := range All() {
		needs := strings.Join(p.Needs, ", ")
		if len(p.Any) > 0 {
			needs = strings.TrimPrefix(needs+", one of "+strings.Join(p.Any, " / "), ", ")
		}
		encoding := ""
		if p.Encoding != "" {
			encoding = " (CP932)"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s / %s%s | %s | %s |\n", p.Name, p.System, p.Title.JA, p.Title.EN, encoding, needs, p.Source)
	}
	want := head + begin + b.String() + end + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error("run go test ./ingest/presets -update:", diff)
	}
}
