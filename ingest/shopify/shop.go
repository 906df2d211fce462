package shopify

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"enishi"
	"enishi/ingest"
	"enishi/ingest/hooks"
)

// Kinds of things that [Config.Owner] is asked of.
const (
	OfOrder        = "order"
	OfSubscription = "subscription"
)

// Config is what a Shop needs.
type Config struct {
	Name string // of the source
	// Owner tells who ordered, or has the subscription; false: nobody knows. An error that is no refusal lets Shopify come again.
	Owner func(ctx context.Context, kind, id string) (enishi.Person, bool, error)
	// Erase deletes everything about a person (customers/redact); it may be repeated.
	Erase func(ctx context.Context, person enishi.Person, request enishi.ID, reason string) error
	Alert func(a enishi.Alert)
}

// Shop makes events of what a shop tells.
type Shop struct{ cfg Config }

// New checks cfg.
func New(cfg Config) (*Shop, error) {
	if cfg.Name == "" || cfg.Owner == nil || cfg.Erase == nil || cfg.Alert == nil {
		return nil, errors.New("shopify: Name, Owner, Erase and Alert are required")
	}
	return &Shop{cfg}, nil
}

// Headers of a webhook.
const (
	SignatureHeader = "X-Shopify-Hmac-Sha256"
	IDHeader        = "X-Shopify-Webhook-Id"
	TopicHeader     = "X-Shopify-Topic"
)

// Topics lists the topics of webhooks that are understood.
func Topics() []string {
	return []string{"orders/create", "orders/updated", "orders/paid", "orders/cancelled", "orders/fulfilled", "orders/partially_fulfilled", "orders/edited",
		"refunds/create", "returns/request", "returns/approve", "returns/decline", "returns/cancel", "returns/close", "returns/reopen", "returns/update", "returns/process",
		"checkouts/create", "checkouts/update", "checkouts/delete", "carts/create", "carts/update",
		"customers/create", "customers/update", "customers/enable", "customers/disable", "customers/delete", "customers/redact", "customers/data_request", "shop/redact",
		"customers_email_marketing_consent/update", "customers_marketing_consent/update",
		"fulfillments/create", "fulfillments/update", "fulfillment_events/create", "inventory_levels/update", "products/create", "products/update", "products/delete",
		"subscription_contracts/create", "subscription_contracts/update", "subscription_contracts/activate", "subscription_contracts/pause", "subscription_contracts/cancel",
		"subscription_contracts/expire", "subscription_contracts/fail", "subscription_billing_attempts/success", "subscription_billing_attempts/failure",
		"subscription_billing_attempts/challenged", "bulk_operations/finish", "app/uninstalled"}
}

// Translate makes events of a webhook.
func (s *Shop) Translate(ctx context.Context, d *hooks.Delivery) (hooks.Taken, error) {
	area, what, _ := strings.Cut(d.Topic, "/")
	switch area {
	case "orders":
		return s.orders(d, what)
	case "refunds":
		return left("an order's refunds come with orders/updated, which has their sum", "返金は、合計額の入った orders/updated で取り込みます"), nil
	case "customers":
		return s.customers(d, what)
	case "customers_email_marketing_consent", "customers_marketing_consent":
		return s.consentUpdate(d)
	case "carts", "checkouts":
		return s.carts(d, area, what)
	case "fulfillments":
		return s.fulfilments(ctx, d)
	case "fulfillment_events":
		return s.fulfilmentEvent(ctx, d)
	case "returns":
		return s.returns(ctx, d, what)
	case "products":
		return s.products(d, what)
	case "inventory_levels":
		return s.inventory(d)
	case "subscription_contracts":
		return s.contracts(d, what)
	case "subscription_billing_attempts":
		return s.billing(ctx, d, what)
	case "shop", "app":
		return s.shop(d)
	case "pull": // a dead letter of a pull has no parts of what it is about
		return hooks.Taken{}, ingest.Refuse(ingest.CodeJSON, "", "is a part of the shop's history: pull the history again, and discard this", "履歴の一部です。履歴をもう一度取り込み、このデータは破棄してください")
	case "bulk_operations":
		return left("the end of a bulk operation is seen when it is asked for", "一括取得の完了は、問い合わせて確認します"), nil
	}
	return left("Enishi has no use for this topic: its subscription may be deleted", "このトピックは利用しません。購読を解除してかまいません"), nil
}

func left(en, ja string) hooks.Taken { return hooks.Taken{Left: en, LeftJA: ja} }

// read decodes a body; a refusal says what is wrong with it.
func read(d *hooks.Delivery, into any) error {
	if err := json.Unmarshal(d.Body, into); err != nil {
		field := ""
		var typ *json.UnmarshalTypeError
		if errors.As(err, &typ) {
			field = typ.Field
		}
		return ingest.Refuse(ingest.CodeJSON, field, "is not what Shopify sends with "+d.Topic+": "+err.Error(), "Shopify の "+d.Topic+" の内容として読み取れません: "+err.Error())
	}
	return nil
}

func needed(d *hooks.Delivery, field string, value ident) error {
	if value != "" {
		return nil
	}
	return ingest.Refuse(ingest.CodeMissing, field, "is missing: is this the body of "+d.Topic+"?", "ありません。"+d.Topic+" の本文か確認してください")
}

// id is the id of an event that the shop's own numbers make.
func (s *Shop) id(parts ...string) string {
	return "shopify:" + s.cfg.Name + ":" + strings.Join(parts, ":")
}

func (s *Shop) orders(d *hooks.Delivery, what string) (hooks.Taken, error) {
	if what == "edited" || what == "delete" {
		return left("what an edit changed comes with orders/updated", "編集の内容は orders/updated で取り込みます"), nil
	}
	var o order
	if err := read(d, &o); err != nil {
		return hooks.Taken{}, err
	}
	if err := needed(d, "id", o.ID); err != nil {
		return hooks.Taken{}, err
	}
	if o.Test {
		return left("a test order", "テスト注文です"), nil
	}
	o.rest = restOf(d.Body)
	if nobody(s.buyer(&o)) {
		return left("the order names nobody", "購入者の分からない注文です"), nil
	}
	how := changed
	if what == "create" {
		how = created
	}
	out := hooks.Taken{Events: s.orderEvents(&o, how)}
	if o.Customer != nil {
		out.Events = append(out.Events, s.consents(o.Customer)...)
	}
	return out, nil
}

func nobody(p *enishi.Person) bool {
	return p.CustomerID == "" && p.Email == "" && p.Phone == "" && p.AnonymousID == ""
}

// carts are carts and checkouts. A cart says of nobody whose it is; checkout and order name the same cart.
func (s *Shop) carts(d *hooks.Delivery, area, what string) (hooks.Taken, error) {
	if what == "delete" {
		return left("the checkout was done or deleted: its order tells the first", "購入手続きは完了または削除されました（完了は注文で分かります）"), nil
	}
	var c cart
	if err := read(d, &c); err != nil {
		return hooks.Taken{}, err
	}
	if err := needed(d, "token", ident(c.Token)); err != nil {
		return hooks.Taken{}, err
	}
	e := enishi.Event{Type: "cart.updated", Channel: "web", At: c.UpdatedAt, Person: personOf(c.Customer), Web: &enishi.Web{CartID: c.Token, Value: enishi.Amount(c.Total), Currency: c.Currency}}
	for i := range c.Lines {
		l := lineOf(&c.Lines[i], true, false)
		e.Web.Lines = append(e.Web.Lines, l)
		if c.Total == 0 {
			e.Web.Value += l.Price * enishi.Amount(l.Quantity)
		}
	}
	e.Person.Email, e.Person.Phone, e.Person.AnonymousID = orElse(c.Email, e.Person.Email), orElse(c.Phone, e.Person.Phone), anonymous(c.Attributes)
	e.Message = s.id("cart", c.Token, stamp(c.UpdatedAt))
	visitor := c.Token
	if area == "checkouts" {
		visitor = c.CartToken
		e.Web.CartID, e.Web.CheckoutID, e.Web.URL = c.CartToken, c.Token, c.URL
		e.Type, e.At, e.Message = "checkout.started", c.CreatedAt, s.id("checkout", c.Token)
		switch {
		case !c.Completed.IsZero():
			return left("the checkout is done: its order tells it", "購入手続きは完了しました（注文で分かります）"), nil
		case what == "update":
			e.Type, e.At, e.Message = "checkout.completed_step", c.UpdatedAt, s.id("checkout", c.Token, stamp(c.UpdatedAt))
		}
	}
	if e.Person.AnonymousID == "" && visitor != "" {
		e.Person.AnonymousID = cartVisitor(visitor)
	}
	if nobody(e.Person) {
		return left("the checkout names nobody yet", "まだ誰の購入手続きか分かりません"), nil
	}
	return hooks.Taken{Events: []enishi.Event{e}}, nil
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// stamp is an instant as part of an id.
func stamp(t time.Time) string { return t.UTC().Format("20060102T150405.000") }

// shop takes what is about the shop as a whole: a person has to look.
func (s *Shop) shop(d *hooks.Delivery) (hooks.Taken, error) {
	a := enishi.Alert{ID: enishi.NewID("alert", "shopify", d.ID.String()), Kind: "source", Severity: "warning", At: d.At}
	switch d.Topic {
	case "shop/redact":
		a.Text = "Shopify asks to delete everything that came from the shop of the source " + s.cfg.Name + ", which removed the app: decide with the shop who is to be erased, within 30 days."
		a.TextJA = "データソース「" + s.cfg.Name + "」のショップがアプリを削除したため、Shopify がこのショップ由来の個人データの消去を求めています。30 日以内に対応してください。"
	case "app/uninstalled":
		a.Text = "The app of the source " + s.cfg.Name + " was removed from the Shopify shop: nothing more will come."
		a.TextJA = "データソース「" + s.cfg.Name + "」のアプリが Shopify から削除されました。今後、データは届きません。"
	default:
		return left("Enishi has no use for this topic", "このトピックは利用しません"), nil
	}
	s.cfg.Alert(a)
	return left("somebody was told", "お知らせに表示しました"), nil
}
