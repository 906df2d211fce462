package journeys

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"enishi"
)

// TestScenarios runs testdata/*.scenario, once as written and once with each state written out and read back after each
// step; both must do the same. The verbs (docs in testdata/README.md):
//
//	load JOURNEY                      publish a journey of the gallery or of testdata/JOURNEY.json
//	publish JOURNEY JSON              publish it anew with these fields changed
//	segment NAME EXPRESSION           publish a segment
//	settings JSON
//	person NAME KEY=VALUE ...         email, line, phone, customer; consent=email,line; friend; name=FAMILY,GIVEN; language
//	at TIME | at +DURATION [late]     time goes by; late: nothing is awake meanwhile, timers fire at the end
//	event NAME TYPE [JSON]            payload fields of the event; historical, occurred_at and id too
//	sender NAME TEMPLATE sent|delivered|unknown|refused REASON|deferred [+DURATION] [round=N]    what became of the newest message
//	exit NAME JOURNEY                 an operator takes the run out
//	expect ...                        see the cases of expect
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.scenario")
	if err != nil || len(files) < 8 {
		t.Fatalf("scenarios: %v %v", files, err)
	}
	for _, file := range files {
		t.Run(base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var prints [2]string
			for i, restart := range []bool{false, true} {
				s := &scenario{world: newWorld(t), file: file}
				s.restart = restart
				s.run(text)
				prints[i] = s.fingerprint()
			}
			if prints[0] != prints[1] {
				t.Errorf("writing states out and reading them back changes what happens:\n%s\n----\n%s", prints[0], prints[1])
			}
		})
	}
}

func readDefinition(t testing.TB, name string) []byte {
	t.Helper()
	if isGallery(name) {
		return galleryBody(t, "journey", name)
	}
	body, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return body
}

type scenario struct {
	*world
	file    string
	line    int
	checked int
}

func (s *scenario) fail(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf(s.file+":"+strconv.Itoa(s.line)+": "+format, args...)
}

func (s *scenario) run(text []byte) {
	s.t.Helper()
	sc := bufio.NewScanner(bytes.NewReader(text))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		s.line++
		line, _, _ := strings.Cut(sc.Text(), " #")
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		verb, rest, _ := strings.Cut(line, " ")
		s.verb(verb, strings.TrimSpace(rest))
	}
	if s.checked == 0 {
		s.fail("the scenario expects nothing")
	}
}

func (s *scenario) verb(verb, rest string) {
	s.t.Helper()
	words := strings.Fields(rest)
	switch verb {
	case "load":
		s.publish(words...)
	case "publish":
		name, fields, _ := strings.Cut(rest, " ")
		s.republish(name, fields)
	case "segment":
		name, expression, _ := strings.Cut(rest, " ")
		s.segment(name, expression)
	case "settings":
		set, err := ParseSettings([]byte(rest))
		if err != nil {
			s.fail("%v", err)
		}
		s.world.settings = set
	case "person":
		s.newPerson(words)
	case "at":
		s.at(words)
	case "event":
		s.newEvent(rest)
	case "sender":
		s.sender(words)
	case "enter": // NAME JOURNEY [KEY]: the API takes the person in
		s.enter(words)
	case "exit":
		r := s.runs(words[0], words[1])
		s.event(words[0], &enishi.Event{Type: enishi.TypeRunExit, Control: &enishi.Control{Journey: words[1], RunID: r[len(r)-1].ID}})
	case "expect":
		s.checked++
		s.expect(words)
	default:
		s.fail("no verb %q", verb)
	}
}

func (s *scenario) enter(words []string) {
	c := &enishi.Control{Journey: words[1]}
	if len(words) > 2 {
		c.Key = words[2]
	}
	s.event(words[0], &enishi.Event{Type: enishi.TypeRunEnter, Control: c})
}

func (s *scenario) at(words []string) {
	s.t.Helper()
	if rest, ok := strings.CutPrefix(words[0], "+"); ok {
		d, ok := parseDuration(rest)
		if !ok {
			s.fail("no duration: %s", rest)
		}
		to := s.now.Add(d)
		if len(words) > 1 && words[1] == "late" {
			s.now = to
		}
		s.pass(to)
		return
	}
	to, err := time.Parse("2006-01-02T15:04Z07:00", words[0])
	if err != nil || to.Before(s.now) {
		s.fail("no later time: %s", words[0])
	}
	if s.now.IsZero() {
		s.now = to.UTC()
	}
	s.pass(to.UTC())
}

func (s *scenario) newPerson(words []string) {
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
	s.person(words[0], p)
	s.event(words[0], e)
	if friend {
		s.event(words[0], &enishi.Event{Type: "line.followed"})
	}
}

func (s *scenario) newEvent(rest string) {
	s.t.Helper()
	name, rest, _ := strings.Cut(rest, " ")
	typ, body, _ := strings.Cut(rest, " ")
	e := &enishi.Event{}
	if body != "" {
		dec := json.NewDecoder(strings.NewReader(body))
		dec.DisallowUnknownFields()
		if err := dec.Decode(e); err != nil {
			s.fail("event: %v", err)
		}
	}
	if e.Message != "" {
		e.ID = enishi.EventID(e.Message)
	}
	if _, ok := enishi.LookupType(typ); !ok {
		s.fail("no event type %s", typ)
	}
	e.Type = typ
	s.event(name, e)
}

// sender reports what became of the newest message with a template.
func (s *scenario) sender(words []string) {
	s.t.Helper()
	ms := s.sent(words[0], words[1])
	if len(ms) == 0 {
		s.fail("no message %s was decided for %s", words[1], words[0])
	}
	m := ms[len(ms)-1]
	r := &enishi.MessageResult{SendID: m.SendID, Round: m.Round, Channel: m.Channel, Journey: m.Journey, Node: m.Node, Template: m.Template,
		Purpose: m.Purpose, RunID: m.RunID, Destination: m.Destination}
	for _, word := range words[3:] {
		if round, ok := strings.CutPrefix(word, "round="); ok {
			r.Round, _ = strconv.Atoi(round)
			continue
		}
		if d, ok := parseDuration(strings.TrimPrefix(word, "+")); ok {
			r.Until = s.now.Add(d)
		} else {
			r.Reason = word
		}
	}
	s.event(words[0], &enishi.Event{Type: "message." + words[2], Result: r})
}

// expect checks what is known now.
func (s *scenario) expect(words []string) {
	s.t.Helper()
	what, name := words[0], words[1]
	arg := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	switch what {
	case "run", "norun", "never", "end":
		s.expectRun(what, name, arg(2), arg(3))
	case "sent": // PERSON TEMPLATE COUNT, or PERSON nothing
		want, _ := strconv.Atoi(arg(3))
		template := arg(2)
		if template == "nothing" {
			template = ""
		}
		if got := s.sent(name, template); len(got) != want {
			s.fail("%d messages %s, want %d: %v", len(got), template, want, messageNames(got))
		}
	case "says": // PERSON TEMPLATE TEXT: the variables of the newest message contain it
		got := s.sent(name, arg(2))
		text := strings.Join(words[3:], " ")
		if len(got) == 0 || !strings.Contains(got[len(got)-1].Variables, text) {
			s.fail("the message does not have %s: %v", text, messageVariables(got))
		}
	case "cancel": // PERSON TEMPLATE COUNT [REASON]
		s.expectCancel(words)
	case "decision": // PERSON TEMPLATE REASON [DETAIL]: the newest decision
		s.expectDecision(words)
	case "undecided": // PERSON TEMPLATE: nothing was decided about it
		for _, d := range s.out.Decisions {
			if d.Profile == s.names[name] && d.Template == arg(2) {
				s.fail("decided %q", d.Reason)
			}
		}
	case "refused": // PERSON JOURNEY REASON: why the person did not enter, the newest
		reason := ""
		for _, d := range s.out.Derived {
			if d.Type == TypeRefused && d.Subject == s.names[name] && d.Journey == arg(2) {
				reason = d.Reason
			}
		}
		if reason != arg(3) {
			s.fail("refused for %q", reason)
		}
	case "trait": // PERSON NAME [VALUE]
		if got := s.people[s.names[name]].View().Traits[arg(2)].String(); got != arg(3) {
			s.fail("it is %q", got)
		}
	case "points": // PERSON BALANCE
		if got := itoa(int(s.people[s.names[name]].View().Points)); got != arg(2) {
			s.fail("there are %s", got)
		}
	case "row": // PERSON TYPE JOURNEY REASON: such a row was written
		for _, d := range s.out.Derived {
			if d.Type == arg(2) && d.Journey == arg(3) && d.Reason == strings.Join(words[4:], " ") && d.Subject == s.names[name] {
				return
			}
		}
		s.fail("no such row")
	default:
		s.fail("nothing to expect called %q", what)
	}
}

func (s *scenario) expectRun(what, name, journey, want string) {
	s.t.Helper()
	switch what {
	case "run": // PERSON JOURNEY[/KEY] NODE: one live run stands there
		var live []string
		for _, r := range s.runs(name, journey) {
			if r.EndedAt.IsZero() && !isResend(&r) {
				live = append(live, r.Node)
			}
		}
		if len(live) != 1 || live[0] != want {
			s.fail("live runs stand at %v", live)
		}
	case "norun": // PERSON JOURNEY[/KEY]: none is live
		for _, r := range s.runs(name, journey) {
			if r.EndedAt.IsZero() {
				s.fail("a run stands at %s", r.Node)
			}
		}
	case "never": // PERSON JOURNEY[/KEY]: none ever began
		if rs := s.runs(name, journey); len(rs) > 0 {
			s.fail("there is a run at %s, ended %q", rs[0].Node, rs[0].End)
		}
	case "end": // PERSON JOURNEY[/KEY] HOW
		rs := s.runs(name, journey)
		if len(rs) == 0 || rs[len(rs)-1].End != want {
			s.fail("runs: %+v", rs)
		}
		if len(rs) > 1 {
			s.fail("%d runs: name the key", len(rs))
		}
	}
}

func (s *scenario) expectCancel(words []string) {
	s.t.Helper()
	n, reason := 0, ""
	for _, m := range s.out.Messages {
		if m.Cancel && m.Profile == s.names[words[1]] && m.Template == words[2] {
			n++
			reason = m.Reason
		}
	}
	if want, _ := strconv.Atoi(words[3]); n != want || len(words) > 4 && reason != words[4] {
		s.fail("%d cancels, the last for %q", n, reason)
	}
}

func (s *scenario) expectDecision(words []string) {
	s.t.Helper()
	var d *enishi.Decision
	for i := range s.out.Decisions {
		if x := &s.out.Decisions[i]; x.Profile == s.names[words[1]] && x.Template == words[2] {
			d = x
		}
	}
	if d == nil {
		s.fail("no decision about %s", words[2])
	}
	last := d.Checks[len(d.Checks)-1]
	if d.Reason != words[3] || len(words) > 4 && !strings.Contains(last.Detail, strings.Join(words[4:], " ")) {
		s.fail("decided %q (%s: %s)", d.Reason, last.Name, last.Detail)
	}
	if d.Sent != (d.Reason == "sent") || d.Sent != last.OK {
		s.fail("the decision contradicts itself: %+v", d)
	}
}

func messageNames(ms []enishi.Message) []string {
	var out []string
	for _, m := range ms {
		out = append(out, m.Template)
	}
	return out
}

func messageVariables(ms []enishi.Message) []string {
	var out []string
	for _, m := range ms {
		out = append(out, m.Variables)
	}
	return out
}
