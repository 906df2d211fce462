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
	Name    string `json:"name"`
	About   Text   `json:"about"`
	Example string `json:"example"`
}

// languageFunctions describes the functions of expressions; a test compiles each example.
var languageFunctions = []languageFunction{
	{"count", Text{"条件に合うものの数", "how many fulfil a condition"}, `count(orders, .total >= 5000) >= 2`},
	{"any", Text{"条件に合うものがある", "at least one fulfils it"}, `any(views, .category == "化粧水" && .at > ago("7d"))`},
	{"all", Text{"すべてが条件に合う", "all fulfil it"}, `all(orders, .channel == "store")`},
	{"none", Text{"条件に合うものがない", "none fulfils it"}, `none(shipments, .status == "delayed")`},
	{"sum", Text{"合計", "the sum"}, `sum(orders, .total) > 30000`},
	{"min", Text{"最も小さい値", "the smallest"}, `min(orders, .placed_at) > ago("365d")`},
	{"max", Text{"最も大きい値", "the largest"}, `max(orders, .total) >= 10000`},
	{"avg", Text{"平均", "the average"}, `avg(orders, .total) >= 5000`},
	{"first", Text{"最も古いものの項目", "a field of the earliest"}, `first(orders, .channel) == "store"`},
	{"last", Text{"最も新しいものの項目", "a field of the latest"}, `last(orders, .total) >= 5000`},
	{"distinct", Text{"値の種類の数", "how many different values"}, `distinct(lines, .category) >= 3`},
	{"ago", Text{"今から何日・何時間前", "so many days or hours before now"}, `last_order_at < ago("90d")`},
	{"now", Text{"今", "now"}, `last_order_at <= now()`},
	{"date", Text{"日付（その日の 0 時）", "a date, at its midnight"}, `signed_up_at >= date("2026-04-01")`},
	{"today", Text{"今日の 0 時", "the start of today"}, `last_visit_at >= today()`},
	{"this_week", Text{"今週の月曜日の 0 時", "the start of this week's Monday"}, `count(visits, .at >= this_week()) >= 3`},
	{"this_month", Text{"今月 1 日の 0 時", "the start of this month"}, `count(orders, .placed_at >= this_month()) >= 1`},
	{"last_month", Text{"先月 1 日の 0 時", "the start of last month"}, `any(orders, .placed_at >= last_month() && .placed_at < this_month())`},
	{"this_year", Text{"今年 1 月 1 日の 0 時", "the start of this year"}, `signed_up_at >= this_year()`},
	{"fiscal_year", Text{"今年度 4 月 1 日の 0 時", "the start of the fiscal year, 1 April"}, `sum(filter(orders, .placed_at >= fiscal_year()), .revenue) >= 50000`},
	{"birthday_within", Text{"誕生日が今日から何日以内", "the birthday is today or in the next days"}, `birthday_within("7d")`},
	{"fold", Text{"全角・半角、大文字・小文字、ひらがな・カタカナを区別しない", "text without differences of width, case and kana"}, `fold(family_name_kana) == "さとう"`},
	{"in_segment", Text{"別のセグメントの条件に合う", "another segment's condition holds"}, `in_segment("vip") && !has_email`},
	{"rank", Text{"ランキングの順位（1 が最も低い）", "the rank by a ranking, 1 the lowest"}, `rank("rfm-monetary") >= 4`},
	{"top", Text{"ランキングの上位に入っている", "among the top of a ranking"}, `top("best")`},
	{"present", Text{"値がある", "there is a value"}, `present(last_order_at)`},
	{"missing", Text{"値がない", "there is none"}, `missing(last_order_at)`},
}

type languageOutput struct{ Body languagePage }

func (a *API) getSegmentLanguage(ctx context.Context, _ *struct{}) (*languageOutput, error) {
	out := &languageOutput{languagePage{Functions: languageFunctions}}
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
