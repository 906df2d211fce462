package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"
)

type audienceCommand struct {
	List        audienceListCommand        `cmd:"" help:"Show the audiences at advertising platforms, and how they stand."`
	Show        audienceShowCommand        `cmd:"" help:"Show one: numbers, who is left out and why, its runs."`
	Sync        audienceSyncCommand        `cmd:"" help:"Run one now, or tell what a run would do (--dry-run)."`
	Uploaded    audienceUploadedCommand    `cmd:"" help:"Say that its files were uploaded by hand, at platforms that take no list from us (line_ads)."`
	Disclosures audienceDisclosuresCommand `cmd:"" help:"Show whom a person's identifiers were handed to (第三者提供の記録)."`
}

// words are a text in both languages.
type words struct{ JA, EN string }

func (w words) in(s streams) string {
	if s.japanese() {
		return w.JA
	}
	return w.EN
}

type audienceProblem struct {
	Class, Code string
	Text        words
	Until       time.Time
}

type audienceLeftOut struct {
	Label words
	Count int
}

// shownAudience is what the commands show of an audience.
type shownAudience struct {
	Name, Platform   string
	Body             struct{ Title, Segment, Destination string }
	DestinationTitle string `json:"destination_title"`
	State            string
	StateLabel       words `json:"state_label"`
	Wanted           int
	InList           int `json:"in_list"`
	Matched          *int
	Rejected         int
	Unnamed          int
	LeftOut          []audienceLeftOut `json:"left_out"`
	Problem          *audienceProblem
	LastAt           time.Time `json:"last_at"`
	NextAt           time.Time `json:"next_at"`
	Remote           string
	Upload           *struct {
		Files     string
		WrittenAt time.Time `json:"written_at"`
		Due       bool
		Left      int
		Uploads   []struct {
			At    time.Time
			Actor string
		}
	}
	Runs []struct {
		BeganAt                    time.Time `json:"began_at"`
		EndedAt                    time.Time `json:"ended_at"`
		Wanted, Added, Removed     int
		Refreshed, Rejected, Calls int
		Problem                    *audienceProblem
	}
}

func audiencePath(name, act string) string { return "/audiences/" + url.PathEscape(name) + act }

// matched is a number that not every platform tells.
func (x *shownAudience) matched() string {
	if x.Matched == nil {
		return "-"
	}
	return fmt.Sprint(*x.Matched)
}

func instant(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.RFC3339)
}

type audienceListCommand struct{ client }

// Run lists the audiences.
func (c *audienceListCommand) Run(ctx context.Context, s streams) error {
	var list struct{ Items []shownAudience }
	if err := c.in(s).call(ctx, "GET", "/audiences", nil, &list); err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "name\tstate\tsegment\taccount\tplatform\twanted\tin list\tmatched\trejected\tlast run")
	for i := range list.Items {
		x := &list.Items[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\t%d\t%s\n", x.Name, x.State, x.Body.Segment, x.Body.Destination, x.Platform, x.Wanted, x.InList, x.matched(), x.Rejected, instant(x.LastAt))
	}
	return w.Flush()
}

type audienceShowCommand struct {
	client
	Name string `arg:"" help:"Name of the audience."`
}

// Run shows one audience.
func (c *audienceShowCommand) Run(ctx context.Context, s streams) error {
	var x shownAudience
	if err := c.in(s).call(ctx, "GET", audiencePath(c.Name, ""), nil, &x); err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	rejected := fmt.Sprint(x.Rejected)
	if x.Unnamed > 0 {
		rejected += fmt.Sprintf(" (the platform does not say who %d of them are)", x.Unnamed)
	}
	fmt.Fprintf(w, "title\t%s\nsegment\t%s\naccount\t%s (%s)\nstate\t%s, %s\nwanted\t%d\nin list\t%d\nmatched\t%s\nrejected\t%s\nlast run\t%s\nnext run\t%s\n", x.Body.Title, x.Body.Segment, x.DestinationTitle, x.Platform,
		x.State, x.StateLabel.in(s), x.Wanted, x.InList, x.matched(), rejected, instant(x.LastAt), instant(x.NextAt))
	if x.Remote != "" {
		fmt.Fprintf(w, "id there\t%s\n", x.Remote)
	}
	if p := x.Problem; p != nil {
		fmt.Fprintf(w, "problem\t%s\n", p.Text.in(s))
		if !p.Until.IsZero() {
			fmt.Fprintf(w, "next try\t%s\n", instant(p.Until))
		}
	}
	if u := x.Upload; u != nil {
		fmt.Fprintf(w, "files\t%s, written %s\n", u.Files, instant(u.WrittenAt))
		if u.Due {
			fmt.Fprintf(w, "to upload\tthese files; %d people left since the last ones: enishi audience uploaded %s\n", u.Left, x.Name)
		}
		for _, done := range u.Uploads {
			fmt.Fprintf(w, "uploaded\t%s, %s\n", instant(done.At), done.Actor)
		}
	}
	printLeftOut(w, s, x.LeftOut)
	if err := w.Flush(); err != nil || len(x.Runs) == 0 {
		return err
	}
	w = tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nbegan\tended\twanted\tadded\tremoved\ttold again\trejected\tcalls\tproblem")
	for i := range x.Runs[:min(len(x.Runs), 20)] {
		r := &x.Runs[i]
		problem := "-"
		if r.Problem != nil {
			problem = strings.TrimSpace(r.Problem.Class + " " + r.Problem.Code)
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", instant(r.BeganAt), instant(r.EndedAt), r.Wanted, r.Added, r.Removed, r.Refreshed, r.Rejected, r.Calls, problem)
	}
	return w.Flush()
}

func printLeftOut(w *tabwriter.Writer, s streams, list []audienceLeftOut) {
	for _, l := range list {
		fmt.Fprintf(w, "left out\t%d, %s\n", l.Count, l.Label.in(s))
	}
}

type audienceSyncCommand struct {
	client
	Name   string `arg:"" help:"Name of the audience."`
	DryRun bool   `help:"Tell who would be added, taken out and left out; nothing is sent."`
}

// Run asks for a run, or tries one.
func (c *audienceSyncCommand) Run(ctx context.Context, s streams) error {
	api := c.in(s)
	if c.DryRun {
		return c.try(ctx, s, api)
	}
	if err := api.call(ctx, "POST", audiencePath(c.Name, "/sync"), nil, nil); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.out, "asked for a run; enishi audience show %s tells how it goes\n", c.Name)
	return err
}

func (c *audienceSyncCommand) try(ctx context.Context, s streams, api *client) error {
	var x struct{ Body map[string]any }
	if err := api.call(ctx, "GET", audiencePath(c.Name, ""), nil, &x); err != nil {
		return err
	}
	var f struct {
		Wanted, Add, Remove, Refresh, Calls int
		LeftOut                             []audienceLeftOut `json:"left_out"`
		Rebuild                             bool
		Some                                []struct {
			Person, Name, What string
			Reason             words
			Keys               []string
		}
	}
	if err := api.call(ctx, "POST", "/audiences/try", map[string]any{"name": c.Name, "body": x.Body}, &f); err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "wanted\t%d\nadd\t%d\nremove\t%d\ntell again\t%d\n", f.Wanted, f.Add, f.Remove, f.Refresh)
	printLeftOut(w, s, f.LeftOut)
	if f.Rebuild {
		fmt.Fprintln(w, "list\ta new one takes the place of the old one")
	}
	fmt.Fprintf(w, "calls\t%d\n", f.Calls)
	if err := w.Flush(); err != nil || len(f.Some) == 0 {
		return err
	}
	w = tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nwhat\tperson\tname\twhy\tidentifiers")
	for _, p := range f.Some {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.What, p.Person, p.Name, p.Reason.in(s), strings.Join(p.Keys, " "))
	}
	return w.Flush()
}

type audienceUploadedCommand struct {
	client
	Name string `arg:"" help:"Name of the audience."`
}

// Run records that the newest files were uploaded.
func (c *audienceUploadedCommand) Run(ctx context.Context, s streams) error {
	api := c.in(s)
	if err := api.call(ctx, "POST", audiencePath(c.Name, "/uploaded"), nil, nil); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.out, "noted; enishi audience show %s lists the uploads\n", c.Name)
	return err
}

type audienceDisclosuresCommand struct {
	client
	Person string `arg:"" help:"Profile id (also of somebody who was erased), customer id, e-mail address or phone number."`
}

// Run shows whom identifiers of a person were handed to.
func (c *audienceDisclosuresCommand) Run(ctx context.Context, s streams) error {
	api := c.in(s)
	id, _, err := api.person(ctx, c.Person)
	if err != nil {
		return err
	}
	var list struct {
		Items []struct {
			At                                               time.Time
			Audience, Recipient, Country, Basis, Purpose, Op string
			Items                                            []string
		}
	}
	if err := api.call(ctx, "GET", "/people/"+url.PathEscape(id)+"/disclosures", nil, &list); err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "at\twhat\trecipient\tcountry\tground\tpermission\tidentifiers\taudience")
	for _, x := range list.Items {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", instant(x.At), x.Op, x.Recipient, x.Country, x.Basis, x.Purpose, strings.Join(x.Items, " "), x.Audience)
	}
	return w.Flush()
}
