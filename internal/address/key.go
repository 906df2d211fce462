package address

import (
	"hash/fnv"
	"io"
	"strings"

	"enishi"
)

// Key names the delivery point: two writings of one address have one key, whoever lives there. It is stable between
// versions and machines, never 0 for an address, and 0 when there is too little to name a place (neither numbers nor a town).
//
// It is made of the postal code (or prefecture and city without one), the town, the numbers and the room; names and the
// building's name, which people leave out or abbreviate, count only when there is no number.
func Key(a enishi.Address) uint64 {
	n := split(&a, nil)
	return n.Key()
}

// Key is [Key] of an address already normalised.
func (n *Normal) Key() uint64 {
	where := n.PostalCode
	if where == "" {
		where = n.Prefecture + foldPlace(n.City)
	}
	place := foldPlace(n.Town) + "\x00" + n.Block + "\x00" + n.Room
	switch {
	case n.POBox != "":
		place = "box" + n.POBox + foldPlace(n.raw)
	case n.Block == "":
		place = foldPlace(n.raw)
	}
	if strings.Trim(place, "\x00 ") == "" {
		return 0
	}
	h := fnv.New64a()
	io.WriteString(h, where)
	h.Write([]byte{0})
	io.WriteString(h, strings.ToUpper(place))
	return max(h.Sum64(), 1)
}

// Household names the people who share a letter box: postal code, numbers, room, and the family name with its variant
// characters folded (髙橋 and 高橋). It is "" when the address or the family name does not say enough: such a person is a
// household of their own.
func Household(n Normal, family string) string {
	name := foldName(family)
	if name == "" || n.PostalCode == "" || n.Block == "" && n.POBox == "" {
		return ""
	}
	return n.PostalCode + "|" + n.Block + n.POBox + "|" + n.Room + "|" + name
}
