package line

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"enishi"
)

// Refusal is LINE's answer to a call that it did not carry out.
type Refusal struct {
	Status  int           `json:"-"`
	Message string        `json:"message"`
	Details []Detail      `json:"details"`
	After   time.Duration `json:"-"` // of Retry-After; 0: LINE did not say
	// Accepted is of a 409: the id of the request that LINE accepted under the same retry key.
	Accepted string `json:"-"`
}

// Detail names a place of the body that LINE did not take, such as messages[0].text or template/actions/0/uri.
type Detail struct {
	Message  string `json:"message"`
	Property string `json:"property"`
}

// Error is LINE's own text.
func (r *Refusal) Error() string {
	var b strings.Builder
	b.WriteString(r.Message)
	for i, d := range r.Details {
		if i == 5 {
			break
		}
		b.WriteString("; " + d.Property + ": " + d.Message)
	}
	return b.String()
}

func readRefusal(res *http.Response) *Refusal {
	r := &Refusal{Status: res.StatusCode, After: retryAfter(res), Accepted: res.Header.Get("X-Line-Accepted-Request-Id")}
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil || json.Unmarshal(body, r) != nil || r.Message == "" {
		r.Message = "LINE answered " + strconv.Itoa(res.StatusCode)
	}
	return r
}

// call is one call of the API that sends no message to anybody by itself.
type call struct {
	method, path string
	header       http.Header
	body         any    // JSON
	media        string // with raw: its content type
	raw          []byte // in place of body
	data         bool   // of the host for large data
}

const maxAnswer = 4 << 20

// request makes a call and reads its answer into out, which may be nil. It gives the id of the request. What LINE did not
// carry out is a [Refusal]; when there was no answer at all the error is unavailable.
func (c *Channel) request(ctx context.Context, x call, out any) (id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	host := c.cfg.BaseURL
	if x.data {
		host = c.cfg.DataURL
	}
	if x.body != nil {
		if x.raw, err = json.Marshal(x.body); err != nil {
			return "", fmt.Errorf("write a request to LINE: %w", err)
		}
		x.media = "application/json"
	}
	r, err := http.NewRequestWithContext(ctx, x.method, strings.TrimSuffix(host, "/")+x.path, bytes.NewReader(x.raw))
	if err != nil {
		return "", fmt.Errorf("write a request to LINE: %w", err)
	}
	if x.header != nil {
		r.Header = x.header
	}
	r.Header.Set("Authorization", "Bearer "+c.cfg.Token)
	if x.media != "" {
		r.Header.Set("Content-Type", x.media)
	}
	res, err := c.client.Do(r)
	if err != nil {
		return "", &enishi.Error{Code: enishi.Unavailable, Msg: "LINE does not answer", MsgJA: "LINE に接続できません。", Err: plain(err)}
	}
	defer res.Body.Close()
	id = res.Header.Get("X-Line-Request-Id")
	if res.StatusCode/100 != 2 {
		return id, readRefusal(res)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if out == nil {
		return id, nil // carried out: a body that was cut off on the way changes nothing
	}
	if err != nil {
		return id, &enishi.Error{Code: enishi.Unavailable, Msg: "LINE's answer broke off", MsgJA: "LINE からの応答が途中で切れました。", Err: plain(err)}
	}
	if err := json.Unmarshal(body, out); err != nil {
		return id, fmt.Errorf("read LINE's answer to %s: %w", x.path, err)
	}
	return id, nil
}
