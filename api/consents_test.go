package api

import (
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"enishi"
)

// TestConsentEvidence: every word about a permission is kept with its evidence; of an erased person it stays, without the
// address it came from, and is found by who complains under the identifier.
func TestConsentEvidence(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	at := time.Now().UTC().Truncate(time.Millisecond).AddDate(-4, 0, 0)
	const mail = "evidence@mail.example"
	person := &enishi.Person{CustomerID: "E1", Email: mail, Traits: map[string]enishi.Value{"name": enishi.TextValue("証拠 花子")}}
	say := func(days int, typ string, c enishi.ConsentChange) enishi.Event {
		c.Channel = "email"
		return enishi.Event{Type: typ, At: at.AddDate(0, 0, days), Person: person, Consent: []enishi.ConsentChange{c}}
	}
	w.play([]enishi.Event{
		say(0, "user.signed_up", enishi.ConsentChange{State: "in", Method: "form:signup@2", Text: "お得な情報を受け取る", IP: "198.51.100.7"}),
		say(1, "consent.changed", enishi.ConsentChange{State: "out", Method: "unsubscribe_link"}),
		say(2, "consent.requested", enishi.ConsentChange{State: "asked", Method: "form:footer", IP: "198.51.100.8"}),
		{Type: "page.viewed", At: at.AddDate(0, 0, 3), Person: person, Web: &enishi.Web{URL: "https://shop.example/"}},
	})
	id := w.id(enishi.Customer, "E1")
	w.write("POST", "/people/"+id+"/consents", map[string]any{"channel": "email", "state": "in", "reason": "お電話で再開のご希望"})
	read := func(path string) (out []string, items []permissionItem) {
		t.Helper()
		items = into[list[permissionItem]](w.call("GET", path, nil)).Items
		for _, x := range items {
			out = append(out, x.State+" "+x.Method)
		}
		return out, items
	}
	const want = "in staff,asked form:footer,out unsubscribe_link,in form:signup@2"
	path, find := "/people/"+id+"/consents", "/consents?q="+url.QueryEscape(" Evidence@mail.example")
	eventually(t, func() bool { got, _ := read(path); return len(got) == 4 })
	for _, p := range []string{path, find, "/consents?q=E1", "/consents?q=" + id} {
		got, items := read(p)
		if strings.Join(got, ",") != want {
			t.Fatalf("%s: %q", p, got)
		}
		if first := items[3]; first.IP != "198.51.100.7" || first.Text != "お得な情報を受け取る" || !first.At.Equal(at) || first.Purpose != "marketing" || !first.Erased.IsZero() {
			t.Errorf("%s: the first word: %+v", p, first)
		}
		if by := items[0]; by.Actor == "" || by.Text != "お電話で再開のご希望" {
			t.Errorf("%s: recorded by hand: %+v", p, by)
		}
	}
	if got, _ := read("/consents?q=nobody@mail.example"); len(got) != 0 {
		t.Errorf("of nobody: %q", got)
	}
	w.call("GET", "/people/00000000000000000000000000000001/consents", nil).want(404)
	w.call("GET", "/consents", nil).want(422)

	w.write("POST", "/people/"+id+"/erase", map[string]any{"reason": "ご本人の請求", "confirm": "証拠 花子"})
	eventually(t, func() bool {
		return len(into[list[timelineItem]](w.call("GET", "/people/"+id+"/timeline", nil)).Items) == 0
	})
	for _, p := range []string{path, find, "/consents?q=E1"} {
		got, items := read(p)
		if strings.Join(got, ",") != want {
			t.Fatalf("erased, %s: %q", p, got)
		}
		for _, x := range items {
			if x.IP != "" || x.Erased.IsZero() {
				t.Errorf("erased: %+v", x)
			}
		}
		if items[3].Text != "お得な情報を受け取る" || !items[3].At.Equal(at) {
			t.Errorf("erased: %+v", items[3])
		}
	}
	if n, err := w.api.count(t.Context(), "SELECT count() FROM events WHERE record != '' AND type != 'person.erased'"); err != nil || n != 0 {
		t.Errorf("%d raw events are left: %v", n, err)
	}
}

// TestEvidenceOutlivesTheLaw: raw events have no end, and the evidence of erased people has one after the law's three years.
func TestEvidenceOutlivesTheLaw(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../internal/clickhouse/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	table := func(name string) string {
		_, rest, ok := strings.Cut(string(b), "CREATE TABLE "+name+"\n")
		if !ok {
			t.Fatalf("no table %s", name)
		}
		text, _, _ := strings.Cut(rest, ";")
		return text
	}
	if strings.Contains(table("events"), "TTL") {
		t.Error("raw events expire: evidence of permissions has to stand elsewhere first")
	}
	if !strings.Contains(table("consent_evidence"), "TTL toDateTime(erased_at) + toIntervalMonth(37)") {
		t.Error(table("consent_evidence"))
	}
}
