package channels

import (
	"errors"
	"time"
)

// verdict is what an answer of a provider means for the message and for the destination.
type verdict uint8

const (
	verdictSent      verdict = iota
	verdictPermanent         // this message never
	verdictRetry             // this message later; it has not been taken
	verdictBusy              // nothing to this destination for now; this message has not been taken
	verdictUnknown           // taken or not
	verdictRefused           // a limit says no; this message has not been taken
	verdictDown              // nothing to this account until somebody acts; this message has not been taken
	verdictParked            // this message not until somebody acts; it has not been taken
)

// SendError is an error of a [Channel] that says what to do.
type SendError struct {
	verdict verdict
	// After: of RetryAfter and Busy: not before; 0: as the schedule says. Of Refused: a budget of ours refuses this message
	// for so long, others may fit; 0: the provider refuses everything.
	After  time.Duration
	Code   string // the provider's own, e.g. "550 5.1.1", "400"
	Reason string // of Permanent: hard, policy, content, address, account; of Refused: quota, rate, expired, suppressed, sold_out, notice, unreachable
	Err    error
}

// Error is the cause's text.
func (e *SendError) Error() string {
	if e.Err == nil {
		return e.Reason
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *SendError) Unwrap() error { return e.Err }

// With adds the provider's code and our reason.
func (e *SendError) With(code, reason string) *SendError {
	e.Code, e.Reason = code, reason
	return e
}

// Permanent says that this message will never be taken.
func Permanent(err error) *SendError { return &SendError{verdict: verdictPermanent, Err: err} }

// RetryAfter says that this message was not taken and may be later; others are not concerned. 0: as the schedule says.
func RetryAfter(err error, d time.Duration) *SendError {
	return &SendError{verdict: verdictRetry, Err: err, After: d}
}

// Busy says that nothing was taken because the destination has trouble: nobody answers, it limits the rate, it is closing.
// Several in a row open the breaker.
func Busy(err error, d time.Duration) *SendError {
	return &SendError{verdict: verdictBusy, Err: err, After: d}
}

// Unknown says that nobody knows whether the message was taken.
func Unknown(err error) *SendError { return &SendError{verdict: verdictUnknown, Err: err} }

// Refused says that a limit stands against the message: quota, rate, expired, suppressed, sold_out; of LINE's notification messages
// also notice (LINE has not approved the text) and unreachable (no user of LINE gets notices at the number).
func Refused(reason string, err error) *SendError {
	return &SendError{verdict: verdictRefused, Reason: reason, Err: err}
}

// Down says that the account cannot send at all until somebody acts (a wrong token, a wrong password).
func Down(err error) *SendError { return &SendError{verdict: verdictDown, Err: err} }

// Parked says that this message cannot leave until somebody acts (its template is missing).
func Parked(err error) *SendError { return &SendError{verdict: verdictParked, Err: err} }

// asSendError gives every error a verdict.
func asSendError(err error) *SendError {
	var e *SendError
	if errors.As(err, &e) {
		return e
	}
	return Unknown(err)
}

// verdicts are the names of verdict.
var verdicts = [...]string{"sent", "permanent", "retry", "busy", "unknown", "refused", "down", "parked"}

// Verdict is what the error asks for: permanent, retry, busy, unknown, refused, down or parked.
func (e *SendError) Verdict() string { return verdicts[e.verdict] }
