package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"enishi"
	"enishi/channels"
	"enishi/channels/dm/social"
	"enishi/channels/push"
	"enishi/channels/sms"
	pushsim "enishi/internal/sim/push"
	smssim "enishi/internal/sim/sms"
	socialsim "enishi/internal/sim/social"
)

const (
	directSends   = 3000 // a round
	directWorkers = 8
	directPages   = 32 // accounts: each may make 300 calls a second
)

// directRoute is a channel before a simulator.
type directRoute struct {
	name    string
	content string
	taken   *atomic.Int64
	sim     http.Handler
	last    atomic.Pointer[directCall]
	base    string
	send    func(ctx context.Context, i int, m *channels.Rendered) error
}

// directCall is what a channel asked for, for the twin to ask it again.
type directCall struct {
	method, path string
	header       http.Header
	body         []byte
}

// ServeHTTP keeps the first call of a send, and hands all to the simulator.
func (d *directRoute) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if d.last.Load() == nil && r.Header.Get("Authorization") != "" {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the caller went away
		}
		d.last.Store(&directCall{r.Method, r.URL.RequestURI(), r.Header.Clone(), body})
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	d.sim.ServeHTTP(w, r)
}

// runDirect sends social messages, SMS and notifications to their simulators over HTTP, the rates of the services aside: the
// channel against net/http that posts the bytes of the channel's first call again and again.
func runDirect(ctx context.Context, b *bench) error {
	for _, open := range []func(*directRoute) error{openSocial, openSMS, openApp, openBrowser} {
		if err := b.direct(ctx, open); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) direct(ctx context.Context, open func(*directRoute) error) (err error) {
	d := &directRoute{taken: &atomic.Int64{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.base = "http://" + listener.Addr().String()
	if err := open(d); err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{Handler: d, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		err = errors.Join(err, server.Close())
		if end := <-served; !errors.Is(end, http.ErrServerClosed) {
			err = errors.Join(err, end)
		}
	}()
	product := func(ctx context.Context, i int) error {
		id := enishi.NewID("direct", fmt.Sprint(i))
		return d.send(ctx, i, &channels.Rendered{SendID: id, Key: id, Purpose: "transactional", Content: json.RawMessage(d.content), Begin: func() error { return nil }})
	}
	if err := product(ctx, 0); err != nil { // the twin needs a call to repeat
		return fmt.Errorf("%s: %w", d.name, err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = directWorkers
	client := &http.Client{Transport: transport}
	defer client.CloseIdleConnections()
	as, bs, err := b.alternate(nil,
		func(int) (slice, error) {
			return d.slice(ctx, func(ctx context.Context, _ int) error { return d.last.Load().repeat(ctx, client, d.base) })
		},
		func(int) (slice, error) { return d.slice(ctx, product) })
	if err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	b.compare(d.name, "send", as, bs, 2)
	return nil
}

// slice makes the sends of a round and counts what the simulator took.
func (d *directRoute) slice(ctx context.Context, one func(context.Context, int) error) (slice, error) {
	want := d.taken.Load() + directSends
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(directWorkers)
	for i := range directSends {
		g.Go(func() error { return one(ctx, i) })
	}
	err := g.Wait()
	if got := d.taken.Load(); err == nil && got != want {
		err = fmt.Errorf("the simulator took %d messages, want %d", got, want)
	}
	return slice{ops: directSends}, err
}

// repeat makes the call and reads its answer.
func (c *directCall) repeat(ctx context.Context, client *http.Client, base string) error {
	req, err := http.NewRequestWithContext(ctx, c.method, base+c.path, bytes.NewReader(c.body))
	if err != nil {
		return err
	}
	req.Header = c.header.Clone()
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("the twin is answered %d", res.StatusCode)
	}
	return nil
}

// openSocial is Messenger by several pages, each with a person who has written.
func openSocial(d *directRoute) error {
	limits := socialsim.Documented()
	limits.TextPerSecond = math.MaxInt
	cfg := socialsim.Config{Keep: 10, Limits: limits, OnSent: func(socialsim.Sent) { d.taken.Add(1) }}
	secrets := map[string]social.Secret{}
	for i := range directPages {
		page := fmt.Sprint(1000 + i)
		cfg.Accounts = append(cfg.Accounts, socialsim.Account{ID: page, Platform: social.Messenger, Token: "token"})
		secrets["page_"+page] = social.Secret{Platform: social.Messenger, Page: page, Token: "token", AppSecret: "secret", VerifyToken: "verify", Endpoint: d.base}
	}
	sim := socialsim.New(cfg)
	accounts, err := social.NewAccounts(social.AccountsConfig{Secrets: secrets})
	if err != nil {
		return err
	}
	all := make([]*social.Account, directPages)
	for i := range all {
		page := fmt.Sprint(1000 + i)
		all[i], _ = accounts.Get("page_" + page)
		if err := sim.Meet(page, "77", time.Now()); err != nil {
			return err
		}
	}
	d.name, d.sim, d.content = "social", sim, `{"messages":[{"text":"ストーリーでのご紹介ありがとうございます。","quick_replies":[{"title":"見る","payload":"see"}]}]}`
	d.send = func(ctx context.Context, i int, m *channels.Rendered) error {
		m.To = "77"
		_, err := all[i%directPages].Send(ctx, m)
		return err
	}
	return nil
}

// openSMS is one account of Twilio's shape.
func openSMS(d *directRoute) error {
	limits := smssim.Documented()
	limits.PerSecond = math.MaxInt
	sid, token := smssim.Credentials()
	c, err := sms.New(sms.Config{Provider: sms.Twilio, BaseURL: d.base, User: sid, Token: token, From: "+815012345678"})
	if err != nil {
		return err
	}
	d.name, d.content = "SMS", `{"text":"【縁】ご注文の品を発送しました。"}`
	d.sim = smssim.New(smssim.Config{Keep: 10, Limits: limits, OnSent: func(smssim.Sent) { d.taken.Add(1) }})
	d.send = func(ctx context.Context, i int, m *channels.Rendered) error {
		m.To = fmt.Sprintf("+8190%08d", i)
		_, err := c.Send(ctx, m)
		return err
	}
	return nil
}

// openPush is the channel of notifications before its services.
func openPush(d *directRoute) (*pushsim.Server, *push.Channel, error) {
	limits := pushsim.Documented()
	limits.DeviceRate, limits.DeviceHour, limits.ProjectRate, limits.ServiceRate = math.MaxInt, math.MaxInt, math.MaxInt, math.MaxInt
	sim := pushsim.New(pushsim.Config{Keep: 10, Limits: limits, OnShown: func(pushsim.Shown) { d.taken.Add(1) }})
	v, err := push.NewVAPID(push.DeriveVAPID([]byte("bench")), "mailto:push@shop.example")
	if err != nil {
		return nil, nil, err
	}
	f, err := push.NewFCM(sim.Account(d.base), d.base)
	if err != nil {
		return nil, nil, err
	}
	c, err := push.New(push.Config{VAPID: v, FCM: f, Inside: []string{d.base[len("http://"):]}})
	d.sim, d.content = sim, `{"title":"発送しました","body":"ご注文の品を発送しました。","url":"https://shop.example/"}`
	return sim, c, err
}

// openApp is FCM.
func openApp(d *directRoute) error {
	sim, c, err := openPush(d)
	if err != nil {
		return err
	}
	token := sim.Register("")
	d.name = "push, app (FCM)"
	d.send = func(ctx context.Context, _ int, m *channels.Rendered) error {
		m.To = token
		_, err := c.Send(ctx, m)
		return err
	}
	return nil
}

// openBrowser is web push. The twin posts what is encrypted and signed already; the simulator reads and checks both.
func openBrowser(d *directRoute) error {
	sim, c, err := openPush(d)
	if err != nil {
		return err
	}
	browser := sim.Subscribe(d.base, c.PublicKey())
	s := push.Subscription{Endpoint: browser.Endpoint}
	s.Keys.Auth, s.Keys.P256DH = browser.Auth, browser.P256DH
	token := s.Token()
	d.name = "push, browser (web push)"
	d.send = func(ctx context.Context, _ int, m *channels.Rendered) error {
		m.To = token
		_, err := c.Send(ctx, m)
		return err
	}
	return nil
}
