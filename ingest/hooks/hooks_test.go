package hooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/ingest"
	"enishi/internal/stream"
)

var noon = time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)

func mac(key string, parts ...string) []byte {
	h := hmac.New(sha256.New, []byte(key))
	for _, p := range parts {
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// rig is a Hooks with one source and a log in memory.
type rig struct {
	*Hooks
	log  []stream.Record
	dead []ingest.DeadLetter
	fail error
	now  time.Time
}

func newRig(t *testing.T, s Source) *rig {
	t.Helper()
	r := &rig{now: noon}
	if s.Translate == nil {
		s.Translate = func(_ context.Context, d *Delivery) (Taken, error) {
			switch string(d.Body) {
			case "nothing":
				return Taken{Left: "nothing for us"}, nil
			case "bad":
				return Taken{}, ingest.Refuse(ingest.CodeJSON, "order.id", "is missing", "ありません")
			case "half":
				return Taken{Events: []enishi.Event{{Type: "person.identified", Person: &enishi.Person{CustomerID: "c1"}}, {Type: "person.identified"}}}, nil
			}
			return Taken{Events: []enishi.Event{{Type: "person.identified", Person: &enishi.Person{CustomerID: "c1"}}}}, nil
		}
	}
	s.Name = "shop"
	var err error
	r.Hooks, err = New(Config{Sources: []Source{s}, Parser: ingest.NewParser(ingest.ParserConfig{}), Now: func() time.Time { return r.now },
		Append: func(_ context.Context, recs []stream.Record) error {
			if r.fail == nil {
				r.log = append(r.log, recs...)
			}
			return r.fail
		},
		Dead: func(_ context.Context, l ingest.DeadLetter) error { r.dead = append(r.dead, l); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) post(body string, headers ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, "/hooks/shop", strings.NewReader(body))
	req.SetPathValue("source", "shop")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

// TestSignatures: who does not know the secret gets 401, whatever the scheme, and nothing of the call is kept.
func TestSignatures(t *testing.T) {
	stamp := strconv.FormatInt(noon.Unix(), 10)
	key := bytes.Repeat([]byte{7}, 32)
	standard := func(id, at, body string) string { return "v1," + b64(mac(string(key), id, ".", at, ".", body)) }
	cases := []struct {
		name    string
		source  Source
		headers []string
		want    int
	}{
		{"standard", Source{Scheme: Standard, Secrets: []string{"whsec_" + b64(key)}}, []string{"webhook-id", "m1", "webhook-timestamp", stamp, "webhook-signature", standard("m1", stamp, "x")}, 200},
		{"standard, several signatures", Source{Scheme: Standard, Secrets: []string{"whsec_" + b64(key)}}, []string{"webhook-id", "m1", "webhook-timestamp", stamp, "webhook-signature", "v1a,abc v1," + b64(mac("other", "x")) + " " + standard("m1", stamp, "x")}, 200},
		{"standard, secret before", Source{Scheme: Standard, Secrets: []string{"whsec_" + b64([]byte("another key of many bytes")), "whsec_" + b64(key)}}, []string{"webhook-id", "m1", "webhook-timestamp", stamp, "webhook-signature", standard("m1", stamp, "x")}, 200},
		{"standard, another id", Source{Scheme: Standard, Secrets: []string{"whsec_" + b64(key)}}, []string{"webhook-id", "m2", "webhook-timestamp", stamp, "webhook-signature", standard("m1", stamp, "x")}, 401},
		{"standard, no id", Source{Scheme: Standard, Secrets: []string{"whsec_" + b64(key)}}, []string{"webhook-timestamp", stamp, "webhook-signature", standard("", stamp, "x")}, 401},
		{"standard, old", Source{Scheme: Standard, Secrets: []string{"whsec_" + b64(key)}}, []string{"webhook-id", "m1", "webhook-timestamp", old(6), "webhook-signature", standard("m1", old(6), "x")}, 401},
		{"standard, nearly old", Source{Scheme: Standard, Secrets: []string{"whsec_" + b64(key)}}, []string{"webhook-id", "m1", "webhook-timestamp", old(5), "webhook-signature", standard("m1", old(5), "x")}, 200},
		{"standard, of the future", Source{Scheme: Standard, Secrets: []string{"whsec_" + b64(key)}}, []string{"webhook-id", "m1", "webhook-timestamp", old(-6), "webhook-signature", standard("m1", old(-6), "x")}, 401},
		{"hex", Source{Scheme: HMACHex, Secrets: []string{"k"}}, []string{"X-Signature", hex.EncodeToString(mac("k", "x"))}, 200},
		{"hex with its name", Source{Scheme: HMACHex, Header: "X-Hub-Signature-256", Secrets: []string{"k"}}, []string{"X-Hub-Signature-256", "sha256=" + hex.EncodeToString(mac("k", "x"))}, 200},
		{"hex, another key", Source{Scheme: HMACHex, Secrets: []string{"k"}}, []string{"X-Signature", hex.EncodeToString(mac("K", "x"))}, 401},
		{"hex, cut", Source{Scheme: HMACHex, Secrets: []string{"k"}}, []string{"X-Signature", hex.EncodeToString(mac("k", "x"))[:32]}, 401},
		{"base64", Source{Scheme: HMACBase64, Secrets: []string{"new", "k"}}, []string{"X-Signature", b64(mac("k", "x"))}, 200},
		{"base64, another body", Source{Scheme: HMACBase64, Secrets: []string{"k"}}, []string{"X-Signature", b64(mac("k", "y"))}, 401},
		{"none", Source{Scheme: HMACBase64, Secrets: []string{"k"}}, nil, 401},
		{"bearer", Source{Scheme: Bearer, Secrets: []string{"k"}}, []string{"Authorization", "Bearer k"}, 200},
		{"bearer in a header", Source{Scheme: Bearer, Header: "X-Token", Secrets: []string{"k"}}, []string{"X-Token", "k"}, 200},
		{"bearer, wrong", Source{Scheme: Bearer, Secrets: []string{"k"}}, []string{"Authorization", "Bearer kk"}, 401},
		{"basic is no bearer", Source{Scheme: Bearer, Secrets: []string{"k"}}, []string{"Authorization", "Basic k"}, 401},
		{"zendesk", Source{Scheme: Zendesk, Secrets: []string{"k"}}, []string{"X-Zendesk-Webhook-Signature", b64(mac("k", "2026-11-20T03:00:00Z", "x")), "X-Zendesk-Webhook-Signature-Timestamp", "2026-11-20T03:00:00Z"}, 200},
		{"zendesk, another time", Source{Scheme: Zendesk, Secrets: []string{"k"}}, []string{"X-Zendesk-Webhook-Signature", b64(mac("k", "2026-11-20T03:00:00Z", "x")), "X-Zendesk-Webhook-Signature-Timestamp", "2026-11-20T03:00:01Z"}, 401},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, c.source)
			if got := r.post("x", c.headers...); got.Code != c.want {
				t.Fatalf("status %d, want %d", got.Code, c.want)
			}
			if taken := len(r.log) > 0; taken != (c.want == 200) || len(r.dead) > 0 {
				t.Errorf("%d records, %d dead letters", len(r.log), len(r.dead))
			}
		})
	}
}

func old(minutes int) string { return strconv.FormatInt(noon.Unix()-int64(minutes)*60, 10) }

// TestAnswers: 200 only after the log has it, 503 when it has not; what cannot be understood is a dead letter and not sent again.
func TestAnswers(t *testing.T) {
	sign := func(body string) []string {
		return []string{"X-Signature", hex.EncodeToString(mac("k", body)), "X-Id", body}
	}
	source := Source{Scheme: HMACHex, Secrets: []string{"k"}, IDHeader: "X-Id", TopicHeader: "X-Topic"}
	t.Run("log away", func(t *testing.T) {
		r := newRig(t, source)
		r.fail = errors.New("no leader")
		if got := r.post("a", sign("a")...); got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") == "" {
			t.Fatalf("status %d", got.Code)
		}
		r.fail = nil
		if got := r.post("a", sign("a")...); got.Code != http.StatusOK || len(r.log) != 1 {
			t.Fatalf("status %d, %d records", got.Code, len(r.log))
		}
	})
	t.Run("again", func(t *testing.T) {
		r := newRig(t, source)
		for range 3 {
			r.post("a", sign("a")...)
		}
		if len(r.log) != 1 {
			t.Fatalf("%d records of a call that came three times", len(r.log))
		}
		first := string(r.log[0].Value)
		r.now = r.now.Add(time.Hour) // another replica, or long after
		r.post("a", sign("a")...)
		if len(r.log) != 2 || string(r.log[1].Value) != first {
			t.Fatalf("the repeat is another event:\n%s\n%s", first, r.log[len(r.log)-1].Value)
		}
	})
	t.Run("dead", func(t *testing.T) {
		r := newRig(t, source)
		if got := r.post("bad", append(sign("bad"), "X-Topic", "orders/create")...); got.Code != http.StatusOK {
			t.Fatalf("status %d", got.Code)
		}
		if len(r.dead) != 1 || r.dead[0].Stage != ingest.StageSource || string(r.dead[0].Raw) != "bad" || r.dead[0].Field != "order.id" || r.dead[0].Type != "orders/create" {
			t.Fatalf("%+v", r.dead)
		}
		// Mended, it is the event that the call would have been.
		if err := r.Replay(context.Background(), &r.dead[0], []byte("a")); err != nil || len(r.log) != 1 {
			t.Fatalf("%v, %d records", err, len(r.log))
		}
		if want := enishi.NewID("source", "shop", "bad").UUID() + ":0"; !strings.Contains(string(r.log[0].Value), want) {
			t.Errorf("%s has not the id %s", r.log[0].Value, want)
		}
	})
	t.Run("one of two is bad", func(t *testing.T) {
		r := newRig(t, source)
		r.post("half", sign("half")...)
		if len(r.log) != 1 || len(r.dead) != 1 || !strings.HasPrefix(r.dead[0].Reason, "event 2") {
			t.Fatalf("%d records, %+v", len(r.log), r.dead)
		}
	})
	t.Run("nothing for us", func(t *testing.T) {
		r := newRig(t, source)
		if got := r.post("nothing", sign("nothing")...); got.Code != http.StatusOK || len(r.log)+len(r.dead) != 0 {
			t.Fatalf("status %d", got.Code)
		}
	})
	t.Run("too long", func(t *testing.T) {
		r := newRig(t, source)
		if got := r.post(strings.Repeat("x", MaxBody+1)); got.Code != http.StatusRequestEntityTooLarge {
			t.Fatalf("status %d", got.Code)
		}
	})
}

// FuzzSignature: no header makes a call genuine that the key did not sign.
func FuzzSignature(f *testing.F) {
	for _, s := range []string{"", "v1,", "v1,AAAA", "sha256=", "Bearer ", "v1," + b64(make([]byte, 32)), strings.Repeat("v1,x ", 100)} {
		f.Add(s, "1763600000")
	}
	f.Fuzz(func(t *testing.T, header, stamp string) {
		for _, scheme := range Schemes() {
			s, err := newSigner(&Source{Scheme: scheme, Secrets: []string{"a key that nobody guesses, not even a fuzzer"}})
			if err != nil {
				t.Fatal(err)
			}
			h := http.Header{}
			h.Set("Webhook-Id", "m")
			h.Set("Webhook-Timestamp", stamp)
			h.Set("Webhook-Signature", header)
			h.Set(s.header, header)
			if s.genuine(h, []byte("x"), noon) {
				t.Errorf("%s: %q is taken", scheme, header)
			}
		}
	})
}
