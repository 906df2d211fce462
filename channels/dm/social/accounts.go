package social

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/internal/signature"
)

// Platforms of an account.
const (
	Messenger = "messenger"
	Instagram = "instagram"
)

// DefaultAccount is the account that is meant where none is named.
const DefaultAccount = "default"

// DefaultVersion is the version of the Graph API that calls name when the configuration names none.
const DefaultVersion = "v23.0"

// Secret is what the configuration knows of an account.
type Secret struct {
	Platform    string // messenger, instagram
	Page        string // id of the page, which sends; of Instagram by its own login the id of the account
	Entry       string // id in webhooks, where it is another: of Instagram by a page the id of the Instagram account
	Token       string // access token of the page or account
	AppSecret   string // of the app whose token it is: signs webhooks, and calls prove that it is known
	VerifyToken string // of the handshake of the webhook
	Endpoint    string // base URL of the API; empty: https://graph.facebook.com, of Instagram without Entry https://graph.instagram.com
	Version     string // empty: DefaultVersion
	Handle      string // name in m.me/NAME and ig.me/m/NAME; empty: the page's id
}

// AccountsConfig is what Accounts need.
type AccountsConfig struct {
	Secrets map[string]Secret // by name
	Tags    func() []Tag      // message tags that the platforms take; nil: [DefaultTags]
	Timeout time.Duration     // of one call; 30 s
	Now     func() time.Time
	Log     *slog.Logger
}

// Accounts are the pages and Instagram accounts of a workspace. It is safe for concurrent use.
type Accounts struct {
	byName map[string]*Account
}

// Account is one of them; its [Channel] sends.
type Account struct {
	Name string
	*Channel
	secret Secret
}

var (
	accountPattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	idPattern      = regexp.MustCompile(`^[0-9A-Za-z_.-]{1,64}$`)
	tagPattern     = regexp.MustCompile(`^[A-Z][A-Z_]{1,63}$`)
	versionPattern = regexp.MustCompile(`^v[0-9]+\.[0-9]+$`)
)

// NewAccounts checks cfg; it asks the platforms nothing. No account is no error: then nothing is sent by the channel.
func NewAccounts(cfg AccountsConfig) (*Accounts, error) {
	a := &Accounts{byName: map[string]*Account{}}
	for name, s := range cfg.Secrets {
		if !accountPattern.MatchString(name) {
			return nil, fmt.Errorf("social account %q: a name is 1-32 of a-z, 0-9 and _, and begins with a letter", name)
		}
		s.Entry, s.Version = cmp.Or(s.Entry, s.Page), cmp.Or(s.Version, DefaultVersion)
		if s.Endpoint == "" {
			s.Endpoint = "https://graph.facebook.com"
			if s.Platform == Instagram && s.Entry == s.Page {
				s.Endpoint = "https://graph.instagram.com"
			}
		}
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("social account %s: %w", name, err)
		}
		a.byName[name] = &Account{Name: name, secret: s, Channel: newChannel(s, cfg)}
	}
	return a, nil
}

func (s *Secret) check() error {
	u, err := url.ParseRequestURI(s.Endpoint)
	switch {
	case s.Platform != Messenger && s.Platform != Instagram:
		return errors.New("platform is messenger or instagram")
	case !idPattern.MatchString(s.Page) || !idPattern.MatchString(s.Entry):
		return errors.New("page is the id of the page or Instagram account")
	case s.Token == "" || s.AppSecret == "" || s.VerifyToken == "":
		return errors.New("token, app_secret and verify_token are needed")
	case err != nil || u.Host == "":
		return errors.New("endpoint is an address such as https://graph.facebook.com")
	case !versionPattern.MatchString(s.Version):
		return errors.New("version is like v23.0")
	}
	return nil
}

// proof is the parameter by which calls prove that the secret of the token's app is known. Instagram's own login has an API of
// its own that does not ask for it.
func (s *Secret) proof() string {
	if s.Platform == Instagram && s.Entry == s.Page {
		return ""
	}
	return "appsecret_proof=" + signature.MetaProof(s.Token, s.AppSecret)
}

// Get finds an account; an empty name is the default one.
func (a *Accounts) Get(name string) (*Account, bool) {
	x, ok := a.byName[cmp.Or(name, DefaultAccount)]
	return x, ok
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
		return strings.Compare(x, y)
	})
	return out
}

// Platform is messenger or instagram.
func (x *Account) Platform() string { return x.secret.Platform }

// Page is the scope of the ids of its people: what webhooks call the account.
func (x *Account) Page() string { return x.secret.Entry }

// Link is the address that opens a chat with the account and tells it ref.
func (x *Account) Link(ref string) string {
	base := "https://m.me/"
	if x.secret.Platform == Instagram {
		base = "https://ig.me/m/"
	}
	return base + url.PathEscape(cmp.Or(x.secret.Handle, x.secret.Page)) + "?ref=" + url.QueryEscape(ref)
}

// byEntry finds the account that an entry of a webhook is about, among those whose webhooks the same app signs.
func (a *Accounts) byEntry(platform, entry, appSecret string) (*Account, bool) {
	for _, name := range a.Names() {
		if x := a.byName[name]; x.secret.Entry == entry && x.secret.AppSecret == appSecret && x.secret.Platform == platform {
			return x, true
		}
	}
	return nil, false
}

// transport has enough connections of its own for one account.
func transport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	return t
}

// Tag is a message tag: what may be sent outside the window under its name, and for how long the platform takes it.
type Tag struct {
	Name      string    `json:"name"`
	Platforms []string  `json:"platforms"`
	Until     time.Time `json:"until,omitzero"` // zero: no end is known
}

// DefaultTags are the message tags of Meta's page on them (2026-03). Utility messages are to replace those of Messenger; when
// Meta ends one, the setting social_tags says so.
func DefaultTags() []Tag {
	return []Tag{{Name: "CONFIRMED_EVENT_UPDATE", Platforms: []string{Messenger}}, {Name: "POST_PURCHASE_UPDATE", Platforms: []string{Messenger}}, {Name: "ACCOUNT_UPDATE", Platforms: []string{Messenger}}}
}

// ParseTags reads the setting of the message tags: {"tags": [{"name": "ACCOUNT_UPDATE", "platforms": ["messenger"], "until":
// "2027-01-01T00:00:00Z"}]}.
func ParseTags(body []byte) ([]Tag, error) {
	var x struct {
		Tags []Tag `json:"tags"`
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&x); err != nil {
		return nil, enishi.FieldError("tags", "cannot be read: "+err.Error(), "読めません: "+err.Error())
	}
	for i, t := range x.Tags {
		at := fmt.Sprintf("tags[%d]", i)
		if !tagPattern.MatchString(t.Name) || t.Name == "HUMAN_AGENT" {
			return nil, enishi.FieldError(at+".name", "is a name such as ACCOUNT_UPDATE; HUMAN_AGENT is not for what is sent automatically", "ACCOUNT_UPDATE のような名前にしてください。HUMAN_AGENT は自動の配信には使えません。")
		}
		if len(t.Platforms) == 0 || slices.ContainsFunc(t.Platforms, func(p string) bool { return p != Messenger && p != Instagram }) {
			return nil, enishi.FieldError(at+".platforms", "are messenger, instagram or both", "messenger と instagram から選んでください。")
		}
	}
	return x.Tags, nil
}

// checkTag tells why a platform does not take a tag now, if it does not.
func checkTag(tags []Tag, name, platform string, now time.Time) error {
	at := slices.IndexFunc(tags, func(t Tag) bool { return t.Name == name })
	switch {
	case at < 0 || !slices.Contains(tags[at].Platforms, platform):
		return enishi.FieldError("tag", fmt.Sprintf("%s has no tag %s: use a utility template, or another channel", platform, name), fmt.Sprintf("%s では %s タグを使えません。ユーティリティーテンプレートか、ほかのチャネルにしてください。", platform, name))
	case !tags[at].Until.IsZero() && !now.Before(tags[at].Until):
		return enishi.FieldError("tag", fmt.Sprintf("%s is not taken any more since %s: use a utility template", name, tags[at].Until.Format(time.DateOnly)), fmt.Sprintf("%s タグは %s で終了しました。ユーティリティーテンプレートにしてください。", name, tags[at].Until.Format(time.DateOnly)))
	}
	return nil
}

// Route is how messages of the account leave. The platforms know no key by which they would take a repetition for the same
// message: what may have been taken is not sent again, but for transactional messages, where two are better than none.
func (x *Account) Route() channels.Route {
	return channels.Route{Channel: x.Channel, RepeatTransactional: 24 * time.Hour, Limit: channels.Limit{PerSecond: textPerSecond, Workers: 16}}
}
