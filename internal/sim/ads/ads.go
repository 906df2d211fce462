// Package ads are stateful simulators of the audience sides of advertising platforms: Google's Data Manager API, Meta's custom audiences, and
// others. Each has users with identifiers as the platform keeps them (hashed), lists whose members are users, the documented limits, its own way of
// authentication, results that come later where the platform's do, and faults that a test asks for.
//
// It owns the platforms' side only. Nothing of it is persisted. Behaviour follows the platforms' public references, named where the rule stands; where these
// are silent the comment says what was chosen, on the strict side, so that what passes here passes there.
//
// A call about an identifier is about the user who has it: whoever is taken out by an address is out, though a number of theirs was told too.
package ads

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Directory is who uses a platform, by identifiers: kind:value, the value as the platform compares it.
type Directory struct {
	lock  sync.RWMutex
	users map[string]string
	all   bool
	kind  string // of all; empty: any
}

// Add gives a user identifiers; one that another had goes over.
func (d *Directory) Add(user string, identifiers ...string) {
	d.lock.Lock()
	defer d.lock.Unlock()
	if d.users == nil {
		d.users = map[string]string{}
	}
	for _, id := range identifiers {
		d.users[id] = user
	}
}

// Everybody makes each identifier of a kind that is not known one of a user of its own: everybody uses the platform, and signed up with an address, say. An empty kind is any.
func (d *Directory) Everybody(kind string) {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.all, d.kind = true, kind
}

func (d *Directory) find(identifier string) (string, bool) {
	d.lock.RLock()
	defer d.lock.RUnlock()
	u, ok := d.users[identifier]
	if !ok && d.all && (d.kind == "" || strings.HasPrefix(identifier, d.kind+":")) {
		return identifier, true
	}
	return u, ok
}

// Fault is what goes wrong with coming calls.
type Fault struct {
	Endpoint string // the simulator's name of it; empty: any
	Status   int    // answered in place of the right answer
	Body     string // of Status
	Header   map[string]string
	Reset    bool // the connection is cut
	After    bool // first the call is carried out
	Times    int  // 0: once; negative: until it is taken away
}

// base is what all simulators have.
type base struct {
	now func() time.Time

	mu     sync.Mutex
	faults []*Fault
	calls  map[string]int
	rates  map[string][]time.Time
}

// Fail lets coming calls fail.
func (b *base) Fail(f Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	b.faults = append(b.faults, &f)
}

// Heal takes all faults away.
func (b *base) Heal() { b.mu.Lock(); b.faults = nil; b.mu.Unlock() }

// Calls are how many calls were answered, by endpoint and status.
func (b *base) Calls() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make(map[string]int, len(b.calls))
	for k, n := range b.calls {
		out[k] = n
	}
	return out
}

func (b *base) take(endpoint string) *Fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, f := range b.faults {
		if f.Endpoint == "" || f.Endpoint == endpoint {
			if f.Times > 0 {
				if f.Times--; f.Times == 0 {
					b.faults = append(b.faults[:i], b.faults[i+1:]...)
				}
			}
			return f
		}
	}
	return nil
}

// over tells whether a call is one too many within a window, and counts it when not.
func (b *base) over(what string, most int, window time.Duration) bool {
	if most <= 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rates == nil {
		b.rates = map[string][]time.Time{}
	}
	now := b.now()
	kept := b.rates[what][:0]
	for _, at := range b.rates[what] {
		if now.Sub(at) < window {
			kept = append(kept, at)
		}
	}
	if len(kept) >= most {
		b.rates[what] = kept
		return true
	}
	b.rates[what] = append(kept, now)
	return false
}

// answer is what a call is answered with.
type answer struct {
	status int
	body   any
	header map[string]string
}

// serve answers a call, or does what a fault says.
func (b *base) serve(w http.ResponseWriter, r *http.Request, endpoint string, most int64, handle func(body []byte) *answer) {
	body, err := io.ReadAll(io.LimitReader(r.Body, most+1))
	if err != nil {
		return // the caller went away
	}
	f := b.take(endpoint)
	var a *answer
	if f == nil || f.After {
		a = handle(body)
	}
	if f != nil {
		if f.Reset {
			panic(http.ErrAbortHandler)
		}
		a = &answer{status: f.Status, body: json.RawMessage(f.Body), header: f.Header}
		if f.Body == "" {
			a.body = nil
		}
	}
	b.mu.Lock()
	if b.calls == nil {
		b.calls = map[string]int{}
	}
	b.calls[fmt.Sprintf("%s %d", endpoint, a.status)]++
	b.mu.Unlock()
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(a.status)
	if a.body != nil {
		_ = json.NewEncoder(w).Encode(a.body) // the caller may have gone; what was done stays so
	}
}

// hashed tells a SHA-256 as lower-case hexadecimal.
func hashed(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }

func bearer(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

func parseForm(body []byte) (url.Values, error) { return url.ParseQuery(string(body)) }
