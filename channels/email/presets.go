package email

import "enishi/channels"

// Presets are the limits of receiving systems where nothing else is said (setting delivery). No receiver publishes numbers:
// these are cautious ones to begin with. The carriers defer senders that open many connections or come in bursts, so they
// get two and ten mails a second; the large free services take more; all other domains together have no limit of their own.
func Presets() map[string]channels.Limit {
	carrier, portal := channels.Limit{PerSecond: 10, Workers: 2}, channels.Limit{PerSecond: 20, Workers: 4}
	return map[string]channels.Limit{
		"docomo": carrier, "au": carrier, "softbank": carrier,
		"yahoo_jp": portal, "icloud": portal, "outlook": portal,
		"gmail": {PerSecond: 50, Workers: 8},
	}
}
