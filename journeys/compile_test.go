package journeys

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"enishi"
	"enishi/profiles"
	"enishi/segments"
)

const minimal = `{
  "title": {"ja": "題", "en": "Title"}, "purpose": "marketing", "consent": "opt_in",
  "entry": {"event": "order.placed", "key": "order_id", "reentry": "never"},
  "start": "a",
  "nodes": {
    "a": {"type": "wait", "for": "1h", "next": "b"},
    "b": {"type": "exit"}
  }
}`

// TestCompileFailure: each mistake is named with its node or field and its place.
func TestCompileFailure(t *testing.T) {
	f := func(old, with, wantPlace, wantText string) {
		t.Helper()
		if !strings.Contains(minimal, old) {
			t.Fatalf("the definition has no %s", old)
		}
		body := strings.Replace(minimal, old, with, 1)
		_, err := Compile("j", 1, []byte(body), segments.Library{})
		var ps Problems
		if !errors.As(err, &ps) {
			t.Fatalf("%s: no problem found: %v", with, err)
		}
		var all []string
		for _, p := range ps {
			if p.Code != enishi.Invalid || p.Msg == "" || p.MsgJA == "" || p.Line == 0 || p.Col == 0 {
				t.Errorf("incomplete: %+v", p)
			}
			place := itoa(p.Line) + ":" + itoa(p.Col)
			all = append(all, place+" "+p.Field+" "+p.Msg)
			if place == wantPlace && strings.Contains(p.Field+" "+p.Msg, wantText) {
				return
			}
		}
		t.Errorf("%s: want %s at %s, have\n%s", with, wantText, wantPlace, strings.Join(all, "\n"))
	}
	// the text itself
	f(`"start": "a",`, `"start": "a",,`, "4:16", "not valid JSON")
	f(`"start": "a",`, `"start": "a", "colour": 1,`, "4:17", `no field "colour"`)
	f(`"start": "a",`, `"start": "a", "start": "b",`, "4:17", "given twice")
	f(`"start": "a"`, `"start": 5`, "4:12", "must stand text")
	f(`"for": "1h"`, `"for": ["1h"]`, "6:34", "not a list")
	f(`"start": "a"`, `"start": "a", "priority": 1e999`, "4:29", "too large")
	f(`"start": "a"`, `"start": "a", "priority": 1.5`, "4:29", "a whole number")
	f(`"b": {"type": "exit"}`, `"b": {"type": "exit"}, "b": {"type": "exit"}`, "7:28", "given twice")
	f("\n}", "\n} x", "9:3", "not valid JSON")
	f("\n}", "\n} {}", "9:4", "more text")
	// the head
	f(`"en": "Title"`, `"en": ""`, "2:12", "title")
	f(`"purpose": "marketing"`, `"purpose": "spam"`, "2:51", `"spam" is not known`)
	f(`"opt_in"`, `"not_refused"`, "2:75", "opt_in")
	f(`"start": "a",`, `"start": "a", "state": "on",`, "4:26", "draft, review")
	f(`"start": "a",`, `"start": "a", "cap": {"default": "often"},`, "4:36", "2/7d")
	f(`"start": "a",`, `"start": "a", "quiet_hours": {"from": "9pm", "to": "09:00"},`, "4:32", "21:00 to 09:00")
	f(`"start": "a"`, `"start": "z"`, "4:12", "must name a node")
	// the entry
	f(`"order.placed"`, `"order.plased"`, "3:22", "no event")
	f(`"order.placed"`, `"~timer"`, "3:22", "no event")
	f(`"event": "order.placed"`, `"event": "order.placed", "segment": "vip"`, "3:12", "not both")
	f(`"event": "order.placed", "key": "order_id", `, ``, "3:12", "needs an event, a segment or a date")
	f(`"order_id"`, `"shipment_id"`, "3:45", "order.placed has no shipment_id")
	f(`"order_id"`, `"phone"`, "3:45", "no key")
	f(`"reentry": "never"`, `"reentry": "sometimes"`, "3:68", "never, after_exit")
	f(`"reentry": "never"`, `"reentry": "after:soon"`, "3:68", "no duration")
	f(`"reentry": "never"`, `"where": "event.order.totl > 1", "reentry": "never"`, "3:67", "event.order.total")
	f(`"reentry": "never"`, `"where": "\"x\" == \"y\" && event.order.totl > 1", "reentry": "never"`, "3:85", "event.order.totl")
	f(`"reentry": "never"`, `"where": "event.order.total > \"a\"", "reentry": "never"`, "3:85", "mismatched types")
	f(`"reentry": "never"`, `"where": "event.order.total", "reentry": "never"`, "3:67", "bool")
	f(`"reentry": "never"`, `"where": "event.order.automatic && ltvv > 1", "reentry": "never"`, "3:92", "ltvv")
	f(`"reentry": "never"`, `"where": "event.order.total > ltv", "reentry": "never"`, "3:67", "join whole conditions")
	f(`"reentry": "never"`, `"where": "orders_count >", "reentry": "never"`, "3:81", "ends too early")
	// conditions
	f(`"start": "a",`, `"start": "a", "exit_on": [{"event": "cart.viewed"}],`, "4:29", `"any"`)
	f(`"start": "a",`, `"start": "a", "exit_on": [{"key": "order_id"}],`, "4:29", "missing")
	f(`"start": "a",`, `"start": "a", "goal": {"segment": "vip", "where": "true"},`, "4:25", "belong to an event")
	// nodes
	f(`"type": "exit"`, `"type": "sms"`, "7:19", `node "b": "sms" is no type`)
	f(`"for": "1h", `, ``, "6:10", `node "a": a wait needs one of for`)
	f(`"for": "1h"`, `"for": "1h", "until": {"time": "10:00"}`, "6:10", "needs one of")
	f(`"for": "1h"`, `"until": {"time": "25:00"}`, "6:45", "written as 10:00")
	f(`"for": "1h"`, `"until": {"time": "10:00", "cutoff": true}`, "6:45", "have none")
	f(`"for": "1h"`, `"until": {"weekdays": ["mon"]}`, "6:36", "needs one of time")
	f(`"for": "1h"`, `"until": {"time": "10:00", "weekdays": ["monday"]}`, "6:67", "mon")
	f(`"for": "1h"`, `"until": {"time": "10:00", "offset": "1d"}`, "6:36", "belong to date")
	f(`"for": "1h"`, `"until": {"date": "birthday", "offset": "soon"}`, "6:67", "no duration")
	f(`"for": "1h"`, `"until_true": "orders_count > 1"`, "6:10", "timeout is missing")
	f(`"for": "1h"`, `"until_true": "orders_cout > 1", "timeout": "1d"`, "6:42", "orders_count")
	f(`"for": "1h"`, `"until": {"time": "10:00"}, "reset_on": {"event": "cart.updated", "key": "any"}`, "6:67", "begin anew")
	f(`"type": "exit"`, `"type": "holdout", "percent": 60, "next": "b"`, "7:41", "at most 50")
	f(`"type": "exit"`, `"type": "split", "ways": [{"weight": 1, "next": "a"}]`, "7:36", "2 to 10 ways")
	f(`"type": "exit"`, `"type": "update", "next": "a"`, "7:10", "set or clear")
	f(`"type": "exit"`, `"type": "update", "set": {"a b": 1}, "next": "a"`, "7:44", "letters")
	f(`"type": "exit"`, `"type": "points", "points": {"amount": 0, "reason": "x"}, "next": "a"`, "7:39", "1,000,000")
	f(`"type": "exit"`, `"type": "start", "journey": "j", "next": "a"`, "7:39", "another journey")
	f(`"start": "a",`, `"start": "a", "priority": 12,`, "4:29", "1 to 9")
	f(`"start": "a",`, `"start": "a", "in_flight": {"then": "stay"},`, "4:39", "finish, move")
	f(`"start": "a",`, `"start": "a", "in_flight": {"then": "move", "nodes": {"x": "y"}},`, "4:62", "one of this version")
	f(`"for": "1h"`, `"for": "1h", "template": "x"`, "6:52", `node "a": a node of type wait has no template`)
	f(`"for": "1h"`, `"for": "1 hour"`, "6:34", "no duration")
	f(`"for": "1h"`, `"for": "9999d"`, "6:34", "two years")
	f(`"for": "1h"`, `"until_event": {"event": "order.paid"}`, "6:10", `node "a": timeout is missing`)
	f(`"next": "b"`, `"next": "c"`, "6:48", `"c", which does not exist`)
	f(`, "next": "b"`, ``, "6:10", "next is missing")
	f(`"for": "1h", "next": "b"`, `"for": "1h", "next": "a"`, "7:10", `node "b": no way leads here`)
	f(`"a": {"type": "wait", "for": "1h", "next": "b"}`, `"a": {"type": "message", "template": "x_mail", "next": "a"}`, "6:10", "loop without a wait")
	f(`"a": {"type": "wait", "for": "1h", "next": "b"}`, `"a": {"type": "message", "channels": ["fax"], "templates": {"fax": "x"}, "next": "b"}`, "6:43", `no channel "fax"`)
	f(`"a": {"type": "wait", "for": "1h", "next": "b"}`, `"a": {"type": "message", "channels": ["line", "email"], "templates": {"line": "x"}, "next": "b"}`, "6:74", "template for email is missing")
	f(`"a": {"type": "wait", "for": "1h", "next": "b"}`, `"a": {"type": "message", "channels": ["line_notice"], "templates": {"line_notice": "x"}, "next": "b"}`, "6:43", "order and shipping notices only")
	f(`"a": {"type": "wait", "for": "1h", "next": "b"}`, `"a": {"type": "branch", "branches": [{"if": "", "next": "b"}], "else": "b"}`, "6:49", "condition is empty")
	f(`"a": {"type": "wait", "for": "1h", "next": "b"}`, `"a": {"type": "branch", "branches": [{"if": "true", "next": "b"}]}`, "6:10", "else is missing")
	f(`"b": {`, `"B!": {"type": "exit"}, "b": {`, "7:11", "small letters")
}

func TestCompileSuccess(t *testing.T) {
	f := func(old, with string) {
		t.Helper()
		if _, err := Compile("j", 1, []byte(strings.Replace(minimal, old, with, 1)), segments.Library{}); err != nil {
			t.Errorf("%s: %v", with, err)
		}
	}
	f("", "")
	f(`"key": "order_id"`, `"key": "order.order_id"`)
	f(`"event": "order.placed", "key": "order_id"`, `"events": ["custom.nudge"], "key": "properties.ticket"`)
	f(`"reentry": "never"`, `"where": "event.order.total >= 5000 && (ltv >= 1 || !(event.order.automatic)) && len(event.order.coupon) > 0", "reentry": "after:30d"`)
	f(`"reentry": "never"`, `"where": "true", "reentry": "always"`)
	f(`"start": "a",`, `"start": "a", "exit_on": [{"event": "cart.viewed", "key": "any"}, {"event": "message.clicked"}, {"segment": "vip", "entered": false}],`)
	f(`"a": {"type": "wait", "for": "1h", "next": "b"}`, `"a": {"type": "wait", "until_event": {"event": "shipment.delivered", "where": "run.order.delivered"}, "timeout": "3d", "next": "a", "on_timeout": "b"}`)
}

// TestGalleryCompiles: the ready-made journeys have no problem, refer to templates of their purpose that are there, and say
// what the issue of a marketer asks: purpose, consent rule, cap.
func TestGalleryCompiles(t *testing.T) {
	templates := map[string]galleryTemplate{}
	journeys := 0
	for _, item := range Gallery() {
		if item.Kind == "template" {
			templates[item.Name] = readTemplate(t, item)
			continue
		}
		journeys++
		err := Check(item.Name, item.Body, segments.Library{}, References{Template: func(name string) (string, bool) { x, ok := templates[name]; return x.Channel, ok },
			Segment: func(name string) bool { return readySegments(t)[name] != "" }})
		if err != nil {
			t.Errorf("%s: %v", item.Name, err)
			continue
		}
		j := mustCompile(t, item.Name, 1, item.Body)
		if j.Definition.Cap == nil || j.Definition.About == nil {
			t.Errorf("%s names no cap, or not what it is for", item.Name)
		}
		for id, n := range j.nodes {
			if n.Type != nodeExit && n.Title == nil {
				t.Errorf("%s: node %s has no title", item.Name, id)
			}
			for _, ch := range n.channels {
				if x := templates[n.Templates[ch]]; x.Purpose != j.Definition.Purpose {
					t.Errorf("%s: template %s is for %q", item.Name, n.Templates[ch], x.Purpose)
				}
			}
		}
	}
	if journeys < 40 || len(templates) < 100 {
		t.Errorf("%d journeys, %d templates", journeys, len(templates))
	}
}

// TestGalleryIsWhole: each journey is below one heading and has a scenario of its own in which somebody is sent something, somebody is
// not, and a run ends; each template is used; some of it can be asked for by name.
func TestGalleryIsWhole(t *testing.T) {
	t.Parallel()
	below := map[string]string{}
	for _, g := range GalleryGroups() {
		if g.Title.JA == "" || g.Title.EN == "" {
			t.Errorf("group %s has no words", g.ID)
		}
		for _, name := range g.Journeys {
			if below[name] != "" {
				t.Errorf("%s is below %s and %s", name, below[name], g.ID)
			}
			below[name] = g.ID
		}
	}
	var names []string
	for _, item := range galleryFiles("gallery", "journey") {
		names = append(names, item.Name)
		if below[item.Name] == "" {
			t.Errorf("%s is below no heading", item.Name)
		}
		delete(below, item.Name)
		text, err := os.ReadFile("testdata/" + item.Name + ".scenario")
		if err != nil {
			t.Error(err)
			continue
		}
		sent, not, over := regexp.MustCompile(`expect sent \w+ \w+ [1-9]`), regexp.MustCompile(`expect (sent \w+ \w+ 0|decision|never|refused)`), regexp.MustCompile(`expect (end|norun|row \w+ journey.exited)`)
		for what, holds := range map[string]*regexp.Regexp{"sent": sent, "not sent": not, "over": over} {
			if item.Name == "double_opt_in" && what == "over" {
				continue // it is over when it has begun
			}
			if !holds.Match(text) {
				t.Errorf("the scenario of %s does not expect that something is %s", item.Name, what)
			}
		}
	}
	if len(below) > 0 {
		t.Errorf("no such journeys: %v", below)
	}
	if a, b := len(Gallery(names...)), len(Gallery()); a != b {
		t.Errorf("the journeys use %d definitions of %d", a, b)
	}
	if some := Gallery("welcome"); len(some) != 5 || some[4].Name != "welcome" || some[0].Kind != "template" {
		t.Errorf("welcome alone: %d definitions", len(some))
	}
}

// readySegments are the expressions of the ready-made segments.
func readySegments(t testing.TB) map[string]string {
	t.Helper()
	all, err := segments.Gallery()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, g := range all {
		b, err := segments.ParseBody(g.JSON)
		if err != nil {
			t.Fatal(err)
		}
		out[g.Name] = b.Expression
	}
	return out
}

// TestCheckReferences: unknown templates and segments are named with their node.
func TestCheckReferences(t *testing.T) {
	body := galleryBody(t, "journey", "winback")
	check := func(template func(string) (string, bool), segment func(string) bool) string {
		if err := Check("winback", body, segments.Library{}, References{Template: template, Segment: segment}); err != nil {
			var ps Problems
			if !errors.As(err, &ps) || ps[0].Line == 0 {
				t.Fatalf("no place: %v", err)
			}
			return err.Error()
		}
		return ""
	}
	all := func(string) bool { return true }
	if got := check(testChannel, all); got != "" {
		t.Errorf("a good definition: %s", got)
	}
	if got := check(testChannel, func(string) bool { return false }); !strings.Contains(got, `no segment "lapsed-90-days"`) {
		t.Errorf("unknown segment: %s", got)
	}
	if got := check(func(string) (string, bool) { return "", false }, all); !strings.Contains(got, `node "first": there is no template "winback_mail"`) {
		t.Errorf("unknown template: %s", got)
	}
	if got := check(func(string) (string, bool) { return "line", true }, all); !strings.Contains(got, "is for line, not for email") {
		t.Errorf("template of another channel: %s", got)
	}
}

func testChannel(name string) (string, bool) {
	_, ch, ok := testTemplates(name)
	return ch, ok
}

func TestParseSettings(t *testing.T) {
	good, err := ParseSettings([]byte(`{"timezone":"Asia/Tokyo","accelerate":720,"senders":[{"channel":"email","account":"news","purpose":"marketing"},{"channel":"email","account":"shop"}],
		"links":{"review":"https://shop.example/r?order={order_id}"},"caps":{"marketing":{"default":"3/7d"}}}`))
	if err != nil || good.account("email", marketing) != "news" || good.account("email", transactional) != "shop" || good.account("line", marketing) != "default" {
		t.Errorf("good settings: %+v %v", good, err)
	}
	f := func(body, want string) {
		t.Helper()
		_, err := ParseSettings([]byte(body))
		if err == nil || !strings.Contains(err.Error(), want) || enishi.ErrorCode(err) != enishi.Invalid {
			t.Errorf("%s: %v", body, err)
		}
	}
	f(`{"timezone":"Tokyo"}`, "timezone")
	f(`{"accelerate":0.5}`, "accelerate")
	f(`{"senders":[{"channel":"fax","account":"a"}]}`, "senders[0].channel")
	f(`{"senders":[{"channel":"email","account":"A B"}]}`, "senders[0].account")
	f(`{"links":{"shop":"shop.example"}}`, "links.shop")
	f(`{"caps":{"marketing":{"default":"3"}}}`, "caps.marketing")
	f(`{"quiet":1}`, `no field "quiet"`)
}

// TestCompileNames: conditions may name what the library has; what it has not is named at its place.
func TestCompileNames(t *testing.T) {
	t.Parallel()
	vip := "ltv > 50000"
	l := segments.Library{Segment: func(name string) (string, bool) { return vip, name == "vip" }, List: func(name string) bool { return name == "fair" },
		Store: func(id string) (profiles.Place, bool) { return profiles.Place{}, id == "S1" }}
	body := func(where, branch string) []byte {
		return fmt.Appendf(nil, `{"title":{"ja":"題","en":"T"},"purpose":"marketing","consent":"opt_in","entry":{"event":"order.placed","reentry":"never","where":%q},
"exit_on":[{"event":"order.cancelled","where":"in_list(\"fair\")"}],"goal":{"event":"order.placed","where":"event.order.total > 5 && distance(\"S1\") < 3"},
"start":"b","nodes":{"b":{"type":"branch","branches":[{"if":%q,"next":"x"}],"else":"x"},"x":{"type":"exit"}}}`, where, branch)
	}
	j, err := Compile("j", 1, body(`event.order.total > 3 && !in_segment("vip")`, `rfm_r >= 4 || in_segment("vip")`), l)
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string]string{segments.KindSegment: "[vip]", segments.KindList: "[fair]", segments.KindStore: "[S1]", segments.KindRanking: "[rfm-recency]"} {
		if have := fmt.Sprint(j.Took(kind)); have != want {
			t.Errorf("took %s of kind %s, want %s", have, kind, want)
		}
	}
	if !j.Current(l) {
		t.Error("it is as it was")
	}
	if vip = "ltv > 60000"; j.Current(l) {
		t.Error("a changed segment is not noticed")
	}
	f := func(where, branch, want string) {
		t.Helper()
		_, err := Compile("j", 1, body(where, branch), l)
		var ps Problems
		if !errors.As(err, &ps) || len(ps) != 1 || fmt.Sprintf("%d:%d %s %s", ps[0].Line, ps[0].Col, ps[0].Field, ps[0].Msg) != want {
			t.Errorf("%s, %s: %v, want %s", where, branch, err, want)
		}
	}
	f(`in_segment("vpi")`, "true", `1:141 entry.where there is no segment "vpi": write the name of one that is there, or make it first`)
	f("true", `in_list("fare")`, `3:70 nodes.b.branches[0].if node "b": there is no list "fare": write the name of one that is there, or make it first`)
	f("true", `event.order.total > 1 && top("x")`, `3:91 nodes.b.branches[0].if node "b": there is no ranking "x": write the name of one that is there, or make it first`)
}

// FuzzCompile: no text makes the compiler panic, and a problem always has a place.
func FuzzCompile(f *testing.F) {
	f.Add(minimal)
	for _, item := range Gallery() {
		if item.Kind == "journey" {
			f.Add(string(item.Body))
		}
	}
	f.Add(`{"nodes":{"a":null}}`)
	f.Add(`[1]`)
	f.Fuzz(func(t *testing.T, body string) {
		j, err := Compile("fuzz", 1, []byte(body), segments.Library{})
		var ps Problems
		if err != nil && (!errors.As(err, &ps) || len(ps) == 0) {
			t.Fatalf("error without problems: %v", err)
		}
		if err == nil && (j == nil || !json.Valid([]byte(body))) {
			t.Fatalf("compiled what is no JSON")
		}
	})
}
