//go:build linux && amd64

package embedded

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"enishi"
)

// Engine is an open data directory. Its methods may be called from any goroutine.
type Engine struct {
	log  *slog.Logger
	lib  *library
	args []string // of each connect

	slots   chan struct{} // one token per statement that runs
	streams chan struct{} // one token per result that is handed out while the engine still makes it
	closing chan struct{}
	tags    atomic.Uint64

	mu   sync.Mutex
	idle []*session
	open map[*stream]struct{} // handed out and not yet ended
	done bool

	control sync.Mutex // guards killer
	killer  unsafe.Pointer

	trim trimmer
}

// OpenEngine checks and loads the library and opens the directory, which nobody else may have open. It takes about
// 60 ms plus what the directory's tables need, and 2 s more when the library has to be hashed (once per copy of the
// file). It sets the process's umask to 077: the engine makes its files with the mode it is given. Errors that a person
// can do something about are [enishi.Error].
func OpenEngine(cfg EngineConfig) (*Engine, error) {
	path, err := FindLibrary(cfg.Library)
	if err != nil {
		return nil, err
	}
	if err := checkLibrary(path, librarySHA256); err != nil {
		return nil, err
	}
	dir, err := prepareDir(cfg)
	if err != nil {
		return nil, fmt.Errorf("open the engine: %w", err)
	}
	lib, err := loadLibrary(path)
	if err != nil {
		return nil, err
	}
	conns := cfg.Conns
	if conns <= 0 {
		conns = 4
	}
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	e := &Engine{
		log: log.With("component", "engine"), lib: lib,
		args:  []string{"clickhouse", "--path=" + dir, "--config-file=" + filepath.Join(dir, configFile)},
		slots: make(chan struct{}, conns), streams: make(chan struct{}, max(1, conns-2)),
		closing: make(chan struct{}), open: map[*stream]struct{}{},
	}
	if e.killer = lib.open(e.args); e.killer == nil {
		return nil, &enishi.Error{Code: enishi.Unavailable,
			Msg: fmt.Sprintf("the engine refused to open %s; its reason stands above on stderr"+
				" (this process may have another directory open)", dir),
			MsgJA: fmt.Sprintf("エンジンが %s を開けませんでした。理由は標準エラー出力を見てください", dir)}
	}
	for range conns {
		s, err := e.connect()
		if err != nil {
			return nil, errors.Join(err, e.Close())
		}
		e.idle = append(e.idle, s)
	}
	if err := e.checkInForce(); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// prepareDir makes the directory, refuses one that is in use, and writes the configuration.
func prepareDir(cfg EngineConfig) (dir string, err error) {
	if cfg.Dir == "" {
		return "", errors.New("no directory given")
	}
	// Absolute, because the engine fails inserts with code 107 under a relative one.
	if dir, err = filepath.Abs(cfg.Dir); err != nil {
		return "", err
	}
	unix.Umask(0o077)
	// Without the metadata folder DROP TABLE ... SYNC hangs for ever in the first run on a new directory.
	for _, d := range []string{dir, filepath.Join(dir, "metadata"), filepath.Join(dir, backupDir)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return "", err
		}
	}
	if err := checkUnlocked(filepath.Join(dir, "status")); err != nil {
		return "", err
	}
	memory := cfg.MaxMemory
	if memory <= 0 {
		memory = defaultMemory()
	}
	return dir, writeConfig(dir, memory)
}

// checkUnlocked says plainly what the library would only print: somebody has the directory. The library takes the same
// lock right after, so a race between two starts still has one winner.
func checkUnlocked(status string) error {
	f, err := os.OpenFile(status, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() // gives the lock back
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			return &enishi.Error{Code: enishi.Conflict,
				Msg:   fmt.Sprintf("%s is in use by another process; stop it or choose another directory", filepath.Dir(status)),
				MsgJA: fmt.Sprintf("%s は別のプロセスが使用中です。停止するか別のディレクトリを指定してください", filepath.Dir(status))}
		}
		return err
	}
	return nil
}

// checkInForce asks the engine whether it took the settings on which durability rests: a library that ignores one
// would lose acknowledged rows at the next power loss and nobody would know before.
func (e *Engine) checkInForce() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	out, err := e.text(ctx, "SELECT concat(name, '=', value) FROM system.merge_tree_settings UNION ALL SELECT concat('timezone=', timezone())")
	if err != nil {
		return fmt.Errorf("check the engine's settings: %w", err)
	}
	have := map[string]bool{}
	for line := range strings.Lines(out) {
		have[strings.TrimSpace(line)] = true
	}
	for _, want := range append(settingLines(durability), "timezone=UTC") {
		if !have[want] {
			return fmt.Errorf("the engine does not keep the setting %s: refusing to store anything", want)
		}
	}
	return nil
}

// Detached counts the parts that the engine has set aside, broken or unexpected: each is data that no query sees any
// more, so anything but 0 is to be alerted.
func (e *Engine) Detached(ctx context.Context) (n int, err error) {
	out, err := e.text(ctx, "SELECT count() FROM system.detached_parts")
	if err != nil {
		return 0, fmt.Errorf("count detached parts: %w", err)
	}
	if _, err := fmt.Sscan(out, &n); err != nil {
		return 0, fmt.Errorf("count detached parts: %w", err)
	}
	return n, nil
}

// text runs a statement of our own and gives its answer as tab-separated text.
func (e *Engine) text(ctx context.Context, sql string) (string, error) {
	answer, err := e.do(ctx, &statement{call: call{sql: sql, format: "TabSeparated"}})
	if err != nil {
		return "", err
	}
	defer answer.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(answer)
	return b.String(), err
}

// Close kills what runs, waits for it, and closes all connections; the directory is free then. It returns an error if
// a statement did not end within 30 s: the connections stay open in that case, since closing one under a running
// statement would crash the process.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.done {
		e.mu.Unlock()
		return nil
	}
	e.done = true
	close(e.closing)
	handedOut := make([]*stream, 0, len(e.open))
	for s := range e.open {
		handedOut = append(handedOut, s)
	}
	e.mu.Unlock()

	for _, s := range handedOut {
		go s.abandon(ErrEngineClosed)
	}
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for taken := 0; taken < cap(e.slots); {
		select {
		case e.slots <- struct{}{}:
			taken++
		case <-again.C:
			e.kill("")
		case <-deadline.C:
			return fmt.Errorf("close the engine: %d statements still run", cap(e.slots)-taken)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.idle {
		e.lib.closeConn(s.conn)
	}
	e.idle = nil
	e.control.Lock()
	defer e.control.Unlock()
	if e.killer != nil {
		e.lib.closeConn(e.killer)
		e.killer = nil
	}
	return nil
}

// xmlText escapes s for the text of an element.
func xmlText(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes everything
	return b.String()
}
