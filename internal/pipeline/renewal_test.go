package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"enishi"
)

// flight is a journey in which everybody who orders stands for four days.
const flight = `{"title":{"ja":"途中","en":"In flight"},"purpose":"transactional","consent":"not_refused","entry":{"event":"order.placed","reentry":"never"},
"start":"wait","nodes":{"wait":{"type":"wait","for":"4d","next":"end"},"end":{"type":"exit"}}}`

// stands counts where people are in the journey: "NODE@VERSION", or how their runs ended.
func (w *world) stands(journey string) map[string]int {
	out := map[string]int{}
	for _, p := range w.people {
		state := w.store.states[w.graph.Resolve(identifierID(enishi.Customer, p.person.CustomerID))]
		for _, r := range w.decode(state).Runs {
			switch {
			case r.Journey != journey:
			case r.EndedAt.IsZero():
				out[fmt.Sprintf("%s@%d", r.Node, r.Version)]++
			default:
				out[r.End]++
			}
		}
	}
	return out
}

// TestRenewal: a version that takes people over comes to everybody, also when the owners are killed on the way; those in it
// stand in the new version, or are out. A draft beside it changes nothing, and entries go on meanwhile.
func TestRenewal(t *testing.T) {
	t.Parallel()
	w := shopWorld(t, newCompiler())
	w.define("journey", "flight", []byte(flight))
	w.rest()
	for _, p := range w.people {
		w.order(p, 5)
	}
	w.rest()
	first := w.defNext
	if got := w.stands("flight"); got[fmt.Sprintf("wait@%d", first)] != len(w.people) {
		t.Fatalf("they stand at %v", got)
	}
	moved := strings.Replace(flight, `"entry"`, `"in_flight":{"then":"move","nodes":{"wait":"longer"}},"entry"`, 1)
	moved = strings.NewReplacer(`"start":"wait"`, `"start":"longer"`, `{"wait":{`, `{"longer":{`).Replace(moved)
	w.define("journey", "flight", []byte(moved))
	second := w.defNext
	w.sweepTo(t, thirtySevenPercent)
	for _, n := range w.alive() {
		n.tick()
		n.fold() // and no checkpoint
		w.kill(n)
	}
	w.rebalance()
	w.byBuckets()
	for _, n := range w.alive() {
		n.gain()
	}
	w.rest()
	if got := w.stands("flight"); got[fmt.Sprintf("longer@%d", second)] != len(w.people) {
		t.Fatalf("after they moved they stand at %v", got)
	}
	// A draft waits: nobody moves, and who enters now enters what is live.
	w.define("journey", "flight", []byte(strings.Replace(flight, `"entry"`, `"state":"draft","in_flight":{"then":"exit"},"entry"`, 1)))
	w.rest()
	if got := w.stands("flight"); got[fmt.Sprintf("longer@%d", second)] != len(w.people) {
		t.Fatalf("beside a draft they stand at %v", got)
	}
	w.define("journey", "flight", []byte(strings.Replace(flight, `"entry"`, `"in_flight":{"then":"exit"},"entry"`, 1)))
	w.rest()
	if got := w.stands("flight"); got["exited"] != len(w.people) || w.swept() != 256 {
		t.Errorf("after they left they stand at %v; a sweep is at %d", got, w.swept())
	}
	w.checkMarkers()
}
