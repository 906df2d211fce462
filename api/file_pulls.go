package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"enishi"
	"enishi/ingest/imports"
	"enishi/ingest/pulls"
)

// FilePullRow is a pull of files with what its last look found.
type FilePullRow struct {
	Name    string         `json:"name"`
	Title   Text           `json:"title"`
	Body    pulls.FilePull `json:"body" doc:"The definition (docs/imports.md)."`
	Format  Text           `json:"format" doc:"How the files are read."`
	Version int64          `json:"version"`
	State   string         `json:"state" enum:"ok,waiting,problem,late,paused,never" doc:"waiting: a file may still be written; problem: the place is away, or files were refused as a whole; late: no file came in time; never: it was not looked at yet."`
	Look    *filePeek      `json:"look,omitempty" doc:"The last look."`
}

// filePeek is what a look found.
type filePeek struct {
	At       time.Time `json:"at"`
	Next     time.Time `json:"next"`
	Run      string    `json:"run,omitempty" doc:"The newest look that somebody asked for and that is done."`
	Found    int       `json:"found" doc:"Files whose names fit."`
	Taken    int       `json:"taken"`
	Waiting  int       `json:"waiting" doc:"Files that may still be written."`
	Refused  int       `json:"refused" doc:"Files refused as a whole, those of earlier looks that are still there included."`
	Problem  *Text     `json:"problem,omitempty" doc:"Why nothing could be looked at."`
	LastFile time.Time `json:"last_file,omitzero"`
}

// pulledFile is a file that was taken or refused.
type pulledFile struct {
	Name     string          `json:"name"`
	Size     int64           `json:"size"`
	At       time.Time       `json:"at" doc:"When it was written."`
	State    string          `json:"state" enum:"new,waiting,taken,same,failed" doc:"same: another file had the same content. new and waiting are told by a trial alone."`
	TakenAt  time.Time       `json:"taken_at,omitzero"`
	Rows     int64           `json:"rows"`
	Events   int64           `json:"events"`
	Rejected int64           `json:"rejected"`
	Problems []importProblem `json:"problems" doc:"The first three."`
	Rejects  string          `json:"rejects,omitempty" doc:"The file at the place with the rows to mend."`
	Failure  *Text           `json:"failure,omitempty"`
}

// PlaceRow is a place of the configuration.
type PlaceRow struct {
	Name string `json:"name"`
	Kind string `json:"kind" enum:"dir,sftp,s3"`
}

func (a *API) filePulls() (*pulls.Keeper, error) {
	if a.cfg.Pulls == nil {
		return nil, refusal(enishi.Conflict, "this server pulls no files", "このサーバーではファイルの定期取り込みができません。")
	}
	return a.cfg.Pulls, nil
}

func (a *API) filePullRow(ctx context.Context, d *enishi.Definition) (FilePullRow, error) {
	row := FilePullRow{Name: d.Name, Version: d.Version, State: "never"}
	if err := json.Unmarshal(d.Body, &row.Body); err != nil {
		return row, fmt.Errorf("read pull %s: %w", d.Name, err)
	}
	if row.Title = titleText(row.Body.Title); row.Title == (Text{}) {
		row.Title = Text{JA: d.Name, EN: d.Name}
	}
	plan := row.Body.Plan()
	if row.Format = a.importFormat(&plan); row.Format == (Text{}) {
		row.Format = Text{JA: "イベント（1 行に 1 件）", EN: "Events, one a line"}
	}
	l, found, err := pulls.Tables{DB: a.cfg.DB}.Look(ctx, d.Name)
	if err != nil {
		return row, err
	}
	if found && !l.At.IsZero() {
		row.Look = &filePeek{At: l.At, Next: l.Next, Run: l.Run, Found: l.Found, Taken: l.Taken, Waiting: l.Waiting, Refused: l.Refused, LastFile: l.LastFile}
		if l.Problem != "" {
			row.Look.Problem = &Text{JA: l.ProblemJA, EN: l.Problem}
		}
	}
	switch {
	case row.Body.Paused:
		row.State = "paused"
	case row.Look == nil:
	case l.Problem != "" || l.Refused > 0:
		row.State = "problem"
	case l.Late != "":
		row.State = "late"
	case l.Waiting > 0:
		row.State = "waiting"
	default:
		row.State = "ok"
	}
	return row, nil
}

type filePullsOutput struct {
	Body struct {
		Items  []FilePullRow `json:"items"`
		Places []PlaceRow    `json:"places" doc:"Places of the configuration that files can come from."`
	}
}

func (a *API) listFilePulls(ctx context.Context, _ *struct{}) (*filePullsOutput, error) {
	out := &filePullsOutput{}
	out.Body.Items, out.Body.Places = []FilePullRow{}, []PlaceRow{}
	if a.cfg.Pulls != nil {
		for _, x := range a.cfg.Pulls.Places() {
			out.Body.Places = append(out.Body.Places, PlaceRow{x.Name, x.Kind})
		}
	}
	for _, d := range a.cfg.Definitions.List(pulls.Kind) {
		row, err := a.filePullRow(ctx, &d)
		if err != nil {
			return nil, err
		}
		out.Body.Items = append(out.Body.Items, row)
	}
	return out, nil
}

func (a *API) filePull(name string) (enishi.Definition, pulls.FilePull, error) {
	d, ok := a.cfg.Definitions.Current(pulls.Kind, name)
	if !ok {
		return d, pulls.FilePull{}, notFound("pull of files", "定期取り込み")
	}
	p, err := pulls.Parse(d.Body)
	return d, p, err
}

type filePullOutput struct {
	Body struct {
		FilePullRow
		Files []pulledFile `json:"files" doc:"The newest 200."`
	}
}

func (a *API) getFilePull(ctx context.Context, in *NamePath) (*filePullOutput, error) {
	d, _, err := a.filePull(in.Name)
	if err != nil {
		return nil, err
	}
	out := &filePullOutput{}
	if out.Body.FilePullRow, err = a.filePullRow(ctx, &d); err != nil {
		return nil, err
	}
	files, err := pulls.Tables{DB: a.cfg.DB}.History(ctx, in.Name, 200)
	if err != nil {
		return nil, err
	}
	out.Body.Files = []pulledFile{}
	for i := range files {
		f := &files[i]
		x := pulledFile{Name: f.Name, Size: f.Size, At: f.At, State: f.State, TakenAt: f.TakenAt, Rows: f.Rows, Events: f.Events, Rejected: f.Rejected, Problems: importProblems(f.Problems), Rejects: f.Rejects}
		if f.Failure != "" {
			x.Failure = &Text{JA: f.FailureJA, EN: f.Failure}
		}
		out.Body.Files = append(out.Body.Files, x)
	}
	return out, nil
}

// checkFilePull tells what is wrong with a pull; also that its place and its mapping are there.
func (a *API) checkFilePull(body json.RawMessage) (pulls.FilePull, error) {
	p, err := pulls.Parse(body)
	if err != nil {
		return p, err
	}
	if a.cfg.Pulls == nil {
		return p, nil
	}
	return p, a.cfg.Pulls.CheckUse(&p)
}

type filePullInput struct {
	NamePath
	Body struct {
		Body   json.RawMessage `json:"body" doc:"The definition (docs/imports.md)."`
		Expect int64           `json:"expect" doc:"The version this replaces; 0 for a new one."`
		Reason string          `json:"reason,omitempty" maxLength:"500"`
	}
}

func (a *API) saveFilePull(ctx context.Context, in *filePullInput) (*writtenOutput, error) {
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	w, err := a.putFilePull(ctx, in.Name, in.Body.Body, in.Body.Expect, in.Body.Reason)
	return &writtenOutput{w}, err
}

func (a *API) putFilePull(ctx context.Context, name string, body json.RawMessage, expect int64, reason string) (Written, error) {
	if _, err := a.checkFilePull(body); err != nil {
		return Written{}, err
	}
	return a.save(ctx, enishi.Definition{Kind: pulls.Kind, Name: name, Expect: expect, Body: compact(body), Reason: reason})
}

func (a *API) deleteFilePull(ctx context.Context, in *deleteInput) (*writtenOutput, error) {
	if _, _, err := a.filePull(in.Name); err != nil {
		return nil, err
	}
	w, err := a.save(ctx, enishi.Definition{Kind: pulls.Kind, Name: in.Name, Expect: in.Expect, Deleted: true, Reason: in.Reason})
	return &writtenOutput{w}, err
}

type filePullPauseInput struct {
	NamePath
	Body struct {
		Paused bool   `json:"paused"`
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

func (a *API) pauseFilePull(ctx context.Context, in *filePullPauseInput) (*writtenOutput, error) {
	d, p, err := a.filePull(in.Name)
	if err != nil {
		return nil, err
	}
	p.Paused = in.Body.Paused
	body, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode pull: %w", err)
	}
	w, err := a.save(ctx, enishi.Definition{Kind: pulls.Kind, Name: in.Name, Expect: d.Version, Body: body, Reason: in.Body.Reason})
	return &writtenOutput{w}, err
}

// runFilePull asks the replica that pulls for a look now.
func (a *API) runFilePull(ctx context.Context, in *NamePath) (*writtenOutput, error) {
	if _, _, err := a.filePull(in.Name); err != nil {
		return nil, err
	}
	body, err := json.Marshal(pulls.Run{ID: callOf(ctx).request.String()})
	if err != nil {
		return nil, fmt.Errorf("encode run: %w", err)
	}
	w, err := a.save(ctx, enishi.Definition{Kind: pulls.RunKind, Name: in.Name, Expect: -1, Body: body})
	return &writtenOutput{w}, err
}

type filePullTryInput struct {
	Body struct {
		Name string          `json:"name,omitempty" maxLength:"64" doc:"Of a saved pull, whose files are known."`
		Body json.RawMessage `json:"body,omitempty" required:"false" doc:"A definition that is not saved; that of name unless said."`
		File string          `json:"file,omitempty" maxLength:"900" doc:"Goes through this file as an import that takes nothing in (GET /imports/{id} tells how far it is); whoever asks deletes it."`
	}
}

type filePullTryOutput struct {
	Body struct {
		Files  []pulledFile `json:"files" doc:"What a look would find, the oldest first."`
		Import *importRow   `json:"import,omitempty" doc:"Of file."`
	}
}

// tryFilePull says what a look would find; it takes nothing.
func (a *API) tryFilePull(ctx context.Context, in *filePullTryInput) (*filePullTryOutput, error) {
	k, err := a.filePulls()
	if err != nil {
		return nil, err
	}
	var p pulls.FilePull
	if b := bytes.TrimSpace(in.Body.Body); len(b) > 0 && string(b) != "null" {
		p, err = a.checkFilePull(in.Body.Body)
	} else {
		_, p, err = a.filePull(in.Body.Name)
	}
	if err != nil {
		return nil, err
	}
	out := &filePullTryOutput{}
	out.Body.Files = []pulledFile{}
	if in.Body.File != "" {
		var j imports.Job
		if j, err = k.Check(ctx, &p, in.Body.File, callOf(ctx).caller.name); err != nil {
			return nil, err
		}
		row := a.importRow(&j)
		out.Body.Import = &row
		return out, nil
	}
	found, err := k.Peek(ctx, in.Body.Name, &p)
	for _, f := range found {
		out.Body.Files = append(out.Body.Files, pulledFile{Name: f.Name, Size: f.Size, At: f.At, State: f.State, Problems: []importProblem{}})
	}
	return out, err
}
