package journeys

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestScenarios runs testdata/*.scenario, once as written and once strictly: each state written out and read back after each step, each
// timer tried too early. Both must do the same.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.scenario")
	if err != nil || len(files) < 8 {
		t.Fatalf("scenarios: %v %v", files, err)
	}
	ready := readySegments(t)
	for _, file := range files {
		t.Run(base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var prints [2]string
			for i, strict := range []bool{false, true} {
				s := Scenario{Text: text, Journey: readJourney, Templates: testTemplates, Segment: func(name string) (string, bool) { x, ok := ready[name]; return x, ok }}
				r := s.runner()
				r.restart, r.early = strict, strict
				r.run(text)
				for _, f := range r.result.Failures {
					t.Errorf("%s:%d: %s\n\texpected %v\n\thappened %s", file, f.Line, f.Text, f.Expected, f.Happened.EN)
				}
				if prints[i], err = r.fingerprint(); err != nil {
					t.Fatal(err)
				}
			}
			if prints[0] != prints[1] {
				t.Errorf("writing states out and reading them back changes what happens:\n%s\n----\n%s", prints[0], prints[1])
			}
		})
	}
}

// readJourney is a journey of the gallery or of testdata.
func readJourney(name string) ([]byte, error) {
	if body, err := gallery.ReadFile("gallery/" + name + ".json"); err == nil {
		return body, nil
	}
	return os.ReadFile("testdata/" + name + ".json")
}

func readDefinition(t testing.TB, name string) []byte {
	t.Helper()
	body, err := readJourney(name)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestScenarioFailures: what does not hold, and a line that cannot be done, is told with its line in both languages.
func TestScenarioFailures(t *testing.T) {
	t.Parallel()
	const head = "load cart_abandonment\nat 2026-02-02T10:00+09:00\nperson hanako email=h@a.test consent=email\n" +
		"event hanako cart.updated {\"web\":{\"cart_id\":\"k1\",\"value\":\"3300\",\"lines\":[{\"product_id\":\"p1\",\"price\":\"3300\"}]}}\nat +2h\n"
	f := func(lines string, want ...string) {
		t.Helper()
		s := Scenario{Text: []byte(head + lines), Journey: func(name string) ([]byte, error) {
			if name == "broken" {
				return nil, errors.New("no journey broken")
			}
			return readJourney(name)
		}, Templates: testTemplates}
		got := s.Run()
		if len(got.Failures) != len(want)/2 {
			t.Fatalf("%s: %+v", lines, got.Failures)
		}
		for i, x := range got.Failures {
			all := itoa(x.Line) + " " + x.Happened.EN
			ja := x.Happened.JA
			if x.Expected != nil {
				all, ja = itoa(x.Line)+" "+x.Expected.EN+" | "+x.Happened.EN, x.Expected.JA+" | "+x.Happened.JA
			}
			if all != want[2*i] || ja != want[2*i+1] {
				t.Errorf("%s\n got %s\nwant %s\n got %s\nwant %s", lines, all, want[2*i], ja, want[2*i+1])
			}
		}
	}
	f("expect sent hanako cart_mail 1")
	f("expect sent hanako cart_mail 2\nexpect run hanako cart_abandonment/k1 done",
		"6 2 of cart_mail | 1 were decided", "cart_mail は 2 通 | 1 通でした",
		"7 hanako stands at done of cart_abandonment/k1 | waits at watch until 2026-02-05T11:00:00+09:00 (k1)", "cart_abandonment/k1 の「done」にいる | 「watch」で 2026-02-05T11:00:00+09:00 まで待っています (k1)")
	f("expect sent hanako cart_line 1",
		"6 1 of cart_line | 0 were decided; the last decision: cart_line is not sent: address (no line address)", "cart_line は 1 通 | 0 通でした。最後の判断: cart_line を送らない: address（no line address）")
	f("expect decision hanako cart_line cap",
		"6 the decision about cart_line is cap  | cart_line is not sent: address (no line address)", "cart_line の判断は cap  | cart_line を送らない: address（no line address）")
	f("expect never hanako welcome\nexpect end hanako welcome goal", "7 welcome ends as goal | never entered", "welcome は goal で終わる | 一度も入っていません")
	f("expect sent taro cart_mail 1\nexpect never hanako welcome", "6 nobody is called taro", "「taro」という人はいません（person で先に書いてください）")
	f("expcet never hanako welcome", "6 there is no verb \"expcet\": use at, call, enter, event, exit, expect, load, person, publish, segment, sender, settings, sweep",
		"「expcet」という動詞はありません。at、call、enter、event、exit、expect、load、person、publish、segment、sender、settings、sweep のどれかにしてください")
	f("event hanako order.placed {\"order\":{\"id\":1}}", "6 the event cannot be read: json: unknown field \"id\"", "イベントを読めません: json: unknown field \"id\"")
	f("load broken", "6 no journey broken", "no journey broken")
	f(`settings {"holdout":80}`, "6 holdout: line 1, column 12: holdout is 0 to 50 per cent", "holdout: line 1, column 12: 配信しない比較グループ（holdout）は 0〜50（％）にしてください")
	f("# nothing", "6 the scenario expects nothing", "このシナリオには expect がありません")
}

func base(p string) string { return strings.TrimSuffix(filepath.Base(p), filepath.Ext(p)) }

// TestScenarioDocs: the examples of the documentation hold.
func TestScenarioDocs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/scenarios.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, part := range strings.Split(string(page), "```scenario\n")[1:] {
		text, _, _ := strings.Cut(part, "```")
		n++
		s := Scenario{Text: []byte(text), Journey: readJourney, Templates: testTemplates}
		if r := s.Run(); len(r.Failures) > 0 || r.Checks < 3 {
			t.Errorf("example %d: %+v", n, r)
		}
	}
	if n != 3 {
		t.Errorf("%d examples", n)
	}
}
