package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"enishi"
	"enishi/channels"
	"enishi/channels/dm/social"
	"enishi/profiles"
)

// buildSocial opens the pages and Instagram accounts of the configuration; without any those of the simulator.
func (w *workspace) buildSocial() error {
	secrets := map[string]social.Secret{}
	for name, a := range w.cfg.Social.Accounts {
		secrets[name] = social.Secret{Platform: a.Platform, Page: a.Page, Entry: a.Entry, Token: a.Token, AppSecret: a.AppSecret, VerifyToken: a.VerifyToken, Endpoint: a.Endpoint, Version: a.Version, Handle: a.Handle}
	}
	if len(secrets) == 0 {
		secrets = w.inbox.socialSecrets()
	}
	var err error
	if w.social, err = social.NewAccounts(social.AccountsConfig{Secrets: secrets, Tags: w.socialTags, Now: w.shopClock, Log: w.log}); err != nil {
		return err
	}
	w.socialHook, err = social.NewWebhook(social.WebhookConfig{Accounts: w.social, Ingest: w.ingest, Known: w.socialKnown, Delivered: w.socialDelivered, Read: w.socialRead, Leads: w.socialLeads, Fold: profiles.Fold, Now: w.shopClock, Log: w.log})
	return err
}

// socialLeads hands leads on that came to the address of an account: an app has one for messages and leads. They are the source's whose
// secret is that of the account's app.
func (w *workspace) socialLeads(ctx context.Context, account string, header http.Header, body []byte) error {
	secret := w.cfg.Social.Accounts[account].AppSecret
	for _, name := range sortedKeys(w.cfg.Sources) {
		c := w.cfg.Sources[name]
		if c.Kind != kindMetaLeads || secret == "" || c.Secret != secret && c.SecretBefore != secret {
			continue
		}
		if status := w.hooks.Take(ctx, name, header, body); status != http.StatusOK {
			return fmt.Errorf("hand leads to the source %s: %d", name, status)
		}
		return nil
	}
	w.log.Warn("leads came to the address of an account, and no source of kind meta_leads has its app_secret as secret", "account", account)
	return nil
}

// socialTagsName is the setting of the message tags that the platforms take.
const socialTagsName = "social_tags"

// socialTags are the message tags of the setting, else those that are built in.
func (w *workspace) socialTags() []social.Tag {
	d, ok := w.definitions.Current("setting", socialTagsName)
	if !ok {
		return social.DefaultTags()
	}
	tags, err := social.ParseTags(d.Body)
	if err != nil {
		w.log.Error("the setting of message tags cannot be read: those that are built in hold", "version", d.Version, "err", err)
		return social.DefaultTags()
	}
	return tags
}

// socialRoute is how a page or an Instagram account sends.
func (w *workspace) socialRoute(name string) (channels.Route, bool) {
	account, ok := w.social.Get(name)
	if !ok {
		return channels.Route{}, false
	}
	return account.Route(), true
}

// chat is the address that opens a chat with the first account of a platform.
func (w *workspace) chat(platform, ref string) string {
	for _, name := range w.social.Names() {
		if x, _ := w.social.Get(name); x.Platform() == platform {
			return x.Link(ref)
		}
	}
	return ""
}

// socialKnown is who got the message whose link to a chat has the ref, by the address that it went to.
func (w *workspace) socialKnown(ctx context.Context, ref string) (enishi.Person, bool, error) {
	m, ok, err := w.links.Ref(ctx, ref)
	if err != nil || !ok {
		return enishi.Person{}, false, err
	}
	switch enishi.ParentChannel(m.Channel) {
	case "email":
		return enishi.Person{Email: m.To}, true, nil
	case "line":
		account, ok := w.line.Get(m.Account)
		if !ok || m.Channel == enishi.NoticeChannel {
			return enishi.Person{}, false, nil
		}
		return enishi.Person{LineUserID: m.To, LineProvider: account.Settings().Provider}, true, nil
	}
	return enishi.Person{}, false, nil // a number or a device is no proof of a person
}

// receiptsFor is how long after a message was sent the platform's word of it is looked up.
const receiptsFor = 7 * 24 * time.Hour

// socialDelivered takes the platform's word that messages reached the person. Told again it counts once.
func (w *workspace) socialDelivered(ctx context.Context, account string, mids []string) error {
	sends, people, err := w.deliveries.ByProviderID(ctx, "social:"+account, mids, w.now().Add(-receiptsFor))
	if err != nil {
		return err
	}
	for i := range sends {
		if err := w.socialReport(ctx, sends[i], people[i], "message.delivered"); err != nil {
			return err
		}
	}
	return nil
}

// clockSkew is how far the platform's clock may be behind ours.
const clockSkew = 2 * time.Second

// socialRead takes the platform's word of what the person has seen: all that was sent to them up to an instant. A message of
// which the platform names the id was sent before that, too.
func (w *workspace) socialRead(ctx context.Context, account, user, _ string, until time.Time) error {
	x, ok := w.social.Get(account)
	if !ok {
		return nil
	}
	subject := w.hasher().Hash(enishi.Identifier{Kind: enishi.Social, Scope: x.Page(), Value: user})
	profile := w.ingester.Graph().Resolve(subject)
	rows, err := w.db.Query(ctx, `SELECT send_id FROM sends FINAL WHERE profile_id = toFixedString(unhex({profile:String}), 16) AND channel = 'social'
		AND sent_at > fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND sent_at <= fromUnixTimestamp64Milli({until:Int64}, 'UTC') AND opened_at = toDateTime64(0, 3, 'UTC')`,
		clickhouse.Named("profile", profile.String()), clickhouse.Named("since", until.Add(-receiptsFor).UnixMilli()), clickhouse.Named("until", until.Add(clockSkew).UnixMilli()))
	if err != nil {
		return fmt.Errorf("find what was read: %w", err)
	}
	defer rows.Close()
	var sends []enishi.ID
	for rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			return fmt.Errorf("find what was read: %w", err)
		}
		sends = append(sends, enishi.ID(id))
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("find what was read: %w", err)
	}
	for _, send := range sends {
		if err := w.socialReport(ctx, send, profile, "message.opened"); err != nil {
			return err
		}
	}
	return nil
}

func (w *workspace) socialReport(ctx context.Context, send, profile enishi.ID, typ string) error {
	m, err := w.links.Sent(ctx, send, profile)
	if err != nil {
		return fmt.Errorf("find the message %s: %w", send, err)
	}
	if m.Channel != channels.SocialChannel { // the ledger has forgotten it
		return nil
	}
	if err := w.links.Report(ctx, m, typ, enishi.MessageResult{}); err != nil {
		return fmt.Errorf("report on %s: %w", send, err)
	}
	return nil
}

// checkSocial finds what cannot work in the configuration of the accounts.
func (c *Config) checkSocial() error {
	secrets := map[string]social.Secret{}
	for name, a := range c.Social.Accounts {
		secrets[name] = social.Secret{Platform: a.Platform, Page: a.Page, Entry: a.Entry, Token: a.Token, AppSecret: a.AppSecret, VerifyToken: a.VerifyToken, Endpoint: a.Endpoint, Version: a.Version, Handle: a.Handle}
	}
	if len(secrets) == 0 {
		return nil
	}
	if _, err := social.NewAccounts(social.AccountsConfig{Secrets: secrets}); err != nil {
		return fmt.Errorf("config: social.accounts: %w", err)
	}
	if _, ok := secrets[social.DefaultAccount]; !ok {
		return errors.New("config: social.accounts: one of them is named default")
	}
	return nil
}

// outboxSend is the send that a message names in its metadata.
func outboxSend(message json.RawMessage) enishi.ID {
	var m struct {
		Metadata string `json:"metadata"`
	}
	_ = json.Unmarshal(message, &m) // the simulator has read it
	id, _ := enishi.ParseID(m.Metadata)
	return id
}
