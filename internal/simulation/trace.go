package simulation

import (
	"context"
	"time"

	"enishi"
	"enishi/internal/pipeline"
)

// Trace is what a version would have done with one person.
type Trace struct {
	Steps  []pipeline.PlayStep
	Orders []Order // that were placed after a message, in fact
	Cut    bool    // there were more steps
}

// Order is one that was observed.
type Order struct {
	ID      string
	At      time.Time
	Revenue enishi.Amount
	Money   string // its currency
}

// maxSteps bounds a trace.
const maxSteps = 1000

// Entries counts how often a journey would have begun for some people, at once and without keeping anything. The error is what
// [pipeline.NewTrial] says of the journey, or that of ctx.
func (l *Lab) Entries(ctx context.Context, q *Request) (int64, error) {
	trial, err := pipeline.NewTrial(pipeline.TrialConfig{Definitions: q.Definitions, Journey: q.Journey, From: q.From, To: q.To, Log: l.cfg.Log})
	if err != nil || len(q.People) == 0 {
		return 0, err
	}
	var n int64
	replay := trial.Replay()
	err = l.store.Past(ctx, pipeline.Pasts{People: q.People, Journey: q.Journey.Name, AsReceived: q.AsReceived}, func(id enishi.ID, past []pipeline.Past) error {
		play, err := replay.Play(ctx, id, past, nil)
		if err != nil {
			return err
		}
		for i := range play.Steps {
			if play.Steps[i].Kind == pipeline.PlayEntered {
				n++
			}
		}
		return nil
	})
	return n, err
}

// Person plays one person again. The answer is that of the simulation unless more became known of the person meanwhile.
func (l *Lab) Person(ctx context.Context, journey string, id, person enishi.ID, live bool) (*Trace, error) {
	l.mu.Lock()
	k := l.find(journey, id)
	if k == nil {
		l.mu.Unlock()
		return nil, notKept()
	}
	if k.State != Done {
		l.mu.Unlock()
		return nil, &enishi.Error{Code: enishi.Conflict, Msg: "the simulation has no result", MsgJA: "試算の結果がまだありません。"}
	}
	s, err := k.side(live)
	q := k.Request
	l.mu.Unlock()
	if err != nil {
		return nil, err
	}
	out := &Trace{}
	err = l.store.Past(ctx, pipeline.Pasts{People: []enishi.ID{person}, Journey: q.Journey.Name, AsReceived: q.AsReceived}, func(id enishi.ID, past []pipeline.Past) error {
		play, err := s.trial.Replay().Play(ctx, id, past, sentAny)
		if err != nil {
			return err
		}
		out.Steps = play.Steps
		out.observed(play, q)
		return nil
	})
	if len(out.Steps) > maxSteps {
		out.Steps, out.Cut = out.Steps[:maxSteps], true
	}
	return out, err
}

func (t *Trace) observed(play *pipeline.Play, q *Request) {
	if play.View == nil {
		return
	}
	for i := range play.View.Orders {
		x := &play.View.Orders[i]
		if !x.Valid || x.Automatic {
			continue
		}
		for k := range play.Steps {
			if d := play.Steps[k].Decision; d != nil && d.Sent && !x.PlacedAt.Before(d.At) && x.PlacedAt.Before(d.At.Add(q.within())) {
				t.Orders = append(t.Orders, Order{x.OrderID, x.PlacedAt, x.Revenue, x.Currency})
				break
			}
		}
	}
}
