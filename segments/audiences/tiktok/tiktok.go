// Package tiktok keeps custom audiences of TikTok by the streaming API of its Marketing API.
//
//	POST {base}/open_api/{version}/segment/audience/          makes and deletes a list
//	POST {base}/open_api/{version}/segment/mapping/           adds and takes out hashes
//	GET  {base}/open_api/{version}/dmp/custom_audience/list/  and get/
//
// Whether a call worked stands in the body (code 0), with status 200 in any case. Matching takes 24 to 48 hours there; what was taken is told at once.
// Rules: business-api.tiktok.com/portal/docs (Audience, Streaming API; Appendix, Return codes).
package tiktok

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

// Base and Version are TikTok's own address and the version that this package was written for.
const (
	Base    = "https://business-api.tiktok.com"
	Version = "v1.3"
)

const (
	rows      = 1000 // of a call; the reference names no limit, and this is what connectors in use send
	nameRunes = 70   // of a name: TikTok cuts a longer one, and with it the mark
	page      = 100  // lists of a page at most
)

// Config is how an account is reached.
type Config struct {
	Base    string // empty: Base
	Version string // empty: Version
	Account string // the advertiser's id
	Token   string // long-term access token of an app that the advertiser has authorised for audiences
	Client  *http.Client
	Now     func() time.Time // nil: time.Now
}

// Platform is one advertiser.
type Platform struct {
	account string
	now     func() time.Time
	caller  audiences.Caller
}

// New makes no call.
func New(cfg Config) (*Platform, error) {
	cfg.Base, cfg.Version = cmp.Or(cfg.Base, Base), cmp.Or(cfg.Version, Version)
	cfg.Client = cmp.Or(cfg.Client, &http.Client{})
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Account == "" || strings.Trim(cfg.Account, "0123456789") != "" || cfg.Token == "" {
		return nil, errors.New("tiktok: account is the advertiser's id (a number), and token is needed")
	}
	return &Platform{account: cfg.Account, now: cfg.Now, caller: audiences.Caller{Client: cfg.Client, Base: strings.TrimSuffix(cfg.Base, "/") + "/open_api/" + cfg.Version,
		Header: func(_ context.Context, r *http.Request) error {
			r.Header.Set("Access-Token", cfg.Token)
			return nil
		}, Problem: problem}}, nil
}

// Facts of custom audiences. A list that neither changes nor is used for 12 months expires as a whole; telling everybody again is a change.
func (p *Platform) Facts() audiences.Facts {
	return audiences.Facts{Platform: match.TikTok, Batch: rows / 2, Removal: true, Minimum: 1000, Expires: 365 * 24 * time.Hour, Calls: 300}
}

// partial is TikTok's code of a call that was carried out in part.
const partial = 20001

// problem reads the code in the body.
func problem(status int, _ http.Header, body []byte) *audiences.Problem {
	var x struct {
		Code    *int   `json:"code"`
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &x) != nil || x.Code == nil {
		if status == http.StatusOK {
			return &audiences.Problem{Class: audiences.Retry, Code: "answer", Msg: "TikTok's answer is not one of its API", MsgJA: "TikTok の応答を読み取れませんでした。自動でやり直します。"}
		}
		return nil
	}
	code := *x.Code
	if code == 0 || code == partial {
		return nil
	}
	p := &audiences.Problem{Class: audiences.Refused, Code: strconv.Itoa(code), Msg: "TikTok does not take the call", MsgJA: "TikTok が受け付けませんでした。", Err: errors.New(x.Message)}
	switch {
	case code == 40001 || slices.Contains([]int{40102, 40104, 40105, 40106}, code):
		p.Class, p.Msg, p.MsgJA = audiences.Auth, "the access token is revoked, or the advertiser has not given the app the permission for audiences: authorise it anew", "アクセストークンが無効か、オーディエンス管理の権限がありません。TikTok for Business でアプリの認可をやり直してください。"
	case code == 40100 || code == 40016:
		p.Class, p.After, p.Msg, p.MsgJA = audiences.Rate, time.Minute, "too many calls", "TikTok の呼び出し上限に達しました。しばらくして自動で再開します。"
	case code == 40133: // of the day
		p.Class, p.After, p.Msg, p.MsgJA = audiences.Rate, time.Hour, "the calls of the day are used up", "TikTok の 1 日の呼び出し上限に達しました。時間をおいて自動で再開します。"
	case code >= 50000 && code < 60000 || status >= 500:
		p.Class, p.Msg, p.MsgJA = audiences.Retry, "TikTok has a fault", "TikTok 側で障害が起きています。自動でやり直します。"
	}
	return p
}

var gone = audiences.Problem{Class: audiences.Gone, Msg: "the audience was deleted or has expired at TikTok", MsgJA: "TikTok 側でオーディエンスが削除されたか、有効期限が切れています。"}

type list struct {
	ID      string `json:"audience_id"`
	Name    string `json:"name"`
	Cover   int    `json:"cover_num"`
	Valid   bool   `json:"is_valid"`
	Expires string `json:"expired_time"`
}

// Create finds the list by the mark at the end of its name, the only text that a list has, or makes it.
func (p *Platform) Create(ctx context.Context, spec *audiences.Spec) (string, error) {
	mark := "[" + spec.Mark() + "]"
	if len(mark) > nameRunes/2 {
		mark = "[enishi:" + match.Hash(spec.Mark())[:16] + "]"
	}
	for n := 1; ; n++ {
		var out struct {
			Data struct {
				List []list `json:"list"`
				Page struct {
					Total int `json:"total_page"`
				} `json:"page_info"`
			} `json:"data"`
		}
		path := fmt.Sprintf("/dmp/custom_audience/list/?advertiser_id=%s&page=%d&page_size=%d", p.account, n, page)
		if err := p.caller.Call(ctx, http.MethodGet, path, nil, &out); err != nil {
			return "", err
		}
		for _, l := range out.Data.List {
			if strings.HasSuffix(l.Name, mark) {
				return l.ID, nil
			}
		}
		if n >= out.Data.Page.Total {
			break
		}
	}
	title := []rune(spec.Title)
	in := map[string]string{"advertiser_id": p.account, "action": "create", "custom_audience_name": string(title[:min(len(title), nameRunes-len(mark)-1)]) + " " + mark}
	var out struct {
		Data struct {
			ID string `json:"audience_id"`
		} `json:"data"`
	}
	err := p.caller.Call(ctx, http.MethodPost, "/segment/audience/", in, &out)
	return out.Data.ID, err
}

type cell struct {
	ID        string   `json:"id,omitempty"`
	Audiences []string `json:"audience_ids,omitempty"`
}

// rowsOf are the rows of a member, with an address and a number each: one, and one more for each further address or number.
func rowsOf(m *audiences.Member, remote string) [][2]cell {
	var out [][2]cell
	used := [2]int{}
	for _, k := range m.Keys {
		column := slices.Index([]match.Kind{match.Email, match.Phone}, k.Kind)
		if column < 0 {
			continue
		}
		if used[column] == len(out) {
			out = append(out, [2]cell{})
		}
		out[used[column]][column] = cell{k.Value, []string{remote}}
		used[column]++
	}
	return out
}

func (p *Platform) change(ctx context.Context, action, remote string, members []audiences.Member) (audiences.Answer, error) {
	var data [][2]cell
	for i := range members {
		data = append(data, rowsOf(&members[i], remote)...)
	}
	a := audiences.Answer{Units: len(data)}
	for len(data) > 0 {
		n := min(rows, len(data))
		in := map[string]any{"advertiser_ids": []string{p.account}, "action": action, "id_schema": []string{"EMAIL_SHA256", "PHONE_SHA256"}, "batch_data": data[:n]}
		var out struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
			Request string `json:"request_id"`
		}
		if err := p.caller.Call(ctx, http.MethodPost, "/segment/mapping/", in, &out); err != nil {
			return audiences.Answer{}, p.cause(ctx, remote, err)
		}
		if a.Call = out.Request; out.Code == partial { // how many is not said
			a.Refused, a.Reason = a.Refused+1, "partly_taken"
		}
		data = data[n:]
	}
	return a, nil
}

// cause is why a call about a list did not work. TikTok has one code for everything that is wrong with a call, a list that is not there included.
func (p *Platform) cause(ctx context.Context, remote string, err error) error {
	var x *audiences.Problem
	if errors.As(err, &x) && x.Class == audiences.Refused {
		if _, why := p.Look(ctx, remote); errors.As(why, &x) && x.Class == audiences.Gone {
			return x
		}
	}
	return err
}

// Add tells of members.
func (p *Platform) Add(ctx context.Context, remote string, _ *audiences.Spec, members []audiences.Member) (audiences.Answer, error) {
	return p.change(ctx, "add", remote, members)
}

// Remove takes members out.
func (p *Platform) Remove(ctx context.Context, remote string, _ *audiences.Spec, members []audiences.Member) (audiences.Answer, error) {
	return p.change(ctx, "delete", remote, members)
}

// Result is never asked for: answers are there at once.
func (p *Platform) Result(_ context.Context, _, call string) (audiences.Answer, error) {
	return audiences.Answer{Call: call}, nil
}

// Look tells how many users TikTok found; it does not say while it counts for the first time.
func (p *Platform) Look(ctx context.Context, remote string) (audiences.Look, error) {
	ids, err := json.Marshal([]string{remote})
	if err != nil {
		return audiences.Look{}, err
	}
	var out struct {
		Data struct {
			List []struct {
				Details list `json:"audience_details"`
			} `json:"list"`
		} `json:"data"`
	}
	path := "/dmp/custom_audience/get/?advertiser_id=" + p.account + "&custom_audience_ids=" + url.QueryEscape(string(ids))
	if err := p.caller.Call(ctx, http.MethodGet, path, nil, &out); err != nil {
		return audiences.Look{}, err
	}
	x := gone
	if len(out.Data.List) == 0 {
		return audiences.Look{}, &x
	}
	l := out.Data.List[0].Details
	if at, err := time.Parse(time.DateTime, l.Expires); err == nil && !at.After(p.now()) {
		x.Code = "expired"
		return audiences.Look{}, &x
	}
	look := audiences.Look{Ready: true, Matched: l.Cover, State: "valid"}
	if !l.Valid {
		look.State = "not_valid_yet"
		if l.Cover == 0 {
			look.Matched = -1
		}
	}
	return look, nil
}

// Delete removes the list.
func (p *Platform) Delete(ctx context.Context, remote string) error {
	err := p.caller.Call(ctx, http.MethodPost, "/segment/audience/", map[string]string{"advertiser_id": p.account, "action": "delete", "delete_audience_id": remote}, nil)
	var x *audiences.Problem
	if err = p.cause(ctx, remote, err); errors.As(err, &x) && x.Class == audiences.Gone {
		return nil
	}
	return err
}
