package line

import (
	"net/http"
	"time"
)

// unitStat is who did what with the messages of one aggregation unit.
type unitStat struct {
	got, seen, clicked map[string]time.Time // by user: when first
}

// noteUnit remembers who got a message of a unit, or of a narrowcast, which is counted by the id of its request. The caller
// holds mu.
func (s *Server) noteUnit(m *Sent) {
	name := m.Unit
	if m.Endpoint == "narrowcast" {
		name = ofRequest + m.RequestID
	}
	if name == "" || !m.Delivered {
		return
	}
	u := s.stats[name]
	if u == nil {
		u = &unitStat{map[string]time.Time{}, map[string]time.Time{}, map[string]time.Time{}}
		s.stats[name] = u
	}
	if _, again := u.got[m.To]; !again {
		u.got[m.To] = m.At
	}
}

// ofRequest begins the names of statistics by the id of a request; no unit is named so.
const ofRequest = "request:"

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

// insightEvent answers the statistics of a narrowcast by the id of its
// request. delivered is told also of fewer people than the rest is.
func (s *Server) insightEvent(c *call) *answer {
	id := c.r.URL.Query().Get("requestId")
	if id == "" {
		return badParameter("requestId")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	told := func(n int) any {
		if n < s.limits.InsightLeast {
			return nil
		}
		return n
	}
	n, u := s.narrowcasts[id], s.stats[ofRequest+id]
	if n == nil {
		return refuse(http.StatusNotFound, "Not found")
	}
	if u == nil {
		u = &unitStat{}
	}
	seen, clicked := told(len(u.seen)), told(len(u.clicked))
	return ok(map[string]any{
		"overview": map[string]any{"requestId": id, "timestamp": n.at.Unix(), "delivered": n.sent, "uniqueImpression": seen, "uniqueClick": clicked, "uniqueMediaPlayed": nil, "uniqueMediaPlayed100Percent": nil},
		"messages": []any{map[string]any{"seq": 1, "impression": seen, "uniqueImpression": seen}},
		"clicks":   []any{},
	})
}
