package profiles

import (
	"slices"
	"strings"
	"time"

	"enishi"
)

// Table is rows for one fact table: a Go slice per column, []string of 16 bytes for ids, time.Time of 1970-01-01 for a
// missing instant, int64 of 1/10,000 for money.
type Table struct {
	Name    string
	Columns []string
	Rows    int
	Cols    []any
}

// Facts collects the rows that a checkpoint writes: what changed in each profile since its last checkpoint. It holds no
// memory of the profiles, so they may change while the rows are on their way. Rows must be stored before the state rows
// that they belong to, or with them under one marker: a state that is loaded again is taken as having its rows.
type Facts struct {
	people, identifiers, orders, lines, shipments, visits, stores, reviews, returns, contacts, surveys, subscriptions, moves, sends, memberships, runs *table
}

// NewFacts is empty.
func NewFacts() *Facts {
	return &Facts{
		people: newTable("people", "profile_id s, version u, is_deleted b, family_name s, given_name s, family_name_kana s, given_name_kana s, search s,"+
			" email s, phone s, line_user s, customer_id s, prefecture s, gender s, birthday s, language s, member_rank s,"+
			" first_seen_at t, last_seen_at t, last_visit_at t, signed_up_at t, orders_count i, manual_orders_count i, ltv i, currency s,"+
			" first_order_at t, last_order_at t, last_manual_order_at t, page_views i, product_views i, store_visits i, points i,"+
			" has_email b, has_line b, has_phone b, line_friend b, suppressed_email b, consents m, traits m, traits_number n,"+
			" hold_until t, hold_reason s, risks l, household s, main_store s, place_x i, place_y i, place_z i, lists l, line_accounts l,"+
			" reach_email b, reach_line b, reach_sms b, reach_push b, reach_postal b, social_reach_until t, social_window_until t, social_action_at t,"+
			" favourite_category s, favourite_brand s, favourite_size s, favourite_channel s, order_rhythm i, next_order_at t, returned_orders i,"+
			" delivered_parcels i, late_parcels i, last_late_at t, mixed l"),
		identifiers: newTable("identifiers", "profile_id s, subject s, version u, is_deleted b, kind s, scope s, value s, first_seen_at t, last_seen_at t"),
		orders: newTable("orders", "profile_id s, order_id s, version u, is_deleted b, status s, placed_at t, paid_at t, confirmed_at t, cancelled_at t,"+
			" refunded_at t, shipped_at t, delivered_at t, currency s, total i, revenue i, subtotal i, discount i, coupon s, coupon_amount i,"+
			" points_used i, shipping_fee i, cod_fee i, tax i, refunded i, items i, channel s, store_id s, staff_id s, payment_method s,"+
			" payment_due_at t, payment_state s, fulfilment_type s, subscription_id s, automatic b, marketplace s, is_gift b, valid b, sequence i, order_number s"),
		lines: newTable("order_lines", "profile_id s, order_id s, line w, version u, is_deleted b, placed_at t, product_id s, sku s, name s, brand s,"+
			" category s, quantity i, price i, discount i, valid b"),
		shipments: newTable("shipments", "profile_id s, order_id s, shipment_id s, version u, is_deleted b, status s, carrier s, tracking s, number i, of i,"+
			" created_at t, shipped_at t, delivered_at t, delayed_at t, returned_at t, estimated_at t, store_id s"),
		visits: newTable("visits", "profile_id s, at t, event_id s, version u, is_deleted b, type s, product_id s, category s, brand s, path s, query s,"+
			" cart_id s, value i, utm_source s, utm_campaign s"),
		stores:   newTable("store_visits", "profile_id s, at t, event_id s, version u, is_deleted b, type s, store_id s"),
		reviews:  newTable("reviews", "profile_id s, review_id s, order_id s, version u, is_deleted b, product_id s, rating i, at t"),
		returns:  newTable("returns", "profile_id s, order_id s, return_id s, version u, is_deleted b, status s, requested_at t, received_at t, amount i, reason s"),
		contacts: newTable("contacts", "profile_id s, contact_id s, version u, is_deleted b, channel s, topic s, order_id s, complaint b, opened_at t, solved_at t"),
		surveys:  newTable("surveys", "profile_id s, at t, event_id s, version u, is_deleted b, survey_id s, kind s, score i"),
		subscriptions: newTable("subscriptions", "profile_id s, subscription_id s, version u, is_deleted b, status s, product_id s, name s, category s, quantity i, cycle_days i,"+
			" amount i, currency s, deliveries i, reason s, started_at t, next_at t, renewed_at t, skipped_at t, paused_at t, cancelled_at t, payment_failed_at t"),
		moves: newTable("point_moves", "profile_id s, at t, event_id s, version u, is_deleted b, kind s, amount i, reason s, order_id s, expires_at t"),
		sends: newTable("sends", "profile_id s, send_id s, version u, is_deleted b, round i, channel s, purpose s, journey s, node s, template s, run_id s,"+
			" decided_at t, sent_at t, delivered_at t, opened_at t, clicked_at t, ended_at t, end s, reason s"),
		memberships: newTable("memberships", "profile_id s, segment s, version u, is_deleted b, definition i, since t, initial b"),
		runs: newTable("runs", "profile_id s, run_id s, version u, is_deleted b, journey s, definition i, key s, entered_at t, node s, since t, wait_until t,"+
			" ended_at t, end s, steps i"),
	}
}

func (f *Facts) all() []*table {
	return []*table{f.people, f.identifiers, f.orders, f.lines, f.shipments, f.visits, f.stores, f.reviews, f.returns, f.contacts, f.surveys, f.subscriptions,
		f.moves, f.sends,
		f.memberships, f.runs}
}

// Tables lists the tables that have rows. They are valid until Reset.
func (f *Facts) Tables() []Table {
	var out []Table
	for _, t := range f.all() {
		if t.rows > 0 {
			out = append(out, t.table())
		}
	}
	return out
}

// Reset forgets the rows, for the next checkpoint.
func (f *Facts) Reset() {
	for _, t := range f.all() {
		t.reset()
	}
}

// table is rows by column. A row is begun by its first value and closed by end.
type table struct {
	name  string
	names []string
	cols  []any // pointers to slices
	rows  int
	next  int
}

func newTable(name, columns string) *table {
	t := &table{name: name}
	for c := range strings.SplitSeq(columns, ", ") {
		column, kind, _ := strings.Cut(c, " ")
		t.names = append(t.names, column)
		var col any
		switch kind {
		case "s":
			col = new([]string)
		case "b":
			col = new([]uint8)
		case "w":
			col = new([]uint32)
		case "u":
			col = new([]uint64)
		case "i", "t": // an instant is Unix milliseconds: a third of a time.Time, and nothing for the collector of garbage to follow
			col = new([]int64)
		case "m":
			col = new([]map[string]string)
		case "n":
			col = new([]map[string]float64)
		case "l":
			col = new([][]string)
		}
		t.cols = append(t.cols, col)
	}
	return t
}

func (t *table) table() Table {
	out := Table{Name: t.name, Columns: t.names, Rows: t.rows, Cols: make([]any, len(t.cols))}
	for i, c := range t.cols {
		switch c := c.(type) {
		case *[]string:
			out.Cols[i] = *c
		case *[]uint8:
			out.Cols[i] = *c
		case *[]uint32:
			out.Cols[i] = *c
		case *[]uint64:
			out.Cols[i] = *c
		case *[]int64:
			out.Cols[i] = *c
		case *[]map[string]string:
			out.Cols[i] = *c
		case *[]map[string]float64:
			out.Cols[i] = *c
		case *[][]string:
			out.Cols[i] = *c
		}
	}
	return out
}

func (t *table) reset() {
	for _, c := range t.cols {
		switch c := c.(type) {
		case *[]string:
			empty(c)
		case *[]uint8:
			empty(c)
		case *[]uint32:
			empty(c)
		case *[]uint64:
			empty(c)
		case *[]int64:
			empty(c)
		case *[]map[string]string:
			empty(c)
		case *[]map[string]float64:
			empty(c)
		case *[][]string:
			empty(c)
		}
	}
	t.rows, t.next = 0, 0
}

func empty[T any](c *[]T) {
	clear(*c)
	*c = (*c)[:0]
}

func put[T any](t *table, v T) {
	c := t.cols[t.next].(*[]T)
	*c = append(*c, v)
	t.next++
}

func (t *table) text(vs ...string) {
	for _, v := range vs {
		put(t, v)
	}
}

func (t *table) id(v enishi.ID) { put(t, string(v[:])) }

func (t *table) ints(vs ...int64) {
	for _, v := range vs {
		put(t, v)
	}
}

func (t *table) amounts(vs ...enishi.Amount) {
	for _, v := range vs {
		put(t, int64(v))
	}
}

func (t *table) flags(vs ...bool) {
	for _, v := range vs {
		b := uint8(0)
		if v {
			b = 1
		}
		put(t, b)
	}
}

// The instants that a column can hold, as Unix milliseconds; the engine's type ends in 2299 and the client's arithmetic in 2262.
const (
	soonest = -2_208_988_800_000 // 1900
	last    = 7_258_118_400_000  // 2200
)

// column is an instant as a table has it; a missing one is 1970.
func column(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return min(max(t.UnixMilli(), soonest), last)
}

func (t *table) times(vs ...time.Time) {
	for _, v := range vs {
		put(t, column(v))
	}
}

// version closes the key of a row that is there.
func (t *table) version(v uint64) {
	put(t, v)
	put(t, uint8(0))
}

// deleted closes the key of a row that is gone and fills the rest, except for the texts given.
func (t *table) deleted(v uint64, more ...string) {
	put(t, v)
	put(t, uint8(1))
	t.text(more...)
	for t.next < len(t.cols) {
		switch t.cols[t.next].(type) {
		case *[]string:
			put(t, "")
		case *[]uint8:
			put(t, uint8(0))
		case *[]int64:
			put(t, int64(0))
		case *[]map[string]string:
			put(t, map[string]string{})
		case *[]map[string]float64:
			put(t, map[string]float64{})
		case *[][]string:
			put(t, []string{})
		}
	}
	t.end()
}

func (t *table) end() {
	if t.next != len(t.cols) {
		panic("profiles: row of " + t.name + " has not all columns") // a mistake in rows.go: every test that writes a row finds it
	}
	t.rows++
	t.next = 0
}

// unique sorts keys and drops repeats.
func unique[T any](keys []T, compare func(a, b T) int) []T {
	slices.SortFunc(keys, compare)
	return slices.CompactFunc(keys, func(a, b T) bool { return compare(a, b) == 0 })
}
