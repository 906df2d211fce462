package segments

import "enishi/profiles"

const (
	consentInputs = profiles.ChangedConsents | profiles.ChangedIdentifiers
	traitInputs   = profiles.ChangedTraits
)

// consents reports whether marketing on a channel is permitted.
func consents(v *view, channel string) bool {
	state, _ := v.Consent(channel, profiles.Marketing)
	return state == profiles.In
}

func hasAddress(v *view, channel string) bool {
	_, ok := v.Address(channel)
	return ok
}

func isSuppressed(v *view) bool {
	_, suppressed := v.Suppressed("email")
	return suppressed
}
