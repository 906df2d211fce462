//go:build browser

package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestBrowserLists makes a static list, pastes ids, sees who was found and who was not, builds a segment on it by blocks, and
// keeps that segment's people as another list.
func TestBrowserLists(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "--data", t.TempDir())
	key := s.enishi("key", "create", "--write")
	var batch []map[string]any
	for i, name := range []string{"花", "空", "葵"} {
		id := fmt.Sprintf("u%d", i)
		batch = append(batch, map[string]any{"type": "identify", "userId": id, "messageId": "i-" + id, "traits": map[string]any{"email": id + "@shop.example", "family_name": "縁野", "given_name": name}})
	}
	if n, err := s.post(key, batch); err != nil || n != len(batch) {
		t.Fatalf("%d accepted: %v", n, err)
	}
	s.settled(30 * time.Second)
	b := builder{openBrowser(t)}
	dialog := func(what, control, text string) { // what stands in a dialog is not in main
		t.Helper()
		b.do(what, chromedp.WaitVisible(chromedp.CSS(`[role=dialog] `+control)), chromedp.SendKeys(chromedp.CSS(`[role=dialog] `+control), text))
	}
	confirm := func(label string) {
		t.Helper()
		eventually(t, 20*time.Second, "a button "+label, func() error {
			if !js[bool](b.browser, label, fmt.Sprintf(`(() => { const x = [...document.querySelectorAll("[role=dialog] button")].find(b => b.innerText.trim() === %q && !b.disabled); x?.click(); return !!x; })()`, label)) {
				return errors.New("there is none")
			}
			return nil
		})
	}

	b.do("open the lists", chromedp.Navigate(s.base+"/segments/lists?lang=ja"), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	b.see("no lists", "静的リスト", "まだ静的リストがありません")
	b.shot("lists-empty-ja")
	b.press("新しいリスト", 0)
	dialog("title", "input[required]", "展示会の名簿")
	b.shot("list-new-ja")
	b.axe("new list")
	confirm("リストを作る")
	b.see("the empty list", "展示会の名簿", "まだ誰も入っていません", "対象の人を指定してください")

	b.write("ID（1 行に 1 つ）", 0, "email\nu0@shop.example\nU1@shop.example\nnobody@shop.example")
	b.write("理由", 0, "展示会 2026")
	b.see("what will happen", "3 行を顧客と照らし合わせます。", "メッセージは送りません。")
	b.press("リストに追加", 0)
	b.see("what happened", "2 人を追加しました", "nobody@shop.example", "見つかりません", "1 行すべてを CSV で保存")
	b.see("the people and the record", "縁野 花", "縁野 空", "ID の一覧で追加", "展示会 2026", "+2")
	b.shot("list-ja")
	b.checkPage("list", true)
	b.quiet("the list")

	name := js[string](b.browser, "name", `location.pathname.split("/").pop()`)
	b.do("a segment by blocks", chromedp.Navigate(s.base+"/segments/new?lang=ja"), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	b.write("名前", 0, "展示会のほかの人")
	b.write("内部名", 0, "not_at_fair")
	b.press("顧客の条件", 0)
	b.choose("項目", -1, "静的リスト")
	b.choose("静的リスト", -1, "展示会の名簿")
	b.choose("比べ方", -1, "に入っていない")
	b.see("who is not on it", "対象の例", "縁野 葵")
	b.shot("list-block-ja")
	b.checkPage("list block", true)
	b.press("保存", 0)
	eventually(t, 20*time.Second, "it is saved", func() error {
		var row struct{ Expression string }
		err := s.call("GET", "/segments/not_at_fair", nil, &row)
		if want := fmt.Sprintf("!in_list(%q)", name); err == nil && row.Expression != want {
			t.Fatalf("saved %s, want %s", row.Expression, want)
		}
		return err
	})

	b.do("the list knows", chromedp.Navigate(s.base+"/segments/lists/"+name+"?lang=en"), chromedp.WaitVisible(chromedp.CSS(`h1`)))
	b.see("who uses it", "Used in segments", "展示会のほかの人", "added by ids")
	b.shot("list-en")
	b.checkPage("list", false)
	b.quiet("the list in English")

	b.do("the segment's people", chromedp.Navigate(s.base+"/segments/not_at_fair?lang=en"), chromedp.WaitVisible(chromedp.CSS(`main .block`)))
	b.see("it can be kept", "Save as list")
	b.press("Save as list", 0)
	b.see("the consequence", "Who fulfils the condition now (1) is kept", "Save these people as a list")
	dialog("title", "input[required]", "Others")
	dialog("why", `input[maxlength="500"]`, "to compare")
	b.shot("save-as-list-en")
	b.axe("save as list")
	confirm("Save")
	b.see("it is kept", "1 people added", "Open the list")
	var lists struct {
		Items []struct {
			Title   struct{ EN string }
			Members int
		}
	}
	eventually(t, 20*time.Second, "the other list has the others", func() error {
		if err := s.call("GET", "/lists", nil, &lists); err != nil {
			return err
		}
		for _, l := range lists.Items {
			if l.Title.EN == "Others" && l.Members == 1 {
				return nil
			}
		}
		return fmt.Errorf("got %+v", lists.Items)
	})
	b.quiet("save as list")
}
