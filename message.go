package enishi

import (
	"log/slog"
	"time"
)

// Message is one decided send on the topic messages, or (Cancel) the order to drop one that has not left yet.
type Message struct {
	SendID          ID        `json:"send_id" wire:"1"` // hash(run id, node, visit, channel)
	Round           int       `json:"round" wire:"2"`   // 1, 2, ...: rises with each new decision
	Profile         ID        `json:"profile" wire:"3"`
	Subject         ID        `json:"subject" wire:"4"`     // the identifier that is the address
	Destination     string    `json:"destination" wire:"5"` // channel:account[:recipient-domain group]
	Channel         string    `json:"channel" wire:"6"`     // one of MessageChannels, NoticeChannel, webhook
	Account         string    `json:"account" wire:"7"`     // sender of the channel, as the settings name it
	Purpose         string    `json:"purpose" wire:"8"`     // marketing, transactional, test
	Journey         string    `json:"journey" wire:"9"`
	Version         int       `json:"version" wire:"10"` // of the journey
	Node            string    `json:"node" wire:"11"`
	RunID           ID        `json:"run_id" wire:"12"`
	Template        string    `json:"template" wire:"13"`
	TemplateVersion int64     `json:"template_version" wire:"14"` // offset of its definition
	To              string    `json:"to" wire:"15"`               // mail address, LINE user id, E.164 number, push token, page-scoped id; of post the JSON of an Address
	Language        string    `json:"language" wire:"16"`         // ja, en, ...
	Variables       string    `json:"variables" wire:"17"`        // JSON object for the template: customer, order, shipment, cart, ...
	DecidedAt       time.Time `json:"decided_at" wire:"18"`       // partition clock
	NotAfter        time.Time `json:"not_after,omitzero" wire:"19"`
	Cancel          bool      `json:"cancel,omitempty" wire:"20"`
	Reason          string    `json:"reason,omitempty" wire:"21"` // of a cancel
	Priority        int       `json:"priority,omitempty" wire:"22"`
	Variant         string    `json:"variant,omitempty" wire:"23"`    // of the texts that are compared: a, b, ...; empty: the person's own
	Content         string    `json:"content,omitempty" wire:"24"`    // body of a template that is not saved; of tests only
	Prefecture      string    `json:"prefecture,omitempty" wire:"25"` // of the person, so that a region can be stopped
	Headline        string    `json:"headline,omitempty" wire:"26"`   // Liquid: the subject of a mail, in place of its template's
	Tags            string    `json:"tags,omitempty" wire:"27"`       // parameters for its links, as utm_source=mail&utm_medium=email
}

// MessageChannels are the channels that a message can go by and that have accounts, hours and limits of their own.
func MessageChannels() []string {
	return []string{"email", "line", "sms", "push", "social", PostalChannel}
}

// PostalChannel is the channel of direct mail by post. Its messages are pieces of a batch; their address is an [Address] as JSON.
const PostalChannel = "postal"

// NoticeChannel is the channel of LINE's notification messages (通知メッセージ): they go to a phone number, by the same account as
// the channel line and with templates of it.
const NoticeChannel = "line_notice"

// ParentChannel is the channel whose accounts, templates and permissions a channel uses: line for [NoticeChannel], else itself.
func ParentChannel(channel string) string {
	if channel == NoticeChannel {
		return "line"
	}
	return channel
}

// LogValue keeps the address and the variables out of logs.
func (m *Message) LogValue() slog.Value {
	return slog.GroupValue(slog.String("send_id", m.SendID.String()), slog.String("destination", m.Destination), slog.String("to", "[redacted]"))
}

// LogValue keeps personal values out of logs.
func (p *Person) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// LogValue keeps personal values out of logs.
func (x Identifier) LogValue() slog.Value { return slog.StringValue(x.Kind.String() + ":[redacted]") }

// Decision is why a message was sent or was not: the ordered checks with their outcomes.
type Decision struct {
	SendID   ID        `json:"send_id"`
	Round    int       `json:"round"`
	Profile  ID        `json:"profile"`
	Subject  ID        `json:"subject"`
	At       time.Time `json:"at"`
	Journey  string    `json:"journey"`
	Version  int       `json:"version"`
	Node     string    `json:"node"`
	RunID    ID        `json:"run_id"`
	Channel  string    `json:"channel"`
	Purpose  string    `json:"purpose"`
	Template string    `json:"template"`
	Sent     bool      `json:"sent"`
	Reason   string    `json:"reason"` // the check that failed, or "sent"
	Checks   []Check   `json:"checks"`
}

// Check is one rule that a send had to pass.
type Check struct {
	Name   string `json:"name"` // address, consent, suppression, hold, cap, quiet_hours, holdout, freshness, window
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"` // machine-readable value, e.g. "out since 2026-11-20T01:00:00Z"
}

// Effects is what one step of the fold gives besides the changed state. All ids are deterministic, so that a repeat collapses.
type Effects struct {
	Records   []Event    // to append to the topic events, each under its Profile
	Messages  []Message  // to append to the topic messages
	Decisions []Decision // rows
	Derived   []Derived  // rows of the table events
	Outcomes  []Outcome  // rows
	Alerts    []Alert
}

// Derived is a fact that the fold itself found: a segment entered, a journey's step. It is a row, not a record: it acts in
// the step that makes it and follows from the log.
type Derived struct {
	ID      ID // hash of what it tells and of the record it came from
	Type    string
	Subject ID // the profile's id at that time
	At      time.Time
	Segment string
	Journey string
	Version int64
	Node    string
	RunID   ID
	SendID  ID
	Channel string
	Reason  string
	Initial bool
}

// Outcome answers a command by its request id.
type Outcome struct {
	RequestID ID        `json:"request_id"`
	At        time.Time `json:"at"`
	OK        bool      `json:"ok"`
	Text      string    `json:"text"` // JSON
}

// Alert is shown in the console's bar until it is closed.
type Alert struct {
	ID       ID        `json:"id"`
	Kind     string    `json:"kind"`
	Severity string    `json:"severity"` // info, warning, error
	Text     string    `json:"text"`
	TextJA   string    `json:"text_ja"`
	At       time.Time `json:"at"`
	ClosedAt time.Time `json:"closed_at,omitzero"` // when its cause went away; zero: it is open
}
