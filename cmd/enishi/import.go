package main

import (
	"context"
	"fmt"
	"time"

	"enishi/api"
	"enishi/ingest"
	"enishi/internal/stream"
)

type importCommand struct {
	File  importFileCommand  `cmd:"" default:"withargs" help:"Import a file: CSV, TSV or JSON lines, also gzip or zip."`
	Olist importOlistCommand `cmd:"" help:"Import the Brazilian E-Commerce Public Dataset by Olist: real orders, parcels and reviews."`
}

type importOlistCommand struct {
	client
	Dir    string        `arg:"" help:"Folder with the dataset's CSV files." type:"existingdir"`
	Replay bool          `help:"Play the events on a virtual clock: journeys run as they would have. Needs a server without profiles. Without it nothing is sent."`
	Slice  time.Duration `help:"Longest stretch of virtual time that is played at once. A wait that begins and ends within one stretch ends at its end." default:"1h"`
	Bare   bool          `help:"With --replay: do not publish the ready-made journeys when the server has none."`
	Quiet  bool          `help:"Print no progress."`
}

// Run imports.
func (c *importOlistCommand) Run(ctx context.Context, s streams) error {
	if err := c.call(ctx, "POST", "/import/begin", map[string]any{"name": "olist", "replay": c.Replay}, nil); err != nil {
		return err
	}
	if c.Replay && !c.Bare {
		if err := c.publish(ctx); err != nil {
			return err
		}
	}
	begun := time.Now()
	progress := func(sent, of int, at time.Time) {
		if !c.Quiet {
			fmt.Fprintf(s.err, "\r%d of %d events, %s   ", sent, of, at.Format("2006-01-02"))
		}
	}
	counts, err := c.play(ctx, progress)
	if err != nil {
		return err
	}
	if !c.Quiet {
		fmt.Fprintln(s.err)
	}
	_, err = fmt.Fprintf(s.out, "imported %d events (%d orders of %d people, %d delivered parcels, %d reviews) in %s\n",
		counts.Events, counts.Orders, counts.People, counts.Delivered, counts.Reviews, time.Since(begun).Round(time.Second))
	return err
}

// publish makes the ready-made journeys live where there is none: a replay without journeys has nothing to show.
func (c *importOlistCommand) publish(ctx context.Context) error {
	var there struct{ Items []struct{ Name string } }
	if err := c.call(ctx, "GET", "/journeys", nil, &there); err != nil || len(there.Items) > 0 {
		return err
	}
	definitions, err := galleryDefinitions(startingJourneys(), nil)
	if err != nil {
		return err
	}
	for i := range definitions {
		if err := c.put(ctx, &definitions[i]); err != nil {
			return fmt.Errorf("publish %s %s: %w", definitions[i].Kind, definitions[i].Name, err)
		}
	}
	return nil
}

// chunk is how many events of a replay go in a request: few enough that there is progress to be seen.
const chunk = 500

func (c *importOlistCommand) play(ctx context.Context, progress func(sent, of int, at time.Time)) (ingest.OlistCounts, error) {
	sent := 0
	send := func(ctx context.Context, x api.ImportRequest) error {
		if err := c.call(ctx, "POST", "/import/records", x, nil); err != nil {
			return err
		}
		sent += len(x.Records)
		return nil
	}
	if !c.Replay {
		return ingest.ImportOlist(ctx, c.Dir, ingest.ImportOptions{Append: func(ctx context.Context, recs []stream.Record) error {
			x := api.ImportRequest{Records: make([]api.ImportRecord, len(recs))}
			for i, r := range recs {
				x.Records[i] = api.ImportRecord{Topic: r.Topic, Key: string(r.Key), Time: r.Time, Value: string(r.Value)}
			}
			err := send(ctx, x)
			progress(sent, 0, time.Now())
			return err
		}})
	}
	events, counts, err := ingest.OlistEvents(c.Dir)
	if err != nil {
		return counts, err
	}
	x := api.ImportRequest{Slice: int(c.Slice / time.Second)}
	for e := range events {
		x.Records = append(x.Records, api.ImportRecord{Topic: e.Topic, Key: string(e.Key), Time: e.At, Value: string(e.Value)})
		if x.Clock = e.At; len(x.Records) < chunk {
			continue
		}
		if err := send(ctx, x); err != nil {
			return counts, err
		}
		progress(sent, counts.Events, x.Clock)
		x.Records = x.Records[:0]
	}
	if len(x.Records) > 0 {
		if err := send(ctx, x); err != nil {
			return counts, err
		}
	}
	x.Records = []api.ImportRecord{}
	err = send(ctx, x) // waits for what is being sent
	progress(sent, counts.Events, x.Clock)
	return counts, err
}
