package profiles

import (
	"slices"
	"strings"
	"time"

	"enishi"
)

// How long what a person did lets messages be sent to them (Meta: messaging window of the Send API; Click-to-Messenger ads).
const (
	SocialWindow = 24 * time.Hour
	AdWindow     = 7 * 24 * time.Hour
)

// maxPermits is how many opt-ins of one conversation are kept.
const maxPermits = 20

// Chat is the conversation of a page-scoped id with one account of the shop. All times rise only.
type Chat struct {
	Account  string    `wire:"1"`
	Platform string    `wire:"2"` // messenger, instagram
	ActedAt  time.Time `wire:"3"` // newest action that opens the window
	OpenTo   time.Time `wire:"4"` // end of the window
	GoneAt   time.Time `wire:"5"` // newest word that the person cannot be reached; what they do after it ends that
	Permits  []Permit  `wire:"6"` // sorted by Token
}

// Permit is an opt-in to marketing messages of one topic, which may be sent outside the window.
type Permit struct {
	Token     string    `wire:"1"`
	Topic     string    `wire:"2"`
	At        time.Time `wire:"3"` // newest opt-in, or return to it
	ExpiresAt time.Time `wire:"4"` // as the newest opt-in told it; zero: never
	StoppedAt time.Time `wire:"5"` // newest stop
}

// Ends is when the permit ends: zero when it has been stopped, the year 9999 when it does not end.
func (x *Permit) Ends() time.Time {
	switch {
	case !x.At.After(x.StoppedAt):
		return time.Time{}
	case x.ExpiresAt.IsZero():
		return forever
	}
	return x.ExpiresAt
}

func compareChat(a, b *Chat) int { return strings.Compare(a.Account, b.Account) }

func comparePermit(a, b *Permit) int { return strings.Compare(a.Token, b.Token) }

func rankChat(x *Chat) int64     { return ms(latest(x.ActedAt, x.OpenTo)) }
func rankPermit(x *Permit) int64 { return ms(latest(x.At, x.StoppedAt)) }

func (x *Chat) join(y *Chat) {
	x.Platform = max(x.Platform, y.Platform)
	x.ActedAt, x.OpenTo, x.GoneAt = latest(x.ActedAt, y.ActedAt), latest(x.OpenTo, y.OpenTo), latest(x.GoneAt, y.GoneAt)
	x.Permits = keepNewest(union(x.Permits, y.Permits, comparePermit, (*Permit).join), maxPermits, rankPermit, nil)
}

func (x *Permit) join(y *Permit) {
	x.Topic = max(x.Topic, y.Topic)
	switch {
	case y.At.After(x.At):
		x.At, x.ExpiresAt = y.At, y.ExpiresAt
	case y.At.Equal(x.At):
		x.ExpiresAt = latest(x.ExpiresAt, y.ExpiresAt)
	}
	x.StoppedAt = latest(x.StoppedAt, y.StoppedAt)
}

// gone reports that the person could not be reached, and has done nothing since.
func (x *Chat) gone() bool { return !x.GoneAt.IsZero() && !x.ActedAt.After(x.GoneAt) }

// chatOf is the conversation with an account; of an empty one that whose window is open longest. nil: there is none.
func (s *Subject) chatOf(account string) *Chat {
	var best *Chat
	for i := range s.Chats {
		x := &s.Chats[i]
		if account != "" {
			if x.Account == account {
				return x
			}
			continue
		}
		if best == nil || x.OpenTo.After(best.OpenTo) {
			best = x
		}
	}
	return best
}

// social folds what happened in a conversation (properties account, platform, ad, action, token, expires_at, topic).
func (f *folding) social(name string) {
	s, e := f.of(enishi.Social), f.e
	x := Chat{Account: e.Properties["account"].Text, Platform: e.Properties["platform"].Text}
	if s.Kind != enishi.Social || x.Account == "" || len(x.Account) > maxAccount || len(x.Platform) > maxAccount {
		return
	}
	switch name {
	case "message_received", "postback", "story_mentioned", "story_replied", "referred":
		x.ActedAt, x.OpenTo = f.at, f.at.Add(SocialWindow)
		if e.Properties["ad"].Text != "" {
			x.OpenTo = f.at.Add(AdWindow)
		}
	case "reacted":
		if e.Properties["action"].Text != "unreact" {
			x.ActedAt, x.OpenTo = f.at, f.at.Add(SocialWindow)
		}
	case "opted_in", "opted_out":
		// Opting in to marketing messages does not open the window.
		token := e.Properties["token"].Text
		if token == "" || len(token) > 1000 {
			break
		}
		permit := Permit{Token: strings.Clone(token), Topic: strings.Clone(cut(e.Properties["topic"].Text, 100))}
		if name == "opted_out" {
			permit.StoppedAt = f.at
		} else {
			permit.At, permit.ExpiresAt = f.at, instantOf(e.Properties["expires_at"])
		}
		x.Permits = []Permit{permit}
	default:
		return // commented, read and what is not known say nothing of it
	}
	x.Account, x.Platform = strings.Clone(x.Account), strings.Clone(x.Platform)
	f.chat(s, &x)
}

// chat joins what is told of a conversation.
func (f *folding) chat(s *Subject, x *Chat) {
	f.changed |= ChangedLifetime
	if i, ok := search(s.Chats, x, compareChat); ok {
		s.Chats[i].join(x)
	} else {
		s.Chats = keepNewest(slices.Insert(s.Chats, i, *x), MaxCollection, rankChat, nil)
	}
}

// unreachable notes that an account could not reach the person.
func (f *folding) unreachable(s *Subject, destination string) {
	_, account, _ := strings.Cut(destination, ":")
	account, _, _ = strings.Cut(account, ":")
	if s.Kind == enishi.Social && account != "" {
		f.chat(s, &Chat{Account: strings.Clone(account), GoneAt: f.at})
	}
}

// instantOf reads an instant that came as one or as its text.
func instantOf(v enishi.Value) time.Time {
	switch v.Kind {
	case enishi.Instant:
		return time.UnixMilli(int64(v.Number)).UTC()
	case enishi.Text:
		if t, err := time.Parse(time.RFC3339, v.Text); err == nil {
			return t.UTC().Truncate(time.Millisecond)
		}
	}
	return time.Time{}
}

// Window is how a direct message can reach a person by an account.
type Window struct {
	ActedAt time.Time // what the person did last; zero: nothing that opens the window
	Until   time.Time // when the window closes, or closed; zero: it never was open
	Permit  *Permit   // the opt-in that holds at the instant asked for, the one that ends last; nil: none
}

// Open reports whether the window is open at now.
func (w *Window) Open(now time.Time) bool { return now.Before(w.Until) }

// Window tells how a message of a channel reaches the person by an account ("": by any) at now. Channels other than social have
// no window: known is false.
func (v *View) Window(channel, account string, now time.Time) (w Window, known bool) {
	if channel != "social" {
		return w, false
	}
	s := v.address(channel, account)
	if s == nil {
		return w, true
	}
	x := s.chatOf(account)
	if x == nil {
		return w, true
	}
	w.ActedAt, w.Until = x.ActedAt, x.OpenTo
	var ends time.Time
	for i := range x.Permits {
		if at := x.Permits[i].Ends(); now.Before(at) && at.After(ends) {
			ends, w.Permit = at, &x.Permits[i]
		}
	}
	return w, true
}

// Chats are the person's conversations, of each account once, sorted by it.
func (v *View) Chats() []Chat {
	var out []Chat
	for i := range v.Profile.Subjects {
		out = union(out, v.Profile.Subjects[i].Chats, compareChat, func(dst, src *Chat) {
			dst.Permits = slices.Clone(dst.Permits)
			dst.join(src)
		})
	}
	return out
}

// SocialActedAt is what the person did last in a conversation that opens the window.
func (v *View) SocialActedAt() (at time.Time) {
	for i := range v.Profile.Subjects {
		for k := range v.Profile.Subjects[i].Chats {
			at = latest(at, v.Profile.Subjects[i].Chats[k].ActedAt)
		}
	}
	return at
}

// SocialUntil is when the last of the person's windows closes, or closed.
func (v *View) SocialUntil() (at time.Time) {
	for i := range v.Profile.Subjects {
		for k := range v.Profile.Subjects[i].Chats {
			at = latest(at, v.Profile.Subjects[i].Chats[k].OpenTo)
		}
	}
	return at
}

// SocialReach is until when marketing can reach the person by a direct message: in the window, or by an opt-in, unless they
// refused or cannot be reached. The year 9999 is without end; zero: not at all.
func (v *View) SocialReach() (until time.Time) {
	if state, _ := v.Consent("social", Marketing); state == Out {
		return time.Time{}
	}
	for i := range v.Profile.Subjects {
		s := &v.Profile.Subjects[i]
		if s.Value == "" {
			continue
		}
		for k := range s.Chats {
			x := &s.Chats[k]
			if x.gone() {
				continue
			}
			until = latest(until, x.OpenTo)
			for n := range x.Permits {
				until = latest(until, x.Permits[n].Ends())
			}
		}
	}
	return until
}

// Reachable reports whether marketing can reach the person by a channel: the address is known and not suppressed, and the
// permission is there. Post goes unless it was refused. Of social see [View.SocialReach].
func (v *View) Reachable(channel string) bool {
	if _, ok := v.AddressOf(channel, ""); !ok {
		return false
	}
	if _, suppressed := v.Suppressed(channel); suppressed {
		return false
	}
	state, _ := v.Consent(channel, Marketing)
	return state == In || channel == enishi.PostalChannel && state != Out
}
