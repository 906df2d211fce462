package criteo

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi/internal/sim/ads"
	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

type world struct {
	sim *ads.Criteo
	*Platform
	now time.Time
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return w.now }
	w.sim = ads.NewCriteo("1234", "app", "secret", clock)
	server := httptest.NewServer(w.sim)
	t.Cleanup(server.Close)
	var err error
	if w.Platform, err = New(Config{Base: server.URL, Account: "1234", ID: "app", Secret: "secret", Client: server.Client(), Now: clock}); err != nil {
		t.Fatal(err)
	}
	return w
}

var spec = &audiences.Spec{Audience: "vip", Title: "優良顧客"}

// somebody has two addresses; a number means nothing at Criteo.
func somebody(n int) audiences.Member {
	r, _ := match.For(match.Criteo)
	return audiences.Member{Keys: r.Keys(&match.Person{Emails: []string{fmt.Sprintf("p%d@example.jp", n), fmt.Sprintf("q%d@example.jp", n)}, Phones: []string{"+819012345678"}}, match.Kinds())}
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

// TestListLives: each address finds its user; a list is found by its mark behind more lists than a page has, and a name that another has gets a number.
func TestListLives(t *testing.T) {
	w, ctx := start(t), t.Context()
	for i := range 110 {
		if _, err := w.Create(ctx, &audiences.Spec{Audience: fmt.Sprint("a", i), Title: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(time.Second)
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
	if a, err := w.Add(ctx, id, spec, []audiences.Member{somebody(0), somebody(1), somebody(7)}); err != nil || a.Open || a.Refused != 0 {
		t.Fatalf("%+v, %v", a, err)
	}
	if l, err := w.Look(ctx, id); err != nil || l.Matched != 4 || !l.Ready {
		t.Errorf("%+v, %v", l, err)
	}
	if _, err := w.Remove(ctx, id, spec, []audiences.Member{somebody(0), somebody(8)}); err != nil {
		t.Fatal(err)
	}
	w.check(t, id, "email 0 of 1", "email 1 of 1")
	for range 2 {
		if err := w.Delete(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCallsAreCut: a call has at most 50,000 identifiers, however many addresses members have.
func TestCallsAreCut(t *testing.T) {
	w, ctx := start(t), t.Context()
	w.sim.Everybody("")
	id, err := w.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	members := make([]audiences.Member, w.Facts().Batch)
	for i := range members {
		for j := range 3 {
			members[i].Keys = append(members[i].Keys, match.Key{Kind: match.Email, Value: match.Hash(fmt.Sprint(i, "/", j))})
		}
	}
	if a, err := w.Add(ctx, id, spec, members); err != nil || a.Refused != 0 {
		t.Fatalf("%+v, %v", a, err)
	}
	if got, _ := w.sim.Members(id); len(got) != 3*len(members) || w.sim.Calls()["PATCH contact-list 200"] != 2 {
		t.Errorf("%d in the list after %v", len(got), w.sim.Calls())
	}
}

// TestTokenEnds: Criteo's token lives for 15 minutes; a call that finds it ended gets another, and is made once more.
func TestTokenEnds(t *testing.T) {
	w, ctx := start(t), t.Context()
	id, err := w.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(16 * time.Minute)
	w.sim.Add("user", "email:"+somebody(1).Keys[0].Value)
	if _, err := w.Add(ctx, id, spec, []audiences.Member{somebody(1)}); err != nil {
		t.Fatal(err)
	}
	w.check(t, id, "user")
	if n := w.sim.Calls()["POST token 200"]; n != 2 {
		t.Errorf("%d tokens", n)
	}
}

// TestBadIdentifiers: what Criteo cannot read is counted, the others are taken.
func TestBadIdentifiers(t *testing.T) {
	w, ctx := start(t), t.Context()
	w.sim.Everybody("")
	id, err := w.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	a, err := w.Add(ctx, id, spec, []audiences.Member{{Keys: []match.Key{{Kind: match.Email, Value: "not hashed"}}}, somebody(1)})
	if err != nil || a.Refused != 1 || a.Reason == "" {
		t.Fatalf("%+v, %v", a, err)
	}
}

func TestRefusals(t *testing.T) {
	body := func(status int, kind, code string) func(*world, string) {
		return func(w *world, _ string) {
			w.sim.Fail(ads.Fault{Status: status, Body: `{"data": null, "errors": [{"type": "` + kind + `", "code": "` + code + `", "title": "x"}]}`})
		}
	}
	for name, c := range map[string]struct {
		before func(*world, string)
		want   audiences.Class
		code   string
	}{
		"the secret was taken back": {func(w *world, _ string) { w.sim.Revoke(true) }, audiences.Auth, "invalid_client"},
		"no consent":                {body(403, "authorization", "advertiser-not-allowed"), audiences.Auth, "advertiser-not-allowed"},
		"no consent, with 200":      {body(200, "access-control", "x"), audiences.Auth, "x"},
		"the list is gone":          {func(w *world, id string) { w.sim.Drop(id) }, audiences.Gone, "segment-not-found"},
		"too many calls":            {func(w *world, _ string) { w.sim.Limits.PerMinute = 1; _, _ = w.Look(t.Context(), "1") }, audiences.Rate, "429"},
		"429 of a gateway":          {func(w *world, _ string) { w.sim.Fail(ads.Fault{Status: 429}) }, audiences.Rate, "429"},
		"a quota":                   {body(200, "quota", "x"), audiences.Rate, "x"},
		"too many identifiers":      {func(w *world, _ string) { w.sim.Limits.Identifiers = 1 }, audiences.Refused, "too-many-identifiers"},
		"too much at once":          {func(w *world, _ string) { w.sim.Limits.BodyBytes = 100 }, audiences.Refused, "413"},
		"a fault of Criteo's":       {body(500, "availability", "internal"), audiences.Retry, "internal"},
		"a fault, with 200":         {body(200, "availability", "internal"), audiences.Retry, "internal"},
		"a page in place of JSON":   {func(w *world, _ string) { w.sim.Fail(ads.Fault{Status: 200, Body: `"<html>"`}) }, audiences.Retry, "answer"},
		"the connection is cut":     {func(w *world, _ string) { w.sim.Fail(ads.Fault{Reset: true}) }, audiences.Retry, ""},
		"taken, and the answer cut": {func(w *world, _ string) { w.sim.Fail(ads.Fault{Reset: true, After: true}) }, audiences.Retry, ""},
		"the token's server is down": {func(w *world, _ string) {
			w.sim.Forget()
			w.sim.Fail(ads.Fault{Endpoint: "POST token", Status: 503, Times: -1})
		}, audiences.Retry, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, ctx := start(t), t.Context()
			id, err := w.Create(ctx, spec)
			if err != nil {
				t.Fatal(err)
			}
			w.now = w.now.Add(2 * time.Minute) // the calls of Create are no longer counted
			c.before(w, id)
			_, err = w.Add(ctx, id, spec, []audiences.Member{somebody(0)})
			var p *audiences.Problem
			errors.As(err, &p)
			if class(err) != c.want || p.Code != c.code || c.want == audiences.Rate && p.After == 0 {
				t.Errorf("%+v, want %s %s: %v", p, c.want, c.code, err)
			}
		})
	}
	t.Run("another advertiser", func(t *testing.T) {
		w := start(t)
		w.sim.Account = "1"
		if _, err := w.Create(t.Context(), spec); class(err) != audiences.Auth {
			t.Error(err)
		}
	})
	t.Run("a page is too long", func(t *testing.T) {
		w := start(t)
		w.sim.Limits.Page = 50
		if _, err := w.Create(t.Context(), spec); class(err) != audiences.Refused {
			t.Error(err)
		}
	})
	t.Run("nothing was made", func(t *testing.T) {
		w := start(t)
		w.sim.Fail(ads.Fault{Endpoint: "POST create", Status: 200, Body: `{"data": [], "errors": []}`})
		if _, err := w.Create(t.Context(), spec); class(err) != audiences.Retry {
			t.Error(err)
		}
	})
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{{}, {Account: "x", ID: "a", Secret: "s"}, {Account: "1", ID: "a"}, {Account: "1", Secret: "s"}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
