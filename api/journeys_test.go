package api

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi"
	"enishi/docs"
)

// thanks is a journey that writes at once: by mail, else by LINE; then it waits a day.
const thanks = `{
  "title": {"ja": "注文のお礼", "en": "Thanks"},
  "purpose": "marketing",
  "consent": "opt_in",
  "entry": {"event": "order.placed", "key": "order_id", "reentry": "never"},
  "start": "say",
  "nodes": {
    "say": {"type": "message", "channels": ["line", "email"], "templates": {"line": "thanks_line", "email": "thanks_mail"}, "next": "rest"},
    "rest": {"type": "wait", "for": "1d", "next": "done"},
    "done": {"type": "exit"}
  }
}`

func order(customer, id string, at time.Time) enishi.Event {
	return enishi.Event{Type: "order.placed", At: at, Channel: "web", Person: &enishi.Person{CustomerID: customer}, Order: &enishi.Order{OrderID: id, Currency: "JPY", Total: 1000 * enishi.Unit,
		Lines: []enishi.Line{{ProductID: "KM-101", Name: "うるおい化粧水", Quantity: 1, Price: 1000 * enishi.Unit}}}}
}

func TestJourney(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	now := time.Now().UTC()
	w.play(append(scenario(now), order("C10003", "EN1999999", now.Add(-time.Hour))))
	const path = "/journeys/thanks"
	w.call("GET", path, nil).want(404)
	saved := w.write("PUT", path, map[string]any{"definition": json.RawMessage(thanks), "status": "draft", "expect": 0})
	if j := into[journeyPage](w.call("GET", path, nil)); j.Status != "draft" || strings.Contains(string(j.Definition), `"state"`) || len(j.History) != 1 || j.History[0].Actor != "local" {
		t.Errorf("got %+v", j)
	}
	// What of the gallery it names was published with it.
	if templates := into[list[TemplateRow]](w.call("GET", "/templates", nil)); len(templates.Items) != 2 || templates.Items[0].UsedIn[0] != "thanks" {
		t.Errorf("templates %+v", templates.Items)
	}
	w.call("POST", path+"/status", map[string]any{"status": "paused"}).want(409)
	w.call("POST", path+"/status", map[string]any{"status": "live", "expect": saved.Version + 99}).want(409)
	live := w.write("POST", path+"/status", map[string]any{"status": "live", "reason": "公開", "expect": saved.Version})
	into[journeyPage](w.call("GET", path+"?after="+live.Position, nil))
	w.play([]enishi.Event{order("C10001", "EN2000001", now), order("C10002", "EN2000002", now)})

	sato, suzuki := w.id(enishi.Customer, "C10001"), w.id(enishi.Customer, "C10002")
	a := w.call("GET", "/people/"+sato+"/decisions", nil)
	checkTexts(t, "decisions", a.text)
	d := into[list[decisionRow]](a).Items
	if len(d) != 2 {
		t.Fatalf("%d decisions: %s", len(d), a.text)
	}
	for _, x := range d {
		switch {
		case x.Channel == "email" && (!x.Sent || !strings.Contains(x.Sentence.JA, "メール: 「注文のお礼」を送りました") || len(x.Checks) < 5 || x.Checks[0].Detail.JA == ""):
			t.Errorf("got %+v", x)
		case x.Channel == "line" && (x.Sent || !strings.Contains(x.Sentence.JA, "LINE の宛先が登録されていないため送りませんでした")):
			t.Errorf("got %+v", x)
		}
		if x.JourneyTitle.EN != "Thanks" {
			t.Errorf("title %+v", x.JourneyTitle)
		}
	}
	a = w.call("GET", "/people/"+suzuki+"/decisions", nil)
	if d := into[list[decisionRow]](a).Items; len(d) != 2 || d[0].Sent || d[1].Sent || !strings.Contains(a.text, "メールの配信を停止しているため送りませんでした") {
		t.Errorf("got %s", a.text)
	}
	a = w.call("GET", "/people/"+sato, nil)
	p := into[personPage](a)
	checkTexts(t, "person", a.text)
	if len(p.Runs) != 1 || p.Runs[0].Title.JA != "注文のお礼" || p.Runs[0].NodeTitle.JA != "1 日待つ" || len(p.Next) != 1 || p.Next[0].What.JA != "注文のお礼「終わり」" {
		t.Errorf("runs %+v, next %+v", p.Runs, p.Next)
	}
	a = w.call("GET", "/people/"+sato+"/timeline?kinds=journey", nil)
	checkTexts(t, "timeline", a.text)
	if items := into[list[timelineItem]](a).Items; len(items) == 0 || items[0].Label.JA != "ジャーニー開始" && items[0].Label.JA != "ジャーニーが進んだ" {
		t.Errorf("timeline %s", a.text)
	}

	w.checkThanks(path, live)
	w.checkPlace(path)
	w.checkPreview(path)
	paused := w.write("POST", path+"/status", map[string]any{"status": "paused"})
	if j := into[journeyPage](w.call("GET", path, nil)); j.Status != "paused" || j.Version != paused.Version || len(j.History) != 3 || j.History[0].Status != "paused" || j.History[2].Status != "draft" {
		t.Errorf("got %+v", j.History)
	}
}

// checkThanks looks at where people stand in the journey and what it did, on every page that tells it.
func (w *world) checkThanks(path string, live Written) {
	t := w.t
	t.Helper()
	a := w.call("GET", path+"/people", nil)
	checkTexts(t, "people", a.text)
	s := into[standingPage](a)
	counts := ""
	for _, n := range s.Nodes {
		counts += fmt.Sprintf("%s %d/%d/%d ", n.ID, n.Standing, n.Passed, n.Sent)
	}
	if counts != "say 0/2/0 rest 2/0/0 done 0/0/0 " || len(s.Items) != 2 || s.Items[0].Name == "" {
		t.Errorf("nodes %s, items %+v", counts, s.Items)
	}
	if s := into[standingPage](w.call("GET", path+"/people?node=done", nil)); len(s.Items) != 0 {
		t.Errorf("got %+v", s.Items)
	}
	r := into[journeyResult](w.call("GET", path+"/results", nil))
	if r.Entered != 2 || r.Running != 2 || r.Title.JA != "注文のお礼" || r.Skipped["consent"] != 1 {
		t.Errorf("results %+v", r)
	}
	rows := into[list[journeyRow]](w.call("GET", "/journeys", nil)).Items
	if len(rows) != 1 || rows[0].Status != "live" || rows[0].Entered != 2 || rows[0].Purpose != "marketing" {
		t.Errorf("rows %+v", rows)
	}
	report := w.call("GET", "/reports/journeys", nil)
	if !strings.Contains(report.text, `"title":{"ja":"注文のお礼"`) {
		t.Errorf("report %s", report.text)
	}
	checkTexts(t, "report", report.text)
	home := into[homePage](w.call("GET", "/home?after="+live.Position, nil))
	if len(home.Journeys) != 1 || home.Journeys[0].Entered7d != 2 || home.Totals.WaitingRuns != 2 {
		t.Errorf("home %+v", home.Journeys)
	}
}

func TestJourneyRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	put := func(definition string, status string) reply {
		t.Helper()
		return w.call("PUT", "/journeys/j", map[string]any{"definition": json.RawMessage(definition), "status": status, "expect": 0})
	}
	// Lines are those of the text as the console shows it: two spaces, one member a line.
	a := put(strings.Replace(thanks, `"next": "rest"`, `"next": "rset"`, 1), "draft").want(422)
	var p problem
	if err := json.Unmarshal([]byte(a.text), &p); err != nil {
		t.Fatal(err)
	}
	shown, err := json.MarshalIndent(json.RawMessage(compact([]byte(strings.Replace(thanks, `"next": "rest"`, `"next": "rset"`, 1)))), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Errors) == 0 || p.Errors[0].Line == 0 || !strings.Contains(strings.Split(string(shown), "\n")[p.Errors[0].Line-1], "rset") && !strings.Contains(p.Errors[0].Message, "rset") {
		t.Errorf("got %s", a.text)
	}
	if !strings.Contains(put(strings.Replace(thanks, "thanks_mail", "no_such_template", 1), "draft").want(422).text, "no_such_template") {
		t.Error("a missing template is not named")
	}
	put(`[1]`, "draft").want(422)
	put(`{"title": 1}`, "draft").want(422)
	put(thanks, "running").want(422)
	if len(w.cfg.Definitions.List("template"))+len(w.cfg.Definitions.List("journey")) != 0 {
		t.Error("a refused journey left something")
	}
	token, _ := w.key(keyAdmin, "editor")
	e := w.as(token)
	if a := e.call("PUT", "/journeys/j", map[string]any{"definition": json.RawMessage(thanks), "status": "live", "expect": 0}).want(403); !strings.Contains(a.text, "承認者") {
		t.Errorf("got %s", a.text)
	}
	e.call("PUT", "/definitions/journey/j", map[string]any{"body": json.RawMessage(thanks), "expect": -1}).want(403) // without a state it would be live
	e.call("PUT", "/journeys/j", map[string]any{"definition": json.RawMessage(thanks), "expect": 0}).want(200)
	e.call("POST", "/journeys/j/status", map[string]any{"status": "live"}).want(403)
	e.call("POST", "/journeys/j/status", map[string]any{"status": "in_review"}).want(200)
	if j := into[journeyPage](e.call("GET", "/journeys/j", nil)); j.Status != "in_review" {
		t.Errorf("status %s", j.Status)
	}
}

// TestGalleryJourneys: each ready-made journey can be taken over as it is, in two clicks; in short one below each heading.
func TestGalleryJourneys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	a := w.call("GET", "/journeys/gallery", nil)
	checkTexts(t, "gallery", a.text)
	items := into[list[journeyExample]](a).Items
	if len(items) < 40 {
		t.Fatalf("%d journeys", len(items))
	}
	groups := map[string]bool{}
	for _, g := range items {
		if g.Title.JA == "" || g.Description.JA == "" || g.Group.Title.EN == "" || len(g.Channels) == 0 || len(g.Events)+len(g.Segments) == 0 && g.Name != "apology_points" && g.Name != "card_expiring" {
			t.Errorf("%s has no words, or needs nothing: %+v", g.Name, g)
		}
		for _, e := range g.Events {
			if e.Title.JA == "" || e.Title.EN == "" || e.Seen {
				t.Errorf("%s: event %+v of an empty shop", g.Name, e)
			}
		}
		if groups[g.Group.ID] && os.Getenv("ENISHI_FULL") == "" {
			continue
		}
		groups[g.Group.ID] = true
		w.call("PUT", "/journeys/"+g.Name, map[string]any{"definition": g.Definition, "status": "draft", "expect": 0, "reason": ""}).want(200)
		w.call("POST", "/journeys/"+g.Name+"/status", map[string]any{"status": "live", "reason": ""}).want(200)
		checkTexts(t, g.Name, w.call("GET", "/journeys/"+g.Name+"/people", nil).text)
	}
	w.play([]enishi.Event{{Type: "user.signed_up", ID: enishi.EventID("u"), At: time.Now().UTC(), Person: &enishi.Person{CustomerID: "C10009"}}})
	for _, g := range into[list[journeyExample]](w.call("GET", "/journeys/gallery", nil)).Items {
		if g.Name == "welcome" && !g.Events[0].Seen {
			t.Errorf("%+v came", g.Events)
		}
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	f := func(in, key, value, out string) {
		t.Helper()
		if got := string(compact(withField([]byte(in), key, []byte(value)))); got != out {
			t.Errorf("%s: %s, want %s", in, got, out)
		}
	}
	f(`{"b":1,"a":{"x":[1,2]}}`, "state", `"live"`, `{"b":1,"a":{"x":[1,2]},"state":"live"}`)
	f(`{"b":1,"state":"draft","a":2}`, "state", `"live"`, `{"b":1,"state":"live","a":2}`)
	f(`{}`, "a", "1", `{"a":1}`)
	f(`[1]`, "a", "1", `[1]`)
	if got := string(compact(withoutState([]byte(`{"a":1,"state":"x","b":{"state":"y"}}`)))); got != `{"a":1,"b":{"state":"y"}}` {
		t.Errorf("got %s", got)
	}
	for _, bad := range []string{"", "1", "{", `{"a"`, `{"a":}`} {
		if members([]byte(bad)) != nil {
			t.Errorf("%q has members", bad)
		}
	}
}

// TestJourneyNames: what a journey's conditions name must be there when it is saved, and cannot be deleted or broken while they
// do; of an archived one it can.
func TestJourneyNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	const path = "/journeys/split"
	definition := `{"title":{"ja":"分ける","en":"Split"},"purpose":"transactional","consent":"not_refused","entry":{"event":"order.placed","reentry":"never","where":"!in_list(\"staff\")"},
"goal":{"event":"order.placed","where":"distance(\"S1\") < 5"},"start":"ask","nodes":{"ask":{"type":"branch","branches":[{"if":"in_segment(\"big\")","next":"end"},{"if":"top(\"best\")","next":"end"}],"else":"end"},"end":{"type":"exit"}}}`
	save := map[string]any{"definition": json.RawMessage(definition), "status": "draft", "expect": 0}
	a := w.call("PUT", path, save).want(422)
	var p problem
	if err := json.Unmarshal([]byte(a.text), &p); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`there is no list "staff"`, `there is no store "S1"`, `there is no segment "big"`, `there is no ranking "best"`} {
		if !slices.ContainsFunc(p.Errors, func(e problemDetail) bool { return e.Line > 0 && e.Col > 0 && strings.Contains(e.Message, want) }) {
			t.Errorf("%s is not said: %s", want, a.text)
		}
	}
	title := map[string]string{"ja": "題", "en": "T"}
	segment := func(expression string, expect int) map[string]any {
		return map[string]any{"title": title, "expression": expression, "expect": expect}
	}
	w.write("PUT", "/segments/base", segment("ltv > 100", 0))
	w.write("PUT", "/segments/big", segment(`in_segment("base")`, 0))
	w.write("PUT", "/lists/staff", map[string]any{"title": title, "expect": 0})
	w.write("PUT", "/stores/S1", map[string]any{"definition": map[string]any{"title": title, "lat": 35, "lon": 139}, "expect": 0})
	ranking := map[string]any{"title": title, "measure": "ltv", "by": map[string]any{"top": 10}, "expect": 0}
	w.write("PUT", "/rankings/best", ranking)
	w.write("PUT", path, save)
	for _, at := range []string{"/segments/base", "/segments/big", "/lists/staff", "/stores/S1", "/rankings/best"} {
		if a := w.call("DELETE", at+"?used_by=split", nil).want(409); !strings.Contains(a.text, "split") || !strings.Contains(a.text, "ジャーニー split") {
			t.Errorf("%s: %s", at, a.text)
		}
		if strings.HasPrefix(at, "/segments/") {
			uses := into[list[segmentUse]](w.call("GET", at+"/uses", nil)).Items
			if !slices.ContainsFunc(uses, func(u segmentUse) bool {
				return u.Kind == "journey" && u.Name == "split" && u.Status == "draft" && len(u.Where) == 1
			}) {
				t.Errorf("uses of %s: %+v", at, uses)
			}
			continue
		}
		if used := into[struct {
			Names []string `json:"used_in"`
		}](w.call("GET", at, nil)); !slices.Equal(used.Names, []string{"split"}) {
			t.Errorf("%s is used in %v", at, used.Names)
		}
	}
	ranking["by"], ranking["expect"] = map[string]any{"quantiles": 4}, -1 // top("best") could not be read any more
	if a := w.call("PUT", "/rankings/best", ranking).want(422); !strings.Contains(a.text, "split") {
		t.Error(a.text)
	}
	w.write("PUT", "/segments/base", segment("ltv > 200", -1))
	w.write("POST", path+"/status", map[string]any{"status": "archived", "reason": ""})
	w.write("DELETE", "/lists/staff", nil)
	w.call("POST", path+"/status", map[string]any{"status": "draft", "reason": ""}).want(422) // it would name what is gone
}

// TestJourneyCalled: a journey that may be called takes a person in by the API, once under the same key of the request; and lets
// the person out. One that may not, is not live or has a key of its own refuses and says why.
func TestJourneyCalled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	now := time.Now().UTC()
	w.play(scenario(now))
	const path = "/journeys/concierge"
	body := strings.NewReplacer(`"event": "order.placed", "key": "order_id", "reentry": "never"`, `"called": true, "reentry": "after_exit"`).Replace(thanks)
	w.write("PUT", path, map[string]any{"definition": json.RawMessage(body), "status": "draft", "expect": 0})
	sato := w.id(enishi.Customer, "C10001")
	enter := map[string]any{"person": sato}
	w.call("POST", path+"/people", enter).want(404) // nothing was ever let out
	live := w.write("POST", path+"/status", map[string]any{"status": "live"})
	w.write("PUT", "/journeys/thanks", map[string]any{"definition": json.RawMessage(thanks), "status": "live", "expect": 0})
	if a := w.call("POST", "/journeys/thanks/people", enter).want(409); !strings.Contains(a.text, "called") {
		t.Errorf("got %s", a.text)
	}
	w.call("DELETE", path+"/people/"+sato, nil).want(409)
	into[journeyPage](w.call("GET", path+"?after="+live.Position, nil))
	entered := w.write("POST", path+"/people", enter)
	runs := func() []string {
		var out []string
		for _, r := range into[personPage](w.call("GET", "/people/"+sato+"?after="+entered.Position, nil)).Runs {
			if r.Journey == "concierge" && r.EndedAt.IsZero() {
				out = append(out, r.Node)
			}
		}
		return out
	}
	if got := runs(); !slices.Equal(got, []string{"rest"}) {
		t.Fatalf("runs at %v", got)
	}
	flight := into[flightPage](w.call("GET", path+"/flight", nil))
	if len(flight.Items) != 1 || flight.Items[0].Node != "rest" || flight.Items[0].Standing != 1 || flight.Items[0].Gone {
		t.Errorf("under way: %+v", flight)
	}

	// A draft waits beside what is live, and pausing keeps it.
	draft := w.write("PUT", path, map[string]any{"definition": json.RawMessage(strings.Replace(body, `"for": "1d"`, `"for": "2d"`, 1)), "status": "draft", "expect": live.Version})
	page := func() journeyPage { return into[journeyPage](w.call("GET", path+"?after="+draft.Position, nil)) }
	if j := page(); j.Status != "draft" || j.Acting != live.Version || j.ActingStatus != "live" {
		t.Errorf("got %+v", j)
	}
	w.write("POST", path+"/people", map[string]any{"person": w.id(enishi.Customer, "C10002")}) // it is live still
	draft = w.write("POST", path+"/status", map[string]any{"status": "paused"})
	if j := page(); j.Status != "draft" || j.ActingStatus != "paused" || !strings.Contains(string(j.Definition), `"2d"`) {
		t.Errorf("got %+v", j)
	}
	w.call("POST", path+"/people", enter).want(409)
	draft = w.write("POST", path+"/status", map[string]any{"status": "live", "in_flight": map[string]any{"then": "exit"}})
	if j := page(); j.Status != "live" || j.Acting != j.Version || !strings.Contains(string(j.Definition), `"exit"`) {
		t.Errorf("got %+v", j)
	}
	eventually(t, func() bool { return len(runs()) == 0 })
	w.call("POST", path+"/status", map[string]any{"status": "live", "in_flight": map[string]any{"then": "stay"}}).want(422)
}

// The schema that is served is the one of the documentation.
func TestJourneySchema(t *testing.T) {
	t.Parallel()
	var have, want any
	if err := json.Unmarshal([]byte(theWorld(t).call("GET", "/schemas/journey", nil).want(200).text), &have); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(docs.JourneySchema), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, have); diff != "" || want.(map[string]any)["$defs"] == nil {
		t.Error(diff)
	}
}
