package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"enishi/channels"
	"enishi/channels/line"
)

// One replica hands narrowcasts to LINE and asks what became of them. What it is about to do is in the table before it does it: after a
// crash the same call goes out under the same retry key, and LINE answers 409 when it has taken it.
const (
	narrowcastLook  = 10 * time.Second
	narrowcastRetry = 23 * time.Hour      // LINE knows a retry key for 24 hours from its first use
	progressEvery   = time.Minute         // each; LINE names no rate of its own for this call
	progressFor     = 14 * 24 * time.Hour // LINE knows for so long how far it is
	figuresAgain    = 30 * time.Minute    // after LINE did not tell the figures
	busyPause       = time.Minute         // LINE takes 60 narrowcasts an hour
	unansweredPause = 30 * time.Second    // longer each time
	longestPause    = 10 * time.Minute
)

// keepNarrowcasts does what is due for each. What is wrong with one holds up no other.
func (a *API) keepNarrowcasts(ctx context.Context, now time.Time) error {
	rows, err := a.narrowcasts(ctx, "state IN ('intent', 'stopped', 'waiting', 'sending') OR state = 'succeeded' AND done_at > fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND counted_at < fromUnixTimestamp64Milli({before:Int64}, 'UTC') ORDER BY created_at, id",
		millis("since", now.Add(-statisticsFor)), millis("before", now.Add(-statisticsEvery)))
	if err != nil {
		return err
	}
	var errs []error
	for i := range rows {
		x := &rows[i]
		do := a.followNarrowcast
		switch x.state {
		case "intent", "stopped":
			do = a.sendNarrowcast
		case "succeeded":
			do = a.countNarrowcast
		}
		if err := do(ctx, x, now); err != nil {
			errs = append(errs, fmt.Errorf("narrowcast %s: %w", x.id, err))
		}
	}
	return errors.Join(errs...)
}

// endNarrowcast notes that one goes no further.
func (a *API) endNarrowcast(ctx context.Context, x *narrowcast, state, reason, problem string, now time.Time) error {
	x.state, x.reason, x.problem, x.done = state, reason, problem, now
	a.log.Info("narrowcast ended", "narrowcast", x.id, "account", x.account, "state", state, "reason", reason)
	return a.noteNarrowcast(ctx, x)
}

// sendNarrowcast hands one to LINE, unless something stands against it.
func (a *API) sendNarrowcast(ctx context.Context, x *narrowcast, now time.Time) error {
	if now.Before(x.next) && !x.cancelled {
		return nil
	}
	if done, err := a.narrowcastHeld(ctx, x, now); done || err != nil {
		return err
	}
	o, ok := a.cfg.LINE.Get(x.account)
	if !ok {
		return a.endNarrowcast(ctx, x, "refused", "no_account", "", now)
	}
	first := !x.tried
	n := int(x.people)
	if first {
		s, err := o.Channel.Audience(ctx, x.audience)
		if fit, err := a.narrowcastFits(ctx, x, &s, err, now); !fit || err != nil {
			return err
		}
		n, x.triedAt = int(s.People), now
	}
	if x.most > 0 {
		n = min(n, int(x.most))
	}
	x.state, x.reason, x.problem, x.tried, x.attempts = "intent", "", "", true, x.attempts+1
	if err := a.noteNarrowcast(ctx, x); err != nil {
		return err
	}
	// Whoever took it back until now, or stopped it, is seen here; whoever comes later sees that it may have been handed over.
	again, err := a.narrowcast(ctx, x.id)
	if err != nil {
		return err
	}
	x.cancelled = again.cancelled
	x.tried = !first
	if done, err := a.narrowcastHeld(ctx, x, now); done || err != nil {
		return err
	}
	x.tried = true
	call := line.Narrowcast{Messages: json.RawMessage(x.messages), Audience: x.audience, Max: int(x.most), UpToQuota: true, AllOrNone: true, Notify: true, Idempotent: x.id}
	if first {
		r, err := o.Narrowcast(ctx, call, n)
		return a.narrowcastAnswered(ctx, x, first, r, err, now)
	}
	r, err := o.Channel.Narrowcast(ctx, call) // the quota was asked and counted before the first try
	return a.narrowcastAnswered(ctx, x, first, r, err, now)
}

// narrowcastHeld asks what stands against handing it over: somebody took it back, the retry key is too old, sending is off, or a stop. It is
// true when it does not leave now.
func (a *API) narrowcastHeld(ctx context.Context, x *narrowcast, now time.Time) (bool, error) {
	ends := func(reason string) (bool, error) {
		if x.tried {
			return true, a.endNarrowcast(ctx, x, "unknown", reason, x.problem, now)
		}
		return true, a.endNarrowcast(ctx, x, "cancelled", reason, "", now)
	}
	switch {
	case x.cancelled:
		return ends("cancelled")
	case x.tried && now.Sub(x.triedAt) > narrowcastRetry:
		return ends("key")
	}
	s := a.sending()
	why, stop := s.Whole("line:" + x.account)
	switch {
	case why == "":
		return false, nil
	case stop != nil && stop.Drop:
		return ends("dropped")
	}
	if x.state == "stopped" && x.reason == why {
		return true, nil
	}
	x.state, x.reason = "stopped", why
	return true, a.noteNarrowcast(ctx, x)
}

// narrowcastFits asks LINE once more how the audience stands: what was held for long may have grown too old. s and err are LINE's answer.
func (a *API) narrowcastFits(ctx context.Context, x *narrowcast, s *line.AudienceState, err error, now time.Time) (bool, error) {
	var r *line.Refusal
	if errors.As(err, &r) && r.Status == http.StatusNotFound {
		return false, a.endNarrowcast(ctx, x, "refused", "audience_gone", "", now)
	}
	if err != nil {
		x.next = now.Add(busyPause)
		return false, errors.Join(fmt.Errorf("ask for its audience: %w", err), a.noteNarrowcast(ctx, x))
	}
	of, err := a.audienceAsOf(ctx, x.audience, s)
	if err != nil {
		return false, err
	}
	reason := ""
	switch {
	case now.Sub(of) > audienceAge:
		reason = "audience_old"
	case s.Status != "READY":
		reason = "audience_state"
	case s.People < line.LeastAudience:
		reason = "audience_small"
	default:
		return true, nil
	}
	return false, a.endNarrowcast(ctx, x, "refused", reason, "", now)
}

// narrowcastAnswered notes what LINE said. What may have been taken before is told refused only where LINE would have said so then.
func (a *API) narrowcastAnswered(ctx context.Context, x *narrowcast, first bool, r channels.Receipt, err error, now time.Time) error {
	if err == nil {
		x.state, x.reason, x.problem, x.request, x.accepted = "waiting", "", "", r.ProviderID, now
		a.log.Info("LINE took a narrowcast", "narrowcast", x.id, "account", x.account, "line_request_id", r.ProviderID, "code", r.Code, "people", x.people)
		return a.noteNarrowcast(ctx, x)
	}
	var e *channels.SendError
	if !errors.As(err, &e) {
		e = channels.Unknown(err)
	}
	verdict := e.Verdict()
	switch {
	case verdict == "permanent", first && (verdict == "refused" || verdict == "down"):
		problem := ""
		if e.Code != "" {
			problem = e.Error() // LINE's words
		}
		return a.endNarrowcast(ctx, x, "refused", e.Reason, problem, now)
	case first && verdict == "busy":
		x.tried, x.reason, x.next = false, "busy", now.Add(max(e.After, busyPause))
	default:
		x.reason, x.next = "unanswered", now.Add(max(e.After, min(time.Duration(x.attempts)*unansweredPause, longestPause)))
	}
	return errors.Join(fmt.Errorf("hand it to LINE: %w", err), a.noteNarrowcast(ctx, x))
}

// followNarrowcast asks LINE how far it is.
func (a *API) followNarrowcast(ctx context.Context, x *narrowcast, now time.Time) error {
	o, ok := a.cfg.LINE.Get(x.account)
	if !ok || now.Sub(x.asked) < progressEvery {
		return nil
	}
	x.asked = now
	p, err := o.Channel.Progress(ctx, x.request)
	if err != nil {
		if now.Sub(x.accepted) > progressFor {
			return a.endNarrowcast(ctx, x, "unknown", "silent", "", now)
		}
		return errors.Join(fmt.Errorf("ask LINE how far it is: %w", err), a.noteNarrowcast(ctx, x))
	}
	switch p.Phase {
	case "waiting", "sending":
		if x.state = p.Phase; p.Phase == "sending" {
			x.target = p.Target
		}
		return a.noteNarrowcast(ctx, x)
	case "succeeded":
		x.target, x.sent, x.failed = p.Target, p.Sent, p.Failed
		return a.endNarrowcast(ctx, x, "succeeded", "", "", now)
	case "failed":
		return a.endNarrowcast(ctx, x, "failed", fmt.Sprintf("line:%d", p.Code), "", now)
	}
	return errors.Join(fmt.Errorf("LINE names the phase %q", p.Phase), a.noteNarrowcast(ctx, x))
}

// countNarrowcast asks LINE who looked at it: once a day until two weeks after.
func (a *API) countNarrowcast(ctx context.Context, x *narrowcast, now time.Time) error {
	o, ok := a.cfg.LINE.Get(x.account)
	if !ok || now.Before(x.next) {
		return nil
	}
	s, err := o.Channel.RequestStatistics(ctx, x.request)
	if err != nil {
		x.next = now.Add(figuresAgain)
		return errors.Join(fmt.Errorf("ask LINE for its figures: %w", err), a.noteNarrowcast(ctx, x))
	}
	x.seen, x.clicked, x.counted = untold(s.Seen), untold(s.Clicked), now
	return a.noteNarrowcast(ctx, x)
}
