package line

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"enishi"
)

// ReplierConfig is what a Replier needs.
type ReplierConfig struct {
	Accounts *Accounts
	Replies  func() ([]*Reply, ReplySettings) // as they are defined now
	Fold     func(string) string              // makes one of what is read as one
	// Messages makes the message objects of an answer for the person who wrote.
	Messages func(ctx context.Context, a Answer, provider, user string) (json.RawMessage, error)
	Now      func() time.Time
	Log      *slog.Logger
}

// Replier answers what people write on LINE. An answer costs nothing and is no message of the ledger: it goes by the reply
// token of what was written, which LINE takes once and for a minute. What cannot be answered within it is not answered; what
// was written is in the log either way, with the name of the reply.
type Replier struct {
	cfg  ReplierConfig
	log  *slog.Logger
	jobs chan replyJob
}

type replyJob struct {
	account, token, provider, user string
	answer                         Answer
	until                          time.Time
}

const (
	replyWithin  = 50 * time.Second // of the minute that LINE gives
	replyQueue   = 1000
	replyWorkers = 4
	replyTries   = 3
)

// NewReplier checks cfg; Run answers.
func NewReplier(cfg ReplierConfig) (*Replier, error) {
	if cfg.Accounts == nil || cfg.Replies == nil || cfg.Fold == nil || cfg.Messages == nil {
		return nil, errors.New("line: Accounts, Replies, Fold and Messages are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Replier{cfg: cfg, log: cfg.Log.With("component", "line_replies"), jobs: make(chan replyJob, replyQueue)}, nil
}

// match notes in the event of a text what it is answered with, and what it says about advertising, with its evidence.
func (r *Replier) match(account, text string, e *enishi.Event) (Answer, bool) {
	replies, settings := r.cfg.Replies()
	a, ok := Match(account, text, replies, settings, r.cfg.Fold)
	if !ok {
		return a, false
	}
	e.Properties["reply"] = enishi.TextValue(a.Rule)
	if a.Consent != "" {
		e.Consent = []enishi.ConsentChange{{Channel: "line", Purpose: "marketing", State: a.Consent, Method: "line_message", Text: text}}
	}
	return a, true
}

// answer lines an answer up; it does not wait. A person who wrote while too many wait gets none.
func (r *Replier) answer(j replyJob) {
	j.until = r.cfg.Now().Add(replyWithin)
	select {
	case r.jobs <- j:
	default:
		r.log.Warn("too many replies wait: one is not sent", "account", j.account, "reply", j.answer.Rule)
	}
}

// Run answers until ctx ends.
func (r *Replier) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for range replyWorkers {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case j := <-r.jobs:
					if err := r.send(ctx, j); err != nil && ctx.Err() == nil {
						r.log.Warn("a reply is not sent", "account", j.account, "reply", j.answer.Rule, "err", err)
					}
				}
			}
		})
	}
	wg.Wait()
	return nil
}

// send answers, again within the token's minute when LINE had trouble: the token is good for one answer whatever happens.
func (r *Replier) send(ctx context.Context, j replyJob) error {
	o, ok := r.cfg.Accounts.Get(j.account)
	if !ok {
		return errors.New("there is no such account")
	}
	messages, err := r.cfg.Messages(ctx, j.answer, j.provider, j.user)
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		if r.cfg.Now().After(j.until) {
			return errors.New("its minute is over")
		}
		err := o.Channel.Reply(ctx, j.token, messages)
		var refusal *Refusal
		if err == nil || try == replyTries || errors.As(err, &refusal) && refusal.Status != http.StatusTooManyRequests && refusal.Status < 500 {
			return err
		}
		pause := time.NewTimer(time.Duration(try) * time.Second)
		select {
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		case <-pause.C:
		}
	}
}

// Reply answers what a person wrote, by the token of its webhook. It is free.
func (c *Channel) Reply(ctx context.Context, token string, messages json.RawMessage) error {
	_, err := c.request(ctx, call{method: http.MethodPost, path: "/v2/bot/message/reply", body: map[string]any{"replyToken": token, "messages": messages}}, nil)
	return err
}
