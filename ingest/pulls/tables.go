package pulls

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"enishi/ingest/imports"
	"enishi/internal/clickhouse"
	"enishi/internal/place"
)

// States of a file.
const (
	Fresh   = "new"     // it would be taken
	Waiting = "waiting" // it may still be written
	Taken   = "taken"
	Same    = "same"   // another file had the same content, and it was read in the same way
	Refused = "failed" // as a whole
)

// File is a file that was taken or refused.
type File struct {
	Pull      string            `json:"pull"`
	Name      string            `json:"name"`
	Size      int64             `json:"size"`
	At        time.Time         `json:"at"` // when it was written
	Hash      string            `json:"hash,omitempty"`
	How       string            `json:"how,omitempty"` // hash of the way it was read
	State     string            `json:"state"`
	TakenAt   time.Time         `json:"taken_at"`
	Rows      int64             `json:"rows"`
	Events    int64             `json:"events"`
	Rejected  int64             `json:"rejected"`
	People    int64             `json:"people"`
	Problems  []imports.Problem `json:"problems,omitempty"` // the first three
	Rejects   string            `json:"rejects,omitempty"`  // the file with the rows to mend, at the place
	Failure   string            `json:"failure,omitempty"`  // of failed
	FailureJA string            `json:"failure_ja,omitempty"`
	Put       bool              `json:"put"` // what was to become of the file is done
}

// Look is what a look at the place found.
type Look struct {
	Pull      string    `json:"pull"`
	At        time.Time `json:"at"`
	Version   int64     `json:"version"`       // of the definition
	Run       string    `json:"run,omitempty"` // the newest that somebody asked for
	Found     int       `json:"found"`         // files that the pattern fits
	Taken     int       `json:"taken"`
	Waiting   int       `json:"waiting"`
	Refused   int       `json:"refused"`
	Next      time.Time `json:"next"`
	Problem   string    `json:"problem,omitempty"` // why nothing could be looked at
	ProblemJA string    `json:"problem_ja,omitempty"`
	LastFile  time.Time `json:"last_file,omitzero"` // when one came
	Late      string    `json:"late,omitempty"`     // the last day without a file
}

// Store keeps what was done.
type Store interface {
	// Files gives what is known of files of these names.
	Files(ctx context.Context, pull string, names []string) ([]File, error)
	// Known reports whether a file of this content was taken, read in this way.
	Known(ctx context.Context, pull, hash, how string) (bool, error)
	Keep(ctx context.Context, f *File) error
	// Look gives the last look; found is false when there was none.
	Look(ctx context.Context, pull string) (l Look, found bool, err error)
	KeepLook(ctx context.Context, l *Look) error
}

// Tables is the Store in ClickHouse.
type Tables struct{ DB *clickhouse.DB }

var _ Store = Tables{}

// Keep stores what became of a file.
func (t Tables) Keep(ctx context.Context, f *File) error {
	record, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encode file of a pull: %w", err)
	}
	return t.DB.Insert(ctx, "file_pull_files", []string{"pull", "name", "size", "at", "version", "taken_at", "state", "hash", "how", "record"}, 1,
		[]string{f.Pull}, []string{f.Name}, []int64{f.Size}, []time.Time{f.At}, []uint64{version(time.Now())}, []time.Time{f.TakenAt}, []string{f.State}, []string{f.Hash}, []string{f.How}, []string{string(record)})
}

// version orders writes of one row: it is no time of the shop.
func version(now time.Time) uint64 { return uint64(now.UnixNano()) }

// Files gives what is known of files of these names.
func (t Tables) Files(ctx context.Context, pull string, names []string) ([]File, error) {
	if len(names) == 0 {
		return nil, nil
	}
	return t.files(ctx, "pull = {pull:String} AND has({names:Array(String)}, name)", driver.Named("pull", pull), driver.Named("names", names))
}

// History gives the newest files of a pull, at most most.
func (t Tables) History(ctx context.Context, pull string, most int) ([]File, error) {
	return t.files(ctx, fmt.Sprintf("pull = {pull:String} ORDER BY taken_at DESC, name LIMIT %d", most), driver.Named("pull", pull))
}

func (t Tables) files(ctx context.Context, cond string, args ...any) ([]File, error) {
	rows, err := t.DB.Query(ctx, "SELECT record FROM file_pull_files FINAL WHERE "+cond, args...)
	if err != nil {
		return nil, fmt.Errorf("read files of a pull: %w", err)
	}
	defer rows.Close()
	var out []File
	for rows.Next() {
		var record string
		var f File
		if err := rows.Scan(&record); err != nil {
			return nil, fmt.Errorf("read files of a pull: %w", err)
		}
		if err := json.Unmarshal([]byte(record), &f); err != nil {
			return nil, fmt.Errorf("read files of a pull: %w", err)
		}
		out = append(out, f)
	}
	return out, rows.Err()
}

// Known reports whether a file of this content was taken, read in this way.
func (t Tables) Known(ctx context.Context, pull, hash, how string) (bool, error) {
	found, err := t.files(ctx, "pull = {pull:String} AND hash = {hash:String} AND how = {how:String} AND state = '"+Taken+"' LIMIT 1", driver.Named("pull", pull), driver.Named("hash", hash), driver.Named("how", how))
	return len(found) > 0, err
}

// Look gives the last look.
func (t Tables) Look(ctx context.Context, pull string) (l Look, found bool, err error) {
	rows, err := t.DB.Query(ctx, "SELECT record FROM file_pull_looks FINAL WHERE pull = {pull:String}", driver.Named("pull", pull))
	if err != nil {
		return l, false, fmt.Errorf("read look of a pull: %w", err)
	}
	defer rows.Close()
	if !rows.Next() {
		return l, false, rows.Err()
	}
	var record string
	if err := rows.Scan(&record); err != nil {
		return l, false, fmt.Errorf("read look of a pull: %w", err)
	}
	return l, true, json.Unmarshal([]byte(record), &l)
}

// KeepLook stores a look.
func (t Tables) KeepLook(ctx context.Context, l *Look) error {
	record, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("encode look of a pull: %w", err)
	}
	return t.DB.Insert(ctx, "file_pull_looks", []string{"pull", "version", "record"}, 1, []string{l.Pull}, []uint64{version(time.Now())}, []string{string(record)})
}

// key tells files of a pull apart. Servers differ in how exactly they keep times.
type key struct {
	name string
	size int64
	at   int64
}

func keyOf(name string, size int64, at time.Time) key { return key{name, size, at.Unix()} }

func keyOfFile(f *place.File) key { return keyOf(f.Name, f.Size, f.At) }
