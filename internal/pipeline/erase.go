package pipeline

import (
	"context"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// leastTelling is the length from which a text names somebody: a customer number of four digits is a price somewhere else.
const leastTelling = 8

// maxNeedles is how many texts the engine looks for at once.
const maxNeedles = 200

// eraseTexts deletes what others sent as it came. Calls of sources are kept for who connects one, for three days, and may name a
// person by anything: all of before go. What could not be taken (dead letters) waits for somebody to mend it: of that goes what has
// one of the person's identifiers, as it came in or in digits alone.
func (s *Store) eraseTexts(ctx context.Context, list []Erasure, until string) error {
	if err := s.DB.Exec(ctx, "DELETE FROM source_calls WHERE at <= "+until); err != nil {
		return err
	}
	var needles []string
	for i := range list {
		v := strings.ToLower(strings.TrimSpace(list[i].Value))
		for _, text := range []string{v, digitsOf(v)} {
			if len(text) >= leastTelling && !slices.Contains(needles, text) {
				needles = append(needles, text)
			}
		}
	}
	for some := range slices.Chunk(needles, maxNeedles) {
		if err := s.DB.Exec(ctx, "DELETE FROM dead_letters WHERE at <= "+until+" AND multiSearchAny(lowerUTF8(raw), splitByChar(char(31), {needles:String}))",
			clickhouse.Named("needles", strings.Join(some, "\x1f"))); err != nil {
			return err
		}
	}
	return nil
}

// digitsOf is a phone number or a card without what stands between its digits; "" for what is not made of digits.
func digitsOf(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case !strings.ContainsRune("-+() ", r):
			return ""
		}
	}
	return b.String()
}
