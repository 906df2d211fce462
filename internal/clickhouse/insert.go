package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/cenkalti/backoff/v5"

	"enishi"
)

// Insert stores n rows given as one Go slice per column, in the order of columns: []uint64, []string, []time.Time or
// []int64 (milliseconds) for DateTime64(3), []enishi.ID or []string of 16 bytes for FixedString(16), and so on (what clickhouse-go's
// Column.Append takes). Each slice has n elements; no rows are no error. It returns when the rows are stored, as one
// part per partition up to about a million rows. What ClickHouse calls temporary is repeated with growing pauses until
// ctx ends, then the error wraps both; anything else is returned at once. A repeat may store rows twice: the table's
// key collapses them.
func (db *DB) Insert(ctx context.Context, table string, columns []string, n int, cols ...any) error {
	if err := checkColumns(columns, n, cols); err != nil {
		return fmt.Errorf("insert into %s: %w", table, err)
	}
	if n == 0 {
		return nil
	}
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 50*time.Millisecond, 5*time.Second
	var last error
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		last = db.insert(ctx, table, columns, cols)
		if last != nil && !Temporary(last) {
			return struct{}{}, backoff.Permanent(last)
		}
		return struct{}{}, last
	}, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(0), backoff.WithNotify(func(err error, after time.Duration) {
		db.log.Warn("insert is repeated", "table", table, "rows", n, "after", after, "err", err)
	}))
	if err == nil {
		return nil
	}
	if last != nil && !errors.Is(err, last) {
		err = errors.Join(err, last)
	}
	return fmt.Errorf("insert into %s: %w", table, err)
}

// checkColumns refuses what would give a torn block.
func checkColumns(columns []string, n int, cols []any) error {
	if len(columns) != len(cols) {
		return fmt.Errorf("%d column names for %d columns", len(columns), len(cols))
	}
	for i, col := range cols {
		v := reflect.ValueOf(col)
		if v.Kind() != reflect.Slice {
			return fmt.Errorf("column %s is a %T, not a slice", columns[i], col)
		}
		if v.Len() != n {
			return fmt.Errorf("column %s has %d rows of %d", columns[i], v.Len(), n)
		}
	}
	return nil
}

func (db *DB) insert(ctx context.Context, table string, columns []string, cols []any) (err error) {
	described, err := db.describe(ctx, table, columns)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && !Temporary(err) {
			db.forget(table) // the table may have changed
		}
	}()
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = quote(c)
	}
	batch, err := db.conn.PrepareBatch(
		clickhouse.Context(ctx, clickhouse.WithColumnNamesAndTypes(described)),
		fmt.Sprintf("INSERT INTO %s (%s)", quote(table), strings.Join(quoted, ", ")))
	if err != nil {
		return err
	}
	defer batch.Close()
	for i, col := range cols {
		if texts, ok := col.([]string); ok && strings.HasPrefix(described[i].Type, "LowCardinality(") {
			err = appendRepeating(batch.Column(i), texts)
		} else {
			err = batch.Column(i).Append(appendable(col))
		}
		if err != nil {
			return fmt.Errorf("column %s: %w", columns[i], err)
		}
	}
	return batch.Send()
}

// appendRepeating appends texts of which there are few different ones. The driver takes each value of such a column as an
// interface, which it would allocate for every row.
func appendRepeating(to driver.BatchColumn, texts []string) error {
	boxes := map[string]any{}
	var box any
	for i, text := range texts {
		if i == 0 || text != texts[i-1] {
			var known bool
			if box, known = boxes[text]; !known {
				box = text
				boxes[text] = box
			}
		}
		if err := to.AppendRow(box); err != nil {
			return err
		}
	}
	return nil
}

// appendable turns what the driver does not take into what it does: ids into texts of 16 bytes (sharing their memory), and
// the zero time, which the driver takes for the year 1, into 1970, which the tables mean by "missing".
func appendable(col any) any {
	switch col := col.(type) {
	case []enishi.ID:
		out := make([]string, len(col))
		for i := range col {
			out[i] = unsafe.String(&col[i][0], len(col[i]))
		}
		return out
	case []time.Time:
		for i := range col {
			if col[i].IsZero() {
				out := slices.Clone(col)
				for j := i; j < len(out); j++ {
					if out[j].IsZero() {
						out[j] = time.Unix(0, 0).UTC()
					}
				}
				return out
			}
		}
	}
	return col
}

// describe gives the types of the columns. They are remembered, because the driver would ask for them with every insert;
// a column that is not among them makes it ask again.
func (db *DB) describe(ctx context.Context, table string, columns []string) ([]clickhouse.ColumnNameAndType, error) {
	db.mu.Lock()
	types := db.types[table]
	db.mu.Unlock()
	unknown := func(c string) bool { _, ok := types[c]; return !ok }
	if slices.ContainsFunc(columns, unknown) {
		var err error
		if types, err = db.columnTypes(ctx, table); err != nil {
			return nil, fmt.Errorf("read its columns: %w", err)
		}
		if len(types) == 0 {
			return nil, fmt.Errorf("database %s has no table %s", db.database, table)
		}
		if i := slices.IndexFunc(columns, unknown); i >= 0 {
			return nil, fmt.Errorf("no column %s", columns[i])
		}
		db.mu.Lock()
		db.types[table] = types
		db.mu.Unlock()
	}
	described := make([]clickhouse.ColumnNameAndType, len(columns))
	for i, c := range columns {
		described[i] = clickhouse.ColumnNameAndType{Name: c, Type: types[c]}
	}
	return described, nil
}

// columnTypes asks for the columns of a table and their types; none when there is no such table.
func (db *DB) columnTypes(ctx context.Context, table string) (map[string]string, error) {
	rows, err := db.conn.Query(ctx, "SELECT name, type FROM system.columns WHERE database = {db:String} AND table = {table:String}",
		clickhouse.Named("db", db.database), clickhouse.Named("table", table))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types := map[string]string{}
	for rows.Next() {
		var name, kind string
		if err := rows.Scan(&name, &kind); err != nil {
			return nil, err
		}
		types[name] = kind
	}
	return types, rows.Err()
}

func (db *DB) forget(table string) {
	db.mu.Lock()
	delete(db.types, table)
	db.mu.Unlock()
}

// temporaryCodes are the refusals that end by themselves, or when somebody frees memory, disk or a network.
var temporaryCodes = []int32{
	159, // TIMEOUT_EXCEEDED
	202, // TOO_MANY_SIMULTANEOUS_QUERIES
	203, // NO_FREE_CONNECTION
	209, // SOCKET_TIMEOUT
	210, // NETWORK_ERROR
	236, // ABORTED: the server is stopping
	241, // MEMORY_LIMIT_EXCEEDED
	242, // TABLE_IS_READ_ONLY: it has lost its Keeper
	243, // NOT_ENOUGH_SPACE
	75,  // CANNOT_WRITE_TO_FILE_DESCRIPTOR: the disk became full in the middle
	252, // TOO_MANY_PARTS
	279, // ALL_CONNECTION_TRIES_FAILED
	285, // TOO_FEW_LIVE_REPLICAS
	286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
	319, // UNKNOWN_STATUS_OF_INSERT
	999, // KEEPER_EXCEPTION
}

// idleClosed is what net/http says, by an error without a name, of a kept connection that the server closed.
const idleClosed = "server closed idle connection"

// Temporary reports whether the same statement may succeed later without anybody changing it: ClickHouse says so, the
// server cannot be reached, or the connection broke. A timeout on the way looks like the end of the caller's context, so
// ask the context first.
func Temporary(err error) bool {
	var refused *clickhouse.Exception
	if errors.As(err, &refused) {
		return slices.Contains(temporaryCodes, refused.Code)
	}
	if errors.Is(err, context.Canceled) {
		return false
	}
	var status *clickhouse.HTTPError
	if errors.As(err, &status) {
		switch status.StatusCode {
		case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable,
			http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	var timeout net.Error
	var op *net.OpError // no way there, or the connection broke
	if errors.As(err, &op) || strings.Contains(err.Error(), idleClosed) {
		return true
	}
	return errors.As(err, &timeout) && timeout.Timeout() ||
		errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, clickhouse.ErrAcquireConnTimeout)
}
