package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestScenarioCommand: definitions come from the folder and the gallery; what does not hold is named with its line, in the language of
// the environment, and the command fails.
func TestScenarioCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("thanks.yaml", `kind: template
name: shop_thanks
body: {channel: email, purpose: transactional, variants: {ja: {subject: "お礼", text: "ありがとうございます"}}}
---
kind: setting
name: journeys
body: {holdout: 0}
`)
	write("thanks.json", `{"title":{"ja":"お礼","en":"Thanks"},"state":"draft","purpose":"transactional","consent":"not_refused","entry":{"event":"order.placed","key":"order_id","reentry":"never"},
		"start":"say","nodes":{"say":{"type":"message","template":"shop_thanks","next":"end"},"end":{"type":"exit"}}}`)
	const head = "load thanks winback\nat 2026-02-02T10:00+09:00\nperson hanako email=h@a.test consent=email\nevent hanako order.placed {\"order\":{\"order_id\":\"o1\",\"total\":\"1000\"}}\n"
	good := write("good.scenario", head+"expect sent hanako shop_thanks 1\nat +91d\nexpect sent hanako winback_mail 1\n")
	bad := write("bad.scenario", head+"expect sent hanako shop_thanks 2\n")
	f := func(locale string, code int, want string, args ...string) {
		t.Helper()
		got, out, errs := runIn(locale, append([]string{"test"}, args...)...)
		if all := strings.ReplaceAll(out+errs, dir+"/", ""); got != code || all != want {
			t.Errorf("%v: exit %d\n%s\nwant %d\n%s", args, got, all, code, want)
		}
	}
	f("C", 0, "ok    good.scenario  2 expectations\n", good)
	f("C", 1, "FAIL  bad.scenario\nbad.scenario:5: expect sent hanako shop_thanks 2\n  expected  2 of shop_thanks\n  happened  1 were decided\nok    good.scenario  2 expectations\nenishi: 1 of 2 scenarios do not hold\n", dir)
	f("ja_JP.UTF-8", 1, "失敗  bad.scenario\nbad.scenario:5: expect sent hanako shop_thanks 2\n  期待  shop_thanks は 2 通\n  実際  1 通でした\nenishi: 1 件中 1 件のシナリオが期待どおりではありません\n", bad)
	f("C", 1, "enishi: no scenario is there: name files that end in .scenario, or folders of them\n", t.TempDir())
	var got struct {
		Items []struct {
			File     string
			Checks   int
			Failures []struct {
				Line               int
				Expected, Happened struct{ JA, EN string }
			}
		}
	}
	code, out, _ := runIn("C", "test", "--json", dir)
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 1 {
		t.Fatalf("exit %d: %v %s", code, err, out)
	}
	if x := got.Items; len(x) != 2 || len(x[0].Failures) != 1 || x[0].Failures[0].Line != 5 || x[0].Failures[0].Happened.JA != "1 通でした" || x[1].Checks != 2 || len(x[1].Failures) != 0 {
		t.Errorf("%+v", x)
	}
}

// TestScenarioCommandAsks: --server takes the newest version of what no file has.
func TestScenarioCommandAsks(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.String() {
		case "/api/v1/definitions?kind=journey&name=hello":
			_, _ = w.Write([]byte(`{"items":[{"version":9,"deleted":false},{"version":4,"deleted":false}]}`))
		case "/api/v1/definitions/journey/hello?version=9":
			_, _ = w.Write([]byte(`{"body":{"title":{"ja":"題","en":"T"},"purpose":"marketing","consent":"opt_in","entry":{"event":"user.signed_up","reentry":"never"},"start":"m",
				"nodes":{"m":{"type":"message","template":"welcome_mail","next":"x"},"x":{"type":"exit"}}}}`))
		default:
			_, _ = w.Write([]byte(`{"items":[]}`))
		}
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "a.scenario")
	text := "load hello\nat 2026-02-02T10:00+09:00\nperson hanako email=h@a.test consent=email\nevent hanako user.signed_up\nexpect sent hanako welcome_mail 1\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := runIn("C", "test", "--server", "--addr", server.URL, file); code != 0 || !strings.HasPrefix(out, "ok ") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	if code, out, errs := runIn("C", "test", file); code != 1 || !strings.Contains(out+errs, "there is no journey hello") {
		t.Errorf("without the server: exit %d: %s%s", code, out, errs)
	}
}

// TestDecisionsCommand finds the person and prints a sentence for each decision.
func TestDecisionsCommand(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.String() {
		case "/api/v1/people?limit=2&q=hanako%40mail.example":
			_, _ = w.Write([]byte(`{"items":[{"id":"11111111-1111-1111-1111-111111111111"}]}`))
		case "/api/v1/people?limit=2&q=090":
			_, _ = w.Write([]byte(`{"items":[{"id":"1"},{"id":"2"}]}`))
		case "/api/v1/people/11111111-1111-1111-1111-111111111111/decisions?limit=50":
			_, _ = w.Write([]byte(`{"items":[{"journey_title":{"ja":"カゴ落ち","en":"Cart"},"sent":false,"sentence":{"ja":"10:00 LINE: 今週の上限（2 通）に達していたため送りませんでした","en":"10:00 LINE: not sent because the cap of 2 per week was reached"}},
				{"journey_title":{"ja":"お礼","en":"Thanks"},"sent":true,"sentence":{"ja":"9:00 メール: 「お礼」を送りました","en":"9:00 Mail: sent “Thanks”"}}]}`))
		default:
			_, _ = w.Write([]byte(`{"items":[]}`))
		}
	}))
	defer server.Close()
	f := func(locale, person string, code int, want string, more ...string) {
		t.Helper()
		got, out, errs := runIn(locale, append([]string{"decisions", "--addr", server.URL, person}, more...)...)
		if got != code || out+errs != want {
			t.Errorf("%s: exit %d\n%s\nwant %d\n%s", person, got, out+errs, code, want)
		}
	}
	f("C", "hanako@mail.example", 0, "10:00 LINE: not sent because the cap of 2 per week was reached (“Cart”)\n9:00 Mail: sent “Thanks”\n")
	f("ja_JP.UTF-8", "hanako@mail.example", 0, "10:00 LINE: 今週の上限（2 通）に達していたため送りませんでした（「カゴ落ち」）\n9:00 メール: 「お礼」を送りました\n")
	f("C", "090", 1, "enishi: several people are found by \"090\": name one by profile id\n")
	f("C", "nobody", 0, "nothing has been decided about nobody\n")
	if code, out, _ := runIn("C", "decisions", "--addr", server.URL, "--json", "nobody"); code != 0 || strings.TrimSpace(out) != `{"items":[]}` {
		t.Errorf("--json: %d %s", code, out)
	}
}
