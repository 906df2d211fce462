package main

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"time"

	"enishi/internal/pipeline"
	"enishi/profiles"
)

// recordColumn is the column of the table events that holds an event as it stands on the log; derived rows have none.
const recordColumn = "record"

// eventSize is how many bytes an event has on the topic events.
func eventSize(r *recording) int {
	bytes, n := 0, 0
	for _, s := range r.saves {
		for _, t := range s.rows.Tables {
			for _, text := range texts(&t, recordColumn) {
				if text != "" {
					bytes += len(text)
					n++
				}
			}
		}
	}
	return bytes / max(1, n)
}

// texts gives a text column of the table events.
func texts(t *profiles.Table, column string) []string {
	i := slices.Index(t.Columns, column)
	if t.Name != "events" || i < 0 {
		return nil
	}
	out, _ := t.Cols[i].([]string)
	return out
}

// bareRecording is what the barest pipeline writes of a recording: a row for each event, and of the states 150 bytes.
func bareRecording(r *recording) *recording {
	out := &recording{rows: map[string]int{}}
	const stateBytes = 150
	for _, s := range r.saves {
		point := savePoint{events: s.events}
		for _, t := range s.rows.Tables {
			if record := texts(&t, recordColumn); record != nil {
				point.rows.Tables = append(point.rows.Tables, onlyRows(t, func(i int) bool { return record[i] != "" }))
			}
		}
		point.rows.States = slices.Clone(s.rows.States)
		for i := range point.rows.States {
			x := &point.rows.States[i]
			x.Bytes = x.Bytes[:min(stateBytes, len(x.Bytes))]
		}
		point.rows.Markers = []pipeline.Marker{}
		out.saves = append(out.saves, point)
	}
	return out
}

// onlyRows keeps some rows of a table.
func onlyRows(t profiles.Table, keep func(i int) bool) profiles.Table {
	var rows []int
	for i := range t.Rows {
		if keep(i) {
			rows = append(rows, i)
		}
	}
	cols := make([]any, len(t.Cols))
	for c := range t.Cols {
		from := reflect.ValueOf(t.Cols[c])
		to := reflect.MakeSlice(from.Type(), len(rows), len(rows))
		for k, i := range rows {
			to.Index(k).Set(from.Index(i))
		}
		cols[c] = to.Interface()
	}
	t.Rows, t.Cols = len(rows), cols
	return t
}

// byTable splits the inserts of a recording by the table that they are for.
func byTable(r *recording) map[string][]pipeline.Rows {
	out := map[string][]pipeline.Rows{}
	for _, s := range r.saves {
		for _, t := range s.rows.Tables {
			out[t.Name] = append(out[t.Name], pipeline.Rows{Tables: []profiles.Table{t}})
		}
		if len(s.rows.Due) > 0 {
			out["due"] = append(out["due"], pipeline.Rows{Due: s.rows.Due})
		}
		if len(s.rows.States) > 0 {
			out["profiles"] = append(out["profiles"], pipeline.Rows{States: s.rows.States})
		}
		if len(s.rows.Markers) > 0 {
			out["partitions"] = append(out["partitions"], pipeline.Rows{Markers: s.rows.Markers})
		}
	}
	return out
}

// tables prints what the inserts of each table cost by themselves, merges included; n is the events of the recording.
func (b *bench) tables(ctx context.Context, w *world, rec *recording, n int) (err error) {
	client, db, err := w.open(ctx, "tables")
	if err != nil {
		return err
	}
	defer func() {
		client.Close()
		err = errors.Join(err, db.Close())
	}()
	store := &pipeline.Store{DB: db, Now: time.Now}
	split := byTable(rec)
	for _, name := range slices.Sorted(maps.Keys(split)) {
		rows := 0
		s, err := measured(func() (slice, error) {
			for i := range split[name] {
				x := &split[name][i]
				for _, t := range x.Tables {
					rows += t.Rows
				}
				rows += len(x.Due) + len(x.States) + len(x.Markers)
				if err := store.Save(ctx, x); err != nil {
					return slice{}, err
				}
			}
			return slice{ops: n}, w.settle(ctx)
		})
		if err != nil {
			return err
		}
		b.printf("  table %-14s %3d inserts, %7d rows, %6.2f CPU us/event, %6.2f us/row\n", name, len(split[name]), rows, s.perOp(), float64(s.cpu.Nanoseconds())/1e3/float64(max(1, rows)))
	}
	return nil
}
