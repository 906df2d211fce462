package mail

import (
	"slices"
	"strings"
	"time"
)

// Stage is a step of the SMTP dialogue at which a fault can strike.
type Stage int

// The stages, in the order of the dialogue.
const (
	AtConnect  Stage = iota + 1 // in place of the greeting
	AtHelo                      // EHLO and HELO
	AtStartTLS                  // the STARTTLS command
	AtAuth                      // the AUTH command
	AtMail                      // MAIL FROM
	AtRcpt                      // RCPT TO
	AtData                      // the DATA command
	AtDot                       // the final dot, the answer to the mail itself
	AtReset                     // RSET, which clients send after a mail
)

// Fault is one planned misbehaviour. With neither Code nor Drop it only delays.
//
// At AtDot a mail that is refused or dropped is not kept, unless Store is set:
// then the mail has arrived though its sender cannot know, the case of RFC 1047.
type Fault struct {
	Stage Stage
	// Times is the number of times it strikes; 0 is one, below 0 without end.
	Times int
	// Until ends the fault by Config.Now, as greylisting does; zero is never.
	Until time.Time
	// From and To match the envelope's sender or one of its recipients, at
	// AtRcpt the recipient in question; empty matches all. Case is ignored.
	From, To string

	// Delay (real time) comes before all else.
	Delay time.Duration
	// Code and Text are the reply, as 450 and "4.2.0 try later". 421 also
	// closes the connection.
	Code int
	Text string
	// Drop closes the connection without a reply.
	Drop bool
	// Store keeps the mail before Code or Drop act at AtDot.
	Store bool
}

// Inject plans a fault. Faults strike in the order they were planned, one a command.
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

// fault finds the fault that strikes now and uses up one of its times.
func (s *Server) fault(at Stage, from string, to ...string) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Stage != at || !f.Until.IsZero() && !s.cfg.Now().Before(f.Until) ||
			f.From != "" && !strings.EqualFold(f.From, from) ||
			f.To != "" && !slices.ContainsFunc(to, func(a string) bool { return strings.EqualFold(a, f.To) }) {
			continue
		}
		if f.Times--; f.Times == 0 {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		return *f, true
	}
	return Fault{}, false
}
