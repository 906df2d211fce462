// Package clickhouse opens the database of one workspace: it creates the database, brings its schema up to date and
// holds the client. The same client talks to the engine inside the process ([Config.Transport]) and to a server or
// cluster ([Config.URL]); nothing else in the code knows which.
//
// What it owns: migrations/NNNN_name.sql (forward only, each statement idempotent, applied by goose at start; the
// version table goose_db_version lies in the same database) and schema.sql, the golden dump of what they make.
//
// Invariants:
//   - An insert that answered is stored: asynchronous inserts are off. Insert deduplication is off as well, because its
//     log is not atomic with the part; rows carry their identity in the sorting key and a repeat collapses there. That
//     is what makes [DB.Insert]'s retries safe, and why nothing may count rows without FINAL.
//   - A migration that was interrupted runs again from its beginning at the next start.
//
// On a crash in the middle of an Insert nobody knows whether it was stored; the caller's redelivery repeats it with the
// same keys.
package clickhouse
