package api

import (
	"context"

	"enishi/channels"
	"enishi/journeys"
)

// templateVariable is a value that templates may use.
type templateVariable struct {
	Name    string `json:"name" doc:"As a template has it, between {{ and }}; order.lines[].name is that of each element of order.lines."`
	Kind    string `json:"kind" enum:"text,number,truth,list,map,url,colour,words"`
	Label   Text   `json:"label"`
	Example string `json:"example"`
	From    string `json:"from" enum:"message,sender" doc:"Who knows it: what was decided, or the sender."`
}

// templateVariables are all of them: those that a message brings along, and those that the sender adds.
func templateVariables() []templateVariable {
	var out []templateVariable
	for _, v := range journeys.Variables() {
		out = append(out, templateVariable{v.Name, v.Kind, Text{v.JA, v.EN}, v.Example, "message"})
	}
	for _, x := range [...]struct{ name, ja, en string }{
		{"unsubscribe", "配信停止ページ", "page that unsubscribes"}, {"preferences", "配信設定ページ", "preference centre"}, {"view", "ブラウザで見るページ", "the mail in the browser"},
		{"confirm", "メール配信の申し込みを確認するページ（取引のお知らせのみ）", "page that confirms a request for mail (double opt-in; of transactional templates)"},
	} {
		out = append(out, templateVariable{"links." + x.name, "url", Text{x.ja, x.en}, "https://cdp.shop.example/...", "sender"})
	}
	for _, f := range channels.BrandFields() {
		out = append(out, templateVariable{"brand." + f.Name, f.Kind, Text{f.JA, f.EN}, "", "sender"})
	}
	return out
}

func (a *API) listTemplateVariables(context.Context, *struct{}) (*listOutput[templateVariable], error) {
	return listOf(templateVariables()), nil
}
