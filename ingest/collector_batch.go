package ingest

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-json"

	"enishi"
	"enishi/internal/stream"
)

// batch is the calls of one request on their way to records.
type batch struct {
	now    time.Time
	agent  string
	source string
	parser *Parser
	newID  func() string

	kind    string   // of the single call; empty: the calls say it
	calls   [][]byte // JSON of each
	key     string   // writeKey in the body
	context []byte   // of the batch: for calls that have none
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

// writeKey finds the key in the body of a single call; a body that cannot be read has none.
func writeKey(raw []byte) string {
	var v envelope
	if v.read(raw, "track") != nil {
		return ""
	}
	return v.writeKey
}

// split takes a batch apart.
func (b *batch) split(raw []byte) *Refusal {
	x := &reader{s: raw}
	if !x.object("") {
		x.bad("want an object", "オブジェクト {…} にしてください")
		return x.err
	}
	found := false
	for first := true; ; {
		k, ok := x.key(&first)
		if !ok {
			break
		}
		switch k {
		case "batch":
			found = true
			if !x.list(k) {
				continue
			}
			for inner := true; x.more(']', &inner); {
				b.calls = append(b.calls, x.raw())
			}
		case "writeKey":
			b.key = x.text(k)
		case "context":
			b.context = x.raw()
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
	case len(b.calls) > maxBatchSize:
		return refusef(CodeSize, "batch", "has %d events, the limit is %d", "%d 件あります（上限は %d 件）", len(b.calls), maxBatchSize)
	}
	return nil
}

// translate turns the calls into records; what is wrong is noted by index.
func (b *batch) translate() {
	b.recs = make([]stream.Record, 0, len(b.calls))
	for i, raw := range b.calls {
		rec, id, refusal := b.record(raw)
		if refusal != nil {
			b.rejected = append(b.rejected, Rejected{Index: i, MessageID: clip(id), Code: refusal.Code, Field: refusal.Field, Reason: refusal.Reason, ReasonJA: refusal.ReasonJA})
			continue
		}
		b.recs = append(b.recs, rec)
	}
}

func (b *batch) record(raw []byte) (stream.Record, string, *Refusal) {
	if len(raw) > MaxEventBytes {
		return stream.Record{}, "", checkRaw(raw)
	}
	e, id, native, refusal := b.event(raw)
	if refusal != nil {
		return stream.Record{}, id, refusal
	}
	e.Source = b.source
	if e.Message == "" {
		e.Message = b.newID()
	}
	if e.At.IsZero() {
		e.At = b.now
	}
	found, refusal := b.parser.check(e, b.now, b.now)
	if refusal != nil {
		return stream.Record{}, id, refusal.inSegment(native)
	}
	value, err := encodeSource(e, nil)
	if err != nil {
		return stream.Record{}, id, refuse(CodeJSON, "", err.Error(), err.Error())
	}
	if len(value) > MaxEventBytes {
		return stream.Record{}, id, refusef(CodeSize, "", "the event has %d bytes, the limit is %d", "イベントが %d バイトあります（上限は %d バイト）", len(value), MaxEventBytes)
	}
	info, _ := enishi.LookupType(e.Type)
	return stream.Record{Topic: info.Topic, Partition: -1, Key: sourceKey(found), Value: value, Time: b.now}, id, nil
}

// event reads one call, or, inside a batch, an event in the form of the source topics (native).
func (b *batch) event(raw []byte) (e *enishi.Event, id string, native bool, refusal *Refusal) {
	var v envelope
	if refusal = v.read(raw, b.kind); refusal != nil {
		return nil, v.message, false, refusal
	}
	if v.kind != "" && !isSegmentType(v.kind) {
		var src sourceEvent
		if err := json.Unmarshal(raw, &src); err != nil {
			return nil, "", true, locate(raw, &src, err)
		}
		return &src.Event, src.Message, true, nil
	}
	if v.sentAt == "" {
		v.sentAt = b.sentAt
	}
	if v.context == nil {
		v.context = b.context
	}
	if e, refusal = b.parser.translate(&v, b.now); refusal != nil {
		return nil, v.message, false, refusal
	}
	if e.Context != nil && e.Context.UserAgent == "" && e.Channel == "web" {
		e.Context.UserAgent = b.agent
	}
	return e, v.message, false, nil
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

// encodeSource is the JSON of an event on a source topic.
func encodeSource(e *enishi.Event, mark *importMark) ([]byte, error) {
	return json.MarshalNoEscape(&sourceEvent{Event: *e, Import: mark})
}
