package tiktok

import (
	"errors"
	"fmt"
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
	sim *ads.TikTok
	*Platform
	now time.Time
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return w.now }
	w.sim = ads.NewTikTok("7000000000000000001", "token", clock)
	server := httptest.NewServer(w.sim)
	t.Cleanup(server.Close)
	var err error
	if w.Platform, err = New(Config{Base: server.URL + "/", Account: "7000000000000000001", Token: "token", Client: server.Client(), Now: clock}); err != nil {
		t.Fatal(err)
	}
	return w
}

var spec = &audiences.Spec{Audience: "vip", Title: strings.Repeat("優良顧客", 30)}

// somebody has two addresses and a number.
func somebody(n int) audiences.Member {
	r, _ := match.For(match.TikTok)
	return audiences.Member{Keys: r.Keys(&match.Person{Emails: []string{fmt.Sprintf("p%d@example.jp", n), fmt.Sprintf("q%d@example.jp", n)}, Phones: []string{fmt.Sprintf("+8190%08d", n)}}, match.Kinds())}
}

func (w *world) check(t *testing.T, id string, want ...string) {
	t.Helper()
	got, ok := w.sim.Members(id)
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Fatalf("the list has others (there: %t) (-want +got)\n%s", ok, diff)
	}
}

// TestListLives: each identifier finds its user, the second address too; the list is found by its mark however long its title, and behind more lists than a page has.
func TestListLives(t *testing.T) {
	w, ctx := start(t), t.Context()
	w.sim.Delay = 24 * time.Hour
	for i := range 120 {
		if _, err := w.Create(ctx, &audiences.Spec{Audience: fmt.Sprint("a", i), Title: "他"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []*audiences.Spec{spec, {Audience: strings.Repeat("long", 20), Title: "長い"}} {
		id, err := w.Create(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := w.Create(ctx, s); err != nil || again != id {
			t.Fatalf("made twice: %s, %s, %v", id, again, err)
		}
	}
	if n := len(w.sim.Lists()); n != 122 {
		t.Fatalf("%d lists", n)
	}
	id, err := w.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		for i, k := range somebody(n).Keys {
			w.sim.Add(fmt.Sprintf("%s %d of %d", k.Kind, i, n), string(k.Kind)+":"+k.Value)
		}
	}
	if a, err := w.Add(ctx, id, spec, []audiences.Member{somebody(0), somebody(1), somebody(7)}); err != nil || a.Open || a.Refused != 0 || a.Call == "" {
		t.Fatalf("%+v, %v", a, err)
	}
	if l, err := w.Look(ctx, id); err != nil || l.Matched != -1 || !l.Ready {
		t.Errorf("counted at once: %+v, %v", l, err)
	}
	w.now = w.now.Add(25 * time.Hour)
	if l, err := w.Look(ctx, id); err != nil || l.Matched != 6 {
		t.Errorf("%+v, %v", l, err)
	}
	if _, err := w.Remove(ctx, id, spec, []audiences.Member{somebody(0), somebody(8)}); err != nil {
		t.Fatal(err)
	}
	w.check(t, id, "email 0 of 1", "email 1 of 1", "phone 2 of 1")
	w.now = w.now.Add(366 * 24 * time.Hour)
	if _, err := w.Look(ctx, id); class(err) != audiences.Gone {
		t.Errorf("a list that expired: %v", err)
	}
	for range 2 {
		if err := w.Delete(ctx, id); err != nil {
			t.Fatal(err)
		}
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

// TestRowsAreCut: members with many addresses are told in more calls.
func TestRowsAreCut(t *testing.T) {
	w, ctx := start(t), t.Context()
	w.sim.Everybody("")
	id, err := w.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	var members []audiences.Member
	for i := range w.Facts().Batch {
		var m audiences.Member
		for j := range 5 {
			m.Keys = append(m.Keys, match.Key{Kind: match.Email, Value: match.Hash(fmt.Sprint(i, "/", j))})
		}
		members = append(members, m)
	}
	if a, err := w.Add(ctx, id, spec, members); err != nil || a.Refused != 0 {
		t.Fatalf("%+v, %v", a, err)
	}
	if got, _ := w.sim.Members(id); len(got) != 2500 || w.sim.Calls()["POST segment/mapping 200"] != 3 {
		t.Errorf("%d in the list after %v", len(got), w.sim.Calls())
	}
}

// TestRefusals: each code has its class and words, each limit of the simulator is kept there.
func TestRefusals(t *testing.T) {
	body := func(code int) func(*world, string) {
		return func(w *world, _ string) {
			w.sim.Fail(ads.Fault{Status: 200, Body: fmt.Sprintf(`{"code": %d, "message": "x", "request_id": "1", "data": {}}`, code)})
		}
	}
	for name, c := range map[string]struct {
		before func(*world, string)
		want   audiences.Class
		code   string
	}{
		"the token was taken back":  {func(w *world, _ string) { w.sim.Revoke(true) }, audiences.Auth, "40105"},
		"another advertiser":        {func(w *world, _ string) { w.sim.Account = "2" }, audiences.Auth, "40001"},
		"no permission":             {body(40001), audiences.Auth, "40001"},
		"the list is gone":          {func(w *world, id string) { w.sim.Drop(id) }, audiences.Gone, ""},
		"the list expired":          {func(w *world, _ string) { w.now = w.now.AddDate(1, 0, 1) }, audiences.Gone, "expired"},
		"too many calls":            {func(w *world, _ string) { w.sim.Limits.PerMinute = 1; _, _ = w.Look(t.Context(), "1") }, audiences.Rate, "40100"},
		"the calls of the day":      {body(40133), audiences.Rate, "40133"},
		"too many rows":             {func(w *world, _ string) { w.sim.Limits.Rows = 1 }, audiences.Refused, "40002"},
		"too much at once":          {func(w *world, _ string) { w.sim.Limits.BodyBytes = 200 }, audiences.Refused, "413"},
		"a fault of TikTok's":       {body(50000), audiences.Retry, "50000"},
		"status 500":                {func(w *world, _ string) { w.sim.Fail(ads.Fault{Status: 500}) }, audiences.Retry, "500"},
		"a page in place of JSON":   {func(w *world, _ string) { w.sim.Fail(ads.Fault{Status: 200, Body: `"<html>"`}) }, audiences.Retry, "answer"},
		"an answer without a code":  {func(w *world, _ string) { w.sim.Fail(ads.Fault{Status: 200, Body: `{}`}) }, audiences.Retry, "answer"},
		"the connection is cut":     {func(w *world, _ string) { w.sim.Fail(ads.Fault{Reset: true}) }, audiences.Retry, ""},
		"taken, and the answer cut": {func(w *world, _ string) { w.sim.Fail(ads.Fault{Reset: true, After: true}) }, audiences.Retry, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, ctx := start(t), t.Context()
			id, err := w.Create(ctx, spec)
			if err != nil {
				t.Fatal(err)
			}
			w.now = w.now.Add(time.Hour) // the calls of Create are no longer counted
			c.before(w, id)
			_, err = w.Add(ctx, id, spec, []audiences.Member{somebody(0)})
			var p *audiences.Problem
			errors.As(err, &p)
			if class(err) != c.want || p.Code != c.code || c.want == audiences.Rate && p.After == 0 {
				t.Errorf("%+v, want %s %s: %v", p, c.want, c.code, err)
			}
		})
	}
	t.Run("too many lists", func(t *testing.T) {
		w := start(t)
		w.sim.Limits.Lists = 0
		if _, err := w.Create(t.Context(), spec); class(err) != audiences.Refused {
			t.Error(err)
		}
	})
	t.Run("a name is cut at TikTok", func(t *testing.T) { // and so is kept within the limit here
		w := start(t)
		w.sim.Limits.Name = 60
		if _, err := w.Create(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
		for name := range w.sim.Lists() {
			if !strings.HasSuffix(name, "...") {
				t.Errorf("%q has the whole mark", name)
			}
		}
	})
	t.Run("a page is too long", func(t *testing.T) {
		w := start(t)
		w.sim.Limits.Page = 50
		if _, err := w.Create(t.Context(), spec); class(err) != audiences.Refused {
			t.Error(err)
		}
	})
}

// TestPartly: a call that was carried out in part is counted as such, with its reason.
func TestPartly(t *testing.T) {
	w, ctx := start(t), t.Context()
	id, err := w.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	w.sim.Fail(ads.Fault{Status: 200, After: true, Body: `{"code": 20001, "message": "Partial success", "request_id": "1"}`})
	if a, err := w.Add(ctx, id, spec, []audiences.Member{somebody(0)}); err != nil || a.Refused != 1 || a.Reason == "" {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestBadCalls: what the client never sends, the simulator does not take.
func TestBadCalls(t *testing.T) {
	w, ctx := start(t), t.Context()
	id, err := w.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]string{
		"not hashed":    `{"advertiser_ids": ["7000000000000000001"], "action": "add", "id_schema": ["EMAIL_SHA256"], "batch_data": [[{"id": "a@example.jp", "audience_ids": ["` + id + `"]}]]}`,
		"another shape": `{"advertiser_ids": ["7000000000000000001"], "action": "add", "id_schema": ["EMAIL_SHA256", "PHONE_SHA256"], "batch_data": [[{}]]}`,
		"nobody":        `{"advertiser_ids": ["7000000000000000001"], "action": "add", "id_schema": ["EMAIL_SHA256"], "batch_data": [[{}]]}`,
		"twice":         `{"advertiser_ids": ["7000000000000000001"], "action": "add", "id_schema": ["EMAIL_SHA256", "EMAIL_SHA256"], "batch_data": [[{}, {}]]}`,
		"no action":     `{"advertiser_ids": ["7000000000000000001"], "action": "put", "id_schema": ["EMAIL_SHA256"], "batch_data": [[{}]]}`,
	} {
		if err := w.caller.Call(ctx, "POST", "/segment/mapping/", raw(in), nil); class(err) != audiences.Refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type raw string

func (r raw) MarshalJSON() ([]byte, error) { return []byte(r), nil }

func TestConfig(t *testing.T) {
	for _, c := range []Config{{}, {Account: "x", Token: "t"}, {Account: "1"}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
