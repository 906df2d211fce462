package push

import (
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"enishi"
)

// MaxDevices is how many devices of a person one message goes to: the newest.
const MaxDevices = 5

const (
	webPrefix = "web:"
	fcmPrefix = "fcm:"
)

// Subscription is a browser's PushSubscription (W3C Push API, toJSON).
type Subscription struct {
	Endpoint string `json:"endpoint"`
	Keys     struct {
		Auth   string `json:"auth"`   // 16 bytes in base64url
		P256DH string `json:"p256dh"` // uncompressed point, 65 bytes in base64url
	} `json:"keys"`
}

// Token is the subscription as an identifier of the person: web: and JSON.
func (s *Subscription) Token() string {
	text, err := json.Marshal(s)
	if err != nil {
		return "" // strings are always JSON
	}
	return webPrefix + string(text)
}

// Check tells what is wrong with a subscription, as an [enishi.Error] that names endpoint or keys.
func (s *Subscription) Check() error {
	u, err := url.Parse(s.Endpoint)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || len(s.Endpoint) > 1000 {
		return enishi.FieldError("endpoint", "is the address of a push service, as the browser's PushSubscription has it", "ブラウザの PushSubscription の endpoint をそのまま渡してください")
	}
	if _, _, err := s.keys(); err != nil {
		return enishi.FieldError("keys", "are auth (16 bytes) and p256dh (65 bytes) in base64url, as the browser's PushSubscription has them: "+err.Error(),
			"ブラウザの PushSubscription の keys（auth と p256dh）をそのまま渡してください")
	}
	return nil
}

func (s *Subscription) keys() (*ecdh.PublicKey, []byte, error) {
	auth, err := decode64(s.Keys.Auth)
	if err != nil || len(auth) != 16 {
		return nil, nil, fmt.Errorf("auth has %d bytes", len(auth))
	}
	point, err := decode64(s.Keys.P256DH)
	if err != nil {
		return nil, nil, fmt.Errorf("p256dh is no base64url")
	}
	key, err := ecdh.P256().NewPublicKey(point)
	if err != nil {
		return nil, nil, fmt.Errorf("p256dh is no point of P-256")
	}
	return key, auth, nil
}

// decode64 reads base64url with or without padding; some clients write plain base64.
func decode64(s string) ([]byte, error) {
	s = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(s, "="))
	return base64.RawURLEncoding.DecodeString(s)
}

// Tokens are those of an address: one a line, the newest first.
func Tokens(address string) []string {
	var out []string
	for _, t := range strings.Split(address, "\n") {
		if t = strings.TrimSpace(t); t != "" && len(out) < MaxDevices {
			out = append(out, t)
		}
	}
	return out
}

// parse tells what a token is: of a browser, or of an app (fcm:, or nothing before it).
func parse(token string) (*Subscription, string, error) {
	text, web := strings.CutPrefix(token, webPrefix)
	if !web {
		if app := strings.TrimPrefix(token, fcmPrefix); app != "" && !strings.ContainsAny(app, " {}\"") {
			return nil, app, nil
		}
		return nil, "", fmt.Errorf("the token is neither web: with a subscription nor fcm: with a registration token")
	}
	s := &Subscription{}
	if err := json.Unmarshal([]byte(text), s); err != nil {
		return nil, "", fmt.Errorf("the subscription is no JSON")
	}
	return s, "", s.Check()
}
