//go:build browser

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestBrowserSegmentPeople exports a segment's people, asks why somebody is in it, and deletes it although a journey uses it.
func TestBrowserSegmentPeople(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "--data", t.TempDir())
	key := s.enishi("key", "create", "--write")
	if n, err := s.post(key, []map[string]any{
		{"type": "identify", "userId": "anna", "messageId": "i-1", "traits": map[string]any{"email": "anna@shop.example", "family_name": "縁野", "given_name": "花"}},
		{"type": "track", "event": "Order Completed", "userId": "anna", "messageId": "o-1", "properties": map[string]any{"order_id": "O-1", "total": 5000, "currency": "JPY"}}}); err != nil || n != 2 {
		t.Fatalf("%d accepted: %v", n, err)
	}
	save := func(path string, body map[string]any) {
		t.Helper()
		if err := s.call("PUT", path, body, nil); err != nil {
			t.Fatal(err)
		}
	}
	save("/segments/buyers", map[string]any{"title": map[string]string{"ja": "購入者", "en": "Buyers"}, "expression": `last_order_at > ago("90d") && ltv < 10000`, "expect": 0})
	save("/journeys/thanks", map[string]any{"expect": 0, "definition": json.RawMessage(`{"title":{"ja":"お礼の旅","en":"Thanks"},"purpose":"marketing","consent":"opt_in","entry":{"segment":"buyers","reentry":"never"},
		"nodes":{"a":{"type":"wait","for":"1d","next":"z"},"z":{"type":"exit"}},"start":"a"}`)})
	s.settled(30 * time.Second)
	b := openBrowser(t)
	click := func(label string) {
		t.Helper()
		eventually(t, 20*time.Second, "a button "+label, func() error {
			if !js[bool](b, label, `(() => { const all = [...document.querySelectorAll("button")].filter(b => b.innerText.trim() === "`+label+`" && !b.disabled); all.at(-1)?.click(); return all.length > 0 })()`) {
				return errors.New("there is none")
			}
			return nil
		})
	}

	b.do("open the segment", chromedp.Navigate(s.base+"/segments/buyers?lang=ja"), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	b.see("the segment", "購入者", "書き出す")
	click("書き出す")
	b.see("the columns", "CSV に書き出す", "メール配信可", "入った理由", "1 人を書き出す")
	b.shot("export")
	b.axe("export")
	b.do("say why", chromedp.SendKeys(chromedp.CSS(`[role=dialog] input[required]`), "棚卸し"))
	click("1 人を書き出す")
	eventually(t, 20*time.Second, "the export is recorded", func() error {
		var l struct {
			Items []struct {
				Reason, Segment string
				Count           int
				Columns         []string
			}
		}
		if err := s.call("GET", "/exports", nil, &l); err != nil {
			return err
		}
		if len(l.Items) != 1 || l.Items[0].Reason != "棚卸し" || l.Items[0].Segment != "buyers" || l.Items[0].Count != 1 || l.Items[0].Columns[0] != "profile_id" {
			return fmt.Errorf("got %+v", l.Items)
		}
		return nil
	})
	b.quiet("the export")

	var people struct{ Items []struct{ ID string } }
	if err := s.call("GET", "/people?q=anna", nil, &people); err != nil || len(people.Items) != 1 {
		t.Fatalf("%d people, %v", len(people.Items), err)
	}
	b.do("open the person", chromedp.Navigate(s.base+"/people/"+people.Items[0].ID+"?lang=ja"), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	b.see("the person", "縁野 花", "なぜ入っている・入っていない")
	b.do("open the segments", chromedp.Click(chromedp.CSS(`input[placeholder="セグメントを選ぶ"]`)))
	eventually(t, 10*time.Second, "the segment is chosen", func() error { // the page has other lists too
		if !js[bool](b, "購入者", `(() => { const o = [...document.querySelectorAll("[role=option]")].find(o => o.offsetParent && o.innerText.trim() === "購入者"); o?.click(); return !!o; })()`) {
			return errors.New("it is not offered")
		}
		return nil
	})
	b.see("why", "入っています", "何もなければ", "○ 最終注文日時", "○ 累計購入額（LTV） ¥5,000", "決め手")
	b.shot("why")
	b.checkPage("why", true)
	b.quiet("why")

	b.do("open the segment", chromedp.Navigate(s.base+"/segments/buyers?lang=ja"), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	b.see("the segment", "購入者", "書き出す")
	click("削除")
	b.see("what uses it", "セグメントを削除しますか", "1 件で使われています: お礼の旅（開始条件）")
	b.shot("delete-used")
	click("削除")
	eventually(t, 20*time.Second, "the segment is gone", func() error {
		if s.call("GET", "/segments/buyers", nil, nil) == nil {
			return errors.New("it is there")
		}
		return nil
	})
	b.quiet("the deletion")
}
