package api

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"
)

// Parts are what a workspace serves besides this API. A nil part answers 404.
type Parts struct {
	Collector http.Handler // /v1/...
	LINE      http.Handler // /line/webhook/{account}
	LINEPages http.Handler // /line/f/, /line/open/ and /line/link/: what people come to from LINE
	Social    http.Handler // /social/webhook/{account}
	Hooks     http.Handler // /hooks/{source}: other systems call us
	SMS       http.Handler // /sms/{account}/{what}: receipts and replies
	Push      http.Handler // /push/ and /sdk/: browsers subscribe to notifications, and what their pages load for it
	SDK       http.Handler // /sdk.js, /sdk/pixel.js, /sdk/id and /sdk/js/: the browser SDK
	Post      http.Handler // /d/: QR codes of post
	Links     http.Handler // /c/, /n/, /o/, /p/, /u/ and /v/: links of messages, opens, preferences, unsubscribing, the mail in a browser
	Shop      http.Handler // /demo/shop
	Metrics   http.Handler // /metrics, Prometheus text
	Console   fs.FS        // the built console
	// Ready tells whether events are taken, and in words what is wrong, also when they are; nil: ready.
	Ready func() (ok bool, text string)
}

const (
	// consolePolicy lets the console run its own scripts only. Its component library writes styles into the page; mails in
	// the Outbox and LINE messages bring pictures from anywhere.
	consolePolicy = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src * data: blob:; font-src 'self' data:; connect-src 'self'; " +
		"frame-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	publicTime  = 60 * time.Second
	publicLimit = 12 << 20 // a batch of the collector and what surrounds it; each handler has limits of its own
)

// Mux puts a workspace's handlers together. Its paths are without Config.Base: who serves it there strips that.
func (a *API) Mux(p Parts) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(prefix+"/", a.Handler())
	mux.HandleFunc("GET "+imagePath+"{file}", a.serveImage)
	mux.Handle("GET "+transmissionPath, bounded(http.HandlerFunc(a.serveTransmission)))
	for pattern, h := range map[string]http.Handler{"/v1/": p.Collector, "/line/webhook/{account}": p.LINE, "/social/webhook/{account}": p.Social, "/line/f/": p.LINEPages, "/line/open/": p.LINEPages, "/line/link/": p.LINEPages, "/d/": p.Post, "/c/": p.Links, "/k/": p.Links, "/o/": p.Links, "/p/": p.Links, "/u/": p.Links, "/v/": p.Links, "/n/": p.Links,
		"/sms/": p.SMS, "/hooks/{source}": p.Hooks, "/push/": p.Push, "/sdk/": p.Push, "/sdk.js": p.SDK, "/sdk/pixel.js": p.SDK, "/sdk/id": p.SDK, "/sdk/js/": p.SDK,
		"/demo/shop": p.Shop, "/demo/shop/": p.Shop, "GET /metrics": p.Metrics} {
		if h != nil {
			mux.Handle(pattern, bounded(h))
			continue
		}
		mux.HandleFunc(pattern, http.NotFound)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		ok, text := true, "ready"
		if p.Ready != nil {
			ok, text = p.Ready()
		}
		if !ok {
			w.Header().Set("Retry-After", "1")
			say(w, http.StatusServiceUnavailable, text)
			return
		}
		say(w, http.StatusOK, text)
	})
	mux.Handle("/", a.console(p.Console))
	zip, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.ExceptContentTypes([]string{"text/event-stream"}))
	if err != nil {
		zip = func(h http.Handler) http.HandlerFunc { return h.ServeHTTP } // its options are constants
	}
	return zip(mux)
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n")) // the client is gone: nothing to tell
}

// bounded keeps a slow or endless request from staying for ever.
func bounded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		common(w.Header())
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(time.Now().Add(bodyTime)) // where it is not supported there is none
		_ = control.SetWriteDeadline(time.Now().Add(publicTime))
		r.Body = http.MaxBytesReader(w, r.Body, publicLimit)
		h.ServeHTTP(w, r)
	})
}

// notBuilt is shown where the program was built without the console.
const notBuilt = `<!doctype html><html lang="ja"><head><meta charset="utf-8"><title>Enishi</title></head><body>
<h1>縁 Enishi</h1><p>管理画面がまだビルドされていません。<code>make web</code> を実行してからビルドし直してください。</p>
<p lang="en">The console is not built yet: run <code>make web</code> and build again. The API is at <a href="api/v1/docs">api/v1/docs</a>.</p></body></html>`

// console serves the built files; any other path is a page of the application.
func (a *API) console(files fs.FS) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		common(h)
		h.Set("Content-Security-Policy", consolePolicy)
		h.Set("X-Frame-Options", "DENY")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "use GET", http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
		if name != "" && name != "index.html" && files != nil {
			if info, err := fs.Stat(files, name); err == nil && !info.IsDir() {
				if strings.HasPrefix(name, "assets/") { // their names change with their content
					h.Set("Cache-Control", "public, max-age=31536000, immutable")
				} else {
					h.Set("Cache-Control", "public, max-age=3600")
				}
				http.ServeFileFS(w, r, files, name)
				return
			}
			if strings.HasPrefix(name, "assets/") || path.Ext(name) != "" && !strings.HasPrefix(name, "people/") {
				http.NotFound(w, r)
				return
			}
		}
		a.index(w, r, files)
	})
}

// index is the application itself; it is asked for anew each time, so that a new version is used at once.
func (a *API) index(w http.ResponseWriter, r *http.Request, files fs.FS) {
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Type", "text/html; charset=utf-8")
	text := []byte(notBuilt)
	if files != nil {
		built, err := fs.ReadFile(files, "index.html")
		switch {
		case err == nil:
			text = built
		case !errors.Is(err, fs.ErrNotExist):
			a.log.Error("read the console", "err", err)
		}
	}
	http.ServeContent(w, r, "index.html", time.Time{}, bytes.NewReader(text))
}
