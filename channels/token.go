package channels

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash"
	"strings"
	"sync"
	"time"

	"enishi"
)

// Kinds of public tokens. A token of one kind is no token of another.
const (
	tokenUnsubscribe byte = 'u'
	tokenView        byte = 'v'
	tokenOpen        byte = 'o'
	tokenClick       byte = 'c' // carries its URL
	tokenLink        byte = 'l' // names a link of the message in the ledger: short, for texts
	tokenBounce      byte = 'b'
	tokenConfirm     byte = 'k' // of double opt-in
	tokenChat        byte = 'm' // ref of a link that opens a chat: who comes by it is who got the message
	tokenNotice      byte = 'n' // of a notification: the device tells what became of it
)

// token is what a link of a message says about itself. It holds hashes and names of definitions, no personal value.
type token struct {
	Kind                    byte
	Send, Profile, Subject  enishi.ID
	Round                   int
	Channel, Purpose        string
	Journey, Node, Template string
	Run                     enishi.ID
	Language                string
	At                      time.Time // when the message was rendered, in seconds
	URL                     string    // of tokenClick; of tokenLink the link's name
}

const (
	tokenVersion = 1
	macSize      = 16
	shortMAC     = 8
	bounceMAC    = 6
)

var errForged = errors.New("the link is not one of ours")

// signer signs and checks tokens.
type signer struct{ pool sync.Pool }

func newSigner(key []byte) *signer {
	return &signer{pool: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

func (s *signer) mac(b []byte, size int) []byte { return s.seal(b, size)[len(b):] }

// seal adds the MAC of b to it.
func (s *signer) seal(b []byte, size int) []byte {
	h := s.pool.Get().(hash.Hash)
	defer s.pool.Put(h)
	h.Reset()
	h.Write(b)
	return h.Sum(b)[:len(b)+size]
}

// sign gives the token as it stands in a URL.
func (s *signer) sign(t *token) string { return s.address("", t) }

// address is a URL that ends with a token.
func (s *signer) address(before string, t *token) string {
	b := make([]byte, 0, 256+len(t.URL))
	b = append(b, tokenVersion, t.Kind)
	b = append(b, t.Send[:]...)
	if t.Kind == tokenLink { // everything else is in the ledger
		b = append(b, t.URL...)
		return inURL(before, s.seal(b, shortMAC))
	}
	b = append(b, t.Profile[:]...)
	b = append(b, t.Subject[:]...)
	b = append(b, t.Run[:]...)
	b = binary.AppendUvarint(b, uint64(t.Round))
	b = binary.AppendUvarint(b, uint64(max(t.At.Unix(), 0)))
	for _, s := range [...]string{t.Channel, t.Purpose, t.Journey, t.Node, t.Template, t.Language} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	b = append(b, t.URL...)
	return inURL(before, s.seal(b, macSize))
}

// inURL writes bytes behind the beginning of an address.
func inURL(before string, b []byte) string {
	out := make([]byte, 0, len(before)+base64.RawURLEncoding.EncodedLen(len(b)))
	return string(base64.RawURLEncoding.AppendEncode(append(out, before...), b))
}

// verify reads a token of one of the kinds.
func (s *signer) verify(text string, kinds ...byte) (*token, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < 2+16+shortMAC || b[0] != tokenVersion || !strings.ContainsRune(string(kinds), rune(b[1])) {
		return nil, errForged
	}
	size := macSize
	if b[1] == tokenLink {
		size = shortMAC
	}
	if len(b) < 2+16+size {
		return nil, errForged
	}
	body, mac := b[:len(b)-size], b[len(b)-size:]
	if !hmac.Equal(mac, s.mac(body, size)) {
		return nil, errForged
	}
	t := &token{Kind: body[1]}
	copy(t.Send[:], body[2:18])
	if body = body[18:]; t.Kind == tokenLink {
		t.URL = string(body)
		return t, nil
	}
	if len(body) < 48 {
		return nil, errForged
	}
	copy(t.Profile[:], body)
	copy(t.Subject[:], body[16:])
	copy(t.Run[:], body[32:])
	return t, t.parse(body[48:])
}

func (t *token) parse(b []byte) error {
	number := func() (n uint64, ok bool) {
		n, used := binary.Uvarint(b)
		if used <= 0 {
			return 0, false
		}
		b = b[used:]
		return n, true
	}
	round, ok1 := number()
	at, ok2 := number()
	if !ok1 || !ok2 {
		return errForged
	}
	t.Round, t.At = int(round), time.Unix(int64(at), 0).UTC()
	for _, to := range [...]*string{&t.Channel, &t.Purpose, &t.Journey, &t.Node, &t.Template, &t.Language} {
		n, ok := number()
		if !ok || n > uint64(len(b)) {
			return errForged
		}
		*to, b = string(b[:n]), b[n:]
	}
	t.URL = string(b)
	return nil
}

// bounceCode writes send and profile into the local part of an envelope sender: lower case, at most 63 characters, as
// mail servers may fold its case.
var bounceCode = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func (s *signer) bounce(send, profile enishi.ID) string {
	b := append([]byte{tokenBounce}, send[:]...)
	b = append(b, profile[:]...)
	return "b+" + bounceCode.EncodeToString(append(b[1:], s.mac(b, bounceMAC)...))
}

// readBounce reads the local part of an envelope sender that we made.
func (s *signer) readBounce(local string) (send, profile enishi.ID, err error) {
	code, ok := strings.CutPrefix(strings.ToLower(local), "b+")
	b, derr := bounceCode.DecodeString(code)
	if !ok || derr != nil || len(b) != 32+bounceMAC {
		return send, profile, errForged
	}
	if !hmac.Equal(b[32:], s.mac(append([]byte{tokenBounce}, b[:32]...), bounceMAC)) {
		return send, profile, errForged
	}
	copy(send[:], b)
	copy(profile[:], b[16:32])
	return send, profile, nil
}

// tokenOf is a token of a message.
func tokenOf(kind byte, m *enishi.Message, at time.Time) *token {
	return &token{Kind: kind, Send: m.SendID, Profile: m.Profile, Subject: m.Subject, Round: m.Round, Channel: m.Channel, Purpose: m.Purpose,
		Journey: m.Journey, Node: m.Node, Template: m.Template, Run: m.RunID, Language: m.Language, At: at}
}

// event is a record of what the person did with the message.
func (t *token) event(typ string, at time.Time, parts ...string) enishi.Event {
	return enishi.Event{
		ID:   enishi.NewID(typ, append([]string{t.Send.String()}, parts...)...),
		Type: typ, Profile: t.Profile, Subject: t.Subject, At: at,
		Result: &enishi.MessageResult{SendID: t.Send, Round: t.Round, Channel: t.Channel, Purpose: t.Purpose, Journey: t.Journey, Node: t.Node,
			Template: t.Template, RunID: t.Run},
	}
}
