package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/internal/pipeline"
	"enishi/internal/simulation"
	"enishi/journeys"
)

type simulationInput struct {
	NamePath
	Body struct {
		Definition json.RawMessage `json:"definition,omitempty" required:"false" doc:"A draft, as it stands on the canvas; instead of version."`
		Version    int64           `json:"version,omitempty" minimum:"0" doc:"A saved version; the newest unless said."`
		Segment    string          `json:"segment,omitempty" maxLength:"64" doc:"Who is in it now; everybody unless said."`
		Expression string          `json:"expression,omitempty" maxLength:"20000" doc:"Instead of segment."`
		Sample     float64         `json:"sample,omitempty" minimum:"0" maximum:"100" doc:"Per cent of these people; 100 unless said. Who is in follows from the person, so it is the same each time."`
		From       time.Time       `json:"from" doc:"From when on it is live."`
		To         time.Time       `json:"to" doc:"Up to when, not included."`
		Days       int             `json:"days,omitempty" minimum:"0" maximum:"90" doc:"For so many days after a message orders are observed; 7 unless said."`
		Compare    bool            `json:"compare,omitempty" doc:"Beside it the version that is live, on the same people."`
		AsReceived bool            `json:"as_received,omitempty" doc:"Imported and late events start nothing, as in live work. Unless said they act at the moment at which they happened."`
	}
}

// SimulationPath names a simulation.
type SimulationPath struct {
	NamePath
	ID string `path:"id" maxLength:"64"`
}

type simulationOutput struct{ Body simulationPage }

type startedOutput struct {
	Status int
	Body   simulationPage
}

// simulationPage is a simulation as it stands.
type simulationPage struct {
	ID          enishi.ID       `json:"id"`
	Journey     string          `json:"journey"`
	Version     int64           `json:"version" doc:"0: a draft that was not saved."`
	LiveVersion int64           `json:"live_version,omitempty" doc:"What it is compared with."`
	State       string          `json:"state" enum:"running,done,cancelled,failed"`
	From        time.Time       `json:"from"`
	To          time.Time       `json:"to"`
	Whom        simulation.Whom `json:"whom"`
	Sample      float64         `json:"sample"`
	AsReceived  bool            `json:"as_received"`
	Actor       string          `json:"actor"`
	StartedAt   time.Time       `json:"started_at"`
	EndedAt     time.Time       `json:"ended_at,omitzero"`
	Progress    simulationSoFar `json:"progress"`
	Problem     *Text           `json:"problem,omitempty" doc:"Why it failed."`

	Result      *simulation.Result      `json:"result,omitempty"`
	Live        *simulation.Result      `json:"live,omitempty" doc:"What the live version would have done; its people are asked for with side=live."`
	Differences []simulation.Difference `json:"differences"`
	Words       map[string]Text         `json:"words" doc:"Words for numbers that have a reason, by of."`
	Notes       []Text                  `json:"notes" doc:"What to know when reading the result."`
}

// simulationSoFar is how far it is.
type simulationSoFar struct {
	People    int64   `json:"people"`
	Of        int64   `json:"of" doc:"0 while it is not known."`
	Events    int64   `json:"events"`
	PerSecond float64 `json:"per_second" doc:"People."`
	Left      int64   `json:"left,omitempty" doc:"Seconds, about."`
}

func (a *API) simulationPage(s *simulation.Simulation) simulationPage {
	q := s.Request
	p := simulationPage{ID: s.ID, Journey: q.Journey.Name, Version: q.Journey.Version, State: s.State, From: q.From, To: q.To, Whom: q.Whom, Sample: q.Sample, AsReceived: q.AsReceived,
		Actor: q.Actor, StartedAt: s.StartedAt, EndedAt: s.EndedAt, Result: s.Result, Live: s.Live, Differences: s.Differences, Words: map[string]Text{}, Notes: []Text{},
		Progress: simulationSoFar{People: s.People, Of: s.Of, Events: s.Events}}
	if q.Live != nil {
		p.LiveVersion = q.Live.Version
	}
	if p.Differences == nil {
		p.Differences = []simulation.Difference{}
	}
	end := s.EndedAt
	if end.IsZero() {
		end = a.cfg.Now()
	}
	if took := end.Sub(s.StartedAt).Seconds(); took > 0 && s.People > 0 {
		p.Progress.PerSecond = float64(s.People) / took
		if s.State == simulation.Running {
			p.Progress.Left = int64(float64(s.Of-s.People)/p.Progress.PerSecond) + 1
		}
	}
	if s.State == simulation.Failed {
		p.Problem = &Text{JA: "試算の途中でエラーになりました。サーバーのログを確認してください。", EN: "the simulation failed: see the server's log"}
		var known *enishi.Error
		if errors.As(s.Err, &known) {
			p.Problem = &Text{JA: known.MsgJA, EN: known.Msg}
		}
	}
	for _, r := range []*simulation.Result{s.Result, s.Live} {
		a.simulationWords(p.Words, r)
	}
	p.Notes = append(p.Notes, Text{JA: "注文は、送ったとしたらその後に実際にあったものです。配信の効果ではありません。", EN: "Orders are what happened in fact after a message would have left: observed, not caused."})
	if s.Result != nil && s.Result.ListsCut {
		p.Notes = append(p.Notes, Text{JA: "人数が多いため、一覧は途中までです（数は全員分です）。", EN: "There are too many people to list all of them; the numbers are whole."})
	}
	return p
}

// simulationWords are those of reasons.
func (a *API) simulationWords(words map[string]Text, r *simulation.Result) {
	if r == nil {
		return
	}
	for _, x := range r.NotEntered {
		words[x.Of] = a.refusalWord(x.Reason)
	}
	for _, x := range r.NotSent {
		words[x.Of] = leftOut(x.Reason)
	}
	for _, x := range r.Ends {
		words[x.Of] = word("run_end", x.End)
		if x.Why != "" && x.End == "exited" || x.End == "goal" && strings.Contains(x.Why, ".") {
			words[x.Of] = typeLabel(x.Why)
		}
	}
}

// refusalWord is why somebody did not enter.
func (a *API) refusalWord(reason string) Text {
	rule, what, _ := strings.Cut(reason, ":")
	t := word("refused", rule)
	if rule == "already" && what != "" {
		l := typeLabel(what)
		return Text{JA: t.JA + "（" + l.JA + "）", EN: t.EN + " (" + l.EN + ")"}
	}
	return t
}

// startSimulation takes a simulation. It answers at once; the work goes on when the caller is gone.
func (a *API) startSimulation(ctx context.Context, in *simulationInput) (*startedOutput, error) {
	q, err := a.simulationRequest(ctx, in)
	if err != nil {
		return nil, err
	}
	s, err := a.lab.Start(q)
	if err != nil {
		return nil, err
	}
	return &startedOutput{202, a.simulationPage(&s)}, nil
}

func (a *API) simulationRequest(ctx context.Context, in *simulationInput) (*simulation.Request, error) {
	b := &in.Body
	q := &simulation.Request{From: b.From.UTC().Truncate(time.Millisecond), To: b.To.UTC().Truncate(time.Millisecond), Sample: b.Sample, Days: b.Days, AsReceived: b.AsReceived,
		Whom: simulation.Whom{Segment: b.Segment, Expression: b.Expression}, Actor: callOf(ctx).caller.name}
	if q.Sample == 0 {
		q.Sample = 100
	}
	if q.Days == 0 {
		q.Days = 7
	}
	now := a.now()
	if q.To.After(now) {
		q.To = now.UTC().Truncate(time.Millisecond)
	}
	switch {
	case !q.From.Before(q.To):
		return nil, enishi.FieldError("body.from", "must be before to, and in the past", "開始は終了より前の、過去の日時にしてください。")
	case q.To.Sub(q.From) > simulation.MaxSpan:
		return nil, enishi.FieldError("body.from", "a simulation covers up to three years", "試せる期間は 3 年までです。")
	}
	costs := costs{Currency: "JPY"}
	a.setting("costs", &costs)
	q.Prices, q.Currency = costs.Prices, costs.Currency
	needs, err := a.simulatedJourney(in, q)
	if err != nil {
		return nil, err
	}
	q.Definitions = a.cfg.Definitions.Until(a.cfg.Definitions.Next())
	for i, d := range needs.definitions() {
		d.Version = int64(i) + 1
		q.Definitions = append(q.Definitions, d)
	}
	if b.Compare {
		if live, ok := a.acting(in.Name); ok && live.Version != q.Journey.Version {
			q.Live = &live
		} else {
			return nil, enishi.FieldError("body.compare", "there is no other version that is live", "比べられる公開中の版がありません。")
		}
	}
	if b.Segment != "" || b.Expression != "" {
		if q.People, err = a.simulatedPeople(ctx, &SegmentTarget{Expression: b.Expression, Name: b.Segment}); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// simulatedJourney finds and checks what is tried.
func (a *API) simulatedJourney(in *simulationInput, q *simulation.Request) (*journeyNeeds, error) {
	b := &in.Body
	q.Journey = enishi.Definition{Kind: "journey", Name: in.Name}
	switch {
	case len(b.Definition) > 0 && b.Version > 0:
		return nil, enishi.FieldError("body.version", "give a definition or a version, one of them", "下書き（definition）か版（version）のどちらか一方を指定してください。")
	case len(b.Definition) > 0:
		if err := checkName(in.Name); err != nil {
			return nil, err
		}
		q.Journey.Body = withoutState(b.Definition)
	default:
		d, ok := a.cfg.Definitions.Current("journey", in.Name)
		if b.Version > 0 {
			d, ok = a.cfg.Definitions.Version("journey", in.Name, b.Version)
		}
		if !ok || d.Deleted {
			return nil, notFound("journey", "ジャーニー")
		}
		q.Journey = d
	}
	needs, err := a.checkJourney(in.Name, q.Journey.Body, false)
	if err != nil {
		return nil, err
	}
	var d journeys.Definition
	if err := json.Unmarshal(q.Journey.Body, &d); err != nil {
		return nil, fmt.Errorf("read journey %s: %w", in.Name, err)
	}
	if e := &d.Entry; e.Called && e.Event == "" && len(e.Events) == 0 && e.Segment == "" {
		return nil, enishi.FieldError("body.definition", "only other journeys and the API let people in: the past does not tell whom", "ほかのジャーニーや API からだけ始まるジャーニーは、過去のデータでは試せません（誰が始めたはずか分からないためです）。")
	}
	return needs, nil
}

// simulatedPeople are those whom a condition finds now.
func (a *API) simulatedPeople(ctx context.Context, t *SegmentTarget) ([]enishi.ID, error) {
	s, at, err := a.target(t)
	if err != nil {
		return nil, err
	}
	out := []enishi.ID{}
	query, args := s.SQL(at)
	err = a.bounded(ctx, func(ctx context.Context) error {
		return a.each(ctx, "SELECT profile_id FROM (\n"+query+") ORDER BY profile_id", args, func(rows driver.Rows) error {
			var id string
			err := rows.Scan(&id)
			out = append(out, idOf(id))
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("find whom it is about: %w", err)
	}
	return out, nil
}

func (a *API) listSimulations(_ context.Context, in *NamePath) (*listOutput[simulationPage], error) {
	out := listOf([]simulationPage{})
	for _, s := range a.lab.List(in.Name) {
		p := a.simulationPage(&s)
		p.Result, p.Live, p.Differences, p.Words, p.Notes = nil, nil, []simulation.Difference{}, map[string]Text{}, []Text{}
		out.Body.Items = append(out.Body.Items, p)
	}
	return out, nil
}

func (in *SimulationPath) id() (enishi.ID, error) {
	id, err := enishi.ParseID(in.ID)
	if err != nil {
		return id, notFound("simulation", "試算")
	}
	return id, nil
}

func (a *API) getSimulation(_ context.Context, in *SimulationPath) (*simulationOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	s, err := a.lab.Get(in.Name, id)
	if err != nil {
		return nil, err
	}
	return &simulationOutput{a.simulationPage(&s)}, nil
}

func (a *API) cancelSimulation(_ context.Context, in *SimulationPath) (*struct{}, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	return nil, a.lab.Cancel(in.Name, id)
}

type simulationPeopleInput struct {
	SimulationPath
	Of     string `query:"of" maxLength:"200" doc:"The of of a number."`
	Side   string `query:"side" enum:",live" required:"false" doc:"live: of the live version."`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
	Cursor string `query:"cursor" maxLength:"64"`
}

type simulationPeopleOutput struct{ Body simulationPeople }

// simulationPeople are the people behind a number, by id.
type simulationPeople struct {
	Items  []simulationPerson `json:"items"`
	Next   string             `json:"next,omitempty"`
	All    int64              `json:"all" doc:"How many the number counts."`
	Listed int64              `json:"listed" doc:"How many of them can be listed."`
}

type simulationPerson struct {
	Profile enishi.ID `json:"profile"`
	Name    string    `json:"name"`
}

func (a *API) listSimulationPeople(ctx context.Context, in *simulationPeopleInput) (*simulationPeopleOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	var after enishi.ID
	if in.Cursor != "" {
		if after, err = enishi.ParseID(in.Cursor); err != nil {
			return nil, enishi.FieldError("query.cursor", "is not one that a page answered", "前のページの next を指定してください。")
		}
	}
	out := &simulationPeopleOutput{}
	ids, all, listed, err := a.lab.People(in.Name, id, in.Of, in.Side == "live", after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	if len(ids) > in.Limit {
		ids = ids[:in.Limit]
		out.Body.Next = ids[in.Limit-1].String()
	}
	names, err := a.names(ctx, ids)
	if err != nil {
		return nil, err
	}
	out.Body.Items, out.Body.All, out.Body.Listed = []simulationPerson{}, all, listed
	for _, id := range ids {
		out.Body.Items = append(out.Body.Items, simulationPerson{id, names[id]})
	}
	return out, nil
}

type simulationTraceInput struct {
	SimulationPath
	Profile string `path:"profile" maxLength:"64"`
	Side    string `query:"side" enum:",live" required:"false" doc:"live: of the live version."`
}

type simulationTraceOutput struct{ Body simulationTrace }

// simulationTrace is what would have happened to one person.
type simulationTrace struct {
	Profile enishi.ID         `json:"profile"`
	Name    string            `json:"name"`
	Steps   []simulationStep  `json:"steps"`
	Orders  []simulationOrder `json:"orders" doc:"That were placed within the observed days after a message: observed, not caused."`
	Cut     bool              `json:"cut,omitempty" doc:"There were more steps."`
}

type simulationStep struct {
	At       time.Time           `json:"at"`
	Kind     string              `json:"kind" enum:"entered,refused,came,decision,made,waits,ended"`
	Run      enishi.ID           `json:"run"`
	Node     string              `json:"node,omitempty"`
	Reason   string              `json:"reason,omitempty" doc:"Of entered the type of the event; of refused and ended why."`
	Text     Text                `json:"text"`
	Until    time.Time           `json:"until,omitzero" doc:"Of waits; absent: only something that happens ends the wait."`
	Decision *simulationDecision `json:"decision,omitempty"`
}

type simulationDecision struct {
	Channel  string         `json:"channel"`
	Template string         `json:"template"`
	Sent     bool           `json:"sent"`
	Reason   string         `json:"reason"`
	Checks   []enishi.Check `json:"checks"`
}

type simulationOrder struct {
	ID       string        `json:"id"`
	At       time.Time     `json:"at"`
	Revenue  enishi.Amount `json:"revenue"`
	Currency string        `json:"currency"`
}

func (a *API) getSimulationPerson(ctx context.Context, in *simulationTraceInput) (*simulationTraceOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	p, _, err := a.load(ctx, in.Profile)
	if err != nil {
		return nil, err
	}
	trace, err := a.lab.Person(ctx, in.Name, id, p.ID, in.Side == "live")
	if err != nil {
		return nil, err
	}
	names, err := a.names(ctx, []enishi.ID{p.ID})
	if err != nil {
		return nil, err
	}
	out := &simulationTraceOutput{simulationTrace{Profile: p.ID, Name: names[p.ID], Steps: []simulationStep{}, Orders: []simulationOrder{}, Cut: trace.Cut}}
	for i := range trace.Steps {
		out.Body.Steps = append(out.Body.Steps, a.simulationStep(in.Name, &trace.Steps[i]))
	}
	for _, x := range trace.Orders {
		out.Body.Orders = append(out.Body.Orders, simulationOrder{x.ID, x.At, x.Revenue, x.Money})
	}
	return out, nil
}

// simulationStep puts a step into words.
func (a *API) simulationStep(journey string, s *pipeline.PlayStep) simulationStep {
	out := simulationStep{At: s.At, Kind: s.Kind, Run: s.Run, Node: s.Node, Reason: s.Reason, Until: s.Until}
	switch s.Kind {
	case pipeline.PlayEntered:
		out.Text = typeLabel(s.Reason)
	case pipeline.PlayRefused:
		out.Text = a.refusalWord(s.Reason)
	case pipeline.PlayEnded:
		how, why, _ := strings.Cut(s.Reason, ":")
		out.Text = word("run_end", how)
		if strings.Contains(why, ".") {
			l := typeLabel(why)
			out.Text = Text{JA: out.Text.JA + "（" + l.JA + "）", EN: out.Text.EN + " (" + l.EN + ")"}
		}
	case pipeline.PlayDecision:
		d := s.Decision
		out.Decision = &simulationDecision{d.Channel, d.Template, d.Sent, d.Reason, slices.Clone(d.Checks)}
		if out.Text = leftOut(d.Reason); d.Sent {
			out.Text = Text{JA: "送信", EN: "sent"}
		}
	default:
		out.Text = a.titles.node(journey, s.Node)
	}
	return out
}
