package api

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

// TestDeadLinks: on request the links of a template are asked; without, none is.
func TestDeadLinks(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	asked := make(chan string, 100)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		switch r.URL.Path {
		case "/gone":
			w.WriteHeader(http.StatusNotFound)
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	site := httptest.NewServer(mux)
	defer site.Close()
	w := newWorld(t, func(cfg *Config) {
		cfg.Reach = func(to netip.AddrPort) bool { return "http://"+to.String() == site.URL }
	})
	body := marketingMail(`<a href="` + site.URL + `/good">a</a><a href="` + site.URL + `/gone">b</a><a href="` + site.URL + `/broken">c</a><a href="http://127.0.0.1:1/">d</a><a href="{{ links.unsubscribe }}">e</a>`)
	codes := func(p lintPage) map[string]string {
		out := map[string]string{}
		for _, f := range p.Items {
			if f.Part == "variants.ja.html" && (f.Code == "link.dead" || f.Code == "link.unsure" || f.Code == "link.private" || f.Code == "link.silent") {
				out[strings.TrimPrefix(f.Excerpt, site.URL)] = f.Code
			}
		}
		return out
	}
	if got := codes(into[lintPage](w.call(post, "/templates/lint", map[string]any{"definition": body}))); len(got) != 0 || len(asked) != 0 {
		t.Errorf("nobody asked for it: %v, %d questions", got, len(asked))
	}
	page := into[lintPage](w.call(post, "/templates/lint?links=check", map[string]any{"definition": body}))
	got := codes(page)
	told := map[string]string{}
	for _, l := range page.Links {
		told[strings.TrimPrefix(l.URL, site.URL)] = strconv.Itoa(l.Status) + l.Code + l.Text.EN
	}
	if want := map[string]string{"/good": "200", "/gone": "404link.deadThere is no such page (404).", "http://127.0.0.1:1/": "0link.privateThis is no address of the public web; it was not asked."}; told["/good"] != want["/good"] || told["/gone"] != want["/gone"] || told["http://127.0.0.1:1/"] != want["http://127.0.0.1:1/"] || !strings.HasPrefix(told["/broken"], "500link.unsure") {
		t.Errorf("each link: %q", told)
	}
	if len(got) != 3 || got["/gone"] != "link.dead" || got["/broken"] != "link.unsure" || got["http://127.0.0.1:1/"] != "link.private" {
		t.Errorf("found %v", got)
	}
	close(asked)
	good := 0
	for path := range asked {
		if path == "/good" {
			good++
		}
	}
	if good != 1 {
		t.Errorf("the good page was asked %d times", good)
	}
}
