//go:build browser

package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestBrowserPulls: a scheduled pull is made in the console, what is there is looked at before, its file comes with one row to mend, it
// is paused and goes on.
func TestBrowserPulls(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		t.Run(lang, func(t *testing.T) {
			if lang == "en" && os.Getenv("ENISHI_FULL") == "" {
				t.Skip("walked by make test-full")
			}
			walkPulls(t, lang)
		})
	}
}

func walkPulls(t *testing.T, lang string) {
	dir := t.TempDir()
	s := start(t, []string{"ENISHI_PLACES__WAREHOUSE__DIR=" + dir}, "--data", t.TempDir())
	d := &mailing{builder: builder{openBrowser(t)}, s: s}
	d.speak(lang)
	for name, content := range map[string][]byte{"juchu-1.csv": shopOrders(t), "juchu-1.csv.done": []byte("ok")} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d.do("the imports", chromedp.Navigate(s.base+"/imports?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("no pull", d.w("pulls.none"))
	d.click("main", d.w("pulls.add"))
	d.fill("[role=dialog]", d.w("pulls.name"), "毎朝の受注")
	d.fill("[role=dialog]", d.w("pulls.pattern"), "juchu-*.csv")
	d.fill("[role=dialog]", d.w("pulls.ready"), ".done")
	d.pick("[role=dialog]", d.w("imports.format"), map[string]string{"ja": "EC-CUBE 4 受注CSV", "en": "EC-CUBE 4 orders"}[lang])
	d.click("[role=dialog]", d.w("pulls.look"))
	d.see("what is there", "juchu-1.csv")
	d.shot("pulls-form-" + lang)
	d.click("[role=dialog]", d.w("pulls.save"))
	d.see("what came", "毎朝の受注", d.w("pulls.file_taken"), "39", "三千三百円")
	d.shot("pulls-" + lang)
	d.checkPage("pulls-"+lang, false)
	eventually(t, 20*time.Second, "the rows to mend are beside it", func() error {
		_, err := os.Stat(filepath.Join(dir, "juchu-1.csv.rejects.csv"))
		if _, there := os.Stat(filepath.Join(dir, "juchu-1.csv")); err == nil && there == nil {
			return errors.New("the file is still there")
		}
		return err
	})
	d.click("main", d.w("pulls.pause"))
	d.see("it stands still", d.w("pulls.is_paused"), d.w("pulls.resume"))
	d.click("main", d.w("pulls.resume"))
	d.see("it goes on", d.w("pulls.is_ok"))
	d.quiet("the walk")
}
