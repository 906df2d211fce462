package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"enishi/ingest/shopify"
)

type sourcesCommand struct{ client }

// Run prints the sources of the configuration and how they are.
func (c *sourcesCommand) Run(ctx context.Context, s streams) error {
	var list struct {
		Items []struct {
			Name, Kind, Path string
			State            struct {
				Calls, Refused, Forged int64
				LastAt                 time.Time `json:"last_at"`
			}
			Pull *shopify.Pull
		}
	}
	if err := c.call(ctx, "GET", "/connections", nil, &list); err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "name\tkind\taddress\tcalls\trefused\tforged\tlast\thistory")
	for _, x := range list.Items {
		last, history := "-", "-"
		if !x.State.LastAt.IsZero() {
			last = x.State.LastAt.Format(time.RFC3339)
		}
		if x.Pull != nil {
			history = x.Pull.State
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\n", x.Name, x.Kind, x.Path, x.State.Calls, x.State.Refused, x.State.Forged, last, history)
	}
	return w.Flush()
}

type shopifyCommand struct {
	Pull shopifyPullCommand `cmd:"" help:"Pull the shop's customers, orders and products; nothing is sent for them."`
}

type shopifyPullCommand struct {
	client
	Name   string        `arg:"" help:"Name of the source in the configuration."`
	Since  string        `help:"Only what changed from this day on (2006-01-02, UTC)." placeholder:"DAY"`
	Rate   int           `help:"Events a second, at most." default:"1000"`
	Cancel bool          `help:"End the pull that runs; what came stays."`
	Wait   time.Duration `help:"How long to show its progress." default:"24h"`
}

// Run begins a pull and shows its progress.
func (c *shopifyPullCommand) Run(ctx context.Context, s streams) error {
	path := "/connections/" + c.Name
	if c.Cancel {
		return c.call(ctx, "DELETE", path+"/pull", nil, nil)
	}
	order := map[string]any{"rate": c.Rate}
	if c.Since != "" {
		day, err := time.Parse(time.DateOnly, c.Since)
		if err != nil {
			return fmt.Errorf("--since is a day, as 2025-04-01: %w", err)
		}
		order["since"] = day
	}
	begun := time.Now()
	if err := c.call(ctx, "POST", path+"/pull", order, nil); err != nil {
		return err
	}
	for time.Since(begun) < c.Wait {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
		var x struct{ Pull *shopify.Pull }
		if err := c.call(ctx, "GET", path, nil, &x); err != nil {
			return err
		}
		if x.Pull == nil || x.Pull.BeganAt.Before(begun.Add(-time.Minute)) {
			continue
		}
		for _, p := range x.Pull.Parts {
			fmt.Fprintf(s.err, "%s %d of %d lines, %d events  ", p.Resource, p.Lines, p.Objects, p.Events)
		}
		fmt.Fprintln(s.err, x.Pull.Text)
		if x.Pull.State != shopify.PullRunning {
			_, err := fmt.Fprintln(s.out, x.Pull.State)
			return err
		}
	}
	return nil
}
