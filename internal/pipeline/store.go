package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"enishi"
	"enishi/internal/clickhouse"
)

// Store is Load and Save on ClickHouse.
type Store struct {
	DB  *clickhouse.DB
	Now func() time.Time
}

// Save writes the tables and states side by side, then the markers. It may be repeated: every row has a key and a version.
func (s *Store) Save(ctx context.Context, rows *Rows) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(3)
	for _, t := range rows.Tables {
		g.Go(func() error { return s.DB.Insert(gctx, t.Name, t.Columns, t.Rows, t.Cols...) })
	}
	if len(rows.States) > 0 {
		g.Go(func() error { return s.saveStates(gctx, rows.States) })
	}
	if len(rows.Due) > 0 {
		g.Go(func() error { return s.saveDue(gctx, rows.Due) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := s.erase(ctx, rows.Erased); err != nil {
		return err
	}
	return s.saveMarkers(ctx, rows.Markers)
}

func (s *Store) saveStates(ctx context.Context, states []State) error {
	n := len(states)
	partition, id, version := make([]uint16, n), make([]enishi.ID, n), make([]uint64, n)
	redirect, bytes, deleted := make([]enishi.ID, n), make([]string, n), make([]uint8, n)
	for i, x := range states {
		partition[i], id[i], version[i], redirect[i], bytes[i] = uint16(x.Partition), x.ID, x.Version, x.Redirect, x.Bytes
	}
	return s.DB.Insert(ctx, "profiles", []string{"partition", "profile_id", "version", "redirect", "state", "is_deleted"}, n,
		partition, id, version, redirect, bytes, deleted)
}

func (s *Store) saveDue(ctx context.Context, due []Due) error {
	n := len(due)
	partition, id, at, version := make([]uint16, n), make([]enishi.ID, n), make([]time.Time, n), make([]uint64, n)
	for i, x := range due {
		partition[i], id[i], at[i], version[i] = uint16(x.Partition), x.ID, x.At, x.Version
		if x.At.IsZero() {
			at[i] = epochZero
		}
	}
	return s.DB.Insert(ctx, "due", []string{"partition", "profile_id", "due_at", "version"}, n, partition, id, at, version)
}

func (s *Store) saveMarkers(ctx context.Context, markers []Marker) error {
	n := len(markers)
	if n == 0 {
		return nil
	}
	partition, seq, epoch, next := make([]uint16, n), make([]uint64, n), make([]uint16, n), make([]int64, n)
	identities, definitions, clock, virtual := make([]int64, n), make([]int64, n), make([]time.Time, n), make([]uint8, n)
	sweeps, events, written := make([]string, n), make([]uint64, n), make([]time.Time, n)
	now := s.Now().UTC()
	for i, m := range markers {
		text, err := json.Marshal(m.Sweeps)
		if err != nil {
			return fmt.Errorf("encode sweeps: %w", err)
		}
		partition[i], seq[i], epoch[i], next[i] = uint16(m.Partition), Version(m.Epoch, m.Next), m.Epoch, m.Next
		identities[i], definitions[i], clock[i], sweeps[i], events[i], written[i] = m.Identities, m.Definitions, m.Clock, string(text), uint64(m.Events), now
		if m.Clock.IsZero() {
			clock[i] = epochZero
		}
		if m.Virtual {
			virtual[i] = 1
		}
	}
	return s.DB.Insert(ctx, "partitions", []string{"partition", "seq", "epoch", "next_offset", "identities_offset", "definitions_offset", "clock", "is_virtual",
		"sweeps", "events", "written_at"}, n, partition, seq, epoch, next, identities, definitions, clock, virtual, sweeps, events, written)
}

// erase deletes the raw rows of subjects. Their facts are deleted by the checkpoint of the erased state.
func (s *Store) erase(ctx context.Context, subjects []enishi.ID) error {
	if len(subjects) == 0 {
		return nil
	}
	in := idList(subjects)
	for _, q := range []string{"DELETE FROM events WHERE subject IN (" + in + ")", "DELETE FROM decisions WHERE subject IN (" + in + ")",
		"DELETE FROM deliveries WHERE profile_id IN (" + in + ")"} {
		if err := s.DB.Conn().Exec(ctx, q); err != nil {
			return fmt.Errorf("erase: %w", err)
		}
	}
	return nil
}

// idList writes ids as SQL literals: hexadecimal digits only, so nothing can leave the literal.
func idList(ids []enishi.ID) string {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("toFixedString(unhex('")
		b.WriteString(id.String())
		b.WriteString("'),16)")
	}
	return b.String()
}

// Load answers a Want. Markers are read before anything else that belongs to them is asked for.
func (s *Store) Load(ctx context.Context, want Want) (Have, error) {
	var have Have
	var err error
	if len(want.Markers) > 0 {
		if have.Markers, err = s.markers(ctx); err != nil {
			return have, err
		}
	}
	for partition, ids := range want.States {
		for len(ids) > 0 {
			n := min(len(ids), 5000)
			part, err := s.states(ctx, partition, "profile_id IN ("+idList(ids[:n])+")")
			if err != nil {
				return have, err
			}
			have.States, ids = append(have.States, part...), ids[n:]
		}
	}
	if r := want.Range; r != nil {
		where := fmt.Sprintf("profile_id >= toFixedString(unhex('%02x000000000000000000000000000000'),16)", r.From)
		if r.To < 255 {
			where += fmt.Sprintf(" AND profile_id < toFixedString(unhex('%02x000000000000000000000000000000'),16)", r.To+1)
		}
		if have.States, err = s.states(ctx, r.Partition, where); err != nil {
			return have, err
		}
	}
	if d := want.Due; d != nil {
		if have.Due, err = s.due(ctx, d); err != nil {
			return have, err
		}
	}
	return have, nil
}

func (s *Store) states(ctx context.Context, partition int, where string) ([]State, error) {
	rows, err := s.DB.Conn().Query(ctx, fmt.Sprintf("SELECT profile_id, version, redirect, state FROM profiles FINAL WHERE partition = %d AND %s", partition, where))
	if err != nil {
		return nil, fmt.Errorf("read profiles: %w", err)
	}
	defer rows.Close()
	var out []State
	for rows.Next() {
		x := State{Partition: partition}
		var id, redirect string
		if err := rows.Scan(&id, &x.Version, &redirect, &x.Bytes); err != nil {
			return nil, fmt.Errorf("read profiles: %w", err)
		}
		copy(x.ID[:], id)
		copy(x.Redirect[:], redirect)
		out = append(out, x)
	}
	return out, rows.Err()
}

func (s *Store) due(ctx context.Context, d *DueRange) ([]Due, error) {
	after := d.After
	if after.IsZero() {
		after = epochZero
	}
	rows, err := s.DB.Conn().Query(ctx, fmt.Sprintf("SELECT profile_id, due_at, version FROM due FINAL WHERE partition = %d AND due_at > fromUnixTimestamp64Milli(toInt64(%d)) AND due_at <= fromUnixTimestamp64Milli(toInt64(%d))",
		d.Partition, after.UnixMilli(), d.Until.UnixMilli()))
	if err != nil {
		return nil, fmt.Errorf("read due: %w", err)
	}
	defer rows.Close()
	var out []Due
	for rows.Next() {
		x := Due{Partition: d.Partition}
		var id string
		if err := rows.Scan(&id, &x.At, &x.Version); err != nil {
			return nil, fmt.Errorf("read due: %w", err)
		}
		copy(x.ID[:], id)
		out = append(out, x)
	}
	return out, rows.Err()
}

// Markers reads all markers, with the number of stored profiles of each partition.
func (s *Store) markers(ctx context.Context) (map[int]Marker, error) {
	out := map[int]Marker{}
	rows, err := s.DB.Conn().Query(ctx, "SELECT partition, epoch, next_offset, identities_offset, definitions_offset, clock, is_virtual, sweeps, events FROM partitions FINAL")
	if err != nil {
		return nil, fmt.Errorf("read markers: %w", err)
	}
	for rows.Next() {
		var partition, epoch uint16
		var virtual uint8
		var sweeps string
		var events uint64
		var m Marker
		if err := rows.Scan(&partition, &epoch, &m.Next, &m.Identities, &m.Definitions, &m.Clock, &virtual, &sweeps, &events); err != nil {
			rows.Close()
			return nil, fmt.Errorf("read markers: %w", err)
		}
		if err := json.Unmarshal([]byte(sweeps), &m.Sweeps); err != nil {
			rows.Close()
			return nil, fmt.Errorf("read sweeps of partition %d: %w", partition, err)
		}
		m.Partition, m.Epoch, m.Virtual, m.Events, m.Clock = int(partition), epoch, virtual == 1, int64(events), m.Clock.UTC()
		out[m.Partition] = m
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read markers: %w", err)
	}
	counts, err := s.DB.Conn().Query(ctx, "SELECT partition, count() FROM profiles GROUP BY partition")
	if err != nil {
		return nil, fmt.Errorf("count profiles: %w", err)
	}
	defer counts.Close()
	for counts.Next() {
		var partition uint16
		var n uint64
		if err := counts.Scan(&partition, &n); err != nil {
			return nil, fmt.Errorf("count profiles: %w", err)
		}
		if m, ok := out[int(partition)]; ok {
			m.Profiles = int64(n)
			out[int(partition)] = m
		}
	}
	return out, counts.Err()
}

// Markers reads all markers.
func (s *Store) Markers(ctx context.Context) (map[int]Marker, error) { return s.markers(ctx) }
