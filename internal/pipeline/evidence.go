package pipeline

import (
	"context"
	"fmt"
	"time"

	"enishi"
	"enishi/profiles"
)

// evidenceRow is a row of the table consent_evidence.
type evidenceRow struct {
	subject, event enishi.ID
	at             int64
	profiles.Permission
}

// keepEvidence copies what the raw rows of subjects (a list as SQL) say about permissions, before an erasure up to an instant
// deletes them. It may be repeated: after the deletion it finds nothing and what it wrote stays.
func (s *Store) keepEvidence(ctx context.Context, in string, until time.Time) error {
	list, err := s.evidence(ctx, in, until)
	if err != nil {
		return fmt.Errorf("read evidence: %w", err)
	}
	t := evidenceTable(list, until)
	return s.DB.Insert(ctx, t.Name, t.Columns, t.Rows, t.Cols...)
}

func (s *Store) evidence(ctx context.Context, in string, until time.Time) (list []evidenceRow, err error) {
	rows, err := s.DB.Query(ctx, "SELECT subject, event_id, at, source, record FROM events FINAL WHERE subject IN "+in+" AND appended_at <= "+instant(until)+" AND record != ''")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var subject, id, source, record string
		var at time.Time
		if err := rows.Scan(&subject, &id, &at, &source, &record); err != nil {
			return nil, err
		}
		var e enishi.Event
		if enishi.DecodeEvent(&e, []byte(record)) != nil {
			continue // written by a later version: an erasure does not wait for an upgrade
		}
		e.Source = source
		for _, p := range profiles.Permissions(&e) {
			x := evidenceRow{at: ms(at), Permission: p}
			copy(x.subject[:], subject)
			copy(x.event[:], id)
			list = append(list, x)
		}
	}
	return list, rows.Err()
}

func evidenceTable(list []evidenceRow, erased time.Time) profiles.Table {
	blocks, n := [][]evidenceRow{list}, len(list)
	text := func(get func(*evidenceRow) string) []string { return column(blocks, n, get) }
	return profiles.Table{Name: "consent_evidence", Rows: n,
		Columns: []string{"subject", "at", "event_id", "channel", "purpose", "state", "account", "method", "text", "source", "actor", "erased_at"},
		Cols: []any{
			column(blocks, n, func(x *evidenceRow) enishi.ID { return x.subject }), column(blocks, n, func(x *evidenceRow) int64 { return x.at }),
			column(blocks, n, func(x *evidenceRow) enishi.ID { return x.event }), text(func(x *evidenceRow) string { return x.Channel }),
			text(func(x *evidenceRow) string { return x.Purpose }), text(func(x *evidenceRow) string { return x.State }),
			text(func(x *evidenceRow) string { return x.Account }), text(func(x *evidenceRow) string { return x.Method }),
			text(func(x *evidenceRow) string { return x.Text }), text(func(x *evidenceRow) string { return x.Source }),
			text(func(x *evidenceRow) string { return x.Actor }), column(blocks, n, func(*evidenceRow) int64 { return ms(erased) })}}
}
