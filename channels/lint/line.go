package lint

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"strings"
	"unicode/utf16"
)

// Limits of the Messaging API: lengths in UTF-16 units, sizes in bytes of JSON.
const (
	lineMessages    = 5
	lineText        = 5000
	lineAlt         = 1500
	lineURI         = 1000
	linePostback    = 300
	lineLabel       = 20
	lineQuickReply  = 13
	lineButtonsText = 160
	lineColumns     = 10
	lineActions     = 4
	lineBubble      = 30 << 10
	lineCarousel    = 50 << 10
	lineBubbles     = 12
	lineSender      = 20
)

// lineTypes are the message types of the Messaging API, with what each must have.
var lineTypes = map[string][]string{"text": {"text"}, "textV2": {"text"}, "sticker": {"packageId", "stickerId"}, "image": {"originalContentUrl", "previewImageUrl"},
	"video": {"originalContentUrl", "previewImageUrl"}, "audio": {"originalContentUrl", "duration"}, "location": {"title", "address", "latitude", "longitude"},
	"imagemap": {"baseUrl", "altText", "baseSize", "actions"}, "template": {"altText", "template"}, "flex": {"altText", "contents"}, "coupon": {"couponId"}}

func (c *checker) line() {
	var list []map[string]any
	if json.Unmarshal(c.m.Rendered.Messages, &list) != nil || len(list) == 0 || len(list) > lineMessages {
		c.limit("messages", "", Text{"LINE で一度に送れるのは 1〜5 吹き出しです。", "LINE takes one to five messages at once."}, Text{"吹き出しを減らしてください。", "Take some out."})
		return
	}
	for i, m := range list {
		c.lineMessage(fmt.Sprintf("messages[%d]", i), m)
	}
	c.leftovers()
	c.emoji()
}

func (c *checker) limit(part, excerpt string, text, fix Text) {
	c.add(Finding{Code: "line.limit", Severity: Error, Part: c.part(part), Line: lineOf(string(c.m.Source.Messages), excerpt), Excerpt: clip(excerpt, 40), Text: text, Fix: fix})
}

// long refuses a text over its limit.
func (c *checker) long(part, what, whatEN, s string, most int) {
	if n := len(utf16.Encode([]rune(s))); n > most {
		c.limit(part, s, Text{fmt.Sprintf("%sが %d 文字あります。LINE の上限は %d 文字です。", what, n, most), fmt.Sprintf("%s has %d characters; LINE takes %d.", whatEN, n, most)},
			Text{"短くしてください。", "Shorten it."})
	}
}

func (c *checker) lineMessage(part string, m map[string]any) {
	typ, _ := m["type"].(string)
	needs, known := lineTypes[typ]
	if !known {
		c.limit(part+".type", typ, Text{"「" + typ + "」という種類のメッセージはありません。", "There is no message type " + typ + "."}, Text{"text、image、template、flex などにしてください。", "Use text, image, template, flex ..."})
		return
	}
	for _, field := range needs {
		v, has := m[field]
		if s, isText := v.(string); !has || isText && strings.TrimSpace(s) == "" {
			text := Text{field + " がありません。", field + " is missing."}
			if field == "altText" {
				text = Text{"代替テキスト（altText）がありません。トーク一覧と通知に表示されます。", "altText is missing: it is what the list of chats and the notification show."}
			}
			c.limit(part+"."+field, "", text, Text{"入力してください。", "Fill it in."})
		}
	}
	if s, ok := m["text"].(string); ok {
		c.long(part+".text", "本文", "The text", s, lineText)
	}
	if s, ok := m["altText"].(string); ok {
		c.long(part+".altText", "代替テキスト", "altText", s, lineAlt)
	}
	if quick, ok := m["quickReply"].(map[string]any); ok {
		if items, _ := quick["items"].([]any); len(items) > lineQuickReply {
			c.limit(part+".quickReply", "", Text{fmt.Sprintf("クイックリプライが %d 個あります。上限は %d 個です。", len(items), lineQuickReply), fmt.Sprintf("%d quick replies; LINE takes %d.", len(items), lineQuickReply)}, Text{"減らしてください。", "Take some out."})
		}
	}
	if sender, ok := m["sender"].(map[string]any); ok {
		name, _ := sender["name"].(string)
		c.long(part+".sender.name", "送信者名", "The sender's name", name, lineSender)
	}
	switch typ {
	case "template":
		if t, ok := m["template"].(map[string]any); ok {
			c.lineTemplate(part+".template", t)
		}
	case "flex":
		c.flex(part+".contents", m["contents"])
	}
	c.inside(part, m)
}

func (c *checker) lineTemplate(part string, t map[string]any) {
	columns, _ := t["columns"].([]any)
	if len(columns) > lineColumns {
		c.limit(part+".columns", "", Text{fmt.Sprintf("カルーセルが %d 枚あります。上限は %d 枚です。", len(columns), lineColumns), fmt.Sprintf("%d columns; LINE takes %d.", len(columns), lineColumns)}, Text{"減らしてください。", "Take some out."})
	}
	number := -1
	for i, x := range columns {
		column, _ := x.(map[string]any)
		actions, _ := column["actions"].([]any)
		if number >= 0 && len(actions) != number {
			c.limit(fmt.Sprintf("%s.columns[%d].actions", part, i), "", Text{"カルーセルの各カードのボタンの数をそろえてください。", "All columns need the same number of actions."}, Text{"ボタンの数をそろえてください。", "Give each as many."})
		}
		number = len(actions)
		s, _ := column["text"].(string)
		c.long(fmt.Sprintf("%s.columns[%d].text", part, i), "カードの本文", "The column's text", s, 120)
	}
	if actions, _ := t["actions"].([]any); len(actions) > lineActions {
		c.limit(part+".actions", "", Text{fmt.Sprintf("ボタンが %d 個あります。上限は %d 個です。", len(actions), lineActions), fmt.Sprintf("%d buttons; LINE takes %d.", len(actions), lineActions)}, Text{"減らしてください。", "Take some out."})
	}
	s, _ := t["text"].(string)
	c.long(part+".text", "本文", "The text", s, lineButtonsText)
}

func (c *checker) flex(part string, contents any) {
	box, _ := contents.(map[string]any)
	size := func(v any) int {
		b, _ := json.Marshal(v)
		return len(b)
	}
	switch box["type"] {
	case "bubble":
		if n := size(box); n > lineBubble {
			c.limit(part, "", Text{fmt.Sprintf("Flex が %d KB あります。上限は 30 KB です。", n>>10), fmt.Sprintf("The bubble has %d KB; LINE takes 30.", n>>10)}, Text{"要素を減らしてください。", "Take something out."})
		}
	case "carousel":
		bubbles, _ := box["contents"].([]any)
		if len(bubbles) > lineBubbles || size(box) > lineCarousel {
			c.limit(part, "", Text{fmt.Sprintf("Flex のカルーセルは 12 枚・50 KB までです（%d 枚・%d KB）。", len(bubbles), size(box)>>10), fmt.Sprintf("A carousel takes 12 bubbles and 50 KB (%d, %d KB).", len(bubbles), size(box)>>10)}, Text{"枚数か要素を減らしてください。", "Take something out."})
		}
		for i, b := range bubbles {
			c.flex(fmt.Sprintf("%s.contents[%d]", part, i), b)
		}
	default:
		c.limit(part, "", Text{"Flex の contents は bubble か carousel です。", "The contents of a flex message are a bubble or a carousel."}, Text{"type を bubble か carousel にしてください。", "Set type to bubble or carousel."})
	}
}

// inside checks what may stand at any depth: addresses, labels, postback data.
func (c *checker) inside(part string, v any) {
	switch v := v.(type) {
	case []any:
		for i, x := range v {
			c.inside(fmt.Sprintf("%s[%d]", part, i), x)
		}
	case map[string]any:
		_, hasURI := v["uri"]
		for _, k := range sortedKeys(v) {
			s, isText := v[k].(string)
			if !isText {
				c.inside(part+"."+k, v[k])
				continue
			}
			switch k {
			case "uri", "linkUri":
				c.uri(part+"."+k, s)
			case "url", "originalContentUrl", "previewImageUrl", "thumbnailImageUrl", "imageUrl", "baseUrl", "iconUrl":
				if u, err := url.Parse(s); err != nil || u.Scheme != "https" || nowhere(u.Hostname()) {
					c.add(Finding{Code: "line.image", Severity: Error, Part: c.part(part + "." + k), Excerpt: clip(s, 80),
						Text: Text{"LINE の画像は、公開された https の URL にしてください。", "LINE loads pictures by public https addresses only."}, Fix: Text{"画像をアップロードし、その URL を使ってください。", "Upload it, and use its address."}})
				} else if ext := strings.ToLower(path.Ext(u.Path)); ext == ".gif" || ext == ".webp" || ext == ".svg" {
					c.add(Finding{Code: "line.image", Severity: Error, Part: c.part(part + "." + k), Excerpt: clip(s, 80),
						Text: Text{"LINE の画像は JPEG か PNG にしてください。", "LINE shows JPEG and PNG only."}, Fix: Text{"JPEG か PNG の画像に差し替えてください。", "Put a JPEG or PNG in its place."}})
				}
			case "data":
				c.long(part+".data", "ポストバックのデータ", "The postback data", s, linePostback)
			case "label":
				if hasURI || v["type"] == "postback" || v["type"] == "message" {
					c.long(part+".label", "ボタンの文字", "The label", s, lineLabel)
				}
			}
		}
	}
}

func (c *checker) uri(part, s string) {
	u, err := url.Parse(s)
	switch {
	case s == "" || err != nil || u.Scheme == "":
		c.add(Finding{Code: "link.broken", Severity: Error, Part: c.part(part), Excerpt: clip(s, 80), Text: Text{"リンク先の URL が正しくありません。", "The address of the link is broken."},
			Fix: Text{"https:// から始まる URL を入れてください。", "Write the whole address, from https:// on."}})
	case u.Scheme == "http":
		c.add(Finding{Code: "link.http", Severity: Warning, Part: c.part(part), Excerpt: clip(s, 80), Text: Text{"http:// のリンクは、警告が表示されることがあります。", "Readers may be warned of an http:// link."}, Fix: Text{"https:// に変えてください。", "Use https://."}})
	case u.Scheme == "https" && nowhere(u.Hostname()):
		c.add(Finding{Code: "link.local", Severity: Error, Part: c.part(part), Excerpt: clip(s, 80), Text: Text{"社内や手元の環境でしか開けない URL です。", "Only your own network knows this address."}, Fix: Text{"公開されている URL に変えてください。", "Use the public address."}})
	}
	c.long(part, "リンク先の URL", "The address", s, lineURI)
}
