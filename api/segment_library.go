package api

import (
	"errors"
	"slices"
	"strings"

	"enishi"
	"enishi/internal/pipeline"
	"enishi/journeys"
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

// checkTakers compiles the segments and journeys that take in something with the library as it is to be.
func (a *API) checkTakers(kind, name string, after segments.Library) error {
	for _, d := range a.takers(kind, name) {
		_, err := took(&d, kind, after)
		var e *enishi.Error
		if errors.As(err, &e) {
			refused := refusal(enishi.Invalid, "the "+d.Kind+" "+d.Name+" names this one and would break: "+e.Msg, "これを参照している"+takerJA(d.Kind)+"「"+d.Name+"」が使えなくなります: "+e.MsgJA)
			refused.Field = "expression"
			return refused
		}
	}
	return nil
}

// takerJA is the kind of what takes things in, in Japanese.
func takerJA(kind string) string {
	if kind == segments.KindSegment {
		return "セグメント"
	}
	return "ジャーニー"
}

// took compiles a segment or a journey and lists what its conditions take in of a kind.
func took(d *enishi.Definition, kind string, l segments.Library) ([]string, error) {
	if d.Kind == segments.KindSegment {
		s, err := l.Compile(d.Name, d.Version, d.Body)
		if err != nil {
			return nil, err
		}
		return s.Took(kind), nil
	}
	j, err := journeys.Compile(d.Name, d.Version, d.Body, l)
	if err != nil {
		return nil, err
	}
	return j.Took(kind), nil
}

// takers are the segments and journeys whose conditions take in something of a kind, also by way of others; segments first.
// An archived journey needs nothing more.
func (a *API) takers(kind, name string) []enishi.Definition {
	var out []enishi.Definition
	a.eachTaken(kind, func(d *enishi.Definition, taken []string) {
		if (d.Kind != kind || d.Name != name) && slices.Contains(taken, name) {
			out = append(out, *d)
		}
	})
	return out
}

// eachTaken tells what the conditions of each segment and journey take in of a kind; segments first.
func (a *API) eachTaken(kind string, do func(d *enishi.Definition, taken []string)) {
	l := a.library()
	for _, d := range slices.Concat(a.cfg.Definitions.List(segments.KindSegment), a.cfg.Definitions.List("journey")) {
		if d.Kind == "journey" && headOf(&d).State == "archived" || !slices.ContainsFunc(takerMarks, func(mark string) bool { return strings.Contains(string(d.Body), mark) }) {
			continue
		}
		if names, err := took(&d, kind, l); err == nil {
			do(&d, names)
		}
	}
}

// takerMarks are what the text of a condition has that takes something in, and of a broadcast to a list.
var takerMarks = []string{"in_segment", "in_list", `"list":`, "rank", "top", "rfm_", "distance"}

// takerNames are the names of takers.
func (a *API) takerNames(kind, name string) []string {
	out := []string{}
	for _, d := range a.takers(kind, name) {
		out = append(out, d.Name)
	}
	return out
}

// checkUntaken refuses to delete what conditions take in: they could not be read any more.
func (a *API) checkUntaken(kind, name string) error {
	var en, ja []string
	for _, d := range a.takers(kind, name) {
		en, ja = append(en, d.Kind+" "+d.Name), append(ja, takerJA(d.Kind)+" "+d.Name)
	}
	if len(en) == 0 {
		return nil
	}
	return refusal(enishi.Conflict, "conditions name this one: "+strings.Join(en, ", ")+". Change them first.",
		"条件から参照されているため削除できません（"+strings.Join(ja, "、")+"）。先にそれらを変更してください。")
}
