package journeys

import "enishi"

// Text is what a marketer reads, in both languages.
type Text struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// Definition is the body of a journey's definition. Durations are a whole number and a unit: s, m, h, d (24 hours), w.
type Definition struct {
	Title   Text   `json:"title"`
	About   *Text  `json:"about,omitempty"` // what it is for, in one or two sentences
	State   string `json:"state,omitempty"` // draft, review, approved, live (default), paused, archived; only live takes entries
	Purpose string `json:"purpose"`         // marketing, transactional
	Topic   string `json:"topic,omitempty"` // of a marketing journey: an id of the setting topics, which people may refuse by itself
	Consent string `json:"consent"`         // opt_in: the channel's permission is given (by post: advertising is not refused); not_refused: transactional only
	Cap     *Cap   `json:"cap,omitempty"`   // of this journey alone, beside those of the settings
	// Priority, 1 to 9, default 5: of messages that are due to a person at the same moment those of the journey with the
	// highest come first, so that caps stop the others. Transactional ones come before all.
	Priority int `json:"priority,omitempty"`
	// Accounts are those by which its messages leave, by channel; silent: as the senders of the settings have it.
	Accounts map[string]string `json:"accounts,omitempty"`
	UTM      *UTM              `json:"utm,omitempty"`         // for the links of its messages, before those of the settings
	Quiet    *QuietHours       `json:"quiet_hours,omitempty"` // instead of those of the settings
	Days     *SendDays         `json:"send_days,omitempty"`   // likewise
	InFlight *InFlight         `json:"in_flight,omitempty"`   // what becomes of those who are in an older version; default: they finish it
	Entry    Entry             `json:"entry"`                 // how people come in
	ExitOn   []Condition       `json:"exit_on,omitempty"`     // end a run wherever it stands
	Goal     *Condition        `json:"goal,omitempty"`        // ends it as reached
	Start    string            `json:"start"`                 // id of the first node
	Nodes    map[string]*Node  `json:"nodes"`                 // the steps by their ids
}

// Cap limits how often the journey's messages reach one person: "2/7d" is two in seven days, "none" no limit.
type Cap struct {
	Default string `json:"default"`
}

// QuietHours is when nothing is sent, in the person's zone (trait timezone, else the shop's): From 21:00 to To 09:00, local
// times. What falls into them waits for their end.
type QuietHours struct {
	From     string   `json:"from,omitempty"`
	To       string   `json:"to,omitempty"`
	Channels []string `json:"channels,omitempty"` // empty: all
	Off      bool     `json:"off,omitempty"`      // there are none
}

// SendDays are the days on which messages leave, in the person's zone. On others they wait for the next such day.
type SendDays struct {
	Weekdays   []string `json:"weekdays,omitempty"`        // mon, tue, wed, thu, fri, sat, sun; empty: all
	NoHolidays bool     `json:"not_on_holidays,omitempty"` // national holidays of Japan, and those of the settings
	NoClosed   bool     `json:"not_on_closed_days,omitempty"`
}

// InFlight is what becomes of people in older versions when a version is published.
type InFlight struct {
	Then string `json:"then"` // finish, move, exit
	// Nodes is where those go who stand at a node: the node of this version by that of the older. Who stands at a node that is
	// neither named nor in this version finishes the old one.
	Nodes map[string]string `json:"nodes,omitempty"`
}

// What becomes of people in older versions.
const (
	inFlightFinish = "finish"
	inFlightMove   = "move"
	inFlightExit   = "exit"
)

// Entry is how a run begins: by an event, by entering or leaving a segment, on a date of the person, by being called, or (Sweep) once for everybody
// who is in a segment: a campaign, which goes when the journey goes live, At an instant, or at each moment of a Schedule.
type Entry struct {
	Called   bool      `json:"called,omitempty"`            // other journeys and the API may start it, also beside an event or a segment
	Event    string    `json:"event,omitempty"`             // its type, such as order.placed
	Events   []string  `json:"events,omitempty"`            // instead of Event: any of them
	Segment  string    `json:"segment,omitempty"`           // its name
	Entered  *bool     `json:"entered,omitempty"`           // of Segment; false: by leaving it; default true
	PeopleIn bool      `json:"include_people_in,omitempty"` // also those a sweep found in the segment when it was published
	Sweep    bool      `json:"sweep,omitempty"`             // a campaign: everybody once
	List     string    `json:"list,omitempty"`              // of Sweep: everybody on a static list, in place of Segment
	Exclude  []string  `json:"exclude,omitempty"`           // of Sweep: segments whose people are left out
	At       string    `json:"at,omitempty"`                // of Sweep: not before this instant, as 2026-12-01T01:00:00Z
	Schedule *Schedule `json:"schedule,omitempty"`          // of Sweep: again at each of these moments, instead of once
	Test     *Test     `json:"test,omitempty"`              // of Sweep: variants are compared on a share of the people first
	Again    *Again    `json:"again,omitempty"`             // of Sweep: those whom another campaign reached in vain; of Segment too, if there is one
	Date     string    `json:"date,omitempty"`              // a trait that holds a date, such as birthday: at Time of that day, in the person's zone
	Offset   string    `json:"offset,omitempty"`            // of Date: -7d is a week before it, 1d a day after
	Time     string    `json:"time,omitempty"`              // of Date: HH:MM; default 10:00
	Yearly   bool      `json:"yearly,omitempty"`            // of Date: each year, once; 29 February is 28 in common years
	Within   string    `json:"within,omitempty"`            // of Date: how late a run may still begin; default 24h
	Key      string    `json:"key,omitempty"`               // e.g. order_id: one run per value; empty: one per person
	Where    string    `json:"where,omitempty"`             // expression that must hold
	Reentry  string    `json:"reentry"`                     // never, after_exit, after:PERIOD, always
}

// Condition is something that happens: an event, or a segment entered or left.
type Condition struct {
	Event   string   `json:"event,omitempty"`
	Events  []string `json:"events,omitempty"`
	Key     string   `json:"key,omitempty"` // default: the entry's key; "any": whatever the event is about
	Where   string   `json:"where,omitempty"`
	Segment string   `json:"segment,omitempty"`
	Entered *bool    `json:"entered,omitempty"`
}

// Node is one step. Each type uses the fields that its constant names; any other field is refused.
type Node struct {
	Type  string `json:"type"`
	Title *Text  `json:"title,omitempty"`
	Next  string `json:"next,omitempty"` // id of the node that comes after

	For        string     `json:"for,omitempty"`         // a time such as 30m or 3d
	Until      *Until     `json:"until,omitempty"`       // a moment
	UntilEvent *Condition `json:"until_event,omitempty"` // something that happens
	UntilTrue  string     `json:"until_true,omitempty"`  // expression
	ResetOn    *Condition `json:"reset_on,omitempty"`    // For, or the timeout, begins anew when this happens
	Timeout    string     `json:"timeout,omitempty"`     // how long at most
	OnTimeout  string     `json:"on_timeout,omitempty"`  // default: Next

	Branches []Branch `json:"branches,omitempty"` // in order: the first whose condition holds is taken
	Else     string   `json:"else,omitempty"`     // the node when none holds

	Template  string            `json:"template,omitempty"`  // name of the one that is sent
	Channels  []string          `json:"channels,omitempty"`  // in order: the first that can be reached is taken
	Templates map[string]string `json:"templates,omitempty"` // by channel
	SendBy    string            `json:"send_by,omitempty"`   // not sent later than this after it was due; default 24h
	Subject   string            `json:"subject,omitempty"`   // of a mail, in place of the template's own; Liquid
	Accounts  map[string]string `json:"accounts,omitempty"`  // by channel, before those of the journey

	Ways    []Way   `json:"ways,omitempty"`
	Percent float64 `json:"percent,omitempty"` // of a holdout: above 0 up to 50

	Set    map[string]enishi.Value `json:"set,omitempty"`   // traits and their new values
	Clear  []string                `json:"clear,omitempty"` // traits that lose theirs
	Points *Points                 `json:"points,omitempty"`

	Webhook   *Webhook `json:"webhook,omitempty"`
	OnFailure string   `json:"on_failure,omitempty"` // of a webhook with Timeout: nobody answered well; default: Next

	Journey string `json:"journey,omitempty"` // that is started or left
}

// Until is a moment that a wait ends at: the first from then on that fits. Exactly one of Time (with Weekdays, Day), Date,
// ShopHours, Cutoff and BestHour leads.
type Until struct {
	Time      string   `json:"time,omitempty"`       // HH:MM in the person's zone; with Date and BestHour as said there
	Weekdays  []string `json:"weekdays,omitempty"`   // with Time: mon, tue, ...
	Day       string   `json:"day,omitempty"`        // with Time: business, open (not a closed day), payday
	Date      string   `json:"date,omitempty"`       // a trait that holds a date such as 2026-12-24: at Time (default 10:00) of that day
	Offset    string   `json:"offset,omitempty"`     // of Date: -3d is three days before it, 1d a day after
	Yearly    bool     `json:"yearly,omitempty"`     // of Date: each year on this day, as a birthday; 29 February is 28 in common years
	ShopHours bool     `json:"shop_hours,omitempty"` // at once while the shop is open, else when it opens
	Cutoff    bool     `json:"cutoff,omitempty"`     // the next shipping cut-off
	BestHour  bool     `json:"best_hour,omitempty"`  // the hour at which the person reads most; Time (default 12:00) while too little is known
}

// Way is one way out of a split.
type Way struct {
	Title  *Text  `json:"title,omitempty"`
	Weight int    `json:"weight"` // of 1 to 1000: its part of the sum
	Next   string `json:"next"`
}

// Webhook is a call of another system. What it answers is run.NODE.status and run.NODE.body in conditions and templates.
type Webhook struct {
	URL     string            `json:"url"`
	Method  string            `json:"method,omitempty"`  // POST (default), PUT
	Headers map[string]string `json:"headers,omitempty"` // ${NAME} stands for a secret of the configuration
	Body    string            `json:"body,omitempty"`    // Liquid that makes JSON; empty: ids of the run and the person
}

// Points are given by a node.
type Points struct {
	Amount  int64  `json:"amount"`            // 1 or more
	Reason  string `json:"reason"`            // as the person will read it
	Expires string `json:"expires,omitempty"` // after this time, e.g. 90d
}

// Branch is one way out of a branch node.
type Branch struct {
	If   string `json:"if"`
	Next string `json:"next"`
}

// Types of nodes.
const (
	nodeWait    = "wait"    // one of For, Until, UntilEvent, UntilTrue; ResetOn, Timeout, OnTimeout, Next
	nodeBranch  = "branch"  // Branches, Else
	nodeSplit   = "split"   // Ways: a person takes the same one each time
	nodeHoldout = "holdout" // Percent of the people go the same way from here on and are sent nothing; Next
	nodeMessage = "message" // Template, or Channels and Templates; SendBy, Subject, Accounts, Next
	nodeUpdate  = "update"  // Set, Clear; Next
	nodePoints  = "points"  // Points; Next
	nodeWebhook = "webhook" // Webhook; SendBy, Timeout, OnFailure, Next
	nodeStart   = "start"   // Journey; Next
	nodeLeave   = "leave"   // Journey; Next
	nodeGoal    = "goal"    // ends the run as having reached its goal
	nodeExit    = "exit"    // ends the run
)

// Purposes of messages.
const (
	marketing     = "marketing"
	transactional = "transactional"
)

// Consent rules.
const (
	consentOptIn      = "opt_in"
	consentNotRefused = "not_refused"
)

// How a run may end, beside the running one.
const (
	endCompleted = "completed"
	endGoal      = "goal"
	endExited    = "exited"
	endMerged    = "merged"
	endCancelled = "cancelled"
	endError     = "error"
)

// Re-entry rules; after carries a period.
const (
	reentryNever  = "never"
	reentryExit   = "after_exit"
	reentryAfter  = "after:"
	reentryAlways = "always"
)

// TypeMade is the derived row of what a node did to the person: its Reason is "set NAMES" or "points AMOUNT".
const TypeMade = "journey.made"

// TypeRefused is the derived row that says why a person did not enter although the event fits: its Reason is
// "reentry:RULE", "already:EVENT" (an exit or the goal had happened before), "late:INSTANT" (of a date) or "too_many_runs".
const TypeRefused = "journey.refused"

// Problems are all that is wrong with a definition. It unwraps to its elements, each an [enishi.Error] with code invalid.
type Problems []*enishi.Error

// Error is the first problem and how many there are.
func (ps Problems) Error() string {
	switch len(ps) {
	case 0:
		return "no problem"
	case 1:
		return ps[0].Error()
	}
	return ps[0].Error() + " (and " + itoa(len(ps)-1) + " more)"
}

// Unwrap gives errors.As and errors.Is each problem.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}
