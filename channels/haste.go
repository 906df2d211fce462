package channels

import (
	"slices"
	"time"

	"enishi"
)

// visits are the links of one message that were opened one right after the other.
type visits struct {
	since time.Time
	urls  []string
}

const (
	manyLinks = 3      // in tooSoon: no person opens so many
	maxRecent = 10_000 // messages that are remembered
)

// hurried tells whether a click is one of many of a message at once: scanners follow all links. The first ones pass as a
// person's, because they look like it.
func (l *Links) hurried(send enishi.ID, url string) bool {
	now := l.cfg.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.recent[send]
	if now.Sub(v.since) >= tooSoon {
		v = visits{since: now}
	}
	if !slices.Contains(v.urls, url) && len(v.urls) < manyLinks {
		v.urls = append(v.urls, url)
	}
	if l.recent == nil || len(l.recent) >= maxRecent {
		l.recent = map[enishi.ID]visits{} // forgetting makes a scanner a person, never the other way round
	}
	l.recent[send] = v
	return len(v.urls) >= manyLinks
}
