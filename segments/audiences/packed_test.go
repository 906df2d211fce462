package audiences

import (
	"strings"
	"testing"

	"enishi/segments/audiences/match"
)

// TestPackedKeys: what the tables store of an identifier gives the same identifier back, hash or not.
func TestPackedKeys(t *testing.T) {
	t.Parallel()
	hash := match.Hash("hana@example.jp")
	for _, k := range []match.Key{{Kind: match.Email, Value: hash}, {Kind: match.Phone, Value: hash}, {Kind: match.Customer, Value: hash}, {Kind: match.Customer, Value: strings.ToUpper(hash)},
		{Kind: match.Customer, Value: "C:1|\x00"}, {Kind: match.LINE, Value: "U0123"}, {Kind: match.Name, Value: hash + "|" + hash + "|JP|1000013"}, {Kind: match.Customer}} {
		if got := unpackKey(packKey(k)); got != k {
			t.Errorf("%q came back as %q", k, got)
		}
	}
	if n := len(packKey(match.Key{Kind: match.Email, Value: hash})); n != 33 {
		t.Errorf("a hash takes %d bytes", n)
	}
	for _, cut := range []string{"", "1", "2:a", "x:a", "99999999999:a", ":"} {
		u := unpacker{text: cut}
		if got := u.next(); cut != ":" && (got != "" || u.err == nil) {
			t.Errorf("%q gives %q", cut, got)
		}
	}
}
