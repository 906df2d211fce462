package lint

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

const footer = `<p>花の店<br>東京都港区 1-2-3<br>help@hana.example <a href="https://cdp.example/u/x">配信を停止する</a></p>`
const textFooter = "花の店 東京都港区 1-2-3 help@hana.example https://cdp.example/u/x"

func allLists(t *testing.T) []List {
	t.Helper()
	lists, err := Lists()
	if err != nil || len(lists) < 5 {
		t.Fatalf("%d lists: %v", len(lists), err)
	}
	return lists
}

// mail is a mail in order, changed.
func mail(change func(*Message)) *Message {
	m := &Message{Channel: "email", Purpose: "marketing", Language: "ja", Sender: Sender{"花の店", "東京都港区1-2-3", "help@hana.example"}, Unsubscribe: "https://cdp.example/u/x",
		Rendered: Content{Subject: "冬のお手入れ", Preheader: "乾燥の季節に合わせた順番をご紹介します",
			HTML: "<body><p>佐藤 花子 様</p><p>" + strings.Repeat("うるおいを補う順番を少し変えるだけで、使い心地が変わります。", 4) + "</p>" + footer + "</body>", Text: "こんにちは " + textFooter}}
	m.Source = m.Rendered
	change(m)
	return m
}

// body sets the HTML of a mail, as it is written and as it is read.
func body(add string) func(*Message) {
	return func(m *Message) {
		m.Rendered.HTML = strings.Replace(m.Rendered.HTML, footer, add+footer, 1)
		m.Source.HTML = m.Rendered.HTML
	}
}

func subject(s string) func(*Message) {
	return func(m *Message) { m.Rendered.Subject, m.Source.Subject = s, s }
}

func transactional(change func(*Message)) func(*Message) {
	return func(m *Message) {
		m.Purpose, m.Unsubscribe = "transactional", "https://cdp.example/u/x"
		m.Rendered.HTML = strings.Replace(m.Rendered.HTML, footer, "", 1) + "ご注文ありがとうございます。"
		m.Rendered.Text = "ご注文ありがとうございます。"
		m.Source = m.Rendered
		change(m)
	}
}

// TestMail: one line for each finding, and for what is not one.
func TestMail(t *testing.T) {
	t.Parallel()
	rules := &Rules{Lists: allLists(t)}
	f := func(change func(*Message), want ...string) {
		t.Helper()
		var got []string
		for _, x := range Check(mail(change), rules) {
			got = append(got, x.Code)
			if x.Text.JA == "" || x.Text.EN == "" || x.Fix.JA == "" || x.Fix.EN == "" {
				t.Errorf("%s lacks words: %+v", x.Code, x)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	none := func(*Message) {}
	f(none)
	f(transactional(none))

	// The five duties, by what it says.
	f(func(m *Message) { m.Sender.Address = "" }, "duty.address")
	f(func(m *Message) { m.Rendered.HTML = strings.Replace(m.Rendered.HTML, "help@hana.example", "", 1) }, "duty.contact")
	f(func(m *Message) { m.Rendered.Text = "x" }, "duty.sender", "duty.address", "duty.contact", "duty.refuse")
	f(func(m *Message) { m.Unsubscribe = "" }, "duty.refuse")
	f(func(m *Message) {
		m.Rendered.HTML = strings.Replace(m.Rendered.HTML, "https://cdp.example/u/x", "https://a.example", 1)
	}, "duty.refuse")
	duties := []string{"duty.sender", "duty.address", "duty.contact", "duty.refuse"}
	f(transactional(body("")), nil...)
	f(transactional(func(m *Message) { m.Rendered.Text += "次回使えるクーポンをどうぞ" }), duties...)
	f(transactional(func(m *Message) { m.Rendered.Text += "１０％ＯＦＦ" }), duties...)
	f(transactional(func(m *Message) { m.Rendered.HTML += "<p>Recommended for you</p>" }), duties...)
	f(transactional(func(m *Message) { m.Source.HTML += "{% if a %}あなたへのおすすめ{% endif %}" }), duties...) // in a branch that this reader does not get

	// Words.
	f(body("<p>シミが消える美容液</p>"), "words.yakkiho")
	f(body("<p>シ ミ<!-- -->が消える</p>"), nil...) // a pattern sees the text as it is
	f(body("<p>ｱﾝﾁｴｲｼﾞﾝｸﾞ</p>"), "words.yakkiho")
	f(body("<p>うるおいを与える</p>"))
	f(body("<p>売上No.1</p>"), "words.keihyoho")
	f(body("<p>売上No.1（2026年1月 ○○調べ）</p>"))
	f(body("<p>売上Ｎｏ．１の化粧水</p>"), "words.keihyoho")
	f(body("<p>No.10 の色</p>"))
	f(func(m *Message) {
		m.Rendered.Text += "\n確認はこちらhttps://cdp.example/l/qNo1-xno.1?t=no1#no1（開く）"
	}) // a token spells what it likes
	f(func(m *Message) { m.Rendered.Text += "\nhttps://cdp.example/l/x 業界No.1" }, "words.keihyoho")
	f(body("<p>通常価格 12,000円 → 9,800円</p>"), "words.keihyoho")
	f(body("<p>通常価格 12,000円 → 9,800円（12月3日まで）</p>"))
	f(body("<p>★5のレビューでクーポンをプレゼント</p>"), "words.keihyoho")
	f(body("<p>人気インフルエンサー愛用</p>"), "pr.label")
	f(body("<p>【PR】人気インフルエンサー愛用</p>"))
	f(func(m *Message) { body("<p>激安です</p>")(m); m.Avoid = []string{"激安"} }, "brand.avoid")

	// Links and pictures.
	f(body(`<a href="https://shop.example/a?b=1">a</a><a href="{{ links.shop }}">b</a><a href="mailto:a@b.example">c</a><a href="tel:0120">d</a>`))
	f(body(`<a href="#">a</a>`), "link.empty")
	f(body(`<a href="/sale">a</a>`), "link.relative")
	f(body(`<a href="http://shop.example/">a</a>`), "link.http")
	f(body(`<a href="https://localhost/">a</a>`), "link.local")
	f(body(`<a href="https://192.168.1.5/">a</a>`), "link.local")
	f(body(`<a href="https://sho p.example/%zz">a</a>`), "link.broken")
	f(body(`<img src="https://shop.example/a.png">`), "image.alt")
	f(body(`<img src="https://shop.example/a.png" alt="">`))
	f(body(`<img src="a.png" alt="a">`), "image.relative")
	f(body(`<img src="data:image/png;base64,AA" alt="a">`), "image.data")
	f(func(m *Message) {
		m.Rendered.HTML = `<img src="https://a.example/a.png" alt="a">` + footer
		m.Source.HTML = m.Rendered.HTML
	}, "mail.all_images")

	// Subject, preheader, size, leftovers, emoji.
	f(subject("Re: ご確認ください"), "words.subject")
	f(subject("大セール！！！"), "words.subject")
	f(subject(strings.Repeat("長い件名", 9)), "subject.long")
	f(func(m *Message) { m.Subjects = []string{"ふつう", "今すぐ!!"} }, "words.subject") // each alternative
	f(func(m *Message) { m.Rendered.Preheader = "" }, "preheader.missing")
	f(func(m *Message) { m.Rendered.HTML += strings.Repeat("<!-- x -->", 11_000) }, "mail.clipped")
	f(body("<p>[[name]] 様</p>"), "text.leftover")
	f(body("<p>合計NaN円</p>"), "text.leftover")
	f(body("<p>undefined 様</p>"), "text.leftover")
	f(body("<p>https://shop.example/u/NaNaoh3-NaN_undefined</p>")) // the code of a link
	f(body("<p>お客様 様</p>"), "name.honorific")
	f(subject("🎄🎁✨ 冬のお手入れ"), "emoji.many")
	f(body("<p>🍑のかおり</p>"), "emoji.meaning")
	rules = &Rules{Lists: rules.Lists, Charset: "iso-2022-jp"}
	f(subject("🎄 冬のお手入れ"), "emoji.charset")
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	m := mail(func(m *Message) {
		m.Source.HTML = "<body>\n<p>a</p>\n<p>アンチエイジング</p>\n<a href=\"/x\">x</a>\n</body>"
		m.Blocks = []byte(`[{"id":"b1","text":"a"},{"id":"b2","items":[{"html":"<p>アンチエイジング</p>"}]}]`)
	})
	for _, f := range Check(m, &Rules{Lists: allLists(t)}) {
		switch f.Code {
		case "words.yakkiho":
			if f.Line != 3 || f.Block != "b2" || f.Part != "variants.ja.html" || f.Severity != Error || !strings.Contains(f.Fix.JA, "エイジングケア") {
				t.Errorf("%+v", f)
			}
		case "link.relative":
			if f.Line != 4 {
				t.Errorf("%+v", f)
			}
		default:
			t.Errorf("%+v", f)
		}
	}
}

func TestLINE(t *testing.T) {
	t.Parallel()
	from := func(source, messages string, want ...string) {
		t.Helper()
		m := &Message{Channel: "line", Purpose: "marketing", Language: "ja", Rendered: Content{Messages: []byte(messages)}, Source: Content{Messages: []byte(source)}}
		var got []string
		for _, x := range Check(m, &Rules{Lists: allLists(t)}) {
			got = append(got, x.Code+" "+strings.TrimPrefix(x.Part, "variants.ja."))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%.80s: %v, want %v", messages, got, want)
		}
	}
	f := func(messages string, want ...string) { t.Helper(); from(messages, messages, want...) }
	list := func(messages ...any) string { b, _ := json.Marshal(messages); return string(b) }
	type o = map[string]any
	text := o{"type": "text", "text": "クーポンです"} // LINE owes no footer
	f(list(text))
	f(list(), "line.limit messages")
	f(list(text, text, text, text, text, text), "line.limit messages")
	f(list(o{"type": "text", "text": strings.Repeat("あ", 5000)}))
	f(list(o{"type": "text", "text": strings.Repeat("😀", 2501)}), "line.limit messages[0].text", "emoji.many messages[0]")
	f(list(o{"type": "texts"}), "line.limit messages[0].type")
	f(list(o{"type": "text", "text": ""}), "line.limit messages[0].text")
	f(list(o{"type": "image", "originalContentUrl": "http://a.example/a.png", "previewImageUrl": "https://a.example/a.png"}), "line.image messages[0].originalContentUrl")
	f(list(o{"type": "image", "originalContentUrl": "https://a.example/i/a.webp", "previewImageUrl": "https://a.example/a.png"}), "line.image messages[0].originalContentUrl")
	f(list(o{"type": "flex", "contents": o{"type": "bubble"}}), "line.limit messages[0].altText")
	f(list(o{"type": "flex", "altText": strings.Repeat("a", 1501), "contents": o{"type": "bubble"}}), "line.limit messages[0].altText")
	f(list(o{"type": "flex", "altText": "a", "contents": o{"type": "box"}}), "line.limit messages[0].contents")
	f(list(o{"type": "flex", "altText": "a", "contents": o{"type": "bubble", "x": strings.Repeat("a", 31<<10)}}), "line.limit messages[0].contents")
	bubbles := make([]any, 13)
	for i := range bubbles {
		bubbles[i] = o{"type": "bubble"}
	}
	f(list(o{"type": "flex", "altText": "a", "contents": o{"type": "carousel", "contents": bubbles[:12]}}))
	f(list(o{"type": "flex", "altText": "a", "contents": o{"type": "carousel", "contents": bubbles}}), "line.limit messages[0].contents")
	button := func(uri string) o { return o{"type": "uri", "label": "見る", "uri": uri} }
	buttons := func(actions ...any) o {
		return o{"type": "template", "altText": "a", "template": o{"type": "buttons", "text": "t", "actions": actions}}
	}
	ok := button("https://a.example/")
	f(list(buttons(ok, ok, ok, ok)))
	f(list(buttons(ok, ok, ok, ok, ok)), "line.limit messages[0].template.actions")
	f(list(buttons(button("a.example"))), "link.broken messages[0].template.actions[0].uri")
	f(list(buttons(button("https://a.example/"+strings.Repeat("a", 1000)))), "line.limit messages[0].template.actions[0].uri")
	f(list(buttons(o{"type": "postback", "label": strings.Repeat("あ", 21), "data": strings.Repeat("a", 301)})), "line.limit messages[0].template.actions[0].data", "line.limit messages[0].template.actions[0].label")
	column := func(n int) o { return o{"text": "t", "actions": []any{ok, ok, ok}[:n]} }
	f(list(o{"type": "template", "altText": "a", "template": o{"type": "carousel", "columns": []any{column(1), column(2)}}}), "line.limit messages[0].template.columns[1].actions")
	f(list(o{"type": "text", "text": "a", "quickReply": o{"items": make([]any, 14)}}), "line.limit messages[0].quickReply")
	f(list(o{"type": "text", "text": "シミが消える"}), "words.yakkiho messages[0]")
	// What is wrong in the second message is found there, also where both say it.
	say := func(s string) o { return o{"type": "text", "text": s} }
	f(list(text, say("シミが消える")), "words.yakkiho messages[1]")
	f(list(say("シミが消える"), say("シミが消える")), "words.yakkiho messages[0]", "words.yakkiho messages[1]")
	f(list(text, say("佐藤 様様")), "name.honorific messages[1]")
	f(list(text, say("[[name]]")), "text.leftover messages[1]")
	f(list(text, say("🐍")), "emoji.meaning messages[1]")
	f(list(say("🌸"), say(strings.Repeat("🌸", bodyEmoji))), "emoji.many messages[1]")
	// One Liquid text that makes all messages has no place for each of them.
	from(`"[{% if a %}...{% endif %}]"`, list(text, say("シミが消える")), "words.yakkiho messages")
}

func TestParseList(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{`{"use":"claim","words":[{"word":"a","pattern":"b"}]}`: "a word or a pattern", `{"use":"x","words":[{"word":"a"}]}`: "use is",
		`{"use":"claim","words":[]}`: "1 to 2000", `{"use":"claim","words":[{"pattern":"("}]}`: "missing", `{"use":"claim","wrods":[]}`: "unknown field", `{"use":"claim","severity":"bad","words":[{"word":"a"}]}`: "severity"} {
		if _, err := ParseList("mine", []byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}
