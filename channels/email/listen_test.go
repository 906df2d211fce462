package email

import (
	"context"
	"errors"
	"net"
	netsmtp "net/smtp"
	"strings"
	"sync"
	"testing"
)

// TestListen: mail for our addresses is taken once it is stored; other mail, and too long mail, is refused; nothing is passed on.
func TestListen(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var taken []string
	var fail error
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- Listen(ctx, l, ListenConfig{Hello: "cdp.hana.example", Accepts: Accepter("bounce.hana.example", "shop@hana.example"),
			Take: func(_ context.Context, from, to string, raw []byte) error {
				mu.Lock()
				defer mu.Unlock()
				taken = append(taken, from+" "+to+" "+string(raw))
				return fail
			}})
	}()
	send := func(to, text string) error {
		return netsmtp.SendMail(l.Addr().String(), nil, "", []string{to}, []byte(text))
	}
	for _, to := range []string{"b+x@Bounce.hana.example", "SHOP@hana.example"} {
		if err := send(to, "Subject: x\r\n\r\n.dot\r\n"); err != nil {
			t.Errorf("%s: %v", to, err)
		}
	}
	if len(taken) != 2 || taken[0] != " b+x@Bounce.hana.example Subject: x\r\n\r\n.dot\r\n" {
		t.Errorf("taken %q", taken)
	}
	for _, to := range []string{"other@hana.example", "someone@example.com", "x@notbounce.hana.example"} {
		if err := send(to, "x"); err == nil || !strings.Contains(err.Error(), "550") {
			t.Errorf("%s: %v", to, err)
		}
	}
	if err := send("shop@hana.example", strings.Repeat("x\r\n", MaxInbound/2)); err == nil || !strings.Contains(err.Error(), "552") {
		t.Errorf("too long: %v", err)
	}
	mu.Lock()
	fail = errors.New("the log is away")
	mu.Unlock()
	if err := send("shop@hana.example", "x"); err == nil || !strings.Contains(err.Error(), "451") {
		t.Errorf("not stored: %v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
