package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"enishi"
	"enishi/api"
	"enishi/ingest"
	"enishi/ingest/hooks"
	"enishi/ingest/meta"
	"enishi/ingest/shopify"
	"enishi/internal/signature"
)

// Kinds of sources.
const (
	kindShopify = "shopify"
	kindWebhook = "webhook"
	kindZendesk = "zendesk"

	kindMetaLeads = "meta_leads"
)

// sourceKinds are the kinds of sources, the first those that most shops have.
var sourceKinds = []string{kindShopify, kindZendesk, kindMetaLeads, kindWebhook}

// buildSources makes /hooks/NAME of the sources of the configuration.
func (w *workspace) buildSources() error {
	var sources []hooks.Source
	for _, name := range sortedKeys(w.cfg.Sources) {
		c := w.cfg.Sources[name]
		s := hooks.Source{Name: name, Kind: c.Kind, Secrets: []string{c.Secret, c.SecretBefore}, Scheme: c.Signature, Header: c.Header, IDHeader: c.IDHeader, TopicHeader: c.TopicHeader}
		switch c.Kind {
		case kindShopify:
			client, err := c.client()
			if err != nil {
				return fmt.Errorf("config: sources.%s: %w", name, err)
			}
			shop, err := shopify.New(shopify.Config{Name: name, Owner: w.ownerBy(client), Erase: w.eraseFor(name), Alert: w.alert})
			if err != nil {
				return err
			}
			if client != nil {
				w.pulls = append(w.pulls, w.pullerOf(name, c, shop, client))
			}
			s.Translate, s.Scheme, s.Header, s.IDHeader, s.TopicHeader = shop.Translate, hooks.HMACBase64, shopify.SignatureHeader, shopify.IDHeader, shopify.TopicHeader
		case kindZendesk:
			builtIn := ticketMapping()
			m := &mapped{w: w, name: name, builtIn: &builtIn}
			s.Translate, s.Scheme, s.IDHeader = m.translate, hooks.Zendesk, "X-Zendesk-Webhook-Invocation-Id"
		case kindMetaLeads:
			builtIn := meta.BuiltIn()
			m := &mapped{w: w, name: name, builtIn: &builtIn}
			leads, err := meta.New(meta.Config{Name: name, Token: c.Token, Secret: c.Secret, Version: c.Version, Endpoint: c.Endpoint, Map: m.translate, Alert: w.alert, Now: w.now})
			if err != nil {
				return fmt.Errorf("config: sources.%s: %w", name, err)
			}
			s.Translate, s.Scheme, s.Header, s.VerifyToken = leads.Translate, hooks.HMACHex, signature.MetaHeader, c.VerifyToken
		case kindWebhook:
			m := &mapped{w: w, name: cmp.Or(c.Mapping, name)}
			s.Translate, s.Scheme = m.translate, cmp.Or(c.Signature, hooks.Standard)
			if s.Scheme == hooks.Standard {
				s.IDHeader = cmp.Or(c.IDHeader, "Webhook-Id")
			}
		}
		sources = append(sources, s)
	}
	var err error
	w.hooks, err = hooks.New(hooks.Config{Sources: sources, Parser: w.ingester.Parser(), Append: w.stream.Append, Dead: w.keepDead, Keep: (api.SourceTables{DB: w.db}).Keep,
		Why: func() ingest.Obstacle { return w.health.Refusing() }, Now: w.now, Log: w.log})
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return nil
}

// checkSources finds what cannot work in the configuration of the sources.
func (c *Config) checkSources() []error {
	var errs []error
	for _, name := range sortedKeys(c.Sources) {
		s := c.Sources[name]
		bad := func(key, format string, args ...any) {
			errs = append(errs, fmt.Errorf("config: sources."+name+"."+key+": "+format, args...))
		}
		if !workspaceName(name) {
			errs = append(errs, fmt.Errorf("config: sources: %q: a name is 1-32 of a-z, 0-9 and _, and begins with a letter", name))
		}
		if slices.Contains([]string{"events", "debug"}, name) {
			errs = append(errs, fmt.Errorf("config: sources: %q is the name of a page of the console: choose another", name))
		}
		if !slices.Contains(sourceKinds, s.Kind) {
			bad("kind", "%q is none of %s", s.Kind, strings.Join(sourceKinds, ", "))
		}
		if s.Kind == kindMetaLeads && s.Token == "" {
			bad("token", "is needed: Meta's webhook only says that there is a lead, which is fetched with the token of the page")
		}
		if s.Kind == kindMetaLeads && s.VerifyToken == "" {
			bad("verify_token", "is needed: any text of your own, which is entered at Meta beside the address")
		}
		if _, err := s.client(); err != nil {
			bad("shop", "%v", err)
		}
		if s.Signature != "" && !slices.Contains(hooks.Schemes(), s.Signature) {
			bad("signature", "%q is none of %s", s.Signature, strings.Join(hooks.Schemes(), ", "))
		}
		if s.Secret == "" {
			bad("secret", "is needed: whoever knows the address could send anything without it")
		}
		if s.Kind != kindWebhook && cmp.Or(s.Signature, s.Header, s.IDHeader, s.Mapping) != "" {
			bad("signature", "signature, header, id_header and mapping are for kind webhook only: how %s signs is known", s.Kind)
		}
	}
	return errs
}

// client reaches the Admin API of a shop; nil: the configuration has no way to it.
func (c SourceConfig) client() (*shopify.Client, error) {
	if c.Kind != kindShopify || c.Shop == "" && c.ClientID == "" && c.Token == "" {
		return nil, nil
	}
	return shopify.NewClient(shopify.ClientConfig{Shop: c.Shop, Version: c.Version, Endpoint: c.Endpoint, Token: c.Token, ClientID: c.ClientID, Secret: c.Secret})
}

// connections are the sources as the console shows them.
func (w *workspace) connections() []api.Connection {
	var out []api.Connection
	for _, name := range sortedKeys(w.cfg.Sources) {
		c := w.cfg.Sources[name]
		x := api.Connection{Name: name, Kind: c.Kind, Pulls: slices.ContainsFunc(w.pulls, func(p *pullSource) bool { return p.name == name })}
		if c.Kind != kindShopify {
			x.Mapping = cmp.Or(c.Mapping, name)
		}
		switch c.Kind {
		case kindZendesk:
			builtIn := ticketMapping()
			x.BuiltIn = &builtIn
		case kindMetaLeads:
			builtIn := meta.BuiltIn()
			x.BuiltIn = &builtIn
		}
		out = append(out, x)
	}
	return out
}

// ownerBy asks what was taken so far, and then the shop.
func (w *workspace) ownerBy(client *shopify.Client) func(ctx context.Context, kind, id string) (enishi.Person, bool, error) {
	return func(ctx context.Context, kind, id string) (enishi.Person, bool, error) {
		p, ok, err := w.owner(ctx, kind, id)
		if err != nil || ok || client == nil || kind != shopify.OfOrder {
			return p, ok, err
		}
		return client.AskOwner(ctx, id)
	}
}

// owner tells who ordered, or has the subscription, by what was taken so far.
func (w *workspace) owner(ctx context.Context, kind, id string) (enishi.Person, bool, error) {
	table, column := "orders", "order_id"
	if kind == shopify.OfSubscription {
		table, column = "subscriptions", "subscription_id"
	}
	rows, err := w.db.Query(ctx, "SELECT customer_id, email, phone FROM people FINAL WHERE profile_id IN (SELECT profile_id FROM "+table+" FINAL WHERE "+column+" = {id:String}) LIMIT 1", clickhouse.Named("id", id))
	if err != nil {
		return enishi.Person{}, false, fmt.Errorf("find whose %s it is: %w", kind, err)
	}
	defer rows.Close()
	var p enishi.Person
	if !rows.Next() {
		return p, false, rows.Err()
	}
	if err := rows.Scan(&p.CustomerID, &p.Email, &p.Phone); err != nil {
		return p, false, fmt.Errorf("find whose %s it is: %w", kind, err)
	}
	if p.CustomerID != "" { // one is enough, and it is the strongest
		p.Email, p.Phone = "", ""
	}
	return p, p.CustomerID != "" || p.Email != "" || p.Phone != "", nil
}

// eraseFor deletes a person at the request of a source.
func (w *workspace) eraseFor(source string) func(ctx context.Context, person enishi.Person, request enishi.ID, reason string) error {
	return func(ctx context.Context, person enishi.Person, request enishi.ID, reason string) error {
		if w.api == nil {
			return errors.New("the workspace is not open yet")
		}
		return w.api.Erase(ctx, person, request, source, reason)
	}
}
