package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

type moveInCommand struct {
	client
	Dir          string            `arg:"" help:"Folder with the files of the export." type:"existingdir"`
	From         string            `help:"The tool: klaviyo, karte, mailchimp or salesforce." required:"" enum:"klaviyo,karte,mailchimp,salesforce"`
	NoStops      bool              `name:"no-suppressions" help:"The tool has no suppressions at all: nobody unsubscribed, bounced or complained. Without this word a move without them does not begin."`
	LineProvider string            `help:"Provider of LINE user ids whose file names none; the workspace's own unless said." placeholder:"NAME"`
	File         map[string]string `help:"What a file is, as NAME=PRESET; NAME=- leaves it out." placeholder:"NAME=PRESET"`
	DryRun       bool              `help:"Show what would be taken, and begin nothing."`
	Quiet        bool              `help:"Print no progress."`
}

// movePiece is how much of a file goes in a request.
const movePiece = 2 << 20

// moveState is what the command reads of a move.
type moveState struct {
	ID, State     string
	Stop, Problem *struct{ EN, JA string }
	Rows, Of      int
	People        int
	Suppressed    int
	Overruled     int
	Consents      []struct {
		Channel struct{ EN, JA string }
		In, Out int
	}
	Files []struct {
		Name, Preset string
		Of           int
		Taken        int
		Refused      int
		Problem      *struct{ EN, JA string }
		Reasons      []struct {
			Text  struct{ EN, JA string }
			Count int
			Lines []int
		}
	}
	After *struct {
		Waiting  int64
		Journeys int
		Reach    []struct {
			Channel struct{ EN, JA string }
			People  int64
		}
	}
}

// Run moves in, and says what came and what did not.
func (c *moveInCommand) Run(ctx context.Context, s streams) error {
	c.client = *c.in(s)
	var m moveState
	if err := c.call(ctx, "POST", "/moves", map[string]any{"from": c.From}, &m); err != nil {
		return err
	}
	began := false
	defer func() {
		if !began { // a draft holds people: it does not stay behind
			_ = c.call(context.WithoutCancel(ctx), "DELETE", "/moves/"+m.ID, nil, nil)
		}
	}()
	if err := c.bring(ctx, m.ID, s.err); err != nil {
		return err
	}
	if err := c.call(ctx, "PUT", "/moves/"+m.ID, map[string]any{"no_suppressions": c.NoStops, "line_provider": c.LineProvider, "presets": c.File}, &m); err != nil {
		return err
	}
	for _, f := range m.Files {
		what := f.Preset
		if f.Problem != nil {
			what = "- (" + c.words(f.Problem.EN, f.Problem.JA) + ")"
		} else if what == "" {
			what = "-"
		}
		fmt.Fprintf(s.out, "%s\t%d\t%s\n", f.Name, f.Of, what)
	}
	if m.Stop != nil {
		return errors.New(c.words(m.Stop.EN, m.Stop.JA))
	}
	if c.DryRun {
		return nil
	}
	if err := c.call(ctx, "POST", "/moves/"+m.ID+"/start", nil, &m); err != nil {
		return err
	}
	began = true
	for m.State == "running" {
		if !c.Quiet {
			fmt.Fprintf(s.err, "\r%d / %d   ", m.Rows, m.Of)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
		if err := c.call(ctx, "GET", "/moves/"+m.ID, nil, &m); err != nil {
			return err
		}
	}
	if !c.Quiet {
		fmt.Fprintln(s.err)
	}
	return c.told(&m, s.out)
}

func (c *moveInCommand) words(en, ja string) string {
	if c.language == "ja" {
		return ja
	}
	return en
}

// bring sends the files of the folder piece by piece.
func (c *moveInCommand) bring(ctx context.Context, id string, progress io.Writer) error {
	list, err := os.ReadDir(c.Dir)
	if err != nil {
		return err
	}
	sent := 0
	for _, f := range list {
		ext := strings.ToLower(filepath.Ext(f.Name()))
		if f.IsDir() || ext != ".csv" && ext != ".tsv" && ext != ".txt" {
			continue
		}
		sent++
		if !c.Quiet {
			fmt.Fprintln(progress, f.Name())
		}
		if err := c.bringFile(ctx, id, f.Name()); err != nil {
			return err
		}
	}
	if sent == 0 {
		return fmt.Errorf("there is no CSV file in %s", c.Dir)
	}
	return nil
}

func (c *moveInCommand) bringFile(ctx context.Context, id, name string) error {
	in, err := os.Open(filepath.Join(c.Dir, name))
	if err != nil {
		return err
	}
	defer in.Close()
	piece := make([]byte, movePiece)
	for offset := int64(0); ; {
		n, err := io.ReadFull(in, piece)
		if n > 0 || offset == 0 {
			if err := c.call(ctx, "POST", "/moves/"+id+"/files", map[string]any{"name": name, "offset": offset, "data": piece[:n]}, nil); err != nil {
				return err
			}
			offset += int64(n)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
}

// told prints what came and what did not.
func (c *moveInCommand) told(m *moveState, out io.Writer) error {
	for _, f := range m.Files {
		if f.Preset == "" {
			continue
		}
		fmt.Fprintf(out, c.words("%s: %d of %d rows taken, %d to look at\n", "%s: %d / %d 行を取込、%d 行は要確認\n"), f.Name, f.Taken, f.Of, f.Refused)
		for _, r := range f.Reasons {
			fmt.Fprintf(out, "  ×%d %s %v\n", r.Count, c.words(r.Text.EN, r.Text.JA), r.Lines)
		}
	}
	fmt.Fprintf(out, c.words("%d people, %d addresses refuse, %d permissions not taken as the address refuses\n", "顧客 %d 人、配信停止 %d 件、停止を優先して取り込まなかった許可 %d 件\n"), m.People, m.Suppressed, m.Overruled)
	for _, x := range m.Consents {
		fmt.Fprintf(out, c.words("  %s: %d allow, %d refuse\n", "  %s: 許可 %d、停止 %d\n"), c.words(x.Channel.EN, x.Channel.JA), x.In, x.Out)
	}
	if m.State != "done" {
		if m.Problem != nil {
			return errors.New(c.words(m.Problem.EN, m.Problem.JA))
		}
		return errors.New(c.words("the move has ended: "+m.State, "移行は終わりました: "+m.State))
	}
	if m.After != nil {
		fmt.Fprintf(out, c.words("Sending is off. Turned on, %d messages that wait go, and %d journeys go on.\n", "送信は停止中です。再開すると、待っている %d 通と、公開中のジャーニー %d 件が動きます。\n"), m.After.Waiting, m.After.Journeys)
	}
	fmt.Fprintln(out, c.words("Look at the report, then: enishi sending on", "報告を確かめてから: enishi sending on"))
	return nil
}
