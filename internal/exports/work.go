package exports

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"

	"enishi"
)

const manifestName = "manifest.json"

var errCancelled = &enishi.Error{Code: enishi.Conflict, Msg: "cancelled", MsgJA: "取り消されました"}

// work writes a run and says how it ended.
func (x *Runner) work(ctx context.Context, r *Run) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	x.mu.Lock()
	r.State, r.Failure, r.FailureJA = Running, "", ""
	r.Tries++
	if r.StartedAt.IsZero() {
		r.StartedAt = x.now()
	}
	x.current, x.end = r, func() { end(errCancelled) }
	x.mu.Unlock()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		x.watch(ctx, r, end)
	}()
	err := x.store.save(ctx, r, x.now())
	if err == nil {
		err = x.make(ctx, r)
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	end(nil)
	<-watched
	if errors.Is(err, context.Canceled) {
		x.mu.Lock()
		x.current = nil
		x.mu.Unlock()
		return // the program ends: it is taken up at the next start
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	x.finish(ending, r, err)
}

// watch stores the progress, and ends the run when somebody wants it.
func (x *Runner) watch(ctx context.Context, r *Run, end context.CancelCauseFunc) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	saved := x.now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if is, err := x.store.cancelled(ctx, r.ID); err == nil && is {
			end(errCancelled)
			return
		}
		if free, ok := space(x.cfg.Dir); ok && free < spare/4 {
			end(&enishi.Error{Code: enishi.Unavailable, Msg: "the server's disk is full: make room, or export less at a time", MsgJA: "サーバーのディスクの空きがなくなりました。空きを増やすか、期間や表を分けて書き出してください"})
			return
		}
		if now := x.now(); now.Sub(saved) >= saveEvery {
			saved = now
			copied := x.fresh(Run{ID: r.ID})
			if err := x.store.save(ctx, &copied, now); err != nil && ctx.Err() == nil {
				x.cfg.Log.Warn("progress of an export is not stored", "export", r.ID, "err", err)
			}
		}
	}
}

// finish stores how a run ended.
func (x *Runner) finish(ctx context.Context, r *Run, err error) {
	x.mu.Lock()
	r.EndedAt, r.State, r.Copying = x.now(), Done, false
	switch {
	case errors.Is(err, errCancelled):
		r.State = Cancelled
	case err != nil:
		r.State, r.Failure, r.FailureJA = Failed, err.Error(), message(err)
	}
	x.current = nil
	x.mu.Unlock()
	if r.State != Done {
		_ = os.RemoveAll(x.dir(r.ID)) // what is left goes with the next look
	} else if r.Spec.Place != "" {
		_ = os.RemoveAll(x.dir(r.ID))
	}
	if err := x.store.save(ctx, r, x.now()); err != nil {
		x.cfg.Log.Error("the end of an export is not stored", "export", r.ID, "state", r.State, "err", err)
	}
	x.cfg.Log.Info("export ended", "export", r.ID, "name", r.Name, "state", r.State, "tables", r.Spec.Tables, "actor", r.Actor, "failure", r.Failure)
	if r.Name != "" && !r.DueAt.IsZero() && r.State != Cancelled {
		x.alert(r.Name, r.Failure, r.FailureJA, r.State == Done)
	}
}

// manifest is written last: a run that has one is whole.
type manifest struct {
	ID        enishi.ID  `json:"id"`
	Name      string     `json:"name,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	Format    string     `json:"format"`
	Tables    []TableRun `json:"tables"`
}

// make writes the files of a run here, and copies them to its place.
func (x *Runner) make(ctx context.Context, r *Run) error {
	dir := x.dir(r.ID)
	var known manifest
	text, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err == nil && json.Unmarshal(text, &known) == nil { // an earlier process wrote it whole
		x.change(func() { r.Tables = known.Tables })
	} else if err := x.write(ctx, r, dir); err != nil {
		return err
	}
	if r.Spec.Place == "" {
		return nil
	}
	x.change(func() { r.Copying = true })
	err = x.copy(ctx, r, dir)
	if err != nil && !errors.Is(context.Cause(ctx), context.Canceled) { // nothing of a run that failed stays; one that goes on has less to do
		x.remove(context.WithoutCancel(ctx), r)
	}
	return err
}

// change changes the current run.
func (x *Runner) change(f func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f()
}

// write writes all files of a run into dir, the manifest last.
func (x *Runner) write(ctx context.Context, r *Run, dir string) error {
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return err
	}
	for i := range r.Tables {
		if err := x.table(ctx, r, &r.Tables[i], dir); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(manifest{r.ID, r.Name, r.CreatedAt, r.Spec.Format, r.Tables}, "", "  ")
	if err != nil {
		return err
	}
	p, err := newPart(filepath.Join(dir, manifestName))
	if err != nil {
		return err
	}
	if _, err := p.Write(text); err != nil {
		p.Abandon()
		return err
	}
	return p.Close()
}

// table writes one table.
func (x *Runner) table(ctx context.Context, r *Run, one *TableRun, dir string) error {
	t, _ := FindTable(one.Name)
	columns := t.Chosen(r.Spec.Contacts)
	span, err := x.span(ctx, r, t)
	if err != nil {
		return err
	}
	var expected uint64
	from := t.rows(!span.Since.IsZero() && t.Time != "", !span.Until.IsZero() && t.Time != "")
	args := []any{named("since", fmt.Sprint(span.Since.UnixMilli())), named("until", fmt.Sprint(span.Until.UnixMilli())), named("zone", x.cfg.Zone().String())}
	if err := x.cfg.DB.QueryRow(ctx, "SELECT count()"+from, args...).Scan(&expected); err != nil {
		return fmt.Errorf("count %s: %w", t.Name, err)
	}
	x.change(func() {
		one.Since, one.Until, one.Expected, one.Rows, one.Bytes, one.Files = span.Since, span.Until, int64(expected), 0, 0, []FileInfo{}
	})
	if !r.Spec.Day || t.Time == "" || expected == 0 {
		return x.files(ctx, r, one, t, columns, span, filepath.Join(dir, t.Name))
	}
	days, err := x.days(ctx, t, from, args)
	if err != nil {
		return err
	}
	for _, day := range days {
		part := Span{day, time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, day.Location())}
		name := t.Name + "-" + day.Format(time.DateOnly)
		if day.Year() == 1970 { // it did not happen
			name, part.Since = t.Name+"-undated", time.UnixMilli(0)
		}
		if part.Since.Before(span.Since) {
			part.Since = span.Since
		}
		if !span.Until.IsZero() && part.Until.After(span.Until) {
			part.Until = span.Until
		}
		if err := x.files(ctx, r, one, t, columns, part, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// days are those of the shop on which there are rows.
func (x *Runner) days(ctx context.Context, t *Table, from string, args []any) ([]time.Time, error) {
	rows, err := x.cfg.DB.Query(ctx, "SELECT DISTINCT formatDateTime(x.`"+t.Time+"`, '%Y-%m-%d', {zone:String}) AS day"+from+" ORDER BY day", args...)
	if err != nil {
		return nil, fmt.Errorf("read the days of %s: %w", t.Name, err)
	}
	defer rows.Close()
	var out []time.Time
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		day, err := time.ParseInLocation(time.DateOnly, text, x.cfg.Zone())
		if err != nil {
			return nil, err
		}
		out = append(out, day)
	}
	return out, rows.Err()
}

// span is which rows of a table a run takes. What is new begins where the last run of the name ended, a little earlier where rows may come late:
// those of that while are exported twice.
func (x *Runner) span(ctx context.Context, r *Run, t *Table) (Span, error) {
	s := Span{r.Spec.Since, r.Spec.Until}
	if t.Time == "" {
		return Span{}, nil
	}
	if !t.Grows {
		return s, nil
	}
	if s.Until.IsZero() {
		s.Until = r.CreatedAt
		if t.Late == foldLate {
			through, err := x.cfg.Through(ctx)
			if err != nil {
				return s, err
			}
			if through.Before(s.Until) {
				s.Until = through
			}
		}
	}
	if !r.Spec.New || r.Name == "" {
		return s, nil
	}
	list, err := x.store.list(ctx, "name = {name:String} AND state = 'done'", 100, named("name", r.Name))
	if err != nil {
		return s, err
	}
	for i := range list {
		for _, last := range list[i].Tables {
			if last.Name == t.Name && list[i].Spec.Contacts == r.Spec.Contacts { // with other columns it begins anew
				s.Since = last.Until.Add(-time.Duration(max(t.Late, 0)) * time.Minute)
				return s, nil
			}
		}
	}
	return s, nil
}

// files writes the rows of a span into one file or several.
func (x *Runner) files(ctx context.Context, r *Run, one *TableRun, t *Table, columns []Column, span Span, base string) error {
	var open []*part
	rows, bytes := one.Rows, one.Bytes
	before := int64(0) // rows of the files that are closed
	so := int64(0)
	whole := func() {
		p := open[len(open)-1]
		p.rows = so - before
		before = so
	}
	got, err := Write(ctx, x.cfg.DB, t, columns, span, r.Spec.File, func(n int) (io.WriteCloser, error) {
		name := base + r.Spec.Suffix()
		if r.Spec.SplitMB > 0 {
			name = fmt.Sprintf("%s-%05d%s", base, n+1, r.Spec.Suffix())
		}
		if n > 0 {
			whole()
		}
		p, err := newPart(name)
		if err == nil {
			open = append(open, p)
		}
		return p, err
	}, func(w Written) {
		so = w.Rows
		x.change(func() { one.Rows, one.Bytes = rows+w.Rows, bytes+w.Bytes })
	})
	if err != nil {
		return err
	}
	so = got.Rows
	whole()
	x.change(func() {
		one.Rows, one.Bytes = rows+got.Rows, bytes+got.Bytes
		for _, p := range open {
			one.Files = append(one.Files, FileInfo{filepath.Base(p.name), p.rows, p.size, hex.EncodeToString(p.sum.Sum(nil))})
		}
	})
	return nil
}

// part is a file that has its name when it is whole and on the disk.
type part struct {
	*os.File
	name string
	rows int64
	size int64
	sum  hash.Hash
}

func newPart(name string) (*part, error) {
	f, err := os.OpenFile(name+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return &part{File: f, name: name, sum: sha256.New()}, nil
}

func (p *part) Write(b []byte) (int, error) {
	n, err := p.File.Write(b)
	p.size += int64(n)
	p.sum.Write(b[:n])
	return n, err
}

func (p *part) Close() error {
	err := p.Sync()
	if err = errors.Join(err, p.File.Close()); err != nil {
		return err
	}
	return os.Rename(p.File.Name(), p.name)
}

// Abandon deletes what there is of it.
func (p *part) Abandon() {
	_ = p.File.Close()
	_ = os.Remove(p.File.Name())
}

// copy brings a run's files to its place, the manifest last. A file that is there in its size came by an earlier try.
func (x *Runner) copy(ctx context.Context, r *Run, dir string) error {
	to, ok := x.cfg.Places[r.Spec.Place]
	if !ok {
		return enishi.FieldError("place", "there is no place "+r.Spec.Place+" any more", "置き場所「"+r.Spec.Place+"」は設定からなくなっています")
	}
	there := map[string]int64{}
	if r.Tries > 1 {
		list, err := to.List(ctx, r.Folder+"/*")
		for _, f := range list {
			there[f.Name] = f.Size
		}
		_ = err // the folder need not be there
	}
	for _, name := range append(r.names(), manifestName) {
		at := filepath.Join(dir, name)
		info, err := os.Stat(at)
		if err != nil {
			return err
		}
		if size, ok := there[r.Folder+"/"+name]; ok && size == info.Size() && name != manifestName {
			continue
		}
		pause := backoff.NewExponentialBackOff()
		pause.InitialInterval, pause.MaxInterval = time.Second, 30*time.Second
		_, err = backoff.Retry(ctx, func() (struct{}, error) {
			return struct{}{}, to.Write(ctx, r.Folder+"/"+name, func(w io.Writer) error {
				f, err := os.Open(at)
				if err != nil {
					return err
				}
				defer f.Close()
				_, err = io.Copy(w, f)
				return err
			})
		}, backoff.WithBackOff(pause), backoff.WithMaxTries(4))
		if err != nil {
			return fmt.Errorf("write %s to the place %s: %w", name, r.Spec.Place, err)
		}
	}
	return nil
}

// remove deletes a run's files at its place, the manifest first.
func (x *Runner) remove(ctx context.Context, r *Run) bool {
	to, ok := x.cfg.Places[r.Spec.Place]
	if !ok {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for _, name := range append([]string{manifestName}, r.names()...) {
		if err := to.Remove(ctx, r.Folder+"/"+name); err != nil {
			x.cfg.Log.Warn("a file of an export is not deleted", "export", r.ID, "file", name, "place", r.Spec.Place, "err", err)
			return false
		}
	}
	_ = to.Remove(ctx, r.Folder) // with what others put there it stays
	return true
}

// tidy deletes files whose time has passed, and folders here that no run needs.
func (x *Runner) tidy(ctx context.Context) {
	list, err := x.store.list(ctx, "state = 'done' AND replica = {replica:String} AND JSONExtractBool(body, 'gone') = 0 AND (JSONExtractInt(body, 'keep_days') > 0 OR JSONExtractString(body, 'spec', 'place') = '')", 10_000, named("replica", x.replica))
	if err != nil {
		return // the next look
	}
	keep := map[string]bool{"replica": true}
	x.mu.Lock()
	for _, r := range x.queue {
		keep[r.ID.String()] = true
	}
	x.mu.Unlock()
	for i := range list {
		r, here := &list[i].Run, list[i].Spec.Place == ""
		age := x.now().Sub(r.EndedAt)
		switch {
		case here && age < keepHere:
			keep[r.ID.String()] = true
			continue
		case !here && (r.KeepDays == 0 || age < time.Duration(r.KeepDays)*24*time.Hour):
			continue
		case !here && !x.remove(ctx, r):
			continue
		}
		r.Gone = true
		if err := x.store.save(ctx, r, x.now()); err != nil {
			x.cfg.Log.Warn("exports are not tidied", "err", err)
		}
	}
	entries, err := os.ReadDir(x.cfg.Dir)
	if err != nil {
		return
	}
	waiting, err := x.store.list(ctx, "state IN ('waiting', 'running') AND replica = {replica:String}", 1000, named("replica", x.replica))
	if err != nil {
		return
	}
	for _, e := range entries {
		if !keep[e.Name()] && !slices.ContainsFunc(waiting, func(r stored) bool { return r.ID.String() == e.Name() }) {
			_ = os.RemoveAll(filepath.Join(x.cfg.Dir, e.Name()))
		}
	}
}
