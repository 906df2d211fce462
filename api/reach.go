package api

import (
	"strings"
	"time"

	"enishi"
	"enishi/profiles"
)

// reachChannels are those a marketer asks about, in the order in which pages show them.
var reachChannels = enishi.MessageChannels()

// notHeld is that no hold stands against marketing. {now:Int64} is the workspace's clock.
const notHeld = "hold_until <= fromUnixTimestamp64Milli({now:Int64})"

// hasPostal is that the person has an address that can be written on an envelope, as the fold's address of post.
const hasPostal = "(traits['city'] != '' OR traits['address1'] != '') AND (traits['postal_code'] != '' OR traits['prefecture'] != '')"

// reachSQL is whether marketing may go to a person of the table people by each channel. The person's page says the same with
// reasons: see reachOf.
var reachSQL = map[string]string{
	"email":  "(has_email = 1 AND suppressed_email = 0 AND consents['email.marketing'] = 'in' AND " + notHeld + ")",
	"line":   "(has_line = 1 AND line_friend = 1 AND consents['line.marketing'] = 'in' AND " + notHeld + ")",
	"postal": "(reach_postal = 1 AND consents['postal.marketing'] != 'out' AND " + notHeld + ")",
	"sms":    "(reach_sms = 1 AND consents['sms.marketing'] = 'in' AND " + notHeld + ")",
	"push":   "(reach_push = 1 AND consents['push.marketing'] = 'in' AND " + notHeld + ")",
	"social": "(social_reach_until > fromUnixTimestamp64Milli({now:Int64}) AND consents['social.marketing'] != 'out' AND " + notHeld + ")",
}

// reachList is reachSQL in the order of reachChannels.
func reachList() []string {
	out := make([]string, len(reachChannels))
	for i, ch := range reachChannels {
		out[i] = reachSQL[ch]
	}
	return out
}

// reachAny is whether marketing may go to a person by any channel.
func reachAny() string { return "(" + strings.Join(reachList(), " OR ") + ")" }

// channelReach is whether marketing may go by a channel now, and why not.
type channelReach struct {
	Channel string `json:"channel"`
	OK      bool   `json:"ok"`
	Reason  Text   `json:"reason"`
}

// reachOf tells it for a person. Post needs an address and no refusal, direct messages an open window or an opt-in; every other
// channel a permission.
func reachOf(v *profiles.View, now time.Time) []channelReach {
	_, _, held := v.Held(now)
	out := make([]channelReach, 0, len(reachChannels))
	for _, ch := range reachChannels {
		r := channelReach{Channel: ch, Reason: notReached(v, ch, now)}
		if r.Reason.isZero() && held {
			r.Reason = word("reach", "held")
		}
		r.OK = r.Reason.isZero()
		out = append(out, r)
	}
	return out
}

func notReached(v *profiles.View, channel string, now time.Time) Text {
	if s, has := v.Address(channel); !has || s.Value == "" {
		return word("reach", "no_address."+channel)
	}
	if why, suppressed := v.Suppressed(channel); suppressed {
		return (&teller{}).suppressedBy(channel, why)
	}
	state, _ := v.Consent(channel, profiles.Marketing)
	switch {
	case state == profiles.Out:
		return word("reach", "withdrawn")
	case channel == "social" && !now.Before(v.SocialReach()):
		return noReply(v)
	case channel == "social":
	case state == profiles.Unknown && channel != "postal":
		return word("reach", "no_consent")
	}
	return Text{}
}

// noReply is why no direct message may leave to who has not refused them.
func noReply(v *profiles.View) Text {
	closed, gone := false, false
	for _, c := range v.Chats() {
		if !c.GoneAt.IsZero() && !c.ActedAt.After(c.GoneAt) {
			gone = true
		} else if !c.OpenTo.IsZero() {
			closed = true
		}
	}
	switch {
	case closed:
		return Text{"お客様の行動から 24 時間が過ぎている", "the messaging window is closed"}
	case gone:
		return Text{"DM を受け取れない状態（ブロックなど）", "not reachable by direct message (blocked, or gone)"}
	}
	return Text{"お客様からの会話がない", "this person has not begun a conversation"}
}
