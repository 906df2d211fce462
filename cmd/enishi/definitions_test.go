package main

import (
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
		if err := all[i].check(all); err != nil {
			t.Error(err)
		}
	}
	if err := all[2].check(all); err == nil || !strings.Contains(err.Error(), `there is no segment "none"`) {
		t.Errorf("got %v", err)
	}
	if s, err := all[0].segment(all); err != nil || len(s.Took("segment")) != 1 {
		t.Errorf("%v, %v", s, err)
	}
}
