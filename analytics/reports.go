package analytics

import (
	"context"
	"embed"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// Reports runs the reports of one workspace.
type Reports struct {
	Conn driver.Conn
	Zone *time.Location // of the shop; Asia/Tokyo
}

// Range is the time a report covers: From inclusive, To exclusive.
type Range struct{ From, To time.Time }

// Check refuses an empty or absurd range.
func (r Range) Check() error {
	switch {
	case r.From.IsZero() || r.To.IsZero() || !r.From.Before(r.To):
		return enishi.FieldError("from", "the range is empty: from must be before to", "期間が空です。開始日を終了日より前にしてください。")
	case r.To.Sub(r.From) > 20*366*24*time.Hour:
		return enishi.FieldError("from", "the range is longer than 20 years", "期間は 20 年以内にしてください。")
	}
	return nil
}

// Text is a text in both languages.
type Text struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// query reads an embedded SQL file.
func query(name string) string {
	b, err := sqlFiles.ReadFile("sql/" + name + ".sql")
	if err != nil {
		panic(err) // compiled in
	}
	return string(b)
}

func (r *Reports) args(x Range, more ...any) []any {
	return append([]any{clickhouse.Named("from", millis(x.From)), clickhouse.Named("to", millis(x.To)), clickhouse.Named("zone", r.zone())}, more...)
}

func (r *Reports) zone() string {
	if r.Zone == nil {
		return "Asia/Tokyo"
	}
	return r.Zone.String()
}

func millis(t time.Time) string { return fmt.Sprint(t.UnixMilli()) }

// CompleteThrough is the instant up to which the facts are complete: the oldest clock of the partitions' markers.
func (r *Reports) CompleteThrough(ctx context.Context) (time.Time, error) {
	var at time.Time
	if err := r.Conn.QueryRow(ctx, "SELECT min(clock) FROM (SELECT clock FROM partitions FINAL WHERE next_offset > 0)").Scan(&at); err != nil {
		return at, fmt.Errorf("read complete-through: %w", err)
	}
	return at.UTC(), nil
}

// Revenue is orders and revenue over time.
type Revenue struct {
	Currency        string         `json:"currency"`
	Series          []RevenuePoint `json:"series"`
	Totals          RevenuePoint   `json:"totals"`
	Currencies      []string       `json:"currencies"`
	Definition      Text           `json:"definition"`
	CompleteThrough time.Time      `json:"complete_through"`
}

// RevenuePoint is one day, week or month.
type RevenuePoint struct {
	At               time.Time     `json:"at"`
	Orders           int64         `json:"orders"`
	Revenue          enishi.Amount `json:"revenue"`
	NewCustomers     int64         `json:"new_customers"`
	Returning        int64         `json:"returning_customers"`
	NewRevenue       enishi.Amount `json:"new_revenue"`
	ReturningRevenue enishi.Amount `json:"returning_revenue"`
}

// Revenue reports by "day", "week" or "month". currency "" is the one with the most orders in the range.
func (r *Reports) Revenue(ctx context.Context, x Range, by, currency string) (*Revenue, error) {
	if err := x.Check(); err != nil {
		return nil, err
	}
	steps := map[string]string{"day": "toStartOfDay(placed_at, {zone:String})", "week": "toStartOfDay(toMonday(placed_at, {zone:String}), {zone:String})", "month": "toStartOfDay(toStartOfMonth(placed_at, {zone:String}), {zone:String})"}
	step, ok := steps[by]
	if !ok {
		return nil, enishi.FieldError("by", "is day, week or month", "day、week、month のどれかにしてください。")
	}
	out := &Revenue{Currency: currency, Definition: Text{"税込・値引きとポイント適用後・送料と手数料を除く・返金を引いた金額。キャンセルを除く注文を、注文日で数えます。",
		"Tax included, after discounts and points, without shipping and fees, less refunds. Orders that were not cancelled, by order date."}}
	var err error
	if out.CompleteThrough, err = r.CompleteThrough(ctx); err != nil {
		return nil, err
	}
	if out.Currencies, err = r.currencies(ctx, x); err != nil {
		return nil, err
	}
	if out.Currency == "" {
		out.Currency = "JPY"
		if len(out.Currencies) > 0 {
			out.Currency = out.Currencies[0]
		}
	}
	rows, err := r.Conn.Query(ctx, strings.Replace(query("revenue"), "/*step*/", step, 1), r.args(x, clickhouse.Named("currency", out.Currency))...)
	if err != nil {
		return nil, fmt.Errorf("report revenue: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p RevenuePoint
		var revenue, newRevenue, returning int64
		var orders, newCustomers, returningCustomers uint64
		if err := rows.Scan(&p.At, &orders, &revenue, &newCustomers, &returningCustomers, &newRevenue, &returning); err != nil {
			return nil, fmt.Errorf("report revenue: %w", err)
		}
		p.At, p.Orders, p.NewCustomers, p.Returning = p.At.UTC(), int64(orders), int64(newCustomers), int64(returningCustomers)
		p.Revenue, p.NewRevenue, p.ReturningRevenue = enishi.Amount(revenue), enishi.Amount(newRevenue), enishi.Amount(returning)
		out.Series = append(out.Series, p)
		out.Totals.Orders += p.Orders
		out.Totals.Revenue += p.Revenue
		out.Totals.NewCustomers += p.NewCustomers
		out.Totals.NewRevenue += p.NewRevenue
		out.Totals.ReturningRevenue += p.ReturningRevenue
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("report revenue: %w", err)
	}
	// People who came back in two periods count once in the total.
	if err := r.Conn.QueryRow(ctx, query("returning"), r.args(x, clickhouse.Named("currency", out.Currency))...).Scan(&out.Totals.Returning); err != nil {
		return nil, fmt.Errorf("report returning customers: %w", err)
	}
	return out, nil
}

func (r *Reports) currencies(ctx context.Context, x Range) ([]string, error) {
	rows, err := r.Conn.Query(ctx, query("currencies"), r.args(x)...)
	if err != nil {
		return nil, fmt.Errorf("list currencies: %w", err)
	}
	defer rows.Close()
	out := []string{}
	for rows.Next() {
		var c string
		if err := rows.Scan(&c); err != nil {
			return nil, fmt.Errorf("list currencies: %w", err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// Funnel is how many people went how far.
type Funnel struct {
	Steps           []FunnelStep `json:"steps"`
	Definition      Text         `json:"definition"`
	CompleteThrough time.Time    `json:"complete_through"`
}

// FunnelStep is one step; Share is of the first step, FromPrevious of the step before, both 0..1.
type FunnelStep struct {
	Name         string  `json:"name"`
	Label        Text    `json:"label"`
	People       int64   `json:"people"`
	Share        float64 `json:"share"`
	FromPrevious float64 `json:"from_previous"`
}

// FunnelSteps names the steps in order.
func FunnelSteps() []FunnelStep {
	return []FunnelStep{{Name: "viewed", Label: Text{"商品を見た", "Viewed a product"}}, {Name: "carted", Label: Text{"カートに入れた", "Added to cart"}},
		{Name: "ordered", Label: Text{"注文した", "Ordered"}}, {Name: "delivered", Label: Text{"届いた", "Delivered"}}, {Name: "reviewed", Label: Text{"レビューを書いた", "Reviewed"}}}
}

// Funnel reports viewed -> carted -> ordered -> delivered -> reviewed: people whose first product view in the range was
// followed, at any later time up to the range's end, by each next step.
func (r *Reports) Funnel(ctx context.Context, x Range) (*Funnel, error) {
	if err := x.Check(); err != nil {
		return nil, err
	}
	out := &Funnel{Steps: FunnelSteps(), Definition: Text{"期間内に商品を見た人のうち、その後（期間内に）次の段階へ順に進んだ人の数です。", "Of the people who viewed a product in the range, those who then went on to each next step, in order, within the range."}}
	var err error
	if out.CompleteThrough, err = r.CompleteThrough(ctx); err != nil {
		return nil, err
	}
	n := make([]uint64, len(out.Steps))
	into := make([]any, len(n))
	for i := range n {
		into[i] = &n[i]
	}
	if err := r.Conn.QueryRow(ctx, query("funnel"), r.args(x)...).Scan(into...); err != nil {
		return nil, fmt.Errorf("report funnel: %w", err)
	}
	for i := range n {
		s := &out.Steps[i]
		s.People = int64(n[i])
		if n[0] > 0 {
			s.Share = float64(n[i]) / float64(n[0])
		}
		s.FromPrevious = 1
		if i > 0 {
			s.FromPrevious = 0
			if n[i-1] > 0 {
				s.FromPrevious = float64(n[i]) / float64(n[i-1])
			}
		}
	}
	return out, nil
}
