// Package api is the HTTP face of a workspace: the JSON API of the console and of the command line (/api/v1, OpenAPI 3.1),
// who may use it, and the mux that puts it together with the collector, webhooks, tracking links and the console's files.
//
// # Reading and writing
//
// Reads come from ClickHouse tables (always FINAL where something is counted) and from the folded topic definitions. Writes
// only append to a topic; the exceptions are rows that no topic has: the answer kept for an Idempotency-Key, the closing of
// an alert and the state of a dead letter. A write answers with a position; a read with ?after=POSITION waits until the
// tables show it, at most ten seconds, and says 503 after that.
//
// # Who may do what
//
// Every operation stands in one table (operations.go) with the least role that may call it. A caller is a bearer token, a
// session cookie with its CSRF header, or, on a loopback listener where no token was made yet, the local admin. Tokens are
// definitions of kind key: only their SHA-256 is stored.
//
// # Words
//
// Texts for people come in Japanese and English from one table (words.go). A status, a check or a reason that the table
// does not know shows a general word, never its code.
//
// # Crash and repeat
//
// A write's request id is a hash of the caller and the Idempotency-Key, and definitions and events carry ids made from it,
// so that a repeat after a crash between the append and the answer changes nothing.
package api
