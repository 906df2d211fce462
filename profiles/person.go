package profiles

import (
	"slices"
	"strings"
	"time"

	"enishi"
)

// States of a permission.
const (
	In      = "in"
	Out     = "out"
	Unknown = "unknown"
)

// Consent is the permission for a channel and purpose ("" is marketing), by the strictest word of all addresses: out when
// any says out, else in when any says in, else unknown; since is when that was first so. A LINE account that was blocked
// is out by itself alone: it does not count while another account of the person is a friend. Of an erased person nothing
// up to the erasure counts, and marketing stays out until a new permission. A topic of a purpose ("marketing:news") is in
// while the purpose is, unless the topic itself was refused. A notice of LINE asks the permission of LINE.
func (v *View) Consent(channel, purpose string) (state string, since time.Time) {
	if purpose == "" {
		purpose = Marketing
	}
	channel = enishi.ParentChannel(channel)
	if base, topic, ok := strings.Cut(purpose, ":"); ok && topic != "" {
		if state, since = v.Consent(channel, base); state == Out {
			return state, since
		}
		if of, at := v.strictest(channel, purpose); of == Out {
			return of, at
		}
		return state, since // also unknown: the topic alone gives no permission
	}
	return v.strictest(channel, purpose)
}

// strictest is the strictest word of all addresses.
func (v *View) strictest(channel, purpose string) (state string, since time.Time) {
	var in, out, blocked time.Time
	p := v.Profile
	for i := range p.Subjects {
		c := p.Subjects[i].consent(channel, purpose)
		if channel == "line" && purpose == Marketing {
			if at, ok := p.Subjects[i].befriended(c); ok && (!p.Erased || at.After(p.ErasedAt)) {
				in = earliest(in, at)
				continue
			}
		}
		switch {
		case c == nil:
		case c.Out && (c.Method == MethodUnfollow || c.Method == MethodRevoked):
			blocked = earliest(blocked, c.At)
		case c.Out:
			out = earliest(out, c.At)
		case !p.Erased || c.At.After(p.ErasedAt):
			in = earliest(in, c.At)
		}
	}
	switch {
	case !out.IsZero():
		return Out, out
	case !in.IsZero():
		return In, in
	case !blocked.IsZero():
		return Out, blocked
	case p.Erased && purpose == Marketing:
		return Out, p.ErasedAt
	}
	return Unknown, time.Time{}
}

// Address is the identifier to which a channel sends: of several the one that is not suppressed, then one with a permission
// for marketing, then the one seen last. Ads have none; that of post is no identifier: its id is zero, its value JSON.
func (v *View) Address(channel string) (Subject, bool) { return v.AddressOf(channel, "") }

// AddressOf is the same for messages of one account: on LINE a friend of that account goes before others. An empty account
// is any.
func (v *View) AddressOf(channel, account string) (Subject, bool) {
	switch channel {
	case enishi.PostalChannel:
		return v.postalAddress()
	case "push":
		return v.devices(account)
	}
	if s := v.address(channel, account); s != nil {
		return *s, true
	}
	return Subject{}, false
}

func (v *View) address(channel, account string) *Subject {
	kind := addressKind(channel)
	if kind == 0 {
		return nil
	}
	var best *Subject
	var bestRank int
	for i := range v.Profile.Subjects {
		s := &v.Profile.Subjects[i]
		if s.Kind != kind || s.Value == "" || channel == "sms" && landline(s.Value) || kind == enishi.Social && s.chatOf(account) == nil {
			continue
		}
		rank := 0
		chat := s.chatOf(account)
		if s.suppressed(account) == "" && (chat == nil || !chat.gone()) {
			rank += 2
		}
		if c := s.consent(channel, Marketing); c != nil && !c.Out {
			rank++
		}
		if best == nil || rank > bestRank || rank == bestRank && s.LastSeen.After(best.LastSeen) {
			best, bestRank = s, rank
		}
	}
	return best
}

// Suppressed reports whether nothing may be sent to the person's address of a channel, and why: bounced (or a complaint),
// blocked or not_friend (LINE; of notices only blocked counts), revoked (push: turned off on the device), erased. Without an address nothing is suppressed.
func (v *View) Suppressed(channel string) (reason string, suppressed bool) {
	return v.SuppressedOf(channel, "")
}

// SuppressedOf is the same for messages of one account: on LINE it is that account's friend who can be reached.
func (v *View) SuppressedOf(channel, account string) (reason string, suppressed bool) {
	if p := v.Profile; p.Erased && len(p.Subjects) == 0 {
		return "erased", true
	}
	if channel == enishi.NoticeChannel {
		// LINE takes a notice for somebody who blocked the account and shows it to nobody.
		if s := v.address("line", account); s != nil && s.suppressed(account) == "blocked" {
			return "blocked", true
		}
	}
	if channel == enishi.PostalChannel {
		return v.postalSuppressed()
	}
	s := v.address(channel, account)
	if s == nil {
		return "", false
	}
	if x := s.chatOf(account); s.Kind == enishi.Social && x != nil && x.gone() {
		return "unreachable", true
	}
	reason = s.suppressed(account)
	return reason, reason != ""
}

// consent is the permission of one identifier for a channel and purpose, nil when nobody told. There are few.
func (s *Subject) consent(channel, purpose string) *Consent {
	for i := range s.Consents {
		if c := &s.Consents[i]; c.Channel == channel && c.Purpose == purpose {
			return c
		}
	}
	return nil
}

// suppressed is why nothing may be sent to this address by an account ("": by any), or "".
func (s *Subject) suppressed(account string) string {
	if !s.Lifetime.Bounced.IsZero() || s.Kind == enishi.Email && s.softBounced() {
		return bounced
	}
	if c := s.consent("push", Marketing); s.Kind == enishi.PushToken && c != nil && c.Out && c.Method == MethodRevoked {
		return "revoked"
	}
	if s.Kind != enishi.LINEUser || account == "" && s.friend() || account != "" && s.friendOf(account) {
		return ""
	}
	blocked := !s.Lifetime.LineUnfollowed.IsZero()
	if account != "" && account != DefaultAccount {
		i, ok := search(s.Friends, &Friendship{Account: account}, compareFriendship)
		blocked = ok && !s.Friends[i].Unfollowed.IsZero()
	}
	if blocked {
		return "blocked"
	}
	return "not_friend"
}

// friend tells whether the LINE user is a friend of any account.
func (s *Subject) friend() bool {
	return s.friendOf(DefaultAccount) || slices.ContainsFunc(s.Friends, func(x Friendship) bool { return x.friend() })
}

// friendOf tells whether the LINE user is a friend of an account; "" is the default one.
func (s *Subject) friendOf(account string) bool {
	if account == "" || account == DefaultAccount {
		return s.Lifetime.LineFollowed.After(s.Lifetime.LineUnfollowed)
	}
	i, ok := search(s.Friends, &Friendship{Account: account}, compareFriendship)
	return ok && s.Friends[i].friend()
}

// befriended tells whether a friendship gives the permission for marketing on LINE where c, the newest word, does not, and
// since when: who is a friend of some account has not blocked the shop, unless the person refused in words and has not
// followed since.
func (s *Subject) befriended(c *Consent) (since time.Time, ok bool) {
	if s.Kind != enishi.LINEUser || c != nil && !c.Out {
		return time.Time{}, false
	}
	var told time.Time
	note := func(followed, newest time.Time) {
		since, told, ok = latest(since, followed), latest(told, newest), true
	}
	for i := range s.Friends {
		if x := &s.Friends[i]; x.friend() {
			note(x.Followed, x.Told)
		}
	}
	if c != nil && c.Method == MethodUnfollow && s.friendOf(DefaultAccount) { // found by comparing with LINE after the block
		note(s.Lifetime.LineFollowed, time.Time{})
	}
	return since, ok && (s.Lifetime.LineRefused.IsZero() || told.After(s.Lifetime.LineRefused))
}

// Accounts are the shop's LINE accounts whose friend the person is, sorted.
func (v *View) Accounts() []string {
	out := []string{}
	for i := range v.Profile.Subjects {
		out = append(out, v.Profile.Subjects[i].Accounts()...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Accounts are the shop's LINE accounts whose friend this LINE user is, the default one first.
func (s *Subject) Accounts() (out []string) {
	if s.friendOf(DefaultAccount) {
		out = append(out, DefaultAccount)
	}
	for k := range s.Friends {
		if s.Friends[k].friend() {
			out = append(out, s.Friends[k].Account)
		}
	}
	return out
}

// Friend reports whether any LINE account of the person is a friend.
func (v *View) Friend() bool {
	for i := range v.Profile.Subjects {
		if v.Profile.Subjects[i].friend() {
			return true
		}
	}
	return false
}

// Held reports whether marketing to the person is held at now, why, and until when; the year 9999 is without end.
func (v *View) Held(now time.Time) (reason string, until time.Time, held bool) {
	if !v.HoldUntil.After(now) {
		return "", time.Time{}, false
	}
	return v.HoldReason, v.HoldUntil, true
}

// Name is the person's name in its parts. A name told as a whole is parted at its first space, the family name first.
func (v *View) Name() (family, given, familyKana, givenKana string) {
	text := func(name string) string { return strings.TrimSpace(v.Traits[name].String()) }
	family, given, familyKana, givenKana = text("family_name"), text("given_name"), text("family_name_kana"), text("given_name_kana")
	if family == "" && given == "" {
		whole := text("name")
		if at := strings.IndexAny(whole, " 　"); at >= 0 {
			return whole[:at], strings.TrimLeft(whole[at:], " 　"), familyKana, givenKana
		}
		family = whole
	}
	return family, given, familyKana, givenKana
}
