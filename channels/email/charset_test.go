package email

import (
	"bytes"
	"context"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/emersion/go-message"
	rfc822 "github.com/emersion/go-message/mail"

	"enishi/channels"
	mailsim "enishi/internal/sim/mail"
)

// read is a mail as another program reads it: its header's texts, and the texts and charsets of its parts.
type readMail struct{ from, subject, text, html, charsets string }

func readAll(t *testing.T, raw []byte) readMail {
	t.Helper()
	e, err := message.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	h := rfc822.Header{Header: e.Header}
	var m readMail
	if m.subject, err = h.Subject(); err != nil {
		t.Errorf("subject: %v", err)
	}
	if from, err := h.AddressList("From"); err != nil || len(from) != 1 || from[0].Address != "shop@hana.example" {
		t.Errorf("from %v %v", from, err)
	} else {
		m.from = from[0].Name
	}
	parts := e.MultipartReader()
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return m
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(part.Body)
		if err != nil {
			t.Fatal(err)
		}
		kind, params, _ := part.Header.ContentType()
		m.charsets = strings.TrimSpace(m.charsets + " " + params["charset"])
		if kind == "text/html" {
			m.html = string(text)
		} else {
			m.text = string(text)
		}
	}
}

// TestISO2022JP: mail to the chosen receivers is in ISO-2022-JP as far as that charset goes, lines and encoded words are as
// short as they must be, signatures hold, and others read the same texts from it.
func TestISO2022JP(t *testing.T) {
	t.Parallel()
	keys, err := GenerateKeys(t.TempDir(), "hana.example", "s1")
	if err != nil {
		t.Fatal(err)
	}
	s := relay(t, mailsim.Config{})
	c := account(t, s, func(c *Config) { c.DKIM, c.ISO2022JP = keys, []string{"docomo"} })
	long := "【花の店】佐藤 花子 様へ、秋の新作と " + strings.Repeat("お得な情報", 12) + " and more"
	f := func(m channels.Rendered, want readMail, note string) {
		t.Helper()
		l := letter(len(s.Mails()))
		l.To, l.FromName, l.Subject, l.Text, l.HTML = "a..b@docomo.ne.jp", m.FromName, m.Subject, m.Text, m.HTML
		if m.To != "" {
			l.To = m.To
		}
		r, err := c.Send(context.Background(), l)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(r.Note, note) || (note == "") != (r.Note == "") {
			t.Errorf("note %q, want %q", r.Note, note)
		}
		mails := s.Mails()
		raw := mails[len(mails)-1].Raw
		if got := readAll(t, raw); got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		head, _, _ := strings.Cut(string(raw), "\r\n\r\n")
		for line := range strings.SplitSeq(head, "\r\n") {
			if strings.Contains(line, "=?") && len(line) > 76 {
				t.Errorf("a line with encoded words has %d characters: %s", len(line), line)
			}
			for _, word := range strings.Fields(line) {
				if strings.HasPrefix(word, "=?") && len(word) > 75 {
					t.Errorf("an encoded word has %d characters: %s", len(word), word)
				}
			}
		}
		if hold := verify(t, keys, raw); len(hold) != 2 {
			t.Errorf("signatures that hold: %v", hold)
		}
	}
	html := func(s string) string {
		return "<html><head><meta charset=\"utf-8\"></head><body>" + s + "</body></html>"
	}
	jis := func(s string) string { return strings.Replace(html(s), "utf-8", "iso-2022-jp", 1) }
	f(channels.Rendered{FromName: "花の店 本店", Subject: long, Text: "本文です。\n.\n二行目", HTML: html("<p>本文</p>")},
		readMail{"花の店 本店", long, "本文です。\r\n.\r\n二行目", jis("<p>本文</p>"), "iso-2022-jp iso-2022-jp"}, "")
	f(channels.Rendered{FromName: "Hana", Subject: "10〜20% −5 ‖ — ｶﾞｰﾃﾞﾝ ¥100", Text: "a\u00a0b", HTML: html("〜")},
		readMail{"Hana", "10～20% －5 ∥ ― ガーデン ￥100", "a b", jis("～"), "iso-2022-jp iso-2022-jp"}, "")
	f(channels.Rendered{FromName: "花の店", Subject: "秋の新作 🍁", Text: "新作 🍁", HTML: html("新作 🍁 © é")},
		readMail{"花の店", "秋の新作 🍁", "新作 🍁", jis("新作 &#127809; &#169; &#233;"), "utf-8 iso-2022-jp"}, "charset: UTF-8, for ISO-2022-JP has no U+1F341 (subject)")
	f(channels.Rendered{FromName: "花の店 🍁", Subject: "新作", Text: "新作", HTML: `<style>p::before{content:"🍁"}</style>新作`},
		readMail{"花の店 🍁", "新作", "新作", `<style>p::before{content:"🍁"}</style>新作`, "iso-2022-jp utf-8"}, "charset: UTF-8, for ISO-2022-JP has no U+1F341 (sender's name)")
	f(channels.Rendered{FromName: "㈱花の店", Subject: "髙橋様", Text: "①", HTML: html("﨑")}, // what makers added is not in the standard
		readMail{"㈱花の店", "髙橋様", "①", jis("&#64017;"), "utf-8 iso-2022-jp"}, "charset: UTF-8, for ISO-2022-JP has no U+3231 (sender's name)")
	f(channels.Rendered{To: "hanako@gmail.com", FromName: "花の店", Subject: "新作〜", Text: "新作〜", HTML: html("〜")},
		readMail{"花の店", "新作〜", "新作〜", html("〜"), "utf-8 utf-8"}, "")

	if python, err := exec.LookPath("python3"); err == nil { // another reader, where it is at hand
		cmd := exec.Command(python, "-c", "import sys,email,email.policy\nm=email.message_from_bytes(sys.stdin.buffer.read(),policy=email.policy.default)\nsys.stdout.buffer.write((m['Subject']+'|'+m['From'].addresses[0].display_name+'|'+m.get_body(('plain',)).get_content()).encode())")
		cmd.Stdin = bytes.NewReader(s.Mails()[0].Raw)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := strings.ReplaceAll(string(out), "\r", ""), long+"|花の店 本店|本文です。\n.\n二行目"; strings.TrimSpace(got) != want {
			t.Errorf("python reads %q\nwant %q", got, want)
		}
	}
	if _, err := New(Config{Addr: "127.0.0.1:25", From: "shop@hana.example", ISO2022JP: []string{"dokomo"}}); err == nil || !strings.Contains(err.Error(), "dokomo") {
		t.Errorf("an unknown group: %v", err)
	}
}
