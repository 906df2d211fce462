package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/channels/line"
	"enishi/channels/sms"
	smssim "enishi/internal/sim/sms"
	"enishi/profiles"
)

// buildSMS opens the accounts: the default one, which is the simulator where no provider is configured, and those of the
// configuration.
func (w *workspace) buildSMS() error {
	c := &w.cfg.SMS
	all := map[string]SMSAccountConfig{}
	for name, a := range c.Accounts {
		all[name] = a
	}
	all[sms.DefaultAccount] = SMSAccountConfig{c.Provider, c.URL, c.User, c.Token, c.From, c.Key, c.Plain, c.Fields}
	if c.Provider == "" {
		_, token := smssim.Credentials()
		all[sms.DefaultAccount] = SMSAccountConfig{Provider: sms.Aggregator, URL: w.inbox.phones.smsURL, Token: token, Key: w.smsKey(), Plain: c.Plain}
	}
	w.sms = map[string]*sms.Channel{}
	for name, a := range all {
		key := "sms.accounts." + name
		if name == sms.DefaultAccount {
			key = "sms"
		}
		fields, err := sms.ParseFields(a.Fields)
		if err != nil {
			return fmt.Errorf("config: %s.%w", key, err)
		}
		w.sms[name], err = sms.New(sms.Config{Provider: a.Provider, BaseURL: a.URL, User: a.User, Token: a.Token, From: a.From, Key: a.Key, Plain: a.Plain, Fields: fields,
			Callback: w.base + "/sms/" + name, Number: phoneNumber, Stopped: w.smsStopped, Now: w.now, Log: w.log})
		if err != nil {
			return fmt.Errorf("config: %s.%w", key, err)
		}
	}
	var err error
	w.smsHook, err = sms.NewWebhook(sms.WebhookConfig{Accounts: func(name string) (*sms.Channel, bool) { x, ok := w.sms[name]; return x, ok },
		Ingest: w.ingest, Report: w.smsReport, Said: w.smsSaid, Now: w.shopClock, Log: w.log})
	return err
}

// smsKey is the key of the simulated aggregator.
func (w *workspace) smsKey() string {
	mac := hmac.New(sha256.New, w.secret)
	mac.Write([]byte("sms"))
	return hex.EncodeToString(mac.Sum(nil))
}

// smsRoute is how an account sends. No provider of SMS knows a repeat.
func (w *workspace) smsRoute(name string) (channels.Route, bool) {
	c, ok := w.sms[name]
	if !ok {
		return channels.Route{}, false
	}
	return channels.Route{Channel: c, RepeatTransactional: 24 * time.Hour, Limit: channels.Limit{PerSecond: 30, Workers: 8}}, true
}

// smsReport takes what became of a message. Told again it counts once.
func (w *workspace) smsReport(ctx context.Context, reference string, o sms.Outcome) (bool, error) {
	send, profile, ok := w.links.Origin(reference, "")
	if !ok {
		return false, nil
	}
	m, err := w.links.Sent(ctx, send, profile)
	if err != nil {
		return true, fmt.Errorf("find the SMS %s: %w", send, err)
	}
	m.Channel = "sms" // also where the ledger has forgotten it
	if err := w.links.Report(ctx, m, o.Type, enishi.MessageResult{Reason: o.Reason, Code: o.Code}, o.Reason); err != nil {
		return true, fmt.Errorf("report %s of %s: %w", o.Type, send, err)
	}
	return true, nil
}

// smsStopped takes the provider's word that the person answered STOP there.
func (w *workspace) smsStopped(ctx context.Context, m *channels.Rendered) error {
	sent, err := w.links.Sent(ctx, m.SendID, m.Profile)
	if err != nil {
		return err
	}
	sent.Channel = "sms"
	return w.links.Report(ctx, sent, "message.unsubscribed", enishi.MessageResult{Reason: "provider"}, "provider")
}

// smsWords are words that stop and start advertising beside those of the setting replies: what carriers and Twilio know.
var smsWords = line.ReplySettings{Stop: []string{"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "停止", "配信停止", "配信拒否", "解除"}, Start: []string{"start", "unstop", "再開", "配信再開"}}

// smsSaid is what a reply says about advertising: it must be all that is written.
func (w *workspace) smsSaid(text string) string {
	_, set := w.api.Replies()
	for _, words := range []line.ReplySettings{set, smsWords} {
		if a, ok := line.Match("", text, nil, words, profiles.Fold); ok {
			return a.Consent
		}
	}
	return ""
}

// smsPaths are the addresses that providers call.
func smsPaths(h http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/sms/{account}/{what}", h)
	return mux
}
