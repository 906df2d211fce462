package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/internal/simulation"
	"enishi/journeys"
)

const (
	expectedDays = 90 // of history that are counted
	expectedFrom = 7  // days of history below which nothing is said: a week has every weekday
	monthDays    = 30
)

type journeyExpectedInput struct {
	NamePath
	Body struct {
		Definition json.RawMessage `json:"definition,omitempty" required:"false" doc:"A draft, as it stands on the canvas; only its entry is read. Instead of version."`
		Version    int64           `json:"version,omitempty" minimum:"0" doc:"A saved version; the newest unless said."`
	}
}

type journeyExpectedOutput struct{ Body journeyExpected }

// journeyExpected is how many entries a month a journey may expect, from the workspace's own history.
type journeyExpected struct {
	PerMonth *int64 `json:"per_month,omitempty" doc:"In 30 days. Absent: it cannot be said."`
	Days     int    `json:"days" doc:"Of history behind it, up to 90; below 7 nothing is said of an entry that follows from history."`
	Exact    bool   `json:"exact" doc:"What was counted is what would have entered; false: a share of the people stands for all, or a rule of re-entry may let fewer in."`
	Sentence Text   `json:"sentence"`
}

// expectedJourney counts what began a journey's runs, or would have, over the last 90 days. Imported facts count too: they start
// nothing, but say how often it happens.
func (a *API) expectedJourney(ctx context.Context, in *journeyExpectedInput) (*journeyExpectedOutput, error) {
	body := []byte(in.Body.Definition)
	if len(body) == 0 {
		d, ok := a.cfg.Definitions.Current("journey", in.Name)
		if ok && in.Body.Version > 0 {
			d, ok = a.cfg.Definitions.Version("journey", in.Name, in.Body.Version)
		}
		if !ok {
			return nil, notFound("journey", "ジャーニー")
		}
		body = d.Body
	}
	var d struct {
		Entry journeys.Entry `json:"entry"`
	}
	if err := json.Unmarshal(body, &d); err != nil {
		return nil, enishi.FieldError("body.definition", "its entry cannot be read: "+err.Error(), "開始条件を読み取れません: "+err.Error())
	}
	e := &d.Entry
	var out journeyExpected
	var err error
	switch types := slices.DeleteFunc(append([]string{e.Event}, e.Events...), func(t string) bool { return t == "" }); {
	case e.Sweep:
		out, err = a.expectedSweep(ctx, e)
	case e.Segment != "":
		out, err = a.expectedMoves(ctx, e)
	case e.Date != "":
		out, err = a.expectedDates(ctx, e)
	case len(types) > 0:
		out, err = a.expectedEvents(ctx, e, types)
	case e.Called:
		out.Sentence = Text{JA: "ほかのジャーニーなどから呼ばれた人が始めます。人数は前もって分かりません。", EN: "People come when another journey or the API calls it: how many cannot be foretold."}
	default:
		out.Sentence = Text{JA: "開始のきっかけがまだ決まっていません。", EN: "What begins it is not chosen yet."}
	}
	if err != nil {
		return nil, fmt.Errorf("count the entries that %s may expect: %w", in.Name, err)
	}
	return &journeyExpectedOutput{out}, nil
}

// expectedKeys are the keys of runs that the table of events has a column for.
func expectedKeys() []string { return []string{"order_id", "shipment_id", "product_id", "store_id"} }

func (a *API) expectedEvents(ctx context.Context, e *journeys.Entry, types []string) (journeyExpected, error) {
	unit, exact := "tuple(person)", true
	_, key, _ := strings.Cut(e.Key, ".")
	if key == "" {
		key = e.Key
	}
	switch column := slices.Contains(expectedKeys(), key) && !strings.HasPrefix(e.Key, "properties."); {
	case column:
		unit = "(person, " + key + ")"
	case e.Key != "":
		exact = false // people are counted, of whom some have several
	}
	switch {
	case e.Reentry == "always" && e.Key == "":
		unit = "tuple(event_id)"
	case e.Reentry != "never":
		// Whoever may come again counts once in each 30 days.
		unit, exact = "("+unit+", intDiv({now:Int64} - toUnixTimestamp64Milli(at), "+strconv.Itoa(monthDays*24*3600*1000)+"))", false
	}
	var n uint64
	var first, began time.Time
	args := []any{millis("now", a.now()), named("types", strings.Join(types, ","))}
	err := a.one(ctx, "SELECT uniqExactIf("+unit+", "+expectedSpan+"), min(at) FROM ("+expectedPeople+"has(splitByChar(',', {types:String}), e.type) AND e.at <= fromUnixTimestamp64Milli({now:Int64}))", args, &n, &first)
	if err != nil {
		return journeyExpected{}, err
	}
	persons := e.Key == "" && e.Reentry != "always"
	if e.Where != "" && n > 0 {
		x, err := a.playedEntries(ctx, e, "has(splitByChar(',', {types:String}), e.type)", args)
		if err != nil || x != nil {
			return a.expectedAfter(x, first, e, persons), err
		}
	}
	if n == 0 { // it never happened, in so much of history
		if err := a.one(ctx, "SELECT min(at) FROM events WHERE "+expectedSpan, args[:1], &began); err != nil {
			return journeyExpected{}, err
		}
		first = began
	}
	return a.expected(int64(n), first, e, exact, persons), nil
}

// expectedPeople begins a query for events with the people whose they are.
const expectedPeople = `
SELECT if(i.subject = e.subject, i.profile_id, e.subject) AS person, e.event_id AS event_id, e.at AS at, e.order_id AS order_id, e.shipment_id AS shipment_id, e.product_id AS product_id, e.store_id AS store_id
FROM events AS e LEFT JOIN (SELECT subject, any(profile_id) AS profile_id FROM identifiers FINAL GROUP BY subject) AS i ON i.subject = e.subject
WHERE `

// expectedPlayed is how many people stand for all where an entry has a condition.
const expectedPlayed = 1000

// played is how many entries there would have been behind a condition; whole: everybody was looked at.
type played struct {
	entries int64
	whole   bool
}

// playedEntries lets the engine itself decide who would have entered: an entry with its condition, and nothing behind it, is tried on the
// people whom an event of the days could have let in; a thousand of them stand for all. It is nil where the condition does not compile yet.
func (a *API) playedEntries(ctx context.Context, e *journeys.Entry, cond string, args []any) (*played, error) {
	var people []enishi.ID
	var all uint64
	from := "FROM (" + expectedPeople + cond + ") WHERE " + expectedSpan
	err := a.one(ctx, "SELECT uniqExact(person) "+from, args, &all)
	if err == nil {
		err = a.each(ctx, "SELECT person FROM (SELECT DISTINCT person "+from+") ORDER BY cityHash64(person) LIMIT "+strconv.Itoa(expectedPlayed), args, func(rows driver.Rows) error {
			var id string
			err := rows.Scan(&id)
			people = append(people, idOf(id))
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(people, enishi.ID.Compare)
	entry := *e
	if entry.Reentry == "after_exit" { // it ends at once here: as it is counted without a condition, once in a month
		entry.Reentry = "after:30d"
	}
	body, err := json.Marshal(journeys.Definition{Title: journeys.Text{JA: "開始", EN: "Entry"}, Purpose: "transactional", Consent: "not_refused", Entry: entry, Start: "out",
		Nodes: map[string]*journeys.Node{"out": {Type: "exit"}}})
	if err != nil {
		return nil, err
	}
	now := a.now().UTC()
	n, err := a.lab.Entries(ctx, &simulation.Request{Journey: enishi.Definition{Kind: "journey", Name: "expected", Body: body}, Definitions: a.cfg.Definitions.Until(a.cfg.Definitions.Next()),
		From: now.AddDate(0, 0, -expectedDays), To: now, People: people})
	var wrong journeys.Problems
	if errors.As(err, &wrong) {
		return nil, nil
	}
	x := &played{entries: n, whole: len(people) == int(all)}
	if !x.whole {
		x.entries = int64(float64(n)*float64(all)/float64(len(people)) + 0.5)
	}
	return x, err
}

// expectedAfter says what was counted behind the condition.
func (a *API) expectedAfter(x *played, first time.Time, e *journeys.Entry, persons bool) journeyExpected {
	if x == nil {
		return journeyExpected{}
	}
	entry := *e
	entry.Where = ""
	return a.expected(x.entries, first, &entry, x.whole && (e.Reentry == "never" || e.Reentry == "always"), persons)
}

// expectedSpan holds for rows of the days that are counted.
const expectedSpan = "at > fromUnixTimestamp64Milli({now:Int64}) - INTERVAL 90 DAY AND at <= fromUnixTimestamp64Milli({now:Int64})"

// expectedMoves counts who came into a segment, or left it. Those whom the sweep of a new version found in it count as nobody.
func (a *API) expectedMoves(ctx context.Context, e *journeys.Entry) (journeyExpected, error) {
	typ := enishi.TypeSegmentEntered
	if e.Entered != nil && !*e.Entered {
		typ = enishi.TypeSegmentLeft
	}
	unit := "event_id"
	if e.Reentry == "never" {
		unit = "subject"
	}
	var n uint64
	var first time.Time
	err := a.one(ctx, "SELECT uniqExactIf("+unit+", type = {type:String} AND historical = 0 AND "+expectedSpan+"), min(at) FROM events WHERE type IN ('segment.entered', 'segment.left') AND segment = {segment:String}",
		[]any{named("type", typ), named("segment", e.Segment), millis("now", a.now())}, &n, &first)
	if err != nil {
		return journeyExpected{}, err
	}
	if e.Where != "" && n > 0 {
		x, err := a.playedEntries(ctx, e, "e.type = {type:String} AND e.historical = 0 AND e.segment = {segment:String}", []any{named("type", typ), named("segment", e.Segment), millis("now", a.now())})
		if err != nil || x != nil {
			return a.expectedAfter(x, first, e, e.Reentry == "never"), err
		}
	}
	return a.expected(int64(n), first, e, e.Reentry == "never" || e.Reentry == "always", e.Reentry == "never"), nil
}

// expected says what was counted since an instant. persons: each person was counted once.
func (a *API) expected(n int64, first time.Time, e *journeys.Entry, exact, persons bool) journeyExpected {
	out := journeyExpected{Exact: exact && e.Where == ""}
	if now := a.now(); first.Unix() > 0 && first.Before(now) {
		out.Days = min(int(now.Sub(first)/(24*time.Hour)), expectedDays)
	}
	if out.Days < expectedFrom {
		out.Exact = false
		out.Sentence = Text{JA: "まだ履歴が足りません（7 日分から人数の目安を出します）。", EN: "There is not enough history yet: an estimate needs 7 days."}
		return out
	}
	month := (n*monthDays + int64(out.Days)/2) / int64(out.Days)
	out.PerMonth = &month
	ja, en, most := " 人", " people", ""
	if !persons {
		ja, en = " 件", " entries"
	}
	if e.Where != "" {
		most = "、条件で絞る前の数"
	}
	number, days := strconv.FormatInt(month, 10), strconv.Itoa(out.Days)
	switch {
	case n == 0:
		out.Sentence = Text{JA: "直近 " + days + " 日には 1 人もいませんでした。", EN: "Nobody would have entered in the last " + days + " days."}
		return out
	case month == 0:
		out.Sentence = Text{JA: "月に 1" + ja + "未満（直近 " + days + " 日から" + most + "）", EN: "fewer than 1 a month (from the last " + days + " days"}
	default:
		out.Sentence = Text{JA: "月に約 " + number + ja + "（直近 " + days + " 日から" + most + "）", EN: "about " + number + en + " a month (from the last " + days + " days"}
	}
	if e.Where != "" {
		out.Sentence.EN += ", before its condition"
	}
	out.Sentence.EN += ")"
	return out
}

// expectedDates counts the people who have the date: of one that returns each year, a month has a twelfth of them.
func (a *API) expectedDates(ctx context.Context, e *journeys.Entry) (journeyExpected, error) {
	const value = "traits[{trait:String}]"
	cond := value + " != ''"
	if !e.Yearly {
		day := "toDate(parseDateTimeBestEffortOrZero(" + value + "))"
		today := "toDate(fromUnixTimestamp64Milli({now:Int64}))"
		cond = day + " >= " + today + " AND " + day + " < " + today + " + " + strconv.Itoa(monthDays)
	}
	n, after, err := a.countEntering(ctx, e, cond, named("trait", e.Date), millis("now", a.now()))
	if err != nil {
		return journeyExpected{}, err
	}
	ja, en := "この日付が 30 日以内に来る人から", "from the people whose date comes within 30 days"
	if e.Yearly {
		ja, en = fmt.Sprintf("この日付がある %d 人の 12 分の 1", n), fmt.Sprintf("a twelfth of the %d who have the date", n)
		n = (n + 6) / 12
	}
	if e.Where != "" && !after {
		ja, en = ja+"、条件で絞る前の数", en+", before its condition"
	}
	return journeyExpected{PerMonth: &n, Sentence: Text{JA: fmt.Sprintf("月に約 %d 人（%s）", n, ja), EN: fmt.Sprintf("about %d people a month (%s)", n, en)}}, nil
}

// expectedSweep counts whom a campaign is for now, for each time that it begins in the next 30 days.
func (a *API) expectedSweep(ctx context.Context, e *journeys.Entry) (journeyExpected, error) {
	cond, args := (&broadcastBody{Segment: e.Segment, List: e.List, Again: e.Again}).target()
	n, _, err := a.countEntering(ctx, e, cond, args...)
	if err != nil {
		return journeyExpected{}, err
	}
	if e.Schedule == nil {
		return journeyExpected{Sentence: Text{JA: fmt.Sprintf("1 回だけ、いまの対象は %d 人です。", n), EN: fmt.Sprintf("Once; it is for %d people as of now.", n)}}, nil
	}
	set, now := a.journeySettings(), a.now()
	times := int64(0)
	for at := e.Schedule.Next(now, set); !at.IsZero() && at.Before(now.AddDate(0, 0, monthDays)); at = e.Schedule.Next(at, set) {
		times++
	}
	month := n * times
	return journeyExpected{PerMonth: &month, Sentence: Text{JA: fmt.Sprintf("月に約 %d 件（いまの対象 %d 人 × 30 日に %d 回）", month, n, times),
		EN: fmt.Sprintf("about %d entries a month (%d people as of now, %d times in 30 days)", month, n, times)}}, nil
}

// countEntering counts people for whom the condition of an entry without an event holds now; after is false where it does not compile yet,
// and does not count.
func (a *API) countEntering(ctx context.Context, e *journeys.Entry, cond string, args ...any) (n int64, after bool, err error) {
	if e.Where != "" {
		if s, at, err := a.target(&SegmentTarget{Expression: e.Where}); err == nil {
			query, more := s.SQL(at)
			cond, args, after = "("+cond+") AND profile_id IN (SELECT profile_id FROM (\n"+query+"))", append(args, more...), true
		}
	}
	err = a.bounded(ctx, func(ctx context.Context) error {
		n, err = a.countPeople(ctx, cond, args...)
		return err
	})
	return n, after, err
}

func (a *API) countPeople(ctx context.Context, cond string, args ...any) (int64, error) {
	var n uint64
	err := a.one(ctx, "SELECT count() FROM people FINAL WHERE "+cond, args, &n)
	return int64(n), err
}
