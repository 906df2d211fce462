package hooks

import (
	"crypto/subtle"
	"encoding/base64"
	"enishi/internal/signature"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Schemes by which calls are signed.
const (
	Standard   = "standard"           // Standard Webhooks: webhook-id, webhook-timestamp, webhook-signature (https://github.com/standard-webhooks/standard-webhooks)
	HMACHex    = "hmac-sha256-hex"    // a header with the hexadecimal HMAC-SHA256 of the raw body, "sha256=" before it or not
	HMACBase64 = "hmac-sha256-base64" // the same in base64
	Bearer     = "bearer"             // the secret itself: Authorization: Bearer SECRET, or as the value of the header that is named
	Zendesk    = "zendesk"            // base64 of the HMAC-SHA256 of timestamp and body (Zendesk: Verifying webhook authenticity)
)

// Schemes lists them.
func Schemes() []string { return []string{Standard, HMACHex, HMACBase64, Bearer, Zendesk} }

// Tolerance is how far the time of a call that is signed with its time may be from ours: Standard Webhooks names 5 minutes.
const Tolerance = 5 * time.Minute

// signer checks calls of one source.
type signer struct {
	scheme string
	header string
	keys   [][]byte // the newest first; a second one while the secret is changed
}

func newSigner(s *Source) (*signer, error) {
	out := &signer{scheme: s.Scheme, header: s.Header}
	if !slices.Contains(Schemes(), s.Scheme) {
		return nil, fmt.Errorf("signature: %q is none of %s", s.Scheme, strings.Join(Schemes(), ", "))
	}
	for _, secret := range s.Secrets {
		if secret == "" {
			continue
		}
		key := []byte(secret)
		if rest, ok := strings.CutPrefix(secret, "whsec_"); ok && s.Scheme == Standard {
			decoded, err := base64.StdEncoding.DecodeString(rest)
			if err != nil {
				return nil, errors.New("secret: what stands after whsec_ is no base64")
			}
			key = decoded
		}
		out.keys = append(out.keys, key)
	}
	if len(out.keys) == 0 {
		return nil, errors.New("secret: is needed, whoever knows the address could send anything without it")
	}
	if out.header == "" {
		out.header = map[string]string{Bearer: "Authorization", HMACHex: "X-Signature", HMACBase64: "X-Signature", Zendesk: "X-Zendesk-Webhook-Signature"}[s.Scheme]
	}
	return out, nil
}

// genuine tells whether the body was signed with one of the keys. It looks at nothing of the body but its bytes.
func (s *signer) genuine(h http.Header, body []byte, now time.Time) bool {
	switch s.scheme {
	case Standard:
		id, stamp := h.Get("Webhook-Id"), h.Get("Webhook-Timestamp")
		return id != "" && timely(stamp, now) && signature.Genuine(s.keys, signature.Standard(h.Get("Webhook-Signature")), signature.StandardParts(id, stamp, body)...)
	case Zendesk: // its time is no part of what is judged: Zendesk tries again for hours with the first time
		return signature.Genuine(s.keys, signature.Base64(h.Get(s.header)), []byte(h.Get("X-Zendesk-Webhook-Signature-Timestamp")), body)
	case HMACHex:
		return signature.Genuine(s.keys, signature.Hex(h.Get(s.header)), body)
	case HMACBase64:
		return signature.Genuine(s.keys, signature.Base64(h.Get(s.header)), body)
	case Bearer:
		given := h.Get(s.header)
		if strings.EqualFold(s.header, "Authorization") {
			scheme, rest, _ := strings.Cut(given, " ")
			if !strings.EqualFold(scheme, "Bearer") {
				return false
			}
			given = strings.TrimSpace(rest)
		}
		ok := 0
		for _, key := range s.keys {
			ok |= subtle.ConstantTimeCompare([]byte(given), key)
		}
		return ok == 1
	}
	return false
}

// timely tells whether a time in Unix seconds is near now.
func timely(stamp string, now time.Time) bool {
	n, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return false
	}
	return now.Sub(time.Unix(n, 0)).Abs() <= Tolerance
}
