package journeys

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/profiles"
	"enishi/segments"
)

var start = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// simple is a journey that waits an hour and sends; extra is put into it.
func simple(t *testing.T, name string, version int64, entry, template, state string) *Journey {
	t.Helper()
	return mustCompile(t, name, version, []byte(`{"title":{"ja":"題","en":"T"},"purpose":"transactional","consent":"not_refused","state":"`+state+`",
		"entry":`+entry+`,"start":"w","nodes":{"w":{"type":"wait","for":"1h","next":"m"},"m":{"type":"message","template":"`+template+`","next":"x"},"x":{"type":"exit"}}}`))
}

// TestVersions: a run ends on the version that it entered; an archived journey takes no entries but lets runs go on; a run
// whose version is not known ends as an error, instead of being due for ever.
func TestVersions(t *testing.T) {
	const entry = `{"event":"order.placed","key":"order_id","reentry":"never"}`
	w := newWorld(t)
	w.now = start
	w.person("p", &enishi.Person{CustomerID: "c", Email: "p@a.test"})
	order := func(id string) { w.event("p", &enishi.Event{Type: "order.placed", Order: &enishi.Order{OrderID: id}}) }
	one, two, over := simple(t, "j", 1, entry, "one_mail", "live"), simple(t, "j", 2, entry, "two_mail", "live"), simple(t, "j", 3, entry, "three_mail", "archived")

	w.journeys = NewSet([]*Journey{one})
	order("a")
	one.Live = false
	w.journeys = NewSet([]*Journey{one, two})
	order("b")
	two.Live = false
	w.journeys = NewSet([]*Journey{one, two, over})
	order("c")
	if rs := w.runs("p", "j"); len(rs) != 2 {
		t.Fatalf("%d runs", len(rs))
	}
	w.pass(start.Add(time.Hour))
	if len(w.sent("p", "one_mail")) != 1 || len(w.sent("p", "two_mail")) != 1 || len(w.sent("p", "")) != 2 {
		t.Errorf("sent: %v", messageNames(w.sent("p", "")))
	}

	two.Live = true
	w.journeys = NewSet([]*Journey{two})
	order("d")
	w.journeys = NewSet(nil)
	w.pass(start.Add(5 * time.Hour))
	if r := w.runs("p", "j/d")[0]; r.End != endError {
		t.Errorf("run of an unknown version: %+v", r)
	}
	if due := w.people[w.names["p"]].NextDue(); !due.IsZero() {
		t.Errorf("still due at %v", due)
	}
}

// merge absorbs a person into another, as the pipeline does.
func (w *world) merge(winner, loser string) {
	p, l := w.people[w.names[winner]], w.people[w.names[loser]]
	for i, chunk := range l.Chunks(100 << 10) {
		moved, err := profiles.Decode(p.ID, string(chunk.Encode(nil)))
		if err != nil {
			w.fail(fmt.Errorf("chunk %d: %w", i, err))
		}
		changed := p.Absorb(moved, w.now)
		Reconcile(w.env(), p, &w.out)
		w.react(p, Trigger{Changed: changed})
	}
	delete(w.people, l.ID)
}

// TestReconcile: of two runs that the rule forbids beside each other the older goes on; other keys, and rules that allow
// both, are left alone; the same run on both sides stays once.
func TestReconcile(t *testing.T) {
	const once = `{"event":"user.signed_up","reentry":"never"}`
	const perOrder = `{"event":"order.placed","key":"order_id","reentry":"never"}`
	const often = `{"event":"custom.nudge","reentry":"always"}`
	w := newWorld(t)
	w.now = start
	w.journeys = NewSet([]*Journey{simple(t, "once", 1, once, "once_mail", "live"), simple(t, "order", 1, perOrder, "order_mail", "live"), simple(t, "often", 1, often, "often_mail", "live")})
	w.person("a", &enishi.Person{CustomerID: "a", Email: "a@a.test"})
	w.person("b", &enishi.Person{Email: "b@a.test"})
	w.event("b", &enishi.Event{Type: "user.signed_up"})
	w.event("b", &enishi.Event{Type: "order.placed", Order: &enishi.Order{OrderID: "o1"}})
	w.event("b", &enishi.Event{Type: "custom.nudge"})
	w.pass(start.Add(10 * time.Minute))
	w.event("a", &enishi.Event{Type: "user.signed_up"})
	w.event("a", &enishi.Event{Type: "order.placed", Order: &enishi.Order{OrderID: "o1"}})
	w.event("a", &enishi.Event{Type: "order.placed", Order: &enishi.Order{OrderID: "o2"}})
	w.event("a", &enishi.Event{Type: "custom.nudge"})
	older := w.runs("b", "once")[0].ID
	w.merge("a", "b")
	if rs := w.runs("a", "once"); len(rs) != 2 {
		t.Fatalf("runs: %+v", rs)
	} else {
		for _, r := range rs {
			if merged := r.End == endMerged; merged == (r.ID == older) {
				t.Errorf("run %s entered %v ended %q", r.ID, r.EnteredAt, r.End)
			}
		}
	}
	if rs := w.runs("a", "order/o1"); len(rs) != 1 {
		t.Errorf("the same run twice: %+v", rs)
	}
	w.pass(start.Add(3 * time.Hour))
	got := strings.Join(messageNames(w.sent("a", "")), " ")
	if len(w.sent("a", "once_mail")) != 1 || len(w.sent("a", "order_mail")) != 2 || len(w.sent("a", "often_mail")) != 2 {
		t.Errorf("sent: %s", got)
	}
	merged := 0
	for _, d := range w.out.Derived {
		if d.Reason == endMerged {
			merged++
		}
	}
	if merged != 1 {
		t.Errorf("%d rows of merged runs", merged)
	}
}

// TestReconcileEnded: who was thanked under one address is not welcomed under the other.
func TestReconcileEnded(t *testing.T) {
	w := newWorld(t)
	w.now = start
	w.journeys = NewSet([]*Journey{simple(t, "once", 1, `{"event":"user.signed_up","reentry":"never"}`, "once_mail", "live")})
	w.person("a", &enishi.Person{CustomerID: "a", Email: "a@a.test"})
	w.person("b", &enishi.Person{Email: "b@a.test"})
	w.event("b", &enishi.Event{Type: "user.signed_up"})
	w.pass(start.Add(2 * time.Hour))
	w.event("a", &enishi.Event{Type: "user.signed_up"})
	w.merge("a", "b")
	w.pass(start.Add(5 * time.Hour))
	if n := len(w.sent("a", "")) + len(w.sent("b", "")); n != 1 {
		t.Errorf("%d messages", n)
	}
	w.event("a", &enishi.Event{Type: "user.signed_up"})
	if d := w.out.Derived[len(w.out.Derived)-1]; d.Type != TypeRefused || d.Reason != "reentry:never" {
		t.Errorf("last row: %+v", d)
	}
}

// TestReconcileConsent: the strictest permission wins at once: what was decided for one and not sent is ordered back.
func TestReconcileConsent(t *testing.T) {
	w := newWorld(t)
	w.now = start
	w.publish("nudge")
	w.person("a", &enishi.Person{CustomerID: "a", Email: "a@a.test"})
	w.person("b", &enishi.Person{LineUserID: "b", Email: "b@a.test"})
	w.event("a", &enishi.Event{Type: "consent.changed", Consent: []enishi.ConsentChange{{Channel: "email", State: "in"}}})
	w.event("b", &enishi.Event{Type: "consent.changed", Consent: []enishi.ConsentChange{{Channel: "email", State: "out"}}})
	w.event("a", &enishi.Event{Type: "custom.nudge"})
	if len(w.sent("a", "nudge_mail")) != 1 {
		t.Fatal("no message")
	}
	w.now = w.now.Add(time.Minute)
	w.merge("a", "b")
	last := w.out.Messages[len(w.out.Messages)-1]
	if !last.Cancel || last.Destination != "email:default:other" || last.SendID != w.sent("a", "nudge_mail")[0].SendID {
		t.Errorf("last message: %+v", last)
	}
}

// TestBounds: ended runs are forgotten when nothing needs them, and the longest ended first over the bound; live runs have
// one too; a loop whose wait never lasts ends.
func TestBounds(t *testing.T) {
	w := newWorld(t)
	w.now = start
	w.person("p", &enishi.Person{CustomerID: "c", Email: "p@a.test"})
	w.journeys = NewSet([]*Journey{simple(t, "often", 1, `{"event":"custom.nudge","reentry":"always"}`, "often_mail", "live"),
		simple(t, "order", 1, `{"event":"order.placed","key":"order_id","reentry":"never"}`, "order_mail", "live")})
	p := func() *profiles.Profile { return w.people[w.names["p"]] }
	for range 3 {
		w.event("p", &enishi.Event{Type: "custom.nudge"})
	}
	w.pass(start.Add(2 * time.Hour))
	w.pass(start.Add(9 * 24 * time.Hour))
	w.event("p", &enishi.Event{Type: "custom.nudge"})
	if rs := w.runs("p", "often"); len(rs) != 1 {
		t.Errorf("%d runs after 9 days", len(rs))
	}
	for i := range maxEnded + 20 {
		w.event("p", &enishi.Event{Type: "order.placed", Order: &enishi.Order{OrderID: "o" + itoa(i)}})
		w.pass(w.now.Add(2 * time.Hour))
	}
	if n := len(p().Runs); n != maxEnded {
		t.Errorf("%d runs are remembered", n)
	}
	if len(w.runs("p", "order/o0")) != 0 || len(w.runs("p", "order/o219")) != 1 {
		t.Error("not the oldest were forgotten")
	}
	for range maxLive + 5 {
		w.event("p", &enishi.Event{Type: "custom.nudge"})
	}
	if rs := w.runs("p", "often"); len(rs) != maxLive {
		t.Errorf("%d live runs", len(rs))
	}
	if d := w.out.Derived[len(w.out.Derived)-1]; d.Reason != "too_many_runs" {
		t.Errorf("last row: %+v", d)
	}
}

// TestLoop: a loop over a wait for an event that the person's past holds waits for a new one each time.
func TestLoop(t *testing.T) {
	w := newWorld(t)
	w.now = start
	j := mustCompile(t, "loop", 1, []byte(`{"title":{"ja":"題","en":"T"},"purpose":"transactional","consent":"not_refused",
		"entry":{"event":"user.signed_up","reentry":"never"},"start":"w","nodes":{
		"w":{"type":"wait","until_event":{"event":"order.placed"},"timeout":"90d","next":"m","on_timeout":"x"},
		"m":{"type":"message","template":"again_mail","next":"w"},"x":{"type":"exit"}}}`))
	w.journeys = NewSet([]*Journey{j})
	w.person("p", &enishi.Person{CustomerID: "c", Email: "p@a.test"})
	w.event("p", &enishi.Event{Type: "user.signed_up"})
	for i := range 3 {
		w.pass(w.now.Add(time.Hour))
		w.event("p", &enishi.Event{Type: "order.placed", Order: &enishi.Order{OrderID: "o" + itoa(i)}})
	}
	ms := w.sent("p", "again_mail")
	if len(ms) != 3 || ms[0].SendID == ms[1].SendID || ms[1].SendID == ms[2].SendID {
		t.Errorf("%d messages", len(ms))
	}
	if r := w.runs("p", "loop")[0]; r.Visit != 4 || r.Node != "w" {
		t.Errorf("run: %+v", r)
	}
}

// TestLateEvent: what happens after a wait's time does not end it as if in time, also when its timer is late.
func TestLateEvent(t *testing.T) {
	w := newWorld(t)
	w.now = start
	j := mustCompile(t, "j", 1, []byte(`{"title":{"ja":"題","en":"T"},"purpose":"transactional","consent":"not_refused",
		"entry":{"event":"user.signed_up","reentry":"never"},"start":"w","nodes":{
		"w":{"type":"wait","until_event":{"event":"order.placed"},"timeout":"1h","next":"in","on_timeout":"out"},
		"in":{"type":"message","template":"in_mail","next":"x"},"out":{"type":"message","template":"out_mail","next":"x"},"x":{"type":"exit"}}}`))
	w.journeys = NewSet([]*Journey{j})
	for i, who := range []string{"late", "in time, told late"} {
		w.person(who, &enishi.Person{CustomerID: who, Email: itoa(i) + "@a.test"})
		w.event(who, &enishi.Event{Type: "user.signed_up"})
	}
	w.now = start.Add(2 * time.Hour)
	w.event("late", &enishi.Event{Type: "order.placed", Order: &enishi.Order{OrderID: "a"}})
	w.event("in time, told late", &enishi.Event{Type: "order.placed", At: start.Add(30 * time.Minute), Order: &enishi.Order{OrderID: "b"}})
	if len(w.sent("late", "out_mail")) != 1 || len(w.sent("in time, told late", "in_mail")) != 1 || len(w.out.Messages) != 2 {
		t.Errorf("sent: %v", messageNames(w.out.Messages))
	}
}

// TestSegmentEntry: who a sweep finds in the segment enters only when the journey says so; entry by leaving.
func TestSegmentEntry(t *testing.T) {
	f := func(entry string, tr Trigger, want int) {
		t.Helper()
		w := newWorld(t)
		w.now = start
		w.journeys = NewSet([]*Journey{simple(t, "j", 1, entry, "x_mail", "live")})
		w.person("p", &enishi.Person{CustomerID: "c"})
		Step(w.env(), w.people[w.names["p"]], tr, &w.out)
		if n := len(w.runs("p", "j")); n != want {
			t.Errorf("%s, %+v: %d runs", entry, tr, n)
		}
	}
	vip := []segments.Transition{{Segment: "vip"}}
	found := []segments.Transition{{Segment: "vip", Initial: true}}
	f(`{"segment":"vip","reentry":"never"}`, Trigger{Entered: vip}, 1)
	f(`{"segment":"vip","reentry":"never"}`, Trigger{Entered: found}, 0)
	f(`{"segment":"vip","include_people_in":true,"reentry":"never"}`, Trigger{Entered: found}, 1)
	f(`{"segment":"vip","reentry":"never"}`, Trigger{Left: vip}, 0)
	f(`{"segment":"vip","entered":false,"reentry":"never"}`, Trigger{Left: vip}, 1)
	f(`{"segment":"vip","entered":false,"reentry":"never"}`, Trigger{Left: found}, 0)
	f(`{"segment":"vip","entered":false,"reentry":"never"}`, Trigger{Entered: vip}, 0)
	f(`{"segment":"vip","reentry":"never"}`, Trigger{Entered: vip, Event: &enishi.Event{Type: "order.placed", Historical: true}}, 0)
}

// TestSegmentExit: leaving or entering a segment by the passing of time ends a run, or a wait for it.
func TestSegmentExit(t *testing.T) {
	w := newWorld(t)
	w.now = start
	j := mustCompile(t, "j", 1, []byte(`{"title":{"ja":"題","en":"T"},"purpose":"transactional","consent":"not_refused",
		"entry":{"event":"user.signed_up","reentry":"always"},"exit_on":[{"segment":"vip","entered":false}],"start":"w","nodes":{
		"w":{"type":"wait","until_event":{"segment":"gold"},"timeout":"9d","next":"m","on_timeout":"x"},
		"m":{"type":"message","template":"gold_mail","next":"x"},"x":{"type":"exit"}}}`))
	w.journeys = NewSet([]*Journey{j})
	w.person("p", &enishi.Person{CustomerID: "c", Email: "p@a.test"})
	p := w.people[w.names["p"]]
	step := func(tr Trigger) { Step(w.env(), p, tr, &w.out) }
	end := func() string { r := w.runs("p", "j"); return r[len(r)-1].End }
	w.event("p", &enishi.Event{Type: "user.signed_up"})
	step(Trigger{Left: []segments.Transition{{Segment: "gold"}}, Timer: true})
	step(Trigger{Entered: []segments.Transition{{Segment: "vip"}}, Timer: true})
	if end() != "" {
		t.Fatalf("ended %s", end())
	}
	step(Trigger{Entered: []segments.Transition{{Segment: "gold"}}, Timer: true})
	if end() != endCompleted || len(w.sent("p", "gold_mail")) != 1 {
		t.Errorf("ended %q, sent %d", end(), len(w.out.Messages))
	}
	p.Runs = nil
	w.event("p", &enishi.Event{Type: "user.signed_up"})
	step(Trigger{Left: []segments.Transition{{Segment: "vip"}}, Timer: true})
	if end() != endExited {
		t.Errorf("ended %q", end())
	}
	// Who is in the segment already does not wait for it.
	p.Runs, p.Memberships = nil, []profiles.Membership{{Segment: "gold"}}
	step(Trigger{Event: &enishi.Event{Type: "user.signed_up", ID: enishi.EventID("third"), At: w.now, Subject: p.ID}})
	if end() != endCompleted {
		t.Errorf("ended %q", end())
	}
}

// TestSentOnce: a run that was forgotten and begins again by the same key does not decide its message again.
func TestSentOnce(t *testing.T) {
	w := newWorld(t)
	w.now = start
	w.journeys = NewSet([]*Journey{simple(t, "j", 1, `{"event":"order.placed","key":"order_id","reentry":"never"}`, "x_mail", "live")})
	w.person("p", &enishi.Person{CustomerID: "c", Email: "p@a.test"})
	for range 2 {
		w.event("p", &enishi.Event{Type: "order.placed", Order: &enishi.Order{OrderID: "o"}})
		w.pass(w.now.Add(2 * time.Hour))
		w.people[w.names["p"]].Runs = nil
	}
	if n := len(w.out.Messages); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// TestIDs: what is about a thing of the whole shop has the same ids wherever it is folded; what is not has not.
func TestIDs(t *testing.T) {
	run := func(entry string, e enishi.Event, who string) enishi.ID {
		w := newWorld(t)
		w.now = start
		w.journeys = NewSet([]*Journey{simple(t, "j", 1, entry, "x_mail", "live")})
		w.person("p", &enishi.Person{CustomerID: who})
		w.event("p", &e)
		return w.runs("p", "j")[0].ID
	}
	order := enishi.Event{Type: "order.placed", Order: &enishi.Order{OrderID: "o1"}}
	other := order
	other.ID = enishi.EventID("another")
	const keyed = `{"event":"order.placed","key":"order_id","reentry":"never"}`
	if run(keyed, order, "a") != run(keyed, other, "b") {
		t.Error("one order gives two runs")
	}
	const again = `{"event":"order.placed","key":"order_id","reentry":"after_exit"}`
	if run(again, order, "a") == run(again, other, "a") {
		t.Error("two entries give one run")
	}
	const product = `{"event":"product.viewed","key":"product_id","reentry":"never"}`
	view := enishi.Event{Type: "product.viewed", Web: &enishi.Web{Product: &enishi.Product{ProductID: "p"}}}
	viewed := view
	viewed.ID = enishi.EventID("view of another person")
	if run(product, view, "a") == run(product, viewed, "b") {
		t.Error("two people share a run")
	}
}
