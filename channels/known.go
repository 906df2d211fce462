package channels

import (
	"time"

	"enishi"
)

// known remembers which rounds a partition has taken, so that a repeat of a message is not sent again. It holds every
// round that was decided after since; about older ones the ledger is asked.
type known struct {
	since     time.Time
	now, past map[roundKey]time.Time // -> decided at
	most      int
}

type roundKey struct {
	send  enishi.ID
	round int32
}

func newKnown(rounds []Round, since time.Time) *known {
	k := &known{since: since, now: make(map[roundKey]time.Time, len(rounds)), most: recentRounds}
	for _, r := range rounds {
		k.now[roundKey{r.SendID, int32(r.Round)}] = r.DecidedAt
	}
	return k
}

// has tells whether the round was taken; ask says that only the ledger knows.
func (k *known) has(m *enishi.Message) (taken, ask bool) {
	key := roundKey{m.SendID, int32(m.Round)}
	if _, ok := k.now[key]; ok {
		return true, false
	}
	if _, ok := k.past[key]; ok {
		return true, false
	}
	return false, !m.DecidedAt.After(k.since)
}

// add remembers a round. Half of what is remembered is forgotten at a time; since rises over all of it.
func (k *known) add(m *enishi.Message) {
	if len(k.now) >= k.most {
		for _, at := range k.past {
			if at.After(k.since) {
				k.since = at
			}
		}
		k.past, k.now = k.now, make(map[roundKey]time.Time, k.most)
	}
	k.now[roundKey{m.SendID, int32(m.Round)}] = m.DecidedAt
}
