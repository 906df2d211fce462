package line

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi/channels/line"
	linesim "enishi/internal/sim/line"
	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

type world struct {
	sim *linesim.Server
	*Platform
	now time.Time
}

func start(t *testing.T, limits linesim.Limits) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)}
	w.sim = linesim.New(linesim.Config{ChannelToken: "token", Now: func() time.Time { return w.now }, Limits: limits})
	server := httptest.NewServer(w.sim)
	t.Cleanup(server.Close)
	channel, err := line.New(line.Config{Token: "token", BaseURL: server.URL, Client: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	w.Platform = New(channel)
	return w
}

var spec = &audiences.Spec{Audience: "vip", Title: strings.Repeat("優良顧客", 40)}

func (w *world) somebody(n int) audiences.Member {
	return audiences.Member{Keys: []match.Key{{Kind: match.LINE, Value: w.sim.UserID(fmt.Sprint("u", n))}}}
}

func class(t *testing.T, err error) audiences.Class {
	t.Helper()
	var p *audiences.Problem
	if !errors.As(err, &p) {
		return ""
	}
	if p.Msg == "" || p.MsgJA == "" {
		t.Errorf("without words: %+v", p)
	}
	return p.Class
}

func TestListLives(t *testing.T) {
	w, ctx := start(t, linesim.Limits{}), t.Context()
	id, err := w.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.Create(ctx, spec); err != nil || again != id {
		t.Fatalf("made twice: %s, %s, %v", id, again, err)
	}
	if other, err := w.Create(ctx, &audiences.Spec{Audience: "vip", Generation: 1, Title: "次"}); err != nil || other == id {
		t.Fatalf("the next list is the same: %v", err)
	}
	a, err := w.Add(ctx, id, spec, []audiences.Member{w.somebody(0), w.somebody(1)})
	if err != nil || a.Open {
		t.Fatalf("%+v, %v", a, err)
	}
	if _, err := w.Add(ctx, id, spec, []audiences.Member{w.somebody(1), w.somebody(2)}); err != nil {
		t.Fatal(err)
	}
	for _, ready := range []bool{false, true} {
		if l, err := w.Look(ctx, id); err != nil || l.Ready != ready || l.Matched != 3 {
			t.Errorf("%+v, %v", l, err)
		}
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{w.sim.UserID("u0"), w.sim.UserID("u1"), w.sim.UserID("u2")}
	slices.Sort(want)
	got, _ := w.sim.AudienceUsers(n)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := w.Remove(ctx, id, spec, nil); class(t, err) != audiences.Refused {
		t.Errorf("taken out: %v", err)
	}
	for range 2 {
		if err := w.Delete(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRefusals(t *testing.T) {
	tight := linesim.Documented()
	tight.Audiences = 0
	for name, c := range map[string]struct {
		limits linesim.Limits
		do     func(w *world, id string) error
		want   audiences.Class
	}{
		"expired": {do: func(w *world, id string) error {
			w.now = w.now.Add(181 * 24 * time.Hour)
			_, err := w.Add(t.Context(), id, spec, []audiences.Member{w.somebody(0)})
			return err
		}, want: audiences.Gone},
		"expired, looked at": {do: func(w *world, id string) error {
			w.now = w.now.Add(181 * 24 * time.Hour)
			_, err := w.Look(t.Context(), id)
			return err
		}, want: audiences.Gone},
		"failed at LINE": {do: func(w *world, id string) error {
			n, _ := strconv.ParseInt(id, 10, 64)
			w.sim.FailAudience(n, "INTERNAL_ERROR")
			_, err := w.Look(t.Context(), id)
			return err
		}, want: audiences.Gone},
		"deleted in the manager": {do: func(w *world, id string) error {
			n, _ := strconv.ParseInt(id, 10, 64)
			w.sim.DropAudience(n)
			_, err := w.Add(t.Context(), id, spec, []audiences.Member{w.somebody(0)})
			return err
		}, want: audiences.Gone},
		"the token is not valid": {do: func(w *world, id string) error {
			w.sim.Inject(linesim.Fault{Endpoint: "audience/add", Status: 401, Message: "Authentication failed"})
			_, err := w.Add(t.Context(), id, spec, []audiences.Member{w.somebody(0)})
			return err
		}, want: audiences.Auth},
		"too many calls": {do: func(w *world, id string) error {
			var err error
			for i := 0; i < 62 && err == nil; i++ {
				_, err = w.Add(t.Context(), id, spec, []audiences.Member{w.somebody(0)})
			}
			return err
		}, want: audiences.Rate},
		"a fault of LINE's": {do: func(w *world, id string) error {
			w.sim.Inject(linesim.Fault{Endpoint: "audience/add", Status: 500})
			_, err := w.Add(t.Context(), id, spec, []audiences.Member{w.somebody(0)})
			return err
		}, want: audiences.Retry},
		"too many audiences": {limits: tight, do: func(w *world, _ string) error {
			_, err := w.Create(t.Context(), spec)
			return err
		}, want: audiences.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, c.limits)
			id := ""
			if c.limits == (linesim.Limits{}) {
				var err error
				if id, err = w.Create(t.Context(), spec); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.do(w, id); class(t, err) != c.want {
				t.Errorf("%q, want %q: %v", class(t, err), c.want, err)
			}
		})
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{{"優良顧客", 2, "優良"}, {"𠮷野", 2, "𠮷"}, {"𠮷野", 1, ""}, {"a", 5, "a"}} {
		if got := cut(c.in, c.n); got != c.want {
			t.Errorf("%q at %d: %q", c.in, c.n, got)
		}
	}
}
