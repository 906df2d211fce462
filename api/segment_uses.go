package api

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"enishi"
	"enishi/segments"
	"enishi/segments/audiences"
)

// segmentUse is a definition that names a segment.
type segmentUse struct {
	Kind   string `json:"kind" enum:"journey,campaign,segment,audience"`
	Name   string `json:"name"`
	Title  Text   `json:"title"`
	Status string `json:"status,omitempty" doc:"Of a journey or a campaign."`
	Where  []Text `json:"where" doc:"In which parts of it."`
}

// usesMemo keeps what uses segments as of the definitions up to an offset.
type usesMemo struct {
	mu   sync.Mutex
	next int64
	by   map[string][]segmentUse
}

func (a *API) listSegmentUses(ctx context.Context, in *NamePath) (*listOutput[segmentUse], error) {
	if _, ok := a.cfg.Definitions.Current("segment", in.Name); !ok {
		return nil, notFound("segment", "セグメント")
	}
	return listOf(a.uses(in.Name)), nil
}

// uses are the journeys and campaigns whose current version names a segment, the segments and journeys that take in its condition by way
// of others, and the audiences that are made of it.
func (a *API) uses(segment string) []segmentUse {
	m := &a.segmentUses
	m.mu.Lock()
	defer m.mu.Unlock()
	if next := a.cfg.Definitions.Next(); m.by == nil || m.next != next {
		m.next, m.by = next, a.allUses()
	}
	return append([]segmentUse{}, m.by[segment]...)
}

// journeyUse is a journey that names a segment.
func (a *API) journeyUse(d *enishi.Definition, where []Text) segmentUse {
	kind := "journey"
	if _, ok := broadcastOf(d); ok {
		kind = "campaign"
	}
	return segmentUse{kind, d.Name, a.titles.journey(d.Name), headOf(d).State, where}
}

func (a *API) allUses() map[string][]segmentUse {
	out := map[string][]segmentUse{}
	add := func(segment string, u segmentUse) { out[segment] = append(out[segment], u) }
	direct := map[[2]string]bool{} // segment and journey
	for _, d := range a.cfg.Definitions.List("journey") {
		for _, segment := range slices.Compact(slices.Sorted(slices.Values(append(segmentNames(d.Body), excludedSegments(d.Body)...)))) {
			if where := partsNaming(d.Body, segment); len(where) > 0 {
				direct[[2]string{segment, d.Name}] = true
				add(segment, a.journeyUse(&d, where))
			}
		}
	}
	condition := []Text{{"条件", "condition"}}
	a.eachTaken(segments.KindSegment, func(d *enishi.Definition, taken []string) {
		for _, segment := range taken {
			switch {
			case d.Kind == segments.KindSegment && d.Name != segment:
				add(segment, segmentUse{Kind: "segment", Name: d.Name, Title: a.titles.segment(d.Name), Where: condition})
			case d.Kind == "journey" && !direct[[2]string{segment, d.Name}]:
				add(segment, a.journeyUse(d, condition))
			}
		}
	})
	for _, d := range a.cfg.Definitions.List(audiences.Kind) {
		if def, err := audienceOf(&d); err == nil {
			add(def.Segment, segmentUse{Kind: audiences.Kind, Name: d.Name, Title: Text{def.Title, def.Title}, Where: []Text{{"広告オーディエンス", "ad audience"}}})
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
	if slices.Contains(excludedSegments(definition), segment) {
		out = append(out, Text{"除く人", "left out"})
	}
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

// excludedSegments are those whose people a campaign leaves out.
func excludedSegments(definition json.RawMessage) []string {
	var d struct {
		Entry struct {
			Exclude []string `json:"exclude"`
		} `json:"entry"`
	}
	if json.Unmarshal(definition, &d) != nil {
		return nil
	}
	return d.Entry.Exclude
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
