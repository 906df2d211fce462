package main

import (
	"encoding/csv"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// shopper is a person of the Olist files, as this test reads them: with nothing of the product.
type shopper struct {
	orders  []shopOrder
	reviews []int // scores
}

type shopOrder struct {
	id, status, state, city                string
	purchased, handed, delivered, estimate time.Time
	total                                  *big.Rat
}

// csvRows reads a file as maps from column to cell.
func csvRows(t *testing.T, dir, name string) []map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	head := all[0]
	head[0] = string([]rune(head[0])[max(0, slices.Index([]rune(head[0]), '\ufeff')+1):])
	out := make([]map[string]string, 0, len(all))
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, c := range cells {
			row[head[i]] = c
		}
		out = append(out, row)
	}
	return out
}

// readShoppers joins the files by hand.
func readShoppers(t *testing.T, dir string) map[string]*shopper {
	t.Helper()
	at := func(s string) time.Time {
		if s == "" {
			return time.Time{}
		}
		x, err := time.Parse("2006-01-02 15:04:05", s)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	add := func(sums map[string]*big.Rat, key, amount string) {
		x, ok := new(big.Rat).SetString(amount)
		if !ok {
			t.Fatalf("%q is no amount", amount)
		}
		if sums[key] == nil {
			sums[key] = new(big.Rat)
		}
		sums[key].Add(sums[key], x)
	}
	items, paid := map[string]*big.Rat{}, map[string]*big.Rat{}
	for _, r := range csvRows(t, dir, "olist_order_items_dataset.csv") {
		add(items, r["order_id"], r["price"])
		add(items, r["order_id"], r["freight_value"])
	}
	for _, r := range csvRows(t, dir, "olist_order_payments_dataset.csv") {
		add(paid, r["order_id"], r["payment_value"])
	}
	customers := map[string]map[string]string{}
	for _, r := range csvRows(t, dir, "olist_customers_dataset.csv") {
		customers[r["customer_id"]] = r
	}
	people, buyer := map[string]*shopper{}, map[string]*shopper{}
	for _, r := range csvRows(t, dir, "olist_orders_dataset.csv") {
		c := customers[r["customer_id"]]
		p := people[c["customer_unique_id"]]
		if p == nil {
			p = &shopper{}
			people[c["customer_unique_id"]] = p
		}
		total := items[r["order_id"]]
		if total == nil { // it never got items: what was paid
			if total = paid[r["order_id"]]; total == nil {
				total = new(big.Rat)
			}
		}
		p.orders = append(p.orders, shopOrder{r["order_id"], r["order_status"], c["customer_state"], c["customer_city"], at(r["order_purchase_timestamp"]),
			at(r["order_delivered_carrier_date"]), at(r["order_delivered_customer_date"]), at(r["order_estimated_delivery_date"]), total})
		buyer[r["order_id"]] = p
	}
	for _, r := range csvRows(t, dir, "olist_order_reviews_dataset.csv") {
		if p := buyer[r["order_id"]]; p != nil {
			var score int
			if err := json.Unmarshal([]byte(r["review_score"]), &score); err != nil {
				t.Fatal(err)
			}
			p.reviews = append(p.reviews, score)
		}
	}
	for _, p := range people {
		slices.SortStableFunc(p.orders, func(a, b shopOrder) int { return a.purchased.Compare(b.purchased) })
	}
	return people
}

// latest is the newest order.
func (p *shopper) latest() *shopOrder { return &p.orders[len(p.orders)-1] }

// number counts the orders that fulfil a condition.
func (p *shopper) number(where func(o *shopOrder) bool) int {
	n := 0
	for i := range p.orders {
		if where(&p.orders[i]) {
			n++
		}
	}
	return n
}

// spent is the sum of the totals.
func (p *shopper) spent() *big.Rat {
	sum := new(big.Rat)
	for i := range p.orders {
		sum.Add(sum, p.orders[i].total)
	}
	return sum
}

func (o *shopOrder) arrived() bool   { return !o.delivered.IsZero() }
func (o *shopOrder) cancelled() bool { return o.status == "canceled" || o.status == "unavailable" }

// olistSegments are expressions and what they mean, said again over the files.
func olistSegments(at time.Time) []struct {
	expression string
	holds      func(p *shopper) bool
} {
	day := 24 * time.Hour
	date := func(s string) time.Time { x, _ := time.Parse(time.DateOnly, s); return x }
	return []struct {
		expression string
		holds      func(p *shopper) bool
	}{
		{`count(orders) >= 2`, func(p *shopper) bool { return len(p.orders) >= 2 }},
		{`any(shipments, .status == "delivered")`, func(p *shopper) bool { return p.number((*shopOrder).arrived) > 0 }},
		{`none(shipments, .status == "delivered")`, func(p *shopper) bool { return p.number((*shopOrder).arrived) == 0 }},
		{`sum(orders, .total) >= 500`, func(p *shopper) bool { return p.spent().Cmp(big.NewRat(500, 1)) >= 0 }},
		{`sum(orders, .total) == 77.57`, func(p *shopper) bool { return p.spent().Cmp(big.NewRat(7757, 100)) == 0 }},
		{`any(orders, .placed_at >= date("2018-01-01T00:00:00Z") && .placed_at < date("2018-02-01T00:00:00Z"))`, func(p *shopper) bool {
			return p.number(func(o *shopOrder) bool {
				return !o.purchased.Before(date("2018-01-01")) && o.purchased.Before(date("2018-02-01"))
			}) > 0
		}},
		{`prefecture in ["SP", "RJ"] && max(orders, .placed_at) < ago("365d")`, func(p *shopper) bool {
			o := p.latest()
			return (o.state == "SP" || o.state == "RJ") && o.purchased.Before(at.Add(-365*day))
		}},
		{`traits.city == "sao paulo"`, func(p *shopper) bool { return p.latest().city == "sao paulo" }},
		{`any(reviews, .rating <= 2)`, func(p *shopper) bool { return slices.ContainsFunc(p.reviews, func(n int) bool { return n <= 2 }) }},
		{`count(reviews) >= 2 && avg(reviews, .rating) >= 4`, func(p *shopper) bool {
			sum := 0
			for _, n := range p.reviews {
				sum += n
			}
			return len(p.reviews) >= 2 && sum >= 4*len(p.reviews)
		}},
		{`any(orders, .status == "cancelled")`, func(p *shopper) bool { return p.number((*shopOrder).cancelled) > 0 }},
		{`any(shipments, .delivered_at > .estimated_at)`, func(p *shopper) bool {
			return p.number(func(o *shopOrder) bool { return o.arrived() && o.delivered.After(o.estimate) }) > 0
		}},
		{`any(shipments, .status == "shipped")`, func(p *shopper) bool {
			return p.number(func(o *shopOrder) bool { return !o.handed.IsZero() && !o.arrived() }) > 0
		}},
		{`orders_count >= 2 && first_order_at < ago("300d")`, func(p *shopper) bool {
			kept := slices.DeleteFunc(slices.Clone(p.orders), func(o shopOrder) bool { return o.cancelled() })
			return len(kept) >= 2 && kept[0].purchased.Before(at.Add(-300*day))
		}},
	}
}

// TestOlistSegments: what `enishi segment count` answers on real orders is what the files say.
func TestOlistSegments(t *testing.T) {
	t.Parallel()
	dir := olistDir(t)
	people := readShoppers(t, dir)
	s := start(t, nil, "--data", t.TempDir())
	s.enishi("import", "olist", dir, "--quiet")
	checkOlist(t, s, false)
	at := time.Date(2018, 8, 1, 0, 0, 0, 0, time.UTC)
	for _, x := range olistSegments(at) {
		want := int64(0)
		for _, p := range people {
			if x.holds(p) {
				want++
			}
		}
		var got segmentCount
		if err := json.Unmarshal([]byte(s.enishi("segment", "count", x.expression, "--at", at.Format(time.RFC3339), "--json")), &got); err != nil {
			t.Fatal(err)
		}
		t.Logf("%6d of %d: %s", got.Count, got.Base, x.expression)
		if got.Count != want || got.Base != int64(len(people)) || want == 0 || want == got.Base {
			t.Errorf("%s: %d of %d, the files say %d of %d", x.expression, got.Count, got.Base, want, len(people))
		}
	}
	checkMembers(t, s, people)
}

// checkMembers compares the people whom the command prints with those of the files, one by one.
func checkMembers(t *testing.T, s *server, people map[string]*shopper) {
	t.Helper()
	begin := time.Now()
	rows, err := csv.NewReader(strings.NewReader(s.enishi("segment", "members", `any(shipments, .status == "delivered")`, "--columns", "customer_id,orders_count,may_email,reasons"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d members in %v", len(rows)-1, time.Since(begin).Round(time.Millisecond))
	printed := map[string]bool{}
	for _, row := range rows[1:] {
		p := people[row[0]]
		if p == nil || p.number((*shopOrder).arrived) == 0 || printed[row[0]] {
			t.Fatalf("%v is printed", row)
		}
		kept := p.number(func(o *shopOrder) bool { return !o.cancelled() })
		if row[1] != strconv.Itoa(kept) || row[2] != "1" || row[3] == "" {
			t.Errorf("%v: the files have %d valid orders", row, kept)
		}
		printed[row[0]] = true
	}
	for id, p := range people {
		if p.number((*shopOrder).arrived) > 0 && !printed[id] {
			t.Errorf("%s is not printed", id)
		}
	}
}
