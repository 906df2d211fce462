package imports

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"enishi"
	"enishi/ingest/files"
	"enishi/ingest/mapping"
)

// States of an import.
const (
	Receiving = "receiving" // the file is coming
	Ready     = "ready"
	Checking  = "checking" // the whole file is gone through without taking anything
	Checked   = "checked"
	Running   = "running"
	Done      = "done"
	Cancelled = "cancelled"
	Failed    = "failed"
)

// Bounds.
const (
	MaxFile     = 2 << 30
	MaxPart     = 8 << 20
	maxProblems = 200     // that are kept with the import
	maxRejects  = 500_000 // lines of the file to mend
	maxPeople   = 4_000_000
)

// Plan says how a file is read.
type Plan struct {
	Mapping string           `json:"mapping,omitempty"` // name of a definition
	Preset  string           `json:"preset,omitempty"`
	Draft   *mapping.Mapping `json:"draft,omitempty"` // that was not saved
	Source  string           `json:"source,omitempty"`
	Live    bool             `json:"live,omitempty"` // events younger than a day act
	File    files.Options    `json:"file,omitzero"`
}

// Problem is a row that does not come, for people.
type Problem struct {
	Line     int      `json:"line"`
	Columns  []string `json:"columns,omitempty"`
	Field    string   `json:"field,omitempty"`
	Value    string   `json:"value,omitempty"`
	Reason   string   `json:"reason"`
	ReasonJA string   `json:"reason_ja"`
}

// Counts are what a file has.
type Counts struct {
	Rows     int64            `json:"rows"`
	Events   int64            `json:"events"`   // that come in
	Rejected int64            `json:"rejected"` // rows that do not
	People   int64            `json:"people"`
	Types    map[string]int64 `json:"types,omitempty"`
	From     time.Time        `json:"from,omitzero"`
	To       time.Time        `json:"to,omitzero"`
	Newer    int64            `json:"newer"`             // events younger than a day
	Created  int64            `json:"created,omitempty"` // products that were not known
	Cheaper  int64            `json:"cheaper,omitempty"` // whose price went down
	Back     int64            `json:"back,omitempty"`    // that could not be bought and can be
	Part     float64          `json:"part"`              // of the file that was read, 0 to 1
}

// Origin is the file of a place that an import is of.
type Origin struct {
	Pull string    `json:"pull"` // name of what fetched it
	Name string    `json:"name"`
	Size int64     `json:"size"`
	At   time.Time `json:"at"` // when it was written
}

// Job is one import.
type Job struct {
	ID        enishi.ID   `json:"id"`
	Name      string      `json:"name"` // of the file
	Size      int64       `json:"size"`
	Received  int64       `json:"received"`
	Hash      string      `json:"hash,omitempty"` // SHA-256
	Actor     string      `json:"actor"`
	State     string      `json:"state"`
	Plan      Plan        `json:"plan"`
	Shape     files.Shape `json:"shape,omitzero"`
	CreatedAt time.Time   `json:"created_at"`
	StartedAt time.Time   `json:"started_at,omitzero"`
	EndedAt   time.Time   `json:"ended_at,omitzero"`
	Counts    Counts      `json:"counts"`
	Appended  uint64      `json:"appended"` // events on the log: a restart goes on behind them
	Problems  []Problem   `json:"problems,omitempty"`
	Failure   string      `json:"failure,omitempty"` // of failed, English
	FailureJA string      `json:"failure_ja,omitempty"`
	Broken    bool        `json:"broken,omitempty"`  // of failed: the server could not go on, the file may be good
	Rejects   bool        `json:"rejects,omitempty"` // there is a file to mend
	Origin    *Origin     `json:"origin,omitempty"`  // nil: somebody brought it

	rate  float64 // rows a second, of this run
	begun int64   // rows when it began or went on
}

// Rate is rows a second, 0 while it is not known, and the seconds that are left.
func (j *Job) Rate() (rows float64, left int64) {
	if j.State != Running && j.State != Checking || j.rate == 0 || j.Counts.Part == 0 {
		return j.rate, 0
	}
	total := float64(j.Counts.Rows) / j.Counts.Part
	return j.rate, int64((total-float64(j.Counts.Rows))/j.rate) + 1
}

// Total is about how many rows the file has, 0 while it is not known.
func (j *Job) Total() int64 {
	if j.Counts.Part == 0 {
		return 0
	}
	return int64(float64(j.Counts.Rows) / j.Counts.Part)
}

func (im *Importer) dir(id enishi.ID) string        { return filepath.Join(im.cfg.Dir, id.String()) }
func (im *Importer) file(id enishi.ID) string       { return filepath.Join(im.dir(id), "file") }
func (im *Importer) rejectFile(id enishi.ID) string { return filepath.Join(im.dir(id), "rejects") }

// save keeps a job; im.mu is held.
func (im *Importer) save(j *Job) error {
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	name := filepath.Join(im.dir(j.ID), "job.json")
	if err := os.WriteFile(name+".new", text, 0o600); err != nil {
		return fmt.Errorf("keep import: %w", err)
	}
	return os.Rename(name+".new", name)
}

// load reads the imports that are there.
func (im *Importer) load() error {
	entries, err := os.ReadDir(im.cfg.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(im.cfg.Dir, e.Name(), "job.json"))
		if err != nil {
			continue // an upload that had not begun
		}
		j := &Job{}
		if err := json.Unmarshal(text, j); err != nil {
			im.cfg.Log.Warn("an import cannot be read", "import", e.Name(), "err", err)
			continue
		}
		im.jobs[j.ID] = j
		if j.State == Running || j.State == Checking {
			im.queue = append(im.queue, j.ID)
		}
	}
	return nil
}
