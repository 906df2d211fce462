package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"sort"

	"enishi/segments"
)

// definitionKinds are the kinds of definitions that files may hold, in the order in which they can be saved: each names those before it.
func definitionKinds() []string {
	return []string{"setting", "mapping", "filepull", "store", "list", "words", "block", "template", "reply", "ranking", "segment", "richmenu", "bulk_export", "audience", "journey", "stream"}
}

type applyCommand struct {
	client
	Reason string   `help:"Why; kept with each version." placeholder:"TEXT"`
	Paths  []string `arg:"" help:"Definition files or folders of them."`
}

// Run saves what is not as it is in the server already.
func (c *applyCommand) Run(ctx context.Context, s streams) error {
	api := c.in(s)
	all, err := readInOrder(c.Paths)
	if err != nil {
		return err
	}
	for i := range all {
		d := &all[i]
		if err := d.prepare(ctx, s, all); err != nil {
			return err
		}
		if d.Reason == "" {
			d.Reason = c.Reason
		}
		now, err := api.saved(ctx, d.Kind, d.Name)
		if err != nil {
			return d.placed(fmt.Errorf("%s %s: %w", d.Kind, d.Name, err), s.japanese())
		}
		if now.is(d) {
			fmt.Fprintf(s.out, "unchanged %s %s\n", d.Kind, d.Name)
			continue
		}
		if err := d.stale(now, s.japanese()); err != nil {
			return err
		}
		if err := api.putOver(ctx, d, now.Version); err != nil {
			return d.placed(fmt.Errorf("%s %s: %w", d.Kind, d.Name, err), s.japanese())
		}
		fmt.Fprintf(s.out, "saved %s %s\n", d.Kind, d.Name)
	}
	return nil
}

// readInOrder reads the definitions of files and folders in the order in which they can be saved. Of segments those come first that
// others name, of journeys those that others start.
func readInOrder(paths []string) ([]definitionFile, error) {
	var all []definitionFile
	for _, path := range paths {
		ds, err := readDefinitions(path)
		if err != nil {
			return nil, err
		}
		all = append(all, ds...)
	}
	uses := map[string]int{}
	for i := range all {
		if all[i].Kind == "segment" {
			if s, err := all[i].segment(all); err == nil {
				uses[all[i].Name] = len(s.Took(segments.KindSegment))
			}
		}
	}
	order := map[string]int{}
	for i, kind := range definitionKinds() {
		order[kind] = i
	}
	starts := startDepths(all)
	sort.SliceStable(all, func(i, j int) bool {
		a, b := &all[i], &all[j]
		if c := cmp.Compare(order[a.Kind], order[b.Kind]); c != 0 || a.Kind != "segment" && a.Kind != "journey" {
			return c < 0
		}
		if a.Kind == "journey" {
			return starts[a.Name] < starts[b.Name]
		}
		return uses[a.Name] < uses[b.Name]
	})
	return all, nil
}

// startDepths tells of each journey how many others stand behind it on the longest way of starting one another.
func startDepths(all []definitionFile) map[string]int {
	next := map[string][]string{}
	for i := range all {
		body, _ := all[i].Body.(map[string]any)
		nodes, _ := body["nodes"].(map[string]any)
		for _, n := range nodes {
			if node, _ := n.(map[string]any); node["type"] == "start" || node["type"] == "leave" {
				name, _ := node["journey"].(string)
				next[all[i].Name] = append(next[all[i].Name], name)
			}
		}
	}
	depths := map[string]int{}
	var depth func(name string, seen map[string]bool) int
	depth = func(name string, seen map[string]bool) int {
		if seen[name] { // they start each other: one of them goes live later
			return 0
		}
		seen[name] = true
		defer delete(seen, name)
		deepest := 0
		for _, to := range next[name] {
			deepest = max(deepest, depth(to, seen)+1)
		}
		return deepest
	}
	for name := range next {
		depths[name] = depth(name, map[string]bool{})
	}
	return depths
}

// prepare makes a definition of a file what is sent, and checks what the server does not.
func (d *definitionFile) prepare(ctx context.Context, s streams, all []definitionFile) error {
	if err := d.withHTML(ctx); err != nil {
		return err
	}
	if body, ok := d.Body.(map[string]any); ok && d.Kind == "journey" && body["state"] == nil {
		body = maps.Clone(body)
		body["state"] = "live" // as the server takes it
		d.Body = body
	}
	if d.Kind != "segment" && d.Kind != "template" && d.Kind != "journey" { // the server checks these: they may name what it has
		if err := d.check(all, nil); err != nil {
			return d.placed(err, s.japanese())
		}
	}
	return nil
}

// stale says that the server's version is another than the one from which the file was exported.
func (d *definitionFile) stale(now *savedDefinition, japanese bool) error {
	if d.Version == 0 || d.Version == now.Version {
		return nil
	}
	en := fmt.Sprintf("somebody else saved version %d since version %d, from which this file was exported", now.Version, d.Version)
	ja := fmt.Sprintf("このファイルを書き出した版（%d）のあとに、別の人が新しい版（%d）を保存しています", d.Version, now.Version)
	if now.Version == 0 {
		en, ja = fmt.Sprintf("it was deleted since version %d, from which this file was exported", d.Version), fmt.Sprintf("このファイルを書き出した版（%d）のあとに削除されています", d.Version)
	}
	if japanese {
		en = ja + "。enishi diff で違いを確認し、書き出し直すか、上書きするなら version の行を消してください"
	} else {
		en += ": look at it by enishi diff, then export it again, or take the line version out to save over it"
	}
	return fmt.Errorf("%s:%d: %s %s: %s", d.file, d.lineOf("version"), d.Kind, d.Name, en)
}

// savedDefinition is a definition as a server has it; Version 0: it has none.
type savedDefinition struct {
	Version int64
	Body    json.RawMessage
}

// saved reads the newest version of a definition.
func (c *client) saved(ctx context.Context, kind, name string) (*savedDefinition, error) {
	out := &savedDefinition{}
	err := c.call(ctx, "GET", definitionPath(kind, name), nil, out)
	var refused *refusedError
	if errors.As(err, &refused) && refused.status == http.StatusNotFound {
		return &savedDefinition{}, nil
	}
	return out, err
}

// is tells whether a file says what is saved.
func (x *savedDefinition) is(d *definitionFile) bool {
	have, want, err := sides(x.Body, d.Body)
	return err == nil && x.Version > 0 && reflect.DeepEqual(have, want)
}

// sides are what is saved and what a file says, in one form.
func sides(saved json.RawMessage, body any) (have, want any, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, nil, err
	}
	if len(saved) > 0 {
		err = json.Unmarshal(saved, &have)
	}
	return have, want, errors.Join(err, json.Unmarshal(text, &want))
}

func definitionPath(kind, name string) string {
	return "/definitions/" + url.PathEscape(kind) + "/" + url.PathEscape(name)
}

// put saves a definition over its current version, whatever that is.
func (c *client) put(ctx context.Context, d *definitionFile) error { return c.putOver(ctx, d, -1) }

// putOver saves a definition over a version; 0: there is none, -1: whatever it is.
func (c *client) putOver(ctx context.Context, d *definitionFile, expect int64) error {
	return c.call(ctx, "PUT", definitionPath(d.Kind, d.Name), map[string]any{"body": d.Body, "expect": expect, "reason": d.Reason}, nil)
}
