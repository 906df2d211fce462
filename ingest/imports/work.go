package imports

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"time"

	"enishi"
	"enishi/ingest/files"
	"enishi/ingest/mapping"
	"enishi/internal/stream"
)

// batch is how many events are appended at once.
const batch = 1000

// work checks or imports one file.
func (im *Importer) work(ctx context.Context, id enishi.ID) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	im.mu.Lock()
	j := im.jobs[id]
	if j == nil || j.State != Running && j.State != Checking {
		im.mu.Unlock()
		return
	}
	im.cancel[id] = stop
	job := *j
	im.mu.Unlock()
	err := im.do(ctx, &job, func(now *Job) {
		im.mu.Lock()
		defer im.mu.Unlock()
		if j.State == Cancelled {
			return
		}
		*j = *now
		j.Counts.Types = maps.Clone(now.Counts.Types)
	})
	im.mu.Lock()
	defer im.mu.Unlock()
	delete(im.cancel, id)
	switch {
	case j.State == Cancelled:
		return
	case ctx.Err() != nil: // the process ends: it goes on at the next start
	case err == nil:
		j.State, j.EndedAt = Done, im.cfg.Now().UTC()
		if job.State == Checking {
			j.State = Checked
		}
	default:
		j.State, j.EndedAt, j.Failure, j.FailureJA = Failed, im.cfg.Now().UTC(), "the server could not go on: see its log", "サーバーで問題が起きました。ログを確認してください"
		var known *enishi.Error
		if j.Broken = !errors.As(err, &known); !j.Broken {
			j.Failure, j.FailureJA = known.Error(), known.MsgJA
		}
		im.cfg.Log.Warn("an import failed", "import", id, "err", err)
	}
	if err := im.save(j); err != nil {
		im.cfg.Log.Error("an import is not kept", "import", id, "err", err)
	}
	if j.State == Done {
		im.cfg.Log.Info("a file is imported", "import", id, "rows", j.Counts.Rows, "events", j.Counts.Events, "rejected", j.Counts.Rejected, "actor", j.Actor)
	}
}

func (im *Importer) do(ctx context.Context, j *Job, show func(*Job)) error {
	r, err := files.Open(im.file(j.ID), j.Plan.File)
	if err != nil {
		return err
	}
	defer r.Close()
	j.Shape = r.Shape
	p, err := im.pass(j.Plan, j.Hash, r)
	if err != nil {
		return err
	}
	var recs []stream.Record
	appended := j.Appended
	flush := func() error {
		if len(recs) > 0 {
			if err := im.cfg.Append(ctx, recs); err != nil {
				return err
			}
			recs = recs[:0]
			j.Appended = p.order
		}
		return nil
	}
	if j.State == Running {
		p.take = func(order uint64, r stream.Record) error {
			if order <= appended {
				return nil // before a restart
			}
			if recs = append(recs, r); len(recs) < batch {
				return nil
			}
			return flush()
		}
	}
	begun, shown, kept := time.Now(), time.Now(), time.Now()
	err = p.through(r, 0, func() error {
		if p.counts.Rows%64 != 0 {
			return nil
		}
		if now := time.Now(); now.Sub(shown) > 200*time.Millisecond {
			shown = now
			j.Counts, j.rate = p.counts, float64(p.counts.Rows)/now.Sub(begun).Seconds()
			show(j)
			if now.Sub(kept) > 2*time.Second {
				kept = now
				im.mu.Lock()
				defer im.mu.Unlock()
				if ctx.Err() == nil { // Cancel has kept its own
					return im.save(j)
				}
			}
		}
		return ctx.Err()
	})
	if err = errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	if err := flush(); err != nil {
		return err
	}
	j.Counts, j.Problems = p.counts, p.problems
	j.Counts.Part = 1
	j.rate = float64(p.counts.Rows) / max(time.Since(begun).Seconds(), 0.001)
	if len(p.rejects) > 0 {
		if err := im.writeRejects(j, p); err != nil {
			return err
		}
		j.Rejects = true
	}
	show(j)
	return nil
}

// writeRejects makes the file to mend: the rows that did not come as they stand in the file, in its encoding, with what to do.
func (im *Importer) writeRejects(j *Job, p *pass) (err error) {
	r, err := files.Open(im.file(j.ID), j.Plan.File)
	if err != nil {
		return err
	}
	defer r.Close()
	f, err := os.OpenFile(im.rejectFile(j.ID), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	defer func() { err = errors.Join(err, w.Flush(), f.Close()) }()
	put := func(cells []string) error {
		_, err := w.Write(files.Encode(nil, string(files.AppendRow(nil, cells, r.Shape.Delimiter[0])), r.Shape.Encoding))
		return err
	}
	if r.Shape.Format == files.CSV {
		if r.Shape.Encoding == files.UTF8 || r.Shape.Encoding == files.UTF16 {
			_, _ = w.WriteString("\ufeff") // Flush tells
		}
		if err := put(append(r.Shape.Header[:len(r.Shape.Header):len(r.Shape.Header)], "元の行番号", "問題")); err != nil {
			return err
		}
	}
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		at, rejected := p.rejects[row.Line]
		if !rejected {
			continue
		}
		why := ""
		if at >= 0 {
			why = p.problems[at].ReasonJA
			if c := p.problems[at].Columns; len(c) > 0 {
				why = c[0] + ": " + why
			}
		}
		if r.Shape.Format == files.NDJSON {
			_, _ = w.Write(append(row.JSON, '\n'))
			continue
		}
		cells := row.Cells
		for len(cells) < len(r.Shape.Header) {
			cells = append(cells, "")
		}
		line, _ := json.Marshal(row.Line)
		if err := put(append(cells[:len(cells):len(cells)], string(line), why)); err != nil {
			return err
		}
	}
}

// PreviewRow is a row and what it becomes.
type PreviewRow struct {
	Line     int       `json:"line"`
	Cells    []string  `json:"cells"`
	Problems []Problem `json:"problems"`
}

// PreviewEvent is an event that comes of the first rows.
type PreviewEvent struct {
	Line  int             `json:"line"`
	Lines int             `json:"lines"`
	Type  string          `json:"type"`
	Event json.RawMessage `json:"event"`
}

// Preview is what the first rows of a file are and become.
type Preview struct {
	Shape  files.Shape
	Rows   []PreviewRow
	Events []PreviewEvent
	Err    error // of the plan: a column that is missing, an expression
}

// Preview reads the first rows of a file. Without a plan it shows them as they are.
func (im *Importer) Preview(id enishi.ID, plan *Plan, options files.Options, most int) (Preview, error) {
	j, err := im.Get(id)
	if err != nil {
		return Preview{}, err
	}
	if j.State == Receiving {
		return Preview{}, wrongState("the file is not here yet", "ファイルの受信が終わっていません")
	}
	r, err := files.Open(im.file(id), options)
	if err != nil {
		return Preview{}, err
	}
	defer r.Close()
	out := Preview{Shape: r.Shape, Rows: []PreviewRow{}, Events: []PreviewEvent{}}
	var p *pass
	if plan != nil {
		plan.File = options
		if p, out.Err = im.pass(*plan, j.Hash, r); out.Err == nil {
			p.seen = func(e *mapping.Event, typ string) {
				out.Events = append(out.Events, PreviewEvent{e.Lines[0], len(e.Lines), typ, e.JSON})
			}
		}
	}
	for range most {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return out, err
		}
		cells := append([]string{}, row.Cells...)
		if row.JSON != nil {
			cells = []string{string(row.JSON)}
		}
		out.Rows = append(out.Rows, PreviewRow{Line: row.Line, Cells: cells, Problems: []Problem{}})
		if p != nil && out.Err == nil {
			if err := p.row(&row); err != nil {
				return out, err
			}
		}
	}
	if p != nil && out.Err == nil {
		if err := p.end(); err != nil {
			return out, err
		}
		for _, x := range p.problems {
			for i := range out.Rows {
				if out.Rows[i].Line == x.Line {
					out.Rows[i].Problems = append(out.Rows[i].Problems, x)
				}
			}
		}
	}
	return out, nil
}
