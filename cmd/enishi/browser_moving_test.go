//go:build browser

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestBrowserMoving: an export of Klaviyo is moved in. Without the list of who refused it does not begin; with it the refusals are taken
// first, the report says who was left out, sending is off until somebody turns it on, who is told what goes then.
func TestBrowserMoving(t *testing.T) {
	t.Parallel()
	inLanguages(t, walkMoving)
}

func walkMoving(t *testing.T, lang string) {
	s := start(t, nil, "--data", t.TempDir())
	d := &mailing{builder: builder{openBrowser(t)}, s: s}
	d.speak(lang)
	dir := t.TempDir()
	bring := func(name, preset string) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join("..", "..", "ingest", "presets", "testdata", preset+".csv"))
		path := filepath.Join(dir, name)
		if err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		d.do("bring "+name, chromedp.WaitReady(chromedp.CSS(`main input[type=file]`)), chromedp.SetUploadFiles(chromedp.CSS(`main input[type=file]`), []string{path}))
		d.see(name+" is there", name)
	}
	sending := func(want string) {
		t.Helper()
		var x struct{ State string }
		if err := s.call("GET", "/sending", nil, &x); err != nil || x.State != want {
			t.Errorf("sending is %q, not %q: %v", x.State, want, err)
		}
	}
	d.do("moving", chromedp.Navigate(s.base+"/moving?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("nothing was moved", d.w("moving.none"))
	d.shot("moving-none-" + lang)
	d.checkPage("moving-none-"+lang, lang == "ja")
	d.click("main", "Klaviyo")
	d.see("what to export", d.w("moving.export_klaviyo"))
	bring("all_profiles.csv", "klaviyo-profiles")
	d.see("who refused is missing", d.w("moving.cannot"))
	d.shot("moving-stopped-" + lang)
	d.checkPage("moving-stopped-"+lang, false) // it names files and columns
	sending("on")
	bring("suppressed_profiles.csv", "klaviyo-suppressed")
	d.see("refusals first", "1. suppressed_profiles.csv", "2. all_profiles.csv")
	d.click("main", d.w("moving.start"))
	d.see("what will happen", d.w("moving.startText"))
	d.shot("moving-start-" + lang)
	d.click("[role=dialog]", d.w("moving.start"))
	d.see("the report", d.w("moving.is_done"), d.w("moving.off"), d.w("moving.overruled"), "suppressed_profiles.csv")
	d.shot("moving-report-" + lang)
	d.checkPage("moving-report-"+lang, false)
	sending("off")
	var people struct{ Count int64 }
	s.settled(60 * time.Second)
	if err := s.call("POST", "/segments/count", map[string]any{"expression": "consent.email"}, &people); err != nil || people.Count != 2 {
		t.Errorf("%d may get mail: %v", people.Count, err)
	}
	d.click("main", d.w("moving.on"))
	d.see("what goes then", d.w("moving.onTitle"))
	d.shot("moving-on-" + lang)
	d.click("[role=dialog]", d.w("moving.on"))
	d.see("it is on", d.w("moving.overruled"))
	eventually(t, 20*time.Second, "the warning is gone", func() error {
		if js[bool](d.browser, "the warning", fmt.Sprintf(`document.querySelector("main").innerText.includes(%q)`, d.w("moving.off"))) {
			return errors.New("it is there")
		}
		return nil
	})
	sending("on")
	d.do("the moves", chromedp.Navigate(s.base+"/moving?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`main table`)))
	d.shot("moving-" + lang)
	d.checkPage("moving-"+lang, false)
	d.quiet("moving")
}
