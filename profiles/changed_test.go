package profiles

import (
	"testing"
	"time"

	"enishi"
)

// A new mail address is the one that is written to as soon as nothing speaks for the old one: permissions are of an address, so one
// given for the old address alone keeps it until the new one has its own, or the old one bounces.
func TestChangedEmail(t *testing.T) {
	p := New(subject(enishi.Customer, "C1"))
	tell := func(n int, email string, consent ...enishi.ConsentChange) string {
		t.Helper()
		e := enishi.Event{ID: enishi.NewID("changed", email, time.Duration(n).String()), Type: "person.identified", At: at(time.Duration(n) * time.Hour), Person: &enishi.Person{CustomerID: "C1", Email: email}, Consent: consent}
		e.Subject, e.Links = subject(enishi.Customer, "C1"), []enishi.ID{subject(enishi.Customer, "C1"), subject(enishi.Email, email)}
		p.Apply(&e, clock)
		s, _ := p.View().Address("email")
		return s.Value
	}
	yes := enishi.ConsentChange{Channel: "email", State: "in"}
	equal(t, "the only one", "a@mail.example", tell(1, "a@mail.example"))
	equal(t, "a newer one", "b@mail.example", tell(2, "b@mail.example"))
	equal(t, "with a permission of its own", "b@mail.example", tell(3, "b@mail.example", yes))
	equal(t, "no permission yet", "b@mail.example", tell(4, "c@mail.example"))
	equal(t, "now it has", "c@mail.example", tell(5, "c@mail.example", yes))
	equal(t, "history", 4, len(p.Subjects))
}
