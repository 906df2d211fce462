package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"enishi"
	pushsim "enishi/internal/sim/push"
	smssim "enishi/internal/sim/sms"
)

// phones are the simulated providers of SMS and notifications, and the phones and browsers behind them.
type phones struct {
	in        *inbox
	sms       *smssim.Server
	push      *pushsim.Server
	smsURL    string
	pushURL   string
	listeners [2]net.Listener
	servers   [2]*http.Server
}

func openPhones(in *inbox) (*phones, error) {
	p := &phones{in: in}
	w := in.w
	for i := range p.listeners {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("open development inbox: %w", err)
		}
		p.listeners[i] = l
	}
	p.smsURL, p.pushURL = "http://"+p.listeners[0].Addr().String(), "http://"+p.listeners[1].Addr().String()
	p.sms = smssim.New(smssim.Config{Keep: 200, AggregatorURL: w.base + "/sms/default", AggregatorKey: w.smsKey(), Post: p.deliver, OnSent: p.onSMS, Log: w.log})
	p.push = pushsim.New(pushsim.Config{Keep: 200, OnShown: p.onShown, Log: w.log})
	for i, h := range [...]http.Handler{p.sms, p.push} {
		p.servers[i] = &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	}
	return p, nil
}

// serve serves both until ctx ends; what goes wrong is told to done.
func (p *phones) serve(ctx context.Context, done chan<- error) {
	for i := range p.servers {
		go func() { done <- p.servers[i].Serve(p.listeners[i]) }()
	}
	go func() { done <- p.sms.Run(ctx) }()
}

func (p *phones) close() {
	for _, s := range p.servers {
		s.Close()
	}
}

// deliver hands the simulator's receipts and replies to our own handler, key and all.
func (p *phones) deliver(ctx context.Context, address string, header http.Header, body []byte) (int, error) {
	u, err := url.Parse(address)
	if err != nil {
		return 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header = header
	r.SetPathValue("account", "default")
	r.SetPathValue("what", u.Path[strings.LastIndexByte(u.Path, '/')+1:])
	w := httptest.NewRecorder()
	p.in.w.smsHook.ServeHTTP(w, r)
	return w.Code, nil
}

func (p *phones) onSMS(x smssim.Sent) {
	send, _, _ := p.in.w.links.Origin(x.Reference, "")
	p.in.add(outboxRow{id: enishi.NewID("outbox", "sms", x.ID), send: send, at: p.in.w.shopClock(), channel: "sms", sender: x.From, recipient: x.To, body: x.Text})
}

func (p *phones) onShown(x pushsim.Shown) {
	var web struct{ Title string }
	var app struct{ Notification struct{ Title string } }
	title := ""
	if err := errors.Join(json.Unmarshal(x.Payload, &web), json.Unmarshal(x.Payload, &app)); err == nil {
		title = web.Title + app.Notification.Title
	}
	var send enishi.ID
	if raw, err := base64.RawURLEncoding.DecodeString(x.Topic); err == nil && len(raw) == len(send) {
		copy(send[:], raw)
	}
	p.in.add(outboxRow{id: enishi.NewID("outbox", "push", x.Topic, x.Device), send: send, at: p.in.w.shopClock(), channel: "push", sender: x.Kind, recipient: x.Device, subject: title, body: string(x.Payload)})
}
