package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"enishi/internal/exports"
)

// buildExports makes what writes tables to files. A replica whose servers are elsewhere may have no folder to write to.
func (w *workspace) buildExports(context.Context) error {
	places, err := w.cfg.openPlaces()
	if err != nil {
		return err
	}
	w.exports, err = exports.New(exports.Config{Dir: filepath.Join(w.cfg.Data, "exports", w.name), DB: w.db, Places: places, Zone: (&shopZone{definitions: w.definitions}).location, Alert: w.alert, Now: w.now, Log: w.log,
		Through: func(ctx context.Context) (time.Time, error) { return w.api.Through(ctx) }})
	if err != nil {
		w.log.Warn("tables cannot be exported here", "err", err)
		w.exports = nil
	}
	return nil
}

type exportTableCommand struct {
	client
	Tables       []string `arg:"" optional:"" help:"Names of tables (docs/exports.md)."`
	Plan         string   `help:"Run an export that is kept, instead of naming tables." placeholder:"NAME"`
	Format       string   `help:"parquet, csv or ndjson." enum:"parquet,csv,ndjson" default:"parquet"`
	Compression  string   `help:"gzip or zstd; inside of Parquet, where none means Snappy." enum:",gzip,zstd" default:""`
	To           string   `help:"A place of the server's configuration, or a folder of this machine; of one table also a file. This folder unless said." placeholder:"PLACE|PATH"`
	Folder       string   `help:"In the place." placeholder:"PATH"`
	Since        string   `help:"Only rows from this instant on: 2026-11-01T00:00:00+09:00, or a day in UTC." placeholder:"INSTANT"`
	Until        string   `help:"Only rows before this instant." placeholder:"INSTANT"`
	WithContacts bool     `help:"With the columns that are personal."`
	ByDay        bool     `help:"A file for each day, of tables with a time."`
	SplitMB      int      `name:"split-mb" help:"A file ends after about so many megabytes."`
	BOM          bool     `name:"bom" help:"CSV begins with a byte order mark, for Excel."`
	Reason       string   `help:"Why; kept with who and how many." required:"" placeholder:"TEXT"`
	Quiet        bool     `help:"Print no progress."`
}

// exportedRun is what the server says of an export.
type exportedRun struct {
	ID       string
	State    string
	Copying  bool
	Rows     int64
	Expected int64
	Bytes    int64
	Folder   string
	Failure  *label
	What     struct{ Place string }
	Tables   []struct {
		Name  string
		Rows  int64
		Until time.Time
		Files []exportedFile
	}
}

type exportedFile struct {
	Name   string
	Rows   int64
	Bytes  int64
	SHA256 string
}

// Run starts the export, waits for it and fetches its files. A file is there when it is whole, or not at all.
func (c *exportTableCommand) Run(ctx context.Context, s streams) error {
	api := c.in(s)
	body, toPlace, err := c.body(ctx, api)
	if err != nil {
		return err
	}
	var run exportedRun
	if err := api.call(ctx, "POST", "/export-runs", body, &run); err != nil {
		return err
	}
	for run.State == exports.Waiting || run.State == exports.Running {
		if !c.Quiet {
			fmt.Fprintf(s.err, "\r%d of %d rows, %d MB   ", run.Rows, run.Expected, run.Bytes>>20)
		}
		select {
		case <-time.After(300 * time.Millisecond):
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			return errors.Join(ctx.Err(), api.call(end, "POST", "/export-runs/"+run.ID+"/cancel", map[string]any{}, nil))
		}
		if err := api.call(ctx, "GET", "/export-runs/"+run.ID, nil, &run); err != nil {
			return err
		}
	}
	if !c.Quiet {
		fmt.Fprintln(s.err)
	}
	if run.State != exports.Done {
		if run.Failure != nil {
			return errors.New(run.Failure.in(s))
		}
		return fmt.Errorf("the export is %s", run.State)
	}
	for _, t := range run.Tables {
		fmt.Fprintf(s.out, "%s\t%d\n", t.Name, t.Rows)
	}
	if toPlace || run.What.Place != "" {
		fmt.Fprintf(s.out, "%s:%s\n", run.What.Place, run.Folder)
		return nil
	}
	return c.fetch(ctx, s, api, &run)
}

// body is what the server is asked for.
func (c *exportTableCommand) body(ctx context.Context, api *client) (map[string]any, bool, error) {
	if (c.Plan == "") == (len(c.Tables) == 0) {
		return nil, false, errors.New("name tables, or an export that is kept with --plan")
	}
	if c.Plan != "" {
		return map[string]any{"plan": c.Plan, "reason": c.Reason}, false, nil
	}
	what := map[string]any{"tables": c.Tables, "format": c.Format, "contacts": c.WithContacts, "by_day": c.ByDay, "split_mb": c.SplitMB, "bom": c.BOM}
	if c.Compression != "" {
		what["compression"] = c.Compression
	}
	for name, text := range map[string]string{"since": c.Since, "until": c.Until} {
		if text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			if at, err = time.Parse(time.DateOnly, text); err != nil {
				return nil, false, fmt.Errorf("--%s %q is neither an instant such as 2026-11-01T00:00:00+09:00 nor a day such as 2026-11-01", name, text)
			}
		}
		what[name] = at
	}
	var known struct{ Places []string }
	if c.To != "" {
		if err := api.call(ctx, "GET", "/export-tables", nil, &known); err != nil {
			return nil, false, err
		}
	}
	toPlace := slices.Contains(known.Places, c.To)
	if toPlace {
		what["place"], what["folder"] = c.To, c.Folder
	} else if c.Folder != "" {
		return nil, false, errors.New("--folder is in a place of the server: name that with --to")
	}
	return map[string]any{"what": what, "reason": c.Reason}, toPlace, nil
}

// fetch brings the files here.
func (c *exportTableCommand) fetch(ctx context.Context, s streams, api *client, run *exportedRun) error {
	var files []exportedFile
	for _, t := range run.Tables {
		files = append(files, t.Files...)
	}
	dir, one := c.To, ""
	if info, err := os.Stat(c.To); c.To != "" && len(files) == 1 && (err != nil || !info.IsDir()) {
		dir, one = filepath.Dir(c.To), filepath.Base(c.To)
	}
	if dir == "" {
		dir = "."
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		name := filepath.Join(dir, filepath.Base(f.Name))
		if one != "" {
			name = filepath.Join(dir, one)
		}
		err := api.send(ctx, "GET", "/export-runs/"+run.ID+"/files/"+url.PathEscape(f.Name), nil, func(answer *http.Response) error {
			return writeWhole(name, answer.Body, f.SHA256)
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s\t%d\n", name, f.Rows)
	}
	return nil
}

// writeWhole writes a file beside its place and puts it there when it is complete, as its sum says, and on the disk.
func writeWhole(name string, r io.Reader, sum string) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*.part")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, h), r)
	if err == nil && hex.EncodeToString(h.Sum(nil)) != sum {
		err = errors.New("what came is not what the server has: try again")
	}
	err = errors.Join(err, f.Sync(), f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // it is not whole
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
