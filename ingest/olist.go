package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// Timed is a source record of a file, with the time at which it happened.
type Timed struct {
	At    time.Time
	Topic string
	Key   []byte
	Value []byte
}

// OlistCounts is what the files of the "Brazilian E-Commerce Public Dataset by Olist" hold.
type OlistCounts struct {
	Orders, People, Paid, Cancelled, Shipped, Delivered, Reviews int
	Events                                                       int // all of them, and a consent per person
}

// olist is the dataset in memory, the texts of the reviews included.
type olist struct {
	orders  []olistOrder // in the order of the file
	byID    map[string]int
	reviews []olistReview
	steps   []olistStep // in the order of the files
	files   map[string]uint64
	counts  OlistCounts
}

// olistOrder is a row of the orders file with what other files say of it. Zero times are empty cells.
type olistOrder struct {
	id, person, state, city, status                       string
	purchased, approved, handedOver, delivered, estimated time.Time
	lines                                                 []enishi.Line
	subtotal, freight, paid, largest                      enishi.Amount
	method                                                string
}

type olistReview struct {
	id, title, text string
	order           int
	score           int
	at              time.Time
}

// olistStep is one event to be made of a row.
type olistStep struct {
	at   time.Time
	kind olistKind
	row  int // of the orders or of the reviews
}

// olistKind orders what happens at the same instant.
type olistKind uint8

const (
	olistConsent olistKind = iota
	olistPlaced
	olistPaid
	olistShipped
	olistDelivered
	olistReviewed
	olistCancelled
)

func (k olistKind) topic() string {
	switch k {
	case olistPlaced, olistPaid, olistCancelled:
		return enishi.TopicOrders
	case olistShipped, olistDelivered:
		return enishi.TopicShipments
	}
	return enishi.TopicWeb
}

func (k olistKind) file() string {
	if k == olistReviewed {
		return "olist_order_reviews_dataset.csv"
	}
	return "olist_orders_dataset.csv"
}

// stepsPerRow bounds the events of one row: a row's mark is row * stepsPerRow + kind.
const stepsPerRow = 8

// OlistEvents reads the dataset in dir and gives its events in the order in which they happened, as records for the source
// topics; times without a zone are taken as UTC. A person is customer_unique_id, with a .example address that consents to
// marketing mail. The records carry marks, so that a second replay changes nothing.
func OlistEvents(dir string) (iter.Seq[Timed], OlistCounts, error) {
	d, err := readOlist(dir)
	if err != nil {
		return nil, OlistCounts{}, err
	}
	steps := slices.Clone(d.steps)
	slices.SortStableFunc(steps, func(a, b olistStep) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		if a.kind != b.kind {
			return int(a.kind) - int(b.kind)
		}
		return a.row - b.row
	})
	return func(yield func(Timed) bool) {
		rows := map[string]uint64{}
		for _, s := range steps {
			topic := s.kind.topic()
			rows[topic]++
			if !yield(d.record(s, "replay", rows[topic], false)) {
				return
			}
		}
	}, d.counts, nil
}

// ImportOptions are those of a file import.
type ImportOptions struct {
	Append   func(ctx context.Context, recs []stream.Record) error
	Progress func(done, total int) // may be nil
}

// importBatch is how many records are appended at a time.
const importBatch = 2000

// ImportOlist appends the dataset in dir as history: it changes facts and segments and sends nothing. Each event is marked
// with its file and row; importing the same files again changes nothing.
func ImportOlist(ctx context.Context, dir string, opts ImportOptions) (OlistCounts, error) {
	d, err := readOlist(dir)
	if err != nil {
		return OlistCounts{}, err
	}
	var recs []stream.Record
	flush := func(done int) error {
		if err := opts.Append(ctx, recs); err != nil {
			return fmt.Errorf("append %d imported events: %w", len(recs), err)
		}
		recs = recs[:0]
		if opts.Progress != nil {
			opts.Progress(done, len(d.steps))
		}
		return nil
	}
	for i, s := range d.steps {
		t := d.record(s, s.kind.file(), uint64(s.row)*stepsPerRow+uint64(s.kind)+1, true)
		recs = append(recs, stream.Record{Topic: t.Topic, Partition: -1, Key: t.Key, Value: t.Value})
		if len(recs) == importBatch || i == len(d.steps)-1 {
			if err := flush(i + 1); err != nil {
				return d.counts, err
			}
		}
	}
	return d.counts, nil
}

// record makes the JSON of a step. file and row are its mark; a file's rows of one topic ascend in the order of append.
func (d *olist) record(s olistStep, file string, row uint64, historical bool) Timed {
	topic := s.kind.topic()
	src := sourceEvent{Import: &importMark{File: d.mark(file, topic), Row: row}}
	e := &src.Event
	e.At, e.Source, e.Historical = s.at, "olist", historical
	order := s.row
	if s.kind == olistReviewed {
		order = d.reviews[s.row].order
	}
	o := &d.orders[order]
	e.Person = &enishi.Person{CustomerID: o.person, Email: o.person + "@olist.example"}
	switch s.kind {
	case olistConsent:
		e.Type, e.Message = "consent.changed", "olist:consent:"+o.person
		e.Consent = []enishi.ConsentChange{{Channel: "email", Purpose: "marketing", State: "in", Method: "import"}}
		e.Person.Traits = o.traits()
	case olistPlaced:
		e.Type, e.Person.Traits = "order.placed", o.traits()
	case olistPaid:
		e.Type = "order.paid"
	case olistCancelled:
		e.Type = "order.cancelled"
	case olistShipped:
		e.Type = "shipment.shipped"
	case olistDelivered:
		e.Type = "shipment.delivered"
	case olistReviewed:
		r := &d.reviews[s.row]
		e.Type, e.Message = "review.written", "olist:review:"+r.id+":"+o.id
		e.Review = &enishi.Review{ReviewID: r.id, OrderID: o.id, Rating: r.score, Title: r.title, Text: r.text}
		if len(o.lines) == 1 {
			e.Review.ProductID = o.lines[0].ProductID
		}
	}
	switch topic {
	case enishi.TopicOrders:
		e.Message, e.Channel, e.Order = "olist:"+e.Type+":"+o.id, "web", o.payload(s.kind == olistCancelled)
	case enishi.TopicShipments:
		e.Message, e.Shipment = "olist:"+e.Type+":"+o.id, o.parcel()
	}
	value, err := src.encode()
	if err != nil {
		panic("ingest: " + err.Error()) // texts and numbers only
	}
	return Timed{At: s.at, Topic: topic, Key: []byte("customer:" + o.person), Value: value}
}

// mark names a file within a topic: the rows of a file that go to different topics are in no order to one another.
func (d *olist) mark(file, topic string) string {
	sum := sha256.New()
	binary.Write(sum, binary.BigEndian, d.files[file])
	io.WriteString(sum, file+"|"+topic)
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

func (o *olistOrder) traits() map[string]enishi.Value {
	return map[string]enishi.Value{"prefecture": enishi.TextValue(o.state), "city": enishi.TextValue(o.city)}
}

// payload is the whole order: the files know one state of it only.
func (o *olistOrder) payload(cancelled bool) *enishi.Order {
	out := &enishi.Order{OrderID: o.id, Version: o.purchased.UnixMilli(), Currency: "BRL", Lines: o.lines, Subtotal: o.subtotal, ShippingFee: o.freight,
		Total: o.subtotal + o.freight, PaymentMethod: o.method, Fulfilment: "ship", PlacedAt: o.purchased}
	if len(o.lines) == 0 {
		out.Total = o.paid // orders that never got their items
	}
	if cancelled {
		out.Reason = o.status
	}
	return out
}

func (o *olistOrder) parcel() *enishi.Shipment {
	s := &enishi.Shipment{ShipmentID: o.id + "-1", OrderID: o.id, Number: 1, Of: 1, EstimatedAt: o.estimated}
	for _, l := range o.lines {
		s.Lines = append(s.Lines, enishi.ShipmentLine{ProductID: l.ProductID, Quantity: l.Quantity})
	}
	return s
}

// plan lists the steps in the order of the files.
func (d *olist) plan() {
	first := map[string]int{}
	for i := range d.orders {
		o := &d.orders[i]
		if k, ok := first[o.person]; !ok || o.purchased.Before(d.orders[k].purchased) {
			first[o.person] = i
		}
	}
	c := &d.counts
	for i := range d.orders {
		o := &d.orders[i]
		add := func(kind olistKind, at time.Time, count *int) {
			if !at.IsZero() {
				d.steps = append(d.steps, olistStep{at, kind, i})
				*count++
			}
		}
		if first[o.person] == i {
			add(olistConsent, o.purchased, &c.People)
		}
		add(olistPlaced, o.purchased, &c.Orders)
		add(olistPaid, o.approved, &c.Paid)
		add(olistShipped, o.handedOver, &c.Shipped)
		add(olistDelivered, o.delivered, &c.Delivered)
		if o.status == "canceled" || o.status == "unavailable" {
			// The files do not say when: after all else that they know.
			add(olistCancelled, slices.MaxFunc([]time.Time{o.purchased, o.approved, o.handedOver, o.delivered}, time.Time.Compare), &c.Cancelled)
		}
	}
	for i := range d.reviews {
		d.steps = append(d.steps, olistStep{d.reviews[i].at, olistReviewed, i})
		c.Reviews++
	}
	c.Events = len(d.steps)
}

// table reads a CSV file row by row; columns are found by name. It returns a digest of the file.
func table(dir, name string, columns []string, row func(cells []string) error) (uint64, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return 0, &enishi.Error{Code: enishi.NotFound, Msg: fmt.Sprintf("%s is not in the folder: it must hold the CSV files of the Olist dataset", name),
				MsgJA: fmt.Sprintf("フォルダーに %s がありません。Olist データセットの CSV ファイルを置いてください", name), Err: err}
		}
		return 0, fmt.Errorf("read %s: %w", name, err)
	}
	defer f.Close()
	sum := sha256.New()
	r := csv.NewReader(io.TeeReader(f, sum))
	head, err := r.Read()
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", name, err)
	}
	at := make([]int, len(columns))
	for i, column := range columns {
		at[i] = slices.IndexFunc(head, func(h string) bool { return trimBOM(h) == column })
		if at[i] < 0 {
			return 0, enishi.Errorf(enishi.Invalid, "%s has no column %s", name, column)
		}
	}
	cells := make([]string, len(columns))
	for {
		fields, err := r.Read()
		if err == io.EOF {
			return binary.BigEndian.Uint64(sum.Sum(nil)), nil
		}
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", name, err)
		}
		for i := range at {
			cells[i] = fields[at[i]]
		}
		if err := row(cells); err != nil {
			line, _ := r.FieldPos(0)
			return 0, enishi.Errorf(enishi.Invalid, "%s, line %d: %v", name, line, err)
		}
	}
}

func trimBOM(s string) string {
	if len(s) > 3 && s[:3] == "\ufeff" {
		return s[3:]
	}
	return s
}

func olistTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.DateTime, s)
}

func readOlist(dir string) (*olist, error) {
	d := &olist{byID: map[string]int{}, files: map[string]uint64{}}
	if err := d.readOrders(dir); err != nil {
		return nil, err
	}
	if err := d.readItems(dir); err != nil {
		return nil, err
	}
	if err := d.readReviews(dir); err != nil {
		return nil, err
	}
	for _, file := range []string{olistPlaced.file(), olistReviewed.file()} {
		d.files["replay"] ^= d.files[file]
	}
	d.plan()
	return d, nil
}

func (d *olist) readOrders(dir string) error {
	type customer struct{ person, state, city string }
	customers := map[string]customer{}
	if _, err := table(dir, "olist_customers_dataset.csv", []string{"customer_id", "customer_unique_id", "customer_state", "customer_city"}, func(c []string) error {
		customers[c[0]] = customer{c[1], c[2], c[3]}
		return nil
	}); err != nil {
		return err
	}
	columns := []string{"order_id", "customer_id", "order_status", "order_purchase_timestamp", "order_approved_at", "order_delivered_carrier_date", "order_delivered_customer_date", "order_estimated_delivery_date"}
	var err error
	d.files[olistPlaced.file()], err = table(dir, olistPlaced.file(), columns, func(c []string) error {
		who, ok := customers[c[1]]
		if !ok {
			return fmt.Errorf("customer %s is in no row of the customers file", c[1])
		}
		o := olistOrder{id: c[0], person: who.person, state: who.state, city: who.city, status: c[2]}
		for i, into := range []*time.Time{&o.purchased, &o.approved, &o.handedOver, &o.delivered, &o.estimated} {
			var err error
			if *into, err = olistTime(c[3+i]); err != nil {
				return err
			}
		}
		d.byID[o.id] = len(d.orders)
		d.orders = append(d.orders, o)
		return nil
	})
	return err
}

func (d *olist) readItems(dir string) error {
	words, categories := map[string]string{}, map[string]string{}
	if _, err := table(dir, "product_category_name_translation.csv", []string{"product_category_name", "product_category_name_english"}, func(c []string) error {
		words[c[0]] = c[1]
		return nil
	}); err != nil {
		return err
	}
	if _, err := table(dir, "olist_products_dataset.csv", []string{"product_id", "product_category_name"}, func(c []string) error {
		categories[c[0]] = orElse(words[c[1]], c[1])
		return nil
	}); err != nil {
		return err
	}
	if _, err := table(dir, "olist_order_items_dataset.csv", []string{"order_id", "product_id", "price", "freight_value"}, func(c []string) error {
		i, ok := d.byID[c[0]]
		if !ok {
			return nil // of an order that was left out of the files
		}
		price, err := enishi.ParseAmount(c[2])
		if err != nil {
			return err
		}
		freight, err := enishi.ParseAmount(c[3])
		if err != nil {
			return err
		}
		o := &d.orders[i]
		o.lines = append(o.lines, enishi.Line{ProductID: c[1], Category: categories[c[1]], Quantity: 1, Price: price})
		o.subtotal, o.freight = o.subtotal+price, o.freight+freight
		return nil
	}); err != nil {
		return err
	}
	methods := map[string]string{"credit_card": "card", "debit_card": "card", "boleto": "bank_transfer"}
	_, err := table(dir, "olist_order_payments_dataset.csv", []string{"order_id", "payment_type", "payment_value"}, func(c []string) error {
		i, ok := d.byID[c[0]]
		if !ok {
			return nil
		}
		value, err := enishi.ParseAmount(c[2])
		if err != nil {
			return err
		}
		o := &d.orders[i]
		o.paid += value
		if value >= o.largest {
			o.largest, o.method = value, orElse(methods[c[1]], "other")
		}
		return nil
	})
	return err
}

func (d *olist) readReviews(dir string) error {
	columns := []string{"review_id", "order_id", "review_score", "review_comment_title", "review_comment_message", "review_answer_timestamp"}
	var err error
	d.files[olistReviewed.file()], err = table(dir, olistReviewed.file(), columns, func(c []string) error {
		i, ok := d.byID[c[1]]
		if !ok {
			return nil
		}
		score, err := strconv.Atoi(c[2])
		if err != nil {
			return err
		}
		at, err := olistTime(c[5])
		if err != nil {
			return err
		}
		d.reviews = append(d.reviews, olistReview{id: c[0], title: c[3], text: c[4], order: i, score: score, at: at})
		return nil
	})
	return err
}
