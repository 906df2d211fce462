package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"enishi"
	linesim "enishi/internal/sim/line"
)

// The checkers of the tests on real processes. Each is a function over what was done and what was found, so that it can be
// fed what a broken program would leave: see TestCheckersNotice.

// acknowledged is the events that a collector answered 202 for: type by event id.
type acknowledged map[enishi.ID]string

// add notes events as loadEvents makes them.
func (a acknowledged) add(events []map[string]any) {
	for _, e := range events {
		id, _ := e["messageId"].(string)
		if id == "" {
			id, _ = e["id"].(string)
		}
		a[enishi.EventID(id)] = e["~type"].(string)
	}
}

// check compares with the rows "event id, type, how often" of the events that came from outside.
func (a acknowledged) check(rows []string) (complaints []string) {
	say := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	seen := map[enishi.ID]bool{}
	for _, row := range rows {
		f := strings.Split(row, "\t")
		id, err := enishi.ParseID(strings.ToLower(f[0]))
		if err != nil {
			say("row %q: %v", row, err)
			continue
		}
		seen[id] = true
		switch want, ok := a[id]; {
		case !ok:
			say("event %s (%s) is counted and was never sent", id, f[1])
		case want != f[1]:
			say("event %s is a %s, was sent as %s", id, f[1], want)
		case f[2] != "1":
			say("event %s (%s) is counted %s times", id, f[1], f[2])
		}
	}
	for id, typ := range a {
		if !seen[id] {
			say("event %s (%s) was acknowledged and is lost", id, typ)
		}
	}
	return complaints
}

// checkLINE compares what LINE handed over with the sends that were decided: rows "LINE user, template, how often". The text
// of a message is "to" and the template's name.
func checkLINE(sent []linesim.Sent, decided []string) (complaints []string) {
	say := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	got := map[string]int{}
	for _, m := range sent {
		if m.Delivered {
			_, text, _ := strings.Cut(string(m.Messages), `"text":"`)
			text, _, _ = strings.Cut(text, `"`)
			got[m.To+"\t"+text]++
		}
	}
	want := map[string]bool{}
	for _, row := range decided {
		to, n, _ := cutLast(row)
		if want[to] = true; n != "1" {
			say("%s was decided %s times", to, n)
		}
		if got[to] == 0 {
			say("%s was decided and LINE never got it", to)
		}
	}
	for to, n := range got {
		if n > 1 {
			say("LINE got %s %d times", to, n)
		}
		if !want[to] {
			say("LINE got %s, which was not decided", to)
		}
	}
	return complaints
}

func cutLast(row string) (before, last string, ok bool) {
	i := strings.LastIndexByte(row, '\t')
	if i < 0 {
		return row, "", false
	}
	return row[:i], row[i+1:], true
}

// holding is what a shop holds: rows by table, sorted, without offsets and times of processing.
type holding map[string][]string

// differ names rows that one has and the other has not; a row that stands twice must stand twice in both.
func differ(got, want holding) (complaints []string) {
	for _, table := range slices.Sorted(maps.Keys(want)) {
		count := map[string]int{}
		for _, row := range got[table] {
			count[row]++
		}
		for _, row := range want[table] {
			count[row]--
		}
		for _, row := range slices.Sorted(maps.Keys(count)) {
			switch n := count[row]; {
			case n > 0:
				complaints = append(complaints, fmt.Sprintf("%s: %d too many: %s", table, n, row))
			case n < 0:
				complaints = append(complaints, fmt.Sprintf("%s: %d missing: %s", table, -n, row))
			}
		}
		if len(want[table]) == 0 {
			complaints = append(complaints, table+" is empty: nothing was compared")
		}
	}
	return complaints
}

// complain reports, not without end.
func complain(t *testing.T, what string, complaints []string) {
	t.Helper()
	for i, c := range complaints {
		if i == 10 {
			t.Errorf("%s: and %d more", what, len(complaints)-i)
			return
		}
		t.Errorf("%s: %s", what, c)
	}
}

// tables asks the engine of a process at its address.
type tables struct {
	t     *testing.T
	url   string
	token string
}

func tablesOf(t *testing.T, addr, keys string) tables {
	t.Helper()
	k, err := OpenKeys(keys, false)
	if err != nil {
		t.Fatal(err)
	}
	return tables{t, "http://" + addr, k.Engine}
}

// rows runs a query and gives its rows, tab-separated.
func (x tables) rows(query string) []string {
	x.t.Helper()
	req, err := http.NewRequest("POST", x.url+"/?database=enishi&default_format=TabSeparated&query="+url.QueryEscape(query), nil)
	if err != nil {
		x.t.Fatal(err)
	}
	req.Header.Set("X-ClickHouse-Key", x.token)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		x.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		x.t.Fatalf("%s: %s: %s %v", query, answer.Status, text, err)
	}
	out := lines(string(text))
	slices.Sort(out)
	return out
}

// outsideEvents are the rows that acknowledged.check wants: what the program itself wrote is left out.
func (x tables) outsideEvents() []string {
	x.t.Helper()
	return x.rows(`SELECT hex(event_id), toString(type), count() FROM events FINAL
		WHERE NOT startsWith(type, 'segment.') AND NOT startsWith(type, 'journey.') AND NOT startsWith(type, 'message.')
		AND type NOT IN ('person.merged', 'person.unmerged', 'person.erased') GROUP BY event_id, type`)
}

// decidedLINE are the rows that checkLINE wants.
func (x tables) decidedLINE() []string {
	x.t.Helper()
	return x.rows(`SELECT p.line_user, concat('to ', d.template), count() FROM (SELECT * FROM decisions FINAL WHERE channel = 'line' AND sent = 1 AND round <= 1) AS d
		INNER JOIN (SELECT * FROM people FINAL) AS p ON p.profile_id = d.profile_id GROUP BY p.line_user, d.template`)
}

// holding reads everything that must not depend on who folded it, and when.
func (x tables) holding() holding {
	x.t.Helper()
	h := holding{}
	for table, columns := range map[string]string{
		"people":      "mapSort(consents), mapSort(traits), mapSort(traits_number), * EXCEPT (profile_id, version, consents, traits, traits_number)",
		"orders":      "* EXCEPT (profile_id, version)",
		"order_lines": "* EXCEPT (profile_id, version)",
		"visits":      "hex(event_id), * EXCEPT (profile_id, event_id, version)",
		"identifiers": "hex(subject), * EXCEPT (profile_id, subject, version)",
		"memberships": "segment",
		"runs":        "journey, key, node, `end`, steps",
		"sends":       "journey, node, channel, template, `end`",
		"decisions":   "journey, node, channel, template, sent, reason, round",
	} {
		h[table] = x.rows("SELECT hex(profile_id), " + columns + " FROM " + table + " FINAL")
	}
	h["merged"] = x.rows("SELECT hex(profile_id), hex(redirect) FROM profiles FINAL WHERE redirect != toFixedString('', 16)")
	// Where the entry is an event, who folded it and when changes no id either.
	h["send ids"] = x.rows("SELECT hex(profile_id), hex(run_id), hex(send_id) FROM decisions FINAL WHERE journey != 'keen'")
	return h
}

// TestCheckersNotice feeds the checkers what a broken program would leave.
func TestCheckersNotice(t *testing.T) {
	f := func(what string, complaints []string, want string) {
		t.Helper()
		if want == "" && len(complaints) > 0 || want != "" && !strings.Contains(strings.Join(complaints, "\n"), want) {
			t.Errorf("%s: complaints %q, want %q", what, complaints, want)
		}
	}
	events := []map[string]any{{"messageId": "a", "~type": "order.placed"}, {"messageId": "b", "~type": "page.viewed"}}
	sent := acknowledged{}
	sent.add(events)
	row := func(id, typ, n string) string {
		return strings.ToUpper(enishi.EventID(id).String()) + "\t" + typ + "\t" + n
	}
	a, b := row("a", "order.placed", "1"), row("b", "page.viewed", "1")
	f("all there", sent.check([]string{a, b}), "")
	f("a lost event", sent.check([]string{a}), "(page.viewed) was acknowledged and is lost")
	f("one counted twice", sent.check([]string{a, row("b", "page.viewed", "2")}), "is counted 2 times")
	f("one lost and another doubled", sent.check([]string{row("a", "order.placed", "2")}), "is lost")
	f("one of nowhere", sent.check([]string{a, b, row("c", "page.viewed", "1")}), "never sent")
	f("another type", sent.check([]string{a, row("b", "order.placed", "1")}), "was sent as page.viewed")

	push := func(to, text string, delivered bool) linesim.Sent {
		return linesim.Sent{To: to, Delivered: delivered, Messages: []byte(`[{"type":"text","text":"` + text + `"}]`)}
	}
	decided := []string{"U1\tto hello\t1", "U2\tto hello\t1"}
	both := []linesim.Sent{push("U1", "to hello", true), push("U2", "to hello", true)}
	f("each once", checkLINE(both, decided), "")
	f("a double message", checkLINE(append(both, push("U2", "to hello", true)), decided), "U2\tto hello 2 times")
	f("a missing message", checkLINE(both[:1], decided), "LINE never got it")
	f("not handed over", checkLINE([]linesim.Sent{both[0], push("U2", "to hello", false)}, decided), "LINE never got it")
	f("one that nobody decided", checkLINE(append(both, push("U3", "to hello", true)), decided), "not decided")
	f("decided twice", checkLINE(both, []string{decided[0], "U2\tto hello\t2"}), "decided 2 times")

	want := holding{"people": {"x", "y"}, "orders": {"o"}}
	f("equal", differ(holding{"people": {"y", "x"}, "orders": {"o"}}, want), "")
	f("a row less", differ(holding{"people": {"x"}, "orders": {"o"}}, want), "people: 1 missing: y")
	f("a row twice", differ(holding{"people": {"x", "y"}, "orders": {"o", "o"}}, want), "orders: 1 too many: o")
	f("nothing to compare", differ(holding{}, holding{"people": nil}), "nothing was compared")
}

// full tells whether the long form is wanted.
func full() bool { return os.Getenv("ENISHI_FULL") != "" }

// quiet waits until nothing is on its way and what providers answered is folded too.
func (s *server) quiet(limit time.Duration, x tables) {
	s.t.Helper()
	eventually(s.t, limit, "everything is folded and reported", func() error {
		for i, ask := range []func() (status, error){s.status, s.statusNow} { // lag is asked stage by stage: what moves between them is found by the second time
			if i > 0 {
				<-time.After(300 * time.Millisecond)
			}
			st, err := ask()
			if err != nil {
				return err
			}
			if st.Lag["ingest"]+st.Lag["events"]+st.Lag["messages"] != 0 {
				return fmt.Errorf("lag %v", st.Lag)
			}
			if n := x.rows("SELECT count() FROM deliveries FINAL WHERE reported = 0"); n[0] != "0" {
				return fmt.Errorf("%s results are not reported", n[0])
			}
		}
		return nil
	})
}
