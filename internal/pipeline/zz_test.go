package pipeline

import (
	"fmt"
	"testing"

	"enishi"
)

func TestZZ(t *testing.T) {
	total := map[string]int{}
	for seed := uint64(1); seed <= 60; seed++ {
		var ww *world
		if err := simulate(seed, func(w *world) { ww = w }); err != nil {
			t.Error(err)
		}
		for p := range ww.log {
			for _, r := range ww.log[p] {
				var e enishi.Event
				decode(&e, r.Value)
				total["rec "+e.Type]++
				if e.Forwarded {
					total["forwarded"]++
					if e.Control != nil && e.Type[0] != '~' {
						total["forwarded by split"]++
					}
				}
			}
		}
		for _, r := range ww.messages {
			var m enishi.Message
			enishi.DecodeMessage(&m, r.Value)
			total[fmt.Sprintf("msg %s/%s cancel=%v round=%d", m.Journey, m.Node, m.Cancel, m.Round)]++
		}
		total["nodes"] += len(ww.nodes)
		for _, n := range ww.nodes {
			if n.dead {
				total["dead"]++
			}
			s := n.folder.Stats()
			total["checkpoints"] += int(s.Checkpoints)
			total["loads"] += int(s.Loads)
			total["repeats"] += int(s.Repeats)
			total["folded"] += int(s.Records)
		}
		total["aside"] += len(ww.aside)
		total["links"] += int(ww.links)
		total["defs"] += int(ww.defNext)
		total["profiles"] += len(ww.store.states)
	}
	for k, v := range total {
		fmt.Println(v, k)
	}
}
