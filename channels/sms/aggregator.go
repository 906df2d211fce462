package sms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"enishi/channels"
)

// national is a number as Japanese services want it: 09012345678; one from abroad stays with its country code, without the plus.
func national(e164 string) string {
	if rest, ok := strings.CutPrefix(e164, "+81"); ok {
		return "0" + rest
	}
	return strings.TrimPrefix(e164, "+")
}

// international is the E.164 form of a number as these services write it.
func international(number string) string {
	number = strings.TrimSpace(number)
	switch {
	case strings.HasPrefix(number, "+"):
		return number
	case strings.HasPrefix(number, "0"):
		return "+81" + number[1:]
	}
	return "+" + number
}

func (c *Channel) aggregatorRequest(ctx context.Context, m *channels.Rendered, to, text string) (*http.Request, error) {
	f := c.cfg.Fields
	body := map[string]any{f.To: national(to), f.Text: text}
	if c.cfg.From != "" {
		body[f.From] = c.cfg.From
	}
	if m.Bounce != "" {
		if f.Reference == "tags" {
			body[f.Reference] = []string{m.Bounce}
		} else {
			body[f.Reference] = m.Bounce
		}
	}
	for pair := range strings.SplitSeq(f.Service, "|") {
		name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if !ok {
			continue
		}
		if n, err := strconv.Atoi(value); err == nil && strconv.Itoa(n) == value {
			body[name] = n
		} else {
			body[name] = value
		}
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.BaseURL+f.Path, bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.cfg.Token)
	req.Header.Set("Content-Type", "application/json")
	return req, nil
}

// member is a member of a JSON object as text; of an array the first one.
func member(o map[string]any, name string) string {
	switch v := o[name].(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		if len(v) > 0 {
			return member(map[string]any{"": v[0]}, "")
		}
	}
	return ""
}

func (c *Channel) aggregatorAnswer(res *http.Response, body []byte) (channels.Receipt, error) {
	f := c.cfg.Fields
	var o map[string]any
	_ = json.Unmarshal(body, &o) // what is not understood is judged by the status
	if res.StatusCode/100 == 2 {
		return channels.Receipt{ProviderID: member(o, f.ID), Code: strconv.Itoa(res.StatusCode)}, nil
	}
	if inner, ok := o["error"].(map[string]any); ok {
		o = inner
	}
	word := member(o, f.Error)
	code := strings.TrimSpace(strconv.Itoa(res.StatusCode) + " " + word)
	err := errors.New("the SMS provider refuses it")
	if word != "" {
		err = fmt.Errorf("the SMS provider refuses it: %s", word)
	}
	switch {
	case has(f.Dead, word):
		return channels.Receipt{}, channels.Permanent(err).With(code, hard)
	case has(f.Stopped, word):
		return channels.Receipt{}, channels.Refused("suppressed", err).With(code, "suppressed")
	}
	return channels.Receipt{}, c.common(res, code, err)
}
