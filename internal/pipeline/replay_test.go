package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/journeys"
	"enishi/profiles"
)

// pastWorld is a world without faults whose journeys are live from the start and whose owners act at the very instants at which
// something is due. Everybody's identifiers are known to be theirs from the first event on.
func pastWorld(seed uint64, c *compiler) *world {
	w := newWorld(seed, c)
	w.calm, w.zombies = true, true // its machines' clocks are right
	w.rebalance()
	w.byBuckets()
	w.publishAll()
	w.define("setting", "journeys", []byte(pastSettings))
	w.define("journey", "tours", []byte(strings.Replace(fmt.Sprintf(toursBody, "", "3h", "hour", "more"), `{"type":"start","journey":"echo","next":"say"}`, `{"type":"branch","branches":[{"if":"orders_count >= 1","next":"say"}],"else":"looked"}`, 1)))
	w.define("journey", "back", []byte(comebackBody))
	w.rest()
	return w
}

const pastSettings = `{"caps":{"marketing.email":{"default":"2/2d"},"marketing":{"default":"4/7d"}},"holdout":15,"calendar":{"closed":["2026-03-06"],"hours":{"from":"11:00","to":"19:00"}}}`

// comebackBody enters by time alone: a segment that people come into when they have done nothing for a while.
const comebackBody = `{"title":{"ja":"お帰り","en":"Back"},"purpose":"marketing","consent":"opt_in","cap":{"default":"1/3d"},
"entry":{"segment":"lapsed","reentry":"after_exit"},"exit_on":[{"segment":"lapsed","entered":false}],"start":"calm","nodes":{
"calm":{"type":"wait","for":"6h","next":"say"},"say":{"type":"message","channels":["line","email"],"templates":{"line":"winback_line","email":"winback_mail"},"send_by":"20h","next":"long"},
"long":{"type":"wait","for":"4d","next":"out"},"out":{"type":"exit"}}}`

// passTo lets time go by, with everything at its instant.
func (w *world) passTo(until time.Time) {
	for {
		w.rest()
		due := w.nextDue()
		if due.IsZero() || due.After(until) {
			break
		}
		w.now = due
	}
	w.now = until
	w.rest()
}

// appendLate appends a late record, as of now.
func (w *world) appendLate() {
	for i := range w.shop.late {
		w.shop.late[i].Time = w.now
	}
	w.lateAppend()
}

// live plays some weeks.
func (w *world) live(visits int) {
	for _, p := range w.people {
		w.ingest(p, &enishi.Event{Type: "custom.hello", At: w.now, Source: "shop", Person: &p.person})
	}
	w.rest()
	for range visits {
		w.passTo(w.now.Add(time.Duration(w.rnd.Int64N(int64(5 * time.Hour))).Truncate(time.Millisecond)))
		w.visit()
		if w.chance(300) {
			w.appendLate()
		}
		w.rest()
	}
	for len(w.shop.late) > 0 {
		w.appendLate()
	}
	w.passTo(w.now.Add(8 * 24 * time.Hour))
}

// pasts is what is known of everybody when a journey is tried, as the tables have it.
func (w *world) pasts(journey string) map[enishi.ID][]Past {
	x := Pasts{Journey: journey, AsReceived: true}
	out, seen := map[enishi.ID][]Past{}, map[enishi.ID]bool{}
	for p := range w.log {
		for _, r := range w.log[p] {
			e := &enishi.Event{}
			if err := enishi.DecodeEvent(e, r.Value); err != nil {
				w.violate("%v", err)
			}
			if strings.HasPrefix(e.Type, "~") || e.Type == enishi.TypeErased || e.Type == enishi.TypeRunExit || seen[e.ID] {
				continue
			}
			seen[e.ID] = true
			if at, ok := x.acts(e, r.Time); ok {
				id := w.graph.Resolve(e.Subject)
				out[id] = append(out[id], Past{At: at, Event: e})
			}
		}
	}
	for _, r := range w.messages {
		var m enishi.Message
		_ = enishi.DecodeMessage(&m, r.Value) // others look at that
		if !m.Cancel && m.Journey != journey {
			id := w.graph.Resolve(m.Subject)
			out[id] = append(out[id], Past{At: m.DecidedAt, Decided: &profiles.Message{SendID: m.SendID, Round: m.Round, Channel: m.Channel, Purpose: m.Purpose,
				Journey: m.Journey, Node: m.Node, Template: m.Template, RunID: m.RunID, DecidedAt: m.DecidedAt, To: m.Subject}})
		}
	}
	for id, past := range out {
		slices.SortStableFunc(past, func(a, b Past) int { return cmp.Compare(a.At.UnixMilli(), b.At.UnixMilli()) })
		out[id] = past
	}
	return out
}

// commanded are the people whom an operator has erased or taken out of something: no past tells of that.
func (w *world) commanded() map[enishi.ID]bool {
	out := map[enishi.ID]bool{}
	for p := range w.log {
		for _, r := range w.log[p] {
			var e enishi.Event
			if enishi.DecodeEvent(&e, r.Value) == nil && (e.Type == enishi.TypeErased || e.Type == enishi.TypeRunExit) {
				copy(e.Profile[:], r.Key)
				out[w.graph.Resolve(e.Profile)] = true
			}
		}
	}
	return out
}

// lived are the lines of what the live fold did with people in a journey: who entered, was refused, was sent what or was not
// and by which checks, what was made, and how runs ended.
func (w *world) lived(journey string, skip map[enishi.ID]bool) []string {
	columns := func(table string, names []string) (rows []map[string]string) {
		names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "version" })
		for _, s := range w.store.tables[table] {
			fields := strings.SplitN(s.row, "|", len(names))
			row := map[string]string{}
			for i := range fields {
				row[names[i]] = strings.TrimSuffix(fields[i], "|")
			}
			rows = append(rows, row)
		}
		return rows
	}
	of := func(row map[string]string) bool {
		subject, err := enishi.ParseID(row["subject"])
		if err != nil {
			w.violate("%v in %v", err, row)
		}
		return row["journey"] == journey && !skip[w.graph.Resolve(subject)]
	}
	var out []string
	kinds := map[string]string{enishi.TypeJourneyEntered: PlayEntered, enishi.TypeJourneyExited: PlayEnded, journeys.TypeRefused: PlayRefused, journeys.TypeMade: PlayMade}
	for _, row := range columns("events", eventColumns) {
		if kind := kinds[row["type"]]; kind != "" && of(row) {
			out = append(out, strings.Join([]string{row["at"], kind, row["run_id"], row["reason"]}, " "))
		}
	}
	for _, row := range columns("decisions", decisionColumns) {
		if of(row) {
			out = append(out, strings.Join([]string{row["at"], PlayDecision, row["run_id"], row["node"], row["send_id"], row["round"], row["channel"], row["template"], row["sent"], row["reason"], row["checks"]}, " "))
		}
	}
	slices.Sort(out)
	return out
}

// tried are the same lines of a trial.
func (w *world) tried(t *Trial, pasts map[enishi.ID][]Past, skip map[enishi.ID]bool) []string {
	var out []string
	r := t.Replay()
	for id, past := range pasts {
		if skip[id] {
			continue
		}
		play, err := r.Play(context.Background(), id, past, nil)
		if err != nil {
			w.violate("%v", err)
		}
		decided := map[string]string{} // of one round the last stands, as in the table
		for i := range play.Steps {
			s := &play.Steps[i]
			at := fmt.Sprint(s.At.UnixMilli())
			switch d := s.Decision; {
			case d != nil:
				checks := checksWriter{}
				decided[d.SendID.String()+fmt.Sprint(d.Round)] = strings.Join([]string{at, s.Kind, s.Run.String(), s.Node, d.SendID.String(), fmt.Sprint(d.Round), d.Channel, d.Template, fmt.Sprint(bit(d.Sent)), d.Reason, checks.write(d.Checks)}, " ")
			case s.Kind == PlayRefused && slices.Contains([]string{"where", "no_key", "running"}, s.Reason), s.Kind == PlayCame, s.Kind == PlayWaits:
			default:
				out = append(out, strings.Join([]string{at, s.Kind, s.Run.String(), s.Reason}, " "))
			}
		}
		for _, line := range decided {
			out = append(out, line)
		}
	}
	slices.Sort(out)
	return out
}

// trial makes a trial of a journey as it was live.
func (w *world) trial(t *testing.T, name string, from, to time.Time) *Trial {
	t.Helper()
	d, ok := w.defs.Current("journey", name)
	if !ok {
		t.Fatalf("no journey %s", name)
	}
	trial, err := NewTrial(TrialConfig{Definitions: w.defs.Until(w.defNext), Journey: d, From: from, To: to})
	if err != nil {
		t.Fatal(err)
	}
	return trial
}

// TestReplayEqualsLive: what a journey would have done on the past is what it did, for everybody: entries, refusals, each
// decision with its instant and its checks, and ends; with quiet hours, caps of several journeys, holdouts, splits, entries by
// time, waits of all kinds, and people known by several identifiers.
func TestReplayEqualsLive(t *testing.T) {
	t.Parallel()
	from, seeds := firstSeed(t), uint64(8)
	if os.Getenv("ENISHI_FULL") != "" {
		seeds = 100
	}
	c := newCompiler()
	found := map[string]int{}
	for seed := from; seed < from+seeds; seed++ {
		w := pastWorld(seed, c)
		w.live(120)
		skip := w.commanded()
		var names []string
		for _, item := range w.gallery {
			if item.Kind == "journey" {
				names = append(names, item.Name)
			}
		}
		for _, name := range append(names, "tours", "back") {
			want := w.lived(name, skip)
			have := w.tried(w.trial(t, name, w.began, w.now.Add(time.Millisecond)), w.pasts(name), skip)
			if at := slices.IndexFunc(want, func(line string) bool { return !slices.Contains(have, line) }); at >= 0 {
				t.Fatalf("seed %d, %s: lived and not tried, of %d:\n%s\ntried:\n%s", seed, name, len(want), want[at], near(have, want[at]))
			}
			if at := slices.IndexFunc(have, func(line string) bool { return !slices.Contains(want, line) }); at >= 0 {
				t.Fatalf("seed %d, %s: tried and not lived, of %d:\n%s\nlived:\n%s", seed, name, len(have), have[at], near(want, have[at]))
			}
			for _, line := range want {
				f := strings.Fields(line)
				found[f[1]]++
				if f[1] == PlayDecision {
					found["decided "+f[9]]++
				} else {
					found[f[1]+" "+strings.Split(f[3], ":")[0]]++
				}
			}
		}
	}
	t.Log(found)
	for _, what := range []string{PlayRefused, PlayMade, "decided sent", "decided cap", "decided quiet_hours", "decided holdout", "decided consent", "decided address", "ended goal", "ended exited", "ended completed", "entered segment.entered"} {
		if found[what] == 0 {
			t.Errorf("no journey had: %s", what)
		}
	}
}

// TestReplayBroadcast: a campaign begins at its instant for whoever is in its segment then, whenever the trial lets it go live.
func TestReplayBroadcast(t *testing.T) {
	t.Parallel()
	w := pastWorld(3, newCompiler())
	w.defineSegment("buyers", `orders_count >= 1`)
	w.live(60)
	at := w.now.Add(26 * time.Hour).Truncate(time.Minute)
	w.define("journey", "sale", fmt.Appendf(nil, `{"title":{"ja":"セール","en":"Sale"},"purpose":"marketing","consent":"opt_in","cap":{"default":"1/3d"},
"entry":{"sweep":true,"segment":"buyers","at":%q,"reentry":"never"},"start":"say","nodes":{
"say":{"type":"message","channels":["email","line"],"templates":{"email":"winback_mail","line":"winback_line"},"send_by":"20h","next":"out"},"out":{"type":"exit"}}}`, at.UTC().Format(time.RFC3339)))
	w.passTo(at)
	w.passTo(at.Add(3 * 24 * time.Hour))
	skip := w.commanded()
	want := w.lived("sale", skip)
	have := w.tried(w.trial(t, "sale", w.began, w.now), w.pasts("sale"), skip)
	if text := strings.Join(want, "\n"); !slices.Equal(want, have) || !strings.Contains(text, "broadcast") || !strings.Contains(text, "decision") {
		t.Errorf("lived\n%s\ntried\n%s", text, strings.Join(have, "\n"))
	}
	// It is not live yet when its instant has passed.
	if late := w.tried(w.trial(t, "sale", w.began, at), w.pasts("sale"), skip); len(late) > 0 {
		t.Errorf("before its instant: %v", late)
	}
}

// TestReplayDates: a journey that begins on a date is due for everybody who had it when it went live, also for those of whom
// nothing is heard afterwards, and by the new date for those who changed it.
func TestReplayDates(t *testing.T) {
	t.Parallel()
	w := pastWorld(5, newCompiler())
	born := func(p *person, days int) {
		who := p.person
		who.Traits = map[string]enishi.Value{"birthday": enishi.TextValue("1990-" + w.now.In(tokyo).AddDate(0, 0, days).Format("01-02"))}
		w.ingest(p, &enishi.Event{Type: "person.identified", At: w.now, Source: "shop", Channel: "web", Person: &who})
	}
	w.live(20)
	for i, p := range w.people {
		if i%4 != 0 {
			born(p, 3+i%5)
		}
	}
	w.passTo(w.now.Add(time.Hour))
	from := w.now
	w.define("journey", "birthday", []byte(`{"title":{"ja":"誕生日","en":"Birthday"},"purpose":"marketing","consent":"opt_in","cap":{"default":"1/3d"},
"entry":{"date":"birthday","offset":"-1d","time":"11:30","yearly":true,"where":"orders_count >= 0","reentry":"after_exit"},"start":"say","nodes":{
"say":{"type":"message","channels":["email","line"],"templates":{"email":"winback_mail","line":"winback_line"},"send_by":"20h","next":"rest"},
"rest":{"type":"wait","for":"2d","next":"out"},"out":{"type":"exit"}}}`))
	w.passTo(w.now.Add(20 * time.Hour))
	for i, p := range w.people {
		if i%6 == 1 {
			born(p, 6)
		}
	}
	w.passTo(w.now.Add(12 * 24 * time.Hour))
	skip := w.commanded()
	want := w.lived("birthday", skip)
	have := w.tried(w.trial(t, "birthday", from, w.now), w.pasts("birthday"), skip)
	if text := strings.Join(want, "\n"); !slices.Equal(want, have) || !strings.Contains(text, "entered") || !strings.Contains(text, "decision") {
		t.Errorf("lived\n%s\ntried\n%s", text, strings.Join(have, "\n"))
	}
	t.Log(len(want), "lines")
}

// TestReplayMerged: somebody fills a cart as a browser that nobody knows, and turns out to be a customer with another address
// before the reminder is due. What was tried with what is known now is what was lived: one of them is reminded, the other has
// bought under the first address.
func TestReplayMerged(t *testing.T) {
	t.Parallel()
	w := newWorld(7, newCompiler())
	w.calm, w.zombies, w.people = true, true, nil
	w.rebalance()
	w.byBuckets()
	w.publishAll()
	w.rest()
	for i := range 2 {
		w.people = append(w.people, &person{n: i, deliveries: map[string]time.Time{}, person: enishi.Person{CustomerID: fmt.Sprintf("c%d", i), Email: fmt.Sprintf("p%d@x.test", i), AnonymousID: fmt.Sprintf("anon%d", i)}})
	}
	do := func(after time.Duration, p *person, e enishi.Event, who enishi.Person) {
		w.passTo(w.now.Add(after))
		e.At, e.Source, e.Person = w.now, "shop", &who
		for _, c := range e.Consent {
			p.consents = append(p.consents, consentGiven{c.Channel, c.State, w.now})
		}
		w.ingest(p, &e)
		for len(w.shop.late) > 0 {
			w.appendLate()
		}
		w.rest()
	}
	for _, p := range w.people {
		customer, browser := enishi.Person{CustomerID: p.person.CustomerID, Email: p.person.Email}, enishi.Person{AnonymousID: p.person.AnonymousID}
		do(time.Hour, p, enishi.Event{Type: "consent.changed", Consent: []enishi.ConsentChange{{Channel: "email", State: "in", Method: "form:x"}}}, customer)
		do(time.Minute, p, enishi.Event{Type: "cart.item_added", Web: &enishi.Web{CartID: "cart" + p.person.CustomerID, Product: &enishi.Product{ProductID: "P1"}}}, browser)
		do(10*time.Minute, p, enishi.Event{Type: "custom.login"}, p.person) // here they become one
		if p.n == 1 {
			do(10*time.Minute, p, enishi.Event{Type: "order.placed", Order: &enishi.Order{OrderID: "o1", Currency: "JPY", Total: 7000 * enishi.Unit}}, enishi.Person{Email: p.person.Email})
		}
	}
	w.passTo(w.now.Add(10 * 24 * time.Hour))
	moved := 0
	for p := range w.log {
		for _, r := range w.log[p] {
			var e enishi.Event
			if enishi.DecodeEvent(&e, r.Value) == nil && e.Type == enishi.TypeAbsorb {
				moved++
			}
		}
	}
	want := w.lived("cart_abandonment", nil)
	have := w.tried(w.trial(t, "cart_abandonment", w.began, w.now.Add(time.Millisecond)), w.pasts("cart_abandonment"), nil)
	if text := strings.Join(want, "\n"); !slices.Equal(want, have) || moved < 2 || !strings.Contains(text, "sent") || !strings.Contains(text, "order.placed") {
		t.Errorf("%d merges\nlived\n%s\ntried\n%s", moved, text, strings.Join(have, "\n"))
	}
}

// TestReplayReports: a message that is decided in a trial has left, as far as the journey's later steps ask.
func TestReplayReports(t *testing.T) {
	t.Parallel()
	w := pastWorld(4, newCompiler())
	w.define("journey", "reported", []byte(`{"title":{"ja":"届いた","en":"Reported"},"purpose":"transactional","consent":"not_refused",
"entry":{"event":"order.placed","reentry":"always"},"start":"say","nodes":{
"say":{"type":"message","template":"delivery_shipped_mail","send_by":"20h","next":"wait"},
"wait":{"type":"wait","until_event":{"event":"message.sent"},"timeout":"2d","next":"heard","on_timeout":"out"},
"heard":{"type":"goal"},"out":{"type":"exit"}}}`))
	w.rest()
	w.live(80)
	w.passTo(w.now.Add(3 * 24 * time.Hour))
	skip := w.commanded()
	want := w.lived("reported", skip)
	have := w.tried(w.trial(t, "reported", w.began, w.now), w.pasts("reported"), skip)
	if text := strings.Join(want, "\n"); !slices.Equal(want, have) || !strings.Contains(text, "goal") {
		t.Errorf("lived\n%s\ntried\n%s", text, strings.Join(have, "\n"))
	}
}

// TestReplayRecurs: each occurrence of a campaign enters people anew, also those who still wait in an earlier one.
func TestReplayRecurs(t *testing.T) {
	t.Parallel()
	w := pastWorld(3, newCompiler())
	w.defineSegment("buyers", `orders_count >= 1`)
	w.live(60)
	from := w.now
	w.define("journey", "morning", []byte(`{"title":{"ja":"朝","en":"Morning"},"purpose":"marketing","consent":"opt_in",
"entry":{"sweep":true,"segment":"buyers","schedule":{"every":"day","time":"11:00"},"reentry":"never"},"start":"say","nodes":{
"say":{"type":"message","channels":["email","line"],"templates":{"email":"winback_mail","line":"winback_line"},"send_by":"6h","next":"rest"},
"rest":{"type":"wait","for":"30h","next":"out"},"out":{"type":"exit"}}}`))
	w.rest()
	eleven := w.now.In(tokyo).Truncate(24 * time.Hour).Add(2 * time.Hour) // a day of UTC begins at nine
	for range 4 {
		if eleven = eleven.Add(24 * time.Hour); eleven.After(w.now) {
			w.passTo(eleven)
		}
	}
	skip := w.commanded()
	want := w.lived("morning", skip)
	have := w.tried(w.trial(t, "morning", from, w.now.Add(time.Millisecond)), w.pasts("morning"), skip)
	if text := strings.Join(want, "\n"); !slices.Equal(want, have) || strings.Count(text, "broadcast:") < 3 {
		t.Errorf("lived\n%s\ntried\n%s", text, strings.Join(have, "\n"))
	}
	// A shop that demonstrates with a fast clock sees real durations all the same.
	w.define("setting", "journeys", []byte(strings.Replace(pastSettings, "{", `{"accelerate":60,`, 1)))
	if fast := w.tried(w.trial(t, "morning", from, w.now.Add(time.Millisecond)), w.pasts("morning"), skip); !slices.Equal(fast, have) {
		t.Errorf("with a fast clock\n%s\nwithout\n%s", strings.Join(fast, "\n"), strings.Join(have, "\n"))
	}
}

// TestReplayWebhook: nobody knows what another system would have answered: a run of a trial waits as long as the journey lets it
// and goes the way of those for whom no answer came.
func TestReplayWebhook(t *testing.T) {
	t.Parallel()
	w := pastWorld(3, newCompiler())
	w.live(60)
	w.passTo(w.now.Add(24 * time.Hour))
	w.define("journey", "asks", []byte(`{"title":{"ja":"照会","en":"Asks"},"purpose":"transactional","consent":"not_refused",
"entry":{"event":"order.placed","reentry":"always"},"start":"crm","nodes":{
"crm":{"type":"webhook","webhook":{"url":"https://crm.shop.example/x"},"timeout":"2h","next":"known","on_failure":"unknown"},
"known":{"type":"goal"},"unknown":{"type":"exit"}}}`))
	text := strings.Join(w.tried(w.trial(t, "asks", w.began, w.now.Add(time.Millisecond)), w.pasts("asks"), w.commanded()), "\n")
	if entered := strings.Count(text, " entered "); entered < 2 || strings.Count(text, " webhook  1 sent ") != entered || strings.Count(text, " completed") != entered || strings.Contains(text, "goal") {
		t.Errorf("tried\n%s", text)
	}
}

// near are the lines of the same run.
func near(lines []string, line string) string {
	run := strings.Fields(line)[2]
	var out []string
	for _, l := range lines {
		if strings.Contains(l, run) {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

// TestReplayRepeats: the same past gives the same, whoever was played before.
func TestReplayRepeats(t *testing.T) {
	t.Parallel()
	w := pastWorld(5, newCompiler())
	w.live(60)
	trial := w.trial(t, "tours", w.began, w.now)
	once := func() string {
		b, err := json.Marshal(w.tried(trial, w.pasts("tours"), nil))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if a, b := once(), once(); a != b || len(a) < 1000 {
		t.Errorf("another result, or none:\n%s\n%s", a, b)
	}
}
