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
	Olist importOlistCommand `cmd:"" help:"The Brazilian E-Commerce Public Dataset by Olist: real orders, parcels and reviews."`
}

type importOlistCommand struct {
	client
	Dir    string        `arg:"" help:"Folder with the dataset's CSV files." type:"existingdir"`
	Replay bool          `help:"Play the events on a virtual clock: journeys run as they would have. Needs a server without profiles. Without it nothing is sent."`
	Slice  time.Duration `help:"Longest stretch of virtual time that is played at once. A wait that is set and ends within one stretch ends at its end; 1h is exact for waits of an hour and more, and slower." default:"6h"`
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
	definitions, err := galleryDefinitions(nil)
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

func (c *importOlistCommand) play(ctx context.Context, progress func(sent, of int, at time.Time)) (ingest.OlistCounts, error) {
	if !c.Replay {
		sent := 0
		return ingest.ImportOlist(ctx, c.Dir, ingest.ImportOptions{Append: func(ctx context.Context, recs []stream.Record) error {
			if _, err := c.send(ctx, recs, time.Time{}); err != nil {
				return err
			}
			sent += len(recs)
			progress(sent, 0, time.Now())
			return nil
		}})
	}
	events, counts, err := ingest.OlistEvents(c.Dir)
	if err != nil {
		return counts, err
	}
	// A slice is one request: its records, then the clock at its end. The server answers with the next due timer.
	var due time.Time
	var held []stream.Record
	err = ingest.Replay(ctx, ingest.ReplayConfig{Events: events, Slice: c.Slice, Progress: func(at time.Time, n int) { progress(n, counts.Events, at) },
		Append: func(_ context.Context, recs []stream.Record) error {
			held = append([]stream.Record(nil), recs...)
			return nil
		},
		SetClock: func(ctx context.Context, at time.Time) (err error) {
			due, err = c.send(ctx, nil, at)
			return err
		},
		NextDue: func(context.Context) (time.Time, bool, error) { return due, !due.IsZero(), nil },
		Wait: func(ctx context.Context) (err error) {
			if len(held) == 0 {
				return nil
			}
			recs := held
			held = nil
			due, err = c.send(ctx, recs, recs[len(recs)-1].Time)
			return err
		}})
	return counts, err
}

// send appends records; with a clock they are played up to it. It gives the next due timer of a play.
func (c *importOlistCommand) send(ctx context.Context, recs []stream.Record, clock time.Time) (time.Time, error) {
	x := api.ImportRequest{Records: make([]api.ImportRecord, len(recs)), Clock: clock}
	for i := range recs {
		x.Records[i] = api.ImportRecord{Topic: recs[i].Topic, Key: string(recs[i].Key), Time: recs[i].Time, Value: string(recs[i].Value)}
	}
	var answer api.ImportAnswer
	err := c.call(ctx, "POST", "/import/records", x, &answer)
	return answer.NextDue, err
}
