package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"enishi"
	"enishi/channels"
	"enishi/internal/stream"
	"enishi/journeys"
)

func TestProblems(t *testing.T) {
	t.Parallel()
	f := func(err error, status int, code, detail string) *problem {
		t.Helper()
		p, _ := problemOf(err)
		if p.Status != status || p.Code != code || !strings.Contains(p.Detail, detail) || p.DetailJA == "" {
			t.Errorf("%v: %+v", err, p)
		}
		return p
	}
	ja := func(code enishi.Code) error { return fmt.Errorf("context: %w", refusal(code, "what", "何か")) }
	f(ja(enishi.Invalid), 422, "invalid", "what")
	f(ja(enishi.NotFound), 404, "not_found", "what")
	f(ja(enishi.Conflict), 409, "conflict", "what")
	f(ja(enishi.Denied), 403, "denied", "what")
	if p := f(ja(enishi.Unavailable), 503, "unavailable", "what"); p.GetHeaders().Get("Retry-After") == "" {
		t.Error("unavailable does not say when to try again")
	}
	f(fmt.Errorf("x: %w", stream.ErrClosed), 503, "unavailable", "away")
	p := f(errors.New("password=hunter2 at /data/secret"), 500, "internal", "log")
	if text, _ := json.Marshal(p); strings.Contains(string(text), "hunter2") {
		t.Errorf("an internal error shows: %s", text)
	}
	if _, internal := problemOf(errors.New("x")); !internal {
		t.Error("an internal error is not logged")
	}
	if _, internal := problemOf(ja(enishi.Conflict)); internal {
		t.Error("a conflict is logged as ours")
	}
	p = f(journeys.Problems{{Code: enishi.Invalid, Field: "nodes.a.next", Msg: "first", MsgJA: "一", Line: 3, Col: 5}, {Code: enishi.Invalid, Msg: "second", MsgJA: "二"}}, 422, "invalid", "first (and 1 more)")
	if len(p.Errors) != 2 || p.Errors[0].Line != 3 || p.Errors[0].Location != "nodes.a.next" || p.Errors[1].MessageJA != "二" {
		t.Errorf("got %+v", p.Errors)
	}
	if p := f(unauthorized("x", "y"), 401, "unauthorized", "x"); p.GetHeaders().Get("WWW-Authenticate") == "" {
		t.Error("401 does not say how")
	}
}

func TestRefusalsOverHTTP(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	f := func(method, path string, body any, status int, location, ja string) {
		t.Helper()
		a := w.call(method, path, body).want(status)
		if ct := a.header.Get("Content-Type"); ct != "application/problem+json" {
			t.Errorf("%s %s: content type %q", method, path, ct)
		}
		var p problem
		if err := json.Unmarshal([]byte(a.text), &p); err != nil {
			t.Fatal(err)
		}
		if p.Status != status || p.RequestID != a.header.Get("X-Request-Id") || len(p.RequestID) != 32 || p.Title == "" || !japanese.MatchString(p.DetailJA) {
			t.Errorf("%s %s: %s", method, path, a.text)
		}
		if location == "" {
			return
		}
		if len(p.Errors) == 0 || p.Errors[0].Location != location || !strings.Contains(p.Errors[0].MessageJA, ja) {
			t.Errorf("%s %s: %s, want the place %q and %q", method, path, a.text, location, ja)
		}
	}
	f("GET", "/nothing", nil, 404, "", "")
	f("PATCH", "/people", nil, 405, "", "")
	f("POST", "/home", "{}", 405, "", "")
	f("GET", "/people?limit=0", nil, 422, "query.limit", "1 以上")
	f("GET", "/people?limit=many", nil, 422, "query.limit", "整数")
	f("GET", "/people?sort=height", nil, 422, "query.sort", "どれか")
	f("GET", "/people?cursor=what", nil, 422, "query.cursor", "next")
	f("GET", "/people/not-an-id", nil, 404, "", "")
	f("GET", "/people/"+strings.Repeat("0", 32), nil, 404, "", "")
	f("POST", "/people/"+strings.Repeat("0", 32)+"/consents", "{}", 422, "body", "必須")
	f("POST", "/people/"+strings.Repeat("0", 32)+"/hold", `{"reason":"x","surprise":1}`, 422, "body.surprise", "使えません")
	f("POST", "/people/"+strings.Repeat("0", 32)+"/hold", `{"reason":`, 400, "body", "JSON")
	f("GET", "/reports/revenue?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", nil, 422, "from", "期間")
	f("GET", "/reports/revenue?from=yesterday", nil, 422, "query.from", "日時")
	f("GET", "/home?after=somewhere", nil, 422, "query.after", "position")
	f("PUT", "/segments/Bad%20Name", map[string]any{"title": map[string]string{"ja": "x"}, "expression": "ltv > 1", "expect": 0}, 422, "path.name", "英小文字")
	f("PUT", "/segments/preview", map[string]any{"title": map[string]string{"ja": "x"}, "expression": "ltv > 1", "expect": 0}, 422, "path.name", "使えません")
	f("GET", "/definitions", nil, 422, "query.kind", "指定")
	f("POST", "/dead/"+strings.Repeat("0", 32)+"/replay", `{"raw":"{}"}`, 404, "", "")
	f("POST", "/alerts/"+strings.Repeat("0", 32)+"/close", "{}", 404, "", "")
	if a := w.call("GET", "/nothing", nil); a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers are %v", a.header)
	}
	big := w.call("POST", "/segments/preview", `{"expression":"`+strings.Repeat("a", 5<<20)+`"}`)
	if big.status != 413 || !strings.Contains(big.text, "大きすぎ") {
		t.Errorf("a body over the limit: %d %.200s", big.status, big.text)
	}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.Queues = func() []channels.QueueStatus { panic("secret detail") } })
	a := w.call("GET", "/sending", nil).want(500)
	if strings.Contains(a.text, "secret detail") || !strings.Contains(a.text, "request_id") {
		t.Errorf("got %s", a.text)
	}
	if !strings.Contains(w.log.String(), "secret detail") {
		t.Error("the log does not have it")
	}
}
