package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/channels"
)

// BlockRow is a shared block in a list.
type BlockRow struct {
	Name      string    `json:"name"`
	Title     Text      `json:"title"`
	Languages []string  `json:"languages"`
	Version   int64     `json:"version"`
	UpdatedAt time.Time `json:"updated_at"`
	UsedIn    []string  `json:"used_in" doc:"Names of templates."`
}

// block finds the current version of a shared block.
func (a *API) block(name string) ([]byte, int64, bool) {
	d, ok := a.cfg.Definitions.Current("block", name)
	return d.Body, d.Version, ok
}

// templatesWith are the templates whose current version takes in a block, by name.
func (a *API) templatesWith(block string) []enishi.Definition {
	var out []enishi.Definition
	for _, d := range a.cfg.Definitions.List("template") {
		if slices.Contains(channels.BlocksOf(d.Body), block) {
			out = append(out, d)
		}
	}
	return out
}

func (a *API) blockRow(d *enishi.Definition) BlockRow {
	var b struct {
		Variants map[string]json.RawMessage `json:"variants"`
	}
	if json.Unmarshal(d.Body, &b) != nil {
		b.Variants = nil
	}
	row := BlockRow{d.Name, definitionTitle(d), sortedKeys(b.Variants), d.Version, d.At, []string{}}
	for _, t := range a.templatesWith(d.Name) {
		row.UsedIn = append(row.UsedIn, t.Name)
	}
	return row
}

func (a *API) listBlocks(ctx context.Context, _ *struct{}) (*listOutput[BlockRow], error) {
	out := listOf([]BlockRow{})
	for _, d := range a.cfg.Definitions.List("block") {
		out.Body.Items = append(out.Body.Items, a.blockRow(&d))
	}
	return out, nil
}

type blockOutput struct{ Body blockPage }

// blockPage is a shared block with its content and versions.
type blockPage struct {
	BlockRow
	Definition json.RawMessage `json:"definition"`
	History    []VersionRow    `json:"history"`
}

func (a *API) getBlock(ctx context.Context, in *NamePath) (*blockOutput, error) {
	d, ok := a.cfg.Definitions.Current("block", in.Name)
	if !ok {
		return nil, notFound("block", "共通パーツ")
	}
	return &blockOutput{blockPage{a.blockRow(&d), d.Body, a.versions("block", in.Name)}}, nil
}

func (a *API) saveBlock(ctx context.Context, in *templateInput) (*writtenOutput, error) {
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	w, err := a.putBlock(ctx, in.Name, in.Body.Definition, in.Body.Expect, in.Body.Reason)
	return &writtenOutput{w}, err
}

// putBlock saves a block unless a template could not be read with it: it acts in all of them at once.
func (a *API) putBlock(ctx context.Context, name string, body json.RawMessage, expect int64, reason string) (Written, error) {
	var text bytes.Buffer
	if err := json.Indent(&text, body, "", "  "); err != nil {
		return Written{}, enishi.FieldError("body.definition", "is no JSON", "JSON にしてください。")
	}
	if err := channels.CheckBlock(name, text.Bytes()); err != nil {
		return Written{}, err
	}
	blocks := func(other string) ([]byte, int64, bool) {
		if other == name {
			return body, 0, true
		}
		return a.block(other)
	}
	for _, t := range a.templatesWith(name) {
		if err := channels.CheckTemplate(t.Name, t.Body, blocks); err != nil {
			var e *enishi.Error
			if !errors.As(err, &e) {
				return Written{}, err
			}
			return Written{}, &enishi.Error{Code: enishi.Conflict, Field: "body.definition", Msg: "the template " + t.Name + " could not be read with it: " + e.Msg,
				MsgJA: "この内容では、テンプレート「" + t.Name + "」を表示できなくなります: " + e.MsgJA}
		}
	}
	return a.save(ctx, enishi.Definition{Kind: "block", Name: name, Expect: expect, Body: compact(body), Reason: reason})
}

func (a *API) deleteBlock(ctx context.Context, in *deleteInput) (*writtenOutput, error) {
	if _, ok := a.cfg.Definitions.Current("block", in.Name); !ok {
		return nil, notFound("block", "共通パーツ")
	}
	var users []string
	for _, t := range a.templatesWith(in.Name) {
		users = append(users, t.Name)
	}
	if len(users) > 0 { // they could not be read any more
		all := strings.Join(users, ", ")
		return nil, refusal(enishi.Conflict, "templates take this block in: "+all+". Change them first.", "テンプレートで使われているため削除できません（"+all+"）。先にそれらを変更してください。")
	}
	w, err := a.save(ctx, enishi.Definition{Kind: "block", Name: in.Name, Expect: in.Expect, Deleted: true, Reason: in.Reason})
	return &writtenOutput{w}, err
}

// deleteTemplate deletes a template that no journey needs: its people would get nothing.
func (a *API) deleteTemplate(ctx context.Context, in *deleteInput) (*writtenOutput, error) {
	if _, ok := a.cfg.Definitions.Current("template", in.Name); !ok {
		return nil, notFound("template", "テンプレート")
	}
	if users := a.repliesWith(in.Name); len(users) > 0 {
		all := strings.Join(users, ", ")
		return nil, refusal(enishi.Conflict, "automatic replies send this template: "+all+". Change them first.", "自動応答で使われているため削除できません（"+all+"）。先にそれらを変更してください。")
	}
	if users := a.usersOf(in.Name); len(users) > 0 {
		all := strings.Join(users, ", ")
		return nil, refusal(enishi.Conflict, "journeys send this template: "+all+". Change them first.", "ジャーニーで使われているため削除できません（"+all+"）。先にそれらを変更してください。")
	}
	w, err := a.save(ctx, enishi.Definition{Kind: "template", Name: in.Name, Expect: in.Expect, Deleted: true, Reason: in.Reason})
	return &writtenOutput{w}, err
}
