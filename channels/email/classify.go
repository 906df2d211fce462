package email

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/textproto"
	"strings"
	"time"

	"enishi/channels"
)

// Pauses before a mail that was put off is decided again.
const (
	greyPause = 5 * time.Minute // greylisting: 450, 451
	fullPause = 15 * time.Minute
)

// dialError is what a failed connection or login means. Nothing was sent.
func dialError(err error) error {
	var reply *textproto.Error
	var record tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &reply) && isLogin(reply.Code):
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

// isLogin tells the codes about who we are (RFC 4954) from those about the mail.
func isLogin(code int) bool { return code == 530 || code == 534 || code == 535 || code == 538 }

// classify is what the end of a mail that was not accepted means.
func classify(f *fault) error {
	status := f.status()
	code := codeOf(f.code, status)
	switch {
	case f.code == 0 && f.at == atDot:
		return channels.Unknown(fmt.Errorf("the connection broke after the final dot: %w", f.err))
	case f.code == 0:
		return channels.Busy(fmt.Errorf("the connection broke before the mail was handed over: %w", f.err), 0)
	case f.code == 421:
		return channels.Busy(f, 0).With(code, "")
	case isLogin(f.code):
		return channels.Down(f).With(code, "account")
	case f.code < 500:
		return temporary(f, status, code)
	}
	return permanent(f, status, code)
}

func temporary(f *fault, status, code string) error {
	switch {
	case f.at == atMail: // it is about us, not about this recipient
		return channels.Busy(f, 0).With(code, "")
	case status == "4.2.2" || f.code == 452:
		return channels.RetryAfter(f, fullPause).With(code, "full")
	}
	return channels.RetryAfter(f, greyPause).With(code, "greylisted")
}

// permanent tells addresses that do not exist from mails that are not wanted: only the former are suppressed.
func permanent(f *fault, status, code string) error {
	e := channels.Permanent(f)
	switch {
	case strings.HasPrefix(status, "5.7."):
		return e.With(code, "policy")
	case status == "5.2.2" || f.code == 552 && f.at == atRcpt:
		return e.With(code, "full")
	case f.at != atRcpt:
		return e.With(code, "policy")
	case strings.HasPrefix(status, "5.1.") || status == "5.2.1",
		status == "" && (f.code == 550 || f.code == 551 || f.code == 553):
		return e.With(code, "hard")
	}
	return e.With(code, "policy")
}

// codeOf is the reply code with its enhanced status, as "550 5.1.1".
func codeOf(code int, text string) string {
	status := (&fault{text: text}).status()
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, status))
}
