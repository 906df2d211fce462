// Package shopify is a simulated Shopify shop: customers and orders that change, webhooks that are signed, tried again, doubled
// and out of order, and the Admin API with its bulk operations.
//
// It keeps the documented limits (Limits): 8 further tries of a webhook with the first body over 4 hours, after
// which its subscription is removed if it is of the Admin API, one bulk query at a time before
// version 2026-01 and five from then on, results for seven days, a bucket of query cost that fills with time.
// Sources: shopify.dev/docs/apps/build/webhooks, shopify.dev/docs/api/usage/bulk-operations/queries, shopify.dev/docs/api/usage/limits.
package shopify
