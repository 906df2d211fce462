package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/analytics"
)

// homePage answers first: is data arriving, what did we earn, what is running, what needs somebody.
type homePage struct {
	CompleteThrough time.Time       `json:"complete_through"`
	Arriving        arriving        `json:"arriving"`
	Totals          homeTotals      `json:"totals"`
	Today           homeToday       `json:"today"`
	Checklist       []checklistItem `json:"checklist"`
	Alerts          []alertRow      `json:"alerts"`
	Journeys        []homeJourney   `json:"journeys"`
}

type arriving struct {
	LastEventAt time.Time   `json:"last_event_at"`
	PerMinute   []int64     `json:"per_minute" doc:"The last 60 minutes, newest last."`
	ByType24h   []typeCount `json:"by_type_24h"`
}

type typeCount struct {
	Type  string `json:"type"`
	Label Text   `json:"label"`
	Count int64  `json:"count"`
}

type money struct {
	Amount   enishi.Amount `json:"amount"`
	Currency string        `json:"currency"`
}

type homeTotals struct {
	People      int64 `json:"people"`
	Orders      int64 `json:"orders" doc:"Placed and not cancelled."`
	Revenue     money `json:"revenue"`
	Sends       int64 `json:"sends"`
	Dead        int64 `json:"dead"`
	WaitingRuns int64 `json:"waiting_runs"`
}

type homeToday struct {
	Orders    int64 `json:"orders"`
	Revenue   money `json:"revenue"`
	NewPeople int64 `json:"new_people"`
	Sends     int64 `json:"sends"`
}

type checklistItem struct {
	ID      string `json:"id"`
	Done    bool   `json:"done"`
	Title   Text   `json:"title"`
	Minutes int    `json:"minutes"`
	Href    string `json:"href"`
}

type homeJourney struct {
	Name      string `json:"name"`
	Title     Text   `json:"title"`
	Status    string `json:"status"`
	Running   int64  `json:"running"`
	Entered7d int64  `json:"entered_7d"`
	Sent7d    int64  `json:"sent_7d"`
}

type homeOutput struct{ Body homePage }

func (a *API) getHome(ctx context.Context, _ *struct{}) (*homeOutput, error) {
	h, err := a.homeMemo.get(ctx, isFresh(ctx), time.Second, a.home)
	if err != nil {
		return nil, err
	}
	return &homeOutput{*h}, nil
}

func (a *API) home(ctx context.Context) (*homePage, error) {
	h := &homePage{}
	now := a.now()
	var err error
	for _, part := range []func(context.Context, *homePage, time.Time) error{a.homeArriving, a.homeTotals, a.homeToday, a.homeJourneys, a.homeChecklist} {
		if err := part(ctx, h, now); err != nil {
			return nil, err
		}
	}
	if h.Alerts, err = a.openAlerts(ctx); err != nil {
		return nil, err
	}
	h.CompleteThrough, err = a.through(ctx)
	return h, err
}

const derivedTypes = "('segment.entered', 'segment.left', 'journey.entered', 'journey.step', 'journey.exited', 'journey.refused', 'journey.made', 'person.merged', 'person.unmerged', 'person.erased')"

// homeArriving counts what came by the time it was appended; what the fold itself found did not arrive.
func (a *API) homeArriving(ctx context.Context, h *homePage, now time.Time) error {
	h.Arriving = arriving{PerMinute: make([]int64, 60), ByType24h: []typeCount{}}
	since := now.Add(-24 * time.Hour)
	// Hours that are over are counted already: of the events only those at both ends are read.
	var last time.Time
	if err := a.one(ctx, "SELECT max(hour) FROM source_hours", nil, &last); err != nil {
		return fmt.Errorf("read the last hour of sources: %w", err)
	}
	from, to := since.Truncate(time.Hour).Add(time.Hour), since
	if last = known(last); !last.IsZero() {
		to = last.Add(time.Hour)
	}
	whole := to.After(from)
	if !whole {
		from, to = since, since
	}
	ends := fmt.Sprintf("(appended_at > fromUnixTimestamp64Milli({since:Int64}) AND appended_at < fromUnixTimestamp64Milli(toInt64(%d)) OR appended_at >= fromUnixTimestamp64Milli(toInt64(%d))) AND %s", from.UnixMilli(), to.UnixMilli(), cameIn)
	recent := "1"
	if !last.IsZero() {
		recent = "appended_at >= " + hourText(last.Add(time.Hour))
	}
	err := a.one(ctx, "SELECT max(at) FROM (SELECT max(last_at) AS at FROM source_hours UNION ALL SELECT max(appended_at) AS at FROM events WHERE "+recent+" AND "+cameIn+")", nil, &h.Arriving.LastEventAt)
	if err != nil {
		return fmt.Errorf("read the last event: %w", err)
	}
	h.Arriving.LastEventAt = known(h.Arriving.LastEventAt)
	err = a.each(ctx, "SELECT toInt64(intDiv(toUnixTimestamp64Milli(appended_at), 60000)) AS m, uniqExact(event_id) FROM events WHERE appended_at > fromUnixTimestamp64Milli({since:Int64}) AND type NOT IN "+derivedTypes+" GROUP BY m",
		[]any{millis("since", now.Add(-time.Hour))}, func(rows driver.Rows) error {
			var minute int64
			var n uint64
			err := rows.Scan(&minute, &n)
			if at := 59 - int(now.UnixMilli()/60000-minute); at >= 0 && at < 60 {
				h.Arriving.PerMinute[at] = int64(n)
			}
			return err
		})
	if err != nil {
		return fmt.Errorf("count events by minute: %w", err)
	}
	byType := "SELECT toString(type) AS t, uniqExact(event_id) AS n FROM events WHERE " + ends + " GROUP BY t"
	if whole {
		byType += fmt.Sprintf(" UNION ALL SELECT toString(type) AS t, sum(events) AS n FROM source_hours FINAL WHERE hour >= %s AND hour < %s GROUP BY t", hourText(from), hourText(to))
	}
	err = a.each(ctx, "SELECT t, sum(n) AS n FROM ("+byType+") GROUP BY t ORDER BY n DESC, t",
		[]any{millis("since", since)}, func(rows driver.Rows) error {
			var t string
			var n uint64
			err := rows.Scan(&t, &n)
			h.Arriving.ByType24h = append(h.Arriving.ByType24h, typeCount{t, typeLabel(t), int64(n)})
			return err
		})
	if err != nil {
		return fmt.Errorf("count events by type: %w", err)
	}
	return nil
}

func (a *API) homeTotals(ctx context.Context, h *homePage, now time.Time) error {
	var people, orders, sends, dead, waiting uint64
	var revenue int64
	currency, err := a.currency(ctx)
	if err != nil {
		return err
	}
	err = a.one(ctx, `SELECT (SELECT count() FROM people FINAL), (SELECT count() FROM orders FINAL WHERE valid = 1), (SELECT sum(revenue) FROM orders FINAL WHERE valid = 1 AND currency = {currency:String}),
  (SELECT count() FROM sends FINAL WHERE sent_at > `+never+`), (SELECT count() FROM dead_letters FINAL WHERE state = 'waiting'), (SELECT count() FROM runs FINAL WHERE ended_at = `+never+`)`,
		[]any{named("currency", currency)}, &people, &orders, &revenue, &sends, &dead, &waiting)
	if err != nil {
		return fmt.Errorf("read totals: %w", err)
	}
	h.Totals = homeTotals{int64(people), int64(orders), money{enishi.Amount(revenue), currency}, int64(sends), int64(dead), int64(waiting)}
	return nil
}

// currency is the one with the most orders.
func (a *API) currency(ctx context.Context) (string, error) {
	var c string
	err := a.one(ctx, "SELECT toString(currency) AS c FROM orders FINAL WHERE valid = 1 GROUP BY c ORDER BY count() DESC, c LIMIT 1", nil, &c)
	if err == errNoRow || c == "" {
		return "JPY", nil
	}
	return c, err
}

func (a *API) homeToday(ctx context.Context, h *homePage, now time.Time) error {
	zone := a.zone()
	y, m, d := now.In(zone).Date()
	start := time.Date(y, m, d, 0, 0, 0, 0, zone)
	var orders, people, sends uint64
	var revenue int64
	err := a.one(ctx, `SELECT (SELECT count() FROM orders FINAL WHERE valid = 1 AND placed_at >= fromUnixTimestamp64Milli({start:Int64})),
  (SELECT sum(revenue) FROM orders FINAL WHERE valid = 1 AND currency = {currency:String} AND placed_at >= fromUnixTimestamp64Milli({start:Int64})),
  (SELECT count() FROM people FINAL WHERE first_seen_at >= fromUnixTimestamp64Milli({start:Int64})), (SELECT count() FROM sends FINAL WHERE sent_at >= fromUnixTimestamp64Milli({start:Int64}))`,
		[]any{millis("start", start), named("currency", h.Totals.Revenue.Currency)}, &orders, &revenue, &people, &sends)
	if err != nil {
		return fmt.Errorf("read today: %w", err)
	}
	h.Today = homeToday{int64(orders), money{enishi.Amount(revenue), h.Totals.Revenue.Currency}, int64(people), int64(sends)}
	return nil
}

func (a *API) homeJourneys(ctx context.Context, h *homePage, now time.Time) error {
	h.Journeys = []homeJourney{}
	defs := a.cfg.Definitions.List("journey")
	if len(defs) == 0 {
		return nil
	}
	all, err := a.journeyResults(ctx)
	if err != nil {
		return err
	}
	week, err := a.journeyReport(ctx, analytics.Range{From: now.AddDate(0, 0, -7), To: now.Add(time.Minute)})
	if err != nil {
		return err
	}
	for i := range defs {
		d := &defs[i]
		head := headOf(d)
		if head.State == "archived" {
			continue
		}
		h.Journeys = append(h.Journeys, homeJourney{d.Name, head.Title, head.State, all[d.Name].Running, week[d.Name].Entered, week[d.Name].Sent})
	}
	slices.SortStableFunc(h.Journeys, func(x, y homeJourney) int { return int(y.Running - x.Running) })
	return nil
}

// homeChecklist is the first hour: what is left to do, with the time it takes.
func (a *API) homeChecklist(ctx context.Context, h *homePage, now time.Time) error {
	var imported, tagged, demo uint64
	err := a.one(ctx, `SELECT (SELECT count() FROM (SELECT 1 FROM events WHERE historical = 1 AND type NOT IN `+derivedTypes+` LIMIT 1)),
  (SELECT count() FROM (SELECT 1 FROM visits LIMIT 1)), (SELECT count() FROM (SELECT 1 FROM orders WHERE startsWith(order_id, 'DEMO-') LIMIT 1))`, nil, &imported, &tagged, &demo)
	if err != nil {
		return fmt.Errorf("read the checklist: %w", err)
	}
	live := slices.ContainsFunc(h.Journeys, func(j homeJourney) bool { return j.Status == "live" })
	writeKey := false
	for _, k := range a.keys.current() {
		writeKey = writeKey || k.Kind == keyWrite
	}
	if a.cfg.Demo {
		h.Checklist = append(h.Checklist, checklistItem{"demo", demo > 0, Text{"デモショップで買い物をしてみる", "Try the demo shop"}, 2, a.cfg.Base + "/demo/shop"})
	}
	h.Checklist = append(h.Checklist,
		checklistItem{"connect", !h.Arriving.LastEventAt.IsZero(), Text{"データをつなぐ（Kafka・タグ）", "Connect your data (Kafka, tag)"}, 10, "/live"},
		checklistItem{"history", imported > 0, Text{"過去の注文を取り込む", "Import past orders"}, 10, "/people"},
		checklistItem{"tag", tagged > 0 && writeKey, Text{"サイトにタグを入れる（送信キーを作る）", "Put the tag on your site (make a write key)"}, 15, "/settings"},
		checklistItem{"line", a.cfg.LINEReady, Text{"LINE 公式アカウントをつなぐ", "Connect your LINE account"}, 10, "/settings"},
		checklistItem{"mail", a.cfg.MailReady, Text{"メールの送信ドメインを設定する", "Set up your sending domain"}, 20, "/settings"},
		checklistItem{"send", live && h.Totals.Sends > 0, Text{"最初の配信を公開する", "Let the first journey live"}, 5, "/journeys"},
		checklistItem{"roles", a.keys.anyAdmin(), Text{"メンバーの権限を決める", "Give your team their roles"}, 5, "/settings"},
	)
	return nil
}

// openAlert is an alert that nobody has closed.
type openAlert struct {
	alertRow
	version uint64
}

// openAlerts lists what is wrong now, then what was raised and not closed. While something is wrong the tables may be it:
// then what they hold is left out.
func (a *API) openAlerts(ctx context.Context) ([]alertRow, error) {
	out := []alertRow{}
	live := map[enishi.ID]bool{}
	for _, x := range a.cfg.Troubles() {
		live[x.ID] = true
		out = append(out, alertRow{ID: x.ID, Kind: x.Kind, Severity: x.Severity, Text: x.Text, TextJA: x.TextJA, At: x.At})
	}
	if len(live) > 0 {
		quick, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		ctx = quick
	}
	open, err := a.alerts(ctx, "1")
	if err != nil && len(live) == 0 {
		return nil, err
	}
	if err := a.audienceHrefs(ctx, open); err != nil && len(live) == 0 {
		return nil, err
	}
	for _, x := range open {
		if !live[x.ID] {
			x.Href = cmp.Or(x.Href, a.alertHref(&x.alertRow))
			out = append(out, x.alertRow)
		}
	}
	return out, nil
}

func (a *API) listAlerts(ctx context.Context, _ *struct{}) (*listOutput[alertRow], error) {
	rows, err := a.openAlerts(ctx)
	if err != nil {
		return nil, err
	}
	return listOf(rows), nil
}

func (a *API) alerts(ctx context.Context, where string) ([]openAlert, error) {
	out := []openAlert{}
	err := a.each(ctx, "SELECT id, at, version, toString(kind), toString(severity), text, text_ja FROM alerts FINAL WHERE closed_at = "+never+" AND "+where+" ORDER BY at DESC LIMIT 50", nil, func(rows driver.Rows) error {
		var x openAlert
		var id string
		err := rows.Scan(&id, &x.At, &x.version, &x.Kind, &x.Severity, &x.Text, &x.TextJA)
		x.ID, x.At = idOf(id), x.At.UTC()
		if strings.TrimSpace(x.TextJA) == "" {
			x.TextJA = "サーバーからのお知らせがあります。管理者に確認してください。"
		}
		out = append(out, x)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read alerts: %w", err)
	}
	return out, nil
}
