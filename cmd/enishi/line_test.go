package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	linesim "enishi/internal/sim/line"
)

// visitLINE tells the program what the LIFF app of an account would, and gives the state that it answers.
func (s *server) visitLINE(account string, tell map[string]any) (string, error) {
	b, _ := json.Marshal(tell)
	res, err := http.Post(s.base+"/line/open/"+account, "application/json", bytes.NewReader(b))
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %d: %s %w", res.StatusCode, text, err)
	}
	var out struct{ State string }
	err = json.Unmarshal(text, &out)
	return out.State, err
}

// TestLINEAccounts walks two official accounts through the whole program: webhooks of each, friends by source, linking by the
// LIFF app and by LINE's dialogue, unlinking, comparing friends, and a quota that lets the same node send a mail.
func TestLINEAccounts(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a real process")
	}
	t.Parallel()
	needEngine(t)
	second := linesim.New(linesim.Config{ChannelSecret: "secret2", ChannelToken: "token2"})
	provider := httptest.NewServer(second)
	t.Cleanup(provider.Close)
	x := openShop(t, t.TempDir(), 1, "ENISHI_LINE__ACCOUNTS__SHOP2__TOKEN=token2", "ENISHI_LINE__ACCOUNTS__SHOP2__SECRET=secret2", "ENISHI_LINE__ACCOUNTS__SHOP2__ENDPOINT="+provider.URL)
	x.line.SetWebhookURL(x.base + "/line/webhook/default")
	second.SetWebhookURL(x.base + "/line/webhook/shop2")
	setting := func(plan string) map[string]any {
		return map[string]any{"accounts": []any{map[string]any{"name": "default", "title": title("main"), "basic_id": "@enishi", "login": "1650000000", "liff": "1650000000-AbCdEfGh", "plan": "free", "reserve": json.Number(plan)},
			map[string]any{"name": "shop2", "title": title("shop2")}}}
	}
	x.put("setting", "line", setting("0"))
	x.put("setting", "line_sources", map[string]any{"sources": []any{map[string]any{"id": "till", "title": title("till"), "kind": "store", "store": "ginza"}}})
	// The setting is followed; until it is there the program has no LIFF app.
	hanako := lineUser(1)
	token, err := x.line.IDToken(hanako, "1650000000")
	if err != nil {
		t.Fatal(err)
	}
	var sources struct {
		Items []struct {
			ID, URL               string
			Came, Friends, Linked int
		}
	}
	eventually(t, 20*time.Second, "the source", func() error {
		if err := x.call("GET", "/line/sources", nil, &sources); err != nil || len(sources.Items) != 1 {
			return fmt.Errorf("%+v %w", sources, err)
		}
		return nil
	})
	u, _ := url.Parse(sources.Items[0].URL)
	s := strings.TrimPrefix(u.Path, "/line/f/")
	eventually(t, 20*time.Second, "a visit", func() error {
		_, err := x.visitLINE("default", map[string]any{"id_token": token, "source": s})
		return err
	})
	if _, err := x.line.Follow(hanako, "花子"); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Follow(hanako, "花子"); err != nil {
		t.Fatal(err)
	}
	for _, sim := range []*linesim.Server{x.line, second} {
		if err := sim.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	account := func(name string) (friends, linked int64) {
		for _, line := range lines(x.enishi("line", "accounts"))[1:] {
			if f := strings.Fields(line); f[0] == name {
				_, _ = fmt.Sscan(f[1]+" "+f[2], &friends, &linked)
			}
		}
		return friends, linked
	}
	is := func(what, name string, friends, linked int64) {
		t.Helper()
		eventually(t, 20*time.Second, what, func() error {
			if f, l := account(name); f != friends || l != linked {
				return fmt.Errorf("%s: %d friends, %d linked, want %d, %d", name, f, l, friends, linked)
			}
			return nil
		})
	}
	is("she follows both", "default", 1, 0)
	is("she follows both", "shop2", 1, 0)

	link := func(body map[string]any) url.Values {
		t.Helper()
		var to struct{ URL string }
		if err := x.call("POST", "/line/accounts/default/link", body, &to); err != nil {
			t.Fatal(err)
		}
		u, _ := url.Parse(to.URL)
		return u.Query()
	}
	nonce := link(map[string]any{"customer_id": "c-1"}).Get("link")
	if state, err := x.visitLINE("default", map[string]any{"id_token": token, "link": nonce}); state != "linked" || err != nil {
		t.Fatalf("%s %v", state, err)
	}
	is("she is a customer", "default", 1, 1)
	taro := lineUser(2)
	other, err := x.line.IDToken(taro, "1650000000")
	if err != nil {
		t.Fatal(err)
	}
	if state, err := x.visitLINE("default", map[string]any{"id_token": other, "link": nonce}); state != "refused" || err != nil {
		t.Errorf("a nonce is good twice: %s %v", state, err)
	}
	eventually(t, 20*time.Second, "the source counts her", func() error {
		if err := x.call("GET", "/line/sources", nil, &sources); err != nil || sources.Items[0].Came != 1 || sources.Items[0].Friends != 1 || sources.Items[0].Linked != 1 {
			return fmt.Errorf("%+v %w", sources, err)
		}
		return nil
	})
	if state, err := x.visitLINE("default", map[string]any{"id_token": token, "unlink": true}); state != "unlinked" || err != nil {
		t.Errorf("%s %v", state, err)
	}
	is("she took it back", "default", 1, 0)

	lineLinkByDialogue(t, x, taro, link)
	is("he linked by LINE's own way", "default", 2, 1)
	if out := x.enishi("line", "sync"); !strings.Contains(out, "listed 3, added 1, gone 0") { // one was a friend before the program began
		t.Errorf("%s", out)
	}
	is("one more is known", "default", 3, 1)

	quotaFallsBack(t, x, setting)
	unsentIsUnreadable(t, x)
}

// unsentIsUnreadable lets a person take a message back: what was written is in no raw row any more, another message is.
func unsentIsUnreadable(t *testing.T, x *shop) {
	t.Helper()
	hook := func(id, fields string) {
		t.Helper()
		body := fmt.Sprintf(`{"destination":"U0","events":[{"webhookEventId":%q,"timestamp":%d,"mode":"active","source":{"type":"user","userId":%q},"deliveryContext":{"isRedelivery":false},%s}]}`, id, time.Now().UnixMilli(), lineUser(1), fields)
		mac := hmac.New(sha256.New, []byte("secret"))
		mac.Write([]byte(body))
		req, err := http.NewRequest("POST", x.base+"/line/webhook/default", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Line-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		res, err := http.DefaultClient.Do(req)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatal(res, err)
		}
		res.Body.Close()
	}
	readable := func(text string) string {
		return strings.Join(x.tables.rows("SELECT count() FROM events WHERE position(record, '"+text+"') > 0"), "")
	}
	is := func(text, want string) {
		t.Helper()
		eventually(t, 30*time.Second, text, func() error {
			if got := readable(text); got != want {
				return fmt.Errorf("%s rows have %s, want %s", got, text, want)
			}
			return nil
		})
	}
	for i, text := range []string{"secret-one", "other-two"} {
		hook("01UNSENDA"+fmt.Sprint(i), fmt.Sprintf(`"type":"message","message":{"type":"text","id":"70000000%d","text":%q}`, i, text))
		is(text, "1")
	}
	hook("01UNSENDB", `"type":"unsend","unsend":{"messageId":"700000000"}`)
	is("secret-one", "0")
	is("other-two", "1")
	is("700000000", "2") // the message itself, without its words, and that it was taken back
}

// lineLinkByDialogue links a customer by LINE's link token, dialogue and webhook.
func lineLinkByDialogue(t *testing.T, x *shop, user string, link func(map[string]any) url.Values) {
	t.Helper()
	if _, err := x.line.Follow(user, "太郎"); err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest("POST", "/v2/bot/user/"+user+"/linkToken", nil)
	req.Header.Set("Authorization", "Bearer token")
	w := httptest.NewRecorder()
	x.line.ServeHTTP(w, req)
	var token struct{ LinkToken string }
	if err := json.Unmarshal(w.Body.Bytes(), &token); err != nil || token.LinkToken == "" {
		t.Fatal(w.Body.String())
	}
	q := link(map[string]any{"customer_id": "c-2", "link_token": token.LinkToken})
	if _, linked := x.line.LinkAccount(q.Get("linkToken"), q.Get("nonce")); !linked {
		t.Fatal("LINE does not link")
	}
	if err := x.line.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// quotaFallsBack lets the month's quota be kept for notices: the advertisement that does not fit goes by mail, from the same
// node of the journey.
func quotaFallsBack(t *testing.T, x *shop, setting func(string) map[string]any) {
	t.Helper()
	x.allHours()
	x.put("setting", "line", setting("200"))
	x.put("setting", "brand", map[string]any{"name": "店", "address": "東京都千代田区丸の内1-1-1", "contact": "03-0000-0000"})
	x.put("template", "paper", map[string]any{"name": "paper", "channel": "email", "purpose": "marketing", "title": title("paper"), "variants": map[string]any{
		"ja": map[string]any{"subject": "新作です", "html": "<!doctype html><html lang=\"ja\"><head><title>新作です</title></head><body><p>新作です</p><p>{{ brand.name }} {{ brand.address }} {{ brand.contact }}</p><a href=\"{{ links.unsubscribe }}\">配信を停止する</a></body></html>",
			"text": "新作です\n{{ brand.name }} {{ brand.address }} {{ brand.contact }}\n配信停止: {{ links.unsubscribe }}\n"}}})
	x.put("journey", "news", map[string]any{"title": title("news"), "purpose": "marketing", "consent": "opt_in", "entry": map[string]any{"event": "custom.news", "reentry": "always"}, "start": "say", "state": "live",
		"nodes": map[string]any{"say": map[string]any{"type": "message", "channels": []string{"line", "email"}, "templates": map[string]any{"line": "hello", "email": "paper"}, "next": "end"}, "end": map[string]any{"type": "exit"}}})
	person := map[string]any{"customer_id": "c-2", "email": "taro@shop.example"}
	if n, err := x.server.post(x.write, []map[string]any{{"type": "person.identified", "id": "p-2", "person": person, "consent": []any{map[string]any{"channel": "email", "state": "in", "method": "form"}}}}); n != 1 || err != nil {
		t.Fatal(err)
	}
	x.settled(30 * time.Second)
	if n, err := x.server.post(x.write, []map[string]any{{"type": "custom.news", "id": "news-1", "person": person}}); n != 1 || err != nil {
		t.Fatal(err)
	}
	var ledger struct {
		Items []struct{ Channel, State, Reason, Journey string }
	}
	eventually(t, 30*time.Second, "the mail takes the place of the LINE message", func() error {
		if err := x.call("GET", "/deliveries?limit=50", nil, &ledger); err != nil {
			return err
		}
		got := map[string]string{}
		for _, d := range ledger.Items {
			if d.Journey == "news" {
				got[d.Channel] = d.State + " " + d.Reason
			}
		}
		if got["line"] != "refused quota" || got["email"] != "sent " {
			return errors.New(fmt.Sprint(got))
		}
		return nil
	})
	if calls := x.line.Counts().Calls; calls["push 429"] != 0 {
		t.Errorf("LINE was asked all the same: %v", calls)
	}
}
