//go:build browser

package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestBrowserCampaigns: a newcomer compares two variants on a sample, reads the sheet, has it approved, sends it and sees exactly how
// far it is; makes a campaign that recurs, changes it by way of a review, and finds both in the calendar; then how often people hear
// from the shop.
func TestBrowserCampaigns(t *testing.T) {
	t.Parallel()
	longWalk(t)
	d := campaigning{drawing{openMailing(t)}}
	d.speak("ja")
	for name, title := range map[string]string{"winter": "冬のご案内", "steps": "3 つの手順"} {
		d.template(name, title)
	}
	d.open("no campaign", "/broadcasts?lang=ja")
	d.see("none yet", d.w("broadcast.none"))
	d.shot("campaigns-none-ja")
	d.compare()
	d.send()
	d.again()
	d.recur()
	d.review()
	d.overviews()
	d.inEnglish()
}

type campaigning struct{ drawing }

func (d campaigning) template(name, title string) {
	d.t.Helper()
	body := map[string]any{"channel": "email", "purpose": "marketing", "title": map[string]string{"ja": title, "en": "Mail " + name}, "variants": map[string]any{"ja": map[string]any{
		"subject": title, "html": "<p>" + strings.Repeat("うるおいを補う順番を少し変えるだけで、使い心地が変わります。", 4) + "</p>"}}}
	if err := d.s.call("PUT", "/templates/"+name, map[string]any{"definition": body, "expect": -1}, nil); err != nil {
		d.t.Fatal(err)
	}
}

// choose takes an option of a list that is not searched.
func (d campaigning) choose(label, option string) {
	d.t.Helper()
	d.press(label, 0)
	eventually(d.t, 10*time.Second, option, func() error {
		if !js[bool](d.browser, option, fmt.Sprintf(`(() => { const o = [...document.querySelectorAll("[role=option]")].find(o => o.offsetParent && o.innerText.trim() === %q); o?.click(); return !!o; })()`, option)) {
			return errors.New("is not offered")
		}
		return nil
	})
}

// compare begins a campaign with two variants; what is refused stands at the variant's field.
func (d campaigning) compare() {
	d.t.Helper()
	d.click("main", d.w("broadcast.new"))
	d.see("what is missing", d.w("campaign.missing", strings.Join([]string{d.w("content.name"), d.w("broadcast.segment"), d.w("broadcast.template", d.w("channel.email"))}, d.w("sep"))))
	d.fill("main", d.w("content.name"), "冬のご案内")
	d.pick("main", d.w("broadcast.segment"), "東京の方")
	d.pick("main", d.w("broadcast.template", d.w("channel.email")), "冬のご案内")
	d.click("main", d.w("campaign.testOn"))
	d.see("they are the same so far", d.w("campaign.twins", "A", "B"), d.w("campaign.tooFew", 100))
	d.fill(`[data-variant="0"]`, d.w("campaign.subject"), "冬のお手入れ、足りていますか")
	d.fill(`[data-variant="1"]`, d.w("campaign.subject"), "{{ customer.family_name")
	d.pick(`[data-variant="1"]`, d.w("broadcast.template", d.w("channel.email")), "3 つの手順")
	d.shot("campaign-new-ja")
	d.checkPage("campaign-new-ja", true)
	d.click("main", d.w("broadcast.check"))
	eventually(d.t, 20*time.Second, "the refusal stands at the variant's subject", func() error {
		if !js[bool](d.browser, "refusal", `!!document.querySelector('[data-variant="1"] [aria-invalid=true]') && !document.querySelector('[data-variant="0"] [aria-invalid=true]')`) {
			return errors.New("it does not")
		}
		return nil
	})
	d.shot("campaign-refused-ja")
	d.said = nil // the browser tells of each answer that is a refusal
	d.fill(`[data-variant="1"]`, d.w("campaign.subject"), "{{ customer.family_name }} 様、3 つの手順で変わります")
	d.write(d.w("campaign.share"), 0, "40")
	d.choose(d.w("campaign.after"), d.w("campaign.hours", 1))
	d.click("main", d.w("broadcast.check"))
}

// send reads the sheet, has it approved, and sends it.
func (d campaigning) send() {
	d.t.Helper()
	first := mayMail * 40 / 100
	sheet := func() {
		d.t.Helper()
		d.see("the sheet", d.w("sheet.people", mayMail), d.w("sheet.test", "40%", first, 1), d.w("broadcast.nPeople", saidNo), "縁野 様、3 つの手順で変わります", "冬のお手入れ、足りていますか")
	}
	sheet()
	d.shot("campaign-sheet-ja")
	d.axe("campaign-sheet-ja")
	d.click("[role=dialog]", d.w("cancel"))
	d.click("main", d.w("campaign.toReview"))
	d.see("in review", d.w("broadcast.status_in_review"))
	d.shot("campaign-review-ja")
	d.click("main", d.w("campaign.approve"))
	d.see("approved", d.w("broadcast.status_approved"))
	d.click("main", d.w("broadcast.check"))
	sheet()
	d.click("[role=dialog]", d.w("sheet.go", mayMail))
	d.see("the sample is sent", d.w("broadcast.status_testing"), d.w("campaign.differs"), "3 つの手順")
	d.shot("campaign-testing-ja")
	d.checkPage("campaign-testing-ja", false) // a subject has names of its own
	asked := d.mail.Count()
	if asked == 0 || asked >= mayMail {
		d.t.Errorf("%d were asked first", asked)
	}
	d.click("main tbody tr:nth-child(2)", d.w("campaign.choose"))
	d.see("what it means", d.w("campaign.chooseText"))
	d.click("[role=dialog]", d.w("campaign.choose"))
	eventually(d.t, 30*time.Second, "everybody has one", func() error {
		if n := d.mail.Count(); n != mayMail {
			return fmt.Errorf("%d mails", n)
		}
		return nil
	})
	d.see("and the page says so", d.w("broadcast.status_sent"), d.w("campaign.winner"), fmt.Sprint(d.w("broadcast.state_sent"), " ", mayMail))
	d.shot("campaign-sent-ja")
	d.checkPage("campaign-sent-ja", false)
	d.quiet("the comparison")
}

// again begins another one for those who did not click, and leaves it.
func (d campaigning) again() {
	d.t.Helper()
	d.click("main", d.w("campaign.again"))
	d.see("whom it goes to", d.w("campaign.againOf")+" 冬のご案内", d.w("campaign.againHint"))
	d.shot("campaign-again-ja")
	d.checkPage("campaign-again-ja", true)
	d.quiet("sent again")
}

// recur makes one that goes on paydays.
func (d campaigning) recur() {
	d.t.Helper()
	d.open("a new one", "/broadcasts/new?lang=ja")
	d.fill("main", d.w("content.name"), "給料日のお知らせ")
	d.pick("main", d.w("broadcast.segment"), "東京の方")
	d.pick("main", d.w("broadcast.template", d.w("channel.email")), "冬のご案内")
	d.choose(d.w("campaign.often"), d.w("campaign.every_nth"))
	d.see("its week and day", d.w("campaign.weekOfMonth"), d.w("campaign.weekday"))
	d.choose(d.w("campaign.often"), d.w("campaign.every_payday"))
	d.shot("campaign-recurs-new-ja")
	d.checkPage("campaign-recurs-new-ja", true)
	d.click("main", d.w("broadcast.check"))
	d.see("when it goes next", d.w("sheet.next"), d.w("sheet.peopleNow", mayMail))
	d.shot("campaign-recurs-sheet-ja")
	next := js[string](d.browser, "the button", `[...document.querySelectorAll("[role=dialog] button")].at(-1).innerText.trim()`)
	if before, _, _ := strings.Cut(d.w("sheet.goRecurs"), "{{"); !strings.HasPrefix(next, before) {
		d.t.Fatalf("the button says %q", next)
	}
	d.click("[role=dialog]", next)
	d.see("its next times", d.w("broadcast.status_recurring"), d.w("campaign.upcoming"))
	if n := js[int](d.browser, "times", `document.querySelectorAll("[data-upcoming]").length`); n != 5 {
		d.t.Errorf("%d times are shown", n)
	}
	d.shot("campaign-recurs-ja")
	d.checkPage("campaign-recurs-ja", true)
	d.quiet("it recurs")
}

// review changes what recurs: the draft waits beside it, is sent back, approved, and dropped.
func (d campaigning) review() {
	d.t.Helper()
	d.click("main", d.w("campaign.edit"))
	d.fill("main", d.w("campaign.subject"), "給料日のごほうびに")
	d.click("main", d.w("campaign.keep"))
	d.click("main", d.w("campaign.back"))
	d.see("the draft waits", d.w("campaign.waits_draft"), d.w("broadcast.status_recurring"))
	d.click("main", d.w("campaign.toReview"))
	d.see("for approval", d.w("campaign.waits_in_review"))
	d.shot("campaign-waiting-ja")
	d.checkPage("campaign-waiting-ja", true)
	d.click("main", d.w("campaign.reject"))
	d.see("sent back", d.w("campaign.waits_draft"))
	d.click("main", d.w("campaign.toReview"))
	d.open("the list says so", "/broadcasts?lang=ja")
	d.see("a change waits", d.w("campaign.change_in_review"), "給料日のお知らせ", "冬のご案内")
	d.shot("campaigns-ja")
	d.checkPage("campaigns-ja", true)
	d.click("main", "給料日のお知らせ")
	d.click("main", d.w("campaign.approve"))
	d.see("approved", d.w("campaign.waits_approved"), d.w("broadcast.check"))
	d.click("main", d.w("campaign.discard"))
	d.see("what it means", d.w("campaign.discardText"))
	d.click("[role=dialog]", d.w("campaign.discard"))
	eventually(d.t, 20*time.Second, "it goes on as it was", func() error {
		if js[bool](d.browser, "waits", fmt.Sprintf(`document.body.innerText.includes(%q)`, d.w("campaign.waits_approved"))) {
			return errors.New("the draft still waits")
		}
		return nil
	})
	d.quiet("the review")
}

// overviews are the calendar and the messages by person.
func (d campaigning) overviews() {
	d.t.Helper()
	d.open("the calendar", "/broadcasts/calendar?lang=ja")
	d.see("what went", "冬のご案内", d.w("campaign.wentTo", mayMail), d.w("campaign.byDay"))
	d.shot("calendar-ja")
	d.checkPage("calendar-ja", true)
	d.click("main", d.w("campaign.next"))
	d.see("what is planned", "給料日のお知らせ", d.w("campaign.planned", everybody))
	d.shot("calendar-next-ja")
	d.open("messages by person", "/broadcasts/contacts?lang=ja")
	d.see("who got one", d.w("contacts.perPerson"), d.w("contacts.unreached"))
	d.shot("contacts-ja")
	d.checkPage("contacts-ja", true)
	d.click("main", fmt.Sprint(mayMail))
	d.see("who they are", d.w("people.total", mayMail))
	d.quiet("the overviews")
}

func (d campaigning) inEnglish() {
	d.t.Helper()
	d.speak("en")
	js[string](d.browser, "dark", `(localStorage.setItem("mantine-color-scheme-value", "dark"), "set")`)
	for path, words := range map[string][]string{
		"/broadcasts":          {d.w("broadcast.status_recurring"), d.w("broadcast.status_sent")},
		"/broadcasts/calendar": {d.w("campaign.wentTo", mayMail)},
		"/broadcasts/contacts": {d.w("contacts.perPerson")},
	} {
		name := strings.ReplaceAll(path[1:], "/", "-") + "-en"
		d.open(name, path+"?lang=en")
		d.see(name, words...)
		d.shot(name)
		d.checkPage(name, false)
	}
	d.open("a new one", "/broadcasts/new?lang=en")
	d.click("main", d.w("campaign.testOn"))
	d.see("the variants", d.w("campaign.variant", "A"), d.w("campaign.variant", "B"))
	d.shot("campaign-new-en")
	d.checkPage("campaign-new-en", false)
	d.open("the list", "/broadcasts?lang=en")
	d.click("main", "冬のご案内")
	d.see("what became of it", d.w("broadcast.status_sent"))
	d.shot("campaign-sent-en")
	d.checkPage("campaign-sent-en", false)
	d.quiet("in English")
}
