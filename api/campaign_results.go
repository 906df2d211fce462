package api

import (
	"context"
	"fmt"
	"slices"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/internal/pipeline"
)

// CampaignSum is what became of a campaign's messages, in people.
type CampaignSum struct {
	Entered int64     `json:"entered" doc:"People who entered."`
	Sent    int64     `json:"sent" doc:"People to whom a message left."`
	Opened  int64     `json:"opened" doc:"By a person, as far as can be told."`
	Clicked int64     `json:"clicked"`
	Ordered int64     `json:"ordered" doc:"Who ordered within 7 days after it; subscriptions do not count. Observed, not caused."`
	First   time.Time `json:"first,omitzero" doc:"When the first message left."`
}

func (s *CampaignSum) add(x *CampaignSum) {
	s.Entered, s.Sent, s.Opened, s.Clicked, s.Ordered = s.Entered+x.Entered, s.Sent+x.Sent, s.Opened+x.Opened, s.Clicked+x.Clicked, s.Ordered+x.Ordered
	if !x.First.IsZero() && (s.First.IsZero() || x.First.Before(s.First)) {
		s.First = x.First
	}
}

// campaignPart is one occurrence's share of a node's messages.
type campaignPart struct {
	journey, node string
	occurrence    time.Time // zero: of a campaign that goes once
	CampaignSum
}

// campaignParts counts what became of campaigns by node and occurrence.
func (a *API) campaignParts(ctx context.Context, names []string) ([]campaignPart, error) {
	if len(names) == 0 {
		return nil, nil
	}
	const query = `WITH
  run AS (SELECT run_id, any(journey) AS name, any(reason) AS why FROM events WHERE type = 'journey.entered' AND journey IN ({names:Array(String)}) GROUP BY run_id),
  told AS (SELECT run_id, any(node) AS at, min(if(sent_at > ` + never + `, sent_at, toDateTime64('2200-01-01', 3, 'UTC'))) AS sent, max(opened_at) AS opened, max(clicked_at) AS clicked, any(profile_id) AS person
    FROM sends FINAL WHERE journey IN ({names:Array(String)}) AND sent_at > ` + never + ` GROUP BY run_id),
  bought AS (SELECT DISTINCT told.run_id AS run_id FROM told INNER JOIN (SELECT profile_id, placed_at FROM orders FINAL WHERE valid = 1 AND automatic = 0) AS o ON o.profile_id = told.person
    WHERE o.placed_at >= told.sent AND o.placed_at < told.sent + INTERVAL 7 DAY)
SELECT toString(run.name), toString(told.at), run.why, count(), countIf(told.at != ''), countIf(told.opened > ` + never + `), countIf(told.clicked > ` + never + `),
  countIf(run.run_id IN (SELECT run_id FROM bought)), minIf(told.sent, told.at != '')
FROM run LEFT JOIN told ON told.run_id = run.run_id GROUP BY 1, 2, 3 ORDER BY 1, 3, 2`
	var out []campaignPart
	err := a.each(ctx, query, []any{ch.Named("names", names)}, func(rows driver.Rows) error {
		var p campaignPart
		var why string
		var n [5]uint64
		var first time.Time
		if err := rows.Scan(&p.journey, &p.node, &why, &n[0], &n[1], &n[2], &n[3], &n[4], &first); err != nil {
			return err
		}
		p.CampaignSum = CampaignSum{Entered: int64(n[0]), Sent: int64(n[1]), Opened: int64(n[2]), Clicked: int64(n[3]), Ordered: int64(n[4])}
		if n[1] > 0 {
			p.First = first.UTC()
		}
		p.occurrence = occurrenceOf(why)
		out = append(out, p)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count the results of campaigns: %w", err)
	}
	return out, nil
}

// occurrenceOf reads the reason of a run's entry.
func occurrenceOf(why string) time.Time {
	at, err := time.Parse("broadcast:"+time.RFC3339, why)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// missedCampaigns are what alerts tell of campaigns which were not sent, those that were closed included.
func (a *API) missedCampaigns(ctx context.Context) (map[enishi.ID]*Text, error) {
	out := map[enishi.ID]*Text{}
	err := a.each(ctx, "SELECT id, text_ja, text FROM alerts FINAL WHERE kind = {kind:String}", []any{named("kind", pipeline.MissedKind)}, func(rows driver.Rows) error {
		var id string
		why := &Text{}
		err := rows.Scan(&id, &why.JA, &why.EN)
		out[idOf(id)] = why
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read missed campaigns: %w", err)
	}
	return out, nil
}

// occurrenceRow is one time that a recurring campaign went, or did not.
type occurrenceRow struct {
	At     time.Time `json:"at"`
	Missed *Text     `json:"missed,omitempty" doc:"Why it did not go, or not to everybody."`
	CampaignSum
}

// variantRow is what became of a variant.
type variantRow struct {
	Variant string  `json:"variant" doc:"a, b, ..."`
	Rate    float64 `json:"rate" doc:"Of clicks or orders, by what the test goes, of the people to whom a message left."`
	CampaignSum
}

// rate is what a test goes by.
func (s *CampaignSum) rate(by string) float64 {
	if s.Sent == 0 {
		return 0
	}
	if by == "order" {
		return float64(s.Ordered) / float64(s.Sent)
	}
	return float64(s.Clicked) / float64(s.Sent)
}

// variantRows are the results of a test's variants.
func variantRows(t *campaignTest, parts []campaignPart) []variantRow {
	out := make([]variantRow, len(t.Variants))
	for i := range out {
		out[i].Variant = variantName(i)
		for k := range parts {
			if parts[k].node == "message_"+out[i].Variant {
				out[i].add(&parts[k].CampaignSum)
			}
		}
		out[i].Rate = out[i].rate(t.By)
	}
	return out
}

// occurrences are the times that a campaign went or should have gone in the last three months, newest first.
func (a *API) occurrences(c *campaignNow, parts []campaignPart, missed map[enishi.ID]*Text) []occurrenceRow {
	rows := map[time.Time]*occurrenceRow{}
	at := func(t time.Time) *occurrenceRow {
		if rows[t] == nil {
			rows[t] = &occurrenceRow{At: t}
		}
		return rows[t]
	}
	for i := range parts {
		if !parts[i].occurrence.IsZero() {
			at(parts[i].occurrence).add(&parts[i].CampaignSum)
		}
	}
	now := a.now()
	for _, t := range c.body.Schedule.Upcoming(now.AddDate(0, -3, 0), 100, a.journeySettings()) {
		if why := missed[pipeline.MissedID(c.newest.Name, t)]; why != nil && !t.After(now) {
			at(t).Missed = why
		}
	}
	out := make([]occurrenceRow, 0, len(rows))
	for _, r := range rows {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(x, y occurrenceRow) int { return y.At.Compare(x.At) })
	return out
}
