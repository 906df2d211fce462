package google

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi/internal/sim/ads"
	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

type world struct {
	sim *ads.Google
	*Platform
	now time.Time
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)}
	w.sim = ads.NewGoogle("1234567890", func() time.Time { return w.now })
	server := httptest.NewServer(w.sim)
	t.Cleanup(server.Close)
	var err error
	if w.Platform, err = New(Config{Base: server.URL, Account: "123-456-7890", Key: key(t, server.URL), Client: server.Client()}); err != nil {
		t.Fatal(err)
	}
	return w
}

func key(t *testing.T, base string) []byte {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(map[string]string{"type": "service_account", "client_email": "enishi@shop.iam.gserviceaccount.com", "private_key_id": "1", "token_uri": base + "/token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}))})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var spec = &audiences.Spec{Audience: "vip", Title: "優良顧客"}

func somebody(n int) audiences.Member {
	r, _ := match.For(match.GoogleAds)
	return audiences.Member{Keys: r.Keys(&match.Person{Emails: []string{fmt.Sprintf("p%d@example.jp", n)}, Phones: []string{fmt.Sprintf("+8190%08d", n)}, Family: "佐藤", Given: "花子", Zip: "1000013"}, match.Kinds())}
}

func (w *world) users(n int) {
	for i := range n {
		for _, k := range somebody(i).Keys[:2] {
			w.sim.Add(fmt.Sprint("user", i), string(k.Kind)+":"+k.Value)
		}
	}
}

func (w *world) check(t *testing.T, list string, want ...string) {
	t.Helper()
	got, ok := w.sim.Members(list)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Fatalf("the list has others (there: %t) (-want +got)\n%s", ok, diff)
	}
}

func class(err error) audiences.Class {
	var p *audiences.Problem
	if !errors.As(err, &p) {
		return ""
	}
	if p.Msg == "" || p.MsgJA == "" {
		return "without words"
	}
	return p.Class
}

func TestListLives(t *testing.T) {
	w, ctx := start(t), t.Context()
	w.users(4)
	w.sim.Delay = time.Minute
	id, err := w.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.Create(ctx, spec)
	if err != nil || again != id {
		t.Fatalf("made twice: %s, %s, %v", id, again, err)
	}
	a, err := w.Add(ctx, id, spec, []audiences.Member{somebody(0), somebody(1), somebody(2), somebody(9)})
	if err != nil || !a.Open {
		t.Fatalf("%+v, %v", a, err)
	}
	if r, err := w.Result(ctx, id, a.Call); err != nil || !r.Open {
		t.Fatalf("it was done at once: %+v, %v", r, err)
	}
	w.check(t, id)
	w.now = w.now.Add(2 * time.Minute)
	if r, err := w.Result(ctx, id, a.Call); err != nil || r.Open || r.Refused != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	w.check(t, id, "user0", "user1", "user2")
	if a, err = w.Remove(ctx, id, spec, []audiences.Member{somebody(1), somebody(7)}); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(2 * time.Minute)
	if r, err := w.Result(ctx, id, a.Call); err != nil || r.Open {
		t.Fatalf("%+v, %v", r, err)
	}
	w.check(t, id, "user0", "user2")
	if l, err := w.Look(ctx, id); err != nil || l.Matched != 2 || !l.Ready {
		t.Fatalf("%+v, %v", l, err)
	}
	w.now = w.now.Add(541 * 24 * time.Hour) // nobody stays who is not told again
	w.check(t, id)
	for range 2 {
		if err := w.Delete(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Look(ctx, id); class(err) != audiences.Gone {
		t.Errorf("a list that is gone: %v", err)
	}
}

// TestOneWrong: a request with one wrong member fails whole; the others are told all the same, and who was wrong is known when the result is asked for.
func TestOneWrong(t *testing.T) {
	w, ctx := start(t), t.Context()
	w.users(4)
	id, err := w.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	bad := audiences.Member{Keys: []match.Key{{Kind: match.Email, Value: "not hashed"}}}
	a, err := w.Add(ctx, id, spec, []audiences.Member{bad, somebody(0), bad, somebody(1)})
	if err != nil {
		t.Fatal(err)
	}
	a, err = w.Result(ctx, id, a.Call)
	if diff := cmp.Diff(map[int]string{0: "INVALID_SHA256_FORMAT", 2: "INVALID_SHA256_FORMAT"}, a.Rejected); diff != "" || err != nil {
		t.Fatalf("%v (-want +got)\n%s", err, diff)
	}
	w.check(t, id, "user0", "user1")
}

func TestNameOfAnother(t *testing.T) {
	w, ctx := start(t), t.Context()
	first, err := w.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.Create(ctx, &audiences.Spec{Audience: "other", Title: spec.Title})
	if err != nil || first == second {
		t.Fatalf("%s, %s, %v", first, second, err)
	}
	if w.sim.Lists()["優良顧客 (2)"] != second {
		t.Errorf("lists: %v", w.sim.Lists())
	}
}

// TestRefusals: what goes wrong has its class, and words in both languages.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*world, string)
		want   audiences.Class
		code   string
	}{
		"the access was taken back": {func(w *world, _ string) { w.sim.Revoke(true) }, audiences.Auth, ""},
		"terms were not accepted":   {func(w *world, _ string) { w.sim.Terms = false }, audiences.Refused, "TERMS_AND_CONDITIONS_NOT_SIGNED"},
		"the list is gone":          {func(w *world, id string) { w.sim.Drop(id) }, audiences.Gone, ""},
		"the quota is used up":      {func(w *world, _ string) { w.sim.Limits.PerMinute = 1; _, _ = w.Look(context.Background(), "1") }, audiences.Rate, ""},
		"a fault of Google's":       {func(w *world, _ string) { w.sim.Fail(ads.Fault{Status: 503}) }, audiences.Retry, ""},
		"a page in place of JSON":   {func(w *world, _ string) { w.sim.Fail(ads.Fault{Status: 200, Body: `"<html>"`}) }, audiences.Retry, "answer"},
		"the connection is cut":     {func(w *world, _ string) { w.sim.Fail(ads.Fault{Reset: true}) }, audiences.Retry, ""},
		"another advertiser":        {func(w *world, _ string) { w.cfg.Account = "1" }, audiences.Auth, ""},
		"too many members":          {func(w *world, _ string) { w.sim.Limits.Members = 0 }, audiences.Refused, "TOO_MANY_MEMBERS"},
		"too much at once":          {func(w *world, _ string) { w.sim.Limits.BodyBytes = 100 }, audiences.Refused, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, ctx := start(t), t.Context()
			id, err := w.Create(ctx, spec)
			if err != nil {
				t.Fatal(err)
			}
			c.before(w, id)
			_, err = w.Add(ctx, id, spec, []audiences.Member{somebody(0)})
			var p *audiences.Problem
			if class(err) != c.want || c.code != "" && (!errors.As(err, &p) || p.Code != c.code) {
				t.Errorf("%q, want %q %s: %v", class(err), c.want, c.code, err)
			}
		})
	}
}

// TestOwnLimits: a member with too many identifiers is left out, and a list whose members were to stay too long is not made.
func TestOwnLimits(t *testing.T) {
	w, ctx := start(t), t.Context()
	w.users(1)
	id, err := w.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	w.sim.Limits.Identifiers = 2
	a, err := w.Add(ctx, id, spec, []audiences.Member{somebody(0)})
	if diff := cmp.Diff(map[int]string{0: "TOO_MANY_USER_IDENTIFIERS"}, a.Rejected); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	w.sim.Limits.MaxDays = days - 1
	if _, err := w.Create(ctx, &audiences.Spec{Audience: "long", Title: "長い"}); class(err) != audiences.Refused {
		t.Errorf("a list for %d days: %v", days, err)
	}
}

func TestConsentCounts(t *testing.T) {
	w, ctx := start(t), t.Context()
	w.users(1)
	id, err := w.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	a, err := w.change(ctx, "ingest", id, []audiences.Member{somebody(0)}, map[string]any{"termsOfService": map[string]string{"customerMatchTermsOfServiceStatus": "ACCEPTED"}})
	if err != nil {
		t.Fatal(err)
	}
	if a, err = w.Result(ctx, id, a.Call); err != nil || a.Refused != 1 || a.Reason != "not_allowed_by_consent" {
		t.Fatalf("without permission: %+v, %v", a, err)
	}
	w.check(t, id)
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{{}, {Account: "x", Key: []byte("{}")}, {Account: "1"}, {Account: "1", Key: []byte("no JSON")}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	var _ http.Handler = &ads.Google{}
}
