package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"enishi"
	"enishi/ingest"
)

// saveDead writes dead letters; it may be repeated.
func (w *workspace) saveDead(ctx context.Context, letters []ingest.DeadLetter) error {
	n := len(letters)
	id, at, version, state := make([]enishi.ID, n), make([]time.Time, n), make([]uint64, n), make([]string, n)
	topic, partition, offset, stage := make([]string, n), make([]uint16, n), make([]int64, n), make([]string, n)
	code, field, reason, reasonJA := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	typ, raw, actor := make([]string, n), make([]string, n), make([]string, n)
	for i := range letters {
		l := &letters[i]
		id[i], at[i], version[i], state[i] = l.ID, l.At, l.Version, l.State
		topic[i], partition[i], offset[i], stage[i] = l.Topic, uint16(l.Partition), l.Offset, l.Stage
		code[i], field[i], reason[i], reasonJA[i] = l.Code, l.Field, l.Reason, l.ReasonJA
		typ[i], raw[i], actor[i] = l.Type, string(l.Raw), l.Actor
	}
	return w.db.Insert(ctx, "dead_letters", []string{"id", "at", "version", "state", "topic", "partition", "offset", "stage", "code", "field", "reason", "reason_ja",
		"type", "raw", "actor"}, n, id, at, version, state, topic, partition, offset, stage, code, field, reason, reasonJA, typ, raw, actor)
}

// loadDead reads the newest version of a dead letter.
func (w *workspace) loadDead(ctx context.Context, id enishi.ID) (ingest.DeadLetter, error) {
	l := ingest.DeadLetter{ID: id}
	var partition uint16
	var raw string
	err := w.db.QueryRow(ctx, fmt.Sprintf("SELECT at, version, state, topic, partition, offset, stage, code, field, reason, reason_ja, type, raw, actor FROM dead_letters FINAL WHERE id = toFixedString(unhex('%s'),16)", id)).
		Scan(&l.At, &l.Version, &l.State, &l.Topic, &partition, &l.Offset, &l.Stage, &l.Code, &l.Field, &l.Reason, &l.ReasonJA, &l.Type, &raw, &l.Actor)
	if errors.Is(err, sql.ErrNoRows) {
		return l, &enishi.Error{Code: enishi.NotFound, Msg: "there is no such dead letter", MsgJA: "そのデータはありません。"}
	}
	if err != nil {
		return l, fmt.Errorf("read dead letter: %w", err)
	}
	l.Partition, l.Raw, l.At = int(partition), []byte(raw), l.At.UTC()
	return l, nil
}
