package ingest

import (
	"testing"

	"enishi"
)

// People change what they are known by: a new address and a new card lead to the same person as the old ones; one LINE id under two
// providers is two identifiers, for LINE gives each provider ids of its own.
func TestChangedIdentifiers(t *testing.T) {
	t.Parallel()
	m := newMemory()
	in := newTestIngester(t, m, nil)
	const line = "U0123456789abcdef0123456789abcdef"
	send := func(person string) {
		t.Helper()
		if err := in.Batch(t.Context(), sources(visit(person))); err != nil {
			t.Fatal(err)
		}
	}
	send(`"customer_id":"c1","email":"old@mail.example","pos_card":"2900040000001"`)
	send(`"customer_id":"c1","email":"new@mail.example"`)
	send(`"customer_id":"c1","pos_card":"2900040000002"`)
	send(`"customer_id":"c1","line_user_id":"` + line + `","line_provider":"main"`)
	send(`"customer_id":"c2","line_user_id":"` + line + `","line_provider":"outlet"`)
	of := func(kind enishi.Kind, scope, value string) enishi.ID {
		return in.Graph().Resolve(in.cfg.Hasher.Hash(enishi.Identifier{Kind: kind, Scope: scope, Value: value}))
	}
	one, other := of(enishi.Customer, "", "c1"), of(enishi.Customer, "", "c2")
	for _, x := range []enishi.ID{of(enishi.Email, "", "old@mail.example"), of(enishi.Email, "", "new@mail.example"), of(enishi.POSCard, "", "2900040000001"), of(enishi.POSCard, "", "2900040000002"), of(enishi.LINEUser, "main", line)} {
		if x != one {
			t.Errorf("%s is not of %s", x, one)
		}
	}
	if got := of(enishi.LINEUser, "outlet", line); got != other || other == one {
		t.Errorf("the LINE user of the other provider is of %s, want %s", got, other)
	}
}
