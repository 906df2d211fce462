package api

import (
	"context"
	"time"

	"enishi/analytics"
)

// The freshness of a report is read before its facts: they may know more by then, never less.

// of is the range that a report covers.
func (r RangeQuery) of(now time.Time) analytics.Range {
	x := analytics.Range{From: r.From, To: r.To}
	if x.To.IsZero() {
		x.To = now
	}
	if x.From.IsZero() {
		x.From = x.To.AddDate(0, 0, -30)
	}
	return x
}

type revenueInput struct {
	RangeQuery
	By       string `query:"by" enum:"day,week,month" default:"day"`
	Currency string `query:"currency" maxLength:"3" doc:"The one with the most orders unless said."`
}

type revenueOutput struct{ Body analytics.Revenue }

func (a *API) reportRevenue(ctx context.Context, in *revenueInput) (*revenueOutput, error) {
	through, err := a.through(ctx)
	if err != nil {
		return nil, err
	}
	r, err := a.cfg.Reports.Revenue(ctx, in.of(a.now()), in.By, in.Currency)
	if err != nil {
		return nil, err
	}
	if r.Series == nil {
		r.Series = []analytics.RevenuePoint{}
	}
	r.CompleteThrough = through
	return &revenueOutput{*r}, nil
}

type funnelOutput struct{ Body analytics.Funnel }

func (a *API) reportFunnel(ctx context.Context, in *RangeQuery) (*funnelOutput, error) {
	through, err := a.through(ctx)
	if err != nil {
		return nil, err
	}
	r, err := a.cfg.Reports.Funnel(ctx, in.of(a.now()))
	if err != nil {
		return nil, err
	}
	r.CompleteThrough = through
	return &funnelOutput{*r}, nil
}

// journeyReportRow is a row of the report with the journey's title.
type journeyReportRow struct {
	analytics.JourneyRow
	Title Text `json:"title"`
}

type journeyReportOutput struct {
	Body struct {
		Rows            []journeyReportRow `json:"rows"`
		CompleteThrough time.Time          `json:"complete_through"`
	}
}

func (a *API) reportJourneys(ctx context.Context, in *RangeQuery) (*journeyReportOutput, error) {
	through, err := a.through(ctx)
	if err != nil {
		return nil, err
	}
	r, err := a.cfg.Reports.Journeys(ctx, in.of(a.now()))
	if err != nil {
		return nil, err
	}
	out := &journeyReportOutput{}
	out.Body.Rows = []journeyReportRow{}
	for _, row := range r.Rows {
		out.Body.Rows = append(out.Body.Rows, journeyReportRow{row, a.titles.journey(row.Journey)})
	}
	out.Body.CompleteThrough = through
	return out, nil
}

type messageReportInput struct {
	RangeQuery
	By string `query:"by" enum:"channel,journey,template" default:"channel"`
}

type messageReportRow struct {
	analytics.MessageRow
	Title Text `json:"title"`
}

type messageReportOutput struct {
	Body struct {
		Rows            []messageReportRow `json:"rows"`
		CompleteThrough time.Time          `json:"complete_through"`
	}
}

func (a *API) reportMessages(ctx context.Context, in *messageReportInput) (*messageReportOutput, error) {
	through, err := a.through(ctx)
	if err != nil {
		return nil, err
	}
	r, err := a.cfg.Reports.Messages(ctx, in.of(a.now()), in.By)
	if err != nil {
		return nil, err
	}
	out := &messageReportOutput{}
	out.Body.Rows = []messageReportRow{}
	for _, row := range r.Rows {
		title := a.titles.of(in.By, row.Name)
		if in.By == "channel" {
			title = word("channel", row.Name)
		}
		out.Body.Rows = append(out.Body.Rows, messageReportRow{row, title})
	}
	out.Body.CompleteThrough = through
	return out, nil
}
