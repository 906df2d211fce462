package email

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"enishi/channels"
)

// Pauses before a mail that was put off is decided again.
const (
	ratePause = 30 * time.Second // "too many, too fast": of the whole receiving system
	greyPause = 5 * time.Minute  // greylisting: 450, 451
	fullPause = 15 * time.Minute
)

// rule is an answer to a mail, and what it means. All that is given must fit; the first rule that fits counts.
type rule struct {
	what    string
	at      []stage // where in the dialogue; nil: anywhere
	codes   []int   // replies; 0: none came, 4 and 5: their whole class; nil: any
	status  string  // beginning of the enhanced status (RFC 3463); "-": there is none
	crowded bool    // the words say that we send too much, or are not trusted yet (see phrases)
	verdict func(error, time.Duration) *channels.SendError
	reason  string
	after   time.Duration
}

func never(err error, _ time.Duration) *channels.SendError        { return channels.Permanent(err) }
func refusedLogin(err error, _ time.Duration) *channels.SendError { return channels.Down(err) }
func doubt(err error, _ time.Duration) *channels.SendError        { return channels.Unknown(err) }

// logins are the codes about who we are (RFC 4954), not about the mail.
var logins = []int{530, 534, 535, 538}

var rules = [...]rule{
	{what: "no answer to the final dot, or the connection broke there", at: []stage{atDot}, codes: []int{0}, verdict: doubt},
	{what: "the connection broke before the final dot", codes: []int{0}, verdict: channels.Busy},
	{what: "421 (closing, too many connections)", codes: []int{421}, verdict: channels.Busy},
	{what: "530, 534, 535, 538 (login)", codes: logins, verdict: refusedLogin, reason: "account"},
	{what: "4xx to MAIL FROM: it is about us", at: []stage{atMail}, codes: []int{4}, verdict: channels.Busy},
	{what: "4xx that says too many, too fast or reputation (450 4.7.1, 452 4.5.3)", codes: []int{4}, crowded: true, verdict: channels.Busy, reason: "rate", after: ratePause},
	{what: "4.2.2 (mailbox full)", codes: []int{4}, status: "4.2.2", verdict: channels.RetryAfter, reason: "full", after: fullPause},
	{what: "452 (mailbox or disk full)", codes: []int{452}, verdict: channels.RetryAfter, reason: "full", after: fullPause},
	{what: "any other 4xx (450, 451: greylisting)", codes: []int{4}, verdict: channels.RetryAfter, reason: "greylisted", after: greyPause},
	{what: "5.7.x (policy, blocked, authentication)", codes: []int{5}, status: "5.7.", verdict: never, reason: "policy"},
	{what: "5.2.2 (mailbox full for good)", codes: []int{5}, status: "5.2.2", verdict: never, reason: "full"},
	{what: "552 to RCPT TO (mailbox full for good)", at: []stage{atRcpt}, codes: []int{552}, verdict: never, reason: "full"},
	{what: "any other 5xx to MAIL FROM, DATA or the mail itself (554 spam)", at: []stage{atMail, atData, atContent, atDot}, codes: []int{5}, verdict: never, reason: "policy"},
	{what: "5.1.x to RCPT TO (no such address or domain)", codes: []int{5}, status: "5.1.", verdict: never, reason: "hard"},
	{what: "5.2.1 to RCPT TO (address disabled)", codes: []int{5}, status: "5.2.1", verdict: never, reason: "hard"},
	{what: "550, 551, 553 to RCPT TO without an enhanced status", codes: []int{550, 551, 553}, status: "-", verdict: never, reason: "hard"},
	{what: "any other 5xx", codes: []int{5}, verdict: never, reason: "policy"},
}

func (r *rule) fits(f *fault) bool {
	switch status := f.status(); {
	case r.at != nil && !slices.Contains(r.at, f.at):
		return false
	case r.codes != nil && !slices.Contains(r.codes, f.code) && (f.code == 0 || !slices.Contains(r.codes, f.code/100)):
		return false
	case r.status == "-" && status != "" || r.status != "-" && !strings.HasPrefix(status, r.status):
		return false
	}
	return !r.crowded || crowded(f.text)
}

// classify is what the end of a mail that was not accepted means.
func classify(f *fault) error {
	r := ruleOf(f)
	var err error = f
	switch {
	case f.code == 0 && f.at == atDot:
		err = fmt.Errorf("the connection broke after the final dot: %w", f.err)
	case f.code == 0:
		err = fmt.Errorf("the connection broke before the mail was handed over: %w", f.err)
	}
	e := r.verdict(err, r.after)
	if f.code != 0 {
		e = e.With(codeOf(f.code, f.text), r.reason)
	}
	return e
}

// ruleOf finds the rule for a fault; what is no code of SMTP at all is taken as the last one, a refusal.
func ruleOf(f *fault) *rule {
	for i := range rules {
		if rules[i].fits(f) {
			return &rules[i]
		}
	}
	return &rules[len(rules)-1]
}

// Answers are the answers of mail servers that are told apart, in the order in which they are looked through.
func Answers() []channels.Answer {
	out := make([]channels.Answer, 0, len(rules)+3)
	for i := range rules {
		r := &rules[i]
		out = append(out, channels.Answer{What: r.what, Verdict: r.verdict(nil, 0).Verdict(), Reason: r.reason, After: r.after})
	}
	return append(out, channels.Answer{What: "nobody listens, no greeting, 4xx or 5xx in place of it", Verdict: "busy"},
		channels.Answer{What: "the login is refused (535)", Verdict: "down", Reason: "account"},
		channels.Answer{What: "no STARTTLS where it is asked for, or a certificate that cannot be trusted", Verdict: "down", Reason: "account"})
}

// dialError is what a failed connection or login means. Nothing was sent.
func dialError(err error) error {
	var reply *textproto.Error
	var record tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &reply) && slices.Contains(logins, reply.Code):
		return channels.Down(fmt.Errorf("the mail server refuses the login: %w", err)).With(codeOf(reply.Code, reply.Msg), "account")
	case errors.As(err, &reply):
		return channels.Busy(err, 0).With(codeOf(reply.Code, reply.Msg), "")
	case errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &cert), errors.As(err, &record):
		return channels.Down(fmt.Errorf("the mail server's certificate is not to be trusted: %w", err)).With("", "account")
	case strings.Contains(err.Error(), "does not support STARTTLS"), strings.Contains(err.Error(), "SMTP AUTH"),
		strings.Contains(err.Error(), "supported authentication"):
		return channels.Down(err).With("", "account")
	}
	return channels.Busy(err, 0)
}

// codeOf is the reply code with its enhanced status, as "550 5.1.1".
func codeOf(code int, text string) string {
	status := (&fault{text: text}).status()
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, status))
}
