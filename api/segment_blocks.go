package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/segments"
)

type blocksInput struct {
	Body struct {
		Expression string          `json:"expression,omitempty" maxLength:"20000" doc:"To be turned into blocks."`
		Blocks     *segments.Block `json:"blocks,omitempty" doc:"To be turned into an expression."`
	}
}

type blocksOutput struct{ Body blocksPage }

// blocksPage is one condition in both of its forms.
type blocksPage struct {
	Expression string          `json:"expression" doc:"Of blocks with problems: what is complete of them."`
	Blocks     *segments.Block `json:"blocks,omitempty" doc:"Missing when the expression cannot be read."`
	Problems   []problemDetail `json:"problems" doc:"location is the place of a block: blocks, blocks.0, blocks.0.2. Of an expression: line and column."`
}

func (a *API) convertSegmentBlocks(_ context.Context, in *blocksInput) (*blocksOutput, error) {
	out := &blocksOutput{blocksPage{Expression: in.Body.Expression, Blocks: in.Body.Blocks, Problems: []problemDetail{}}}
	var err error
	switch b := in.Body.Blocks; {
	case b != nil && in.Body.Expression == "":
		out.Body.Expression, err = segments.Print(*b)
	case b == nil && in.Body.Expression != "":
		var read segments.Block
		if read, err = segments.Blocks(in.Body.Expression); err == nil {
			out.Body.Blocks = &read
		}
	default:
		return nil, enishi.FieldError("body", "give either an expression or blocks", "expression と blocks のどちらか一方を指定してください。")
	}
	problems := []error{err}
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		problems = several.Unwrap()
	}
	for _, err := range problems {
		var e *enishi.Error
		switch {
		case errors.As(err, &e):
			out.Body.Problems = append(out.Body.Problems, detailOf(e))
		case err != nil:
			return nil, err
		}
	}
	return out, nil
}

type valuesInput struct {
	Field  string `query:"field" required:"true" maxLength:"250" doc:"A text field, traits.NAME, LIST.NAME, or traits for the names of all traits."`
	Search string `query:"q" maxLength:"100"`
}

// seenValue is a value that a field has had, or that it can have.
type seenValue struct {
	Value string `json:"value"`
	Label Text   `json:"label"`
}

// mostSeen is how many values are offered.
const mostSeen = 50

func (a *API) listSegmentValues(ctx context.Context, in *valuesInput) (*listOutput[seenValue], error) {
	search := in.Search
	family := wordFamily(in.Field)
	titles := a.titlesOf(in.Field)
	if family != "" || titles != nil {
		search = "" // people look for the word, not for the code
	}
	query, args, ok := segments.Seen(in.Field, search, 4*mostSeen)
	if !ok {
		return nil, enishi.FieldError("query.field", "this field has no values to choose from", "この項目には選べる値がありません。")
	}
	out, known := []seenValue{}, map[string]bool{}
	add := func(value string, label Text) {
		if !known[value] && len(out) < mostSeen && offers(value, label, in.Search) {
			known[value] = true
			out = append(out, seenValue{value, label})
		}
	}
	err := a.each(ctx, query, args, func(rows driver.Rows) error {
		var value string
		var n uint64
		if err := rows.Scan(&value, &n); err != nil {
			return err
		}
		label := plain(value)
		if t, ok := titles[value]; ok {
			label = t
		} else if family == "type" {
			label = typeLabel(value)
		} else if t, ok := words[family+"."+value]; ok {
			label = t
		}
		add(value, label)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read seen values: %w", err)
	}
	for _, w := range wordsOf(family) {
		add(w.Value, w.Label)
	}
	return listOf(out), nil
}

// offers reports whether a value is what somebody types.
func offers(value string, label Text, search string) bool {
	search = strings.ToLower(search)
	for _, s := range []string{value, label.JA, label.EN} {
		if strings.Contains(strings.ToLower(s), search) {
			return true
		}
	}
	return false
}

// wordFamily names the words that stand for the codes of a field; empty when its values are words themselves.
func wordFamily(field string) string {
	list, name, _ := strings.Cut(field, ".")
	switch {
	case field == "traits":
		return "trait"
	case field == "orders.status":
		return "order_status"
	case field == "shipments.status":
		return "shipment_status"
	case name == "carrier":
		return "carrier"
	case name == "payment_method":
		return "payment"
	case list == "messages" && name == "channel":
		return "channel"
	case name == "channel":
		return "touchpoint"
	case name == "purpose":
		return "purpose"
	case name == "type":
		return "type"
	case field == "surveys.kind":
		return "survey"
	case field == "gender", field == "traits.gender":
		return "value.gender"
	case field == "language", field == "traits.language":
		return "value.language"
	case field == "risks":
		return "risk"
	}
	return ""
}

// titlesOf are the titles of what a field names; nil when it names no definitions.
func (a *API) titlesOf(field string) map[string]Text {
	kind := map[string]string{"messages.journey": "journey", "messages.template": "template"}[field]
	if kind == "" {
		return nil
	}
	titles := map[string]Text{}
	for _, d := range a.cfg.Definitions.List(kind) {
		if x, ok := a.titles.get(kind, d.Name); ok && !x.title.isZero() {
			titles[d.Name] = x.title
		}
	}
	return titles
}

// wordsOf are all values that have words, as a field offers them before anything was seen.
func wordsOf(family string) []seenValue {
	var all []seenValue
	if family == "" || family == "type" || family == "channel" { // of these a field has a part only
		return all
	}
	for key, label := range words {
		if value, ok := strings.CutPrefix(key, family+"."); ok && value != "" {
			all = append(all, seenValue{value, label})
		}
	}
	slices.SortFunc(all, func(a, b seenValue) int { return cmp.Compare(a.Value, b.Value) })
	return all
}

// kindCode is the kind of a field for programs.
func kindCode(k segments.Kind) string {
	return map[segments.Kind]string{segments.Untyped: "trait", segments.Bool: "flag", segments.Whole: "whole", segments.Money: "money", segments.Decimal: "number",
		segments.Text: "text", segments.Instant: "time", segments.Texts: "texts"}[k]
}

// describe adds what a builder needs to the fields of the page.
func (p *languagePage) describe() {
	kinds := map[string]segments.Kind{}
	for _, f := range segments.Fields() {
		kinds[f.Name] = f.Kind
	}
	lists := map[string]*segments.Collection{}
	for _, l := range segments.Collections() {
		lists[l.Name] = l
		for _, f := range l.Fields {
			kinds[l.Name+"."+f.Name] = f.Kind
		}
	}
	for i := range p.Fields {
		f := &p.Fields[i]
		if l := lists[f.Name]; l != nil && f.Type == "list" {
			f.Kind, f.Max, f.WindowDays = "list", l.Max, int(l.Window.Hours()/24)
			f.Operators = []string{"at_least", "at_most", "exactly", "none", "all", "sum", "avg", "min", "max"}
			continue
		}
		k, known := kinds[f.Name]
		switch {
		case strings.HasPrefix(f.Name, "consent."):
			k = segments.Bool
		case !known:
			k = segments.Untyped
		}
		f.Kind, f.Operators = kindCode(k), segments.Operators(k)
		_, _, f.Values = segments.Seen(f.Name, "", 1)
	}
}
