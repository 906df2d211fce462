package postal

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"enishi"
)

// Response is what a batch brought about, within its window after the export. Of an order the strongest tie counts, once:
// the piece's own code before a match of the person, and that before one of the household.
type Response struct {
	From, Until time.Time
	Pieces      int // that left, without seeds
	Returned    int
	Scanned     int // people who opened the QR code
	Scans       int
	Coupons     int    // codes of pieces that were redeemed, at a till or on the web
	Alone       int    // of them without an order that is known here, by people without one: a till may tell of the code alone
	Direct      Orders // with the code of a piece
	Matched     Orders // of people who got a piece, without its code
	Household   Orders // of others in their household
	Currency    string
	Cost        enishi.Amount
	Variants    []VariantResponse // when texts were compared
	Holdout     *Holdout          // when the journey keeps people out for comparison
}

// Orders are orders and what they earned: tax included, after discounts and refunds.
type Orders struct {
	Orders  int
	People  int
	Revenue enishi.Amount
}

// VariantResponse is the response to one of the texts.
type VariantResponse struct {
	Variant         string
	Pieces, Scanned int
	Direct, Matched Orders
}

// Holdout is what people did who would have got a piece and were kept out for comparison.
type Holdout struct {
	People int
	Orders Orders
}

// Response computes it.
func (o *Office) Response(ctx context.Context, b *Batch) (*Response, error) {
	set := o.account(b.Account)
	r := &Response{From: b.ExportedAt, Pieces: b.Tally.Ready - b.Tally.Seeds, Cost: b.Tally.Cost, Currency: "JPY"}
	if b.ExportedAt.IsZero() {
		return r, nil
	}
	r.Until = b.ExportedAt.AddDate(0, 0, set.Response)
	args := []any{ch.Named("batch", b.Name), ch.Named("from", fmt.Sprint(r.From.UnixMilli())), ch.Named("until", fmt.Sprint(r.Until.UnixMilli()))}
	v := &variants{by: map[string]*variantSum{}}
	for _, do := range []func(context.Context, *Batch, *Response, *variants, []any) error{o.countPieces, o.countScans, o.countOrders, o.countHoldout} {
		if err := do(ctx, b, r, v, args); err != nil {
			return nil, fmt.Errorf("response of %s: %w", b.Name, err)
		}
	}
	r.Variants = v.list()
	return r, nil
}

type variantSum struct {
	VariantResponse
	direct, matched map[string]bool // people
}

type variants struct{ by map[string]*variantSum }

func (v *variants) of(name string) *variantSum {
	x := v.by[name]
	if x == nil {
		x = &variantSum{VariantResponse: VariantResponse{Variant: name}, direct: map[string]bool{}, matched: map[string]bool{}}
		v.by[name] = x
	}
	return x
}

func (v *variants) list() []VariantResponse {
	var out []VariantResponse
	for _, x := range v.by {
		x.Direct.People, x.Matched.People = len(x.direct), len(x.matched)
		out = append(out, x.VariantResponse)
	}
	sort.Slice(out, func(i, k int) bool { return out[i].Variant < out[k].Variant })
	if len(out) == 1 && out[0].Variant == "" {
		return nil
	}
	return out
}

// sentPieces are the pieces of the batch that left, with the person whom they belong to now.
const sentPieces = `(SELECT p.send_id AS send_id, p.variant AS variant, p.code AS code, if(i.profile_id = toFixedString('', 16), p.profile_id, i.profile_id) AS person
	FROM (SELECT send_id, toString(variant) AS variant, code, profile_id, subject FROM postal_pieces FINAL WHERE batch = {batch:String} AND state = 'exported' AND seed = 0) AS p
	LEFT JOIN (SELECT subject, any(profile_id) AS profile_id FROM identifiers FINAL WHERE subject IN (SELECT subject FROM postal_pieces FINAL WHERE batch = {batch:String} AND state = 'exported') GROUP BY subject) AS i ON p.subject = i.subject)`

const window = `fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND %[1]s < fromUnixTimestamp64Milli({until:Int64}, 'UTC')`

func within(column string) string { return column + " >= " + fmt.Sprintf(window, column) }

func (o *Office) each(ctx context.Context, query string, args []any, scan func(func(...any) error) error) error {
	rows, err := o.cfg.DB.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (o *Office) countPieces(ctx context.Context, b *Batch, r *Response, v *variants, args []any) error {
	r.Pieces = 0
	err := o.each(ctx, "SELECT toString(variant), count() FROM postal_pieces FINAL WHERE batch = {batch:String} AND state = 'exported' AND seed = 0 GROUP BY variant", args, func(scan func(...any) error) error {
		var variant string
		var n uint64
		err := scan(&variant, &n)
		v.of(variant).Pieces = int(n)
		r.Pieces += int(n)
		return err
	})
	if err != nil {
		return err
	}
	return o.each(ctx, "SELECT count() FROM postal_returns FINAL WHERE batch = {batch:String}", args, func(scan func(...any) error) error {
		var n uint64
		err := scan(&n)
		r.Returned = int(n)
		return err
	})
}

func (o *Office) countScans(ctx context.Context, b *Batch, r *Response, v *variants, args []any) error {
	return o.each(ctx, `SELECT p.variant, sum(e.n), count() FROM (SELECT send_id, count() AS n FROM events FINAL WHERE type = 'message.clicked' AND message_channel = 'postal' AND `+within("at")+` GROUP BY send_id) AS e
		INNER JOIN `+sentPieces+` AS p ON e.send_id = p.send_id GROUP BY p.variant`, args, func(scan func(...any) error) error {
		var variant string
		var scans, people uint64
		err := scan(&variant, &scans, &people)
		v.of(variant).Scanned = int(people)
		r.Scans, r.Scanned = r.Scans+int(scans), r.Scanned+int(people)
		return err
	})
}

// countOrders ties orders to pieces.
func (o *Office) countOrders(ctx context.Context, b *Batch, r *Response, v *variants, args []any) error {
	redeemed, err := o.redeemed(ctx, args)
	if err != nil {
		return err
	}
	type order struct {
		tie      int // 3 code, 2 person, 1 household
		revenue  enishi.Amount
		currency string
		person   string
		variant  string
	}
	orders := map[string]*order{}
	take := func(tie int, profile, id string, revenue int64, currency, variant string) {
		key := profile + "\x00" + id
		if x := orders[key]; x == nil || x.tie < tie {
			orders[key] = &order{tie, enishi.Amount(revenue), currency, profile, variant}
		}
	}
	coupon := strings.ToUpper(o.account(b.Account).Coupon)
	codes := map[string]bool{}
	alone := map[string]string{} // person by code that was redeemed, without its order so far
	const columns = "o.profile_id, o.order_id, o.revenue, toString(o.currency), o.coupon"
	from := "(SELECT profile_id, order_id, revenue, currency, upper(replaceAll(coupon, '-', '')) AS coupon, placed_at FROM orders FINAL WHERE valid = 1 AND " + within("placed_at") + ") AS o"
	// The code of a piece, whoever brought it.
	err = o.each(ctx, "SELECT "+columns+", p.variant FROM "+from+" INNER JOIN "+sentPieces+" AS p ON o.coupon = p.code WHERE p.code != ''", args, func(scan func(...any) error) error {
		var profile, id, currency, code, variant string
		var revenue int64
		err := scan(&profile, &id, &revenue, &currency, &code, &variant)
		codes[code] = true
		take(3, profile, id, revenue, currency, variant)
		return err
	})
	if err != nil {
		return err
	}
	list := make([]string, 0, len(redeemed))
	for c := range redeemed {
		list = append(list, c)
	}
	if len(list) > 0 {
		byOrder := map[string]string{}
		codeOf := map[string]string{}
		err = o.each(ctx, "SELECT code, variant, person FROM "+sentPieces+" WHERE code IN {codes:Array(String)}", append(args, ch.Named("codes", list)), func(scan func(...any) error) error {
			var code, variant, person string
			err := scan(&code, &variant, &person)
			if !codes[code] {
				alone[code], codeOf[redeemed[code]] = person, code
			}
			codes[code] = true
			if id := redeemed[code]; id != "" {
				byOrder[id] = variant
			}
			return err
		})
		if err != nil {
			return err
		}
		ids := make([]string, 0, len(byOrder))
		for id := range byOrder {
			ids = append(ids, id)
		}
		err = o.each(ctx, "SELECT "+columns+" FROM "+from+" WHERE o.order_id IN {ids:Array(String)}", append(args, ch.Named("ids", ids)), func(scan func(...any) error) error {
			var profile, id, currency, code string
			var revenue int64
			err := scan(&profile, &id, &revenue, &currency, &code)
			take(3, profile, id, revenue, currency, byOrder[id])
			delete(alone, codeOf[id])
			return err
		})
		if err != nil {
			return err
		}
	}
	err = o.each(ctx, "SELECT "+columns+", p.variant FROM "+from+" INNER JOIN "+sentPieces+" AS p ON o.profile_id = p.person", args, func(scan func(...any) error) error {
		var profile, id, currency, code, variant string
		var revenue int64
		err := scan(&profile, &id, &revenue, &currency, &code, &variant)
		tie := 2
		if coupon != "" && code == strings.ReplaceAll(coupon, "-", "") {
			tie = 3
		}
		take(tie, profile, id, revenue, currency, variant)
		return err
	})
	if err != nil {
		return err
	}
	err = o.each(ctx, `SELECT `+columns+`, h.variant FROM `+from+` INNER JOIN (SELECT q.profile_id AS profile_id, any(w.variant) AS variant FROM people AS q FINAL INNER JOIN
			(SELECT x.household AS household, any(p.variant) AS variant FROM `+sentPieces+` AS p INNER JOIN people AS x FINAL ON x.profile_id = p.person WHERE x.household != '' GROUP BY x.household) AS w ON q.household = w.household
			WHERE q.household != '' GROUP BY q.profile_id) AS h ON o.profile_id = h.profile_id`, args, func(scan func(...any) error) error {
		var profile, id, currency, code, variant string
		var revenue int64
		err := scan(&profile, &id, &revenue, &currency, &code, &variant)
		take(1, profile, id, revenue, currency, variant)
		return err
	})
	if err != nil {
		return err
	}
	r.Coupons = len(codes)
	currencies := map[string]int{}
	for _, x := range orders {
		currencies[x.currency]++
	}
	most := 0
	for c, n := range currencies {
		if n > most || n == most && c < r.Currency {
			r.Currency, most = c, n
		}
	}
	people := map[int]map[string]bool{1: {}, 2: {}, 3: {}}
	for _, x := range orders {
		sum := map[int]*Orders{1: &r.Household, 2: &r.Matched, 3: &r.Direct}[x.tie]
		people[x.tie][x.person] = true
		sum.Orders++
		one := v.of(x.variant)
		part, who := &one.Matched, one.matched
		if x.tie == 3 {
			part, who = &one.Direct, one.direct
		}
		if x.tie > 1 {
			part.Orders++
			who[x.person] = true
		}
		if x.currency == r.Currency {
			sum.Revenue += x.revenue
			if x.tie > 1 {
				part.Revenue += x.revenue
			}
		}
	}
	r.Direct.People, r.Matched.People, r.Household.People = len(people[3]), len(people[2]), len(people[1])
	for _, person := range alone {
		if !people[3][person] && !people[2][person] {
			r.Alone++
		}
	}
	return nil
}

// redeemed are the coupons that a till or a shop told of by events of their own, with the order of each, if it was told.
func (o *Office) redeemed(ctx context.Context, args []any) (map[string]string, error) {
	out := map[string]string{}
	err := o.each(ctx, "SELECT record FROM events FINAL WHERE type = 'coupon.redeemed' AND "+within("at"), args, func(scan func(...any) error) error {
		var record string
		if err := scan(&record); err != nil {
			return err
		}
		var e enishi.Event
		if record == "" || enishi.DecodeEvent(&e, []byte(record)) != nil || e.Coupon == nil {
			return nil
		}
		if code, ok := o.parseCode(e.Coupon.Code); ok {
			out[code] = e.Coupon.OrderID
		}
		return nil
	})
	return out, err
}

// countHoldout counts what those did who were kept out at the batch's steps.
func (o *Office) countHoldout(ctx context.Context, b *Batch, r *Response, _ *variants, args []any) error {
	query := `SELECT uniqExact(h.person), countIf(o.order_id != ''), uniqExactIf(h.person, o.order_id != ''), sumIf(o.revenue, o.currency = {currency:String}) FROM (
		SELECT DISTINCT if(i.profile_id = toFixedString('', 16), d.profile_id, i.profile_id) AS person FROM (SELECT profile_id, subject FROM decisions FINAL WHERE reason = 'holdout'
			AND (journey, node) IN (SELECT journey, node FROM postal_pieces FINAL WHERE batch = {batch:String} AND journey != '')
			AND at >= (SELECT min(decided_at) - toIntervalDay(1) FROM postal_pieces FINAL WHERE batch = {batch:String}) AND at <= (SELECT max(decided_at) + toIntervalDay(1) FROM postal_pieces FINAL WHERE batch = {batch:String})) AS d
		LEFT JOIN (SELECT subject, any(profile_id) AS profile_id FROM identifiers FINAL GROUP BY subject) AS i ON d.subject = i.subject) AS h
		LEFT JOIN (SELECT profile_id, order_id, revenue, toString(currency) AS currency FROM orders FINAL WHERE valid = 1 AND ` + within("placed_at") + `) AS o ON o.profile_id = h.person`
	return o.each(ctx, query, append(args, ch.Named("currency", r.Currency)), func(scan func(...any) error) error {
		var people, orders, buyers uint64
		var revenue int64
		if err := scan(&people, &orders, &buyers, &revenue); err != nil {
			return err
		}
		if people > 0 {
			r.Holdout = &Holdout{int(people), Orders{int(orders), int(buyers), enishi.Amount(revenue)}}
		}
		return nil
	})
}
