package analytics

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// seeds is how many made histories are compared.
func seeds() int {
	switch {
	case testing.Short():
		return 10
	case os.Getenv("ENISHI_FULL") != "":
		return 150
	}
	return 30
}

// made are shops one after the other in time, so that one set of tables holds all of them and each has months of its own.
func made(n int) []*shop {
	var out []*shop
	for seed := range n {
		out = append(out, newShop(uint64(seed), 12, time.Date(2003, time.Month(1+4*seed), 3, 0, 0, 0, 0, time.UTC)))
	}
	return out
}

// ranges are those in which a shop is compared: all of it, and a month or a week in Japan, or one with borders at any
// instant.
func (s *shop) ranges() []Range {
	y, m, _ := s.start.AddDate(0, 1, 0).Date()
	month := time.Date(y, m, 1, 0, 0, 0, 0, tokyo)
	monday := month.AddDate(0, 0, (8-int(month.Weekday()))%7)
	from := s.instant()
	some := []Range{{month, month.AddDate(0, 1, 0)}, {monday, monday.AddDate(0, 0, 7)}, {from, from.AddDate(0, 0, 1+s.rnd.IntN(40))}}
	return []Range{{s.start.AddDate(0, 0, -3), s.start.AddDate(0, 6, 0)}, some[s.rnd.IntN(3)]}
}

// TestReportsEqualOracle: on made histories, all reports of all ranges have the numbers that loops over the events have,
// in several zones; rows that are inserted again, rows of older checkpoints too, change nothing.
func TestReportsEqualOracle(t *testing.T) {
	t.Parallel()
	db := openDB(t, "oracle")
	shops := made(seeds())
	checkpoints := fold(t, shops...)
	for _, c := range checkpoints {
		insert(t, db, c)
	}
	raw := rawRows(shops...)
	insert(t, db, raw)
	insert(t, db, []batch{markers(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))})
	zones := []*time.Location{nil, location(t, "Asia/Tokyo"), location(t, "America/New_York"), location(t, "Asia/Kathmandu")}
	oracles := map[*time.Location]*oracle{}
	for _, z := range zones {
		oracles[z] = newOracle(z, shops...)
		if z == nil {
			oracles[z].zone = tokyo
		}
	}
	var seen [5]int64
	for i, s := range shops {
		zone := zones[i%len(zones)]
		for k, x := range s.ranges() {
			n := compare(t, &Reports{Conn: db.Conn(), Zone: in(zone)}, oracles[zone], x, 2*k+i, fmt.Sprintf("seed %d", i))
			for k := range n {
				seen[k] += n[k]
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("funnel over all ranges: %v", seen)
	if seen[4] < int64(len(shops))/2 {
		t.Errorf("the made histories hardly reach the end of the funnel: %v", seen)
	}
	insert(t, db, raw)
	for _, round := range []int{rounds - 1, 0, 1, 0} {
		insert(t, db, checkpoints[round])
	}
	r := &Reports{Conn: db.Conn()}
	all := Range{shops[0].start.AddDate(0, -1, 0), shops[0].start.AddDate(20, -2, 0)}
	compare(t, r, oracles[nil], all, everyTurn, "all, after the replay")
	varied(t, oracles[nil], all)
	for i := 0; i < len(shops); i += 6 {
		compare(t, r, oracles[nil], shops[i].ranges()[0], everyTurn, fmt.Sprintf("seed %d, after the replay", i))
	}
}

// varied: a comparison of zeros would say little.
func varied(t *testing.T, o *oracle, x Range) {
	t.Helper()
	var j JourneyRow
	var m MessageRow
	for _, r := range o.journeys(x) {
		j.Running, j.Completed, j.Exited, j.Converted = j.Running+r.Running, j.Completed+r.Completed, j.Exited+r.Exited, j.Converted+r.Converted
	}
	for _, r := range o.messages(x, "channel") {
		m.Delivered, m.Opened, m.Clicked, m.Bounced = m.Delivered+r.Delivered, m.Opened+r.Opened, m.Clicked+r.Clicked, m.Bounced+r.Bounced
		m.Failed, m.Refused, m.Unknown, m.Unsubscribed = m.Failed+r.Failed, m.Refused+r.Refused, m.Unknown+r.Unknown, m.Unsubscribed+r.Unsubscribed
	}
	for _, n := range []int64{j.Running, j.Completed, j.Exited, j.Converted, m.Delivered, m.Opened, m.Clicked, m.Bounced, m.Failed, m.Refused, m.Unknown, m.Unsubscribed} {
		if n == 0 {
			t.Errorf("the made histories lack something: %+v, %+v", j, m)
			return
		}
	}
}

// in is a shop in a zone; nil: where none was set.
func in(zone *time.Location) func() *time.Location {
	if zone == nil {
		return nil
	}
	return func() *time.Location { return zone }
}

func location(t *testing.T, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// everyTurn is all ways of splitting; a multiple of three beyond any number of shops.
const everyTurn = 3000

// compare runs all reports of a range and gives the funnel's numbers. turn chooses one of three ways of splitting.
func compare(t *testing.T, r *Reports, o *oracle, x Range, turn int, what string) [5]int64 {
	t.Helper()
	what = fmt.Sprintf("%s, %s, from %s to %s", what, r.Location(), x.From.Format(time.RFC3339Nano), x.To.Format(time.RFC3339Nano))
	of := func(all ...string) []string {
		if turn == everyTurn {
			return all
		}
		return all[turn%3:][:1]
	}
	for _, by := range of("day", "week", "month") {
		compareRevenue(t, r, o, x, by, "", what)
	}
	compareRevenue(t, r, o, x, "day", []string{"USD", "EUR", "GBP"}[turn%3], what)
	ctx := t.Context()
	funnel, err := r.Funnel(ctx, x)
	if err != nil {
		t.Fatal(err)
	}
	var steps [5]int64
	for i, s := range funnel.Steps {
		steps[i] = s.People
	}
	if want := o.funnel(x); steps != want {
		t.Errorf("%s: funnel %v, want %v", what, steps, want)
	}
	journeys, err := r.Journeys(ctx, x)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]JourneyRow{}
	for _, row := range journeys.Rows {
		rows[row.Journey] = row
	}
	if diff := cmp.Diff(o.journeys(x), rows); diff != "" || len(rows) != len(journeys.Rows) {
		t.Errorf("%s: journeys (-want +got)\n%s", what, diff)
	}
	for _, by := range of("channel", "journey", "template") {
		messages, err := r.Messages(ctx, x, by)
		if err != nil {
			t.Fatal(err)
		}
		rows := map[string]MessageRow{}
		for _, row := range messages.Rows {
			rows[row.Name] = row
		}
		if diff := cmp.Diff(o.messages(x, by), rows); diff != "" || len(rows) != len(messages.Rows) {
			t.Errorf("%s: messages by %s (-want +got)\n%s", what, by, diff)
		}
	}
	return steps
}

func compareRevenue(t *testing.T, r *Reports, o *oracle, x Range, by, currency, what string) {
	t.Helper()
	want := o.revenue(x, by)
	got, err := r.Revenue(t.Context(), x, by, currency)
	if err != nil {
		t.Fatal(err)
	}
	what = fmt.Sprintf("%s: revenue by %s in %q", what, by, currency)
	if len(got.Currencies) != len(want) {
		t.Errorf("%s: currencies %v, want those of %v", what, got.Currencies, want)
	}
	for i, c := range got.Currencies {
		if i > 0 && want[c][time.Time{}].Orders > want[got.Currencies[i-1]][time.Time{}].Orders {
			t.Errorf("%s: %v is not by orders", what, got.Currencies)
		}
	}
	switch {
	case currency != "" && got.Currency != currency,
		currency == "" && len(want) > 0 && got.Currency != got.Currencies[0],
		currency == "" && len(want) == 0 && got.Currency != "JPY":
		t.Errorf("%s: is in %s", what, got.Currency)
	}
	points := map[time.Time]RevenuePoint{}
	var before time.Time
	for i, p := range got.Series {
		day := o.period(p.At, by)
		if local := p.At.In(o.zone); local.Hour() != 0 || local.Minute() != 0 || o.period(p.At.Add(-time.Millisecond), by).Equal(day) {
			t.Errorf("%s: %s does not begin a period", what, p.At)
		}
		if i > 0 && !o.period(p.At.Add(-time.Millisecond), by).Equal(before) {
			t.Errorf("%s: a gap before %s", what, p.At)
		}
		before, p.At = day, time.Time{}
		if p != (RevenuePoint{}) {
			points[day] = p
		}
	}
	if got.Totals.Orders > 0 {
		if last := got.Series[len(got.Series)-1].At; !o.period(last, by).Equal(o.period(x.To.Add(-time.Millisecond), by)) {
			t.Errorf("%s: ends with %s", what, last)
		}
		got.Totals.At = time.Time{}
		points[time.Time{}] = got.Totals
	}
	expected := want[got.Currency]
	if expected == nil {
		expected = map[time.Time]RevenuePoint{}
	}
	if diff := cmp.Diff(expected, points); diff != "" {
		t.Errorf("%s (-want +got)\n%s", what, diff)
	}
}
