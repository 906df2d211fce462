package line

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"enishi"
	"enishi/channels"
)

// Known is what is known of a LINE user before a visit.
type Known struct {
	Source     string    // by which the person became a friend; empty: not known
	Customer   bool      // the LINE user is linked with an account of the shop
	FollowedAt time.Time // first follow that is known; zero: none
}

// PagesConfig is what the public pages for LINE need.
type PagesConfig struct {
	Accounts *Accounts
	Key      []byte // of the workspace, for links and nonces
	BaseURL  string // public address of the pages
	// Setting is the setting [SourcesName] as it now stands, nil when it was never saved.
	Setting func() []byte
	Ingest  func(ctx context.Context, events []enishi.Event) error // as WebhookConfig.Ingest
	// Used notes that a nonce was used by an event. It is true for the first event that uses it, however often that one asks.
	Used func(ctx context.Context, nonce, by enishi.ID) (bool, error)
	// Unlink takes the links between a LINE user and the shop's customers back, and says how many there were.
	Unlink func(ctx context.Context, provider, userID string) (int, error)
	Known  func(ctx context.Context, provider, userID string) (Known, error)
	Brand  func(lang string) string // name of the shop; nil: none
	Now    func() time.Time
	Log    *slog.Logger
}

// Pages answers the pages that people come to from LINE, and from QR codes and links for it.
//
//	GET  /line/f/{token}       a link or QR code of a source: goes on to the LIFF app, or to where the account is added
//	GET  /line/open/{account}  the endpoint of the LIFF app
//	POST /line/open/{account}  what the LIFF app tells: an id token, and what the person came for
//	GET  /line/link/{account}/{token}  asks whether to link or unlink; changes nothing, because scanners follow links
//	POST /line/link/{account}/{token}  goes on to the shop's sign-in with LINE's link token, or unlinks
type Pages struct {
	cfg  PagesConfig
	seal *sealer
	log  *slog.Logger
}

// NewPages checks cfg.
func NewPages(cfg PagesConfig) (*Pages, error) {
	if cfg.Accounts == nil || len(cfg.Key) < 16 || cfg.Ingest == nil || cfg.Used == nil || cfg.Unlink == nil || cfg.Known == nil {
		return nil, errors.New("line: Accounts, Key, Ingest, Used, Unlink and Known are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Brand == nil {
		cfg.Brand = func(string) string { return "" }
	}
	if cfg.Setting == nil {
		cfg.Setting = func() []byte { return nil }
	}
	s, err := newSealer(cfg.Key, cfg.Now)
	if err != nil {
		return nil, err
	}
	return &Pages{cfg: cfg, seal: s, log: cfg.Log.With("component", "line_pages")}, nil
}

// Handler serves all of them. Paths are without a prefix of BaseURL.
func (p *Pages) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /line/f/{token}", p.scan)
	mux.HandleFunc("GET /line/open/{account}", p.app)
	mux.HandleFunc("POST /line/open/{account}", p.opened)
	mux.HandleFunc("GET /line/link/{account}/{token}", p.askLink)
	mux.HandleFunc("POST /line/link/{account}/{token}", p.link)
	return channels.Private(mux)
}

// Sources are those of the setting.
func (p *Pages) Sources() []Source {
	body := p.cfg.Setting()
	if body == nil {
		return nil
	}
	s, err := ParseSources(body)
	if err != nil {
		p.log.Error("the setting of the sources of friends cannot be read", "err", err)
		return nil
	}
	return s.Sources
}

// SourceURL is the link of a source, as its QR code has it.
func (p *Pages) SourceURL(id string) string {
	return p.cfg.BaseURL + "/line/f/" + p.seal.sourceToken(id)
}

func (p *Pages) source(token string) (Source, bool) {
	id, ok := p.seal.source(token)
	if !ok {
		return Source{}, false
	}
	for _, s := range p.Sources() {
		if s.ID == id {
			return s, true
		}
	}
	return Source{}, false
}

// addURL is where people add the account; empty: it is not known.
func addURL(s *AccountSettings) string {
	if s.BasicID == "" {
		return ""
	}
	return "https://line.me/R/ti/p/" + url.PathEscape(s.BasicID)
}

// scan sends on who came by a link or a QR code. With a LIFF app the source is told by it; without one only LINE's own page
// is there, and a friend's source is not known.
func (p *Pages) scan(w http.ResponseWriter, r *http.Request) {
	token := r.PathValue("token")
	src, ok := p.source(token)
	o, known := p.cfg.Accounts.Get(src.Account)
	if !ok || !known {
		p.page(w, r, http.StatusNotFound, pageWords{Kind: pageGone})
		return
	}
	s := o.Settings()
	to := addURL(&s)
	if s.LIFF != "" {
		to = "https://liff.line.me/" + s.LIFF + "?s=" + url.QueryEscape(token)
	}
	if to == "" {
		p.page(w, r, http.StatusNotFound, pageWords{Kind: pageNotReady})
		return
	}
	http.Redirect(w, r, to, http.StatusFound)
}

// visit is what the LIFF app tells.
type visit struct {
	IDToken string `json:"id_token"`
	Source  string `json:"source"`
	Link    string `json:"link"`
	Unlink  bool   `json:"unlink"`
}

// visited is the answer.
type visited struct {
	State string `json:"state"` // linked, unlinked, refused, welcome
	Add   string `json:"add"`   // where to add the account
}

const maxVisit = 16 << 10

// opened takes what the LIFF app tells. Who it is says LINE, not the browser.
func (p *Pages) opened(w http.ResponseWriter, r *http.Request) {
	o, ok := p.cfg.Accounts.Get(r.PathValue("account"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	s := o.Settings()
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" { // no other site's form can send it
		http.Error(w, "send JSON", http.StatusUnsupportedMediaType)
		return
	}
	var v visit
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxVisit))
	if err != nil || json.Unmarshal(body, &v) != nil || v.IDToken == "" {
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}
	if s.Login == "" {
		http.Error(w, "there is no LINE Login channel", http.StatusConflict)
		return
	}
	user, err := o.Channel.VerifyIDToken(r.Context(), v.IDToken, s.Login, p.cfg.Now())
	switch {
	case errors.Is(err, errIDToken):
		http.Error(w, "the id token is not valid", http.StatusUnauthorized)
		return
	case err == nil:
		var out visited
		if out, err = p.visit(r.Context(), o, &s, user, &v); err == nil {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(out) // a reader who has gone
			return
		}
	}
	p.log.Error("a visit from LINE is not stored", "account", o.Name, "err", err)
	http.Error(w, "try again", http.StatusServiceUnavailable)
}

func (p *Pages) visit(ctx context.Context, o *Official, s *AccountSettings, user string, v *visit) (visited, error) {
	out := visited{State: "welcome", Add: addURL(s)}
	if src, ok := p.source(v.Source); ok {
		if err := p.came(ctx, o, s, user, &src); err != nil {
			return out, err
		}
	}
	switch {
	case v.Unlink:
		out.State = "unlinked"
		return out, p.unlink(ctx, o, s, user)
	case v.Link != "":
		now := p.cfg.Now().UTC().Truncate(time.Millisecond)
		e := p.event(o, s, user, "line-link:"+enishi.NewID("nonce", v.Link).UUID()+":"+user, "line.account_linked", now)
		customer, ok, err := p.use(ctx, o.Name, e.ID, v.Link, now)
		if !ok || err != nil {
			out.State = "refused"
			return out, err
		}
		e.Person.CustomerID = customer
		e.Properties["linked"] = enishi.BoolValue(true)
		out.State = "linked"
		return out, p.cfg.Ingest(ctx, []enishi.Event{e})
	}
	return out, nil
}

// event is a fact about a LINE user that we saw ourselves.
func (p *Pages) event(o *Official, s *AccountSettings, user, key, typ string, at time.Time) enishi.Event {
	return enishi.Event{Version: enishi.EventVersion, ID: enishi.EventID(key), Message: key, Type: typ, Source: "line:" + o.Name, Channel: "social", At: at,
		Person: &enishi.Person{LineUserID: user, LineProvider: s.Provider}, Properties: map[string]enishi.Value{"account": enishi.TextValue(o.Name)}}
}

// newFriend is how long after the first follow a source still counts as what led to it.
const newFriend = 24 * time.Hour

// came tells by which source somebody came. Who was a friend before, or came by another source first, keeps that.
func (p *Pages) came(ctx context.Context, o *Official, s *AccountSettings, user string, src *Source) error {
	now := p.cfg.Now().UTC().Truncate(time.Millisecond)
	known, err := p.cfg.Known(ctx, s.Provider, user)
	if err != nil {
		return err
	}
	e := p.event(o, s, user, "line-source:"+src.ID+":"+user+":"+now.Format("2006-01-02"), "line.link_opened", now) // once a day
	e.Properties["link"], e.Properties["source"] = enishi.TextValue(src.ID), enishi.TextValue(src.Kind)
	if src.Store != "" {
		e.Properties["store"] = enishi.TextValue(src.Store)
	}
	if known.Source == "" && (known.FollowedAt.IsZero() || now.Sub(known.FollowedAt) <= newFriend) {
		e.Person.Traits = map[string]enishi.Value{SourceTrait: enishi.TextValue(src.ID)}
	}
	return p.cfg.Ingest(ctx, []enishi.Event{e})
}

func (p *Pages) unlink(ctx context.Context, o *Official, s *AccountSettings, user string) error {
	n, err := p.cfg.Unlink(ctx, s.Provider, user)
	if err != nil || n == 0 {
		return err
	}
	now := p.cfg.Now().UTC().Truncate(time.Millisecond)
	e := p.event(o, s, user, "line-unlink:"+user+":"+now.Format(time.RFC3339Nano), "line.account_linked", now)
	e.Properties["linked"] = enishi.BoolValue(false)
	return p.cfg.Ingest(ctx, []enishi.Event{e})
}

// Unlink takes back that a LINE user is a customer, as the person or an operator wants it.
func (p *Pages) Unlink(ctx context.Context, o *Official, user string) error {
	s := o.Settings()
	return p.unlink(ctx, o, &s, user)
}

// use opens a nonce for the event that uses it: which customer is signed in. at is when that happened.
func (p *Pages) use(ctx context.Context, account string, by enishi.ID, nonce string, at time.Time) (customer string, ok bool, err error) {
	customer, err = p.seal.open(sealNonce, account, nonce, at)
	if err != nil {
		return "", false, nil
	}
	ok, err = p.cfg.Used(ctx, enishi.NewID("line nonce", nonce), by)
	return customer, ok, err
}

// Linked is WebhookConfig.Linked.
func (p *Pages) Linked(ctx context.Context, account string, event enishi.ID, nonce string, at time.Time) (customer string, ok bool, err error) {
	return p.use(ctx, account, event, nonce, at)
}

// Link is where a customer who is signed in at the shop goes on to link an account of LINE: by LINE's own dialogue when LINE
// gave a link token, else by the LIFF app. The link is good for ten minutes and one use.
func (p *Pages) Link(o *Official, customer, linkToken string) (to string, until time.Time, err error) {
	s := o.Settings()
	switch {
	case customer == "" || len(customer) > maxSealed:
		return "", until, enishi.FieldError("body.customer_id", "has 1-100 bytes", "顧客 ID は 1〜100 バイトにしてください。")
	case linkToken == "" && s.LIFF == "":
		return "", until, &enishi.Error{Code: enishi.Conflict, Msg: "there is neither a link token nor a LIFF app of the account", MsgJA: "連携トークン（linkToken）がなく、アカウントに LIFF も設定されていません。"}
	}
	nonce, until := p.seal.seal(sealNonce, o.Name, customer, nonceFor)
	if linkToken == "" {
		return "https://liff.line.me/" + s.LIFF + "?link=" + nonce, until, nil
	}
	return "https://access.line.me/dialog/bot/accountLink?" + url.Values{"linkToken": {linkToken}, "nonce": {nonce}}.Encode(), until, nil
}

// Invite is the page on which a LINE user can link or unlink, as a message may carry it.
func (p *Pages) Invite(o *Official, user string) (to string, until time.Time) {
	token, until := p.seal.seal(sealUser, o.Name, user, inviteFor)
	return p.cfg.BaseURL + "/line/link/" + o.Name + "/" + token, until
}

// invited is who an invitation is for.
func (p *Pages) invited(r *http.Request) (*Official, string, bool) {
	o, ok := p.cfg.Accounts.Get(r.PathValue("account"))
	if !ok {
		return nil, "", false
	}
	user, err := p.seal.open(sealUser, o.Name, r.PathValue("token"), p.cfg.Now())
	return o, user, err == nil
}

func (p *Pages) askLink(w http.ResponseWriter, r *http.Request) {
	o, user, ok := p.invited(r)
	if !ok {
		p.page(w, r, http.StatusNotFound, pageWords{Kind: pageGone})
		return
	}
	s := o.Settings()
	known, err := p.cfg.Known(r.Context(), s.Provider, user)
	switch {
	case err != nil:
		p.log.Error("who was invited is not known", "account", o.Name, "err", err)
		p.page(w, r, http.StatusServiceUnavailable, pageWords{Kind: pageLater})
	case known.Customer:
		p.page(w, r, http.StatusOK, pageWords{Kind: pageLinked, Action: "unlink"})
	case s.LoginURL == "":
		p.page(w, r, http.StatusOK, pageWords{Kind: pageNotReady})
	default:
		p.page(w, r, http.StatusOK, pageWords{Kind: pageAsk, Action: "link", FormTo: origin(s.LoginURL)})
	}
}

func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func (p *Pages) link(w http.ResponseWriter, r *http.Request) {
	o, user, ok := p.invited(r)
	if !ok {
		p.page(w, r, http.StatusNotFound, pageWords{Kind: pageGone})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxVisit)
	s := o.Settings()
	var err error
	switch action := r.PostFormValue("action"); {
	case action == "unlink":
		if err = p.unlink(r.Context(), o, &s, user); err == nil {
			p.page(w, r, http.StatusOK, pageWords{Kind: pageUnlinked})
			return
		}
	case s.LoginURL == "":
		p.page(w, r, http.StatusOK, pageWords{Kind: pageNotReady})
		return
	default:
		var token string
		if token, err = o.Channel.LinkToken(r.Context(), user); err == nil {
			to := s.LoginURL + "?"
			if strings.Contains(s.LoginURL, "?") {
				to = s.LoginURL + "&"
			}
			http.Redirect(w, r, to+url.Values{"linkToken": {token}}.Encode(), http.StatusSeeOther)
			return
		}
	}
	p.log.Warn("a link with LINE was not begun", "account", o.Name, "err", err)
	p.page(w, r, http.StatusServiceUnavailable, pageWords{Kind: pageLater})
}
