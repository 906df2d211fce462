package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/segments"
)

// rankingRow is a ranking and what was computed of it.
type rankingRow struct {
	Name        string      `json:"name"`
	Title       Text        `json:"title"`
	Description Text        `json:"description"`
	Measure     string      `json:"measure" doc:"A number, an amount or a time of a person."`
	Among       string      `json:"among" doc:"Who is ranked; empty: everybody whose measure is known."`
	By          segments.By `json:"by"`
	Every       string      `json:"every" doc:"How often it is computed, or manual."`
	Version     int64       `json:"version"`
	UpdatedAt   time.Time   `json:"updated_at"`
	Due         time.Time   `json:"due,omitzero" doc:"When it is computed next; absent: when somebody asks for it, or at once."`
	Computed    *cutsRow    `json:"computed,omitempty" doc:"What counts now; absent before the first computation, when nobody has a rank."`
	UsedIn      []string    `json:"used_in" doc:"Names of segments and journeys."`
	Ranks       []rankRow   `json:"ranks" doc:"Of one ranking: how many people are in each rank now."`
}

// cutsRow is one computation.
type cutsRow struct {
	At       time.Time `json:"at"`
	Actor    string    `json:"actor" doc:"Who asked for it; enishi: its schedule."`
	Points   []string  `json:"points" doc:"From which value on ranks 2, 3 ... begin: decimal text, or RFC 3339."`
	People   int64     `json:"people" doc:"Who were ranked."`
	Through  time.Time `json:"complete_through"`
	Outdated bool      `json:"outdated" doc:"The ranking has changed since; this counts until the next computation."`
}

type rankRow struct {
	Rank   int64  `json:"rank"`
	From   string `json:"from" doc:"The value at which it begins; empty: the lowest."`
	People int64  `json:"people"`
}

// fields that stand for ranks by the built-in rankings.
var rankFields = map[string]string{"rfm-recency": "rfm_r", "rfm-frequency": "rfm_f", "rfm-monetary": "rfm_m"}

func (a *API) rankingRow(d *enishi.Definition) (rankingRow, error) {
	r, err := segments.ParseRanking(d.Body)
	if err != nil {
		return rankingRow{}, fmt.Errorf("read ranking %s: %w", d.Name, err)
	}
	row := rankingRow{Name: d.Name, Title: Text(r.Title).complete(), Description: Text(r.Description).complete(), Measure: r.Measure, Among: r.Among, By: r.By, Every: r.Every,
		Version: d.Version, UpdatedAt: d.At, UsedIn: a.takerNames(segments.KindRanking, d.Name), Ranks: []rankRow{}}
	if row.Every == "" {
		row.Every = "24h"
	}
	if c, ok := a.cuts(d.Name); ok {
		x, _ := a.cfg.Definitions.Current(segments.KindCuts, d.Name)
		row.Computed = &cutsRow{At: c.ComputedAt, Actor: x.Actor, Points: append([]string{}, c.Points...), People: c.People, Through: c.Through, Outdated: c.Version != d.Version}
		if !row.Computed.Outdated {
			row.Due = r.Due(c.ComputedAt)
		}
	}
	return row, nil
}

func (a *API) listRankings(_ context.Context, _ *struct{}) (*listOutput[rankingRow], error) {
	out := listOf([]rankingRow{})
	for _, d := range a.cfg.Definitions.List(segments.KindRanking) {
		row, err := a.rankingRow(&d)
		if err != nil {
			return nil, err
		}
		out.Body.Items = append(out.Body.Items, row)
	}
	return out, nil
}

type rankingOutput struct{ Body rankingRow }

func (a *API) getRanking(ctx context.Context, in *NamePath) (*rankingOutput, error) {
	d, ok := a.cfg.Definitions.Current(segments.KindRanking, in.Name)
	if !ok {
		return nil, notFound("ranking", "ランキング")
	}
	row, err := a.rankingRow(&d)
	if err != nil {
		return nil, err
	}
	if c, ok := a.cuts(in.Name); ok {
		if row.Ranks, err = a.ranks(ctx, c); err != nil {
			return nil, err
		}
	}
	return &rankingOutput{row}, nil
}

// ranks are how many people each rank has now; those without anybody too.
func (a *API) ranks(ctx context.Context, c *segments.Cuts) ([]rankRow, error) {
	out := make([]rankRow, c.By.Ranks())
	for i := range out {
		out[i].Rank = int64(i + 1)
		if i > 0 && i <= len(c.Points) {
			out[i].From = c.Points[i-1]
		}
	}
	query, args, err := c.SQL(a.library(), a.now())
	if err != nil {
		return nil, err
	}
	err = a.bounded(ctx, func(ctx context.Context) error {
		return a.each(ctx, query, args, func(rows driver.Rows) error {
			var rank int64
			var people uint64
			err := rows.Scan(&rank, &people)
			if err == nil && rank >= 1 && rank <= int64(len(out)) {
				out[rank-1].People = int64(people)
			}
			return err
		})
	})
	return out, err
}

type rankingInput struct {
	NamePath
	Body struct {
		Title       textInput   `json:"title"`
		Description textInput   `json:"description,omitzero" required:"false"`
		Measure     string      `json:"measure" maxLength:"20000"`
		Among       string      `json:"among,omitempty" maxLength:"20000"`
		By          segments.By `json:"by" doc:"One of quantiles, percentiles and top."`
		Every       string      `json:"every,omitempty" maxLength:"20" doc:"Such as 24h (the default), at least 10m; or manual."`
		Expect      int64       `json:"expect" doc:"The version this replaces; 0 for a new one."`
		Reason      string      `json:"reason,omitempty" maxLength:"500"`
	}
}

func (a *API) saveRanking(ctx context.Context, in *rankingInput) (*writtenOutput, error) {
	b := &in.Body
	if err := errors.Join(checkName(in.Name), checkTitle(Text(b.Title))); err != nil {
		return nil, err
	}
	r := segments.Ranking{Title: segments.Label(b.Title), Description: segments.Label(b.Description), Order: segments.Order{Measure: b.Measure, Among: strings.TrimSpace(b.Among), By: b.By}, Every: b.Every}
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	if err := a.checkRanking(in.Name, body); err != nil {
		return nil, err
	}
	w, err := a.save(ctx, enishi.Definition{Kind: segments.KindRanking, Name: in.Name, Expect: b.Expect, Body: body, Reason: b.Reason})
	return &writtenOutput{w}, err
}

// checkRanking reads what a ranking is to be, and compiles those that name it with it in its place.
func (a *API) checkRanking(name string, body []byte) error {
	r, err := segments.ParseRanking(body)
	if err != nil {
		return err
	}
	after := a.library()
	now := after.Ranking
	after.Ranking = func(other string) (*segments.Cuts, bool) {
		if other == name {
			return &segments.Cuts{Order: r.Order}, true
		}
		return now(other)
	}
	return a.checkTakers(segments.KindRanking, name, after)
}

func (a *API) deleteRanking(ctx context.Context, in *deleteInput) (*writtenOutput, error) {
	if _, ok := a.cfg.Definitions.Current(segments.KindRanking, in.Name); !ok {
		return nil, notFound("ranking", "ランキング")
	}
	if err := a.checkUntaken(segments.KindRanking, in.Name); err != nil {
		return nil, err
	}
	w, err := a.save(ctx, enishi.Definition{Kind: segments.KindRanking, Name: in.Name, Expect: in.Expect, Deleted: true, Reason: in.Reason})
	return &writtenOutput{w}, err
}

type computeInput struct {
	NamePath
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

type computeOutput struct{ Body computePage }

type computePage struct {
	Written
	Changed bool     `json:"changed" doc:"The points are others than before; then who names the ranking is evaluated anew."`
	Points  []string `json:"points"`
	People  int64    `json:"people" doc:"Who are ranked; while there is nobody nothing is published."`
}

func (a *API) computeRanking(ctx context.Context, in *computeInput) (*computeOutput, error) {
	d, ok := a.cfg.Definitions.Current(segments.KindRanking, in.Name)
	if !ok {
		return nil, notFound("ranking", "ランキング")
	}
	next, cuts, err := a.computeCuts(ctx, &d)
	if err != nil {
		return nil, err
	}
	out := &computeOutput{computePage{Written: Written{RequestID: callOf(ctx).request}, Points: append([]string{}, cuts.Points...), People: cuts.People}}
	if next == nil {
		return out, nil
	}
	if in.Body != nil {
		next.Reason = in.Body.Reason
	}
	w, err := a.save(ctx, *next)
	if enishi.ErrorCode(err) == enishi.Conflict { // the schedule was first, with the same
		return out, nil
	}
	out.Body.Written, out.Body.Changed = w, true
	return out, err
}

// warnings say what is right and yet gives nobody.
func warnings(s *segments.Segment) []Text {
	out := []Text{}
	for _, name := range s.Uncomputed() {
		what := Text{"rank(\"" + name + "\")", "rank(\"" + name + "\")"}
		if f := rankFields[name]; f != "" {
			what = Text{f, f}
		}
		out = append(out, Text{what.JA + " はまだ計算されていないため、該当者はいません（ランキング「" + name + "」）。", what.EN + " is not computed yet, so nobody has it (ranking " + name + ")."})
	}
	return out
}
