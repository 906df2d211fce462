//go:build browser

package main

import (
	"fmt"
	"net"
	netsmtp "net/smtp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	mailsim "enishi/internal/sim/mail"
)

// TestBrowserDeliverability: mail leaves, some comes back; the page counts it by receiver, marks what is too much and says what
// to do; the sender's page shows records to set and is never green about what nobody could look up.
func TestBrowserDeliverability(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const people = 120
	inbox := mailsim.New(mailsim.Config{Keep: people})
	go func() {
		if err := inbox.Serve(t.Context(), listener); err != nil {
			t.Error(err)
		}
	}()
	intake := freePort(t)
	x := openMailer(t, listener.Addr().String(), people, "ENISHI_MAIL_LISTEN="+intake)
	mails := inbox.Mails()
	for _, m := range mails[:2] {
		if err := netsmtp.SendMail(intake, nil, "", []string{m.From}, []byte(report("delivery-status", m))); err != nil {
			t.Fatal(err)
		}
	}
	if err := netsmtp.SendMail(intake, nil, "", []string{mails[2].From}, []byte(report("feedback-report", mails[2]))); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "what came back is counted", func() error {
		var got struct {
			Total struct{ Tried, Accepted, Hard, Complained int }
		}
		if err := x.call("GET", "/deliverability", nil, &got); err != nil {
			return err
		}
		if c := got.Total; c.Tried != people || c.Accepted != people || c.Hard != 2 || c.Complained != 1 {
			return fmt.Errorf("got %+v", c)
		}
		return nil
	})
	b := builder{openBrowser(t)}
	b.do("open the page", chromedp.Navigate(x.base+"/deliverability?lang=ja"), chromedp.WaitVisible(chromedp.CSS(`main table`)))
	b.see("the figures", "到達状況", "受信側が受け付け", "送信 120 通のうち", "存在しない宛先 1.67%", "迷惑メール報告 0.83%", "0.3 % を超えると", "その他", "注意", "超過", "日別の到達状況")
	b.shot("deliverability-ja")
	b.checkPage("deliverability", true)
	b.quiet("deliverability")
	b.press("送信元の設定", 0)
	b.see("the records", "shop@load.example", "SPF", "v=spf1 ", "DKIM", "t1-rsa._domainkey.load.example", "_dmarc.load.example", "コピー", "もう一度調べる")
	if green := js[int](b.browser, "what is green", `[...document.querySelectorAll("main section")].filter(s => ["SPF", "DKIM", "DMARC"].some(k => s.getAttribute("aria-label") === k) && s.innerText.includes("設定済み")).length`); green != 0 {
		t.Errorf("%d records of a domain that nobody has are set", green)
	}
	b.shot("sender-ja")
	b.checkPage("sender", true)
	b.do("in English", chromedp.Navigate(x.base+"/deliverability/sender?lang=en"), chromedp.WaitVisible(chromedp.CSS(`main section`)))
	b.see("the records in English", "Sender setup", "record to set", "Copy", "Look again")
	js[bool](b.browser, "the clipboard, which a browser without a window keeps to itself", `(() => { navigator.clipboard.writeText = async s => { window.pasted = s; }; return true; })()`)
	b.press("Copy Value", 0)
	b.see("it is copied", "Copied")
	if got := js[string](b.browser, "what is copied", `window.pasted`); !strings.HasPrefix(got, "v=spf1 ") {
		t.Errorf("the clipboard has %q", got)
	}
	b.shot("sender-en")
	b.do("the counts in English", chromedp.Navigate(x.base+"/deliverability?lang=en"), chromedp.WaitVisible(chromedp.CSS(`main table`)))
	b.see("the figures in English", "Dead addresses", "of 120 mails", "Too many", "Above 1 % receivers doubt the list")
	b.shot("deliverability-en")
	b.checkPage("deliverability-en", false)
	b.quiet("deliverability in English")
}
