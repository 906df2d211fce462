// Package pipeline runs the fold: it reads the topic events, steps profiles, and writes what follows.
//
// # One step
//
// A record is decoded, the partition's clock moves to the record's time (never back), a control record acts on the partition
// or the addressed profile, any other event is applied to its profile ([profiles.Profile.Apply]), segments whose inputs
// changed are evaluated ([segments.Set.Update]), and journeys act on the event and the transitions ([journeys.Step]). The
// step reads nothing but its partition's memory: profiles, definitions up to the last switch record, the clock. So live
// work, recovery and the simulated world of the tests are the same call and give the same effects.
//
// # One batch
//
// [Folder.Fold] loads the profiles a batch needs, steps every record in order, appends what the steps emitted (to events and
// messages) and inserts rows (raw events, derived rows, decisions, outcomes). All effects have deterministic ids, so a repeat
// collapses. Only when all of it is acknowledged does the batch count as folded. If anything fails half-way, the partitions'
// memory is dropped and loaded anew from the last checkpoint: a step changes state in place, and a state must never be
// saved whose effects did not go out.
//
// # Checkpoints
//
// A checkpoint takes the changed profiles at a batch border, encodes them, and saves in the background: states, facts and due
// rows, each with the version (epoch, offset), then the partitions' marker rows. The marker is the truth of progress and is
// loaded first at take-over; Kafka's commit follows it for lag and retention only. Records after the marker are folded again;
// a state row's own offset skips what it has.
//
// # What the owner of a partition appends
//
// The owner never acts on its own: due timers, definition switches, merges of the identity log and sweeps are appended to
// the partition as records and act when they are read back ([Folder.Tick]). Repeats of them are harmless.
package pipeline
