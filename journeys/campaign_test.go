package journeys

import (
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/profiles"
	"enishi/segments"
)

const tested = `{"title":{"ja":"a","en":"a"},"state":"live","purpose":"transactional","consent":"not_refused","utm":{"campaign":"spring {date}"},
"entry":{"sweep":true,"list":"l","reentry":"never","test":{"split":"ways","share":20,"after":"4h","by":"click","least":50WINNER}},"start":"ways",
"nodes":{"ways":{"type":"split","ways":[{"weight":1,"next":"a"},{"weight":1,"next":"b"}]},
"a":{"type":"message","channels":["email"],"templates":{"email":"t"},"subject":"A","next":"end"},
"b":{"type":"message","channels":["email"],"templates":{"email":"t"},"subject":"B","accounts":{"email":"second"},"next":"end"},"end":{"type":"exit"}}}`

func (tt *tester) enters(p *profiles.Profile, js ...*Journey) []enishi.Message {
	var out enishi.Effects
	env := Env{Now: tt.now, Journeys: NewSet(js), Settings: tt.set, Templates: func(string) (int64, string, bool) { return 1, "email", true }}
	for _, j := range js {
		Step(&env, p, Trigger{Broadcast: j.Name}, &out)
	}
	return out.Messages
}

type tester struct {
	now time.Time
	set *Settings
}

func testJourney(t *testing.T, name string, version int64, body string) *Journey {
	t.Helper()
	j, err := Compile(name, version, []byte(body), segments.Library{})
	if err != nil {
		t.Fatal(err)
	}
	j.Live = true
	return j
}

// listed is a person with an address on the list.
func listed(t *testing.T, n int, now time.Time) *profiles.Profile {
	t.Helper()
	p := profiles.New(enishi.NewID("person", itoa(n)))
	for _, e := range []enishi.Event{
		{ID: enishi.NewID("e", "signed", itoa(n)), Type: "user.signed_up", Person: &enishi.Person{Email: "p" + itoa(n) + "@x.test"},
			Links: []enishi.ID{p.ID}},
		{ID: enishi.NewID("e", "list", itoa(n)), Type: "list.added", List: &enishi.ListChange{List: "l"}},
	} {
		e.At, e.Time, e.Profile, e.Subject = now, now, p.ID, p.ID
		p.Apply(&e, now)
	}
	return p
}

// TestCampaignTest: a share of the people goes the ways of the split; when the winner is said everybody else goes there, and nobody
// gets a second message.
func TestCampaignTest(t *testing.T) {
	t.Parallel()
	tt := &tester{now: time.Date(2026, 12, 1, 1, 0, 0, 0, time.UTC), set: DefaultSettings()}
	first := testJourney(t, "spring", 1, strings.Replace(tested, "WINNER", "", 1))
	then := testJourney(t, "spring", 2, strings.Replace(tested, "WINNER", `,"winner":"b"`, 1))
	asked, rest := map[string]int{}, map[string]int{}
	for i := range 1000 {
		p := listed(t, i, tt.now)
		sample := tt.enters(p, first)
		for _, m := range sample {
			asked[m.Headline+m.Account]++
		}
		old := *first
		old.Live = false
		follow := tt.enters(p, &old, then)
		for _, m := range follow {
			rest[m.Headline+m.Account]++
			if m.Tags != "utm_campaign=spring+20261201" {
				t.Fatalf("links get %q", m.Tags)
			}
		}
		if len(sample)+len(follow) != 1 {
			t.Fatalf("person %d got %d and %d messages", i, len(sample), len(follow))
		}
	}
	a, b := asked["Adefault"], asked["Bsecond"]
	if a+b < 160 || a+b > 240 || a < 70 || b < 70 || len(asked) != 2 {
		t.Errorf("asked first: %v of 1000", asked)
	}
	if len(rest) != 1 || rest["Bsecond"] != 1000-a-b {
		t.Errorf("afterwards: %v", rest)
	}
}

// TestCampaignAgain: whom a message reached and who did not click, or open, and has not bought since, gets another.
func TestCampaignAgain(t *testing.T) {
	t.Parallel()
	tt := &tester{now: time.Date(2026, 12, 4, 1, 0, 0, 0, time.UTC), set: DefaultSettings()}
	again := func(not string) *Journey {
		return testJourney(t, "again", 1, `{"title":{"ja":"a","en":"a"},"state":"live","purpose":"transactional","consent":"not_refused",
"entry":{"sweep":true,"again":{"of":"spring","not":"`+not+`"},"reentry":"never"},"start":"a",
"nodes":{"a":{"type":"message","channels":["email"],"templates":{"email":"t"},"next":"end"},"end":{"type":"exit"}}}`)
	}
	before := tt.now.Add(-72 * time.Hour)
	f := func(what string, clicked, opened int, change func(p *profiles.Profile)) {
		t.Helper()
		for not, want := range map[string]int{notClicked: clicked, notOpened: opened} {
			p := listed(t, 1, before)
			p.AddMessage(profiles.Message{SendID: enishi.NewID("send", "1"), Round: 1, Channel: "email", Journey: "spring", DecidedAt: before})
			change(p)
			if got := len(tt.enters(p, again(not))); got != want {
				t.Errorf("%s: %d messages to those who have not %s, want %d", what, got, not, want)
			}
		}
	}
	result := func(p *profiles.Profile, typ string, machine bool) {
		e := enishi.Event{ID: enishi.NewID("e", typ), Type: typ, At: before.Add(time.Minute), Time: before.Add(time.Minute), Profile: p.ID, Subject: p.ID,
			Result: &enishi.MessageResult{SendID: enishi.NewID("send", "1"), Round: 1, Channel: "email", Machine: machine}}
		p.Apply(&e, e.Time)
	}
	sent := func(p *profiles.Profile) { result(p, "message.sent", false) }
	f("not sent", 0, 0, func(*profiles.Profile) {})
	f("sent", 1, 1, sent)
	f("one of three sent", 1, 1, func(p *profiles.Profile) {
		sent(p)
		for _, id := range []string{"0", "2"} {
			p.AddMessage(profiles.Message{SendID: enishi.NewID("send", id), Round: 1, Channel: "email", Journey: "spring", DecidedAt: before, End: "refused"})
		}
	})
	f("opened", 1, 0, func(p *profiles.Profile) { sent(p); result(p, "message.opened", false) })
	f("opened by a program", 1, 1, func(p *profiles.Profile) { sent(p); result(p, "message.opened", true) })
	f("clicked", 0, 0, func(p *profiles.Profile) { sent(p); result(p, "message.clicked", false) })
	order := func(p *profiles.Profile, at time.Time, automatic bool) {
		e := enishi.Event{ID: enishi.NewID("e", "order"), Type: "order.placed", At: at, Time: at, Profile: p.ID, Subject: p.ID,
			Order: &enishi.Order{OrderID: "o", Currency: "JPY", Total: 100 * enishi.Unit, Automatic: automatic}}
		p.Apply(&e, e.Time)
	}
	f("bought", 0, 0, func(p *profiles.Profile) { sent(p); order(p, before.Add(time.Hour), false) })
	f("bought by a subscription", 1, 1, func(p *profiles.Profile) { sent(p); order(p, before.Add(time.Hour), true) })
	f("bought before", 1, 1, func(p *profiles.Profile) { sent(p); order(p, before.Add(-time.Hour), false) })
	f("bought between two messages", 0, 0, func(p *profiles.Profile) {
		sent(p)
		p.AddMessage(profiles.Message{SendID: enishi.NewID("send", "2"), Round: 1, Channel: "email", Journey: "spring", DecidedAt: before.Add(2 * time.Hour), SentAt: before.Add(2 * time.Hour)})
		order(p, before.Add(time.Hour), false)
	})
}

// TestCapsCount: what left, or may have, counts against a cap; what ended without reaching anybody does not.
func TestCapsCount(t *testing.T) {
	t.Parallel()
	tt := &tester{now: time.Date(2026, 12, 4, 1, 0, 0, 0, time.UTC), set: DefaultSettings()}
	j := testJourney(t, "capped", 1, `{"title":{"ja":"a","en":"a"},"state":"live","purpose":"transactional","consent":"not_refused","cap":{"default":"1/1d"},
"entry":{"sweep":true,"list":"l","reentry":"never"},"start":"a",
"nodes":{"a":{"type":"message","channels":["email"],"templates":{"email":"t"},"next":"end"},"end":{"type":"exit"}}}`)
	for end, want := range map[string]int{"": 0, "unknown": 0, "dropped": 1, "refused": 1, "failed": 1, "bounced": 1} {
		p := listed(t, 1, tt.now.Add(-72*time.Hour))
		p.AddMessage(profiles.Message{SendID: enishi.NewID("send", "1"), Round: 1, Channel: "email", Journey: "capped", DecidedAt: tt.now.Add(-time.Hour), End: end})
		if got := len(tt.enters(p, j)); got != want {
			t.Errorf("after one that ended as %q: %d, want %d", end, got, want)
		}
	}
}

func TestCampaignRefusals(t *testing.T) {
	t.Parallel()
	f := func(from, to, want string) {
		t.Helper()
		body := strings.Replace(strings.Replace(tested, "WINNER", "", 1), from, to, 1)
		if _, err := Compile("b", 1, []byte(body), segments.Library{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", to, err, want)
		}
	}
	f(`"share":20`, `"share":95`, "1 to 90")
	f(`"least":50`, `"least":0`, "1 message or more")
	f(`"after":"4h"`, `"after":"soon"`, "no duration")
	f(`"by":"click"`, `"by":"open"`, "is not known")
	f(`"split":"ways"`, `"split":"a"`, "names the split")
	f(`"least":50`, `"least":50,"winner":"end"`, "a way of the split")
	f(`"sweep":true`, `"sweep":true,"schedule":{"every":"day","time":"10:00"}`, "has no test")
	f(`"sweep":true`, `"sweep":false`, "belong to a broadcast")
	f(`"list":"l"`, `"list":"l","again":{"of":"x","not":"clicked"}`, "leave schedule and list out")
	f(`"list":"l"`, `"again":{"of":"b","not":"clicked"}`, "name another")
	f(`"list":"l"`, `"again":{"of":"x","not":"seen"}`, "is not known")
	f(`spring {date}`, `spring {name}`, "of places")
	f(`"accounts":{"email":"second"}`, `"accounts":{"fax":"second"}`, "accounts are written")
	f(`"subject":"A"`, `"subject":"`+strings.Repeat("A", 501)+`"`, "at most 500 bytes")
}

func TestLinkTags(t *testing.T) {
	t.Parallel()
	set, err := ParseSettings([]byte(`{"utm":{"email":{"source":"enishi","medium":"{channel}","campaign":"{journey}","content":"{node}"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 30, 16, 0, 0, 0, time.UTC)
	f := func(own *UTM, channel, want string) {
		t.Helper()
		if got := set.LinkTags(own, channel, "default", "spring", "say", "news", at); got != want {
			t.Errorf("%+v by %s: %s, want %s", own, channel, got, want)
		}
	}
	f(nil, "email", "utm_source=enishi&utm_medium=email&utm_campaign=spring&utm_content=say")
	f(nil, "line", "")
	f(&UTM{Campaign: "冬 {date}", Term: "a&b"}, "email", "utm_source=enishi&utm_medium=email&utm_campaign=%E5%86%AC+20261201&utm_content=say&utm_term=a%26b")
	f(&UTM{Source: "{account}"}, "line_notice", "utm_source=default")
	f(&UTM{Off: true}, "email", "")
	for _, bad := range []string{`{"utm":{"fax":{"source":"a"}}}`, `{"utm":{"email":{"source":"{x}"}}}`, `{"utm":{"email":{"off":true}}}`} {
		if _, err := ParseSettings([]byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
