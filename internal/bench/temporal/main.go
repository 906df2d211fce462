// Command temporal is the peer of the bench's stage temporal: the journey of three steps as a workflow of Temporal, on its
// development server in this process with SQLite in memory and one worker. It is a module of its own, so that the product
// depends on none of it.
//
// Each line of the input is a number of runs. For each it takes that many workflows through their three steps and answers with
// a line of JSON: {"runs": ..., "cpu": nanoseconds of this process, "wall": nanoseconds}.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.temporal.io/server/temporal"
	"go.temporal.io/server/temporaltest"

	serverlog "go.temporal.io/server/common/log"
)

const (
	queue     = "journeys"
	signal    = "custom.go"
	timeLimit = 30 * 24 * time.Hour
	inFlight  = 64 // clients that act at a time
)

// journey waits twice for an event, 30 days at most each, and ends; what began it is its entry.
func journey(ctx workflow.Context) (int, error) {
	steps := 1
	events := workflow.GetSignalChannel(ctx, signal)
	for range 2 {
		came := workflow.NewSelector(ctx)
		limited, stop := workflow.WithCancel(ctx)
		came.AddReceive(events, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil); steps++ })
		came.AddFuture(workflow.NewTimer(limited, timeLimit), func(workflow.Future) {})
		came.Select(ctx)
		stop()
	}
	return steps, nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "temporal:", err)
		os.Exit(2)
	}
}

func run() error {
	quiet := slog.New(slog.DiscardHandler)
	server := temporaltest.NewServer(
		temporaltest.WithBaseClientOptions(client.Options{Logger: sdklog.NewStructuredLogger(quiet)}),
		temporaltest.WithBaseServerOptions(temporal.WithLogger(serverlog.NewNoopLogger())),
	)
	defer server.Stop()
	server.NewWorker(queue, func(r worker.Registry) { r.RegisterWorkflow(journey) })
	c := server.GetDefaultClient()
	out := json.NewEncoder(os.Stdout)
	next := 0
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		n, err := strconv.Atoi(in.Text())
		if err != nil {
			return fmt.Errorf("read how many: %w", err)
		}
		cpu, begun := used(), time.Now()
		if err := walk(context.Background(), c, next, n); err != nil {
			return err
		}
		next += n
		if err := out.Encode(map[string]int64{"runs": int64(n), "cpu": int64(used() - cpu), "wall": int64(time.Since(begun))}); err != nil {
			return err
		}
	}
	return nil
}

// walk starts n workflows and sends each its two events.
func walk(ctx context.Context, c client.Client, from, n int) error {
	var wg sync.WaitGroup
	errs := make(chan error, n)
	turn := make(chan struct{}, inFlight)
	for i := range n {
		turn <- struct{}{}
		wg.Go(func() {
			defer func() { <-turn }()
			errs <- one(ctx, c, "person-"+strconv.Itoa(from+i))
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func one(ctx context.Context, c client.Client, id string) error {
	w, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: queue}, journey)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	for range 2 {
		if err := c.SignalWorkflow(ctx, w.GetID(), w.GetRunID(), signal, nil); err != nil {
			return fmt.Errorf("signal: %w", err)
		}
	}
	var steps int
	if err := w.Get(ctx, &steps); err != nil {
		return fmt.Errorf("wait for the end: %w", err)
	}
	if steps != 3 {
		return fmt.Errorf("%s took %d steps", id, steps)
	}
	return nil
}

func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it has no way to fail
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
