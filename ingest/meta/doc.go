// Package meta takes the leads of Meta's lead ads (リード広告): what somebody filled in at Facebook or Instagram without leaving it.
//
// Meta's webhook (field leadgen) only says that there is a lead, by its number. [Leads] fetches it, and the form that it was
// filled in at, by the Graph API, and puts both into one JSON document. A mapping makes events of that ([BuiltIn], or the one
// of the source's name), so a shop's own questions go where the shop wants them.
//
// # What cannot be fetched
//
// What may pass (a limit, an outage) lets Meta come again for half an hour after the lead ([Patience]): leads that were fetched
// are remembered meanwhile. After that, and at once for what would not pass (a token that does not hold, a missing permission, a lead that is
// not there), the call becomes a dead letter with the reason; Meta keeps leads for 90 days, in which the letter can be taken again.
//
// # Repeats
//
// The ids of the events follow from the source and the lead's number: Meta's repeats, calls that tell several leads in another
// composition and replays are the same events.
//
// Formats: https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving and
// https://developers.facebook.com/docs/graph-api/webhooks/getting-started/webhooks-for-leadgen.
package meta
