// Package embedded runs the two servers of Enishi inside its own process. This part is ClickHouse: [OpenEngine] loads
// libchdb (no cgo) and answers clickhouse-go's HTTP requests as an [net/http.RoundTripper], so that the rest of the code
// knows one client and no second way to the data.
//
// What it owns: one data directory, held by one process at a time (the library locks DIR/status), a few library
// connections that each run one statement at a time, and one more that is kept for KILL.
//
// Invariants:
//   - An acknowledged INSERT is on the disk, also after power loss: the settings for that stand in DIR/enishi.xml, which
//     is written anew at each start, and OpenEngine refuses to go on unless the engine reports them in force.
//   - A statement sees the database and the settings of its own request only. A connection remembers what it was last
//     told by USE and SET and is told the difference; what cannot be told back replaces the connection.
//   - A cancelled context returns at once; the statement is killed behind it and its connection comes back when the
//     engine has let go. Whether a cancelled INSERT was applied is unknown, as with any server.
//   - The clock of the engine is UTC whatever the machine's zone is, because the handshake says so.
//
// On a crash nothing needs repair: parts are renamed into place when they are complete. What is broken after a power
// loss is set aside by the engine, is counted by [Engine.Detached] and has to raise an alert.
//
// One process can have one data directory open at a time; after Close another one can be opened.
package embedded

import (
	"errors"
	"log/slog"
)

// EngineConfig says which directory to open and how much the engine may use.
type EngineConfig struct {
	// Dir is the data directory. It is created with mode 0700.
	Dir string
	// Library is the path of libchdb.so; empty: see [FindLibrary].
	Library string
	// Conns is how many statements run at once; 0 means 4, which was the fastest on 2 cores (8 and 16 were slower).
	Conns int
	// MaxMemory is the most that all statements and merges together may take, in bytes. What asks for more gets
	// code 241 and can be repeated. 0 means a quarter of the machine's memory, at least 1 GiB.
	MaxMemory int64
	// Log gets what the engine does by itself; nil discards it.
	Log *slog.Logger
}

// TokenHeader carries the token of [Engine.Handler] beside whatever user a client sends.
const TokenHeader = "X-Enishi-Token"

// ErrEngineClosed is what a statement gets after [Engine.Close].
var ErrEngineClosed = errors.New("the embedded engine is closed")
