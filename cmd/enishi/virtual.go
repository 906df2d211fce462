package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"enishi"
	"enishi/api"
	"enishi/ingest"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
)

// importRecords appends records to their source topics, or plays them on the virtual clock. Then they carry their own times,
// and the answer comes when all is folded and nothing is due; without records, when what was decided has been sent too.
func (w *workspace) importRecords(ctx context.Context, x api.ImportRequest) (api.ImportAnswer, error) {
	answer := api.ImportAnswer{Appended: len(x.Records)}
	if x.Clock.IsZero() {
		recs := make([]stream.Record, len(x.Records))
		for i, r := range x.Records {
			recs[i] = stream.Record{Topic: r.Topic, Partition: -1, Time: w.now().UTC(), Key: []byte(r.Key), Value: []byte(r.Value)}
		}
		if err := w.stream.Append(ctx, recs); err != nil {
			return answer, fmt.Errorf("append imported records: %w", err)
		}
		return answer, nil
	}
	w.replaying.Lock()
	defer w.replaying.Unlock()
	events := func(yield func(ingest.Timed) bool) {
		for _, r := range x.Records {
			if !yield(ingest.Timed{At: r.Time.UTC(), Topic: r.Topic, Key: []byte(r.Key), Value: []byte(r.Value)}) {
				return
			}
		}
	}
	if err := ingest.Replay(ctx, ingest.ReplayConfig{Events: events, Append: w.play, Advance: w.advance, NextDue: w.folder.NextDue, Slice: time.Duration(x.Slice) * time.Second}); err != nil {
		return answer, err
	}
	if err := w.advance(ctx, x.Clock.UTC()); err != nil {
		return answer, err
	}
	if len(x.Records) > 0 {
		return answer, nil
	}
	return answer, w.sent(ctx)
}

// play appends events of a replay and waits until they are folded and what they made due has acted.
func (w *workspace) play(ctx context.Context, recs []stream.Record) error {
	if err := w.stream.Append(ctx, recs); err != nil {
		return err
	}
	want := map[stream.Partition]int64{}
	for _, r := range recs {
		p := stream.Partition{Topic: r.Topic, Partition: r.Partition}
		want[p] = max(want[p], r.Offset+1)
	}
	err := poll(ctx, func() (bool, error) { return reached(w.ingester.Passed(), want), nil })
	if err != nil {
		return err
	}
	return w.settled(ctx)
}

// advance moves the virtual clock of all partitions, or makes their clocks virtual, and waits until the timers on the way have
// acted.
func (w *workspace) advance(ctx context.Context, at time.Time) error {
	n := w.stream.Partitions(enishi.TopicEvents)
	due := w.folder.NextDues()
	_, virtual := w.folder.Clock().Virtual()
	all := !virtual || at.Sub(w.leapt).Abs() > ingest.MaxLeap/2 // the others are moved now and then: they look ahead from there
	var recs []stream.Record
	for p := range n {
		if t, waits := due[p]; !all && (!waits || t.After(at)) {
			continue
		}
		e := enishi.Event{ID: enishi.NewID("clock", strconv.Itoa(p), at.Format(time.RFC3339Nano)), Type: enishi.TypeClock, Partition: p, At: at, Control: &enishi.Control{Clock: at}}
		recs = append(recs, pipeline.EventRecord(&e, n, at))
	}
	if all {
		w.leapt = at
	}
	if err := w.stream.Append(ctx, recs); err != nil {
		return fmt.Errorf("append clock: %w", err)
	}
	return w.settled(ctx)
}

// settled waits until all that is on the log is folded and nothing is due.
func (w *workspace) settled(ctx context.Context) error {
	var before []int64
	return poll(ctx, func() (bool, error) {
		if before != nil && (!w.foldedTo(before) || w.folder.Busy()) {
			return false, nil
		}
		ends, err := w.stream.Ends(ctx, enishi.TopicEvents)
		if err != nil {
			return false, err
		}
		done := slices.Equal(before, ends) // nothing came of what was folded
		before = ends
		return done, nil
	})
}

// sent waits until what was decided has been handed over and all is in the tables. With sending off nothing is.
func (w *workspace) sent(ctx context.Context) error {
	if w.sender.Sending().Off {
		return nil
	}
	ends, err := w.stream.Ends(ctx, enishi.TopicMessages)
	if err != nil {
		return err
	}
	want := map[stream.Partition]int64{}
	for p, next := range ends {
		want[stream.Partition{Topic: enishi.TopicMessages, Partition: p}] = next
	}
	err = poll(ctx, func() (bool, error) {
		for _, q := range w.sender.Status() {
			if q.State == "running" && (q.Waiting > 0 || q.InHand > 0 || q.Spilled) {
				return false, nil
			}
		}
		passed, err := w.messagesPassed(ctx)
		return err == nil && reached(passed, want), err
	})
	if err == nil {
		err = w.settled(ctx)
	}
	if err != nil {
		return err
	}
	return poll(ctx, func() (bool, error) { return w.folder.Stored(), nil })
}

// foldedTo tells whether all partitions are folded up to there.
func (w *workspace) foldedTo(ends []int64) bool {
	for _, p := range w.folder.Progress() {
		if p.Next < ends[p.Partition] {
			return false
		}
	}
	return true
}

// reached tells whether all partitions are at least so far.
func reached(now, want map[stream.Partition]int64) bool {
	for p, next := range want {
		if now[p] < next {
			return false
		}
	}
	return true
}

// poll asks until ok; it gives up with ctx.
func poll(ctx context.Context, ok func() (bool, error)) error {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		if done, err := ok(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return &enishi.Error{Code: enishi.Unavailable, Msg: "the fold is too far behind", MsgJA: "処理が追いついていません。しばらくしてからやり直してください。", Err: ctx.Err()}
		case <-ticker.C:
		}
	}
}
