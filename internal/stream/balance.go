package stream

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/segmentio/kafka-go"
)

// stickyBalancer shares the partitions out evenly and leaves each where it was if it can, since an owner keeps state in
// memory. Each member tells what it owned last; the group's leader decides. Every topic is shared out by itself.
type stickyBalancer struct {
	prefix string

	mu    sync.Mutex
	owned map[string][]int // wire topic: partitions
}

// own notes what to ask for at the next join.
func (b *stickyBalancer) own(parts []Partition) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.owned = map[string][]int{}
	for _, p := range parts {
		b.owned[b.prefix+p.Topic] = append(b.owned[b.prefix+p.Topic], p.Partition)
	}
}

// ProtocolName is what all members must have in common.
func (b *stickyBalancer) ProtocolName() string { return "enishi-sticky" }

// UserData is what this member owned last.
func (b *stickyBalancer) UserData() ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return json.Marshal(b.owned)
}

// AssignGroups is called on the leader.
func (b *stickyBalancer) AssignGroups(members []kafka.GroupMember, partitions []kafka.Partition) kafka.GroupMemberAssignments {
	members = slices.Clone(members)
	slices.SortFunc(members, func(x, y kafka.GroupMember) int { return strings.Compare(x.ID, y.ID) })
	out := kafka.GroupMemberAssignments{}
	before := make([]map[string][]int, len(members))
	for i, m := range members {
		out[m.ID] = map[string][]int{}
		if json.Unmarshal(m.UserData, &before[i]) != nil {
			before[i] = nil // a member that says nothing sensible owned nothing
		}
	}
	byTopic := map[string][]int{}
	for _, p := range partitions {
		byTopic[p.Topic] = append(byTopic[p.Topic], p.ID)
	}
	held := make([]int, len(members)) // over all topics, so that what is left over does not always go to the first
	for _, topic := range sortedKeys(byTopic) {
		free := byTopic[topic]
		slices.Sort(free)
		var able []int
		for i, m := range members {
			if slices.Contains(m.Topics, topic) {
				able = append(able, i)
			}
		}
		if len(able) == 0 {
			continue
		}
		share(topic, free, able, before, held, func(member, partition int) {
			held[member]++
			mine := out[members[member].ID]
			mine[topic] = append(mine[topic], partition)
		})
	}
	return out
}

// share gives out one topic's partitions: each of the n members keeps up to the smaller fair share, the remainder goes to
// members that had one more, and what is free then to those that hold the least.
func share(topic string, free, able []int, before []map[string][]int, held []int, give func(member, partition int)) {
	low, extra := len(free)/len(able), len(free)%len(able)
	got := map[int]int{}
	taken := map[int]bool{}
	take := func(m, p int) {
		got[m]++
		taken[p] = true
		give(m, p)
	}
	for pass := range 2 { // first up to the low share, then one more for as many as may have it
		for _, m := range able {
			for _, p := range before[m][topic] {
				if !slices.Contains(free, p) || taken[p] || got[m] >= low+pass || pass == 1 && extra == 0 {
					continue
				}
				take(m, p)
				if pass == 1 {
					extra--
				}
			}
		}
	}
	for _, p := range free {
		if taken[p] {
			continue
		}
		best := -1
		for _, m := range able {
			if got[m] > low || got[m] == low && extra == 0 {
				continue
			}
			if best < 0 || got[m] < got[best] || got[m] == got[best] && held[m] < held[best] {
				best = m
			}
		}
		if got[best] == low {
			extra--
		}
		take(best, p)
	}
}

func sortedKeys(m map[string][]int) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
