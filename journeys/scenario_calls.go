package journeys

import (
	"strings"

	"enishi"
)

// calls are those of a webhook that were handed over for a person.
func (r *scenarioRun) calls(name, node string) []enishi.Message {
	var out []enishi.Message
	for _, m := range r.sent(name, "") {
		if m.Channel == webhookChannel && m.Node == node {
			out = append(out, m)
		}
	}
	return out
}

// callEnds tells what became of the newest call: PERSON NODE answered STATUS [JSON], failed STATUS, or deferred +DURATION.
func (r *scenarioRun) callEnds(words []string, rest string) {
	calls := r.calls(words[0], words[1])
	if len(calls) == 0 {
		r.wrong("no call of "+words[1]+" was made for "+words[0], words[0]+" についての "+words[1]+" の呼び出しはまだありません")
		return
	}
	m := calls[len(calls)-1]
	x := &enishi.MessageResult{SendID: m.SendID, Round: m.Round, Channel: m.Channel, Journey: m.Journey, Node: m.Node, Purpose: m.Purpose, RunID: m.RunID, Destination: m.Destination}
	d, isDuration := parseDuration(strings.TrimPrefix(words[3], "+"))
	switch words[2] {
	case "deferred":
		if !isDuration {
			r.wrong("deferred needs a duration such as +3m", "deferred には +3m のような長さが必要です")
			return
		}
		x.Until = r.now.Add(d)
	case "answered", "failed":
		x.Code = words[3]
		if at := strings.Index(rest, "{"); at >= 0 {
			x.ProviderID = rest[at:]
		}
	default:
		r.wrong("a call is answered, failed or deferred", "呼び出しの結果は answered、failed、deferred のどれかです")
		return
	}
	r.event(words[0], &enishi.Event{Type: "webhook." + words[2], Result: x})
}
