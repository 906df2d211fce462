package mail

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// body makes a multipart mail of about 11.5 KB once it is encoded.
func body() (text, html string) {
	return strings.Repeat("ご注文ありがとうございます。\r\n", 60), strings.Repeat("<p>ご注文ありがとうございます。</p>\r\n", 103)
}

// cpu is the processor time of the whole process so far. Rates swing with the
// neighbours of a machine; this does not.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkGoMail sends 11.5 KB mails over 8 reused connections of go-mail,
// each message built anew. Most of the time is the client's.
func BenchmarkGoMail(b *testing.B) {
	s := start(b, Config{KeepBytes: 8 << 20})
	text, html := body()
	const conns = 8
	var next atomic.Int64
	var group sync.WaitGroup
	failed := make(chan error, conns)
	before := cpu(b)
	b.ResetTimer()
	for range conns {
		group.Go(func() {
			c := client(b, s, gomail.WithoutNoop())
			conn, err := c.DialToSMTPClientWithContext(context.Background())
			if err != nil {
				failed <- err
				return
			}
			for next.Add(1) <= int64(b.N) {
				m := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingB64))
				if err := errors.Join(m.From("shop@shop.example"), m.To("hanako@example.jp")); err != nil {
					failed <- err
					return
				}
				m.Subject("ご注文ありがとうございます")
				m.SetBodyString(gomail.TypeTextPlain, text)
				m.AddAlternativeString(gomail.TypeTextHTML, html)
				if err := c.SendWithSMTPClient(conn, m); err != nil {
					failed <- err
					return
				}
			}
			failed <- c.CloseWithSMTPClient(conn)
		})
	}
	group.Wait()
	b.StopTimer()
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-us/mail")
	for range conns {
		if err := <-failed; err != nil {
			b.Error(err)
		}
	}
	if s.Count() != uint64(b.N) {
		b.Errorf("%d of %d mails", s.Count(), b.N)
	}
	if mails := s.Mails(); len(mails) > 0 {
		b.ReportMetric(float64(len(mails[0].Raw)), "bytes/mail")
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}

// BenchmarkInbox sends a rendered mail as one write over one connection: what
// the inbox itself costs.
func BenchmarkInbox(b *testing.B) {
	s := start(b, Config{KeepBytes: 8 << 20})
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	read := func(codes ...string) {
		for _, code := range codes {
			for {
				line, err := in.ReadSlice('\n')
				if err != nil || string(line[:3]) != code {
					b.Fatalf("%q %v, want %s", line, err, code)
				}
				if line[3] == ' ' {
					break
				}
			}
		}
	}
	read("220")
	fmt.Fprint(conn, "EHLO bench\r\n")
	read("250")
	mail := []byte("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: a\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 147) + ".\r\n")
	before := cpu(b)
	for b.Loop() {
		if _, err := conn.Write(mail); err != nil {
			b.Fatal(err)
		}
		read("250", "250", "354", "250")
	}
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-us/mail")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}
