package profiles

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	addresses "enishi/internal/address"
)

// Fold is a name as it is searched: NFKC (full and half width are one), lower case, hiragana as katakana, common variants
// of kanji as one, no spaces. Of names see [FoldName]: what a person types is folded by it and looked for inside
// people.search, which holds the folded family and given name, a space, and the folded kana.
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
		if v, ok := addresses.Variant(r); ok {
			return v
		}
		return unicode.ToLower(r)
	}, norm.NFKC.String(name))
}

// FoldName is [Fold] for names: besides, ヴァ is バ, a long vowel is one however it is written (サトー, サトウ; ユーコ, ユウコ; ケーコ,
// ケイコ), and what is put behind a name (様, 殿, さん) is left out. It is for finding and comparing, never for showing.
func FoldName(name string) string {
	words := strings.Fields(norm.NFKC.String(name))
	var b strings.Builder
	for i, word := range words {
		word = strings.TrimSuffix(strings.TrimSuffix(word, "様"), "殿")
		if i > 0 && (word == "さん" || word == "さま" || word == "サン" || word == "サマ") {
			continue
		}
		b.WriteString(longVowels(voiced.Replace(Fold(word))))
	}
	return b.String()
}

var voiced = strings.NewReplacer("ヴァ", "バ", "ヴィ", "ビ", "ヴェ", "ベ", "ヴォ", "ボ", "ヴ", "ブ")

// vowels are the katakana that end in ア, イ, ウ, エ and オ.
var vowels = [...]struct {
	vowel rune
	kana  string
}{{'ア', "アカサタナハマヤラワガザダバパャァヮ"}, {'イ', "イキシチニヒミリギジヂビピィ"}, {'ウ', "ウクスツヌフムユルグズヅブプュゥ"}, {'エ', "エケセテネヘメレゲゼデベペェ"}, {'オ', "オコソトノホモヨロヲゴゾドボポョォ"}}

func vowelOf(r rune) rune {
	for _, v := range vowels {
		if strings.ContainsRune(v.kana, r) {
			return v.vowel
		}
	}
	return 0
}

func longVowels(s string) string {
	var before rune
	return strings.Map(func(r rune) rune {
		v := vowelOf(before)
		if v != 0 && (r == 'ー' || r == 'ウ' && v == 'オ' || r == 'イ' && v == 'エ') {
			r = v
		}
		before = r
		return r
	}, s)
}
