package line

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"
)

// Kinds of sealed texts. One of a kind is none of another.
const (
	sealNonce byte = 'n' // a customer who is signed in at the shop; one use
	sealUser  byte = 'u' // a LINE user whom the shop invites to link
)

const (
	nonceFor  = 10 * time.Minute // as long as LINE's own link token
	inviteFor = 30 * 24 * time.Hour
	// maxSealed bounds what is sealed, so that a nonce has at most the 255 characters that LINE takes.
	maxSealed   = 100
	sealRandom  = 16 // bytes: a nonce must not be guessed (at least 128 bits)
	sourceMAC   = 9
	maxLinkText = 400
)

var errSealed = errors.New("the link is not one of ours, or too old")

// sealer makes texts that only this workspace can read or have made.
type sealer struct {
	aead cipher.AEAD
	key  []byte
	now  func() time.Time
}

func newSealer(key []byte, now func() time.Time) (*sealer, error) {
	sum := sha256.Sum256(append([]byte("line seal:"), key...))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &sealer{aead, key, now}, nil
}

// seal makes a text of value, for an account and for so long.
func (s *sealer) seal(kind byte, account, value string, valid time.Duration) (text string, until time.Time) {
	until = s.now().Add(valid).UTC().Truncate(time.Second)
	b := []byte{kind}
	b = binary.BigEndian.AppendUint64(b, uint64(until.Unix()))
	random := make([]byte, sealRandom+s.aead.NonceSize())
	_, _ = rand.Read(random) // never fails
	b = append(b, random[:sealRandom]...)
	b = append(append(append(b, byte(len(account))), account...), value...)
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(random[sealRandom:], random[sealRandom:], b, nil)), until
}

// open reads a text of a kind for an account, if at lies before its end.
func (s *sealer) open(kind byte, account, text string, at time.Time) (value string, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	n := s.aead.NonceSize()
	if err != nil || len(text) > maxLinkText || len(raw) < n {
		return "", errSealed
	}
	b, err := s.aead.Open(nil, raw[:n], raw[n:], nil)
	if err != nil || len(b) < 10+sealRandom || b[0] != kind {
		return "", errSealed
	}
	until, rest := time.Unix(int64(binary.BigEndian.Uint64(b[1:9])), 0), b[9+sealRandom:]
	if k := int(rest[0]); len(rest) < 1+k || string(rest[1:1+k]) != account || at.After(until) {
		return "", errSealed
	}
	return string(rest[1+len(account):]), nil
}

// SourceToken is the text that stands for a source of friends in links and QR codes.
func (s *sealer) sourceToken(id string) string {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte("line source:" + id))
	return id + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:sourceMAC])
}

// source is the id of a token that we made.
func (s *sealer) source(token string) (id string, ok bool) {
	id, _, _ = strings.Cut(token, ".")
	return id, hmac.Equal([]byte(token), []byte(s.sourceToken(id)))
}
