package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSimulateBody: the journey comes from a file as of apply, from a body alone, or is a saved one.
func TestSimulateBody(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	from := instantFlag{time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)}
	for name, x := range map[string]struct {
		journey, named, refused string
		saved                   bool
	}{
		"of apply":   {journey: write("a.yaml", "kind: journey\nname: cart\nbody: {title: {ja: x}}\n"), named: "cart"},
		"body alone": {journey: write("Winter.json", `{"title": {"ja": "x"}, "start": "a"}`), named: "winter"},
		"saved":      {journey: "cart_abandonment", named: "cart_abandonment", saved: true},
		"a segment":  {journey: write("b.yaml", "kind: segment\nname: vip\nbody: {expression: x}\n"), refused: "this is a segment"},
		"no file":    {journey: filepath.Join(dir, "none.yaml"), refused: "read journey"},
		"no YAML":    {journey: write("c.yaml", "{"), refused: "c.yaml"},
	} {
		c := simulateCommand{Journey: x.journey, From: from, Sample: 100, Days: 7}
		named, body, err := c.body()
		switch {
		case x.refused != "":
			if err == nil || !strings.Contains(err.Error(), x.refused) {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil || named != x.named || (body["definition"] == nil) != x.saved || body["from"] != from.Time:
			t.Errorf("%s: %s %v %v", name, named, body, err)
		}
	}
}

// TestSimulatePrint: what a person reads, in both languages, beside the live version.
func TestSimulatePrint(t *testing.T) {
	number := func(of string, n int64) simulatedNumber { return simulatedNumber{of, n, n - 1} }
	x := &simulated{Journey: "cart", Result: &simulatedResult{People: 9, Entered: number("entered", 7), NotSent: []simulatedNumber{number("not_sent:cap", 3)}, Cost: "12.5", Currency: "JPY", Unpriced: []string{"line"}},
		Live: &simulatedResult{People: 9, Entered: number("entered", 5)}, Words: map[string]sidedText{"not_sent:cap": {"配信回数の上限に達した", "the frequency cap"}}}
	x.Result.Observed.Days = 7
	for language, want := range map[string][]string{
		"ja_JP.UTF-8": {"開始                               7 (6)          5 (4)", "送らず: 配信回数の上限に達した", "12.5 JPY (単価なし: line)", "7 日以内の売上", "配信の効果ではありません"},
		"en_US.UTF-8": {"entered", "not sent: the frequency cap", "12.5 JPY (no price: line)", "revenue within 7 days", "observed, not caused"},
	} {
		var out bytes.Buffer
		if err := x.print(streams{out: &out, environ: func() []string { return []string{"LANG=" + language} }}); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(strings.Join(strings.Fields(out.String()), " "), strings.Join(strings.Fields(w), " ")) {
				t.Errorf("%s: no %q in\n%s", language, w, out.String())
			}
		}
	}
}
