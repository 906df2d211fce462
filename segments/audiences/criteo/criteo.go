// Package criteo keeps contact lists of Criteo's Marketing Solutions API.
//
//	PATCH {base}/{version}/marketing-solutions/audience-segments/{id}/contact-list   at most 50,000 identifiers; those that cannot be read are counted
//	GET   the same                                                                   how many matched
//	POST  {base}/{version}/marketing-solutions/audience-segments/create, search, delete
//
// An application signs in by client credentials (OAuth 2). Bulk calls answer 200 with errors in the body. Rules: developers.criteo.com/marketing-solutions.
package criteo

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

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

// Base and Version are Criteo's own address and the version that this package was written for.
const (
	Base    = "https://api.criteo.com"
	Version = "2026-07"
)

const (
	identifiers = 50_000 // of a call
	page        = 100    // lists of a page
)

// Config is how an account is reached.
type Config struct {
	Base    string // empty: Base
	Version string // empty: Version
	Account string // the advertiser's id
	ID      string // of the application
	Secret  string
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
	if cfg.Account == "" || strings.Trim(cfg.Account, "0123456789") != "" || cfg.ID == "" || cfg.Secret == "" {
		return nil, errors.New("criteo: account is the advertiser's id (a number), and id and secret of the application are needed")
	}
	base := strings.TrimSuffix(cfg.Base, "/")
	grant := clientcredentials.Config{ClientID: cfg.ID, ClientSecret: cfg.Secret, TokenURL: base + "/oauth2/token", AuthStyle: oauth2.AuthStyleInParams}
	tokens := audiences.NewTokens(cfg.Client, audiences.Problem{Msg: "Criteo does not accept the application: check its id and secret, and that the advertiser has given it consent",
		MsgJA: "Criteo がアプリケーションを受け付けません。クライアント ID とシークレット、広告主の同意（consent）を確認してください。"}, grant.TokenSource)
	p := &Platform{account: cfg.Account, now: cfg.Now}
	p.caller = audiences.Caller{Client: cfg.Client, Base: base + "/" + cfg.Version + "/marketing-solutions/audience-segments", Header: tokens.Header, Renew: tokens.Renew, Problem: p.problem}
	return p, nil
}

// Facts of contact lists. Criteo asks for more than 500 people in a list.
func (p *Platform) Facts() audiences.Facts {
	return audiences.Facts{Platform: match.Criteo, Batch: identifiers / 2, Removal: true, Minimum: 500, Calls: 200}
}

// fault is one error of an answer (RFC 7807, as Criteo extends it).
type fault struct {
	Type     string `json:"type"`
	Code     string `json:"code"`
	Instance string `json:"instance"`
	Title    string `json:"title"`
}

// problem reads errors, which stand in answers of status 200 too.
func (p *Platform) problem(status int, header http.Header, body []byte) *audiences.Problem {
	if status == http.StatusTooManyRequests {
		after := audiences.Reset(header, "x-ratelimit-reset", p.now())
		if after == 0 {
			after = time.Minute
		}
		return &audiences.Problem{Class: audiences.Rate, Code: "429", After: after, Msg: "too many calls", MsgJA: "Criteo の呼び出し上限に達しました。しばらくして自動で再開します。"}
	}
	var x struct {
		Errors []fault `json:"errors"`
	}
	if json.Unmarshal(body, &x) != nil || len(x.Errors) == 0 {
		return nil
	}
	e := x.Errors[0]
	out := &audiences.Problem{Class: audiences.Refused, Code: e.Code, Msg: "Criteo does not take the call", MsgJA: "Criteo が受け付けませんでした。", Err: errors.New(e.Title)}
	switch {
	case status >= 500 || e.Type == "availability":
		out.Class, out.Msg, out.MsgJA = audiences.Retry, "Criteo has a fault", "Criteo 側で障害が起きています。自動でやり直します。"
	case status == http.StatusNotFound || strings.HasSuffix(e.Code, "not-found"):
		out.Class, out.Msg, out.MsgJA = audiences.Gone, "the contact list was deleted at Criteo", "Criteo 側でコンタクトリストが削除されています。"
	case status == http.StatusUnauthorized || status == http.StatusForbidden || e.Type == "access-control" || e.Type == "authorization":
		out.Class, out.Msg, out.MsgJA = audiences.Auth, "the application may not manage audiences of this advertiser: have the advertiser give it consent", "アプリケーションにこの広告主のオーディエンスを管理する権限がありません。広告主に同意（consent）を依頼してください。"
	case e.Type == "quota":
		out.Class, out.After, out.Msg, out.MsgJA = audiences.Rate, time.Hour, "a quota at Criteo is used up", "Criteo の利用枠に達しました。時間をおいて自動で再開します。"
	}
	return out
}

type segment struct {
	ID         string `json:"id,omitempty"`
	Type       string `json:"type"`
	Attributes any    `json:"attributes,omitempty"`
}

const segmentType = "AudienceSegment"

type attributes struct {
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Advertiser  string    `json:"advertiserId,omitempty"`
	ContactList *struct{} `json:"contactList,omitempty"`
}

// Create finds the list by the mark in its description, or makes it. A name that another list has gets a number.
func (p *Platform) Create(ctx context.Context, spec *audiences.Spec) (string, error) {
	filter := map[string]any{"data": map[string]any{"type": segmentType, "attributes": map[string]any{"advertiserIds": []string{p.account}, "audienceSegmentTypes": []string{"ContactList"}}}}
	for from := 0; ; from += page {
		var out struct {
			Data []struct {
				ID         string     `json:"id"`
				Attributes attributes `json:"attributes"`
			} `json:"data"`
			Meta struct {
				Total int `json:"totalItems"`
			} `json:"meta"`
		}
		if err := p.caller.Call(ctx, http.MethodPost, fmt.Sprintf("/search?limit=%d&offset=%d", page, from), filter, &out); err != nil {
			return "", err
		}
		for _, s := range out.Data {
			if s.Attributes.Description == spec.Mark() {
				return s.ID, nil
			}
		}
		if from+page >= out.Meta.Total {
			break
		}
	}
	in := attributes{Name: spec.Title, Description: spec.Mark(), Advertiser: p.account, ContactList: &struct{}{}}
	for n := 2; ; n++ {
		var out struct {
			Data []segment `json:"data"`
		}
		err := p.caller.Call(ctx, http.MethodPost, "/create", map[string]any{"data": []segment{{Type: segmentType, Attributes: in}}}, &out)
		var x *audiences.Problem
		if errors.As(err, &x) && x.Code == "name-must-be-unique" && n < 20 {
			in.Name = fmt.Sprintf("%s (%d)", spec.Title, n)
			continue
		}
		if err == nil && len(out.Data) == 0 {
			err = &audiences.Problem{Class: audiences.Retry, Code: "answer", Msg: "Criteo made no list and names no reason", MsgJA: "Criteo がコンタクトリストを作成しませんでした。自動でやり直します。"}
		}
		if err != nil {
			return "", err
		}
		return out.Data[0].ID, nil
	}
}

func (p *Platform) change(ctx context.Context, operation, remote string, members []audiences.Member) (audiences.Answer, error) {
	var hashes []string
	for i := range members {
		for _, k := range members[i].Keys {
			if k.Kind == match.Email {
				hashes = append(hashes, k.Value)
			}
		}
	}
	a := audiences.Answer{Units: len(hashes)}
	for len(hashes) > 0 {
		n := min(identifiers, len(hashes))
		in := map[string]any{"data": map[string]any{"type": "ContactlistAmendment", "attributes": map[string]any{"operation": operation, "identifierType": "email", "internalIdentifiers": false, "identifiers": hashes[:n]}}}
		var out struct {
			Data struct {
				Attributes struct {
					Invalid int `json:"nbInvalidIdentifiers"`
				} `json:"attributes"`
			} `json:"data"`
		}
		if err := p.caller.Call(ctx, http.MethodPatch, "/"+url.PathEscape(remote)+"/contact-list", in, &out); err != nil {
			return audiences.Answer{}, err
		}
		a.Refused += out.Data.Attributes.Invalid
		hashes = hashes[n:]
	}
	if a.Refused > 0 {
		a.Reason = "invalid_identifiers"
	}
	return a, nil
}

// Add tells of members.
func (p *Platform) Add(ctx context.Context, remote string, _ *audiences.Spec, members []audiences.Member) (audiences.Answer, error) {
	return p.change(ctx, "add", remote, members)
}

// Remove takes members out.
func (p *Platform) Remove(ctx context.Context, remote string, _ *audiences.Spec, members []audiences.Member) (audiences.Answer, error) {
	return p.change(ctx, "remove", remote, members)
}

// Result is never asked for: answers are there at once.
func (p *Platform) Result(_ context.Context, _, call string) (audiences.Answer, error) {
	return audiences.Answer{Call: call}, nil
}

// Look tells how many addresses Criteo knows.
func (p *Platform) Look(ctx context.Context, remote string) (audiences.Look, error) {
	var out struct {
		Data struct {
			Attributes struct {
				Matches *int `json:"numberOfMatches"`
			} `json:"attributes"`
		} `json:"data"`
	}
	if err := p.caller.Call(ctx, http.MethodGet, "/"+url.PathEscape(remote)+"/contact-list", nil, &out); err != nil {
		return audiences.Look{}, err
	}
	l := audiences.Look{Ready: true, Matched: -1}
	if n := out.Data.Attributes.Matches; n != nil {
		l.Matched = *n
	}
	return l, nil
}

// Delete removes the list.
func (p *Platform) Delete(ctx context.Context, remote string) error {
	err := p.caller.Call(ctx, http.MethodPost, "/delete", map[string]any{"data": []segment{{ID: remote, Type: segmentType}}}, nil)
	var x *audiences.Problem
	if errors.As(err, &x) && x.Class == audiences.Gone {
		return nil
	}
	return err
}
