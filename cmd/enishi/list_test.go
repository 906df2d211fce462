package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestApplyAndLists saves a definition of each kind from a file, then fills the list in every way.
func TestApplyAndLists(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "--data", t.TempDir())
	key := s.enishi("key", "create", "--write")
	var events []map[string]any
	for _, who := range []string{"anna", "bruno", "chika"} {
		events = append(events, map[string]any{"type": "identify", "userId": who, "messageId": "i-" + who, "traits": map[string]any{"email": who + "@shop.example"}})
	}
	events = append(events, map[string]any{"type": "track", "event": "Order Completed", "userId": "anna", "messageId": "o-1", "properties": map[string]any{"order_id": "O-1", "total": 5000, "currency": "JPY"}})
	if n, err := s.post(key, events); err != nil || n != len(events) {
		t.Fatalf("%d accepted: %v", n, err)
	}
	s.settled(30 * time.Second)
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	do := func(code int, args ...string) string {
		t.Helper()
		got, out, errs := runIn("C", append(args, "--addr", s.base)...)
		if got != code {
			t.Fatalf("%v: exit %d, want %d: %s%s", args, got, code, out, errs)
		}
		return out + errs
	}
	if out := do(0, "hold", "anna@shop.example", "--reason", "返品対応中", "--until", "2198-12-24"); !strings.Contains(out, "until the end of 2198-12-24") {
		t.Errorf("hold: %s", out)
	}
	do(1, "hold", "anna@shop.example", "--reason", "x", "--until", "2001-01-01")
	do(1, "hold", "anna@shop.example")
	do(1, "hold", "nobody@shop.example", "--reason", "x")
	for _, want := range []int{0, 1} { // released, and then there is nothing to release
		eventually(t, 30*time.Second, "the hold is seen", func() error {
			if code, out, errs := runIn("C", "hold", "anna", "--release", "--addr", s.base); code != want {
				return fmt.Errorf("exit %d: %s%s", code, out, errs)
			}
			return nil
		})
	}
	file := write("all.yaml", `{kind: journey, name: split, body: {title: {ja: 分ける, en: Split}, purpose: transactional, consent: not_refused, state: draft, entry: {event: order.placed, reentry: never}, start: ask,
  nodes: {ask: {type: branch, branches: [{if: 'in_list("fair") || in_segment("known") || top("best") || distance("S1") < 5', next: end}], else: end}, end: {type: exit}}}}
---
{kind: segment, name: known, body: {title: {en: Known}, expression: 'has_email && !in_list("staff")'}}
---
{kind: list, name: fair, body: {title: {ja: 展示会, en: Fair}, folder: events}}
---
{kind: list, name: staff, body: {title: {en: Staff}}}
---
{kind: ranking, name: best, body: {title: {en: Best}, measure: ltv, by: {top: 2}, every: manual}}
---
{kind: store, name: S1, body: {title: {en: Ginza}, lat: 35.67, lon: 139.76}}
---
{kind: block, name: footer, body: {variants: {ja: {html: <p>店</p>}}}}
---
{kind: words, name: house, body: {title: {ja: 言葉, en: House}, use: claim, severity: warning, words: [{word: 激安}]}}
---
{kind: setting, name: segments, body: {}}
`)
	out := do(0, "apply", file)
	for _, want := range []string{"journey split", "segment known", "list fair", "ranking best", "store S1", "block footer", "words house", "setting segments"} {
		if !strings.Contains(out, "saved "+want+"\n") {
			t.Errorf("no %s in %s", want, out)
		}
	}
	do(0, "apply", file) // over what is there
	ids := write("ids.csv", "name,email\nA,anna@shop.example\nN,nobody@shop.example\n")
	if out := do(0, "list", "add", "fair", ids, "--upload", "u1"); out != "changed: 1\nalready: 0\nnot found: 1\nline 3: nobody@shop.example: nobody has it\n" {
		t.Errorf("add: %s", out)
	}
	members := func(want string) {
		t.Helper()
		eventually(t, 20*time.Second, "the list has "+want, func() error {
			if out := do(0, "list", "ls"); !strings.Contains(strings.Join(strings.Fields(out), " "), "fair Fair "+want+" split") {
				return errors.New(out)
			}
			return nil
		})
	}
	members("1")
	eventually(t, 20*time.Second, "the snapshot is whole", func() error {
		if out := do(0, "segment", "count", "--name", "known"); !strings.HasPrefix(out, "count: 3\n") {
			return errors.New(out)
		}
		return nil
	})
	if out := do(0, "list", "snapshot", "fair", "known", "--reason", "the fair"); !strings.HasPrefix(out, "changed: 2\nalready: 1\nnot found: 0\n") {
		t.Errorf("snapshot: %s", out)
	}
	members("3")
	do(0, "list", "remove", "fair", ids)
	members("2")
	if out := do(0, "list", "top", "staff", "1", "ltv"); !strings.HasPrefix(out, "changed: 1\n") {
		t.Errorf("top: %s", out)
	}
	if out := do(0, "list", "random", "staff", "3", "known", "--seed", "x"); !strings.HasPrefix(out, "changed: ") {
		t.Errorf("random: %s", out)
	}
	if out := do(0, "list", "show", "fair"); strings.Count(out, "\n") != 4 || !strings.Contains(out, "the fair") || !strings.Contains(out, "remove ids") {
		t.Errorf("show: %s", out)
	}
	do(1, "list", "add", "none", ids)
	do(1, "list", "random", "fair", "0", "known")
}
