package api

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"enishi"
	"enishi/ingest/hooks"
	"enishi/ingest/shopify"
	"enishi/internal/clickhouse"
)

// SourceTables are the tables of sources as package hooks and the pulls of their history want them.
type SourceTables struct{ DB *clickhouse.DB }

// Keep stores calls for the console; repeats collapse.
func (t SourceTables) Keep(ctx context.Context, calls []hooks.Received) error {
	n := len(calls)
	source, ids, at, topic := make([]string, n), make([]enishi.ID, n), make([]time.Time, n), make([]string, n)
	outcome, events := make([]string, n), make([]uint32, n)
	field, reason, reasonJA, body := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i := range calls {
		c := &calls[i]
		source[i], ids[i], at[i], topic[i], outcome[i], events[i] = c.Source, c.ID, c.At, c.Topic, c.Outcome, uint32(c.Events)
		field[i], reason[i], reasonJA[i], body[i] = c.Field, c.Reason, c.ReasonJA, string(c.Body)
	}
	return t.DB.Insert(ctx, "source_calls", []string{"source", "id", "at", "topic", "outcome", "events", "field", "reason", "reason_ja", "body"}, n,
		source, ids, at, topic, outcome, events, field, reason, reasonJA, body)
}

// SavePull stores the progress of a pull.
func (t SourceTables) SavePull(ctx context.Context, p shopify.Pull) error {
	progress, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode pull: %w", err)
	}
	live := uint8(0)
	if p.Live {
		live = 1
	}
	return t.DB.Insert(ctx, "source_pulls", []string{"source", "id", "version", "live", "began_at", "progress"}, 1,
		[]string{p.Source}, []string{p.ID}, []uint64{uint64(p.At.UnixMilli())}, []uint8{live}, []time.Time{p.BeganAt}, []string{string(progress)})
}

// Pull is a pull by its id; with an empty one the newest of its sort.
func (t SourceTables) Pull(ctx context.Context, source, id string, live bool) (p shopify.Pull, found bool, err error) {
	cond := "id = {id:String}"
	if id == "" {
		cond = fmt.Sprintf("live = %t", live)
	}
	rows, err := t.DB.Query(ctx, "SELECT progress FROM source_pulls FINAL WHERE source = {source:String} AND "+cond+" ORDER BY began_at DESC LIMIT 1", named("source", source), named("id", id))
	if err != nil {
		return p, false, fmt.Errorf("read pull: %w", err)
	}
	defer rows.Close()
	if !rows.Next() {
		return p, false, rows.Err()
	}
	var progress string
	if err := rows.Scan(&progress); err != nil {
		return p, false, fmt.Errorf("read pull: %w", err)
	}
	if err := json.Unmarshal([]byte(progress), &p); err != nil {
		return p, false, fmt.Errorf("read pull: %w", err)
	}
	return p, true, nil
}
