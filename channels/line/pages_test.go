package line

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"enishi"
	linesim "enishi/internal/sim/line"
)

// doors is the public pages of an account on a simulated LINE, and what becomes known by them.
type doors struct {
	*Pages
	t       *testing.T
	sim     *linesim.Server
	account *Official
	mu      sync.Mutex
	now     time.Time
	events  []enishi.Event
	used    map[enishi.ID]enishi.ID
	known   Known
	links   int
}

const (
	testLogin   = "1650000000"
	testSetting = `{"accounts": [{"name": "default", "title": {"ja": "縁", "en": "Enishi"}, "basic_id": "@enishi", "login": "1650000000", "liff": "1650000000-AbCdEfGh", "login_url": "https://shop.example/login?from=line"}]}`
	testSources = `{"sources": [{"id": "ginza_till", "title": {"ja": "銀座店レジ", "en": "Ginza till"}, "kind": "store", "store": "ginza"}]}`
)

func newDoors(t *testing.T) *doors {
	t.Helper()
	d := &doors{t: t, now: time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC), used: map[enishi.ID]enishi.ID{}, links: 1}
	clock := func() time.Time { d.mu.Lock(); defer d.mu.Unlock(); return d.now }
	d.sim = linesim.New(linesim.Config{Now: clock})
	server := httptest.NewServer(d.sim)
	t.Cleanup(server.Close)
	all, err := NewAccounts(AccountsConfig{Secrets: map[string]Secret{DefaultAccount: {Token: "token", Endpoint: server.URL}}, Provider: "main", Now: clock,
		Setting: func() (int64, []byte) { return 1, []byte(testSetting) }})
	if err != nil {
		t.Fatal(err)
	}
	d.account, _ = all.Get("")
	d.Pages, err = NewPages(PagesConfig{Accounts: all, Key: []byte("0123456789abcdef0123456789abcdef"), BaseURL: "https://cdp.example", Setting: func() []byte { return []byte(testSources) },
		Ingest: func(_ context.Context, events []enishi.Event) error {
			d.events = append(d.events, events...)
			return nil
		},
		Used: func(_ context.Context, nonce, by enishi.ID) (bool, error) {
			if _, there := d.used[nonce]; !there {
				d.used[nonce] = by
			}
			return d.used[nonce] == by, nil
		},
		Unlink: func(context.Context, string, string) (int, error) { return d.links, nil },
		Known:  func(context.Context, string, string) (Known, error) { return d.known, nil }, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *doors) after(x time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(x)
}

func (d *doors) get(path, lang string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Accept-Language", lang)
	w := httptest.NewRecorder()
	d.Handler().ServeHTTP(w, r)
	return w
}

// visits sends what the LIFF app would.
func (d *doors) visits(v visit) (int, visited) {
	b, _ := json.Marshal(v)
	r := httptest.NewRequest("POST", "/line/open/default", bytes.NewReader(b))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	d.Handler().ServeHTTP(w, r)
	var out visited
	_ = json.Unmarshal(w.Body.Bytes(), &out)
	return w.Code, out
}

func (d *doors) token(name string) (token, user string) {
	user = d.sim.UserID(name)
	token, err := d.sim.IDToken(user, testLogin)
	if err != nil {
		d.t.Fatal(err)
	}
	return token, user
}

// TestFriendSource: a QR code leads to the LIFF app, and what it tells becomes an event with the source; who was a friend
// before, or came by another way first, keeps that; a code that is not ours leads nowhere.
func TestFriendSource(t *testing.T) {
	t.Parallel()
	d := newDoors(t)
	link := strings.TrimPrefix(d.SourceURL("ginza_till"), "https://cdp.example")
	w := d.get(link, "ja")
	to, _ := url.Parse(w.Header().Get("Location"))
	if w.Code != http.StatusFound || to.Host != "liff.line.me" || to.Path != "/1650000000-AbCdEfGh" {
		t.Fatalf("%d %s", w.Code, to)
	}
	for _, bad := range []string{link + "x", "/line/f/ginza_till", "/line/f/ginza_till.AAAA", strings.Replace(link, "ginza", "umeda", 1)} {
		if w := d.get(bad, "en"); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "This link does not work") {
			t.Errorf("%s: %d", bad, w.Code)
		}
	}
	token, user := d.token("hanako")
	f := func(known Known, source string, events int, trait bool) {
		t.Helper()
		d.known, d.events = known, nil
		code, out := d.visits(visit{IDToken: token, Source: source})
		if code != 200 || out.State != "welcome" || out.Add != "https://line.me/R/ti/p/@enishi" || len(d.events) != events {
			t.Fatalf("%d %+v, %d events", code, out, len(d.events))
		}
		if events == 0 {
			return
		}
		e := d.events[0]
		if _, ok := enishi.LookupType(e.Type); !ok || e.Type != "line.link_opened" || e.Person.LineUserID != user || e.Person.LineProvider != "main" || e.Properties["store"].Text != "ginza" ||
			e.Properties["source"].Text != "store" || (e.Person.Traits[SourceTrait].Text == "ginza_till") != trait {
			t.Errorf("%+v %+v", e, e.Person)
		}
	}
	s := to.Query().Get("s")
	f(Known{}, s, 1, true)
	f(Known{FollowedAt: d.now.Add(-time.Hour)}, s, 1, true)
	f(Known{FollowedAt: d.now.Add(-48 * time.Hour)}, s, 1, false)
	f(Known{Source: "autumn"}, s, 1, false)
	f(Known{}, "ginza_till.forged", 0, false)
	f(Known{}, "", 0, false)
}

// TestIDToken: who comes is whom LINE says, never whom the browser says.
func TestIDToken(t *testing.T) {
	t.Parallel()
	d := newDoors(t)
	good, user := d.token("hanako")
	if code, _ := d.visits(visit{IDToken: good}); code != 200 {
		t.Errorf("good: %d", code)
	}
	other, err := d.sim.IDToken(user, "1659999999")
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{"of another channel": other, "made up": "x", "a user id": user} {
		if code, _ := d.visits(visit{IDToken: token}); code != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, code)
		}
	}
	if code, _ := d.visits(visit{}); code != http.StatusBadRequest {
		t.Errorf("none: %d", code)
	}
	d.sim.Inject(linesim.Fault{Endpoint: "verify", Status: 500})
	if code, _ := d.visits(visit{IDToken: good}); code != http.StatusServiceUnavailable {
		t.Errorf("LINE is away: %d", code)
	}
	d.after(time.Hour)
	if code, _ := d.visits(visit{IDToken: good}); code != http.StatusUnauthorized {
		t.Errorf("too old: %d", code)
	}
	r := httptest.NewRequest("POST", "/line/open/default", strings.NewReader("id_token="+good))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	if d.Handler().ServeHTTP(w, r); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("another site's form: %d", w.Code)
	}
}

// TestLinkByLIFF: a customer who is signed in links the LINE user that LINE vouches for, once and within ten minutes.
func TestLinkByLIFF(t *testing.T) {
	t.Parallel()
	d := newDoors(t)
	nonce := func() string {
		t.Helper()
		to, until, err := d.Link(d.account, "c-1", "")
		u, _ := url.Parse(to)
		n := u.Query().Get("link")
		if err != nil || u.Host != "liff.line.me" || until.Sub(d.now) != 10*time.Minute || len(n) < 40 {
			t.Fatalf("%s %v %v", to, until, err)
		}
		return n
	}
	first, other := nonce(), nonce()
	if first == other {
		t.Fatal("two nonces are the same")
	}
	hanako, user := d.token("hanako")
	taro, _ := d.token("taro")
	f := func(v visit, state string, events int) {
		t.Helper()
		d.events = nil
		if code, out := d.visits(v); code != 200 || out.State != state || len(d.events) != events {
			t.Fatalf("%d %+v, %d events", code, out, len(d.events))
		}
	}
	f(visit{IDToken: hanako, Link: first}, "linked", 1)
	if e := d.events[0]; e.Type != "line.account_linked" || e.Person.CustomerID != "c-1" || e.Person.LineUserID != user || e.Properties["linked"].Any() != true {
		t.Errorf("%+v", e)
	}
	f(visit{IDToken: taro, Link: first}, "refused", 0)         // used
	f(visit{IDToken: hanako, Link: other + "A"}, "refused", 0) // forged
	d.after(10*time.Minute + time.Second)
	hanako, _ = d.token("hanako")
	f(visit{IDToken: hanako, Link: other}, "refused", 0) // too old
	f(visit{IDToken: hanako, Unlink: true}, "unlinked", 1)
	if e := d.events[0]; e.Type != "line.account_linked" || e.Properties["linked"].Any() != false || e.Person.CustomerID != "" {
		t.Errorf("%+v", e)
	}
	d.links = 0
	f(visit{IDToken: hanako, Unlink: true}, "unlinked", 0) // nothing to take back
	if _, _, err := d.Link(d.account, strings.Repeat("x", maxSealed+1), ""); enishi.ErrorCode(err) != enishi.Invalid {
		t.Errorf("a customer id that is too long: %v", err)
	}
	if to, _, err := d.Link(d.account, strings.Repeat("x", maxSealed), "t"); err != nil || len(mustQuery(t, to).Get("nonce")) > linesim.Documented().LinkNonceMax {
		t.Errorf("a nonce that is too long for LINE: %s %v", to, err)
	}
}

func mustQuery(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// TestLinkByToken walks LINE's own way: invitation, link token, the shop's sign-in, LINE's dialogue, the webhook.
func TestLinkByToken(t *testing.T) {
	t.Parallel()
	d := newDoors(t)
	user := d.sim.UserID("hanako")
	if err := d.sim.Befriend(user, ""); err != nil {
		t.Fatal(err)
	}
	to, _ := d.Invite(d.account, user)
	path := strings.TrimPrefix(to, "https://cdp.example")
	for lang, words := range map[string]string{"ja": "LINE アカウントを連携しますか？", "en": "Link your LINE account"} {
		w := d.get(path, lang)
		if w.Code != 200 || !strings.Contains(w.Body.String(), words) || !strings.Contains(w.Header().Get("Content-Security-Policy"), "https://shop.example") {
			t.Errorf("%s: %d %s", lang, w.Code, w.Body)
		}
	}
	if calls := d.sim.Counts().Calls; calls["linkToken 200"] != 0 {
		t.Error("looking at the page asks LINE for a token")
	}
	press := func(action string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", path, strings.NewReader("action="+action))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		d.Handler().ServeHTTP(w, r)
		return w
	}
	login := press("link").Header().Get("Location")
	token := mustQuery(t, login).Get("linkToken")
	if !strings.HasPrefix(login, "https://shop.example/login?from=line&linkToken=") || token == "" {
		t.Fatalf("%s", login)
	}
	dialogue, _, err := d.Link(d.account, "c-1", token) // the shop knows who signed in
	if err != nil || !strings.HasPrefix(dialogue, "https://access.line.me/dialog/bot/accountLink?") {
		t.Fatalf("%s %v", dialogue, err)
	}
	nonce := mustQuery(t, dialogue).Get("nonce")
	if _, linked := d.sim.LinkAccount(mustQuery(t, dialogue).Get("linkToken"), nonce); !linked {
		t.Fatal("LINE does not link")
	}
	event, at := enishi.NewID("webhook", "1"), d.now
	d.after(time.Hour) // the webhook is late; the nonce was used in time
	for range 2 {      // and comes again
		if customer, ok, err := d.Linked(t.Context(), "default", event, nonce, at); customer != "c-1" || !ok || err != nil {
			t.Errorf("%s %v %v", customer, ok, err)
		}
	}
	if _, ok, _ := d.Linked(t.Context(), "default", enishi.NewID("webhook", "2"), nonce, at); ok {
		t.Error("a nonce is taken twice")
	}
	if _, ok, _ := d.Linked(t.Context(), "default", event, nonce, at.Add(time.Hour)); ok {
		t.Error("a nonce is taken after its time")
	}
	if _, ok, _ := d.Linked(t.Context(), "shop2", event, nonce, at); ok {
		t.Error("another account takes it")
	}
	d.known.Customer = true
	if w := d.get(path, "ja"); !strings.Contains(w.Body.String(), "連携を解除する") {
		t.Errorf("%s", w.Body)
	}
	if w := press("unlink"); w.Code != 200 || len(d.events) != 1 || !strings.Contains(w.Body.String(), "連携を解除しました") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	d.after(inviteFor)
	if w := d.get(path, "ja"); w.Code != http.StatusNotFound {
		t.Errorf("an old invitation: %d", w.Code)
	}
}

// TestApp: the LIFF app has the words of each of its states, in both languages, and runs no script but its own and LINE's.
func TestApp(t *testing.T) {
	t.Parallel()
	d := newDoors(t)
	for lang, words := range map[string][]string{"ja": {"LINE アカウントは連携済みです", "連携を解除しました", "ようこそ", "連携できませんでした"}, "en": {"Your LINE account is linked", "The link was taken back", "Welcome", "The link could not be made"}} {
		w := d.get("/line/open/default?s=x", lang)
		for _, x := range append(words, `"1650000000-AbCdEfGh"`, `lang="`+lang+`"`) {
			if !strings.Contains(w.Body.String(), x) {
				t.Errorf("%s: %q is missing in %s", lang, x, w.Body)
			}
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'nonce-") || strings.Contains(csp, "script-src 'unsafe") {
			t.Error(csp)
		}
	}
	if w := d.get("/line/open/none", "ja"); w.Code != http.StatusNotFound {
		t.Errorf("%d", w.Code)
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	if s, err := ParseSources([]byte(testSources)); err != nil || len(s.Sources) != 1 {
		t.Errorf("%+v %v", s, err)
	}
	for body, field := range map[string]string{
		`{"sources": [{"id": "A", "title": {"ja": "x", "en": "x"}, "kind": "store"}]}`:                                                            ".id",
		`{"sources": [{"id": "a", "title": {"ja": "x"}, "kind": "store"}]}`:                                                                       ".title",
		`{"sources": [{"id": "a", "title": {"ja": "x", "en": "x"}, "kind": "bus"}]}`:                                                              ".kind",
		`{"sources": [{"id": "a", "title": {"ja": "x", "en": "x"}, "kind": "web"}, {"id": "a", "title": {"ja": "x", "en": "x"}, "kind": "web"}]}`: "[1].id",
		`[]`: "body.body",
	} {
		_, err := ParseSources([]byte(body))
		if e, ok := err.(*enishi.Error); !ok || !strings.HasSuffix(e.Field, field) || e.MsgJA == "" {
			t.Errorf("%s: %v", body, err)
		}
	}
}
