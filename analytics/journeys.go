package analytics

import (
	"context"
	"sort"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Journeys is what journeys did.
type Journeys struct {
	Rows            []JourneyRow `json:"rows"` // by name
	CompleteThrough time.Time    `json:"complete_through"`
}

// JourneyRow counts one journey's runs that were entered in the range, and the sends and non-sends that were decided in it.
// Converted is observed, not caused: people with a valid order that no subscription placed, within 7 days after a message
// of the journey was sent, in the range or after it.
type JourneyRow struct {
	Journey   string           `json:"journey"`
	Entered   int64            `json:"entered"`
	Running   int64            `json:"running"`   // of those entered
	Completed int64            `json:"completed"` // by the end or the goal
	Exited    int64            `json:"exited"`    // in any other way
	Sent      int64            `json:"sent"`      // messages; so are the next two
	Opened    int64            `json:"opened"`
	Clicked   int64            `json:"clicked"`
	Converted int64            `json:"converted"`         // people
	Skipped   map[string]int64 `json:"skipped_by_reason"` // decisions not to send, by the check that failed
}

// Journeys reports all journeys that had a run, a send or a decision in the range.
func (r *Reports) Journeys(ctx context.Context, x Range) (*Journeys, error) {
	if err := x.Check(); err != nil {
		return nil, err
	}
	out := &Journeys{Rows: []JourneyRow{}}
	var err error
	if out.CompleteThrough, err = r.CompleteThrough(ctx); err != nil {
		return nil, err
	}
	byName := map[string]*JourneyRow{}
	row := func(name string) *JourneyRow {
		if byName[name] == nil {
			byName[name] = &JourneyRow{Journey: name, Skipped: map[string]int64{}}
		}
		return byName[name]
	}
	for _, q := range []struct {
		name string
		scan func(rows driver.Rows) error
	}{
		{"journey_runs", func(rows driver.Rows) error {
			name, n, err := scanCounts(rows, 4)
			j := row(name)
			j.Entered, j.Running, j.Completed, j.Exited = n[0], n[1], n[2], n[3]
			return err
		}},
		{"journey_sends", func(rows driver.Rows) error {
			name, n, err := scanCounts(rows, 3)
			j := row(name)
			j.Sent, j.Opened, j.Clicked = n[0], n[1], n[2]
			return err
		}},
		{"journey_conversions", func(rows driver.Rows) error {
			name, n, err := scanCounts(rows, 1)
			row(name).Converted = n[0]
			return err
		}},
		{"journey_skips", func(rows driver.Rows) error {
			var name, reason string
			var n uint64
			err := rows.Scan(&name, &reason, &n)
			row(name).Skipped[reason] = int64(n)
			return err
		}},
	} {
		if err := r.each(ctx, q.name, x.args(), q.scan); err != nil {
			return nil, err
		}
	}
	for _, j := range byName {
		out.Rows = append(out.Rows, *j)
	}
	sort.Slice(out.Rows, func(i, k int) bool { return out.Rows[i].Journey < out.Rows[k].Journey })
	return out, nil
}

// scanCounts reads a name and n counts.
func scanCounts(rows driver.Rows, n int) (name string, counts []int64, err error) {
	read := make([]uint64, n)
	into := []any{&name}
	for i := range read {
		into = append(into, &read[i])
	}
	err = rows.Scan(into...)
	counts = make([]int64, n)
	for i, v := range read {
		counts[i] = int64(v)
	}
	return name, counts, err
}
