package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"enishi"
	"enishi/internal/outflow"
	"enishi/segments"
)

// streamRow is a stream and how it stands.
type streamRow struct {
	Name      string         `json:"name"`
	Title     Text           `json:"title"`
	Version   int64          `json:"version"`
	UpdatedAt time.Time      `json:"updated_at"`
	Stream    outflow.Stream `json:"stream" doc:"As it was saved."`
	State     string         `json:"state" enum:"running,paused,failing,starting"`
	Waiting   int64          `json:"waiting" doc:"Changes that have not gone out; the condition is not asked of them yet."`
	Lag       int64          `json:"lag" doc:"For how many seconds the oldest of them waits."`
	Sent      int64          `json:"sent"`
	LeftOut   int64          `json:"left_out" doc:"For which the condition was false."`
	Dead      int64          `json:"dead" doc:"Refused by the receiver for what is in them; they are dead letters."`
	SentAt    time.Time      `json:"sent_at,omitzero" doc:"When the last one was taken."`
	Problem   *streamProblem `json:"problem,omitempty" doc:"Why nothing leaves, and what to do."`
}

type streamProblem struct {
	Code  string    `json:"code,omitempty" doc:"What was answered; absent: nothing."`
	Text  Text      `json:"text"`
	Since time.Time `json:"since"`
	Next  time.Time `json:"next,omitzero" doc:"When it is tried again."`
}

func (a *API) streamRow(ctx context.Context, d *enishi.Definition) (*streamRow, error) {
	var s outflow.Stream
	if err := json.Unmarshal(d.Body, &s); err != nil {
		return nil, fmt.Errorf("read stream %s: %w", d.Name, err)
	}
	x, err := a.cfg.Outflow.Status(ctx, d.Name, &s)
	if err != nil {
		return nil, err
	}
	row := &streamRow{Name: d.Name, Title: Text(s.Title).complete(), Version: d.Version, UpdatedAt: d.At, Stream: s, State: x.State, Waiting: int64(x.Waiting), Sent: int64(x.Sent), LeftOut: int64(x.LeftOut),
		Dead: int64(x.Dead), SentAt: x.SentAt}
	if x.Waiting > 0 && !x.Oldest.IsZero() {
		row.Lag = max(int64(a.now().Sub(x.Oldest).Seconds()), 0)
	}
	if x.Problem != "" {
		row.Problem = &streamProblem{x.Code, Text{x.ProblemJA, x.Problem}, x.Since, x.NextTry}
	}
	return row, nil
}

func (a *API) listStreams(ctx context.Context, _ *struct{}) (*listOutput[streamRow], error) {
	out := listOf([]streamRow{})
	for _, d := range a.streamDefinitions() {
		row, err := a.streamRow(ctx, &d)
		if err != nil {
			return nil, err
		}
		out.Body.Items = append(out.Body.Items, *row)
	}
	return out, nil
}

// streamDefinitions are the saved ones; there are none where nothing can leave.
func (a *API) streamDefinitions() []enishi.Definition {
	if a.cfg.Outflow == nil {
		return nil
	}
	return a.cfg.Definitions.List(outflow.Kind)
}

type streamOutput struct{ Body streamRow }

func (a *API) getStream(ctx context.Context, in *NamePath) (*streamOutput, error) {
	d, _, err := a.stream(in.Name)
	if err != nil {
		return nil, err
	}
	row, err := a.streamRow(ctx, &d)
	if err != nil {
		return nil, err
	}
	return &streamOutput{*row}, nil
}

// stream is a saved stream.
func (a *API) stream(name string) (enishi.Definition, *outflow.Stream, error) {
	i := slices.IndexFunc(a.streamDefinitions(), func(d enishi.Definition) bool { return d.Name == name })
	if i < 0 {
		return enishi.Definition{}, nil, notFound("stream", "データの送り出し")
	}
	d := a.streamDefinitions()[i]
	s, err := outflow.Parse(d.Body)
	return d, s, err
}

type streamInput struct {
	NamePath
	Body struct {
		Stream outflow.Stream `json:"stream"`
		Expect int64          `json:"expect" doc:"The version this replaces; 0 for a new one."`
		Reason string         `json:"reason,omitempty" maxLength:"500"`
	}
}

func (a *API) saveStream(ctx context.Context, in *streamInput) (*writtenOutput, error) {
	body, err := json.Marshal(&in.Body.Stream)
	if err != nil {
		return nil, err
	}
	w, err := a.putStream(ctx, in.Name, body, in.Body.Expect, in.Body.Reason)
	return &writtenOutput{w}, err
}

// putStream checks a stream and saves it. Data leaves by it, so it needs an approver.
func (a *API) putStream(ctx context.Context, name string, body json.RawMessage, expect int64, reason string) (Written, error) {
	if a.cfg.Outflow == nil {
		return Written{}, refusal(enishi.Unavailable, "nothing can leave from here", "このサーバーからはデータを送り出せません。")
	}
	if !callOf(ctx).caller.role.includes(approver) {
		return Written{}, refusal(enishi.Denied, "to save a stream needs the role approver", "データの送り出しの保存には「承認者」の権限が必要です。")
	}
	if err := checkName(name); err != nil {
		return Written{}, err
	}
	s, err := outflow.Parse(body)
	if err != nil {
		return Written{}, err
	}
	if s.To == outflow.ToWebhook && a.cfg.Webhook != nil {
		if err := a.cfg.Webhook(s.Request()); err != nil {
			return Written{}, err
		}
	}
	for i, segment := range s.Segments {
		if _, ok := a.cfg.Definitions.Current(segments.KindSegment, segment); !ok {
			return Written{}, enishi.FieldError(fmt.Sprintf("segments[%d]", i), "there is no segment "+segment, "「"+segment+"」というセグメントはありません。")
		}
	}
	return a.save(ctx, enishi.Definition{Kind: outflow.Kind, Name: name, Expect: expect, Body: compact(body), Reason: reason})
}

func (a *API) deleteStream(ctx context.Context, in *deleteInput) (*writtenOutput, error) {
	if _, _, err := a.stream(in.Name); err != nil {
		return nil, err
	}
	w, err := a.save(ctx, enishi.Definition{Kind: outflow.Kind, Name: in.Name, Expect: in.Expect, Deleted: true, Reason: in.Reason})
	return &writtenOutput{w}, err
}

type streamActInput struct {
	NamePath
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

func (a *API) pauseStream(ctx context.Context, in *streamActInput) (*writtenOutput, error) {
	return a.changeStream(ctx, in, func(s *outflow.Stream) { s.Paused = true })
}

func (a *API) resumeStream(ctx context.Context, in *streamActInput) (*writtenOutput, error) {
	return a.changeStream(ctx, in, func(s *outflow.Stream) { s.Paused = false })
}

// changeStream saves a stream with one thing changed.
func (a *API) changeStream(ctx context.Context, in *streamActInput, change func(*outflow.Stream)) (*writtenOutput, error) {
	d, s, err := a.stream(in.Name)
	if err != nil {
		return nil, err
	}
	change(s)
	body, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	reason := ""
	if in.Body != nil {
		reason = in.Body.Reason
	}
	w, err := a.save(ctx, enishi.Definition{Kind: outflow.Kind, Name: in.Name, Expect: d.Version, Body: body, Reason: reason})
	return &writtenOutput{w}, err
}

type streamReplayInput struct {
	NamePath
	Body struct {
		From   time.Time `json:"from" doc:"Changes recorded from then on go out again, with the ids that they had."`
		Reason string    `json:"reason,omitempty" maxLength:"500"`
	}
}

func (a *API) replayStream(ctx context.Context, in *streamReplayInput) (*writtenOutput, error) {
	if in.Body.From.IsZero() || in.Body.From.After(a.now()) {
		return nil, enishi.FieldError("body.from", "is an instant of the past", "過去の日時にしてください。")
	}
	act := &streamActInput{NamePath: in.NamePath, Body: &struct {
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}{in.Body.Reason}}
	return a.changeStream(ctx, act, func(s *outflow.Stream) { s.Since, s.Replay = in.Body.From.UTC(), s.Replay+1 })
}

type streamTestOutput struct {
	Body struct {
		Taken bool   `json:"taken"`
		Code  string `json:"code,omitempty" doc:"What was answered."`
		Text  *Text  `json:"text,omitempty" doc:"Why it was not taken, and what to do."`
		MS    int64  `json:"ms" doc:"How long the answer took."`
	}
}

// testStream sends a made-up change.
func (a *API) testStream(ctx context.Context, in *NamePath) (*streamTestOutput, error) {
	_, s, err := a.stream(in.Name)
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	code, err := a.cfg.Outflow.Test(ctx, in.Name, s)
	out := &streamTestOutput{}
	out.Body.Taken, out.Body.Code, out.Body.MS = err == nil, code, time.Since(begun).Milliseconds()
	if err != nil {
		p, internal := problemOf(err)
		if internal {
			return nil, err
		}
		out.Body.Text = &Text{p.DetailJA, p.Detail}
	}
	return out, nil
}

type streamKeysOutput struct {
	Body struct {
		Keys []string `json:"keys" doc:"whsec_ and base64, the newest first. A call is signed by each of them."`
	}
}

// getStreamKeys shows by what a receiver checks the calls.
func (a *API) getStreamKeys(_ context.Context, in *NamePath) (*streamKeysOutput, error) {
	_, s, err := a.stream(in.Name)
	if err != nil {
		return nil, err
	}
	out := &streamKeysOutput{}
	out.Body.Keys = a.cfg.Outflow.Keys(in.Name, s)
	return out, nil
}

type streamLanguageOutput struct {
	Body struct {
		Groups []streamGroup `json:"groups" doc:"Names for several types of changes."`
		Fields []streamField `json:"fields" doc:"What may go out beside the plain facts."`
	}
}

type streamGroup struct {
	Name  string       `json:"name"`
	Label Text         `json:"label"`
	Types []streamType `json:"types"`
}

type streamType struct {
	Name  string `json:"name"`
	Label Text   `json:"label"`
}

type streamField struct {
	Name     string `json:"name"`
	Label    Text   `json:"label"`
	Personal bool   `json:"personal" doc:"Needs a purpose."`
}

// getStreamLanguage tells what a stream may be made of.
func (a *API) getStreamLanguage(context.Context, *struct{}) (*streamLanguageOutput, error) {
	out := &streamLanguageOutput{}
	for _, g := range outflow.Groups() {
		x := streamGroup{Name: g.Name, Label: word("stream_group", g.Name)}
		for _, t := range g.Types {
			x.Types = append(x.Types, streamType{t, typeLabel(t)})
		}
		out.Body.Groups = append(out.Body.Groups, x)
	}
	for _, f := range outflow.Fields() {
		out.Body.Fields = append(out.Body.Fields, streamField{f.Name, word("stream_field", f.Name), f.Personal})
	}
	return out, nil
}
