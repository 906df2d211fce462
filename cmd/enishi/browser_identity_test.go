//go:build browser

package main

import (
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestBrowserIdentity: a family's browser made one person of two; the console says by which event, foretells what the undo does, and
// undoes it: two people are there, and later events of the browser do not join them again. The page of identity tells of the rest.
func TestBrowserIdentity(t *testing.T) {
	t.Parallel()
	inLanguages(t, walkIdentity)
}

func walkIdentity(t *testing.T, lang string) {
	s := start(t, nil, "--data", t.TempDir())
	d := &mailing{builder: builder{openBrowser(t)}, s: s}
	d.speak(lang)
	key := s.enishi("key", "create", "--write")
	names := func(family, given string) map[string]any {
		return map[string]any{"family_name": family, "given_name": given, "birthday": "1990-05-01"}
	}
	order := func(id, total string) map[string]any {
		return map[string]any{"order_id": id, "currency": "JPY", "total": total, "lines": []map[string]any{{"product_id": "P1", "quantity": 1, "price": total}}}
	}
	events := []map[string]any{
		{"type": "user.signed_up", "id": "1", "person": map[string]any{"customer_id": "C1", "anonymous_id": "b1", "traits": names("佐藤", "花子")}},
		{"type": "order.placed", "id": "2", "person": map[string]any{"customer_id": "C1"}, "order": order("o1", "3300")},
		{"type": "person.identified", "id": "3", "person": map[string]any{"email": "taro@mail.example", "anonymous_id": "b1"}}, // the family's browser
		{"type": "order.placed", "id": "4", "person": map[string]any{"email": "taro@mail.example", "traits": names("佐藤", "太郎")}, "order": order("o2", "5500")},
		{"type": "user.signed_up", "id": "5", "person": map[string]any{"customer_id": "C2", "anonymous_id": "b1", "traits": names("鈴木", "葵")}},
		{"type": "user.signed_up", "id": "6", "person": map[string]any{"customer_id": "C3", "traits": names("葵", "鈴木")}},
	}
	send := func(events ...map[string]any) {
		if n, err := s.post(key, events); n != len(events) || err != nil {
			t.Fatal(n, err)
		}
		s.settled(30 * time.Second)
	}
	send(events...)
	person := func(identifier string) (p struct {
		ID     string
		Header struct {
			OrdersCount int `json:"orders_count"`
		}
		Identifiers []struct{ Value string }
	}) {
		var found struct{ Items []struct{ ID string } }
		if err := s.call("GET", "/people?q="+url.QueryEscape(identifier), nil, &found); err != nil || len(found.Items) != 1 {
			t.Fatalf("%s finds %+v, %v", identifier, found, err)
		}
		if err := s.call("GET", "/people/"+found.Items[0].ID, nil, &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	one := person("C1")
	eventually(t, 20*time.Second, "the two are one", func() error {
		if one = person("C1"); one.Header.OrdersCount != 2 || len(one.Identifiers) != 3 {
			return fmt.Errorf("%+v", one)
		}
		return nil
	})

	merges := fmt.Sprintf("section[aria-label=%q]", d.w("person.merges"))
	d.do("her page", chromedp.Navigate(s.base+"/people/"+one.ID+"?lang="+lang), chromedp.WaitVisible(chromedp.CSS(merges)))
	d.see("how she became one", d.w("identifier.email")+" taro@mail.example", map[string]string{"ja": "会員番号が 2 つになるため", "en": "they are two customers"}[lang])
	d.shot("identity-person-" + lang)
	undo := fmt.Sprintf("%s [data-link]:has(button)", merges)
	eventually(t, 20*time.Second, "the link of the address", func() error {
		if !js[bool](d.browser, "undo", fmt.Sprintf(`(() => { const r = [...document.querySelectorAll(%q)].find(r => r.innerText.includes("taro@")); r?.querySelector("button")?.click(); return !!r; })()`, undo)) {
			return errors.New("is not there")
		}
		return nil
	})
	d.see("what the undo does", d.w("merges.stays"), d.w("merges.leaves"), "¥3,300", "¥5,500", d.w("merges.undoThen"))
	d.shot("identity-undo-" + lang)
	d.axe("identity-undo-" + lang)
	d.fill("[role=dialog]", d.w("reason"), "家族と共用のブラウザ")
	d.click("[role=dialog]", d.w("person.undoDo"))
	d.see("it is done", d.w("merges.partedText"))
	s.settled(30 * time.Second)
	her, him := person("C1"), person("taro@mail.example")
	if her.ID == him.ID || her.Header.OrdersCount != 1 || him.Header.OrdersCount != 1 {
		t.Errorf("two people are not there again: %+v %+v", her, him)
	}
	send(map[string]any{"type": "page.viewed", "id": "7", "person": map[string]any{"email": "taro@mail.example", "anonymous_id": "b1"}})
	if her, him = person("C1"), person("taro@mail.example"); her.ID == him.ID {
		t.Error("the browser joined them again")
	}
	d.do("his page", chromedp.Navigate(s.base+"/people/"+him.ID+"?lang="+lang), chromedp.WaitVisible(chromedp.CSS(merges)))
	d.see("he has a page", "太郎", map[string]string{"ja": "担当者が別の顧客として分けました", "en": "Staff said that they are two people"}[lang])

	d.do("identity", chromedp.Navigate(s.base+"/identity?lang="+lang), chromedp.WaitVisible(chromedp.CSS(`[data-finding]`)))
	d.see("what is worth a look", d.w("identity.find_shared_other_text"), d.w("identity.duplicatesText"), "鈴木 葵", "葵 鈴木", d.w("identity.noBlocked"))
	d.shot("identity-" + lang)
	d.checkPage("identity-"+lang, lang == "ja")
	d.click("[data-finding]", d.w("identity.block"))
	d.fill("[role=dialog]", d.w("identity.label"), "銀座店のタブレット")
	d.fill("[role=dialog]", d.w("reason"), "共用")
	d.shot("identity-block-" + lang)
	d.click("[role=dialog]", d.w("identity.block"))
	d.see("it is blocked", "銀座店のタブレット", d.w("identity.noFindings"))
	d.click("main", d.w("identity.apart"))
	d.fill("[role=dialog]", d.w("reason"), "同姓同名")
	d.click("[role=dialog]", d.w("identity.apart"))
	d.see("nobody is asked again", d.w("identity.noDuplicates"))
	d.quiet("identity")
}
