package audiences

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/segments/audiences/match"
)

// States of an entry.
const (
	Sent     = "sent"     // told to the platform, which took it once the batch is done
	Accepted = "accepted" // told by a call that the platform did not take whole, without saying whom it left out (its Reason)
	Again    = "again"    // is to be told once more: somebody with the same identifier was taken out, or the platform took nothing of a call (its Reason)
	Rejected = "rejected" // the platform did not take it, and was told no more
	Leaving  = "leaving"  // the platform was asked to take them out; the answer is not there yet
)

// Entry is somebody in a list, one row of the table audience_members: the platform may have one of the keys, also of Rejected, by an addition before. Who
// was taken out has none; what was told of them stands in the disclosures.
type Entry struct {
	Profile enishi.ID
	Keys    []match.Key // as the platform was told; of Again and Rejected too
	Value   enishi.Amount
	State   string
	Reason  string    // of Rejected, and of Accepted whose call was not taken whole, the platform's; of Leaving ours (left, no_consent, hold ...)
	Batch   enishi.ID // the call that told of it last
	At      time.Time // when the platform was told last
}

// Operations of a batch.
const (
	OpAdd    = "add"
	OpRemove = "remove"
)

// States of a batch.
const (
	BatchOpen    = "open"    // stored; whether the platform got it is not known
	BatchAsked   = "asked"   // the platform has it and works at it
	BatchDone    = "done"    // carried out
	BatchRefused = "refused" // the platform took none of it
)

// Batch is one call that changes a list, one row of the table audience_batches. Its members are the entries that name it.
type Batch struct {
	ID         enishi.ID
	Audience   string
	Generation int
	Op         string
	State      string
	Remote     string // the list at the platform
	Call       string // the platform's name of it
	People     int
	Keys       int // identifiers that it tells
	Accepted   int
	Rejected   int
	Unnamed    int    // of Rejected: the platform does not say who they are
	Reason     string // of the rejected, or of a refused batch
	Tries      int
	At         time.Time
	UpdatedAt  time.Time
}

// Standing is what is known of an audience beyond its entries, the newest row of the table audience_runs of it.
type Standing struct {
	Audience   string
	Account    string    // that the lists are at, as [Destination] names it
	Remote     string    // the list at the platform; empty: none was made; "?": perhaps one was
	Generation int       // of Remote
	Next       string    // the list that is to take its place; empty: none
	Old        string    // the list whose place was taken, while it is still at the platform
	MadeAt     time.Time // of Remote
	BeganAt    time.Time
	EndedAt    time.Time
	Wanted     int
	InList     int            // entries that the platform has, as far as is known of each
	Unnamed    int            // of InList: as many at most were not taken, and the platform does not say who they are
	Matched    int            // as the platform says; -1: it does not
	Added      int            // in the run that ended last
	Taken      int            // out
	Refreshed  int            // told again, for they would have expired or for another's sake
	Rejected   int            // entries that the platform did not take
	LeftOut    map[string]int // members of the segment who were not told, by reason
	Calls      int
	Day        string // of Today, in the shop's zone
	Today      int    // calls of that day
	Problem    *Problem
	RetryAt    time.Time // with a problem: not before
	Rebuilt    bool      // the run ended with a new list
}

// Has is how many people the platform has: who was not taken is not among them, whether it says who they are or not.
func (s *Standing) Has() int { return s.InList - s.Unnamed }

// Holds tells whether there are lists of the audience at the platform.
func (s *Standing) Holds() bool { return s.Remote != "" || s.Next != "" || s.Old != "" }

// Disclosure says that identifiers of somebody left the shop, one row of the table disclosures. 個人情報保護法 29 条 and its rules ask for the
// recipient, the person and the items, and for what rests on consent that it does; kept for three years.
type Disclosure struct {
	Profile     enishi.ID
	Batch       enishi.ID
	At          time.Time
	Audience    string
	Destination string
	Platform    string
	Recipient   string
	Country     string
	Basis       string
	Purpose     string
	Op          string
	Keys        []match.Key
}

// store is what a Syncer reads and writes; [Tables] is it.
type store interface {
	// Members are the members of a segment in a range of ids, by id.
	Members(ctx context.Context, q *query, from, to byte) ([]candidate, error)
	// People tells of those of some ids who are no members what decides whether they may stay; used while the segment is stale.
	People(ctx context.Context, q *query, ids []enishi.ID) ([]candidate, error)
	Entries(ctx context.Context, audience string, generation int, from, to byte) ([]Entry, error)
	BatchEntries(ctx context.Context, audience string, generation int, batch enishi.ID) ([]Entry, error)
	// Sharing are entries that were told one of the keys which a batch tells, and are not of it.
	Sharing(ctx context.Context, audience string, generation int, batch enishi.ID) ([]Entry, error)
	PutEntries(ctx context.Context, audience string, generation int, entries []Entry) error
	// Forget deletes entries: the platform took them out.
	Forget(ctx context.Context, audience string, generation int, entries []Entry) error
	Drop(ctx context.Context, audience string, generation int) error
	OpenBatches(ctx context.Context, audience string) ([]Batch, error)
	PutBatch(ctx context.Context, b *Batch) error
	// Unnamed is how many people of some batches were not taken without anybody knowing who.
	Unnamed(ctx context.Context, audience string, batches []enishi.ID) (map[enishi.ID]int, error)
	// CallsOn is how many calls other audiences of an account made on a day.
	CallsOn(ctx context.Context, account, day, but string) (int, error)
	Disclose(ctx context.Context, list []Disclosure) error
	Standing(ctx context.Context, audience string) (*Standing, error)
	PutStanding(ctx context.Context, s *Standing) error
}

func sameKeys(a, b []match.Key) bool { return slices.Equal(a, b) }

// without are the keys of a that are not in b.
func without(a, b []match.Key) []match.Key {
	return slices.DeleteFunc(slices.Clone(a), func(k match.Key) bool { return slices.Contains(b, k) })
}

// packKey is a key as the tables store it: the first letter of its kind, then the value. Of a hash the letter is large and the value its 32 bytes.
func packKey(k match.Key) string {
	letter := k.Kind[0]
	if len(k.Value) == 2*sha256.Size {
		var b [1 + sha256.Size]byte
		if _, err := hex.Decode(b[1:], []byte(k.Value)); err == nil && strings.ToLower(k.Value) == k.Value {
			b[0] = letter - 'a' + 'A'
			return string(b[:])
		}
	}
	return string(letter) + k.Value
}

// letters are the first letters of kinds.
var letters = func() (out [256]match.Kind) {
	for _, k := range match.Kinds() {
		out[k[0]] = k
	}
	return out
}()

func unpackKey(s string) match.Key {
	if s == "" {
		return match.Key{}
	}
	if letter := s[0]; letter >= 'A' && letter <= 'Z' {
		return match.Key{Kind: letters[letter-'A'+'a'], Value: hex.EncodeToString([]byte(s[1:]))}
	}
	return match.Key{Kind: letters[s[0]], Value: s[1:]}
}
