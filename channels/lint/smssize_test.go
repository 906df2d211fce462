package lint

import (
	"strings"
	"testing"
)

func TestSMSSize(t *testing.T) {
	f := func(text string, units, parts int, latin bool) {
		t.Helper()
		u, p, l := SMSSize(text)
		if u != units || p != parts || l != latin {
			t.Errorf("%.20q: %d units in %d parts, latin %t; want %d, %d, %t", text, u, p, l, units, parts, latin)
		}
	}
	f("", 0, 0, true)
	f("a", 1, 1, true)
	f(strings.Repeat("a", 160), 160, 1, true)
	f(strings.Repeat("a", 161), 161, 2, true)
	f(strings.Repeat("a", 306), 306, 2, true)
	f(strings.Repeat("a", 307), 307, 3, true)
	f(strings.Repeat("a", 159)+"€", 161, 2, true) // the extension counts twice
	f("[", 2, 1, true)
	// The carriers' table: 70, 134, 201, ..., 670.
	for part, last := range []int{70, 134, 201, 268, 335, 402, 469, 536, 603, 670} {
		f(strings.Repeat("あ", last), last, part+1, false)
		f(strings.Repeat("あ", last+1), last+1, part+2, false)
	}
	f("a😀", 3, 1, false)
	f("ç", 1, 1, false) // Ç is in the alphabet, ç is not
}
