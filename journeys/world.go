package journeys

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"enishi"
	"enishi/profiles"
	"enishi/segments"
)

// world folds events into people in memory as the pipeline does: apply, segments, journeys, round and round; timers at their
// instants. Everything that comes out is kept. Scenarios run in it.
type world struct {
	now       time.Time
	people    map[enishi.ID]*profiles.Profile
	names     map[string]enishi.ID
	persons   map[string]*enishi.Person
	hasher    *enishi.Hasher
	segments  *segments.Set
	journeys  *Set
	settings  *Settings
	templates func(name string) (version int64, channel string, ok bool)
	journey   func(name string) ([]byte, error) // the body of a definition
	library   segments.Library                  // of what conditions name
	out       enishi.Effects
	n         int               // events so far
	bodies    map[string]string // newest definitions that were published anew
	steps     Env
	err       error // the first that made it stop
	failed    func(error)
	// For tests of the engine itself: each state is written out after each step and read back; each timer is tried a millisecond
	// too early.
	restart, early bool
}

func newWorldOf(journey func(string) ([]byte, error), templates func(string) (int64, string, bool), l segments.Library) *world {
	return &world{people: map[enishi.ID]*profiles.Profile{}, names: map[string]enishi.ID{}, bodies: map[string]string{}, persons: map[string]*enishi.Person{},
		hasher: enishi.NewHasher([]byte("0123456789abcdef0123456789abcdef")), segments: segments.NewSet(nil), journeys: NewSet(nil), settings: DefaultSettings(),
		journey: journey, templates: templates, library: l}
}

// fail keeps the first error: what comes after it has no meaning.
func (w *world) fail(err error) {
	if w.err == nil {
		w.err = err
	}
	if w.failed != nil {
		w.failed(err)
	}
}

// compile makes a version of a journey; nil when it has problems.
func (w *world) compile(name string, version int64, body []byte) *Journey {
	j, err := Compile(name, version, body, w.library)
	if err != nil {
		w.fail(fmt.Errorf("journey %s: %w", name, err))
		return nil
	}
	j.Live = true
	return j
}

func (w *world) env() *Env {
	w.steps.Now, w.steps.Journeys, w.steps.Settings, w.steps.Templates = w.now, w.journeys, w.settings, w.templates
	return &w.steps // one for all steps, as a partition has it
}

// person makes somebody known by identifiers; the strongest gives the profile its id.
func (w *world) person(name string, p *enishi.Person) {
	links := w.links(p)
	w.persons[name], w.names[name] = p, links[0]
	w.people[links[0]] = profiles.New(links[0])
}

func (w *world) links(p *enishi.Person) []enishi.ID {
	var out []enishi.ID
	for _, x := range profiles.Identifiers(nil, p) {
		x.Value = x.Raw
		out = append(out, w.hasher.Hash(x))
	}
	return out
}

// event applies an event to a person now.
func (w *world) event(name string, e *enishi.Event) {
	id, ok := w.names[name]
	if !ok {
		w.fail(enishi.FieldError(name, "nobody is called "+name, "「"+name+"」という人はいません（person で先に書いてください）"))
		return
	}
	w.n++
	if e.ID.IsZero() {
		e.ID = enishi.EventID(fmt.Sprintf("event %d", w.n))
	}
	if e.At.IsZero() {
		e.At = w.now
	}
	e.Time, e.Profile = w.now, id
	if e.Person == nil {
		e.Person = &enishi.Person{}
	}
	traits := e.Person.Traits
	person := *w.persons[name]
	person.Traits = traits
	e.Person = &person
	e.Links = w.links(&person)
	e.Subject = e.Links[0]
	w.fold(id, e)
}

// fold steps one record.
func (w *world) fold(id enishi.ID, e *enishi.Event) {
	p := w.people[id]
	changed, fresh := p.Apply(e, w.now)
	if !fresh && e.Type != enishi.TypeRunExit && e.Type != enishi.TypeRunEnter {
		return
	}
	w.react(p, Trigger{Event: e, Changed: changed})
	w.store(id)
}

func (w *world) react(p *profiles.Profile, t Trigger) {
	changed := t.Changed
	for range 8 {
		t.Entered, t.Left = w.segments.Update(p, w.now, changed, segments.Options{})
		t.Changed = changed
		before := len(w.out.Messages)
		made := Step(w.env(), p, t, &w.out)
		if len(w.out.Messages) == before && made == 0 {
			return
		}
		changed, t = profiles.ChangedMessages|made, Trigger{}
	}
}

// store writes a profile out and reads it back, if the world does so after each step.
func (w *world) store(id enishi.ID) {
	if !w.restart {
		return
	}
	p, err := profiles.Decode(id, string(w.people[id].Encode(nil)))
	if err != nil {
		w.fail(fmt.Errorf("read the state back: %w", err))
		return
	}
	w.people[id] = p
}

// pass lets time go by; timers fire at their instants.
func (w *world) pass(to time.Time) {
	for range 100_000 {
		var next enishi.ID
		var at time.Time
		for _, id := range w.ids() {
			if due := w.people[id].NextDue(); !due.IsZero() && !due.After(to) && (at.IsZero() || due.Before(at)) {
				next, at = id, due
			}
		}
		if at.IsZero() {
			w.now = to
			return
		}
		if at.After(w.now) {
			w.almost(next, at)
			w.now = at
		}
		w.timer(next)
	}
	w.fail(enishi.FieldError("", "timers do not come to an end", "待ち時間の処理が終わりません"))
}

// almost folds a timer a millisecond before something is due, if the world does so: nothing may happen.
func (w *world) almost(id enishi.ID, due time.Time) {
	if early := due.Add(-time.Millisecond); w.early && early.After(w.now) {
		w.now = early
		before := len(w.out.Derived) + len(w.out.Messages) + len(w.out.Decisions)
		w.react(w.people[id], Trigger{Timer: true})
		if after := len(w.out.Derived) + len(w.out.Messages) + len(w.out.Decisions); after != before {
			w.fail(fmt.Errorf("something due at %v happened at %v", due, early))
		}
	}
}

func (w *world) timer(id enishi.ID) {
	p := w.people[id]
	due := p.NextDue()
	if due.IsZero() || due.After(w.now) {
		return
	}
	var changed profiles.Change
	if !p.NextChange.IsZero() && !p.NextChange.After(w.now) {
		changed = profiles.ChangedAll
	}
	w.react(p, Trigger{Timer: true, Changed: changed})
	w.store(id)
}

func (w *world) ids() []enishi.ID {
	ids := make([]enishi.ID, 0, len(w.people))
	for id := range w.people {
		ids = append(ids, id)
	}
	sort.Slice(ids, func(i, k int) bool { return ids[i].Compare(ids[k]) < 0 })
	return ids
}

// runs are a person's runs of a journey; JOURNEY/KEY names one key.
func (w *world) runs(name, journey string) []profiles.Run {
	journey, key, keyed := strings.Cut(journey, "/")
	var out []profiles.Run
	for _, r := range w.people[w.names[name]].Runs {
		if r.Journey == journey && (!keyed || r.Key == key) {
			out = append(out, r)
		}
	}
	return out
}

// sent are the messages decided for a person with a template, cancels left out; "" is any template.
func (w *world) sent(name, template string) []enishi.Message {
	var out []enishi.Message
	for _, m := range w.out.Messages {
		if m.Profile == w.names[name] && !m.Cancel && (template == "" || m.Template == template) {
			out = append(out, m)
		}
	}
	return out
}

// publish puts journeys live, beside those that are.
func (w *world) publish(names ...string) {
	js := w.versions()
	for i, name := range names {
		text, err := w.journey(name)
		if err != nil {
			w.fail(err)
			return
		}
		j := w.compile(name, int64(10+i), text)
		if j == nil {
			return
		}
		js = append(js, j)
	}
	w.journeys = NewSet(js)
}

func (w *world) versions() []*Journey {
	var js []*Journey
	for _, j := range w.journeys.versions {
		js = append(js, j)
	}
	return js
}

// republish publishes a version of a journey that differs by some fields, and sweeps everybody as the pipeline does when it
// takes people over or goes live again.
func (w *world) republish(name, fields string) {
	js := w.versions()
	version, was := int64(0), ""
	for _, j := range js {
		if j.Name == name && j.Version > version {
			version, was = j.Version, w.bodies[name]
		}
	}
	if was == "" {
		text, err := w.journey(name)
		if err != nil {
			w.fail(err)
			return
		}
		was = string(text)
	}
	body := map[string]json.RawMessage{}
	for _, text := range []string{was, fields} {
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			w.fail(enishi.FieldError(name, "is no JSON object: "+err.Error(), "JSON オブジェクトではありません"))
			return
		}
	}
	text, err := json.Marshal(body)
	if err != nil {
		w.fail(err)
		return
	}
	w.bodies[name] = string(text)
	for _, j := range js {
		j.Live = j.Live && j.Name != name
	}
	j := w.compile(name, version+100, text)
	if j == nil {
		return
	}
	w.journeys = NewSet(append(js, j))
	for _, id := range w.ids() {
		w.react(w.people[id], Trigger{Renewed: name})
		w.store(id)
	}
}

// segment publishes a segment, in the place of one with its name.
func (w *world) segment(name, expression string) {
	body, err := json.Marshal(segments.Body{Expression: expression})
	if err != nil {
		w.fail(err)
		return
	}
	made, err := w.library.Compile(name, 3, body)
	if err != nil {
		w.fail(fmt.Errorf("segment %s: %w", name, err))
		return
	}
	others := slices.DeleteFunc(slices.Clone(w.segments.Segments()), func(s *segments.Segment) bool { return s.Name == name })
	w.segments = segments.NewSet(append(others, made))
}

// sweep lets a broadcast come to everybody.
func (w *world) sweep(name string) {
	for _, id := range w.ids() {
		w.react(w.people[id], Trigger{Broadcast: name})
		w.store(id)
	}
}

// fingerprint is everything that came out, and the state of everybody.
func (w *world) fingerprint() (string, error) {
	b, err := json.MarshalIndent(w.out, "", " ")
	if err != nil {
		return "", err
	}
	var s strings.Builder
	s.Write(b)
	for _, id := range w.ids() {
		fmt.Fprintf(&s, "\n%s %x", id, w.people[id].Encode(nil))
	}
	return s.String(), nil
}
