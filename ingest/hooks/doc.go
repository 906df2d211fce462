// Package hooks takes what other systems send us: webhooks at /hooks/NAME, one address for each source of the configuration.
//
// # The way of a call
//
// The signature is checked first, over the raw body and in constant time; a wrong one is answered with 401 and nothing of the
// call is kept. Then the source's kind makes events of the body ([Translate]), each is checked by the [ingest.Parser] like
// anything that comes in, and all of a call are appended to the source topics at once. The answer is 2xx only after the log has
// them, 503 with Retry-After when it has not, so that the sender comes again.
//
// # Repeats and order
//
// A call has an id: the sender's own, else the hash of its body. The ids of its events follow from the source and that id, or
// from what the event tells (an order's number and version), so a repeat is the same event wherever it is taken. A call
// that was taken within the last minutes is answered at once. Nothing here depends on the order of calls: contents carry the
// sender's version, and the fold keeps the newest.
//
// # What is not understood
//
// A call that cannot be made into events is answered with 200, since coming again would not mend it, and becomes a dead letter
// with its reason and its raw body ([ingest.StageSource]); replaying the letter goes the same way with the same ids.
package hooks
