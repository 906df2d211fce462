package mail

import (
	"bufio"
	"bytes"
	"context"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// errEnd ends a session in good order: after QUIT, a fault or a 421.
var errEnd = errors.New("end of session")

const (
	maxCommand = 4096 // RFC 5321 asks for 512, extensions for more
	maxErrors  = 50   // wrong commands before the connection is closed
)

// session is one connection.
type session struct {
	*Server
	ctx    context.Context
	conn   net.Conn
	in     *bufio.Reader
	out    *bufio.Writer
	helo   string
	tls    bool
	authed bool
	errors int

	open bool // MAIL was accepted
	utf8 bool
	from string
	to   []string
	data []byte // reused from mail to mail
}

func (s *Server) session(ctx context.Context, conn net.Conn) {
	x := &session{Server: s, ctx: ctx, conn: conn, in: bufio.NewReaderSize(conn, 64<<10), out: bufio.NewWriterSize(conn, 4<<10)}
	err := x.talk()
	if err != nil && !errors.Is(err, errEnd) && !errors.Is(err, io.EOF) && ctx.Err() == nil {
		s.cfg.Log.Debug("mail session ended", "err", err)
	}
}

func (x *session) talk() error {
	if done, err := x.strike(AtConnect); done {
		return errors.Join(err, x.out.Flush())
	}
	if err := x.reply(220, x.cfg.Name+" ESMTP"); err != nil {
		return err
	}
	for {
		line, err := x.line()
		if err != nil {
			return err
		}
		if err := x.command(line); err != nil {
			return errors.Join(err, x.out.Flush())
		}
	}
}

// line reads a command. Replies go out only when no further command waits in
// the buffer: this is what makes pipelining fast.
func (x *session) line() (string, error) {
	if x.in.Buffered() == 0 {
		if err := x.out.Flush(); err != nil {
			return "", err
		}
	}
	if err := x.conn.SetDeadline(time.Now().Add(x.cfg.Idle)); err != nil {
		return "", err
	}
	for {
		line, err := x.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) || err == nil && len(line) > maxCommand {
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = x.in.ReadSlice('\n')
			}
			if err != nil {
				return "", err
			}
			if err := x.reply(500, "5.5.2 line too long"); err != nil {
				return "", err
			}
			if err := x.out.Flush(); err != nil {
				return "", err
			}
			continue
		}
		if err != nil {
			return "", err
		}
		return string(bytes.TrimRight(line, "\r\n")), nil
	}
}

func (x *session) reply(code int, text string) error {
	if code >= 500 && code < 510 {
		x.errors++
	}
	_, err := fmt.Fprintf(x.out, "%d %s\r\n", code, text)
	return err
}

// strike lets a planned fault act. done says that it took the place of the
// proper reply.
func (x *session) strike(at Stage, to ...string) (done bool, err error) {
	f, struck := x.fault(at, x.from, to...)
	if !struck {
		return false, nil
	}
	return x.suffer(f)
}

func (x *session) suffer(f Fault) (done bool, err error) {
	if f.Delay > 0 {
		if err := x.out.Flush(); err != nil { // replies before this one are not late
			return true, err
		}
		if !sleep(x.ctx, f.Delay) {
			return true, errEnd
		}
	}
	if f.Drop {
		return true, errors.Join(errEnd, x.out.Flush())
	}
	if f.Code == 0 {
		return false, nil
	}
	text := f.Text
	if text == "" {
		text = fmt.Sprintf("%d.0.0 refused by plan", f.Code/100)
	}
	err = x.reply(f.Code, text)
	if f.Code == 421 {
		err = errors.Join(err, x.out.Flush(), errEnd)
	}
	return true, err
}

func (x *session) command(line string) error {
	verb, arg, _ := strings.Cut(line, " ")
	if x.errors > maxErrors {
		return errors.Join(x.reply(421, "4.7.0 too many errors"), errEnd)
	}
	switch strings.ToUpper(verb) {
	case "EHLO", "HELO":
		return x.hello(strings.EqualFold(verb, "EHLO"), strings.TrimSpace(arg))
	case "MAIL":
		return x.mail(arg)
	case "RCPT":
		return x.rcpt(arg)
	case "DATA":
		return x.receive(arg)
	case "RSET":
		if done, err := x.strike(AtReset); done {
			return err
		}
		x.clear()
		return x.reply(250, "2.0.0 ok")
	case "NOOP":
		return x.reply(250, "2.0.0 ok")
	case "QUIT":
		return errors.Join(x.reply(221, "2.0.0 bye"), errEnd)
	case "STARTTLS":
		return x.startTLS(arg)
	case "AUTH":
		return x.auth(arg)
	case "VRFY":
		return x.reply(252, "2.1.5 send a mail and see")
	}
	return x.reply(500, "5.5.1 unknown command")
}

func (x *session) clear() { x.open, x.utf8, x.from, x.to = false, false, "", nil }

func (x *session) hello(extended bool, name string) error {
	if done, err := x.strike(AtHelo); done {
		return err
	}
	if name == "" {
		return x.reply(501, "5.5.4 a name is needed")
	}
	x.clear()
	x.helo = name
	if !extended {
		return x.reply(250, x.cfg.Name)
	}
	features := []string{x.cfg.Name, "PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "SIZE " + strconv.FormatInt(x.cfg.MaxSize, 10)}
	if x.cfg.TLS != nil && !x.tls {
		features = append(features, "STARTTLS")
	}
	if x.cfg.Username != "" {
		features = append(features, "AUTH PLAIN")
	}
	for i, f := range features {
		sep := "-"
		if i == len(features)-1 {
			sep = " "
		}
		if _, err := fmt.Fprintf(x.out, "250%s%s\r\n", sep, f); err != nil {
			return err
		}
	}
	return nil
}

func (x *session) startTLS(arg string) error {
	if done, err := x.strike(AtStartTLS); done {
		return err
	}
	switch {
	case x.cfg.TLS == nil || x.tls:
		return x.reply(502, "5.5.1 no STARTTLS here")
	case arg != "":
		return x.reply(501, "5.5.4 no argument allowed")
	}
	if err := errors.Join(x.reply(220, "2.0.0 go ahead"), x.out.Flush()); err != nil {
		return err
	}
	secured := tls.Server(x.conn, x.cfg.TLS)
	if err := secured.HandshakeContext(x.ctx); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	// The new reader drops what a man in the middle may have added in clear text.
	x.in, x.out, x.conn, x.tls = bufio.NewReaderSize(secured, 64<<10), bufio.NewWriterSize(secured, 4<<10), secured, true
	x.clear()
	x.helo, x.authed = "", false
	return nil
}

func (x *session) auth(arg string) error {
	if done, err := x.strike(AtAuth); done {
		return err
	}
	mechanism, initial, _ := strings.Cut(arg, " ")
	switch {
	case x.cfg.Username == "":
		return x.reply(502, "5.5.1 no AUTH here")
	case !strings.EqualFold(mechanism, "PLAIN"):
		return x.reply(504, "5.5.4 only PLAIN")
	case x.authed || x.open:
		return x.reply(503, "5.5.1 not now")
	}
	if initial == "" {
		if err := x.reply(334, ""); err != nil {
			return err
		}
		var err error
		if initial, err = x.line(); err != nil {
			return err
		}
		if initial == "*" {
			return x.reply(501, "5.7.0 cancelled")
		}
	}
	secret, err := base64.StdEncoding.DecodeString(initial)
	if err != nil {
		return x.reply(501, "5.5.2 not base64")
	}
	parts := bytes.Split(secret, []byte{0}) // authorization id, user, password
	if len(parts) != 3 || subtle.ConstantTimeCompare(parts[1], []byte(x.cfg.Username))&
		subtle.ConstantTimeCompare(parts[2], []byte(x.cfg.Password)) != 1 {
		return x.reply(535, "5.7.8 wrong user or password")
	}
	x.authed = true
	return x.reply(235, "2.7.0 welcome")
}

func (x *session) mail(arg string) error {
	path, params, ok := cutPath(arg, "FROM:")
	if ok {
		x.from = path
	}
	if done, err := x.strike(AtMail); done {
		x.clear()
		return err
	}
	switch {
	case x.helo == "":
		return x.reply(503, "5.5.1 say EHLO first")
	case x.cfg.RequireTLS && !x.tls:
		return x.reply(530, "5.7.0 STARTTLS first")
	case x.cfg.Username != "" && !x.authed:
		return x.reply(530, "5.7.0 AUTH first")
	case x.open:
		return x.reply(503, "5.5.1 MAIL was said")
	case !ok || path != "" && !strings.Contains(path, "@"):
		return x.reply(501, "5.1.7 FROM:<address> expected")
	}
	for _, p := range strings.Fields(params) {
		key, value, _ := strings.Cut(p, "=")
		switch strings.ToUpper(key) {
		case "SIZE":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return x.reply(501, "5.5.4 bad SIZE")
			}
			if n > x.cfg.MaxSize {
				return x.reply(552, "5.3.4 mail too big")
			}
		case "BODY":
			if v := strings.ToUpper(value); v != "7BIT" && v != "8BITMIME" {
				return x.reply(501, "5.5.4 bad BODY")
			}
		case "SMTPUTF8":
			x.utf8 = true
		case "AUTH":
		default:
			return x.reply(555, "5.5.4 unknown parameter "+key)
		}
	}
	if !x.utf8 && !ascii(path) {
		return x.reply(553, "5.6.7 SMTPUTF8 needed")
	}
	x.open = true
	return x.reply(250, "2.1.0 ok")
}

func (x *session) rcpt(arg string) error {
	path, params, ok := cutPath(arg, "TO:")
	if done, err := x.strike(AtRcpt, path); done {
		return err
	}
	switch {
	case !x.open:
		return x.reply(503, "5.5.1 MAIL first")
	case !ok || !strings.Contains(path, "@"):
		return x.reply(501, "5.1.3 TO:<address> expected")
	case params != "":
		return x.reply(555, "5.5.4 unknown parameter")
	case !x.utf8 && !ascii(path):
		return x.reply(553, "5.6.7 SMTPUTF8 needed")
	case len(x.to) >= x.cfg.MaxRecipients:
		return x.reply(452, "4.5.3 too many recipients")
	}
	x.to = append(x.to, path)
	return x.reply(250, "2.1.5 ok")
}

func (x *session) receive(arg string) error {
	if done, err := x.strike(AtData, x.to...); done {
		return err
	}
	switch {
	case arg != "":
		return x.reply(501, "5.5.4 no argument allowed")
	case len(x.to) == 0:
		return x.reply(503, "5.5.1 RCPT first")
	}
	if err := errors.Join(x.reply(354, "go ahead"), x.out.Flush()); err != nil {
		return err
	}
	fits, err := x.content()
	if err != nil {
		return err
	}
	f, struck := x.fault(AtDot, x.from, x.to...)
	if !fits {
		x.clear()
		return x.reply(552, "5.3.4 mail too big")
	}
	id := uint64(0)
	if keep := !f.Drop && (f.Code == 0 || f.Code/100 == 2); keep || f.Store {
		id = x.store(x.from, x.to, x.data)
	}
	if cap(x.data) > 1<<20 { // one big mail shall not be held by every connection
		x.data = nil
	}
	x.clear()
	if struck {
		if done, err := x.suffer(f); done {
			return err
		}
	}
	return x.reply(250, "2.0.0 queued as "+strconv.FormatUint(id, 10))
}

// content reads up to the final dot into x.data and says whether it fits the
// size limit. Only CRLF . CRLF ends a mail: a bare LF before or after the dot
// does not, so nothing can be smuggled in behind a mail.
func (x *session) content() (fits bool, err error) {
	x.data, fits = x.data[:0], true
	fresh := true    // at the start of a line that follows a CRLF
	afterCR := false // the chunk before ended in CR without its LF
	for {
		chunk, err := x.in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return false, err
		}
		if x.in.Buffered() == 0 {
			if err := x.conn.SetDeadline(time.Now().Add(x.cfg.Idle)); err != nil {
				return false, err
			}
		}
		if fresh && chunk[0] == '.' {
			if len(chunk) == 3 && chunk[1] == '\r' && chunk[2] == '\n' {
				return fits, nil
			}
			chunk = chunk[1:]
		}
		n := len(chunk)
		fresh = err == nil && (n >= 2 && chunk[n-2] == '\r' || n == 1 && afterCR)
		afterCR = err != nil && n > 0 && chunk[n-1] == '\r'
		if fits = fits && int64(len(x.data)+n) <= x.cfg.MaxSize; fits {
			x.data = append(x.data, chunk...)
		}
	}
}

// cutPath reads "FROM:<address> params". A quoted local part may hold any
// character; the quotes stay.
func cutPath(arg, keyword string) (path, params string, ok bool) {
	if len(arg) < len(keyword) || !strings.EqualFold(arg[:len(keyword)], keyword) {
		return "", "", false
	}
	arg = strings.TrimLeft(arg[len(keyword):], " ")
	if !strings.HasPrefix(arg, "<") {
		return "", "", false
	}
	quoted := false
	for i := 1; i < len(arg); i++ {
		switch {
		case arg[i] == '\\' && quoted:
			i++
		case arg[i] == '"':
			quoted = !quoted
		case arg[i] == '>' && !quoted:
			return arg[1:i], strings.TrimSpace(arg[i+1:]), true
		}
	}
	return "", "", false
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
