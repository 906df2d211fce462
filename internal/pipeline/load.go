package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"enishi"
)

// maxIDs is how many ids stand in one statement: with 32 characters each it stays below the server's limit of 256 KiB.
const maxIDs = 5000

// idList writes ids as a set for IN: hexadecimal digits only, so nothing can leave the literal. One literal for all is read
// much faster than one for each.
func idList(ids []enishi.ID) string {
	var b strings.Builder
	b.Grow(160 + 32*len(ids))
	b.WriteString("(SELECT CAST(substring(unhex('")
	for _, id := range ids {
		b.WriteString(id.String())
	}
	fmt.Fprintf(&b, "'), number * 16 + 1, 16) AS FixedString(16)) FROM numbers(%d))", len(ids))
	return b.String()
}

// instant is a time as a literal of SQL.
func instant(t time.Time) string { return fmt.Sprintf("fromUnixTimestamp64Milli(toInt64(%d))", ms(t)) }

func numbers(list []int) string {
	text := make([]string, len(list))
	for i, n := range list {
		text[i] = strconv.Itoa(n)
	}
	return "(" + strings.Join(text, ",") + ")"
}

// Load answers a Want. Markers are read before anything else that belongs to them is asked for.
func (s *Store) Load(ctx context.Context, want Want) (Have, error) {
	var have Have
	var err error
	if len(want.Markers) > 0 {
		if have.Markers, err = s.Markers(ctx); err != nil {
			return have, err
		}
	}
	if len(want.Stored) > 0 {
		have.Stored = map[int][]enishi.ID{}
		err := s.ids(ctx, want.Stored, "1", func(partition int, id enishi.ID) {
			if _, nobody := asideOf(partition, id); !nobody {
				have.Stored[partition] = append(have.Stored[partition], id)
			}
		})
		if err != nil {
			return have, err
		}
	}
	if len(want.Aside) > 0 {
		err := s.ids(ctx, want.Aside, "profile_id >= unhex('ffffffffffff00000000000000000000')", func(partition int, id enishi.ID) {
			if a, ok := asideOf(partition, id); ok {
				have.Aside = append(have.Aside, a)
			}
		})
		if err != nil {
			return have, err
		}
	}
	if len(want.States) > 0 {
		if have.States, err = s.someStates(ctx, want.States); err != nil {
			return have, err
		}
	}
	if r := want.Range; r != nil {
		where := fmt.Sprintf("profile_id >= unhex('%02x000000000000000000000000000000')", r.From)
		if r.To < 255 {
			where += fmt.Sprintf(" AND profile_id < unhex('%02x000000000000000000000000000000')", int(r.To)+1)
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

// someStates reads states by id, a few statements at a time.
func (s *Store) someStates(ctx context.Context, want map[int][]enishi.ID) ([]State, error) {
	var lists [][]State
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	type ask struct {
		partition int
		ids       []enishi.ID
	}
	var asks []ask
	for partition, ids := range want {
		for chunk := range slices.Chunk(ids, maxIDs) {
			asks = append(asks, ask{partition, chunk})
		}
	}
	lists = make([][]State, len(asks))
	for i, a := range asks {
		g.Go(func() (err error) {
			lists[i], err = s.states(ctx, a.partition, "profile_id IN "+idList(a.ids))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(lists...), nil
}

func (s *Store) states(ctx context.Context, partition int, where string) ([]State, error) {
	rows, err := s.DB.Query(ctx, fmt.Sprintf("SELECT profile_id, version, redirect, state FROM profiles FINAL WHERE partition = %d AND %s", partition, where))
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

// ids reads which profiles have a row, of whatever version.
func (s *Store) ids(ctx context.Context, partitions []int, where string, each func(partition int, id enishi.ID)) error {
	rows, err := s.DB.Query(ctx, "SELECT partition, profile_id FROM profiles WHERE partition IN "+numbers(partitions)+" AND "+where)
	if err != nil {
		return fmt.Errorf("read which profiles are stored: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var partition uint16
		var text string
		if err := rows.Scan(&partition, &text); err != nil {
			return fmt.Errorf("read which profiles are stored: %w", err)
		}
		var id enishi.ID
		copy(id[:], text)
		each(int(partition), id)
	}
	return rows.Err()
}

func (s *Store) due(ctx context.Context, d *DueRange) ([]Due, error) {
	rows, err := s.DB.Query(ctx, fmt.Sprintf("SELECT profile_id, due_at, version FROM due FINAL WHERE partition = %d AND due_at > %s AND due_at <= %s",
		d.Partition, instant(d.After), instant(d.Until)))
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
		x.At = x.At.UTC()
		out = append(out, x)
	}
	return out, rows.Err()
}

// Markers reads all markers.
func (s *Store) Markers(ctx context.Context) (map[int]Marker, error) {
	rows, err := s.DB.Query(ctx, "SELECT partition, epoch, next_offset, identities_offset, definitions_offset, clock, is_virtual, sweeps, events FROM partitions FINAL")
	if err != nil {
		return nil, fmt.Errorf("read markers: %w", err)
	}
	defer rows.Close()
	out := map[int]Marker{}
	for rows.Next() {
		var partition uint16
		var virtual uint8
		var memory string
		var events uint64
		var m Marker
		if err := rows.Scan(&partition, &m.Epoch, &m.Next, &m.Identities, &m.Definitions, &m.Clock, &virtual, &memory, &events); err != nil {
			return nil, fmt.Errorf("read markers: %w", err)
		}
		m.Partition, m.Virtual, m.Events = int(partition), virtual == 1, int64(events)
		if m.Clock = m.Clock.UTC(); m.Clock.Equal(epochZero) {
			m.Clock = time.Time{}
		}
		if err := m.remember(memory); err != nil {
			return nil, err
		}
		out[m.Partition] = m
	}
	return out, rows.Err()
}
