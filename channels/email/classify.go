package email

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/textproto"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

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
	case errors.Is(err, context.Canceled):
		return channels.Busy(err, 0)
	case errors.As(err, &reply) && (reply.Code == 530 || reply.Code == 534 || reply.Code == 535 || reply.Code == 538):
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

// wasClosed tells whether a connection was dead before this mail began.
func wasClosed(err error) bool {
	var e *gomail.SendError
	if !errors.As(err, &e) {
		return false
	}
	return (e.Reason == gomail.ErrSMTPMailFrom || e.Reason == gomail.ErrConnCheck) && (e.ErrorCode() == 0 || e.ErrorCode() == 421)
}

// reusable tells whether the connection is between two mails after this one.
func reusable(msg *gomail.Msg, err error) bool {
	if err == nil {
		return true
	}
	var e *gomail.SendError
	if !errors.As(err, &e) || e.ErrorCode() == 0 || e.ErrorCode() == 421 {
		return false
	}
	switch e.Reason {
	case gomail.ErrSMTPMailFrom, gomail.ErrSMTPRcptTo: // go-mail has reset it
		return true
	case gomail.ErrSMTPDataClose:
		return true
	}
	return false
}

// classify is what the end of a mail means; nil: it is delivered, whatever came after.
func classify(msg *gomail.Msg, err error) error {
	if msg.IsDelivered() {
		return nil
	}
	var e *gomail.SendError
	if !errors.As(err, &e) {
		return channels.Unknown(fmt.Errorf("send mail: %w", orUnsaid(err)))
	}
	reply := errors.New(withoutAddress(err.Error()))
	status := e.EnhancedStatusCode()
	code := codeOf(e.ErrorCode(), status)
	switch {
	case e.Reason == gomail.ErrSMTPDataClose && e.ErrorCode() == 0:
		return channels.Unknown(errors.New("the connection broke after the final dot"))
	case e.ErrorCode() == 0:
		switch e.Reason {
		case gomail.ErrGetSender, gomail.ErrGetRcpts, gomail.ErrNoUnencoded:
			return channels.Permanent(reply).With("", "address")
		}
		return channels.Busy(fmt.Errorf("the connection broke before the mail was handed over: %w", reply), 0)
	case e.ErrorCode() == 421:
		return channels.Busy(reply, 0).With(code, "")
	case e.ErrorCode() >= 400 && e.ErrorCode() < 500:
		return temporary(e, reply, status, code)
	}
	return permanent(e, reply, status, code)
}

func orUnsaid(err error) error {
	if err == nil {
		return errors.New("no error and no delivery")
	}
	return err
}

func temporary(e *gomail.SendError, reply error, status, code string) error {
	switch {
	case e.Reason == gomail.ErrSMTPMailFrom: // it is about us, not about this recipient
		return channels.Busy(reply, 0).With(code, "")
	case status == "4.2.2" || e.ErrorCode() == 452:
		return channels.RetryAfter(reply, fullPause).With(code, "full")
	}
	return channels.RetryAfter(reply, greyPause).With(code, "greylisted")
}

// permanent tells addresses that do not exist from mails that are not wanted: only the former are suppressed.
func permanent(e *gomail.SendError, reply error, status, code string) error {
	switch n := e.ErrorCode(); {
	case n == 530 || n == 534 || n == 535 || n == 538:
		return channels.Down(reply).With(code, "account")
	case strings.HasPrefix(status, "5.7."):
		return channels.Permanent(reply).With(code, "policy")
	case status == "5.2.2" || n == 552 && e.Reason == gomail.ErrSMTPRcptTo:
		return channels.Permanent(reply).With(code, "full")
	case e.Reason != gomail.ErrSMTPRcptTo:
		return channels.Permanent(reply).With(code, "policy")
	case strings.HasPrefix(status, "5.1.") || status == "5.2.1" || status == "5.0.0",
		status == "" && (n == 550 || n == 551 || n == 553):
		return channels.Permanent(reply).With(code, "hard")
	}
	return channels.Permanent(reply).With(code, "policy")
}

// codeOf is the reply code with its enhanced status, as "550 5.1.1".
func codeOf(code int, status string) string {
	if status, _, _ = strings.Cut(status, " "); len(status) < 5 || status[1] != '.' {
		status = ""
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, status))
}

// withoutAddress cuts what go-mail adds to the server's words: they go to tables and logs.
func withoutAddress(text string) string {
	text, _, _ = strings.Cut(text, ", affected recipient(s): ")
	text, _, _ = strings.Cut(text, ", affected message ID: ")
	return text
}
