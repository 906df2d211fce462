//go:build linux && amd64

package embedded

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unsafe"
)

// session is a library connection and what it was last told.
type session struct {
	conn     unsafe.Pointer // nil when opening it failed; the next user tries again
	database string
	settings map[string]string
	spoiled  bool // holds state that cannot be told back (a SET in the statement, a temporary table): to be replaced
}

const defaultDatabase = "default"

// connect opens a connection of the pool.
func (e *Engine) connect() (*session, error) {
	conn := e.lib.open(e.args)
	if conn == nil {
		return nil, errors.New("open a connection to the engine: refused; its reason stands on stderr")
	}
	return &session{conn: conn, database: defaultDatabase}, nil
}

// acquire waits for a connection, best one that already has the wanted database and settings.
func (e *Engine) acquire(ctx context.Context, st *statement) (*session, error) {
	select {
	case <-e.closing: // first, because select is fair
		return nil, ErrEngineClosed
	default:
	}
	select {
	case e.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-e.closing:
		return nil, ErrEngineClosed
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.done {
		<-e.slots
		return nil, ErrEngineClosed
	}
	i := slices.IndexFunc(e.idle, func(s *session) bool {
		return s.database == st.database && maps.Equal(s.settings, st.settings)
	})
	if i < 0 {
		i = len(e.idle) - 1
	}
	s := e.idle[i]
	e.idle = slices.Delete(e.idle, i, i+1)
	return s, nil
}

// release gives a connection back, a fresh one instead of a spoiled one.
func (e *Engine) release(s *session) {
	if s.spoiled {
		e.lib.closeConn(s.conn)
		fresh, err := e.connect()
		if err != nil {
			e.log.Error("replace a connection", "err", err)
			fresh = &session{}
		}
		s = fresh
	}
	e.mu.Lock()
	e.idle = append(e.idle, s)
	e.mu.Unlock()
	<-e.slots
}

// prepare gives the connection the statement's database and settings. A connection that cannot be told back (as one
// that was once made readonly) is replaced, so that the error is about this statement and not about an earlier one.
func (e *Engine) prepare(s *session, st *statement) error {
	fresh := s.database == defaultDatabase && len(s.settings) == 0
	if s.conn != nil {
		err := e.adjust(s, st)
		if err == nil || fresh {
			return err
		}
		e.lib.closeConn(s.conn)
		*s = session{}
	}
	replacement, err := e.connect()
	if err != nil {
		return err
	}
	*s = *replacement
	return e.adjust(s, st)
}

// adjust says by USE and SET what differs.
func (e *Engine) adjust(s *session, st *statement) error {
	if s.database != st.database {
		if err := e.tell(s, "USE "+quoteIdentifier(st.database)); err != nil {
			return err
		}
		s.database = st.database
	}
	if maps.Equal(s.settings, st.settings) {
		return nil
	}
	var changes []string
	for _, name := range slices.Sorted(maps.Keys(s.settings)) {
		if _, keep := st.settings[name]; !keep {
			changes = append(changes, name+" = DEFAULT")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(st.settings)) {
		if old, has := s.settings[name]; !has || old != st.settings[name] {
			changes = append(changes, name+" = "+quoteString(st.settings[name]))
		}
	}
	if err := e.tell(s, "SET "+strings.Join(changes, ", ")); err != nil {
		s.spoiled = true // who knows which of them it took
		return err
	}
	s.settings = maps.Clone(st.settings)
	return nil
}

// tell runs a statement for which there is nothing to read.
func (e *Engine) tell(s *session, sql string) error {
	_, err := e.lib.appendResult(nil, call{sql: sql, format: "Null"}.run(e.lib.query, s.conn))
	return err
}

// kill ends the statements whose text starts with the tag's comment; all of ours for the empty tag.
func (e *Engine) kill(tag string) {
	e.control.Lock()
	defer e.control.Unlock()
	if e.killer == nil {
		return
	}
	sql := fmt.Sprintf("KILL QUERY WHERE startsWith(query, %s) ASYNC", quoteString(comment(tag)))
	if _, err := e.lib.appendResult(nil, call{sql: sql, format: "Null"}.run(e.lib.query, e.killer)); err != nil {
		e.log.Warn("kill a statement", "err", err)
	}
}

// killUntil repeats the kill until the call has ended: the first may come before the engine knows the statement, and
// the engine looks at the mark only between blocks.
func (e *Engine) killUntil(tag string, ended <-chan struct{}) {
	pause := 10 * time.Millisecond
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		e.kill(tag)
		select {
		case <-ended:
			return
		case <-timer.C:
			pause = min(2*pause, time.Second)
			timer.Reset(pause)
		}
	}
}

// comment is the prefix by which a statement is found again in system.processes.
func comment(tag string) string {
	if tag == "" {
		return "/*enishi:"
	}
	return "/*enishi:" + tag + "*/ "
}

func quoteIdentifier(s string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(s) + "`"
}

func quoteString(s string) string {
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(s) + "'"
}

// words finds the first word of a statement after blanks, comments and opening brackets.
var words = regexp.MustCompile(`(?s)^(?:\s|--[^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|/\*.*?\*/|\()*([A-Za-z]+)`)

var temporary = regexp.MustCompile(`(?i)\btemporary\b`)

// firstWord gives the statement's verb in capitals; empty when there is none.
func firstWord(sql string) string {
	m := words.FindStringSubmatch(sql)
	if m == nil {
		return ""
	}
	return strings.ToUpper(m[1])
}

// reads reports whether the statement only reads, so that its result can be taken in pieces.
func reads(sql string) bool {
	switch firstWord(sql) {
	case "SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN", "CHECK":
		return true
	}
	return false
}

// spoils reports whether the statement leaves something in its connection that a server without sessions would forget.
func spoils(sql string) bool {
	switch firstWord(sql) {
	case "USE", "SET", "BEGIN", "COMMIT", "ROLLBACK":
		return true
	case "CREATE":
		return temporary.MatchString(sql)
	}
	return false
}
