package ingest

import (
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-json"

	"enishi"
	"enishi/internal/stream"
)

// batch is the calls of one request on their way to records. Until then they share memory with the request's body.
type batch struct {
	now    time.Time
	agent  string
	source string
	parser *Parser
	newID  func() string

	calls   []envelope
	key     string       // writeKey in the body
	context *callContext // of the batch: for calls that have none
	sentAt  string

	recs     []stream.Record
	rejected []Rejected
}

func checkText8(raw []byte) *Refusal {
	if utf8.Valid(raw) {
		return nil
	}
	return checkRaw(raw[:min(len(raw), MaxEventBytes)]).orUTF8()
}

func (r *Refusal) orUTF8() *Refusal {
	if r != nil {
		return r
	}
	return refuse(CodeUTF8, "", "invalid UTF-8: send the text as UTF-8", "UTF-8 として正しくありません。文字コードを UTF-8 にしてください")
}

// single reads the body of a single call.
func (b *batch) single(raw []byte, kind string) *Refusal {
	b.calls = make([]envelope, 1)
	x := &reader{s: raw}
	b.calls[0].read(x, kind)
	x.end()
	b.key = b.calls[0].writeKey
	return x.err
}

// split takes a batch apart.
func (b *batch) split(raw []byte) *Refusal {
	x := &reader{s: raw}
	if !x.object("") {
		x.bad("want an object", "オブジェクト {…} にしてください")
		return x.err
	}
	found, n := false, 0
	for first := true; ; {
		k, ok := x.key(&first)
		if !ok {
			break
		}
		switch k {
		case "batch":
			if found = true; !x.array(k) {
				continue
			}
			for inner := true; x.more(']', &inner); n++ {
				if n >= maxBatchSize {
					x.raw()
					continue
				}
				b.calls = append(b.calls, envelope{})
				b.calls[n].read(x, "")
			}
		case "writeKey":
			b.key = x.text(k)
		case "context":
			b.context = readContext(x)
		case "sentAt":
			b.sentAt = x.text(k)
		default:
			x.raw()
		}
	}
	x.end()
	switch {
	case x.err != nil:
		return x.err
	case !found:
		return missing("batch")
	case n > maxBatchSize:
		return refusef(CodeSize, "batch", "has %d events, the limit is %d", "%d 件あります（上限は %d 件）", n, maxBatchSize)
	}
	return nil
}

// translate turns the calls into records; what is wrong is noted by index.
func (b *batch) translate() {
	b.recs = make([]stream.Record, 0, len(b.calls))
	for i := range b.calls {
		v := &b.calls[i]
		rec, refusal := b.record(v)
		if refusal != nil {
			b.rejected = append(b.rejected, Rejected{Index: i, MessageID: clip(v.message), Code: refusal.Code, Field: refusal.Field, Reason: refusal.Reason, ReasonJA: refusal.ReasonJA})
			continue
		}
		b.recs = append(b.recs, rec)
	}
}

func (b *batch) record(v *envelope) (stream.Record, *Refusal) {
	if len(v.raw) > MaxEventBytes {
		return stream.Record{}, checkRaw(v.raw)
	}
	src, native, refusal := b.event(v)
	if refusal != nil {
		return stream.Record{}, refusal
	}
	e := &src.Event
	e.Source = b.source
	if e.Message == "" {
		e.Message = b.newID()
	}
	if e.At.IsZero() {
		e.At = b.now
	}
	found, refusal := b.parser.check(e, b.now, b.now)
	if refusal != nil {
		return stream.Record{}, refusal.inSegment(native)
	}
	if v.became.typ, v.became.id = e.Type, enishi.EventID(e.Message); len(found) > 0 {
		v.became.who = found[0]
	}
	src.Profile, src.Import = nil, nil
	value, err := src.encode()
	if err != nil {
		return stream.Record{}, refuse(CodeJSON, "", err.Error(), err.Error())
	}
	if len(value) > MaxEventBytes {
		return stream.Record{}, refusef(CodeSize, "", "the event has %d bytes, the limit is %d", "イベントが %d バイトあります（上限は %d バイト）", len(value), MaxEventBytes)
	}
	return stream.Record{Topic: b.parser.topic(e.Type), Partition: -1, Key: sourceKey(found), Value: value, Time: b.now}, nil
}

// event reads one call, or, inside a batch, an event in the form of the source topics (native).
func (b *batch) event(v *envelope) (src *sourceEvent, native bool, refusal *Refusal) {
	if v.kind != "" && !isSegmentType(v.kind) {
		src = &sourceEvent{}
		if err := json.Unmarshal(v.raw, src); err != nil {
			return nil, true, locate(v.raw, src, err)
		}
		return src, true, takeOthers(&src.Event, v.raw)
	}
	if v.sentAt == "" {
		v.sentAt = b.sentAt
	}
	if v.context == nil {
		v.context = b.context
	}
	v.agent = b.agent
	src, refusal = b.parser.translate(v, b.now)
	return src, false, refusal
}

// members are the names that an event in the form of the source topics has.
var members = func() map[string]bool {
	names := map[string]bool{}
	for _, t := range [...]reflect.Type{reflect.TypeFor[enishi.Event](), reflect.TypeFor[sourceEvent]()} {
		for i := range t.NumField() {
			if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
				names[name] = true
			}
		}
	}
	return names
}()

// takeOthers keeps members that an event does not have as properties. A time or an id by a name of Segment's calls is
// refused when our own is not there: it would be an event of now, or counted twice.
func takeOthers(e *enishi.Event, raw []byte) *Refusal {
	x := &reader{s: raw}
	x.object("")
	for first := true; ; {
		k, ok := x.key(&first)
		if !ok {
			return nil // what is wrong with the JSON was found before
		}
		if members[k] {
			x.raw()
			continue
		}
		own := ""
		switch k {
		case "timestamp", "originalTimestamp", "at", "time":
			if e.At.IsZero() {
				own = "occurred_at"
			}
		case "messageId", "message_id":
			if e.Message == "" {
				own = "id"
			}
		}
		if own != "" {
			return refusef(CodeValue, k, "is no member of an event in this form: use %s", "この形式のイベントにこの項目はありません。%s を使ってください", own)
		}
		v := x.value()
		if _, there := e.Properties[k]; v.Kind != enishi.Null && !there {
			setProperty(e, k, v)
		}
	}
}

// inSegment names the place by the field that the caller sent.
func (r *Refusal) inSegment(native bool) *Refusal {
	if native {
		return r
	}
	switch r.Field {
	case "person":
		r.Field, r.Reason, r.ReasonJA = "userId", "names nobody: give userId or anonymousId", "誰のイベントか分かりません。userId か anonymousId を入れてください"
	case "occurred_at":
		r.Field = "timestamp"
	case "id":
		r.Field = "messageId"
	case "type":
		r.Field = "event"
	}
	for _, p := range [...][2]string{
		{"person.customer_id", "userId"}, {"person.anonymous_id", "anonymousId"}, {"person.", "traits."}, {"order.lines", "properties.products"},
		{"web.lines", "properties.products"}, {"web.product.", "properties."}, {"web.product", "properties.product_id"}, {"consent[", "traits.consent["},
	} {
		if rest, ok := strings.CutPrefix(r.Field, p[0]); ok {
			r.Field = p[1] + rest
			return r
		}
	}
	if payload, rest, ok := strings.Cut(r.Field, "."); ok && payload != "properties" && payload != "traits" && payload != "context" {
		r.Field = "properties." + rest
	}
	return r
}
