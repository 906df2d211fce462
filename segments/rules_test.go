package segments

import (
	"math"
	"testing"
	"time"

	"github.com/expr-lang/expr/vm"

	"enishi"
	"enishi/profiles"
)

// ruled is the person that the table of rules is about.
func ruled() *profiles.View {
	day := 24 * time.Hour
	yen := func(x float64) enishi.Amount { return enishi.Amount(math.Round(x * 10000)) }
	order := func(ago time.Duration, total float64, items int64) profiles.OrderView {
		o := profiles.OrderView{Order: &enishi.Order{OrderID: ago.String(), Total: yen(total)}, Items: items, Valid: true, Channel: "web", Status: "paid"}
		if ago != 0 {
			o.PlacedAt = made.Add(-ago)
		}
		return o
	}
	visit := func(n int, ago time.Duration) profiles.Visit {
		return profiles.Visit{Event: id("visit", n), At: made.Add(-ago), Type: "product.viewed", Category: "shoes"}
	}
	v := &profiles.View{ID: id("person", 1), OrdersCount: 3, ManualOrdersCount: 0, LTV: yen(30000.0001), LastOrderAt: made.Add(-10 * day), Points: math.MaxInt64, StoreVisits: 2,
		Traits: map[string]enishi.Value{"five": enishi.TextValue("5"), "number": enishi.NumberValue(5), "yes": enishi.BoolValue(true), "no": enishi.BoolValue(false), "word": enishi.TextValue("true"),
			"at": enishi.InstantValue(made), "empty": enishi.TextValue(""), "tiny": enishi.NumberValue(0.1), "huge": enishi.NumberValue(1e308)},
		Orders: []profiles.OrderView{order(0, 1, 0), order(100*day, 10000, 2), order(50*day, 20000.5, 4), order(10*day, 0, 1)},
		Visits: []profiles.Visit{visit(1, 180*day), visit(2, 180*day-time.Millisecond), visit(3, 20*day), visit(4, 5*day)},
		Returns: []profiles.ReturnView{{Return: &enishi.Return{ReturnID: "a", OrderID: "1", Amount: math.MaxInt64}}, {Return: &enishi.Return{ReturnID: "b", OrderID: "1", Amount: math.MaxInt64}},
			{Return: &enishi.Return{ReturnID: "c", OrderID: "1", Amount: math.MinInt64 + 1}}},
		Reviews: []profiles.Review{{Review: enishi.Review{ReviewID: "r", Rating: 4}}},
		Profile: &profiles.Profile{Subjects: []profiles.Subject{{ID: id("s", 1), Kind: enishi.Email, Value: "a@x.example",
			Consents: []profiles.Consent{{Channel: "email", Purpose: "marketing", At: made}, {Channel: "email", Purpose: "transactional", Out: true, At: made}, {Channel: "line", Purpose: "marketing", Out: true, At: made}}}}}}
	v.Orders[1].Lines = []enishi.Line{{ProductID: "p1", Price: yen(1000), Quantity: 3, Discount: yen(100)}}
	v.Orders[2].Lines = []enishi.Line{{ProductID: "p2", Category: "shoes", Price: yen(500)}, {ProductID: "p1"}}
	return v
}

// rules is docs/segments.md's table, case by case.
var rules = []struct {
	expression string
	want       bool
}{
	// missing instants
	{`first_order_at < now()`, false}, {`first_order_at != last_order_at`, false}, {`!(first_order_at < now())`, true}, {`missing(first_order_at)`, true}, {`present(last_order_at)`, true},
	{`any(orders, .placed_at < ago("30000d"))`, false}, {`count(orders, .placed_at > ago("36500d")) == 3`, true}, {`count(orders, .placed_at >= ago("36500d")) == 3`, true},
	{`count(orders, missing(.placed_at)) == 1`, true}, {`count(orders, .placed_at > ago("36500d")) + orders_count == 6`, true}, {`all(orders, .placed_at < now())`, false}, {`max(orders, .delivered_at) < now()`, false}, {`missing(max(orders, .delivered_at))`, true},
	// missing text
	{`prefecture == ""`, true}, {`prefecture != "東京都"`, true}, {`missing(prefecture)`, true}, {`traits.none == ""`, true}, {`traits.empty == ""`, true}, {`missing(traits.empty)`, true}, {`currency < "JPY"`, true},
	// missing numbers
	{`traits.none > 0`, false}, {`traits.none != 0`, false}, {`traits.none <= 0`, false}, {`missing(traits.none + 1)`, true},
	{`missing(min(surveys, .score))`, true}, {`max(surveys, .score) != 5`, false}, {`present(avg(reviews, .rating))`, true}, {`missing(avg(filter(reviews, .rating > 4), .rating))`, true},
	// lists without elements
	{`count(surveys) == 0`, true}, {`sum(surveys, .score) == 0`, true}, {`any(surveys, true)`, false}, {`none(surveys, true)`, true}, {`all(surveys, false)`, true},
	// traits by what they are compared with
	{`traits.five == "5"`, true}, {`traits.five == 5`, false}, {`traits.number == 5`, true}, {`traits.number == "5"`, true}, {`traits.number in ["x", 5]`, true}, {`traits.yes`, true}, {`traits.yes == "true"`, true},
	{`traits.yes == 1`, false}, {`traits.no == false`, true}, {`traits.no != true`, true}, {`traits.none != true`, false}, {`traits.word == true`, true}, {`traits.word`, true}, {`traits.five == true`, false},
	{`traits.at > 0`, false}, {`traits.at startsWith "2026-11-20T"`, true}, {`traits.tiny == 0.1`, true}, {`traits.tiny * 3 == 0.3`, false}, {`traits.number contains "5"`, true}, {`points > traits.number`, true},
	// amounts
	{`ltv == 30000.0001`, true}, {`ltv > 30000`, true}, {`ltv > 30000.0001`, false}, {`ltv >= 30000.0001`, true}, {`ltv - 0.0001 == 30000`, true}, {`ltv == 30000.00010`, true}, {`ltv * 2 == 60000.0002`, true},
	{`3 * ltv == 90000.0003`, true}, {`ltv + orders_count == 30003.0001`, true}, {`ltv > orders_count * 10000`, true}, {`ltv in [1, 30000.0001]`, true}, {`-ltv < 0`, true}, {`0 - ltv == -30000.0001`, true},
	{`sum(orders, .total) == 30001.5`, true}, {`sum(orders, .total * .items) == 100002`, true}, {`sum(orders, .items) == 7`, true}, {`orders_count * 2 == 6`, true}, {`orders_count == 3.0`, true}, {`orders_count < 3.5`, true},
	// division and doubles
	{`ltv / manual_orders_count > 0`, false}, {`ltv / manual_orders_count <= 0`, false}, {`missing(ltv / manual_orders_count)`, true}, {`aov > 10000`, true}, {`avg(orders, .total) == 7500.375`, true},
	{`orders_count / 2 == 1.5`, true}, {`1 / orders_count * 3 == 1`, true}, {`avg(orders, .items) == 1.75`, true}, {`max(orders, .total / .items) == 5000.125`, true}, {`min(orders, .total / .items) == 0`, true},
	{`10 / 4 == points - points + 2.5`, true},
	// overflow
	{`points + 1 > 0`, false}, {`points + 1 <= 0`, false}, {`missing(points + 1)`, true}, {`points - 1 > 0`, true}, {`points * 2 != 0`, false}, {`points + ltv > 0`, false}, {`missing(-(-points - 1) + 1)`, true},
	{`sum(returns, .amount) == 922337203685477.5807`, true}, {`missing(sum(filter(returns, .amount > 0), .amount))`, true}, {`avg(filter(returns, .amount > 0), .amount) > 0`, false}, {`max(returns, .amount) - min(returns, .amount) > 0`, false},
	{`present(traits.huge * 1)`, true}, {`missing(traits.huge * 10)`, true}, {`traits.huge * 10 > 0`, false}, {`missing(-traits.huge - traits.huge)`, true},
	// windows and edges
	{`count(visits) == 3`, true}, {`count(views, .at >= ago("180d")) == 3`, true}, {`count(visits, .at > ago("7d") && .at > ago("30d")) == 1`, true}, {`count(visits, .at > ago("30d") && .at > ago("7d")) == 1`, true},
	{`last_order_at > ago("10d")`, false}, {`last_order_at >= ago("10d")`, true}, {`last_order_at == ago("10d")`, true}, {`last_order_at <= ago("10d")`, true}, {`last_order_at < ago("240h")`, false},
	{`any(views, .at > last_order_at)`, true}, {`any(views, .at > first_order_at)`, false}, {`count(orders, .placed_at >= last_order_at) == 1`, true},
	// lists within lists of conditions
	{`count(filter(orders, .total > 0), .items > 0) == 2`, true}, {`count(filter(filter(orders, .total > 0), .items > 2)) == 1`, true}, {`store_visits == 2 && count(store_visits) == 0`, true},
	{`count(orders) != 4`, false}, {`count(orders) == 4`, true}, {`count(orders) <= 3`, false}, {`count(orders) > orders_count`, true}, {`count(orders, .items > 0) / count(orders) == 0.75`, true},
	// lines and what was done
	{`count(lines) == 3`, true}, {`count(lines, .valid && .placed_at > ago("60d")) == 2`, true}, {`sum(lines, .quantity) == 5`, true}, {`sum(lines, .price * .quantity - .discount) == 3400`, true},
	{`any(lines, .category == "shoes" && .placed_at > ago("60d"))`, true}, {`any(lines, .category == "shoes" && .placed_at > ago("40d"))`, false}, {`none(searches, true) && count(carts) == 0 && all(wishlist, false)`, true},
	// first, last and different values
	{`first(orders, .total) == 10000`, true}, {`last(orders, .total) == 0`, true}, {`last(orders, .status) == "paid"`, true}, {`first(filter(orders, .total > 10000), .items) == 4`, true},
	{`last(orders, .valid)`, true}, {`last(filter(orders, !.valid), .valid)`, false}, {`last(surveys, .kind) == ""`, true}, {`missing(last(surveys, .score))`, true}, {`last(surveys, .score) != 5`, false}, {`missing(first(surveys, .at))`, true},
	{`last(orders, .delivered_at) < now()`, false}, {`missing(last(orders, .delivered_at))`, true}, {`first(orders, .placed_at) < ago("99d")`, true}, {`first(views, .at) > ago("180d")`, true}, {`last(lines, .product_id) == "p1"`, true}, {`first(lines, .price) == 1000`, true},
	{`distinct(orders, .channel) == 1`, true}, {`distinct(orders, .total) == 4`, true}, {`distinct(orders, .delivered_at) == 0`, true}, {`distinct(lines, .category) == 1`, true}, {`distinct(surveys, .kind) == 0`, true}, {`distinct(orders, .placed_at) == 3`, true},
	// consent
	{`consent.email`, true}, {`consent.line`, false}, {`consent.sms`, false}, {`consent.line == false`, true}, {`has_email && !has_phone && !line_friend && !held`, true},
}

func TestRules(t *testing.T) {
	t.Parallel()
	v := ruled()
	var segs []*Segment
	var wants []bool
	for _, r := range rules {
		s := compiled(t, r.expression)
		segs, wants = append(segs, s), append(wants, r.want)
		if got := s.Match(v, made); got != r.want {
			t.Errorf("%s: Match %v", r.expression, got)
		}
		if got, _ := s.evaluate(v, made.UnixMilli()); got != r.want {
			t.Errorf("%s: verdict %v", r.expression, got)
		}
		program, err := oracle(r.expression)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := vm.Run(program, environment(v, made)); err != nil || got != r.want {
			t.Errorf("%s: VM %v, %v", r.expression, got, err)
		}
	}
	db := openDB(t, "rules")
	insertPeople(t, db, []*profiles.View{v})
	query, args := matrix(segs, made)
	for k, got := range readMatrix(t, db, query, args)[text16(v.ID)] {
		if (got == 1) != wants[k] {
			t.Errorf("%s: SQL %d", segs[k].Body.Expression, got)
		}
	}
}
