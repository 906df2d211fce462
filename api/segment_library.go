package api

import (
	"errors"
	"slices"
	"strings"

	"enishi"
	"enishi/internal/pipeline"
	"enishi/segments"
)

// library is what expressions may name, as it is defined now.
func (a *API) library() segments.Library {
	return pipeline.Library(a.cfg.Definitions.Current)
}

// checkSegment compiles what a segment is to be, and those that name it with it in its place.
func (a *API) checkSegment(name string, body []byte) error {
	if _, err := a.library().Compile(name, 0, body); err != nil {
		return err
	}
	b, err := segments.ParseBody(body)
	if err != nil {
		return err
	}
	after := a.library()
	now := after.Segment
	after.Segment = func(other string) (string, bool) {
		if other == name {
			return b.Expression, true
		}
		return now(other)
	}
	return a.checkTakers(segments.KindSegment, name, after)
}

// checkTakers compiles the segments that take in something with the library as it is to be.
func (a *API) checkTakers(kind, name string, after segments.Library) error {
	for _, d := range a.takers(kind, name) {
		var e *enishi.Error
		if _, err := after.Compile(d.Name, d.Version, d.Body); errors.As(err, &e) {
			refused := refusal(enishi.Invalid, "the segment "+d.Name+" names this one and would break: "+e.Msg, "これを参照しているセグメント「"+d.Name+"」が使えなくなります: "+e.MsgJA)
			refused.Field = "expression"
			return refused
		}
	}
	return nil
}

// takers are the segments that take in something of a kind, also by way of others.
func (a *API) takers(kind, name string) []enishi.Definition {
	var out []enishi.Definition
	l := a.library()
	for _, d := range a.cfg.Definitions.List(segments.KindSegment) {
		if kind == segments.KindSegment && d.Name == name || !slices.ContainsFunc(takerMarks, func(mark string) bool { return strings.Contains(string(d.Body), mark) }) {
			continue
		}
		if s, err := l.Compile(d.Name, d.Version, d.Body); err == nil && slices.Contains(s.Took(kind), name) {
			out = append(out, d)
		}
	}
	return out
}

// takerMarks are what the text of a segment has that takes something in.
var takerMarks = []string{"in_segment", "in_list", "rank(", "top(", "rank (", "top (", "rfm_"}

// checkUntaken refuses to delete what segments take in: their conditions could not be read any more.
func (a *API) checkUntaken(kind, name string) error {
	var names []string
	for _, d := range a.takers(kind, name) {
		names = append(names, d.Name)
	}
	if len(names) == 0 {
		return nil
	}
	all := strings.Join(names, ", ")
	return refusal(enishi.Conflict, "segments name this one: "+all+". Change them first.", "セグメントから参照されているため削除できません（"+all+"）。先にそれらを変更してください。")
}
