package pipeline

import (
	"fmt"
	"testing"
	"time"

	"enishi"
)

const birthday = `{"title":{"ja":"誕生日","en":"Birthday"},"purpose":"transactional","consent":"not_refused","entry":{"date":"birthday","yearly":true,"reentry":"never"},
"start":"end","nodes":{"end":{"type":"exit"}}}`

// TestDateEntry: a journey that begins on a date comes to everybody who has it, also to those who are stored and were not seen
// since, and to each once, although the owners are killed while its sweep is under way and right after the moment.
func TestDateEntry(t *testing.T) {
	t.Parallel()
	w := shopWorld(t, newCompiler())
	zone, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	day := w.now.In(zone).AddDate(0, 0, 3)
	for i, p := range w.people {
		e := &enishi.Event{Type: "person.identified", At: w.now, Source: "shop", Channel: "web", Person: &enishi.Person{CustomerID: p.person.CustomerID,
			Traits: map[string]enishi.Value{"birthday": enishi.TextValue("1990-" + day.Format("01-02"))}}}
		e.ID = enishi.NewID("birthday", fmt.Sprint(i))
		w.identify(e)
		w.put(w.record(e))
	}
	w.rest()
	w.define("journey", "birthday", []byte(birthday))
	w.sweepTo(t, thirtySevenPercent)
	killAll := func() {
		for _, n := range w.alive() {
			n.tick()
			n.fold() // and no checkpoint
			w.kill(n)
		}
		w.rebalance()
		w.byBuckets()
		for _, n := range w.alive() {
			n.gain()
		}
	}
	killAll()
	w.rest()
	moment := time.Date(day.Year(), day.Month(), day.Day(), 10, 0, 0, 0, zone).UTC()
	if due := w.nextDue(); !due.Equal(moment) {
		t.Fatalf("next due at %v, want %v", due, moment)
	}
	w.now = moment.Add(-time.Second)
	w.rest()
	if got := w.stands("birthday"); len(got) > 0 {
		t.Fatalf("before the moment: %v", got)
	}
	w.now = moment.Add(time.Second)
	for _, n := range w.alive() {
		n.tick()
	}
	killAll()
	w.rest()
	if got := w.stands("birthday"); got["completed"] != len(w.people) {
		t.Fatalf("of %d people: %v", len(w.people), got)
	}
	w.now = moment.AddDate(0, 0, 40)
	w.rest()
	if got := w.stands("birthday"); got["completed"] != len(w.people) {
		t.Errorf("later: %v", got)
	}
	w.checkMarkers()
}
