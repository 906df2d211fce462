//go:build browser

package main

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	adsim "enishi/internal/sim/ads"
)

// TestBrowserAudiences: a marketer hands a segment of the demo shop to an advertising platform. A segment about trouble of skin is refused at its field, the forecast says who
// would be told and who not, and why; the saved audience is synced, paused, goes on, is synced at once, changed and deleted; the page of somebody in it has the record of what was told.
func TestBrowserAudiences(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "--demo", "--data", t.TempDir())
	d := &mailing{builder: builder{openBrowser(t)}, s: s}
	s.segment("gentle_care", "敏感肌の方", "orders_count > 0")
	s.segment("all_buyers", "購入した人", "orders_count > 0")
	eventually(t, 120*time.Second, "the segment of buyers", func() error {
		var list struct {
			Items []struct {
				Name    string
				Members int
				Stale   *struct{}
			}
		}
		if err := s.call("GET", "/segments", nil, &list); err != nil {
			return err
		}
		for _, x := range list.Items {
			if x.Name == "all_buyers" && x.Members > 300 && x.Stale == nil {
				return nil
			}
		}
		return fmt.Errorf("not there: %+v", list.Items)
	})
	for _, lang := range languages() {
		d.speak(lang)
		d.audiences(lang)
	}
}

// TestBrowserAudienceTrouble: the page of an audience at a real account says what is the matter and what to do: some whom the platform does not take, a token that is taken back,
// a list that was deleted there, a segment that is too small; the alert leads there. What is mended goes on.
func TestBrowserAudienceTrouble(t *testing.T) {
	t.Parallel()
	inLanguages(t, walkAudienceTrouble)
}

func walkAudienceTrouble(t *testing.T, lang string) {
	sim := adsim.NewMeta("123456789", "token", time.Now)
	sim.Everybody("")
	provider := httptest.NewServer(sim)
	t.Cleanup(provider.Close)
	account := "ENISHI_ADS__META_MAIN__"
	s := start(t, []string{"ENISHI_PLACES__DEPOT__DIR=" + t.TempDir(), "ENISHI_ADS__LINE_ADS__PLATFORM=line_ads", "ENISHI_ADS__LINE_ADS__TITLE=LINE広告", "ENISHI_ADS__LINE_ADS__PLACE=depot", "ENISHI_ADS__LINE_ADS__FOLDER=line",
		account + "PLATFORM=meta", account + "TITLE=縁コスメ（Meta）", account + "ACCOUNT=act_123456789", account + "TOKEN=token", account + "CALLS_PER_DAY=50", account + "ENDPOINT=" + provider.URL}, "--data", t.TempDir())
	d := &mailing{builder: builder{openBrowser(t)}, s: s}
	d.speak(lang)
	var batch []map[string]any
	for i := range 120 {
		id := fmt.Sprintf("u%03d", i)
		batch = append(batch, map[string]any{"type": "consent.changed", "id": "c-" + id, "occurred_at": time.Now().UTC().Format(time.RFC3339), "person": map[string]any{"customer_id": id, "email": id + "@mail.example", "traits": map[string]any{"family_name": "縁野", "given_name": fmt.Sprint("花", i)}},
			"consent": []map[string]any{{"channel": "ads", "purpose": "marketing", "state": "in", "method": "form:signup"}}})
	}
	if n, err := s.post(s.enishi("key", "create", "--write"), batch); err != nil || n != len(batch) {
		t.Fatal(n, err)
	}
	s.settled(60 * time.Second)
	s.segment("members", "会員", "has_email")
	s.segment("nobody", "該当者なし", "orders_count > 99")
	d.do("the audiences", chromedp.Navigate(s.base+"/audiences?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("no audience", d.w("audiences.none"), "縁コスメ（Meta）")
	d.shot("audiences-none-" + lang)
	sim.Fail(adsim.Fault{Endpoint: "POST users", Status: 200, Body: `{"audience_id":"1","session_id":"1","num_received":120,"num_invalid_entries":3}`})
	if err := s.call("PUT", "/audiences/members", map[string]any{"title": "会員 / members", "segment": "members", "destination": "meta_main", "expect": 0}, nil); err != nil {
		t.Fatal(err)
	}
	page := s.base + "/audiences/members?lang=" + lang
	d.do("the audience", chromedp.Navigate(page), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("whom the platform does not take", d.w("audiences.refusedTitle"), map[string]string{"ja": "媒体が読めない値がある", "en": "values that the platform cannot read"}[lang], d.w("audiences.andFix"), d.w("audiences.callsOf", 50))
	d.shot("audience-taken-" + lang)
	d.checkPage("audience-taken-"+lang, lang == "ja")

	sim.Revoke(true)
	d.click("main", d.w("audiences.syncNow"))
	d.see("the token", d.w("audiences.problem_auth"), d.w("audiences.fix_auth"))
	d.see("the alert", d.w("nav.toCause"))
	d.shot("audience-auth-" + lang)
	d.checkPage("audience-auth-"+lang, false) // the platform's word
	d.do("another page", chromedp.Navigate(s.base+"/segments?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("the alert", d.w("nav.toCause"))
	d.click("main", d.w("nav.toCause"))
	d.see("the alert leads to the audience", d.w("audiences.tabRuns"), d.w("audiences.problem_auth"))
	d.do("the list", chromedp.Navigate(s.base+"/audiences?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("the list", d.w("audiences.accounts"), map[string]string{"ja": "要対応", "en": "needs somebody"}[lang])
	d.shot("audiences-auth-" + lang)
	d.checkPage("audiences-auth-"+lang, false)
	sim.Revoke(false)
	for _, id := range sim.Lists() {
		sim.Drop(id)
	}
	d.do("the audience", chromedp.Navigate(page), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.click("main", d.w("audiences.syncNow"))
	d.see("a new list", map[string]string{"ja": "同期済み", "en": "in step"}[lang])
	d.click("main", d.w("audiences.tabRuns"))
	d.shot("audience-again-" + lang)

	d.do("a small segment", chromedp.Navigate(s.base+"/audiences/new?segment=nobody&lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.fill("main", d.w("segment.title"), map[string]string{"ja": "特別な人", "en": "The few"}[lang])
	d.option(d.w("audiences.account"), "縁コスメ（Meta）")
	d.see("it is too small", d.w("audiences.tooSmall"), d.w("audiences.thenNobody"))
	d.shot("audience-small-form-" + lang)
	d.checkPage("audience-small-form-"+lang, false)
	d.click("main", d.w("audiences.save"))
	d.see("what to do", d.w("audiences.fix_too_small"))
	d.shot("audience-small-" + lang)
	d.checkPage("audience-small-"+lang, lang == "ja")
	d.uploads(lang)
	d.quiet("trouble in " + lang)
}

// uploads: the files of an audience are uploaded by hand: the page says so until somebody says that they did; whoever left since then is told of by an alert, which ends likewise.
func (d *mailing) uploads(lang string) {
	t, s := d.t, d.s
	t.Helper()
	if err := s.call("PUT", "/audiences/line_members", map[string]any{"title": "会員 / members (LINE)", "segment": "members", "destination": "line_ads", "expect": 0}, nil); err != nil {
		t.Fatal(err)
	}
	page := s.base + "/audiences/line_members?lang=" + lang
	say := func() {
		t.Helper()
		d.click("main", d.w("audiences.uploaded"))
		d.see("what it does", d.w("audiences.uploadedTitle"))
		d.click("[role=dialog]", d.w("audiences.uploaded"))
		d.see("it is on record", d.w("audiences.uploadDone"), d.w("audiences.uploads"), map[string]string{"ja": "同期済み", "en": "in step"}[lang])
	}
	d.do("the files", chromedp.Navigate(page), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("what to do", d.w("audiences.uploadDue"), d.w("audiences.uploadStep3"), "line/line_members/")
	d.shot("audience-upload-" + lang)
	d.checkPage("audience-upload-"+lang, false) // the folder
	say()
	refused := map[string]any{"type": "consent.changed", "id": "c-out", "occurred_at": time.Now().UTC().Format(time.RFC3339), "person": map[string]any{"customer_id": "u000"}, "consent": []map[string]any{{"channel": "ads", "purpose": "marketing", "state": "out", "method": "form:signup"}}}
	if n, err := s.post(s.enishi("key", "create", "--write"), []map[string]any{refused}); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	s.settled(60 * time.Second)
	d.click("main", d.w("audiences.syncNow"))
	left, _, _ := strings.Cut(d.w("audiences.uploadLeft", 1), "{{")
	d.see("somebody left", d.w("audiences.uploadDue"), left, d.w("nav.toCause"))
	d.shot("audience-upload-left-" + lang)
	say()
	d.shot("audience-uploaded-" + lang)
	d.checkPage("audience-uploaded-"+lang, false)
}

// narrowcast sends to an audience at LINE: words that differ from person to person are refused at the field, and LINE gets the others.
func (d *mailing) narrowcast(lang string) {
	d.t.Helper()
	for name, text := range map[string]string{"spring": "春の新作です。店頭でお試しください。", "spring_named": "{{ person.name }}さん、春の新作です。"} {
		d.s.put("template", name+"_"+lang, map[string]any{"title": title("一斉 " + strings.ReplaceAll(name, "_", " ") + " " + lang), "channel": "line", "purpose": "marketing", "variants": map[string]any{"ja": map[string]any{"messages": []any{map[string]any{"type": "text", "text": text}}}}})
	}
	d.do("the audience at LINE", chromedp.Navigate(d.s.base+"/audiences/demo_line?tab=sends&lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("its sends", d.w("narrowcasts.about"))
	d.click("main", d.w("narrowcasts.new"))
	d.see("the form", d.w("narrowcasts.templateHint"))
	send := func(template string) {
		d.t.Helper()
		d.pick("[role=dialog]", d.w("narrowcasts.template"), template)
		d.click("[role=dialog]", js[string](d.browser, "the button", `document.querySelector("[role=dialog] button[type=submit]").innerText.trim()`))
	}
	send("一斉 spring named " + lang)
	d.see("it is refused", map[string]string{"ja": "人によって変わる変数", "en": "person to person"}[lang])
	d.complained("422")
	d.shot("narrowcast-refused-" + lang)
	d.axe("narrowcast-refused-" + lang)
	send("一斉 spring " + lang)
	eventually(d.t, 90*time.Second, "LINE has it", func() error { // what became of it LINE is asked once a minute
		text := js[string](d.browser, "the sends", `document.querySelector("main table")?.innerText ?? ""`)
		for _, state := range map[string][]string{"ja": {"LINE が準備中", "LINE が送信中", "送信済み"}, "en": {"LINE prepares it", "LINE is sending", "sent"}}[lang] {
			if strings.Contains(text, "一斉 spring") && strings.Contains(text, state) {
				return nil
			}
		}
		return errors.New(text)
	})
	d.shot("narrowcasts-" + lang)
	d.checkPage("narrowcasts-"+lang, lang == "ja")
}

// demoStands waits until the audiences of the demo shop are in step with the simulators.
func (d *mailing) demoStands() {
	d.t.Helper()
	eventually(d.t, 120*time.Second, "the audiences of the demo shop", func() error {
		var list struct{ Items []shownAudience }
		if err := d.s.call("GET", "/audiences", nil, &list); err != nil {
			return err
		}
		stands := 0
		for i := range list.Items {
			if x := &list.Items[i]; strings.HasPrefix(x.Name, "demo_") && x.State == "done" && x.InList > 50 {
				stands++
			}
		}
		if stands != len(demoAudiences) {
			return fmt.Errorf("%+v", list.Items)
		}
		return nil
	})
}

// segment saves a segment of the whole expression.
func (s *server) segment(name, title, expression string) {
	s.t.Helper()
	if err := s.call("PUT", "/segments/"+name, map[string]any{"title": map[string]any{"ja": title, "en": title}, "description": map[string]any{"ja": "", "en": ""}, "expression": expression, "expect": 0}, nil); err != nil {
		s.t.Fatal(err)
	}
}

// option takes one of a list that is opened by a click.
func (d *mailing) option(label, word string) {
	d.t.Helper()
	eventually(d.t, 20*time.Second, label+": "+word, func() error {
		if !js[bool](d.browser, word, fmt.Sprintf(`(() => { const o = [...document.querySelectorAll("[role=option]")].find(o => o.offsetParent && o.innerText.trim().startsWith(%q)); if (o) { o.click(); return true; }
			[...document.querySelectorAll("main input")].find(e => e.offsetParent && (e.labels?.[0]?.innerText ?? e.getAttribute("aria-label") ?? "").replace(/ ?\*$/, "").trim() === %q)?.click(); return false; })()`, word, label)) {
			return errors.New("is not offered")
		}
		return nil
	})
}

// complained takes back what the page had to complain of an answer that was asked for.
func (b *browser) complained(status string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	there := len(b.said)
	if b.said = slices.DeleteFunc(b.said, func(s string) bool { return strings.Contains(s, "status of "+status) }); len(b.said) == there {
		b.t.Errorf("no answer %s", status)
	}
}

func (d *mailing) audiences(lang string) {
	t, s := d.t, d.s
	t.Helper()
	title := map[string]string{"ja": "購入した人を除外", "en": "Spare buyers"}[lang]
	japanese := lang == "ja"
	d.do("the audiences", chromedp.Navigate(s.base+"/audiences?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("the demo shop's own", d.w("audiences.nothingLeaves"), demoAudiences[0].title, demoAudiences[1].title, demoAudiences[2].title, d.w("audiences.allSimulated"), "Google LLC")
	d.demoStands()
	d.click("main", d.w("audiences.config"))
	d.shot("audiences-demo-" + lang)
	d.checkPage("audiences-demo-"+lang, false) // the example of a configuration has English words

	d.narrowcast(lang)
	d.do("the audiences", chromedp.Navigate(s.base+"/audiences?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.click("main", d.w("audiences.new"))
	d.see("the form", d.w("audiences.choose"))
	d.fill("main", d.w("segment.title"), title)
	d.option(d.w("audiences.account"), "Google Ads")
	d.pick("main", d.w("audiences.segment"), "敏感肌の方")
	d.see("why it is refused", map[string]string{"ja": "広告媒体には送れません", "en": "such people are not told to advertising platforms"}[lang])
	if !js[bool](d.browser, "save", fmt.Sprintf(`[...document.querySelectorAll("main button")].find(e => e.innerText.trim() === %q).disabled`, d.w("audiences.save"))) {
		t.Error("a sensitive segment can be saved")
	}
	d.complained("422") // of the forecast
	d.shot("audiences-refused-" + lang)
	d.axe("audiences-refused-" + lang)
	d.pick("main", d.w("audiences.segment"), "購入した人")
	d.click("main", d.w("audiences.use_exclude"))
	d.see("the forecast", d.w("audiences.forecastAbout"), d.w("audiences.leftOut"), map[string]string{"ja": "第三者提供の同意がない", "en": "no permission to hand over"}[lang])
	d.do("it stands", chromedp.WaitNotPresent(chromedp.CSS(`[aria-busy=true]`)))
	d.shot("audiences-form-" + lang)
	d.checkPage("audiences-form-"+lang, false) // the internal name
	d.click("main", d.w("audiences.save"))
	d.see("it is synced", title, map[string]string{"ja": "同期済み", "en": "in step"}[lang])
	d.see("what was told", d.w("audiences.tabCalls"), d.w("audiences.law"), d.w("audiences.listId"))
	d.click("main", d.w("audiences.whoNow"))
	d.see("who is left out", d.w("audiences.noCalls"))
	d.shot("audience-" + lang)
	d.checkPage("audience-"+lang, japanese)
	name := js[string](d.browser, "name", `location.pathname.split("/").pop()`)

	type standing struct {
		State            string
		Wanted           int
		InList           int  `json:"in_list"`
		Matched          *int `json:"matched"`
		CallsToday       int  `json:"calls_today"`
		Body             struct{ Paused bool }
		Runs, Calls      []struct{}
		DestinationTitle string `json:"destination_title"`
	}
	var a standing
	eventually(t, 60*time.Second, "the platform knows them", func() error {
		if err := s.call("GET", "/audiences/"+name, nil, &a); err != nil {
			return err
		}
		if a.State != "done" || a.InList == 0 || a.InList != a.Wanted || a.CallsToday == 0 || a.Matched == nil {
			return fmt.Errorf("%+v", a)
		}
		return nil
	})
	number := func(what string) { // visitors of the shop buy all the while
		t.Helper()
		eventually(t, 60*time.Second, what, func() error {
			if err := s.call("GET", "/audiences/"+name, nil, &a); err != nil {
				return err
			}
			if text := js[string](d.browser, what, `document.querySelector("main").innerText`); !strings.Contains(text, fmt.Sprint(a.InList)) {
				return fmt.Errorf("no %d in %s", a.InList, text)
			}
			return nil
		})
	}
	number("its numbers")
	d.click("main", d.w("audiences.tabCalls"))
	d.see("the calls", d.w("audiences.op_add"), d.w("audiences.call_done"))
	d.shot("audience-calls-" + lang)
	d.axe("audience-calls-" + lang)
	d.click("main", d.w("audiences.tabRuns"))
	d.see("the runs", d.w("audiences.runOk"))
	runs := len(a.Runs)

	d.click("main", d.w("audiences.pause"))
	d.see("what a pause does", d.w("audiences.pauseTitle", title))
	d.shot("audience-pause-" + lang)
	d.click("[role=dialog]", d.w("audiences.pause"))
	d.see("it is paused", map[string]string{"ja": "一時停止中", "en": "paused"}[lang], d.w("audiences.resume"))
	d.click("main", d.w("audiences.resume"))
	d.see("it goes on", d.w("audiences.pause"))
	d.click("main", d.w("audiences.syncNow"))
	d.see("it is told", d.w("audiences.syncing"))
	eventually(t, 60*time.Second, "runs", func() error {
		if err := s.call("GET", "/audiences/"+name, nil, &a); err != nil || len(a.Runs) <= runs || a.State != "done" || a.Body.Paused {
			return fmt.Errorf("%+v %w", a, err)
		}
		return nil
	})
	d.see("it is in step again", map[string]string{"ja": "同期済み", "en": "in step"}[lang])
	d.shot("audience-runs-" + lang)
	d.checkPage("audience-runs-"+lang, japanese)

	d.do("edit", chromedp.Navigate(s.base+"/audiences/"+name+"/edit?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	then, _, _ := strings.Cut(d.w("audiences.thenChange"), " {{")
	d.see("the form of it", d.w("audiences.accountStays"), then)
	d.click("main", d.w("audiences.daily"))
	d.click("main", d.w("audiences.saveChange"))
	d.see("it is daily", d.w("audiences.dailyAt", "03:30"))

	d.do("the list", chromedp.Navigate(s.base+"/audiences?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("the list", title, "購入した人")
	number("the list's numbers")
	d.shot("audiences-" + lang)
	d.checkPage("audiences-"+lang, japanese)
	d.do("the segments", chromedp.Navigate(s.base+"/segments?q=all_buyers&lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("what the segments are used in", d.w("segments.usedIn"), title)
	d.shot("audience-segments-" + lang)
	d.axe("audience-segments-" + lang)
	d.do("the segment", chromedp.Navigate(s.base+"/segments/all_buyers?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("the segment", d.w("segments.usedIn"), title, d.w("segment.toAds"))
	d.shot("audience-segment-" + lang)
	d.checkPage("audience-segment-"+lang, false) // the internal name
	d.click("main", d.w("segment.delete"))
	d.see("what becomes of the audience", d.w("segment.deleteAudiences"))
	d.shot("audience-segment-delete-" + lang)
	d.click("[role=dialog]", d.w("cancel"))
	d.click("main", d.w("segment.toAds"))
	d.see("the form", d.w("audiences.noAccount"))
	if v := js[string](d.browser, "the segment", `[...document.querySelectorAll("main input")].find(e => e.value.startsWith("購入した人"))?.value ?? ""`); v == "" {
		t.Error("the form does not have the segment")
	}

	// Somebody who was told: the forecast of nobody's consent would be empty, so one is looked for among those in the list.
	var forecast struct {
		Some []struct{ Person, What string }
	}
	if err := s.call("POST", "/audiences/try", map[string]any{"body": map[string]any{"title": "x", "segment": "all_buyers", "destination": "google"}}, &forecast); err != nil {
		t.Fatal(err)
	}
	person := ""
	for _, x := range forecast.Some {
		if x.What == "add" {
			person = x.Person
			break
		}
	}
	d.do("somebody", chromedp.Navigate(s.base+"/people/"+person+"?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.click("main", d.w("audiences.disclosures"))
	d.see("what was told of them", "Google LLC", title, d.w("audiences.key_email"), d.w("audiences.basis_consent"))
	d.shot("audience-disclosures-" + lang)
	d.checkPage("audience-disclosures-"+lang, false) // sources of the demo shop
	d.quiet("the walk in " + lang)
	if full() {
		js[string](d.browser, "theme", `(localStorage.setItem("mantine-color-scheme-value", "dark"), "set")`)
		for what, path := range map[string]string{"audiences": "/audiences", "audience": "/audiences/" + name, "audience-edit": "/audiences/" + name + "/edit"} {
			d.do(what+" in the dark", chromedp.Navigate(s.base+path+"?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
			d.see(what, map[string]string{"audience-edit": d.w("audiences.forecastAbout")}[what], d.w("nav.audiences"))
			d.do("loaded", chromedp.WaitNotPresent(chromedp.CSS(`[aria-busy=true]`)))
			d.shot(what + "-dark-" + lang)
			d.axe(what + "-dark-" + lang)
		}
		js[string](d.browser, "theme", `(localStorage.setItem("mantine-color-scheme-value", "light"), "set")`)
	}

	d.do("the audience", chromedp.Navigate(s.base+"/audiences/"+name+"?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("the audience", title)
	d.click("main", d.w("moreActions"))
	d.click("[role=menu]", d.w("audiences.delete"))
	d.see("what deleting does", d.w("audiences.deleteTitle", title), a.DestinationTitle)
	d.shot("audience-delete-" + lang)
	d.click("[role=dialog]", d.w("audiences.deleteDo"))
	d.see("it is gone", d.w("audiences.accounts"), demoAudiences[0].title)
	if text := js[string](d.browser, "the list", `document.querySelector("main").innerText`); strings.Contains(text, title) {
		t.Errorf("the deleted one is there: %s", text)
	}
	d.do("somebody", chromedp.Navigate(s.base+"/people/"+person+"?tab=disclosures&lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("the record stays", "Google LLC")
	d.quiet("after the deletion in " + lang)
}
