package journeys

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"enishi/segments"
)

func TestScheduleOccurrences(t *testing.T) {
	t.Parallel()
	set, err := ParseSettings([]byte(`{"calendar":{"closed":["2026-12-29/2027-01-03"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	f := func(schedule, after, want string) {
		t.Helper()
		var s Schedule
		if err := json.Unmarshal([]byte(schedule), &s); err != nil {
			t.Fatal(err)
		}
		from, err := time.Parse(time.RFC3339, after)
		if err != nil {
			t.Fatal(err)
		}
		var have []string
		for _, at := range s.Upcoming(from, 3, set) {
			have = append(have, at.In(set.Zone()).Format("Mon 01-02 15:04"))
		}
		if got := strings.Join(have, ", "); got != want {
			t.Errorf("%s after %s:\n%s, want\n%s", schedule, after, got, want)
		}
	}
	const sunday = "2026-11-22T00:00:00+09:00" // the Monday after it is a holiday
	f(`{"every":"day","time":"10:00"}`, sunday, "Sun 11-22 10:00, Mon 11-23 10:00, Tue 11-24 10:00")
	f(`{"every":"day","time":"10:00"}`, "2026-11-22T10:00:00+09:00", "Mon 11-23 10:00, Tue 11-24 10:00, Wed 11-25 10:00")
	f(`{"every":"day","interval":3,"from":"2026-11-20","time":"10:00"}`, sunday, "Mon 11-23 10:00, Thu 11-26 10:00, Sun 11-29 10:00")
	f(`{"every":"day","time":"10:00","holidays":"skip"}`, sunday, "Sun 11-22 10:00, Tue 11-24 10:00, Wed 11-25 10:00")
	f(`{"every":"week","weekdays":["mon","thu"],"time":"18:30"}`, sunday, "Mon 11-23 18:30, Thu 11-26 18:30, Mon 11-30 18:30")
	f(`{"every":"week","weekdays":["mon"],"time":"18:30","holidays":"after"}`, sunday, "Tue 11-24 18:30, Mon 11-30 18:30, Mon 12-07 18:30")
	f(`{"every":"week","weekdays":["mon"],"time":"18:30","holidays":"before"}`, "2026-11-20T00:00:00+09:00", "Sun 11-22 18:30, Mon 11-30 18:30, Mon 12-07 18:30")
	f(`{"every":"week","weekdays":["mon","tue"],"time":"18:30","holidays":"after"}`, sunday, "Tue 11-24 18:30, Mon 11-30 18:30, Tue 12-01 18:30")
	f(`{"every":"week","interval":2,"from":"2026-11-18","weekdays":["fri"],"time":"09:00"}`, sunday, "Fri 12-04 09:00, Fri 12-18 09:00, Fri 01-01 09:00")
	f(`{"every":"week","weekdays":["fri"],"time":"09:00","until":"2026-12-04"}`, sunday, "Fri 11-27 09:00, Fri 12-04 09:00")
	f(`{"every":"month","day":31,"time":"09:00"}`, sunday, "Mon 11-30 09:00, Thu 12-31 09:00, Sun 01-31 09:00")
	f(`{"every":"month","day":-1,"time":"09:00","holidays":"before"}`, sunday, "Mon 11-30 09:00, Mon 12-28 09:00, Fri 01-29 09:00")
	f(`{"every":"month","day":1,"time":"09:00","holidays":"after"}`, sunday, "Tue 12-01 09:00, Mon 01-04 09:00, Mon 02-01 09:00")
	f(`{"every":"month","day":1,"time":"09:00","holidays":"skip"}`, sunday, "Tue 12-01 09:00, Mon 02-01 09:00, Mon 03-01 09:00")
	f(`{"every":"month","interval":2,"from":"2026-11-01","day":5,"time":"09:00"}`, sunday, "Tue 01-05 09:00, Fri 03-05 09:00, Wed 05-05 09:00")
	f(`{"every":"month","nth":2,"weekdays":["fri"],"time":"09:00"}`, sunday, "Fri 12-11 09:00, Fri 01-08 09:00, Fri 02-12 09:00")
	f(`{"every":"month","nth":-1,"weekdays":["sun"],"time":"09:00"}`, sunday, "Sun 11-29 09:00, Sun 12-27 09:00, Sun 01-31 09:00")
	f(`{"every":"month","business_day":1,"time":"09:00"}`, sunday, "Tue 12-01 09:00, Mon 01-04 09:00, Mon 02-01 09:00")
	f(`{"every":"month","business_day":-1,"time":"09:00"}`, sunday, "Mon 11-30 09:00, Mon 12-28 09:00, Fri 01-29 09:00")
	f(`{"every":"month","payday":true,"time":"12:00"}`, sunday, "Wed 11-25 12:00, Fri 12-25 12:00, Mon 01-25 12:00")
	f(`{"every":"day","time":"10:00","until":"2026-11-01"}`, sunday, "")
}

// TestScheduleAcrossSummerTime: the local time stays, and a time that the clock leaves out is taken an hour later, once.
func TestScheduleAcrossSummerTime(t *testing.T) {
	t.Parallel()
	set, err := ParseSettings([]byte(`{"timezone":"Europe/Berlin"}`))
	if err != nil {
		t.Fatal(err)
	}
	s := Schedule{Every: "day", Time: "02:30"}
	have := s.Upcoming(time.Date(2027, 3, 26, 12, 0, 0, 0, time.UTC), 3, set)
	want := []string{"2027-03-27T02:30:00+01:00", "2027-03-28T03:30:00+02:00", "2027-03-29T02:30:00+02:00"}
	for i := range have {
		if got := have[i].In(set.Zone()).Format(time.RFC3339); got != want[i] {
			t.Errorf("%d: %s, want %s", i, got, want[i])
		}
	}
}

func TestScheduleRefusals(t *testing.T) {
	t.Parallel()
	f := func(entry, want string) {
		t.Helper()
		body := `{"title":{"ja":"a","en":"a"},"purpose":"marketing","consent":"opt_in","entry":{"reentry":"never",` + entry + `},"start":"x","nodes":{"x":{"type":"exit"}}}`
		if _, err := Compile("b", 1, []byte(body), segments.Library{}); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", entry, err, want)
		}
	}
	s := func(schedule, want string) {
		t.Helper()
		f(`"sweep":true,"segment":"a","schedule":{`+schedule+`}`, want)
	}
	s(`"every":"week","weekdays":["mon"],"time":"10:00"`, "")
	s(`"every":"month","nth":-1,"weekdays":["mon"],"time":"10:00"`, "")
	f(`"segment":"a","schedule":{"every":"day","time":"10:00"}`, "belong to a broadcast")
	f(`"sweep":true,"segment":"a","at":"2026-12-01T01:00:00Z","schedule":{"every":"day","time":"10:00"}`, "not at")
	s(`"every":"year","time":"10:00"`, "is not known")
	s(`"every":"day","time":"10"`, "a time of day")
	s(`"every":"day","time":"10:00","interval":2`, "the first day")
	s(`"every":"day","time":"10:00","interval":13,"from":"2026-12-01"`, "1 to 12")
	s(`"every":"day","time":"10:00","from":"1 Dec"`, "write a day")
	s(`"every":"day","time":"10:00","from":"2026-12-02","until":"2026-12-01"`, "before the first")
	s(`"every":"day","time":"10:00","weekdays":["mon"]`, "use week")
	s(`"every":"week","time":"10:00"`, "name the days")
	s(`"every":"week","time":"10:00","weekdays":["monday"]`, "use one of")
	s(`"every":"week","time":"10:00","weekdays":["mon"],"payday":true`, "belong to month")
	s(`"every":"month","time":"10:00"`, "needs one of")
	s(`"every":"month","time":"10:00","day":1,"payday":true`, "needs one of")
	s(`"every":"month","time":"10:00","nth":2`, "one of weekdays")
	s(`"every":"month","time":"10:00","day":1,"weekdays":["mon"]`, "one of weekdays")
	s(`"every":"month","time":"10:00","day":32`, "1 to 31")
	s(`"every":"month","time":"10:00","nth":5,"weekdays":["mon"]`, "1 to 4")
	s(`"every":"month","time":"10:00","business_day":16`, "1 to 15")
	s(`"every":"day","time":"10:00","holidays":"never"`, "is not known")
}
