package push

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
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
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

var b64 = base64.RawURLEncoding

// TestOpenRFC8291 is the example of appendix A of RFC 8291, read by the browser's side.
func TestOpenRFC8291(t *testing.T) {
	raw, _ := b64.DecodeString("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94")
	key, err := ecdh.P256().NewPrivateKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	auth, _ := b64.DecodeString("BTBZMqHH6r4Tts7J_aSIgg")
	body, _ := b64.DecodeString("DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN")
	got, err := open(key, auth, body)
	if string(got) != "When I grow up, I want to be a watermelon" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	body[len(body)-1] ^= 1
	if _, err := open(key, auth, body); err == nil {
		t.Error("a message that was changed was read")
	}
}

type world struct {
	t   *testing.T
	s   *Server
	url string
	now time.Time
	key *ecdsa.PrivateKey
}

func newWorld(t *testing.T, l Limits) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)}
	w.s = New(Config{Limits: l, Now: func() time.Time { return w.now }})
	server := httptest.NewServer(w.s)
	t.Cleanup(server.Close)
	w.url = server.URL
	var err error
	if w.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) public() string {
	p, err := w.key.PublicKey.Bytes()
	if err != nil {
		w.t.Fatal(err)
	}
	return b64.EncodeToString(p)
}

// vapid is an authorization with claims.
func (w *world) vapid(aud string, exp time.Time, sub string) string {
	claims, _ := json.Marshal(map[string]any{"aud": aud, "exp": exp.Unix(), "sub": sub})
	text := b64.EncodeToString([]byte(`{"typ":"JWT","alg":"ES256"}`)) + "." + b64.EncodeToString(claims)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, w.key, sum[:])
	if err != nil {
		w.t.Fatal(err)
	}
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return "vapid t=" + text + "." + b64.EncodeToString(sig) + ", k=" + w.public()
}

// post sends a body that no browser could read, with headers that are good but for what change does.
func (w *world) post(endpoint string, body []byte, change func(http.Header)) (int, string) {
	w.t.Helper()
	req, _ := http.NewRequest(http.MethodPost, endpoint, bytes.NewReader(body))
	req.Header.Set("Authorization", w.vapid(w.url, w.now.Add(time.Hour), "mailto:push@shop.example"))
	req.Header.Set("TTL", "60")
	req.Header.Set("Content-Encoding", "aes128gcm")
	if change != nil {
		change(req.Header)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

func TestPushServiceLimits(t *testing.T) {
	w := newWorld(t, Limits{})
	b := w.s.Subscribe(w.url, w.public())
	f := func(what string, status int, says string, change func(http.Header)) {
		t.Helper()
		if got, text := w.post(b.Endpoint, []byte("x"), change); got != status || !strings.Contains(text, says) {
			t.Errorf("%s: %d %s, want %d %s", what, got, text, status, says)
		}
	}
	set := func(k, v string) func(http.Header) { return func(h http.Header) { h.Set(k, v) } }
	f("unreadable", 400, "cannot read", nil)
	f("no VAPID", 401, "VAPID", func(h http.Header) { h.Del("Authorization") })
	f("no TTL", 400, "TTL", func(h http.Header) { h.Del("TTL") })
	f("29 days", 400, "28 days", set("TTL", fmt.Sprint(29*86400)))
	f("urgency", 400, "urgency", set("Urgency", "very-high"))
	f("topic", 400, "topic", set("Topic", strings.Repeat("a", 33)))
	f("topic's letters", 400, "topic", set("Topic", "a b"))
	f("encoding", 400, "aes128gcm", set("Content-Encoding", "aesgcm"))
	hour := w.now.Add(time.Hour)
	f("another service", 403, "aud", set("Authorization", w.vapid("https://other.example", hour, "mailto:a@b.example")))
	f("too long", 403, "24 hours", set("Authorization", w.vapid(w.url, w.now.Add(25*time.Hour), "mailto:a@b.example")))
	f("over", 403, "expired", set("Authorization", w.vapid(w.url, w.now.Add(-time.Second), "mailto:a@b.example")))
	f("nobody", 403, "sub", set("Authorization", w.vapid(w.url, hour, "me")))
	good := w.vapid(w.url, hour, "mailto:a@b.example")
	f("forged", 403, "signature", set("Authorization", forge(good)))
	w.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	f("another key", 403, "do not correspond", nil)
	if got, _ := w.post(w.url+"/push/none", nil, nil); got != 404 {
		t.Errorf("unknown subscription: %d", got)
	}
}

// forge changes the signature of an authorization.
func forge(auth string) string {
	token, key, _ := strings.Cut(auth, ", ")
	i := strings.LastIndexByte(token, '.')
	sig, _ := b64.DecodeString(token[i+1:])
	sig[10] ^= 1
	return token[:i+1] + b64.EncodeToString(sig) + ", " + key
}

func TestPushServiceSizeRateAndEnd(t *testing.T) {
	l := Documented()
	l.ServiceRate = 2
	w := newWorld(t, l)
	b := w.s.Subscribe(w.url, "")
	f := func(want int, body []byte) {
		t.Helper()
		if got, text := w.post(b.Endpoint, body, nil); got != want {
			t.Errorf("%d %s, want %d", got, text, want)
		}
	}
	f(413, make([]byte, 4097))
	f(400, make([]byte, 4096)) // it fits; what is in it is no message
	f(400, nil)
	f(429, nil)
	w.now = w.now.Add(time.Minute)
	f(400, nil)
	w.s.Turn(b.Endpoint, "gone")
	f(410, nil)
}

// assertion is a JWT of the service account.
func (w *world) assertion(change map[string]any) string {
	var a map[string]string
	if err := json.Unmarshal(w.s.Account(w.url), &a); err != nil {
		w.t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(a["private_key"]))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		w.t.Fatal(err)
	}
	claims := map[string]any{"iss": a["client_email"], "aud": a["token_uri"], "scope": fcmScope, "iat": w.now.Unix(), "exp": w.now.Add(time.Hour).Unix()}
	for k, v := range change {
		claims[k] = v
	}
	body, _ := json.Marshal(claims)
	text := b64.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + b64.EncodeToString(body)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key.(*rsa.PrivateKey), crypto.SHA256, sum[:])
	if err != nil {
		w.t.Fatal(err)
	}
	return text + "." + b64.EncodeToString(sig)
}

func (w *world) oauth(assertion string) (access, says string) {
	w.t.Helper()
	res, err := http.PostForm(w.url+"/token", url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}})
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var a struct {
		Access string `json:"access_token"`
		Text   string `json:"error_description"`
	}
	_ = json.NewDecoder(res.Body).Decode(&a)
	return a.Access, a.Text
}

func TestOAuth(t *testing.T) {
	w := newWorld(t, Limits{})
	f := func(says string, change map[string]any) {
		t.Helper()
		if access, got := w.oauth(w.assertion(change)); access != "" || !strings.Contains(got, says) {
			t.Errorf("%q %q, want %q", access, got, says)
		}
	}
	if access, says := w.oauth(w.assertion(nil)); access == "" {
		t.Fatal(says)
	}
	f("account not found", map[string]any{"iss": "other@x.example"})
	f("audience", map[string]any{"aud": "https://oauth2.googleapis.com/token2"})
	f("short-lived", map[string]any{"exp": w.now.Add(61 * time.Minute).Unix()})
	f("short-lived", map[string]any{"exp": w.now.Add(-time.Second).Unix(), "iat": w.now.Add(-time.Minute).Unix()})
	f("scope", map[string]any{"scope": "https://www.googleapis.com/auth/cloud-platform"})
	if access, says := w.oauth(w.assertion(nil)[:40] + "x"); access != "" || !strings.Contains(says, "Signature") {
		t.Errorf("%q %q", access, says)
	}
}

// fcmSend posts a message and gives status and error code.
func (w *world) fcmSend(access, project string, message map[string]any) (int, string) {
	w.t.Helper()
	body, _ := json.Marshal(map[string]any{"message": message})
	req, _ := http.NewRequest(http.MethodPost, w.url+"/v1/projects/"+project+"/messages:send", bytes.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+access)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var e struct {
		Error struct {
			Status  string
			Details []struct{ ErrorCode string }
		}
	}
	_ = json.NewDecoder(res.Body).Decode(&e)
	if len(e.Error.Details) > 0 {
		return res.StatusCode, e.Error.Details[0].ErrorCode
	}
	return res.StatusCode, e.Error.Status
}

func TestFCMLimits(t *testing.T) {
	l := Documented()
	l.DeviceRate, l.DeviceHour = 2, 3
	w := newWorld(t, l)
	access, _ := w.oauth(w.assertion(nil))
	token := w.s.Register("")
	f := func(want int, code string, message map[string]any) {
		t.Helper()
		if _, ok := message["token"]; !ok {
			message["token"] = token
		}
		if got, name := w.fcmSend(access, "simulated", message); got != want || name != code {
			t.Errorf("%d %s, want %d %s", got, name, want, code)
		}
	}
	text := map[string]any{"notification": map[string]string{"title": "t"}}
	f(400, "INVALID_ARGUMENT", map[string]any{"token": "short"})
	f(400, "INVALID_ARGUMENT", map[string]any{"data": map[string]any{"n": 12}})
	f(400, "INVALID_ARGUMENT", map[string]any{"data": map[string]any{"from": "x"}})
	f(400, "INVALID_ARGUMENT", map[string]any{"data": map[string]any{"k": strings.Repeat("v", 4096)}})
	f(400, "INVALID_ARGUMENT", map[string]any{"sound": "x"})
	f(404, "UNREGISTERED", map[string]any{"token": strings.Repeat("a", 22) + ":" + strings.Repeat("b", 140)})
	f(403, "SENDER_ID_MISMATCH", map[string]any{"token": w.s.Register("other")})
	f(200, "", map[string]any{"data": map[string]any{"k": strings.Repeat("v", 4095)}})
	f(200, "", text)
	f(429, "QUOTA_EXCEEDED", text) // 2 a minute
	w.now = w.now.Add(time.Minute)
	f(200, "", text)
	f(429, "QUOTA_EXCEEDED", text) // 3 an hour
	if got, name := w.fcmSend(access, "other", text); got != 403 || name != "PERMISSION_DENIED" {
		t.Errorf("another project: %d %s", got, name)
	}
	w.now = w.now.Add(time.Hour)
	f(401, "UNAUTHENTICATED", text)
	access, _ = w.oauth(w.assertion(nil))
	f(200, "", text)
	w.s.Revoke(false)
	f(401, "UNAUTHENTICATED", text)
	if n := len(w.s.Shown()); n != 4 {
		t.Errorf("%d notifications were shown", n)
	}
}
