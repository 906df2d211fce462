package outflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"enishi"
)

// Schema names the form of a change. A later form that old readers cannot read has another name.
const Schema = "urn:enishi:change:v1"

// Change is what goes out: a CloudEvent (1.0, JSON) whose data says what happened.
type Change struct {
	SpecVersion string    `json:"specversion"` // 1.0
	ID          string    `json:"id"`          // 32 hexadecimal digits; the same whenever the change comes again
	Source      string    `json:"source"`      // the stream: BASE/streams/NAME
	Type        string    `json:"type"`        // of the event, or what the fold found: segment.entered
	Subject     string    `json:"subject"`     // the person's id when the change went out
	Time        time.Time `json:"time"`        // when it happened
	ContentType string    `json:"datacontenttype"`
	Schema      string    `json:"dataschema"`
	Key         string    `json:"partitionkey"` // as subject
	Sequence    string    `json:"sequence"`     // PARTITION-EPOCH-OFFSET in the log; of a partition it never goes down
	Data        Data      `json:"data"`
}

// Data is what a change says.
type Data struct {
	Group      string         `json:"group"`
	RecordedAt time.Time      `json:"recorded_at"`          // when it was appended to the log
	Historical bool           `json:"historical,omitempty"` // imported, or there before the segment was
	Source     string         `json:"source,omitempty"`     // where the event came from
	Touchpoint string         `json:"touchpoint,omitempty"` // web, store, app ...
	Segment    string         `json:"segment,omitempty"`
	Journey    string         `json:"journey,omitempty"`
	Node       string         `json:"node,omitempty"` // step of the journey
	RunID      string         `json:"run_id,omitempty"`
	SendID     string         `json:"send_id,omitempty"` // of a message: the same in all that is told of it
	Reason     string         `json:"reason,omitempty"`
	Into       string         `json:"into,omitempty"`   // of person.merged: whose the person's data are now
	Parted     string         `json:"parted,omitempty"` // of person.unmerged: the person who left
	Event      map[string]any `json:"event,omitempty"`  // order, message, consent ...: the plain fields of the event
	Person     *Person        `json:"person,omitempty"` // what the stream asks for, as it is known when the change goes out
}

// Person is who a change is about, as far as the stream asks.
type Person struct {
	CustomerID string         `json:"customer_id,omitempty"`
	Email      string         `json:"email,omitempty"`
	Phone      string         `json:"phone,omitempty"`
	LineUserID string         `json:"line_user_id,omitempty"`
	FamilyName string         `json:"family_name,omitempty"`
	GivenName  string         `json:"given_name,omitempty"`
	Traits     map[string]any `json:"traits,omitempty"`
}

// row is a row of the table events.
type row struct {
	subject, id, run, send                          enishi.ID
	typ, source, touchpoint, segment, journey, node string
	channel, reason, record                         string
	order, product, category, store, currency       string
	amount                                          int64
	at, appended                                    time.Time
	partition                                       int
	version                                         uint64
	historical                                      bool
	profile                                         enishi.ID // whose it is now
}

// facts are what a condition may ask of it.
func (r *row) facts() Facts {
	channel := r.channel
	if channel == "" {
		channel = r.touchpoint
	}
	return Facts{Type: r.typ, Group: groupOf(r.typ), Historical: r.historical, Source: r.source, Segment: r.segment, Journey: r.journey, Node: r.node, Channel: channel, Reason: r.reason,
		Order: r.order, Product: r.product, Category: r.category, Store: r.store, Amount: float64(r.amount) / float64(enishi.Unit), Currency: r.currency}
}

// change is the row as the stream sends it. person is what is known of the person; nil: nothing is asked for or known.
func (r *row) change(s *Stream, source string, person *Person) (*Change, error) {
	c := &Change{SpecVersion: "1.0", ID: r.id.String(), Source: source, Type: r.typ, Subject: r.profile.String(), Time: r.at, ContentType: "application/json", Schema: Schema,
		Key: r.profile.String(), Sequence: fmt.Sprintf("%05d-%05d-%015d", r.partition, r.version>>48, int64(r.version&(1<<48-1))-1)}
	d := Data{Group: groupOf(r.typ), RecordedAt: r.appended, Historical: r.historical, Source: r.source, Touchpoint: r.touchpoint, Segment: r.segment, Journey: r.journey, Node: r.node,
		RunID: idText(r.run), SendID: idText(r.send), Person: person}
	switch r.typ {
	case enishi.TypePersonMerged:
		d.Into = r.reason
	case enishi.TypePersonUnmerged:
		d.Parted = r.reason
	case enishi.TypeErased:
		d.Person = nil
	default:
		d.Reason = r.reason
		if r.record != "" && freeReason(r.typ) && !s.has("text") {
			d.Reason = ""
		}
	}
	if r.record != "" {
		var e enishi.Event
		if err := enishi.DecodeEvent(&e, []byte(r.record)); err != nil {
			return nil, fmt.Errorf("read the event %s: %w", r.id, err)
		}
		var err error
		if d.Event, err = plainOf(&e, s); err != nil {
			return nil, err
		}
	}
	c.Data = d
	return c, nil
}

// freeReason tells whether people write the reason of a type; that of messages is one of a list.
func freeReason(typ string) bool { return !strings.HasPrefix(typ, "message.") }

func idText(id enishi.ID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

// plain are the fields of an event that go out whatever a stream asks for: what was bought, where it is, what became of a message. What is
// not listed does not go out, so a field that an event gets later is personal until somebody says otherwise.
var plain = map[string][]string{
	"order": {"order_id", "version", "currency", "lines", "subtotal", "discount", "coupon", "coupon_amount", "points_used", "shipping_fee", "cod_fee", "taxes", "total", "payment_method", "payment_due_at",
		"store_id", "subscription_id", "automatic", "fulfilment_type", "marketplace", "refunded", "cart_id", "placed_at", "order_number"},
	"shipment":     {"shipment_id", "order_id", "version", "number", "of", "lines", "carrier", "estimated_delivery_at", "untracked", "store_id", "hold_until"},
	"return":       {"return_id", "order_id", "version", "lines", "amount", "store_id"},
	"store":        {"store_id", "store_type", "business_date", "event_id", "event_name"},
	"contact":      {"contact_id", "channel", "topic", "order_id", "product_id", "complaint"},
	"consent":      {"channel", "purpose", "state", "method"},
	"survey":       {"survey_id", "kind", "score", "order_id"},
	"review":       {"review_id", "order_id", "product_id", "version", "rating"},
	"referral":     {"code", "order_id"},
	"coupon":       {"code", "campaign", "amount", "order_id", "expires_at"},
	"points":       {"amount", "balance", "order_id", "expires_at"},
	"subscription": {"subscription_id", "version", "product_id", "name", "category", "quantity", "cycle_days", "amount", "currency", "next_at", "deliveries", "started_at"},
	"risk":         {"flag", "set", "order_id"},
	"list":         {"list"},
	"hold":         {"until"},
	"message":      {"send_id", "round", "channel", "journey", "node", "template", "purpose", "reason", "code", "until", "machine", "variant", "run_id"},
	"web":          {"product", "list_id", "category", "results", "cart_id", "checkout_id", "step", "value", "currency", "lines", "target_price", "form"},
}

// asked are the fields of an event that a field of the stream lets out.
var asked = map[string]map[string][]string{
	"address": {"order": {"ship_to"}, "shipment": {"tracking"}},
	"text": {"order": {"reason"}, "return": {"reason"}, "shipment": {"reason"}, "contact": {"text"}, "survey": {"answers"}, "review": {"title", "text"}, "points": {"reason"}, "subscription": {"reason"}, "risk": {"reason"},
		"list": {"reason"}, "hold": {"reason"}, "web": {"query"}},
	"context": {"web": {"url"}, "message": {"url"}, "referral": {"url"}},
}

// plainOf is what of an event goes out.
func plainOf(e *enishi.Event, s *Stream) (map[string]any, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode the event: %w", err)
	}
	var all map[string]any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&all); err != nil {
		return nil, fmt.Errorf("encode the event: %w", err)
	}
	out := map[string]any{}
	for name, fields := range plain {
		fields = slices.Clone(fields)
		for field, of := range asked {
			if s.has(field) {
				fields = append(fields, of[name]...)
			}
		}
		switch x := all[name].(type) {
		case map[string]any:
			out[name] = only(x, fields)
		case []any:
			for i := range x {
				if m, ok := x[i].(map[string]any); ok {
					x[i] = only(m, fields)
				}
			}
			out[name] = x
		}
	}
	for _, whole := range []string{"context", "properties"} {
		if s.has(whole) && all[whole] != nil {
			out[whole] = all[whole]
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

func only(m map[string]any, fields []string) map[string]any {
	out := map[string]any{}
	for _, f := range fields {
		if v, ok := m[f]; ok {
			out[f] = v
		}
	}
	return out
}
