// Package yahoo keeps audience lists of customer data of Yahoo!広告 ディスプレイ広告 (YDA).
//
//	POST {base}/api/{version}/AudienceListService/get, add, remove
//	POST .../uploadUserList            a file of at least 100 rows and at most 1 GiB; what comes of it is told later
//	POST .../getUploadUserListStatus   RECEIVING, RECEIVED, INVALID_FILE, FAILED
//
// An application signs in by the refresh token of somebody who may manage the account. Nobody can be taken out of a list: who leaves makes a new list needed, and ad groups have to be
// switched over by hand, for Yahoo! deletes no list that one uses. Rules: github.com/yahoojp-marketing/ads-display-api-documents (v19).
package yahoo

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

// Base, TokenURL and Version are Yahoo!'s own addresses and the version that this package was written for.
const (
	Base     = "https://ads-display.yahooapis.jp"
	TokenURL = "https://biz-oauth.yahoo.co.jp/oauth/v1/token"
	Version  = "v19"
)

const (
	leastRows = 100     // of a file
	fileBytes = 1 << 30 // of a file
	days      = 180     // that a row stays in a list, the most there is
	page      = 1000    // lists of a page
	nameRunes = 100     // of a list's name
)

// Config is how an account is reached.
type Config struct {
	Base    string // of the API; its token endpoint is {base}/oauth/v1/token. Empty: Base and TokenURL
	Version string // empty: Version
	Account string // id of the advertising account
	Login   string // id of the account that the person of the refresh token belongs to, such as the MCC; empty: Account
	ID      string // of the application
	Secret  string
	Refresh string // token
	Client  *http.Client
}

// Platform is one account.
type Platform struct {
	audiences.Lists
	account int64
	caller  audiences.Caller
	upload  audiences.Caller // whose calls last longer
}

// New makes no call.
func New(cfg Config) (*Platform, error) {
	token := TokenURL
	if cfg.Base == "" {
		cfg.Base = Base
	} else {
		token = strings.TrimSuffix(cfg.Base, "/") + "/oauth/v1/token"
	}
	cfg.Client = cmp.Or(cfg.Client, &http.Client{})
	account, err := strconv.ParseInt(cfg.Account, 10, 64)
	login, lerr := strconv.ParseInt(cmp.Or(cfg.Login, cfg.Account), 10, 64)
	if err != nil || lerr != nil || account <= 0 || login <= 0 || cfg.ID == "" || cfg.Secret == "" || cfg.Refresh == "" {
		return nil, errors.New("yahoo: account (and login, where there is one) is a number, and id and secret of the application and a refresh token are needed")
	}
	grant := oauth2.Config{ClientID: cfg.ID, ClientSecret: cfg.Secret, Endpoint: oauth2.Endpoint{TokenURL: token, AuthStyle: oauth2.AuthStyleInParams}}
	tokens := audiences.NewTokens(cfg.Client, audiences.Problem{Msg: "Yahoo! does not accept the refresh token: authorise the application again", MsgJA: "Yahoo!広告がリフレッシュトークンを受け付けません。アプリケーションの認可をやり直してください。"},
		func(ctx context.Context) oauth2.TokenSource {
			return grant.TokenSource(ctx, &oauth2.Token{RefreshToken: cfg.Refresh})
		})
	p := &Platform{account: account}
	p.caller = audiences.Caller{Client: cfg.Client, Base: strings.TrimSuffix(cfg.Base, "/") + "/api/" + cmp.Or(cfg.Version, Version) + "/AudienceListService", Renew: tokens.Renew, Problem: problem,
		Header: func(ctx context.Context, r *http.Request) error {
			r.Header.Set("x-z-base-account-id", strconv.FormatInt(login, 10))
			return tokens.Header(ctx, r)
		}}
	long := *cfg.Client
	long.Timeout = 0 // the caller's context bounds it
	p.upload = p.caller
	p.upload.Client = &long
	return p, nil
}

// Facts of audience lists.
func (p *Platform) Facts() audiences.Facts {
	return audiences.Facts{Platform: match.YahooJP, Batch: 50_000, Later: true, Minimum: leastRows, Expires: days * 24 * time.Hour, Calls: 60, Ask: time.Minute}
}

type fault struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// problem reads errors, which stand in answers of status 200 too, of the call or of one of its objects.
func problem(status int, _ http.Header, body []byte) *audiences.Problem {
	var x struct {
		Errors []fault `json:"errors"`
		Rval   struct {
			Values []struct {
				Errors []fault `json:"errors"`
			} `json:"values"`
		} `json:"rval"`
	}
	if json.Unmarshal(body, &x) != nil {
		return nil
	}
	for _, v := range x.Rval.Values {
		x.Errors = append(x.Errors, v.Errors...)
	}
	if len(x.Errors) == 0 || status == http.StatusUnauthorized || status == http.StatusTooManyRequests || status >= 500 {
		return nil // the status says it
	}
	e := x.Errors[0]
	out := &audiences.Problem{Class: audiences.Refused, Code: e.Code, Msg: "Yahoo! does not take the call", MsgJA: "Yahoo!広告が受け付けませんでした。", Err: errors.New(e.Message)}
	switch e.Code {
	case "0114":
		out.Class, out.Msg, out.MsgJA = audiences.Auth, "the access token is not valid for display ads: authorise the application again", "アクセストークンが無効です。アプリケーションの認可をやり直してください。"
	case "110005", "I0001":
		out.Class, out.Msg, out.MsgJA = audiences.Gone, "the list was deleted at Yahoo!", "Yahoo!広告側でオーディエンスリストが削除されています。"
	case "211005", "211008", "210002":
		out.Msg, out.MsgJA = "an ad group still uses the old list: switch it to the new one in the ads manager; then the old list, with those who left, is deleted", "広告グループが古いオーディエンスリストを使っているため削除できません。広告管理ツールで新しいリストに切り替えてください（切り替え後、外れた方を含む古いリストは自動で削除されます）。"
	case "210003":
		out.Msg, out.MsgJA = "the account may not use customer data: ask Yahoo! to allow it", "このアカウントでは顧客データの利用が許可されていません。Yahoo!広告の担当者に確認してください。"
	case "0200":
		out.Msg, out.MsgJA = "a test account takes no customer data", "テストアカウントでは顧客データを利用できません。"
	case "LT001":
		out.Msg, out.MsgJA = "the account has as many lists as it may have: delete some in the ads manager", "オーディエンスリストの数が上限に達しています。広告管理ツールで不要なものを削除してください。"
	}
	return out
}

type audienceList struct {
	ID          int64    `json:"audienceListId,omitempty"`
	Name        string   `json:"audienceListName,omitempty"`
	Description string   `json:"description,omitempty"`
	Reach       int      `json:"reach,omitempty"`
	Content     *content `json:"audienceListContent,omitempty"`
}

type content struct {
	Type     string `json:"audienceListType"`
	Customer struct {
		Days int `json:"dataDuration"`
	} `json:"customerDataAudienceList"`
}

type lists struct {
	Rval struct {
		Total  int `json:"totalNumEntries"`
		Values []struct {
			List audienceList `json:"audienceList"`
		} `json:"values"`
	} `json:"rval"`
}

func (p *Platform) get(ctx context.Context, selector map[string]any) (*lists, error) {
	selector["accountId"], selector["audienceListTypes"] = p.account, []string{"CUSTOMER_DATA"}
	var out lists
	return &out, p.caller.Call(ctx, http.MethodPost, "/get", selector, &out)
}

// Create finds the list by the mark in its description, or makes it.
func (p *Platform) Create(ctx context.Context, spec *audiences.Spec) (string, error) {
	for start := 1; ; start += page {
		found, err := p.get(ctx, map[string]any{"startIndex": start, "numberResults": page})
		if err != nil {
			return "", err
		}
		for i := range found.Rval.Values {
			if l := &found.Rval.Values[i].List; l.Description == spec.Mark() {
				return strconv.FormatInt(l.ID, 10), nil
			}
		}
		if len(found.Rval.Values) == 0 || start+page > found.Rval.Total {
			break
		}
	}
	mark := " [" + spec.Mark() + "]" // names differ within an account
	title := []rune(spec.Title)
	l := audienceList{Name: string(title[:min(len(title), max(0, nameRunes-len(mark)))]) + mark, Description: spec.Mark(), Content: &content{Type: "CUSTOMER_DATA"}}
	l.Content.Customer.Days = days
	var made lists
	if err := p.caller.Call(ctx, http.MethodPost, "/add", map[string]any{"accountId": p.account, "operand": []audienceList{l}}, &made); err != nil {
		return "", err
	}
	if len(made.Rval.Values) == 0 || made.Rval.Values[0].List.ID == 0 {
		return "", &audiences.Problem{Class: audiences.Retry, Code: "answer", Msg: "Yahoo! did not say the id of the list", MsgJA: "Yahoo!広告の応答を読み取れませんでした。"}
	}
	return strconv.FormatInt(made.Rval.Values[0].List.ID, 10), nil
}

// rows writes the file: a heading, and a line for each address and number of a member.
func rows(w io.Writer, members iter.Seq2[*audiences.Member, error]) (n int, err error) {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"Email", "Phone"}); err != nil {
		return 0, err
	}
	for m, err := range members {
		if err != nil {
			return 0, err
		}
		var emails, phones []string
		for _, k := range m.Keys {
			switch k.Kind {
			case match.Email:
				emails = append(emails, k.Value)
			case match.Phone:
				phones = append(phones, k.Value)
			}
		}
		for i := range max(len(emails), len(phones)) {
			var row [2]string
			if i < len(emails) {
				row[0] = emails[i]
			}
			if i < len(phones) {
				row[1] = phones[i]
			}
			if err := out.Write(row[:]); err != nil {
				return 0, err
			}
			n++
		}
	}
	out.Flush()
	return n, out.Error()
}

// Write uploads everybody. Yahoo! wants to know how long a file is before it gets it, so it is made on the disk first and unlinked at once.
func (p *Platform) Write(ctx context.Context, remote string, _ *audiences.Spec, members iter.Seq2[*audiences.Member, error]) (audiences.Answer, error) {
	f, err := os.CreateTemp("", "enishi-yahoo-*")
	if err != nil {
		return audiences.Answer{}, fmt.Errorf("make a file for Yahoo!: %w", err)
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return audiences.Answer{}, fmt.Errorf("make a file for Yahoo!: %w", err)
	}
	buf := bufio.NewWriterSize(f, 256<<10)
	n, err := rows(buf, members)
	if err = cmp.Or(err, buf.Flush()); err != nil {
		return audiences.Answer{}, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	switch {
	case err != nil:
		return audiences.Answer{}, err
	case n < leastRows:
		return audiences.Answer{}, audiences.TooSmall(n, leastRows)
	case size > fileBytes:
		return audiences.Answer{}, &audiences.Problem{Class: audiences.Refused, Code: "too_big", Msg: "the list is bigger than 1 GiB, which Yahoo! does not take: make the segment smaller", MsgJA: "リストが Yahoo!広告の上限（1 GB）を超えています。セグメントを小さくしてください。"}
	}
	return p.send(ctx, remote, io.NewSectionReader(f, 0, size))
}

// job is an upload. Its object stands under a name that the reference gives by its type alone, so it is known by its id.
type job struct {
	ID     string `json:"uploadJobId"`
	Status string `json:"jobStatus"`
}

type jobs struct {
	Rval struct {
		Values []map[string]json.RawMessage `json:"values"`
	} `json:"rval"`
}

func (x *jobs) find(id string) (job, bool) {
	for _, v := range x.Rval.Values {
		for _, raw := range v {
			var j job
			if json.Unmarshal(raw, &j) == nil && j.ID != "" && (id == "" || j.ID == id) {
				return j, true
			}
		}
	}
	return job{}, false
}

func (p *Platform) send(ctx context.Context, remote string, file *io.SectionReader) (audiences.Answer, error) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	if _, err := w.CreateFormFile("file", "members.csv"); err != nil {
		return audiences.Answer{}, err
	}
	head := bytes.Clone(form.Bytes())
	if err := w.Close(); err != nil {
		return audiences.Answer{}, err
	}
	tail := form.Bytes()[len(head):]
	q := url.Values{"accountId": {strconv.FormatInt(p.account, 10)}, "audienceListId": {remote}, "uploadType": {"MAIL_ADDRESS_AND_PHONE_NUMBER"}, "compressType": {"NONE"}}
	body := func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(head), io.NewSectionReader(file, 0, file.Size()), bytes.NewReader(tail))), nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.upload.Base+"/uploadUserList?"+q.Encode(), nil)
	if err != nil {
		return audiences.Answer{}, err
	}
	r.Body, _ = body()
	r.GetBody, r.ContentLength = body, int64(len(head)+len(tail))+file.Size()
	r.Header.Set("Content-Type", w.FormDataContentType())
	var out jobs
	if err := p.upload.Do(ctx, r, &out); err != nil {
		return audiences.Answer{}, err
	}
	j, ok := out.find("")
	if !ok {
		return audiences.Answer{}, &audiences.Problem{Class: audiences.Retry, Code: "answer", Msg: "Yahoo! did not say the id of the upload", MsgJA: "Yahoo!広告の応答を読み取れませんでした。"}
	}
	return audiences.Answer{Call: j.ID, Open: true}, nil
}

// Result tells what became of an upload. Yahoo! says nothing of single rows.
func (p *Platform) Result(ctx context.Context, remote, call string) (audiences.Answer, error) {
	id, err := strconv.ParseInt(remote, 10, 64)
	if err != nil {
		return audiences.Answer{}, fmt.Errorf("yahoo: %q is no id of a list", remote)
	}
	var out jobs
	if err := p.caller.Call(ctx, http.MethodPost, "/getUploadUserListStatus", map[string]any{"accountId": p.account, "audienceListId": id, "uploadJobIds": []string{call}}, &out); err != nil {
		return audiences.Answer{}, err
	}
	j, _ := out.find(call)
	switch j.Status {
	case "RECEIVED":
		return audiences.Answer{Call: call}, nil
	case "INVALID_FILE":
		return audiences.Answer{}, &audiences.Problem{Class: audiences.Refused, Code: j.Status, Msg: "Yahoo! could not read the file; it is uploaded again in an hour", MsgJA: "Yahoo!広告がファイルを読み取れませんでした。1 時間後にアップロードし直します。"}
	case "FAILED", "": // empty: Yahoo! does not know of it any more
		return audiences.Answer{}, &audiences.Problem{Class: audiences.Refused, Code: cmp.Or(j.Status, "UNKNOWN_JOB"), Msg: "the upload failed at Yahoo!; it is made again in an hour", MsgJA: "Yahoo!広告側でアップロードの処理に失敗しました。1 時間後にやり直します。"}
	}
	return audiences.Answer{Call: call, Open: true}, nil
}

// Look tells how many people Yahoo! found, where it says so: some hours after an upload.
func (p *Platform) Look(ctx context.Context, remote string) (audiences.Look, error) {
	id, err := strconv.ParseInt(remote, 10, 64)
	if err != nil {
		return audiences.Look{}, fmt.Errorf("yahoo: %q is no id of a list", remote)
	}
	found, err := p.get(ctx, map[string]any{"audienceListIds": []int64{id}})
	if err != nil {
		return audiences.Look{}, err
	}
	if len(found.Rval.Values) == 0 {
		return audiences.Look{}, &audiences.Problem{Class: audiences.Gone, Code: "110005", Msg: "the list was deleted at Yahoo!", MsgJA: "Yahoo!広告側でオーディエンスリストが削除されています。"}
	}
	l := audiences.Look{Ready: true, Matched: found.Rval.Values[0].List.Reach}
	if l.Matched == 0 {
		l.Matched = -1
	}
	return l, nil
}

// Delete removes the list, unless an ad group uses it.
func (p *Platform) Delete(ctx context.Context, remote string) error {
	id, err := strconv.ParseInt(remote, 10, 64)
	if err != nil {
		return fmt.Errorf("yahoo: %q is no id of a list", remote)
	}
	err = p.caller.Call(ctx, http.MethodPost, "/remove", map[string]any{"accountId": p.account, "operand": []audienceList{{ID: id}}}, nil)
	var x *audiences.Problem
	if errors.As(err, &x) && x.Class == audiences.Gone {
		return nil
	}
	return err
}
