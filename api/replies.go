package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"enishi"
	"enishi/channels/line"
	"enishi/ingest"
	"enishi/profiles"
)

// replyRow is a keyword reply.
type replyRow struct {
	Name       string          `json:"name"`
	Title      Text            `json:"title"`
	Match      string          `json:"match" enum:"exact,word,contains"`
	Words      []string        `json:"words"`
	Account    string          `json:"account" doc:"Empty: of every official account."`
	Template   string          `json:"template" doc:"Empty: it answers by a text."`
	Off        bool            `json:"off"`
	Version    int64           `json:"version"`
	UpdatedAt  time.Time       `json:"updated_at"`
	Definition json.RawMessage `json:"definition"`
}

func (a *API) listReplies(_ context.Context, _ *struct{}) (*listOutput[replyRow], error) {
	out := listOf([]replyRow{})
	for _, d := range a.cfg.Definitions.List(line.KindReply) {
		r, err := line.ParseReply(d.Name, d.Body)
		if err != nil {
			continue // a foreign writer's
		}
		out.Body.Items = append(out.Body.Items, replyRow{d.Name, definitionTitle(&d), r.Match, r.Words, r.Account, r.Template, r.Off, d.Version, d.At, d.Body})
	}
	return out, nil
}

func (a *API) saveReply(ctx context.Context, in *templateInput) (*writtenOutput, error) {
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	w, err := a.putReply(ctx, in.Name, in.Body.Definition, in.Body.Expect, in.Body.Reason)
	return &writtenOutput{w}, err
}

// putReply saves a reply. It reaches people without anybody's look at it, so it needs an approver.
func (a *API) putReply(ctx context.Context, name string, body json.RawMessage, expect int64, reason string) (Written, error) {
	if !callOf(ctx).caller.role.includes(approver) {
		return Written{}, refusal(enishi.Denied, "to change automatic replies needs the role approver", "自動応答の変更には「承認者」の権限が必要です。")
	}
	var text bytes.Buffer
	if err := json.Indent(&text, body, "", "  "); err != nil {
		return Written{}, enishi.FieldError("body.definition", "is no JSON", "JSON にしてください。")
	}
	r, err := line.ParseReply(name, text.Bytes())
	if err != nil {
		return Written{}, err
	}
	if r.Template != "" {
		saved, ok := a.current("template", r.Template)
		var head struct {
			Channel string `json:"channel"`
		}
		if !ok || json.Unmarshal(saved, &head) != nil || head.Channel != "line" {
			return Written{}, enishi.FieldError("body.definition.template", "there is no LINE template "+r.Template, "LINE のテンプレート「"+r.Template+"」がありません。")
		}
	}
	return a.save(ctx, enishi.Definition{Kind: line.KindReply, Name: name, Expect: expect, Body: compact(body), Reason: reason})
}

func (a *API) deleteReply(ctx context.Context, in *deleteInput) (*writtenOutput, error) {
	if _, ok := a.cfg.Definitions.Current(line.KindReply, in.Name); !ok {
		return nil, notFound("reply", "自動応答")
	}
	if !callOf(ctx).caller.role.includes(approver) {
		return nil, refusal(enishi.Denied, "to change automatic replies needs the role approver", "自動応答の変更には「承認者」の権限が必要です。")
	}
	w, err := a.save(ctx, enishi.Definition{Kind: line.KindReply, Name: in.Name, Expect: in.Expect, Deleted: true, Reason: in.Reason})
	return &writtenOutput{w}, err
}

// repliesWith are the replies that send a template.
func (a *API) repliesWith(template string) []string {
	out := []string{}
	for _, d := range a.cfg.Definitions.List(line.KindReply) {
		if r, err := line.ParseReply(d.Name, d.Body); err == nil && r.Template == template {
			out = append(out, d.Name)
		}
	}
	return out
}

type tryReplyInput struct {
	Body struct {
		Text    string `json:"text" minLength:"1" maxLength:"5000"`
		Account string `json:"account,omitempty" maxLength:"64"`
	}
}

type tryReplyOutput struct{ Body triedReply }

// triedReply is what would be answered to a text.
type triedReply struct {
	Reply   string          `json:"reply" doc:"Name of the reply; stop, start: of advertising; empty: nobody answers."`
	Consent string          `json:"consent" doc:"What the text would say about advertising: in, out, or nothing."`
	Answer  json.RawMessage `json:"answer" doc:"LINE message objects, for somebody who is not known."`
}

func (a *API) tryReply(ctx context.Context, in *tryReplyInput) (*tryReplyOutput, error) {
	replies, settings := a.Replies()
	found, ok := line.Match(in.Body.Account, in.Body.Text, replies, settings, profiles.Fold)
	out := &tryReplyOutput{triedReply{Answer: json.RawMessage("[]")}}
	if !ok {
		return out, nil
	}
	messages, err := a.ReplyMessages(ctx, found, a.cfg.LINEProvider, "")
	out.Body = triedReply{found.Rule, found.Consent, messages}
	return out, notShown(err)
}

// Replies are the keyword replies and the words that stop and start advertising, as they stand now.
func (a *API) Replies() ([]*line.Reply, line.ReplySettings) {
	var out []*line.Reply
	for _, d := range a.cfg.Definitions.List(line.KindReply) {
		if r, err := line.ParseReply(d.Name, d.Body); err == nil {
			out = append(out, r)
		}
	}
	d, _ := a.cfg.Definitions.Current("setting", line.ReplySettingName)
	s, err := line.ParseReplySettings(d.Body)
	if err != nil { // a foreign writer's
		s, _ = line.ParseReplySettings(nil)
	}
	return out, s
}

// ReplyMessages makes what is answered to a LINE user. Of a template the person, the brand and links are known, and nothing else.
func (a *API) ReplyMessages(ctx context.Context, answer line.Answer, provider, user string) (json.RawMessage, error) {
	view, err := a.lineUser(ctx, provider, user)
	if err != nil {
		return nil, err
	}
	language := a.journeySettings().DefaultLanguage
	if view != nil {
		if l, ok := view.Traits["language"]; ok && l.String() != "" {
			language = l.String()
		}
	}
	if answer.Template == "" {
		text := answer.Text[language]
		for _, l := range []string{"ja", "en"} {
			if text == "" {
				text = answer.Text[l]
			}
		}
		return json.Marshal([]any{map[string]string{"type": "text", "text": text}})
	}
	d, ok := a.cfg.Definitions.Current("template", answer.Template)
	if !ok {
		return nil, notFound("template", "テンプレート")
	}
	s := sampler{language, a.zone(), a.now()}
	customer := s.customer("", "", "", 0)
	m := enishi.Message{Template: d.Name, TemplateVersion: d.Version, Channel: "line", Purpose: "transactional", To: user, Language: language, DecidedAt: a.now()}
	if view != nil {
		customer, m.Profile = s.person(view), view.Profile.ID
	}
	maps.DeleteFunc(customer, func(_ string, v any) bool { return v == "" }) // what is not known has no value
	var settings struct {
		Links map[string]string `json:"links"`
	}
	a.setting("journeys", &settings)
	variables, err := json.Marshal(map[string]any{"language": language, "customer": customer, "links": settings.Links})
	if err != nil {
		return nil, err
	}
	m.Variables = string(variables)
	r, err := a.cfg.Renderer.Preview(d.Body, &m, -1, false)
	if err != nil {
		return nil, fmt.Errorf("fill in template %s: %w", d.Name, err)
	}
	return r.Messages, nil
}

// lineUser is the person of a LINE user id; nil when nobody is known by it.
func (a *API) lineUser(ctx context.Context, provider, user string) (*profiles.View, error) {
	value, err := ingest.Normalise(enishi.LINEUser, user)
	if err != nil || value == "" {
		return nil, nil
	}
	if provider == "" {
		provider = a.cfg.LINEProvider
	}
	id := a.cfg.Ingester.Graph().Resolve(a.cfg.Hasher.Hash(enishi.Identifier{Kind: enishi.LINEUser, Scope: provider, Value: value}))
	p, _, err := a.load(ctx, id.String())
	var e *enishi.Error
	if errors.As(err, &e) && e.Code == enishi.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return p.View(), nil
}
