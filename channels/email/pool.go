package email

import (
	"context"
	"net"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// pool keeps connections that are not in use, the last used on top.
type pool struct {
	c     *Channel
	slots chan struct{} // one token per connection in use
	mu    sync.Mutex
	idle  []*conn
	done  bool
}

// conn is one connection to the relay. One mail at a time.
type conn struct {
	client     *gomail.Client
	smtp       *smtp.Client
	socket     net.Conn
	timeout    time.Duration
	pipelining bool
	dirty      bool // a transaction is open that must be reset
	broken     bool
	used       int // mails
	since      time.Time
}

func newPool(c *Channel) *pool { return &pool{c: c, slots: make(chan struct{}, c.cfg.Conns)} }

// take gives a connection, an idle one or a new one.
func (p *pool) take(ctx context.Context) (*conn, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	var old []*conn
	var found *conn
	now := p.c.cfg.Now()
	for found == nil && len(p.idle) > 0 {
		last := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if now.Sub(last.since) < p.c.cfg.Idle {
			found = last
		} else {
			old = append(old, last)
		}
	}
	p.mu.Unlock()
	for _, x := range old {
		x.drop()
	}
	if found != nil {
		return found, nil
	}
	fresh, err := p.dial(ctx)
	if err != nil {
		<-p.slots
		return nil, err
	}
	return fresh, nil
}

// give takes a connection back; it is kept when it can be used again.
func (p *pool) give(x *conn, reusable bool) {
	<-p.slots
	if x == nil {
		return
	}
	x.since = p.c.cfg.Now()
	p.mu.Lock()
	keep := reusable && !p.done && x.used < p.c.cfg.PerConn
	if keep {
		p.idle = append(p.idle, x)
	}
	p.mu.Unlock()
	if !keep {
		x.end(reusable)
	}
}

func (p *pool) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.done = nil, true
	p.mu.Unlock()
	for _, x := range idle {
		x.end(true)
	}
}

// dial opens a connection and logs in.
func (p *pool) dial(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.c.cfg.DialTimeout)
	defer cancel()
	x := &conn{since: p.c.cfg.Now(), timeout: p.c.cfg.Timeout}
	var stop func() bool
	client, err := p.c.client(func(socket net.Conn) {
		x.socket = socket
		// go-mail gives greeting and login the long time of a mail.
		stop = context.AfterFunc(ctx, func() { _ = socket.Close() })
	})
	if err != nil {
		return nil, err
	}
	x.client = client
	x.smtp, err = client.DialToSMTPClientWithContext(ctx)
	if stop != nil {
		stop()
	}
	if err != nil {
		x.drop()
		return nil, err
	}
	x.pipelining, _ = x.smtp.Extension("PIPELINING")
	return x, nil
}

// end says goodbye when the connection is in order, and closes it.
func (x *conn) end(polite bool) {
	if polite && x.smtp != nil {
		_ = x.socket.SetDeadline(time.Now().Add(time.Second)) // a courtesy: nobody waits for it
		_ = x.client.CloseWithSMTPClient(x.smtp)
	}
	x.drop()
}

// drop closes the connection; what it was in the middle of has been told already.
func (x *conn) drop() {
	if x.socket != nil {
		_ = x.socket.Close()
	}
}
