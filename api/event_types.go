package api

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
)

// typeDays is over how many days a type's events are shown, and what its properties now are held against.
const typeDays = 28

// eventTypeRow is a type of event that came in.
type eventTypeRow struct {
	Type    string        `json:"type"`
	Label   Text          `json:"label"`
	Own     bool          `json:"own" doc:"An event of the shop's own, which no facts are made of: custom.NAME."`
	FirstAt time.Time     `json:"first_at"`
	LastAt  time.Time     `json:"last_at"`
	Day     int64         `json:"day" doc:"Events of the last 24 hours, in whole hours."`
	Month   int64         `json:"month" doc:"Events of the last 28 days."`
	PerDay  []int64       `json:"per_day" doc:"Of the last 28 days, each 24 hours, oldest first."`
	Refused int64         `json:"refused" doc:"Dead letters of the last 28 days."`
	Sources []sourceCount `json:"sources" doc:"Where those of the last 28 days came from, the most first."`
	Drift   int           `json:"drift" doc:"Properties that changed of late: see GET /event-types/{type}."`
}

type sourceCount struct {
	Source string `json:"source"`
	Label  Text   `json:"label"`
	Events int64  `json:"events"`
}

func (t *eventTypeRow) count(source string, label Text, n int64) {
	for i := range t.Sources {
		if t.Sources[i].Source == source {
			t.Sources[i].Events += n
			return
		}
	}
	t.Sources = append(t.Sources, sourceCount{source, label, n})
}

func (a *API) listEventTypes(ctx context.Context, _ *struct{}) (*listOutput[eventTypeRow], error) {
	w, err := a.sourcesMemo.get(ctx, isFresh(ctx), 2*time.Second, a.sourceWorld)
	if err != nil {
		return nil, err
	}
	all, err := a.properties(ctx, "")
	if err != nil {
		return nil, err
	}
	out := listOf([]eventTypeRow{})
	for _, t := range w.types {
		x := *t // the memo's are shared
		x.Sources = slices.Clone(t.Sources)
		slices.SortFunc(x.Sources, func(a, b sourceCount) int { return int(b.Events - a.Events) })
		for _, p := range all[x.Type] {
			if p.Drift != "" {
				x.Drift++
			}
		}
		out.Body.Items = append(out.Body.Items, x)
	}
	slices.SortFunc(out.Body.Items, func(x, y eventTypeRow) int {
		if x.Month != y.Month {
			return int(y.Month - x.Month)
		}
		return strings.Compare(x.Type, y.Type)
	})
	out.Body.CompleteThrough, err = a.through(ctx)
	return out, err
}

// propertyRow is a property of a type of event: its path in the public JSON of events.
type propertyRow struct {
	Name     string     `json:"name" doc:"Path in the public JSON of events, as order.lines[].product_id."`
	Kinds    []string   `json:"kinds" doc:"What it was, the most often first: text, number, yes_no, time, empty."`
	Share    float64    `json:"share" doc:"Of the events of the sample of the last 24 hours with any; of 28 days where there were none."`
	Before   float64    `json:"before" doc:"The share of the sample before."`
	FirstAt  time.Time  `json:"first_at" doc:"The hour in which it was first seen in a sample."`
	LastAt   time.Time  `json:"last_at"`
	Drift    string     `json:"drift" enum:",gone,new,kind,rarer" doc:"gone: it stood in most events and does not any more; new: it was not there before; kind: it is something else; rarer: in less than half as many."`
	Since    *time.Time `json:"since" doc:"Of the drift."`
	Examples []string   `json:"examples" doc:"Values of late. A viewer sees those of personal properties covered."`

	recent, before map[string]uint64 // by kind
	newKind        time.Time         // when the kind that is most often now was first seen
}

const (
	recentSpan = 24 * time.Hour
	// driftSample is how many events have to be in a sample, and driftFill how many of them had the property, for its absence to be told.
	driftSample = 30
	driftFill   = 0.3
)

type samples struct{ recent, before uint64 }

// properties reads what is known of the properties of a type, or of all. The recent ones are the last 24 hours up to the last event of the
// type.
func (a *API) properties(ctx context.Context, typ string) (map[string][]*propertyRow, error) {
	where, args := "1", []any{}
	if typ != "" {
		where, args = "type = {type:String}", append(args, named("type", typ))
	}
	args = append(args, millis("since", a.now().AddDate(0, 0, -typeDays)))
	found, sizes := map[string]map[string]*propertyRow{}, map[string]samples{}
	err := a.each(ctx, `SELECT toString(p.type), name, toString(kind), sumIf(seen, hour > newest - INTERVAL 24 HOUR), sumIf(seen, hour <= newest - INTERVAL 24 HOUR), min(hour), max(hour)
FROM (SELECT * FROM property_hours FINAL WHERE `+where+` AND hour > fromUnixTimestamp64Milli({since:Int64})) AS p
INNER JOIN (SELECT type, max(hour) AS newest FROM property_hours WHERE `+where+` GROUP BY type) AS n ON p.type = n.type GROUP BY p.type, name, kind`, args, func(rows driver.Rows) error {
		var typ, name, kind string
		var recent, before uint64
		var first, last time.Time
		if err := rows.Scan(&typ, &name, &kind, &recent, &before, &first, &last); err != nil {
			return err
		}
		if name == "" {
			sizes[typ] = samples{recent, before}
			return nil
		}
		if found[typ] == nil {
			found[typ] = map[string]*propertyRow{}
		}
		p := found[typ][name]
		if p == nil {
			p = &propertyRow{Name: name, Examples: []string{}, recent: map[string]uint64{}, before: map[string]uint64{}, FirstAt: first.UTC()}
			found[typ][name] = p
		}
		if first.Before(p.FirstAt) {
			p.FirstAt = first.UTC()
		}
		p.LastAt = maxTime(p.LastAt, last.UTC())
		p.recent[kind], p.before[kind] = recent, before
		if recent > 0 && before == 0 && first.After(p.newKind) {
			p.newKind = first.UTC()
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read properties of events: %w", err)
	}
	out := map[string][]*propertyRow{}
	for typ, byName := range found {
		for _, p := range byName {
			p.judge(sizes[typ])
			out[typ] = append(out[typ], p)
		}
		slices.SortFunc(out[typ], changedFirst)
	}
	return out, nil
}

func changedFirst(x, y *propertyRow) int {
	if (x.Drift == "") != (y.Drift == "") {
		return map[bool]int{true: 1, false: -1}[x.Drift == ""]
	}
	return strings.Compare(x.Name, y.Name)
}

// judge says how a property changed against the sample before. Where either sample is small it says nothing.
func (p *propertyRow) judge(n samples) {
	recent, before := total(p.recent), total(p.before)
	p.Kinds = kindsOf(p.recent)
	if recent == 0 {
		p.Kinds = kindsOf(p.before)
	}
	if n.recent > 0 {
		p.Share = share(recent, n.recent)
	}
	if n.before > 0 {
		p.Before = share(before, n.before)
	}
	if n.recent < driftSample || n.before < driftSample {
		return
	}
	since := time.Time{}
	old := kindsOf(p.before)
	switch {
	case p.Before >= driftFill && recent == 0:
		p.Drift, since = "gone", p.LastAt.Add(time.Hour)
	case before == 0 && recent > 0:
		p.Drift, since = "new", p.FirstAt
	case len(old) > 0 && len(p.Kinds) > 0 && p.Kinds[0] != old[0] && p.before[p.Kinds[0]] == 0 && p.Kinds[0] != emptyKind:
		p.Drift, since = "kind", p.newKind
	case p.Before >= driftFill && p.Share < p.Before/2:
		p.Drift = "rarer"
	}
	if !since.IsZero() {
		p.Since = &since
	}
}

func total(kinds map[string]uint64) (n uint64) {
	for _, x := range kinds {
		n += x
	}
	return n
}

func share(n, of uint64) float64 { return math.Round(1000*min(1, float64(n)/float64(of))) / 1000 }

// kindsOf are those that were seen, the most often first.
func kindsOf(kinds map[string]uint64) []string {
	out := []string{}
	for k, n := range kinds {
		if n > 0 {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(x, y string) int {
		if kinds[x] != kinds[y] {
			return int(kinds[y]) - int(kinds[x])
		}
		return strings.Compare(x, y)
	})
	return out
}

type eventTypePath struct {
	Type string `path:"type" maxLength:"100"`
}

type eventTypeOutput struct {
	Body struct {
		Type       eventTypeRow   `json:"type"`
		Properties []*propertyRow `json:"properties" doc:"Those that changed first, then by name."`
		Sample     int64          `json:"sample" doc:"Events of the last 24 hours that properties were looked at in; a share is of these."`
		Looked     int64          `json:"looked" doc:"Events that examples are taken from."`
	}
}

// exampleEvents is how many events examples are taken from.
const exampleEvents = 100

func (a *API) getEventType(ctx context.Context, in *eventTypePath) (*eventTypeOutput, error) {
	w, err := a.sourcesMemo.get(ctx, isFresh(ctx), 2*time.Second, a.sourceWorld)
	if err != nil {
		return nil, err
	}
	t := w.types[in.Type]
	if t == nil {
		return nil, notFound("event type", "行動（イベント）の種類")
	}
	out := &eventTypeOutput{}
	b := &out.Body
	b.Type = *t
	b.Type.Sources = slices.Clone(t.Sources)
	slices.SortFunc(b.Type.Sources, func(x, y sourceCount) int { return int(y.Events - x.Events) })
	all, err := a.properties(ctx, in.Type)
	if err != nil {
		return nil, err
	}
	b.Properties = all[in.Type]
	if b.Properties == nil {
		b.Properties = []*propertyRow{}
	}
	byName := map[string]*propertyRow{}
	for _, p := range b.Properties {
		byName[p.Name] = p
		if p.Drift != "" {
			b.Type.Drift++
		}
	}
	sizes, err := a.count(ctx, "SELECT sum(seen) FROM property_hours FINAL WHERE type = {type:String} AND name = '' AND hour > (SELECT max(hour) FROM property_hours WHERE type = {type:String}) - INTERVAL 24 HOUR", named("type", in.Type))
	if err != nil {
		return nil, err
	}
	b.Sample = sizes
	covered := !callOf(ctx).caller.role.includes(editor)
	err = a.each(ctx, fmt.Sprintf("SELECT record FROM events WHERE type = {type:String} AND appended_at > fromUnixTimestamp64Milli({since:Int64}) AND record != '' LIMIT %d", exampleEvents),
		[]any{named("type", in.Type), millis("since", maxTime(t.LastAt, time.UnixMilli(0)).Add(-recentSpan))}, func(rows driver.Rows) error {
			var record string
			if err := rows.Scan(&record); err != nil {
				return err
			}
			b.Looked++
			for name, values := range flatten(record) {
				p := byName[name]
				if p == nil { // of this hour, which no sample has yet
					p = &propertyRow{Name: name, Examples: []string{}, FirstAt: t.LastAt.Truncate(time.Hour), LastAt: t.LastAt, recent: map[string]uint64{}}
					byName[name] = p
					b.Properties = append(b.Properties, p)
				}
				if p.recent[values.kind]++; len(p.Kinds) == 0 {
					p.Kinds = []string{values.kind}
				}
				for _, v := range values.texts {
					if covered && personal(name) {
						v = "•••"
					}
					if len(p.Examples) < 3 && !slices.Contains(p.Examples, v) {
						p.Examples = append(p.Examples, v)
					}
				}
			}
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("read examples: %w", err)
	}
	slices.SortFunc(b.Properties, changedFirst)
	return out, nil
}

// personal tells whether a property says something of a person: identifiers, traits, addresses, free texts, and what the shop puts into
// properties of its own.
func personal(name string) bool {
	for _, prefix := range []string{"person.", "order.ship_to.", "shipment.ship_to.", "properties.", "context.", "contact.", "survey.", "review.", "message.", "consent"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// Kinds of values.
const (
	emptyKind = "empty"
	timeKind  = "time"
)

// propertyKey is a property of a type as one kind of value.
type propertyKey struct{ typ, name, kind string }

type propertyCounts map[propertyKey]uint32

// add counts the properties of an event of the log.
func (c propertyCounts) add(typ, record string) {
	c[propertyKey{typ, "", ""}]++
	for name, v := range flatten(record) {
		c[propertyKey{typ, name, v.kind}]++
	}
}

// flatValue is what stands under a path: its kind, and its values as texts.
type flatValue struct {
	kind  string
	texts []string
}

// maxProperties bounds what one event may add.
const maxProperties = 200

// flatten lists the properties of an event of the log by their path in the public JSON. Members of lists share a path.
func flatten(record string) map[string]flatValue {
	var e enishi.Event
	out := map[string]flatValue{}
	if enishi.DecodeEvent(&e, []byte(record)) != nil {
		return out
	}
	e.Profile = enishi.ID{}
	text, err := json.Marshal(&e)
	if err != nil {
		return out
	}
	var fields map[string]any
	if json.Unmarshal(text, &fields) != nil {
		return out
	}
	for _, own := range []string{"v", "type", "profile", "historical"} {
		delete(fields, own)
	}
	flattenInto(out, "", fields)
	return out
}

func flattenInto(out map[string]flatValue, path string, v any) {
	switch x := v.(type) {
	case map[string]any:
		for k, y := range x {
			name := k
			if path != "" {
				name = path + "." + k
			}
			flattenInto(out, name, y)
		}
		return
	case []any:
		for _, y := range x {
			flattenInto(out, path+"[]", y)
		}
		return
	}
	if len(out) >= maxProperties && out[path].kind == "" {
		return
	}
	kind, text := valueKind(v)
	old := out[path]
	if old.kind == "" || old.kind == emptyKind {
		old.kind = kind
	}
	if len(old.texts) < 3 && text != "" {
		old.texts = append(old.texts, cut(text, 80))
	}
	out[path] = old
}

func valueKind(v any) (kind, text string) {
	switch x := v.(type) {
	case bool:
		return "yes_no", fmt.Sprint(x)
	case float64:
		return "number", strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.4f", x), "0"), ".")
	case string:
		if x == "" {
			return emptyKind, ""
		}
		if len(x) >= len("2006-01-02T15:04:05Z") && len(x) <= 35 {
			if _, err := time.Parse(time.RFC3339Nano, x); err == nil {
				return timeKind, x
			}
		}
		return "text", x
	}
	return emptyKind, ""
}

// cut shortens a text for display.
func cut(s string, runes int) string {
	r := []rune(s)
	if len(r) <= runes {
		return s
	}
	return string(r[:runes]) + "…"
}
