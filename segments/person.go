package segments

import (
	"enishi"
	"enishi/profiles"
)

const (
	consentInputs = profiles.ChangedConsents | profiles.ChangedIdentifiers
	traitInputs   = profiles.ChangedTraits
)

func consents(v *view, channel string) bool {
	in := false
	for i := range v.Profile.Subjects {
		for _, c := range v.Profile.Subjects[i].Consents {
			if c.Channel == channel && c.Purpose == "marketing" {
				if c.Out {
					return false
				}
				in = true
			}
		}
	}
	return in
}

func hasAddress(v *view, channel string) bool {
	kind := map[string]enishi.Kind{"email": enishi.Email, "line": enishi.LINEUser, "phone": enishi.Phone}[channel]
	for i := range v.Profile.Subjects {
		if v.Profile.Subjects[i].Kind == kind {
			return true
		}
	}
	return false
}

func isLineFriend(v *view) bool {
	for i := range v.Profile.Subjects {
		if l := v.Profile.Subjects[i].Lifetime; l.LineFollowed.After(l.LineUnfollowed) {
			return true
		}
	}
	return false
}

func isSuppressed(v *view) bool {
	for i := range v.Profile.Subjects {
		if !v.Profile.Subjects[i].Lifetime.Bounced.IsZero() {
			return true
		}
	}
	return false
}
