package moving

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"enishi"
	"enishi/ingest"
	"enishi/internal/stream"
)

// Bounds of a move.
const (
	MaxFiles     = 50
	MaxFileBytes = 2 << 30
	maxMoves     = 20 // that are kept
)

// States of a move.
const (
	Draft     = "draft" // files are brought
	Running   = "running"
	Done      = "done"
	Failed    = "failed"
	Cancelled = "cancelled"
)

// DeskConfig is what a Desk needs.
type DeskConfig struct {
	Dir    string // of its own; made when it is not there
	Parser *ingest.Parser
	Zone   func() *time.Location
	Append func(ctx context.Context, recs []stream.Record) error
	Now    func() time.Time // default: time.Now
	Log    *slog.Logger     // default: discard
}

// Desk keeps moves: their files in a folder until a move has ended, then its report and the rows to mend. A move that a crash
// broke off goes on by itself. All methods may be called side by side.
type Desk struct {
	cfg   DeskConfig
	mu    sync.Mutex
	moves map[string]*Move
	plans map[string]*Plan // of drafts, until their files change
	stop  map[string]context.CancelFunc
	queue chan string
}

// Move is one move as it stands.
type Move struct {
	ID           string    `json:"id"`
	From         string    `json:"from"`
	State        string    `json:"state"`
	Actor        string    `json:"actor"`
	CreatedAt    time.Time `json:"created_at"`
	StartedAt    time.Time `json:"started_at,omitzero"`
	EndedAt      time.Time `json:"ended_at,omitzero"`
	NoStops      bool      `json:"no_stops"`
	LineProvider string    `json:"line_provider"`
	Files        []Brought `json:"files"`
	Report       *Report   `json:"report"`
	Problem      *Problem  `json:"problem"`
}

// Brought is a file that was brought.
type Brought struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	Preset string `json:"preset"` // as a person chose: empty: as recognised; "-": leave it out
}

// NewDesk reads what is in the folder.
func NewDesk(cfg DeskConfig) (*Desk, error) {
	if cfg.Dir == "" || cfg.Parser == nil || cfg.Append == nil || cfg.Zone == nil {
		return nil, errors.New("moving: Dir, Parser, Zone and Append are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("moving: %w", err)
	}
	d := &Desk{cfg: cfg, moves: map[string]*Move{}, plans: map[string]*Plan{}, stop: map[string]context.CancelFunc{}, queue: make(chan string, maxMoves)}
	list, err := filepath.Glob(filepath.Join(cfg.Dir, "*", "move.json"))
	if err != nil {
		return nil, fmt.Errorf("moving: %w", err)
	}
	for _, path := range list {
		var m Move
		text, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(text, &m)
		}
		if err != nil {
			return nil, fmt.Errorf("moving: read %s: %w", path, err)
		}
		if d.moves[m.ID] = &m; m.State == Running {
			d.queue <- m.ID
		}
	}
	return d, nil
}

// Run does the moves that are started, one at a time, until ctx ends.
func (d *Desk) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case id := <-d.queue:
			d.move(ctx, id)
		}
	}
}

// List gives all moves, the newest first.
func (d *Desk) List() []Move {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := []Move{}
	for _, m := range d.moves {
		out = append(out, m.clone())
	}
	slices.SortFunc(out, func(a, b Move) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return out
}

func (m *Move) clone() Move {
	out := *m
	out.Files = slices.Clone(m.Files)
	return out // Report is replaced, never changed
}

// Running tells whether a move is under way here.
func (d *Desk) Running() bool {
	return slices.ContainsFunc(d.List(), func(m Move) bool { return m.State == Running })
}

// Find gives one move.
func (d *Desk) Find(id string) (Move, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m, err := d.find(id)
	if err != nil {
		return Move{}, err
	}
	return m.clone(), nil
}

func (d *Desk) find(id string) (*Move, error) {
	m := d.moves[id]
	if m == nil {
		return nil, &enishi.Error{Code: enishi.NotFound, Msg: "there is no such move", MsgJA: "その移行はありません"}
	}
	return m, nil
}

// draft is find for what only a move that has not begun allows.
func (d *Desk) draft(id string) (*Move, error) {
	m, err := d.find(id)
	if err == nil && m.State != Draft {
		err = &enishi.Error{Code: enishi.Conflict, Msg: "this move has begun: begin another one", MsgJA: "この移行はすでに始まっています。新しい移行を作ってください"}
	}
	return m, err
}

// Create begins a draft.
func (d *Desk) Create(from, actor string) (Move, error) {
	if !slices.Contains(Tools(), from) {
		return Move{}, enishi.FieldError("body.from", "is one of "+strings.Join(Tools(), ", "), "移行元は "+strings.Join(Tools(), "、")+" のどれかです")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.moves) >= maxMoves {
		return Move{}, &enishi.Error{Code: enishi.Conflict, Msg: "there are " + strconv.Itoa(maxMoves) + " moves: delete one that has ended", MsgJA: "移行が " + strconv.Itoa(maxMoves) + " 件あります。終わったものを削除してください"}
	}
	now := d.cfg.Now().UTC()
	m := &Move{ID: enishi.NewID("move", from, actor, now.Format(time.RFC3339Nano), strconv.Itoa(len(d.moves))).String(), From: from, State: Draft, Actor: actor, CreatedAt: now, Files: []Brought{}}
	if err := os.MkdirAll(d.folder(m.ID), 0o700); err != nil {
		return Move{}, err
	}
	if err := d.save(m); err != nil {
		return Move{}, err
	}
	d.moves[m.ID] = m
	return m.clone(), nil
}

func (d *Desk) folder(id string) string { return filepath.Join(d.cfg.Dir, id) }
func (d *Desk) path(id string, i int) string {
	return filepath.Join(d.folder(id), fmt.Sprintf("%03d.csv", i))
}

// save writes the state whole or not at all.
func (d *Desk) save(m *Move) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	path := filepath.Join(d.folder(m.ID), "move.json")
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return fmt.Errorf("moving: %w", err)
	}
	return os.Rename(path+".new", path)
}

// Bring writes a piece of a file at an offset, which is the end of what came before: a piece that comes twice is refused with the
// end. Names are those of the export; a folder in front is cut off.
func (d *Desk) Bring(id, name string, offset int64, piece []byte) (Move, error) {
	name = filepath.Base(strings.ReplaceAll(name, `\`, "/"))
	if name == "." || name == "/" || len(name) > 200 {
		return Move{}, enishi.FieldError("body.name", "is no name of a file", "ファイル名ではありません")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	m, err := d.draft(id)
	if err != nil {
		return Move{}, err
	}
	i := slices.IndexFunc(m.Files, func(f Brought) bool { return f.Name == name })
	if i < 0 {
		if len(m.Files) == MaxFiles {
			return Move{}, enishi.FieldError("body.name", "is one file too many: a move has at most "+strconv.Itoa(MaxFiles), "ファイルは "+strconv.Itoa(MaxFiles)+" 個までです")
		}
		i, m.Files = len(m.Files), append(m.Files, Brought{Name: name})
	}
	f := &m.Files[i]
	if offset == 0 {
		f.Size = 0 // from the start again
	}
	if offset != f.Size {
		return Move{}, &enishi.Error{Code: enishi.Conflict, Field: "body.offset", Msg: "the file has " + strconv.FormatInt(f.Size, 10) + " bytes so far: go on there", MsgJA: "このファイルは " + strconv.FormatInt(f.Size, 10) + " バイトまで届いています。そこから続けてください"}
	}
	if f.Size+int64(len(piece)) > MaxFileBytes {
		return Move{}, enishi.FieldError("body.data", "makes the file larger than 2 GB: divide it", "ファイルが 2 GB を超えます。分けてください")
	}
	out, err := os.OpenFile(d.path(id, i), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return Move{}, fmt.Errorf("moving: %w", err)
	}
	_, err = out.WriteAt(piece, offset)
	if err == nil {
		err = out.Truncate(offset + int64(len(piece)))
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return Move{}, fmt.Errorf("moving: keep %s: %w", name, err)
	}
	f.Size += int64(len(piece))
	delete(d.plans, id)
	return m.clone(), d.save(m)
}

// Choices are what a person says of a draft.
type Choices struct {
	NoStops      bool
	LineProvider string
	Presets      map[string]string // by name of the file
}

// Change takes what a person says of a draft.
func (d *Desk) Change(id string, c Choices) (Move, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m, err := d.draft(id)
	if err != nil {
		return Move{}, err
	}
	m.NoStops, m.LineProvider = c.NoStops, c.LineProvider
	for name, preset := range c.Presets {
		i := slices.IndexFunc(m.Files, func(f Brought) bool { return f.Name == name })
		if i < 0 {
			return Move{}, enishi.FieldError("body.presets", "there is no file "+name, "ファイル「"+name+"」はありません")
		}
		m.Files[i].Preset = preset
	}
	delete(d.plans, id)
	return m.clone(), d.save(m)
}

// Plan is what a draft would do. It reads the files once after each change.
func (d *Desk) Plan(id string) (*Plan, error) {
	d.mu.Lock()
	m, err := d.find(id)
	if err != nil {
		d.mu.Unlock()
		return nil, err
	}
	if p := d.plans[id]; p != nil || m.State != Draft {
		d.mu.Unlock()
		return p, nil
	}
	copied := m.clone()
	d.mu.Unlock()
	p, err := d.look(&copied)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := d.moves[id]; now != nil && now.State == Draft && slices.Equal(now.Files, copied.Files) && now.NoStops == copied.NoStops {
		d.plans[id] = p
	}
	return p, nil
}

func (d *Desk) look(m *Move) (*Plan, error) {
	var files []File
	for i, f := range m.Files {
		files = append(files, File{Name: f.Name, Preset: f.Preset, Open: func() (io.ReadCloser, error) { return os.Open(d.path(m.ID, i)) }})
	}
	return Look(m.From, files, m.NoStops, d.cfg.Zone())
}

// Start lets a draft begin. off is called when nothing stands against it, before anything is taken in: it turns sending off.
func (d *Desk) Start(id string, off func() error) (Move, error) {
	p, err := d.Plan(id)
	if err != nil {
		return Move{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	m, err := d.draft(id)
	switch {
	case err != nil:
		return Move{}, err
	case p == nil || p.Stop != nil:
		why := Problem{"the files have changed: look again", "ファイルが変わりました。もう一度確かめてください"}
		if p != nil {
			why = *p.Stop
		}
		return Move{}, &enishi.Error{Code: enishi.Conflict, Msg: why.EN, MsgJA: why.JA}
	}
	for _, other := range d.moves {
		if other.State == Running {
			return Move{}, &enishi.Error{Code: enishi.Conflict, Msg: "another move is under way: wait for its end", MsgJA: "ほかの移行が進行中です。終わるまでお待ちください"}
		}
	}
	if err := off(); err != nil {
		return Move{}, err
	}
	m.State, m.StartedAt, m.Report = Running, d.cfg.Now().UTC(), newReport(p)
	if err := d.save(m); err != nil {
		return Move{}, err
	}
	d.queue <- id
	return m.clone(), nil
}

// Delete ends a move that is under way, and forgets any other one with all its files.
func (d *Desk) Delete(id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	m, err := d.find(id)
	if err != nil {
		return err
	}
	if m.State == Running {
		if stop := d.stop[id]; stop != nil {
			stop()
		} else {
			m.State = Cancelled
		}
		return nil
	}
	delete(d.moves, id)
	delete(d.plans, id)
	return os.RemoveAll(d.folder(id))
}

// Refused opens the rows of a file that did not come.
func (d *Desk) Refused(id, name string) (io.ReadCloser, error) {
	m, err := d.Find(id)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(m.Files, func(f Brought) bool { return f.Name == name })
	none := &enishi.Error{Code: enishi.NotFound, Msg: "no row of this file was refused", MsgJA: "このファイルに要確認の行はありません"}
	if i < 0 || m.State != Done {
		return nil, none
	}
	f, err := os.Open(d.refusedPath(id, i))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, none
	}
	return f, err
}

func (d *Desk) refusedPath(id string, i int) string {
	return filepath.Join(d.folder(id), fmt.Sprintf("%03d-refused.csv", i))
}
