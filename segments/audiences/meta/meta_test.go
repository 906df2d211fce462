package meta

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi"
	"enishi/internal/sim/ads"
	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

type world struct {
	sim *ads.Meta
	*Platform
	now time.Time
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)}
	w.sim = ads.NewMeta("77", "token", func() time.Time { return w.now })
	w.sim.Secret = "secret of the app"
	server := httptest.NewServer(w.sim)
	t.Cleanup(server.Close)
	var err error
	if w.Platform, err = New(Config{Base: server.URL, Account: "act_77", Token: "token", Secret: "secret of the app", Client: server.Client()}); err != nil {
		t.Fatal(err)
	}
	return w
}

var spec = &audiences.Spec{Audience: "vip", Title: "優良顧客", Use: audiences.Value}

// somebody has two addresses, a number, a name and the shop's id.
func somebody(n int) audiences.Member {
	r, _ := match.For(match.MetaAds)
	return audiences.Member{Value: enishi.Amount(n) * 1_000_000 * enishi.Unit, Keys: r.Keys(&match.Person{Emails: []string{fmt.Sprintf("p%d@example.jp", n), fmt.Sprintf("q%d@example.jp", n)}, Phones: []string{fmt.Sprintf("+8190%08d", n)},
		Family: "佐藤", Given: fmt.Sprint("花子", string(rune('一'+n))), Zip: "100-0013", Birthday: "--04-01", Customer: fmt.Sprint("C", n)}, match.Kinds())}
}

func (w *world) check(t *testing.T, list string, want map[string]string) {
	t.Helper()
	got, ok := w.sim.Members(list)
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Fatalf("the list has others (there: %t) (-want +got)\n%s", ok, diff)
	}
}

// TestListLives: each identifier of a member finds its user, also the second address, and taking out by each takes out.
func TestListLives(t *testing.T) {
	w, ctx := start(t), t.Context()
	for range 30 { // more lists than a page of Meta's has
		if _, err := w.Create(ctx, &audiences.Spec{Audience: fmt.Sprint("a", len(w.sim.Lists())), Title: fmt.Sprint(len(w.sim.Lists()))}); err != nil {
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
	keys := somebody(3).Keys
	for i, k := range keys {
		if k.Kind != match.Name {
			w.sim.Add(fmt.Sprintf("%s %d", k.Kind, i), string(k.Kind)+":"+k.Value)
		}
	}
	if a, err := w.Add(ctx, id, spec, []audiences.Member{somebody(3), somebody(4)}); err != nil || a.Open || a.Refused != 0 {
		t.Fatalf("%+v, %v", a, err)
	}
	w.check(t, id, map[string]string{"email 0": "3000000", "email 1": "3000000", "phone 2": "3000000", "customer 4": "3000000"})
	if _, err := w.Remove(ctx, id, spec, []audiences.Member{somebody(3)}); err != nil {
		t.Fatal(err)
	}
	w.check(t, id, map[string]string{})
	for range 2 {
		if err := w.Delete(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRowsAreCut: a call has at most 10,000 rows, however many identifiers members have.
func TestRowsAreCut(t *testing.T) {
	w, ctx := start(t), t.Context()
	w.sim.Everybody("")
	id, err := w.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	var list []audiences.Member
	for i := range 5000 {
		m := somebody(0)
		m.Keys = nil
		for j := range 3 {
			m.Keys = append(m.Keys, match.Key{Kind: match.Email, Value: match.Hash(fmt.Sprint(i, "/", j))})
		}
		list = append(list, m)
	}
	if a, err := w.Add(ctx, id, spec, list); err != nil || a.Refused != 0 {
		t.Fatalf("%+v, %v", a, err)
	}
	if got, _ := w.sim.Members(id); len(got) != 15_000 || w.sim.Calls()["POST users 200"] != 2 {
		t.Errorf("%d in the list after %v", len(got), w.sim.Calls())
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*world, string)
		want   audiences.Class
		code   string
	}{
		"the token was taken back":    {func(w *world, _ string) { w.sim.Revoke(true) }, audiences.Auth, "190/460"},
		"the secret is another app's": {func(w *world, _ string) { w.sim.Secret = "another" }, audiences.Auth, "100/0"},
		"terms were not accepted":     {func(w *world, _ string) { w.sim.Terms = false }, audiences.Refused, "200/1870090"},
		"the list is gone":            {func(w *world, id string) { w.sim.Drop(id) }, audiences.Gone, "100/33"},
		"the list is flagged":         {func(w *world, id string) { w.sim.Flag(id) }, audiences.Refused, "2654/1713231"},
		"too many calls":              {func(w *world, _ string) { w.sim.Limits.PerHour = 1 }, audiences.Rate, "80003/2446079"},
		"too many rows":               {func(w *world, _ string) { w.sim.Limits.Rows = 1 }, audiences.Refused, "2650/0"},
		"too much at once":            {func(w *world, _ string) { w.sim.Limits.BodyBytes = 100 }, audiences.Refused, "100/0"},
		"a fault of Meta's": {func(w *world, _ string) {
			w.sim.Fail(ads.Fault{Status: 500, Body: `{"error": {"code": 2, "message": "Service temporarily unavailable"}}`})
		}, audiences.Retry, "2/0"},
		"an error with status 200": {func(w *world, _ string) {
			w.sim.Fail(ads.Fault{Status: 200, Body: `{"error": {"code": 1, "message": "An unknown error occurred"}}`})
		}, audiences.Retry, "1/0"},
		"a gateway's page":          {func(w *world, _ string) { w.sim.Fail(ads.Fault{Status: 502, Body: `"<html>"`}) }, audiences.Retry, "502"},
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
			_, err = w.Add(ctx, id, spec, []audiences.Member{somebody(0)})
			var p *audiences.Problem
			if !errors.As(err, &p) {
				p = &audiences.Problem{Class: audiences.Retry, Msg: "-", MsgJA: "-"}
			}
			if err == nil || p.Class != c.want || p.Code != c.code || p.Msg == "" || p.MsgJA == "" {
				t.Errorf("%+v, want %s %s: %v", p, c.want, c.code, err)
			}
		})
	}
}

// TestBadRows: what Meta cannot read is counted.
func TestBadRows(t *testing.T) {
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

func TestConfig(t *testing.T) {
	for _, c := range []Config{{}, {Account: "x", Token: "t"}, {Account: "act_1"}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}

// TestUnassigned: a list that the token may not see any more is none that was deleted; it is again when the account can be seen.
func TestUnassigned(t *testing.T) {
	w, ctx := start(t), t.Context()
	list, err := w.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	class := func(err error) audiences.Class {
		var p *audiences.Problem
		if !errors.As(err, &p) {
			return ""
		}
		return p.Class
	}
	w.sim.Unassign(true)
	_, looked := w.Look(ctx, list)
	_, added := w.Add(ctx, list, spec, []audiences.Member{somebody(1)})
	for what, err := range map[string]error{"look": looked, "add": added, "delete": w.Delete(ctx, list)} {
		if class(err) != audiences.Auth {
			t.Errorf("%s: %v", what, err)
		}
	}
	w.sim.Unassign(false)
	w.sim.Drop(list)
	if _, err := w.Look(ctx, list); class(err) != audiences.Gone || w.Delete(ctx, list) != nil {
		t.Errorf("of one that was deleted: %v", err)
	}
}
