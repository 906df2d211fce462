package signature

import (
	"crypto/subtle"
	"encoding/hex"
	"io"
	"net/http"
)

// MetaHeader signs webhooks of Meta: sha256= and the hex of the HMAC of the raw body under the app's secret
// (developers.facebook.com/docs/graph-api/webhooks/getting-started).
const MetaHeader = "X-Hub-Signature-256"

// MetaProof is the parameter appsecret_proof of a call to the Graph API: that whoever calls with the token knows the secret of the
// token's app. Meta checks it where it is given, and demands it of apps that are set so
// (developers.facebook.com/docs/graph-api/guides/secure-requests).
func MetaProof(token, appSecret string) string {
	return hex.EncodeToString(Sum([]byte(appSecret), []byte(token)))
}

const maxChallenge = 200

// MetaHandshake answers the handshake of a webhook of Meta: who knows the token that was entered there gets the challenge back.
// It reports whether they did.
func MetaHandshake(w http.ResponseWriter, r *http.Request, token string) bool {
	q := r.URL.Query()
	challenge := q.Get("hub.challenge")
	if q.Get("hub.mode") != "subscribe" || subtle.ConstantTimeCompare([]byte(q.Get("hub.verify_token")), []byte(token)) != 1 || len(challenge) > maxChallenge {
		http.Error(w, "the verify token is wrong", http.StatusForbidden)
		return false
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(w, challenge)
	return true
}
