package imports

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"enishi"
	"enishi/ingest"
	"enishi/ingest/mapping"
	"enishi/ingest/presets"
	"enishi/internal/stream"
)

// Config is what an Importer needs.
type Config struct {
	Dir     string // where files are kept
	Append  func(ctx context.Context, recs []stream.Record) error
	Parser  *ingest.Parser
	Zone    func() *time.Location
	Mapping func(name string) (mapping.Mapping, bool)
	// Buyers finds orders by their ids or the numbers that people see, those that are one person's alone. Nil: shipments name their people themselves.
	Buyers func(ctx context.Context, orders []string) (map[string]Buyer, error)
	// Product is what is known of a product. Nil: imports do not tell what they would change of the catalogue.
	Product func(id string) (*ingest.Product, bool)
	Now     func() time.Time // default: time.Now
	Log     *slog.Logger
}

// Buyer is whose an order is.
type Buyer struct {
	Person  enishi.Person // an identifier
	OrderID string        // of the order, where it was found by its number
}

// Importer takes files in. It is safe for concurrent use.
type Importer struct {
	cfg Config

	mu     sync.Mutex
	jobs   map[enishi.ID]*Job
	queue  []enishi.ID
	cancel map[enishi.ID]context.CancelFunc // of what runs
	wake   chan struct{}
	serial uint64
}

// New makes an Importer and reads the imports that are there; Run does the work.
func New(cfg Config) (*Importer, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	im := &Importer{cfg: cfg, jobs: map[enishi.ID]*Job{}, cancel: map[enishi.ID]context.CancelFunc{}, wake: make(chan struct{}, 1)}
	if err := im.load(); err != nil {
		return nil, fmt.Errorf("read imports: %w", err)
	}
	return im, nil
}

// Run checks and imports, one file at a time, until ctx ends.
func (im *Importer) Run(ctx context.Context) error {
	for {
		im.mu.Lock()
		var id enishi.ID
		if len(im.queue) > 0 {
			id = im.queue[0]
			im.queue = im.queue[1:]
		}
		im.mu.Unlock()
		if id == (enishi.ID{}) {
			select {
			case <-im.wake:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		im.work(ctx, id)
		if ctx.Err() != nil {
			return nil
		}
	}
}

func notThere() error {
	return &enishi.Error{Code: enishi.NotFound, Msg: "there is no such import here", MsgJA: "その取り込みは見つかりません"}
}

func wrongState(en, ja string) error { return &enishi.Error{Code: enishi.Conflict, Msg: en, MsgJA: ja} }

// Begin makes an import of a file that is to come.
func (im *Importer) Begin(name string, size int64, actor string) (Job, error) {
	return im.begin(name, size, actor, nil)
}

func (im *Importer) begin(name string, size int64, actor string, from *Origin) (Job, error) {
	if size < 1 || size > MaxFile {
		return Job{}, enishi.FieldError("body.size", "is between 1 byte and 2 GB: split the file, or compress it", "ファイルは 2 GB までです。分けるか、圧縮してください")
	}
	if err := os.MkdirAll(im.cfg.Dir, 0o700); err != nil {
		return Job{}, err
	}
	if free, ok := space(im.cfg.Dir); ok && free < uint64(size)+(1<<30) {
		return Job{}, &enishi.Error{Code: enishi.Unavailable, Msg: "the server's disk has no room for this file", MsgJA: "サーバーのディスクに空きが足りません"}
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	im.serial++
	now := im.cfg.Now().UTC()
	j := &Job{ID: enishi.NewID("import", name, now.Format(time.RFC3339Nano), fmt.Sprint(im.serial)), Name: name, Size: size, Actor: actor, State: Receiving, CreatedAt: now, Origin: from}
	if err := os.MkdirAll(im.dir(j.ID), 0o700); err != nil {
		return Job{}, err
	}
	if err := im.save(j); err != nil {
		return Job{}, err
	}
	im.jobs[j.ID] = j
	return *j, nil
}

// space is how many bytes are free.
func space(dir string) (uint64, bool) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, false
	}
	return fs.Bavail * uint64(fs.Bsize), true
}

// Part takes the bytes of a file from an offset on. What came before is not taken again; a gap is refused with what is there.
func (im *Importer) Part(id enishi.ID, at int64, part []byte) (Job, error) {
	im.mu.Lock()
	defer im.mu.Unlock()
	j := im.jobs[id]
	switch {
	case j == nil:
		return Job{}, notThere()
	case at > j.Received || at < 0 || at+int64(len(part)) > j.Size:
		return Job{}, wrongState(fmt.Sprintf("the next byte is %d of %d", j.Received, j.Size), fmt.Sprintf("次は %d バイト目です（全 %d バイト）", j.Received, j.Size))
	case j.State != Receiving || at+int64(len(part)) <= j.Received:
		return *j, nil
	}
	part = part[j.Received-at:]
	f, err := os.OpenFile(im.file(id), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return Job{}, err
	}
	_, err = f.WriteAt(part, j.Received)
	if err := errors.Join(err, f.Close()); err != nil {
		return Job{}, err
	}
	j.Received += int64(len(part))
	if j.Received == j.Size {
		if j.Hash, err = hashOf(im.file(id)); err != nil {
			return Job{}, err
		}
		j.State = Ready
	}
	return *j, im.save(j)
}

func hashOf(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Start checks a file (check), or takes it in. It answers at once.
func (im *Importer) Start(id enishi.ID, plan Plan, check bool) (Job, error) {
	im.mu.Lock()
	j := im.jobs[id]
	im.mu.Unlock()
	if j == nil {
		return Job{}, notThere()
	}
	if _, err := im.mapping(plan); err != nil {
		return Job{}, err
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	switch j.State {
	case Receiving:
		return Job{}, wrongState("the file is not here yet", "ファイルの受信が終わっていません")
	case Running, Checking:
		return Job{}, wrongState("it is running", "実行中です")
	}
	next := *j
	next.Plan, next.State, next.Counts, next.Appended, next.Problems, next.Rejects, next.Failure, next.FailureJA, next.Broken = plan, Running, Counts{}, 0, nil, false, "", "", false
	if check {
		next.State = Checking
	}
	next.StartedAt, next.EndedAt = im.cfg.Now().UTC(), time.Time{}
	if err := im.save(&next); err != nil {
		return Job{}, err
	}
	*j = next
	im.queue = append(im.queue, id)
	select {
	case im.wake <- struct{}{}:
	default:
	}
	return *j, nil
}

// Cancel ends an import. What it took stays.
func (im *Importer) Cancel(id enishi.ID) (Job, error) {
	im.mu.Lock()
	defer im.mu.Unlock()
	j := im.jobs[id]
	if j == nil {
		return Job{}, notThere()
	}
	if j.State != Running && j.State != Checking {
		return *j, nil
	}
	j.State, j.EndedAt = Cancelled, im.cfg.Now().UTC()
	if stop := im.cancel[id]; stop != nil {
		stop()
	}
	im.queue = slices.DeleteFunc(im.queue, func(x enishi.ID) bool { return x == id })
	return *j, im.save(j)
}

// Delete forgets an import and its file; what it took stays.
func (im *Importer) Delete(id enishi.ID) error {
	im.mu.Lock()
	defer im.mu.Unlock()
	j := im.jobs[id]
	if j == nil {
		return notThere()
	}
	if j.State == Running || j.State == Checking {
		return wrongState("it is running: cancel it first", "実行中です。先に中止してください")
	}
	delete(im.jobs, id)
	return os.RemoveAll(im.dir(id))
}

// List gives the imports, the newest first.
func (im *Importer) List() []Job {
	im.mu.Lock()
	defer im.mu.Unlock()
	out := make([]Job, 0, len(im.jobs))
	for _, j := range im.jobs {
		out = append(out, *j)
	}
	slices.SortFunc(out, func(a, b Job) int {
		if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID.String(), b.ID.String())
	})
	return out
}

// Get gives an import.
func (im *Importer) Get(id enishi.ID) (Job, error) {
	im.mu.Lock()
	defer im.mu.Unlock()
	j := im.jobs[id]
	if j == nil {
		return Job{}, notThere()
	}
	return *j, nil
}

// Rejects opens the file to mend.
func (im *Importer) Rejects(id enishi.ID) (io.ReadCloser, Job, error) {
	j, err := im.Get(id)
	if err != nil {
		return nil, j, err
	}
	f, err := os.Open(im.rejectFile(id))
	if errors.Is(err, os.ErrNotExist) {
		return nil, j, &enishi.Error{Code: enishi.NotFound, Msg: "nothing was rejected", MsgJA: "要確認の行はありません"}
	}
	return f, j, err
}

// mapping finds and compiles what a plan names; nil: the file has events as they are.
func (im *Importer) mapping(p Plan) (*compiled, error) {
	var m mapping.Mapping
	name := ""
	switch {
	case p.Draft != nil:
		m = *p.Draft
	case p.Preset != "":
		x, ok := presets.Find(p.Preset)
		if !ok {
			return nil, enishi.FieldError("preset", "there is no preset "+p.Preset, "「"+p.Preset+"」という形式はありません")
		}
		m, name = x.Mapping, p.Preset
	case p.Mapping != "":
		x, ok := im.cfg.Mapping(p.Mapping)
		if !ok {
			return nil, enishi.FieldError("mapping", "there is no mapping "+p.Mapping, "「"+p.Mapping+"」という対応づけはありません")
		}
		m, name = x, p.Mapping
	default:
		return &compiled{name: "events"}, nil
	}
	program, err := mapping.Compile(m, im.cfg.Zone())
	if err != nil {
		return nil, err
	}
	return &compiled{program, m, name}, nil
}

// compiled is a mapping that can be run.
type compiled struct {
	program *mapping.Program
	mapping mapping.Mapping
	name    string
}
