package pipeline

import (
	"time"

	"enishi"
	"enishi/profiles"
)

// Want asks Load for stored things; each part may be empty.
type Want struct {
	Markers []int               // partitions
	States  map[int][]enishi.ID // by partition
	Range   *Range
	Due     *DueRange
}

// Range is the stored profiles of a partition whose first byte is in [From, To].
type Range struct {
	Partition int
	From, To  byte
}

// DueRange is the due rows of a partition after After and up to Until.
type DueRange struct {
	Partition    int
	After, Until time.Time
}

// Have answers a Want. A marker that was never written is the zero Marker; a state that was never stored is absent.
type Have struct {
	Markers map[int]Marker
	States  []State
	Due     []Due
}

// Marker is how far a partition is checkpointed.
type Marker struct {
	Partition   int
	Epoch       uint16
	Next        int64 // offset of the first record that is not in the checkpoint
	Identities  int64
	Definitions int64
	Clock       time.Time
	Virtual     bool
	Sweeps      []Sweep
	Events      int64
	Profiles    int64 // stored in the partition; filled by Load only
}

// Sweep is an evaluation of segments over a partition's stored profiles, bucket by bucket.
type Sweep struct {
	ID       string   `json:"id"`
	Segments []string `json:"segments"` // names
	Next     int      `json:"next"`     // first bucket that is not folded; 256: done
	Sent     int      `json:"-"`        // first bucket that is not appended
}

// State is a stored profile.
type State struct {
	Partition int
	ID        enishi.ID
	Version   uint64
	Redirect  enishi.ID
	Bytes     string
}

// Due is a profile's earliest due instant; zero: nothing is due.
type Due struct {
	Partition int
	ID        enishi.ID
	At        time.Time
	Version   uint64
}

// Rows is one insert of a batch or of a checkpoint. Save writes all of it, Markers last, and may be repeated.
type Rows struct {
	Tables  []profiles.Table
	States  []State
	Due     []Due
	Erased  []enishi.ID // subjects whose raw rows are to be deleted
	Markers []Marker
}

// Version is the version of rows that are good to an offset (the next to fold).
func Version(epoch uint16, next int64) uint64 { return uint64(epoch)<<48 | uint64(next) }
