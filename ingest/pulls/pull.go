package pulls

import (
	"bytes"
	"encoding/json"
	"path"
	"strings"
	"time"

	"enishi"
	"enishi/ingest/files"
	"enishi/ingest/imports"
	"enishi/ingest/mapping"
	"enishi/internal/place"
)

const (
	// Kind is the kind of definition of a FilePull.
	Kind = "filepull"
	// RunKind is the kind of definition that asks for a look now; its name is the pull's.
	RunKind = "filepull-run"
)

// What becomes of a file that was taken.
const (
	Leave  = "leave" // also when nothing is said
	Move   = "move"  // to done/ in its folder, under the time of its writing
	Delete = "delete"
)

const (
	minEvery = 5 // minutes
	maxEvery = 24 * 60
)

// FilePull is the body of a definition of Kind: which files come from where, how they are read and when.
type FilePull struct {
	Title    mapping.Title `json:"title,omitzero"`
	Place    string        `json:"place"`   // of the configuration
	Pattern  string        `json:"pattern"` // name with * and ? in its last part: in/orders-*.csv
	Preset   string        `json:"preset,omitempty"`
	Mapping  string        `json:"mapping,omitempty"` // without this and a preset the files have events, one a line
	Encoding string        `json:"encoding,omitempty"`
	Source   string        `json:"source,omitempty"` // that the events carry
	Live     bool          `json:"live,omitempty"`   // events younger than a day act
	Every    int           `json:"every,omitempty"`  // minutes between looks; or
	At       string        `json:"at,omitempty"`     // HH:MM of the shop, each day
	Ready    string        `json:"ready,omitempty"`  // ending of the file that says that another is whole, as .done; empty: it stands still for a minute
	After    string        `json:"after,omitempty"`  // leave, move or delete
	By       string        `json:"by,omitempty"`     // HH:MM of the shop until which a file has to come each day
	Paused   bool          `json:"paused,omitempty"`
}

// Run is the body of a definition of RunKind.
type Run struct {
	ID string `json:"id"`
}

// Parse reads and checks a definition's body. Its errors name the field.
func Parse(body []byte) (FilePull, error) {
	var p FilePull
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return p, enishi.FieldError("body", "is no pull of files: "+err.Error(), "定期取り込みの定義として読めません: "+err.Error())
	}
	return p, p.check()
}

func (p *FilePull) check() error {
	switch {
	case p.Place == "":
		return enishi.FieldError("place", "is needed: a place of the configuration (places)", "置き場所を選んでください")
	case p.Preset != "" && p.Mapping != "":
		return enishi.FieldError("mapping", "say a preset or a mapping, not both", "形式と対応づけは、どちらか一方を指定してください")
	case (p.Every == 0) == (p.At == ""):
		return enishi.FieldError("every", "say every how many minutes, or at which time of the day", "間隔（分）か、毎日の時刻か、どちらか一方を指定してください")
	case p.Every != 0 && (p.Every < minEvery || p.Every > maxEvery):
		return enishi.FieldError("every", "is 5 to 1440 minutes", "5〜1440 分にしてください")
	case p.Ready != "" && (len(p.Ready) < 2 || len(p.Ready) > 20 || p.Ready[0] != '.' || strings.ContainsAny(p.Ready, "/\\*?[")):
		return enishi.FieldError("ready", "is an ending such as .done", ".done のような末尾を指定してください")
	}
	switch p.After {
	case "", Leave, Move, Delete:
	default:
		return enishi.FieldError("after", "is leave, move or delete", "leave・move・delete のどれかにしてください")
	}
	for _, x := range [...]struct{ field, at string }{{"at", p.At}, {"by", p.By}} {
		if _, err := time.Parse("15:04", x.at); x.at != "" && err != nil {
			return enishi.FieldError(x.field, "is a time such as 06:00", "06:00 のような時刻を指定してください")
		}
	}
	return place.CheckPattern(p.Pattern)
}

// Plan is how the files are read.
func (p *FilePull) Plan() imports.Plan {
	return imports.Plan{Mapping: p.Mapping, Preset: p.Preset, Source: p.Source, Live: p.Live, File: files.Options{Encoding: p.Encoding}}
}

// next is when to look again after a look at now.
func (p *FilePull) next(now time.Time, zone *time.Location) time.Time {
	if p.Every > 0 {
		return now.Add(time.Duration(p.Every) * time.Minute)
	}
	at := onDay(p.At, now, zone)
	if !at.After(now) {
		at = onDay(p.At, now.In(zone).AddDate(0, 0, 1), zone)
	}
	return at
}

// onDay is a time of the shop's day that holds an instant.
func onDay(clock string, day time.Time, zone *time.Location) time.Time {
	t, _ := time.Parse("15:04", clock) // it was checked
	y, m, d := day.In(zone).Date()
	return time.Date(y, m, d, t.Hour(), t.Minute(), 0, 0, zone).UTC()
}

const rejectsPart = ".rejects."

// ours reports whether a file is no file of data: rows to mend that were written back, or one that says that another is whole.
func (p *FilePull) ours(name string) bool {
	return strings.HasSuffix(name, rejectsPart+"csv") || strings.HasSuffix(name, rejectsPart+"ndjson") || p.Ready != "" && strings.HasSuffix(name, p.Ready)
}

// markers are the files that say that one is whole: orders.csv.done and orders.done.
func (p *FilePull) markers(name string) [2]string {
	return [2]string{name + p.Ready, strings.TrimSuffix(name, path.Ext(name)) + p.Ready}
}

// doneName is where a file goes that was taken. It has the time of its writing: a file of the same name may come each day.
func doneName(f *place.File, zone *time.Location) string {
	dir, base := path.Split(f.Name)
	return dir + "done/" + f.At.In(zone).Format("20060102-150405") + "-" + base
}
