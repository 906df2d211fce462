package ingest

import (
	"fmt"

	"enishi"
)

// Codes of a [Refusal]: the column code of the table dead_letters and the field code of the collector's answers.
const (
	CodeJSON = "json"      // not one JSON object
	CodeSize = "too_large" // over MaxEventBytes
	CodeUTF8 = "utf8"      // invalid UTF-8

	CodeUnreadable = "unreadable"    // a damaged batch of the log, at StageLog
	CodeType       = "type"          // a field of the wrong JSON type
	CodeUnknown    = "unknown_event" // no such type of event, or one that only Enishi writes
	CodeMissing    = "missing"       // a required field is absent
	CodeValue      = "value"         // a field's value is not allowed
	CodeReserved   = "reserved"      // an id that means "nobody": 0, null, undefined ...
	CodeAncient    = "ancient"       // before the year 2000
	CodeLate       = "late"          // a web event after the time in which repeats are recognised
)

// Refusal says why an event cannot be taken and how to mend it.
type Refusal struct {
	Code     string
	Type     string // of the event, as far as it is known
	Field    string // JSON path: "order.lines[2].price"; empty when it is the event as a whole
	Reason   string // English
	ReasonJA string // Japanese
}

// Error is the English text with the place.
func (r *Refusal) Error() string {
	if r.Field == "" {
		return r.Reason
	}
	return r.Field + ": " + r.Reason
}

// Unwrap makes the refusal an enishi.Invalid error for who wants to show it.
func (r *Refusal) Unwrap() error { return enishi.FieldError(r.Field, r.Reason, r.ReasonJA) }

func refuse(code, field, reason, reasonJA string) *Refusal {
	return &Refusal{Code: code, Field: field, Reason: reason, ReasonJA: reasonJA}
}

func missing(field string) *Refusal {
	return refuse(CodeMissing, field, "is required", "必須の項目です")
}

// at puts a prefix before the place.
func (r *Refusal) at(prefix string) *Refusal {
	if r.Field == "" {
		r.Field = prefix
	} else {
		r.Field = prefix + "." + r.Field
	}
	return r
}

func refusef(code, field, format, formatJA string, args ...any) *Refusal {
	return refuse(code, field, fmt.Sprintf(format, args...), fmt.Sprintf(formatJA, args...))
}
