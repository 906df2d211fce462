package ingest

import (
	"encoding/json"
	"strings"
	"testing"

	fast "github.com/goccy/go-json"
	"github.com/google/go-cmp/cmp"

	"enishi"
)

// FuzzParse: no input makes Parse panic; what the fast decoder takes, encoding/json takes and reads the same; a refusal has
// its texts; what is taken survives the way to the topic events, and to a source topic and back.
func FuzzParse(f *testing.F) {
	for _, s := range examplesOrNone() {
		f.Add([]byte(s))
	}
	for _, s := range []string{`{"type":"track","event":"Order Completed","userId":"c","properties":{"products":[{}]}}`, `{"type":"page.viewed","person":{"email":"a..b.@docomo.ne.jp"},"import":{"file":"ff","row":1}}`,
		`{"type":"order.placed","order":{"order_id":"1","total":1e5}}`, `{"TYPE":"page.viewed","Person":{"Phone":"０９０ー１２３４ー５６７８"}}`, `{"type":"page.viewed","properties":{"a":[[[`, "{\"type\":\"\xff\"}"} {
		f.Add([]byte(s))
	}
	p := NewParser(ParserConfig{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if checkRaw(b) == nil {
			var one, other sourceEvent
			errFast, errStd := fast.Unmarshal(b, &one), json.Unmarshal(b, &other)
			if errFast == nil && errStd != nil {
				t.Fatalf("goccy took what encoding/json refuses: %v\n%s", errStd, b)
			}
			if errFast == nil && !cmp.Equal(one, other) {
				t.Fatalf("read differently:\n%s", cmp.Diff(other, one))
			}
		}
		got, refusal := p.Parse(record(string(b)), noon)
		if refusal != nil {
			if refusal.Code == "" || refusal.Reason == "" || refusal.ReasonJA == "" || strings.Contains(refusal.Reason, "%!") {
				t.Fatalf("refusal %+v", refusal)
			}
			return
		}
		e := &got.Event
		var wire enishi.Event
		if err := enishi.DecodeEvent(&wire, enishi.EncodeEvent(nil, e)); err != nil {
			t.Fatal(err)
		}
		if wire.Type != e.Type || !wire.At.Equal(e.At) || wire.ID != e.ID {
			t.Fatalf("encoded as %+v", wire)
		}
		if len(got.Identifiers) == 0 || got.Event.At.IsZero() || e.At.After(noon) {
			t.Fatalf("taken: %+v", got)
		}
		again, err := (&sourceEvent{Event: *e}).encode()
		if err != nil {
			t.Fatal(err)
		}
		r := record(string(again))
		if back, refusal := p.Parse(r, noon); refusal == nil {
			back.Event.Import = e.Import
			if string(enishi.EncodeEvent(nil, &back.Event)) != string(enishi.EncodeEvent(nil, e)) { // nil and empty are one
				t.Fatalf("came back as\n%s", cmp.Diff(got, back))
			}
		} else if refusal.Code != CodeLate && refusal.Code != CodeSize { // without its import mark a visit may be late
			t.Fatalf("%v\n%s", refusal, again)
		}
	})
}

// FuzzCollect: no body makes the collector panic, and what it takes is taken by Parse when it is read from the topic.
func FuzzCollect(f *testing.F) {
	for _, s := range []string{`{"event":"Order Completed","userId":"c1","properties":{"order_id":"O1","products":[{"sku":"S","price":0.1}],"taxes":[{"rate":10,"amount":1}],"ship_to":{"name":"x"}}}`,
		`{"userId":"c1","traits":{"consent":{"email":true},"address":{"city":"x"}}}`, `{"type":"page","anonymousId":"a","context":{"page":{},"campaign":{"name":"x"},"device":{}},"properties":{"url":"u"}}`,
		`{"event":"Store Purchase","userId":"c","properties":{"store_id":"S","order":{"order_id":"1"}}}`, `{"event":"Points Earned","userId":"c","properties":{"points":"1"}}`,
		`{"type":"order.paid","order":{"order_id":"O1"},"person":{"customer_id":"c1"}}`, `{"userId":"c","previousId":"a"}`, `{"groupId":"g","userId":"u","traits":{"a":{}}}`} {
		for k := range 6 {
			f.Add(byte(k), []byte(s))
		}
	}
	p := NewParser(ParserConfig{})
	kinds := []string{"track", "identify", "page", "screen", "group", "alias", ""}
	f.Fuzz(func(t *testing.T, k byte, b []byte) {
		if checkRaw(b) != nil {
			return
		}
		x := batch{now: noon, agent: "UA", source: "s", parser: p, newID: func() string { return "n" }}
		if x.single(b, kinds[int(k)%len(kinds)]) != nil {
			return
		}
		rec, refusal := x.record(&x.calls[0])
		if refusal != nil {
			if refusal.Code == "" || refusal.Reason == "" || refusal.ReasonJA == "" || strings.Contains(refusal.Reason, "%!") {
				t.Fatalf("refusal %+v", refusal)
			}
			return
		}
		if _, refusal := p.Parse(&rec, noon); refusal != nil {
			t.Fatalf("the collector took what Parse refuses: %v\n%s", refusal, rec.Value)
		}
		if len(rec.Key) == 0 || rec.Topic == "" {
			t.Fatalf("record %+v", rec)
		}
	})
}

// FuzzNormalise: the normal form is a fixed point.
func FuzzNormalise(f *testing.F) {
	for _, s := range []string{"a@example.jp", "０９０ー１２３４ー５６７８", "+1 650 253 0000", "ﾊﾅｺ", "U0123456789abcdef0123456789abcdef", "İ@x.jp", "ß@x.jp", "090-1234-5678;ext=5"} {
		for k := range 9 {
			f.Add(byte(k), s)
		}
	}
	f.Fuzz(func(t *testing.T, k byte, s string) {
		kind := enishi.Kinds()[int(k)%8]
		once, err := Normalise(kind, s)
		if err != nil || once == "" {
			return
		}
		twice, err := Normalise(kind, once)
		if err != nil || twice != once {
			t.Fatalf("Normalise(%s, %q) = %q, again %q, %v", kind, s, once, twice, err)
		}
	})
}
