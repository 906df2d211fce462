package shopify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"enishi"
)

// Subscription is a webhook that the shop was asked for by its Admin API. Shopify removes one when a call of it was not taken in
// 8 tries over 4 hours; those of the app's own file (shopify.app.toml) it keeps, and does not list.
type Subscription struct {
	Topic  string    `json:"topic" doc:"As the Admin API writes it: ORDERS_CREATE."`
	URI    string    `json:"uri"`
	MadeAt time.Time `json:"made_at,omitzero" doc:"When it was made again here, after Shopify had removed it."`
}

// stayAway is how long after it was made again a subscription that is gone anew is taken as removed on purpose.
const stayAway = 24 * time.Hour

const subscriptionsQuery = `query($after: String) { webhookSubscriptions(first: 100, after: $after) { nodes { topic uri } pageInfo { hasNextPage endCursor } } }`

const subscribeQuery = `mutation($topic: WebhookSubscriptionTopic!, $uri: String!) { webhookSubscriptionCreate(topic: $topic, webhookSubscription: {uri: $uri}) { webhookSubscription { id } userErrors { message } } }`

// Subscriptions lists the webhooks of the app whose address ends with path.
func (c *Client) Subscriptions(ctx context.Context, path string) ([]Subscription, error) {
	var out []Subscription
	variables := map[string]any{}
	for {
		var answer struct {
			List struct {
				Nodes []Subscription `json:"nodes"`
				Page  struct {
					More bool   `json:"hasNextPage"`
					End  string `json:"endCursor"`
				} `json:"pageInfo"`
			} `json:"webhookSubscriptions"`
		}
		if err := c.Query(ctx, subscriptionsQuery, variables, &answer); err != nil {
			return nil, err
		}
		for _, s := range answer.List.Nodes {
			if strings.HasSuffix(s.URI, path) {
				out = append(out, s)
			}
		}
		if !answer.List.Page.More {
			return out, nil
		}
		variables["after"] = answer.List.Page.End
	}
}

// Subscribe asks for a webhook.
func (c *Client) Subscribe(ctx context.Context, s Subscription) error {
	var answer struct {
		Made struct {
			Errors []struct {
				Message string `json:"message"`
			} `json:"userErrors"`
		} `json:"webhookSubscriptionCreate"`
	}
	if err := c.Query(ctx, subscribeQuery, map[string]any{"topic": s.Topic, "uri": s.URI}, &answer); err != nil {
		return err
	}
	if len(answer.Made.Errors) > 0 {
		return errors.New(answer.Made.Errors[0].Message)
	}
	return nil
}

// subscriptions looks whether the webhooks of the last look are still there, and makes again those that Shopify removed. That
// they cannot be listed is told at the pull and does not end it: what was missed is here by now.
func (x *Puller) subscriptions(ctx context.Context, p *Pull) error {
	there, err := x.Client.Subscriptions(ctx, "/hooks/"+p.Source)
	if err != nil {
		p.Text = "the webhooks of the shop cannot be listed: " + err.Error()
		return ctx.Err()
	}
	now := x.Now().UTC()
	var again, away, failed []string
	for _, was := range p.Subscriptions {
		i := slices.IndexFunc(there, func(s Subscription) bool { return s.Topic == was.Topic && s.URI == was.URI })
		switch {
		case i >= 0:
			there[i].MadeAt = was.MadeAt
			continue
		case !was.MadeAt.IsZero() && now.Sub(was.MadeAt) < stayAway:
			away = append(away, topicOf(was.Topic))
			continue
		}
		if err := x.Client.Subscribe(ctx, was); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			failed = append(failed, fmt.Sprintf("%s (%v)", topicOf(was.Topic), err))
			there = append(there, was) // the next look tries again
			continue
		}
		was.MadeAt = now
		again, there = append(again, topicOf(was.Topic)), append(there, was)
	}
	p.Subscriptions = there
	for what, topics := range map[string][]string{"again": again, "away": away, "failed": failed} {
		if len(topics) > 0 {
			x.Shop.cfg.Alert(x.removed(p, what, topics))
		}
	}
	return nil
}

// topicOf is a topic as webhooks name it: orders/create for ORDERS_CREATE.
func topicOf(name string) string {
	for _, topic := range Topics() {
		if strings.EqualFold(strings.ReplaceAll(topic, "/", "_"), name) {
			return topic
		}
	}
	return name
}

// removed tells that subscriptions are gone.
func (x *Puller) removed(p *Pull, what string, topics []string) enishi.Alert {
	slices.Sort(topics)
	id := p.ID
	if what == "failed" { // as long as it is so, one alert
		id = ""
	}
	list := strings.Join(topics, ", ")
	a := enishi.Alert{ID: enishi.NewID("alert", "shopify_subscriptions", p.Source, what, id), Kind: "source", Severity: "warning", At: x.Now().UTC()}
	en := "Shopify removed webhooks of the source " + p.Source + " (" + list + "), as it does when nobody took a call in 8 tries over 4 hours. "
	ja := "データソース「" + p.Source + "」の Webhook の購読（" + list + "）が Shopify から削除されていました。4 時間のあいだに 8 回再送しても受け取れないと、Shopify は購読を削除します。"
	switch what {
	case "again":
		a.Text = en + "They were made again, and orders, customers and products that changed meanwhile were fetched. If you removed them on purpose, remove them again within 24 hours: then they stay away."
		a.TextJA = ja + "購読を作り直し、その間に変わった注文・顧客・商品を取り込みました。意図して削除した場合は、24 時間以内にもう一度削除してください（再作成しません）。"
	case "away":
		a.Text = "Webhooks of the source " + p.Source + " (" + list + ") were removed again within 24 hours: they are not made again. What they tell comes hourly at best, or not at all."
		a.TextJA = "データソース「" + p.Source + "」の Webhook の購読（" + list + "）が 24 時間以内にもう一度削除されたため、作り直しません。この内容は、1 時間ごとの確認で取り込めるものだけになります。"
	default:
		a.Severity = "error"
		a.Text = en + "They could not be made again: make them by hand at Shopify. It is tried again at the next look."
		a.TextJA = ja + "作り直せませんでした。Shopify で購読を作り直してください。次の確認でも再試行します。"
	}
	return a
}
