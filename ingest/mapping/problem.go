package mapping

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Problem is a record that could not become an event, or a field of it. Value is personal: it is for the screen of who
// imports, not for a log.
type Problem struct {
	Line       int      // of the file, as a person counts (csv); 0: a document
	Lines      []int    // all lines of the event that does not come
	Rule       int      // index of the rule
	Field      string   // path in the event, "" when it is the record as a whole
	Expression string   // that gave the value
	Columns    []string // that the expression reads
	Value      string   // as it came, cut short
	Reason     string   // English
	ReasonJA   string   // Japanese
}

// Error is the English text with the place, without the value.
func (p *Problem) Error() string {
	var b strings.Builder
	if p.Line > 0 {
		b.WriteString("line " + strconv.Itoa(p.Line) + ": ")
	}
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	b.WriteString(p.Reason)
	if p.Expression != "" {
		b.WriteString(" (from " + p.Expression + ")")
	}
	return b.String()
}

// clip cuts a value for a message.
func clip(s string) string {
	const limit = 60
	if len(s) <= limit {
		return s
	}
	n := limit
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// wrong is why a value does not fit its field.
type wrong struct{ en, ja string }

func (w *wrong) Error() string { return w.en }
