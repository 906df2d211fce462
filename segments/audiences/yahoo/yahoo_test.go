package yahoo

import (
	"errors"
	"fmt"
	"io"
	"iter"
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

var _ audiences.Whole = (*Platform)(nil)

type world struct {
	sim *ads.Yahoo
	*Platform
	now time.Time
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)}
	w.sim = ads.NewYahoo("1234", "99", "app", "secret", "refresh", func() time.Time { return w.now })
	server := httptest.NewServer(w.sim)
	t.Cleanup(server.Close)
	var err error
	if w.Platform, err = New(Config{Base: server.URL, Account: "1234", Login: "99", ID: "app", Secret: "secret", Refresh: "refresh", Client: server.Client()}); err != nil {
		t.Fatal(err)
	}
	return w
}

var spec = &audiences.Spec{Audience: "vip", Title: strings.Repeat("優良顧客", 40)}

// somebody has two addresses and a number.
func somebody(n int) audiences.Member {
	r, _ := match.For(match.YahooJP)
	return audiences.Member{Keys: r.Keys(&match.Person{Emails: []string{fmt.Sprintf("p%d@example.jp", n), fmt.Sprintf("q%d@example.jp", n)}, Phones: []string{fmt.Sprintf("+8190%08d", n)}}, match.Kinds())}
}

func those(from, to int) iter.Seq2[*audiences.Member, error] {
	return func(yield func(*audiences.Member, error) bool) {
		for n := from; n < to; n++ {
			if m := somebody(n); !yield(&m, nil) {
				return
			}
		}
	}
}

func problemOf(t *testing.T, err error) *audiences.Problem {
	t.Helper()
	var p *audiences.Problem
	if !errors.As(err, &p) {
		return &audiences.Problem{Class: audiences.Retry, Msg: "-", MsgJA: "-"}
	}
	if p.Msg == "" || p.MsgJA == "" {
		t.Errorf("without words: %+v", p)
	}
	return p
}

// done asks until Yahoo! has carried an upload out.
func (w *world) done(t *testing.T, id string, a audiences.Answer, err error) {
	t.Helper()
	if err != nil || !a.Open || a.Call == "" {
		t.Fatalf("%+v, %v", a, err)
	}
	for _, open := range []bool{true, false} {
		if a, err = w.Result(t.Context(), id, a.Call); err != nil || a.Open != open {
			t.Fatalf("%+v, %v", a, err)
		}
	}
}

// TestListLives: a list is found by its mark behind more lists than a page has, each identifier finds its user, uploads add up, and the new list takes the place of the old one
// once no ad group uses it.
func TestListLives(t *testing.T) {
	w, ctx := start(t), t.Context()
	for i := range 1005 {
		if i%500 == 0 {
			w.now = w.now.Add(time.Minute)
		}
		if err := w.make(t, fmt.Sprint("a", i)); err != nil {
			t.Fatal(err)
		}
	}
	w.now = w.now.Add(time.Minute)
	id, err := w.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.Create(ctx, spec); err != nil || again != id {
		t.Fatalf("made twice: %s, %s, %v", id, again, err)
	}
	for i, k := range somebody(3).Keys {
		w.sim.Add(fmt.Sprintf("%s %d", k.Kind, i), string(k.Kind)+":"+k.Value)
	}
	w.sim.Add("another", "email:"+match.Hash("p200@example.jp"))
	a, err := w.Write(ctx, id, spec, those(0, 100))
	w.done(t, id, a, err)
	a, err = w.Write(ctx, id, spec, those(101, 250))
	w.done(t, id, a, err)
	got, ok := w.sim.Members(id)
	if diff := cmp.Diff([]string{"another", "email 0", "email 1", "phone 2"}, got); diff != "" || !ok {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	if l, err := w.Look(ctx, id); err != nil || !l.Ready || l.Matched != 4 {
		t.Errorf("%+v, %v", l, err)
	}
	w.now = w.now.Add(w.Facts().Expires)
	if got, _ := w.sim.Members(id); len(got) != 0 {
		t.Errorf("after %v there are still %v", w.Facts().Expires, got)
	}
	w.sim.Use(id, true)
	if err := w.Delete(ctx, id); problemOf(t, err).Class != audiences.Refused || problemOf(t, err).Code != "211008" {
		t.Errorf("deleted while an ad group uses it: %v", err)
	}
	w.sim.Use(id, false)
	for range 2 {
		if err := w.Delete(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Look(ctx, id); problemOf(t, err).Class != audiences.Gone {
		t.Errorf("a list that is gone: %v", err)
	}
}

// make makes a list without looking for it, which a thousand times takes long.
func (w *world) make(t *testing.T, name string) error {
	t.Helper()
	l := audienceList{Name: name, Description: name, Content: &content{Type: "CUSTOMER_DATA"}}
	l.Content.Customer.Days = days
	return w.caller.Call(t.Context(), "POST", "/add", map[string]any{"accountId": w.account, "operand": []audienceList{l}}, nil)
}

// TestTooSmall: nothing is sent that Yahoo! would not take.
func TestTooSmall(t *testing.T) {
	w := start(t)
	id, err := w.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(t.Context(), id, spec, those(0, 49)) // two rows each
	if problemOf(t, err).Code != "too_small" || w.sim.Calls()["uploadUserList 200"] != 0 {
		t.Errorf("%v after %v", err, w.sim.Calls())
	}
	bad := errors.New("the tables are gone")
	_, err = w.Write(t.Context(), id, spec, func(yield func(*audiences.Member, error) bool) { yield(nil, bad) })
	if !errors.Is(err, bad) || w.sim.Calls()["uploadUserList 200"] != 0 {
		t.Errorf("%v after %v", err, w.sim.Calls())
	}
}

// TestTokenEnds: a token that has ended is had anew, also in the middle of an upload.
func TestTokenEnds(t *testing.T) {
	w, ctx := start(t), t.Context()
	id, err := w.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	w.sim.Forget()
	a, err := w.Write(ctx, id, spec, those(0, 60))
	w.done(t, id, a, err)
	w.sim.Revoke(true)
	if _, err := w.Look(ctx, id); problemOf(t, err).Class != audiences.Auth || problemOf(t, err).Code != "invalid_grant" {
		t.Errorf("the refresh token was taken back: %v", err)
	}
	w.sim.Revoke(false)
	if _, err := w.Look(ctx, id); err != nil {
		t.Error(err)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*world, string)
		want   audiences.Class
		code   string
	}{
		"the list is gone":          {func(w *world, id string) { w.sim.Drop(id) }, audiences.Gone, "110005"},
		"a test account":            {func(w *world, _ string) { w.sim.Test = true }, audiences.Refused, "0200"},
		"of another account":        {func(w *world, _ string) { w.sim.Login = "1" }, audiences.Auth, "0114"},
		"too many calls":            {func(w *world, _ string) { w.sim.Limits.PerMinute = 1 }, audiences.Rate, "429"},
		"a fault":                   {func(w *world, _ string) { w.sim.Fail(ads.Fault{Status: 503, Body: `{"errors": [{"code": "9999"}]}`}) }, audiences.Retry, "503"},
		"a gateway's page":          {func(w *world, _ string) { w.sim.Fail(ads.Fault{Status: 502, Body: `"<html>"`}) }, audiences.Retry, "502"},
		"an error with status 200":  {func(w *world, _ string) { w.sim.Fail(ads.Fault{Status: 200, Body: `{"errors": [{"code": "210003"}]}`}) }, audiences.Refused, "210003"},
		"no id in the answer":       {func(w *world, _ string) { w.sim.Fail(ads.Fault{Status: 200, Body: `{}`}) }, audiences.Retry, "answer"},
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
			_, err = w.Write(ctx, id, spec, those(0, 100))
			if p := problemOf(t, err); err == nil || p.Class != c.want || p.Code != c.code {
				t.Errorf("%+v, want %s %s: %v", p, c.want, c.code, err)
			}
		})
	}
}

// TestUploadsFail: an upload that Yahoo! cannot carry out is refused when it is asked for; so is one that it knows nothing of.
func TestUploadsFail(t *testing.T) {
	hash := match.Hash("p@example.jp")
	rows := func(n int) string { return "Email,Phone\n" + strings.Repeat(hash+",\n", n) }
	for name, c := range map[string]struct {
		file   string
		before func(*world)
		code   string
	}{
		"99 rows":             {rows(99), nil, "INVALID_FILE"},
		"not hashed":          {rows(100) + "p@example.jp,\n", nil, "INVALID_FILE"},
		"no heading":          {strings.Repeat(hash+",\n", 101), nil, "INVALID_FILE"},
		"a byte order mark":   {"\ufeff" + rows(100), nil, "INVALID_FILE"},
		"too big":             {rows(100), func(w *world) { w.sim.Limits.FileBytes = 6000 }, "INVALID_FILE"},
		"a fault of Yahoo!'s": {rows(100), func(w *world) { w.sim.FailUploads(1) }, "FAILED"},
		"taken":               {rows(100), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, ctx := start(t), t.Context()
			id, err := w.Create(ctx, spec)
			if err != nil {
				t.Fatal(err)
			}
			if c.before != nil {
				c.before(w)
			}
			a, err := w.send(ctx, id, io.NewSectionReader(strings.NewReader(c.file), 0, int64(len(c.file))))
			if err != nil {
				t.Fatal(err)
			}
			if a, err = w.Result(ctx, id, a.Call); err != nil || !a.Open {
				t.Fatalf("%+v, %v", a, err)
			}
			_, err = w.Result(ctx, id, a.Call)
			if p := problemOf(t, err); c.code != "" && (p.Class != audiences.Refused || p.Code != c.code) || c.code == "" && err != nil {
				t.Errorf("%+v, want %s: %v", p, c.code, err)
			}
		})
	}
	w := start(t)
	id, err := w.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	// In pieces, without its length.
	r, err := http.NewRequest(http.MethodPost, w.upload.Base+"/uploadUserList", struct{ io.Reader }{strings.NewReader("x")})
	if err != nil {
		t.Fatal(err)
	}
	if p := problemOf(t, w.upload.Do(t.Context(), r, nil)); p.Class != audiences.Refused || p.Code != "411" {
		t.Errorf("a file without its length: %+v", p)
	}
	if _, err := w.Result(t.Context(), id, "999"); problemOf(t, err).Class != audiences.Refused || problemOf(t, err).Code != "UNKNOWN_JOB" {
		t.Errorf("a job that is not known: %v", err)
	}
}

// TestListsThatAreNotTaken: what Yahoo! asks of a list.
func TestListsThatAreNotTaken(t *testing.T) {
	list := func(name string, days int) audienceList {
		l := audienceList{Name: name, Content: &content{Type: "CUSTOMER_DATA"}}
		l.Content.Customer.Days = days
		return l
	}
	for name, c := range map[string]struct {
		path string
		body map[string]any
		code string
	}{
		"181 days":        {"/add", map[string]any{"operand": []audienceList{list("x", 181)}}, "V0001"},
		"a long name":     {"/add", map[string]any{"operand": []audienceList{list(strings.Repeat("x", 101), 180)}}, "V0001"},
		"no name":         {"/add", map[string]any{"operand": []audienceList{list("", 180)}}, "R0001"},
		"a name twice":    {"/add", map[string]any{"operand": []audienceList{list("taken", 180)}}, "D0001"},
		"two at once":     {"/add", map[string]any{"operand": []audienceList{list("x", 180), list("y", 180)}}, "L0002"},
		"a page too long": {"/get", map[string]any{"numberResults": 1001}, "V0001"},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			if err := w.make(t, "taken"); err != nil {
				t.Fatal(err)
			}
			c.body["accountId"] = w.account
			if p := problemOf(t, w.caller.Call(t.Context(), "POST", c.path, c.body, nil)); p.Class != audiences.Refused || p.Code != c.code {
				t.Errorf("%+v, want %s", p, c.code)
			}
		})
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{{}, {Account: "x", ID: "a", Secret: "s", Refresh: "r"}, {Account: "1", Login: "x", ID: "a", Secret: "s", Refresh: "r"}, {Account: "1", ID: "a", Secret: "s"}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	if p, err := New(Config{Account: "1", ID: "a", Secret: "s", Refresh: "r"}); err != nil || p.caller.Base != "https://ads-display.yahooapis.jp/api/v19/AudienceListService" {
		t.Errorf("%+v, %v", p, err)
	}
}
