package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"mime"
	"net"
	"net/smtp"
	"path/filepath"
	"strings"
	"time"

	"github.com/knadh/smtppool/v2"
	"golang.org/x/sync/errgroup"

	"enishi"
	"enishi/channels"
	"enishi/channels/email"
	"enishi/internal/definitions"
	"enishi/internal/sim/mail"
	"enishi/internal/stream"
)

// mailConns is how many connections both use.
const mailConns = 10

// mailText is the mail of both, about 11.5 KB when it is encoded; open and close stand around a variable.
func mailText(name, points, each, end, open, line, price, count, unsubscribe string) string {
	var b strings.Builder
	b.WriteString(`<!doctype html><html lang="ja"><head><meta charset="utf-8"><title>秋の新作のご案内</title></head><body style="margin:0;padding:0"><table role="presentation" width="100%"><tr><td>`)
	for i := range 32 {
		fmt.Fprintf(&b, `<p style="margin:0 0 16px;color:#3d3532">いつも Enishi をご利用いただき、ありがとうございます。%s 様（%s ポイント）の %d 番目のおすすめです。</p>`, name, points, i)
	}
	fmt.Fprintf(&b, `%s<tr><td>%s</td><td>%s × %s</td></tr>%s%s`, each, line, price, count, end, open)
	fmt.Fprintf(&b, `<p><a href="%s">配信を停止する</a></p></td></tr></table></body></html>`, unsubscribe)
	return b.String()
}

// mailLine is an order's line in a message's variables.
type mailLine struct {
	Name     string `json:"name"`
	Quantity int    `json:"quantity"`
	Price    string `json:"price"`
}

// mailVariables are those of the n-th mail.
func mailVariables(n int) (family string, points int, lines []mailLine) {
	for i := range 6 {
		lines = append(lines, mailLine{fmt.Sprintf("モイスチャー化粧水 しっとり %d", n), 1, fmt.Sprintf("¥%d,480", i+1)})
	}
	return "佐藤", n, lines
}

const plainText = "秋の新作のご案内です。\n"

// runMail sends personalised mails to a lean relay: A is smtppool with html/template; B is the sender with its ledger, from
// the topic messages to the results on the topic events.
func runMail(ctx context.Context, b *bench) (err error) {
	const n = 4000
	w, err := openWorld(ctx, b.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	relay, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	inbox := mail.New(mail.Config{KeepBytes: 1 << 20, Keep: 10})
	return while(ctx, func(ctx context.Context) error { return inbox.Serve(ctx, relay) }, func() error {
		s, err := openMailer(ctx, w, relay.Addr().String())
		if err != nil {
			return err
		}
		defer s.Close()
		bare, err := newBareMailer(relay.Addr().(*net.TCPAddr).Port)
		if err != nil {
			return err
		}
		defer bare.pool.Close()
		as, bs, err := b.alternate(func(round int) error { return s.put(ctx, round, n) },
			func(int) (slice, error) { return counted(inbox, n, func() error { return bare.send(ctx, n) }) },
			func(int) (slice, error) { return counted(inbox, n, func() error { return s.send(ctx, inbox, n) }) })
		if err != nil {
			return err
		}
		if mails := inbox.Mails(); len(mails) > 0 {
			b.printf("  the last mail has %d bytes\n", len(mails[len(mails)-1].Raw))
		}
		b.compare("mail with ledger and results", "mail", as, bs, 1)
		b.least("mail, rate", median(each(bs, (*slice).rate)), "mails/s", 6000)
		only, err := b.renderAndSend(ctx, s, inbox, n)
		if err != nil {
			return err
		}
		b.printf("  filling in and sending alone: %.0f CPU us/mail\n", median(each(only, (*slice).perOp)))
		return b.partsOfMail(ctx, s, bare, relay.Addr().String(), inbox, n)
	})
}

// counted wants the relay to have n more mails after work.
func counted(inbox *mail.Server, n int, work func() error) (slice, error) {
	before := inbox.Count()
	err := work()
	if got := inbox.Count() - before; err == nil && got != uint64(n) {
		err = fmt.Errorf("%d mails at the relay, want %d", got, n)
	}
	return slice{ops: n}, err
}

// renderAndSend shows the part of the sender that smtppool does.
func (b *bench) renderAndSend(ctx context.Context, s *mailer, inbox *mail.Server, n int) ([]slice, error) {
	var out []slice
	for range b.rounds {
		x, err := measured(func() (slice, error) {
			return counted(inbox, n, func() error {
				return inParallel(ctx, n, func(i int) error {
					m, err := mailMessage(i)
					if err != nil {
						return err
					}
					filled, err := s.renderer.Render(ctx, m)
					if err != nil {
						return err
					}
					_, err = s.mail.Send(ctx, filled)
					return err
				})
			})
		})
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// partsOfMail shows what filling in costs, and what the standard library's client needs for the same mails.
func (b *bench) partsOfMail(ctx context.Context, s *mailer, bare *bareMailer, addr string, inbox *mail.Server, n int) error {
	for _, x := range []struct {
		name string
		work func() (slice, error)
	}{
		{"filling in alone", func() (slice, error) {
			return slice{ops: n}, inParallel(ctx, n, func(i int) error {
				m, err := mailMessage(i)
				if err != nil {
					return err
				}
				_, err = s.renderer.Render(ctx, m)
				return err
			})
		}},
		{"net/smtp and html/template", func() (slice, error) {
			return counted(inbox, n, func() error { return bare.plainly(ctx, addr, n) })
		}},
	} {
		var all []slice
		for range b.rounds {
			one, err := measured(x.work)
			if err != nil {
				return fmt.Errorf("%s: %w", x.name, err)
			}
			all = append(all, one)
		}
		b.printf("  %-28s %.0f mails/s, %.0f CPU us/mail\n", x.name, median(each(all, (*slice).rate)), median(each(all, (*slice).perOp)))
	}
	return nil
}

func inParallel(ctx context.Context, n int, work func(i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for k := range mailConns {
		g.Go(func() error {
			for i := k; i < n && ctx.Err() == nil; i += mailConns {
				if err := work(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// mailer is the product's sender on a workspace.
type mailer struct {
	stream   *stream.Client
	defs     *definitions.Log
	renderer *channels.Renderer
	mail     *email.Channel
	sender   *channels.Sender
	inHand   *channels.InHand
	close    func() error
}

func openMailer(ctx context.Context, w *world, relay string) (*mailer, error) {
	client, db, err := w.open(ctx, "mail")
	if err != nil {
		return nil, err
	}
	m := &mailer{stream: client, defs: definitions.NewLog(), close: db.Close}
	html := mailText("{{ customer.family_name }}", "{{ customer.points }}", "{% for line in order.lines %}", "{% endfor %}", "", "{{ line.name | escape }}", "{{ line.price }}", "{{ line.quantity }}", "{{ links.unsubscribe }}")
	body, err := json.Marshal(map[string]any{"name": "mail", "channel": "email", "purpose": "transactional", "variants": map[string]any{"ja": map[string]any{"subject": "{{ customer.family_name }} 様、秋の新作のご案内", "html": html, "text": plainText}}})
	if err != nil {
		return nil, err
	}
	value, err := json.Marshal(enishi.Definition{Kind: "template", Name: "mail", Expect: -1, Body: body, RequestID: enishi.NewID("request", "mail"), At: time.Now().UTC()})
	if err != nil {
		return nil, err
	}
	m.defs.Fold(0, value)
	if m.renderer, err = channels.NewRenderer(channels.RendererConfig{Definitions: m.defs, BaseURL: "http://127.0.0.1", Key: []byte("0123456789abcdef0123456789abcdef"), Language: "ja", Now: time.Now,
		Brand: map[string]any{"name": "Enishi", "address": "", "contact": "", "colour": "#9c3d44"}}); err != nil {
		return nil, err
	}
	if m.mail, err = email.New(email.Config{Addr: relay, TLS: "none", From: "shop@shop.example", Conns: mailConns, Log: w.log}); err != nil {
		return nil, err
	}
	if m.inHand, err = channels.OpenInHand(filepath.Join(w.dir, "in-hand"), w.log); err != nil {
		return nil, err
	}
	m.sender, err = channels.New(channels.Config{Partitions: client.Partitions(enishi.TopicEvents), Consume: channels.Consume(client), Append: client.Append, Ledger: channels.NewLedger(db), Render: m.renderer.Render,
		Route: func(string, string) (channels.Route, bool) {
			return channels.Route{Channel: m.mail, RepeatTransactional: 72 * time.Hour, Limit: channels.Limit{Workers: mailConns}}, true
		}, InHand: m.inHand, Log: w.log})
	return m, err
}

// Close ends the clients.
func (m *mailer) Close() {
	m.mail.Close()
	m.stream.Close()
	m.inHand.Close()
	m.close() // nothing is waiting to be written
}

// mailMessage is the n-th message, as a journey decides it.
func mailMessage(n int) (*enishi.Message, error) {
	family, points, lines := mailVariables(n)
	variables, err := json.Marshal(map[string]any{"language": "ja", "customer": map[string]any{"family_name": family, "points": points}, "order": map[string]any{"lines": lines}})
	if err != nil {
		return nil, err
	}
	id := enishi.NewID("mail", fmt.Sprint(n))
	return &enishi.Message{SendID: id, Round: 1, Profile: id, Subject: id, Destination: fmt.Sprintf("email:main:g%d", n%8), Channel: "email", Account: "main", Purpose: "transactional", Journey: "j", Node: "mail", RunID: id,
		Template: "mail", To: fmt.Sprintf("p%d@mail.example", n), Language: "ja", Variables: string(variables), DecidedAt: time.Now().UTC().Truncate(time.Millisecond)}, nil
}

// put appends a round's messages to the topic messages.
func (m *mailer) put(ctx context.Context, round, n int) error {
	recs := make([]stream.Record, n)
	for i := range recs {
		x, err := mailMessage((round+1)*n + i)
		if err != nil {
			return err
		}
		recs[i] = stream.Record{Topic: enishi.TopicMessages, Partition: -1, Time: x.DecidedAt, Key: []byte(x.Destination), Value: enishi.EncodeMessage(nil, x)}
	}
	return m.stream.Append(ctx, recs)
}

// send runs the sender until the relay has all; what it still owes the ledger is written before it returns.
func (m *mailer) send(ctx context.Context, inbox *mail.Server, n int) error {
	want := inbox.Count() + uint64(n)
	return while(ctx, m.sender.Run, func() error {
		return eventually(ctx, "all mails are at the relay", 2*time.Minute, func() (bool, error) { return inbox.Count() >= want, nil })
	})
}

// bareMailer is smtppool and html/template.
type bareMailer struct {
	pool *smtppool.Pool
	body *template.Template
}

func newBareMailer(port int) (*bareMailer, error) {
	body, err := template.New("mail").Parse(mailText("{{ .Family }}", "{{ .Points }}", "{{ range .Lines }}", "{{ end }}", "", "{{ .Name }}", "{{ .Price }}", "{{ .Quantity }}", "{{ .Unsubscribe }}"))
	if err != nil {
		return nil, err
	}
	pool, err := smtppool.New(smtppool.Opt{Host: "127.0.0.1", Port: port, MaxConns: mailConns, IdleTimeout: 15 * time.Second, PoolWaitTimeout: 30 * time.Second, SSL: smtppool.SSLNone})
	return &bareMailer{pool, body}, err
}

func (m *bareMailer) send(ctx context.Context, n int) error {
	return inParallel(ctx, n, func(i int) error {
		html, subject, err := m.fill(i)
		if err != nil {
			return err
		}
		return m.pool.Send(smtppool.Email{From: "shop@shop.example", To: []string{fmt.Sprintf("p%d@mail.example", i)}, Subject: subject, HTML: html, Text: []byte(plainText)})
	})
}

func (m *bareMailer) fill(i int) (html []byte, subject string, err error) {
	family, points, lines := mailVariables(i)
	var b bytes.Buffer
	err = m.body.Execute(&b, map[string]any{"Family": family, "Points": points, "Lines": lines, "Unsubscribe": fmt.Sprintf("http://127.0.0.1/u/%d", i)})
	return b.Bytes(), family + " 様、秋の新作のご案内", err
}

// plainly sends n mails by the standard library's client, one connection each worker, HTML alone as it is.
func (m *bareMailer) plainly(ctx context.Context, addr string, n int) error {
	g, ctx := errgroup.WithContext(ctx)
	for k := range mailConns {
		g.Go(func() error {
			c, err := smtp.Dial(addr)
			if err != nil {
				return err
			}
			defer c.Close()
			for i := k; i < n && ctx.Err() == nil; i += mailConns {
				html, subject, err := m.fill(i)
				if err != nil {
					return err
				}
				to := fmt.Sprintf("p%d@mail.example", i)
				if err := errors.Join(c.Mail("shop@shop.example"), c.Rcpt(to)); err != nil {
					return err
				}
				data, err := c.Data()
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(data, "From: shop@shop.example\r\nTo: %s\r\nSubject: %s\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%s\r\n",
					to, mime.QEncoding.Encode("utf-8", subject), html)
				if err := errors.Join(err, data.Close()); err != nil {
					return err
				}
			}
			return c.Quit()
		})
	}
	return g.Wait()
}
