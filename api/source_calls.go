package api

import (
	"context"
	"time"

	"enishi"
	"enishi/ingest/hooks"
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
