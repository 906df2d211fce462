package profiles

import (
	"encoding/json"
	"strings"

	"enishi"
)

// postalAddress is where post to the person goes, as the JSON of an [enishi.Address]: what the traits tell. Without a place to
// write on an envelope there is none.
func (v *View) postalAddress() (Subject, bool) {
	text := func(name string) string { return strings.TrimSpace(v.Traits[name].String()) }
	family, given, familyKana, givenKana := v.Name()
	a := enishi.Address{Name: strings.TrimSpace(family + " " + given), Kana: strings.TrimSpace(familyKana + " " + givenKana), PostalCode: text("postal_code"),
		Prefecture: text("prefecture"), City: text("city"), Address1: text("address1"), Address2: text("address2")}
	if a.Address1 == "" && a.City == "" || a.PostalCode == "" && a.Prefecture == "" {
		return Subject{}, false
	}
	value, err := json.Marshal(a)
	if err != nil {
		return Subject{}, false
	}
	return Subject{Value: string(value)}, true
}
