//go:build browser

package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestBrowserPerson: a person's page tells who she is, by whom each fact was told, on what evidence mail may go to her, who shares her
// address, what she did over years; a note is written. The page of a product that she asked for tells its stores and who waits for it.
func TestBrowserPerson(t *testing.T) {
	t.Parallel()
	inLanguages(t, walkPerson)
}

func walkPerson(t *testing.T, lang string) {
	s := start(t, nil, "--data", t.TempDir())
	d := &mailing{builder: builder{openBrowser(t)}, s: s}
	d.speak(lang)
	key := s.enishi("key", "create", "--write")
	now := time.Now().UTC()
	ago := func(days int) string { return now.AddDate(0, 0, -days).Format(time.RFC3339) }
	home := func(more map[string]any) map[string]any {
		more["family_name"], more["postal_code"], more["prefecture"], more["city"], more["address1"] = "縁野", "1500001", "東京都", "渋谷区", "神宮前1-2-3"
		return more
	}
	order := func(id string, days int) map[string]any {
		return map[string]any{"type": "order.placed", "id": id, "occurred_at": ago(days), "historical": true, "person": map[string]any{"customer_id": "hana"},
			"order": map[string]any{"order_id": id, "currency": "JPY", "total": "3300", "lines": []map[string]any{{"product_id": "P1", "name": "うるおい化粧水", "quantity": 1, "price": "3300"}}}}
	}
	batch := []map[string]any{
		{"type": "user.signed_up", "id": "1", "occurred_at": ago(900), "historical": true, "person": map[string]any{"customer_id": "hana", "email": "hana@gmial.com", "traits": home(map[string]any{"given_name": "花", "shoe_size": "24"})}},
		{"type": "consent.changed", "id": "2", "occurred_at": ago(880), "historical": true, "person": map[string]any{"customer_id": "hana", "email": "hana@gmial.com"}, "consent": []map[string]any{{"channel": "email", "purpose": "marketing", "state": "in", "method": "form", "text": "新商品のお知らせを受け取る"}}},
		{"type": "person.identified", "id": "3", "occurred_at": ago(400), "historical": true, "person": map[string]any{"customer_id": "hana", "traits": map[string]any{"shoe_size": "24.5"}}},
		order("O-1", 800), order("O-2", 30),
		{"type": "user.signed_up", "id": "4", "person": map[string]any{"customer_id": "sora", "traits": home(map[string]any{"given_name": "空"})}},
		{"type": "stock_alert.requested", "id": "5", "person": map[string]any{"customer_id": "hana"}, "web": map[string]any{"product": map[string]any{"product_id": "P1"}}},
	}
	for i, x := range batch {
		by := key
		if i == 2 {
			by = s.enishi("key", "create", "--write", "survey")
		}
		if n, err := s.post(by, []map[string]any{x}); n != 1 || err != nil {
			t.Fatal(x, err)
		}
	}
	s.put("setting", "stores", map[string]any{"ginza": "銀座店"})
	var written struct{ Position string }
	if err := s.call("PUT", "/catalogue/products/P1", map[string]any{"product_id": "P1", "name": "うるおい化粧水", "price": "3300", "stores": map[string]any{"ginza": 0}, "stock": 0}, &written); err != nil {
		t.Fatal(err)
	}
	s.settled(60 * time.Second)
	var found struct{ Items []struct{ ID, Name string } }
	if err := s.call("GET", "/people?q=hana", nil, &found); err != nil || len(found.Items) != 1 {
		t.Fatal(found, err)
	}
	page := "/people/" + found.Items[0].ID
	open := func(what, path string, words ...string) {
		t.Helper()
		d.do(what, chromedp.Navigate(s.base+path), chromedp.WaitVisible(chromedp.CSS(`h1`)))
		d.see(what, words...)
	}
	open("her page", page+"?lang="+lang, "縁野 花", "24.5", d.w("household.title"), "縁野 空", d.w("mistyped.meant", "hana@gmail.com"), d.w("features.title"), "O-2")
	d.shot("person-whole-" + lang)
	d.checkPage("person-whole-"+lang, false) // the shop's own trait has its own name

	d.click("main", "24.5")
	d.see("who said so", d.w("permission.source", "survey"))
	d.shot("person-trait-" + lang)
	d.axe("person-trait-" + lang)
	d.click("[role=dialog]", d.w("close"))
	d.click("main", d.w("notes.add"))
	d.fill("[role=dialog]", d.w("notes.text"), "ご主人も常連です。")
	d.click("[role=dialog]", d.w("notes.save"))
	d.see("the note", "ご主人も常連です。")

	open("her old orders", page+"?kinds=order&lang="+lang, "O-1", "O-2")
	if js[bool](d.browser, "only orders", fmt.Sprintf(`document.querySelector("[role=tabpanel]").innerText.includes(%q)`, "24.5")) {
		t.Error("a filter by orders shows a survey")
	}
	month := now.AddDate(0, 0, -800).Format("2006-01")
	open("the month of an old order", page+"?until="+month+"&lang="+lang, "O-1")
	eventually(t, 20*time.Second, "what came later is not there", func() error {
		if js[bool](d.browser, "later", `document.querySelector("[role=tabpanel]").innerText.includes("O-2")`) {
			return errors.New("O-2 is there")
		}
		return nil
	})
	open("her permissions", page+"?tab=consents&lang="+lang, "新商品のお知らせを受け取る")
	d.shot("person-consents-" + lang)
	d.axe("person-consents-" + lang)
	d.quiet("her page")

	open("the typos", "/identity?lang="+lang, d.w("mistyped.row", "gmial.com", "gmail.com", 1), "縁野 花")
	d.shot("identity-mistyped-" + lang)
	d.checkPage("identity-mistyped-"+lang, lang == "ja")
	if err := s.call("GET", "/catalogue?after="+written.Position, nil, nil); err != nil {
		t.Fatal(err)
	}
	open("the products", "/catalogue?lang="+lang, "うるおい化粧水", d.w("catalogue.out"))
	d.shot("catalogue-" + lang)
	d.checkPage("catalogue-"+lang, lang == "ja")
	open("the product", "/catalogue/P1?lang="+lang, "うるおい化粧水", "銀座店", d.w("catalogue.people.waiting"))
	if err := s.call("PUT", "/catalogue/products/P1", map[string]any{"product_id": "P1", "name": "うるおい化粧水", "price": "3300", "stores": map[string]any{"ginza": 30}, "stock": 30}, nil); err != nil {
		t.Fatal(err)
	}
	d.see("it is back, and one was told", d.w("catalogue.onSale"), map[string]string{"ja": "再入荷", "en": "ack in stock"}[lang])
	if js[bool](d.browser, "words with holes", `document.querySelector("main").innerText.includes("{{")`) {
		t.Error("the product's page shows a word with its holes")
	}
	d.shot("product-" + lang)
	d.checkPage("product-"+lang, lang == "ja")
	d.quiet("the walk")
	if !full() {
		return
	}
	js[string](d.browser, "theme", `(localStorage.setItem("mantine-color-scheme-value", "dark"), "set")`)
	for name, path := range map[string]string{"person": page, "product": "/catalogue/P1", "identity": "/identity"} {
		open(name+" in the dark", path+"?lang="+lang)
		d.do("loaded", chromedp.WaitNotPresent(chromedp.CSS(`[aria-busy=true]`)))
		d.shot(name + "-dark-" + lang)
		d.axe(name + "-dark-" + lang)
	}
	d.quiet("the dark")
}
