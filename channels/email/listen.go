package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/netutil"
)

// ListenConfig is what a server for mail that comes in needs. It takes mail for a few addresses, passes nothing on, and
// knows no login.
type ListenConfig struct {
	Hello string // our name
	// Accepts tells whether mail to an address is for us; what is not is refused at once.
	Accepts func(to string) bool
	// Take takes one mail; after an error the other side comes again.
	Take func(ctx context.Context, from, to string, raw []byte) error
	TLS  *tls.Config // offers STARTTLS; nil: does not
	Log  *slog.Logger
}

const (
	maxConns      = 100
	maxRecipients = 20
	inboundWait   = time.Minute // for the other side's next line
)

// Listen serves until ctx ends; it closes l. What is being taken may end, for a few seconds.
func Listen(ctx context.Context, l net.Listener, cfg ListenConfig) error {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &inbound{ctx: ctx, cfg: &cfg}, nil }))
	s.Domain, s.TLSConfig, s.EnableSMTPUTF8 = cfg.Hello, cfg.TLS, true
	s.MaxRecipients, s.MaxMessageBytes, s.ReadTimeout, s.WriteTimeout = maxRecipients, MaxInbound, inboundWait, inboundWait
	s.ErrorLog = slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug)
	done := make(chan error, 1)
	go func() { done <- s.Serve(netutil.LimitListener(l, maxConns)) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve mail intake: %w", err)
	case <-ctx.Done():
	}
	quiet, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if s.Shutdown(quiet) != nil {
		_ = s.Close() // the others come again
	}
	if err := <-done; err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("serve mail intake: %w", err)
	}
	return nil
}

// inbound is one conversation.
type inbound struct {
	ctx  context.Context
	cfg  *ListenConfig
	from string
	to   []string
}

// Reset forgets the envelope.
func (x *inbound) Reset() { x.from, x.to = "", nil }

// Logout ends the conversation.
func (x *inbound) Logout() error { return nil }

// Mail takes the envelope's sender.
func (x *inbound) Mail(from string, _ *smtp.MailOptions) error {
	x.from = from
	return nil
}

// Rcpt takes a recipient, if it is one of ours.
func (x *inbound) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !x.cfg.Accepts(to) {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "relaying denied: this server takes bounces and replies only"}
	}
	x.to = append(x.to, to)
	return nil
}

// Data takes the mail. It is answered for once all that it tells is stored.
func (x *inbound) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	for _, to := range x.to {
		if err := x.cfg.Take(x.ctx, x.from, to, raw); err != nil {
			x.cfg.Log.Warn("mail that came in is to come again", "err", err)
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "cannot be stored now, try again"}
		}
	}
	return nil
}

// Accepter tells which addresses are for us: all of the domain that mail comes back to, and those that people answer to.
func Accepter(domain string, addresses ...string) func(to string) bool {
	return func(to string) bool {
		_, of, ok := strings.Cut(to, "@")
		if ok && domain != "" && strings.EqualFold(of, domain) {
			return true
		}
		for _, a := range addresses {
			if a != "" && strings.EqualFold(a, to) {
				return true
			}
		}
		return false
	}
}
