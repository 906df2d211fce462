package layout

import (
	"strings"
	"unicode"
)

// em is a size in points as millimetres.
func em(point float64) float64 { return point * 25.4 / 72 }

// ascent is where the baseline of a Japanese typeface stands in its square, in em from above; middle is the square's middle
// above the baseline.
const ascent, middle = 0.88, 0.38

// unit is what is set as one: a character, a word of Latin letters, two digits side by side in a vertical line.
type unit struct {
	text    string
	advance float64 // em along the line
	set     setting
}

// setting is how a unit stands in a vertical line.
type setting byte

const (
	upright  setting = iota
	turned           // by a quarter to the right: long vowel, brackets, dashes, Latin words
	mirrored         // turned and mirrored: the strokes of ー and 〜 begin at the top
	raised           // to the upper right of its square: 、。
	nudged           // small kana: a little to the upper right
	across           // 縦中横: set horizontally into one square
)

const (
	mirror = "ー〜～"
	turn   = "―—–-－−=＝（）()「」『』【】〔〕［］[]｛｝{}〈〉《》＜＞<>…‥：:；;｜|→←“”＿_／/~"
	raise  = "、。，．"
	nudge  = "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ"
	noHead = "、。，．,.・：；:;？！?!ー〜～）)」』】〕］]｝}〉》…‥ゝゞヽヾ々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ”’％%"
	noTail = "（(「『【〔［[｛{〈《“‘￥¥＄$＃#"
)

func latin(r rune) bool { return r > ' ' && r < 0x7F }

// units cuts a line of text into what is set as one.
func (f *face) units(s string, vertical bool) []unit {
	rs := []rune(s)
	all := make([]unit, 0, len(rs))
	for i := 0; i < len(rs); {
		r := rs[i]
		end := i + 1
		if latin(r) {
			for end < len(rs) && latin(rs[end]) {
				end++
			}
		}
		text := string(rs[i:end])
		u := unit{text: text, advance: f.width(text)}
		if vertical {
			u = f.vertical(u, r, end-i)
		}
		all = append(all, u)
		i = end
	}
	return all
}

func (f *face) vertical(u unit, r rune, n int) unit {
	switch {
	case n == 2 && strings.IndexFunc(u.text, func(r rune) bool { return !unicode.IsDigit(r) && r != '!' && r != '?' }) < 0: // 24, !!
		u.set, u.advance = across, 1
	case n > 1:
		u.set = turned
	case strings.ContainsRune(mirror, r):
		u.set = mirrored
	case strings.ContainsRune(turn, r):
		u.set = turned
	case strings.ContainsRune(raise, r):
		u.set, u.advance = raised, 1
	case strings.ContainsRune(nudge, r):
		u.set, u.advance = nudged, 1
	case r == ' ' || r == '　':
	default:
		u.advance = 1
	}
	return u
}

// lines breaks a text into lines no longer than most em, by the rules of 禁則: no line begins with 、。」 or a small kana, none
// ends with an opening bracket, a Latin word stays whole when it fits a line.
func (f *face) lines(s string, most float64, vertical bool) [][]unit {
	var all [][]unit
	for _, paragraph := range strings.Split(s, "\n") {
		units := f.split(f.units(paragraph, vertical), most, vertical)
		start, sum := 0, 0.0
		for i := 0; i < len(units); i++ {
			if sum += units[i].advance; sum <= most+1e-6 || i == start {
				continue
			}
			at := i
			for at > start && !mayBreak(units, at) {
				at--
			}
			if at == start {
				at = i
			}
			all = append(all, trim(units[start:at]))
			for at < len(units) && strings.TrimSpace(units[at].text) == "" {
				at++
			}
			start, sum, i = at, 0, at-1
		}
		all = append(all, trim(units[start:]))
	}
	return all
}

// split takes apart words that are longer than a line: addresses of pages.
func (f *face) split(units []unit, most float64, vertical bool) []unit {
	var out []unit
	for _, u := range units {
		if u.advance <= most || len([]rune(u.text)) == 1 {
			out = append(out, u)
			continue
		}
		for _, r := range u.text {
			x := unit{text: string(r), advance: f.width(string(r)), set: u.set}
			out = append(out, x)
		}
	}
	return out
}

func mayBreak(units []unit, at int) bool {
	head := []rune(units[at].text)[0]
	tail := []rune(units[at-1].text)
	return !strings.ContainsRune(noHead, head) && !strings.ContainsRune(noTail, tail[len(tail)-1])
}

func trim(units []unit) []unit {
	for len(units) > 0 && strings.TrimSpace(units[len(units)-1].text) == "" {
		units = units[:len(units)-1]
	}
	return units
}

func length(units []unit) (sum float64) {
	for _, u := range units {
		sum += u.advance
	}
	return sum
}

// kanji writes the numbers of an address for a vertical line: 1-2-30 is 一－二－三〇, 5F is 五階; numbers that belong to letters
// (B604) stay.
func kanji(s string) string {
	rs := []rune(s)
	out := make([]rune, 0, len(rs))
	for i := 0; i < len(rs); {
		r := rs[i]
		if !latin(r) {
			out = append(out, r)
			i++
			continue
		}
		end := i
		for end < len(rs) && latin(rs[end]) {
			end++
		}
		word := string(rs[i:end])
		if strings.HasSuffix(word, "F") && len(word) > 1 {
			if floor := word[:len(word)-1]; strings.Trim(floor, "0123456789-") == "" {
				word = floor + "階"
			}
		}
		plain := strings.Trim(word, "0123456789-階") == ""
		for _, c := range word {
			switch {
			case plain && c >= '0' && c <= '9':
				c = []rune("〇一二三四五六七八九")[c-'0']
			case plain && c == '-':
				c = '－'
			}
			out = append(out, c)
		}
		i = end
	}
	return string(out)
}
