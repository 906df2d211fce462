package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	"enishi"
	"enishi/channels/dm/social"
	socialsim "enishi/internal/sim/social"
)

// socialInbox is the simulator that stands for Messenger and Instagram where no account is configured: a page and an Instagram
// account that is connected to it.
type socialInbox struct {
	sim      *socialsim.Server
	listener net.Listener
	server   *http.Server
	secret   string
}

// Ids of the simulated accounts, and their names here.
const (
	simulatedPage      = "100200300400500"
	simulatedInstagram = "17841400000000000"
	simulatedToken     = "simulator"
	instagramAccount   = "instagram"
)

func openSocialInbox(in *inbox) (*socialInbox, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open development inbox: %w", err)
	}
	s := &socialInbox{listener: listener, secret: fmt.Sprintf("%x", derive(in.w.secret, "social inbox"))}
	s.sim = socialsim.New(socialsim.Config{AppSecret: s.secret, Now: in.w.shopClock, Keep: 200, Utility: []string{"shipping_update", "order_confirmed"},
		Accounts: []socialsim.Account{{ID: simulatedPage, Platform: social.Messenger, Token: simulatedToken, Name: "Enishi"},
			{ID: simulatedPage + "1", Entry: simulatedInstagram, Platform: social.Instagram, Token: simulatedToken, Name: "enishi"}},
		Webhook: func(ctx context.Context, body []byte, signature string) (int, error) {
			return postSocial(ctx, in.w.socialHook, body, signature)
		},
		OnSent: func(x socialsim.Sent) {
			in.add(outboxRow{id: enishi.NewID("outbox", "social", x.MessageID, in.w.name, fmt.Sprint(x.At.UnixNano())), send: outboxSend(x.Message), at: in.w.shopClock(), channel: "social", sender: x.Platform, recipient: x.To, body: string(x.Message)})
		}, Log: in.w.log})
	s.server = &http.Server{Handler: s.sim, ReadHeaderTimeout: 10 * time.Second}
	return s, nil
}

// socialSecrets are the simulated accounts as the configuration would have them.
func (in *inbox) socialSecrets() map[string]social.Secret {
	s := in.social
	base := social.Secret{Token: simulatedToken, AppSecret: s.secret, VerifyToken: simulatedToken, Endpoint: "http://" + s.listener.Addr().String()}
	page, gram := base, base
	page.Platform, page.Page, page.Handle = social.Messenger, simulatedPage, "enishi.shop"
	gram.Platform, gram.Page, gram.Entry, gram.Handle = social.Instagram, simulatedPage+"1", simulatedInstagram, "enishi.shop"
	return map[string]social.Secret{social.DefaultAccount: page, instagramAccount: gram}
}

// Run serves the API and delivers webhooks until ctx ends.
func (s *socialInbox) Run(ctx context.Context) error {
	done := make(chan error, 2)
	go func() { done <- s.server.Serve(s.listener) }()
	go func() { done <- s.sim.Run(ctx) }()
	select {
	case <-ctx.Done():
		return s.server.Close()
	case err := <-done:
		s.server.Close()
		if errors.Is(err, http.ErrServerClosed) || ctx.Err() != nil {
			return nil
		}
		return err
	}
}

// postSocial hands a signed body to the webhook's handler without a network in between.
func postSocial(ctx context.Context, h http.Handler, body []byte, signature string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/social/webhook/default", bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("simulated webhook: %w", err)
	}
	r.SetPathValue("account", social.DefaultAccount)
	r.Header.Set("X-Hub-Signature-256", signature)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, nil
}
