package js

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"enishi"
)

func needBuild(t *testing.T) File {
	t.Helper()
	f := Script()
	if f.Text == nil {
		t.Skip("the browser SDK is not built: make sdk")
	}
	return f
}

// TestSize holds what a shop's pages pay for the SDK.
func TestSize(t *testing.T) {
	t.Parallel()
	f := needBuild(t)
	const most = 8 << 10
	for name, text := range map[string][]byte{"sdk.js": f.Text, "pixel.js": open("pixel").Text} {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes, %d packed", name, len(text), b.Len())
		if b.Len() > most || len(text) < 2000 {
			t.Errorf("%s has %d bytes packed, at most %d are promised", name, b.Len(), most)
		}
	}
}

func TestHandler(t *testing.T) {
	t.Parallel()
	f := needBuild(t)
	h := Handler()
	get := func(path, etag string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("If-None-Match", etag)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for _, s := range []struct {
		path, etag string
		status     int
		keep       string
	}{
		{"/sdk.js", "", 200, "max-age=3600"},
		{"/sdk.js", `"` + f.Integrity + `"`, 304, "max-age=3600"},
		{f.Pinned, "", 200, "immutable"},
		{"/sdk/pixel.js", "", 200, "max-age=3600"},
		{"/sdk/js/sdk.0000000000000000.js", "", 404, ""},
	} {
		w := get(s.path, s.etag)
		if w.Code != s.status || !strings.Contains(w.Header().Get("Cache-Control"), s.keep) {
			t.Errorf("GET %s: %d %q", s.path, w.Code, w.Header())
		}
		if s.status == 200 && (w.Header().Get("Access-Control-Allow-Origin") != "*" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/javascript")) {
			t.Errorf("GET %s: %q", s.path, w.Header())
		}
	}
	if !regexp.MustCompile(`^sha384-[A-Za-z0-9+/]{64}$`).MatchString(f.Integrity) {
		t.Errorf("integrity %q", f.Integrity)
	}
}

// TestCallsAreKnown: each call of the SDK for commerce is an event with a meaning of its own, not one of the shop's own names.
func TestCallsAreKnown(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("src/ecommerce.ts")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(source), "const calls")
	list, _, _ = strings.Cut(list, "];")
	names := map[string]bool{}
	for _, info := range enishi.Types() {
		names[strings.NewReplacer(".", " ", "_", " ").Replace(info.Name)] = true
		for _, alias := range info.Aliases {
			names[strings.ToLower(alias)] = true
		}
	}
	found := 0
	for _, m := range regexp.MustCompile(`"(\w+)"`).FindAllStringSubmatch(list, -1) {
		found++
		name := strings.ToLower(regexp.MustCompile(`[A-Z]`).ReplaceAllString(m[1], " $0"))
		if !names[name] {
			t.Errorf("%s is the event %q, which no type knows", m[1], name)
		}
	}
	if found < 20 {
		t.Errorf("found %d calls: has the file another shape?", found)
	}
}
