package api

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"enishi/channels"
	"enishi/journeys"
	"enishi/profiles"
)

// templateVariable is a value that templates may use.
type templateVariable struct {
	Name    string `json:"name" doc:"As a template has it, between {{ and }}; order.lines[].name is that of each element of order.lines."`
	Kind    string `json:"kind" enum:"text,number,truth,list,map,url,colour,words"`
	Label   Text   `json:"label"`
	Example string `json:"example"`
	From    string `json:"from" enum:"message,sender" doc:"Who knows it: what was decided, or the sender."`
	Value   string `json:"value" doc:"What the person asked for has there, as a message would say it; of a list how many it has, of its elements the first's. Empty: nothing, or it is only known when the message leaves."`
	MadeUp  bool   `json:"made_up" doc:"The person has none: the value is that of a made-up one, as in a preview."`
}

// templateVariables are all of them: those that a message brings along, and those that the sender adds.
func templateVariables() []templateVariable {
	var out []templateVariable
	for _, v := range journeys.Variables() {
		out = append(out, templateVariable{v.Name, v.Kind, Text{v.JA, v.EN}, v.Example, "message", "", false})
	}
	for _, x := range [...]struct{ name, ja, en string }{
		{"unsubscribe", "配信停止ページ", "page that unsubscribes"}, {"preferences", "配信設定ページ", "preference centre"}, {"view", "ブラウザで見るページ", "the mail in the browser"},
		{"confirm", "メール配信の申し込みを確認するページ（取引のお知らせのみ）", "page that confirms a request for mail (double opt-in; of transactional templates)"},
		{"messenger", "Messenger のトークを開く（開いた人が誰かも分かります）", "opens a chat by Messenger, which then knows who came"},
		{"instagram", "Instagram の DM を開く（開いた人が誰かも分かります）", "opens a chat by Instagram, which then knows who came"},
	} {
		out = append(out, templateVariable{"links." + x.name, "url", Text{x.ja, x.en}, "https://cdp.shop.example/...", "sender", "", false})
	}
	for _, f := range channels.BrandFields() {
		out = append(out, templateVariable{"brand." + f.Name, f.Kind, Text{f.JA, f.EN}, "", "sender", "", false})
	}
	return out
}

type templateVariablesInput struct {
	Profile  string `query:"profile" maxLength:"36" doc:"Whose values to show; a made-up person's unless said."`
	Language string `query:"language" enum:",ja,en" doc:"ja unless said."`
}

func (a *API) listTemplateVariables(ctx context.Context, in *templateVariablesInput) (*listOutput[templateVariable], error) {
	var view *profiles.View
	if in.Profile != "" {
		p, _, err := a.load(ctx, in.Profile)
		if err != nil {
			return nil, err
		}
		view = p.View()
	}
	lang := cmp.Or(in.Language, "ja")
	values := a.sampleVariables(view, lang)
	brand := a.cfg.Renderer.BrandTexts(lang)
	out := append(templateVariables(), linkVariables(values)...)
	for i := range out {
		v := &out[i]
		part, name, _ := strings.Cut(v.Name, ".")
		if part == "brand" {
			v.Value = brand[name]
			continue
		}
		v.Value = valueAt(values, v.Name)
		v.MadeUp = v.Value != "" && madeUp(view, part)
	}
	return listOf(out), nil
}

// linkVariables are the links that messages bring along by the settings, besides those that every message has.
func linkVariables(values map[string]any) (out []templateVariable) {
	links, _ := values["links"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(links)) {
		label := Text{"設定したリンク「" + name + "」", "link " + name + " of the settings"}
		switch name {
		case "cart":
			label = Text{"カートのページ", "page of the cart"}
		case "tracking":
			label = Text{"荷物追跡ページ", "carrier's page for the parcel"}
		}
		out = append(out, templateVariable{"links." + name, "url", label, "", "message", "", false})
	}
	return out
}

// madeUp tells whether sampleVariables makes up a part for a person, or for nobody.
func madeUp(v *profiles.View, part string) bool {
	switch part {
	case "language", "links", "no_emoji":
		return false
	case "coupon":
		return true
	case "cart", "product":
		return v == nil || v.Cart == nil
	case "order", "store", "keys":
		return v == nil || len(v.Orders) == 0
	case "shipment":
		return v == nil || len(v.Shipments) == 0
	}
	return v == nil
}

// valueAt is a value as a template would write it; of a list how many elements it has. [] stands for its first one.
func valueAt(values map[string]any, path string) string {
	var at any = values
	for name := range strings.SplitSeq(path, ".") {
		name, first := strings.CutSuffix(name, "[]")
		m, _ := at.(map[string]any)
		at = m[name]
		if list, ok := at.([]any); ok && first {
			if at = nil; len(list) > 0 {
				at = list[0]
			}
		}
	}
	switch v := at.(type) {
	case nil, map[string]any:
		return ""
	case []any:
		return fmt.Sprint(len(v))
	}
	return fmt.Sprint(at)
}
