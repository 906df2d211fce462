package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"enishi/channels/line"
	"enishi/internal/sim/ads"
	"enishi/segments/audiences"
	"enishi/segments/audiences/criteo"
	"enishi/segments/audiences/file"
	"enishi/segments/audiences/google"
	adline "enishi/segments/audiences/line"
	"enishi/segments/audiences/match"
	"enishi/segments/audiences/meta"
	"enishi/segments/audiences/tiktok"
	"enishi/segments/audiences/webhook"
	"enishi/segments/audiences/x"
	"enishi/segments/audiences/yahoo"
)

// AdsConfig is an account at an advertising platform that audiences are told to.
type AdsConfig struct {
	Platform     string `koanf:"platform" help:"google, meta, line, yahoo (Yahoo!広告 ディスプレイ広告), tiktok, x, criteo, line_ads (files for LINE Ads, which somebody uploads there), file (files at a place) or webhook (signed calls), of the account NAME. Without any account: simulators of google, meta, yahoo, tiktok, x and criteo, and the official account itself."`
	Title        string `koanf:"title" help:"What the console calls it. Default: NAME."`
	Recipient    string `koanf:"recipient" help:"Who receives, by its legal name: of the record that the law asks for (第三者提供の記録). Default: the platform's company in Japan or abroad; file and webhook have none."`
	Country      string `koanf:"country" help:"Country of the recipient, ISO 3166-1 alpha-2. Default: of the platform's company; file and webhook have none."`
	Basis        string `koanf:"basis" help:"On what ground identifiers are handed over: consent (第三者提供 with the person's consent), or processor (委託; whoever objects is left out; ask your counsel). Default: consent; of line, whose audiences serve the account's own messages, processor."`
	Consent      string `koanf:"consent" help:"Permission that counts, CHANNEL.PURPOSE. Default: ads.marketing; of line line.marketing."`
	Account      string `koanf:"account" help:"google: the advertiser's id (123-456-7890); meta: the number of the advertising account; yahoo: the number of the advertising account; tiktok, criteo: the advertiser's id; x: id of the account in Ads Manager (18ce54d4x5t); line: name of the official account. Default of line: default."`
	Login        string `koanf:"login" help:"google, yahoo: id of the manager account (MCC) by which the advertiser is reached."`
	Key          string `koanf:"key" help:"google: file with the key of the service account (JSON)."`
	Token        string `koanf:"token" help:"meta: token of a system user with ads_management; tiktok: access token of an app that the advertiser authorised; x: token of a user of the account; yahoo: refresh token of somebody who may manage the account. Write ${VARIABLE} to take it from the environment."`
	TokenSecret  string `koanf:"token_secret" help:"x: secret of the user's token. Write ${VARIABLE}."`
	ClientID     string `koanf:"client_id" help:"x: API key (consumer key) of the app; criteo, yahoo: id of the application."`
	ClientSecret string `koanf:"client_secret" help:"x: secret of the API key; criteo, yahoo: secret of the application; meta: secret of the token's app, by which calls are proven (appsecret_proof): the app may then demand it. Write ${VARIABLE}."`
	Endpoint     string `koanf:"endpoint" help:"Base URL of the API. Default: the platform's own. webhook: address that is called."`
	Place        string `koanf:"place" help:"line_ads, file: a name of places."`
	Folder       string `koanf:"folder" help:"line_ads, file: folder within the place."`
	Format       string `koanf:"format" help:"file: csv or parquet. Default: csv."`
	Version      string `koanf:"version" help:"meta, yahoo, tiktok, x, criteo: version of the API."`
	CallsPerDay  int    `koanf:"calls_per_day" help:"At most so many calls that tell of people a day, of all audiences of the account together; 0: as many as the platform allows."`
}

// companies are who receives, as the platforms' terms for Japan name them. Whose contract says another gives ads.NAME.recipient and country.
var companies = map[string]struct{ name, country string }{
	match.GoogleAds: {"Google LLC", "US"},
	match.MetaAds:   {"Meta Platforms, Inc.", "US"},
	match.LINEOA:    {"LINEヤフー株式会社", "JP"},
	match.YahooJP:   {"LINEヤフー株式会社", "JP"},
	match.TikTok:    {"TikTok Pte. Ltd.", "SG"},
	match.X:         {"X Corp.", "US"},
	match.Criteo:    {"Criteo S.A.", "FR"},
	match.LINEAds:   {"LINEヤフー株式会社", "JP"},
	match.File:      {}, // whoever it is has to be said
	match.Webhook:   {},
}

// adPlatforms are the platforms that there are.
func adPlatforms() string { return strings.Join(slices.Sorted(maps.Keys(companies)), ", ") }

// buildAds opens the accounts at advertising platforms.
func (w *workspace) buildAds() error {
	w.adAccounts = map[string]*audiences.Destination{}
	client := &http.Client{Timeout: audiences.CallTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, name := range slices.Sorted(maps.Keys(w.cfg.Ads)) {
		c := w.cfg.Ads[name]
		d, err := w.adAccount(name, &c, client)
		if err != nil {
			return fmt.Errorf("config: ads.%s: %w", name, err)
		}
		w.adAccounts[name] = d
	}
	if len(w.cfg.Ads) > 0 {
		return nil
	}
	var err error
	if w.adSims, err = openAdSims(w.now); err != nil {
		return err
	}
	for _, c := range []struct {
		name string
		AdsConfig
	}{{"google", AdsConfig{Platform: match.GoogleAds, Title: "Google Ads", Account: w.adSims.google.Account, Endpoint: w.adSims.url + "/google"}},
		{"meta", AdsConfig{Platform: match.MetaAds, Title: "Meta Ads", Account: w.adSims.meta.Account, Token: w.adSims.meta.Token, ClientSecret: w.adSims.meta.Secret, Endpoint: w.adSims.url + "/meta"}},
		{"tiktok", AdsConfig{Platform: match.TikTok, Title: "TikTok Ads", Account: w.adSims.tiktok.Account, Token: w.adSims.tiktok.Token, Endpoint: w.adSims.url + "/tiktok"}},
		{"x", AdsConfig{Platform: match.X, Title: "X Ads", Account: w.adSims.x.Account, ClientID: w.adSims.x.Keys.Consumer, ClientSecret: w.adSims.x.Keys.ConsumerSecret,
			Token: w.adSims.x.Keys.Token, TokenSecret: w.adSims.x.Keys.TokenSecret, Endpoint: w.adSims.url + "/x"}},
		{"criteo", AdsConfig{Platform: match.Criteo, Title: "Criteo", Account: w.adSims.criteo.Account, ClientID: w.adSims.criteo.ID, ClientSecret: w.adSims.criteo.Secret, Endpoint: w.adSims.url + "/criteo"}},
		{"yahoo", AdsConfig{Platform: match.YahooJP, Title: "Yahoo! JAPAN Ads", Account: w.adSims.yahoo.Account, ClientID: w.adSims.yahoo.ID, ClientSecret: w.adSims.yahoo.Secret, Token: w.adSims.yahoo.Refresh, Endpoint: w.adSims.url + "/yahoo"}},
		{"line", AdsConfig{Platform: match.LINEOA, Title: "LINE"}}} {
		d, err := w.adAccount(c.name, &c.AdsConfig, client)
		if err != nil {
			return fmt.Errorf("simulated account %s: %w", c.name, err)
		}
		if d.Simulated = c.name != "line" || w.cfg.LINE.Token == ""; d.Simulated {
			d.Account = audiences.Simulator + c.Platform
		}
		w.adAccounts[c.name] = d
	}
	return nil
}

func (w *workspace) adAccount(name string, c *AdsConfig, client *http.Client) (*audiences.Destination, error) {
	basis, consent := audiences.ByConsent, "ads.marketing"
	if c.Platform == match.LINEOA {
		basis, consent = audiences.ByProcessor, "line.marketing"
	}
	d := &audiences.Destination{Name: name, Account: accountOf(c), Title: cmp.Or(c.Title, name), Recipient: cmp.Or(c.Recipient, companies[c.Platform].name), Country: cmp.Or(strings.ToUpper(c.Country), companies[c.Platform].country),
		Basis: cmp.Or(c.Basis, basis), Consent: cmp.Or(c.Consent, consent), Provider: w.cfg.LINE.Provider, CallsPerDay: c.CallsPerDay}
	var err error
	switch c.Platform {
	case match.GoogleAds:
		var key []byte
		if w.adSims != nil {
			key = w.adSims.key
		} else if key, err = os.ReadFile(c.Key); err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
		d.Platform, err = google.New(google.Config{Base: c.Endpoint, Account: c.Account, Login: c.Login, Key: key, Client: client})
	case match.MetaAds:
		d.Platform, err = meta.New(meta.Config{Base: c.Endpoint, Version: c.Version, Account: c.Account, Token: c.Token, Secret: c.ClientSecret, Client: client})
	case match.TikTok:
		d.Platform, err = tiktok.New(tiktok.Config{Base: c.Endpoint, Version: c.Version, Account: c.Account, Token: c.Token, Client: client, Now: w.now})
	case match.X:
		d.Platform, err = x.New(x.Config{Base: c.Endpoint, Version: c.Version, Account: c.Account, ConsumerKey: c.ClientID, ConsumerSecret: c.ClientSecret, Token: c.Token, TokenSecret: c.TokenSecret, Client: client, Now: w.now})
	case match.Criteo:
		d.Platform, err = criteo.New(criteo.Config{Base: c.Endpoint, Version: c.Version, Account: c.Account, ID: c.ClientID, Secret: c.ClientSecret, Client: client, Now: w.now})
	case match.LINEOA:
		account, ok := w.line.Get(cmp.Or(c.Account, line.DefaultAccount))
		if !ok {
			return nil, fmt.Errorf("account: there is no official account %q", c.Account)
		}
		d.Platform, d.Official = adline.New(account.Channel), account.Name
	case match.YahooJP:
		d.Platform, err = yahoo.New(yahoo.Config{Base: c.Endpoint, Version: c.Version, Account: c.Account, Login: c.Login, ID: c.ClientID, Secret: c.ClientSecret, Refresh: c.Token, Client: client})
	case match.LINEAds, match.File:
		places, err := w.cfg.openPlaces()
		if err != nil {
			return nil, err
		}
		d.Platform, err = file.New(file.Config{Place: places[c.Place], Folder: c.Folder, Format: map[bool]string{true: file.LINEAds, false: cmp.Or(c.Format, file.CSV)}[c.Platform == match.LINEAds]})
		return d, err
	case match.Webhook:
		channel, err := w.buildWebhooks()
		if err != nil {
			return nil, err
		}
		d.Platform, err = webhook.New(channel, c.Endpoint)
		return d, err
	default:
		return nil, fmt.Errorf("platform: %q is none of %s", c.Platform, adPlatforms())
	}
	return d, err
}

// accountOf is what an account is at its platform, whatever the configuration calls it.
func accountOf(c *AdsConfig) string {
	switch c.Platform {
	case match.LINEOA:
		return c.Platform + " " + cmp.Or(c.Account, line.DefaultAccount)
	case match.LINEAds, match.File:
		return c.Platform + " " + c.Place // the platform itself finds another folder
	case match.Webhook:
		return c.Platform + " " + c.Endpoint
	}
	return c.Platform + " " + strings.TrimPrefix(strings.ReplaceAll(c.Account, "-", ""), "act_")
}

// checkAds finds what cannot work in the configuration of the accounts.
func (c *Config) checkAds() []error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.Ads)) {
		x := c.Ads[name]
		bad := func(text string) { errs = append(errs, fmt.Errorf("config: ads.%s.%s", name, text)) }
		if !workspaceName(name) {
			errs = append(errs, fmt.Errorf("config: ads: %q: a name is 1-32 of a-z, 0-9 and _, and begins with a letter", name))
		}
		if _, ok := companies[x.Platform]; !ok {
			bad("platform: give one of " + adPlatforms())
			continue
		}
		if x.Basis != "" && x.Basis != audiences.ByConsent && x.Basis != audiences.ByProcessor {
			bad("basis: give consent or processor")
		}
		if x.Consent != "" && strings.Count(x.Consent, ".") != 1 {
			bad("consent: write CHANNEL.PURPOSE, such as ads.marketing")
		}
		if x.Country != "" && len(x.Country) != 2 {
			bad("country: give two letters, such as US")
		}
		if x.Platform == match.GoogleAds && (x.Account == "" || x.Key == "") {
			bad("account: google needs account and key")
		}
		if (x.Platform == match.MetaAds || x.Platform == match.TikTok) && (x.Account == "" || x.Token == "") {
			bad("account: " + x.Platform + " needs account and token")
		}
		if x.Platform == match.X && (x.Account == "" || x.ClientID == "" || x.ClientSecret == "" || x.Token == "" || x.TokenSecret == "") {
			bad("account: x needs account, client_id, client_secret, token and token_secret")
		}
		if x.Platform == match.Criteo && (x.Account == "" || x.ClientID == "" || x.ClientSecret == "") {
			bad("account: criteo needs account, client_id and client_secret")
		}
		if x.Platform == match.YahooJP && (x.Account == "" || x.ClientID == "" || x.ClientSecret == "" || x.Token == "") {
			bad("account: yahoo needs account, client_id, client_secret and token (the refresh token)")
		}
		if companies[x.Platform].name == "" && (x.Recipient == "" || x.Country == "") {
			bad("recipient: give recipient and country: the record of who received what needs them")
		}
		if x.Platform == match.Webhook && x.Endpoint == "" {
			bad("endpoint: webhook needs the address that is called")
		}
		if x.Platform == match.LINEAds || x.Platform == match.File {
			if _, ok := c.Places[x.Place]; !ok {
				bad("place: give a name of places")
			}
			if x.Format != "" && (x.Platform != match.File || x.Format != file.CSV && x.Format != file.Parquet) {
				bad("format: file takes csv and parquet; leave it out of line_ads")
			}
		}
	}
	return errs
}

// adSims are simulators of advertising platforms, for development and the demo: everybody uses them, and nothing leaves.
type adSims struct {
	google   *ads.Google
	meta     *ads.Meta
	tiktok   *ads.TikTok
	x        *ads.X
	criteo   *ads.Criteo
	yahoo    *ads.Yahoo
	key      []byte // of the service account
	url      string
	listener net.Listener
	server   *http.Server
}

// openAdSims binds an address; Run serves it.
func openAdSims(now func() time.Time) (*adSims, error) {
	s := &adSims{google: ads.NewGoogle("1234567890", now), meta: ads.NewMeta("1234567890", "simulator", now), tiktok: ads.NewTikTok("1234567890", "simulator", now),
		x: ads.NewX("simulator", ads.XKeys{Consumer: "simulator", ConsumerSecret: "simulator", Token: "simulator", TokenSecret: "simulator"}, now), criteo: ads.NewCriteo("1234567890", "simulator", "simulator", now),
		yahoo: ads.NewYahoo("1234567890", "1234567890", "simulator", "simulator", "simulator", now)}
	s.meta.Secret = "simulator"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open simulators of advertising platforms: %w", err)
	}
	s.listener, s.url = l, "http://"+l.Addr().String()
	mux := http.NewServeMux()
	for name, sim := range map[string]interface {
		http.Handler
		Everybody(kind string)
	}{"/google": s.google, "/meta": s.meta, "/tiktok": s.tiktok, "/x": s.x, "/criteo": s.criteo, "/yahoo": s.yahoo} {
		sim.Everybody("email") // by numbers too, somebody with both would be two
		mux.Handle(name+"/", http.StripPrefix(name, sim))
	}
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	s.key, err = json.Marshal(map[string]string{"type": "service_account", "client_email": "enishi@simulator.iam.gserviceaccount.com", "private_key_id": "1", "token_uri": s.url + "/google/token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}))})
	return s, err
}

// Run serves until ctx ends.
func (s *adSims) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.server.Close() })
	defer stop()
	if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
