package main

import (
	"context"
	"encoding/json"
	"fmt"

	"enishi"
	"enishi/channels"
	"enishi/channels/line"
	"enishi/ingest"
	"enishi/profiles"
)

// buildLINE opens the official accounts: the default one, which is the simulator where no token is configured, and those of
// the configuration.
func (w *workspace) buildLINE() error {
	c := &w.cfg.LINE
	secrets := map[string]line.Secret{line.DefaultAccount: {Token: c.Token, Channel: c.Secret, Endpoint: c.Endpoint}}
	if c.Token == "" {
		secrets[line.DefaultAccount] = line.Secret{Token: w.inbox.lineToken, Channel: w.keys.LINESecret, Endpoint: w.inbox.lineURL, Simulated: true}
	}
	for name, a := range c.Accounts {
		secrets[name] = line.Secret{Token: a.Token, Channel: a.Secret, Endpoint: a.Endpoint}
	}
	setting := func() (int64, []byte) {
		d, ok := w.definitions.Current("setting", line.SettingName)
		if !ok {
			return 0, nil
		}
		return d.Version, d.Body
	}
	var err error
	if w.line, err = line.NewAccounts(line.AccountsConfig{Secrets: secrets, Provider: c.Provider, Setting: setting, Alert: w.alert, Now: w.now, Log: w.log}); err != nil {
		return err
	}
	// The api knows the person; it is there before the first webhook.
	w.replier, err = line.NewReplier(line.ReplierConfig{Accounts: w.line, Fold: profiles.Fold, Now: w.now, Log: w.log,
		Replies: func() ([]*line.Reply, line.ReplySettings) { return w.api.Replies() },
		Messages: func(ctx context.Context, a line.Answer, provider, user string) (json.RawMessage, error) {
			return w.api.ReplyMessages(ctx, a, provider, user)
		}})
	if err != nil {
		return err
	}
	if err := w.buildLINEPages(); err != nil {
		return err
	}
	w.webhook, err = line.NewWebhook(line.WebhookConfig{Accounts: w.line.Webhook, Linked: w.linePages.Linked, Delivered: w.noticeDelivered, Replier: w.replier, Ingest: w.ingest, Now: w.now, Log: w.log})
	return err
}

// lineRoute is how an official account sends.
func (w *workspace) lineRoute(name string) (channels.Route, bool) {
	account, ok := w.line.Get(name)
	if !ok {
		return channels.Route{}, false
	}
	var channel channels.Channel = account
	if w.cfg.LINE.Token == "" && account.Name == line.DefaultAccount {
		channel = noted{account, w.inbox}
	}
	return channels.Route{Channel: channel, Repeat: line.Repeat, RepeatTransactional: line.Repeat, Group: line.MaxGroup, Limit: channels.Limit{PerSecond: 1000, Workers: 8}}, true
}

// noticeRoute is how its notification messages leave: LINE has no retry key for them, so nothing is repeated whose outcome is
// not known.
func (w *workspace) noticeRoute(name string) (channels.Route, bool) {
	account, ok := w.line.Get(name)
	if !ok {
		return channels.Route{}, false
	}
	return channels.Route{Channel: account.Notices(phoneNumber), Limit: channels.Limit{PerSecond: 1000, Workers: 8}}, true
}

// noticeDelivered takes LINE's word that a notice was delivered. Told again it counts once.
func (w *workspace) noticeDelivered(ctx context.Context, send, profile enishi.ID) error {
	m, err := w.links.Sent(ctx, send, profile)
	if err != nil {
		return fmt.Errorf("find the notice %s: %w", send, err)
	}
	m.Channel = enishi.NoticeChannel // also where the ledger has forgotten it
	if err := w.links.Report(ctx, m, "message.delivered", enishi.MessageResult{}); err != nil {
		return fmt.Errorf("report the delivery of %s: %w", send, err)
	}
	return nil
}

// phoneNumber is the E.164 form of a number as it came in.
func phoneNumber(raw string) (string, error) { return ingest.Normalise(enishi.Phone, raw) }
