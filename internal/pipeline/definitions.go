package pipeline

import (
	"encoding/json"
	"sort"

	"enishi"
	"enishi/journeys"
	"enishi/segments"
)

// Definitions is what a partition folds with: everything that was accepted up to an offset of the topic definitions,
// compiled. It is immutable and shared by the partitions that stand at that offset.
type Definitions struct {
	Next     int64
	Segments *segments.Set
	Journeys *journeys.Set
	Settings *journeys.Settings

	templates map[string]template
	versions  map[string]int64 // of segments
}

type template struct {
	version int64
	channel string
}

func (d *Definitions) template(name string) (version int64, channel string, ok bool) {
	t, ok := d.templates[name]
	return t.version, t.channel, ok
}

// changedSegments lists the segments that are new, changed or gone since before, by name.
func (d *Definitions) changedSegments(before *Definitions) []string {
	var out []string
	for name, v := range d.versions {
		if before.versions[name] != v {
			out = append(out, name)
		}
	}
	for name := range before.versions {
		if _, still := d.versions[name]; !still {
			out = append(out, name)
		}
	}
	sort.Strings(out)
	return out
}

// definitionsAt compiles what stands before an offset; mu is held. A definition that does not compile is left out and logged:
// the api and `enishi check` refuse it before it is written, so it can only come from a foreign writer.
func (f *Folder) definitionsAt(next int64) *Definitions {
	if d := f.defs[next]; d != nil {
		return d
	}
	d := &Definitions{Next: next, Settings: journeys.DefaultSettings(), templates: map[string]template{}, versions: map[string]int64{}}
	current := map[string]enishi.Definition{}
	var versions []*journeys.Journey
	for _, x := range f.cfg.Definitions.Until(next) {
		current[x.Kind+"/"+x.Name] = x
		if x.Kind == "journey" && !x.Deleted {
			j, err := journeys.Compile(x.Name, x.Version, x.Body)
			if err != nil {
				f.cfg.Log.Error("journey does not compile", "journey", x.Name, "version", x.Version, "err", err)
				continue
			}
			versions = append(versions, j)
		}
	}
	var segs []*segments.Segment
	for _, x := range current {
		if x.Deleted {
			continue
		}
		switch x.Kind {
		case "segment":
			s, err := segments.Compile(x.Name, x.Version, x.Body)
			if err != nil {
				f.cfg.Log.Error("segment does not compile", "segment", x.Name, "version", x.Version, "err", err)
				continue
			}
			segs = append(segs, s)
			d.versions[x.Name] = x.Version
		case "template":
			var t struct {
				Channel string `json:"channel"`
			}
			if json.Unmarshal(x.Body, &t) == nil {
				d.templates[x.Name] = template{x.Version, t.Channel}
			}
		case "setting":
			if x.Name == "journeys" {
				settings, err := journeys.ParseSettings(x.Body)
				if err != nil {
					f.cfg.Log.Error("setting does not read", "setting", x.Name, "err", err)
					continue
				}
				d.Settings = settings
			}
		}
	}
	for i, j := range versions {
		now, there := current["journey/"+j.Name]
		versions[i].Live = there && !now.Deleted && now.Version == j.Version
	}
	sort.Slice(segs, func(i, j int) bool { return segs[i].Name < segs[j].Name })
	d.Segments, d.Journeys = segments.NewSet(segs), journeys.NewSet(versions)
	for old := range f.defs { // partitions go over at about the same time; what one stands at it holds itself
		if old < next {
			delete(f.defs, old)
		}
	}
	f.defs[next] = d
	return d
}
