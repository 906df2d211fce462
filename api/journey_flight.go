package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/journeys"
)

// inFlight is what becomes of people in older versions: see [journeys.InFlight].
type inFlight struct {
	Then  string            `json:"then" enum:"finish,move,exit" doc:"finish: they go through the version that they entered. move: they go on in this one. exit: they leave."`
	Nodes map[string]string `json:"nodes,omitempty" doc:"Of move: the step of this version by that of the older; steps of the same name need none."`
}

// withInFlight sets what becomes of people in flight; nil leaves it as the definition says.
func withInFlight(definition []byte, x *inFlight) ([]byte, error) {
	if x == nil {
		return definition, nil
	}
	text, err := json.Marshal(x)
	return withField(definition, "in_flight", text), err
}

// acting is the version of a journey that takes entries, or stands for those that do not any more; drafts after it wait.
func (a *API) acting(name string) (enishi.Definition, bool) {
	all := a.cfg.Definitions.History("journey", name)
	for i := len(all) - 1; i >= 0 && !all[i].Deleted; i-- {
		if journeys.Acts(all[i].Body) {
			return all[i], true
		}
	}
	return enishi.Definition{}, false
}

type flightOutput struct{ Body flightPage }

// flightPage is who is under way in a journey, by version: what a publication has to decide on.
type flightPage struct {
	Newest int64       `json:"newest" doc:"The newest version."`
	Items  []flightRow `json:"items"`
}

type flightRow struct {
	Version  int64  `json:"version"`
	Node     string `json:"node"`
	Title    Text   `json:"title"`
	Standing int64  `json:"standing"`
	Gone     bool   `json:"gone" doc:"The newest version has no step of this name: who moves needs another."`
}

func (a *API) listJourneyFlight(ctx context.Context, in *NamePath) (*flightOutput, error) {
	d, ok := a.cfg.Definitions.Current("journey", in.Name)
	if !ok {
		return nil, notFound("journey", "ジャーニー")
	}
	_, kinds := nodesOf(d.Body)
	out := &flightOutput{flightPage{Newest: d.Version, Items: []flightRow{}}}
	err := a.each(ctx, "SELECT definition, toString(node), count() FROM runs FINAL WHERE journey = {journey:String} AND ended_at = "+never+" GROUP BY definition, node ORDER BY definition, node",
		[]any{named("journey", in.Name)}, func(rows driver.Rows) error {
			var r flightRow
			var n uint64
			err := rows.Scan(&r.Version, &r.Node, &n)
			r.Standing, r.Title, r.Gone = int64(n), a.titles.node(in.Name, r.Node), kinds[r.Node] == ""
			out.Body.Items = append(out.Body.Items, r)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("count people under way in %s: %w", in.Name, err)
	}
	return out, nil
}

type enterInput struct {
	NamePath
	Body struct {
		Person string `json:"person" minLength:"1" maxLength:"64" doc:"The person's id."`
		Key    string `json:"key,omitempty" maxLength:"200" doc:"Of the run, when the journey's entry names a key."`
	}
}

// enterJourney takes a person into a journey that may be called. The re-entry rule and the exits decide as for every entry.
func (a *API) enterJourney(ctx context.Context, in *enterInput) (*writtenOutput, error) {
	d, ok := a.acting(in.Name)
	if !ok {
		return nil, notFound("journey", "ジャーニー")
	}
	var x struct {
		State string         `json:"state"`
		Entry journeys.Entry `json:"entry"`
	}
	if err := json.Unmarshal(d.Body, &x); err != nil {
		return nil, fmt.Errorf("read journey %s: %w", in.Name, err)
	}
	switch {
	case statusOf(x.State) != "live":
		return nil, refusal(enishi.Conflict, "the journey is not live: it takes nobody", "ジャーニーが公開されていないため、開始できません。")
	case !x.Entry.Called:
		return nil, refusal(enishi.Conflict, "the journey may not be called: its entry has no called", "このジャーニーは呼び出しで開始できません（開始条件に called がありません）。")
	case x.Entry.Key != "" && strings.TrimSpace(in.Body.Key) == "":
		return nil, enishi.FieldError("body.key", "the runs of this journey have a key: "+x.Entry.Key, "このジャーニーは "+x.Entry.Key+" ごとに進みます。key を指定してください。")
	}
	p, _, err := a.load(ctx, in.Body.Person)
	if err != nil {
		return nil, err
	}
	w, err := a.append(ctx, enishi.Event{Type: enishi.TypeRunEnter, Profile: p.ID, Subject: mainSubject(p),
		Control: &enishi.Control{Journey: in.Name, Key: in.Body.Key, Actor: callOf(ctx).caller.name}})
	return &writtenOutput{w}, err
}

type leaveInput struct {
	NamePath
	Person string `path:"person" maxLength:"64"`
	Reason string `query:"reason" maxLength:"200"`
}

// leaveJourney takes a person out of a journey: all runs that are under way.
func (a *API) leaveJourney(ctx context.Context, in *leaveInput) (*writtenOutput, error) {
	p, _, err := a.load(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	var w Written
	left := false
	for i := range p.Runs {
		r := &p.Runs[i]
		if r.Journey != in.Name || !r.EndedAt.IsZero() {
			continue
		}
		e := enishi.Event{Type: enishi.TypeRunExit, Profile: p.ID, Subject: r.Subject,
			Control: &enishi.Control{Journey: r.Journey, RunID: r.ID, Actor: callOf(ctx).caller.name, Reason: in.Reason}}
		if w, err = a.appendAs(ctx, e, r.ID.String()); err != nil {
			return nil, err
		}
		left = true
	}
	if !left {
		return nil, refusal(enishi.Conflict, "the person is not in this journey", "この顧客はこのジャーニーの途中ではありません。")
	}
	return &writtenOutput{w}, nil
}

// changeActing changes the state of the version that acts while a newer draft waits: the draft is kept and stays the newest.
func (a *API) changeActing(ctx context.Context, d, act enishi.Definition, to, reason string) (Written, error) {
	from := headOf(&act).State
	if !slices.Contains(journeyChanges[from], to) {
		return Written{}, notFromTo(from, to)
	}
	w, err := a.putJourney(ctx, d.Name, withoutState(act.Body), to, d.Version, reason)
	if err != nil {
		return w, err
	}
	draft, err := a.saveAs(ctx, enishi.Definition{Kind: "journey", Name: d.Name, Expect: w.Version, Body: d.Body, Reason: d.Reason}, "draft")
	if err != nil {
		return w, fmt.Errorf("keep the draft of %s: %w", d.Name, err)
	}
	return draft, nil
}

func notFromTo(from, to string) error {
	return &enishi.Error{Code: enishi.Conflict, Msg: "a journey cannot go from " + from + " to " + to,
		MsgJA: "「" + stateWord(from) + "」から「" + stateWord(to) + "」には変えられません。"}
}
