package api

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/journeys"
)

type movesOutput struct{ Body movesPage }

// movesPage is how often people went from step to step.
type movesPage struct {
	Version         int64     `json:"version" doc:"The version whose ways they are: the one that acts, else the newest."`
	Since           time.Time `json:"since,omitzero" doc:"From when this version and those before it with the same ways have counted; runs of other versions are left out."`
	Items           []moveRow `json:"items"`
	CompleteThrough time.Time `json:"complete_through,omitzero"`
}

type moveRow struct {
	From  string `json:"from" doc:"A step at which a run rested or a message was decided; empty: the entry."`
	To    string `json:"to" doc:"The next such step. Steps between leave no trace."`
	Count int64  `json:"count" doc:"How many times."`
}

// shape is where the ways of a journey lead, whatever its steps do.
type shape struct {
	Start string             `json:"start"`
	Nodes map[string]shapeOf `json:"nodes"`
}

type shapeOf struct {
	Type      string                  `json:"type"`
	Next      string                  `json:"next"`
	Else      string                  `json:"else"`
	OnTimeout string                  `json:"on_timeout"`
	OnFailure string                  `json:"on_failure"`
	Branches  []struct{ Next string } `json:"branches"`
	Ways      []struct{ Next string } `json:"ways"`
}

// listJourneyMoves counts the moves of runs that go by the ways of the acting version.
func (a *API) listJourneyMoves(ctx context.Context, in *NamePath) (*movesOutput, error) {
	d, ok := a.cfg.Definitions.Current("journey", in.Name)
	if !ok {
		return nil, notFound("journey", "ジャーニー")
	}
	out := &movesOutput{movesPage{Version: d.Version, Items: []moveRow{}}}
	first, order, err := a.sameWays(in.Name)
	if err != nil {
		return nil, err
	}
	if first.Version > 0 {
		d, _ = a.acting(in.Name)
		out.Body.Version, out.Body.Since = d.Version, first.At
		// The moves of a step that decided two messages have one time: then the graph says which came first.
		err = a.each(ctx, `SELECT toString(prev), toString(n), count() FROM (
  SELECT n, lagInFrame(n, 1, '') OVER (PARTITION BY run_id ORDER BY t, rests, indexOf({order:Array(String)}, n) ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS prev, t FROM (
    SELECT run_id, toString(node) AS n, at AS t, 1 AS rests FROM events FINAL WHERE type IN ('journey.entered', 'journey.step', 'journey.exited') AND journey = {journey:String}
    UNION ALL SELECT run_id, toString(node), min(at), 0 FROM decisions FINAL WHERE journey = {journey:String} GROUP BY run_id, node, send_id)
  WHERE n != '' AND run_id IN (SELECT run_id FROM runs FINAL WHERE journey = {journey:String} AND definition >= {first:Int64}))
WHERE n != prev AND t >= fromUnixTimestamp64Milli({since:Int64}) GROUP BY prev, n ORDER BY prev, n`,
			[]any{named("journey", in.Name), named("order", "['"+strings.Join(order, "','")+"']"), named("first", fmt.Sprint(first.Version)), millis("since", first.At)}, func(rows driver.Rows) error {
				var m moveRow
				var n uint64
				err := rows.Scan(&m.From, &m.To, &n)
				m.Count = int64(n)
				out.Body.Items = append(out.Body.Items, m)
				return err
			})
		if err != nil {
			return nil, fmt.Errorf("count the moves of journey %s: %w", in.Name, err)
		}
	}
	out.Body.CompleteThrough, err = a.through(ctx)
	return out, err
}

// sameWays is the oldest of the acting versions without a gap whose ways are those of the one that acts, and their steps in the order of the ways.
func (a *API) sameWays(name string) (first enishi.Definition, order []string, err error) {
	var now shape
	all := a.cfg.Definitions.History("journey", name)
	for _, d := range slices.Backward(all) {
		if d.Deleted {
			break
		}
		if !journeys.Acts(d.Body) {
			continue
		}
		var x shape
		if err := json.Unmarshal(d.Body, &x); err != nil {
			return first, nil, fmt.Errorf("read journey %s: %w", name, err)
		}
		if first.Version == 0 {
			now = x
		} else if !reflect.DeepEqual(now, x) {
			break
		}
		first = d
	}
	return first, now.order(), nil
}

// order lists the steps so that each comes before those that its ways lead to; ways back are left out.
func (s *shape) order() []string {
	out := []string{}
	seen := map[string]bool{}
	var visit func(id string)
	visit = func(id string) {
		n, ok := s.Nodes[id]
		if !ok || seen[id] {
			return
		}
		seen[id] = true
		for _, b := range n.Branches {
			visit(b.Next)
		}
		for _, w := range n.Ways {
			visit(w.Next)
		}
		for _, to := range []string{n.Next, n.Else, n.OnTimeout, n.OnFailure} {
			visit(to)
		}
		out = append(out, id)
	}
	visit(s.Start)
	slices.Reverse(out)
	return out
}
