package pipeline

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
)

// morning is a campaign every day at ten, Tokyo, to those who bought twice.
const morning = `{"title":{"ja":"朝の便り","en":"Morning"},"state":"STATE","purpose":"transactional","consent":"not_refused",
"entry":{"sweep":true,"segment":"buyers","schedule":{"every":"day","time":"10:00"},"reentry":"never"},
"start":"say","nodes":{"say":{"type":"message","channels":["email"],"templates":{"email":"morning"},"send_by":"6h","next":"end"},"end":{"type":"exit"}}}`

// occurrencesOf counts the runs of a campaign by occurrence.
func (w *world) occurrencesOf(campaign string) map[string]int {
	out := map[string]int{}
	for _, s := range w.store.states {
		for _, r := range w.decode(s).Runs {
			if r.Journey == campaign {
				out[r.Key]++
			}
		}
	}
	return out
}

// decided counts the decisions of a campaign: nobody has an address, so each is one not to send.
func (w *world) decided(campaign string) int {
	n := 0
	for _, s := range w.store.tables["decisions"] {
		if strings.Contains(s.row, campaign) {
			n++
		}
	}
	return n
}

// campaignWorld is a shopWorld at 09:00 in Tokyo with the campaign saved in a state.
func campaignWorld(t *testing.T, c *compiler, state string) *world {
	t.Helper()
	w := shopWorld(t, c)
	w.now = time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	w.define("template", "morning", []byte(`{"channel":"email","purpose":"transactional","variants":{"ja":{"subject":"a","text":"b"}}}`))
	w.defineSegment("buyers", `orders_count >= 2`)
	w.rest()
	w.campaignIs(state)
	return w
}

func (w *world) campaignIs(state string) {
	w.define("journey", "morning", []byte(strings.Replace(morning, "STATE", state, 1)))
	w.rest()
}

// until lets time pass while everything runs.
func (w *world) until(at time.Time) {
	w.now = at
	w.rest()
}

// missedBy counts the occurrences of which it was said that they were not sent.
func (w *world) missedBy() int {
	n := 0
	for _, s := range w.store.tables["alerts"] {
		if strings.Contains(s.row, MissedKind) {
			n++
		}
	}
	return n
}

func day(n, hour, minute int) time.Time { return time.Date(2026, 3, n, hour-9, minute, 0, 0, time.UTC) }

const tenth, eleventh, twelfth = "2026-03-10T01:00:00Z", "2026-03-11T01:00:00Z", "2026-03-12T01:00:00Z"

// TestCampaignRecurs: each occurrence enters everybody who is in the segment at that moment once, also when the owners are
// killed on the way; who comes in later is in the next one.
func TestCampaignRecurs(t *testing.T) {
	t.Parallel()
	w := campaignWorld(t, newCompiler(), "live")
	w.until(day(10, 9, 59))
	if got := w.occurrencesOf("morning"); len(got) > 0 {
		t.Fatalf("before its time: %v", got)
	}
	w.now = day(10, 10, 0).Add(3 * time.Second)
	w.sweepTo(t, thirtySevenPercent)
	for _, n := range w.alive() {
		n.tick()
		n.fold() // and no checkpoint
		w.kill(n)
	}
	w.rebalance()
	w.byBuckets()
	w.rest()
	if got, want := w.occurrencesOf("morning"), map[string]int{tenth: 133}; !maps.Equal(got, want) {
		t.Fatalf("the first: %v, want %v", got, want)
	}
	for _, p := range w.people[:3] { // two of them had one order
		w.order(p, 9)
	}
	w.until(day(11, 9, 0))
	for _, n := range w.alive() {
		w.kill(n)
	}
	w.rebalance()
	w.byBuckets()
	w.until(day(11, 10, 0).Add(time.Minute))
	if got, want := w.occurrencesOf("morning"), map[string]int{tenth: 133, eleventh: 135}; !maps.Equal(got, want) {
		t.Fatalf("the second: %v, want %v", got, want)
	}
	if n := w.decided("morning"); n != 268 || w.missedBy() != 0 {
		t.Errorf("%d decisions, %d occurrences missed", n, w.missedBy())
	}
	w.campaignIs("archived")
	w.until(day(12, 12, 0))
	if got := w.occurrencesOf("morning"); len(got) != 2 {
		t.Errorf("archived: %v", got)
	}
	w.checkMarkers()
	w.checkReference()
}

// TestCampaignMissed: after a downtime what is past its send_by is not sent, of several that are not the newest alone is; what
// is left out is said once.
func TestCampaignMissed(t *testing.T) {
	t.Parallel()
	c := newCompiler()
	f := func(sendBy string, back time.Time, want map[string]int, missed int) {
		t.Helper()
		w := campaignWorld(t, c, "draft")
		w.define("journey", "morning", []byte(strings.NewReplacer("STATE", "live", `"6h"`, sendBy).Replace(morning)))
		w.until(day(10, 9, 30))
		for _, n := range w.alive() {
			w.kill(n)
		}
		w.now = back
		w.rebalance()
		w.byBuckets()
		w.rest()
		if got := w.occurrencesOf("morning"); !maps.Equal(got, want) {
			t.Errorf("back at %s: %v, want %v", back, got, want)
		}
		if w.missedBy() != missed {
			t.Errorf("back at %s: %d said to be missed, want %d", back, w.missedBy(), missed)
		}
		w.checkReference()
	}
	f(`"6h"`, day(10, 15, 0), map[string]int{tenth: 133}, 0)
	f(`"6h"`, day(10, 16, 1), map[string]int{}, 1)
	f(`"6h"`, day(12, 12, 0), map[string]int{twelfth: 133}, 2)
	f(`"6h"`, day(12, 17, 0), map[string]int{}, 3)
	f(`"72h"`, day(12, 12, 0), map[string]int{twelfth: 133}, 2) // in time, but a newer one is due
}

// TestCampaignPaused: nobody enters while it is paused; what became due meanwhile goes when it is live again in time, or is left out.
func TestCampaignPaused(t *testing.T) {
	t.Parallel()
	c := newCompiler()
	f := func(again time.Time, want map[string]int, missed int) {
		t.Helper()
		w := campaignWorld(t, c, "live")
		w.campaignIs("paused")
		w.until(day(10, 10, 30))
		if got := w.occurrencesOf("morning"); len(got) > 0 {
			t.Errorf("paused: %v", got)
		}
		w.until(again)
		w.campaignIs("live")
		if got := w.occurrencesOf("morning"); !maps.Equal(got, want) || w.missedBy() != missed {
			t.Errorf("live again at %s: %v and %d missed, want %v and %d", again, got, w.missedBy(), want, missed)
		}
	}
	f(day(10, 11, 0), map[string]int{tenth: 133}, 0)
	f(day(10, 17, 0), map[string]int{}, 1)
}

// TestCampaignRescheduled: a new time counts from when it was said; what the old one waited for does not come.
func TestCampaignRescheduled(t *testing.T) {
	t.Parallel()
	w := campaignWorld(t, newCompiler(), "live")
	w.until(day(10, 9, 45))
	body := strings.NewReplacer("STATE", "live", "10:00", "09:30").Replace(morning)
	w.define("journey", "morning", []byte(body))
	w.until(day(10, 10, 1))
	if got := w.occurrencesOf("morning"); len(got) > 0 || w.missedBy() != 0 {
		t.Errorf("the same day: %v, %d missed", got, w.missedBy())
	}
	w.until(day(11, 9, 31))
	if got, want := fmt.Sprint(w.occurrencesOf("morning")), "map[2026-03-11T00:30:00Z:133]"; got != want {
		t.Errorf("the day after: %s, want %s", got, want)
	}
}

// TestBroadcastTooLate: a campaign of an instant that comes back after its send_by is not sent either, unless somebody lets it go
// on after a pause.
func TestBroadcastTooLate(t *testing.T) {
	t.Parallel()
	c := newCompiler()
	once := strings.Replace(morning, `"schedule":{"every":"day","time":"10:00"}`, `"at":"2026-03-10T01:00:00Z"`, 1)
	f := func(back time.Time, pause bool, want, missed int) {
		t.Helper()
		w := campaignWorld(t, c, "draft")
		say := func(state string) {
			w.define("journey", "morning", []byte(strings.Replace(once, "STATE", state, 1)))
			w.rest()
		}
		say("live")
		if pause {
			say("paused")
		}
		for _, n := range w.alive() {
			w.kill(n)
		}
		w.now = back
		w.rebalance()
		w.byBuckets()
		w.rest()
		if pause {
			say("live")
		}
		if got := w.occurrencesOf("morning")[""]; got != want || w.missedBy() != missed {
			t.Errorf("back at %s: %d and %d missed, want %d and %d", back, got, w.missedBy(), want, missed)
		}
	}
	f(day(10, 15, 0), false, 133, 0)
	f(day(10, 17, 0), false, 0, 1)
	f(day(10, 17, 0), true, 133, 0)
}

// compared is a campaign whose variants a and b are compared on 30 per cent of the people.
const compared = `{"title":{"ja":"比較","en":"Compared"},"state":"live","purpose":"transactional","consent":"not_refused",
"entry":{"sweep":true,"segment":"buyers","reentry":"never","test":{"split":"ways","share":30,"after":"4h","by":"click","least":1WINNER}},"start":"ways",
"nodes":{"ways":{"type":"split","ways":[{"weight":1,"next":"node_a"},{"weight":1,"next":"node_b"}]},
"node_a":{"type":"message","channels":["email"],"templates":{"email":"morning"},"next":"end"},
"node_b":{"type":"message","channels":["email"],"templates":{"email":"morning"},"next":"end"},"end":{"type":"exit"}}}`

// TestCampaignRollout: the people who are asked first and the others, who follow the winner, are everybody, each once, also when
// the owners are killed in both halves.
func TestCampaignRollout(t *testing.T) {
	t.Parallel()
	w := campaignWorld(t, newCompiler(), "draft")
	killed := func() {
		w.sweepTo(t, thirtySevenPercent)
		for _, n := range w.alive() {
			n.tick()
			n.fold() // and no checkpoint
			w.kill(n)
		}
		w.rebalance()
		w.byBuckets()
		w.rest()
	}
	decided := func() [2]int {
		var n [2]int
		for _, s := range w.store.tables["decisions"] {
			for i, node := range []string{"node_a", "node_b"} {
				if strings.Contains(s.row, node) {
					n[i]++
				}
			}
		}
		return n
	}
	w.define("journey", "compared", []byte(strings.Replace(compared, "WINNER", "", 1)))
	killed()
	asked := decided()
	if n := asked[0] + asked[1]; n < 20 || n > 60 || asked[0] < 5 || asked[1] < 5 || w.occurrencesOf("compared")[""] != n {
		t.Fatalf("asked first: %v, %d runs", asked, w.occurrencesOf("compared")[""])
	}
	w.define("journey", "compared", []byte(strings.Replace(compared, "WINNER", `,"winner":"node_b"`, 1)))
	killed()
	if got := decided(); got != [2]int{asked[0], 133 - asked[0]} || w.occurrencesOf("compared")[""] != 133 {
		t.Errorf("asked first %v, in the end %v and %d runs", asked, got, w.occurrencesOf("compared")[""])
	}
	w.checkMarkers()
	w.checkReference()
}

// TestCampaignOfNothing: a campaign whose segment, list or segment to leave out is not there ends and says so, also when it was
// deleted while the campaign was under way; nobody gets it by mistake, and the next occurrence goes when all is there again.
func TestCampaignOfNothing(t *testing.T) {
	t.Parallel()
	c := newCompiler()
	done := func(w *world, what string, runs map[string]int, missed int) {
		t.Helper()
		if got := w.occurrencesOf("morning"); !maps.Equal(got, runs) || w.missedBy() != missed {
			t.Errorf("%s: %v and %d missed, want %v and %d", what, got, w.missedBy(), runs, missed)
		}
		w.checkReference()
	}
	recurs := `"schedule":{"every":"day","time":"10:00"}`
	once := `"at":"2026-03-10T01:00:00Z"`
	w := campaignWorld(t, c, "live")
	w.undefine("segment", "buyers")
	w.until(day(10, 10, 1))
	done(w, "without its segment", map[string]int{}, 1)
	for _, s := range w.store.tables["alerts"] {
		if !strings.Contains(s.row, `セグメント「buyers」が存在しない`) || !strings.Contains(s.row, `of 2026-03-10 10:00 was not sent, or not to everybody: the segment "buyers"`) {
			t.Errorf("it says %s", s.row)
		}
	}
	w.defineSegment("buyers", `orders_count >= 2`)
	w.until(day(11, 10, 1))
	done(w, "when it is there again", map[string]int{eleventh: 133}, 1)

	for _, x := range [][2]string{{recurs, once + `,"exclude":["staff"]`}, {`"segment":"buyers",` + recurs, `"list":"friends",` + once}} {
		w = campaignWorld(t, c, "draft")
		w.define("journey", "morning", []byte(strings.NewReplacer("STATE", "live", x[0], x[1]).Replace(morning)))
		w.until(day(10, 10, 1))
		done(w, x[1], map[string]int{}, 1)
		w.checkMarkers()
	}

	w = campaignWorld(t, c, "draft")
	w.define("journey", "morning", []byte(strings.NewReplacer("STATE", "live", recurs, once).Replace(morning)))
	w.now = day(10, 10, 1)
	w.sweepTo(t, thirtySevenPercent)
	w.undefine("segment", "buyers")
	w.rest()
	w.checkMarkers()
	if n := w.occurrencesOf("morning")[""]; n < 20 || n > 110 {
		t.Errorf("%d got it before the segment was deleted", n)
	}
	done(w, "deleted on the way", w.occurrencesOf("morning"), 1)
}

// TestCampaignChosenEarly: a winner that is said while the first ones are still being asked goes to everybody who was not asked,
// also where the first round had been already.
func TestCampaignChosenEarly(t *testing.T) {
	t.Parallel()
	w := campaignWorld(t, newCompiler(), "draft")
	w.define("journey", "compared", []byte(strings.Replace(compared, "WINNER", "", 1)))
	w.sweepTo(t, thirtySevenPercent)
	w.define("journey", "compared", []byte(strings.Replace(compared, "WINNER", `,"winner":"node_b"`, 1)))
	w.rest()
	if n := w.occurrencesOf("compared")[""]; n != 133 {
		t.Errorf("%d runs, want 133", n)
	}
	w.checkMarkers()
	w.checkReference()
}
