//go:build linux && amd64

package embedded

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"unsafe"
)

// statement is one request: its text and everything that it wants to be true while it runs.
type statement struct {
	call
	database string            // empty means "default"
	settings map[string]string // beyond the profile's
	data     *os.File          // of an INSERT; closed when the engine is through with it
}

// enough is how much of a result is collected before the connection is kept for its rest, in bytes. What is smaller
// holds no connection while the reader reads, so that a loop over rows may run further statements.
const enough = 8 << 20

// answer is a result to be read once and closed.
type answer struct {
	io.ReadCloser
	length int64 // -1 when it is not known yet
}

// do runs a statement. When ctx ends first, it returns ctx's error at once and the statement is killed behind it.
func (e *Engine) do(ctx context.Context, st *statement) (*answer, error) {
	if st.database == "" {
		st.database = defaultDatabase
	}
	s, err := e.acquire(ctx, st)
	if err != nil {
		st.closeData()
		return nil, err
	}
	tag := strconv.FormatUint(e.tags.Add(1), 10)
	st.sql = comment(tag) + st.sql

	type outcome struct {
		answer *answer
		err    error
	}
	result := make(chan outcome)
	left, ended := make(chan struct{}), make(chan struct{})
	go func() {
		a, err := e.execute(ctx, s, st, tag)
		close(ended)
		select {
		case result <- outcome{a, err}:
		case <-left:
			if a != nil {
				_ = a.Close()
			}
		}
	}()
	select {
	case o := <-result:
		return o.answer, o.err
	case <-ctx.Done():
		close(left)
		go e.killUntil(tag, ended)
		return nil, ctx.Err()
	}
}

// execute runs the statement on the connection and gives that back, unless the answer still needs it.
func (e *Engine) execute(ctx context.Context, s *session, st *statement, tag string) (_ *answer, err error) {
	kept := false
	defer func() {
		st.closeData()
		if !kept {
			e.release(s)
			e.trim.after(e)
		}
	}()
	if err := e.prepare(s, st); err != nil {
		return nil, err
	}
	if reads(st.sql) {
		result := st.run(e.lib.stream, s.conn)
		if result == nil {
			return nil, &queryError{text: "the engine gave no result"}
		}
		text := e.lib.resultError(result)
		if text == "" {
			var a *answer
			a, kept, err = e.collect(ctx, s, result, tag)
			return a, err
		}
		e.lib.destroy(result)
		if !strings.Contains(text, "Streaming query is not supported") {
			return nil, newQueryError(text)
		}
	}
	if spoils(st.sql) {
		s.spoiled = true
	}
	out, err := e.lib.appendResult(nil, st.run(e.lib.query, s.conn))
	if err != nil {
		return nil, err
	}
	return whole(out), nil
}

func whole(out []byte) *answer {
	return &answer{io.NopCloser(bytes.NewReader(out)), int64(len(out))}
}

// collect takes the result's pieces until its end. A big one is handed out unfinished, if one of the few places for
// that is free: with all connections held by results that are being read, a reader that runs a further statement
// would wait for ever.
func (e *Engine) collect(ctx context.Context, s *session, result unsafe.Pointer, tag string) (a *answer, kept bool, err error) {
	var out []byte
	for {
		had := len(out)
		if out, err = e.lib.appendResult(out, e.lib.fetch(*(*unsafe.Pointer)(s.conn), result)); err != nil {
			e.lib.destroy(result)
			return nil, false, err
		}
		if len(out) == had {
			e.lib.destroy(result)
			return whole(out), false, nil
		}
		if len(out) < enough {
			continue
		}
		select {
		case e.streams <- struct{}{}:
			st := &stream{e: e, s: s, result: result, piece: out, ended: make(chan struct{})}
			e.mu.Lock()
			closed := e.done
			e.open[st] = struct{}{}
			e.mu.Unlock()
			if closed { // Close has already gone through the open ones
				st.abandon(ErrEngineClosed)
				return nil, true, ErrEngineClosed
			}
			st.mu.Lock()
			st.stop = context.AfterFunc(ctx, func() {
				go e.killUntil(tag, st.ended)
				st.abandon(ctx.Err())
			})
			st.mu.Unlock()
			return &answer{st, -1}, true, nil
		default:
		}
	}
}

// stream is a result that the engine makes while it is read.
type stream struct {
	e      *Engine
	s      *session
	result unsafe.Pointer
	stop   func() bool   // forgets the context
	ended  chan struct{} // closed when the connection is free

	mu    sync.Mutex
	piece []byte
	err   error // of every later Read; nil while there is more
}

// Read implements [io.Reader]. An error of the engine in the middle comes as ClickHouse's framed exception in the data,
// the form in which an HTTP server sends it after its status line.
func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.piece) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		piece, err := s.e.lib.appendResult(s.piece[:0], s.e.lib.fetch(*(*unsafe.Pointer)(s.s.conn), s.result))
		s.piece = piece
		switch {
		case err != nil:
			s.piece = framed(err)
			s.finish(io.EOF)
		case len(piece) == 0:
			s.finish(io.EOF)
		}
	}
	n := copy(p, s.piece)
	s.piece = s.piece[n:]
	return n, nil
}

// Close ends the statement if it still runs. It returns nil.
func (s *stream) Close() error {
	s.abandon(io.ErrClosedPipe)
	return nil
}

// abandon stops the statement; later reads get the cause.
func (s *stream) abandon(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.piece = nil
	if s.err != nil {
		return
	}
	s.e.lib.cancel(*(*unsafe.Pointer)(s.s.conn), s.result)
	s.finish(cause)
}

// finish gives everything back; s.mu is held.
func (s *stream) finish(err error) {
	s.err = err
	s.e.lib.destroy(s.result)
	if s.stop != nil {
		s.stop()
	}
	s.e.mu.Lock()
	delete(s.e.open, s)
	s.e.mu.Unlock()
	<-s.e.streams
	s.e.release(s.s)
	close(s.ended)
	s.e.trim.after(s.e)
}

// framed renders an error as the exception block that ends a broken result.
func framed(err error) []byte {
	tag := rand.Text()[:16]
	return fmt.Appendf(nil, "\r\n__exception__\r\n%s\r\n%s\n%d %s\r\n__exception__\r\n", tag, err, len(err.Error())+1, tag)
}

func (st *statement) closeData() {
	if st.data != nil {
		_ = st.data.Close()
		st.data = nil
	}
}

// asQueryError gives the engine's own error in err's chain.
func asQueryError(err error) (*queryError, bool) {
	var q *queryError
	ok := errors.As(err, &q)
	return q, ok
}
