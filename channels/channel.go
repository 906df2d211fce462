package channels

import (
	"context"
	"encoding/json"
	"time"

	"enishi"
)

// Channel hands one message to a provider. channels/email and channels/line implement it; its methods are called from
// several goroutines.
//
// The error steers the Sender by its value: [Permanent], [RetryAfter], [Busy], [Unknown], [Refused], [Down]. Any other
// error is taken as [Unknown]: nothing is repeated that might have arrived.
//
// Right before the provider may take the message, and no earlier than it must, Send calls m.Begin unless it is nil. After an
// error of it nothing may be handed over: the answer is [Busy] with that error. What was not begun is handed over again
// after a crash.
type Channel interface {
	Send(ctx context.Context, m *Rendered) (Receipt, error)
}

// Rendered is a message as the provider gets it. Each channel uses the fields that its comment names.
type Rendered struct {
	SendID   enishi.ID
	Round    int
	Key      enishi.ID // UUIDv5 of send id and round: the same at every try of a round
	Profile  enishi.ID
	Account  string
	Purpose  string
	Language string
	Journey  string
	Template string
	Variant  string // alternative that the person gets: a, b, ...; empty: there is one text only
	To       string // address as it came in: mail address, LINE user id

	Begin func() error         // see [Channel]
	End   func(Receipt, error) // takes note of the outcome before Send returns, so that a connection is not given on before that

	// Mail.
	FromName    string // empty: the account's
	Subject     string // one line
	Preheader   string // stands in HTML already
	HTML        string
	Text        string
	Unsubscribe string // URL of the one-click POST; empty: not a mail one can unsubscribe from
	Bounce      string // local part of the envelope sender, which tells send and person to who reads bounces

	// LINE.
	Messages json.RawMessage // array of 1-5 message objects
	Unit     string          // aggregation unit; may be empty

	Content json.RawMessage // of the channels that have content: the filled-in object, see content.go
	Report  string          // push: where a device tells that it showed and closed the notification
	Decided *enishi.Message // of postal: what was decided; nil in previews

	Request *Request // of a webhook

	// For previews.
	Refuse       string   // address of the page that unsubscribes; also of what is no advertisement
	Alternatives int      // how many texts are compared; at least 1
	Missing      []string // variables that were asked for and have no value, sorted
}

// Receipt is what the provider said when it took a message.
type Receipt struct {
	ProviderID string // Message-ID, X-Line-Request-Id; of a webhook the JSON that it answered
	Code       string // the provider's own answer, e.g. "250 2.0.0 queued as 4F2", "200", "409"
	Note       string // what was done otherwise than asked, as a reason: "charset: UTF-8, ..."
}

// Route says how messages of one account leave.
type Route struct {
	Channel Channel
	// Repeat is how long after its first try a send whose outcome is not known may be tried again, because the provider
	// recognises its key (LINE: 24 h; we stop at 23). Zero: never again, it ends as unknown.
	Repeat time.Duration
	// RepeatTransactional is the same for transactional messages: a second copy of a receipt is better than none. Zero:
	// as Repeat.
	RepeatTransactional time.Duration
	// Group is how many people one call may be for, when the channel is a [Grouper]; at most 500. 0: one.
	Group int
	Limit Limit
	// Groups are limits in place of Limit by the last part of the destination (docomo, gmail), where receivers differ. Their
	// Workers are at most those of Limit.
	Groups map[string]Limit
}

// Limit bounds one destination. Its messages stand in one partition of the topic messages, so one replica owns all of it.
type Limit struct {
	PerSecond float64 // 0: no limit
	Burst     int     // 0: a tenth of a second's worth, at least 1
	Workers   int     // calls at the same time; 0: 4
	PerDay    int     // messages, by the workspace's days; 0: no limit
	PerMonth  int     // the same by months
}
