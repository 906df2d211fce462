package lint

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestShort(t *testing.T) {
	f := func(channel, purpose string, content map[string]string, want ...string) {
		t.Helper()
		raw, _ := json.Marshal(content)
		m := &Message{Channel: channel, Purpose: purpose, Language: "ja", Rendered: Content{Content: raw}, Source: Content{Content: raw}, Sender: Sender{Name: "縁コスメ"}, Unsubscribe: "https://shop.example/u/abc"}
		var got []string
		for _, x := range Check(m, &Rules{Lists: allLists(t)}) {
			if x.Text.JA == "" || x.Text.EN == "" || x.Fix.JA == "" || x.Fix.EN == "" {
				t.Errorf("%s says nothing in a language", x.Code)
			}
			got = append(got, x.Code)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s %v: %v, want %v", channel, content, got, want)
		}
	}
	sms := func(text string) map[string]string { return map[string]string{"text": text} }
	f("sms", "marketing", sms("【縁コスメ】新作です https://shop.example/c/x 停止 https://shop.example/u/abc"))
	f("sms", "marketing", sms("【縁コスメ】新作です。配信停止は「停止」と返信"))
	f("sms", "marketing", sms("新作です"), "duty.sender", "duty.refuse")
	f("sms", "transactional", sms("ご注文の品を発送しました"))
	f("sms", "transactional", sms("発送しました。今だけ 30%OFF クーポン"), "duty.sender", "duty.refuse", "words.keihyoho")
	f("sms", "transactional", sms("発送しました😀"), "sms.emoji")
	f("sms", "transactional", sms("発送しました https://carrier.example/123"), "sms.link")
	f("sms", "transactional", sms(strings.Repeat("あ", 71)), "sms.parts")
	f("sms", "transactional", sms(strings.Repeat("あ", 661)), "sms.limit")
	f("sms", "transactional", sms("{{ order.id }}"), "text.leftover")
	f("push", "marketing", map[string]string{"title": "新作です", "body": "お店でどうぞ"})
	f("push", "marketing", map[string]string{"title": strings.Repeat("あ", 31), "body": strings.Repeat("い", 91)}, "push.long", "push.long")
}
