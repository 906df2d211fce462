package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestRenderCommand prints what the server fills in, and on the other stream what has no value.
func TestRenderCommand(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/templates/welcome/preview" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(`{"subject":"件名","preheader":"続き","html":"<p>x</p>","text":"本文","missing":["order.total"],"messages":[]}`))
	}))
	defer server.Close()
	f := func(c renderCommand, want string) {
		t.Helper()
		var out, problems bytes.Buffer
		c.Addr, c.Template, c.Lang = server.URL, "welcome", "ja"
		if err := c.Run(t.Context(), streams{out: &out, err: &problems, environ: func() []string { return nil }}); err != nil || strings.TrimSpace(out.String()) != want || !strings.Contains(problems.String(), "order.total") {
			t.Errorf("%q %q %v", out.String(), problems.String(), err)
		}
	}
	f(renderCommand{}, "Subject: 件名\nPreheader: 続き\n\n本文")
	f(renderCommand{HTML: true}, "<p>x</p>")
	f(renderCommand{Text: true}, "本文")
}
