package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/channels/line"
)

// saidByLINE is the error of a call to LINE in words that the caller can act on.
func saidByLINE(err error) error {
	var r *line.Refusal
	switch {
	case !errors.As(err, &r):
		return err
	case r.Status == http.StatusNotFound:
		return notFound("object at LINE", "LINE 側のデータ")
	case r.Status == http.StatusTooManyRequests || r.Status >= 500:
		return &enishi.Error{Code: enishi.Unavailable, Msg: "LINE takes no more of these calls for now: " + r.Error(), MsgJA: "LINE がいま受け付けていません。しばらくしてからやり直してください。", Err: err}
	}
	return &enishi.Error{Code: enishi.Invalid, Field: "body", Msg: "LINE refuses it: " + r.Error(), MsgJA: "LINE が受け付けませんでした: " + r.Error(), Err: err}
}

type couponsInput struct {
	Account string `query:"account" maxLength:"32"`
}

type couponRow struct {
	ID    string `json:"id" doc:"What a message of type coupon names."`
	Title string `json:"title"`
}

func (a *API) listLineCoupons(ctx context.Context, in *couponsInput) (*listOutput[couponRow], error) {
	o, err := a.official(in.Account)
	if err != nil {
		return nil, err
	}
	coupons, err := o.Channel.Coupons(ctx)
	if err != nil {
		return nil, saidByLINE(err)
	}
	out := listOf([]couponRow{})
	for _, c := range coupons {
		out.Body.Items = append(out.Body.Items, couponRow{c.ID, c.Title})
	}
	return out, nil
}

type couponInput struct {
	Body struct {
		Account string          `json:"account,omitempty" maxLength:"32"`
		Coupon  json.RawMessage `json:"coupon" doc:"LINE's own object: title, startTimestamp and endTimestamp in seconds, reward, acquisitionCondition, maxUseCountPerTicket, timezone, visibility."`
	}
}

type couponOutput struct{ Body couponRow }

func (a *API) createLineCoupon(ctx context.Context, in *couponInput) (*couponOutput, error) {
	o, err := a.official(in.Body.Account)
	if err != nil {
		return nil, err
	}
	var head struct {
		Title string `json:"title"`
	}
	if json.Unmarshal(in.Body.Coupon, &head) != nil {
		return nil, enishi.FieldError("body.coupon", "is no JSON object", "JSON オブジェクトにしてください。")
	}
	id, err := o.Channel.CreateCoupon(ctx, in.Body.Coupon)
	if err != nil {
		return nil, saidByLINE(err)
	}
	a.log.Info("LINE coupon made", "account", o.Name, "coupon", id, "actor", callOf(ctx).caller.name)
	return &couponOutput{couponRow{id, head.Title}}, nil
}

type couponPath struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Account string `json:"account,omitempty" maxLength:"32"`
	}
}

func (a *API) closeLineCoupon(ctx context.Context, in *couponPath) (*writtenOutput, error) {
	o, err := a.official(in.Body.Account)
	if err != nil {
		return nil, err
	}
	if err := o.Channel.CloseCoupon(ctx, in.ID); err != nil {
		return nil, saidByLINE(err)
	}
	a.log.Info("LINE coupon closed", "account", o.Name, "coupon", in.ID, "actor", callOf(ctx).caller.name)
	return &writtenOutput{Written{RequestID: callOf(ctx).request}}, nil
}

type audienceInput struct {
	Body struct {
		Account string `json:"account,omitempty" maxLength:"32"`
		Segment string `json:"segment" minLength:"1" maxLength:"64"`
		Name    string `json:"name" minLength:"1" maxLength:"120"`
		Replace int64  `json:"replace,omitempty" doc:"Id of the audience that it takes the place of, which is deleted: LINE takes nobody off an audience."`
	}
}

type audienceOutput struct{ Body audiencePage }

// audiencePage is an audience at LINE.
type audiencePage struct {
	ID     int64  `json:"id"`
	Status string `json:"status" doc:"IN_PROGRESS, READY, FAILED, EXPIRED, INACTIVE, ACTIVATING: it can be used when it is READY."`
	People int64  `json:"people"`
}

// createLineAudience hands the people of a segment to LINE: friends who have agreed to advertising on LINE and are not held.
func (a *API) createLineAudience(ctx context.Context, in *audienceInput) (*audienceOutput, error) {
	o, err := a.official(in.Body.Account)
	if err != nil {
		return nil, err
	}
	if _, ok := a.cfg.Definitions.Current("segment", in.Body.Segment); !ok {
		return nil, notFound("segment", "セグメント")
	}
	var users []string
	err = a.each(ctx, fmt.Sprintf(`SELECT line_user FROM people FINAL WHERE line_user != '' AND %s AND consents['line.marketing'] = 'in' AND %s
AND profile_id IN (SELECT profile_id FROM memberships FINAL WHERE segment = {segment:String}) LIMIT %d`, friendSQL(o.Name), notHeld, line.MaxAudience+1),
		[]any{named("segment", in.Body.Segment), millis("now", a.now())}, func(rows driver.Rows) error {
			var user string
			err := rows.Scan(&user)
			users = append(users, user)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read the people of an audience: %w", err)
	}
	if len(users) < line.LeastAudience {
		return nil, refusal(enishi.Conflict, fmt.Sprintf("%d friends of this segment may get advertising; LINE needs at least %d", len(users), line.LeastAudience),
			fmt.Sprintf("このセグメントで配信できる友だちは %d 人です。LINE のオーディエンスには %d 人以上が必要です。", len(users), line.LeastAudience))
	}
	id, err := o.Channel.CreateAudience(ctx, strings.TrimSpace(in.Body.Name), users)
	if err != nil {
		return nil, saidByLINE(err)
	}
	c := callOf(ctx)
	a.log.Info("LINE audience made", "account", o.Name, "segment", in.Body.Segment, "audience", id, "people", len(users), "actor", c.caller.name, "request_id", c.request)
	if in.Body.Replace != 0 {
		if err := o.Channel.DeleteAudience(ctx, in.Body.Replace); err != nil {
			a.log.Warn("a replaced audience is left at LINE", "account", o.Name, "audience", in.Body.Replace, "err", err)
		}
	}
	return &audienceOutput{audiencePage{id, "IN_PROGRESS", int64(len(users))}}, nil
}

type audiencePath struct {
	ID      int64  `path:"id"`
	Account string `query:"account" maxLength:"32"`
}

func (a *API) getLineAudience(ctx context.Context, in *audiencePath) (*audienceOutput, error) {
	o, err := a.official(in.Account)
	if err != nil {
		return nil, err
	}
	s, err := o.Channel.Audience(ctx, in.ID)
	if err != nil {
		return nil, saidByLINE(err)
	}
	return &audienceOutput{audiencePage{in.ID, s.Status, s.People}}, nil
}
