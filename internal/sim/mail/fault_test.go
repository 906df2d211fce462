package mail

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// TestFaults meets each fault with go-mail: what the sender sees, and whether
// the mail has arrived all the same.
func TestFaults(t *testing.T) {
	t.Parallel()
	const anyReason = gomail.SendErrReason(-1)
	for name, f := range map[string]struct {
		fault     Fault
		reason    gomail.SendErrReason // anyReason: it fails before a message is sent
		code      int
		delivered bool // go-mail's own view
		arrived   bool
	}{
		"connect 421":        {Fault{Stage: AtConnect, Code: 421, Text: "4.3.2 busy"}, anyReason, 421, false, false},
		"connect 554":        {Fault{Stage: AtConnect, Code: 554, Text: "5.3.2 no"}, anyReason, 554, false, false},
		"connect drop":       {Fault{Stage: AtConnect, Drop: true}, anyReason, 0, false, false},
		"helo 421":           {Fault{Stage: AtHelo, Code: 421}, anyReason, 0, false, false},
		"helo drop":          {Fault{Stage: AtHelo, Drop: true}, anyReason, 0, false, false},
		"mail 421":           {Fault{Stage: AtMail, Code: 421, Text: "4.7.0 rate"}, gomail.ErrSMTPMailFrom, 421, false, false},
		"mail 550":           {Fault{Stage: AtMail, Code: 550, Text: "5.7.1 policy"}, gomail.ErrSMTPMailFrom, 550, false, false},
		"mail drop":          {Fault{Stage: AtMail, Drop: true}, gomail.ErrSMTPMailFrom, 0, false, false},
		"rcpt 450":           {Fault{Stage: AtRcpt, Code: 450, Text: "4.2.0 greylisted"}, gomail.ErrSMTPRcptTo, 450, false, false},
		"rcpt 550":           {Fault{Stage: AtRcpt, Code: 550, Text: "5.1.1 no such user"}, gomail.ErrSMTPRcptTo, 550, false, false},
		"rcpt drop":          {Fault{Stage: AtRcpt, Drop: true}, gomail.ErrSMTPRcptTo, 0, false, false},
		"data 451":           {Fault{Stage: AtData, Code: 451}, gomail.ErrSMTPData, 451, false, false},
		"data drop":          {Fault{Stage: AtData, Drop: true}, gomail.ErrSMTPData, 0, false, false},
		"dot 452":            {Fault{Stage: AtDot, Code: 452, Text: "4.3.1 disk full"}, gomail.ErrSMTPDataClose, 452, false, false},
		"dot 554":            {Fault{Stage: AtDot, Code: 554, Text: "5.7.1 spam"}, gomail.ErrSMTPDataClose, 554, false, false},
		"dot 451 but stored": {Fault{Stage: AtDot, Code: 451, Store: true}, gomail.ErrSMTPDataClose, 451, false, true},
		"dot drop":           {Fault{Stage: AtDot, Drop: true}, gomail.ErrSMTPDataClose, 0, false, false},
		"dot drop, stored":   {Fault{Stage: AtDot, Drop: true, Store: true}, gomail.ErrSMTPDataClose, 0, false, true},
		"reset 421":          {Fault{Stage: AtReset, Code: 421}, gomail.ErrSMTPReset, 421, true, true},
		"reset drop":         {Fault{Stage: AtReset, Drop: true}, gomail.ErrSMTPReset, 0, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Config{})
			s.Inject(f.fault)
			m := note(t, "hanako@example.jp")
			err := client(t, s).DialAndSend(m)
			if err == nil {
				t.Fatal("no error")
			}
			var send *gomail.SendError
			if errors.As(err, &send) != (f.reason != anyReason) || send != nil && (send.Reason != f.reason || send.ErrorCode() != f.code) {
				t.Errorf("error %v", err)
			}
			if f.reason == anyReason && f.code != 0 && !strings.Contains(err.Error(), f.fault.Text) {
				t.Errorf("error %v lacks %q", err, f.fault.Text)
			}
			if m.IsDelivered() != f.delivered || (s.Count() == 1) != f.arrived {
				t.Errorf("go-mail says delivered %t, %d arrived; want %t, %t", m.IsDelivered(), s.Count(), f.delivered, f.arrived)
			}
			if err := client(t, s).DialAndSend(note(t, "jiro@example.jp")); err != nil {
				t.Errorf("the fault is not over: %v", err)
			}
		})
	}
}

func TestFaultMatching(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	s := New(Config{Now: func() time.Time { return now }})
	// Greylisting: one recipient is put off until a time.
	s.Inject(Fault{Stage: AtRcpt, To: "Hanako@example.jp", Times: -1, Until: now.Add(5 * time.Minute), Code: 450})
	s.Inject(Fault{Stage: AtDot, From: "shop@shop.example", To: "jiro@example.jp", Times: 2, Code: 554})
	f := func(want bool, at Stage, from string, to ...string) {
		t.Helper()
		if _, got := s.fault(at, from, to...); got != want {
			t.Errorf("stage %d from %s to %v: struck %t", at, from, to, got)
		}
	}
	f(true, AtRcpt, "x@y", "hanako@example.jp")
	f(false, AtRcpt, "x@y", "jiro@example.jp")
	f(false, AtMail, "x@y")
	f(true, AtRcpt, "x@y", "hanako@example.jp")
	now = now.Add(5 * time.Minute)
	f(false, AtRcpt, "x@y", "hanako@example.jp")

	f(false, AtDot, "x@y", "jiro@example.jp")
	f(false, AtDot, "shop@shop.example", "saburo@example.jp")
	f(true, AtDot, "shop@shop.example", "saburo@example.jp", "jiro@example.jp")
	f(true, AtDot, "shop@shop.example", "jiro@example.jp")
	f(false, AtDot, "shop@shop.example", "jiro@example.jp")
	s.Inject(Fault{Stage: AtHelo})
	s.ClearFaults()
	f(false, AtHelo, "")
}

// A late answer is an answer to those who wait, and nothing to those who don't;
// the mail is there in both cases.
func TestSlowAnswer(t *testing.T) {
	t.Parallel()
	ours := make(chan net.Conn, 1) // of the second sender
	s := start(t, Config{OnMail: func(m Mail) {
		if m.ID == 2 { // the sender's patience ends when his mail is there
			if err := (<-ours).SetDeadline(time.Now()); err != nil {
				t.Error(err)
			}
		}
	}})
	s.Inject(Fault{Stage: AtDot, Delay: 30 * time.Millisecond})
	begin := time.Now()
	if err := client(t, s).DialAndSend(note(t, "hanako@example.jp")); err != nil || time.Since(begin) < 30*time.Millisecond {
		t.Errorf("after %v: %v", time.Since(begin), err)
	}
	s.Inject(Fault{Stage: AtDot, Delay: time.Hour})
	err := client(t, s, gomail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		ours <- conn
		return conn, err
	})).DialAndSend(note(t, "jiro@example.jp"))
	var send *gomail.SendError
	if !errors.As(err, &send) || send.Reason != gomail.ErrSMTPDataClose || send.ErrorCode() != 0 {
		t.Errorf("timeout: %v", err)
	}
	if s.Count() != 2 {
		t.Errorf("%d mails", s.Count())
	}
} // the cleanup proves that a stalled session does not keep the server alive
