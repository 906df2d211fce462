// Package codes reads what carriers and tills print on things: the numbers of slips and goods with their check digits, and the
// words by which carriers say where a parcel is. It keeps no state and knows no I/O.
package codes

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"enishi"
)

// Slip reads the number of a carrier's slip, written with or without hyphens and in wide or narrow digits, and gives it without
// hyphens: 12 digits of ヤマト運輸, 佐川急便 and 日本郵便, whose last is the first eleven modulo 7 (7DR); 11 digits of
// 日本郵便's registered mail (7DR too); 10 digits of 佐川急便's older slips, which have no check digit; or an item of the
// Universal Postal Union such as EE123456785JP (standard S10, modulo 11). Text without anything is "" and no error. The error
// is an *enishi.Error with words in both languages.
func Slip(text string) (string, error) {
	s := strings.Map(func(r rune) rune {
		switch r {
		case '-', ' ', 'ー', '―', '—', '–', '‐', '‑', '−', '─', 'ｰ', '\u3000', '\'':
			return -1
		}
		return r
	}, norm.NFKC.String(strings.TrimSpace(text)))
	s = strings.ToUpper(s)
	if s == "" {
		return "", nil
	}
	if len(s) == 13 && letters(s[:2]) && digits(s[2:11]) && letters(s[11:]) {
		if s10(s[2:10]) != s[10] {
			return "", slipError(text, "its check digit is wrong", "チェックデジットが合いません")
		}
		return s, nil
	}
	if strings.ContainsAny(s, ".+") && strings.ContainsRune(s, 'E') {
		return "", slipError(text, "a spreadsheet has rounded it: export it again and do not save the file from the spreadsheet", "表計算ソフトで桁が丸められています。書き出し直し、表計算ソフトで保存せずに取り込んでください")
	}
	if !digits(s) || len(s) < 10 || len(s) > 12 {
		return "", slipError(text, "want 10 to 12 digits, or an international number such as EE123456785JP", "10〜12 桁の数字か、EE123456785JP のような国際郵便の番号を入れてください")
	}
	if len(s) > 10 && modulo7(s[:len(s)-1]) != s[len(s)-1] {
		return "", slipError(text, "its check digit is wrong: a digit is missing or mistyped", "チェックデジットが合いません。桁の抜けや打ち間違いがないか確かめてください")
	}
	return s, nil
}

func slipError(text, en, ja string) error {
	return enishi.FieldError("tracking", text+" is no slip number: "+en, "「"+text+"」は送り状番号ではありません。"+ja+"。")
}

// JAN reads the code of an article and gives it as text when it is one of its maker: 13 digits (JAN, EAN, ISBN), 8 digits, or
// 12 (UPC, given with a zero in front), with the check digit modulo 10 of GS1's General Specifications. Everything else is "":
// codes of a shop's own (20 to 29 and 02 in front) say nothing outside of it, and a wrong check digit is no code.
func JAN(text string) string {
	s := norm.NFKC.String(strings.TrimSpace(text))
	if len(s) == 12 {
		s = "0" + s
	}
	if len(s) != 8 && len(s) != 13 || !digits(s) || modulo10(s[:len(s)-1]) != s[len(s)-1] {
		return ""
	}
	if s[0] == '2' || len(s) == 13 && s[:2] == "02" || strings.Trim(s, "0") == "" {
		return ""
	}
	return s
}

// modulo7 is the check digit 7DR of a number of up to 18 digits.
func modulo7(s string) byte {
	n := 0
	for i := range len(s) {
		n = (n*10 + int(s[i]-'0')) % 7
	}
	return byte('0' + n)
}

// modulo10 is GS1's check digit: weights 3 and 1 from the right.
func modulo10(s string) byte {
	sum := 0
	for i := range len(s) {
		n := int(s[len(s)-1-i] - '0')
		if i%2 == 0 {
			n *= 3
		}
		sum += n
	}
	return byte('0' + (10-sum%10)%10)
}

// s10 is the check digit of the eight digits of an item of the Universal Postal Union.
func s10(s string) byte {
	sum := 0
	for i, w := range [...]int{8, 6, 4, 2, 3, 5, 9, 7} {
		sum += w * int(s[i]-'0')
	}
	switch c := 11 - sum%11; c {
	case 10:
		return '0'
	case 11:
		return '5'
	default:
		return byte('0' + c)
	}
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func letters(s string) bool {
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return true
}
