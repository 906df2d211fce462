package journeys

import "testing"

// TestVariablesHaveWords: each variable says what it is in both languages, and no word is about one that is not there.
func TestVariablesHaveWords(t *testing.T) {
	t.Parallel()
	seen := map[[3]string]bool{}
	for _, v := range Variables() {
		if v.JA == "" || v.EN == "" || (v.Example == "") != (v.Kind == "list" || v.Kind == "map") {
			t.Errorf("%+v", v)
		}
		seen[[3]string{v.JA, v.EN, v.Example}] = true
	}
	for name, w := range variableWords {
		if !seen[w] {
			t.Errorf("%s is no variable", name)
		}
	}
}
