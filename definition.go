package enishi

import (
	"encoding/json"
	"time"
)

// Definition is one record of the topic definitions: an immutable version of what a marketer owns. Compare-and-set is
// decided by the log's order: a record whose Expect is not the current version of (Kind, Name) has no effect but its
// outcome.
type Definition struct {
	Kind      string          `json:"kind"` // segment, ranking, cuts, list, fill, journey, template, store, setting, key, export, mapping, stream
	Name      string          `json:"name"`
	Expect    int64           `json:"expect"` // version this replaces: an offset, 0 = must be new, -1 = whatever it is
	Deleted   bool            `json:"deleted,omitempty"`
	Body      json.RawMessage `json:"body,omitempty"`
	Actor     string          `json:"actor"`
	Role      string          `json:"role"`
	Reason    string          `json:"reason,omitempty"`
	RequestID ID              `json:"request_id"`
	At        time.Time       `json:"at"`

	Version int64 `json:"version"` // its offset + 1; set when read
}

// Link is one record of the topic identities: hashes only, no personal value.
type Link struct {
	Op     string    `json:"op" wire:"1"` // link, unlink, guard
	A      ID        `json:"a" wire:"2"`  // of link: the stronger
	AKind  Kind      `json:"a_kind" wire:"3"`
	B      ID        `json:"b" wire:"4"`
	BKind  Kind      `json:"b_kind" wire:"5"`
	Event  ID        `json:"event" wire:"6"`  // that gave the link
	Source string    `json:"source" wire:"7"` // source of that event
	At     time.Time `json:"at" wire:"8"`
	Link   int64     `json:"link" wire:"9"` // of unlink: the offset of the link to take back
	Actor  string    `json:"actor" wire:"10"`
	Reason string    `json:"reason" wire:"11"`
	Guard  string    `json:"guard" wire:"12"` // of guard: JSON of the guard settings
}
