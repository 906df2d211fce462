package channels

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/internal/definitions"
)

// testRenderer has the templates (name -> body) and a brand.
func testRenderer(t testing.TB, templates map[string]string) *Renderer {
	t.Helper()
	r, add := testDefinitions(t)
	for name, body := range templates {
		add("template", name, body)
	}
	return r
}

// testDefinitions is a Renderer over a log of definitions that a test adds to.
func testDefinitions(t testing.TB) (r *Renderer, add func(kind, name, body string)) {
	t.Helper()
	log := definitions.NewLog()
	offset := int64(0)
	add = func(kind, name, body string) {
		d := enishi.Definition{Kind: kind, Name: name, Expect: -1, Body: json.RawMessage(body), RequestID: enishi.NewID("request", kind, name, body)}
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatalf("%s %s: %v", kind, name, err)
		}
		log.Fold(offset, b)
		offset++
	}
	add("setting", "brand", `{"name":"花の店 <Hana> & Co","address":"東京都港区 1-2-3","contact":"help@hana.example","colour":"#8c5a4a"}`)
	r, err := NewRenderer(RendererConfig{Definitions: log, BaseURL: "https://cdp.hana.example/", Key: []byte("0123456789abcdef0123456789abcdef"),
		Now: func() time.Time { return time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	return r, add
}

func testMessage(template, channel, variables string) *enishi.Message {
	return &enishi.Message{SendID: enishi.NewID("send", template), Round: 1, Profile: enishi.NewID("p"), Subject: enishi.NewID("s"), Channel: channel,
		Account: "main", Purpose: "marketing", Journey: "welcome", Node: "m1", RunID: enishi.NewID("r"), Template: template, To: "a@b.example", Language: "ja", Variables: variables}
}

// htmlTemplate is a mail template with one HTML body.
func htmlTemplate(t testing.TB, doc string) string {
	t.Helper()
	b, err := json.Marshal(map[string]any{"name": "t", "channel": "email", "purpose": "marketing",
		"variants": map[string]any{"ja": map[string]any{"subject": "件名", "html": doc, "text": "本文"}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// hostile are values that a person may have given as a name.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `javascript:alert(1)`, ` JaVaScRiPt:alert(1)`,
	"java\nscript:alert(1)", `data:text/html,<script>alert(1)</script>`, `vbscript:x`, `{{ brand.name }}`, `{% include "/etc/passwd" %}`,
	`{{ 7 | times: 7 }}`, `${7*7}`, `<%= 7*7 %>`, `#{7*7}`, `{{constructor.constructor('return this')()}}`, "a\r\nBcc: victim@example.com",
	`"}],"to":"Uffff`, `\u003cscript\u003e`, `red;background:url(javascript:alert(1))`, `expression(alert(1))`, `--><script>alert(1)</script>`,
	`</title><script>alert(1)</script>`, "\x00\x01", `&lt;script&gt;`, `%3Cscript%3E`,
}

// everyPlace has a variable in every place where one may stand.
const everyPlace = `<!doctype html><html><head><title>{{ v }}</title><style>p{color:{{ c }}}</style></head><body><!-- {{ v }} --><p title="{{ v }}" data-x='{{ v }}'>{{ v }}</p>` +
	`<a href="https://shop.example/{{ v }}?q={{ v }}#{{ v }}">x</a>{% capture y %}<b>{{ v }}</b>{% endcapture %}{{ y }}{{ v | escape }}{{ v | upcase }}{{ v | newline_to_br }}<textarea>{{ v }}</textarea></body></html>`

// harmless fills everyPlace in and compares the tags with those that a plain value gives.
func harmless(t testing.TB, r *Renderer, v string) {
	t.Helper()
	structure := func(v string) (string, string) {
		vars, _ := json.Marshal(map[string]any{"v": v, "c": "red"})
		out, err := r.Preview([]byte(htmlTemplate(t, everyPlace)), testMessage("t", "email", string(vars)), -1, false)
		if err != nil {
			t.Errorf("%q: %v", v, err)
			return "", ""
		}
		return strings.ReplaceAll(skeleton(out.HTML), "br,", ""), out.HTML
	}
	clean, _ := structure("harmless")
	tags, doc := structure(v)
	if tags != clean {
		t.Errorf("%q changed the document: %s\nwant %s", v, tags, clean)
	}
	for _, bad := range []string{"root:", "49"} {
		if strings.Contains(doc, bad) && !strings.Contains(v, bad) && !strings.Contains(percent(v, ""), bad) && strings.ContainsAny(v, "{%") {
			t.Errorf("%q: the result has %q", v, bad)
		}
	}
}

// TestHostileValuesEverywhere puts each value into each place of a document: nothing of it becomes markup.
func TestHostileValuesEverywhere(t *testing.T) {
	t.Parallel()
	r := testRenderer(t, nil)
	for _, v := range hostile {
		harmless(t, r, v)
	}
}

func FuzzValues(f *testing.F) {
	for _, v := range hostile {
		f.Add(v)
	}
	r := testRenderer(f, nil)
	f.Fuzz(func(t *testing.T, v string) { harmless(t, r, v) })
}

// FuzzTemplates: whatever the source is, it is refused or rendered within its limits.
func FuzzTemplates(f *testing.F) {
	for _, s := range []string{everyPlace, `{% for x in list %}{{ x }}{% endfor %}`, `{% if a %}{% else %}{% endif %}`, `{{ a | truncate: 1000 }}`, `{% case a %}{% when 1 %}x{% endcase %}`,
		`{{ list | map: "a" | join: "," }}`, `{% assign x = a | split: "" | uniq | sort %}{{ x }}`, `{% raw %}{{ a }}{% endraw %}`, `{%- if a -%} x {%- endif -%}`, `{{ a | date: "%Y" }}`} {
		f.Add(s)
	}
	r := testRenderer(f, nil)
	f.Fuzz(func(t *testing.T, source string) {
		hung := time.AfterFunc(30*time.Second, func() { panic("hangs: " + source) })
		defer hung.Stop()
		_, _ = r.Preview([]byte(htmlTemplate(t, source)), testMessage("t", "email", `{"v":"x","c":"red","a":"2026-01-01","list":[1,"b",{"a":2},null]}`), -1, false)
	})
}

// skeleton lists the tags of a document with the names of their attributes.
func skeleton(doc string) string {
	var b strings.Builder
	p := &htmlPlace{}
	last := htmlText
	for i := range len(doc) {
		before := *p
		p.step(doc[i])
		if before.state == htmlAttr && p.state != htmlAttr {
			b.WriteString(" " + before.attr)
		}
		if p.state != last && (p.state == htmlText || p.state == htmlRaw) && before.state != htmlRaw && before.state != htmlComment && before.tag != "" {
			b.WriteString(before.tag + ",")
		}
		last = p.state
	}
	return b.String()
}

func TestAddressesThatRun(t *testing.T) {
	t.Parallel()
	r := testRenderer(t, nil)
	for _, doc := range []string{`<a href="{{ u }}">x</a>`, `<a href='{{ u }}'>x</a>`, `<img src="{{ u }}">`, `<form action="{{ u }}"></form>`, `<td background="{{ u }}"></td>`,
		`{% assign x = u %}<a href="{{ x }}">x</a>`, `{% capture x %}{{ u }}{% endcapture %}<a href="{{ x }}">x</a>`, `<a href="{% if u %}{{ u }}{% endif %}">x</a>`} {
		for _, u := range []string{"javascript:alert(1)", "JAVASCRIPT:alert(1)", " javascript:alert(1)", "java\tscript:alert(1)", "vbscript:x", "data:text/html,x", "file:///etc/passwd", "&#106;avascript:alert(1)"} {
			vars, _ := json.Marshal(map[string]any{"u": u})
			out, err := r.Preview([]byte(htmlTemplate(t, doc)), testMessage("t", "email", string(vars)), -1, false)
			if err == nil && !strings.Contains(out.HTML, "&amp;#106;") { // a path that only looks like an entity is harmless
				t.Errorf("%s with %q: %s", doc, u, out.HTML)
			}
		}
		for _, u := range []string{"https://shop.example/a?b=c&d=e", "mailto:a@b.example", "tel:0312345678", "/relative", "#top"} {
			vars, _ := json.Marshal(map[string]any{"u": u})
			if _, err := r.Preview([]byte(htmlTemplate(t, doc)), testMessage("t", "email", string(vars)), -1, false); err != nil {
				t.Errorf("%s with %q: %v", doc, u, err)
			}
		}
	}
	if _, err := r.Preview([]byte(htmlTemplate(t, `<a href="javascript:alert(1)">x</a>`)), testMessage("t", "email", ""), -1, false); err == nil {
		t.Error("a script in the template's own link is taken")
	}
}

func TestCheckTemplateRefuses(t *testing.T) {
	t.Parallel()
	f := func(doc, want string, line int) {
		t.Helper()
		err := CheckTemplate("t", []byte(htmlTemplate(t, doc)), nil)
		var e *enishi.Error
		if !errors.As(err, &e) || e.Code != enishi.Invalid || !strings.Contains(e.Msg, want) || e.Line != line || e.MsgJA == "" || e.Field != "variants.ja.html" {
			t.Errorf("%s: %+v, want %q in line %d", doc, err, want, line)
		}
	}
	f("<a href={{ u }}>x</a>", "quotes", 1)
	f("\n<p onclick=\"{{ u }}\">x</p>", "onclick", 2)
	f("<script>{{ u }}</script>", "script", 1)
	f("<{{ u }}>", "name a tag", 1)
	f("<p {{ u }}>", "name a tag", 1)
	f("<iframe srcdoc=\"{{ u }}\"></iframe>", "srcdoc", 1)
	f("{% include 'a' %}", "no tag include", 1)
	f("{% tablerow x in y %}{% endtablerow %}", "no tag tablerow", 1)
	f("{% __tick %}", "no tag __tick", 1)
	f("{{ x | __html }}", "may not begin with __", 1)
	f("{% assign r = (1..1000000000) %}", "range", 1)
	f("{{ (1..1000000000) | join }}", "range", 1)
	f("{% for i in (1..3) | reverse %}{% endfor %}", "range", 1)
	f("a\n{% if x %}b", "no endif", 2)
	f("{% endif %}", "ends nothing", 1)
	f("{% if x %}<a href=\"{% else %}<b>{% endif %}", "different places", 1)
	f("<p title=\"{% for x in y %}\"{% endfor %}>", "different places", 1)
	f("{{ x", "{{ has no }}", 1)
	f("{{ x | nosuch }}", "nosuch", 1)
	f("{{ x | inspect }}", "inspect", 1)
	f("{% assign a = x | type %}", "no filter type", 1)
	f("{{ x y z }}", "syntax error", 1)
	for body, want := range map[string]string{
		`{`:                   "unexpected EOF",
		`{"channel":"fax"}`:   "use one of email, line, sms, push, social, postal",
		`{"channel":"email"}`: "use marketing or transactional",
		`{"channel":"email","purpose":"marketing"}`:                                                                              "at least one language",
		`{"channel":"email","purpose":"marketing","variants":{"ja":{"html":"x"}}}`:                                               "subject",
		`{"channel":"email","purpose":"marketing","variants":{"ja":{"subject":"x"}}}`:                                            "html, text or both",
		`{"channel":"line","purpose":"marketing","variants":{"ja":{"subject":"x"}}}`:                                             "messages only",
		`{"channel":"line","purpose":"marketing","variants":{"ja":{"messages":[]}}}`:                                             "1 to 5",
		`{"channel":"line","purpose":"marketing","variants":{"ja":{"messages":[{"type":"text","text":"{{ x"}]}}}`:                "{{ has no }}",
		`{"name":"other","channel":"email","purpose":"marketing","variants":{"ja":{"subject":"x","html":"x"}}}`:                  "named",
		`{"channel":"email","purpose":"marketing","variants":{"ja":{"subject":"x","htlm":"x"}}}`:                                 "htlm",
		`{"channel":"line","purpose":"marketing","variants":{"ja":{"messages":"[{\"type\":\"text\",\"text\":\"\\{{ x }}\"}]"}}}`: "backslash",
		`{"channel":"email","purpose":"marketing","variants":{"ja":{"subject":"x","html":"x"}}} {}`:                              "stands after",
	} {
		if err := CheckTemplate("t", []byte(body), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}

// TestLimits: endless loops and growing texts end in time, with a reason.
func TestLimits(t *testing.T) {
	t.Parallel()
	log := definitions.NewLog()
	r, err := NewRenderer(RendererConfig{Definitions: log, BaseURL: "https://x.example", Key: []byte("0123456789abcdef"), Brand: map[string]any{"name": "x"}})
	if err != nil {
		t.Fatal(err)
	}
	for doc, want := range map[string]string{
		`{% for i in (1..1000000000) %}{% endfor %}`:                                                             "more than 100000 steps",
		`{% for i in (1..1000000000) %}x{% endfor %}`:                                                            "", // either limit
		`{% for i in (1..100000) %}{% for j in (1..100000) %}{% assign a = i %}{% endfor %}{% endfor %}`:         "more than 100000 steps",
		`{% assign a = "xxxxxxxxxx" %}{% for i in (1..60) %}{% assign a = a | append: a %}{% endfor %}{{ a }}`:   "more than 512 KB",
		`{% assign a = "xxxxxxxxxx" %}{% for i in (1..60) %}{% assign a = a | replace: "x", "xx" %}{% endfor %}`: "more than 512 KB",
		`{% assign a = "x" | split: "" %}{% for i in (1..60) %}{% assign a = a | concat: a %}{% endfor %}`:       "more than 512 KB",
		`{% for i in (1..60) %}{% capture a %}{{ a }}{{ a }}xxxxxxxxxxxx{% endcapture %}{% endfor %}`:            "", // the missing a, or the limit
		`{{ "x" | truncate: 100000 }}{{ "abc" | truncate: 1 }}{{ "abc" | slice: 10, 5 }}{{ "" | capitalize }}`:   "ok",
		`{{ "x" | date: "%Y" }}`:  "error",
		`{{ 1 | divided_by: 0 }}`: "error",
	} {
		start := time.Now()
		_, err := r.Preview([]byte(htmlTemplate(t, doc)), testMessage("t", "email", ""), -1, false)
		if d := time.Since(start); d > time.Minute { // a loaded machine is slow; without the limits it would be for ever
			t.Errorf("%s took %v", doc, d)
		}
		switch {
		case want == "ok":
			if err != nil {
				t.Errorf("%s: %v", doc, err)
			}
		case err == nil:
			t.Errorf("%s: no error", doc)
		case want != "error" && !strings.Contains(err.Error(), want):
			t.Errorf("%s: %v, want %q", doc, err, want)
		}
	}
}

func TestMissingVariables(t *testing.T) {
	t.Parallel()
	r := testRenderer(t, nil)
	f := func(doc, vars, want string, fails bool) {
		t.Helper()
		out, err := r.Preview([]byte(htmlTemplate(t, doc)), testMessage("t", "email", vars), -1, false)
		switch {
		case fails && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", doc, err, want)
		case !fails && (err != nil || !strings.Contains(out.HTML, want)):
			t.Errorf("%s: %v", doc, err)
		}
		if err != nil && strings.Contains(err.Error(), "__") {
			t.Errorf("our own filters show: %v", err)
		}
	}
	f("\n\n{{ order.total }}", `{}`, "line 3", true)
	f("{{ order.total }}", `{"order":{}}`, "no value in {{ order.total }}", true)
	f("{{ order.total }}", `{"order":{"total":null}}`, "no value", true)
	f("[{{ order.note }}]", `{"order":{"note":""}}`, "[]", false)
	f(`[{{ order.total | default: "—" }}]`, `{}`, "[—]", false)
	f(`[{% if order.total %}{{ order.total }}{% endif %}]`, `{}`, "[]", false)
	f(`{{ order.total | yen }} {{ n | number }}`, `{"order":{"total":"1234567"},"n":12345.5}`, "¥1,234,567 12,345.5", false)
	f(`{{ n }}`, `{"n":3}`, "3", false)
	f(`{{ n }}`, `{`, "variables of the message", true)
}

func TestVariants(t *testing.T) {
	t.Parallel()
	body := func(langs ...string) []byte {
		v := map[string]any{}
		for _, l := range langs {
			v[l] = map[string]any{"subject": "in " + l, "text": "x"}
		}
		b, _ := json.Marshal(map[string]any{"channel": "email", "purpose": "transactional", "variants": v})
		return b
	}
	r := testRenderer(t, nil)
	f := func(language, want string, langs ...string) {
		t.Helper()
		m := testMessage("t", "email", "")
		m.Language = language
		out, err := r.Preview(body(langs...), m, -1, false)
		if err != nil || out.Subject != "in "+want || out.Language != want {
			t.Errorf("%s of %v: %+v %v, want %s", language, langs, out, err, want)
		}
	}
	f("ja", "ja", "ja", "en")
	f("en-GB", "en", "ja", "en")
	f("fr", "ja", "ja", "en")
	f("fr", "en", "zh", "en")
	f("fr", "ko", "ko", "zh")
	f("", "ja", "ja", "en")
}

func TestSubjectIsOneLine(t *testing.T) {
	t.Parallel()
	body := `{"channel":"email","purpose":"transactional","variants":{"ja":{"subject":"{{ v }} 様\n","preheader":"{{ v }}","from_name":"{{ v }}","html":"<p>x</p>"}}}`
	r := testRenderer(t, nil)
	for _, v := range hostile {
		vars, _ := json.Marshal(map[string]any{"v": v})
		out, err := r.Preview([]byte(body), testMessage("t", "email", string(vars)), -1, false)
		if err != nil {
			t.Errorf("%q: %v", v, err)
			continue
		}
		if strings.ContainsAny(out.Subject+out.FromName, "\r\n\x00") {
			t.Errorf("%q: subject %q, name %q", v, out.Subject, out.FromName)
		}
		if strings.Contains(out.HTML, v) && strings.ContainsAny(v, "<>") {
			t.Errorf("%q stands in the preheader as it is", v)
		}
	}
}

// TestAdvertisementIsNeverWithoutUnsubscribe: a template that forgot it gets the footer that the law asks for.
func TestAdvertisementIsNeverWithoutUnsubscribe(t *testing.T) {
	t.Parallel()
	r := testRenderer(t, nil)
	out, err := r.Preview([]byte(htmlTemplate(t, "<html><body><p>セール</p></body></html>")), testMessage("t", "email", ""), -1, false)
	if err != nil {
		t.Fatal(err)
	}
	for part, s := range map[string]string{"html": out.HTML, "text": out.Text} {
		for _, owed := range []string{out.Unsubscribe, "東京都港区", "help@hana.example", "配信を停止する"} {
			if !strings.Contains(s, owed) {
				t.Errorf("the %s lacks %q", part, owed)
			}
		}
	}
	if !strings.HasSuffix(out.HTML, "</body></html>") {
		t.Errorf("the footer stands outside: %s", out.HTML)
	}
	// A journey that calls itself transactional does not make an advertisement a notice.
	m := testMessage("t", "email", "")
	m.Purpose = "transactional"
	if out, err = r.Preview([]byte(htmlTemplate(t, "<p>x</p>")), m, -1, false); err != nil || out.Unsubscribe == "" || out.Purpose != "marketing" {
		t.Errorf("%+v %v", out, err)
	}
}

func TestTemplateVersions(t *testing.T) {
	t.Parallel()
	r := testRenderer(t, map[string]string{"a": strings.Replace(htmlTemplate(t, "<p>one</p>"), `"name":"t"`, `"name":"a"`, 1)})
	m := testMessage("a", "email", "")
	m.TemplateVersion = 2 // offset 1
	if out, err := r.Render(context.Background(), m); err != nil || !strings.Contains(out.HTML, "one") {
		t.Errorf("%v", err)
	}
	m.TemplateVersion = 1 // the brand
	if _, err := r.Render(context.Background(), m); err == nil || !strings.Contains(err.Error(), "no version 1 of template a") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	m.TemplateVersion = 99 // has not arrived here
	var e *SendError
	if _, err := r.Render(ctx, m); !errors.As(err, &e) || e.verdict != verdictRetry {
		t.Errorf("a version that has not arrived: %v", err)
	}
}

func TestTextOf(t *testing.T) {
	t.Parallel()
	f := func(doc, want string) {
		t.Helper()
		if got := textOf(doc); got != want {
			t.Errorf("%s\n gave %q\n want %q", doc, got, want)
		}
	}
	f("<p>a</p><p>b &amp; c</p>", "a\n\nb & c\n")
	f("<style>p{}</style><title>t</title><script>x</script><!-- c -->a<br>b", "a\nb\n")
	f(`<a href="https://x.example/?a=1&amp;b=2">here</a>.`, "here https://x.example/?a=1&b=2.\n")
	f("<table><tr><td>a</td><td>b</td></tr></table>", "a b\n")
	f("<>< a < b", "<>< a < b\n")
	f("", "\n")
}

// TestShopLink: the link to the shop is the settings', else the site of the brand kit.
func TestShopLink(t *testing.T) {
	t.Parallel()
	r, add := testDefinitions(t)
	add("setting", "brand", `{"name":"花の店","url":"https://hana.example/"}`)
	body := []byte(`{"channel":"email","purpose":"transactional","variants":{"ja":{"subject":"件名","text":"{{ links.shop }}"}}}`)
	f := func(variables, want string) {
		t.Helper()
		got, err := r.Preview(body, testMessage("t", "email", variables), 0, false)
		if err != nil || !strings.HasPrefix(got.Text, want+"\n") {
			t.Errorf("%s: %+v, %v", variables, got, err)
		}
	}
	f(`{}`, "https://hana.example/")
	f(`{"links":{"shop":"https://hana.example/sale"}}`, "https://hana.example/sale")
}

// TestCartNow: what is sold out drops out of a cart in advertising, prices and the sum are those of now, and nothing leaves when
// nothing is left.
func TestCartNow(t *testing.T) {
	t.Parallel()
	r := testRenderer(t, nil)
	catalogue := map[string]Product{"P1": {Price: 2970 * enishi.Unit, Currency: "JPY", Available: true}, "P2": {Currency: "JPY"}}
	r.cfg.Product = func(id string) (Product, bool) { p, ok := catalogue[id]; return p, ok }
	m := testMessage("t", "email", `{"cart":{"value":"¥8,400","value_value":"8400","items":5,"lines":[{"product_id":"P1","quantity":2,"price":"¥3,300","price_value":"3300"},{"product_id":"P2","quantity":2,"price":"¥500","price_value":"500"},{"product_id":"P3","quantity":1,"price":"¥800","price_value":"800"}]}}`)
	m.Content = `{"channel":"email","purpose":"marketing","variants":{"ja":{"subject":"件名","text":"{% for l in cart.lines %}{{ l.product_id }} {{ l.price }}×{{ l.quantity }} {% endfor %}{{ cart.items }} 点 {{ cart.value }}\n{{ links.unsubscribe }}"}}}`
	got, err := r.Render(t.Context(), m)
	if err != nil || !strings.HasPrefix(got.Text, "P1 ¥2,970×2 P3 ¥800×1 3 点 ¥6,740") {
		t.Errorf("got %v, %v", got, err)
	}
	catalogue["P1"], catalogue["P3"] = Product{}, Product{}
	var refused *SendError
	if _, err := r.Render(t.Context(), m); !errors.As(err, &refused) || refused.Verdict() != "refused" || refused.Reason != "sold_out" {
		t.Errorf("got %v", err)
	}
	if got, err := r.Preview([]byte(m.Content), m, 0, false); err != nil || !strings.Contains(got.Text, "P1") {
		t.Errorf("a preview shows what was in it: %v, %v", got, err)
	}
	more := *m
	more.Variables = strings.Replace(m.Variables, `"items":5`, `"items":9,"more_lines":4`, 1)
	if _, err := r.Render(t.Context(), &more); err != nil {
		t.Errorf("what is not listed may be there: %v", err)
	}
	test := *m
	test.Purpose = TestPurpose
	if _, err := r.Render(t.Context(), &test); err != nil {
		t.Errorf("a test leaves: %v", err)
	}
}

// TestProductsNow: price and stock are those of the catalogue when the message leaves; what the message speaks of stays.
func TestProductsNow(t *testing.T) {
	t.Parallel()
	r := testRenderer(t, nil)
	r.cfg.Product = func(id string) (Product, bool) {
		p, ok := map[string]Product{"P1": {Price: 2970 * enishi.Unit, Available: true, Stock: 3, Counted: true}, "P2": {Counted: true}}[id]
		return p, ok
	}
	body := []byte(`{"channel":"email","purpose":"transactional","variants":{"ja":{"subject":"件名","text":"{% for l in cart.lines %}{{ l.product_id }} {% if l.available %}{{ l.price }} {{ l.price_now }}{% if l.stock < 5 %} 残りわずか{% endif %}{% else %}売り切れ{% endif %}\n{% endfor %}"}}}`)
	m := testMessage("t", "email", `{"cart":{"lines":[{"product_id":"P1","price":"¥3,300"},{"product_id":"P2","price":"¥500"},{"product_id":"P3","price":"¥800"}]}}`)
	m.Purpose = "transactional"
	got, err := r.Preview(body, m, 0, false)
	if want := "P1 ¥3,300 ¥2,970 残りわずか\nP2 売り切れ\nP3 ¥800 ¥800"; err != nil || !strings.HasPrefix(got.Text, want) {
		t.Errorf("got %v, %v", got, err)
	}
}
