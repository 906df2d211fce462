//go:build linux && amd64

package embedded

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"github.com/ebitengine/purego"
)

// library is the part of libchdb's C interface that is used. Strings go in with their lengths, so a NUL byte is safe.
// The library copies what it is given before it returns and keeps no Go memory.
type library struct {
	connect     func(argc int32, argv **byte) unsafe.Pointer
	closeConn   func(conn unsafe.Pointer)
	query       startFunc
	stream      startFunc
	fetch       func(conn, result unsafe.Pointer) unsafe.Pointer
	cancel      func(conn, result unsafe.Pointer)
	buffer      func(result unsafe.Pointer) unsafe.Pointer
	length      func(result unsafe.Pointer) uintptr
	resultError func(result unsafe.Pointer) string
	destroy     func(result unsafe.Pointer)
}

// startFunc is chdb_query_with_params_n and its streaming twin: connection, statement, output format, then count
// parameter names and values, each string with its length.
type startFunc func(conn, sql unsafe.Pointer, sqlLen uintptr, format unsafe.Pointer, formatLen uintptr,
	names **byte, nameLens *uintptr, values **byte, valueLens *uintptr, count uintptr) unsafe.Pointer

// loadLibrary maps the library into the process. It stays there: loading it again is free and gives the same code.
func loadLibrary(path string) (lib *library, err error) {
	if err := setEngineZone(); err != nil {
		return nil, err
	}
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("load the engine library: %w", err)
	}
	defer func() {
		if missing := recover(); missing != nil {
			lib, err = nil, fmt.Errorf("load the engine library: %v", missing)
		}
	}()
	lib = new(library)
	for name, target := range map[string]any{
		"chdb_connect":                    &lib.connect,
		"chdb_close_conn":                 &lib.closeConn,
		"chdb_query_with_params_n":        &lib.query,
		"chdb_stream_query_with_params_n": &lib.stream,
		"chdb_stream_fetch_result":        &lib.fetch,
		"chdb_stream_cancel_query":        &lib.cancel,
		"chdb_result_buffer":              &lib.buffer,
		"chdb_result_length":              &lib.length,
		"chdb_result_error":               &lib.resultError,
		"chdb_destroy_query_result":       &lib.destroy,
	} {
		purego.RegisterLibFunc(target, handle, name)
	}
	return lib, nil
}

// setEngineZone makes UTC the engine's time zone. The library reads TZ from the C environment once, when it first
// needs a zone, and takes no setting for it; the Go side and child processes do not see this variable.
func setEngineZone() error {
	libc, err := purego.Dlopen("libc.so.6", purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return fmt.Errorf("set the engine's time zone: %w", err)
	}
	var setenv func(name, value string, overwrite int32) int32
	purego.RegisterLibFunc(&setenv, libc, "setenv")
	if setenv("TZ", "UTC", 1) != 0 {
		return fmt.Errorf("set the engine's time zone: setenv refused")
	}
	return nil
}

// open makes a connection; nil when the library refuses, which prints its reason to stderr.
func (l *library) open(args []string) unsafe.Pointer {
	restore := saveSignals()
	defer restore()
	argv, _ := cStrings(args)
	conn := l.connect(int32(len(args)), argv)
	runtime.KeepAlive(argv)
	return conn
}

// call is one statement's text with its bound parameters (their values in the engine's escaped text form).
type call struct {
	sql, format string
	params      map[string]string
}

// run starts a call with lib.query or lib.stream.
func (c call) run(start startFunc, conn unsafe.Pointer) unsafe.Pointer {
	names, values := make([]string, 0, len(c.params)), make([]string, 0, len(c.params))
	for name, value := range c.params {
		names, values = append(names, name), append(values, value)
	}
	sql, format := append([]byte(c.sql), 0), append([]byte(c.format), 0)
	namePtrs, nameLens := cStrings(names)
	valuePtrs, valueLens := cStrings(values)
	result := start(*(*unsafe.Pointer)(conn), unsafe.Pointer(&sql[0]), uintptr(len(c.sql)),
		unsafe.Pointer(&format[0]), uintptr(len(c.format)), namePtrs, nameLens, valuePtrs, valueLens, uintptr(len(names)))
	runtime.KeepAlive(sql)
	runtime.KeepAlive(format)
	runtime.KeepAlive(namePtrs)
	runtime.KeepAlive(nameLens)
	runtime.KeepAlive(valuePtrs)
	runtime.KeepAlive(valueLens)
	return result
}

// appendResult appends the bytes of a result and gives its error; it frees the result.
func (l *library) appendResult(out []byte, result unsafe.Pointer) ([]byte, error) {
	if result == nil {
		return out, &queryError{text: "the engine gave no result"}
	}
	defer l.destroy(result)
	if text := l.resultError(result); text != "" {
		return out, newQueryError(text)
	}
	if n := l.length(result); n > 0 {
		out = append(out, unsafe.Slice((*byte)(l.buffer(result)), n)...)
	}
	return out, nil
}

// queryError is the engine's answer to a statement that it refused or gave up.
type queryError struct {
	code string // decimal; empty when the text names none
	text string // from "Code: N." on
}

func (e *queryError) Error() string { return e.text }

func newQueryError(text string) *queryError {
	e := &queryError{text: text}
	if at := strings.Index(text, "Code: "); at >= 0 && at < 64 {
		e.text = text[at:]
		code, _, _ := strings.Cut(e.text[len("Code: "):], ".")
		if strings.Trim(code, "0123456789") == "" {
			e.code = code
		}
	}
	return e
}

// cStrings gives C arrays of the strings (NUL-terminated) and of their lengths; nil for none.
func cStrings(ss []string) (ptrs **byte, lens *uintptr) {
	if len(ss) == 0 {
		return nil, nil
	}
	p, n := make([]*byte, len(ss)+1), make([]uintptr, len(ss))
	for i, s := range ss {
		p[i], n[i] = &append([]byte(s), 0)[0], uintptr(len(s))
	}
	return &p[0], &n[0]
}

// saveSignals remembers the process's signal table and returns what puts it back. The library installs handlers for
// the deadly signals with each start, under which a nil dereference in Go would hang the process instead of printing
// its trace; its own switch for that leaves no trace at all.
func saveSignals() (restore func()) {
	type action struct { // the kernel's struct sigaction
		handler, flags, restorer uintptr
		mask                     uint64
	}
	const last = 64
	ours := func(i int) bool { return i != 32 && i != 33 } // those two are the C library's own, for its threads
	var saved [last + 1]action
	for i := 1; i <= last; i++ {
		_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(i), 0, uintptr(unsafe.Pointer(&saved[i])), 8, 0, 0)
	}
	return func() {
		for i := 1; i <= last; i++ {
			var now action
			_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(i), 0, uintptr(unsafe.Pointer(&now)), 8, 0, 0)
			if now != saved[i] && ours(i) {
				_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(i), uintptr(unsafe.Pointer(&saved[i])), 0, 8, 0, 0)
			}
		}
	}
}
