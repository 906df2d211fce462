package mail

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/encoding/japanese"
)

// jis encodes as a Japanese carrier would.
func jis(t testing.TB, s string) string {
	t.Helper()
	out, err := japanese.ISO2022JP.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestParseISO2022JP(t *testing.T) {
	t.Parallel()
	subject := "=?ISO-2022-JP?B?" + base64.StdEncoding.EncodeToString([]byte(jis(t, "ご注文の確認"))) + "?="
	p, err := Parse([]byte("From: =?iso-2022-jp?B?" + base64.StdEncoding.EncodeToString([]byte(jis(t, "花子"))) + "?= <hanako@docomo.ne.jp>\r\n" +
		"To: shop@shop.example\r\nSubject: " + subject + "\r\n =?UTF-8?Q?_=E2=91=A0?=\r\nDate: Fri, 20 Nov 2026 12:00:00 +0900\r\n" +
		"Content-Type: text/plain; charset=ISO-2022-JP\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" + jis(t, "商品はいつ届きますか") + "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if p.Subject != "ご注文の確認 ①" || p.From != "花子 <hanako@docomo.ne.jp>" || p.Text != "商品はいつ届きますか\r\n" || p.Date.Unix() != 1795143600 {
		t.Errorf("%+v", p)
	}
	if len(p.Headers) != 6 || p.Headers[2] != (Header{"Subject", "ご注文の確認 ①"}) {
		t.Errorf("headers %q", p.Headers)
	}
}

func TestParseParts(t *testing.T) {
	t.Parallel()
	part := func(header, body string) string { return "--b\r\n" + header + "\r\n\r\n" + body + "\r\n" }
	sjis, err := japanese.ShiftJIS.NewEncoder().String("<p>カード</p>")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Parse([]byte("Subject: a\r\nList-Unsubscribe: <https://shop.example/\r\n u/abc>,\r\n <mailto:a@b>, <broken\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		part("Content-Type: text/plain; name=readme.txt", "named") +
		part("Content-Type: text/html; charset=Shift_JIS\r\nContent-Transfer-Encoding: base64", base64.StdEncoding.EncodeToString([]byte(sjis))) +
		part("Content-Type: text/plain; charset=x-unknown", "plain") +
		part("Content-Type: text/plain", "second text") +
		part("Content-Type: image/png; name=\"=?UTF-8?B?"+base64.StdEncoding.EncodeToString([]byte("絵.png"))+"?=\"\r\nContent-Disposition: inline\r\nContent-ID: <logo@shop>\r\nContent-Transfer-Encoding: base64", "AAAA") +
		part("Content-Type: text/plain\r\nContent-Disposition: attachment; filename*=UTF-8''%E8%A1%A8.csv", "a,b") +
		part("Content-Type: message/rfc822", "Subject: inner\r\n\r\ninner text") + "--b--\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if p.HTML != "<p>カード</p>" || p.Text != "plain" {
		t.Errorf("html %q, text %q", p.HTML, p.Text)
	}
	want := "[{readme.txt text/plain  5} { text/plain  11} {絵.png image/png logo@shop 3} {表.csv text/plain  3} { message/rfc822  28}]"
	if got := fmt.Sprint(p.Attachments); got != want {
		t.Errorf("attachments %s, want %s", got, want)
	}
	if got := fmt.Sprint(p.ListUnsubscribe); got != "[https://shop.example/u/abc mailto:a@b]" || p.OneClick {
		t.Errorf("unsubscribe %s", got)
	}
}

func TestParseBadMail(t *testing.T) {
	t.Parallel()
	deep := "Content-Type: multipart/mixed; boundary=b0\r\n\r\n"
	for i := range 30 {
		deep += fmt.Sprintf("--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n", i, i+1)
	}
	for i := 29; i >= 0; i-- {
		deep += fmt.Sprintf("--b%d--\r\n", i)
	}
	if _, err := Parse([]byte(deep)); err == nil || !strings.Contains(err.Error(), "nested too deep") {
		t.Errorf("deep mail: %v", err)
	}
	for _, raw := range []string{"no header\r\n", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nbroken"} {
		if p, err := Parse([]byte(raw)); err == nil {
			t.Errorf("%.40q parsed as %+v", raw, p)
		}
	}
	p, err := Parse([]byte("Subject: =?X-NONE?B?YQ==?=\r\nDate: soon\r\nContent-Type: ;;;\r\n\r\nbody"))
	if err != nil || p.Text != "body" || !p.Date.IsZero() {
		t.Errorf("odd headers: %+v %v", p, err)
	}
	if _, err := Parse(nil); err != nil {
		t.Errorf("an empty mail: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("Subject: a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b--\r\n"))
	f.Add([]byte("Subject: =?ISO-2022-JP?B?GyRCJDMbKEI=?=\r\nContent-Type: text/html; charset=shift_jis\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=83"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := Parse(raw)
		if err == nil && len(p.Text)+len(p.HTML) > 8*len(raw)+8 {
			t.Errorf("%d bytes became %d", len(raw), len(p.Text)+len(p.HTML))
		}
	})
}
