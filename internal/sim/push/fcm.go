package push

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// The simulated service account.
const (
	accountEmail = "enishi@simulated.iam.gserviceaccount.com"
	accountKeyID = "simulated-key"
	accessFor    = time.Hour
	fcmScope     = "https://www.googleapis.com/auth/firebase.messaging"
)

// Account is the JSON file of the service account. base is the address of the simulator.
func (s *Server) Account(base string) []byte {
	key := s.key()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err) // an RSA key always has a form
	}
	text, err := json.Marshal(map[string]string{"type": "service_account", "project_id": s.cfg.Project, "private_key_id": accountKeyID, "client_email": accountEmail,
		"token_uri": strings.TrimSuffix(base, "/") + "/token", "private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))})
	if err != nil {
		panic(err) // strings are always JSON
	}
	return text
}

func (s *Server) key() *rsa.PrivateKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.account == nil {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err) // crypto/rand does not fail
		}
		s.account = key
	}
	return s.account
}

// Revoke takes back the access tokens; with account also the service account.
func (s *Server) Revoke(account bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
	s.revoked = account
}

// oauth gives access tokens (RFC 7523).
func (s *Server) oauth(r *http.Request) answer {
	refuse := func(code, text string) answer {
		body, _ := json.Marshal(map[string]string{"error": code, "error_description": text})
		return answer{status: http.StatusBadRequest, header: map[string]string{"Content-Type": "application/json"}, body: body}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	form, bad := url.ParseQuery(string(body))
	if err != nil || bad != nil || r.Method != http.MethodPost || form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		return refuse("unsupported_grant_type", "Invalid grant_type: "+form.Get("grant_type"))
	}
	var claims struct {
		Iss, Scope, Aud string
		Iat, Exp        int64
	}
	text, sig, err := readJWT(form.Get("assertion"), "RS256", &claims)
	sum := sha256.Sum256([]byte(text))
	now := s.cfg.Now()
	switch {
	case err != nil || rsa.VerifyPKCS1v15(&s.key().PublicKey, crypto.SHA256, sum[:], sig) != nil:
		return refuse("invalid_grant", "Invalid JWT Signature.")
	case claims.Iss != accountEmail || s.revoked:
		return refuse("invalid_grant", "Invalid grant: account not found")
	case !strings.HasSuffix(claims.Aud, r.Host+"/token"):
		return refuse("invalid_grant", "Invalid JWT: Failed audience check.")
	case claims.Exp-claims.Iat > 3600 || claims.Exp <= now.Unix() || claims.Iat > now.Unix()+60:
		return refuse("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.")
	case claims.Scope != fcmScope:
		return refuse("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
	}
	access := "ya29." + base64.RawURLEncoding.EncodeToString(random(32))
	s.mu.Lock()
	s.tokens[access] = now.Add(accessFor)
	s.mu.Unlock()
	out, _ := json.Marshal(map[string]any{"access_token": access, "expires_in": int(accessFor / time.Second), "token_type": "Bearer"})
	return answer{status: http.StatusOK, header: map[string]string{"Content-Type": "application/json"}, body: out}
}

var registration = regexp.MustCompile(`^[A-Za-z0-9_-]{10,}:[A-Za-z0-9_-]{100,}$`)

// fcm answers POST /v1/projects/{project}/messages:send.
func (s *Server) fcm(r *http.Request) answer {
	now := s.cfg.Now()
	project, method, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/projects/"), "/")
	if method != "messages:send" || r.Method != http.MethodPost {
		return fcmError(http.StatusNotFound, "NOT_FOUND", "", "Requested entity was not found.")
	}
	access := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	until, known := s.tokens[access]
	s.mu.Unlock()
	if !known || !now.Before(until) {
		return fcmError(http.StatusUnauthorized, "UNAUTHENTICATED", "", "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.")
	}
	if project != s.cfg.Project {
		return fcmError(http.StatusForbidden, "PERMISSION_DENIED", "", "Permission 'cloudmessaging.messages.create' denied on resource '//cloudresourcemanager.googleapis.com/projects/"+project+"'.")
	}
	var body struct {
		Validate bool                       `json:"validate_only"`
		Message  map[string]json.RawMessage `json:"message"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, 64<<10)).Decode(&body); err != nil {
		return fcmError(http.StatusBadRequest, "INVALID_ARGUMENT", "", "Invalid JSON payload received.")
	}
	for k := range body.Message {
		if !strings.Contains(" name data notification android webpush apns fcm_options token topic condition ", " "+k+" ") {
			return fcmError(http.StatusBadRequest, "INVALID_ARGUMENT", "", fmt.Sprintf("Invalid JSON payload received. Unknown name %q at 'message': Cannot find field.", k))
		}
	}
	var token string
	_ = json.Unmarshal(body.Message["token"], &token)
	if !registration.MatchString(token) {
		return fcmError(http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "The registration token is not a valid FCM registration token")
	}
	n, text := payloadBytes(body.Message)
	if text != "" {
		return fcmError(http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_ARGUMENT", text)
	}
	if n > s.cfg.Limits.AppBytes {
		return fcmError(http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "Android message is too big")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.devices[token]
	switch {
	case d == nil || d.state == "gone":
		return fcmError(http.StatusNotFound, "NOT_FOUND", "UNREGISTERED", "Requested entity was not found.")
	case d.project != project:
		return fcmError(http.StatusForbidden, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", "SenderId mismatch")
	case !s.minute.admit(now, s.cfg.Limits.ProjectRate, time.Minute), !d.minute.admit(now, s.cfg.Limits.DeviceRate, time.Minute), !d.hour.admit(now, s.cfg.Limits.DeviceHour, time.Hour):
		return fcmError(http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "Quota exceeded.")
	}
	name, _ := json.Marshal(map[string]string{"name": fmt.Sprintf("projects/%s/messages/0:%d", project, now.UnixMicro())})
	ok := answer{status: http.StatusOK, header: map[string]string{"Content-Type": "application/json"}, body: name}
	if body.Validate {
		return ok
	}
	delete(body.Message, "token")
	text2, _ := json.Marshal(body.Message)
	x := Shown{Device: token, Kind: "fcm", Payload: text2, At: now}
	var android struct {
		TTL      string `json:"ttl"`
		Collapse string `json:"collapse_key"`
	}
	_ = json.Unmarshal(body.Message["android"], &android)
	ttl, err := time.ParseDuration(android.TTL)
	if err != nil {
		ttl = 28 * 24 * time.Hour
	}
	x.Topic = android.Collapse
	if s.give(d, x, ttl) {
		s.mu.Unlock()
		s.show(x)
		s.mu.Lock()
	}
	return ok
}

// payloadBytes counts keys and values; text says what is wrong with them.
func payloadBytes(message map[string]json.RawMessage) (n int, text string) {
	var data map[string]any
	_ = json.Unmarshal(message["data"], &data)
	for k, v := range data {
		s, ok := v.(string)
		if !ok {
			return 0, "Invalid value at 'message.data[0].value' (TYPE_STRING), " + fmt.Sprint(v)
		}
		if k == "from" || k == "gcm" || strings.HasPrefix(k, "google.") {
			return 0, "Invalid data payload key: " + k
		}
		n += len(k) + len(s)
	}
	var notification map[string]string
	_ = json.Unmarshal(message["notification"], &notification)
	for k, v := range notification {
		n += len(k) + len(v)
	}
	return n, ""
}

func fcmError(status int, name, code, message string) answer {
	e := map[string]any{"code": status, "message": message, "status": name}
	if code != "" {
		e["details"] = []any{map[string]string{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}}
	}
	body, _ := json.Marshal(map[string]any{"error": e})
	return answer{status: status, header: map[string]string{"Content-Type": "application/json; charset=UTF-8"}, body: body}
}
