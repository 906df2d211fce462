package stream

import (
	"errors"
	"fmt"
	"time"
)

// Record is one entry of a topic partition.
type Record struct {
	Topic     string // without the workspace's prefix
	Partition int    // -1 on append: chosen by PartitionFor(Key), or in turn when there is no key
	Offset    int64  // set by Append and on read; -1 while an append is not acknowledged
	Time      time.Time
	Key       []byte // nil and empty are different
	Value     []byte
}

// Partition names one partition of a topic; Topic is without the prefix.
type Partition struct {
	Topic     string
	Partition int
}

// String gives "topic/partition".
func (p Partition) String() string { return fmt.Sprintf("%s/%d", p.Topic, p.Partition) }

// ErrNotOwner is returned when a member of a group acts for a partition that it does not own, or no longer does: its
// generation is over, or the broker refused it as a stranger.
var ErrNotOwner = errors.New("not the owner of the partition")

// ErrReplaced is returned when a reader asks for an offset beyond the end of the log: the log is not the one the
// offset was taken from. Reading on would pass over whatever is written next, so nothing is read.
var ErrReplaced = errors.New("the log ends before the offset that was asked for")

// ErrClosed is returned after Close.
var ErrClosed = errors.New("the client is closed")

// TooLargeError is returned by Append for a record over the limit. Nothing of the call was written, unless the broker's
// own limit is below ours: then Index names the record that the broker refused, and others may have been written.
type TooLargeError struct {
	Index int // in the slice given to Append
	Size  int // bytes it would take
	Limit int
}

// Error names the record and the limit.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("record %d is too large: %d bytes, the limit is %d", e.Index, e.Size, e.Limit)
}

// PartitionCountError is returned by Open for a topic that exists with another number of partitions. Keys would go to
// other partitions than the state folded from them, so there is no going on.
type PartitionCountError struct {
	Topic      string // with the prefix, as on the broker
	Have, Want int
}

// Error says what to change.
func (e *PartitionCountError) Error() string {
	return fmt.Sprintf("topic %s has %d partitions, the configuration says %d: the number is fixed when a topic is created, set it to %d",
		e.Topic, e.Have, e.Want, e.Have)
}

type fatalError struct{ err error }

func (e *fatalError) Error() string { return e.err.Error() }
func (e *fatalError) Unwrap() error { return e.err }

// Fatal marks an error of a Batch or Gained func as one that retrying cannot mend: Consume then leaves the group and
// returns it.
func Fatal(err error) error {
	if err == nil {
		return nil
	}
	return &fatalError{err}
}

func isFatal(err error) bool {
	var f *fatalError
	return errors.As(err, &f)
}

// PartitionFor gives the partition of a key among n as Java's default partitioner does (murmur2), so that producers in
// other languages agree. n must be positive.
func PartitionFor(key []byte, n int) int {
	return int(murmur2(key)&0x7fffffff) % n
}

// murmur2 is the hash of Kafka's Java client: 32 bits, its fixed seed.
func murmur2(b []byte) uint32 {
	const (
		seed = 0x9747b28c
		m    = 0x5bd1e995
		r    = 24
	)
	h := uint32(seed) ^ uint32(len(b))
	for len(b) >= 4 {
		k := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
		k *= m
		k ^= k >> r
		k *= m
		h *= m
		h ^= k
		b = b[4:]
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(b[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	h ^= h >> 15
	return h
}
