package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"enishi"
	"enishi/channels"
	"enishi/channels/lint"
)

type wordsRow struct {
	Name     string      `json:"name"`
	Title    Text        `json:"title"`
	Use      string      `json:"use" enum:"claim,offer,subject,paid,unwritten"`
	Severity string      `json:"severity" enum:"error,warning"`
	Words    []lint.Word `json:"words"`
	Version  int64       `json:"version" doc:"0: as it comes with the product."`
	Shipped  bool        `json:"shipped" doc:"A list of this name comes with the product: it acts again when the shop's own is deleted."`
	UsedIn   []string    `json:"used_in" doc:"Templates whose texts have a word of it, overridden ones too."`
}

func (a *API) listWords(ctx context.Context, _ *struct{}) (*listOutput[wordsRow], error) {
	shipped, err := shippedWords()
	if err != nil {
		return nil, err
	}
	used := map[string][]string{}
	for _, t := range a.cfg.Definitions.List("template") {
		names, err := a.cfg.Renderer.WordsIn(t.Body)
		if err != nil {
			continue // from a foreign writer: its page says what is wrong
		}
		for _, name := range names {
			used[name] = append(used[name], t.Name)
		}
	}
	out := listOf([]wordsRow{})
	for _, l := range a.cfg.Renderer.WordLists() {
		d, _ := a.cfg.Definitions.Current("words", l.Name)
		row := wordsRow{l.Name, Text(l.Title), l.Use, l.Severity, l.Words, d.Version, shipped[l.Name], used[l.Name]}
		if row.UsedIn == nil {
			row.UsedIn = []string{}
		}
		out.Body.Items = append(out.Body.Items, row)
	}
	return out, nil
}

// shippedWords are the names of the lists that come with the product.
func shippedWords() (map[string]bool, error) {
	lists, err := lint.Lists()
	if err != nil {
		return nil, fmt.Errorf("read the lists of words: %w", err)
	}
	names := map[string]bool{}
	for _, l := range lists {
		names[l.Name] = true
	}
	return names, nil
}

// putWords saves a list of words. It decides what may be sent, so it needs an approver.
func (a *API) putWords(ctx context.Context, name string, body json.RawMessage, expect int64, reason string) (Written, error) {
	if err := a.mayChangeWords(ctx); err != nil {
		return Written{}, err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, body, "", "  "); err != nil {
		return Written{}, enishi.FieldError("body.body", "is no JSON", "JSON にしてください。")
	}
	if err := channels.CheckWords(name, text.Bytes()); err != nil {
		return Written{}, err
	}
	return a.save(ctx, enishi.Definition{Kind: "words", Name: name, Expect: expect, Body: compact(body), Reason: reason})
}

func (a *API) mayChangeWords(ctx context.Context) error {
	if callOf(ctx).caller.role.includes(approver) {
		return nil
	}
	return refusal(enishi.Denied, "to change the words of the check needs the role approver", "チェックする言葉の変更には「承認者」の権限が必要です。")
}

// deleteWords deletes a list of the shop's own; where one of the name comes with the product, that one acts again.
func (a *API) deleteWords(ctx context.Context, in *deleteInput) (*writtenOutput, error) {
	if err := a.mayChangeWords(ctx); err != nil {
		return nil, err
	}
	if _, ok := a.cfg.Definitions.Current("words", in.Name); !ok {
		shipped, err := shippedWords()
		if err != nil {
			return nil, err
		}
		if shipped[in.Name] {
			return nil, refusal(enishi.Conflict, "the list is as it comes with the product; to do without it, save one of this name with the words that matter", "この一覧は製品に付属のままなので削除できません。使わない場合は、必要な言葉だけにして保存してください。")
		}
		return nil, notFound("list of words", "言葉の一覧")
	}
	w, err := a.save(ctx, enishi.Definition{Kind: "words", Name: in.Name, Expect: in.Expect, Deleted: true, Reason: in.Reason})
	return &writtenOutput{w}, err
}
