// Package barcode makes Japan Post's customer barcode (カスタマバーコード) of a postal code and an address, as text and as bars.
//
// The code is 23 symbols: START, the postal code (7), the address (13), a check symbol, STOP. Every symbol is three bars, START
// and STOP two: 67 bars. Rules: 日本郵便「郵便番号・バーコードマニュアル」
// (https://www.post.japanpost.jp/zipcode/zipmanual/index.html).
package barcode

import (
	"strconv"
	"strings"

	"enishi"
	"enishi/internal/address"

	"golang.org/x/text/unicode/norm"
)

// Symbol is one of the 19 that carry a value: 0-9 are the digits, Hyphen the '-', CC1 to CC8 the control codes.
type Symbol byte

// Symbols beyond the digits 0-9.
const (
	Hyphen Symbol = 10 + iota
	CC1
	CC2
	CC3
	CC4
	CC5
	CC6
	CC7
	CC8
)

// String is the digit, "-" or CCn.
func (s Symbol) String() string {
	switch {
	case s < 10:
		return string(rune('0' + s))
	case s == Hyphen:
		return "-"
	default:
		return "CC" + string(rune('0'+s-Hyphen))
	}
}

// Symbols are those between START and STOP: 7 of the postal code, 13 of the address, the check symbol.
type Symbols [21]Symbol

const zipSymbols, carried = 7, 20

// Of makes the barcode of a postal code of 7 digits and the address digits that [Digits] gives: "3-30-8-403". An address that
// is longer than 13 symbols is cut, as the manual says, even within a letter of two; a shorter one is filled with CC4. An error
// names the field: zip is not 7 digits, or digits holds something else than 0-9, A-Z and "-".
func Of(zip7, digits string) (Symbols, error) {
	var s Symbols
	if len(zip7) != zipSymbols {
		return s, enishi.FieldError("zip", "the postal code is not 7 digits", "郵便番号が 7 桁の数字ではありません")
	}
	n := 0
	for i := 0; i < len(zip7); i++ {
		if zip7[i] < '0' || zip7[i] > '9' {
			return s, enishi.FieldError("zip", "the postal code is not 7 digits", "郵便番号が 7 桁の数字ではありません")
		}
		s[n] = Symbol(zip7[i] - '0')
		n++
	}
	put := func(x Symbol) {
		if n < carried {
			s[n] = x
			n++
		}
	}
	for i := 0; i < len(digits); i++ {
		switch c := digits[i]; {
		case c >= '0' && c <= '9':
			put(Symbol(c - '0'))
		case c == '-':
			put(Hyphen)
		case c >= 'A' && c <= 'Z':
			put(CC1 + Symbol((c-'A')/10))
			put(Symbol((c - 'A') % 10))
		default:
			return s, enishi.FieldError("address", "the address digits hold something else than 0-9, A-Z and -", "住所表示番号に 0~9、A~Z、ハイフン以外の文字があります")
		}
	}
	for n < carried {
		put(CC4)
	}
	s[carried] = s.check()
	return s, nil
}

func (s *Symbols) check() Symbol {
	sum := 0
	for _, x := range s[:carried] {
		sum += int(x)
	}
	return Symbol((19 - sum%19) % 19)
}

// Check is the check symbol: 0-9, - or CCn.
func (s Symbols) Check() string { return s[carried].String() }

// Text is the 23 symbols with START and STOP, each by its name, with a space between: what print houses call バーコード文字列.
func (s Symbols) Text() string {
	var b strings.Builder
	b.WriteString("START")
	for _, x := range s {
		b.WriteByte(' ')
		b.WriteString(x.String())
	}
	b.WriteString(" STOP")
	return b.String()
}

// Parse reads what Text wrote, and refuses a text whose check symbol is wrong.
func Parse(text string) (Symbols, error) {
	var s Symbols
	words := strings.Fields(text)
	if len(words) != len(s)+2 || words[0] != "START" || words[len(words)-1] != "STOP" {
		return s, enishi.FieldError("barcode", "not 23 symbols from START to STOP", "START から STOP までの 23 個の記号ではありません")
	}
	for i, w := range words[1 : len(words)-1] {
		x := Symbol(0)
		for x <= CC8 && x.String() != w {
			x++
		}
		if x > CC8 {
			return s, enishi.FieldError("barcode", "no such symbol: "+w, "記号ではありません: "+w)
		}
		s[i] = x
	}
	if s[carried] != s.check() {
		return s, enishi.FieldError("barcode", "the check symbol is "+s.Check()+", not "+s.check().String(), "チェックデジットが違います")
	}
	return s, nil
}

// Digits takes the address digits (住所表示番号) out of an address, as the manual orders; the address is all that follows the
// town's name of the postal code, buildings and rooms included, or the whole address. Numbers in kanji count before 丁目,
// 番地, 号 and their like only; a number that is part of a town's name (北3条, 三番町, 八丁堀) does not count.
func Digits(rest string) string {
	return hyphens(numerals([]rune(strings.ToUpper(norm.NFKC.String(rest)))))
}

// numerals turns kanji numerals before a unit into digits, and takes the numbers of names away.
func numerals(rs []rune) []rune {
	out := make([]rune, 0, len(rs)+8)
	first := true
	for i := 0; i < len(rs); {
		end, digits := i, rs[i] >= '0' && rs[i] <= '9'
		for end < len(rs) && (digits && rs[end] >= '0' && rs[end] <= '9' || !digits && address.KanjiNumeral(rs[end]) >= 0) {
			end++
		}
		switch {
		case end == i:
			out = append(out, rs[i])
			i++
			continue
		case ofName(rs[end:]) || first && !digits && rs[min(end, len(rs)-1)] == '番' && address.NumbersFollow(rs[end+1:]):
			out = append(out, '-')
		case digits:
			first = false
			out = append(out, rs[i:end]...)
		case unitAt(rs[end:]):
			first = false
			out = append(out, []rune(strconv.Itoa(max(address.KanjiNumber(rs[i:end]), 0)))...)
		default:
			out = append(out, '-')
		}
		i = end
	}
	return out
}

// ofName tells what follows the number of a town's name.
func ofName(rs []rune) bool {
	return len(rs) > 0 && rs[0] == '条' || len(rs) > 1 && rs[0] == '番' && (rs[1] == '町' || rs[1] == '丁')
}

func unitAt(rs []rune) bool {
	for _, u := range [...]string{"丁目", "番地", "丁", "番", "号", "地割", "線", "の", "ノ"} {
		ur := []rune(u)
		if len(rs) < len(ur) || string(rs[:len(ur)]) != u {
			continue
		}
		if next := rs[len(ur):]; (u == "丁" || u == "の" || u == "ノ") && len(next) > 0 {
			r := next[0]
			return r >= '0' && r <= '9' || address.KanjiNumeral(r) >= 0 || u == "丁" && (r == '-' || r == ' ' || r == '−')
		}
		return true
	}
	return false
}

// hyphens makes one hyphen of everything that is neither a digit nor a single letter, by the manual's steps.
func hyphens(rs []rune) string {
	out := make([]byte, 0, len(rs))
	for i := 0; i < len(rs); i++ {
		r := rs[i]
		switch {
		case r == '&' || r == '/' || r == '・' || r == '.': // dropped: what stands beside them joins
			continue
		case r >= '0' && r <= '9':
			out = append(out, byte(r))
		case r >= 'A' && r <= 'Z':
			out = append(out, byte(r))
		default:
			out = append(out, '-')
		}
	}
	// two letters or more are a word, not a code; an F after a number is a floor
	kept := out[:0:0]
	for i := 0; i < len(out); {
		c := out[i]
		if c < 'A' || c > 'Z' {
			kept = append(kept, c)
			i++
			continue
		}
		end := i
		for end < len(out) && out[end] >= 'A' && out[end] <= 'Z' {
			end++
		}
		switch {
		case end-i > 1, c == 'F' && i > 0 && out[i-1] >= '0' && out[i-1] <= '9':
			kept = append(kept, '-')
		default:
			kept = append(kept, c)
		}
		i = end
	}
	var b []byte
	for _, c := range kept {
		if c == '-' && (len(b) == 0 || b[len(b)-1] == '-' || alpha(b[len(b)-1])) {
			continue
		}
		if alpha(c) && len(b) > 0 && b[len(b)-1] == '-' {
			b = b[:len(b)-1]
		}
		b = append(b, c)
	}
	return strings.Trim(string(b), "-")
}

func alpha(c byte) bool { return c >= 'A' && c <= 'Z' }

// OfAddress makes the barcode of a normal address, and tells why there is none (nil error, ok false): a postal code that stands
// for a whole city (it ends with 00) names no delivery point. A box carries its number; an office's own postal code nothing
// but itself (office true).
func OfAddress(n *address.Normal, office bool) (s Symbols, digits string, ok bool, err error) {
	if len(n.PostalCode) != zipSymbols || n.Foreign {
		return s, "", false, nil
	}
	office = office || n.Office
	if strings.HasSuffix(n.PostalCode, "00") && !office {
		return s, "", false, nil
	}
	switch {
	case office:
	case n.POBox != "":
		digits = Digits(n.POBox)
	default:
		digits = Digits(n.Town + "-" + n.Block + " " + n.Line2)
	}
	s, err = Of(n.PostalCode, digits)
	return s, digits, err == nil, err
}
