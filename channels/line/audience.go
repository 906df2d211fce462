package line

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
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
	Made   int64  `json:"created"` // when, in seconds of Unix
}

// MadeAt is when the audience was made. People can be added to it later and not taken off.
func (s *AudienceState) MadeAt() time.Time { return time.Unix(s.Made, 0).UTC() }

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
		_, err := c.request(ctx, call{method: http.MethodPost, path: "/v2/bot/audienceGroup/upload", body: map[string]any{"description": name, "isIfaAudience": false, "audiences": audienceOf(users)}}, &made)
		return made.ID, err
	}
	media, raw, err := audienceFile(users, "description", name)
	if err != nil {
		return 0, err
	}
	_, err = c.request(ctx, call{method: http.MethodPost, path: "/v2/bot/audienceGroup/upload/byFile", media: media, raw: raw, data: true}, &made)
	return made.ID, err
}

// AddToAudience adds people to an audience; those who are in it already stay. It is READY again some time later.
func (c *Channel) AddToAudience(ctx context.Context, id int64, users []string) error {
	if len(users) <= maxAudienceJSON {
		_, err := c.request(ctx, call{method: http.MethodPut, path: "/v2/bot/audienceGroup/upload", body: map[string]any{"audienceGroupId": id, "audiences": audienceOf(users)}}, nil)
		return err
	}
	media, raw, err := audienceFile(users, "audienceGroupId", strconv.FormatInt(id, 10))
	if err != nil {
		return err
	}
	_, err = c.request(ctx, call{method: http.MethodPut, path: "/v2/bot/audienceGroup/upload/byFile", media: media, raw: raw, data: true}, nil)
	return err
}

func audienceOf(users []string) []map[string]string {
	list := make([]map[string]string, len(users))
	for i, u := range users {
		list[i] = map[string]string{"id": u}
	}
	return list
}

// audienceFile is an upload of one user id a line, with one field before it.
func audienceFile(users []string, field, value string) (media string, raw []byte, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.WriteField(field, value); err != nil {
		return "", nil, err
	}
	f, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="people.txt"`}, "Content-Type": {"text/plain"}})
	if err != nil {
		return "", nil, err
	}
	if _, err := f.Write([]byte(strings.Join(users, "\n"))); err != nil {
		return "", nil, err
	}
	if err := w.Close(); err != nil { // writes the last boundary
		return "", nil, err
	}
	return w.FormDataContentType(), b.Bytes(), nil
}

// FindAudience is the newest audience whose name contains a text.
func (c *Channel) FindAudience(ctx context.Context, text string) (id int64, found bool, err error) {
	var page struct {
		Groups []struct {
			ID   int64  `json:"audienceGroupId"`
			Name string `json:"description"`
		} `json:"audienceGroups"`
	}
	if _, err := c.request(ctx, call{method: http.MethodGet, path: "/v2/bot/audienceGroup/list?page=1&size=40&description=" + url.QueryEscape(text)}, &page); err != nil {
		return 0, false, err
	}
	for _, g := range page.Groups {
		if strings.Contains(g.Name, text) { // LINE compares without regard to case
			return g.ID, true, nil
		}
	}
	return 0, false, nil
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
