package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/profiles"
)

// TemplateRow is a template in a list.
type TemplateRow struct {
	Name      string    `json:"name"`
	Title     Text      `json:"title"`
	Channel   string    `json:"channel"`
	Purpose   string    `json:"purpose"`
	Languages []string  `json:"languages"`
	Version   int64     `json:"version"`
	UpdatedAt time.Time `json:"updated_at"`
	UsedIn    []string  `json:"used_in" doc:"Names of journeys."`
}

func (a *API) templateRow(d *enishi.Definition) TemplateRow {
	var b struct {
		Channel  string                     `json:"channel"`
		Purpose  string                     `json:"purpose"`
		Variants map[string]json.RawMessage `json:"variants"`
	}
	if json.Unmarshal(d.Body, &b) != nil {
		b.Variants = nil
	}
	return TemplateRow{d.Name, definitionTitle(d), b.Channel, b.Purpose, sortedKeys(b.Variants), d.Version, d.At, a.usersOf(d.Name)}
}

func (a *API) listTemplates(ctx context.Context, _ *struct{}) (*listOutput[TemplateRow], error) {
	out := listOf([]TemplateRow{})
	for _, d := range a.cfg.Definitions.List("template") {
		out.Body.Items = append(out.Body.Items, a.templateRow(&d))
	}
	return out, nil
}

type templateOutput struct {
	ETag string `header:"ETag" doc:"The version, for If-Match."`
	Body templatePage
}

// templatePage is a template with its content and versions.
type templatePage struct {
	TemplateRow
	Definition json.RawMessage `json:"definition"`
	History    []VersionRow    `json:"history"`
	Lint       lintPage        `json:"lint" doc:"What the check before sending finds in it now."`
}

func (a *API) getTemplate(ctx context.Context, in *NamePath) (*templateOutput, error) {
	d, ok := a.cfg.Definitions.Current("template", in.Name)
	if !ok {
		return nil, notFound("template", "テンプレート")
	}
	found, err := a.lint(in.Name, d.Body)
	if err != nil && enishi.ErrorCode(err) != enishi.Invalid { // one that cannot be shown is there to be mended all the same
		return nil, err
	}
	return &templateOutput{etag(d.Version), templatePage{a.templateRow(&d), d.Body, a.versions("template", in.Name), lintPageOf(found)}}, nil
}

type templateInput struct {
	NamePath
	Precondition
	Body struct {
		Definition json.RawMessage `json:"definition"`
		Expect     int64           `json:"expect,omitempty" doc:"The version this replaces; 0 for a new one, or with If-Match."`
		Reason     string          `json:"reason,omitempty" maxLength:"500"`
	}
}

func (a *API) saveTemplate(ctx context.Context, in *templateInput) (*writtenOutput, error) {
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	return a.replaced("template", in.Name, in.Precondition, in.Body.Expect, func(expect int64) (*writtenOutput, error) {
		w, err := a.putTemplate(ctx, in.Name, in.Body.Definition, expect, in.Body.Reason)
		return &writtenOutput{w}, err
	})
}

// putTemplate checks a template and saves it. Lines and columns of errors are those of the console's editor.
func (a *API) putTemplate(ctx context.Context, name string, body json.RawMessage, expect int64, reason string) (Written, error) {
	body, err := a.signed(ctx, name, body)
	if err != nil {
		return Written{}, err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, body, "", "  "); err != nil {
		return Written{}, enishi.FieldError("body.definition", "is no JSON", "JSON にしてください。")
	}
	if err := channels.CheckTemplate(name, text.Bytes(), a.block); err != nil {
		return Written{}, err
	}
	return a.save(ctx, enishi.Definition{Kind: "template", Name: name, Expect: expect, Body: compact(body), Reason: reason})
}

type previewTemplateInput struct {
	NamePath
	Body struct {
		Profile    string          `json:"profile,omitempty" maxLength:"36" doc:"Whose data to fill in; a made-up person unless said."`
		Language   string          `json:"language,omitempty" enum:",ja,en" doc:"ja unless said."`
		Definition json.RawMessage `json:"definition,omitempty" doc:"What is being edited; the saved version unless said."`
		Subject    string          `json:"subject,omitempty" maxLength:"500" doc:"Of a mail, in place of its own: Liquid, as a broadcast or a step may bring one."`
		Choice     *int            `json:"choice,omitempty" minimum:"0" maximum:"9" doc:"Which of the texts that are compared, from 0; the person's own unless said."`
		Segment    string          `json:"segment,omitempty" maxLength:"64" doc:"Whose people pick goes through; all people unless said."`
		Pick       string          `json:"pick,omitempty" enum:",next,previous,random" doc:"Another person than profile; next and previous go round, in an order that stays."`
	}
}

type renderedOutput struct{ Body renderedPage }

// renderedPage is a message as its reader gets it.
type renderedPage struct {
	Profile      string          `json:"profile" doc:"Whose data it is; empty: a made-up person's."`
	Name         string          `json:"name"`
	Subject      string          `json:"subject"`
	Preheader    string          `json:"preheader"`
	FromName     string          `json:"from_name"`
	Language     string          `json:"language" doc:"Of the variant that was taken."`
	Variant      string          `json:"variant" doc:"Of the texts that are compared: a, b, ...; empty: there is one."`
	Alternatives int             `json:"alternatives"`
	Missing      []string        `json:"missing" doc:"Variables that were asked for and have no value; shown as blanks, or as the template's defaults."`
	Sampled      []string        `json:"sampled" doc:"Parts that the template speaks of, that the person has not and that are made up here: cart, coupon, order, shipment."`
	NoEmoji      bool            `json:"no_emoji" doc:"The person is in a segment that gets no emoji: they are left out."`
	Size         int             `json:"size" doc:"Bytes of HTML, of the LINE messages or of the content."`
	HTML         string          `json:"html" doc:"Made safe, for a sandboxed frame."`
	Text         string          `json:"text"`
	Messages     json.RawMessage `json:"messages" doc:"LINE message objects."`
	Content      json.RawMessage `json:"content" doc:"What sms, push, social and postal send: the filled-in object; {} for the others."`
}

// filledIn is a template with the data of a person before it is sent.
type filledIn struct {
	message  enishi.Message
	version  int64 // of the saved template; 0: what is being edited
	body     []byte
	view     *profiles.View // nil: a made-up person
	noEmoji  bool
	rendered *channels.Rendered
}

// show fills a template in as in says. purpose stands in for the template's own unless it is empty.
func (a *API) show(ctx context.Context, in *previewTemplateInput, purpose string) (*filledIn, error) {
	s := &filledIn{body: in.Body.Definition}
	if len(s.body) == 0 {
		d, ok := a.cfg.Definitions.Current("template", in.Name)
		if !ok {
			return nil, notFound("template", "テンプレート")
		}
		s.body, s.version = d.Body, d.Version
	}
	lang := cmp.Or(in.Body.Language, "ja")
	var profile enishi.ID
	if in.Body.Profile != "" {
		p, _, err := a.load(ctx, in.Body.Profile)
		if err != nil {
			return nil, err
		}
		s.view, profile = p.View(), p.ID
	}
	values := a.sampleVariables(s.view, lang)
	s.noEmoji = values["no_emoji"] == true
	variables, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	var head struct {
		Channel string `json:"channel"`
		Purpose string `json:"purpose"`
	}
	if json.Unmarshal(s.body, &head) != nil {
		return nil, enishi.FieldError("body.definition", "is no JSON object", "JSON オブジェクトにしてください。")
	}
	choice := -1
	if in.Body.Choice != nil {
		choice = *in.Body.Choice
	}
	s.message = enishi.Message{Template: in.Name, TemplateVersion: s.version, Channel: head.Channel, Purpose: cmp.Or(purpose, head.Purpose), Profile: profile, Language: lang, Variables: string(variables), Headline: in.Body.Subject}
	s.rendered, err = a.cfg.Renderer.Preview(s.body, &s.message, choice, true)
	return s, notShown(err)
}

func (a *API) previewTemplate(ctx context.Context, in *previewTemplateInput) (*renderedOutput, error) {
	if in.Body.Pick != "" {
		id, err := a.pick(ctx, in.Body.Segment, in.Body.Profile, in.Body.Pick)
		if err != nil {
			return nil, err
		}
		in.Body.Profile = id
	}
	s, err := a.show(ctx, in, "")
	if err != nil {
		return nil, err
	}
	r := s.rendered
	out := &renderedOutput{renderedPage{Subject: r.Subject, Preheader: r.Preheader, FromName: r.FromName, Language: r.Language, Variant: r.Variant, Alternatives: r.Alternatives,
		Missing: append([]string{}, r.Missing...), Sampled: sampled(s.body, s.view), Size: len(r.HTML) + len(r.Messages) + len(r.Content), HTML: sanitise(r.HTML), Text: r.Text, Messages: r.Messages, Content: r.Content}}
	if len(out.Body.Messages) == 0 {
		out.Body.Messages = json.RawMessage("[]")
	}
	if len(out.Body.Content) == 0 {
		out.Body.Content = json.RawMessage("{}")
	}
	if s.view != nil {
		family, given, _, _ := s.view.Name()
		out.Body.Profile, out.Body.Name = s.view.Profile.ID.String(), fullName(family, given)
		out.Body.NoEmoji = s.noEmoji
	}
	return out, nil
}

// pick finds another person to show a message for: of a segment, or of all people when it is empty. People are in the
// order of their ids, so that who goes forth and back meets the same ones.
func (a *API) pick(ctx context.Context, segment, from, how string) (string, error) {
	source, args := "people FINAL", []any(nil)
	if segment != "" {
		source, args = "memberships FINAL WHERE segment = {segment:String}", []any{named("segment", segment)}
	}
	at, err := enishi.ParseID(from)
	if err != nil && from != "" {
		return "", notFound("person", "顧客")
	}
	// Who comes after the end begins again; who is alone is found again.
	here := idLiteral(at)
	order := map[string]string{
		"next":     "profile_id > " + here + " DESC, profile_id",
		"previous": "profile_id < " + here + " DESC, profile_id DESC",
		"random":   "profile_id != " + here + " DESC, rand()",
	}[how]
	var id string
	err = a.one(ctx, "SELECT profile_id FROM "+source+" ORDER BY "+order+" LIMIT 1", args, &id)
	if errors.Is(err, errNoRow) {
		return "", refusal(enishi.NotFound, "there is nobody to show it for", "プレビューに使える人がいません。")
	}
	if err != nil {
		return "", fmt.Errorf("pick a person: %w", err)
	}
	return idOf(id).String(), nil
}

// sampled are the parts that a template speaks of and that a preview makes up: the person has none.
func sampled(body []byte, v *profiles.View) []string {
	out := []string{}
	for _, part := range [...]string{"cart", "coupon", "order", "shipment"} {
		if madeUp(v, part) && bytes.Contains(body, []byte(part+".")) {
			out = append(out, part)
		}
	}
	return out
}
