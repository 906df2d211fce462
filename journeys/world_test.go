package journeys

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/profiles"
	"enishi/segments"
)

// world folds events into people as the pipeline does: apply, segments, journeys, round and round; timers at their
// instants. Everything that comes out is kept.
type world struct {
	t        testing.TB
	now      time.Time
	people   map[enishi.ID]*profiles.Profile
	names    map[string]enishi.ID
	persons  map[string]*enishi.Person
	hasher   *enishi.Hasher
	segments *segments.Set
	journeys *Set
	settings *Settings
	out      enishi.Effects
	n        int               // events so far
	bodies   map[string]string // newest definitions that were published anew
	restart  bool
	steps    Env
}

func newWorld(t testing.TB) *world {
	return &world{t: t, people: map[enishi.ID]*profiles.Profile{}, names: map[string]enishi.ID{}, bodies: map[string]string{}, persons: map[string]*enishi.Person{},
		hasher: enishi.NewHasher([]byte("0123456789abcdef0123456789abcdef")), segments: segments.NewSet(nil), journeys: NewSet(nil), settings: DefaultSettings()}
}

// galleryBody is the body of a ready-made definition.
func galleryBody(t testing.TB, kind, name string) []byte {
	t.Helper()
	for _, item := range Gallery() {
		if item.Kind == kind && item.Name == name {
			return item.Body
		}
	}
	t.Fatalf("the gallery has no %s %s", kind, name)
	return nil
}

func mustCompile(t testing.TB, name string, version int64, body []byte) *Journey {
	t.Helper()
	j, err := Compile(name, version, body, segments.Library{})
	if err != nil {
		t.Fatalf("compile %s: %v", name, err)
	}
	j.Live = true
	return j
}

// testTemplates knows each template by its name: NAME_mail and NAME_line.
func testTemplates(name string) (int64, string, bool) {
	switch {
	case strings.HasSuffix(name, "_mail"):
		return 7, "email", true
	case strings.HasSuffix(name, "_line"):
		return 7, "line", true
	}
	return 0, "", false
}

func (w *world) env() *Env {
	w.steps.Now, w.steps.Journeys, w.steps.Settings, w.steps.Templates = w.now, w.journeys, w.settings, testTemplates
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
	w.t.Helper()
	id, ok := w.names[name]
	if !ok {
		w.t.Fatalf("nobody is called %s", name)
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
		w.t.Fatalf("decode: %v", err)
	}
	w.people[id] = p
}

// pass lets time go by; timers fire at their instants.
func (w *world) pass(to time.Time) {
	w.t.Helper()
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
	w.t.Fatalf("timers do not come to an end")
}

// almost folds a timer a millisecond before something is due: nothing may happen.
func (w *world) almost(id enishi.ID, due time.Time) {
	w.t.Helper()
	if early := due.Add(-time.Millisecond); early.After(w.now) {
		w.now = early
		before := len(w.out.Derived) + len(w.out.Messages) + len(w.out.Decisions)
		w.react(w.people[id], Trigger{Timer: true})
		if after := len(w.out.Derived) + len(w.out.Messages) + len(w.out.Decisions); after != before {
			w.t.Fatalf("something due at %v happened at %v", due, early)
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

// publish puts journeys of the gallery, or NAME.json of testdata, live.
func (w *world) publish(names ...string) {
	var js []*Journey
	for _, j := range w.journeys.versions {
		js = append(js, j)
	}
	for i, name := range names {
		js = append(js, mustCompile(w.t, name, int64(10+i), readDefinition(w.t, name)))
	}
	w.journeys = NewSet(js)
}

// republish publishes a version of a journey that differs by some fields, and sweeps everybody as the pipeline does when it
// takes people over or goes live again.
func (w *world) republish(name, fields string) {
	w.t.Helper()
	var js []*Journey
	version, was := int64(0), ""
	for _, j := range w.journeys.versions {
		if js = append(js, j); j.Name == name && j.Version > version {
			version, was = j.Version, w.bodies[name]
		}
	}
	if was == "" {
		was = string(readDefinition(w.t, name))
	}
	body := map[string]json.RawMessage{}
	for _, text := range []string{was, fields} {
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			w.t.Fatal(err)
		}
	}
	text, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	w.bodies[name] = string(text)
	for _, j := range js {
		j.Live = j.Live && j.Name != name
	}
	w.journeys = NewSet(append(js, mustCompile(w.t, name, version+100, text)))
	for _, id := range w.ids() {
		w.react(w.people[id], Trigger{Renewed: name})
		w.store(id)
	}
}

func (w *world) segment(name, expression string) {
	body, _ := json.Marshal(segments.Body{Expression: expression})
	s, err := segments.Compile(name, 3, body)
	if err != nil {
		w.t.Fatalf("segment %s: %v", name, err)
	}
	w.segments = segments.NewSet(append(slices.Clone(w.segments.Segments()), s))
}

// fingerprint is everything that came out, and the state of everybody.
func (w *world) fingerprint() string {
	b, err := json.MarshalIndent(w.out, "", " ")
	if err != nil {
		w.t.Fatal(err)
	}
	var s strings.Builder
	s.Write(b)
	for _, id := range w.ids() {
		fmt.Fprintf(&s, "\n%s %x", id, w.people[id].Encode(nil))
	}
	return s.String()
}

func isGallery(name string) bool {
	return slices.ContainsFunc(Gallery(), func(g GalleryItem) bool { return g.Kind == "journey" && g.Name == name })
}

func base(p string) string { return strings.TrimSuffix(path.Base(p), path.Ext(p)) }

func decode(t testing.TB, id enishi.ID, state string) *profiles.Profile {
	p, err := profiles.Decode(id, state)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
