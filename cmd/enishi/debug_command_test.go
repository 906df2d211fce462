package main

import (
	"net/http"
	"strings"
	"testing"
)

// watchesBrowser: `enishi debug` shows the calls of the browser with the code, in the language of the terminal: what was taken and what
// was refused, why, and as it came.
func watchesBrowser(t *testing.T, s *server, key string) {
	t.Helper()
	const code = "Abcd1234"
	debug := func(locale string, want int, args ...string) (string, string) {
		t.Helper()
		got, out, errs := runIn(locale, append([]string{"debug"}, append(args, "--addr", s.base)...)...)
		if got != want {
			t.Fatalf("debug %v: exit %d, want %d: %s%s", args, got, want, out, errs)
		}
		return out, errs
	}
	// The first look begins the keeping, and says what to open.
	if out, errs := debug("C", 0, code, "--shop", "https://shop.example/?a=1", "--for", "2s"); out != "" || !strings.Contains(errs, "https://shop.example/?a=1&enishi_debug="+code) {
		t.Fatalf("%q %q", out, errs)
	}
	for key, status := range map[string]int{key: http.StatusAccepted, "no-key": http.StatusUnauthorized} {
		r, err := http.Post(s.base+"/v1/track", "application/json", strings.NewReader(`{"writeKey":"`+key+`","event":"Product Viewed","anonymousId":"mine","properties":{"product_id":"p1"},"context":{"debug":"`+code+`"}}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != status {
			t.Fatal(r.Status)
		}
	}
	out, _ := debug("C", 0, code, "--calls", "2", "--raw", "--for", "90s")
	for _, want := range []string{"accepted", "refused", "the write key is missing", `"product_id":"p1"`} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	if out, _ := debug("ja_JP.UTF-8", 0, code, "--calls", "2", "--for", "90s"); !strings.Contains(out, "送信キーがないか") || strings.Contains(out, "product_id") {
		t.Errorf("in Japanese: %s", out)
	}
	if out, _ := debug("C", 0, code, "--calls", "2", "--json", "--for", "90s"); strings.Count(out, "\n") != 2 || !strings.HasPrefix(out, "{") {
		t.Errorf("as JSON: %s", out)
	}
	if _, errs := debug("C", 1, "short"); !strings.Contains(errs, "8-64 letters and digits") {
		t.Error(errs)
	}
	if _, errs := debug("C", 1, code, "--shop", "shop"); !strings.Contains(errs, "no address") {
		t.Error(errs)
	}
}
