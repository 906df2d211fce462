// Package social is a stateful simulator of the messaging side of Meta's Graph API, and of its lead ads: Messenger by a page, Instagram by the
// page that it is connected to, and Instagram by its own login. People write, press buttons, react, mention the shop in
// stories, fill in lead ads and opt in; the shop's webhook hears of it, and what may be sent to whom follows from it. It is the development
// default of the product and the provider of its tests.
//
// It owns the provider's side only. Nothing of it is persisted: a restart forgets people, windows and tokens.
//
// Behaviour follows Meta's reference of the Send API, its pages on the messaging window, message tags, utility messages,
// marketing messages, rate limits, error codes and webhooks (developers.facebook.com/docs/messenger-platform). Where these
// are silent, the comment says what was chosen; the choices are on the strict side, so that what passes here passes there.
//
// Time: Config.Now drives all rules. Only the waits of webhook redelivery and of faults are real time, because a virtual
// clock may stand still.
package social
