package channels

// Version is the order of a row among the states of its round.
func Version(r *Row) uint64 { return r.version() }
