// Package push is a stateful simulator of what carries notifications: a push service for browsers (RFC 8030, 8291, 8292) and
// FCM HTTP v1 with Google's OAuth for service accounts. It is the development default of the product and the provider of its
// tests.
//
// It plays the devices too: [Server.Subscribe] makes a browser with keys of its own, which decrypts what it gets with them;
// [Server.Register] makes an app. Both can be off, come back, and be gone.
//
// Behaviour follows the RFCs and the public reference of FCM. Where they are silent the strict side was chosen: bodies over
// 4,096 bytes are refused, though a push service may take more. Nothing is persisted. Config.Now drives all rules.
package push

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Config of a simulator. The zero value works.
type Config struct {
	Project string // of Firebase; default "simulated"
	Keep    int    // notifications that are remembered; default 1000
	Limits  Limits // the zero value is Documented()
	// OnShown is called for each notification that a device shows, before the call is answered. Calls do not overlap.
	OnShown func(Shown)
	Now     func() time.Time
	Log     *slog.Logger
}

// Limits are enforced.
type Limits struct {
	Body        int           // bytes of an encrypted web push
	TTL         time.Duration // longest time to live
	VAPID       time.Duration // longest validity of a VAPID token
	AppBytes    int           // bytes of keys and values of an app's message
	DeviceRate  int           // messages to one app in a minute
	DeviceHour  int           // in an hour
	ProjectRate int           // messages of the project in a minute
	ServiceRate int           // web pushes to one subscription in a minute
}

// Documented are RFC 8030 (4,096 bytes), RFC 8292 (24 hours) and FCM's quotas (240 a minute and 5,000 an hour to a device,
// 600,000 a minute in all). No push service publishes its rate for a subscription; 120 a minute is ours.
func Documented() Limits {
	return Limits{Body: 4096, TTL: 28 * 24 * time.Hour, VAPID: 24 * time.Hour, AppBytes: 4096, DeviceRate: 240, DeviceHour: 5000, ProjectRate: 600_000, ServiceRate: 120}
}

// Shown is a notification as a device shows it.
type Shown struct {
	Device  string // endpoint of the subscription, or the app's token
	Kind    string // web, fcm
	Payload []byte // web: as the service worker gets it; fcm: the message
	Topic   string // of web
	Urgency string // of web
	At      time.Time
}

// device is a browser's subscription or an app.
type device struct {
	name    string
	kind    string // web, fcm
	state   string // on, off, gone
	key     *ecdh.PrivateKey
	auth    []byte
	server  string // VAPID key that it subscribed with; empty: any
	project string
	waiting []waiting
	minute  window
	hour    window
}

type waiting struct {
	shown Shown
	until time.Time
}

// Server simulates the services; an http.Handler for all their hosts.
type Server struct {
	cfg Config

	mu      sync.Mutex // guards all below
	devices map[string]*device
	account *rsa.PrivateKey
	revoked bool
	tokens  map[string]time.Time // access tokens and their ends
	minute  window
	faults  []*Fault
	shown   []Shown
	counts  map[string]int
	next    int

	onShown sync.Mutex
}

// New returns services without devices. It starts nothing.
func New(cfg Config) *Server {
	if cfg.Project == "" {
		cfg.Project = "simulated"
	}
	if cfg.Keep <= 0 {
		cfg.Keep = 1000
	}
	if cfg.Limits == (Limits{}) {
		cfg.Limits = Documented()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{cfg: cfg, devices: map[string]*device{}, tokens: map[string]time.Time{}, counts: map[string]int{}}
}

// Browser is what a page hands to its server after PushManager.subscribe.
type Browser struct {
	Endpoint string
	Auth     string // base64url
	P256DH   string // base64url
}

// Subscribe makes a browser that is subscribed. base is the address of the simulator; key is the applicationServerKey, empty:
// any may send.
func (s *Server) Subscribe(base, key string) Browser {
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	d := &device{kind: "web", state: "on", key: private, auth: random(16), server: key}
	d.name = "/push/" + hex.EncodeToString(random(16))
	s.mu.Lock()
	s.devices[d.name] = d
	s.mu.Unlock()
	enc := base64.RawURLEncoding.EncodeToString
	return Browser{Endpoint: strings.TrimSuffix(base, "/") + d.name, Auth: enc(d.auth), P256DH: enc(private.PublicKey().Bytes())}
}

// Register makes an app with a registration token of a project; "" is the simulated one.
func (s *Server) Register(project string) string {
	if project == "" {
		project = s.cfg.Project
	}
	enc := base64.RawURLEncoding.EncodeToString
	d := &device{kind: "fcm", state: "on", project: project}
	d.name = enc(random(16)) + ":APA91b" + enc(random(96))
	s.mu.Lock()
	s.devices[d.name] = d
	s.mu.Unlock()
	return d.name
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// path is the name of a device, of an endpoint or a token.
func path(device string) string {
	if i := strings.Index(device, "/push/"); i >= 0 {
		return device[i:]
	}
	return device
}

// Turn turns a device on or off, or says that it is gone for good ("on", "off", "gone"). What waited for it is shown when it
// comes back.
func (s *Server) Turn(device, state string) {
	s.mu.Lock()
	d := s.devices[path(device)]
	var show []Shown
	if d != nil {
		d.state = state
		if state == "on" {
			now := s.cfg.Now()
			for _, w := range d.waiting {
				if now.Before(w.until) {
					show = append(show, w.shown)
				}
			}
			d.waiting = nil
		}
	}
	s.mu.Unlock()
	for _, x := range show {
		x.At = s.cfg.Now()
		s.show(x)
	}
}

// Shown are the notifications that devices showed, the oldest first.
func (s *Server) Shown() []Shown {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Shown(nil), s.shown...)
}

// Counts are the calls so far by "web 201", "fcm 404", "oauth 200".
func (s *Server) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

func (s *Server) show(x Shown) {
	s.onShown.Lock()
	defer s.onShown.Unlock()
	s.mu.Lock()
	if s.shown = append(s.shown, x); len(s.shown) > s.cfg.Keep {
		s.shown = s.shown[len(s.shown)-s.cfg.Keep:]
	}
	s.mu.Unlock()
	if s.cfg.OnShown != nil {
		s.cfg.OnShown(x)
	}
}

// give shows a notification on a device that is on, and keeps it for one that is off. The lock is held; what is to be shown
// is returned.
func (s *Server) give(d *device, x Shown, ttl time.Duration) (now bool) {
	if d.state == "on" {
		return true
	}
	if ttl <= 0 {
		return false // RFC 8030 5.2: at once or never
	}
	w := waiting{x, x.At.Add(ttl)}
	for i := range d.waiting {
		if x.Topic != "" && d.waiting[i].shown.Topic == x.Topic {
			d.waiting[i] = w // RFC 8030 5.4
			return false
		}
	}
	d.waiting = append(d.waiting, w)
	return false
}

// ServeHTTP answers a push service's, FCM's and the OAuth server's calls.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, serve := "web", s.web
	switch {
	case r.URL.Path == "/token":
		kind, serve = "oauth", s.oauth
	case strings.HasPrefix(r.URL.Path, "/v1/projects/"):
		kind, serve = "fcm", s.fcm
	}
	f := s.takeFault(kind)
	if f != nil && !f.After {
		s.count(kind, f.Status)
		f.strike(w)
		return
	}
	a := serve(r)
	if f != nil {
		s.count(kind, f.Status)
		f.strike(w)
		return
	}
	s.count(kind, a.status)
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the caller may have gone
}

func (s *Server) count(kind string, status int) {
	s.mu.Lock()
	s.counts[kind+" "+strconv.Itoa(status)]++
	s.mu.Unlock()
}

// answer is what a call gets.
type answer struct {
	status int
	header map[string]string
	body   []byte
}

// Fault is one planned misbehaviour of a service.
type Fault struct {
	Kind   string // web, fcm, oauth; empty: any
	Times  int    // calls; 0 is one
	Status int    // the answer; 0: the connection is closed without one
	Header map[string]string
	Body   string
	After  bool // the call is carried out, and only its answer goes wrong
}

// Inject plans a fault. Faults strike in their order, one a call.
func (s *Server) Inject(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	s.mu.Lock()
	s.faults = append(s.faults, &f)
	s.mu.Unlock()
}

func (s *Server) takeFault(kind string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Times > 0 && (f.Kind == "" || f.Kind == kind) {
			f.Times--
			return f
		}
	}
	return nil
}

func (f *Fault) strike(w http.ResponseWriter) {
	if f.Status == 0 {
		panic(http.ErrAbortHandler)
	}
	for k, v := range f.Header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(f.Status)
	fmt.Fprint(w, f.Body)
}

// window admits at most n calls in any span of time.
type window struct{ times []time.Time }

func (w *window) admit(now time.Time, n int, per time.Duration) bool {
	for len(w.times) > 0 && now.Sub(w.times[0]) >= per {
		w.times = w.times[1:]
	}
	if len(w.times) >= n {
		return false
	}
	w.times = append(w.times, now)
	return true
}
