package ingest

import (
	"slices"
	"strings"
)

// mailDomains are where most Japanese customers have their mail, the commonest first: what a slip of the finger is compared with.
var mailDomains = [...]string{"gmail.com", "docomo.ne.jp", "yahoo.co.jp", "icloud.com", "ezweb.ne.jp", "softbank.ne.jp", "i.softbank.jp", "hotmail.com", "hotmail.co.jp", "outlook.com", "outlook.jp",
	"ymobile.ne.jp", "biglobe.ne.jp", "nifty.com", "rakuten.jp", "googlemail.com"}

// otherDomains are real ones that are a letter away from those, or look like a mistake and are none.
var otherDomains = [...]string{"mail.com", "ymail.com", "ymail.ne.jp", "email.com", "gmx.com", "hotmail.de", "hotmail.fr", "hotmail.it", "hotmail.es", "outlook.de", "outlook.fr", "outlook.es", "outlook.it",
	"yahoo.com", "me.com", "mac.com", "au.com", "live.jp", "live.com", "msn.com", "aol.com", "softbank.jp", "softbank.co.jp", "disney.ne.jp", "vodafone.ne.jp", "gmail.cz", "nifty.ne.jp", "nttdocomo.co.jp"}

// wrongDomains are those that people take for another, further away than one letter.
var wrongDomains = map[string]string{
	"gmail.co.jp": "gmail.com", "gmail.jp": "gmail.com", "gmail.ne.jp": "gmail.com", "gmail": "gmail.com", "g.mail.com": "gmail.com", "gmail.com.jp": "gmail.com",
	"docomo.co.jp": "docomo.ne.jp", "docomo.jp": "docomo.ne.jp", "docomo.com": "docomo.ne.jp", "docomo.ne": "docomo.ne.jp", "docomo": "docomo.ne.jp",
	"ezweb.co.jp": "ezweb.ne.jp", "ezweb.jp": "ezweb.ne.jp", "ezweb.com": "ezweb.ne.jp", "ezweb.ne": "ezweb.ne.jp",
	"i.softbank.ne.jp": "i.softbank.jp", "i.softbank.co.jp": "i.softbank.jp",
	"yahoo.ne.jp": "yahoo.co.jp", "yahoo.jp": "yahoo.co.jp", "yahoo.co": "yahoo.co.jp", "yahoo.com.jp": "yahoo.co.jp",
	"icloud.co.jp": "icloud.com", "icloud.jp": "icloud.com", "icloud.ne.jp": "icloud.com", "outlook.co.jp": "outlook.jp",
}

// EmailHint tells an address that looks mistyped, and the one that was probably meant: hanako@gmial.com, hanako@gmail.com. It is a
// hint for people to follow or not: an address is never changed by it. Local parts stay as they are, with the ".." and ".@" that
// docomo and au gave out until 2009.
func EmailHint(address string) (suggestion string, ok bool) {
	s := strings.TrimSpace(compose(address))
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || at == len(s)-1 || len(s) > MaxIDBytes {
		return "", false
	}
	local, domain := s[:at], strings.ToLower(s[at+1:])
	meant := strings.Trim(strings.Map(func(r rune) rune {
		switch r {
		case ',', '、', '。', ';', ':':
			return '.'
		case ' ':
			return -1
		}
		return r
	}, domain), ".")
	if right, wrong := wrongDomains[meant]; wrong {
		meant = right
	} else if !slices.Contains(mailDomains[:], meant) && !slices.Contains(otherDomains[:], meant) {
		for _, d := range mailDomains {
			if oneSlip(meant, d) {
				meant = d
				break
			}
		}
	}
	if meant == domain {
		return "", false
	}
	if _, refusal := normaliseEmail(local + "@" + meant); refusal != nil {
		return "", false
	}
	return local + "@" + meant, true
}

// oneSlip says whether b is a with one letter too many, too few or wrong, or two neighbours swapped.
func oneSlip(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if a == b || len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	return a[i+1:] == b[i+1:] || i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
