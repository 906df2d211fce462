//go:build linux && amd64

package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
	"golang.org/x/sys/unix"
)

// RoundTrip answers a request to ClickHouse's HTTP interface in process: give the engine to clickhouse-go as its
// transport. URL parameters are the statement (query, else the body is it), the database, bound parameters (param_*)
// and settings, all for this request only. A refusal by the engine is a response with status 500 and ClickHouse's code
// in X-ClickHouse-Exception-Code; an error is returned only for a request that ended (its context, or the engine
// closed). Not there: sessions, external tables, compression.
func (e *Engine) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	a, err := e.serve(req)
	if err != nil && (errors.Is(err, ErrEngineClosed) || req.Context().Err() != nil) {
		return nil, err
	}
	header, status := http.Header{}, http.StatusOK
	if err != nil {
		status, a = http.StatusInternalServerError, whole([]byte(err.Error()))
		var refused badRequest
		if errors.As(err, &refused) {
			status = http.StatusBadRequest
		}
		if q, ok := asQueryError(err); ok && q.code != "" {
			header.Set("X-ClickHouse-Exception-Code", q.code)
		}
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Request: req, ContentLength: a.length, Body: a,
	}, nil
}

// badRequest is what is wrong with a request before the engine sees it.
type badRequest string

func (b badRequest) Error() string { return string(b) }

// handshake is the beginning of clickhouse-go's first statement on a connection.
const handshake = "SELECT displayName(), version(), revision()"

func (e *Engine) serve(req *http.Request) (*answer, error) {
	if encoding := req.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, badRequest("the embedded engine takes no compressed requests")
	}
	if strings.HasPrefix(req.Header.Get("Content-Type"), "multipart/") {
		return nil, badRequest("the embedded engine takes no external tables")
	}
	st, err := parse(req)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(st.sql, handshake) {
		return hello()
	}
	if strings.TrimSpace(st.sql) == "" { // the library would call it a success
		return nil, newQueryError("Code: 62. DB::Exception: Empty query. (SYNTAX_ERROR)")
	}
	return e.do(req.Context(), st)
}

// notSettings are the URL parameters that are about the request itself.
var notSettings = []string{
	"query", "database", "default_format", "client_protocol_version", "query_id", "quota_key", "user", "password",
	"wait_end_of_query", "buffer_size", "http_write_exception_in_output_format",
}

var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parse reads the request. The block of an INSERT goes through a file in memory, because the engine takes inline data
// only up to its first newline byte; everything else is text.
func parse(req *http.Request) (*statement, error) {
	q := req.URL.Query()
	st := &statement{call: call{sql: q.Get("query"), format: "TabSeparated"}, database: q.Get("database")}
	if format := q.Get("default_format"); format != "" {
		st.format = format
	}
	if err := st.options(q); err != nil {
		return nil, err
	}
	// clickhouse-go turns a deadline into this setting as well, another value each time. The context ends the statement
	// earlier, and a connection with the right settings is used again without a SET.
	if deadline, ok := req.Context().Deadline(); ok {
		seconds, err := strconv.ParseFloat(st.settings["max_execution_time"], 64)
		if err == nil && seconds >= time.Until(deadline).Seconds() {
			delete(st.settings, "max_execution_time")
		}
	}
	if st.sql != "" && req.Body != nil && firstWord(st.sql) == "INSERT" {
		if m := insertFormat.FindStringSubmatchIndex(st.sql); m != nil {
			settings := ""
			if m[2] >= 0 {
				settings = st.sql[m[2]:m[3]]
			}
			return st, st.takeData(req.Body, st.sql[:m[0]], settings, st.sql[m[4]:m[5]])
		}
	}
	if req.Body == nil {
		return st, nil
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, fmt.Errorf("read the statement: %w", err)
	}
	switch {
	case st.sql == "":
		st.sql = string(body)
	case len(body) > 0:
		st.sql += "\n" + string(body)
	}
	return st, nil
}

// options takes the bound parameters and the settings out of the URL.
func (st *statement) options(q url.Values) error {
	for _, name := range slices.Sorted(maps.Keys(q)) {
		value := q.Get(name)
		param, isParam := strings.CutPrefix(name, "param_")
		switch {
		case isParam:
			if st.params == nil {
				st.params = map[string]string{}
			}
			st.params[param] = value
		case slices.Contains(notSettings, name):
		case name == "compress" || name == "decompress":
			if value != "0" && value != "" {
				return badRequest("the embedded engine does not compress")
			}
		case name == "session_id" || name == "role":
			return badRequest("the embedded engine has no " + name)
		case !settingName.MatchString(name):
			return badRequest(fmt.Sprintf("%q is no setting", name))
		default:
			if st.settings == nil {
				st.settings = map[string]string{}
			}
			st.settings[name] = value
		}
	}
	return nil
}

// insertFormat finds the end of an INSERT whose rows follow: its SETTINGS, if any, and the name of the format.
var insertFormat = regexp.MustCompile(`(?is)(\bSETTINGS\s+\w+\s*=.*?)?\bFORMAT\s+(\w+)\s*;?\s*$`)

// takeData makes the statement read its rows from a file in memory that holds the body.
func (st *statement) takeData(body io.Reader, insert, settings, format string) error {
	fd, err := unix.MemfdCreate("insert", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("take an insert's rows: %w", err)
	}
	st.data = os.NewFile(uintptr(fd), "insert")
	if _, err := io.Copy(st.data, body); err != nil {
		st.closeData()
		return fmt.Errorf("take an insert's rows: %w", err)
	}
	st.sql = fmt.Sprintf("%s FROM INFILE '/proc/self/fd/%d' COMPRESSION 'none' %s FORMAT %s", insert, fd, settings, format)
	return nil
}

// hello answers the handshake with revision 0, so that clickhouse-go reads every later answer as plain FORMAT Native.
func hello() (*answer, error) {
	var b proto.Block
	for _, c := range []struct{ name, kind string }{{"n", "String"}, {"v", "String"}, {"r", "UInt32"}, {"tz", "String"}} {
		if err := b.AddColumn(c.name, column.Type(c.kind)); err != nil {
			return nil, fmt.Errorf("answer the handshake: %w", err)
		}
	}
	if err := b.Append("enishi", serverVersion, uint32(0), "UTC"); err != nil {
		return nil, fmt.Errorf("answer the handshake: %w", err)
	}
	buf := new(chproto.Buffer)
	if err := b.Encode(buf, clickhouse.ClientTCPProtocolVersion); err != nil {
		return nil, fmt.Errorf("answer the handshake: %w", err)
	}
	return &answer{io.NopCloser(bytes.NewReader(buf.Buf)), int64(len(buf.Buf))}, nil
}

// serverVersion is what SELECT version() gives for [LibraryVersion].
const serverVersion = "26.5.1.1"
