//go:build linux && amd64

package embedded

import (
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"net"
	"net/http"
	"strings"
)

// Handler serves the engine to a second replica on the same machine, in ClickHouse's HTTP interface. It answers callers
// on loopback who know the token only, and everybody else with 403 and 401: whoever can send a statement can read every
// file of this process by file(), so this must never stand on a reachable address. The token is taken from TokenHeader,
// from X-ClickHouse-Key, from basic authentication's password (any user) or from Authorization: Bearer. An empty token
// refuses everybody.
func (e *Engine) Handler(token string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fromLoopback(r) {
			http.Error(w, "the embedded engine answers on loopback only", http.StatusForbidden)
			return
		}
		if !knows(r, token) {
			w.Header().Set("WWW-Authenticate", `Basic realm="clickhouse"`)
			http.Error(w, "Code: 516. DB::Exception: the token is missing or wrong. (AUTHENTICATION_FAILED)", http.StatusUnauthorized)
			return
		}
		if r.Method != http.MethodPost {
			// A page in a browser on this machine can send GET with remembered credentials.
			http.Error(w, "use POST", http.StatusMethodNotAllowed)
			return
		}
		resp, err := e.RoundTrip(r)
		if err != nil { // closed, or the caller has gone
			http.Error(w, "Code: 210. DB::Exception: "+err.Error()+" (NETWORK_ERROR)", http.StatusServiceUnavailable)
			return
		}
		defer resp.Body.Close()
		for name, values := range resp.Header {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.WriteHeader(resp.StatusCode)
		if _, err := io.Copy(w, resp.Body); err != nil {
			panic(http.ErrAbortHandler) // the only way to say that the answer is not whole
		}
	})
}

func fromLoopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// knows compares in constant time what the request offers.
func knows(r *http.Request, token string) bool {
	if token == "" {
		return false
	}
	offered := r.Header.Get("X-ClickHouse-Key")
	if own := r.Header.Get(TokenHeader); own != "" {
		offered = own
	} else if _, password, ok := r.BasicAuth(); ok {
		offered = password
	} else if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		offered = bearer
	}
	want, got := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(offered))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}
