package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
	"enishi/journeys"
)

// outcome says of every message of a campaign that it left; who is chosen by clicks clicked it.
func (w *world) outcome(campaign string, clicks func(node string, i int) bool) {
	w.t.Helper()
	var recs []stream.Record
	i := 0
	err := w.api.each(w.t.Context(), "SELECT profile_id, send_id, round, toString(node), run_id FROM decisions FINAL WHERE journey = {j:String} AND sent = 1 ORDER BY node, profile_id", []any{named("j", campaign)}, func(rows driver.Rows) error {
		var profile, send, node, run string
		var round uint32
		if err := rows.Scan(&profile, &send, &round, &node, &run); err != nil {
			return err
		}
		now := w.api.now()
		say := func(typ string, at time.Time) {
			e := enishi.Event{ID: enishi.NewID(typ, send), Type: typ, At: at, Profile: idOf(profile), Subject: idOf(profile),
				Result: &enishi.MessageResult{SendID: idOf(send), Round: int(round), Channel: "email", Purpose: "marketing", Journey: campaign, Node: node, RunID: idOf(run)}}
			recs = append(recs, pipeline.EventRecord(&e, w.cfg.Stream.Partitions(enishi.TopicEvents), now))
		}
		say("message.sent", now)
		if clicks(node, i) {
			say("message.clicked", now.Add(time.Millisecond))
		}
		i++
		return nil
	})
	if err == nil {
		err = w.cfg.Stream.Append(w.t.Context(), recs)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.api.wait(w.t.Context(), positionOf(recs).String()); err != nil {
		w.t.Fatal(err)
	}
}

// TestCampaigns: a campaign that recurs is reviewed and approved, and waits for its times; variants are compared and the better
// one goes to the others; who did not click gets another; the calendar and the counts by person tell of all that.
func TestCampaigns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	start := time.Now().UTC()
	token, _ := w.key("admin", "editor")
	mine, _ := w.key("admin", "admin")
	w = w.as(mine)
	w.play(shoppers(300, start)) // 100 may get mail
	w.segment("tokyo", `traits.prefecture == "東京都"`)
	for _, name := range []string{"news", "other"} {
		w.write(put, "/templates/"+name, map[string]any{"definition": marketingMail("<p>" + strings.Repeat("うるおいを補う順番を少し変えるだけで、使い心地が変わります。", 4) + "</p>"), "expect": -1})
	}
	body := func(change map[string]any) map[string]any {
		b := map[string]any{"title": map[string]any{"ja": "週刊", "en": "Weekly"}, "segment": "tokyo", "channels": []string{"email"}, "templates": map[string]any{"email": "news"}, "send_by": "6h"}
		for k, v := range change {
			b[k] = v
		}
		return map[string]any{"broadcast": b, "expect": -1}
	}
	page := func(name string) broadcastPage { return into[broadcastPage](w.call(get, "/broadcasts/"+name, nil)) }

	w.refusals(body)

	// Draft, review, approved, live.
	daily := map[string]any{"schedule": &journeys.Schedule{Every: "day", Time: "10:00"}, "subject": "今朝の {{ customer.family_name }}"}
	w.write(put, "/broadcasts/weekly", body(daily))
	w.as(token).call(post, "/broadcasts/weekly/status", map[string]any{"status": "approved"}).want(403)
	w.as(token).call(post, "/broadcasts/weekly/status", map[string]any{"status": "in_review"}).want(200)
	next := (&journeys.Schedule{Every: "day", Time: "10:00"}).Upcoming(start, 5, journeys.DefaultSettings())
	if p := page("weekly"); p.Status != "in_review" || len(p.Upcoming) != 5 || !p.Upcoming[4].Equal(next[4]) || p.Broadcast.Subject != daily["subject"] {
		t.Fatalf("in review: %+v", p)
	}
	w.call(post, "/broadcasts/weekly/status", map[string]any{"status": "approved"}).want(200)
	w.call(post, "/broadcasts/weekly/status", map[string]any{"status": "sending"}).want(409)
	w.write(post, "/broadcasts/weekly/send", map[string]any{"expect": page("weekly").Version})
	eventually(t, func() bool { return page("weekly").Status == "recurring" })
	// A draft waits beside what recurs, and takes its place; it can be paused meanwhile.
	w.write(put, "/broadcasts/weekly", body(map[string]any{"schedule": &journeys.Schedule{Every: "week", Weekdays: []string{"mon"}, Time: "10:00"}}))
	w.call(post, "/broadcasts/weekly/status", map[string]any{"status": "paused"}).want(200)
	if p := page("weekly"); p.Status != "paused" || p.Draft != "draft" || p.Broadcast.Schedule.Every != "week" {
		t.Errorf("paused beside a draft: %+v", p.BroadcastRow)
	}
	// Who looks at its sheet sees when it goes next; it is sent back, asked for again, and dropped.
	monday := (&journeys.Schedule{Every: "week", Weekdays: []string{"mon"}, Time: "10:00"}).Upcoming(w.api.now(), 1, journeys.DefaultSettings())[0]
	if s := into[sheetPage](w.call(get, "/broadcasts/weekly/sheet", nil)); !s.Recurs || !s.At.Equal(monday) {
		t.Errorf("the sheet of one that recurs: %v %v, want %v", s.Recurs, s.At, monday)
	}
	for _, to := range []string{"in_review", "draft", "in_review", "approved"} {
		w.call(post, "/broadcasts/weekly/status", map[string]any{"status": to}).want(200)
		if p := page("weekly"); p.Draft != to || p.Status != "paused" {
			t.Errorf("the draft is %q beside what is %s, want %s", p.Draft, p.Status, to)
		}
	}
	w.as(token).call(post, "/broadcasts/weekly/status", map[string]any{"status": "discarded", "reason": "やめた"}).want(200)
	if p := page("weekly"); p.Draft != "" || p.Status != "paused" || p.Broadcast.Schedule.Every != "day" || !p.Upcoming[0].Equal(next[0]) && !p.Upcoming[0].Equal(next[1]) {
		t.Errorf("dropped: %+v, %+v", p.BroadcastRow, p.Broadcast.Schedule)
	}
	w.call(post, "/broadcasts/weekly/status", map[string]any{"status": "discarded"}).want(409)
	w.write(put, "/broadcasts/weekly", body(map[string]any{"schedule": &journeys.Schedule{Every: "week", Weekdays: []string{"mon"}, Time: "10:00"}}))
	w.write(post, "/broadcasts/weekly/send", map[string]any{"expect": page("weekly").Version})
	w.call(put, "/broadcasts/weekly", body(nil)).want(409)

	// Two variants, then the better one.
	w.write(put, "/broadcasts/ab", body(map[string]any{"utm": map[string]any{"campaign": "ab"}, "test": map[string]any{"share": 40, "after": "1s", "by": "click", "least": 5, "auto": true,
		"variants": []any{map[string]any{"subject": "A"}, map[string]any{"subject": "B", "weight": 2, "templates": map[string]any{"email": "other"}}}}}))
	if s := into[sheetPage](w.call(get, "/broadcasts/ab/sheet", nil)); s.People != 300 || len(s.Stops) > 0 || len(s.Previews) != 3 || s.Previews[1].Variant != "b" || s.Previews[1].Template != "other" || s.Previews[1].Subject != "B" || s.Previews[2].Template != "news" {
		t.Fatalf("sheet: %+v", s)
	} else if shown := into[renderedPage](w.call(post, "/templates/other/preview", map[string]any{"profile": s.Previews[1].Profile, "subject": "B {{ 1 }}"})); shown.Subject != "B 1" {
		t.Errorf("shown with the subject %q", shown.Subject)
	}
	if v := page("ab").Broadcast.Test.Variants; len(v[0].Templates) != 0 || v[1].Templates["email"] != "other" || v[1].Weight != 2 {
		t.Errorf("read again: %+v", v)
	}
	w.call(post, "/broadcasts/ab/winner", map[string]any{"variant": "a"}).want(409)
	w.write(post, "/broadcasts/ab/send", map[string]any{"expect": page("ab").Version})
	eventually(t, func() bool { return page("ab").Status == "testing" })
	if err := w.api.chooseDue(t.Context()); err != nil || page("ab").Status != "testing" {
		t.Fatalf("before anything left: %v, %s", err, page("ab").Status)
	}
	w.outcome("ab", func(node string, _ int) bool { return node == "message_b" })
	sample := page("ab")
	if v := sample.Variants; len(v) != 2 || v[0].Rate != 0 || v[1].Rate != 1 || v[0].Sent < 5 || v[1].Sent < 5 || sample.Result.Entered < 80 || sample.Result.Entered > 160 {
		t.Fatalf("asked first: %+v of %+v", v, sample.Result)
	}
	w.call(post, "/broadcasts/ab/winner", map[string]any{"variant": "c"}).want(422)
	eventually(t, func() bool { // the second look finds it done
		return w.api.chooseDue(t.Context()) == nil && w.api.chooseDue(t.Context()) == nil && page("ab").Broadcast.Test.Winner == "b"
	})
	eventually(t, func() bool { return page("ab").Status == "sent" })
	if p := page("ab"); p.Broadcast.Test.Winner != "b" || p.Result.Entered != 300 || p.Sent[0].People != 100 {
		t.Errorf("the winner went to the others: %+v, %+v", p.Broadcast.Test, p.Result)
	}
	left := int64(0)
	for _, r := range page("ab").LeftOut {
		left += r.People
	}
	if left != 200 {
		t.Errorf("%d are left out: %+v", left, page("ab").LeftOut)
	}
	if n, err := w.api.count(t.Context(), "SELECT count() FROM decisions FINAL WHERE journey = 'ab' AND sent = 1"); err != nil || n != 100 {
		t.Errorf("%d messages to 100 people: %v", n, err)
	}
	w.call(post, "/broadcasts/ab/winner", map[string]any{"variant": "a"}).want(409)

	// Again to those who did not click.
	w.outcome("ab", func(node string, _ int) bool { return node == "message_b" })
	left = page("ab").Variants[0].Sent
	w.write(put, "/broadcasts/again", body(map[string]any{"segment": "", "again": map[string]any{"of": "ab", "not": "clicked"}, "subject": "もう一度"}))
	w.call(put, "/broadcasts/of_weekly", body(map[string]any{"segment": "", "again": map[string]any{"of": "weekly", "not": "clicked"}})).want(422)
	if s := into[sheetPage](w.call(get, "/broadcasts/again/sheet", nil)); s.People != left || len(s.Sent) != 1 || s.Sent[0].People != left {
		t.Errorf("%d did not click, the sheet says %+v", left, s)
	}
	w.write(post, "/broadcasts/again/send", map[string]any{"expect": page("again").Version})
	eventually(t, func() bool { return page("again").Status == "sent" })
	if p := page("again"); p.Again != "ab" || p.Result.Entered != left || p.Sent[0].People != left {
		t.Errorf("again to %d: %+v", left, p.Result)
	}

	w.checkCalendar(left)
}

// refusals name the place where a marketer said it: the journey that a campaign is made of is nobody's.
func (w *world) refusals(body func(map[string]any) map[string]any) {
	t := w.t
	t.Helper()
	test := func(change map[string]any, variants ...map[string]any) map[string]any {
		x := map[string]any{"share": 20, "after": "1h", "by": "click", "least": 5, "variants": variants}
		for k, v := range change {
			x[k] = v
		}
		return map[string]any{"test": x}
	}
	a, b := map[string]any{"subject": "A"}, map[string]any{"subject": "B"}
	with := func(k string, v any) map[string]any { return map[string]any{"subject": "B", k: v} }
	for want, change := range map[string]map[string]any{
		"schedule.time":                    {"schedule": map[string]any{"every": "day", "time": "25:00"}},
		"subject":                          {"subject": "{{ customer"},
		"templates.email":                  {"templates": map[string]any{"email": "nothing"}},
		"again.of":                         {"again": map[string]any{"of": "nothing", "not": "clicked"}},
		"utm.source":                       {"utm": map[string]any{"source": "{nobody}"}},
		"test.winner":                      test(map[string]any{"winner": "a"}, a, b),
		"test.after":                       test(map[string]any{"after": "1 hour"}, a, b),
		"test.variants[1].subject":         test(nil, a, with("subject", "{{ customer")),
		"test.variants[1].time":            test(nil, a, with("time", "25:00")),
		"test.variants[1].templates.email": test(nil, a, with("templates", map[string]any{"email": "nothing"})),
		"test.variants[0].accounts.fax":    test(nil, with("accounts", map[string]any{"fax": "x"}), a),
	} {
		r := w.call(put, "/broadcasts/bad", body(change)).want(422)
		if p := into[problem](reply{t: t, status: 200, text: r.text}); len(p.Errors) != 1 || p.Errors[0].Location != "body.broadcast."+want || p.Errors[0].Line != 0 || strings.Contains(r.text, "ステップ") || strings.Contains(r.text, "node ") {
			t.Errorf("%s is not named: %s", want, r.text)
		}
	}
	both := test(nil, with("subject", "{{ a"), with("subject", "{{ b"))
	both["templates"] = map[string]any{"email": "nothing"}
	if p := into[problem](reply{t: t, status: 200, text: w.call(put, "/broadcasts/bad", body(both)).want(422).text}); len(p.Errors) != 2 {
		t.Errorf("two subjects are wrong: %+v", p.Errors)
	}
}

// checkCalendar: the next weeks have what went and what is planned, and people by how much they got.
func (w *world) checkCalendar(again int64) {
	t := w.t
	t.Helper()
	w.outcome("again", func(string, int) bool { return false })
	zone := w.api.journeySettings().Zone()
	today := w.api.now().In(zone)
	month, day := today.Format("2006-01"), today.Format(time.DateOnly)
	c := into[calendarPage](w.call(get, "/broadcasts/calendar?from="+day+"&to="+today.AddDate(0, 0, 20).Format(time.DateOnly), nil))
	went, planned := []string{}, 0
	for _, x := range c.Campaigns {
		if !x.Planned {
			went = append(went, fmt.Sprintf("%s %s %d %d", x.Day, x.Name, x.People, x.Sent))
		} else if planned++; x.Name != "weekly" || x.People != 300 || x.At.In(zone).Format("Mon 15:04") != "Mon 10:00" {
			t.Errorf("planned: %+v", x)
		}
	}
	if want := fmt.Sprintf("[%s ab 300 100 %s again %d %d]", day, day, again, again); fmt.Sprint(went) != want || planned < 2 || planned > 4 {
		t.Errorf("the calendar has %v and %d planned, want %s", went, planned, want)
	}
	if len(c.Sent) != 2 || c.Sent[0].Day != day || c.Sent[0].Messages != 100 || !c.Sent[0].Campaign || c.Sent[0].Title.JA != "週刊" {
		t.Errorf("sent by day: %+v", c.Sent)
	}
	w.call(get, "/broadcasts/calendar?from=2017-01-31&to=2017-01-01", nil).want(422)
	w.call(get, "/broadcasts/calendar?from=2017-01-01&to=2017-04-01", nil).want(422)

	load := into[contactPage](w.call(get, "/reports/contacts?month="+month, nil))
	if n := load.Channels[2].Counts; n[0].People != 0 || n[1].People != 100-again || n[2].People != again || load.Several != again || load.Unreached != 0 || len(load.Overlaps) != 1 || load.Overlaps[0].People != again {
		t.Errorf("by person: %+v", load)
	}
	people := func(query string) int64 {
		return *into[list[personRow]](w.call(get, "/people?limit=1&"+query, nil)).Total
	}
	for query, want := range map[string]int64{"received=all:2": again, "received=email:1&month=" + month: 100 - again, "received=line:0": 0, "both=ab,again": again,
		"received=email:0&month=2016-12": 100, "unreached=90": 0} {
		if n := people(query); n != want {
			t.Errorf("%d people behind %s, want %d", n, query, want)
		}
	}
	w.call(get, "/people?received=fax:1", nil).want(422)
	w.call(get, "/people?received=email:1&month=May", nil).want(422)
	w.call(get, "/reports/contacts?month=2017", nil).want(422)
}
