package embedded

import (
	"bytes"
	"slices"
	"testing"
	"time"
)

// Whatever stands in a segment, the check ends, and what it calls good is good and in order.
func FuzzBrokerSegment(f *testing.F) {
	one := fillerBatch(5, 0, time.UnixMilli(1))
	two := append(bytes.Clone(one), fillerBatch(6, 3, time.UnixMilli(2))...)
	f.Add(two, int64(5))
	f.Add(append(bytes.Clone(two[:70]), two...), int64(0))
	f.Fuzz(func(t *testing.T, raw []byte, from int64) {
		var s logSegment
		s.check(raw, from, true)
		var good []byte
		for _, sp := range s.good {
			good = append(good, raw[sp.from:sp.to]...)
		}
		if len(indexOf(good))%indexEntry != 0 || s.end < s.first {
			t.Fatal("index or offsets")
		}
		var again logSegment
		again.check(good, from, true)
		if again.damaged || again.torn || again.end != s.end || again.first != s.first || int(again.whole()) != len(good) {
			t.Fatalf("the good part is not good: %+v after %+v", again, s)
		}
		if !s.damaged && !s.torn && !slices.Equal(good, raw) {
			t.Fatal("bytes were left out without a word")
		}
	})
}
