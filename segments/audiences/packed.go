package audiences

import (
	"errors"
	"strconv"
	"strings"

	"enishi"
)

// packed is SQL that makes one text of several values, each with its length before it: "3:abc".
func packed(values ...string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = "toString(length(toString(" + v + "))), ':', toString(" + v + ")"
	}
	return "concat(" + strings.Join(parts, ", ") + ")"
}

// unpacker takes such a text apart.
type unpacker struct {
	text string
	err  error
}

var errPacked = errors.New("a packed row is cut")

// id takes 16 bytes as they are.
func (u *unpacker) id() (id enishi.ID) {
	if len(u.text) < len(id) {
		u.text, u.err = "", errPacked
		return id
	}
	copy(id[:], u.text)
	u.text = u.text[len(id):]
	return id
}

func (u *unpacker) next() string {
	n := 0
	for i := range len(u.text) {
		if u.text[i] == ':' {
			if rest := u.text[i+1:]; n <= len(rest) {
				if u.text = rest[n:]; n == 0 {
					return "" // and not a part of the row, which it would keep in memory
				}
				return rest[:n]
			}
			break
		}
		if n = 10*n + int(u.text[i]-'0'); u.text[i] < '0' || u.text[i] > '9' || n > 1<<30 {
			break
		}
	}
	u.text, u.err = "", errPacked
	return ""
}

// number takes a decimal.
func (u *unpacker) number() int64 {
	n, err := strconv.ParseInt(u.next(), 10, 64)
	if err != nil && u.err == nil {
		u.err = errPacked
	}
	return n
}

// state is one of the constants: a part of a row would keep all of it in memory.
func state(s string) string {
	for _, known := range []string{Sent, Again, Rejected, Leaving} {
		if s == known {
			return known
		}
	}
	return strings.Clone(s)
}
