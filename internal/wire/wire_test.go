package wire_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"enishi/internal/wire"
	"enishi/internal/wire/testdata/money"
	"enishi/internal/wire/testdata/sample"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files and the seeds of the fuzz corpus")

// message is what the generator gives a struct.
type message interface {
	AppendWire([]byte) []byte
	ParseWire(string) error
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := drawEvery(t)
		b := x.AppendWire([]byte("before"))
		if !bytes.HasPrefix(b, []byte("before")) {
			t.Fatalf("AppendWire changed what stood before")
		}
		text := string(b[len("before"):])
		got := sample.Every{String: "left over", Cache: "left over", Strings: []string{"left over"}}
		if err := got.ParseWire(text); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(&got, x) {
			t.Fatalf("read back differently: %s", differing(&got, x))
		}
		if again := string(got.AppendWire(nil)); again != text {
			t.Fatalf("encoded again it has other bytes")
		}
	})
}

// differing names the fields in which two values differ.
func differing(a, b *sample.Every) string {
	var names []string
	x, y := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for i := range x.NumField() {
		if f := x.Type().Field(i); f.IsExported() && !reflect.DeepEqual(x.Field(i).Interface(), y.Field(i).Interface()) {
			names = append(names, fmt.Sprintf("%s is %#v, was %#v", f.Name, x.Field(i), y.Field(i)))
		}
	}
	return strings.Join(names, "; ")
}

// TestDamage cuts records off and damages them: an error names a place, and what still parses encodes and parses again.
func TestDamage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := drawEvery(t).AppendWire(nil)
		if len(b) == 0 {
			return
		}
		at := rapid.IntRange(0, len(b)-1).Draw(t, "at")
		checkParse(t, string(b[:at]))
		b[at] = rapid.Byte().Draw(t, "byte")
		checkParse(t, string(b))
	})
}

// checkParse holds what is true of every input.
func checkParse(t interface {
	Helper()
	Fatalf(string, ...any)
}, s string) {
	t.Helper()
	var x, y sample.Every
	if err := x.ParseWire(s); err != nil {
		var corrupt *wire.CorruptError
		if !errors.Is(err, wire.ErrCorrupt) || !errors.As(err, &corrupt) {
			t.Fatalf("error %v is not ErrCorrupt", err)
		}
		if corrupt.Offset < 0 || corrupt.Offset > len(s) || !strings.Contains(corrupt.Type, ".") {
			t.Fatalf("error %v points outside of %d bytes or names no type", err, len(s))
		}
		return
	}
	first := string(x.AppendWire(nil))
	if err := y.ParseWire(first); err != nil {
		t.Fatalf("parse what was encoded from %x: %v", s, err)
	}
	if again := string(y.AppendWire(nil)); again != first {
		t.Fatalf("encoded again\n%x\nfirst\n%x", again, first)
	}
}

// TestBytes fixes the format: each line is one field of Every.
func TestBytes(t *testing.T) {
	t.Parallel()
	f := func(x sample.Every, want string) {
		t.Helper()
		got := hex.EncodeToString(x.AppendWire(nil))
		if got != strings.ReplaceAll(want, " ", "") {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		var back sample.Every
		raw, _ := hex.DecodeString(got)
		if err := back.ParseWire(string(raw)); err != nil {
			t.Error(err)
		}
		if again := hex.EncodeToString(back.AppendWire(nil)); again != got {
			t.Errorf("read back and encoded again %s, first %s", again, got)
		}
	}
	no, zero := false, int64(0)
	f(sample.Every{}, "")
	f(sample.Every{Bool: true}, "0c")
	f(sample.Every{Int: 1}, "10 02")
	f(sample.Every{Int: -1}, "10 01")
	f(sample.Every{Int64: math.MinInt64}, "30 ffffffffffffffffff01")
	f(sample.Every{Uint64: 300}, "58 ac02")
	f(sample.Every{Float: 1.5}, "61 000000000000f83f")
	f(sample.Every{Float: math.Copysign(0, -1)}, "61 0000000000000080")
	f(sample.Every{Float: math.NaN()}, "61 010000000000f87f")
	f(sample.Every{String: "縁"}, "6a 03 e7b881")
	f(sample.Every{Bytes: []byte{0}}, "72 01 00")
	f(sample.Every{Key: [16]byte{15: 1}}, "7b 00000000000000000000000000000001")
	f(sample.Every{Four: [4]byte{1, 2, 3, 4}}, "8201 04 01020304")
	f(sample.Every{Time: time.UnixMilli(0).UTC()}, "8801 00")
	f(sample.Every{Time: time.UnixMilli(1_767_225_600_000).UTC()}, "8801 80a0d5edee66")
	f(sample.Every{Hash: 1}, "e101 0100000000000000")
	f(sample.Every{Item: sample.Item{Last: 2}}, "f201 04 80d30e 04")
	f(sample.Every{ItemPtr: &sample.Item{}}, "fa01 00")
	f(sample.Every{Pair: money.Pair{A: "a", B: "b"}}, "8a02 03 612f62")
	f(sample.Every{Maybe: &no}, "a002 00")
	f(sample.Every{MaybeInt: &zero}, "a802 00")
	f(sample.Every{Items: []sample.Item{{Text: "a"}, {}}}, "d202 05 03 0a0161 00")
	f(sample.Every{ItemPtrs: []*sample.Item{nil}}, "da02 01 00")
	f(sample.Every{Strings: []string{"a", "", "bc"}}, "f202 06 01 61 00 02 6263")
	f(sample.Every{Ints: []int{0, 1, -1}}, "9203 03 00 02 01")
	f(sample.Every{Hashes: []uint64{1}}, "ba03 08 0100000000000000")
	f(sample.Every{Shorts: []sample.Short{{1}, {2}}}, "ca03 08 01000000 02000000")
	f(sample.Every{Times: []time.Time{{}}}, "d203 07 ffdfe6a2e2a01c") // zero time, kept in a list
	f(sample.Every{Texts: map[string]string{"b": "2", "a": "1"}}, "ea03 08 0161 0131 0162 0132")
	f(sample.Every{Counts: map[string]int{"a": 1}}, "fa03 03 0161 02")
}

// TestGolden compares a large record, with lengths of one, two and three bytes, with the committed file.
func TestGolden(t *testing.T) {
	t.Parallel()
	s := state(3)
	s.Traits["note"] = strings.Repeat("あ", 6000)
	got := s.AppendWire(nil)
	path := filepath.Join("testdata", "state.golden")
	if *update {
		if err := os.WriteFile(path, []byte(hex.EncodeToString(got)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if hex.EncodeToString(got) != string(want) {
		t.Errorf("the encoding of State changed: old records would not be read (-update writes %s)", path)
	}
	raw, err := hex.DecodeString(string(want))
	if err != nil {
		t.Fatal(err)
	}
	var back sample.State
	if err := back.ParseWire(string(raw)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&back, s) {
		t.Errorf("the golden file reads as %+v", back)
	}
}

func TestUnknownFieldsAreSkipped(t *testing.T) {
	t.Parallel()
	newer := sample.New{
		A: "a", B: 1, C: 2, D: []sample.Item{{Text: "x"}}, E: sample.ID{1}, F: true, G: map[string]string{"k": "v"}, Z: 9,
	}
	var old sample.Old
	if err := old.ParseWire(string(newer.AppendWire(nil))); err != nil {
		t.Fatal(err)
	}
	if old != (sample.Old{A: "a", Z: 9}) {
		t.Errorf("got %+v", old)
	}
	var again sample.New
	if err := again.ParseWire(string(old.AppendWire(nil))); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again, sample.New{A: "a", Z: 9}) {
		t.Errorf("got %+v", again)
	}
	var other sample.Old // number 1 as a varint, and a number of ten bytes
	if err := other.ParseWire("\x08\x05" + "\xf8\xff\xff\xff\xff\xff\xff\xff\xff\x01\x07" + "\xd0\x05\x12"); err != nil {
		t.Fatal(err)
	}
	if other != (sample.Old{Z: 9}) {
		t.Errorf("got %+v", other)
	}
}

func TestLastWins(t *testing.T) {
	t.Parallel()
	a := sample.Every{Int: 1, Item: sample.Item{Text: "first", N: 1}, Strings: []string{"a", "b"}, ItemPtr: &sample.Item{N: 1}}
	b := sample.Every{Int: 2, Item: sample.Item{Text: "second"}, Strings: []string{"c"}, ItemPtr: &sample.Item{}}
	var got sample.Every
	if err := got.ParseWire(string(b.AppendWire(a.AppendWire(nil)))); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, b) {
		t.Errorf("got %+v, want %+v", got, b)
	}
}

func TestMapsAreSorted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.String(), 0, 40, rapid.ID).Draw(t, "keys")
		order := rapid.Permutation(keys).Draw(t, "order")
		a, b := sample.Every{Texts: map[string]string{}}, sample.Every{Texts: map[string]string{}}
		for i := range keys {
			a.Texts[keys[i]] = keys[i]
			b.Texts[order[i]] = order[i]
		}
		if x, y := a.AppendWire(nil), b.AppendWire(nil); !bytes.Equal(x, y) {
			t.Fatalf("one map, two encodings:\n%x\n%x", x, y)
		}
	})
}

func TestCorrupt(t *testing.T) {
	t.Parallel()
	f := func(x message, s, wantType string, wantOffset int) {
		t.Helper()
		err := x.ParseWire(s)
		var corrupt *wire.CorruptError
		if !errors.Is(err, wire.ErrCorrupt) || !errors.As(err, &corrupt) {
			t.Errorf("%x: error %v, want ErrCorrupt", s, err)
			return
		}
		if corrupt.Type != wantType || corrupt.Offset != wantOffset {
			t.Errorf("%x: error %v, want %s at byte %d", s, err, wantType, wantOffset)
		}
	}
	every, old := new(sample.Every), new(sample.Old)
	f(old, "\x0a", "sample.Old", 0)                                             // no length
	f(old, "\x0a\x00\x0a\x02a", "sample.Old", 2)                                // shorter than its length
	f(old, "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "sample.Old", 0)     // a length of 2^64-1
	f(old, "\x00\x01", "sample.Old", 0)                                         // number 0
	f(old, "\x9d\x01", "sample.Old", 0)                                         // unknown kind
	f(old, "\x91\x01\x00\x00", "sample.Old", 0)                                 // unknown number, 8 bytes missing
	f(old, "\x80", "sample.Old", 0)                                             // unfinished tag
	f(old, "\xd0\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "sample.Old", 0) // 65 bits
	f(old, "\xd0\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x80\x00", "sample.Old", 0)
	f(every, "\x18\x80\x02", "sample.Every", 0)                              // 128 in an int8
	f(every, "\x40\x80\x02", "sample.Every", 0)                              // 256 in a uint8
	f(every, "\x82\x01\x03abc", "sample.Every", 0)                           // 3 bytes for 4
	f(every, "\x82\x01\x05abcde", "sample.Every", 0)                         // 5 bytes for 4
	f(every, "\xca\x03\x05abcde", "sample.Every", 0)                         // a list of arrays of 4, 5 bytes
	f(every, "\xba\x03\x07abcdefg", "sample.Every", 0)                       // a list of 8 bytes, 7
	f(every, "\x92\x03\x02\x01\x80", "sample.Every", 0)                      // a list of varints, the last unfinished
	f(every, "\x8a\x03\x01\x02", "sample.Every", 0)                          // a list of bools with a 2
	f(every, "\xf2\x02\x02\x05a", "sample.Every", 0)                         // a list of strings, one too long
	f(every, "\xea\x03\x02\x01a", "sample.Every", 0)                         // a map without a value
	f(every, "\x10\x02\xd2\x02\x06\x03\x0a\x01a\x01\x0a", "sample.Item", 10) // the second item

	s := state(3)
	want := s.Orders[2].Lines[1].SKU
	text := string(s.AppendWire(nil))
	at := strings.Index(text, want) - 2 // tag and length
	f(new(sample.State), text[:at+1]+"\x7f"+text[at+2:], "sample.Line", at)

	err := every.ParseWire("\x10\x02\x8a\x02\x02ab")
	if !errors.Is(err, money.ErrNoSlash) || !errors.Is(err, wire.ErrCorrupt) {
		t.Errorf("error %v, want both that of the hand-written parser and ErrCorrupt", err)
	}
	if want := "corrupt record: sample.Every at byte 5: no slash"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// TestAllocation: an input allocates no more than one element in memory for each of its bytes, whatever it claims.
func TestAllocation(t *testing.T) {
	const size = 100_000
	field := func(number uint64, content string) string {
		b := binary.AppendUvarint(nil, number<<3|wire.Bytes)
		return string(append(binary.AppendUvarint(b, uint64(len(content))), content...))
	}
	zeros, ones := strings.Repeat("\x00", size), strings.Repeat("\x01", size)
	for name, s := range map[string]string{
		"items":         field(42, zeros),
		"item pointers": field(43, zeros),
		"strings":       field(46, zeros),
		"bools":         field(49, ones),
		"times":         field(58, ones),
		"grid":          field(60, zeros),
		"maps":          field(74, zeros),
		"no content":    "\xd2\x02\xff\xff\xff\xff\x7f",
		"nested claim":  field(42, "\xff\xff\xff\xff\x7f"+zeros),
	} {
		var x sample.Every
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = x.ParseWire(s) // both a value and an error are fine
		runtime.ReadMemStats(&after)
		const largest = 64 // bytes per element: an Item with the pointer to it, rounded up by the allocator
		if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(len(s)*largest+16_384); got > limit {
			t.Errorf("%s: %d bytes allocated for %d bytes of input, limit %d", name, got, len(s), limit)
		}
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	s := state(3)
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { buf = s.AppendWire(buf[:0]) }); n != 0 {
		t.Errorf("%v allocations per AppendWire into a buffer that is large enough", n)
	}
}

// FuzzParseWire runs its corpus as a test; its seeds are the encodings of drawn values and their damaged copies.
func FuzzParseWire(f *testing.F) {
	if *update {
		writeSeeds(f)
	}
	f.Fuzz(func(t *testing.T, b []byte) { checkParse(t, string(b)) })
}

func writeSeeds(f *testing.F) {
	dir := filepath.Join("testdata", "fuzz", "FuzzParseWire")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		f.Fatal(err)
	}
	gen := rapid.Custom(drawEvery)
	for seed := range 8 {
		b := gen.Example(seed * 5).AppendWire(nil)
		if seed%2 == 1 {
			b[len(b)/2] ^= 0xff
		}
		text := fmt.Sprintf("go test fuzz v1\n[]byte(%q)\n", b)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("seed-%d", seed)), []byte(text), 0o666); err != nil {
			f.Fatal(err)
		}
	}
}

// TestLengths goes over the borders where a length takes another byte.
func TestLengths(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 16_370, 16_380, 16_381, 16_382, 16_383,
		16_384, 2_097_140, 2_097_148, 2_097_152} {
		x := sample.Every{Items: []sample.Item{{Text: strings.Repeat("a", n)}, {Text: "b"}}, Int: 7, Name: "after"}
		var got sample.Every
		if err := got.ParseWire(string(x.AppendWire(nil))); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		} else if !reflect.DeepEqual(got, x) {
			t.Errorf("%d bytes: read back differently", n)
		}
	}
}

// TestVarints goes over every length of a number and compares with the standard library's form.
func TestVarints(t *testing.T) {
	t.Parallel()
	f := func(v uint64) {
		t.Helper()
		want := binary.AppendUvarint(nil, v)
		if got := wire.AppendUvarint(nil, v); !bytes.Equal(got, want) {
			t.Errorf("%d: %x, want %x", v, got, want)
		}
		if got := wire.AppendTagUvarint(nil, 9, v); !bytes.Equal(got[1:], want) || got[0] != 9 {
			t.Errorf("%d with a tag: %x, want 09%x", v, got, want)
		}
		if got, end := wire.Uvarint("x"+string(want)+"y", 1); got != v || end != 1+len(want) {
			t.Errorf("%d: read %d, position %d", v, got, end)
		}
		if got := wire.Unzigzag(wire.Zigzag(int64(v))); got != int64(v) {
			t.Errorf("%d: zigzag gives %d", int64(v), got)
		}
	}
	for bit := range 64 {
		f(1<<bit - 1)
		f(1 << bit)
	}
	f(math.MaxUint64)
	for n := range 12 { // never finished, also where the ten bytes of the longest are over
		if _, end := wire.Uvarint(strings.Repeat("\x80", n), 0); end != -1 {
			t.Errorf("%d bytes that all go on: position %d", n, end)
		}
	}
}
