package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
)

// The tables source_hours and property_hours are filled for hours that are over and that the tables of events are past: then counts do
// not change any more, and pages read a few rows per hour instead of the events.

const (
	sourcesEvery = time.Minute
	// countedOnce is up to which span repeats of an event are told apart when it is counted. History that is longer, on the first start
	// with many events, is counted in one pass by rows: what was written twice and is not merged yet stands in it twice.
	countedOnce = 48 * time.Hour
	// sampledBack is how far back properties are looked at on the first start.
	sampledBack = 24 * time.Hour
	// hourSample is about how many events of a type are looked at of an hour.
	hourSample = 200
)

// cameIn is the condition of events that came from outside the fold.
const cameIn = "type NOT IN " + derivedTypes

// hourText is an hour as SQL.
func hourText(at time.Time) string { return fmt.Sprintf("toDateTime(%d, 'UTC')", at.Unix()) }

// fillSources writes the hours that are over since the last one that is written.
func (a *API) fillSources(ctx context.Context) error {
	through, err := a.through(ctx)
	if err != nil {
		return err
	}
	to := through.Add(-time.Minute).Truncate(time.Hour) // a record may be a little older than what follows it
	var last time.Time
	if err := a.one(ctx, "SELECT max(hour) FROM source_hours", nil, &last); err != nil {
		return fmt.Errorf("read the last hour of sources: %w", err)
	}
	from := known(last)
	if from.IsZero() {
		err := a.one(ctx, "SELECT min(appended_at) FROM events WHERE "+cameIn, nil, &from)
		if from = known(from).Truncate(time.Hour); err != nil || known(from).IsZero() {
			return err
		}
	} else {
		from = from.Add(time.Hour)
	}
	if !from.Before(to) {
		return nil
	}
	counted := "count()"
	if to.Sub(from) <= countedOnce {
		counted = "uniqExact(event_id)"
	}
	// What was sampled comes first: the hour of source_hours says that both are done.
	for hour := maxTime(from, to.Add(-sampledBack)); hour.Before(to); hour = hour.Add(time.Hour) {
		if err := a.sampleProperties(ctx, hour); err != nil {
			return err
		}
	}
	err = a.cfg.DB.Exec(ctx, fmt.Sprintf(`INSERT INTO source_hours (hour, source, type, version, events, first_at, last_at)
SELECT toStartOfHour(appended_at) AS h, source, type, %d, %s, min(appended_at), max(appended_at) FROM events
WHERE appended_at >= %s AND appended_at < %s AND %s GROUP BY h, source, type`, a.cfg.Now().UnixMilli(), counted, hourText(from), hourText(to), cameIn))
	if err != nil {
		return fmt.Errorf("count events by source: %w", err)
	}
	return nil
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sampleProperties looks at events of an hour. Rare types are looked at whole; of others some are chosen by their ids.
func (a *API) sampleProperties(ctx context.Context, hour time.Time) error {
	within := fmt.Sprintf("appended_at >= %s AND appended_at < %s AND %s", hourText(hour), hourText(hour.Add(time.Hour)), cameIn)
	var types []string
	var steps []string
	err := a.each(ctx, "SELECT toString(type), count() FROM events WHERE "+within+" GROUP BY type", nil, func(rows driver.Rows) error {
		var typ string
		var n uint64
		err := rows.Scan(&typ, &n)
		if step := n / hourSample; step > 1 {
			types, steps = append(types, sqlText(typ)), append(steps, fmt.Sprint(step))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("count events of an hour: %w", err)
	}
	if len(types) > 0 {
		within += fmt.Sprintf(" AND cityHash64(event_id) %% transform(toString(type), [%s], [%s], 1) = 0", strings.Join(types, ","), strings.Join(steps, ","))
	}
	found := propertyCounts{}
	err = a.each(ctx, "SELECT toString(type), record FROM events WHERE "+within+" AND record != ''", nil, func(rows driver.Rows) error {
		var typ, record string
		err := rows.Scan(&typ, &record)
		found.add(typ, record)
		return err
	})
	if err != nil {
		return fmt.Errorf("read a sample of events: %w", err)
	}
	return a.saveProperties(ctx, hour, found)
}

// sqlText quotes a text for SQL.
func sqlText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

func (a *API) saveProperties(ctx context.Context, hour time.Time, found propertyCounts) error {
	keys := make([]propertyKey, 0, len(found))
	for k := range found {
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil
	}
	slices.SortFunc(keys, func(x, y propertyKey) int {
		return strings.Compare(x.typ+"\x00"+x.name+"\x00"+x.kind, y.typ+"\x00"+y.name+"\x00"+y.kind)
	})
	n := len(keys)
	types, hours, names, kinds, versions, seen := make([]string, n), make([]time.Time, n), make([]string, n), make([]string, n), make([]uint64, n), make([]uint32, n)
	version := uint64(a.cfg.Now().UnixMilli())
	for i, k := range keys {
		types[i], hours[i], names[i], kinds[i], versions[i], seen[i] = k.typ, hour, k.name, k.kind, version, found[k]
	}
	if err := a.cfg.DB.Insert(ctx, "property_hours", []string{"type", "hour", "name", "kind", "version", "seen"}, n, types, hours, names, kinds, versions, seen); err != nil {
		return fmt.Errorf("save properties: %w", err)
	}
	return nil
}

// sourceOf names the source of an event: the one that it names, else the topic that its type comes in by as "topic:orders". Empty for what
// Enishi itself writes.
func sourceOf(source, typ string) string {
	if source != "" {
		return source
	}
	info, _ := enishi.LookupType(typ)
	if info.Topic == "" || info.Topic == enishi.TopicEvents {
		return ""
	}
	return topicSource + info.Topic
}

const topicSource = "topic:"

// deadSource is the same of a dead letter.
const deadSource = "multiIf(source != '', source, startsWith(topic, '" + callSource + "'), substring(topic, " + callSourceNext + "), concat('" + topicSource + "', topic))"

// What the topic of a dead letter begins with that was a call of a source (ingest.FromSource), and where its name begins.
const callSource, callSourceNext = "source:", "8"

// bySource is the condition of a source's events.
func bySource(name string) (cond string, arg any) {
	if topic, ok := strings.CutPrefix(name, topicSource); ok {
		var types []string
		for _, info := range enishi.Types() {
			if info.Topic == topic {
				types = append(types, sqlText(info.Name))
			}
		}
		own := ""
		if topic == enishi.TopicWeb {
			own = " OR startsWith(type, 'custom.')"
		}
		return "source = {source:String} AND (type IN (" + strings.Join(types, ",") + ")" + own + ")", named("source", "")
	}
	return "source = {source:String}", named("source", name)
}
