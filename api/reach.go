package api

import (
	"time"

	"enishi/profiles"
)

// reachChannels are those a marketer asks about, in the order in which pages show them.
var reachChannels = [...]string{"email", "line", "postal", "sms"}

// reachSQL is whether marketing may go to a person of the table people by each channel, in the order of reachChannels. The
// person's page says the same with reasons: see reachOf. {now:Int64} is the workspace's clock.
const notHeld = "hold_until <= fromUnixTimestamp64Milli({now:Int64})"

var reachSQL = [...]string{
	"(has_email = 1 AND suppressed_email = 0 AND consents['email.marketing'] = 'in' AND " + notHeld + ")",
	"(has_line = 1 AND line_friend = 1 AND consents['line.marketing'] = 'in' AND " + notHeld + ")",
	"(traits['postal_code'] != '' AND consents['postal.marketing'] != 'out' AND " + notHeld + ")",
	"(has_phone = 1 AND consents['sms.marketing'] = 'in' AND " + notHeld + ")",
}

// channelReach is whether marketing may go by a channel now, and why not.
type channelReach struct {
	Channel string `json:"channel"`
	OK      bool   `json:"ok"`
	Reason  Text   `json:"reason"`
}

// reachOf tells it for a person. Post needs an address and no refusal; every other channel a permission.
func reachOf(v *profiles.View, now time.Time) []channelReach {
	_, _, held := v.Held(now)
	out := make([]channelReach, 0, len(reachChannels))
	for _, ch := range reachChannels {
		r := channelReach{Channel: ch, Reason: notReached(v, ch)}
		if r.Reason.isZero() && held {
			r.Reason = word("reach", "held")
		}
		r.OK = r.Reason.isZero()
		out = append(out, r)
	}
	return out
}

func notReached(v *profiles.View, channel string) Text {
	has := false
	if channel == "postal" {
		has = v.Traits["postal_code"].String() != ""
	} else {
		var s profiles.Subject
		s, has = v.Address(channel)
		has = has && s.Value != ""
	}
	if !has {
		return word("reach", "no_address."+channel)
	}
	if why, suppressed := v.Suppressed(channel); suppressed {
		return word("reason", why)
	}
	state, _ := v.Consent(channel, profiles.Marketing)
	switch {
	case state == profiles.Out:
		return word("reach", "withdrawn")
	case state == profiles.Unknown && channel != "postal":
		return word("reach", "no_consent")
	}
	return Text{}
}
