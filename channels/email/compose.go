package email

import (
	"encoding/base64"
	"fmt"
	"net/mail"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"enishi/channels"
)

// Bounds of what cannot be folded: a line may have 998 bytes (RFC 5322, 2.1.1).
const (
	maxHeaderURL = 900
	maxFeedback  = 100 // of each part of a Feedback-ID
)

// buffers are those of composed mails.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 32<<10); return &b }}

// compose writes the mail as it goes over the wire, the final dot included, and keeps it in keep. Its errors are permanent.
func (c *Channel) compose(b []byte, keep *[]byte, m *channels.Rendered) (envelope, error) {
	to, err := recipient(m.To)
	if err != nil {
		return envelope{}, channels.Permanent(err).With("", "address")
	}
	for _, x := range [...][2]string{{"subject", m.Subject}, {"sender's name", m.FromName}, {"unsubscribe address", m.Unsubscribe},
		{"journey", m.Journey}, {"template", m.Template}, {"bounce address", m.Bounce}} {
		if strings.IndexFunc(x[1], unicode.IsControl) >= 0 {
			return envelope{}, channels.Permanent(fmt.Errorf("the %s has a line end or a control character", x[0])).With("", "content")
		}
	}
	if len(m.Unsubscribe) > maxHeaderURL {
		return envelope{}, channels.Permanent(fmt.Errorf("the unsubscribe address has more than %d characters", maxHeaderURL)).With("", "content")
	}
	if m.Text == "" && m.HTML == "" {
		return envelope{}, channels.Permanent(fmt.Errorf("the mail is empty")).With("", "content")
	}
	from := *c.from
	if m.FromName != "" {
		from.Name = m.FromName
	}
	sender := mail.Address{Address: c.from.Address}
	if c.cfg.Bounce != "" && m.Bounce != "" {
		sender.Address = m.Bounce + "@" + c.cfg.Bounce
	}
	e := envelope{from: sender.String(), to: to.String(), begin: m.Begin}
	e.utf8 = !ascii(e.from) || !ascii(e.to)

	w := writing{jis: c.jis(m.To)}
	b = header(b, "Date", c.cfg.Now().Format(time.RFC1123Z))
	// net/mail would put a name that looks like an encoded word, or one that cannot be folded, in quotes as it is.
	if from.Name = strings.TrimSpace(from.Name); (w.jis || ascii(from.Name)) && !plain(from.Name) {
		b = header(b, "From", w.words("sender's name", from.Name)+" "+(&mail.Address{Address: from.Address}).String())
	} else {
		b = header(b, "From", from.String())
	}
	b = header(b, "To", to.String())
	if c.replyTo != nil {
		b = header(b, "Reply-To", c.replyTo.String())
	}
	b = header(b, "Subject", w.words("subject", m.Subject))
	b = header(b, "Message-ID", "<"+c.messageID(m)+">")
	b = header(b, "Feedback-ID", feedback(m.Journey)+":"+feedback(m.Template)+":"+feedback(m.Purpose)+":"+feedback(c.cfg.Sender))
	if m.Unsubscribe != "" {
		b = header(b, "List-Unsubscribe", "<"+m.Unsubscribe+">")
		b = header(b, "List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	} else {
		b = header(b, "Auto-Submitted", "auto-generated")
	}
	b = header(b, "MIME-Version", "1.0")
	switch {
	case m.HTML == "":
		b = w.part(b, "text/plain", m.Text)
	case m.Text == "":
		b = w.part(b, "text/html", m.HTML)
	default:
		// No line of base64 holds an underscore, so this stands in no part.
		boundary := "=_" + m.SendID.String()
		b = header(b, "Content-Type", `multipart/alternative; boundary="`+boundary+`"`)
		b = append(b, "\r\n--"...)
		b = append(b, boundary...)
		b = append(b, "\r\n"...)
		b = w.part(b, "text/plain", m.Text)
		b = append(b, "--"...)
		b = append(b, boundary...)
		b = append(b, "\r\n"...)
		b = w.part(b, "text/html", m.HTML)
		b = append(b, "--"...)
		b = append(b, boundary...)
		b = append(b, "--\r\n"...)
	}
	if e.signatures, err = c.sign(b); err != nil {
		return envelope{}, channels.Permanent(err).With("", "content")
	}
	e.note = w.note
	*keep = append(b, ".\r\n"...)
	return e, nil
}

// header writes one field. The value is folded at spaces where a line would be longer than 76 characters.
func header(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	line := len(name) + 2
	for i, word := range strings.Split(value, " ") {
		switch {
		case i == 0:
		case line+1+len(word) > 76:
			b = append(b, "\r\n "...)
			line = 1
		default:
			b = append(b, ' ')
			line++
		}
		b = append(b, word...)
		line += len(word)
	}
	return append(b, "\r\n"...)
}

// words is a text as a header may hold it: as it is when it is ASCII and can be folded, else in encoded words (RFC 2047),
// none of them cut within a character. They stand apart by a space, where header folds.
func words(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for s != "" {
		n := min(len(s), 39) // 52 characters of base64, 64 with the frame: 73 behind "Subject: "
		for n < len(s) && n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString("=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(s[:n])) + "?=")
		s = s[n:]
	}
	return b.String()
}

// plain tells whether a text may stand in a header as it is.
func plain(s string) bool {
	if !ascii(s) || strings.Contains(s, "=?") {
		return false
	}
	for _, w := range strings.Split(s, " ") {
		if len(w) > 70 {
			return false
		}
	}
	return true
}

// part writes the header and the content of one part, in lines of 76 characters of base64.
func (w *writing) part(b []byte, kind, text string) []byte {
	text, charset := w.body(kind, text)
	b = append(b, "Content-Type: "...)
	b = append(b, kind...)
	b = append(b, "; charset="...)
	b = append(b, charset...)
	b = append(b, "\r\nContent-Transfer-Encoding: base64\r\n\r\n"...)
	const line = 57 // bytes that make 76 characters
	for rest := []byte(text); len(rest) > 0; {
		n := min(line, len(rest))
		b = base64.StdEncoding.AppendEncode(b, rest[:n])
		b = append(b, "\r\n"...)
		rest = rest[n:]
	}
	return b
}

// feedback is a part of a Feedback-ID: no colon, no space.
func feedback(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == ':' || r > '~' {
			return '-'
		}
		return r
	}, clip(s, maxFeedback))
}

// crlf ends every line as mail does.
func crlf(s string) string {
	if !strings.Contains(s, "\n") && !strings.Contains(s, "\r") {
		return s
	}
	if strings.Contains(s, "\r") {
		s = strings.ReplaceAll(s, "\r\n", "\n")
		s = strings.ReplaceAll(s, "\r", "\n")
	}
	return strings.ReplaceAll(s, "\n", "\r\n")
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// recipient reads an address as it came in. Old addresses of Japanese carriers have dots where RFC 5322 wants quotes
// (a..b@, abc.@): they are sent quoted, which their servers take.
func recipient(raw string) (*mail.Address, error) {
	raw = strings.TrimSpace(raw)
	at := strings.LastIndexByte(raw, '@')
	if at < 1 || at == len(raw)-1 || len(raw) > 254 || !utf8.ValidString(raw) {
		return nil, fmt.Errorf("this is no mail address")
	}
	local, domain := raw[:at], raw[at+1:]
	if len(local) > 1 && local[0] == '"' && local[len(local)-1] == '"' {
		parsed, err := mail.ParseAddress(raw)
		if err != nil || strings.IndexFunc(parsed.Address, unicode.IsControl) >= 0 {
			return nil, fmt.Errorf("this is no mail address")
		}
		return &mail.Address{Address: parsed.Address}, nil
	}
	if strings.IndexFunc(local, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune(`"\<>()[],:;@`, r)
	}) >= 0 || !isDomain(domain) {
		return nil, fmt.Errorf("this is no mail address")
	}
	return &mail.Address{Address: raw}, nil // net/mail puts the quotes
}

func isDomain(s string) bool {
	for _, label := range strings.Split(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				return false
			}
		}
	}
	return true
}
