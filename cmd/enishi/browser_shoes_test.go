//go:build browser

package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// shoes is a shop on a virtual clock, with people who buy and look at shoes.
type shoes struct {
	*server
	t     *testing.T
	key   string
	begin time.Time // what days are counted from: the collector takes what is recent by the wall clock
}

func openShoes(t *testing.T) *shoes {
	t.Helper()
	s := &shoes{server: start(t, nil, "--data", t.TempDir()), t: t, begin: time.Now().UTC().Truncate(time.Second)}
	s.key = s.enishi("key", "create", "--write")
	s.clock(s.begin)
	return s
}

// ago is an instant so many days before the beginning.
func (s *shoes) ago(days int) string {
	return s.begin.AddDate(0, 0, -days).Add(-time.Hour).Format(time.RFC3339)
}

// clock moves on to an instant, and waits until everything due by then has been done.
func (s *shoes) clock(at time.Time) {
	s.t.Helper()
	eventually(s.t, 30*time.Second, "the clock moves on", func() error { return s.call("POST", "/clock", map[string]any{"at": at}, nil) })
	eventually(s.t, 60*time.Second, "nothing is due", func() error {
		var c struct {
			At   time.Time
			Busy bool
		}
		if err := s.call("GET", "/clock", nil, &c); err != nil {
			return err
		}
		if c.Busy || c.At.Before(at) {
			return fmt.Errorf("%+v", c)
		}
		return nil
	})
}

func (s *shoes) send(events ...map[string]any) {
	s.t.Helper()
	for i := range events {
		events[i]["messageId"] = fmt.Sprint(events[i]["userId"], events[i]["timestamp"], i)
	}
	if n, err := s.post(s.key, events); err != nil || n != len(events) {
		s.t.Fatalf("%d accepted: %v", n, err)
	}
	s.settled(30 * time.Second)
}

func (s *shoes) event(who, typ string, days int, properties map[string]any) map[string]any {
	return map[string]any{"type": "track", "event": typ, "userId": who, "timestamp": s.ago(days), "properties": properties}
}

func (s *shoes) friend(who, family, given string) []map[string]any {
	line := "U" + strings.Repeat("0", 32-len(who)) + who
	return []map[string]any{
		{"type": "identify", "userId": who, "timestamp": s.ago(300), "traits": map[string]any{"email": who + "@mail.example", "line_user_id": line, "family_name": family, "given_name": given, "consent": map[string]any{"line": "in"}}},
		{"type": "line.followed", "userId": who, "id": "follow-" + who, "occurred_at": s.ago(299), "person": map[string]any{"line_user_id": line}},
	}
}

func (s *shoes) order(who, number string, days, yen int) map[string]any {
	return s.event(who, "Order Completed", days, map[string]any{"order_id": number, "total": yen, "currency": "JPY", "products": []map[string]any{{"product_id": "p", "price": yen, "quantity": 1}}})
}

func (s *shoes) view(who string, days int) map[string]any {
	return s.event(who, "Product Viewed", days, map[string]any{"product_id": "p", "category": "靴"})
}

// TestBrowserSegmentLives: a newcomer builds by blocks who bought twice for more than 5,000 yen within a year, not in the last 90 days, is
// a LINE friend with consent and looked at shoes this week; sees count, reach and people, looks at the expression and back, saves,
// and sees people enter and leave as time passes, with why.
func TestBrowserSegmentLives(t *testing.T) {
	t.Parallel()
	s := openShoes(t)
	s.send(append(append(s.friend("aa", "縁野", "花"), s.friend("bb", "友野", "健")...),
		s.order("aa", "A1", 140, 6000), s.order("aa", "A2", 100, 7000), s.view("aa", 5),
		s.order("bb", "B1", 140, 6000), s.order("bb", "B2", 86, 8000), s.view("bb", 0))...)
	b := builder{openBrowser(t)}
	b.do("open the builder", chromedp.Navigate(s.base+"/segments/new?lang=ja"), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	b.write("名前", 0, "靴を見に戻ってきた人")
	b.write("内部名", 0, "shoes_again")
	b.write("フォルダ", 0, "掘り起こし")
	b.press("注文・行動の条件", 0)
	b.write("件数", 0, "2")
	b.write("期間", 0, "365")
	b.press("絞り込み", 0)
	b.choose("項目", -1, "支払合計")
	b.write("値", 0, "5000")
	b.press("注文・行動の条件", 0)
	b.choose("件数の条件", 1, "1 件もない")
	b.write("期間", 1, "90")
	b.press("顧客の条件", 0)
	b.choose("項目", -1, "LINE 友だち")
	b.press("顧客の条件", 0)
	b.choose("項目", -1, "配信許可（LINE）")
	b.press("注文・行動の条件", 0)
	b.choose("注文・行動の種類", 2, "商品閲覧")
	b.write("期間", 2, "7")
	b.press("絞り込み", 2)
	b.choose("項目", -1, "カテゴリ")
	b.choose("値", -1, "靴")
	b.see("count, reach and people", "対象", "どれも不可", "対象の例", "縁野 花")
	built := b.conditions()
	b.shot("shoes-ja")

	b.do("look at the expression", chromedp.Click(chromedp.CSS(`input[type=radio][value=text] + label`)), chromedp.WaitVisible(chromedp.CSS(`.cm-content`)))
	b.do("back to the blocks", chromedp.Click(chromedp.CSS(`input[type=radio][value=blocks] + label`)), chromedp.WaitVisible(chromedp.CSS(`main .block`)))
	if again := b.conditions(); again != built {
		t.Errorf("the blocks were\n%s\nand are\n%s", built, again)
	}
	// The arrows move a block, the focus goes with it, and undo takes it back.
	b.press("下へ移動", 0)
	eventually(t, 10*time.Second, "the focus goes with the block", func() error {
		if at := js[string](b.browser, "focus", `document.activeElement.getAttribute("aria-label") + " " + document.activeElement.closest("[data-place]")?.dataset.place`); at != "下へ移動 blocks.1" {
			return errors.New(at)
		}
		return nil
	})
	b.press("元に戻す", 0)
	if again := b.conditions(); again != built {
		t.Errorf("undo gives\n%s\nnot\n%s", again, built)
	}
	b.press("保存", 0)
	members := func(want int64) {
		t.Helper()
		eventually(t, 30*time.Second, fmt.Sprintf("%d members", want), func() error {
			var row struct {
				Members  int64
				Progress any
				Folder   string
			}
			err := s.call("GET", "/segments/shoes_again", nil, &row)
			if err == nil && (row.Members != want || row.Progress != nil || row.Folder != "掘り起こし") {
				err = fmt.Errorf("%+v", row)
			}
			return err
		})
	}
	members(1)

	s.clock(s.begin.AddDate(0, 0, 5)) // she looked at shoes ten days ago, his latest order is 91 days old
	members(1)
	b.do("look at who came and went", chromedp.Navigate(s.base+"/segments/shoes_again?lang=ja&tab=sizes&range=30d"), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	b.see("who came and went", "人数の推移", "最近の出入り", "縁野 花", "友野 健", "条件の公開で", "理由を見る")
	if rows := js[string](b.browser, "changes", `[...document.querySelectorAll("main table tbody tr")].slice(-3).map(r => r.innerText.replace(/\s+/g, " ").replace(/^.*?:\d\d /, "")).join(" | ")`); rows != "入った 友野 健 理由を見る | 出た 縁野 花 理由を見る | 入った 条件の公開で 縁野 花 理由を見る" {
		t.Errorf("the changes are %s", rows)
	}
	b.shot("sizes-ja")
	b.checkPage("sizes", true)
	b.quiet("a segment's life")
}

// TestBrowserSegmentList: folders, search, templates with their count, the overlap whose columns open their people, in both languages.
func TestBrowserSegmentList(t *testing.T) {
	t.Parallel()
	s := openShoes(t)
	s.send(append(append(s.friend("aa", "縁野", "花"), s.friend("bb", "友野", "健")...),
		s.order("aa", "A1", 20, 6000), s.order("bb", "B1", 140, 6000), s.order("bb", "B2", 20, 8000))...)
	for name, x := range map[string][3]string{"buyers": {"購入者", "orders_count >= 1", "基本"}, "again": {"二度目の人", "orders_count >= 2", "優良顧客"}, "friends": {"友だち", "line_friend", ""}} {
		if err := s.call("PUT", "/segments/"+name, map[string]any{"title": map[string]string{"ja": x[0], "en": name}, "expression": x[1], "folder": x[2], "expect": 0}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.call("PUT", "/rankings/spend", map[string]any{"title": map[string]string{"ja": "購入額", "en": "Spend"}, "measure": "ltv", "among": "orders_count >= 1", "by": map[string]any{"quantiles": 2}, "every": "manual", "expect": 0}, nil); err != nil {
		t.Fatal(err)
	}
	s.settled(30 * time.Second)
	b := builder{openBrowser(t)}
	b.do("open the console", chromedp.Navigate(s.base+"/"), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	for _, lang := range languages() {
		japanese := lang == "ja"
		word := func(ja, en string) string {
			if japanese {
				return ja
			}
			return en
		}
		js[string](b.browser, "theme", `(localStorage.setItem("mantine-color-scheme-value", "`+word("light", "dark")+`"), "set")`)
		b.do("open the list", chromedp.Navigate(s.base+"/segments?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`main tbody a`)))
		b.see("folders and trends", "基本", "優良顧客", word("フォルダなし", "No folder"), word("最新", "Up to date"), word("30 日の推移", "Last 30 days"))
		b.shot("segment-list-" + lang)
		b.checkPage("segment-list-"+lang, japanese)
		b.write(word("セグメントを検索", "Search segments"), 0, word("二度目", "again"))
		eventually(t, 10*time.Second, "one is found", func() error {
			if n := js[int](b.browser, "rows", `document.querySelectorAll("main tbody input[type=checkbox]").length`); n != 1 {
				return fmt.Errorf("%d rows", n)
			}
			return nil
		})
		b.do("open the list", chromedp.Navigate(s.base+"/segments?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`main tbody a`)))
		js[any](b.browser, "a template", `[...document.querySelectorAll("main button")].find(x => x.innerText.startsWith(`+fmt.Sprintf("%q", word("よく訪れる方", "Frequent visitors"))+`)).click()`)
		b.see("what a template finds", word("今の顧客のうち", "of your people now"), word("このテンプレートで作る", "Use this template"))
		b.shot("segment-template-" + lang)
		b.axe("segment-template-" + lang)

		b.do("open the rankings", chromedp.Navigate(s.base+"/segments/rankings?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`main tbody a`)))
		b.see("the cut points", word("購入額", "Spend"), word("同じ人数で 2 段階", "2 ranks of equal size"), word("いちばん下", "lowest"))
		b.shot("rankings-" + lang)
		b.checkPage("rankings-"+lang, false) // a measure is an expression
		b.do("open the overlap", chromedp.Navigate(s.base+"/segments/overlap?lang="+lang+"&s=buyers&s=again&s=friends"), chromedp.WaitVisible(chromedp.CSS(`.upset`)))
		b.see("the combinations", word("すべてに入っている", "In all of them"), word("全体に占める割合", "Share of all"))
		b.shot("overlap-" + lang)
		b.checkPage("overlap-"+lang, japanese)
		b.do("open a column", chromedp.Click(chromedp.CSS(`a.upset`)), chromedp.WaitVisible(chromedp.CSS(`main tbody a`)))
		b.see("its people", word("条件に合う人", "People by condition"), word("セグメントとして保存", "Save as a segment"))
		js[any](b.browser, "save them", `document.querySelector('main a[href^="/segments/new"]').click()`) // a mouse may miss it while the list loads
		b.do("save them", chromedp.WaitVisible(chromedp.CSS(`main .block`)))
		b.see("they are blocks", word("に入っている", "is in"))
		b.checkPage("overlap-blocks-"+lang, japanese)
		b.quiet("the list in " + lang)
	}
}
