package js

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// cookieAge is the most that browsers allow (RFC 6265bis 5.6.1), in seconds.
const cookieAge = 400 * 24 * 3600

// validID is a text that a cookie takes as it is.
var validID = regexp.MustCompile(`^[A-Za-z0-9._~:|@+/=-]{1,200}$`)

// keepID answers POST /sdk/id, whose body is the id of a browser: it sets the cookie enishi_id again, for the domain that the shop's
// page and this server share. Safari forgets what scripts set after 7 days, not what a server of the same site sets
// (https://webkit.org/tracking-prevention/). Other sites are refused: their cookie would be a third party's.
func keepID(w http.ResponseWriter, r *http.Request) {
	origin, err := url.Parse(r.Header.Get("Origin"))
	domain, ok := "", false
	if err == nil && origin.Host != "" {
		domain, ok = shared(origin.Hostname(), r.Host)
	}
	if !ok {
		http.Error(w, "the page and this server are of different sites: serve Enishi at a sub-domain of the shop's domain", http.StatusForbidden)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 256))
	if err != nil || !validID.Match(body) {
		http.Error(w, "the body is the id of a browser: up to 200 letters, digits and . _ ~ : | @ + / = -", http.StatusBadRequest)
		return
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Add("Vary", "Origin")
	h.Set("Cache-Control", "no-store")
	http.SetCookie(w, &http.Cookie{Name: "enishi_id", Value: string(body), Path: "/", Domain: domain, MaxAge: cookieAge, Secure: origin.Scheme == "https", SameSite: http.SameSiteLaxMode})
	w.WriteHeader(http.StatusNoContent)
}

// shared is the widest domain of a page's host that this server's host has too; "" when they are one host without such a domain.
func shared(page, host string) (domain string, ok bool) {
	own := host
	if name, _, err := net.SplitHostPort(host); err == nil {
		own = name
	}
	page, own = strings.ToLower(page), strings.ToLower(own)
	one, err := publicsuffix.EffectiveTLDPlusOne(page)
	if err != nil || net.ParseIP(page) != nil {
		return "", page == own
	}
	other, err := publicsuffix.EffectiveTLDPlusOne(own)
	return one, err == nil && one == other
}
