package segments

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/internal/clickhouse"
	"enishi/profiles"
)

// table collects rows by column.
type table struct {
	name    string
	n       int
	columns []string
	values  []any
}

// row is one row: names and values in turn.
type row []any

func (tb *table) add(r row) {
	for i := 0; i < len(r); i += 2 {
		if tb.n == 0 {
			tb.columns = append(tb.columns, r[i].(string))
			tb.values = append(tb.values, reflect.MakeSlice(reflect.SliceOf(reflect.TypeOf(r[i+1])), 0, 64).Interface())
		}
		tb.values[i/2] = reflect.Append(reflect.ValueOf(tb.values[i/2]), reflect.ValueOf(r[i+1])).Interface()
	}
	tb.n++
}

func text16(id enishi.ID) string { return string(id[:]) }

func storedTime(t time.Time) time.Time {
	if t.IsZero() {
		return time.UnixMilli(0).UTC()
	}
	return t
}

func uint8Of(b bool) uint8 { return uint8(bit(b)) }

// insertPeople writes the fact rows of people: the mapping of views to tables, independent of package profiles. Half of the
// people get rows of an older version as well, and some rows that were deleted since: only FINAL leaves them out.
func insertPeople(t *testing.T, db *clickhouse.DB, people []*profiles.View) {
	t.Helper()
	rounds := [2]map[string]*table{{}, {}}
	for k, v := range people {
		if k%2 == 0 {
			for name, rows := range factRows(stale(people[(k+1)%len(people)], v), 1, 0) {
				addRows(rounds[0], name, rows)
			}
			for name, rows := range factRows(stale(people[(k+1)%len(people)], v), 2, 1) {
				addRows(rounds[1], name, rows)
			}
		}
		for name, rows := range factRows(v, 3, 0) {
			addRows(rounds[1], name, rows)
		}
	}
	for _, tables := range rounds {
		for name, tb := range tables {
			if err := db.Insert(t.Context(), name, tb.columns, tb.n, tb.values...); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// stale is what was known of a person before: somebody else's facts.
func stale(other, v *profiles.View) *profiles.View {
	was := *other
	was.ID = v.ID
	return &was
}

func addRows(tables map[string]*table, name string, rows []row) {
	if tables[name] == nil {
		tables[name] = &table{name: name}
	}
	for _, r := range rows {
		tables[name].add(r)
	}
}

func factRows(v *profiles.View, version uint64, deleted uint8) map[string][]row {
	rows := map[string][]row{}
	add := func(table string, r ...any) {
		rows[table] = append(rows[table], append(row{"profile_id", text16(v.ID), "version", version, "is_deleted", deleted}, r...))
	}
	env := map[string]any{}
	person(env, v)
	consents, traits, numbers := consentStates(v), map[string]string{}, map[string]float64{}
	for name, x := range v.Traits {
		traits[name] = form(x)
		if x.Kind != enishi.Text {
			numbers[name] = x.Number
		}
	}
	is := func(name string) uint8 { return uint8Of(env[name].(bool)) }
	trait := func(name string) string { return form(v.Traits[name]) }
	risks := append([]string{}, v.Risks...)
	name := func(name string) string { return strings.TrimSpace(trait(name)) }
	place := v.Place()
	add("people", "place_x", place.X, "place_y", place.Y, "place_z", place.Z, "family_name", name("family_name"), "given_name", name("given_name"), "family_name_kana", name("family_name_kana"), "given_name_kana", name("given_name_kana"),
		"main_store", v.MainStore, "prefecture", trait("prefecture"), "gender", trait("gender"), "birthday", trait("birthday"), "language", trait("language"), "member_rank", trait("member_rank"),
		"first_seen_at", storedTime(v.FirstSeenAt), "last_seen_at", storedTime(v.LastSeenAt), "last_visit_at", storedTime(v.LastVisitAt), "signed_up_at", storedTime(v.SignedUpAt),
		"orders_count", v.OrdersCount, "manual_orders_count", v.ManualOrdersCount, "ltv", int64(v.LTV), "currency", v.Currency,
		"first_order_at", storedTime(v.FirstOrderAt), "last_order_at", storedTime(v.LastOrderAt), "last_manual_order_at", storedTime(v.LastManualOrderAt),
		"page_views", v.PageViews, "product_views", v.ProductViews, "store_visits", v.StoreVisits, "points", v.Points,
		"has_email", is("has_email"), "has_line", is("has_line"), "has_phone", is("has_phone"), "line_friend", is("line_friend"), "suppressed_email", is("suppressed_email"),
		"consents", consents, "traits", traits, "traits_number", numbers, "hold_until", storedTime(v.HoldUntil), "risks", risks, "lists", append([]string{}, v.Lists...),
		"reach_email", is("reachable.email"), "reach_line", is("reachable.line"), "reach_sms", is("reachable.sms"), "reach_push", is("reachable.push"), "reach_postal", is("reachable.postal"),
		"social_reach_until", storedTime(env["social.reach_until"].(time.Time)), "social_window_until", storedTime(env["social.window_until"].(time.Time)), "social_action_at", storedTime(env["social.last_action_at"].(time.Time)),
		"favourite_category", v.Features.Category, "favourite_brand", v.Features.Brand, "favourite_size", v.Features.Size, "favourite_channel", v.Features.Channel,
		"order_rhythm", v.Features.Rhythm, "next_order_at", storedTime(v.Features.NextOrderAt), "returned_orders", v.Features.Returned,
		"delivered_parcels", v.Features.Delivered, "late_parcels", v.Features.Late, "last_late_at", storedTime(v.Features.LastLateAt))
	for _, o := range v.Orders {
		gift := o.ShipTo != nil && o.ShipTo.IsGift
		add("orders", "order_id", o.OrderID, "status", o.Status, "placed_at", storedTime(o.PlacedAt), "paid_at", storedTime(o.PaidAt), "confirmed_at", storedTime(o.ConfirmedAt),
			"cancelled_at", storedTime(o.CancelledAt), "refunded_at", storedTime(o.RefundedAt), "shipped_at", storedTime(o.ShippedAt), "delivered_at", storedTime(o.DeliveredAt),
			"currency", o.Currency, "total", int64(o.Total), "revenue", int64(o.Revenue), "subtotal", int64(o.Subtotal), "discount", int64(o.Discount), "coupon", o.Coupon,
			"coupon_amount", int64(o.CouponAmount), "points_used", int64(o.PointsUsed), "shipping_fee", int64(o.ShippingFee), "cod_fee", int64(o.CODFee), "refunded", int64(o.Refunded),
			"items", o.Items, "channel", o.Channel, "store_id", o.StoreID, "staff_id", o.StaffID, "payment_method", o.PaymentMethod, "payment_due_at", storedTime(o.PaymentDueAt),
			"payment_state", o.PaymentState, "fulfilment_type", o.Fulfilment, "subscription_id", o.SubscriptionID, "automatic", uint8Of(o.Automatic), "marketplace", o.Marketplace,
			"is_gift", uint8Of(gift), "valid", uint8Of(o.Valid), "sequence", o.Sequence)
	}
	for _, o := range v.Orders {
		for k, l := range o.Lines {
			add("order_lines", "order_id", o.OrderID, "line", uint32(k), "placed_at", storedTime(o.PlacedAt), "valid", uint8Of(o.Valid), "product_id", l.ProductID, "sku", l.SKU, "name", l.Name,
				"brand", l.Brand, "category", l.Category, "quantity", int64(max(l.Quantity, 1)), "price", int64(l.Price), "discount", int64(l.Discount))
		}
	}
	for _, s := range v.Shipments {
		add("shipments", "order_id", s.OrderID, "shipment_id", s.ShipmentID, "status", s.Status, "carrier", s.Carrier, "number", int64(s.Number), "of", int64(s.Of),
			"created_at", storedTime(s.CreatedAt), "shipped_at", storedTime(s.ShippedAt), "delivered_at", storedTime(s.DeliveredAt), "delayed_at", storedTime(s.DelayedAt),
			"returned_at", storedTime(s.ReturnedAt), "estimated_at", storedTime(s.EstimatedAt), "store_id", s.StoreID)
	}
	for _, x := range v.Visits {
		add("visits", "at", storedTime(x.At), "event_id", text16(x.Event), "type", x.Type, "product_id", x.ProductID, "category", x.Category, "brand", x.Brand, "path", x.Path,
			"query", x.Query, "cart_id", x.CartID, "value", int64(x.Value), "utm_source", x.Source, "utm_campaign", x.Campaign)
	}
	for _, x := range v.Stores {
		add("store_visits", "at", storedTime(x.At), "event_id", text16(x.Event), "type", x.Type, "store_id", x.StoreID)
	}
	for _, x := range v.Reviews {
		add("reviews", "review_id", x.Review.ReviewID, "order_id", x.Review.OrderID, "product_id", x.Review.ProductID, "rating", int64(x.Review.Rating), "at", storedTime(x.At))
	}
	for _, x := range v.Returns {
		add("returns", "order_id", x.OrderID, "return_id", x.ReturnID, "status", x.Status, "requested_at", storedTime(x.RequestedAt), "received_at", storedTime(x.ReceivedAt),
			"amount", int64(x.Amount), "reason", x.Reason)
	}
	for _, x := range v.Contacts {
		add("contacts", "contact_id", x.ContactID, "channel", x.Channel, "topic", x.Topic, "order_id", x.OrderID, "complaint", uint8Of(x.Complaint),
			"opened_at", storedTime(x.OpenedAt), "solved_at", storedTime(x.SolvedAt))
	}
	for _, x := range v.Surveys {
		add("surveys", "at", storedTime(x.At), "event_id", text16(x.Event), "survey_id", x.SurveyID, "kind", x.Kind, "score", int64(x.Score))
	}
	for _, x := range v.Contracts {
		add("subscriptions", "subscription_id", x.SubscriptionID, "status", x.Status, "product_id", x.ProductID, "name", x.Name, "category", x.Category, "quantity", int64(x.Quantity),
			"cycle_days", int64(x.CycleDays), "amount", int64(x.Amount), "currency", x.Currency, "deliveries", int64(x.Deliveries), "reason", x.Reason,
			"started_at", storedTime(x.StartedAt), "next_at", storedTime(x.NextAt), "renewed_at", storedTime(x.RenewedAt), "skipped_at", storedTime(x.SkippedAt),
			"paused_at", storedTime(x.PausedAt), "cancelled_at", storedTime(x.CancelledAt), "payment_failed_at", storedTime(x.PaymentFailedAt))
	}
	for _, x := range v.Moves {
		add("point_moves", "at", storedTime(x.At), "event_id", text16(x.Event), "kind", x.Kind, "amount", x.Amount, "reason", x.Reason, "order_id", x.OrderID, "expires_at", storedTime(x.ExpiresAt))
	}
	for _, x := range v.Messages {
		add("sends", "send_id", text16(x.SendID), "channel", x.Channel, "purpose", x.Purpose, "journey", x.Journey, "node", x.Node, "template", x.Template,
			"decided_at", storedTime(x.DecidedAt), "sent_at", storedTime(x.SentAt), "delivered_at", storedTime(x.DeliveredAt), "opened_at", storedTime(x.OpenedAt),
			"clicked_at", storedTime(x.ClickedAt), "ended_at", storedTime(x.EndedAt), "end", x.End, "reason", x.Reason)
	}
	return rows
}
