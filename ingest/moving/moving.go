// Package moving takes the exports of another marketing tool in, so that nobody is written to by accident.
//
// A move has a fixed order, whatever the order of the files: first every refusal that stands in any of them (suppressions,
// unsubscribed, bounced, complained), then LINE ids, people with their permissions, and history. Who is refused anywhere gets
// no permission from anywhere: the strictest word wins. What the old tool does not say stays unknown; nothing is guessed. All
// that comes is historical: it changes what is known of people, starts nothing and sends nothing.
//
// A row carries the mark (hash of the file, number), so that a move that is broken off is begun again from the start, and one
// that is done twice leaves the same state. The package keeps nothing: what it did is in the topics and in the [Report].
package moving

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/ingest/mapping"
	"enishi/ingest/presets"
)

// Tools are those that can be moved in from, as enishi move-in names them.
func Tools() []string { return []string{"klaviyo", "karte", "mailchimp", "salesforce"} }

// File is one file of an export.
type File struct {
	Name   string
	Preset string // of presets; empty: recognised by name and columns; "-": not taken
	Open   func() (io.ReadCloser, error)
}

// Planned is a file as a move will take it.
type Planned struct {
	Name    string        `json:"name"`
	Preset  string        `json:"preset"`         // "" : not taken
	Kind    string        `json:"kind,omitempty"` // of the preset
	Title   mapping.Title `json:"title,omitzero"` // of the preset
	Choices []string      `json:"choices"`        // presets that fit the columns, the best first
	Rows    int           `json:"rows"`           // below the header
	Headers []string      `json:"headers"`        //
	Kept    []string      `json:"kept"`           // columns that the preset does not know and that are kept as traits
	Left    []string      `json:"left"`           // columns that are not taken
	Problem *Problem      `json:"problem"`        // why it cannot be taken

	hash string
	open func() (io.ReadCloser, error)
	with presets.Preset
	made *mapping.Program
}

// Problem is something wrong, in both languages.
type Problem struct {
	EN string `json:"en"`
	JA string `json:"ja"`
}

// Plan is what a move would do.
type Plan struct {
	From    string    `json:"from"`
	Files   []Planned `json:"files"`    // in the order in which they are taken; those that are not taken last
	Stop    *Problem  `json:"stop"`     // why it may not begin
	NoStops bool      `json:"no_stops"` // a person said that there are no suppressions
}

// maxKept bounds the columns that are kept as traits.
const maxKept = 60

// Look makes a plan of the files of an export from one of Tools. noStops says that the old tool has no suppressions: without
// that word a plan without a file of them may not begin.
func Look(from string, files []File, noStops bool, zone *time.Location) (*Plan, error) {
	if !slices.Contains(Tools(), from) {
		return nil, enishi.FieldError("from", "is one of "+strings.Join(Tools(), ", "), "移行元は "+strings.Join(Tools(), "、")+" のどれかです")
	}
	p := &Plan{From: from, NoStops: noStops}
	seen := map[string]string{}
	for _, f := range files {
		x := look(from, f, zone)
		if other, again := seen[x.hash]; again && x.Problem == nil {
			x.Preset, x.Problem = "", &Problem{"is the same file as " + other, "「" + other + "」と同じ内容です"}
		}
		seen[x.hash] = f.Name
		p.Files = append(p.Files, x)
	}
	order := presets.Kinds()
	rank := func(x *Planned) int {
		if x.Preset == "" {
			return len(order)
		}
		return slices.Index(order, x.Kind)
	}
	slices.SortStableFunc(p.Files, func(a, b Planned) int { return cmp.Or(rank(&a)-rank(&b), strings.Compare(a.Name, b.Name)) })
	p.Stop = p.stop()
	return p, nil
}

// stop says why a plan may not begin. A file that looks like suppressions and cannot be read stops it, whatever a person says.
func (p *Plan) stop() *Problem {
	taken, stops := 0, 0
	for i := range p.Files {
		x := &p.Files[i]
		if x.Preset == "" && x.Problem != nil && looksLikeStops(x.Name) {
			return &Problem{x.Name + " looks like suppressions and cannot be read: " + x.Problem.EN, "「" + x.Name + "」は配信停止のファイルのようですが、読み取れません。" + x.Problem.JA}
		}
		if x.Preset == "" {
			continue
		}
		taken++
		if x.Kind == presets.Suppressions && x.Rows > 0 {
			stops++
		}
	}
	switch {
	case taken == 0:
		return &Problem{"no file of the export is known: look at the columns, or choose what each file is", "取り込めるファイルがありません。列を確かめるか、ファイルごとに種類を選んでください"}
	case stops == 0 && !p.NoStops:
		return &Problem{"there is no file of suppressions (unsubscribed, bounced, complained): export it too, or say that there is none", "配信停止（解除・不達・迷惑メール報告）のファイルがありません。書き出して加えるか、「配信停止の記録はない」と確認してください"}
	}
	return nil
}

func looksLikeStops(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"suppress", "unsub", "cleaned", "optout", "opt-out", "bounce", "配信停止", "解除"}, func(s string) bool { return strings.Contains(name, s) })
}

// look reads a file once: its hash, its columns and how many rows it has.
func look(from string, f File, zone *time.Location) Planned {
	x := Planned{Name: f.Name, Choices: []string{}, Headers: []string{}, Kept: []string{}, Left: []string{}, open: f.Open}
	hash := sha256.New()
	var rows *reader
	err := func() error {
		in, err := f.Open()
		if err != nil {
			return err
		}
		defer in.Close()
		if rows, err = newReader(io.TeeReader(in, hash)); err != nil {
			return err
		}
		for {
			if _, _, err := rows.next(); err == io.EOF {
				_, err = io.Copy(io.Discard, rows.raw)
				return err
			} else if err != nil {
				return err
			}
			x.Rows++
		}
	}()
	x.hash = hex.EncodeToString(hash.Sum(nil))
	if err != nil {
		x.Problem = &Problem{"cannot be read: " + err.Error(), "読み取れません（" + err.Error() + "）"}
		return x
	}
	x.Headers = rows.header
	best := fitting(from, f.Name, rows.header)
	for _, p := range best {
		x.Choices = append(x.Choices, p.Name)
	}
	p, ok := presets.Preset{}, false
	switch {
	case f.Preset == "-":
		return x
	case f.Preset != "":
		if p, ok = presets.Find(f.Preset); !ok {
			x.Problem = &Problem{f.Preset + " is no preset", "「" + f.Preset + "」という種類はありません"}
			return x
		}
	case len(best) > 0:
		p, ok = best[0], true
	}
	if !ok {
		x.Problem = &Problem{"its columns are those of no known file of this tool: " + strings.Join(rows.header, ", "), "列の並びが、このツールのどのファイルとも合いません（列: " + strings.Join(rows.header, "、") + "）"}
		return x
	}
	x.Preset, x.Kind, x.Title, x.with = p.Name, p.Kind, p.Title, p
	if err := x.compile(zone); err != nil {
		x.Preset, x.Problem = "", problemOf(err)
	}
	return x
}

// fitting are the presets of the tool for a file, then those that belong to no tool.
func fitting(from, name string, header []string) []presets.Preset {
	var own, others []presets.Preset
	for _, p := range presets.RecogniseFile(name, header) {
		if p.Kind == presets.Products {
			continue // a move is of people; the catalogue has imports of its own
		}
		switch system := strings.ToLower(p.System); {
		case system == from:
			own = append(own, p)
		case !slices.Contains(Tools(), system):
			others = append(others, p)
		}
	}
	return append(own, others...)
}

// compile makes the program of the mapping of a file. Columns that the preset does not know are the shop's own: of people they are kept as
// traits of their names.
func (x *Planned) compile(zone *time.Location) error {
	m := x.with.Mapping
	m.Rules = slices.Clone(m.Rules)
	read, known := map[string]bool{}, map[string]bool{}
	first, err := mapping.Compile(m, zone)
	if err != nil {
		return err
	}
	for _, c := range first.Columns() {
		read[c.Name] = true
	}
	for _, h := range x.with.Headers {
		known[h] = true
	}
	x.Kept, x.Left = []string{}, []string{}
	extra := map[string]string{}
	for _, h := range x.Headers {
		switch {
		case read[h] || h == "":
		case x.Kind == presets.People && !known[h] && len(x.Kept) < maxKept && len(h) <= 60:
			x.Kept = append(x.Kept, h)
			extra["person.traits."+h] = fmt.Sprintf("row[%q]", h)
		default:
			x.Left = append(x.Left, h)
		}
	}
	x.made = first
	if i := slices.IndexFunc(m.Rules, func(r mapping.Rule) bool { return r.Event == "person.identified" }); i >= 0 && len(extra) > 0 {
		maps.Copy(extra, m.Rules[i].Fields)
		m.Rules[i].Fields = extra
		if x.made, err = mapping.Compile(m, zone); err != nil {
			return err
		}
	}
	_, err = x.made.Sheet(x.Headers)
	return err
}

func problemOf(err error) *Problem {
	var e *enishi.Error
	if errors.As(err, &e) && e.MsgJA != "" {
		return &Problem{e.Msg, e.MsgJA}
	}
	return &Problem{err.Error(), err.Error()}
}

// mark is the file's part of the mark of an imported row; the parts of a move that are appended apart have marks of their own.
func (x *Planned) mark(part string) uint64 {
	sum := sha256.Sum256([]byte(x.hash + "\x00" + part))
	return binary.BigEndian.Uint64(sum[:8])
}
