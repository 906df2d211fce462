package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"enishi"
	"enishi/internal/pipeline"
)

// sweepRow is an evaluation of segments for everybody, as it stands over all partitions.
type sweepRow struct {
	ID       string     `json:"id"`
	Segments []sweptRow `json:"segments"`
	State    string     `json:"state" enum:"running,waiting,paused,cancelled" doc:"waiting: an older one goes first."`
	Done     int64      `json:"done" doc:"Steps, as of."`
	Of       int64      `json:"of"`
	People   int64      `json:"people" doc:"Evaluated so far."`
	Rate     float64    `json:"rate" doc:"People a second while it ran; 0 while that is not known."`
	Left     int64      `json:"seconds_left" doc:"While it runs, at this rate; 0 while that is not known."`
	Since    time.Time  `json:"since"`
}

type sweptRow struct {
	Name  string `json:"name"`
	Title Text   `json:"title"`
}

// staleRow is why a segment's members may be others than its expression says.
type staleRow struct {
	Code string `json:"code" enum:"broken,cancelled,paused,sweeping,behind"`
	Text Text   `json:"text"`
}

// sweeping is the setting that says which sweeps stand still, and its version.
func (a *API) sweeping() (s pipeline.Sweeping, version int64) {
	d, ok := a.cfg.Definitions.Current("setting", pipeline.SweepingName)
	if !ok || json.Unmarshal(d.Body, &s) != nil {
		return pipeline.Sweeping{}, d.Version
	}
	return s, d.Version
}

func (a *API) listSweeps(ctx context.Context, _ *struct{}) (*listOutput[sweepRow], error) {
	p, err := a.progress(ctx, isFresh(ctx))
	if err != nil {
		return nil, err
	}
	held, _ := a.sweeping()
	rows := p.sweepRows(&held)
	for i := range rows {
		for k := range rows[i].Segments {
			s := &rows[i].Segments[k]
			s.Title = a.titles.segment(s.Name)
		}
	}
	out := listOf(rows)
	out.Body.CompleteThrough = p.Through
	return out, nil
}

// sweepRows joins what the partitions say, the oldest sweep first.
func (p *progress) sweepRows(held *pipeline.Sweeping) []sweepRow {
	rows := []sweepRow{}
	var left []time.Duration // until the slowest partition is done
	place := map[string]int{}
	for n := range p.Markers {
		first := true
		for _, s := range p.Markers[n].sweeps {
			if s.Journey+s.Renewed != "" {
				continue // a broadcast, or a journey that takes people over
			}
			i, known := place[s.ID]
			if !known {
				i = len(rows)
				place[s.ID] = i
				rows, left = append(rows, sweepRow{ID: s.ID, State: "waiting", Since: s.Since}), append(left, 0)
			}
			r := &rows[i]
			r.add(&s)
			if !held.Holds(s.ID) {
				if first {
					r.State = "running"
				}
				first = false
			}
			if s.Busy > 0 && s.Next > 0 {
				r.Rate += float64(s.People) / s.Busy.Seconds()
				left[i] = max(left[i], s.Busy*time.Duration(buckets-s.Next)/time.Duration(s.Next))
			}
		}
	}
	for i := range rows {
		r := &rows[i]
		r.Of = buckets * int64(len(p.Markers))
		r.Done = r.Of - r.Done // what is left, so far
		switch {
		case slices.Contains(held.Cancelled, r.ID):
			r.State = "cancelled"
		case slices.Contains(held.Paused, r.ID):
			r.State = "paused"
		}
		if r.State == "running" {
			r.Left = int64(left[i].Round(time.Second).Seconds())
		}
	}
	slices.SortFunc(rows, func(x, y sweepRow) int { return cmp.Or(x.Since.Compare(y.Since), strings.Compare(x.ID, y.ID)) })
	return rows
}

// add takes one partition's share in; Done counts what is left.
func (r *sweepRow) add(s *pipeline.Sweep) {
	r.Done += int64(buckets - s.Next)
	r.People += s.People
	if s.Since.Before(r.Since) {
		r.Since = s.Since
	}
	for _, name := range s.Segments {
		if !slices.ContainsFunc(r.Segments, func(x sweptRow) bool { return x.Name == name }) {
			r.Segments = append(r.Segments, sweptRow{Name: name})
		}
	}
}

type sweepInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

func (in *sweepInput) reason() string {
	if in.Body == nil {
		return ""
	}
	return in.Body.Reason
}

func (a *API) pauseSweep(ctx context.Context, in *sweepInput) (*writtenOutput, error) {
	return a.steerSweep(ctx, in, func(s *pipeline.Sweeping) { s.Paused = append(s.Paused, in.ID) })
}

func (a *API) resumeSweep(ctx context.Context, in *sweepInput) (*writtenOutput, error) {
	return a.steerSweep(ctx, in, func(s *pipeline.Sweeping) {
		s.Paused = slices.DeleteFunc(s.Paused, func(id string) bool { return id == in.ID })
	})
}

func (a *API) cancelSweep(ctx context.Context, in *sweepInput) (*writtenOutput, error) {
	return a.steerSweep(ctx, in, func(s *pipeline.Sweeping) {
		s.Paused = slices.DeleteFunc(s.Paused, func(id string) bool { return id == in.ID })
		s.Cancelled = append(s.Cancelled, in.ID)
	})
}

// steerSweep changes the setting about a sweep that is open.
func (a *API) steerSweep(ctx context.Context, in *sweepInput, change func(*pipeline.Sweeping)) (*writtenOutput, error) {
	markers, err := a.markers(ctx)
	if err != nil {
		return nil, err
	}
	p := &progress{Markers: markers}
	held, version := a.sweeping()
	i := slices.IndexFunc(p.sweepRows(&held), func(r sweepRow) bool { return r.ID == in.ID })
	switch {
	case i < 0:
		return nil, notFound("open sweep", "実行中の再計算")
	case slices.Contains(held.Cancelled, in.ID):
		return nil, refusal(enishi.Conflict, "this sweep is cancelled: sweep its segments again", "この再計算は中止されています。もう一度計算する場合は、セグメントを再計算してください。")
	}
	change(&held)
	return a.saveSweeping(ctx, p, held, version, in.reason())
}

type resweepInput struct {
	NamePath
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

// sweepSegment has everybody evaluated anew.
func (a *API) sweepSegment(ctx context.Context, in *resweepInput) (*writtenOutput, error) {
	if _, ok := a.cfg.Definitions.Current("segment", in.Name); !ok {
		return nil, notFound("segment", "セグメント")
	}
	markers, err := a.markers(ctx)
	if err != nil {
		return nil, err
	}
	held, version := a.sweeping()
	if held.Again == nil {
		held.Again = map[string]int64{}
	}
	held.Again[in.Name]++
	reason := ""
	if in.Body != nil {
		reason = in.Body.Reason
	}
	return a.saveSweeping(ctx, &progress{Markers: markers}, held, version, reason)
}

// saveSweeping saves the setting without what is over: sweeps that all partitions are done with, segments that are gone.
func (a *API) saveSweeping(ctx context.Context, p *progress, s pipeline.Sweeping, version int64, reason string) (*writtenOutput, error) {
	over := func(id string) bool {
		number, _ := strconv.ParseInt(strings.TrimPrefix(id, pipeline.SweepPrefix), 10, 64)
		for n := range p.Markers {
			m := &p.Markers[n]
			if m.definitions < number || slices.ContainsFunc(m.sweeps, func(s pipeline.Sweep) bool { return s.ID == id }) {
				return false
			}
		}
		return true
	}
	slices.Sort(s.Paused)
	s.Paused, s.Cancelled = slices.DeleteFunc(slices.Compact(s.Paused), over), slices.DeleteFunc(s.Cancelled, over)
	for name := range s.Again {
		if _, there := a.cfg.Definitions.Current("segment", name); !there {
			delete(s.Again, name)
		}
	}
	body, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	w, err := a.save(ctx, enishi.Definition{Kind: "setting", Name: pipeline.SweepingName, Expect: version, Body: body, Reason: reason})
	return &writtenOutput{w}, err
}

// behindFrom is how far behind the clock facts are when it is worth a word.
const behindFrom = time.Minute

// stale says why a segment's members may not be what its expression says; nil: they are.
func (a *API) stale(p *progress, d *enishi.Definition, at *sweepProgress, held *pipeline.Sweeping) *staleRow {
	if _, err := a.library().Compile(d.Name, d.Version, d.Body); err != nil {
		return &staleRow{"broken", Text{"条件式にエラーがあるため計算されていません", "its condition does not compile, so it is not evaluated"}}
	}
	if at != nil {
		state := "sweeping"
		for n := range p.Markers {
			for _, s := range p.Markers[n].sweeps {
				switch {
				case !slices.Contains(s.Segments, d.Name):
				case slices.Contains(held.Cancelled, s.ID):
					state = "cancelled"
				case slices.Contains(held.Paused, s.ID) && state == "sweeping":
					state = "paused"
				}
			}
		}
		percent := 100 * at.Done / max(at.Of, 1)
		return &staleRow{state, map[string]Text{
			"sweeping":  {fmt.Sprintf("全員を再計算中です（%d%%）", percent), fmt.Sprintf("everybody is being evaluated anew, %d %%", percent)},
			"paused":    {fmt.Sprintf("再計算は %d%% で一時停止中です", percent), fmt.Sprintf("the evaluation of everybody is paused at %d %%", percent)},
			"cancelled": {fmt.Sprintf("再計算は %d%% で中止されました", percent), fmt.Sprintf("the evaluation of everybody was cancelled at %d %%", percent)},
		}[state]}
	}
	if behind := a.now().Sub(p.Through); !p.Through.IsZero() && behind >= behindFrom {
		n := int(behind.Minutes())
		return &staleRow{"behind", Text{fmt.Sprintf("データの取り込みが %d 分遅れています", n), fmt.Sprintf("what arrives is %d min behind", n)}}
	}
	return nil
}
