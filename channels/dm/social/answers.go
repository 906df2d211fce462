package social

import (
	"slices"
	"time"

	"enishi/channels"
)

// answer is a refusal of the Graph API, and what it means. The first that fits counts; any other is content that it does not
// take.
type answer struct {
	what     string
	status   []int // HTTP; 5: the whole class; empty: any
	codes    []int
	subcodes []int // empty: any
	verdict  func(error) *channels.SendError
	reason   string
	wait     time.Duration // without Retry-After
}

func busy(err error) *channels.SendError { return channels.Busy(err, 0) }

func retry(err error) *channels.SendError { return channels.RetryAfter(err, 0) }

// Reasons of refusals that the fold reads: a journey goes on with the next channel of the message.
const (
	reasonWindow      = "window"      // the window is closed, or the permission has ended
	reasonUnreachable = "unreachable" // the person does not take messages: not until they write again
)

func closed(err error) *channels.SendError { return channels.Refused(reasonWindow, err) }

func gone(err error) *channels.SendError { return channels.Refused(reasonUnreachable, err) }

// answers follow Meta's page of error codes of the Messenger Platform and its page on rate limits.
var answers = [...]answer{
	{what: "code 10, subcodes 2018278, 2018065, 2534022 (outside the window), and of a token any code 10", codes: []int{10}, subcodes: []int{2018278, 2018065, 2534022, 2018320, 2018321}, verdict: closed, reason: reasonWindow},
	{what: "code 551, and codes 100, 200 with subcodes 2018001, 2018108, 2534014 (nobody takes messages under the id)", codes: []int{551}, verdict: gone, reason: reasonUnreachable},
	{codes: []int{100, 200}, subcodes: []int{2018001, 2018108, 2534014, 2534015}, verdict: gone, reason: reasonUnreachable},
	{what: "codes 190, 102 (token expired or revoked), and 10, 200-299, 3, 33 (permission), and 100 about appsecret_proof (the token is of another app than the secret)", codes: []int{190, 102, 10, 3}, verdict: channels.Down, reason: "account"},
	{codes: []int{100}, subcodes: []int{33}, verdict: channels.Down, reason: "account"},
	{what: "code 613 with subcode 2018322 (marketing messages of one topic too close to each other)", codes: []int{613}, subcodes: []int{2018322}, verdict: closed, reason: reasonWindow},
	{what: "codes 4, 17, 32, 613, 80006, and status 429 (rate): after Retry-After, else after a second", codes: []int{4, 17, 32, 613, 80006}, verdict: busy, wait: time.Second},
	{status: []int{429}, verdict: busy, wait: time.Second},
	{what: "codes 1200, 2 with status 4xx (for the moment; not taken)", status: []int{4}, codes: []int{1200, 2}, verdict: retry},
	{what: "status 408, 5xx: taken or not", status: []int{408, 5}, verdict: channels.Unknown},
	{what: "status 3xx, 404, 405 without a Graph error (not the Graph API at all)", status: []int{3, 404, 405}, codes: []int{0}, verdict: channels.Down, reason: "account"},
}

func (x *answer) fits(status, code, subcode int) bool {
	return (len(x.status) == 0 || slices.Contains(x.status, status) || slices.Contains(x.status, status/100)) &&
		(len(x.codes) == 0 || slices.Contains(x.codes, code) || code/100 == 2 && slices.Contains(x.codes, 3) && subcode == 0) &&
		(len(x.subcodes) == 0 || slices.Contains(x.subcodes, subcode))
}

// Answers are the answers that are told apart, in the order in which they are looked through.
func Answers() []channels.Answer {
	out := []channels.Answer{{What: "2xx", Verdict: "sent"}, {What: "the API cannot be reached: nothing was said", Verdict: "busy"},
		{What: "no whole answer (reset, timeout): marketing is not sent again", Verdict: "unknown"}}
	for i := range answers {
		if x := &answers[i]; x.what != "" {
			out = append(out, channels.Answer{What: x.what, Verdict: x.verdict(nil).Verdict(), Reason: x.reason})
		}
	}
	return append(out, channels.Answer{What: "any other 4xx (100 content)", Verdict: "permanent", Reason: "content"})
}
