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

// calendarInput is a range of days of the shop.
type calendarInput struct {
	From string `query:"from" format:"date" required:"true" doc:"First day, as 2026-12-01, in the shop's time zone."`
	To   string `query:"to" format:"date" required:"true" doc:"Last day; at most 62 days."`
}

type calendarOutput struct{ Body calendarPage }

type calendarPage struct {
	Zone      string         `json:"zone"`
	Campaigns []calendarItem `json:"campaigns" doc:"In order of time."`
	Sent      []calendarSent `json:"sent" doc:"Messages that left, by day and journey."`
}

// calendarItem is a campaign at its time.
type calendarItem struct {
	Name    string    `json:"name"`
	Title   Text      `json:"title"`
	At      time.Time `json:"at"`
	Day     string    `json:"day"`
	Planned bool      `json:"planned"`
	Missed  bool      `json:"missed,omitempty"`
	Status  string    `json:"status" doc:"As in the list of broadcasts."`
	People  int64     `json:"people" doc:"Who entered; of what is planned, how many the campaign goes to as it is now, before anybody is left out."`
	Sent    int64     `json:"sent" doc:"To whom a message left."`
}

type calendarSent struct {
	Day      string `json:"day"`
	Journey  string `json:"journey"`
	Title    Text   `json:"title"`
	Campaign bool   `json:"campaign"`
	Messages int64  `json:"messages"`
}

const maxCalendar = 62 * 24 * time.Hour

func (a *API) getBroadcastCalendar(ctx context.Context, in *calendarInput) (*calendarOutput, error) {
	zone := a.journeySettings().Zone()
	from, err := time.ParseInLocation(time.DateOnly, in.From, zone)
	to, err2 := time.ParseInLocation(time.DateOnly, in.To, zone)
	if to = to.AddDate(0, 0, 1); err != nil || err2 != nil || !from.Before(to) || to.Sub(from) > maxCalendar+24*time.Hour {
		return nil, enishi.FieldError("query.to", "a calendar has 1 to 62 days, from one day to a later one", "期間は 1〜62 日で、開始日から終了日の順に指定してください。")
	}
	page := calendarPage{Zone: zone.String(), Campaigns: []calendarItem{}, Sent: []calendarSent{}}
	p, err := a.progress(ctx, isFresh(ctx))
	if err != nil {
		return nil, err
	}
	missed, err := a.missedCampaigns(ctx)
	if err != nil {
		return nil, err
	}
	campaigns, names := map[string]*campaignNow{}, []string{}
	for _, d := range a.cfg.Definitions.List("journey") {
		if c, ok := a.campaignNow(&d); ok {
			campaigns[d.Name] = &c
			names = append(names, d.Name)
		}
	}
	parts, err := a.campaignParts(ctx, names)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		items, err := a.calendarItems(ctx, campaigns[name], parts, missed, p)
		if err != nil {
			return nil, err
		}
		for _, x := range items {
			if x.At.Before(from) || !x.At.Before(to) {
				continue
			}
			x.Day = x.At.In(zone).Format(time.DateOnly)
			page.Campaigns = append(page.Campaigns, x)
		}
	}
	slices.SortStableFunc(page.Campaigns, func(x, y calendarItem) int { return x.At.Compare(y.At) })
	err = a.each(ctx, "SELECT toString(toDate(sent_at, {zone:String})) AS day, toString(journey), count() FROM sends FINAL WHERE sent_at >= fromUnixTimestamp64Milli({from:Int64}) AND sent_at < fromUnixTimestamp64Milli({to:Int64}) AND journey != '' GROUP BY day, journey ORDER BY day, count() DESC, journey",
		[]any{ch.Named("zone", zone.String()), millis("from", from), millis("to", to)}, func(rows driver.Rows) error {
			var x calendarSent
			var n uint64
			err := rows.Scan(&x.Day, &x.Journey, &n)
			x.Messages, x.Title, x.Campaign = int64(n), a.titles.journey(x.Journey), campaigns[x.Journey] != nil
			page.Sent = append(page.Sent, x)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("count messages by day: %w", err)
	}
	return &calendarOutput{page}, nil
}

// calendarItems are the times of a campaign, past and planned, up to two months ahead.
func (a *API) calendarItems(ctx context.Context, c *campaignNow, parts []campaignPart, missed map[enishi.ID]*Text, p *progress) ([]calendarItem, error) {
	row, now := a.broadcastRow(c, p, missed), a.now()
	base := calendarItem{Name: row.Name, Title: row.Title, Status: row.Status}
	var out []calendarItem
	if row.Recurs {
		for _, o := range a.occurrences(c, parts, missed) {
			x := base
			x.At, x.Missed, x.People, x.Sent = o.At, o.Missed != nil, o.Entered, o.Sent
			out = append(out, x)
		}
	} else {
		var sum CampaignSum
		for i := range parts {
			if parts[i].journey == row.Name {
				sum.add(&parts[i].CampaignSum)
			}
		}
		x := base
		switch x.People, x.Sent, x.At = sum.Entered, sum.Sent, row.At; {
		case x.At.IsZero() && !sum.First.IsZero():
			x.At = sum.First
		case x.At.IsZero():
			x.At = c.acts.At
		}
		x.Missed = missed[pipeline.MissedID(row.Name, time.Time{})] != nil
		if row.Status != "cancelled" && row.Status != "draft" && (sum.Entered > 0 || x.Missed || row.Status == "sent") {
			out = append(out, x)
		}
	}
	planned := a.upcoming(&c.body, 62)
	if !row.Recurs && row.At.After(now) {
		planned = []time.Time{row.At}
	}
	if len(planned) == 0 || row.Status == "cancelled" || row.Status == "sent" {
		return out, nil
	}
	cond, args := c.body.target()
	people, err := a.count(ctx, "SELECT count() FROM people FINAL WHERE "+cond, args...)
	if err != nil {
		return nil, fmt.Errorf("count the people of %s: %w", row.Name, err)
	}
	for _, at := range planned {
		x := base
		x.At, x.Planned, x.People = at, true, people
		out = append(out, x)
	}
	return out, nil
}
