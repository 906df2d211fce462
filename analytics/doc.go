// Package analytics is the reports: SQL over the fact tables and the raw events, beside the Go that runs it.
//
// Repeats, corrections and replays never count twice: rows are counted over FINAL, and what comes from the raw events is
// counted by id or by person, so that a row that is there twice changes nothing. Every report says through when it is
// complete. Days, weeks and months are those of the shop's zone; weeks begin on Monday. Revenue is tax included, after
// discounts and points, without shipping and fees, less refunds, of valid orders (placed and not cancelled), at the time of
// the order, per currency. What a subscription orders by itself is revenue, but no repeat purchase, no conversion and no
// step of the funnel.
//
// The bounds of the facts bound the reports: of one identifier the newest 1,000 orders and the newest 200 messages count.
// Visits and journeys come from the raw events, which have no bound.
package analytics
