package x

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi/internal/sim/ads"
	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

type world struct {
	sim *ads.X
	*Platform
	cfg Config
	now time.Time
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return w.now }
	w.sim = ads.NewX("18ce54d4x5t", ads.XKeys{Consumer: "key", ConsumerSecret: "a secret/ü", Token: "1-token", TokenSecret: "ts"}, clock)
	server := httptest.NewServer(w.sim)
	t.Cleanup(server.Close)
	w.cfg = Config{Base: server.URL, Account: "18ce54d4x5t", ConsumerKey: "key", ConsumerSecret: "a secret/ü", Token: "1-token", TokenSecret: "ts", Client: server.Client(), Now: clock}
	w.open(t)
	return w
}

func (w *world) open(t *testing.T) {
	t.Helper()
	var err error
	if w.Platform, err = New(w.cfg); err != nil {
		t.Fatal(err)
	}
}

var spec = &audiences.Spec{Audience: "vip", Title: "優良顧客 + (100%)"}

// somebody has two addresses, a number and the shop's id.
func somebody(n int) audiences.Member {
	r, _ := match.For(match.X)
	return audiences.Member{Keys: r.Keys(&match.Person{Emails: []string{fmt.Sprintf("p%d@example.jp", n), fmt.Sprintf("q%d@example.jp", n)}, Phones: []string{fmt.Sprintf("+8190%08d", n)}, Customer: fmt.Sprint("C<", n)}, match.Kinds())}
}

func (w *world) check(t *testing.T, id string, want ...string) {
	t.Helper()
	got, ok := w.sim.Members(id)
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

// TestListLives: each identifier finds its user; a list is found by its mark behind more lists than a page has; who is not told again is out after 13 months.
func TestListLives(t *testing.T) {
	w, ctx := start(t), t.Context()
	w.sim.Delay = 5 * time.Hour
	w.sim.Limits.Writes = 0 // any number
	w.sim.Limits.Reads = 0
	for i := range 1001 {
		if err := w.caller.Call(ctx, http.MethodPost, query("name", fmt.Sprint(i)), nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	id, err := w.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.Create(ctx, spec); err != nil || again != id {
		t.Fatalf("made twice: %s, %s, %v", id, again, err)
	}
	other, err := w.Create(ctx, &audiences.Spec{Audience: "other", Title: spec.Title})
	if err != nil || other == id || w.sim.Lists()[spec.Title+" (2)"] != other {
		t.Fatalf("of the same name: %s, %s, %v", id, other, err)
	}
	for n := range 2 {
		for i, k := range somebody(n).Keys {
			w.sim.Add(fmt.Sprintf("%s %d of %d", k.Kind, i, n), string(k.Kind)+":"+k.Value)
		}
	}
	if a, err := w.Add(ctx, id, spec, []audiences.Member{somebody(0), somebody(1), somebody(7)}); err != nil || a.Open || len(a.Rejected) != 0 {
		t.Fatalf("%+v, %v", a, err)
	}
	if l, err := w.Look(ctx, id); err != nil || l.Matched != -1 || !l.Ready || l.State != "processing, too_small" {
		t.Errorf("counted at once: %+v, %v", l, err)
	}
	w.now = w.now.Add(6 * time.Hour)
	if l, err := w.Look(ctx, id); err != nil || l.Matched != 8 {
		t.Errorf("%+v, %v", l, err)
	}
	if _, err := w.Remove(ctx, id, spec, []audiences.Member{somebody(0), somebody(8)}); err != nil {
		t.Fatal(err)
	}
	w.check(t, id, "customer 3 of 1", "email 0 of 1", "email 1 of 1", "phone 2 of 1")
	w.now = w.now.Add(w.Facts().Expires)
	w.check(t, id, "customer 3 of 1", "email 0 of 1", "email 1 of 1", "phone 2 of 1")
	w.now = w.now.AddDate(0, 1, 0)
	w.check(t, id)
	for range 2 {
		if err := w.Delete(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOneWrong: X refuses a call with a wrong member whole; the others are told all the same.
func TestOneWrong(t *testing.T) {
	w, ctx := start(t), t.Context()
	id, err := w.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	w.sim.Add("user", "email:"+somebody(1).Keys[0].Value)
	bad := audiences.Member{Keys: []match.Key{{Kind: match.Email, Value: "not hashed"}}}
	a, err := w.Add(ctx, id, spec, []audiences.Member{bad, somebody(1), {}, somebody(2)})
	if diff := cmp.Diff(map[int]string{0: "invalid_parameter", 2: "invalid_parameter"}, a.Rejected); diff != "" || err != nil {
		t.Fatalf("%v (-want +got)\n%s", err, diff)
	}
	w.check(t, id, "user")
	if a, err = w.Add(ctx, id, spec, []audiences.Member{bad}); err != nil || len(a.Rejected) != 1 {
		t.Errorf("nobody is left: %+v, %v", a, err)
	}
}

// TestCallsAreCut: no call has more than 5,000,000 bytes, however many identifiers members have.
func TestCallsAreCut(t *testing.T) {
	w, ctx := start(t), t.Context()
	w.sim.Everybody("")
	id, err := w.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	members := make([]audiences.Member, w.Facts().Batch)
	for i := range members {
		for j := range 40 {
			members[i].Keys = append(members[i].Keys, match.Key{Kind: match.Email, Value: match.Hash(fmt.Sprint(i, "/", j))})
		}
	}
	if a, err := w.Add(ctx, id, spec, members); err != nil || len(a.Rejected) != 0 {
		t.Fatalf("%+v, %v", a, err)
	}
	if got, _ := w.sim.Members(id); len(got) != 40*len(members) || w.sim.Calls()["POST users 200"] != 2 {
		t.Errorf("%d in the list after %v", len(got), w.sim.Calls())
	}
}

func TestRefusals(t *testing.T) {
	body := func(status int, code string) func(*world, string) {
		return func(w *world, _ string) {
			w.sim.Fail(ads.Fault{Status: status, Body: `{"errors": [{"code": "` + code + `", "message": "x"}], "request": {}}`})
		}
	}
	for name, c := range map[string]struct {
		before func(*world, string)
		want   audiences.Class
		code   string
	}{
		"the token was taken back": {func(w *world, _ string) { w.sim.Revoke(true) }, audiences.Auth, "UNAUTHORIZED_ACCESS"},
		"another secret":           {func(w *world, _ string) { w.sim.Keys.TokenSecret = "other" }, audiences.Auth, "UNAUTHORIZED_ACCESS"},
		"another app":              {func(w *world, _ string) { w.sim.Keys.ConsumerSecret = "other" }, audiences.Auth, "UNAUTHORIZED_ACCESS"},
		"another account":          {func(w *world, _ string) { w.sim.Account = "2" }, audiences.Auth, "ACCOUNT_NOT_FOUND"},
		"the app is not approved":  {body(403, "UNAUTHORIZED_CLIENT_APPLICATION"), audiences.Auth, "UNAUTHORIZED_CLIENT_APPLICATION"},
		"the list is gone":         {func(w *world, id string) { w.sim.Drop(id) }, audiences.Gone, "NOT_FOUND"},
		"too many calls": {func(w *world, id string) {
			w.sim.Limits.Audience = 1
			_, _ = w.Add(t.Context(), id, spec, []audiences.Member{somebody(1)})
		}, audiences.Rate, "TOO_MANY_REQUESTS"},
		"429 of a gateway":          {func(w *world, _ string) { w.sim.Fail(ads.Fault{Status: 429, Body: `"<html>"`}) }, audiences.Rate, "TOO_MANY_REQUESTS"},
		"too many operations":       {func(w *world, _ string) { w.sim.Limits.Operations = 0 }, audiences.Refused, "REQUEST_TOO_COMPLEX"},
		"too much at once":          {func(w *world, _ string) { w.sim.Limits.BodyBytes = 100 }, audiences.Refused, "REQUEST_TOO_LARGE"},
		"not all were counted":      {func(w *world, _ string) { w.sim.Short(true) }, audiences.Retry, "counts"},
		"a fault of X's":            {body(500, "INTERNAL_ERROR"), audiences.Retry, "INTERNAL_ERROR"},
		"over capacity":             {body(503, "OVER_CAPACITY"), audiences.Retry, "OVER_CAPACITY"},
		"a lock":                    {body(423, "LOCK_ACQUISITION_TIMEOUT"), audiences.Retry, "LOCK_ACQUISITION_TIMEOUT"},
		"a page in place of JSON":   {func(w *world, _ string) { w.sim.Fail(ads.Fault{Status: 200, Body: `"<html>"`}) }, audiences.Retry, "answer"},
		"the connection is cut":     {func(w *world, _ string) { w.sim.Fail(ads.Fault{Reset: true}) }, audiences.Retry, ""},
		"taken, and the answer cut": {func(w *world, _ string) { w.sim.Fail(ads.Fault{Reset: true, After: true}) }, audiences.Retry, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, ctx := start(t), t.Context()
			id, err := w.Create(ctx, spec)
			if err != nil {
				t.Fatal(err)
			}
			c.before(w, id)
			_, err = w.Add(ctx, id, spec, []audiences.Member{somebody(0), somebody(3)})
			var p *audiences.Problem
			errors.As(err, &p)
			if class(err) != c.want || p.Code != c.code || c.want == audiences.Rate && p.After != time.Minute {
				t.Errorf("%+v, want %s %s: %v", p, c.want, c.code, err)
			}
		})
	}
	for name, limit := range map[string]func(*ads.XLimits){"writes": func(l *ads.XLimits) { l.Writes = 1 }, "reads": func(l *ads.XLimits) { l.Reads = 1 }} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			limit(&w.sim.Limits)
			_, err := w.Create(t.Context(), spec)
			if err == nil {
				_, err = w.Create(t.Context(), &audiences.Spec{Audience: "b", Title: "b"})
			}
			if class(err) != audiences.Rate {
				t.Error(err)
			}
		})
	}
	t.Run("a page is too long", func(t *testing.T) {
		w := start(t)
		w.sim.Limits.Page = 200
		if _, err := w.Create(t.Context(), spec); class(err) != audiences.Refused {
			t.Error(err)
		}
	})
	t.Run("too small", func(t *testing.T) {
		w := start(t)
		id, err := w.Create(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		if l, err := w.Look(t.Context(), id); err != nil || l.State != "too_small" {
			t.Errorf("%+v, %v", l, err)
		}
	})
}

// again sends each call twice, as it was.
type again struct{ status int }

func (a *again) RoundTrip(r *http.Request) (*http.Response, error) {
	first, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	r.Body = http.NoBody
	second, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		a.status = second.StatusCode
		second.Body.Close()
	}
	return first, err
}

// TestSignedOnce: a call that somebody else sends once more as it was is refused; a long title is cut.
func TestSignedOnce(t *testing.T) {
	w, twice := start(t), &again{}
	w.cfg.Client = &http.Client{Transport: twice}
	w.open(t)
	if _, err := w.Create(t.Context(), &audiences.Spec{Audience: "long", Title: strings.Repeat("長", 300)}); err != nil || twice.status != http.StatusUnauthorized {
		t.Fatalf("the second was answered by %d: %v", twice.status, err)
	}
}

// TestOperationErrors: both forms in which X writes errors of operations.
func TestOperationErrors(t *testing.T) {
	w := start(t)
	for _, body := range []string{
		`{"errors": [], "operation_errors": [[], [{"code": "MISSING_PARAMETER", "message": "x", "parameter": "users"}]]}`,
		`{"operation_errors": [null, {"code": "MISSING_PARAMETER", "message": "x"}]}`,
	} {
		p := w.problem(400, nil, []byte(body))
		var bad *invalid
		if !errors.As(p, &bad) || !cmp.Equal(bad.reasons, map[int]string{1: "missing_parameter"}) {
			t.Errorf("%s: %+v", body, bad)
		}
	}
	if b, err := encode("Update", []audiences.Member{{}}); err != nil || !json.Valid(b[0]) {
		t.Error(b, err)
	}
}

func TestConfig(t *testing.T) {
	w := start(t)
	for _, change := range []func(*Config){func(c *Config) { c.Account = "" }, func(c *Config) { c.Account = "A/../" }, func(c *Config) { c.ConsumerKey = "" }, func(c *Config) { c.ConsumerSecret = "" },
		func(c *Config) { c.Token = "" }, func(c *Config) { c.TokenSecret = "" }} {
		c := w.cfg
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
