// Package line keeps audiences of a LINE Official Account, which narrowcasts are sent to and which LINE Ads can take over.
//
// LINE takes nobody off an audience and keeps it for at most 180 days: whoever leaves makes a new audience needed, which takes the place of the old one when LINE says that it is READY.
// Which audience is the current one is what the audience's page says; a narrowcast of Enishi finds it by the audience's name.
// Rules: developers.line.biz/en/reference/messaging-api/#manage-audience-group.
package line

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
	"unicode/utf16"

	"enishi/channels/line"
	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

// nameUnits bounds an audience's name, in UTF-16 units.
const nameUnits = 120

// Platform is one official account.
type Platform struct{ channel *line.Channel }

// New makes no call.
func New(channel *line.Channel) *Platform { return &Platform{channel} }

// Facts of audiences for uploading user ids. A file could have 1,500,000 ids; a call has fewer, so that a run holds few people at a time.
func (p *Platform) Facts() audiences.Facts {
	return audiences.Facts{Platform: match.LINEOA, Batch: 50_000, Minimum: line.LeastAudience, Expires: 180 * 24 * time.Hour, Calls: 60, Ask: 10 * time.Second}
}

func problem(err error) error {
	if err == nil {
		return nil
	}
	var r *line.Refusal
	if !errors.As(err, &r) {
		return &audiences.Problem{Class: audiences.Retry, Msg: "LINE was not reached", MsgJA: "LINE に接続できませんでした。", Err: err}
	}
	x := &audiences.Problem{Class: audiences.Refused, Code: strconv.Itoa(r.Status), Msg: "LINE does not take the call: " + r.Message, MsgJA: "LINE が受け付けませんでした: " + r.Message, Err: err}
	switch {
	case r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden:
		x.Class, x.Msg, x.MsgJA = audiences.Auth, "the channel access token is not valid, or the plan has no audiences", "チャネルアクセストークンが無効か、オーディエンスを使えないプランです。"
	case r.Status == http.StatusNotFound || r.Status == http.StatusGone || r.Message == "audience group not found" || r.Message == "AUDIENCE_GROUP_ALREADY_EXPIRED":
		x.Class, x.Msg, x.MsgJA = audiences.Gone, "the audience is deleted or has expired at LINE", "LINE 側でオーディエンスが削除されたか、有効期限が切れています。"
	case r.Status == http.StatusTooManyRequests:
		x.Class, x.After, x.Msg, x.MsgJA = audiences.Rate, time.Minute, "too many calls", "LINE の呼び出し上限に達しました。しばらくして自動で再開します。"
	case r.Status >= 500:
		x.Class, x.Msg, x.MsgJA = audiences.Retry, "LINE has a fault", "LINE 側で障害が起きています。自動でやり直します。"
	case r.Message == "TOO_MANY_AUDIENCE_GROUPS":
		x.Msg, x.MsgJA = "the account has 1,000 audiences: delete some in the Official Account Manager", "オーディエンスが上限の 1,000 個に達しています。LINE Official Account Manager で不要なものを削除してください。"
	}
	return x
}

// Create finds the audience by the mark at the end of its name, or makes an empty one.
func (p *Platform) Create(ctx context.Context, spec *audiences.Spec) (string, error) {
	mark := "[" + spec.Mark() + "]"
	id, found, err := p.channel.FindAudience(ctx, mark)
	if err == nil && !found {
		id, err = p.channel.CreateAudience(ctx, cut(spec.Title, nameUnits-len(mark)-1)+" "+mark, nil)
	}
	if err != nil {
		return "", problem(err)
	}
	return strconv.FormatInt(id, 10), nil
}

// cut shortens a text to n UTF-16 units.
func cut(s string, n int) string {
	units := 0
	for i, r := range s {
		if units += utf16.RuneLen(r); units > n {
			return s[:i]
		}
	}
	return s
}

// Add adds user ids. LINE says neither which of them it knows nor how many.
func (p *Platform) Add(ctx context.Context, remote string, _ *audiences.Spec, members []audiences.Member) (audiences.Answer, error) {
	id, err := strconv.ParseInt(remote, 10, 64)
	if err != nil {
		return audiences.Answer{}, fmt.Errorf("line: %q is no id of an audience", remote)
	}
	users := make([]string, 0, len(members))
	for i := range members {
		for _, k := range members[i].Keys {
			users = append(users, k.Value)
		}
	}
	return audiences.Answer{}, problem(p.channel.AddToAudience(ctx, id, users))
}

// Remove is not what LINE can do.
func (p *Platform) Remove(context.Context, string, *audiences.Spec, []audiences.Member) (audiences.Answer, error) {
	return audiences.Answer{}, &audiences.Problem{Class: audiences.Refused, Msg: "LINE takes nobody off an audience", MsgJA: "LINE のオーディエンスからは個別に削除できません。"}
}

// Result is never asked for.
func (p *Platform) Result(_ context.Context, _, call string) (audiences.Answer, error) {
	return audiences.Answer{Call: call}, nil
}

// Look tells whether the audience can be sent to.
func (p *Platform) Look(ctx context.Context, remote string) (audiences.Look, error) {
	id, err := strconv.ParseInt(remote, 10, 64)
	if err != nil {
		return audiences.Look{}, fmt.Errorf("line: %q is no id of an audience", remote)
	}
	s, err := p.channel.Audience(ctx, id)
	if err != nil {
		return audiences.Look{}, problem(err)
	}
	switch s.Status {
	case "FAILED":
		return audiences.Look{}, &audiences.Problem{Class: audiences.Gone, Code: s.Failed, Msg: "LINE could not make the audience; a new one is made", MsgJA: "LINE 側でオーディエンスの作成に失敗しました。作り直します。"}
	case "EXPIRED":
		return audiences.Look{}, &audiences.Problem{Class: audiences.Gone, Code: s.Status, Msg: "the audience has expired at LINE; a new one is made", MsgJA: "LINE 側でオーディエンスの有効期限が切れました。作り直します。"}
	}
	return audiences.Look{Ready: s.Status == "READY", Matched: int(s.People), State: s.Status}, nil
}

// Delete removes the audience.
func (p *Platform) Delete(ctx context.Context, remote string) error {
	id, err := strconv.ParseInt(remote, 10, 64)
	if err != nil {
		return fmt.Errorf("line: %q is no id of an audience", remote)
	}
	var x *audiences.Problem
	if err := problem(p.channel.DeleteAudience(ctx, id)); !errors.As(err, &x) || x.Class != audiences.Gone {
		return err
	}
	return nil
}
