package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
)

// sourceWorld is what is known of the sources at an instant.
type sourceWorld struct {
	rows  []*sourceRow
	types map[string]*eventTypeRow // by type
}

// sourceRow is where events come from.
type sourceRow struct {
	Name     string       `json:"name" doc:"The write key's name, kind:name of a channel as line:main, or topic:NAME for what is on a topic without a source."`
	Label    Text         `json:"label"`
	Kind     string       `json:"kind" enum:"key,topic,line,social,sms,file,webhook,own" doc:"How it comes; own is what happens on Enishi's own pages."`
	State    string       `json:"state" enum:"ok,silent,refused,quiet,ended" doc:"silent: there would usually have been events; refused: nothing of it could be taken so far; quiet: nothing within a day; ended: nothing within 28 days."`
	FirstAt  time.Time    `json:"first_at,omitzero"`
	LastAt   time.Time    `json:"last_at,omitzero"`
	Hour     int64        `json:"hour" doc:"Events of the last 60 minutes."`
	Day      int64        `json:"day" doc:"Events of the last 24 hours, in whole hours, and of the hour that runs."`
	PerHour  []int64      `json:"per_hour" doc:"Events of the last 24 hours by hour, oldest first; the last one runs."`
	Expected float64      `json:"expected" doc:"How many would usually have come since the last one."`
	Learning int          `json:"learning" doc:"Days until what is usual is known, and the alarm works; 0: it is."`
	Alarm    SourceAlarm  `json:"alarm"`
	Minutes  int          `json:"minutes" doc:"For how long nothing has to come until the alarm."`
	Waiting  int64        `json:"waiting" doc:"Dead letters that wait."`
	Refused  int64        `json:"refused" doc:"Dead letters of the last 24 hours, whatever became of them."`
	Types    []sourceType `json:"types" doc:"What it brought within 28 days, the most first."`

	hours  map[int64]int64 // of 29 days, by the Unix time of their start
	silent bool
}

type sourceType struct {
	Type   string    `json:"type"`
	Label  Text      `json:"label"`
	Day    int64     `json:"day"`
	Month  int64     `json:"month" doc:"Within 28 days."`
	LastAt time.Time `json:"last_at"`
}

// sourceBack is how far back hours are read.
const sourceBack = (7*usualWeeks + 1) * 24 * time.Hour

// sourceHour is a row of source_hours, or of the hours since.
type sourceHour struct {
	hour          time.Time
	source, typ   string
	events        uint64
	first, last   time.Time
	recent, total int64
}

// sourceWorld reads the sources as they are now.
func (a *API) sourceWorld(ctx context.Context) (*sourceWorld, error) {
	now := a.now()
	w := &sourceWorld{types: map[string]*eventTypeRow{}}
	sources := map[string]*sourceRow{}
	var filled time.Time
	err := a.each(ctx, "SELECT hour, toString(source), toString(type), events, first_at, last_at FROM source_hours FINAL WHERE hour >= "+hourText(now.Add(-sourceBack).Truncate(time.Hour)), nil, func(rows driver.Rows) error {
		var h sourceHour
		err := rows.Scan(&h.hour, &h.source, &h.typ, &h.events, &h.first, &h.last)
		filled = maxTime(filled, h.hour.UTC().Add(time.Hour))
		w.add(sources, &h, now)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read hours of sources: %w", err)
	}
	// What is not in the table of hours yet, and how many of it are of the last 60 minutes.
	filled = maxTime(filled, now.Add(-countedOnce).Truncate(time.Hour))
	err = a.each(ctx, fmt.Sprintf(`SELECT toStartOfHour(appended_at) AS h, toString(source), toString(type), uniqExact(event_id), min(appended_at), max(appended_at) FROM events
WHERE appended_at >= %s AND %s GROUP BY h, source, type`, hourText(filled), cameIn), nil, func(rows driver.Rows) error {
		var h sourceHour
		err := rows.Scan(&h.hour, &h.source, &h.typ, &h.events, &h.first, &h.last)
		w.add(sources, &h, now)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read events of this hour: %w", err)
	}
	err = a.each(ctx, `SELECT toString(source), toString(type), uniqExact(event_id) FROM events WHERE appended_at > fromUnixTimestamp64Milli({since:Int64}) AND `+cameIn+` GROUP BY source, type`,
		[]any{millis("since", now.Add(-time.Hour))}, func(rows driver.Rows) error {
			var source, typ string
			var n uint64
			err := rows.Scan(&source, &typ, &n)
			if s := sources[sourceOf(source, typ)]; s != nil {
				s.Hour += int64(n)
			}
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("count events of an hour: %w", err)
	}
	// When what is not seen within 28 days was seen, and first at all: a row per source and type and hour, without the hours between.
	err = a.each(ctx, "SELECT toString(source), toString(type), min(first_at), max(last_at) FROM source_hours GROUP BY source, type", nil, func(rows driver.Rows) error {
		var h sourceHour
		err := rows.Scan(&h.source, &h.typ, &h.first, &h.last)
		w.add(sources, &h, now)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read first hours of sources: %w", err)
	}
	if err := a.deadOfSources(ctx, sources, w.types, now); err != nil {
		return nil, err
	}
	alarms := SourceAlarms{}
	a.setting(SourceAlarmsName, &alarms)
	holidays := a.journeySettings()
	for name, s := range sources {
		if name == "" {
			continue
		}
		s.judge(now, a.zone(), holidays.Holiday, alarms[name])
		w.rows = append(w.rows, s)
	}
	rank := map[string]int{"silent": 0, "refused": 1, "ok": 2, "quiet": 3, "ended": 4}
	slices.SortFunc(w.rows, func(x, y *sourceRow) int {
		if rank[x.State] != rank[y.State] {
			return rank[x.State] - rank[y.State]
		}
		if x.Day != y.Day {
			return int(y.Day - x.Day)
		}
		return strings.Compare(x.Name, y.Name)
	})
	return w, nil
}

func newSource(name string) *sourceRow {
	return &sourceRow{Name: name, Label: sourceLabel(name), Kind: sourceKind(name), PerHour: make([]int64, 24), Types: []sourceType{}, hours: map[int64]int64{}}
}

// add counts an hour of a source and a type. One without events says only when it was seen.
func (w *sourceWorld) add(sources map[string]*sourceRow, h *sourceHour, now time.Time) {
	name, n, hour := sourceOf(h.source, h.typ), int64(h.events), h.hour.UTC()
	s := sources[name]
	if s == nil {
		s = newSource(name)
		sources[name] = s
	}
	t := w.types[h.typ]
	if t == nil {
		t = &eventTypeRow{Type: h.typ, Label: typeLabel(h.typ), Own: strings.HasPrefix(h.typ, "custom."), PerDay: make([]int64, typeDays), Sources: []sourceCount{}}
		w.types[h.typ] = t
	}
	i := slices.IndexFunc(s.Types, func(x sourceType) bool { return x.Type == h.typ })
	if i < 0 {
		i = len(s.Types)
		s.Types = append(s.Types, sourceType{Type: h.typ, Label: t.Label})
	}
	seen(&s.FirstAt, &s.LastAt, h)
	seen(&t.FirstAt, &t.LastAt, h)
	s.Types[i].LastAt = maxTime(s.Types[i].LastAt, h.last.UTC())
	if n == 0 {
		return
	}
	s.hours[hour.Unix()] += n
	s.Types[i].Month += n
	back := int(now.Truncate(time.Hour).Sub(hour).Hours())
	if back >= 0 && back < 24 {
		s.PerHour[23-back] += n
		s.Day += n
		s.Types[i].Day += n
		t.Day += n
	}
	if day := int(now.Sub(hour).Hours() / 24); day >= 0 && day < typeDays {
		t.PerDay[typeDays-1-day] += n
		t.Month += n
		t.count(name, s.Label, n)
	}
}

func seen(first, last *time.Time, h *sourceHour) {
	if first.IsZero() || h.first.Before(*first) {
		*first = h.first.UTC()
	}
	*last = maxTime(*last, h.last.UTC())
}

// judge says how a source is.
func (s *sourceRow) judge(now time.Time, zone *time.Location, holiday func(time.Time) bool, alarm SourceAlarm) {
	slices.SortFunc(s.Types, func(x, y sourceType) int {
		if x.Month != y.Month {
			return int(y.Month - x.Month)
		}
		return strings.Compare(x.Type, y.Type)
	})
	s.Alarm, s.Minutes = alarm, alarm.minutes()
	expected, known := s.expected(s.LastAt, now, zone, holiday)
	s.Expected = expected
	if !known {
		s.Learning = max(1, 7*usualNeeded-int(now.Sub(s.FirstAt).Hours()/24))
	}
	s.silent = !alarm.Off && known && expected >= silentEvents && now.Sub(s.LastAt) >= time.Duration(s.Minutes)*time.Minute
	switch {
	case s.silent:
		s.State = "silent"
	case s.LastAt.IsZero():
		s.State, s.Learning = "refused", 0
	case now.Sub(s.LastAt) < 24*time.Hour:
		s.State = "ok"
	case now.Sub(s.LastAt) < 28*24*time.Hour:
		s.State = "quiet"
	default:
		s.State = "ended"
	}
}

// deadOfSources counts what could not be taken.
func (a *API) deadOfSources(ctx context.Context, sources map[string]*sourceRow, types map[string]*eventTypeRow, now time.Time) error {
	err := a.each(ctx, "SELECT "+deadSource+", type, countIf(state = 'waiting'), countIf(at > fromUnixTimestamp64Milli({since:Int64})), countIf(at > fromUnixTimestamp64Milli({month:Int64})) FROM dead_letters FINAL GROUP BY 1, 2",
		[]any{millis("since", now.Add(-24*time.Hour)), millis("month", now.AddDate(0, 0, -typeDays))}, func(rows driver.Rows) error {
			var source, typ string
			var waiting, refused, month uint64
			err := rows.Scan(&source, &typ, &waiting, &refused, &month)
			s := sources[source]
			if s == nil && month > 0 && source != topicSource { // nothing of it could be taken
				s = newSource(source)
				sources[source] = s
			}
			if s != nil {
				s.Waiting += int64(waiting)
				s.Refused += int64(refused)
			}
			if t := types[typ]; t != nil {
				t.Refused += int64(month)
			}
			return err
		})
	if err != nil {
		return fmt.Errorf("count dead letters by source: %w", err)
	}
	return nil
}

// sourceKind is how a source's events come.
func sourceKind(name string) string {
	kind, _, found := strings.Cut(name, ":")
	switch {
	case found && slices.Contains([]string{"topic", "line", "social", "sms", "file", "webhook"}, kind):
		return kind
	case slices.Contains([]string{"preferences", "confirmation", "postal", "email", "push"}, name):
		return "own"
	}
	return "key"
}

// sourceLabel is its name for people.
func sourceLabel(name string) Text {
	kind, rest, _ := strings.Cut(name, ":")
	switch sourceKind(name) {
	case "topic":
		if x, ok := topicLabels[rest]; ok {
			return x
		}
	case "line":
		return Text{"LINE（" + rest + "）", "LINE (" + rest + ")"}
	case "social", "sms":
		label := map[string]string{"social": "SNS", "sms": "SMS"}[kind]
		return Text{label + "（" + rest + "）", label + " (" + rest + ")"}
	case "own":
		return map[string]Text{"preferences": {"配信設定ページ", "Preference centre"}, "confirmation": {"登録確認ページ", "Confirmation page"}, "postal": {"郵送 DM の QR コードと返戻", "QR codes and returns of post"},
			"email": {"受信メール", "Mail that comes in"}, "push": {"プッシュ通知の登録", "Subscriptions to notifications"}}[name]
	}
	return Text{name, name}
}

var topicLabels = map[string]Text{
	enishi.TopicOrders: {"Kafka: 注文", "Kafka: orders"}, enishi.TopicShipments: {"Kafka: 配送", "Kafka: shipments"}, enishi.TopicWeb: {"Kafka: サイト・アプリ", "Kafka: site and app"}, enishi.TopicStore: {"Kafka: 店舗・会員", "Kafka: stores and members"},
}

func (a *API) listSources(ctx context.Context, _ *struct{}) (*listOutput[*sourceRow], error) {
	w, err := a.sourcesMemo.get(ctx, isFresh(ctx), 2*time.Second, a.sourceWorld)
	if err != nil {
		return nil, err
	}
	out := listOf(w.rows)
	if out.Body.Items == nil {
		out.Body.Items = []*sourceRow{}
	}
	out.Body.CompleteThrough, err = a.through(ctx)
	return out, err
}

type sourceAlarmInput struct {
	Body struct {
		Source  string `json:"source" minLength:"1" maxLength:"200"`
		Off     bool   `json:"off,omitempty"`
		Minutes int    `json:"minutes,omitempty" minimum:"0" maximum:"10080" doc:"0: 30."`
		Reason  string `json:"reason,omitempty" maxLength:"500"`
	}
}

// setSourceAlarm changes the alarm of one source in the setting of all.
func (a *API) setSourceAlarm(ctx context.Context, in *sourceAlarmInput) (*writtenOutput, error) {
	alarms, version := SourceAlarms{}, int64(0)
	if d, ok := a.cfg.Definitions.Current("setting", SourceAlarmsName); ok {
		version = d.Version
		if err := json.Unmarshal(d.Body, &alarms); err != nil {
			return nil, fmt.Errorf("read setting %s: %w", SourceAlarmsName, err)
		}
	}
	b := &in.Body
	alarms[b.Source] = SourceAlarm{Off: b.Off, Minutes: b.Minutes}
	if !b.Off && b.Minutes == 0 {
		delete(alarms, b.Source)
	}
	body, err := json.Marshal(alarms)
	if err != nil {
		return nil, fmt.Errorf("encode setting %s: %w", SourceAlarmsName, err)
	}
	w, err := a.putSetting(ctx, SourceAlarmsName, body, version, b.Reason)
	a.sourcesMemo.forget()
	return &writtenOutput{w}, err
}

// strict reads JSON without members that mean nothing.
func strict(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	return d.Decode(into)
}
