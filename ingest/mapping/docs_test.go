package mapping

import (
	"bytes"
	"encoding/csv"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// TestDocs runs the examples of docs/mapping.md: each mapping on what stands behind it.
func TestDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	var program *Program
	var made []Event
	var problems []*Problem
	checked := 0
	for _, block := range strings.Split(string(text), "\n```")[1:] {
		kind, body, _ := strings.Cut(block, "\n")
		switch kind {
		case "yaml mapping":
			var d struct{ Body Mapping }
			dec := yaml.NewDecoder(strings.NewReader(body))
			if err := dec.Decode(&d); err != nil {
				t.Fatal(err)
			}
			program = compile(t, d.Body)
		case "csv":
			rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			s, err := program.Sheet(rows[0])
			if err != nil {
				t.Fatal(err)
			}
			made = nil
			for i, row := range rows[1:] {
				e, p := s.Add(i+2, row)
				made, problems = append(made, e...), append(problems, p...)
			}
			e, p := s.End()
			made, problems = append(made, e...), append(problems, p...)
		case "json document":
			doc, err := Decode([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			made, problems = program.Events(doc, map[string]string{"X-Topic": "order"})
		case "json mapped":
			var got bytes.Buffer
			for _, e := range made {
				got.Write(e.JSON)
			}
			if diff := cmp.Diff(strings.TrimSpace(body), got.String()); diff != "" || len(problems) > 0 {
				t.Error(diff, problems)
			}
			checked++
		}
	}
	if checked != 2 {
		t.Errorf("%d examples checked", checked)
	}
}
