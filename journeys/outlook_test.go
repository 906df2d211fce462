package journeys

import (
	"fmt"
	"testing"
	"time"
)

// TestOutlook: what the days ahead are said to be is what a message meets: of every quarter of an hour of a year's end.
func TestOutlook(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{}`,
		`{"quiet_hours":{"off":true}}`,
		`{"quiet_hours":{"from":"12:00","to":"13:15","channels":["email"]}}`,
		`{"quiet_hours":{"from":"00:00","to":"06:00"},"send_days":{"weekdays":["mon","wed","sat"],"not_on_holidays":true,"not_on_closed_days":true},"calendar":{"closed":["2026-12-29/2027-01-03"],"holidays":["2026-12-28"],"payday":31}}`,
		`{"timezone":"Europe/Berlin","quiet_hours":{"from":"22:00","to":"00:00"}}`,
	} {
		s, err := ParseSettings([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		from := time.Date(2026, 12, 22, 3, 0, 0, 0, s.Zone())
		days := s.Outlook(from, 20)
		if len(days) != 20 || days[0].Date != "2026-12-22" || days[0].Weekday != "tue" {
			t.Fatalf("%s: %+v", body, days[0])
		}
		for i, x := range days {
			for _, channel := range []string{"email", "line"} {
				for m := 0; m < 24*60; m += 15 {
					at := time.Date(2026, 12, 22+i, 0, m, 0, 0, s.Zone())
					open := false
					for _, h := range x.Open[channel] {
						clock := fmt.Sprintf("%02d:%02d", m/60, m%60)
						open = open || clock >= h.From && clock < h.To
					}
					if got := s.Opens(&Definition{Purpose: marketing}, channel, at).Equal(at); got != open {
						t.Fatalf("%s: %s at %v is said to be %v, but a message meets %v", body, channel, at, open, got)
					}
				}
			}
		}
	}
	s, err := ParseSettings([]byte(`{"calendar":{"closed":["2026-12-29/2027-01-03"],"payday":31,"hours":{"from":"11:00","to":"20:30"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	days := map[string]OutlookDay{}
	for _, x := range s.Outlook(time.Date(2026, 12, 22, 0, 0, 0, 0, s.Zone()), 14) {
		days[x.Date] = x
	}
	if x := days["2027-01-01"]; x.Holiday != "元日" || !x.Closed || x.Business {
		t.Errorf("got %+v", x)
	}
	if x := days["2026-12-31"]; !x.Payday || x.Business || days["2026-12-30"].Payday {
		t.Errorf("banks work on 31 December: %+v", x)
	}
	if x := days["2026-12-28"]; !x.Business || x.Closed || x.Holiday != "" {
		t.Errorf("got %+v", x)
	}
	if h, cutoff := s.ShopHours(); h != (Hours{"11:00", "20:30"}) || cutoff != "15:00" {
		t.Errorf("got %v, %s", h, cutoff)
	}
}
