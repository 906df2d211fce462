package lint

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// Bounds of a mail.
const (
	gmailClips    = 102 << 10 // Gmail shows no more of the HTML than this, in bytes
	subjectWidth  = 60        // half-width columns that phones show of a subject: 30 full-width characters
	fewWords      = 60        // characters of text under which a mail with pictures counts as all pictures
	subjectEmoji  = 2
	bodyEmoji     = 12
	preheaderLess = 10 // characters
)

func (c *checker) mail() {
	ad := ""
	if c.m.Purpose != "marketing" {
		ad = c.offer()
	}
	if c.m.Purpose == "marketing" || ad != "" {
		c.duties(ad)
	}
	c.subject()
	c.markup()
	c.sizes(ad)
	c.leftovers()
	c.emoji()
}

// duties are what an advertisement must show: 特定電子メール法 4 条, 施行規則 9 条. ad is the words that make it one.
func (c *checker) duties(ad string) {
	because := Text{"広告メールには", "An advertisement must show "}
	if ad != "" {
		because = Text{"「" + ad + "」があるため、お知らせのメールでも広告の表示義務があり、", "“" + ad + "” makes this notice an advertisement, which must show "}
	}
	html, text := plain(c.m.Rendered.HTML), c.m.Rendered.Text
	for _, d := range [...]struct {
		code, ja, en, value string
	}{
		{"sender", "送信者の名称", "the name of the sender", c.m.Sender.Name}, {"address", "送信者の住所", "the postal address of the sender", c.m.Sender.Address},
		{"contact", "苦情・問い合わせ先", "where to complain or ask", c.m.Sender.Contact},
	} {
		f := Finding{Code: "duty." + d.code, Severity: Error, Excerpt: ad}
		f.Text = Text{because.JA + d.ja + "の表示が必要です（特定電子メール法）。", because.EN + d.en + " (特定電子メール法)."}
		switch {
		case d.value == "":
			f.Fix = Text{"ブランド設定で" + d.ja + "を登録してください。", "Enter " + d.en + " in the brand kit."}
			c.add(f)
		case c.m.Rendered.HTML != "" && !says(html, d.value):
			f.Part, f.Fix = c.part("html"), Text{"本文に {{ brand." + brandName(d.code) + " }} を入れてください。", "Put {{ brand." + brandName(d.code) + " }} into the body."}
			c.add(f)
		case !says(text, d.value):
			f.Part, f.Fix = c.part("text"), Text{"テキスト版に {{ brand." + brandName(d.code) + " }} を入れてください。", "Put {{ brand." + brandName(d.code) + " }} into the text part."}
			c.add(f)
		}
	}
	for part, s := range map[string]string{"html": c.m.Rendered.HTML, "text": text} {
		if s == "" && part == "html" || c.m.Unsubscribe != "" && strings.Contains(s, c.m.Unsubscribe) {
			continue
		}
		c.add(Finding{Code: "duty.refuse", Severity: Error, Part: c.part(part), Excerpt: ad,
			Text: Text{because.JA + "配信を断る方法とそのリンクが必要です（特定電子メール法）。", because.EN + "how to refuse further mail, and the link for it (特定電子メール法)."},
			Fix:  Text{"「配信を停止する」のリンクに {{ links.unsubscribe }} を入れてください。", "Link “Unsubscribe” to {{ links.unsubscribe }}."}})
	}
}

func brandName(duty string) string {
	if duty == "sender" {
		return "name"
	}
	return duty
}

// says reports whether a text has another one in it, whatever the white space.
func says(text, part string) bool {
	return strings.Contains(spaces.ReplaceAllString(html.UnescapeString(text), ""), spaces.ReplaceAllString(part, ""))
}

func (c *checker) subject() {
	m := c.m
	for i, s := range append([]string{m.Rendered.Subject}, m.Subjects...) {
		if s == "" {
			continue
		}
		s = liquid.ReplaceAllString(s, "")
		if w := width(s); w > subjectWidth {
			c.add(Finding{Code: "subject.long", Severity: Warning, Part: c.part("subject"), Excerpt: clip(s, 60),
				Text: Text{fmt.Sprintf("件名が全角 %d 文字分あります。スマートフォンでは 30 文字ほどで切れます。", (w+1)/2), fmt.Sprintf("The subject is %d columns wide; phones show about %d.", w, subjectWidth)},
				Fix:  Text{"大事な言葉を先頭の 15 文字に置き、短くしてください。", "Put what matters first, and shorten it."}})
		}
		if i > 0 {
			continue
		}
		if p := m.Rendered.Preheader; strings.TrimSpace(p) == "" {
			c.add(Finding{Code: "preheader.missing", Severity: Warning, Part: c.part("preheader"),
				Text: Text{"プリヘッダー（件名の次に表示される一文）がありません。本文の先頭が代わりに表示されます。", "There is no preheader: inboxes show the beginning of the body in its place."},
				Fix:  Text{"件名を補う一文を 40〜80 文字で入れてください。", "Write one sentence that goes on from the subject."}})
		} else if utf8.RuneCountInString(p) >= preheaderLess && says(s, p) {
			c.add(Finding{Code: "preheader.same", Severity: Warning, Part: c.part("preheader"), Excerpt: clip(p, 60),
				Text: Text{"プリヘッダーが件名と同じです。", "The preheader says the same as the subject."}, Fix: Text{"件名にない情報を書いてください。", "Say something that the subject does not."}})
		}
	}
}

// width is how many half-width columns a text takes.
func width(s string) int {
	n := 0
	for _, r := range s {
		if n++; r >= 0x1100 {
			n++
		}
	}
	return n
}

func clip(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most]) + "…"
}

// markup checks links and pictures where they are written, so that branches that this reader does not get count too.
func (c *checker) markup() {
	source := c.m.Source.HTML
	if source == "" {
		return
	}
	z := html.NewTokenizer(strings.NewReader(source))
	line, pictures := 1, 0
	for {
		typ := z.Next()
		if typ == html.ErrorToken {
			break
		}
		at := line
		line += strings.Count(string(z.Raw()), "\n")
		if typ != html.StartTagToken && typ != html.SelfClosingTagToken {
			continue
		}
		tok := z.Token()
		switch tok.Data {
		case "a", "area":
			if href, has := attribute(&tok, "href"); has {
				c.link(href, at)
			}
		case "img":
			pictures++
			c.picture(&tok, at)
		}
	}
	if n := utf8.RuneCountInString(spaces.ReplaceAllString(plain(c.m.Rendered.HTML), "")); pictures > 0 && n < fewWords {
		c.add(Finding{Code: "mail.all_images", Severity: Warning, Part: c.part("html"),
			Text: Text{fmt.Sprintf("ほとんどが画像です（文字は %d 文字）。画像を表示しない設定の方には何も伝わらず、迷惑メールと判定されやすくなります。", n), fmt.Sprintf("Nearly all of it is pictures (%d characters of text): who blocks pictures reads nothing, and filters dislike it.", n)},
			Fix:  Text{"伝えたいことを文字でも書いてください。", "Say it in text, too."}})
	}
}

func attribute(tok *html.Token, name string) (string, bool) {
	for _, a := range tok.Attr {
		if a.Key == name {
			return strings.TrimSpace(a.Val), true
		}
	}
	return "", false
}

// link checks the form of an address. What a variable gives is checked when the message is made.
func (c *checker) link(href string, line int) {
	add := func(code, severity string, text, fix Text) {
		c.add(Finding{Code: code, Severity: severity, Part: c.part("html"), Line: line, Excerpt: clip(href, 80), Text: text, Fix: fix})
	}
	if strings.HasPrefix(href, "{{") || strings.HasPrefix(href, "{%") {
		return
	}
	u, err := url.Parse(liquid.ReplaceAllString(href, "x"))
	whole := Text{"https:// から始まる URL を入れてください。", "Write the whole address, from https:// on."}
	switch {
	case href == "" || href == "#" || strings.HasPrefix(strings.ToLower(href), "javascript:"):
		add("link.empty", Error, Text{"リンク先がありません。", "The link leads nowhere."}, whole)
	case err != nil:
		add("link.broken", Error, Text{"リンク先の URL が正しくありません。", "The address of the link is broken."}, whole)
	case u.Scheme == "":
		add("link.relative", Error, Text{"相対リンクは、メールでは開けません。", "A relative link does not work in a mail."}, whole)
	case u.Scheme == "http":
		add("link.http", Warning, Text{"http:// のリンクは、警告が表示されることがあります。", "Readers may be warned of an http:// link."}, Text{"https:// に変えてください。", "Use https://."})
	case u.Scheme == "https" && nowhere(u.Hostname()):
		add("link.local", Error, Text{"社内や手元の環境でしか開けない URL です。", "Only your own network knows this address."}, Text{"公開されている URL に変えてください。", "Use the public address."})
	}
}

// nowhere: a host that the public does not reach.
func nowhere(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified()
	}
	return host == "" || host == "localhost" || !strings.Contains(host, ".") || strings.HasSuffix(host, ".local") || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".internal")
}

func (c *checker) picture(tok *html.Token, line int) {
	src, _ := attribute(tok, "src")
	if _, has := attribute(tok, "alt"); !has {
		c.add(Finding{Code: "image.alt", Severity: Warning, Part: c.part("html"), Line: line, Excerpt: clip(src, 80),
			Text: Text{"画像に代替テキスト（alt）がありません。画像が表示されない方や読み上げを使う方に伝わりません。", "The picture has no alternative text (alt)."},
			Fix:  Text{"画像の内容を alt に書いてください。飾りなら alt=\"\" にします。", `Say in alt what it shows; alt="" if it is decoration.`}})
	}
	if strings.HasPrefix(src, "{{") || strings.HasPrefix(src, "{%") {
		return
	}
	switch u, err := url.Parse(liquid.ReplaceAllString(src, "x")); {
	case err != nil || u.Scheme == "" || u.Scheme == "https" && nowhere(u.Hostname()):
		c.add(Finding{Code: "image.relative", Severity: Error, Part: c.part("html"), Line: line, Excerpt: clip(src, 80),
			Text: Text{"この画像は、受信した方には表示されません。", "Readers cannot load this picture."}, Fix: Text{"画像をアップロードし、公開 URL を使ってください。", "Upload it, and use its public address."}})
	case u.Scheme == "http":
		c.add(Finding{Code: "image.http", Severity: Warning, Part: c.part("html"), Line: line, Excerpt: clip(src, 80),
			Text: Text{"http:// の画像は、表示されないことがあります。", "An http:// picture may not be shown."}, Fix: Text{"https:// に変えてください。", "Use https://."}})
	case u.Scheme == "data":
		c.add(Finding{Code: "image.data", Severity: Warning, Part: c.part("html"), Line: line, Excerpt: clip(src, 40),
			Text: Text{"埋め込み画像は Gmail などで表示されません。", "Gmail and others do not show embedded pictures."}, Fix: Text{"画像をアップロードし、その URL を使ってください。", "Upload it, and use its address."}})
	}
}

func (c *checker) sizes(ad string) {
	n := len(c.m.Rendered.HTML)
	if n <= gmailClips {
		return
	}
	f := Finding{Code: "mail.clipped", Severity: Warning, Part: c.part("html"),
		Text: Text{fmt.Sprintf("HTML が %d KB あります。Gmail は 102 KB を超えると残りを表示しません。", n>>10), fmt.Sprintf("The HTML has %d KB; Gmail cuts it off at 102 KB.", n>>10)},
		Fix:  Text{"内容を減らすか、二通に分けてください。", "Say less, or send two."}}
	if c.m.Purpose == "marketing" || ad != "" { // the footer with its duties is what is cut off
		f.Severity = Error
	}
	c.add(f)
}

var twice = regexp.MustCompile(`(様|さま|さん)[\s　]*(様|さま|さん)`)

// marks are those of templates, and what JavaScript says of what is not there: as words, for the codes of links may have such letters in them.
var marks = regexp.MustCompile(`(\{\{|\{%|\[\[|%%)|(?:^|[^A-Za-z0-9_-])(undefined|NaN)(?:$|[^A-Za-z0-9_-])`)

// leftovers are traces of a template that was not filled in as its author thought.
func (c *checker) leftovers() {
	c.leftover("subject", c.m.Rendered.Subject)
	c.leftover("preheader", c.m.Rendered.Preheader)
	c.leftover("html", plain2(c.m.Rendered.HTML))
	c.leftover("text", c.ownText())
	for _, b := range c.bubbles(c.m.Rendered.Messages) {
		c.leftover(b.part, string(b.json))
	}
}

func (c *checker) leftover(part, text string) {
	if at := marks.FindStringSubmatchIndex(text); at != nil {
		c.add(Finding{Code: "text.leftover", Severity: Error, Part: c.part(part), Excerpt: clip(text[max(at[2], at[4]):], 30),
			Text: Text{"差し込みの記号がそのまま表示されます。", "A mark of the template shows."}, Fix: Text{"変数は {{ 名前 }} の形で書いてください。", "Write variables as {{ name }}."}})
	}
	if found := twice.FindString(text); found != "" {
		c.add(Finding{Code: "name.honorific", Severity: Error, Part: c.part(part), Excerpt: found,
			Text: Text{"敬称が重なっています（「" + found + "」）。", "The honorific stands twice (“" + found + "”)."},
			Fix:  Text{"{{ customer.salutation }} には「様」が含まれています。後ろの「様」を消してください。", "{{ customer.salutation }} has 様 in it: take the second away."}})
	}
}

// plain2 is what HTML says.
func plain2(doc string) string { return html.UnescapeString(tags.ReplaceAllString(doc, "")) }

// doubtful are emoji that some readers take another way.
var doubtful = map[rune]Text{
	'🍆': {"性的な意味", "a sexual meaning"}, '🍑': {"性的な意味", "a sexual meaning"}, '💦': {"性的な意味", "a sexual meaning"}, '👅': {"性的な意味", "a sexual meaning"},
	'🖕': {"侮辱", "an insult"}, '👌': {"地域により侮辱", "an insult in some regions"}, '🙏': {"「お願い」と「ハイタッチ」のどちらにも読めること", "both a plea and a high five"},
	'💀': {"「笑える」の意味", "“that is funny”"}, '🙃': {"皮肉", "irony"}, '😅': {"ごまかし", "evasion"}, '💩': {"下品な印象", "vulgarity"}, '🔞': {"成人向けの印象", "adult content"},
	'⚰': {"死", "death"}, '🤡': {"嘲り", "mockery"}, '🐍': {"裏切り", "betrayal"},
}

func (c *checker) emoji() {
	m := c.m
	c.pictures("subject", m.Rendered.Subject, subjectEmoji)
	c.pictures("preheader", m.Rendered.Preheader, subjectEmoji)
	c.pictures("html", plain2(m.Rendered.HTML), bodyEmoji)
	c.pictures("text", c.ownText(), bodyEmoji)
	// LINE messages arrive together, so they are too many together; the one that has the most is named.
	var all []rune
	most, part := 0, ""
	for _, b := range c.bubbles(m.Rendered.Messages) {
		n, found := emojiIn(texts(b.json))
		if n > most {
			most, part = n, b.part
		}
		all = append(all, found...)
		c.doubtful(b.part, found)
	}
	c.many(part, all, bodyEmoji)
}

// pictures checks the emoji of one part of a mail.
func (c *checker) pictures(part, text string, most int) {
	_, all := emojiIn(text)
	if len(all) > 0 && c.r.Charset == "iso-2022-jp" {
		c.add(Finding{Code: "emoji.charset", Severity: Error, Part: c.part(part), Excerpt: some(all),
			Text: Text{"送信先の文字コード（ISO-2022-JP）では絵文字を表せません。", "The readers' charset (ISO-2022-JP) has no emoji."},
			Fix:  Text{"絵文字を外すか、文字コードを UTF-8 にしてください。", "Take them out, or send UTF-8."}})
	}
	c.many(part, all, most)
	c.doubtful(part, all)
}

// some are the first emoji, as a finding quotes them.
func some(all []rune) string { return string(all[:min(len(all), 5)]) }

func (c *checker) many(part string, all []rune, most int) {
	if len(all) > most {
		c.add(Finding{Code: "emoji.many", Severity: Warning, Part: c.part(part), Excerpt: some(all),
			Text: Text{fmt.Sprintf("絵文字が %d 個あります。", len(all)), fmt.Sprintf("There are %d emoji.", len(all))},
			Fix:  Text{fmt.Sprintf("%d 個までにすると読みやすくなります。", most), fmt.Sprintf("Up to %d read better.", most)}})
	}
}

func (c *checker) doubtful(part string, all []rune) {
	for _, r := range all {
		if other, ok := doubtful[r]; ok {
			c.add(Finding{Code: "emoji.meaning", Severity: Warning, Part: c.part(part), Excerpt: string(r),
				Text: Text{string(r) + " は" + other.JA + "に受け取られることがあります。", string(r) + " may be read as " + other.EN + "."},
				Fix:  Text{"別の絵文字か、言葉にしてください。", "Use another one, or words."}})
		}
	}
}
