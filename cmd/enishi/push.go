package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"enishi"
	"enishi/channels"
	"enishi/channels/push"
	"enishi/ingest"
)

// buildPush opens the channel of notifications. Browsers are reached by their own push services always; apps by FCM, which is the
// simulator where none is configured.
func (w *workspace) buildPush() error {
	c := &w.cfg.Push
	key, contact := c.VAPIDKey, c.Contact
	if key == "" {
		key = push.DeriveVAPID(w.secret)
	}
	if contact == "" {
		contact = "mailto:" + bareAddress(w.cfg.SMTP.From)
	}
	v, err := push.NewVAPID(key, contact)
	if err != nil {
		return fmt.Errorf("config: push: %w", err)
	}
	cfg := push.Config{VAPID: v, Gone: w.deviceGone, Now: w.now, Log: w.log}
	if c.FCM != "" {
		account, err := os.ReadFile(c.FCM)
		if err != nil {
			return fmt.Errorf("config: push.fcm: %w", err)
		}
		if cfg.FCM, err = push.NewFCM(account, c.FCMEndpoint); err != nil {
			return fmt.Errorf("config: push.%w", err)
		}
	} else {
		p := w.inbox.phones
		if cfg.FCM, err = push.NewFCM(p.push.Account(p.pushURL), p.pushURL); err != nil {
			return err
		}
		if u, err := url.Parse(p.pushURL); err == nil {
			cfg.Inside = []string{u.Host}
		}
	}
	if w.push, err = push.New(cfg); err != nil {
		return err
	}
	trusted, err := trustedProxies(w.cfg.TrustedProxies)
	if err != nil {
		return err
	}
	w.pushPublic, err = push.NewPublic(push.PublicConfig{PublicKey: w.push.PublicKey(), Keys: w.writeKey, Ingest: w.ingest,
		ClientIP: func(r *http.Request) string { return clientIP(r, trusted) }, Now: w.shopClock, Log: w.log})
	return err
}

// pushRoute is how notifications leave.
func (w *workspace) pushRoute() channels.Route {
	return channels.Route{Channel: w.push, Repeat: push.Repeat, Limit: channels.Limit{PerSecond: 500, Workers: 16}}
}

// deviceGone takes note that one of several devices of a person will never get a notification again.
func (w *workspace) deviceGone(ctx context.Context, m *channels.Rendered, token string) error {
	value, err := ingest.Normalise(enishi.PushToken, token)
	if err != nil {
		return err
	}
	return w.links.DeviceGone(ctx, m.Profile, w.hasher().Hash(enishi.Identifier{Kind: enishi.PushToken, Value: value}), "push:"+m.Account)
}
