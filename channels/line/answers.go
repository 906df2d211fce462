package line

import (
	"slices"
	"strings"

	"enishi/channels"
)

// answer is a refusal of LINE, and what it means. The first that fits counts; any other is content that LINE does not take.
type answer struct {
	what    string
	codes   []int  // 3 and 5: their whole class
	words   string // within LINE's message, in small letters
	verdict func(error) *channels.SendError
	reason  string
	wait    bool // Retry-After is followed
}

// quota refuses until the provider says otherwise.
func quota(err error) *channels.SendError { return channels.Refused("quota", err) }

func busy(err error) *channels.SendError { return channels.Busy(err, 0) }

var answers = [...]answer{
	{what: "429 with \"monthly limit\" in its message", codes: []int{429}, words: "monthly limit", verdict: quota, reason: "quota"},
	{what: "429 (rate): after Retry-After, at most an hour; without one after a second", codes: []int{429}, verdict: busy, wait: true},
	{what: "401, 403 (token, plan)", codes: []int{401, 403}, verdict: channels.Down, reason: "account"},
	{what: "404, 405, 3xx (not LINE's API at all)", codes: []int{404, 405, 3}, verdict: channels.Down, reason: "account"},
	{what: "408, 5xx: again under the same retry key, after Retry-After where there is one", codes: []int{408, 5}, verdict: channels.Unknown, wait: true},
}

func (x *answer) fits(code int, message string) bool {
	return (slices.Contains(x.codes, code) || slices.Contains(x.codes, code/100)) && strings.Contains(strings.ToLower(message), x.words)
}

// Answers are the answers of LINE that are told apart, in the order in which they are looked through.
func Answers() []channels.Answer {
	out := []channels.Answer{{What: "2xx, and 409 (the retry key was accepted before)", Verdict: "sent"},
		{What: "LINE cannot be reached: nothing was said", Verdict: "busy"},
		{What: "no whole answer (reset, timeout): again under the same retry key", Verdict: "unknown"}}
	for i := range answers {
		out = append(out, channels.Answer{What: answers[i].what, Verdict: answers[i].verdict(nil).Verdict(), Reason: answers[i].reason})
	}
	return append(out, channels.Answer{What: "any other 4xx (400 content, 410, 413)", Verdict: "permanent", Reason: "content"})
}
