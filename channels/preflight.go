package channels

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"enishi"
	"enishi/channels/lint"
)

// Objection is what a provider would not take of a message, before it is sent.
type Objection struct {
	Place string // in the messages: messages[0].template.actions[1].uri; empty: the message as a whole
	Text  string // the provider's own words
}

// Preflight has every language of a LINE template checked by LINE itself, filled in for a made-up person. ask is LINE's
// check; its error means that nobody was asked, which is a finding too, but one that stops nothing. Of a mail there is
// nothing to ask.
func (r *Renderer) Preflight(ctx context.Context, name string, body []byte, variables func(language string) (string, error),
	ask func(ctx context.Context, way string, messages json.RawMessage) ([]Objection, error)) ([]Finding, error) {
	var b templateBody
	if err := decodeBody(body, &b); err != nil || b.Channel != "line" {
		return nil, err
	}
	t, err := compileTemplate(r.engine, r.block, name, body)
	if err != nil {
		return nil, err
	}
	var out []Finding
	for _, lang := range t.languages {
		vars, err := variables(lang)
		if err != nil {
			return nil, err
		}
		got, err := r.fill(t, &enishi.Message{Template: name, Channel: b.Channel, Purpose: b.Purpose, Language: lang, Variables: vars}, how{choice: 0, blanks: true})
		if err != nil {
			return nil, err
		}
		way := "push"
		if b.Purpose == marketing {
			way = "multicast"
		}
		found, err := ask(ctx, way, got.Messages)
		if err != nil {
			return append(out, unasked()), nil // the other languages would wait for the same
		}
		for _, o := range found {
			f := lint.Finding{Code: "line.refused", Severity: lint.Error, Part: "variants." + lang + "." + o.place(), Excerpt: o.Text, Text: o.Words(),
				Fix: lint.Text{JA: "この箇所を直してください。", EN: "Mend this place."}}
			out = append(out, Finding{Finding: f, Override: b.override(&f)})
		}
	}
	return out, nil
}

func unasked() Finding {
	return Finding{Finding: lint.Finding{Code: "line.unchecked", Severity: lint.Warning,
		Text: lint.Text{JA: "LINE に接続できないため、LINE 側の事前チェックはしていません。", EN: "LINE could not be asked, so it has not checked this message."},
		Fix:  lint.Text{JA: "接続できるときに、もう一度確認してください。", EN: "Check again when LINE can be reached."}}}
}

func (o *Objection) place() string {
	if o.Place == "" {
		return "messages"
	}
	return o.Place
}

// lineWords are LINE's words that have a translation. What is not here is quoted.
var lineWords = []struct {
	pattern *regexp.Regexp
	ja      string
}{
	{regexp.MustCompile(`^May not be empty$|^must be specified$|^must be non-empty text$`), "入力してください"},
	{regexp.MustCompile(`^Length must be between (\d+) and (\d+)$`), "$1〜$2 文字にしてください"},
	{regexp.MustCompile(`^(?:Size|size) must be between (\d+) and (\d+)$`), "$1〜$2 にしてください"},
	{regexp.MustCompile(`^must be between (\S+) and (\S+)$`), "$1〜$2 にしてください"},
	{regexp.MustCompile(`^invalid uri$`), "URL が正しくありません"},
	{regexp.MustCompile(`^invalid uri scheme$`), "この種類の URL は使えません"},
	{regexp.MustCompile(`^invalid property$`), "値が正しくありません"},
	{regexp.MustCompile(`^unknown field$`), "LINE が知らない項目です"},
	{regexp.MustCompile(`^Must be one of the following values: \[(.*)\]$`), "次のどれかにしてください: $1"},
}

// Words say it in both languages.
func (o *Objection) Words() lint.Text {
	ja := o.Text
	for _, k := range lineWords {
		if k.pattern.MatchString(o.Text) {
			ja = k.pattern.ReplaceAllString(o.Text, k.ja)
			break
		}
	}
	return lint.Text{JA: fmt.Sprintf("LINE はこのメッセージを受け付けません: %s。", strings.TrimSuffix(ja, "。")), EN: fmt.Sprintf("LINE would not take this message: %s.", strings.TrimSuffix(o.Text, "."))}
}
