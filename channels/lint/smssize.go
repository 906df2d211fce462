package lint

import (
	"strings"
	"unicode/utf16"
)

// Limits of an SMS (3GPP TS 23.038 and 23.040): one short message has 140 bytes, each of a longer one 6 bytes less.
const (
	gsmOne, gsmPart = 160, 153 // septets
	ucsOne, ucsPart = 70, 67   // UTF-16 units
	// MostSMS is how many characters Japanese services take; the carriers' own phones send 670.
	MostSMS = 660
)

// gsm is the default alphabet of 3GPP TS 23.038; gsmTwice are the characters of its extension, which count twice.
const (
	gsm = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmTwice = "^{}\\[~]|€\f"
)

// SMSSize is how long a text is and in how many parts it is sent, each of which costs. latin: it fits the 7-bit alphabet, where a
// part has 160 characters, and 153 when there are more; any other text has 70 and 67 (two for an emoji).
func SMSSize(text string) (units, parts int, latin bool) {
	latin = true
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsm, r):
			units++
		case strings.ContainsRune(gsmTwice, r):
			units += 2
		default:
			latin = false
		}
	}
	one, part := gsmOne, gsmPart
	if !latin {
		units, one, part = len(utf16.Encode([]rune(text))), ucsOne, ucsPart
	}
	if units <= one {
		return units, min(units, 1), latin
	}
	return units, (units + part - 1) / part, latin
}
