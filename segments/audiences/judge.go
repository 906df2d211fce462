package audiences

import (
	"time"

	"enishi"
	"enishi/segments/audiences/match"
)

// Bases on which identifiers may be handed to a platform.
const (
	// ByConsent: 第三者提供, with the person's consent (個人情報保護法 27 条, 28 条 when the recipient is abroad).
	ByConsent = "consent"
	// ByProcessor: 委託, the platform works for the shop alone; who objects is left out. Whether a platform is one is for the shop's counsel: Q&A 7-41
	// of the PPC bars a processor from matching with data of its own.
	ByProcessor = "processor"
)

// Destination is an account at a platform, as it is configured.
type Destination struct {
	Name        string
	Account     string // what it is at the platform: lists of another account are not its own. Empty: it is not known
	Title       string
	Recipient   string // who receives, by its legal name: for the record and for the person
	Country     string // ISO 3166-1 alpha-2
	Basis       string // ByConsent, ByProcessor
	Consent     string // permission that counts: channel.purpose
	Provider    string // of LINE: user ids differ by provider
	Official    string // of LINE: the official account whose audiences these are
	CallsPerDay int    // of all audiences of the account; 0: no limit of our own
	Simulated   bool   // a simulator of this process
	Platform    Platform
}

// Reasons why a member of the segment is not told to the platform, or no longer.
const (
	LeftSegment   = "left_segment"
	LeftErased    = "erased" // or joined into somebody else
	LeftNoConsent = "no_consent"
	LeftOptedOut  = "opted_out"
	LeftHold      = "hold"
	LeftNoKeys    = "no_identifiers"
	LeftChanged   = "identifiers_changed"
	LeftByHand    = "deleted" // the audience itself
	LeftByLaw     = "held"    // of a call that was made anew, for they might not be told by then
)

// query says who is looked for.
type query struct {
	Segment  string
	Consent  string // channel.purpose
	LINE     string // provider
	Values   bool
	Currency string // of values: what somebody spent in another is worth nothing here
	Names    bool   // names and postal codes are asked for
	Customer bool   // and the shop's customer id
}

// candidate is a member of the segment, or somebody of whom it is asked, as the fold's tables have them.
type candidate struct {
	Profile   enishi.ID
	Found     bool   // there is such a person
	Consent   string // in, out, empty
	HoldUntil time.Time
	Value     enishi.Amount
	Person    match.Person
}

// judge tells why somebody is not told to the platform; empty: nothing stands against it, and the keys are told.
func (d *Destination) judge(c *candidate, def *Definition, rules *match.Rules, now time.Time) (keys []match.Key, reason string) {
	switch {
	case !c.Found:
		return nil, LeftErased
	case c.Consent == "out":
		return nil, LeftOptedOut
	case c.Consent != "in" && d.Basis != ByProcessor:
		return nil, LeftNoConsent
	case c.HoldUntil.After(now) && def.Use != Exclude: // who is spared everything is to stay spared of this
		return nil, LeftHold
	}
	if keys = rules.Keys(&c.Person, def.Keys); len(keys) == 0 {
		return nil, LeftNoKeys
	}
	return keys, ""
}
