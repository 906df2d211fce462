package push

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"enishi"
	"enishi/channels"
)

// MaxAppPayload is how many bytes of keys and values FCM takes (firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode).
const MaxAppPayload = 4096

const (
	fcmHost  = "https://fcm.googleapis.com"
	fcmScope = "https://www.googleapis.com/auth/firebase.messaging"
	jwtGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

// FCM is an app's Firebase project, by a service account of it.
type FCM struct {
	project, email, keyID, tokenURL, base string

	key crypto.Signer

	mu     sync.Mutex
	access string
	until  time.Time
}

// NewFCM reads the JSON file of a service account. base is the address of the API; empty: Google's own.
func NewFCM(account []byte, base string) (*FCM, error) {
	var a struct {
		Type     string `json:"type"`
		Project  string `json:"project_id"`
		KeyID    string `json:"private_key_id"`
		Key      string `json:"private_key"`
		Email    string `json:"client_email"`
		TokenURL string `json:"token_uri"`
	}
	bad := func(en, ja string) (*FCM, error) { return nil, enishi.FieldError("fcm", en, ja) }
	if err := json.Unmarshal(account, &a); err != nil || a.Type != "service_account" || a.Project == "" || a.Email == "" || a.TokenURL == "" {
		return bad("is the JSON file of a service account, as the Firebase console makes it (Project settings, Service accounts)", "Firebase コンソールの「サービス アカウント」で作った JSON ファイルを指定してください")
	}
	block, _ := pem.Decode([]byte(a.Key))
	if block == nil {
		return bad("has no private_key in PEM", "private_key が PEM 形式ではありません")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(crypto.Signer)
	if err != nil || !ok {
		return bad("has a private_key that cannot be read", "private_key を読み取れません")
	}
	if base == "" {
		base = fcmHost
	}
	return &FCM{project: a.Project, email: a.Email, keyID: a.KeyID, tokenURL: a.TokenURL, base: strings.TrimSuffix(base, "/"), key: key}, nil
}

// token is the access token (OAuth 2.0 for service accounts, RFC 7523). stale is one that was refused.
func (f *FCM) token(ctx context.Context, c *Channel, stale string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := c.cfg.Now()
	if f.access != "" && f.access != stale && now.Before(f.until) {
		return f.access, nil
	}
	claim, err := signed(c.cfg.Rand, f.key, map[string]any{"iss": f.email, "scope": fcmScope, "aud": f.tokenURL, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()})
	if err != nil {
		return "", channels.Down(err).With("", "account")
	}
	form := url.Values{"grant_type": {jwtGrant}, "assertion": {claim}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.tokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", channels.Down(err).With("", "account")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := c.own.Do(req)
	if err != nil { // no message was handed over yet
		return "", channels.Busy(errors.New("no answer from Google's OAuth"), 0)
	}
	defer res.Body.Close()
	var a struct {
		Access  string `json:"access_token"`
		Seconds int    `json:"expires_in"`
		Error   string `json:"error"`
		Text    string `json:"error_description"`
	}
	err = json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&a)
	switch {
	case res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500:
		return "", channels.Busy(fmt.Errorf("Google's OAuth answered %d", res.StatusCode), c.pause(res.Header.Get("Retry-After")))
	case res.StatusCode != http.StatusOK || err != nil || a.Access == "":
		return "", channels.Down(fmt.Errorf("Google refuses the service account: %s %s", a.Error, a.Text)).With(strconv.Itoa(res.StatusCode), "account")
	}
	f.access, f.until = a.Access, now.Add(time.Duration(a.Seconds)*time.Second-time.Minute)
	return f.access, nil
}

// app sends to one app.
func (c *Channel) app(ctx context.Context, token string, message map[string]any) (channels.Receipt, error) {
	f := c.cfg.FCM
	if f == nil {
		return channels.Receipt{}, channels.Permanent(errors.New("the token is an app's, and push.fcm of the configuration names no service account")).With("", "account")
	}
	full := map[string]any{"token": token}
	for k, v := range message {
		full[k] = v
	}
	body, err := json.Marshal(map[string]any{"message": full})
	if err != nil {
		return channels.Receipt{}, channels.Permanent(err).With("", "content")
	}
	stale := ""
	for {
		access, err := f.token(ctx, c, stale)
		if err != nil {
			return channels.Receipt{}, err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.base+"/v1/projects/"+url.PathEscape(f.project)+"/messages:send", bytes.NewReader(body))
		if err != nil {
			return channels.Receipt{}, channels.Down(err).With("", "account")
		}
		req.Header.Set("Authorization", "Bearer "+access)
		req.Header.Set("Content-Type", "application/json")
		res, err := c.own.Do(req)
		if err != nil {
			return channels.Receipt{}, unanswered(err)
		}
		receipt, refusal := c.answered(res)
		if refusal == nil {
			return receipt, nil
		}
		if refusal.status == http.StatusUnauthorized && refusal.code != "THIRD_PARTY_AUTH_ERROR" && stale == "" {
			stale = access // taken back before its time: once more with a new one
			continue
		}
		return channels.Receipt{}, refusal.verdict()
	}
}

// refusal is an answer of FCM other than 200.
type refusal struct {
	status        int
	code, message string
	after         time.Duration
}

func (c *Channel) answered(res *http.Response) (channels.Receipt, *refusal) {
	defer res.Body.Close()
	var a struct {
		Name  string `json:"name"`
		Error struct {
			Message string `json:"message"`
			Status  string `json:"status"`
			Details []struct {
				Code string `json:"errorCode"`
			} `json:"details"`
		} `json:"error"`
	}
	err := json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&a)
	if res.StatusCode == http.StatusOK { // accepted: a body that was cut off on the way changes nothing
		return channels.Receipt{ProviderID: a.Name, Code: "200"}, nil
	}
	r := &refusal{status: res.StatusCode, code: a.Error.Status, message: a.Error.Message, after: c.pause(res.Header.Get("Retry-After"))}
	if err != nil || r.message == "" {
		r.message = "FCM answered " + strconv.Itoa(res.StatusCode)
	}
	for _, d := range a.Error.Details {
		if d.Code != "" {
			r.code = d.Code
		}
	}
	return channels.Receipt{}, r
}

// verdict follows the error codes of FCM (firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode).
func (r *refusal) verdict() *channels.SendError {
	err, code := errors.New(r.message), strings.TrimSpace(strconv.Itoa(r.status)+" "+r.code)
	switch {
	case r.code == "UNREGISTERED" || r.status == http.StatusNotFound:
		return channels.Permanent(errors.New("the app is gone from the device")).With(code, hard)
	case r.code == "SENDER_ID_MISMATCH":
		return channels.Permanent(errors.New("the token is of another Firebase project than push.fcm")).With(code, hard)
	case r.code == "INVALID_ARGUMENT" && strings.Contains(r.message, "registration token"):
		return channels.Permanent(err).With(code, hard)
	case r.status == http.StatusBadRequest:
		return channels.Permanent(err).With(code, "content")
	case r.code == "THIRD_PARTY_AUTH_ERROR": // APNs refuses Firebase's certificate: iOS only
		return channels.Parked(errors.New("Apple refuses the key that the Firebase project has for APNs: upload a valid one in the Firebase console")).With(code, "account")
	case r.status == http.StatusUnauthorized || r.status == http.StatusForbidden:
		return channels.Down(fmt.Errorf("FCM refuses the service account: %w", err)).With(code, "account")
	case r.status == http.StatusTooManyRequests:
		return channels.Busy(err, max(r.after, time.Minute)).With(code, "") // without Retry-After Google asks for a minute
	case r.status == http.StatusServiceUnavailable:
		return channels.Busy(err, r.after).With(code, "")
	}
	return channels.Unknown(err).With(code, "")
}
