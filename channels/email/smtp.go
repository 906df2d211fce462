package email

import (
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"strings"
	"time"
)

// stage is how far a mail came.
type stage uint8

const (
	atMail    stage = iota // MAIL FROM
	atRcpt                 // RCPT TO
	atData                 // DATA
	atContent              // the mail itself, up to the final dot
	atDot                  // the answer to it
)

// fault is why a mail was not taken, or why nobody knows. Code is 0 when it was no reply of the server.
type fault struct {
	at   stage
	code int
	text string // of the reply, without the recipient's address
	err  error
}

func (f *fault) Error() string {
	if f.code != 0 {
		return fmt.Sprintf("%d %s", f.code, f.text)
	}
	return f.err.Error()
}

// status is the enhanced status code of the reply, as 5.1.1; "" when it has none.
func (f *fault) status() string {
	s, _, _ := strings.Cut(f.text, " ")
	parts := strings.Split(s, ".")
	if len(parts) != 3 || len(parts[0]) != 1 || parts[0][0] < '2' || parts[0][0] > '5' {
		return ""
	}
	for _, p := range parts {
		if p == "" || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return ""
		}
	}
	return s
}

// envelope is who a mail is from and for, as they stand in SMTP.
type envelope struct {
	from, to   string       // with <>
	utf8       bool         // an address is not ASCII
	begin      func() error // told right before the mail itself is said; nil: nobody is
	signatures string       // fields that go before the mail
	note       string       // for the receipt
}

// send hands one mail over and returns the server's words. raw ends with the line that holds the final dot; no other line
// begins with one.
//
// MAIL, RCPT and DATA go out together where the server allows (RFC 2920): one wait in place of three. Nothing of the mail
// is said before all three are answered.
func (x *conn) send(ctx context.Context, e envelope, raw []byte) (reply string, f *fault) {
	stop := context.AfterFunc(ctx, func() { _ = x.socket.Close() })
	defer stop()
	if err := x.socket.SetDeadline(time.Now().Add(x.timeout)); err != nil {
		return "", &fault{at: atMail, err: err}
	}
	if f = x.open(e); f != nil {
		f.redact(e.to)
		return "", f
	}
	if e.begin != nil {
		if err := e.begin(); err != nil {
			x.broken = true // the server waits for a mail
			return "", &fault{at: atData, err: err}
		}
	}
	if _, err := x.smtp.Text.W.WriteString(e.signatures); err != nil {
		return "", &fault{at: atContent, err: fmt.Errorf("write the signatures: %w", err)}
	}
	if n, err := x.smtp.Text.W.Write(raw); err != nil {
		return "", &fault{at: atContent, err: fmt.Errorf("write %d of %d bytes: %w", n, len(raw), err)}
	}
	if err := x.smtp.Text.W.Flush(); err != nil {
		return "", &fault{at: atContent, err: err}
	}
	_, reply, err := x.smtp.Text.ReadResponse(250)
	if f = faultOf(atDot, err); f != nil {
		f.redact(e.to)
		return "", f
	}
	x.used++
	return reply, nil
}

// open says MAIL, RCPT and DATA.
func (x *conn) open(e envelope) *fault {
	commands := [...]struct {
		at   stage
		line string
		want int
	}{{atMail, "MAIL FROM:" + e.from, 250}, {atRcpt, "RCPT TO:" + e.to, 25}, {atData, "DATA", 354}}
	if e.utf8 {
		commands[0].line += " SMTPUTF8"
	}
	text := x.smtp.Text
	reset := x.dirty
	if reset {
		x.dirty = false
		if _, err := text.W.WriteString("RSET\r\n"); err != nil {
			return &fault{at: atMail, err: err}
		}
	}
	var first *fault
	for i, c := range commands {
		if _, err := text.W.WriteString(c.line + "\r\n"); err != nil {
			return &fault{at: atMail, err: err}
		}
		if x.pipelining && i < len(commands)-1 {
			continue
		}
		if err := text.W.Flush(); err != nil {
			return &fault{at: c.at, err: err}
		}
		if reset {
			reset = false
			if _, _, err := text.ReadResponse(250); err != nil { // it is about the mail before: this one needs another connection
				return &fault{at: atMail, err: fmt.Errorf("reset the connection: %w", err)}
			}
		}
		if !x.pipelining {
			if _, _, err := text.ReadResponse(c.want); err != nil {
				x.dirty = i > 0
				return faultOf(c.at, err)
			}
		}
	}
	if !x.pipelining {
		return nil
	}
	for _, c := range commands {
		_, _, err := text.ReadResponse(c.want)
		if f := faultOf(c.at, err); f != nil && first == nil {
			first = f
		}
		if first != nil && (first.code == 0 || first.code == 421) {
			return first // nothing more will come
		}
		if c.at == atData && first != nil {
			// The transaction is open, or the server even waits for a mail: then the connection cannot be used again.
			x.dirty, x.broken = true, err == nil
		}
	}
	return first
}

// faultOf reads what textproto says.
func faultOf(at stage, err error) *fault {
	if err == nil {
		return nil
	}
	var reply *textproto.Error
	if errors.As(err, &reply) && reply.Code >= 400 {
		return &fault{at: at, code: reply.Code, text: strings.ToValidUTF8(strings.ReplaceAll(reply.Msg, "\n", " "), "?"), err: err}
	}
	return &fault{at: at, err: err}
}

// redact takes the recipient's address out of the server's words: they go to tables and logs.
func (f *fault) redact(to string) {
	address := strings.Trim(to, "<>")
	for _, secret := range [...]string{address, strings.ReplaceAll(address, `"`, "")} {
		for i := indexFold(f.text, secret); i >= 0 && secret != ""; i = indexFold(f.text, secret) {
			f.text = f.text[:i] + "[recipient]" + f.text[i+len(secret):]
		}
	}
}

func indexFold(s, sub string) int {
	for i := 0; i+len(sub) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(sub)], sub) {
			return i
		}
	}
	return -1
}
