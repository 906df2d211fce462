package api

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"enishi/channels"
	"enishi/channels/webhook"
)

// badJourney is a definition with one thing wrong, and how it is refused. Its errors may name more than that.
type badJourney struct {
	edits string // JSON: values by path of the good definition; null takes one out
	at    string // the place that is named
	says  string // of the English text
}

// goodJourney, goodCampaign and goodNotice are what the table makes bad.
const (
	goodJourney = `{"title": {"ja": "題", "en": "Title"}, "purpose": "marketing", "consent": "opt_in",
  "entry": {"event": "order.placed", "key": "order_id", "reentry": "never"}, "start": "a",
  "nodes": {"a": {"type": "wait", "for": "1h", "next": "b"}, "b": {"type": "exit"}}}`
	goodCampaign = `{"title": {"ja": "題", "en": "Title"}, "purpose": "marketing", "consent": "opt_in",
  "entry": {"sweep": true, "segment": "all", "reentry": "never"}, "start": "a",
  "nodes": {"a": {"type": "split", "ways": [{"weight": 1, "next": "b"}, {"weight": 1, "next": "c"}]}, "b": {"type": "exit"}, "c": {"type": "exit"}}}`
	goodNotice = `{"title": {"ja": "題", "en": "Title"}, "purpose": "transactional", "consent": "not_refused",
  "entry": {"event": "order.placed", "key": "order_id", "reentry": "never"}, "start": "a",
  "nodes": {"a": {"type": "message", "channels": ["line_notice", "email"], "templates": {"line_notice": "x", "email": "y"}, "next": "b"}, "b": {"type": "exit"}}}`
)

// edited is a definition with values put in by path, as "nodes.a.for".
func edited(t *testing.T, definition, edits string) string {
	t.Helper()
	var whole map[string]any
	var values map[string]any
	for text, into := range map[string]any{definition: &whole, edits: &values} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	for path, value := range values {
		at, names := whole, strings.Split(path, ".")
		for _, name := range names[:len(names)-1] {
			next, ok := at[name].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[name] = next
			}
			at = next
		}
		if last := names[len(names)-1]; value == nil {
			delete(at, last)
		} else {
			at[last] = value
		}
	}
	text, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// message is a message step in place of the wait.
func message(fields string) string {
	return `{"nodes.a": {"type": "message", "next": "b", ` + fields + `}}`
}

// hook is a call of another system in place of the wait.
func hook(fields string) string {
	return `{"nodes.a": {"type": "webhook", "next": "b", "webhook": {` + fields + `}}}`
}

// badHeads are about what describes a journey, and how people come in.
func badHeads() []badJourney {
	return []badJourney{
		{`{"colour": 1}`, "colour", `no field "colour"`},
		{`{"nodes.a.colour": 1}`, "nodes.a.colour", `node "a": there is no field "colour"`},
		{`{"start": 5}`, "start", "must stand text, not a number"},
		{`{"start": {}}`, "start", "must stand text, not an object"},
		{`{"nodes.a.for": ["1h"]}`, "nodes.a.for", "must stand text, not a list"},
		{`{"priority": 1.5}`, "priority", "a whole number"},
		{`{"nodes.a": {"type": "update", "set": {"x": {"a": 1}}, "next": "b"}}`, "nodes.a.set.x", "not an object or a list"},
		{`{"title.en": ""}`, "title", "in Japanese (ja) and English (en)"},
		{`{"about": {"ja": "", "en": "x"}}`, "about", "in Japanese (ja) and English (en)"},
		{`{"purpose": "spam"}`, "purpose", `"spam" is not known`},
		{`{"purpose": null}`, "purpose", "this must be given: one of marketing, transactional"},
		{`{"consent": null, "nodes.a": {"type": "message", "channels": ["line", "email"], "templates": {"line": "thanks_line", "email": "thanks_mail"}, "next": "b"}}`,
			"consent", "this must be given: one of opt_in, not_refused"},
		{`{"consent": "not_refused"}`, "consent", "asks for permission before the first message"},
		{`{"topic": "New Things"}`, "topic", "small letters"},
		{`{"cap": {"default": "often"}}`, "cap.default", "2/7d"},
		{`{"priority": 12}`, "priority", "1 to 9"},
		{`{"in_flight": {"then": "stay"}}`, "in_flight.then", "finish, move, exit"},
		{`{"in_flight": {"then": "move", "nodes": {"x": "y"}}}`, "in_flight.nodes.x", "one of this version"},
		{`{"accounts": {"fax": "x"}}`, "accounts.fax", "accounts are written as"},
		{`{"quiet_hours": {"from": "9pm", "to": "09:00"}}`, "quiet_hours", "21:00 to 09:00"},
		{`{"quiet_hours": {"off": true, "from": "21:00"}}`, "quiet_hours", "leave from and to out"},
		{`{"quiet_hours": {"from": "21:00", "to": "09:00", "channels": ["fax"]}}`, "quiet_hours.channels[0]", "use one of email, line"},
		{`{"send_days": {"weekdays": ["friday"]}}`, "send_days.weekdays[0]", "use one of sun, mon"},
		{`{"utm": {"source": "{person}"}}`, "utm.source", "at most 200 bytes"},
		{`{"start": "z"}`, "start", "start must name a node"},
		{`{"entry.event": "order.plased"}`, "entry.event", "there is no event"},
		{`{"entry.event": null, "entry.events": ["order.placed", "~timer"]}`, "entry.events[1]", "there is no event"},
		{`{"entry.events": ["order.placed"]}`, "entry", "use event or events"},
		{`{"entry.segment": "vip"}`, "entry", "an event or a segment, not both"},
		{`{"entry.event": null, "entry.key": null}`, "entry", "an entry needs an event"},
		{`{"entry.exclude": ["vip"]}`, "entry", "belong to a broadcast"},
		{`{"entry.include_people_in": true}`, "entry", "belong to a segment"},
		{`{"entry.key": "phone"}`, "entry.key", "there is no key"},
		{`{"entry.key": "shipment_id"}`, "entry.key", "order.placed has no shipment_id"},
		{`{"entry.event": null, "entry.segment": "vip"}`, "entry.key", "a segment has no key"},
		{`{"entry.reentry": "sometimes"}`, "entry.reentry", "never, after_exit"},
		{`{"entry.reentry": "after:soon"}`, "entry.reentry", "no duration"},
		{`{"entry.time": "10:00"}`, "entry", "belong to date"},
		{`{"entry": {"date": "the day", "reentry": "never"}}`, "entry.date", "names a trait"},
		{`{"entry.date": "birthday"}`, "entry", "an entry by a date has no event"},
		{`{"entry": {"date": "birthday", "time": "25:00", "reentry": "never"}}`, "entry.time", "written as 10:00"},
		{`{"entry": {"date": "birthday", "offset": "-400d", "reentry": "never"}}`, "entry.offset", "at most 180 days"},
		{`{"entry": {"date": "birthday", "offset": "soon", "reentry": "never"}}`, "entry.offset", "no duration"},
		{`{"entry": {"date": "birthday", "within": "60d", "reentry": "never"}}`, "entry.within", "at most 30 days"},
		{`{"entry.event": null, "entry.key": null, "entry.segment": "none"}`, "entry.segment", `there is no segment "none"`},
	}
}

// badConditions are about expressions, exits, goals and waits.
func badConditions() []badJourney {
	return []badJourney{
		{`{"entry.where": "event.order.totl > 1"}`, "entry.where", "there is no event.order.totl: use one of event.order.total"},
		{`{"entry.where": "event.order.total > \"a\""}`, "entry.where", "mismatched types"},
		{`{"entry.where": "event.order.total"}`, "entry.where", "make it a question"},
		{`{"entry.where": "event.order.total >"}`, "entry.where", "look at operators"},
		{`{"entry.where": "` + strings.Repeat("event.order.total > 1 && ", 120) + `true"}`, "entry.where", "maximum allowed nodes"},
		{`{"entry.where": "` + strings.Repeat("orders_count > 1 && ", 250) + `true"}`, "entry.where", "longer than 4,000 bytes"},
		{`{"entry.where": "event.order.total > ltv"}`, "entry.where", "join whole conditions"},
		{`{"entry.where": "ltvv > 1"}`, "entry.where", "ltvv"},
		{`{"entry.where": "in_segment(\"vpi\")"}`, "entry.where", `there is no segment "vpi"`},
		{`{"entry.event": null, "entry.key": null, "entry.segment": "all", "entry.where": "event.order.total > 1"}`, "entry.where", "ask about the person instead"},
		{`{"exit_on": [{"event": "cart.viewed"}]}`, "exit_on[0]", `or "any" for whatever it is about`},
		{`{"exit_on": [{"key": "order_id"}]}`, "exit_on[0]", "an event or a segment is missing"},
		{`{"exit_on": [{"segment": "none"}]}`, "exit_on[0].segment", `there is no segment "none"`},
		{`{"goal": {"segment": "all", "event": "order.paid"}}`, "goal", "events or a segment, not both"},
		{`{"goal": {"segment": "all", "where": "true"}}`, "goal", "key and where belong to an event"},
		{`{"goal": {"event": "order.paid", "entered": true}}`, "goal", "entered belongs to a segment"},
		{`{"goal": {"event": "order.paid", "key": "phone"}}`, "goal.key", "there is no key"},
		{`{"goal": {"segment": "none"}}`, "goal.segment", `there is no segment "none"`},
		{`{"nodes.a.for": null}`, "nodes.a", "a wait needs one of for"},
		{`{"nodes.a.for": "1 hour"}`, "nodes.a.for", "no duration"},
		{`{"nodes.a.for": "9999d"}`, "nodes.a.for", "up to two years"},
		{`{"nodes.a.for": null, "nodes.a.until": {}}`, "nodes.a.until", "until needs one of time"},
		{`{"nodes.a.for": null, "nodes.a.until": {"time": "25:00"}}`, "nodes.a.until.time", "written as 10:00"},
		{`{"nodes.a.for": null, "nodes.a.until": {"time": "10:00", "weekdays": ["monday"]}}`, "nodes.a.until.weekdays[0]", "use one of sun, mon"},
		{`{"nodes.a.for": null, "nodes.a.until": {"time": "10:00", "day": "holiday"}}`, "nodes.a.until.day", "business, open or payday"},
		{`{"nodes.a.for": null, "nodes.a.until": {"cutoff": true, "day": "open"}}`, "nodes.a.until", "belong to time alone"},
		{`{"nodes.a.for": null, "nodes.a.until": {"date": "the day"}}`, "nodes.a.until.date", "names a trait"},
		{`{"nodes.a.for": null, "nodes.a.until": {"time": "10:00", "yearly": true}}`, "nodes.a.until", "offset and yearly belong to date"},
		{`{"nodes.a.for": null, "nodes.a.until": {"date": "birthday", "offset": "soon"}}`, "nodes.a.until.offset", "no duration"},
		{`{"nodes.a.for": null, "nodes.a.until_true": "orders_count > 1"}`, "nodes.a", "timeout is missing"},
		{`{"nodes.a.for": null, "nodes.a.until_true": "orders_cout > 1", "nodes.a.timeout": "1d"}`, "nodes.a.until_true", "orders_count"},
		{`{"nodes.a.for": null, "nodes.a.until_event": {"segment": "none"}, "nodes.a.timeout": "1d"}`, "nodes.a.until_event.segment", `there is no segment "none"`},
		{`{"nodes.a.reset_on": {"segment": "none"}}`, "nodes.a.reset_on.segment", `there is no segment "none"`},
		{`{"nodes.a.timeout": "1d"}`, "nodes.a.timeout", "timeout belongs to"},
		{`{"nodes.a.on_timeout": "b"}`, "nodes.a.on_timeout", "on_timeout belongs to"},
		{`{"nodes.a.for": null, "nodes.a.until": {"time": "10:00"}, "nodes.a.reset_on": {"event": "cart.updated", "key": "any"}}`, "nodes.a.reset_on", "begin anew"},
	}
}

// badNodes are about steps, the ways between them, and what they name.
func badNodes() []badJourney {
	many := func(n int, form string) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(form, i))
		}
		return strings.Join(all, ", ")
	}
	return []badJourney{
		{`{"nodes": {}}`, "nodes", "1 to 200 nodes"},
		{`{"nodes": {` + many(201, `"n%d": {"type": "exit"}`) + `}}`, "nodes", "1 to 200 nodes"},
		{`{"about": {"en": "x", "ja": "` + strings.Repeat("x", 256<<10) + `"}}`, "", "larger than 256 KB"},
		{`{"nodes.B!": {"type": "exit"}}`, "nodes.B!", "an id has small letters"},
		{`{"nodes.b.type": "sms"}`, "nodes.b.type", `"sms" is no type of node`},
		{`{"nodes.a.template": "x"}`, "nodes.a.template", "a node of type wait has no template"},
		{`{"nodes.a.title": {"ja": "", "en": "x"}}`, "nodes.a.title", "in Japanese (ja) and English (en)"},
		{`{"nodes.a.next": "c"}`, "nodes.a.next", `"c", which does not exist`},
		{`{"nodes.a.next": null}`, "nodes.a.next", "next is missing"},
		{`{"nodes.a.next": "a"}`, "nodes.b", "no way leads here"},
		{`{"nodes.a": {"type": "message", "template": "thanks_mail", "next": "a"}}`, "nodes.a", "loop without a wait"},
		{`{"nodes.a": {"type": "holdout", "percent": 60, "next": "b"}}`, "nodes.a.percent", "at most 50"},
		{`{"nodes.a": {"type": "start", "journey": "bad", "next": "b"}}`, "nodes.a.journey", "cannot start or leave itself"},
		{`{"nodes.a": {"type": "leave", "journey": "bad", "next": "b"}}`, "nodes.a.journey", "cannot start or leave itself"},
		{`{"nodes.a": {"type": "start", "journey": "none", "next": "b"}}`, "nodes.a.journey", `there is no journey "none"`},
		{`{"nodes.a": {"type": "leave", "journey": "none", "next": "b"}}`, "nodes.a.journey", `there is no journey "none"`},
		{`{"nodes.a": {"type": "start", "journey": "shut", "next": "b"}}`, "nodes.a.journey", "set called in its entry"},
		{`{"nodes.a": {"type": "branch", "branches": [], "else": "b"}}`, "nodes.a.branches", "1 to 20 conditions"},
		{`{"nodes.a": {"type": "branch", "branches": [` + many(21, `{"if": "orders_count > %d", "next": "b"}`) + `], "else": "b"}}`, "nodes.a.branches", "1 to 20 conditions"},
		{`{"nodes.a": {"type": "branch", "branches": [{"if": "", "next": "b"}], "else": "b"}}`, "nodes.a.branches[0].if", "the condition is empty"},
		{`{"nodes.a": {"type": "branch", "branches": [{"if": "oders_count > 1", "next": "b"}], "else": "b"}}`, "nodes.a.branches[0].if", "orders_count"},
		{`{"nodes.a": {"type": "branch", "branches": [{"if": "true", "next": "b"}]}}`, "nodes.a.else", "else is missing"},
		{`{"nodes.a": {"type": "split", "ways": [{"weight": 1, "next": "b"}]}}`, "nodes.a.ways", "2 to 10 ways"},
		{`{"nodes.a": {"type": "split", "ways": [{"weight": 0, "next": "b"}, {"weight": 1, "next": "b"}]}}`, "nodes.a.ways[0].weight", "1 to 1000"},
		{`{"nodes.a": {"type": "split", "ways": [{"weight": 1001, "next": "b"}, {"weight": 1, "next": "b"}]}}`, "nodes.a.ways[0].weight", "1 to 1000"},
		{`{"nodes.a": {"type": "update", "next": "b"}}`, "nodes.a.set", "set or clear 1 to 20 traits"},
		{`{"nodes.a": {"type": "update", "set": {"a b": 1}, "next": "b"}}`, "nodes.a.set.a b", "letters, digits and _"},
		{`{"nodes.a": {"type": "update", "set": {"x": "` + strings.Repeat("x", 1001) + `"}, "next": "b"}}`, "nodes.a.set.x", "at most 1,000 bytes"},
		{`{"nodes.a": {"type": "update", "set": {"x": 1}, "clear": ["x"], "next": "b"}}`, "nodes.a.clear[0]", "x is set and cleared"},
		{`{"nodes.a": {"type": "points", "points": {"amount": 0, "reason": "x"}, "next": "b"}}`, "nodes.a.points", "1 to 1,000,000 points"},
		{`{"nodes.a": {"type": "points", "points": {"amount": 5, "reason": ""}, "next": "b"}}`, "nodes.a.points.reason", "give a reason"},
		{`{"nodes.a": {"type": "points", "points": {"amount": 5, "reason": "x", "expires": "soon"}, "next": "b"}}`, "nodes.a.points.expires", "no duration"},
		{message(`"template": "thanks_mail", "channels": ["email"]`), "nodes.a.template", "use template, or channels"},
		{message(`"send_by": "1d"`), "nodes.a", "a message needs a template"},
		{message(`"template": "none"`), "nodes.a.template", `there is no template "none"`},
		{message(`"template": "thanks_mail", "send_by": "soon"`), "nodes.a.send_by", "no duration"},
		{message(`"template": "thanks_mail", "subject": "` + strings.Repeat("x", 501) + `"`), "nodes.a.subject", "at most 500 bytes"},
		{message(`"template": "thanks_mail", "accounts": {"fax": "x"}`), "nodes.a.accounts.fax", "accounts are written as"},
		{message(`"channels": ["fax"], "templates": {"fax": "x"}`), "nodes.a.channels[0]", `no channel "fax"`},
		{message(`"channels": ["email", "email"], "templates": {"email": "thanks_mail"}`), "nodes.a.channels[1]", "email is named twice"},
		{message(`"channels": ["line", "email"], "templates": {"line": "thanks_line"}`), "nodes.a.templates", "the template for email is missing"},
		{message(`"channels": ["email"], "templates": {"email": "thanks_mail", "line": "thanks_line"}`), "nodes.a.templates.line", "line is not among the channels"},
		{message(`"channels": ["email"], "templates": {"email": "thanks_line"}`), "nodes.a.templates.email", "is for line, not for email"},
		{message(`"channels": ["line_notice"], "templates": {"line_notice": "x"}`), "nodes.a.channels[0]", "must be transactional"},
	}
}

// badHooks are about calls of other systems.
func badHooks() []badJourney {
	out := []badJourney{
		{`{"nodes.a": {"type": "webhook", "next": "b"}}`, "nodes.a.webhook", "the address is missing"},
		{hook(`"url": "crm.shop.example"`), "nodes.a.webhook.url", "write an address such as"},
		{hook(`"url": "https://[::1]/"`), "nodes.a.webhook.url", "write an address such as"},
		{hook(`"url": "https://user:pw@crm.shop.example/"`), "nodes.a.webhook.url", "without a user"},
		{hook(`"url": "http://crm.shop.example/"`), "nodes.a.webhook.url", "write https://"},
		{hook(`"url": "https://crm.shop.example:8443/"`), "nodes.a.webhook.url", "a port other than 443"},
		{hook(`"url": "https://crm.shop.example/", "method": "GET"`), "nodes.a.webhook.method", "is POST or PUT"},
		{hook(`"url": "https://crm.shop.example/", "headers": {"Host": "x"}`), "nodes.a.webhook.headers.Host", "cannot be set"},
		{hook(`"url": "https://crm.shop.example/", "headers": {"X-A": "a\nb"}`), "nodes.a.webhook.headers.X-A", "one line"},
		{hook(`"url": "https://crm.shop.example/", "headers": {"Authorization": "Bearer abc"}`), "nodes.a.webhook.headers.Authorization", "is a secret"},
		{hook(`"url": "https://crm.shop.example/", "headers": {"Authorization": "${none}"}`), "nodes.a.webhook.headers.Authorization", "have it added"},
		{hook(`"url": "https://other.shop.example/", "headers": {"Authorization": "${crm}"}`), "nodes.a.webhook.headers.Authorization", "for another host"},
		{hook(`"url": "https://crm.shop.example/", "headers": {` + strings.TrimSuffix(strings.Repeat(`"X-%d": "x", `, 21), ", ") + `}`), "nodes.a.webhook.headers", "more than 20"},
		{hook(`"url": "https://crm.shop.example/", "body": "` + strings.Repeat("x", 17<<10) + `"`), "nodes.a.webhook.body", "larger than 16 KB"},
		{hook(`"url": "https://crm.shop.example/", "body": "{"`), "nodes.a.webhook.body", "makes no JSON"},
		{`{"nodes.a": {"type": "webhook", "webhook": {"url": "https://crm.shop.example/"}, "on_failure": "b", "next": "b"}}`, "nodes.a.on_failure", "on_failure needs timeout"},
		{`{"nodes.a": {"type": "webhook", "webhook": {"url": "https://crm.shop.example/"}, "timeout": "1h", "send_by": "2h", "next": "b"}}`, "nodes.a.send_by", "send_by is longer than timeout"},
		{`{"start": "order", "nodes.order": {"type": "webhook", "webhook": {"url": "https://crm.shop.example/"}, "next": "a"}}`, "nodes.order", "run.order has another meaning"},
	}
	for _, host := range []string{"169.254.169.254", "127.0.0.1", "10.0.0.1", "10.255.255.255", "172.16.0.1", "192.168.1.1", "0.0.0.0", "100.64.0.1"} {
		out = append(out, badJourney{hook(`"url": "https://` + host + `/latest"`), "nodes.a.webhook.url", "names a number instead of a host"})
	}
	for _, host := range []string{"localhost", "LOCALHOST.", "db", "crm.internal", "printer.local", "2130706433"} {
		out = append(out, badJourney{hook(`"url": "https://` + host + `/latest"`), "nodes.a.webhook.url", "is not on the public internet"})
	}
	for i := range out { // a name for each header
		for n := 0; strings.Contains(out[i].edits, "X-%d"); n++ {
			out[i].edits = strings.Replace(out[i].edits, "X-%d", "X-"+strconv.Itoa(n), 1)
		}
	}
	return out
}

// badCampaigns are about campaigns, badNotices about LINE notification messages.
func badCampaigns() []badJourney {
	schedule := func(fields string) string { return `{"entry.schedule": {` + fields + `}}` }
	return []badJourney{
		{`{"entry.list": "fair"}`, "entry", "a segment or to a list"},
		{`{"entry.entered": true}`, "entry", "takes everybody in the segment"},
		{`{"entry.reentry": "always"}`, "entry.reentry", "reaches nobody twice"},
		{`{"entry.at": "tomorrow"}`, "entry.at", "an instant such as"},
		{`{"entry.at": "2026-02-30T01:00:00Z"}`, "entry.at", "an instant such as"},
		{`{"entry.exclude": ["none"]}`, "entry.exclude[0]", `there is no segment "none"`},
		{`{"entry.again": {"of": "bad", "not": "clicked"}}`, "entry.again.of", "name another campaign"},
		{`{"entry.again": {"of": "none", "not": "clicked"}}`, "entry.again.of", `there is no campaign "none"`},
		{`{"entry.again": {"of": "shut", "not": "read"}}`, "entry.again.not", "clicked, opened"},
		{`{"entry.again": {"of": "shut", "not": "clicked"}, "entry.schedule": {"every": "day", "time": "10:00"}}`, "entry.again", "goes once"},
		{`{"entry.test": {"split": "a", "share": 95, "after": "1d", "by": "click", "least": 1}}`, "entry.test.share", "1 to 90 per cent"},
		{`{"entry.test": {"split": "a", "share": 20, "after": "1d", "by": "click", "least": 0}}`, "entry.test.least", "1 message or more"},
		{`{"entry.test": {"split": "a", "share": 20, "after": "soon", "by": "click", "least": 1}}`, "entry.test.after", "no duration"},
		{`{"entry.test": {"split": "a", "share": 20, "after": "1d", "by": "luck", "least": 1}}`, "entry.test.by", "click, order"},
		{`{"entry.test": {"split": "b", "share": 20, "after": "1d", "by": "click", "least": 1}}`, "entry.test.split", "names the split"},
		{`{"entry.test": {"split": "a", "share": 20, "after": "1d", "by": "click", "least": 1, "winner": "a"}}`, "entry.test.winner", "a way of the split"},
		{`{"entry.test": {"split": "a", "share": 20, "after": "1d", "by": "click", "least": 1}, "entry.schedule": {"every": "day", "time": "10:00"}}`, "entry.test", "recurs has no test"},
		{schedule(`"every": "hour", "time": "10:00"`), "entry.schedule.every", "day, week, month"},
		{schedule(`"every": "day", "time": "24:00"`), "entry.schedule.time", "a time of day"},
		{schedule(`"every": "day", "time": "10:00", "holidays": "move"`), "entry.schedule.holidays", "keep, skip"},
		{schedule(`"every": "day", "time": "10:00", "interval": 13, "from": "2026-12-01"`), "entry.schedule.interval", "1 to 12"},
		{schedule(`"every": "day", "time": "10:00", "interval": 2`), "entry.schedule.from", "the first day (from) must be given"},
		{schedule(`"every": "day", "time": "10:00", "from": "2026-02-30"`), "entry.schedule.from", "write a day such as"},
		{schedule(`"every": "day", "time": "10:00", "from": "2026-12-02", "until": "2026-12-01"`), "entry.schedule.until", "before the first"},
		{schedule(`"every": "week", "time": "10:00", "weekdays": ["someday"]`), "entry.schedule.weekdays[0]", "use one of sun, mon"},
		{schedule(`"every": "week", "time": "10:00"`), "entry.schedule.weekdays", "name the days of the week"},
		{schedule(`"every": "day", "time": "10:00", "weekdays": ["mon"]`), "entry.schedule.weekdays", "use week"},
		{schedule(`"every": "day", "time": "10:00", "day": 3`), "entry.schedule", "belong to month"},
		{schedule(`"every": "month", "time": "10:00"`), "entry.schedule", "a month needs one of"},
		{schedule(`"every": "month", "time": "10:00", "nth": 2`), "entry.schedule.nth", "the n-th weekday"},
		{schedule(`"every": "month", "time": "10:00", "day": 32`), "entry.schedule.day", "1 to 31"},
		{schedule(`"every": "month", "time": "10:00", "nth": 5, "weekdays": ["mon"]`), "entry.schedule.nth", "1 to 4"},
		{schedule(`"every": "month", "time": "10:00", "business_day": 16`), "entry.schedule.business_day", "1 to 15"},
		{`{"entry.at": "2026-12-01T01:00:00Z", "entry.schedule": {"every": "day", "time": "10:00"}}`, "entry.at", "has from in its schedule"},
	}
}

func badNotices() []badJourney {
	return []badJourney{
		{`{"entry": {"event": "cart.updated", "reentry": "never"}}`, "nodes.a.channels[0]", "must begin by an event of order"},
		{`{"nodes.a.send_by": "12h"}`, "nodes.a.send_by", "send_by must be longer"},
	}
}

// fixed are words that tell a reader what to do.
var fixed = regexp.MustCompile(`ください|ことですか`)

// TestBadJourneys: whatever is wrong with a journey, the API answers 422 and invalid, names the node and the field, and says in both
// languages what to do; nothing is saved. The table has every refusal that the compiler and the channel of calls know: it is compared
// with their source.
func TestBadJourneys(t *testing.T) {
	t.Parallel()
	calls, err := webhook.New(webhook.Config{Keys: []string{"whsec_" + strings.Repeat("A", 32)}, Secrets: map[string]webhook.Secret{"crm": {Value: "x", Host: "crm.shop.example"}}})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *Config) { c.Webhook = func(r *channels.Request) error { return calls.Check(r) } })
	w.write(put, "/segments/all", map[string]any{"title": map[string]string{"ja": "全員"}, "expression": "orders_count >= 0", "expect": 0})
	w.write(put, "/journeys/shut", map[string]any{"definition": json.RawMessage(goodJourney), "expect": 0})
	sites := refusalSites(t)
	for _, table := range []struct {
		good string
		rows []badJourney
	}{{goodJourney, badHeads()}, {goodJourney, badConditions()}, {goodJourney, badNodes()}, {goodJourney, badHooks()}, {goodCampaign, badCampaigns()}, {goodNotice, badNotices()}} {
		for _, row := range table.rows {
			w.checkBad(edited(t, table.good, row.edits), row, sites)
		}
	}
	for definition, row := range map[string]badJourney{ // what no object holds
		strings.Replace(goodJourney, `"start": "a"`, `"start": "a", "start": "b"`, 1):  {"", "start", "given twice"},
		strings.Replace(goodJourney, `"b": {"type": "exit"}`, `"b": null`, 1):          {"", "nodes.b", "here must stand"},
		strings.Replace(goodJourney, `"type": "exit"`, `"type": "exit", "set": []`, 1): {"", "nodes.b.set", "not a list"},
	} {
		w.checkBad(definition, row, sites)
	}
	for _, s := range sites {
		if !s.met && !s.unreachable() {
			t.Errorf("%s: no journey of the table is refused with %q: add one", s.at, s.en)
		}
	}
	if len(w.cfg.Definitions.List("journey")) != 1 || len(w.cfg.Definitions.List("template")) != 0 {
		t.Error("a refused journey left something")
	}
	w.write(put, "/journeys/bad", map[string]any{"definition": json.RawMessage(goodJourney), "status": "live", "expect": 0}) // the good one is good
}

func (w *world) checkBad(definition string, row badJourney, sites []*refusalSite) {
	w.t.Helper()
	a := w.call(put, "/journeys/bad", map[string]any{"definition": json.RawMessage(definition), "status": "live", "expect": 0})
	var p problem
	if err := json.Unmarshal([]byte(a.text), &p); err != nil || a.status != 422 || p.Code != "invalid" || p.Detail == "" || !japanese.MatchString(p.DetailJA) {
		w.t.Errorf("%.200s: %d %.500s", row.edits, a.status, a.text)
		return
	}
	found := false
	for _, e := range p.Errors {
		found = found || e.Location == row.at && strings.Contains(e.Message, row.says)
		if e.Message == "" || e.Line == 0 || e.Col == 0 || !japanese.MatchString(e.MessageJA) || !fixed.MatchString(e.MessageJA) {
			w.t.Errorf("%.200s: no place, no fix or not in both languages: %+v", row.edits, e)
		}
		if rest, ok := strings.CutPrefix(e.Location, "nodes."); ok {
			id, _, _ := strings.Cut(rest, ".")
			if !strings.HasPrefix(e.Message, "node "+strconv.Quote(id)+": ") || !strings.HasPrefix(e.MessageJA, "ステップ「"+id+"」: ") {
				w.t.Errorf("%.200s: the node is not named: %+v", row.edits, e)
			}
		}
		for _, s := range sites {
			s.met = s.met || s.enForm.MatchString(e.Message) && s.jaForm.MatchString(e.MessageJA)
		}
	}
	if !found {
		w.t.Errorf("%.200s: want %s: %s, got %.600s", row.edits, row.at, row.says, a.text)
	}
}

// TestBadJourneyRequests: what is no journey at all, or asks for one that is not there, is told by status and code, in both languages.
func TestBadJourneyRequests(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	body := func(change string) string {
		return `{"definition": ` + goodJourney + change + `}`
	}
	for _, x := range []struct {
		method, path, body string
		status             int
		code, at           string
	}{
		{put, "/journeys/bad", `{"definition": {`, 400, "invalid", "body"},
		{put, "/journeys/bad", `definition: {}`, 400, "invalid", "body"},
		{put, "/journeys/bad", ``, 400, "invalid", ""},
		{put, "/journeys/bad", `[]`, 422, "invalid", "body"},
		{put, "/journeys/bad", `{}`, 422, "invalid", "body"},
		{put, "/journeys/bad", body(`, "colour": 1`), 422, "invalid", "body.colour"},
		{put, "/journeys/bad", body(`, "expect": "x"`), 422, "invalid", "body.expect"},
		{put, "/journeys/bad", body(`, "expect": 1.5`), 422, "invalid", "body.expect"},
		{put, "/journeys/bad", body(`, "status": "running"`), 422, "invalid", "body.status"},
		{put, "/journeys/bad", body(`, "in_flight": {"then": "stay"}`), 422, "invalid", "body.in_flight.then"},
		{put, "/journeys/bad", body(`, "in_flight": {"then": "move", "nodes": {"x": "y"}}`), 422, "invalid", "in_flight.nodes.x"},
		{put, "/journeys/bad", `{"definition": "text"}`, 422, "invalid", ""},
		{put, "/journeys/bad", `{"definition": [1]}`, 422, "invalid", ""},
		{put, "/journeys/bad", `{"definition": null}`, 422, "invalid", ""},
		{put, "/journeys/bad", `{"definition": {"about": {"ja": "` + strings.Repeat("あ", 700<<10) + `"}}}`, 422, "invalid", ""},
		{put, "/journeys/bad", `{"definition": {"about": {"ja": "` + strings.Repeat("あ", 1500<<10) + `"}}}`, 413, "too_large", ""},
		{put, "/journeys/Bad", body(""), 422, "invalid", "path.name"},
		{put, "/journeys/" + strings.Repeat("x", 200), body(""), 422, "invalid", "path.name"},
		{get, "/journeys/none", "", 404, "not_found", ""},
		{get, "/journeys/none/people", "", 404, "not_found", ""},
		{get, "/journeys/none/results", "", 404, "not_found", ""},
		{post, "/journeys/none/status", `{"status": "live"}`, 404, "not_found", ""},
		{post, "/journeys/none/status", `{"status": "on"}`, 422, "invalid", "body.status"},
		{post, "/journeys/none/people", `{"person": "0190a3c4d5e6f708192a3b4c5d6e7f80"}`, 404, "not_found", ""},
		{post, "/journeys/none/simulations", `{"from": "2026-08-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"}`, 404, "not_found", ""},
		{post, "/journeys/none/simulations", `{"from": "yesterday", "to": "2026-11-01T00:00:00Z"}`, 422, "invalid", "body.from"},
		{post, "/journeys/none/simulations", `{"from": "2026-02-30T00:00:00Z", "to": "2026-11-01T00:00:00Z"}`, 422, "invalid", "body.from"},
		{post, "/journeys/none/simulations", `{"from": "2026-11-01T00:00:00Z", "to": "2026-08-01T00:00:00Z"}`, 422, "invalid", "body.from"},
		{post, "/journeys/none/simulations", `{"from": "2026-08-01T00:00:00Z", "to": "2026-11-01T00:00:00Z", "sample": 101}`, 422, "invalid", "body.sample"},
		{get, "/journeys/none/simulations/nonsense", "", 404, "not_found", ""},
		{put, "/broadcasts/bad", `{"expect": 0}`, 422, "invalid", "body"},
		{get, "/broadcasts/none", "", 404, "not_found", ""},
		{post, "/broadcasts/none/send", `{"expect": 1}`, 404, "not_found", ""},
	} {
		a := w.call(x.method, x.path, map[bool]any{true: x.body, false: nil}[x.method != get])
		var p problem
		if err := json.Unmarshal([]byte(a.text), &p); err != nil || a.status != x.status || p.Code != x.code || p.Detail == "" || !japanese.MatchString(p.DetailJA) || p.RequestID == "" {
			t.Errorf("%s %s %.80s: %d %.400s", x.method, x.path, x.body, a.status, a.text)
			continue
		}
		at := x.at == ""
		for _, e := range p.Errors {
			at = at || e.Location == x.at
			if e.Message == "" || !japanese.MatchString(e.MessageJA) {
				t.Errorf("%s %.80s: %+v", x.path, x.body, e)
			}
		}
		if !at {
			t.Errorf("%s %s %.80s: nothing is said of %s: %.400s", x.method, x.path, x.body, x.at, a.text)
		}
	}
	if a := w.call(put, "/journeys/bad", body(""), "Content-Type", "text/plain"); a.status != 415 || !strings.Contains(a.text, `"code":"invalid"`) {
		t.Errorf("text/plain: %d %s", a.status, a.text)
	}
}
