package channels

// Version is the order of a row among the states of its round.
func Version(r *Row) uint64 { return r.version() }

// OpenDB opens a database of its own on the engine of the test binary.
var OpenDB = openDB
