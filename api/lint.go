package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/channels/line"
	"enishi/channels/lint"
)

type lintInput struct {
	Links string `query:"links" enum:"check" required:"false" doc:"check: ask where the links lead, by HEAD and GET; takes up to 20 seconds."`
	Body  struct {
		Name       string          `json:"name,omitempty" maxLength:"64" doc:"Of the saved template to check, unless a definition is given."`
		Definition json.RawMessage `json:"definition,omitempty" doc:"What is being edited."`
	}
}

type lintOutput struct{ Body lintPage }

// lintPage is what the check before sending found.
type lintPage struct {
	Items []finding   `json:"items" doc:"Errors first."`
	Open  int         `json:"open" doc:"Errors that nobody took the responsibility for: they stop the message."`
	Links []askedLink `json:"links,omitempty" doc:"On request: the links that were asked, each once."`
}

// finding is a [channels.Finding] as the API names its parts.
type finding struct {
	Code     string             `json:"code" doc:"As duty.address, words.yakkiho, link.relative."`
	Severity string             `json:"severity" enum:"error,warning"`
	Part     string             `json:"part" doc:"Of the template, as variants.ja.html; empty: the message as a whole."`
	Line     int                `json:"line" doc:"Of the part's source, from 1; 0: not known."`
	Block    string             `json:"block" doc:"Id of the editor's block that has it; may be empty."`
	Excerpt  string             `json:"excerpt"`
	Text     Text               `json:"text"`
	Fix      Text               `json:"fix"`
	Override *channels.Override `json:"override,omitempty" doc:"Who took the responsibility for it, and why."`
}

func (a *API) lintTemplate(ctx context.Context, in *lintInput) (*lintOutput, error) {
	body := []byte(in.Body.Definition)
	if len(body) == 0 {
		saved, ok := a.current("template", in.Body.Name)
		if !ok {
			return nil, notFound("template", "テンプレート")
		}
		body = saved
	}
	found, err := a.lint(in.Body.Name, body)
	if err != nil {
		return nil, err
	}
	var links []askedLink
	if in.Links != "" {
		asked, dead, err := a.deadLinks(ctx, in.Body.Name, body)
		if err != nil {
			return nil, err
		}
		found, links = append(found, dead...), asked
	}
	page := lintPageOf(found)
	page.Links = links
	return &lintOutput{page}, nil
}

func lintPageOf(found []channels.Finding) lintPage {
	page := lintPage{Items: []finding{}, Open: len(channels.Open(found))}
	for _, f := range found {
		page.Items = append(page.Items, finding{f.Code, f.Severity, f.Part, f.Line, f.Block, f.Excerpt, Text(f.Text), Text(f.Fix), f.Override})
	}
	return page
}

// lint checks a template with the data of a made-up person. Lines are those of the parts, not of the JSON.
func (a *API) lint(name string, body []byte) ([]channels.Finding, error) {
	found, err := a.cfg.Renderer.Lint(name, body, func(language string) (string, error) {
		b, err := json.Marshal(a.sampleVariables(nil, language))
		return string(b), err
	})
	if err != nil {
		return nil, notShown(err)
	}
	return append(a.unsetLinks(body), found...), nil
}

// unsetLinks finds the links that a template asks for without a condition and that nobody has set: with them no message can be made.
func (a *API) unsetLinks(body []byte) (out []channels.Finding) {
	known := []string{"unsubscribe", "preferences", "view", "confirm", "cart", "tracking"}
	known = slices.AppendSeq(known, maps.Keys(a.setLinks()))
	if a.cfg.Social != nil {
		for _, name := range a.cfg.Social.Names() {
			x, _ := a.cfg.Social.Get(name)
			known = append(known, x.Platform())
		}
	}
	var brand struct {
		URL any `json:"url"`
	}
	if a.setting("brand", &brand) && brand.URL != nil && brand.URL != "" {
		known = append(known, "shop")
	}
	for _, m := range linkVariable.FindAllSubmatch(body, -1) {
		name := string(m[1])
		if slices.Contains(known, name) || bytes.Contains(body, []byte("if links."+name)) {
			continue
		}
		known = append(known, name) // once
		fix := Text{"設定のリンクに " + name + " を登録してください。", "Set the link " + name + " in the settings."}
		if name == "shop" {
			fix = Text{"ブランド設定でサイトの URL を登録してください。", "Enter the address of the site in the brand kit."}
		}
		out = append(out, channels.Finding{Finding: lint.Finding{Code: "link.unset", Severity: lint.Error, Excerpt: "links." + name, Fix: lint.Text(fix),
			Text: lint.Text{JA: "{{ links." + name + " }} の行き先が決まっていません。このままでは 1 通も送れません。", EN: "{{ links." + name + " }} leads nowhere yet: no message can be made with it."}}})
	}
	return out
}

var linkVariable = regexp.MustCompile(`\{\{-?\s*links\.(\w+)`)

// preflight is what the LINE account itself has against a template; nothing for a mail, or where there is no account.
func (a *API) preflight(ctx context.Context, name string, body []byte) ([]channels.Finding, error) {
	account := a.lineAccount(line.DefaultAccount)
	if account == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, preflightTime)
	defer cancel()
	found, err := a.cfg.Renderer.Preflight(ctx, name, body, func(language string) (string, error) {
		b, err := json.Marshal(a.sampleVariables(nil, language))
		return string(b), err
	}, account.Channel.Validate)
	return found, notShown(err)
}

// preflightTime is how long somebody waits at the screen for LINE's check.
const preflightTime = 5 * time.Second

// lineAccount is the official account of a name, nil when there is none.
func (a *API) lineAccount(name string) *line.Official {
	if a.cfg.LINE == nil {
		return nil
	}
	o, _ := a.cfg.LINE.Get(name)
	return o
}

// notShown is the error of a template that cannot be filled in: its author's to mend.
func notShown(err error) error {
	var e *enishi.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return &enishi.Error{Code: enishi.Invalid, Field: "body.definition", Msg: err.Error(), MsgJA: "このテンプレートは表示できません: " + err.Error()}
}

// templatesOf are the templates that a journey's definition names, by name.
func templatesOf(definition []byte) []string {
	var def struct {
		Nodes map[string]struct {
			Template  string            `json:"template"`
			Templates map[string]string `json:"templates"`
		} `json:"nodes"`
	}
	if json.Unmarshal(definition, &def) != nil {
		return nil
	}
	names := map[string]bool{}
	for _, n := range def.Nodes {
		names[n.Template] = true
		for _, t := range n.Templates {
			names[t] = true
		}
	}
	delete(names, "")
	return slices.Sorted(maps.Keys(names))
}

// checkOpen refuses to send templates with errors that nobody took the responsibility for. body finds a template.
func (a *API) checkOpen(ctx context.Context, templates []string, body func(name string) ([]byte, bool)) error {
	var problems []error
	for _, name := range templates {
		b, ok := body(name)
		if !ok {
			continue // whoever asked has said so already
		}
		found, err := a.lint(name, b)
		if err != nil {
			return fmt.Errorf("check template %s: %w", name, err)
		}
		refused, err := a.preflight(ctx, name, b)
		if err != nil {
			return fmt.Errorf("ask LINE about template %s: %w", name, err)
		}
		for _, f := range channels.Open(append(found, refused...)) {
			problems = append(problems, &enishi.Error{Code: enishi.Conflict, Field: strings.TrimSuffix("templates."+name+"."+f.Part, "."), Line: f.Line,
				Msg: f.Text.EN + " " + f.Fix.EN, MsgJA: f.Text.JA + f.Fix.JA})
		}
	}
	return errors.Join(problems...)
}

// signed fills in who takes the responsibility for findings and when: the caller, for what the saved version does not have
// in another one's name.
func (a *API) signed(ctx context.Context, name string, body []byte) ([]byte, error) {
	var now, saved struct {
		Overrides []channels.Override `json:"overrides"`
	}
	if json.Unmarshal(body, &now) != nil || len(now.Overrides) == 0 {
		return body, nil // wrong JSON is refused later, with its place
	}
	if d, ok := a.current("template", name); ok {
		if err := json.Unmarshal(d, &saved); err != nil {
			return nil, fmt.Errorf("read template %s: %w", name, err)
		}
	}
	for i := range now.Overrides {
		o := &now.Overrides[i]
		if !slices.ContainsFunc(saved.Overrides, func(x channels.Override) bool { return x == *o }) {
			o.By, o.At = callOf(ctx).caller.name, a.cfg.Now().UTC()
		}
	}
	b, err := json.Marshal(now.Overrides)
	if err != nil {
		return nil, err
	}
	return withField(body, "overrides", b), nil
}
