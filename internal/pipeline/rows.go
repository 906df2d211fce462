package pipeline

import (
	"encoding/json"
	"time"
	"unsafe"

	"enishi"
	"enishi/profiles"
)

// eventRow is a row of the table events: an event that was folded, or what the fold itself found.
type eventRow struct {
	subject, id, run, send                            enishi.ID
	at, appended                                      int64 // Unix milliseconds
	typ, source, channel, order, shipment, product    string
	category, currency, store, segment, journey, node string
	message, reason, record                           string
	offset, amount                                    int64
	version                                           uint64
	partition                                         uint16
	historical                                        uint8
}

// rows gathers what a partition's steps give to the tables besides states and facts. Rows stand in blocks, so that a growing
// list copies nothing. The texts share memory with the records that were folded: they are written soon.
type rows struct {
	events    list[eventRow]
	decisions list[enishi.Decision]
	outcomes  []enishi.Outcome
	alerts    []enishi.Alert
	erased    []Erasure
	unsent    []Unsent
	spare     *spare
	columns   *columns // of the tables, when they are made
	quiet     bool     // of a replay: nothing is written
}

func (r *rows) empty() bool {
	return r.events.n+r.decisions.n+len(r.outcomes)+len(r.alerts)+len(r.erased)+len(r.unsent) == 0
}

// join takes the rows of another buffer.
func (r *rows) join(x *rows) {
	r.events.join(&x.events)
	r.decisions.join(&x.decisions)
	r.outcomes, r.alerts = append(r.outcomes, x.outcomes...), append(r.alerts, x.alerts...)
	r.erased, r.unsent = append(r.erased, x.erased...), append(r.unsent, x.unsent...)
}

// event adds the row of a folded event.
func (r *rows) event(part *partition, e *enishi.Event, raw []byte) {
	if r.quiet {
		return
	}
	x := r.events.add(&r.spare.events)
	x.subject, x.id, x.at, x.appended, x.typ, x.source, x.channel = e.Subject, e.ID, ms(e.At), ms(e.Time), e.Type, e.Source, e.Channel
	x.partition, x.offset, x.version, x.record = uint16(part.n), e.Offset, Version(part.epoch, part.next), text(raw)
	if u, back := unsentOf(e); back {
		r.unsent = append(r.unsent, u)
	}
	if e.Historical {
		x.historical = 1
	}
	if o := e.Order; o != nil {
		x.order, x.amount, x.currency, x.store = o.OrderID, int64(o.Total), o.Currency, o.StoreID
		if len(o.Lines) > 0 {
			x.product, x.category = o.Lines[0].ProductID, o.Lines[0].Category
		}
	}
	if s := e.Shipment; s != nil {
		x.order, x.shipment = s.OrderID, s.ShipmentID
	}
	if y := e.Return; y != nil {
		x.order, x.amount = y.OrderID, int64(y.Amount)
	}
	if w := e.Web; w != nil {
		x.category, x.amount, x.currency = w.Category, int64(w.Value), w.Currency
		if w.Product != nil {
			x.product, x.category = w.Product.ProductID, w.Product.Category
		}
	}
	if s := e.Store; s != nil {
		x.store = s.StoreID
	}
	if y := e.Review; y != nil {
		x.order, x.product = y.OrderID, y.ProductID
	}
	if m := e.Result; m != nil {
		x.journey, x.node, x.message, x.reason, x.run, x.send = m.Journey, m.Node, m.Channel, m.Reason, m.RunID, m.SendID
	}
}

// derived adds the row of what the fold found.
func (r *rows) derived(part *partition, d *enishi.Derived) {
	r.events.add(&r.spare.events).derive(part, d)
}

// derive makes it the row of what the fold found.
func (x *eventRow) derive(part *partition, d *enishi.Derived) {
	x.subject, x.id, x.at, x.appended, x.typ = d.Subject, d.ID, ms(d.At), ms(part.clock), d.Type
	x.segment, x.journey, x.node, x.message, x.reason, x.run, x.send = d.Segment, d.Journey, d.Node, d.Channel, d.Reason, d.RunID, d.SendID
	x.partition, x.offset, x.version = uint16(part.n), part.next-1, Version(part.epoch, part.next)
	if d.Initial {
		x.historical = 1
	}
}

// text is bytes as a string that shares their memory.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// ms is an instant as a table has it: milliseconds, a missing one is 1970.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// epochZero is a missing instant in a table.
var epochZero = time.Unix(0, 0).UTC()

// column is one value of each row.
func column[R, V any](blocks [][]R, n int, get func(*R) V) []V {
	return fill(make([]V, 0, n), blocks, get)
}

func fill[R, V any](out []V, blocks [][]R, get func(*R) V) []V {
	for _, b := range blocks {
		for i := range b {
			out = append(out, get(&b[i]))
		}
	}
	return out
}

var eventColumns = []string{"subject", "at", "event_id", "type", "appended_at", "partition", "offset", "version", "historical", "source", "channel",
	"order_id", "shipment_id", "product_id", "category", "amount", "currency", "store_id", "segment", "journey", "node", "run_id", "send_id",
	"message_channel", "reason", "record"}

func (r *rows) eventTable() profiles.Table {
	blocks, n := r.events.blocks, r.events.n
	text := func(get func(*eventRow) string) []string { return fill(r.columns.text.take(n), blocks, get) }
	whole := func(get func(*eventRow) int64) []int64 { return fill(r.columns.whole.take(n), blocks, get) }
	id := func(get func(*eventRow) enishi.ID) []enishi.ID { return fill(r.columns.id.take(n), blocks, get) }
	return profiles.Table{Name: "events", Columns: eventColumns, Rows: n, Cols: []any{
		id(func(x *eventRow) enishi.ID { return x.subject }),
		whole(func(x *eventRow) int64 { return x.at }),
		id(func(x *eventRow) enishi.ID { return x.id }),
		text(func(x *eventRow) string { return x.typ }),
		whole(func(x *eventRow) int64 { return x.appended }),
		column(blocks, n, func(x *eventRow) uint16 { return x.partition }),
		whole(func(x *eventRow) int64 { return x.offset }),
		column(blocks, n, func(x *eventRow) uint64 { return x.version }),
		column(blocks, n, func(x *eventRow) uint8 { return x.historical }),
		text(func(x *eventRow) string { return x.source }),
		text(func(x *eventRow) string { return x.channel }),
		text(func(x *eventRow) string { return x.order }),
		text(func(x *eventRow) string { return x.shipment }),
		text(func(x *eventRow) string { return x.product }),
		text(func(x *eventRow) string { return x.category }),
		whole(func(x *eventRow) int64 { return x.amount }),
		text(func(x *eventRow) string { return x.currency }),
		text(func(x *eventRow) string { return x.store }),
		text(func(x *eventRow) string { return x.segment }),
		text(func(x *eventRow) string { return x.journey }),
		text(func(x *eventRow) string { return x.node }),
		id(func(x *eventRow) enishi.ID { return x.run }),
		id(func(x *eventRow) enishi.ID { return x.send }),
		text(func(x *eventRow) string { return x.message }),
		text(func(x *eventRow) string { return x.reason }),
		text(func(x *eventRow) string { return x.record }),
	}}
}

var decisionColumns = []string{"subject", "send_id", "round", "profile_id", "at", "version", "journey", "definition", "node", "run_id", "channel", "purpose",
	"template", "sent", "reason", "checks"}

func (r *rows) decisionTable() profiles.Table {
	blocks, n := r.decisions.blocks, r.decisions.n
	text := func(get func(*enishi.Decision) string) []string { return fill(r.columns.text.take(n), blocks, get) }
	whole := func(get func(*enishi.Decision) int64) []int64 { return fill(r.columns.whole.take(n), blocks, get) }
	id := func(get func(*enishi.Decision) enishi.ID) []enishi.ID { return fill(r.columns.id.take(n), blocks, get) }
	checks := checksWriter{}
	return profiles.Table{Name: "decisions", Rows: n,
		Columns: decisionColumns,
		Cols: []any{
			id(subjectOf),
			id(func(d *enishi.Decision) enishi.ID { return d.SendID }),
			column(blocks, n, func(d *enishi.Decision) uint32 { return uint32(d.Round) }),
			id(func(d *enishi.Decision) enishi.ID { return d.Profile }),
			whole(func(d *enishi.Decision) int64 { return ms(d.At) }),
			column(blocks, n, func(d *enishi.Decision) uint64 { return uint64(ms(d.At)) }),
			text(func(d *enishi.Decision) string { return d.Journey }),
			whole(func(d *enishi.Decision) int64 { return int64(d.Version) }),
			text(func(d *enishi.Decision) string { return d.Node }),
			id(func(d *enishi.Decision) enishi.ID { return d.RunID }),
			text(func(d *enishi.Decision) string { return d.Channel }),
			text(func(d *enishi.Decision) string { return d.Purpose }),
			text(func(d *enishi.Decision) string { return d.Template }),
			column(blocks, n, func(d *enishi.Decision) uint8 { return bit(d.Sent) }),
			text(func(d *enishi.Decision) string { return d.Reason }),
			text(func(d *enishi.Decision) string { return checks.write(d.Checks) }),
		}}
}

// subjectOf is the identifier that a decision belongs to: after an un-merge it is shown where that identifier is.
func subjectOf(d *enishi.Decision) enishi.ID {
	if d.Subject.IsZero() {
		return d.Profile
	}
	return d.Subject
}

// checksWriter writes checks as JSON, as encoding/json does; most texts need no escaping, and there are many.
// The texts stand one after another in blocks.
type checksWriter struct{ buf []byte }

func (w *checksWriter) write(checks []enishi.Check) string {
	if cap(w.buf)-len(w.buf) < 512 {
		w.buf = make([]byte, 0, 32<<10)
	}
	from := len(w.buf)
	b := append(w.buf, '[')
	for i := range checks {
		c := &checks[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(append(b, `{"name":`...), c.Name)
		b = append(b, `,"ok":`...)
		if c.OK {
			b = append(b, "true"...)
		} else {
			b = append(b, "false"...)
		}
		if c.Detail != "" {
			b = appendText(append(b, `,"detail":`...), c.Detail)
		}
		b = append(b, '}')
	}
	w.buf = append(b, ']')
	return text(w.buf[from:])
}

func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7F || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(s) // a string cannot fail
			return append(dst, quoted...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

func bit(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

func outcomeTable(os []enishi.Outcome) profiles.Table {
	blocks, n := [][]enishi.Outcome{os}, len(os)
	return profiles.Table{Name: "outcomes", Columns: []string{"request_id", "at", "ok", "outcome"}, Rows: n, Cols: []any{
		column(blocks, n, func(o *enishi.Outcome) enishi.ID { return o.RequestID }), column(blocks, n, func(o *enishi.Outcome) int64 { return ms(o.At) }),
		column(blocks, n, func(o *enishi.Outcome) uint8 { return bit(o.OK) }), column(blocks, n, func(o *enishi.Outcome) string { return o.Text })}}
}

// AlertTable is alerts as rows, for those outside the fold who raise them.
func AlertTable(as ...enishi.Alert) profiles.Table {
	blocks, n := [][]enishi.Alert{as}, len(as)
	text := func(get func(*enishi.Alert) string) []string { return column(blocks, n, get) }
	return profiles.Table{Name: "alerts", Columns: []string{"id", "at", "version", "kind", "severity", "text", "text_ja", "closed_at"}, Rows: n, Cols: []any{
		column(blocks, n, func(a *enishi.Alert) enishi.ID { return a.ID }), column(blocks, n, func(a *enishi.Alert) int64 { return ms(a.At) }),
		column(blocks, n, func(a *enishi.Alert) uint64 { return uint64(max(ms(a.At), ms(a.ClosedAt))) }), text(func(a *enishi.Alert) string { return a.Kind }),
		text(func(a *enishi.Alert) string { return a.Severity }), text(func(a *enishi.Alert) string { return a.Text }),
		text(func(a *enishi.Alert) string { return a.TextJA }), column(blocks, n, func(a *enishi.Alert) int64 { return ms(a.ClosedAt) })}}
}

// tables lists the tables that have rows. They are valid until spare takes the rows back.
func (r *rows) tables() []profiles.Table {
	var out []profiles.Table
	r.columns = r.spare.takeColumns()
	if r.events.n > 0 {
		out = append(out, r.eventTable())
	}
	if r.decisions.n > 0 {
		out = append(out, r.decisionTable())
	}
	if len(r.outcomes) > 0 {
		out = append(out, outcomeTable(r.outcomes))
	}
	if len(r.alerts) > 0 {
		out = append(out, AlertTable(r.alerts...))
	}
	return out
}
