package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"enishi"
)

// call is one request on its way through an operation.
type call struct {
	op       *operation
	caller   caller
	language string    // ja or en: what people read where only one text fits
	request  enishi.ID // of definitions and commands written by it; the same for every repeat of an Idempotency-Key
	key      string    // Idempotency-Key
	after    string    // position that the answer must show; then nothing comes from memory
}

type callKey struct{}
type requestKey struct{}

func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{op: &operation{}, language: "ja"}
}

func isFresh(ctx context.Context) bool { return callOf(ctx).after != "" }

// requestID is the id that answers and the log name a request by.
func requestID(ctx context.Context) string {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c.request.String()
	}
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// language is the one to write single texts in.
func language(ctx context.Context) string { return callOf(ctx).language }

// languageOf chooses between the two languages by the header; Japanese unless English is asked for first.
func languageOf(accept string) string {
	for part := range strings.SplitSeq(accept, ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		switch {
		case strings.HasPrefix(strings.ToLower(tag), "ja"):
			return "ja"
		case strings.HasPrefix(strings.ToLower(tag), "en"):
			return "en"
		}
	}
	return "ja"
}

const maxKeyLength = 255

// enter is the middleware of every operation: it finds out who calls, and refuses who may not.
func (a *API) enter(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	c := &call{op: a.ops[ctx.Operation().OperationID], language: languageOf(r.Header.Get("Accept-Language")), after: ctx.Query("after")}
	c.request, _ = enishi.ParseID(requestID(r.Context()))
	refuse := func(err error) { a.refuse(w, r, err) }
	if c.op == nil { // a route outside the table is nobody's to call
		refuse(notFound("operation", "操作"))
		return
	}
	var err error
	if c.caller, err = a.identify(r); err != nil && c.op.role != public {
		refuse(err)
		return
	}
	if !c.caller.role.includes(c.op.role) && c.op.role != public {
		refuse(refusal(enishi.Denied, "your role is "+string(c.caller.role)+"; this needs "+string(c.op.role), "この操作には「"+word("role", string(c.op.role)).JA+"」の権限が必要です。"))
		return
	}
	if c.op.kind == writes || c.op.kind == secret {
		c.key = r.Header.Get("Idempotency-Key")
		if len(c.key) > maxKeyLength {
			refuse(enishi.FieldError("header.Idempotency-Key", "is longer than 255 characters", "255 文字以内にしてください。"))
			return
		}
		if c.key != "" {
			c.request = enishi.NewID("request", a.cfg.Workspace, c.caller.id, c.key)
			w.Header().Set("X-Request-Id", c.request.String())
		}
	}
	next(huma.WithValue(ctx, callKey{}, c))
}

// register adds an operation of the table to the mux and the specification.
func register[I, O any](a *API, id string, handle func(ctx context.Context, in *I) (*O, error)) {
	op := a.ops[id]
	if op == nil {
		a.ops[id] = nil // build names it
		return
	}
	h := huma.Operation{OperationID: op.id, Method: op.method, Path: op.path, Tags: []string{op.tag}, Summary: op.summary,
		Description: "Needs the role " + string(op.role) + ".", MaxBodyBytes: 4 << 20, BodyReadTimeout: bodyTime,
		Responses: map[string]*huma.Response{}}
	if op.id == "import-records" || op.id == "fill-list" || op.id == "upload-import" {
		h.MaxBodyBytes = bodyLimit
	}
	if op.role == public {
		h.Description, h.Security = "Needs no sign-in.", []map[string][]string{{}}
	}
	switch op.kind {
	case reads:
		h.Parameters = append(h.Parameters, &huma.Param{Name: "after", In: "query", Schema: &huma.Schema{Type: "string"},
			Description: "A position that a write answered: the answer shows it, or is 503 after ten seconds."})
	case writes, secret:
		h.Parameters = append(h.Parameters, &huma.Param{Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: "string"},
			Description: "Any text: a repeat with the same key and content gets the first answer for 24 hours, with another content 409."})
	}
	h.Responses["default"] = &huma.Response{Description: "Error", Content: map[string]*huma.MediaType{"application/problem+json": {
		Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}}}}
	huma.Register(a.huma, h, func(ctx context.Context, in *I) (*O, error) {
		out, err := answer(ctx, a, in, handle)
		if err != nil {
			return nil, a.explain(ctx, err)
		}
		return out, nil
	})
}

// answer does what an operation's kind asks for around its handler.
func answer[I, O any](ctx context.Context, a *API, in *I, handle func(ctx context.Context, in *I) (*O, error)) (*O, error) {
	c := callOf(ctx)
	switch {
	case (c.op.kind == writes || c.op.kind == secret) && c.key != "":
		return once(ctx, a, c, in, handle)
	case c.after != "" && c.op.kind == reads:
		if err := a.wait(ctx, c.after); err != nil {
			return nil, err
		}
	}
	return handle(ctx, in)
}

// explain turns an error into what the caller reads, and logs what is ours alone.
func (a *API) explain(ctx context.Context, err error) error {
	p, internal := problemOf(err)
	p.RequestID = requestID(ctx)
	if internal && ctx.Err() == nil {
		a.log.Error("request failed", "request_id", p.RequestID, "operation", callOf(ctx).op.id, "status", p.Status, "err", err)
	}
	return p
}

// refuse answers outside of an operation's handler.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p, internal := problemOf(err)
	p.RequestID = requestID(r.Context())
	if internal {
		a.log.Error("request failed", "request_id", p.RequestID, "path", r.URL.Path, "status", p.Status, "err", err)
	}
	writeProblem(w, p)
}
