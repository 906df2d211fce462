package main

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"enishi"
	"enishi/api"
	"enishi/ingest"
	"enishi/ingest/shopify"
)

// pullSource is a source whose history can be asked for.
type pullSource struct {
	name      string
	puller    shopify.Puller
	reconcile time.Duration // negative: never
}

const (
	pullPoll     = 2 * time.Second
	pullAgain    = 15 * time.Second // after an error, and between looks for what is due
	reconcile    = time.Hour
	liveRate     = 500
	overlap      = 10 * time.Minute // of two looks for lost webhooks: what Shopify was late with
	firstLook    = 24 * time.Hour
	resultWithin = time.Hour // download of a result
)

// pullerOf is how the history of a Shopify shop is pulled.
func (w *workspace) pullerOf(name string, c SourceConfig, shop *shopify.Shop, client *shopify.Client) *pullSource {
	tables := api.SourceTables{DB: w.db}
	return &pullSource{name: name, reconcile: cmp.Or(c.Reconcile, reconcile), puller: shopify.Puller{Shop: shop, Client: client, HTTP: &http.Client{Timeout: resultWithin},
		Parser: w.ingester.Parser(), Append: w.stream.Append, Save: tables.SavePull, Poll: pullPoll, Now: w.now,
		Dead: func(ctx context.Context, source, what string, raw []byte, why *ingest.Refusal) error {
			return w.keepDead(ctx, ingest.DeadLetter{ID: enishi.NewID("dead", "pull", source, what, string(raw)), At: w.now().UTC(), Version: 1, State: ingest.DeadWaiting, Topic: ingest.FromSource(source), Stage: ingest.StageSource,
				Code: why.Code, Field: why.Field, Reason: why.Reason, ReasonJA: why.ReasonJA, Type: what, Raw: raw[:min(len(raw), ingest.MaxEventBytes)]})
		}}}
}

// followPulls carries the histories of the sources here until ctx ends. One replica does it: the owner of the first partition.
func (w *workspace) followPulls(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, s := range w.pulls {
		g.Go(func() error {
			for ctx.Err() == nil {
				changed := w.definitions.Changed()
				if w.runner.Ready() && slices.Contains(w.folder.Owned(), 0) {
					if err := w.pullDue(ctx, s); err != nil && ctx.Err() == nil {
						w.log.Warn("pull of a source waits", "source", s.name, "err", err)
					}
				}
				timer := time.NewTimer(pullAgain)
				select {
				case <-ctx.Done():
				case <-changed:
				case <-timer.C:
				}
				timer.Stop()
			}
			return nil
		})
	}
	return g.Wait()
}

// pullDue goes on with the pull that somebody asked for, else looks for lost webhooks when it is time.
func (w *workspace) pullDue(ctx context.Context, s *pullSource) error {
	tables := api.SourceTables{DB: w.db}
	if order, ok := w.pullOrder(s.name); ok {
		p, found, err := tables.Pull(ctx, s.name, order.ID, false)
		if err != nil {
			return err
		}
		if !found {
			p = shopify.NewPull(order.ID, s.name, order.Since, false, order.Rate, w.now().UTC())
		}
		if p.State == shopify.PullRunning {
			return w.pull(ctx, s, p, order)
		}
	}
	if s.reconcile < 0 {
		return nil
	}
	last, found, err := tables.Pull(ctx, s.name, "", true)
	if err != nil {
		return err
	}
	now := w.now().UTC().Truncate(time.Millisecond)
	since := now.Add(-firstLook)
	if found && last.State == shopify.PullRunning {
		return w.pull(ctx, s, last, api.PullOrder{})
	}
	if found {
		if now.Sub(last.BeganAt) < s.reconcile {
			return nil
		}
		since = last.BeganAt.Add(-overlap)
	}
	p := shopify.NewPull("live:"+now.Format(time.RFC3339), s.name, since, true, liveRate, now)
	p.Subscriptions = last.Subscriptions
	return w.pull(ctx, s, p, api.PullOrder{})
}

func (w *workspace) pullOrder(source string) (order api.PullOrder, ok bool) {
	d, ok := w.definitions.Current(api.KindPull, source)
	ok = ok && json.Unmarshal(d.Body, &order) == nil && order.ID != ""
	return order, ok
}

// pull runs one until it is done, cancelled, or this replica is not the one any more.
func (w *workspace) pull(ctx context.Context, s *pullSource, p shopify.Pull, order api.PullOrder) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if order.Cancelled {
		p.State, p.At = shopify.PullCancelled, w.now().UTC()
		return s.puller.Save(ctx, p)
	}
	p.Text = ""
	go func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			changed := w.definitions.Changed()
			now, ok := w.pullOrder(s.name)
			if ok && now.ID == order.ID && now.Cancelled || !slices.Contains(w.folder.Owned(), 0) {
				cancel()
			}
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			case <-changed:
			}
		}
	}()
	p, err := s.puller.Run(ctx, p)
	if err == nil || ctx.Err() != nil {
		return err
	}
	p.Text, p.At = err.Error(), w.now().UTC()
	if saveErr := s.puller.Save(ctx, p); saveErr != nil {
		return saveErr
	}
	return err
}
