package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// appender gathers the records of many requests into one append: one round trip and one fsync for all of them.
type appender struct {
	write   func(ctx context.Context, recs []stream.Record) error
	linger  time.Duration
	timeout time.Duration
	jobs    chan *job
	stopped chan struct{}
}

// job is the records of one request.
type job struct {
	ctx  context.Context // nobody waits for the answer after its end
	recs []stream.Record
	done chan error // buffered
}

const (
	maxGather = 1000 // records that are not waited beyond
	maxQueue  = 4096 // requests that wait for the log
)

var errStopped = errors.New("the collector is stopping")

func newAppender(write func(ctx context.Context, recs []stream.Record) error, linger, timeout time.Duration) *appender {
	return &appender{write: write, linger: linger, timeout: timeout, jobs: make(chan *job, maxQueue), stopped: make(chan struct{})}
}

// append returns when the log has the records, or an error; then some of them may be there.
func (a *appender) append(ctx context.Context, recs []stream.Record) error {
	if len(recs) == 0 {
		return nil
	}
	j := &job{ctx: ctx, recs: recs, done: make(chan error, 1)}
	select {
	case a.jobs <- j:
	case <-a.stopped:
		return errStopped
	case <-ctx.Done():
		return fmt.Errorf("queue of the log: %w", ctx.Err())
	}
	select {
	case err := <-j.done:
		return err
	case <-a.stopped:
		select {
		case err := <-j.done: // it was among the last
			return err
		default:
			return errStopped
		}
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run appends until ctx ends.
func (a *appender) run(ctx context.Context) error {
	defer close(a.stopped)
	var jobs []*job
	var recs []stream.Record
	for {
		select {
		case j := <-a.jobs:
			jobs = a.gather(ctx, append(jobs[:0], j))
		case <-ctx.Done():
			return nil
		}
		// What was answered with 503 meanwhile is not written: its sender sends it again.
		jobs = slices.DeleteFunc(jobs, func(j *job) bool { return j.ctx.Err() != nil })
		recs = recs[:0]
		for _, j := range jobs {
			recs = append(recs, j.recs...)
		}
		if len(recs) == 0 {
			continue
		}
		wctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.timeout)
		err := a.write(wctx, recs)
		cancel()
		n := 0
		for _, j := range jobs {
			n += copy(j.recs, recs[n:n+len(j.recs)]) // partition and offset
			j.done <- err
		}
		clear(recs)
		clear(jobs)
	}
}

// gather waits for more requests until the linger is over or there is enough.
func (a *appender) gather(ctx context.Context, jobs []*job) []*job {
	n := len(jobs[0].recs)
	var over <-chan time.Time
	for n < maxGather {
		select {
		case j := <-a.jobs:
			jobs, n = append(jobs, j), n+len(j.recs)
			continue
		default:
		}
		if a.linger < 0 {
			return jobs
		}
		if over == nil {
			over = time.After(a.linger)
		}
		select {
		case j := <-a.jobs:
			jobs, n = append(jobs, j), n+len(j.recs)
		case <-over:
			return jobs
		case <-ctx.Done():
			return jobs
		}
	}
	return jobs
}

// Position is how far the source topics must be handled for a request's events to have gone through ingest: the next
// offset of each partition.
type Position map[stream.Partition]int64

func positionOf(recs []stream.Record) Position {
	p := Position{}
	for i := range recs {
		at := stream.Partition{Topic: recs[i].Topic, Partition: recs[i].Partition}
		p[at] = max(p[at], recs[i].Offset+1)
	}
	return p
}

// String is "orders/3@17,web/0@1042": topic, partition, next offset.
func (p Position) String() string {
	parts := slices.SortedFunc(maps.Keys(p), func(a, b stream.Partition) int {
		if a.Topic != b.Topic {
			return strings.Compare(a.Topic, b.Topic)
		}
		return a.Partition - b.Partition
	})
	var b []byte
	for i, at := range parts {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, at.Topic...)
		b = strconv.AppendInt(append(b, '/'), int64(at.Partition), 10)
		b = strconv.AppendInt(append(b, '@'), p[at], 10)
	}
	return string(b)
}

// ParsePosition reads what Position.String wrote.
func ParsePosition(s string) (Position, error) {
	p := Position{}
	for part := range strings.SplitSeq(s, ",") {
		where, next, ok := strings.Cut(part, "@")
		topic, number, ok2 := strings.Cut(where, "/")
		n, err := strconv.Atoi(number)
		offset, err2 := strconv.ParseInt(next, 10, 64)
		if !ok || !ok2 || err != nil || err2 != nil || n < 0 || offset < 0 || !slices.Contains(enishi.SourceTopics(), topic) {
			return nil, enishi.Errorf(enishi.Invalid, "%q is no position: want what a collector answered, such as orders/3@17", clip(s))
		}
		p[stream.Partition{Topic: topic, Partition: n}] = offset
	}
	return p, nil
}
