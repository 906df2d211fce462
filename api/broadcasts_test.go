package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"enishi"
)

// shoppers are n people: a third may get mail, a third LINE is not known of, a third has said no.
func shoppers(n int, now time.Time) []enishi.Event {
	var out []enishi.Event
	for i := range n {
		p := &enishi.Person{CustomerID: fmt.Sprintf("B%03d", i), Traits: map[string]enishi.Value{"prefecture": enishi.TextValue("東京都")}}
		e := enishi.Event{Type: "user.signed_up", At: now.Add(-time.Hour), Person: p}
		if i == 0 || i == 3 {
			p.Traits["gender"] = enishi.TextValue("x")
		}
		switch i % 3 {
		case 0:
			p.Email = fmt.Sprintf("b%d@mail.example", i)
			e.Consent = []enishi.ConsentChange{{Channel: "email", Purpose: "marketing", State: "in", Method: "form:signup"}}
		case 1:
			p.Email = fmt.Sprintf("b%d@mail.example", i)
			e.Consent = []enishi.ConsentChange{{Channel: "email", Purpose: "marketing", State: "out", Method: "form:signup"}}
		}
		out = append(out, e)
	}
	return out
}

func (w *world) segment(name, expression string) {
	w.t.Helper()
	w.write(put, "/segments/"+name, map[string]any{"title": map[string]any{"ja": name, "en": name}, "expression": expression, "expect": -1})
	eventually(w.t, func() bool { return into[segmentRow](w.call(get, "/segments/"+name, nil)).Stale == nil })
}

// TestBroadcast: the sheet says what the fold then does; nobody gets it twice; who is left out is told why.
func TestBroadcast(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	w.play(shoppers(90, time.Now().UTC()))
	w.segment("tokyo", `traits.prefecture == "東京都"`)
	w.segment("some", `traits.gender == "x"`)
	long := strings.Repeat("うるおいを補う順番を少し変えるだけで、使い心地が変わります。", 4)
	w.write(put, "/templates/news", map[string]any{"definition": marketingMail("<p>" + long + "</p>"), "expect": -1})
	b := map[string]any{"title": map[string]any{"ja": "冬のご案内", "en": "Winter"}, "segment": "tokyo", "exclude": []string{"some"}, "channels": []string{"email"}, "templates": map[string]any{"email": "news"}}
	w.write(put, "/broadcasts/winter", map[string]any{"broadcast": b, "expect": 0})

	for _, x := range into[list[segmentRow]](w.call(get, "/segments", nil)).Items {
		want := map[string]string{"tokyo": "開始条件", "some": "除く人"}[x.Name]
		if len(x.UsedIn) != 1 || x.UsedIn[0].Kind != "campaign" || x.UsedIn[0].Name != "winter" || len(x.UsedIn[0].Where) != 1 || x.UsedIn[0].Where[0].JA != want {
			t.Errorf("%s is used in %+v", x.Name, x.UsedIn)
		}
	}

	sheet := into[sheetPage](w.call(get, "/broadcasts/winter/sheet", nil))
	w.write(put, "/settings/costs", map[string]any{"body": map[string]any{"prices": map[string]any{"email": "0.5"}}, "expect": 0})
	w.call(put, "/settings/costs", map[string]any{"body": map[string]any{"prices": map[string]any{"pigeon": "1"}}, "expect": -1}).want(422)
	plain := func(sent []sheetSum) (out []channelSum) {
		for _, s := range sent {
			if s.Cost == nil || *s.Cost != enishi.Amount(s.People)*enishi.Unit/2 {
				t.Errorf("%d mails cost %v", s.People, s.Cost)
			}
			out = append(out, channelSum{s.Channel, s.People})
		}
		return out
	}
	sheet = into[sheetPage](w.call(get, "/broadcasts/winter/sheet", nil))
	sums := func(sent []channelSum, out []reasonSum) string {
		s := fmt.Sprint(sent)
		for _, r := range out {
			s += fmt.Sprintf(" %s=%d", r.Reason, r.People)
			if r.Text.JA == "" || r.Text.EN == "" {
				t.Errorf("reason %s has no words", r.Reason)
			}
		}
		return s
	}
	if got := sums(plain(sheet.Sent), sheet.LeftOut); sheet.People != 90 || got != "[{email 28}] address=30 consent=30 excluded=2" || len(sheet.Previews) != 3 || len(sheet.Stops) != 0 || !sheet.May {
		t.Fatalf("sheet %s of %d: %+v", got, sheet.People, sheet)
	}
	doors := func(when string, sent []channelSum, out []reasonSum) {
		t.Helper()
		behind := func(query string, want int64) {
			t.Helper()
			people := into[list[personRow]](w.call(get, "/people?broadcast=winter&limit=1&"+query, nil))
			if people.Total == nil || *people.Total != want || len(people.Items) != 1 {
				t.Errorf("%s: %d people behind %s: %+v", when, want, query, people)
			}
		}
		for _, x := range sent {
			behind("by="+x.Channel, x.People)
		}
		for _, x := range out {
			behind("left_out="+x.Reason, x.People)
		}
	}
	both := map[string]any{"title": b["title"], "segment": "tokyo", "channels": []string{"line", "email"}, "templates": map[string]any{"email": "news", "line": "hello"}}
	w.write(put, "/templates/hello", map[string]any{"definition": map[string]any{"channel": "line", "purpose": "marketing", "variants": map[string]any{"ja": map[string]any{"messages": []any{map[string]any{"type": "text", "text": "冬のご案内"}}}}}, "expect": -1})
	w.write(put, "/broadcasts/both", map[string]any{"broadcast": both, "expect": 0})
	if s := into[sheetPage](w.call(get, "/broadcasts/both/sheet", nil)); sums(plain(s.Sent), s.LeftOut) != "[{email 30}] address=30 consent=30" {
		t.Errorf("by LINE or mail: %+v", s)
	}
	doors("before", plain(sheet.Sent), sheet.LeftOut)
	w.call(get, "/people?broadcast=winter", nil).want(422)
	w.call(get, "/people?broadcast=nothing&by=email", nil).want(404)
	w.call(post, "/broadcasts/winter/send", map[string]any{"expect": sheet.Version + 1}).want(409)
	w.call(post, "/broadcasts/winter/status", map[string]any{"status": "paused"}).want(409)

	// What stands against it.
	w.write(put, "/templates/news", map[string]any{"definition": marketingMail("<p>" + long + "シミが消える</p>"), "expect": -1})
	if s := into[sheetPage](w.call(get, "/broadcasts/winter/sheet", nil)); len(s.Stops) != 1 || !strings.Contains(s.Stops[0].MessageJA, "シミが消える") || s.Lint["news"].Open != 1 {
		t.Errorf("stops: %+v", s.Stops)
	}
	w.call(post, "/broadcasts/winter/send", map[string]any{"expect": sheet.Version}).want(409)
	w.write(put, "/templates/news", map[string]any{"definition": marketingMail("<p>" + long + "</p>"), "expect": -1})
	token, _ := w.key("admin", "editor")
	w.as(token).call(post, "/broadcasts/winter/send", map[string]any{"expect": sheet.Version}).want(403)
	token, _ = w.key("admin", "admin")
	w = w.as(token)

	w.call(post, "/broadcasts/winter/send", map[string]any{"expect": sheet.Version}).want(200)
	page := func(name string) broadcastPage { return into[broadcastPage](w.call(get, "/broadcasts/"+name, nil)) }
	eventually(t, func() bool { return page("winter").Status == "sent" })
	p := page("winter")
	if got := sums(p.Sent, p.LeftOut); got != "[{email 28}] address=30 consent=30 excluded=2" || p.Done != p.Of {
		t.Errorf("done: %s %+v", got, p)
	}
	doors("after", p.Sent, p.LeftOut)
	w.call(post, "/broadcasts/winter/send", map[string]any{"expect": p.Version}).want(409)
	w.call(put, "/broadcasts/winter", map[string]any{"broadcast": b, "expect": -1}).want(409)
	w.call(post, "/broadcasts/winter/status", map[string]any{"status": "sending"}).want(409)
	// Saved anew as a journey, by a file: nobody gets it again.
	d, _ := w.cfg.Definitions.Current("journey", "winter")
	w.call(put, "/definitions/journey/winter", map[string]any{"body": d.Body, "expect": -1}).want(200)

	// One that waits for its time can be paused and cancelled: nobody gets it.
	b["at"] = time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	later := w.write(put, "/broadcasts/later", map[string]any{"broadcast": b, "expect": 0})
	w.call(post, "/broadcasts/later/send", map[string]any{"expect": later.Version}).want(200)
	eventually(t, func() bool { return page("later").Status == "scheduled" })
	w.call(post, "/broadcasts/later/status", map[string]any{"status": "paused"}).want(200)
	eventually(t, func() bool { return page("later").Status == "paused" })
	w.call(post, "/broadcasts/later/status", map[string]any{"status": "cancelled"}).want(200)
	if p := page("later"); p.Status != "cancelled" || len(p.Sent)+len(p.LeftOut) != 0 {
		t.Errorf("cancelled: %+v", p)
	}
	if p := page("winter"); p.Status != "sent" || len(p.Sent) != 1 || p.Sent[0].People != 28 {
		t.Errorf("after it was saved anew: %+v", p)
	}
	if n, err := w.api.count(t.Context(), "SELECT count() FROM decisions FINAL WHERE journey = 'winter'"); err != nil || n != 88 {
		t.Errorf("%d decisions: %v", n, err)
	}
	if l := into[list[BroadcastRow]](w.call(get, "/broadcasts", nil)); len(l.Items) != 3 {
		t.Errorf("list %+v", l)
	}
	if l := into[list[journeyRow]](w.call(get, "/journeys", nil)); len(l.Items) != 0 {
		t.Errorf("broadcasts stand among the journeys: %+v", l)
	}
}

// TestSheetChosen: who got as much advertising mail as they chose to is left out of the sheet, as of the broadcast.
func TestSheetChosen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	now := time.Now().UTC().Truncate(time.Millisecond)
	f := func(name, chosen, end string, ago time.Duration) {
		id := enishi.NewID("chosen", name)
		insert(w, "people", []string{"profile_id", "version", "is_deleted", "has_email", "consents", "traits"}, 1, []enishi.ID{id}, []uint64{1}, []uint8{0}, []uint8{1},
			[]map[string]string{{"email.marketing": "in"}}, []map[string]string{{enishi.FrequencyTrait: chosen}})
		insert(w, "memberships", []string{"profile_id", "segment", "version", "is_deleted"}, 1, []enishi.ID{id}, []string{"all"}, []uint64{1}, []uint8{0})
		insert(w, "sends", []string{"profile_id", "send_id", "version", "is_deleted", "channel", "purpose", "end", "decided_at"}, 1, []enishi.ID{id}, []enishi.ID{id}, []uint64{1}, []uint8{0},
			[]string{"email"}, []string{"marketing"}, []string{end}, []time.Time{now.Add(-ago)})
	}
	day := 24 * time.Hour
	f("reached", "weekly", "", 6*day)
	f("over", "weekly", "", 8*day)
	f("month", "monthly", "unknown", 29*day)
	f("came back", "monthly", "bounced", day)
	f("usual", "usual", "", day)
	count := func(purpose string) (sent, left int64) {
		t.Helper()
		page := &sheetPage{}
		if err := w.api.sheetCounts(t.Context(), &broadcastBody{Segment: "all", Channels: []string{"email"}, Purpose: purpose}, page); err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Sent {
			sent += s.People
		}
		for _, l := range page.LeftOut {
			if l.Reason == "cap" {
				left += l.People
			}
		}
		return sent, left
	}
	if sent, left := count("marketing"); sent != 3 || left != 2 {
		t.Errorf("%d get it, %d chose less", sent, left)
	}
	if sent, left := count("transactional"); sent+left != 5 || left != 0 {
		t.Errorf("of what people wait for %d get it, %d chose less", sent, left)
	}
}

// TestBroadcastToList: everybody on a static list, and nobody else, gets it; the list stays as long as the broadcast names it.
func TestBroadcastToList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	people := shoppers(30, time.Now().UTC())
	w.play(people)
	w.write(put, "/lists/fair", map[string]any{"title": map[string]string{"ja": "展示会"}, "expect": 0})
	w.write(put, "/templates/news", map[string]any{"definition": marketingMail("<p>" + strings.Repeat("うるおいを補う順番を少し変えるだけで、使い心地が変わります。", 4) + "</p>"), "expect": -1})
	b := map[string]any{"title": map[string]any{"ja": "展示会のお礼", "en": "Fair"}, "list": "fair", "channels": []string{"email"}, "templates": map[string]any{"email": "news"}}
	w.write(put, "/broadcasts/thanks", map[string]any{"broadcast": b, "expect": 0})
	var ids []string
	for _, e := range people {
		if e.Person != nil && e.Person.CustomerID != "" && len(ids) < 7 && !slices.Contains(ids, e.Person.CustomerID) {
			ids = append(ids, e.Person.CustomerID)
		}
	}
	w.call("POST", "/lists/fair/fill", map[string]any{"action": "add", "ids": strings.Join(ids, "\n"), "reason": "名刺"}).want(200)
	sheet := sheetPage{}
	eventually(t, func() bool {
		sheet = into[sheetPage](w.call(get, "/broadcasts/thanks/sheet", nil))
		return sheet.People == int64(len(ids))
	})
	if len(sheet.Stops) != 0 || len(sheet.Sent) != 1 {
		t.Fatalf("the sheet: %+v", sheet)
	}
	w.call("DELETE", "/lists/fair?expect=1", nil).want(409)
	w.write("POST", "/broadcasts/thanks/send", map[string]any{"expect": sheet.Version})
	eventually(t, func() bool { return into[broadcastPage](w.call(get, "/broadcasts/thanks", nil)).Status == "sent" })
	page := into[broadcastPage](w.call(get, "/broadcasts/thanks", nil))
	if page.List != "fair" || page.Segment != "" || len(page.Sent) != 1 || page.Sent[0].People != sheet.Sent[0].People {
		t.Errorf("sent %+v, the sheet said %+v", page.Sent, sheet.Sent)
	}
	delete(b, "list")
	w.call(put, "/broadcasts/nobody", map[string]any{"broadcast": b, "expect": 0}).want(422)
}

// TestSheetOpens: the sheet tells when LINE's quiet hours end if the broadcast would begin within them.
func TestSheetOpens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	tokyo := time.FixedZone("JST", 9*3600)
	night := time.Date(2099, 6, 1, 23, 0, 0, 0, tokyo)
	b := &broadcastBody{Channels: []string{"line", "email"}, At: night}
	if got := w.api.sheetOpens(b); len(got) != 1 || !got["line"].Equal(time.Date(2099, 6, 2, 9, 0, 0, 0, tokyo)) {
		t.Errorf("got %v", got)
	}
	b.At = night.Add(-3 * time.Hour)
	if got := w.api.sheetOpens(b); len(got) != 0 {
		t.Errorf("in the evening: %v", got)
	}
	b.At, b.Purpose = night, "transactional"
	if got := w.api.sheetOpens(b); len(got) != 0 {
		t.Errorf("of what people wait for: %v", got)
	}
}

// TestSheetRules: the caps and the holdout of the settings count in the sheet as they do when it is sent.
func TestSheetRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	w.play(shoppers(90, time.Now().UTC()))
	w.segment("tokyo", `traits.prefecture == "東京都"`)
	w.segment("some", `traits.gender == "x"`)
	w.write(put, "/settings/journeys", map[string]any{"body": map[string]any{"holdout": 30, "caps": map[string]any{"marketing.email": map[string]any{"default": "1/7d"}}}, "expect": 0})
	w.write(put, "/templates/news", map[string]any{"definition": marketingMail("<p>" + strings.Repeat("うるおいを補う順番を少し変えるだけで、使い心地が変わります。", 4) + "</p>"), "expect": -1})
	send := func(name, segment string) (before, after []reasonSum, sent int64) {
		t.Helper()
		b := map[string]any{"title": map[string]any{"ja": name, "en": name}, "segment": segment, "channels": []string{"email"}, "templates": map[string]any{"email": "news"}}
		w.write(put, "/broadcasts/"+name, map[string]any{"broadcast": b, "expect": 0})
		var sheet sheetPage
		eventually(t, func() bool { // what the one before sent is in the tables a moment later
			sheet = into[sheetPage](w.call(get, "/broadcasts/"+name+"/sheet", nil))
			return name == "first" || slices.ContainsFunc(sheet.LeftOut, func(r reasonSum) bool { return r.Reason == "cap" })
		})
		w.call(post, "/broadcasts/"+name+"/send", map[string]any{"expect": sheet.Version}).want(200)
		var p broadcastPage
		eventually(t, func() bool {
			p = into[broadcastPage](w.call(get, "/broadcasts/"+name, nil))
			return p.Status == "sent"
		})
		if len(sheet.Sent) != len(p.Sent) || len(p.Sent) > 0 && sheet.Sent[0].People != p.Sent[0].People {
			t.Errorf("%s: the sheet said %+v, sent %+v", name, sheet.Sent, p.Sent)
		}
		for _, s := range p.Sent {
			sent += s.People
		}
		return sheet.LeftOut, p.LeftOut, sent
	}
	first, got, n := send("first", "some")
	if !slices.Equal(first, got) || n == 0 {
		t.Fatalf("%d sent; the sheet said %+v, it was %+v", n, first, got)
	}
	second, got, _ := send("second", "tokyo")
	if !slices.Equal(second, got) {
		t.Errorf("the sheet said %+v, it was %+v", second, got)
	}
	for _, reason := range []string{"cap", "holdout", "consent", "address"} {
		if !slices.ContainsFunc(second, func(r reasonSum) bool { return r.Reason == reason && r.People > 0 }) {
			t.Errorf("nobody is left out for %s: %+v", reason, second)
		}
	}
}
