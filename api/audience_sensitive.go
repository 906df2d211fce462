package api

import (
	"encoding/json"
	"fmt"

	"enishi"
	"enishi/segments"
	"enishi/segments/audiences"
)

// sensitive is that a segment may not be told for what it is about.
type sensitive struct{ error }

func (s *sensitive) Unwrap() error { return s.error }

// checkSensitive refuses what may not be told to a platform, by the names, titles and descriptions of the audience, of the segment, and of the segments, lists and rankings
// that its condition takes in, and by those conditions.
func (a *API) checkSensitive(audience string, def *audiences.Definition) error {
	d, ok := a.cfg.Definitions.Current(segments.KindSegment, def.Segment)
	if !ok {
		return enishi.FieldError("body.segment", "there is no segment "+def.Segment, "「"+def.Segment+"」というセグメントはありません。")
	}
	s, err := a.library().Compile(d.Name, d.Version, d.Body)
	if err != nil {
		return enishi.FieldError("body.segment", "its condition does not compile", "セグメントの条件式にエラーがあります。先に直してください。")
	}
	texts := []string{audience, def.Title}
	for _, kind := range []string{segments.KindSegment, segments.KindList, segments.KindRanking} {
		names := s.Took(kind)
		if kind == segments.KindSegment {
			names = append(names, def.Segment)
		}
		for _, name := range names {
			texts = append(texts, name)
			var body any
			if d, ok := a.cfg.Definitions.Current(kind, name); ok && json.Unmarshal(d.Body, &body) == nil {
				texts = append(texts, textsOf(body)...)
			}
		}
	}
	var marked []string
	for name, m := range a.traitsSetting() {
		if m.Sensitive {
			marked = append(marked, name)
		}
	}
	if found := audiences.Sensitive(texts, marked); len(found) > 0 {
		return &sensitive{enishi.FieldError("body.segment", fmt.Sprintf("the segment is about “%s” (%s): such people are not told to advertising platforms (要配慮個人情報, and the platforms' own rules)", found[0].Text, found[0].Law),
			fmt.Sprintf("セグメントが「%s」に関わるため、広告媒体には送れません（要配慮個人情報、媒体の規約）。", found[0].Text))}
	}
	return nil
}

// textsOf are all texts of a body.
func textsOf(body any) (out []string) {
	switch x := body.(type) {
	case string:
		out = []string{x}
	case []any:
		for _, v := range x {
			out = append(out, textsOf(v)...)
		}
	case map[string]any:
		for k, v := range x {
			if k != "owner" && k != "folder" {
				out = append(out, textsOf(v)...)
			}
		}
	}
	return out
}
