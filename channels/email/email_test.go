package email

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
	mailsim "enishi/internal/sim/mail"
)

var decoder mime.WordDecoder

// relay is an inbox that runs until the test ends.
func relay(t testing.TB, cfg mailsim.Config) *mailsim.Server {
	t.Helper()
	s := mailsim.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	<-s.Ready()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

func account(t testing.TB, s *mailsim.Server, change func(*Config)) *Channel {
	t.Helper()
	cfg := Config{Addr: s.Addr(), TLS: "none", From: "花の店 <shop@hana.example>", ReplyTo: "help@hana.example", Bounce: "bounce.hana.example", Hello: "cdp.hana.example", Timeout: 5 * time.Second}
	if change != nil {
		change(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func letter(n int) *channels.Rendered {
	return &channels.Rendered{SendID: enishi.NewID("send", fmt.Sprint(n)), Round: 1, Purpose: "marketing", Language: "ja", Journey: "welcome", Template: "hello",
		To: "hanako@example.jp", FromName: "花の店 本店", Subject: "【花の店】佐藤 花子 様へ、秋の新作のご案内です 🍁 長い件名は折り返されます", Text: "本文です。\n.\n..dots\n", HTML: "<p>本文です。</p>",
		Unsubscribe: "https://cdp.hana.example/u/" + strings.Repeat("A", 150), Bounce: "b+" + strings.Repeat("a", 61)}
}

// verdict is what an error asks the Sender to do.
func verdict(err error) string {
	var e *channels.SendError
	switch {
	case err == nil:
		return "sent"
	case !errors.As(err, &e):
		return "no kind"
	}
	return strings.TrimSpace(e.Verdict() + " " + e.Reason)
}

func TestMailAsItLeaves(t *testing.T) {
	t.Parallel()
	s := relay(t, mailsim.Config{})
	c := account(t, s, nil)
	r, err := c.Send(context.Background(), letter(1))
	if err != nil {
		t.Fatal(err)
	}
	id := enishi.NewID("send", "1").String() + "@hana.example"
	if r.ProviderID != id || !strings.Contains(r.Code, "250") || !strings.Contains(r.Code, "queued as 1") {
		t.Errorf("receipt %+v", r)
	}
	got := s.Mails()[0]
	if got.From != "b+"+strings.Repeat("a", 61)+"@bounce.hana.example" || len(got.To) != 1 || got.To[0] != "hanako@example.jp" {
		t.Errorf("envelope %s -> %v", got.From, got.To)
	}
	for i, line := range bytes.Split(got.Raw, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsAny(line, "\r\n") {
			t.Errorf("line %d has %d bytes", i, len(line))
		}
		for _, b := range line {
			if b > 126 {
				t.Fatalf("line %d is not ASCII", i)
			}
		}
	}
	m, err := mail.ReadMessage(bytes.NewReader(got.Raw))
	if err != nil {
		t.Fatal(err)
	}
	subject, _ := decoder.DecodeHeader(m.Header.Get("Subject"))
	from, _ := m.Header.AddressList("From")
	reply, _ := m.Header.AddressList("Reply-To")
	if subject != letter(1).Subject || len(from) != 1 || from[0].Name != "花の店 本店" || from[0].Address != "shop@hana.example" || reply[0].Address != "help@hana.example" {
		t.Errorf("subject %q from %v reply %v", subject, from, reply)
	}
	for k, want := range map[string]string{"Message-Id": "<" + id + ">", "List-Unsubscribe": "<" + letter(1).Unsubscribe + ">", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
		"Feedback-Id": "welcome:hello:marketing:hana.example", "User-Agent": "", "X-Mailer": "", "Auto-Submitted": ""} {
		if m.Header.Get(k) != want {
			t.Errorf("%s: %q, want %q", k, m.Header.Get(k), want)
		}
	}
	if d, err := m.Header.Date(); err != nil || time.Since(d) > time.Minute {
		t.Errorf("date %v %v", d, err)
	}
	kind, params, _ := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if kind != "multipart/alternative" {
		t.Fatalf("content type %s", kind)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for _, want := range [][2]string{{"text/plain", "本文です。\r\n.\r\n..dots\r\n"}, {"text/html", "<p>本文です。</p>"}} {
		p, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		kind, charset, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		body, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, p))
		if kind != want[0] || !strings.EqualFold(charset["charset"], "utf-8") || string(body) != want[1] || err != nil {
			t.Errorf("%s %v: %q %v", kind, charset, body, err)
		}
	}
	notice := letter(2)
	notice.Unsubscribe, notice.Purpose = "", "transactional"
	if _, err := c.Send(context.Background(), notice); err != nil {
		t.Fatal(err)
	}
	m, _ = mail.ReadMessage(bytes.NewReader(s.Mails()[1].Raw))
	if m.Header.Get("List-Unsubscribe") != "" || m.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("a notice has %v", m.Header)
	}
}

// TestFaults is P9: every way in which a relay can misbehave, what it means, and what has arrived.
func TestFaults(t *testing.T) {
	t.Parallel()
	forever := -1
	for _, x := range []struct {
		name    string
		fault   mailsim.Fault
		want    string
		code    string
		arrived uint64
	}{
		{"a good day", mailsim.Fault{Stage: mailsim.AtMail}, "sent", "", 1},
		{"no greeting", mailsim.Fault{Stage: mailsim.AtConnect, Drop: true}, "busy", "", 0},
		{"421 in place of the greeting", mailsim.Fault{Stage: mailsim.AtConnect, Code: 421, Text: "4.3.2 too many connections"}, "busy", "421 4.3.2", 0},
		{"421 at MAIL", mailsim.Fault{Stage: mailsim.AtMail, Code: 421, Text: "4.3.2 closing"}, "busy", "421 4.3.2", 0},
		{"drop at MAIL", mailsim.Fault{Stage: mailsim.AtMail, Drop: true}, "busy", "", 0},
		{"450 at MAIL", mailsim.Fault{Stage: mailsim.AtMail, Code: 450, Text: "4.7.1 slow down"}, "busy", "450 4.7.1", 0},
		{"greylisted", mailsim.Fault{Stage: mailsim.AtRcpt, Code: 450, Text: "4.2.0 greylisted"}, "retry greylisted", "450 4.2.0", 0},
		{"451 at RCPT", mailsim.Fault{Stage: mailsim.AtRcpt, Code: 451, Text: "4.3.0 local error"}, "retry greylisted", "451 4.3.0", 0},
		{"450 too many", mailsim.Fault{Stage: mailsim.AtRcpt, Code: 450, Text: "4.7.1 too many messages, slow down"}, "busy rate", "450 4.7.1", 0},
		{"451 reputation", mailsim.Fault{Stage: mailsim.AtDot, Code: 451, Text: "4.7.650 temporarily rate limited due to IP reputation"}, "busy rate", "451 4.7.650", 0},
		{"452 too many recipients", mailsim.Fault{Stage: mailsim.AtRcpt, Code: 452, Text: "4.5.3 too many recipients"}, "busy rate", "452 4.5.3", 0},
		{"452 mailbox full", mailsim.Fault{Stage: mailsim.AtRcpt, Code: 452, Text: "4.2.2 over quota"}, "retry full", "452 4.2.2", 0},
		{"550 no such user", mailsim.Fault{Stage: mailsim.AtRcpt, Code: 550, Text: "5.1.1 no such user"}, "permanent hard", "550 5.1.1", 0},
		{"550 disabled", mailsim.Fault{Stage: mailsim.AtRcpt, Code: 550, Text: "5.2.1 disabled"}, "permanent hard", "550 5.2.1", 0},
		{"550 policy", mailsim.Fault{Stage: mailsim.AtRcpt, Code: 550, Text: "5.7.1 blocked"}, "permanent policy", "550 5.7.1", 0},
		{"552 full for good", mailsim.Fault{Stage: mailsim.AtRcpt, Code: 552, Text: "5.2.2 full"}, "permanent full", "552 5.2.2", 0},
		{"554 at DATA", mailsim.Fault{Stage: mailsim.AtData, Code: 554, Text: "5.7.1 no"}, "permanent policy", "554 5.7.1", 0},
		{"drop at DATA", mailsim.Fault{Stage: mailsim.AtData, Drop: true}, "busy", "", 0},
		{"554 after the dot", mailsim.Fault{Stage: mailsim.AtDot, Code: 554, Text: "5.6.0 spam"}, "permanent policy", "554 5.6.0", 0},
		{"451 after the dot", mailsim.Fault{Stage: mailsim.AtDot, Code: 451, Text: "4.3.0 try again"}, "retry greylisted", "451 4.3.0", 0},
		{"drop after the dot, not stored", mailsim.Fault{Stage: mailsim.AtDot, Drop: true}, "unknown", "", 0},
		{"drop after the dot, stored", mailsim.Fault{Stage: mailsim.AtDot, Drop: true, Store: true}, "unknown", "", 1},
		{"no answer to the dot in time, stored", mailsim.Fault{Stage: mailsim.AtDot, Delay: 3 * time.Second, Store: true}, "unknown", "", 1},
		{"a slow answer", mailsim.Fault{Stage: mailsim.AtDot, Delay: 300 * time.Millisecond}, "sent", "", 1},
		{"421 at RSET after a mail", mailsim.Fault{Stage: mailsim.AtReset, Code: 421}, "sent", "", 1},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			s := relay(t, mailsim.Config{})
			c := account(t, s, func(cfg *Config) { cfg.Timeout = 1500 * time.Millisecond })
			x.fault.Times = 1
			if x.fault.Stage == mailsim.AtConnect || x.fault.Stage == mailsim.AtMail && x.fault.Code != 450 {
				x.fault.Times = forever
			}
			if x.name != "a good day" {
				s.Inject(x.fault)
			}
			_, err := c.Send(context.Background(), letter(1))
			if verdict(err) != x.want {
				t.Errorf("%s: %v, want %s", verdict(err), err, x.want)
			}
			var e *channels.SendError
			if errors.As(err, &e) && e.Code != x.code {
				t.Errorf("code %q, want %q", e.Code, x.code)
			}
			if err != nil && strings.Contains(err.Error(), "hanako") {
				t.Errorf("the address stands in the error: %v", err)
			}
			if s.Count() != x.arrived {
				t.Errorf("%d arrived, want %d", s.Count(), x.arrived)
			}
			s.ClearFaults()
			if _, err := c.Send(context.Background(), letter(2)); err != nil { // the account is as good as before
				t.Errorf("the next mail: %v", err)
			}
			if s.Count() != x.arrived+1 {
				t.Errorf("%d arrived in all, want %d", s.Count(), x.arrived+1)
			}
		})
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	s := relay(t, mailsim.Config{Username: "shop", Password: "secret"})
	f := func(name, want string, change func(*Config)) {
		t.Helper()
		_, err := account(t, s, change).Send(context.Background(), letter(1))
		if verdict(err) != want {
			t.Errorf("%s: %s %v, want %s", name, verdict(err), err, want)
		}
		if err != nil && strings.Contains(err.Error(), "wrong-secret") {
			t.Errorf("the password stands in the error: %v", err)
		}
	}
	f("right", "sent", func(c *Config) { c.User, c.Password = "shop", "secret" })
	f("wrong password", "down account", func(c *Config) { c.User, c.Password = "shop", "wrong-secret" })
	f("no login", "down account", nil)
	f("STARTTLS is not offered", "down account", func(c *Config) { c.TLS = "starttls" })
	f("nobody listens", "busy", func(c *Config) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c.Addr = l.Addr().String()
		_ = l.Close()
	})
	f("a silent server", "busy", func(c *Config) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		c.Addr, c.DialTimeout = l.Addr().String(), 200*time.Millisecond
	})
	for _, bad := range []Config{{}, {Addr: "x"}, {Addr: "x:y", From: "a@b.c"}, {Addr: "x:25", From: "nobody"}, {Addr: "x:25", From: "a@b.c", TLS: "ssl"}, {Addr: "x:25", From: "a@b.c", ReplyTo: "x"}} {
		if _, err := New(bad); enishi.ErrorCode(err) != enishi.Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	s := relay(t, mailsim.Config{})
	c := account(t, s, nil)
	for _, x := range [][2]string{
		{"hanako@example.jp", "hanako@example.jp"}, {"a..b@docomo.ne.jp", `"a..b"@docomo.ne.jp`}, {"abc.@ezweb.ne.jp", `"abc."@ezweb.ne.jp`}, {".abc@docomo.ne.jp", `".abc"@docomo.ne.jp`},
		{`"a..b"@docomo.ne.jp`, `"a..b"@docomo.ne.jp`}, {"-a--b@docomo.ne.jp", "-a--b@docomo.ne.jp"}, {"a+b/c=d@example.jp", "a+b/c=d@example.jp"}, {" hanako@example.jp ", "hanako@example.jp"},
	} {
		m := letter(1)
		m.To = x[0]
		n := s.Count()
		if _, err := c.Send(context.Background(), m); err != nil {
			t.Errorf("%s: %v", x[0], err)
			continue
		}
		got := s.Mails()[n]
		if len(got.To) != 1 || got.To[0] != x[1] {
			t.Errorf("%s was sent to %v, want %s", x[0], got.To, x[1])
		}
		if _, err := mail.ReadMessage(bytes.NewReader(got.Raw)); err != nil {
			t.Error(err)
		}
	}
	count := s.Count()
	for _, bad := range []string{"", "hanako", "@example.jp", "hanako@", "a@b@c", "a b@example.jp", "a@example.jp\r\nRCPT TO:<victim@example.com>", "a@example.jp>", "<a@example.jp>", "a@-example.jp",
		"a@exa mple.jp", "花子 <a@example.jp>", "a,b@example.jp", "a@example..jp", strings.Repeat("a", 300) + "@example.jp", `"a` + "\r\n" + `b"@example.jp`} {
		m := letter(1)
		m.To = bad
		if _, err := c.Send(context.Background(), m); verdict(err) != "permanent address" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if s.Count() != count {
		t.Error("a mail left")
	}
}

// TestHeadersCannotBeInjected: whatever comes with a line end is refused before a connection is used.
func TestHeadersCannotBeInjected(t *testing.T) {
	t.Parallel()
	s := relay(t, mailsim.Config{})
	c := account(t, s, nil)
	evil := "x\r\nBcc: victim@example.com"
	for name, set := range map[string]func(*channels.Rendered){
		"subject": func(m *channels.Rendered) { m.Subject = evil }, "name": func(m *channels.Rendered) { m.FromName = evil }, "unsubscribe": func(m *channels.Rendered) { m.Unsubscribe = evil },
		"journey": func(m *channels.Rendered) { m.Journey = evil }, "template": func(m *channels.Rendered) { m.Template = evil }, "bounce": func(m *channels.Rendered) { m.Bounce = evil },
		"lone CR": func(m *channels.Rendered) { m.Subject = "x\rBcc: victim@example.com" }, "lone LF": func(m *channels.Rendered) { m.Subject = "x\nBcc: victim@example.com" },
		"empty": func(m *channels.Rendered) { m.Text, m.HTML = "", "" },
	} {
		m := letter(1)
		set(m)
		if _, err := c.Send(context.Background(), m); verdict(err) != "permanent content" {
			t.Errorf("%s: %v", name, err)
		}
	}
	odd := letter(1)
	odd.Journey, odd.Template = "a:b c", "日本語"
	if _, err := c.Send(context.Background(), odd); err != nil {
		t.Fatal(err)
	}
	m, _ := mail.ReadMessage(bytes.NewReader(s.Mails()[0].Raw))
	if got := m.Header.Get("Feedback-Id"); strings.Count(got, ":") != 3 {
		t.Errorf("Feedback-ID %q", got)
	}
	if s.Count() != 1 {
		t.Errorf("%d mails left", s.Count())
	}
}

// TestHeaders: whatever a value of a person, a brand or a definition holds, a mail has the fields that it should have, each
// once, in lines that any server takes; or it is refused.
func TestHeaders(t *testing.T) {
	t.Parallel()
	want := []string{"Date", "From", "To", "Reply-To", "Subject", "Message-ID", "Feedback-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version", "Content-Type"}
	s := relay(t, mailsim.Config{})
	c := account(t, s, func(cfg *Config) { cfg.ReplyTo, cfg.Bounce = `"help, desk" <help@hana.example>`, "bounce.hana.example" })
	fields := map[string]func(*channels.Rendered, string){
		"subject": func(m *channels.Rendered, v string) { m.Subject = v }, "name": func(m *channels.Rendered, v string) { m.FromName = v },
		"unsubscribe": func(m *channels.Rendered, v string) { m.Unsubscribe = "https://x.example/u/" + v }, "journey": func(m *channels.Rendered, v string) { m.Journey = v },
		"template": func(m *channels.Rendered, v string) { m.Template = v }, "purpose": func(m *channels.Rendered, v string) { m.Purpose = v },
		"bounce": func(m *channels.Rendered, v string) { m.Bounce = v }, "to": func(m *channels.Rendered, v string) { m.To = v + "@example.jp" },
		"text": func(m *channels.Rendered, v string) { m.Text, m.HTML = v, v },
	}
	for name, set := range fields {
		for _, v := range []string{"\r\nBcc: v@example.com", "\nBcc: v@example.com", "\r\n\r\nbody", "\r\n.\r\nMAIL FROM:<x@example.com>", "a\x00b", "a\u0085Bcc: v", "a\u2028Bcc: v", "\u202eevil", "=?utf-8?b?DQpCY2M6IHZAZXhhbXBsZS5jb20=?=",
			`"x" <evil@example.com>, y`, "x, evil@example.com", "a:b;c>d<e", strings.Repeat("あ", 3000), strings.Repeat("x", 3000), "\xff\xfe", " ", "%0d%0aBcc: v", `\"`} {
			before := s.Count()
			m := letter(1)
			m.Unsubscribe = "https://x.example/u/1"
			set(m, v)
			if _, err := c.Send(t.Context(), m); err != nil {
				if !strings.HasPrefix(verdict(err), "permanent") || s.Count() != before {
					t.Errorf("%s %.40q: %v, %d mails", name, v, err, s.Count()-before)
				}
				continue
			}
			raw := string(s.Mails()[len(s.Mails())-1].Raw)
			head, _, _ := strings.Cut(raw, "\r\n\r\n")
			var got []string
			for line := range strings.SplitSeq(head, "\r\n") {
				if field, _, _ := strings.Cut(line, ":"); line[0] != ' ' && line[0] != '\t' {
					got = append(got, field)
				}
				if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") {
					t.Errorf("%s %.40q: the line %.80q of %d bytes", name, v, line, len(line))
				}
			}
			if got = slices.DeleteFunc(got, func(f string) bool { return f == "Received" || f == "Return-Path" }); !slices.Equal(got, want) {
				t.Errorf("%s %.40q: the fields are %q", name, v, got)
			}
			parsed, err := mail.ReadMessage(strings.NewReader(raw))
			if err != nil {
				t.Errorf("%s %.40q: %v", name, v, err)
				continue
			}
			from, err := parsed.Header.AddressList("From")
			if err != nil || len(from) != 1 || from[0].Address != "shop@hana.example" || name == "name" && strings.ContainsAny(parsed.Header.Get("From"), "\r\n") {
				t.Errorf("%s %.40q: from %v (%v)", name, v, from, err)
			}
			if to, err := parsed.Header.AddressList("To"); err != nil || len(to) != 1 || !strings.HasSuffix(to[0].Address, "@example.jp") {
				t.Errorf("%s %.40q: to %v (%v)", name, v, to, err)
			}
		}
	}
	m := letter(1)
	m.FromName = "=?utf-8?q?evil=40example=2Ecom?="
	if _, err := c.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if raw := string(s.Mails()[len(s.Mails())-1].Raw); strings.Contains(raw, "evil=40") {
		t.Errorf("a name stands as an encoded word that we did not make: %.300s", raw)
	}
}

// TestConnectionsAreReused, also after the relay closed them while they lay idle.
func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	dialled := &countingListener{hungUp: make(chan struct{}, 1)}
	s := mailsim.New(mailsim.Config{Idle: time.Second})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dialled.Listener = l
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() { _ = s.Serve(ctx, dialled) }()
	<-s.Ready()
	c := account(t, s, func(cfg *Config) { cfg.PerConn = 50 })
	for n := range 40 {
		if _, err := c.Send(ctx, letter(n)); err != nil {
			t.Fatal(err)
		}
	}
	if n := dialled.count(); n != 1 {
		t.Errorf("%d connections for 40 mails in a row", n)
	}
	select {
	case <-dialled.hungUp:
	case <-time.After(time.Minute):
		t.Fatal("the relay does not hang up")
	}
	if _, err := c.Send(ctx, letter(40)); err != nil {
		t.Errorf("after the relay hung up: %v", err)
	}
	if s.Count() != 41 {
		t.Errorf("%d mails, want 41", s.Count())
	}
	for n := range 60 { // more than PerConn
		if _, err := c.Send(ctx, letter(50+n)); err != nil {
			t.Fatal(err)
		}
	}
	if n := dialled.count(); n != 3 {
		t.Errorf("%d connections, want 3", n)
	}
}

// countingListener counts connections and tells when the relay ended one.
type countingListener struct {
	net.Listener
	hungUp chan struct{}
	mu     sync.Mutex
	n      int
}

type countedConn struct {
	net.Conn
	closed func()
}

func (c *countedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.n++
	l.mu.Unlock()
	var once sync.Once
	return &countedConn{c, func() {
		once.Do(func() {
			select {
			case l.hungUp <- struct{}{}:
			default:
			}
		})
	}}, nil
}

func (l *countingListener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// TestCutOff: a call that is cut off in the middle tells what is certain.
func TestCutOff(t *testing.T) {
	t.Parallel()
	s := relay(t, mailsim.Config{})
	c := account(t, s, nil)
	for stage, want := range map[mailsim.Stage]string{mailsim.AtRcpt: "busy", mailsim.AtDot: "unknown"} {
		s.Inject(mailsim.Fault{Stage: stage, Delay: time.Minute})
		var err error
		for limit := 200 * time.Millisecond; limit < time.Minute; limit *= 4 { // a busy machine may not come as far as the stage
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			_, err = c.Send(ctx, letter(1))
			cancel()
			if verdict(err) == want {
				break
			}
		}
		if verdict(err) != want {
			t.Errorf("cut off at %d: %s %v, want %s", stage, verdict(err), err, want)
		}
		s.ClearFaults()
	}
}
