package profiles

import (
	"slices"
	"strings"
	"testing"
	"time"

	"enishi"
)

func permission(changes ...string) func(*enishi.Event) {
	return func(e *enishi.Event) {
		for i := 0; i < len(changes); i += 2 {
			e.Consent = append(e.Consent, enishi.ConsentChange{Channel: changes[i], State: changes[i+1]})
		}
	}
}

func consentIs(t *testing.T, v *View, channel, want string) {
	t.Helper()
	if got, _ := v.Consent(channel, Marketing); got != want {
		t.Errorf("consent for %s: want %s, have %s", channel, want, got)
	}
}

func TestStrictestConsentWins(t *testing.T) {
	x := newPerson(t)
	v := x.p.View()
	consentIs(t, v, "email", Unknown)
	v = x.event("consent.changed", 1, permission("email", "in"))
	consentIs(t, v, "email", In)
	v = x.eventOf(someone{email: "second@x.test"}, "consent.changed", 2, permission("email", "out"))
	consentIs(t, v, "email", Out) // whichever address says so
	_, since := v.Consent("email", "")
	instantIs(t, "since", 2, since)
	v = x.event("consent.changed", 9, permission("email", "in"))
	consentIs(t, v, "email", Out) // a newer word about the other address does not help
	v = x.eventOf(someone{email: "second@x.test"}, "consent.changed", 10, permission("email", "in"))
	consentIs(t, v, "email", In)
	v = x.event("consent.changed", 10, permission("email", "in", "email", "out"))
	consentIs(t, v, "email", Out) // both in one event
	state, _ := v.Consent("email", Transactional)
	equal(t, "another purpose", Unknown, state)
}

func TestConsentGoesToItsAddress(t *testing.T) {
	x := newPerson(t)
	who := someone{customer: "c-1", email: "a@x.test", phone: "09012345678", line: "U1"}
	x.eventOf(who, "consent.changed", 0, permission("email", "in", "sms", "in", "phone", "out", "line", "in", "postal", "in", "ads", "out", "push", "in"))
	want := map[enishi.Kind]int{enishi.Email: 1, enishi.Phone: 2, enishi.LINEUser: 1, enishi.Customer: 3}
	for _, s := range x.p.Subjects {
		equal(t, s.Kind.String(), want[s.Kind], len(s.Consents))
	}
	x.p.Extract([]enishi.ID{subject(enishi.Email, "a@x.test")})
	consentIs(t, x.p.View(), "email", Unknown)
	consentIs(t, x.p.View(), "postal", In)
}

func TestLineFriendship(t *testing.T) {
	x := newPerson(t)
	u1, u2 := someone{line: "U1"}, someone{line: "U2"}
	v := x.eventOf(u1, "person.identified", 0, nil)
	reason, no := v.Suppressed("line")
	equal(t, "known by login only", "not_friend", reason)
	equal(t, "suppressed", true, no)
	v = x.eventOf(u1, "line.followed", 1, nil)
	consentIs(t, v, "line", In)
	consentIs(t, v, "email", Unknown)
	equal(t, "friend", true, v.Friend())
	v = x.eventOf(u1, "line.unfollowed", 2, nil)
	consentIs(t, v, "line", Out)
	reason, _ = v.Suppressed("line")
	equal(t, "blocked", "blocked", reason)
	equal(t, "friend", false, v.Friend())
	v = x.eventOf(u2, "line.followed", 3, nil) // a new phone with a new account
	consentIs(t, v, "line", In)
	s, _ := v.Address("line")
	equal(t, "address", "U2", s.Value)
	_, no = v.Suppressed("line")
	equal(t, "suppressed", false, no)
	v = x.eventOf(u2, "consent.changed", 4, permission("line", "out"))
	consentIs(t, v, "line", Out)
	v = x.eventOf(u2, "line.unfollowed", 5, nil)
	v = x.eventOf(u2, "line.followed", 5, nil)
	equal(t, "of one instant the block counts", false, v.Friend())
}

func TestAddressIsTheBestOfSeveral(t *testing.T) {
	x := newPerson(t)
	x.eventOf(someone{email: "old@x.test"}, "page.viewed", 0, nil)
	v := x.eventOf(someone{email: "new@x.test"}, "page.viewed", 5, nil)
	s, _ := v.Address("email")
	equal(t, "seen last", "new@x.test", s.Value)
	v = x.eventOf(someone{email: "old@x.test"}, "consent.changed", 1, permission("email", "in"))
	s, _ = v.Address("email")
	equal(t, "with a permission", "old@x.test", s.Value)
	bounce := func(reason string) func(*enishi.Event) {
		return func(e *enishi.Event) { e.Result = &enishi.MessageResult{Channel: "email", Reason: reason} }
	}
	v = x.eventOf(someone{email: "old@x.test"}, "message.bounced", 6, bounce("soft"))
	s, _ = v.Address("email")
	equal(t, "a soft bounce changes nothing", "old@x.test", s.Value)
	v = x.eventOf(someone{email: "old@x.test"}, "message.bounced", 6, bounce("hard"))
	s, _ = v.Address("email")
	equal(t, "not the one that bounced", "new@x.test", s.Value)
	v = x.eventOf(someone{email: "new@x.test"}, "message.complained", 6, bounce(""))
	reason, no := v.Suppressed("email")
	equal(t, "all suppressed", true, no)
	equal(t, "reason", "bounced", reason)
	_, ok := v.Address("postal")
	equal(t, "post", false, ok)
}

func TestIdentifiersAreParallelToLinks(t *testing.T) {
	p := &enishi.Person{CustomerID: "1", POSCard: "2", LineUserID: "3", LineProvider: "L", Email: "4", Phone: "5", SocialID: "6", SocialPage: "P", PushToken: "7", AnonymousID: "8"}
	ids := Identifiers(nil, p)
	if len(ids) != len(enishi.Kinds()) {
		t.Fatalf("%d identifiers of %d kinds", len(ids), len(enishi.Kinds()))
	}
	for i, k := range enishi.Kinds() {
		equal(t, "order", k, ids[i].Kind)
	}
	equal(t, "provider", "L", ids[2].Scope)
	equal(t, "page", "P", ids[5].Scope)

	x := New(enishi.ID{1})
	e := event(1, "page.viewed", at(0), someone{customer: "c", email: "m@x.test"})
	e.Links = e.Links[:1] // ingest refused one and forgot to clear it: which is not known
	x.Apply(e, clock)
	equal(t, "subjects", 1, len(x.Subjects))
	equal(t, "kind", enishi.Kind(0), x.Subjects[0].Kind)
}

func TestPlainestSpellingIsKept(t *testing.T) {
	for _, order := range [][]string{{"090-1234-5678", "09012345678", "０９０１２３４５６７８"}, {"０９０１２３４５６７８", "09012345678", "090-1234-5678"}} {
		p := New(enishi.ID{1})
		for i, raw := range order {
			e := event(i, "page.viewed", at(0), someone{phone: raw})
			e.Subject, e.Links = enishi.ID{5}, []enishi.ID{{5}}
			p.Apply(e, clock)
		}
		s, _ := p.View().Address("sms")
		equal(t, "value", "09012345678", s.Value)
	}
}

func TestTraits(t *testing.T) {
	x := newPerson(t)
	set := func(name string, v enishi.Value) func(*enishi.Event) {
		return func(e *enishi.Event) { e.Person.Traits = map[string]enishi.Value{name: v} }
	}
	x.event("person.identified", 5, set("size", enishi.NumberValue(24.5)))
	v := x.event("person.identified", 1, set("size", enishi.NumberValue(23)))
	equal(t, "newest", enishi.NumberValue(24.5), v.Traits["size"])
	v = x.eventOf(someone{email: "a@x.test"}, "person.identified", 6, set("size", enishi.NumberValue(25)))
	equal(t, "newest of all subjects", enishi.NumberValue(25), v.Traits["size"])
	v = x.event("person.identified", 7, set("size", enishi.Value{}))
	if _, ok := v.Traits["size"]; ok {
		t.Error("a null does not take the trait away")
	}
	x.event("person.identified", 1, set("name", enishi.TextValue("山田　花子")))
	v = x.event("person.identified", 1, set("given_name_kana", enishi.TextValue("はなこ")))
	family, given, _, kana := v.Name()
	equal(t, "name", "山田|花子|はなこ", family+"|"+given+"|"+kana)
	v = x.event("person.identified", 2, set("signed_up_at", enishi.InstantValue(at(-time.Hour))))
	instantIs(t, "member since", -1, v.SignedUpAt)
	v = x.event("user.signed_up", -2, nil)
	instantIs(t, "the earlier", -2, v.SignedUpAt)
}

func TestUnchangedTraitIsNoChange(t *testing.T) {
	x := newPerson(t)
	same := map[string]enishi.Value{"size": enishi.NumberValue(24)}
	apply := func(n int, who someone, traits map[string]enishi.Value) Change {
		e := event(n, "person.identified", at(time.Duration(n)*time.Hour), who)
		e.Person.Traits = traits
		c, _ := x.p.Apply(e, clock)
		x.p.View()
		return c & ChangedTraits
	}
	equal(t, "first", ChangedTraits, apply(1, alice, same))
	equal(t, "again", 0, apply(2, alice, same))
	equal(t, "another subject, another value", ChangedTraits, apply(3, someone{email: "a@x.test"}, map[string]enishi.Value{"size": enishi.NumberValue(25)}))
	equal(t, "the old value is the newest again", ChangedTraits, apply(4, alice, same))
	equal(t, "value", enishi.NumberValue(24), x.p.View().Traits["size"])
}

func TestHolds(t *testing.T) {
	x := newPerson(t)
	hold := func(reason string, until time.Time) func(*enishi.Event) {
		return func(e *enishi.Event) { e.Hold = &enishi.Hold{Reason: reason, Until: until} }
	}
	v := x.event("hold.placed", 0, hold("return", at(48*time.Hour)))
	reason, until, held := v.Held(at(time.Hour))
	equal(t, "held", true, held)
	equal(t, "reason", "return", reason)
	instantIs(t, "until", 48, until)
	_, _, held = v.Held(at(48 * time.Hour))
	equal(t, "at its end", false, held)
	v = x.event("hold.placed", 1, hold("complaint", time.Time{}))
	reason, until, _ = v.Held(at(9999 * time.Hour))
	equal(t, "the longest", "complaint", reason)
	equal(t, "without end", 9999, until.Year())
	v = x.eventOf(someone{email: "a@x.test"}, "hold.released", 2, hold("complaint", time.Time{}))
	_, _, held = v.Held(at(9999 * time.Hour))
	equal(t, "released by another identifier", false, held)
}

func TestRisksPointsAndContacts(t *testing.T) {
	x := newPerson(t)
	flag := func(set bool) func(*enishi.Event) {
		return func(e *enishi.Event) { e.Risk = &enishi.Risk{Flag: "reseller", Set: set} }
	}
	v := x.event("risk.flagged", 0, flag(true))
	equal(t, "risks", 1, len(v.Risks))
	v = x.event("risk.flagged", 1, flag(false))
	equal(t, "risks", 0, len(v.Risks))
	list := func(name string) func(*enishi.Event) {
		return func(e *enishi.Event) { e.List = &enishi.ListChange{List: name} }
	}
	seen := v.LastSeenAt
	x.event("list.added", 5, list("fair"))
	v = x.event("list.added", 6, list("staff"))
	equal(t, "lists", "fair staff", strings.Join(v.Lists, " "))
	v = x.event("list.removed", 7, list("fair"))
	v = x.event("list.added", 4, list("fair")) // late: it was before
	equal(t, "lists", "staff", strings.Join(v.Lists, " "))
	equal(t, "seen", seen, v.LastSeenAt)
	points := func(n int64) func(*enishi.Event) {
		return func(e *enishi.Event) { e.Points = &enishi.Points{Amount: n} }
	}
	x.event("points.earned", 0, points(300))
	x.event("points.redeemed", 1, points(100))
	x.event("points.expired", 2, points(50))
	v = x.event("points.adjusted", 3, points(-20))
	equal(t, "balance", 130, v.Points)
	equal(t, "earned", 300, x.p.Subjects[x.index(enishi.Customer)].Lifetime.PointsEarned)
	contact := func(topic string, complaint bool) func(*enishi.Event) {
		return func(e *enishi.Event) {
			e.Contact = &enishi.Contact{ContactID: "k", Channel: "phone", Topic: topic, Complaint: complaint}
		}
	}
	x.event("contact.opened", 0, contact("配送", true))
	v = x.event("contact.solved", 5, contact("", false))
	equal(t, "topic", "配送", v.Contacts[0].Topic)
	equal(t, "complaint", true, v.Contacts[0].Complaint)
	instantIs(t, "solved", 5, v.Contacts[0].SolvedAt)
	v = x.event("contact.opened", 9, contact("返品", false))
	equal(t, "open again", true, v.Contacts[0].SolvedAt.IsZero())
	equal(t, "topic", "返品", v.Contacts[0].Topic)
}

func TestCart(t *testing.T) {
	x := newPerson(t)
	show := func(id string, products ...string) func(*enishi.Event) {
		return func(e *enishi.Event) {
			e.Web = &enishi.Web{CartID: id, Value: 5 * enishi.Unit}
			for _, p := range products {
				e.Web.Lines = append(e.Web.Lines, enishi.Line{ProductID: p})
			}
		}
	}
	v := x.event("cart.item_added", 0, func(e *enishi.Event) {
		e.Web = &enishi.Web{CartID: "c1", Product: &enishi.Product{ProductID: "p1", Price: 3 * enishi.Unit}}
	})
	equal(t, "the product that was put in", "p1", v.Cart.Lines[0].ProductID)
	v = x.event("cart.updated", 2, show("c1", "p1", "p2"))
	equal(t, "lines", 2, len(v.Cart.Lines))
	v = x.event("cart.viewed", 3, show("c1"))
	equal(t, "an event without lines leaves it", 2, len(v.Cart.Lines))
	v = x.event("order.placed", 4, order(func(o *enishi.Order) { o.Automatic = true }))
	equal(t, "a subscription's order does not buy it", true, v.Cart != nil)
	v = x.event("order.placed", 5, order(func(o *enishi.Order) { o.OrderID, o.CartID = "o2", "c1" }))
	equal(t, "bought", true, v.Cart == nil)
	v = x.event("cart.updated", 6, show("c2", "p3"))
	equal(t, "a new one", "c2", v.Cart.CartID)
	v = x.event("cart.updated", 7, show("c2"))
	equal(t, "emptied", true, v.Cart == nil)
}

func TestFoldName(t *testing.T) {
	f := func(want string, writings ...string) {
		t.Helper()
		for _, w := range writings {
			equal(t, w, want, FoldName(w))
		}
	}
	f("斉藤", "斎藤", "齊藤", "齋藤", "斉藤", "斎藤様", "斎藤　様", "斎藤 さん")
	f("サトオ", "さとう", "サトウ", "ｻﾄｳ", "サトー", "さとお", "サトウ 様")
	f("ユウコ", "ゆうこ", "ユーコ")
	f("ケエコ", "けいこ", "ケーコ", "ケイコ")
	f("オオノ", "オーノ", "おおの", "オウノ")
	f("バイオリン", "ヴァイオリン", "バイオリン")
	f("島", "嶋", "嶌")
	f("佐藤花子", "佐藤 花子", "佐藤　花子様")
	f("サン", "さん")
	f("", "", " 　")
}

func TestSearchText(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		equal(t, in, want, Fold(in))
	}
	f("やまだ　ﾊﾅｺ", "ヤマダハナコ")
	f("ＹＡＭＡＤＡ Hanako", "yamadahanako")
	f("髙﨑", "高崎")
	f("渡邊", "渡辺")
	f("ヴゔ", "ヴヴ")
	x := newPerson(t)
	v := x.event("person.identified", 0, func(e *enishi.Event) {
		e.Person.Traits = map[string]enishi.Value{"family_name": enishi.TextValue("山田"), "given_name": enishi.TextValue("花子"),
			"family_name_kana": enishi.TextValue("やまだ"), "given_name_kana": enishi.TextValue("ﾊﾅｺ")}
	})
	equal(t, "search", "山田花子 ヤマダハナコ", v.searchText())
}

// TestTopics: a topic is wanted while its purpose is, unless it was refused by itself; refusing one leaves the others.
func TestTopics(t *testing.T) {
	x := newPerson(t)
	mail := someone{email: alice.email}
	topic := func(name, state string) func(*enishi.Event) {
		return func(e *enishi.Event) {
			e.Consent = []enishi.ConsentChange{{Channel: "email", Purpose: "marketing:" + name, State: state}}
		}
	}
	is := func(v *View, purpose, want string) {
		t.Helper()
		got, _ := v.Consent("email", purpose)
		equal(t, purpose, want, got)
	}
	v := x.eventOf(mail, "consent.changed", 1, topic("news", "in"))
	is(v, "marketing:news", Unknown)
	v = x.eventOf(mail, "consent.changed", 2, permission("email", "in"))
	is(v, "marketing:news", In)
	is(v, "marketing:sale", In)
	v = x.eventOf(mail, "consent.changed", 3, topic("news", "out"))
	is(v, "marketing:news", Out)
	is(v, "marketing:sale", In)
	is(v, "marketing", In)
	v = x.eventOf(mail, "consent.changed", 4, permission("email", "out"))
	is(v, "marketing:sale", Out)
}

// TestFriendOfSeveralAccounts: each LINE account has friends of its own; a block of one is no block of the other, a refusal in
// words is one of all, and a follow that only comparing with LINE found outdoes no word.
func TestFriendOfSeveralAccounts(t *testing.T) {
	x := newPerson(t)
	who := someone{line: "U1"}
	of := func(account string, sync bool) func(*enishi.Event) {
		return func(e *enishi.Event) {
			e.Properties = map[string]enishi.Value{"account": enishi.TextValue(account)}
			if sync {
				e.Properties["sync"] = enishi.BoolValue(true)
			}
		}
	}
	is := func(v *View, consent string, accounts ...string) {
		t.Helper()
		consentIs(t, v, "line", consent)
		equal(t, "accounts", strings.Join(accounts, " "), strings.Join(v.Accounts(), " "))
		for _, a := range []string{"default", "shop2", "shop3"} {
			_, no := v.SuppressedOf("line", a)
			equal(t, "reached by "+a, slices.Contains(accounts, a), !no)
		}
	}
	is(x.eventOf(who, "line.followed", 1, of("shop2", false)), In, "shop2")
	is(x.eventOf(who, "line.followed", 2, of("default", false)), In, "default", "shop2")
	v := x.eventOf(who, "line.unfollowed", 3, of("default", false))
	is(v, In, "shop2")
	reason, _ := v.SuppressedOf("line", "default")
	equal(t, "the other", "blocked", reason)
	reason, _ = v.SuppressedOf("line", "shop3")
	equal(t, "a third", "not_friend", reason)
	is(x.eventOf(who, "line.followed", 4, of("default", true)), In, "default", "shop2")
	is(x.eventOf(who, "consent.changed", 5, permission("line", "out")), Out, "default", "shop2")
	is(x.eventOf(who, "line.followed", 6, of("shop3", true)), Out, "default", "shop2", "shop3")
	is(x.eventOf(who, "line.unfollowed", 7, of("default", false)), Out, "shop2", "shop3") // the refusal is not forgotten
	is(x.eventOf(who, "line.followed", 8, of("default", true)), Out, "default", "shop2", "shop3")
	is(x.eventOf(who, "line.followed", 9, of("shop3", false)), In, "default", "shop2", "shop3")
	is(x.eventOf(who, "line.unfollowed", 10, of("shop2", false)), In, "default", "shop3")
	v = x.eventOf(someone{line: "U2"}, "line.followed", 11, of("shop2", false)) // another LINE user of the same person
	for account, want := range map[string]string{"shop2": "U2", "shop3": "U1", "default": "U1"} {
		s, _ := v.AddressOf("line", account)
		equal(t, "address of "+account, want, s.Value)
	}
}
