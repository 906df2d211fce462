// Package x keeps custom audiences of X's Ads API.
//
//	POST {base}/{version}/accounts/{account}/custom_audiences/{id}/users   at most 2,500 operations and 5,000,000 bytes; all or none are taken
//	{base}/{version}/accounts/{account}/custom_audiences
//
// Calls are signed by OAuth 1.0a (RFC 5849) for a user of the account. Matching takes some hours there; what was taken is told at once.
// Rules: docs.x.com/x-ads-api/audiences/reference, .../fundamentals/rate-limiting, .../fundamentals/error-codes-and-responses.
package x

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/dghubble/oauth1"

	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

// Base and Version are X's own address and the version that this package was written for.
const (
	Base    = "https://ads-api.x.com"
	Version = "12"
)

const (
	operations = 2500
	bodyBytes  = 5_000_000
	nameRunes  = 255
)

// Config is how an account is reached.
type Config struct {
	Base           string // empty: Base
	Version        string // empty: Version
	Account        string // of Ads Manager, such as 18ce54d4x5t
	ConsumerKey    string // of the app that X has approved for the Ads API
	ConsumerSecret string
	Token          string // of a user of the account
	TokenSecret    string
	Client         *http.Client
	Now            func() time.Time // nil: time.Now
}

// Platform is one account.
type Platform struct {
	now    func() time.Time
	caller audiences.Caller
}

var accounts = regexp.MustCompile(`^[0-9a-z]+$`)

// New makes no call.
func New(cfg Config) (*Platform, error) {
	cfg.Base, cfg.Version = cmp.Or(cfg.Base, Base), cmp.Or(cfg.Version, Version)
	cfg.Client = cmp.Or(cfg.Client, &http.Client{})
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if !accounts.MatchString(cfg.Account) {
		return nil, errors.New("x: account is the account's id in Ads Manager, such as 18ce54d4x5t")
	}
	if cfg.ConsumerKey == "" || cfg.ConsumerSecret == "" || cfg.Token == "" || cfg.TokenSecret == "" {
		return nil, errors.New("x: the key and secret of the app and of the user's token are needed, four in all")
	}
	signed := oauth1.NewClient(context.WithValue(context.Background(), oauth1.HTTPClient, cfg.Client), oauth1.NewConfig(cfg.ConsumerKey, cfg.ConsumerSecret), oauth1.NewToken(cfg.Token, cfg.TokenSecret))
	signed.Timeout, signed.CheckRedirect = cfg.Client.Timeout, cfg.Client.CheckRedirect
	p := &Platform{now: cfg.Now}
	p.caller = audiences.Caller{Client: signed, Base: strings.TrimSuffix(cfg.Base, "/") + "/" + cfg.Version + "/accounts/" + cfg.Account + "/custom_audiences", Problem: p.problem}
	return p, nil
}

// Facts of custom audiences. A member stays for 13 months.
func (p *Platform) Facts() audiences.Facts {
	return audiences.Facts{Platform: match.X, Batch: operations, Removal: true, Minimum: 100, Expires: 390 * 24 * time.Hour, Calls: 400}
}

type refusal struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	Parameter string `json:"parameter"`
}

// invalid is a call that is refused for some of its operations.
type invalid struct{ reasons map[int]string }

func (e *invalid) Error() string { return fmt.Sprintf("%d operations are wrong", len(e.reasons)) }

// problem reads X's error codes.
func (p *Platform) problem(status int, header http.Header, body []byte) *audiences.Problem {
	var r struct {
		Errors     []refusal         `json:"errors"`
		Operations []json.RawMessage `json:"operation_errors"` // of each operation a list, empty when it is right
	}
	err := json.Unmarshal(body, &r)
	if status == http.StatusTooManyRequests {
		return &audiences.Problem{Class: audiences.Rate, Code: "TOO_MANY_REQUESTS", After: p.reset(header), Msg: "too many calls", MsgJA: "X の呼び出し上限に達しました。しばらくして自動で再開します。"}
	}
	if err != nil {
		return nil // no answer of the API itself: by its status
	}
	bad := &invalid{map[int]string{}}
	for i, o := range r.Operations {
		var list []refusal
		if json.Unmarshal(o, &list) != nil {
			list = make([]refusal, 1)
			if json.Unmarshal(o, &list[0]) != nil {
				continue
			}
		}
		if len(list) > 0 {
			bad.reasons[i] = strings.ToLower(list[0].Code)
		}
	}
	if len(bad.reasons) > 0 {
		return &audiences.Problem{Class: audiences.Refused, Code: "operation_errors", Msg: "X does not take some members", MsgJA: "X が一部のメンバーを受け付けませんでした。", Err: bad}
	}
	if len(r.Errors) == 0 {
		return nil
	}
	e := r.Errors[0]
	x := &audiences.Problem{Class: audiences.Refused, Code: e.Code, Msg: "X does not take the call", MsgJA: "X が受け付けませんでした。", Err: errors.New(e.Message)}
	if e.Parameter != "" {
		x.Msg, x.MsgJA = x.Msg+" ("+e.Parameter+")", "X が受け付けませんでした（"+e.Parameter+"）。"
	}
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		x.Class, x.Msg, x.MsgJA = audiences.Auth, "X does not let the app or the user in: renew the user's token, and check that the app is approved for the Ads API and the user may edit the account's campaigns",
			"X がアプリまたはユーザーを受け付けません。アクセストークンを発行し直し、アプリに広告 API の利用承認があるか、ユーザーに広告アカウントの編集権限があるかを確認してください。"
	case status == http.StatusNotFound:
		x.Class, x.Msg, x.MsgJA = audiences.Gone, "the audience was deleted at X", "X 側でオーディエンスが削除されています。"
	case status >= 500 || status == http.StatusRequestTimeout || status == http.StatusLocked:
		x.Class, x.Msg, x.MsgJA = audiences.Retry, "X has a fault", "X 側で障害が起きています。自動でやり直します。"
	}
	return x
}

// reset is how long X wants to hear nothing: its limit of the account where there is one, else that of the user.
func (p *Platform) reset(h http.Header) time.Duration {
	for _, name := range []string{"x-account-rate-limit-reset", "x-rate-limit-reset"} {
		if d := audiences.Reset(h, name, p.now()); d > 0 {
			return d
		}
	}
	return time.Minute
}

type list struct {
	ID          string   `json:"id"`
	Description string   `json:"description"`
	Size        *int     `json:"audience_size"`
	Deleted     bool     `json:"deleted"`
	Targetable  bool     `json:"targetable"`
	Reasons     []string `json:"reasons_not_targetable"`
}

// query writes parameters as RFC 5849 does, a space as %20.
func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return "?" + strings.ReplaceAll(v.Encode(), "+", "%20")
}

// Create finds the audience by the mark in its description, or makes it. A name that another audience has gets a number.
func (p *Platform) Create(ctx context.Context, spec *audiences.Spec) (string, error) {
	cursor := ""
	for {
		var out struct {
			Data []list `json:"data"`
			Next string `json:"next_cursor"`
		}
		if err := p.caller.Call(ctx, http.MethodGet, query("count", "1000", "cursor", cursor), nil, &out); err != nil {
			return "", err
		}
		for _, l := range out.Data {
			if l.Description == spec.Mark() && !l.Deleted {
				return l.ID, nil
			}
		}
		if cursor = out.Next; cursor == "" {
			break
		}
	}
	title := []rune(spec.Title)
	title = title[:min(len(title), nameRunes-5)]
	name := string(title)
	for n := 2; ; n++ {
		var out struct {
			Data list `json:"data"`
		}
		err := p.caller.Call(ctx, http.MethodPost, query("name", name, "description", spec.Mark()), nil, &out)
		var x *audiences.Problem
		if errors.As(err, &x) && x.Class == audiences.Refused && x.Code == "INVALID_PARAMETER" && strings.HasSuffix(x.Msg, "(name)") && n < 20 {
			name = fmt.Sprintf("%s (%d)", string(title), n)
			continue
		}
		return out.Data.ID, err
	}
}

type user struct {
	Email   []string `json:"email,omitempty"`
	Phone   []string `json:"phone_number,omitempty"`
	Partner []string `json:"partner_user_id,omitempty"`
}

type operation struct {
	Type   string `json:"operation_type"`
	Params struct {
		Users []user `json:"users"`
	} `json:"params"`
}

// encode writes one operation for each member, so that an error tells who is meant.
func encode(kind string, members []audiences.Member) ([]json.RawMessage, error) {
	out := make([]json.RawMessage, len(members))
	for i := range members {
		var u user
		for _, k := range members[i].Keys {
			switch k.Kind {
			case match.Email:
				u.Email = append(u.Email, k.Value)
			case match.Phone:
				u.Phone = append(u.Phone, k.Value)
			case match.Customer:
				u.Partner = append(u.Partner, k.Value)
			}
		}
		o := operation{Type: kind}
		o.Params.Users = []user{u}
		b, err := json.Marshal(o)
		if err != nil {
			return nil, fmt.Errorf("encode a member: %w", err)
		}
		out[i] = b
	}
	return out, nil
}

// change sends members, in more calls when one would be too large. X refuses a call with a wrong operation whole: those are left out and the others sent again.
func (p *Platform) change(ctx context.Context, kind, remote string, members []audiences.Member) (audiences.Answer, error) {
	ops, err := encode(kind, members)
	if err != nil {
		return audiences.Answer{}, err
	}
	a := audiences.Answer{Rejected: map[int]string{}}
	for from := 0; from < len(ops); {
		var places []int
		size := 2
		for i := from; i < len(ops) && len(places) < operations && (size+len(ops[i])+1 <= bodyBytes || len(places) == 0); i++ {
			places, size = append(places, i), size+len(ops[i])+1
		}
		from += len(places)
		if err := p.send(ctx, remote, ops, places, a.Rejected); err != nil {
			return audiences.Answer{}, err
		}
	}
	return a, nil
}

func (p *Platform) send(ctx context.Context, remote string, ops []json.RawMessage, places []int, rejected map[int]string) error {
	for len(places) > 0 {
		var body bytes.Buffer
		for i, n := range places {
			body.WriteByte("[,"[min(i, 1)])
			body.Write(ops[n])
		}
		body.WriteByte(']')
		var out struct {
			Data struct {
				Done  int `json:"success_count"`
				Total int `json:"total_count"`
			} `json:"data"`
		}
		err := p.caller.Call(ctx, http.MethodPost, "/"+url.PathEscape(remote)+"/users", json.RawMessage(body.Bytes()), &out)
		var bad *invalid
		if errors.As(err, &bad) {
			var rest []int
			for i, n := range places {
				if why, wrong := bad.reasons[i]; wrong {
					rejected[n] = why
				} else {
					rest = append(rest, n)
				}
			}
			if len(rest) < len(places) {
				places = rest
				continue
			}
		}
		if err == nil && (out.Data.Done != len(places) || out.Data.Total != len(places)) { // "should be treated as an error condition, requiring a retry"
			err = &audiences.Problem{Class: audiences.Retry, Code: "counts", Msg: fmt.Sprintf("X took %d of %d members; they are told again", out.Data.Done, len(places)), MsgJA: fmt.Sprintf("X が %d 人中 %d 人しか処理していません。自動でやり直します。", len(places), out.Data.Done)}
		}
		return err
	}
	return nil
}

// Add tells of members.
func (p *Platform) Add(ctx context.Context, remote string, _ *audiences.Spec, members []audiences.Member) (audiences.Answer, error) {
	return p.change(ctx, "Update", remote, members)
}

// Remove takes members out.
func (p *Platform) Remove(ctx context.Context, remote string, _ *audiences.Spec, members []audiences.Member) (audiences.Answer, error) {
	return p.change(ctx, "Delete", remote, members)
}

// Result is never asked for: answers are there at once.
func (p *Platform) Result(_ context.Context, _, call string) (audiences.Answer, error) {
	return audiences.Answer{Call: call}, nil
}

// Look tells how many users X found; it does not say while it counts.
func (p *Platform) Look(ctx context.Context, remote string) (audiences.Look, error) {
	var out struct {
		Data list `json:"data"`
	}
	if err := p.caller.Call(ctx, http.MethodGet, "/"+url.PathEscape(remote), nil, &out); err != nil {
		return audiences.Look{}, err
	}
	l := audiences.Look{Ready: true, Matched: -1, State: strings.ToLower(strings.Join(out.Data.Reasons, ", "))}
	if out.Data.Size != nil {
		l.Matched = *out.Data.Size
	}
	return l, nil
}

// Delete removes the audience.
func (p *Platform) Delete(ctx context.Context, remote string) error {
	err := p.caller.Call(ctx, http.MethodDelete, "/"+url.PathEscape(remote), nil, nil)
	var x *audiences.Problem
	if errors.As(err, &x) && x.Class == audiences.Gone {
		return nil
	}
	return err
}
