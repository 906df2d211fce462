package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// runIn runs a command line in a locale.
func runIn(locale string, args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = run(args, streams{&o, &e, func() []string { return []string{"LANG=" + locale} }, nil})
	return code, o.String(), e.String()
}

// TestSegmentCheck works without a server.
func TestSegmentCheck(t *testing.T) {
	t.Parallel()
	f := func(expr, locale string, code int, want string) {
		t.Helper()
		got, out, errs := runIn(locale, "segment", "check", expr)
		if got != code || out+errs != want {
			t.Errorf("%s: exit %d\n%q\nwant %d\n%q", expr, got, out+errs, code, want)
		}
	}
	f(`orders_count >= 2`, "C", 0, "ok\n")
	f(`orders_cont >= 2`, "C", 1, "enishi: line 1, column 1: orders_cont is not known: did you mean orders_count?\n  orders_cont >= 2\n  ^\n")
	f("ltv > 1\n\t&& prefecture == \"東京都\" && x", "C", 1, "enishi: line 2, column 28: x is not known: did you mean max?\n  \t&& prefecture == \"東京都\" && x\n  \t                             ^\n")
	f(`ltv >`, "C", 1, "enishi: line 1, column 6: the expression ends too early: a value or a condition is missing\n  ltv >\n       ^\n")
	f(`ltv >`, "ja_JP.UTF-8", 1, "enishi: 1 行 6 文字目: 式が途中で終わっています。値または条件が必要です\n  ltv >\n       ^\n")
	dir := t.TempDir()
	file := filepath.Join(dir, "e")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("orders_count >= 2\n  && line_friend\n")
	f("@"+file, "C", 0, "ok\n")
	write(strings.Repeat("x", 10<<20))
	f("@"+file, "C", 1, "enishi: line 1, column 1: the expression is longer than 20000 bytes: split it into several segments\n")
	if code, _, errs := runIn("C", "segment", "check", "@"+file+".none"); code != 1 || !strings.Contains(errs, "read expression") {
		t.Errorf("a file that is not there: %d %s", code, errs)
	}
	if code, _, errs := runIn("C", "segment", "check"); code != 1 || !strings.Contains(errs, "one expression") {
		t.Errorf("without an expression: %d %s", code, errs)
	}
	if code, _, errs := runIn("C", "segment", "count", "ltv > 1", "--at", "soon"); code != 2 || !strings.Contains(errs, "2026-11-01") {
		t.Errorf("--at soon: %d %s", code, errs)
	}
}

// TestPicturedLongLine: a line of any length shows the place.
func TestPicturedLongLine(t *testing.T) {
	t.Parallel()
	expr := strings.Repeat("ltv > 1 && ", 100) + "nothing > 1"
	code, _, errs := runIn("C", "segment", "check", expr)
	shown := strings.Split(strings.TrimRight(errs, "\n"), "\n")
	if code != 1 || len(shown) != 3 || len(shown[1]) > maxPictured+2 || !strings.HasPrefix(shown[1][strings.Index(shown[2], "^"):], "nothing") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// TestSegmentCommands asks a running server; so does `enishi debug`.
func TestSegmentCommands(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "--data", t.TempDir())
	key := s.enishi("key", "create", "--write")
	var events []map[string]any
	for _, who := range []string{"anna", "bruno"} {
		events = append(events, map[string]any{"type": "identify", "userId": who, "messageId": "i-" + who, "traits": map[string]any{"email": who + "@shop.example", "nickname": "=" + who}})
	}
	events = append(events, map[string]any{"type": "track", "event": "Order Completed", "userId": "anna", "messageId": "o-1", "properties": map[string]any{"order_id": "O-1", "total": 5000, "currency": "JPY"}})
	if n, err := s.post(key, events); err != nil || n != len(events) {
		t.Fatalf("%d accepted: %v", n, err)
	}
	s.settled(30 * time.Second)
	do := func(locale string, code int, args ...string) string {
		t.Helper()
		got, out, errs := runIn(locale, append([]string{"segment"}, append(args, "--addr", s.base)...)...)
		if got != code {
			t.Fatalf("segment %v: exit %d, want %d: %s%s", args, got, code, out, errs)
		}
		return out + errs
	}
	var n segmentCount
	eventually(t, 20*time.Second, "the order is counted", func() error {
		if err := json.Unmarshal([]byte(do("C", 0, "count", "orders_count == 1", "--json")), &n); err != nil || n.Count != 1 || n.Base != 2 || n.CompleteThrough.IsZero() {
			return fmt.Errorf("count %+v: %w", n, err)
		}
		return nil
	})
	if out := do("ja_JP.UTF-8", 0, "count", "orders_count == 1"); !strings.HasPrefix(out, "対象: 1\n全体: 2\n反映済み: ") {
		t.Errorf("got %s", out)
	}
	if out := do("C", 0, "count", `last_order_at < ago("10d")`, "--at", time.Now().AddDate(0, 0, 30).Format(time.DateOnly)); !strings.HasPrefix(out, "count: 1\nbase: 2\n") {
		t.Errorf("in 30 days: %s", out)
	}
	rows, err := csv.NewReader(strings.NewReader(do("C", 0, "members", "has_email", "--columns", "customer_id,traits.nickname"))).ReadAll()
	if err != nil || len(rows) != 3 || rows[0][1] != "traits.nickname" || !strings.HasPrefix(rows[1][1], "'=") {
		t.Errorf("members %v %v", rows, err)
	}
	var line struct{ Email, Reasons string }
	if err := json.Unmarshal([]byte(do("ja_JP.UTF-8", 0, "members", "orders_count == 1", "--format", "json", "--columns", "email,reasons")), &line); err != nil || line.Email != "anna@shop.example" || line.Reasons != "注文回数 1" {
		t.Errorf("member %+v %v", line, err)
	}
	if out := do("C", 1, "members", "has_email", "--columns", "secret"); !strings.Contains(out, `there is no column "secret"`) {
		t.Errorf("got %s", out)
	}
	saveAndExplain(t, s, do)
	watchesBrowser(t, s, key)
}

// saveAndExplain asks by the name of a saved segment.
func saveAndExplain(t *testing.T, s *server, do func(locale string, code int, args ...string) string) {
	t.Helper()
	saved := map[string]any{"title": map[string]string{"ja": "購入者", "en": "Buyers"}, "expression": `last_order_at > ago("90d") && ltv < 10000`, "expect": 0}
	if err := s.call("PUT", "/segments/buyers", saved, nil); err != nil {
		t.Fatal(err)
	}
	if out := do("C", 0, "check", "--name", "buyers"); out != "ok\n" {
		t.Errorf("got %s", out)
	}
	eventually(t, 20*time.Second, "the saved segment is counted", func() error {
		if out := do("C", 0, "count", "--name", "buyers"); !strings.HasPrefix(out, "count: 1\n") {
			return errors.New(out)
		}
		return nil
	})
	out := strings.Split(do("C", 0, "explain", "--name", "buyers", "anna@shop.example"), "\n")
	if len(out) != 5 || !strings.Contains(out[0], ": in, until 20") || !strings.HasPrefix(out[2], `+      decides  last_order_at > ago("90d")  Latest order `) || !strings.Contains(out[3], "¥5,000") {
		t.Errorf("explain: %s", strings.Join(out, "\n"))
	}
	if out := do("ja_JP.UTF-8", 0, "explain", "--name", "buyers", "bruno"); !strings.Contains(out, ": 入っていません") || !strings.Contains(out, "最終注文日時なし") || strings.Count(out, "決め手") != 2 {
		t.Errorf("explain: %s", out)
	}
	if out := do("ja_JP.UTF-8", 1, "explain", "ltv > 1", "nobody@shop.example"); !strings.Contains(out, "顧客が見つかりません") {
		t.Errorf("got %s", out)
	}
	if out := do("C", 1, "count", "--name", "none"); !strings.Contains(out, "there is no such segment") {
		t.Errorf("got %s", out)
	}
	if out := do("C", 1, "count", "ltv > 1", "--workspace", "other"); out == "" {
		t.Error("a workspace that is not there counts")
	}
}
