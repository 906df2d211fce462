//go:build browser

package main

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	linesim "enishi/internal/sim/line"
)

// linePages is a shop with one official account, as somebody sees it who sets up what LINE shows beside messages.
type linePages struct {
	*mailing
	sim *linesim.Server
}

// picture writes a PNG of coloured fields, 3 wide and 2 high.
func picture(t *testing.T, name string, width, height int) string {
	t.Helper()
	fields := []color.RGBA{{156, 61, 68, 255}, {197, 92, 101, 255}, {216, 145, 151, 255}, {84, 104, 132, 255}, {123, 155, 201, 255}, {140, 171, 216, 255}}
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for x := range width {
		for y := range height {
			m.SetRGBA(x, y, fields[y*2/height*3+x*3/width])
		}
	}
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	if err == nil {
		err = errors.Join(png.Encode(f, m), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBrowserLINEPages: an auto reply is written, tried and answers a friend; a rich menu gets a picture, areas and what a tap
// does, and the friend of its segment sees it; an account says which secrets it lacks; a source gets its QR code; a coupon is made
// and ended. In Japanese; English and dark are looked at.
func TestBrowserLINEPages(t *testing.T) {
	t.Parallel()
	longWalk(t)
	sim, env := spent(t, "", 1000, 0)
	s := start(t, env, "--data", t.TempDir())
	sim.SetWebhookURL(s.base + "/line/webhook/default")
	s.put("setting", "line", map[string]any{"accounts": []any{map[string]any{"name": "default", "title": map[string]string{"ja": "縁コスメ", "en": "Enishi Cosmetics"}}}})
	s.put("segment", "tokyo", map[string]any{"title": map[string]string{"ja": "東京の方", "en": "Tokyo"}, "expression": `traits.prefecture == "東京都"`})
	if _, err := sim.Follow(lineUser(1), "友だち"); err != nil {
		t.Fatal(err)
	}
	if err := sim.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	key := s.enishi("key", "create", "--write")
	if n, err := s.post(key, []map[string]any{{"type": "person.identified", "id": "p-1", "person": map[string]any{"line_user_id": lineUser(1), "traits": map[string]any{"prefecture": "東京都"}}}}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	s.settled(30 * time.Second)
	d := linePages{&mailing{builder: builder{openBrowser(t)}, s: s}, sim}
	d.speak("ja")
	d.replies()
	d.richMenu()
	d.accounts()
	d.coupon()
	d.shown()
	d.english()
}

func (d linePages) open(path string) {
	d.t.Helper()
	d.do("open "+path, chromedp.Navigate(d.s.base+path), chromedp.WaitVisible(chromedp.CSS(`main h1`)))
}

// option opens a list that cannot be typed into, and takes a word of it.
func (d linePages) option(within, label, word string) {
	d.t.Helper()
	d.fill(within, label, "")
	js[any](d.browser, label, `document.querySelector("[data-here]").click()`)
	eventually(d.t, 10*time.Second, "the option "+word, func() error {
		if !js[bool](d.browser, word, fmt.Sprintf(`(() => { const o = [...document.querySelectorAll("[role=option]")].find(o => o.offsetParent && o.innerText.trim() === %q); o?.click(); return !!o; })()`, word)) {
			return errors.New("is not offered")
		}
		return nil
	})
}

func (d linePages) replies() {
	d.t.Helper()
	d.open("/line-accounts/replies?lang=ja")
	d.see("nothing yet", d.w("replies.none"), d.w("replies.stopping"))
	d.click("main", d.w("replies.new"))
	d.fill("[role=dialog]", d.w("segment.title"), "営業時間")
	d.fill("[role=dialog]", d.w("replies.words"), "営業時間、何時まで")
	d.fill("[role=dialog]", d.w("replies.text_ja"), "10 時から 19 時まで営業しています。")
	d.shot("line-reply-form-ja")
	d.axe("the form of a reply")
	d.click("[role=dialog]", d.w("segment.save"))
	d.see("it is listed", "何時まで", d.w("replyMatch.exact"), "10 時から 19 時まで")
	d.fill("main", d.w("replies.tryText"), "営業時間？")
	d.see("it answers", d.w("replies.did", "営業時間"))
	d.shot("line-replies-ja")
	d.checkPage("line-replies-ja", true)
	d.fill("main", d.w("replies.tryText"), "ﾊｲｼﾝﾃｲｼ")
	d.see("nobody answers", d.w("replies.didNothing"))
	d.fill("main", d.w("replies.tryText"), "配信停止")
	d.see("it stops", d.w("replies.did_stop"), "お知らせの配信を停止しました")
	if _, err := d.sim.Say(lineUser(1), "何時まで？"); err != nil {
		d.t.Fatal(err)
	}
	if err := d.sim.Flush(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
	eventually(d.t, 10*time.Second, "the friend", func() error {
		if n := d.sim.Counts().Calls["reply 200"]; n != 1 {
			return fmt.Errorf("has %d answers", n)
		}
		return nil
	})
	d.quiet("auto replies")
}

func (d linePages) richMenu() {
	d.t.Helper()
	d.open("/line-accounts/menus?lang=ja")
	d.see("no menu yet", d.w("menus.none"))
	d.click("main", d.w("menus.new"))
	d.see("what is missing", "保存するには", d.w("menus.needTitle"), d.w("menus.needImage"))
	d.click("main", d.w("images.choose"))
	file := chromedp.CSS(`input[type=file]`)
	d.do("a square picture", chromedp.SetUploadFiles(file, []string{picture(d.t, "square.png", 900, 900)}))
	d.see("it is refused with its size", "900 × 900", "リッチメニューには使えません")
	d.do("a picture", chromedp.SetUploadFiles(file, []string{picture(d.t, "menu.png", 1200, 810)}))
	d.see("six areas", d.w("menus.taps"), "場所 1、2、3、4、5、6")
	d.click("main", d.w("menus.layoutOf", "1 + 2"))
	d.see("three areas", "場所 1、2、3）")
	d.fill(`[data-tap="0"]`, d.w("mail.href"), "shop.example")
	d.option(`[data-tap="1"]`, d.w("line.does"), d.w("menuDoes.message"))
	d.see("no whole address", d.w("menuWrong.uri"))
	d.fill(`[data-tap="0"]`, d.w("mail.href"), "https://shop.example/")
	d.fill(`[data-tap="1"]`, d.w("line.says"), "営業時間")
	d.fill(`[data-tap="2"]`, d.w("mail.href"), "tel:0120000000")
	if text := js[string](d.browser, "page", `document.querySelector("main").innerText`); strings.Contains(text, d.w("menus.covered")) {
		d.t.Error("areas overlap before one is moved")
	}
	js[any](d.browser, "an area", `document.querySelector('[data-area="1"]').focus()`)
	d.do("move it by the keyboard", chromedp.KeyEvent(kb.ArrowRight))
	d.see("it overlaps", d.w("menus.covered"))
	d.do("move it back", chromedp.KeyEvent(kb.ArrowLeft))
	d.dragArea()
	d.fill("main", d.w("content.name"), "東京の方のメニュー")
	d.pick("main", d.w("menus.segment"), "東京の方")
	d.see("what saving does", "「東京の方」（1 人）のうち LINE の友だちに")
	if text := js[string](d.browser, "page", `document.querySelector("main").innerText`); strings.Contains(text, d.w("menus.covered")) || strings.Contains(text, d.w("menuWrong.uri")) {
		d.t.Errorf("something is still said to be wrong:\n%s", text)
	}
	d.shot("line-menu-ja")
	d.checkPage("line-menu-ja", true)
	d.click("main", d.w("menus.save"))
	d.see("it is listed", "1 番目", d.w("menus.orderHint"))
	d.quiet("a rich menu")
}

// dragArea moves the third area with the mouse, and brings it back by the layout, which keeps what taps do.
func (d linePages) dragArea() {
	d.t.Helper()
	const left = `document.querySelector('[data-area="2"]').style.left`
	before := js[string](d.browser, "where it is", left)
	at := js[struct{ X, Y float64 }](d.browser, "where it is seen", `(() => { const e = document.querySelector('[data-area="2"]'); e.scrollIntoView({block: "center"}); const r = e.getBoundingClientRect(); return {X: r.x + r.width / 2, Y: r.y + r.height / 2}; })()`)
	held := func(p *input.DispatchMouseEventParams) {
		p.Button, p.Buttons, p.ClickCount = input.MouseButtonLeft, 1, 1
	}
	d.do("drag", chromedp.MouseEvent(chromedp.MousePressed, at.X, at.Y, held), chromedp.MouseEvent(chromedp.MouseMoved, at.X-30, at.Y, held), chromedp.MouseEvent(chromedp.MouseMoved, at.X-60, at.Y, held), chromedp.MouseEvent(chromedp.MouseReleased, at.X-60, at.Y, held))
	d.see("it overlaps", d.w("menus.covered"))
	if after := js[string](d.browser, "where it is now", left); after == before {
		d.t.Errorf("it is still at %s", after)
	}
	d.click("main", d.w("menus.layoutOf", "1 + 2"))
	eventually(d.t, 10*time.Second, "it is where it was", func() error {
		if after := js[string](d.browser, "where it is again", left); after != before {
			return fmt.Errorf("it is at %s, was at %s", after, before)
		}
		return nil
	})
}

// shown waits until LINE has the menu.
func (d linePages) shown() {
	d.t.Helper()
	d.open("/line-accounts/menus?lang=ja")
	d.see("it is shown", d.w("menuState.done"), d.w("menus.shown", 1))
	if got := d.sim.RichMenu(lineUser(1)); !strings.HasPrefix(got, "menu_") {
		d.t.Errorf("the friend sees %q", got)
	}
	d.shot("line-menus-ja")
	d.checkPage("line-menus-ja", true)
	d.quiet("rich menus")
}

func (d linePages) accounts() {
	d.t.Helper()
	d.open("/line-accounts?lang=ja")
	d.click("main", d.w("lineForm.new"))
	d.fill("[role=dialog]", d.w("segment.name"), "shop2")
	d.fill("[role=dialog]", d.w("lineForm.title_ja"), "銀座店")
	d.fill("[role=dialog]", d.w("lineForm.title_en"), "Ginza")
	d.fill("[role=dialog]", d.w("lineForm.basic_id"), "ginza")
	d.see("which secrets it lacks", "ENISHI_LINE__ACCOUNTS__SHOP2__TOKEN", d.w("lineForm.isNotSet"))
	d.click("[role=dialog]", d.w("segment.save"))
	d.see("a basic ID is written otherwise", "ベーシック ID は @shop のように書いてください。")
	d.shot("line-account-form-ja")
	d.axe("the form of an account")
	d.fill("[role=dialog]", d.w("lineForm.basic_id"), "@ginza")
	d.click("[role=dialog]", d.w("segment.save"))
	d.see("it waits for its secrets", "銀座店", d.w("lineForm.notConfigured"))
	d.click("main", d.w("sourceForm.new"))
	d.fill("[role=dialog]", d.w("sourceForm.title_ja"), "銀座店 レジ横")
	d.fill("[role=dialog]", d.w("sourceForm.title_en"), "Ginza till")
	d.click("[role=dialog]", d.w("segment.save"))
	d.do("its QR code", chromedp.WaitVisible(chromedp.CSS(`main article img`)))
	d.shot("line-accounts-edit-ja")
	d.checkPage("line-accounts-edit-ja", true)
	d.click("main article", d.w("sourceForm.editOf", "銀座店 レジ横"))
	d.click("[role=dialog]", d.w("sourceForm.end"))
	d.see("what ending does", "このリンクは使えません")
	js[any](d.browser, "end it", fmt.Sprintf(`[...document.querySelectorAll("[role=dialog]")].at(-1).querySelectorAll("button").forEach(e => e.innerText.trim() === %q && e.click())`, d.w("sourceForm.end")))
	d.see("it is ended", d.w("lineAccounts.sourcesNone"))
	d.mu.Lock()
	d.said = nil // the address that was refused
	d.mu.Unlock()
}

func (d linePages) coupon() {
	d.t.Helper()
	d.open("/line-accounts/coupons?lang=ja")
	d.click("main", d.w("coupons.new"))
	d.fill("[role=dialog]", d.w("coupons.title"), "全品 10% オフ")
	d.shot("line-coupon-form-ja")
	d.axe("the form of a coupon")
	d.click("[role=dialog]", d.w("coupons.make"))
	d.see("it is listed", "全品 10% オフ", d.w("coupons.end"))
	d.checkPage("line-coupons-ja", true)
	d.click("main", d.w("coupons.endOf", "全品 10% オフ"))
	d.click("[role=dialog]", d.w("coupons.end"))
	d.see("it is ended", d.w("coupons.none"))
	d.quiet("coupons")
}

// english looks at the pages in English and dark.
func (d linePages) english() {
	d.t.Helper()
	d.speak("en")
	js[string](d.browser, "theme", `(localStorage.setItem("mantine-color-scheme-value", "dark"), "set")`)
	d.open("/line-accounts/replies?lang=en")
	d.see("the reply", d.w("replyMatch.exact"), d.w("replies.stoppingAbout"))
	d.shot("line-replies-en")
	d.checkPage("line-replies-en", false)
	d.open("/line-accounts/menus?lang=en")
	d.see("the menu", d.w("menuState.done"), d.w("menus.shown", 1))
	d.do("open it", chromedp.Click(chromedp.CSS(`main article a`)), chromedp.WaitVisible(chromedp.CSS(`[data-area="2"]`)))
	d.see("what saving does", d.w("menus.saveVersion"), "see it within a minute")
	d.shot("line-menu-en")
	d.checkPage("line-menu-en", false)
	d.quiet("in English")
}
