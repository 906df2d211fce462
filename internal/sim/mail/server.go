package mail

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Config of an inbox. The zero value listens on a free loopback port, without
// TLS and without authentication.
type Config struct {
	// Addr to listen on in Run; default "127.0.0.1:0".
	Addr string
	// Name in the greeting; default "inbox.localhost".
	Name string
	// Keep and KeepBytes bound the mails in memory: the oldest go first.
	// Defaults 1000 and 64 MiB.
	Keep      int
	KeepBytes int64
	// MaxSize of one mail, announced by SIZE; default 10 MiB.
	MaxSize int64
	// MaxRecipients of one mail; default 100, what RFC 5321 asks for at least.
	MaxRecipients int
	// TLS offers STARTTLS; RequireTLS refuses mail without it.
	TLS        *tls.Config
	RequireTLS bool
	// Username and Password, when set, make AUTH PLAIN mandatory.
	Username, Password string
	// Idle ends a silent connection; default 5 minutes.
	Idle time.Duration
	// Now stamps mails and ends faults; default time.Now.
	Now func() time.Time
	// OnMail is called for each kept mail before it is acknowledged. Calls
	// from several connections overlap.
	OnMail func(Mail)
	Log    *slog.Logger
}

// Mail is a mail as it came in.
type Mail struct {
	ID   uint64 // counts from 1
	From string // envelope sender, empty for a bounce
	To   []string
	Raw  []byte // without dot-stuffing; not to be changed
	At   time.Time
}

// Server is an inbox.
type Server struct {
	cfg   Config
	ready chan struct{} // closed when Addr is known or listening has failed
	once  sync.Once

	mu     sync.Mutex // guards all below
	addr   string
	mails  []Mail // the last ones, oldest first
	bytes  int64  // of Raw in mails
	count  uint64
	faults []*Fault
	conns  map[net.Conn]struct{}
}

// New returns an empty inbox. It does not listen yet.
func New(cfg Config) *Server {
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if cfg.Name == "" {
		cfg.Name = "inbox.localhost"
	}
	if cfg.Keep <= 0 {
		cfg.Keep = 1000
	}
	if cfg.KeepBytes <= 0 {
		cfg.KeepBytes = 64 << 20
	}
	if cfg.MaxSize <= 0 {
		cfg.MaxSize = 10 << 20
	}
	if cfg.MaxRecipients <= 0 {
		cfg.MaxRecipients = 100
	}
	if cfg.Idle <= 0 {
		cfg.Idle = 5 * time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{cfg: cfg, ready: make(chan struct{}), conns: map[net.Conn]struct{}{}}
}

// Run listens on Config.Addr and serves until ctx ends; then it returns nil.
func (s *Server) Run(ctx context.Context) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.cfg.Addr)
	if err != nil {
		s.once.Do(func() { close(s.ready) })
		return fmt.Errorf("listen for mail on %s: %w", s.cfg.Addr, err)
	}
	return s.Serve(ctx, l)
}

// Serve accepts connections of l until ctx ends, then closes l and all
// connections, waits for their ends and returns nil.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	s.mu.Lock()
	s.addr = l.Addr().String()
	s.mu.Unlock()
	s.once.Do(func() { close(s.ready) })

	ctx, cancel := context.WithCancel(ctx)
	var sessions sync.WaitGroup
	defer sessions.Wait()
	stop := context.AfterFunc(ctx, func() {
		_ = l.Close() // Accept tells
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range s.conns {
			_ = c.Close() // its session ends by the error
		}
	})
	defer stop()
	defer cancel()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil && conn == nil {
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("accept mail connection: %w", err)
		}
		if err != nil { // as with too many open files: others may end soon
			s.cfg.Log.Warn("accept mail connection", "err", err)
			if !sleep(ctx, 10*time.Millisecond) {
				return nil
			}
			continue
		}
		s.mu.Lock()
		s.conns[conn] = struct{}{}
		if ctx.Err() != nil { // came in at the moment of the end, after all others were closed
			_ = conn.Close()
		}
		s.mu.Unlock()
		sessions.Go(func() {
			defer func() {
				s.mu.Lock()
				delete(s.conns, conn)
				s.mu.Unlock()
				_ = conn.Close() // a fault or QUIT may have closed it
			}()
			s.session(ctx, conn)
		})
	}
}

// Ready is closed when the inbox listens, or never will because Run failed.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Addr is the address to send to; empty before Ready.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// Mails returns what is kept, oldest first.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Get returns a kept mail by its id.
func (s *Server) Get(id uint64) (Mail, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.mails); n > 0 && id >= s.mails[0].ID && id <= s.mails[n-1].ID {
		return s.mails[id-s.mails[0].ID], true
	}
	return Mail{}, false
}

// Count is the number of mails taken since New, kept or not.
func (s *Server) Count() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Clear empties the inbox. Ids go on.
func (s *Server) Clear() {
	s.mu.Lock()
	s.mails, s.bytes = nil, 0
	s.mu.Unlock()
}

// store keeps a mail and returns its id.
func (s *Server) store(from string, to []string, raw []byte) uint64 {
	m := Mail{From: from, To: to, Raw: bytes.Clone(raw), At: s.cfg.Now()}
	s.mu.Lock()
	s.count++
	m.ID = s.count
	s.bytes += int64(len(m.Raw))
	drop := max(0, len(s.mails)+1-s.cfg.Keep)
	for _, old := range s.mails[:drop] {
		s.bytes -= int64(len(old.Raw))
	}
	for drop < len(s.mails) && s.bytes > s.cfg.KeepBytes {
		s.bytes -= int64(len(s.mails[drop].Raw))
		drop++
	}
	clear(s.mails[:drop]) // append reuses or leaves this room: do not hold the mails
	s.mails = append(s.mails[drop:], m)
	s.mu.Unlock()
	if s.cfg.OnMail != nil {
		s.cfg.OnMail(m)
	}
	return m.ID
}

// sleep waits real time; false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
