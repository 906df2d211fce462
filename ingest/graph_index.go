package ingest

import (
	"maps"
	"slices"

	"enishi"
)

// idIndex numbers ids. It is a hash table without stored hashes: ids are keyed HMACs, so their bytes are random already,
// and a slot costs 4 bytes where a Go map costs 28.
type idIndex struct {
	ids   []enishi.ID
	slots []int32 // number + 1; 0 is free; the length is a power of two
}

func (x *idIndex) find(id enishi.ID) int32 {
	if len(x.slots) == 0 {
		return -1
	}
	mask := uint64(len(x.slots) - 1)
	for i := id.Hash64() & mask; ; i = (i + 1) & mask {
		n := x.slots[i]
		if n == 0 {
			return -1
		}
		if x.ids[n-1] == id {
			return n - 1
		}
	}
}

// add gives the next number to an id that is not there.
func (x *idIndex) add(id enishi.ID) int32 {
	if 2*(len(x.ids)+1) > len(x.slots) {
		x.grow()
	}
	x.ids = append(x.ids, id)
	x.put(id, int32(len(x.ids)))
	return int32(len(x.ids) - 1)
}

func (x *idIndex) put(id enishi.ID, slot int32) {
	mask := uint64(len(x.slots) - 1)
	i := id.Hash64() & mask
	for x.slots[i] != 0 {
		i = (i + 1) & mask
	}
	x.slots[i] = slot
}

func (x *idIndex) grow() {
	x.slots = make([]int32, max(64, 2*len(x.slots)))
	for i, id := range x.ids {
		x.put(id, int32(i+1))
	}
}

func sortMembers(m []Member) {
	slices.SortFunc(m, func(a, b Member) int {
		if a.Kind != b.Kind {
			return int(a.Kind) - int(b.Kind)
		}
		return a.ID.Compare(b.ID)
	})
}

func sortedKeys(set map[int32]bool) []int32 { return slices.Sorted(maps.Keys(set)) }
