package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/journeys"
	"enishi/profiles"
)

type placeInput struct {
	NamePath
	Person string `path:"person" maxLength:"64"`
}

type placeOutput struct{ Body placePage }

// placePage is where one person stands in a journey, or why they are not in it.
type placePage struct {
	Person          enishi.ID     `json:"person"`
	Name            string        `json:"name"`
	Sentence        Text          `json:"sentence" doc:"Where they stand, how they left, or why they did not enter: what a service agent can read out."`
	Runs            []placeRun    `json:"runs" doc:"The newest first, at most 20."`
	Decisions       []decisionRow `json:"decisions" doc:"Of this journey, the newest first, at most 50."`
	CompleteThrough time.Time     `json:"complete_through,omitzero"`
}

// placeRun is one way through the journey.
type placeRun struct {
	ID        enishi.ID  `json:"id"`
	Version   int64      `json:"version" doc:"The version that it goes by."`
	Key       string     `json:"key,omitempty"`
	EnteredAt time.Time  `json:"entered_at"`
	Node      string     `json:"node"`
	NodeTitle Text       `json:"node_title"`
	Since     time.Time  `json:"since"`
	WaitUntil time.Time  `json:"wait_until,omitzero"`
	EndedAt   time.Time  `json:"ended_at,omitzero"`
	End       string     `json:"end,omitempty"`
	Trail     []trailRow `json:"trail" doc:"The steps at which it rested or a message was decided, in order; steps between them leave no trace."`
}

type trailRow struct {
	Node string    `json:"node"`
	At   time.Time `json:"at"`
}

const placeRuns = 20

func (a *API) getJourneyPerson(ctx context.Context, in *placeInput) (*placeOutput, error) {
	if _, ok := a.cfg.Definitions.Current("journey", in.Name); !ok {
		return nil, notFound("journey", "ジャーニー")
	}
	p, _, err := a.load(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	out := &placeOutput{placePage{Person: p.ID, Name: nameOf(p.View()).Display}}
	if out.Body.Runs, err = a.placeRuns(ctx, in.Name, p); err != nil {
		return nil, err
	}
	if out.Body.Decisions, err = a.decisions(ctx, p, in.Name, 50); err != nil {
		return nil, err
	}
	if out.Body.Sentence, err = a.placeSentence(ctx, in.Name, p, out.Body.Runs); err != nil {
		return nil, err
	}
	out.Body.CompleteThrough, err = a.through(ctx)
	return out, err
}

// placeRuns reads a person's runs with their trails.
func (a *API) placeRuns(ctx context.Context, name string, p *profiles.Profile) ([]placeRun, error) {
	out := []placeRun{}
	at := map[enishi.ID]int{}
	ids := idList(subjects(p))
	args := []any{named("journey", name)}
	err := a.each(ctx, fmt.Sprintf("SELECT run_id, definition, key, entered_at, toString(node), since, wait_until, ended_at, toString(end) FROM runs FINAL WHERE journey = {journey:String} AND profile_id IN %s ORDER BY ended_at > %s, entered_at DESC, run_id LIMIT %d", ids, never, placeRuns), args,
		func(rows driver.Rows) error {
			r := placeRun{Trail: []trailRow{}}
			var id string
			if err := rows.Scan(&id, &r.Version, &r.Key, &r.EnteredAt, &r.Node, &r.Since, &r.WaitUntil, &r.EndedAt, &r.End); err != nil {
				return err
			}
			r.ID, r.NodeTitle = idOf(id), a.titles.node(name, r.Node)
			r.EnteredAt, r.Since, r.WaitUntil, r.EndedAt = r.EnteredAt.UTC(), r.Since.UTC(), known(r.WaitUntil), known(r.EndedAt)
			at[r.ID] = len(out)
			out = append(out, r)
			return nil
		})
	if err != nil || len(out) == 0 {
		return out, err
	}
	runs := make([]enishi.ID, 0, len(out))
	for i := range out {
		runs = append(runs, out[i].ID)
	}
	err = a.each(ctx, fmt.Sprintf(`SELECT run, n, t FROM (
  SELECT run_id AS run, toString(node) AS n, at AS t, 1 AS rests FROM events FINAL WHERE subject IN %s AND type IN ('journey.entered', 'journey.step', 'journey.exited') AND journey = {journey:String} AND run_id IN %s
  UNION ALL SELECT run_id, toString(node), min(at), 0 FROM decisions FINAL WHERE subject IN %s AND journey = {journey:String} AND run_id IN %s GROUP BY run_id, node) WHERE n != '' ORDER BY t, rests`, ids, idList(runs), ids, idList(runs)), args,
		func(rows driver.Rows) error {
			var id string
			var t trailRow
			if err := rows.Scan(&id, &t.Node, &t.At); err != nil {
				return err
			}
			t.At = t.At.UTC()
			if i, ok := at[idOf(id)]; ok {
				out[i].Trail = append(out[i].Trail, t)
			}
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("read the ways of %s through %s: %w", p.ID, name, err)
	}
	return out, nil
}

// placeSentence says where a person stands, how they left, or why they did not enter.
func (a *API) placeSentence(ctx context.Context, name string, p *profiles.Profile, runs []placeRun) (Text, error) {
	t := a.teller()
	when := func(at time.Time) Text { return timeText(at, t.now, t.zone) }
	for i := range runs {
		r := &runs[i]
		if r.End != "" || !r.EndedAt.IsZero() {
			at, end := when(r.EndedAt), word("run_end", r.End)
			return Text{at.JA + " に終わりました（" + end.JA + "）", "Left " + at.EN + ": " + end.EN}, nil
		}
		since := when(r.Since)
		out := Text{"「" + r.NodeTitle.JA + "」にいます（" + since.JA + " から", "Is at “" + r.NodeTitle.EN + "” since " + since.EN}
		if !r.WaitUntil.IsZero() {
			until := when(r.WaitUntil)
			out.JA, out.EN = out.JA+"、"+until.JA+" まで", out.EN+", until "+until.EN
		}
		out.JA += "）"
		return out, nil
	}
	return a.notEntered(ctx, name, p)
}

// notEntered says why a person has no run: the rule that refused them, else what of the entry is not there.
func (a *API) notEntered(ctx context.Context, name string, p *profiles.Profile) (Text, error) {
	t := a.teller()
	var refused string
	var at time.Time
	err := a.each(ctx, "SELECT reason, at FROM events FINAL WHERE subject IN "+idList(subjects(p))+" AND type = 'journey.refused' AND journey = {journey:String} ORDER BY at DESC LIMIT 1",
		[]any{named("journey", name)}, func(rows driver.Rows) error { return rows.Scan(&refused, &at) })
	if err != nil {
		return Text{}, fmt.Errorf("read refusals: %w", err)
	}
	if refused != "" {
		on, why := timeText(at, t.now, t.zone), t.refusal(refused)
		return Text{on.JA + " に開始条件を満たしましたが、" + why.JA + "始まりませんでした", "Met the entry " + on.EN + " but did not enter because " + why.EN}, nil
	}
	act, ok := a.acting(name)
	begun := a.wentLive(name)
	first, live := a.cfg.Definitions.Version("journey", name, begun)
	if !ok || begun == 0 || !live {
		return Text{"このジャーニーはまだ公開されていないため、始まっていません", "Did not enter: the journey has not been live yet"}, nil
	}
	var d struct {
		Entry journeys.Entry `json:"entry"`
	}
	if err := json.Unmarshal(act.Body, &d); err != nil {
		return Text{}, fmt.Errorf("read journey %s: %w", name, err)
	}
	if d.Entry.Segment != "" {
		return t.outside(&d.Entry, p, first.At), nil
	}
	types := d.Entry.Events
	if d.Entry.Event != "" {
		types = []string{d.Entry.Event}
	}
	if len(types) == 0 {
		return Text{"呼び出されていないため、始まっていません", "Did not enter: nothing has called the journey for this person"}, nil
	}
	e, err := a.lastEvent(ctx, p, types)
	if err != nil {
		return Text{}, err
	}
	return t.unmoved(&d.Entry, types, e, first.At), nil
}

// refusal is the reason of a row of the type journey.refused within a sentence.
func (t *teller) refusal(reason string) Text {
	why, detail, _ := strings.Cut(reason, ":")
	switch {
	case why == "excluded":
		s := t.titles.segment(detail)
		return Text{"除くセグメント「" + s.JA + "」に入っているため", "of the excluded segment “" + s.EN + "”"}
	case why == "reentry" && detail == "never":
		return Text{"一人一度だけのため", "everybody enters once"}
	case why == "reentry":
		d := durationText(strings.TrimPrefix(detail, "after:"))
		return Text{"前回から " + d.JA + "たっていないため", d.EN + " have not passed since the last time"}
	}
	w := word("refused", why)
	return Text{w.JA + "ため", "of this: " + w.EN}
}

// outside says why nobody has taken a person into a journey for a segment.
func (t *teller) outside(e *journeys.Entry, p *profiles.Profile, live time.Time) Text {
	s := t.titles.segment(e.Segment)
	i := slices.IndexFunc(p.Memberships, func(m profiles.Membership) bool { return m.Segment == e.Segment })
	switch {
	case e.Entered != nil && !*e.Entered && i >= 0:
		return Text{"セグメント「" + s.JA + "」からまだ出ていないため、始まっていません", "Did not enter: is still in the segment “" + s.EN + "”"}
	case e.Entered != nil && !*e.Entered:
		return Text{"公開してから、セグメント「" + s.JA + "」を出たことがないため、始まっていません", "Did not enter: has not left the segment “" + s.EN + "” since the journey went live"}
	case i < 0:
		return Text{"セグメント「" + s.JA + "」に入っていないため、始まっていません", "Did not enter: is not in the segment “" + s.EN + "”"}
	case p.Memberships[i].Since.Before(live) && !e.PeopleIn && !e.Sweep:
		return Text{"公開の前からセグメント「" + s.JA + "」に入っていたため、始まっていません（始まるのは、公開の後に入った人です）", "Did not enter: was in the segment “" + s.EN + "” before the journey went live, and only who enters it afterwards begins"}
	}
	return Text{"開始条件に合わなかったため、始まっていません", "Did not enter: the entry did not apply"}
}

// unmoved says why no event has taken a person in; e is their newest of the types, nil when there is none.
func (t *teller) unmoved(entry *journeys.Entry, types []string, e *enishi.Event, live time.Time) Text {
	var ja, en []string
	for _, typ := range types {
		w := word("type", typ)
		ja, en = append(ja, w.JA), append(en, w.EN)
	}
	what := Text{"「" + strings.Join(ja, "・") + "」", "“" + strings.Join(en, ", ") + "”"}
	if e == nil {
		return Text{"きっかけの" + what.JA + "がまだないため、始まっていません", "Did not enter: there has been no " + what.EN + " of this person"}
	}
	at := timeText(e.At, t.now, t.zone)
	switch {
	case e.Historical:
		return Text{"きっかけの" + what.JA + "（" + at.JA + "）は取り込んだ過去の記録のため、始まりませんでした", "Did not enter: " + what.EN + " of " + at.EN + " was imported as history"}
	case e.Time.Before(live):
		return Text{"きっかけの" + what.JA + "が最後にあったのは公開の前（" + at.JA + "）のため、始まっていません", "Did not enter: the last " + what.EN + " was " + at.EN + ", before the journey went live"}
	case entry.Where != "":
		return Text{at.JA + " の" + what.JA + "は、さらに付けた条件に合わなかったため、始まりませんでした", "Did not enter: " + what.EN + " of " + at.EN + " did not meet the further condition"}
	}
	return Text{at.JA + " の" + what.JA + "は、開始条件に合わなかったため、始まりませんでした", "Did not enter: the entry did not apply to " + what.EN + " of " + at.EN}
}

// lastEvent is a person's newest event of some types, nil when there is none.
func (a *API) lastEvent(ctx context.Context, p *profiles.Profile, types []string) (*enishi.Event, error) {
	types = slices.Clone(types)
	sort.Strings(types)
	var out *enishi.Event
	err := a.each(ctx, "SELECT subject, appended_at, historical, record FROM events FINAL WHERE subject IN "+idList(subjects(p))+" AND has(splitByChar(',', {types:String}), type) AND record != '' ORDER BY historical, at DESC, event_id DESC LIMIT 1",
		[]any{named("types", strings.Join(types, ","))}, func(rows driver.Rows) error {
			var subject, record string
			var appended time.Time
			var historical uint8
			if err := rows.Scan(&subject, &appended, &historical, &record); err != nil {
				return err
			}
			out = &enishi.Event{}
			if err := enishi.DecodeEvent(out, []byte(record)); err != nil {
				return err
			}
			out.Subject, out.Time, out.Historical = idOf(subject), appended.UTC(), historical == 1
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("read the last %s: %w", strings.Join(types, ", "), err)
	}
	return out, nil
}
