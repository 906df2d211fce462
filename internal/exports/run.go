package exports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"enishi"
)

// Spec says what a run writes, how and where.
type Spec struct {
	Tables   []string  `json:"tables"`
	Contacts bool      `json:"contacts,omitempty"` // with the columns that are personal
	Since    time.Time `json:"since,omitzero"`     // of tables with a time
	Until    time.Time `json:"until,omitzero"`
	New      bool      `json:"new,omitempty"`    // of tables that grow only what is new since the last run of the name
	Day      bool      `json:"by_day,omitempty"` // a file for each day of the shop, of tables with a time
	Place    string    `json:"place,omitempty"`  // of the configuration; empty: the files are kept here, to be downloaded
	Folder   string    `json:"folder,omitempty"` // in the place
	File
}

const maxTables = 40

var formats, compressions = []string{Parquet, CSV, NDJSON}, []string{"", Gzip, Zstd}

// Check tells what is wrong with a spec, in the field at.FIELD. Places are the names of the configuration's.
func (s *Spec) Check(at string, places []string) error {
	if len(s.Tables) == 0 || len(s.Tables) > maxTables {
		return enishi.FieldError(at+"tables", fmt.Sprintf("name 1 to %d tables", maxTables), fmt.Sprintf("表を 1 つ以上、%d 個まで選んでください", maxTables))
	}
	for i, name := range s.Tables {
		t, ok := FindTable(name)
		switch {
		case !ok:
			return enishi.FieldError(fmt.Sprintf("%stables[%d]", at, i), "there is no table "+name+": see GET /export-tables", "表「"+name+"」はありません。一覧から選んでください")
		case slices.Index(s.Tables, name) < i:
			return enishi.FieldError(fmt.Sprintf("%stables[%d]", at, i), name+" is named twice", "「"+t.JA+"」が 2 回選ばれています")
		case t.Time == "" && (!s.Since.IsZero() || !s.Until.IsZero()):
			return enishi.FieldError(fmt.Sprintf("%stables[%d]", at, i), name+" says how things are now and has no time: leave since and until out, or the table", "「"+t.JA+"」には日時がないため期間を指定できません。期間を外すか、この表を外してください")
		}
	}
	if !slices.Contains(formats, s.Format) {
		return enishi.FieldError(at+"format", "is parquet, csv or ndjson", "形式は parquet・csv・ndjson から選んでください")
	}
	if !slices.Contains(compressions, s.Compression) {
		return enishi.FieldError(at+"compression", "is gzip, zstd or empty", "圧縮は gzip・zstd・なしから選んでください")
	}
	if s.BOM && s.Format != CSV {
		return enishi.FieldError(at+"bom", "is for CSV", "BOM を付けられるのは CSV だけです")
	}
	if s.SplitMB < 0 || s.SplitMB > 10_000 {
		return enishi.FieldError(at+"split_mb", "is 1 to 10,000, or 0 for one file", "ファイルの分割は 1〜10,000 MB で指定してください（0 は分割しない）")
	}
	if !s.Since.IsZero() && !s.Until.IsZero() && !s.Since.Before(s.Until) {
		return enishi.FieldError(at+"until", "is after since", "終わりは始まりより後にしてください")
	}
	if s.New && (!s.Since.IsZero() || !s.Until.IsZero()) {
		return enishi.FieldError(at+"new", "what is new since the last run has no since and until of its own", "「前回からの差分」と期間の指定は一緒に使えません")
	}
	if s.Place != "" && !slices.Contains(places, s.Place) {
		known := strings.Join(places, ", ")
		if known == "" {
			return enishi.FieldError(at+"place", "no place is configured: add places."+s.Place+" to the configuration (docs/configuration.md)", "置き場所が設定されていません。設定ファイルの places に「"+s.Place+"」を追加してください")
		}
		return enishi.FieldError(at+"place", "there is no place "+s.Place+"; the configuration has "+known, "置き場所「"+s.Place+"」はありません。設定にあるのは "+known+" です")
	}
	if s.Folder != "" && (path.Clean(s.Folder) != s.Folder || strings.HasPrefix(s.Folder, "/") || strings.HasPrefix(s.Folder, "..") || strings.ContainsAny(s.Folder, "\\\x00*?[") || len(s.Folder) > 200) {
		return enishi.FieldError(at+"folder", "is a path within the place, such as enishi/exports", "フォルダは enishi/exports のように、置き場所の中のパスで書いてください")
	}
	return nil
}

// Schedule is when a run begins, by the shop's clock.
type Schedule struct {
	Every string `json:"every"` // hour, day
	At    string `json:"at"`    // HH:MM of a day, MM of an hour
}

var ofDay, ofHour = regexp.MustCompile(`^([01]\d|2[0-3]):[0-5]\d$`), regexp.MustCompile(`^[0-5]\d$`)

func (s *Schedule) check(at string) error {
	switch s.Every {
	case "day":
		if !ofDay.MatchString(s.At) {
			return enishi.FieldError(at+"at", "is a time of day such as 03:30", "時刻は 03:30 のように書いてください")
		}
	case "hour":
		if !ofHour.MatchString(s.At) {
			return enishi.FieldError(at+"at", "is a minute of the hour such as 15", "毎時の分は 15 のように 2 桁で書いてください")
		}
	default:
		return enishi.FieldError(at+"every", "is hour or day", "繰り返しは hour（毎時）か day（毎日）にしてください")
	}
	return nil
}

// Last is the moment at which a run was due last, not after now.
func (s *Schedule) Last(now time.Time, zone *time.Location) time.Time {
	x := now.In(zone)
	var h, m int
	if s.Every == "hour" {
		fmt.Sscanf(s.At, "%d", &m)
		if at := time.Date(x.Year(), x.Month(), x.Day(), x.Hour(), m, 0, 0, zone); !at.After(now) {
			return at.UTC()
		}
		return time.Date(x.Year(), x.Month(), x.Day(), x.Hour()-1, m, 0, 0, zone).UTC()
	}
	fmt.Sscanf(s.At, "%d:%d", &h, &m)
	if at := time.Date(x.Year(), x.Month(), x.Day(), h, m, 0, 0, zone); !at.After(now) {
		return at.UTC()
	}
	return time.Date(x.Year(), x.Month(), x.Day()-1, h, m, 0, 0, zone).UTC()
}

// Next is the first moment after now.
func (s *Schedule) Next(now time.Time, zone *time.Location) time.Time {
	step := 24 * time.Hour
	if s.Every == "hour" {
		step = time.Hour
	}
	return s.Last(s.Last(now, zone).Add(step+time.Minute), zone)
}

// PlanKind is the kind of the definition that has a Plan.
const PlanKind = "bulk_export"

// Plan is an export that is kept: it can be run by its name, and runs by its schedule.
type Plan struct {
	Title struct {
		JA string `json:"ja,omitempty"`
		EN string `json:"en,omitempty"`
	} `json:"title"`
	Spec
	Schedule *Schedule `json:"schedule,omitempty"`  // nil: when somebody runs it
	KeepDays int       `json:"keep_days,omitempty"` // after so many days the files of a run are deleted at the place; 0: never. Files without a place go after a week.
	Paused   bool      `json:"paused,omitempty"`
}

// ParsePlan reads a plan; it does not check it.
func ParsePlan(body []byte) (*Plan, error) {
	p := &Plan{}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(p); err != nil {
		return nil, enishi.FieldError("body.body", "is no export: "+err.Error(), "書き出しの定義として読めません: "+err.Error())
	}
	return p, nil
}

// Check tells what is wrong with a plan.
func (p *Plan) Check(at string, places []string) error {
	if strings.TrimSpace(p.Title.JA+p.Title.EN) == "" || len(p.Title.JA)+len(p.Title.EN) > 400 {
		return enishi.FieldError(at+"title", "is needed, in ja or en", "名前を入力してください")
	}
	if err := p.Spec.Check(at, places); err != nil {
		return err
	}
	if p.KeepDays < 0 || p.KeepDays > 3650 {
		return enishi.FieldError(at+"keep_days", "is 0 to 3650", "保管日数は 0〜3650 で指定してください")
	}
	if p.Schedule == nil {
		return nil
	}
	if err := p.Schedule.check(at + "schedule."); err != nil {
		return err
	}
	if !p.Since.IsZero() || !p.Until.IsZero() {
		return enishi.FieldError(at+"since", "what runs again and again has no fixed bounds: use new", "繰り返し実行する場合は期間を固定できません。「前回からの差分」を使ってください")
	}
	return nil
}

// States of a run.
const (
	Waiting   = "waiting"
	Running   = "running"
	Done      = "done"
	Failed    = "failed"
	Cancelled = "cancelled"
)

// Run is one export.
type Run struct {
	ID        enishi.ID  `json:"id"`
	Name      string     `json:"name,omitempty"` // of its plan; empty: somebody asked once
	Spec      Spec       `json:"spec"`
	State     string     `json:"state"`
	Actor     string     `json:"actor"`
	Role      string     `json:"role"`
	Reason    string     `json:"reason,omitempty"`
	RequestID enishi.ID  `json:"request_id"`
	Replica   string     `json:"replica"` // whose folder it is written to
	Tries     int        `json:"tries"`
	DueAt     time.Time  `json:"due_at,omitzero"`
	CreatedAt time.Time  `json:"created_at"`
	StartedAt time.Time  `json:"started_at,omitzero"`
	EndedAt   time.Time  `json:"ended_at,omitzero"`
	Tables    []TableRun `json:"tables"`
	Folder    string     `json:"folder,omitempty"`  // in the place
	Copying   bool       `json:"copying,omitempty"` // everything is written; it is on its way to the place
	Gone      bool       `json:"gone,omitempty"`    // its files were deleted by their time
	Failure   string     `json:"failure,omitempty"`
	FailureJA string     `json:"failure_ja,omitempty"`

	KeepDays int `json:"keep_days,omitempty"`
}

// TableRun is what a run wrote of a table.
type TableRun struct {
	Name     string     `json:"name"`
	Columns  []string   `json:"columns"`
	Since    time.Time  `json:"since,omitzero"`
	Until    time.Time  `json:"until,omitzero"`
	Expected int64      `json:"expected"` // rows, counted before
	Rows     int64      `json:"rows"`
	Bytes    int64      `json:"bytes"`
	Files    []FileInfo `json:"files"`
}

// FileInfo is a file that is whole.
type FileInfo struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// ended tells whether a run is over.
func (r *Run) ended() bool { return r.State == Done || r.State == Failed || r.State == Cancelled }

// names are the files of a run.
func (r *Run) names() []string {
	var out []string
	for _, t := range r.Tables {
		for _, f := range t.Files {
			out = append(out, f.Name)
		}
	}
	return out
}
