package api

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"enishi"
	"enishi/segments"
	"enishi/segments/audiences"
)

// segmentUse is a definition that names a segment.
type segmentUse struct {
	Kind   string `json:"kind" enum:"journey,segment,audience"`
	Name   string `json:"name"`
	Title  Text   `json:"title"`
	Status string `json:"status,omitempty" doc:"Of a journey."`
	Where  []Text `json:"where" doc:"In which parts of it."`
}

func (a *API) listSegmentUses(ctx context.Context, in *NamePath) (*listOutput[segmentUse], error) {
	if _, ok := a.cfg.Definitions.Current("segment", in.Name); !ok {
		return nil, notFound("segment", "セグメント")
	}
	return listOf(a.uses(in.Name)), nil
}

// uses are the journeys whose current version names a segment, the segments and journeys that take in its condition by way
// of others, and the audiences that are made of it.
func (a *API) uses(segment string) []segmentUse {
	out := []segmentUse{}
	for _, d := range a.cfg.Definitions.List("journey") {
		if where := partsNaming(d.Body, segment); len(where) > 0 {
			h := headOf(&d)
			out = append(out, segmentUse{"journey", d.Name, a.titles.journey(d.Name), h.State, where})
		}
	}
	for _, d := range a.takers(segments.KindSegment, segment) {
		use := segmentUse{Kind: "segment", Name: d.Name, Title: a.titles.segment(d.Name), Where: []Text{{"条件", "condition"}}}
		if d.Kind == "journey" {
			if slices.ContainsFunc(out, func(u segmentUse) bool { return u.Kind == "journey" && u.Name == d.Name }) {
				continue
			}
			use.Kind, use.Title, use.Status = d.Kind, a.titles.journey(d.Name), headOf(&d).State
		}
		out = append(out, use)
	}
	for _, d := range a.cfg.Definitions.List(audiences.Kind) {
		if def, err := audienceOf(&d); err == nil && def.Segment == segment {
			out = append(out, segmentUse{Kind: audiences.Kind, Name: d.Name, Title: Text{def.Title, def.Title}, Where: []Text{{"広告オーディエンス", "ad audience"}}})
		}
	}
	return out
}

// partsNaming are the parts of a journey that name a segment, in a fixed order.
func partsNaming(definition json.RawMessage, segment string) []Text {
	var parts map[string]json.RawMessage
	var nodes map[string]json.RawMessage
	if json.Unmarshal(definition, &parts) != nil {
		return nil
	}
	_ = json.Unmarshal(parts["nodes"], &nodes) // not an object: it names nothing
	delete(parts, "nodes")
	names := func(body json.RawMessage) bool { return slices.Contains(segmentNames(body), segment) }
	var out []Text
	for _, p := range [...]struct {
		key   string
		label Text
	}{{"entry", Text{"開始条件", "entry"}}, {"exit_on", Text{"離脱条件", "exit"}}, {"goal", Text{"目標", "goal"}}} {
		if names(parts[p.key]) {
			out = append(out, p.label)
		}
		delete(parts, p.key)
	}
	wait, branch, other := false, false, false
	for _, body := range nodes {
		var n struct {
			Type string `json:"type"`
		}
		_ = json.Unmarshal(body, &n)
		if !names(body) {
			continue
		}
		switch n.Type {
		case "wait":
			wait = true
		case "branch":
			branch = true
		default:
			other = true
		}
	}
	for _, body := range parts {
		other = other || names(body)
	}
	for _, p := range [...]struct {
		is    bool
		label Text
	}{{wait, Text{"待つ", "wait"}}, {branch, Text{"分ける（条件）", "branch"}}, {other, Text{"その他", "elsewhere"}}} {
		if p.is {
			out = append(out, p.label)
		}
	}
	return out
}

var segmentCall = regexp.MustCompile(`\bin_segment\(\s*["']([a-z][a-z0-9_-]*)["']`)

// calledSegments are the segments that an expression asks membership of.
func calledSegments(expression string) []string {
	var out []string
	for _, m := range segmentCall.FindAllStringSubmatch(expression, -1) {
		out = append(out, m[1])
	}
	return out
}

// checkUnused refuses to delete a segment that conditions take in, and one that a journey or an audience uses that the caller has not been shown.
func (a *API) checkUnused(segment, confirmed string) error {
	if err := a.checkUntaken(segments.KindSegment, segment); err != nil {
		return err
	}
	if slices.Contains(a.noEmoji(), segment) {
		return refusal(enishi.Conflict, "its members get no emoji (no_emoji of the setting journeys): take it out there first", "「絵文字を使わない方」に選ばれています。先にそちらから外してください。")
	}
	seen := strings.Split(confirmed, ",")
	var missing []segmentUse
	for _, u := range a.uses(segment) {
		if !slices.Contains(seen, u.Name) {
			missing = append(missing, u)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	var en, ja, names []string
	for _, u := range missing {
		en, ja, names = append(en, u.Title.EN), append(ja, "「"+u.Title.JA+"」"), append(names, u.Name)
	}
	return refusal(enishi.Conflict, fmt.Sprintf("it is used by %s; to delete it all the same give used_by=%s", strings.Join(en, ", "), strings.Join(names, ",")),
		strings.Join(ja, "")+"で使われています。それでも削除するには、使用先を確認してから削除してください。")
}
