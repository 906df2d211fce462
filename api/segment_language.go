package api

import (
	"context"

	"enishi"
	"enishi/segments"
)

// languagePage is what expressions may name, for completion and reference.
type languagePage struct {
	Fields    []languageField    `json:"fields"`
	Functions []languageFunction `json:"functions"`
}

type languageField struct {
	Name       string `json:"name" doc:"As it is written; of a list's elements LIST.NAME, written .NAME inside the list's functions."`
	Type       string `json:"type"`
	Label      Text   `json:"label"`
	About      Text   `json:"about"`
	Collection string `json:"collection,omitempty"`

	Kind       string   `json:"kind" enum:"flag,whole,money,number,text,time,trait,texts,list"`
	Operators  []string `json:"operators" doc:"What a block on it may say; of a list its quantities."`
	Values     bool     `json:"values" doc:"Seen values can be asked for."`
	Max        int      `json:"max,omitempty" doc:"Of a list: how many elements are kept."`
	WindowDays int      `json:"window_days,omitempty" doc:"Of a list: how far back they are kept."`
}

type languageFunction struct {
	Name      string `json:"name"`
	Signature string `json:"signature" doc:"What it takes."`
	About     Text   `json:"about"`
	Example   string `json:"example"`
}

type languageOutput struct{ Body languagePage }

func (a *API) getSegmentLanguage(ctx context.Context, _ *struct{}) (*languageOutput, error) {
	out := &languageOutput{}
	for _, f := range segments.Functions() {
		out.Body.Functions = append(out.Body.Functions, languageFunction{f.Name, f.Signature, Text{f.JA, f.EN}, f.Example})
	}
	add := func(f languageField) { out.Body.Fields = append(out.Body.Fields, f) }
	kind := func(k segments.Kind) string {
		if language(ctx) == "ja" {
			return k.JA()
		}
		return k.String()
	}
	about := func(k segments.Kind) Text { return Text{k.JA(), k.String()} }
	for _, f := range segments.Fields() {
		add(languageField{Name: f.Name, Type: kind(f.Kind), Label: Text{f.JA, f.EN}, About: about(f.Kind)})
	}
	for _, ch := range segments.Channels() {
		w := word("channel", ch)
		add(languageField{Name: "consent." + ch, Type: kind(segments.Bool), Label: Text{"配信許可（" + w.JA + "）", "permission (" + w.EN + ")"}, About: about(segments.Bool)})
	}
	for _, name := range enishi.TraitNames {
		add(languageField{Name: "traits." + name, Type: kind(segments.Untyped), Label: traitLabel(name), About: about(segments.Untyped)})
	}
	for _, c := range segments.Collections() {
		add(languageField{Name: c.Name, Type: "list", Label: Text{c.JA, c.EN}, About: Text{"一覧", "a list"}})
		for _, f := range c.Fields {
			add(languageField{Name: c.Name + "." + f.Name, Type: kind(f.Kind), Label: Text{f.JA, f.EN}, About: about(f.Kind), Collection: c.Name})
		}
	}
	out.Body.describe()
	return out, nil
}
