package address

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/unicode/norm"
)

// Fit says how a character fits CP932 (Windows-31J), the encoding that Japanese print houses read.
type Fit int

// Fits.
const (
	FitJIS    Fit = iota // ASCII, JIS X 0201 or JIS X 0208: every house can print it
	FitNECIBM            // a NEC or IBM extension (髙, 﨑, ①): in CP932, but the house's font has to have it
	FitNone              // not in CP932
)

// toCP932 maps characters that other systems write for ones of CP932: the wave dash, the minus, signs of half width.
func toCP932(r rune) rune {
	switch r {
	case 0x301C: // wave dash
		return 0xFF5E
	case 0x2212: // minus
		return 0xFF0D
	case 0x2016:
		return 0x2225
	case 0x2014:
		return 0x2015
	case 0x00A2:
		return 0xFFE0
	case 0x00A3:
		return 0xFFE1
	case 0x00AC:
		return 0xFFE2
	case 0x00A5: // half-width yen: its byte is the backslash
		return 0xFFE5
	case 0x203E:
		return 0xFFE3
	case 0x00A0:
		return ' '
	case 0x00B7:
		return 0x30FB
	}
	return r
}

// cp932 holds the two bytes of every character of CP932, by its code point; 0 for the others.
//
// Some characters have several places. JIS X 0208 goes before NEC's row 13, that before IBM's (FA to FC), and NEC's selection
// (ED, EE) last: so Windows writes them, and with it the programs of print houses. The decoder of golang.org/x/text (the
// Encoding Standard's Shift_JIS) knows all places, its encoder takes the first.
var cp932 = sync.OnceValue(func() *[1 << 16]uint16 {
	var all [1 << 16]uint16
	d := japanese.ShiftJIS.NewDecoder()
	for _, leads := range [...][2]byte{{0x81, 0x84}, {0x88, 0x9F}, {0xE0, 0xEA}, {0x87, 0x87}, {0xFA, 0xFC}, {0xED, 0xEE}} {
		for lead := leads[0]; lead <= leads[1]; lead++ {
			for trail := byte(0x40); trail <= 0xFC; trail++ {
				s, err := d.Bytes([]byte{lead, trail})
				if err != nil {
					continue
				}
				if r, n := utf8.DecodeRune(s); n == len(s) && r >= 0x80 && r <= 0xFFFF && r != utf8.RuneError && all[r] == 0 {
					all[r] = uint16(lead)<<8 | uint16(trail)
				}
			}
		}
	}
	return &all
})

// AppendCP932 appends a character as CP932, and says how it fits; of FitNone nothing is appended.
func AppendCP932(dst []byte, r rune) ([]byte, Fit) {
	r = toCP932(r)
	switch {
	case r >= 0 && r < 0x80:
		return append(dst, byte(r)), FitJIS
	case r >= 0xFF61 && r <= 0xFF9F:
		return append(dst, byte(r-0xFF61+0xA1)), FitJIS
	case r < 0 || r > 0xFFFF:
		return dst, FitNone
	}
	b := cp932()[r]
	switch lead := byte(b >> 8); {
	case b == 0:
		return dst, FitNone
	case lead == 0x87 || lead >= 0xED:
		return append(dst, lead, byte(b)), FitNECIBM
	default:
		return append(dst, lead, byte(b)), FitJIS
	}
}

// DecodeCP932 reads what [AppendCP932] wrote.
func DecodeCP932(b []byte) (string, error) {
	d, err := japanese.ShiftJIS.NewDecoder().Bytes(b)
	return string(d), err
}

// rare are characters outside CP932 of Japanese names, with the one that is written for them.
var rare = map[rune]rune{'𠮷': '吉', '𠮟': '叱', '𠀋': '丈', '𡈽': '土', '𣘺': '橋', '槗': '橋', '𠩤': '原', '𦚰': '脇', '𤭯': '瓶', '𥱋': '簗', '濹': '墨', '頰': '頬', '剝': '剥', '塡': '填', '俱': '倶', '瘦': '痩',
	'繫': '繋', '蔣': '蒋', '醬': '醤', '囊': '嚢', '噓': '嘘', '搔': '掻', '攢': '攅', '焰': '焔', '屢': '屡', '蠟': '蝋', '軀': '躯', '鷗': '鴎', '麴': '麹', '禱': '祷', '摑': '掴', '瀆': '涜', '簞': '箪', '屛': '屏',
	'幷': '并', '潑': '溌', '鹼': '鹸', '麵': '麺'}

// Alternative gives a text that CP932 can hold and a reader takes for the same, and whether every character has one.
func Alternative(s string) (alt string, whole bool) {
	var b strings.Builder
	whole = true
	for _, r := range s {
		if _, fit := AppendCP932(nil, r); fit != FitNone {
			b.WriteRune(r)
			continue
		}
		if invisible(r) || emoji(r) {
			continue
		}
		to, ok := rare[r]
		if !ok {
			to, ok = variants[r]
		}
		if !ok {
			for _, m := range stripMarks(norm.NFKD.String(string(r))) {
				to, ok = m, true
				break
			}
		}
		if _, fit := AppendCP932(nil, to); !ok || fit == FitNone {
			b.WriteRune('〓')
			whole = false
			continue
		}
		b.WriteRune(to)
	}
	return strings.TrimSpace(b.String()), whole
}

// emoji tells pictures, which no print file carries.
func emoji(r rune) bool {
	switch {
	case r >= 0x1F000 && r <= 0x1FAFF, r >= 0x2600 && r <= 0x27BF, r == 0x200D, r == 0x20E3, r >= 0xE0020 && r <= 0xE007F, r >= 0x2B00 && r <= 0x2BFF:
		_, fit := AppendCP932(nil, r)
		return fit == FitNone
	}
	return unicode.Is(unicode.So, r) && r > 0xFFFF
}

// Plain is a text within JIS X 0208 that a reader takes for the character: 高 for 髙, 吉 for 𠮷. ok is false when there is none.
func Plain(r rune) (text string, ok bool) {
	if invisible(r) || emoji(r) {
		return "", true
	}
	to, found := rare[r]
	if !found {
		to, found = variants[r]
	}
	if found {
		if _, fit := AppendCP932(nil, to); fit == FitJIS {
			return string(to), true
		}
	}
	if s := stripMarks(norm.NFKD.String(string(r))); s != string(r) && s != "" {
		for _, m := range s {
			if _, fit := AppendCP932(nil, m); fit != FitJIS {
				return "", false
			}
		}
		return s, true
	}
	return "", false
}
