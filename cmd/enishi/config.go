package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/providers/structs"
	"github.com/knadh/koanf/v2"

	"enishi/channels/line"
)

// Config is how the process runs. What a marketer owns (senders, brand, caps, quiet hours) is a definition in the log.
// Each field's help is the text of docs/configuration.md; the key is the path of the koanf names, the environment variable
// ENISHI_ and the key in capitals with "__" for the dot.
type Config struct {
	Data   string `koanf:"data" help:"Folder of the embedded servers and of the keys. One process at a time."`
	Listen string `koanf:"listen" help:"Address of the console, the API and the collector. Other than loopback needs tls or proxy."`
	Demo   bool   `koanf:"demo" help:"Fill an empty folder with the demo shop and keep it running."`

	Proxy          bool     `koanf:"proxy" help:"The process stands behind a proxy that ends TLS: a listen address other than loopback is then allowed."`
	TrustedProxies []string `koanf:"trusted_proxies" help:"Addresses and networks (10.0.0.0/8) of proxies whose X-Forwarded-For is believed, for the address kept with a permission as evidence. Empty: the other end of the connection."`
	TLSCert        string   `koanf:"tls_cert" help:"Certificate file (PEM)."`
	TLSKey         string   `koanf:"tls_key" help:"Key file (PEM)."`
	URL            string   `koanf:"url" help:"Public address, for links in messages. Default: http:// and listen."`

	Kafka            []string `koanf:"kafka" help:"Addresses of a Kafka cluster. Empty: the embedded broker."`
	KafkaListen      string   `koanf:"kafka_listen" help:"Address of the embedded broker, for other producers and a second replica. Loopback only."`
	ClickHouse       string   `koanf:"clickhouse" help:"URL of a ClickHouse server (http://user:password@host:8123). Empty: the embedded engine."`
	ClickHouseListen string   `koanf:"clickhouse_listen" help:"Address at which the embedded engine answers a second replica. Loopback only; the token stands in the keys file."`
	Keys             string   `koanf:"keys" help:"File of the workspace keys. Replicas share it. Default: keys in the data folder."`
	Library          string   `koanf:"library" help:"The engine's library. Default: the user's cache, where make deps puts it."`

	Workspaces []string `koanf:"workspaces" help:"Names of further workspaces (shops) in this process, each under /w/NAME. The first one has no name."`
	Partitions int      `koanf:"partitions" help:"Partitions of events; fixed when the topics are created."`
	Prefix     string   `koanf:"prefix" help:"Prefix of the topics and of the database: one instance of many on the same servers. Empty: the topics are named orders, shipments, web, store."`

	CacheMB  int           `koanf:"cache_mb" help:"Memory for decoded profiles, in MiB."`
	EngineMB int           `koanf:"engine_mb" help:"Memory limit of the embedded engine, in MiB."`
	Session  time.Duration `koanf:"session" help:"How long a silent replica keeps its partitions."`
	Sending  string        `koanf:"sending" help:"on, or off: every start turns sending off for all replicas; nothing leaves until a person turns it on (after a restore)."`

	MailListen string `koanf:"mail_listen" help:"Address at which bounces, complaints and replies come in by SMTP, such as 0.0.0.0:25. Empty: none, but on a loopback address while there is no mail server (smtp.addr)."`

	SMTP    SMTPConfig              `koanf:"smtp"`
	LINE    LINEConfig              `koanf:"line"`
	Social  SocialConfig            `koanf:"social"`
	SMS     SMSConfig               `koanf:"sms"`
	Push    PushConfig              `koanf:"push"`
	Webhook WebhookConfig           `koanf:"webhook"`
	Postal  PostalConfig            `koanf:"postal"`
	Sources map[string]SourceConfig `koanf:"sources"`
	Places  map[string]PlaceConfig  `koanf:"places"`
	Ads     map[string]AdsConfig    `koanf:"ads"`
	Log     LogConfig               `koanf:"log"`
}

// SMTPConfig is the mail server. Without an address mail goes to the Outbox only.
type SMTPConfig struct {
	Addr      string   `koanf:"addr" help:"host:port of the mail server. Empty: the development inbox shown as Outbox."`
	User      string   `koanf:"user" help:"User name, if the server asks for one."`
	Password  string   `koanf:"password" help:"Password; write ${VARIABLE} to take it from the environment."`
	TLS       string   `koanf:"tls" help:"starttls, tls or none."`
	From      string   `koanf:"from" help:"Sender, e.g. 縁コスメ <hello@shop.example>."`
	ReplyTo   string   `koanf:"reply_to" help:"Address that replies go to. Empty: the sender."`
	Bounce    string   `koanf:"bounce" help:"Domain that mail comes back to, such as bounce.shop.example: its MX leads to mail_listen, or to a server that pipes into enishi bounce. Empty: mail comes back to the sender, for people to read."`
	DKIM      string   `koanf:"dkim" help:"Folder of the DKIM keys (enishi dkim generate). Empty: mail leaves unsigned, for a server that signs."`
	ISO2022JP []string `koanf:"iso2022jp" help:"Receiving systems whose mail is written in ISO-2022-JP, for old mail programs: docomo, au, softbank and the others of docs/delivery.md, or all. What that charset has not (emoji) is written in UTF-8. Empty: all mail is UTF-8."`
	Workers   int      `koanf:"workers" help:"Connections to the server for one receiving system (docomo, Gmail, ...), so that a slow one takes none of the others'; the carriers get fewer, and the setting delivery says how many."`
}

// LINEConfig is the LINE Official Account. Without a token LINE messages go to the Outbox only.
type LINEConfig struct {
	Token    string `koanf:"token" help:"Channel access token; write ${VARIABLE} to take it from the environment. Empty: the simulator shown as Outbox."`
	Secret   string `koanf:"secret" help:"Channel secret, which signs webhooks."`
	Provider string `koanf:"provider" help:"Provider id: LINE's user ids differ per provider."`
	Endpoint string `koanf:"endpoint" help:"Base URL of the Messaging API. Default: LINE's own."`

	Accounts map[string]LINEAccountConfig `koanf:"accounts"`
}

// LINEAccountConfig is what a further official account has that is secret; all else of it is the setting line.
type LINEAccountConfig struct {
	Token    string `koanf:"token" help:"Channel access token of the further account NAME; write ${VARIABLE} to take it from the environment."`
	Secret   string `koanf:"secret" help:"Its channel secret, which signs webhooks at /line/webhook/NAME."`
	Endpoint string `koanf:"endpoint" help:"Its base URL of the Messaging API. Default: LINE's own."`
}

// SocialConfig are the pages and Instagram accounts. Without any direct messages go to the Outbox only.
type SocialConfig struct {
	Accounts map[string]SocialAccountConfig `koanf:"accounts"`
}

// SocialAccountConfig is one of them; that named default is meant where none is named.
type SocialAccountConfig struct {
	Platform    string `koanf:"platform" help:"messenger or instagram, of the account NAME. One is named default. Without any account: the simulator shown as Outbox."`
	Page        string `koanf:"page" help:"Id of the page that sends; of Instagram by its own login the id of the account."`
	Entry       string `koanf:"entry" help:"Id that webhooks name, where it is another: of Instagram by a page the id of the Instagram account."`
	Handle      string `koanf:"handle" help:"Name in m.me/NAME and ig.me/m/NAME. Default: the page's id."`
	Token       string `koanf:"token" help:"Access token of the page or account; write ${VARIABLE} to take it from the environment."`
	AppSecret   string `koanf:"app_secret" help:"Secret of the app whose token it is: signs webhooks at /social/webhook/NAME, and calls prove that it is known (appsecret_proof)."`
	VerifyToken string `koanf:"verify_token" help:"What the handshake of the webhook shows."`
	Endpoint    string `koanf:"endpoint" help:"Base URL of the API. Default: https://graph.facebook.com, of Instagram by its own login https://graph.instagram.com."`
	Version     string `koanf:"version" help:"Version of the API. Default: v23.0."`
}

// SMSConfig is the provider of SMS. Without one SMS go to the Outbox only.
type SMSConfig struct {
	Provider string   `koanf:"provider" help:"twilio (its Messages API), or aggregator (the JSON API of a Japanese service). Empty: the simulator shown as Outbox."`
	URL      string   `koanf:"url" help:"Address of the API. Default for twilio: its own."`
	User     string   `koanf:"user" help:"twilio: the account SID."`
	Token    string   `koanf:"token" help:"twilio: the auth token; aggregator: the bearer token. Write ${VARIABLE} to take it from the environment."`
	From     string   `koanf:"from" help:"Sender: a number, up to 11 letters and digits where the carriers allow it, or a messaging service of Twilio (MG...)."`
	Key      string   `koanf:"key" help:"aggregator: what its calls to /sms/default/status and /sms/default/reply show as ?key=, at least 16 characters; write ${VARIABLE}."`
	Plain    bool     `koanf:"plain" help:"Leave out emoji and write half-width kana as full-width, for carriers and phones that cannot show them."`
	Fields   []string `koanf:"fields" help:"aggregator: names of its fields where they differ from docs/sms.md, as to=mobilenumber."`

	Accounts map[string]SMSAccountConfig `koanf:"accounts"`
}

// SMSAccountConfig is a further account, as another sender.
type SMSAccountConfig struct {
	Provider string   `koanf:"provider" help:"Of the further account NAME, as sms.provider."`
	URL      string   `koanf:"url" help:"Its address of the API."`
	User     string   `koanf:"user" help:"Its account SID."`
	Token    string   `koanf:"token" help:"Its token; write ${VARIABLE} to take it from the environment."`
	From     string   `koanf:"from" help:"Its sender."`
	Key      string   `koanf:"key" help:"What calls to /sms/NAME/status and /sms/NAME/reply show as ?key=."`
	Plain    bool     `koanf:"plain" help:"As sms.plain."`
	Fields   []string `koanf:"fields" help:"As sms.fields."`
}

// PushConfig is how notifications are sent. Browsers need none of it; without FCM those of apps go to the Outbox only.
type PushConfig struct {
	VAPIDKey    string `koanf:"vapid_key" help:"Private key by which push services know the shop: 32 bytes in base64url; write ${VARIABLE}. Browsers are subscribed for one key: keep it. Empty: one that follows from the workspace's keys file."`
	Contact     string `koanf:"contact" help:"How push services reach you: mailto:push@shop.example or an https address. Default: the address of smtp.from."`
	FCM         string `koanf:"fcm" help:"File of the Firebase service account (JSON), for apps. Empty: the simulator shown as Outbox."`
	FCMEndpoint string `koanf:"fcm_endpoint" help:"Base URL of FCM. Default: Google's own."`
}

// WebhookConfig is how journeys call other systems.
type WebhookConfig struct {
	Keys    []string                       `koanf:"keys" help:"Keys that sign calls (Standard Webhooks: whsec_ and base64), the newest first; write ${VARIABLE} to take them from the environment. Empty: one that follows from the workspace's keys file; enishi webhook-key prints it."`
	Inside  []string                       `koanf:"inside" help:"HOST:PORT within the own network that journeys may call, such as crm.internal:8443. All else has to be on the public internet, at port 80 or 443."`
	Timeout time.Duration                  `koanf:"timeout" help:"How long one call may take."`
	Secrets map[string]WebhookSecretConfig `koanf:"secrets"`
}

// WebhookSecretConfig is a secret that headers of calls name.
type WebhookSecretConfig struct {
	Value string `koanf:"value" help:"Secret that a header of a call names as ${NAME}; write ${VARIABLE} to take it from the environment."`
	Host  string `koanf:"host" help:"The only host that it is sent to."`
}

// PostalConfig is how files of direct mail are made and handed over.
type PostalConfig struct {
	Dir     string                        `koanf:"dir" help:"Folder where files for print houses are kept. Default: postal in the data folder."`
	Fonts   string                        `koanf:"fonts" help:"Folder with ipaexg.ttf and ipaexm.ttf, for proofs and PDF. Default: where Debian's fonts-ipaexfont puts them."`
	Targets map[string]PostalTargetConfig `koanf:"targets"`
}

// PostalTargetConfig is a print house, as accounts of the setting postal name it.
type PostalTargetConfig struct {
	Dir          string `koanf:"dir" help:"Folder of this machine that the print house reads."`
	SFTP         string `koanf:"sftp" help:"HOST:PORT of the print house's SFTP server."`
	User         string `koanf:"user" help:"User at the SFTP server."`
	Password     string `koanf:"password" help:"Password of the user; write ${VARIABLE} to take it from the environment."`
	Key          string `koanf:"key" help:"File with a private key (PEM) instead of the password."`
	HostKey      string `koanf:"host_key" help:"What the SFTP server must show: a line such as ssh-ed25519 AAAA..."`
	Folder       string `koanf:"folder" help:"Folder at the SFTP server."`
	FilePassword string `koanf:"file_password" help:"Password of files that are encrypted into a zip (AES-256), 12 characters at least."`
	Age          string `koanf:"age" help:"Public key of the print house (age1...), for files that are encrypted by age."`
}

// SourceConfig is a system that calls us at /hooks/NAME, or that we ask for its history.
type SourceConfig struct {
	Kind         string        `koanf:"kind" help:"Of the source NAME: shopify, zendesk, meta_leads (lead ads), or webhook (any other system, by a mapping)."`
	Secret       string        `koanf:"secret" help:"What its calls to /hooks/NAME are signed with; of Shopify the client secret, of Meta the secret of the app whose token it is. Write ${VARIABLE} to take it from the environment."`
	SecretBefore string        `koanf:"secret_before" help:"The secret before, taken too while it is being changed."`
	Signature    string        `koanf:"signature" help:"webhook: how it signs: standard (Standard Webhooks), hmac-sha256-hex, hmac-sha256-base64 or bearer. Default: standard."`
	Header       string        `koanf:"header" help:"webhook: the header that has the signature, where it is not X-Signature or Authorization."`
	IDHeader     string        `koanf:"id_header" help:"webhook: the header with the id of a call, the same over its tries. Default: webhook-id of Standard Webhooks, else the hash of the body."`
	TopicHeader  string        `koanf:"topic_header" help:"webhook: the header that says what a call is about, for the list of calls."`
	Mapping      string        `koanf:"mapping" help:"webhook: name of the mapping that makes events of its calls. Default: the source's own name."`
	Shop         string        `koanf:"shop" help:"shopify: the shop's domain, such as enmusubi.myshopify.com, for its history and for orders whose webhook was lost."`
	ClientID     string        `koanf:"client_id" help:"shopify: client id of the app, which gets tokens with the secret."`
	Token        string        `koanf:"token" help:"shopify: Admin API token of an app that has a lasting one. meta_leads: token of the page, or of a system user who may read the leads of all pages. Write ${VARIABLE}."`
	VerifyToken  string        `koanf:"verify_token" help:"meta_leads: any text of your own, which is entered at Meta beside the address. Write ${VARIABLE}."`
	Version      string        `koanf:"version" help:"Version of the Admin API (shopify; default 2026-07) or of the Graph API (meta_leads; default v23.0)."`
	Endpoint     string        `koanf:"endpoint" help:"Base URL of that API. Default: https:// and shop; https://graph.facebook.com."`
	Reconcile    time.Duration `koanf:"reconcile" help:"shopify: how often orders, customers and products that changed are asked for, and whether webhooks are still subscribed, for those that were lost. Default: 1h; negative: never."`
}

// LogConfig is the process's log.
type LogConfig struct {
	Level  string `koanf:"level" help:"debug, info, warn or error."`
	Format string `koanf:"format" help:"text or json."`
}

// DefaultConfig is what runs without a file.
func DefaultConfig() Config {
	return Config{Data: "data", Listen: "127.0.0.1:8420", Partitions: 8, CacheMB: 128, EngineMB: 4096, Session: 6 * time.Second,
		Sending: "on", SMTP: SMTPConfig{TLS: "starttls", From: "Enishi <noreply@shop.example>", Workers: 4}, LINE: LINEConfig{Provider: "main"}, Webhook: WebhookConfig{Timeout: 10 * time.Second},
		Log: LogConfig{Level: "info", Format: "text"}}
}

// LoadConfig reads file (may be empty) and the environment over the defaults. Unknown keys are refused by name.
func LoadConfig(file string, environ func() []string) (Config, error) {
	k := koanf.New(".")
	cfg := DefaultConfig()
	if err := k.Load(structs.Provider(cfg, "koanf"), nil); err != nil {
		return cfg, fmt.Errorf("load defaults: %w", err)
	}
	known := map[string]bool{}
	for _, key := range k.Keys() {
		known[key] = true
	}
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return cfg, fmt.Errorf("read config: %w", err)
		}
		f := koanf.New(".")
		if err := f.Load(rawbytes.Provider(text), yaml.Parser()); err != nil {
			return cfg, fmt.Errorf("read config %s: %w", file, err)
		}
		if err := unknownKeys(f.Keys(), known, file); err != nil {
			return cfg, err
		}
		if err := k.Merge(f); err != nil {
			return cfg, fmt.Errorf("read config %s: %w", file, err)
		}
	}
	e := koanf.New(".")
	vars := env.Provider(".", env.Opt{Prefix: "ENISHI_", EnvironFunc: environ, TransformFunc: func(key, value string) (string, any) {
		name := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(key, "ENISHI_"), "__", "."))
		if !known[name] && !accountKey(name) {
			return "", nil // ENISHI_CHDB, ENISHI_FULL and the like are not configuration
		}
		if name == "kafka" || name == "workspaces" || name == "smtp.iso2022jp" || name == "webhook.keys" || name == "webhook.inside" || name == "trusted_proxies" || name == "sms.fields" {
			return name, strings.Split(value, ",")
		}
		return name, value
	}})
	if err := e.Load(vars, nil); err != nil {
		return cfg, fmt.Errorf("read environment: %w", err)
	}
	if err := k.Merge(e); err != nil {
		return cfg, fmt.Errorf("read environment: %w", err)
	}
	if err := k.Unmarshal("", &cfg); err != nil {
		return cfg, fmt.Errorf("read config: %w", err)
	}
	expand := func(secrets ...*string) {
		for _, secret := range secrets {
			*secret = os.Expand(*secret, func(name string) string {
				for _, kv := range environ() {
					if n, v, _ := strings.Cut(kv, "="); n == name {
						return v
					}
				}
				return ""
			})
		}
	}
	expand(&cfg.SMTP.Password, &cfg.LINE.Token, &cfg.LINE.Secret, &cfg.SMS.Token, &cfg.SMS.Key, &cfg.Push.VAPIDKey)
	for name, a := range cfg.SMS.Accounts {
		expand(&a.Token, &a.Key)
		cfg.SMS.Accounts[name] = a
	}
	for name, a := range cfg.LINE.Accounts {
		expand(&a.Token, &a.Secret)
		cfg.LINE.Accounts[name] = a
	}
	for name, a := range cfg.Social.Accounts {
		expand(&a.Token, &a.AppSecret, &a.VerifyToken)
		cfg.Social.Accounts[name] = a
	}
	for name, x := range cfg.Postal.Targets {
		expand(&x.Password, &x.FilePassword)
		cfg.Postal.Targets[name] = x
	}
	for name, x := range cfg.Places {
		expand(&x.Password, &x.AccessKey, &x.SecretKey)
		cfg.Places[name] = x
	}
	for name, x := range cfg.Ads {
		expand(&x.Token, &x.TokenSecret, &x.ClientSecret)
		cfg.Ads[name] = x
	}
	for i := range cfg.Webhook.Keys {
		expand(&cfg.Webhook.Keys[i])
	}
	for name, x := range cfg.Sources {
		expand(&x.Secret, &x.SecretBefore, &x.Token, &x.VerifyToken)
		cfg.Sources[name] = x
	}
	for name, s := range cfg.Webhook.Secrets {
		expand(&s.Value)
		cfg.Webhook.Secrets[name] = s
	}
	return cfg, nil
}

// accountKey tells whether a key is one of a further account, target, secret or place, whose name is the user's: of a map in
// the struct, as line.accounts.NAME.token.
func accountKey(key string) bool {
	t, parts := reflect.TypeFor[Config](), strings.Split(key, ".")
	for i := 0; i < len(parts); i++ {
		if t.Kind() == reflect.Map {
			t = t.Elem() // parts[i] is the user's name
			continue
		}
		if t.Kind() != reflect.Struct {
			return false
		}
		found := false
		for f := range t.NumField() {
			if t.Field(f).Tag.Get("koanf") == parts[i] {
				t, found = t.Field(f).Type, true
				break
			}
		}
		if !found {
			return false
		}
	}
	return t.Kind() != reflect.Struct && t.Kind() != reflect.Map
}

func unknownKeys(keys []string, known map[string]bool, file string) error {
	var bad []string
	for _, key := range keys {
		if !known[key] && !accountKey(key) {
			bad = append(bad, key)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	sort.Strings(bad)
	return fmt.Errorf("config %s: unknown key %s; the keys are listed in docs/configuration.md", file, strings.Join(bad, ", "))
}

// Check finds what cannot work, with the key's name.
func (c *Config) Check() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("config: "+key+": "+format, args...))
	}
	if c.Partitions < 1 || c.Partitions > 256 {
		bad("partitions", "%d is not between 1 and 256", c.Partitions)
	}
	if c.Sending != "on" && c.Sending != "off" {
		bad("sending", "%q is neither on nor off", c.Sending)
	}
	if c.CacheMB < 8 {
		bad("cache_mb", "%d is less than 8", c.CacheMB)
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		bad("tls_cert", "tls_cert and tls_key go together")
	}
	if !loopback(c.Listen) && c.TLSCert == "" && !c.Proxy {
		bad("listen", "%s is not a loopback address: give tls_cert and tls_key, or set proxy when a proxy ends TLS", c.Listen)
	}
	for key, addr := range map[string]string{"kafka_listen": c.KafkaListen, "clickhouse_listen": c.ClickHouseListen} {
		if addr != "" && !loopback(addr) {
			bad(key, "%s is not a loopback address: the embedded servers have no users or rights of their own; run real servers instead", addr)
		}
	}
	if _, err := trustedProxies(c.TrustedProxies); err != nil {
		bad("trusted_proxies", "%v", err)
	}
	for _, name := range c.Workspaces {
		if !workspaceName(name) {
			bad("workspaces", "%q: a name is 1-32 of a-z, 0-9 and _, and begins with a letter", name)
		}
	}
	for name := range c.SMS.Accounts {
		if !workspaceName(name) || name == line.DefaultAccount {
			bad("sms.accounts", "%q: a name is 1-32 of a-z, 0-9 and _, begins with a letter, and is not default", name)
		}
	}
	for name := range c.Places {
		if !workspaceName(name) {
			bad("places", "%q: a name is 1-32 of a-z, 0-9 and _, and begins with a letter", name)
		}
	}
	if _, err := c.openPlaces(); err != nil {
		errs = append(errs, err)
	}
	for name, a := range c.LINE.Accounts {
		switch {
		case !workspaceName(name) || name == line.DefaultAccount:
			bad("line.accounts", "%q: a name is 1-32 of a-z, 0-9 and _, begins with a letter, and is not default", name)
		case a.Token == "" || a.Secret == "":
			bad("line.accounts."+name, "token and secret are needed")
		}
	}
	if err := c.checkSocial(); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, c.checkSources()...)
	errs = append(errs, c.checkAds()...)
	if c.Keys == "" {
		c.Keys = filepath.Join(c.Data, "keys")
	}
	return errors.Join(errs...)
}

func loopback(addr string) bool {
	host, _, ok := strings.Cut(addr, ":")
	if strings.HasPrefix(addr, "[") {
		host, ok = strings.TrimPrefix(addr[:strings.IndexByte(addr, ']')], "["), true
	}
	return ok && (host == "localhost" || host == "::1" || strings.HasPrefix(host, "127."))
}

func workspaceName(s string) bool {
	if len(s) == 0 || len(s) > 32 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// ConfigurationReference renders docs/configuration.md from the struct.
func ConfigurationReference() string {
	var b strings.Builder
	b.WriteString("# Configuration\n\n`enishi serve` needs no file. A YAML file (`--config FILE`), the environment and flags override the defaults, in this order.\n" +
		"Unknown keys are refused. A secret is written as `${VARIABLE}` and taken from the environment.\n\n| key | environment | default | what |\n|---|---|---|---|\n")
	var walk func(prefix string, v reflect.Value)
	walk = func(prefix string, v reflect.Value) {
		for i := range v.NumField() {
			f := v.Type().Field(i)
			key := prefix + f.Tag.Get("koanf")
			if f.Type.Kind() == reflect.Struct {
				walk(key+".", v.Field(i))
				continue
			}
			if f.Type.Kind() == reflect.Map {
				walk(key+".NAME.", reflect.Zero(f.Type.Elem()))
				continue
			}
			value := fmt.Sprint(v.Field(i).Interface())
			if v.Field(i).IsZero() {
				value = ""
			}
			fmt.Fprintf(&b, "| `%s` | `ENISHI_%s` | %s | %s |\n", key, strings.ToUpper(strings.ReplaceAll(key, ".", "__")), value, f.Tag.Get("help"))
		}
	}
	walk("", reflect.ValueOf(DefaultConfig()))
	return b.String()
}
