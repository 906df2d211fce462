// Package wire is the runtime of Enishi's compact binary records: canonical events and profile state.
//
// Structs opt in by field tags `wire:"N"`; the generator in the folder gen writes for each
//
//	func (x *T) AppendWire(b []byte) []byte // appends the encoding of *x, zero fields omitted
//	func (x *T) ParseWire(s string) error   // replaces *x (all of it) by what s encodes
//
// A message is a sequence of fields, ascending by number. A field is a tag (varint N<<3|kind: one byte up to N = 15) and
// a payload by kind:
//
//	0 varint   7 bits a byte, low bits first; signed numbers are zigzag; time.Time is UTC milliseconds
//	1 fixed64  8 bytes, little endian: float64, and integers tagged `wire:"N,fixed"` (hashes)
//	2 bytes    varint length, then the content: string, []byte, message, list, map
//	3 raw16    16 bytes: ids
//	4 true     nothing: a bool that is set
//
// A list is one field: its content is the elements one after another without tags, numbers packed, byte arrays as they
// are, everything else behind a varint length. A map is a list of key, value, key, value, ascending by key. So the same
// value always has the same bytes.
//
// Readers skip numbers they do not know and known numbers of another kind; of a repeated number the last wins. A field's
// number is never given to another meaning: a removed field leaves `_ struct{} `wire:"N"“ behind.
//
// Parsed strings are substrings of the input and keep it alive. An empty slice or map reads back as nil, a nil element
// of a list of pointers as a pointer to the zero value; times lose what is below a millisecond and their zone.
//
// Parse never panics on corrupt input and allocates at most the in-memory size of one element for each byte of input:
// elements are counted before a list is allocated, and recursive types are refused by the generator.
package wire

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"time"
)

// Kinds of payload: the low three bits of a tag.
const (
	Varint  = 0
	Fixed64 = 1
	Bytes   = 2
	Raw16   = 3
	True    = 4
)

// ErrCorrupt is what errors.Is finds in every error of ParseWire; the error itself is a *CorruptError.
var ErrCorrupt = errors.New("corrupt record")

// CorruptError says where a parse stopped.
type CorruptError struct {
	Type   string // innermost type being read, as "package.Type"
	Offset int    // of the field (of a list: of the element), in bytes from the start of the outermost input
	Err    error  // what a hand-written ParseWire said, or nil
}

func (e *CorruptError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%v: %s at byte %d: %v", ErrCorrupt, e.Type, e.Offset, e.Err)
	}
	return fmt.Sprintf("%v: %s at byte %d", ErrCorrupt, e.Type, e.Offset)
}

// Unwrap makes errors.Is(err, ErrCorrupt) hold and keeps a hand-written parser's error reachable.
func (e *CorruptError) Unwrap() []error {
	if e.Err != nil {
		return []error{ErrCorrupt, e.Err}
	}
	return []error{ErrCorrupt}
}

// Corrupt is the error of a parse of typ that stopped at offset.
func Corrupt(typ string, offset int) error { return &CorruptError{Type: typ, Offset: offset} }

// Nested gives err, which came from parsing a message inside typ whose content starts at offset, the outer offsets.
func Nested(err error, typ string, offset int) error {
	if e, ok := err.(*CorruptError); ok {
		return &CorruptError{Type: e.Type, Offset: e.Offset + offset, Err: e.Err}
	}
	return &CorruptError{Type: typ, Offset: offset, Err: err}
}

// Zigzag maps a signed number to an unsigned one that is small when the number is near zero.
func Zigzag(v int64) uint64 { return uint64(v<<1) ^ uint64(v>>63) }

// Unzigzag undoes Zigzag.
func Unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// Time is the UTC time of a number of milliseconds since 1970; Zigzag(t.UnixMilli()) undoes it.
func Time(u uint64) time.Time { return time.UnixMilli(Unzigzag(u)).UTC() }

// AppendUvarint appends v as a varint.
func AppendUvarint(b []byte, v uint64) []byte {
	if v < 1<<7 {
		return append(b, byte(v))
	}
	return appendLong(b, v)
}

// AppendTagUvarint appends a tag's last byte and v as a varint.
func AppendTagUvarint(b []byte, tag byte, v uint64) []byte {
	if v < 1<<7 {
		return append(b, tag, byte(v))
	}
	return appendLong(append(b, tag), v)
}

// appendLong has one append per length: one capacity check instead of one for each byte.
func appendLong(b []byte, v uint64) []byte {
	switch {
	case v < 1<<7:
		return append(b, byte(v))
	case v < 1<<14:
		return append(b, byte(v)|0x80, byte(v>>7))
	case v < 1<<21:
		return append(b, byte(v)|0x80, byte(v>>7)|0x80, byte(v>>14))
	case v < 1<<28:
		return append(b, byte(v)|0x80, byte(v>>7)|0x80, byte(v>>14)|0x80, byte(v>>21))
	case v < 1<<35:
		return append(b, byte(v)|0x80, byte(v>>7)|0x80, byte(v>>14)|0x80, byte(v>>21)|0x80, byte(v>>28))
	case v < 1<<42:
		return append(b, byte(v)|0x80, byte(v>>7)|0x80, byte(v>>14)|0x80, byte(v>>21)|0x80, byte(v>>28)|0x80,
			byte(v>>35))
	}
	b = append(b, byte(v)|0x80, byte(v>>7)|0x80, byte(v>>14)|0x80, byte(v>>21)|0x80, byte(v>>28)|0x80,
		byte(v>>35)|0x80)
	return appendLong(b, v>>42)
}

// AppendFixed64 appends v as 8 bytes.
func AppendFixed64(b []byte, v uint64) []byte {
	return append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40), byte(v>>48), byte(v>>56))
}

// AppendBytes appends the length of v and v.
func AppendBytes[T ~string | ~[]byte](b []byte, v T) []byte {
	if len(v) < 1<<7 {
		return append(append(b, byte(len(v))), v...)
	}
	return append(appendLong(b, uint64(len(v))), v...)
}

// Close writes the length of b[from:] into the byte kept for it before from; content longer than 127 bytes is moved.
func Close(b []byte, from int) []byte {
	n := len(b) - from
	if n < 1<<7 {
		b[from-1] = byte(n)
		return b
	}
	return closeLong(b, from)
}

func closeLong(b []byte, from int) []byte {
	n := len(b) - from
	extra := (bits.Len(uint(n))+6)/7 - 1
	b = append(b, "\x00\x00\x00\x00\x00\x00\x00\x00\x00"[:extra]...)
	copy(b[from+extra:], b[from:from+n])
	appendLong(b[:from-1], uint64(n)) // fits: writes over the kept byte and the gap
	return b
}

// Uvarint reads a varint at s[i:] and gives the position after it, or -1 when there is none (also when i is -1).
func Uvarint(s string, i int) (uint64, int) {
	if uint(i) >= uint(len(s)) {
		return 0, -1
	}
	c := s[i]
	if i++; c < 1<<7 {
		return uint64(c), i
	}
	v := uint64(c & 0x7f)
	for shift := 7; i < len(s); shift += 7 {
		c := s[i]
		i++
		if c < 1<<7 {
			if shift == 63 && c > 1 { // the tenth byte holds the 64th bit only
				return 0, -1
			}
			return v | uint64(c)<<(shift&63), i
		}
		if shift == 63 {
			return 0, -1
		}
		v |= uint64(c&0x7f) << (shift & 63)
	}
	return 0, -1
}

// Uint64 reads 8 bytes at s[i:] and gives the position after them, or -1.
func Uint64(s string, i int) (uint64, int) {
	if i < 0 || len(s)-i < 8 {
		return 0, -1
	}
	s = s[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56, i + 8
}

// Content reads a length and that many bytes at s[i:] and gives the position after them, or -1.
func Content(s string, i int) (string, int) {
	if uint(i) < uint(len(s)) && s[i] < 1<<7 { // nearly always; saves a call
		from := i + 1
		end := from + int(s[i])
		if end > len(s) {
			return "", -1
		}
		return s[from:end], end
	}
	n, i := Uvarint(s, i)
	if i < 0 || n > uint64(len(s)-i) {
		return "", -1
	}
	end := i + int(n)
	return s[i:end], end
}

// Raw reads n bytes at s[i:] and gives the position after them, or -1.
func Raw(s string, i, n int) (string, int) {
	if i < 0 || len(s)-i < n {
		return "", -1
	}
	return s[i : i+n], i + n
}

// Skip gives the position after the payload of a field with this tag, or -1.
func Skip(s string, i int, tag uint64) int {
	if i < 0 || tag < 1<<3 {
		return -1
	}
	switch tag & 7 {
	case Varint:
		_, i = Uvarint(s, i)
	case Fixed64:
		_, i = Raw(s, i, 8)
	case Bytes:
		_, i = Content(s, i)
	case Raw16:
		_, i = Raw(s, i, 16)
	case True:
	default:
		return -1
	}
	return i
}

// Count is the number of elements behind lengths that s consists of, or -1 when s is not that.
func Count(s string) int {
	n := 0
	for i := 0; i < len(s); n++ {
		if _, i = Content(s, i); i < 0 {
			return -1
		}
	}
	return n
}

// CountVarints is the number of varints that end in s; what follows the last end is left for the reader to find.
func CountVarints(s string) int {
	n := 0
	for i := range len(s) {
		n += int(^s[i] >> 7)
	}
	return n
}

// SortedKeys appends the keys of m to buf in ascending order; with a buf large enough it allocates nothing.
func SortedKeys[K ~string, V any](buf []K, m map[K]V) []K {
	for k := range m {
		buf = append(buf, k)
	}
	slices.Sort(buf)
	return buf
}
