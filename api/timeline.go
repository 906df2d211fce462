package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
)

// timelineItem is one thing that happened to a person.
type timelineItem struct {
	ID       enishi.ID      `json:"id"`
	At       time.Time      `json:"at"`
	Type     string         `json:"type"`
	Label    Text           `json:"label"`
	Kind     string         `json:"kind" enum:"web,order,shipment,store,contact,message,segment,journey,consent,note,profile,other"`
	Summary  Text           `json:"summary"`
	Detail   map[string]any `json:"detail"`
	Source   string         `json:"source"`
	Amount   string         `json:"amount,omitempty"`
	Currency string         `json:"currency,omitempty"`
}

type timelineInput struct {
	PersonPath
	TimelineFilter
	Before string    `query:"before" maxLength:"64"`
	Until  time.Time `query:"until" doc:"Only what happened before this instant: where a page begins that somebody jumps to."`
	Limit  int       `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

// TimelineFilter is what of a timeline is asked for.
type TimelineFilter struct {
	Kinds   string `query:"kinds" maxLength:"200" doc:"Comma-separated kinds; all unless said."`
	Channel string `query:"channel" maxLength:"20" doc:"A touchpoint (web, store, ...) or the channel of a message (email, line, ...)."`
	Q       string `query:"q" maxLength:"100" doc:"A text within what the event says: a product, an order number, a page. Upper and lower case are one."`
}

// cond is the filter as SQL over events.
func (f *TimelineFilter) cond() (string, []any) {
	conds, args := []string{"1"}, []any(nil)
	if kinds := strings.FieldsFunc(f.Kinds, func(r rune) bool { return r == ',' }); len(kinds) > 0 {
		conds = append(conds, typesOfKinds(kinds))
	}
	if f.Channel != "" {
		conds, args = append(conds, "(channel = {channel:String} OR message_channel = {channel:String})"), append(args, named("channel", f.Channel))
	}
	if q := strings.TrimSpace(f.Q); q != "" {
		conds, args = append(conds, "(positionCaseInsensitiveUTF8(record, {q:String}) > 0 OR positionCaseInsensitiveUTF8(reason, {q:String}) > 0)"), append(args, named("q", q))
	}
	return strings.Join(conds, " AND "), args
}

// activityMonth is how much happened in a month of the shop.
type activityMonth struct {
	Month  string           `json:"month" doc:"As 2026-11, in the shop's time zone."`
	Events int64            `json:"events"`
	Kinds  map[string]int64 `json:"kinds" doc:"By kind, of those that happened."`
}

type activityInput struct {
	PersonPath
	TimelineFilter
}

// listActivity counts a person's years by month, oldest first; months without events are left out.
func (a *API) listActivity(ctx context.Context, in *activityInput) (*listOutput[activityMonth], error) {
	p, _, err := a.load(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	cond, args := in.cond()
	out := listOf([]activityMonth{})
	err = a.each(ctx, "SELECT formatDateTime(at, '%Y-%m', {zone:String}) AS month, toString(type), count() FROM events FINAL WHERE subject IN "+idList(subjects(p))+" AND "+cond+" GROUP BY month, type ORDER BY month", append(args, named("zone", a.zone().String())),
		func(rows driver.Rows) error {
			var month, typ string
			var n uint64
			if err := rows.Scan(&month, &typ, &n); err != nil {
				return err
			}
			items := &out.Body.Items
			if k := len(*items); k == 0 || (*items)[k-1].Month != month {
				*items = append(*items, activityMonth{Month: month, Kinds: map[string]int64{}})
			}
			x := &(*items)[len(*items)-1]
			x.Events += int64(n)
			x.Kinds[kindOf(typ)] += int64(n)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("count a person's months: %w", err)
	}
	return out, nil
}

// eventRow is a row of the table events.
type eventRow struct {
	subject, id            enishi.ID
	at, appended           time.Time
	typ, source            string
	order                  string
	amount                 enishi.Amount
	currency               string
	segment, journey, node string
	reason, record         string
	partition              uint16
	offset                 int64
}

const eventColumns = "subject, event_id, at, appended_at, type, source, order_id, amount, currency, segment, journey, node, reason, record, partition, offset"

func scanEvent(rows driver.Rows) (eventRow, error) {
	var e eventRow
	var subject, id string
	var amount int64
	err := rows.Scan(&subject, &id, &e.at, &e.appended, &e.typ, &e.source, &e.order, &amount, &e.currency, &e.segment, &e.journey, &e.node, &e.reason, &e.record, &e.partition, &e.offset)
	e.subject, e.id, e.at, e.appended, e.amount = idOf(subject), idOf(id), e.at.UTC(), e.appended.UTC(), enishi.Amount(amount)
	return e, err
}

// cursorOf is where a list by time goes on.
func cursorOf(at time.Time, id enishi.ID) string {
	return strconv.FormatInt(at.UnixMilli(), 10) + "." + id.String()
}

// before is the condition of a cursor over two columns, newest first.
func before(cursor, at, id string) (string, error) {
	if cursor == "" {
		return "1", nil
	}
	ms, hex, _ := strings.Cut(cursor, ".")
	n, err := strconv.ParseInt(ms, 10, 64)
	x, err2 := enishi.ParseID(hex)
	if err != nil || err2 != nil {
		return "", enishi.FieldError("query.before", "is not one that a page answered", "前のページの next を指定してください。")
	}
	return fmt.Sprintf("(%s, %s) < (fromUnixTimestamp64Milli(toInt64(%d)), %s)", at, id, n, idLiteral(x)), nil
}

func (a *API) listTimeline(ctx context.Context, in *timelineInput) (*listOutput[timelineItem], error) {
	p, _, err := a.load(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	cond, err := before(in.Before, "at", "event_id")
	if err != nil {
		return nil, err
	}
	t, marks, who := a.teller(), a.traitsSetting(), callOf(ctx).caller.role
	out := listOf([]timelineItem{})
	filter, args := in.cond()
	cond += " AND " + filter
	if !in.Until.IsZero() {
		cond, args = cond+" AND at < fromUnixTimestamp64Milli({until:Int64})", append(args, millis("until", in.Until))
	}
	err = a.each(ctx, fmt.Sprintf("SELECT %s FROM events FINAL WHERE subject IN %s AND %s ORDER BY at DESC, event_id DESC LIMIT %d", eventColumns, idList(subjects(p)), cond, in.Limit+1), args,
		func(rows driver.Rows) error {
			e, err := scanEvent(rows)
			if err != nil {
				return err
			}
			if len(out.Body.Items) == in.Limit {
				last := out.Body.Items[in.Limit-1]
				out.Body.Next = cursorOf(last.At, last.ID)
				return nil
			}
			item := t.item(&e)
			marks.hideIn(item.Detail, who)
			out.Body.Items = append(out.Body.Items, item)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("read timeline: %w", err)
	}
	out.Body.CompleteThrough, err = a.through(ctx)
	return out, err
}

// families are the first parts of event types by kind; what is in none of them is "other".
var families = map[string][]string{
	"web":   {"page", "screen", "product", "list", "search", "cart", "checkout", "wishlist", "price_alert", "stock_alert", "app"},
	"order": {"order", "return", "coupon", "points", "subscription"}, "shipment": {"shipment"}, "store": {"store"}, "contact": {"contact"}, "message": {"message", "line", "sms", "social", "postal"},
	"note": {"note"}, "segment": {"segment"}, "journey": {"journey"}, "consent": {"consent", "hold"}, "profile": {"person", "user", "risk"},
}

// typesOfKinds is the condition for kinds; the texts come from the table above, not from the caller.
func typesOfKinds(kinds []string) string {
	var some, all []string
	for _, k := range sortedKeys(families) {
		for _, f := range families[k] {
			all = append(all, "'"+f+"'")
			if slices.Contains(kinds, k) {
				some = append(some, "'"+f+"'")
			}
		}
	}
	const family = "splitByChar('.', toString(type))[1]"
	conds := []string{}
	if len(some) > 0 {
		conds = append(conds, family+" IN ("+strings.Join(some, ",")+")")
	}
	if slices.Contains(kinds, "other") {
		conds = append(conds, family+" NOT IN ("+strings.Join(all, ",")+")")
	}
	if len(conds) == 0 {
		return "0"
	}
	return "(" + strings.Join(conds, " OR ") + ")"
}

// item puts a row into words.
func (t *teller) item(e *eventRow) timelineItem {
	x := timelineItem{ID: e.id, At: e.at, Type: e.typ, Label: typeLabel(e.typ), Kind: kindOf(e.typ), Source: e.source, Detail: map[string]any{}}
	if e.amount != 0 {
		x.Amount, x.Currency = e.amount.String(), e.currency
	}
	if e.record == "" {
		x.Summary = t.derived(e.typ, e.segment, e.journey, e.node, e.reason)
		for k, v := range map[string]string{"segment": e.segment, "journey": e.journey, "node": e.node, "reason": e.reason} {
			if v != "" {
				x.Detail[k] = v
			}
		}
		return x
	}
	var full enishi.Event
	if enishi.DecodeEvent(&full, []byte(e.record)) != nil {
		return x // written by a later version: its type and time are all that can be said
	}
	x.Summary, x.Detail = t.summary(&full), detail(&full)
	return x
}

// detail is what the event says as its public JSON, without what the item has already.
func detail(e *enishi.Event) map[string]any {
	out := map[string]any{}
	raw, err := json.Marshal(e)
	if err != nil || json.Unmarshal(raw, &out) != nil {
		return map[string]any{}
	}
	for _, k := range [...]string{"v", "id", "type", "profile", "occurred_at", "source"} {
		delete(out, k)
	}
	return out
}
