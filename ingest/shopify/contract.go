package shopify

import (
	"context"
	"strings"

	"enishi"
	"enishi/ingest/hooks"
)

// contractStates are the topics of subscription contracts as types of our events.
var contractStates = map[string]string{"create": "subscription.started", "update": "subscription.changed", "activate": "subscription.resumed", "pause": "subscription.paused",
	"cancel": "subscription.cancelled", "expire": "subscription.cancelled", "fail": "subscription.payment_failed"}

// cycleDays are the days of one unit of a billing policy.
var cycleDays = map[string]int{"day": 1, "week": 7, "month": 30, "year": 365}

func (s *Shop) contracts(d *hooks.Delivery, what string) (hooks.Taken, error) {
	var x struct {
		ID       ident  `json:"id"`
		Customer ident  `json:"customer_id"`
		Revision ident  `json:"revision_id"`
		Currency string `json:"currency_code"`
		Status   string `json:"status"`
		Billing  struct {
			Interval string `json:"interval"`
			Count    int    `json:"interval_count"`
		} `json:"billing_policy"`
	}
	if err := read(d, &x); err != nil {
		return hooks.Taken{}, err
	}
	for field, v := range map[string]ident{"id": x.ID, "customer_id": x.Customer} {
		if err := needed(d, field, v); err != nil {
			return hooks.Taken{}, err
		}
	}
	typ, ok := contractStates[what]
	if !ok {
		return left("Enishi has no use for this topic", "このトピックは利用しません"), nil
	}
	c := &enishi.Subscription{SubscriptionID: string(x.ID), Currency: x.Currency, CycleDays: cycleDays[strings.ToLower(x.Billing.Interval)] * max(x.Billing.Count, 0)}
	if what == "expire" {
		c.Reason = "expired"
	}
	return hooks.Taken{Events: []enishi.Event{{Type: typ, Message: s.id("contract", string(x.ID), what, string(x.Revision)), At: d.At,
		Person: &enishi.Person{CustomerID: string(x.Customer)}, Subscription: c}}}, nil
}

// billing takes the outcome of charging for a delivery.
func (s *Shop) billing(ctx context.Context, d *hooks.Delivery, what string) (hooks.Taken, error) {
	typ := map[string]string{"success": "subscription.renewed", "failure": "subscription.payment_failed"}[what]
	if typ == "" {
		return left("the bank asks the customer: success or failure follows", "本人認証の待ちです。結果は別に届きます"), nil
	}
	var x struct {
		ID       ident  `json:"id"`
		Contract ident  `json:"subscription_contract_id"`
		Error    string `json:"error_code"`
	}
	if err := read(d, &x); err != nil {
		return hooks.Taken{}, err
	}
	for field, v := range map[string]ident{"id": x.ID, "subscription_contract_id": x.Contract} {
		if err := needed(d, field, v); err != nil {
			return hooks.Taken{}, err
		}
	}
	person, err := s.owner(ctx, OfSubscription, string(x.Contract))
	if err != nil {
		return hooks.Taken{}, err
	}
	return hooks.Taken{Events: []enishi.Event{{Type: typ, Message: s.id("billing", string(x.ID), what), At: d.At, Person: person,
		Subscription: &enishi.Subscription{SubscriptionID: string(x.Contract), Reason: x.Error}}}}, nil
}
