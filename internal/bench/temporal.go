package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// temporalPart is how many people Temporal takes through the journey while the product takes one slice's: it is that much
// slower.
const temporalPart = 50

// runTemporal takes people through the journey of the stage steps. A is the same journey as workflows of Temporal's development
// server, in a process and a module of their own (internal/bench/temporal).
func runTemporal(ctx context.Context, b *bench) (err error) {
	peer, err := openTemporal(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, peer.Close()) }()
	w, err := openWorld(ctx, b.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	x, err := openWalkers(ctx, b, w)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.p.Close()) }()
	runs := max(1, x.people/temporalPart)
	if _, err := peer.slice(runs); err != nil { // it makes its queues and caches
		return err
	}
	b.printf("  %d people, %d steps a slice; Temporal: %d people\n", x.people, x.n, runs)
	as, bs, err := b.alternate(func(int) error { return x.produce(ctx) }, func(int) (slice, error) { return peer.slice(runs) },
		func(int) (slice, error) { return x.p.foldSlice(ctx, x.n) })
	if err != nil {
		return err
	}
	b.compare("journey step and Temporal's", "step", as, bs, 0.001)
	return x.check(ctx)
}

// temporal is the peer's process.
type temporal struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func openTemporal(ctx context.Context) (*temporal, error) {
	t := &temporal{cmd: exec.CommandContext(ctx, "go", "run", ".")}
	t.cmd.Dir, t.cmd.Stderr = "internal/bench/temporal", os.Stderr
	var err error
	if t.in, err = t.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := t.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	t.out = bufio.NewReader(out)
	if err := t.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start Temporal: %w", err)
	}
	return t, nil
}

// Close ends the process.
func (t *temporal) Close() error { return errors.Join(t.in.Close(), t.cmd.Wait()) }

// slice takes so many people through the journey.
func (t *temporal) slice(runs int) (slice, error) {
	if _, err := fmt.Fprintln(t.in, runs); err != nil {
		return slice{}, fmt.Errorf("ask Temporal: %w", err)
	}
	line, err := t.out.ReadBytes('\n')
	if err != nil {
		return slice{}, fmt.Errorf("read what Temporal says: %w", err)
	}
	var told struct {
		Runs      int
		CPU, Wall time.Duration
	}
	if err := json.Unmarshal(line, &told); err != nil {
		return slice{}, fmt.Errorf("read what Temporal says: %w", err)
	}
	if told.Runs != runs {
		return slice{}, fmt.Errorf("%d workflows ended, want %d", told.Runs, runs)
	}
	return slice{ops: runs * stepsPerRun, cpu: told.CPU, wall: told.Wall}, nil
}
