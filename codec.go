package enishi

import "fmt"

// EncodeEvent appends the event as it stands on the topic events: a version byte, then the fields.
func EncodeEvent(dst []byte, e *Event) []byte { return e.AppendWire(append(dst, EventVersion)) }

// DecodeEvent reads what EncodeEvent wrote, of this or an older version; later versions add fields that are skipped.
func DecodeEvent(e *Event, b []byte) error { return decodeVersioned(b, "event", e.ParseWire) }

// EncodeMessage appends the message as it stands on the topic messages.
func EncodeMessage(dst []byte, m *Message) []byte { return m.AppendWire(append(dst, EventVersion)) }

// DecodeMessage reads what EncodeMessage wrote.
func DecodeMessage(m *Message, b []byte) error { return decodeVersioned(b, "message", m.ParseWire) }

// EncodeLink appends the link as it stands on the topic identities.
func EncodeLink(dst []byte, l *Link) []byte { return l.AppendWire(append(dst, EventVersion)) }

// DecodeLink reads what EncodeLink wrote.
func DecodeLink(l *Link, b []byte) error { return decodeVersioned(b, "link", l.ParseWire) }

func decodeVersioned(b []byte, what string, parse func(string) error) error {
	if len(b) == 0 {
		return fmt.Errorf("decode %s: empty record", what)
	}
	if b[0] != EventVersion {
		return fmt.Errorf("decode %s: version %d is newer than this program knows (%d)", what, b[0], EventVersion)
	}
	return parse(string(b[1:]))
}
