package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"enishi"
	"enishi/ingest"
	"enishi/ingest/files"
	"enishi/ingest/imports"
	"enishi/ingest/mapping"
	"enishi/ingest/presets"
)

// ImportPlan says how a file is read.
type ImportPlan struct {
	Mapping   string          `json:"mapping,omitempty" maxLength:"64" doc:"A definition of the kind mapping."`
	Preset    string          `json:"preset,omitempty" maxLength:"64" doc:"A format that Enishi knows."`
	Draft     json.RawMessage `json:"draft,omitempty" required:"false" doc:"A mapping that is not saved (docs/mapping.md). Of the three none: the file has events, one in each line."`
	Source    string          `json:"source,omitempty" maxLength:"100" doc:"Name of the source that the events carry."`
	Live      bool            `json:"live,omitempty" doc:"Events younger than a day act like any other; without it all are history and nothing is sent."`
	Encoding  string          `json:"encoding,omitempty" maxLength:"20" doc:"utf-8, utf-16, cp932 or euc-jp; recognised unless said."`
	Delimiter string          `json:"delimiter,omitempty" maxLength:"1" doc:"Recognised unless said."`
	Header    int             `json:"header,omitempty" minimum:"0" maximum:"1000" doc:"Line of the column names; found unless said."`
}

func (p *ImportPlan) options() files.Options {
	return files.Options{Encoding: p.Encoding, Delimiter: p.Delimiter, Header: p.Header}
}

func (p *ImportPlan) plan() (imports.Plan, error) {
	out := imports.Plan{Mapping: p.Mapping, Preset: p.Preset, Source: p.Source, Live: p.Live, File: p.options()}
	if len(p.Draft) > 0 && string(p.Draft) != "null" {
		m, err := mapping.Parse(p.Draft)
		if err != nil {
			return out, err
		}
		out.Draft = &m
	}
	return out, nil
}

// importPlan is the plan as it was asked for.
func importPlan(p *imports.Plan) ImportPlan {
	out := ImportPlan{Mapping: p.Mapping, Preset: p.Preset, Source: p.Source, Live: p.Live, Encoding: p.File.Encoding, Delimiter: p.File.Delimiter, Header: p.File.Header}
	if p.Draft != nil {
		out.Draft, _ = json.Marshal(p.Draft) // texts alone: it came as JSON
	}
	return out
}

// mappingNamed is the definition of a mapping as it stands.
func (a *API) mappingNamed(name string) (mapping.Mapping, bool) {
	d, ok := a.cfg.Definitions.Current(mapping.Kind, name)
	if !ok {
		return mapping.Mapping{}, false
	}
	m, err := mapping.Parse(d.Body)
	return m, err == nil
}

// importRow is an import as it stands.
type importRow struct {
	ID        enishi.ID       `json:"id"`
	Name      string          `json:"name" doc:"Of the file."`
	Size      int64           `json:"size" doc:"Bytes."`
	Received  int64           `json:"received" doc:"Bytes that are here: the next part begins at it."`
	State     string          `json:"state" enum:"receiving,ready,checking,checked,running,done,cancelled,failed"`
	Actor     string          `json:"actor"`
	Format    Text            `json:"format" doc:"How it was read."`
	Plan      ImportPlan      `json:"plan" doc:"What it was read by the last time."`
	CreatedAt time.Time       `json:"created_at"`
	StartedAt time.Time       `json:"started_at,omitzero"`
	EndedAt   time.Time       `json:"ended_at,omitzero"`
	Rows      int64           `json:"rows"`
	Total     int64           `json:"total" doc:"Rows of the file, about; 0 while it is not known."`
	Events    int64           `json:"events" doc:"That come in."`
	Rejected  int64           `json:"rejected" doc:"Rows that do not."`
	People    int64           `json:"people"`
	Newer     int64           `json:"newer" doc:"Events younger than a day."`
	Created   int64           `json:"created" doc:"Products that were not known."`
	Cheaper   int64           `json:"cheaper" doc:"Products whose price goes down. Who waits for it hears of it (docs/catalogue.md)."`
	Back      int64           `json:"back" doc:"Products that could not be bought and can be. Who waits for one hears of it."`
	Types     []importType    `json:"types"`
	From      time.Time       `json:"from,omitzero"`
	To        time.Time       `json:"to,omitzero"`
	Part      float64         `json:"part" doc:"Of the file, 0 to 1."`
	Rate      float64         `json:"rate" doc:"Rows a second."`
	Left      int64           `json:"left" doc:"Seconds, about."`
	Problems  []importProblem `json:"problems" doc:"The first 200."`
	Rejects   bool            `json:"rejects" doc:"There is a file to mend."`
	Failure   *Text           `json:"failure,omitempty" doc:"Why it failed."`
}

type importType struct {
	Type   string `json:"type"`
	Label  Text   `json:"label"`
	Events int64  `json:"events"`
}

type importProblem struct {
	Line    int      `json:"line" doc:"Of the file, as a person counts."`
	Columns []string `json:"columns"`
	Field   string   `json:"field,omitempty"`
	Value   string   `json:"value,omitempty"`
	Reason  Text     `json:"reason" doc:"What is wrong and how to mend it."`
}

func importProblems(list []imports.Problem) []importProblem {
	out := make([]importProblem, 0, len(list))
	for _, p := range list {
		columns := p.Columns
		if columns == nil {
			columns = []string{}
		}
		out = append(out, importProblem{p.Line, columns, p.Field, p.Value, Text{JA: p.ReasonJA, EN: p.Reason}})
	}
	return out
}

func (a *API) importRow(j *imports.Job) importRow {
	rate, left := j.Rate()
	c := &j.Counts
	row := importRow{ID: j.ID, Name: j.Name, Size: j.Size, Received: j.Received, State: j.State, Actor: j.Actor, Plan: importPlan(&j.Plan),
		CreatedAt: j.CreatedAt, StartedAt: j.StartedAt, EndedAt: j.EndedAt, Rows: c.Rows, Total: j.Total(), Events: c.Events, Rejected: c.Rejected, People: c.People, Newer: c.Newer, Created: c.Created, Cheaper: c.Cheaper, Back: c.Back,
		Types: []importType{}, From: c.From, To: c.To, Part: c.Part, Rate: rate, Left: left, Problems: importProblems(j.Problems), Rejects: j.Rejects, Format: a.importFormat(&j.Plan)}
	for _, name := range sortedKeys(c.Types) {
		row.Types = append(row.Types, importType{name, typeLabel(name), c.Types[name]})
	}
	if j.Failure != "" {
		row.Failure = &Text{JA: j.FailureJA, EN: j.Failure}
	}
	return row
}

func titleText(t mapping.Title) Text { return Text{JA: t.JA, EN: t.EN}.complete() }

// importFormat names how a file is read.
func (a *API) importFormat(p *imports.Plan) Text {
	switch {
	case p.Preset != "":
		if x, ok := presets.Find(p.Preset); ok {
			return titleText(x.Title)
		}
	case p.Mapping != "":
		if m, ok := a.mappingNamed(p.Mapping); ok {
			return titleText(m.Title)
		}
		return Text{JA: p.Mapping, EN: p.Mapping}
	case p.Draft != nil:
		return Text{JA: "列を選んで対応づけ", EN: "Columns chosen by hand"}
	}
	return Text{}
}

func (a *API) importer() (*imports.Importer, error) {
	if a.cfg.Imports == nil {
		return nil, refusal(enishi.Conflict, "this server takes no files", "このサーバーではファイルを取り込めません。")
	}
	return a.cfg.Imports, nil
}

type importsOutput = listOutput[importRow]

func (a *API) listImports(_ context.Context, _ *struct{}) (*importsOutput, error) {
	im, err := a.importer()
	if err != nil {
		return nil, err
	}
	out := listOf([]importRow{})
	for _, j := range im.List() {
		row := a.importRow(&j)
		row.Problems = row.Problems[:min(3, len(row.Problems))]
		out.Body.Items = append(out.Body.Items, row)
	}
	return out, nil
}

type importFileOutput struct{ Body importRow }

func (a *API) importAnswer(j imports.Job, err error) (*importFileOutput, error) {
	if err != nil {
		return nil, err
	}
	return &importFileOutput{a.importRow(&j)}, nil
}

type importFileInput struct {
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"200" doc:"Of the file."`
		Size int64  `json:"size" minimum:"1" doc:"Bytes; at most 2 GB."`
	}
}

func (a *API) beginImportFile(ctx context.Context, in *importFileInput) (*importFileOutput, error) {
	im, err := a.importer()
	if err != nil {
		return nil, err
	}
	return a.importAnswer(im.Begin(in.Body.Name, in.Body.Size, callOf(ctx).caller.name))
}

// ImportID names an import.
type ImportID struct {
	ID string `path:"id" maxLength:"64"`
}

func (in *ImportID) id() (enishi.ID, error) {
	id, err := enishi.ParseID(in.ID)
	if err != nil {
		return id, notFound("import", "取り込み")
	}
	return id, nil
}

// imported finds the importer and the id.
func (a *API) imported(in *ImportID) (*imports.Importer, enishi.ID, error) {
	im, err := a.importer()
	if err != nil {
		return nil, enishi.ID{}, err
	}
	id, err := in.id()
	return im, id, err
}

func (a *API) getImport(_ context.Context, in *ImportID) (*importFileOutput, error) {
	im, id, err := a.imported(in)
	if err != nil {
		return nil, err
	}
	return a.importAnswer(im.Get(id))
}

type importPartInput struct {
	ImportID
	Body struct {
		At    int64  `json:"at" minimum:"0" doc:"Offset of the part in the file."`
		Bytes []byte `json:"bytes" doc:"At most 8 MB."`
	}
}

func (a *API) uploadImport(_ context.Context, in *importPartInput) (*importFileOutput, error) {
	im, id, err := a.imported(&in.ImportID)
	if err != nil {
		return nil, err
	}
	if len(in.Body.Bytes) > imports.MaxPart {
		return nil, enishi.FieldError("body.bytes", "are more than 8 MB", "1 回に送れるのは 8 MB までです。")
	}
	return a.importAnswer(im.Part(id, in.Body.At, in.Body.Bytes))
}

type previewImportInput struct {
	ImportID
	Body struct {
		ImportPlan
		Rows int  `json:"rows,omitempty" minimum:"0" maximum:"100" doc:"How many are read; 20 unless said."`
		Bare bool `json:"bare,omitempty" doc:"The rows as they are, without a plan."`
	}
}

type previewImportOutput struct{ Body importPreview }

// importPreview is what the first rows of a file are and become.
type importPreview struct {
	Format     string               `json:"format" enum:"csv,ndjson"`
	Encoding   string               `json:"encoding"`
	Delimiter  string               `json:"delimiter"`
	Header     []string             `json:"header" doc:"As a mapping names the columns."`
	HeaderLine int                  `json:"header_line"`
	Rows       []importPreviewRow   `json:"rows"`
	Events     []importPreviewEvent `json:"events"`
	Known      []importFormat       `json:"known" doc:"Formats that the columns look like, the best first."`
	Problem    *Text                `json:"problem,omitempty" doc:"Why the plan does not work for this file: a column that is missing, an expression."`
	Field      string               `json:"field,omitempty" doc:"Where in the plan."`
}

type importPreviewRow struct {
	Line     int             `json:"line"`
	Cells    []string        `json:"cells"`
	Problems []importProblem `json:"problems"`
	Hints    []importHint    `json:"hints" doc:"Mail addresses that look mistyped. They are taken as they are."`
}

type importHint struct {
	Cell  int    `json:"cell" doc:"Which of cells, from 0."`
	Value string `json:"value"`
	Meant string `json:"meant" doc:"The address that was probably meant."`
}

func importHints(cells []string) []importHint {
	out := []importHint{}
	for i, c := range cells {
		if meant, wrong := ingest.EmailHint(c); wrong {
			out = append(out, importHint{i, c, meant})
		}
	}
	return out
}

type importPreviewEvent struct {
	Line  int             `json:"line"`
	Lines int             `json:"lines" doc:"Rows that became this event."`
	Type  string          `json:"type"`
	Label Text            `json:"label"`
	Event json.RawMessage `json:"event"`
}

func (a *API) previewImport(_ context.Context, in *previewImportInput) (*previewImportOutput, error) {
	im, id, err := a.imported(&in.ImportID)
	if err != nil {
		return nil, err
	}
	rows := in.Body.Rows
	if rows == 0 {
		rows = 20
	}
	var plan *imports.Plan
	if !in.Body.Bare {
		p, err := in.Body.plan()
		if err != nil {
			return nil, err
		}
		plan = &p
	}
	x, err := im.Preview(id, plan, in.Body.options(), rows)
	if err != nil {
		return nil, err
	}
	out := importPreview{Format: x.Shape.Format, Encoding: x.Shape.Encoding, Delimiter: x.Shape.Delimiter, Header: mapping.Header(x.Shape.Header), HeaderLine: x.Shape.HeaderLine,
		Rows: []importPreviewRow{}, Events: []importPreviewEvent{}, Known: []importFormat{}}
	if x.Err != nil {
		var known *enishi.Error
		if !errors.As(x.Err, &known) {
			return nil, x.Err
		}
		out.Problem, out.Field = &Text{JA: known.MsgJA, EN: known.Msg}, known.Field
	}
	for _, r := range x.Rows {
		row := importPreviewRow{r.Line, r.Cells, importProblems(r.Problems), []importHint{}}
		if x.Shape.Format == files.CSV {
			row.Hints = importHints(r.Cells)
		}
		out.Rows = append(out.Rows, row)
	}
	for _, e := range x.Events {
		out.Events = append(out.Events, importPreviewEvent{e.Line, e.Lines, e.Type, typeLabel(e.Type), e.Event})
	}
	if x.Shape.Format == files.CSV {
		j, err := im.Get(id)
		if err != nil {
			return nil, err
		}
		for _, p := range presets.RecogniseFile(j.Name, x.Shape.Header) {
			out.Known = append(out.Known, presetFormat(&p))
		}
	}
	return &previewImportOutput{out}, nil
}

type startImportInput struct {
	ImportID
	Body struct {
		ImportPlan
		Check bool `json:"check,omitempty" doc:"Go through the whole file and count, but take nothing in."`
	}
}

func (a *API) startImport(ctx context.Context, in *startImportInput) (*importFileOutput, error) {
	im, id, err := a.imported(&in.ImportID)
	if err != nil {
		return nil, err
	}
	plan, err := in.Body.plan()
	if err != nil {
		return nil, err
	}
	c := callOf(ctx)
	a.log.Info("a file import starts", "import", id, "check", in.Body.Check, "actor", c.caller.name, "request_id", c.request)
	return a.importAnswer(im.Start(id, plan, in.Body.Check))
}

func (a *API) cancelImport(_ context.Context, in *ImportID) (*importFileOutput, error) {
	im, id, err := a.imported(in)
	if err != nil {
		return nil, err
	}
	return a.importAnswer(im.Cancel(id))
}

func (a *API) deleteImport(_ context.Context, in *ImportID) (*struct{}, error) {
	im, id, err := a.imported(in)
	if err != nil {
		return nil, err
	}
	return nil, im.Delete(id)
}

func (a *API) getImportRejects(_ context.Context, in *ImportID) (*huma.StreamResponse, error) {
	im, id, err := a.imported(in)
	if err != nil {
		return nil, err
	}
	r, j, err := im.Rejects(id)
	if err != nil {
		return nil, err
	}
	kind, suffix := "text/csv", ".csv"
	if j.Shape.Format == files.NDJSON {
		kind, suffix = "application/x-ndjson", ".ndjson"
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer r.Close()
		ctx.SetHeader("Content-Type", kind)
		ctx.SetHeader("Content-Disposition", fmt.Sprintf(`attachment; filename="rejected%s"`, suffix))
		_, _ = io.Copy(ctx.BodyWriter(), r) // the client is gone: nothing to tell
	}}, nil
}

// importFormat is a format that can be chosen.
type importFormat struct {
	Name    string `json:"name"`
	Preset  bool   `json:"preset" doc:"One that Enishi knows; else a mapping of the workspace."`
	System  string `json:"system,omitempty"`
	Title   Text   `json:"title"`
	Kind    string `json:"kind,omitempty" doc:"orders, people, receipts, shipments, products, suppressions ..."`
	About   Text   `json:"about"`
	Format  string `json:"format" enum:"csv,json"`
	Version int64  `json:"version,omitempty" doc:"Of a mapping."`

	Uses []mappingUse `json:"uses,omitempty" doc:"Of a mapping: what reads by it."`
}

func presetFormat(p *presets.Preset) importFormat {
	return importFormat{Name: p.Name, Preset: true, System: p.System, Title: titleText(p.Title), Kind: p.Kind, About: Text{JA: p.About.JA, EN: p.About.EN}, Format: p.Mapping.Format}
}

func (a *API) listImportFormats(_ context.Context, _ *struct{}) (*listOutput[importFormat], error) {
	out := listOf([]importFormat{})
	for _, d := range a.cfg.Definitions.List(mapping.Kind) {
		if m, err := mapping.Parse(d.Body); err == nil {
			out.Body.Items = append(out.Body.Items, importFormat{Name: d.Name, Title: titleText(m.Title), Format: m.Format, Version: d.Version, Uses: a.mappingUses(d.Name)})
		}
	}
	for _, p := range presets.All() {
		out.Body.Items = append(out.Body.Items, presetFormat(&p))
	}
	return out, nil
}
