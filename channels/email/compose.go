package email

import (
	"fmt"
	"net/mail"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"enishi/channels"
)

// compose makes the mail. Its errors are permanent.
func (c *Channel) compose(m *channels.Rendered) (*gomail.Msg, error) {
	to, err := recipient(m.To)
	if err != nil {
		return nil, channels.Permanent(err).With("", "address")
	}
	for _, x := range [...][2]string{{"subject", m.Subject}, {"sender's name", m.FromName}, {"unsubscribe address", m.Unsubscribe},
		{"journey", m.Journey}, {"template", m.Template}, {"bounce address", m.Bounce}} {
		if strings.IndexFunc(x[1], unicode.IsControl) >= 0 {
			return nil, channels.Permanent(fmt.Errorf("the %s has a line end or a control character", x[0])).With("", "content")
		}
	}
	if m.Text == "" && m.HTML == "" {
		return nil, channels.Permanent(fmt.Errorf("the mail is empty")).With("", "content")
	}
	msg := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingB64), gomail.WithNoDefaultUserAgent())
	from := *c.from
	if m.FromName != "" {
		from.Name = m.FromName
	}
	msg.FromMailAddress(&from)
	msg.ToMailAddress(to)
	if c.replyTo != nil {
		msg.ReplyToMailAddress(c.replyTo)
	}
	if c.cfg.Bounce != "" && m.Bounce != "" {
		msg.EnvelopeFromMailAddress(&mail.Address{Address: m.Bounce + "@" + c.cfg.Bounce})
	}
	msg.Subject(m.Subject)
	msg.SetDateWithValue(c.cfg.Now())
	// The same for every try and every round: whoever gets it twice can tell.
	msg.SetMessageIDWithValue(m.SendID.String() + "@" + c.domain)
	msg.SetGenHeaderPreformatted("Feedback-ID", strings.Join([]string{feedback(m.Journey), feedback(m.Template), feedback(m.Purpose), feedback(c.cfg.Sender)}, ":"))
	if m.Unsubscribe != "" {
		// Not go-mail's own func: it refuses http, which a development server speaks.
		msg.SetGenHeaderPreformatted(gomail.HeaderListUnsubscribe, "<"+m.Unsubscribe+">")
		msg.SetGenHeaderPreformatted(gomail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click")
	} else {
		msg.SetGenHeader("Auto-Submitted", "auto-generated")
	}
	switch {
	case m.HTML == "":
		msg.SetBodyString(gomail.TypeTextPlain, crlf(m.Text))
	case m.Text == "":
		msg.SetBodyString(gomail.TypeTextHTML, crlf(m.HTML))
	default:
		msg.SetBodyString(gomail.TypeTextPlain, crlf(m.Text))
		msg.AddAlternativeString(gomail.TypeTextHTML, crlf(m.HTML))
	}
	return msg, nil
}

// feedback is a part of a Feedback-ID: no colon, no space.
func feedback(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == ':' || r > '~' {
			return '-'
		}
		return r
	}, s)
}

// crlf ends every line as mail does.
func crlf(s string) string {
	if !strings.Contains(s, "\n") {
		return s
	}
	if strings.Contains(s, "\r") {
		s = strings.ReplaceAll(s, "\r\n", "\n")
		s = strings.ReplaceAll(s, "\r", "\n")
	}
	return strings.ReplaceAll(s, "\n", "\r\n")
}

// recipient reads an address as it came in. Old addresses of Japanese carriers have dots where RFC 5322 wants quotes
// (a..b@, abc.@): they are sent quoted, which their servers take.
func recipient(raw string) (*mail.Address, error) {
	raw = strings.TrimSpace(raw)
	at := strings.LastIndexByte(raw, '@')
	if at < 1 || at == len(raw)-1 || len(raw) > 254 {
		return nil, fmt.Errorf("this is no mail address")
	}
	local, domain := raw[:at], raw[at+1:]
	if len(local) > 1 && local[0] == '"' && local[len(local)-1] == '"' {
		parsed, err := mail.ParseAddress(raw)
		if err != nil {
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
