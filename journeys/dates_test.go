package journeys

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"enishi"
	"enishi/segments"
)

// dateOracle finds who enters on a birthday by going through the days one by one.
type dateOracle struct {
	zone       *time.Location
	offset     time.Duration
	month, day int // 0: not known
	last       int // newest year that was entered
	entered    []string
}

// between enters for the moments in (from, to], at to.
func (o *dateOracle) between(from, to time.Time) {
	if o.month == 0 {
		return
	}
	for d := dayOf(from.Add(-o.offset).In(o.zone)).add(-2); d.before(dayOf(to.Add(-o.offset).In(o.zone)).add(2)); d = d.add(1) {
		leap := time.Date(d.year, 12, 31, 0, 0, 0, 0, time.UTC).YearDay() == 366
		is := int(d.month) == o.month && (d.date == o.day || o.month == 2 && o.day == 29 && !leap && d.date == 28)
		at := d.at(10*60, o.zone).Add(o.offset)
		if is && at.After(from) && !at.After(to) && d.year > o.last {
			o.last = d.year
			o.entered = append(o.entered, strconv.Itoa(d.year))
		}
	}
}

// TestDatesAgainstDays: birthdays that are set, moved and taken away, in several zones, while time goes by in small and large
// steps and nobody is awake now and then: who enters is what going through the days finds.
func TestDatesAgainstDays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		zone := rapid.SampledFrom([]string{"Asia/Tokyo", "America/New_York", "Pacific/Kiritimati", "Australia/Lord_Howe"}).Draw(rt, "zone")
		days := rapid.SampledFrom([]int{-180, -30, -7, -1, 0, 1, 60}).Draw(rt, "offset")
		offset := ""
		if days != 0 {
			offset = fmt.Sprintf(`"offset": "%dd",`, days)
		}
		w := newWorld(t)
		w.now = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
		body := strings.Replace(string(readDefinition(t, "born")), `"offset": "-7d",`, offset, 1)
		body = strings.Replace(body, `"next": "day"`, `"next": "done"`, 1)
		body = strings.Replace(body, `    "day": {"type": "wait", "until": {"date": "birthday", "yearly": true, "time": "09:00"}, "next": "done"},`+"\n", "", 1)
		w.journeys = NewSet([]*Journey{mustCompile(t, "born", 10, []byte(body))})
		w.person("p", &enishi.Person{CustomerID: "p"})
		location, err := time.LoadLocation(zone)
		if err != nil {
			rt.Fatal(err)
		}
		o := &dateOracle{zone: location, offset: time.Duration(days) * 24 * time.Hour}
		set := func(trait, value string) {
			w.pass(w.now.Add(time.Second))
			o.between(w.now.Add(-time.Second), w.now)
			w.event("p", &enishi.Event{Type: "person.identified", Person: &enishi.Person{Traits: map[string]enishi.Value{trait: enishi.TextValue(value)}}})
		}
		set("timezone", zone)
		for range rapid.IntRange(5, 25).Draw(rt, "n") {
			w.restart = rapid.Bool().Draw(rt, "store")
			switch rapid.IntRange(0, 2).Draw(rt, "op") {
			case 0:
				value := rapid.SampledFrom([]string{"1990-01-06", "02-29", "2000-03-08", "12-31", "1970-01-01", "07-01", ""}).Draw(rt, "birthday")
				set("birthday", value)
				o.month, o.day = map[string]int{"": 0, "07-01": 7, "12-31": 12, "02-29": 2, "2000-03-08": 3}[value], map[string]int{"07-01": 1, "12-31": 31, "02-29": 29, "2000-03-08": 8, "1990-01-06": 6, "1970-01-01": 1}[value]
				if value == "1990-01-06" || value == "1970-01-01" {
					o.month = 1
				}
				o.between(w.now.Add(-24*time.Hour), w.now)
			default:
				by := rapid.SampledFrom([]time.Duration{time.Hour, 20 * time.Hour, 5 * 24 * time.Hour, 45 * 24 * time.Hour, 200 * 24 * time.Hour, 500 * 24 * time.Hour}).Draw(rt, "by")
				from, to := w.now, w.now.Add(by)
				if rapid.Bool().Draw(rt, "late") {
					w.now = to
					from = later(from, to.Add(-24*time.Hour))
				}
				w.pass(to)
				o.between(from, to)
			}
		}
		var got []string
		for _, d := range w.out.Derived {
			if d.Type != enishi.TypeJourneyEntered {
				continue
			}
			for _, r := range w.runs("p", "born") {
				if r.ID == d.RunID {
					got = append(got, r.Key)
				}
			}
		}
		if !slices.Equal(got, o.entered) {
			rt.Fatalf("entered for %v, by the days it is %v", got, o.entered)
		}
	})
}

func TestDateEntryFailure(t *testing.T) {
	f := func(entry, want string) {
		t.Helper()
		body := `{"title":{"ja":"あ","en":"a"},"purpose":"transactional","consent":"not_refused","entry":{` + entry + `,"reentry":"never"},"start":"a","nodes":{"a":{"type":"exit"}}}`
		_, err := Compile("x", 1, []byte(body), segments.Library{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", entry, err, want)
		}
	}
	f(`"called":true,"offset":"-7d"`, "belong to date")
	f(`"date":"誕生日"`, "names a trait")
	f(`"date":"birthday","event":"order.placed"`, "has no event")
	f(`"date":"birthday","segment":"vip"`, "has no event")
	f(`"date":"birthday","sweep":true`, "has no event")
	f(`"date":"birthday","key":"order_id"`, "has no event")
	f(`"date":"birthday","time":"25:00"`, "written as 10:00")
	f(`"date":"birthday","offset":"soon"`, "no duration")
	f(`"date":"birthday","offset":"-200d"`, "at most 180 days")
	f(`"date":"birthday","within":"60d"`, "at most 30 days")
	f(`"date":"birthday","where":"event.type == 'x'"`, "entered by a segment or a date")
}

// TestDatesAfterMerge: nobody is greeted twice for one year because two profiles became one, or one two.
func TestDatesAfterMerge(t *testing.T) {
	w := newWorld(t)
	w.now = time.Date(2026, 2, 20, 0, 0, 0, 0, time.UTC)
	w.publish("born")
	for _, name := range []string{"a", "b"} {
		w.person(name, &enishi.Person{CustomerID: name})
		w.event(name, &enishi.Event{Type: "person.identified", Person: &enishi.Person{Traits: map[string]enishi.Value{"birthday": enishi.TextValue("1990-03-05")}}})
	}
	w.pass(time.Date(2026, 2, 26, 2, 0, 0, 0, time.UTC)) // 11:00 in Tokyo
	a, b := w.people[w.names["a"]], w.people[w.names["b"]]
	if len(a.Dates) != 1 || a.Dates[0].Done != "2026" || !a.Dates[0].At.Equal(time.Date(2027, 2, 26, 1, 0, 0, 0, time.UTC)) {
		t.Fatalf("dates: %+v", a.Dates)
	}
	b.Dates[0].Done, b.Dates[0].At = "", time.Date(2026, 2, 26, 1, 0, 0, 0, time.UTC) // it had not come to b
	changed := a.Absorb(b, w.now)
	Reconcile(w.env(), a, &w.out)
	entered := func() (n int) {
		for _, d := range w.out.Derived {
			if d.Type == enishi.TypeJourneyEntered && d.Subject == a.ID {
				n++
			}
		}
		return n
	}
	w.react(a, Trigger{Changed: changed})
	if n := entered(); n != 1 {
		t.Errorf("entered %d times", n)
	}
	if len(a.Dates) != 1 || a.Dates[0].Done != "2026" {
		t.Errorf("dates after the merge: %+v", a.Dates)
	}
}
