// Package match writes the identifiers of a person the way an advertising platform compares them: normalised by its rules,
// and hashed where it asks for hashes (SHA-256, lower-case hexadecimal).
//
// It owns the rules and nothing else: no I/O, no state. What comes in is what the fold keeps: addresses and numbers that ingest
// has normalised, names and postal codes as the customer wrote them.
//
// Rules that are made for names in Latin letters are not applied to others. Connectors in wide use delete every letter outside
// A-Z from names and cities, which makes 東京都 an empty field and 佐藤 the hash of nothing, and cut a postal code at its hyphen;
// here a value that a rule leaves empty is no key at all.
package match

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Person is what is known of somebody. Any field may be empty.
type Person struct {
	Emails   []string // as ingest normalises them: NFKC, trimmed, lower case
	Phones   []string // E.164: +819012345678
	Family   string   // 姓, as written
	Given    string   // 名, as written
	Zip      string   // postal code as written: 100-0013, 〒１０００００１３
	Country  string   // ISO 3166-1 alpha-2, or Japan as people write it; empty: JP
	Customer string   // the shop's customer id
	Birthday string   // 1990-04-01; --04-01 when the year is not known
	Gender   string   // female, male; anything else is none
	LINE     string   // user id of the provider whose account gets the audience
}

// Kind says what a key is made of.
type Kind string

// Kinds of keys.
const (
	Email    Kind = "email"
	Phone    Kind = "phone"
	Name     Kind = "name"     // name and postal code together; one of them alone matches nobody
	Customer Kind = "customer" // the shop's own id: says who is who in two uploads of ours, and nothing to others
	LINE     Kind = "line"
)

// Kinds lists all kinds, the one that matches most people first.
func Kinds() []Kind { return []Kind{Email, Phone, LINE, Name, Customer} }

// Key is one identifier as it leaves. Value never holds what the customer wrote, but of Customer and LINE, which platforms take as
// they are. Of Name it is the parts in the order of the platform's own fields, separated by [Separator].
type Key struct {
	Kind  Kind
	Value string
}

// Separator stands between the parts of a Name; no hash, postal code or country has it.
const Separator = "|"

// Rules are how one platform wants its keys.
type Rules struct {
	kinds  []Kind
	email  func(string) string
	phone  func(string) string
	name   func(*Person) string
	limits map[Kind]int
}

// Kinds are the kinds that the platform takes.
func (r *Rules) Kinds() []Kind { return slices.Clone(r.kinds) }

// Keys are the keys of a person of the kinds that are wanted and that the platform takes, sorted, without repetition; none when nothing
// of the person can be compared there.
func (r *Rules) Keys(p *Person, wanted []Kind) []Key {
	var out []Key
	for _, k := range r.kinds {
		if !slices.Contains(wanted, k) {
			continue
		}
		var values []string
		switch k {
		case Email:
			values = each(p.Emails, r.email)
		case Phone:
			values = each(p.Phones, r.phone)
		case Name:
			if r.name != nil {
				values = []string{r.name(p)}
			}
		case Customer:
			values = []string{strings.TrimSpace(p.Customer)}
		case LINE:
			values = []string{p.LINE}
		}
		values = slices.DeleteFunc(values, func(s string) bool { return s == "" })
		slices.Sort(values)
		values = slices.Compact(values)
		if most := r.limits[k]; most > 0 && len(values) > most {
			values = values[:most]
		}
		for _, v := range values {
			out = append(out, Key{k, v})
		}
	}
	return out
}

func each(in []string, rule func(string) string) []string {
	out := make([]string, 0, len(in))
	for _, s := range in {
		out = append(out, Hash(rule(s)))
	}
	return out
}

// Hash is the SHA-256 of a text as lower-case hexadecimal; of the empty text it is empty, for the hash of nothing matches everybody
// else who has nothing.
func Hash(s string) string {
	if s == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// address trims, folds width and case. The ".." and ".@" of Japanese carriers are parts of addresses and stay.
func address(s string) string {
	s = strings.ToLower(strings.TrimSpace(norm.NFKC.String(s)))
	if i := strings.LastIndexByte(s, '@'); i <= 0 || i == len(s)-1 || strings.ContainsFunc(s, unicode.IsControl) {
		return ""
	}
	return s
}

// googleAddress is Google's rule: no white space at all, and of its own mail no dots and no suffix behind a plus sign before the @.
// developers.google.com/data-manager/api/devguides/concepts/formatting
func googleAddress(s string) string {
	s = strings.Join(strings.Fields(address(s)), "")
	local, domain, _ := strings.Cut(s, "@")
	if domain != "gmail.com" && domain != "googlemail.com" {
		return s
	}
	local, _, _ = strings.Cut(local, "+")
	if local = strings.ReplaceAll(local, ".", ""); local == "" {
		return ""
	}
	return local + "@" + domain
}

// e164 keeps a number as +819012345678.
func e164(s string) string {
	d := digits(s)
	if !strings.HasPrefix(s, "+") || len(d) < 8 || len(d) > 15 {
		return "" // without a country nobody can know whose number it is
	}
	return "+" + d
}

// international is the number with its country and without the plus sign: 819012345678.
func international(s string) string { return strings.TrimPrefix(e164(s), "+") }

// domestic is a Japanese number as it is dialled at home, 09012345678; of other countries none, for the platform is for Japan alone.
func domestic(s string) string {
	d, ok := strings.CutPrefix(e164(s), "+81")
	if !ok || d == "" {
		return ""
	}
	return "0" + d
}

func digits(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKC.String(s) {
		if r >= '0' && r <= '9' {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// country is the code of two letters; Japan when nothing is said, and empty for what is no code: a platform refuses who has one that it does not know.
func country(p *Person) string {
	c := strings.ToUpper(strings.TrimSpace(norm.NFKC.String(p.Country)))
	switch {
	case c == "" || c == "JAPAN" || c == "JPN" || c == "日本" || c == "日本国":
		return "JP"
	case len(c) == 2 && c[0] >= 'A' && c[0] <= 'Z' && c[1] >= 'A' && c[1] <= 'Z':
		return c
	}
	return ""
}

// zip is a postal code without marks and spaces, of Japan its seven digits and nothing when it has not seven.
func zip(p *Person) string {
	switch country(p) {
	case "":
		return ""
	case "JP":
		if d := digits(p.Zip); len(d) == 7 {
			return d
		}
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return -1
	}, strings.ToUpper(norm.NFKC.String(p.Zip)))
}

// name folds width and case and takes out what is no letter: spaces, the middle dot, punctuation, honorifics stay out of the fold.
// Japanese and all other letters stay as they are: neither kana nor variants of kanji are folded, for the platform compares with what
// its users wrote.
func name(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsMark(r) || r == 'ー' || r == '々' {
			return r
		}
		return -1
	}, strings.ToLower(norm.NFKC.String(s)))
}
