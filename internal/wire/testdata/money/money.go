// Package money has what a sample takes from another package: generated and hand-written methods.
package money

import (
	"errors"
	"net/http"
	"strings"
)

//go:generate go run enishi/internal/wire/gen -types Price

// Price has generated methods. The field without a tag comes from a package that the generator does not look at.
type Price struct {
	Amount   int64  `wire:"1"`
	Currency string `wire:"2"`

	client *http.Client
}

// Pair is written by hand as "a/b" and refuses what has no slash.
type Pair struct{ A, B string }

// AppendWire appends nothing for a zero Pair.
func (p *Pair) AppendWire(b []byte) []byte {
	if *p == (Pair{}) {
		return b
	}
	return append(append(append(b, p.A...), '/'), p.B...)
}

// ErrNoSlash is what ParseWire says.
var ErrNoSlash = errors.New("no slash")

// ParseWire undoes AppendWire.
func (p *Pair) ParseWire(s string) error {
	*p = Pair{}
	if s == "" {
		return nil
	}
	var ok bool
	if p.A, p.B, ok = strings.Cut(s, "/"); !ok {
		return ErrNoSlash
	}
	return nil
}
