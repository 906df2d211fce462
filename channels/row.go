package channels

import (
	"strconv"
	"strings"
	"time"

	"enishi"
)

// States of a (send id, round) in the ledger. The first three are open, the others are its end.
const (
	stateDecided  = "decided"  // waits for its turn; with an attempt: was tried and for certain not taken
	stateIntent   = "intent"   // about to be handed over, or handed over and the outcome is not known
	stateParked   = "parked"   // waits until somebody acts: the account is refused, or the template is missing
	stateSent     = "sent"     // the provider took it
	stateFailed   = "failed"   // the provider will never take it
	stateUnknown  = "unknown"  // taken or not, and not to be tried again
	stateRefused  = "refused"  // a limit stood against it: quota, rate, expired, suppressed, sold_out
	stateDeferred = "deferred" // back to the fold, which decides again at next_try_at
	stateDropped  = "dropped"  // cancelled before it left
)

// Row is one line of the ledger: the newest state of one round of a send.
type Row struct {
	Partition   int // of the topic messages
	SendID      enishi.ID
	Round       int
	State       string
	Attempt     int // provider calls that were about to be made
	Destination string
	Channel     string
	Purpose     string
	Journey     string
	Template    string
	Prefecture  string
	Profile     enishi.ID
	NextTryAt   time.Time // of deferred: when it is decided again; of intent: until when it may be repeated
	DecidedAt   time.Time // by the shop's clock
	UpdatedAt   time.Time // by the sender's clock
	Reported    bool      // the result stands on the topic events
	Code        string    // the provider's own
	Reason      string
	ProviderID  string
	Variant     string    // of the texts that are compared, once it was rendered; empty: there is one
	Group       enishi.ID // whom it left with: the same id for all of one call; zero: alone
	Owner       enishi.ID // of intent: the note (InHand) that tells whether it was begun; zero: none does
	Message     string    // as it stands on the topic messages
}

// handKey is what the row's try is noted as.
func (r *Row) handKey() handKey {
	if !r.Group.IsZero() {
		return handKey{id: r.Group}
	}
	return handKey{r.SendID, r.Round}
}

// final tells whether the row is the end of its round.
func (r *Row) final() bool {
	return r.State != stateDecided && r.State != stateIntent && r.State != stateParked
}

// version orders the states of one (send id, round). Ends stand over everything open; should two owners ever write
// different ends, the one that knows more stands: sent over unknown over the rest.
func (r *Row) version() uint64 {
	v := uint64(r.Attempt) << 8
	switch r.State {
	case stateDecided:
		if r.Attempt > 0 {
			v |= 2
		}
		return v
	case stateIntent:
		return v | 1
	case stateParked:
		return v | 3
	case stateSent:
		v |= 3 << 32
	case stateUnknown:
		v |= 2 << 32
	case stateFailed:
		v |= 1 << 32
	}
	if r.Reported {
		v |= 1
	}
	return v | 1<<40
}

// rowOf is the row of a message as it comes in.
func rowOf(partition int, m *enishi.Message, raw string, now time.Time) Row {
	return Row{
		Partition: partition, SendID: m.SendID, Round: m.Round, State: stateDecided, Destination: m.Destination,
		Channel: m.Channel, Purpose: m.Purpose, Journey: m.Journey, Template: m.Template, Prefecture: m.Prefecture, Profile: m.Profile,
		DecidedAt: m.DecidedAt, UpdatedAt: now, Message: raw,
	}
}

// hardBounce is the reason of an address that does not exist. The fold suppresses it.
const hardBounce = "hard"

// softBounce is that of a mailbox that is full for good or for very long: fullMailbox in the ledger. The fold counts them.
const (
	softBounce  = "soft"
	fullMailbox = "full"
)

// event is the record that tells the fold how the round ended: message.STATE, or message.bounced when a server refused
// the address itself. Its id follows from send id, round and state, so that a second one is known as such.
func (r *Row) event(m *enishi.Message, at time.Time) enishi.Event {
	e := enishi.Event{
		ID:   enishi.NewID("result", r.SendID.String(), strconv.Itoa(r.Round), r.State),
		Type: "message." + r.State, Subject: m.Subject, Profile: m.Profile, At: at,
		Result: &enishi.MessageResult{
			SendID: r.SendID, Round: r.Round, Channel: m.Channel, Destination: m.Destination, Journey: m.Journey, Node: m.Node,
			Template: m.Template, Purpose: m.Purpose, Reason: r.Reason, Code: r.Code, RunID: m.RunID, ProviderID: r.ProviderID, Variant: r.Variant,
		},
	}
	if m.Channel == WebhookChannel {
		e.Type = webhookEvent(r.State)
	}
	if m.Channel == enishi.PostalChannel && r.State == stateSent {
		e.Type = "postal.collected" // it is sent when its batch is exported: channels/dm/postal tells
	}
	if r.State == stateDeferred {
		e.Result.Until = r.NextTryAt
	}
	if m.Channel == WebhookChannel {
		return e
	}
	if r.State == stateFailed && strings.HasPrefix(r.Reason, hardBounce+":") {
		e.Type, e.Result.Reason = "message.bounced", hardBounce
	}
	if full := strings.TrimPrefix(r.Reason, "gave up: "); r.State == stateFailed && strings.HasPrefix(full, fullMailbox+":") {
		e.Type, e.Result.Reason = "message.bounced", softBounce
	}
	return e
}
