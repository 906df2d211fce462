package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"enishi"
	"enishi/internal/mix"
	"enishi/internal/stream"
)

// mixer makes the source records of the standard mix: sign-up, product view, order, shipment and delivery of each person in
// that order, the people in no order. Of any slice a third as many people are in the middle of theirs as there are new ones.
type mixer struct {
	rnd   *rand.Rand
	pool  []person
	next  int // the next new person
	made  map[string]int
	apart int // least records between two events of a person
	n     int // records made
}

type person struct{ number, done, last int }

// newMixer makes a mixer for slices of so many people.
func newMixer(people int) *mixer {
	m := &mixer{rnd: rand.New(rand.NewPCG(1, 2)), made: map[string]int{}}
	for range people {
		m.pool = append(m.pool, m.newcomer())
	}
	return m
}

func (m *mixer) newcomer() person {
	m.next++
	return person{number: m.next - 1}
}

// records makes the next n.
func (m *mixer) records(n int) ([]stream.Record, error) {
	out := make([]stream.Record, n)
	for i := range out {
		p := &m.pool[m.rnd.IntN(len(m.pool))]
		for p.done > 0 && m.n-p.last < m.apart {
			p = &m.pool[m.rnd.IntN(len(m.pool))]
		}
		e := mix.Event(p.number, p.done, time.Now().UTC().Truncate(time.Millisecond))
		p.last = m.n
		m.n++
		if p.done++; p.done == mix.Events {
			*p = m.newcomer()
		}
		value, err := json.Marshal(&e)
		if err != nil {
			return nil, fmt.Errorf("encode an event: %w", err)
		}
		info, ok := enishi.LookupType(e.Type)
		if !ok {
			return nil, fmt.Errorf("no type %s", e.Type)
		}
		m.made[e.Type]++
		out[i] = stream.Record{Topic: info.Topic, Partition: -1, Key: []byte(e.Person.CustomerID), Value: value}
	}
	return out, nil
}
