package api

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"enishi"
	"enishi/channels"
	"enishi/ingest/moving"
	"enishi/ingest/presets"
)

// MovePath names a move.
type MovePath struct {
	ID string `path:"id" maxLength:"36"`
}

// movePage is a move in from another tool as it stands.
type movePage struct {
	ID           string       `json:"id"`
	From         string       `json:"from" enum:"klaviyo,karte,mailchimp,salesforce"`
	State        string       `json:"state" enum:"draft,running,done,failed,cancelled"`
	Actor        string       `json:"actor"`
	CreatedAt    time.Time    `json:"created_at"`
	StartedAt    time.Time    `json:"started_at,omitzero"`
	EndedAt      time.Time    `json:"ended_at,omitzero"`
	NoStops      bool         `json:"no_suppressions" doc:"A person said that the old tool has none."`
	LineProvider string       `json:"line_provider" doc:"Of LINE user ids whose file names none."`
	Files        []moveFile   `json:"files" doc:"In the order in which they are taken: suppressions first."`
	Stop         *Text        `json:"stop,omitempty" doc:"Of a draft: why it may not begin."`
	Problem      *Text        `json:"problem,omitempty" doc:"Of failed."`
	Rows         int          `json:"rows" doc:"Done so far."`
	Of           int          `json:"of"`
	Left         int64        `json:"left,omitempty" doc:"Seconds, about."`
	People       int          `json:"people"`
	Suppressed   int          `json:"suppressed" doc:"Addresses that refuse."`
	Overruled    int          `json:"overruled" doc:"Permissions that were not taken, as the address refuses elsewhere."`
	Consents     []moveWords  `json:"consents"`
	After        *moveSending `json:"after,omitempty" doc:"Of one that has ended: what can go when sending is turned on."`
}

// moveWords is how many addresses of a channel allow or refuse.
type moveWords struct {
	Channel Text `json:"channel"`
	In      int  `json:"in"`
	Out     int  `json:"out"`
}

// moveFile is one file of a move.
type moveFile struct {
	Name     string       `json:"name"`
	Size     int64        `json:"size"`
	Preset   string       `json:"preset" doc:"What it is taken as; empty: it is not taken."`
	Title    Text         `json:"title"`
	Choices  []moveChoice `json:"choices" doc:"Of a draft: what its columns would fit."`
	Of       int          `json:"of" doc:"Rows in it."`
	Taken    int          `json:"taken"`
	Refused  int          `json:"refused"`
	Events   int          `json:"events"`
	Consents []moveWords  `json:"consents"`
	Reasons  []moveReason `json:"reasons"`
	Kept     []string     `json:"kept" doc:"Columns of the shop's own that are kept as traits."`
	Left     []string     `json:"left" doc:"Columns that are not taken."`
	Problem  *Text        `json:"problem,omitempty"`
}

type moveChoice struct {
	Preset string `json:"preset"`
	Title  Text   `json:"title"`
}

// moveReason is why rows were refused.
type moveReason struct {
	Text  Text   `json:"text"`
	Field string `json:"field"`
	Count int    `json:"count"`
	Lines []int  `json:"lines" doc:"The first of them."`
}

// moveSending is what stands ready while sending is off.
type moveSending struct {
	Sending  string      `json:"sending" enum:"on,off"`
	Waiting  int64       `json:"waiting" doc:"Messages that are decided and leave, or are decided anew, when it is turned on."`
	Journeys int         `json:"journeys" doc:"That are live and go on."`
	Reach    []moveReach `json:"reach" doc:"People to whom marketing may go, by channel."`
}

type moveReach struct {
	Channel Text  `json:"channel"`
	People  int64 `json:"people"`
}

type moveOutput struct{ Body movePage }

func (a *API) desk() (*moving.Desk, error) {
	if a.cfg.Moves == nil {
		return nil, refusal(enishi.Conflict, "this server takes no moves", "このサーバーでは移行を行えません。")
	}
	return a.cfg.Moves, nil
}

func (a *API) listMoves(ctx context.Context, _ *struct{}) (*listOutput[movePage], error) {
	out := listOf([]movePage{})
	if a.cfg.Moves == nil {
		return out, nil
	}
	for _, m := range a.cfg.Moves.List() {
		out.Body.Items = append(out.Body.Items, a.moveOf(&m, nil))
	}
	return out, nil
}

type createMoveInput struct {
	Body struct {
		From string `json:"from" enum:"klaviyo,karte,mailchimp,salesforce"`
	}
}

func (a *API) createMove(ctx context.Context, in *createMoveInput) (*moveOutput, error) {
	d, err := a.desk()
	if err != nil {
		return nil, err
	}
	m, err := d.Create(in.Body.From, callOf(ctx).caller.name)
	if err != nil {
		return nil, err
	}
	return a.movePage(ctx, d, &m)
}

func (a *API) getMove(ctx context.Context, in *MovePath) (*moveOutput, error) {
	d, err := a.desk()
	if err != nil {
		return nil, err
	}
	m, err := d.Find(in.ID)
	if err != nil {
		return nil, err
	}
	return a.movePage(ctx, d, &m)
}

type bringInput struct {
	MovePath
	Body struct {
		Name   string `json:"name" minLength:"1" maxLength:"200" doc:"Of the file, as the export names it."`
		Offset int64  `json:"offset" minimum:"0" doc:"Where the piece goes: at the end of what came before; 0 begins anew."`
		Data   []byte `json:"data" doc:"The piece in base64, 2 MB at most."`
	}
}

func (a *API) bringMoveFile(ctx context.Context, in *bringInput) (*moveOutput, error) {
	d, err := a.desk()
	if err != nil {
		return nil, err
	}
	m, err := d.Bring(in.ID, in.Body.Name, in.Body.Offset, in.Body.Data)
	if err != nil {
		return nil, err
	}
	return &moveOutput{a.moveOf(&m, nil)}, nil
}

type changeMoveInput struct {
	MovePath
	Body struct {
		NoStops      bool              `json:"no_suppressions,omitempty" doc:"The old tool has no suppressions: said by a person, and kept."`
		LineProvider string            `json:"line_provider,omitempty" maxLength:"64" doc:"Of LINE user ids whose file names none; the workspace's own unless said."`
		Presets      map[string]string `json:"presets,omitempty" doc:"What a file is, by its name: a preset, - to leave it out, empty for as recognised."`
	}
}

func (a *API) changeMove(ctx context.Context, in *changeMoveInput) (*moveOutput, error) {
	d, err := a.desk()
	if err != nil {
		return nil, err
	}
	m, err := d.Change(in.ID, moving.Choices{NoStops: in.Body.NoStops, LineProvider: in.Body.LineProvider, Presets: in.Body.Presets})
	if err != nil {
		return nil, err
	}
	return a.movePage(ctx, d, &m)
}

type startMoveInput struct {
	MovePath
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

// startMove turns sending off, and then lets a move begin.
func (a *API) startMove(ctx context.Context, in *startMoveInput) (*moveOutput, error) {
	d, err := a.desk()
	if err != nil {
		return nil, err
	}
	if _, virtual := a.cfg.Folder.Clock().Virtual(); virtual {
		return nil, refusal(enishi.Conflict, "the clock is virtual: let it run first", "時計が仮想時間のため、移行を始められません。先に実時間に戻してください。")
	}
	found, err := d.Find(in.ID)
	if err != nil {
		return nil, err
	}
	m, err := d.Start(in.ID, func() error {
		_, err := a.steer(ctx, "move in from "+found.From, func(s *channels.Sending) (*channels.Stop, error) {
			s.Off = true
			return &channels.Stop{Scope: channels.ScopeAll}, nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return a.movePage(ctx, d, &m)
}

// deleteMove ends one that is under way, and forgets any other.
func (a *API) deleteMove(ctx context.Context, in *MovePath) (*writtenOutput, error) {
	d, err := a.desk()
	if err != nil {
		return nil, err
	}
	if err := d.Delete(in.ID); err != nil {
		return nil, err
	}
	return &writtenOutput{Written{RequestID: callOf(ctx).request}}, nil
}

func (a *API) getMoveReport(ctx context.Context, in *MovePath) (*huma.StreamResponse, error) {
	d, err := a.desk()
	if err != nil {
		return nil, err
	}
	m, err := d.Find(in.ID)
	if err != nil {
		return nil, err
	}
	if m.Report == nil {
		return nil, refusal(enishi.Conflict, "the move has not begun", "移行はまだ始まっていません。")
	}
	ja := language(ctx) == "ja"
	return csvAnswer("move-"+m.From+".csv", func(w io.Writer) error {
		if _, err := io.WriteString(w, "\ufeff"); err != nil {
			return err
		}
		return m.Report.CSV(w, ja)
	}), nil
}

type moveRefusedInput struct {
	MovePath
	File string `query:"file" required:"true" maxLength:"200" doc:"Name of the file."`
}

func (a *API) getMoveRefused(ctx context.Context, in *moveRefusedInput) (*huma.StreamResponse, error) {
	d, err := a.desk()
	if err != nil {
		return nil, err
	}
	r, err := d.Refused(in.ID, in.File)
	if err != nil {
		return nil, err
	}
	return csvAnswer("refused.csv", func(w io.Writer) error {
		defer r.Close()
		_, err := io.Copy(w, r)
		return err
	}), nil
}

// csvAnswer streams a table; an error ends it early, which the client sees.
func csvAnswer(name string, write func(w io.Writer) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		hctx.SetHeader("Content-Type", "text/csv; charset=utf-8")
		hctx.SetHeader("Content-Disposition", fmt.Sprintf(`attachment; filename="%s"`, name))
		_, w := humago.Unwrap(hctx)
		_ = write(w) // the client is gone, or sees that it ends
	}}
}

// movePage is a move with what can be said of it now: of a draft the plan, of one that has ended what may go.
func (a *API) movePage(ctx context.Context, d *moving.Desk, m *moving.Move) (*moveOutput, error) {
	var plan *moving.Plan
	if m.State == moving.Draft && len(m.Files) > 0 {
		var err error
		if plan, err = d.Plan(m.ID); err != nil {
			return nil, err
		}
	}
	out := &moveOutput{a.moveOf(m, plan)}
	if !m.EndedAt.IsZero() {
		after, err := a.moveAfter(ctx)
		if err != nil {
			return nil, err
		}
		out.Body.After = after
	}
	return out, nil
}

func (a *API) moveOf(m *moving.Move, plan *moving.Plan) movePage {
	p := movePage{ID: m.ID, From: m.From, State: m.State, Actor: m.Actor, CreatedAt: m.CreatedAt, StartedAt: m.StartedAt, EndedAt: m.EndedAt, NoStops: m.NoStops, LineProvider: m.LineProvider,
		Files: []moveFile{}, Consents: []moveWords{}, Problem: problemText(m.Problem)}
	size := map[string]int64{}
	for _, f := range m.Files {
		size[f.Name] = f.Size
	}
	switch {
	case plan != nil:
		p.Stop = problemText(plan.Stop)
		for i := range plan.Files {
			x := &plan.Files[i]
			f := moveFile{Name: x.Name, Size: size[x.Name], Preset: x.Preset, Title: Text{x.Title.JA, x.Title.EN}, Choices: []moveChoice{}, Of: x.Rows, Consents: []moveWords{}, Reasons: []moveReason{}, Kept: x.Kept, Left: x.Left, Problem: problemText(x.Problem)}
			for _, name := range x.Choices {
				if preset, ok := presets.Find(name); ok {
					f.Choices = append(f.Choices, moveChoice{name, Text{preset.Title.JA, preset.Title.EN}})
				}
			}
			p.Of += x.Rows
			p.Files = append(p.Files, f)
		}
	case m.Report != nil:
		r := m.Report
		p.People, p.Suppressed, p.Overruled, p.Consents = r.People, r.Suppressed, r.Overruled, moveWordsOf(r.Consents)
		for i := range r.Files {
			x := &r.Files[i]
			f := moveFile{Name: x.Name, Size: size[x.Name], Preset: x.Preset, Title: Text{x.Title.JA, x.Title.EN}, Choices: []moveChoice{}, Of: x.Of, Taken: x.Taken, Refused: x.Refused, Events: x.Events,
				Consents: moveWordsOf(x.Consents), Reasons: []moveReason{}, Kept: x.Kept, Left: x.Left, Problem: problemText(x.Problem)}
			for _, why := range x.Reasons {
				f.Reasons = append(f.Reasons, moveReason{Text{why.JA, why.EN}, why.Field, why.Count, why.First})
			}
			if x.Preset != "" {
				p.Of += x.Of
				p.Rows += x.Rows
			}
			p.Files = append(p.Files, f)
		}
		if took := a.cfg.Now().Sub(m.StartedAt).Seconds(); m.State == moving.Running && p.Rows > 0 && took > 0 {
			p.Left = int64(float64(p.Of-p.Rows)*took/float64(p.Rows)) + 1
		}
	default:
		for _, f := range m.Files {
			p.Files = append(p.Files, moveFile{Name: f.Name, Size: f.Size, Preset: f.Preset, Choices: []moveChoice{}, Consents: []moveWords{}, Reasons: []moveReason{}, Kept: []string{}, Left: []string{}})
		}
	}
	return p
}

func problemText(p *moving.Problem) *Text {
	if p == nil {
		return nil
	}
	return &Text{p.JA, p.EN}
}

func moveWordsOf(list []moving.ConsentCount) []moveWords {
	out := []moveWords{}
	for _, c := range list {
		out = append(out, moveWords{word("channel", c.Channel), c.In, c.Out})
	}
	return out
}

// moveAfter counts what stands ready while sending is off.
func (a *API) moveAfter(ctx context.Context) (*moveSending, error) {
	out := &moveSending{Sending: a.sendingState(), Reach: []moveReach{}}
	open, err := a.deliveries().Open(ctx)
	if err != nil {
		return nil, err
	}
	incoming, err := a.incoming(ctx)
	if err != nil {
		return nil, err
	}
	out.Waiting = heldBy(open, nil).Waiting + incoming
	for _, d := range a.cfg.Definitions.List("journey") {
		if headOf(&d).State == "live" {
			out.Journeys++
		}
	}
	for i, sql := range reachList() {
		n, err := a.count(ctx, "SELECT countIf("+sql+") FROM people FINAL", millis("now", a.now()))
		if err != nil {
			return nil, err
		}
		if n > 0 {
			out.Reach = append(out.Reach, moveReach{word("channel", reachChannels[i]), n})
		}
	}
	return out, nil
}
