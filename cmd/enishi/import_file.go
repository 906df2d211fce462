package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// importFileCommand is enishi import FILE.
type importFileCommand struct {
	client
	Path     string `arg:"" help:"The file." type:"existingfile"`
	Mapping  string `help:"Name of a mapping (docs/mapping.md)." placeholder:"NAME"`
	Preset   string `help:"Name of a format that Enishi knows, such as eccube-orders. Without one and without a mapping it is recognised by the columns." placeholder:"NAME"`
	Source   string `help:"Name of the source that the events carry." placeholder:"NAME"`
	Live     bool   `help:"Events younger than a day act like any other. Without it all are history and nothing is sent."`
	Encoding string `help:"utf-8, utf-16, cp932 or euc-jp; recognised unless said." placeholder:"NAME"`
	DryRun   bool   `help:"Go through the file and say what would come, without taking anything in."`
	Quiet    bool   `help:"Print no progress."`
}

// importedFile is what the server says of an import.
type importedFile struct {
	ID       string
	State    string
	Received int64
	Rows     int64
	Total    int64
	Events   int64
	Rejected int64
	People   int64
	Created  int64
	Cheaper  int64
	Back     int64
	Left     int64
	Failure  *label
	Types    []struct {
		Type   string
		Events int64
	}
	Problems []struct {
		Line    int
		Columns []string
		Reason  label
	}
}

// importPart is how much of a file goes in one request.
const importPart = 4 << 20

// Run sends the file, waits, and says what came of it.
func (c *importFileCommand) Run(ctx context.Context, s streams) error {
	api := c.in(s)
	plan := map[string]any{"mapping": c.Mapping, "preset": c.Preset, "source": c.Source, "live": c.Live, "encoding": c.Encoding}
	job, err := c.upload(ctx, api)
	if err != nil {
		return err
	}
	if c.Mapping == "" && c.Preset == "" {
		if err := c.recognise(ctx, s, api, job.ID, plan); err != nil {
			return err
		}
	}
	plan["check"] = c.DryRun
	if err := api.call(ctx, "POST", "/imports/"+job.ID+"/start", plan, &job); err != nil {
		return err
	}
	for job.State == "running" || job.State == "checking" {
		if !c.Quiet {
			fmt.Fprintf(s.err, "\r%d of %d rows, %ds left   ", job.Rows, job.Total, job.Left)
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := api.call(ctx, "GET", "/imports/"+job.ID, nil, &job); err != nil {
			return err
		}
	}
	if !c.Quiet {
		fmt.Fprintln(s.err)
	}
	return c.report(s, &job)
}

func (c *importFileCommand) upload(ctx context.Context, api *client) (importedFile, error) {
	var job importedFile
	f, err := os.Open(c.Path)
	if err != nil {
		return job, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return job, err
	}
	if err := api.call(ctx, "POST", "/imports", map[string]any{"name": filepath.Base(c.Path), "size": info.Size()}, &job); err != nil {
		return job, err
	}
	part := make([]byte, importPart)
	for job.State == "receiving" {
		n, err := f.ReadAt(part, job.Received)
		if err != nil && !errors.Is(err, io.EOF) {
			return job, err
		}
		if err := api.call(ctx, "POST", "/imports/"+job.ID+"/part", map[string]any{"at": job.Received, "bytes": part[:n]}, &job); err != nil {
			return job, err
		}
	}
	return job, nil
}

// recognise chooses the format that the columns look like.
func (c *importFileCommand) recognise(ctx context.Context, s streams, api *client, id string, plan map[string]any) error {
	var preview struct {
		Format string
		Known  []struct {
			Name  string
			Title label
		}
	}
	if err := api.call(ctx, "POST", "/imports/"+id+"/preview", map[string]any{"bare": true, "rows": 1, "encoding": c.Encoding}, &preview); err != nil {
		return err
	}
	if preview.Format != "csv" {
		return nil // events as they are
	}
	if len(preview.Known) == 0 {
		return errors.New("the columns are of no known format: name a mapping (--mapping, docs/mapping.md) or a format (--preset)")
	}
	plan["preset"] = preview.Known[0].Name
	fmt.Fprintf(s.err, "%s: %s\n", preview.Known[0].Name, preview.Known[0].Title.in(s))
	return nil
}

func (c *importFileCommand) report(s streams, job *importedFile) error {
	if job.State != "done" && job.State != "checked" {
		if job.Failure != nil {
			return errors.New(job.Failure.in(s))
		}
		return fmt.Errorf("the import is %s", job.State)
	}
	word := "imported"
	if c.DryRun {
		word = "would import"
	}
	fmt.Fprintf(s.out, "%s %d events of %d people from %d rows, %d rejected\n", word, job.Events, job.People, job.Rows, job.Rejected)
	for _, t := range job.Types {
		fmt.Fprintf(s.out, "  %s\t%d\n", t.Type, t.Events)
	}
	if job.Created+job.Cheaper+job.Back > 0 {
		fmt.Fprintf(s.out, "  products: %d new, %d cheaper, %d back in stock\n", job.Created, job.Cheaper, job.Back)
	}
	for i, p := range job.Problems {
		if i == 20 {
			fmt.Fprintf(s.out, "  ... %d more\n", len(job.Problems)-i)
			break
		}
		column := ""
		if len(p.Columns) > 0 {
			column = p.Columns[0] + ": "
		}
		fmt.Fprintf(s.out, "  line %d: %s%s\n", p.Line, column, p.Reason.in(s))
	}
	if job.Rejected > 0 {
		fmt.Fprintf(s.out, "the rows to mend: GET /api/v1/imports/%s/rejects\n", job.ID)
	}
	return nil
}
