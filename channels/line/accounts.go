package line

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"enishi"
)

// Secret is what the configuration knows of an account.
type Secret struct {
	Token     string // channel access token
	Channel   string // channel secret, signs webhooks
	Endpoint  string // empty: LINE's own
	Simulated bool   // what LINE would have to approve counts as approved
}

// AccountsConfig is what Accounts need.
type AccountsConfig struct {
	Secrets  map[string]Secret // by name
	Provider string            // of accounts that name none
	// Setting is the setting [SettingName] as it now stands; version 0: it was never saved. Nil: the same.
	Setting func() (version int64, body []byte)
	Alert   func(enishi.Alert)
	Timeout time.Duration // as Config.Timeout
	Now     func() time.Time
	Log     *slog.Logger
}

// Accounts are the official accounts of a workspace: those that the configuration has secrets of. It is safe for concurrent
// use.
type Accounts struct {
	cfg    AccountsConfig
	byName map[string]*Official

	mu      sync.Mutex
	version int64
	current Settings
}

// Official is one official account.
type Official struct {
	Name      string
	Channel   *Channel
	Quota     *Quota
	secret    string
	Simulated bool
	of        *Accounts
}

// NewAccounts checks cfg; it asks LINE nothing.
func NewAccounts(cfg AccountsConfig) (*Accounts, error) {
	if cfg.Setting == nil {
		cfg.Setting = func() (int64, []byte) { return 0, nil }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	a := &Accounts{cfg: cfg, byName: map[string]*Official{}}
	for name, s := range cfg.Secrets {
		if !accountPattern.MatchString(name) {
			return nil, fmt.Errorf("line account %q: a name is 1-32 of a-z, 0-9 and _, and begins with a letter", name)
		}
		channel, err := New(Config{Token: s.Token, BaseURL: s.Endpoint, Timeout: cfg.Timeout, Log: cfg.Log})
		if err != nil {
			return nil, fmt.Errorf("line account %s: %w", name, err)
		}
		o := &Official{Name: name, Channel: channel, secret: s.Channel, Simulated: s.Simulated, of: a}
		o.Quota = newQuota(o)
		a.byName[name] = o
	}
	if len(a.byName) == 0 {
		return nil, errors.New("line: there is no account")
	}
	return a, nil
}

// Get finds an account; an empty name is the default one.
func (a *Accounts) Get(name string) (*Official, bool) {
	if name == "" {
		name = DefaultAccount
	}
	o, ok := a.byName[name]
	return o, ok
}

// Names lists the accounts, the default one first.
func (a *Accounts) Names() []string {
	out := make([]string, 0, len(a.byName))
	for name := range a.byName {
		out = append(out, name)
	}
	slices.SortFunc(out, func(x, y string) int {
		if (x == DefaultAccount) != (y == DefaultAccount) {
			if x == DefaultAccount {
				return -1
			}
			return 1
		}
		if x < y {
			return -1
		}
		return 1
	})
	return out
}

// settings are what is saved; what cannot be read counts as nothing, it was checked when it was saved.
func (a *Accounts) settings() Settings {
	version, body := a.cfg.Setting()
	a.mu.Lock()
	defer a.mu.Unlock()
	if version == a.version {
		return a.current
	}
	s := Settings{}
	if version > 0 {
		var err error
		if s, err = ParseSettings(body); err != nil {
			a.cfg.Log.Error("the setting of the LINE accounts cannot be read", "version", version, "err", err)
			s = Settings{}
		}
	}
	a.version, a.current = version, s
	return s
}

// Settings are an account's, with what is filled in where the setting is silent.
func (o *Official) Settings() AccountSettings {
	out := AccountSettings{Name: o.Name}
	for _, x := range o.of.settings().Accounts {
		if x.Name == o.Name {
			out = x
			break
		}
	}
	if out.Title.JA == "" {
		out.Title.JA, out.Title.EN = o.Name, o.Name
		if o.Name == DefaultAccount {
			out.Title.JA, out.Title.EN = "LINE 公式アカウント", "LINE official account"
		}
	}
	if out.Provider == "" {
		out.Provider = o.of.cfg.Provider
	}
	return out
}

// Webhook is what a webhook needs to know of an account.
func (a *Accounts) Webhook(name string) (Account, bool) {
	o, ok := a.byName[name]
	if !ok {
		return Account{}, false
	}
	return Account{Secret: o.secret, Provider: o.Settings().Provider}, true
}
