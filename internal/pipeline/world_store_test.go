package pipeline

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"enishi"
	"enishi/profiles"
)

// memory is the tables as ReplacingMergeTree with FINAL shows them: of one key the highest version stays, of equal versions
// the later.
type memory struct {
	tables  map[string]map[string]*stored
	states  map[enishi.ID]State
	due     map[enishi.ID]Due
	markers map[int]Marker
	aside   []Aside
	// unequal is told when a row of a key and version is written with other contents than before.
	unequal func(table, key, before, after string)
}

type stored struct {
	version uint64
	deleted bool
	row     string
}

func newMemory() *memory {
	return &memory{tables: map[string]map[string]*stored{}, states: map[enishi.ID]State{}, due: map[enishi.ID]Due{}, markers: map[int]Marker{}}
}

// schema is the sorting key of each table, from the golden schema.
var schema = sync.OnceValue(func() map[string][]string {
	b, err := os.ReadFile("../clickhouse/schema.sql")
	if err != nil {
		panic(err)
	}
	keys := map[string][]string{}
	for _, m := range regexp.MustCompile(`(?s)CREATE TABLE (\w+)\n\(.*?\n\)\nENGINE = [^\n]*\nORDER BY \(?([^)\n]*)`).FindAllStringSubmatch(string(b), -1) {
		keys[m[1]] = strings.Split(m[2], ", ")
	}
	return keys
})

// insert stores a table.
func (m *memory) insert(t *profiles.Table) error {
	switch t.Name {
	case "profiles":
		return m.insertStates(t)
	case "due":
		return m.insertDue(t)
	case "partitions":
		return m.insertMarkers(t)
	}
	key := schema()[t.Name]
	if key == nil {
		return fmt.Errorf("no table %s", t.Name)
	}
	if m.tables[t.Name] == nil {
		m.tables[t.Name] = map[string]*stored{}
	}
	for i := range t.Rows {
		at, s := rowOf(t, i, key)
		old := m.tables[t.Name][at]
		if old != nil && old.version == s.version && old.row != s.row && m.unequal != nil {
			m.unequal(t.Name, at, old.row, s.row)
		}
		if old == nil || s.version >= old.version {
			m.tables[t.Name][at] = s
		}
	}
	return nil
}

// rowOf is a row's key and contents.
func rowOf(t *profiles.Table, i int, key []string) (string, *stored) {
	s := &stored{}
	var row, at bytes.Buffer
	for c, name := range t.Columns {
		from := row.Len()
		switch v := t.Cols[c].(type) {
		case []uint64:
			if name == "version" {
				s.version = v[i]
				continue
			}
			fmt.Fprint(&row, v[i])
		case []uint8:
			if name == "is_deleted" {
				s.deleted = v[i] == 1
				continue
			}
			fmt.Fprint(&row, v[i])
		case []string:
			if strings.HasSuffix(name, "_id") || name == "subject" || name == "record" {
				fmt.Fprintf(&row, "%x", v[i])
			} else {
				row.WriteString(v[i])
			}
		case []enishi.ID:
			row.WriteString(v[i].String())
		case []int64:
			if t.Name == "outcomes" && name == "at" {
				s.version = uint64(v[i])
				continue
			}
			fmt.Fprint(&row, v[i])
		case []uint16:
			fmt.Fprint(&row, v[i])
		case []uint32:
			fmt.Fprint(&row, v[i])
		case []time.Time:
			fmt.Fprint(&row, v[i].UnixMilli())
		case []map[string]string:
			fmt.Fprint(&row, v[i])
		case []map[string]float64:
			fmt.Fprint(&row, v[i])
		case [][]string:
			fmt.Fprint(&row, v[i])
		default:
			panic(fmt.Sprintf("column %s.%s is a %T", t.Name, name, v))
		}
		if slices.Contains(key, name) {
			at.Write(row.Bytes()[from:])
			at.WriteByte('|')
		}
		row.WriteByte('|')
	}
	s.row = row.String()
	return at.String(), s
}

func (m *memory) insertStates(t *profiles.Table) error {
	for i := range t.Rows {
		if a, ok := asideOf(int(t.Cols[0].([]uint16)[i]), t.Cols[1].([]enishi.ID)[i]); ok {
			m.aside = append(m.aside, a)
			continue
		}
		s := State{Partition: int(t.Cols[0].([]uint16)[i]), ID: t.Cols[1].([]enishi.ID)[i], Version: t.Cols[2].([]uint64)[i], Redirect: t.Cols[3].([]enishi.ID)[i],
			Bytes: strings.Clone(t.Cols[4].([]string)[i])}
		old, ok := m.states[s.ID]
		if ok && old.Version == s.Version && old.Bytes != s.Bytes && m.unequal != nil {
			m.unequal(t.Name, s.ID.String(), old.Bytes, s.Bytes)
		}
		if !ok || s.Version >= old.Version {
			m.states[s.ID] = s
		}
	}
	return nil
}

func (m *memory) insertDue(t *profiles.Table) error {
	for i := range t.Rows {
		d := Due{Partition: int(t.Cols[0].([]uint16)[i]), ID: t.Cols[1].([]enishi.ID)[i], Version: t.Cols[3].([]uint64)[i]}
		if at := t.Cols[2].([]int64)[i]; at != 0 {
			d.At = time.UnixMilli(at).UTC()
		}
		if old, ok := m.due[d.ID]; !ok || d.Version >= old.Version {
			m.due[d.ID] = d
		}
	}
	return nil
}

func (m *memory) insertMarkers(t *profiles.Table) error {
	for i := range t.Rows {
		whole := func(c int) int64 { return t.Cols[c].([]int64)[i] }
		x := Marker{Partition: int(t.Cols[0].([]uint16)[i]), Epoch: t.Cols[2].([]uint16)[i], Next: whole(3), Identities: whole(4), Definitions: whole(5),
			Virtual: t.Cols[7].([]uint8)[i] == 1, Events: int64(t.Cols[9].([]uint64)[i])}
		if at := whole(6); at != 0 {
			x.Clock = time.UnixMilli(at).UTC()
		}
		if err := x.remember(t.Cols[8].([]string)[i]); err != nil {
			return err
		}
		old, ok := m.markers[x.Partition]
		if !ok || Version(x.Epoch, x.Next) >= Version(old.Epoch, old.Next) {
			m.markers[x.Partition] = x
		}
	}
	return nil
}

func (m *memory) load(want Want) Have {
	have := Have{Markers: map[int]Marker{}, Stored: map[int][]enishi.ID{}}
	for _, a := range m.aside {
		if slices.Contains(want.Aside, a.Partition) {
			have.Aside = append(have.Aside, a)
		}
	}
	for _, n := range want.Markers {
		if x, ok := m.markers[n]; ok {
			have.Markers[n] = x
		}
	}
	for id, s := range m.states {
		if slices.Contains(want.Stored, s.Partition) {
			have.Stored[s.Partition] = append(have.Stored[s.Partition], id)
		}
		if r := want.Range; r != nil && s.Partition == r.Partition && id.Bucket() >= r.From && id.Bucket() <= r.To {
			have.States = append(have.States, s)
		}
	}
	for _, ids := range want.States {
		for _, id := range ids {
			if s, ok := m.states[id]; ok {
				have.States = append(have.States, s)
			}
		}
	}
	if r := want.Due; r != nil {
		for _, d := range m.due {
			if d.Partition == r.Partition && !d.At.IsZero() && d.At.After(r.After) && !d.At.After(r.Until) {
				have.Due = append(have.Due, d)
			}
		}
	}
	return have
}

// erase deletes raw rows.
func (m *memory) erase(list []Erasure) {
	for _, name := range []string{"events", "decisions"} {
		for key, s := range m.tables[name] {
			for _, x := range list {
				// Both have the subject first; of an event the time of appending is the fifth column, of a decision the fifth too.
				f := strings.Split(s.row, "|")
				if f[0] == x.Subject.String() && f[4] <= fmt.Sprint(x.Until.UnixMilli()) {
					delete(m.tables[name], key)
				}
			}
		}
	}
}

// write is Save in a world where each insert is a call of its own.
func (n *node) write(r *Rows) error {
	insert := func(tables []profiles.Table) error {
		for _, i := range n.w.rnd.Perm(len(tables)) {
			var failed error
			if err := n.call(func() { failed = n.w.store.insert(&tables[i]) }); err != nil {
				return err
			}
			if failed != nil {
				panic(failed)
			}
		}
		return nil
	}
	return r.write(n.w.now, insert, func() error { return n.call(func() { n.w.store.erase(r.Erased) }) })
}
