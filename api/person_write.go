package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/profiles"
)

type holdInput struct {
	PersonPath
	Body struct {
		Reason string    `json:"reason" minLength:"1" maxLength:"200" doc:"Why, as people read it: an open complaint, a return, mourning."`
		Until  time.Time `json:"until,omitzero" required:"false" doc:"Until released unless said."`
		// LastDay is what people say: held until the 24th.
		LastDay string `json:"last_day,omitempty" maxLength:"10" doc:"Instead of until: the last day of the hold, as 2026-12-24, in the workspace's time zone."`
	}
}

func (a *API) holdPerson(ctx context.Context, in *holdInput) (*writtenOutput, error) {
	p, _, err := a.load(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	until, field := in.Body.Until, "body.until"
	if in.Body.LastDay != "" {
		field = "body.last_day"
		if !until.IsZero() {
			return nil, enishi.FieldError(field, "say either until or last_day", "until か last_day のどちらか一方を指定してください。")
		}
		day, err := time.ParseInLocation(time.DateOnly, in.Body.LastDay, a.zone())
		if err != nil {
			return nil, enishi.FieldError(field, "is written as 2026-12-24", "2026-12-24 の形で書いてください。")
		}
		until = day.AddDate(0, 0, 1)
	}
	if !until.IsZero() && !until.After(a.now()) {
		return nil, enishi.FieldError(field, "is in the past", "これからの日時を指定してください。")
	}
	w, err := a.append(ctx, enishi.Event{Type: "hold.placed", Profile: p.ID, Subject: mainSubject(p),
		Hold: &enishi.Hold{Reason: strings.TrimSpace(in.Body.Reason), Until: until.UTC().Truncate(time.Millisecond), Actor: callOf(ctx).caller.name}})
	return &writtenOutput{w}, err
}

type releaseInput struct {
	PersonPath
	Reason string `query:"reason" maxLength:"200"`
}

func (a *API) releasePerson(ctx context.Context, in *releaseInput) (*writtenOutput, error) {
	p, _, err := a.load(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	// Every hold is released under the subject it was placed with, by its reason.
	var w Written
	released := false
	for i := range p.Subjects {
		for _, h := range p.Subjects[i].Holds {
			if h.Released {
				continue
			}
			e := enishi.Event{Type: "hold.released", Profile: p.ID, Subject: p.Subjects[i].ID, Hold: &enishi.Hold{Reason: h.Reason, Actor: callOf(ctx).caller.name}}
			if w, err = a.appendAs(ctx, e, p.Subjects[i].ID.String(), h.Reason); err != nil {
				return nil, err
			}
			released = true
		}
	}
	if !released {
		return nil, refusal(enishi.Conflict, "nothing is on hold", "配信保留はありません。")
	}
	return &writtenOutput{w}, nil
}

type consentInput struct {
	PersonPath
	Body struct {
		Channel string `json:"channel" enum:"email,line,sms,push,postal,social,ads"`
		Purpose string `json:"purpose,omitempty" enum:",marketing,transactional" doc:"marketing unless said."`
		State   string `json:"state" enum:"in,out"`
		Reason  string `json:"reason" minLength:"1" maxLength:"500" doc:"How the person said so: the evidence that the law asks for."`
	}
}

func (a *API) changeConsent(ctx context.Context, in *consentInput) (*writtenOutput, error) {
	p, _, err := a.load(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	subject := mainSubject(p)
	if s, ok := p.View().Address(in.Body.Channel); ok {
		subject = s.ID
	}
	purpose := in.Body.Purpose
	if purpose == "" {
		purpose = profiles.Marketing
	}
	w, err := a.append(ctx, enishi.Event{Type: "consent.changed", Profile: p.ID, Subject: subject, Consent: []enishi.ConsentChange{{
		Channel: in.Body.Channel, Purpose: purpose, State: in.Body.State, Method: "staff", Text: in.Body.Reason, Actor: callOf(ctx).caller.name}}})
	return &writtenOutput{w}, err
}

// mainSubject is the strongest identifier of a person.
func mainSubject(p *profiles.Profile) enishi.ID {
	best := p.ID
	var kind enishi.Kind
	for i := range p.Subjects {
		if s := &p.Subjects[i]; s.Kind != 0 && (kind == 0 || s.Kind < kind) {
			best, kind = s.ID, s.Kind
		}
	}
	return best
}

type eraseInput struct {
	PersonPath
	Body struct {
		Reason  string `json:"reason" minLength:"1" maxLength:"500"`
		Confirm string `json:"confirm" maxLength:"200" doc:"The person's display name, or the id of who has none: nobody is erased by a slip."`
	}
}

func (a *API) erasePerson(ctx context.Context, in *eraseInput) (*writtenOutput, error) {
	p, _, err := a.load(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if p.Erased && len(p.Subjects) == 0 {
		return nil, refusal(enishi.Conflict, "the person is erased already", "すでに消去されています。")
	}
	want := nameOf(p.View()).Display
	if want == "" {
		want = p.ID.String()
	}
	if strings.TrimSpace(in.Body.Confirm) != want {
		return nil, enishi.FieldError("body.confirm", "is not the person's name", "確認のため、この顧客の名前をそのまま入力してください。")
	}
	c := callOf(ctx)
	w, err := a.appendErasures(ctx, erasure{profile: p, request: c.request, actor: c.caller.name, reason: in.Body.Reason, source: "console"})
	if err != nil {
		return nil, err
	}
	return &writtenOutput{w}, a.outcome(ctx, c.request)
}

// allLinks waits until every link that is on the log by now is known: an erasure must reach all identifiers of the person.
func (a *API) allLinks(ctx context.Context) error {
	ends, err := a.cfg.Stream.Ends(ctx, enishi.TopicIdentities)
	if err != nil {
		return fmt.Errorf("read the end of identities: %w", err)
	}
	limit, cancel := context.WithTimeout(ctx, a.waitLimit)
	defer cancel()
	if err := a.cfg.Ingester.Graph().Wait(limit, ends[0]); err != nil {
		return &enishi.Error{Code: enishi.Unavailable, Msg: "it is not known yet what belongs to this person; try again", MsgJA: "この顧客に紐づく情報をまだ読み込んでいます。少し待ってからやり直してください。", Err: err}
	}
	return nil
}

// outcome waits for the row by which the fold answers a command.
func (a *API) outcome(ctx context.Context, request enishi.ID) error {
	limit, cancel := context.WithTimeout(ctx, a.waitLimit)
	defer cancel()
	var text string
	err := poll(limit, func() (bool, error) {
		err := a.one(limit, "SELECT outcome FROM outcomes FINAL WHERE request_id = "+idLiteral(request), nil, &text)
		if errors.Is(err, errNoRow) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil && limit.Err() != nil && ctx.Err() == nil {
		return &enishi.Error{Code: enishi.Unavailable, Msg: "the order is on the log and will be carried out; its outcome is not known yet", MsgJA: "操作は受け付けられ、まもなく実行されます。完了はまだ確認できていません。", Err: err}
	}
	return err
}

// nodeAfterWait is where a run goes when the wait it stands at ends by its time.
func nodeAfterWait(definition json.RawMessage, node string) string {
	var d struct {
		Nodes map[string]struct {
			Next      string `json:"next"`
			OnTimeout string `json:"on_timeout"`
		} `json:"nodes"`
	}
	if json.Unmarshal(definition, &d) != nil {
		return ""
	}
	n := d.Nodes[node]
	if n.OnTimeout != "" {
		return n.OnTimeout
	}
	return n.Next
}

// segmentNames are the segments that a journey's definition names.
func segmentNames(definition json.RawMessage) []string {
	var graph any
	if json.Unmarshal(definition, &graph) != nil {
		return nil
	}
	var out []string
	walk(graph, func(key string, v any) {
		s, ok := v.(string)
		if !ok {
			return
		}
		names := calledSegments(s)
		if key == "segment" {
			names = append(names, s)
		}
		for _, name := range names {
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	})
	slices.Sort(out)
	return out
}

// walk visits every member of every object within a JSON value.
func walk(v any, visit func(key string, v any)) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			walk(x, visit)
		}
	case map[string]any:
		for k, x := range v {
			visit(k, x)
			walk(x, visit)
		}
	}
}
