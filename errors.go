package enishi

import (
	"errors"
	"fmt"
)

// Code classifies an [Error]. The api maps each to one HTTP status; any other error is internal and its text never
// leaves the process.
type Code string

// The closed set of error codes.
const (
	Invalid     Code = "invalid"     // the input is wrong: the message names the place and the fix
	NotFound    Code = "not_found"   // no such thing
	Conflict    Code = "conflict"    // somebody else changed it, or the state forbids it
	Denied      Code = "denied"      // the caller may not do this
	Unavailable Code = "unavailable" // a part is away or too far behind; try again
)

// Error is an error that a person outside the process may read.
type Error struct {
	Code  Code
	Field string // where, as a JSON path ("order.lines[2].price"); may be empty
	Msg   string // English: what is wrong and how to fix it
	MsgJA string // the same in Japanese; may be empty
	Line  int    // 1-based, of a definition's text; 0 when there is none
	Col   int    // 1-based, in characters
	Err   error  // cause for the log; never shown
}

// Error gives the place, then the message.
func (e *Error) Error() string {
	s := e.Msg
	if e.Line > 0 {
		s = fmt.Sprintf("line %d, column %d: %s", e.Line, e.Col, s)
	}
	if e.Field != "" {
		s = e.Field + ": " + s
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an [Error] with an English message.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Msg: fmt.Sprintf(format, args...)}
}

// FieldError says what is wrong with the value at a JSON path, in both languages.
func FieldError(field, msg, msgJA string) *Error {
	return &Error{Code: Invalid, Field: field, Msg: msg, MsgJA: msgJA}
}

// ErrorCode returns the code of the first [Error] in err's chain, or "" for an internal error.
func ErrorCode(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
