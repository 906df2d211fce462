// Package outflow sends changes out: of what people do and are, to the topic changes or to an address of another system.
//
// A stream is a definition: which changes, of which of them what, and where to. Its source is the table events, in which the fold
// has everything that happened and everything that followed: the owner of a partition reads the rows between the stream's position and
// the partition's marker, which is written after them, in the order of the log. So a stream sees each change that stands, no matter
// how far behind it is: a paused one catches up from the table, not from a topic that forgets.
//
// # What is promised
//
// Every change goes out at least once, each person's in the order in which they happened, with an id that does not change: that of the
// event, or of what the fold derived from it. The position is written after the destination has taken what stands before it; a crash
// repeats what was taken since (about a second of it), and so may two owners around a rebalance. Who receives drops the ids it knows.
// What an erasure deletes before it went out does not go out any more; the erasure itself does.
//
// # A destination that has trouble
//
// It holds its own stream and no other. What the receiver refuses for the change itself (400, 413, 422 and the like) becomes a dead
// letter and can be sent again; everything else waits and is tried again, with growing pauses: no answer, 408, 425, 429, 5xx, but also
// 401, 403, 404, 405, 410 and redirects, which say that the address or the agreement is wrong and not the change.
package outflow
