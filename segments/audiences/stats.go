package audiences

import "maps"

// Stats are what a Syncer has done since it was made.
type Stats struct {
	Runs     int              // that ended, those with a problem too
	Seconds  float64          // worked at runs, calls included
	Calls    map[string]int   // that tell of people or ask for a result, by the class of their problem; "ok": none
	People   map[string]int   // in the list of each audience when it was worked at last
	Problems map[string]Class // of audiences whose last run had one
}

// Stats tells what was done. It may be called at any time.
func (s *Syncer) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.stats
	out.Calls, out.People, out.Problems = maps.Clone(s.stats.Calls), maps.Clone(s.stats.People), maps.Clone(s.stats.Problems)
	return out
}

// called counts a call.
func (s *Syncer) called(err error) {
	class := "ok"
	if err != nil {
		class = string(problemOf(err).Class)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stats.Calls == nil {
		s.stats.Calls = map[string]int{}
	}
	s.stats.Calls[class]++
}

// count notes how a run or a part of one ended.
func (s *Syncer) count(r *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.stats
	if st.People == nil {
		st.People, st.Problems = map[string]int{}, map[string]Class{}
	}
	if r.st.Problem != nil || !r.st.EndedAt.Before(r.st.BeganAt) {
		st.Runs++
	}
	st.Seconds += s.now().Sub(r.at).Seconds()
	st.People[r.name] = r.st.Has()
	delete(st.Problems, r.name)
	if r.st.Problem != nil {
		st.Problems[r.name] = r.st.Problem.Class
	}
}

// forget takes an audience that was deleted out of the figures.
func (s *Syncer) forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.stats.People, name)
	delete(s.stats.Problems, name)
}
