package line

import (
	"time"
)

// unitStat is who did what with the messages of one aggregation unit.
type unitStat struct {
	got, seen, clicked map[string]time.Time // by user: when first
}

// noteUnit remembers who got a message of a unit. The caller holds mu.
func (s *Server) noteUnit(m *Sent) {
	if m.Unit == "" || !m.Delivered {
		return
	}
	u := s.stats[m.Unit]
	if u == nil {
		u = &unitStat{map[string]time.Time{}, map[string]time.Time{}, map[string]time.Time{}}
		s.stats[m.Unit] = u
	}
	if _, again := u.got[m.To]; !again {
		u.got[m.To] = m.At
	}
}

// Look makes a user look at everything that he was sent, and, with click, tap a link of it.
func (s *Server) Look(userID string, click bool) {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.stats {
		if _, got := u.got[userID]; !got {
			continue
		}
		for _, m := range []map[string]time.Time{u.seen, u.clicked} {
			if _, again := m[userID]; !again {
				m[userID] = now
			}
			if !click {
				break
			}
		}
	}
}

const dayForm = "20060102"

// insightAggregation answers the statistics of a unit. A unit that was never
// used is answered with nulls, as one that too few people got.
func (s *Server) insightAggregation(c *call) *answer {
	q := c.r.URL.Query()
	unit := q.Get("customAggregationUnit")
	if !wordName.MatchString(unit) || len(unit) > s.limits.UnitName {
		return badParameter("customAggregationUnit")
	}
	from, err := time.ParseInLocation(dayForm, q.Get("from"), jst)
	if err != nil {
		return badParameter("from")
	}
	to, err := time.ParseInLocation(dayForm, q.Get("to"), jst)
	if err != nil || to.Before(from) || to.After(from.AddDate(0, 0, s.limits.InsightDays)) {
		return badParameter("to")
	}
	end := to.AddDate(0, 0, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	count := func(m map[string]time.Time) any {
		n := 0
		for _, at := range m {
			if !at.Before(from) && at.Before(end) {
				n++
			}
		}
		if n < s.limits.InsightLeast {
			return nil
		}
		return n
	}
	u := s.stats[unit]
	if u == nil {
		u = &unitStat{}
	}
	seen, clicked := count(u.seen), count(u.clicked)
	return ok(map[string]any{
		"overview": map[string]any{"uniqueImpression": seen, "uniqueClick": clicked, "uniqueMediaPlayed": nil, "uniqueMediaPlayed100Percent": nil},
		"messages": []any{map[string]any{"seq": 1, "impression": seen, "uniqueImpression": seen}},
		"clicks":   []any{},
	})
}
