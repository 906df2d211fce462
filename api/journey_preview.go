package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"enishi"
	"enishi/journeys"
	"enishi/profiles"
)

type journeyPreviewInput struct {
	NamePath
	Body struct {
		Person     string          `json:"person" minLength:"1" maxLength:"64" doc:"The person's id."`
		Definition json.RawMessage `json:"definition,omitempty" doc:"Of a draft that is not saved; the newest version unless given."`
	}
}

type journeyPreviewOutput struct{ Body journeyPreview }

// journeyPreview is what a journey would do with one person by what is known of them now. Nothing is sent or kept.
type journeyPreview struct {
	Person   enishi.ID        `json:"person"`
	Name     string           `json:"name"`
	Enters   bool             `json:"enters"`
	Sentence Text             `json:"sentence" doc:"Whether they would enter, and why not."`
	Ways     []previewWay     `json:"ways" doc:"The way at each branch, split and holdout."`
	Messages []previewMessage `json:"messages" doc:"What would be decided for each message if it were due now."`
}

type previewWay struct {
	Node  string `json:"node"`
	Field string `json:"field" doc:"The way as the definition has it: branches[0].next, else, ways[1].next, next."`
	Held  bool   `json:"held" doc:"Of a holdout: nothing is sent to them from there on."`
	Open  bool   `json:"open" doc:"It depends on the event that begins the journey, and the person has had none."`
}

type previewMessage struct {
	Node      string        `json:"node"`
	Channel   string        `json:"channel" doc:"By which it would leave; empty when by none."`
	Template  string        `json:"template"`
	Decisions []decisionRow `json:"decisions" doc:"One for each channel that was tried."`
}

func (a *API) previewJourney(ctx context.Context, in *journeyPreviewInput) (*journeyPreviewOutput, error) {
	body := []byte(in.Body.Definition)
	if len(body) == 0 {
		d, ok := a.cfg.Definitions.Current("journey", in.Name)
		if !ok {
			return nil, notFound("journey", "ジャーニー")
		}
		body = d.Body
	}
	j, err := journeys.Compile(in.Name, 1, body, a.library())
	if err != nil {
		return nil, err
	}
	p, _, err := a.load(ctx, in.Body.Person)
	if err != nil {
		return nil, err
	}
	var entry *enishi.Event
	if types := j.EntryTypes(); len(types) > 0 {
		if entry, err = a.lastEvent(ctx, p, types); err != nil {
			return nil, err
		}
	}
	env, err := a.stepEnv()
	if err != nil {
		return nil, err
	}
	state := string(p.Encode(nil))
	x, err := j.Preview(env, entry, func() (*profiles.Profile, error) { return profiles.Decode(p.ID, state) })
	if err != nil {
		return nil, fmt.Errorf("preview %s for %s: %w", in.Name, p.ID, err)
	}
	t := a.teller()
	out := journeyPreview{Person: p.ID, Name: nameOf(p.View()).Display, Enters: x.Enters, Sentence: t.wouldEnter(j, x, entry), Ways: []previewWay{}, Messages: []previewMessage{}}
	for _, w := range x.Ways {
		out.Ways = append(out.Ways, previewWay{w.Node, w.Field, w.Held, w.Open})
	}
	for i := range x.Messages {
		out.Messages = append(out.Messages, t.wouldSend(&x.Messages[i]))
	}
	return &journeyPreviewOutput{out}, nil
}

// stepEnv is what a step looks at, by the definitions as they are now.
func (a *API) stepEnv() (journeys.Env, error) {
	env := journeys.Env{Now: a.now(), Settings: journeys.DefaultSettings()}
	if body, ok := a.current("setting", "journeys"); ok {
		set, err := journeys.ParseSettings(body)
		if err != nil {
			return env, fmt.Errorf("read the setting journeys: %w", err)
		}
		env.Settings = set
	}
	env.Templates = func(name string) (int64, string, bool) {
		d, ok := a.cfg.Definitions.Current("template", name)
		if !ok {
			return 0, "", false
		}
		var t struct {
			Channel string `json:"channel"`
		}
		return d.Version, t.Channel, json.Unmarshal(d.Body, &t) == nil
	}
	return env, nil
}

// wouldEnter says whether a person would enter now.
func (t *teller) wouldEnter(j *journeys.Journey, x *journeys.Preview, e *enishi.Event) Text {
	d := &j.Definition.Entry
	var what Text // that would have to happen
	switch {
	case d.Segment != "" && !d.Sweep:
		s := t.titles.segment(d.Segment)
		what = Text{"セグメント「" + s.JA + "」に入ると始まります", "enters on coming into the segment “" + s.EN + "”"}
		if d.Entered != nil && !*d.Entered {
			what = Text{"セグメント「" + s.JA + "」を出ると始まります", "enters on leaving the segment “" + s.EN + "”"}
		} else if x.Inside {
			what = Text{"セグメント「" + s.JA + "」にすでに入っています。次に入り直すと始まります", "is in the segment “" + s.EN + "” already, and enters on coming into it anew"}
		}
	case d.Sweep:
		what = Text{"公開すると始まります", "enters when it goes live"}
	case e != nil:
		w, at := word("type", e.Type), timeText(e.At, t.now, t.zone)
		what = Text{"「" + w.JA + "」（前回は " + at.JA + "）がもう一度あると始まります", "enters on the next “" + w.EN + "” like that of " + at.EN}
	case len(j.EntryTypes()) > 0:
		w := word("type", j.EntryTypes()[0])
		what = Text{"「" + w.JA + "」があると始まります（この人にはまだありません）", "enters on “" + w.EN + "”, of which this person has had none"}
	default:
		what = Text{"呼び出されると始まります", "enters when it is called"}
	}
	switch {
	case x.Open:
		return Text{"始まるかどうかは、きっかけの内容によります（この人にはまだありません）", "whether this person enters depends on the event, of which there has been none"}
	case x.Enters:
		return what
	}
	switch x.Why {
	case "where":
		return Text{"さらに付けた条件に合わないため、始まりません", "does not enter: the further condition does not hold"}
	case "in_it":
		return Text{"今このジャーニーの途中のため、始まりません", "does not enter: is in it now"}
	case "not_in_segment":
		return Text{"対象に入っていないため、始まりません", "does not enter: is not among its people"}
	}
	why := t.refusal(x.Why)
	return Text{why.JA + "、始まりません", "does not enter because " + why.EN}
}

// wouldSend tells what would be decided for a message.
func (t *teller) wouldSend(m *journeys.PreviewMessage) previewMessage {
	out := previewMessage{Node: m.Node, Decisions: []decisionRow{}}
	for i := range m.Decisions {
		x := &m.Decisions[i]
		d := decisionRow{SendID: x.SendID, Round: x.Round, At: x.At.UTC().Truncate(time.Millisecond), Journey: x.Journey, Node: x.Node, Channel: x.Channel, Purpose: x.Purpose, Template: x.Template, Sent: x.Sent, Reason: x.Reason}
		t.decision(&d, x.Checks)
		ch := word("channel", d.Channel)
		failed := slices.IndexFunc(x.Checks, func(c enishi.Check) bool { return !c.OK })
		switch {
		case d.Sent:
			out.Channel, out.Template = d.Channel, d.Template
			d.Sentence = Text{ch.JA + "で届きます", "goes out by " + ch.EN}
		case failed >= 0 && x.Checks[failed].Name == "quiet_hours" && !t.instantIn(x.Checks[failed].Detail).isZero():
			opens := t.instantIn(x.Checks[failed].Detail)
			d.Sentence = Text{ch.JA + ": 今は送らない時間帯です。" + opens.JA + " に判断します", ch.EN + ": these are quiet hours, decided " + opens.EN}
		case failed >= 0:
			why := t.because(d.Channel, &x.Checks[failed])
			d.Sentence = Text{ch.JA + ": " + why.JA + "届きません", ch.EN + ": not sent because " + why.EN}
		}
		out.Decisions = append(out.Decisions, d)
	}
	return out
}
