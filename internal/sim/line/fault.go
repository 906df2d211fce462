package line

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fault is one planned misbehaviour. Without After it strikes before the call
// is looked at: nothing is accepted. With After the call is accepted and its
// messages are delivered, and only the answer goes wrong; a call that is
// refused on its own merits does not use it up.
//
// Status, Reset, Cut and Drip say what the caller gets; with none of them set
// the call is only delayed by Stall.
type Fault struct {
	// Endpoint as in "push", "multicast", "reply", "validate/push", "quota",
	// "quota/consumption", "profile", "followers", "info", "linkToken"; empty
	// matches every call.
	Endpoint string
	// To matches calls that name this user id.
	To string
	// Times is the number of calls; 0 is one, below 0 is without end.
	Times int
	// Until ends the fault by Config.Now; zero is never.
	Until time.Time

	After bool
	// Stall waits (real time) before anything else is done with the answer.
	Stall time.Duration
	// Status answers with this code, Message and Header (as Retry-After).
	Status  int
	Message string
	Header  http.Header
	// Reset closes the connection with RST in place of an answer.
	Reset bool
	// Cut sends headers and half of the body, then closes.
	Cut bool
	// Drip sends the answer one byte at a time, each after this wait.
	Drip time.Duration
}

func (f *Fault) breaks() bool { return f.Status != 0 || f.Reset || f.Cut || f.Drip > 0 }

// Inject plans a fault. Faults strike in the order they were planned, one a call.
func (s *Server) Inject(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	s.mu.Lock()
	s.faults = append(s.faults, &f)
	s.mu.Unlock()
}

// ClearFaults forgets all planned faults.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	s.faults = nil
	s.mu.Unlock()
}

// takeFault finds the fault that strikes this call and uses up one of its times.
func (s *Server) takeFault(c *call) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) == 0 {
		return nil
	}
	now := s.cfg.Now()
	for _, f := range s.faults {
		if f.Times == 0 || !f.Until.IsZero() && !now.Before(f.Until) ||
			f.Endpoint != "" && f.Endpoint != c.endpoint || f.To != "" && !c.names(f.To) {
			continue
		}
		f.Times--
		return f
	}
	return nil
}

// returnFault gives back a time that was not needed.
func (s *Server) returnFault(f *Fault) {
	s.mu.Lock()
	f.Times++
	s.mu.Unlock()
}

// dropSpent forgets a fault whose last time has struck.
func (s *Server) dropSpent(f *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		s.faults = slices.DeleteFunc(s.faults, func(g *Fault) bool { return g == f })
	}
}

func (c *call) names(user string) bool {
	if c.userID == user {
		return true
	}
	var o struct {
		To json.RawMessage `json:"to"`
	}
	return json.Unmarshal(c.body, &o) == nil && strings.Contains(string(o.To), `"`+user+`"`)
}

// fail carries a fault out. a is the answer that the call would have had.
func (s *Server) fail(w http.ResponseWriter, c *call, f *Fault, a *answer) {
	if f.Status != 0 {
		text := f.Message
		if text == "" {
			text = http.StatusText(f.Status)
		}
		a = refuse(f.Status, text)
	}
	for k := range f.Header {
		w.Header().Set(k, f.Header.Get(k))
	}
	body := a.render(w.Header(), c.id)
	switch {
	case f.Reset || f.Cut:
		s.count(c.endpoint, 0)
		s.sever(w, f, a.status, body)
	case f.Drip > 0:
		s.count(c.endpoint, a.status)
		w.WriteHeader(a.status)
		flush := http.NewResponseController(w)
		for i := range body {
			if !wait(c.r.Context(), f.Drip) {
				return
			}
			if _, err := w.Write(body[i : i+1]); err != nil {
				return
			}
			_ = flush.Flush() // a writer that cannot flush sends all at the end
		}
	default:
		s.count(c.endpoint, a.status)
		w.WriteHeader(a.status)
		_, _ = w.Write(body)
	}
}

// sever ends the connection: by RST, or by a close in the middle of the body.
func (s *Server) sever(w http.ResponseWriter, f *Fault, status int, body []byte) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: the nearest thing is a stream reset
	}
	defer conn.Close()
	if f.Cut {
		var head bytes.Buffer
		fmt.Fprintf(&head, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
		_ = w.Header().Write(&head) // into memory
		head.WriteString("\r\n")
		out := bufio.NewWriter(conn)
		_, _ = out.Write(head.Bytes())
		_, _ = out.Write(body[:len(body)/2])
		_ = out.Flush() // the connection is to break anyway
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}
