package segments

import (
	"errors"
	"maps"
	"slices"
	"time"

	"enishi"
	"enishi/profiles"
)

// Library is what an expression may name beside the person. What it takes in from there is a part of it: when that changes,
// the segment is compiled anew ([Segment.Same] tells). A nil func knows nothing.
type Library struct {
	// Segment finds the expression of another segment, for in_segment.
	Segment func(name string) (expression string, ok bool)
	// Ranking finds the cuts of a ranking, for rank and top; of one that was never computed those without points.
	Ranking func(name string) (*Cuts, bool)
	// Store finds where a store is, for distance; the zero Place is not known.
	Store func(id string) (at profiles.Place, ok bool)
	// List reports whether there is a static list, for in_list. Nil: any name may be one.
	List func(name string) bool
	// Zone is where days begin: those of date("2026-11-01"), of the calendar's instants, of ages and birthdays. Nil: Japan.
	Zone *time.Location
}

// Reference is something of a library that an expression took in.
type Reference struct{ Kind, Name string }

// Kinds of references. They are the kinds of the definitions that give them, but for the zone, which has no name.
const (
	KindSegment = "segment"
	KindList    = "list"
	kindZone    = "zone"
)

// Compile is [Compile] for an expression that may name what the library has. It is taken in as the library has it now.
func (l Library) Compile(name string, version int64, body []byte) (*Segment, error) {
	b, err := ParseBody(body)
	if err != nil {
		return nil, err
	}
	inc := l.inclusion(name)
	root, tree, err := checkWith(b.Expression, inc)
	if err != nil {
		var e *enishi.Error
		if errors.As(err, &e) {
			e.Field = "expression"
		}
		return nil, err
	}
	s := &Segment{Name: name, Version: version, Body: b, root: root, tree: tree, took: inc.took, cuts: inc.cuts, zone: l.Zone, match: testOf(root)}
	if root.timed {
		s.verdict = verdictOf(root)
	}
	return s, nil
}

// Check is [Check] for an expression that may name what the library has.
func (l Library) Check(expression string) error {
	_, _, err := checkWith(expression, l.inclusion(""))
	return err
}

// Took lists what the segment took in of a kind, also by way of others; by name.
func (s *Segment) Took(kind string) []string {
	var names []string
	for r := range s.took {
		if r.Kind == kind {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Uncomputed lists the rankings that it took in and that were never computed: nobody has a rank by them.
func (s *Segment) Uncomputed() []string {
	var names []string
	for name, c := range s.cuts {
		if c.ComputedAt.IsZero() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Same reports whether two segments, of perhaps different libraries, are one version with the same parts: they give the same
// answers.
func (s *Segment) Same(t *Segment) bool {
	return s.Name == t.Name && s.Version == t.Version && s.Body.Expression == t.Body.Expression && maps.Equal(s.took, t.took)
}

// Current reports whether the library still has what the segment took in.
func (s *Segment) Current(l Library) bool {
	inc := l.inclusion(s.Name)
	for r, was := range s.took {
		if is, ok := inc.text(r); !ok || is != was {
			return false
		}
	}
	return true
}

// library gives again what the segment was compiled with.
func (s *Segment) library() Library {
	find := func(name string) (string, bool) { text, ok := s.took[Reference{KindSegment, name}]; return text, ok }
	store := func(id string) (profiles.Place, bool) {
		text, ok := s.took[Reference{KindStore, id}]
		return parsePlace(text), ok
	}
	cuts := func(name string) (*Cuts, bool) { c, ok := s.cuts[name]; return c, ok }
	return Library{Segment: find, Ranking: cuts, Store: store, Zone: s.zone}
}

// inclusion is how far an expression has taken in what a library has.
type inclusion struct {
	library Library
	path    []string             // from the outermost segment to the one that is being read
	parts   int                  // that this expression took in
	roots   map[string]*node     // of all segments that were read
	ranking bool                 // the parts of a ranking are being read
	took    map[Reference]string // the texts of what was taken in
	cuts    map[string]*Cuts     // of the rankings among it
}

func (l Library) inclusion(name string) *inclusion {
	if l.Zone == nil {
		l.Zone = time.FixedZone("Asia/Tokyo", 9*60*60) // no summer time since 1951
	}
	return &inclusion{library: l, path: []string{name}, roots: map[string]*node{}, took: map[Reference]string{}, cuts: map[string]*Cuts{}}
}

// cuts finds those of a ranking; of the built-in ones there are always some. Nil: there is no such ranking.
func (l Library) cuts(name string) *Cuts {
	if l.Ranking != nil {
		if c, ok := l.Ranking(name); ok {
			return c
		}
	}
	if r, builtin := RFM()[name]; builtin {
		return &Cuts{Order: r.Order}
	}
	return nil
}

// text is what a reference stands for now.
func (inc *inclusion) text(r Reference) (string, bool) {
	switch {
	case r.Kind == kindZone:
		return inc.library.Zone.String(), true
	case r.Kind == KindStore && inc.library.Store != nil:
		at, ok := inc.library.Store(r.Name)
		return placeText(at), ok
	case r.Kind == KindSegment && inc.library.Segment != nil:
		return inc.library.Segment(r.Name)
	case r.Kind == KindList:
		return "", inc.library.List == nil || inc.library.List(r.Name)
	case r.Kind == KindRanking:
		cuts := inc.library.cuts(r.Name)
		if cuts == nil {
			return "", false
		}
		return cuts.text(), true
	}
	return "", false
}

// zone is where days begin; the expression depends on it from here on.
func (c *typing) zone() *time.Location {
	c.including.took[Reference{Kind: kindZone}] = c.including.library.Zone.String()
	return c.including.library.Zone
}

// ageZone is the zone of the fields that need one.
func (c *typing) ageZone(f *Field) *time.Location {
	if f.op != opAge {
		return nil
	}
	return c.zone()
}
