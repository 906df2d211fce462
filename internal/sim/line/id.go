package line

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"time"
)

var (
	userIDs  = regexp.MustCompile(`^U[0-9a-f]{32}$`)
	groupIDs = regexp.MustCompile(`^[CR][0-9a-f]{32}$`)
	uuids    = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

// UserID returns the LINE user id (U and 32 hex digits) of a person at this
// channel's provider: the same name gives the same id here and another one at
// another provider.
func (s *Server) UserID(name string) string {
	sum := sha256.Sum256([]byte(s.cfg.ProviderID + "\x00" + name))
	return "U" + hex.EncodeToString(sum[:16])
}

func (s *Server) random(n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.cfg.Rand, b); err != nil {
		// The default cannot fail; a given source that ends is a mistake of its owner.
		panic(fmt.Sprintf("read random bytes: %v", err))
	}
	return b
}

func (s *Server) requestID() string {
	b := s.random(16)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (s *Server) token(n int) string { return base64.RawURLEncoding.EncodeToString(s.random(n)) }

// messageID gives increasing numbers of 18 digits. The caller holds mu.
func (s *Server) messageID(now time.Time) string {
	s.lastID = max(s.lastID+1, now.UnixMilli()*100_000)
	return strconv.FormatInt(s.lastID, 10)
}

// ulid is the form of webhook event ids: 48 bits of milliseconds and 80 random
// bits in Crockford's base 32.
func (s *Server) ulid(now time.Time) string {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	var out [26]byte
	ms := uint64(now.UnixMilli())
	for i := 9; i >= 0; i-- {
		out[i] = alphabet[ms&31]
		ms >>= 5
	}
	for i, b := range s.random(16) {
		out[10+i] = alphabet[b&31]
	}
	return string(out[:])
}
