package api

import (
	"slices"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/ingest"
)

// manyEvents are events of a source, each of another person.
type manyEvents struct {
	source, typ string
	at          time.Time
	people      int
	properties  map[string]enishi.Value
}

// eventsOf puts rows of events into the table.
func (w *world) eventsOf(all ...manyEvents) {
	w.t.Helper()
	var ids []enishi.ID
	var ats []time.Time
	var types, sources, records []string
	var versions []uint64
	for _, x := range all {
		for i := range x.people {
			id := enishi.NewID("of a source", x.source, x.typ, x.at.String(), time.Duration(i).String())
			e := enishi.Event{Version: enishi.EventVersion, ID: id, Type: x.typ, Subject: id, At: x.at, Source: x.source, Person: &enishi.Person{Email: "hanako@shop.example"}, Properties: x.properties}
			ids, ats, types, sources = append(ids, id), append(ats, x.at.Add(time.Duration(i)*time.Millisecond)), append(types, x.typ), append(sources, x.source)
			versions, records = append(versions, 1), append(records, string(enishi.EncodeEvent(nil, &e)))
		}
	}
	if err := w.cfg.DB.Insert(w.t.Context(), "events", []string{"subject", "at", "event_id", "type", "appended_at", "version", "source", "record"}, len(ids), ids, ats, ids, types, ats, versions, sources, records); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) sources() map[string]*sourceRow {
	w.t.Helper()
	w.api.sourcesMemo.forget()
	w.api.progressMemo.forget()
	out := map[string]*sourceRow{}
	for _, s := range into[list[*sourceRow]](w.call("GET", "/sources", nil)).Items {
		out[s.Name] = s
	}
	return out
}

// TestSilentSource: a source that brings 40 events each half hour of this weekday is silent for half an hour: somebody is told once, also
// when the alert was closed, and the alert ends when it brings events again. Not of one that is closed at this hour, not of one whose
// silence is as long as its setting allows, not of one that brings few, nor of one that is new. With a longer silence the one that brings
// little is told of too.
func TestSilentSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	now := time.Date(2026, 11, 18, 3, 40, 0, 0, time.UTC) // Wednesday 12:40 in Japan
	w.api.cfg.Now = func() time.Time { return now }
	var many []manyEvents
	for week := 1; week <= 4; week++ {
		day := now.AddDate(0, 0, -7*week).Truncate(time.Hour)
		for hour := -10; hour <= 4; hour++ {
			at := day.Add(time.Duration(hour)*time.Hour + 5*time.Minute)
			many = append(many, manyEvents{"shop", "page.viewed", at, 80, nil})
			many = append(many, manyEvents{"patient", "page.viewed", at, 80, nil})
			many = append(many, manyEvents{"seldom", "page.viewed", at, 6, nil})
			if hour < -2 {
				many = append(many, manyEvents{"till", "store.purchased", at, 80, nil}) // it closes two hours ago
			}
			if week == 1 {
				many = append(many, manyEvents{"new", "page.viewed", at, 80, nil})
			}
		}
	}
	for _, source := range []string{"shop", "patient", "seldom", "till", "new"} {
		many = append(many, manyEvents{source, "page.viewed", now.Add(-35 * time.Minute), 1, nil})
	}
	w.eventsOf(many...)
	w.eventsOf(manyEvents{"", "order.placed", now.Add(-3 * time.Minute), 2, nil})
	w.write("PUT", "/sources/alarm", map[string]any{"source": "patient", "minutes": 90})
	alerts := func(when string, want ...string) (text string) {
		t.Helper()
		w.api.sourcesMemo.forget()
		w.api.progressMemo.forget()
		if err := w.api.checkSources(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.api.homeMemo.forget()
		open := into[list[alertRow]](w.call("GET", "/alerts", nil)).Items
		var got []string
		for _, x := range open {
			if x.Kind == sourceSilentKind {
				text += x.TextJA + x.Href
				for _, s := range []string{"shop", "patient", "seldom", "till", "new"} {
					if x.ID == enishi.NewID("alert", sourceSilentKind, s) {
						got = append(got, s)
					}
				}
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: alerts of %v, want %v: %s", when, got, want, text)
		}
		return text
	}
	if text := alerts("silent", "shop"); !strings.Contains(text, "「shop」から 34 分間") && !strings.Contains(text, "「shop」から 35 分間") || !strings.Contains(text, "約 47 件") || !strings.HasSuffix(text, "/sources") {
		t.Errorf("got %s", text)
	}
	all := w.sources()
	if s := all["shop"]; s.State != "silent" || s.Day != 1 || s.Hour != 1 || s.Learning != 0 || s.Minutes != 30 || s.Expected < 46 || s.Expected > 48 {
		t.Errorf("shop: %+v", s)
	}
	if s := all["patient"]; s.State != "ok" || s.Minutes != 90 {
		t.Errorf("patient: %+v", s)
	}
	if s := all["new"]; s.State != "ok" || s.Learning != 7 {
		t.Errorf("new: %+v", s)
	}
	if s := all["topic:orders"]; s == nil || s.Day != 2 || s.Label.JA != "Kafka: 注文" || len(s.Types) != 1 || s.Types[0].Type != "order.placed" {
		t.Errorf("topic: %+v", s)
	}
	alerts("looked at again", "shop")
	id := enishi.NewID("alert", sourceSilentKind, "shop").String()
	w.call("POST", "/alerts/"+id+"/close", map[string]any{}).want(200)
	alerts("closed by a person")
	now = now.Add(60 * time.Minute)
	alerts("later", "patient")
	w.eventsOf(manyEvents{"shop", "page.viewed", now.Add(-time.Minute), 1, nil})
	w.eventsOf(manyEvents{"patient", "page.viewed", now.Add(-time.Minute), 1, nil})
	alerts("both are back")
	now = now.Add(35 * time.Minute)
	alerts("silent anew", "shop")
	w.write("PUT", "/sources/alarm", map[string]any{"source": "shop", "off": true})
	alerts("switched off")
	w.call("PUT", "/sources/alarm", map[string]any{"source": "shop", "minutes": 3}).want(422)
	if got := into[list[liveEvent]](w.call("GET", "/events?source=topic:orders", nil)); len(got.Items) != 2 {
		t.Errorf("the events of a topic: %d", len(got.Items))
	}
	if got := into[list[liveEvent]](w.call("GET", "/events?source=patient&type=page.viewed&limit=3", nil)); len(got.Items) != 3 || got.Items[0].Source != "patient" {
		t.Errorf("the events of a source: %+v", got.Items)
	}
}

// TestHolidaySource: on a holiday what comes on a Sunday is usual.
func TestHolidaySource(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 3, 40, 0, 0, time.UTC) // Labour Thanksgiving Day, a Monday
	s := newSource("x")
	s.FirstAt, s.LastAt = now.AddDate(0, 0, -60), now.Add(-40*time.Minute)
	for week := 1; week <= 5; week++ {
		s.hours[now.AddDate(0, 0, -7*week).Truncate(time.Hour).Unix()] = 100
		s.hours[now.AddDate(0, 0, -7*week-1).Truncate(time.Hour).Unix()] = 3
	}
	zone := time.FixedZone("JST", 9*3600)
	for holiday, want := range map[bool]float64{false: 100 * 40.0 / 60, true: 2} {
		n, ok := s.expected(s.LastAt, now, zone, func(time.Time) bool { return holiday })
		if !ok || n < want-0.01 || n > want+0.01 {
			t.Errorf("holiday %v: %v, want %v", holiday, n, want)
		}
	}
	// One week of four with a hundred times as many, a campaign, does not move it.
	s.hours[now.AddDate(0, 0, -14).Truncate(time.Hour).Unix()] = 10_000
	if n, _ := s.usual(now.In(zone), false); n != 100 {
		t.Errorf("usual is %v", n)
	}
}

// TestEventTypes: a type's volume, its sources, and the properties that disappeared, came and became something else, with the hour since
// when. A viewer sees no personal example.
func TestEventTypes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	now := time.Date(2026, 11, 18, 3, 40, 0, 0, time.UTC)
	w.api.cfg.Now = func() time.Time { return now }
	look := func() {
		t.Helper()
		w.api.progressMemo.forget()
		if err := w.api.fillSources(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.api.sourcesMemo.forget()
	}
	start := now
	for day := 5; day >= 1; day-- {
		now = start.AddDate(0, 0, -day)
		w.eventsOf(manyEvents{"app", "custom.played", now.Add(-2 * time.Hour), 20, map[string]enishi.Value{"title": enishi.TextValue("雪"), "length": enishi.NumberValue(90), "old": enishi.BoolValue(true)}})
		look()
	}
	now = start
	w.eventsOf(manyEvents{"tv", "custom.played", now.Add(-2 * time.Hour), 40, map[string]enishi.Value{"title": enishi.TextValue("月"), "length": enishi.TextValue("90 s"), "fresh": enishi.NumberValue(1)}})
	look()
	types := into[list[eventTypeRow]](w.call("GET", "/event-types", nil)).Items
	if len(types) != 1 {
		t.Fatalf("%+v", types)
	}
	if x := types[0]; x.Type != "custom.played" || !x.Own || x.Month != 140 || x.Day != 40 || x.Drift != 3 || len(x.Sources) != 2 || x.Sources[0].Source != "app" || !slices.Equal(x.PerDay[typeDays-6:], []int64{20, 20, 20, 20, 20, 40}) {
		t.Errorf("%+v", x)
	}
	one := into[struct {
		Properties []*propertyRow `json:"properties"`
		Sample     int64          `json:"sample"`
		Looked     int64          `json:"looked"`
	}](w.call("GET", "/event-types/custom.played", nil))
	since := start.Truncate(time.Hour).Add(-2 * time.Hour)
	want := map[string]string{"properties.old": "gone", "properties.fresh": "new", "properties.length": "kind", "properties.title": "", "person.email": "", "source": "", "occurred_at": ""}
	for _, p := range one.Properties {
		drift, known := want[p.Name]
		if !known || drift != p.Drift {
			t.Errorf("%s: drift %q, want %q (%v)", p.Name, p.Drift, drift, known)
		}
		delete(want, p.Name)
		switch {
		case p.Name == "properties.length" && (p.Since == nil || !p.Since.Equal(since) || p.Kinds[0] != "text"):
			t.Errorf("length: %+v", p)
		case p.Name == "properties.old" && (p.Since == nil || !p.Since.Equal(since.AddDate(0, 0, -1).Add(time.Hour)) || p.Before != 1 || p.Share != 0):
			t.Errorf("old: %+v", p)
		case p.Name == "person.email" && !slices.Equal(p.Examples, []string{"hanako@shop.example"}):
			t.Errorf("email: %+v", p)
		}
	}
	if len(want) > 0 || one.Sample != 40 || one.Looked != 40 {
		t.Errorf("missing %v, sample %d, looked %d", want, one.Sample, one.Looked)
	}
	token, _ := w.key("admin", "viewer")
	text := w.as(token).call("GET", "/event-types/custom.played", nil).want(200).text
	if strings.Contains(text, "hanako") || strings.Contains(text, "90 s") || !strings.Contains(text, "•••") {
		t.Errorf("a viewer sees %s", text)
	}
	w.as(token).call("GET", "/event-types/custom.nothing", nil).want(404)
}

// TestFlatten: paths of the public JSON, and what the values are.
func TestFlatten(t *testing.T) {
	t.Parallel()
	e := enishi.Event{Version: 1, ID: enishi.NewID("x"), Type: "order.placed", At: time.Date(2026, 11, 1, 2, 3, 4, 0, time.UTC),
		Order: &enishi.Order{OrderID: "A-1", Automatic: true, Lines: []enishi.Line{{ProductID: "p1", Quantity: 2}, {ProductID: "p2"}}}}
	got := flatten(string(enishi.EncodeEvent(nil, &e)))
	for name, want := range map[string]string{"order.order_id": "text", "order.lines[].product_id": "text", "order.lines[].quantity": "number", "order.automatic": "yes_no", "occurred_at": "time"} {
		if got[name].kind != want {
			t.Errorf("%s is %q, want %q", name, got[name].kind, want)
		}
	}
	if x := got["order.lines[].product_id"].texts; !slices.Equal(x, []string{"p1", "p2"}) {
		t.Errorf("%v", x)
	}
	if len(flatten("no record")) != 0 {
		t.Error("something was read of nothing")
	}
}

// TestDeadOfSource: what could not be taken is found by its source, whether the record names one, came by a topic, or was a call of a source.
func TestDeadOfSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	at := time.Now().UTC().Truncate(time.Millisecond)
	letter := func(n, topic, stage, source string) ingest.DeadLetter {
		return ingest.DeadLetter{ID: enishi.NewID("letter", n), At: at, Version: 1, State: ingest.DeadWaiting, Topic: topic, Stage: stage, Source: source, Code: ingest.CodeJSON, Reason: n, Raw: []byte("{}")}
	}
	if err := (DeadTable{w.cfg.DB}).Save(t.Context(), []ingest.DeadLetter{letter("call", ingest.FromSource("helpdesk"), ingest.StageSource, ""), letter("named", enishi.TopicWeb, ingest.StageIngest, "shop-app"), letter("bare", enishi.TopicOrders, ingest.StageIngest, "")}); err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]string{"helpdesk": "call", "shop-app": "named", "topic:orders": "bare", "source:helpdesk": "", "topic:source:helpdesk": ""} {
		var got []string
		for _, l := range into[list[deadRow]](w.call("GET", "/dead?source="+source, nil)).Items {
			got = append(got, l.Reason)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s has %q, not %q", source, got, want)
		}
	}
	all := w.sources()
	if s := all["helpdesk"]; s == nil || s.Waiting != 1 || all["topic:source:helpdesk"] != nil {
		t.Errorf("%+v", s)
	}
}
