package profiles

import (
	"crypto/sha256"
	"strconv"
	"strings"
)

// household is the key of the people who share a postal address and a family name: 16 bytes, or "" when the traits tell no
// street or no family name; such a person is a household alone. It is a digest, so that it may stand in results where an
// address may not. Two spellings of one address give one key as far as [addressKey] knows.
func (v *View) household() string {
	if !v.housed {
		v.housed, v.house = true, ""
		text := func(name string) string { return v.Traits[name].String() }
		family, _, _, _ := v.Name()
		street := strings.Trim(addressKey(text("address1")+"-"+text("address2")), "-")
		zip := digits(text("postal_code"))
		city := addressKey(text("city"))
		if len(zip) != 7 { // a whole postal code names the prefecture, which is often left out beside it
			zip = addressKey(text("prefecture"))
		}
		if family = Fold(family); family != "" && street != "" && zip+city != "" {
			sum := sha256.Sum256([]byte(strings.Join([]string{"household", zip, city + street, family}, "\x00")))
			v.house = string(sum[:16])
		}
	}
	return v.house
}

// digits are the digits of a text, whatever their width.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return r
		case r >= '０' && r <= '９':
			return r - '０' + '0'
		}
		return -1
	}, s)
}

// addressKey is a part of a Japanese postal address without what is written in different ways: width, case, spaces and kana
// as in [Fold]; 丁目, 番地, 番, 号, 号室, の and every kind of dash are a hyphen between digits and nothing else after one; a number in kanji
// before 丁目 is in digits; ヶ is ケ.
func addressKey(s string) string {
	in := []rune(chomeDigits(Fold(s)))
	out := make([]rune, 0, len(in))
	dash := false
	for i := 0; i < len(in); i++ {
		r, wide := in[i], 0
		switch {
		case r == 'ヶ':
			r = 'ケ'
		case strings.ContainsRune("‐‑‒–—―−ー─━-番号ノ", r):
			wide = 1
		}
		if rest := string(in[i:min(i+2, len(in))]); rest == "丁目" || rest == "番地" || rest == "号室" {
			wide = 2
		}
		if numbered := len(out) > 0 && isDigit(out[len(out)-1]); wide > 0 && numbered {
			dash, i = true, i+wide-1
			continue
		}
		if dash && isDigit(r) {
			out = append(out, '-')
		}
		out, dash = append(out, r), false
	}
	return string(out)
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// chomeDigits writes the number before 丁目 in digits: 一丁目, 十二丁目, 二十一丁目.
func chomeDigits(s string) string {
	const chome = "丁目"
	var b strings.Builder
	for {
		at := strings.Index(s, chome)
		if at < 0 {
			b.WriteString(s)
			return b.String()
		}
		head := []rune(s[:at])
		k := len(head)
		for k > 0 && strings.ContainsRune("一二三四五六七八九十", head[k-1]) {
			k--
		}
		b.WriteString(string(head[:k]))
		b.WriteString(kanjiNumber(head[k:]))
		b.WriteString(chome)
		s = s[at+len(chome):]
	}
}

// kanjiNumber is a number up to 99 in digits; what is none stays.
func kanjiNumber(rs []rune) string {
	tens, ones, ten := 0, 0, false
	for _, r := range rs {
		n := strings.IndexRune("一二三四五六七八九", r)/len("一") + 1
		switch {
		case r == '十' && !ten:
			tens, ones, ten = max(ones, 1), 0, true
		case r != '十' && ones == 0:
			ones = n
		default:
			return string(rs)
		}
	}
	if n := 10*tens + ones; n > 0 {
		return strconv.Itoa(n)
	}
	return ""
}
