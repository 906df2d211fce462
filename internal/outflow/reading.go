package outflow

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/expr-lang/expr"

	"enishi"
)

// own takes the partitions that this replica has gained, from where their owner before left them, and lets lost ones go.
func (w *worker) own(ctx context.Context) error {
	owned, gained := map[int]bool{}, false
	for _, n := range w.o.cfg.Owned() {
		owned[n] = true
		gained = gained || w.parts[n] == nil
	}
	for n := range w.parts {
		if !owned[n] {
			delete(w.parts, n)
		}
	}
	if !gained {
		return nil
	}
	markers, err := w.o.markers(ctx)
	if err != nil {
		return err
	}
	list, err := w.o.positions(ctx, w.name)
	if err != nil {
		return err
	}
	stored := map[int]position{}
	for _, p := range list {
		stored[p.partition] = p
	}
	var start map[int]uint64
	for n := range owned {
		if w.parts[n] != nil {
			continue
		}
		p := &part{position: stored[n]}
		if p.partition = n; p.born != w.born {
			p.position = position{partition: n, written: p.written, born: w.born}
		} else if p.replay == w.s.Replay {
			w.restore(&p.position)
			p.to = p.at
			w.parts[n] = p
			continue
		}
		if start == nil {
			if start, err = w.o.before(ctx, w.begin, markers); err != nil {
				return err
			}
		}
		p.at, p.replay, p.dirty = start[n], w.s.Replay, true
		p.to = p.at
		w.parts[n] = p
	}
	return nil
}

// restore takes the trouble over that a stored position tells of, so that a restart does not begin its pauses anew.
func (w *worker) restore(p *position) {
	if p.problem != "" && w.trouble == nil && p.since.After(w.since) {
		w.trouble, w.since, w.tries = &trouble{code: p.code, en: p.problem, ja: p.japanese}, p.since, 1
		w.alerted = w.o.cfg.Now().Sub(p.since) > alertAfter
	}
}

// read reads what follows in the log; found: there is something to send.
func (w *worker) read(ctx context.Context) (found bool, err error) {
	markers, err := w.o.markers(ctx)
	if err != nil {
		return false, err
	}
	var spans []span
	for n, p := range w.parts {
		to := min(markers[n], p.at+w.size)
		if epoch := p.at >> 48; markers[n]>>48 > epoch { // of a log that was replaced all that is left
			to = (epoch+1)<<48 - 1
			if p.at == to {
				to = min(markers[n], (epoch+1)<<48+w.size)
			}
		}
		if to > p.at {
			spans = append(spans, span{n, p.at, to})
		}
	}
	if len(spans) == 0 {
		return false, nil
	}
	rows, err := w.o.read(ctx, w.s, spans)
	if err != nil {
		return false, err
	}
	switch {
	case len(rows) < fewRows:
		w.size = min(2*w.size, mostSpan)
	case len(rows) > manyRows:
		w.size = max(w.size/2, leastSpan)
	}
	for _, x := range spans {
		w.parts[x.partition].to = x.to
	}
	if err := w.fill(ctx, rows); err != nil {
		for _, x := range spans {
			w.parts[x.partition].items = nil
		}
		return false, err
	}
	return true, nil
}

// fill makes what leaves of rows.
func (w *worker) fill(ctx context.Context, rows []row) error {
	var ids []enishi.ID
	seen := map[enishi.ID]bool{}
	for i := range rows {
		r := &rows[i]
		switch r.typ {
		case enishi.TypeErased, enishi.TypePersonMerged, enishi.TypePersonUnmerged: // about the id that was
			who, other, _ := strings.Cut(r.reason, " ")
			r.profile, _ = enishi.ParseID(who)
			r.reason = other
		default:
			r.profile = w.o.cfg.Resolve(r.subject)
		}
		if !seen[r.profile] {
			seen[r.profile] = true
			ids = append(ids, r.profile)
		}
	}
	people, err := w.o.people(ctx, w.s, ids)
	if err != nil {
		return err
	}
	source := w.o.source(w.name)
	for i := range rows {
		x := &item{row: rows[i]}
		p := w.parts[x.partition]
		p.items = append(p.items, x)
		if ok, err := w.passes(&x.row); err != nil || !ok {
			if err != nil { // the expression is typed, so this is rare: a division by zero
				w.log.Debug("a condition gave no answer", "event_id", x.id, "err", err)
			}
			x.done = leftOut
			continue
		}
		c, err := x.change(w.s, source, people[x.profile])
		if err != nil {
			return err
		}
		body, err := json.Marshal(c)
		if err != nil {
			return fmt.Errorf("encode the change %s: %w", x.id, err)
		}
		x.out = outgoing{id: x.id, key: x.profile, typ: x.typ, body: body}
		x.record = ""
	}
	return nil
}

// passes asks the condition. Erasures pass always.
func (w *worker) passes(r *row) (bool, error) {
	if w.when == nil || r.typ == enishi.TypeErased {
		return true, nil
	}
	out, err := expr.Run(w.when, r.facts())
	ok, _ := out.(bool)
	return ok, err
}
