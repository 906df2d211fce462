package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"enishi"
)

// TestAuthorisation calls every operation as everybody: who may not is refused before anything else is looked at.
func TestAuthorisation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.Loopback = false })
	other := newWorld(t, func(c *Config) { c.Workspace, c.Loopback = "other", false })
	tokens := map[string]string{}
	for _, r := range []role{viewer, editor, approver, admin} {
		tokens[string(r)], _ = w.key(keyAdmin, string(r))
	}
	tokens["write key"], _ = w.key(keyWrite, "")
	tokens["foreign admin"], _ = other.key(keyAdmin, "admin")
	tokens["made up"] = "eni_" + strings.Repeat("A", 43)
	tokens["nobody"] = ""
	for _, op := range operations() {
		path := strings.NewReplacer("{id}", "00000000000000000000000000000000", "{name}", "nothing", "{kind}", "setting").Replace(op.path)
		for who, token := range tokens {
			want := http.StatusUnauthorized
			switch {
			case op.role == public:
				want = 0
			case who == "write key":
				want = http.StatusForbidden
			case role(who).rank() > 0:
				want = http.StatusForbidden
				if role(who).includes(op.role) {
					want = 0
				}
			}
			var body any
			if op.method == post || op.method == put {
				body = "{}"
			}
			if op.kind == streams && want == 0 {
				continue // TestLive listens to it
			}
			if op.id == "delete-key" && want == 0 {
				path = "/keys/nothing"
			}
			got := w.as(token).call(op.method, path, body)
			refused := got.status == http.StatusUnauthorized || got.status == http.StatusForbidden
			if op.id == "open-session" {
				refused = false // an empty token is no caller's fault here
			}
			if want != 0 && got.status != want || want == 0 && refused {
				t.Errorf("%s as %s: %d, want %d: %s", op.id, who, got.status, want, got.text)
			}
			if want != 0 && !strings.Contains(got.text, `"request_id"`) {
				t.Errorf("%s as %s: the refusal is no problem: %s", op.id, who, got.text)
			}
		}
	}
}

func TestLocalAdmin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	s := into[sessionPage](w.call("GET", "/session", nil))
	if s.Role != admin || s.Name != "local" {
		t.Fatalf("got %+v", s)
	}
	for _, h := range [][]string{{"Host", "evil.example"}, {"Host", "evil.example:8420"}, {"X-Forwarded-For", "10.0.0.1"}, {"Forwarded", "for=10.0.0.1"}, {"X-Real-Ip", "10.0.0.1"}} {
		w.call("GET", "/session", nil, h...).want(401)
	}
	w.call("POST", "/clock", map[string]any{"live": true}, "Origin", "https://evil.example").want(403)
	w.call("POST", "/clock", map[string]any{"live": true}, "Sec-Fetch-Site", "cross-site").want(403)
	w.call("POST", "/clock", `{"live":true}`, "Content-Type", "text/plain").want(415)
	w.call("POST", "/clock", `{"live":true}`, "Content-Type", "").want(415)                           // what a form of another site could send
	w.call("POST", "/clock", map[string]any{"live": true}, "Sec-Fetch-Site", "same-origin").want(409) // it came in; the clock is live already

	token, id := w.key(keyAdmin, "editor")
	w.call("GET", "/session", nil).want(401) // the first token closes the door
	if s := into[sessionPage](w.as(token).call("GET", "/session", nil)); s.Role != editor {
		t.Errorf("got %+v", s)
	}
	admin, _ := w.key(keyAdmin, "admin")
	w.as(admin).call("DELETE", "/keys/"+id, nil).want(200)
	w.as(token).call("GET", "/session", nil).want(401)
}

func TestSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.Loopback, c.Secure, c.Base = false, true, "/w/shop" })
	token, id := w.key(keyAdmin, "editor")
	w.call("POST", "/session", map[string]any{"token": "eni_wrong"}).want(401)
	writeKey, _ := w.key(keyWrite, "")
	w.call("POST", "/session", map[string]any{"token": writeKey}).want(401)
	in := w.call("POST", "/session", map[string]any{"token": token}).want(200)
	var cookies []*http.Cookie
	for _, line := range in.header.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatal(err)
		}
		cookies = append(cookies, c)
	}
	if len(cookies) != 2 {
		t.Fatalf("got %d cookies", len(cookies))
	}
	session, csrf := cookies[0], cookies[1]
	if session.Name != sessionCookie || !session.HttpOnly || session.SameSite != http.SameSiteLaxMode || !session.Secure || session.Path != "/w/shop/" || session.MaxAge <= 0 {
		t.Errorf("session cookie is %+v", session)
	}
	if csrf.Name != csrfCookie || csrf.HttpOnly {
		t.Errorf("csrf cookie is %+v", csrf)
	}
	if strings.Contains(session.Value+csrf.Value+in.text, token) {
		t.Error("the token is shown again")
	}
	cookie := []string{"Cookie", sessionCookie + "=" + session.Value}
	with := func(more ...string) []string { return append(append([]string{}, cookie...), more...) }
	if s := into[sessionPage](w.call("GET", "/session", nil, cookie...)); s.Role != editor {
		t.Errorf("got %+v", s)
	}
	hold := map[string]any{"reason": "x"}
	path := "/people/00000000000000000000000000000000/hold"
	w.call("POST", path, hold, cookie...).want(403)
	w.call("POST", path, hold, with(csrfHeader, "wrong")...).want(403)
	w.call("POST", path, hold, with(csrfHeader, csrf.Value, "Origin", "https://evil.example")...).want(403)
	w.call("POST", path, hold, with(csrfHeader, csrf.Value)...).want(404) // let in; there is no such person

	forged := session.Value[:len(session.Value)-2] + "AA"
	w.call("GET", "/session", nil, "Cookie", sessionCookie+"="+forged).want(401)
	other := newWorld(t, func(c *Config) { c.Loopback, c.Workspace = false, "other" })
	other.call("GET", "/session", nil, cookie...).want(401)
	// A foreign cookie beside the right one does no harm.
	w.call("GET", "/session", nil, "Cookie", sessionCookie+"=foreign.x; "+cookie[1]).want(200)

	admin, _ := w.key(keyAdmin, "admin")
	w.as(admin).call("DELETE", "/keys/"+id, nil).want(200)
	w.call("GET", "/session", nil, cookie...).want(401)
	out := w.call("DELETE", "/session", nil).want(204)
	if v := out.header.Values("Set-Cookie"); len(v) != 2 || !strings.Contains(v[0], "Max-Age=0") {
		t.Errorf("signing out sets %v", v)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	made := into[struct{ ID, Token string }](w.call("POST", "/keys", map[string]any{"name": "サイト", "kind": "write"}))
	if !strings.HasPrefix(made.Token, "wk_") || len(made.Token) < 40 {
		t.Errorf("token is %q", made.Token)
	}
	if source, ok := w.api.WriteKey(made.Token); !ok || source != "サイト" {
		t.Errorf("write key is %q, %v", source, ok)
	}
	if _, ok := w.api.WriteKey("wk_" + strings.Repeat("A", 43)); ok {
		t.Error("a made-up key is taken")
	}
	list := w.call("GET", "/keys", nil).want(200)
	if strings.Contains(list.text, made.Token) || strings.Contains(list.text, "hash") {
		t.Errorf("the list shows secrets: %s", list.text)
	}
	d, _ := w.cfg.Definitions.Current("key", made.ID)
	if strings.Contains(string(d.Body), made.Token) || d.Actor != "local" || d.Role != "admin" || d.RequestID.IsZero() {
		t.Errorf("definition is %+v %s", d, d.Body)
	}
	token := into[struct{ Token string }](w.call("POST", "/keys", map[string]any{"name": "担当", "kind": "admin", "role": "viewer"})).Token
	if _, ok := w.api.WriteKey(token); ok {
		t.Error("an admin token is taken as a write key")
	}
	admin, _ := w.key(keyAdmin, "admin")
	a := w.as(admin)
	a.call("POST", "/keys", map[string]any{"name": "x", "kind": "admin"}).want(422)
	a.call("POST", "/keys", map[string]any{"name": "x", "kind": "root"}).want(422)
	a.call("POST", "/keys", map[string]any{"name": "", "kind": "write"}).want(422)
	a.call("DELETE", "/keys/nothing", nil).want(404)
	a.call("DELETE", "/keys/"+made.ID, nil).want(200)
	if _, ok := w.api.WriteKey(made.Token); ok {
		t.Error("a revoked key is taken")
	}
	if strings.Contains(w.log.String(), token) || strings.Contains(w.log.String(), made.Token) {
		t.Error("a token is in the log")
	}
}

// TestActor: every definition keeps who saved it, in which role, why, and by which request.
func TestActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	token, _ := w.key(keyAdmin, "editor")
	e := w.as(token)
	body := map[string]any{"title": map[string]string{"ja": "購入者"}, "expression": "orders_count > 0", "expect": 0, "reason": "試し"}
	got := e.write("PUT", "/segments/buyers", body)
	d, ok := w.cfg.Definitions.Current("segment", "buyers")
	if !ok || d.Actor != "test admineditor" || d.Role != "editor" || d.Reason != "試し" || d.Version != got.Version {
		t.Errorf("got %+v", d)
	}
	history := into[list[VersionRow]](e.call("GET", "/definitions?kind=segment&name=buyers", nil))
	if len(history.Items) != 1 || history.Items[0].Actor != d.Actor || history.Items[0].RequestID != d.RequestID {
		t.Errorf("history is %+v", history)
	}
	e.call("GET", "/definitions?kind=key&name=x", nil).want(403)
	e.call("PUT", "/settings/brand", map[string]any{"body": map[string]string{"name": "縁"}, "expect": 0}).want(403)
	e.call("PUT", "/definitions/setting/brand", map[string]any{"body": map[string]string{"name": "縁"}, "expect": -1}).want(403)
}

func TestNewKeyRefuses(t *testing.T) {
	t.Parallel()
	for _, x := range [][3]string{{"", keyWrite, ""}, {"x", keyAdmin, ""}, {"x", keyAdmin, "public"}, {"x", "other", "admin"}} {
		if _, _, err := NewKey(x[0], x[1], x[2], time.Now()); enishi.ErrorCode(err) != enishi.Invalid {
			t.Errorf("%v: %v", x, err)
		}
	}
	var k Key
	token, d, err := NewKey(" n ", keyWrite, "admin", time.Now())
	if err != nil || json.Unmarshal(d.Body, &k) != nil || k.Name != "n" || k.Role != "" || !strings.HasPrefix(token, k.Prefix) {
		t.Errorf("got %+v, %v", k, err)
	}
}
