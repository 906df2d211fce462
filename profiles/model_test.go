package profiles

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// row is the values of a row by column, without version and is_deleted.
type row map[string]string

// model is the fact tables as ReplacingMergeTree(version, is_deleted) with FINAL shows them. Keys and columns are those of
// the schema.
type model struct {
	t      rapid.TB
	keys   map[string][]string
	types  map[string]map[string]string
	tables map[string]map[string]stored
}

type stored struct {
	version uint64
	deleted bool
	row     row
}

var (
	createTable = regexp.MustCompile(`(?s)CREATE TABLE (\w+)\n\((.*?)\n\)\nENGINE = [^\n]*\nORDER BY \(?([^)\n]*)\)?`)
	columnDef   = regexp.MustCompile("(?m)^    `(\\w+)` ([^`\\n]+?)(?: CODEC.*)?,?$")
)

func newModel(t rapid.TB) *model {
	t.Helper()
	b, err := os.ReadFile("../internal/clickhouse/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	m := &model{t: t, keys: map[string][]string{}, types: map[string]map[string]string{}, tables: map[string]map[string]stored{}}
	for _, x := range createTable.FindAllStringSubmatch(string(b), -1) {
		m.keys[x[1]] = strings.Split(x[3], ", ")
		m.types[x[1]] = map[string]string{}
		for _, c := range columnDef.FindAllStringSubmatch(x[2], -1) {
			m.types[x[1]][c[1]] = c[2]
		}
	}
	return m
}

// insert stores rows: of one key the highest version stays, of equal ones the later.
func (m *model) insert(tables []Table) {
	m.t.Helper()
	for _, table := range tables {
		if m.keys[table.Name] == nil {
			m.t.Fatalf("the schema has no table %s", table.Name)
		}
		if m.tables[table.Name] == nil {
			m.tables[table.Name] = map[string]stored{}
		}
		for i := range table.Rows {
			var s stored
			s.row = row{}
			for c, name := range table.Columns {
				v := reflect.ValueOf(table.Cols[c]).Index(i).Interface()
				switch name {
				case "version":
					s.version = v.(uint64)
				case "is_deleted":
					s.deleted = v.(uint8) == 1
				default:
					s.row[name] = fmt.Sprintf("%x", v)
					if !strings.HasSuffix(name, "_id") && name != "subject" {
						s.row[name] = fmt.Sprint(v)
					}
				}
			}
			var key []string
			for _, k := range m.keys[table.Name] {
				key = append(key, s.row[k])
			}
			at := strings.Join(key, "|")
			if old, ok := m.tables[table.Name][at]; !ok || s.version >= old.version {
				m.tables[table.Name][at] = s
			}
		}
	}
}

// live are the rows that are there.
func (m *model) live() map[string]map[string]row {
	out := map[string]map[string]row{}
	for name, rows := range m.tables {
		for key, s := range rows {
			if !s.deleted {
				if out[name] == nil {
					out[name] = map[string]row{}
				}
				out[name][key] = s.row
			}
		}
	}
	return out
}

// kindOf is the Go slice that holds a column type.
func kindOf(columnType string) string {
	switch {
	case strings.HasPrefix(columnType, "Map(LowCardinality(String), String"):
		return "[]map[string]string"
	case strings.HasPrefix(columnType, "Map(LowCardinality(String), Float64"):
		return "[]map[string]float64"
	case strings.HasPrefix(columnType, "Array("):
		return "[][]string"
	case strings.HasPrefix(columnType, "DateTime64("):
		return "[]int64"
	case columnType == "UInt8", columnType == "UInt32", columnType == "UInt64", columnType == "Int64":
		return "[]" + strings.ToLower(columnType)
	}
	return "[]string"
}

// TestFactsFitTheSchema holds the columns of the fact tables to those of the migration, names and types.
func TestFactsFitTheSchema(t *testing.T) {
	m := newModel(t)
	for _, table := range NewFacts().all() {
		types := m.types[table.name]
		if len(types) == 0 {
			t.Errorf("the schema has no table %s", table.name)
			continue
		}
		for i, name := range table.names {
			got := reflect.TypeOf(table.cols[i]).Elem().String()
			if types[name] == "" {
				t.Errorf("table %s has no column %s", table.name, name)
			} else if want := kindOf(types[name]); want != got {
				t.Errorf("column %s.%s is %s: want %s, have %s", table.name, name, types[name], want, got)
			}
		}
		for name := range types {
			if !slices.Contains(table.names, name) {
				t.Errorf("column %s.%s is not written", table.name, name)
			}
		}
	}
}
