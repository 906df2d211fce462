// Package shopify takes what a Shopify shop tells: by webhooks ([Shop.Translate], a kind of source of package hooks) and by its
// Admin API ([Puller]: the history by bulk operations, and what changed since an instant, for webhooks that were lost,
// together with a look whether Shopify still sends them).
//
// Both give the same order, customer and product, and events whose ids follow from the shop's own numbers and versions, so what
// comes by both ways counts once. Formats: https://shopify.dev/docs/api/webhooks and https://shopify.dev/docs/api/admin-graphql.
//
// What a webhook does not say of whom it is (fulfilments, returns, billing attempts), Owner says, which looks at the orders that
// were taken and else asks the shop.
package shopify
