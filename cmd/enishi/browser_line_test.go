//go:build browser

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	linesim "enishi/internal/sim/line"
)

// spent is an official account of which a number of the month's messages is used already.
func spent(t *testing.T, name string, quota, used int) (*linesim.Server, []string) {
	t.Helper()
	sim := linesim.New(linesim.Config{ChannelSecret: "secret", ChannelToken: "token", MonthlyQuota: quota})
	provider := httptest.NewServer(sim)
	t.Cleanup(provider.Close)
	if err := sim.Befriend(lineUser(0), "友だち"); err != nil {
		t.Fatal(err)
	}
	for range used {
		body := `{"to": "` + lineUser(0) + `", "messages": [{"type": "text", "text": "以前のご案内"}]}`
		req, err := http.NewRequestWithContext(t.Context(), "POST", provider.URL+"/v2/bot/message/push", bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer token")
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%v %v", res, err)
		}
		res.Body.Close()
	}
	prefix := "ENISHI_LINE__"
	if name != "" {
		prefix += "ACCOUNTS__" + strings.ToUpper(name) + "__"
	}
	return sim, []string{prefix + "ENDPOINT=" + provider.URL, prefix + "TOKEN=token", prefix + "SECRET=secret"}
}

// TestBrowserLineAccounts: two official accounts with friends and quotas of their own, one above 80 %, one above 95 %; the sources
// of friends with QR codes; comparing with LINE's list is seen going on, ending and failing.
func TestBrowserLineAccounts(t *testing.T) {
	t.Parallel()
	first, env := spent(t, "", 10, 8)
	second, more := spent(t, "shop2", 20, 19)
	s := start(t, append(env, more...), "--data", t.TempDir())
	first.SetWebhookURL(s.base + "/line/webhook/default")
	s.put("setting", "line", map[string]any{"accounts": []any{
		map[string]any{"name": "default", "title": map[string]string{"ja": "縁コスメ", "en": "Enishi Cosmetics"}, "basic_id": "@enishi", "login": "1650000000", "liff": "1650000000-AbCdEfGh", "reserve": 1},
		map[string]any{"name": "shop2", "title": map[string]string{"ja": "銀座店", "en": "Ginza"}}}})
	for i := range 4 {
		if _, err := first.Follow(lineUser(1+i), "友だち"); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	key := s.enishi("key", "create", "--write")
	if n, err := s.post(key, []map[string]any{{"type": "person.identified", "id": "p-1", "person": map[string]any{"customer_id": "c-1", "line_user_id": lineUser(1)}}}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	s.settled(30 * time.Second)
	b := builder{openBrowser(t)}
	b.do("open the page", chromedp.Navigate(s.base+"/line-accounts?lang=ja"), chromedp.WaitVisible(chromedp.CSS(`main [data-quota]`)))
	b.see("no sources yet", "縁コスメ", "友だち追加の経路がまだありません")
	s.put("setting", "line_sources", map[string]any{"sources": []any{
		map[string]any{"id": "till", "title": map[string]string{"ja": "銀座店 レジ横", "en": "Ginza till"}, "kind": "store", "store": "ginza"},
		map[string]any{"id": "parcel", "title": map[string]string{"ja": "同梱カード", "en": "Card in the parcel"}, "kind": "parcel", "account": "shop2"}}})
	eventually(t, 20*time.Second, "the sources", func() error {
		var got struct{ Items []any }
		if err := s.call("GET", "/line/sources", nil, &got); err != nil || len(got.Items) != 2 {
			return fmt.Errorf("%v %w", got, err)
		}
		return nil
	})
	b.do("open the page again", chromedp.Navigate(s.base+"/line-accounts?lang=ja"), chromedp.WaitVisible(chromedp.CSS(`main article`)))
	b.see("the figures", "リッチメニュー", "@enishi", "25%", "1 人が会員として分かっています", "10 通のうち 8 通を使用", "販促に使える残り 1 通", "80% 以上を使用", "銀座店", "20 通のうち 19 通を使用", "95% 以上を使用",
		"30 日以内になし", "/line/webhook/shop2", "銀座店 レジ横", "店頭", "来た人", "LIFF アプリが未設定")
	eventually(t, 10*time.Second, "the quotas", func() error {
		if states := js[[]string](b.browser, "states", `[...document.querySelectorAll("[data-quota]")].map(e => e.dataset.quota)`); fmt.Sprint(states) != "[warn high]" {
			return fmt.Errorf("they are %v", states)
		}
		return nil
	})
	eventually(t, 10*time.Second, "the QR codes", func() error {
		if !js[bool](b.browser, "QR", `(() => { const all = [...document.querySelectorAll("main article img")]; all.forEach(i => i.scrollIntoView()); return all.length === 2 && all.every(i => i.complete && i.naturalWidth > 0); })()`) {
			return errors.New("are not drawn")
		}
		return nil
	})
	b.shot("line-accounts-ja")
	b.checkPage("line-accounts-ja", true)
	b.quiet("LINE accounts")
	b.lineSync(first, second)
	if full() {
		b.lineEnglish(s)
	}
}

// lineSync compares the first account, which is seen going on and ending, and the second, which LINE refuses.
func (b builder) lineSync(first, second *linesim.Server) {
	first.Inject(linesim.Fault{Endpoint: "followers", Times: 1, Stall: 1500 * time.Millisecond})
	second.Inject(linesim.Fault{Endpoint: "followers", Status: http.StatusForbidden, Message: "Access to this API is not available for your account"})
	b.press("友だちを照合", 0)
	b.see("it goes on", "照合中です")
	b.shot("line-accounts-running")
	// The friend whom the account wrote to before the program began is on LINE's list alone.
	b.see("it ends", "一覧 5 人・新しく分かった人 1 人・一覧にいない人 0 人")
	b.press("友だちを照合", 1)
	b.see("it is refused", "照合できませんでした", "認証済み")
	b.shot("line-accounts-refused")
	b.quiet("comparing")
}

// lineEnglish looks at the page in English and dark, and copies a link.
func (b builder) lineEnglish(s *server) {
	b.t.Helper()
	js[string](b.browser, "theme", `(localStorage.setItem("mantine-color-scheme-value", "dark"), "set")`)
	b.do("in English", chromedp.Navigate(s.base+"/line-accounts?lang=en"), chromedp.WaitVisible(chromedp.CSS(`main article`)))
	b.see("the figures in English", "Enishi Cosmetics", "80 % or more used", "95 % or more used", "Ginza till", "newly known 1", "The comparison failed")
	js[bool](b.browser, "the clipboard, which a browser without a window keeps to itself", `(() => { navigator.clipboard.writeText = async s => { window.pasted = s; }; return true; })()`)
	b.press("Copy Link", 0)
	b.see("it is copied", "Copied")
	if got := js[string](b.browser, "what is copied", `window.pasted`); !strings.Contains(got, "/line/f/") {
		b.t.Errorf("the clipboard has %q", got)
	}
	b.shot("line-accounts-en")
	b.checkPage("line-accounts-en", false)
	b.quiet("LINE accounts in English")
}
