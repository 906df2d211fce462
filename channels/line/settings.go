package line

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"enishi"
)

// SettingName is the setting of the official accounts. Their secrets are no part of it: those stand in the configuration.
const SettingName = "line"

// DefaultAccount is the account that is meant where none is named.
const DefaultAccount = "default"

// Settings are the official accounts as a marketer sets them.
type Settings struct {
	Accounts []AccountSettings `json:"accounts"`
}

// AccountSettings is one official account.
type AccountSettings struct {
	Name  string `json:"name"` // part of the destination: line:NAME
	Title struct {
		JA string `json:"ja"`
		EN string `json:"en"`
	} `json:"title"`
	Provider  string `json:"provider,omitempty"`   // of the LINE Developers console: user ids differ per provider; empty: the workspace's own
	ChannelID string `json:"channel_id,omitempty"` // of the Messaging API channel
	BasicID   string `json:"basic_id,omitempty"`   // as @shop: where people add it
	Login     string `json:"login,omitempty"`      // channel id of LINE Login, for which id tokens are made
	LIFF      string `json:"liff,omitempty"`       // id of the LIFF app whose endpoint is our page /line/open/NAME
	LoginURL  string `json:"login_url,omitempty"`  // of the shop: where people sign in to link their account
	// Plan is free, light or standard; empty: what LINE says of the quota holds alone.
	Plan  string `json:"plan,omitempty"`
	Extra int    `json:"extra,omitempty"` // messages a month that may be bought on top; of the largest plan only
	// Statistics says that LINE has approved the account for statistics by unit (customAggregationUnits).
	Statistics bool `json:"statistics,omitempty"`
	Reserve    int  `json:"reserve,omitempty"` // messages of the month that advertising leaves to notices
	// Notices are the templates that LINE has approved as notification messages of this account (it looks at each text); none:
	// the account may not send any.
	Notices []string `json:"notices,omitempty"`
}

// Plan is what LINE sells (prices and messages of 2026, without tax).
type Plan struct {
	ID       string
	JA, EN   string
	Yen      int // a month
	Messages int // a month
	More     bool
}

// Plans lists them, the smallest first. Only the largest may buy more.
func Plans() []Plan {
	return []Plan{
		{"free", "コミュニケーションプラン", "Communication plan", 0, 200, false},
		{"light", "ライトプラン", "Light plan", 5_000, 5_000, false},
		{"standard", "スタンダードプラン", "Standard plan", 15_000, 30_000, true},
	}
}

// LookupPlan finds a plan by its id.
func LookupPlan(id string) (Plan, bool) {
	for _, p := range Plans() {
		if p.ID == id {
			return p, true
		}
	}
	return Plan{}, false
}

// most is how many messages a month the plan gives; 0: not said.
func (a *AccountSettings) most() int {
	p, ok := LookupPlan(a.Plan)
	if !ok {
		return 0
	}
	return p.Messages + a.Extra
}

const (
	maxAccounts = 50
	maxExtra    = 100_000_000
	maxNotices  = 100
)

var (
	accountPattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	numberPattern  = regexp.MustCompile(`^[0-9]{1,20}$`)
	basicPattern   = regexp.MustCompile(`^@[0-9A-Za-z._-]{3,30}$`)
	templateName   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	liffPattern    = regexp.MustCompile(`^[0-9]{5,20}-[0-9A-Za-z]{4,20}$`)
)

// ParseSettings reads the setting. Its errors name the field.
func ParseSettings(body []byte) (Settings, error) {
	var s Settings
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, enishi.FieldError("body.body", "accounts are written as {\"accounts\": [{\"name\": \"default\", \"title\": {\"ja\": TEXT, \"en\": TEXT}, \"plan\": \"light\"}]}: "+err.Error(),
			"LINE アカウントは {\"accounts\": [{\"name\": \"default\", \"title\": {\"ja\": 名前, \"en\": 名前}, \"plan\": \"light\"}]} の形で書いてください。")
	}
	if len(s.Accounts) > maxAccounts {
		return s, enishi.FieldError("body.accounts", fmt.Sprintf("has more than %d accounts", maxAccounts), fmt.Sprintf("LINE アカウントは %d 件までです。", maxAccounts))
	}
	seen := map[string]bool{}
	for i := range s.Accounts {
		a := &s.Accounts[i]
		if err := a.check(fmt.Sprintf("body.accounts[%d]", i)); err != nil {
			return s, err
		}
		if seen[a.Name] {
			return s, enishi.FieldError(fmt.Sprintf("body.accounts[%d].name", i), "is there twice: "+a.Name, "アカウント「"+a.Name+"」が重複しています。")
		}
		seen[a.Name] = true
	}
	return s, nil
}

func (a *AccountSettings) check(path string) error {
	field := func(name, en, ja string) error { return enishi.FieldError(path+"."+name, en, ja) }
	matches := func(p *regexp.Regexp, s string) bool { return s == "" || p.MatchString(s) }
	switch {
	case !accountPattern.MatchString(a.Name):
		return field("name", "has 1-32 of a-z, 0-9 and _, and begins with a letter", "名前は英小文字で始め、英小文字・数字・_ の 32 文字までにしてください。")
	case strings.TrimSpace(a.Title.JA) == "" || strings.TrimSpace(a.Title.EN) == "":
		return field("title", "needs a Japanese and an English text", "表示名を日本語と英語で入力してください。")
	case !matches(numberPattern, a.ChannelID):
		return field("channel_id", "is the number of the Messaging API channel", "Messaging API のチャネル ID（数字）を入力してください。")
	case !matches(numberPattern, a.Login):
		return field("login", "is the number of the LINE Login channel", "LINE ログインのチャネル ID（数字）を入力してください。")
	case !matches(basicPattern, a.BasicID):
		return field("basic_id", "is written as @shop", "ベーシック ID は @shop のように書いてください。")
	case !matches(liffPattern, a.LIFF):
		return field("liff", "is written as 1234567890-AbcdEfgh", "LIFF ID は 1234567890-AbcdEfgh のように書いてください。")
	case a.LIFF != "" && a.Login == "":
		return field("login", "is needed with a LIFF app: its id tokens are made for the LINE Login channel", "LIFF を使うには、LINE ログインのチャネル ID も必要です。")
	}
	if len(a.Notices) > maxNotices || slices.ContainsFunc(a.Notices, func(name string) bool { return !templateName.MatchString(name) }) {
		return field("notices", fmt.Sprintf("is a list of at most %d names of templates, such as [\"line_shipped\"]", maxNotices), fmt.Sprintf("LINE 通知メッセージとして承認されたテンプレートの名前を %d 件までのリストで書いてください。", maxNotices))
	}
	if u, err := url.Parse(a.LoginURL); a.LoginURL != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		return field("login_url", "is written as https://shop.example/login", "https://shop.example/login のような URL を書いてください。")
	}
	return a.checkPlan(field)
}

func (a *AccountSettings) checkPlan(field func(name, en, ja string) error) error {
	p, known := LookupPlan(a.Plan)
	switch {
	case a.Plan != "" && !known:
		return field("plan", "is free, light or standard", "プランは free、light、standard のどれかです。")
	case a.Extra < 0 || a.Extra > maxExtra:
		return field("extra", "is 0 or more", "追加メッセージは 0 以上にしてください。")
	case a.Extra > 0 && !p.More:
		return field("extra", "only the largest plan (standard) may buy more messages", "メッセージを追加購入できるのは、最大のプラン（スタンダードプラン）だけです。")
	case a.Reserve < 0 || a.Plan != "" && a.Reserve > a.most():
		return field("reserve", "lies between 0 and the messages of the plan", "お知らせ用の確保数は、0 からプランの通数までにしてください。")
	}
	return nil
}
