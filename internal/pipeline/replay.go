package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"enishi"
	"enishi/journeys"
	"enishi/profiles"
	"enishi/segments"
)

// TrialConfig says what is tried on whose past.
type TrialConfig struct {
	Definitions []enishi.Definition // all that are known now, by the log's order; other journeys do not run
	Journey     enishi.Definition   // what is tried, in whatever state it is
	// From and To bound the time in which it is live, [From, To). Before, people only live their past.
	From, To time.Time
	Log      *slog.Logger
}

// Trial is one version of a journey on the past. It is read-only and safe for concurrent use; [Trial.Replay] makes what folds.
//
// A replay is the live fold with another past and without a future: it steps a profile by the same code ([Folder.step]), and
// what the steps give goes to nobody but the caller. The journey goes live at From, as if it were published then: its segments
// are swept (who is in them is Initial), who has the date that it begins on is told when it is due, and a broadcast starts at
// its instant. Timers act at their instants, before what happens at the same one.
type Trial struct {
	cfg           TrialConfig
	journey       *journeys.Journey
	before, after *Definitions   // of From
	names         []string       // segments that are swept at From
	priorities    map[string]int // of other journeys, as they say it now
	starts        []time.Time    // of a broadcast, in order
	recurs        bool
	compiler      *compiler
}

// NewTrial compiles what is tried. The error is what [journeys.Compile] says.
func NewTrial(cfg TrialConfig) (*Trial, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if !cfg.From.Before(cfg.To) {
		return nil, errors.New("pipeline: a trial needs From before To")
	}
	t := &Trial{cfg: cfg, compiler: newCompiler(), priorities: map[string]int{}}
	t.cfg.From, t.cfg.To = cfg.From.UTC().Truncate(time.Millisecond), cfg.To.UTC().Truncate(time.Millisecond)
	var rest []enishi.Definition
	current := map[[2]string]*enishi.Definition{}
	for i := range cfg.Definitions {
		x := &cfg.Definitions[i]
		if x.Kind == "journey" {
			var other struct {
				Priority int `json:"priority"`
			}
			_ = json.Unmarshal(x.Body, &other) // one that does not parse decided nothing
			t.priorities[x.Name] = other.Priority
			continue
		}
		rest = append(rest, *x)
		current[[2]string{x.Kind, x.Name}] = x
	}
	library := Library(func(kind, name string) (enishi.Definition, bool) {
		x := current[[2]string{kind, name}]
		if x == nil || x.Deleted {
			return enishi.Definition{}, false
		}
		return *x, true
	})
	j, err := journeys.Compile(cfg.Journey.Name, cfg.Journey.Version, cfg.Journey.Body, lasting(library))
	if err != nil {
		return nil, err
	}
	t.journey = j.Tried()
	t.after = t.compiler.definitions(rest, cfg.Log)
	t.after.Settings = t.after.Settings.InRealTime()
	t.names = t.journey.Follows()
	var followed []*segments.Segment
	for _, name := range t.names {
		if s := t.after.Segments.Get(name); s != nil {
			followed = append(followed, s)
		}
	}
	t.after.Segments, t.after.Journeys = segments.NewSet(followed), journeys.NewSet([]*journeys.Journey{t.journey})
	before := *t.after
	before.Segments, before.Journeys = segments.NewSet(nil), journeys.NewSet(nil)
	t.before = &before
	if b, is := t.after.Journeys.Broadcast(t.journey.Name); is {
		t.start(&b)
	}
	return t, nil
}

// start finds when a broadcast begins.
func (t *Trial) start(b *journeys.Broadcast) {
	if b.Schedule == nil {
		if b.At.Before(t.cfg.From) {
			b.At = t.cfg.From // it would begin at once
		}
		t.starts = []time.Time{b.At}
		return
	}
	t.recurs = true
	for at := b.Schedule.Next(t.cfg.From.Add(-time.Millisecond), t.after.Settings); !at.IsZero() && at.Before(t.cfg.To); at = b.Schedule.Next(at, t.after.Settings) {
		t.starts = append(t.starts, at)
	}
}

// Journey is what is tried.
func (t *Trial) Journey() *journeys.Journey { return t.journey }

// Settings are those that it is tried under.
func (t *Trial) Settings() *journeys.Settings { return t.after.Settings }

// Past is something of a person's past that acts in a replay: an event, or a message that another journey decided.
type Past struct {
	At      time.Time // when it acts
	Event   *enishi.Event
	Decided *profiles.Message
}

// Play is what the journey would have done with one person.
type Play struct {
	Steps   []PlayStep // in order
	Running []profiles.Run
	Events  int // folded, up to the end of what is known
	// View is the person after all that is known, also after To; nil unless the replay was asked to go on for this person. It is
	// valid until the next play.
	View *profiles.View
}

// PlayStep is one thing that a run did, or a reason why there was none.
type PlayStep struct {
	At       time.Time
	Kind     string // see the constants
	Run      enishi.ID
	Node     string
	Reason   string    // of PlayRefused and PlayEnded, and of PlayEntered the type of the event that it began with
	Until    time.Time // of PlayWaits; zero: only something that happens ends the wait
	Decision *enishi.Decision
}

// Kinds of steps.
const (
	PlayEntered  = "entered"
	PlayRefused  = "refused"  // somebody did not enter
	PlayCame     = "came"     // a run came to a node
	PlayDecision = "decision" // to send, or not to
	PlayMade     = "made"     // a node changed something of the person
	PlayWaits    = "waits"
	PlayEnded    = "ended"
)

// Replay folds pasts, one person after another. It is for one goroutine.
type Replay struct {
	t      *Trial
	f      *Folder
	part   *partition
	p      *profiles.Profile
	play   *Play
	notes  []journeys.Note
	waits  map[enishi.ID]time.Time // what was told of runs that wait
	told   map[string]bool         // reasons that leave no row, each of which is told once
	offset int64
	begun  bool
	starts int // how often a broadcast has begun
}

// Replay makes one.
func (t *Trial) Replay() *Replay {
	r := &Replay{t: t, f: &Folder{cfg: Config{Partitions: 1, Log: t.cfg.Log}, compiler: t.compiler}, waits: map[enishi.ID]time.Time{}, told: map[string]bool{}}
	r.part = &partition{cache: map[enishi.ID]*entry{}, rows: rows{quiet: true}}
	r.part.env.Notes = func(n journeys.Note) { r.notes = append(r.notes, n) }
	return r
}

// Play folds what is known of one person, by Past.At and what is equal in the given order; messages of journeys that go before this
// one count from the beginning of their instant. goOn tells, by what the journey did
// up to To, whether the facts of afterwards are to be folded too. The events are changed. It ends when ctx
// does.
func (r *Replay) Play(ctx context.Context, id enishi.ID, past []Past, goOn func(*Play) bool) (*Play, error) {
	r.reset(id)
	at := 0
	for ; at < len(past) && past[at].At.Before(r.t.cfg.To); at++ {
		if at == 0 || past[at].At.UnixMilli() > past[at-1].At.UnixMilli() {
			if err := r.count(ctx, past[at:]); err != nil {
				return nil, err
			}
		}
		if err := r.reach(ctx, past[at].At); err != nil {
			return nil, err
		}
		if err := r.past(&past[at]); err != nil {
			return nil, err
		}
	}
	if err := r.reach(ctx, r.t.cfg.To.Add(-time.Millisecond)); err != nil {
		return nil, err
	}
	for i := range r.p.Runs {
		if r.p.Runs[i].EndedAt.IsZero() {
			r.play.Running = append(r.play.Running, r.p.Runs[i])
		}
	}
	if goOn == nil || !goOn(r.play) {
		r.play.Events += len(past) - at
		return r.play, nil
	}
	for ; at < len(past); at++ {
		if e := past[at].Event; e != nil {
			r.address(e, past[at].At)
			r.p.Apply(e, past[at].At)
			r.play.Events++
		}
	}
	r.play.View = r.p.View()
	return r.play, nil
}

// count makes known what other journeys decide in the instant in which past begins before this one does, see
// [journeys.Journey.Before]: it counts for the caps of what is due at that instant. What else follows from it comes in its turn.
func (r *Replay) count(ctx context.Context, past []Past) error {
	at, counted := past[0].At, false
	for i := range past {
		m := past[i].Decided
		if past[i].At.UnixMilli() > at.UnixMilli() {
			break
		}
		if m == nil || !r.t.journey.Before(m.Journey, m.Purpose, r.t.priorities[m.Journey]) {
			continue
		}
		if !counted {
			if err := r.reach(ctx, at.Truncate(time.Millisecond).Add(-time.Millisecond)); err != nil {
				return err
			}
			counted = true
		}
		r.p.AddMessage(*m)
	}
	return nil
}

// use makes definitions those of the partition; the memory that steps use again stays.
func (r *Replay) use(d *Definitions) {
	r.part.defs = d
	r.part.env.Journeys, r.part.env.Settings, r.part.env.Templates, r.part.env.Outside = d.Journeys, d.Settings, d.template, d.outside
}

// reset begins with somebody of whom nothing is known.
func (r *Replay) reset(id enishi.ID) {
	part := r.part
	clear(part.cache)
	clear(r.waits)
	clear(r.told)
	*part = partition{cache: part.cache, rows: part.rows, share: share{Effects: part.share.Effects}, env: part.env}
	r.use(r.t.before)
	r.p = part.entry(id).p
	r.play, r.offset, r.begun, r.starts = &Play{}, 0, false, 0
}

// reach lets everything happen that time alone brings about up to an instant, each at its own.
func (r *Replay) reach(ctx context.Context, until time.Time) error {
	if !r.begun && !until.Before(r.t.cfg.From) {
		r.begun = true
		if err := r.goLive(); err != nil {
			return err
		}
	}
	if !r.begun {
		return nil
	}
	for again := 0; again < maxAgain; {
		due := r.p.NextDue()
		if r.starts < len(r.t.starts) {
			if at := r.t.starts[r.starts]; !at.After(until) && (due.IsZero() || !at.After(due)) {
				r.starts++
				if err := r.broadcast(at); err != nil {
					return err
				}
				continue
			}
		}
		if due.IsZero() || due.After(until) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if due.After(r.part.clock) {
			again = 0
		} else {
			due = r.part.clock
			again++
		}
		if err := r.step(&enishi.Event{Type: enishi.TypeTimer}, due); err != nil {
			return err
		}
	}
	return fmt.Errorf("profile %s is due at %s for ever", r.p.ID, r.p.NextDue().Format(time.RFC3339))
}

// maxAgain bounds how often something may be due in one instant.
const maxAgain = 1000

// goLive publishes the journey, as a switch of the definitions and the sweep after it do.
func (r *Replay) goLive() error {
	r.use(r.t.after)
	var t journeys.Trigger
	if r.t.journey.Definition.Entry.Date != "" {
		t.Renewed = r.t.journey.Name // everybody who has the date is told when it is due
	}
	if len(r.t.names) == 0 && t.Renewed == "" || len(r.p.Subjects) == 0 {
		return nil
	}
	return r.sweep(r.t.cfg.From, r.t.names, t)
}

func (r *Replay) broadcast(at time.Time) error {
	b, _ := r.t.after.Journeys.Broadcast(r.t.journey.Name)
	if len(r.p.Subjects) == 0 {
		return nil
	}
	t := journeys.Trigger{Broadcast: b.Name}
	if r.t.recurs {
		t.Occurrence = at
	}
	return r.sweep(at, b.Segments, t)
}

// sweep does with this person what a sweep record does with a range.
func (r *Replay) sweep(at time.Time, names []string, t journeys.Trigger) error {
	part := r.part
	if at.After(part.clock) {
		part.clock = at
	}
	part.env.Now = part.clock
	r.offset++
	part.next = r.offset
	r.f.sweepOne(part, r.p, segments.Options{Segments: names}, t)
	part.changed(part.cache[r.p.ID], part.next)
	return r.take()
}

// past folds one thing.
func (r *Replay) past(x *Past) error {
	if x.Event != nil {
		r.play.Events++
		return r.step(x.Event, x.At)
	}
	part := r.part
	if x.At.After(part.clock) {
		part.clock = x.At
	}
	part.env.Now = part.clock
	r.offset++
	part.next = r.offset
	r.p.AddMessage(*x.Decided)
	r.f.react(part, r.p, journeys.Trigger{Changed: profiles.ChangedMessages}, segments.Options{})
	part.changed(part.cache[r.p.ID], part.next)
	return r.take()
}

// address gives an event the place of a record of this replay.
func (r *Replay) address(e *enishi.Event, at time.Time) {
	e.Profile, e.Partition, e.Offset, e.Time = r.p.ID, 0, r.offset, at
	if e.Subject.IsZero() {
		e.Subject = r.p.ID
	}
	r.offset++
}

// step folds one record as the live fold does.
func (r *Replay) step(e *enishi.Event, at time.Time) error {
	r.address(e, at)
	if err := r.f.step(r.part, e, nil); err != nil {
		return err
	}
	return r.take()
}

// take keeps what a record gave, and lets the messages that were decided leave at once.
func (r *Replay) take() error {
	out := &r.part.share.Effects
	r.tell(out)
	var sent []enishi.Message
	for i := range out.Messages {
		if m := &out.Messages[i]; !m.Cancel {
			sent = append(sent, *m)
		}
	}
	clear(out.Records)
	*out = enishi.Effects{Records: out.Records[:0], Messages: out.Messages[:0], Decisions: out.Decisions[:0], Derived: out.Derived[:0],
		Outcomes: out.Outcomes[:0], Alerts: out.Alerts[:0]}
	for i := range sent {
		for _, what := range reports(&sent[i]) {
			if err := r.step(report(&sent[i], what, r.part.clock), r.part.clock); err != nil {
				return err
			}
		}
	}
	return nil
}

// reports are what is told of a simulated message. A notice of LINE counts as delivered: else its next channel would be taken.
func reports(m *enishi.Message) []string {
	if m.Channel == enishi.NoticeChannel {
		return []string{"sent", "delivered"}
	}
	return []string{"sent"}
}

func report(m *enishi.Message, what string, at time.Time) *enishi.Event {
	return &enishi.Event{ID: enishi.NewID("tried", m.SendID.String(), fmt.Sprint(m.Round), what), Type: "message." + what, Subject: m.Subject, At: at,
		Result: &enishi.MessageResult{SendID: m.SendID, Round: m.Round, Channel: m.Channel, Journey: m.Journey, Node: m.Node, Template: m.Template,
			Purpose: m.Purpose, RunID: m.RunID, Destination: m.Destination}}
}
