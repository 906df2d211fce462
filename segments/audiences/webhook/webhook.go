// Package webhook tells audiences to a system of the shop or of an agency by signed calls, as docs/audiences.md has them.
//
// Each call has an id that is the same whenever it is made again (Standard Webhooks: webhook-id), so a receiver that remembers ids carries it out once; one that
// does not carries it out twice, which changes nothing.
package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"enishi"
	"enishi/channels/webhook"
	"enishi/internal/outward"
	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

// Types of calls.
const (
	Created = "audience.created"
	Added   = "audience.added"
	Removed = "audience.removed"
	Deleted = "audience.deleted"
)

// Batch is how many members a call has at most.
const Batch = 1000

const answerBytes = 1 << 20

// Call is the body of a call.
type Call struct {
	Type    string   `json:"type"`
	List    string   `json:"list"`            // of this audience; another after the receiver lost one
	Title   string   `json:"title,omitempty"` // not of Deleted
	Use     string   `json:"use,omitempty"`
	Members []Member `json:"members,omitempty"`
}

// Member is somebody as the receiver is told of them; of Removed once for each identifier.
type Member struct {
	Member   string   `json:"member"` // who it is in this audience
	Email    []string `json:"email,omitempty"`
	Phone    []string `json:"phone,omitempty"`
	LINE     []string `json:"line,omitempty"`
	Customer []string `json:"customer,omitempty"`
	Name     []Name   `json:"name,omitempty"`
	Value    string   `json:"value,omitempty"`
	Currency string   `json:"currency,omitempty"`
}

// Name is a name with the postal code that goes with it.
type Name struct {
	Given   string `json:"given"`
	Family  string `json:"family"`
	Country string `json:"country"`
	Zip     string `json:"zip"`
}

// Platform is one receiver.
type Platform struct {
	channel *webhook.Channel
	url     string
}

// New checks the address and makes no call.
func New(channel *webhook.Channel, url string) (*Platform, error) {
	if err := channel.CheckURL(url); err != nil {
		return nil, err
	}
	return &Platform{channel, url}, nil
}

// Facts of receivers.
func (p *Platform) Facts() audiences.Facts {
	return audiences.Facts{Platform: match.Webhook, Batch: Batch, Removal: true, Values: true, Calls: 600}
}

// call makes a call; the answer may name members that were not taken.
func (p *Platform) call(ctx context.Context, id enishi.ID, c *Call) (rejected map[string]string, err error) {
	body, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode a call: %w", err)
	}
	answer, err := p.channel.Post(ctx, p.url, webhook.ID(id), string(body))
	if err != nil {
		var ours *enishi.Error
		switch {
		case errors.As(err, &ours):
			return nil, &audiences.Problem{Class: audiences.Refused, Code: "address", Msg: "the address " + ours.Msg, MsgJA: "送り先の URL が正しくありません: " + ours.MsgJA}
		case errors.Is(err, outward.ErrForbidden):
			return nil, &audiences.Problem{Class: audiences.Refused, Code: "address", Msg: "the address is not on the public internet: have it added to webhook.inside", MsgJA: "送り先がインターネット上にありません。社内のアドレスを使うには、設定（webhook.inside）に登録してください。", Err: err}
		}
		return nil, &audiences.Problem{Class: audiences.Retry, Msg: "the receiver was not reached", MsgJA: "送り先に接続できませんでした。", Err: err}
	}
	defer answer.Body.Close()
	if p := problem(answer); p != nil {
		return nil, p
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, answerBytes+1))
	if err != nil {
		return nil, &audiences.Problem{Class: audiences.Retry, Msg: "the answer broke off", MsgJA: "応答が途中で途切れました。", Err: err}
	}
	var out struct {
		Rejected []struct {
			Member string `json:"member"`
			Reason string `json:"reason"`
		} `json:"rejected"`
	}
	if len(text) > answerBytes || json.Unmarshal(text, &out) != nil {
		return nil, nil // any answer of 2xx says that it was taken
	}
	rejected = make(map[string]string, len(out.Rejected))
	for _, r := range out.Rejected {
		reason := []rune(r.Reason)
		rejected[r.Member] = string(reason[:min(len(reason), 100)])
	}
	return rejected, nil
}

// problem judges an answer; nil: it was taken.
func problem(answer *http.Response) *audiences.Problem {
	p := &audiences.Problem{Code: strconv.Itoa(answer.StatusCode)}
	switch s := answer.StatusCode; {
	case s >= 200 && s < 300:
		return nil
	case s == http.StatusGone:
		p.Class, p.Msg, p.MsgJA = audiences.Gone, "the receiver has no such list any more", "送り先でリストが削除されています。"
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		p.Class, p.Msg, p.MsgJA = audiences.Auth, "the receiver does not take our signature: give it the key (enishi webhook-key)", "送り先が署名を受け付けません。署名の鍵（enishi webhook-key で表示）を送り先に設定してください。"
	case s == http.StatusTooManyRequests:
		p.Class, p.After, p.Msg, p.MsgJA = audiences.Rate, audiences.RetryAfter(answer.Header), "too many calls", "送り先の呼び出し上限に達しました。しばらくして自動で再開します。"
	case s == http.StatusRequestTimeout || s == http.StatusTooEarly || s >= 500:
		p.Class, p.Msg, p.MsgJA = audiences.Retry, "the receiver has a fault", "送り先で障害が起きています。自動でやり直します。"
	case s >= 300 && s < 400:
		p.Class, p.Msg, p.MsgJA = audiences.Refused, "the receiver has moved: write the new address, a redirect is not followed", "送り先の URL が移転しています。新しい URL を設定してください。"
	default:
		p.Class, p.Msg, p.MsgJA = audiences.Refused, "the receiver does not take the call", "送り先が受け付けませんでした。"
	}
	return p
}

// Create tells the receiver of the list, whose name is the mark.
func (p *Platform) Create(ctx context.Context, spec *audiences.Spec) (string, error) {
	_, err := p.call(ctx, enishi.NewID("audience call", Created, spec.Mark()), &Call{Type: Created, List: spec.Mark(), Title: spec.Title, Use: spec.Use})
	var x *audiences.Problem
	if errors.As(err, &x) && x.Class == audiences.Gone { // it wants no lists at all
		return "", &audiences.Problem{Class: audiences.Refused, Code: x.Code, Msg: "the receiver takes no lists any more", MsgJA: "送り先が受け付けを終了しています。"}
	}
	return spec.Mark(), err
}

func (p *Platform) change(ctx context.Context, typ, remote string, spec *audiences.Spec, members []audiences.Member) (audiences.Answer, error) {
	c := &Call{Type: typ, List: remote, Title: spec.Title, Use: spec.Use, Members: make([]Member, len(members))}
	place := make(map[string]int, len(members))
	for i := range members {
		c.Members[i] = memberOf(spec, &members[i])
		if typ == Removed {
			c.Members[i].Value, c.Members[i].Currency = "", ""
		}
		place[c.Members[i].Member] = i
	}
	rejected, err := p.call(ctx, enishi.NewID("audience call", typ, remote, spec.Batch.String()), c)
	if err != nil {
		return audiences.Answer{}, err
	}
	a := audiences.Answer{Rejected: map[int]string{}}
	for who, reason := range rejected {
		if i, ok := place[who]; ok {
			if reason == "" {
				reason = "rejected"
			}
			a.Rejected[i] = reason
		}
	}
	return a, nil
}

func memberOf(spec *audiences.Spec, m *audiences.Member) Member {
	out := Member{Member: spec.Alias(m.Profile).String()}
	for _, k := range m.Keys {
		switch k.Kind {
		case match.Email:
			out.Email = append(out.Email, k.Value)
		case match.Phone:
			out.Phone = append(out.Phone, k.Value)
		case match.LINE:
			out.LINE = append(out.LINE, k.Value)
		case match.Customer:
			out.Customer = append(out.Customer, k.Value)
		case match.Name: // given, family, country, zip: match.For(match.Webhook)
			if parts := strings.Split(k.Value, match.Separator); len(parts) == 4 {
				out.Name = append(out.Name, Name{parts[0], parts[1], parts[2], parts[3]})
			}
		}
	}
	if spec.Use == audiences.Value {
		out.Value, out.Currency = m.Value.String(), spec.Currency
	}
	return out
}

// Add tells of members.
func (p *Platform) Add(ctx context.Context, remote string, spec *audiences.Spec, members []audiences.Member) (audiences.Answer, error) {
	return p.change(ctx, Added, remote, spec, members)
}

// Remove tells of those who are to go.
func (p *Platform) Remove(ctx context.Context, remote string, spec *audiences.Spec, members []audiences.Member) (audiences.Answer, error) {
	return p.change(ctx, Removed, remote, spec, members)
}

// Result is never asked for: an answer says that it was taken.
func (p *Platform) Result(_ context.Context, _, call string) (audiences.Answer, error) {
	return audiences.Answer{Call: call}, nil
}

// Look asks nothing: receivers do not tell how many they know.
func (p *Platform) Look(context.Context, string) (audiences.Look, error) {
	return audiences.Look{Ready: true, Matched: -1}, nil
}

// Delete tells that the list is not wanted any more.
func (p *Platform) Delete(ctx context.Context, remote string) error {
	_, err := p.call(ctx, enishi.NewID("audience call", Deleted, remote), &Call{Type: Deleted, List: remote})
	var x *audiences.Problem
	if errors.As(err, &x) && (x.Class == audiences.Gone || x.Code == strconv.Itoa(http.StatusNotFound)) {
		return nil
	}
	return err
}
