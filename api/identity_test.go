package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"enishi"
)

// TestIdentity walks through what looks wrong and what is done about it: duplicates joined or kept apart, a shared address let stand,
// a tablet blocked, a limit changed.
func TestIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	text := enishi.TextValue
	at := time.Now().UTC().Add(-time.Hour).Truncate(time.Millisecond)
	person := func(id, family, given, birthday string) *enishi.Person {
		return &enishi.Person{CustomerID: id, Traits: map[string]enishi.Value{"family_name": text(family), "given_name": text(given), "birthday": text(birthday)}}
	}
	event := func(p *enishi.Person) enishi.Event {
		at = at.Add(time.Second)
		return enishi.Event{Type: "user.signed_up", At: at, Channel: "web", Source: "shop", Person: p}
	}
	a, b, c, d := person("A1", "斎藤", "花子", "1990-05-01"), person("B1", "花子", "齊藤", "1990-05-01"), person("C1", "田中", "一郎", "1980-01-01"), person("D1", "田中", "二郎", "1985-01-01")
	c.Email, d.Email, c.Phone, d.Phone = "ie@tanaka.example", "ie@tanaka.example", "03-1234-5678", "03-1234-5678"
	for i := range 6 {
		m := person(fmt.Sprint("M", i), "山本", "葵", "")
		m.Email = fmt.Sprintf("aoi%d@gmial.com", i)
		w.play([]enishi.Event{event(m)})
	}
	w.play([]enishi.Event{event(a), event(b), event(c), event(d),
		event(&enishi.Person{CustomerID: "C1", AnonymousID: "tablet"}), event(&enishi.Person{CustomerID: "D1", AnonymousID: "tablet"})})

	typo := into[list[mistypedRow]](w.call("GET", "/identity/mistyped", nil)).Items
	if len(typo) != 1 || typo[0].Domain != "gmial.com" || typo[0].Meant != "gmail.com" || typo[0].Count != 6 || len(typo[0].People) != 5 || typo[0].Others != 1 || typo[0].People[0].Name != "山本 葵" {
		t.Errorf("mistyped %+v", typo)
	}
	for _, x := range into[personPage](w.call("GET", "/people/"+w.id(enishi.Customer, "M0"), nil)).Identifiers {
		if want := map[string]string{"email": "aoi0@gmail.com"}[x.Kind]; x.Meant != want {
			t.Errorf("%s %s: meant %q, not %q", x.Kind, x.Value, x.Meant, want)
		}
	}
	dup := w.call("GET", "/identity/duplicates", nil)
	checkTexts(t, "duplicates", dup.text)
	rows := into[list[duplicateRow]](dup).Items
	if len(rows) != 1 || rows[0].Why[0].JA != "氏名と生年月日が同じ" {
		t.Fatalf("duplicates %+v", rows)
	}
	pair := map[string]any{"a": rows[0].People[0].ID, "b": rows[0].People[1].ID, "reason": "同姓同名の別人"}
	w.call("POST", "/people/join", map[string]any{"a": pair["a"], "b": pair["a"], "reason": "x"}).want(409)
	w.write("POST", "/people/apart", pair)
	if rows := into[list[duplicateRow]](w.call("GET", "/identity/duplicates", nil)).Items; len(rows) != 0 {
		t.Errorf("asked again: %+v", rows)
	}
	pair["reason"] = "ご本人に確認"
	joined := w.write("POST", "/people/join", pair)
	one := into[personPage](w.call("GET", "/people/"+w.id(enishi.Customer, "A1")+"?after="+joined.Position, nil))
	if len(one.Identifiers) != 2 {
		t.Errorf("joined: %+v", one.Identifiers)
	}
	links := into[list[mergeRow]](w.call("GET", "/people/"+one.ID.String()+"/merges", nil)).Items
	if len(links) != 2 || links[0].State != "merged" || links[0].By == "" || links[0].Reason != "ご本人に確認" || links[1].State != "unlinked" {
		t.Errorf("links %+v", links)
	}

	page := w.call("GET", "/identity", nil)
	checkTexts(t, "identity", page.text)
	found := func() map[string]findingRow {
		out := map[string]findingRow{}
		for _, f := range into[identityPage](w.call("GET", "/identity", nil)).Findings {
			out[f.Name] = f
		}
		return out
	}
	got := found()
	if f := got["shared_email"]; f.Value != "ie@tanaka.example" || len(f.People) != 2 || f.Source != "shop" || f.At.IsZero() {
		t.Errorf("shared address: %+v", f)
	}
	if f := got["shared_other"]; f.Kind != "anonymous" || f.Value != "tablet" {
		t.Errorf("shared device: %+v", f)
	}
	if f := got["shared_phone"]; len(f.People) != 2 {
		t.Errorf("shared phone: %+v", f)
	}
	viewer, _ := w.key("admin", "viewer")
	whole, _ := w.key("admin", "admin")
	seen := w.as(viewer).call("GET", "/identity", nil).want(200)
	if strings.Contains(seen.text, "ie@tanaka") || !strings.Contains(seen.text, "i•••@tanaka.example") {
		t.Errorf("a viewer sees %s", seen.text)
	}
	w.as(viewer).call("POST", "/people/join", pair).want(403)
	editorKey, _ := w.key("admin", "editor")
	w.as(editorKey).call("PUT", "/identity/limit", map[string]any{"kind": "email", "limit": 3, "reason": "x"}).want(403)

	w = w.as(whole)
	home := into[list[householdRow]](w.call("GET", "/people/"+w.id(enishi.Customer, "D1")+"/household", nil)).Items
	if len(home) != 1 || home[0].Name != "田中 一郎" || home[0].Via[0].JA != "同じ電話番号" {
		t.Errorf("household %+v", home)
	}

	w.write("POST", "/identity/fine", map[string]any{"id": got["shared_email"].ID, "name": "shared_email", "reason": "ご家族"})
	w.call("POST", "/identity/blocked", map[string]any{"kind": "anonymous", "value": "null", "label": "x", "reason": "x"}).want(422)
	w.call("POST", "/identity/blocked", map[string]any{"kind": "anonymous", "value": "tablet", "label": "the Tablet", "reason": "x"}).want(422)
	w.write("POST", "/identity/blocked", map[string]any{"kind": "anonymous", "value": "tablet", "label": "銀座店の端末", "reason": "共用", "undo": true})
	w.call("POST", "/identity/blocked", map[string]any{"id": got["shared_other"].ID, "label": "銀座店の端末", "reason": "共用"}).want(409)
	if got = found(); len(got) != 3 { // the phone, and the two customer ids and two names of one person
		t.Errorf("left: %+v", got)
	}
	now := into[identityPage](w.call("GET", "/identity", nil))
	if len(now.Blocked) != 1 || now.Blocked[0].Label != "銀座店の端末" || now.Blocked[0].Kind != "anonymous" {
		t.Errorf("blocked %+v", now.Blocked)
	}
	for _, l := range into[list[mergeRow]](w.call("GET", "/people/"+w.id(enishi.Customer, "C1")+"/merges", nil)).Items {
		if l.State == "merged" && l.B.Kind == "anonymous" {
			t.Errorf("the tablet is still hers: %+v", l)
		}
	}
	if n := w.call("GET", "/people?q="+url.QueryEscape("tablet"), nil); strings.Contains(n.text, "田中") {
		t.Error("the tablet leads to a person")
	}
	w.write("DELETE", "/identity/blocked/"+now.Blocked[0].ID.String(), nil)

	w.write("PUT", "/identity/limit", map[string]any{"kind": "customer", "limit": 2, "reason": "複数アカウントを許可"})
	for _, l := range into[identityPage](w.call("GET", "/identity", nil)).Limits {
		if l.Kind == "customer" && (l.Limit != 2 || l.Preset != 1) {
			t.Errorf("limit %+v", l)
		}
	}
	into[struct{ Over, Freed int64 }](w.call("GET", "/identity/limit?kind=customer&limit=1", nil))
}

// TestFloodAlerts: one address for every visitor joins none beyond the limit and raises one alert, which names the kind and the source.
func TestFloodAlerts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	var events []enishi.Event
	for i := range 400 {
		events = append(events, enishi.Event{Type: "page.viewed", At: time.Now().UTC().Add(-time.Minute), Channel: "web", Source: "broken form", Person: &enishi.Person{Email: "info@shop.example", AnonymousID: fmt.Sprint("v", i)}})
	}
	w.play(events)
	for range 2 {
		if err := w.api.checkFloods(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	alerts := into[list[alertRow]](w.call("GET", "/alerts", nil)).Items
	var floods []alertRow
	for _, x := range alerts {
		if x.Kind == floodKind {
			floods = append(floods, x)
		}
	}
	if len(floods) != 1 || !strings.Contains(floods[0].TextJA, "メール、取り込み元") || !strings.Contains(floods[0].Text, "broken form") || strings.Contains(floods[0].Text, "info@") {
		t.Errorf("alerts %+v", floods)
	}
	p := into[personPage](w.call("GET", "/people/"+w.id(enishi.Email, "info@shop.example"), nil))
	if len(p.Identifiers) != 51 {
		t.Errorf("%d identifiers of one person", len(p.Identifiers))
	}
}

// TestMixedFindings: one person with two names and six browsers of an hour is found, by both, until an operator lets one stand.
func TestMixedFindings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	at := time.Now().UTC().Add(-time.Hour).Truncate(time.Second)
	named := func(name string, p enishi.Person) enishi.Event {
		p.Traits = map[string]enishi.Value{"name": enishi.TextValue(name)}
		at = at.Add(time.Minute)
		return enishi.Event{Type: "user.signed_up", At: at, Channel: "web", Source: "shop", Person: &p}
	}
	events := []enishi.Event{named("山田 花子", enishi.Person{Email: "one@mail.example"}), named("佐藤 一郎", enishi.Person{CustomerID: "N1", Email: "one@mail.example"}),
		named("鈴木 桃", enishi.Person{CustomerID: "N2", Email: "two@mail.example"})}
	for i := range 6 {
		events = append(events, named("佐藤 一郎", enishi.Person{CustomerID: "N1", AnonymousID: fmt.Sprint("b", i)}))
	}
	w.play(events)
	id := w.id(enishi.Customer, "N1")
	found := func(after string) (names []string) {
		for _, f := range into[identityPage](w.call("GET", "/identity"+after, nil)).Findings {
			if len(f.People) != 1 || f.People[0].ID.String() != id || f.People[0].Name == "" || f.At.IsZero() {
				t.Errorf("%+v", f)
			}
			names = append(names, f.Name)
		}
		slices.Sort(names)
		return names
	}
	if got := found(""); !slices.Equal(got, []string{"many_browsers", "several_names"}) {
		t.Fatalf("found %v", got)
	}
	wrote := w.write("POST", "/identity/fine", map[string]any{"id": id, "name": "several_names", "reason": "改姓"})
	if got := found("?after=" + wrote.Position); !slices.Equal(got, []string{"many_browsers"}) {
		t.Errorf("left %v", got)
	}
	w.call("POST", "/identity/fine", map[string]any{"id": id, "name": "several_cats", "reason": "x"}).want(422)
}
