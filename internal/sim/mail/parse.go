package mail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // ISO-2022-JP, Shift_JIS and the others
	rfc822 "github.com/emersion/go-message/mail"
)

// Parsed is a mail as a reader sees it, all in UTF-8.
type Parsed struct {
	Subject   string
	From      string // as written, decoded
	To        string
	Date      time.Time // zero when absent or wrong
	MessageID string    // without brackets
	// Headers are all header fields in order, decoded.
	Headers []Header
	// Text and HTML are the first body of each kind.
	Text, HTML  string
	Attachments []Attachment
	// ListUnsubscribe holds the URIs of that header; OneClick says that the
	// mail allows RFC 8058.
	ListUnsubscribe []string
	OneClick        bool
}

// Header is one decoded header field.
type Header struct{ Name, Value string }

// Attachment names a part that is not shown as a body.
type Attachment struct {
	Name, Type string
	ContentID  string // for pictures within the HTML
	Size       int    // decoded bytes
}

// maxDepth of nested multiparts; deeper parts are refused.
const maxDepth = 20

// Parse reads a mail. An unknown charset is no error: such text stays as it is.
func Parse(raw []byte) (Parsed, error) {
	entity, err := message.Read(bytes.NewReader(raw))
	if tolerable(err) != nil {
		return Parsed{}, fmt.Errorf("read mail: %w", err)
	}
	var p Parsed
	fields := entity.Header.Fields()
	for fields.Next() {
		p.Headers = append(p.Headers, Header{fields.Key(), decoded(fields.Text())})
	}
	h := rfc822.Header{Header: entity.Header}
	p.Subject = decoded(h.Text("Subject"))
	p.From = decoded(h.Text("From"))
	p.To = decoded(h.Text("To"))
	if date, err := h.Date(); err == nil {
		p.Date = date
	}
	if id, err := h.MessageID(); err == nil {
		p.MessageID = id
	}
	p.ListUnsubscribe = angles(h.Get("List-Unsubscribe"))
	p.OneClick = strings.EqualFold(strings.TrimSpace(h.Get("List-Unsubscribe-Post")), "List-Unsubscribe=One-Click")
	if err := p.part(entity, 0); err != nil {
		return p, err
	}
	return p, nil
}

// part walks the tree of parts.
func (p *Parsed) part(e *message.Entity, depth int) error {
	if depth > maxDepth {
		return errors.New("read mail: parts are nested too deep")
	}
	if parts := e.MultipartReader(); parts != nil {
		for {
			sub, err := parts.NextPart()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if tolerable(err) != nil {
				return fmt.Errorf("read part: %w", err)
			}
			if err := p.part(sub, depth+1); err != nil {
				return err
			}
		}
	}
	kind, _, err := e.Header.ContentType()
	if err != nil || kind == "" {
		kind = "text/plain"
	}
	body, err := io.ReadAll(e.Body)
	if err != nil {
		return fmt.Errorf("read %s part: %w", kind, err)
	}
	disposition, _, err := e.Header.ContentDisposition()
	if err != nil {
		disposition = "" // unreadable: as if there were none
	}
	name := decoded((&rfc822.AttachmentHeader{Header: e.Header}).Filename())
	switch {
	case disposition != "attachment" && name == "" && kind == "text/plain" && p.Text == "":
		p.Text = string(body)
	case disposition != "attachment" && name == "" && kind == "text/html" && p.HTML == "":
		p.HTML = string(body)
	default:
		p.Attachments = append(p.Attachments, Attachment{Name: name, Type: kind,
			ContentID: strings.Trim(e.Header.Get("Content-Id"), "<>"), Size: len(body)})
	}
	return nil
}

// tolerable drops the errors of unknown charsets and encodings: go-message
// gives the text undecoded then.
func tolerable(err error) error {
	if message.IsUnknownCharset(err) || message.IsUnknownEncoding(err) {
		return nil
	}
	return err
}

// decoded takes the text even where a word of it could not be decoded.
func decoded(text string, _ error) string { return text }

// angles lists what stands in angle brackets.
func angles(s string) []string {
	var list []string
	for {
		_, rest, found := strings.Cut(s, "<")
		if !found {
			return list
		}
		uri, rest, found := strings.Cut(rest, ">")
		if !found {
			return list
		}
		list = append(list, strings.Join(strings.Fields(uri), "")) // folding may break a long one
		s = rest
	}
}
