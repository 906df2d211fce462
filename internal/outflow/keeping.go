package outflow

import (
	"context"
	"time"

	"enishi"
)

// judge notes whether the destination has trouble.
func (w *worker) judge(t *trouble) {
	now := w.o.cfg.Now().UTC()
	if t == nil {
		if w.trouble != nil {
			w.trouble, w.tries, w.changed = nil, 0, true
			if w.alerted {
				a := w.alertOf(&trouble{})
				a.ClosedAt = now
				w.o.cfg.Alert(a)
			}
			w.since, w.alerted = time.Time{}, false
		}
		return
	}
	if w.trouble == nil {
		w.since = now
	}
	w.trouble, w.changed = t, true
	w.tries++
	pause := min(firstPause<<min(w.tries-1, 12), mostPause)
	w.next = now.Add(max(pause, min(t.after, time.Hour)))
	late := alertAfter
	if t.lasting {
		late = alertSoon
	}
	if !w.alerted && now.Sub(w.since) > late {
		w.alerted = true
		w.o.cfg.Alert(w.alertOf(t))
	}
}

func (w *worker) alertOf(t *trouble) enishi.Alert {
	title := w.s.Title
	if title.JA == "" {
		title.JA = title.EN
	}
	if title.EN == "" {
		title.EN = title.JA
	}
	return enishi.Alert{ID: enishi.NewID("alert", "stream", w.name, w.since.Format(time.RFC3339)), Kind: "stream", Severity: "error", At: w.since,
		Text: "Data out: nothing leaves to " + title.EN + ". " + t.en, TextJA: "データの送り出し「" + title.JA + "」が止まっています。" + t.ja}
}

// advance moves the position over what is done.
func (w *worker) advance(p *part) {
	n := 0
	for n < len(p.items) && p.items[n].done != waits {
		switch p.items[n].done {
		case sent:
			p.sent++
			p.sentAt = w.o.cfg.Now().UTC()
		case leftOut:
			p.leftOut++
		case dead:
			p.dead++
		}
		n++
	}
	p.items = p.items[n:]
	at := p.to
	if len(p.items) > 0 {
		at = max(p.at, p.items[0].version-1)
	}
	if at != p.at || n > 0 {
		p.at, p.dirty = at, true
	}
}

// save writes positions that moved: not each time, what a crash repeats has the same ids.
func (w *worker) save(ctx context.Context, now bool) error {
	at := w.o.cfg.Now().UTC()
	if !now && !w.changed && at.Sub(w.saved) < saveEvery {
		return nil
	}
	var list []*position
	for _, p := range w.parts {
		if !p.dirty && !w.changed {
			continue
		}
		p.updatedAt, p.code, p.problem, p.japanese, p.since, p.next = at, "", "", "", time.Time{}, time.Time{}
		if t := w.trouble; t != nil {
			p.code, p.problem, p.japanese, p.since, p.next = t.code, t.en, t.ja, w.since, w.next
		}
		list = append(list, &p.position)
	}
	if len(list) == 0 {
		return nil
	}
	if err := w.o.save(ctx, w.name, list); err != nil {
		return err
	}
	for _, p := range w.parts {
		p.dirty = false
	}
	w.changed, w.saved = false, at
	return nil
}
