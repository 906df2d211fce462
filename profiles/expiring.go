package profiles

import (
	"cmp"
	"slices"
	"time"
)

// ExpiringPoints are how many of the person's points run out next, and when; none when no points that are left run out.
// What is redeemed or has run out is taken from the points that run out first, as shops do.
func (v *View) ExpiringPoints(now time.Time) (points int64, at time.Time) {
	type lot struct {
		left int64
		ends time.Time // zero: never
	}
	var lots []lot // what runs out first stands first
	for i := range v.Moves {
		m := &v.Moves[i]
		if m.Amount > 0 {
			at, _ := slices.BinarySearchFunc(lots, m.ExpiresAt, func(x lot, ends time.Time) int {
				if x.ends.IsZero() || ends.IsZero() {
					return cmp.Compare(ends.Unix(), x.ends.Unix())
				}
				return x.ends.Compare(ends)
			})
			lots = slices.Insert(lots, at, lot{m.Amount, m.ExpiresAt})
			continue
		}
		for spent, j := -m.Amount, 0; spent > 0 && j < len(lots); j++ {
			n := min(spent, lots[j].left)
			lots[j].left -= n
			spent -= n
		}
	}
	for _, x := range lots {
		if x.left == 0 || !x.ends.After(now) {
			continue
		}
		if at.IsZero() {
			at = x.ends
		}
		if x.ends.Equal(at) {
			points += x.left
		}
	}
	return max(min(points, v.Points), 0), at
}
