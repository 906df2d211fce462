package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/internal/mix"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
	"enishi/profiles"
)

// started is what the process that is measured tells.
type started struct {
	Fold, Graph time.Duration // from the start of the process
	Identifiers int
	RSS, Anon   int64 // KiB, after the idle time
	CPU         time.Duration
}

// idleFor is how long the process is left alone before its memory is read.
const idleFor = 10 * time.Second

// runStart fills a data folder and opens it in a process of its own.
func runStart(ctx context.Context, b *bench) error {
	begun := time.Now()
	if err := fill(ctx, b.dir, b.stored); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	b.printf("  %d stored profiles and %d identifiers made in %s\n", b.stored, 2*b.stored, time.Since(begun).Round(time.Second))
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, "-open", b.dir, "-cache", strconv.Itoa(b.cacheMB))
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("the process that is measured: %w", err)
	}
	var s started
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("read its answer: %w", err)
	}
	if s.Identifiers != 2*b.stored {
		return fmt.Errorf("%d identifiers in the graph, want %d", s.Identifiers, 2*b.stored)
	}
	ready := max(s.Fold, s.Graph)
	b.printf("  the fold owns its partitions after %s, the identities are read after %s; %s CPU in the %s after that\n", round(s.Fold), round(s.Graph), round(s.CPU), idleFor)
	b.goal("start to ready", ready.Seconds(), "s", 2+float64(2*b.stored)/2_000_000)
	b.goal("resident memory at idle", float64(s.RSS)/1024, "MiB", 700)
	b.printf("  %-28s %.0f MiB of it are not files\n", "", float64(s.Anon)/1024)
	return nil
}

// fill stores people of the standard mix.
func fill(ctx context.Context, dir string, n int) error {
	defs, err := mix.Definitions()
	if err != nil {
		return err
	}
	state := typicalState()
	return fillWith(ctx, dir, n, defs, func(int, enishi.ID) string { return state })
}

// fillWith writes states, due rows and markers as the fold does, and the links of the identifiers.
func fillWith(ctx context.Context, dir string, n int, defs []enishi.Definition, state func(i int, id enishi.ID) string) (err error) {
	w, err := openWorld(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	p, err := openProduct(ctx, w, "shop", defs, 8<<20)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	now := time.Now().UTC().Truncate(time.Millisecond)
	const chunk = 50_000
	partitions := p.stream.Partitions(enishi.TopicEvents)
	events := make([]int64, partitions)
	for from := 0; from < n; from += chunk {
		var rows pipeline.Rows
		var links []stream.Record
		for i := from; i < min(n, from+chunk); i++ {
			id, mail := enishi.NewID("stored", strconv.Itoa(i)), enishi.NewID("mail", strconv.Itoa(i))
			x := pipeline.State{Partition: id.Partition(partitions), ID: id, Version: pipeline.Version(0, 1), Bytes: state(i, id)}
			rows.States = append(rows.States, x)
			rows.Due = append(rows.Due, pipeline.Due{Partition: x.Partition, ID: id, At: now.Add(5 * 24 * time.Hour), Version: x.Version})
			events[x.Partition] += mix.Events
			link := enishi.Link{Op: "link", A: id, AKind: enishi.Customer, B: mail, BKind: enishi.Email, Source: "shop", At: now}
			links = append(links, stream.Record{Topic: enishi.TopicIdentities, Time: now, Value: enishi.EncodeLink(nil, &link)})
		}
		if err := p.store.Save(ctx, &rows); err != nil {
			return err
		}
		if err := p.stream.Append(ctx, links); err != nil {
			return err
		}
	}
	var markers []pipeline.Marker
	for i := range partitions {
		markers = append(markers, pipeline.Marker{Partition: i, Clock: now, Definitions: p.defs.Next(), Identities: int64(n), Events: events[i]})
	}
	if err := p.store.Save(ctx, &pipeline.Rows{Markers: markers}); err != nil {
		return err
	}
	return w.settle(ctx)
}

// typicalState is the state of a person of the standard mix.
func typicalState() string {
	p := profiles.New(enishi.NewID("typical"))
	for i := range mix.Events {
		e := mix.Event(1, i, time.Now().UTC().Truncate(time.Millisecond))
		e.ID, e.Subject = enishi.NewID("typical", strconv.Itoa(i)), p.ID
		e.Links = []enishi.ID{p.ID}
		p.Apply(&e, e.At)
	}
	return string(p.Encode(nil))
}

// openAndTell opens a filled folder, waits until it is ready and idle, and writes what that took.
func openAndTell(ctx context.Context, dir string, cacheMB int, out io.Writer) (err error) {
	begun := time.Now().Add(-sinceExec())
	w, err := openWorld(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	s, err := openShop(ctx, w, "shop", nil, int64(cacheMB)<<20, func(*channels.Rendered) {})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var tell started
	ends, err := s.stream.Ends(ctx, enishi.TopicIdentities)
	if err != nil {
		return err
	}
	err = while(ctx, s.run, func() error {
		if err := eventually(ctx, "the start", 5*time.Minute, func() (bool, error) {
			if tell.Fold == 0 && s.runner.Ready() {
				tell.Fold = time.Since(begun)
			}
			if tell.Graph == 0 && s.ingester.Graph().Next() >= ends[0] {
				tell.Graph = time.Since(begun)
			}
			return tell.Fold > 0 && tell.Graph > 0, nil
		}); err != nil {
			return err
		}
		from := used()
		timer := time.NewTimer(idleFor)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		tell.CPU = used().cpu - from.cpu
		tell.RSS, tell.Anon = procNumber("/proc/self/status", "VmRSS:"), procNumber("/proc/self/status", "RssAnon:")
		tell.Identifiers = s.ingester.Stats().Identifiers
		return nil
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(tell)
}

// sinceExec is how long this process has run, as far as its CPU tells: what came before main.
func sinceExec() time.Duration { return used().cpu }
