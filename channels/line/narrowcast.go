package line

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"enishi"
	"enishi/channels"
)

// Narrowcast is one send to an audience.
type Narrowcast struct {
	Messages   json.RawMessage
	Audience   int64
	Max        int  // at most so many people, chosen at random; 0: all
	UpToQuota  bool // as many as the month's quota allows, else nobody when it does not for all
	AllOrNone  bool // with UpToQuota: nobody when it does not for all
	Notify     bool // with a sound
	Idempotent enishi.ID
}

// Narrowcast hands the messages to LINE, which sends them after a while; the receipt's id is the one to ask for its progress
// with. What LINE has accepted it does not take back: there is no call for that. Tried again with the same Idempotent within
// 24 hours it is one send, and the receipt is of the first.
func (c *Channel) Narrowcast(ctx context.Context, n Narrowcast) (channels.Receipt, error) {
	limit := map[string]any{"upToRemainingQuota": n.UpToQuota, "forbidPartialDelivery": n.AllOrNone}
	if n.Max > 0 {
		limit["max"] = n.Max
	}
	body := map[string]any{"messages": n.Messages, "recipient": map[string]any{"type": "audience", "audienceGroupId": n.Audience}, "limit": limit, "notificationDisabled": !n.Notify}
	header := http.Header{"X-Line-Retry-Key": {n.Idempotent.UUID()}}
	id, err := c.request(ctx, call{method: http.MethodPost, path: "/v2/bot/message/narrowcast", header: header, body: body}, nil)
	var r *Refusal
	switch {
	case err == nil:
		return channels.Receipt{ProviderID: id, Code: "202"}, nil
	case errors.As(err, &r) && r.Status == http.StatusConflict:
		return channels.Receipt{ProviderID: cmp.Or(r.Accepted, id), Code: "409"}, nil
	case errors.As(err, &r):
		return channels.Receipt{}, r.verdict()
	}
	return channels.Receipt{}, unanswered(err)
}

// Narrowcast hands the messages to LINE if the month's quota allows them for all people, of which there are n at most.
func (o *Official) Narrowcast(ctx context.Context, x Narrowcast, n int) (channels.Receipt, error) {
	if err := o.Quota.take(ctx, x.Idempotent, "marketing", n); err != nil {
		return channels.Receipt{}, err
	}
	r, err := o.Channel.Narrowcast(ctx, x)
	o.Quota.settle(x.Idempotent, n, r, err)
	return r, err
}

// Progress is how far a narrowcast is.
type Progress struct {
	Phase    string    `json:"phase"` // waiting, sending, succeeded, failed
	Target   int64     `json:"targetCount"`
	Sent     int64     `json:"successCount"`
	Failed   int64     `json:"failureCount"`
	Code     int       `json:"errorCode"` // of failed: see FailureText
	Accepted time.Time `json:"acceptedTime"`
}

// Progress asks how far a narrowcast is; LINE knows for 14 days.
func (c *Channel) Progress(ctx context.Context, id string) (Progress, error) {
	var p Progress
	_, err := c.request(ctx, call{method: http.MethodGet, path: "/v2/bot/message/progress/narrowcast?" + url.Values{"requestId": {id}}.Encode()}, &p)
	return p, err
}

// FailureText says why a narrowcast failed.
func (p *Progress) FailureText() (ja, en string) {
	switch p.Code {
	case 0:
		return "", ""
	case 1:
		return "LINE の内部エラーで送信できませんでした。", "An internal error of LINE's."
	case 2:
		return "対象の友だちが少なすぎるため、送信されませんでした（50 人以上必要です）。", "There were not enough recipients: 50 friends are needed."
	case 3:
		return "別の操作と重なったため、送信されませんでした。もう一度お試しください。", "It was in conflict with another operation: try again."
	case 4:
		return "オーディエンスの人数が 50 人に満たないため、送信されませんでした。", "The audience has fewer than 50 people."
	case 5:
		return "今月の残り通数が足りないため、送信を取りやめました。", "The month's quota was not enough for all, so nobody got it."
	}
	return fmt.Sprintf("LINE が送信できませんでした（エラー %d）。", p.Code), fmt.Sprintf("LINE could not send it (error %d).", p.Code)
}
