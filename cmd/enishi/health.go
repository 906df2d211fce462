package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"enishi"
	"enishi/ingest"
)

// health asks every second whether what the process stands on still answers. What does not is told by /readyz, by the
// collector's refusals and by an alert that goes away with its cause. While the tables are away the alert stands in memory
// only; it is stored when they are back.
type health struct {
	checks []healthCheck
	name   string // of this replica: each tells its own troubles
	now    func() time.Time
	store  func(ctx context.Context, a enishi.Alert) error
	open   func(ctx context.Context, id enishi.ID) (enishi.Alert, bool, error) // an alert that is stored and not closed
	log    *slog.Logger

	mu       sync.Mutex
	troubles map[string]enishi.Alert // by kind
	unstored map[string]enishi.Alert // by kind: rows that the tables do not have yet
}

// healthCheck is one thing that the process stands on.
type healthCheck struct {
	kind         string
	text, textJA string
	limit        time.Duration // of a probe
	needed       bool          // without it no event can be acknowledged
	probe        func(ctx context.Context) error
}

const (
	healthEvery   = time.Second
	healthTimeout = 5 * time.Second
	healthTries   = 2 // failures in a row until it is a trouble: a single slow answer is none
)

func (h *health) id(kind string) enishi.ID { return enishi.NewID("alert", "health", kind, h.name) }

// Run checks until ctx ends.
func (h *health) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for i := range h.checks {
		wg.Go(func() { h.watch(ctx, &h.checks[i]) })
	}
	wg.Go(func() { h.keep(ctx) })
	wg.Wait()
	return nil
}

// watch looks after one thing.
func (h *health) watch(ctx context.Context, c *healthCheck) {
	ticker := time.NewTicker(healthEvery)
	defer ticker.Stop()
	for failed := 0; ; {
		probing, cancel := context.WithTimeout(ctx, c.limit)
		err := c.probe(probing)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			failed = 0
			h.ended(c)
		default:
			if failed++; failed == healthTries {
				h.began(c, err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (h *health) began(c *healthCheck, err error) {
	h.log.Error("trouble", "kind", c.kind, "err", err)
	a := enishi.Alert{ID: h.id(c.kind), Kind: c.kind, Severity: "error", Text: c.text, TextJA: c.textJA, At: h.now().UTC()}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.troubles[c.kind], h.unstored[c.kind] = a, a
}

func (h *health) ended(c *healthCheck) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a, was := h.troubles[c.kind]
	if !was {
		return
	}
	delete(h.troubles, c.kind)
	a.ClosedAt = h.now().UTC()
	h.unstored[c.kind] = a
	h.log.Info("trouble is over", "kind", c.kind, "after", a.ClosedAt.Sub(a.At))
}

// keep stores what began and what ended, and first of all closes what an earlier process of this replica left open: if it
// still holds it is found again.
func (h *health) keep(ctx context.Context) {
	ticker := time.NewTicker(healthEvery)
	defer ticker.Stop()
	left := map[string]bool{}
	for _, c := range h.checks {
		left[c.kind] = true
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for kind := range left {
			if err := h.closeLeft(ctx, kind); err != nil {
				break
			}
			delete(left, kind)
		}
		h.mu.Lock()
		rows := make([]enishi.Alert, 0, len(h.unstored))
		for _, a := range h.unstored {
			rows = append(rows, a)
		}
		h.mu.Unlock()
		for _, a := range rows {
			storing, cancel := context.WithTimeout(ctx, healthTimeout)
			err := h.store(storing, a)
			cancel()
			if err != nil {
				break // the tables are away or full: later
			}
			h.mu.Lock()
			if h.unstored[a.Kind] == a {
				delete(h.unstored, a.Kind)
			}
			h.mu.Unlock()
		}
	}
}

func (h *health) closeLeft(ctx context.Context, kind string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	a, found, err := h.open(ctx, h.id(kind))
	if err != nil || !found {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, again := h.unstored[kind]; !again && h.troubles[kind].Kind == "" {
		a.ClosedAt = h.now().UTC()
		h.unstored[kind] = a
	}
	return nil
}

// Troubles is what is wrong now, the worst first.
func (h *health) Troubles() []enishi.Alert {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []enishi.Alert
	for _, c := range h.checks {
		if a, ok := h.troubles[c.kind]; ok {
			out = append(out, a)
		}
	}
	return out
}

// Refusing is why no event can be acknowledged now; no text: nothing is known to be in the way.
func (h *health) Refusing() ingest.Obstacle {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.checks {
		if _, ok := h.troubles[c.kind]; ok && c.needed {
			return ingest.Obstacle{Text: c.text, TextJA: c.textJA, Full: c.kind == diskFull}
		}
	}
	return ingest.Obstacle{}
}

const diskFull = "disk_full"

// minFree is what must be free where the embedded servers write. It is kept for what was taken before: the engine stores and
// merges, the broker notes how far everybody is.
const minFree = 32 << 20

// canWrite finds out whether there is room under dir. A file is written too: a quota does not show in what is free.
func canWrite(dir string) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("ask for free space: %w", err)
	}
	if free := fs.Bavail * uint64(fs.Bsize); free < minFree {
		return fmt.Errorf("%d bytes are free in %s", free, dir)
	}
	path := filepath.Join(dir, "probe")
	err := os.WriteFile(path, make([]byte, 64<<10), 0o600)
	if err = errors.Join(err, os.Remove(path)); err != nil {
		return fmt.Errorf("try to write: %w", err)
	}
	return nil
}

// healthOf says what an app stands on.
func healthOf(a *app) *health {
	w := a.workspaces[0]
	h := &health{name: a.cfg.Listen, now: w.now, store: w.storeAlert, open: w.openAlert, log: a.log,
		troubles: map[string]enishi.Alert{}, unstored: map[string]enishi.Alert{}}
	if a.servers.local() {
		h.checks = append(h.checks, healthCheck{kind: diskFull, needed: true, limit: healthTimeout,
			text:   "The disk of the data folder is full: no events are taken until there is space again.",
			textJA: "データフォルダのディスクに空きがありません。空きができるまでイベントを受け付けられません。",
			probe:  func(context.Context) error { return canWrite(a.cfg.Data) }})
	}
	h.checks = append(h.checks,
		healthCheck{kind: "log_away", needed: true, limit: 3 * time.Second, // asks again until then
			text:   "The event log (Kafka) does not answer: no events are taken until it is back.",
			textJA: "イベントログ（Kafka）が応答しません。復旧するまでイベントを受け付けられません。",
			probe: func(ctx context.Context) error {
				_, err := w.stream.Ends(ctx, enishi.TopicDefinitions)
				return err
			}},
		healthCheck{kind: "tables_away", limit: healthTimeout,
			text:   "The tables (ClickHouse) do not answer: events are taken, but people, segments and journeys stand still until they are back.",
			textJA: "テーブル（ClickHouse）が応答しません。イベントは受け付けていますが、復旧するまで顧客・セグメント・ジャーニーは更新されません。",
			probe: func(ctx context.Context) error {
				var one uint8
				return w.db.QueryRow(ctx, "SELECT 1").Scan(&one)
			}})
	return h
}

// ready is what /readyz says: what is in the way of taking events, and what else is wrong.
func (a *app) ready(w *workspace) (ok bool, text string) {
	if !w.ready.Load() {
		return false, "starting"
	}
	if ok, text = true, "ready"; a.health == nil {
		return ok, text
	}
	if a.health.Refusing().Text != "" {
		ok, text = false, "not ready"
	}
	for _, t := range a.health.Troubles() {
		text += "\n" + t.Kind + ": " + t.Text
	}
	return ok, text
}
