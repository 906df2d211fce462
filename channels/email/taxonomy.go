package email

import (
	"regexp"
	"strings"
)

// Classes of bounces.
const (
	Hard  = "hard"  // the address does not exist: it is suppressed now
	Soft  = "soft"  // it may work another time: three in a row suppress it
	Block = "block" // the receiver does not want us: that is never the person's doing
)

// phrase is what receivers say, and what they mean by it.
type phrase struct {
	words  *regexp.Regexp // of the diagnostic text in small letters
	class  string
	reason string
}

func says(pattern, class, reason string) phrase {
	return phrase{regexp.MustCompile(pattern), class, reason}
}

// phrases are looked through in this order, before the status code: receivers write 5.7.1, 5.5.0 or nothing at all where
// they mean something else, and what they write in words is what they mean. The samples of the tests show where each is from.
var phrases = [...]phrase{
	// About us, although it sounds like the recipient.
	says(`sender address rejected|domain of sender|sender domain|mail from domain|your (domain|address) (does not|is not)`, Block, "sender"),
	says(`\b(spf|dkim|dmarc)\b|unauthenticated|authentication (level|is required|required)|not authenticated|5\.7\.(26|27|30|515)`, Block, "authentication"),
	// The address.
	says(`user unknown|unknown user|no such (user|recipient|mailbox|account)|unknown (recipient|mailbox|local part|address)|(user|mailbox|recipient|account|address)( you entered| that you tried to reach)? (does not|doesn't) exist`, Hard, "unknown_user"),
	says(`(doesn't|does not) have an? [a-z.]+ account|invalid (recipient|mailbox|user)|recipient (address )?(not found|unknown|invalid)|not a valid (recipient|mailbox|user)|user (\S+ )?not found|recipientnotfound|no mailbox here|宛先(の|が).*(存在しません|見つかりません)|ユーザー?が(存在しません|見つかりません)`, Hard, "unknown_user"),
	says(`access denied.*\bas\(201806281\)|recipient address rejected: access denied`, Hard, "unknown_user"), // Microsoft 365
	says(`account (is |has been )?(disabled|deactivated|closed|terminated|suspended|inactive)|account that you tried to reach is (disabled|inactive)|user\(s\) account is disabled|mailbox (is )?(disabled|inactive)|no longer (active|in use|available|valid)`, Hard, "disabled"),
	says(`host (or domain name )?not found|domain (name )?not found|no such (host|domain)|name or service not known|remote domain does(n't|nt| not) exist|unrouteable address|nullmx|null mx|does not accept mail`, Hard, "no_host"),
	// The mailbox, as it is today: it may take mail another day.
	says(`over ?quota|quota exceeded|exceeded (storage|mailbox|quota)|(mailbox|inbox) (is |was )?full|out of storage|insufficient (disk|storage)|temporarily over quota|容量.*(超|いっぱい)`, Soft, "full"),
	says(`too (large|big)|size limit|exceeds? (the )?(maximum|size|fixed)`, Soft, "too_big"),
	// Us.
	says(`blocked|blacklist|blocklist|block list|spamhaus|spamcop|barracuda|\brbl\b|reputation|\[(ts|du|hm|cs)\d\d\]`, Block, "reputation"),
	says(`\bspam\b|unsolicited|junk|virus|suspicious|content (rejected|filter)|message (content )?rejected`, Block, "content"),
	says(`too many|rate (limit|of)|throttl|unusual rate|try again later.*limit|connections? (exceeded|limit)`, Block, "rate"),
	says(`timed? ?out|expired|could not be delivered (for|within)|not delivered within|connection (refused|lost|reset)|no route|unreachable|retry time`, Soft, "timeout"),
	says(`polic(y|ies)|not accepted|refused|access denied|relay(ing)? (access )?denied|not permitted|rejected by`, Block, "policy"),
	says(`mailbox unavailable|mailbox not available`, Hard, "unknown_user"), // Outlook.com's word for no such user
	says(`grey-?list|temporar|try again|resources|deferred`, Soft, "temporary"),
}

// crowded tells whether a receiver's words say that we send too much or too fast, or that it does not trust us yet.
func crowded(text string) bool {
	text = strings.ToLower(text)
	for i := range phrases {
		if phrases[i].words.MatchString(text) {
			return phrases[i].reason == "rate" || phrases[i].reason == "reputation"
		}
	}
	return false
}

// Classify tells what a refusal means by the receiver's words and, where those say nothing, by the status code
// (RFC 3463; may be empty). What nobody can tell is soft: the address is given the benefit of the doubt three times.
func Classify(status, diagnostic string) (class, reason string) {
	text := strings.ToLower(diagnostic)
	for i := range phrases {
		if phrases[i].words.MatchString(text) {
			return phrases[i].class, phrases[i].reason
		}
	}
	for _, x := range [...][3]string{
		{"5.1.7", Block, "sender"}, {"5.1.8", Block, "sender"}, {"5.1.2", Hard, "no_host"}, {"5.4.4", Hard, "no_host"}, {"5.1.10", Hard, "no_host"},
		{"5.1.", Hard, "unknown_user"}, {"5.2.1", Hard, "disabled"}, {"5.2.2", Soft, "full"}, {"4.2.2", Soft, "full"}, {"5.2.3", Soft, "too_big"}, {"5.3.4", Soft, "too_big"},
		{"5.7.", Block, "policy"}, {"4.7.", Block, "rate"}, {"5.6.", Block, "content"}, {"5.4.", Soft, "timeout"}, {"4.4.", Soft, "timeout"}, {"4.", Soft, "temporary"},
	} {
		if status == x[0] || strings.HasSuffix(x[0], ".") && strings.HasPrefix(status, x[0]) {
			return x[1], x[2]
		}
	}
	return Soft, "unknown"
}
