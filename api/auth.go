package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"time"

	"enishi"
)

// caller is who sends a request.
type caller struct {
	id   string // key id, or "local"
	name string // as definitions and the log show it
	role role
}

// localAdmin is who uses the machine that the server runs on, while nobody has made a token.
var localAdmin = caller{id: "local", name: "local", role: admin}

const (
	sessionCookie = "enishi_session"
	csrfCookie    = "enishi_csrf"
	csrfHeader    = "X-Enishi-CSRF"
	sessionTime   = 7 * 24 * time.Hour
)

// session is what the session cookie says, signed.
type session struct {
	Key   string    `json:"k"` // id of the token's definition: revoking it ends the session
	Until time.Time `json:"u"`
}

// sign is good for this workspace and this use only.
func (a *API) sign(what, text string) string {
	mac := hmac.New(sha256.New, a.cfg.Key)
	mac.Write([]byte(what + "\x00" + a.cfg.Workspace + "\x00" + text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// identify finds the caller: a bearer token, a session, or the local admin.
func (a *API) identify(r *http.Request) (caller, error) {
	if token, ok := bearer(r); ok {
		k, found := a.keys.find(token)
		switch {
		case !found:
			return caller{}, unauthorized("the token is not known here, or was revoked", "このトークンは使えません。無効にされたか、別のワークスペースのものです。")
		case k.Kind != keyAdmin:
			return caller{}, refusal(enishi.Denied, "a write key can send events only", "送信キーではイベントの送信しかできません。")
		}
		return caller{id: k.id, name: k.Name, role: k.Role}, nil
	}
	if err := sameOrigin(r); err != nil {
		return caller{}, err
	}
	for _, cookie := range r.CookiesNamed(sessionCookie) { // another workspace's may be among them
		c, ok := a.session(cookie.Value)
		if !ok {
			continue
		}
		if unsafe(r.Method) && !hmac.Equal([]byte(r.Header.Get(csrfHeader)), []byte(a.sign("csrf", cookie.Value))) {
			return caller{}, refusal(enishi.Denied, "the header "+csrfHeader+" does not fit the session: load the page again", "ページを読み込み直してから、もう一度お試しください。")
		}
		return c, nil
	}
	if a.isLocal(r) {
		return localAdmin, nil
	}
	return caller{}, unauthorized("sign in, or send Authorization: Bearer TOKEN", "サインインしてください。")
}

func bearer(r *http.Request) (token string, ok bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "Bearer")
}

func unsafe(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

// sameOrigin refuses what a page of another site makes a browser send.
func sameOrigin(r *http.Request) error {
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return refusal(enishi.Denied, "requests from other sites need a token", "ほかのサイトからの操作は受け付けません。")
	}
	return nil
}

// session reads a cookie. Its token must still be there.
func (a *API) session(value string) (caller, bool) {
	text, mac, ok := strings.Cut(value, ".")
	if !ok || !hmac.Equal([]byte(mac), []byte(a.sign("session", text))) {
		return caller{}, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	var s session
	if err != nil || json.Unmarshal(raw, &s) != nil || !a.cfg.Now().Before(s.Until) {
		return caller{}, false
	}
	k, found := a.keys.byID(s.Key)
	if !found || k.Kind != keyAdmin {
		return caller{}, false
	}
	return caller{id: k.id, name: k.Name, role: k.Role}, true
}

// isLocal tells whether the request comes from this machine's own browser or command line while the door is open: with
// the demo shop, or before the first token was made. The Host must be loopback too, because any site's name can be made
// to point at 127.0.0.1, and nothing may stand in between.
func (a *API) isLocal(r *http.Request) bool {
	if !a.cfg.Loopback || !(a.cfg.Demo || !a.keys.anyAdmin()) {
		return false
	}
	for _, name := range [...]string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	return isLoopbackHost(r.Host) && isLoopbackHost(r.RemoteAddr)
}

func isLoopbackHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

type sessionInput struct {
	Body struct {
		Token string `json:"token" minLength:"1" maxLength:"200" doc:"A token as POST /keys showed it."`
	}
}

type sessionOutput struct {
	Body sessionPage
}

// sessionPage is who the caller is and where.
type sessionPage struct {
	Name      string   `json:"name"`
	Role      role     `json:"role"`
	Workspace string   `json:"workspace"`
	Demo      bool     `json:"demo"`
	Languages []string `json:"languages"`
	Timezone  string   `json:"timezone"`
	Sending   string   `json:"sending" enum:"on,off"`
	Version   string   `json:"version"`
}

func (a *API) sessionOf(c caller) sessionPage {
	return sessionPage{Name: c.name, Role: c.role, Workspace: a.cfg.Workspace, Demo: a.cfg.Demo, Languages: []string{"ja", "en"},
		Timezone: a.zone().String(), Sending: a.sendingState(), Version: a.cfg.Version}
}

func (a *API) getSession(ctx context.Context, _ *struct{}) (*sessionOutput, error) {
	return &sessionOutput{a.sessionOf(callOf(ctx).caller)}, nil
}

type signedIn struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      sessionPage
}

func (a *API) openSession(ctx context.Context, in *sessionInput) (*signedIn, error) {
	k, found := a.keys.find(strings.TrimSpace(in.Body.Token))
	if !found || k.Kind != keyAdmin {
		return nil, unauthorized("the token is not known here, or was revoked", "このトークンは使えません。入力を確かめてください。")
	}
	until := a.cfg.Now().Add(sessionTime)
	raw, err := json.Marshal(session{Key: k.id, Until: until})
	if err != nil {
		return nil, err
	}
	text := base64.RawURLEncoding.EncodeToString(raw)
	value := text + "." + a.sign("session", text)
	out := &signedIn{Body: a.sessionOf(caller{k.id, k.Name, k.Role})}
	out.SetCookie = a.cookies(value, a.sign("csrf", value), until)
	return out, nil
}

// cookies are the session and the text that pages send back in a header; the second is readable by scripts.
func (a *API) cookies(value, csrf string, until time.Time) []http.Cookie {
	path := a.cfg.Base + "/"
	age := int(until.Sub(a.cfg.Now()).Seconds())
	if value == "" {
		age = -1
	}
	return []http.Cookie{
		{Name: sessionCookie, Value: value, Path: path, MaxAge: age, HttpOnly: true, Secure: a.cfg.Secure, SameSite: http.SameSiteLaxMode},
		{Name: csrfCookie, Value: csrf, Path: path, MaxAge: age, Secure: a.cfg.Secure, SameSite: http.SameSiteLaxMode},
	}
}

type signedOut struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
}

func (a *API) closeSession(ctx context.Context, _ *struct{}) (*signedOut, error) {
	return &signedOut{a.cookies("", "", a.cfg.Now())}, nil
}
