package pulls

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"enishi"
	"enishi/ingest/files"
	"enishi/ingest/imports"
	"enishi/internal/place"
)

// listed are the files that a pattern fits, with what is known of them.
type listed struct {
	files   []place.File
	known   map[key]File
	markers map[string]bool
}

func (k *Keeper) list(ctx context.Context, at *place.Place, name string, p *FilePull) (*listed, error) {
	all, err := at.List(ctx, p.Pattern)
	if err != nil {
		return nil, err
	}
	out := &listed{known: map[key]File{}, markers: map[string]bool{}}
	var names []string
	for _, f := range all {
		if f.At = f.At.UTC().Truncate(time.Second); !p.ours(f.Name) {
			out.files, names = append(out.files, f), append(names, f.Name)
		}
	}
	known, err := k.cfg.Store.Files(ctx, name, names)
	if err != nil {
		return nil, err
	}
	for _, x := range known {
		out.known[keyOf(x.Name, x.Size, x.At)] = x
	}
	if p.Ready != "" {
		markers, err := at.List(ctx, path.Join(path.Dir(p.Pattern), "*"+p.Ready))
		if err != nil {
			return nil, err
		}
		for _, m := range markers {
			out.markers[m.Name] = true
		}
	}
	return out, nil
}

// look takes the files that are there and whole, the oldest first. all: also those that were refused before.
func (k *Keeper) look(ctx context.Context, name string, p *FilePull, l *Look, all bool) error {
	at, err := k.place(p)
	if err != nil {
		return err
	}
	how, err := k.cfg.Imports.How(p.Plan())
	if err != nil {
		return err
	}
	there, err := k.list(ctx, at, name, p)
	if err != nil {
		return err
	}
	waiting := map[key]bool{}
	defer func() { k.forget(name, waiting) }()
	l.Found = len(there.files)
	for i := range there.files {
		f := &there.files[i]
		x, was := there.known[keyOfFile(f)]
		if was && (x.State != Refused || x.How == how && !all) {
			if x.State == Refused {
				l.Refused++
			}
			if err := k.put(ctx, at, p, f, &x); err != nil {
				return err
			}
			continue
		}
		wait := func() {
			waiting[keyOfFile(f)] = true
			l.Waiting++
			l.Next = earlier(l.Next, l.At.Add(k.cfg.Settle))
		}
		if !k.whole(name, p, f, there.markers, l.At) {
			wait()
			continue
		}
		x, err := k.take(ctx, at, name, p, f, how)
		if errors.Is(err, imports.ErrGrown) || errors.Is(err, fs.ErrNotExist) {
			wait() // it is still written, or was taken away just now
			continue
		}
		if err != nil {
			waiting[keyOfFile(f)] = true
			return err
		}
		if l.LastFile = x.TakenAt; x.State == Refused {
			l.Refused++
		} else {
			l.Taken++
		}
		if err := k.put(ctx, at, p, f, &x); err != nil {
			return err
		}
	}
	return nil
}

// take brings a file in and keeps what came of it. Its errors are those of the place and the server: the file is looked at again.
func (k *Keeper) take(ctx context.Context, at *place.Place, name string, p *FilePull, f *place.File, how string) (File, error) {
	x := File{Pull: name, Name: f.Name, Size: f.Size, At: f.At, How: how}
	done := func(state string) (File, error) {
		x.State, x.TakenAt = state, k.cfg.Now().UTC().Truncate(time.Millisecond)
		k.cfg.Log.Info("a pull of files", "pull", name, "file", f.Name, "state", state, "events", x.Events, "rejected", x.Rejected)
		return x, k.cfg.Store.Keep(ctx, &x)
	}
	if f.Size == 0 {
		return done(Taken)
	}
	if f.Size > imports.MaxFile {
		x.Failure, x.FailureJA = "the file has more than 2 GB: split it, or compress it", "ファイルが 2 GB を超えています。分けるか、圧縮してください"
		return done(Refused)
	}
	j, err := k.bring(ctx, at, name, f)
	if err != nil {
		return x, err
	}
	x.Hash = j.Hash
	if j.State == imports.Ready {
		same, err := k.cfg.Store.Known(ctx, name, j.Hash, how)
		if err != nil {
			return x, err
		}
		if same {
			if err := k.cfg.Imports.Delete(j.ID); err != nil {
				return x, err
			}
			return done(Same)
		}
	}
	if j, err = k.follow(ctx, j, p); err != nil {
		return x, err
	}
	x.Rows, x.Events, x.Rejected, x.People, x.Problems = j.Counts.Rows, j.Counts.Events, j.Counts.Rejected, j.Counts.People, j.Problems[:min(3, len(j.Problems))]
	state := Taken
	switch j.State {
	case imports.Done:
	case imports.Failed:
		if j.Broken {
			return x, &enishi.Error{Code: enishi.Unavailable, Msg: j.Failure, MsgJA: j.FailureJA}
		}
		state, x.Failure, x.FailureJA = Refused, j.Failure, j.FailureJA
	default:
		state, x.Failure, x.FailureJA = Refused, "somebody ended its import", "取り込みが途中で中止されました"
	}
	if j.Rejects {
		if err := k.writeRejects(ctx, at, &j, f, &x); err != nil {
			return x, err
		}
	}
	if x, err = done(state); err != nil {
		return x, err
	}
	return x, k.cfg.Imports.Delete(j.ID) // its counts are kept; the file is where it came from
}

// bring fetches a file, or finds its import, which a restart has left.
func (k *Keeper) bring(ctx context.Context, at *place.Place, name string, f *place.File) (imports.Job, error) {
	from := imports.Origin{Pull: name, Name: f.Name, Size: f.Size, At: f.At}
	if j, ok := k.cfg.Imports.From(from); ok {
		if j.State != imports.Receiving {
			return j, nil
		}
		if err := k.cfg.Imports.Delete(j.ID); err != nil {
			return j, err
		}
	}
	j, err := k.cfg.Imports.Announce(from, "pull:"+name)
	if err != nil {
		return j, err
	}
	return k.fetch(ctx, at, j, f)
}

// fetch reads a file whole, and looks whether it was written meanwhile.
func (k *Keeper) fetch(ctx context.Context, at *place.Place, j imports.Job, f *place.File) (imports.Job, error) {
	r, err := at.Read(ctx, f.Name)
	if err != nil {
		return j, errors.Join(err, k.cfg.Imports.Delete(j.ID))
	}
	id := j.ID
	j, err = k.cfg.Imports.Fill(id, r)
	if err := errors.Join(err, r.Close()); err != nil {
		return j, err
	}
	now, err := at.List(ctx, exactly(f.Name))
	if err == nil && (len(now) != 1 || keyOf(now[0].Name, now[0].Size, now[0].At) != keyOfFile(f)) {
		err = imports.ErrGrown
	}
	if err != nil {
		return j, errors.Join(err, k.cfg.Imports.Delete(id))
	}
	return j, nil
}

// exactly is the pattern that only one name fits.
func exactly(name string) string {
	dir, base := path.Split(name)
	return dir + strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(base)
}

// follow starts an import, unless it runs or is done, and waits for its end.
func (k *Keeper) follow(ctx context.Context, j imports.Job, p *FilePull) (imports.Job, error) {
	var err error
	if j.State == imports.Ready || j.State == imports.Failed && j.Broken || j.State == imports.Cancelled {
		if j, err = k.cfg.Imports.Start(j.ID, p.Plan(), false); err != nil {
			return j, err
		}
	}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for j.State == imports.Running || j.State == imports.Checking {
		select {
		case <-ctx.Done():
			return j, ctx.Err()
		case <-ticker.C:
		}
		if j, err = k.cfg.Imports.Get(j.ID); err != nil {
			return j, err
		}
	}
	return j, nil
}

// writeRejects puts the rows to mend beside the file.
func (k *Keeper) writeRejects(ctx context.Context, at *place.Place, j *imports.Job, f *place.File, x *File) error {
	r, _, err := k.cfg.Imports.Rejects(j.ID)
	if err != nil {
		return err
	}
	defer r.Close()
	x.Rejects = f.Name + rejectsPart + "csv"
	if j.Shape.Format == files.NDJSON {
		x.Rejects = f.Name + rejectsPart + "ndjson"
	}
	if err := at.Write(ctx, x.Rejects, func(w io.Writer) error { _, err := io.Copy(w, r); return err }); err != nil {
		return fmt.Errorf("write %s: %w", x.Rejects, err)
	}
	return nil
}

// put does what is to become of a file that was taken, with the one that said it is whole. A refused one stays.
func (k *Keeper) put(ctx context.Context, at *place.Place, p *FilePull, f *place.File, x *File) error {
	if x.Put || x.State == Refused {
		return nil
	}
	if p.After == Move || p.After == Delete {
		names := []string{f.Name}
		if p.Ready != "" {
			m := p.markers(f.Name)
			names = append(names, m[:]...)
		}
		for i, name := range names {
			var err error
			if p.After == Move && i == 0 {
				err = at.Move(ctx, name, doneName(f, k.cfg.Zone()))
			} else {
				err = at.Remove(ctx, name)
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	x.Put = true
	return k.cfg.Store.Keep(ctx, x)
}

// Peeked is a file as a look would find it.
type Peeked struct {
	Name  string
	Size  int64
	At    time.Time
	State string // new, waiting, taken, same, failed
}

// Peek says what a look would find. name may be that of a pull that is not saved: then no file is known.
func (k *Keeper) Peek(ctx context.Context, name string, p *FilePull) ([]Peeked, error) {
	at, err := k.place(p)
	if err != nil {
		return nil, err
	}
	if _, err := k.cfg.Imports.How(p.Plan()); err != nil {
		return nil, err
	}
	there, err := k.list(ctx, at, name, p)
	if err != nil {
		var known *enishi.Error
		if errors.As(err, &known) {
			return nil, err
		}
		en, ja := said(err)
		return nil, &enishi.Error{Code: enishi.Unavailable, Field: "place", Msg: en, MsgJA: ja, Err: err}
	}
	out := make([]Peeked, 0, len(there.files))
	for _, f := range there.files {
		x := Peeked{f.Name, f.Size, f.At, Fresh}
		if m := p.markers(f.Name); p.Ready != "" && !there.markers[m[0]] && !there.markers[m[1]] {
			x.State = Waiting
		}
		if was, ok := there.known[keyOfFile(&f)]; ok {
			x.State = was.State
		}
		out = append(out, x)
	}
	return out, nil
}

// Check goes through a file of a pull's place without taking it in. It answers at once with an import that goes on by itself; whoever
// asked deletes it.
func (k *Keeper) Check(ctx context.Context, p *FilePull, name, actor string) (imports.Job, error) {
	at, err := k.place(p)
	if err != nil {
		return imports.Job{}, err
	}
	there, err := at.List(ctx, exactly(name))
	if err != nil {
		return imports.Job{}, err
	}
	if len(there) != 1 {
		return imports.Job{}, &enishi.Error{Code: enishi.NotFound, Msg: "there is no file " + name, MsgJA: "ファイル「" + name + "」がありません"}
	}
	f := there[0]
	j, err := k.cfg.Imports.Announce(imports.Origin{Name: f.Name, Size: f.Size, At: f.At}, actor)
	if err != nil {
		return j, err
	}
	go func() {
		ctx := context.WithoutCancel(ctx)
		got, err := k.fetch(ctx, at, j, &f)
		if err == nil {
			_, err = k.cfg.Imports.Start(got.ID, p.Plan(), true)
		}
		if err != nil {
			k.cfg.Log.Warn("a file of a place cannot be checked", "place", p.Place, "file", f.Name, "err", err)
		}
	}()
	return j, nil
}
