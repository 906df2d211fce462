// Package line is a stateful simulator of the LINE Messaging API: friends who
// follow, block and write, a monthly quota, retry keys, rate limits and the
// checks of message objects. It is the development default of the product and
// the provider of its tests; the official Go SDK works against it unchanged.
//
// It owns the provider's side only. Nothing of it is persisted: a restart
// forgets friends, quota and retry keys, as another channel would.
//
// Behaviour follows the public reference of the Messaging API, its pages on
// retrying requests and receiving webhooks, and the OpenAPI files of
// line/line-openapi. Where these are silent, the comment says what was chosen;
// the choices are on the strict side, so that what passes here passes there.
//
// Time: Config.Now drives all rules (rate windows, quota months, retry keys,
// tokens). Only the waits of webhook redelivery and of faults are real time,
// because a virtual clock may stand still.
package line
