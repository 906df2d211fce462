package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pushsim "enishi/internal/sim/push"
	smssim "enishi/internal/sim/sms"
)

// TestPushThenSMS walks notifications and SMS through the whole program against the simulators: an app subscribes and gets a
// step's message; when it is gone the next message goes by SMS; receipts, a stop word, and a number that is dead.
func TestPushThenSMS(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a real process")
	}
	t.Parallel()
	const key = "0123456789abcdef"
	var x *shop
	phones := smssim.New(smssim.Config{AggregatorURL: "http://shop.test/sms/default", AggregatorKey: key, After: time.Nanosecond,
		Post: func(ctx context.Context, address string, header http.Header, body []byte) (int, error) {
			u, err := url.Parse(address)
			if err != nil {
				return 0, err
			}
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, x.base+u.RequestURI(), bytes.NewReader(body))
			if err != nil {
				return 0, err
			}
			req.Header = header
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				return 0, err
			}
			return res.StatusCode, res.Body.Close()
		}})
	apps := pushsim.New(pushsim.Config{})
	sms, fcm := httptest.NewServer(phones), httptest.NewServer(apps)
	t.Cleanup(sms.Close)
	t.Cleanup(fcm.Close)
	file := filepath.Join(t.TempDir(), "fcm.json")
	if err := os.WriteFile(file, apps.Account(fcm.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	_, token := smssim.Credentials()
	x = openShop(t, t.TempDir(), 0, "ENISHI_SMS__PROVIDER=aggregator", "ENISHI_SMS__URL="+sms.URL, "ENISHI_SMS__TOKEN="+token, "ENISHI_SMS__KEY="+key,
		"ENISHI_PUSH__FCM="+file, "ENISHI_PUSH__FCM_ENDPOINT="+fcm.URL)
	for channel, content := range map[string]any{"push": map[string]any{"title": "発送しました", "body": "{{ customer.full_name }}様", "url": "https://shop.example/orders"}, "sms": map[string]any{"text": "【縁】{{ customer.full_name }}様、発送しました。"}} {
		x.put("template", "ship_"+channel, map[string]any{"name": "ship_" + channel, "channel": channel, "purpose": "transactional", "title": title("ship"), "missing": "blank",
			"variants": map[string]any{"ja": map[string]any{"content": content}}})
	}
	x.put("journey", "ship", map[string]any{"title": title("ship"), "purpose": "transactional", "consent": "not_refused", "entry": map[string]any{"event": "custom.ship", "reentry": "always"}, "start": "say", "state": "live",
		"nodes": map[string]any{"say": map[string]any{"type": "message", "channels": []string{"push", "sms"}, "templates": map[string]any{"push": "ship_push", "sms": "ship_sms"}, "next": "end"}, "end": map[string]any{"type": "exit"}}})

	post := func(events ...map[string]any) {
		t.Helper()
		if n, err := x.server.post(x.write, events); n != len(events) || err != nil {
			t.Fatal(n, err)
		}
		x.settled(30 * time.Second)
	}
	public := func(path string, body any) int {
		t.Helper()
		raw, _ := json.Marshal(body)
		req, _ := http.NewRequest(http.MethodPost, x.base+path, bytes.NewReader(raw))
		req.Header.Set("Authorization", "Bearer "+x.write)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	const phone = "+819012345678"
	post(map[string]any{"type": "person.identified", "id": "p1", "person": map[string]any{"customer_id": "c1", "phone": "090-1234-5678", "traits": map[string]any{"family_name": "佐藤", "given_name": "花子"}}})
	device := apps.Register("")
	if got := public("/push/subscribe", map[string]any{"token": device, "person": map[string]any{"customer_id": "c1"}, "text": "発送のお知らせを受け取る"}); got != http.StatusAccepted {
		t.Fatal(got)
	}
	if got := public("/push/subscribe", map[string]any{"token": "x y"}); got != http.StatusUnprocessableEntity {
		t.Error(got)
	}
	x.settled(30 * time.Second)
	ships := 0
	ship := func() {
		t.Helper()
		ships++
		post(map[string]any{"type": "custom.ship", "id": fmt.Sprint("ship-", ships), "person": map[string]any{"customer_id": "c1"}})
	}
	deliveries := func(want string) {
		t.Helper()
		eventually(t, 30*time.Second, want, func() error {
			var page struct {
				Items []struct{ Channel, State, Reason string }
			}
			if err := x.call("GET", "/deliveries?journey=ship", nil, &page); err != nil {
				return err
			}
			var got []string
			for i := len(page.Items) - 1; i >= 0; i-- {
				d := page.Items[i]
				reason, _, _ := strings.Cut(d.Reason, ":")
				got = append(got, strings.TrimSpace(d.Channel+" "+d.State+" "+reason))
			}
			if strings.Join(got, ", ") != want {
				return fmt.Errorf("%s", strings.Join(got, ", "))
			}
			return nil
		})
	}
	ship()
	deliveries("push sent")
	shown := apps.Shown()
	if len(shown) != 1 || !strings.Contains(string(shown[0].Payload), "佐藤 花子様") || !strings.Contains(string(shown[0].Payload), x.base+"/c/") {
		t.Fatalf("%+v", shown)
	}
	var payload struct{ Data struct{ URL, Report string } }
	if err := json.Unmarshal(shown[0].Payload, &payload); err != nil {
		t.Fatal(err)
	}
	if got := public(strings.TrimPrefix(payload.Data.Report, x.base)+"?e=shown", nil); got != http.StatusNoContent {
		t.Error(got)
	}

	// The app is removed: this message fails, the next goes by SMS.
	apps.Turn(device, "gone")
	ship()
	deliveries("push sent, push failed hard")
	x.quiet(30*time.Second, x.tables) // that the app is gone is folded
	ship()
	deliveries("push sent, push failed hard, sms sent")
	if sent := phones.Sent(); len(sent) != 1 || sent[0].To != phone || sent[0].Text != "【縁】佐藤 花子様、発送しました。" {
		t.Fatalf("%+v", sent)
	}
	var found struct{ Items []struct{ ID string } }
	if err := x.call("GET", "/people?q=c1", nil, &found); err != nil || len(found.Items) != 1 {
		t.Fatal(found, err)
	}
	events := func(want ...string) {
		t.Helper()
		eventually(t, 30*time.Second, strings.Join(want, ", "), func() error {
			var page struct{ Items []struct{ Type string } }
			if err := x.call("GET", "/people/"+found.Items[0].ID+"/timeline?limit=100", nil, &page); err != nil {
				return err
			}
			got := map[string]int{}
			for _, e := range page.Items {
				got[e.Type]++
			}
			for _, w := range want {
				if got[w] == 0 {
					return fmt.Errorf("%s is missing in %v", w, got)
				}
			}
			return nil
		})
	}
	events("message.delivered", "message.bounced", "consent.changed")
	if phones.Deliver(t.Context()) != 1 || phones.Counts()["receipt 200"] != 1 {
		t.Errorf("receipts: %v", phones.Counts())
	}
	// STOP in Japanese counts at once.
	if got := phones.Reply(t.Context(), "aggregator", phone, "配信停止"); got != http.StatusOK {
		t.Fatal(got)
	}
	events("sms.received")
	eventually(t, 30*time.Second, "the stop word", func() error {
		var p map[string]any
		if err := x.call("GET", "/people/"+found.Items[0].ID, nil, &p); err != nil {
			return err
		}
		raw, _ := json.Marshal(p["consents"])
		var list []map[string]any
		_ = json.Unmarshal(raw, &list)
		for _, c := range list {
			if c["channel"] == "sms" && c["state"] == "out" {
				return nil
			}
		}
		return fmt.Errorf("%s", raw)
	})
	// A dead number: the receipt suppresses it, and nobody is left to write to.
	phones.Set(phone, smssim.Dead)
	ship()
	deliveries("push sent, push failed hard, sms sent, sms sent")
	phones.Deliver(t.Context())
	x.settled(30 * time.Second)
	ship()
	x.settled(30 * time.Second)
	deliveries("push sent, push failed hard, sms sent, sms sent")
	if n := len(phones.Sent()); n != 2 {
		t.Errorf("%d SMS", n)
	}
}
