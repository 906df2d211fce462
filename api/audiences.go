package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/segments"
	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

// audienceOrderKind is the kind of definition that asks for a run at once; its name is the audience's.
const audienceOrderKind = "audience_order"

type audienceOrder struct {
	ID string `json:"id"`
}

// AudienceBody is an audience as it is saved.
type AudienceBody struct {
	Title       string   `json:"title" minLength:"1" maxLength:"80"`
	Segment     string   `json:"segment" maxLength:"128"`
	Destination string   `json:"destination" maxLength:"32" doc:"An account of the configuration: see GET /ad-accounts."`
	Use         string   `json:"use,omitempty" enum:"include,exclude,seed,value" doc:"What the platform uses it for; include unless said. value tells how much each is worth (LTV)."`
	Keys        []string `json:"keys,omitempty" maxItems:"5" doc:"What people are matched by: email, phone, line, name, customer; the first three unless said."`
	Every       string   `json:"every,omitempty" maxLength:"8" doc:"Pause between two runs, 15m to 24h; 1h unless daily is given."`
	Daily       string   `json:"daily,omitempty" maxLength:"5" doc:"Time of day by the shop's clock: 03:30."`
	Minimum     int      `json:"minimum,omitempty" minimum:"0" maximum:"10000000" doc:"Nothing is sent at first while fewer people of the segment may be told; at least what the platform asks for."`
	Paused      bool     `json:"paused,omitempty" doc:"Nobody is added; who may not stay is taken out all the same."`
}

type audienceProblem struct {
	Class string    `json:"class" enum:"retry,rate,auth,gone,refused"`
	Code  string    `json:"code,omitempty" doc:"The platform's own."`
	Text  Text      `json:"text"`
	Until time.Time `json:"until,omitzero" doc:"Nothing is tried before."`
}

type leftOutRow struct {
	Reason string `json:"reason"`
	Label  Text   `json:"label"`
	Count  int    `json:"count"`
}

type AudienceRow struct {
	Name             string           `json:"name"`
	Body             AudienceBody     `json:"body"`
	SegmentTitle     Text             `json:"segment_title"`
	DestinationTitle string           `json:"destination_title"`
	Platform         string           `json:"platform"`
	State            string           `json:"state" enum:"new,working,done,upload,problem,paused"`
	StateLabel       Text             `json:"state_label"`
	Wanted           int              `json:"wanted" doc:"Members of the segment who may be told to the platform, as of the last run."`
	InList           int              `json:"in_list" doc:"People whom the platform has."`
	Matched          *int             `json:"matched,omitempty" doc:"Those that it knows, where it says so."`
	Rejected         int              `json:"rejected" doc:"People whom the platform did not take."`
	Unnamed          int              `json:"unnamed" doc:"Of rejected: at most so many of whom the platform does not say who they are."`
	LeftOut          []leftOutRow     `json:"left_out"`
	Problem          *audienceProblem `json:"problem,omitempty"`
	LastAt           time.Time        `json:"last_at,omitzero" doc:"When the last run ended."`
	NextAt           time.Time        `json:"next_at,omitzero"`
	CallsToday       int              `json:"calls_today" doc:"That told of people, by the shop's day."`
	CallsPerDay      int              `json:"calls_per_day" doc:"At most so many; 0: as many as the platform allows."`
	Simulated        bool             `json:"simulated" doc:"The account is a simulator of this process: nothing leaves."`
	Rebuilds         bool             `json:"rebuilds" doc:"The platform takes nobody out of a list: who leaves makes a new one needed, which takes the place of the old one."`
	Notice           *Text            `json:"notice,omitempty" doc:"What somebody has to do by hand, at platforms that take no list from us."`
	Upload           *audienceUpload  `json:"upload,omitempty" doc:"There: which files, and who said that they were uploaded."`
	Version          int64            `json:"version"`
	Actor            string           `json:"actor"`
	UpdatedAt        time.Time        `json:"updated_at"`
}

type audienceRunRow struct {
	BeganAt   time.Time        `json:"began_at"`
	EndedAt   time.Time        `json:"ended_at,omitzero" doc:"Absent: it went on later."`
	Wanted    int              `json:"wanted"`
	InList    int              `json:"in_list"`
	Added     int              `json:"added"`
	Removed   int              `json:"removed"`
	Refreshed int              `json:"refreshed"`
	Rejected  int              `json:"rejected"`
	Unnamed   int              `json:"unnamed"`
	Calls     int              `json:"calls"`
	Rebuilt   bool             `json:"rebuilt"`
	Problem   *audienceProblem `json:"problem,omitempty"`
}

type audienceCallRow struct {
	ID       enishi.ID `json:"id"`
	At       time.Time `json:"at"`
	Op       string    `json:"op" enum:"add,remove"`
	State    string    `json:"state" enum:"open,asked,done,refused"`
	People   int       `json:"people"`
	Keys     int       `json:"keys" doc:"Identifiers that were told."`
	Accepted int       `json:"accepted"`
	Rejected int       `json:"rejected"`
	Unnamed  int       `json:"unnamed" doc:"Of rejected: the platform does not say who they are."`
	Reason   string    `json:"reason,omitempty" doc:"Of those who were not taken, as the platform says it."`
	Why      Text      `json:"why,omitzero" doc:"The reason in words."`
	Tries    int       `json:"tries"`
}

type adAudiencePage struct {
	Body struct {
		AudienceRow
		Remote  string            `json:"remote,omitempty" doc:"The list's id at the platform."`
		Runs    []audienceRunRow  `json:"runs" doc:"The newest first."`
		Calls   []audienceCallRow `json:"calls" doc:"That changed the list, the newest first."`
		Refused []audienceRefusal `json:"refused" doc:"Why people were not taken, of the last 30 days."`
	}
}

func (a *API) destination(name string) *audiences.Destination { return a.cfg.AdAccounts[name] }

// audienceOf reads an audience's definition.
func audienceOf(d *enishi.Definition) (*audiences.Definition, error) {
	def, err := audiences.Parse(d.Body)
	if err != nil {
		return nil, fmt.Errorf("read the audience %s: %w", d.Name, err)
	}
	return def, nil
}

func audienceProblemOf(s *audiences.Standing) *audienceProblem {
	if s.Problem == nil {
		return nil
	}
	p := &audienceProblem{Class: string(s.Problem.Class), Code: s.Problem.Code, Text: Text{s.Problem.MsgJA, s.Problem.Msg}.complete()}
	if s.RetryAt.After(s.BeganAt) {
		p.Until = s.RetryAt
	}
	return p
}

func leftOutRows(m map[string]int) []leftOutRow {
	out := []leftOutRow{}
	for _, reason := range slices.Sorted(maps.Keys(m)) {
		if m[reason] > 0 {
			out = append(out, leftOutRow{reason, audienceReason(reason), m[reason]})
		}
	}
	return out
}

func (a *API) audienceRow(d *enishi.Definition, def *audiences.Definition, s *audiences.Standing) AudienceRow {
	row := AudienceRow{Name: d.Name, Body: AudienceBody{Title: def.Title, Segment: def.Segment, Destination: def.Destination, Use: def.Use, Every: def.Every, Daily: def.Daily, Minimum: def.Minimum, Paused: def.Paused},
		SegmentTitle: a.titles.segment(def.Segment), DestinationTitle: def.Destination, Version: d.Version, Actor: d.Actor, UpdatedAt: d.At, State: "new", LeftOut: []leftOutRow{}}
	for _, k := range def.Keys {
		row.Body.Keys = append(row.Body.Keys, string(k))
	}
	if dest := a.destination(def.Destination); dest != nil {
		f := dest.Platform.Facts()
		row.DestinationTitle, row.Platform, row.Rebuilds, row.Notice, row.Simulated, row.CallsPerDay = dest.Title, f.Platform, !f.Removal, byHand(&f), dest.Simulated, dest.CallsPerDay
	} else {
		row.Problem = &audienceProblem{Class: "refused", Code: "destination", Text: Text{"設定に広告アカウント「" + def.Destination + "」がありません。", "the configuration has no account " + def.Destination}}
	}
	if s != nil {
		row.Wanted, row.InList, row.Rejected, row.Unnamed, row.LeftOut, row.LastAt, row.NextAt = s.Wanted, s.Has(), s.Rejected+s.Unnamed, s.Unnamed, leftOutRows(s.LeftOut), s.EndedAt, def.Next(s.EndedAt, a.zone()).UTC()
		if s.Day == a.cfg.Now().In(a.zone()).Format(time.DateOnly) {
			row.CallsToday = s.Today
		}
		if s.Matched >= 0 {
			row.Matched = &s.Matched
		}
		row.State = "working"
		if !s.EndedAt.Before(s.BeganAt) {
			row.State = "done"
		}
		if p := audienceProblemOf(s); p != nil {
			row.Problem = p
		}
	}
	if _, there := a.cfg.Definitions.Current(segments.KindSegment, def.Segment); !there && row.Problem == nil {
		gone := segmentGone
		row.Problem = &gone
	}
	switch {
	case row.Problem != nil:
		row.State = "problem"
	case def.Paused:
		row.State = "paused"
	}
	row.StateLabel = map[string]Text{"new": {"初回の同期待ち", "waits for its first run"}, "working": {"同期中", "at work"}, "done": {"同期済み", "in step"}, "problem": {"要対応", "needs somebody"}, "paused": {"一時停止中", "paused"}}[row.State]
	if row.Problem != nil && (row.Problem.Class == "retry" || row.Problem.Class == "rate") {
		row.StateLabel = Text{"自動で再試行します", "is tried again by itself"}
	}
	return row
}

func (a *API) standings(ctx context.Context) (map[string]*audiences.Standing, error) {
	list, err := a.audienceTables().Standings(ctx, "1 ORDER BY began_at DESC LIMIT 1 BY audience")
	out := make(map[string]*audiences.Standing, len(list))
	for i := range list {
		out[list[i].Audience] = &list[i]
	}
	return out, err
}

func (a *API) listAudiences(ctx context.Context, _ *struct{}) (*listOutput[AudienceRow], error) {
	standing, err := a.standings(ctx)
	if err != nil {
		return nil, err
	}
	out := listOf([]AudienceRow{})
	for _, d := range a.cfg.Definitions.List(audiences.Kind) {
		def, err := audienceOf(&d)
		if err != nil {
			return nil, err
		}
		row := a.audienceRow(&d, def, standing[d.Name])
		if err := a.byHandRow(ctx, &row, standing[d.Name]); err != nil {
			return nil, err
		}
		out.Body.Items = append(out.Body.Items, row)
	}
	return out, nil
}

func (a *API) audienceNamed(name string) (*enishi.Definition, *audiences.Definition, error) {
	d, ok := a.cfg.Definitions.Current(audiences.Kind, name)
	if !ok {
		return nil, nil, notFound("audience", "オーディエンス")
	}
	def, err := audienceOf(&d)
	return &d, def, err
}

func (a *API) getAudience(ctx context.Context, in *NamePath) (*adAudiencePage, error) {
	d, def, err := a.audienceNamed(in.Name)
	if err != nil {
		return nil, err
	}
	runs, err := a.audienceTables().Standings(ctx, "audience = {name:String} ORDER BY began_at DESC LIMIT 50", named("name", in.Name))
	if err != nil {
		return nil, err
	}
	calls, err := a.audienceTables().Batches(ctx, "audience = {name:String} ORDER BY at DESC, id LIMIT 50", named("name", in.Name))
	if err != nil {
		return nil, err
	}
	out := &adAudiencePage{}
	out.Body.Runs, out.Body.Calls = []audienceRunRow{}, []audienceCallRow{}
	var newest *audiences.Standing
	if len(runs) > 0 {
		newest = &runs[0]
		if out.Body.Remote = newest.Remote; out.Body.Remote == "?" { // one is being made
			out.Body.Remote = ""
		}
	}
	out.Body.AudienceRow = a.audienceRow(d, def, newest)
	if err := a.byHandRow(ctx, &out.Body.AudienceRow, newest); err != nil {
		return nil, err
	}
	for i := range runs {
		s := &runs[i]
		r := audienceRunRow{BeganAt: s.BeganAt, Wanted: s.Wanted, InList: s.Has(), Added: s.Added, Removed: s.Taken, Refreshed: s.Refreshed, Rejected: s.Rejected + s.Unnamed, Unnamed: s.Unnamed, Calls: s.Calls, Rebuilt: s.Rebuilt, Problem: audienceProblemOf(s)}
		if !s.EndedAt.Before(s.BeganAt) {
			r.EndedAt = s.EndedAt
		}
		out.Body.Runs = append(out.Body.Runs, r)
	}
	for i := range calls {
		b := &calls[i]
		row := audienceCallRow{ID: b.ID, At: b.At, Op: b.Op, State: b.State, People: b.People, Keys: b.Keys, Accepted: b.Accepted, Rejected: b.Rejected, Unnamed: b.Unnamed, Reason: b.Reason, Tries: b.Tries}
		if b.Rejected > 0 || b.State == audiences.BatchRefused {
			row.Why, _ = rejection(b.Reason)
		}
		out.Body.Calls = append(out.Body.Calls, row)
	}
	out.Body.Refused, err = a.audienceRefusals(ctx, newest)
	return out, err
}

type saveAudienceInput struct {
	NamePath
	Body struct {
		AudienceBody
		Expect int64  `json:"expect" doc:"The version this replaces; 0 for a new one."`
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

func (a *API) saveAudience(ctx context.Context, in *saveAudienceInput) (*writtenOutput, error) {
	body, err := json.Marshal(&in.Body.AudienceBody)
	if err != nil {
		return nil, err
	}
	w, err := a.putAudience(ctx, in.Name, body, in.Body.Expect, in.Body.Reason)
	return &writtenOutput{w}, err
}

// putAudience saves an audience: it hands people to others, which needs who may export.
func (a *API) putAudience(ctx context.Context, name string, body []byte, expect int64, reason string) (Written, error) {
	if !callOf(ctx).caller.role.includes(approver) {
		return Written{}, refusal(enishi.Denied, "to hand people to a platform needs the role approver", "広告媒体への送信には「承認者」の権限が必要です。")
	}
	def, err := audiences.Parse(body)
	if err != nil {
		return Written{}, err
	}
	if err := errors.Join(checkName(name), a.checkAudience(name, def)); err != nil {
		return Written{}, err
	}
	if d, ok := a.cfg.Definitions.Current(audiences.Kind, name); ok {
		old, err := audienceOf(&d)
		switch {
		case err != nil:
		case old.Destination != def.Destination:
			return Written{}, enishi.FieldError("body.destination", "an audience stays at its account: make another one for "+def.Destination, "送り先の広告アカウントは変更できません。別のオーディエンスを作成してください。")
		case (old.Use == audiences.Value) != (def.Use == audiences.Value):
			return Written{}, enishi.FieldError("body.use", "a list has values from its beginning or never: make another audience", "顧客価値を送るかどうかは、リストの作成後に変更できません。別のオーディエンスを作成してください。")
		}
	} else if s, err := a.audienceTables().Standing(ctx, name); err != nil {
		return Written{}, err
	} else if s != nil && s.Holds() {
		return Written{}, refusal(enishi.Conflict, "the list of the audience of that name which was deleted is still at the platform: wait until it is gone, or take another name",
			"削除した同じ名前のオーディエンスのリストが、まだ媒体に残っています。消えるまで待つか、別の名前にしてください。")
	}
	return a.save(ctx, enishi.Definition{Kind: audiences.Kind, Name: name, Expect: expect, Body: compact(body), Reason: reason})
}

// checkAudience tells what stands against an audience: account, segment, keys, law.
func (a *API) checkAudience(name string, def *audiences.Definition) error {
	dest := a.destination(def.Destination)
	if dest == nil {
		known := strings.Join(slices.Sorted(maps.Keys(a.cfg.AdAccounts)), ", ")
		return enishi.FieldError("body.destination", "the configuration has no account "+def.Destination+"; it has "+known, "設定に広告アカウント「"+def.Destination+"」がありません。設定にあるのは "+known+" です。")
	}
	facts := dest.Platform.Facts()
	rules, ok := match.For(facts.Platform)
	if !ok {
		return fmt.Errorf("audiences: no rules for %s", facts.Platform)
	}
	if !slices.ContainsFunc(def.Keys, func(k match.Kind) bool { return slices.Contains(rules.Kinds(), k) }) {
		var kinds []string
		for _, k := range rules.Kinds() {
			kinds = append(kinds, string(k))
		}
		return enishi.FieldError("body.keys", "this platform matches by "+strings.Join(kinds, ", "), "この媒体で照合に使えるのは "+strings.Join(kinds, ", ")+" です。")
	}
	if def.Use == audiences.Value && !facts.Values {
		return enishi.FieldError("body.use", "this platform takes no values", "この媒体には顧客価値を送れません。用途を変更してください。")
	}
	return a.checkSensitive(name, def)
}

func (a *API) deleteAudience(ctx context.Context, in *deleteInput) (*writtenOutput, error) {
	if _, ok := a.cfg.Definitions.Current(audiences.Kind, in.Name); !ok {
		return nil, notFound("audience", "オーディエンス")
	}
	w, err := a.save(ctx, enishi.Definition{Kind: audiences.Kind, Name: in.Name, Expect: in.Expect, Deleted: true, Reason: in.Reason})
	return &writtenOutput{w}, err
}

func (a *API) syncAudience(ctx context.Context, in *NamePath) (*writtenOutput, error) {
	if _, ok := a.cfg.Definitions.Current(audiences.Kind, in.Name); !ok {
		return nil, notFound("audience", "オーディエンス")
	}
	body, err := json.Marshal(audienceOrder{callOf(ctx).request.String()})
	if err != nil {
		return nil, err
	}
	w, err := a.save(ctx, enishi.Definition{Kind: audienceOrderKind, Name: in.Name, Expect: -1, Body: body})
	return &writtenOutput{w}, err
}

type tryAudienceInput struct {
	Body struct {
		Name string       `json:"name,omitempty" maxLength:"128" doc:"Of the audience that is there; absent: of a new one."`
		Body AudienceBody `json:"body"`
	}
}

type audienceChangeRow struct {
	Person enishi.ID `json:"person"`
	Name   string    `json:"name"`
	What   string    `json:"what" enum:"add,remove,refresh,leave_out"`
	Reason Text      `json:"reason,omitzero"`
	Keys   []string  `json:"keys"`
}

type audienceForecast struct {
	Body struct {
		Wanted  int                 `json:"wanted"`
		Add     int                 `json:"add"`
		Remove  int                 `json:"remove"`
		Refresh int                 `json:"refresh"`
		LeftOut []leftOutRow        `json:"left_out"`
		Rebuild bool                `json:"rebuild"`
		Calls   int                 `json:"calls" doc:"Calls that change the list, at least."`
		Segment int                 `json:"segment" doc:"Members of the segment."`
		Stale   bool                `json:"stale" doc:"The segment is being evaluated anew or is behind: nobody is added before that is over."`
		Minimum int                 `json:"minimum" doc:"Nothing is sent at first while fewer people are wanted."`
		Problem *audienceProblem    `json:"problem,omitempty" doc:"Why nothing of it would be done now."`
		Some    []audienceChangeRow `json:"some" doc:"The first 20 of each sort."`
	}
}

// tryAudience tells what a run would do; nothing is sent or kept.
func (a *API) tryAudience(ctx context.Context, in *tryAudienceInput) (*audienceForecast, error) {
	body, err := json.Marshal(&in.Body.Body)
	if err != nil {
		return nil, err
	}
	def, err := audiences.Parse(body)
	if err != nil {
		return nil, err
	}
	if err := a.checkAudience(in.Body.Name, def); err != nil {
		return nil, err
	}
	f, err := a.audiences.Dry(ctx, in.Body.Name, def)
	if err != nil {
		return nil, err
	}
	out := &audienceForecast{}
	b := &out.Body
	if f.Held != nil {
		b.Problem = audienceProblemOf(&audiences.Standing{Problem: f.Held})
	}
	b.Wanted, b.Add, b.Remove, b.Refresh, b.LeftOut, b.Rebuild, b.Calls, b.Some = f.Wanted, f.Add, f.Remove, f.Refresh, leftOutRows(f.LeftOut), f.Rebuild, f.Calls, []audienceChangeRow{}
	segment, err := a.audienceSegment(ctx, def.Segment)
	if err != nil {
		return nil, err
	}
	b.Segment, b.Stale = segment.Size, segment.Stale
	b.Minimum = max(def.Minimum, a.destination(def.Destination).Platform.Facts().Minimum)
	var ids []enishi.ID
	for i := range f.Some {
		ids = append(ids, f.Some[i].Profile)
	}
	names, err := a.names(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, c := range f.Some {
		row := audienceChangeRow{Person: c.Profile, Name: names[c.Profile], What: c.What, Keys: append([]string{}, c.Kinds...)}
		if c.Reason != "" {
			row.Reason = audienceReason(c.Reason)
		}
		b.Some = append(b.Some, row)
	}
	return out, nil
}
