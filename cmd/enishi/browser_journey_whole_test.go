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

// TestBrowserJourneyWhole: in the demo shop a newcomer takes カゴ落ち from the gallery, shortens the wait, adds a branch for friends at
// LINE with mail behind it and a holdout, tries it on the shop's past, has it approved, publishes it and moves who is under
// way, leaves a cart in the shop, gets the LINE message after the shorter wait, and changes it again while she is in it. Why
// somebody got nothing is a sentence on her page.
func TestBrowserJourneyWhole(t *testing.T) {
	t.Parallel()
	longWalk(t)
	inLanguages(t, walkWhole)
}

// wholeWords are names of things of the gallery.
var wholeWords = map[string]map[string]string{
	"ja": {"journey": "カゴ落ち", "quiet": "カートが 1 時間動かないのを待つ", "still": "商品が残っているか", "mail": "カゴ落ち（メール）", "line": "カゴ落ち（LINE）", "real": "実際にあったものです", "friend": "LINE 友だち"},
	"en": {"journey": "Cart abandonment", "quiet": "Wait until the cart is still for an hour", "still": "Is anything left in it?", "mail": "Cart reminder (mail)", "line": "Cart reminder (LINE)", "real": "what happened in fact", "friend": "LINE friend"},
}

// whole is the walk in a language.
type whole struct {
	drawing
	lang string
	name map[string]string
}

func walkWhole(t *testing.T, lang string) {
	s := start(t, nil, "--demo", "--data", t.TempDir())
	d := whole{drawing{&mailing{builder: builder{openBrowser(t)}, s: s}}, lang, wholeWords[lang]}
	d.speak(lang)
	eventually(t, 60*time.Second, "the demo shop", func() error {
		if n := counted(t, s, "orders_count >= 1").Count; n < 500 {
			return fmt.Errorf("%d buyers", n)
		}
		return nil
	})
	d.rewrite()
	d.tryOut()
	d.leaveCart("before@mail.example") // so that somebody is under way
	d.approve("45")
	who, mail := d.shopping()
	d.again(who)
	d.told(who, mail)
}

// rewrite changes the wait, and puts in the holdout and the branch.
func (d whole) rewrite() {
	d.t.Helper()
	d.open("journeys", "/journeys?lang="+d.lang)
	d.see("the gallery", d.name["journey"])
	d.click("main", d.name["journey"])
	d.see("the journey", d.w("journey.people"))
	d.click("main", d.w("build.edit"))
	d.see("the canvas", d.w("build.whole"), d.name["quiet"])
	d.step("quiet_cart")
	d.fill("section", d.w("build.timeout"), "45")
	d.option(d.w("build.unitOf", d.w("build.timeout")), "m")
	d.insert(d.name["still"]+" "+d.w("known.cartFull"), "holdout")
	d.see("a holdout", d.w("build.holdoutHint"))
	d.insert(d.w("flow.holdout", 10)+" "+d.w("flow.sameWay"), "branch")
	d.see("a branch", d.w("build.setCondition"))
	d.click("section", d.w("build.setCondition"))
	d.see("the conditions", d.w("build.aboutPerson"))
	js[any](d.browser, "of the person", fmt.Sprintf(`[...document.querySelectorAll("[role=dialog] label")].find(e => e.innerText.trim() === %q).click()`, d.w("build.aboutPerson")))
	d.press(d.w("builder.addValue"), -1) // in English a choice of the window has the same name
	d.choose(d.w("builder.field"), -1, d.name["friend"])
	d.click("[role=dialog]", d.w("build.take"))
	d.see("the condition", d.name["friend"])
	d.insert(d.w("node.branch")+" "+d.wayWord("branch.branches[0].next", d.name["friend"]), "message")
	d.see("a message", d.w("build.purposeIs"))
	d.click("section", d.w("build.addChannel", "LINE"))
	d.pick("section", "1. "+d.w("broadcast.template", d.w("channel.email")), d.name["mail"])
	d.pick("section", "2. "+d.w("broadcast.template", "LINE"), d.name["line"])
	d.click("section", d.w("build.earlier", "LINE"))
	d.option(d.w("build.next"), "watch")
	d.shot("whole-canvas-" + d.lang)
	d.saved("the draft", func(x drawn) bool {
		n := x.Definition.Nodes["message"]
		return x.Status == "draft" && x.Definition.Nodes["quiet_cart"].Timeout == "45m" && x.Definition.Nodes["holdout"].Percent == 10 && fmt.Sprint(n.Channels) == "[line email]"
	})
	d.quiet("drawing")
}

// tryOut plays it on the shop's past and reads the result.
func (d whole) tryOut() {
	d.t.Helper()
	d.open("the past", "/journeys/cart_abandonment/try?lang="+d.lang)
	d.see("the question", d.w("tries.nothingSent"))
	d.days(6)
	d.click("main", d.w("tries.start"))
	d.see("the result", d.w("tries.byDay"), d.w("tries.notSent"), d.w("tries.ends"), d.w("tries.differences"), d.name["real"])
	if none := d.w("tries.nobody"); strings.Contains(js[string](d.browser, "the result", `document.querySelector("main").innerText`), none) {
		d.t.Error(none)
	}
	d.shot("whole-tried-" + d.lang)
	d.checkPage("whole-tried-"+d.lang, d.lang == "ja")
	d.quiet("the past")
}

// approve asks for review, approves and goes live, and takes those along who are under way.
func (d whole) approve(minutes string) {
	d.t.Helper()
	status := func(what, want string) {
		eventually(d.t, 20*time.Second, what, func() error {
			if x := d.now(); x.Status != want || x.Definition.Nodes["quiet_cart"].Timeout != minutes+"m" {
				return fmt.Errorf("%s %s", x.Status, x.Definition.Nodes["quiet_cart"].Timeout)
			}
			if js[bool](d.browser, "the dialog", `!!document.querySelector("[role=dialog]")`) {
				return errors.New("the dialog is still open")
			}
			return nil
		})
	}
	d.open("the draft", "/journeys/cart_abandonment/edit?lang="+d.lang)
	d.see("the canvas", d.w("build.whole"))
	d.click("main", d.w("publish.open"))
	d.click("[role=dialog]", d.w("publish.askReview"))
	status("it is in review", "in_review")
	d.click("main", d.w("publish.open"))
	d.click("[role=dialog]", d.w("publish.approve"))
	status("it is approved", "approved")
	d.click("main", d.w("publish.open"))
	d.see("who is under way", d.w("publish.move"), d.w("publish.exit"))
	d.click("[role=dialog]", d.w("publish.move"))
	d.shot("whole-publish-" + d.lang)
	d.click("[role=dialog]", d.w("journey.live"))
	status("it is live", "live")
	d.quiet("publishing")
}

// leaveCart signs up in the shop as somebody new, and leaves something in the cart.
func (d whole) leaveCart(mail string) {
	d.t.Helper()
	d.do("another browser's shop", chromedp.Navigate(d.s.base+"/demo/shop"), chromedp.WaitVisible(chromedp.CSS(`.add`)))
	js[any](d.browser, "forget", `(localStorage.clear(), document.cookie = "enishi_id=; path=/; max-age=0")`)
	d.do("the shop", chromedp.Navigate(d.s.base+"/demo/shop"), chromedp.WaitVisible(chromedp.CSS(`.add`)),
		chromedp.Click(chromedp.CSS(`#open-signup`)), chromedp.WaitVisible(chromedp.CSS(`#signup [value=ok]`)), chromedp.SetValue(chromedp.CSS(`#signup [name=email]`), mail), chromedp.Click(chromedp.CSS(`#signup [value=ok]`)))
	d.see("the shop greets", "登録しました")
	d.do("fill the cart", chromedp.Click(chromedp.CSS(`article:nth-of-type(2) .add`)))
}

// shopping leaves carts in the shop until somebody is not held out, who then has the LINE message; it gives her profile. What is
// held out is said in a sentence.
func (d whole) shopping() (who, mail string) {
	d.t.Helper()
	type decision struct {
		Sent            bool
		Journey, Reason string
		Sentence        map[string]string
	}
	for n := range 4 {
		mail = fmt.Sprintf("whole%d@mail.example", n)
		d.leaveCart(mail)
		person := ""
		var found decision
		eventually(d.t, 90*time.Second, "the cart journey has decided", func() error {
			if person == "" {
				var x struct{ Items []struct{ ID string } }
				if err := d.s.call("GET", "/people?q="+mail, nil, &x); err != nil || len(x.Items) != 1 {
					return fmt.Errorf("%d people, %v", len(x.Items), err)
				}
				person = x.Items[0].ID
			}
			var x struct{ Items []decision }
			if err := d.s.call("GET", "/people/"+person+"/decisions", nil, &x); err != nil {
				return err
			}
			for _, i := range x.Items {
				if i.Journey == "cart_abandonment" {
					found = i
					return nil
				}
			}
			return fmt.Errorf("%d others", len(x.Items))
		})
		if found.Reason == "holdout" {
			if !strings.Contains(found.Sentence[d.lang], map[string]string{"ja": "このジャーニーの効果を比べるために送らない人", "en": "in the holdout of this journey"}[d.lang]) {
				d.t.Errorf("who is held out is told: %s", found.Sentence)
			}
			continue
		}
		eventually(d.t, 30*time.Second, "LINE has the message", func() error {
			var x struct {
				Items []struct{ Journey, Profile string }
			}
			if err := d.s.call("GET", "/outbox?channel=line", nil, &x); err != nil {
				return err
			}
			for _, m := range x.Items {
				if m.Profile == person && m.Journey == "cart_abandonment" {
					return nil
				}
			}
			return fmt.Errorf("%+v, decided %+v", x.Items, found)
		})
		return person, mail
	}
	d.t.Fatal("everybody is held out")
	return "", ""
}

// again changes the live journey while she rests in it, moves her, and looks at her page in both languages.
func (d whole) again(who string) {
	d.t.Helper()
	d.open("the journey", "/journeys/cart_abandonment/edit?lang="+d.lang)
	d.see("the canvas", d.w("build.whole"))
	d.step("quiet_cart")
	d.fill("section", d.w("build.timeout"), "40")
	d.saved("a draft beside it", func(x drawn) bool { return x.Status == "draft" && x.Definition.Nodes["quiet_cart"].Timeout == "40m" })
	d.approve("40")
	version := d.now().Version
	eventually(d.t, 60*time.Second, "who is under way is in the new version", func() error {
		var x struct {
			Items []struct{ Version, Standing int64 }
		}
		if err := d.s.call("GET", "/journeys/cart_abandonment/flight", nil, &x); err != nil {
			return err
		}
		for _, i := range x.Items {
			if i.Version != version && i.Standing > 0 {
				return fmt.Errorf("%+v", x.Items)
			}
		}
		return nil
	})
	d.open("her page", "/people/"+who+"?lang="+d.lang)
	d.see("what happened", d.name["journey"])
	d.checkPage("whole-person-"+d.lang, d.lang == "ja")
	d.shot("whole-person-" + d.lang)
	if text := d.s.enishi("decisions", who); !strings.Contains(text, "cart_abandonment") && !strings.Contains(text, "Cart abandonment") {
		d.t.Errorf("enishi decisions says nothing of the cart:\n%s", text)
	}
	d.quiet("her page")
}

// told: with a cap of one a week she gets nothing more, and nothing when marketing to her is on hold; each is one sentence on
// her page, in both languages.
func (d whole) told(who, mail string) {
	d.t.Helper()
	var rules struct{ Body map[string]any }
	if err := d.s.call("GET", "/settings/journeys", nil, &rules); err != nil {
		d.t.Fatal(err)
	}
	rules.Body["caps"] = map[string]any{"marketing": map[string]any{"default": "1/7d"}}
	d.s.put("setting", "journeys", rules.Body)
	d.s.put("journey", "told", map[string]any{"title": title("told"), "purpose": "marketing", "consent": "opt_in", "state": "live", "entry": map[string]any{"events": []string{"custom.asked"}, "reentry": "always"},
		"start": "say", "nodes": map[string]any{"say": map[string]any{"type": "message", "channels": []string{"line"}, "templates": map[string]string{"line": "cart_line"}, "next": "end"}, "end": map[string]any{"type": "exit"}}})
	key := d.s.enishi("key", "create", "--write")
	says := map[string][2]string{"cap": {"今週の上限（1 通）に達していたため送りませんでした", "not sent because the cap of 1 per week was reached"}, "hold": {"配信を保留しているため送りませんでした", "not sent because marketing is on hold"}}
	for _, reason := range []string{"cap", "hold"} {
		if reason == "hold" {
			if err := d.s.call("POST", "/people/"+who+"/hold", map[string]any{"reason": "問い合わせ対応中"}, nil); err != nil {
				d.t.Fatal(err)
			}
		}
		if n, err := d.s.post(key, []map[string]any{{"type": "custom.asked", "id": reason, "person": map[string]any{"email": mail}}}); n != 1 || err != nil {
			d.t.Fatal(n, err)
		}
		for i, lang := range languages() {
			d.speak(lang)
			d.open("her page", "/people/"+who+"?lang="+lang)
			d.click("main", d.w("person.why"))
			d.see("why she got nothing", says[reason][i])
			d.shot("whole-" + reason + "-" + lang)
		}
	}
	d.quiet("why")
}
