package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	socialsim "enishi/internal/sim/social"
)

// shifted is a clock that a test moves.
type shifted struct {
	mu sync.Mutex
	by time.Duration
}

func (c *shifted) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.by)
}

func (c *shifted) set(by time.Duration) {
	c.mu.Lock()
	c.by = by
	c.mu.Unlock()
}

// TestSocialWindow walks direct messages through the whole program against the simulator: a story mention opens a window in
// which a step of a journey sends by Instagram; when it has closed the same step sends a mail. Words that stop advertising,
// links that say who comes, people who cannot be reached, receipts, a revoked token, webhooks of nobody.
func TestSocialWindow(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a real process")
	}
	t.Parallel()
	clock := &shifted{}
	sim := socialsim.New(socialsim.Config{AppSecret: "app", Now: clock.now, Accounts: []socialsim.Account{{ID: "2001", Platform: "instagram", Token: "token"}}})
	provider := httptest.NewServer(sim)
	t.Cleanup(provider.Close)
	env := "ENISHI_SOCIAL__ACCOUNTS__DEFAULT__"
	x := openShop(t, t.TempDir(), 0, env+"PLATFORM=instagram", env+"PAGE=2001", env+"TOKEN=token", env+"APP_SECRET=app", env+"VERIFY_TOKEN=verify", env+"ENDPOINT="+provider.URL, env+"HANDLE=shop")
	sim.SetWebhookURL(x.base + "/social/webhook/default")
	if err := sim.Verify(t.Context(), "verify"); err != nil {
		t.Fatal(err)
	}
	if err := sim.Verify(t.Context(), "other"); err == nil {
		t.Error("a handshake with another token")
	}
	x.put("setting", "brand", map[string]any{"name": "店", "address": "東京都千代田区丸の内1-1-1", "contact": "03-0000-0000"})
	x.put("template", "offer_social", map[string]any{"name": "offer_social", "channel": "social", "purpose": "marketing", "title": title("offer"), "missing": "blank",
		"variants": map[string]any{"ja": map[string]any{"content": map[string]any{"messages": []any{map[string]any{"text": "メンションありがとうございます。新作はこちら", "quick_replies": []any{map[string]any{"title": "見る"}}}}}}}})
	x.put("template", "offer_mail", map[string]any{"name": "offer_mail", "channel": "email", "purpose": "marketing", "title": title("mail"), "variants": map[string]any{
		"ja": map[string]any{"subject": "新作です", "html": "<!doctype html><html lang=\"ja\"><head><title>新作です</title></head><body><p>新作です</p><p>{{ brand.name }} {{ brand.address }} {{ brand.contact }}</p><a href=\"{{ links.unsubscribe }}\">配信を停止する</a></body></html>",
			"text": "新作です\n{{ brand.name }} {{ brand.address }} {{ brand.contact }}\nDM: {{ links.instagram }}\n配信停止: {{ links.unsubscribe }}\n"}}})
	x.put("journey", "offer", map[string]any{"title": title("offer"), "purpose": "marketing", "consent": "opt_in", "cap": map[string]string{"default": "none"}, "entry": map[string]any{"event": "custom.offer", "reentry": "always"}, "start": "say", "state": "live",
		"nodes": map[string]any{"say": map[string]any{"type": "message", "channels": []string{"social", "email"}, "templates": map[string]any{"social": "offer_social", "email": "offer_mail"}, "next": "end"}, "end": map[string]any{"type": "exit"}}})

	post := func(events ...map[string]any) {
		t.Helper()
		if n, err := x.server.post(x.write, events); n != len(events) || err != nil {
			t.Fatal(n, err)
		}
	}
	act := func(user string, a socialsim.Act) {
		t.Helper()
		if _, err := sim.Do("2001", user, a); err != nil {
			t.Fatal(err)
		}
		if err := sim.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	x.settled(30 * time.Second)
	offers := 0
	offer := func(user string) {
		t.Helper()
		offers++
		post(map[string]any{"type": "custom.offer", "id": fmt.Sprint("offer-", offers), "person": map[string]any{"social_id": user, "social_page": "2001"}})
		x.settled(30 * time.Second)
	}
	// known makes a customer of the page-scoped id, as a member page of the shop would tell it.
	known := func(user string) {
		t.Helper()
		post(map[string]any{"type": "person.identified", "id": "known-" + user, "person": map[string]any{"customer_id": "c-" + user, "email": "c-" + user + "@customer.example", "social_id": user, "social_page": "2001"},
			"consent": []any{map[string]any{"channel": "email", "state": "in", "method": "form"}}})
		x.settled(30 * time.Second)
	}
	type delivery struct{ Channel, State, Reason, Profile string }
	sent := func(who, social, mail string) {
		t.Helper()
		eventually(t, 30*time.Second, who, func() error {
			var found struct{ Items []struct{ ID string } }
			if err := x.call("GET", "/people?q=c-"+who, nil, &found); err != nil || len(found.Items) != 1 {
				return fmt.Errorf("%d people %w", len(found.Items), err)
			}
			var page struct{ Items []delivery }
			if err := x.call("GET", "/deliveries?limit=100&journey=offer", nil, &page); err != nil {
				return err
			}
			got := map[string][]string{}
			for i := len(page.Items) - 1; i >= 0; i-- {
				d := page.Items[i]
				if d.Profile != found.Items[0].ID {
					continue
				}
				got[d.Channel] = append(got[d.Channel], strings.TrimSpace(d.State+" "+d.Reason))
			}
			if a, b := strings.Join(got["social"], ", "), strings.Join(got["email"], ", "); a != social || b != mail {
				return fmt.Errorf("social: %s; mail: %s; want %s; %s", a, b, social, mail)
			}
			return nil
		})
	}

	known("11")
	offer("11") // has not written yet
	sent("11", "", "sent")
	act("11", socialsim.Act{Mention: "https://cdn.example/story.jpg"})
	x.settled(30 * time.Second)
	offer("11")
	sent("11", "sent", "sent")
	if got := sim.Received("11"); len(got) != 1 || !strings.Contains(string(got[0].Message), "メンションありがとう") || got[0].Type != "UPDATE" {
		t.Fatalf("%+v", got)
	}
	// What she has seen is an opened message.
	eventually(t, 30*time.Second, "the message was seen", func() error {
		act("11", socialsim.Act{Seen: sim.Received("11")[0].MessageID})
		return x.hasEvent("c-11", "message.opened")
	})
	// By the word she gets none of the two.
	act("11", socialsim.Act{Text: "配信停止"})
	x.settled(30 * time.Second)
	offer("11")
	sent("11", "sent", "sent, sent")

	// 24 hours and a bit later the same step sends a mail.
	known("12")
	clock.set(-24*time.Hour + 2*time.Second)
	act("12", socialsim.Act{Mention: "https://cdn.example/story.jpg"})
	clock.set(0)
	x.settled(30 * time.Second)
	eventually(t, 30*time.Second, "the window is closed", func() error {
		if until := sim.WindowUntil("2001", "12"); time.Now().Before(until) {
			return fmt.Errorf("open until %s", until)
		}
		return nil
	})
	offer("12")
	sent("12", "", "sent")
	var decisions struct {
		Items []struct {
			Channel, Reason string
			Checks          []struct {
				Name   string
				Detail struct{ EN string }
			}
		}
	}
	var twelve struct{ Items []struct{ ID string } }
	if err := x.call("GET", "/people?q=c-12", nil, &twelve); err != nil || len(twelve.Items) != 1 {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "a decision says when the window closed", func() error {
		if err := x.call("GET", "/people/"+twelve.Items[0].ID+"/decisions?limit=50", nil, &decisions); err != nil {
			return err
		}
		if !strings.Contains(fmt.Sprintf("%+v", decisions), "closed on ") {
			return fmt.Errorf("none: %+v", decisions)
		}
		return nil
	})

	// Somebody who blocked the account: the sender finds out, the mail takes over, and then she is not tried again.
	known("13")
	act("13", socialsim.Act{Text: "こんにちは"})
	if err := sim.Block("2001", "13", true); err != nil {
		t.Fatal(err)
	}
	x.settled(30 * time.Second)
	offer("13")
	sent("13", "refused unreachable", "sent")
	x.quiet(30*time.Second, x.tables) // that she cannot be reached is folded
	offer("13")
	sent("13", "refused unreachable", "sent, sent")

	// The link of a mail says who comes by it.
	post(map[string]any{"type": "person.identified", "id": "p14", "person": map[string]any{"customer_id": "c-14", "email": "c-14@customer.example"}, "consent": []any{map[string]any{"channel": "email", "state": "in", "method": "form"}}})
	x.settled(30 * time.Second)
	post(map[string]any{"type": "custom.offer", "id": "offer-14", "person": map[string]any{"customer_id": "c-14"}})
	sent("14", "", "sent")
	var outbox struct{ Items []struct{ ID, To string } }
	ref := ""
	eventually(t, 30*time.Second, "the mail with the link", func() error {
		if err := x.call("GET", "/outbox?limit=50", nil, &outbox); err != nil {
			return err
		}
		for _, m := range outbox.Items {
			var one struct{ Text string }
			if m.To != "c-14@customer.example" {
				continue
			}
			if err := x.call("GET", "/outbox/"+m.ID, nil, &one); err != nil {
				return err
			}
			// The short link of the text leads to the chat.
			link := regexp.MustCompile(`DM: (\S+)`).FindStringSubmatch(one.Text)
			if link == nil {
				return fmt.Errorf("no link in %q", one.Text)
			}
			plain := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			to := link[1]
			if strings.HasPrefix(to, x.base) {
				res, err := plain.Get(to)
				if err != nil {
					return err
				}
				res.Body.Close()
				to = res.Header.Get("Location")
			}
			if !strings.HasPrefix(to, "https://ig.me/m/shop?ref=") {
				return fmt.Errorf("the link leads to %q", to)
			}
			ref = strings.TrimPrefix(to, "https://ig.me/m/shop?ref=")
			return nil
		}
		return fmt.Errorf("no mail to c-14 among %d", len(outbox.Items))
	})
	act("14", socialsim.Act{Ref: ref})
	x.settled(30 * time.Second)
	post(map[string]any{"type": "custom.offer", "id": "offer-14b", "person": map[string]any{"customer_id": "c-14"}})
	sent("14", "sent", "sent")

	// A token that was taken back: nothing is lost, it leaves when the account works again.
	known("15")
	act("15", socialsim.Act{Text: "こんにちは"})
	sim.Revoke("2001", true)
	x.settled(30 * time.Second)
	offers++
	post(map[string]any{"type": "custom.offer", "id": "revoked", "person": map[string]any{"customer_id": "c-15"}})
	eventually(t, 30*time.Second, "the account is refused", func() error {
		if n := sim.Calls()["messages 400"]; n < 2 { // one was for who had blocked us
			return fmt.Errorf("%v", sim.Calls())
		}
		return nil
	})
	if got := sim.Received("15"); len(got) != 0 {
		t.Errorf("%+v", got)
	}

	// What the app did not sign is nobody's.
	forged, err := http.NewRequestWithContext(t.Context(), http.MethodPost, x.base+"/social/webhook/default", strings.NewReader(`{"object":"instagram","entry":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	forged.Header.Set("X-Hub-Signature-256", socialsim.Signature("another", []byte(`{"object":"instagram","entry":[]}`)))
	res, err := http.DefaultClient.Do(forged)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("a forged webhook: %d", res.StatusCode)
	}
}
