package api

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestBadInputIsDocumented: each line of the table of bad input in docs/delivery.md names tests that exist, a sentence that
// stands in the program in both languages, side by side, and what it leaves.
func TestBadInputIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/delivery.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "<!-- bad input -->\n")
	table, _, ok := strings.Cut(rest, "<!-- /bad input -->")
	if !ok {
		t.Fatal("docs/delivery.md has no table of bad input")
	}
	sources, tests := map[string]string{}, map[string]string{}
	for _, dir := range [...]string{".", "../channels", "../channels/email", "../channels/line", "../channels/lint", "../journeys", "../cmd/enishi"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", dir, err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") {
				tests[strings.TrimPrefix(filepath.Clean(dir), "../")] += string(source)
			} else {
				sources[file] = strings.ReplaceAll(string(source), `\"`, `"`)
			}
		}
	}
	tests["api"] = tests["."]
	rows := 0
	for _, line := range strings.Split(strings.TrimSpace(table), "\n")[2:] {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if len(cells) != 5 {
			t.Fatalf("%d cells: %s", len(cells), line)
		}
		rows++
		if !stands(sources, cells[1], cells[2]) {
			t.Errorf("%s: no source has both %q and %q", cells[0], cells[1], cells[2])
		}
		if !regexp.MustCompile(`^(` + "`" + `(sent|failed|unknown|refused|deferred|dropped|parked)` + "`" + `|decision |page |none: )`).MatchString(cells[3]) {
			t.Errorf("%s leaves %q", cells[0], cells[3])
		}
		named := regexp.MustCompile("`([a-z/]+)` (Test[A-Za-z0-9]+)").FindAllStringSubmatch(cells[4], -1)
		if len(named) == 0 {
			t.Errorf("%s: no test is named", cells[0])
		}
		for _, n := range named {
			if !strings.Contains(tests[n[1]], "\nfunc "+n[2]+"(") {
				t.Errorf("%s: there is no test %s in %s", cells[0], n[2], n[1])
			}
		}
	}
	if rows < 20 {
		t.Errorf("only %d lines", rows)
	}
}

// stands tells whether one file has both sentences; … stands for anything.
func stands(sources map[string]string, ja, en string) bool {
	for _, source := range sources {
		all := true
		for _, part := range strings.Split(ja+"…"+en, "…") {
			all = all && strings.Contains(source, part)
		}
		if all {
			return true
		}
	}
	return false
}
