package api

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/internal/stream"
)

const hostileMail = "From: =?utf-8?q?=E7=B8=81?= <hello@shop.example>\r\nTo: hanako.sato@mail.example\r\nSubject: =?utf-8?B?44GC44KK44GM44Go44GG?=\r\nMessage-ID: <x@shop.example>\r\n" +
	"MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nご注文ありがとうございます。\r\n" +
	"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body onload=\"steal()\"><p>ご注文<script>steal()</script></p><form action=\"https://evil.example\"><a href=\"https://shop.example/review\" onclick=\"steal()\">レビュー</a></form></body></html>\r\n--b--\r\n"

// outbox puts messages into the table as the development inboxes do.
func (w *world) receive(rows ...OutboxRow) {
	w.t.Helper()
	for _, r := range rows {
		err := w.cfg.DB.Insert(w.t.Context(), "outbox", []string{"id", "at", "channel", "sender", "recipient", "subject", "send_id", "raw"}, 1,
			[]enishi.ID{r.ID}, []time.Time{r.At}, []string{r.Channel}, []string{r.From}, []string{r.To}, []string{r.Subject}, []enishi.ID{r.SendID}, []string{r.Preview})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// deliver puts two lines into the sender's ledger: a mail that was sent, and a LINE message that the quota refused.
func (w *world) deliver(now time.Time, profile, send enishi.ID) {
	w.t.Helper()
	err := w.cfg.DB.Insert(w.t.Context(), "deliveries", []string{"partition", "send_id", "round", "version", "state", "attempt", "destination", "channel", "purpose", "journey", "template", "profile_id", "next_try_at",
		"decided_at", "updated_at", "reported", "code", "reason", "provider_id", "message"}, 2,
		[]uint16{0, 0}, []enishi.ID{send, enishi.NewID("send", "2")}, []uint32{1, 1}, []uint64{1, 1}, []string{"sent", "refused"}, []uint32{1, 1}, []string{"email:default:other", "line:default"}, []string{"email", "line"}, []string{"marketing", "marketing"},
		[]string{"thanks", "thanks"}, []string{"thanks_mail", "thanks_line"}, []enishi.ID{profile, profile}, []time.Time{now, now}, []time.Time{now, now}, []time.Time{now, now.Add(-time.Second)}, []uint8{1, 1}, []string{"250", ""}, []string{"", "quota"}, []string{"x", ""}, []string{"", ""})
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestOutbox(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	now := time.Now().UTC().Truncate(time.Millisecond)
	w.play(scenario(now))
	w.write("PUT", "/journeys/thanks", map[string]any{"definition": json.RawMessage(thanks), "expect": 0})
	send := enishi.NewID("send", "1")
	sato := w.id(enishi.Customer, "C10001")
	profile, err := enishi.ParseID(sato)
	if err != nil {
		t.Fatal(err)
	}
	w.deliver(now, profile, send)
	line := "U0123456789abcdef0123456789abcdef"
	w.receive(OutboxRow{ID: enishi.NewID("o", "1"), At: now, Channel: "email", From: "hello@shop.example", To: "hanako.sato@mail.example", Subject: "x", SendID: send, Preview: hostileMail},
		OutboxRow{ID: enishi.NewID("o", "2"), At: now.Add(-time.Minute), Channel: "line", To: line, Preview: `[{"type":"text","text":"お届けしました https://shop.example/t"}]`},
		OutboxRow{ID: enishi.NewID("o", "3"), At: now.Add(-2 * time.Minute), Channel: "email", To: "suzuki@mail.example", Preview: "not a mail at all"})

	a := w.call("GET", "/outbox", nil)
	all := into[list[OutboxRow]](a)
	if len(all.Items) != 3 {
		t.Fatalf("got %s", a.text)
	}
	first := all.Items[0]
	if first.Subject != "ありがとう" || first.Name != "佐藤 花子" || first.Profile != sato || first.Journey != "thanks" || first.Title.JA != "注文のお礼" || first.Preview != "ご注文ありがとうございます。" {
		t.Errorf("got %+v", first)
	}
	if all.Items[2].Name != "鈴木 一郎" {
		t.Errorf("the address tells nobody: %+v", all.Items[2])
	}
	f := func(query string, want int) {
		t.Helper()
		if got := into[list[OutboxRow]](w.call("GET", "/outbox?"+query, nil)).Items; len(got) != want {
			t.Errorf("%s: %d messages, want %d", query, len(got), want)
		}
	}
	f("channel=line", 1)
	f("channel=email", 2)
	f("q=HANAKO", 1)
	f("q="+url.QueryEscape("佐藤"), 1)
	f("q="+url.QueryEscape("だれでもない"), 0)
	f("limit=2", 2)
	page := into[list[OutboxRow]](w.call("GET", "/outbox?limit=2", nil))
	f("before="+page.Next, 1)

	m := into[outboxMessage](w.call("GET", "/outbox/"+first.ID.String(), nil))
	for _, bad := range []string{"steal", "script", "evil", "onload", "onclick", "form"} {
		if strings.Contains(strings.ToLower(m.HTML), bad) {
			t.Errorf("the mail still has %q: %s", bad, m.HTML)
		}
	}
	if !strings.Contains(m.HTML, "レビュー") || len(m.Links) != 1 || m.Links[0] != (outboxLink{"レビュー", "https://shop.example/review"}) || len(m.Headers) < 4 || !strings.Contains(m.Text, "ありがとう") {
		t.Errorf("got %+v", m)
	}
	l := into[outboxMessage](w.call("GET", "/outbox/"+all.Items[1].ID.String(), nil))
	if string(l.Messages) != `[{"type":"text","text":"お届けしました https://shop.example/t"}]` || len(l.Links) != 1 {
		t.Errorf("got %s", l.Messages)
	}
	w.call("GET", "/outbox/"+strings.Repeat("0", 32), nil).want(404)

	a = w.call("GET", "/deliveries", nil)
	checkTexts(t, "deliveries", a.text)
	rows := into[list[deliveryListRow]](a).Items
	if len(rows) != 2 || rows[0].Name != "佐藤 花子" || rows[1].ReasonLabel.JA != "今月の LINE 送信枠を使い切った" {
		t.Errorf("deliveries %s", a.text)
	}
	next := into[list[deliveryListRow]](w.call("GET", "/deliveries?limit=1", nil)).Next
	if rest := into[list[deliveryListRow]](w.call("GET", "/deliveries?limit=1&before="+next, nil)); len(rest.Items) != 1 || rest.Items[0].State != "refused" {
		t.Errorf("second page %+v", rest)
	}
	w.call("GET", "/deliveries?before=1.2.3", nil).want(422)
	if s := w.call("GET", "/deliveries/summary", nil).want(200); !strings.Contains(s.text, `"count":1`) || !strings.Contains(s.text, "見送り") {
		t.Errorf("summary %s", s.text)
	}
	if s := into[statusPage](w.call("GET", "/status?after=definitions/0@1", nil)); s.Sends["email"]["sent"] != 1 || s.Sends["line"]["refused"] != 1 {
		t.Errorf("sends %+v", s.Sends)
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	w.play(scenario(time.Now().UTC()))
	mail := map[string]any{"channel": "email", "purpose": "marketing", "title": map[string]string{"ja": "お礼"}, "variants": map[string]any{
		"ja": map[string]string{"subject": "{{ customer.full_name }} 様へ", "html": `<p>{{ customer.salutation }}</p><p>{{ order.order_id }} {{ order.total }}</p>`},
		"en": map[string]string{"subject": "Dear {{ customer.full_name }}", "html": `<p>x</p>`}}}
	w.call("PUT", "/templates/hello", map[string]any{"definition": map[string]any{"channel": "email"}, "expect": 0}).want(422)
	saved := w.write("PUT", "/templates/hello", map[string]any{"definition": mail, "expect": 0})
	got := into[templatePage](w.call("GET", "/templates/hello", nil))
	if got.Version != saved.Version || got.Title.JA != "お礼" || strings.Join(got.Languages, ",") != "en,ja" || len(got.History) != 1 {
		t.Errorf("got %+v", got)
	}
	w.call("GET", "/templates/nothing", nil).want(404)
	p := into[renderedPage](w.call("POST", "/templates/hello/preview", map[string]any{"profile": w.id(enishi.Customer, "C10001")}))
	if p.Subject != "佐藤 花子 様へ" || !strings.Contains(p.HTML, "佐藤 花子 様") || !strings.Contains(p.HTML, "ginza:1:2026-11-21:7 ¥1,320") || !strings.Contains(p.HTML, "配信を停止") {
		t.Errorf("got %+v", p)
	}
	if p := into[renderedPage](w.call("POST", "/templates/hello/preview", map[string]any{"language": "en"})); p.Subject != "Dear Hanako Enyama" {
		t.Errorf("got %+v", p)
	}
	edited := map[string]any{"definition": map[string]any{"channel": "line", "purpose": "marketing", "variants": map[string]any{"ja": map[string]any{"messages": []any{map[string]string{"type": "text", "text": "{{ customer.salutation }}"}}}}}}
	if p := into[renderedPage](w.call("POST", "/templates/new_one/preview", edited)); string(p.Messages) != `[{"text":"縁山 花子 様","type":"text"}]` {
		t.Errorf("got %s", p.Messages)
	}
	broken := map[string]any{"definition": map[string]any{"channel": "email", "purpose": "marketing", "variants": map[string]any{"ja": map[string]string{"subject": "x", "html": "<p>{{ nothing.here }}</p>"}}}}
	if p := into[renderedPage](w.call("POST", "/templates/hello/preview", broken)); len(p.Missing) != 1 || p.Missing[0] != "nothing.here" {
		t.Errorf("a variable that nobody has: %v", p.Missing)
	}
	w.call("POST", "/templates/hello/preview", map[string]any{"profile": strings.Repeat("0", 32)}).want(404)
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	bad := `{"type":"order.placed","person":{"customer_id":"C1"},"order":{"order_id":"EN1","total":"twelve"}}`
	recs := []stream.Record{{Topic: enishi.TopicOrders, Partition: -1, Key: []byte("C1"), Value: []byte(bad)}, {Topic: enishi.TopicWeb, Partition: -1, Key: []byte("x"), Value: []byte("\xff\xfe no text")}}
	if err := w.cfg.Stream.Append(t.Context(), recs); err != nil {
		t.Fatal(err)
	}
	position := positionOf(recs).String()
	all := into[list[deadRow]](w.call("GET", "/dead?state=waiting&after="+position, nil))
	if len(all.Items) != 2 || *all.Total != 2 {
		t.Fatalf("got %+v", all)
	}
	var order, junk deadRow
	for _, d := range all.Items {
		if d.Topic == "orders" {
			order = d
		} else {
			junk = d
		}
		if !japanese.MatchString(d.ReasonJA) || d.Reason == "" || d.State != "waiting" {
			t.Errorf("got %+v", d)
		}
	}
	if order.Raw != bad || order.Field != "order.total" || !strings.HasPrefix(junk.Raw, "base64:") {
		t.Errorf("got %+v, %+v", order, junk)
	}
	path := "/dead/" + order.ID.String()
	if got := into[deadRow](w.call("GET", path, nil)); got != order {
		t.Errorf("got %+v", got)
	}
	if a := w.call("POST", path+"/replay", map[string]any{"raw": bad}).want(422); !strings.Contains(a.text, "order.total") {
		t.Errorf("got %s", a.text)
	}
	many := into[struct {
		Replayed int
		Refused  []problemDetail
	}](w.call("POST", "/dead/replay", map[string]any{"ids": []string{order.ID.String()}}))
	if many.Replayed != 0 || len(many.Refused) != 1 || many.Refused[0].Location != order.ID.String() {
		t.Errorf("got %+v", many)
	}
	fixed := w.write("POST", path+"/replay", map[string]any{"raw": strings.Replace(bad, `"twelve"`, `"12","lines":[{"product_id":"p"}]`, 1)})
	people := into[list[personRow]](w.call("GET", "/people?q=EN1&after="+fixed.Position, nil))
	if len(people.Items) != 1 || people.Items[0].OrdersCount != 1 {
		t.Errorf("the order is not there: %+v", people)
	}
	if got := into[deadRow](w.call("GET", path, nil)); got.State != "replayed" || got.Actor != "local" {
		t.Errorf("got %+v", got)
	}
	w.call("POST", path+"/discard", map[string]any{"reason": "x"}).want(409)
	w.call("POST", "/dead/"+junk.ID.String()+"/discard", map[string]any{"reason": "x"}).want(200)
	if left := into[list[deadRow]](w.call("GET", "/dead?state=waiting", nil)); len(left.Items) != 0 {
		t.Errorf("left %+v", left.Items)
	}
	if page := into[list[deadRow]](w.call("GET", "/dead?limit=1", nil)); page.Next == "" || len(into[list[deadRow]](w.call("GET", "/dead?limit=1&cursor="+page.Next, nil)).Items) != 1 {
		t.Errorf("pages %+v", page)
	}
}
