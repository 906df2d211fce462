package api

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"enishi"
	"enishi/segments"
)

// rankingLook is when a ranking was last looked at by this process.
type rankingLook struct {
	version int64
	at      time.Time // by the workspace's clock
	people  int64     // all there were
}

// rankingPause is how often the rankings are looked through while no definition changes.
const rankingPause = 10 * time.Second

// KeepRankings computes the cut points that are due, until ctx ends. Every replica does; of those that compute the same cuts the
// first one's are taken, by the order of the log.
func (a *API) KeepRankings(ctx context.Context) error {
	looks, made := map[string]rankingLook{}, false
	var warned time.Time
	for {
		changed := a.cfg.Definitions.Changed()
		err := error(nil)
		if !made {
			if err = a.makeRFM(ctx); err == nil {
				made = true
			}
		}
		if err == nil {
			err = a.computeDue(ctx, looks)
		}
		if err != nil && ctx.Err() == nil && time.Since(warned) > time.Minute {
			warned = time.Now()
			a.log.Warn("rankings wait", "err", err)
		}
		pause := time.NewTimer(rankingPause)
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-changed:
			pause.Stop()
		case <-pause.C:
		}
	}
}

// makeRFM saves the built-in rankings where they never were. Who deletes one does not get it again.
func (a *API) makeRFM(ctx context.Context) error {
	ends, err := a.cfg.Stream.Ends(ctx, enishi.TopicDefinitions)
	if err != nil {
		return err
	}
	if err := a.cfg.Definitions.Wait(ctx, ends[0]); err != nil {
		return err
	}
	for name, r := range segments.RFM() {
		if len(a.cfg.Definitions.History(segments.KindRanking, name)) > 0 {
			continue
		}
		body, err := json.Marshal(r)
		if err != nil {
			return err
		}
		err = a.saveOwn(ctx, enishi.Definition{Kind: segments.KindRanking, Name: name, Body: body, RequestID: enishi.NewID("builtin", segments.KindRanking, name)})
		if err != nil {
			return err
		}
	}
	return nil
}

// saveOwn saves a definition in the program's name. That somebody else was first is no error.
func (a *API) saveOwn(ctx context.Context, d enishi.Definition) error {
	d.Actor, d.Role, d.At = "enishi", string(admin), a.cfg.Now().UTC()
	_, err := a.cfg.Definitions.Save(ctx, a.cfg.Stream, d)
	if enishi.ErrorCode(err) == enishi.Conflict {
		return nil
	}
	return err
}

// computeDue computes what is due: what is new or changed, what its interval has passed for, and what was computed of less than
// half as many people.
func (a *API) computeDue(ctx context.Context, looks map[string]rankingLook) error {
	rankings := a.cfg.Definitions.List(segments.KindRanking)
	if len(rankings) == 0 {
		return nil
	}
	people, err := a.count(ctx, "SELECT count() FROM people") // about: without FINAL
	if err != nil {
		return err
	}
	for i := range rankings {
		d := &rankings[i]
		r, err := segments.ParseRanking(d.Body)
		if err != nil {
			continue // a foreign writer's; the api refuses it
		}
		look, now := looks[d.Name], a.now()
		cuts, has := a.cuts(d.Name)
		if look.version == 0 && has && cuts.Version == d.Version { // before this process
			look = rankingLook{d.Version, cuts.ComputedAt, people}
		}
		due := r.Due(look.at)
		if look.version == d.Version && !(r.Every != "manual" && people > 2*look.people) && (due.IsZero() || due.After(now)) {
			looks[d.Name] = look
			continue
		}
		next, _, err := a.computeCuts(ctx, d)
		if err != nil {
			return fmt.Errorf("compute ranking %s: %w", d.Name, err)
		}
		looks[d.Name] = rankingLook{d.Version, now, people}
		if next != nil {
			err = a.saveOwn(ctx, *next)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// cuts are what was last computed of a ranking.
func (a *API) cuts(name string) (*segments.Cuts, bool) {
	d, ok := a.cfg.Definitions.Current(segments.KindCuts, name)
	if !ok {
		return nil, false
	}
	var c segments.Cuts
	return &c, json.Unmarshal(d.Body, &c) == nil
}

// computeCuts asks the tables for a ranking's cuts. The definition is nil when everybody keeps their rank: then nothing is
// published. Nor is it while nobody is ranked.
func (a *API) computeCuts(ctx context.Context, d *enishi.Definition) (*enishi.Definition, *segments.Cuts, error) {
	r, err := segments.ParseRanking(d.Body)
	if err != nil {
		return nil, nil, err
	}
	ranked, err := a.library().Rank(r.Order)
	if err != nil {
		return nil, nil, err
	}
	expect, before := int64(0), (*segments.Cuts)(nil)
	if x, ok := a.cfg.Definitions.Current(segments.KindCuts, d.Name); ok {
		expect = x.Version
		before, _ = a.cuts(d.Name)
	}
	cuts := &segments.Cuts{Order: r.Order, ComputedAt: a.now().Truncate(time.Millisecond), Version: d.Version}
	if cuts.Through, err = a.through(ctx); err != nil { // before the query: it has at least this
		return nil, nil, err
	}
	query, args := ranked.SQL(cuts.ComputedAt)
	var people uint64
	var points []string
	if err := a.bounded(ctx, func(ctx context.Context) error { return a.one(ctx, query, args, &people, &points) }); err != nil {
		return nil, nil, err
	}
	if cuts.Points, err = ranked.Points(points); err != nil {
		return nil, nil, err
	}
	cuts.People = int64(people)
	if people == 0 || before != nil && before.SameRanks(cuts) && before.Version == d.Version {
		return nil, cuts, nil
	}
	body, err := json.Marshal(cuts)
	if err != nil {
		return nil, nil, err
	}
	return &enishi.Definition{Kind: segments.KindCuts, Name: d.Name, Expect: expect, Body: body,
		RequestID: enishi.NewID("cuts", d.Name, fmt.Sprint(d.Version), fmt.Sprint(expect))}, cuts, nil
}
