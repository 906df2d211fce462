package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"time"

	"enishi/channels"
	"enishi/channels/webhook"
)

// buildWebhooks makes the channel of calls. Without a key in the configuration one follows from the workspace's own.
func (w *workspace) buildWebhooks() (*webhook.Channel, error) {
	return newWebhooks(w.cfg.Webhook, webhookKey(w.secret), w.now, w.log)
}

// newWebhooks makes the channel; key signs where the configuration has none.
func newWebhooks(c WebhookConfig, key string, now func() time.Time, log *slog.Logger) (*webhook.Channel, error) {
	keys := c.Keys
	if len(keys) == 0 {
		keys = []string{key}
	}
	secrets := map[string]webhook.Secret{}
	for name, s := range c.Secrets {
		secrets[name] = webhook.Secret{Value: s.Value, Host: s.Host}
	}
	channel, err := webhook.New(webhook.Config{Keys: keys, Secrets: secrets, Inside: c.Inside, Timeout: c.Timeout, Now: now, Log: log})
	if err != nil {
		return nil, fmt.Errorf("config: webhook: %w", err)
	}
	return channel, nil
}

// webhookKey is the key that signs calls where the configuration has none.
func webhookKey(secret []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("webhooks"))
	return "whsec_" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// webhookRoute is how calls of a host leave: a few at a time.
func webhookRoute(c *webhook.Channel) channels.Route {
	return channels.Route{Channel: c, Repeat: webhook.Repeat, Limit: channels.Limit{PerSecond: 50, Workers: 4}}
}

type webhookKeyCommand struct {
	Config    string `help:"Configuration file." placeholder:"FILE"`
	Workspace string `help:"Name of a further workspace." placeholder:"NAME"`
}

// Run prints the newest key.
func (c *webhookKeyCommand) Run(s streams) error {
	cfg, err := LoadConfig(c.Config, s.environ)
	if err == nil {
		err = cfg.Check()
	}
	if err != nil {
		return err
	}
	if len(cfg.Webhook.Keys) > 0 {
		fmt.Fprintln(s.out, cfg.Webhook.Keys[0])
		return nil
	}
	keys, err := OpenKeys(cfg.Keys, false)
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, webhookKey(derive(keys.Links, c.Workspace)))
	return nil
}
