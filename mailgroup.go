package enishi

import "strings"

// MailOther is the group of all domains that are in no group of their own.
const MailOther = "other"

// mailGroups are receiving systems that answer for several domains, each with limits and moods of its own: what is counted,
// paced and stopped together. The domains of the Japanese carriers are those that they give to people, old ones included;
// a domain stands for the names under it (t.vodafone.ne.jp).
var mailGroups = []struct {
	name    string
	domains []string
}{
	{"docomo", []string{"docomo.ne.jp"}},
	{"au", []string{"ezweb.ne.jp", "au.com", "uqmobile.jp"}},
	{"softbank", []string{"softbank.ne.jp", "i.softbank.jp", "vodafone.ne.jp", "disney.ne.jp", "ymobile.ne.jp", "ymobile1.ne.jp", "y-mobile.ne.jp", "willcom.com", "emobile.ne.jp"}},
	{"yahoo_jp", []string{"yahoo.co.jp", "ymail.ne.jp"}},
	{"gmail", []string{"gmail.com", "googlemail.com"}},
	{"icloud", []string{"icloud.com", "me.com", "mac.com"}},
	{"outlook", []string{"outlook.com", "outlook.jp", "hotmail.com", "hotmail.co.jp", "live.jp", "live.com", "msn.com"}},
}

// MailGroups are the names of all groups of receiving domains, in the order in which they are shown; MailOther is the last.
func MailGroups() []string {
	out := make([]string, 0, len(mailGroups)+1)
	for i := range mailGroups {
		out = append(out, mailGroups[i].name)
	}
	return append(out, MailOther)
}

// MailGroup is the group that an address, or its domain, is received by.
func MailGroup(address string) string {
	domain := strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
	for {
		for i := range mailGroups {
			for _, d := range mailGroups[i].domains {
				if d == domain {
					return mailGroups[i].name
				}
			}
		}
		_, parent, more := strings.Cut(domain, ".")
		if !more {
			return MailOther
		}
		domain = parent
	}
}
