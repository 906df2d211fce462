package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"enishi"
	"enishi/api"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
)

// importRecords appends records to their source topics. With a clock (a replay) they carry their own time; then the clock
// of every partition is moved to it, and the answer comes when all is folded and nothing is due.
func (w *workspace) importRecords(ctx context.Context, x api.ImportRequest) (api.ImportAnswer, error) {
	recs := make([]stream.Record, len(x.Records))
	for i, r := range x.Records {
		at := w.now().UTC()
		if !x.Clock.IsZero() {
			at = r.Time.UTC()
		}
		recs[i] = stream.Record{Topic: r.Topic, Partition: -1, Time: at, Key: []byte(r.Key), Value: []byte(r.Value)}
	}
	var answer api.ImportAnswer
	if len(recs) > 0 {
		if err := w.stream.Append(ctx, recs); err != nil {
			return answer, fmt.Errorf("append imported records: %w", err)
		}
		answer.Appended = len(recs)
	}
	if x.Clock.IsZero() {
		return answer, nil
	}
	if err := w.ingested(ctx, recs); err != nil {
		return answer, err
	}
	if err := w.moveClock(ctx, x.Clock.UTC(), false); err != nil {
		return answer, err
	}
	if at, ok := w.folder.NextDue(); ok {
		answer.NextDue = at
	}
	return answer, nil
}

// ingested waits until records of the source topics are on the topic events.
func (w *workspace) ingested(ctx context.Context, recs []stream.Record) error {
	want := map[stream.Partition]int64{}
	for _, r := range recs {
		p := stream.Partition{Topic: r.Topic, Partition: r.Partition}
		want[p] = max(want[p], r.Offset+1)
	}
	return poll(ctx, func() bool {
		passed := w.ingester.Passed()
		for p, next := range want {
			if passed[p] < next {
				return false
			}
		}
		return true
	})
}

// poll asks until ok; it gives up with ctx.
func poll(ctx context.Context, ok func() bool) error {
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			return &enishi.Error{Code: enishi.Unavailable, Msg: "the fold is too far behind", MsgJA: "処理が追いついていません。しばらくしてからやり直してください。", Err: ctx.Err()}
		case <-ticker.C:
		}
	}
	return nil
}

// moveClock makes the clock of all partitions virtual at an instant, or lets it run again, and waits until that is folded
// and nothing is due.
func (w *workspace) moveClock(ctx context.Context, at time.Time, live bool) error {
	n := w.stream.Partitions(enishi.TopicEvents)
	recs := make([]stream.Record, n)
	for p := range n {
		e := enishi.Event{ID: enishi.NewID("clock", strconv.Itoa(p), at.Format(time.RFC3339Nano), strconv.FormatBool(live)), Type: enishi.TypeClock, Partition: p, At: at,
			Control: &enishi.Control{Clock: at, Live: live}}
		recs[p] = pipeline.EventRecord(&e, n, at)
	}
	if err := w.stream.Append(ctx, recs); err != nil {
		return fmt.Errorf("append clock: %w", err)
	}
	return poll(ctx, func() bool {
		next := map[int]int64{}
		for _, p := range w.folder.Progress() {
			next[p.Partition] = p.Next
		}
		for p := range recs {
			if next[recs[p].Partition] <= recs[p].Offset {
				return false
			}
		}
		return live || !w.folder.Busy()
	})
}
