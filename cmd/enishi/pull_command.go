package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"text/tabwriter"
	"time"
)

// pullCommand is enishi pull [NAME].
type pullCommand struct {
	client
	Name   string        `arg:"" optional:"" help:"Name of the pull; without one all are listed."`
	DryRun bool          `help:"Say what would be taken, and what of the oldest new file would come, without taking anything."`
	Wait   time.Duration `help:"How long to wait for the end." default:"1h"`
}

// pulledFile is a file that came, or would.
type pulledFile struct {
	Name, State            string
	Events, Rejected, Rows int64
	Rejects                string
	TakenAt                time.Time `json:"taken_at"`
	Failure                *label
}

// pulling is a pull as the server describes it.
type pulling struct {
	Name, State string
	Title       label
	Body        struct{ Place, Pattern string }
	Look        *struct {
		At, Next                       time.Time
		Run                            string
		Found, Taken, Waiting, Refused int
		Problem                        *label
	}
	Files []pulledFile
}

// Run lists the pulls, tries one, or looks now and waits for what comes.
func (c *pullCommand) Run(ctx context.Context, s streams) error {
	api := c.in(s)
	if c.Name == "" {
		return c.list(ctx, s, api)
	}
	path := "/file-pulls/" + url.PathEscape(c.Name)
	if c.DryRun {
		return c.try(ctx, s, api)
	}
	begun := time.Now().Add(-time.Second)
	var asked struct {
		RequestID string `json:"request_id"`
	}
	if err := api.call(ctx, "POST", path+"/run", nil, &asked); err != nil {
		return err
	}
	var p pulling
	for p.Look == nil || p.Look.Run != asked.RequestID {
		if time.Since(begun) > c.Wait {
			return errors.New("it still runs: ask again with enishi pull")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
		p = pulling{}
		if err := api.call(ctx, "GET", path, nil, &p); err != nil {
			return err
		}
	}
	if p.Look.Problem != nil {
		return errors.New(p.Look.Problem.in(s))
	}
	for _, f := range p.Files {
		if f.TakenAt.Before(p.Look.At.Add(-time.Second)) {
			break
		}
		c.print(s, &f)
	}
	fmt.Fprintf(s.out, "%d files, %d taken, %d still written, %d refused\n", p.Look.Found, p.Look.Taken, p.Look.Waiting, p.Look.Refused)
	if p.Look.Refused > 0 {
		return errors.New("files were refused: see why above, or on their page")
	}
	return nil
}

func (c *pullCommand) print(s streams, f *pulledFile) {
	fmt.Fprintf(s.out, "%s\t%s\t%d events of %d rows, %d rejected", f.Name, f.State, f.Events, f.Rows, f.Rejected)
	if f.Rejects != "" {
		fmt.Fprintf(s.out, " (%s)", f.Rejects)
	}
	if f.Failure != nil {
		fmt.Fprintf(s.out, ": %s", f.Failure.in(s))
	}
	fmt.Fprintln(s.out)
}

func (c *pullCommand) list(ctx context.Context, s streams, api *client) error {
	var all struct{ Items []pulling }
	if err := api.call(ctx, "GET", "/file-pulls", nil, &all); err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "name\tplace\tfiles\tstate\tlast\tnext")
	for i := range all.Items {
		p := &all.Items[i]
		last, next := "-", "-"
		if p.Look != nil {
			last, next = p.Look.At.Format(time.RFC3339), p.Look.Next.Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", p.Name, p.Body.Place, p.Body.Pattern, p.State, last, next)
	}
	return w.Flush()
}

// try goes through the oldest file that is new.
func (c *pullCommand) try(ctx context.Context, s streams, api *client) error {
	var found struct {
		Files  []pulledFile
		Import *importedFile
	}
	if err := api.call(ctx, "POST", "/file-pulls/try", map[string]any{"name": c.Name}, &found); err != nil {
		return err
	}
	oldest := ""
	for _, f := range found.Files {
		fmt.Fprintf(s.out, "%s\t%s\n", f.Name, f.State)
		if oldest == "" && f.State == "new" {
			oldest = f.Name
		}
	}
	if oldest == "" {
		fmt.Fprintln(s.out, "nothing new")
		return nil
	}
	if err := api.call(ctx, "POST", "/file-pulls/try", map[string]any{"name": c.Name, "file": oldest}, &found); err != nil {
		return err
	}
	job := found.Import
	defer func() { _ = api.call(context.WithoutCancel(ctx), "DELETE", "/imports/"+job.ID, nil, nil) }()
	for job.State == "receiving" || job.State == "ready" || job.State == "checking" {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
		if err := api.call(ctx, "GET", "/imports/"+job.ID, nil, job); err != nil {
			return err
		}
	}
	report := importFileCommand{DryRun: true}
	return report.report(s, job)
}
