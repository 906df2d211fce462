package api

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/channels/line"
)

// lineQuota is how an account's month stands.
type lineQuota struct {
	Month     string    `json:"month" doc:"As 2026-11, in Japan."`
	Plan      Text      `json:"plan"`
	Limit     int       `json:"limit" doc:"Messages a month: the smaller of what LINE says and what the plan gives; 0: none is known."`
	Used      int       `json:"used" doc:"LINE counts people, not message objects."`
	Remaining int       `json:"remaining" doc:"For advertising: without what is kept for notices. 0 without a limit."`
	Reserve   int       `json:"reserve" doc:"Kept for notices."`
	Waiting   int64     `json:"waiting" doc:"Messages that are decided and have not left: they will count."`
	State     string    `json:"state" enum:"ok,warn,high,out,unknown" doc:"warn: 80 % are used; high: 95 %; out: none is left for advertising; unknown: no limit is known."`
	Known     bool      `json:"known" doc:"LINE has answered this month; else used is what left from here since the start."`
	AskedAt   time.Time `json:"asked_at,omitzero" doc:"LINE is asked at most 12 times an hour."`
	Until     time.Time `json:"until" doc:"When the next month begins."`
}

// lineAccountRow is one official account.
type lineAccountRow struct {
	Name      string    `json:"name"`
	Title     Text      `json:"title"`
	Simulated bool      `json:"simulated" doc:"It stands for LINE while no token is configured."`
	BasicID   string    `json:"basic_id"`
	ChannelID string    `json:"channel_id"`
	Provider  string    `json:"provider"`
	LIFF      bool      `json:"liff" doc:"A LIFF app is set: friends can be told apart by source, and linked."`
	Webhook   string    `json:"webhook" doc:"Path of its webhook."`
	HookAt    time.Time `json:"last_webhook,omitzero" doc:"In the last 30 days."`
	Friends   int64     `json:"friends" doc:"As told by webhooks and comparisons."`
	Linked    int64     `json:"linked" doc:"Friends who are known as customers."`
	Quota     lineQuota `json:"quota"`
	Sync      syncRow   `json:"sync"`
}

type lineAccountsOutput = listOutput[lineAccountRow]

func (a *API) listLineAccounts(ctx context.Context, _ *struct{}) (*lineAccountsOutput, error) {
	rows := []lineAccountRow{}
	if a.cfg.LINE == nil {
		return listOf(rows), nil
	}
	friends, linked, err := a.lineFriends(ctx)
	if err != nil {
		return nil, err
	}
	hooks, err := a.lastWebhooks(ctx)
	if err != nil {
		return nil, err
	}
	waiting, err := a.lineWaiting(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range a.cfg.LINE.Names() {
		o, _ := a.cfg.LINE.Get(name)
		s := o.Settings()
		rows = append(rows, lineAccountRow{Name: name, Title: Text(s.Title), Simulated: o.Simulated, BasicID: s.BasicID, ChannelID: s.ChannelID, Provider: s.Provider, LIFF: s.LIFF != "",
			Webhook: a.cfg.Base + "/line/webhook/" + name, HookAt: hooks[name], Friends: friends[name], Linked: linked[name],
			Quota: quotaOf(ctx, o, waiting[name]), Sync: a.syncs.row(name)})
	}
	return listOf(rows), nil
}

func quotaOf(ctx context.Context, o *line.Official, waiting int64) lineQuota {
	u := o.Quota.Usage(ctx)
	q := lineQuota{Month: u.Month, Limit: u.Limit, Used: u.Used, Remaining: u.Left, Reserve: u.Reserve, Waiting: waiting, State: "ok", Known: u.Known, AskedAt: u.AskedAt, Until: u.Until}
	if p, ok := line.LookupPlan(o.Settings().Plan); ok {
		q.Plan = Text{JA: p.JA, EN: p.EN}
	}
	switch {
	case u.Limit == 0:
		q.State = "unknown"
	case u.Left == 0:
		q.State = "out"
	case u.Used*100 >= u.Limit*95:
		q.State = "high"
	case u.Used*100 >= u.Limit*80:
		q.State = "warn"
	}
	return q
}

// lineFriends counts the friends of each account, and those of them who are customers.
func (a *API) lineFriends(ctx context.Context) (friends, linked map[string]int64, err error) {
	friends, linked = map[string]int64{}, map[string]int64{}
	err = a.each(ctx, `SELECT arrayJoin(if(empty(line_accounts) AND line_friend = 1, ['default'], line_accounts)) AS account, count(), countIf(customer_id != '') FROM people FINAL GROUP BY account`, nil,
		func(rows driver.Rows) error {
			var account string
			var n, k uint64
			if err := rows.Scan(&account, &n, &k); err != nil {
				return err
			}
			friends[account], linked[account] = int64(n), int64(k)
			return nil
		})
	if err != nil {
		return nil, nil, fmt.Errorf("count LINE friends: %w", err)
	}
	return friends, linked, nil
}

// lastWebhooks tells when LINE last told something of each account; what a comparison tells of friends is not from a webhook.
func (a *API) lastWebhooks(ctx context.Context) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	err := a.each(ctx, `SELECT source, max(appended_at) FROM events WHERE at > fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND startsWith(type, 'line.') AND startsWith(source, 'line:') AND historical = 0 GROUP BY source`,
		[]any{millis("from", a.now().AddDate(0, 0, -30))}, func(rows driver.Rows) error {
			var source string
			var at time.Time
			if err := rows.Scan(&source, &at); err != nil {
				return err
			}
			out[strings.TrimPrefix(source, "line:")] = at.UTC()
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("read when LINE last told something: %w", err)
	}
	return out, nil
}

// lineWaiting counts what is decided and has not left, by account.
func (a *API) lineWaiting(ctx context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	err := a.each(ctx, "SELECT destination, count() FROM deliveries FINAL WHERE channel = 'line' AND state IN ('decided', 'intent') GROUP BY destination", nil, func(rows driver.Rows) error {
		var destination string
		var n uint64
		if err := rows.Scan(&destination, &n); err != nil {
			return err
		}
		out[strings.TrimPrefix(destination, "line:")] = int64(n)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count what waits for LINE: %w", err)
	}
	return out, nil
}

// official is the account of a path.
func (a *API) official(name string) (*line.Official, error) {
	if o := a.lineAccount(name); o != nil {
		return o, nil
	}
	return nil, notFound("LINE account", "LINE アカウント")
}

// takeEvents hands facts of our own to ingest.
func (a *API) takeEvents(ctx context.Context, events []enishi.Event) error {
	if a.cfg.TakeEvents == nil {
		return refusal(enishi.Conflict, "this server takes no events in", "このサーバーではイベントを取り込めません。")
	}
	return a.cfg.TakeEvents(ctx, events)
}
