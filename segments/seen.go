package segments

import (
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Seen is a query for the values that a text field, a trait (traits.NAME), a field of a list (LIST.NAME) or the names of
// traits themselves (traits) have had, the most frequent first: rows of value and count. A search narrows them to those that
// contain it, whatever the case. It reads rows as they are stored, so the counts order and are no figures. False: the field
// has no such values.
func Seen(field, search string, limit int) (query string, args []any, ok bool) {
	table, value := "people", ""
	list, name, inList := strings.Cut(field, ".")
	switch l := language().list[list]; {
	case field == "traits":
		value = "arrayJoin(mapKeys(traits))"
	case list == "traits" && name != "":
		value, args = "traits[{name:String}]", append(args, clickhouse.Named("name", name))
	case inList && l != nil:
		f := l.field(name)
		if f == nil || f.Kind != Text {
			return "", nil, false
		}
		table, value = l.table, stored(f)
	case !inList:
		f := language().scalar[field]
		if f == nil || f.derived != "" {
			return "", nil, false
		}
		switch f.Kind {
		case Text:
			value = stored(f)
		case Texts:
			value = "arrayJoin(" + stored(f) + ")"
		}
	}
	if value == "" {
		return "", nil, false
	}
	query = fmt.Sprintf("SELECT toString(%s) AS value, count() AS n FROM %s GROUP BY value HAVING value != '' AND ({search:String} = '' OR positionCaseInsensitiveUTF8(value, {search:String}) > 0) ORDER BY n DESC, value LIMIT %d",
		value, table, limit)
	return query, append(args, clickhouse.Named("search", search)), true
}

func stored(f *Field) string {
	if f.column != "" {
		return f.column
	}
	return f.Name
}
