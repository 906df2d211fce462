package email

import (
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Aligned tells whether two domains belong together as DMARC's relaxed mode has it (RFC 7489 3.1): they are of one
// organisation, i.e. equal up to the label below the public suffix.
func Aligned(a, b string) bool {
	a, b = organisation(a), organisation(b)
	return a != "" && a == b
}

// organisation is the domain that somebody registered.
func organisation(domain string) string {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	org, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil { // a public suffix itself, or a bare host
		return domain
	}
	return org
}
