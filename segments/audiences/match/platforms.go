package match

import "strings"

// Platforms by the names that the configuration uses.
const (
	GoogleAds = "google"
	MetaAds   = "meta"
	LINEOA    = "line"     // audiences of an official account
	LINEAds   = "line_ads" // files for the audience manager of LINE Ads
	YahooJP   = "yahoo"
	TikTok    = "tiktok"
	X         = "x"
	Criteo    = "criteo"
	File      = "file"
	Webhook   = "webhook"
)

// For gives the rules of a platform.
func For(platform string) (*Rules, bool) {
	r, ok := rules[platform]
	return r, ok
}

var rules = map[string]*Rules{
	// Google: at most ten identifiers of a member. Given name, family name (each hashed), region code, postal code (both plain):
	// developers.google.com/data-manager/api/reference/rest/v1/UserData
	GoogleAds: {kinds: []Kind{Email, Phone, Name}, email: googleAddress, phone: e164, name: googleName, limits: map[Kind]int{Email: 5, Phone: 4, Name: 1}},
	// Meta: numbers with country and without plus; the external id leaves as it is. One row has one address and one number: the first of
	// each, and further rows the others.
	MetaAds: {kinds: []Kind{Email, Phone, Name, Customer}, email: address, phone: international, name: metaName},
	LINEOA:  {kinds: []Kind{LINE}, email: address, phone: e164},
	LINEAds: {kinds: []Kind{Email, Phone}, email: address, phone: domestic},
	YahooJP: {kinds: []Kind{Email, Phone}, email: address, phone: domestic},
	TikTok:  {kinds: []Kind{Email, Phone}, email: address, phone: e164},
	X:       {kinds: []Kind{Email, Phone, Customer}, email: address, phone: e164},
	Criteo:  {kinds: []Kind{Email}, email: address, phone: e164},
	File:    {kinds: []Kind{Email, Phone, Name, Customer, LINE}, email: address, phone: e164, name: googleName},
	Webhook: {kinds: []Kind{Email, Phone, Name, Customer, LINE}, email: address, phone: e164, name: googleName},
}

// googleName is given name, family name, region and postal code; all four or none: Google asks for all.
func googleName(p *Person) string {
	given, family, code := name(p.Given), name(p.Family), zip(p)
	if given == "" || family == "" || code == "" {
		return ""
	}
	return strings.Join([]string{Hash(given), Hash(family), country(p), code}, Separator)
}

// metaName is LN, FN, ZIP, COUNTRY, DOBY, DOBM, DOBD and GEN, each hashed, those that are not known empty; none without family name,
// given name and postal code. Meta's own rules for names: lower case, no punctuation, special characters in UTF-8 as they are.
func metaName(p *Person) string {
	given, family, code := name(p.Given), name(p.Family), zip(p)
	if given == "" || family == "" || code == "" {
		return ""
	}
	year, month, day := birthday(p.Birthday)
	gender := map[string]string{"female": "f", "male": "m"}[p.Gender]
	parts := []string{family, given, strings.ToLower(code), strings.ToLower(country(p)), year, month, day, gender}
	for i := range parts {
		parts[i] = Hash(parts[i])
	}
	return strings.Join(parts, Separator)
}

// birthday takes a date apart; a year that is not known is empty.
func birthday(s string) (year, month, day string) {
	if rest, ok := strings.CutPrefix(s, "--"); ok {
		s = "-" + rest
	}
	parts := strings.Split(s, "-")
	if len(parts) != 3 || len(parts[1]) != 2 || len(parts[2]) != 2 || len(parts[0]) != 4 && parts[0] != "" {
		return "", "", ""
	}
	return parts[0], parts[1], parts[2]
}
