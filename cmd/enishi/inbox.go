package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/channels/line"
	linesim "enishi/internal/sim/line"
	mailsim "enishi/internal/sim/mail"
)

// inbox is what stands for providers that are not configured: an SMTP server and simulators of LINE, SMS and
// notifications on loopback. What they
// receive is kept in the table outbox and shown in the console.
type inbox struct {
	w         *workspace
	mail      *mailsim.Server
	line      *linesim.Server
	mailAddr  string
	lineURL   string
	lineToken string
	listeners [2]net.Listener
	server    *http.Server
	social    *socialInbox
	phones    *phones

	mu    sync.Mutex
	rows  []outboxRow
	sends map[string]enishi.ID // by the LINE retry key and user, so that the Outbox can tell the journey
	wake  chan struct{}
}

// noted remembers which send a retry key stands for while it passes.
type noted struct {
	*line.Official
	in *inbox
}

// Send hands over to the real channel.
func (n noted) Send(ctx context.Context, m *channels.Rendered) (channels.Receipt, error) {
	n.note(m, channels.Recipient{To: m.To, SendID: m.SendID})
	return n.Official.Send(ctx, m)
}

// SendGroup likewise.
func (n noted) SendGroup(ctx context.Context, m *channels.Rendered, to []channels.Recipient) (channels.Receipt, error) {
	n.note(m, to...)
	return n.Official.SendGroup(ctx, m, to)
}

func (n noted) note(m *channels.Rendered, to ...channels.Recipient) {
	n.in.mu.Lock()
	defer n.in.mu.Unlock()
	if len(n.in.sends) > 10_000 {
		clear(n.in.sends)
	}
	for _, x := range to {
		n.in.sends[m.Key.UUID()+x.To] = x.SendID
	}
}

type outboxRow struct {
	id, send                                  enishi.ID
	at                                        time.Time
	channel, sender, recipient, subject, body string
}

// openInbox binds the addresses; Run serves them.
func openInbox(w *workspace) (*inbox, error) {
	in := &inbox{w: w, wake: make(chan struct{}, 1), sends: map[string]enishi.ID{}, lineToken: "simulator"}
	for i := range in.listeners {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("open development inbox: %w", err)
		}
		in.listeners[i] = l
	}
	in.mailAddr, in.lineURL = in.listeners[0].Addr().String(), "http://"+in.listeners[1].Addr().String()
	in.mail = mailsim.New(mailsim.Config{Keep: 200, OnMail: in.onMail, Log: w.log})
	in.line = linesim.New(linesim.Config{ChannelSecret: w.keys.LINESecret, ChannelToken: in.lineToken, ProviderID: w.cfg.LINE.Provider, DisplayName: "Enishi", Keep: 200,
		Webhook: in.deliver, OnSent: in.onLine, Log: w.log})
	in.server = &http.Server{Handler: in.line, ReadHeaderTimeout: 10 * time.Second}
	var err error
	if in.social, err = openSocialInbox(in); err != nil {
		return nil, err
	}
	if in.phones, err = openPhones(in); err != nil {
		return nil, err
	}
	return in, nil
}

// deliver hands the simulator's webhook to our own handler, signature and all.
func (in *inbox) deliver(ctx context.Context, body []byte, signature string) (int, error) {
	return postWebhook(ctx, in.w.webhook, body, signature)
}

func (in *inbox) onMail(m mailsim.Mail) {
	parsed, err := mailsim.Parse(m.Raw)
	if err != nil {
		parsed.Subject = "（解読できないメール）"
	}
	to := ""
	if len(m.To) > 0 {
		to = m.To[0]
	}
	local, _, _ := strings.Cut(strings.Trim(parsed.MessageID, "<>"), "@")
	send, _ := enishi.ParseID(local) // another program's mail has another kind of Message-ID
	in.add(outboxRow{id: enishi.NewID("outbox", "email", parsed.MessageID, to), send: send, at: in.w.shopClock(), channel: "email", sender: parsed.From, recipient: to, subject: parsed.Subject, body: string(m.Raw)})
}

func (in *inbox) onLine(s linesim.Sent) {
	in.mu.Lock()
	send := in.sends[s.RetryKey+s.To]
	in.mu.Unlock()
	if notice, _, ok := line.ParseNoticeTag(s.Tag); ok {
		send = notice
	}
	in.add(outboxRow{id: enishi.NewID("outbox", "line", s.RetryKey+s.Tag, s.To), send: send, at: in.w.shopClock(), channel: "line", sender: "LINE", recipient: s.To, body: string(s.Messages)})
}

func (in *inbox) add(r outboxRow) {
	in.mu.Lock()
	in.rows = append(in.rows, r)
	in.mu.Unlock()
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

// Run serves both and stores what they receive until ctx ends.
func (in *inbox) Run(ctx context.Context) error {
	done := make(chan error, 8)
	go func() { done <- in.social.Run(ctx) }()
	in.phones.serve(ctx, done)
	go func() { done <- in.mail.Serve(ctx, in.listeners[0]) }()
	go func() { done <- in.server.Serve(in.listeners[1]) }()
	go func() { done <- in.line.Run(ctx) }()
	for {
		select {
		case <-ctx.Done():
			in.server.Close()
			in.phones.close()
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			return in.flush(last)
		case err := <-done:
			if err != nil && !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
				return fmt.Errorf("development inbox: %w", err)
			}
		case <-in.wake:
			// A moment's worth of messages is one insert.
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
			if err := in.flush(ctx); err != nil && ctx.Err() == nil {
				in.w.log.Error("store outbox", "err", err)
			}
		}
	}
}

func (in *inbox) flush(ctx context.Context) error {
	in.mu.Lock()
	rows := in.rows
	in.rows = nil
	in.mu.Unlock()
	n := len(rows)
	if n == 0 {
		return nil
	}
	id, send, at := make([]enishi.ID, n), make([]enishi.ID, n), make([]time.Time, n)
	channel, sender, recipient, subject, raw := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, r := range rows {
		send[i] = r.send
		id[i], at[i], channel[i], sender[i], recipient[i], subject[i], raw[i] = r.id, r.at, r.channel, r.sender, r.recipient, r.subject, r.body
	}
	return in.w.db.Insert(ctx, "outbox", []string{"id", "at", "channel", "sender", "recipient", "subject", "send_id", "raw"}, n, id, at, channel, sender, recipient, subject, send, raw)
}

// postWebhook hands a signed body to a webhook handler without a network in between.
func postWebhook(ctx context.Context, h http.Handler, body []byte, signature string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/line/webhook/default", bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("simulated webhook: %w", err)
	}
	r.SetPathValue("account", "default")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Line-Signature", signature)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, nil
}
