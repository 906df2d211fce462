package exports

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestDocs: docs/exports.md has the tables as they are: a change of the contract is seen in a review.
func TestDocs(t *testing.T) {
	t.Parallel()
	const name, begin, end = "../../docs/exports.md", "<!-- tables -->\n", "<!-- /tables -->"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	was, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the marks of the tables are missing")
	}
	var b strings.Builder
	b.WriteString("| table | by | columns |\n|---|---|---|\n")
	for _, x := range Tables() {
		by := ""
		if x.Grows {
			by = "grows " + x.Time
		} else if x.Time != "" {
			by = "time " + x.Time
		}
		var columns []string
		for _, c := range x.Columns {
			text := c.Name
			if c.Kind != Text {
				text += " *" + string(c.Kind) + "*"
			}
			if c.Personal {
				text += " !"
			}
			columns = append(columns, text)
		}
		fmt.Fprintf(&b, "| `%s`<br>%s / %s | %s | %s |\n", x.Name, x.JA, x.EN, by, strings.Join(columns, ", "))
	}
	if *update {
		if err := os.WriteFile(name, []byte(before+begin+b.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if was != b.String() {
		t.Error("docs/exports.md is not up to date: go test ./internal/exports -run Docs -update")
	}
}
