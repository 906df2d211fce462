package email

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/unicode/norm"

	"enishi"
)

// All stands for every group of receiving domains in Config.ISO2022JP.
const All = "all"

// jis tells whether mail to this address is to be written in ISO-2022-JP.
func (c *Channel) jis(to string) bool {
	return len(c.cfg.ISO2022JP) > 0 && (slices.Contains(c.cfg.ISO2022JP, All) || slices.Contains(c.cfg.ISO2022JP, enishi.MailGroup(to)))
}

// checkCharset refuses names that are no group of receiving domains.
func checkCharset(groups []string) error {
	names := append([]string{All}, enishi.MailGroups()...)
	for _, g := range groups {
		if !slices.Contains(names, g) {
			return enishi.FieldError("iso2022jp", "there is no group of receiving domains "+g+": use "+strings.Join(names, ", "), "「"+g+"」という宛先のグループはありません。"+strings.Join(names, "、")+" のどれかにしてください")
		}
	}
	return nil
}

// similar are characters that Unicode has twice, of which the charset knows the other one, and those that look the same.
var similar = strings.NewReplacer("〜", "～", "−", "－", "‖", "∥", "—", "―", "\u00a0", " ", "¥", "￥")

// fullKana writes half-width katakana, which ISO-2022-JP does not have, in full width, their marks joined.
func fullKana(s string) string {
	half := func(r rune) bool { return r >= 0xff61 && r <= 0xff9f }
	if strings.IndexFunc(s, half) < 0 {
		return s
	}
	var b strings.Builder
	for s != "" {
		at := strings.IndexFunc(s, half)
		if at < 0 {
			at = len(s)
		}
		b.WriteString(s[:at])
		s = s[at:]
		end := strings.IndexFunc(s, func(r rune) bool { return !half(r) })
		if end < 0 {
			end = len(s)
		}
		b.WriteString(norm.NFKC.String(s[:end]))
		s = s[end:]
	}
	return b.String()
}

// toJIS writes a text in ISO-2022-JP; ok is false, with the first character that it has not, when that cannot be.
func toJIS(s string) (out string, not rune, ok bool) {
	s = similar.Replace(fullKana(s))
	out, err := japanese.ISO2022JP.NewEncoder().String(s)
	if err == nil && standard(out) {
		return out, 0, true
	}
	for _, r := range s {
		if !inJIS(r) {
			return "", r, false
		}
	}
	return "", utf8.RuneError, false
}

func inJIS(r rune) bool {
	if r < utf8.RuneSelf {
		return true
	}
	out, err := japanese.ISO2022JP.NewEncoder().String(string(r))
	return err == nil && standard(out)
}

// standard tells whether a text in ISO-2022-JP has but what RFC 1468 allows: rows 1-8 and 16-84 of JIS X 0208. The encoder also
// writes what makers added (①, ㈱, 髙, 﨑), which strict readers do not decode.
func standard(s string) bool {
	double := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == 0x1b && i+2 < len(s):
			double = s[i+1] == '$'
			i += 2
		case double && (s[i] < 0x21 || s[i] > 0x74 || s[i] > 0x28 && s[i] < 0x30):
			return false
		case double:
			i++
		}
	}
	return true
}

// entities writes what ISO-2022-JP has not as numbers, which HTML reads as the characters. Within a style sheet they would be
// read as they stand: ok is false then.
func entities(html string) (string, bool) {
	html = similar.Replace(fullKana(html))
	var b strings.Builder
	for i, r := range html {
		if inJIS(r) {
			b.WriteRune(r)
			continue
		}
		if before := html[:i]; strings.LastIndex(before, "<style") > strings.LastIndex(before, "</style") {
			return "", false
		}
		fmt.Fprintf(&b, "&#%d;", r)
	}
	return b.String(), true
}

// jisWords is a text as encoded words (RFC 2047) in ISO-2022-JP, none of them cut within a character, each beginning and
// ending in ASCII as it must.
func jisWords(s string) (out string, not rune, ok bool) {
	if plain(s) {
		return s, 0, true
	}
	if _, not, ok = toJIS(s); !ok {
		return "", not, false
	}
	s = similar.Replace(fullKana(s))
	var b strings.Builder
	for s != "" {
		piece, n := "", 0
		for i := range s {
			_, size := utf8.DecodeRuneInString(s[i:])
			longer, _, _ := toJIS(s[:i+size])
			if len(longer) > 36 { // 48 characters of base64, 66 with the frame: 75 behind "Subject: "
				break
			}
			piece, n = longer, i+size
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString("=?iso-2022-jp?b?" + base64.StdEncoding.EncodeToString([]byte(piece)) + "?=")
		s = s[n:]
	}
	return b.String(), 0, true
}

// metaCharset is where HTML names its own charset.
var metaCharset = regexp.MustCompile(`(?i)(<meta[^>]{0,100}charset\s*=\s*["']?)utf-8`)

// writing says in which charset the parts of one mail are written. What ISO-2022-JP has not makes its part UTF-8, and is noted.
type writing struct {
	jis  bool
	note string
}

func (w *writing) missed(part string, r rune) {
	if w.note == "" {
		w.note = fmt.Sprintf("charset: UTF-8, for ISO-2022-JP has no U+%04X (%s)", r, part)
	}
}

// words is a text as a header may hold it.
func (w *writing) words(part, s string) string {
	if w.jis {
		out, not, ok := jisWords(s)
		if ok {
			return out
		}
		w.missed(part, not)
	}
	return words(s)
}

// body is the text of a part and its charset.
func (w *writing) body(kind, s string) (text, charset string) {
	s = crlf(s)
	if !w.jis {
		return s, "utf-8"
	}
	if kind == "text/html" {
		s = metaCharset.ReplaceAllString(s, "${1}iso-2022-jp")
	}
	out, not, ok := toJIS(s)
	if !ok && kind == "text/html" {
		if numbered, all := entities(s); all {
			out, not, ok = toJIS(numbered)
		}
	}
	if !ok {
		w.missed(kind, not)
		return s, "utf-8"
	}
	return out, "iso-2022-jp"
}
