package api

import (
	"context"
	"errors"
	"testing"
	"time"

	"enishi"
	"enishi/internal/stream"
)

func TestPosition(t *testing.T) {
	t.Parallel()
	f := func(s string) {
		t.Helper()
		p, err := parsePosition(s)
		if err != nil || p.String() != s {
			t.Errorf("%s: %s, %v", s, p, err)
		}
	}
	f("orders/3@17")
	f("definitions/0@4,events/1@9,identities/0@1,web/0@1042")
	for _, bad := range []string{"", "orders", "orders/3", "orders/3@", "orders/x@1", "orders/1@-1", "orders/-1@1", "secrets/0@1", "orders/3@17,"} {
		if _, err := parsePosition(bad); enishi.ErrorCode(err) != enishi.Invalid {
			t.Errorf("%q: %v, want invalid", bad, err)
		}
	}
	p := positionOf([]stream.Record{{Topic: "web", Partition: 1, Offset: 4}, {Topic: "web", Partition: 1, Offset: 7}, {Topic: "web", Partition: 0, Offset: 2}})
	if p.String() != "web/0@3,web/1@8" {
		t.Errorf("got %s", p)
	}
}

func TestPollEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := poll(ctx, func() (bool, error) { return false, nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	n := 0
	if err := poll(t.Context(), func() (bool, error) { n++; return n == 3, nil }); err != nil || n != 3 {
		t.Errorf("got %v after %d", err, n)
	}
	bad := errors.New("bad")
	if err := poll(t.Context(), func() (bool, error) { return false, bad }); !errors.Is(err, bad) {
		t.Errorf("got %v", err)
	}
}

func TestMemo(t *testing.T) {
	t.Parallel()
	var m memo[int]
	asked := 0
	ask := func(context.Context) (int, error) { asked++; return asked, nil }
	get := func(fresh bool, want int) {
		t.Helper()
		if v, err := m.get(t.Context(), fresh, time.Hour, ask); err != nil || v != want {
			t.Errorf("got %d, %v; want %d", v, err, want)
		}
	}
	get(false, 1)
	get(false, 1)
	get(true, 2)
	get(false, 2)
	m.forget()
	get(false, 3)
	if _, err := m.get(t.Context(), true, time.Hour, func(context.Context) (int, error) { return 0, errNoRow }); err == nil {
		t.Error("an error was swallowed")
	}
	get(false, 3)
}
