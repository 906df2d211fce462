package files

import (
	"bytes"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"

	"enishi/internal/address"
)

// Encodings of texts.
const (
	UTF8  = "utf-8"
	UTF16 = "utf-16" // with a byte order mark
	CP932 = "cp932"  // Shift_JIS as Windows writes it
	EUCJP = "euc-jp"
)

// Encodings are the names that [Options.Encoding] takes.
func Encodings() []string { return []string{UTF8, UTF16, CP932, EUCJP} }

var bom = []byte("\xef\xbb\xbf")

// decoder reads a text of an encoding as UTF-8.
func decoder(r io.Reader, name string) io.Reader {
	var e encoding.Encoding
	switch name {
	case CP932:
		e = japanese.ShiftJIS
	case EUCJP:
		e = japanese.EUCJP
	case UTF16:
		e = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	default:
		return r
	}
	return e.NewDecoder().Reader(r)
}

// Encode writes a text in an encoding; what the encoding lacks becomes a question mark.
func Encode(dst []byte, text, name string) []byte {
	switch name {
	case CP932:
		for _, r := range text {
			var fit address.Fit
			if dst, fit = address.AppendCP932(dst, r); fit == address.FitNone {
				dst = append(dst, '?')
			}
		}
		return dst
	case EUCJP:
		out, err := encoding.ReplaceUnsupported(japanese.EUCJP.NewEncoder()).String(text)
		if err != nil {
			out = text
		}
		return append(dst, out...)
	}
	return append(dst, text...) // also of UTF-16: the file to mend is UTF-8 then
}

// sniffBytes of letters beyond ASCII tell the encoding.
const sniffBytes = 64 << 10

// sniffer looks through a file for its first letters beyond ASCII.
type sniffer struct {
	start []byte // of the file, for the byte order mark
	high  []byte // from the first byte beyond ASCII on
}

// take returns false when it has seen enough.
func (s *sniffer) take(b []byte) bool {
	if len(s.start) < 4 {
		s.start = append(s.start, b[:min(len(b), 4-len(s.start))]...)
	}
	if s.high == nil {
		i := bytes.IndexFunc(b, func(r rune) bool { return r >= utf8.RuneSelf })
		if i < 0 {
			return true
		}
		b = b[i:]
	}
	s.high = append(s.high, b...)
	return len(s.high) < sniffBytes
}

// encoding is UTF-8 unless the bytes are not; CP932 and EUC-JP are told apart by which of them the bytes are valid in, and
// when they are in both, by half-width kana, which EUC-JP text has in plenty when it is read as CP932.
func (s *sniffer) encoding() string {
	if bytes.HasPrefix(s.start, []byte{0xFF, 0xFE}) || bytes.HasPrefix(s.start, []byte{0xFE, 0xFF}) {
		return UTF16
	}
	if bytes.HasPrefix(s.start, bom) || validUTF8(s.high) {
		return UTF8
	}
	sjis, eucjp := badness(s.high, CP932), badness(s.high, EUCJP)
	if eucjp < sjis {
		return EUCJP
	}
	return CP932
}

// validUTF8 lets the last letter be cut.
func validUTF8(b []byte) bool {
	for cut := range utf8.UTFMax {
		if cut > len(b) {
			return false
		}
		if utf8.Valid(b[:len(b)-cut]) {
			return true
		}
	}
	return false
}

// badness counts what a text would hardly have.
func badness(b []byte, name string) int {
	text, err := io.ReadAll(decoder(bytes.NewReader(b), name))
	if err != nil {
		return len(b)
	}
	n := 0
	for _, r := range string(text) {
		switch {
		case r == utf8.RuneError:
			n += 20
		case r >= 0xFF61 && r <= 0xFF9F: // half-width kana
			n++
		case r >= 0xE000 && r <= 0xF8FF: // private use
			n += 5
		}
	}
	return n
}
