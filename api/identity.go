package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/ingest"
)

type identityOutput struct{ Body identityPage }

// identityPage is how people are told apart, and where that may have gone wrong.
type identityPage struct {
	Identifiers int64        `json:"identifiers" doc:"That came with another one; who came with one alone is not counted."`
	Links       int64        `json:"links"`
	Limits      []kindLimit  `json:"limits"`
	Blocked     []blockedRow `json:"blocked"`
	Findings    []findingRow `json:"findings" doc:"About identifiers, the newest first; then people who may be several, who did something last first."`
	More        bool         `json:"more" doc:"There are more findings."`
}

type kindLimit struct {
	Kind   string `json:"kind"`
	Limit  int    `json:"limit"`
	Preset int    `json:"preset"`
}

type blockedRow struct {
	ID    enishi.ID `json:"id"`
	Kind  string    `json:"kind"`
	Label string    `json:"label"`
}

type findingRow struct {
	Name   string      `json:"name" enum:"limit,flood,shared_email,shared_phone,shared_other,several_names,several_birthdays,several_prefectures,many_browsers"`
	ID     enishi.ID   `json:"id" doc:"The profile, or the identifier, that it is about."`
	Kind   string      `json:"kind"`
	Value  string      `json:"value,omitempty" doc:"Of the identifier."`
	Count  int         `json:"count"`
	Limit  int         `json:"limit,omitempty"`
	Source string      `json:"source,omitempty" doc:"Of the newest event that it follows from."`
	At     time.Time   `json:"at,omitzero" doc:"Of that event; of people who may be several, when they did something last."`
	People []personRef `json:"people"`
	Others int         `json:"others" doc:"People who are not in the list."`
}

type personRef struct {
	ID   enishi.ID `json:"id"`
	Name string    `json:"name"`
}

const (
	findingsShown = 50
	peopleShown   = 5 // of a finding
)

func (a *API) getIdentity(ctx context.Context, _ *struct{}) (*identityOutput, error) {
	graph := a.cfg.Ingester.Graph()
	identifiers, links := graph.Size()
	set, preset := graph.Guards(), ingest.DefaultLimits()
	out := &identityOutput{identityPage{Identifiers: int64(identifiers), Links: int64(links), Limits: []kindLimit{}, Blocked: []blockedRow{}, Findings: []findingRow{}}}
	b := &out.Body
	for _, k := range enishi.Kinds() {
		b.Limits = append(b.Limits, kindLimit{k.String(), set.Limits[k.String()], preset[k.String()]})
	}
	for _, x := range set.Blocked {
		b.Blocked = append(b.Blocked, blockedRow(x))
	}
	found := graph.Findings(findingsShown + 1)
	if b.More = len(found) > findingsShown; b.More {
		found = found[:findingsShown]
	}
	var members []ingest.Member
	var people []enishi.ID
	var offsets []int64
	for i := range found {
		f := &found[i]
		if f.Name != ingest.FindLimit {
			members = append(members, ingest.Member{ID: f.ID, Kind: f.Kind})
		}
		people, offsets = append(people, f.People[:min(len(f.People), peopleShown)]...), append(offsets, f.Offset)
	}
	ends, err := a.linkEnds(ctx, members)
	if err != nil {
		return nil, err
	}
	names, err := a.names(ctx, people)
	if err != nil {
		return nil, err
	}
	records, err := a.readLinks(ctx, offsets)
	if err != nil {
		return nil, err
	}
	for i := range found {
		f := &found[i]
		row := findingRow{Name: f.Name, ID: f.ID, Kind: f.Kind.String(), Value: ends[f.ID].Value, Count: f.Count, Limit: f.Limit, People: []personRef{}, Others: max(0, len(f.People)-peopleShown)}
		if l, ok := records[f.Offset]; ok {
			row.At, row.Source = l.At, l.Source
		}
		for _, id := range f.People[:min(len(f.People), peopleShown)] {
			row.People = append(row.People, personRef{id, names[id]})
		}
		b.Findings = append(b.Findings, row)
	}
	several, more, err := a.mixedFindings(ctx)
	b.Findings, b.More = append(b.Findings, several...), b.More || more
	return out, err
}

type limitInput struct {
	Body struct {
		Kind   string `json:"kind" enum:"customer,pos_card,line,email,phone,social,push_token,anonymous"`
		Limit  int    `json:"limit" minimum:"0" maximum:"1000"`
		Reason string `json:"reason" minLength:"1" maxLength:"500"`
	}
}

// setLimit changes how many identifiers of a kind one person may have. It holds for links that come from now on.
func (a *API) setLimit(ctx context.Context, in *limitInput) (*writtenOutput, error) {
	return a.changeGuards(ctx, in.Body.Reason, func(g *ingest.Guards) error {
		g.Limits[in.Body.Kind] = in.Body.Limit
		return nil
	})
}

type limitEffectInput struct {
	Kind  string `query:"kind" enum:"customer,pos_card,line,email,phone,social,push_token,anonymous" required:"true"`
	Limit int    `query:"limit" minimum:"0" maximum:"1000"`
}

type limitEffectOutput struct {
	Body struct {
		Over  int64 `json:"over" doc:"People who have more than that already: they stay as they are, and nothing is added."`
		Freed int64 `json:"freed" doc:"Links that were refused and would be taken when they come again."`
	}
}

// getLimitEffect says what a limit would change.
func (a *API) getLimitEffect(_ context.Context, in *limitEffectInput) (*limitEffectOutput, error) {
	kind, _ := enishi.ParseKind(in.Kind)
	out := &limitEffectOutput{}
	over, freed := a.cfg.Ingester.Graph().UnderLimit(kind, in.Limit)
	out.Body.Over, out.Body.Freed = int64(over), int64(freed)
	return out, nil
}

type blockInput struct {
	Body struct {
		Kind   string `json:"kind,omitempty" enum:",customer,pos_card,line,email,phone,social,push_token,anonymous" doc:"With value."`
		Value  string `json:"value,omitempty" maxLength:"1500" doc:"What stands in the events. Only its keyed hash is kept."`
		ID     string `json:"id,omitempty" maxLength:"36" doc:"Instead of kind and value: an identifier that a finding names."`
		Label  string `json:"label" minLength:"1" maxLength:"100" doc:"What it is, as the tablet of the store in Ginza: never the value itself."`
		Reason string `json:"reason" minLength:"1" maxLength:"500"`
		Undo   bool   `json:"undo,omitempty" doc:"Take the links that it made back too."`
	}
}

// blockIdentifier says of an identifier that it is nobody's own.
func (a *API) blockIdentifier(ctx context.Context, in *blockInput) (*writtenOutput, error) {
	x, err := a.blockedOf(in)
	if err != nil {
		return nil, err
	}
	written, err := a.changeGuards(ctx, in.Body.Reason, func(g *ingest.Guards) error {
		if slices.ContainsFunc(g.Blocked, func(b ingest.Blocked) bool { return b.ID == x.ID }) {
			return refusal(enishi.Conflict, "it is blocked already", "すでにブロックされています。")
		}
		g.Blocked = append(g.Blocked, x)
		return nil
	})
	if err != nil || !in.Body.Undo {
		return written, err
	}
	var links []enishi.Link
	for _, l := range a.cfg.Ingester.Graph().Component(x.ID).Links {
		if (l.A == x.ID || l.B == x.ID) && (l.State == "merged" || l.State == "already") {
			links = append(links, enishi.Link{Op: "unlink", Link: l.Offset, Reason: in.Body.Reason})
		}
	}
	if len(links) == 0 {
		return written, nil
	}
	w, err := a.appendLinks(ctx, links...)
	return &writtenOutput{w}, err
}

func (a *API) blockedOf(in *blockInput) (x ingest.Blocked, err error) {
	x.Label = strings.TrimSpace(in.Body.Label)
	if in.Body.ID != "" {
		if x.ID, err = enishi.ParseID(in.Body.ID); err == nil {
			for _, m := range a.cfg.Ingester.Graph().Component(x.ID).Members {
				if m.ID == x.ID && m.Kind != 0 {
					x.Kind = m.Kind.String()
				}
			}
		}
		if x.Kind == "" {
			return x, enishi.FieldError("body.id", "is no identifier that came with another one", "名寄せに使われた識別子ではありません。")
		}
		return x, nil
	}
	kind, ok := enishi.ParseKind(in.Body.Kind)
	if !ok {
		return x, enishi.FieldError("body.kind", "say which kind of identifier it is", "識別子の種類を選んでください。")
	}
	value, err := ingest.Normalise(kind, in.Body.Value)
	switch {
	case err != nil:
		return x, enishi.FieldError("body.value", err.Error(), "この種類の識別子の形式ではないか、もともと名寄せに使われない値です。")
	case value == "":
		return x, enishi.FieldError("body.value", "is empty", "値を入力してください。")
	case strings.Contains(strings.ToLower(x.Label), strings.ToLower(strings.TrimSpace(in.Body.Value))):
		return x, enishi.FieldError("body.label", "contains the value itself: say what it is, as the tablet of the store in Ginza", "値そのものは書かず、「銀座店のタブレット」のように何であるかを書いてください。")
	}
	id := enishi.Identifier{Kind: kind, Value: value}
	if kind == enishi.LINEUser {
		id.Scope = a.cfg.LINEProvider
	}
	x.ID, x.Kind = a.cfg.Hasher.Hash(id), kind.String()
	return x, nil
}

type unblockInput struct {
	ID     string `path:"id" maxLength:"36"`
	Reason string `query:"reason" maxLength:"500"`
}

func (a *API) unblockIdentifier(ctx context.Context, in *unblockInput) (*writtenOutput, error) {
	return a.changeGuards(ctx, in.Reason, func(g *ingest.Guards) error {
		n := len(g.Blocked)
		g.Blocked = slices.DeleteFunc(g.Blocked, func(b ingest.Blocked) bool { return b.ID.String() == in.ID })
		if len(g.Blocked) == n {
			return notFound("blocked identifier", "ブロックした識別子")
		}
		return nil
	})
}

// changeGuards appends the guard settings with one change. Of two who change them at the same time the second is told.
func (a *API) changeGuards(ctx context.Context, reason string, change func(*ingest.Guards) error) (*writtenOutput, error) {
	graph := a.cfg.Ingester.Graph()
	set := graph.Guards()
	if err := change(&set); err != nil {
		return nil, err
	}
	text, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("write guards: %w", err)
	}
	w, err := a.appendLinks(ctx, enishi.Link{Op: "guard", Guard: string(text), Reason: reason})
	if err != nil {
		return nil, err
	}
	if now := graph.Guards(); now.Base == set.Base {
		return nil, refusal(enishi.Conflict, "somebody else changed the settings at the same moment: look at them and try again", "ほかの人が同時に設定を変更しました。内容を確認して、もう一度お試しください。")
	}
	return &writtenOutput{w}, nil
}

type fineInput struct {
	Body struct {
		ID     string `json:"id" maxLength:"36"`
		Name   string `json:"name" enum:"limit,flood,shared_email,shared_phone,shared_other,several_names,several_birthdays,several_prefectures,many_browsers"`
		Reason string `json:"reason" minLength:"1" maxLength:"500"`
	}
}

// letStand keeps a finding from being shown again.
func (a *API) letStand(ctx context.Context, in *fineInput) (*writtenOutput, error) {
	id, err := enishi.ParseID(in.Body.ID)
	if err != nil {
		return nil, notFound("finding", "確認事項")
	}
	w, err := a.appendLinks(ctx, enishi.Link{Op: "fine", A: id, Guard: in.Body.Name, Reason: in.Body.Reason})
	return &writtenOutput{w}, err
}

const (
	floodKind  = "identity_flood"
	floodEvery = 15 * time.Second
)

// checkFloods raises an alert, once, for each identifier that came with more others than one person has.
func (a *API) checkFloods(ctx context.Context) error {
	for _, f := range a.cfg.Ingester.Graph().Floods() {
		id := enishi.NewID("alert", floodKind, f.ID.String())
		if n, err := a.count(ctx, "SELECT count() FROM alerts FINAL WHERE id = "+idLiteral(id)); err != nil || n > 0 {
			if err != nil {
				return err
			}
			continue
		}
		links, err := a.readLinks(ctx, []int64{f.Offset})
		if err != nil {
			return err
		}
		l := links[f.Offset]
		kind, source := word("identifier", f.Kind.String()), l.Source
		if source == "" {
			source = "-"
		}
		err = a.storeAlert(ctx, enishi.Alert{ID: id, Kind: floodKind, Severity: "warning", At: a.now(),
			Text:   fmt.Sprintf("One identifier (%s, from the source %s) came with more others than one person has. Nothing is joined beyond the limit. If it is a shared device or a form's default value, block it under Identity.", strings.ToLower(kind.EN), source),
			TextJA: fmt.Sprintf("1 つの識別子（%s、取り込み元: %s）に、1 人分を超える数の識別子が結び付けられようとしています。上限を超えた名寄せはしていません。共用端末やフォームの初期値であれば、「名寄せ」でブロックしてください。", kind.JA, source)})
		if err != nil {
			return err
		}
	}
	return nil
}
