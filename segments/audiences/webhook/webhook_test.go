package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi"
	"enishi/channels/webhook"
	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

var key = base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))

// receiver reads calls by what docs/audiences.md says, and not by the code that makes them.
type receiver struct {
	t      *testing.T
	lists  map[string]map[string]map[string]any // members by list
	seen   map[string]bool
	calls  int
	status int // answered in place of taking the call
	header map[string]string
	reject string // an e-mail hash that it does not take
	cut    bool   // the call is taken, and the answer cut
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.calls++
	body, err := io.ReadAll(req.Body)
	if err != nil {
		r.t.Error(err)
	}
	raw, _ := base64.StdEncoding.DecodeString(key)
	mac := hmac.New(sha256.New, raw)
	fmt.Fprintf(mac, "%s.%s.%s", req.Header.Get("webhook-id"), req.Header.Get("webhook-timestamp"), body)
	if !slices.Contains(strings.Fields(req.Header.Get("webhook-signature")), "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil))) || !strings.HasPrefix(req.Header.Get("webhook-id"), "msg_") {
		r.t.Errorf("not signed: %v", req.Header)
	}
	for k, v := range r.header {
		w.Header().Set(k, v)
	}
	if r.status != 0 {
		w.WriteHeader(r.status)
		return
	}
	var c struct {
		Type, List, Title, Use string
		Members                []map[string]any
	}
	if err := json.Unmarshal(body, &c); err != nil || c.List == "" || len(c.Members) > 1000 {
		r.t.Errorf("%v: %d members, %s", err, len(c.Members), c.List)
	}
	list := r.lists[c.List]
	if list == nil && c.Type != "audience.created" {
		w.WriteHeader(http.StatusGone)
		return
	}
	rejected := []map[string]string{}
	if !r.seen[req.Header.Get("webhook-id")] {
		r.seen[req.Header.Get("webhook-id")] = true
		switch c.Type {
		case "audience.created":
			r.lists[c.List] = map[string]map[string]any{}
		case "audience.deleted":
			delete(r.lists, c.List)
		case "audience.added", "audience.removed":
			for _, m := range c.Members {
				who := fmt.Sprint(m["member"])
				delete(m, "member")
				if r.reject != "" && strings.Contains(fmt.Sprint(m["email"]), r.reject) {
					rejected = append(rejected, map[string]string{"member": who, "reason": "too old"})
					continue
				}
				if list[who] = m; c.Type == "audience.removed" {
					delete(list, who)
				}
			}
		default:
			r.t.Errorf("the call %q is none that is documented", c.Type)
		}
	}
	if r.cut {
		r.cut = false
		panic(http.ErrAbortHandler)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"rejected": rejected})
}

func start(t *testing.T) (*receiver, *Platform) {
	t.Helper()
	r := &receiver{t: t, lists: map[string]map[string]map[string]any{}, seen: map[string]bool{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	channel, err := webhook.New(webhook.Config{Keys: []string{"whsec_" + key}, Inside: []string{strings.TrimPrefix(server.URL, "http://")}, Now: func() time.Time { return time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(channel, server.URL+"/audiences")
	if err != nil {
		t.Fatal(err)
	}
	return r, p
}

func spec(batch int) *audiences.Spec {
	return &audiences.Spec{Audience: "vip", Title: "優良顧客", Use: audiences.Value, Currency: "JPY", Batch: enishi.NewID("batch", fmt.Sprint(batch))}
}

func person(n int) enishi.ID { return enishi.NewID("person", fmt.Sprint(n)) }

func somebody(n int) audiences.Member {
	r, _ := match.For(match.Webhook)
	return audiences.Member{Profile: person(n), Value: enishi.Amount(n) * enishi.Unit, Keys: r.Keys(&match.Person{Emails: []string{fmt.Sprintf("p%d@example.jp", n)}, Phones: []string{"+819012345678"}, Family: "佐藤", Given: "花子", Zip: "100-0013",
		Customer: fmt.Sprint("C", n), LINE: "U1"}, match.Kinds())}
}

// TestListLives: a receiver that carries calls out once, by their ids, has who is to be in the list.
func TestListLives(t *testing.T) {
	r, p := start(t)
	ctx := t.Context()
	id, err := p.Create(ctx, spec(0))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := p.Create(ctx, spec(0)); err != nil || again != id {
		t.Fatalf("made twice: %s, %v", again, err)
	}
	a, err := p.Add(ctx, id, spec(1), []audiences.Member{somebody(1), somebody(2)})
	if err != nil || a.Open || len(a.Rejected) != 0 {
		t.Fatalf("%+v, %v", a, err)
	}
	want := map[string]any{"email": []any{match.Hash("p2@example.jp")}, "phone": []any{match.Hash("+819012345678")}, "line": []any{"U1"}, "customer": []any{"C2"}, "value": "2", "currency": "JPY",
		"name": []any{map[string]any{"given": match.Hash("花子"), "family": match.Hash("佐藤"), "country": "JP", "zip": "1000013"}}}
	if diff := cmp.Diff(want, r.lists[id][spec(0).Alias(person(2)).String()]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	// Taken out, and in again by a call that looks like the first.
	if _, err := p.Remove(ctx, id, spec(2), []audiences.Member{somebody(1)}); err != nil || len(r.lists[id]) != 1 {
		t.Fatalf("%v: %v", r.lists, err)
	}
	if _, err := p.Add(ctx, id, spec(3), []audiences.Member{somebody(1), somebody(2)}); err != nil || len(r.lists[id]) != 2 {
		t.Fatalf("%v: %v", r.lists, err)
	}
	// The same call once more changes nothing.
	seen := len(r.seen)
	if _, err := p.Add(ctx, id, spec(3), []audiences.Member{somebody(1), somebody(2)}); err != nil || len(r.seen) != seen {
		t.Fatalf("another id for the same call: %v", err)
	}
	if l, err := p.Look(ctx, id); err != nil || !l.Ready || l.Matched != -1 {
		t.Errorf("%+v, %v", l, err)
	}
	for range 2 {
		if err := p.Delete(ctx, id); err != nil || len(r.lists) != 0 {
			t.Fatalf("%v: %v", r.lists, err)
		}
	}
}

// TestRejected: the receiver names who was not taken.
func TestRejected(t *testing.T) {
	r, p := start(t)
	r.reject = match.Hash("p2@example.jp")
	id, err := p.Create(t.Context(), spec(0))
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.Add(t.Context(), id, spec(1), []audiences.Member{somebody(1), somebody(2), somebody(3)})
	if diff := cmp.Diff(map[int]string{1: "too old"}, a.Rejected); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

func TestProblems(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*receiver)
		want   audiences.Class
		code   string
		after  time.Duration
	}{
		"the list is gone": {func(r *receiver) { clear(r.lists) }, audiences.Gone, "410", 0},
		"another key":      {func(r *receiver) { r.status = 401 }, audiences.Auth, "401", 0},
		"forbidden":        {func(r *receiver) { r.status = 403 }, audiences.Auth, "403", 0},
		"too many calls":   {func(r *receiver) { r.status, r.header = 429, map[string]string{"Retry-After": "90"} }, audiences.Rate, "429", 90 * time.Second},
		"a fault":          {func(r *receiver) { r.status = 503 }, audiences.Retry, "503", 0},
		"too slow":         {func(r *receiver) { r.status = 408 }, audiences.Retry, "408", 0},
		"moved": {func(r *receiver) {
			r.status, r.header = 301, map[string]string{"Location": "https://elsewhere.example/"}
		}, audiences.Refused, "301", 0},
		"not found":              {func(r *receiver) { r.status = 404 }, audiences.Refused, "404", 0},
		"not taken":              {func(r *receiver) { r.status = 422 }, audiences.Refused, "422", 0},
		"taken, the answer lost": {func(r *receiver) { r.cut = true }, audiences.Retry, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			r, p := start(t)
			id, err := p.Create(t.Context(), spec(0))
			if err != nil {
				t.Fatal(err)
			}
			c.before(r)
			_, err = p.Add(t.Context(), id, spec(1), []audiences.Member{somebody(1)})
			var got *audiences.Problem
			if !errors.As(err, &got) || got.Class != c.want || got.Code != c.code || got.After != c.after || got.Msg == "" || got.MsgJA == "" {
				t.Errorf("%+v, want %s %s: %v", got, c.want, c.code, err)
			}
		})
	}
	r, p := start(t)
	r.status = 410
	var got *audiences.Problem
	if _, err := p.Create(t.Context(), spec(0)); !errors.As(err, &got) || got.Class != audiences.Refused {
		t.Errorf("a receiver that wants no lists: %v", err)
	}
	if _, err := New(p.channel, "http://10.0.0.1/"); err == nil {
		t.Error("an address of the own network was taken")
	}
}
