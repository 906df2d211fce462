package mail

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gomail "github.com/wneessen/go-mail"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves an inbox until the test ends.
func start(t testing.TB, cfg Config) *Server {
	t.Helper()
	s := New(cfg)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("run: %v", err)
			}
		case <-time.After(time.Minute):
			t.Error("the inbox does not stop")
		}
	})
	<-s.Ready()
	return s
}

func client(t testing.TB, s *Server, opts ...gomail.Option) *gomail.Client {
	t.Helper()
	host, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	c, err := gomail.NewClient(host, append([]gomail.Option{gomail.WithPort(n), gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithTimeout(time.Minute)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func note(t testing.TB, to string) *gomail.Msg {
	t.Helper()
	m := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingB64))
	if err := errors.Join(m.EnvelopeFrom("b+1@bounce.shop.example"), m.FromFormat("縁ショップ", "shop@shop.example"), m.To(to)); err != nil {
		t.Fatal(err)
	}
	m.Subject("ご注文ありがとうございます 🎁")
	m.SetBodyString(gomail.TypeTextPlain, "花子 様\r\n.\r\n..二つの点\r\n")
	m.AddAlternativeString(gomail.TypeTextHTML, "<p>花子 様</p>")
	return m
}

func TestGoMail(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var hooked []Mail
	s := start(t, Config{OnMail: func(m Mail) { mu.Lock(); hooked = append(hooked, m); mu.Unlock() }})
	m := note(t, "hanako@example.jp")
	m.SetMessageIDWithValue("send-1@shop.example")
	if err := m.SetListUnsubscribeOneClick("https://shop.example/u/abc", "mailto:leave@shop.example"); err != nil {
		t.Fatal(err)
	}
	if err := m.AttachReader("領収書.pdf", strings.NewReader("%PDF-1.7")); err != nil {
		t.Fatal(err)
	}
	if err := client(t, s).DialAndSend(m); err != nil {
		t.Fatal(err)
	}
	if r := m.ServerResponse(); !strings.Contains(r, "queued as 1") {
		t.Errorf("response %q", r)
	}
	mails := s.Mails()
	if len(mails) != 1 || s.Count() != 1 {
		t.Fatalf("%d mails", len(mails))
	}
	got := mails[0]
	if got.ID != 1 || got.From != "b+1@bounce.shop.example" || len(got.To) != 1 || got.To[0] != "hanako@example.jp" || got.At.IsZero() {
		t.Errorf("envelope %+v", got)
	}
	mu.Lock()
	if len(hooked) != 1 || hooked[0].ID != 1 {
		t.Errorf("hook saw %v", hooked)
	}
	mu.Unlock()
	p, err := Parse(got.Raw)
	if err != nil {
		t.Fatal(err)
	}
	if p.Subject != "ご注文ありがとうございます 🎁" || !strings.Contains(p.From, "縁ショップ") || p.MessageID != "send-1@shop.example" || p.Date.IsZero() {
		t.Errorf("headers %+v", p)
	}
	if p.Text != "花子 様\r\n.\r\n..二つの点\r\n" || p.HTML != "<p>花子 様</p>" {
		t.Errorf("text %q, html %q", p.Text, p.HTML)
	}
	if len(p.Attachments) != 1 || p.Attachments[0].Name != "領収書.pdf" || p.Attachments[0].Size != 8 {
		t.Errorf("attachments %+v", p.Attachments)
	}
	if fmt.Sprint(p.ListUnsubscribe) != "[https://shop.example/u/abc mailto:leave@shop.example]" || !p.OneClick {
		t.Errorf("unsubscribe %v %t", p.ListUnsubscribe, p.OneClick)
	}
	if again, ok := s.Get(1); !ok || again.ID != 1 {
		t.Error("the mail is not found by its id")
	}
	s.Clear()
	if _, ok := s.Get(1); ok || len(s.Mails()) != 0 {
		t.Error("a cleared inbox has mail")
	}

	// Old carrier addresses need quotes, and several mails share a connection.
	if err := client(t, s).DialAndSend(note(t, `"a..b"@docomo.ne.jp`), note(t, "jiro@example.jp")); err != nil {
		t.Fatal(err)
	}
	if to := s.Mails()[0].To[0]; to != `"a..b"@docomo.ne.jp` {
		t.Errorf("recipient %s", to)
	}
	if m, ok := s.Get(3); !ok || m.To[0] != "jiro@example.jp" {
		t.Errorf("ids after clearing: %+v", m)
	}
}

// certificate makes a self-signed one for loopback.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
}

func TestTLSAndAuth(t *testing.T) {
	t.Parallel()
	server, ours := certificate(t)
	s := start(t, Config{TLS: server, RequireTLS: true, Username: "shop", Password: "secret"})
	secure := []gomail.Option{gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithTLSConfig(ours), gomail.WithSMTPAuth(gomail.SMTPAuthPlain), gomail.WithUsername("shop")}
	if err := client(t, s, append(secure, gomail.WithPassword("secret"))...).DialAndSend(note(t, "hanako@example.jp")); err != nil {
		t.Errorf("right password: %v", err)
	}
	if err := client(t, s, append(secure, gomail.WithPassword("wrong"))...).DialAndSend(note(t, "hanako@example.jp")); err == nil || !strings.Contains(err.Error(), "535") {
		t.Errorf("wrong password: %v", err)
	}
	if err := client(t, s).DialAndSend(note(t, "hanako@example.jp")); err == nil || !strings.Contains(err.Error(), "530") {
		t.Errorf("no TLS: %v", err)
	}
	if err := client(t, s, secure[:2]...).DialAndSend(note(t, "hanako@example.jp")); err == nil || !strings.Contains(err.Error(), "530") {
		t.Errorf("no AUTH: %v", err)
	}
	if s.Count() != 1 {
		t.Errorf("%d mails", s.Count())
	}
	private := start(t, Config{TLS: server, RequireTLS: true})
	if err := client(t, private).DialAndSend(note(t, "hanako@example.jp")); err == nil || !strings.Contains(err.Error(), "STARTTLS first") {
		t.Errorf("no TLS: %v", err)
	}
	if err := client(t, private, secure[:2]...).DialAndSend(note(t, "hanako@example.jp")); err != nil {
		t.Errorf("TLS: %v", err)
	}
	plain := start(t, Config{})
	if err := client(t, plain, secure[:2]...).DialAndSend(note(t, "hanako@example.jp")); err == nil {
		t.Error("mandatory TLS was met by a server without")
	}
	dialogue(t, s, "S 220", "C EHLO a", "S 250", "C STARTTLS\r\nMAIL FROM:<a@b>", "S 220") // the rest of the segment is dropped
	dialogue(t, start(t, Config{Username: "shop", Password: "secret"}), "S 220", "C EHLO a", "S 250", "C AUTH LOGIN", "S 504",
		"C AUTH PLAIN", "S 334", "C *", "S 501", "C AUTH PLAIN !", "S 501", "C AUTH PLAIN", "S 334", "C AHNob3AAc2VjcmV0", "S 235", "C AUTH PLAIN AHNob3AAc2VjcmV0", "S 503")
}

// dialogue sends the C lines and compares the codes of the answers with the S
// lines. Answers of several lines count once.
func dialogue(t *testing.T, s *Server, script ...string) {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	for i, line := range script {
		what, text, _ := strings.Cut(line, " ")
		if what == "C" {
			if _, err := fmt.Fprintf(conn, "%s\r\n", text); err != nil {
				t.Fatalf("line %d: %v", i, err)
			}
			continue
		}
		for _, code := range strings.Fields(text) {
			for {
				answer, err := in.ReadString('\n')
				if code == "end" {
					if err == nil {
						t.Fatalf("line %d: %q, want the end", i, answer)
					}
					return
				}
				if err != nil || !strings.HasPrefix(answer, code) {
					t.Fatalf("line %d: %q %v, want %s", i, answer, err, code)
				}
				if !strings.HasPrefix(answer, code+"-") {
					break
				}
			}
		}
	}
}

func TestDialogue(t *testing.T) {
	t.Parallel()
	s := start(t, Config{MaxSize: 1000, MaxRecipients: 2})
	const mail, rcpt = "C MAIL FROM:<a@b.example>", "C RCPT TO:<c@d.example>"
	f := func(script ...string) {
		t.Helper()
		dialogue(t, s, append([]string{"S 220", "C EHLO client", "S 250"}, script...)...)
	}
	dialogue(t, s, "S 220", mail, "S 503", "C HELO", "S 501", "C HELO client", "S 250", mail, "S 250")
	f("C NOOP", "S 250", "C VRFY a", "S 252", "C WHAT", "S 500", "C QUIT", "S 221 end")
	f("C RCPT TO:<a@b>", "S 503", "C DATA", "S 503", mail, "S 250", "C DATA", "S 503", mail, "S 503", rcpt, "S 250", "C DATA x", "S 501", "C RSET", "S 250", rcpt, "S 503")
	f("C MAIL FROM:<>", "S 250", rcpt, "S 250", rcpt, "S 250", rcpt, "S 452")
	f("C MAIL FROM:a@b", "S 501", "C MAIL FROM:<a>", "S 501", "C MAIL FROM:<a@b", "S 501", "C mail from: <a@b> size=10 body=8bitmime", "S 250", "C RCPT TO:<a>", "S 501", "C RCPT TO:<a@b> NOTIFY=NEVER", "S 555")
	f("C MAIL FROM:<a@b> SIZE=1001", "S 552", "C MAIL FROM:<a@b> SIZE=x", "S 501", "C MAIL FROM:<a@b> BODY=9BIT", "S 501", "C MAIL FROM:<a@b> X=1", "S 555")
	f("C MAIL FROM:<縁@b.example>", "S 553", "C MAIL FROM:<縁@b.example> SMTPUTF8", "S 250", "C RCPT TO:<花子@d.example>", "S 250")
	f(mail, "S 250", "C RCPT TO:<花子@d.example>", "S 553", `C RCPT TO:<"a>b \" c"@d.example>`, "S 250")
	f("C STARTTLS", "S 502", "C AUTH PLAIN AAA", "S 502")
	f("C "+strings.Repeat("x", 5000), "S 500", "C "+strings.Repeat("x", 200_000), "S 500", "C NOOP", "S 250")
	f("C "+strings.TrimSuffix(strings.Repeat("WHAT\r\n", 60), "\r\n"), "S "+strings.Repeat("500 ", 51), "S 421 end")
	f(mail, "S 250", rcpt, "S 250", "C DATA", "S 354", "C "+strings.Repeat("x", 999), "C .", "S 552", "C NOOP", "S 250")
	if s.Count() != 0 {
		t.Errorf("%d mails", s.Count())
	}
	// All of a mail, and the next one, in one segment.
	f(mail+"\r\nRCPT TO:<c@d.example>\r\nDATA\r\nfirst\r\n.\r\nMAIL FROM:<e@f>\r\nRCPT TO:<g@h>\r\nDATA\r\nsecond\r\n.\r\nQUIT", "S 250 250 354 250 250 250 354 250 221 end")
	mails := s.Mails()
	if len(mails) != 2 || string(mails[0].Raw) != "first\r\n" || mails[1].From != "e@f" || string(mails[1].Raw) != "second\r\n" {
		t.Errorf("mails %+v", mails)
	}
}

// The content is what was sent, without dot-stuffing; only CRLF . CRLF ends it.
func TestContent(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	f := func(sent, want string) {
		t.Helper()
		dialogue(t, s, "S 220", "C EHLO client", "S 250", "C MAIL FROM:<a@b>", "S 250", "C RCPT TO:<c@d>", "S 250", "C DATA", "S 354", "C "+sent+".", "S 250")
		mails := s.Mails()
		if got := string(mails[len(mails)-1].Raw); got != want {
			if len(got) > 200 {
				got, want = fmt.Sprintf("%d bytes", len(got)), fmt.Sprintf("%d bytes", len(want))
			}
			t.Errorf("%.100q: got %q, want %q", sent, got, want)
		}
	}
	f("", "")
	f("a\r\n", "a\r\n")
	f("..\r\n...a\r\n", ".\r\n..a\r\n")
	f("a.\r\n", "a.\r\n")
	f("a\n.\nMAIL FROM:<x@y>\r\n", "a\n.\nMAIL FROM:<x@y>\r\n")
	f("a\n.\r\nb\r\n", "a\n.\r\nb\r\n")
	f("a\r\n.\nb\r\n", "a\r\n\nb\r\n")
	f(".\r\r\n", "\r\r\n")
	f("\x00\xff\r\n", "\x00\xff\r\n")
	const buffer = 64 << 10
	for _, n := range []int{buffer - 2, buffer - 1, buffer, buffer + 1, 3*buffer - 1, 3 * buffer} {
		long := strings.Repeat("x", n) + "\r\n"
		f(long+"..y\r\n", long+".y\r\n")
	}
	if int(s.Count()) != len(s.Mails()) || s.Count() != 15 {
		t.Errorf("%d mails: something was smuggled", s.Count())
	}
	// The end is seen also behind a mail that is too big and lies badly in the buffer.
	small := start(t, Config{MaxSize: 10})
	for n := buffer - 3; n < buffer+3; n++ {
		dialogue(t, small, "S 220", "C EHLO client", "S 250", "C MAIL FROM:<a@b>", "S 250", "C RCPT TO:<c@d>", "S 250", "C DATA", "S 354",
			"C "+strings.Repeat("x", n)+"\r\n.", "S 552", "C QUIT", "S 221")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	s := New(Config{Keep: 10, KeepBytes: 1000})
	for range 500 {
		s.store("a@b", []string{"c@d"}, make([]byte, 50))
	}
	if len(s.mails) != 10 || s.bytes != 500 || cap(s.mails) > 40 || s.Count() != 500 || s.mails[9].ID != 500 {
		t.Errorf("%d mails of %d bytes, room for %d", len(s.mails), s.bytes, cap(s.mails))
	}
	for range 20 {
		s.store("a@b", []string{"c@d"}, make([]byte, 300))
	}
	if len(s.mails) != 3 || s.bytes != 900 {
		t.Errorf("%d mails of %d bytes", len(s.mails), s.bytes)
	}
	s.store("a@b", []string{"c@d"}, make([]byte, 5000)) // bigger than all: kept alone
	if len(s.mails) != 1 || s.bytes != 5000 {
		t.Errorf("%d mails of %d bytes", len(s.mails), s.bytes)
	}
	s.store("a@b", []string{"c@d"}, nil)
	if len(s.mails) != 1 || s.bytes != 0 || s.mails[0].ID != s.Count() {
		t.Errorf("%d mails of %d bytes", len(s.mails), s.bytes)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	taken := New(Config{Addr: s.Addr()})
	if err := taken.Run(t.Context()); err == nil || !strings.Contains(err.Error(), s.Addr()) {
		t.Errorf("a taken address: %v", err)
	}
	<-taken.Ready()
	if taken.Addr() != "" {
		t.Error("it has an address")
	}

	// The end closes connections that wait for something.
	ctx, stop := context.WithCancel(t.Context())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	other := New(Config{})
	ended := make(chan error, 1)
	go func() { ended <- other.Serve(ctx, l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "220") {
		t.Fatal(line, err)
	}
	stop()
	if _, err := in.ReadString('\n'); err == nil {
		t.Error("the connection lives on")
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}

	// A listener closed by someone else is an error.
	l, err = net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := New(Config{}).Serve(t.Context(), l); err == nil {
		t.Error("a closed listener serves")
	}
	idle := start(t, Config{Idle: 10 * time.Millisecond})
	dialogue(t, idle, "S 220 end")
}
