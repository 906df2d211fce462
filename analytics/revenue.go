package analytics

import (
	"context"
	"sort"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
)

// Revenue is orders and revenue over time, in one currency.
type Revenue struct {
	Currency        string         `json:"currency"`
	Series          []RevenuePoint `json:"series"`     // without gaps from the first period with an order; empty without orders
	Totals          RevenuePoint   `json:"totals"`     // of the range; At is its start
	Currencies      []string       `json:"currencies"` // of the range's orders, the most frequent first
	Definition      Text           `json:"definition"`
	CompleteThrough time.Time      `json:"complete_through"`
}

// RevenuePoint is one day, week or month. Each valid order is its person's first (new) or a later one (returning).
type RevenuePoint struct {
	At               time.Time     `json:"at"` // when the period begins; the first may begin before the range
	Orders           int64         `json:"orders"`
	Revenue          enishi.Amount `json:"revenue"`
	NewCustomers     int64         `json:"new_customers"`       // people whose first order ever this is
	Returning        int64         `json:"returning_customers"` // people with a later order that no subscription placed
	NewRevenue       enishi.Amount `json:"new_revenue"`
	ReturningRevenue enishi.Amount `json:"returning_revenue"` // of all later orders, those of subscriptions too
}

// Revenue reports by "day", "week" or "month". An empty currency means the one with the most orders in the range, JPY
// without orders; one that no order has gives an empty report.
func (r *Reports) Revenue(ctx context.Context, x Range, by, currency string) (*Revenue, error) {
	if err := x.Check(); err != nil {
		return nil, err
	}
	if by != "day" && by != "week" && by != "month" {
		return nil, enishi.FieldError("by", "is day, week or month", "day、week、month のどれかにしてください。")
	}
	currency, err := checkCurrency(currency)
	if err != nil {
		return nil, err
	}
	out := &Revenue{Currency: currency, Series: []RevenuePoint{}, Currencies: []string{}, Definition: Text{
		"税込・値引きとポイント適用後・送料と手数料を除く・返金を引いた金額です。キャンセルを除く注文を、注文日で数えます。新規は初めての注文、リピートは 2 回目からの注文です。定期便の自動注文は、リピートの金額に含め、人数には数えません。",
		"Tax included, after discounts and points, without shipping and fees, less refunds. Orders that were not cancelled, by order date. New is a person's first order, returning any later one; what a subscription orders by itself is in the returning revenue and not in the number of people."}}
	if out.CompleteThrough, err = r.CompleteThrough(ctx); err != nil {
		return nil, err
	}
	zone := r.Location()
	found, err := r.orders(ctx, x, by, zone)
	if err != nil {
		return nil, err
	}
	for c := range found {
		out.Currencies = append(out.Currencies, c)
	}
	sort.Slice(out.Currencies, func(i, k int) bool {
		a, b := out.Currencies[i], out.Currencies[k]
		if found[a].totals.Orders != found[b].totals.Orders {
			return found[a].totals.Orders > found[b].totals.Orders
		}
		return a < b
	})
	if out.Currency == "" {
		out.Currency = "JPY"
		if len(out.Currencies) > 0 {
			out.Currency = out.Currencies[0]
		}
	}
	if f := found[out.Currency]; f != nil {
		out.Totals = f.totals
		out.Series = f.series(by, zone, x, out.CompleteThrough)
	}
	out.Totals.At = x.From.UTC()
	return out, nil
}

// checkCurrency takes what ingest takes; "" stays.
func checkCurrency(c string) (string, error) {
	letter := func(r rune) bool { return (r|0x20) < 'a' || (r|0x20) > 'z' }
	if c != "" && (len(c) != 3 || strings.ContainsFunc(c, letter)) {
		return "", enishi.FieldError("currency", "is no currency: use the three letters of ISO 4217, such as JPY", "通貨は JPY のような ISO 4217 の 3 文字で指定してください。")
	}
	return strings.ToUpper(c), nil
}

// currencyOrders is what the range has of one currency.
type currencyOrders struct {
	totals  RevenuePoint
	periods map[int64]RevenuePoint // by the day on which a period begins: its midnight in UTC as Unix seconds
}

// orders reads the points of all currencies in one pass over the orders.
func (r *Reports) orders(ctx context.Context, x Range, by string, zone *time.Location) (map[string]*currencyOrders, error) {
	found := map[string]*currencyOrders{}
	args := x.args(clickhouse.Named("by", by), clickhouse.Named("zone", zone.String()))
	return found, r.each(ctx, "revenue", args, func(rows driver.Rows) error {
		var currency string
		var day time.Time
		var whole uint64
		var orders, newcomers, returning uint64
		var sum, first, later int64
		if err := rows.Scan(&currency, &day, &whole, &orders, &sum, &newcomers, &returning, &first, &later); err != nil {
			return err
		}
		f := found[currency]
		if f == nil {
			f = &currencyOrders{periods: map[int64]RevenuePoint{}}
			found[currency] = f
		}
		p := RevenuePoint{Orders: int64(orders), Revenue: enishi.Amount(sum), NewCustomers: int64(newcomers), Returning: int64(returning),
			NewRevenue: enishi.Amount(first), ReturningRevenue: enishi.Amount(later)}
		if whole == 1 {
			f.totals = p
		} else {
			f.periods[day.Unix()] = p
		}
		return nil
	})
}

// series lists the periods from the first that has an order through the last that has one or of which the facts are known,
// so that a chart has no gaps.
func (f *currencyOrders) series(by string, zone *time.Location, x Range, complete time.Time) []RevenuePoint {
	var first, last time.Time
	for unix := range f.periods {
		day := time.Unix(unix, 0).UTC()
		if first.IsZero() || day.Before(first) {
			first = day
		}
		if day.After(last) {
			last = day
		}
	}
	end := x.To
	if complete.Before(end) {
		end = complete
	}
	out := []RevenuePoint{}
	for day := first; ; day = nextPeriod(day, by) {
		at := startOfDay(day, zone)
		if day.After(last) && !at.Before(end) {
			return out
		}
		p := f.periods[day.Unix()]
		p.At = at
		out = append(out, p)
	}
}

// nextPeriod is the day on which the next period begins.
func nextPeriod(day time.Time, by string) time.Time {
	switch by {
	case "week":
		return day.AddDate(0, 0, 7)
	case "month":
		return day.AddDate(0, 1, 0)
	}
	return day.AddDate(0, 0, 1)
}

// startOfDay is the first instant of a date in a zone: midnight, or where summer time leaves it out the instant of the
// change. (Where a day has two midnights [time.Date] gives the first; the test knows such a zone.)
func startOfDay(date time.Time, zone *time.Location) time.Time {
	y, m, d := date.Date()
	at := time.Date(y, m, d, 0, 0, 0, 0, zone)
	if at.Day() != d {
		_, at = at.ZoneBounds()
	}
	return at.UTC()
}
