package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"enishi"
	"enishi/internal/exports"
)

const exportsLook = 10 * time.Second // for plans that are due

type exportTablesOutput struct{ Body exportTablesPage }

type exportTablesPage struct {
	Items  []exportTableRow `json:"items"`
	Places []string         `json:"places" doc:"Of the configuration, to which an export can go."`
}

type exportTableRow struct {
	Name     string              `json:"name"`
	Title    Text                `json:"title"`
	Time     string              `json:"time,omitempty" doc:"The column by which since, until and by_day choose; absent: the table has none."`
	Grows    bool                `json:"grows" doc:"What is new since the last run can be exported alone."`
	Personal bool                `json:"personal" doc:"It has columns that are left out unless contacts is true."`
	Columns  []exportTableColumn `json:"columns"`
}

type exportTableColumn struct {
	Name     string `json:"name"`
	Kind     string `json:"kind" enum:"text,id,whole,whole?,money,time,flag,texts,map,numbers,wholes,json"`
	Personal bool   `json:"personal"`
}

func (a *API) exporter() (*exports.Runner, error) {
	if a.cfg.Exports == nil {
		return nil, refusal(enishi.Conflict, "this server has no folder to write exports to", "このサーバーには書き出し用のフォルダがありません。")
	}
	return a.cfg.Exports, nil
}

func (a *API) listExportTables(context.Context, *struct{}) (*exportTablesOutput, error) {
	out := exportTablesPage{Items: []exportTableRow{}, Places: []string{}}
	if a.cfg.Exports != nil {
		out.Places = append(out.Places, a.cfg.Exports.Places()...)
	}
	for _, t := range exports.Tables() {
		row := exportTableRow{Name: t.Name, Title: Text{JA: t.JA, EN: t.EN}, Time: t.Time, Grows: t.Grows, Personal: t.Personal()}
		for _, c := range t.Columns {
			row.Columns = append(row.Columns, exportTableColumn{c.Name, string(c.Kind), c.Personal})
		}
		out.Items = append(out.Items, row)
	}
	return &exportTablesOutput{out}, nil
}

// TableExport says what is exported of whole tables, how and where.
type TableExport struct {
	Tables      []string  `json:"tables" minItems:"1" maxItems:"40" doc:"GET /export-tables has them."`
	Format      string    `json:"format" enum:"parquet,csv,ndjson"`
	Compression string    `json:"compression,omitempty" enum:",gzip,zstd" doc:"Inside of Parquet, where none means Snappy."`
	BOM         bool      `json:"bom,omitempty" doc:"CSV begins with a byte order mark, by which Excel knows UTF-8."`
	SplitMB     int       `json:"split_mb,omitempty" minimum:"0" maximum:"10000" doc:"A file ends after about so many megabytes."`
	Day         bool      `json:"by_day,omitempty" doc:"A file for each day of the shop, of tables with a time."`
	Contacts    bool      `json:"contacts,omitempty" doc:"With the columns that are personal."`
	Since       time.Time `json:"since,omitzero" required:"false" doc:"Rows from this instant on, by the table's time."`
	Until       time.Time `json:"until,omitzero" required:"false" doc:"Rows before this instant."`
	New         bool      `json:"new,omitempty" doc:"Of tables that grow only what is new since the plan's last run that was done."`
	Place       string    `json:"place,omitempty" maxLength:"64" doc:"Of the configuration (places.NAME); empty: the files are kept here for 7 days, to be downloaded."`
	Folder      string    `json:"folder,omitempty" maxLength:"200" doc:"In the place. A run has a folder of its own in it."`
}

func (x *TableExport) spec() exports.Spec {
	return exports.Spec{Tables: x.Tables, Contacts: x.Contacts, Since: x.Since.UTC(), Until: x.Until.UTC(), New: x.New, Day: x.Day, Place: x.Place, Folder: x.Folder,
		File: exports.File{Format: x.Format, Compression: x.Compression, BOM: x.BOM, SplitMB: x.SplitMB}}
}

func tableExport(s *exports.Spec) TableExport {
	return TableExport{Tables: append([]string{}, s.Tables...), Format: s.Format, Compression: s.Compression, BOM: s.BOM, SplitMB: s.SplitMB, Day: s.Day, Contacts: s.Contacts, Since: s.Since, Until: s.Until, New: s.New, Place: s.Place, Folder: s.Folder}
}

// exportRunRow is one export of tables.
type exportRunRow struct {
	ID        enishi.ID        `json:"id"`
	Plan      string           `json:"plan,omitempty" doc:"Name of the plan that it is of; absent: somebody asked once."`
	Scheduled bool             `json:"scheduled"`
	State     string           `json:"state" enum:"waiting,running,done,failed,cancelled"`
	Copying   bool             `json:"copying" doc:"Everything is written; it is on its way to its place."`
	What      TableExport      `json:"what"`
	Actor     string           `json:"actor"`
	Reason    string           `json:"reason"`
	CreatedAt time.Time        `json:"created_at"`
	StartedAt time.Time        `json:"started_at,omitzero"`
	EndedAt   time.Time        `json:"ended_at,omitzero"`
	Expected  int64            `json:"expected" doc:"Rows, as they were counted before; of tables that were not begun none."`
	Rows      int64            `json:"rows"`
	Bytes     int64            `json:"bytes"`
	Tables    []exportRunTable `json:"tables"`
	Folder    string           `json:"folder,omitempty" doc:"In the place: its files and, written last, manifest.json."`
	Gone      bool             `json:"gone" doc:"Its files were deleted by their time."`
	Failure   *Text            `json:"failure,omitempty"`
}

type exportRunTable struct {
	Name     string          `json:"name"`
	Title    Text            `json:"title"`
	Since    time.Time       `json:"since,omitzero"`
	Until    time.Time       `json:"until,omitzero"`
	Expected int64           `json:"expected"`
	Rows     int64           `json:"rows"`
	Bytes    int64           `json:"bytes"`
	Files    []exportRunFile `json:"files"`
}

type exportRunFile struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

func exportRunRowOf(r *exports.Run) exportRunRow {
	out := exportRunRow{ID: r.ID, Plan: r.Name, Scheduled: !r.DueAt.IsZero(), State: r.State, Copying: r.Copying, What: tableExport(&r.Spec), Actor: r.Actor, Reason: r.Reason, CreatedAt: r.CreatedAt, StartedAt: r.StartedAt, EndedAt: r.EndedAt,
		Tables: []exportRunTable{}, Folder: r.Folder, Gone: r.Gone}
	for _, t := range r.Tables {
		row := exportRunTable{Name: t.Name, Title: Text{t.Name, t.Name}, Since: t.Since, Until: t.Until, Expected: t.Expected, Rows: t.Rows, Bytes: t.Bytes, Files: []exportRunFile{}}
		if x, ok := exports.FindTable(t.Name); ok {
			row.Title = Text{x.JA, x.EN}
		}
		for _, f := range t.Files {
			row.Files = append(row.Files, exportRunFile(f))
		}
		out.Expected, out.Rows, out.Bytes, out.Tables = out.Expected+t.Expected, out.Rows+t.Rows, out.Bytes+t.Bytes, append(out.Tables, row)
	}
	if r.Failure != "" {
		out.Failure = &Text{JA: r.FailureJA, EN: r.Failure}
	}
	return out
}

type exportRunOutput struct{ Body exportRunRow }

type startExportInput struct {
	Body struct {
		Plan   string       `json:"plan,omitempty" maxLength:"64" doc:"A plan that is run now; or what."`
		What   *TableExport `json:"what,omitempty"`
		Reason string       `json:"reason" minLength:"1" maxLength:"500" doc:"Why; kept with who and how many."`
	}
}

// startExport records who wants what, and begins to write it.
func (a *API) startExport(ctx context.Context, in *startExportInput) (*exportRunOutput, error) {
	x, err := a.exporter()
	if err != nil {
		return nil, err
	}
	c := callOf(ctx)
	r := exports.Run{ID: enishi.NewID("export", c.request.String()), Actor: c.caller.name, Role: string(c.caller.role), Reason: in.Body.Reason, RequestID: c.request}
	switch b := &in.Body; {
	case (b.Plan == "") == (b.What == nil):
		return nil, enishi.FieldError("body.what", "say plan or what, one of them", "plan か what のどちらかを指定してください。")
	case b.Plan != "":
		p, _, err := a.exportPlan(b.Plan)
		if err != nil {
			return nil, err
		}
		r.Name, r.Spec, r.KeepDays = b.Plan, p.Spec, p.KeepDays
	case b.What.New:
		return nil, enishi.FieldError("body.what.new", "what is new since the last run is for plans: save one (PUT /bulk-exports/{name})", "「前回からの差分」は保存した書き出しで使えます。先に保存してください。")
	default:
		r.Spec = b.What.spec()
	}
	if err := r.Spec.Check("body.what.", x.Places()); err != nil {
		return nil, err
	}
	columns := []string{}
	for _, name := range r.Spec.Tables {
		t, _ := exports.FindTable(name)
		for _, col := range t.Chosen(r.Spec.Contacts) {
			columns = append(columns, name+"."+col.Name)
		}
	}
	body, err := json.Marshal(exportRecord{Tables: r.Spec.Tables, Place: r.Spec.Place, Run: r.ID, At: a.now().UTC(), Columns: columns, Format: r.Spec.Format})
	if err != nil {
		return nil, err
	}
	if _, err := a.save(ctx, enishi.Definition{Kind: exportKind, Name: "export_" + c.request.String(), Expect: -1, Body: body, Reason: in.Body.Reason}); err != nil {
		return nil, err
	}
	r, err = x.Start(ctx, r)
	if err != nil {
		return nil, err
	}
	a.log.Info("tables are exported", "export", r.ID, "tables", r.Spec.Tables, "contacts", r.Spec.Contacts, "place", r.Spec.Place, "actor", c.caller.name, "request_id", c.request)
	return &exportRunOutput{exportRunRowOf(&r)}, nil
}

type exportRunsInput struct {
	Plan  string `query:"plan" maxLength:"64" required:"false" doc:"Of this plan alone."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"50" required:"false"`
}

func (a *API) listExportRuns(ctx context.Context, in *exportRunsInput) (*listOutput[exportRunRow], error) {
	x, err := a.exporter()
	if err != nil {
		return nil, err
	}
	runs, err := x.List(ctx, in.Plan, in.Limit)
	if err != nil {
		return nil, err
	}
	out := listOf([]exportRunRow{})
	for i := range runs {
		out.Body.Items = append(out.Body.Items, exportRunRowOf(&runs[i]))
	}
	return out, nil
}

// ExportRunPath names an export of tables.
type ExportRunPath struct {
	ID string `path:"id" maxLength:"64"`
}

func (a *API) exportRun(in *ExportRunPath) (*exports.Runner, enishi.ID, error) {
	x, err := a.exporter()
	if err != nil {
		return nil, enishi.ID{}, err
	}
	id, err := enishi.ParseID(in.ID)
	if err != nil {
		return nil, id, notFound("export", "書き出し")
	}
	return x, id, nil
}

func (a *API) getExportRun(ctx context.Context, in *ExportRunPath) (*exportRunOutput, error) {
	x, id, err := a.exportRun(in)
	if err != nil {
		return nil, err
	}
	r, err := x.Get(ctx, id)
	return &exportRunOutput{exportRunRowOf(&r)}, err
}

func (a *API) cancelExportRun(ctx context.Context, in *ExportRunPath) (*exportRunOutput, error) {
	x, id, err := a.exportRun(in)
	if err != nil {
		return nil, err
	}
	r, err := x.Cancel(ctx, id, callOf(ctx).caller.name)
	return &exportRunOutput{exportRunRowOf(&r)}, err
}

type exportFileInput struct {
	ExportRunPath
	File string `path:"file" maxLength:"200"`
}

// getExportFile sends a file; a client that takes nothing for exportWrite is gone.
func (a *API) getExportFile(ctx context.Context, in *exportFileInput) (*huma.StreamResponse, error) {
	x, id, err := a.exportRun(&in.ExportRunPath)
	if err != nil {
		return nil, err
	}
	f, err := x.Open(ctx, id, in.File)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	a.log.Info("an exported file is fetched", "export", id, "file", in.File, "actor", callOf(ctx).caller.name, "request_id", callOf(ctx).request)
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer f.Close()
		kind := "application/octet-stream"
		switch {
		case strings.HasSuffix(in.File, ".csv"):
			kind = "text/csv; charset=utf-8"
		case strings.HasSuffix(in.File, ".ndjson"):
			kind = "application/x-ndjson"
		case strings.HasSuffix(in.File, ".json"):
			kind = "application/json"
		}
		hctx.SetHeader("Content-Type", kind)
		hctx.SetHeader("Content-Length", fmt.Sprint(info.Size()))
		hctx.SetHeader("Content-Disposition", fmt.Sprintf(`attachment; filename="%s"`, in.File))
		_, w := humago.Unwrap(hctx)
		control, buf := http.NewResponseController(w), make([]byte, 256<<10)
		for {
			n, err := f.Read(buf)
			if n > 0 {
				_ = control.SetWriteDeadline(time.Now().Add(exportWrite)) // where it is not supported there is none
				if _, err := w.Write(buf[:n]); err != nil {
					return // the client is gone: it sees by the length that it is not whole
				}
			}
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				panic(http.ErrAbortHandler)
			}
		}
	}}, nil
}

// exportPlanRow is a plan with how it goes.
type exportPlanRow struct {
	Name      string          `json:"name"`
	Title     Text            `json:"title"`
	What      TableExport     `json:"what"`
	Schedule  *exportSchedule `json:"schedule,omitempty"`
	KeepDays  int             `json:"keep_days"`
	Paused    bool            `json:"paused"`
	Version   int64           `json:"version"`
	Actor     string          `json:"actor"`
	UpdatedAt time.Time       `json:"updated_at"`
	Next      time.Time       `json:"next,omitzero" doc:"When it runs next."`
	Last      *exportRunRow   `json:"last,omitempty" doc:"Its newest run."`
}

type exportSchedule struct {
	Every string `json:"every" enum:"hour,day"`
	At    string `json:"at" maxLength:"5" doc:"HH:MM of a day, MM of an hour, by the shop's clock."`
}

func (a *API) exportPlan(name string) (*exports.Plan, *enishi.Definition, error) {
	d, ok := a.cfg.Definitions.Current(exports.PlanKind, name)
	if !ok {
		return nil, nil, notFound("export", "書き出し")
	}
	p, err := exports.ParsePlan(d.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("read the plan %s: %w", name, err)
	}
	return p, &d, nil
}

func (a *API) exportPlanRow(ctx context.Context, x *exports.Runner, d *enishi.Definition, p *exports.Plan) (exportPlanRow, error) {
	row := exportPlanRow{Name: d.Name, Title: Text{JA: p.Title.JA, EN: p.Title.EN}.complete(), What: tableExport(&p.Spec), KeepDays: p.KeepDays, Paused: p.Paused, Version: d.Version, Actor: d.Actor, UpdatedAt: d.At}
	if p.Schedule != nil {
		row.Schedule = &exportSchedule{p.Schedule.Every, p.Schedule.At}
		if !p.Paused {
			row.Next = p.Schedule.Next(a.cfg.Now(), a.zone())
		}
	}
	runs, err := x.List(ctx, d.Name, 1)
	if len(runs) > 0 {
		last := exportRunRowOf(&runs[0])
		row.Last = &last
	}
	return row, err
}

func (a *API) listExportPlans(ctx context.Context, _ *struct{}) (*listOutput[exportPlanRow], error) {
	x, err := a.exporter()
	if err != nil {
		return nil, err
	}
	out := listOf([]exportPlanRow{})
	for _, d := range a.cfg.Definitions.List(exports.PlanKind) {
		p, err := exports.ParsePlan(d.Body)
		if err != nil {
			return nil, fmt.Errorf("read the plan %s: %w", d.Name, err)
		}
		row, err := a.exportPlanRow(ctx, x, &d, p)
		if err != nil {
			return nil, err
		}
		out.Body.Items = append(out.Body.Items, row)
	}
	return out, nil
}

type saveExportPlanInput struct {
	NamePath
	Body struct {
		Title    textInput       `json:"title"`
		What     TableExport     `json:"what"`
		Schedule *exportSchedule `json:"schedule,omitempty" doc:"Absent: it runs when somebody runs it."`
		KeepDays int             `json:"keep_days,omitempty" minimum:"0" maximum:"3650" doc:"After so many days the files of a run are deleted at the place; 0: never."`
		Paused   bool            `json:"paused,omitempty"`
		Expect   int64           `json:"expect" doc:"The version this replaces; 0 for a new one."`
		Reason   string          `json:"reason,omitempty" maxLength:"500"`
	}
}

func (a *API) saveExportPlan(ctx context.Context, in *saveExportPlanInput) (*writtenOutput, error) {
	b := &in.Body
	p := exports.Plan{Spec: b.What.spec(), KeepDays: b.KeepDays, Paused: b.Paused}
	p.Title.JA, p.Title.EN = b.Title.JA, b.Title.EN
	if b.Schedule != nil {
		p.Schedule = &exports.Schedule{Every: b.Schedule.Every, At: b.Schedule.At}
	}
	body, err := json.Marshal(&p)
	if err != nil {
		return nil, err
	}
	w, err := a.putExportPlan(ctx, in.Name, body, b.Expect, b.Reason)
	return &writtenOutput{w}, err
}

// putExportPlan saves a plan: what it says to be exported again and again needs who may export.
func (a *API) putExportPlan(ctx context.Context, name string, body []byte, expect int64, reason string) (Written, error) {
	x, err := a.exporter()
	if err != nil {
		return Written{}, err
	}
	if !callOf(ctx).caller.role.includes(approver) {
		return Written{}, refusal(enishi.Denied, "to export tables needs the role approver", "表の書き出しには「承認者」の権限が必要です。")
	}
	p, err := exports.ParsePlan(body)
	if err != nil {
		return Written{}, err
	}
	if err := errors.Join(checkName(name), p.Check("body.", x.Places())); err != nil {
		return Written{}, err
	}
	return a.save(ctx, enishi.Definition{Kind: exports.PlanKind, Name: name, Expect: expect, Body: compact(body), Reason: reason})
}

func (a *API) deleteExportPlan(ctx context.Context, in *deleteInput) (*writtenOutput, error) {
	if _, _, err := a.exportPlan(in.Name); err != nil {
		return nil, err
	}
	w, err := a.save(ctx, enishi.Definition{Kind: exports.PlanKind, Name: in.Name, Expect: in.Expect, Deleted: true, Reason: in.Reason})
	return &writtenOutput{w}, err
}

// keepExports begins the plans that are due, in the name of who saved them.
func (a *API) keepExports(ctx context.Context) error {
	var errs []error
	for _, d := range a.cfg.Definitions.List(exports.PlanKind) {
		p, err := exports.ParsePlan(d.Body)
		if err == nil {
			err = a.cfg.Exports.Due(ctx, d.Name, p, d.At, exports.Run{Actor: d.Actor, Role: d.Role, Reason: d.Reason, RequestID: d.RequestID})
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", d.Name, err))
		}
	}
	return errors.Join(errs...)
}

// Through is the instant up to which facts, events and decisions are in the tables.
func (a *API) Through(ctx context.Context) (time.Time, error) { return a.through(ctx) }

// tableExports are the exports of tables for the list of exports: how many rows those that somebody asked for have by now, and those that a
// schedule began.
func (a *API) tableExports(ctx context.Context) (rows map[enishi.ID]int64, scheduled []exportRow, err error) {
	rows = map[enishi.ID]int64{}
	if a.cfg.Exports == nil {
		return rows, nil, nil
	}
	list, err := a.cfg.Exports.List(ctx, "", 5000)
	for i := range list {
		r := exportRunRowOf(&list[i])
		rows[r.ID] = r.Rows
		if r.Scheduled {
			scheduled = append(scheduled, exportRow{At: r.CreatedAt, Actor: r.Actor, Role: list[i].Role, Reason: r.Reason, Tables: slices.Clone(r.What.Tables), Place: r.What.Place, Columns: []string{}, Format: r.What.Format, Count: int(r.Rows), RequestID: list[i].RequestID})
		}
	}
	return rows, scheduled, err
}
