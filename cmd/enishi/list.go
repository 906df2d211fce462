package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

type listCommand struct {
	Ls       listLsCommand       `cmd:"" help:"Print all static lists."`
	Show     listShowCommand     `cmd:"" help:"Print who filled a list, when, why and with how many."`
	Add      listAddCommand      `cmd:"" help:"Put people on a list by their ids, of a file or the standard input."`
	Remove   listRemoveCommand   `cmd:"" help:"Take people off a list by their ids."`
	Snapshot listSnapshotCommand `cmd:"" help:"Put everybody on a list who is in a segment now."`
	Top      listTopCommand      `cmd:"" help:"Put the people with the greatest measure on a list."`
	Random   listRandomCommand   `cmd:"" help:"Put people of a segment on a list at random; the same seed chooses the same people."`
}

// staticList is a list as the server describes it.
type staticList struct {
	Name      string                  `json:"name"`
	Title     struct{ JA, EN string } `json:"title"`
	Members   int64                   `json:"members"`
	UpdatedAt time.Time               `json:"updated_at"`
	UsedIn    []string                `json:"used_in"`
}

func (l *staticList) line(s streams) string {
	title := l.Title.EN
	if s.japanese() {
		title = l.Title.JA
	}
	return fmt.Sprintf("%s\t%s\t%d\t%s", l.Name, title, l.Members, strings.Join(l.UsedIn, ","))
}

type listLsCommand struct{ client }

// Run prints a line per list: name, title, people, and what names it.
func (c *listLsCommand) Run(ctx context.Context, s streams) error {
	var all struct{ Items []staticList }
	if err := c.in(s).call(ctx, "GET", "/lists", nil, &all); err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for i := range all.Items {
		fmt.Fprintln(w, all.Items[i].line(s))
	}
	return w.Flush()
}

type listShowCommand struct {
	client
	Name string `arg:"" help:"The list."`
}

// Run prints the list and its fillings, newest first.
func (c *listShowCommand) Run(ctx context.Context, s streams) error {
	var l staticList
	path := "/lists/" + url.PathEscape(c.Name)
	if err := c.in(s).call(ctx, "GET", path, nil, &l); err != nil {
		return err
	}
	var done struct {
		Items []struct {
			At               time.Time
			Actor, Reason    string
			Action, Source   string
			Changed, Already int
			NotFound         int `json:"not_found"`
		}
	}
	if err := c.in(s).call(ctx, "GET", path+"/fillings", nil, &done); err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, l.line(s))
	for _, f := range done.Items {
		fmt.Fprintf(w, "%s\t%s %s\t%d\t%d\t%d\t%s\t%s\n", f.At.Format(time.RFC3339), f.Action, f.Source, f.Changed, f.Already, f.NotFound, f.Actor, f.Reason)
	}
	return w.Flush()
}

// filling is what the commands that fill a list have in common.
type filling struct {
	client
	Reason string `help:"Why; kept with who and how many." default:"enishi list" placeholder:"TEXT"`
	Name   string `arg:"" help:"The list."`
}

// maxIDs bounds the ids of one filling, in bytes: what the server takes.
const maxIDs = 20_000_000

// fill sends a filling and prints what it did: how many were changed, how many already were so, and each id that was not found.
func (c *filling) fill(ctx context.Context, s streams, body map[string]any) error {
	body["reason"] = c.Reason
	var done struct {
		Changed, Already int
		NotFound         []struct {
			Line    int
			ID, Why string
		} `json:"not_found"`
	}
	if err := c.in(s).call(ctx, "POST", "/lists/"+url.PathEscape(c.Name)+"/fill", body, &done); err != nil {
		return err
	}
	w := [4]string{"changed", "already", "not found", "line %d: %s: %s\n"}
	why := map[string]string{"unknown": "nobody has it", "several": "several people have it"}
	if s.japanese() {
		w = [4]string{"変更", "変更なし", "見つからない", "%d 行目: %s: %s\n"}
		why = map[string]string{"unknown": "該当者なし", "several": "複数の人が該当"}
	}
	fmt.Fprintf(s.out, "%s: %d\n%s: %d\n%s: %d\n", w[0], done.Changed, w[1], done.Already, w[2], len(done.NotFound))
	for _, x := range done.NotFound {
		fmt.Fprintf(s.err, w[3], x.Line, x.ID, why[x.Why])
	}
	return nil
}

type listIDs struct {
	filling
	Upload string `help:"Names this filling: repeated with the same name it changes nothing more." placeholder:"NAME"`
	File   string `arg:"" help:"Ids (mail, phone, customer, LINE or profile), one per line, or CSV with a head; - is the standard input."`
}

func (c *listIDs) send(ctx context.Context, s streams, action string) error {
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return fmt.Errorf("read ids: %w", err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxIDs+1))
	switch {
	case err != nil:
		return fmt.Errorf("read ids: %w", err)
	case len(text) > maxIDs:
		return fmt.Errorf("read ids: more than %d bytes: fill the list in parts", maxIDs)
	case len(strings.TrimSpace(string(text))) == 0:
		return fmt.Errorf("read ids: there are none")
	}
	return c.fill(ctx, s, map[string]any{"action": action, "ids": string(text), "upload": c.Upload})
}

type listAddCommand struct{ listIDs }

// Run puts them on.
func (c *listAddCommand) Run(ctx context.Context, s streams) error { return c.send(ctx, s, "add") }

type listRemoveCommand struct{ listIDs }

// Run takes them off.
func (c *listRemoveCommand) Run(ctx context.Context, s streams) error {
	return c.send(ctx, s, "remove")
}

type listSnapshotCommand struct {
	filling
	Segment string `arg:"" help:"A saved segment."`
}

// Run takes the people over.
func (c *listSnapshotCommand) Run(ctx context.Context, s streams) error {
	return c.fill(ctx, s, map[string]any{"action": "add", "segment": c.Segment})
}

type listTopCommand struct {
	filling
	N       int    `arg:"" help:"How many people."`
	Measure string `arg:"" help:"An expression of a number or an instant, such as ltv."`
	Among   string `help:"Of whom: a condition." placeholder:"EXPR"`
}

// Run takes the people over.
func (c *listTopCommand) Run(ctx context.Context, s streams) error {
	return c.fill(ctx, s, map[string]any{"action": "add", "measure": c.Measure, "among": c.Among, "n": c.N})
}

type listRandomCommand struct {
	filling
	N       int    `arg:"" help:"How many people."`
	Segment string `arg:"" help:"A saved segment."`
	Seed    string `help:"Of the choice." placeholder:"TEXT"`
}

// Run takes the people over.
func (c *listRandomCommand) Run(ctx context.Context, s streams) error {
	if c.N < 1 {
		return fmt.Errorf("give a number of people, at least 1")
	}
	return c.fill(ctx, s, map[string]any{"action": "add", "segment": c.Segment, "n": c.N, "seed": c.Seed})
}
