package pipeline

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"enishi"
	"enishi/channels/dm/postal"
	"enishi/internal/clickhouse"
	"enishi/profiles"
)

// Store is Load and Save on ClickHouse.
type Store struct {
	DB  *clickhouse.DB
	Now func() time.Time
}

// Save writes rows as [Rows] says. It may be repeated: every row has a key and a version.
func (s *Store) Save(ctx context.Context, r *Rows) error {
	return r.write(s.Now(), func(tables []profiles.Table) error { return s.insert(ctx, tables) }, func() error {
		if err := s.erase(ctx, r.Erased); err != nil {
			return err
		}
		return s.unsend(ctx, r.Unsent)
	})
}

// write gives the tables of r to insert, in the order in which they must become durable.
func (r *Rows) write(now time.Time, insert func([]profiles.Table) error, erase func() error) error {
	first := r.Tables
	if len(r.Due) > 0 {
		first = append(first[:len(first):len(first)], dueTable(r.Due))
	}
	if len(first) > 0 {
		if err := insert(first); err != nil {
			return err
		}
	}
	if len(r.Erased)+len(r.Unsent) > 0 {
		if err := erase(); err != nil {
			return err
		}
	}
	if len(r.States) > 0 {
		if err := insert([]profiles.Table{stateTable(r.States)}); err != nil {
			return err
		}
	}
	if len(r.Aside) > 0 {
		if err := insert([]profiles.Table{asideTable(r.Aside)}); err != nil {
			return err
		}
	}
	if len(r.Markers) > 0 {
		markers, err := markerTable(r.Markers, now)
		if err != nil {
			return err
		}
		return insert([]profiles.Table{markers})
	}
	return nil
}

// insert writes tables side by side.
func (s *Store) insert(ctx context.Context, tables []profiles.Table) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(3)
	for _, t := range tables {
		g.Go(func() error { return s.DB.Insert(ctx, t.Name, t.Columns, t.Rows, t.Cols...) })
	}
	return g.Wait()
}

func stateTable(states []State) profiles.Table {
	blocks, n := [][]State{states}, len(states)
	return profiles.Table{Name: "profiles", Columns: []string{"partition", "profile_id", "version", "redirect", "state", "is_deleted"}, Rows: n, Cols: []any{
		column(blocks, n, func(x *State) uint16 { return uint16(x.Partition) }), column(blocks, n, func(x *State) enishi.ID { return x.ID }),
		column(blocks, n, func(x *State) uint64 { return x.Version }), column(blocks, n, func(x *State) enishi.ID { return x.Redirect }),
		column(blocks, n, func(x *State) string { return x.Bytes }), make([]uint8, n)}}
}

// asideTable keeps what is passed over in the table profiles, under ids that are nobody's, as deleted rows: who reads people
// with FINAL does not see them.
func asideTable(list []Aside) profiles.Table {
	blocks, n := [][]Aside{list}, len(list)
	return profiles.Table{Name: "profiles", Columns: []string{"partition", "profile_id", "version", "redirect", "state", "is_deleted"}, Rows: n, Cols: []any{
		column(blocks, n, func(x *Aside) uint16 { return uint16(x.Partition) }), column(blocks, n, (*Aside).id), make([]uint64, n), make([]enishi.ID, n),
		make([]string, n), column(blocks, n, func(*Aside) uint8 { return 1 })}}
}

// asidePrefix is that of ids that are nobody's: a keyed hash does not begin so.
var asidePrefix = strings.Repeat("\xff", 6)

func (a *Aside) id() (id enishi.ID) {
	copy(id[:], asidePrefix)
	binary.BigEndian.PutUint16(id[6:], a.Epoch)
	binary.BigEndian.PutUint64(id[8:], uint64(a.Offset))
	return id
}

// asideOf reads such an id.
func asideOf(partition int, id enishi.ID) (Aside, bool) {
	if string(id[:6]) != asidePrefix {
		return Aside{}, false
	}
	return Aside{partition, binary.BigEndian.Uint16(id[6:]), int64(binary.BigEndian.Uint64(id[8:]))}, true
}

func dueTable(due []Due) profiles.Table {
	blocks, n := [][]Due{due}, len(due)
	return profiles.Table{Name: "due", Columns: []string{"partition", "profile_id", "due_at", "version"}, Rows: n, Cols: []any{
		column(blocks, n, func(x *Due) uint16 { return uint16(x.Partition) }), column(blocks, n, func(x *Due) enishi.ID { return x.ID }),
		column(blocks, n, func(x *Due) int64 { return ms(x.At) }), column(blocks, n, func(x *Due) uint64 { return x.Version })}}
}

func markerTable(markers []Marker, now time.Time) (profiles.Table, error) {
	blocks, n := [][]Marker{markers}, len(markers)
	whole := func(get func(*Marker) int64) []int64 { return column(blocks, n, get) }
	memory := make([]string, n)
	for i := range markers {
		var err error
		if memory[i], err = markers[i].memory(); err != nil {
			return profiles.Table{}, err
		}
	}
	return profiles.Table{Name: "partitions", Rows: n,
		Columns: []string{"partition", "seq", "epoch", "next_offset", "identities_offset", "definitions_offset", "clock", "is_virtual", "sweeps", "events", "written_at"},
		Cols: []any{
			column(blocks, n, func(m *Marker) uint16 { return uint16(m.Partition) }), column(blocks, n, func(m *Marker) uint64 { return Version(m.Epoch, m.Next) }),
			column(blocks, n, func(m *Marker) uint16 { return m.Epoch }), whole(func(m *Marker) int64 { return m.Next }),
			whole(func(m *Marker) int64 { return m.Identities }), whole(func(m *Marker) int64 { return m.Definitions }),
			whole(func(m *Marker) int64 { return ms(m.Clock) }), column(blocks, n, func(m *Marker) uint8 { return bit(m.Virtual) }), memory,
			column(blocks, n, func(m *Marker) uint64 { return uint64(m.Events) }), whole(func(*Marker) int64 { return ms(now) })}}, nil
}

// kept is an element of the column sweeps: a sweep under way, or something else that a partition remembers as a whole. Then
// its id is empty: who looks for sweeps passes over it.
type kept struct {
	Sweep
	Split *Split     `json:"split,omitempty"`
	Until *time.Time `json:"until,omitempty"`
}

// memory is the text of the column sweeps.
func (m *Marker) memory() (string, error) {
	list := make([]kept, 0, len(m.Sweeps)+len(m.Splits))
	for _, s := range m.Sweeps {
		list = append(list, kept{Sweep: s})
	}
	for i := range m.Splits {
		list = append(list, kept{Split: &m.Splits[i]})
	}
	if m.Virtual {
		list = append(list, kept{Until: &m.Until})
	}
	b, err := json.Marshal(list)
	if err != nil {
		return "", fmt.Errorf("encode the memory of partition %d: %w", m.Partition, err)
	}
	return string(b), nil
}

func (m *Marker) remember(memory string) error {
	var list []kept
	if err := json.Unmarshal([]byte(memory), &list); err != nil {
		return fmt.Errorf("read the memory of partition %d: %w", m.Partition, err)
	}
	for _, k := range list {
		switch {
		case k.Split != nil:
			m.Splits = append(m.Splits, *k.Split)
		case k.Until != nil:
			m.Until = *k.Until
		default:
			m.Sweeps = append(m.Sweeps, k.Sweep)
		}
	}
	return nil
}

// erase deletes the raw rows of subjects; the evidence of their permissions is kept before, see consent_evidence. Their facts are deleted by the checkpoint of the erased state.
func (s *Store) erase(ctx context.Context, list []Erasure) error {
	told := &rows{spare: &spare{}}
	for i := range list {
		if list[i].told != nil {
			*told.events.add(&told.spare.events) = *list[i].told
		}
	}
	if err := s.insert(ctx, told.tables()); err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	for len(list) > 0 {
		n := 1 // those of one instant go together
		for n < len(list) && n < maxIDs && list[n].Until.Equal(list[0].Until) {
			n++
		}
		ids := make([]enishi.ID, n)
		for i := range ids {
			ids[i] = list[i].Subject
		}
		in, until := idList(ids), instant(list[0].Until)
		if err := s.keepEvidence(ctx, in, list[0].Until); err != nil {
			return fmt.Errorf("erase: %w", err)
		}
		for _, q := range append(postal.EraseStatements(in, until), "DELETE FROM events WHERE subject IN "+in+" AND appended_at <= "+until,
			"DELETE FROM decisions WHERE (subject IN "+in+" OR profile_id IN "+in+") AND at <= "+until,
			// A test is rendered as somebody else than who gets it, and nobody needs it later.
			"DELETE FROM deliveries WHERE (profile_id IN "+in+" OR purpose = 'test') AND decided_at <= "+until) {
			if err := s.DB.Exec(ctx, q); err != nil {
				return fmt.Errorf("erase: %w", err)
			}
		}
		if err := s.eraseTexts(ctx, list[:n], until); err != nil {
			return fmt.Errorf("erase: %w", err)
		}
		list = list[n:]
	}
	return nil
}
