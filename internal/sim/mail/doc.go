// Package mail is an in-process SMTP inbox: the development default for
// outgoing mail and the provider of its tests. It accepts what a mail server
// accepts, keeps the last mails in memory, shows them parsed, and misbehaves on
// request at every step of the dialogue.
//
// It speaks RFC 5321 with PIPELINING, SIZE, 8BITMIME, SMTPUTF8 and enhanced
// status codes, STARTTLS and AUTH PLAIN where configured. It never relays:
// mail ends here. The reader is written for speed, so that a bench measures
// the sender.
//
// Nothing is persisted; a restart empties the inbox.
package mail
