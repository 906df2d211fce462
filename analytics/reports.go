package analytics

import (
	"context"
	"embed"
	"fmt"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// Reports runs the reports of one workspace. It is safe for concurrent use.
type Reports struct {
	Conn driver.Conn
	Zone func() *time.Location // of the shop, by its IANA name, asked anew for each report; nil: Asia/Tokyo
}

// Range is the time a report covers: From inclusive, To exclusive, in milliseconds.
type Range struct{ From, To time.Time }

// maxRange bounds a report by days to a size that a chart can show.
const maxRange = 20 * 366 * 24 * time.Hour

// Check refuses an empty or absurd range.
func (r Range) Check() error {
	switch {
	case r.From.IsZero() || r.To.IsZero() || r.From.UnixMilli() >= r.To.UnixMilli():
		return enishi.FieldError("from", "the range is empty: from must be before to", "期間が空です。開始日を終了日より前にしてください。")
	case r.To.Sub(r.From) > maxRange:
		return enishi.FieldError("from", "the range is longer than 20 years", "期間は 20 年以内にしてください。")
	}
	return nil
}

// args binds the range as the parameters from and to.
func (r Range) args(more ...any) []any {
	millis := func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
	return append([]any{clickhouse.Named("from", millis(r.From)), clickhouse.Named("to", millis(r.To))}, more...)
}

// Text is a text in both languages.
type Text struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// sqlText is an embedded SQL file. Its values are parameters, bound by the engine.
func sqlText(name string) string {
	b, err := sqlFiles.ReadFile("sql/" + name + ".sql")
	if err != nil {
		panic(err) // compiled in
	}
	return string(b)
}

// each calls scan for every row of an embedded query.
func (r *Reports) each(ctx context.Context, name string, args []any, scan func(rows driver.Rows) error) error {
	rows, err := r.Conn.Query(ctx, sqlText(name), args...)
	if err != nil {
		return fmt.Errorf("report %s: %w", name, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("report %s: %w", name, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("report %s: %w", name, err)
	}
	return nil
}

// Location is the zone in which days begin now.
func (r *Reports) Location() *time.Location {
	if r.Zone == nil {
		return time.FixedZone("Asia/Tokyo", 9*60*60) // without the zone database; it has had no summer time since 1951
	}
	return r.Zone()
}

// CompleteThrough is the instant up to which the facts are complete: the oldest clock of the partitions that have records.
// It is the zero time while there are none.
func (r *Reports) CompleteThrough(ctx context.Context) (time.Time, error) {
	var at time.Time
	if err := r.Conn.QueryRow(ctx, sqlText("complete_through")).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("read complete-through: %w", err)
	}
	if at.UnixMilli() <= 0 {
		return time.Time{}, nil
	}
	return at.UTC(), nil
}
