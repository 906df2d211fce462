package journeys

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"enishi"
	"enishi/segments"
)

// Scenario is a file that says what happens to made-up people, and what must come of it: docs/scenarios.md has its language.
// It runs in memory on a clock of its own, by the same code that serves real people.
type Scenario struct {
	Text      []byte
	Journey   func(name string) ([]byte, error)                          // the body of a journey that it loads
	Templates func(name string) (version int64, channel string, ok bool) // as [Env] has it
	Segment   func(name string) (expression string, ok bool)             // of the segments that its journeys name; nil: none
	Settings  *Settings                                                  // nil: the defaults
	Library   segments.Library                                           // of what conditions name
}

// ScenarioResult is what came of a scenario.
type ScenarioResult struct {
	Checks   int               `json:"checks"` // expectations that were looked at
	Failures []ScenarioFailure `json:"failures"`
}

// ScenarioFailure is an expectation that does not hold, or a line that cannot be done; after the latter nothing more is looked at.
type ScenarioFailure struct {
	Line     int    `json:"line"` // 1-based
	Text     string `json:"text"` // of the line
	Expected *Text  `json:"expected,omitempty"`
	Happened Text   `json:"happened"` // what happened instead, or why the line cannot be done
}

// Run plays the scenario.
func (s *Scenario) Run() *ScenarioResult {
	r := s.runner()
	r.run(s.Text)
	return &r.result
}

func (s *Scenario) runner() *scenarioRun {
	r := &scenarioRun{world: newWorldOf(s.Journey, s.Templates, s.Library), of: s}
	r.result.Failures = []ScenarioFailure{}
	if s.Settings != nil {
		r.settings = s.Settings
	}
	return r
}

// scenarioRun is a scenario under way.
type scenarioRun struct {
	*world
	of     *Scenario
	line   int
	text   string
	result ScenarioResult
}

// unmet keeps an expectation that does not hold.
func (r *scenarioRun) unmet(expected, happened Text) {
	r.result.Failures = append(r.result.Failures, ScenarioFailure{r.line, r.text, &expected, happened})
}

// wrong says why a line cannot be done.
func (r *scenarioRun) wrong(en, ja string) { r.fail(enishi.FieldError("", en, ja)) }

func (r *scenarioRun) run(text []byte) {
	for _, line := range bytes.Split(text, []byte("\n")) {
		r.line++
		words, _, _ := strings.Cut(string(line), " #")
		words = strings.TrimSpace(words)
		if words == "" || strings.HasPrefix(words, "#") {
			continue
		}
		r.text = words
		verb, rest, _ := strings.Cut(words, " ")
		r.verb(verb, strings.TrimSpace(rest))
		if r.err != nil {
			r.result.Failures = append(r.result.Failures, ScenarioFailure{Line: r.line, Text: r.text, Happened: bothWords(r.err)})
			return
		}
	}
	if r.result.Checks == 0 {
		r.result.Failures = append(r.result.Failures, ScenarioFailure{Line: r.line, Happened: Text{"このシナリオには expect がありません", "the scenario expects nothing"}})
	}
}

// bothWords are an error's sentences in both languages; of a definition's problems all of them.
func bothWords(err error) Text {
	var ps Problems
	list := []error{err}
	if errors.As(err, &ps) {
		list = ps.Unwrap()
	}
	var out Text
	for i, err := range list {
		en, ja := err.Error(), err.Error()
		if e := (*enishi.Error)(nil); errors.As(err, &e) && e.MsgJA != "" {
			same := *e
			same.Msg = e.MsgJA
			ja = same.Error()
		}
		if i > 0 {
			out.EN, out.JA = out.EN+"; ", out.JA+"、"
		}
		out.EN, out.JA = out.EN+en, out.JA+ja
	}
	return out
}

// verb does one line. Each verb names how many words it needs.
func (r *scenarioRun) verb(verb, rest string) {
	words := strings.Fields(rest)
	need := map[string]int{"load": 1, "publish": 2, "segment": 1, "settings": 1, "person": 1, "at": 1, "event": 2, "sender": 3, "call": 4, "enter": 2, "sweep": 1, "exit": 2, "expect": 2}
	least, known := need[verb]
	switch {
	case !known:
		r.wrong("there is no verb "+strconv.Quote(verb)+": use "+strings.Join(sortedKeys(need), ", "), "「"+verb+"」という動詞はありません。"+strings.Join(sortedKeys(need), "、")+" のどれかにしてください")
		return
	case len(words) < least:
		r.wrong(verb+" needs at least "+itoa(least)+" words after it", verb+" の後には "+itoa(least)+" 語以上が必要です")
		return
	case r.now.IsZero() && (verb == "event" || verb == "person" || verb == "sweep" || verb == "enter"):
		r.wrong("no time is set: begin with a line such as at 2026-01-05T09:00+09:00", "時刻がありません。先に at 2026-01-05T09:00+09:00 のような行を書いてください")
		return
	}
	switch verb {
	case "load":
		r.load(words)
	case "publish":
		name, fields, _ := strings.Cut(rest, " ")
		r.republish(name, fields)
	case "segment":
		name, expression, _ := strings.Cut(rest, " ")
		r.segment(name, expression)
	case "settings":
		set, err := ParseSettings([]byte(rest))
		if err != nil {
			r.fail(err)
			return
		}
		r.settings = set
	case "person":
		r.newPerson(words)
	case "at":
		r.at(words)
	case "event":
		r.newEvent(rest)
	case "sender":
		r.sender(words)
	case "call":
		r.callEnds(words, rest)
	case "enter": // NAME JOURNEY [KEY]: the API takes the person in
		r.enter(words)
	case "sweep":
		r.sweep(words[0])
	case "exit":
		r.takeOut(words[0], words[1])
	case "expect":
		r.result.Checks++
		r.expect(words)
	}
}

// load publishes journeys, and the segments that they name and that are not there yet.
func (r *scenarioRun) load(names []string) {
	for _, name := range names {
		before := r.journeys
		r.publish(name)
		if r.err != nil || r.of.Segment == nil {
			continue
		}
		for v, j := range r.journeys.versions {
			if before.find(v.name, v.version) != nil {
				continue
			}
			for _, segment := range sortedKeys(j.allSegments()) {
				if expression, ok := r.of.Segment(segment); ok && !r.hasSegment(segment) {
					r.segment(segment, expression)
				}
			}
		}
	}
}

// allSegments are those that a journey enters, leaves out and listens to.
func (j *Journey) allSegments() map[string]bool {
	out := map[string]bool{}
	for name := range j.segments {
		out[name] = true
	}
	for _, name := range append([]string{j.Definition.Entry.Segment}, j.Definition.Entry.Exclude...) {
		if name != "" {
			out[name] = true
		}
	}
	return out
}

func (r *scenarioRun) hasSegment(name string) bool {
	for _, s := range r.segments.Segments() {
		if s.Name == name {
			return true
		}
	}
	return false
}

func (r *scenarioRun) takeOut(name, journey string) {
	runs := r.runs(name, journey)
	if len(runs) == 0 {
		r.wrong("there is no run of "+journey+" for "+name, name+" は "+journey+" に入っていません")
		return
	}
	r.event(name, &enishi.Event{Type: enishi.TypeRunExit, Control: &enishi.Control{Journey: journey, RunID: runs[len(runs)-1].ID}})
}

func (r *scenarioRun) enter(words []string) {
	c := &enishi.Control{Journey: words[1]}
	if len(words) > 2 {
		c.Key = words[2]
	}
	r.event(words[0], &enishi.Event{Type: enishi.TypeRunEnter, Control: c})
}

func (r *scenarioRun) at(words []string) {
	if rest, ok := strings.CutPrefix(words[0], "+"); ok {
		d, ok := parseDuration(rest)
		if !ok {
			r.wrong("no duration: "+rest+"; write 10m, 2h or 3d", "「"+rest+"」は長さではありません。10m、2h、3d のように書いてください")
			return
		}
		to := r.now.Add(d)
		if len(words) > 1 && words[1] == "late" {
			r.now = to
		}
		r.pass(to)
		return
	}
	to, err := time.Parse("2006-01-02T15:04Z07:00", words[0])
	if err != nil || to.Before(r.now) {
		r.wrong("no later time: "+words[0]+"; write 2026-01-05T09:00+09:00", "「"+words[0]+"」はこれより後の時刻ではありません。2026-01-05T09:00+09:00 のように書いてください")
		return
	}
	if r.now.IsZero() {
		r.now = to.UTC()
	}
	r.pass(to.UTC())
}

func (r *scenarioRun) newPerson(words []string) {
	p := &enishi.Person{}
	e := &enishi.Event{Type: "person.identified", Person: &enishi.Person{Traits: map[string]enishi.Value{}}}
	friend := false
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "email":
			p.Email = value
		case "line":
			p.LineUserID = value
		case "phone":
			p.Phone = value
		case "social":
			p.SocialID, p.SocialPage = value, "page"
		case "customer":
			p.CustomerID = value
		case "friend":
			friend = true
		case "consent":
			for _, ch := range strings.Split(value, ",") {
				e.Consent = append(e.Consent, enishi.ConsentChange{Channel: ch, State: "in", Method: "checkout"})
			}
		case "name":
			family, given, _ := strings.Cut(value, ",")
			e.Person.Traits["family_name"], e.Person.Traits["given_name"] = enishi.TextValue(family), enishi.TextValue(given)
		default:
			e.Person.Traits[key] = enishi.TextValue(value)
		}
	}
	if len(r.links(p)) == 0 {
		p.CustomerID = words[0]
	}
	r.person(words[0], p)
	r.event(words[0], e)
	if friend {
		r.event(words[0], &enishi.Event{Type: "line.followed"})
	}
}

func (r *scenarioRun) newEvent(rest string) {
	name, rest, _ := strings.Cut(rest, " ")
	typ, body, _ := strings.Cut(rest, " ")
	e := &enishi.Event{}
	if body != "" {
		dec := json.NewDecoder(strings.NewReader(body))
		dec.DisallowUnknownFields()
		if err := dec.Decode(e); err != nil {
			r.wrong("the event cannot be read: "+err.Error(), "イベントを読めません: "+err.Error())
			return
		}
	}
	if e.Message != "" {
		e.ID = enishi.EventID(e.Message)
	}
	if _, ok := enishi.LookupType(typ); !ok {
		r.wrong("there is no event type "+typ, "「"+typ+"」というイベントはありません")
		return
	}
	e.Type = typ
	r.event(name, e)
}

// sender reports what became of the newest message with a template.
func (r *scenarioRun) sender(words []string) {
	ms := r.sent(words[0], words[1])
	if len(ms) == 0 {
		r.wrong("no message "+words[1]+" was decided for "+words[0], words[0]+" への "+words[1]+" はまだありません")
		return
	}
	m := ms[len(ms)-1]
	result := &enishi.MessageResult{SendID: m.SendID, Round: m.Round, Channel: m.Channel, Journey: m.Journey, Node: m.Node, Template: m.Template,
		Purpose: m.Purpose, RunID: m.RunID, Destination: m.Destination}
	for _, word := range words[3:] {
		if round, ok := strings.CutPrefix(word, "round="); ok {
			n, err := strconv.Atoi(round)
			if err != nil {
				r.wrong("round is a number", "round は数字にしてください")
				return
			}
			result.Round = n
			continue
		}
		if d, ok := parseDuration(strings.TrimPrefix(word, "+")); ok {
			result.Until = r.now.Add(d)
		} else {
			result.Reason = word
		}
	}
	if _, ok := enishi.LookupType("message." + words[2]); !ok {
		r.wrong("a sender tells no "+words[2], "「"+words[2]+"」という送信結果はありません")
		return
	}
	r.event(words[0], &enishi.Event{Type: "message." + words[2], Result: result})
}
