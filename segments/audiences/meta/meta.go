// Package meta keeps custom audiences of Meta's Marketing API.
//
//	POST, DELETE {base}/{version}/{audience}/users    at most 10,000 rows; rows that cannot be read are counted, the others taken
//	{base}/{version}/act_{account}/customaudiences
//
// Matching takes up to 24 hours there; what was taken is told at once. Rules: developers.facebook.com/docs/marketing-api/audiences/guides/custom-audiences.
package meta

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"enishi"
	"enishi/internal/signature"
	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

// Base and Version are Meta's own address and the version that this package was written for.
const (
	Base    = "https://graph.facebook.com"
	Version = "v25.0"
)

// rows of a call at most.
const rows = 10_000

// Config is how an account is reached.
type Config struct {
	Base    string // empty: Base
	Version string // empty: Version
	Account string // with or without act_
	Token   string // of a system user with ads_management
	Secret  string // of the token's app: calls prove that it is known; empty: they do not
	Client  *http.Client
}

// Platform is one account.
type Platform struct {
	account string
	caller  audiences.Caller
}

// New makes no call.
func New(cfg Config) (*Platform, error) {
	cfg.Base, cfg.Version = cmp.Or(cfg.Base, Base), cmp.Or(cfg.Version, Version)
	cfg.Client = cmp.Or(cfg.Client, &http.Client{})
	account := strings.TrimPrefix(cfg.Account, "act_")
	if account == "" || strings.Trim(account, "0123456789") != "" || cfg.Token == "" {
		return nil, errors.New("meta: account is the number of the advertising account (act_123), and token is needed")
	}
	return &Platform{account: account, caller: audiences.Caller{Client: cfg.Client, Base: strings.TrimSuffix(cfg.Base, "/") + "/" + cfg.Version,
		Header: func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+cfg.Token)
			if cfg.Secret != "" {
				q := r.URL.Query()
				q.Set("appsecret_proof", signature.MetaProof(cfg.Token, cfg.Secret))
				r.URL.RawQuery = q.Encode()
			}
			return nil
		}, Problem: problem}}, nil
}

// Facts of custom audiences.
func (p *Platform) Facts() audiences.Facts {
	return audiences.Facts{Platform: match.MetaAds, Batch: rows / 2, Removal: true, Minimum: 100, Values: true, Calls: 600}
}

// problem reads Meta's error codes: developers.facebook.com/docs/marketing-api/error-reference.
func problem(status int, _ http.Header, body []byte) *audiences.Problem {
	var x struct {
		Error *struct {
			Message string `json:"message"`
			Code    int    `json:"code"`
			Subcode int    `json:"error_subcode"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &x) != nil || x.Error == nil {
		return nil
	}
	p := &audiences.Problem{Class: audiences.Refused, Code: fmt.Sprintf("%d/%d", x.Error.Code, x.Error.Subcode), Msg: "Meta does not take the call", MsgJA: "Meta が受け付けませんでした。", Err: errors.New(x.Error.Message)}
	switch code, sub := x.Error.Code, x.Error.Subcode; {
	case code == 190 || code == 102 || code == 10 || code == 200 && sub != 1870090:
		p.Class, p.Msg, p.MsgJA = audiences.Auth, "the token is invalid or lacks ads_management: make a new one for the system user", "アクセストークンが無効か、ads_management の権限がありません。システムユーザーのトークンを発行し直してください。"
	case code == 100 && strings.Contains(x.Error.Message, "appsecret_proof"):
		p.Class, p.Msg, p.MsgJA = audiences.Auth, "the token was made for another app than the one whose secret is configured, or the app demands a secret: set ads.NAME.client_secret to the secret of the token's app", "トークンを発行したアプリと app secret が一致しないか、app secret が必要な設定になっています。ads.NAME.client_secret に、トークンを発行したアプリの app secret を設定してください。"
	case sub == 1870090:
		p.Msg, p.MsgJA = "accept the terms of custom audiences in Meta's Ads Manager", "Meta の広告マネージャでカスタムオーディエンスの利用規約に同意してください。"
	case code == 4 || code == 17 || code == 32 || code == 613 || code >= 80000 && code < 80100:
		p.Class, p.After, p.Msg, p.MsgJA = audiences.Rate, 5*time.Minute, "too many calls for this account", "Meta の呼び出し上限に達しました。しばらくして自動で再開します。"
	case code == 100 && sub == 33 || code == 803:
		p.Class, p.Msg, p.MsgJA = audiences.Gone, "the audience was deleted at Meta", "Meta 側でオーディエンスが削除されています。"
	case code == 1 || code == 2 || status >= 500:
		p.Class, p.Msg, p.MsgJA = audiences.Retry, "Meta has a fault", "Meta 側で障害が起きています。自動でやり直します。"
	case sub == 1713231:
		p.Msg, p.MsgJA = "Meta has flagged the audience: its name or content may tell of health, money or the like", "Meta がこのオーディエンスに警告を付けました（健康・金融などを示す名前や内容の可能性）。広告マネージャで確認してください。"
	}
	return p
}

// call makes a call about an audience. Meta says of one that the token may not see the same as of one that was deleted: it is gone only when the account can be seen.
func (p *Platform) call(ctx context.Context, method, path string, in, out any) error {
	err := p.caller.Call(ctx, method, path, in, out)
	var x *audiences.Problem
	if !errors.As(err, &x) || x.Class != audiences.Gone {
		return err
	}
	seen := p.caller.Call(ctx, http.MethodGet, "/act_"+p.account+"/customaudiences?fields=id&limit=1", nil, nil)
	if errors.As(seen, &x) && x.Class == audiences.Gone {
		return &audiences.Problem{Class: audiences.Auth, Code: x.Code, Msg: "the system user may not see the advertising account any more: assign the account to it", MsgJA: "システムユーザーから広告アカウントが見えません。ビジネス設定で広告アカウントを割り当て直してください。", Err: seen}
	}
	if seen != nil {
		return seen
	}
	return err
}

// Create finds the audience by the mark in its description, or makes it.
func (p *Platform) Create(ctx context.Context, spec *audiences.Spec) (string, error) {
	after := ""
	for { // by p.caller: that the account is not there is the last word
		var page struct {
			Data []struct {
				ID          string `json:"id"`
				Description string `json:"description"`
			} `json:"data"`
			Paging struct {
				Next    string `json:"next"`
				Cursors struct {
					After string `json:"after"`
				} `json:"cursors"`
			} `json:"paging"`
		}
		path := "/act_" + p.account + "/customaudiences?fields=id,description&limit=100"
		if after != "" {
			path += "&after=" + url.QueryEscape(after)
		}
		if err := p.caller.Call(ctx, http.MethodGet, path, nil, &page); err != nil {
			return "", err
		}
		for _, a := range page.Data {
			if a.Description == spec.Mark() {
				return a.ID, nil
			}
		}
		if after = page.Paging.Cursors.After; page.Paging.Next == "" || after == "" {
			break
		}
	}
	in := map[string]any{"name": spec.Title, "description": spec.Mark(), "subtype": "CUSTOM", "customer_file_source": "USER_PROVIDED_ONLY"}
	if spec.Use == audiences.Value {
		in["is_value_based"] = true
	}
	var made struct {
		ID string `json:"id"`
	}
	err := p.caller.Call(ctx, http.MethodPost, "/act_"+p.account+"/customaudiences", in, &made)
	return made.ID, err
}

// schema is the order of a row; that of a Name key is LN, FN, ZIP, COUNTRY, DOBY, DOBM, DOBD, GEN.
var schema = []string{"EXTERN_ID", "EMAIL", "PHONE", "LN", "FN", "ZIP", "COUNTRY", "DOBY", "DOBM", "DOBD", "GEN"}

const firstOfName, partsOfName = 3, 8

// rowsOf are the rows of a member: one, and one more for each further address and number.
func rowsOf(m *audiences.Member, value bool) [][]any {
	row := func() []any {
		r := make([]any, len(schema), len(schema)+1)
		for i := range r {
			r[i] = ""
		}
		return r
	}
	out := [][]any{row()}
	put := func(n, column int, v string) {
		for len(out) <= n {
			out = append(out, row())
		}
		out[n][column] = v
	}
	emails, phones := 0, 0
	for _, k := range m.Keys {
		switch k.Kind {
		case match.Email:
			put(emails, 1, k.Value)
			emails++
		case match.Phone:
			put(phones, 2, k.Value)
			phones++
		case match.Customer:
			put(0, 0, k.Value)
		case match.Name:
			for i, part := range strings.SplitN(k.Value, match.Separator, partsOfName) {
				put(0, firstOfName+i, part)
			}
		}
	}
	if value {
		for i := range out {
			out[i] = append(out[i], worth(m.Value))
		}
	}
	return out
}

// worth is a value as Meta takes it: not below 0.
func worth(v enishi.Amount) json.Number { return json.Number(max(0, v).String()) }

func (p *Platform) change(ctx context.Context, method, remote string, spec *audiences.Spec, list []audiences.Member) (audiences.Answer, error) {
	values := spec.Use == audiences.Value && method == http.MethodPost
	columns := schema
	if values {
		columns = append(columns[:len(columns):len(columns)], "LOOKALIKE_VALUE")
	}
	var data [][]any
	for i := range list {
		data = append(data, rowsOf(&list[i], values)...)
	}
	a := audiences.Answer{Units: len(data)}
	for len(data) > 0 {
		n := min(rows, len(data))
		var out struct {
			Session string `json:"session_id"`
			Invalid int    `json:"num_invalid_entries"`
		}
		if err := p.call(ctx, method, "/"+url.PathEscape(remote)+"/users", map[string]any{"payload": map[string]any{"schema": columns, "data": data[:n]}}, &out); err != nil {
			return audiences.Answer{}, err
		}
		a.Call, a.Refused, data = out.Session, a.Refused+out.Invalid, data[n:]
	}
	if a.Refused > 0 {
		a.Reason = "invalid_entries"
	}
	return a, nil
}

// Add tells of members.
func (p *Platform) Add(ctx context.Context, remote string, spec *audiences.Spec, list []audiences.Member) (audiences.Answer, error) {
	return p.change(ctx, http.MethodPost, remote, spec, list)
}

// Remove takes members out.
func (p *Platform) Remove(ctx context.Context, remote string, spec *audiences.Spec, list []audiences.Member) (audiences.Answer, error) {
	return p.change(ctx, http.MethodDelete, remote, spec, list)
}

// Result is never asked for: answers are there at once.
func (p *Platform) Result(_ context.Context, _, call string) (audiences.Answer, error) {
	return audiences.Answer{Call: call}, nil
}

// Look tells how many people Meta found, the lower end of the range that it gives.
func (p *Platform) Look(ctx context.Context, remote string) (audiences.Look, error) {
	var out struct {
		Lower     *int `json:"approximate_count_lower_bound"`
		Operation struct {
			Code int `json:"code"`
		} `json:"operation_status"`
	}
	if err := p.call(ctx, http.MethodGet, "/"+url.PathEscape(remote)+"?fields=approximate_count_lower_bound,approximate_count_upper_bound,operation_status", nil, &out); err != nil {
		return audiences.Look{}, err
	}
	l := audiences.Look{Ready: true, Matched: -1}
	if out.Lower != nil {
		l.Matched = *out.Lower
	}
	if out.Operation.Code == 471 {
		return l, problem(400, nil, []byte(`{"error": {"code": 2654, "error_subcode": 1713231, "message": "operation_status 471"}}`))
	}
	return l, nil
}

// Delete removes the audience.
func (p *Platform) Delete(ctx context.Context, remote string) error {
	err := p.call(ctx, http.MethodDelete, "/"+url.PathEscape(remote), nil, nil)
	var x *audiences.Problem
	if errors.As(err, &x) && x.Class == audiences.Gone {
		return nil
	}
	return err
}
