package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/analytics"
)

type standingInput struct {
	NamePath
	Node   string `query:"node" maxLength:"64" doc:"One step; all unless said."`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	Cursor string `query:"cursor" maxLength:"64"`
}

type standingOutput struct{ Body standingPage }

// standingPage is where people stand in a journey.
type standingPage struct {
	Nodes           []nodeRow     `json:"nodes"`
	Items           []standingRow `json:"items" doc:"Who came last, first."`
	Next            string        `json:"next,omitempty"`
	CompleteThrough time.Time     `json:"complete_through,omitzero"`
}

type nodeRow struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Title    Text   `json:"title"`
	Standing int64  `json:"standing" doc:"Runs that wait here now."`
	Passed   int64  `json:"passed" doc:"Runs that waited, or were decided, here and went on or ended."`
	Sent     int64  `json:"sent" doc:"Messages that the provider took."`
}

type standingRow struct {
	Profile   enishi.ID `json:"profile"`
	Name      string    `json:"name"`
	Node      string    `json:"node"`
	Since     time.Time `json:"since"`
	WaitUntil time.Time `json:"wait_until,omitzero"`
	run       enishi.ID
}

func (a *API) listJourneyPeople(ctx context.Context, in *standingInput) (*standingOutput, error) {
	d, ok := a.cfg.Definitions.Current("journey", in.Name)
	if !ok {
		return nil, notFound("journey", "ジャーニー")
	}
	out := &standingOutput{standingPage{Items: []standingRow{}}}
	var err error
	if out.Body.Nodes, err = a.nodeRows(ctx, &d); err != nil {
		return nil, err
	}
	if out.Body.Items, out.Body.Next, err = a.standing(ctx, in); err != nil {
		return nil, err
	}
	out.Body.CompleteThrough, err = a.through(ctx)
	return out, err
}

// nodeRows counts each step of the current version; people of older versions stand at their steps by name.
func (a *API) nodeRows(ctx context.Context, d *enishi.Definition) ([]nodeRow, error) {
	order, kinds := nodesOf(d.Body)
	counts := map[string]*[3]int64{}
	at := func(node string) *[3]int64 {
		if counts[node] == nil {
			counts[node] = &[3]int64{}
		}
		return counts[node]
	}
	journey := []any{named("journey", d.Name)}
	// A run leaves a row wherever it came to rest, and a decision at each message: both name runs, so nobody counts twice.
	for _, q := range [...]struct {
		column int
		query  string
	}{
		{0, "SELECT toString(node), count() FROM runs FINAL WHERE journey = {journey:String} AND ended_at = " + never + " GROUP BY node"},
		{1, `SELECT n, uniqExact(run_id) FROM (
  SELECT toString(node) AS n, run_id FROM events FINAL WHERE type IN ('journey.entered', 'journey.step', 'journey.exited') AND journey = {journey:String}
  UNION ALL SELECT toString(node) AS n, run_id FROM decisions FINAL WHERE journey = {journey:String}) GROUP BY n`},
		{2, "SELECT toString(node), countIf(sent_at > " + never + ") FROM sends FINAL WHERE journey = {journey:String} GROUP BY node"},
	} {
		err := a.each(ctx, q.query, journey, func(rows driver.Rows) error {
			var node string
			var n uint64
			err := rows.Scan(&node, &n)
			at(node)[q.column] = int64(n)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("count people in journey %s: %w", d.Name, err)
		}
	}
	for node := range counts {
		if _, ok := kinds[node]; !ok && counts[node][0] > 0 {
			order = append(order, node) // of an earlier version, and somebody is still there
		}
	}
	out := make([]nodeRow, 0, len(order))
	for _, id := range order {
		c := at(id)
		out = append(out, nodeRow{id, kinds[id], a.titles.node(d.Name, id), c[0], max(c[1]-c[0], 0), c[2]})
	}
	return out, nil
}

// nodesOf lists the steps of a definition in the order of its text, with their types.
func nodesOf(definition json.RawMessage) (order []string, kinds map[string]string) {
	kinds = map[string]string{}
	var d struct {
		Nodes json.RawMessage `json:"nodes"`
	}
	if json.Unmarshal(definition, &d) != nil {
		return nil, kinds
	}
	for _, m := range members(d.Nodes) {
		order = append(order, m.key)
		kinds[m.key] = nodeTitleOf(m.value).kind
	}
	return order, kinds
}

// standing lists live runs, the newest arrivals first.
func (a *API) standing(ctx context.Context, in *standingInput) ([]standingRow, string, error) {
	cond, err := before(in.Cursor, "since", "run_id")
	if err != nil {
		return nil, "", err
	}
	args := []any{named("journey", in.Name)}
	if in.Node != "" {
		cond += " AND node = {node:String}"
		args = append(args, named("node", in.Node))
	}
	items := []standingRow{}
	var ids []enishi.ID
	next := ""
	err = a.each(ctx, fmt.Sprintf("SELECT profile_id, run_id, toString(node), since, wait_until FROM runs FINAL WHERE journey = {journey:String} AND ended_at = %s AND %s ORDER BY since DESC, run_id DESC LIMIT %d",
		never, cond, in.Limit+1), args, func(rows driver.Rows) error {
		var r standingRow
		var profile, run string
		if err := rows.Scan(&profile, &run, &r.Node, &r.Since, &r.WaitUntil); err != nil {
			return err
		}
		if len(items) == in.Limit {
			last := items[in.Limit-1]
			next = cursorOf(last.Since, last.run)
			return nil
		}
		r.Profile, r.run, r.Since, r.WaitUntil = idOf(profile), idOf(run), r.Since.UTC(), known(r.WaitUntil)
		items, ids = append(items, r), append(ids, r.Profile)
		return nil
	})
	if err != nil {
		return nil, "", fmt.Errorf("list people in journey %s: %w", in.Name, err)
	}
	names, err := a.names(ctx, ids)
	for i := range items {
		items[i].Name = names[items[i].Profile]
	}
	return items, next, err
}

type resultsOutput struct{ Body journeyResult }

// journeyResult is what a journey did over all time.
type journeyResult struct {
	analytics.JourneyRow
	Title           Text      `json:"title"`
	CompleteThrough time.Time `json:"complete_through,omitzero"`
}

func (a *API) getJourneyResults(ctx context.Context, in *NamePath) (*resultsOutput, error) {
	if _, ok := a.cfg.Definitions.Current("journey", in.Name); !ok {
		return nil, notFound("journey", "ジャーニー")
	}
	results, err := a.journeyResults(ctx)
	if err != nil {
		return nil, err
	}
	r := results[in.Name]
	r.Journey = in.Name
	if r.Skipped == nil {
		r.Skipped = map[string]int64{}
	}
	out := &resultsOutput{journeyResult{JourneyRow: r, Title: a.titles.journey(in.Name)}}
	out.Body.CompleteThrough, err = a.through(ctx)
	return out, err
}

// usersOf are the journeys whose definitions name a template.
func (a *API) usersOf(template string) []string {
	out := []string{}
	for _, d := range a.cfg.Definitions.List("journey") {
		if slices.Contains(templatesOf(d.Body), template) {
			out = append(out, d.Name)
		}
	}
	slices.Sort(out)
	return out
}
