package channels

import (
	"encoding/json"
	"strings"
	"testing"

	"enishi"
	"enishi/channels/lint"
)

// mailBody is a mail template of the parts given as JSON members, with one Japanese variant.
func mailBody(head, variant string) []byte {
	if head != "" {
		head = "," + head
	}
	return []byte(`{"channel":"email","purpose":"marketing"` + head + `,"variants":{"ja":{` + variant + `}}}`)
}

func TestTemplateBodyRefuses(t *testing.T) {
	t.Parallel()
	f := func(body []byte, want string) {
		t.Helper()
		err := CheckTemplate("t", body, nil)
		if enishi.ErrorCode(err) != enishi.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
	f(mailBody("", `"subject":"a","text":"b","colour":1`), `unknown field "colour"`)
	f(mailBody("", `"subject":[],"text":"b"`), "needs a subject")
	f(mailBody("", `"subject":["a",""],"text":"b"`), "is empty")
	f(mailBody("", `"subject":["a","b"],"preheader":["c","d","e"],"text":"b"`), "equally long")
	f(mailBody("", `"subject":["1","2","3","4","5","6","7","8","9","10","11"],"text":"b"`), "at most 10")
	f(mailBody("", `"subject":"a","source":{"kind":"mjml","mjml":"<mjml/>"}`), "HTML made of this mjml is missing")
	f(mailBody("", `"subject":"a","html":"<p>","source":{"kind":"mjml"}`), "the MJML is missing")
	f(mailBody("", `"subject":"a","html":"<p>","source":{"kind":"word"}`), "use blocks, mjml or html")
	f(mailBody("", `"subject":"a","html":"<p>","source":{"kind":"blocks","blocks":[{"id":"a"},{"id":"a"}]}`), "id of its own")
	f(mailBody(`"missing":"skip"`, `"subject":"a","text":"b"`), "use refuse, blank or default")
	f(mailBody(`"defaults":{"a":{"ja":"b"}}`, `"subject":"a","text":"b"`), "missing: default only")
	f(mailBody(`"overrides":[{"code":"words.claim","reason":"","by":"x"}]`, `"subject":"a","text":"b"`), "names the finding")
	f(mailBody("", `"subject":"a","text":"{% block \"footer\" %}"`), `no block "footer"`)
	f(mailBody("", `"subject":"a","text":"{% block footer %}"`), "in quotes")
	f([]byte(`{"channel":"line","purpose":"marketing","variants":{"ja":{"subject":"x","messages":[{"type":"text","text":"a"}]}}}`), "messages only")
}

// TestAlternatives: everybody always gets the same of the texts that are compared, about equally many each, and texts of
// one number go together.
func TestAlternatives(t *testing.T) {
	t.Parallel()
	r := testRenderer(t, nil)
	body := mailBody("", `"subject":["s1","s2","s3"],"preheader":["p1","p2","p3"],"from_name":"f","html":"<p>x</p>"`)
	n := map[string]int{}
	for i := range 3000 {
		m := testMessage("t", "email", "")
		m.Profile = enishi.NewID("person", string(rune(i)))
		out, err := r.Preview(body, m, -1, false)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"a": "1", "b": "2", "c": "3"}[out.Variant]
		if out.Subject != "s"+want || out.Preheader != "p"+want || out.FromName != "f" || out.Alternatives != 3 {
			t.Fatalf("variant %q: %q %q %q of %d", out.Variant, out.Subject, out.Preheader, out.FromName, out.Alternatives)
		}
		if again, err := r.Preview(body, m, -1, false); err != nil || again.Variant != out.Variant {
			t.Fatalf("the same person got %q and then %q: %v", out.Variant, again.Variant, err)
		}
		n[out.Variant]++
	}
	for v, got := range n {
		if got < 880 || got > 1120 { // 1000 with 4 and a half standard deviations
			t.Errorf("variant %s: %d of 3000", v, got)
		}
	}
	out, err := r.Preview(body, testMessage("t", "email", ""), 2, false)
	if err != nil || out.Subject != "s3" {
		t.Errorf("the third to be shown: %v %v", out, err)
	}
	out, err = r.Preview(mailBody("", `"subject":"s","text":"x"`), testMessage("t", "email", ""), -1, false)
	if err != nil || out.Variant != "" || out.Alternatives != 1 {
		t.Errorf("one text: %+v %v", out, err)
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	r := testRenderer(t, nil)
	f := func(head, text, want string) {
		t.Helper()
		m := testMessage("t", "email", `{"customer":{"given_name":"花子"},"order":{}}`)
		quoted, _ := json.Marshal(text)
		m.Purpose = transactional
		body := strings.Replace(string(mailBody(head, `"subject":"s","text":`+string(quoted))), `"marketing"`, `"transactional"`, 1)
		out, err := r.Preview([]byte(body), m, -1, false)
		got := ""
		if err != nil {
			got = "error: " + err.Error()
		} else {
			got = out.Text
		}
		if got != want {
			t.Errorf("%s %s: %q, want %q", head, text, got, want)
		}
	}
	f(``, `{{ customer.family_name }}様`, "error: variants.ja.text: line 1: the variable has no value in {{ customer.family_name }}")
	f(`"missing":"blank"`, `[{{ customer.family_name }}]`, "[]")
	f(`"missing":"default"`, `{{ customer.family_name }} 様、{{ customer.given_name }} 様`, "お客様、花子 様")
	f(`"missing":"default"`, `{{ order.total }}`, "error: variants.ja.text: line 1: the variable has no value in {{ order.total }}")
	f(`"missing":"default","defaults":{"order.total":{"ja":"未定"}}`, `{{ order.total }}`, "未定")
	f(`"missing":"default","defaults":{"order.total":{"ja":"未定"}}`, `{{ order.total | default: "?" }}`, "?")
	f(``, `{{ customer.family_name | sama }} {{ customer.given_name | sama }}`, "お客様 花子 様")

	m := testMessage("t", "email", `{}`)
	out, err := r.Preview(mailBody("", `"subject":"{{ order.order_id }}s","text":"{{ customer.full_name }}{{ order.order_id }}"`), m, -1, true)
	if err != nil || strings.Join(out.Missing, " ") != "customer.full_name order.order_id" {
		t.Errorf("missing: %v %v", out, err)
	}
}

func TestBlocks(t *testing.T) {
	t.Parallel()
	footer := func(text string) string {
		b, _ := json.Marshal(map[string]any{"variants": map[string]any{"ja": map[string]string{"html": text}}})
		return string(b)
	}
	r, add := testDefinitions(t)
	add("block", "footer", footer(`<p title="{{ customer.full_name }}">{{ brand.name }}<br>{% if customer.points > 0 %}{{ customer.points }}pt{% endif %}</p>`))
	body := mailBody("", `"subject":"s","html":"<body>\n{% block \"footer\" %}\n{{ customer.full_name }}</body>"`)
	m := testMessage("t", "email", `{"customer":{"full_name":"<b>\"佐藤\"</b>","points":5}}`)
	add("template", "t", string(body))
	for _, want := range []string{`<p title="&lt;b&gt;&#34;佐藤&#34;&lt;/b&gt;">花の店 &lt;Hana&gt; &amp; Co<br>5pt</p>`, "<i>新</i>"} {
		out, err := r.Render(t.Context(), m)
		if err != nil || !strings.Contains(out.HTML, want) {
			t.Fatalf("%v: %v\nwant %s", out, err, want)
		}
		add("block", "footer", footer("<i>新</i>")) // acts at once, on templates that are compiled already
	}
	if out, err := r.Preview(mailBody("", `"subject":"s","text":"a {% block 'footer' %} b"`), m, -1, false); err != nil || !strings.HasPrefix(out.Text, "a 新 b") {
		t.Errorf("in text: %+v %v", out, err)
	}
	if got := BlocksOf(body); len(got) != 1 || got[0] != "footer" {
		t.Errorf("blocks of a template: %v", got)
	}

	refuses := func(html, want string) {
		t.Helper()
		blocks := func(string) ([]byte, int64, bool) { return []byte(footer(html)), 1, true }
		err := CheckTemplate("t", body, blocks)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", html, err, want)
		}
	}
	refuses(`{% if a %}`, "does not close")
	refuses(`{% endif %}`, "ends nothing")
	refuses(`{% block "b" %}`, "another block")
	refuses(`<script>{{ a }}</script>`, "may not stand in a script")
	if err := CheckBlock("footer", []byte(footer(`<p>{{ a }}`))); err != nil {
		t.Error(err)
	}
	if err := CheckBlock("footer", []byte(`{"variants":{"ja":{}}}`)); err == nil {
		t.Error("an empty block is taken")
	}
}

func TestBrand(t *testing.T) {
	t.Parallel()
	r, add := testDefinitions(t)
	add("setting", "brand", `{"name":{"ja":"花の店","en":"Hana"},"address":"東京都","contact":"help@hana.example"}`)
	body := []byte(`{"channel":"email","purpose":"transactional","variants":{"ja":{"subject":"{{ brand.name }}","text":"x"},"en":{"subject":"{{ brand.name }}","text":"x"}}}`)
	for lang, want := range map[string]string{"ja": "花の店", "en": "Hana", "fr": "花の店"} {
		m := testMessage("t", "email", "")
		m.Language = lang
		if out, err := r.Preview(body, m, -1, false); err != nil || out.Subject != want || out.FromName != want {
			t.Errorf("%s: %+v %v", lang, out, err)
		}
	}
	add("setting", "templates", `{"languages":["ko","en"]}`)
	m := testMessage("t", "email", "")
	m.Language = "fr"
	if out, err := r.Preview(body, m, -1, false); err != nil || out.Language != "en" {
		t.Errorf("the chain of languages: %+v %v", out, err)
	}
	for body, want := range map[string]string{`{"nam":"x"}`: "has no nam", `{"colour":"red"}`: "#rrggbb", `{"logo":"logo.png"}`: "whole address",
		`{"tone":"x"}`: "list of words", `{"name":3}`: "one for each language"} {
		if err := CheckBrand([]byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
	if err := CheckBrand([]byte(`{"name":{"ja":"a","en":"b"},"colour":"#8c5a4a","logo":"https://a.example/l.png","avoid":["激安"]}`)); err != nil {
		t.Error(err)
	}
}

// TestOverridePart: a decision about one LINE message is not one about another; one about all of them holds for each.
func TestOverridePart(t *testing.T) {
	t.Parallel()
	f := func(decided, found string, want bool) {
		t.Helper()
		b := &templateBody{Overrides: []Override{{Code: "words.yakkiho", Part: decided}}}
		if got := b.override(&lint.Finding{Code: "words.yakkiho", Part: found}) != nil; got != want {
			t.Errorf("decided of %q, found in %q: %v", decided, found, got)
		}
	}
	const messages = "variants.ja.messages"
	f("", messages+"[1]", true)
	f(messages, messages+"[1]", true)
	f(messages+"[1]", messages+"[1]", true)
	f(messages+"[0]", messages+"[1]", false)
	f("variants.ja.text", messages+"[1]", false)
}
