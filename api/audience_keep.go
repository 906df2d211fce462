package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/segments"
	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

const (
	audiencesLook  = 2 * time.Second
	audienceKind   = "audience" // of alerts
	withdrawalWait = time.Minute
)

// audienceWork is what the replica that keeps audiences remembers of one.
type audienceWork struct {
	order string    // the newest order that was carried out
	again time.Time // not before: the platform works at a call
	seen  time.Time // up to when withdrawals were looked for
	ran   time.Time // when a run of this process ended last, by its own clock: what is open since is its own
	begun bool      // a run has begun since this process did, whose configuration may be another
	saved time.Time // when the definition was that the last run went by
}

// mended tells whether somebody may have mended what needs a person: once for each order, each saved definition and each start of the process.
func (w *audienceWork) mended(d *enishi.Definition, s *audiences.Standing, ordered bool) bool {
	return s != nil && s.Problem != nil && (s.Problem.Class == audiences.Auth || s.Problem.Class == audiences.Refused) && (!w.begun || ordered || d.At.After(w.saved))
}

// AudienceStats are what this replica has done at audiences.
func (a *API) AudienceStats() audiences.Stats { return a.audiences.Stats() }

func (a *API) audienceTables() *audiences.Tables { return a.adTables }

// audienceSegment is how a segment stands, for the run of an audience.
func (a *API) audienceSegment(ctx context.Context, name string) (audiences.Segment, error) {
	d, ok := a.cfg.Definitions.Current(segments.KindSegment, name)
	if !ok {
		return audiences.Segment{}, nil
	}
	p, err := a.progress(ctx, true)
	if err != nil {
		return audiences.Segment{}, err
	}
	held, _ := a.sweeping()
	s := audiences.Segment{Found: true, Stale: a.stale(p, &d, p.sweep(&d), &held) != nil}
	err = a.each(ctx, "SELECT count() FROM memberships FINAL WHERE segment = {name:String}", []any{named("name", name)}, func(rows driver.Rows) error {
		var n uint64
		err := rows.Scan(&n)
		s.Size = int(n)
		return err
	})
	return s, err
}

// audienceKeeper runs the audiences of one account, one after another: what one platform lets wait does not hold up the others.
type audienceKeeper struct {
	*API
	account string
	looked  time.Time
	since   time.Time // that this replica looks without a pause
	work    map[string]*audienceWork
}

// keep runs what is due.
func (a *audienceKeeper) keep(ctx context.Context) error {
	now := time.Now() // of this process, also while the shop's clock is another
	if now.Sub(a.looked) > 3*audiencesLook {
		a.since = now
	}
	a.looked = now
	standing, err := a.standings(ctx)
	if err != nil {
		return err
	}
	var errs []error
	kept := map[string]bool{}
	for _, d := range a.cfg.Definitions.List(audiences.Kind) {
		kept[d.Name] = true
		def, err := audienceOf(&d)
		if err == nil && def.Destination == a.account {
			err = a.keepAudience(ctx, &d, def, standing[d.Name])
		}
		if err != nil && ctx.Err() == nil {
			errs = append(errs, fmt.Errorf("audience %s: %w", d.Name, err))
		}
	}
	for name, s := range standing {
		if !kept[name] && s.Holds() {
			errs = append(errs, a.dropAudience(ctx, name, s))
		}
	}
	a.looked = time.Now()
	return errors.Join(errs...)
}

// keepAudience runs one audience when it is due: by its schedule, by an order, since the platform works at a call of it, since it was changed, or since somebody in it may not stay.
func (a *audienceKeeper) keepAudience(ctx context.Context, d *enishi.Definition, def *audiences.Definition, s *audiences.Standing) (err error) {
	w := a.work[d.Name]
	if w == nil {
		w = &audienceWork{}
		a.work[d.Name] = w
	}
	var order audienceOrder
	if o, ok := a.cfg.Definitions.Current(audienceOrderKind, d.Name); ok {
		if err := json.Unmarshal(o.Body, &order); err != nil {
			return fmt.Errorf("read the order: %w", err)
		}
		if s != nil && !o.At.After(s.BeganAt) {
			w.order = order.ID // a run has begun since
		}
	}
	now := a.cfg.Now().UTC()
	ordered := order.ID != w.order
	due := s == nil || ordered || s.EndedAt.Before(s.BeganAt) || d.At.After(s.BeganAt) || !def.Next(s.EndedAt, a.zone()).After(now)
	if !due {
		if due, err = a.withdrawn(ctx, d.Name, s, w, now); err != nil {
			return err
		}
	}
	if !due || time.Now().Before(w.again) && !ordered {
		return nil
	}
	if time.Since(a.since) < audiences.Takeover && !w.ran.After(a.since) { // the replica before this one may have a call in flight
		open, err := a.audienceTables().OpenBatches(ctx, d.Name)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(open, func(b audiences.Batch) bool { return now.Sub(b.UpdatedAt) < audiences.Takeover }) {
			return nil
		}
	}
	if _, there := a.cfg.Definitions.Current(segments.KindSegment, def.Segment); !there {
		// nobody comes and nobody goes by it: what follows takes out who may not stay
	} else if err := a.checkSensitive(d.Name, def); err != nil { // the segment was changed since the audience was saved
		return a.heldAudience(ctx, d, def, s, w, err)
	}
	if w.mended(d, s, ordered) && now.Before(s.RetryAt) {
		s.RetryAt = now
		if err := a.audienceTables().PutStanding(ctx, s); err != nil {
			return err
		}
	}
	if s != nil && s.Problem != nil && now.Before(s.RetryAt) {
		return nil
	}
	got, err := a.audiences.Sync(ctx, d.Name, def)
	if err != nil {
		return err
	}
	w.order, w.begun, w.saved, w.ran = order.ID, true, d.At, time.Now()
	w.again = time.Time{}
	if got.EndedAt.Before(got.BeganAt) && got.Problem == nil {
		w.again = time.Now().Add(a.destination(def.Destination).Platform.Facts().Ask)
	}
	return nil
}

// Codes of problems for which an audience stands still.
const (
	heldSensitive = "sensitive" // its segment may not be told to a platform
	heldSegment   = "segment"   // its segment is not there, or cannot be evaluated
)

func held(s *audiences.Standing) bool {
	return s.Problem != nil && (s.Problem.Code == heldSensitive || s.Problem.Code == heldSegment)
}

// heldAudience keeps an audience whose segment may not be told, or is not there: nobody comes in, and who may not stay is taken out all the same, as from one that is paused. The
// others stay until the segment is mended or the audience deleted.
func (a *audienceKeeper) heldAudience(ctx context.Context, d *enishi.Definition, def *audiences.Definition, s *audiences.Standing, w *audienceWork, why error) error {
	var e *enishi.Error
	if !errors.As(why, &e) || e.Code != enishi.Invalid {
		return why
	}
	w.again = time.Now().Add(time.Minute)
	if s != nil && s.Holds() {
		now := a.cfg.Now().UTC()
		if s.Problem != nil && !held(s) && now.Before(s.RetryAt) {
			return nil
		}
		out := !held(s)
		if !out {
			var err error
			if out, err = a.withdrawn(ctx, d.Name, s, w, now); err != nil {
				return err
			}
		}
		if out {
			still := *def
			still.Paused = true
			got, err := a.audiences.Sync(ctx, d.Name, &still)
			if err != nil {
				return err
			}
			w.ran = time.Now()
			if got.Problem != nil {
				return nil // of the platform: it is said, and tried again
			}
			if got.EndedAt.Before(got.BeganAt) {
				w.again = time.Now().Add(a.destination(def.Destination).Platform.Facts().Ask)
				return nil
			}
			s = got
		}
	}
	code := heldSegment
	if _, ok := errors.AsType[*sensitive](why); ok {
		code = heldSensitive
	}
	return a.holdAudience(ctx, d.Name, s, code, e)
}

// holdAudience notes that an audience stands still.
func (a *API) holdAudience(ctx context.Context, name string, s *audiences.Standing, code string, why *enishi.Error) error {
	if s == nil {
		s = &audiences.Standing{Audience: name, Matched: -1}
	}
	now := a.cfg.Now().UTC().Truncate(time.Millisecond)
	if s.Problem == nil || s.Problem.Code != code {
		s.BeganAt = now // while it lasts it is one row of the history
		if !now.After(s.EndedAt) {
			s.BeganAt = s.EndedAt.Add(time.Millisecond)
		}
		s.Added, s.Taken, s.Refreshed, s.Calls, s.Rebuilt = 0, 0, 0, 0, false
	}
	s.Problem, s.RetryAt = &audiences.Problem{Class: audiences.Refused, Code: code, Msg: why.Msg, MsgJA: why.MsgJA}, now
	return a.audienceTables().PutStanding(ctx, s)
}

// withdrawn tells whether somebody who is in a list may not stay: refused, held, erased. The law does not wait for a schedule.
func (a *API) withdrawn(ctx context.Context, name string, s *audiences.Standing, w *audienceWork, now time.Time) (found bool, err error) {
	ago := now.Sub(w.seen) // below 0 when the clock was set back
	if s.Remote == "" || s.Problem != nil && !held(s) || ago >= 0 && ago < withdrawalWait {
		return false, nil
	}
	w.seen = now
	d, ok := a.cfg.Definitions.Current(audiences.Kind, name)
	if !ok {
		return false, nil
	}
	def, err := audienceOf(&d)
	if err != nil {
		return false, err
	}
	dest := a.destination(def.Destination)
	err = a.each(ctx, `SELECT 1 FROM (SELECT profile_id FROM audience_members FINAL WHERE audience = {name:String} AND generation = {generation:UInt32} AND state != 'leaving') AS m
		LEFT JOIN (SELECT profile_id, 1 AS found, consents[{consent:String}] AS consent, hold_until FROM people FINAL) AS p ON p.profile_id = m.profile_id
		WHERE p.found = 0 OR p.consent = 'out' OR {needed:UInt8} = 1 AND p.consent != 'in' OR {held:UInt8} = 1 AND p.hold_until > fromUnixTimestamp64Milli({now:Int64}) LIMIT 1`,
		[]any{named("name", name), named("generation", fmt.Sprint(s.Generation)), named("consent", dest.Consent), named("needed", digit(dest.Basis != audiences.ByProcessor)), named("held", digit(def.Use != audiences.Exclude)), millis("now", now)},
		func(driver.Rows) error { found = true; return nil })
	return found, err
}

func digit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// dropAudience takes the lists of an audience that was deleted away at the platform, when they are at this account.
func (a *audienceKeeper) dropAudience(ctx context.Context, name string, s *audiences.Standing) error {
	def, _ := a.lastAudience(name)
	if def == nil || def.Destination != a.account {
		return nil
	}
	if held(s) { // which bars nobody from leaving
		s.Problem = nil
	}
	if s.Problem != nil && a.cfg.Now().Before(s.RetryAt) {
		return nil
	}
	return a.audiences.Delete(ctx, name, def)
}

// lastAudience is what a deleted audience was, and when it was deleted; nil when nothing is known of it.
func (a *API) lastAudience(name string) (def *audiences.Definition, at time.Time) {
	history := a.cfg.Definitions.History(audiences.Kind, name)
	for i := len(history) - 1; i >= 0; i-- {
		if history[i].Deleted {
			at = history[i].At
			continue
		}
		if def, err := audienceOf(&history[i]); err == nil {
			return def, at
		}
		break
	}
	return nil, at
}

type disclosureRow struct {
	At        time.Time `json:"at"`
	Audience  string    `json:"audience"`
	Title     string    `json:"title" doc:"Of the audience; its name when it is deleted."`
	Platform  string    `json:"platform"`
	Recipient string    `json:"recipient" doc:"Who received, by its legal name."`
	Country   string    `json:"country"`
	Basis     string    `json:"basis" enum:"consent,processor"`
	Purpose   string    `json:"purpose" doc:"The permission that counted."`
	Op        string    `json:"op" enum:"add,remove" doc:"remove tells identifiers that were told before, so that the platform takes the person out."`
	Items     []string  `json:"items" doc:"Kinds of the identifiers; all but customer and line left as hashes (SHA-256)."`
	Batch     enishi.ID `json:"batch"`
}

// listDisclosures are the records of identifiers of a person that left to platforms, also those under ids that the person had before: 個人情報保護法 33 条 5 項 gives a right to
// them.
func (a *API) listDisclosures(ctx context.Context, in *PersonPath) (*listOutput[disclosureRow], error) {
	rows, err := a.disclosures(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return listOf(rows), nil
}

func (a *API) disclosures(ctx context.Context, person string) ([]disclosureRow, error) {
	var who []enishi.ID
	p, _, missing := a.load(ctx, person)
	if missing != nil { // perhaps erased: the record stays under the id
		id, err := enishi.ParseID(person)
		if e, ok := errors.AsType[*enishi.Error](missing); err != nil || !ok || e.Code != enishi.NotFound {
			return nil, missing
		}
		who = []enishi.ID{id}
	} else {
		who = subjects(p)
	}
	out, err := a.disclosuresOf(ctx, who)
	if err == nil && len(out) == 0 && missing != nil {
		return nil, missing
	}
	return out, err
}

// disclosuresOf are all records of somebody, the newest first: who asks has a right to all of them.
func (a *API) disclosuresOf(ctx context.Context, who []enishi.ID) ([]disclosureRow, error) {
	out := []disclosureRow{}
	err := a.each(ctx, `SELECT at, toString(audience), toString(platform), toString(recipient), toString(country), toString(basis), toString(purpose), toString(op), keys, batch FROM disclosures FINAL
		WHERE profile_id IN `+idList(who)+` ORDER BY at DESC, batch`, nil, func(rows driver.Rows) error {
		var r disclosureRow
		var keys []string
		var batch string
		if err := rows.Scan(&r.At, &r.Audience, &r.Platform, &r.Recipient, &r.Country, &r.Basis, &r.Purpose, &r.Op, &keys, &batch); err != nil {
			return err
		}
		r.At, r.Batch, r.Title, r.Items = r.At.UTC(), idOf(batch), r.Audience, []string{}
		if d, ok := a.cfg.Definitions.Current(audiences.Kind, r.Audience); ok {
			if def, err := audienceOf(&d); err == nil {
				r.Title = def.Title
			}
		}
		for _, k := range match.Kinds() {
			if slices.ContainsFunc(keys, func(s string) bool { return len(s) > len(k) && s[:len(k)+1] == string(k)+":" }) {
				r.Items = append(r.Items, string(k))
			}
		}
		out = append(out, r)
		return nil
	})
	return out, err
}
