package lint

import (
	"strings"
	"unicode"
)

// What an emoji is made of besides its picture.
const (
	asPicture = 0xFE0F // VS16: the character before is shown as a picture
	joiner    = 0x200D // two pictures make one
	keycap    = 0x20E3
)

// picture tells whether a character is shown as a picture by itself.
func picture(r rune) bool {
	return r >= 0x1F300 && r <= 0x1FAFF || r >= 0x1F1E6 && r <= 0x1F1FF || r == 0x1F004 || r == 0x1F0CF || r >= 0x1F18E && r <= 0x1F19A ||
		r >= 0x2600 && r <= 0x27BF && !strings.ContainsRune("★☆♪♫♥♡", r) && unicode.Is(unicode.So, r)
}

// mayBePicture: it is shown as a picture when [asPicture] follows: ©, ™, ☀, ▶, ★, ...
func mayBePicture(r rune) bool { return r > 0x7F && (unicode.IsSymbol(r) || unicode.IsPunct(r)) }

// modifies: it belongs to the picture before, as its colour of skin or a flag's tag.
func modifies(r rune) bool {
	return r >= 0x1F3FB && r <= 0x1F3FF || r >= 0xE0020 && r <= 0xE007F || r == asPicture || r == joiner || r == keycap
}

func emojiIn(s string) (n int, all []rune) {
	for _, r := range s {
		if picture(r) {
			n++
			all = append(all, r)
		}
	}
	return n, all
}

// WithoutEmoji is a text without its emoji and the space that one of them leaves behind. The number of a keycap stays, and so
// do signs that are letters to most readers: ★, ♪, ©.
func WithoutEmoji(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return picture(r) || r == asPicture || r == keycap }) {
		return s
	}
	in := []rune(s)
	out := make([]rune, 0, len(in))
	dropped := false
	for i, r := range in {
		next := rune(0)
		if i+1 < len(in) {
			next = in[i+1]
		}
		if picture(r) || mayBePicture(r) && next == asPicture || modifies(r) && (dropped || r != joiner) {
			dropped = true
			continue
		}
		if dropped && blank(r) && (len(out) == 0 || unicode.IsSpace(out[len(out)-1])) {
			continue // it stood after the emoji, where another one stands before it
		}
		if dropped && r == '\n' {
			for len(out) > 0 && blank(out[len(out)-1]) {
				out = out[:len(out)-1]
			}
		}
		dropped = false
		out = append(out, r)
	}
	if dropped {
		for len(out) > 0 && blank(out[len(out)-1]) {
			out = out[:len(out)-1]
		}
	}
	return string(out)
}

func blank(r rune) bool { return r == ' ' || r == '　' || r == '\t' }
