package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
)

// errNoRow is what one returns when a query gives nothing.
var errNoRow = errors.New("no row")

// one reads the first row of a query.
func (a *API) one(ctx context.Context, query string, args []any, into ...any) error {
	found := false
	err := a.each(ctx, query, args, func(rows driver.Rows) error {
		if found {
			return nil
		}
		found = true
		return rows.Scan(into...)
	})
	if err == nil && !found {
		return errNoRow
	}
	return err
}

// each calls scan for every row of a query.
func (a *API) each(ctx context.Context, query string, args []any, scan func(rows driver.Rows) error) error {
	rows, err := a.cfg.DB.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// count reads a single number.
func (a *API) count(ctx context.Context, query string, args ...any) (int64, error) {
	var n uint64
	if err := a.one(ctx, query, args, &n); err != nil {
		return 0, fmt.Errorf("count: %w", err)
	}
	return int64(n), nil
}

// idLiteral writes an id as SQL: hexadecimal digits only, so nothing can leave the literal.
func idLiteral(id enishi.ID) string { return "toFixedString(unhex('" + id.String() + "'),16)" }

// idList writes ids for IN; an empty list fits no profile.
func idList(ids []enishi.ID) string {
	if len(ids) == 0 {
		return "(toFixedString('',16))"
	}
	var b strings.Builder
	b.WriteByte('(')
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(idLiteral(id))
	}
	b.WriteByte(')')
	return b.String()
}

// idOf reads a FixedString(16).
func idOf(s string) (id enishi.ID) {
	copy(id[:], s)
	return id
}

// known undoes the missing instant of tables.
func known(t time.Time) time.Time {
	if t.UnixMilli() <= 0 {
		return time.Time{}
	}
	return t.UTC()
}

// named binds a text.
func named(name, value string) any { return clickhouse.Named(name, value) }

// millis binds an instant as milliseconds.
func millis(name string, t time.Time) any { return clickhouse.Named(name, fmt.Sprint(t.UnixMilli())) }

const never = "toDateTime64(0, 3, 'UTC')"
