package pipeline

import (
	"encoding/json"
	"log/slog"
	"sort"
	"time"

	"enishi"
	"enishi/journeys"
	"enishi/profiles"
	"enishi/segments"
)

// Definitions is what a partition folds with: everything that was accepted up to an offset of the topic definitions,
// compiled. It is immutable and shared by the partitions that stand at that offset.
type Definitions struct {
	Next     int64
	At       time.Time // when the newest of them was saved
	Segments *segments.Set
	Journeys *journeys.Set
	Settings *journeys.Settings
	Sweeping Sweeping

	templates map[string]template
	lists     map[string]bool // static lists that there are
}

type template struct {
	version int64
	channel string
	outside bool // of social: something of it may leave when the window is closed
}

func (d *Definitions) template(name string) (version int64, channel string, ok bool) {
	t, ok := d.templates[name]
	return t.version, t.channel, ok
}

// outside is what [journeys.Env] asks.
func (d *Definitions) outside(name string) bool { return d.templates[name].outside }

// changedSegments lists the segments that are new, gone or not the same as before, by name: those that changed, those that take
// in something that did, and those that are to be swept again.
func (d *Definitions) changedSegments(before *Definitions) []string {
	var out []string
	for _, s := range d.Segments.Segments() {
		if was := before.Segments.Get(s.Name); was == nil || !s.Same(was) || d.Sweeping.Again[s.Name] > before.Sweeping.Again[s.Name] {
			out = append(out, s.Name)
		}
	}
	for _, was := range before.Segments.Segments() {
		if d.Segments.Get(was.Name) == nil {
			out = append(out, was.Name)
		}
	}
	sort.Strings(out)
	return out
}

// set takes a setting that the fold knows.
func (d *Definitions) set(x *enishi.Definition) error {
	switch x.Name {
	case "journeys":
		settings, err := journeys.ParseSettings(x.Body)
		if err != nil {
			return err
		}
		d.Settings = settings
	case SweepingName:
		return json.Unmarshal(x.Body, &d.Sweeping)
	}
	return nil
}

// compiler keeps what was compiled: a change of one definition compiles that one.
type compiler struct {
	journeys  map[source]*journeys.Journey // all versions: runs may stand in any
	segments  map[source]*segments.Segment
	templates map[source]template
}

// source is one version of a definition; the same name and version in another workspace has another body.
type source struct {
	name    string
	version int64
	body    string
}

func newCompiler() *compiler {
	return &compiler{journeys: map[source]*journeys.Journey{}, segments: map[source]*segments.Segment{}, templates: map[source]template{}}
}

func sourceOf(x *enishi.Definition) source { return source{x.Name, x.Version, string(x.Body)} }

// journey compiles x anew when it, or something that its conditions take in, has changed.
func (c *compiler) journey(x *enishi.Definition, l segments.Library) (*journeys.Journey, error) {
	key := sourceOf(x)
	if had := c.journeys[key]; had == nil || !had.Current(l) {
		j, err := journeys.Compile(x.Name, x.Version, x.Body, l)
		if err != nil {
			return nil, err
		}
		c.journeys[key] = j
	}
	own := *c.journeys[key] // whether it is live differs between definitions
	return &own, nil
}

// lasting is the library of journeys. Runs may stand in versions that name what was deleted since: nobody is in it, has a rank
// by it or lives near it, and the run goes on.
func lasting(l segments.Library) segments.Library {
	out := segments.Library{Zone: l.Zone}
	out.Segment = func(name string) (string, bool) {
		if text, ok := l.Segment(name); ok {
			return text, true
		}
		return "false", true
	}
	out.Ranking = func(name string) (*segments.Cuts, bool) {
		if c, ok := l.Ranking(name); ok {
			return c, true
		}
		if _, builtin := segments.RFM()[name]; builtin {
			return nil, false // the library has those
		}
		return &segments.Cuts{Order: segments.Order{Measure: "ltv", By: segments.By{Top: 1}}}, true
	}
	out.Store = func(id string) (profiles.Place, bool) { at, _ := l.Store(id); return at, true }
	return out
}

// Library is what expressions may name, by the definitions that current finds.
func Library(current func(kind, name string) (enishi.Definition, bool)) segments.Library {
	l := segments.Library{Segment: func(name string) (string, bool) {
		d, ok := current(segments.KindSegment, name)
		if !ok {
			return "", false
		}
		b, err := segments.ParseBody(d.Body)
		return b.Expression, err == nil
	}, Ranking: func(name string) (*segments.Cuts, bool) { return cutsOf(name, current) },
		List: func(name string) bool { _, ok := current(segments.KindList, name); return ok }}
	l.Store = func(id string) (profiles.Place, bool) {
		d, ok := current(segments.KindStore, id)
		if !ok {
			return profiles.Place{}, false
		}
		b, err := segments.ParseStore(d.Body)
		return b.Place(), err == nil
	}
	if d, ok := current("setting", "journeys"); ok {
		if s, err := journeys.ParseSettings(d.Body); err == nil {
			l.Zone = s.Zone()
		}
	}
	return l
}

// cutsOf are the cuts of a ranking; of one that was never computed those without points.
func cutsOf(name string, current func(kind, name string) (enishi.Definition, bool)) (*segments.Cuts, bool) {
	d, ok := current(segments.KindRanking, name)
	if !ok {
		return nil, false
	}
	var c segments.Cuts
	if computed, ok := current(segments.KindCuts, name); ok && json.Unmarshal(computed.Body, &c) == nil {
		return &c, true
	}
	r, err := segments.ParseRanking(d.Body)
	if err != nil {
		return nil, false
	}
	return &segments.Cuts{Order: r.Order}, true
}

// segment compiles x anew when it, or something that it takes in, has changed.
func (c *compiler) segment(x *enishi.Definition, l segments.Library) (*segments.Segment, error) {
	key := sourceOf(x)
	if had := c.segments[key]; had != nil && had.Current(l) {
		return had, nil
	}
	s, err := l.Compile(x.Name, x.Version, x.Body)
	if err == nil {
		c.segments[key] = s
	}
	return s, err
}

// template reads what the fold needs to know of a template.
func (c *compiler) template(x *enishi.Definition) (template, error) {
	key := sourceOf(x)
	if t, ok := c.templates[key]; ok {
		return t, nil
	}
	var t struct {
		Channel string `json:"channel"`
	}
	var social struct {
		Variants map[string]struct {
			Content struct {
				Tag     string          `json:"tag"`
				Utility json.RawMessage `json:"utility"`
			} `json:"content"`
		} `json:"variants"`
	}
	if err := json.Unmarshal(x.Body, &t); err != nil {
		return template{}, err
	}
	out := template{version: x.Version, channel: t.Channel}
	// A text that makes the content when it is filled in is not looked into: it counts as having neither tag nor utility template.
	if t.Channel == "social" && json.Unmarshal(x.Body, &social) == nil {
		for _, v := range social.Variants {
			out.outside = out.outside || v.Content.Tag != "" || v.Content.Utility != nil
		}
	}
	c.templates[key] = out
	return out, nil
}

// acting are the versions of journeys that take entries, or stand for those that do not any more, by name: the newest that was
// ever let out. Drafts after it wait; a journey that is only a draft has its newest. One that is deleted has none.
func acting(until []enishi.Definition) map[string]*enishi.Definition {
	out, acts := map[string]*enishi.Definition{}, map[string]bool{}
	for i := range until {
		x := &until[i]
		if x.Kind != "journey" {
			continue
		}
		if x.Deleted {
			delete(out, x.Name)
			delete(acts, x.Name)
			continue
		}
		if is := journeys.Acts(x.Body); is || !acts[x.Name] {
			out[x.Name], acts[x.Name] = x, is
		}
	}
	return out
}

// definitionsAt compiles what stands before an offset; mu is held. A definition that does not compile is left out and logged:
// the api and `enishi check` refuse it before it is written, so it can only come from a foreign writer.
func (f *Folder) definitionsAt(next int64) *Definitions {
	if d := f.defs[next]; d != nil {
		return d
	}
	d := f.compiler.definitions(f.cfg.Definitions.Until(next), f.cfg.Log)
	d.Next = next
	for old := range f.defs { // partitions go over at about the same time; what one stands at it holds itself
		if old < next {
			delete(f.defs, old)
		}
	}
	f.defs[next] = d
	return d
}

// definitions compiles what a log says up to a point.
func (c *compiler) definitions(until []enishi.Definition, log *slog.Logger) *Definitions {
	d := &Definitions{Settings: journeys.DefaultSettings(), templates: map[string]template{}, lists: map[string]bool{}}
	if len(until) > 0 {
		d.At = until[len(until)-1].At.UTC()
	}
	current := map[[2]string]*enishi.Definition{}
	for i := range until {
		current[[2]string{until[i].Kind, until[i].Name}] = &until[i]
	}
	acting := acting(until)
	library := Library(func(kind, name string) (enishi.Definition, bool) {
		x := current[[2]string{kind, name}]
		if x == nil || x.Deleted {
			return enishi.Definition{}, false
		}
		return *x, true
	})
	named := lasting(library)
	var js []*journeys.Journey
	var segs []*segments.Segment
	for i := range until {
		x := &until[i]
		newest := current[[2]string{x.Kind, x.Name}]
		if x.Deleted || x.Kind != "journey" && x != newest {
			continue
		}
		var err error
		switch x.Kind {
		case "journey":
			var j *journeys.Journey
			if j, err = c.journey(x, named); err == nil {
				j.Live = x == acting[x.Name]
				js = append(js, j)
			}
		case "segment":
			var s *segments.Segment
			if s, err = c.segment(x, library); err == nil {
				segs = append(segs, s)
			}
		case "template":
			var t template
			if t, err = c.template(x); err == nil {
				d.templates[x.Name] = t
			}
		case segments.KindList:
			d.lists[x.Name] = true
		case "setting":
			err = d.set(x)
		}
		if err != nil {
			log.Error("definition does not compile", "kind", x.Kind, "name", x.Name, "version", x.Version, "err", err)
		}
	}
	d.Segments, d.Journeys = segments.NewSet(segs), journeys.NewSet(js)
	return d
}
