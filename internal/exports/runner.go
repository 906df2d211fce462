package exports

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"enishi"
	"enishi/internal/clickhouse"
	"enishi/internal/place"
)

// Config is what a runner needs; all of it.
type Config struct {
	Dir     string // where runs are written
	DB      *clickhouse.DB
	Places  map[string]*place.Place
	Through func(ctx context.Context) (time.Time, error) // up to when events and decisions are complete
	Zone    func() *time.Location                        // of the shop
	Alert   func(enishi.Alert)                           // shows something in the console
	Now     func() time.Time
	Log     *slog.Logger
}

const (
	keepHere  = 7 * 24 * time.Hour // files to be downloaded
	saveEvery = 2 * time.Second    // of the progress
	lookEvery = time.Second        // for a cancellation
	dead      = 10 * time.Minute   // without progress a replica is gone
	maxTries  = 3                  // of a run that processes died in
	spare     = 1 << 30            // bytes that stay free
)

// Runner writes the runs of this process, one after the other.
type Runner struct {
	cfg     Config
	store   runs
	replica string
	wake    chan struct{}

	mu      sync.Mutex
	queue   []*Run
	current *Run               // as it stands
	end     context.CancelFunc // of the current one
}

// New makes a runner. It starts nothing.
func New(cfg Config) (*Runner, error) {
	x := &Runner{cfg: cfg, store: runs{cfg.DB}, wake: make(chan struct{}, 1)}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("exports: %w", err)
	}
	name := filepath.Join(cfg.Dir, "replica") // by which a process that begins again knows its runs
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		text = []byte(rand.Text())
		err = os.WriteFile(name, text, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("exports: %w", err)
	}
	x.replica = string(text)
	return x, nil
}

// Places are the names of places that runs can go to.
func (x *Runner) Places() []string { return slices.Sorted(maps.Keys(x.cfg.Places)) }

// Run works until ctx ends. What another process of this folder left is begun again.
func (x *Runner) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := x.recover(ctx); err == nil {
			break
		} else if ctx.Err() == nil {
			x.cfg.Log.Warn("exports wait", "err", err)
			wait(ctx, 5*time.Second)
		}
	}
	tidy := time.NewTicker(time.Hour)
	defer tidy.Stop()
	x.tidy(ctx)
	for {
		x.mu.Lock()
		var r *Run
		if len(x.queue) > 0 {
			r, x.queue = x.queue[0], x.queue[1:]
		}
		x.mu.Unlock()
		if r != nil {
			x.work(ctx, r)
			x.tidy(ctx)
		}
		if ctx.Err() != nil {
			return nil
		}
		if r != nil {
			continue
		}
		select {
		case <-x.wake:
		case <-tidy.C:
			x.tidy(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// wait passes time.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// recover takes up what this folder's process was at.
func (x *Runner) recover(ctx context.Context) error {
	list, err := x.store.list(ctx, "state IN ('waiting', 'running') AND replica = {replica:String}", 1000, named("replica", x.replica))
	if err != nil {
		return err
	}
	slices.Reverse(list) // the oldest first
	for i := range list {
		if r := &list[i].Run; r.State == Running && r.Tries >= maxTries {
			x.finish(ctx, r, fmt.Errorf("the program ended %d times while it was written", r.Tries))
		} else {
			x.mu.Lock()
			if !slices.ContainsFunc(x.queue, func(q *Run) bool { return q.ID == r.ID }) { // begun since
				x.queue = append(x.queue, r)
			}
			x.mu.Unlock()
		}
	}
	return nil
}

// Start takes a run in: its row is stored before this returns, its first byte is written later.
func (x *Runner) Start(ctx context.Context, r Run) (Run, error) {
	if err := r.Spec.Check("body.", x.Places()); err != nil {
		return r, err
	}
	if free, ok := space(x.cfg.Dir); ok && free < spare {
		return r, &enishi.Error{Code: enishi.Unavailable, Msg: "the server's disk has less than 1 GB free: make room and try again", MsgJA: "サーバーのディスクの空きが 1 GB 未満です。空きを増やしてからやり直してください"}
	}
	now := x.now()
	r.State, r.Replica, r.CreatedAt, r.Tables = Waiting, x.replica, now, []TableRun{}
	if r.Spec.Place != "" {
		stamp := now
		if !r.DueAt.IsZero() {
			stamp = r.DueAt
		}
		name := r.Name
		if name == "" {
			name = "once"
		}
		r.Folder = strings.TrimPrefix(r.Spec.Folder+"/"+name+"/"+stamp.Format("20060102T150405Z")+"-"+r.ID.String()[:8], "/")
	}
	for _, name := range r.Spec.Tables {
		t, _ := FindTable(name)
		one := TableRun{Name: name, Since: r.Spec.Since, Until: r.Spec.Until, Files: []FileInfo{}}
		for _, c := range t.Chosen(r.Spec.Contacts) {
			one.Columns = append(one.Columns, c.Name)
		}
		r.Tables = append(r.Tables, one)
	}
	if err := x.store.save(ctx, &r, now); err != nil {
		return r, err
	}
	x.mu.Lock()
	x.queue = append(x.queue, &r)
	x.mu.Unlock()
	select {
	case x.wake <- struct{}{}:
	default:
	}
	return r, nil
}

// now is the wall clock, to the millisecond.
func (x *Runner) now() time.Time { return x.cfg.Now().UTC().Truncate(time.Millisecond) }

// List gives the newest runs; of a plan alone when a name is given.
func (x *Runner) List(ctx context.Context, name string, limit int) ([]Run, error) {
	where, args := "1", []any{}
	if name != "" {
		where, args = "name = {name:String}", []any{named("name", name)}
	}
	list, err := x.store.list(ctx, where, limit, args...)
	out := make([]Run, len(list))
	for i := range list {
		out[i] = x.fresh(list[i].Run)
	}
	return out, err
}

// Get gives a run as it stands.
func (x *Runner) Get(ctx context.Context, id enishi.ID) (Run, error) {
	r, err := x.store.get(ctx, id)
	if err != nil {
		return Run{}, err
	}
	return x.fresh(r.Run), nil
}

// fresh is the run as this process knows it, if it writes it.
func (x *Runner) fresh(r Run) Run {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.current != nil && x.current.ID == r.ID && !r.ended() {
		return x.current.clone()
	}
	return r
}

func (r *Run) clone() Run {
	out := *r
	out.Tables = slices.Clone(r.Tables)
	for i := range out.Tables {
		out.Tables[i].Files = slices.Clone(out.Tables[i].Files)
	}
	return out
}

// Cancel ends a run, wherever it is written.
func (x *Runner) Cancel(ctx context.Context, id enishi.ID, actor string) (Run, error) {
	r, err := x.store.get(ctx, id)
	if err != nil {
		return Run{}, err
	}
	if r.ended() {
		return r.Run, &enishi.Error{Code: enishi.Conflict, Msg: "the export has ended already", MsgJA: "この書き出しはすでに終わっています"}
	}
	if err := x.store.cancel(ctx, id, actor, x.now()); err != nil {
		return r.Run, err
	}
	if x.now().Sub(r.at) > dead && r.Replica != x.replica { // nobody is there to do it
		x.finish(ctx, &r.Run, errCancelled)
		return r.Run, nil
	}
	x.mu.Lock()
	if x.current != nil && x.current.ID == id {
		x.end()
	}
	x.mu.Unlock()
	return x.fresh(r.Run), nil
}

// Open gives a file of a run that is kept here.
func (x *Runner) Open(ctx context.Context, id enishi.ID, name string) (*os.File, error) {
	r, err := x.store.get(ctx, id)
	if err != nil {
		return nil, err
	}
	if r.State != Done || r.Spec.Place != "" || !slices.Contains(append(r.names(), manifestName), name) {
		return nil, &enishi.Error{Code: enishi.NotFound, Msg: "there is no such file of this export to download", MsgJA: "ダウンロードできるファイルはありません"}
	}
	f, err := os.Open(filepath.Join(x.dir(id), name))
	if errors.Is(err, fs.ErrNotExist) {
		if r.Replica != x.replica && !r.Gone {
			return nil, &enishi.Error{Code: enishi.Conflict, Msg: "the file lies on the server that wrote it: ask that one, or export to a place", MsgJA: "ファイルは書き出したサーバーにあります。そのサーバーに接続するか、置き場所を指定して書き出してください"}
		}
		return nil, &enishi.Error{Code: enishi.NotFound, Msg: "files are kept for 7 days: export it again", MsgJA: "ファイルの保管期間（7 日）が過ぎました。もう一度書き出してください"}
	}
	return f, err
}

func (x *Runner) dir(id enishi.ID) string { return filepath.Join(x.cfg.Dir, id.String()) }

// space is how many bytes are free.
func space(dir string) (uint64, bool) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, false
	}
	return fs.Bavail * uint64(fs.Bsize), true
}

// Due begins what plans are due, at the moment of their schedule; saved is when a plan was saved: what was due before is not begun. Of several
// moments that passed while nothing ran the last one is made up for. One replica calls it.
func (x *Runner) Due(ctx context.Context, name string, p *Plan, saved time.Time, by Run) error {
	if p.Schedule == nil || p.Paused {
		return nil
	}
	due := p.Schedule.Last(x.now(), x.cfg.Zone())
	if due.Before(saved) {
		return nil
	}
	list, err := x.store.list(ctx, "name = {name:String} AND created_at >= fromUnixTimestamp64Milli({due:Int64})", 50, named("name", name), named("due", fmt.Sprint(due.UnixMilli())))
	if err != nil || slices.ContainsFunc(list, func(r stored) bool { return !r.DueAt.IsZero() }) {
		return err
	}
	going, err := x.store.list(ctx, "name = {name:String} AND state IN ('waiting', 'running')", 10, named("name", name))
	if err != nil {
		return err
	}
	for i := range going {
		if g := &going[i]; g.Replica == x.replica || x.now().Sub(g.at) < dead {
			return nil // the last one goes on: this one begins when it ends
		} else {
			x.finish(ctx, &g.Run, errors.New("the server that wrote it is gone"))
		}
	}
	by.ID, by.Name, by.Spec, by.DueAt, by.KeepDays = enishi.NewID("export", name, due.Format(time.RFC3339)), name, p.Spec, due, p.KeepDays
	_, err = x.Start(ctx, by)
	if err != nil {
		x.alert(name, err.Error(), message(err), false)
	}
	return err
}

// alert says that a plan's run failed, or takes that back.
func (x *Runner) alert(name, en, ja string, over bool) {
	a := enishi.Alert{ID: enishi.NewID("alert", "export", name), Kind: "export_failed", Severity: "error", At: x.now(),
		Text: "The scheduled export “" + name + "” failed: " + en, TextJA: "定期書き出し「" + name + "」が失敗しました。" + ja}
	if over {
		a.ClosedAt = x.now()
	}
	x.cfg.Alert(a)
}

// message is what a marketer reads of an error.
func message(err error) string {
	var e *enishi.Error
	if errors.As(err, &e) && e.MsgJA != "" {
		return e.MsgJA
	}
	return "理由: " + err.Error()
}
