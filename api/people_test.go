package api

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"enishi"
)

func TestSearchPeople(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	f := func(q string, names ...string) {
		t.Helper()
		got := into[list[personRow]](w.call("GET", "/people?q="+url.QueryEscape(q), nil))
		var have []string
		for _, p := range got.Items {
			have = append(have, p.Name)
		}
		if strings.Join(have, ",") != strings.Join(names, ",") || *got.Total != int64(len(names)) {
			t.Errorf("%q finds %q (%d), want %q", q, have, *got.Total, names)
		}
	}
	sato, suzuki := "佐藤 花子", "鈴木 一郎"
	for _, q := range []string{"佐藤", "花子", "佐藤花子", "佐藤 花子", "佐藤　花子", "ｻﾄｳ", "サトウ", "さとう", "サトー", "佐藤様", "さとう はなこ", "hanako.sato@mail.example", "HANAKO.SATO@MAIL.EXAMPLE", "hanako.s",
		"090-1234-5678", "09012345678", "+819012345678", "０９０１２３４５６７８", "0901234", "C10001", "2900040000001", "EN1000001", "ginza:1:2026-11-21:7"} {
		f(q, sato)
	}
	f("C10002", suzuki)
	f("c1000", sato, suzuki)
	f("EN1000002", suzuki)
	f("すずき", suzuki)
	f("田中")
	f("EN9999999")
	f("nobody@mail.example")
	f("'; DROP TABLE people; --")
	f(`\' OR 1=1 --`)
	f("a\tb\\c{x:String}%_")
	f("U0123456789abcdef0123456789abcdef")
}

func TestPeoplePages(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	for _, sort := range []string{"", "last_seen", "last_order", "ltv", "orders"} {
		all := into[list[personRow]](w.call("GET", "/people?sort="+sort, nil))
		if len(all.Items) != 3 || *all.Total != 3 || all.Next != "" || all.CompleteThrough.IsZero() {
			t.Fatalf("%s: %+v", sort, all)
		}
		var one []personRow
		for cursor, n := "", 0; n < 5; n++ {
			page := into[list[personRow]](w.call("GET", "/people?limit=1&sort="+sort+"&cursor="+cursor, nil))
			one = append(one, page.Items...)
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		have, want := "", ""
		for i := range all.Items {
			want += all.Items[i].ID.String()
		}
		for i := range one {
			have += one[i].ID.String()
		}
		if have != want {
			t.Errorf("%s: pages of one give %s, one page %s", sort, have, want)
		}
	}
	if top := into[list[personRow]](w.call("GET", "/people?sort=ltv&limit=1", nil)).Items[0]; top.Name != "佐藤 花子" || top.LTV.String() != "11550" || top.OrdersCount != 2 || top.Kana != "サトウ ハナコ" {
		t.Errorf("got %+v", top)
	}
}

// TestReachAgrees: the list, the preview and the person's page say the same of every channel, for people of every kind.
func TestReachAgrees(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	now := time.Now().UTC().Truncate(time.Millisecond)
	line := "U0123456789abcdef0123456789abcde"
	var events []enishi.Event
	for i, name := range []string{"許可", "不達", "保留", "友だち", "ブロック", "拒否", "何もない"} {
		p := &enishi.Person{CustomerID: fmt.Sprint("R", i), Email: fmt.Sprintf("r%d@mail.example", i), Phone: fmt.Sprintf("090-1111-000%d", i), LineUserID: line + fmt.Sprint(i),
			Traits: map[string]enishi.Value{"name": enishi.TextValue(name), "postal_code": enishi.TextValue("104-0061"), "city": enishi.TextValue("中央区")}}
		e := enishi.Event{Type: "user.signed_up", At: now.Add(-time.Hour), Person: p}
		for _, ch := range []string{"email", "sms", "line"} {
			e.Consent = append(e.Consent, enishi.ConsentChange{Channel: ch, State: "in"})
		}
		switch name {
		case "拒否":
			e.Consent = []enishi.ConsentChange{{Channel: "email", State: "out"}, {Channel: "postal", State: "out"}, {Channel: "sms", State: "out"}}
		case "何もない":
			e.Consent, p.Email, p.Phone, p.LineUserID = nil, "", "", ""
			delete(p.Traits, "postal_code")
		}
		events = append(events, e)
	}
	w.play(events)
	put := func(i int, kind enishi.Kind, value string, e enishi.Event) {
		subject := enishi.Identifier{Kind: kind, Value: value}
		if kind == enishi.LINEUser {
			subject.Scope = "main"
		}
		profile, err := enishi.ParseID(w.id(enishi.Customer, fmt.Sprint("R", i)))
		if err != nil {
			t.Fatal(err)
		}
		e.ID, e.Profile, e.Subject, e.At = enishi.NewID("reach", fmt.Sprint(i), e.Type), profile, w.cfg.Hasher.Hash(subject), now
		w.put(e)
	}
	put(1, enishi.Email, "r1@mail.example", enishi.Event{Type: "message.bounced", Result: &enishi.MessageResult{Channel: "email", Reason: "hard"}})
	put(3, enishi.LINEUser, line+"3", enishi.Event{Type: "line.followed"})
	put(4, enishi.LINEUser, line+"4", enishi.Event{Type: "line.unfollowed"})
	w.write("POST", "/people/"+w.id(enishi.Customer, "R2")+"/hold", map[string]any{"reason": "返品対応中"})
	eventually(t, func() bool {
		return into[personPage](w.call("GET", "/people/"+w.id(enishi.Customer, "R2"), nil)).Hold != nil
	})
	count := map[string]int64{}
	rows := into[list[personRow]](w.call("GET", "/people", nil)).Items
	for _, row := range rows {
		got := ""
		for _, r := range into[personPage](w.call("GET", "/people/"+row.ID.String(), nil)).Reach {
			if r.OK != row.Reach[r.Channel] {
				t.Errorf("%s %s: page %v (%s), list %v", row.Name, r.Channel, r.OK, r.Reason.JA, row.Reach[r.Channel])
			}
			if r.OK == japanese.MatchString(r.Reason.JA) {
				t.Errorf("%s %s: %v for the reason %q", row.Name, r.Channel, r.OK, r.Reason.JA)
			}
			if r.OK {
				got += r.Channel + " "
				count[r.Channel]++
			}
		}
		want := map[string]string{"許可": "email sms postal ", "不達": "sms postal ", "保留": "", "友だち": "email line sms postal ", "ブロック": "email sms postal ", "拒否": "", "何もない": ""}[row.Name]
		if got != want {
			t.Errorf("%s is reached by %q, want %q", row.Name, got, want)
		}
	}
	p := into[previewPage](w.call("POST", "/segments/preview", map[string]any{"expression": "orders_count >= 0"}))
	if len(rows) != 7 || p.Reach != (previewReach{Email: count["email"], LINE: count["line"], Postal: count["postal"], SMS: count["sms"], None: 3}) {
		t.Errorf("%d people; preview %+v, pages %v", len(rows), p.Reach, count)
	}
}

func TestPerson(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	id := w.id(enishi.Customer, "C10001")
	a := w.call("GET", "/people/"+id, nil)
	p := into[personPage](a)
	checkTexts(t, "person", a.text)
	if p.ID.String() != id || p.Name.Display != "佐藤 花子" || p.Name.FamilyKana != "サトウ" || p.RedirectedFrom != "" {
		t.Errorf("got %+v", p.Name)
	}
	if h := p.Header; h.OrdersCount != 2 || h.LTV.String() != "11550" || h.Currency != "JPY" || h.LastStore != "ginza" || h.SubscriptionOrders != 0 {
		t.Errorf("header %+v", h)
	}
	kinds := ""
	for _, x := range p.Identifiers {
		kinds += x.Kind + "=" + x.Value + " "
	}
	if kinds != "customer=C10001 pos_card=2900040000001 email=Hanako.Sato@mail.example phone=090-1234-5678 anonymous=b-1 " {
		t.Errorf("identifiers %s", kinds)
	}
	if len(p.Orders) != 2 || p.Orders[1].OrderID != "EN1000001" || p.Orders[1].StatusLabel.JA != "発送済み" || len(p.Orders[1].Shipments) != 1 || p.Orders[1].Shipments[0].StatusLabel.EN != "Shipped" ||
		len(p.Orders[1].Lines) != 2 || p.Orders[1].Total.String() != "10230" {
		t.Errorf("orders %+v", p.Orders)
	}
	if len(p.Consents) != 1 || p.Consents[0].State != "in" || p.Consents[0].Method != "form:signup" {
		t.Errorf("consents %+v", p.Consents)
	}
	merges := w.call("GET", "/people/"+id+"/merges", nil)
	checkTexts(t, "merges", merges.text)
	links := into[list[mergeRow]](merges).Items
	if len(links) != 4 {
		t.Fatalf("%d merges", len(links))
	}
	for _, l := range links {
		if l.State != "merged" || !l.CanUndo || l.By != "" || l.A.Kind != "customer" || l.A.Value != "C10001" || l.B.Value == "" || l.Event == nil || l.Event.Type != "user.signed_up" || l.Event.Label.JA == "" || l.A.Name != "佐藤 花子" {
			t.Errorf("merge %+v %+v", l, l.Event)
		}
	}
	for _, x := range p.Traits {
		if x.Name == "gender" && x.Value != "女性" || x.Name == "language" && x.Value != "日本語" {
			t.Errorf("trait %s reads %q", x.Name, x.Value)
		}
	}
	en := into[personPage](w.call("GET", "/people/"+id, nil, "Accept-Language", "en-GB,en;q=0.9"))
	for _, x := range en.Traits {
		if x.Name == "gender" && x.Value != "Female" {
			t.Errorf("gender reads %q in English", x.Value)
		}
	}
	for _, other := range []string{"鈴木", "suzuki", "EN1000002"} {
		if strings.Contains(a.text, other) {
			t.Errorf("the page has %q of somebody else", other)
		}
	}
	// Every identifier and every merged id leads to the same person.
	for _, x := range p.Identifiers {
		q := into[personPage](w.call("GET", "/people/"+x.Subject.String(), nil))
		if q.ID != p.ID || x.Subject != p.ID && q.RedirectedFrom != x.Subject.String() {
			t.Errorf("%s leads to %s, redirected from %q", x.Kind, q.ID, q.RedirectedFrom)
		}
	}
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	id := w.id(enishi.Customer, "C10001")
	a := w.call("GET", "/people/"+id+"/timeline", nil)
	all := into[list[timelineItem]](a)
	checkTexts(t, "timeline", a.text)
	if len(all.Items) != 11 {
		t.Fatalf("%d items: %s", len(all.Items), a.text)
	}
	for i := range all.Items {
		x := &all.Items[i]
		if i > 0 && x.At.After(all.Items[i-1].At) {
			t.Errorf("%s stands after something older", x.Type)
		}
		switch x.Type {
		case "order.placed":
			if !strings.Contains(x.Summary.JA, "うるおい化粧水 ほか 1 点") || x.Kind != "order" || x.Amount != "10230" || x.Currency != "JPY" || x.Detail["order"] == nil {
				t.Errorf("got %+v", x)
			}
		case "product.viewed":
			if x.Summary.JA != "うるおい化粧水" || x.Kind != "web" {
				t.Errorf("got %+v", x)
			}
		}
	}
	var pages []timelineItem
	for before, n := "", 0; n < 12; n++ {
		page := into[list[timelineItem]](w.call("GET", "/people/"+id+"/timeline?limit=3&before="+before, nil))
		pages = append(pages, page.Items...)
		if before = page.Next; before == "" {
			break
		}
	}
	if len(pages) != len(all.Items) || pages[10].ID != all.Items[10].ID {
		t.Errorf("pages give %d items", len(pages))
	}
	f := func(kinds string, want int) {
		t.Helper()
		if got := into[list[timelineItem]](w.call("GET", "/people/"+id+"/timeline?kinds="+url.QueryEscape(kinds), nil)).Items; len(got) != want {
			t.Errorf("%s: %d items, want %d", kinds, len(got), want)
		}
	}
	f("web", 3)
	f("order", 3)
	f("order,shipment", 4)
	f("store", 1)
	f("other", 1)
	f("nothing", 0)
	f("'); DROP", 0)
}

func TestEvents(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	a := w.call("GET", "/events?limit=100", nil)
	all := into[list[liveEvent]](a)
	checkTexts(t, "events", a.text)
	if len(all.Items) != 15 {
		t.Errorf("%d events", len(all.Items))
	}
	orders := into[list[liveEvent]](w.call("GET", "/events?type=order.placed&type=order.paid", nil)).Items
	if len(orders) != 3 {
		t.Errorf("%d orders", len(orders))
	}
	for _, e := range orders {
		if e.Name == "" || e.OrderID == "" {
			t.Errorf("got %+v", e)
		}
	}
	page := into[list[liveEvent]](w.call("GET", "/events?limit=10", nil))
	rest := into[list[liveEvent]](w.call("GET", "/events?limit=10&before="+page.Next, nil))
	if len(page.Items) != 10 || len(rest.Items) != 5 {
		t.Errorf("pages of %d and %d", len(page.Items), len(rest.Items))
	}
	hers := into[list[liveEvent]](w.call("GET", "/events?profile="+w.id(enishi.Customer, "C10002"), nil)).Items
	if len(hers) != 3 {
		t.Errorf("%d events of one person", len(hers))
	}
}

// TestPersonIsChanged walks through what a service agent does to a person: hold, consent, export, undoing a merge, erasure.
func TestPersonIsChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	w.play(scenario(time.Now().UTC()))
	id := w.id(enishi.Customer, "C10001")
	path := "/people/" + id
	person := func(after Written) personPage {
		t.Helper()
		return into[personPage](w.call("GET", path+"?after="+after.Position, nil))
	}
	reach := func(p personPage, channel string) channelReach {
		for _, r := range p.Reach {
			if r.Channel == channel {
				return r
			}
		}
		t.Fatalf("no reach by %s", channel)
		return channelReach{}
	}
	w.call("POST", path+"/hold", map[string]any{"reason": "x", "until": "2020-01-01T00:00:00Z"}).want(422)
	for body, field := range map[string]string{`{"reason":"x","last_day":"24 Dec"}`: "body.last_day", `{"reason":"x","last_day":"2020-12-24"}`: "body.last_day", `{"reason":"x","last_day":"2199-12-24","until":"2199-01-01T00:00:00Z"}`: "body.last_day"} {
		if a := w.call("POST", path+"/hold", json.RawMessage(body)).want(422); !strings.Contains(a.text, field) {
			t.Errorf("%s: %s", body, a.text)
		}
	}
	if p := person(w.write("POST", path+"/hold", map[string]any{"reason": "返品対応中", "last_day": "2198-12-24"})); p.Hold == nil || p.Hold.Until.Format(time.RFC3339) != "2198-12-24T15:00:00Z" {
		t.Errorf("held until the end of the day in Japan: %+v", p.Hold)
	}
	person(w.write("DELETE", path+"/hold", nil))
	p := person(w.write("POST", path+"/hold", map[string]any{"reason": "ご不幸"}))
	if r := reach(p, "email"); r.OK || r.Reason.JA != "配信保留中" || p.Hold == nil || p.Hold.Until.Year() != 9999 {
		t.Errorf("held: %+v %+v", r, p.Hold)
	}
	p = person(w.write("DELETE", path+"/hold", nil))
	if r := reach(p, "email"); !r.OK || p.Hold != nil {
		t.Errorf("released: %+v %+v", r, p.Hold)
	}
	w.call("DELETE", path+"/hold", nil).want(409)

	w.call("POST", path+"/consents", map[string]any{"channel": "email", "state": "maybe", "reason": "x"}).want(422)
	p = person(w.write("POST", path+"/consents", map[string]any{"channel": "email", "state": "out", "reason": "お電話で停止のご希望"}))
	if r := reach(p, "email"); r.OK || r.Reason.JA != "配信停止" || p.Consents[0].Method != "staff" {
		t.Errorf("withdrawn: %+v %+v", r, p.Consents)
	}

	export := w.call("GET", path+"/export", nil).want(200)
	if !strings.Contains(export.text, "お電話で停止のご希望") || !strings.Contains(export.header.Get("Content-Disposition"), "attachment") || strings.Contains(export.text, "suzuki") {
		t.Errorf("export is %.300s", export.text)
	}

	merges := into[list[mergeRow]](w.call("GET", path+"/merges", nil)).Items
	merge := merges[len(merges)-1]
	foretold := into[partingPage](w.call("GET", fmt.Sprintf("/merges/%d/undo", merge.LinkOffset), nil))
	if s, l := foretold.Stays, foretold.Leaves; s.Name != "佐藤 花子" || s.OrdersCount != 1 || len(s.Identifiers) != 4 || l.OrdersCount != 1 || l.LTV.String() != "1320" || len(l.Identifiers) != 1 || l.Identifiers[0].Value != "2900040000001" || len(foretold.Also) != 0 {
		t.Errorf("foretold %+v", foretold)
	}
	w.call("POST", "/people/unmerge", map[string]any{"link_offset": 9999, "reason": "x"}).want(404)
	p = person(w.write("POST", "/people/unmerge", map[string]any{"link_offset": merge.LinkOffset, "reason": "家族のカード"}))
	for _, x := range p.Identifiers {
		if x.Kind == "pos_card" {
			t.Errorf("the card is still hers: %+v", p.Identifiers)
		}
	}
	if p.Header.OrdersCount != 1 {
		t.Errorf("the purchase by card is still hers: %+v", p.Header)
	}
	w.call("POST", "/people/unmerge", map[string]any{"link_offset": merge.LinkOffset, "reason": "x"}).want(409)

	w.call("POST", path+"/erase", map[string]any{"reason": "ご本人の請求", "confirm": "佐藤"}).want(422)
	erased := w.write("POST", path+"/erase", map[string]any{"reason": "ご本人の請求", "confirm": "佐藤 花子"})
	p = person(erased)
	text, _ := json.Marshal(p)
	for _, trace := range []string{"佐藤", "Hanako", "090-1234", "C10001"} {
		if strings.Contains(string(text), trace) {
			t.Errorf("after the erasure the page has %q", trace)
		}
	}
	if got := into[list[personRow]](w.call("GET", "/people?q=佐藤&after="+erased.Position, nil)); len(got.Items) != 0 {
		t.Errorf("she is still found: %+v", got.Items)
	}
	if got := into[list[timelineItem]](w.call("GET", path+"/timeline", nil)); len(got.Items) != 0 {
		t.Errorf("her timeline has %d items", len(got.Items))
	}
	for _, trace := range []string{"佐藤", "Hanako", "hanako", "090-1234"} {
		if strings.Contains(w.log.String(), trace) {
			t.Errorf("the log has %q", trace)
		}
	}
	if others := into[list[personRow]](w.call("GET", "/people?q=鈴木", nil)); len(others.Items) != 1 {
		t.Error("somebody else is gone too")
	}
}
