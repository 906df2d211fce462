package channels

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// LinksConfig is what the public pages behind a message's links need.
type LinksConfig struct {
	Renderer   *Renderer // whose links they are
	Partitions int       // of the topic events
	Append     func(ctx context.Context, recs []stream.Record) error
	// Message finds a message in the ledger: Deliveries.Message.
	Message func(ctx context.Context, send enishi.ID) (*enishi.Message, error)
	// Chosen tells what a person has chosen so far; nil: nothing is known, and everything is shown as wanted.
	Chosen func(ctx context.Context, profile enishi.ID) (Chosen, error)
	// ClientIP is where a request comes from, kept as evidence; nil: the other end of the connection.
	ClientIP func(r *http.Request) string
	Now      func() time.Time
	Clock    func() time.Time // the shop's clock: the time of events; Now
	Log      *slog.Logger
}

// Links answers the links of messages. Whoever has a link may use it; nothing else is asked.
//
//	GET       /u/{token}      asks whether to unsubscribe; changes nothing, because scanners follow links
//	POST      /u/{token}      unsubscribes, from the page's button or by RFC 8058 one-click
//	GET       /k/{token}      asks whether to confirm a request for mail (double opt-in); changes nothing
//	POST      /k/{token}      confirms it
//	GET       /p/{token}      the preference centre
//	POST      /p/{token}      saves what was chosen there
//	GET, HEAD /c/{token}      goes on to the address that we signed, and to no other
//	GET       /o/{token}.gif  a pixel
//	GET       /v/{token}      the mail in the browser
//	POST      /n/{token}      a device tells that a notification was shown, clicked or closed (e=shown, clicked, closed)
type Links struct {
	cfg LinksConfig
	log *slog.Logger

	mu     sync.Mutex
	recent map[enishi.ID]visits // by send id: what was clicked just now, on this replica
}

// NewLinks checks cfg.
func NewLinks(cfg LinksConfig) (*Links, error) {
	if cfg.Renderer == nil || cfg.Partitions < 1 || cfg.Append == nil || cfg.Message == nil {
		return nil, errors.New("channels: Renderer, Partitions, Append and Message are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.ClientIP == nil {
		cfg.ClientIP = func(r *http.Request) string {
			host, _, _ := net.SplitHostPort(r.RemoteAddr)
			return host
		}
	}
	if cfg.Clock == nil {
		cfg.Clock = cfg.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Links{cfg: cfg, log: cfg.Log.With("component", "links")}, nil
}

// Handler serves all of them. Paths are as in the links: a prefix of BaseURL must be stripped before.
func (l *Links) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /u/{token}", l.askUnsubscribe)
	mux.HandleFunc("POST /u/{token}", l.unsubscribe)
	mux.HandleFunc("GET /k/{token}", l.askConfirm)
	mux.HandleFunc("POST /k/{token}", l.confirm)
	mux.HandleFunc("GET /p/{token}", l.preferences)
	mux.HandleFunc("POST /p/{token}", l.savePreferences)
	mux.HandleFunc("GET /c/{token}", l.click)
	mux.HandleFunc("GET /o/{file}", l.open)
	mux.HandleFunc("GET /v/{token}", l.view)
	mux.HandleFunc("POST /n/{token}", l.noticed)
	mux.HandleFunc("OPTIONS /n/{token}", l.noticed)
	return Private(mux)
}

// Private answers with a person's own pages: nobody keeps them, lists them or learns their address by a link.
func Private(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Robots-Tag", "noindex")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		pages.ServeHTTP(w, r)
	})
}

const appendTimeout = 5 * time.Second

// append stores what somebody did with a message; of a test it stores nothing.
func (l *Links) append(ctx context.Context, e enishi.Event) error {
	if e.Result.Purpose == TestPurpose {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendTimeout) // the person may have gone; the fact stays
	defer cancel()
	return l.cfg.Append(ctx, []stream.Record{eventRecord(&e, l.cfg.Partitions, e.At)})
}

func (l *Links) clock() time.Time { return l.cfg.Clock().UTC().Truncate(time.Millisecond) }

func (l *Links) askUnsubscribe(w http.ResponseWriter, r *http.Request) {
	t, err := l.cfg.Renderer.signer.verify(r.PathValue("token"), tokenUnsubscribe)
	if err != nil {
		l.page(w, r, http.StatusNotFound, t, pageGone)
		return
	}
	l.page(w, r, http.StatusOK, t, pageAsk)
}

func (l *Links) unsubscribe(w http.ResponseWriter, r *http.Request) {
	t, err := l.cfg.Renderer.signer.verify(r.PathValue("token"), tokenUnsubscribe)
	if err != nil {
		l.page(w, r, http.StatusNotFound, t, pageGone)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 8<<10))
	if err != nil {
		l.page(w, r, http.StatusRequestEntityTooLarge, t, pageLater)
		return
	}
	now := l.clock()
	// One a minute: a second press is the same wish, one after a new sign-up is not.
	e := t.event("message.unsubscribed", now, strconv.FormatInt(now.Unix()/60, 10))
	if err := l.append(r.Context(), e); err != nil {
		l.log.Error("unsubscribe is not stored", "send_id", t.Send, "err", err)
		w.Header().Set("Retry-After", "30")
		l.page(w, r, http.StatusServiceUnavailable, t, pageLater)
		return
	}
	if strings.Contains(string(body), "One-Click") { // a mail program: nobody reads the answer
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "unsubscribed\n")
		return
	}
	l.page(w, r, http.StatusOK, t, pageDone)
}

func (l *Links) click(w http.ResponseWriter, r *http.Request) {
	t, err := l.cfg.Renderer.signer.verify(r.PathValue("token"), tokenClick, tokenLink)
	if err == nil && t.Kind == tokenLink {
		t, err = l.named(r.Context(), t)
	}
	if err != nil || !webURL(t.URL) || !safeURL(t.URL) {
		if err != nil && !errors.Is(err, errForged) && enishi.ErrorCode(err) != enishi.NotFound {
			l.log.Error("link is not resolved", "err", err)
			l.page(w, r, http.StatusServiceUnavailable, nil, pageLater)
			return
		}
		l.page(w, r, http.StatusNotFound, nil, pageGone)
		return
	}
	now := l.clock()
	e := t.event("message.clicked", now, t.URL, strconv.FormatInt(now.Unix(), 10))
	e.Result.URL = clip(t.URL, 2000)
	e.Result.Reason = l.by(r, t)
	if e.Result.Reason == "" && l.hurried(t.Send, t.URL) {
		e.Result.Reason = byScanner
	}
	e.Result.Machine = e.Result.Reason != ""
	if err := l.append(r.Context(), e); err != nil { // the person shall arrive all the same
		l.log.Warn("click is not stored", "send_id", t.Send, "err", err)
	}
	http.Redirect(w, r, t.URL, http.StatusFound)
}

// named finds the address of a short link in the message it came with.
func (l *Links) named(ctx context.Context, short *token) (*token, error) {
	m, err := l.cfg.Message(ctx, short.Send)
	if err != nil {
		return nil, err
	}
	var vars struct {
		Links map[string]any `json:"links"`
	}
	if err := json.Unmarshal([]byte(m.Variables), &vars); err != nil {
		return nil, err
	}
	t := tokenOf(tokenLink, m, time.Time{})
	t.URL, _ = vars.Links[short.URL].(string)
	t.URL = tagged(t.URL, m.Tags)
	return t, nil
}

// pixel is a transparent GIF of one dot.
var pixel = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

func (l *Links) open(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutSuffix(r.PathValue("file"), ".gif")
	t, err := l.cfg.Renderer.signer.verify(name, tokenOpen)
	if !ok || err != nil {
		http.NotFound(w, r)
		return
	}
	now := l.clock()
	e := t.event("message.opened", now, strconv.FormatInt(now.Unix(), 10))
	if e.Result.Reason = l.by(r, t); r.UserAgent() == "Mozilla/5.0" { // Apple's proxy loads every picture, read or not
		e.Result.Reason = byPrefetch
	}
	e.Result.Machine = e.Result.Reason != ""
	if err := l.append(r.Context(), e); err != nil {
		l.log.Warn("open is not stored", "send_id", t.Send, "err", err)
	}
	w.Header().Set("Content-Type", "image/gif")
	_, _ = w.Write(pixel)
}

// machines are words in the names of programs that follow links and load pictures by themselves.
var machines = [...]string{"bot", "crawl", "spider", "preview", "scan", "barracuda", "proofpoint", "mimecast", "safelinks", "symantec",
	"trendmicro", "fireeye", "python-", "curl/", "wget/", "go-http-client", "java/", "okhttp", "headless", "facebookexternalhit", "line-poker"}

// tooSoon is how quick no person is after a message left.
const tooSoon = 2 * time.Second

// Who opened or clicked, as the reason of the event: empty is a person. Gmail's and Yahoo!'s proxies fetch a picture when
// a person opens the mail, so they are none of these.
const (
	byScanner  = "scanner"  // a program that checks links, by its name or its haste
	byPrefetch = "prefetch" // a mail program that loads pictures whether or not anybody reads
)

// by guesses that no person did this: no name or a scanner's, only the head asked for, or right after the send.
func (l *Links) by(r *http.Request, t *token) string {
	agent := strings.ToLower(r.UserAgent())
	if r.Method == http.MethodHead || agent == "" || !t.At.IsZero() && l.cfg.Now().Sub(t.At) < tooSoon {
		return byScanner
	}
	if Machine(r) {
		return byScanner
	}
	return ""
}

// Machine tells whether a request comes from a program that follows links by itself, by its name.
func Machine(r *http.Request) bool {
	agent := strings.ToLower(r.UserAgent())
	return agent == "" || slices.ContainsFunc(machines[:], func(m string) bool { return strings.Contains(agent, m) })
}

// viewFor is how long a mail can be seen in the browser: it may name the person.
const viewFor = 90 * 24 * time.Hour

func (l *Links) view(w http.ResponseWriter, r *http.Request) {
	t, err := l.cfg.Renderer.signer.verify(r.PathValue("token"), tokenView)
	if err == nil && l.cfg.Now().Sub(t.At) > viewFor {
		err = errForged
	}
	if err != nil {
		l.page(w, r, http.StatusNotFound, t, pageGone)
		return
	}
	m, err := l.cfg.Message(r.Context(), t.Send)
	if err == nil {
		var tpl *template
		if tpl, err = l.cfg.Renderer.templateOf(r.Context(), m); err == nil {
			var out *Rendered
			if out, err = l.cfg.Renderer.fill(tpl, m, how{choice: -1, blanks: m.Purpose == TestPurpose}); err == nil && out.HTML != "" {
				h := w.Header()
				h.Set("Content-Type", "text/html; charset=utf-8")
				// What a template may hold stays without scripts and forms, and apart from everything else on this host.
				h.Set("Content-Security-Policy", "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src https: http: data:; style-src 'unsafe-inline'; font-src https:")
				_, _ = io.WriteString(w, out.HTML)
				return
			}
		}
	}
	switch {
	case err == nil, enishi.ErrorCode(err) == enishi.NotFound:
		l.page(w, r, http.StatusNotFound, t, pageGone)
	default:
		l.log.Error("mail is not shown", "send_id", t.Send, "err", err)
		l.page(w, r, http.StatusServiceUnavailable, t, pageLater)
	}
}
