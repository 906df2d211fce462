package enishi

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"sync"
)

// ID is 16 bytes: a profile id and an identifier are keyed HMACs, an event id is a UUID, run and send ids are hashes.
type ID [16]byte

// IsZero reports whether the id is absent.
func (id ID) IsZero() bool { return id == ID{} }

// String is the id as 32 lower-case hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Compare orders ids bytewise: -1, 0 or 1.
func (id ID) Compare(other ID) int {
	a, b := binary.BigEndian.Uint64(id[:]), binary.BigEndian.Uint64(other[:])
	if a == b {
		a, b = binary.BigEndian.Uint64(id[8:]), binary.BigEndian.Uint64(other[8:])
	}
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Partition is the partition of the topic events that owns this profile, of n.
func (id ID) Partition(n int) int { return int(binary.BigEndian.Uint32(id[12:16]) % uint32(n)) }

// Bucket is the sweep bucket (0-255) of this profile: its first byte, so that a bucket is a range of stored ids.
func (id ID) Bucket() byte { return id[0] }

// Hash64 is a 64-bit digest of the id for memory-bounded sets.
func (id ID) Hash64() uint64 {
	return binary.BigEndian.Uint64(id[:8])*0x9E3779B97F4A7C15 ^ binary.BigEndian.Uint64(id[8:])
}

// MarshalText implements encoding.TextMarshaler as [ID.String].
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler as [ParseID].
func (id *ID) UnmarshalText(b []byte) error {
	parsed, err := ParseID(string(b))
	if err == nil {
		*id = parsed
	}
	return err
}

// ParseID reads 32 hexadecimal digits, or a UUID with its hyphens.
func ParseID(s string) (ID, error) {
	var id ID
	digits := make([]byte, 0, 32)
	for i := range len(s) {
		if s[i] == '-' && len(s) == 36 && (i == 8 || i == 13 || i == 18 || i == 23) {
			continue
		}
		digits = append(digits, s[i])
	}
	if len(digits) != 32 {
		return id, Errorf(Invalid, "%q is no id: want 32 hexadecimal digits or a UUID", s)
	}
	if _, err := hex.Decode(id[:], digits); err != nil {
		return ID{}, Errorf(Invalid, "%q is no id: want 32 hexadecimal digits or a UUID", s)
	}
	return id, nil
}

// NewID hashes parts to an id as RFC 9562 UUIDv5 does (SHA-1, version and variant bits set), in a namespace named by kind.
// Parts are length-prefixed, so ("a","bc") and ("ab","c") differ.
func NewID(kind string, parts ...string) ID {
	var buf [256]byte
	b := append(buf[:0], kind...)
	for _, p := range parts {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(p))), p...)
	}
	sum := sha1.Sum(b)
	id := ID(sum[:16])
	id[6], id[8] = id[6]&0x0F|0x50, id[8]&0x3F|0x80
	return id
}

// EventID is the id of an event whose producer gave the text s: the UUID itself when s is one, else a hash of it.
func EventID(s string) ID {
	if id, err := ParseID(s); err == nil {
		return id
	}
	return NewID("event", s)
}

// UUID is the id in the hyphenated form of RFC 9562.
func (id ID) UUID() string {
	var b [36]byte
	hex.Encode(b[:8], id[:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:], id[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// Kind is the kind of an identifier. A smaller number is a stronger kind: of two unlinked identifiers the stronger gives
// the profile its id, and two people known by different identifiers of a stronger kind are not merged by a weaker one.
type Kind uint8

// Kinds of identifiers, strongest first.
const (
	Customer  Kind = 1 // the shop's customer id
	POSCard   Kind = 2 // member card read at the till
	LINEUser  Kind = 3 // (provider, userId): LINE's user ids differ per provider
	Email     Kind = 4
	Phone     Kind = 5 // E.164; re-issued and shared, so it never merges two people
	Social    Kind = 6 // page-scoped id (page, psid)
	PushToken Kind = 7
	Anonymous Kind = 8 // browser or app install
)

var kindNames = [...]string{"", "customer", "pos_card", "line", "email", "phone", "social", "push_token", "anonymous"}

// Kinds lists all kinds, strongest first.
func Kinds() []Kind {
	return []Kind{Customer, POSCard, LINEUser, Email, Phone, Social, PushToken, Anonymous}
}

// String is the kind's name in JSON, SQL and URLs.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// ParseKind reads a kind's name.
func ParseKind(s string) (Kind, bool) {
	for i, n := range kindNames {
		if n == s && i > 0 {
			return Kind(i), true
		}
	}
	return 0, false
}

// Identifier is one way to recognise a person. Value is normalised for matching (ingest.Normalise); Raw is what came in.
type Identifier struct {
	Kind  Kind
	Scope string // LINE provider or social page; else empty
	Value string
	Raw   string
}

// Hasher turns identifiers into keyed HMAC-SHA256, cut to 16 bytes. It is safe for concurrent use.
type Hasher struct{ pool sync.Pool }

// NewHasher makes a Hasher; key is the workspace's identifier key (32 random bytes) and must never change.
func NewHasher(key []byte) *Hasher {
	return &Hasher{pool: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// Hash is the identifier in the log and in memory, and the profile id of a person known by it alone.
func (h *Hasher) Hash(x Identifier) ID {
	mac := h.pool.Get().(hash.Hash)
	defer h.pool.Put(mac)
	mac.Reset()
	buf := make([]byte, 0, 96)
	buf = append(buf, byte(x.Kind))
	buf = append(buf, x.Scope...)
	buf = append(buf, 0)
	buf = append(buf, x.Value...)
	mac.Write(buf)
	var id ID
	copy(id[:], mac.Sum(buf[:0]))
	return id
}
