package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"enishi"
	"enishi/internal/clickhouse"
	"enishi/internal/stream"
	"enishi/journeys"
)

// problem is an error as a caller reads it: RFC 9457.
type problem struct {
	Type      string          `json:"type" doc:"Always about:blank: the code says what it is."`
	Title     string          `json:"title"`
	Status    int             `json:"status"`
	Code      string          `json:"code" enum:"invalid,not_found,conflict,denied,unauthorized,unavailable,too_large,internal"`
	Detail    string          `json:"detail" doc:"What is wrong and how to mend it."`
	DetailJA  string          `json:"detail_ja,omitempty" doc:"The same in Japanese."`
	Errors    []problemDetail `json:"errors,omitempty" doc:"Each thing that is wrong, with its place."`
	RequestID string          `json:"request_id" doc:"Stands in the server's log too."`

	retry int // seconds after which to try again; 0: not said
}

// problemDetail is one thing that is wrong with a request.
type problemDetail struct {
	Location  string `json:"location,omitempty" doc:"JSON path, as body.expression or order.lines[2].price."`
	Message   string `json:"message"`
	MessageJA string `json:"message_ja,omitempty"`
	Line      int    `json:"line,omitempty" doc:"1-based, of a text that was sent."`
	Col       int    `json:"col,omitempty" doc:"1-based, in characters."`
}

// Error is the detail.
func (p *problem) Error() string { return p.Detail }

// GetStatus makes it a huma.StatusError.
func (p *problem) GetStatus() int { return p.Status }

// ContentType is that of RFC 9457.
func (p *problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders makes it a huma.HeadersError.
func (p *problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retry))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="enishi"`)
	}
	return h
}

// statuses is the one table from an error's code to its status.
var statuses = map[enishi.Code]int{
	enishi.Invalid:     http.StatusUnprocessableEntity,
	enishi.NotFound:    http.StatusNotFound,
	enishi.Conflict:    http.StatusConflict,
	enishi.Denied:      http.StatusForbidden,
	enishi.Unavailable: http.StatusServiceUnavailable,
}

// codes names statuses that come from elsewhere than an enishi.Error.
var codes = map[int]string{
	http.StatusBadRequest: "invalid", http.StatusUnprocessableEntity: "invalid", http.StatusNotFound: "not_found", http.StatusConflict: "conflict",
	http.StatusForbidden: "denied", http.StatusUnauthorized: "unauthorized", http.StatusServiceUnavailable: "unavailable",
	http.StatusRequestEntityTooLarge: "too_large", http.StatusMethodNotAllowed: "invalid", http.StatusUnsupportedMediaType: "invalid",
	http.StatusNotAcceptable: "invalid", http.StatusRequestTimeout: "unavailable",
}

// titlesOfProblems are short and constant, as RFC 9457 wants it.
func titleOfProblem(status int) string { return http.StatusText(status) }

// problemOf says what of an error a caller may read. What is nobody's but ours becomes 500 without text; internal tells so.
func problemOf(err error) (p *problem, internal bool) {
	var own *problem
	var list journeys.Problems
	var e *enishi.Error
	switch {
	case errors.As(err, &own):
		q := *own
		return &q, own.Status == http.StatusInternalServerError
	case errors.As(err, &list) && len(list) > 0:
		p = ofError(list[0])
		if len(list) > 1 {
			p.Detail = fmt.Sprintf("%s (and %d more)", p.Detail, len(list)-1)
			p.DetailJA = fmt.Sprintf("%s（ほか %d 件）", p.DetailJA, len(list)-1)
		}
		p.Errors = nil
		for _, x := range list {
			p.Errors = append(p.Errors, detailOf(x))
		}
		return p, false
	case errors.As(err, &e):
		return ofError(e), false
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, stream.ErrClosed), clickhouse.Temporary(err):
		p = ofError(&enishi.Error{Code: enishi.Unavailable, Msg: "a part of the server is away or busy; try again", MsgJA: "サーバーの一部が応答していません。しばらくしてからやり直してください。"})
		return p, true
	}
	return &problem{Type: "about:blank", Title: titleOfProblem(500), Status: 500, Code: "internal",
		Detail:   "something went wrong inside the server; the log names this request",
		DetailJA: "サーバーの内部で問題が起きました。問い合わせ番号を添えて管理者に連絡してください。"}, true
}

func ofError(e *enishi.Error) *problem {
	status, ok := statuses[e.Code]
	if !ok {
		status = http.StatusInternalServerError
	}
	p := &problem{Type: "about:blank", Title: titleOfProblem(status), Status: status, Code: string(e.Code), Detail: e.Error(), DetailJA: e.MsgJA}
	if e.Line > 0 && p.DetailJA != "" {
		p.DetailJA = fmt.Sprintf("%d 行 %d 文字目: %s", e.Line, e.Col, p.DetailJA)
	}
	if e.Field != "" || e.Line > 0 {
		p.Errors = []problemDetail{detailOf(e)}
	}
	if e.Code == enishi.Unavailable {
		p.retry = 2
	}
	return p
}

func detailOf(e *enishi.Error) problemDetail {
	return problemDetail{Location: e.Field, Message: e.Msg, MessageJA: e.MsgJA, Line: e.Line, Col: e.Col}
}

// unauthorized asks for a token.
func unauthorized(msg, ja string) *problem {
	return &problem{Type: "about:blank", Title: titleOfProblem(401), Status: 401, Code: "unauthorized", Detail: msg, DetailJA: ja}
}

// refusal makes an error of a code in both languages.
func refusal(code enishi.Code, msg, ja string) *enishi.Error {
	return &enishi.Error{Code: code, Msg: msg, MsgJA: ja}
}

// notFound names what is not there.
func notFound(what, ja string) *enishi.Error {
	return refusal(enishi.NotFound, "there is no such "+what, ja+"が見つかりません。")
}

// translate turns what huma says about a request into our form.
func (a *API) translate(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		if p, ok := v.(*problem); ok && p.RequestID == "" {
			p.RequestID = requestID(ctx.Context())
		}
		return v, nil
	}
	p := &problem{Type: "about:blank", Title: titleOfProblem(m.Status), Status: m.Status, Code: codes[m.Status], Detail: m.Detail, DetailJA: "入力内容に誤りがあります。", RequestID: requestID(ctx.Context())}
	if p.Code == "" {
		p.Code = "internal"
	}
	if m.Status >= 500 { // only what huma cannot write ends here; its text is not for callers
		a.log.Error("answer cannot be written", "request_id", p.RequestID, "err", m.Detail)
		q, _ := problemOf(errors.New(m.Detail))
		q.RequestID = p.RequestID
		return q, nil
	}
	switch m.Status {
	case http.StatusRequestEntityTooLarge:
		p.DetailJA = "送信内容が大きすぎます。"
	case http.StatusUnsupportedMediaType:
		p.Detail, p.DetailJA = "send JSON with Content-Type: application/json", "Content-Type: application/json を付けて JSON を送ってください。"
	case http.StatusRequestTimeout:
		p.DetailJA = "送信に時間がかかりすぎました。"
	}
	for _, d := range m.Errors {
		p.Errors = append(p.Errors, problemDetail{Location: d.Location, Message: d.Message, MessageJA: validationJA(d.Message)})
	}
	if len(p.Errors) > 0 && p.Status < 500 {
		p.Detail = strings.TrimSpace(p.Errors[0].Location + ": " + p.Errors[0].Message)
	}
	return p, nil
}

// validations are the beginnings of what huma says of a value, with the Japanese for it; %s takes the rest.
var validations = []struct{ en, ja string }{
	{"unexpected property", "この項目は使えません。"},
	{"expected required property ", "%s は必須です。"},
	{"required query parameter is missing", "指定が必要です。"},
	{"required path parameter is missing", "指定が必要です。"},
	{"request body is required", "送信内容がありません。"},
	{"expected value to be one of ", "次のどれかにしてください: %s"},
	{"expected string to be RFC 3339 date-time", "2026-01-31T09:00:00Z の形の日時にしてください。"},
	{"invalid date/time", "2026-01-31T09:00:00Z の形の日時にしてください。"},
	{"expected string to match pattern ", "使えない文字があります（%s）。"},
	{"expected string to be ", "%s の形にしてください。"},
	{"expected length >= ", "%s 文字以上にしてください。"},
	{"expected length <= ", "%s 文字以内にしてください。"},
	{"expected number >= ", "%s 以上の数にしてください。"},
	{"expected number <= ", "%s 以下の数にしてください。"},
	{"expected number > ", "%s より大きい数にしてください。"},
	{"expected number < ", "%s より小さい数にしてください。"},
	{"expected array length >= ", "%s 件以上にしてください。"},
	{"expected array length <= ", "%s 件以下にしてください。"},
	{"expected integer", "整数にしてください。"},
	{"expected number", "数にしてください。"},
	{"invalid integer", "整数にしてください。"},
	{"invalid boolean", "true か false にしてください。"},
	{"expected boolean", "true か false にしてください。"},
	{"expected string", "文字列にしてください。"},
	{"expected array", "配列にしてください。"},
	{"expected object", "オブジェクトにしてください。"},
}

// validationJA says in Japanese what huma says in English.
func validationJA(en string) string {
	for _, v := range validations {
		if rest, ok := strings.CutPrefix(en, v.en); ok {
			if !strings.Contains(v.ja, "%s") {
				return v.ja
			}
			return fmt.Sprintf(v.ja, strings.TrimSuffix(rest, " to be present"))
		}
	}
	return "JSON として読めないか、値の形が正しくありません。"
}
