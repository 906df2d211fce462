package channels

import "time"

// Answer is a kind of answer of a provider and what follows from it: a line of the table in docs/delivery.md. Each provider
// keeps its own in the order in which they are looked through.
type Answer struct {
	What    string // the answer, in English
	Verdict string // sent, or as [SendError.Verdict]
	Reason  string // ours, in the ledger
	After   time.Duration
}
