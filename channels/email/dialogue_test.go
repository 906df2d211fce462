package email

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"enishi/channels"
)

// scripted is a relay that says what it is told: each reply answers the command before it. "" hangs up.
func scripted(t *testing.T, features string, replies map[string]string) (addr string, heard chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	heard = make(chan string, 1000)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c, features, replies, heard)
		}
	}()
	return l.Addr().String(), heard
}

func serve(c net.Conn, features string, replies map[string]string, heard chan string) {
	defer c.Close()
	in := bufio.NewReader(c)
	say := func(s string) { _, _ = c.Write([]byte(s + "\r\n")) }
	say("220 relay")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		verb, _, _ = strings.Cut(verb, ":")
		heard <- verb
		reply, ok := replies[verb]
		switch {
		case ok && reply == "":
			return
		case ok:
		case verb == "EHLO":
			reply = "250-relay\r\n" + features + "250 8BITMIME"
		case verb == "DATA":
			reply = "354 go ahead"
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			reply = "250 ok"
		}
		say(reply)
		if verb == "DATA" && strings.HasPrefix(reply, "354") {
			for line != ".\r\n" {
				if line, err = in.ReadString('\n'); err != nil {
					return
				}
			}
			if reply, ok = replies["."]; ok && reply == "" {
				return
			} else if !ok {
				reply = "250 queued"
			}
			say(reply)
		}
	}
}

// TestDialogue: with and without pipelining the same reply means the same, and the next mail over the account goes well
// once the relay is well.
func TestDialogue(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name    string
		replies map[string]string
		want    string
		code    string
	}{
		{"all is well", nil, "sent", ""},
		{"lines of reply", map[string]string{".": "250-2.0.0 ok\r\n250 2.0.0 queued"}, "sent", ""},
		{"MAIL refused", map[string]string{"MAIL": "550 5.1.8 bad sender", "RCPT": "503 5.5.1 MAIL first", "DATA": "503 5.5.1 RCPT first"}, "permanent policy", "550 5.1.8"},
		{"RCPT refused", map[string]string{"RCPT": "550 5.1.1 <hanako@example.jp>: no such user", "DATA": "503 5.5.1 no recipients"}, "permanent hard", "550 5.1.1"},
		{"RCPT refused without a status", map[string]string{"RCPT": "550 no such user", "DATA": "554 no recipients"}, "permanent hard", "550"},
		{"RCPT refused, DATA taken all the same", map[string]string{"RCPT": "450 4.2.0 greylisted"}, "retry greylisted", "450 4.2.0"},
		{"DATA refused", map[string]string{"DATA": "451 4.3.0 later"}, "retry greylisted", "451 4.3.0"},
		{"hangs up at RCPT", map[string]string{"RCPT": ""}, "busy", ""},
		{"hangs up after the dot", map[string]string{".": ""}, "unknown", ""},
		{"no reply at all", map[string]string{".": "hello"}, "unknown", ""},
		{"an odd reply to the dot", map[string]string{".": "354 what"}, "unknown", ""},
		{"an odd reply to RCPT", map[string]string{"RCPT": "hello"}, "busy", ""},
		{"login wanted", map[string]string{"MAIL": "530 5.7.0 authentication required", "RCPT": "530 5.7.0 no", "DATA": "530 5.7.0 no"}, "down account", "530 5.7.0"},
	} {
		for _, features := range []string{"", "250-PIPELINING\r\n"} {
			t.Run(x.name+map[string]string{"": "", "250-PIPELINING\r\n": ", pipelined"}[features], func(t *testing.T) {
				t.Parallel()
				addr, _ := scripted(t, features, x.replies)
				c, err := New(Config{Addr: addr, TLS: "none", From: "shop@hana.example", Timeout: 2 * time.Second})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(c.Close)
				for range 3 { // over what is left of the connection
					_, err = c.Send(context.Background(), letter(1))
					var e *channels.SendError
					if verdict(err) != x.want || errors.As(err, &e) && e.Code != x.code {
						t.Errorf("%s %v, want %s %s", verdict(err), err, x.want, x.code)
					}
					if err != nil && strings.Contains(err.Error(), "hanako") {
						t.Errorf("the address stands in the error: %v", err)
					}
				}
			})
		}
	}
}

// TestResetAfterARefusal: the next mail over the connection begins anew.
func TestResetAfterARefusal(t *testing.T) {
	t.Parallel()
	for _, features := range []string{"", "250-PIPELINING\r\n"} {
		addr, heard := scripted(t, features, map[string]string{"RCPT": "550 5.1.1 no", "DATA": "503 no"})
		c, err := New(Config{Addr: addr, TLS: "none", From: "shop@hana.example", Timeout: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := c.Send(context.Background(), letter(1)); verdict(err) != "permanent hard" {
				t.Errorf("%v", err)
			}
		}
		c.Close()
		var all []string
		for len(heard) > 0 {
			all = append(all, <-heard)
		}
		want := "EHLO MAIL RCPT RSET MAIL RCPT"
		if features != "" {
			want = "EHLO MAIL RCPT DATA RSET MAIL RCPT DATA"
		}
		if got := strings.Join(all, " "); !strings.HasPrefix(got, want) {
			t.Errorf("said %s, want %s", got, want)
		}
	}
}

func TestHeaderWords(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"plain", "花", strings.Repeat("花子🌸", 100), strings.Repeat("a", 500), "=?utf-8?b?fake?=", "a " + strings.Repeat("b", 80), "\xff\xfe"} {
		line := string(header(nil, "Subject", words(s)))
		for _, l := range strings.Split(strings.TrimSuffix(line, "\r\n"), "\r\n") {
			if len(l) > 78 || !ascii(l) {
				t.Errorf("%.20q: a line of %d: %q", s, len(l), l)
			}
		}
		got, err := decoder.DecodeHeader(strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(line, "Subject: "), "\r\n"), "\r\n", ""))
		if err != nil || got != s && utf8.ValidString(s) {
			t.Errorf("%.20q came back as %.20q %v", s, got, err)
		}
	}
}
