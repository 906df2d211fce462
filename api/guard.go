package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"enishi"
)

const (
	bodyLimit   = 32 << 20         // of an import; each operation has a limit of its own
	bodyTime    = 30 * time.Second // to send a request's body
	requestTime = 60 * time.Second // to answer, but for what streams
	exportTime  = 10 * time.Minute // of people, which are streamed
	importTime  = 10 * time.Minute // of a slice of a replay, which waits until all is folded
)

// guard is around every request of the API: an id, limits, headers, and a word when something panics.
func (a *API) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var id enishi.ID
		_, _ = rand.Read(id[:]) // never fails (crypto/rand ends the process instead)
		h := w.Header()
		h.Set("X-Request-Id", id.String())
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		common(h)
		ctx := context.WithValue(r.Context(), requestKey{}, id.String())
		if !strings.HasSuffix(r.URL.Path, "/live") {
			limit := requestTime
			switch {
			case strings.HasSuffix(r.URL.Path, "/import/records"):
				limit = importTime
			case strings.HasSuffix(r.URL.Path, "/segments/export"):
				limit = exportTime
			}
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, limit)
			defer cancel()
		}
		r = r.WithContext(ctx)
		if r.Body != nil && r.Body != http.NoBody {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)) // where it is not supported there is none
			r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
			if unsafe(r.Method) && !isJSON(r.Header.Get("Content-Type")) {
				a.refuse(w, r, &problem{Type: "about:blank", Title: titleOfProblem(415), Status: 415, Code: "invalid", Detail: "send JSON with Content-Type: application/json", DetailJA: "Content-Type: application/json を付けて JSON を送ってください。"})
				return
			}
		}
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
					panic(p)
				}
				a.log.Error("request panicked", "request_id", id, "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				q, _ := problemOf(fmt.Errorf("panic"))
				q.RequestID = id.String()
				writeProblem(w, q)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func isJSON(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/json")
}

// common are the headers of every answer.
func common(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// writeProblem answers outside of huma.
func writeProblem(w http.ResponseWriter, p *problem) {
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client is gone: nothing to tell
}

// nowhere answers what no operation has: another path, or another method of one.
func (a *API) nowhere(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, m := range [...]string{get, post, put, erase} {
		probe := r.Clone(r.Context())
		probe.Method = m
		if _, pattern := a.mux.Handler(probe); pattern != prefix+"/" && pattern != "" {
			allowed = append(allowed, m)
		}
	}
	if len(allowed) == 0 {
		a.refuse(w, r, refusal(enishi.NotFound, "there is nothing at this path", "このパスには何もありません。"))
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	a.refuse(w, r, &problem{Type: "about:blank", Title: titleOfProblem(405), Status: 405, Code: "invalid", Detail: "use " + strings.Join(allowed, " or "), DetailJA: strings.Join(allowed, "、") + " を使ってください。"})
}

var docsPage = template.Must(template.New("docs").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Enishi API</title>
<style>body{font:15px/1.6 "Noto Sans JP",system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}code{background:#f3f0ee;padding:.1em .3em;border-radius:4px}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3em .6em;border-bottom:1px solid #ddd;vertical-align:top}h2{margin-top:2rem}</style></head>
<body><h1>Enishi API</h1><p>Specification (OpenAPI 3.1): <a href="openapi.yaml">openapi.yaml</a>, <a href="openapi.json">openapi.json</a>. Send <code>Authorization: Bearer TOKEN</code>.
Every write takes <code>Idempotency-Key</code> and answers a <code>position</code>; a read with <code>?after=POSITION</code> shows it. Errors are RFC 9457.</p>
{{range .}}<h2>{{.Tag}}</h2><table><tr><th>Operation</th><th>What</th><th>Role</th></tr>
{{range .Operations}}<tr><td><code>{{.Method}} {{.Path}}</code></td><td>{{.Summary}}</td><td>{{.Role}}</td></tr>{{end}}</table>{{end}}</body></html>`))

// docs lists the operations for people; nothing of it comes from elsewhere.
func (a *API) docs(w http.ResponseWriter, _ *http.Request) {
	type line struct{ Method, Path, Summary, Role string }
	type section struct {
		Tag        string
		Operations []line
	}
	var sections []section
	for _, op := range operations() {
		if n := len(sections); n == 0 || sections[n-1].Tag != op.tag {
			sections = append(sections, section{Tag: op.tag})
		}
		s := &sections[len(sections)-1]
		s.Operations = append(s.Operations, line{op.method, a.cfg.Base + prefix + op.path, op.summary, string(op.role)})
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	if err := docsPage.Execute(w, sections); err != nil {
		a.log.Debug("docs page", "err", err)
	}
}
