package api

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
)

// sizeDays is how far back the list of segments shows sizes.
const sizeDays = 30

// moves is who went in and out of a segment in a stretch of time.
type moves struct{ entered, left, initial int64 }

// stretch is one step of a history of sizes: to is exclusive.
type stretch struct{ from, to time.Time }

// stretches divides from..to into hours or days; the last one ends at to, the first begins where a day or an hour does.
func stretches(from, to time.Time, step string, zone *time.Location) []stretch {
	local := from.In(zone)
	y, m, d := local.Date()
	hour := 0
	if step == "hour" {
		hour = local.Hour()
	}
	var out []stretch
	for at := time.Date(y, m, d, hour, 0, 0, 0, zone); at.Before(to); {
		next := at.Add(time.Hour)
		if step == "day" {
			y, m, d := at.Date()
			next = time.Date(y, m, d+1, 0, 0, 0, 0, zone)
		}
		end := next
		if end.After(to) {
			end = to
		}
		out = append(out, stretch{at, end})
		at = next
	}
	return out
}

// since counts who went in and out of segments (all of them, or one) from an instant until now: moves[segment][i] are those of
// parts[i], after[segment] those after the last. An event that was written twice counts once.
func (a *API) since(ctx context.Context, segment string, parts []stretch) (within map[string][]moves, after map[string]moves, err error) {
	edges := make([]int64, len(parts))
	for i := range parts {
		edges[i] = parts[i].to.UnixMilli()
	}
	where, args := "", []any{millis("from", parts[0].from)}
	if segment != "" {
		where, args = " AND segment = {segment:String}", append(args, named("segment", segment))
	}
	within, after = map[string][]moves{}, map[string]moves{}
	err = a.each(ctx, "SELECT toString(segment) AS s, toUInt32(arrayCount(e -> e <= toUnixTimestamp64Milli(at), "+wholes(edges)+`)) AS part, uniqExactIf(event_id, type = 'segment.entered'),
  uniqExactIf(event_id, type = 'segment.left'), uniqExactIf(event_id, type = 'segment.entered' AND historical = 1)
FROM events WHERE at >= fromUnixTimestamp64Milli({from:Int64}) AND type IN ('segment.entered', 'segment.left')`+where+" GROUP BY s, part", args,
		func(rows driver.Rows) error {
			var name string
			var part uint32
			var entered, left, initial uint64
			if err := rows.Scan(&name, &part, &entered, &left, &initial); err != nil {
				return err
			}
			m := moves{int64(entered), int64(left), int64(initial)}
			if int(part) >= len(parts) {
				after[name] = m
				return nil
			}
			if within[name] == nil {
				within[name] = make([]moves, len(parts))
			}
			within[name][part] = m
			return nil
		})
	if err != nil {
		return nil, nil, fmt.Errorf("count who entered and left: %w", err)
	}
	return within, after, nil
}

// wholes writes numbers as an array of SQL.
func wholes(numbers []int64) string {
	b := []byte{'['}
	for i, n := range numbers {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, "toInt64(%d)", n)
	}
	return string(append(b, ']'))
}

// backward is the size at the end of each part, from the size now: who entered since was not in it, who left was.
func backward(now int64, parts []moves, after moves) []int64 {
	out := make([]int64, len(parts))
	size := now - after.entered + after.left
	for i := len(parts) - 1; i >= 0; i-- {
		out[i] = max(size, 0)
		size += parts[i].left - parts[i].entered
	}
	return out
}

// memberCounts is how many people are in each segment.
func (a *API) memberCounts(ctx context.Context) (map[string]int64, error) {
	members := map[string]int64{}
	err := a.each(ctx, "SELECT toString(segment), count() FROM memberships FINAL GROUP BY segment", nil, func(rows driver.Rows) error {
		var name string
		var n uint64
		err := rows.Scan(&name, &n)
		members[name] = int64(n)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count members: %w", err)
	}
	return members, nil
}

// recentSizes are the sizes of all segments at the end of each of the last days, today's being now.
func (a *API) recentSizes(ctx context.Context) (map[string][]int64, error) {
	now := a.now()
	parts := stretches(now.AddDate(0, 0, 1-sizeDays), now.Add(time.Millisecond), "day", a.zone())
	members, err := a.memberCounts(ctx)
	if err != nil {
		return nil, err
	}
	within, after, err := a.since(ctx, "", parts)
	if err != nil {
		return nil, err
	}
	out := map[string][]int64{}
	for name, m := range within {
		out[name] = backward(members[name], m, after[name])
	}
	for name, n := range members {
		if out[name] == nil { // nobody came or went
			out[name] = backward(n, make([]moves, len(parts)), moves{})
		}
	}
	return out, nil
}

type sizesInput struct {
	NamePath
	RangeQuery
	Step string `query:"step" enum:"hour,day" default:"day"`
}

type sizesOutput struct{ Body sizesPage }

// sizesPage is the size of a segment over time.
type sizesPage struct {
	Members         int64         `json:"members" doc:"Now."`
	Step            string        `json:"step" enum:"hour,day"`
	Series          []sizePoint   `json:"series"`
	Versions        []sizeVersion `json:"versions" doc:"Published in this time: the condition changed there."`
	CompleteThrough time.Time     `json:"complete_through"`
}

type sizePoint struct {
	At      time.Time `json:"at" doc:"Where the hour or the day begins."`
	Size    int64     `json:"size" doc:"At its end; computed back from the size now by who entered and left since."`
	Entered int64     `json:"entered"`
	Left    int64     `json:"left"`
	Initial int64     `json:"initial" doc:"Of entered: found by applying a version to everybody, not by something that happened."`
}

type sizeVersion struct {
	At      time.Time `json:"at"`
	Version int64     `json:"version"`
	Actor   string    `json:"actor"`
}

// maxSizePoints bounds an answer.
const maxSizePoints = 800

func (a *API) getSegmentSizes(ctx context.Context, in *sizesInput) (*sizesOutput, error) {
	if _, ok := a.cfg.Definitions.Current("segment", in.Name); !ok {
		return nil, notFound("segment", "セグメント")
	}
	through, err := a.through(ctx)
	if err != nil {
		return nil, err
	}
	now := a.now()
	r := in.of(now.Add(time.Millisecond))
	unit := 24 * time.Hour
	if in.Step == "hour" {
		unit = time.Hour
	}
	if !r.From.Before(r.To) || r.To.Sub(r.From) > maxSizePoints*unit {
		return nil, enishi.FieldError("query.from", fmt.Sprintf("from must be before to, and at most %d steps", maxSizePoints), fmt.Sprintf("開始は終了より前で、%d 区切り以内にしてください。", maxSizePoints))
	}
	parts := stretches(r.From, r.To, in.Step, a.zone())
	var members uint64
	if err := a.one(ctx, "SELECT count() FROM memberships FINAL WHERE segment = {segment:String}", []any{named("segment", in.Name)}, &members); err != nil {
		return nil, fmt.Errorf("count members: %w", err)
	}
	within, after, err := a.since(ctx, in.Name, parts)
	if err != nil {
		return nil, err
	}
	found := within[in.Name]
	if found == nil {
		found = make([]moves, len(parts))
	}
	out := &sizesOutput{sizesPage{Members: int64(members), Step: in.Step, Series: make([]sizePoint, len(parts)), Versions: []sizeVersion{}, CompleteThrough: through}}
	for i, size := range backward(int64(members), found, after[in.Name]) {
		out.Body.Series[i] = sizePoint{parts[i].from.UTC(), size, found[i].entered, found[i].left, found[i].initial}
	}
	for _, d := range a.cfg.Definitions.History("segment", in.Name) {
		if !d.Deleted && !d.At.Before(parts[0].from) && d.At.Before(r.To) {
			out.Body.Versions = append(out.Body.Versions, sizeVersion{d.At.UTC(), d.Version, d.Actor})
		}
	}
	return out, nil
}

type segmentChangesInput struct {
	NamePath
	Before string `query:"before" maxLength:"64"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"20"`
}

// segmentChange is somebody entering or leaving.
type segmentChange struct {
	At      time.Time     `json:"at"`
	Entered bool          `json:"entered" doc:"false: left."`
	Initial bool          `json:"initial" doc:"Found by applying a version to everybody, not by something that happened."`
	Person  explainPerson `json:"person" doc:"As known now; the name is empty when there is none."`
}

func (a *API) listSegmentChanges(ctx context.Context, in *segmentChangesInput) (*listOutput[segmentChange], error) {
	if _, ok := a.cfg.Definitions.Current("segment", in.Name); !ok {
		return nil, notFound("segment", "セグメント")
	}
	cond, err := before(in.Before, "at", "event_id")
	if err != nil {
		return nil, err
	}
	out := listOf([]segmentChange{})
	var ids []enishi.ID
	var last string
	err = a.each(ctx, fmt.Sprintf(`SELECT subject, at, event_id, toUInt8(any(type = 'segment.entered')), any(historical) FROM events
WHERE type IN ('segment.entered', 'segment.left') AND segment = {segment:String} AND %s GROUP BY subject, at, event_id ORDER BY at DESC, event_id DESC LIMIT %d`, cond, in.Limit+1),
		[]any{named("segment", in.Name)}, func(rows driver.Rows) error {
			var subject, event string
			var at time.Time
			var entered, initial uint8
			if err := rows.Scan(&subject, &at, &event, &entered, &initial); err != nil {
				return err
			}
			if len(ids) == in.Limit {
				out.Body.Next = last
				return nil
			}
			id := a.cfg.Ingester.Graph().Resolve(idOf(subject)) // who it is after merges
			ids, last = append(ids, id), cursorOf(at, idOf(event))
			out.Body.Items = append(out.Body.Items, segmentChange{At: at.UTC(), Entered: entered == 1, Initial: initial == 1, Person: explainPerson{ID: id}})
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("read who entered and left: %w", err)
	}
	known, err := a.names(ctx, ids)
	if err != nil {
		return nil, err
	}
	for i := range out.Body.Items {
		out.Body.Items[i].Person.Name = known[out.Body.Items[i].Person.ID]
	}
	out.Body.CompleteThrough, err = a.through(ctx)
	return out, err
}
