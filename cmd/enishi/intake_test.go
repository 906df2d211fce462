package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	netsmtp "net/smtp"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"enishi/channels/email"
	mailsim "enishi/internal/sim/mail"
)

// report is a DSN or a feedback report about a mail that left, as its receiver would send it.
func report(kind string, m mailsim.Mail) string {
	part := "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; " + m.To[0] + "\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 user unknown\r\n"
	if kind == "feedback-report" {
		part = "Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: t/1\r\nVersion: 1\r\nOriginal-Mail-From: <" + m.From + ">\r\n"
	}
	return "From: MAILER-DAEMON@mx.example\r\nSubject: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=" + kind + "; boundary=b\r\n\r\n" +
		"--b\r\n" + part + "\r\n--b--\r\n"
}

// mailer is a shop that sends signed mail and takes mail in.
type mailer struct {
	*shop
	keys []email.Key
}

// openMailer opens a shop that sends mail to so many people who sign up, by a relay, and comes back when all is sent.
func openMailer(t *testing.T, relay string, people int, env ...string) *mailer {
	t.Helper()
	dir := t.TempDir()
	keys, err := email.GenerateKeys(dir, "load.example", "t1")
	if err != nil {
		t.Fatal(err)
	}
	x := &mailer{keys: keys}
	x.shop = openShop(t, t.TempDir(), people, append([]string{"ENISHI_SMTP__ADDR=" + relay, "ENISHI_SMTP__TLS=none", "ENISHI_SMTP__FROM=Shop <shop@load.example>", "ENISHI_SMTP__DKIM=" + dir,
		"ENISHI_SMTP__BOUNCE=bounce.load.example"}, env...)...)
	x.put("setting", "brand", map[string]any{"name": "店", "address": "東京都千代田区丸の内1-1-1", "contact": "03-0000-0000"})
	x.put("template", "paper", map[string]any{"name": "paper", "channel": "email", "purpose": "marketing", "title": title("paper"), "variants": map[string]any{
		"ja": map[string]any{"subject": "秋のご案内です。長い件名は折り返されますが、署名はそのまま確かめられます", "html": "<!doctype html><html lang=\"ja\"><head><title>ご案内</title></head><body><p>ありがとうございます</p><p>{{ brand.name }} {{ brand.address }} {{ brand.contact }}</p><a href=\"{{ links.unsubscribe }}\">配信を停止する</a></body></html>",
			"text": "ありがとうございます\n{{ brand.name }} {{ brand.address }} {{ brand.contact }}\n配信停止: {{ links.unsubscribe }}\n"}}})
	x.putJourney("paper", map[string]any{"events": []string{"user.signed_up"}, "reentry": "never"})
	l := &load{key: x.write, to: []*server{x.server}, sent: acknowledged{}}
	if err := l.send(meeting(people, time.Now().UTC())); err != nil {
		t.Fatal(err)
	}
	x.quiet(time.Minute, x.tables)
	if err := l.send(signUps(0, people)); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "all mail is sent", func() error {
		if got := x.tables.rows("SELECT count() FROM deliveries FINAL WHERE channel = 'email' AND state = 'sent'"); got[0] != fmt.Sprint(people) {
			return fmt.Errorf("%s of %d", got[0], people)
		}
		return nil
	})
	return x
}

// becomes waits until the people whose mail address is suppressed, and those who do not want marketing mail, are these.
func (x *mailer) becomes(t *testing.T, suppressed, out []string) {
	t.Helper()
	eventually(t, 30*time.Second, "what came back is folded", func() error {
		got := x.tables.rows("SELECT email FROM people FINAL WHERE suppressed_email ORDER BY email")
		outs := x.tables.rows("SELECT email FROM people FINAL WHERE consents['email.marketing'] = 'out' ORDER BY email")
		if !slices.Equal(got, suppressed) || !slices.Equal(outs, out) {
			return fmt.Errorf("suppressed %v, out %v", got, outs)
		}
		return nil
	})
}

// TestMailComesBack: mail leaves signed; a bounce by SMTP and a complaint by the pipe suppress their person and nobody else,
// a reply is a contact, a forged report a dead letter; one click unsubscribes by POST and not by GET; who asks for mail confirms it.
func TestMailComesBack(t *testing.T) {
	if testing.Short() {
		t.Skip("starts real processes")
	}
	t.Parallel()
	needEngine(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	inbox := mailsim.New(mailsim.Config{Keep: 100})
	go func() {
		if err := inbox.Serve(t.Context(), listener); err != nil {
			t.Error(err)
		}
	}()
	intake := freePort(t)
	x := openMailer(t, listener.Addr().String(), 6, "ENISHI_MAIL_LISTEN="+intake)
	mails := map[string]mailsim.Mail{}
	for _, m := range inbox.Mails() {
		mails[m.To[0]] = m
		held, err := dkim.VerifyWithOptions(bytes.NewReader(m.Raw), &dkim.VerifyOptions{LookupTXT: x.txt})
		if err != nil || len(held) != 2 || held[0].Err != nil || held[1].Err != nil {
			t.Errorf("signatures of %s: %+v %v", m.To[0], held, err)
		}
	}
	deliver := func(from, to, text string) {
		t.Helper()
		if err := netsmtp.SendMail(intake, nil, from, []string{to}, []byte(text)); err != nil {
			t.Error(err)
		}
	}
	bounced, complained, wrote, forged, asked, left := mails[address(0)], mails[address(1)], mails[address(2)], mails[address(3)], mails[address(4)], mails[address(5)]
	deliver("", bounced.From, report("delivery-status", bounced))

	var out, errs bytes.Buffer
	code := run([]string{"bounce", "--addr", x.base, "--from", "fbl@mx.example", "--to", "fbl@bounce.load.example"},
		streams{&out, &errs, func() []string { return nil }, strings.NewReader(report("feedback-report", complained))})
	if code != 0 || strings.TrimSpace(out.String()) != "complaint" {
		t.Errorf("enishi bounce: %d %q %q", code, out.String(), errs.String())
	}
	code = run([]string{"bounce", "--addr", "http://127.0.0.1:1", "--to", complained.From}, streams{io.Discard, io.Discard, func() []string { return nil }, strings.NewReader("x")})
	if code != exitTemporary {
		t.Errorf("enishi bounce without a server ends with %d", code)
	}

	parsed, err := mailsim.Parse(wrote.Raw)
	if err != nil {
		t.Fatal(err)
	}
	deliver(wrote.To[0], "shop@load.example", "From: "+wrote.To[0]+"\r\nSubject: Re: hello\r\nIn-Reply-To: <"+strings.Trim(parsed.MessageID, "<>")+">\r\n\r\nまだ届きません\r\n")
	deliver("", "b+"+strings.Repeat("a", 61)+"@bounce.load.example", report("delivery-status", forged))

	for m, method := range map[*mailsim.Mail]string{&asked: http.MethodGet, &left: http.MethodPost} {
		parsed, err := mailsim.Parse(m.Raw)
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequest(method, parsed.ListUnsubscribe[0], strings.NewReader("List-Unsubscribe=One-Click"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != 200 {
			t.Errorf("%s: %s", method, answer.Status)
		}
	}
	x.becomes(t, []string{address(0), address(1)}, []string{address(1), address(5)})
	eventually(t, 30*time.Second, "the reply is a contact and the forged report a dead letter", func() error {
		got := append(x.tables.rows("SELECT channel, topic FROM contacts FINAL"), x.tables.rows("SELECT stage, code, topic FROM dead_letters FINAL")...)
		if !slices.Equal(got, []string{"email\tRe: hello", "mail\tunsigned\tmail"}) {
			return fmt.Errorf("%q", got)
		}
		return nil
	})
	x.confirms(t, inbox)
}

// txt is the DNS of the sender's domain.
func (x *mailer) txt(name string) ([]string, error) {
	for i := range x.keys {
		if at, value, err := x.keys[i].Record(); err == nil && at == name {
			return []string{value}, nil
		}
	}
	return nil, os.ErrNotExist
}
