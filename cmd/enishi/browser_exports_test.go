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

// TestBrowserExports: products are exported once, to be downloaded; then kept as an export that goes to a place every day, which is run, paused
// and deleted; what is wrong with a folder is said at its field.
func TestBrowserExports(t *testing.T) {
	t.Parallel()
	inLanguages(t, walkExports)
}

func walkExports(t *testing.T, lang string) {
	lake := t.TempDir()
	s := start(t, []string{"ENISHI_PLACES__LAKE__DIR=" + lake}, "--data", t.TempDir())
	var products []any
	for i := range 300 {
		products = append(products, map[string]any{"product_id": fmt.Sprintf("P-%03d", i), "name": fmt.Sprintf("玉露 %d", i), "price": "1200.5", "stock": i})
	}
	if err := s.call("POST", "/catalogue/products", map[string]any{"products": products}, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the products", func() error {
		var got struct{ Total int64 }
		if err := s.call("GET", "/catalogue", nil, &got); err != nil || got.Total != 300 {
			return fmt.Errorf("%d products: %w", got.Total, err)
		}
		return nil
	})
	d := &mailing{builder: builder{openBrowser(t)}, s: s}
	d.speak(lang)
	d.do("outgoing data", chromedp.Navigate(s.base+"/outflow?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("no export", d.w("bulk.none"))
	d.shot("exports-none-" + lang)
	d.checkPage("exports-none-"+lang, lang == "ja")
	title := map[string]string{"ja": "商品", "en": "Products"}[lang]

	choose := func(label, word string) { // of a list that is not searched
		t.Helper()
		eventually(t, 20*time.Second, label+": "+word, func() error {
			if !js[bool](d.browser, word, fmt.Sprintf(`(() => { const o = [...document.querySelectorAll("[role=option]")].find(o => o.offsetParent && o.innerText.trim() === %q); if (o) { o.click(); return true; }
				[...document.querySelectorAll("[role=dialog] input")].find(e => e.offsetParent && (e.labels?.[0]?.innerText ?? "").trim() === %q)?.click(); return false; })()`, word, label)) {
				return errors.New("is not offered")
			}
			return nil
		})
	}
	d.click("main", d.w("bulk.open"))
	d.pick("[role=dialog]", d.w("bulk.tables"), title)
	choose(d.w("bulk.format"), "CSV")
	d.fill("[role=dialog]", d.w("reason"), "在庫の分析")
	d.shot("exports-form-" + lang)
	d.click("[role=dialog]", d.w("bulk.do"))
	d.see("it is done", d.w("bulk.is_done"), "catalogue.csv", "300")
	d.shot("exports-done-" + lang)
	d.checkPage("exports-done-"+lang, false)

	d.click("main", d.w("bulk.open"))
	d.pick("[role=dialog]", d.w("bulk.tables"), title)
	choose(d.w("bulk.place"), "lake")
	d.fill("[role=dialog]", d.w("bulk.folder"), "../out")
	d.do("keep", chromedp.Click(chromedp.CSS(`[role=dialog] input[role=switch]`)))
	d.fill("[role=dialog]", d.w("bulk.name"), map[string]string{"ja": "倉庫への連携", "en": "Warehouse"}[lang])
	choose(d.w("bulk.every"), d.w("bulk.day"))
	d.fill("[role=dialog]", d.w("reason"), map[string]string{"ja": "倉庫の在庫と突き合わせるため", "en": "To compare with the warehouse"}[lang])
	d.click("[role=dialog]", d.w("bulk.saveDo"))
	d.see("what is wrong", map[string]string{"ja": "置き場所の中のパス", "en": "a path within the place"}[lang])
	d.shot("exports-wrong-" + lang)
	d.fill("[role=dialog]", d.w("bulk.folder"), "enishi")
	d.click("[role=dialog]", d.w("bulk.saveDo"))
	d.see("it is kept", d.w("bulk.plans"), "03:30", "lake")
	d.click("main", d.w("bulk.again"))
	eventually(t, 60*time.Second, "the files at the place", func() error {
		if files, err := filepath.Glob(filepath.Join(lake, "enishi", "*", "*", "manifest.json")); err != nil || len(files) != 1 {
			return errors.Join(err, fmt.Errorf("%d manifests", len(files)))
		}
		return nil
	})
	d.see("where it is", "lake:enishi/")
	d.click("main", d.w("bulk.pause"))
	d.see("it stands still", d.w("bulk.paused"), d.w("bulk.resume"))
	d.shot("exports-plans-" + lang)
	d.checkPage("exports-plans-"+lang, false)
	d.click("main", d.w("bulk.edit"))
	d.click("[role=dialog]", d.w("bulk.delete"))
	d.do("it is gone", chromedp.WaitNotPresent(chromedp.CSS(`[role=dialog]`)))
	if left, err := os.ReadDir(lake); err != nil || len(left) != 1 {
		t.Errorf("files of a deleted export are gone too: %v %v", left, err)
	}
}
