package hooks

import (
	"crypto/subtle"
	"io"
	"net/http"
)

const maxChallenge = 200

// handshake gives the challenge back to who knows the verify token, as Meta asks when an address is registered.
func handshake(w http.ResponseWriter, r *http.Request, token string) {
	q := r.URL.Query()
	challenge := q.Get("hub.challenge")
	if q.Get("hub.mode") != "subscribe" || len(challenge) > maxChallenge || subtle.ConstantTimeCompare([]byte(q.Get("hub.verify_token")), []byte(token)) != 1 {
		http.Error(w, "the verify token is wrong", http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(w, challenge) // the client is gone: nothing to tell
}
