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
	for _, d := range a.namers(name) {
		var e *enishi.Error
		if _, err := after.Compile(d.Name, d.Version, d.Body); errors.As(err, &e) {
			refused := refusal(enishi.Invalid, "the segment "+d.Name+" names this one and would break: "+e.Msg, "このセグメントを参照している「"+d.Name+"」が使えなくなります: "+e.MsgJA)
			refused.Field = "expression"
			return refused
		}
	}
	return nil
}

// namers are the segments that take in the condition of a segment, also by way of others.
func (a *API) namers(name string) []enishi.Definition {
	var out []enishi.Definition
	for _, d := range a.cfg.Definitions.List("segment") {
		if d.Name == name || !strings.Contains(string(d.Body), "in_segment") {
			continue
		}
		if s, err := a.library().Compile(d.Name, d.Version, d.Body); err == nil && slices.Contains(s.Took(segments.KindSegment), name) {
			out = append(out, d)
		}
	}
	return out
}
