package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"enishi"
	"enishi/api"
	"enishi/channels/dm/postal"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
)

// buildPost makes the channel of post and what works at its batches.
func (w *workspace) buildPost() error {
	c := &w.cfg.Postal
	dir := c.Dir
	if dir == "" {
		dir = filepath.Join(w.cfg.Data, "postal")
	}
	targets := map[string]postal.Target{}
	for name, t := range c.Targets {
		x := postal.Target{Dir: t.Dir, Password: t.FilePassword, Age: t.Age}
		if t.SFTP != "" {
			x.SFTP = &postal.SFTP{Addr: t.SFTP, User: t.User, Password: t.Password, HostKey: t.HostKey, Dir: t.Folder}
			if t.Key != "" {
				key, err := os.ReadFile(t.Key)
				if err != nil {
					return fmt.Errorf("config: postal.targets.%s.key: %w", name, err)
				}
				x.SFTP.Key = key
			}
		}
		targets[name] = x
	}
	partitions := w.stream.Partitions(enishi.TopicEvents)
	people := api.PostalPeople{Store: w.store, Partitions: partitions, Resolve: func(id enishi.ID) enishi.ID { return w.ingester.Graph().Resolve(id) }, Now: w.shopClock}
	zone := (&shopZone{definitions: w.definitions}).location
	var err error
	w.post, err = postal.New(postal.Config{DB: w.db, Stream: w.stream, Definitions: w.definitions, People: people.Load, Append: func(ctx context.Context, events []enishi.Event) error {
		recs := make([]stream.Record, len(events))
		for i := range events {
			recs[i] = pipeline.EventRecord(&events[i], partitions, w.shopClock())
		}
		return w.stream.Append(ctx, recs)
	}, Key: derive(w.secret, "pieces of post"), Base: w.base, Dir: filepath.Join(dir, w.name), Targets: targets, Image: api.ImageReader(w.db), Fonts: c.Fonts, Zone: zone, Now: w.shopClock, Log: w.log})
	if err != nil {
		return err
	}
	w.postIn = postal.NewChannel(w.post.Pieces, w.post.Settings, zone, w.shopClock)
	return nil
}

type postalBatchesCommand struct {
	client
	State string `help:"Only batches in this state: collecting, closed, in_review, approved, exporting, exported, delivered, cancelled." placeholder:"STATE"`
}

// Run lists batches, the newest cut-off first.
func (c *postalBatchesCommand) Run(ctx context.Context, s streams) error {
	var list struct {
		Items []struct {
			ID, State string
			Cutoff    time.Time
			Tally     struct {
				Pieces, Ready, Rejected, LeftOut int
				Cost                             struct{ Amount string }
			}
		}
	}
	if err := c.in(s).call(ctx, "GET", "/postal/batches?state="+url.QueryEscape(c.State), nil, &list); err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "batch\tstate\tcut-off\tpieces\tready\trejected\tcost")
	for _, b := range list.Items {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%s\n", b.ID, b.State, b.Cutoff.Format(time.RFC3339), b.Tally.Pieces, b.Tally.Ready, b.Tally.Rejected, b.Tally.Cost.Amount)
	}
	return w.Flush()
}

type postalExportCommand struct {
	client
	Batch string `arg:"" help:"Batch, as enishi postal batches names it."`
	Out   string `help:"Folder for the files." default:"." placeholder:"DIR"`
}

// Run exports an approved batch, or one that was exported before, and fetches its files, the manifest last.
func (c *postalExportCommand) Run(ctx context.Context, s streams) error {
	cl := c.in(s)
	path := "/postal/batches/" + url.PathEscape(c.Batch)
	var b struct {
		State   string
		Problem struct{ JA, EN string }
		Files   []struct{ Name, SHA256 string }
	}
	if err := cl.call(ctx, "GET", path, nil, &b); err != nil {
		return err
	}
	if b.State != postal.Exporting {
		if err := cl.call(ctx, "POST", path+"/move", map[string]string{"move": postal.MoveExport, "reason": "enishi postal export"}, nil); err != nil {
			return err
		}
	}
	for {
		if err := cl.call(ctx, "GET", path, nil, &b); err != nil {
			return err
		}
		if b.State == postal.Exported || b.State == postal.Delivered {
			break
		}
		if b.State != postal.Exporting {
			return fmt.Errorf("the batch is %s: %s", b.State, b.Problem.EN)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	for _, f := range b.Files {
		name := filepath.Join(c.Out, filepath.Base(f.Name))
		err := cl.send(ctx, "GET", path+"/files/"+url.PathEscape(f.Name), nil, func(answer *http.Response) error {
			return postal.WriteWhole(name, func(w io.Writer) error {
				_, err := io.Copy(w, answer.Body)
				return err
			})
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s  %s\n", f.SHA256, name)
	}
	return nil
}

type postalReturnsCommand struct {
	client
	File string `arg:"" help:"Scanned codes, one a line, or CSV with code, reason and date; - reads the standard input."`
}

// Run takes returned pieces in.
func (c *postalReturnsCommand) Run(ctx context.Context, s streams) error {
	text, err := readInput(c.File, s)
	if err != nil {
		return err
	}
	var out struct {
		Taken, Known, Unknown, Foreign, Erased int
		Lines                                  []struct {
			Line  int
			Text  string
			State string
		}
	}
	if err := c.in(s).call(ctx, "POST", "/postal/returns", map[string]string{"lines": string(text)}, &out); err != nil {
		return err
	}
	for _, l := range out.Lines {
		if l.State != postal.ReturnTaken {
			fmt.Fprintf(s.out, "line %d: %s: %s\n", l.Line, l.Text, l.State)
		}
	}
	fmt.Fprintf(s.out, "taken %d, known %d, unknown %d, foreign %d, erased %d\n", out.Taken, out.Known, out.Unknown, out.Foreign, out.Erased)
	return nil
}

type postalZipTableCommand struct {
	client
	File string `arg:"" help:"utf_ken_all.csv, KEN_ALL.CSV or JIGYOSYO.CSV of Japan Post, or the zip that it comes in."`
}

// Run imports Japan Post's postal codes.
func (c *postalZipTableCommand) Run(ctx context.Context, s streams) error {
	data, err := readInput(c.File, s)
	if err != nil {
		return err
	}
	var f struct {
		Kind   string
		Places int
	}
	if err := c.in(s).call(ctx, "PUT", "/postal/zip-table", map[string]any{"name": filepath.Base(c.File), "data": data}, &f); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s: %d postal codes\n", f.Kind, f.Places)
	return err
}

func readInput(name string, s streams) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(s.in)
	}
	return os.ReadFile(name)
}
