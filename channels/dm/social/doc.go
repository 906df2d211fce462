// Package social sends direct messages by Messenger and Instagram and takes their webhooks.
//
// It speaks the Send API of Meta's Graph API: by a page (Messenger, and Instagram connected to the page) or by an Instagram
// account's own login. What may be sent to whom follows from the window: 24 hours from what the person did last, which the
// fold knows from the webhooks ([profiles.View.Window]). The message says how it goes: inside the window, by the token of an
// opt-in, or outside by a tag or a utility template ([enishi.SocialAddress]).
//
// Once only: the API has no key for repetitions, so a message whose outcome is not known is not sent again, unless it is
// transactional. Of a content of several messages no part is sent twice: once the first was taken, what stops the others is
// tried again right there for a moment, then the send ends as sent, with a note of what did not leave. A crash in between is
// an outcome that is not known.
//
// A webhook is appended to the topic before it is answered. Its events have ids that follow from the platform's own, so a
// webhook that comes twice tells everything once.
package social
