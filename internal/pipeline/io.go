package pipeline

import (
	"time"

	"enishi"
	"enishi/profiles"
)

// Want asks Load for stored things; each part may be empty.
type Want struct {
	Markers []int               // partitions
	Stored  []int               // partitions: which profiles are stored
	Aside   []int               // partitions: which records are passed over
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
	Stored  map[int][]enishi.ID // some may stand there twice
	Aside   []Aside
	States  []State
	Due     []Due
}

// Marker is how far a partition is checkpointed, and what the fold remembers of the partition as a whole.
type Marker struct {
	Partition   int
	Epoch       uint16
	Next        int64 // offset of the first record that is not in the checkpoint
	Identities  int64
	Definitions int64
	Clock       time.Time
	Virtual     bool
	Until       time.Time // where a virtual clock may move to
	Sweeps      []Sweep
	Splits      []Split
	Events      int64
}

// Sweep is an evaluation of segments over a partition's stored profiles, bucket by bucket.
type Sweep struct {
	ID       string        `json:"id"`
	Segments []string      `json:"segments"` // names
	Next     int           `json:"next"`     // first bucket that is not folded; 256: done
	Since    time.Time     `json:"since,omitzero"`
	People   int64         `json:"people,omitempty"`  // evaluated so far
	Busy     time.Duration `json:"busy,omitempty"`    // in which they were, without pauses
	Last     time.Time     `json:"last,omitzero"`     // of the newest record
	Sent     int           `json:"-"`                 // first bucket that is not appended
	Journey  string        `json:"journey,omitempty"` // of a broadcast: it starts this for everybody; Segments is empty
	Renewed  string        `json:"renewed,omitempty"` // a journey whose people in flight hear of its new version; Segments is empty
	At       time.Time     `json:"at,omitzero"`       // not before; of a campaign that recurs: its occurrence
	After    time.Time     `json:"after,omitzero"`    // of one that recurs: the occurrence was sought from here on
}

// Split is an un-merge that the partition folded: what still comes to Profile for one of Subjects goes on to Winner.
type Split struct {
	Offset   int64       `json:"offset"` // of the unlink record
	Profile  enishi.ID   `json:"profile"`
	Winner   enishi.ID   `json:"winner"`
	Subjects []enishi.ID `json:"subjects"`
	At       time.Time   `json:"at"` // partition clock
}

// Aside is a record that is passed over: it is stamped ahead, and a copy follows. It is stored by itself, for good, so that
// owners of a partition who know nothing of each other pass over the same records.
type Aside struct {
	Partition int
	Epoch     uint16
	Offset    int64
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

// Erasure is a subject whose raw rows up to an instant are to be deleted: what came after it is a new person's.
type Erasure struct {
	Subject enishi.ID
	Until   time.Time
	Value   string    // the identifier as it came in, as far as the state has it: texts that name the person are found by it
	told    *eventRow // the row that says so to those outside; nil: another of the person's has it
}

// Rows is one insert of effects or of a checkpoint; Save may be repeated. It writes Tables and Due, then deletes what Erased
// names and rewrites what Unsent names, then writes States, then Markers, and begins none of these before the one before it is stored: a state that is
// loaded again is taken as having all its rows, and a marker as having all its states.
type Rows struct {
	Tables  []profiles.Table
	Due     []Due
	Erased  []Erasure
	Unsent  []Unsent
	States  []State
	Markers []Marker
	Aside   []Aside // with nothing else
}

// Version is the version of rows that are good to an offset (the next to fold).
func Version(epoch uint16, next int64) uint64 { return uint64(epoch)<<48 | uint64(next) }

// epochOf is the epoch of a version.
func epochOf(version uint64) uint16 { return uint16(version >> 48) }
