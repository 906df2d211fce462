//go:build browser

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	linesim "enishi/internal/sim/line"
	mailsim "enishi/internal/sim/mail"
)

// mailing is a shop with 110 people in Tokyo: 60 who may get mail, 20 of them LINE's friends as well; 30 who said no, 15 without
// an address, 5 with a complaint that is being dealt with.
type mailing struct {
	builder
	s     *server
	mail  *mailsim.Server
	line  *linesim.Server
	words map[string]any // of the console, in the language of the walk
}

const (
	mayMail, alsoLINE, saidNo, noAddress, complains = 60, 20, 30, 15, 5
	everybody                                       = mayMail + saidNo + noAddress + complains
)

func openMailing(t *testing.T) *mailing {
	t.Helper()
	d := &mailing{mail: mailsim.New(mailsim.Config{}), line: linesim.New(linesim.Config{ChannelSecret: "secret", ChannelToken: "token"})}
	go func() { _ = d.mail.Run(t.Context()) }()
	<-d.mail.Ready()
	provider := httptest.NewServer(d.line)
	t.Cleanup(provider.Close)
	d.s = start(t, []string{"ENISHI_LINE__ENDPOINT=" + provider.URL, "ENISHI_LINE__TOKEN=token", "ENISHI_LINE__SECRET=secret", "ENISHI_SMTP__ADDR=" + d.mail.Addr(), "ENISHI_SMTP__TLS=none"}, "--data", t.TempDir())
	d.s.put("setting", "brand", map[string]any{"name": "縁コスメ", "address": "東京都中央区銀座0-0-0", "contact": "0120-000-000", "url": "https://shop.example/"})
	d.s.allHours()
	d.s.put("segment", "tokyo", map[string]any{"title": map[string]string{"ja": "東京の方", "en": "Tokyo"}, "expression": `traits.prefecture == "東京都"`})
	key := d.s.enishi("key", "create", "--write")
	var batch []map[string]any
	for i := range everybody {
		id := fmt.Sprintf("u%03d", i)
		traits := map[string]any{"family_name": "縁野", "given_name": given[i%len(given)] + fmt.Sprint(i), "prefecture": "東京都"}
		consent := map[string]any{"email": "in"}
		var more []map[string]any
		switch {
		case i < alsoLINE:
			user := fmt.Sprintf("U%032d", i)
			traits["line_user_id"], consent["line"] = user, "in"
			more = append(more, map[string]any{"type": "line.followed", "id": "f-" + id, "occurred_at": time.Now().UTC().Format(time.RFC3339), "person": map[string]any{"line_user_id": user}})
			if err := d.line.Befriend(user, "友だち"); err != nil {
				t.Fatal(err)
			}
		case i < mayMail:
		case i < mayMail+saidNo:
			consent["email"] = "out"
		case i >= everybody-complains:
			more = append(more, map[string]any{"type": "hold.placed", "id": "h-" + id, "occurred_at": time.Now().UTC().Format(time.RFC3339), "person": map[string]any{"customer_id": id}, "hold": map[string]any{"reason": "complaint"}})
		}
		if i < mayMail+saidNo || i >= everybody-complains {
			traits["email"] = id + "@mail.example"
		}
		traits["consent"] = consent
		batch = append(append(batch, map[string]any{"type": "identify", "userId": id, "messageId": "i-" + id, "traits": traits}), more...)
	}
	if n, err := d.s.post(key, batch); err != nil || n != len(batch) {
		t.Fatalf("%d of %d accepted: %v", n, len(batch), err)
	}
	d.s.settled(30 * time.Second)
	d.builder = builder{openBrowser(t)}
	return d
}

var given = [...]string{"花", "空", "葵", "凪", "律", "湊", "紬", "蓮"}

// w is a text of the console; {{name}} gives way to the values in turn.
func (d *mailing) w(key string, values ...any) string {
	d.t.Helper()
	var at any = d.words
	for name := range strings.SplitSeq(key, ".") {
		m, _ := at.(map[string]any)
		at = m[name]
	}
	text, ok := at.(string)
	if !ok {
		d.t.Fatalf("the console has no text %s", key)
	}
	for _, v := range values {
		before, rest, _ := strings.Cut(text, "{{")
		_, after, _ := strings.Cut(rest, "}}")
		text = before + fmt.Sprint(v) + after
	}
	return text
}

func (d *mailing) speak(lang string) {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "web", "src", "i18n", lang+".json"))
	if err == nil {
		err = json.Unmarshal(text, &d.words)
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// click presses the first button, link or choice of a name within a part of the page, as soon as it can be pressed.
func (d *mailing) click(within, label string) {
	d.t.Helper()
	eventually(d.t, 20*time.Second, "press "+label, func() error {
		if !js[bool](d.browser, label, fmt.Sprintf(`(() => { const e = [...document.querySelectorAll(%q)].flatMap(w => [...w.querySelectorAll("button, a, label, [role=tab]")])
			.find(e => e.offsetParent && !e.disabled && (e.getAttribute("aria-label") ?? e.innerText).trim() === %q); e?.scrollIntoView({block: "center"}); e?.click(); return !!e; })()`, within, label)) {
			return errors.New("is not there")
		}
		return nil
	})
}

// fill puts a text at once, as pasting does, into the first field of a name within a part of the page.
func (d *mailing) fill(within, label, text string) {
	d.t.Helper()
	eventually(d.t, 20*time.Second, "the field "+label, func() error {
		if !js[bool](d.browser, label, fmt.Sprintf(`(() => { document.querySelectorAll("[data-here]").forEach(e => e.removeAttribute("data-here"));
			const e = [...document.querySelectorAll(%q)].flatMap(w => [...w.querySelectorAll("input, textarea")]).find(e => e.offsetParent && (e.getAttribute("aria-label") ?? e.labels?.[0]?.innerText ?? "").replace(/ ?\*$/, "").trim() === %q);
			e?.setAttribute("data-here", ""); e?.focus(); e?.select(); return !!e; })()`, within, label)) {
			return errors.New("is not there")
		}
		return nil
	})
	d.do("write "+label, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, input.InsertText, input.InsertTextParams{Text: text})
		return err
	}))
}

// pick chooses in a list that opens.
func (d *mailing) pick(within, label, word string) {
	d.t.Helper()
	d.fill(within, label, word)
	eventually(d.t, 20*time.Second, "the option "+word, func() error {
		if !js[bool](d.browser, word, fmt.Sprintf(`(() => { const o = [...document.querySelectorAll("[role=option]")].find(o => o.offsetParent && o.innerText.trim().startsWith(%q)); o?.click(); return !!o; })()`, word)) {
			return errors.New("is not offered")
		}
		return nil
	})
}

// drag moves with the mouse what one place shows to another, as a hand does: the browser's own drag and drop. down is how far below
// the middle of the target it is let go, in px.
func (d *mailing) drag(from, to string, down float64) {
	d.t.Helper()
	type spot struct{ X, Y float64 }
	at := func(expression string) spot {
		return js[spot](d.browser, expression, `(() => { const r = (`+expression+`).getBoundingClientRect(); return {X: r.x + r.width / 2, Y: r.y + r.height / 2}; })()`)
	}
	caught := make(chan *input.DragData, 1)
	if err := chromedp.Listen(d.ctx, func(ev any) {
		if e, ok := ev.(*input.EventDragIntercepted); ok {
			select {
			case caught <- e.Data:
			default:
			}
		}
	}); err != nil {
		d.t.Fatal(err)
	}
	// What is still loading moves things under the mouse.
	var a, b spot
	still := func() {
		d.t.Helper()
		eventually(d.t, 20*time.Second, "the blocks stand still", func() error {
			js[any](d.browser, "scroll", `(`+to+`).scrollIntoView({block: "center"})`)
			a, b = at(from), at(to)
			d.do("a moment", chromedp.Sleep(150*time.Millisecond))
			if at(from) != a || at(to) != b {
				return errors.New("they move")
			}
			return nil
		})
		b.Y += down
	}
	mouse := func(typ input.DispatchMouseEventType, x, y float64) chromedp.Action[chromedp.Void] {
		return chromedp.MouseEvent(typ, x, y, func(p *input.DispatchMouseEventParams) {
			p.Button, p.Buttons, p.ClickCount = input.MouseButtonLeft, 1, 1
		})
	}
	intercept := func(on bool) chromedp.Action[chromedp.Void] {
		return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, input.SetInterceptDrags, input.SetInterceptDragsParams{Enabled: on})
			return err
		})
	}
	var held *input.DragData
	for try := 0; held == nil; try++ {
		still()
		d.do("begin to drag", intercept(true), mouse(chromedp.MousePressed, a.X, a.Y), mouse(chromedp.MouseMoved, a.X+4, a.Y+4), mouse(chromedp.MouseMoved, a.X+12, a.Y+12))
		select {
		case held = <-caught:
		case <-time.After(10 * time.Second):
			if d.do("let go", mouse(chromedp.MouseReleased, a.X+12, a.Y+12), intercept(false)); try == 3 {
				d.shot("drag-failed")
				d.t.Fatalf("%s at %v cannot be dragged: there is %s", from, a, js[string](d.browser, "there", fmt.Sprintf(`document.elementFromPoint(%f, %f)?.outerHTML.slice(0, 300) ?? "nothing"`, a.X, a.Y)))
			}
		}
	}
	move := func(typ input.DispatchDragEventType) chromedp.Action[chromedp.Void] {
		return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, input.DispatchDragEvent, input.DispatchDragEventParams{Type: typ, X: b.X, Y: b.Y, Data: held})
			return err
		})
	}
	d.do("drop", move(input.DispatchDragEventTypeDragEnter), move(input.DispatchDragEventTypeDragOver), move(input.DispatchDragEventTypeDragOver), move(input.DispatchDragEventTypeDrop), mouse(chromedp.MouseReleased, b.X, b.Y), intercept(false))
}

// TestBrowserDelivery: a newcomer puts a mail together from blocks and writes a LINE message, looks at both as the same real person,
// mends what the check before sending finds, sends a test, sends to a segment through the sheet, stops it by the emergency stop while it
// runs, and reads who was left out and why; in both languages.
func TestBrowserDelivery(t *testing.T) {
	t.Parallel()
	d := openMailing(t)
	d.mail.Inject(mailsim.Fault{Stage: mailsim.AtDot, Times: -1, Delay: 400 * time.Millisecond})
	d.line.Inject(linesim.Fault{Endpoint: "push", Times: -1, Stall: 400 * time.Millisecond})
	for _, lang := range languages() {
		d.speak(lang)
		d.walk(lang)
	}
}

func (d *mailing) walk(lang string) {
	t := d.t
	t.Helper()
	d.wordList(lang)
	d.rules(lang)
	d.do("open the content", chromedp.Navigate(d.s.base+"/content?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.checkPage("content-"+lang, lang == "ja")
	d.click("main", d.w("content.new"))
	d.fill("[role=dialog]", d.w("content.name"), "冬のご案内 "+lang)
	d.shot("template-new-" + lang)
	d.click("[role=dialog]", d.w("content.make"))
	d.see("the new mail", "冬のご案内 "+lang, d.w("mail.kind_divider"))
	mail := js[string](d.browser, "name", `location.pathname.split("/").pop()`)

	d.blocks(lang)
	d.mend(lang)
	d.versions(lang, mail)
	d.test(lang)
	line := d.lineMessage(lang, mail)
	d.noEmoji(lang, line)
	d.broadcast(lang, mail, line)
}

// blocks writes into one, drags one above another and a new one in, and takes that back.
func (d *mailing) blocks(lang string) {
	t := d.t
	t.Helper()
	js[any](d.browser, "open the text", `document.querySelectorAll("[data-block] button[aria-expanded]:not([aria-haspopup])")[1].click()`)
	d.fill("[data-block]", d.w("mail.words"), "{{ customer.full_name }} 様\n冬の乾燥に、縁の美容液。シミが消える。")
	order := func(when string, want ...string) {
		t.Helper()
		eventually(t, 10*time.Second, when, func() error {
			got := js[[]string](d.browser, "blocks", `[...document.querySelectorAll("[data-block] button[aria-expanded]:not([aria-haspopup])")].map(e => e.innerText.trim().split(" ")[0])`)
			if !slices.Equal(got, want) {
				return fmt.Errorf("the blocks are %q", got)
			}
			return nil
		})
	}
	heading, label := strings.Fields(d.w("mail.begun_heading"))[0], strings.Fields(d.w("mail.begun_button"))[0]
	image, rule, gap, foot := d.kind("image"), d.kind("divider"), d.kind("spacer"), d.kind("footer")
	order("a layout", heading, "{{", image, label, rule, foot)
	d.drag(`document.querySelectorAll("[data-block] .grip")[3]`, `document.querySelectorAll("[data-block]")[2]`, -12)
	order("the button is dragged above the picture", heading, "{{", label, image, rule, foot)
	d.drag(`[...document.querySelectorAll("[role=toolbar] button")].find(e => e.innerText.trim() === `+fmt.Sprintf("%q", d.w("mail.kind_spacer"))+`)`, `document.querySelectorAll("[data-block]")[4]`, 12)
	order("a gap is dragged in", heading, "{{", label, image, rule, gap, foot)
	d.click("main", d.w("builder.undo"))
	order("and taken back", heading, "{{", label, image, rule, foot)
	d.shot("mail-blocks-" + lang)
}

// kind is the first word of a kind of block that has no text of its own.
func (d *mailing) kind(kind string) string { return strings.Fields(d.w("mail.kind_" + kind))[0] }

// mend looks at the mail as one person and the next, and puts right what the check finds.
func (d *mailing) mend(lang string) {
	t := d.t
	t.Helper()
	shown := func() string {
		t.Helper()
		who := ""
		eventually(t, 20*time.Second, "the mail shows the person that is chosen", func() error {
			who = js[string](d.browser, "person", fmt.Sprintf(`document.querySelector('input[aria-label=%q]').value`, d.w("preview.person")))
			mail := js[string](d.browser, "mail", `document.querySelector("iframe")?.srcdoc ?? ""`)
			if who == "" || !strings.Contains(mail, who+" 様") {
				return fmt.Errorf("%q is not in the mail", who)
			}
			return nil
		})
		return who
	}
	first := shown()
	d.click("main", d.w("preview.next"))
	eventually(t, 20*time.Second, "the next person", func() error {
		if shown() == first {
			return errors.New("still the same")
		}
		return nil
	})
	d.click("main", d.w("preview.previous"))
	js[any](d.browser, "open the text again", `document.querySelectorAll("[data-block] button[aria-expanded]:not([aria-haspopup])")[1].click()`)
	d.variables("[data-block]", "mail-"+lang)
	d.fill("[data-block]", d.w("mail.words"), "{{ customer.full_name }} 様\n冬の乾燥に、縁の美容液。シミが消える。")
	d.click("main", d.w("preview.dark"))
	d.shot("mail-dark-" + lang)
	js[any](d.browser, "the check", `[...document.querySelectorAll("[role=tab]")].find(e => e.innerText.startsWith(`+fmt.Sprintf("%q", d.w("lint.title"))+`)).click()`)
	d.see("what the check finds", "シミが消える", d.w("lint.error"))
	eventually(t, 20*time.Second, "the heading is still to be written", func() error {
		if !js[bool](d.browser, "unwritten", fmt.Sprintf(`document.querySelector('[data-finding="words.unwritten"]')?.innerText.includes(%q) ?? false`, d.w("mail.begun_heading"))) {
			return errors.New("nobody says so")
		}
		return nil
	})
	d.shot("mail-lint-" + lang)
	d.checkPage("mail-lint-"+lang, false)
	d.click(`[data-finding="words.unwritten"]`, d.w("lint.go"))
	d.fill("[data-block]", d.w("mail.words"), "冬のお手入れ")
	d.click(`[data-finding="words.yakkiho"]`, d.w("lint.go"))
	d.fill("[data-block]", d.w("mail.words"), "{{ customer.full_name }} 様\n冬の乾燥に、縁の美容液。うるおいを与え、肌を整えます。")
	eventually(t, 20*time.Second, "the finding is gone", func() error {
		if text := js[string](d.browser, "findings", `[...document.querySelectorAll("[data-finding]")].map(e => e.innerText).join(" | ")`); strings.Contains(text, "シミ") || strings.Contains(text, d.w("lint.error")) {
			return errors.New(text)
		}
		return nil
	})
	d.click("main", d.w("mail.save"))
	eventually(t, 20*time.Second, "it is saved", func() error {
		if js[bool](d.browser, "saved", fmt.Sprintf(`[...document.querySelectorAll("main button")].find(e => e.innerText.trim() === %q).disabled`, d.w("mail.save"))) {
			return nil
		}
		return errors.New("not yet")
	})
	d.quiet("the mail editor")
}

// test sends it to the shop's own people: the first time it asks who they are.
func (d *mailing) test(lang string) {
	t := d.t
	t.Helper()
	before := d.mail.Count()
	d.click("main", d.w("test.button"))
	if lang == "ja" {
		d.fill("[role=dialog]", d.w("test.who"), "u000")
		d.do("take it", chromedp.SendKeys(chromedp.CSS("[data-here]"), "\r"))
		d.shot("test-list-" + lang)
		d.click("[role=dialog]", d.w("test.keep"))
	}
	d.click("[role=dialog]", d.w("test.send", 1))
	d.see("the test arrives", d.w("test.arrived"))
	d.shot("test-arrived-" + lang)
	if n := d.mail.Count(); n != before+1 {
		t.Errorf("%d mails for one test", n-before)
	}
	d.click("[role=dialog]", d.w("close"))
	d.quiet("the test")
}

// lineMessage writes one, beside the mail of the same person.
func (d *mailing) lineMessage(lang, mail string) string {
	t := d.t
	t.Helper()
	d.do("open the content", chromedp.Navigate(d.s.base+"/content?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.click("main", d.w("content.new"))
	d.fill("[role=dialog]", d.w("content.name"), "冬のひとこと "+lang)
	d.click("[role=dialog]", d.w("channel.line"))
	d.click("[role=dialog]", d.w("content.make"))
	d.see("the new LINE message", "冬のひとこと "+lang, d.w("line.nth", 1))
	name := js[string](d.browser, "name", `location.pathname.split("/").pop()`)
	d.variables("[data-message]", "line-"+lang)
	d.fill("[data-message]", d.w("mail.words"), "{{ customer.full_name }} 様、冬の保湿のご案内です。")
	d.click("main [role=toolbar]", d.w("line.kind_buttons"))
	d.fill("main", d.w("line.title"), "うるおいセット")
	d.fill(`[data-message="1"]`, d.w("mail.words"), "冬の乾燥に、化粧水と美容液を。")
	d.pick("main", d.w("preview.beside"), "冬のご案内 "+lang)
	d.see("the bubble", "うるおいセット")
	d.see("both as the same person", "縁野")
	eventually(t, 20*time.Second, "both show the person that is chosen", func() error {
		who := js[string](d.browser, "person", fmt.Sprintf(`document.querySelector('input[aria-label=%q]').value`, d.w("preview.person")))
		page := js[string](d.browser, "bubble", `document.querySelector(".beside").innerText`)
		letter := js[string](d.browser, "mail", `document.querySelector("iframe")?.srcdoc ?? ""`)
		if who == "" || !strings.Contains(page, who+" 様") || !strings.Contains(letter, who+" 様") {
			return fmt.Errorf("%q is not in both", who)
		}
		return nil
	})
	d.shot("line-" + lang)
	d.checkPage("line-"+lang, false)
	d.click("main", d.w("mail.save"))
	eventually(t, 20*time.Second, "it is saved", func() error {
		var x struct{ History []any }
		if err := d.s.call("GET", "/templates/"+name, nil, &x); err != nil || len(x.History) != 2 {
			return fmt.Errorf("%d versions: %v", len(x.History), err)
		}
		return nil
	})
	d.quiet("the LINE editor")
	return name
}

// broadcast sends to a segment, stops it while it runs, and reads what came of it.
func (d *mailing) broadcast(lang, mail, line string) {
	t := d.t
	t.Helper()
	d.do("a new broadcast", chromedp.Navigate(d.s.base+"/broadcasts/new?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.fill("main", d.w("content.name"), "冬の一斉配信 "+lang)
	segment := map[string]string{"ja": "東京の方", "en": "Tokyo"}[lang]
	d.pick("main", d.w("broadcast.segment"), segment)
	d.click("main", d.w("build.addChannel", d.w("channel.line")))
	d.press(d.w("build.earlier", d.w("channel.line")), 0)
	d.pick("main", "1. "+d.w("broadcast.template", d.w("channel.line")), "冬のひとこと "+lang)
	d.pick("main", "2. "+d.w("broadcast.template", d.w("channel.email")), "冬のご案内 "+lang)
	d.shot("broadcast-new-" + lang)
	d.click("main", d.w("broadcast.check"))
	d.see("the sheet", d.w("sheet.people", mayMail), fmt.Sprint(d.w("channel.line"), " ", alsoLINE), fmt.Sprint(d.w("channel.email"), " ", mayMail-alsoLINE),
		d.w("broadcast.nPeople", saidNo), d.w("broadcast.nPeople", noAddress), d.w("broadcast.nPeople", complains), d.w("sheet.previews"), d.w("broadcast.sendBy"))
	d.shot("sheet-" + lang)
	d.axe("sheet-" + lang)
	d.click("[role=dialog]", d.w("sheet.go", mayMail))
	d.see("it runs", d.w("broadcast.got"))

	d.click("header", d.w("stop.button"))
	d.fill("[role=dialog]", d.w("reason"), "価格の誤り")
	d.click("[role=dialog]", d.w("stop.go", d.w("stop.everything")))
	d.see("it is stopped", d.w("stop.stays"))
	d.shot("stopped-" + lang)
	d.click("[role=dialog]", d.w("close"))
	d.see("the page says so", d.w("broadcast.why"))
	d.shot("broadcast-" + lang)
	d.checkPage("broadcast-"+lang, false)
	d.click("main", d.w("broadcast.nPeople", saidNo))
	d.see("who said no", d.w("people.ofBroadcast", "冬の一斉配信 "+lang), d.w("people.total", saidNo))
	d.shot("left-out-" + lang)
	d.checkPage("left-out-"+lang, false)
	d.do("one of them", chromedp.Click(chromedp.CSS(`main tbody a`)), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("why she did not get it", d.w("decision.notSent"))
	d.shot("why-" + lang)
	d.quiet("the broadcast")
	var sending struct{ Stops []struct{ ID string } }
	if err := d.s.call("GET", "/sending", nil, &sending); err != nil || len(sending.Stops) != 1 {
		t.Fatalf("%d stops: %v", len(sending.Stops), err)
	}
	d.s.enishi("sending", "cancel", sending.Stops[0].ID)
	d.s.enishi("sending", "resume", sending.Stops[0].ID)
}
