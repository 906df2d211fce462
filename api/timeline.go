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
	Kind     string         `json:"kind" enum:"web,order,shipment,store,contact,message,segment,journey,consent,profile,other"`
	Summary  Text           `json:"summary"`
	Detail   map[string]any `json:"detail"`
	Source   string         `json:"source"`
	Amount   string         `json:"amount,omitempty"`
	Currency string         `json:"currency,omitempty"`
}

type timelineInput struct {
	PersonPath
	Before string `query:"before" maxLength:"64"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
	Kinds  string `query:"kinds" maxLength:"200" doc:"Comma-separated kinds; all unless said."`
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
	t := a.teller()
	out := listOf([]timelineItem{})
	kinds := strings.FieldsFunc(in.Kinds, func(r rune) bool { return r == ',' })
	if len(kinds) > 0 {
		cond += " AND " + typesOfKinds(kinds)
	}
	err = a.each(ctx, fmt.Sprintf("SELECT %s FROM events FINAL WHERE subject IN %s AND %s ORDER BY at DESC, event_id DESC LIMIT %d", eventColumns, idList(subjects(p)), cond, in.Limit+1), nil,
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
			out.Body.Items = append(out.Body.Items, t.item(&e))
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
	"segment": {"segment"}, "journey": {"journey"}, "consent": {"consent", "hold"}, "profile": {"person", "user", "risk"},
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
