package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"enishi"
	"enishi/segments"
)

// SegmentTarget says whom: an expression, or the one of a saved segment. It is exported because huma reads no others where
// they are embedded.
type SegmentTarget struct {
	Expression string    `json:"expression,omitempty" maxLength:"20000" doc:"Instead of name."`
	Name       string    `json:"name,omitempty" maxLength:"64" doc:"A saved segment, instead of expression."`
	At         time.Time `json:"at,omitzero" required:"false" doc:"The instant to judge at; the workspace's clock unless said. It moves the clock, not the knowledge."`
}

// target compiles what is asked for. A saved segment's expression is evaluated too, so that all answers mean the same.
func (a *API) target(in *SegmentTarget) (*segments.Segment, time.Time, error) {
	at := in.At
	if at.IsZero() {
		at = a.now()
	}
	switch {
	case (in.Expression == "") == (in.Name == ""):
		return nil, at, enishi.FieldError("body.expression", "give an expression or the name of a segment, one of them", "条件（expression）かセグメントの内部名（name）のどちらか一方を指定してください。")
	case in.Name != "":
		d, ok := a.cfg.Definitions.Current("segment", in.Name)
		if !ok {
			return nil, at, notFound("segment", "セグメント")
		}
		s, err := a.library().Compile(d.Name, d.Version, d.Body)
		return s, at, err
	}
	body, err := json.Marshal(segments.Body{Expression: in.Expression})
	if err != nil {
		return nil, at, err
	}
	s, err := a.library().Compile("", 0, body)
	return s, at, err
}

// queryBounds are what a query over an expression that somebody wrote may cost.
type queryBounds struct {
	time   time.Duration
	memory int64 // bytes, in the engine
}

const (
	codeTimeout = 159 // of ClickHouse: TIMEOUT_EXCEEDED
	codeMemory  = 241 // MEMORY_LIMIT_EXCEEDED
)

// bounded runs a query within the bounds; what exceeds them is an error that says so.
func (a *API) bounded(ctx context.Context, query func(ctx context.Context) error) error {
	limit, cancel := context.WithTimeout(ctx, a.bounds.time)
	defer cancel()
	err := query(clickhouse.Context(limit, clickhouse.WithSettings(clickhouse.Settings{"max_memory_usage": a.bounds.memory})))
	if err == nil || ctx.Err() != nil {
		return err
	}
	var refused *clickhouse.Exception
	_ = errors.As(err, &refused)
	switch {
	case limit.Err() != nil, refused != nil && refused.Code == codeTimeout:
		return &enishi.Error{Code: enishi.Invalid, Msg: fmt.Sprintf("the expression takes longer than %s: shorten its windows or split it", a.bounds.time),
			MsgJA: fmt.Sprintf("この条件の計算は %d 秒以内に終わりません。期間を短くするか、セグメントを分けてください。", int(a.bounds.time.Seconds())), Err: err}
	case refused != nil && refused.Code == codeMemory:
		return &enishi.Error{Code: enishi.Invalid, Msg: fmt.Sprintf("the expression needs more than %d MB of memory: shorten its windows or split it", a.bounds.memory>>20),
			MsgJA: fmt.Sprintf("この条件の計算にはメモリーが %d MB では足りません。期間を短くするか、セグメントを分けてください。", a.bounds.memory>>20), Err: err}
	}
	return err
}

type countInput struct{ Body SegmentTarget }

type countOutput struct{ Body countPage }

// countPage is how many people an expression finds among all.
type countPage struct {
	Count           int64     `json:"count"`
	Base            int64     `json:"base" doc:"All people, in or not."`
	At              time.Time `json:"at"`
	CompleteThrough time.Time `json:"complete_through"`
	Warnings        []Text    `json:"warnings" doc:"What is right and yet finds nobody, such as a rank that was never computed."`
}

func (a *API) countSegment(ctx context.Context, in *countInput) (*countOutput, error) {
	s, at, err := a.target(&in.Body)
	if err != nil {
		return nil, err
	}
	out := &countOutput{countPage{At: at.UTC(), Warnings: warnings(s)}}
	if out.Body.CompleteThrough, err = a.through(ctx); err != nil { // before the count: it has at least this
		return nil, err
	}
	query, args := s.SQL(at)
	var base, count uint64
	err = a.bounded(ctx, func(ctx context.Context) error {
		return a.one(ctx, "SELECT (SELECT count() FROM people FINAL), (SELECT count() FROM (\n"+query+"))", args, &base, &count)
	})
	if err != nil {
		return nil, fmt.Errorf("count: %w", err)
	}
	out.Body.Base, out.Body.Count = int64(base), int64(count)
	return out, nil
}

type explainInput struct {
	Body struct {
		SegmentTarget
		Person string `json:"person" minLength:"1" maxLength:"200" doc:"An id, or an identifier of any kind: a mail address, a customer id, a phone number ..."`
	}
}

type explainOutput struct{ Body explainPage }

// explainPage is why somebody is in a segment, or is not.
type explainPage struct {
	Person          explainPerson   `json:"person"`
	In              bool            `json:"in"`
	At              time.Time       `json:"at"`
	Until           time.Time       `json:"until,omitzero" doc:"The instant at which time alone may change the answer; absent: never."`
	Reasons         []explainReason `json:"reasons" doc:"The conditions that are joined by && at the top."`
	CompleteThrough time.Time       `json:"complete_through"`
}

type explainPerson struct {
	ID   enishi.ID `json:"id"`
	Name string    `json:"name"`
}

type explainReason struct {
	Expression string    `json:"expression"`
	Match      bool      `json:"match"`
	Decides    bool      `json:"decides" doc:"The answer follows from it: all of them for who is in, the failed ones for who is not."`
	Found      string    `json:"found" doc:"What was compared; empty: missing, or nothing to show."`
	Text       Text      `json:"text" doc:"What was found, in words."`
	Until      time.Time `json:"until,omitzero" doc:"The instant at which time alone may change this condition."`
}

func (a *API) explainSegment(ctx context.Context, in *explainInput) (*explainOutput, error) {
	s, at, err := a.target(&in.Body.SegmentTarget)
	if err != nil {
		return nil, err
	}
	id, err := a.onePerson(ctx, in.Body.Person)
	if err != nil {
		return nil, err
	}
	p, _, err := a.load(ctx, id.String())
	if err != nil {
		return nil, err
	}
	v := p.View()
	out := &explainOutput{explainPage{Person: explainPerson{p.ID, nameOf(v).Display}, In: s.Match(v, at), At: at.UTC(), Until: s.NextChange(v, at), Reasons: []explainReason{}}}
	for _, r := range s.Explain(v, at) {
		row := explainReason{Expression: r.Expression, Match: r.Match, Decides: r.Decides, Found: r.Found, Text: a.reason(r, at)}
		if t, err := time.Parse(time.RFC3339Nano, r.Until); err == nil {
			row.Until = t
		}
		out.Body.Reasons = append(out.Body.Reasons, row)
	}
	out.Body.CompleteThrough, err = a.through(ctx)
	return out, err
}

// onePerson finds who is meant by an id or an identifier.
func (a *API) onePerson(ctx context.Context, text string) (enishi.ID, error) {
	if id, err := enishi.ParseID(text); err == nil {
		if p, _, err := a.load(ctx, id.String()); err == nil {
			return p.ID, nil
		} else if enishi.ErrorCode(err) != enishi.NotFound { // it may be somebody's customer id
			return enishi.ID{}, err
		}
	}
	found, err := a.findExact(ctx, text)
	switch {
	case err != nil:
		return enishi.ID{}, err
	case len(found) == 0:
		return enishi.ID{}, notFound("person", "顧客")
	case len(found) > 1:
		return enishi.ID{}, refusal(enishi.Conflict, fmt.Sprintf("%d people have this identifier: give a profile id", len(found)), fmt.Sprintf("この識別子は %d 人に当てはまります。顧客 ID を指定してください。", len(found)))
	}
	return found[0], nil
}
