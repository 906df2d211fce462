package lint

import (
	"encoding/json"
	"fmt"
	"strings"
)

// What devices show of a notification before they cut it: Android about 65 and 240 characters, iOS about 178 in all, of which half
// as many are wide ones. There is no rule; these are where most of them still show everything.
const (
	pushTitle = 30
	pushBody  = 90
)

// short checks what is written as a content: sms and push.
func (c *checker) short() {
	var r struct{ Text, Title, Body, URL string }
	if json.Unmarshal(c.m.Rendered.Content, &r) != nil {
		return
	}
	at := func(field string) string { return "content." + field }
	c.leftover(at("text"), r.Text)
	c.leftover(at("title"), r.Title)
	c.leftover(at("body"), r.Body)
	if c.m.Channel == "push" {
		c.cut(at("title"), "タイトル", "The title", r.Title, pushTitle)
		c.cut(at("body"), "本文", "The text", r.Body, pushBody)
		c.pictures(at("title"), r.Title, subjectEmoji)
		c.pictures(at("body"), r.Body, bodyEmoji)
		return
	}
	c.smsLength(at("text"), r.Text)
	c.pictures(at("text"), r.Text, bodyEmoji)
	if n, found := emojiIn(r.Text); n > 0 {
		c.add(Finding{Code: "sms.emoji", Severity: Warning, Part: c.part(at("text")), Excerpt: some(found),
			Text: Text{"絵文字は、機種によって表示されなかったり、2 文字として数えられたりします。", "Some phones show no emoji in an SMS, and each counts as two characters."}, Fix: Text{"絵文字を外してください。", "Take them out."}})
	}
	for _, u := range links(r.Text) {
		if !strings.Contains(u, "/c/") && !strings.Contains(u, "/u/") && !strings.Contains(u, "/p/") {
			c.add(Finding{Code: "sms.link", Severity: Warning, Part: c.part(at("text")), Excerpt: clip(u, 40),
				Text: Text{"この URL は短縮もクリック計測もされません。", "This address is neither short nor are its clicks counted."}, Fix: Text{"{{ links.名前 }} を使ってください（設定の「リンク」）。", "Use {{ links.NAME }}, from the setting's links."}})
		}
	}
	ad := ""
	if c.m.Purpose != "marketing" {
		if ad = c.offer(); ad == "" {
			return
		}
	}
	c.smsDuties(at("text"), r.Text, ad)
}

// smsDuties are what an advertisement by SMS must show: 特定電子メール法 4 条 holds for SMS too. Address and contact may stand on the
// page that a link leads to (施行規則 9 条).
func (c *checker) smsDuties(part, text, ad string) {
	because := Text{"広告の SMS には", "An advertisement by SMS must show "}
	if ad != "" {
		because = Text{"「" + ad + "」があるため、お知らせの SMS でも広告の表示義務があり、", "“" + ad + "” makes this notice an advertisement, which must show "}
	}
	switch {
	case c.m.Sender.Name == "":
		c.add(Finding{Code: "duty.sender", Severity: Error, Part: c.part(part), Excerpt: ad, Text: Text{because.JA + "送信者の名称の表示が必要です（特定電子メール法）。", because.EN + "the name of the sender (特定電子メール法)."},
			Fix: Text{"ブランド設定で送信者の名称を登録してください。", "Enter the name of the sender in the brand kit."}})
	case !says(text, c.m.Sender.Name):
		c.add(Finding{Code: "duty.sender", Severity: Error, Part: c.part(part), Excerpt: ad, Text: Text{because.JA + "送信者の名称の表示が必要です（特定電子メール法）。", because.EN + "the name of the sender (特定電子メール法)."},
			Fix: Text{"本文に {{ brand.name }} を入れてください。", "Put {{ brand.name }} into the text."}})
	}
	if c.m.Unsubscribe != "" && strings.Contains(text, c.m.Unsubscribe) || strings.Contains(text, "停止") || strings.Contains(strings.ToUpper(text), "STOP") {
		return
	}
	c.add(Finding{Code: "duty.refuse", Severity: Error, Part: c.part(part), Excerpt: ad, Text: Text{because.JA + "配信停止の方法の表示が必要です（特定電子メール法）。", because.EN + "how to refuse (特定電子メール法)."},
		Fix: Text{"「配信停止: {{ links.unsubscribe }}」か「配信停止は『停止』と返信」を入れてください。", "Add {{ links.unsubscribe }}, or that a reply of STOP ends it."}})
}

func (c *checker) smsLength(part, text string) {
	units, parts, _ := SMSSize(text)
	switch {
	case len([]rune(text)) > MostSMS:
		c.add(Finding{Code: "sms.limit", Severity: Error, Part: c.part(part), Text: Text{fmt.Sprintf("本文が %d 文字あります。国内の SMS は %d 文字までです。", len([]rune(text)), MostSMS), fmt.Sprintf("The text has %d characters; services in Japan take %d.", len([]rune(text)), MostSMS)},
			Fix: Text{"短くしてください。", "Make it shorter."}})
	case parts > 1:
		c.add(Finding{Code: "sms.parts", Severity: Warning, Part: c.part(part), Text: Text{fmt.Sprintf("%d 文字のため %d 通分の料金になります。", units, parts), fmt.Sprintf("%d characters are sent, and charged, as %d messages.", units, parts)},
			Fix: Text{"1 通に収めるには 70 文字（英数字だけなら 160 文字）以内にしてください。", "One message holds 70 characters, or 160 of plain Latin."}})
	}
}

func (c *checker) cut(part, ja, en, text string, most int) {
	if n := len([]rune(text)); n > most {
		c.add(Finding{Code: "push.long", Severity: Warning, Part: c.part(part), Text: Text{fmt.Sprintf("%sが %d 文字あり、多くの端末では途中で切れます。", ja, n), fmt.Sprintf("%s has %d characters: many devices cut it.", en, n)},
			Fix: Text{fmt.Sprintf("大事なことを先頭の %d 文字に入れてください。", most), fmt.Sprintf("Say what matters within the first %d characters.", most)}})
	}
}

// links are the addresses in a text.
func links(text string) []string {
	var out []string
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' || r == '　' || r > 0x2000 }) {
		if i := strings.Index(word, "http"); i >= 0 && strings.Contains(word[i:], "://") {
			out = append(out, word[i:])
		}
	}
	return out
}
