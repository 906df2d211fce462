package channels

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"enishi"
)

// note opens a note in a folder of its own, or in dir.
func note(t *testing.T, dir string) *InHand {
	t.Helper()
	h, err := OpenInHand(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func key(n int) handKey { return handKey{enishi.NewID("k", fmt.Sprint(n)), n%3 + 1} }

// TestNote: the next process in the folder reads what the last one noted, once that has ended.
func TestNote(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := note(t, dir)
	for n := range 4 {
		if err := h.begin(key(n), 2); err != nil {
			t.Fatal(err)
		}
	}
	h.ended(key(1), 2, '=', `250 2.0.0 "queued" as 4F2`, "a b@shop.example")
	h.ended(key(2), 2, '-', "", "")
	h.ended(key(9), 1, 0x3d, "250", "") // was not begun
	h.forget(key(3))                    // the ledger has it: what the note says does not matter
	next := note(t, dir)
	if _, _, ok := next.found(h.owner, key(0), 2); ok {
		t.Error("the note of a running process is used")
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := h.begin(key(5), 1); err == nil {
		t.Error("something is begun without a note")
	}
	next = note(t, dir)
	for _, x := range []struct {
		n, attempt int
		begun      bool
		want       mark
	}{
		{0, 2, true, mark{attempt: 2, outcome: '+'}},
		{1, 2, true, mark{2, '=', `250 2.0.0 "queued" as 4F2`, "a b@shop.example"}},
		{2, 2, true, mark{attempt: 2, outcome: '-'}},
		{0, 3, false, mark{}}, // the next try of what was not taken had not begun
		{9, 1, false, mark{}},
	} {
		if m, begun, ok := next.found(h.owner, key(x.n), x.attempt); !ok || begun != x.begun || m != x.want {
			t.Errorf("%d try %d: %+v %t %t", x.n, x.attempt, m, begun, ok)
		}
	}
	for name, owner := range map[string]enishi.ID{"nobody": {}, "itself": next.owner, "another": enishi.NewID("k", "x")} {
		if _, _, ok := next.found(owner, key(0), 2); ok {
			t.Errorf("there is a note of %s", name)
		}
	}
	var none *InHand
	if _, _, ok := none.found(h.owner, key(0), 2); ok || !none.id().IsZero() {
		t.Error("no note tells something")
	}
}

// TestNoteIsNotTrusted: of a machine that was started since, or with a line that nobody understands, a note tells nothing; a
// line that was cut off had not been written.
func TestNoteIsNotTrusted(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name   string
		change func(text string) string
		ok     bool
	}{
		{"as it is", func(s string) string { return s }, true},
		{"cut off", func(s string) string { return s + "+ 00" }, true},
		{"another start of the machine", func(s string) string { return strings.Replace(s, handHeader+" ", handHeader+" x", 1) }, false},
		{"another version", func(s string) string { return strings.Replace(s, handHeader, "enishi in hand 2", 1) }, false},
		{"empty", func(string) string { return "" }, false},
		{"a line in pieces", func(s string) string { return s + "+ 00+ " + key(7).id.String() + " 1 1\n" }, false},
		{"no outcome of this kind", func(s string) string { return s + "? " + key(7).id.String() + " 1 1\n" }, false},
		{"no answer", func(s string) string { return s + "= " + key(7).id.String() + " 1 1\n" }, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			h := note(t, dir)
			if err := h.begin(key(1), 1); err != nil {
				t.Fatal(err)
			}
			h.Close()
			text, err := os.ReadFile(h.path(h.owner))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(h.path(h.owner), []byte(x.change(string(text))), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, begun, ok := note(t, dir).found(h.owner, key(1), 1); ok != x.ok || begun != x.ok {
				t.Errorf("begun %t, known %t", begun, ok)
			}
		})
	}
}

// TestNoteStaysSmall: it is begun anew with what still counts, and a folder does not keep notes for ever.
func TestNoteStaysSmall(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := note(t, dir)
	for n := range 30_000 {
		if err := h.begin(key(n), 1); err != nil {
			t.Fatal(err)
		}
		if n%1000 != 0 {
			h.ended(key(n), 1, '=', "250 2.0.0 queued", "x")
			h.forget(key(n))
		}
	}
	if info, err := os.Stat(h.path(h.owner)); err != nil || info.Size() > 2*handRewrite {
		t.Fatalf("%v %v", info, err)
	}
	h.Close()
	next := note(t, dir)
	for n := range 30 {
		if _, begun, ok := next.found(h.owner, key(1000*n), 1); !begun || !ok {
			t.Errorf("%d is forgotten", n)
		}
	}
	for range 2 * handKeep {
		note(t, dir).Close()
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(files) > handKeep+2 {
		t.Errorf("%d notes are kept, %v", len(files), err)
	}
	if _, err := os.Stat(next.path(next.owner)); err != nil {
		t.Errorf("the note of a running process is gone: %v", err)
	}
}
