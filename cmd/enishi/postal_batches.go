package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"golang.org/x/text/encoding/japanese"
	"unicode/utf8"
)

// postalBatch is a batch as the server describes it.
type postalBatch struct {
	ID         string `json:"id"`
	State      string `json:"state"`
	StateLabel label  `json:"state_label"`
	Cutoff     time.Time
	Problem    label
	Tally      struct {
		Pieces, Ready, Rejected int
		LeftOut                 int `json:"left_out"`
	}
	Files []struct {
		Name, SHA256 string
	}
}

type postalBatchesCommand struct {
	client
	State string `help:"Only those in this state: collecting, closed, in_review, approved, exporting, exported, delivered, cancelled." placeholder:"STATE"`
}

// Run prints a line per batch: id, state, cut-off, pieces, those that will be printed, rejected, left out.
func (c *postalBatchesCommand) Run(ctx context.Context, s streams) error {
	var all struct{ Items []postalBatch }
	if err := c.in(s).call(ctx, "GET", "/postal/batches?limit=500&state="+url.QueryEscape(c.State), nil, &all); err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for i := range all.Items {
		b := &all.Items[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", b.ID, b.StateLabel.in(s), b.Cutoff.UTC().Format("2006-01-02T15:04Z"), b.Tally.Pieces, b.Tally.Ready, b.Tally.Rejected, b.Tally.LeftOut, b.Problem.in(s))
	}
	return w.Flush()
}

type postalExportCommand struct {
	client
	Batch  string        `arg:"" help:"Id of the batch: see enishi postal batches."`
	Out    string        `help:"Folder for the files; it is made when it is missing." default:"." type:"path"`
	Reason string        `help:"Why, for the history of the batch." default:"enishi postal export"`
	Wait   time.Duration `help:"How long to wait for the export." default:"10m"`
}

// Run exports an approved batch, or makes the files of an exported one again (they are the same, without whom was erased since), and
// fetches them. A file stands in the folder only when its bytes are those that the server recorded. Each is printed with its SHA-256.
func (c *postalExportCommand) Run(ctx context.Context, s streams) error {
	client := c.in(s)
	path := "/postal/batches/" + url.PathEscape(c.Batch)
	b, err := c.batch(ctx, client, path)
	if err != nil {
		return err
	}
	if b.State != "exporting" {
		if err := client.call(ctx, "POST", path+"/move", map[string]any{"move": "export", "reason": c.Reason}, nil); err != nil {
			return err
		}
		if b, err = c.batch(ctx, client, path); err != nil {
			return err
		}
	}
	until := time.Now().Add(c.Wait)
	for b.State != "exported" && b.State != "delivered" {
		if time.Now().After(until) {
			return fmt.Errorf("the batch %s is %s after %v: see its page, or ask again later", c.Batch, b.State, c.Wait)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
		if b, err = c.batch(ctx, client, path); err != nil {
			return err
		}
		if !slices.Contains([]string{"approved", "exporting", "exported", "delivered"}, b.State) {
			return fmt.Errorf("the batch %s is %s: %s", c.Batch, b.State, b.Problem.in(s))
		}
	}
	if err := os.MkdirAll(c.Out, 0o700); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	for _, f := range b.Files {
		if filepath.Base(f.Name) != f.Name || f.Name == "." || f.Name == ".." {
			return fmt.Errorf("the server names a file %q, which is no name", f.Name)
		}
		if err := c.fetch(ctx, client, path+"/files/"+url.PathEscape(f.Name), f.Name, f.SHA256); err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s  %s\n", f.SHA256, filepath.Join(c.Out, f.Name))
	}
	return nil
}

func (c *postalExportCommand) batch(ctx context.Context, client *client, path string) (*postalBatch, error) {
	var b postalBatch
	return &b, client.call(ctx, "GET", path, nil, &b)
}

// fetch writes a file beside its place and puts it there once it is whole. It holds addresses: only its owner may read it.
func (c *postalExportCommand) fetch(ctx context.Context, client *client, path, name, sum string) error {
	f, err := os.CreateTemp(c.Out, "."+name+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer os.Remove(f.Name()) // gone when it was put in its place
	h := sha256.New()
	err = client.send(ctx, "GET", path, nil, func(answer *http.Response) error {
		_, err := io.Copy(io.MultiWriter(f, h), answer.Body)
		return err
	})
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("fetch %s: %w", name, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != sum {
		return fmt.Errorf("fetch %s: its SHA-256 is %s, the server recorded %s: fetch it again", name, got, sum)
	}
	if err := os.Rename(f.Name(), filepath.Join(c.Out, name)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

type postalReturnsCommand struct {
	client
	File string `arg:"" help:"The codes, or - for the standard input (a scanner)."`
}

// Run prints a line for each that was not taken, then how many were taken, known already, and not. Codes that are none of ours are
// no failure: a pile of returned mail has those of others in it.
func (c *postalReturnsCommand) Run(ctx context.Context, s streams) error {
	text, err := readCodes(c.File, s)
	if err != nil {
		return err
	}
	var got struct {
		Taken, Known, Unknown, Foreign, Erased int
		Lines                                  []struct {
			Line       int
			Text       string
			State      string
			StateLabel label `json:"state_label"`
		}
	}
	if err := c.in(s).call(ctx, "POST", "/postal/returns", map[string]any{"lines": text}, &got); err != nil {
		return err
	}
	for _, l := range got.Lines {
		if l.State != "taken" {
			fmt.Fprintf(s.out, "%d\t%s\t%s\n", l.Line, l.Text, l.StateLabel.in(s))
		}
	}
	form := "taken %d, known already %d, unknown %d, of others %d, erased %d\n"
	if s.japanese() {
		form = "登録 %d、登録済み %d、不明 %d、他社 %d、消去済み %d\n"
	}
	_, err = fmt.Fprintf(s.out, form, got.Taken, got.Known, got.Unknown, got.Foreign, got.Erased)
	return err
}

// readCodes reads a file of a till or a scanner, which may be in Shift_JIS.
func readCodes(name string, s streams) (string, error) {
	r := s.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", fmt.Errorf("read the codes: %w", err)
		}
		defer f.Close()
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, 8<<20))
	if err != nil {
		return "", fmt.Errorf("read the codes: %w", err)
	}
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(b) {
		if b, err = japanese.ShiftJIS.NewDecoder().Bytes(b); err != nil {
			return "", fmt.Errorf("read %s: neither UTF-8 nor Shift_JIS", name)
		}
	}
	return string(b), nil
}

type postalZipTableCommand struct {
	client
	File string `arg:"" type:"existingfile" help:"utf_ken_all.csv, KEN_ALL.CSV or JIGYOSYO.CSV, or the zip it comes in."`
}

// Run sends the file and prints what it is and how many places it has.
func (c *postalZipTableCommand) Run(ctx context.Context, s streams) error {
	data, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("read the table: %w", err)
	}
	var got struct {
		Label  label
		Places int
	}
	if err := c.in(s).call(ctx, "PUT", "/postal/zip-table", map[string]any{"name": filepath.Base(c.File), "data": data}, &got); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s\t%d\n", got.Label.in(s), got.Places)
	return err
}
