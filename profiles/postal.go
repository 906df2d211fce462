package profiles

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"enishi"
	addresses "enishi/internal/address"
)

// MailCleared is the reason of a mark that takes the ones before it back.
const MailCleared = "cleared"

// mailRefused is why a piece came back that the person did not want: they refuse advertising by post.
const mailRefused = "refused"

// Sources of a postal address.
const (
	FromTraits = "profile" // the person's own data
	FromOrder  = "order"   // where an order was sent to
)

// PostalAddress is one line of a person's address book.
type PostalAddress struct {
	Address    enishi.Address
	Source     string
	OrderID    string    // of an order: the newest that was sent there
	At         time.Time // when it was told
	Key        uint64    // of the delivery point; 0: too little is told
	Gift       bool      // somebody else's: never used
	Returned   string    // why post to it came back; empty: none did
	ReturnedAt time.Time
	Used       bool // post goes there
}

// post folds what became of a piece of post.
func (f *folding) post(name string) {
	r := f.e.Result
	if r == nil || name != "returned" {
		return
	}
	s := f.subject()
	if key, err := strconv.ParseUint(f.e.Properties["address_key"].String(), 16, 64); err == nil && key != 0 {
		m := MailMark{Key: key, Reason: r.Reason, At: f.at, Event: f.e.ID}
		pack(&m.Reason)
		if i, ok := search(s.Mail, &m, compareMail); ok {
			s.Mail[i].join(&m)
		} else {
			s.Mail = keepNewest(slices.Insert(s.Mail, i, m), MaxCollection, rankMail, nil)
		}
		f.changed |= ChangedLifetime
	}
	if r.Reason == mailRefused {
		f.consent(s, Consent{Channel: enishi.PostalChannel, Out: true, Method: "returned", Source: f.e.Source})
	}
	if !r.SendID.IsZero() {
		f.result(bounced)
	}
}

func compareMail(a, b *MailMark) int {
	switch {
	case a.Key < b.Key:
		return -1
	case a.Key > b.Key:
		return 1
	}
	return 0
}

func (m *MailMark) join(x *MailMark) {
	if newer(x.At, x.Event, m.At, m.Event) {
		*m = *x
	}
}

// mail is the newest word on an address over all subjects; false when nothing came back from it.
func (v *View) mail(key uint64) (m MailMark, ok bool) {
	for i := range v.Profile.Subjects {
		for _, x := range v.Profile.Subjects[i].Mail {
			if x.Key == key && key != 0 && (!ok || newer(x.At, x.Event, m.At, m.Event)) {
				m, ok = x, true
			}
		}
	}
	return m, ok && m.Reason != MailCleared
}

// anyMail tells whether anything ever came back.
func (v *View) anyMail() bool {
	for i := range v.Profile.Subjects {
		if len(v.Profile.Subjects[i].Mail) > 0 {
			return true
		}
	}
	return false
}

// traitAddress is what the person's own data tell; false when nothing could be written on an envelope.
func (v *View) traitAddress() (enishi.Address, bool) {
	text := func(name string) string { return strings.TrimSpace(v.Traits[name].String()) }
	family, given, familyKana, givenKana := v.Name()
	a := enishi.Address{Name: strings.TrimSpace(family + " " + given), Kana: strings.TrimSpace(familyKana + " " + givenKana), PostalCode: text("postal_code"), Prefecture: text("prefecture"), City: text("city"),
		Address1: text("address1"), Address2: text("address2"), Company: text("company"), Department: text("department"), JobTitle: text("job_title"), Country: text("country")}
	return a, placed(&a)
}

// placed tells whether there is a place to write on an envelope.
func placed(a *enishi.Address) bool {
	return (a.Address1 != "" || a.City != "") && (a.PostalCode != "" || a.Prefecture != "")
}

// PostalAddresses is the person's address book: their own data first, then where orders were sent to, newest first, each place
// once. What went to somebody else, as a gift or under another name, is marked and never used. Used is the first that is the
// person's own and from which nothing came back.
func (v *View) PostalAddresses() []PostalAddress {
	var out []PostalAddress
	seen := map[uint64]int{}
	add := func(x PostalAddress) {
		x.Key = addresses.Key(x.Address)
		if i, ok := seen[x.Key]; ok && x.Key != 0 && out[i].Gift == x.Gift {
			if out[i].OrderID == "" {
				out[i].OrderID = x.OrderID
			}
			return
		}
		if m, ok := v.mail(x.Key); ok {
			x.Returned, x.ReturnedAt = m.Reason, m.At
		}
		seen[x.Key] = len(out)
		out = append(out, x)
	}
	if a, ok := v.traitAddress(); ok {
		add(PostalAddress{Address: a, Source: FromTraits, At: v.addressAt()})
	}
	for i := len(v.Orders) - 1; i >= 0; i-- {
		o := &v.Orders[i]
		if o.ShipTo == nil || !placed(o.ShipTo) {
			continue
		}
		add(PostalAddress{Address: *o.ShipTo, Source: FromOrder, OrderID: o.OrderID, At: o.PlacedAt, Gift: v.gift(o.ShipTo)})
	}
	for i := range out {
		if !out[i].Gift && out[i].Returned == "" {
			out[i].Used = true
			break
		}
	}
	return out
}

// own tells whether a parcel's name is the person's; one without a name is.
func (v *View) own(name string) bool {
	plain := func(s string) string {
		return strings.TrimSuffix(strings.Map(func(r rune) rune {
			if r == ' ' || r == '　' || r == '・' {
				return -1
			}
			return r
		}, Fold(s)), "様")
	}
	family, given, familyKana, givenKana := v.Name()
	name = plain(name)
	return name == "" || family+given == "" || name == plain(family+given) || name == plain(given+family) || familyKana != "" && name == plain(familyKana+givenKana)
}

// addressAt is when the newest part of the address was told.
func (v *View) addressAt() (at time.Time) {
	for i := range v.Profile.Subjects {
		for k := range v.Profile.Subjects[i].Traits {
			switch x := &v.Profile.Subjects[i].Traits[k]; x.Name {
			case "postal_code", "prefecture", "city", "address1", "address2":
				at = latest(at, x.At)
			}
		}
	}
	return at
}

// PostalAddress is where post to the person goes; false when no address is known, or post to all of them came back.
func (v *View) PostalAddress() (enishi.Address, bool) {
	if v.anyMail() {
		for _, x := range v.PostalAddresses() {
			if x.Used {
				return v.named(x.Address), true
			}
		}
		return enishi.Address{}, false
	}
	// Nothing ever came back: the first that is the person's own, without the keys that only returned post needs. Each row of a
	// person asks for it.
	if a, ok := v.traitAddress(); ok {
		return v.named(a), true
	}
	for i := len(v.Orders) - 1; i >= 0; i-- {
		if to := v.Orders[i].ShipTo; to != nil && placed(to) && !v.gift(to) {
			return v.named(*to), true
		}
	}
	return enishi.Address{}, false
}

// named gives an address without a name the person's.
func (v *View) named(a enishi.Address) enishi.Address {
	if a.Name == "" {
		family, given, _, _ := v.Name()
		a.Name = strings.TrimSpace(family + " " + given)
	}
	return a
}

// gift tells whether a parcel went to somebody else.
func (v *View) gift(to *enishi.Address) bool { return to.IsGift || !v.own(to.Name) }

// postalAddress is the same as a subject without an id, whose value is the JSON of an [enishi.Address]. One that is suppressed is
// told all the same: the decision then names what is against it.
func (v *View) postalAddress() (Subject, bool) {
	a, ok := v.PostalAddress()
	if !ok && v.anyMail() {
		for _, x := range v.PostalAddresses() {
			if !x.Gift {
				a, ok = x.Address, true
				break
			}
		}
	}
	if !ok {
		return Subject{}, false
	}
	value, err := json.Marshal(a)
	if err != nil {
		return Subject{}, false
	}
	return Subject{Value: string(value)}, true
}

// postalSuppressed: post came back from every address of the person's own.
func (v *View) postalSuppressed() (reason string, suppressed bool) {
	if !v.anyMail() {
		return "", false
	}
	own := false
	for _, x := range v.PostalAddresses() {
		if x.Used {
			return "", false
		}
		own = own || !x.Gift
	}
	if own {
		return "returned", true
	}
	return "", false
}
