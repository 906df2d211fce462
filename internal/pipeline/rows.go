package pipeline

import (
	"encoding/json"
	"time"

	"enishi"
	"enishi/profiles"
)

// rowBuffer gathers the rows of a batch by column.
type rowBuffer struct {
	ev eventColumns
	de decisionColumns
	ou outcomeColumns
	al alertColumns
}

func newRowBuffer() *rowBuffer { return &rowBuffer{} }

type eventColumns struct {
	subject, id                                       []enishi.ID
	at, appended                                      []time.Time
	typ, source, channel, order, shipment, product    []string
	category, currency, store, segment, journey, node []string
	message, reason, record                           []string
	run, send                                         []enishi.ID
	partition                                         []uint16
	offset, amount                                    []int64
	version                                           []uint64
	historical                                        []uint8
}

// event adds the row of a folded event.
func (r *rowBuffer) event(e *enishi.Event, raw []byte, version uint64) {
	c := &r.ev
	order, shipment, product, category, currency, store := "", "", "", "", "", ""
	var amount enishi.Amount
	if o := e.Order; o != nil {
		order, amount, currency, store = o.OrderID, o.Total, o.Currency, o.StoreID
		if len(o.Lines) > 0 {
			product, category = o.Lines[0].ProductID, o.Lines[0].Category
		}
	}
	if s := e.Shipment; s != nil {
		order, shipment = s.OrderID, s.ShipmentID
	}
	if x := e.Return; x != nil {
		order, amount = x.OrderID, x.Amount
	}
	if w := e.Web; w != nil {
		category, amount, currency = w.Category, w.Value, w.Currency
		if w.Product != nil {
			product, category = w.Product.ProductID, w.Product.Category
		}
	}
	if s := e.Store; s != nil {
		store = s.StoreID
	}
	if x := e.Review; x != nil {
		order, product = x.OrderID, x.ProductID
	}
	c.order, c.shipment, c.product, c.category = append(c.order, order), append(c.shipment, shipment), append(c.product, product), append(c.category, category)
	c.amount, c.currency, c.store = append(c.amount, int64(amount)), append(c.currency, currency), append(c.store, store)
	journey, node, message, reason := "", "", "", ""
	var run, send enishi.ID
	if m := e.Result; m != nil {
		journey, node, message, reason, run, send = m.Journey, m.Node, m.Channel, m.Reason, m.RunID, m.SendID
	}
	c.segment, c.journey, c.node, c.message, c.reason = append(c.segment, ""), append(c.journey, journey), append(c.node, node), append(c.message, message), append(c.reason, reason)
	c.run, c.send = append(c.run, run), append(c.send, send)
	c.subject, c.id, c.at, c.appended = append(c.subject, e.Subject), append(c.id, e.ID), append(c.at, e.At), append(c.appended, e.Time)
	c.typ, c.source, c.channel, c.record = append(c.typ, e.Type), append(c.source, e.Source), append(c.channel, e.Channel), append(c.record, string(raw))
	c.partition, c.offset, c.version = append(c.partition, uint16(e.Partition)), append(c.offset, e.Offset), append(c.version, version)
	historical := uint8(0)
	if e.Historical {
		historical = 1
	}
	c.historical = append(c.historical, historical)
}

// derived adds rows for what the fold itself found.
func (r *rowBuffer) derived(ds []enishi.Derived, partition int, offset int64, version uint64, now time.Time) {
	c := &r.ev
	for i := range ds {
		d := &ds[i]
		c.order, c.shipment, c.product, c.category = append(c.order, ""), append(c.shipment, ""), append(c.product, ""), append(c.category, "")
		c.amount, c.currency, c.store = append(c.amount, 0), append(c.currency, ""), append(c.store, "")
		c.segment, c.journey, c.node, c.message, c.reason = append(c.segment, d.Segment), append(c.journey, d.Journey), append(c.node, d.Node), append(c.message, d.Channel), append(c.reason, d.Reason)
		c.run, c.send = append(c.run, d.RunID), append(c.send, d.SendID)
		c.subject, c.id, c.at, c.appended = append(c.subject, d.Subject), append(c.id, d.ID), append(c.at, d.At), append(c.appended, now)
		c.typ, c.source, c.channel, c.record = append(c.typ, d.Type), append(c.source, ""), append(c.channel, ""), append(c.record, "")
		c.partition, c.offset, c.version = append(c.partition, uint16(partition)), append(c.offset, offset), append(c.version, version)
		initial := uint8(0)
		if d.Initial {
			initial = 1
		}
		c.historical = append(c.historical, initial)
	}
}

type decisionColumns struct {
	subject, send, profile, run                              []enishi.ID
	round                                                    []uint32
	at                                                       []time.Time
	version                                                  []uint64
	definition                                               []int64
	journey, node, channel, purpose, template, reason, check []string
	sent                                                     []uint8
}

func (r *rowBuffer) decisions(ds []enishi.Decision) {
	c := &r.de
	for i := range ds {
		d := &ds[i]
		checks, _ := json.Marshal(d.Checks) // a slice of plain structs cannot fail
		sent := uint8(0)
		if d.Sent {
			sent = 1
		}
		c.subject, c.send, c.profile, c.run = append(c.subject, d.Profile), append(c.send, d.SendID), append(c.profile, d.Profile), append(c.run, d.RunID)
		c.round, c.at, c.version, c.definition = append(c.round, uint32(d.Round)), append(c.at, d.At), append(c.version, uint64(d.At.UnixMilli())), append(c.definition, int64(d.Version))
		c.journey, c.node, c.channel, c.purpose = append(c.journey, d.Journey), append(c.node, d.Node), append(c.channel, d.Channel), append(c.purpose, d.Purpose)
		c.template, c.reason, c.check, c.sent = append(c.template, d.Template), append(c.reason, d.Reason), append(c.check, string(checks)), append(c.sent, sent)
	}
}

type outcomeColumns struct {
	id   []enishi.ID
	at   []time.Time
	ok   []uint8
	text []string
}

func (r *rowBuffer) outcomes(os []enishi.Outcome) {
	for i := range os {
		ok := uint8(0)
		if os[i].OK {
			ok = 1
		}
		c := &r.ou
		c.id, c.at, c.ok, c.text = append(c.id, os[i].RequestID), append(c.at, os[i].At), append(c.ok, ok), append(c.text, os[i].Text)
	}
}

type alertColumns struct {
	id                     []enishi.ID
	at, closed             []time.Time
	version                []uint64
	kind, severity, en, ja []string
}

func (r *rowBuffer) alerts(as []enishi.Alert) {
	for i := range as {
		a, c := &as[i], &r.al
		c.id, c.at, c.closed, c.version = append(c.id, a.ID), append(c.at, a.At), append(c.closed, epochZero), append(c.version, uint64(a.At.UnixMilli()))
		c.kind, c.severity, c.en, c.ja = append(c.kind, a.Kind), append(c.severity, a.Severity), append(c.en, a.Text), append(c.ja, a.TextJA)
	}
}

// epochZero is a missing instant in a table.
var epochZero = time.Unix(0, 0).UTC()

// AlertTable is alerts as rows, for those outside the fold who raise them.
func AlertTable(as ...enishi.Alert) profiles.Table {
	r := newRowBuffer()
	r.alerts(as)
	return r.tables()[0]
}

// tables lists the non-empty tables.
func (r *rowBuffer) tables() []profiles.Table {
	var out []profiles.Table
	add := func(name string, columns []string, n int, cols ...any) {
		if n > 0 {
			out = append(out, profiles.Table{Name: name, Columns: columns, Rows: n, Cols: cols})
		}
	}
	e := &r.ev
	add("events", []string{"subject", "at", "event_id", "type", "appended_at", "partition", "offset", "version", "historical", "source", "channel",
		"order_id", "shipment_id", "product_id", "category", "amount", "currency", "store_id", "segment", "journey", "node", "run_id", "send_id",
		"message_channel", "reason", "record"}, len(e.id),
		e.subject, e.at, e.id, e.typ, e.appended, e.partition, e.offset, e.version, e.historical, e.source, e.channel,
		e.order, e.shipment, e.product, e.category, e.amount, e.currency, e.store, e.segment, e.journey, e.node, e.run, e.send,
		e.message, e.reason, e.record)
	d := &r.de
	add("decisions", []string{"subject", "send_id", "round", "profile_id", "at", "version", "journey", "definition", "node", "run_id", "channel", "purpose",
		"template", "sent", "reason", "checks"}, len(d.send),
		d.subject, d.send, d.round, d.profile, d.at, d.version, d.journey, d.definition, d.node, d.run, d.channel, d.purpose, d.template, d.sent, d.reason, d.check)
	o := &r.ou
	add("outcomes", []string{"request_id", "at", "ok", "outcome"}, len(o.id), o.id, o.at, o.ok, o.text)
	a := &r.al
	add("alerts", []string{"id", "at", "version", "kind", "severity", "text", "text_ja", "closed_at"}, len(a.id), a.id, a.at, a.version, a.kind, a.severity, a.en, a.ja, a.closed)
	return out
}
