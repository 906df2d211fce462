//go:build browser

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"enishi/ingest/files"
	"enishi/ingest/presets"
)

// TestBrowserImport: a shop's CP932 file is recognised, its wrong row is marked, the others come in, the row is mended and comes too;
// a file that nobody knows is read by its columns, and what they are is kept.
func TestBrowserImport(t *testing.T) {
	t.Parallel()
	inLanguages(t, walkImport)
}

// shopOrders is a file as EC-CUBE writes it: 40 orders, the third of which has its sum in words.
func shopOrders(t *testing.T) []byte {
	t.Helper()
	preset, ok := presets.Find("eccube-orders")
	if !ok {
		t.Fatal("there is no preset for EC-CUBE")
	}
	var b strings.Builder
	b.WriteString(strings.Join(preset.Headers, ",") + "\r\n")
	for i := range 40 {
		row := map[string]string{"注文ID": fmt.Sprint(i), "注文番号": fmt.Sprintf("2025-%02d", i), "会員ID": fmt.Sprint(i), "お名前(姓)": "縁野", "お名前(名)": "葵", "メールアドレス": fmt.Sprintf("p%d@mail.example", i), "小計": "3300",
			"支払合計": "3300", "対応状況(名称)": "発送済み", "支払方法(名称)": "代金引換", "受注日": fmt.Sprintf("2025/%d/1 09:30", i%9+1), "商品ID": "3", "商品名": "お茶", "商品コード": "TEA-1", "価格": "3000", "個数": "1", "税率": "10", "明細区分(名称)": "商品"}
		if i == 2 {
			row["支払合計"] = "三千三百円"
		}
		cells := make([]string, len(preset.Headers))
		for n, h := range preset.Headers {
			cells[n] = row[h]
		}
		b.WriteString(strings.Join(cells, ",") + "\r\n")
	}
	return files.Encode(nil, b.String(), files.CP932)
}

func walkImport(t *testing.T, lang string) {
	dir := t.TempDir()
	s := start(t, nil, "--data", t.TempDir())
	d := &mailing{builder: builder{openBrowser(t)}, s: s}
	d.speak(lang)
	choose := func(what, name string, content []byte) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		d.do(what, chromedp.WaitReady(chromedp.CSS(`main input[type=file]`)), chromedp.SetUploadFiles(chromedp.CSS(`main input[type=file]`), []string{path}))
	}
	format := func(want string) {
		t.Helper()
		eventually(t, 20*time.Second, "the format", func() error {
			if got := js[string](d.browser, "the format", `[...document.querySelectorAll("main input")].map(e => e.value).join(" | ")`); !strings.Contains(got, want) {
				return errors.New(got)
			}
			return nil
		})
	}
	take := func(n int) {
		t.Helper()
		d.click("main", d.w("imports.check"))
		d.click("main", d.w("imports.start", n))
		d.see("what came", d.w("imports.came", n), d.w("imports.history"))
	}
	people := func(expression string, want int64) {
		t.Helper()
		eventually(t, 60*time.Second, expression, func() error {
			var got struct{ Count int64 }
			if err := s.call("POST", "/segments/count", map[string]any{"expression": expression}, &got); err != nil || got.Count != want {
				return fmt.Errorf("%d people, want %d: %w", got.Count, want, err)
			}
			return nil
		})
	}
	d.do("the imports", chromedp.Navigate(s.base+"/imports?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("no import", d.w("imports.none"))
	d.checkPage("imports-none-"+lang, lang == "ja")
	choose("a shop's file", "受注.csv", shopOrders(t))
	format(map[string]string{"ja": "EC-CUBE 4 受注CSV", "en": "EC-CUBE 4 orders"}[lang])
	format("Shift_JIS (CP932)")
	d.see("the wrong row", "三千三百円", "支払合計")
	eventually(t, 20*time.Second, "its cell is marked", func() error {
		if wrong := js[string](d.browser, "the marked cells", `[...document.querySelectorAll("td[data-wrong]")].map(e => e.innerText).join()`); wrong != "三千三百円" {
			return fmt.Errorf("marked is %q", wrong)
		}
		return nil
	})
	d.shot("import-form-" + lang)
	d.checkPage("import-form-"+lang, false) // it shows what stands in the file
	take(39)
	d.see("what did not", d.w("imports.toMend", 1), "三千三百円", d.w("imports.mendTake"))
	d.shot("import-done-" + lang)
	d.checkPage("import-done-"+lang, false)
	people(`orders_count == 1 && ltv == 3300`, 39)

	link := js[string](d.browser, "the file to mend", `document.querySelector("main a[download]").href`)
	answer, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	mend, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		t.Fatal(err)
	}
	choose("the mended file", "mended.csv", bytes.ReplaceAll(mend, files.Encode(nil, "三千三百円", files.CP932), []byte("3300")))
	d.see("one row", "mended.csv")
	take(1)
	people(`orders_count == 1 && ltv == 3300`, 40)

	d.do("the imports", chromedp.Navigate(s.base+"/imports?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	d.see("both", "受注.csv", "mended.csv", d.w("imports.is_done"))
	d.shot("imports-" + lang)
	d.checkPage("imports-"+lang, lang == "ja")
	choose("a file that nobody knows", "points.csv", []byte("お客様番号,付与日,ポイント数\n1,2025/3/1,50\n2,2025/3/2,80\n"))
	format(d.w("importKind.points"))
	d.see("what is missing", d.w("imports.lacking", d.w("importField.customer")))
	d.pick("main", d.w("importField.customer"), "お客様番号")
	d.click("main", d.w("imports.save"))
	d.shot("import-columns-" + lang)
	d.checkPage("import-columns-"+lang, false)
	take(2)
	d.quiet("the walk")
}
