// Package email sends mail by SMTP to a relay.
//
// What it owns: composing a mail (headers, parts, envelope), a pool of connections, and the SMTP dialogue. go-mail opens
// the connections: TLS, EHLO, login. The mail itself is composed and handed over here: every step is told apart from the
// next, so that the one window in which nobody knows whether a mail was taken, between the final dot and its answer, is
// exactly that. (go-mail's own Send folds the steps into one error, takes a failed RSET after a delivery for a failure,
// and costs twice the processor time.)
//
// One recipient per mail, always. Nothing is tried twice, but for a connection that the server had closed while it lay
// idle.
package email

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"enishi"
	"enishi/channels"
)

// Config of one account.
type Config struct {
	Addr     string // host:port of the relay
	User     string // empty: no authentication
	Password string
	// TLS is starttls (default; refused when the server does not offer it), opportunistic (STARTTLS when offered), tls (from
	// the first byte) or none.
	TLS     string
	From    string // address, or Name <address>
	ReplyTo string // the same; empty: none
	// Bounce is the domain of envelope senders, which tell what came back (b+TOKEN@Bounce). Empty: the envelope sender is
	// From, and bounces are for people to read.
	Bounce string
	DKIM   []Key  // of all domains; those of From's domain sign. Empty: the relay signs, or nobody
	Hello  string // our name in EHLO; the host's when empty
	// ISO2022JP are the groups of receiving domains (enishi.MailGroups, or All) whose mail is written in ISO-2022-JP, for old
	// mail programs. What that charset has not (emoji) makes its part UTF-8, with a note in the receipt. Empty: all is UTF-8.
	ISO2022JP []string
	// Sender is the last part of Feedback-ID, which tells the sender's reputation apart; the domain of From when empty.
	Sender string

	Conns       int           // at the same time; 16
	DialTimeout time.Duration // to the end of the login; 30 s
	Timeout     time.Duration // of one mail, the wait after the final dot included; 150 s
	Idle        time.Duration // an unused connection is kept; 15 s
	PerConn     int           // mails over one connection; 1,000
	Dial        Dial          // net.Dialer's
	RootCAs     *tls.Config   // TLS settings to begin with; nil: the system's
	Now         func() time.Time
	Log         *slog.Logger
}

// Dial opens a connection to the relay.
type Dial = func(ctx context.Context, network, addr string) (net.Conn, error)

// Channel is one account. It is safe for concurrent use.
type Channel struct {
	cfg     Config
	host    string
	port    int
	from    *mail.Address
	replyTo *mail.Address
	domain  string // of From
	keys    []Key  // that sign for it
	pool    *pool
}

// New checks cfg. It opens no connection. Its errors are [enishi.Error].
func New(cfg Config) (*Channel, error) {
	host, port, err := net.SplitHostPort(cfg.Addr)
	n, perr := strconv.Atoi(port)
	if err != nil || perr != nil || host == "" {
		return nil, enishi.FieldError("addr", "the mail server is given as host:port", "メールサーバーは host:port の形で書いてください")
	}
	switch cfg.TLS {
	case "":
		cfg.TLS = "starttls"
	case "starttls", "opportunistic", "tls", "none":
	default:
		return nil, enishi.FieldError("tls", "use starttls, opportunistic, tls or none", "starttls、opportunistic、tls、none のどれかにしてください")
	}
	c := &Channel{cfg: cfg, host: host, port: n}
	if c.from, err = mail.ParseAddress(cfg.From); err != nil {
		return nil, enishi.FieldError("from", "the sender is an address such as shop@example.jp", "差出人には shop@example.jp のようなアドレスを書いてください")
	}
	if cfg.ReplyTo != "" {
		if c.replyTo, err = mail.ParseAddress(cfg.ReplyTo); err != nil {
			return nil, enishi.FieldError("reply_to", "replies go to an address such as shop@example.jp", "返信先には shop@example.jp のようなアドレスを書いてください")
		}
	}
	if err := checkCharset(cfg.ISO2022JP); err != nil {
		return nil, err
	}
	c.domain = c.from.Address[strings.LastIndexByte(c.from.Address, '@')+1:]
	if c.keys = keysFor(cfg.DKIM, c.domain); len(cfg.DKIM) > 0 && len(c.keys) == 0 {
		return nil, enishi.FieldError("dkim", "no DKIM key is for "+c.domain+", the domain of the sender", "差出人のドメイン "+c.domain+" の DKIM の鍵がありません")
	}
	c.complete()
	c.pool = newPool(c)
	return c, nil
}

func (c *Channel) complete() {
	for _, d := range [...]struct {
		field *time.Duration
		value time.Duration
	}{{&c.cfg.DialTimeout, 30 * time.Second}, {&c.cfg.Timeout, 150 * time.Second}, {&c.cfg.Idle, 15 * time.Second}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if c.cfg.Conns <= 0 {
		c.cfg.Conns = 16
	}
	if c.cfg.PerConn <= 0 {
		c.cfg.PerConn = 1000
	}
	if c.cfg.Sender == "" {
		c.cfg.Sender = c.domain
	}
	if c.cfg.Dial == nil {
		c.cfg.Dial = new(net.Dialer).DialContext
	}
	if c.cfg.Now == nil {
		c.cfg.Now = time.Now
	}
	if c.cfg.Log == nil {
		c.cfg.Log = slog.New(slog.DiscardHandler)
	}
}

// Send hands one mail to the relay.
func (c *Channel) Send(ctx context.Context, m *channels.Rendered) (channels.Receipt, error) {
	raw := buffers.Get().(*[]byte)
	defer buffers.Put(raw)
	e, err := c.compose((*raw)[:0], raw, m)
	if err != nil {
		return channels.Receipt{}, err
	}
	conn, err := c.pool.take(ctx)
	if err != nil {
		return channels.Receipt{}, dialError(err)
	}
	reply, f := conn.send(ctx, e, *raw)
	if f != nil && conn.used > 0 && f.at == atMail && (f.code == 0 || f.code == 421) {
		// The server had closed it while it lay idle; nothing of this mail was said.
		conn.drop()
		if conn, err = c.pool.dial(ctx); err != nil {
			c.pool.give(nil, false)
			return channels.Receipt{}, dialError(err)
		}
		reply, f = conn.send(ctx, e, *raw)
	}
	receipt := channels.Receipt{ProviderID: c.messageID(m), Code: accepted(reply), Note: e.note}
	if f != nil {
		receipt, err = channels.Receipt{}, classify(f)
	}
	if m.End != nil {
		m.End(receipt, err)
	}
	c.pool.give(conn, !conn.broken && (f == nil || f.code != 0 && f.code != 421))
	return receipt, err
}

// messageID is the same for every try and every round: whoever gets a mail twice can tell.
func (c *Channel) messageID(m *channels.Rendered) string { return m.SendID.String() + "@" + c.domain }

// accepted is the relay's own answer, which often holds its queue id.
func accepted(reply string) string {
	reply, _, _ = strings.Cut(reply, "\n")
	if len(reply) > 200 {
		reply = reply[:200]
	}
	return strings.TrimSpace("250 " + strings.ToValidUTF8(reply, "?"))
}

// Close ends idle connections; those in use end with their mail.
func (c *Channel) Close() { c.pool.close() }

// client makes a go-mail client for one connection; dialled is told of the socket.
func (c *Channel) client(dialled func(net.Conn)) (*gomail.Client, error) {
	tlsConfig := &tls.Config{ServerName: c.host, MinVersion: tls.VersionTLS12}
	if c.cfg.RootCAs != nil {
		tlsConfig = c.cfg.RootCAs.Clone()
		if tlsConfig.ServerName == "" {
			tlsConfig.ServerName = c.host
		}
	}
	options := []gomail.Option{
		gomail.WithPort(c.port), gomail.WithTimeout(c.cfg.Timeout), gomail.WithTLSConfig(tlsConfig),
		gomail.WithDialContextFunc(func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := c.cfg.Dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			dialled(conn)
			if c.cfg.TLS == "tls" {
				secured := tls.Client(conn, tlsConfig)
				return secured, secured.HandshakeContext(ctx)
			}
			return conn, nil
		}),
	}
	if c.cfg.Hello != "" {
		options = append(options, gomail.WithHELO(c.cfg.Hello))
	}
	switch c.cfg.TLS {
	case "starttls":
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case "opportunistic":
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if c.cfg.User != "" {
		kind := gomail.SMTPAuthAutoDiscover
		switch c.cfg.TLS {
		case "none":
			kind = gomail.SMTPAuthPlainNoEnc
		case "tls":
			kind = gomail.SMTPAuthPlain
		}
		options = append(options, gomail.WithSMTPAuth(kind), gomail.WithUsername(c.cfg.User), gomail.WithPassword(c.cfg.Password))
	}
	client, err := gomail.NewClient(c.host, options...)
	if err != nil {
		return nil, errors.Join(errors.New("mail client"), err)
	}
	return client, nil
}
