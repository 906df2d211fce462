// Package google keeps lists of Customer Match by the Data Manager API, the only way that is open to new users since April 2026.
//
//	POST {base}/v1/audienceMembers:ingest, :remove    at most 10,000 members; a request with one wrong member fails whole
//	GET  {base}/v1/requestStatus:retrieve             how a request ended: its work is done later
//	{base}/v1/accountTypes/GOOGLE_ADS/accounts/{account}/userLists
//
// A service account signs in (RFC 7523). Rules: developers.google.com/data-manager/api.
package google

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2/jwt"

	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

// Base is Google's own address.
const Base = "https://datamanager.googleapis.com"

const scope = "https://www.googleapis.com/auth/datamanager"

// days is how long a member stays at most.
const days = 540

// Config is how an account is reached.
type Config struct {
	Base    string // empty: Base
	Account string // the advertiser's id, with or without hyphens
	Login   string // the manager account by which it is reached; empty: none
	Key     []byte // of the service account, the JSON file of the Cloud console
	Client  *http.Client
}

// Platform is one account.
type Platform struct {
	cfg    Config
	caller audiences.Caller
}

// New reads the key; it makes no call.
func New(cfg Config) (*Platform, error) {
	if cfg.Base == "" {
		cfg.Base = Base
	}
	cfg.Client = cmp.Or(cfg.Client, &http.Client{})
	cfg.Account, cfg.Login = strings.ReplaceAll(cfg.Account, "-", ""), strings.ReplaceAll(cfg.Login, "-", "")
	if strings.Trim(cfg.Account, "0123456789") != "" || cfg.Account == "" {
		return nil, errors.New("google: account is the advertiser's id such as 123-456-7890")
	}
	var key struct {
		Email    string `json:"client_email"`
		Private  string `json:"private_key"`
		ID       string `json:"private_key_id"`
		TokenURI string `json:"token_uri"`
	}
	if err := json.Unmarshal(cfg.Key, &key); err != nil || key.Email == "" || key.Private == "" || key.TokenURI == "" {
		return nil, errors.New("google: the key is no JSON file of a service account")
	}
	signer := &jwt.Config{Email: key.Email, PrivateKey: []byte(key.Private), PrivateKeyID: key.ID, Scopes: []string{scope}, TokenURL: key.TokenURI}
	tokens := audiences.NewTokens(cfg.Client, audiences.Problem{Msg: "Google does not accept the service account: check that its key is valid and that it is a user of the advertiser's account",
		MsgJA: "Google がサービスアカウントを受け付けません。鍵が有効か、広告アカウントにユーザーとして追加されているかを確認してください。"}, signer.TokenSource)
	return &Platform{cfg: cfg, caller: audiences.Caller{Client: cfg.Client, Base: strings.TrimSuffix(cfg.Base, "/"), Header: tokens.Header, Renew: tokens.Renew, Problem: problem}}, nil
}

// Facts of the Data Manager API.
func (p *Platform) Facts() audiences.Facts {
	return audiences.Facts{Platform: match.GoogleAds, Batch: 10_000, Removal: true, Later: true, Minimum: 100, Expires: days * 24 * time.Hour, Calls: 300, Ask: 30 * time.Second}
}

type violation struct{ Field, Reason, Description string }

// refusal is google.rpc.Status with its details.
type refusal struct {
	Error struct {
		Status, Message string
		Details         []struct {
			FieldViolations []violation
		}
	}
}

func (x *refusal) first() (v violation, found bool) {
	for _, d := range x.Error.Details {
		if len(d.FieldViolations) > 0 {
			return d.FieldViolations[0], true
		}
	}
	return v, false
}

func problem(status int, header http.Header, body []byte) *audiences.Problem {
	if status < 400 {
		return nil
	}
	var x refusal
	if json.Unmarshal(body, &x) != nil {
		return nil // no answer of the API itself: by its status
	}
	v, _ := x.first()
	cause := fmt.Errorf("%s: %s %s", x.Error.Status, v.Field, v.Reason)
	switch {
	case x.Error.Status == "RESOURCE_EXHAUSTED":
		return &audiences.Problem{Class: audiences.Rate, Code: x.Error.Status, After: max(audiences.RetryAfter(header), time.Minute), Msg: "Google's quota is used up for now", MsgJA: "Google の呼び出し上限に達しました。しばらくして自動で再開します。", Err: cause}
	case v.Reason == "TERMS_AND_CONDITIONS_NOT_SIGNED":
		return &audiences.Problem{Class: audiences.Refused, Code: v.Reason, Msg: "accept the terms of Customer Match in the advertiser's account at Google Ads", MsgJA: "Google 広告の管理画面で、カスタマー マッチの利用規約に同意してください。", Err: cause}
	case v.Reason == "INVALID_DESTINATION":
		return &audiences.Problem{Class: audiences.Gone, Code: v.Reason, Msg: "the list was deleted at Google", MsgJA: "Google 広告側でリストが削除されています。", Err: cause}
	case x.Error.Status == "INVALID_ARGUMENT":
		code := v.Reason
		if code == "" {
			code = x.Error.Status
		}
		return &audiences.Problem{Class: audiences.Refused, Code: code, Msg: "Google does not take the request (" + v.Field + ")", MsgJA: "Google がリクエストを受け付けませんでした（" + v.Field + "）。", Err: &invalid{v}}
	case x.Error.Status == "PERMISSION_DENIED":
		return &audiences.Problem{Class: audiences.Auth, Code: x.Error.Status, Msg: "the service account may not change lists of this advertiser: add it as a user with standard access", MsgJA: "サービスアカウントにこの広告アカウントの権限がありません。「標準」以上の権限でユーザーに追加してください。", Err: cause}
	}
	return nil
}

// invalid is a request that fails for one field.
type invalid struct{ violation }

func (e *invalid) Error() string { return e.Field + ": " + e.Reason }

func (p *Platform) lists() string {
	return "/v1/accountTypes/GOOGLE_ADS/accounts/" + p.cfg.Account + "/userLists"
}

type userList struct {
	ID                   string         `json:"id,omitempty"`
	DisplayName          string         `json:"displayName,omitempty"`
	Description          string         `json:"description,omitempty"`
	IntegrationCode      string         `json:"integrationCode,omitempty"`
	MembershipStatus     string         `json:"membershipStatus,omitempty"`
	MembershipDuration   string         `json:"membershipDuration,omitempty"`
	IngestedUserListInfo map[string]any `json:"ingestedUserListInfo,omitempty"`
	SizeInfo             *struct {
		Display string `json:"displayNetworkMembersCount"`
		Search  string `json:"searchNetworkMembersCount"`
	} `json:"sizeInfo,omitempty"`
}

// Create finds the list by its integration code, or makes it. A name that another list has gets a number.
func (p *Platform) Create(ctx context.Context, spec *audiences.Spec) (string, error) {
	var found struct {
		UserLists []userList `json:"userLists"`
	}
	if err := p.caller.Call(ctx, http.MethodGet, p.lists()+"?filter="+url.QueryEscape(`integration_code = "`+spec.Mark()+`"`), nil, &found); err != nil {
		return "", err
	}
	if len(found.UserLists) > 0 {
		return found.UserLists[0].ID, nil
	}
	in := userList{DisplayName: spec.Title, Description: "Enishi", IntegrationCode: spec.Mark(), MembershipStatus: "OPEN", MembershipDuration: strconv.Itoa(days*86400) + "s",
		IngestedUserListInfo: map[string]any{"uploadKeyTypes": []string{"CONTACT_ID"}, "contactIdInfo": map[string]string{"dataSourceType": "DATA_SOURCE_TYPE_FIRST_PARTY"}}}
	for n := 2; ; n++ {
		var made userList
		err := p.caller.Call(ctx, http.MethodPost, p.lists(), &in, &made)
		var bad *invalid
		if errors.As(err, &bad) && bad.Reason == "USER_LIST_NAME_ALREADY_USED" && n < 20 {
			in.DisplayName = fmt.Sprintf("%s (%d)", spec.Title, n)
			continue
		}
		return made.ID, err
	}
}

// identifier is one of a member's: one of its fields.
type identifier struct {
	Email   string   `json:"emailAddress,omitempty"`
	Phone   string   `json:"phoneNumber,omitempty"`
	Address *address `json:"address,omitempty"`
}

type address struct {
	Given  string `json:"givenName"`
	Family string `json:"familyName"`
	Region string `json:"regionCode"`
	Postal string `json:"postalCode"`
}

type member struct {
	UserData struct {
		UserIdentifiers []identifier `json:"userIdentifiers"`
	} `json:"userData"`
}

func members(list []audiences.Member) []member {
	out := make([]member, len(list))
	for i := range list {
		for _, k := range list[i].Keys {
			var id identifier
			switch k.Kind {
			case match.Email:
				id = identifier{Email: k.Value}
			case match.Phone:
				id = identifier{Phone: k.Value}
			case match.Name:
				parts := strings.Split(k.Value, match.Separator)
				id = identifier{Address: &address{Given: parts[0], Family: parts[1], Region: parts[2], Postal: parts[3]}}
			default:
				continue
			}
			out[i].UserData.UserIdentifiers = append(out[i].UserData.UserIdentifiers, id)
		}
	}
	return out
}

var place = regexp.MustCompile(`^audience_members\[(\d+)\]`)

// change sends members. One that Google calls wrong is left out and the others are sent again: a request with a wrong member fails whole.
func (p *Platform) change(ctx context.Context, method, remote string, list []audiences.Member, extra map[string]any) (audiences.Answer, error) {
	body := members(list)
	places := make([]int, len(list))
	for i := range places {
		places[i] = i
	}
	account := map[string]string{"accountType": "GOOGLE_ADS", "accountId": p.cfg.Account}
	destination := map[string]any{"operatingAccount": account, "productDestinationId": remote}
	if p.cfg.Login != "" {
		destination["loginAccount"] = map[string]string{"accountType": "GOOGLE_ADS", "accountId": p.cfg.Login}
	}
	a := audiences.Answer{Rejected: map[int]string{}}
	for {
		if len(body) == 0 {
			return a, nil
		}
		in := map[string]any{"destinations": []any{destination}, "audienceMembers": body, "encoding": "HEX"}
		for k, v := range extra {
			in[k] = v
		}
		var out struct {
			RequestID string `json:"requestId"`
		}
		err := p.caller.Call(ctx, http.MethodPost, "/v1/audienceMembers:"+method, in, &out)
		var bad *invalid
		if errors.As(err, &bad) {
			if m := place.FindStringSubmatch(bad.Field); m != nil {
				if i, convErr := strconv.Atoi(m[1]); convErr == nil && i < len(body) && len(a.Rejected) < 20 {
					a.Rejected[places[i]] = bad.Reason
					body, places = append(body[:i:i], body[i+1:]...), append(places[:i:i], places[i+1:]...)
					continue
				}
			}
		}
		if err != nil {
			return audiences.Answer{}, err
		}
		a.Call, a.Open, a.Accepted = out.RequestID, true, len(body)
		if len(a.Rejected) > 0 { // the result is asked for later, when nobody knows any more who was left out
			a.Call += "|" + rejectedText(a.Rejected)
		}
		return a, nil
	}
}

// rejectedText keeps who was left out of a request in its name: place=reason, separated by commas.
func rejectedText(rejected map[int]string) string {
	var parts []string
	for i, reason := range rejected {
		parts = append(parts, strconv.Itoa(i)+"="+reason)
	}
	return strings.Join(parts, ",")
}

// Add tells of members with the permission that the shop has of them.
func (p *Platform) Add(ctx context.Context, remote string, _ *audiences.Spec, list []audiences.Member) (audiences.Answer, error) {
	return p.change(ctx, "ingest", remote, list, map[string]any{"consent": map[string]string{"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"},
		"termsOfService": map[string]string{"customerMatchTermsOfServiceStatus": "ACCEPTED"}})
}

// Remove takes members out.
func (p *Platform) Remove(ctx context.Context, remote string, _ *audiences.Spec, list []audiences.Member) (audiences.Answer, error) {
	return p.change(ctx, "remove", remote, list, nil)
}

// Result asks how a request ended. Google counts what it did not take, by reason, and does not say who it was.
func (p *Platform) Result(ctx context.Context, _, call string) (audiences.Answer, error) {
	id, left, _ := strings.Cut(call, "|")
	a := audiences.Answer{Call: call}
	if left != "" {
		a.Rejected = map[int]string{}
		for _, part := range strings.Split(left, ",") {
			i, reason, _ := strings.Cut(part, "=")
			if n, err := strconv.Atoi(i); err == nil {
				a.Rejected[n] = reason
			}
		}
	}
	var out struct {
		Destinations []struct {
			Status    string `json:"requestStatus"`
			ErrorInfo struct {
				Counts []struct {
					Records string `json:"recordCount"`
					Reason  string `json:"reason"`
				} `json:"errorCounts"`
			} `json:"errorInfo"`
		} `json:"requestStatusPerDestination"`
	}
	if err := p.caller.Call(ctx, http.MethodGet, "/v1/requestStatus:retrieve?requestId="+url.QueryEscape(id), nil, &out); err != nil {
		return audiences.Answer{}, err
	}
	if len(out.Destinations) == 0 || out.Destinations[0].Status == "PROCESSING" || out.Destinations[0].Status == "REQUEST_STATUS_UNKNOWN" {
		a.Open = true
		return a, nil
	}
	for _, c := range out.Destinations[0].ErrorInfo.Counts {
		n, err := strconv.Atoi(c.Records)
		if err != nil {
			n = 1
		}
		a.Refused, a.Reason = a.Refused+n, strings.ToLower(strings.TrimPrefix(c.Reason, "PROCESSING_ERROR_REASON_"))
		if c.Reason == "PROCESSING_ERROR_REASON_DESTINATION_NOT_FOUND" {
			return audiences.Answer{}, &audiences.Problem{Class: audiences.Gone, Code: c.Reason, Msg: "the list was deleted at Google", MsgJA: "Google 広告側でリストが削除されています。"}
		}
	}
	return a, nil
}

// Look tells the list's size, the larger of search and display. Google rounds it and needs up to two days.
func (p *Platform) Look(ctx context.Context, remote string) (audiences.Look, error) {
	var l userList
	if err := p.caller.Call(ctx, http.MethodGet, p.lists()+"/"+url.PathEscape(remote), nil, &l); err != nil {
		return audiences.Look{}, err
	}
	out := audiences.Look{Ready: true, Matched: -1, State: strings.ToLower(l.MembershipStatus)}
	if l.SizeInfo != nil {
		for _, s := range []string{l.SizeInfo.Display, l.SizeInfo.Search} {
			if n, err := strconv.Atoi(s); err == nil {
				out.Matched = max(out.Matched, n)
			}
		}
	}
	return out, nil
}

// Delete removes the list.
func (p *Platform) Delete(ctx context.Context, remote string) error {
	err := p.caller.Call(ctx, http.MethodDelete, p.lists()+"/"+url.PathEscape(remote), nil, nil)
	var x *audiences.Problem
	if errors.As(err, &x) && x.Class == audiences.Gone {
		return nil
	}
	return err
}
