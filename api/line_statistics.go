package api

import (
	"context"
	"fmt"
	"strconv"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/channels"
	"enishi/channels/line"
)

// What LINE says of its messages comes in days late and goes on for two weeks. Every message that a journey sends is counted
// under the unit of its journey, template and month; one replica asks once a day for those of the last weeks.

const (
	statisticsLook  = time.Hour           // how often it is looked what is to be asked
	statisticsEvery = 20 * time.Hour      // each unit
	statisticsFor   = 14 * 24 * time.Hour // after its last message
	statisticsMost  = 50                  // questions of one look: LINE takes 60 an hour
)

// lineStatisticsRow is what LINE says of the messages of one journey, template and month.
type lineStatisticsRow struct {
	Account  string    `json:"account"`
	Journey  string    `json:"journey"`
	Template string    `json:"template"`
	Title    Text      `json:"title" doc:"Of the template."`
	Month    string    `json:"month" doc:"In Japan, as 2026-11."`
	Messages int64     `json:"messages" doc:"That LINE took."`
	Seen     *int64    `json:"seen" doc:"People who had it on their screen; null: fewer than 20, which LINE does not tell."`
	Clicked  *int64    `json:"clicked" doc:"People who opened a link of it; null likewise."`
	Text     Text      `json:"text"`
	AskedAt  time.Time `json:"asked_at" doc:"LINE's figures go on growing until two weeks after."`
}

type lineStatisticsInput struct {
	Journey string `query:"journey" maxLength:"64" doc:"Of a journey or broadcast; all unless said."`
}

func (a *API) listLineStatistics(ctx context.Context, in *lineStatisticsInput) (*listOutput[lineStatisticsRow], error) {
	out := listOf([]lineStatisticsRow{})
	err := a.each(ctx, `SELECT toString(account), toString(journey), toString(template), month, messages, seen, clicked, asked_at FROM line_statistics FINAL
WHERE {journey:String} = '' OR journey = {journey:String} ORDER BY month DESC, journey, template, account LIMIT 1000`, []any{ch.Named("journey", in.Journey)}, func(rows driver.Rows) error {
		var r lineStatisticsRow
		var month uint32
		var messages uint64
		var seen, clicked int64
		if err := rows.Scan(&r.Account, &r.Journey, &r.Template, &month, &messages, &seen, &clicked, &r.AskedAt); err != nil {
			return err
		}
		r.Title, r.Month, r.Messages, r.AskedAt = a.titles.template(r.Template), fmt.Sprintf("%d-%02d", month/100, month%100), int64(messages), r.AskedAt.UTC()
		r.Seen, r.Clicked = figureOf(seen), figureOf(clicked)
		r.Text = Text{"表示 " + figureText(r.Seen).JA + "・クリック " + figureText(r.Clicked).JA, "seen by " + figureText(r.Seen).EN + ", clicked by " + figureText(r.Clicked).EN}
		out.Body.Items = append(out.Body.Items, r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list what LINE says of messages: %w", err)
	}
	return out, nil
}

// figureOf is a figure as it stands in the table: -1 is what LINE does not tell.
func figureOf(n int64) *int64 {
	if n < 0 {
		return nil
	}
	return &n
}

func untold(n *int64) int64 {
	if n == nil {
		return -1
	}
	return *n
}

func figureText(n *int64) Text {
	if n == nil {
		return Text{"20 人未満", "fewer than 20"}
	}
	return Text{grouped(*n) + " 人", grouped(*n)}
}

// lineUnit is one unit of which LINE is to be asked.
type lineUnit struct {
	account, journey, template string
	month                      uint32
	messages                   uint64
	first, last                time.Time
	name                       string
}

// askLineStatistics asks for the units that are due, those that were asked longest ago first.
func (a *API) askLineStatistics(ctx context.Context, now time.Time) error {
	units, err := a.lineUnits(ctx, now)
	if err != nil {
		return err
	}
	asked := map[string]bool{}
	for i := range units {
		u := &units[i]
		o, ok := a.cfg.LINE.Get(u.account)
		if !ok || !o.Statistics() {
			continue
		}
		to := u.last.Add(statisticsFor)
		if latest := u.first.AddDate(0, 0, line.MaxStatisticsDays); to.After(latest) {
			to = latest
		}
		if to.After(now) {
			to = now
		}
		s, err := o.Channel.Statistics(ctx, u.name, u.first, to)
		if err != nil {
			return fmt.Errorf("ask for unit %s of account %s: %w", u.name, u.account, err)
		}
		asked[u.account] = true
		err = a.cfg.DB.Insert(ctx, "line_statistics", []string{"account", "unit", "journey", "template", "month", "messages", "last_at", "seen", "clicked", "played", "watched", "asked_at"}, 1,
			[]string{u.account}, []string{u.name}, []string{u.journey}, []string{u.template}, []uint32{u.month}, []uint64{u.messages}, []time.Time{u.last},
			[]int64{untold(s.Seen)}, []int64{untold(s.Clicked)}, []int64{untold(s.Played)}, []int64{untold(s.Watched)}, []time.Time{now})
		if err != nil {
			return err
		}
	}
	for account := range asked {
		if err := a.checkLineUnits(ctx, account, now); err != nil {
			return err
		}
	}
	return nil
}

// lineUnits are the units whose messages are of the last weeks and of which LINE was not asked for a day.
func (a *API) lineUnits(ctx context.Context, now time.Time) (units []lineUnit, err error) {
	err = a.each(ctx, fmt.Sprintf(`SELECT account, journey, template, month, n, first, last FROM (
SELECT splitByChar(':', toString(destination))[2] AS account, toString(journey) AS journey, toString(template) AS template, toYYYYMM(decided_at, 'Asia/Tokyo') AS month,
  count() AS n, min(updated_at) AS first, max(updated_at) AS last FROM deliveries FINAL
WHERE channel = 'line' AND state = 'sent' AND purpose != '%s' AND journey != '' GROUP BY account, journey, template, month) AS d
LEFT JOIN (SELECT toString(account) AS account, toString(journey) AS journey, toString(template) AS template, month, asked_at FROM line_statistics FINAL) AS s USING (account, journey, template, month)
WHERE last > {since:DateTime64(3)} AND s.asked_at < {before:DateTime64(3)} ORDER BY s.asked_at, last DESC LIMIT %d`, channels.TestPurpose, statisticsMost),
		[]any{millis("since", now.Add(-statisticsFor-24*time.Hour)), millis("before", now.Add(-statisticsEvery))}, func(rows driver.Rows) error {
			var u lineUnit
			if err := rows.Scan(&u.account, &u.journey, &u.template, &u.month, &u.messages, &u.first, &u.last); err != nil {
				return err
			}
			// Any instant of the month gives its name.
			u.name = channels.UnitName(u.journey, u.template, "", time.Date(int(u.month/100), time.Month(u.month%100), 15, 0, 0, 0, 0, time.UTC))
			units = append(units, u)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("read the units of LINE messages: %w", err)
	}
	return units, nil
}

// checkLineUnits tells somebody when the month's names are used up: LINE counts messages of further ones under no name.
func (a *API) checkLineUnits(ctx context.Context, account string, now time.Time) error {
	o, _ := a.cfg.LINE.Get(account)
	n, err := o.Channel.Units(ctx)
	if err != nil || n < channels.MaxUnits {
		return err
	}
	month := now.In(a.zone()).Format("2006-01")
	x := enishi.Alert{ID: enishi.NewID("alert", "line_units", account, month), Kind: "line_units", Severity: "warning", At: now,
		Text:   "LINE counts the messages of " + strconv.Itoa(channels.MaxUnits) + " journeys and templates a month; this month has more, and the further ones have no figures of LINE's.",
		TextJA: "LINE が集計できるのは 1 か月に " + strconv.Itoa(channels.MaxUnits) + " 種類（ジャーニーとテンプレートの組み合わせ）までです。今月はこれを超えたため、超えた分の LINE の数値は表示されません。"}
	return a.raiseOnce(ctx, x)
}
