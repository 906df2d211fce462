package shopify

import (
	"context"
	"strings"
	"time"

	"enishi"
	"enishi/ingest/hooks"
)

// personOf is a customer as we know people; of none an empty one.
func personOf(c *customer) *enishi.Person {
	p := &enishi.Person{}
	if c == nil {
		return p
	}
	p.CustomerID, p.Email, p.Phone = string(c.ID), c.Email, c.Phone
	traits := map[string]enishi.Value{}
	text := func(name, v string) {
		if v != "" {
			traits[name] = enishi.TextValue(v)
		}
	}
	text("family_name", c.LastName)
	text("given_name", c.FirstName)
	text("shopify_tags", c.Tags)
	if a := c.Address; a != nil {
		text("postal_code", a.Zip)
		text("prefecture", prefecture(a))
		text("city", a.City)
		text("address1", a.Address1)
		text("address2", a.Address2)
	}
	if c.State == "enabled" && !c.CreatedAt.IsZero() {
		traits["signed_up_at"] = enishi.InstantValue(c.CreatedAt.UTC())
	}
	if len(traits) > 0 {
		p.Traits = traits
	}
	return p
}

func (s *Shop) customerEvents(c *customer, how way) []enishi.Event {
	at := c.UpdatedAt
	if at.IsZero() {
		at = c.CreatedAt
	}
	out := []enishi.Event{{Type: "person.identified", Message: s.id("customer", string(c.ID), stamp(at)), At: at, Historical: how == past, Person: personOf(c)}}
	given := s.consents(c)
	for i := range given {
		given[i].Historical = how == past
	}
	return append(out, given...)
}

// consents are the permissions of a customer, each with what Shopify knows of how it was given. Their ids follow from state and
// time: the same permission comes with every order.
func (s *Shop) consents(c *customer) []enishi.Event {
	var out []enishi.Event
	take := func(channel, address string, x *consent) {
		if x == nil || address == "" {
			return
		}
		change := enishi.ConsentChange{Channel: channel, Purpose: "marketing", Method: "shopify", Text: evidence(x)}
		typ := "consent.changed"
		switch strings.ToLower(x.State) {
		case "subscribed":
			change.State = "in"
		case "unsubscribed":
			change.State = "out"
		case "pending": // waits for the answer to a mail of the shop (double opt-in)
			change.State, typ = "asked", "consent.requested"
		default: // not_subscribed is no word of the person; redacted and invalid are none either
			return
		}
		at := x.At
		if at.IsZero() {
			at = c.CreatedAt
		}
		out = append(out, enishi.Event{Type: typ, Message: s.id("consent", string(c.ID), channel, change.State, stamp(at)), At: at,
			Person: &enishi.Person{CustomerID: string(c.ID), Email: c.Email, Phone: c.Phone}, Consent: []enishi.ConsentChange{change}})
	}
	take("email", c.Email, c.EmailGiven)
	take("sms", c.Phone, c.SMSGiven)
	return out
}

// evidence is what Shopify says of a permission.
func evidence(x *consent) string {
	parts := []string{"Shopify: " + strings.ToLower(x.State)}
	if x.Level != "" {
		parts = append(parts, "opt-in level "+strings.ToLower(x.Level))
	}
	if x.Through != "" {
		parts = append(parts, "collected from "+x.Through)
	}
	if !x.At.IsZero() {
		parts = append(parts, "updated "+x.At.UTC().Format(time.RFC3339))
	}
	return strings.Join(parts, ", ")
}

func (s *Shop) customers(d *hooks.Delivery, what string) (hooks.Taken, error) {
	switch what {
	case "redact", "data_request":
		return s.privacy(d, what)
	case "delete":
		return left("a customer that the shop deleted stays a person here: who is to be erased, the shop says by customers/redact", "ショップで削除された顧客のデータは残します。個人データの消去は customers/redact で行われます"), nil
	}
	var c customer
	if err := read(d, &c); err != nil {
		return hooks.Taken{}, err
	}
	if err := needed(d, "id", c.ID); err != nil {
		return hooks.Taken{}, err
	}
	return hooks.Taken{Events: s.customerEvents(&c, changed)}, nil
}

// consentUpdate takes customers_email_marketing_consent/update and customers_marketing_consent/update (SMS).
func (s *Shop) consentUpdate(d *hooks.Delivery) (hooks.Taken, error) {
	var x struct {
		ID         ident    `json:"id"`
		CustomerID ident    `json:"customer_id"`
		Email      string   `json:"email"`
		Address    string   `json:"email_address"`
		Phone      string   `json:"phone"`
		EmailGiven *consent `json:"email_marketing_consent"`
		SMSGiven   *consent `json:"sms_marketing_consent"`
	}
	if err := read(d, &x); err != nil {
		return hooks.Taken{}, err
	}
	c := &customer{ID: ident(orElse(string(x.CustomerID), string(x.ID))), Email: orElse(x.Address, x.Email), Phone: x.Phone, CreatedAt: d.At, EmailGiven: x.EmailGiven, SMSGiven: x.SMSGiven}
	if err := needed(d, "customer_id", c.ID); err != nil {
		return hooks.Taken{}, err
	}
	out := hooks.Taken{Events: s.consents(c)}
	if len(out.Events) == 0 {
		return left("says nothing that a person decided", "本人の意思表示ではありません"), nil
	}
	return out, nil
}

// dataRequestDays is how long Shopify gives for customers/data_request.
const dataRequestDays = 30

// privacy takes the requests that privacy law asks of every app (https://shopify.dev/docs/apps/build/privacy-law-compliance): a
// person is erased at once; an export waits for somebody, with its deadline.
func (s *Shop) privacy(d *hooks.Delivery, what string) (hooks.Taken, error) {
	var x struct {
		Customer struct {
			ID    ident  `json:"id"`
			Email string `json:"email"`
			Phone string `json:"phone"`
		} `json:"customer"`
		Request struct {
			ID ident `json:"id"`
		} `json:"data_request"`
	}
	if err := read(d, &x); err != nil {
		return hooks.Taken{}, err
	}
	person := enishi.Person{CustomerID: string(x.Customer.ID), Email: x.Customer.Email, Phone: x.Customer.Phone}
	if nobody(&person) {
		return hooks.Taken{}, needed(d, "customer.id", x.Customer.ID)
	}
	if what == "data_request" {
		until := d.At.AddDate(0, 0, dataRequestDays).Format(time.DateOnly)
		s.cfg.Alert(enishi.Alert{ID: enishi.NewID("alert", "data_request", s.cfg.Name, string(x.Request.ID), person.CustomerID), Kind: "data_request", Severity: "warning", At: d.At,
			Text:   "Customer " + person.CustomerID + " of " + s.cfg.Name + " asks through Shopify for the data kept of them: export it on the person's page and give it to the shop by " + until + ", then close this.",
			TextJA: "「" + s.cfg.Name + "」の顧客（ID " + person.CustomerID + "）から、Shopify を通じて個人データの開示請求がありました。顧客のページから書き出し、" + until + " までにお渡しください。対応したら、このお知らせを閉じてください。"})
		return left("somebody was told, with the deadline", "期限とともにお知らせに表示しました"), nil
	}
	out := left("the person is erased", "個人データを消去しました")
	out.After = func(ctx context.Context) error {
		return s.cfg.Erase(ctx, person, d.ID, "Shopify customers/redact ("+s.cfg.Name+")")
	}
	return out, nil
}
