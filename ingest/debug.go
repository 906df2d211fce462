package ingest

import (
	"slices"
	"strings"
	"sync"
	"time"

	"enishi"
)

// Bounds of what is kept for those who watch a browser.
const (
	debugTime  = time.Hour // after the last look
	debugCodes = 50        // that are watched at once; a new one beyond them ends the one that was looked at longest ago
	debugCalls = 100       // of one code
	debugBytes = 16 << 10  // of one call
)

// CodeKey is a call that was refused because its write key is missing or unknown, CodeRate one of too many, CodeAway one that the log did
// not take: only the debugger tells them as calls.
const (
	CodeKey  = "write_key"
	CodeRate = "rate"
	CodeAway = "log_away"
)

// Debug keeps the calls of browsers that somebody watches: those whose context has the watcher's code (context.debug, which the SDK sets
// where the page's address has enishi_debug=CODE). It is memory of this process: with several replicas a call is seen where it came.
type Debug struct {
	now func() time.Time

	mu    sync.Mutex
	codes map[string]*watched
}

type watched struct {
	looked time.Time
	next   int
	calls  []DebugCall // oldest first
}

// DebugCall is a call as it came, and what became of it.
type DebugCall struct {
	Number  int // of the code's calls, from 1
	At      time.Time
	Kind    string // track, identify ..., or the type of a native event
	Source  string // of the write key
	Raw     string // cut at 16 KB
	Refused *Refusal
	// Of an accepted call: the event, and the strongest identifier of its person.
	Type  string
	Event enishi.ID
	Who   enishi.Identifier
}

// NewDebug makes one that nobody watches. now is the clock; nil: time.Now.
func NewDebug(now func() time.Time) *Debug {
	if now == nil {
		now = time.Now
	}
	return &Debug{now: now, codes: map[string]*watched{}}
}

// Watch gives what a browser sent after a call, and keeps what it will send for an hour.
func (d *Debug) Watch(code string, after int) []DebugCall {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget()
	w := d.codes[code]
	if w == nil {
		if len(d.codes) >= debugCodes {
			oldest := ""
			for c, x := range d.codes {
				if oldest == "" || x.looked.Before(d.codes[oldest].looked) {
					oldest = c
				}
			}
			delete(d.codes, oldest)
		}
		w = &watched{}
		d.codes[strings.Clone(code)] = w
	}
	w.looked = d.now()
	i := slices.IndexFunc(w.calls, func(c DebugCall) bool { return c.Number > after })
	if i < 0 {
		return nil
	}
	return slices.Clone(w.calls[i:])
}

// forget drops what nobody looks at any more.
func (d *Debug) forget() {
	for code, w := range d.codes {
		if d.now().Sub(w.looked) > debugTime {
			delete(d.codes, code)
		}
	}
}

// keep adds a call. It copies what shares memory with a request.
func (d *Debug) keep(code string, c DebugCall) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := d.codes[code]
	if w == nil || d.now().Sub(w.looked) > debugTime {
		return
	}
	w.next++
	c.Number, c.At = w.next, d.now().UTC()
	c.Kind, c.Source, c.Type, c.Who.Value, c.Who.Scope = strings.Clone(c.Kind), strings.Clone(c.Source), strings.Clone(c.Type), strings.Clone(c.Who.Value), strings.Clone(c.Who.Scope)
	c.Raw = strings.ToValidUTF8(strings.Clone(c.Raw[:min(len(c.Raw), debugBytes)]), "")
	if w.calls = append(w.calls, c); len(w.calls) > debugCalls {
		w.calls = slices.Delete(w.calls, 0, len(w.calls)-debugCalls)
	}
}

// debug keeps the calls of a request that somebody watches; why refuses them all.
func (c *Collector) debug(b *batch, why *Refusal) {
	if c.cfg.Debug == nil {
		return
	}
	for i := range b.calls {
		v := &b.calls[i]
		x := v.context
		if x == nil {
			x = b.context
		}
		if x == nil || x.debug == "" {
			continue
		}
		call := DebugCall{Kind: v.kind, Source: b.source, Raw: string(v.raw), Refused: why, Type: v.became.typ, Event: v.became.id, Who: v.became.who}
		if at := slices.IndexFunc(b.rejected, func(r Rejected) bool { return r.Index == i }); why == nil && at >= 0 {
			r := &b.rejected[at]
			call.Refused = &Refusal{Code: r.Code, Field: r.Field, Reason: r.Reason, ReasonJA: r.ReasonJA}
		}
		c.cfg.Debug.keep(x.debug, call)
	}
}
