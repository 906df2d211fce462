package social

import (
	"bytes"
	"net"
	"net/http"
	"slices"
	"time"
)

// Fault is one planned misbehaviour. Without After it strikes before the call is looked at: nothing is taken. With After
// the call is taken, and only the answer goes wrong; a call that is refused on its own merits does not use it up.
type Fault struct {
	Endpoint string // messages, account, lead, form; empty: every call
	To       string // calls whose body names this id
	Skip     int    // calls to let pass first
	Times    int    // 0: one; below 0: without end

	After   bool
	Stall   time.Duration // real time before the answer
	Status  int           // the status of the answer; with Code a Graph error, else an empty body
	Code    int
	Subcode int
	Message string
	Header  http.Header
	Reset   bool // the connection ends with RST in place of an answer
}

func (f *Fault) breaks() bool { return f.Status != 0 || f.Reset }

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

func (s *Server) takeFault(endpoint string, body []byte) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Times == 0 || f.Endpoint != "" && f.Endpoint != endpoint || f.To != "" && !bytes.Contains(body, []byte(`"`+f.To+`"`)) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			return nil
		}
		f.Times--
		return f
	}
	return nil
}

func (s *Server) returnFault(f *Fault) {
	s.mu.Lock()
	f.Times++
	s.mu.Unlock()
}

// fail carries a fault out.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, endpoint string, f *Fault) {
	s.mu.Lock()
	s.faults = slices.DeleteFunc(s.faults, func(g *Fault) bool { return g == f && f.Times == 0 })
	s.mu.Unlock()
	if !wait(r.Context(), f.Stall) {
		return
	}
	if f.Reset {
		s.mu.Lock()
		s.calls[endpoint+" 0"]++
		s.mu.Unlock()
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler) // HTTP/2: the nearest thing is a stream reset
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		conn.Close()
		return
	}
	a := &answer{status: f.Status, body: struct{}{}}
	if f.Code != 0 {
		a = refuse(f.Status, f.Code, f.Subcode, "%s", f.Message)
	}
	for k := range f.Header {
		w.Header().Set(k, f.Header.Get(k))
	}
	s.write(w, endpoint, a)
}
