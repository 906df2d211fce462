package api

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// statusPage is the counts and lags that an operator asks for.
type statusPage struct {
	Profiles        int64                       `json:"profiles" doc:"People, without those that were merged away."`
	Orders          int64                       `json:"orders"`
	Events          map[string]int64            `json:"events" doc:"By type."`
	Dead            int64                       `json:"dead" doc:"Dead letters that wait."`
	Lag             lag                         `json:"lag"`
	OldestDue       *time.Time                  `json:"oldest_due" doc:"The timer that is overdue for longest; null when none is."`
	Sends           map[string]map[string]int64 `json:"sends" doc:"By channel and outcome."`
	Clock           ClockState                  `json:"clock"`
	Partitions      []partitionRow              `json:"partitions"`
	CompleteThrough time.Time                   `json:"complete_through,omitzero"`
}

type lag struct {
	Ingest   int64 `json:"ingest"`
	Events   int64 `json:"events"`
	Messages int64 `json:"messages"`
}

// ClockState is where the workspace's clock stands.
type ClockState struct {
	Virtual bool      `json:"virtual"`
	At      time.Time `json:"at"`
}

type partitionRow struct {
	Partition   int       `json:"partition"`
	Next        int64     `json:"next" doc:"First offset that the tables do not have."`
	End         int64     `json:"end"`
	Clock       time.Time `json:"clock,omitzero"`
	Identities  int64     `json:"identities"`
	Definitions int64     `json:"definitions"`
	Sweeps      int       `json:"sweeps"`
}

type statusOutput struct{ Body statusPage }

func (a *API) getStatus(ctx context.Context, _ *struct{}) (*statusOutput, error) {
	s, err := a.statusMemo.get(ctx, isFresh(ctx), 500*time.Millisecond, a.status)
	if err != nil {
		return nil, err
	}
	return &statusOutput{*s}, nil
}

func (a *API) status(ctx context.Context) (*statusPage, error) {
	s := &statusPage{Events: map[string]int64{}, Sends: map[string]map[string]int64{}, Clock: a.clockState()}
	// Lags are read before counts: what a lag of 0 says is there, the counts have.
	p, err := a.progress(ctx, true)
	if err != nil {
		return nil, err
	}
	messages, err := a.openMessages(ctx)
	if err != nil {
		return nil, err
	}
	s.Lag, s.CompleteThrough = lag{p.Ingest, p.Events, messages}, p.Through
	for n := range p.Markers {
		m := &p.Markers[n]
		s.Partitions = append(s.Partitions, partitionRow{n, m.next, p.Ends[n], known(m.clock), m.identities, m.definitions, len(m.sweeps)})
	}
	var people, orders, dead uint64
	var due time.Time
	err = a.one(ctx, `SELECT (SELECT count() FROM people FINAL), (SELECT count() FROM orders FINAL), (SELECT count() FROM dead_letters FINAL WHERE state = 'waiting'),
  (SELECT min(due_at) FROM due FINAL WHERE due_at > `+never+` AND due_at <= fromUnixTimestamp64Milli({now:Int64}))`, []any{millis("now", a.now())}, &people, &orders, &dead, &due)
	if err != nil {
		return nil, fmt.Errorf("count: %w", err)
	}
	s.Profiles, s.Orders, s.Dead = int64(people), int64(orders), int64(dead)
	if at := known(due); !at.IsZero() {
		s.OldestDue = &at
	}
	err = a.each(ctx, "SELECT toString(type), count() FROM events FINAL GROUP BY type", nil, func(rows driver.Rows) error {
		var t string
		var n uint64
		err := rows.Scan(&t, &n)
		s.Events[t] = int64(n)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count events: %w", err)
	}
	err = a.each(ctx, "SELECT toString(channel), toString(state), count() FROM deliveries FINAL GROUP BY channel, state", nil, func(rows driver.Rows) error {
		var channel, state string
		var n uint64
		err := rows.Scan(&channel, &state, &n)
		if s.Sends[channel] == nil {
			s.Sends[channel] = map[string]int64{}
		}
		s.Sends[channel][state] = int64(n)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count sends: %w", err)
	}
	return s, nil
}

func (a *API) clockState() ClockState {
	_, virtual := a.cfg.Folder.Clock().Virtual()
	return ClockState{virtual, a.now()}
}
