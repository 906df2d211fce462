// Package presets holds mappings for the files of common systems: shop systems, tills, carriers and marketing tools.
//
// Each is a YAML file beside this one with its mapping and the public description that it was written from; none was made with
// the vendor. A file of an export is recognised by the names of its columns ([Recognise]). Where a shop chooses the columns
// itself, the mapping reads what it can do without as absent.
package presets

import (
	"bytes"
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/unicode/norm"

	"enishi/ingest/mapping"
)

//go:embed *.yaml
var files embed.FS

// Kinds of presets, in the order in which a move takes them.
const (
	Suppressions  = "suppressions"
	LINE          = "line"
	People        = "people"
	Orders        = "orders"
	Receipts      = "receipts"
	Subscriptions = "subscriptions"
	Shipments     = "shipments"
	Events        = "events"
	Products      = "products" // of the catalogue; no move takes them
)

// Kinds are all of them in that order.
func Kinds() []string {
	return []string{Suppressions, LINE, People, Orders, Receipts, Subscriptions, Shipments, Events, Products}
}

// Preset is a mapping for one kind of file of one system.
type Preset struct {
	Name     string          `yaml:"-"`        // of its YAML file, as eccube-orders
	System   string          `yaml:"system"`   // EC-CUBE 4, ヤマト運輸
	Title    mapping.Title   `yaml:"title"`    // what it is, with the system
	Kind     string          `yaml:"kind"`     // one of Kinds
	Source   string          `yaml:"source"`   // where the format is described in public
	About    mapping.Title   `yaml:"about"`    // what to know before using it
	Encoding string          `yaml:"encoding"` // cp932, where the system writes that; empty: UTF-8
	Files    []string        `yaml:"files"`    // patterns of names of files, in small letters, that tell it from others with the same columns
	Headers  []string        `yaml:"headers"`  // the columns as the system names them
	Any      []string        `yaml:"any"`      // one of these must be there too
	Mapping  mapping.Mapping `yaml:"mapping"`

	Needs []string `yaml:"-"` // the columns that must be there
}

// All are the presets by name.
func All() []Preset { return slices.Clone(all()) }

// Find gives the preset of a name.
func Find(name string) (Preset, bool) {
	list := all()
	i, ok := slices.BinarySearchFunc(list, name, func(p Preset, name string) int { return strings.Compare(p.Name, name) })
	if !ok {
		return Preset{}, false
	}
	return list[i], true
}

// all reads the files once; a test holds that they can be read.
var all = sync.OnceValue(func() []Preset {
	list, err := load()
	if err != nil {
		panic(err)
	}
	return list
})

func load() ([]Preset, error) {
	names, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	var out []Preset
	for _, f := range names {
		text, err := files.ReadFile(f.Name())
		if err != nil {
			return nil, err
		}
		p := Preset{Name: strings.TrimSuffix(f.Name(), ".yaml")}
		d := yaml.NewDecoder(bytes.NewReader(text))
		d.KnownFields(true)
		if err := d.Decode(&p); err != nil {
			return nil, fmt.Errorf("preset %s: %w", p.Name, err)
		}
		p.Mapping.Title = p.Title
		program, err := mapping.Compile(p.Mapping, time.UTC)
		if err != nil {
			return nil, fmt.Errorf("preset %s: %w", p.Name, err)
		}
		for _, c := range program.Columns() {
			if c.Required {
				p.Needs = append(p.Needs, c.Name)
			}
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Preset) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Recognise gives the presets whose needed columns a header has, the best first: the one of whose own columns most are there
// and which leaves fewest of the header over. Names of columns are compared without width, case and spaces. Presets that only
// the name of the file tells apart (Files) come as equals in the order of their names.
func Recognise(headers []string) []Preset {
	have := map[string]bool{}
	for _, h := range headers {
		have[fold(h)] = true
	}
	type found struct {
		Preset
		score int
	}
	var list []found
	for _, p := range all() {
		if !p.fits(have) {
			continue
		}
		known := map[string]bool{}
		for _, h := range p.Headers {
			if name := fold(h); have[name] {
				known[name] = true
			}
		}
		list = append(list, found{p, 3*len(known) - len(have) - (len(p.Headers)-len(known))/4})
	}
	slices.SortStableFunc(list, func(a, b found) int { return b.score - a.score })
	out := make([]Preset, len(list))
	for i := range list {
		out[i] = list[i].Preset
	}
	return out
}

// RecogniseFile is Recognise for a file with a name: of presets with patterns only those stay that the name fits.
func RecogniseFile(name string, headers []string) []Preset {
	name = strings.ToLower(norm.NFKC.String(path.Base(strings.ReplaceAll(name, `\`, "/"))))
	return slices.DeleteFunc(Recognise(headers), func(p Preset) bool {
		return len(p.Files) > 0 && !slices.ContainsFunc(p.Files, func(pattern string) bool {
			ok, err := path.Match(norm.NFKC.String(pattern), name)
			return ok && err == nil
		})
	})
}

// fits tells whether all columns are there that the preset needs.
func (p *Preset) fits(have map[string]bool) bool {
	for _, name := range p.Needs {
		if !have[fold(name)] {
			return false
		}
	}
	return len(p.Any) == 0 || slices.ContainsFunc(p.Any, func(h string) bool { return have[fold(h)] })
}

// fold is a name of a column as it is compared.
func fold(name string) string {
	return strings.ToLower(strings.ReplaceAll(norm.NFKC.String(strings.TrimPrefix(name, "\uFEFF")), " ", ""))
}
