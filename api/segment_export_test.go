package api

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi"
	"enishi/profiles"
)

func TestCountSegment(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	f := func(body map[string]any, want int64) {
		t.Helper()
		c := into[countPage](w.call("POST", "/segments/count", body))
		if c.Count != want || c.Base != 3 || c.CompleteThrough.IsZero() || c.At.IsZero() {
			t.Errorf("%v: %+v, want %d", body, c, want)
		}
	}
	f(map[string]any{"expression": "orders_count >= 1"}, 1)
	f(map[string]any{"expression": `none(orders, .valid)`}, 2)
	f(map[string]any{"expression": `last_order_at < ago("10d")`}, 0)
	f(map[string]any{"expression": `last_order_at < ago("10d")`, "at": time.Now().AddDate(0, 0, 30)}, 1)

	refused := func(body map[string]any, status int, text string) {
		t.Helper()
		if a := w.call("POST", "/segments/count", body).want(status); !strings.Contains(a.text, text) {
			t.Errorf("%v: %s, want %q", body, a.text, text)
		}
	}
	refused(map[string]any{}, 422, "one of them")
	refused(map[string]any{"expression": "ltv > 1", "name": "vip"}, 422, "one of them")
	refused(map[string]any{"name": "nobody"}, 404, "segment")
	refused(map[string]any{"expression": "ltv >\n yes"}, 422, `"line":2`)
	refused(map[string]any{"expression": strings.Repeat("x", 20_001)}, 422, "20000")
	refused(map[string]any{"expression": strings.Repeat("x", 10<<20)}, 413, "too_large")
}

// TestQueryBounds: what costs too much is refused in words, and what was asked before and after is answered.
func TestQueryBounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	body := map[string]any{"expression": `count(orders, .total >= 1) >= 1`}
	w.call("POST", "/segments/count", body).want(200)
	usual := w.api.bounds
	w.api.bounds.memory = 1
	if a := w.call("POST", "/segments/count", body).want(422); !strings.Contains(a.text, "memory") || !strings.Contains(a.text, "メモリー") {
		t.Errorf("got %s", a.text)
	}
	w.api.bounds = usual
	w.api.bounds.time = time.Nanosecond
	if a := w.call("POST", "/segments/count", body).want(422); !strings.Contains(a.text, "takes longer") {
		t.Errorf("got %s", a.text)
	}
	w.api.bounds = usual
	w.call("POST", "/segments/count", body).want(200)
}

func TestExplainSegment(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	f := func(person, expression string, in bool, reasons ...string) explainPage {
		t.Helper()
		a := w.call("POST", "/segments/explain", map[string]any{"expression": expression, "person": person})
		p := into[explainPage](a)
		var got []string
		for _, r := range p.Reasons {
			got = append(got, fmt.Sprintf("%s %v %v", r.Text.JA, r.Match, r.Decides))
		}
		if p.In != in || cmp.Diff(reasons, got) != "" || p.CompleteThrough.IsZero() {
			t.Errorf("%s, %s: %s", person, expression, a.text)
		}
		checkTexts(t, expression, a.text)
		return p
	}
	const both = `orders_count >= 1 && prefecture == "東京都"`
	for _, who := range []string{"C10001", "hanako.sato@mail.example", "090-1234-5678", "EN1000001", w.id(enishi.Customer, "C10001")} {
		if p := f(who, both, true, "注文回数 2 true true", "都道府県 東京都 true true"); p.Person.Name != "佐藤 花子" || !p.Until.IsZero() {
			t.Errorf("%s: %+v", who, p)
		}
	}
	f("C10002", both, false, "注文回数 0 false true", "都道府県 大阪府 false true")
	p := f("C10001", `last_order_at > ago("90d") && ltv < 1`, false, "最終注文日時 "+dayText(into[personPage](w.call("GET", "/people/"+w.id(enishi.Customer, "C10001"), nil)).Header.LastOrderAt, time.Now(), w.api.zone()).JA+" true false", "累計購入額（LTV） ¥11,550 false true")
	if p.Reasons[0].Until.Sub(time.Now()).Round(time.Hour) < 89*24*time.Hour || !p.Reasons[1].Until.IsZero() {
		t.Errorf("until %+v", p.Reasons)
	}
	w.call("POST", "/segments/explain", map[string]any{"expression": both, "person": "佐藤"}).want(404)
	w.call("POST", "/segments/explain", map[string]any{"expression": both, "person": strings.Repeat("0", 32)}).want(404)
	w.call("POST", "/segments/explain", map[string]any{"expression": "ltv >", "person": "C10001"}).want(422)
}

func TestExportSegment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	now := time.Now().UTC()
	text := enishi.TextValue
	events := scenario(now)
	for i, name := range []string{`=HYPERLINK("http://evil.example")`, "+81", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "普通, \"引用\"\n改行"} {
		events = append(events, enishi.Event{Type: "user.signed_up", At: now.Add(-time.Hour), Channel: "web", Person: &enishi.Person{CustomerID: fmt.Sprintf("E%d", i), Traits: map[string]enishi.Value{"nickname": text(name)}}})
	}
	w.play(events)
	viewerToken, _ := w.key("admin", "viewer")
	token, _ := w.key("admin", "approver")
	w = w.as(token)
	ask := map[string]any{"expression": `present(traits.nickname)`, "columns": []string{"customer_id", "traits.nickname", "points"}, "reason": "棚卸し"}
	w.as(viewerToken).call("POST", "/segments/export", ask).want(403)
	a := w.call("POST", "/segments/export", ask).want(200)
	if a.header.Get("Content-Type") != "text/csv; charset=utf-8" || a.header.Get("X-Enishi-Count") != "8" || !strings.Contains(a.header.Get("Content-Disposition"), "people.csv") {
		t.Errorf("headers %v", a.header)
	}
	rows, err := csv.NewReader(strings.NewReader(a.text)).ReadAll()
	if err != nil || len(rows) != 9 || !strings.HasPrefix(a.text, "customer_id,traits.nickname,points\r\n") {
		t.Fatalf("%v: %s", err, a.text)
	}
	slices.SortFunc(rows[1:], func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	// A bare carriage return inside a cell is no part of CSV with CRLF line ends: it is left out after it was judged.
	want := []string{`'=HYPERLINK("http://evil.example")`, "'+81", "'-1+1", "'@SUM(A1)", "'\t=1", "'=1", "'＝1", "普通, \"引用\"\n改行"}
	for i, row := range rows[1:] {
		if row[1] != want[i] || row[2] != "0" {
			t.Errorf("row %q, want %q", row, want[i])
		}
	}
	ask["bom"], ask["labels"] = true, true
	if a := w.call("POST", "/segments/export", ask, "Accept-Language", "ja").want(200); !strings.HasPrefix(a.text, "\ufeff会員番号,nickname,ポイント残高\r\n") {
		t.Errorf("got %.100q", a.text)
	}
	if a := w.call("POST", "/segments/export", map[string]any{"expression": "ltv > 1e9", "columns": []string{"name"}, "reason": "x"}); a.text != "name\r\n" {
		t.Errorf("nobody: %q", a.text)
	}
	columns := w.call("GET", "/exports/columns", nil)
	checkTexts(t, "columns", columns.text)
	if l := into[list[columnRow]](columns); len(l.Items) != len(exportColumns) || !l.Items[0].Default {
		t.Errorf("columns %+v", l.Items)
	}
	exportOfSegment(t, w, now)
	exportRefusals(t, w)
	var whys []string
	for _, x := range into[list[exportRow]](w.call("GET", "/exports", nil)).Items {
		if x.Actor == "" || x.Role != "approver" || x.RequestID.IsZero() || x.At.IsZero() || len(x.Columns) == 0 {
			t.Errorf("record %+v", x)
		}
		whys = append(whys, fmt.Sprintf("%s %s %d", x.Reason, x.Segment, x.Count))
	}
	if d := cmp.Diff([]string{"招待 buyers 1", "x  0", "棚卸し  8", "棚卸し  8"}, whys); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func exportOfSegment(t *testing.T, w *world, now time.Time) {
	t.Helper()
	saved := w.write("PUT", "/segments/buyers", segmentBody(`orders_count >= 1 && last_order_at > ago("90d")`, 0))
	eventually(t, func() bool {
		s := into[segmentRow](w.call("GET", "/segments/buyers?after="+saved.Position, nil))
		return s.Progress == nil && s.Members == 1
	})
	a := w.call("POST", "/segments/export", map[string]any{"name": "buyers", "format": "ndjson", "reason": "招待",
		"columns": []string{"name", "orders_count", "ltv", "first_order_at", "may_email", "may_line", "since", "reasons", "birthday"}}).want(200)
	var got struct {
		Name, LTV, Reasons, Birthday string
		OrdersCount                  int       `json:"orders_count"`
		FirstOrderAt                 time.Time `json:"first_order_at"`
		MayEmail                     bool      `json:"may_email"`
		MayLINE                      bool      `json:"may_line"`
		Since                        time.Time
	}
	if err := json.Unmarshal([]byte(a.text), &got); err != nil || strings.Count(a.text, "\n") != 1 || !strings.HasPrefix(a.text, `{"name":`) {
		t.Fatalf("%v: %s", err, a.text)
	}
	if got.Name != "佐藤 花子" || got.LTV != "11550" || got.OrdersCount != 2 || !got.MayEmail || got.MayLINE || now.Sub(got.FirstOrderAt).Round(time.Minute) != 18*time.Hour || time.Since(got.Since) > time.Hour ||
		!strings.HasPrefix(got.Reasons, "注文回数 2、最終注文日時 ") {
		t.Errorf("got %+v", got)
	}
}

func exportRefusals(t *testing.T, w *world) {
	t.Helper()
	f := func(body map[string]any, status int, text string) {
		t.Helper()
		if a := w.call("POST", "/segments/export", body).want(status); !strings.Contains(a.text, text) {
			t.Errorf("%v: %s, want %q", body, a.text, text)
		}
	}
	f(map[string]any{"expression": "ltv > 1"}, 422, "reason")
	f(map[string]any{"expression": "ltv > 1", "reason": "x", "columns": []string{"name", "secret"}}, 422, "columns[1]")
	f(map[string]any{"expression": "ltv > 1", "reason": "x", "columns": []string{"name", "name"}}, 422, "twice")
	f(map[string]any{"expression": "ltv > 1", "reason": "x", "columns": []string{"traits."}}, 422, "columns[0]")
	f(map[string]any{"expression": "ltv >", "reason": "x"}, 422, "line")
	f(map[string]any{"name": "nobody", "reason": "x"}, 404, "segment")
}

// TestDeleteUsedSegment: what uses a segment is named, and it goes only when that was seen.
func TestDeleteUsedSegment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	w.write("PUT", "/segments/vip", segmentBody("ltv > 1", 0))
	w.write("PUT", "/segments/vipp", segmentBody("ltv > 2", 0))
	if l := into[list[segmentUse]](w.call("GET", "/segments/vip/uses", nil)); len(l.Items) != 0 {
		t.Errorf("got %+v", l.Items)
	}
	journey := func(name, title, entry, rest string) {
		t.Helper()
		w.write("PUT", "/journeys/"+name, map[string]any{"expect": 0, "definition": json.RawMessage(`{"title":{"ja":"` + title + `の旅","en":"` + name + `"},"purpose":"marketing","consent":"opt_in","entry":` + entry + `,` + rest + `,"nodes":{"a":{"type":"wait","for":"1d","next":"z"},"z":{"type":"exit"}},"start":"a"}`)})
	}
	journey("enters", "入る人", `{"segment":"vip","reentry":"never"}`, `"exit_on":[{"segment":"vip","entered":false}]`)
	journey("leaves", "出る人", `{"event":"order.placed","reentry":"never"}`, `"exit_on":[{"segment":"vip","entered":false}]`)
	journey("other", "別の人", `{"event":"order.placed","reentry":"never"}`, `"exit_on":[{"segment":"vipp"}]`)
	a := w.call("GET", "/segments/vip/uses", nil)
	checkTexts(t, "uses", a.text)
	var got []string
	for _, u := range into[list[segmentUse]](a).Items {
		for _, where := range u.Where {
			got = append(got, u.Name+" "+u.Title.JA+" "+u.Status+" "+where.JA)
		}
	}
	if d := cmp.Diff([]string{"enters 入る人の旅 draft 開始条件", "enters 入る人の旅 draft 離脱条件", "leaves 出る人の旅 draft 離脱条件"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if a := w.call("DELETE", "/segments/vip", nil).want(409); !strings.Contains(a.text, "used_by=enters,leaves") || !strings.Contains(a.text, "入る人の旅") {
		t.Errorf("got %s", a.text)
	}
	if a := w.call("DELETE", "/segments/vip?used_by=enters", nil).want(409); !strings.Contains(a.text, "出る人の旅") || strings.Contains(a.text, "入る人の旅") {
		t.Errorf("got %s", a.text)
	}
	quiet := func(segment string, expect int) map[string]any {
		return map[string]any{"body": map[string]any{"no_emoji": []string{segment}}, "expect": expect}
	}
	if a := w.call("PUT", "/settings/journeys", quiet("nobody", -1)).want(422); !strings.Contains(a.text, "no_emoji[0]") || !strings.Contains(a.text, "「nobody」というセグメントはありません") {
		t.Errorf("got %s", a.text)
	}
	w.write("PUT", "/settings/journeys", quiet("vip", -1))
	for segment, want := range map[string]bool{"vip": true, "vipp": false} {
		v := &profiles.View{Profile: &profiles.Profile{Memberships: []profiles.Membership{{Segment: segment}}}}
		if got := w.api.sampleVariables(v, "ja")["no_emoji"]; got != want {
			t.Errorf("a preview for a member of %s: no_emoji %v", segment, got)
		}
	}
	if a := w.call("DELETE", "/segments/vip?used_by=enters,leaves", nil).want(409); !strings.Contains(a.text, "絵文字を使わない方") {
		t.Errorf("got %s", a.text)
	}
	w.write("PUT", "/settings/journeys", quiet("vipp", -1))
	w.call("DELETE", "/segments/vip?used_by=enters,leaves", nil).want(200)
	w.call("GET", "/segments/vip/uses", nil).want(404)
}

func TestPartsNaming(t *testing.T) {
	t.Parallel()
	f := func(definition string, want ...string) {
		t.Helper()
		var got []string
		for _, p := range partsNaming(json.RawMessage(definition), "vip") {
			got = append(got, p.EN)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", definition, d)
		}
	}
	f(`{"entry":{"where":"in_segment(\"vip\") && ltv > 1"}}`, "entry")
	f(`{"nodes":{"b":{"type":"branch","branches":[{"if":"!in_segment('vip')","next":"x"}]}}}`, "branch")
	f(`{"nodes":{"b":{"type":"wait","until_event":{"segment":"vip"}},"c":{"type":"split","x":{"segment":"vip"}}},"goal":{"segment":"vip"}}`, "goal", "wait", "elsewhere")
	f(`{"entry":{"segment":"vip2"},"title":{"en":"vip"}}`)
	f(`[]`)
}

// TestExportBreaksOff: what cannot be read to its end does not look whole.
func TestExportBreaksOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	w.play(scenario(time.Now().UTC()))
	w.write("PUT", "/segments/all", segmentBody("orders_count >= 0", 0))
	body := `{"name":"all","reason":"x","columns":["customer_id","since"]}`
	w.call("POST", "/segments/export", body).want(200)
	if err := w.cfg.DB.Exec(t.Context(), "RENAME TABLE memberships TO elsewhere"); err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(w.server.URL+"/api/v1/segments/export", "application/json", strings.NewReader(body))
	if err == nil {
		defer res.Body.Close()
		if text, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("status %d, %q looks whole", res.StatusCode, text)
		}
	}
	if err := w.cfg.DB.Exec(t.Context(), "RENAME TABLE elsewhere TO memberships"); err != nil {
		t.Fatal(err)
	}
	w.call("POST", "/segments/export", body).want(200)
}
