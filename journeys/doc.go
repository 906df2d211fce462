// Package journeys owns what leads a person through messages: the definition of a journey, the run of one person through
// one version of it, and the decision to send or not to send.
//
// # Definition
//
// A journey is an immutable JSON graph ([Definition]); [Compile] checks all of it at once and names each problem with its
// node, in English and Japanese, with line and column. A run pins the version that it entered; a newer version takes new
// entries only.
//
// # Runs
//
//	event or segment -> entry: where, re-entry rule, exits already true? -> run stands at Start
//	wait    stands until its time, or until an event after the run's start (also one that was known before the run came here)
//	branch  the first condition that holds
//	message one decision per channel tried, in order, until one is sent; the run goes on whether or not it was
//	exit    ends as completed
//
// The goal and the exits are looked at wherever the run stands. A run ends as completed, goal, exited (an exit), merged
// (another run of the same key came in by a merge and is older), cancelled (an operator took it out) or error (a bound was
// passed, or its version is unknown). Key: several runs of one journey go on beside each other when the entry names a key
// such as order_id; waits, goal and exits look at events with the run's own key unless they say "any".
//
// # Invariants
//
//   - [Step] is pure: state, trigger and clock in, state and effects out. The same records give the same effects with the
//     same ids, however they are batched and wherever the state was stored and read back.
//   - A timer acts at or after its instant by the partition's clock, never before.
//   - Historical events start no run and send nothing. They may end a run by its exits: that only prevents messages.
//   - A marketing message is decided only for a channel whose permission is "in", whose address is known (LINE: a friend)
//     and not suppressed, and for a person who is not held. A transactional message needs an address that is not
//     suppressed and no refusal.
//   - There is at most one message per (send id, round). A round rises only after the sender told that the last one
//     did not leave.
//   - Every send and every non-send leaves one [enishi.Decision] with the checks in the order they were made.
//
// # Crash and redelivery
//
// Nothing is kept outside the profile. After a crash the records since the last checkpoint are folded again and give the
// same run ids, send ids and rows, which collapse where they are stored.
//
// # Bounds
//
// A trigger moves a run by at most 100 steps, a run ends after 1,000; a person has at most 100 live runs. Ended runs are
// kept for what still needs them: 7 days for results of messages, the period of "after:PERIOD", for ever for "never"; of
// these at most 200, the longest ended leave first, and with them the memory that this key was used.
package journeys

//go:generate go run enishi/internal/wire/gen -types kept,keptEvent,keyed,keptField,passed,dueAt,resend,called -out wire_gen.go
