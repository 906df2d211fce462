package moving

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"enishi"
)

// progressEvery is how often a report is shown while a move runs.
const progressEvery = 300 * time.Millisecond

// move does one move to its end. It is not ended by the end of the process: then it begins again at the next start.
func (d *Desk) move(ctx context.Context, id string) {
	moving, cancel := context.WithCancel(ctx)
	defer cancel()
	d.mu.Lock()
	m := d.moves[id]
	if m == nil || m.State != Running {
		d.mu.Unlock()
		return
	}
	d.stop[id] = cancel
	begun, copied := m.StartedAt, m.clone()
	d.mu.Unlock()
	log := d.cfg.Log.With("move", id)
	log.Info("a move begins", "from", copied.From, "files", len(copied.Files))

	var shown time.Time
	report := &Report{}
	plan, err := d.look(&copied)
	if err == nil {
		report, err = Run(moving, plan, Config{Parser: d.cfg.Parser, Begun: begun, LineProvider: copied.LineProvider, Append: d.cfg.Append, Now: d.cfg.Now, Progress: func(r *Report) {
			if now := d.cfg.Now(); now.Sub(shown).Abs() >= progressEvery {
				shown = now
				d.show(id, r)
			}
		}})
	}
	if ctx.Err() != nil {
		return // the process ends: it goes on after the next start
	}
	if err == nil {
		err = d.keepRefused(id, plan, report, &copied)
	}
	d.show(id, report)
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.stop, id)
	m.EndedAt = d.cfg.Now().UTC()
	switch {
	case err == nil:
		m.State = Done
		d.forget(m) // the people in them are in the topics now
	case moving.Err() != nil:
		m.State = Cancelled
	default:
		m.State, m.Problem = Failed, problemOf(err)
		if enishi.ErrorCode(err) == "" {
			m.Problem = &Problem{"it broke off: see the server's log; it may be started again", "途中で止まりました。サーバーのログを確かめてください。同じファイルでやり直せます"}
		}
		log.Error("a move failed", "err", err)
	}
	if err := d.save(m); err != nil {
		log.Error("the state of a move is not kept", "err", err)
	}
	log.Info("a move ends", "state", m.State)
}

// show replaces the report that people see by a copy of one that is being written.
func (d *Desk) show(id string, r *Report) {
	text, err := json.Marshal(r)
	if err != nil {
		return
	}
	shown := &Report{}
	if json.Unmarshal(text, shown) != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := d.moves[id]; m != nil {
		m.Report = shown
	}
}

// keepRefused writes the rows to mend of each file that has some.
func (d *Desk) keepRefused(id string, plan *Plan, report *Report, m *Move) error {
	for at := range plan.Files {
		if report.Files[at].Refused == 0 {
			continue
		}
		i := slices.IndexFunc(m.Files, func(f Brought) bool { return f.Name == plan.Files[at].Name })
		out, err := os.OpenFile(d.refusedPath(id, i), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		_, err = out.WriteString("\ufeff") // spreadsheets know UTF-8 by it
		if err == nil {
			err = Refused(out, plan, report, at, true)
		}
		if err := errors.Join(err, out.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) forget(m *Move) {
	for i := range m.Files {
		if err := os.Remove(d.path(m.ID, i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			d.cfg.Log.Warn("a file of a move is not deleted", "move", m.ID, "err", err)
		}
	}
}
