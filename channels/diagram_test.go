package channels

import (
	"os"
	"regexp"
	"testing"
)

// TestDiagram: every arrow of docs/delivery.md is one that the ledger's versions allow, back to decided after a try only, and
// every state is drawn.
func TestDiagram(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/delivery.md")
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^    (\w+) --> (\w+)$`).FindAllStringSubmatch(string(text), -1) {
		from, to := Row{State: m[1], Attempt: 1}, Row{State: m[2], Attempt: 1}
		drawn[m[1]], drawn[m[2]] = true, true
		if m[1] == stateDecided && m[2] == stateIntent {
			from.Attempt = 0
		}
		if from.final() || from.version() >= to.version() {
			t.Errorf("the ledger does not go from %s to %s", m[1], m[2])
		}
	}
	for _, s := range [...]string{stateDecided, stateIntent, stateSent, stateFailed, stateUnknown, stateRefused, stateDeferred, stateDropped, stateParked} {
		if !drawn[s] {
			t.Errorf("%s is not drawn", s)
		}
		delete(drawn, s)
	}
	if len(drawn) > 0 {
		t.Errorf("no states of the ledger: %v", drawn)
	}
}
