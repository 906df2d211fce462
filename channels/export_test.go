package channels

import "errors"

// Version is the order of a row among the states of its round.
func Version(r *Row) uint64 { return r.version() }

// Around makes each line of a note an act of f, which tells whether it happens and whether its writer learns of it.
func (h *InHand) Around(f func(act func()) error) {
	write := h.write
	h.write = func(line []byte) error {
		var err error
		return errors.Join(f(func() { err = write(line) }), err)
	}
}

// Open is how many calls the note holds that the ledger does not tell yet.
func (h *InHand) Open() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.open)
}

// OpenDB opens a database of its own on the engine of the test binary.
var OpenDB = openDB

// LimitOf is what the setting makes of a route's limit.
func LimitOf(d *Delivery, destination string, l Limit) Limit { return d.of(destination, l) }
