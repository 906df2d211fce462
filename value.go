package enishi

import (
	"encoding/json"
	"strconv"
	"time"
)

// ValueKind is the type of a [Value].
type ValueKind uint8

// Kinds of values.
const (
	Null ValueKind = iota
	Text
	Number
	Bool
	Instant
)

// Value is a trait or a property: text, number, boolean or instant. Numbers are float64: money never travels as one.
type Value struct {
	Kind   ValueKind `wire:"1"`
	Text   string    `wire:"2"`
	Number float64   `wire:"3"` // Bool: 1 is true; Instant: Unix milliseconds
}

// TextValue makes a text; the other constructors likewise.
func TextValue(s string) Value { return Value{Kind: Text, Text: s} }

// NumberValue makes a number.
func NumberValue(f float64) Value { return Value{Kind: Number, Number: f} }

// BoolValue makes a boolean.
func BoolValue(b bool) Value {
	v := Value{Kind: Bool}
	if b {
		v.Number = 1
	}
	return v
}

// InstantValue makes an instant, cut to milliseconds.
func InstantValue(t time.Time) Value { return Value{Kind: Instant, Number: float64(t.UnixMilli())} }

// Any is the value as string, float64, bool, time.Time or nil.
func (v Value) Any() any {
	switch v.Kind {
	case Text:
		return v.Text
	case Number:
		return v.Number
	case Bool:
		return v.Number != 0
	case Instant:
		return time.UnixMilli(int64(v.Number)).UTC()
	}
	return nil
}

// String is the value as a person would read it.
func (v Value) String() string {
	switch v.Kind {
	case Text:
		return v.Text
	case Number:
		return strconv.FormatFloat(v.Number, 'f', -1, 64)
	case Bool:
		return strconv.FormatBool(v.Number != 0)
	case Instant:
		return time.UnixMilli(int64(v.Number)).UTC().Format("2006-01-02T15:04:05.999Z07:00") // RFC 3339, milliseconds where there are any
	}
	return ""
}

// MarshalJSON writes a JSON scalar; an instant is RFC 3339 text.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.Kind {
	case Text:
		return json.Marshal(v.Text)
	case Number, Bool, Instant:
		if v.Kind == Instant {
			return json.Marshal(v.String())
		}
		return []byte(v.String()), nil
	}
	return []byte("null"), nil
}

// UnmarshalJSON reads a JSON scalar; an object or array is kept as its text. Text that is a full RFC 3339 instant is read as one.
func (v *Value) UnmarshalJSON(b []byte) error {
	*v = Value{}
	if len(b) == 0 {
		return nil
	}
	switch b[0] {
	case 'n':
		return nil
	case 't', 'f':
		*v = BoolValue(b[0] == 't')
		return nil
	case '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		if len(s) >= 20 && s[4] == '-' && s[10] == 'T' {
			if t, err := time.Parse(time.RFC3339, s); err == nil {
				*v = InstantValue(t)
				return nil
			}
		}
		*v = TextValue(s)
		return nil
	case '{', '[':
		*v = TextValue(string(b))
		return nil
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return err
	}
	*v = NumberValue(f)
	return nil
}
