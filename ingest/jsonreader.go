package ingest

import (
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"enishi"
)

// reader is a strict pull reader of one JSON text, for bodies whose fields have many names and shapes (Segment's). The
// first error sticks: loops end and the rest reads as nothing.
//
// Texts and keys are views into the input where they have no escapes: they are good as long as the input is. Whatever
// outlives it is cloned (a test of the collector overwrites its bodies).
type reader struct {
	s     []byte
	i     int
	depth int
	err   *Refusal

	// Where the reader is, for errors: path is put before a field's name, and list[index]. between them when list is set.
	path  string
	list  string
	index int
}

// place is the path of a field.
func (x *reader) place(field string) string {
	if x.list == "" {
		return x.path + field
	}
	return x.path + x.list + "[" + strconv.Itoa(x.index) + "]." + field
}

const maxDepth = 64

func (x *reader) space() {
	for x.i < len(x.s) {
		switch x.s[x.i] {
		case ' ', '\t', '\n', '\r':
			x.i++
		default:
			return
		}
	}
}

func (x *reader) peek() byte {
	x.space()
	if x.err != nil || x.i >= len(x.s) {
		return 0
	}
	return x.s[x.i]
}

func (x *reader) bad(what, whatJA string) {
	if x.err == nil {
		x.err = refusef(CodeJSON, "", "no valid JSON at byte %d: "+what, "JSON として読めません（%d バイト目）: "+whatJA, x.i)
	}
}

func (x *reader) fail(r *Refusal) {
	if x.err == nil && r != nil {
		x.err = r
	}
}

// wrong says that the value at the reader is not of the kind that field wants.
func (x *reader) wrong(field, want, wantJA string) {
	raw := x.raw()
	if x.err == nil {
		x.err = wrongType(x.place(field), raw, want, wantJA)
	}
}

// object begins an object; false when the value is null or something else (an error, unless null).
func (x *reader) object(field string) bool {
	return x.begin('{', field, "an object", "オブジェクト {…}")
}

// array begins a list.
func (x *reader) array(field string) bool { return x.begin('[', field, "a list", "配列 […]") }

func (x *reader) begin(open byte, field, want, wantJA string) bool {
	switch x.peek() {
	case open:
		x.i++
		if x.depth++; x.depth > maxDepth {
			x.bad("nested too deeply", "入れ子が深すぎます")
			return false
		}
		return true
	case 'n':
		x.raw()
	default:
		x.wrong(field, want, wantJA)
	}
	return false
}

// key reads the next key of an object, after the first one with first = false; false at its end.
func (x *reader) key(first *bool) (string, bool) {
	if !x.more('}', first) {
		return "", false
	}
	if x.peek() != '"' {
		x.bad("want a key", "キーがありません")
		return "", false
	}
	k := x.quoted()
	if x.peek() != ':' {
		x.bad("want a colon", "コロンがありません")
		return "", false
	}
	x.i++
	return k, x.err == nil
}

// more goes to the next element of a list or object; false at its end.
func (x *reader) more(end byte, first *bool) bool {
	c := x.peek()
	if x.err != nil {
		return false
	}
	if c == end {
		x.i++
		x.depth--
		return false
	}
	if *first {
		*first = false
		return true
	}
	if c != ',' {
		x.bad("want a comma", "カンマがありません")
		return false
	}
	x.i++
	if x.peek() == end {
		x.bad("a comma too many", "余分なカンマがあります")
		return false
	}
	return true
}

// text reads a string; a number is its text (ids often come as numbers), null is "".
func (x *reader) text(field string) string {
	switch c := x.peek(); {
	case c == '"':
		return x.quoted()
	case c == '-' || c >= '0' && c <= '9':
		return view(x.number())
	case c == 'n':
		x.raw()
	default:
		x.wrong(field, "a text", `文字列 "…"`)
	}
	return ""
}

// amount reads a number or a decimal text. Prices computed by scripts (0.1+0.2) are rounded to 4 decimals; more digits
// than an amount has are an error.
func (x *reader) amount(field string) enishi.Amount {
	var s string
	switch c := x.peek(); {
	case c == '"':
		s = x.quoted()
	case c == '-' || c >= '0' && c <= '9':
		s = view(x.number())
	case c == 'n':
		x.raw()
	default:
		x.wrong(field, "an amount", "金額")
		return 0
	}
	if s == "" || x.err != nil {
		return 0
	}
	a, err := enishi.ParseAmount(s)
	if err == nil {
		return a
	}
	if f, ferr := strconv.ParseFloat(s, 64); ferr == nil {
		if a, err = enishi.ParseAmount(strconv.FormatFloat(f, 'f', 4, 64)); err == nil {
			return a
		}
	}
	x.fail(refusef(CodeValue, x.place(field), "%q is no amount: write a decimal such as 1234 or 12.50", "%q は金額として読めません。1234 や 12.50 の形にしてください", clip(s)))
	return 0
}

// whole reads a whole number, also as text or with a zero fraction.
func (x *reader) whole(field string) int {
	var s string
	switch c := x.peek(); {
	case c == '"':
		s = x.quoted()
	case c == '-' || c >= '0' && c <= '9':
		s = view(x.number())
	case c == 'n':
		x.raw()
	default:
		x.wrong(field, "a whole number", "整数")
	}
	if s == "" || x.err != nil {
		return 0
	}
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && f == float64(int(f)) {
		return int(f)
	}
	x.fail(refusef(CodeType, x.place(field), "is %q, want a whole number", "%q は整数ではありません", clip(s)))
	return 0
}

// truth reads true or false.
func (x *reader) truth(field string) bool {
	switch x.peek() {
	case 't', 'f':
		return string(x.raw()) == "true"
	case 'n':
		x.raw()
	default:
		x.wrong(field, "true or false", "true または false")
	}
	return false
}

// value reads any value as a property: objects and lists keep their text.
func (x *reader) value() enishi.Value {
	if x.peek() == '"' {
		if s := x.quoted(); len(s) < 20 || s[4] != '-' { // no instant, see enishi.Value
			return enishi.TextValue(s)
		} else if t, err := time.Parse(time.RFC3339, s); err == nil && s[10] == 'T' {
			return enishi.InstantValue(t)
		} else {
			return enishi.TextValue(s)
		}
	}
	raw := x.raw()
	var v enishi.Value
	if x.err == nil {
		if err := v.UnmarshalJSON(raw); err != nil {
			x.bad("a number is out of range", "数値が大きすぎます")
		}
	}
	return v
}

// raw checks and skips one value and returns its text.
func (x *reader) raw() []byte {
	switch c := x.peek(); {
	case x.err != nil:
		return nil
	case c == '"':
		from := x.i
		x.skipString()
		return x.s[from:x.i]
	case c == '{' || c == '[':
		return x.container(c)
	case c == '-' || c >= '0' && c <= '9':
		return x.number()
	}
	for _, word := range [...]string{"null", "true", "false"} {
		if len(x.s)-x.i >= len(word) && string(x.s[x.i:x.i+len(word)]) == word {
			x.i += len(word)
			return x.s[x.i-len(word) : x.i]
		}
	}
	x.bad("want a value", "値がありません")
	return nil
}

func (x *reader) container(open byte) []byte {
	from, first := x.i, true
	x.i++
	if x.depth++; x.depth > maxDepth {
		x.bad("nested too deeply", "入れ子が深すぎます")
		return nil
	}
	if open == '{' {
		for {
			if _, ok := x.key(&first); !ok {
				break
			}
			x.raw()
		}
	} else {
		for x.more(']', &first) {
			x.raw()
		}
	}
	if x.err != nil {
		return nil
	}
	return x.s[from:x.i]
}

func (x *reader) number() []byte {
	from := x.i
	digits := func() bool {
		start := x.i
		for x.i < len(x.s) && x.s[x.i] >= '0' && x.s[x.i] <= '9' {
			x.i++
		}
		return x.i > start
	}
	if x.s[x.i] == '-' {
		x.i++
	}
	zero := x.i < len(x.s) && x.s[x.i] == '0'
	start := x.i
	ok := digits() && !(zero && x.i > start+1)
	if ok && x.i < len(x.s) && x.s[x.i] == '.' {
		x.i++
		ok = digits()
	}
	if ok && x.i < len(x.s) && x.s[x.i]|0x20 == 'e' {
		x.i++
		if x.i < len(x.s) && (x.s[x.i] == '+' || x.s[x.i] == '-') {
			x.i++
		}
		ok = digits()
	}
	if !ok {
		x.bad("a malformed number", "数値の形式が正しくありません")
		return nil
	}
	return x.s[from:x.i]
}

// skipString goes over a string and says whether it has escapes.
func (x *reader) skipString() (escaped bool) {
	for x.i++; x.i < len(x.s); x.i++ {
		switch c := x.s[x.i]; {
		case c == '"':
			x.i++
			return escaped
		case c == '\\':
			escaped = true
			if x.i++; !x.escape() {
				x.bad("a malformed escape", "エスケープの形式が正しくありません")
				return escaped
			}
		case c < 0x20:
			x.bad("a control character in a text", "文字列に制御文字があります")
			return escaped
		}
	}
	x.bad("a text without end", "文字列が閉じられていません")
	return escaped
}

func (x *reader) escape() bool {
	if x.i >= len(x.s) {
		return false
	}
	switch x.s[x.i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		if _, ok := hex4(x.s[x.i+1:]); ok {
			x.i += 4
			return true
		}
	}
	return false
}

func hex4(s []byte) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range s[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

func (x *reader) quoted() string {
	from := x.i + 1
	escaped := x.skipString()
	if x.err != nil {
		return ""
	}
	s := x.s[from : x.i-1]
	if !escaped {
		return view(s)
	}
	return unescape(s)
}

// view is b as a string, without a copy.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// unescape decodes a checked string; a lone surrogate becomes U+FFFD, as in encoding/json.
func unescape(s []byte) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out = append(out, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, _ := hex4(s[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if i+6 < len(s) && s[i+1] == '\\' && s[i+2] == 'u' {
					low, _ = hex4(s[i+3:])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, s[i])
		}
	}
	return string(out)
}

// end checks that nothing follows.
func (x *reader) end() {
	if x.peek() != 0 || x.err == nil && x.i < len(x.s) {
		x.bad("something follows the value", "値の後に余分な文字があります")
	}
}
