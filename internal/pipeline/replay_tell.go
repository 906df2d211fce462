package pipeline

import (
	"slices"

	"enishi"
	"enishi/journeys"
	"enishi/profiles"
)

// tell turns what a record gave into steps. Rows of an entry are written when the run has come to rest, so they are put first.
func (r *Replay) tell(out *enishi.Effects) {
	if len(out.Derived)+len(out.Decisions)+len(r.notes) > 0 {
		r.tellSteps(out)
	}
	r.notes = r.notes[:0]
	for i := range r.p.Runs {
		run := &r.p.Runs[i]
		if run.Wait == nil || !run.EndedAt.IsZero() {
			continue
		}
		if told, ok := r.waits[run.ID]; ok && told.Equal(run.Wait.Until) && r.waitsAt(run) {
			continue
		}
		r.waits[run.ID] = run.Wait.Until
		r.play.Steps = append(r.play.Steps, PlayStep{At: r.part.clock, Kind: PlayWaits, Run: run.ID, Node: run.Node, Until: run.Wait.Until})
	}
}

// waitsAt: the last wait that was told of a run is the one at which it stands.
func (r *Replay) waitsAt(run *profiles.Run) bool {
	for i := len(r.play.Steps) - 1; i >= 0; i-- {
		if s := &r.play.Steps[i]; s.Run == run.ID && (s.Kind == PlayWaits || s.Kind == PlayCame) {
			return s.Kind == PlayWaits && s.Node == run.Node
		}
	}
	return false
}

func (r *Replay) tellSteps(out *enishi.Effects) {
	now := r.part.clock
	add := func(s PlayStep) { r.play.Steps = append(r.play.Steps, s) }
	row := func(kind string, d *enishi.Derived) {
		add(PlayStep{At: d.At, Kind: kind, Run: d.RunID, Node: d.Node, Reason: d.Reason})
	}
	for i := range out.Derived {
		switch d := &out.Derived[i]; d.Type {
		case enishi.TypeJourneyEntered:
			row(PlayEntered, d)
			r.play.Steps[len(r.play.Steps)-1].Node = ""
		case journeys.TypeRefused:
			row(PlayRefused, d)
		}
	}
	told := make([]bool, len(out.Decisions))
	for _, n := range r.notes {
		if n.Reason != "" {
			if !r.told[n.Reason] {
				r.told[n.Reason] = true
				add(PlayStep{At: now, Kind: PlayRefused, Run: n.Run, Reason: n.Reason})
			}
			continue
		}
		add(PlayStep{At: now, Kind: PlayCame, Run: n.Run, Node: n.Node})
		for i := range out.Decisions {
			if d := &out.Decisions[i]; !told[i] && d.RunID == n.Run && d.Node == n.Node {
				told[i] = true
				add(PlayStep{At: d.At, Kind: PlayDecision, Run: d.RunID, Node: d.Node, Decision: copyOf(d)})
			}
		}
	}
	for i := range out.Decisions {
		if d := &out.Decisions[i]; !told[i] { // of a message that was waiting
			r.play.Steps = slices.Insert(r.play.Steps, r.beforeMoves(d), PlayStep{At: d.At, Kind: PlayDecision, Run: d.RunID, Node: d.Node, Decision: copyOf(d)})
		}
	}
	for i := range out.Derived {
		switch d := &out.Derived[i]; d.Type {
		case journeys.TypeMade:
			row(PlayMade, d)
		case enishi.TypeJourneyExited:
			row(PlayEnded, d)
		}
	}
}

// beforeMoves is where a decision stands that was made before its run went on in this instant.
func (r *Replay) beforeMoves(d *enishi.Decision) int {
	at := len(r.play.Steps)
	for i := at - 1; i >= 0 && r.play.Steps[i].At.Equal(d.At); i-- {
		if s := &r.play.Steps[i]; s.Run == d.RunID && s.Kind == PlayCame {
			at = i
		}
	}
	return at
}

func copyOf(d *enishi.Decision) *enishi.Decision {
	own := *d
	return &own
}
