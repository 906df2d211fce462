package audiences

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"enishi"
	"enishi/segments/audiences/match"
)

// Takeover is how long a replica that takes over waits before it changes an audience: what another has in flight ends within [CallTimeout].
const (
	CallTimeout = 30 * time.Second
	Takeover    = 45 * time.Second
)

// Segment is how a segment stands.
type Segment struct {
	Size  int  // members; the ranges that are read at once follow from it
	Stale bool // its members may be others than its expression says: nobody is added or taken out for that reason until it is swept
	Found bool
}

// Config is what a Syncer needs.
type Config struct {
	Tables       *Tables
	Segment      func(ctx context.Context, name string) (Segment, error)
	Currency     func(ctx context.Context) (string, error) // of values; nil: JPY
	Destinations map[string]*Destination
	Owner        string // of [Spec]
	Zone         func() *time.Location
	Now          func() time.Time
	Mine         func() bool // whether this replica still works at audiences; nil: always
	Log          *slog.Logger
}

// Syncer makes audiences what they are to be. Its methods are not to be called for one audience at the same time.
type Syncer struct {
	cfg   Config
	store store
	log   *slog.Logger

	mu    sync.Mutex
	paces map[string]*rate.Limiter // by destination
	stats Stats

	// Fault fails at a named point; for tests. Nil: none.
	Fault func(point string) error
}

// New makes a Syncer.
func New(cfg Config) *Syncer { return newSyncer(cfg, cfg.Tables) }

func newSyncer(cfg Config, st store) *Syncer {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Zone == nil {
		cfg.Zone = func() *time.Location { return time.UTC }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Syncer{cfg: cfg, store: st, log: cfg.Log.With("component", "audiences"), paces: map[string]*rate.Limiter{}}
}

// errWait ends a run that goes on later: the platform works at something, or a budget is used up.
var errWait = errors.New("audiences: to be continued")

// run is one run of one audience.
type run struct {
	*Syncer
	name  string
	def   *Definition
	dest  *Destination
	facts Facts
	whole Whole // the platform, where its lists are written as a whole; else nil
	rules *match.Rules
	at    time.Time
	st    *Standing
	seg   Segment
	query query

	generation int    // that entries are written to
	remote     string // list that calls go to
	removing   []step // collected for the next call
	adding     []step
	keys       int // of removing
	cut        [][2]byte
	kept       map[byte]*plan    // by the first byte of its ids
	steps      int               // in kept
	currency   string            // of values
	of         string            // the day of others
	others     int               // calls of the day by other audiences of the account
	unsure     map[enishi.ID]int // people that the platform took, by the call that it did not take whole
	back       int               // people who were taken out to be told again with other identifiers
	compared   bool              // with who is wanted
	refusal    *Problem          // of calls that the platform took nothing of
	unlawful   bool              // somebody has to go for another reason than that they left the segment
}

// Sync makes an audience what it is to be, as far as the platform lets it, and gives how it stands then. A run that cannot end now, for the platform works at a call, is
// gone on with by the next call. An error of the platform is in the Standing, not returned: only what concerns our own tables is.
func (s *Syncer) Sync(ctx context.Context, name string, def *Definition) (*Standing, error) {
	r, err := s.begin(ctx, name, def)
	if err != nil {
		return nil, err
	}
	if r.st.Problem != nil && r.at.Before(r.st.RetryAt) {
		return r.st, nil
	}
	before := *r.st
	r.begun()
	if err = r.moved(ctx); err == nil {
		err = r.work(ctx)
	}
	if err := r.unnamed(ctx); err != nil {
		return nil, err
	}
	var p *Problem
	switch {
	case err == nil:
		r.ended()
	case errors.Is(err, errWait):
	case errors.As(err, &p):
		r.failed(p, &before)
		if p.Class == Gone {
			r.log.Warn("a list is gone at the platform; a new one will be made", "audience", r.name, "platform", r.facts.Platform)
			if err := r.away(ctx, BatchRefused, "the list is gone"); err != nil && !errors.As(err, &p) {
				return nil, err
			}
		}
	default:
		return nil, err
	}
	s.count(r)
	if err := s.store.PutStanding(ctx, r.st); err != nil {
		return nil, err
	}
	return r.st, nil
}

// pace is how fast an account may be called; audiences of one account share it.
func (s *Syncer) pace(d *Destination) *rate.Limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.paces[d.Name]
	if l == nil {
		l = rate.NewLimiter(rate.Inf, 1)
		if n := d.Platform.Facts().Calls; n > 0 {
			l = rate.NewLimiter(rate.Limit(float64(n)/60), max(1, n/60))
		}
		s.paces[d.Name] = l
	}
	return l
}

// pause is how long nothing is tried after a problem.
func (p *Problem) pause() time.Duration {
	if p.After > 0 {
		return p.After
	}
	switch p.Class {
	case Rate:
		return 15 * time.Minute
	case Auth, Refused:
		return time.Hour
	case Gone:
		return 0
	}
	return time.Minute
}

func (s *Syncer) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Millisecond) }

func (s *Syncer) fault(point string) error {
	if s.Fault != nil {
		return s.Fault(point)
	}
	return nil
}

func (s *Syncer) begin(ctx context.Context, name string, def *Definition) (*run, error) {
	dest, ok := s.cfg.Destinations[def.Destination]
	if !ok {
		return nil, enishi.FieldError("destination", fmt.Sprintf("there is no account %q in the configuration (ads.%s)", def.Destination, def.Destination), fmt.Sprintf("設定（ads.%s）に広告アカウント「%s」がありません。", def.Destination, def.Destination))
	}
	facts := dest.Platform.Facts()
	rules, ok := match.For(facts.Platform)
	if !ok {
		return nil, fmt.Errorf("audiences: no rules for the platform %q", facts.Platform)
	}
	r := &run{Syncer: s, name: name, def: def, dest: dest, facts: facts, rules: rules, at: s.now(),
		query: query{Segment: def.Segment, Consent: dest.Consent, LINE: dest.Provider, Values: def.Use == Value, Names: slices.Contains(def.Keys, match.Name) && slices.Contains(rules.Kinds(), match.Name),
			Customer: slices.Contains(def.Keys, match.Customer)}}
	r.whole, _ = dest.Platform.(Whole)
	var err error
	if r.currency = "JPY"; r.query.Values && s.cfg.Currency != nil {
		if r.currency, err = s.cfg.Currency(ctx); err != nil {
			return nil, err
		}
	}
	r.query.Currency = r.currency
	if r.seg, err = s.cfg.Segment(ctx, def.Segment); err != nil {
		return nil, err
	}
	if r.st, err = s.store.Standing(ctx, name); err != nil {
		return nil, err
	}
	if r.st == nil {
		r.st = &Standing{Audience: name, Matched: -1}
	}
	if r.of = r.day(); dest.CallsPerDay > 0 {
		if r.others, err = s.store.CallsOn(ctx, dest.Account, r.of, name); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *run) spec(generation int) *Spec {
	return &Spec{Owner: r.cfg.Owner, Audience: r.name, Generation: generation, Title: r.def.Title, Use: r.def.Use, Kinds: r.def.Keys, Currency: r.currency}
}

func (r *run) work(ctx context.Context) error {
	if err := r.settle(ctx); err != nil {
		return err
	}
	if err := r.tidy(ctx); err != nil {
		return err
	}
	if r.st.Next != "" {
		return r.rebuild(ctx)
	}
	r.generation, r.remote = r.st.Generation, r.st.Remote
	fresh := r.remote == "" || r.remote == making
	if fresh {
		if r.frozen() {
			if r.seg.Found && !r.def.Paused {
				return errWait // the segment is being evaluated
			}
			return nil
		}
		if err := r.enough(ctx); err != nil {
			return err
		}
		r.st.Remote = making
		if err := r.store.PutStanding(ctx, r.st); err != nil {
			return err
		}
		if err := r.make(ctx); err != nil {
			return err
		}
		r.remote = r.st.Remote
	}
	if !r.facts.Removal {
		return r.appendOrRebuild(ctx)
	}
	if fresh { // nobody is in it
		return r.fill(ctx)
	}
	if err := r.each(ctx, func(p *plan) error {
		r.keep(p)
		return r.removals(ctx, p)
	}); err != nil {
		return err
	}
	if err := r.flush(ctx, OpRemove); err != nil {
		return err
	}
	if err := r.settle(ctx); err != nil { // whoever is told before a removal is carried out may be taken out by it
		return err
	}
	return r.fill(ctx)
}

// frozen tells that nobody is added, and nobody taken out but who may not stay: the audience is paused, or its segment is deleted or not to be relied on.
func (r *run) frozen() bool { return r.def.Paused || r.seg.Stale || !r.seg.Found }

// fill adds everybody who is wanted and not told.
func (r *run) fill(ctx context.Context) error {
	if err := r.each(ctx, func(p *plan) error { return r.additions(ctx, p) }); err != nil {
		return err
	}
	if err := r.flush(ctx, OpAdd); err != nil {
		return err
	}
	if r.whole != nil {
		if err := r.write(ctx); err != nil {
			return err
		}
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	return r.look(ctx)
}

func (r *run) look(ctx context.Context) error {
	l, err := r.dest.Platform.Look(ctx, r.remote)
	if err != nil {
		return problemOf(err)
	}
	r.st.Matched = l.Matched
	return nil
}

// ranges cuts the ids so that a range has some ten thousand people. A run keeps its cut.
func (r *run) ranges() [][2]byte {
	if r.cut != nil {
		return r.cut
	}
	n := 1
	for n < 256 && max(r.seg.Size, r.st.InList)/n > rangeSize {
		n *= 2
	}
	width := 256 / n
	r.cut = make([][2]byte, n)
	for i := range r.cut {
		r.cut[i] = [2]byte{byte(i * width), byte(i*width + width - 1)}
	}
	return r.cut
}

const (
	rangeSize = 20_000 // people of a range at most
	keptSteps = 50_000 // additions that are kept in memory while removals are carried out
)

// each works at the difference of one range after another. Those of kept were compared already in this run.
func (r *run) each(ctx context.Context, do func(*plan) error) error {
	ranges := r.ranges()
	clear(r.st.LeftOut)
	r.unsure, r.compared = map[enishi.ID]int{}, true
	r.st.Wanted, r.st.InList, r.st.Rejected = 0, 0, 0
	for _, ids := range ranges {
		p := r.kept[ids[0]]
		if p == nil {
			var err error
			if p, err = r.plan(ctx, ids[0], ids[1]); err != nil {
				return err
			}
		}
		r.st.Wanted += p.wanted
		r.st.InList += p.inList
		r.st.Rejected += p.rejected
		for _, reason := range p.reasons {
			r.st.LeftOut[reason]++
		}
		for batch, n := range p.unsure {
			r.unsure[batch] += n
		}
		if err := do(p); err != nil {
			return err
		}
	}
	return nil
}

// keep holds what a range is to add until its removals are carried out, so that it is not compared twice; not of more than fits into memory.
func (r *run) keep(p *plan) {
	if r.kept == nil {
		r.kept = map[byte]*plan{}
	}
	if r.steps += len(p.add) + len(p.reasons); r.steps <= keptSteps {
		r.kept[p.from] = p.removed()
	}
}

// changed forgets what was kept of ranges in which entries are other than they were compared.
func (r *run) changed(entries []Entry) {
	for i := range entries {
		for from, p := range r.kept {
			if id := entries[i].Profile[0]; id >= p.from && id <= p.to {
				delete(r.kept, from)
			}
		}
	}
}

// plan compares a range of ids.
func (r *run) plan(ctx context.Context, from, to byte) (*plan, error) {
	entries, err := r.store.Entries(ctx, r.name, r.generation, from, to)
	if err != nil {
		return nil, err
	}
	wanted, reasons := map[enishi.ID]want{}, map[enishi.ID]string{}
	take := func(list []candidate) {
		for i := range list {
			c := &list[i]
			if keys, reason := r.dest.judge(c, r.def, r.rules, r.at); reason != "" {
				reasons[c.Profile] = reason
			} else {
				wanted[c.Profile] = want{keys, c.Value}
			}
		}
	}
	base := entries // who is in the list that is used
	if r.generation != r.st.Generation {
		if base, err = r.store.Entries(ctx, r.name, r.st.Generation, from, to); err != nil {
			return nil, err
		}
	}
	if r.frozen() { // nobody comes and nobody goes by the segment; who may not stay goes all the same
		var in []enishi.ID
		for i := range base {
			if base[i].State != Leaving {
				in = append(in, base[i].Profile)
			}
		}
		list, err := r.store.People(ctx, &r.query, in)
		if err != nil {
			return nil, err
		}
		take(list)
	} else {
		list, err := r.store.Members(ctx, &r.query, from, to)
		if err != nil {
			return nil, err
		}
		take(list)
	}
	var fresh time.Time
	if r.facts.Expires > 0 && r.facts.Removal { // else it is the list that expires
		fresh = r.at.Add(-r.facts.Expires * 5 / 6)
	}
	p := difference(entries, wanted, reasons, fresh, r.facts.Values && r.def.Use == Value, r.frozen())
	p.from, p.to, p.unsure = from, to, map[enishi.ID]int{}
	for i := range entries {
		e := &entries[i]
		switch {
		case inList(e):
			p.inList++
		case e.State == Rejected:
			p.rejected++
		}
		if notWhole(e) {
			p.unsure[e.Batch]++
		}
	}
	if r.generation != r.st.Generation {
		p.follows(base, wanted)
	}
	return &p, nil
}

func (r *run) day() string { return r.now().In(r.cfg.Zone()).Format(time.DateOnly) }

// today counts a call against the budget of the day, and keeps the platform's pace.
func (r *run) today(ctx context.Context) error {
	day := r.day()
	if r.st.Day != day {
		r.st.Day, r.st.Today = day, 0
	}
	if r.of != day { // midnight has passed since
		r.of, r.others = day, 0
	}
	if r.dest.CallsPerDay > 0 && r.st.Today+r.others >= r.dest.CallsPerDay {
		l := r.now().In(r.cfg.Zone())
		return &Problem{Class: Rate, Code: "budget", After: time.Date(l.Year(), l.Month(), l.Day()+1, 0, 0, 0, 0, l.Location()).Sub(l), Msg: "the budget of " + strconv.Itoa(r.dest.CallsPerDay) + " calls a day is used up",
			MsgJA: "1 日の呼び出し回数の上限（" + strconv.Itoa(r.dest.CallsPerDay) + " 回）に達しました。続きは明日行います。"}
	}
	r.st.Today++
	r.st.Calls++
	return r.pace(r.dest).Wait(ctx)
}
