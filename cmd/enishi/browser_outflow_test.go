//go:build browser

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestBrowserOutflow: a marketer adds a destination. An address within the own network is refused with the reason; the right one is
// saved, takes a test, and its state and its key are seen; it is paused and goes on.
func TestBrowserOutflow(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"ja", "en"} {
		t.Run(lang, func(t *testing.T) {
			if lang == "en" && os.Getenv("ENISHI_FULL") == "" {
				t.Skip("walked by make test-full")
			}
			walkOutflow(t, lang)
		})
	}
}

func walkOutflow(t *testing.T, lang string) {
	answer := make(chan int, 1)
	answer <- http.StatusNoContent
	desk := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		code := <-answer
		answer <- code
		w.WriteHeader(code)
	}))
	defer desk.Close()
	s := start(t, []string{"ENISHI_WEBHOOK__INSIDE=" + strings.TrimPrefix(desk.URL, "http://")}, "--data", t.TempDir())
	key := s.enishi("key", "create", "--write", "site")
	d := &mailing{builder: builder{openBrowser(t)}, s: s}
	d.speak(lang)
	const form = `[role=dialog]`
	d.do("data out", chromedp.Navigate(s.base+"/outflow?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("no destination", d.w("outflow.none"), d.w("outflow.noneText"))
	d.checkPage("outflow-none-"+lang, lang == "ja")

	d.click("main", d.w("outflow.new"))
	d.fill(form, d.w("outflow.name"), map[string]string{"ja": "問い合わせ管理", "en": "Help desk"}[lang])
	d.fill(form, d.w("outflow.url"), "http://192.168.0.10/hooks")
	d.shot("outflow-form-" + lang)
	d.click(form, d.w("outflow.save"))
	d.see("the reason why not", map[string]string{"ja": "IP アドレスではなくホスト名を書いてください", "en": "names a number instead of a host"}[lang])
	d.axe("outflow-refused-" + lang)
	d.shot("outflow-refused-" + lang)
	d.fill(form, d.w("outflow.url"), desk.URL+"/hooks/enishi")
	d.click(form, map[string]string{"ja": "メールアドレス", "en": "E-mail address"}[lang])
	d.fill(form, d.w("outflow.purpose"), map[string]string{"ja": "問い合わせ管理を委託しているA社で、本人確認に使うため", "en": "To verify people at the help desk of company A"}[lang])
	d.click(form, map[string]string{"ja": "顧客の情報（属性・同意・リスト・ポイント）", "en": "Person (traits, permissions, lists, points)"}[lang])
	d.click(form, d.w("outflow.save"))
	d.see("it stands", map[string]string{"ja": "問い合わせ管理", "en": "Help desk"}[lang], d.w("outflow.state_running"), d.w("outflow.caughtUp"))
	d.click("main", d.w("outflow.test"))
	d.see("the test", d.w("outflow.testTaken"), "204")

	if n, err := s.post(key, []map[string]any{{"type": "person.identified", "id": "1", "occurred_at": time.Now().UTC().Format(time.RFC3339), "person": map[string]any{"email": "hana@shop.example"}}}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	eventually(t, 30*time.Second, "a change went out", func() error {
		var row struct{ Sent int64 }
		var list struct {
			Items []struct {
				Sent int64
			}
		}
		if err := s.call("GET", "/streams", nil, &list); err != nil {
			return err
		}
		if row = list.Items[0]; row.Sent != 1 {
			return io.ErrNoProgress
		}
		return nil
	})
	d.shot("outflow-" + lang)
	d.checkPage("outflow-"+lang, lang == "ja")

	// The receiver ends the agreement: what waits is held, and the page says why.
	<-answer
	answer <- http.StatusUnauthorized
	if n, err := s.post(key, []map[string]any{{"type": "person.identified", "id": "2", "occurred_at": time.Now().UTC().Format(time.RFC3339), "person": map[string]any{"email": "hana@shop.example"}}}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	d.see("it is held up", d.w("outflow.state_failing"), map[string]string{"ja": "署名キーかヘッダーの値が合っていません", "en": "it does not accept the signature"}[lang])
	d.shot("outflow-failing-" + lang)
	d.checkPage("outflow-failing-"+lang, lang == "ja")

	d.click("main", d.w("outflow.edit"))
	d.click(form, d.w("outflow.showKey"))
	d.see("the key", "whsec_")
	d.axe("outflow-edit-" + lang)
	d.shot("outflow-edit-" + lang)
	<-answer
	answer <- http.StatusOK
	d.click(form, d.w("cancel"))
	d.see("it goes on", d.w("outflow.state_running"))
	d.click("main", d.w("outflow.pause"))
	d.see("what a pause does", d.w("outflow.pauseText"))
	d.click(form, d.w("outflow.pause"))
	d.see("it is paused", d.w("outflow.state_paused"))
	d.click("main", d.w("outflow.resume"))
	d.see("it is on", d.w("outflow.state_running"))
}
