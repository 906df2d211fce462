package line

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"time"

	"enishi"
)

// Limits of audiences.
const (
	maxAudienceJSON = 10_000    // people in one call by JSON
	MaxAudience     = 1_500_000 // people of an audience
	LeastAudience   = 50        // fewer cannot be sent to
)

// AudienceState is how an audience stands.
type AudienceState struct {
	Status string `json:"status"` // IN_PROGRESS, READY, FAILED, EXPIRED, INACTIVE, ACTIVATING
	People int64  `json:"audienceCount"`
	Failed string `json:"failedType"`
}

// CreateAudience makes an audience of people and gives its id. It can be sent to when it is READY. LINE takes nobody off an
// audience: a changed segment is a new one, which takes the place of the old.
func (c *Channel) CreateAudience(ctx context.Context, name string, users []string) (int64, error) {
	var made struct {
		ID int64 `json:"audienceGroupId"`
	}
	if len(users) > MaxAudience {
		return 0, enishi.FieldError("", fmt.Sprintf("an audience has at most %d people", MaxAudience), "オーディエンスは 150 万人までです。")
	}
	if len(users) <= maxAudienceJSON {
		list := make([]map[string]string, len(users))
		for i, u := range users {
			list[i] = map[string]string{"id": u}
		}
		_, err := c.request(ctx, call{method: http.MethodPost, path: "/v2/bot/audienceGroup/upload", body: map[string]any{"description": name, "isIfaAudience": false, "audiences": list}}, &made)
		return made.ID, err
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.WriteField("description", name); err != nil {
		return 0, err
	}
	f, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="people.txt"`}, "Content-Type": {"text/plain"}})
	if err != nil {
		return 0, err
	}
	if _, err := f.Write([]byte(strings.Join(users, "\n"))); err != nil {
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	_, err = c.request(ctx, call{method: http.MethodPost, path: "/v2/bot/audienceGroup/upload/byFile", media: w.FormDataContentType(), raw: b.Bytes(), data: true}, &made)
	return made.ID, err
}

// Audience asks how an audience stands.
func (c *Channel) Audience(ctx context.Context, id int64) (AudienceState, error) {
	var out struct {
		Group AudienceState `json:"audienceGroup"`
	}
	_, err := c.request(ctx, call{method: http.MethodGet, path: fmt.Sprintf("/v2/bot/audienceGroup/%d", id)}, &out)
	return out.Group, err
}

// DeleteAudience deletes an audience.
func (c *Channel) DeleteAudience(ctx context.Context, id int64) error {
	_, err := c.request(ctx, call{method: http.MethodDelete, path: fmt.Sprintf("/v2/bot/audienceGroup/%d", id)}, nil)
	return err
}

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

// Narrowcast hands the messages to LINE, which sends them after a while, and gives the id to ask for its progress with.
func (c *Channel) Narrowcast(ctx context.Context, n Narrowcast) (id string, err error) {
	limit := map[string]any{"upToRemainingQuota": n.UpToQuota, "forbidPartialDelivery": n.AllOrNone}
	if n.Max > 0 {
		limit["max"] = n.Max
	}
	body := map[string]any{"messages": n.Messages, "recipient": map[string]any{"type": "audience", "audienceGroupId": n.Audience}, "limit": limit, "notificationDisabled": !n.Notify}
	header := http.Header{"X-Line-Retry-Key": {n.Idempotent.UUID()}}
	return c.request(ctx, call{method: http.MethodPost, path: "/v2/bot/message/narrowcast", header: header, body: body}, nil)
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
	_, err := c.request(ctx, call{method: http.MethodGet, path: "/v2/bot/message/progress/narrowcast?requestId=" + id}, &p)
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
