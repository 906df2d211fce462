package line

import "time"

// window admits at most n calls in any second, minute or hour: it remembers the
// times of the last n. The reference says "2,000 requests per second" without
// the kind of second; a sliding one is the strictest reading.
type window struct {
	times []time.Time
	next  int
}

func (w *window) admit(now time.Time, n int, per time.Duration) bool {
	if n <= 0 {
		return false
	}
	if len(w.times) < n {
		w.times = append(w.times, now)
		return true
	}
	if oldest := w.times[w.next]; now.Sub(oldest) < per {
		return false
	}
	w.times[w.next] = now
	w.next = (w.next + 1) % n
	return true
}

// admit counts the call against its endpoint's rate. Refused calls do not count.
func (s *Server) admit(endpoint string) bool {
	n, per := s.rate(endpoint)
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.rates[endpoint]
	if w == nil {
		w = &window{}
		s.rates[endpoint] = w
	}
	return w.admit(now, n, per)
}
