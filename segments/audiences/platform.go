package audiences

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"enishi"
	"enishi/segments/audiences/match"
)

// Member is somebody as a platform is told of them.
type Member struct {
	Profile enishi.ID
	Keys    []match.Key
	Value   enishi.Amount // of value-based audiences
}

// Spec is what a list is made with at the platform.
type Spec struct {
	Owner      string // tells installations and workspaces apart that share an account
	Audience   string // our name of it
	Generation int    // 0, and one more for each list that takes the place of the one before
	Title      string
	Use        string
	Kinds      []match.Kind
	Currency   string    // of values
	Batch      enishi.ID // of Add and Remove: the same whenever the call is made again
}

// Mark stands in the name or description of a list, so that a list that was made right before a crash is found again.
func (s *Spec) Mark() string {
	if s.Owner == "" {
		return fmt.Sprintf("enishi:%s:%d", s.Audience, s.Generation)
	}
	return fmt.Sprintf("enishi:%s:%s:%d", s.Owner, s.Audience, s.Generation)
}

// Alias is who a member is where the receiver has to know one from another: the same each time in an audience, and nothing that ties two audiences together.
func (s *Spec) Alias(person enishi.ID) enishi.ID {
	return enishi.NewID("audience member", s.Audience, person.String())
}

// Facts are what a platform can do and asks for, as its documentation says.
type Facts struct {
	Platform string        // a name of package match
	Batch    int           // most members of a call
	Removal  bool          // members can be taken out; else lists are made anew
	Later    bool          // an answer to a call says that it was taken, the result has to be asked for
	Minimum  int           // below it a list cannot be used there
	Expires  time.Duration // how long a member stays who is not told again; 0: for ever
	Values   bool          // takes a value of each member
	Calls    int           // calls a minute that are allowed
	Ask      time.Duration // pause before a result is asked for
	ByHand   bool          // somebody has to bring the list to the platform
}

// Platform speaks for one account at one advertising platform. All calls may be repeated with the same arguments and then change nothing more.
// Errors are *[Problem]; anything else counts as [Retry].
type Platform interface {
	Facts() Facts
	// Create finds the list with the mark of the spec or makes it, and gives its id there.
	Create(ctx context.Context, spec *Spec) (remote string, err error)
	// Add and Remove change the list by at most Facts().Batch members.
	Add(ctx context.Context, remote string, spec *Spec, members []Member) (Answer, error)
	Remove(ctx context.Context, remote string, spec *Spec, members []Member) (Answer, error)
	// Result tells how a call ended whose Answer was open.
	Result(ctx context.Context, remote, call string) (Answer, error)
	// Look tells how the list stands.
	Look(ctx context.Context, remote string) (Look, error)
	// Delete removes the list; that there is none is no error.
	Delete(ctx context.Context, remote string) error
}

// Whole is a platform that takes a list as a whole, such as a file: once the ledger says who is to be in it, all members are written at once, in place of those who
// were there or, where nobody can be taken out, to a new list. Its Add and Remove are never called; embed [Lists].
type Whole interface {
	Platform
	// Write makes the list of the members, which come by their ids. An error of theirs ends it, and the list stays what it was. An answer that is open has to name
	// its Call, and is asked for by Result; a Problem of class Refused that Result gives means that nothing came of it: the list is written again.
	Write(ctx context.Context, remote string, spec *Spec, members iter.Seq2[*Member, error]) (Answer, error)
}

// Lists has the calls of a Platform that a [Whole] is never asked for.
type Lists struct{}

var errWhole = errors.New("audiences: the list is written as a whole")

// Add is not what a whole list can do.
func (Lists) Add(context.Context, string, *Spec, []Member) (Answer, error) {
	return Answer{}, errWhole
}

// Remove is not what a whole list can do.
func (Lists) Remove(context.Context, string, *Spec, []Member) (Answer, error) {
	return Answer{}, errWhole
}

// Result has nothing to tell of a list that is there at once.
func (Lists) Result(_ context.Context, _, call string) (Answer, error) {
	return Answer{Call: call}, nil
}

// Answer is what became of a call.
type Answer struct {
	Call     string         // the platform's name of it; empty: it gives none
	Open     bool           // the platform still works at it: ask by Result
	Accepted int            // members; what is not rejected when the platform does not count
	Rejected map[int]string // members by their place in the call, with the platform's reason
	Refused  int            // members that were not taken where the platform does not say which; of Units that many of them
	Units    int            // what the platform counts where it is not members, such as the rows of a call; 0: members
	Reason   string         // why, of Refused
}

// Look is how a list stands at the platform.
type Look struct {
	Ready   bool
	Matched int // people that the platform knows of; -1: it does not say
	State   string
}

// Class says what may be done about a problem.
type Class string

// Classes of problems.
const (
	Retry   Class = "retry"   // the network, or the platform's own fault: soon again
	Rate    Class = "rate"    // too many calls or a quota: not before After
	Auth    Class = "auth"    // the token is revoked or lacks a permission: somebody has to renew it
	Gone    Class = "gone"    // the list is not there any more
	Refused Class = "refused" // the platform does not take it, nor the same thing later: terms, policy, a list of another kind
)

// Problem is why a call did not work.
type Problem struct {
	Class Class
	After time.Duration // of Rate; 0: not said
	Code  string        // the platform's own, for its documentation
	Msg   string        // English, without personal values
	MsgJA string
	Err   error
}

// TooSmall is that a list cannot be used with so few people.
func TooSmall(people, least int) *Problem {
	return &Problem{Class: Refused, Code: tooSmall, Msg: fmt.Sprintf("%d people of the segment may be told, a list needs %d to be used; nothing was sent", people, least),
		MsgJA: fmt.Sprintf("セグメントのうち送信できる方は %d 人です。配信に使うには %d 人以上が必要なため、まだ送っていません。", people, least)}
}

const tooSmall = "too_small"

// Error is for the log.
func (p *Problem) Error() string {
	s := string(p.Class) + ": " + p.Msg
	if p.Code != "" {
		s += " (" + p.Code + ")"
	}
	if p.Err != nil {
		s += ": " + p.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Err }

// problemOf is err as a problem; what is none counts as Retry.
func problemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return &Problem{Class: Retry, Msg: "the platform was not reached", MsgJA: "媒体に接続できませんでした。", Err: err}
}
