package sms

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"
)

var mobilePattern = regexp.MustCompile(`^0[6-9]0[0-9]{8}$`)

// aggregator answers POST /messages: to (11 digits), body (660 characters), from, tags.
func (s *Server) aggregator(r *http.Request, body []byte) answer {
	refuse := func(status int, code, message string) answer {
		return answer{status: status, body: map[string]any{"error": map[string]any{"code": code, "message": message, "object": "error"}}}
	}
	if subtle.ConstantTimeCompare([]byte(bearer(r)), []byte(s.cfg.Token)) != 1 {
		return refuse(http.StatusUnauthorized, "unauthorized", "トークンが正しくありません")
	}
	if r.URL.Path != "/messages" || r.Method != http.MethodPost {
		return refuse(http.StatusNotFound, "not_found", "リソースがありません")
	}
	if !s.admit() {
		a := refuse(http.StatusTooManyRequests, "too_many_requests", "リクエストが多すぎます")
		a.header = map[string]string{"Retry-After": "1"}
		return a
	}
	var m struct {
		To      string   `json:"to"`
		Body    string   `json:"body"`
		From    string   `json:"from"`
		Tags    []string `json:"tags"`
		Service int      `json:"service_id"`
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return refuse(http.StatusBadRequest, "bad_request", "JSON が正しくありません")
	}
	switch {
	case !mobilePattern.MatchString(m.To) || strings.HasPrefix(m.To, "0800"):
		return refuse(http.StatusBadRequest, "invalid_number", "送信先番号は 060・070・080・090 から始まる 11 桁です")
	case m.Body == "":
		return refuse(http.StatusBadRequest, "empty_body", "本文がありません")
	case utf8.RuneCountInString(m.Body) > s.cfg.Limits.AggregatorBody:
		return refuse(http.StatusBadRequest, "body_too_long", "本文は 660 文字までです")
	case len(m.Tags) > 10:
		return refuse(http.StatusBadRequest, "too_many_tags", "タグは 10 個までです")
	}
	to := "+81" + m.To[1:]
	if s.State(to) == Stopped {
		return refuse(http.StatusBadRequest, "opted_out", "送信先は受信を拒否しています")
	}
	x := Sent{ID: identifier(""), Shape: "aggregator", To: to, From: m.From, Text: m.Body, At: s.cfg.Now(), Status: "waiting"}
	if len(m.Tags) > 0 {
		x.Reference = m.Tags[0]
	}
	s.take(x)
	return answer{status: http.StatusOK, body: map[string]any{"id": x.ID, "object": "message", "to": m.To, "status": "waiting", "result": "processing", "sent_result": "none", "tags": m.Tags}}
}

// aggregatorReceipt is the callback of the settings.
func (s *Server) aggregatorReceipt(x Sent) (string, http.Header, []byte) {
	result := "received"
	switch carrierRefuses(s.State(x.To), x.From) {
	case Off:
		result = "unconnected"
	case Dead, Landline:
		result = "unused"
	case Filtered:
		result = "error"
	case Stopped:
		result = "rejected"
	}
	s.status(x.ID, result)
	body, _ := json.Marshal(map[string]any{"id": x.ID, "object": "message", "tags": []string{x.Reference}, "result": "done", "status": "done", "sent_result": result, "to": domestic(x.To)})
	return s.back("/status"), http.Header{"Content-Type": {"application/json"}}, body
}
