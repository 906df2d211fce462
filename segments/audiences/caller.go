package audiences

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Caller speaks JSON to a platform.
type Caller struct {
	Client *http.Client
	Base   string // without a slash at its end
	// Header sets what each call has, such as its token. Nil: nothing.
	Header func(ctx context.Context, r *http.Request) error
	// Renew forgets a token that was kept; a call that is answered by 401 is then made once more. Nil: tokens are not kept.
	Renew func()
	// Problem reads an answer that is no success, and one of status 200 too: some platforms say in the body that it was none. Nil: the call worked.
	Problem func(status int, header http.Header, body []byte) *Problem
}

// answerBytes bounds what is read of an answer.
const answerBytes = 4 << 20

// Call makes a call; in and out are JSON, nil for none. Errors are *[Problem].
func (c *Caller) Call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode a call: %w", err)
		}
		body = bytes.NewReader(b) // which a request can have twice
	}
	r, err := http.NewRequestWithContext(ctx, method, c.Base+path, body)
	if err != nil {
		return &Problem{Class: Refused, Code: "address", Msg: "the address of the platform is wrong", MsgJA: "媒体の接続先 URL が正しくありません。", Err: err}
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return c.Do(ctx, r, out)
}

// Do makes a call whose body is there already.
func (c *Caller) Do(ctx context.Context, r *http.Request, out any) error {
	answer, body, err := c.send(ctx, r)
	if err == nil && answer.StatusCode == http.StatusUnauthorized && c.Renew != nil {
		c.Renew()
		if r.GetBody != nil {
			if r.Body, err = r.GetBody(); err != nil {
				return problemOf(err)
			}
		}
		answer, body, err = c.send(ctx, r)
	}
	if err != nil {
		return problemOf(err) // one that was cut off too: whether it was taken is not known
	}
	if p := c.problem(answer.StatusCode, answer.Header, body); p != nil {
		return p
	}
	if out == nil || len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return &Problem{Class: Retry, Code: "answer", Msg: "the platform's answer is no JSON that is known", MsgJA: "媒体の応答を読み取れませんでした。", Err: err}
	}
	return nil
}

func (c *Caller) send(ctx context.Context, r *http.Request) (*http.Response, []byte, error) {
	r.Header.Set("Accept", "application/json")
	if c.Header != nil {
		if err := c.Header(ctx, r); err != nil {
			var p *Problem
			if errors.As(err, &p) {
				return nil, nil, p
			}
			return nil, nil, &Problem{Class: Retry, Msg: "no token could be had", MsgJA: "アクセストークンを取得できませんでした。", Err: err}
		}
	}
	answer, err := c.Client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, answerBytes))
	return answer, body, err
}

func (c *Caller) problem(status int, header http.Header, body []byte) *Problem {
	if c.Problem != nil {
		if p := c.Problem(status, header, body); p != nil {
			return p
		}
	}
	code := strconv.Itoa(status)
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return &Problem{Class: Auth, Code: code, Msg: "the token is not taken", MsgJA: "アクセストークンが無効か、権限が足りません。媒体との接続をやり直してください。"}
	case status == http.StatusTooManyRequests:
		return &Problem{Class: Rate, Code: code, After: RetryAfter(header), Msg: "too many calls", MsgJA: "媒体の呼び出し回数の上限に達しました。しばらくして自動で再開します。"}
	case status == http.StatusNotFound || status == http.StatusGone:
		return &Problem{Class: Gone, Code: code, Msg: "it is not there any more", MsgJA: "媒体側で削除されています。"}
	case status >= 500:
		return &Problem{Class: Retry, Code: code, Msg: "the platform has a fault", MsgJA: "媒体側で障害が起きています。自動でやり直します。"}
	}
	return &Problem{Class: Refused, Code: code, Msg: "the platform does not take the call", MsgJA: "媒体が受け付けませんでした。"}
}

// RetryAfter reads the header of that name in seconds; 0 when there is none.
func RetryAfter(h http.Header) time.Duration {
	n, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(n) * time.Second
}

// Reset reads a header that says when calls are allowed again, in seconds of the Unix clock; 0 when there is none or it is over.
func Reset(h http.Header, name string, now time.Time) time.Duration {
	n, err := strconv.ParseInt(h.Get(name), 10, 64)
	if err != nil {
		return 0
	}
	return max(0, time.Unix(n, 0).Sub(now))
}
