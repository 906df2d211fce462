package profiles

import (
	"math"
	"slices"
	"strings"
	"time"

	"enishi"
)

// keepNewest drops from a sorted list the elements with the lowest rank until max are left; of one rank the first in the
// list goes first. What stays depends on what was in, not on the order in which it came.
func keepNewest[T any](list []T, max int, rank func(*T) int64, gone func(*T)) []T {
	extra := len(list) - max
	if extra <= 0 {
		return list
	}
	type ranked struct {
		rank int64
		at   int
	}
	all := make([]ranked, len(list))
	for i := range list {
		all[i] = ranked{rank(&list[i]), i}
	}
	slices.SortFunc(all, func(a, b ranked) int {
		if a.rank != b.rank {
			if a.rank < b.rank {
				return -1
			}
			return 1
		}
		return a.at - b.at
	})
	leave := make([]bool, len(list))
	for _, r := range all[:extra] {
		leave[r.at] = true
	}
	kept := make([]T, 0, max+1)
	for i := range list {
		if leave[i] {
			if gone != nil {
				gone(&list[i])
			}
			continue
		}
		kept = append(kept, list[i])
	}
	return kept
}

func ms(t time.Time) int64 {
	if t.IsZero() {
		return math.MinInt64
	}
	return t.UnixMilli()
}

func rankOrder(o *Order) int64           { return ms(o.placedAt()) }
func rankShipment(s *Shipment) int64     { return ms(firstMark(s.Marks)) }
func rankReturn(r *Return) int64         { return ms(firstMark(r.Marks)) }
func rankStore(v *StoreVisit) int64      { return ms(v.At) }
func rankContact(c *Contact) int64       { return ms(c.LastAt) }
func rankReview(r *Review) int64         { return ms(r.At) }
func rankSurvey(s *Survey) int64         { return ms(s.At) }
func rankContract(c *Subscription) int64 { return ms(newestAt(c.Marks)) }
func rankMove(m *PointMove) int64        { return ms(m.At) }
func rankConsent(c *Consent) int64       { return ms(c.At) }
func rankHold(h *Hold) int64             { return ms(h.At) }
func rankList(m *ListMark) int64         { return ms(m.At) }
func rankFriendship(x *Friendship) int64 { return ms(latest(x.Followed, x.Unfollowed)) }
func rankMail(x *MailMark) int64         { return ms(x.At) }
func rankRisk(r *RiskFlag) int64         { return ms(r.At) }

// rankMessage is when it was decided; of one only heard of, its first result.
func rankMessage(m *Message) int64 {
	at := m.DecidedAt
	if at.IsZero() {
		at = earliest(earliest(m.SentAt, m.DeliveredAt), earliest(earliest(m.OpenedAt, m.ClickedAt), m.EndedAt))
	}
	return ms(at)
}

// rankTrait: the reserved traits never leave.
func rankTrait(t *Trait) int64 {
	for _, name := range enishi.TraitNames {
		if t.Name == name {
			return math.MaxInt64
		}
	}
	return ms(t.At)
}

func compareTrait(a, b *Trait) int { return strings.Compare(a.Name, b.Name) }

func (t *Trait) join(x *Trait) {
	if newer(x.At, x.Event, t.At, t.Event) {
		*t = *x
	}
}

func compareConsent(a, b *Consent) int {
	if c := strings.Compare(a.Channel, b.Channel); c != 0 {
		return c
	}
	return strings.Compare(a.Purpose, b.Purpose)
}

func (c *Consent) join(x *Consent) {
	if consentWins(x, c) {
		*c = *x
	}
}
