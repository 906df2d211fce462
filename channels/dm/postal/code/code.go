// Package code makes the short code that each printed piece carries: in its QR, and to be read out at a till or typed.
//
// A code is 12 characters of an alphabet of 32 without 0, O, 1 and I: 11 made by HMAC-SHA256 of the send id under the
// workspace's key (55 bits: nobody guesses one, and the same piece has the same code however often it is made), and one that
// finds every single wrong character and every two that changed places.
package code

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"enishi"
)

const (
	alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
	size     = 12 // with the check character
)

// Code is a piece's code as it is stored: 12 characters.
type Code string

// New makes the code of a send id. The key is the workspace's secret, so that codes of another are not ours.
func New(key []byte, send enishi.ID) Code {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("enishi piece code 1\x00"))
	m.Write(send[:])
	n := binary.BigEndian.Uint64(m.Sum(nil))
	var c [size]byte
	for i := range c[:size-1] {
		c[i] = byte(n >> (59 - 5*i) & 31)
	}
	c[size-1] = check(c[:size-1])
	for i, v := range c {
		c[i] = alphabet[v]
	}
	return Code(c[:])
}

// String is the code as people read it: ABCD-EFGH-JKLM.
func (c Code) String() string {
	if len(c) != size {
		return string(c)
	}
	return string(c[:4] + "-" + c[4:8] + "-" + c[8:])
}

// check is the sum of the values, each times a power of the field's generator that is its place's own: in a field every such
// weight is a bijection, so no single change and no exchange of two keeps the sum.
func check(values []byte) byte {
	sum, weight := byte(0), byte(1)
	for _, v := range values {
		weight = times2(weight)
		sum ^= product(weight, v)
	}
	return sum
}

// times2 multiplies by x in GF(2^5) with x^5 + x^2 + 1.
func times2(a byte) byte {
	a <<= 1
	if a&32 != 0 {
		a ^= 0b100101
	}
	return a
}

func product(a, b byte) (p byte) {
	for ; b != 0; b >>= 1 {
		if b&1 != 0 {
			p ^= a
		}
		a = times2(a)
	}
	return p
}

// Parse reads a code as it was scanned or typed: the address in a QR, with hyphens or spaces, in small or full-width letters.
// An error says which character is none of the alphabet, or that the code is mistyped.
func Parse(text string) (Code, error) {
	s := norm.NFKC.String(strings.TrimSpace(text))
	if i := strings.LastIndex(s, "/d/"); i >= 0 {
		s = s[i+len("/d/"):]
		s, _, _ = strings.Cut(s, "?")
		s, _, _ = strings.Cut(s, "#")
		s, _, _ = strings.Cut(s, "/")
		if plain, err := url.PathUnescape(s); err == nil {
			s = plain
		}
	}
	var c [size]byte
	n := 0
	for _, r := range s {
		r = unicode.ToUpper(r)
		if unicode.IsSpace(r) || strings.ContainsRune("-‐‑–—−ー_.*", r) {
			continue
		}
		v := strings.IndexRune(alphabet, r)
		if r > unicode.MaxASCII || v < 0 {
			return "", enishi.FieldError("code", fmt.Sprintf("%q is no character of a piece code (never 0, O, 1 or I)", r), fmt.Sprintf("「%c」はピースコードに使わない文字です(0、O、1、I は使いません)", r))
		}
		if n < size {
			c[n] = byte(v)
		}
		n++
	}
	if n != size {
		return "", enishi.FieldError("code", fmt.Sprintf("%d characters: a piece code has %d", n, size), fmt.Sprintf("%d 文字です。ピースコードは %d 文字です", n, size))
	}
	if check(c[:size-1]) != c[size-1] {
		return "", enishi.FieldError("code", "a mistyped code: its check character does not fit", "コードが違います。チェック文字が合いません")
	}
	for i, v := range c {
		c[i] = alphabet[v]
	}
	return Code(c[:]), nil
}
