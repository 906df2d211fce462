package profiles

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Fold is a name as it is searched: NFKC (full and half width are one), lower case, hiragana as katakana, common variants
// of kanji as one, no spaces. What a person types is folded the same way and looked for inside people.search, which holds
// the folded family and given name, a space, and the folded kana.
func Fold(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return -1
		case r >= 'ぁ' && r <= 'ゖ' || r == 'ゝ' || r == 'ゞ':
			return r + 'ァ' - 'ぁ'
		case r < unicode.MaxASCII:
			return unicode.ToLower(r)
		}
		if v, ok := kanjiVariant(r); ok {
			return v
		}
		return unicode.ToLower(r)
	}, norm.NFKC.String(name))
}

// kanjiVariant gives the common form of a variant that is frequent in names; NFKC keeps them apart.
func kanjiVariant(r rune) (rune, bool) {
	switch r {
	case '髙':
		return '高', true
	case '﨑', '嵜':
		return '崎', true
	case '邊', '邉':
		return '辺', true
	case '澤':
		return '沢', true
	case '齋', '斎', '齊':
		return '斉', true
	case '濱', '濵':
		return '浜', true
	case '廣':
		return '広', true
	case '嶋', '嶌':
		return '島', true
	case '櫻':
		return '桜', true
	case '國':
		return '国', true
	case '𠮷':
		return '吉', true
	}
	return 0, false
}
