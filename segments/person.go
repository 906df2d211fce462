package segments

import (
	"enishi"
	"enishi/profiles"
)

const (
	consentInputs = profiles.ChangedConsents | profiles.ChangedIdentifiers
	traitInputs   = profiles.ChangedTraits
)

// consents reports whether marketing on a channel is permitted. [profiles.View.Consent] decides; it is only asked when some
// address said yes.
func consents(v *view, channel string) bool {
	for i := range v.Profile.Subjects {
		for k := range v.Profile.Subjects[i].Consents {
			if c := &v.Profile.Subjects[i].Consents[k]; !c.Out && c.Channel == channel && c.Purpose == profiles.Marketing {
				state, _ := v.Consent(channel, profiles.Marketing)
				return state == profiles.In
			}
		}
	}
	return false
}

// hasAddress reports whether [profiles.View.Address] has one, without choosing among several.
func hasAddress(v *view, kind enishi.Kind) bool {
	for i := range v.Profile.Subjects {
		if s := &v.Profile.Subjects[i]; s.Kind == kind && s.Value != "" {
			return true
		}
	}
	return false
}

func isSuppressed(v *view) bool {
	_, suppressed := v.Suppressed("email")
	return suppressed
}
