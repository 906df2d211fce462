package profiles

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"enishi"
)

// start is the first instant of all histories; clock is the partition's clock of tests that need only one.
var (
	start = time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC)
	clock = start.Add(40 * 24 * time.Hour)
)

func at(d time.Duration) time.Time { return start.Add(d) }

// someone is a person's identifiers in a test, as events bring them.
type someone struct{ customer, email, phone, line, anonymous string }

// subject is the hash of an identifier in tests.
func subject(k enishi.Kind, value string) enishi.ID {
	return enishi.NewID("identifier", k.String(), value)
}

// from puts identifiers into an event, as ingest does.
func (w someone) from(e *enishi.Event) *enishi.Event {
	if e.Person == nil {
		e.Person = &enishi.Person{}
	}
	p := e.Person
	p.CustomerID, p.Email, p.Phone, p.LineUserID, p.AnonymousID = w.customer, w.email, w.phone, w.line, w.anonymous
	e.Links = nil
	for _, x := range Identifiers(nil, p) {
		e.Links = append(e.Links, subject(x.Kind, x.Raw))
	}
	e.Subject = e.Links[0]
	return e
}

// event makes an event of one type; its id is made of its number.
func event(n int, typ string, when time.Time, who someone) *enishi.Event {
	return who.from(&enishi.Event{ID: enishi.NewID("test", typ, fmt.Sprint(n)), Type: typ, At: when, Source: "shop", Channel: "web"})
}

// genTypes are all types of events, those with keys many times: only events that meet can contradict each other.
func genTypes() []string {
	names := []string{"custom.fitting"}
	for _, x := range enishi.Types() {
		family, _, _ := strings.Cut(x.Name, ".")
		times := map[string]int{"order": 6, "shipment": 2, "return": 2, "message": 2, "contact": 2, "review": 3, "hold": 2, "risk": 2, "consent": 3, "line": 2, "points": 1, "subscription": 2}[family]
		for range max(times, 1) {
			if x.Name != enishi.TypeErased && !IsProductChange(x.Name) { // a change of a product concerns whom it finds waiting: it is no fact by itself, and its place counts
				names = append(names, x.Name)
			}
		}
	}
	return names
}

// genEvent draws an event of any type. Keys come from small pools, so that events meet.
func genEvent(t *rapid.T, n int, who someone) *enishi.Event {
	minute := rapid.IntRange(0, 30*24*60).Draw(t, "minute")
	when := at(time.Duration(minute) * time.Minute)
	e := event(n, rapid.SampledFrom(genTypes()).Draw(t, "type"), when, who)
	e.Channel = rapid.SampledFrom([]string{"web", "app", ""}).Draw(t, "channel")
	if rapid.IntRange(0, 4).Draw(t, "has context") == 0 {
		e.Context = &enishi.Context{Path: "/p", UTMSource: "mail", UTMCampaign: "may"}
	}
	genPerson(t, e)
	info, _ := enishi.LookupType(e.Type)
	genPayload(t, e, info.Payload)
	if strings.HasPrefix(e.Type, "line.") {
		e.Properties = map[string]enishi.Value{"account": enishi.TextValue(rapid.SampledFrom([]string{"", "default", "shop2"}).Draw(t, "account")), "sync": enishi.BoolValue(rapid.Bool().Draw(t, "sync"))}
	}
	if e.Type == "store.purchased" && rapid.Bool().Draw(t, "receipt") {
		e.Order = genOrder(t)
	}
	return e
}

func genPerson(t *rapid.T, e *enishi.Event) {
	if rapid.IntRange(0, 3).Draw(t, "has traits") == 0 {
		name := rapid.SampledFrom([]string{"family_name", "given_name", "size", "vip", "birthday"}).Draw(t, "trait")
		value := rapid.SampledFrom([]enishi.Value{{}, enishi.TextValue("山田"), enishi.NumberValue(24.5), enishi.BoolValue(true), enishi.InstantValue(start)}).Draw(t, "value")
		e.Person.Traits = map[string]enishi.Value{name: value}
	}
	if rapid.IntRange(0, 5).Draw(t, "has consent") == 0 {
		e.Consent = append(e.Consent, genConsent(t))
	}
}

func genConsent(t *rapid.T) enishi.ConsentChange {
	return enishi.ConsentChange{Channel: rapid.SampledFrom([]string{"email", "line", "sms", "postal", "ads"}).Draw(t, "consent channel"),
		State: rapid.SampledFrom([]string{"in", "out"}).Draw(t, "state"), Method: "form:x", Text: "ok"}
}

func genOrder(t *rapid.T) *enishi.Order {
	o := &enishi.Order{OrderID: rapid.SampledFrom([]string{"o1", "o2"}).Draw(t, "order"), Version: int64(rapid.IntRange(0, 4).Draw(t, "version"))}
	if rapid.Bool().Draw(t, "full") {
		for i := range rapid.IntRange(1, 3).Draw(t, "lines") {
			o.Lines = append(o.Lines, enishi.Line{ProductID: fmt.Sprint("p", i), Quantity: rapid.IntRange(0, 2).Draw(t, "quantity"), Price: 1000 * enishi.Unit})
		}
		o.Subtotal = enishi.Amount(rapid.IntRange(0, 3).Draw(t, "subtotal")) * 1000 * enishi.Unit
		o.ShipTo = &enishi.Address{Name: "贈 先", Phone: "0311112222", IsGift: true}
	}
	if rapid.Bool().Draw(t, "more") {
		o.Currency = rapid.SampledFrom([]string{"", "JPY", "USD"}).Draw(t, "currency")
		o.Refunded = enishi.Amount(rapid.IntRange(0, 2).Draw(t, "refunded")) * 500 * enishi.Unit
		o.PaymentMethod = rapid.SampledFrom([]string{"", "card", "konbini"}).Draw(t, "method")
		o.CartID = rapid.SampledFrom([]string{"", "c1"}).Draw(t, "cart")
		o.StoreID = rapid.SampledFrom([]string{"", "", "umeda"}).Draw(t, "store")
		o.Automatic = rapid.Bool().Draw(t, "automatic")
	}
	return o
}

func genPayload(t *rapid.T, e *enishi.Event, payload string) {
	order := func() string { return rapid.SampledFrom([]string{"o1", "o2"}).Draw(t, "order") }
	small := func(name string) int { return rapid.IntRange(0, 3).Draw(t, name) }
	switch payload {
	case "order":
		e.Order = genOrder(t)
	case "shipment":
		e.Shipment = &enishi.Shipment{OrderID: order(), ShipmentID: fmt.Sprint("s", small("parcel")), Version: int64(small("version")), Of: small("of"), Number: small("number")}
		if rapid.Bool().Draw(t, "carrier") {
			e.Shipment.Carrier, e.Shipment.EstimatedAt = rapid.SampledFrom([]string{"yamato", "sagawa"}).Draw(t, "name"), e.At
		}
	case "return":
		e.Return = &enishi.Return{OrderID: order(), ReturnID: fmt.Sprint("r", small("return")), Version: int64(small("version")), Amount: enishi.Amount(small("amount"))}
	case "web":
		e.Web = &enishi.Web{CartID: rapid.SampledFrom([]string{"", "c1", "c2"}).Draw(t, "cart"), Category: "shoes", Query: "ブーツ"}
		if rapid.Bool().Draw(t, "product") {
			e.Web.Product = &enishi.Product{ProductID: fmt.Sprint("p", small("product")), Brand: "b"}
		}
		if rapid.Bool().Draw(t, "cart lines") {
			e.Web.Lines = []enishi.Line{{ProductID: "p1", Quantity: 1}}
		}
	case "store":
		e.Store = &enishi.StoreVisit{StoreID: rapid.SampledFrom([]string{"ginza", "umeda"}).Draw(t, "store"), Receipt: rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "receipt"), BusinessDate: "2026-05-01"}
	case "contact":
		e.Contact = &enishi.Contact{ContactID: fmt.Sprint("k", small("contact")), Topic: rapid.SampledFrom([]string{"", "配送", "返品"}).Draw(t, "topic"), Complaint: rapid.Bool().Draw(t, "complaint")}
	case "points":
		e.Points = &enishi.Points{Amount: int64(rapid.IntRange(1, 500).Draw(t, "points")), Reason: rapid.SampledFrom([]string{"", "order"}).Draw(t, "reason")}
		if rapid.Bool().Draw(t, "expires") {
			e.Points.OrderID, e.Points.ExpiresAt = order(), e.At.Add(365*24*time.Hour)
		}
	case "subscription":
		e.Subscription = &enishi.Subscription{SubscriptionID: fmt.Sprint("c", small("contract")), Version: int64(small("version")), CycleDays: 30 * small("cycle"), Deliveries: small("deliveries")}
		if rapid.Bool().Draw(t, "product") {
			e.Subscription.ProductID, e.Subscription.Amount, e.Subscription.NextAt = fmt.Sprint("p", small("product")), 1000*enishi.Unit, e.At.Add(30*24*time.Hour)
		}
	case "message":
		e.Result = &enishi.MessageResult{SendID: enishi.NewID("send", fmt.Sprint(small("send"))), Round: rapid.IntRange(0, 2).Draw(t, "round"), Channel: rapid.SampledFrom([]string{"email", "line"}).Draw(t, "channel"),
			Reason: rapid.SampledFrom([]string{"hard", "soft"}).Draw(t, "reason"), Machine: rapid.Bool().Draw(t, "machine")}
	case "consent":
		e.Consent = append(e.Consent, genConsent(t))
	case "survey":
		e.Survey = &enishi.Survey{SurveyID: "nps", Kind: "nps", Score: small("score")}
	case "review":
		e.Review = &enishi.Review{ReviewID: fmt.Sprint("v", small("review")), OrderID: order(), Version: int64(small("version")), Rating: small("rating")}
	case "list":
		if typ := e.Type; typ != "list.viewed" {
			e.List = &enishi.ListChange{List: rapid.SampledFrom([]string{"fair", "staff"}).Draw(t, "list")}
		}
	case "risk":
		e.Risk = &enishi.Risk{Flag: rapid.SampledFrom([]string{"reseller", "chargeback"}).Draw(t, "flag"), Set: rapid.Bool().Draw(t, "set")}
	case "hold":
		e.Hold = &enishi.Hold{Reason: rapid.SampledFrom([]string{"complaint", "mourning"}).Draw(t, "hold")}
		if rapid.Bool().Draw(t, "until") {
			e.Hold.Until = e.At.Add(72 * time.Hour)
		}
	}
}

// read is the event as the fold gets it: read from its binary form, so that nothing is shared.
func read(t rapid.TB, e *enishi.Event) *enishi.Event {
	t.Helper()
	out := &enishi.Event{}
	if err := out.ParseWire(string(e.AppendWire(nil))); err != nil {
		t.Fatal(err)
	}
	return out
}

// genWho draws which identifiers of a person come with an event; the last one always does.
func genWho(t *rapid.T, all someone) someone {
	who := all
	if rapid.Bool().Draw(t, "no customer") {
		who.customer = ""
	}
	if rapid.Bool().Draw(t, "no email") {
		who.email = ""
	}
	if rapid.Bool().Draw(t, "no line") {
		who.line = ""
	}
	return who
}

var (
	alice = someone{customer: "c-1", email: "a@x.test", line: "U1", anonymous: "anon-1"}
	bob   = someone{customer: "c-2", email: "b@x.test", phone: "090-1234-5678", anonymous: "anon-2"}
)

// genHistory draws n to m events of somebody, numbered from first.
func genHistory(t *rapid.T, all someone, first, n, m int) []*enishi.Event {
	var out []*enishi.Event
	for i := range rapid.IntRange(n, m).Draw(t, "events") {
		out = append(out, genEvent(t, first+i, genWho(t, all)))
	}
	return out
}

// fold applies events, one by one, as they come from the log.
func fold(t rapid.TB, p *Profile, events []*enishi.Event) *Profile {
	t.Helper()
	for _, e := range events {
		p.Apply(read(t, e), clock)
	}
	return p
}

// facts is what two profiles must agree on: the export without ids that tell where they stand, and every row.
func facts(t rapid.TB, p *Profile) map[string]any {
	t.Helper()
	out := map[string]any{}
	b, err := json.Marshal(Export(p))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	delete(out, "id")
	delete(out, "offset")
	delete(out, "next_change")
	rows := map[string]any{}
	for name, table := range liveRows(t, p) {
		rows[name] = table
	}
	out["rows"] = rows
	return out
}

// liveRows are all rows of a profile, made from nothing but its encoded state.
func liveRows(t rapid.TB, p *Profile) map[string]map[string]row {
	t.Helper()
	fresh, err := Decode(enishi.ID{}, string(p.Encode(nil)))
	if err != nil {
		t.Fatal(err)
	}
	fresh.ID = enishi.ID{1} // not told apart by it
	fresh.MarkDirty(ChangedAll)
	m := newModel(t)
	f := NewFacts()
	f.Add(fresh, 1)
	m.insert(f.Tables())
	return m.live()
}

func diff(t rapid.TB, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("%s (-want +got):\n%s", what, d)
	}
}

// shuffled draws a permutation with some elements twice.
func shuffled(t *rapid.T, events []*enishi.Event) []*enishi.Event {
	out := rapid.Permutation(events).Draw(t, "order")
	for range rapid.IntRange(0, len(events)).Draw(t, "repeats") {
		x := rapid.SampledFrom(events).Draw(t, "repeat")
		i := rapid.IntRange(0, len(out)).Draw(t, "at")
		out = slices.Insert(slices.Clone(out), i, x)
	}
	return out
}
