package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"enishi"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
)

// position is how far topics must be handled for a write to be seen: the next offset of each partition. As text it is
// "orders/3@17,definitions/0@4", the form that a collector answers too.
type position map[stream.Partition]int64

func (p position) String() string {
	parts := make([]string, 0, len(p))
	for where, next := range p {
		parts = append(parts, where.String()+"@"+strconv.FormatInt(next, 10))
	}
	sort.Strings(parts)
	return strings.Join(parts, ",")
}

// positionOf is the position behind records that were appended.
func positionOf(recs []stream.Record) position {
	p := position{}
	for i := range recs {
		where := stream.Partition{Topic: recs[i].Topic, Partition: recs[i].Partition}
		p[where] = max(p[where], recs[i].Offset+1)
	}
	return p
}

func parsePosition(s string) (position, error) {
	known := append(enishi.SourceTopics(), enishi.TopicEvents, enishi.TopicDefinitions, enishi.TopicIdentities, enishi.TopicCatalogue)
	p := position{}
	for part := range strings.SplitSeq(s, ",") {
		where, next, ok := strings.Cut(part, "@")
		topic, number, ok2 := strings.Cut(where, "/")
		n, err := strconv.Atoi(number)
		offset, err2 := strconv.ParseInt(next, 10, 64)
		if !ok || !ok2 || err != nil || err2 != nil || n < 0 || offset < 0 || !slices.Contains(known, topic) {
			return nil, enishi.FieldError("query.after", "is no position: give what a write answered", "書き込みの応答にあった position を指定してください。")
		}
		p[stream.Partition{Topic: topic, Partition: n}] = offset
	}
	return p, nil
}

// marker is how far a partition of events stands in the tables.
type marker struct {
	next, identities, definitions int64
	clock                         time.Time
	virtual                       bool
	sweeps                        []pipeline.Sweep
}

// markers reads the markers of all partitions; one that was never written is the zero marker.
func (a *API) markers(ctx context.Context) ([]marker, error) {
	out := make([]marker, a.cfg.Stream.Partitions(enishi.TopicEvents))
	rows, err := a.cfg.DB.Query(ctx, "SELECT partition, next_offset, identities_offset, definitions_offset, clock, is_virtual, sweeps FROM partitions FINAL")
	if err != nil {
		return nil, fmt.Errorf("read markers: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n uint16
		var virtual uint8
		var sweeps string
		var m marker
		if err := rows.Scan(&n, &m.next, &m.identities, &m.definitions, &m.clock, &virtual, &sweeps); err != nil {
			return nil, fmt.Errorf("read markers: %w", err)
		}
		if int(n) >= len(out) {
			continue
		}
		m.clock, m.virtual = m.clock.UTC(), virtual == 1
		if err := json.Unmarshal([]byte(sweeps), &m.sweeps); err != nil {
			return nil, fmt.Errorf("read sweeps of partition %d: %w", n, err)
		}
		m.sweeps = slices.DeleteFunc(m.sweeps, func(s pipeline.Sweep) bool { return s.ID == "" }) // something else that is remembered
		out[n] = m
	}
	return out, rows.Err()
}

// maxWait is how long a read waits for a write to be seen.
const maxWait = 10 * time.Second

// wait returns when everything up to a position is in the tables; unavailable when that takes too long.
func (a *API) wait(ctx context.Context, after string) error {
	p, err := parsePosition(after)
	if err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, a.waitLimit)
	defer cancel()
	if err := a.waitFor(limit, p); err != nil {
		if limit.Err() != nil && ctx.Err() == nil {
			return &enishi.Error{Code: enishi.Unavailable, Msg: "what was written is not visible yet; try again", MsgJA: "書き込んだ内容がまだ反映されていません。少し待ってからやり直してください。", Err: err}
		}
		return err
	}
	return nil
}

// CatchUp returns when everything that was appended until now is in the tables.
func (a *API) CatchUp(ctx context.Context) error {
	now := position{}
	for _, topic := range enishi.SourceTopics() {
		ends, err := a.cfg.Stream.Ends(ctx, topic)
		if err != nil {
			return fmt.Errorf("read the ends of %s: %w", topic, err)
		}
		for n, end := range ends {
			now[partitionOf(topic, n)] = end
		}
	}
	return a.waitFor(ctx, now)
}

func (a *API) waitFor(ctx context.Context, p position) error {
	sources := position{}
	var definitions, identities int64
	for where, next := range p {
		switch where.Topic {
		case enishi.TopicDefinitions:
			definitions = next
		case enishi.TopicIdentities:
			identities = next
		case enishi.TopicEvents:
		default:
			sources[where] = next
		}
	}
	err := poll(ctx, func() (bool, error) {
		if len(sources) == 0 {
			return true, nil
		}
		passed, err := a.cfg.IngestPassed(ctx)
		if err != nil {
			return false, fmt.Errorf("ask how far ingest is: %w", err)
		}
		for where, next := range sources {
			if passed[where] < next {
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	if err := a.cfg.Definitions.Wait(ctx, definitions); err != nil {
		return err
	}
	moved, err := a.movedBy(ctx, identities)
	if err != nil {
		return err
	}
	// The owners follow definitions and identities and append switches and merges: these stand in the log before its end.
	err = a.waitMarkers(ctx, func(n int, m *marker) bool {
		return m.definitions >= definitions && (!moved[n] || m.identities >= identities)
	})
	if err != nil {
		return err
	}
	ends, err := a.cfg.Stream.Ends(ctx, enishi.TopicEvents)
	if err != nil {
		return fmt.Errorf("read the ends of events: %w", err)
	}
	return a.waitMarkers(ctx, func(n int, m *marker) bool { return m.next >= ends[n] })
}

// movedBy lists the partitions whose owners owe merges or splits for the record of identities before next.
func (a *API) movedBy(ctx context.Context, next int64) (map[int]bool, error) {
	if next == 0 {
		return nil, nil
	}
	graph := a.cfg.Ingester.Graph()
	if err := graph.Wait(ctx, next); err != nil {
		return nil, err
	}
	out := map[int]bool{}
	moves, _ := graph.Merges(next - 1)
	for i := range moves {
		if moves[i].Offset == next-1 {
			out[moves[i].Loser.Partition(a.cfg.Stream.Partitions(enishi.TopicEvents))] = true
		}
	}
	return out, nil
}

func (a *API) waitMarkers(ctx context.Context, ok func(n int, m *marker) bool) error {
	return poll(ctx, func() (bool, error) {
		all, err := a.markers(ctx)
		if err != nil {
			return false, err
		}
		for n := range all {
			if !ok(n, &all[n]) {
				return false, nil
			}
		}
		return true, nil
	})
}

// poll asks again and again, each time a little later, until it is true, fails, or ctx ends.
func poll(ctx context.Context, ask func() (bool, error)) error {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		ok, err := ask()
		if ok || err != nil {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}
